/* The keys of a token process: the objects that core named, found and checked after each login.
 *
 * Writers (add, find) must be alone; readers may be many, and may set the costs. */
#ifndef CH_AGENT_TOKEN_KEYS_H
#define CH_AGENT_TOKEN_KEYS_H

#include "pkcs11/key.h"
#include "pkcs11/print.h"
#include "pkcs11/proof.h"
#include "wire/frame.h"

#include <stdatomic.h>

typedef struct ch_signer_key {
    char *uri;
    const ch_mechanism *mechanism; /* NULL: unknown to this build */
    ch_lapses tolerated;           /* by the key's policy */
    ch_key_object key;
    ch_proof proof;           /* that what it signs is right */
    ch_key_print print;       /* that of an HMAC key comes with its signatures */
    _Atomic bool is_printed;  /* core has been told that */
    ch_error state;           /* CH_OK: found and verified */
    _Atomic uint32_t cost_ns; /* what its jobs take, when nothing interrupts them; 0: none was done yet */
} ch_signer_key;

/* Zero it. A key's index, which core gives it, is its own for good. */
typedef struct ch_signer_keys {
    ch_signer_key *keys; /* by index; those that core has not named have no uri */
    size_t end;          /* of the indices */
    size_t count;        /* named */
} ch_signer_keys;

/* Adds those of `objects` (ch_key_object_record) that are not there yet. */
void ch_signer_keys_add(ch_signer_keys *keys, ch_records objects);

/* Where keys are looked for, and who hears how far that is; `tell` may be NULL. */
typedef struct ch_signer_search {
    ch_token *token;
    ch_session *session;
    void *context;
    void (*tell)(void *context, size_t done, size_t total);
} ch_signer_search;

/* Finds keys that were named, and checks their attributes. Handles die with a login's end, so this is done after each
 * login; what is wrong with a key stands in its state. */
void ch_signer_keys_find(ch_signer_keys *keys, const size_t *indices, size_t count, const ch_signer_search *search);

/* The key at `index`, if it can sign; otherwise what is wrong with it. */
CH_CHECKED ch_status ch_signer_keys_get(ch_signer_keys *keys, size_t index, ch_signer_key **out, ch_error *err);

/* True if the token takes the PIN for each signature. */
bool ch_signer_key_takes_pin(const ch_signer_key *key);

/* Its print comes with its signatures, since it takes one. */
bool ch_signer_key_is_hmac(const ch_signer_key *key);

/* Notes that a job of `key` took `spent_ns`, and returns what its jobs take. */
uint32_t ch_signer_key_note_cost(ch_signer_key *key, uint64_t spent_ns);

#endif
