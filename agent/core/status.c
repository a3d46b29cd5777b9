#include "agent/core/status.h"

#include "base/clock.h"
#include "exchange/profile.h"
#include "policy/decide.h"
#include "wire/frames.h"

static void add_key(const ch_status_context *context, const ch_key *key, ch_records *keys, ch_buffer *records)
{
    const ch_token_link *link = context->links[key->token];
    ch_listed_key_record record = {.name = ch_slice_of(key->name),
                                   .profile = ch_slice_of(ch_profile_name(key->profile)),
                                   .scheme = ch_slice_of(ch_scheme_name(key->scheme)),
                                   .key_id = ch_slice_of(key->key_id),
                                   .token = ch_slice_of(ch_token_link_name(link)),
                                   .is_ready = ch_token_link_is_ready(link, key->token_key)};
    ch_listed_key_record_put(keys, records, &record);
}

static ch_status list_keys(const ch_status_context *context, ch_asker asker, const ch_list_keys_frame *list,
                           ch_error *err)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_key_list_frame answer = {0};
    const ch_peer *caller = ch_connections_peer(context->connections, asker.front, list->connection);
    if (caller == NULL)
        return ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
    for (size_t i = 0; i < context->policy->key_count; i++) {
        const ch_key *key = &context->policy->keys[i];
        if (ch_policy_may_see(key, caller))
            add_key(context, key, &answer.keys, &records);
    }
    ch_buffer *out = ch_front_link_out(asker);
    return out == NULL ? CH_OK : ch_key_list_frame_put(out, asker.request, &answer, err);
}

void ch_status_list_keys(const ch_status_context *context, ch_asker asker, const ch_list_keys_frame *list)
{
    ch_error err = CH_ERROR_INIT;
    if (list_keys(context, asker, list, &err) != CH_OK)
        ch_front_link_failed(asker, "", &err);
}

static void add_token(const ch_token_link *link, ch_records *tokens, ch_buffer *records)
{
    ch_listed_token_record record = {.name = ch_slice_of(ch_token_link_name(link)),
                                     .state = ch_slice_of(ch_token_link_state_name(link)),
                                     .detail = ch_slice_of(ch_token_link_detail(link))};
    ch_listed_token_record_put(tokens, records, &record);
}

void ch_status_report(const ch_status_context *context, ch_asker asker)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_request_counts counts = ch_requests_counts(context->requests);
    ch_status_is_frame answer = {.version = ch_slice_of(CH_VERSION),
                                 .uptime_s = (ch_clock_ms() - context->started_ms) / 1000,
                                 .is_ready = context->link_count > 0,
                                 .signed_count = counts.signed_count,
                                 .refused_count = counts.refused_count,
                                 .failed_count = counts.failed_count};
    for (size_t i = 0; i < context->link_count; i++) {
        answer.is_ready = answer.is_ready && ch_token_link_is_unlocked(context->links[i]);
        add_token(context->links[i], &answer.tokens, &records);
    }
    ch_buffer *out = ch_front_link_out(asker);
    if (out != NULL && ch_status_is_frame_put(out, asker.request, &answer, &err) != CH_OK)
        ch_front_link_failed(asker, "", &err);
}
