#include "tests/unit/agent/core/scene.h"

#include "agent/core/nonce_counters.h"
#include "agent/core/token_link_impl.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "policy/load.h"
#include "tests/support/folder.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* %u is the test's user, and another. `limited` may sign three orders, and so may `watched`, if two people approve. */
static const char policy[] =
    "version: 1\n"
    "callers:\n"
    "  me: {uid: %u}\n"
    "  feed: {uid: %u, role: feed}\n"
    "  other: {uid: %u}\n"
    "people:\n"
    "  me: {uid: %u, roles: [operator, admin, approver]}\n"
    "  alice: {uid: 4001, roles: [approver]}\n"
    "  bob: {uid: 4002, roles: [approver]}\n"
    "  carol: {uid: 4003, roles: [approver]}\n"
    "prices: {sources: [one], at_least: 1, max_move: {by: '10 %%', within: 10m}}\n"
    "keys:\n"
    "  bot: {token: main, object: 'pkcs11:object=bot', profile: bitvavo, scheme: hmac, key_id: " SCENE_KEY_ID "}\n"
    "  nonced: {token: main, object: 'pkcs11:object=nonced', profile: bitso, scheme: hmac, key_id: " SCENE_KEY_ID "}\n"
    "  others: {token: main, object: 'pkcs11:object=bot', profile: bitvavo, scheme: hmac, key_id: x}\n"
    "  raw: {token: main, object: 'pkcs11:object=bot', profile: bitvavo, scheme: hmac, key_id: x, raw: true}\n"
    "  reader: {token: main, object: 'pkcs11:object=bot', profile: bitvavo, scheme: hmac, key_id: x}\n"
    "  limited: {token: main, object: 'pkcs11:object=bot', profile: bitvavo, scheme: hmac, key_id: " SCENE_KEY_ID ",\n"
    "            assume_uses: 1}\n"
    "  watched: {token: main, object: 'pkcs11:object=bot', profile: bitvavo, scheme: hmac, key_id: " SCENE_KEY_ID ",\n"
    "            assume_uses: 1}\n"
    "allow:\n"
    "  - {name: bot, caller: me, key: bot, classes: [read, trade, cancel], markets: any, unlimited: true}\n"
    "  - {name: nonced, caller: me, key: nonced, classes: [read]}\n"
    "  - {name: others, caller: other, key: others, classes: [read]}\n"
    "  - {name: raw-bytes, caller: me, key: raw, classes: [read, trade, cancel, transfer, withdraw, keys, account, "
    "session],\n"
    "     markets: any, to: any, unlimited: true}\n"
    "  - {name: reader, caller: me, key: reader, classes: [read]}\n"
    "  - {name: limited, caller: me, key: limited, classes: [trade], markets: any, types: [market], limits: [few]}\n"
    "  - {name: limited-rest, caller: me, key: limited, classes: [read, cancel]}\n"
    "  - {name: watched, caller: me, key: watched, classes: [trade], markets: any, types: [market], limits: "
    "[thrice]}\n"
    "  - {name: watched-rest, caller: me, key: watched, classes: [read, cancel]}\n"
    "require:\n"
    "  - {name: two, key: watched, classes: [trade], approvals: 2, of: [alice, bob, me], within: 1h}\n"
    "limit:\n"
    "  - {name: thrice, caller: me, key: watched, orders: 3, per: 1h, by: key}\n"
    "  - {name: few, caller: me, orders: 3, per: 1h, by: caller, then: halted, until: operator, release: '100 %%'}\n";

/* clang-format off */
const scene_ask scene_order = {
    .key = "bot", .method = "POST", .path = "/v2/order",
    .values = {
        { CH_VALUE_TEXT, "market",    "BTC-EUR" },
        { CH_VALUE_TEXT, "side",      "buy" },
        { CH_VALUE_TEXT, "orderType", "market" },
        { CH_VALUE_TEXT, "amount",    "1" },
    },
};
const scene_ask scene_cancel = {
    .key = "bot", .method = "DELETE", .path = "/v2/order",
    .values = {
        { CH_VALUE_TEXT, "market",    "BTC-EUR" },
        { CH_VALUE_TEXT, "orderId",   "5" },
    },
};
/* clang-format on */

static ch_error err;

#define MUST(call) ck_assert_msg((call) == CH_OK, "%s", err.message)

/* ---- the rooms ---- */

static void copy_profile(const char *name)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "profiles/%s", name);
    FILE *file = fopen(ch_buffer_text(&path), "re");
    ck_assert_msg(file != NULL, "tests run in the root of the tree");
    size_t got;
    do {
        got = fread(ch_buffer_reserve(&text, 4096), 1, 4096, file);
        ch_buffer_commit(&text, got);
    } while (got > 0);
    fclose(file);
    free(ch_test_file(name, text.data, text.size));
}

void scene_load_policy(ch_policy *out)
{
    static const char *const tokens[] = {"main"};
    ch_autobuffer text = CH_BUFFER_INIT;
    unsigned uid = (unsigned)getuid();
    copy_profile("bitvavo.yaml");
    copy_profile("bitso.yaml");
    ch_buffer_add_format(&text, policy, uid, uid, uid + 1, uid);
    ch_autofree char *path = ch_test_file("policy.yaml", text.data, text.size);
    const ch_policy_source source = {
        .path = path, .profiles_folder = ch_test_folder(), .tokens = tokens, .token_count = 1};
    MUST(ch_policy_load(&source, out, &err));
}

uint64_t scene_now_ns(void)
{
    ch_moment now;
    ck_assert(ch_moment_now(&now));
    return now.wall_ns;
}

static void open_ledger(scene *it)
{
    MUST(ch_ledger_open(it->store, NULL, &it->ledger, &err));
    ch_ledger_set_policy(it->ledger, &it->policy, scene_now_ns());
}

static void open_state(scene *it)
{
    ch_autofree char *folder = ch_test_path("state");
    MUST(ch_store_open(folder, &it->store, &err));
    MUST(ch_nonces_open(it->store, &it->nonces, &err));
    ch_nonce_counters_find(&it->policy, it->nonces);
    open_ledger(it);
    it->callers = ch_callers_new();
    it->shadow = ch_shadow_new();
    it->clock = ch_clockwatch_new(&(ch_seen_time){0}, "");
}

static void start_writer(scene *it)
{
    const ch_nonce_owner owner = ch_requests_nonce_owner(it->requests);
    MUST(ch_writer_start(it->store, &it->writer, &err));
    const ch_ledger_owner ledger_owner = ch_requests_ledger_owner(it->requests);
    ch_nonces_start(it->nonces, it->writer, &owner);
    ch_ledger_start(it->ledger, it->writer, &ledger_owner);
}

static void on_sign(void *context, ch_asker asker, const ch_sign_frame *sign)
{
    scene *it = context;
    ch_requests_begin(it->requests, asker, sign);
}

static void on_list_keys(void *context, ch_asker asker, const ch_list_keys_frame *list)
{
    scene *it = context;
    ch_status_list_keys(&it->status, asker, list);
}

static void on_get_status(void *context, ch_asker asker, const ch_get_status_frame *get)
{
    scene *it = context;
    ch_status_report(&it->status, asker, get);
}

static void on_get_time(void *context, ch_asker asker)
{
    scene *it = context;
    ch_timekeeper_tell(&it->timekeeper, asker);
}

static void on_get_limits(void *context, ch_asker asker, const ch_get_limits_frame *get)
{
    scene *it = context;
    ch_desk_tell_limits(&it->desk, asker, get);
}

static void on_put_prices(void *context, ch_asker asker, const ch_put_prices_frame *put)
{
    scene *it = context;
    ch_desk_take_prices(&it->desk, asker, put);
}

static void on_list_prices(void *context, ch_asker asker, const ch_list_prices_frame *list)
{
    scene *it = context;
    ch_desk_list_prices(&it->desk, asker, list);
}

static void on_release(void *context, ch_asker asker, const ch_release_frame *release)
{
    scene *it = context;
    ch_desk_release(&it->desk, asker, release);
}

static void on_get_request(void *context, ch_asker asker, const ch_get_request_frame *get)
{
    scene *it = context;
    ch_approval_desk_tell(it->approval_desk, asker, get);
}

static void on_fetch(void *context, ch_asker asker, const ch_fetch_frame *fetch)
{
    scene *it = context;
    ch_requests_fetch(it->requests, asker, fetch);
}

static void on_withdraw(void *context, ch_asker asker, const ch_withdraw_frame *withdraw)
{
    scene *it = context;
    ch_approval_desk_withdraw(it->approval_desk, asker, withdraw);
}

static void on_change(void *context, ch_front_link *front)
{
    (void)context;
    (void)front;
}

static void start_front(scene *it)
{
    const ch_front_owner owner = {.context = it,
                                  .on_sign = on_sign,
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
    const ch_front_watcher watcher = {.context = it, .on_change = on_change};
    it->front = ch_front_link_new(it->loop, "front 1", it->connections, &owner, watcher);
    ch_front_link_start(it->front);
    stage_meet(&it->front_actor);
    stage_hear(&it->front_actor, CH_FRAME_FRONT_START);
    ch_buffer *out = ch_channel_out(&it->front_actor.channel);
    MUST(ch_front_ready_frame_put(out, 0, &(ch_front_ready_frame){}, &err));
    stage_send(&it->front_actor);
}

static void start_token(scene *it)
{
    const ch_link_owner owner = ch_requests_link_owner(it->requests);
    it->link_keys = ch_alloc(it->policy.key_count * sizeof *it->link_keys);
    for (size_t i = 0; i < it->policy.key_count; i++) {
        ch_key *key = &it->policy.keys[i];
        key->token_key = i;
        it->link_keys[i] =
            (ch_link_key){key->name, key->object_uri, ch_scheme_mechanism(key->scheme), key->tolerated, {.for_ns = 0}};
    }
    play_configure(&it->token);
    it->token.keys = it->link_keys;
    it->token.key_count = it->policy.key_count;
    play_begin(&it->token, it->loop, &owner);
    it->links = (ch_links){.links = {it->token.link}, .count = 1, .loop = it->loop, .owner = owner};
}

static void make_requests(scene *it)
{
    ch_request_context context = {.policy = &it->policy,
                                  .connections = it->connections,
                                  .clock = it->clock,
                                  .nonces = it->nonces,
                                  .ledger = it->ledger,
                                  .callers = it->callers,
                                  .shadow = it->shadow,
                                  .scratch = it->scratch,
                                  .links = &it->links};
    it->requests = ch_requests_new(&context);
    it->timekeeper = (ch_timekeeper){.policy = &it->policy, .nonces = it->nonces, .clock = it->clock};
    it->desk = (ch_desk){.policy = &it->policy,
                         .connections = it->connections,
                         .callers = it->callers,
                         .ledger = it->ledger,
                         .clock = it->clock};
    const ch_approval_desk_context approvals = {.loop = it->loop,
                                                .policy = &it->policy,
                                                .connections = it->connections,
                                                .callers = it->callers,
                                                .ledger = it->ledger,
                                                .clock = it->clock};
    it->approval_desk = ch_approval_desk_new(&approvals);
    it->status = (ch_status_context){.connections = it->connections,
                                     .policy = &it->policy,
                                     .callers = it->callers,
                                     .ledger = it->ledger,
                                     .links = &it->links,
                                     .requests = it->requests,
                                     .timekeeper = &it->timekeeper,
                                     .started_ms = ch_clock_ms()};
}

void scene_begin(scene *it)
{
    const ch_peer peer = {.uid = getuid(), .gid = getgid()};
    *it = (scene){.loop = stage_set_up()};
    scene_load_policy(&it->policy);
    open_state(it);
    it->scratch = ch_scratch_new();
    it->connections = ch_connections_new(CH_CONNECTIONS_MAX);
    make_requests(it);
    start_writer(it);
    start_front(it);
    start_token(it);
    MUST(ch_connections_add(it->connections, &peer, false, ch_front_link_intake(it->front), &it->bot, &err));
}

void scene_begin_unlocked(scene *it)
{
    scene_begin(it);
    play_unlock(&it->token);
}

/* ---- requests ---- */

static ch_slice text_of(const char *text)
{
    return text == NULL ? CH_LITERAL("") : ch_slice_of(text);
}

void scene_ask_for(scene *it, uint64_t id, const scene_ask *ask)
{
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_sign_frame sign = {.connection = ask->connection != 0 ? ask->connection : it->bot,
                          .key = text_of(ask->key),
                          .form = ask->form,
                          .method = text_of(ask->method),
                          .host = text_of(ask->host),
                          .path = text_of(ask->path),
                          .text = text_of(ask->text),
                          .repeat_key = text_of(ask->repeat_key),
                          .is_check = ask->is_check};
    for (size_t i = 0; i < SCENE_VALUES_MAX && (ask->values[i].name != NULL || ask->values[i].value != NULL); i++) {
        ch_value_record value = {
            .kind = ask->values[i].kind, .name = text_of(ask->values[i].name), .value = text_of(ask->values[i].value)};
        ch_value_record_put(&sign.values, &records, &value);
    }
    MUST(ch_sign_frame_put(ch_channel_out(&it->front_actor.channel), id, &sign, &err));
    stage_send(&it->front_actor);
}

void scene_reserve(scene *it, size_t count)
{
    while (ch_token_jobs_waiting(it->token.link->jobs) < count) {
        struct pollfd ready = {.fd = ch_writer_fd(it->writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(it->writer);
    }
}

/* What was decided is on the disk before the token is asked. */
static void record(scene *it)
{
    ch_ledger_turn(it->ledger, scene_now_ns());
    while (ch_ledger_is_writing(it->ledger)) {
        struct pollfd ready = {.fd = ch_writer_fd(it->writer), .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        ch_writer_collect(it->writer);
        ch_ledger_turn(it->ledger, scene_now_ns());
    }
}

void scene_end_turn(scene *it)
{
    ch_requests_resume(it->requests);
    ch_token_link_dispatch(it->token.link);
    record(it);
    ch_token_link_dispatch(it->token.link);
    ch_approval_desk_turn(it->approval_desk);
    record(it);
    ch_approval_desk_turn(it->approval_desk);
    ch_front_link_flush(it->front);
}

void scene_restart_ledger(scene *it)
{
    ch_writer_stop(it->writer);
    ch_ledger_close(it->ledger);
    open_ledger(it);
}

ch_failed_frame scene_hear_failure(scene *it, uint64_t id)
{
    ch_failed_frame failed;
    scene_end_turn(it);
    ch_frame frame = stage_hear(&it->front_actor, CH_FRAME_FAILED);
    ck_assert_uint_eq(frame.id, id);
    MUST(ch_failed_frame_get(&frame, &failed, &err));
    return failed;
}

/* Takes all places that one caller may have, and gives them back. */
static void check_places(ch_token_jobs *jobs)
{
    static ch_ticket tickets[CH_TOKEN_JOBS_MAX];
    size_t count = 0;
    for (; ch_token_jobs_admits(jobs, getuid(), false); count++) {
        tickets[count] = (ch_ticket){.caller = getuid()};
        ch_token_jobs_add(jobs, &tickets[count]);
    }
    ck_assert_uint_eq(count, CH_TOKEN_JOBS_MAX - CH_TOKEN_RESERVE);
    while (count > 0)
        ch_token_jobs_leave(jobs, &tickets[--count]);
}

void scene_check_token_is_idle(const scene *it)
{
    ch_token_jobs *jobs = it->token.link->jobs;
    ch_link_check(it->token.link);
    ck_assert_uint_eq(ch_token_jobs_waiting(jobs), 0);
    ck_assert_uint_eq(ch_token_jobs_sent(jobs), 0);
    ck_assert_uint_eq(ch_token_jobs_work_ns(jobs), 0);
    check_places(jobs);
}
