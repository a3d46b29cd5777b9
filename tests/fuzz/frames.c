/* wire/frames.def is read three times: to make frames, to look through their lists, and to write what was read. */
#include "tests/fuzz/frames.h"

#include "tests/fuzz/fuzz.h"

#include <string.h>

/* ---- random fields ---- */

/* What names something in tests/fuzz/core.c, or means something to someone. */
static const char *const words[] = {
    "",          "main",        "cold",    "odd-all",      "odd-read",      "odd-jwt",
    "odd-other", "odd-cold",    "GET",     "POST",         "DELETE",        "PUT",
    "WS",        "PATCH",       "symbol",  "ODD-BTC",      "note",          "id",
    "count",     "7",           "-1",      "0.5",          "true",          "size",
    "kind",      "a",           "/stream", "/api/v1/twin", "level",         "orders",
    "exact",     "lot",         "hmac",    "oddball",      "/api/v1/lists", "/api/v1/batch",
    "stamp",     "AccessKey",   "pkcs11:", "ed25519",      "unlocked",      "CKR_DEVICE",
    "\xc3\xa9",  "a\"b&c=%41+", "\x80",    "\n",           "hmac-sha256",   "/api/v1/things",
    "money",     "bot",         "feed",    "one",          "two",           "ODD/EUR",
    "101.5",     "placed",
};

static uint8_t any_u8(dice *chance)
{
    return (uint8_t)(dice_chance(chance, 90) ? dice_below(chance, 8) : dice_next(chance));
}

static uint16_t any_u16(dice *chance)
{
    return (uint16_t)(dice_chance(chance, 90) ? dice_below(chance, 8) : dice_next(chance));
}

/* A version, a status, a cost. */
static uint32_t any_u32(dice *chance)
{
    if (dice_chance(chance, 50))
        return CH_FRAMES_VERSION;
    return (uint32_t)(dice_chance(chance, 80) ? dice_below(chance, 30) : dice_next(chance));
}

static uint64_t any_u64(dice *chance)
{
    return dice_chance(chance, 90) ? dice_below(chance, 8) : dice_next(chance);
}

static bool any_flag(dice *chance)
{
    return dice_chance(chance, 50);
}

static ch_slice any_bytes(dice *chance)
{
    static uint8_t noise[5000];
    if (dice_chance(chance, 85))
        return ch_slice_of(words[dice_below(chance, sizeof words / sizeof *words)]);
    size_t size = dice_chance(chance, 70) ? dice_below(chance, 80) : dice_below(chance, sizeof noise);
    memset(noise, 'a' + (int)dice_below(chance, 26), size);
    return (ch_slice){noise, size};
}

static ch_error any_error(dice *chance)
{
    static const ch_status likely[] = {CH_OK, CH_UNAVAILABLE, CH_WRONG_PIN, CH_TOKEN, CH_REFUSED, CH_NOT_FOUND};
    ch_error err = CH_ERROR_INIT;
    ch_slice text = any_bytes(chance);
    ch_status status = likely[dice_below(chance, sizeof likely / sizeof *likely)];
    if (status != CH_OK)
        ch_error_set(&err, status, "CKR_FUZZ", "%.*s", CH_SLICE_ARGS(text));
    return err;
}

static size_t any_count(dice *chance)
{
    return dice_chance(chance, 97) ? dice_below(chance, 5) : dice_below(chance, 700);
}

/* ---- frames made ---- */

/* A frame has at most two lists of each kind of record, so each kind has two buffers. */
#define NO_FIELDS (void)made, (void)chance;
#define FIELD(type, name) made->name = any_##type(chance);
#define LIST(record, name) made->name = any_##record##_records(chance);
#define RECORD(name, ...)                                                                                              \
    static ch_records any_##name##_records(dice *chance)                                                               \
    {                                                                                                                  \
        static ch_buffer buffers[2];                                                                                   \
        static size_t turn;                                                                                            \
        ch_buffer *bytes = &buffers[turn++ % 2];                                                                       \
        ch_records list = {0};                                                                                         \
        ch_buffer_clear(bytes);                                                                                        \
        for (size_t i = any_count(chance); i > 0; i--) {                                                               \
            ch_##name##_record record;                                                                                 \
            ch_##name##_record *made = &record;                                                                        \
            __VA_ARGS__                                                                                                \
            ch_##name##_record_put(&list, bytes, &record);                                                             \
        }                                                                                                              \
        return list;                                                                                                   \
    }
#define FRAME(NAME, name, number, direction, id_, states, with, ...)                                                   \
    static void add_##name(dice *chance, ch_buffer *packet, uint64_t id)                                               \
    {                                                                                                                  \
        ch_error err = CH_ERROR_INIT;                                                                                  \
        ch_##name##_frame frame;                                                                                       \
        ch_##name##_frame *made = &frame;                                                                              \
        __VA_ARGS__                                                                                                    \
        fuzz_check_error(ch_##name##_frame_put(packet, id, &frame, &err), &err);                                       \
    }
#include "wire/frames.def"
#undef NO_FIELDS
#undef FIELD
#undef LIST
#undef RECORD
#undef FRAME

/* ---- frames read ---- */

/* As many records can be taken off a list as it says that it holds. */
#define NO_FIELDS (void)read;
#define FIELD(type, name) (void)read->name;
#define LIST(record, name)                                                                                             \
    {                                                                                                                  \
        ch_records list = read->name;                                                                                  \
        ch_##record##_record item;                                                                                     \
        size_t count = 0;                                                                                              \
        while (ch_##record##_record_next(&list, &item))                                                                \
            count++;                                                                                                   \
        FUZZ_CHECK(count == read->name.count && list.records.size == 0);                                               \
    }
#define RECORD(name, ...)
/* An error may lose bytes that cannot be shown when it is read; the second time it stays as it is. */
#define FRAME(NAME, name, number, direction, id_, states, with, ...)                                                   \
    static ch_status check_##name(const ch_frame *given)                                                               \
    {                                                                                                                  \
        ch_error err = CH_ERROR_INIT;                                                                                  \
        ch_frame frame = *given;                                                                                       \
        ch_##name##_frame value;                                                                                       \
        ch_autobuffer first = CH_BUFFER_INIT;                                                                          \
        ch_autobuffer second = CH_BUFFER_INIT;                                                                         \
        ch_status st = ch_##name##_frame_get(&frame, &value, &err);                                                    \
        fuzz_check_error(st, &err);                                                                                    \
        CH_TRY(st);                                                                                                    \
        const ch_##name##_frame *read = &value;                                                                        \
        __VA_ARGS__                                                                                                    \
        FUZZ_CHECK(ch_##name##_frame_put(&first, given->id, &value, &err) == CH_OK);                                   \
        ch_slice packet = ch_buffer_slice(&first);                                                                     \
        FUZZ_CHECK(ch_frame_next(&packet, &frame) && packet.size == 0 && frame.id == given->id);                       \
        FUZZ_CHECK(ch_##name##_frame_get(&frame, &value, &err) == CH_OK);                                              \
        FUZZ_CHECK(ch_##name##_frame_put(&second, given->id, &value, &err) == CH_OK);                                  \
        FUZZ_CHECK(ch_slice_equal(ch_buffer_slice(&first), ch_buffer_slice(&second)));                                 \
        return CH_OK;                                                                                                  \
    }
#include "wire/frames.def"
#undef NO_FIELDS
#undef FIELD
#undef LIST
#undef RECORD
#undef FRAME

static const struct {
    uint16_t type;
    ch_direction direction;
    void (*add)(dice *chance, ch_buffer *packet, uint64_t id);
    ch_status (*check)(const ch_frame *frame);
} rows[] = {
#define RECORD(name, ...)
#define FRAME(NAME, name, number, direction, id, states, with, ...) {number, CH_##direction, add_##name, check_##name},
#include "wire/frames.def"
#undef RECORD
#undef FRAME
};
#define ROW_COUNT (sizeof rows / sizeof *rows)

static void add_row(dice *chance, size_t row, ch_buffer *packet)
{
    rows[row].add(chance, packet, any_u64(chance));
}

void fuzz_add_any_frame(dice *chance, ch_buffer *packet)
{
    add_row(chance, dice_below(chance, ROW_COUNT), packet);
}

void fuzz_add_frame(dice *chance, ch_direction direction, ch_buffer *packet)
{
    size_t row;
    do {
        row = dice_below(chance, ROW_COUNT);
    } while (rows[row].direction != direction);
    add_row(chance, row, packet);
}

ch_status fuzz_check_frame(const ch_frame *frame)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].type == frame->type)
            return rows[i].check(frame);
    }
    return CH_NOT_FOUND;
}

void fuzz_check_packet(ch_slice packet, ch_direction direction, ch_receiving state)
{
    ch_error err = CH_ERROR_INIT;
    ch_frame frame;
    FUZZ_CHECK(packet.size <= CH_PACKET_MAX);
    while (ch_frame_next(&packet, &frame)) {
        bool has_descriptor = frame.type == CH_FRAME_CONNECTION || frame.type == CH_FRAME_LOGIN ||
                              frame.type == CH_FRAME_LOGIN_CODE || frame.type == CH_FRAME_CODE;
        FUZZ_CHECK(ch_frame_admit(frame.type, direction, state, has_descriptor, &err) == CH_OK);
        FUZZ_CHECK(fuzz_check_frame(&frame) == CH_OK);
    }
    FUZZ_CHECK(packet.size == 0);
}
