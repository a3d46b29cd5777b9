/* A token was removed from agent.yaml, and another one took its place among those that report what they could not give
 * up: the new one was taken to have the gaps of the last one, and freed them. A test with two tokens noticed it. */
#include "agent/core/confinement.h"

#include "base/buffer.h"
#include "tests/support/suite.h"
#include "wire/frames.h"

static ch_error err;

static void report(ch_confinement *confinement, const char *who, const char *gap)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    ch_records gaps = {0};
    ch_text_record_put(&gaps, &bytes, &(ch_text_record){.bytes = ch_slice_of(gap)});
    ck_assert_int_eq(ch_confinement_report(confinement, who, gaps, &err), CH_OK);
}

START_TEST(test_whoever_takes_a_place_has_only_its_own_gaps)
{
    ch_autobuffer bytes = CH_BUFFER_INIT;
    ch_records list = {0};
    ch_text_record text = {0};
    ch_confinement *confinement = ch_confinement_new(false);
    report(confinement, "first", "a");
    report(confinement, "second", "b");
    ch_confinement_forget(confinement, "first");
    report(confinement, "third", "c");
    ch_confinement_list(confinement, &list, &bytes);
    ck_assert_uint_eq(list.count, 2);
    ck_assert(ch_text_record_next(&list, &text) && ch_slice_is(text.bytes, "second: b"));
    ck_assert(ch_text_record_next(&list, &text) && ch_slice_is(text.bytes, "third: c"));
    ch_confinement_free(confinement);
}
END_TEST

CH_TESTS("gaps_of_another_process", CH_TEST(test_whoever_takes_a_place_has_only_its_own_gaps))
