/* The text of policy.yaml, with a comment for whoever reads it for the first time. What is not answered is left out or
 * small: no entry is unlimited, and no class is allowed but those that were chosen. */
#include "base/encode.h"
#include "base/names.h"
#include "base/slice.h"
#include "cli/setup_impl.h"

#include <string.h>

#define BOT CH_SETUP_BOT
#define FEED "prices"
#define RELAY "relay"
/* As far as a relay that says so is believed: an order that was rejected took nothing of a limit. */
#define RELEASE ", relay_release: \"20 %\""

const char *ch_setup_token_name(const ch_setup *setup)
{
    return ch_is_name(ch_slice_of(setup->token)) ? setup->token : "main";
}

const char *ch_setup_person_name(const ch_setup *setup)
{
    return ch_is_name(ch_slice_of(setup->person)) ? setup->person : "operator";
}

/* In quotes, as YAML and JSON have them. */
static void add_text(ch_buffer *out, const char *before, const char *text, const char *after)
{
    ch_buffer_add_text(out, before);
    ch_encode_json(out, ch_slice_of(text));
    ch_buffer_add_text(out, after);
}

/* A user of the machine: by name, or by number. */
static void add_user(ch_buffer *out, const char *user)
{
    bool is_number = user[strspn(user, "0123456789")] == '\0';
    if (is_number)
        ch_buffer_add_format(out, "uid: %s", user);
    else
        add_text(out, "user: ", user, "");
}

/* ---- sections ---- */

static void add_who(const ch_setup *setup, ch_buffer *out)
{
    ch_buffer_add_text(out, "# Who may ask for signatures: users of this machine, as the kernel says who connects.\n"
                            "callers:\n"
                            "  " BOT ": { ");
    add_user(out, setup->bot);
    ch_buffer_add_text(out, " }\n");
    if (setup->trade.feed != NULL) {
        ch_buffer_add_text(out, "  # Reports reference prices, and has nothing signed; see docs/prices.md.\n"
                                "  " FEED ": { ");
        add_user(out, setup->trade.feed);
        ch_buffer_add_text(out, ", role: feed }\n");
    }
    if (setup->has_relay) {
        ch_buffer_add_text(
            out, "  # Sends what is signed for the bot, once, and reports what became of it; see docs/policy.md, "
                 "Relays.\n"
                 "  " RELAY ": { ");
        add_user(out, ch_setup_relay_user(setup));
        ch_buffer_add_text(out, ", socket: " CH_SETUP_RELAY_SOCKET ", role: relay, for: [" BOT "] }\n");
    }
    ch_buffer_add_format(out, "\n# Who unlocks, freezes and thaws.\npeople:\n  %s: { ", ch_setup_person_name(setup));
    add_user(out, setup->person);
    ch_buffer_add_text(out, ", roles: [operator, admin]");
    if (setup->has_codes)
        ch_buffer_add_format(out, ", totp: \"pkcs11:object=%s-totp\"", ch_setup_person_name(setup));
    ch_buffer_add_format(
        out,
        " }\n\n# An unlock ends by itself, so that a machine that is left alone does not sign for ever.\n"
        "tokens:\n  %s: { unlock: { for: 12h } }\n\n",
        ch_setup_token_name(setup));
}

static void add_prices(const ch_setup *setup, ch_buffer *out)
{
    bool has_feed = setup->trade.feed != NULL;
    if (setup->rights != CH_SETUP_TRADE)
        return;
    if (has_feed)
        ch_buffer_add_text(out,
                           "# Whose prices count: two of three must be fresh. One that jumps is held until somebody "
                           "looks.\n"
                           "prices:\n"
                           "  sources: [binance, kraken, coinbase]\n"
                           "  at_least: 2\n"
                           "  max_move: { by: \"10 %\", within: 10m }\n\n");
    else
        ch_buffer_add_text(out, "# Nobody reports prices, so only what a limit buy can pay has a value.\n");
    ch_buffer_add_format(out, "accounts:\n  own: { prices: %s }\n\n",
                         has_feed ? "median, reference_error: \"0.5 %\"" : "none");
}

/* What is not accepted, a refusal names. */
static void add_accepts(const ch_setup *setup, ch_buffer *out)
{
    const char *lets = NULL;
    const char *name;
    const char *before =
        "    # What its signatures are good for besides, and nobody judges; see docs/policy.md, Endpoint "
        "confusion.\n    accepts: [";
    if (setup->accepts == 0)
        return;
    for (size_t i = 0; (name = ch_profile_acceptance_at(setup->profile, i, &lets)) != NULL; i++) {
        if ((setup->accepts & 1U << i) == 0)
            continue;
        ch_buffer_add_format(out, "%s%s", before, name);
        before = ", ";
    }
    ch_buffer_add_text(out, "]\n");
}

static void add_key(const ch_setup *setup, ch_buffer *out)
{
    ch_buffer_add_format(out, "keys:\n  %s:\n", setup->key);
    if (setup->rights == CH_SETUP_TRADE)
        ch_buffer_add_text(out, "    account: own\n");
    ch_buffer_add_format(out,
                         "    token: %s\n    object: \"pkcs11:object=%s\"\n    profile: %s\n    environment: %s\n"
                         "    scheme: %s\n",
                         ch_setup_token_name(setup), setup->key, setup->exchange, setup->environment,
                         setup->scheme_name);
    if (setup->key_id[0] == '\0')
        ch_buffer_add_text(out, "    # To be filled in: the API key, as the exchange shows it.\n"
                                "    key_id: \"fill-in-the-api-key\"\n");
    else
        add_text(out, "    key_id: ", setup->key_id, "\n");
    if (setup->passphrase != NULL)
        add_text(out, "    passphrase: ", setup->passphrase, "\n");
    if (setup->has_relay)
        ch_buffer_add_text(out, "    # Nobody is handed what is signed but the relay, so each signature counts once.\n"
                                "    relay: only\n");
    if (setup->trade.counts_once)
        ch_buffer_add_text(out,
                           "    # Trusts the bot to send each signature once. Without this line, limits count each as "
                           "often as the\n"
                           "    # exchange would take it; see docs/policy.md, Uses of one signature.\n"
                           "    assume_uses: 1\n");
    add_accepts(setup, out);
    ch_buffer_add_byte(out, '\n');
}

static void add_allows(const ch_setup *setup, ch_buffer *out)
{
    bool has_feed = setup->trade.feed != NULL;
    ch_buffer_add_format(out,
                         "# What is allowed; everything else is refused.\nallow:\n"
                         "  - { name: looks%s, caller: " BOT ", key: %s, classes: [read%s] }\n",
                         setup->rights == CH_SETUP_READ ? "" : "-and-cancels", setup->key,
                         setup->rights == CH_SETUP_READ ? "" : ", cancel");
    if (setup->rights != CH_SETUP_TRADE)
        return;
    ch_buffer_add_format(out,
                         "  - name: trades\n    caller: " BOT "\n    key: %s\n    classes: [trade]\n"
                         "    markets: [spot]\n    symbols: [%s]\n%s    types: [limit]\n    limits: [%s]\n",
                         setup->key, setup->trade.symbols, has_feed ? "" : "    sides: [buy]\n",
                         has_feed ? "one-order, day-value, day-loss, near-the-market" : "one-order, day-value");
}

static void add_limits(const ch_setup *setup, ch_buffer *out)
{
    const ch_setup_trade *trade = &setup->trade;
    ch_buffer_add_text(out, "\n# Each limit that applies must hold.\nlimit:\n"
                            "  - { name: pace, caller: " BOT ", messages: 120, per: 1m, reserve_cancels: 20 }\n");
    if (setup->rights != CH_SETUP_TRADE)
        return;
    ch_buffer_add_format(out, "  - { name: one-order, order_value: \"%s %s\" }\n", trade->order_value, trade->asset);
    ch_buffer_add_format(out, "  - { name: day-value, value: \"%s %s\", per: 24h%s }\n", trade->day_value, trade->asset,
                         setup->has_relay ? RELEASE : "");
    if (trade->feed != NULL)
        ch_buffer_add_format(out,
                             "  # Once it is used up, only cancels pass, until an admin has looked: chancery thaw\n"
                             "  - { name: day-loss, loss: \"%s %s\", per: 24h%s, then: halted, until: operator }\n"
                             "  - { name: near-the-market, price_within: \"2 %%\", price_age: 10s }\n",
                             trade->day_loss, trade->asset, setup->has_relay ? RELEASE : "");
}

void ch_setup_add_policy(const ch_setup *setup, ch_buffer *out)
{
    ch_buffer_add_text(out,
                       "# Who may have what signed, and how much of it. Written by 'chancery setup'; it is yours to "
                       "change.\n"
                       "# docs/policy.md and policy.yaml(5) teach it. After a change:\n"
                       "#   chancery policy check, and then chancery reload\n"
                       "version: 1\n\n");
    add_who(setup, out);
    add_prices(setup, out);
    add_key(setup, out);
    add_allows(setup, out);
    add_limits(setup, out);
}
