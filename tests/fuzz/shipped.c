#include "tests/fuzz/shipped.h"

#include "exchange/load.h"
#include "tests/fuzz/fuzz.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

ch_profile *shipped[SHIPPED_MAX];
size_t shipped_count;

static void load(const char *pattern)
{
    glob_t found;
    FUZZ_CHECK(glob(pattern, 0, NULL, &found) == 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        ch_error err = CH_ERROR_INIT;
        FUZZ_CHECK(shipped_count < SHIPPED_MAX);
        if (ch_profile_load_any(found.gl_pathv[i], &shipped[shipped_count++], &err) != CH_OK) {
            fprintf(stderr, "%s\n", err.message);
            exit(EXIT_FAILURE);
        }
    }
    globfree(&found);
}

void shipped_load(void)
{
    load("profiles/*.yaml");
    load("tests/profiles/*.yaml");
}

const ch_profile *shipped_find(ch_slice name)
{
    for (size_t i = 0; i < shipped_count; i++) {
        if (ch_slice_is(name, ch_profile_name(shipped[i])))
            return shipped[i];
    }
    return NULL;
}

const ch_scheme *shipped_find_scheme(const ch_profile *profile, ch_slice name)
{
    const ch_scheme *scheme;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        if (ch_slice_is(name, ch_scheme_name(scheme)))
            return scheme;
    }
    return NULL;
}

ch_slice shipped_take_word(ch_slice *from, char end)
{
    const uint8_t *at = ch_slice_find(*from, (uint8_t)end);
    ch_slice word = {from->data, at == NULL ? from->size : (size_t)(at - from->data)};
    *from = ch_slice_after(*from, word.size + (at != NULL));
    return word;
}
