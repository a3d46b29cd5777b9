#include "agent/core/versions.h"

#include "base/utc.h"
#include "policy/key_dates.h"

#include <string.h>

#define SECOND_NS 1000000000ULL

static bool has_begun(const ch_versions *in, const ch_key *version)
{
    return in->now_ns >= version->from_ns;
}

static ch_status check_begun(const ch_versions *in, const ch_key *version, ch_error *err)
{
    char from[CH_UTC_TEXT_SIZE];
    if (has_begun(in, version))
        return CH_OK;
    ch_utc_text(version->from_ns / SECOND_NS, from);
    return ch_fail_rule(err, CH_REFUSED, "version", "version %s of key '%s' signs from %s on", version->key_id,
                        version->name, from);
}

ch_status ch_version_check(const ch_versions *in, const ch_key *version, ch_error *err)
{
    ch_state_row why;
    CH_TRY(check_begun(in, version, err));
    CH_TRY(ch_key_check_expiry(version, in->now_ns, err));
    if (in->states == NULL || !ch_states_is_revoked(in->states, version, &why))
        return CH_OK;
    return ch_fail_rule(err, CH_REFUSED, "revoked", "key '%s' (%s) has been revoked: %.*s", version->name,
                        version->key_id, CH_SLICE_ARGS(why.why));
}

bool ch_version_is_usable(const ch_versions *in, const ch_key *version)
{
    ch_error ignored = CH_ERROR_INIT;
    return ch_version_check(in, version, &ignored) == CH_OK &&
           ch_token_link_is_ready(in->links->links[version->token], version->token_key);
}

/* ---- choosing ---- */

static const ch_key *find_in_text(const ch_key *key, ch_slice text)
{
    const ch_key *version;
    for (size_t i = 0; (version = ch_key_version(key, i)) != NULL; i++) {
        if (text.size > 0 && memmem(text.data, text.size, version->key_id, strlen(version->key_id)) != NULL)
            return version;
    }
    return NULL;
}

/* The first that passes, of the newest or the oldest first. */
static const ch_key *find_first(const ch_versions *in, const ch_key *key, bool is_oldest_first,
                                bool (*passes)(const ch_versions *in, const ch_key *version))
{
    for (size_t i = 0; i <= key->version_count; i++) {
        const ch_key *version = ch_key_version(key, is_oldest_first ? i : key->version_count - i);
        if (passes(in, version))
            return version;
    }
    return NULL;
}

static bool is_not_over(const ch_versions *in, const ch_key *version)
{
    ch_error ignored = CH_ERROR_INIT;
    return ch_version_check(in, version, &ignored) == CH_OK;
}

static const ch_key *find_best(const ch_versions *in, const ch_key *key, bool is_oldest_first)
{
    const ch_key *best = find_first(in, key, is_oldest_first, ch_version_is_usable);
    if (best == NULL)
        best = find_first(in, key, is_oldest_first, is_not_over);
    if (best == NULL)
        best = find_first(in, key, is_oldest_first, has_begun);
    return best != NULL ? best : key;
}

ch_status ch_versions_choose(const ch_versions *in, const ch_key *key, const ch_version_wish *wish, const ch_key **out,
                             ch_error *err)
{
    const ch_key *named = key->version_count > 0 ? find_in_text(key, wish->text) : NULL;
    if (wish->key_id.size > 0)
        named = ch_key_version_of(key, wish->key_id);
    if (wish->key_id.size > 0 && named == NULL)
        return ch_fail(err, CH_NOT_FOUND, "key '%s' has no version with that \"key_id\"; GET /v1/keys lists them",
                       key->name);
    *out = named != NULL ? named : key->version_count == 0 ? key : find_best(in, key, wish->is_fixed);
    return ch_version_check(in, *out, err);
}
