#include "tests/fuzz/told.h"

#include "tests/fuzz/fuzz.h"
#include "wire/frames.h"

#include <string.h>

typedef enum id_kind { ID_NONE, ID_CONNECTION, ID_REQUEST, ID_JOB } id_kind;

/* What wire/frames.def says of it. */
static bool has_request_id(uint16_t type, ch_direction direction)
{
    switch (type) {
#define RECORD(name, ...)
#define FRAME(NAME, name, number, from, id, ...)                                                                       \
    case CH_FRAME_##NAME:                                                                                              \
        return ID_##id == ID_REQUEST && CH_##from == direction;
#include "wire/frames.def"
#undef RECORD
#undef FRAME
    default:
        return false;
    }
}

bool fuzz_is_question(uint16_t type)
{
    return has_request_id(type, CH_FRONT_TO_CORE);
}

bool fuzz_is_answer(uint16_t type)
{
    return has_request_id(type, CH_CORE_TO_FRONT);
}

bool fuzz_names_connection(uint16_t type)
{
    return fuzz_is_question(type) && type != CH_FRAME_GET_TIME;
}

bool fuzz_names_request(uint16_t type)
{
    return type == CH_FRAME_GET_REQUEST || type == CH_FRAME_FETCH || type == CH_FRAME_WITHDRAW;
}

uint64_t fuzz_reservation_of(const ch_frame *frame)
{
    ch_frame copy = *frame;
    ch_error err = CH_ERROR_INIT;
    ch_signed_frame finished = {0};
    ch_signature_only_frame signature = {0};
    if (frame->type == CH_FRAME_SIGNED)
        FUZZ_CHECK(ch_signed_frame_get(&copy, &finished, &err) == CH_OK);
    else if (frame->type == CH_FRAME_SIGNATURE_ONLY)
        FUZZ_CHECK(ch_signature_only_frame_get(&copy, &signature, &err) == CH_OK);
    return finished.reservation + signature.reservation;
}

uint64_t fuzz_request_of(const ch_frame *frame)
{
    ch_frame copy = *frame;
    ch_error err = CH_ERROR_INIT;
    ch_request_is_frame told = {0};
    if (frame->type == CH_FRAME_REQUEST_IS)
        FUZZ_CHECK(ch_request_is_frame_get(&copy, &told, &err) == CH_OK);
    return told.request;
}

void fuzz_patch(uint8_t *at, const uint64_t *ids, size_t count)
{
    uint64_t id;
    memcpy(&id, at, sizeof id);
    if (count > 0 && id < FUZZ_IDS_MAX)
        memcpy(at, &ids[id % count], sizeof id);
}
