#include "agent/core/config.h"
#include "base/slice.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

#define SOUND "tokens:\n  main: {module: softhsm2, uri: \"pkcs11:token=main\"}\n"

#define TOKEN_WITH(field) SOUND "  n: {module: m, uri: \"pkcs11:\", " field "}\n"

static ch_error err;

static ch_status load(const char *text, ch_config *out)
{
    ch_autofree char *path = ch_test_file("agent.yaml", text, strlen(text));
    return ch_config_load(path, out, &err);
}

/* The path of `name` beside the file. */
static void assert_is_beside(const char *path, const char *name)
{
    ch_autofree char *expected = ch_test_path(name);
    ck_assert_str_eq(path, expected);
}

START_TEST(test_only_tokens_must_be_there)
{
    ch_config config;
    setenv("XDG_RUNTIME_DIR", "", 1);
    ck_assert_msg(load(SOUND, &config) == CH_OK, "%s", err.message);
    ck_assert_str_eq(config.socket_path, "/run/chancery/agent.sock");
    ck_assert_str_eq(config.operator_socket_path, "/run/chancery/people/operator.sock");
    ck_assert_str_eq(config.state_folder, "/var/lib/chancery");
    assert_is_beside(config.policy_path, "policy.yaml");
    ck_assert_uint_eq(config.token_count, 1);
    ck_assert_str_eq(config.token_names[0], "main");
    ck_assert_str_eq(config.tokens[0].module, "softhsm2");
    ck_assert(config.tokens[0].may_relogin);
    ck_assert_uint_ge(config.tokens[0].workers, 1);
    ck_assert_uint_le(config.tokens[0].workers, 4);
    ch_config_free(&config);
}
END_TEST

START_TEST(test_each_field_is_read)
{
    ch_config config;
    const char *text = "socket: a/b.sock\nstate: s\nprofiles: /p\npolicy: q.yaml\ntokens:\n"
                       "  one: {module: /m.so, uri: \"pkcs11:token=1\", relogin: false, workers: 16}\n"
                       "  two: {module: m, uri: \"pkcs11:token=2\", workers: 1}\n";
    ck_assert_msg(load(text, &config) == CH_OK, "%s", err.message);
    assert_is_beside(config.socket_path, "a/b.sock");
    assert_is_beside(config.operator_socket_path, "a/people/operator.sock");
    assert_is_beside(config.state_folder, "s");
    ck_assert_str_eq(config.profiles_folder, "/p");
    assert_is_beside(config.policy_path, "q.yaml");
    ck_assert(!config.tokens[0].may_relogin);
    ck_assert_uint_eq(config.tokens[0].workers, 16);
    ck_assert_str_eq(config.tokens[1].uri, "pkcs11:token=2");
    ck_assert_uint_eq(ch_config_find_token(&config, CH_LITERAL("two")), 1);
    ck_assert_uint_eq(ch_config_find_token(&config, CH_LITERAL("three")), 2);
    ch_config_free(&config);
}
END_TEST

START_TEST(test_a_token_s_process_has_an_environment_of_its_own)
{
    ch_config config;
    const char *text = TOKEN_WITH("environment: {TPM2_PKCS11_STORE: /s, SOFTHSM2_CONF: \"a=b c\", EMPTY: \"\"}");
    ck_assert_msg(load(text, &config) == CH_OK, "%s", err.message);
    ck_assert_uint_eq(config.tokens[0].variables.count, 0);
    const ch_variables *variables = &config.tokens[1].variables;
    ck_assert_uint_eq(variables->count, 3);
    ck_assert_str_eq(variables->list[0], "EMPTY=");
    ck_assert_str_eq(variables->list[1], "SOFTHSM2_CONF=a=b c");
    ck_assert_str_eq(variables->list[2], "TPM2_PKCS11_STORE=/s");
    ck_assert_ptr_null(variables->list[3]);
    ch_config_free(&config);
}
END_TEST

/* clang-format off */
static const struct {
    const char *field;
    ch_login login;
    bool may_relogin;
} logins[] = {
    { "login: pin",                   CH_LOGIN_PIN,     true },
    { "login: none",                  CH_LOGIN_NONE,    true },
    { "login: pinpad",                CH_LOGIN_PINPAD,  false },
    { "login: pinpad, relogin: true", CH_LOGIN_PINPAD,  false }, /* somebody must be at the pad */
};
/* clang-format on */

START_TEST(test_how_a_token_is_logged_in_to)
{
    ch_config config;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_buffer_add_format(&text, TOKEN_WITH("%s"), logins[_i].field);
    ck_assert_msg(load(ch_buffer_text(&text), &config) == CH_OK, "%s", err.message);
    ck_assert_int_eq(config.tokens[1].login, logins[_i].login);
    ck_assert_int_eq(config.tokens[1].may_relogin, logins[_i].may_relogin);
    ck_assert_int_eq(config.tokens[0].login, CH_LOGIN_PIN);
    ch_config_free(&config);
}
END_TEST

START_TEST(test_the_operators_socket_may_lie_elsewhere)
{
    ch_config config;
    ck_assert_int_eq(load("socket: a/b.sock\noperator_socket: c.sock\n" SOUND, &config), CH_OK);
    assert_is_beside(config.operator_socket_path, "c.sock");
    ch_config_free(&config);
}
END_TEST

START_TEST(test_the_sockets_have_paths_of_their_own)
{
    ch_config config;
    ck_assert_int_eq(load("socket: a.sock\noperator_socket: a.sock\n" SOUND, &config), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "give each a path of its own"));
    ch_config_free(&config);
}
END_TEST

/* clang-format off */
static const struct {
    const char *paths; /* of the sockets */
    const char *named; /* NULL: accepted */
} socket_paths[] = {
    { "socket: agent.yaml\n",                                     "'socket' and this file" },
    { "socket: policy.yaml\n",                                    "'socket' and 'policy'" },
    { "operator_socket: ./policy.yaml\n",                         "'operator_socket' and 'policy'" },
    { "policy: gone/agent.sock.lock\nsocket: gone/agent.sock\n",  "the lock of 'socket' and 'policy'" },
    { "socket: state\n",                                          "'socket' and 'state'" },
    { "socket: state/lock\n",                                     "a file of the state" },
    { "socket: gone/../state/./state.db\n",                       "a file of the state" },
    { "operator_socket: state//state.db-wal\n",                   "a file of the state" },
    { "socket: profiles\nprofiles: profiles\n",                   "'socket' and 'profiles'" },
    { "socket: a.sock.lock\noperator_socket: a.sock\n",           "'socket' and the lock of 'operator_socket'" },
    { "socket: gone/a.sock\noperator_socket: gone/./a.sock\n",    "give each a path of its own" },
    { "socket: gone/../gone/a.sock\noperator_socket: gone/a.sock\n", "give each a path of its own" },
    { "socket: .//x/../a.sock\noperator_socket: a.sock\n",        "give each a path of its own" },
    { "socket: gone/\n",                                          "names a folder" },
    { "socket: gone/..\n",                                        "names a folder" },
    { "socket: plain\n",                                          "is not a socket" },
    { "socket: gone/a.sock\noperator_socket: gone/b.sock\n",      NULL },
};
/* clang-format on */

START_TEST(test_a_socket_is_where_nothing_else_is)
{
    ch_config config;
    ch_autobuffer text = CH_BUFFER_INIT;
    free(ch_test_file("plain", "x", 1));
    ch_buffer_add_format(&text, "%sstate: state\n" SOUND, socket_paths[_i].paths);
    ch_status st = load(ch_buffer_text(&text), &config);
    ck_assert_msg(st == (socket_paths[_i].named == NULL ? CH_OK : CH_CONFIG), "%s", socket_paths[_i].paths);
    if (socket_paths[_i].named != NULL)
        ck_assert_msg(strstr(err.message, socket_paths[_i].named) != NULL, "%s: %s", socket_paths[_i].paths,
                      err.message);
    ch_config_free(&config);
}
END_TEST

START_TEST(test_a_path_that_no_socket_can_have_is_refused)
{
    ch_config config;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_autofree char *folder = ch_test_path("");
    size_t left = 108 - strlen(folder);
    for (size_t size = left - 1; size <= left; size++) {
        text.size = 0;
        ch_buffer_add_text(&text, "operator_socket: o.sock\nsocket: ");
        for (size_t i = 0; i < size; i++)
            ch_buffer_add_byte(&text, 'x');
        ch_buffer_add_text(&text, "\n" SOUND);
        ck_assert_int_eq(load(ch_buffer_text(&text), &config), size == left ? CH_CONFIG : CH_OK);
        ch_config_free(&config);
    }
    ck_assert_ptr_nonnull(strstr(err.message, "107 bytes"));
}
END_TEST

#define FEW "t1: , t2: , t3: , t4: , t5: , t6: , t7: , t8: , t9: "

/* clang-format off */
static const struct {
    const char *text;
    unsigned line;
    const char *reason;
} refused[] = {
    /* text                                                     line  reason */
    { "",                                                       1,    "the file is empty" },
    { "- a\n",                                                  1,    "this must be a map, not a list" },
    { "state: s\n",                                             1,    "'tokens' is missing here" },
    { "tokens: [main]\n",                                       1,    "tokens: this must be a map, not a list" },
    { "tokens: {}\n",                                           1,    "tokens: there must be at least 1 token" },
    { "tokens: {" FEW "}\n",                                    1,    "t1: this must be a map, not a single value" },
    { "tokens: {" FEW ", a: , b: , c: , d: , e: , f: , g: , h: }\n",
                                                                1,    "there are 17 tokens; at most 16 are possible" },
    { "socket: \"\"\n" SOUND,                                   1,    "socket: this is empty; write a path" },
    { "socket:\n" SOUND,                                        1,    "socket: there is no value here" },
    { "socket: [a]\n" SOUND,                                    1,    "socket: this must be a single value, not a list" },
    { "socet: a\n" SOUND,                                       1,    "there is no field 'socet' here; the fields are socket, "
                                                                      "operator_socket, state, profiles, policy, shadow_policy, trace, freeze_file, fronts, confinement, tokens and totp_token" },
    { "tokens:\n  m:\n    module: m\n",                         3,    "'uri' is missing here" },
    { "tokens:\n  m:\n    uri: \"pkcs11:token=m\"\n",           3,    "'module' is missing here" },
    { "tokens:\n  m:\n    module: m\n    uri: token=m\n",       4,    "uri: not a PKCS#11 URI" },
    { "tokens:\n  m:\n    module: m\n    uri: \"pkcs11:token=m?pin-value=77\"\n",
                                                                4,    "uri: a PKCS#11 URI must not hold a PIN" },
    { SOUND "  n: {module: m, uri: \"pkcs11:\", workers: 0}\n", 3,    "workers: '0' is not a whole number from 1 to 16" },
    { SOUND "  n: {module: m, uri: \"pkcs11:\", workers: 17}\n",
                                                                3,    "workers: '17' is not a whole number from 1 to 16" },
    { SOUND "  n: {module: m, uri: \"pkcs11:\", relogin: no}\n",
                                                                3,    "relogin: 'no' must be true or false" },
    { SOUND "  n: {module: m, uri: \"pkcs11:\", pin: 1}\n",     3,    "there is no field 'pin' here; the fields are module, "
                                                                      "init_args, environment, uri, login, relogin, pin_tries and workers" },
    { TOKEN_WITH("login: pinpads"),                             3,    "unknown kind of login 'pinpads'; use pin, pinpad or none" },
    { TOKEN_WITH("init_args: \"pin=77\""),                      3,    "the module's init_args seem to hold a PIN" },
    { TOKEN_WITH("environment: [A]"),                           3,    "environment: this must be a map, not a list" },
    { TOKEN_WITH("environment: {A: [b]}"),                      3,    "A: this must be a single value, not a list" },
    { TOKEN_WITH("environment: {\"\": b}"),                     3,    "the name of a variable is 1 to 64 letters" },
    { TOKEN_WITH("environment: {\"A=B\": b}"),                  3,    "A=B: the name of a variable is 1 to 64 letters" },
    { TOKEN_WITH("environment: {1A: b}"),                       3,    "1A: the name of a variable is 1 to 64 letters" },
    { TOKEN_WITH("environment: {LD_PRELOAD: /x.so}"),           3,    "the variable 'LD_PRELOAD' can't be set here: it makes the linker load other code" },
    { TOKEN_WITH("environment: {LD_LIBRARY_PATH: /x}"),         3,    "the variable 'LD_LIBRARY_PATH' can't be set here" },
    { TOKEN_WITH("environment: {GLIBC_TUNABLES: x}"),           3,    "the variable 'GLIBC_TUNABLES' can't be set here" },
    { TOKEN_WITH("environment: {GCONV_PATH: /x}"),              3,    "the variable 'GCONV_PATH' can't be set here" },
    { TOKEN_WITH("environment: {NOTIFY_SOCKET: /x}"),           3,    "the variable 'NOTIFY_SOCKET' can't be set here" },
    { TOKEN_WITH("environment: {CHANCERY_MODULE: /x}"),         3,    "the variable 'CHANCERY_MODULE' can't be set here" },
    { TOKEN_WITH("environment: {HSM_pin: 77}"),                 3,    "the variable 'HSM_pin' can't be set here: by its name it holds a secret" },
    { SOUND "  main: {module: m, uri: \"pkcs11:\"}\n",          3,    "'main' is here already, in line 2" },
};
/* clang-format on */

START_TEST(test_a_mistake_is_refused_with_its_line)
{
    ch_config config;
    ck_assert_msg(load(refused[_i].text, &config) == CH_CONFIG, "accepted: %s", refused[_i].text);
    ch_autobuffer begin = CH_BUFFER_INIT;
    ch_buffer_add_format(&begin, "%s/agent.yaml:%u: %s", ch_test_folder(), refused[_i].line, refused[_i].reason);
    ck_assert_msg(strncmp(err.message, ch_buffer_text(&begin), begin.size) == 0, "%s", err.message);
    ck_assert_ptr_null(strstr(err.message + strlen(ch_test_folder()), "77"));
    ch_config_free(&config);
}
END_TEST

CH_TESTS("config", CH_TEST(test_only_tokens_must_be_there), CH_TEST(test_each_field_is_read),
         CH_TEST(test_a_token_s_process_has_an_environment_of_its_own),
         CH_TEST_ROWS(test_how_a_token_is_logged_in_to, logins), CH_TEST(test_the_operators_socket_may_lie_elsewhere),
         CH_TEST(test_the_sockets_have_paths_of_their_own),
         CH_TEST_ROWS(test_a_socket_is_where_nothing_else_is, socket_paths),
         CH_TEST(test_a_path_that_no_socket_can_have_is_refused),
         CH_TEST_ROWS(test_a_mistake_is_refused_with_its_line, refused))
