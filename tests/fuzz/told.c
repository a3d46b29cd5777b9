#include "tests/fuzz/told.h"

#include "tests/fuzz/fuzz.h"
#include "wire/frames.h"

#include <string.h>

bool fuzz_is_answer(uint16_t type)
{
    return (type >= CH_FRAME_SIGNED && type <= CH_FRAME_STATUS_IS) || type == CH_FRAME_TIME_IS ||
           (type >= CH_FRAME_CHECKED && type <= CH_FRAME_RELEASED);
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

void fuzz_patch(uint8_t *at, const uint64_t *ids, size_t count)
{
    uint64_t id;
    memcpy(&id, at, sizeof id);
    if (count > 0 && id < FUZZ_IDS_MAX)
        memcpy(at, &ids[id % count], sizeof id);
}

bool fuzz_names_connection(uint16_t type)
{
    return type == CH_FRAME_SIGN || type == CH_FRAME_LIST_KEYS || type == CH_FRAME_GET_STATUS ||
           (type >= CH_FRAME_GET_LIMITS && type <= CH_FRAME_RELEASE);
}
