/* Figures: more is wider, or narrower, or nobody can say. Those of entries; differences_things.c has the others. */
#include "policy/differences_impl.h"

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

void ch_say_figure(ch_saying_of *to, ch_change direction, const char *what, const char *now, const char *before)
{
    const char *name = to->of.name;
    ch_say_difference(to, direction, "%s%s%s%s%s is %s now; it was %s", to->of.about, *name == '\0' ? "" : " '", name,
                      *name == '\0' ? ": " : "': ", what, now, before);
}

static const char *or_none(const char *text)
{
    return text == NULL || *text == '\0' ? "none" : text;
}

void ch_compare_text(ch_saying_of *to, const char *what, const char *one, const char *other)
{
    if (!is_same_text(one, other))
        ch_say_figure(to, CH_CHANGED, what, or_none(other), or_none(one));
}

/* ---- numbers ---- */

static ch_change direction_of(int order, bool more_is_wider)
{
    return (order > 0) == more_is_wider ? CH_WIDER : CH_NARROWER;
}

void ch_compare_number(ch_saying_of *to, const char *what, uint64_t one, uint64_t other, bool more_is_wider)
{
    char texts[2][24];
    (void)snprintf(texts[0], sizeof texts[0], "%llu", (unsigned long long)one);
    (void)snprintf(texts[1], sizeof texts[1], "%llu", (unsigned long long)other);
    if (one != other)
        ch_say_figure(to, direction_of(other > one ? 1 : -1, more_is_wider), what, texts[1], texts[0]);
}

void ch_compare_duration(ch_saying_of *to, const char *what, uint64_t one, uint64_t other, bool more_is_wider)
{
    ch_autobuffer old_text = CH_BUFFER_INIT;
    ch_autobuffer new_text = CH_BUFFER_INIT;
    if (one == other)
        return;
    ch_duration_print(one, &old_text);
    ch_duration_print(other, &new_text);
    ch_say_figure(to, direction_of(other > one ? 1 : -1, more_is_wider), what, ch_buffer_text(&new_text),
                  ch_buffer_text(&old_text));
}

void ch_print_percent(const ch_decimal *ratio, ch_buffer *out)
{
    ch_decimal percent = CH_DECIMAL_ZERO;
    if (ratio == NULL || !ch_decimal_multiply(*ratio, ch_decimal_of(100), &percent)) {
        ch_buffer_add_text(out, "none");
        return;
    }
    ch_decimal_print(percent, out);
    ch_buffer_add_text(out, " %");
}

void ch_compare_ratio(ch_saying_of *to, const char *what, const ch_decimal *one, const ch_decimal *other,
                      ch_change if_more, ch_change if_gone)
{
    ch_autobuffer old_text = CH_BUFFER_INIT;
    ch_autobuffer new_text = CH_BUFFER_INIT;
    int order = (other != NULL) - (one != NULL);
    ch_change direction = other == NULL ? if_gone : ch_change_opposite(if_gone);
    if (one != NULL && other != NULL) {
        order = ch_decimal_compare(*other, *one);
        direction = order > 0 ? if_more : ch_change_opposite(if_more);
    }
    if (order == 0)
        return;
    ch_print_percent(one, &old_text);
    ch_print_percent(other, &new_text);
    ch_say_figure(to, direction, what, ch_buffer_text(&new_text), ch_buffer_text(&old_text));
}

/* More of it is wider. */
static void compare_amount(ch_saying_of *to, const char *what, ch_decimal one, ch_decimal other)
{
    char texts[2][CH_DECIMAL_TEXT_MAX];
    int order = ch_decimal_compare(other, one);
    ch_decimal_text(one, texts[0]);
    ch_decimal_text(other, texts[1]);
    if (order != 0)
        ch_say_figure(to, order > 0 ? CH_WIDER : CH_NARROWER, what, texts[1], texts[0]);
}

/* ---- zones ---- */

static int32_t offset_of(const ch_zone *zone, int64_t at_s)
{
    return zone == NULL ? 0 : ch_zone_offset(zone, at_s);
}

/* Zones have no names here; two that are the same for two centuries are the same. NULL is UTC. */
static bool is_same_zone(const ch_zone *one, const ch_zone *other)
{
    bool is_same = true;
    for (int64_t s = 0; is_same && one != other && s < (int64_t)200 * 366 * 86400; s += (int64_t)14 * 86400)
        is_same = offset_of(one, s) == offset_of(other, s);
    return is_same;
}

/* ---- limits ---- */

static void add_limit(const ch_entry_rule *entry, ch_buffer *out)
{
    const ch_limit *limit = &entry->limit;
    bool is_age = limit->control == CH_CONTROL_VALIDITY;
    ch_limit_text(entry, is_age ? ch_decimal_of(limit->age_ns) : limit->most, out);
    ch_period_print(&limit->per, out);
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
        ch_compare_duration(to, "price_age", a->age_ns, b->age_ns, true);
    ch_compare_number(to, "reserve_cancels", a->reserve_cancels, b->reserve_cancels, false);
    ch_compare_ratio(to, "release", &a->release, &b->release, CH_WIDER, CH_NARROWER);
    ch_compare_ratio(to, "relay_release", &a->relay_release, &b->relay_release, CH_WIDER, CH_NARROWER);
    compare_amount(to, "closing", a->has_closing ? a->closing : CH_DECIMAL_ZERO,
                   b->has_closing ? b->closing : CH_DECIMAL_ZERO);
    if (a->per.kind == b->per.kind && !is_same_zone(a->per.zone, b->per.zone))
        ch_say_difference(to, CH_CHANGED, "limit '%s' begins its periods in another time zone now", to->of.name);
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
    ch_compare_number(to, "approvals", a->approvals, b->approvals, false);
    if (a->needs_code != b->needs_code)
        ch_say_difference(to, b->needs_code ? CH_NARROWER : CH_WIDER, "require '%s' %s a code", to->of.name,
                          b->needs_code ? "now needs" : "no longer needs");
    ch_compare_duration(to, "delay", a->delay_ns, b->delay_ns, false);
    ch_compare_duration(to, "within", a->within_ns, b->within_ns, true);
    ch_compare_text(to, "the asset of 'above'", a->asset, b->asset);
    compare_amount(to, "above", a->has_above ? a->above : CH_DECIMAL_ZERO, b->has_above ? b->above : CH_DECIMAL_ZERO);
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
                  is_same_zone(a->zone, b->zone);
    }
    return is_same;
}

ch_change ch_direction_of_end(uint64_t one, uint64_t other)
{
    return one != 0 && (other == 0 || other > one) ? CH_WIDER : CH_NARROWER;
}

void ch_compare_expiry(uint64_t one_ns, uint64_t other_ns, ch_saying_of *to)
{
    ch_change direction = ch_direction_of_end(one_ns, other_ns);
    if (one_ns != other_ns)
        ch_say_difference(to, direction, "%s '%s' expires %s now", to->of.about, to->of.name,
                          direction == CH_WIDER ? "later" : "earlier");
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
    ch_compare_expiry(a->expires_ns, b->expires_ns, to);
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
