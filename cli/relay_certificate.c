/* relay certificate: what a relay's port needs to speak TLS with the bots of this machine.
 *
 * The certificate vouches for itself, for loopback names and nothing else, and is no authority: a bot that trusts it
 * trusts nothing besides. The key is drawn here, is good for nothing but this, and is in no token because the relay
 * must not need one. */
#include "cli/commands.h"

#include "base/buffer.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define DAYS 825 /* the most that Apple's libraries take */
#define DAY_S 86400L
#define BACKDATED_S 3600L /* for bots whose clock is behind */
#define SERIAL_SIZE 16
#define KEY_NAME "relay.key"
#define CERTIFICATE_NAME "relay.pem"

static ch_status fail_openssl(ch_error *err)
{
    return ch_fail(err, CH_INTERNAL, "OpenSSL could not make the certificate");
}

/* ---- the certificate ---- */

static bool add_extension(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    bool is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool add_extensions(X509 *certificate)
{
    /* clang-format off */
    static const struct {
        int kind;
        const char *value;
    } extensions[] = {
        { NID_basic_constraints,      "critical,CA:FALSE" },
        { NID_key_usage,              "critical,digitalSignature" },
        { NID_ext_key_usage,          "serverAuth" },
        { NID_subject_key_identifier, "hash" },
        { NID_subject_alt_name,       "DNS:localhost,IP:127.0.0.1,IP:::1" },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        if (!add_extension(certificate, extensions[i].kind, extensions[i].value))
            return false;
    }
    return true;
}

static bool set_serial(X509 *certificate)
{
    uint8_t drawn[SERIAL_SIZE];
    if (RAND_bytes(drawn, sizeof drawn) != 1)
        return false;
    drawn[0] &= 0x7f; /* positive, and no longer than RFC 5280 allows */
    BIGNUM *number = BN_bin2bn(drawn, sizeof drawn, NULL);
    bool is_set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

static bool fill(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    static const char common_name[] = "chancery-relay on this machine";
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATED_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), DAYS * DAY_S - BACKDATED_S) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           add_extensions(certificate) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* ---- its files ---- */

static ch_status create(const char *folder, const char *name, mode_t mode, FILE **out, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s", folder, name);
    int fd = open(ch_buffer_text(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return ch_fail(err, CH_CONFLICT,
                       "there is a %s already, and nothing is overwritten; move it away, or name another folder",
                       ch_buffer_text(&path));
    *out = fd < 0 ? NULL : fdopen(fd, "w");
    return *out != NULL ? CH_OK : ch_fail_errno(err, "making %s", ch_buffer_text(&path));
}

static ch_status close_written(FILE *file, bool is_written, ch_error *err)
{
    return fclose(file) == 0 && is_written ? CH_OK : ch_fail_errno(err, "writing a file");
}

static ch_status write_key(const char *folder, EVP_PKEY *key, ch_error *err)
{
    FILE *file;
    CH_TRY(create(folder, KEY_NAME, 0600, &file, err));
    return close_written(file, PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1, err);
}

static ch_status write_certificate(const char *folder, X509 *certificate, ch_error *err)
{
    FILE *file;
    CH_TRY(create(folder, CERTIFICATE_NAME, 0644, &file, err));
    return close_written(file, PEM_write_X509(file, certificate) == 1, err);
}

static ch_status make(const char *folder, EVP_PKEY *key, X509 *certificate, ch_error *err)
{
    if (key == NULL || certificate == NULL || !fill(certificate, key))
        return fail_openssl(err);
    CH_TRY(write_key(folder, key, err));
    return write_certificate(folder, certificate, err);
}

static ch_status run_certificate(const ch_arguments *arguments, ch_error *err)
{
    const char *folder = arguments->positional[0];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ch_status st = make(folder, key, certificate, err);
    X509_free(certificate);
    EVP_PKEY_free(key);
    CH_TRY(st);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_done("made", NULL, err);
    printf("Made %s/" KEY_NAME " and %s/" CERTIFICATE_NAME ", for localhost, 127.0.0.1 and ::1, good for %d days.\n"
           "In relay.yaml: certificate: " CERTIFICATE_NAME ", key: " KEY_NAME "\n"
           "Bots trust it by REQUESTS_CA_BUNDLE (Python), NODE_EXTRA_CA_CERTS (Node) or SSL_CERT_FILE.\n",
           folder, folder, DAYS);
    return CH_OK;
}

/* clang-format off */
const ch_command ch_commands_of_relay[] = {
    {
        .family = "relay",
        .name = "certificate",
        .syntax = {.positional = "FOLDER", .positional_min = 1, .positional_max = 1, .options = CH_OPTION(JSON)},
        .summary = "make a certificate for a relay's port",
        .details = "Draws a key and makes a certificate for the names of this machine, localhost,\n"
                   "127.0.0.1 and ::1, as relay.key and relay.pem in FOLDER. A port of\n"
                   "chancery-relay that names them speaks TLS, which some SDKs insist on. Nothing\n"
                   "is overwritten. The relay must be able to read both, and nobody else the key.",
        .examples = "  chancery relay certificate /etc/chancery-relay\n",
        .run = run_certificate,
    },
    {0},
};
/* clang-format on */
