/* What signatures are good for: how often, and for which calls besides; and what of that a relay can break. */
#include "cli/exposure_view.h"
#include "cli/policy_file.h"
#include "exchange/confusion.h"

#define KIND(name) (1U << CH_ITEM_##name)
#define CLASS(name) (1U << CH_CLASS_##name)

/* ---- uses ---- */

static void add_uses(const ch_way *way, ch_buffer *out)
{
    bool is_assumed = ch_way_key(way)->assume_uses > 0;
    if (way->true_uses == 1) {
        ch_buffer_add_text(out, "each can be used once");
        return;
    }
    if (way->true_uses == 0)
        ch_buffer_add_text(out, way->is_by_relay || is_assumed ? "each can be used nobody knows how often"
                                                               : "each can be used again while it is valid");
    else
        ch_buffer_add_format(out, "each can be used up to %u times within %.3g s", way->true_uses,
                             (double)way->valid_ns / 1e9);
    if (way->is_by_relay)
        ch_buffer_add_text(out, "; counted once, as if a relay had sent it once, and here as often as it can be used");
    else if (is_assumed)
        ch_buffer_add_format(out, "; %u counted (assume_uses), and here as often as that is short", way->uses);
    else
        ch_buffer_add_text(out, "; each counts");
}

/* What a relay makes of others' signatures has a line of its own. */
static bool has_uses(const ch_way *way)
{
    return (way->kinds & ~way->stray_kinds & (KIND(ORDER) | KIND(WITHDRAWAL) | KIND(TRANSFER) | KIND(BORROW))) != 0;
}

static bool is_of_same_key(const ch_way *way, const ch_way *other)
{
    return has_uses(other) && ch_way_key(other) == ch_way_key(way);
}

/* True of two ways of one key if their signatures can be used as often. */
static bool is_alike(const ch_way *one, const ch_way *other)
{
    return one->true_uses == other->true_uses && (one->true_uses == 1 || one->is_by_relay == other->is_by_relay);
}

/* The allows of the key whose signatures can be used as those of `way`; in brackets, and only if others differ. */
static void add_allows(const ch_exposure *exposure, const ch_way *way, ch_buffer *out)
{
    ch_shown_texts allows = {.count = 0};
    bool do_others_differ = false;
    for (size_t i = 0; i < exposure->way_count; i++) {
        const ch_way *other = &exposure->ways[i];
        if (!is_of_same_key(way, other))
            continue;
        if (is_alike(way, other))
            ch_shown_texts_add(&allows, other->reach.allow->name);
        else
            do_others_differ = true;
    }
    if (!do_others_differ)
        return;
    ch_buffer_add_byte(out, '(');
    ch_shown_texts_print(&allows, out);
    ch_buffer_add_text(out, ") ");
}

static bool was_said(const ch_exposure *exposure, const ch_way *way)
{
    const ch_way *before = exposure->ways;
    while (before != way && !(is_of_same_key(way, before) && is_alike(way, before)))
        before++;
    return before != way;
}

/* A line for each key, and for each way in which its signatures can be used. */
void ch_exposure_say_uses(const ch_exposure_view *in, ch_buffer *text)
{
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_way *way = &in->exposure->ways[i];
        if (!has_uses(way) || was_said(in->exposure, way))
            continue;
        ch_buffer_add_format(text, "of key %s ", ch_way_key(way)->name);
        add_allows(in->exposure, way, text);
        add_uses(way, text);
        ch_exposure_say("signatures", text);
    }
}

static unsigned allowed_classes(const ch_exposure *exposure)
{
    unsigned classes = 0;
    for (size_t i = 0; i < exposure->way_count; i++)
        classes |= exposure->ways[i].is_by_relay ? 0 : exposure->ways[i].classes;
    return classes;
}

/* ---- confusion ---- */

static void say_accepted(const ch_exposure_view *in, ch_buffer *text)
{
    for (size_t i = 0; i < in->policy->key_count; i++) {
        const ch_key *key = &in->policy->keys[i];
        bool is_used = false;
        for (size_t k = 0; k < in->exposure->way_count; k++)
            is_used |= ch_way_key(&in->exposure->ways[k]) == key;
        const char *lets = NULL;
        const char *name;
        for (size_t k = 0; is_used && (name = ch_profile_acceptance_at(key->profile, k, &lets)) != NULL; k++) {
            if ((key->traits.accepts >> k & 1) == 0)
                continue;
            ch_buffer_add_format(text, "%s: key %s accepts '%s', and nothing of it is counted", lets, key->name, name);
            ch_exposure_say("accepted", text);
        }
    }
}

/* The classes that signatures for what is allowed may open besides, and that are allowed too. */
static void say_confused(const ch_exposure_view *in, ch_buffer *text)
{
    unsigned opened = 0;
    unsigned allowed = allowed_classes(in->exposure);
    const ch_endpoint *endpoint;
    ch_shown_texts list = {.count = 0};
    for (size_t i = 0; i < in->exposure->way_count; i++) {
        const ch_key *key = ch_way_key(&in->exposure->ways[i]);
        if (in->exposure->ways[i].is_by_relay || key->is_relay_only)
            continue; /* what a relay brings is judged as what it is alone */
        for (size_t k = 0; (endpoint = ch_profile_endpoint_at(key->profile, k)) != NULL; k++) {
            if (ch_reach_has_call(&in->exposure->ways[i].reach, endpoint))
                opened |= ch_endpoint_openable_classes(endpoint, key->scheme, &key->traits, CH_UNKNOWN_AS_LISTED) &
                          ~(1U << ch_endpoint_class(endpoint));
        }
    }
    for (unsigned i = 0; i < CH_CLASS_COUNT; i++) {
        if ((opened & allowed & ~(CLASS(READ) | CLASS(CANCEL)) & 1U << i) != 0)
            ch_shown_texts_add(&list, ch_class_name((ch_class)i));
    }
    if (list.count == 0)
        return;
    ch_buffer_add_text(text, "signatures that are good for other calls of class ");
    ch_shown_texts_print(&list, text);
    ch_buffer_add_text(text, " too; judged and counted as each of them");
    ch_exposure_say("confused", text);
}

void ch_exposure_say_confusion(const ch_exposure_view *in, ch_buffer *text)
{
    say_accepted(in, text);
    say_confused(in, text);
}

/* ---- relays ---- */

static unsigned stray_classes(const ch_exposure_view *in, const ch_key *key)
{
    unsigned classes = 0;
    for (size_t i = 0; i < in->exposure->way_count; i++)
        classes |= ch_way_key(&in->exposure->ways[i]) == key ? in->exposure->ways[i].stray : 0;
    return classes;
}

static void say_stray(const ch_exposure_view *in, ch_buffer *text)
{
    for (size_t i = 0; i < in->policy->key_count; i++) {
        ch_shown_texts list = {.count = 0};
        unsigned classes = stray_classes(in, &in->policy->keys[i]);
        for (unsigned class_ = 0; class_ < CH_CLASS_COUNT; class_++) {
            if ((classes >> class_ & 1) != 0)
                ch_shown_texts_add(&list, ch_class_name((ch_class)class_));
        }
        if (list.count == 0)
            continue;
        ch_buffer_add_format(text, "signatures of key %s elsewhere, or with other parameters, for calls of class ",
                             in->policy->keys[i].name);
        ch_shown_texts_print(&list, text);
        ch_buffer_add_text(text, ": without bound");
        ch_exposure_say("can send", text);
    }
}

static void say_reports(const ch_exposure_view *in, ch_buffer *text)
{
    size_t said = 0;
    for (size_t i = in->policy->first[CH_VERB_LIMIT]; i < in->policy->first[CH_VERB_LIMIT + 1]; i++) {
        const ch_entry_rule *limit = &in->policy->entries[i];
        if (ch_decimal_is_zero(limit->limit.relay_release))
            continue;
        ch_buffer_add_text(text, said++ == 0 ? "what is not so, and get back " : ", ");
        ch_add_percent(text, limit->limit.relay_release);
        ch_buffer_add_format(text, " of '%s' a window", limit->name);
    }
    if (said > 0)
        ch_buffer_add_text(text, "; in the figures below");
    else
        ch_buffer_add_text(text, "what it likes, and nothing comes back: no limit has relay_release");
    ch_exposure_say("can report", text);
}

void ch_exposure_say_relay(const ch_exposure_view *in, ch_buffer *text)
{
    ch_shown_texts list = {.count = 0};
    if (in->relay == NULL) {
        say_stray(in, text);
        return;
    }
    for (size_t i = 0; i < in->policy->caller_count; i++) {
        if (ch_caller_set_has(&in->relay->speaks_for, i))
            ch_shown_texts_add(&list, in->policy->callers[i].name);
    }
    ch_shown_texts_print(&list, text);
    ch_exposure_say("speaks for", text);
    say_reports(in, text);
    say_stray(in, text);
}
