/* A request is for the endpoint that it names to the byte, or for none. */
#include "exchange/match.h"

#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>
#include <string.h>

LARGEST_LOADED_ONCE

/* clang-format off */
static const struct {
    const char *method;
    const char *path;
    ch_status status;
} calls[] = {
    /* method path                 status */
    {"POST",  "/api/v3/order",     CH_OK        },
    {"PATCH", "/api/v3/order",     CH_BAD_METHOD},
    {"post",  "/api/v3/order",     CH_BAD_METHOD},
    {"",      "/api/v3/order",     CH_BAD_METHOD},
    {"POST",  "/api/v3/order/",    CH_NOT_FOUND },
    {"POST",  "/api/v3//order",    CH_NOT_FOUND },
    {"POST",  "/api/v3/./order",   CH_NOT_FOUND },
    {"POST",  "/api/v3/Order",     CH_NOT_FOUND },
    {"POST",  "/api/v3/order?a=1", CH_NOT_FOUND },
    {"POST",  "/api/v3/ord%65r",   CH_NOT_FOUND },
    {"POST",  "/api/v3/orde",      CH_NOT_FOUND },
    {"POST",  "api/v3/order",      CH_NOT_FOUND },
    {"POST",  "",                  CH_NOT_FOUND },
};
/* clang-format on */

START_TEST(test_a_path_matches_to_the_byte)
{
    ch_error err = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    ch_profile *profile = load("profiles/binance.yaml");
    ch_request request = request_of(calls[_i].method, calls[_i].path, NULL, 0);
    ck_assert_int_eq(ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err), calls[_i].status);
    ch_profile_free(profile);
}
END_TEST

/* clang-format off */
static const struct {
    const char *method;
    const char *path;
    ch_status status;
    const char *reason;
} left_out[] = {
    /* method  path             status          reason */
    {"DELETE", "/api/v1/lists", CH_BAD_METHOD,  "leaves this call out: it deletes the lists of all users"},
    {"POST",   "/api/v1/files", CH_NOT_FOUND,   "leaves this call out: its body is a file"               },
    {"GET",    "/api/v1/files", CH_NOT_FOUND,   "does not list this path"                                },
    {"PUT",    "/api/v1/things/none", CH_NOT_FOUND, "leaves this call out: it ends all things"             },
};
/* clang-format on */

START_TEST(test_a_call_that_is_left_out_is_refused_with_the_reason)
{
    ch_error err = CH_ERROR_INIT;
    const ch_endpoint *endpoint = NULL;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    ch_request request = request_of(left_out[_i].method, left_out[_i].path, NULL, 0);
    ck_assert_int_eq(ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err), left_out[_i].status);
    ck_assert_msg(strstr(err.message, left_out[_i].reason) != NULL, "%s", err.message);
    ch_profile_free(profile);
}
END_TEST

/* clang-format off */
static const struct {
    const char *profile;
    const char *method;
    const char *path;
    ch_class class_;
} classes[] = {
    /* profile  method    path                                                       class */
    {"binance", "POST",   "/sapi/v1/capital/withdraw/apply",                         CH_CLASS_WITHDRAW},
    {"binance", "POST",   "/sapi/v1/asset/transfer",                                 CH_CLASS_TRANSFER},
    {"binance", "POST",   "/sapi/v1/sub-account/universalTransfer",                  CH_CLASS_TRANSFER},
    {"binance", "POST",   "/sapi/v1/sub-account/transfer/subToSub",                  CH_CLASS_TRANSFER},
    {"binance", "POST",   "/sapi/v2/sub-account/subAccountApi/ipRestriction",        CH_CLASS_KEYS    },
    {"binance", "DELETE", "/sapi/v1/sub-account/subAccountApi/ipRestriction/ipList", CH_CLASS_KEYS    },
    {"binance", "POST",   "/sapi/v1/account/enableFastWithdrawSwitch",               CH_CLASS_WITHDRAW},
    {"binance", "POST",   "/sapi/v1/account/disableFastWithdrawSwitch",              CH_CLASS_ACCOUNT },
    {"binance", "POST",   "/sapi/v1/w3w/wallet/prediction/otc/blocktrade/fulfil",    CH_CLASS_WITHDRAW},
    {"binance", "POST",   "/sapi/v1/c2c/ads/post",                                   CH_CLASS_WITHDRAW},
    {"binance", "POST",   "/eapi/v1/mmpReset",                                       CH_CLASS_TRADE   },
    {"bybit",   "POST",   "/v5/p2p/item/create",                                     CH_CLASS_WITHDRAW},
    {"bybit",   "POST",   "/v5/user/create-sub-member",                              CH_CLASS_WITHDRAW},
    {"bybit",   "POST",   "/v5/order/disconnected-cancel-all",                       CH_CLASS_ACCOUNT },
    {"okx",     "POST",   "/api/v5/users/subaccount/create-subaccount",              CH_CLASS_WITHDRAW},
    {"okx",     "POST",   "/api/v5/account/set-account-level",                       CH_CLASS_TRADE   },
    {"bitget",  "POST",   "/api/v3/account/adjust-account-mode",                     CH_CLASS_TRADE   },
    {"gate",    "POST",   "/api/v4/sub_accounts",                                    CH_CLASS_WITHDRAW},
    {"gate",    "PUT",    "/api/v4/unified/unified_mode",                            CH_CLASS_TRADE   },
    {"gate",    "POST",   "/api/v4/options/mmp",                                     CH_CLASS_TRADE   },
    {"binance", "POST",   "/api/v3/order/cancelReplace",                             CH_CLASS_TRADE   },
    {"binance", "DELETE", "/api/v3/openOrders",                                      CH_CLASS_CANCEL  },
    {"kraken",  "POST",   "/0/private/Withdraw",                                     CH_CLASS_WITHDRAW},
    {"kraken",  "POST",   "/0/private/WalletTransfer",                               CH_CLASS_TRANSFER},
    {"kraken",  "POST",   "/0/private/GetWebSocketsToken",                           CH_CLASS_SESSION },
    {"kraken",  "POST",   "/0/private/EditOrder",                                    CH_CLASS_TRADE   },
    {"kraken",  "POST",   "/0/private/CancelAll",                                    CH_CLASS_CANCEL  },
    {"kraken",  "POST",   "/0/private/Balance",                                      CH_CLASS_READ    },
};
/* clang-format on */

START_TEST(test_endpoints_that_move_money_have_their_class)
{
    char path[64];
    snprintf(path, sizeof path, "profiles/%s.yaml", classes[_i].profile);
    ch_profile *profile = load(path);
    ck_assert_str_eq(ch_profile_name(profile), classes[_i].profile);
    const ch_endpoint *endpoint = match(profile, classes[_i].method, classes[_i].path);
    ck_assert_str_eq(ch_class_name(ch_endpoint_class(endpoint)), ch_class_name(classes[_i].class_));
    ch_profile_free(profile);
}
END_TEST

/* clang-format off */
static const struct {
    const char *path;
    const char *wanted; /* NULL: none fits */
} paths[] = {
    /* path                      wanted */
    {"/api/v1/things/7",         "/api/v1/things/{id}"               },
    {"/api/v1/things/a-Z0._~:9", "/api/v1/things/{id}"               },
    {"/api/v1/things/all",       "/api/v1/things/all"                },
    {"/api/v1/things/BTC/of:12", "/api/v1/things/{symbol}/of:{count}"},
    {"/api/v1/things/",          NULL                                },
    {"/api/v1/things/.",         NULL                                },
    {"/api/v1/things/..",        NULL                                },
    {"/api/v1/things/7/",        NULL                                },
    {"/api/v1/things//7",        NULL                                },
    {"/api/v1/things/7%2F8",     NULL                                },
    {"/api/v1/things/7?x=1",     NULL                                },
    {"/api/v1/things/7;x",       NULL                                },
    {"/api/v1/things/7 8",       NULL                                },
    {"/api/v1/things/7+8",       NULL                                },
    {"/api/v1/things/\xc3\xa9",  NULL                                },
    {"/api/v1/things/BTC/of:",   NULL                                },
    {"/api/v1/things/BTC/if:12", NULL                                },
};
/* clang-format on */

START_TEST(test_a_parameter_in_the_path_is_plain)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_endpoint *endpoint = NULL;
    ch_request request = request_of("PUT", paths[_i].path, NULL, 0);
    ch_status st = ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err);
    ck_assert_msg((st == CH_OK) == (paths[_i].wanted != NULL), "%s: %s", paths[_i].path, err.message);
    if (st == CH_OK)
        ck_assert_str_eq(ch_endpoint_path(endpoint), paths[_i].wanted);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_call_at_two_hosts_needs_its_host)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = load("tests/profiles/oddball.yaml");
    const ch_endpoint *endpoint = NULL;
    ch_request request = request_of("PUT", "/api/v1/twin", NULL, 0);
    ck_assert_int_eq(ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "name one with"));
    request.host = CH_LITERAL("vault.oddball.example");
    ck_assert_int_eq(ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err), CH_OK);
    ck_assert_int_eq(ch_endpoint_class(endpoint), CH_CLASS_TRANSFER);
    request.host = CH_LITERAL("evil.example");
    ck_assert_int_eq(ch_environment_match(ch_profile_live(profile), &request, &endpoint, &err), CH_NOT_FOUND);
    ch_profile_free(profile);
}
END_TEST

CH_TESTS("match", CH_TEST_ROWS(test_a_path_matches_to_the_byte, calls),
         CH_TEST_ROWS(test_a_call_that_is_left_out_is_refused_with_the_reason, left_out),
         CH_TEST_ROWS(test_endpoints_that_move_money_have_their_class, classes),
         CH_TEST_ROWS(test_a_parameter_in_the_path_is_plain, paths), CH_TEST(test_a_call_at_two_hosts_needs_its_host))
