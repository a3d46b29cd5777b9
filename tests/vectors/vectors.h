/* Signed requests of real clients, which the profiles' recipes must make too: the parts of tests/vectors/run.c.
 *
 * tests/vectors/README.md describes the files. A request is built by the profile, its payloads are looked up among
 * those that the client signed, the client's signatures are checked with the file's own keys and put in place, and the
 * finished request must be the client's to the byte. Types are not checked: this tests recipes, not policy. */
#ifndef CH_TESTS_VECTORS_H
#define CH_TESTS_VECTORS_H

#include "exchange/recipe.h"

#include <jansson.h>
#include <openssl/evp.h>

#define SIGNED_MAX 8

/* The text of the member `name` of `object`, "" if it has none. Lives as long as the object. */
const char *text_of(const json_t *object, const char *name);

/* ---- a file ---- */

typedef struct vector_file {
    json_t *root;
    const json_t *list;
    const json_t *credentials;
    const char *environment; /* its name */
    uint64_t clock_ms;
    EVP_PKEY *key; /* NULL: HMAC only */
} vector_file;

/* Free with file_free, also after a failure. */
CH_CHECKED ch_status file_load(const char *path, vector_file *out, ch_error *err);
void file_free(vector_file *file);

/* ---- what the client signed ---- */

typedef struct signed_payload {
    const char *scheme; /* "" for an HMAC */
    const char *hash;
    ch_buffer payload;
    ch_buffer twin; /* the payload as it is compared (twin.c) */
    ch_buffer key;  /* of an HMAC */
    ch_buffer signature;
} signed_payload;

typedef struct signed_payloads {
    signed_payload items[SIGNED_MAX];
    size_t count;
} signed_payloads;

CH_CHECKED ch_status signed_read(const json_t *vector, signed_payloads *out, ch_error *err);
void signed_free(signed_payloads *signed_);

/* True if `scheme` may have made these signatures. */
bool signed_by(const signed_payloads *signed_, const ch_scheme *scheme);

/* Finds the client's signature of each of `payloads` and checks it with the key of `file`. CH_CONFLICT says what
 * differs. `out` holds views into `signed_`. */
CH_CHECKED ch_status signed_find(const signed_payloads *signed_, const vector_file *file, const ch_scheme *scheme,
                                 const ch_payloads *payloads, ch_payloads *out, ch_error *err);

/* ---- what the agent is asked ---- */

typedef struct asked {
    ch_param params[CH_PARAMS_MAX];
    size_t count;
    char *owned[CH_PARAMS_MAX]; /* texts that stand in no JSON */
    size_t owned_count;
} asked;

/* Reads the params of "asked": an object in the request's order, null for what the agent fills in, and under "" a list
 * that is the whole body. `out` holds views into `params`; free with asked_free. */
void asked_read(const json_t *params, asked *out);
void asked_free(asked *out);

/* Guesses the params of "asked" for a vector that has none, from what its client was asked and what it made of it. The
 * caller owns the reference. */
json_t *guess_params(const json_t *vector, const ch_endpoint *endpoint, const ch_scheme *scheme);

/* The endpoint that the vector's request is for. If the profile does not list it, the one with the most similar path:
 * neighbours are signed alike. */
typedef struct target {
    ch_slice method;
    ch_slice host;
    ch_slice path;
    const ch_endpoint *endpoint;
    bool is_listed;
} target;

CH_CHECKED ch_status target_find(const ch_profile *profile, const ch_environment *environment, const json_t *vector,
                                 target *out, ch_error *err);

/* ---- comparing ---- */

/* CH_CONFLICT shows both. */
ch_status differ(ch_error *err, const char *what, ch_slice ours, ch_slice theirs);

/* CH_CONFLICT says what of `request`, the client's, is not as in `ours`. `*note` is set if that is not quite all. */
CH_CHECKED ch_status compare_request(const json_t *request, const ch_finished *ours, const char **note, ch_error *err);

/* ---- twins ---- */

/* What the client signed and made, with some texts replaced: `signed_->items[i].twin`, and a request of its own. */
typedef struct twin {
    signed_payloads *signed_;
    json_t *request;
} twin;

/* Begins with what the client signed and made. End with twin_end. */
void twin_begin(twin *out, signed_payloads *signed_, const json_t *request);
void twin_end(twin *in);
/* Replaces each parameter that is not made of plain characters by a plain word, here and in `asked_`. */
void twin_use_plain_words(twin *in, asked *asked_);
/* Replaces that time in milliseconds by the same in seconds. */
void twin_use_seconds(twin *in, uint64_t clock_ms);

/* ---- the check ---- */

/* How one vector came out. */
typedef struct outcome {
    const char *note;   /* worth printing, or NULL */
    bool is_refused;    /* the agent refuses it as ambiguous, and its plain twin came out */
    ch_error refusal;   /* if so */
    bool has_ms_for_s;  /* the client's clock gave milliseconds for seconds */
    const char *scheme; /* that it came out by */
    target target;
    json_t *params; /* as guessed; the outcome's own */
} outcome;

/* CH_OK if the profile makes the same request, or refuses it and makes its plain twin. */
CH_CHECKED ch_status vector_check(const vector_file *file, const json_t *vector, const ch_profile *profile,
                                  ch_draft *draft, outcome *out, ch_error *err);
void outcome_free(outcome *out);

#endif
