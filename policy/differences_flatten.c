/* What flattens a key. */
#include "policy/differences_impl.h"

#include "policy/prepared.h"

#include <string.h>

static bool is_alike(const ch_prepared *one, const ch_prepared *other)
{
    ch_autobuffer one_text = CH_BUFFER_INIT;
    ch_autobuffer other_text = CH_BUFFER_INIT;
    ch_prepared_print(one, &one_text);
    ch_prepared_print(other, &other_text);
    return strcmp(ch_buffer_text(&one_text), ch_buffer_text(&other_text)) == 0;
}

/* Counts each of several that are alike. */
static size_t count_alike(const ch_key *key, size_t count, const ch_prepared *like)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += is_alike(&key->flatten[i], like);
    return found;
}

/* Says which requests `one` has more often than `other`. Returns how many. */
static size_t say_missing(const ch_key *one, const ch_key *other, ch_change direction, const char *verb,
                          ch_saying_of *to)
{
    size_t missing = 0;
    for (size_t i = 0; i < one->flatten_count; i++) {
        ch_autobuffer text = CH_BUFFER_INIT;
        const ch_prepared *at = &one->flatten[i];
        if (count_alike(one, i + 1, at) <= count_alike(other, other->flatten_count, at))
            continue;
        missing++;
        ch_prepared_print(at, &text);
        ch_say_difference(to, direction, "key '%s': flatten %s %s", one->name, verb, ch_buffer_text(&text));
    }
    return missing;
}

static bool is_in_order(const ch_key *one, const ch_key *other)
{
    for (size_t i = 0; i < one->flatten_count; i++) {
        if (!is_alike(&one->flatten[i], &other->flatten[i]))
            return false;
    }
    return true;
}

void ch_compare_flatten(const ch_key *one, const ch_key *other, ch_saying_of *to)
{
    size_t changes = say_missing(other, one, CH_WIDER, "also has signed now:", to) +
                     say_missing(one, other, CH_NARROWER, "no longer has signed:", to);
    if (changes == 0 && !is_in_order(one, other))
        ch_say_difference(to, CH_CHANGED, "key '%s': flatten has the same requests signed in another order now",
                          other->name);
}
