/* What is dangerous about a key: a function and a row in the table for each. */
#include "policy/lint_impl.h"

#include "base/buffer.h"
#include "base/utc.h"
#include "exchange/confusion.h"
#include "policy/exposure.h"
#include "policy/key_dates.h"
#include "policy/scope.h"

static const ch_way *first_way(const ch_lint *in, const ch_key *key, unsigned kinds)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        if (&in->policy->keys[way->reach.key] == key && (way->kinds & kinds) != 0)
            return way;
    }
    return NULL;
}

static void look_at_uses(const ch_lint *in, const ch_key *key)
{
    const ch_way *way = first_way(in, key, CH_LINT_MONEY);
    if (way == NULL || way->true_uses == 1)
        return;
    if (key->assume_uses > 0 && way->true_uses == 0)
        ch_lint_say(in, "assume-uses",
                    "it counts each signature %u times (assume_uses); nobody knows how often it can be used",
                    key->assume_uses);
    else if (key->assume_uses > 0 && key->assume_uses < way->true_uses)
        ch_lint_say(in, "assume-uses",
                    "it counts each signature %u times (assume_uses), and one can be used up to %u times",
                    key->assume_uses, way->true_uses);
    else if (key->assume_uses == 0 && way->true_uses == 0 && way->valid_ns > 0)
        ch_lint_say(in, "uses-unknown",
                    "nobody knows how often a signature can be used, so limits on money refuse; state "
                    "assume_uses");
}

/* What some allowed call's signature opens besides, and nobody has an allow for who has that call. */
static unsigned missing_classes(const ch_way *way, unsigned allowed, const ch_endpoint **example)
{
    const ch_key *key = &way->reach.policy->keys[way->reach.key];
    const ch_endpoint *endpoint;
    unsigned missing = 0;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(key->profile, i)) != NULL; i++) {
        if (!ch_reach_has_call(&way->reach, endpoint))
            continue;
        unsigned opened = ch_endpoint_openable_classes(endpoint, key->scheme, &key->traits, CH_UNKNOWN_AS_LISTED) &
                          ~allowed & ~(1U << ch_endpoint_class(endpoint));
        if (opened != 0 && missing == 0)
            *example = endpoint;
        missing |= opened;
    }
    return missing;
}

static unsigned allowed_classes(const ch_lint *in, size_t caller, size_t key)
{
    unsigned classes = 0;
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        if (way->reach.caller == caller && way->reach.key == key)
            classes |= ch_classes_opened(&way->reach.allow->selector);
    }
    return classes;
}

static const char *caller_name(const ch_way *way)
{
    return way->reach.caller == CH_NO_CALLER ? "(any)" : way->reach.policy->callers[way->reach.caller].name;
}

static void look_at_confusion(const ch_lint *in, const ch_key *key)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        const ch_endpoint *example = NULL;
        if (&in->policy->keys[way->reach.key] != key || key->is_relay_only)
            continue; /* through a relay nothing else is opened */
        unsigned missing = missing_classes(way, allowed_classes(in, way->reach.caller, way->reach.key), &example);
        if (missing == 0)
            continue;
        ch_lint_say(
            in, "confusion",
            "some signatures that caller '%s' may ask for by '%s' would open calls of class %s too, and such requests "
            "are refused, as some to %s %s",
            caller_name(way), way->reach.allow->name, ch_class_name((ch_class)__builtin_ctz(missing)),
            ch_endpoint_method(example), ch_endpoint_path(example));
        return;
    }
}

/* Returns a cancel that somebody may ask for, or NULL. */
static const ch_endpoint *first_cancel(const ch_lint *in, const ch_key *key)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        const ch_endpoint *endpoint;
        if (&in->policy->keys[way->reach.key] != key)
            continue;
        for (size_t k = 0; (endpoint = ch_profile_endpoint_at(key->profile, k)) != NULL; k++) {
            if (ch_endpoint_class(endpoint) == CH_CLASS_CANCEL && ch_reach_has_call(&way->reach, endpoint))
                return endpoint;
        }
    }
    return NULL;
}

static void add_acceptances(const ch_key *key, unsigned set, ch_buffer *out)
{
    const char *lets = NULL;
    const char *name;
    for (size_t i = 0; (name = ch_profile_acceptance_at(key->profile, i, &lets)) != NULL; i++) {
        if ((set >> i & 1) != 0)
            ch_buffer_add_format(out, "%s'%s'", out->size == 0 ? "; it would have them signed if it accepted " : ", ",
                                 name);
    }
}

/* What the signature of a cancel without parameters opens, the signature of every cancel opens. */
static void look_at_cancels(const ch_lint *in, const ch_key *key)
{
    const unsigned passing = 1U << CH_CLASS_READ | 1U << CH_CLASS_CANCEL;
    const ch_endpoint *endpoint = key->is_relay_only ? NULL : first_cancel(in, key);
    ch_autobuffer names = CH_BUFFER_INIT;
    if (endpoint == NULL)
        return;
    const ch_request nothing = {.method = ch_slice_of(ch_endpoint_method(endpoint)),
                                .path = ch_slice_of(ch_endpoint_path(endpoint)),
                                .host = ch_environment_host(key->traits.environment, endpoint)};
    unsigned opened = ch_endpoint_confused_classes(endpoint, key->scheme, &key->traits, &nothing) & ~passing;
    if (opened == 0)
        return;
    add_acceptances(key, ch_endpoint_acceptances_for(endpoint, key->scheme, &key->traits, &nothing, opened), &names);
    ch_lint_say(
        in, "frozen-cancels",
        "while it is frozen, not even cancels are signed with it, because the signature of each opens a call of class "
        "%s%s",
        ch_class_name((ch_class)__builtin_ctz(opened)), ch_buffer_text(&names));
}

/* `flatten` is for the time when the key is frozen, and a key that is locked then signs nothing. */
static void look_at_flatten(const ch_lint *in, const ch_key *key)
{
    bool is_locked = key->unlock.by_freeze || ch_policy_unlock_rule(in->policy, key->token)->ends.by_freeze;
    if (key->flatten_count > 0 && is_locked)
        ch_lint_say(in, "frozen-flatten",
                    "a freeze ends its unlock (survives_freeze), so nothing of 'flatten' is signed while it is frozen");
}

static void look_at_cover(const ch_lint *in, const ch_key *key)
{
    const ch_way *way = first_way(in, key, CH_LINT_MONEY);
    const ch_endpoint *endpoint;
    for (size_t i = 0;
         way != NULL && !key->is_relay_only && (endpoint = ch_profile_endpoint_at(key->profile, i)) != NULL; i++) {
        bool costs = ch_endpoint_class(endpoint) != CH_CLASS_READ && ch_endpoint_class(endpoint) != CH_CLASS_CANCEL;
        if (costs && ch_reach_has_call(&way->reach, endpoint) &&
            (ch_endpoint_covers(endpoint, key->scheme) & CH_COVERS_PARAMS) == 0) {
            ch_lint_say(
                in, "uncovered",
                "its signatures leave parameters open, as of %s %s, so nothing is known of such requests; only an "
                "allow that is unlimited and selects by nothing lets them pass",
                ch_endpoint_method(endpoint), ch_endpoint_path(endpoint));
            return;
        }
    }
}

static void look_at_accepted(const ch_lint *in, const ch_key *key)
{
    const char *lets = NULL;
    const char *name;
    for (size_t i = 0; (name = ch_profile_acceptance_at(key->profile, i, &lets)) != NULL; i++) {
        if ((key->traits.accepts >> i & 1) != 0)
            ch_lint_say(in, "accepts", "it accepts '%s', which lets callers %s", name, lets);
    }
}

static void look_at_raw(const ch_lint *in, const ch_key *key)
{
    if (key->may_sign_raw)
        ch_lint_say(in, "raw", "it signs raw bytes for callers who have every class, and no limit sees those");
}

static const char *name_of(const ch_key *key)
{
    return ch_key_has_versions(key) ? key->key_id : "it";
}

/* Dates that are to come are left to the agent, which gives notice of them. */
static void look_at_dates(const ch_lint *in, const ch_key *key)
{
    char date[CH_UTC_TEXT_SIZE];
    ch_utc_text(key->rotate_by_ns / 1000000000, date);
    if (ch_key_due_at(key, in->now_ns) == CH_KEY_HAS_EXPIRED)
        ch_lint_say(in, "expired", "%s has expired, so it signs nothing", name_of(key));
    else if (key->rotate_by_ns != 0 && in->now_ns >= key->rotate_by_ns)
        ch_lint_say(in, "rotate-by", "it was to be rotated by %s", date);
}

/* clang-format off */
static void (*const keys[])(const ch_lint *in, const ch_key *key) = {
    look_at_raw,
    look_at_accepted,
    look_at_uses,
    look_at_cover,
    look_at_confusion,
    look_at_dates,
    look_at_cancels,
    look_at_flatten,
    ch_lint_relay_only,
};
/* clang-format on */

void ch_lint_key(const ch_lint *in, const ch_key *key)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        keys[i](in, key);
    for (size_t i = 1; ch_key_version(key, i) != NULL; i++)
        look_at_dates(in, ch_key_version(key, i));
}
