#include "tests/fuzz/core.h"

#include "agent/core/approvals.h"
#include "agent/core/callers.h"
#include "agent/core/clockwatch.h"
#include "agent/core/codes.h"
#include "agent/core/connections.h"
#include "agent/core/approval_desk.h"
#include "agent/core/desk.h"
#include "agent/core/front_link.h"
#include "agent/core/fronts.h"
#include "agent/core/ledger.h"
#include "agent/core/operators.h"
#include "agent/core/request.h"
#include "agent/core/shadow.h"
#include "agent/core/status.h"
#include "agent/core/token_link.h"
#include "base/loop.h"
#include "base/clock.h"
#include "exchange/scratch.h"
#include "policy/load.h"
#include "policy/policy.h"
#include "state/people.h"
#include "state/writer.h"
#include "tests/fuzz/core_policy.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/files.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kept.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEYS_MAX 8
#define RETRY_MS 2000
#define TURNS_MAX 1000 /* until the disk has nothing left to do */

static struct {
    ch_policy policy;
    ch_scratch *scratch;
    ch_clockwatch *clock;
    ch_timekeeper timekeeper;
    ch_store *store;
    ch_ledger *ledger;
    ch_people *people;
    ch_codes *codes;
    ch_writer *writer;
    ch_source written; /* the writer has something */
    ch_timer retry;    /* of what could not be written */
    ch_callers *callers;
    ch_shadow *shadow;
    ch_desk desk;
    ch_approval_desk *approval_desk;
    ch_loop *loop;
    ch_source never_sleep;
    struct sockaddr_un bots_address;
    struct sockaddr_un operators_address;
    ch_connections *connections;
    ch_relay_links *relays;
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
    char text[8192];
    size_t size = fuzz_core_print_policy(text, sizeof text);
    ch_policy_source source = {
        .path = FUZZ_FILE, .profiles_folder = "tests/profiles", .tokens = tokens, .token_count = FUZZ_TOKENS};
    ch_error err = CH_ERROR_INIT;
    fuzz_set_file((ch_slice){(const uint8_t *)text, size});
    ch_status st = ch_policy_load(&source, &core.policy, &err);
    if (st != CH_OK)
        fprintf(stderr, "%s\n", err.message);
    FUZZ_CHECK(st == CH_OK && core.policy.key_count > 0 && core.policy.key_count <= KEYS_MAX);
    core.scratch = ch_scratch_new();
    trust_clock();
}

const ch_policy *fuzz_core_policy(void)
{
    return &core.policy;
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

static void on_get_time(void *context, ch_asker asker)
{
    (void)context;
    ch_timekeeper_tell(&core.timekeeper, asker);
}

static void on_get_limits(void *context, ch_asker asker, const ch_get_limits_frame *get)
{
    (void)context;
    ch_desk_tell_limits(&core.desk, asker, get);
}

static void on_put_prices(void *context, ch_asker asker, const ch_put_prices_frame *put)
{
    (void)context;
    ch_desk_take_prices(&core.desk, asker, put);
}

static void on_list_prices(void *context, ch_asker asker, const ch_list_prices_frame *list)
{
    (void)context;
    ch_desk_list_prices(&core.desk, asker, list);
}

static void on_release(void *context, ch_asker asker, const ch_release_frame *release)
{
    (void)context;
    ch_desk_release(&core.desk, asker, release);
}

static void on_outcomes(void *context, ch_asker asker, const ch_outcomes_frame *outcomes)
{
    (void)context;
    ch_requests_take_outcomes(core.requests, asker, outcomes);
}

static void on_get_request(void *context, ch_asker asker, const ch_get_request_frame *get)
{
    (void)context;
    ch_approval_desk_tell(core.approval_desk, asker, get);
}

static void on_fetch(void *context, ch_asker asker, const ch_fetch_frame *fetch)
{
    (void)context;
    ch_requests_fetch(core.requests, asker, fetch);
}

static void on_withdraw(void *context, ch_asker asker, const ch_withdraw_frame *withdraw)
{
    (void)context;
    ch_approval_desk_withdraw(core.approval_desk, asker, withdraw);
}

/* ---- sockets ---- */

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

/* ---- the state ---- */

static uint64_t now_ns(void)
{
    ch_moment now;
    FUZZ_CHECK(ch_moment_now(&now));
    return now.wall_ns;
}

static void open_ledger(void)
{
    ch_error err = CH_ERROR_INIT;
    core.store = fuzz_disk_store();
    FUZZ_CHECK(ch_ledger_open(core.store, "/trace", &core.ledger, &err) == CH_OK);
    ch_ledger_set_policy(core.ledger, &core.policy, now_ns());
    FUZZ_CHECK(ch_people_open(core.store, &core.people, &err) == CH_OK);
    FUZZ_CHECK(ch_writer_start(core.store, &core.writer, &err) == CH_OK);
}

static void on_written(void *context)
{
    (void)context;
    ch_writer_collect(core.writer);
    if (ch_writer_trouble(core.writer) != NULL && core.retry.due_ms == 0)
        ch_loop_set_timer(core.loop, &core.retry, ch_clock_ms() + RETRY_MS);
}

static void on_retry(void *context)
{
    (void)context;
    ch_ledger_try_again(core.ledger);
    ch_people_try_again(core.people);
}

static void start_ledger(void)
{
    ch_error err = CH_ERROR_INIT;
    const ch_ledger_owner owner = ch_requests_ledger_owner(core.requests);
    core.retry = (ch_timer){.on_due = on_retry};
    core.written = (ch_source){.fd = ch_writer_fd(core.writer), .on_ready = on_written};
    FUZZ_CHECK(ch_loop_watch(core.loop, &core.written, EPOLLIN, &err) == CH_OK);
    ch_ledger_start(core.ledger, core.writer, &owner);
    ch_people_start(core.people, core.writer);
}

/* ---- start ---- */

static void make_requests(void)
{
    ch_request_context context = {.policy = &core.policy,
                                  .connections = core.connections,
                                  .clock = core.clock,
                                  .ledger = core.ledger,
                                  .callers = core.callers,
                                  .shadow = core.shadow,
                                  .scratch = core.scratch,
                                  .links = &core.links};
    core.requests = ch_requests_new(&context);
    core.links = (ch_links){.loop = core.loop, .owner = ch_requests_link_owner(core.requests)};
    ch_links_apply(&core.links, &core_config, &core.policy);
}

static void make_desks(void)
{
    core.desk = (ch_desk){.policy = &core.policy,
                          .connections = core.connections,
                          .callers = core.callers,
                          .ledger = core.ledger,
                          .clock = core.clock};
    const ch_approval_desk_context approvals = {.loop = core.loop,
                                                .policy = &core.policy,
                                                .connections = core.connections,
                                                .callers = core.callers,
                                                .ledger = core.ledger,
                                                .clock = core.clock};
    core.approval_desk = ch_approval_desk_new(&approvals);
    core.status = (ch_status_context){.connections = core.connections,
                                      .policy = &core.policy,
                                      .callers = core.callers,
                                      .ledger = core.ledger,
                                      .links = &core.links,
                                      .requests = core.requests,
                                      .timekeeper = &core.timekeeper,
                                      .started_ms = fuzz_the_stage.now_ms};
}

static void make_relay_links(void)
{
    const ch_relay_owner owner = {.connections = core.connections,
                                  .policy = &core.policy,
                                  .callers = core.callers,
                                  .on_sign = on_sign,
                                  .on_outcomes = on_outcomes};
    core.relays = ch_relay_links_new(core.loop, &owner);
}

static void make_rooms(int bots_fd, int operators_fd)
{
    const ch_front_owner owner = {.on_sign = on_sign,
                                  .on_list_keys = on_list_keys,
                                  .on_get_status = on_get_status,
                                  .on_get_time = on_get_time,
                                  .on_get_limits = on_get_limits,
                                  .on_put_prices = on_put_prices,
                                  .on_list_prices = on_list_prices,
                                  .on_release = on_release,
                                  .on_get_request = on_get_request,
                                  .on_fetch = on_fetch,
                                  .on_withdraw = on_withdraw};
    core.timekeeper = (ch_timekeeper){.policy = &core.policy, .clock = core.clock};
    core.connections = ch_connections_new(CH_CONNECTIONS_MAX);
    core.callers = ch_callers_new();
    core.shadow = ch_shadow_new();
    ch_shadow_set_policy(core.shadow, &core.policy, now_ns());
    make_relay_links();
    core.fronts = ch_fronts_new(core.loop, bots_fd, core.connections, &core.policy, core.relays, &owner, false);
    make_requests();
    const ch_codes_context codes = {
        .loop = core.loop, .policy = &core.policy, .links = &core.links, .people = core.people};
    core.codes = ch_codes_new(&codes);
    const ch_operator_context operator_context = {.policy = &core.policy,
                                                  .links = &core.links,
                                                  .keeper = &core.timekeeper,
                                                  .ledger = core.ledger,
                                                  .requests = core.requests,
                                                  .codes = core.codes};
    core.operators = ch_operators_new(core.loop, operators_fd, &operator_context);
    make_desks();
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
    open_ledger();
    make_rooms(bots_fd, operators_fd);
    start_ledger();
    FUZZ_CHECK(ch_operators_start(core.operators, &err) == CH_OK);
    ch_fronts_start(core.fronts);
    ch_links_start(&core.links);
}

static void turn(void)
{
    ch_loop_turn(core.loop, 0);
    ch_requests_resume(core.requests);
    ch_connections_look(core.connections);
    ch_requests_sweep(core.requests, ch_clock_ms());
    ch_links_dispatch(&core.links);
    ch_approval_desk_turn(core.approval_desk);
    ch_requests_note(core.requests);
    ch_ledger_turn(core.ledger, now_ns());
    ch_relay_links_flush(core.relays);
    ch_fronts_flush(core.fronts);
}

void fuzz_core_turn(void)
{
    unsigned count = 0;
    do {
        FUZZ_CHECK(count++ < TURNS_MAX);
        turn();
    } while (fuzz_disk_write());
}

int fuzz_core_connect_bot(void)
{
    return connect_to(SOCK_STREAM, &core.bots_address);
}

int fuzz_core_connect_relay(void)
{
    int ends[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    ch_fronts_take(core.fronts, ends[1], FUZZ_RELAY);
    return ends[0];
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

void fuzz_core_recall(void)
{
    ch_approval_desk_recall(core.approval_desk);
}

void fuzz_core_approve(void)
{
    const ch_approval *approval;
    const ch_approvals *approvals = ch_ledger_approvals(core.ledger);
    const ch_given_by by = {.person = FUZZ_APPROVER, .uid = geteuid() + 1, .at_ns = now_ns(), .is_by_code = true};
    for (size_t i = 0; (approval = ch_approvals_at(approvals, i)) != NULL; i++) {
        uint64_t row;
        ch_error err = CH_ERROR_INIT;
        ch_ignore(ch_ledger_approve(core.ledger, approval->id, approval->digest, &by, &row, &err)); /* may have ended */
    }
}

void fuzz_core_child_died(pid_t pid)
{
    if (pid != 0 && !ch_fronts_died(core.fronts, pid))
        ch_links_died(&core.links, pid);
}

void fuzz_core_check_state(void)
{
    FUZZ_CHECK(ch_ledger_trouble(core.ledger) == NULL);
    fuzz_check_kept(core.ledger, core.store, &core.policy, now_ns());
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
    ch_approval_desk_free(core.approval_desk);
    ch_codes_free(core.codes);
    ch_links_free(&core.links);
    ch_fronts_free(core.fronts);
    ch_relay_links_free(core.relays);
    ch_loop_forget(core.loop, &core.written);
    ch_writer_stop(core.writer);
    ch_ledger_close(core.ledger);
    ch_people_close(core.people);
    ch_callers_free(core.callers);
    ch_shadow_free(core.shadow);
    ch_requests_free(core.requests);
    ch_connections_free(core.connections);
    ch_loop_forget(core.loop, &core.never_sleep);
    close(core.never_sleep.fd);
    ch_loop_free(core.loop);
    fuzz_end_close(&fuzz_the_stage.front);
    for (size_t i = 0; i < FUZZ_TOKENS; i++)
        fuzz_end_close(&fuzz_the_stage.tokens[i]);
}
