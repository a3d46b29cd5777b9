/* A token that shows a public key of another pair, left there under the same name, fails every check: better that than
 * to trust it. */
#include "pkcs11/proof.h"

#include "base/clock.h"
#include "pkcs11/attributes.h"
#include "pkcs11/signature.h"

#include <openssl/evp.h>
#include <string.h>

#define CHEAP_PART 4      /* a check that takes at most this part of the signature's time is always made */
#define CHECKS_PART 100   /* others may take this part of the time that signing takes, all together */
#define UNCHECKED_MAX 100 /* signatures between two checks */

/* ---- the public half ---- */

/* Not to show an attribute, or to have an error of its own for that, is the token's right. Not to answer is none. */
static ch_status forgive(ch_status st, const ch_error *lack, ch_error *err)
{
    if (st != CH_UNAVAILABLE && st != CH_LOCKED)
        return CH_OK;
    *err = *lack;
    return st;
}

static ch_status read_public(ch_session *session, CK_OBJECT_HANDLE object, EVP_PKEY **out, ch_error *err)
{
    ch_error lack = CH_ERROR_INIT;
    return forgive(ch_key_public_read(session, object, out, &lack), &lack, err);
}

static ch_status read_name(ch_session *session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, ch_buffer *out,
                           ch_error *err)
{
    ch_error lack = CH_ERROR_INIT;
    return forgive(ch_attribute_bytes(session, object, type, out, &lack), &lack, err);
}

/* The one public key that is named as the private key is; several are none. */
static ch_status find_public(ch_session *session, const ch_key_index *index, CK_OBJECT_HANDLE key,
                             CK_OBJECT_HANDLE *out, ch_error *err)
{
    static const CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
    ch_autobuffer id = CH_BUFFER_INIT;
    ch_autobuffer label = CH_BUFFER_INIT;
    ch_attributes wanted = {.count = 0};
    CK_OBJECT_HANDLE found[2];
    size_t count = 0;
    CH_TRY(read_name(session, key, CKA_ID, &id, err));
    if (id.size == 0)
        CH_TRY(read_name(session, key, CKA_LABEL, &label, err));
    ch_attributes_add_ulong(&wanted, CKA_CLASS, &public_class);
    if (id.size > 0)
        ch_attributes_add(&wanted, CKA_ID, id.data, id.size);
    else if (label.size > 0)
        ch_attributes_add(&wanted, CKA_LABEL, label.data, label.size);
    else
        return CH_OK;
    CH_TRY(ch_key_index_search(session, index, &wanted, found, 2, &count, err));
    if (count == 1)
        *out = found[0];
    return CH_OK;
}

static ch_status find_half(ch_session *session, const ch_key_index *index, const ch_key_object *key, EVP_PKEY **out,
                           ch_error *err)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    if (key->mechanism->key_class != CKO_PRIVATE_KEY)
        return CH_OK;
    CH_TRY(read_public(session, key->handle, out, err));
    if (*out != NULL)
        return CH_OK;
    CH_TRY(find_public(session, index, key->handle, &object, err));
    return object == CK_INVALID_HANDLE ? CH_OK : read_public(session, object, out, err);
}

ch_status ch_proof_begin(ch_proof *proof, ch_session *session, const ch_key_index *index, const ch_key_object *key,
                         ch_error *err)
{
    ch_error ignored = CH_ERROR_INIT;
    EVP_PKEY_free(proof->public_half);
    *proof = (ch_proof){.check_ns = proof->check_ns, .sign_ns = proof->sign_ns};
    CH_TRY(find_half(session, index, key, &proof->public_half, err));
    if (proof->public_half == NULL || ch_key_check_fit(proof->public_half, key->mechanism, &ignored) == CH_OK)
        return CH_OK;
    EVP_PKEY_free(proof->public_half);
    proof->public_half = NULL;
    return CH_OK;
}

/* ---- checks ---- */

/* How many signatures pass before the next check. With SoftHSM2 and OpenSSL 3.0, signing and checking take 556 and 20
 * us for RSA-2048, 173 and 101 for Ed25519, 56 and 63 for P-256. For RSA the order is known, whatever else was going on
 * while they were timed. */
static uint32_t count_unchecked(const ch_mechanism *mechanism, uint64_t check_ns, uint64_t spent_ns)
{
    if (mechanism->key_type == CKK_RSA || check_ns * CHEAP_PART <= spent_ns)
        return 0;
    uint64_t count = spent_ns == 0 ? UNCHECKED_MAX : check_ns * CHECKS_PART / spent_ns;
    return (uint32_t)(count < UNCHECKED_MAX ? count : UNCHECKED_MAX);
}

static bool is_due(ch_proof *proof)
{
    if (proof->public_half == NULL)
        return false;
    uint32_t left = proof->left;
    while (left > 0 && !atomic_compare_exchange_weak(&proof->left, &left, left - 1)) {
    }
    return left == 0;
}

/* The least that it took, since what was interrupted says nothing; it may rise slowly, if all get slower. */
static void note(_Atomic uint32_t *least_ns, uint64_t spent_ns)
{
    uint32_t before_ns = *least_ns;
    uint64_t most_ns = before_ns == 0 ? UINT32_MAX : (uint64_t)before_ns + before_ns / 8;
    uint64_t noted_ns = spent_ns < most_ns ? spent_ns : most_ns;
    *least_ns = noted_ns < UINT32_MAX ? (uint32_t)noted_ns : UINT32_MAX;
}

ch_status ch_proof_check(ch_proof *proof, const ch_key_object *key, ch_slice message, ch_slice signature,
                         uint64_t spent_ns, ch_error *err)
{
    if (!is_due(proof))
        return CH_OK;
    uint64_t began_ns = ch_clock_ns();
    if (!ch_signature_is_good(proof->public_half, key->mechanism, message, signature))
        return ch_fail_rule(err, CH_TOKEN, "CKR_SIGNATURE_INVALID",
                            "the token returned a %s signature that is wrong by the key's public half",
                            key->mechanism->name);
    note(&proof->check_ns, ch_clock_ns() - began_ns);
    note(&proof->sign_ns, spent_ns);
    proof->left = count_unchecked(key->mechanism, proof->check_ns, proof->sign_ns);
    return CH_OK;
}
