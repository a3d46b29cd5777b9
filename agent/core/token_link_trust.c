/* The token link's trust in keys: one that signs wrongly, or that was exchanged under its name, is not used. */
#include "agent/core/token_link_impl.h"

#include "base/log.h"

#include <assert.h>
#include <string.h>

#define WRONG_MAX 2 /* signatures in a row: of a fresh process, the first is checked again */

/* ---- signatures ---- */

void ch_link_trust_key(ch_token_link *link, size_t key)
{
    link->keys[key].wrong = 0;
}

void ch_link_trust_all(ch_token_link *link)
{
    for (size_t i = 0; i < link->key_count; i++) {
        link->keys[i].wrong = 0;
        link->keys[i].is_printed = false; /* the process will report it again */
    }
}

void ch_link_distrust_key(ch_token_link *link, size_t key, const ch_error *why)
{
    ch_known_key *known = &link->keys[key];
    known->wrong++;
    ch_log(
        "key '%s': WRONG SIGNATURE, which was withheld: %s; others that were not checked may have been wrong as well",
        known->name, why->message);
}

/* ---- prints ---- */

static ch_print_name print_name(const ch_token_link *link, const ch_known_key *key)
{
    return (ch_print_name){.token = link->config.name, .object = key->uri, .mechanism = key->mechanism};
}

static void compare(const ch_token_link *link, ch_known_key *key)
{
    const ch_print_name name = print_name(link, key);
    const ch_slice print = {key->print, key->print_size};
    ch_slice kept = ch_prints_find(link->config.prints, &name);
    key->is_exchanged = key->is_printed && kept.data != NULL && !ch_slice_equal(kept, print);
}

/* A key without a public half has no print, and nothing is kept of it. */
static void take_print(ch_token_link *link, ch_known_key *key, ch_slice print)
{
    const ch_print_name name = print_name(link, key);
    if (print.size > 0)
        memcpy(key->print, print.data, print.size);
    key->print_size = print.size;
    key->is_printed = true;
    if (print.size > 0 && ch_prints_find(link->config.prints, &name).data == NULL)
        ch_prints_keep(link->config.prints, &name, print);
    compare(link, key);
    if (print.size == 0 && !key->is_unproven)
        ch_log(
            "key '%s': the token does not show its public half, so no more than the size of its signatures is checked",
            key->name);
    key->is_unproven = print.size == 0;
}

static void say_exchanged(const ch_known_key *key, ch_error *problem)
{
    ch_error_set(problem, CH_REFUSED, "exchanged-key",
                 key->print_size > 0
                     ? "the key object on the token is not the one that was first used under this name; if it was "
                       "exchanged on purpose, an operator says so with: chancery key confirm %s"
                     : "the token no longer shows the public half by which the key object was known; if that is as it "
                       "should be, an operator says so with: chancery key confirm %s",
                 key->name);
}

ch_error ch_link_judge_key(ch_token_link *link, ch_known_key *key, const ch_key_state_frame *state)
{
    ch_error problem = state->problem;
    key->is_exchanged = false;
    if (problem.status != CH_OK)
        return problem;
    if (link->config.prints != NULL && state->is_print_later)
        compare(link, key);
    else if (link->config.prints != NULL)
        take_print(link, key, state->print);
    if (key->is_exchanged)
        say_exchanged(key, &problem);
    else if (key->wrong >= WRONG_MAX)
        ch_error_set(
            &problem, CH_UNAVAILABLE, "",
            "the token signed wrongly with it, and again in a fresh process, so it is not used; when the token "
            "has been looked into, 'chancery reload' has it tried again");
    return problem;
}

ch_status ch_link_take_key_print(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_token_link *link = self;
    ch_key_print_frame told;
    CH_TRY(ch_key_print_frame_get(frame, &told, err));
    if (told.key >= link->key_count || !link->keys[told.key].is_named || told.print.size != CH_PRINT_SIZE)
        return ch_fail(err, CH_INTERNAL, "it told a print of %zu bytes, of key %u", told.print.size, told.key);
    ch_known_key *key = &link->keys[told.key];
    if (link->config.prints == NULL)
        return CH_OK;
    take_print(link, key, told.print);
    if (key->is_exchanged && key->problem.status == CH_OK) {
        say_exchanged(key, &key->problem);
        ch_log("key '%s': not usable: %s", key->name, key->problem.message);
    }
    return CH_OK;
}

ch_status ch_token_link_confirm_key(ch_token_link *link, size_t key, ch_link_waiter waiter, ch_error *err)
{
    assert(key < link->key_count);
    const ch_known_key *known = &link->keys[key];
    const ch_print_change change = {
        .name = print_name(link, known),
        .print = {known->print, known->print_size},
        .context = waiter.context,
        .answer = waiter.answer
    };
    /* What was last seen is confirmed, also after a reload, which has forgotten that it is another. */
    ch_slice kept = link->config.prints == NULL ? CH_LITERAL("") : ch_prints_find(link->config.prints, &change.name);
    bool is_another = change.print.size > 0 && kept.size > 0 && !ch_slice_equal(kept, change.print);
    if (!known->is_exchanged && !is_another)
        return ch_fail(
            err, CH_CONFLICT,
            "key '%s' is not known to have been exchanged, so there is nothing to confirm; 'chancery status' "
            "shows what keys wait for that, while their tokens are unlocked",
            known->name);
    return ch_prints_change(link->config.prints, &change, err);
}

void ch_token_link_hurry(ch_token_link *link)
{
    link->looked_ms = 0;
}
