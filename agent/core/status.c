#include "agent/core/status.h"

#include "policy/decide.h"

/* A key can sign now: its token is unlocked, and the key was found there as it should be. */
static bool is_key_ready(const ch_core *core, const ch_key *key)
{
    const ch_link *link = &core->links[key->token];
    const ch_key_state *state = &link->keys[key->token_key];
    return link->state == CH_TOKEN_UNLOCKED && state->is_known && state->problem.status == CH_OK;
}

static void add_key(const ch_core *core, ch_buffer *out, const ch_key *key)
{
    ch_frame_text(out, key->name);
    ch_frame_text(out, ch_profile_name(key->profile));
    ch_frame_text(out, ch_scheme_name(key->scheme));
    ch_frame_text(out, key->key_id);
    ch_frame_text(out, core->config.tokens[key->token].name);
    ch_frame_u8(out, is_key_ready(core, key));
}

void ch_status_list_keys(ch_core *core, ch_frame *frame)
{
    ch_error err = CH_ERROR_INIT;
    const ch_connection *connection = ch_clients_find(core, ch_frame_read_u64(frame));
    if (!ch_frame_done(frame) || connection == NULL) {
        (void)ch_fail(&err, CH_INTERNAL, "the front sent a malformed request");
        ch_front_fail(core, frame->id, &err);
        return;
    }
    uint16_t count = 0;
    for (size_t i = 0; i < core->policy.key_count; i++)
        count = (uint16_t)(count + ch_policy_may_see(&core->policy.keys[i], &connection->peer));
    ch_buffer *out = ch_channel_out(&core->front.channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_KEY_LIST, frame->id);
    ch_frame_u16(out, count);
    for (size_t i = 0; i < core->policy.key_count; i++) {
        if (ch_policy_may_see(&core->policy.keys[i], &connection->peer))
            add_key(core, out, &core->policy.keys[i]);
    }
    if (ch_frame_end(out, begin, &err) != CH_OK)
        ch_front_fail(core, frame->id, &err);
}

void ch_status_report(ch_core *core, ch_frame *frame)
{
    ch_error err = CH_ERROR_INIT;
    bool is_ready = core->link_count > 0;
    for (size_t i = 0; i < core->link_count; i++)
        is_ready = is_ready && core->links[i].state == CH_TOKEN_UNLOCKED;
    ch_buffer *out = ch_channel_out(&core->front.channel);
    size_t begin = ch_frame_begin(out, CH_FRAME_STATUS_IS, frame->id);
    ch_frame_text(out, CH_VERSION);
    ch_frame_u64(out, (ch_clock_ms() - core->started_ms) / 1000);
    ch_frame_u8(out, is_ready);
    ch_frame_u64(out, core->signed_count);
    ch_frame_u64(out, core->refused_count);
    ch_frame_u64(out, core->failed_count);
    ch_frame_u16(out, (uint16_t)core->link_count);
    for (size_t i = 0; i < core->link_count; i++) {
        ch_frame_text(out, core->links[i].config->name);
        ch_frame_text(out, ch_token_state_name(core->links[i].state));
        ch_frame_text(out, core->links[i].detail.status == CH_OK ? "" : core->links[i].detail.message);
    }
    if (ch_frame_end(out, begin, &err) != CH_OK)
        ch_front_fail(core, frame->id, &err);
}
