/* The wall clock and the boot clock run at the same speed, however the speed is adjusted; only setting the wall clock
 * changes their difference. Time services also set it by small amounts, so the difference that is taken for right
 * follows the true one, slowly. */
#include "agent/core/clockwatch.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/utc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef CH_BUILD_TIME_S
#error "define CH_BUILD_TIME_S, as the Makefile does"
#endif

#define S_NS 1000000000LL
#define DAY_NS (86400 * S_NS)
#define LOOK_MS 5000
#define SAVE_NS (60 * S_NS)
#define FOLLOW_DIVISOR 1000           /* by a millisecond a second */
#define BUILT_EARLIER_NS DAY_NS       /* the clock of who built it may have been ahead */
#define AHEAD_MAX_NS (366 * DAY_NS)   /* at start: a machine may have been off for months */
#define UNSEEN_MAX_NS (1830 * DAY_NS) /* after the build, if no time was ever seen */

struct ch_clockwatch {
    ch_seen_time seen;
    char boot_id[CH_BOOT_ID_SIZE];
    bool has_offset;
    int64_t offset_ns;  /* wall clock minus boot clock, as it should be */
    uint64_t judged_ns; /* boot time of the last look */
    bool is_doubted;
    ch_loop *loop;
    ch_writer *writer; /* NULL before the start */
    ch_timer look;
    ch_seen_time saved; /* what the write under way keeps */
    ch_write write;
    bool is_changed;     /* since that write was submitted */
    ch_moment confirmed; /* by an operator; it counts when it is on disk */
    bool is_confirming;  /* that write is about it */
    void *context;
    void (*answer)(void *context, const ch_error *outcome); /* NULL: nobody confirms the time */
};

uint64_t ch_clockwatch_built_ns(void)
{
    return (uint64_t)CH_BUILD_TIME_S * S_NS - BUILT_EARLIER_NS;
}

/* ---- trust ---- */

static int64_t offset_of(const ch_moment *now)
{
    return (int64_t)(now->wall_ns - now->boot_ns);
}

static void set_offset(ch_clockwatch *watch, const ch_moment *now)
{
    watch->offset_ns = offset_of(now);
    watch->judged_ns = now->boot_ns;
    watch->has_offset = true;
}

static void trust(ch_clockwatch *watch)
{
    if (watch->is_doubted)
        ch_log("the clock is trusted again");
    watch->is_doubted = false;
}

/* ---- keeping ---- */

static ch_status save(ch_write *write, ch_store *store, ch_error *err)
{
    const ch_clockwatch *watch = write->context;
    return ch_seen_time_save(store, &watch->saved, err);
}

static void submit(ch_clockwatch *watch)
{
    watch->is_confirming = watch->answer != NULL;
    watch->saved = watch->seen;
    if (watch->is_confirming) {
        memcpy(watch->saved.boot_id, watch->boot_id, sizeof watch->saved.boot_id);
        watch->saved.newest_ns = watch->confirmed.wall_ns;
        watch->saved.offset_ns = offset_of(&watch->confirmed);
    } else {
        watch->is_changed = false;
    }
    watch->write.may_be_lost = !watch->is_confirming;
    ch_writer_submit(watch->writer, &watch->write);
}

static void end_confirmation(ch_clockwatch *watch, const ch_error *outcome)
{
    void (*answer)(void *context, const ch_error *outcome) = watch->answer;
    watch->answer = NULL;
    if (outcome->status == CH_OK) {
        watch->seen = watch->saved;
        set_offset(watch, &watch->confirmed);
        trust(watch);
    }
    answer(watch->context, outcome);
}

/* What could not be written is tried again at the next look. */
static void on_saved(ch_write *write, const ch_error *outcome)
{
    ch_clockwatch *watch = write->context;
    if (watch->is_confirming)
        end_confirmation(watch, outcome);
    bool is_due = watch->answer != NULL || (watch->is_changed && outcome->status == CH_OK);
    if (is_due && !write->is_under_way)
        submit(watch);
}

/* At once if there is a writer and it is not at it. */
static void keep(ch_clockwatch *watch)
{
    if (watch->has_offset) {
        memcpy(watch->seen.boot_id, watch->boot_id, sizeof watch->seen.boot_id);
        watch->seen.offset_ns = watch->offset_ns;
    }
    watch->is_changed = true;
    if (watch->writer != NULL && !watch->write.is_under_way)
        submit(watch);
}

/* ---- doubts ---- */

static const char *time_text(char text[CH_UTC_TEXT_SIZE], uint64_t wall_ns)
{
    ch_utc_text(wall_ns / S_NS, text);
    return text;
}

#define WHAT_TO_DO "nothing is signed until it is set right, or an operator confirms that it is: chancery clock confirm"

static ch_status doubt_range(ch_error *err)
{
    return ch_fail_rule(
        err, CH_UNAVAILABLE, "clock",
        "this machine's clock shows a time before 1970 or after 2199; nothing is signed until it is set "
        "right");
}

static ch_status doubt_jump(int64_t jump_ns, ch_error *err)
{
    int64_t size_ns = jump_ns < 0 ? -jump_ns : jump_ns;
    return ch_fail_rule(err, CH_UNAVAILABLE, "clock", "this machine's clock was set %s by %lld.%lld s; " WHAT_TO_DO,
                        jump_ns < 0 ? "back" : "ahead", (long long)(size_ns / S_NS),
                        (long long)(size_ns % S_NS / (S_NS / 10)));
}

static ch_status doubt_time(uint64_t wall_ns, const char *relation, uint64_t other_ns, const char *what, ch_error *err)
{
    char shown[CH_UTC_TEXT_SIZE];
    char other[CH_UTC_TEXT_SIZE];
    return ch_fail_rule(err, CH_UNAVAILABLE, "clock", "this machine's clock shows %s, which is %s %s, %s; " WHAT_TO_DO,
                        time_text(shown, wall_ns), relation, time_text(other, other_ns), what);
}

/* Of a clock about which nothing else is known. */
static ch_status check_plausible(const ch_clockwatch *watch, uint64_t wall_ns, ch_error *err)
{
    uint64_t built_ns = ch_clockwatch_built_ns();
    uint64_t seen_ns = watch->seen.newest_ns;
    if (wall_ns < built_ns)
        return doubt_time(wall_ns, "before", built_ns, "when this program was built", err);
    if (wall_ns + CH_CLOCK_BEHIND_NS < seen_ns)
        return doubt_time(wall_ns, "before", seen_ns, "which the agent has seen already", err);
    if (seen_ns > 0 && wall_ns > seen_ns + AHEAD_MAX_NS)
        return doubt_time(wall_ns, "more than a year after", seen_ns, "the newest time that the agent has seen", err);
    if (seen_ns == 0 && wall_ns > built_ns + UNSEEN_MAX_NS)
        return doubt_time(wall_ns, "more than five years after", built_ns, "when this program was built", err);
    return CH_OK;
}

/* ---- judging ---- */

/* Lets the right difference follow the true one. */
static void follow(ch_clockwatch *watch, int64_t apart_ns, uint64_t boot_ns)
{
    uint64_t passed_ns = boot_ns > watch->judged_ns ? boot_ns - watch->judged_ns : 0;
    int64_t most_ns = (int64_t)(passed_ns / FOLLOW_DIVISOR);
    watch->judged_ns = boot_ns;
    watch->offset_ns += apart_ns > most_ns ? most_ns : apart_ns < -most_ns ? -most_ns : apart_ns;
}

static bool is_jump(int64_t apart_ns)
{
    return apart_ns > CH_CLOCK_JUMP_NS || apart_ns < -CH_CLOCK_JUMP_NS;
}

static ch_status judge(ch_clockwatch *watch, const ch_moment *now, ch_error *err)
{
    if (now == NULL)
        return doubt_range(err);
    if (!watch->has_offset) {
        CH_TRY(check_plausible(watch, now->wall_ns, err));
        set_offset(watch, now);
        return CH_OK;
    }
    int64_t apart_ns = offset_of(now) - watch->offset_ns;
    if (is_jump(apart_ns))
        return doubt_jump(apart_ns, err);
    follow(watch, apart_ns, now->boot_ns);
    return CH_OK;
}

static void note_doubt(ch_clockwatch *watch, const ch_error *why)
{
    if (watch->is_doubted)
        return;
    watch->is_doubted = true;
    ch_log("%s", why->message);
    if (watch->has_offset)
        keep(watch);
}

static void note_trust(ch_clockwatch *watch, uint64_t wall_ns)
{
    bool is_kept = strcmp(watch->seen.boot_id, watch->boot_id) == 0;
    trust(watch);
    if (is_kept && wall_ns <= watch->seen.newest_ns + SAVE_NS)
        return;
    if (wall_ns > watch->seen.newest_ns)
        watch->seen.newest_ns = wall_ns;
    keep(watch);
}

ch_status ch_clockwatch_judge(ch_clockwatch *watch, const ch_moment *now, ch_error *err)
{
    if (judge(watch, now, err) != CH_OK) {
        note_doubt(watch, err);
        return err->status;
    }
    note_trust(watch, now->wall_ns);
    return CH_OK;
}

ch_status ch_clockwatch_read(ch_clockwatch *watch, ch_moment *now, ch_error *err)
{
    bool is_sound = ch_moment_now(now);
    return ch_clockwatch_judge(watch, is_sound ? now : NULL, err);
}

uint64_t ch_clockwatch_time_ns(const ch_clockwatch *watch)
{
    ch_moment now;
    ch_error doubt = CH_ERROR_INIT;
    bool is_sound = ch_moment_now(&now);
    if (!watch->has_offset)
        return is_sound && check_plausible(watch, now.wall_ns, &doubt) == CH_OK ? now.wall_ns : watch->seen.newest_ns;
    return is_sound && !is_jump(offset_of(&now) - watch->offset_ns) ? now.wall_ns
                                                                    : now.boot_ns + (uint64_t)watch->offset_ns;
}

/* ---- operators ---- */

ch_status ch_clockwatch_confirm(ch_clockwatch *watch, const ch_moment *now, void *context,
                                void (*answer)(void *context, const ch_error *outcome), ch_error *err)
{
    if (now == NULL)
        return ch_fail(err, CH_CONFLICT, "this machine's clock shows a time before 1970 or after 2199; set it first");
    if (watch->answer != NULL)
        return ch_fail(err, CH_BUSY, "somebody else is confirming the time; try again in a moment");
    watch->confirmed = *now;
    watch->context = context;
    watch->answer = answer;
    if (watch->writer != NULL && !watch->write.is_under_way)
        submit(watch);
    return CH_OK;
}

/* ---- the room ---- */

static void on_look(void *context)
{
    ch_clockwatch *watch = context;
    ch_moment now;
    ch_error why = CH_ERROR_INIT;
    ch_ignore(ch_clockwatch_read(watch, &now, &why)); /* a doubt is noted and logged there */
    if (watch->write.is_failing)
        keep(watch);
    ch_loop_set_timer(watch->loop, &watch->look, ch_clock_ms() + LOOK_MS);
}

ch_clockwatch *ch_clockwatch_new(const ch_seen_time *seen, const char *boot_id)
{
    ch_clockwatch *watch = ch_alloc(sizeof *watch);
    watch->seen = *seen;
    snprintf(watch->boot_id, sizeof watch->boot_id, "%s", boot_id);
    watch->look = (ch_timer){.on_due = on_look, .context = watch};
    watch->write = (ch_write){.run = save, .done = on_saved, .context = watch};
    /* The machine has not been started since the agent ended: a jump in between, or before, is still one. */
    if (boot_id[0] != '\0' && strcmp(seen->boot_id, boot_id) == 0) {
        watch->has_offset = true;
        watch->offset_ns = seen->offset_ns;
    }
    return watch;
}

void ch_clockwatch_free(ch_clockwatch *watch)
{
    if (watch == NULL)
        return;
    if (watch->loop != NULL)
        ch_loop_cancel_timer(watch->loop, &watch->look);
    free(watch);
}

void ch_clockwatch_read_boot_id(char out[CH_BOOT_ID_SIZE])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, out, CH_BOOT_ID_SIZE - 1);
    out[got < 0 ? 0 : got] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
}

void ch_clockwatch_start(ch_clockwatch *watch, ch_loop *loop, ch_writer *writer)
{
    watch->loop = loop;
    watch->writer = writer;
    on_look(watch);
    if (!watch->write.is_under_way)
        keep(watch); /* so that a state that cannot be written is noticed now */
}

void ch_clockwatch_stop(ch_clockwatch *watch, ch_store *store)
{
    ch_moment now;
    ch_error why = CH_ERROR_INIT;
    watch->writer = NULL;
    if (ch_clockwatch_read(watch, &now, &why) == CH_OK && now.wall_ns > watch->seen.newest_ns)
        watch->seen.newest_ns = now.wall_ns;
    keep(watch);
    if (ch_seen_time_save(store, &watch->seen, &why) != CH_OK)
        ch_log("the time is not kept: %s", why.message);
}
