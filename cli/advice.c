#include "cli/advice.h"

#include "base/buffer.h"
#include "base/utc.h"
#include "cli/jansson.h"

#include <string.h>

#define S_PER_DAY UINT64_C(86400)
#define SOON_DAYS 14

/* What is wrong if the exchange, or the agent, does not take a request; what to do. */
/* clang-format off */
static const struct {
    const char *trouble; /* of exchange/doctor.h, or of a problem document */
    const char *says;
    const char *then;
} rows[] = {
    /* trouble, says,
     * then */
    { "time", "the exchange does not take the time of our requests",
      "Set this machine's clock (timedatectl set-ntp true), and confirm it with 'chancery clock confirm' if the "
      "agent doubts it." },
    { "nonce", "the exchange has seen a higher nonce of this key",
      "Let nobody but the agent use the key; 'chancery nonce list' shows what it has counted, and 'chancery "
      "nonce raise' raises it." },
    { "signature", "the exchange does not take the signature",
      "The token holds another secret than the exchange has for this key. Compare with 'chancery key check', "
      "and import the right one." },
    { "key", "the exchange does not know the key, or it has expired or was switched off",
      "Compare the key's id in policy with the exchange's page, also whether that is live or a testnet. If it "
      "is gone, make a new one and 'chancery key rotate' to it." },
    { "passphrase", "the exchange does not take the key's pass phrase",
      "Give the agent the pass phrase that the key was made with; the exchange does not show it again." },
    { "address", "the key is bound to other addresses than ours",
      "Add the address that the relay's requests come from to the key, at the exchange." },
    { "key-or-address",
      "the exchange does not take the key, and does not say whether for its id, its addresses or its rights",
      "Look in this order: is the id in policy the exchange's, in this environment; is the key bound to other "
      "addresses than the relay's; may it read?" },
    { "key-or-signature", "the exchange does not take the credentials, and does not say which of them",
      "Look in this order: is the id in policy the exchange's, in this environment; does 'chancery key check' "
      "agree with the secret; is the clock right; is the key bound to other addresses?" },
    { "rights", "the key may not read at the exchange",
      "Give it the right to read there; without it, nothing can be told." },
    { "rate", "the exchange has had too many requests",
      "Ask again later; nothing is known of the key." },
    { "locked", "the token is locked, so nothing was asked",
      "An operator unlocks it with 'chancery unlock'." },
    { "refused", "policy does not let this caller make the call, so nothing was asked",
      "Let the caller `read` with this key, or ask as one that may." },
};
/* clang-format on */

/* ---- advice ---- */

static void add(json_t *advice, const char *level, const char *text)
{
    json_array_append_new(advice, json_pack("{s:s, s:o}", "level", level, "text", ch_jansson_text(text)));
}

static void add_trouble(json_t *advice, const char *trouble, const json_t *check)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    const char *said = ch_jansson_member(check, "said");
    size_t i = 0;
    while (i < sizeof rows / sizeof rows[0] && strcmp(rows[i].trouble, trouble) != 0)
        i++;
    if (i < sizeof rows / sizeof rows[0])
        ch_buffer_add_format(&text, "%s. %s", rows[i].says, rows[i].then);
    else if (strcmp(ch_jansson_member(check, "state"), "not-asked") == 0)
        ch_buffer_add_text(&text, "relay or agent did not ask the exchange, or do not know what came of it.");
    else
        ch_buffer_add_text(&text, "the exchange's answer means nothing that its profile knows.");
    if (*said != '\0')
        ch_buffer_add_format(&text, " It was said: %s", said);
    add(advice, "ill", ch_buffer_text(&text));
}

/* What no time could be told apart from is put down to the time, if that is wrong. */
static void advise_check(json_t *advice, const json_t *found)
{
    const json_t *check = json_object_get(found, "check");
    const char *trouble = ch_jansson_member(check, "trouble");
    bool is_late = strcmp(ch_jansson_member(json_object_get(found, "clock"), "state"), "wrong") == 0;
    if (strcmp(ch_jansson_member(check, "state"), "works") == 0)
        return;
    add_trouble(advice, is_late && strcmp(trouble, "key-or-signature") == 0 ? "time" : trouble, check);
}

static void advise_clock(json_t *advice, const json_t *found)
{
    const json_t *clock = json_object_get(found, "clock");
    const char *state = ch_jansson_member(clock, "state");
    json_int_t ahead_ms = json_integer_value(json_object_get(clock, "ahead_ms"));
    ch_autobuffer text = CH_BUFFER_INIT;
    if (strcmp(state, "wrong") != 0 && strcmp(state, "off") != 0)
        return;
    ch_buffer_add_format(&text, "our clock is %lld ms %s the exchange's. Set it (timedatectl set-ntp true)",
                         (long long)(ahead_ms < 0 ? -ahead_ms : ahead_ms), ahead_ms < 0 ? "behind" : "ahead of");
    ch_buffer_add_text(&text, strcmp(state, "wrong") == 0 ? "; requests are refused for their time, or will be."
                                                          : " before requests are refused for their time.");
    add(advice, strcmp(state, "wrong") == 0 ? "ill" : "warning", ch_buffer_text(&text));
}

static void advise_end(json_t *advice, const char *expires, uint64_t now_s)
{
    uint64_t end_s = 0;
    ch_autobuffer text = CH_BUFFER_INIT;
    if (!ch_utc_read(expires, &end_s) || end_s > now_s + SOON_DAYS * S_PER_DAY)
        return;
    ch_buffer_add_format(&text,
                         "the key %s at the exchange on %.10s. Make a new one there and 'chancery key rotate' to it.",
                         end_s <= now_s ? "expired" : "expires", expires);
    add(advice, end_s <= now_s ? "ill" : "warning", ch_buffer_text(&text));
}

static void advise_rights(json_t *advice, const json_t *rights, uint64_t now_s)
{
    if (json_is_true(json_object_get(rights, "withdraws")))
        add(advice, "warning",
            "the key may withdraw at the exchange. Take that right away there, unless policy lets someone withdraw "
            "with it.");
    if (json_is_false(json_object_get(rights, "is_bound")))
        add(advice, "warning",
            "the key is good from any address. Bind it, at the exchange, to the address that the relay's requests come "
            "from.");
    advise_end(advice, ch_jansson_member(rights, "expires"), now_s);
}

static const char *verdict_of(const json_t *advice)
{
    const char *verdict = "well";
    for (size_t i = 0; i < json_array_size(advice); i++) {
        const char *level = ch_jansson_member(json_array_get(advice, i), "level");
        if (strcmp(level, "ill") == 0)
            return "ill";
        verdict = "warning";
    }
    return verdict;
}

void ch_advise(json_t *found, uint64_t now_s)
{
    json_t *advice = json_array();
    json_object_set_new(found, "advice", advice);
    advise_clock(advice, found);
    advise_check(advice, found);
    advise_rights(advice, json_object_get(found, "rights"), now_s);
    json_object_set_new(found, "verdict", json_string(verdict_of(advice)));
}
