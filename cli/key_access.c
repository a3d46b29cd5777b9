#include "cli/key_access.h"

#include "base/memory.h"

void ch_key_access_free(ch_key_access *access)
{
    ch_secret_wipe(&access->pin);
    ch_autofree_(&access->uri);
}

ch_status ch_key_access_ask(const ch_arguments *arguments, const ch_input_question *next, ch_key_access *access,
                            ch_error *err)
{
    static const ch_input_question question = {
        .descriptor = CH_OPT_PIN_FD, .name = "the user PIN", .prompt = "User PIN: "};
    CH_TRY(ch_option_module(arguments, &access->module, err));
    CH_TRY(ch_option_token(arguments, &access->uri, err));
    if (arguments->option[CH_OPT_NO_PIN] == NULL)
        return ch_input_secret(arguments, &question, next, &access->pin, err);
    return ch_input_check_no_pin(arguments, err);
}

void ch_opened_token_close(ch_opened_token *opened)
{
    if (opened->has_session)
        ch_session_close(&opened->session);
    if (opened->token != NULL)
        ch_token_close(opened->token);
}

static ch_status log_in(ch_token *token, const ch_secret *pin, ch_error *err)
{
    if (pin->data != NULL)
        return ch_token_login(token, pin, err);
    return ch_token_has_pinpad(token) ? ch_token_login(token, NULL, err) : CH_OK;
}

ch_status ch_key_access_open(const ch_key_access *access, bool is_writable, ch_opened_token *out, ch_error *err)
{
    CH_TRY(ch_token_open(&access->module, access->uri, &out->token, err));
    CH_TRY(log_in(out->token, &access->pin, err));
    CH_TRY(ch_session_open(out->token, is_writable, &out->session, err));
    out->has_session = true;
    return CH_OK;
}
