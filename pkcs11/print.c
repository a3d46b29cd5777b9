/* What prints are made of must never change: they are compared with those that older agents have kept. */
#include "pkcs11/print.h"

#include <openssl/sha.h>
#include <openssl/x509.h>

static const char fixed_text[] = "\0chancery: this text is signed to know the key again, and for nothing else";

ch_slice ch_key_print_text(void)
{
    return (ch_slice){(const uint8_t *)fixed_text, sizeof fixed_text - 1};
}

ch_key_print ch_key_print_of_mac(ch_slice mac)
{
    ch_key_print print = {.size = CH_KEY_PRINT_SIZE};
    SHA256(mac.data, mac.size, print.bytes);
    return print;
}

ch_key_print ch_key_print_of_public(const EVP_PKEY *public_half)
{
    ch_key_print print = {.size = 0};
    uint8_t *der = NULL;
    int size = public_half == NULL ? 0 : i2d_PUBKEY(public_half, &der);
    if (size > 0 && SHA256(der, (size_t)size, print.bytes) != NULL)
        print.size = CH_KEY_PRINT_SIZE;
    OPENSSL_free(der);
    return print;
}
