/* Two scratch keys: one that the token makes, and one that is imported. The imported one is known here too, so that an
 * HMAC of it can be checked. */
#include "cli/probe.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/encode.h"
#include "cli/interrupt.h"
#include "pkcs11/key.h"
#include "pkcs11/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>

#define MEASURE_NS 400000000
#define CHECK_EVERY 32 /* of so many signatures, one is checked */
#define SIGNATURE_MAX 512
#define SECRET_SIZE 64
#define LABEL_DIGITS 8

static const ch_slice message = CH_LITERAL("chancery token probe");

/* A scratch key. */
typedef struct scratch {
    char label[64];
    char uri[96];
    bool is_made;
    ch_key_object key;
    EVP_PKEY *public_key; /* of a pair */
    ch_secret secret;     /* of the HMAC key that is imported; empty: only the token knows it */
} scratch;

/* ---- outcomes ---- */

/* The first failure of a step is its outcome. Returns true if this is no failure. */
static bool note(ch_probe *probe, ch_probe_step step, const ch_error *err)
{
    if (!probe->is_tried[step] || probe->outcome[step].status == CH_OK)
        probe->outcome[step] = *err;
    probe->is_tried[step] = true;
    return err->status == CH_OK;
}

/* A key that the token made otherwise than it was asked for was refused, and is gone again. */
static void note_made(ch_probe *probe, ch_probe_step step, scratch *key, const ch_error *err)
{
    static const ch_error none = CH_ERROR_INIT;
    bool is_otherwise = err->status == CH_REFUSED;
    key->is_made = note(probe, step, is_otherwise ? &none : err) && !is_otherwise;
    if (is_otherwise)
        note(probe, CH_PROBE_ATTRIBUTES, err);
}

/* ---- keys ---- */

static ch_status name_key(scratch *key, const char *kind, ch_error *err)
{
    uint8_t digits[LABEL_DIGITS / 2];
    ch_autobuffer hex = CH_BUFFER_INIT;
    if (RAND_bytes(digits, sizeof digits) != 1)
        return ch_fail(err, CH_INTERNAL, "no random bytes for a label");
    ch_encode(&hex, CH_ENCODE_HEX, (ch_slice){digits, sizeof digits});
    snprintf(key->label, sizeof key->label, CH_PROBE_LABEL "%s-%s", kind, ch_buffer_text(&hex));
    snprintf(key->uri, sizeof key->uri, "pkcs11:object=%s", key->label);
    return CH_OK;
}

static void scratch_free(scratch *key)
{
    EVP_PKEY_free(key->public_key);
    ch_secret_wipe(&key->secret);
}
#define auto_scratch __attribute__((cleanup(scratch_free))) scratch

static EVP_PKEY *make_pair(const ch_mechanism *mechanism)
{
    switch (mechanism->key_type) {
    case CKK_RSA:
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    case CKK_EC_EDWARDS:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", mechanism->curve);
    }
}

static ch_status import_secret(ch_session *session, const ch_mechanism *mechanism, scratch *key, ch_error *err)
{
    CH_TRY(ch_secret_alloc(&key->secret, SECRET_SIZE, err));
    if (RAND_bytes(key->secret.data, SECRET_SIZE) != 1)
        return ch_fail(err, CH_INTERNAL, "no random bytes for a key");
    return ch_key_import_hmac(session, key->label, mechanism, &key->secret, err);
}

static ch_status import(ch_session *session, const ch_mechanism *mechanism, scratch *key, ch_error *err)
{
    if (mechanism->key_class == CKO_SECRET_KEY)
        return import_secret(session, mechanism, key, err);
    key->public_key = make_pair(mechanism);
    if (key->public_key == NULL)
        return ch_fail(err, CH_INTERNAL, "OpenSSL makes no key for %s", mechanism->name);
    return ch_key_import_pair(session, key->label, mechanism, key->public_key, err);
}

/* ---- signatures ---- */

/* An HMAC by a key that only the token knows cannot be checked. */
static bool is_right(const scratch *key, ch_slice signature)
{
    const ch_mechanism *mechanism = key->key.mechanism;
    uint8_t expected[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (key->public_key != NULL)
        return ch_signature_is_good(key->public_key, mechanism, message, signature);
    if (key->secret.size == 0)
        return true;
    HMAC(EVP_get_digestbyname(mechanism->hash), key->secret.data, (int)key->secret.size, message.data, message.size,
         expected, &size);
    return ch_slice_equal(signature, (ch_slice){expected, size});
}

static ch_status sign(ch_session *session, const scratch *key, bool is_checked, ch_error *err)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t size = 0;
    CH_TRY(ch_key_sign(session, &key->key, message, signature, sizeof signature, &size, err));
    if (is_checked && !is_right(key, (ch_slice){signature, size}))
        return ch_fail_rule(err, CH_TOKEN, "WRONG", "the token's %s signature is wrong", key->key.mechanism->name);
    return CH_OK;
}

/* ---- several at once, and how fast ---- */

typedef struct signer {
    const scratch *key;
    ch_session session;
    pthread_t thread;
    size_t count;
    ch_error error;
} signer;

static void *sign_for_a_while(void *argument)
{
    signer *self = argument;
    uint64_t end_ns = ch_clock_ns() + MEASURE_NS;
    ch_status st;
    do
        st = sign(&self->session, self->key, self->count++ % CHECK_EVERY == 0, &self->error);
    while (st == CH_OK && ch_clock_ns() < end_ns && !ch_interrupt_came());
    return NULL;
}

static ch_status open_sessions(ch_token *token, signer *signers, size_t count, ch_error *err)
{
    for (size_t i = 0; i < count; i++)
        CH_TRY(ch_session_open(token, false, &signers[i].session, err));
    return CH_OK;
}

static size_t run_threads(signer *signers, size_t count, ch_error *err)
{
    size_t started = 0;
    size_t signatures = 0;
    while (started < count && pthread_create(&signers[started].thread, NULL, sign_for_a_while, &signers[started]) == 0)
        started++;
    if (started < count)
        ch_error_set(err, CH_IO, "", "a thread cannot be started");
    for (size_t i = 0; i < started; i++) {
        pthread_join(signers[i].thread, NULL);
        signatures += signers[i].count;
        if (signers[i].error.status != CH_OK)
            *err = signers[i].error;
    }
    return signatures;
}

static void measure(ch_token *token, const scratch *key, size_t threads, double *rate, ch_error *err)
{
    signer signers[CH_PROBE_THREADS];
    for (size_t i = 0; i < threads; i++)
        signers[i] = (signer){.key = key, .session = {.handle = CK_INVALID_HANDLE}, .error = CH_ERROR_INIT};
    if (open_sessions(token, signers, threads, err) == CH_OK) {
        uint64_t began_ns = ch_clock_ns();
        size_t signatures = run_threads(signers, threads, err);
        *rate = (double)signatures * 1e9 / (double)(ch_clock_ns() - began_ns);
    }
    for (size_t i = 0; i < threads; i++)
        ch_session_close(&signers[i].session);
}

static void measure_both(ch_probe *probe, ch_token *token, const scratch *key)
{
    ch_error one = CH_ERROR_INIT;
    ch_error many = CH_ERROR_INIT;
    measure(token, key, 1, &probe->rate_of_one, &one);
    if (!note(probe, CH_PROBE_SIGN, &one) || ch_interrupt_came())
        return;
    measure(token, key, CH_PROBE_THREADS, &probe->rate_of_many, &many);
    note(probe, CH_PROBE_THREADED, &many);
}

/* ---- the steps ---- */

static void make(ch_probe *probe, ch_session *session, scratch *generated, scratch *imported)
{
    ch_error first = CH_ERROR_INIT;
    ch_error second = CH_ERROR_INIT;
    ch_ignore(ch_key_generate(session, generated->label, probe->mechanism, 0, &first));
    note_made(probe, CH_PROBE_GENERATE, generated, &first);
    if (ch_interrupt_came())
        return;
    ch_ignore(import(session, probe->mechanism, imported, &second));
    note_made(probe, CH_PROBE_IMPORT, imported, &second);
}

/* Returns true if the key is there and signs right. */
static bool use(ch_probe *probe, ch_session *session, scratch *key)
{
    ch_error found = CH_ERROR_INIT;
    ch_error verified = CH_ERROR_INIT;
    ch_error made = CH_ERROR_INIT;
    if (!key->is_made || ch_interrupt_came())
        return false;
    ch_status st = ch_key_find(session, key->uri, probe->mechanism, &key->key, &found);
    if (st == CH_OK && probe->mechanism->key_class == CKO_PRIVATE_KEY && key->public_key == NULL)
        st = ch_key_public(session, key->uri, &key->public_key, &found);
    if (st != CH_OK)
        return note(probe, CH_PROBE_SIGN, &found);
    ch_ignore(ch_key_verify(session, &key->key, 0, &verified));
    note(probe, CH_PROBE_ATTRIBUTES, &verified);
    ch_ignore(sign(session, key, true, &made));
    return note(probe, CH_PROBE_SIGN, &made);
}

/* Also one that seems not to be there: what failed may have failed after it was made. In a session of its own, since a
 * failure may have left the other one in the middle of something. */
static void delete_key(ch_probe *probe, ch_token *token, const scratch *key)
{
    ch_error err = CH_ERROR_INIT;
    ch_session session;
    ch_status st = ch_session_open(token, true, &session, &err);
    if (st == CH_OK)
        st = ch_key_delete(&session, key->uri, &err);
    ch_session_close(&session);
    if (!key->is_made && (st == CH_OK || st == CH_NOT_FOUND))
        return;
    if (st != CH_OK)
        ch_error_wrap(&err, "key '%s' is left over", key->label);
    note(probe, CH_PROBE_DELETE, &err);
}

void ch_probe_mechanism(ch_session *session, const ch_mechanism *mechanism, ch_probe *out)
{
    ch_error err = CH_ERROR_INIT;
    auto_scratch generated = {.secret = CH_SECRET_INIT};
    auto_scratch imported = {.secret = CH_SECRET_INIT};
    *out = (ch_probe){.mechanism = mechanism};
    if (ch_token_offers(session->token, mechanism, &err) != CH_OK || name_key(&generated, "made", &err) != CH_OK ||
        name_key(&imported, "imported", &err) != CH_OK) {
        note(out, CH_PROBE_SIGN, &err);
        return;
    }
    make(out, session, &generated, &imported);
    bool is_generated_good = use(out, session, &generated);
    bool is_imported_good = use(out, session, &imported);
    if ((is_imported_good || is_generated_good) && !ch_interrupt_came())
        measure_both(out, session->token, is_imported_good ? &imported : &generated);
    delete_key(out, session->token, &generated);
    delete_key(out, session->token, &imported);
}
