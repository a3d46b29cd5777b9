/* A part of an SDK's string may be known and empty, as what `drop` leaves of a path. Reading the string back compared
 * NULL + 0 bytes, which UBSan does not let pass (found by the fuzz target profile). */
#include "exchange/load.h"
#include "exchange/match.h"
#include "exchange/read_back.h"
#include "tests/support/suite.h"

START_TEST(test_string_is_read_past_an_empty_part)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ch_scratch *scratch = ch_scratch_new();
    ch_reading reading = {.param_count = 0};
    ch_request request = {.method = CH_LITERAL("GET"), .path = CH_LITERAL("/v5/account/wallet-balance")};
    ck_assert_int_eq(ch_profile_load("profiles/bybit.yaml", &profile, &err), CH_OK);
    ch_recipe_input input = {.profile = profile,
                             .scheme = ch_profile_scheme_at(profile, 0),
                             .environment = ch_profile_live(profile),
                             .request = &request,
                             .key_id = CH_LITERAL("")};
    ck_assert_int_eq(ch_environment_match(input.environment, &request, &input.endpoint, &err), CH_OK);
    ch_slice text = CH_LITERAL("17640000001235000accountType=UNIFIED");
    ck_assert_int_eq(ch_recipe_read(&input, scratch, text, &reading, &err), CH_OK);
    ck_assert_uint_eq(reading.param_count, 2); /* with the receive window */
    ck_assert(ch_slice_is(reading.params[1].value, "UNIFIED") || ch_slice_is(reading.params[0].value, "UNIFIED"));
    ch_buffer_free(&reading.text);
    ch_scratch_free(scratch);
    ch_profile_free(profile);
}
END_TEST

CH_TESTS("an empty part of a string", CH_TEST(test_string_is_read_past_an_empty_part))
