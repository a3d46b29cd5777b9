#include "tests/unit/policy/moment.h"

#include <check.h>
#include <stddef.h>
#include <time.h>

uint64_t moment_ns(const char *text)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    ck_assert_msg(end != NULL && *end == '\0', "%s", text);
    return (uint64_t)timegm(&parts) * NS_PER_S;
}
