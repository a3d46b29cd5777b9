/* What the files of differences.h share: what an entry says, as sets of texts (differences_sets.c), by its figures
 * (differences_figures.c), and what else a policy has (differences_things.c; differences_unlock.c for unlocks,
 * differences_flatten.c for what flattens keys). */
#ifndef CH_POLICY_DIFFERENCES_IMPL_H
#define CH_POLICY_DIFFERENCES_IMPL_H

#include "policy/differences.h"

/* An entry, and the policy that it is of. */
typedef struct ch_said {
    const ch_policy *policy;
    const ch_entry_rule *entry;
} ch_said;

/* A set of texts, or all that there can be. */
typedef struct ch_said_set {
    bool is_all;
    ch_text_list texts; /* sorted; their own memory */
} ch_said_set;

typedef struct ch_said_row {
    const char *name; /* "symbols" */
    void (*list)(const ch_said *said, ch_said_set *out);
    bool narrows; /* more of it narrows an allow: limits */
} ch_said_row;

/* The rows by position; NULL past the end. */
const ch_said_row *ch_said_row_at(size_t index);
ch_said_set ch_said_list(const ch_said_row *row, const ch_said *said);
void ch_said_set_free(ch_said_set *set);
bool ch_said_set_has(const ch_said_set *set, const char *text);
/* True if all that is in `part` is in `whole`. */
bool ch_said_set_is_part(const ch_said_set *part, const ch_said_set *whole);

/* Who hears of it: an entry's differences. */
typedef struct ch_saying_of {
    const ch_difference_reader *reader;
    ch_difference of;
    size_t count;
} ch_saying_of;
void ch_say_difference(ch_saying_of *to, ch_change direction, const char *format, ...) CH_PRINTF(3, 4);

ch_change ch_change_opposite(ch_change direction);
/* Of a time at which something ends, or after which: later is wider, and 0, never, is the latest. */
ch_change ch_direction_of_end(uint64_t one, uint64_t other);

/* One figure: "limit 'day': release is 20 % now; it was 10 %". Those below say nothing if it is the same. */
void ch_say_figure(ch_saying_of *to, ch_change direction, const char *what, const char *now, const char *before);
void ch_compare_text(ch_saying_of *to, const char *what, const char *one, const char *other);
void ch_compare_number(ch_saying_of *to, const char *what, uint64_t one, uint64_t other, bool more_is_wider);
void ch_compare_duration(ch_saying_of *to, const char *what, uint64_t one, uint64_t other, bool more_is_wider);
/* Prints "none" if `ratio` is NULL, which means that it is not given. */
void ch_print_percent(const ch_decimal *ratio, ch_buffer *out);
void ch_compare_ratio(ch_saying_of *to, const char *what, const ch_decimal *one, const ch_decimal *other,
                      ch_change if_more, ch_change if_gone);
/* 0 is never. */
void ch_compare_expiry(uint64_t one_ns, uint64_t other_ns, ch_saying_of *to);

/* Compares figures of two entries of one verb, or of two keys, accounts, and the rest of the policies. */
void ch_compare_figures(const ch_said *one, const ch_said *other, ch_saying_of *to);
void ch_compare_key(const ch_policy *old_policy, const ch_key *one, const ch_policy *new_policy, const ch_key *other,
                    ch_saying_of *to);
void ch_compare_flatten(const ch_key *one, const ch_key *other, ch_saying_of *to);
void ch_compare_account(const ch_account *one, const ch_account *other, ch_saying_of *to);
void ch_compare_address(const ch_address *one, const ch_address *other, ch_saying_of *to);
void ch_compare_person(const ch_person *one, const ch_person *other, ch_saying_of *to);
void ch_compare_caller(const ch_caller *one, const ch_caller *other, ch_saying_of *to);
void ch_compare_unlock_ends(const ch_unlock_ends *one, const ch_unlock_ends *other, ch_saying_of *to);
void ch_compare_unlocks(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to);
/* For whom relays speak (differences_relays.c). */
void ch_compare_relays(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to);
void ch_compare_rest(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to);

#endif
