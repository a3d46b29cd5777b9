#include "tests/fuzz/core.h"

#include "agent/core/clockwatch.h"
#include "agent/core/connections.h"
#include "agent/core/front_link.h"
#include "agent/core/fronts.h"
#include "agent/core/operators.h"
#include "agent/core/request.h"
#include "agent/core/status.h"
#include "agent/core/token_link.h"
#include "agent/loop.h"
#include "exchange/scratch.h"
#include "policy/load.h"
#include "policy/policy.h"
#include "tests/fuzz/files.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEYS_MAX 8

static const char policy_text[] =
    "keys:\n"
    "  odd-all:   { token: main, object: 'pkcs11:object=a', profile: oddball, scheme: hmac, key_id: k, passphrase: p,\n"
    "               raw: true, allow: [{ uid: %1$u, classes: [read, trade, cancel, transfer, withdraw, keys, account,\n"
    "               session] }] }\n"
    "  odd-read:  { token: main, object: 'pkcs11:object=b', profile: oddball, scheme: hmac, key_id: k, passphrase: p,\n"
    "               allow: [{ uid: %1$u, classes: [read] }] }\n"
    "  odd-jwt:   { token: main, object: 'pkcs11:object=c', profile: oddball, scheme: jwt, key_id: k,\n"
    "               allow: [{ uid: %1$u, classes: [read, trade, cancel] }] }\n"
    "  odd-other: { token: main, object: 'pkcs11:object=d', profile: oddball, scheme: hmac, key_id: k, passphrase: p,\n"
    "               allow: [{ uid: %2$u, classes: [read, trade] }] }\n"
    "  odd-cold:  { token: cold, object: 'pkcs11:object=e', profile: oddball, scheme: hmac, key_id: k, passphrase: p,\n"
    "               allow: [{ uid: %1$u, classes: [read, trade] }] }\n"
    "operators: [{ uid: %1$u }]\n";

static struct {
    ch_policy policy;
    ch_scratch *scratch;
    ch_clockwatch *clock;
    ch_timekeeper timekeeper;
    ch_loop *loop;
    ch_source never_sleep;
    struct sockaddr_un bots_address;
    struct sockaddr_un operators_address;
    ch_connections *connections;
    ch_fronts *fronts;
    ch_links links;
    ch_requests *requests;
    ch_operators *operators;
    ch_status_context status;
} core;

static ch_token_config token_configs[FUZZ_TOKENS] = {
    {.name = "main", .module = "none", .uri = "pkcs11:", .workers = 2,                  .may_relogin = true},
    {.name = "cold",              .module = "none",                 .uri = "pkcs11:",    .workers = 2},
};
static const ch_config core_config = {.tokens = token_configs, .token_count = FUZZ_TOKENS};

/* The time on the stage is older than the program; corpora have it in their strings. */
static void trust_clock(void)
{
    ch_moment now;
    FUZZ_CHECK(ch_moment_now(&now));
    ch_seen_time seen = {.boot_id = "stage", .offset_ns = (int64_t)(now.wall_ns - now.boot_ns)};
    core.clock = ch_clockwatch_new(&seen, "stage");
}

void fuzz_core_init(void)
{
    static const char *const tokens[FUZZ_TOKENS] = {"main", "cold"};
    char text[2048];
    int size = snprintf(text, sizeof text, policy_text, (unsigned)geteuid(), (unsigned)geteuid() + 1);
    ch_policy_source source = {
        .path = FUZZ_FILE, .profiles_folder = "tests/profiles", .tokens = tokens, .token_count = FUZZ_TOKENS};
    ch_error err = CH_ERROR_INIT;
    fuzz_set_file((ch_slice){(const uint8_t *)text, (size_t)size});
    if (ch_policy_load(&source, &core.policy, &err) != CH_OK)
        fprintf(stderr, "%s\n", err.message);
    FUZZ_CHECK(core.policy.key_count > 0 && core.policy.key_count <= KEYS_MAX);
    core.scratch = ch_scratch_new();
    trust_clock();
}

static void on_sign(void *context, ch_asker asker, const ch_sign_frame *sign)
{
    (void)context;
    ch_requests_begin(core.requests, asker, sign);
}

static void on_list_keys(void *context, ch_asker asker, const ch_list_keys_frame *list)
{
    (void)context;
    ch_status_list_keys(&core.status, asker, list);
}

static void on_get_status(void *context, ch_asker asker, const ch_get_status_frame *get)
{
    (void)context;
    ch_status_report(&core.status, asker, get);
}

/* A listening socket with a name of the kernel's choice. */
static int listen_at(int type, struct sockaddr_un *address)
{
    socklen_t size = sizeof address->sun_family;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    FUZZ_CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)address, size) == 0 && listen(fd, 16) == 0);
    size = sizeof *address;
    FUZZ_CHECK(getsockname(fd, (struct sockaddr *)address, &size) == 0);
    return fd;
}

static int connect_to(int type, const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 6); /* NUL and five digits: unix(7) */
    FUZZ_CHECK(fd >= 0);
    if (connect(fd, (const struct sockaddr *)address, size) == 0)
        return fd;
    close(fd);
    return -1;
}

static void on_get_time(void *context, ch_asker asker)
{
    (void)context;
    ch_timekeeper_tell(&core.timekeeper, asker);
}

static void make_rooms(int bots_fd, int operators_fd)
{
    core.timekeeper = (ch_timekeeper){.policy = &core.policy, .clock = core.clock};
    ch_front_owner owner = {
        .on_sign = on_sign, .on_list_keys = on_list_keys, .on_get_status = on_get_status, .on_get_time = on_get_time};
    core.connections = ch_connections_new(CH_CONNECTIONS_MAX);
    core.fronts = ch_fronts_new(core.loop, bots_fd, core.connections, &core.policy, &owner, false);
    ch_request_context context = {.policy = &core.policy,
                                  .connections = core.connections,
                                  .clock = core.clock,
                                  .scratch = core.scratch,
                                  .links = &core.links};
    core.requests = ch_requests_new(&context);
    core.links = (ch_links){.loop = core.loop, .owner = ch_requests_link_owner(core.requests)};
    ch_links_apply(&core.links, &core_config, &core.policy);
    const ch_operator_context operator_context = {
        .policy = &core.policy, .links = &core.links, .keeper = &core.timekeeper};
    core.operators = ch_operators_new(core.loop, operators_fd, &operator_context);
    core.status = (ch_status_context){.connections = core.connections,
                                      .policy = &core.policy,
                                      .links = &core.links,
                                      .requests = core.requests,
                                      .timekeeper = &core.timekeeper,
                                      .started_ms = fuzz_the_stage.now_ms};
}

static void on_never(void *context)
{
    (void)context;
}

void fuzz_core_open(void (*on_start)(const fuzz_end *child))
{
    ch_error err = CH_ERROR_INIT;
    fuzz_stage_set(on_start);
    FUZZ_CHECK(ch_loop_new(&core.loop, &err) == CH_OK);
    core.never_sleep = (ch_source){.fd = eventfd(1, EFD_CLOEXEC), .on_ready = on_never};
    FUZZ_CHECK(ch_loop_watch(core.loop, &core.never_sleep, EPOLLIN, &err) == CH_OK);
    int bots_fd = listen_at(SOCK_STREAM, &core.bots_address);
    int operators_fd = listen_at(SOCK_SEQPACKET, &core.operators_address);
    make_rooms(bots_fd, operators_fd);
    FUZZ_CHECK(ch_operators_start(core.operators, &err) == CH_OK);
    ch_fronts_start(core.fronts);
    ch_links_start(&core.links);
}

void fuzz_core_turn(void)
{
    ch_loop_turn(core.loop, 0);
    ch_requests_resume(core.requests);
    ch_links_dispatch(&core.links);
    ch_fronts_flush(core.fronts);
}

int fuzz_core_connect_bot(void)
{
    return connect_to(SOCK_STREAM, &core.bots_address);
}

int fuzz_core_connect_operator(void)
{
    return connect_to(SOCK_SEQPACKET, &core.operators_address);
}

static void on_locked(void *context, const ch_error *outcome)
{
    (void)context;
    (void)outcome;
}

void fuzz_core_lock(void)
{
    for (size_t i = 0; i < FUZZ_TOKENS; i++)
        ch_token_link_lock(core.links.links[i], (ch_link_waiter){.answer = on_locked});
}

void fuzz_core_child_died(pid_t pid)
{
    if (pid != 0 && !ch_fronts_died(core.fronts, pid))
        ch_links_died(&core.links, pid);
}

size_t fuzz_core_key_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < core.policy.key_count; i++)
        count += core.policy.keys[i].token == 0;
    return count;
}

const char *fuzz_core_key_name(size_t key)
{
    size_t i = 0;
    while (core.policy.keys[i].token != 0 || core.policy.keys[i].token_key != key)
        i++;
    return core.policy.keys[i].name;
}

void fuzz_core_close(void)
{
    ch_operators_free(core.operators);
    ch_links_free(&core.links);
    ch_fronts_free(core.fronts);
    ch_requests_free(core.requests);
    ch_connections_free(core.connections);
    ch_loop_forget(core.loop, &core.never_sleep);
    close(core.never_sleep.fd);
    ch_loop_free(core.loop);
    fuzz_end_close(&fuzz_the_stage.front);
    for (size_t i = 0; i < FUZZ_TOKENS; i++)
        fuzz_end_close(&fuzz_the_stage.tokens[i]);
}
