/* The keys below were made for this test and open nothing. */
#include "cli/private_key.h"

#include "tests/support/suite.h"

#include <openssl/evp.h>
#include <string.h>

#define ED_BODY "MC4CAQAwBQYDK2VwBCIEILg0HymsXw55K9umX7wJ3VMjsTEgiA6o4MuzAWv9qHyR"
#define ED_PEM "-----BEGIN PRIVATE KEY-----\n" ED_BODY "\n-----END PRIVATE KEY-----\n"
#define ED_BASE64 "uDQfKaxfDnkr26ZfvAndUyOxMSCIDqjgy7MBa/2ofJGLh4h1wxkKCLzEnB5Xv7GNmGqXL1nRzEo+Y5yzvQtRjg=="
#define ED_PUBLIC "MCowBQYDK2VwAyEAi4eIdcMZCgi8xJweV7+xjZhqly9Z0cxKPmOcs70LUY4="
#define EC_1 "MHcCAQEEIGh1zQ5TEZng4KpvPB1iEQf0yfWKUrIEnvQ1G3l8e6t0oAoGCCqGSM49"
#define EC_2 "AwEHoUQDQgAEkUfOQ6Uk0OF2uoy4vwY3CGbCa0mDTq4jUWpqu9LJe6hxvuVJ7uyU"
#define EC_3 "kYVNaJFUSzJD5c073BaeohcXsjvqPAQRYA=="
#define EC_BEGIN "-----BEGIN EC PRIVATE KEY-----"
#define EC_END "-----END EC PRIVATE KEY-----"
#define EC_PEM EC_BEGIN "\n" EC_1 "\n" EC_2 "\n" EC_3 "\n" EC_END "\n"
#define EC_PARAMETERS "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
#define PEM(label, body) "-----BEGIN " label "-----\n" body "\n-----END " label "-----\n"

static ch_error err;

static ch_status read_key(const char *text, const char *mechanism, EVP_PKEY **out, ch_buffer *taken)
{
    ch_autosecret given = CH_SECRET_INIT;
    ck_assert_int_eq(ch_secret_alloc(&given, strlen(text), &err), CH_OK);
    memcpy(given.data, text, given.size);
    return ch_private_key_read(&given, ch_mechanism_find(ch_slice_of(mechanism)), out, taken, &err);
}

/* clang-format off */
static const struct {
    const char *mechanism;
    const char *text;
    const char *taken;
} good[] = {
    /* mechanism      text                                                     taken */
    { "ed25519",      ED_PEM,                                                  "PEM, 48 bytes: Ed25519" },
    { "ed25519",      ED_PEM "\n\n",                                           "PEM, 48 bytes: Ed25519" },
    { "ed25519",      "-----BEGIN PRIVATE KEY-----\r\n" ED_BODY "\r\n-----END PRIVATE KEY-----\r\n",
                                                                               "PEM, 48 bytes: Ed25519" },
    { "ed25519",      "-----BEGIN PRIVATE KEY-----\\n" ED_BODY "\\n-----END PRIVATE KEY-----\\n",
                                              "PEM, 48 bytes: Ed25519; line ends were written as \\n" },
    { "ed25519",      "-----BEGIN PRIVATE KEY-----" ED_BODY "-----END PRIVATE KEY-----",
                                                                   "PEM, 48 bytes: Ed25519; was on one line" },
    { "ed25519",      ED_BASE64 "\n",                        "base64, 64 bytes (seed and public key): Ed25519" },
    { "ed25519",      "{\"id\":\"c0ffee\",\"privateKey\":\"" ED_BASE64 "\"}",
        "base64, 64 bytes (seed and public key): Ed25519; from a JSON key file, key_id c0ffee" },
    { "p256-sha256",  EC_PEM,                                                  "PEM, 121 bytes: EC on prime256v1" },
    { "p256-sha256",  EC_PARAMETERS EC_PEM,                                    "PEM, 121 bytes: EC on prime256v1" },
    { "p256-sha256",  EC_BEGIN "\\n" EC_1 "\\n" EC_2 "\\n" EC_3 "\\n" EC_END "\n",
                                              "PEM, 121 bytes: EC on prime256v1; line ends were written as \\n" },
    { "p256-sha256",  EC_BEGIN "\\r\\n" EC_1 "\\r\\n" EC_2 "\\r\\n" EC_3 "\\r\\n" EC_END,
                                              "PEM, 121 bytes: EC on prime256v1; line ends were written as \\n" },
    { "p256-sha256",  EC_BEGIN " " EC_1 " " EC_2 " " EC_3 " " EC_END,
                                                              "PEM, 121 bytes: EC on prime256v1; was on one line" },
    { "p256-sha256",  "{\"name\":\"organizations/a/apiKeys/b\",\"privateKey\":\"" EC_BEGIN "\\n" EC_1 "\\n" EC_2 "\\n" EC_3
                      "\\n" EC_END "\\n\"}\n",
        "PEM, 121 bytes: EC on prime256v1; from a JSON key file, key_id organizations/a/apiKeys/b" },
};

static const struct {
    const char *mechanism;
    const char *text;
    const char *says;
} bad[] = {
    /* mechanism      text                                            says */
    { "ed25519",      "\n",                                           "is empty" },
    { "ed25519",      "\xef\xbb\xbf" ED_PEM,                          "byte order mark" },
    { "ed25519",      "\n" ED_PEM,                                    "an empty line" },
    { "ed25519",      " " ED_PEM,                                     "begins with a space" },
    { "ed25519",      "# key\n" ED_PEM,                               "a comment" },
    { "ed25519",      "KEY=" ED_PEM,                                  "NAME=value" },
    { "ed25519",      "\"" ED_PEM "\"",                               "in quotes" },
    { "ed25519",      "my key " ED_PEM,                               "text before the -----BEGIN line" },
    { "ed25519",      ED_PEM "x\n",                                   "after the -----END line" },
    { "ed25519",      ED_PEM " \n",                                   "after the -----END line" },
    { "ed25519",      ED_PEM ED_PEM,                                  "holds more than the private key" },
    { "ed25519",      ED_PEM PEM("CERTIFICATE", "AAAA"),              "holds more than the private key" },
    { "p256-sha256",  EC_PARAMETERS,                                  "no private key in it" },
    { "ed25519",      "-----BEGIN PRIVATE KEY-----\n" ED_BODY "\n",   "cut short" },
    { "ed25519",      "-----BEGIN PRIVATE KEY----\n" ED_BODY "\n-----END PRIVATE KEY-----\n", "cut short" },
    { "ed25519",      "-----BEGIN PRIVATE KEY-----\n" ED_BODY "\n-----END EC PRIVATE KEY-----\n", "cut short" },
    { "ed25519",      PEM("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEILg0HymsXw55K9umX7wJ3VMjsTEgiA6o4MuzAWv9qHy"), "damaged" },
    { "ed25519",      PEM("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEILg0HymsXw55K9umX7wJ3VMjsTEgiA6o4MuzAWv9"), "damaged" },
    { "ed25519",      PEM("PRIVATE KEY", ED_BODY "AAAA"),             "damaged" },
    { "ed25519",      PEM("PRIVATE KEY", ""),                         "nothing between" },
    { "ed25519",      PEM("PRIVATE KEY", "  " ED_BODY),               "a space" },
    { "ed25519",      PEM("PRIVATE KEY", ED_BODY " "),                "a space" },
    { "ed25519",      PEM("PRIVATE KEY", "Comment: x\n\n" ED_BODY),   "header lines" },
    { "p256-sha256",  PEM("EC PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" EC_1), "pass phrase" },
    { "p256-sha256",  PEM("ENCRYPTED PRIVATE KEY", EC_1),             "pass phrase" },
    { "p256-sha256",  PEM("EC PRIVATE KEY", ED_BODY),                 "damaged" },
    { "ed25519",      PEM("OPENSSH PRIVATE KEY", ED_BODY),            "OpenSSH" },
    { "ed25519",      PEM("DSA PRIVATE KEY", ED_BODY),                "not supported" },
    { "ed25519",      PEM("PUBLIC KEY", ED_PUBLIC),                   "a public key" },
    { "ed25519",      PEM("CERTIFICATE", ED_PUBLIC),                  "a public key" },
    { "ed25519",      PEM("NONSENSE", ED_BODY),                       "not of a kind that is known" },
    { "rsa-sha256",   ED_PEM,                                         "is Ed25519, and rsa-sha256 signs with RSA" },
    { "ed25519",      EC_PEM,                                         "is EC on prime256v1, and ed25519 signs with Ed25519" },
    { "secp256k1-sha256", EC_PEM,                                     "signs with secp256k1" },
    { "p256-sha256",  ED_BASE64,                                      "is Ed25519" },
    /* The public point of another key */
    { "p256-sha256",  EC_BEGIN "\nMHcCAQEEIGh1zQ5TEZng4KpvPB1iEQf0yfWKUrIEnvQ1G3l8e6t1oAoGCCqGSM49\n" EC_2 "\n" EC_3 "\n"
                      EC_END "\n",                                    "halves do not belong together" },
    { "ed25519",      ED_PUBLIC,                                      "a public key" },
    { "ed25519",      "ssh-ed25519 AAAA user@host",                   "a public key" },
    { "ed25519",      ED_BODY,                                        "the inside of a PEM file" },
    { "ed25519",      "uDQfKaxfDnkr26ZfvAndUyOxMSCIDqjgy7MBa/2ofJE=", "32 bytes may be a public key or half" },
    { "ed25519",      "uDQfKaxfDnkr26ZfvAndUyOxMSCIDqjgy7MBa/2ofJG4NB8prF8OeSvbpl+8Cd1TI7ExIIgOqODLswFr/ah8kQ==",
                                                                      "second half is not the public key" },
    { "ed25519",      "uDQfKaxfDnkr26ZfvAndUyOxMSCIDqjgy7MBa/2ofJGL", "this has 33" },
    { "ed25519",      ED_BASE64 "\n" ED_BASE64 "\n",                  "2 lines, which may be more than one value" },
    { "ed25519",      "hunter2 hunter2",                              "is a space" },
    { "ed25519",      "hunter2",                                      "neither PEM" },
    { "ed25519",      "{\"privateKey\":\"-----BEGIN PUBLIC KEY-----\\n" ED_PUBLIC "\\n-----END PUBLIC KEY-----\\n\"}",
                                                                      "a public key" },
    { "ed25519",      "{\"privateKey\":\" " ED_BASE64 "\"}",          "begins with a space" },
    { "ed25519",      "{\"publicKey\":\"" ED_PUBLIC "\"}",            "not understood" },
    { "ed25519",      "[\"" ED_BASE64 "\"]",                          "not understood" },
};
/* clang-format on */

START_TEST(test_a_key_is_taken_however_its_lines_end)
{
    EVP_PKEY *key = NULL;
    ch_autobuffer taken = CH_BUFFER_INIT;
    ch_status st = read_key(good[_i].text, good[_i].mechanism, &key, &taken);
    ck_assert_msg(st == CH_OK, "%s: %s", good[_i].text, err.message);
    ck_assert_str_eq(ch_buffer_text(&taken), good[_i].taken);
    ck_assert_ptr_nonnull(key);
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(test_the_rest_is_refused_with_its_reason)
{
    EVP_PKEY *key = NULL;
    ch_autobuffer taken = CH_BUFFER_INIT;
    ck_assert_int_eq(read_key(bad[_i].text, bad[_i].mechanism, &key, &taken), CH_BAD_INPUT);
    ck_assert_ptr_null(key);
    ck_assert_msg(strstr(err.message, bad[_i].says) != NULL, "%s: %s", bad[_i].text, err.message);
    ck_assert_msg(strstr(err.message, "uDQfK") == NULL && strstr(err.message, "hunter2") == NULL, "%s", err.message);
}
END_TEST

CH_TESTS("private_key", CH_TEST_ROWS(test_a_key_is_taken_however_its_lines_end, good),
         CH_TEST_ROWS(test_the_rest_is_refused_with_its_reason, bad))
