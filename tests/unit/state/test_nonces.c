/* With a real writer; which nonce comes next is tests/unit/state/test_counter.c's. */
#include "state/nonces.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"
#include "tests/unit/state/thread_sql.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS 1000000ULL
#define S (1000 * MS)
#define NOW_MS 1764000000123ULL

static const ch_nonce_rule in_ms = {.unit_ns = MS};
static const ch_nonce_rule in_window = {.unit_ns = MS, .ahead_ns = S, .behind_ns = 30 * S};
static const ch_nonce_rule repeating = {.unit_ns = S, .ahead_ns = 30 * S, .behind_ns = 30 * S, .may_repeat = true};
static const ch_moment now = {.wall_ns = NOW_MS * MS, .boot_ns = 5000 * S};

static ch_store *store;
static ch_nonces *nonces;
static ch_writer *writer;
static ch_error err;
static size_t called; /* claims that had to wait, and were called back */
static ch_error last_outcome;

static void on_claimed(void *context, ch_nonce_claim *claim, const ch_error *outcome)
{
    (void)context;
    ck_assert_int_eq(claim->place, outcome->status == CH_OK ? CH_CLAIM_HELD : CH_CLAIM_OUT);
    ck_assert_ptr_eq(claim->owner, claim);
    called++;
    last_outcome = *outcome;
}

static void load(void)
{
    ck_assert_msg(ch_store_open(ch_test_folder(), &store, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_nonces_open(store, &nonces, &err) == CH_OK, "%s", err.message);
}

static void start(void)
{
    const ch_nonce_owner owner = {.on_claimed = on_claimed};
    ck_assert_msg(ch_writer_start(store, &writer, &err) == CH_OK, "%s", err.message);
    ch_nonces_start(nonces, writer, &owner);
}

static void begin(void)
{
    load();
    start();
}

static void end(void)
{
    ch_writer_stop(writer);
    ch_nonces_close(nonces);
    ch_store_close(store);
    writer = NULL;
}

static size_t counter_of(const char *profile, const char *environment, const char *key_id, const ch_nonce_rule *rule)
{
    const ch_nonce_name name = {profile, environment, key_id};
    return ch_nonces_counter(nonces, &name, rule);
}

static size_t counter(const char *key_id)
{
    return counter_of("kraken", "live", key_id, &in_ms);
}

static void collect(void)
{
    struct pollfd ready = {.fd = ch_writer_fd(writer), .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 20000), 1);
    ch_writer_collect(writer);
}

static void claim(ch_nonce_claim *out, size_t index)
{
    *out = (ch_nonce_claim){.owner = out};
    ck_assert_msg(ch_nonces_claim(nonces, index, out, &now, &err) == CH_OK, "%s", err.message);
}

static uint64_t draw(ch_nonce_claim *from)
{
    uint64_t nonce = 0;
    ck_assert_msg(ch_nonces_draw(nonces, from, &now, &nonce, &err) == CH_OK, "%s", err.message);
    ck_assert_int_eq(from->place, CH_CLAIM_OUT);
    return nonce;
}

static uint64_t next(size_t index)
{
    ch_nonce_claim one;
    claim(&one, index);
    while (one.place == CH_CLAIM_WAITING)
        collect();
    return draw(&one);
}

/* Runs `sql` on the file, as the agent before would. */
static void write_file(const char *sql)
{
    sqlite3 *database = NULL;
    ch_autofree char *path = ch_test_path("state.db");
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(database));
    ck_assert_int_eq(sqlite3_close(database), SQLITE_OK);
}

/* ---- who has which counter ---- */

START_TEST(test_one_key_at_the_exchange_is_one_counter)
{
    begin();
    ck_assert_uint_eq(counter("a"), counter("a"));
    ck_assert_uint_ne(counter("a"), counter("b"));
    ck_assert_uint_ne(counter("a"), counter_of("gemini", "live", "a", &in_ms));
    ck_assert_uint_ne(counter("a"), counter_of("kraken", "demo", "a", &in_ms));
    ck_assert_uint_eq(next(counter("a")), NOW_MS);
    ck_assert_uint_eq(next(counter("a")), NOW_MS + 1);
    ck_assert_uint_eq(next(counter("b")), NOW_MS);
    end();
}
END_TEST

START_TEST(test_nonces_go_on_after_a_clean_restart)
{
    begin();
    uint64_t last = next(counter("a"));
    end();
    begin();
    ck_assert_uint_eq(next(counter("a")), last + 1);
    end();
}
END_TEST

/* The child draws nonces and is killed without a chance to write anything down. */
START_TEST(test_no_nonce_comes_twice_after_a_kill)
{
    int ends[2];
    uint64_t last = 0;
    ch_test_folder();
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        begin();
        for (int i = 0; i < 50; i++)
            last = next(counter("a"));
        ch_ignore(write(ends[1], &last, sizeof last) == 0);
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq((int)read(ends[0], &last, sizeof last), (int)sizeof last);
    waitpid(pid, NULL, 0);
    begin();
    ck_assert_uint_gt(next(counter("a")), last);
    end();
}
END_TEST

/* ---- claims ---- */

START_TEST(test_the_first_claim_waits_for_the_disk_and_the_next_ones_do_not)
{
    ch_nonce_claim first;
    ch_nonce_claim second;
    begin();
    claim(&first, counter("a"));
    ck_assert_int_eq(first.place, CH_CLAIM_WAITING);
    claim(&second, counter("a"));
    ck_assert_int_eq(second.place, CH_CLAIM_WAITING);
    while (called < 2)
        collect();
    ck_assert_uint_eq(draw(&first), NOW_MS);
    ck_assert_uint_eq(draw(&second), NOW_MS + 1);
    claim(&first, counter("a"));
    ck_assert_int_eq(first.place, CH_CLAIM_HELD);
    ck_assert_uint_eq(draw(&first), NOW_MS + 2);
    end();
}
END_TEST

START_TEST(test_claims_that_leave_give_their_nonce_back)
{
    ch_nonce_claim claims[3];
    begin();
    for (size_t i = 0; i < 3; i++)
        claim(&claims[i], counter("a"));
    ch_nonces_leave(nonces, &claims[1]);
    ck_assert_int_eq(claims[1].place, CH_CLAIM_OUT);
    while (called < 2)
        collect();
    ch_nonces_leave(nonces, &claims[0]);
    ch_nonces_leave(nonces, &claims[0]);
    ck_assert_uint_eq(draw(&claims[2]), NOW_MS);
    end();
}
END_TEST

/* A table that is gone stands for a disk that is full. */
START_TEST(test_a_disk_that_fails_refuses_who_waits_and_nobody_later)
{
    ch_nonce_claim one;
    begin();
    thread_sql(writer, "ALTER TABLE nonce_counter RENAME TO away");
    claim(&one, counter("a"));
    while (called < 1)
        collect();
    ck_assert_int_eq(last_outcome.status, CH_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(last_outcome.message, "the state cannot be written for now: "));
    ck_assert_int_eq(one.place, CH_CLAIM_OUT);
    thread_sql(writer, "ALTER TABLE away RENAME TO nonce_counter");
    ck_assert_uint_eq(next(counter("a")), NOW_MS);
    end();
}
END_TEST

START_TEST(test_nonces_that_may_repeat_wait_for_no_disk)
{
    ch_nonce_claim one;
    begin();
    claim(&one, counter_of("gemini", "live", "a", &repeating));
    ck_assert_int_eq(one.place, CH_CLAIM_HELD);
    ck_assert_uint_eq(draw(&one), NOW_MS / 1000);
    end();
}
END_TEST

START_TEST(test_a_failure_names_the_key)
{
    ch_nonce_claim one = {0};
    begin();
    size_t index = counter_of("cryptocom", "live", "the-id", &in_window);
    for (int i = 0; i <= 500; i++)
        next(index);
    ck_assert_int_eq(ch_nonces_claim(nonces, index, &one, &now, &err), CH_BUSY);
    ck_assert_ptr_nonnull(strstr(err.message, "nonces of key 'the-id' at cryptocom: every nonce"));
    end();
}
END_TEST

/* ---- what an older agent counted ---- */

static void write_old(void)
{
    load();
    end();
    write_file("INSERT INTO nonce VALUES('kr-trade', 1764000005000), ('kr-read', 1764000009000), ('gone', 7)");
}

START_TEST(test_a_counter_goes_on_with_the_highest_of_its_names)
{
    uint64_t left = 0;
    write_old();
    load();
    size_t index = counter("kraken-key");
    ch_nonces_adopt(nonces, index, "kr-trade");
    ch_nonces_adopt(nonces, index, "kr-read");
    ck_assert_int_eq(ch_nonces_save_adopted(nonces, &err), CH_OK);
    ck_assert_str_eq(ch_nonces_orphan(nonces, 0, &left), "gone");
    ck_assert_uint_eq(left, 7);
    ck_assert_ptr_null(ch_nonces_orphan(nonces, 1, &left));
    end();
    /* Renamed since: nothing is adopted, and nothing is lost. */
    begin();
    ch_nonce_claim one;
    claim(&one, counter("kraken-key"));
    while (called < 1)
        collect();
    ck_assert_uint_eq(draw(&one), 1764000009000);
    ck_assert_str_eq(ch_nonces_orphan(nonces, 0, &left), "gone");
    end();
}
END_TEST

/* ---- floors and changes ---- */

START_TEST(test_nothing_below_the_floor_is_drawn)
{
    begin();
    ch_nonces_set_floor(nonces, counter("a"), NOW_MS + 5000000);
    ch_nonces_set_floor(nonces, counter("a"), 1);
    ck_assert_uint_eq(next(counter("a")), NOW_MS + 5000000);
    end();
}
END_TEST

static size_t answers;

static void on_answer(void *context, const ch_error *outcome)
{
    ck_assert_ptr_eq(context, &answers);
    answers++;
    last_outcome = *outcome;
}

static ch_status set(size_t index, uint64_t value, bool is_reset)
{
    const ch_nonce_change wish = {
        .counter = index, .value = value, .is_reset = is_reset, .context = &answers, .answer = on_answer};
    size_t before = answers;
    CH_TRY(ch_nonces_change(nonces, &wish, &err));
    while (answers == before)
        collect();
    return last_outcome.status;
}

START_TEST(test_a_counter_that_was_raised_stays_so)
{
    begin();
    next(counter("a"));
    ck_assert_int_eq(set(counter("a"), NOW_MS * 1000, false), CH_OK);
    end();
    begin();
    ck_assert_uint_ge(next(counter("a")), NOW_MS * 1000);
    ck_assert_uint_eq(next(counter("a")), ch_nonces_next(nonces, counter("a")) - 1);
    end();
}
END_TEST

START_TEST(test_a_counter_is_only_raised)
{
    begin();
    uint64_t last = next(counter("a"));
    ck_assert_int_eq(set(counter("a"), last, false), CH_CONFLICT);
    ck_assert_int_eq(set(counter("a"), last + 1, false), CH_CONFLICT);
    ck_assert_int_eq(set(counter("a"), CH_NONCE_END, false), CH_BAD_INPUT);
    ck_assert_int_eq(set(counter_of("cryptocom", "live", "a", &in_window), 5, false), CH_BAD_INPUT);
    ck_assert_int_eq(set(counter("a"), last + 2, false), CH_OK);
    ck_assert_uint_eq(next(counter("a")), last + 2);
    end();
}
END_TEST

START_TEST(test_a_reset_lowers_a_counter_for_good)
{
    begin();
    ck_assert_int_eq(set(counter("a"), NOW_MS * 2, false), CH_OK);
    ck_assert_uint_eq(next(counter("a")), NOW_MS * 2);
    ck_assert_int_eq(set(counter("a"), 0, true), CH_OK);
    ck_assert_uint_eq(next(counter("a")), NOW_MS);
    end();
    begin();
    ck_assert_uint_eq(next(counter("a")), NOW_MS + 1);
    end();
}
END_TEST

START_TEST(test_a_reset_that_cannot_be_written_changes_nothing)
{
    begin();
    ck_assert_int_eq(set(counter("a"), NOW_MS * 2, false), CH_OK);
    thread_sql(writer, "ALTER TABLE nonce_counter RENAME TO away");
    ck_assert_int_eq(set(counter("a"), 0, true), CH_IO);
    thread_sql(writer, "ALTER TABLE away RENAME TO nonce_counter");
    ck_assert_uint_ge(next(counter("a")), NOW_MS * 2);
    end();
}
END_TEST

/* The write of a stretch that began before the raise ends after it, or before. */
START_TEST(test_a_raise_and_a_stretch_at_once_do_not_lower_each_other)
{
    ch_nonce_claim one;
    begin();
    claim(&one, counter("a"));
    ck_assert_int_eq(one.place, CH_CLAIM_WAITING);
    ck_assert_int_eq(set(counter("a"), NOW_MS + 5, false), CH_OK);
    while (called < 1)
        collect();
    ck_assert_uint_eq(draw(&one), NOW_MS + 5);
    claim(&one, counter("a"));
    ck_assert_int_eq(set(counter("a"), NOW_MS * 2, false), CH_OK);
    ch_nonces_leave(nonces, &one);
    end();
    begin();
    ck_assert_uint_ge(next(counter("a")), NOW_MS * 2);
    end();
}
END_TEST

static const bool changes[] = {false, true}; /* whether it is a reset */

/* A counter with something left in its reserve: neither change takes any of it away, nor counts before it is written.
 */
START_TEST(test_a_change_that_cannot_be_written_leaves_all_as_it_was)
{
    bool is_reset = changes[_i];
    begin();
    uint64_t last = next(counter("a"));
    thread_sql(writer, "ALTER TABLE nonce_counter RENAME TO away");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(set(counter("a"), is_reset ? 0 : NOW_MS * 2, is_reset), CH_IO);
        ck_assert_uint_eq(ch_nonces_next(nonces, counter("a")), last + 1);
        ck_assert_uint_eq(next(counter("a")), ++last);
    }
    thread_sql(writer, "ALTER TABLE away RENAME TO nonce_counter");
    ck_assert_uint_eq(next(counter("a")), last + 1);
    end();
    begin();
    ck_assert_uint_eq(next(counter("a")), last + 2);
    end();
}
END_TEST

/* What was asked before the failure, and what is asked after it. */
START_TEST(test_a_raise_that_fails_with_a_stretch_changes_nothing)
{
    ch_nonce_claim one;
    begin();
    thread_sql(writer, "ALTER TABLE nonce_counter RENAME TO away");
    claim(&one, counter("a"));
    ck_assert_int_eq(set(counter("a"), NOW_MS * 2, false), CH_IO);
    ck_assert_int_eq(one.place, CH_CLAIM_OUT);
    ck_assert_uint_eq(ch_nonces_next(nonces, counter("a")), 0);
    thread_sql(writer, "ALTER TABLE away RENAME TO nonce_counter");
    ck_assert_uint_eq(next(counter("a")), NOW_MS);
    end();
}
END_TEST

START_TEST(test_a_change_counts_when_it_is_written)
{
    const ch_nonce_change wish = {.value = NOW_MS * 2, .context = &answers, .answer = on_answer};
    begin();
    uint64_t last = next(counter("a"));
    ck_assert_int_eq(ch_nonces_change(nonces, &wish, &err), CH_OK);
    ck_assert_int_eq(ch_nonces_change(nonces, &wish, &err), CH_BUSY);
    ck_assert_uint_eq(next(counter("a")), last + 1);
    while (answers == 0)
        collect();
    ck_assert_uint_eq(ch_nonces_next(nonces, counter("a")), NOW_MS * 2);
    end();
}
END_TEST

/* Of two keys one is idle, and nobody claims its nonces any more. */
START_TEST(test_trouble_lasts_until_what_failed_is_written)
{
    ch_nonce_claim one;
    begin();
    ck_assert_ptr_null(ch_nonces_trouble(nonces));
    thread_sql(writer, "ALTER TABLE nonce_counter RENAME TO away");
    claim(&one, counter("idle"));
    while (called < 1)
        collect();
    ck_assert_ptr_nonnull(ch_nonces_trouble(nonces));
    ch_nonces_try_again(nonces);
    collect();
    ck_assert_ptr_nonnull(ch_nonces_trouble(nonces));
    thread_sql(writer, "ALTER TABLE away RENAME TO nonce_counter");
    next(counter("a"));
    ck_assert_ptr_nonnull(ch_nonces_trouble(nonces));
    ch_nonces_try_again(nonces);
    claim(&one, counter("idle"));
    while (one.place == CH_CLAIM_WAITING)
        collect();
    ck_assert_ptr_null(ch_nonces_trouble(nonces));
    ck_assert_uint_eq(draw(&one), NOW_MS);
    end();
}
END_TEST

CH_TESTS("nonces", CH_TEST(test_one_key_at_the_exchange_is_one_counter),
         CH_TEST(test_nonces_go_on_after_a_clean_restart), CH_TEST(test_no_nonce_comes_twice_after_a_kill),
         CH_TEST(test_the_first_claim_waits_for_the_disk_and_the_next_ones_do_not),
         CH_TEST(test_claims_that_leave_give_their_nonce_back),
         CH_TEST(test_a_disk_that_fails_refuses_who_waits_and_nobody_later),
         CH_TEST(test_nonces_that_may_repeat_wait_for_no_disk), CH_TEST(test_a_failure_names_the_key),
         CH_TEST(test_a_counter_goes_on_with_the_highest_of_its_names), CH_TEST(test_nothing_below_the_floor_is_drawn),
         CH_TEST(test_a_counter_that_was_raised_stays_so), CH_TEST(test_a_counter_is_only_raised),
         CH_TEST(test_a_reset_lowers_a_counter_for_good), CH_TEST(test_a_reset_that_cannot_be_written_changes_nothing),
         CH_TEST(test_a_raise_and_a_stretch_at_once_do_not_lower_each_other),
         CH_TEST_ROWS(test_a_change_that_cannot_be_written_leaves_all_as_it_was, changes),
         CH_TEST(test_a_raise_that_fails_with_a_stretch_changes_nothing),
         CH_TEST(test_a_change_counts_when_it_is_written), CH_TEST(test_trouble_lasts_until_what_failed_is_written))
