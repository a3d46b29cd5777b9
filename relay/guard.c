/* The special-purpose registries of IANA (RFC 6890), as of 2024, and multicast. */
#include "relay/guard.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

typedef struct range {
    uint8_t start[16];
    unsigned bits;
} range;

/* clang-format off */
static const range four[] = {
    {{0},            8},  {{10},          8},  {{100, 64},    10}, {{127},         8},
    {{169, 254},     16}, {{172, 16},     12}, {{192, 0, 0},  24}, {{192, 0, 2},   24},
    {{192, 88, 99},  24}, {{192, 168},    16}, {{198, 18},    15}, {{198, 51, 100}, 24},
    {{203, 0, 113},  24}, {{224},         3},
};

/* Of IPv6 only 2000::/3 is anybody's; in it are: */
static const range six[] = {
    {{0x20, 0x01, 0x00},             23}, /* IETF, with Teredo and ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8},       32}, /* documentation */
    {{0x3f, 0xff},                   20}, /* documentation */
};
static const range six_global = {{0x20}, 3};
static const range six_to_four = {{0x20, 0x02}, 16};                                   /* an IPv4 address follows */
static const range mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};          /* and here */
static const range nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};                             /* and here */
/* clang-format on */

static bool is_in(const range *of, const uint8_t *address)
{
    size_t bytes = of->bits / 8;
    unsigned rest = of->bits % 8;
    if (memcmp(of->start, address, bytes) != 0)
        return false;
    return rest == 0 || (address[bytes] & (uint8_t)(0xff00U >> rest)) == of->start[bytes];
}

static bool is_in_any(const range *ranges, size_t count, const uint8_t *address)
{
    for (size_t i = 0; i < count; i++) {
        if (is_in(&ranges[i], address))
            return true;
    }
    return false;
}

static bool is_public_four(const uint8_t *address)
{
    return !is_in_any(four, sizeof four / sizeof *four, address);
}

static bool is_public_six(const uint8_t *address)
{
    if (is_in(&mapped, address) || is_in(&nat64, address))
        return is_public_four(address + 12);
    if (is_in(&six_to_four, address))
        return is_public_four(address + 2);
    return is_in(&six_global, address) && !is_in_any(six, sizeof six / sizeof *six, address);
}

bool ch_is_public_address(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_public_four((const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr);
    if (address->sa_family == AF_INET6)
        return is_public_six(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);
    return false;
}
