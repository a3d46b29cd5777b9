/* An exchange with a window takes a nonce n from n - ahead to n + behind on its own clock, so two requests with the
 * same nonce can both be taken only if they are sent within ahead + behind of each other. That long, by the boot clock
 * (which nobody can set), a counter remembers what it drew: in this run, and in the one before it. */
#include "state/counter.h"

#include <assert.h>

#define PLAIN_STRETCH_NS 10000000000ULL /* reserved at a time, where no window says less */

static bool has_window(const ch_counter *counter)
{
    return counter->rule.ahead_ns > 0;
}

static uint64_t in_units(const ch_counter *counter, uint64_t ns)
{
    return ns / counter->rule.unit_ns;
}

static uint64_t clock_of(const ch_counter *counter, const ch_moment *now)
{
    assert(counter->rule.unit_ns > 0);
    return in_units(counter, now->wall_ns);
}

/* How long a nonce that was drawn must not be drawn again. */
static uint64_t memory_ns(const ch_counter *counter)
{
    return counter->rule.ahead_ns + counter->rule.behind_ns;
}

static uint64_t memory(const ch_counter *counter)
{
    return in_units(counter, memory_ns(counter)) + 1;
}

/* The largest nonce that is drawn now. Half of what the exchange allows is left to the difference between the clocks.
 */
static uint64_t largest(const ch_counter *counter, uint64_t clock)
{
    return has_window(counter) ? clock + in_units(counter, counter->rule.ahead_ns / 2) : CH_NONCE_END - 1;
}

static uint64_t stretch(const ch_counter *counter)
{
    uint64_t units = in_units(counter, has_window(counter) ? counter->rule.ahead_ns / 4 : PLAIN_STRETCH_NS);
    return units == 0 ? 1 : units;
}

/* ---- runs ---- */

static bool was_drawn_earlier(const ch_counter *counter, uint64_t nonce)
{
    return nonce < counter->earlier && nonce + memory(counter) >= counter->earlier;
}

static uint64_t smallest(const ch_counter *counter, uint64_t clock)
{
    uint64_t nonce = counter->next > clock ? counter->next : clock;
    return was_drawn_earlier(counter, nonce) ? counter->earlier : nonce;
}

/* Begins a run at the clock, or goes on with the earlier one if that is where the clock has come back to. Nothing is
 * reserved in it yet. */
static ch_status begin_run(ch_counter *counter, uint64_t clock, bool is_recent, ch_error *err)
{
    bool is_back = clock + memory(counter) >= counter->earlier && clock <= counter->earlier + memory(counter);
    if (counter->earlier != 0 && !is_back)
        return ch_fail(err, CH_BUSY, "the clock was set twice within the exchange's window; try again in a moment");
    uint64_t first = is_back && counter->earlier > clock ? counter->earlier : clock;
    counter->earlier = is_recent ? counter->next : 0;
    counter->earlier_until_ns = counter->used_ns + memory_ns(counter);
    counter->next = counter->reserved = first;
    counter->run++;
    return CH_OK;
}

/* What was drawn before the start of the agent may have been drawn just before it. */
static void note_start(ch_counter *counter, const ch_moment *now)
{
    if (counter->used_ns != 0)
        return;
    counter->used_ns = now->boot_ns;
    counter->earlier_until_ns = now->boot_ns + memory_ns(counter);
}

/* Begins a run if the clock is no longer where this one is. */
static ch_status follow(ch_counter *counter, const ch_moment *now, ch_error *err)
{
    if (!has_window(counter))
        return CH_OK;
    note_start(counter, now);
    if (now->boot_ns >= counter->earlier_until_ns)
        counter->earlier = 0;
    uint64_t clock = clock_of(counter, now);
    bool is_recent = now->boot_ns < counter->used_ns + memory_ns(counter);
    bool is_behind = clock + memory(counter) < counter->next;
    bool is_ahead = is_recent && clock > counter->reserved + memory(counter);
    return is_behind || is_ahead ? begin_run(counter, clock, is_recent, err) : CH_OK;
}

/* ---- claims ---- */

static ch_status fail_used_up(const ch_counter *counter, ch_error *err)
{
    if (has_window(counter))
        return ch_fail(err, CH_BUSY,
                       "every nonce that the exchange takes at this moment is used; try again in a moment");
    return ch_fail(err, CH_INTERNAL, "the nonces are used up: there is no larger number");
}

ch_status ch_counter_look(ch_counter *counter, const ch_moment *now, bool *is_reserved, ch_error *err)
{
    *is_reserved = counter->rule.may_repeat;
    if (counter->rule.may_repeat)
        return CH_OK;
    CH_TRY(follow(counter, now, err));
    uint64_t clock = clock_of(counter, now);
    uint64_t nonce = smallest(counter, clock) + counter->claims;
    if (nonce > largest(counter, clock))
        return fail_used_up(counter, err);
    *is_reserved = nonce < counter->reserved;
    return CH_OK;
}

bool ch_counter_has_left(const ch_counter *counter)
{
    return counter->reserved > counter->next && counter->reserved - counter->next > counter->claims;
}

uint64_t ch_counter_target(const ch_counter *counter, const ch_moment *now)
{
    if (counter->rule.may_repeat)
        return 0;
    uint64_t nonce = smallest(counter, clock_of(counter, now)) + counter->claims;
    bool is_enough = nonce + stretch(counter) / 2 < counter->reserved;
    return is_enough ? 0 : nonce + stretch(counter);
}

/* ---- draws ---- */

/* Different as long as there is room for it; more the exchange does not ask. */
static uint64_t draw_any(ch_counter *counter, uint64_t clock)
{
    uint64_t nonce = counter->next > clock ? counter->next : clock;
    if (nonce > largest(counter, clock))
        nonce = clock;
    counter->next = nonce + 1;
    return nonce;
}

/* The nearest to the clock that leaves one for each other claim. */
static ch_status choose(const ch_counter *counter, uint64_t clock, size_t others, uint64_t *nonce, ch_error *err)
{
    uint64_t first = smallest(counter, clock);
    uint64_t last = counter->reserved > others ? counter->reserved - others - 1 : 0;
    *nonce = first < last ? first : last;
    if (last < counter->next || was_drawn_earlier(counter, *nonce))
        return ch_fail(err, CH_UNAVAILABLE, "the clock or the counter was set while the request waited; try again");
    if (*nonce > largest(counter, clock))
        return fail_used_up(counter, err);
    if (has_window(counter) && *nonce + in_units(counter, counter->rule.behind_ns / 2) < clock)
        return ch_fail(err, CH_UNAVAILABLE, "the request waited longer than the exchange takes its nonce; try again");
    return CH_OK;
}

ch_status ch_counter_draw(ch_counter *counter, const ch_moment *now, uint64_t *nonce, ch_error *err)
{
    assert(counter->claims > 0);
    counter->claims--;
    uint64_t clock = clock_of(counter, now);
    if (counter->rule.may_repeat) {
        *nonce = draw_any(counter, clock);
        return CH_OK;
    }
    CH_TRY(follow(counter, now, err));
    CH_TRY(choose(counter, clock, counter->claims, nonce, err));
    assert(*nonce >= counter->next && *nonce < counter->reserved);
    counter->next = *nonce + 1;
    counter->used_ns = now->boot_ns;
    return CH_OK;
}
