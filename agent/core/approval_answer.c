#include "agent/core/approval_answer.h"

#include "policy/policy.h"
#include "wire/frames.h"

#include <string.h>

#define NS_A_S UINT64_C(1000000000)
#define NS_A_MS UINT64_C(1000000)

static bool is_named_before(const ch_approval *approval, size_t needed, size_t person)
{
    const char *name = approval->needed[needed].requirement.of.items[person];
    for (size_t i = 0; i < needed; i++) {
        const ch_text_list *of = &approval->needed[i].requirement.of;
        for (size_t k = 0; k < of->count; k++) {
            if (strcmp(of->items[k], name) == 0)
                return true;
        }
    }
    return false;
}

/* Appends everybody whom a requirement names, once. */
static void add_people(const ch_approval *approval, ch_records *list, ch_buffer *records)
{
    for (size_t i = 0; i < approval->needed_count; i++) {
        const ch_text_list *of = &approval->needed[i].requirement.of;
        for (size_t k = 0; k < of->count; k++) {
            ch_text_record name = {.bytes = ch_slice_of(of->items[k])};
            if (!is_named_before(approval, i, k))
                ch_text_record_put(list, records, &name);
        }
    }
}

static void add_rules(const ch_approval *approval, ch_records *list, ch_buffer *records)
{
    for (size_t i = 0; i < approval->needed_count; i++) {
        ch_text_record name = {.bytes = ch_slice_of(approval->needed[i].name)};
        ch_text_record_put(list, records, &name);
    }
}

static uint64_t seconds(uint64_t ns)
{
    return ns / NS_A_S + (ns % NS_A_S != 0);
}

ch_status ch_approval_answer(ch_asker asker, const ch_approval *approval, uint64_t now_ns, ch_records exchange_error,
                             ch_error *err)
{
    ch_autobuffer people = CH_BUFFER_INIT;
    ch_autobuffer rules = CH_BUFFER_INIT;
    ch_buffer *out = ch_asker_out(asker);
    const ch_approval_needs sum = ch_approval_sum(approval);
    ch_approval_state state = ch_approval_state_at(approval, now_ns);
    if (out == NULL)
        return CH_OK;
    ch_request_is_frame answer = {.request = approval->id,
                                  .state = ch_slice_of(ch_approval_state_name(state)),
                                  .key = ch_slice_of(approval->key),
                                  .approvals = sum.approvals,
                                  .needs_code = sum.needs_code,
                                  .delay_s = seconds(sum.delay_ns),
                                  .given = (uint32_t)approval->given.count,
                                  .asked_ms = approval->given.asked_ns / NS_A_MS,
                                  .ready_ms = sum.ready_ns / NS_A_MS,
                                  .why = ch_slice_of(approval->why),
                                  .exchange_error = exchange_error};
    if (state <= CH_APPROVAL_READY)
        answer.expires_ms = sum.expires_ns / NS_A_MS;
    else
        answer.ended_ms = ch_approval_end_ns(approval) / NS_A_MS;
    add_people(approval, &answer.of, &people);
    add_rules(approval, &answer.rules, &rules);
    return ch_request_is_frame_put(out, asker.request, &answer, err);
}
