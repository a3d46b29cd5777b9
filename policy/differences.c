/* What is new and what is gone, and of what is in both how it differs. More in an allow is wider; more in what narrows
 * is narrower. */
#include "policy/differences_impl.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

const char *ch_change_name(ch_change direction)
{
    static const char *const names[] = {[CH_WIDER] = "wider", [CH_NARROWER] = "narrower", [CH_CHANGED] = "changed"};
    return names[direction];
}

ch_change ch_change_opposite(ch_change direction)
{
    return direction == CH_WIDER ? CH_NARROWER : direction == CH_NARROWER ? CH_WIDER : CH_CHANGED;
}

/* ---- two entries ---- */

/* Elements of `of` that are not in `other`. */
static void add_missing(const ch_said_set *of, const ch_said_set *other, ch_buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < of->texts.count; i++) {
        if (ch_said_set_has(other, of->texts.items[i]))
            continue;
        if (count++ < 20)
            ch_buffer_add_format(out, "%s%s", count == 1 ? "" : ", ", of->texts.items[i]);
    }
    if (count > 20)
        ch_buffer_add_format(out, " and %zu more", count - 20);
}

static void say_more(const ch_said *said, const char *what, const ch_said_set *of, const ch_said_set *other,
                     bool is_new, ch_change direction, ch_saying_of *to)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    if (ch_said_set_is_part(of, other))
        return;
    if (of->is_all)
        ch_buffer_add_text(&text, "any");
    else
        add_missing(of, other, &text);
    ch_say_difference(to, direction, "%s '%s' %s %s: %s", ch_verb_name(said->entry->verb), said->entry->name,
                      is_new ? "now takes" : "no longer takes", what, ch_buffer_text(&text));
}

static void compare_sets(const ch_said *one, const ch_said *other, ch_saying_of *to)
{
    const ch_said_row *row;
    for (size_t i = 0; (row = ch_said_row_at(i)) != NULL; i++) {
        ch_said_set old_set = ch_said_list(row, one);
        ch_said_set new_set = ch_said_list(row, other);
        ch_change more = (other->entry->verb == CH_VERB_ALLOW) != row->narrows ? CH_WIDER : CH_NARROWER;
        say_more(other, row->name, &new_set, &old_set, true, more, to);
        if (!new_set.is_all)
            say_more(other, row->name, &old_set, &new_set, false, ch_change_opposite(more), to);
        ch_said_set_free(&old_set);
        ch_said_set_free(&new_set);
    }
}

static void compare_entries(const ch_said *one, const ch_said *other, ch_saying_of *to)
{
    compare_sets(one, other, to);
    ch_compare_figures(one, other, to);
}

static bool say_the_same(const ch_said *one, const ch_said *other)
{
    const ch_difference_reader nobody = {0};
    ch_saying_of to = {
        .reader = &nobody, .of = {.about = "", .name = ""}
    };
    compare_entries(one, other, &to);
    return to.count == 0;
}

/* True if all that allow `one` lets pass, `other` lets pass, under no more limits. */
static bool is_covered(const ch_said *one, const ch_said *other)
{
    const ch_said_row *row;
    bool is_part = one->entry->is_unlimited == other->entry->is_unlimited && other->entry->selector.hours.count == 0 &&
                   other->entry->selector.expires_ns == 0;
    for (size_t i = 0; is_part && (row = ch_said_row_at(i)) != NULL; i++) {
        ch_said_set part = ch_said_list(row, one);
        ch_said_set whole = ch_said_list(row, other);
        is_part = row->narrows ? ch_said_set_is_part(&whole, &part) : ch_said_set_is_part(&part, &whole);
        ch_said_set_free(&part);
        ch_said_set_free(&whole);
    }
    return is_part;
}

/* ---- which entry is which ---- */

static const ch_entry_rule *find_named(const ch_policy *policy, ch_verb verb, const char *name)
{
    for (size_t i = policy->first[verb]; i < policy->first[verb + 1]; i++) {
        if (strcmp(policy->entries[i].name, name) == 0)
            return &policy->entries[i];
    }
    return NULL;
}

/* One that says the same under a name that is not there on the other side. */
static const ch_entry_rule *find_renamed(const ch_said *of, const ch_policy *policy)
{
    ch_verb verb = of->entry->verb;
    for (size_t i = policy->first[verb]; i < policy->first[verb + 1]; i++) {
        const ch_said other = {policy, &policy->entries[i]};
        if (find_named(of->policy, verb, other.entry->name) == NULL && say_the_same(of, &other))
            return other.entry;
    }
    return NULL;
}

static const ch_entry_rule *find_counterpart(const ch_said *of, const ch_policy *policy)
{
    const ch_entry_rule *named = find_named(policy, of->entry->verb, of->entry->name);
    return named != NULL ? named : find_renamed(of, policy);
}

static bool is_covered_by_any(const ch_said *of, const ch_policy *policy)
{
    for (size_t i = policy->first[CH_VERB_ALLOW]; i < policy->first[CH_VERB_ALLOW + 1]; i++) {
        const ch_said other = {policy, &policy->entries[i]};
        if (is_covered(of, &other))
            return true;
    }
    return false;
}

/* ---- the entries of two policies ---- */

/* A named limit that is new narrows nothing by itself: the allows that name it say so. */
static void say_alone(const ch_said *of, const ch_policy *other, bool is_new, ch_saying_of *to)
{
    ch_verb verb = of->entry->verb;
    ch_change direction = verb == CH_VERB_ALLOW ? CH_WIDER : CH_NARROWER;
    if ((verb == CH_VERB_ALLOW && is_covered_by_any(of, other)) || (verb == CH_VERB_LIMIT && of->entry->limit.is_named))
        return;
    ch_say_difference(to, is_new ? direction : ch_change_opposite(direction), "%s '%s' is %s", ch_verb_name(verb),
                      of->entry->name, is_new ? "new" : "gone");
}

static void add_callers(const ch_said *said, ch_said_set *to)
{
    ch_said_set more = ch_said_list(ch_said_row_at(0), said); /* callers */
    to->is_all |= more.is_all;
    for (size_t i = 0; i < more.texts.count; i++) {
        size_t k = 0;
        while (k < to->texts.count && strcmp(to->texts.items[k], more.texts.items[i]) != 0)
            k++;
        if (k < to->texts.count)
            continue;
        to->texts.items = ch_realloc_array(to->texts.items, to->texts.count + 1, sizeof *to->texts.items);
        to->texts.items[to->texts.count++] = ch_strdup(more.texts.items[i]);
    }
    ch_said_set_free(&more);
}

/* A limit that allows name is about their callers. */
static void add_namers(const ch_said *limit, ch_said_set *to)
{
    const ch_policy *policy = limit->policy;
    to->is_all = false;
    for (size_t i = policy->first[CH_VERB_ALLOW]; i < policy->first[CH_VERB_ALLOW + 1]; i++) {
        const ch_said allow = {policy, &policy->entries[i]};
        for (size_t k = 0; k < allow.entry->limit_count; k++) {
            if (&policy->entries[allow.entry->limits[k]] == limit->entry)
                add_callers(&allow, to);
        }
    }
}

static void add_whom(const ch_said *said, ch_said_set *to)
{
    if (said->entry->verb == CH_VERB_LIMIT && said->entry->limit.is_named && said->entry->selector.is_any_caller)
        add_namers(said, to);
    else
        add_callers(said, to);
}

/* A limit goes on counting by its name, so under a new one nothing of it is used up. */
static void say_renamed(const ch_said *one, const ch_said *other, ch_saying_of *to)
{
    const ch_limit *limit = &other->entry->limit;
    bool counts = limit->per.kind != CH_PERIOD_NONE || limit->control == CH_CONTROL_OPEN_VALUE;
    if (other->entry->verb == CH_VERB_LIMIT && counts && strcmp(one->entry->name, other->entry->name) != 0)
        ch_say_difference(to, CH_CHANGED, "limit '%s' was '%s', and counts from nothing under its new name",
                          other->entry->name, one->entry->name);
}

static size_t compare_verb(const ch_policy *old_policy, const ch_policy *new_policy, ch_verb verb,
                           const ch_difference_reader *reader, bool is_back)
{
    size_t count = 0;
    for (size_t i = new_policy->first[verb]; i < new_policy->first[verb + 1]; i++) {
        const ch_said said = {new_policy, &new_policy->entries[i]};
        const ch_said other = {old_policy, find_counterpart(&said, old_policy)};
        ch_said_set whom = {0};
        add_whom(&said, &whom);
        if (other.entry != NULL && !whom.is_all)
            add_whom(&other, &whom);
        ch_saying_of to = {
            .reader = reader,
            .of = {.about = ch_verb_name(verb), .name = said.entry->name, .callers = whom.is_all ? NULL : &whom.texts}
        };
        if (other.entry == NULL)
            say_alone(&said, old_policy, !is_back, &to);
        else if (!is_back)
            compare_entries(&other, &said, &to);
        if (other.entry != NULL && !is_back)
            say_renamed(&other, &said, &to);
        count += to.count;
        ch_said_set_free(&whom);
    }
    return count;
}

/* ---- what has a name and is no entry ---- */

typedef struct named {
    const char *about;
    size_t (*count)(const ch_policy *policy);
    const char *(*name)(const ch_policy *policy, size_t index);
    void (*compare)(const ch_policy *old_policy, size_t one, const ch_policy *new_policy, size_t other,
                    ch_saying_of *to);
    ch_change if_new;
    bool is_silent; /* that it is new or gone is said by the entries that name it */
} named;

#define NAMED(what, array, number)                                                                                     \
    static size_t count_##what(const ch_policy *policy)                                                                \
    {                                                                                                                  \
        return policy->number;                                                                                         \
    }                                                                                                                  \
    static const char *name_##what(const ch_policy *policy, size_t index)                                              \
    {                                                                                                                  \
        return policy->array[index].name;                                                                              \
    }

NAMED(caller, callers, caller_count)
NAMED(person, people, person_count)
NAMED(key, keys, key_count)
NAMED(account, accounts, account_count)
NAMED(address, addresses, address_count)

static void compare_callers(const ch_policy *old_policy, size_t one, const ch_policy *new_policy, size_t other,
                            ch_saying_of *to)
{
    ch_compare_caller(&old_policy->callers[one], &new_policy->callers[other], to);
}

static void compare_people(const ch_policy *old_policy, size_t one, const ch_policy *new_policy, size_t other,
                           ch_saying_of *to)
{
    ch_compare_person(&old_policy->people[one], &new_policy->people[other], to);
}

static void compare_keys(const ch_policy *old_policy, size_t one, const ch_policy *new_policy, size_t other,
                         ch_saying_of *to)
{
    ch_compare_key(old_policy, &old_policy->keys[one], new_policy, &new_policy->keys[other], to);
}

static void compare_accounts(const ch_policy *old_policy, size_t one, const ch_policy *new_policy, size_t other,
                             ch_saying_of *to)
{
    ch_compare_account(&old_policy->accounts[one], &new_policy->accounts[other], to);
}

static void compare_addresses(const ch_policy *old_policy, size_t one, const ch_policy *new_policy, size_t other,
                              ch_saying_of *to)
{
    ch_compare_address(&old_policy->addresses[one], &new_policy->addresses[other], to);
}

/* clang-format off */
static const named things[] = {
    /* about       counts         names         compares           if it is new  silent */
    { "caller",    count_caller,  name_caller,  compare_callers,   CH_CHANGED,   false },
    { "person",    count_person,  name_person,  compare_people,    CH_WIDER,     false },
    { "key",       count_key,     name_key,     compare_keys,      CH_CHANGED,   false },
    { "account",   count_account, name_account, compare_accounts,  CH_CHANGED,   true },
    { "address",   count_address, name_address, compare_addresses, CH_CHANGED,   true },
};
/* clang-format on */

static size_t find_thing(const named *row, const ch_policy *policy, const char *name)
{
    size_t i = 0;
    while (i < row->count(policy) && strcmp(row->name(policy, i), name) != 0)
        i++;
    return i;
}

static size_t compare_things(const named *row, const ch_policy *old_policy, const ch_policy *new_policy,
                             const ch_difference_reader *reader, bool is_back)
{
    size_t count = 0;
    for (size_t i = 0; i < row->count(new_policy); i++) {
        char *name = (char *)row->name(new_policy, i);
        const ch_text_list self = {.items = &name, .count = 1};
        bool is_caller = row->compare == compare_callers;
        ch_saying_of to = {
            .reader = reader, .of = {.about = row->about, .name = name, .callers = is_caller ? &self : NULL}
        };
        size_t at = find_thing(row, old_policy, name);
        if (at < row->count(old_policy) && !is_back)
            row->compare(old_policy, at, new_policy, i, &to);
        else if (at == row->count(old_policy) && !row->is_silent)
            ch_say_difference(&to, is_back ? ch_change_opposite(row->if_new) : row->if_new, "%s '%s' is %s", row->about,
                              name, is_back ? "gone" : "new");
        count += to.count;
    }
    return count;
}

/* ---- the whole ---- */

size_t ch_policy_compare(const ch_policy *old_policy, const ch_policy *new_policy, const ch_difference_reader *reader)
{
    size_t count = 0;
    for (ch_verb verb = CH_VERB_ALLOW; verb < CH_VERB_COUNT; verb++) {
        count += compare_verb(old_policy, new_policy, verb, reader, false);
        count += compare_verb(new_policy, old_policy, verb, reader, true);
    }
    for (size_t i = 0; i < sizeof things / sizeof *things; i++) {
        count += compare_things(&things[i], old_policy, new_policy, reader, false);
        count += compare_things(&things[i], new_policy, old_policy, reader, true);
    }
    ch_saying_of to = {
        .reader = reader, .of = {.about = "policy", .name = ""}
    };
    ch_compare_rest(old_policy, new_policy, &to);
    return count + to.count;
}
