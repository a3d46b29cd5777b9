/* The links of one configuration, and of the next. */
#include "agent/core/links.h"

#include "tests/support/suite.h"
#include "tests/unit/agent/core/scene.h"

static ch_error err;
static ch_policy policy;
static ch_links links;

static ch_token_config tokens[] = {
    {.name = "main",  .module = "m",    .uri = "pkcs11:", .workers = 1,        .may_relogin = true},
    {.name = "other", .module = "m",    .uri = "pkcs11:", .workers = 1       },
    {.name = "main",  .module = "m", .uri = "pkcs11:",     .workers = 2, .may_relogin = true                   },
};

static void apply(size_t first, size_t count)
{
    const ch_config config = {.tokens = tokens + first, .token_count = count};
    ch_links_apply(&links, &config, &policy);
}

static void begin(size_t count)
{
    links = (ch_links){.loop = stage_set_up()};
    scene_load_policy(&policy); /* its keys are on the first token */
    apply(0, count);
}

START_TEST(test_each_key_has_an_index_of_its_own)
{
    begin(1);
    for (size_t i = 0; i < policy.key_count; i++)
        ck_assert_uint_eq(policy.keys[i].token_key, i);
    ch_links_free(&links);
}
END_TEST

START_TEST(test_a_token_that_is_the_same_keeps_its_link)
{
    begin(1);
    const ch_token_link *before = links.links[0];
    apply(0, 2);
    ck_assert_uint_eq(links.count, 2);
    ck_assert_ptr_eq(links.links[0], before);
    apply(0, 1);
    ck_assert_uint_eq(links.count, 1);
    ck_assert_ptr_eq(links.links[0], before);
    ch_links_free(&links);
}
END_TEST

START_TEST(test_a_token_that_differs_gets_another_link)
{
    begin(1);
    const ch_token_link *before = links.links[0];
    apply(2, 1);
    ck_assert_ptr_ne(links.links[0], before);
    for (size_t i = 0; i < policy.key_count; i++)
        ck_assert_uint_eq(policy.keys[i].token_key, i);
    ch_links_free(&links);
}
END_TEST

START_TEST(test_a_link_is_found_by_its_name)
{
    ch_token_link *link = NULL;
    begin(2);
    ck_assert_int_eq(ch_links_find(&links, CH_LITERAL("other"), &link, &err), CH_OK);
    ck_assert_ptr_eq(link, links.links[1]);
    ck_assert_int_eq(ch_links_find(&links, CH_LITERAL("none"), &link, &err), CH_NOT_FOUND);
    ck_assert_int_eq(ch_links_find(&links, CH_LITERAL(""), &link, &err), CH_NOT_FOUND);
    apply(0, 1);
    ck_assert_int_eq(ch_links_find(&links, CH_LITERAL(""), &link, &err), CH_OK);
    ck_assert_ptr_eq(link, links.links[0]);
    ch_links_free(&links);
}
END_TEST

CH_TESTS("links", CH_TEST(test_each_key_has_an_index_of_its_own), CH_TEST(test_a_token_that_is_the_same_keeps_its_link),
         CH_TEST(test_a_token_that_differs_gets_another_link), CH_TEST(test_a_link_is_found_by_its_name))
