#include "tests/support/softhsm.h"

#include "base/buffer.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const ch_module_name softhsm_module = {.name = CH_TEST_MODULE};

static char folder[64];

ch_secret softhsm_secret(const void *bytes, size_t size)
{
    ch_error err = CH_ERROR_INIT;
    ch_secret secret = CH_SECRET_INIT;
    ck_assert_msg(ch_secret_alloc(&secret, size, &err) == CH_OK, "%s", err.message);
    memcpy(secret.data, bytes, size);
    return secret;
}

void softhsm_set_up(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer path = CH_BUFFER_INIT;
    /* In memory if there is such a folder: SoftHSM2 waits for the disk after each change of an object. */
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/chancery-unit-XXXXXX", parent);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ch_buffer_add_format(&path, "%s/softhsm2.conf", folder);
    FILE *file = fopen(ch_buffer_text(&path), "we");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "directories.tokendir = %s\nlog.level = ERROR\n", folder);
    fclose(file);
    setenv("SOFTHSM2_CONF", ch_buffer_text(&path), 1);
    ch_autosecret pin = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    ck_assert_msg(ch_token_init(&softhsm_module, "unit", &pin, &pin, false, &err) == CH_OK, "%s", err.message);
}

static int remove_entry(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts;
    (void)type;
    (void)place;
    return remove(path);
}

void softhsm_tear_down(void)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

ch_token *softhsm_open(ch_session *session)
{
    ch_error err = CH_ERROR_INIT;
    ch_token *token = NULL;
    ch_autosecret pin = softhsm_secret(CH_TEST_PIN, strlen(CH_TEST_PIN));
    ck_assert_msg(ch_token_open(&softhsm_module, CH_TEST_URI, &token, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_token_login(token, &pin, &err) == CH_OK, "%s", err.message);
    ck_assert_msg(ch_session_open(token, true, session, &err) == CH_OK, "%s", err.message);
    return token;
}
