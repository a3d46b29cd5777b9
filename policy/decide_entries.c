/* Of a thousand entries, twenty are for this caller and this key: sets of bits say which, before any is looked at. If
 * the policy's entries lie by name, so do those found, and sorting them is one pass. */
#include "policy/decide_impl.h"

#include "base/memory.h"

#include <string.h>

static void add_caller(const ch_judge *judge, size_t caller)
{
    const ch_policy *policy = judge->policy;
    for (size_t i = 0; i < policy->entry_words; i++)
        judge->set[i] |= policy->by_caller[caller * policy->entry_words + i];
}

static void fill_set(ch_judge *judge)
{
    const ch_policy *policy = judge->policy;
    const uint64_t *by_key = policy->by_key + ch_policy_key_index(policy, judge->question->key) * policy->entry_words;
    bool is_named = false;
    memset(judge->set, 0, policy->entry_words * sizeof *judge->set);
    for (size_t word = 0; word < CH_CALLER_WORDS; word++) {
        for (uint64_t left = judge->question->callers->bits[word]; left != 0; left &= left - 1) {
            is_named = true;
            add_caller(judge, 64 * word + (size_t)__builtin_ctzll(left));
        }
    }
    for (size_t i = 0; i < policy->entry_words; i++)
        judge->set[i] = (is_named ? judge->set[i] : policy->any_caller[i]) & by_key[i];
}

static void make_room(ch_judge *judge)
{
    const ch_policy *policy = judge->policy;
    if (policy->entry_words > judge->set_words) {
        judge->set_words = policy->entry_words;
        judge->set = ch_realloc_array(judge->set, judge->set_words, sizeof *judge->set);
    }
    if (policy->entry_count > judge->entry_capacity) {
        judge->entry_capacity = policy->entry_count;
        judge->entries = ch_realloc_array(judge->entries, judge->entry_capacity, sizeof *judge->entries);
        judge->covering = ch_realloc_array(judge->covering, judge->entry_capacity, sizeof *judge->covering);
        judge->aboves = ch_realloc_array(judge->aboves, judge->entry_capacity, sizeof *judge->aboves);
        judge->is_required = ch_realloc_array(judge->is_required, judge->entry_capacity, sizeof *judge->is_required);
    }
}

/* Puts the entry among those of its verb, which begin at `first`, by name. */
static void insert(ch_judge *judge, size_t first, const ch_entry_rule *entry)
{
    size_t at = judge->entry_count++;
    for (; at > first && strcmp(judge->entries[at - 1]->name, entry->name) > 0; at--)
        judge->entries[at] = judge->entries[at - 1];
    judge->entries[at] = entry;
}

static void find_of_verb(ch_judge *judge, ch_verb verb)
{
    const ch_policy *policy = judge->policy;
    size_t from = policy->first[verb];
    size_t to = policy->first[verb + 1];
    judge->first[verb] = judge->entry_count;
    for (size_t word = from / 64; from < to && word <= (to - 1) / 64; word++) {
        uint64_t left = judge->set[word];
        if (word == from / 64)
            left &= UINT64_MAX << (from % 64);
        if (word == to / 64)
            left &= ~(UINT64_MAX << (to % 64));
        for (; left != 0; left &= left - 1)
            insert(judge, judge->first[verb], &policy->entries[64 * word + (size_t)__builtin_ctzll(left)]);
    }
    judge->first[verb + 1] = judge->entry_count;
}

void ch_judge_find_entries(ch_judge *judge)
{
    make_room(judge);
    fill_set(judge);
    judge->entry_count = 0;
    for (ch_verb verb = CH_VERB_ALLOW; verb < CH_VERB_COUNT; verb++)
        find_of_verb(judge, verb);
}
