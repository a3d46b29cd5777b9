/* Whether bots ask through the relay, and then what the relay reads: relay.yaml, and the token of the bot's port.
 *
 * Beside the agent's own files, relay and agent are one user's, which is the simplest that works. Where the units are,
 * the relay has a user and a folder of its own, and root puts the files there by the commands that setup_next.c prints.
 */
#include "base/encode.h"
#include "base/slice.h"
#include "base/users.h"
#include "cli/setup_impl.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNIT_USER "chancery-relay"
#define USUAL_PORT "8801"
#define TOKEN_BYTES 32

const char *ch_setup_relay_user(const ch_setup *setup)
{
    return ch_setup_is_in_one_folder(setup) ? setup->me : UNIT_USER;
}

bool ch_setup_bot_has_token(const ch_setup *setup)
{
    uid_t bot;
    uid_t relay;
    ch_error ignored = CH_ERROR_INIT;
    return ch_user_find(setup->bot, &bot, &ignored) == CH_OK &&
           ch_user_find(ch_setup_relay_user(setup), &relay, &ignored) == CH_OK && bot == relay;
}

/* ---- the question ---- */

/* Better now than when the relay is started. */
static ch_status check_is_free(uint16_t port, ch_error *err)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ch_fail_errno(err, "opening a socket");
    /* As the relay does, so that a port is free right after a relay has ended. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    bool is_free = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_free ? CH_OK
                   : ch_fail(err, CH_CONFLICT, "port %u is another program's, or not for you; name another",
                             (unsigned)port);
}

static ch_status check_port(ch_setup *setup, const char *answer, ch_error *err)
{
    (void)setup;
    size_t digits = ch_slice_count_digits(ch_slice_of(answer));
    unsigned long port = strtoul(answer, NULL, 10);
    if (digits == 0 || digits > 5 || answer[digits] != '\0' || answer[0] == '0' || port > UINT16_MAX)
        return ch_fail(err, CH_BAD_INPUT, "answer a port from 1 to 65535, such as " USUAL_PORT);
    return check_is_free((uint16_t)port, err);
}

/* The units have it run as a user of its own, which the policy must be able to name. */
static ch_status check_user(const ch_setup *setup, ch_error *err)
{
    uid_t uid;
    if (ch_user_find(ch_setup_relay_user(setup), &uid, err) == CH_OK)
        return CH_OK;
    return ch_error_wrap(err, "the relay's unit needs its user first: useradd --system --no-create-home " UNIT_USER);
}

ch_status ch_setup_ask_relay(ch_setup *setup, ch_error *err)
{
    const ch_setup_question port = {.name = "relay_port",
                                    .prompt = "   On which port of this machine does the relay take its requests?",
                                    .fallback = USUAL_PORT,
                                    .check = check_port};
    ch_setup_say(setup, "   The bot can be handed signed requests, and sends them itself; or the relay sends them,\n"
                        "   once. Then any library works by its address, and what is judged is what happens.\n");
    CH_TRY(ch_setup_ask_yes(setup, "relay", "   Does the bot ask through the relay?", false, &setup->has_relay, err));
    if (!setup->has_relay)
        return CH_OK;
    CH_TRY(check_user(setup, err));
    return ch_setup_ask(setup, &port, &setup->relay_port, err);
}

/* ---- what the relay reads ---- */

void ch_setup_add_relay_config(const ch_setup *setup, ch_buffer *out)
{
    ch_buffer_add_format(out,
                         "# The relay's configuration. Written by 'chancery setup'; it is yours to change.\n"
                         "# chancery-relay(8) and docs/relay.md describe the fields. Relative paths start here.\n\n"
                         "# The socket that the policy has for the relay alone.\n"
                         "agent: %s/" CH_SETUP_RELAY_SOCKET ".sock\n\n"
                         "# Where bots ask. Whoever can read the token can ask as that caller of the policy.\n"
                         "listeners:\n"
                         "  - { caller: " CH_SETUP_BOT ", port: %s, token: " CH_SETUP_RELAY_TOKEN " }\n",
                         ch_setup_is_in_one_folder(setup) ? "run" : "/run/chancery", setup->relay_port);
}

ch_status ch_setup_add_relay_token(ch_buffer *out, ch_error *err)
{
    uint8_t drawn[TOKEN_BYTES];
    if (RAND_bytes(drawn, sizeof drawn) != 1)
        return ch_fail(err, CH_INTERNAL, "no random bytes for the relay's token");
    ch_encode(out, CH_ENCODE_HEX, (ch_slice){drawn, sizeof drawn});
    ch_buffer_add_byte(out, '\n');
    explicit_bzero(drawn, sizeof drawn);
    return CH_OK;
}
