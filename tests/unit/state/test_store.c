/* The folder, its lock, and files of other versions, damaged or older. */
#include "state/store.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static ch_error err;

static ch_store *open_store(const char *folder)
{
    ch_store *store = NULL;
    ck_assert_msg(ch_store_open(folder, &store, &err) == CH_OK, "%s", err.message);
    return store;
}

/* Runs `sql` on the file as another program would. */
static void change(const char *sql)
{
    sqlite3 *database = NULL;
    ch_autofree char *path = ch_test_path("state.db");
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(database));
    ck_assert_int_eq(sqlite3_close(database), SQLITE_OK);
}

/* The number that `sql` yields. */
static int ask(const char *sql)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *question = NULL;
    ch_autofree char *path = ch_test_path("state.db");
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(database, sql, -1, &question, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(question), SQLITE_ROW);
    int number = sqlite3_column_int(question, 0);
    sqlite3_finalize(question);
    sqlite3_close(database);
    return number;
}

/* Makes a state, and puts something in it. */
static void make(void)
{
    ch_store_close(open_store(ch_test_folder()));
    change("INSERT INTO seen_time VALUES(1, 5000, '', 0)");
}

START_TEST(test_a_folder_that_is_missing_is_made_for_its_owner_alone)
{
    struct stat status;
    ch_autofree char *folder = ch_test_path("state");
    ch_store_close(open_store(folder));
    ck_assert_int_eq(stat(folder, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0700);
    ch_autofree char *database = ch_test_path("state/state.db");
    ck_assert_int_eq(stat(database, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
}
END_TEST

START_TEST(test_a_folder_that_cannot_be_made_is_named)
{
    ch_store *store = NULL;
    ck_assert_int_eq(ch_store_open("/nonexistent/state", &store, &err), CH_CONFIG);
    ck_assert_str_eq(err.message, "cannot open /nonexistent: No such file or directory");
}
END_TEST

START_TEST(test_a_folder_that_another_agent_holds_is_refused)
{
    int ends[2];
    char byte = 0;
    ch_store *store = NULL;
    const char *folder = ch_test_folder();
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        ch_store *held = open_store(folder);
        ck_assert_int_eq(write(ends[1], "x", 1), 1);
        pause();
        ch_store_close(held);
    }
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(ch_store_open(folder, &store, &err), CH_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.message, "another agent runs on the state folder"));
    ck_assert_ptr_nonnull(strstr(err.message, folder));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ch_store_close(open_store(folder));
}
END_TEST

/* clang-format off */
static const struct {
    const char *made_by; /* a shell, in the folder */
    const char *says;
} foreign[] = {
    /* made by                                 says */
    { "chmod 777 .",                           " can be written to by its group and others (mode 0777); mend it with: chmod go-w " },
    { "chmod 1777 .",                          " " },
    { "echo > lock; chmod 666 lock",           "/lock can be written to by its group and others" },
    { "ln -s elsewhere lock",                  "/lock is a symbolic link" },
    { "ln -s elsewhere state.db",              "/state.db is a symbolic link" },
    { "echo > elsewhere; ln elsewhere state.db", "/state.db has 2 names" },
    { "echo > state.db; chmod 602 state.db",   "/state.db can be written to by others" },
    { "ln -s elsewhere state.db-wal",          "/state.db-wal is a symbolic link" },
    { "ln -s elsewhere state.db-shm",          "/state.db-shm is a symbolic link" },
    { "ln -s elsewhere state.db-journal",      "/state.db-journal is a symbolic link" },
};
/* clang-format on */

START_TEST(test_a_state_that_others_could_change_is_refused)
{
    char command[512];
    ch_store *store = NULL;
    ch_autofree char *elsewhere = ch_test_path("elsewhere");
    snprintf(command, sizeof command, "cd %s && %s", ch_test_folder(), foreign[_i].made_by);
    ck_assert_int_eq(system(command), 0);
    bool was_there = access(elsewhere, F_OK) == 0;
    ck_assert_int_eq(ch_store_open(ch_test_folder(), &store, &err), CH_CONFIG);
    ck_assert_msg(strstr(err.message, foreign[_i].says) != NULL, "%s", err.message);
    ck_assert_int_eq(access(elsewhere, F_OK) == 0, was_there);
}
END_TEST

START_TEST(test_a_new_file_has_the_newest_schema)
{
    ch_store_close(open_store(ch_test_folder()));
    ck_assert_int_ge(ask("PRAGMA user_version"), 2);
    ck_assert_int_eq(ask("SELECT count(*) FROM nonce"), 0);
}
END_TEST

#define VERSION 6 /* goes up with each migration */

/* As agents wrote it before there were versions. */
START_TEST(test_a_file_without_a_version_is_migrated)
{
    change("PRAGMA journal_mode=WAL;"
           "CREATE TABLE nonce(key TEXT PRIMARY KEY, reserved INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
           "INSERT INTO nonce VALUES('a', 5000)");
    ch_store_close(open_store(ch_test_folder()));
    ck_assert_int_eq(ask("PRAGMA user_version"), VERSION);
    ck_assert_int_eq(ask("SELECT reserved FROM nonce"), 5000);
    ck_assert_int_eq(ask("SELECT count(*) FROM nonce_counter"), 0);
}
END_TEST

/* As the agent wrote it before it had a journal. */
START_TEST(test_a_file_without_a_journal_is_migrated)
{
    make();
    change("DROP TABLE journal; DROP TABLE snapshot; DROP TABLE identity; DROP TABLE person; DROP TABLE person_tries; "
           "PRAGMA user_version=4;"
           "INSERT INTO pin_tries VALUES('main', 2)");
    ch_store_close(open_store(ch_test_folder()));
    ck_assert_int_eq(ask("PRAGMA user_version"), VERSION);
    ck_assert_int_eq(ask("SELECT count FROM pin_tries"), 2);
    ck_assert_int_eq(ask("SELECT newest_ns FROM seen_time"), 5000);
    ck_assert_int_eq(ask("SELECT count(*) FROM journal"), 0);
    ck_assert_int_eq(ask("SELECT count(*) FROM snapshot"), 0);
    ck_assert_int_eq(ask("SELECT length(value) FROM identity"), 32);
}
END_TEST

START_TEST(test_each_file_has_an_identity_of_its_own_and_keeps_it)
{
    ch_autofree char *other = ch_test_path("other");
    make();
    change("CREATE TABLE before AS SELECT value FROM identity");
    ch_store_close(open_store(ch_test_folder()));
    ck_assert_int_eq(ask("SELECT count(*) FROM before JOIN identity USING(value)"), 1);
    ch_store_close(open_store(other));
    change("ATTACH (SELECT replace(file, 'state.db', 'other/state.db') FROM pragma_database_list) AS other;"
           "DELETE FROM before; INSERT INTO before SELECT value FROM other.identity");
    ck_assert_int_eq(ask("SELECT count(*) FROM before JOIN identity USING(value)"), 0);
}
END_TEST

START_TEST(test_a_file_of_this_version_is_opened_as_it_is)
{
    make();
    int version = ask("PRAGMA user_version");
    ch_store_close(open_store(ch_test_folder()));
    ck_assert_int_eq(ask("PRAGMA user_version"), version);
    ck_assert_int_eq(ask("SELECT newest_ns FROM seen_time"), 5000);
}
END_TEST

/* clang-format off */
static const struct {
    const char *sql;
    int version;
} newer[] = {
    { "PRAGMA user_version=1000",                      1000 },
    { "PRAGMA user_version=2147483647",                2147483647 },
    { "PRAGMA user_version=-1",                        -1 },
    { "CREATE TABLE other(a); PRAGMA user_version=70",  70 },
};
/* clang-format on */

START_TEST(test_a_file_of_a_newer_agent_is_refused_and_not_changed)
{
    ch_store *store = NULL;
    change(newer[_i].sql);
    int tables = ask("SELECT count(*) FROM sqlite_schema");
    ck_assert_int_eq(ch_store_open(ch_test_folder(), &store, &err), CH_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.message, "a newer agent wrote the state in /tmp/"));
    ck_assert_ptr_nonnull(strstr(err.message, "; start that agent, or a later one"));
    ck_assert_int_eq(ask("PRAGMA user_version"), newer[_i].version);
    ck_assert_int_eq(ask("SELECT count(*) FROM sqlite_schema"), tables);
}
END_TEST

static void assert_is_damaged(void)
{
    ch_store *store = NULL;
    ck_assert_int_eq(ch_store_open(ch_test_folder(), &store, &err), CH_IO);
    ck_assert_msg(strstr(err.message, "is damaged (") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, "; move that folder away to start with an empty one") != NULL, "%s", err.message);
}

START_TEST(test_a_file_that_is_not_a_database_is_refused)
{
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    free(ch_test_file("state.db", noise, sizeof noise));
    assert_is_damaged();
}
END_TEST

START_TEST(test_a_file_that_was_cut_off_is_refused)
{
    make();
    ch_autofree char *path = ch_test_path("state.db");
    ck_assert_int_eq(truncate(path, 4096), 0);
    assert_is_damaged();
}
END_TEST

START_TEST(test_a_damaged_page_is_found_before_anything_is_signed)
{
    make();
    ch_autofree char *path = ch_test_path("state.db");
    FILE *file = fopen(path, "r+e");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, ask("PRAGMA page_size"), SEEK_SET), 0);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(fputc(0xa5, file), 0xa5);
    ck_assert_int_eq(fclose(file), 0);
    assert_is_damaged();
}
END_TEST

START_TEST(test_what_is_given_up_is_not_kept)
{
    ch_store *store = open_store(ch_test_folder());
    ck_assert_int_eq(ch_store_begin(store, &err), CH_OK);
    ck_assert_int_eq(ch_store_begin(store, &err), CH_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "writing the state: "));
    ch_store_rollback(store);
    ch_store_rollback(store);
    ck_assert_int_eq(ch_store_commit(store, &err), CH_IO);
    ck_assert_int_eq(ch_store_begin(store, &err), CH_OK);
    ck_assert_int_eq(ch_store_commit(store, &err), CH_OK);
    ch_store_close(store);
}
END_TEST

CH_TESTS("store", CH_TEST(test_what_is_given_up_is_not_kept),
         CH_TEST(test_a_folder_that_is_missing_is_made_for_its_owner_alone),
         CH_TEST(test_a_folder_that_cannot_be_made_is_named),
         CH_TEST(test_a_folder_that_another_agent_holds_is_refused),
         CH_TEST_ROWS(test_a_state_that_others_could_change_is_refused, foreign),
         CH_TEST(test_a_new_file_has_the_newest_schema), CH_TEST(test_a_file_without_a_version_is_migrated),
         CH_TEST(test_a_file_without_a_journal_is_migrated),
         CH_TEST(test_each_file_has_an_identity_of_its_own_and_keeps_it),
         CH_TEST(test_a_file_of_this_version_is_opened_as_it_is),
         CH_TEST_ROWS(test_a_file_of_a_newer_agent_is_refused_and_not_changed, newer),
         CH_TEST(test_a_file_that_is_not_a_database_is_refused), CH_TEST(test_a_file_that_was_cut_off_is_refused),
         CH_TEST(test_a_damaged_page_is_found_before_anything_is_signed))
