/* What is no entry: callers, people, keys, accounts, addresses, and what there is one of. */
#include "policy/differences_impl.h"

#include "exchange/environments.h"
#include "exchange/profile.h"
#include "pkcs11/key_rule.h"

#include <string.h>

/* Of bits, each of which lets something pass. */
static ch_change direction_of_bits(unsigned one, unsigned other)
{
    if ((one & ~other) == 0)
        return CH_WIDER;
    return (other & ~one) == 0 ? CH_NARROWER : CH_CHANGED;
}

/* ---- callers, people ---- */

static const char *const role_names[] = {
    [CH_CALLER_BOT] = "bot", [CH_CALLER_FEED] = "feed", [CH_CALLER_RELAY] = "relay"};

void ch_compare_caller(const ch_caller *one, const ch_caller *other, ch_saying_of *to)
{
    if (one->ids.uid != other->ids.uid || one->ids.gid != other->ids.gid)
        ch_say_difference(to, CH_CHANGED, "caller '%s' is another user or group now", other->name);
    ch_compare_text(to, "socket", one->socket, other->socket);
    ch_compare_text(to, "unit", one->unit, other->unit);
    if (one->role != other->role)
        ch_say_difference(to, CH_CHANGED, "caller '%s' is a %s now", other->name, role_names[other->role]);
}

/* Whoever has another seed is not enrolled with it. */
static bool has_same_seed(const ch_seed *one, const ch_seed *other)
{
    if (one->object_uri == NULL || other->object_uri == NULL)
        return one->object_uri == other->object_uri;
    return strcmp(one->object_uri, other->object_uri) == 0 && strcmp(one->mechanism, other->mechanism) == 0 &&
           one->digits == other->digits;
}

void ch_compare_person(const ch_person *one, const ch_person *other, ch_saying_of *to)
{
    char roles[CH_ROLES_TEXT_MAX];
    if (one->ids.uid != other->ids.uid || one->ids.gid != other->ids.gid)
        ch_say_difference(to, CH_CHANGED, "person '%s' is another user or group now", other->name);
    ch_roles_text(other->roles, roles);
    if (one->roles != other->roles)
        ch_say_difference(to, direction_of_bits(one->roles, other->roles), "person '%s' has the roles %s now",
                          other->name, roles);
    if (!has_same_seed(&one->seed, &other->seed))
        ch_say_difference(to, CH_CHANGED, "the seed of the codes of '%s' is another one now, or gone", other->name);
}

/* ---- accounts, addresses ---- */

void ch_compare_account(const ch_account *one, const ch_account *other, ch_saying_of *to)
{
    if (one->prices != other->prices)
        ch_say_difference(to, CH_CHANGED, "account '%s': prices are %s now", other->name,
                          other->prices == CH_PRICES_NONE ? "none" : "the median");
    /* A larger error or slippage makes a loss count as more. */
    ch_compare_ratio(to, "reference_error", one->has_reference_error ? &one->reference_error : NULL,
                     other->has_reference_error ? &other->reference_error : NULL, CH_NARROWER, CH_CHANGED);
    ch_compare_ratio(to, "market_slippage", one->has_slippage ? &one->market_slippage : NULL,
                     other->has_slippage ? &other->market_slippage : NULL, CH_CHANGED, CH_CHANGED);
    ch_compare_ratio(to, "fees", one->has_fees ? &one->fees : NULL, other->has_fees ? &other->fees : NULL, CH_CHANGED,
                     CH_CHANGED);
}

void ch_compare_address(const ch_address *one, const ch_address *other, ch_saying_of *to)
{
    ch_compare_text(to, "asset", one->asset, other->asset);
    ch_compare_text(to, "network", one->network, other->network);
    ch_compare_text(to, "address", one->address, other->address);
    ch_compare_text(to, "tag", one->tag, other->tag);
    ch_compare_text(to, "from", one->from, other->from);
    ch_compare_text(to, "to", one->to, other->to);
}

/* ---- keys ---- */

static void compare_part(const ch_key *version, const char *part, const char *one, const char *other, ch_saying_of *to)
{
    ch_autobuffer what = CH_BUFFER_INIT;
    ch_buffer_add_format(&what, "the %s of version %s", part, version->key_id);
    ch_compare_text(to, ch_buffer_text(&what), one, other);
}

/* Of a version that both have, by its key id. */
static void compare_version(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    compare_part(other, "token", one->token_name, other->token_name, to);
    compare_part(other, "object", one->object_uri, other->object_uri, to);
    if (strcmp(one->passphrase, other->passphrase) != 0)
        ch_say_difference(to, CH_CHANGED, "key '%s': version %s has another passphrase now", other->name,
                          other->key_id);
    if (one->from_ns != other->from_ns)
        ch_say_difference(to, CH_CHANGED, "key '%s': version %s signs from another time on now", other->name,
                          other->key_id);
    if (one->expires_ns != other->expires_ns)
        ch_say_difference(to, CH_CHANGED, "key '%s': version %s expires at another time now", other->name,
                          other->key_id);
}

static void compare_versions(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    const ch_key *version;
    for (size_t i = 0; (version = ch_key_version(other, i)) != NULL; i++) {
        const ch_key *before = ch_key_version_of(one, ch_slice_of(version->key_id));
        if (before == NULL)
            ch_say_difference(to, CH_CHANGED, "key '%s' has a new version, %s", other->name, version->key_id);
        else
            compare_version(before, version, to);
    }
    for (size_t i = 0; (version = ch_key_version(one, i)) != NULL; i++) {
        if (ch_key_version_of(other, ch_slice_of(version->key_id)) == NULL)
            ch_say_difference(to, CH_CHANGED, "key '%s' no longer has version %s", one->name, version->key_id);
    }
}

static void compare_single(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    ch_compare_text(to, "token", one->token_name, other->token_name);
    ch_compare_text(to, "object", one->object_uri, other->object_uri);
    ch_compare_text(to, "key_id", one->key_id, other->key_id);
    ch_compare_expiry(one->expires_ns, other->expires_ns, to);
    if (strcmp(one->passphrase, other->passphrase) != 0)
        ch_say_difference(to, CH_CHANGED, "key '%s' has another passphrase now", other->name);
}

static void compare_names(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    if (one->version_count == 0 && other->version_count == 0)
        compare_single(one, other, to);
    else
        compare_versions(one, other, to);
    ch_compare_text(to, "profile", ch_profile_name(one->profile), ch_profile_name(other->profile));
    ch_compare_text(to, "scheme", ch_scheme_name(one->scheme), ch_scheme_name(other->scheme));
    ch_compare_text(to, "environment", ch_environment_name(one->traits.environment),
                    ch_environment_name(other->traits.environment));
}

static void compare_accepts(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    const char *lets = NULL;
    const char *name;
    for (size_t i = 0; (name = ch_profile_acceptance_at(other->profile, i, &lets)) != NULL; i++) {
        unsigned bit = ch_profile_acceptance(one->profile, name);
        bool was = bit != 0 && (one->traits.accepts & bit) != 0;
        bool is = (other->traits.accepts >> i & 1) != 0;
        if (was != is)
            ch_say_difference(to, is ? CH_WIDER : CH_NARROWER, "key '%s' %s '%s', which lets callers %s", other->name,
                              is ? "accepts now" : "no longer accepts", name, lets);
    }
}

static void compare_tolerated(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    const ch_lapses more = other->tolerated & ~one->tolerated;
    const ch_lapses less = one->tolerated & ~other->tolerated;
    ch_autobuffer names = CH_BUFFER_INIT;
    if (more != 0) {
        ch_lapses_add_names(more, &names);
        ch_say_difference(to, CH_WIDER, "key '%s' tolerates now: %s", other->name, ch_buffer_text(&names));
    }
    if (less != 0) {
        ch_buffer_clear(&names);
        ch_lapses_add_names(less, &names);
        ch_say_difference(to, CH_NARROWER, "key '%s' no longer tolerates: %s", other->name, ch_buffer_text(&names));
    }
}

/* Without one, a request may ask for as much as the exchange lets it. */
static void compare_receive_windows(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    const char *name = other->name;
    if (other->receive_window_ms == 0 && one->receive_window_ms != 0)
        ch_say_difference(to, CH_WIDER, "key '%s': receive_window is gone; it was %u ms", name, one->receive_window_ms);
    else if (one->receive_window_ms == 0 && other->receive_window_ms != 0)
        ch_say_difference(to, CH_NARROWER, "key '%s': receive_window is %u ms now; there was none", name,
                          other->receive_window_ms);
    else
        ch_compare_number(to, "receive_window in ms", one->receive_window_ms, other->receive_window_ms, true);
}

static void compare_owner(const char *key, const char *was, const char *is, ch_saying_of *to)
{
    if (strcmp(was, is) != 0)
        ch_say_difference(to, CH_CHANGED,
                          "key '%s': account is %s now; it was %s, and what limits have counted by account stays there",
                          key, is, was);
}

void ch_compare_key(const ch_policy *old_policy, const ch_key *one, const ch_policy *new_policy, const ch_key *other,
                    ch_saying_of *to)
{
    compare_names(one, other, to);
    compare_owner(other->name, old_policy->accounts[one->account].name, new_policy->accounts[other->account].name, to);
    compare_accepts(one, other, to);
    if (one->traits.kinds != other->traits.kinds)
        ch_say_difference(to, CH_CHANGED, "key '%s' is of other kinds now", other->name);
    if (one->may_sign_raw != other->may_sign_raw)
        ch_say_difference(to, other->may_sign_raw ? CH_WIDER : CH_NARROWER, "key '%s' signs raw bytes %s", other->name,
                          other->may_sign_raw ? "now" : "no longer");
    if (one->is_relay_only != other->is_relay_only)
        ch_say_difference(to, other->is_relay_only ? CH_NARROWER : CH_WIDER, "key '%s' is used %s", other->name,
                          other->is_relay_only ? "through relays only now" : "without a relay too now");
    compare_tolerated(one, other, to);
    if (one->nonce_floor != other->nonce_floor)
        ch_say_difference(to, CH_CHANGED, "key '%s': nonce_floor is %llu now; it was %llu", other->name,
                          (unsigned long long)other->nonce_floor, (unsigned long long)one->nonce_floor);
    compare_receive_windows(one, other, to);
    ch_compare_unlock_ends(&one->unlock, &other->unlock, to);
    ch_compare_flatten(one, other, to);
    if (one->rotate_by_ns != other->rotate_by_ns)
        ch_say_difference(to, CH_CHANGED, "key '%s' is to be rotated by another day now", other->name);
    if (one->assume_uses != other->assume_uses)
        ch_say_difference(to, CH_CHANGED, "key '%s': assume_uses is %u now; it was %u (0: as the profile says)",
                          other->name, other->assume_uses, one->assume_uses);
}

/* ---- the rest ---- */

static void compare_prices(const ch_price_rules *one, const ch_price_rules *other, ch_saying_of *to)
{
    bool is_same = one->source_count == other->source_count;
    for (size_t i = 0; is_same && i < one->source_count; i++)
        is_same = strcmp(one->sources[i], other->sources[i]) == 0;
    if (!is_same)
        ch_say_difference(to, CH_CHANGED, "prices come from other sources now");
    ch_compare_number(to, "at_least of prices", one->at_least, other->at_least, false);
    ch_compare_ratio(to, "max_move of prices", one->has_max_move ? &one->max_move : NULL,
                     other->has_max_move ? &other->max_move : NULL, CH_WIDER, CH_WIDER);
    if (one->has_max_move && other->has_max_move)
        ch_compare_duration(to, "the window of max_move", one->move_window_ns, other->move_window_ns, false);
}

static const ch_conversion *find_conversion(const ch_policy *policy, const ch_conversion *like)
{
    for (size_t i = 0; i < policy->conversion_count; i++) {
        const ch_conversion *at = &policy->conversions[i];
        if (strcmp(at->from, like->from) == 0 && strcmp(at->to, like->to) == 0)
            return at;
    }
    return NULL;
}

static void add_conversion(const ch_conversion *conversion, ch_buffer *out)
{
    if (conversion->has_rate) {
        ch_buffer_add_text(out, "by a rate of ");
        ch_decimal_print(conversion->rate, out);
    } else {
        ch_buffer_add_text(out, "by a price of at most ");
        ch_duration_print(conversion->max_age_ns, out);
    }
    ch_buffer_add_text(out, ", haircut ");
    ch_print_percent(&conversion->haircut, out);
}

/* The more an amount counts, the fewer of them pass. */
static ch_change direction_of_conversion(const ch_conversion *one, const ch_conversion *other)
{
    if (one->has_rate != other->has_rate)
        return CH_CHANGED;
    int rate = ch_decimal_compare(other->rate, one->rate);
    int haircut = ch_decimal_compare(other->haircut, one->haircut);
    int age = (other->max_age_ns < one->max_age_ns) - (other->max_age_ns > one->max_age_ns);
    if (rate >= 0 && haircut >= 0 && age >= 0)
        return CH_NARROWER;
    return rate <= 0 && haircut <= 0 && age <= 0 ? CH_WIDER : CH_CHANGED;
}

static void compare_conversion(const ch_conversion *one, const ch_conversion *other, ch_saying_of *to)
{
    ch_autobuffer old_text = CH_BUFFER_INIT;
    ch_autobuffer new_text = CH_BUFFER_INIT;
    add_conversion(one, &old_text);
    add_conversion(other, &new_text);
    if (strcmp(ch_buffer_text(&old_text), ch_buffer_text(&new_text)) != 0)
        ch_say_difference(to, direction_of_conversion(one, other), "the conversion from %s to %s is %s now; it was %s",
                          other->from, other->to, ch_buffer_text(&new_text), ch_buffer_text(&old_text));
}

static void compare_conversions(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to)
{
    for (size_t i = 0; i < new_policy->conversion_count; i++) {
        const ch_conversion *at = &new_policy->conversions[i];
        const ch_conversion *before = find_conversion(old_policy, at);
        if (before != NULL)
            compare_conversion(before, at, to);
        else
            ch_say_difference(to, CH_CHANGED, "the conversion from %s to %s is new", at->from, at->to);
    }
    for (size_t i = 0; i < old_policy->conversion_count; i++) {
        const ch_conversion *at = &old_policy->conversions[i];
        if (find_conversion(new_policy, at) == NULL)
            ch_say_difference(to, CH_NARROWER, "the conversion from %s to %s is gone", at->from, at->to);
    }
}

static void compare_decisions(const ch_policy *one, const ch_policy *other, ch_saying_of *to)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_duration_print(other->keep_decisions_ns, &text);
    if (one->keep_decisions_ns != other->keep_decisions_ns)
        ch_say_difference(to, CH_CHANGED, "decisions are kept for %s now", ch_buffer_text(&text));
    if (one->is_power_cut_safe != other->is_power_cut_safe)
        ch_say_difference(to, CH_CHANGED, "decisions are %s safe from power cuts",
                          other->is_power_cut_safe ? "now" : "no longer");
}

void ch_compare_rest(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to)
{
    compare_prices(&old_policy->prices, &new_policy->prices, to);
    compare_conversions(old_policy, new_policy, to);
    compare_decisions(old_policy, new_policy, to);
    ch_compare_unlocks(old_policy, new_policy, to);
    ch_compare_relays(old_policy, new_policy, to);
    for (ch_trading state = CH_TRADING_REDUCING; state <= CH_TRADING_HALTED; state++) {
        const ch_state_rule *a = &old_policy->states[state];
        const ch_state_rule *b = &new_policy->states[state];
        if (a->classes != b->classes)
            ch_say_difference(to, direction_of_bits(a->classes, b->classes), "state %s lets other classes pass now",
                              ch_trading_name(state));
        if (a->keeps_stops != b->keeps_stops)
            ch_say_difference(to, b->keeps_stops ? CH_NARROWER : CH_WIDER, "state %s %s stop orders be cancelled now",
                              ch_trading_name(state), b->keeps_stops ? "does not let" : "lets");
    }
}
