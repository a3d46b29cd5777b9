/* What operators may ask of tokens, and admins of people's seeds. PINs and codes come in a pipe and nothing else: a
 * file or socket could keep core waiting, and so could fstat of a file. */
#include "agent/core/operators_impl.h"

#include "base/secret.h"
#include "policy/policy.h"

#include <fcntl.h>
#include <string.h>

static ch_codes_waiter waiter_of(ch_session *self)
{
    return (ch_codes_waiter){.context = self, .tell = ch_session_on_progress, .answer = ch_session_on_outcome};
}

ch_status ch_session_prepare_pipe(int fd, ch_error *err)
{
    if (fd < 0 || fcntl(fd, F_GETPIPE_SZ) < 0)
        return ch_fail(err, CH_BAD_INPUT, "PINs and codes must come in a pipe");
    return ch_secret_own_pipe(fd, err);
}

ch_status ch_session_read_code(int fd, const char *needs, ch_secret *code, ch_error *err)
{
    ch_error empty = CH_ERROR_INIT;
    CH_TRY(ch_session_prepare_pipe(fd, err));
    return ch_secret_read(code, fd, CH_PIN_AND_CODES_MAX, &empty) == CH_OK
               ? CH_OK
               : ch_fail_rule(err, CH_REFUSED, CH_RULE_CODE, "%s", needs);
}

/* ---- unlocks ---- */

/* Refuses a PIN for a token that takes none: the operator has made a mistake. */
static ch_status fail_pin(const ch_token_link *link, ch_error *err)
{
    return ch_fail(err, CH_BAD_INPUT, "token '%s' takes no PIN from here; unlock it with: chancery unlock --no-pin %s",
                   ch_token_link_name(link), ch_token_link_name(link));
}

static ch_status read_no_pin(const ch_token_link *link, int fd, ch_secret *pin, ch_error *err)
{
    ch_autosecret given = CH_SECRET_INIT;
    ch_error ignored = CH_ERROR_INIT;
    ch_ignore(ch_secret_read(&given, fd, CH_PIN_SIZE_MAX, &ignored));
    return given.data != NULL ? fail_pin(link, err) : ch_secret_alloc_empty(pin, err);
}

static bool holds_code(const ch_secret *given)
{
    return ch_slice_find((ch_slice){given->data, given->size}, '\0') != NULL;
}

/* The PIN alone. */
static ch_status read_pin(const ch_token_link *link, int fd, ch_secret *pin, ch_error *err)
{
    if (ch_token_link_login(link) != CH_LOGIN_PIN)
        return read_no_pin(link, fd, pin, err);
    if (ch_secret_read(pin, fd, CH_PIN_AND_CODES_MAX, err) != CH_OK)
        return ch_error_wrap(err, "the PIN of token '%s'", ch_token_link_name(link));
    if (holds_code(pin))
        return ch_fail(err, CH_BAD_INPUT, "token '%s' takes a PIN and no code", ch_token_link_name(link));
    return pin->size <= CH_PIN_SIZE_MAX
               ? CH_OK
               : ch_fail(err, CH_TOO_LARGE, "the PIN is longer than %d bytes", CH_PIN_SIZE_MAX);
}

/* The PIN, a NUL and the code. */
static ch_status read_pin_and_code(const ch_token_link *link, int fd, ch_secret *both, ch_error *err)
{
    const char *name = ch_token_link_name(link);
    if (ch_secret_read(both, fd, CH_PIN_AND_CODES_MAX, err) != CH_OK)
        return ch_error_wrap(err, "the PIN and the code for token '%s'", name);
    if (!holds_code(both))
        return ch_fail_rule(err, CH_REFUSED, CH_RULE_CODE,
                            "token '%s' takes a PIN and a code of yours; 'chancery unlock %s' asks for both", name,
                            name);
    size_t pin_size = (size_t)(ch_slice_find((ch_slice){both->data, both->size}, '\0') - both->data);
    bool has_pin = ch_token_link_login(link) == CH_LOGIN_PIN;
    if (!has_pin && pin_size > 0)
        return fail_pin(link, err);
    if (has_pin && (pin_size == 0 || pin_size > CH_PIN_SIZE_MAX))
        return ch_fail(err, CH_BAD_INPUT, "the PIN of token '%s' is empty, or longer than %d bytes", name,
                       CH_PIN_SIZE_MAX);
    return CH_OK;
}

static bool takes_code(const ch_operators *operators, const ch_token_link *link)
{
    size_t token = ch_links_index(operators->context.links, link);
    return (ch_policy_factors(operators->context.policy, token) & CH_FACTOR_CODE) != 0;
}

static ch_status unlock_by_code(ch_session *self, ch_token_link *link, bool is_last_try, int fd, ch_error *err)
{
    const ch_operator_context *context = &self->operators->context;
    const ch_person *person = ch_policy_find_person(context->policy, &self->peer, CH_ROLE_OPERATOR);
    const ch_codes_waiter waiter = waiter_of(self);
    ch_autosecret both = CH_SECRET_INIT;
    CH_TRY(read_pin_and_code(link, fd, &both, err));
    ch_codes_unlock(context->codes, link, person, &both, is_last_try, &waiter);
    return CH_OK;
}

static ch_status unlock_by_pin(ch_session *self, ch_token_link *link, bool is_last_try, int fd, ch_error *err)
{
    const ch_operator_context *context = &self->operators->context;
    const ch_person *person = ch_policy_find_person(context->policy, &self->peer, CH_ROLE_OPERATOR);
    const ch_codes_waiter shared = waiter_of(self);
    const ch_link_waiter alone = {.tell = ch_session_on_progress, .answer = ch_session_on_outcome, .context = self};
    ch_autosecret pin = CH_SECRET_INIT;
    CH_TRY(read_pin(link, fd, &pin, err));
    if (ch_codes_shares_tries(context->codes))
        ch_codes_unlock_by_pin(context->codes, link, person, &pin, is_last_try, &shared);
    else
        ch_token_link_unlock(link, &pin, is_last_try, alone);
    return CH_OK;
}

static ch_status unlock(ch_session *self, const ch_unlock_frame *unlock, int fd, ch_error *err)
{
    ch_token_link *link = NULL;
    CH_TRY(ch_session_check(self, unlock->version, CH_ROLE_OPERATOR, err));
    CH_TRY(ch_links_find(self->operators->context.links, unlock->token, &link, err));
    CH_TRY(ch_session_prepare_pipe(fd, err));
    return takes_code(self->operators, link) ? unlock_by_code(self, link, unlock->is_last_try, fd, err)
                                             : unlock_by_pin(self, link, unlock->is_last_try, fd, err);
}

static ch_status tell_needs(ch_session *self, const ch_unlock_needs_frame *ask, ch_error *err)
{
    ch_token_link *link = NULL;
    CH_TRY(ch_session_check(self, ask->version, CH_ROLE_OPERATOR, err));
    CH_TRY(ch_links_find(self->operators->context.links, ask->token, &link, err));
    const ch_needs_are_frame needs = {.has_pin = ch_token_link_login(link) == CH_LOGIN_PIN,
                                      .has_code = takes_code(self->operators, link)};
    CH_TRY(ch_needs_are_frame_put(ch_channel_out(&self->channel), 0, &needs, err));
    ch_session_on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

static ch_status lock(ch_session *self, const ch_lock_frame *lock, ch_error *err)
{
    const ch_operators *operators = self->operators;
    ch_link_waiter waiter = {.answer = ch_session_on_outcome, .context = self};
    ch_token_link *link = NULL;
    CH_TRY(ch_session_check(self, lock->version, CH_ROLE_OPERATOR, err));
    if (lock->token.size > 0) {
        CH_TRY(ch_links_find(operators->context.links, lock->token, &link, err));
        ch_token_link_lock(link, waiter);
        return CH_OK;
    }
    self->left = operators->context.links->count;
    for (size_t i = 0; i < operators->context.links->count; i++)
        ch_token_link_lock(operators->context.links->links[i], waiter);
    return CH_OK;
}

/* ---- people's seeds ---- */

static ch_status read_codes(ch_session *self, int fd, ch_secret *given, const ch_person **admin, ch_error *err)
{
    *admin = ch_policy_find_person(self->operators->context.policy, &self->peer, CH_ROLE_ADMIN);
    CH_TRY(ch_session_prepare_pipe(fd, err));
    if (ch_secret_read(given, fd, CH_PIN_AND_CODES_MAX, err) != CH_OK)
        return ch_error_wrap(err, "the codes");
    return CH_OK;
}

static ch_status enroll(ch_session *self, const ch_totp_enroll_frame *ask, int fd, ch_error *err)
{
    const ch_codes_waiter waiter = waiter_of(self);
    const ch_person *admin = NULL;
    ch_autosecret given = CH_SECRET_INIT;
    CH_TRY(ch_session_check(self, ask->version, CH_ROLE_ADMIN, err));
    CH_TRY(read_codes(self, fd, &given, &admin, err));
    ch_codes_enroll(self->operators->context.codes, admin, ask->person, &given, &waiter);
    return CH_OK;
}

static ch_status revoke(ch_session *self, const ch_totp_revoke_frame *ask, int fd, ch_error *err)
{
    const ch_codes_waiter waiter = waiter_of(self);
    const ch_person *admin = NULL;
    ch_autosecret given = CH_SECRET_INIT;
    CH_TRY(ch_session_check(self, ask->version, CH_ROLE_ADMIN, err));
    CH_TRY(read_codes(self, fd, &given, &admin, err));
    ch_codes_revoke(self->operators->context.codes, admin, ask->person, &given, &waiter);
    return CH_OK;
}

/* A page is a packet of its own. */
static ch_status list(ch_session *self, const ch_totp_list_frame *ask, ch_error *err)
{
    const ch_operator_context *context = &self->operators->context;
    size_t next = 0;
    CH_TRY(ch_session_check(self, ask->version, CH_EVERY_ROLE, err));
    do {
        CH_TRY(ch_codes_list(context->codes, &next, ch_channel_out(&self->channel), err));
        CH_TRY(ch_channel_flush(&self->channel, err));
    } while (next < context->policy->person_count);
    ch_session_on_outcome(self, &(ch_error)CH_ERROR_INIT);
    return CH_OK;
}

/* ---- takers of frames ---- */

ch_status ch_session_on_unlock(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_unlock_frame request;
    CH_TRY(ch_unlock_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, unlock(self, &request, *fd, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_unlock_needs(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_unlock_needs_frame request;
    CH_TRY(ch_unlock_needs_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, tell_needs(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_lock(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_lock_frame request;
    CH_TRY(ch_lock_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, lock(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_totp_list(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_totp_list_frame request;
    CH_TRY(ch_totp_list_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, list(self, &request, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_totp_enroll(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_totp_enroll_frame request;
    CH_TRY(ch_totp_enroll_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, enroll(self, &request, *fd, &why), &why);
    return CH_OK;
}

ch_status ch_session_on_totp_revoke(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_session *self = context;
    ch_error why = CH_ERROR_INIT;
    ch_totp_revoke_frame request;
    CH_TRY(ch_totp_revoke_frame_get(frame, &request, err));
    self->state = CH_WHILE_WAITING;
    ch_session_answer_failure(self, revoke(self, &request, *fd, &why), &why);
    return CH_OK;
}
