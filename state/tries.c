/* One row for each token, with one write under way at a time. While it is, the thread reads the row's `asked`, and the
 * loop leaves that alone. */
#include "state/tries.h"

#include "base/memory.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static const char doing[] = "counting the tries of a PIN";

struct ch_token_tries {
    ch_tries *tries;
    char *token;
    unsigned count;
    unsigned asked; /* what the write under way writes */
    ch_write write;
    ch_try_waiter waiter;
};

struct ch_tries {
    ch_store *store;
    ch_writer *writer; /* NULL before the start */
    sqlite3_stmt *save;
    ch_token_tries **tokens;
    size_t token_count;
};

/* ---- on disk ---- */

static ch_status save_asked(ch_write *write, ch_store *store, ch_error *err)
{
    const ch_token_tries *token = write->context;
    sqlite3_stmt *save = token->tries->save;
    sqlite3_bind_text(save, 1, token->token, -1, SQLITE_STATIC);
    sqlite3_bind_int64(save, 2, token->asked);
    ch_status st = sqlite3_step(save) == SQLITE_DONE ? CH_OK : ch_store_fail(store, doing, err);
    sqlite3_reset(save);
    return st;
}

static void submit(ch_token_tries *token)
{
    if (token->tries->writer == NULL || token->write.is_under_way)
        return; /* on_saved submits again */
    token->asked = token->count;
    ch_writer_submit(token->tries->writer, &token->write);
}

static void answer(ch_token_tries *token, const ch_error *outcome)
{
    ch_try_waiter waiter = token->waiter;
    token->waiter = (ch_try_waiter){0};
    if (waiter.answer != NULL)
        waiter.answer(waiter.context, outcome);
}

static void on_saved(ch_write *write, const ch_error *outcome)
{
    ch_token_tries *token = write->context;
    if (outcome->status == CH_OK && token->asked != token->count) {
        submit(token);
        return;
    }
    if (outcome->status != CH_OK && token->waiter.answer != NULL)
        token->count--; /* it is not made */
    answer(token, outcome);
}

static ch_token_tries *add_row(ch_tries *tries, const char *name)
{
    ch_token_tries *token = ch_alloc(sizeof *token);
    token->tries = tries;
    token->token = ch_strdup(name);
    token->write = (ch_write){.run = save_asked, .done = on_saved, .context = token};
    tries->tokens = ch_realloc_array(tries->tokens, tries->token_count + 1, sizeof *tries->tokens);
    tries->tokens[tries->token_count++] = token;
    return token;
}

static void take_row(void *context, sqlite3_stmt *row)
{
    add_row(context, (const char *)sqlite3_column_text(row, 0))->count = (unsigned)sqlite3_column_int64(row, 1);
}

static ch_status load(ch_tries *tries, ch_error *err)
{
    CH_TRY(ch_store_prepare(tries->store, "INSERT OR REPLACE INTO pin_tries VALUES(?1, ?2)", doing, &tries->save, err));
    return ch_store_each(tries->store, "SELECT token, count FROM pin_tries", doing, take_row, tries, err);
}

/* ---- start and end ---- */

ch_status ch_tries_open(ch_store *store, ch_tries **out, ch_error *err)
{
    ch_tries *tries = ch_alloc(sizeof *tries);
    tries->store = store;
    ch_status st = load(tries, err);
    if (st == CH_OK)
        *out = tries;
    else
        ch_tries_close(tries);
    return st;
}

void ch_tries_start(ch_tries *tries, ch_writer *writer)
{
    tries->writer = writer;
}

void ch_tries_close(ch_tries *tries)
{
    if (tries == NULL)
        return;
    for (size_t i = 0; i < tries->token_count; i++) {
        free(tries->tokens[i]->token);
        free(tries->tokens[i]);
    }
    free(tries->tokens);
    sqlite3_finalize(tries->save);
    free(tries);
}

void ch_tries_try_again(ch_tries *tries)
{
    for (size_t i = 0; i < tries->token_count; i++) {
        if (tries->tokens[i]->write.is_failing)
            submit(tries->tokens[i]);
    }
}

/* ---- counting ---- */

ch_token_tries *ch_tries_of(ch_tries *tries, const char *name)
{
    for (size_t i = 0; i < tries->token_count; i++) {
        if (strcmp(tries->tokens[i]->token, name) == 0)
            return tries->tokens[i];
    }
    return add_row(tries, name);
}

unsigned ch_tries_count(const ch_token_tries *token)
{
    return token->count;
}

void ch_tries_begin(ch_token_tries *token, ch_try_waiter waiter)
{
    assert(token->waiter.answer == NULL);
    token->waiter = waiter;
    ch_tries_add(token);
}

void ch_tries_forget_waiter(ch_token_tries *token)
{
    token->waiter = (ch_try_waiter){0};
}

void ch_tries_take_back(ch_token_tries *token)
{
    if (token->count > 0)
        token->count--;
    submit(token);
}

void ch_tries_add(ch_token_tries *token)
{
    token->count++;
    submit(token);
}

void ch_tries_reset(ch_token_tries *token)
{
    if (token->count == 0)
        return;
    token->count = 0;
    submit(token);
}
