/* Figures: more is wider, or narrower, or nobody can say. */
#include "policy/differences_impl.h"

#include "exchange/environments.h"
#include "exchange/profile.h"
#include "policy/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ch_say_difference(ch_saying_of *to, ch_change direction, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ch_difference difference = to->of;
    difference.direction = direction;
    difference.text = text;
    to->count++;
    if (to->reader->take != NULL)
        to->reader->take(to->reader->context, &difference);
}

/* ---- texts ---- */

static bool is_same_text(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static const char *or_none(const char *text)
{
    return text == NULL || *text == '\0' ? "none" : text;
}

static void compare_text(ch_saying_of *to, const char *what, const char *one, const char *other)
{
    if (!is_same_text(one, other))
        ch_say_difference(to, CH_CHANGED, "%s '%s': %s is %s now; it was %s", to->of.about, to->of.name, what,
                          or_none(other), or_none(one));
}

/* ---- numbers ---- */

static ch_change direction_of(int order, bool more_is_wider)
{
    return (order > 0) == more_is_wider ? CH_WIDER : CH_NARROWER;
}

static void compare_number(ch_saying_of *to, const char *what, uint64_t one, uint64_t other, bool more_is_wider)
{
    if (one != other)
        ch_say_difference(to, direction_of(other > one ? 1 : -1, more_is_wider), "%s '%s': %s is %llu now; it was %llu",
                          to->of.about, to->of.name, what, (unsigned long long)other, (unsigned long long)one);
}

static void compare_duration(ch_saying_of *to, const char *what, uint64_t one, uint64_t other, bool more_is_wider)
{
    ch_autobuffer old_text = CH_BUFFER_INIT;
    ch_autobuffer new_text = CH_BUFFER_INIT;
    if (one == other)
        return;
    ch_duration_print(one, &old_text);
    ch_duration_print(other, &new_text);
    ch_say_difference(to, direction_of(other > one ? 1 : -1, more_is_wider), "%s '%s': %s is %s now; it was %s",
                      to->of.about, to->of.name, what, ch_buffer_text(&new_text), ch_buffer_text(&old_text));
}

static void compare_ratio(ch_saying_of *to, const char *what, ch_decimal one, ch_decimal other, ch_change if_more,
                          ch_change if_less)
{
    char texts[2][CH_DECIMAL_TEXT_MAX];
    int order = ch_decimal_compare(other, one);
    ch_decimal_text(one, texts[0]);
    ch_decimal_text(other, texts[1]);
    if (order != 0)
        ch_say_difference(to, order > 0 ? if_more : if_less, "%s '%s': %s is %s now; it was %s", to->of.about,
                          to->of.name, what, texts[1], texts[0]);
}

/* ---- limits ---- */

static void add_period(const ch_period *period, ch_buffer *out)
{
    static const char *const names[] = {
        [CH_PERIOD_NONE] = "",
        [CH_PERIOD_SLIDING] = " per ",
        [CH_PERIOD_DAY] = " per calendar-day",
        [CH_PERIOD_WEEK] = " per calendar-week",
        [CH_PERIOD_MONTH] = " per calendar-month",
        [CH_PERIOD_EVER] = " in all",
    };
    ch_buffer_add_text(out, names[period->kind]);
    if (period->kind == CH_PERIOD_SLIDING)
        ch_duration_print(period->ns, out);
}

static void add_limit(const ch_entry_rule *entry, ch_buffer *out)
{
    const ch_limit *limit = &entry->limit;
    bool is_age = limit->control == CH_CONTROL_VALIDITY;
    ch_limit_text(entry, is_age ? ch_decimal_of(limit->age_ns) : limit->most, out);
    add_period(&limit->per, out);
}

static bool is_same_period(const ch_period *one, const ch_period *other)
{
    return one->kind == other->kind && one->ns == other->ns;
}

static ch_change direction_of_limit(const ch_limit *one, const ch_limit *other)
{
    bool is_alike =
        one->control == other->control && is_same_text(one->asset, other->asset) && one->per.kind == other->per.kind;
    if (!is_alike)
        return CH_CHANGED;
    int most = ch_decimal_compare(other->most, one->most);
    if (one->control == CH_CONTROL_VALIDITY)
        most = (other->age_ns > one->age_ns) - (other->age_ns < one->age_ns);
    int length = (other->per.ns > one->per.ns) - (other->per.ns < one->per.ns);
    if (most >= 0 && length <= 0)
        return CH_WIDER;
    return most <= 0 && length >= 0 ? CH_NARROWER : CH_CHANGED;
}

static bool is_same_most(const ch_limit *one, const ch_limit *other)
{
    bool is_same_age = one->control != CH_CONTROL_VALIDITY || one->age_ns == other->age_ns;
    return one->control == other->control && is_same_text(one->asset, other->asset) && is_same_age &&
           ch_decimal_compare(one->most, other->most) == 0 && is_same_period(&one->per, &other->per);
}

static void compare_most(const ch_said *one, const ch_said *other, ch_saying_of *to)
{
    const ch_limit *old_limit = &one->entry->limit;
    const ch_limit *new_limit = &other->entry->limit;
    ch_autobuffer old_text = CH_BUFFER_INIT;
    ch_autobuffer new_text = CH_BUFFER_INIT;
    if (is_same_most(old_limit, new_limit))
        return;
    add_limit(one->entry, &old_text);
    add_limit(other->entry, &new_text);
    ch_say_difference(to, direction_of_limit(old_limit, new_limit), "limit '%s': %s is %s now; it was %s",
                      other->entry->name, ch_limit_noun(other->entry), ch_buffer_text(&new_text),
                      ch_buffer_text(&old_text));
}

/* The more it counts by, the more counts there are, and each has its own room. */
static void compare_by(const ch_limit *one, const ch_limit *other, ch_saying_of *to)
{
    ch_change direction = CH_CHANGED;
    if (one->by == other->by)
        return;
    if ((one->by & ~other->by) == 0)
        direction = CH_WIDER;
    else if ((other->by & ~one->by) == 0)
        direction = CH_NARROWER;
    ch_say_difference(to, direction, "limit '%s' counts by %s now", to->of.name,
                      direction == CH_WIDER      ? "more, so that each has room of its own"
                      : direction == CH_NARROWER ? "less, so that more counts together"
                                                 : "something else");
}

static void compare_limit(const ch_said *one, const ch_said *other, ch_saying_of *to)
{
    const ch_limit *a = &one->entry->limit;
    const ch_limit *b = &other->entry->limit;
    compare_most(one, other, to);
    compare_by(a, b, to);
    if (a->control == CH_CONTROL_COLLAR && b->control == CH_CONTROL_COLLAR)
        compare_duration(to, "price_age", a->age_ns, b->age_ns, true);
    compare_number(to, "reserve_cancels", a->reserve_cancels, b->reserve_cancels, false);
    compare_ratio(to, "release", a->release, b->release, CH_WIDER, CH_NARROWER);
    compare_ratio(to, "closing", a->has_closing ? a->closing : CH_DECIMAL_ZERO,
                  b->has_closing ? b->closing : CH_DECIMAL_ZERO, CH_WIDER, CH_NARROWER);
    if (a->then != b->then)
        ch_say_difference(to, b->then > a->then ? CH_NARROWER : CH_WIDER,
                          "limit '%s': once it is used up, the caller is %s; it was %s", to->of.name,
                          ch_trading_name(b->then), ch_trading_name(a->then));
    else if (a->is_until_operator != b->is_until_operator)
        ch_say_difference(to, b->is_until_operator ? CH_NARROWER : CH_WIDER, "limit '%s': the caller stays so until %s",
                          to->of.name, b->is_until_operator ? "an operator says otherwise" : "the window ends");
    if (a->is_named != b->is_named)
        ch_say_difference(to, b->is_named ? CH_WIDER : CH_NARROWER, "limit '%s' applies %s now", to->of.name,
                          b->is_named ? "only to what the allows let pass that name it" : "to all that it matches");
}

static void compare_requirement(const ch_requirement *a, const ch_requirement *b, ch_saying_of *to)
{
    compare_number(to, "approvals", a->approvals, b->approvals, false);
    compare_number(to, "code", a->needs_code, b->needs_code, false);
    compare_duration(to, "delay", a->delay_ns, b->delay_ns, false);
    compare_duration(to, "within", a->within_ns, b->within_ns, true);
    compare_text(to, "the asset of 'above'", a->asset, b->asset);
    compare_ratio(to, "above", a->has_above ? a->above : CH_DECIMAL_ZERO, b->has_above ? b->above : CH_DECIMAL_ZERO,
                  CH_WIDER, CH_NARROWER);
    bool is_same = a->of.count == b->of.count;
    for (size_t i = 0; is_same && i < a->of.count; i++)
        is_same = strcmp(a->of.items[i], b->of.items[i]) == 0;
    if (!is_same)
        ch_say_difference(to, CH_CHANGED, "require '%s': other people approve now", to->of.name);
}

/* ---- times ---- */

static bool is_same_hours(const ch_hours *one, const ch_hours *other)
{
    bool is_same = one->count == other->count;
    for (size_t i = 0; is_same && i < one->count; i++) {
        const ch_span *a = &one->spans[i];
        const ch_span *b = &other->spans[i];
        is_same = a->days == b->days && a->from_minute == b->from_minute && a->to_minute == b->to_minute &&
                  (a->zone == NULL) == (b->zone == NULL);
        /* Zones have no names here; two that are the same for two centuries are the same. */
        for (int64_t s = 0; is_same && a->zone != NULL && s < (int64_t)200 * 366 * 86400; s += (int64_t)14 * 86400)
            is_same = ch_zone_offset(a->zone, s) == ch_zone_offset(b->zone, s);
    }
    return is_same;
}

static void compare_times(const ch_said *one, const ch_said *other, ch_saying_of *to)
{
    const ch_selector *a = &one->entry->selector;
    const ch_selector *b = &other->entry->selector;
    bool is_allow = other->entry->verb == CH_VERB_ALLOW;
    if (!is_same_hours(&a->hours, &b->hours)) {
        ch_change direction = CH_CHANGED;
        if (a->hours.count == 0 || b->hours.count == 0)
            direction = (b->hours.count == 0) == is_allow ? CH_WIDER : CH_NARROWER;
        ch_say_difference(to, direction, "%s '%s' has other hours now", to->of.about, to->of.name);
    }
    if (a->expires_ns != b->expires_ns) {
        uint64_t old_end = a->expires_ns == 0 ? UINT64_MAX : a->expires_ns;
        uint64_t new_end = b->expires_ns == 0 ? UINT64_MAX : b->expires_ns;
        ch_say_difference(to, new_end > old_end ? CH_WIDER : CH_NARROWER, "%s '%s' expires %s now", to->of.about,
                          to->of.name, new_end > old_end ? "later" : "earlier");
    }
}

void ch_compare_figures(const ch_said *one, const ch_said *other, ch_saying_of *to)
{
    compare_times(one, other, to);
    if (other->entry->verb == CH_VERB_LIMIT)
        compare_limit(one, other, to);
    if (other->entry->verb == CH_VERB_REQUIRE)
        compare_requirement(&one->entry->requirement, &other->entry->requirement, to);
    if (one->entry->is_unlimited != other->entry->is_unlimited)
        ch_say_difference(to, other->entry->is_unlimited ? CH_WIDER : CH_NARROWER, "allow '%s' is %s now", to->of.name,
                          other->entry->is_unlimited ? "unlimited" : "limited");
}

/* ---- what is not an entry ---- */

void ch_compare_caller(const ch_caller *one, const ch_caller *other, ch_saying_of *to)
{
    if (one->ids.uid != other->ids.uid || one->ids.gid != other->ids.gid)
        ch_say_difference(to, CH_CHANGED, "caller '%s' is another user or group now", other->name);
    compare_text(to, "socket", one->socket, other->socket);
    compare_text(to, "unit", one->unit, other->unit);
    if (one->role != other->role)
        ch_say_difference(to, CH_CHANGED, "caller '%s' is a %s now", other->name,
                          other->role == CH_CALLER_FEED ? "feed" : "bot");
}

void ch_compare_account(const ch_account *one, const ch_account *other, ch_saying_of *to)
{
    if (one->prices != other->prices)
        ch_say_difference(to, CH_CHANGED, "account '%s': prices are %s now", other->name,
                          other->prices == CH_PRICES_NONE ? "none" : "the median");
    /* A larger error or slippage makes a loss count as more. */
    compare_ratio(to, "reference_error", one->reference_error, other->reference_error, CH_NARROWER, CH_WIDER);
    compare_ratio(to, "market_slippage", one->market_slippage, other->market_slippage, CH_CHANGED, CH_CHANGED);
    compare_ratio(to, "fees", one->fees, other->fees, CH_CHANGED, CH_CHANGED);
}

void ch_compare_address(const ch_address *one, const ch_address *other, ch_saying_of *to)
{
    compare_text(to, "asset", one->asset, other->asset);
    compare_text(to, "network", one->network, other->network);
    compare_text(to, "address", one->address, other->address);
    compare_text(to, "tag", one->tag, other->tag);
    compare_text(to, "from", one->from, other->from);
    compare_text(to, "to", one->to, other->to);
}

static void compare_names(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    compare_text(to, "object", one->object_uri, other->object_uri);
    compare_text(to, "key_id", one->key_id, other->key_id);
    compare_text(to, "profile", ch_profile_name(one->profile), ch_profile_name(other->profile));
    compare_text(to, "scheme", ch_scheme_name(one->scheme), ch_scheme_name(other->scheme));
    compare_text(to, "environment", ch_environment_name(one->traits.environment),
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

void ch_compare_key(const ch_policy *old_policy, const ch_key *one, const ch_policy *new_policy, const ch_key *other,
                    ch_saying_of *to)
{
    compare_names(one, other, to);
    compare_text(to, "account", old_policy->accounts[one->account].name, new_policy->accounts[other->account].name);
    compare_accepts(one, other, to);
    if (one->traits.kinds != other->traits.kinds)
        ch_say_difference(to, CH_CHANGED, "key '%s' is of other kinds now", other->name);
    if (one->may_sign_raw != other->may_sign_raw)
        ch_say_difference(to, other->may_sign_raw ? CH_WIDER : CH_NARROWER, "key '%s' signs raw bytes %s", other->name,
                          other->may_sign_raw ? "now" : "no longer");
    compare_number(to, "tolerate", one->tolerated, other->tolerated, true);
    compare_number(to, "receive_window in ms (0: the exchange's)", one->receive_window_ms, other->receive_window_ms,
                   true);
    if (one->assume_uses != other->assume_uses)
        ch_say_difference(to, CH_CHANGED, "key '%s': assume_uses is %u now; it was %u (0: as the profile says)",
                          other->name, other->assume_uses, one->assume_uses);
}

static void compare_prices(const ch_price_rules *one, const ch_price_rules *other, ch_saying_of *to)
{
    bool is_same = one->source_count == other->source_count;
    for (size_t i = 0; is_same && i < one->source_count; i++)
        is_same = strcmp(one->sources[i], other->sources[i]) == 0;
    if (!is_same)
        ch_say_difference(to, CH_CHANGED, "prices come from other sources now");
    compare_number(to, "at_least", one->at_least, other->at_least, false);
    compare_ratio(to, "max_move", one->max_move, other->max_move, CH_WIDER, CH_NARROWER);
    compare_duration(to, "the window of max_move", one->move_window_ns, other->move_window_ns, false);
}

static bool is_same_conversion(const ch_conversion *a, const ch_conversion *b)
{
    return strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) == 0 && a->has_rate == b->has_rate &&
           ch_decimal_compare(a->rate, b->rate) == 0 && a->max_age_ns == b->max_age_ns &&
           ch_decimal_compare(a->haircut, b->haircut) == 0;
}

static void compare_conversions(const ch_policy *one, const ch_policy *other, ch_saying_of *to, bool is_gone)
{
    for (size_t i = 0; i < other->conversion_count; i++) {
        size_t k = 0;
        while (k < one->conversion_count && !is_same_conversion(&one->conversions[k], &other->conversions[i]))
            k++;
        if (k == one->conversion_count)
            ch_say_difference(to, is_gone ? CH_NARROWER : CH_CHANGED, "the conversion from %s to %s is %s",
                              other->conversions[i].from, other->conversions[i].to, is_gone ? "gone" : "new");
    }
}

/* ---- how tokens are unlocked ---- */

/* Of a token that neither policy says anything of, if `name` is NULL. */
static unsigned factors_of(const ch_policy *policy, const char *name)
{
    for (size_t i = 0; name != NULL && i < policy->token_rule_count; i++) {
        if (strcmp(policy->token_rules[i].name, name) == 0 && policy->token_rules[i].factors != 0)
            return policy->token_rules[i].factors;
    }
    return ch_policy_factors(policy, SIZE_MAX);
}

static void compare_factors(const ch_policy *old_policy, const ch_policy *new_policy, const char *name,
                            ch_saying_of *to)
{
    unsigned before = factors_of(old_policy, name) & CH_FACTOR_CODE;
    unsigned now = factors_of(new_policy, name) & CH_FACTOR_CODE;
    if (before != now)
        ch_say_difference(to, now != 0 ? CH_NARROWER : CH_WIDER, "an unlock of %s%s%s %s",
                          name == NULL ? "a token" : "token '", name == NULL ? "" : name, name == NULL ? "" : "'",
                          now != 0 ? "takes a code now" : "takes no code any more");
}

static bool has_token_rule(const ch_policy *policy, const char *name)
{
    bool is_there = false;
    for (size_t i = 0; i < policy->token_rule_count; i++)
        is_there = is_there || strcmp(policy->token_rules[i].name, name) == 0;
    return is_there;
}

static bool has_same_seed(const ch_person *one, const ch_person *other)
{
    const char *a = one == NULL || one->seed.object_uri == NULL ? "" : one->seed.object_uri;
    const char *b = other == NULL || other->seed.object_uri == NULL ? "" : other->seed.object_uri;
    return strcmp(a, b) == 0;
}

/* Whoever has another seed is not enrolled with it. */
static void compare_seeds(const ch_policy *one, const ch_policy *other, ch_saying_of *to, bool is_back)
{
    for (size_t i = 0; i < other->person_count; i++) {
        const ch_person *person = &other->people[i];
        const ch_person *before = ch_policy_person(one, ch_slice_of(person->name));
        if ((!is_back || before == NULL) && !has_same_seed(before, person))
            ch_say_difference(to, CH_CHANGED, "the seed of the codes of '%s' is another object now, or gone",
                              person->name);
    }
}

static void compare_unlocks(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to)
{
    compare_factors(old_policy, new_policy, NULL, to);
    for (size_t i = 0; i < new_policy->token_rule_count; i++)
        compare_factors(old_policy, new_policy, new_policy->token_rules[i].name, to);
    for (size_t i = 0; i < old_policy->token_rule_count; i++) {
        if (!has_token_rule(new_policy, old_policy->token_rules[i].name))
            compare_factors(old_policy, new_policy, old_policy->token_rules[i].name, to);
    }
    compare_seeds(old_policy, new_policy, to, false);
    compare_seeds(new_policy, old_policy, to, true);
}

void ch_compare_rest(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to)
{
    compare_prices(&old_policy->prices, &new_policy->prices, to);
    compare_unlocks(old_policy, new_policy, to);
    compare_conversions(old_policy, new_policy, to, false);
    compare_conversions(new_policy, old_policy, to, true);
    for (ch_trading state = CH_TRADING_REDUCING; state <= CH_TRADING_HALTED; state++) {
        const ch_state_rule *a = &old_policy->states[state];
        const ch_state_rule *b = &new_policy->states[state];
        if (a->classes != b->classes)
            ch_say_difference(to,
                              (a->classes & ~b->classes) == 0   ? CH_WIDER
                              : (b->classes & ~a->classes) == 0 ? CH_NARROWER
                                                                : CH_CHANGED,
                              "state %s lets other classes pass now", ch_trading_name(state));
        if (a->keeps_stops != b->keeps_stops)
            ch_say_difference(to, b->keeps_stops ? CH_NARROWER : CH_WIDER, "state %s %s stop orders be cancelled now",
                              ch_trading_name(state), b->keeps_stops ? "does not let" : "lets");
    }
}
