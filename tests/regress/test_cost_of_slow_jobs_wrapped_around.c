/* The cost of a key's jobs is kept in 32 bits of nanoseconds, a little more than four seconds. Jobs that took longer
 * were noted as taking their time modulo that: core then believed that a slow token was a quick one. */
#include "agent/token/keys.h"

#include "tests/support/suite.h"

START_TEST(test_jobs_of_many_seconds_never_look_quick)
{
    ch_signer_key key = {.cost_ns = 0};
    for (size_t i = 0; i < 20; i++)
        ck_assert_uint_eq(ch_signer_key_note_cost(&key, 5000000000), UINT32_MAX);
    ck_assert_uint_eq(key.cost_ns, UINT32_MAX);
}
END_TEST

CH_TESTS("cost of slow jobs wrapped around", CH_TEST(test_jobs_of_many_seconds_never_look_quick))
