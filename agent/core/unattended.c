/* A token may come late, a reload may exchange its link, and an operator may be quicker. So a PIN waits here, and the
 * link is looked for by its name each time. What was tried once is not tried again: the token counts. */
#include "agent/core/unattended.h"

#include "base/clock.h"
#include "base/credential.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/secret.h"
#include "wire/frames.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_EVERY_MS 100
#define PATIENCE_MS 300000 /* after which a token that has not come is left to its operators */
#define IS_FROZEN "trading is frozen, and the policy lets no unlock of this token survive that"

typedef struct candidate {
    ch_unattended *self;
    char *token;
    ch_secret pin; /* empty: the token is not to be unlocked, or was tried */
    bool is_trying;
} candidate;

struct ch_unattended {
    ch_loop *loop;
    ch_links *links;
    const ch_policy *policy;
    const ch_states *states;
    const ch_clockwatch *clock;
    ch_timer timer;
    uint64_t begun_ms;
    candidate list[CH_TOKENS_MAX];
    size_t count;
};

static ch_token_link *find_link(const candidate *of)
{
    ch_error err = CH_ERROR_INIT;
    ch_token_link *link = NULL;
    return ch_links_find(of->self->links, ch_slice_of(of->token), &link, &err) == CH_OK ? link : NULL;
}

/* Returns true if trading is frozen on the whole token, and policy says that this ends unlocks of it. */
static bool is_frozen(const ch_unattended *self, const ch_token_link *link)
{
    size_t token = ch_links_index(self->links, link);
    return ch_policy_unlock_rule(self->policy, token)->ends.by_freeze &&
           ch_states_cover_token(self->states, self->policy, token, ch_clockwatch_time_ns(self->clock));
}

static void fail(const candidate *of, const char *why)
{
    ch_token_link *link = find_link(of);
    ch_log("token '%s': not unlocked unattended: %s", of->token, why);
    if (link != NULL && !ch_token_link_is_unlocked(link))
        ch_token_link_note_not_unattended(link, why);
}

/* ---- the credential ---- */

static ch_status read_pin(candidate *of, const ch_token_link *link, ch_error *err)
{
    char name[CH_NAME_MAX + 16];
    if (ch_token_link_login(link) == CH_LOGIN_PINPAD)
        return ch_fail(err, CH_CONFIG, "its PIN is typed at the token itself (login: pinpad in agent.yaml)");
    if (ch_token_link_login(link) == CH_LOGIN_NONE)
        return ch_secret_alloc_empty(&of->pin, err);
    snprintf(name, sizeof name, "chancery-pin-%.64s", of->token);
    return ch_credential_read(name, CH_PIN_SIZE_MAX, &of->pin, err);
}

static void add(ch_unattended *self, const ch_token_link *link)
{
    ch_error err = CH_ERROR_INIT;
    candidate *added = &self->list[self->count++];
    *added = (candidate){.self = self, .token = ch_strdup(ch_token_link_name(link)), .pin = CH_SECRET_INIT};
    if (is_frozen(self, link))
        fail(added, IS_FROZEN);
    else if (read_pin(added, link, &err) != CH_OK)
        fail(added, err.message);
}

/* ---- the unlock ---- */

static void on_outcome(void *context, const ch_error *outcome)
{
    candidate *of = context;
    of->is_trying = false;
    if (outcome->status != CH_OK)
        fail(of, outcome->message);
}

/* Trading may have been frozen while the token was waited for. */
static void try_it(candidate *of)
{
    ch_token_link *link = find_link(of);
    const ch_link_waiter waiter = {.answer = on_outcome, .context = of};
    if (link == NULL || ch_token_link_is_unlocked(link)) {
        ch_secret_wipe(&of->pin); /* it is not there any more, or somebody was quicker */
        return;
    }
    if (ch_token_link_state(link) != CH_LINK_LOCKED)
        return;
    if (is_frozen(of->self, link)) {
        ch_secret_wipe(&of->pin);
        fail(of, IS_FROZEN);
        return;
    }
    ch_log("token '%s': unlocking it unattended, as the policy says", of->token);
    of->is_trying = true;
    ch_token_link_unlock_unattended(link, &of->pin, waiter);
}

static bool try_all(ch_unattended *self)
{
    bool is_waiting = false;
    for (size_t i = 0; i < self->count; i++) {
        if (self->list[i].pin.data != NULL)
            try_it(&self->list[i]);
        is_waiting = is_waiting || self->list[i].pin.data != NULL;
    }
    return is_waiting;
}

static void give_up(ch_unattended *self)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->list[i].pin.data == NULL)
            continue;
        ch_secret_wipe(&self->list[i].pin);
        fail(&self->list[i], "the token was not there within five minutes");
    }
}

static void on_due(void *context)
{
    ch_unattended *self = context;
    uint64_t now_ms = ch_clock_ms();
    if (now_ms - self->begun_ms > PATIENCE_MS)
        give_up(self);
    else if (try_all(self))
        ch_loop_set_timer(self->loop, &self->timer, now_ms + LOOK_EVERY_MS);
}

/* ---- the room ---- */

ch_unattended *ch_unattended_new(ch_loop *loop, ch_links *links, const ch_policy *policy, const ch_states *states,
                                 const ch_clockwatch *clock)
{
    ch_unattended *self = ch_alloc(sizeof *self);
    self->loop = loop;
    self->links = links;
    self->policy = policy;
    self->states = states;
    self->clock = clock;
    self->timer = (ch_timer){.on_due = on_due, .context = self};
    for (size_t i = 0; i < links->count; i++) {
        if (ch_policy_unlock_rule(policy, i)->is_unattended)
            add(self, links->links[i]);
    }
    unsetenv("CREDENTIALS_DIRECTORY");
    return self;
}

void ch_unattended_free(ch_unattended *self)
{
    if (self == NULL)
        return;
    ch_loop_cancel_timer(self->loop, &self->timer);
    for (size_t i = 0; i < self->count; i++) {
        if (self->list[i].is_trying)
            ch_links_forget_waiter(self->links, &self->list[i]);
        ch_secret_wipe(&self->list[i].pin);
        free(self->list[i].token);
    }
    free(self);
}

void ch_unattended_start(ch_unattended *self)
{
    self->begun_ms = ch_clock_ms();
    on_due(self);
}
