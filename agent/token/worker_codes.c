/* The token process's one-time codes: computed on the token, and compared here. What was wrong is said to core alone,
 * which tells nobody: whoever tries must not learn whether it was the PIN or the code. */
#include "agent/token/worker_impl.h"

#include "base/memory.h"
#include "pkcs11/key.h"
#include "pkcs11/totp.h"
#include "wire/channel.h"

#include <openssl/crypto.h>
#include <string.h>

#define MAC_SIZE_MAX 512

static ch_status find_seed(ch_signer *signer, const ch_asked_code *asked, ch_key_object *out, ch_error *err)
{
    ch_autofree char *uri = ch_slice_strdup(asked->seed);
    const ch_mechanism *mechanism = ch_mechanism_find(asked->mechanism);
    if (mechanism == NULL || mechanism->key_class != CKO_SECRET_KEY)
        return ch_fail(err, CH_INTERNAL, "core named no HMAC for a seed");
    CH_TRY(ch_session_keep(signer->keeper, err));
    CH_TRY(ch_token_offers(signer->token, mechanism, err));
    CH_TRY(ch_key_find(signer->keeper, uri, mechanism, out, err));
    return ch_key_verify(signer->keeper, out, 0, err);
}

static ch_status make_print(ch_signer *signer, const ch_key_object *seed, ch_key_print *out, ch_error *err)
{
    uint8_t mac[MAC_SIZE_MAX];
    size_t size = 0;
    CH_TRY(ch_key_sign(signer->keeper, seed, ch_key_print_text(), mac, sizeof mac, &size, err));
    *out = ch_key_print_of_mac((ch_slice){mac, size});
    return CH_OK;
}

/* The code is computed whatever the print is, so that time tells nothing of that either. */
ch_status ch_signer_check_code(ch_signer *signer, const ch_asked_code *asked, ch_slice code, ch_code_result *out,
                               ch_error *err)
{
    ch_key_object seed;
    const ch_totp_question question = {asked->digits, asked->now_s, asked->lowest_step, code};
    if (asked->digits < 6 || asked->digits > CH_TOTP_DIGITS_MAX)
        return ch_fail(err, CH_INTERNAL, "core asked for a code of %u digits", asked->digits);
    CH_TRY(find_seed(signer, asked, &seed, err));
    CH_TRY(make_print(signer, &seed, &out->print, err));
    ch_status st = ch_totp_check(signer->keeper, &seed, &question, &out->step, err);
    bool is_pinned =
        asked->print.size == 0 || (asked->print.size == out->print.size &&
                                   CRYPTO_memcmp(asked->print.data, out->print.bytes, out->print.size) == 0);
    return is_pinned ? st
                     : ch_fail_rule(err, CH_REFUSED, CH_RULE_SEED,
                                    "the seed on the token is not the one that was enrolled; an admin revokes it and "
                                    "enrols a new one, if it was exchanged on purpose");
}

static ch_status check_in_session(ch_signer *signer, const ch_asked_code *asked, const ch_secret *code,
                                  ch_code_result *out, ch_error *err)
{
    if (!signer->is_logged_in)
        return ch_fail(err, CH_LOCKED, "the token is locked");
    pthread_mutex_lock(&signer->spare);
    ch_status st = ch_signer_check_code(signer, asked, (ch_slice){code->data, code->size}, out, err);
    pthread_mutex_unlock(&signer->spare);
    return st;
}

ch_status ch_worker_take_code(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    ch_worker *self = context;
    ch_signer *signer = self->signer;
    ch_autosecret code = CH_SECRET_INIT;
    ch_code_frame check;
    ch_code_result result = {.step = 0};
    ch_code_done_frame done = {.outcome = CH_ERROR_INIT};
    CH_TRY(ch_code_frame_get(frame, &check, err));
    CH_TRY(ch_secret_read(&code, *fd, CH_CODE_SIZE_MAX, err));
    const ch_asked_code asked = {check.seed,  check.mechanism,   check.digits,
                                 check.now_s, check.lowest_step, check.print};
    pthread_rwlock_rdlock(&signer->lock);
    ch_ignore(check_in_session(signer, &asked, &code, &result, &done.outcome)); /* core judges it */
    pthread_rwlock_unlock(&signer->lock);
    done.step = result.step;
    done.print = (ch_slice){result.print.bytes, result.print.size};
    return ch_code_done_frame_put(ch_channel_out(&self->channel), 0, &done, err);
}
