/* decide: what one decision costs, of a policy and its levels, for the order that the load generator sends: reading
 * what it means, judging it, and taking from its windows. CPU time of this one thread, the best of a few batches.
 *
 * Usage: decide POLICY PROFILES [--json]. The policy must have a key `hmac`, and callers of this user. */
#include "base/clock.h"
#include "exchange/check.h"
#include "exchange/match.h"
#include "policy/judging.h"
#include "policy/load.h"
#include "tests/bench/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCHES 9
#define DECISIONS 20000

static ch_error err;

static struct {
    ch_policy policy;
    const ch_key *key;
    ch_caller_set callers;
    ch_param params[7];
    ch_request request;
    const ch_endpoint *endpoint;
    ch_prices *prices;
    ch_levels *levels;
    ch_judging judging;
} in;

static void must(ch_status st)
{
    if (st != CH_OK)
        die("%s [%s]", err.message, err.rule);
}

static void load(const char *policy, const char *profiles)
{
    static const char *const tokens[] = {"main"};
    const ch_policy_source source = {.path = policy, .profiles_folder = profiles, .tokens = tokens, .token_count = 1};
    ch_peer peer = {.uid = getuid(), .gid = getgid()};
    must(ch_policy_load(&source, &in.policy, &err));
    in.key = ch_policy_find_key(&in.policy, CH_LITERAL("hmac"));
    if (in.key == NULL || !ch_policy_identify(&in.policy, &peer, &in.callers))
        die("the policy has no key 'hmac', or no caller of this user");
}

static void make_request(void)
{
    static const char *const texts[][2] = {
        {"symbol",      "LTCBTC"},
        {"side",        "BUY"   },
        {"type",        "LIMIT" },
        {"timeInForce", "GTC"   },
        {"quantity",    "1"     },
        {"price",       "0.1"   },
        {"recvWindow",  "5000"  },
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        in.params[i] =
            (ch_param){.kind = CH_PARAM_TEXT, .name = ch_slice_of(texts[i][0]), .value = ch_slice_of(texts[i][1])};
    in.request = (ch_request){.method = CH_LITERAL("POST"),
                              .path = CH_LITERAL("/api/v3/order"),
                              .params = in.params,
                              .param_count = sizeof texts / sizeof *texts};
    must(ch_environment_match(in.key->traits.environment, &in.request, &in.endpoint, &err));
    must(ch_endpoint_check(in.endpoint, in.key->scheme, &in.request, &err));
}

static uint64_t now_ns(void)
{
    ch_moment now;
    if (!ch_moment_now(&now))
        die("the clock shows no time that could be right");
    return now.wall_ns;
}

static void decide(uint64_t now, bool is_dry)
{
    ch_taken taken[CH_CHARGES_MAX];
    ch_asked asked = {.policy = &in.policy,
                      .key = in.key,
                      .callers = &in.callers,
                      .endpoint = in.endpoint,
                      .request = &in.request,
                      .now_ns = now};
    must(ch_judging_read(&in.judging, &asked, &err));
    in.judging.question.prices = in.prices;
    must(ch_policy_judge(&in.judging.question, &in.judging.judgement, &err));
    must(ch_judgement_take(&in.judging.judgement, &in.judging.question, in.levels, is_dry, taken, &err));
}

static double batch_ns(void)
{
    uint64_t began = cpu_ns();
    for (size_t i = 0; i < DECISIONS; i++)
        decide(now_ns(), false);
    return (double)(cpu_ns() - began) / DECISIONS;
}

int main(int argc, char **argv)
{
    ch_quote_outcome outcome;
    double best = 0;
    if (argc < 3)
        die("usage: decide POLICY PROFILES [--json]");
    load(argv[1], argv[2]);
    make_request();
    in.levels = ch_levels_new();
    in.prices = ch_prices_new();
    ch_levels_set_policy(in.levels, &in.policy, now_ns());
    ch_prices_set_rules(in.prices, &in.policy.prices);
    ch_quote quote = {CH_LITERAL("bench"), CH_LITERAL("LTC/BTC"), ch_decimal_of(1), now_ns()};
    if (!ch_decimal_read(CH_LITERAL("0.1"), &quote.price))
        die("no price");
    must(ch_prices_put(in.prices, &quote, quote.quoted_ns, &outcome, &err));
    ch_judging_init(&in.judging);
    for (int i = 0; i < BATCHES; i++) {
        double ns = batch_ns();
        best = i == 0 || ns < best ? ns : best;
    }
    printf(argc > 3 ? "{\"decision_us\": %.3f, \"entries\": %zu, \"charges\": %zu}\n"
                    : "%.3f us for a decision; %zu entries, %zu charges\n",
           best / 1000, in.policy.entry_count, in.judging.judgement.charge_count);
    return 0;
}
