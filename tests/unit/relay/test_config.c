#include "relay/config.h"

#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <string.h>

static ch_relay_config config;
static ch_error err = CH_ERROR_INIT;

static ch_status load(const char *text)
{
    ch_autofree char *path = ch_test_file("relay.yaml", text, strlen(text));
    return ch_relay_config_load(path, &config, &err);
}

static void tear_down(void)
{
    ch_relay_config_free(&config);
}

#define PORT "- {caller: a, port: 8801, token: t}\n"

START_TEST(test_defaults)
{
    ck_assert_int_eq(load("listeners:\n" PORT), CH_OK);
    ck_assert_str_eq(config.agent_socket, "/run/chancery/relay.sock");
    ck_assert_str_eq(config.listeners[0].address, "127.0.0.1");
    ck_assert_uint_eq(config.times.answer, 20);
    ck_assert_uint_eq(config.answer_mib, 64);
    ck_assert(!config.may_use_http2);
    ck_assert_ptr_null(ch_relay_route(&config, CH_LITERAL("h")));
}
END_TEST

START_TEST(test_everything)
{
    ck_assert_int_eq(load("agent: a.sock\nca: ca.pem\nhttp2: true\nanswer_mib: 1\ntimes: {answer_s: 3}\nlisteners:\n"
                          "- {caller: a, socket: a.sock, owner: root, group: root, mode: '0600'}\n"
                          "- {caller: a, address: '::1', port: 1, token: t, certificate: c, key: k, hosts: [x.y]}\n"
                          "routes:\n  a.b: {private_addresses: true}\n  c.d: {to: 'e.f:1'}\n  g.h: '[::1]:2'\n"),
                     CH_OK);
    ck_assert_uint_eq(config.listeners[0].mode, 0600);
    ck_assert_uint_eq(config.listeners[0].owner, 0);
    ck_assert_str_eq(config.listeners[1].hosts[0], "x.y");
    ck_assert(ch_relay_route(&config, CH_LITERAL("A.b"))->may_be_private);
    ck_assert(!ch_relay_route(&config, CH_LITERAL("c.d"))->may_be_private);
    ck_assert(ch_relay_route(&config, CH_LITERAL("g.h"))->may_be_private);
}
END_TEST

/* clang-format off */
static const struct {
    const char *text;
    const char *why;
} bad[] = {
    { "agent: x\n",                                                             "listeners" },
    { "listeners: []\n",                                                        "listener" },
    { "listeners:\n- {caller: a}\n",                                            "needs a 'socket'" },
    { "listeners:\n- {caller: a, port: 8801}\n",                                "'token'" },
    { "listeners:\n- {port: 8801, token: t}\n",                                 "caller" },
    { "listeners:\n- {caller: A B, port: 8801, token: t}\n",                    "caller's name" },
    { "listeners:\n- {caller: a, port: 0, token: t}\n",                         "port" },
    { "listeners:\n- {caller: a, port: 70000, token: t}\n",                     "port" },
    { "listeners:\n- {caller: a, address: 0.0.0.0, port: 1, token: t}\n",       "loopback" },
    { "listeners:\n- {caller: a, socket: s, port: 1}\n",                        "port" },
    { "listeners:\n- {caller: a, socket: s, token: t}\n",                       "token" },
    { "listeners:\n- {caller: a, socket: s, mode: '0999'}\n",                   "mode" },
    { "listeners:\n- {caller: a, socket: s, owner: no-such-user}\n",            "no user" },
    { "listeners:\n- {caller: a, port: 1, token: t, owner: root}\n",            "owner" },
    { "listeners:\n- {caller: a, port: 1, token: t, key: k}\n",                 "belong together" },
    { "listeners:\n- {caller: a, port: 1, token: t, hosts: ['a b']}\n",         "host" },
    { "listeners:\n" PORT PORT,                                                 "same address" },
    { "listeners:\n" PORT "routes: {'a b': 'x:1'}\n",                           "host" },
    { "listeners:\n" PORT "routes: {a: 'x'}\n",                                 "port" },
    { "listeners:\n" PORT "routes: {a: 'x:0'}\n",                               "port" },
    { "listeners:\n" PORT "routes: {a: '::1:5'}\n",                             "host" },
    { "listeners:\n" PORT "routes: {a: {too: 'x:1'}}\n",                        "too" },
    { "listeners:\n" PORT "times: {answer_s: 0}\n",                             "answer_s" },
    { "listeners:\n" PORT "secrets: yes\n",                                     "secrets" },
};
/* clang-format on */

START_TEST(test_mistake_is_named)
{
    ck_assert_int_eq(load(bad[_i].text), CH_CONFIG);
    ck_assert_msg(strstr(err.message, "relay.yaml:") != NULL && strstr(err.message, bad[_i].why) != NULL, "%s",
                  err.message);
}
END_TEST

CH_TESTS_WITH("config", NULL, tear_down, CH_TEST(test_defaults), CH_TEST(test_everything),
              CH_TEST_ROWS(test_mistake_is_named, bad))
