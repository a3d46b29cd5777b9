/* Levels: how much of each limit is used up, in each window that it counts in. Pure arithmetic in memory; state/ keeps
 * what must survive. The time is an argument.
 *
 * A level belongs to a limit and a scope, the text of whom or what it counts: "caller=maker;symbol=BTCUSDT". Budgets
 * for closing, and what was released, are levels of their own. Levels live across reloads by the limit's name, control,
 * unit and `by`. If a reload changes the period, all that counts then is put into the new period's present bucket, so
 * that no edit gives a budget back.
 *
 * If the clock is set back, what was taken by the clock before goes on counting until that time has come again and the
 * window has passed, so that it counts too long and never too short.
 *
 * `now_ns` is the present, also for who only looks: what no longer counts then is forgotten, and another time asked for
 * would be one that the clock was set back from. Finding a level, what it has used and taking from it cost the same
 * however many levels and buckets there are. Core owns the one struct; not thread-safe, not even for those who only
 * look. levels.c takes and gives back, levels_find.c finds, levels_share.c has whose they are, levels_keep.c what
 * survives. */
#ifndef CH_POLICY_LEVELS_H
#define CH_POLICY_LEVELS_H

#include "policy/policy.h"

#define CH_SCOPE_MAX 400
#define CH_LEVELS_MAX 65536 /* levels; above it, no new scope is counted, and what would need it is refused */
/* The same of one limit, so that who can make up scopes, as for `same_order`, does not use up those of other limits. Of
 * both, a caller that scopes name first has a share (base/share.h): an eighth, and more while over a quarter is left.
 */
#define CH_LEVELS_OF_LIMIT_MAX 16384

typedef struct ch_levels ch_levels;

ch_levels *ch_levels_new(void);
void ch_levels_free(ch_levels *levels);

/* What a request takes of a limit. */
typedef struct ch_charge {
    const ch_entry_rule *entry; /* a limit's, of the policy that was set last */
    ch_slice scope;
    bool is_closing;      /* of the budget for closing, which counts by itself */
    bool may_use_reserve; /* a cancel, of a message limit: the reserve is for it */
    ch_decimal amount;
} ch_charge;

/* What has been taken, for giving it back. */
typedef struct ch_taken {
    uint64_t level; /* of ch_levels_take; never 0, and never that of a later level */
    uint64_t bucket;
    ch_decimal amount;
} ch_taken;

/* How much of the limit's level is used at `now_ns`. */
ch_decimal ch_levels_used(const ch_levels *levels, const ch_charge *charge, uint64_t now_ns);
/* When so much is free again that the charge fits, as ns from `now_ns`, exactly; 0: it fits now; UINT64_MAX: never by
 * itself. */
uint64_t ch_levels_wait(const ch_levels *levels, const ch_charge *charge, uint64_t now_ns);
/* True if the charge fits: used + amount <= most (of a cancel: the whole; of others: most - reserve_cancels), or
 * <= closing if it is closing. `*used` is what ch_levels_used returns. */
bool ch_levels_fits(const ch_levels *levels, const ch_charge *charge, uint64_t now_ns, ch_decimal *used);
/* Takes it, whether it fits or not. CH_REFUSED, with the limit as the rule, if there are too many levels, or the sum
 * does not fit a decimal; then nothing is taken. */
CH_CHECKED ch_status ch_levels_take(ch_levels *levels, const ch_charge *charge, uint64_t now_ns, ch_taken *out,
                                    ch_error *err);
/* Gives back what was taken; harmless if its bucket is gone, or a reload has changed the limit's period since. Once per
 * ch_levels_take: a level does not know what was given back already. */
void ch_levels_return(ch_levels *levels, const ch_taken *taken);
/* Returns what is reported as rejected, as far as the limit lets: by `release` if a bot reports it, by `relay_release`
 * if a relay does. Returns what of `amount` was returned. In no period is more than so much of the limit returned to a
 * level, whoever reported it, nor ever more than what was taken. Of an open value all is returned, since what is closed
 * does not count there. Once per ch_levels_take, as above. */
typedef enum ch_reporter { CH_REPORTER_BOT, CH_REPORTER_RELAY } ch_reporter;
ch_decimal ch_levels_release(ch_levels *levels, const ch_taken *taken, const ch_entry_rule *entry, ch_reporter by,
                             uint64_t now_ns);

/* ---- what survives ---- */

/* One bucket of a level. Rows are restored in the order in which they were taken. */
typedef struct ch_level_row {
    ch_slice limit; /* the entry's name */
    ch_slice shape; /* control, unit and period, in a text: what makes it the same limit after a reload */
    ch_slice scope;
    bool is_closing;
    bool is_released; /* it counts what was released, not what was used */
    uint64_t bucket;  /* of a sliding window its number; else when the period ends, in ns */
    ch_decimal amount;
    uint64_t at_ns; /* of one to be restored: when it was taken; 0: nobody knows */
} ch_level_row;

/* The row of what ch_levels_take took, for the record; views, until the next change. With another amount in `taken`,
 * the row of so much of it. All empty if the level is gone. */
ch_level_row ch_levels_row(const ch_levels *levels, const ch_taken *taken);
/* The row that counts what ch_levels_release has just returned, `amount`, as released. */
ch_level_row ch_levels_released_row(const ch_levels *levels, const ch_taken *taken, ch_decimal amount, uint64_t now_ns);
/* Adds a row to what counts: at start, before ch_levels_set_policy. An empty one changes nothing. */
void ch_levels_restore(ch_levels *levels, const ch_level_row *row);
/* Takes a row away again: a returned reservation in the journal. */
void ch_levels_restore_return(ch_levels *levels, const ch_level_row *row);
/* A row as what was taken, so that it can be given back after a restart. False if its bucket is gone. */
bool ch_levels_find_row(const ch_levels *levels, const ch_level_row *row, ch_taken *out);
/* Binds levels to the limits of `policy`, which must live until the next call or the end; the one before may go then.
 * Levels of limits that are gone are kept until their buckets are. Returns true if something was put into another
 * bucket: then the rows so far do not add up to the levels any more, and a snapshot must come before the next row. */
bool ch_levels_set_policy(ch_levels *levels, const ch_policy *policy, uint64_t now_ns);
/* Calls `take` for each bucket that still counts. */
void ch_levels_each(const ch_levels *levels, uint64_t now_ns, void (*take)(void *context, const ch_level_row *row),
                    void *context);
/* Forgets levels of which nothing counts any more. */
void ch_levels_sweep(ch_levels *levels, uint64_t now_ns);

#endif
