#include "relay/guard.h"

#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* clang-format off */
static const struct {
    const char *address;
    bool is_public;
} cases[] = {
    { "8.8.8.8",              true },   { "1.1.1.1",           true },   { "100.63.255.255",    true },
    { "100.128.0.0",          true },   { "172.15.0.1",        true },   { "172.32.0.1",        true },
    { "198.20.0.1",           true },   { "223.255.255.255",   true },   { "192.0.3.1",         true },
    { "0.0.0.0",              false },  { "10.255.0.1",        false },  { "100.64.0.1",        false },
    { "100.127.255.255",      false },  { "127.0.0.1",         false },  { "127.255.255.254",   false },
    { "169.254.169.254",      false },  { "172.16.0.1",        false },  { "172.31.255.255",    false },
    { "192.168.0.1",          false },  { "198.18.0.1",        false },  { "198.19.255.255",    false },
    { "224.0.0.1",            false },  { "255.255.255.255",   false },  { "192.0.2.1",         false },
    { "2606:4700::1111",      true },   { "2a00::1",           true },   { "2001:4860::8888",   true },
    { "::",                   false },  { "::1",               false },  { "fe80::1",           false },
    { "fc00::1",              false },  { "fd12::1",           false },  { "ff02::1",           false },
    { "2001:db8::1",          false },  { "2001::1",           false },  { "::ffff:127.0.0.1",  false },
    { "::ffff:10.0.0.1",      false },  { "::ffff:8.8.8.8",    true },   { "64:ff9b::7f00:1",   false },
    { "64:ff9b::808:808",     true },   { "2002:7f00:1::",     false },  { "2002:808:808::",    true },
    { "::127.0.0.1",          false },  { "100::1",            false },  { "3fff::1",           false },
};
/* clang-format on */

START_TEST(test_address)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    const struct sockaddr *address = (const struct sockaddr *)&four;
    if (inet_pton(AF_INET, cases[_i].address, &four.sin_addr) != 1) {
        ck_assert_int_eq(inet_pton(AF_INET6, cases[_i].address, &six.sin6_addr), 1);
        address = (const struct sockaddr *)&six;
    }
    ck_assert_msg(ch_is_public_address(address) == cases[_i].is_public, "%s", cases[_i].address);
}
END_TEST

START_TEST(test_other_families_are_nobodys)
{
    const struct sockaddr local = {.sa_family = AF_UNIX};
    ck_assert(!ch_is_public_address(&local));
}
END_TEST

CH_TESTS("guard", CH_TEST_ROWS(test_address, cases), CH_TEST(test_other_families_are_nobodys))
