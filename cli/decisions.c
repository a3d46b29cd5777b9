#include "cli/decisions.h"

#include "cli/dialog.h"
#include "wire/channel.h"
#include "wire/frame.h"
#include "wire/frames.h"

#define PAGE_MAX 200

typedef struct page {
    json_t *rows;
    uint64_t last; /* id on it */
    uint64_t left;
    bool is_last;
} page;

static const char *kind_name(uint8_t kind)
{
    static const char *const names[] = {"decision", "refusal", "return", "event"};
    return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

static json_t *record_json(ch_slice text)
{
    json_t *record = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    return record == NULL ? json_null() : record;
}

static ch_status take_page(void *context, ch_frame *frame, ch_error *err)
{
    page *self = context;
    ch_decisions_are_frame answer;
    ch_decision_record row;
    CH_TRY(ch_decisions_are_frame_get(frame, &answer, err));
    self->is_last = answer.is_last || answer.rows.count == 0;
    while (self->left > 0 && ch_decision_record_next(&answer.rows, &row)) {
        json_array_append_new(self->rows,
                              json_pack("{s:I s:s s:I s:o}", "id", (json_int_t)row.id, "kind", kind_name(row.kind),
                                        "of", (json_int_t)row.of, "record", record_json(row.record)));
        self->last = row.id;
        self->left--;
    }
    return CH_OK;
}

static ch_status read_page(const ch_arguments *arguments, page *self, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_dialog_part part = {CH_FRAME_DECISIONS_ARE, self, take_page, NULL};
    ch_decision_list_frame request = {.version = CH_FRAMES_VERSION, .after = self->last};
    request.limit = self->left < PAGE_MAX ? (uint32_t)self->left : PAGE_MAX;
    self->is_last = true;
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_decision_list_frame_put(ch_channel_out(&channel), 0, &request, err));
    return ch_dialog_ask(&channel, &part, err);
}

ch_status ch_decisions_read(const ch_arguments *arguments, uint64_t after, uint64_t limit, json_t *rows, ch_error *err)
{
    page pages = {.rows = rows, .last = after, .left = limit == 0 ? UINT64_MAX : limit};
    do
        CH_TRY(read_page(arguments, &pages, err));
    while (!pages.is_last && pages.left > 0);
    return CH_OK;
}
