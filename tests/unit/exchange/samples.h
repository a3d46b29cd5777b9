/* Profiles and requests for the unit tests of exchange/. A test runs from the repository's root. */
#ifndef CH_TESTS_UNIT_EXCHANGE_SAMPLES_H
#define CH_TESTS_UNIT_EXCHANGE_SAMPLES_H

#include "exchange/load.h"
#include "exchange/match.h"
#include "exchange/request.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BIT(class_) (1U << (class_))

static inline ch_param text(const char *name, const char *value)
{
    return (ch_param){CH_PARAM_TEXT, ch_slice_of(name), ch_slice_of(value), NULL};
}

static inline ch_request request_of(const char *method, const char *path, ch_param *params, size_t count)
{
    return (ch_request){
        .method = ch_slice_of(method), .path = ch_slice_of(path), .params = params, .param_count = count};
}

/* With LARGEST_LOADED_ONCE in a file of tests, the profile that takes longest is loaded before each test has a process
 * of its own, and the first load() of it there takes that. If it cannot be loaded, load() says why. */
#define LARGEST "profiles/binance.yaml"
#define LARGEST_LOADED_ONCE                                                                                            \
    __attribute__((constructor)) static void load_largest(void)                                                        \
    {                                                                                                                  \
        ch_error err = CH_ERROR_INIT;                                                                                  \
        if (ch_profile_load(LARGEST, &largest, &err) != CH_OK)                                                         \
            largest = NULL;                                                                                            \
    }
static ch_profile *largest;

static inline ch_profile *load(const char *path)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = largest;
    if (profile != NULL && strcmp(path, LARGEST) == 0) {
        largest = NULL;
        return profile;
    }
    profile = NULL;
    ck_assert_msg(ch_profile_load(path, &profile, &err) == CH_OK, "%s", err.message);
    return profile;
}

/* Loads a profile that is this text. */
static inline ch_status load_text(const char *source, ch_profile **profile, ch_error *err)
{
    char path[] = "/tmp/chancery-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, source, strlen(source)), (ssize_t)strlen(source));
    close(fd);
    ch_status st = ch_profile_load(path, profile, err);
    unlink(path);
    return st;
}

static inline const ch_endpoint *match(const ch_profile *profile, const char *method, const char *path)
{
    ch_error err = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    ch_request request = request_of(method, path, NULL, 0);
    ck_assert_msg(ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err) == CH_OK, "%s",
                  err.message);
    return endpoint;
}

static inline const ch_scheme *first_scheme(const ch_profile *profile)
{
    return ch_profile_scheme_at(profile, 0);
}

/* A small profile that loads: one endpoint, GET /x. */
#define SOUND_PROFILE                                                                                                  \
    "name: t\n"                                                                                                        \
    "title: T\n"                                                                                                       \
    "origins: {main: https://a.example}\n"                                                                             \
    "schemes: {hmac: {mechanism: hmac-sha256, secret: text, signature: hex}}\n"                                        \
    "recipe: r\n"                                                                                                      \
    "recipes:\n"                                                                                                       \
    "  r:\n"                                                                                                           \
    "    covers: [params]\n"                                                                                           \
    "    lists: {all: {fields: [{name: ts, value: \"{time_ms}\"}]}}\n"                                                 \
    "    values: {payload: \"{all|form}\"}\n"                                                                          \
    "    message: \"{payload}\"\n"                                                                                     \
    "    url: \"{origin}{path}?{payload}&s={signature}\"\n"                                                            \
    "params:\n"                                                                                                        \
    "  p: {type: text}\n"                                                                                              \
    "endpoints:\n"                                                                                                     \
    "  - {call: \"GET /x\", class: read, optional: [p]}\n"

#endif
