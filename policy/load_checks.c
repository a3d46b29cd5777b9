/* What the selectors of an entry say together. An item has the facts of its kind and no others, so everything here is
 * asked of kinds: which of them a class can have, and which have the fact that a selector is about. */
#include "policy/load_impl.h"

#include "exchange/class.h"
#include "exchange/profile.h"
#include "policy/reach.h"

#define KIND(name) (1U << CH_ITEM_##name)
#define CLASS(name) (1U << CH_CLASS_##name)
#define CLASSES_ALL ((1U << CH_CLASS_COUNT) - 1)

static void add_classes(unsigned classes, ch_buffer *out)
{
    size_t said = 0;
    for (unsigned i = 0; i < CH_CLASS_COUNT; i++) {
        if ((classes & 1U << i) != 0)
            ch_buffer_add_format(out, "%s%s", said++ == 0 ? "" : ", ", ch_class_name((ch_class)i));
    }
}

static ch_class first_class(unsigned classes)
{
    unsigned at = 0;
    while ((classes & 1U << at) == 0)
        at++;
    return (ch_class)at;
}

static unsigned kinds_named(const ch_entry_rule *entry, unsigned classes)
{
    unsigned kinds = 0;
    for (unsigned i = 0; i < CH_CLASS_COUNT; i++)
        kinds |= (classes & 1U << i) != 0 ? ch_kinds_named(entry, (ch_class)i) : 0;
    return kinds;
}

/* ---- an entry by itself ---- */

/* The selectors that no item of these kinds has; if there is none by itself, all that none has together. */
static void add_culprits(const ch_entry_rule *entry, unsigned kinds, ch_buffer *out)
{
    const char *field;
    unsigned having;
    for (size_t pass = 0; pass < 2 && out->size == 0; pass++) {
        for (size_t i = 0; ch_selector_aspect(&entry->selector, i, &field, &having); i++) {
            if (field != NULL && (pass == 1 || (kinds & having) == 0))
                ch_buffer_add_format(out, "%s'%s'", out->size == 0 ? "" : pass == 0 ? ", " : " and ", field);
        }
    }
    if (out->size == 0)
        ch_buffer_add_text(out, "'items'");
}

/* Classes that the selectors apply to, and some that they do not. */
static ch_status fail_mixed(const ch_yaml *node, const ch_entry_rule *entry, unsigned good, unsigned bad, ch_error *err)
{
    ch_autobuffer good_names = CH_BUFFER_INIT;
    ch_autobuffer bad_names = CH_BUFFER_INIT;
    ch_autobuffer culprits = CH_BUFFER_INIT;
    ch_class first = first_class(bad);
    add_culprits(entry, ch_kinds_named(entry, first), &culprits);
    add_classes(good, &good_names);
    add_classes(bad, &bad_names);
    return ch_yaml_fail(
        node, err,
        "class %s has no %s, so this would never allow it; split it: 'classes: [%s]' here, and [%s] in an "
        "entry without",
        ch_class_name(first), ch_buffer_text(&culprits), ch_buffer_text(&good_names), ch_buffer_text(&bad_names));
}

static ch_status fail_none(const ch_yaml *node, const ch_entry_rule *entry, unsigned classes, ch_error *err)
{
    ch_autobuffer names = CH_BUFFER_INIT;
    ch_autobuffer culprits = CH_BUFFER_INIT;
    add_culprits(entry, kinds_named(entry, classes), &culprits);
    if (classes == CLASSES_ALL)
        return ch_yaml_fail(node, err, "it can never match: nothing has both %s; make an entry for each",
                            ch_buffer_text(&culprits));
    add_classes(classes, &names);
    return ch_yaml_fail(node, err, "it can never match: nothing of class %s has %s; correct one of them",
                        ch_buffer_text(&names), ch_buffer_text(&culprits));
}

static ch_status check_applicable(const ch_yaml *node, const ch_entry_rule *entry, ch_error *err)
{
    unsigned classes = ch_classes_matched(&entry->selector);
    unsigned good = 0;
    for (unsigned i = 0; i < CH_CLASS_COUNT; i++) {
        if ((classes & 1U << i) != 0 && ch_kinds_selected(entry, (ch_class)i) != 0)
            good |= 1U << i;
    }
    if (good == 0)
        return fail_none(node, entry, classes, err);
    bool is_mixed = entry->verb == CH_VERB_ALLOW && good != classes;
    return is_mixed ? fail_mixed(node, entry, good, classes & ~good, err) : CH_OK;
}

/* Each endpoint that is written must be of a class that is written. */
static ch_status check_endpoints(const ch_yaml *node, const ch_selector *selector, ch_error *err)
{
    for (size_t i = 0; selector->classes != 0 && i < selector->endpoint_count; i++) {
        ch_class class_ = ch_endpoint_class(selector->endpoints[i]);
        if ((selector->classes & 1U << class_) == 0)
            return ch_yaml_fail(node, err,
                                "the endpoint '%s %s' is of class %s, which 'classes' leaves out; add the class, or "
                                "delete the endpoint",
                                ch_endpoint_method(selector->endpoints[i]), ch_endpoint_path(selector->endpoints[i]),
                                ch_class_name(class_));
    }
    return CH_OK;
}

static ch_status check_who(const ch_yaml *node, ch_error *err)
{
    if (ch_yaml_get(node, "caller") == NULL)
        return ch_yaml_fail(node, err, "an allow needs 'caller'; write 'caller: any' for every caller");
    if (ch_yaml_get(node, "key") == NULL)
        return ch_yaml_fail(node, err, "an allow needs 'key'; write 'key: any' for every key");
    if (ch_yaml_get(node, "classes") == NULL && ch_yaml_get(node, "endpoints") == NULL)
        return ch_yaml_fail(node, err, "an allow needs 'classes' or 'endpoints'");
    return CH_OK;
}

#define CLASSES_MONEY (CLASS(TRADE) | CLASS(TRANSFER) | CLASS(WITHDRAW))

static ch_status check_limited(const ch_yaml *node, const ch_entry_rule *entry, ch_error *err)
{
    const ch_yaml *limits = ch_yaml_get(node, "limits");
    ch_autobuffer names = CH_BUFFER_INIT;
    if (limits != NULL)
        CH_TRY(ch_yaml_expect_list(limits, err));
    if (limits != NULL && entry->is_unlimited)
        return ch_yaml_fail(limits, err, "it names limits and is unlimited; delete 'limits' or 'unlimited'");
    if (limits != NULL && ch_yaml_count(limits) == 0)
        return ch_yaml_fail(limits, err, "this list is empty; name a limit, or write 'unlimited: true'");
    add_classes(ch_classes_opened(&entry->selector) & CLASSES_MONEY, &names);
    if (names.size != 0 && limits == NULL && !entry->is_unlimited)
        return ch_yaml_fail(node, err,
                            "class %s can cost money; name limits, as in 'limits: [order-size]', or write "
                            "'unlimited: true'",
                            ch_buffer_text(&names));
    return CH_OK;
}

/* What must be written for some classes, if it is for everything. */
static ch_status check_written(const ch_yaml *node, const ch_entry_rule *entry, ch_error *err)
{
    const ch_selector *selector = &entry->selector;
    unsigned classes = ch_classes_opened(selector);
    bool has_orders = (classes & CLASS(TRADE)) != 0 && (ch_kinds_selected(entry, CH_CLASS_TRADE) & KIND(ORDER)) != 0;
    if (has_orders && !selector->is_any_market && selector->markets == 0)
        return ch_yaml_fail(
            node, err, "an allow for class trade needs 'markets': spot, margin, linear, inverse, option, or 'any'");
    if ((classes & (CLASS(TRANSFER) | CLASS(WITHDRAW))) != 0 && !selector->is_any_address && selector->to == NULL)
        return ch_yaml_fail(node, err,
                            "an allow for class transfer or withdraw needs 'to': names of 'addresses', or 'any'");
    return CH_OK;
}

static ch_status check_allow(const ch_yaml *node, const ch_entry_rule *entry, ch_error *err)
{
    CH_TRY(check_who(node, err));
    CH_TRY(check_written(node, entry, err));
    return check_limited(node, entry, err);
}

ch_status ch_check_entry(ch_policy_loader *load, const ch_yaml *node, const ch_entry_rule *entry, ch_error *err)
{
    if (entry->verb == CH_VERB_ALLOW)
        CH_TRY(check_allow(node, entry, err));
    CH_TRY(check_endpoints(node, &entry->selector, err));
    CH_TRY(check_applicable(node, entry, err));
    return entry->verb == CH_VERB_LIMIT ? ch_check_limit_alone(load, node, entry, err) : CH_OK;
}
