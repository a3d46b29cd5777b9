/* Which addresses an exchange cannot have: those of this machine and of private networks, whatever DNS says. A pure
 * function; thread-safe. */
#ifndef CH_RELAY_GUARD_H
#define CH_RELAY_GUARD_H

#include <stdbool.h>

struct sockaddr;

/* Only if `address` is one that anybody on the internet could have (IPv4 or IPv6, also one within the other). */
bool ch_is_public_address(const struct sockaddr *address);

#endif
