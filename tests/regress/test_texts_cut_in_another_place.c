/* Where what is signed stands without separators, a signed text can be cut in another place, and then it is another
 * call: Phemex's GET /exchange/margins/transfer was POST /exchange/margins?/transfer, a transfer that needed no
 * parameter. */
#include "exchange/load.h"
#include "exchange/profile_impl.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_profile *load(const char *path)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(ch_profile_load(path, &profile, &err) == CH_OK, "%s", err.message);
    return profile;
}

static bool needs_nothing(const ch_endpoint *endpoint)
{
    static const uint64_t none[CH_NAME_WORDS_MAX];
    return ch_param_list_is_met(&endpoint->params, none);
}

/* True if the end of the longer path could be the query of the shorter one. */
static bool is_beginning(const ch_endpoint *shorter, const ch_endpoint *longer)
{
    ch_slice beginning = shorter->path_slice;
    return strcmp(shorter->method, "WS") != 0 && beginning.size < longer->path_slice.size &&
           memcmp(beginning.data, longer->path_slice.data, beginning.size) == 0;
}

START_TEST(test_the_end_of_a_phemex_path_is_no_query_of_another_class)
{
    ch_profile *phemex = load("profiles/phemex.yaml");
    size_t found = 0;
    for (size_t i = 0; i < phemex->endpoint_count; i++) {
        for (size_t j = 0; j < phemex->endpoint_count; j++) {
            const ch_endpoint *signed_for = &phemex->endpoints[i];
            const ch_endpoint *taken_for = &phemex->endpoints[j];
            if (!is_beginning(taken_for, signed_for) || signed_for->class_ == taken_for->class_)
                continue;
            found++;
            ck_assert_msg(!needs_nothing(taken_for), "%s %s opens %s %s", signed_for->method, signed_for->path,
                          taken_for->method, taken_for->path);
        }
    }
    ck_assert_uint_gt(found, 10);
    ch_profile_free(phemex);
}
END_TEST

/* MEXC may read `uid` as `u`, which it ignores, and `id`: that of a withdrawal to be stopped. */
START_TEST(test_a_mexc_read_takes_a_uid_as_a_number_only)
{
    ch_profile *mexc = load("profiles/mexc.yaml");
    size_t found = 0;
    for (size_t i = 0; i < mexc->endpoint_count; i++) {
        const ch_endpoint *endpoint = &mexc->endpoints[i];
        const ch_listed_param *uid = ch_param_list_find(&endpoint->params, CH_LITERAL("uid"));
        if (uid == NULL || endpoint->class_ != CH_CLASS_READ)
            continue;
        found++;
        ck_assert_msg(uid->def->type == CH_TYPE_INTEGER, "%s %s takes a text", endpoint->method, endpoint->path);
    }
    ck_assert_uint_gt(found, 0);
    ch_profile_free(mexc);
}
END_TEST

CH_TESTS("texts cut in another place", CH_TEST(test_the_end_of_a_phemex_path_is_no_query_of_another_class),
         CH_TEST(test_a_mexc_read_takes_a_uid_as_a_number_only))
