/* One batch at a time: what was submitted to be written, or one that runs aside. It is done when core collects it. */
#include "tests/fuzz/disk.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "state/writer.h"
#include "tests/fuzz/fuzz.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOG_PAGES_MAX 2000

struct ch_writer {
    ch_store *store;
    int fd;
    ch_write *first; /* submitted, the oldest first */
    ch_write **end;
    ch_write *asides;   /* the newest first */
    ch_write *finished; /* that was done, and is to be collected */
    bool is_aside;      /* it is */
    ch_error outcome;
    size_t failing;
    ch_error trouble;
};

static struct {
    ch_store *store;
    ch_writer *writer; /* NULL: not started */
    fuzz_disk how;
    ch_trace_kind trace;
    sqlite3_int64 row_count; /* that were added here */
} disk;

/* ---- the store ---- */

static const char *temporary_folder(void)
{
    const char *chosen = getenv("TMPDIR");
    if (chosen != NULL)
        return chosen;
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

/* The files are removed at once, so that nothing is left of them however the process ends. */
static void make_store(void)
{
    ch_error err = CH_ERROR_INIT;
    char folder[512];
    snprintf(folder, sizeof folder, "%s/chancery-fuzz-XXXXXX", temporary_folder());
    FUZZ_CHECK(mkdtemp(folder) != NULL);
    ch_status st = ch_store_open(folder, &disk.store, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK(st == CH_OK && ch_store_touch(disk.store, &err) == CH_OK);
    for (size_t i = 0; ch_store_files[i] != NULL; i++) {
        ch_autobuffer file = CH_BUFFER_INIT;
        ch_buffer_add_format(&file, "%s/%s", folder, ch_store_files[i]);
        unlink(ch_buffer_text(&file));
    }
    FUZZ_CHECK(rmdir(folder) == 0);
}

static void take_nothing(void *context, struct sqlite3_stmt *row)
{
    (void)context;
    (void)row;
}

static void run(const char *sql)
{
    ch_error err = CH_ERROR_INIT;
    FUZZ_CHECK(ch_store_each(disk.store, sql, "clearing the stage", take_nothing, NULL, &err) == CH_OK);
}

void fuzz_disk_clear(void)
{
    ch_error err = CH_ERROR_INIT;
    if (disk.store == NULL)
        make_store();
    run("DELETE FROM journal");
    run("DELETE FROM snapshot");
    if (ch_store_log_pages(disk.store) > LOG_PAGES_MAX)
        FUZZ_CHECK(ch_store_empty_log(disk.store, &err) == CH_OK);
    disk.how = FUZZ_DISK_GOOD;
    disk.trace = CH_TRACE_NONE;
    disk.row_count = 0;
}

ch_store *fuzz_disk_store(void)
{
    return disk.store;
}

static void insert(const char *sql, sqlite3_int64 number, ch_slice text)
{
    ch_error err = CH_ERROR_INIT;
    sqlite3_stmt *stmt = NULL;
    FUZZ_CHECK(ch_store_prepare(disk.store, sql, "setting the stage", &stmt, &err) == CH_OK);
    sqlite3_bind_int64(stmt, 1, disk.row_count);
    sqlite3_bind_int64(stmt, 2, number);
    sqlite3_bind_text(stmt, 3, text.size == 0 ? "" : (const char *)text.data, (int)text.size, SQLITE_STATIC);
    FUZZ_CHECK(sqlite3_step(stmt) == SQLITE_DONE);
    sqlite3_finalize(stmt);
}

void fuzz_disk_add_row(unsigned kind, ch_slice charges)
{
    disk.row_count++;
    insert("INSERT INTO journal VALUES(?1, ?2, 0, 0, ?3, '{}')", kind, charges);
}

void fuzz_disk_add_snapshot(ch_slice lines)
{
    insert("INSERT OR REPLACE INTO snapshot VALUES(?1 + 0 * ?2, ?3)", 0, lines);
}

void fuzz_disk_set(fuzz_disk how)
{
    disk.how = how;
}

void fuzz_disk_set_trace(ch_trace_kind kind)
{
    disk.trace = kind;
}

/* ---- writing ---- */

static ch_status fail(ch_error *err)
{
    return ch_fail(err, CH_IO, "writing the state: the disk of the stage is full");
}

static ch_status run_all(ch_store *store, ch_write *first, ch_error *err)
{
    CH_TRY(ch_store_begin(store, err));
    for (ch_write *write = first; write != NULL; write = write->next) {
        if (write->run(write, store, err) != CH_OK) {
            ch_store_rollback(store);
            return err->status;
        }
    }
    return ch_store_commit(store, err);
}

static ch_status do_batch(ch_writer *writer, ch_error *err)
{
    ch_write *first = writer->finished;
    if (disk.how == FUZZ_DISK_FULL)
        return fail(err);
    CH_TRY(writer->is_aside ? first->run(first, writer->store, err) : run_all(writer->store, first, err));
    return disk.how == FUZZ_DISK_DOUBTFUL ? fail(err) : CH_OK;
}

/* The oldest of those that are due first, or NULL. */
static ch_write *take_aside(ch_writer *writer)
{
    ch_write **found = NULL;
    for (ch_write **link = &writer->asides; *link != NULL; link = &(*link)->next) {
        if ((*link)->due_ms <= ch_clock_ms() && (found == NULL || (*link)->due_ms <= (*found)->due_ms))
            found = link;
    }
    ch_write *taken = found == NULL ? NULL : *found;
    if (taken != NULL) {
        *found = taken->next;
        taken->next = NULL;
    }
    return taken;
}

static void take_batch(ch_writer *writer)
{
    writer->is_aside = writer->first == NULL;
    writer->finished = writer->is_aside ? take_aside(writer) : writer->first;
    writer->first = NULL;
    writer->end = &writer->first;
}

bool fuzz_disk_write(void)
{
    ch_writer *writer = disk.writer;
    if (writer == NULL || disk.how == FUZZ_DISK_HANGS)
        return false;
    if (writer->finished != NULL)
        return true;
    take_batch(writer);
    if (writer->finished == NULL)
        return false;
    writer->outcome = (ch_error)CH_ERROR_INIT;
    ch_status st = do_batch(writer, &writer->outcome);
    fuzz_check_error(st, &writer->outcome);
    FUZZ_CHECK(eventfd_write(writer->fd, 1) == 0);
    return true;
}

/* ---- state/writer.h ---- */

ch_status ch_writer_start(ch_store *store, ch_writer **out, ch_error *err)
{
    (void)err;
    *out = ch_alloc(sizeof **out);
    **out = (ch_writer){.store = store, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .end = &(*out)->first};
    FUZZ_CHECK(disk.writer == NULL && (*out)->fd >= 0);
    disk.writer = *out;
    return CH_OK;
}

static void submit(ch_write *write)
{
    FUZZ_CHECK(!write->is_under_way && write->run != NULL && write->done != NULL);
    write->is_under_way = true;
    write->next = NULL;
}

void ch_writer_submit(ch_writer *writer, ch_write *write)
{
    submit(write);
    *writer->end = write;
    writer->end = &write->next;
}

void ch_writer_submit_aside(ch_writer *writer, ch_write *write, uint64_t due_ms)
{
    submit(write);
    write->due_ms = due_ms;
    write->next = writer->asides;
    writer->asides = write;
}

const ch_error *ch_writer_trouble(const ch_writer *writer)
{
    return writer->failing > 0 ? &writer->trouble : NULL;
}

int ch_writer_fd(const ch_writer *writer)
{
    return writer->fd;
}

static void note_outcome(ch_writer *writer, ch_write *write, bool is_failed)
{
    if (!writer->is_aside && is_failed && !write->is_failing)
        writer->failing++;
    if (!writer->is_aside && !is_failed && write->is_failing)
        writer->failing--;
    if (!writer->is_aside && is_failed)
        writer->trouble = writer->outcome;
    write->is_failing = is_failed;
}

/* As in state/writer.c, all outcomes are noted before anybody hears of one. */
static void finish(ch_writer *writer, bool is_reported)
{
    ch_write *next;
    ch_write *first = writer->finished;
    const ch_error outcome = writer->outcome;
    for (ch_write *write = first; write != NULL; write = write->next)
        note_outcome(writer, write, outcome.status != CH_OK);
    writer->finished = NULL;
    for (ch_write *write = first; write != NULL; write = next) {
        next = write->next;
        write->is_under_way = false;
        if (is_reported)
            write->done(write, &outcome);
    }
}

void ch_writer_collect(ch_writer *writer)
{
    eventfd_t count;
    ch_ignore(eventfd_read(writer->fd, &count) == 0);
    finish(writer, true);
}

void ch_writer_stop(ch_writer *writer)
{
    if (writer == NULL)
        return;
    while (fuzz_disk_write())
        finish(writer, false);
    close(writer->fd);
    free(writer);
    disk.writer = NULL;
}

/* ---- state/trace.h ---- */

struct ch_trace {
    ch_trace_kind kind;
};

ch_status ch_trace_open(const char *path, ch_trace **out, ch_trace_kind *kind, ch_trace_mark *mark, ch_error *err)
{
    static ch_trace the_trace;
    (void)path;
    (void)err;
    FUZZ_CHECK(disk.trace != CH_TRACE_READ);
    *mark = (ch_trace_mark){.id = 0};
    *kind = disk.trace;
    *out = &the_trace;
    return CH_OK;
}

void ch_trace_close(ch_trace *trace)
{
    (void)trace;
}

ch_status ch_trace_write(const ch_trace *trace, const ch_trace_mark *mark, bool is_synced, ch_error *err)
{
    (void)trace;
    (void)is_synced;
    FUZZ_CHECK(mark->identity[0] != '\0');
    return disk.how == FUZZ_DISK_FULL ? fail(err) : CH_OK;
}
