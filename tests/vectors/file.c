/* A file of vectors, and the keys in it, which open nothing. */
#include "tests/vectors/vectors.h"

#include <openssl/pem.h>

const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static ch_status load_key(vector_file *file, ch_error *err)
{
    const char *pem = text_of(file->credentials, "privateKey");
    if (*pem == '\0')
        return CH_OK;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    file->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (file->key == NULL)
        return ch_fail(err, CH_BAD_INPUT, "credentials.privateKey is not a private key in PEM");
    return CH_OK;
}

ch_status file_load(const char *path, vector_file *out, ch_error *err)
{
    json_error_t where;
    *out = (vector_file){.root = json_load_file(path, JSON_REJECT_DUPLICATES, &where)};
    if (out->root == NULL)
        return ch_fail(err, CH_BAD_INPUT, "%s:%d: %s", path, where.line, where.text);
    json_int_t clock_ms = json_integer_value(json_object_get(out->root, "clock_ms"));
    out->list = json_object_get(out->root, "vectors");
    out->credentials = json_object_get(out->root, "credentials");
    out->environment = text_of(out->root, "environment");
    if (*out->environment == '\0')
        out->environment = CH_ENVIRONMENT_LIVE;
    out->clock_ms = (uint64_t)clock_ms;
    if (json_array_size(out->list) == 0 || clock_ms <= 0)
        return ch_fail(err, CH_BAD_INPUT, "%s has no \"vectors\" or no \"clock_ms\"", path);
    return load_key(out, err);
}

void file_free(vector_file *file)
{
    EVP_PKEY_free(file->key);
    json_decref(file->root);
}
