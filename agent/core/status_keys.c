/* What there is to say of a key: of the version that signs, and of each. */
#include "agent/core/status_impl.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "exchange/profile.h"
#include "agent/core/versions.h"
#include "policy/decide.h"
#include "state/nonces.h"
#include "state/writer.h"
#include "wire/frames.h"

#define PAGE_BYTES_MAX 49152 /* a key more fits the frame besides */
#define SECOND_NS 1000000000ULL

/* ---- whether it could sign ---- */

/* Returns CH_OK if the state takes what signing with the version writes there. */
static ch_status check_state(const ch_status_context *context, const ch_key *version, ch_error *err)
{
    bool is_reserved = version->nonce != NULL && !version->nonce->may_repeat;
    const ch_error *trouble = is_reserved ? ch_nonces_trouble(context->timekeeper->nonces) : NULL;
    if (trouble != NULL)
        return ch_fail(err, CH_UNAVAILABLE, CH_STATE_TROUBLE, trouble->message);
    return ch_ledger_check(context->ledger, err);
}

static ch_versions versions_of(const ch_status_context *context)
{
    ch_moment now;
    return (ch_versions){.links = context->links,
                         .states = ch_ledger_states(context->ledger),
                         .now_ns = ch_moment_now(&now) ? now.wall_ns : 0};
}

bool ch_status_is_ready(const ch_status_context *context, const ch_key *version)
{
    ch_error ignored = CH_ERROR_INIT;
    const ch_versions versions = versions_of(context);
    return ch_version_is_usable(&versions, version) && check_state(context, version, &ignored) == CH_OK;
}

const ch_key *ch_status_version_in_use(const ch_status_context *context, const ch_key *key)
{
    const ch_versions versions = versions_of(context);
    const ch_version_wish any = {.is_fixed = false};
    ch_error ignored = CH_ERROR_INIT;
    const ch_key *version = key;
    ch_ignore(ch_versions_choose(&versions, key, &any, &version, &ignored));
    return version;
}

ch_error ch_status_problem(const ch_status_context *context, const ch_key *version)
{
    ch_error why = CH_ERROR_INIT;
    const ch_versions versions = versions_of(context);
    const ch_token_link *link = context->links->links[version->token];
    if (ch_version_check(&versions, version, &why) == CH_OK &&
        ch_token_link_check_key(link, version->token_key, &why) == CH_OK &&
        check_state(context, version, &why) == CH_OK)
        ch_error_set(&why, CH_UNAVAILABLE, "", "token '%s' is coming back", ch_token_link_name(link));
    return why;
}

/* ---- when its unlock ends ---- */

uint64_t ch_status_wall_ms(uint64_t end_ns)
{
    ch_moment now;
    if (end_ns == CH_UNLOCK_NEVER || !ch_moment_now(&now))
        return 0;
    uint64_t left_ns = end_ns > now.boot_ns ? end_ns - now.boot_ns : 0;
    return (now.wall_ns + left_ns) / 1000000;
}

/* The earlier one of the version's own end and its token's. */
static ch_link_unlock find_end(const ch_status_context *context, const ch_key *version)
{
    const ch_token_link *link = context->links->links[version->token];
    ch_link_unlock own = ch_token_link_key_end(link, version->token_key);
    ch_link_unlock whole = ch_token_link_unlock_end(link);
    return own.end_ns < whole.end_ns ? own : whole;
}

/* ---- the list ---- */

typedef struct listing {
    ch_key_list_frame frame;
    ch_buffer keys;
    ch_buffer versions;
} listing;

static void add_versions(const ch_status_context *context, const ch_key *key, const ch_key *used, listing *to)
{
    const ch_key *version;
    for (size_t i = 0; (version = ch_key_version(key, i)) != NULL; i++) {
        bool ready = ch_status_is_ready(context, version);
        ch_error why = ready ? (ch_error)CH_ERROR_INIT : ch_status_problem(context, version);
        ch_key_version_record record = {.key = ch_slice_of(key->name),
                                        .key_id = ch_slice_of(version->key_id),
                                        .from_s = version->from_ns / SECOND_NS,
                                        .expires_s = version->expires_ns / SECOND_NS,
                                        .is_ready = ready,
                                        .is_used = version == used,
                                        .problem = ch_slice_of(why.message)};
        ch_key_version_record_put(&to->frame.versions, &to->versions, &record);
    }
}

static void add_key(const ch_status_context *context, const ch_key *key, listing *to)
{
    const ch_key *used = ch_status_version_in_use(context, key);
    const ch_token_link *link = context->links->links[used->token];
    bool ready = ch_status_is_ready(context, used);
    ch_error why = ready ? (ch_error)CH_ERROR_INIT : ch_status_problem(context, used);
    const ch_link_unlock unlock = find_end(context, used);
    ch_listed_key_record record = {.name = ch_slice_of(key->name),
                                   .profile = ch_slice_of(ch_profile_name(key->profile)),
                                   .scheme = ch_slice_of(ch_scheme_name(key->scheme)),
                                   .environment = ch_slice_of(ch_environment_name(key->traits.environment)),
                                   .key_id = ch_slice_of(used->key_id),
                                   .token = ch_slice_of(ch_token_link_name(link)),
                                   .is_ready = ready,
                                   .problem = ch_slice_of(why.message),
                                   .until_ms = ch_status_wall_ms(unlock.end_ns),
                                   .ends_by = ch_slice_of(ch_unlock_end_name(unlock.by)),
                                   .expires_s = used->expires_ns / SECOND_NS,
                                   .rotate_by_s = key->rotate_by_ns / SECOND_NS};
    ch_listed_key_record_put(&to->frame.keys, &to->keys, &record);
    if (key->version_count > 0)
        add_versions(context, key, used, to);
}

ch_status ch_status_find_caller(const ch_status_context *context, const ch_intake *intake, uint64_t connection,
                                const ch_peer **out, ch_error *err)
{
    *out = ch_connections_peer(context->connections, intake, connection);
    return *out != NULL ? CH_OK : ch_fail(err, CH_INTERNAL, "the front sent a request of no connection");
}

/* The keys are sorted by name. Nobody need have the key `name`, and it may be gone. */
static size_t find_first_after(const ch_policy *policy, ch_slice name)
{
    size_t low = 0;
    size_t high = policy->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ch_slice_compare(ch_slice_of(policy->keys[middle].name), name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return name.size == 0 ? 0 : low;
}

/* A page ends at its limit, or earlier, before it would be too large for a frame. */
static ch_status list_keys(const ch_status_context *context, ch_asker asker, const ch_list_keys_frame *list,
                           listing *to, ch_error *err)
{
    const ch_peer *caller = NULL;
    const ch_key *last = NULL;
    CH_TRY(ch_status_find_caller(context, asker.intake, list->connection, &caller, err));
    if (list->limit == 0)
        return ch_fail(err, CH_INTERNAL, "the front asked for a page without keys");
    size_t at = find_first_after(context->policy, list->after);
    for (; at < context->policy->key_count; at++) {
        const ch_key *key = &context->policy->keys[at];
        if (!ch_policy_may_see(context->policy, key, ch_callers_find(context->callers, context->policy, caller)))
            continue;
        if (to->frame.keys.count == list->limit || to->keys.size + to->versions.size > PAGE_BYTES_MAX) {
            to->frame.next = ch_slice_of(last->name);
            break;
        }
        add_key(context, key, to);
        last = key;
    }
    ch_buffer *out = ch_asker_out(asker);
    return out == NULL ? CH_OK : ch_key_list_frame_put(out, asker.request, &to->frame, err);
}

void ch_status_list_keys(const ch_status_context *context, ch_asker asker, const ch_list_keys_frame *list)
{
    ch_error err = CH_ERROR_INIT;
    listing to = {.keys = CH_BUFFER_INIT, .versions = CH_BUFFER_INIT};
    if (list_keys(context, asker, list, &to, &err) != CH_OK)
        ch_asker_failed(asker, "", &err);
    ch_buffer_free(&to.keys);
    ch_buffer_free(&to.versions);
}
