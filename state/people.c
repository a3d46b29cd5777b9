/* One row for each person, with one write under way at a time. While it is, the thread reads the row's `asked`, and the
 * loop leaves that alone; what changes meanwhile is written next. Tries are rows of their own, written with their
 * person's. */
#include "state/people.h"

#include "base/memory.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ULL
#define DOUBLINGS_MAX 10 /* 1 s, 2 s, ... 512 s, and then the most */
#define TOKENS_MAX 64    /* that a person has tried, of all configurations together */

static const char doing[] = "writing what is kept of a person";

typedef struct tries {
    char *token;
    unsigned count;
} tries;

/* What a write writes: the texts are never changed, only replaced when no write is under way. */
typedef struct facts {
    char *token;
    char *object;
    char *mechanism;
    uint8_t print[CH_PRINT_SIZE];
    size_t print_size; /* 0: no seed is pinned */
    uint64_t last_step;
    unsigned failures;
    uint64_t wait_until_ns;
    tries tries[TOKENS_MAX];
    size_t try_count;
} facts;

struct ch_kept_person {
    ch_people *people;
    char *name;
    facts kept;
    facts asked;               /* by the write under way */
    uint64_t earlier_until_ns; /* before the try under way */
    bool is_dirty;             /* it has changed since the write under way was submitted */
    ch_write write;
    ch_person_waiter waiter;
};

struct ch_people {
    ch_store *store;
    ch_writer *writer; /* NULL before the start */
    ch_kept_person **rows;
    size_t count;
};

/* ---- on disk ---- */

static ch_status finish(ch_store *store, sqlite3_stmt *stmt, ch_error *err)
{
    ch_status st = sqlite3_step(stmt) == SQLITE_DONE ? CH_OK : ch_store_fail(store, doing, err);
    sqlite3_finalize(stmt);
    return st;
}

static ch_status save_tries(const ch_kept_person *person, ch_store *store, const tries *of, ch_error *err)
{
    sqlite3_stmt *save = NULL;
    CH_TRY(ch_store_prepare(store, "INSERT OR REPLACE INTO person_tries VALUES(?1, ?2, ?3)", doing, &save, err));
    sqlite3_bind_text(save, 1, person->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(save, 2, of->token, -1, SQLITE_STATIC);
    sqlite3_bind_int64(save, 3, of->count);
    return finish(store, save, err);
}

static ch_status save_asked(ch_write *write, ch_store *store, ch_error *err)
{
    const ch_kept_person *person = write->context;
    const facts *asked = &person->asked;
    sqlite3_stmt *save = NULL;
    CH_TRY(ch_store_prepare(store, "INSERT OR REPLACE INTO person VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", doing, &save,
                            err));
    sqlite3_bind_text(save, 1, person->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(save, 2, asked->token, -1, SQLITE_STATIC);
    sqlite3_bind_text(save, 3, asked->object, -1, SQLITE_STATIC);
    sqlite3_bind_text(save, 4, asked->mechanism, -1, SQLITE_STATIC);
    sqlite3_bind_blob(save, 5, asked->print, (int)asked->print_size, SQLITE_STATIC);
    sqlite3_bind_int64(save, 6, (sqlite3_int64)asked->last_step);
    sqlite3_bind_int64(save, 7, asked->failures);
    sqlite3_bind_int64(save, 8, (sqlite3_int64)asked->wait_until_ns);
    CH_TRY(finish(store, save, err));
    for (size_t i = 0; i < asked->try_count; i++)
        CH_TRY(save_tries(person, store, &asked->tries[i], err));
    return CH_OK;
}

static void free_names(facts *of)
{
    free(of->token);
    free(of->object);
    free(of->mechanism);
}

/* The names of objects are copied, since they may be replaced meanwhile; those of tokens stay. */
static void submit(ch_kept_person *person)
{
    person->is_dirty = true;
    if (person->people->writer == NULL || person->write.is_under_way)
        return; /* on_saved submits again */
    free_names(&person->asked);
    person->asked = person->kept;
    person->asked.token = ch_strdup(person->kept.token);
    person->asked.object = ch_strdup(person->kept.object);
    person->asked.mechanism = ch_strdup(person->kept.mechanism);
    person->is_dirty = false;
    ch_writer_submit(person->people->writer, &person->write);
}

static void on_saved(ch_write *write, const ch_error *outcome)
{
    ch_kept_person *person = write->context;
    if (outcome->status == CH_OK && person->is_dirty) {
        submit(person);
        return;
    }
    ch_person_waiter waiter = person->waiter;
    person->waiter = (ch_person_waiter){0};
    if (waiter.answer != NULL)
        waiter.answer(waiter.context, outcome);
}

static void await_disk(ch_kept_person *person, ch_person_waiter waiter)
{
    assert(person->waiter.answer == NULL);
    person->waiter = waiter;
    submit(person);
}

static ch_kept_person *add_row(ch_people *people, const char *name)
{
    ch_kept_person *person = ch_alloc(sizeof *person);
    person->people = people;
    person->name = ch_strdup(name);
    person->kept.token = ch_strdup("");
    person->kept.object = ch_strdup("");
    person->kept.mechanism = ch_strdup("");
    person->write = (ch_write){.run = save_asked, .done = on_saved, .context = person};
    people->rows = ch_realloc_array(people->rows, people->count + 1, sizeof *people->rows);
    people->rows[people->count++] = person;
    return person;
}

static void set_object(facts *of, const ch_print_name *object)
{
    free_names(of);
    of->token = ch_strdup(object->token);
    of->object = ch_strdup(object->object);
    of->mechanism = ch_strdup(object->mechanism);
}

static void take_row(void *context, sqlite3_stmt *row)
{
    ch_kept_person *person = add_row(context, (const char *)sqlite3_column_text(row, 0));
    facts *kept = &person->kept;
    const ch_print_name object = {(const char *)sqlite3_column_text(row, 1), (const char *)sqlite3_column_text(row, 2),
                                  (const char *)sqlite3_column_text(row, 3)};
    set_object(kept, &object);
    kept->print_size = sqlite3_column_bytes(row, 4) == CH_PRINT_SIZE ? CH_PRINT_SIZE : 0;
    if (kept->print_size > 0)
        memcpy(kept->print, sqlite3_column_blob(row, 4), CH_PRINT_SIZE);
    kept->last_step = (uint64_t)sqlite3_column_int64(row, 5);
    kept->failures = (unsigned)sqlite3_column_int64(row, 6);
    kept->wait_until_ns = (uint64_t)sqlite3_column_int64(row, 7);
}

/* Returns the place where tries at that token are counted, or will be. Tokens beyond the last place share it. */
static size_t place_of(const facts *kept, const char *token)
{
    size_t at = 0;
    while (at < kept->try_count && strcmp(kept->tries[at].token, token) != 0)
        at++;
    return at < TOKENS_MAX ? at : TOKENS_MAX - 1;
}

static unsigned *tries_of(ch_kept_person *person, const char *token)
{
    facts *kept = &person->kept;
    size_t at = place_of(kept, token);
    if (at == kept->try_count)
        kept->tries[kept->try_count++] = (tries){.token = ch_strdup(token)};
    return &kept->tries[at].count;
}

static void take_tries(void *context, sqlite3_stmt *row)
{
    ch_kept_person *person = ch_people_of(context, (const char *)sqlite3_column_text(row, 0));
    *tries_of(person, (const char *)sqlite3_column_text(row, 1)) = (unsigned)sqlite3_column_int64(row, 2);
}

/* ---- start and end ---- */

static ch_status load(ch_people *people, ch_error *err)
{
    static const char reading[] = "reading what is kept of people";
    CH_TRY(ch_store_each(people->store,
                         "SELECT name, token, object, mechanism, print, last_step, failures, wait_until_ns FROM person",
                         reading, take_row, people, err));
    return ch_store_each(people->store, "SELECT person, token, count FROM person_tries WHERE count > 0", reading,
                         take_tries, people, err);
}

ch_status ch_people_open(ch_store *store, ch_people **out, ch_error *err)
{
    ch_people *people = ch_alloc(sizeof *people);
    people->store = store;
    ch_status st = load(people, err);
    if (st == CH_OK)
        *out = people;
    else
        ch_people_close(people);
    return st;
}

void ch_people_start(ch_people *people, ch_writer *writer)
{
    people->writer = writer;
}

static void free_row(ch_kept_person *person)
{
    for (size_t i = 0; i < person->kept.try_count; i++)
        free(person->kept.tries[i].token);
    free_names(&person->kept);
    free_names(&person->asked);
    free(person->name);
    free(person);
}

void ch_people_close(ch_people *people)
{
    if (people == NULL)
        return;
    for (size_t i = 0; i < people->count; i++)
        free_row(people->rows[i]);
    free(people->rows);
    free(people);
}

void ch_people_try_again(ch_people *people)
{
    for (size_t i = 0; i < people->count; i++) {
        if (people->rows[i]->write.is_failing)
            submit(people->rows[i]);
    }
}

ch_kept_person *ch_people_of(ch_people *people, const char *name)
{
    for (size_t i = 0; i < people->count; i++) {
        if (strcmp(people->rows[i]->name, name) == 0)
            return people->rows[i];
    }
    return add_row(people, name);
}

/* ---- seeds ---- */

ch_slice ch_person_seed(const ch_kept_person *person, const ch_print_name *object)
{
    const facts *kept = &person->kept;
    bool is_it = kept->print_size > 0 && strcmp(kept->token, object->token) == 0 &&
                 strcmp(kept->object, object->object) == 0 && strcmp(kept->mechanism, object->mechanism) == 0;
    return is_it ? (ch_slice){kept->print, kept->print_size} : CH_LITERAL("");
}

uint64_t ch_person_lowest_step(const ch_kept_person *person)
{
    return person->kept.last_step + 1;
}

void ch_person_pin(ch_kept_person *person, const ch_print_name *object, ch_slice print, uint64_t step,
                   ch_person_waiter waiter)
{
    assert(print.size == CH_PRINT_SIZE);
    set_object(&person->kept, object);
    memcpy(person->kept.print, print.data, print.size);
    person->kept.print_size = print.size;
    person->kept.last_step = step;
    await_disk(person, waiter);
}

/* The last step stays: it says nothing of the next seed, which comes with one of its own. */
void ch_person_unpin(ch_kept_person *person, ch_person_waiter waiter)
{
    person->kept.print_size = 0;
    await_disk(person, waiter);
}

/* ---- tries ---- */

static uint64_t wait_after(unsigned failures)
{
    return failures > DOUBLINGS_MAX ? CH_WAIT_MAX_S : (uint64_t)1 << (failures - 1);
}

/* A try that was made while the clock was ahead must not make anybody wait until it is that late. */
uint64_t ch_person_waits_s(ch_kept_person *person, uint64_t now_ns)
{
    facts *kept = &person->kept;
    uint64_t most_ns = kept->failures == 0 ? 0 : wait_after(kept->failures) * SECOND_NS;
    if (kept->wait_until_ns <= now_ns)
        return 0;
    if (kept->wait_until_ns - now_ns > most_ns) {
        kept->wait_until_ns = now_ns + most_ns;
        submit(person);
    }
    return (kept->wait_until_ns - now_ns + SECOND_NS - 1) / SECOND_NS;
}

unsigned ch_person_tries(const ch_kept_person *person, const char *token)
{
    size_t at = place_of(&person->kept, token);
    return at < person->kept.try_count ? person->kept.tries[at].count : 0;
}

void ch_person_begin(ch_kept_person *person, const char *token, uint64_t now_ns, ch_person_waiter waiter)
{
    facts *kept = &person->kept;
    person->earlier_until_ns = kept->wait_until_ns;
    kept->failures++;
    kept->wait_until_ns = now_ns + wait_after(kept->failures) * SECOND_NS;
    if (token != NULL)
        ++*tries_of(person, token);
    await_disk(person, waiter);
}

static void count_down(unsigned *count)
{
    *count -= *count > 0;
}

void ch_person_take_back(ch_kept_person *person, const char *token)
{
    count_down(&person->kept.failures);
    person->kept.wait_until_ns = person->earlier_until_ns;
    if (token != NULL)
        count_down(tries_of(person, token));
    submit(person);
}

/* The tries of others are forgotten too: somebody is there who knows PIN and code, and the token counts anew as well.
 */
static void forget_tries(ch_people *people, const ch_kept_person *but, const char *token)
{
    for (size_t i = 0; i < people->count; i++) {
        if (ch_person_tries(people->rows[i], token) == 0)
            continue;
        *tries_of(people->rows[i], token) = 0;
        if (people->rows[i] != but)
            submit(people->rows[i]);
    }
}

void ch_person_use(ch_kept_person *person, uint64_t step, ch_person_waiter waiter)
{
    person->kept.last_step = step > person->kept.last_step ? step : person->kept.last_step;
    await_disk(person, waiter);
}

void ch_person_pass(ch_kept_person *person, const char *token, uint64_t step, ch_person_waiter waiter)
{
    person->kept.failures = 0;
    person->kept.wait_until_ns = 0;
    person->kept.last_step = step > person->kept.last_step ? step : person->kept.last_step;
    if (token != NULL)
        forget_tries(person->people, person, token);
    await_disk(person, waiter);
}
