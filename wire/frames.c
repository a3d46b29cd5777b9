/* Everything here is made from wire/frames.def; to add a frame, add a row there. */
#include "wire/frames.h"

/* ---- put ---- */

#define NO_FIELDS (void)value;
#define FIELD(type, name) ch_put_##type(out, value->name);
#define LIST(record, name) ch_put_records(out, value->name);

#define RECORD(name, ...)                                                                                              \
    void ch_##name##_record_put(ch_records *list, ch_buffer *out, const ch_##name##_record *value)                     \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
        list->count++;                                                                                                 \
        list->records = ch_buffer_slice(out);                                                                          \
    }
#define FRAME(NAME, name, number, direction, id_, states, with, ...)                                                   \
    ch_status ch_##name##_frame_put(ch_buffer *out, uint64_t id, const ch_##name##_frame *value, ch_error *err)        \
    {                                                                                                                  \
        size_t begin = ch_frame_begin(out, number, id);                                                                \
        __VA_ARGS__                                                                                                    \
        return ch_frame_end(out, begin, err);                                                                          \
    }
#include "wire/frames.def"
#undef RECORD
#undef FRAME
#undef FIELD
#undef LIST
#undef NO_FIELDS

/* ---- get ---- */

static ch_status finish_reading(const ch_frame *frame, const char *name, ch_error *err)
{
    return ch_frame_is_read(frame) ? CH_OK : ch_fail(err, CH_INTERNAL, "a malformed %s frame came", name);
}

#define NO_FIELDS (void)value;
#define FIELD(type, name) value->name = ch_get_##type(frame);
#define LIST(record, name) value->name = ch_get_records(frame, skip_##record);

#define RECORD(name, ...)                                                                                              \
    static void read_##name(ch_frame *frame, ch_##name##_record *value)                                                \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }                                                                                                                  \
    static void skip_##name(ch_frame *frame)                                                                           \
    {                                                                                                                  \
        ch_##name##_record skipped;                                                                                    \
        read_##name(frame, &skipped);                                                                                  \
    }                                                                                                                  \
    bool ch_##name##_record_next(ch_records *list, ch_##name##_record *out)                                            \
    {                                                                                                                  \
        if (list->count == 0)                                                                                          \
            return false;                                                                                              \
        ch_frame records = {.at = list->records.data, .end = list->records.data + list->records.size};                 \
        read_##name(&records, out);                                                                                    \
        list->count--;                                                                                                 \
        list->records = (ch_slice){records.at, (size_t)(records.end - records.at)};                                    \
        return !records.is_broken;                                                                                     \
    }
#define FRAME(NAME, name, ...)
#include "wire/frames.def"
#undef RECORD
#undef FRAME

#define RECORD(name, ...)
#define FRAME(NAME, name, number, direction, id, states, with, ...)                                                    \
    ch_status ch_##name##_frame_get(ch_frame *frame, ch_##name##_frame *value, ch_error *err)                          \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
        return finish_reading(frame, #NAME, err);                                                                      \
    }
#include "wire/frames.def"
#undef RECORD
#undef FRAME
#undef FIELD
#undef LIST
#undef NO_FIELDS

/* ---- who accepts what ---- */

enum { WITH_NOTHING, WITH_SOCKET, WITH_PIN_PIPE };
enum {
    STARTING = CH_WHILE_STARTING,
    TAKING_KEYS = CH_WHILE_TAKING_KEYS,
    SERVING = CH_WHILE_SERVING,
    LOCKED = CH_WHILE_LOCKED,
    LOGGING_IN = CH_WHILE_LOGGING_IN,
    LOCKING = CH_WHILE_LOCKING,
    ASKING = CH_WHILE_ASKING,
    WAITING = CH_WHILE_WAITING,
    FINDING = CH_WHILE_FINDING,
};

typedef struct frame_row {
    const char *name; /* NULL: there is no such frame */
    ch_direction direction;
    unsigned states;
    bool has_descriptor;
} frame_row;

static const frame_row rows[256] = {
#define RECORD(name, ...)
#define FRAME(NAME, name, number, direction, id, states, with, ...)                                                    \
    [number] = {#NAME, CH_##direction, states, WITH_##with != WITH_NOTHING},
#include "wire/frames.def"
#undef RECORD
#undef FRAME
};

static const frame_row *find_row(uint16_t type)
{
    return type < sizeof rows / sizeof *rows && rows[type].name != NULL ? &rows[type] : NULL;
}

const char *ch_frame_name(uint16_t type)
{
    const frame_row *row = find_row(type);
    return row == NULL ? "unknown" : row->name;
}

static const char *state_name(ch_receiving state)
{
    switch (state) {
    case CH_WHILE_STARTING:
        return "starting";
    case CH_WHILE_TAKING_KEYS:
        return "taking keys";
    case CH_WHILE_SERVING:
        return "serving";
    case CH_WHILE_LOCKED:
        return "locked";
    case CH_WHILE_LOGGING_IN:
        return "logging in";
    case CH_WHILE_LOCKING:
        return "locking";
    case CH_WHILE_ASKING:
        return "waiting for a request";
    case CH_WHILE_WAITING:
        return "waiting for an answer";
    case CH_WHILE_FINDING:
        return "finding keys";
    }
    return "in no state";
}

ch_status ch_frame_admit(uint16_t type, ch_direction direction, ch_receiving state, bool has_descriptor, ch_error *err)
{
    const frame_row *row = find_row(type);
    if (row == NULL)
        return ch_fail(err, CH_INTERNAL, "frame %u is unknown", type);
    if (row->direction != direction)
        return ch_fail(err, CH_INTERNAL, "frame %s is not its to send", row->name);
    if ((row->states & state) == 0)
        return ch_fail(err, CH_INTERNAL, "frame %s is not accepted while %s", row->name, state_name(state));
    if (row->has_descriptor != has_descriptor)
        return ch_fail(err, CH_INTERNAL, "frame %s came %s a descriptor", row->name,
                       has_descriptor ? "with" : "without");
    return CH_OK;
}
