/* At some exchanges a signature does not say which call it is for, so a read may open more than the bot is to have, and
 * is refused (docs/policy.md, Endpoint confusion). Whoever sets up hears what that would be, and says whether the key
 * may live with it; else nothing of it would ever be signed. */
#include "base/memory.h"
#include "base/slice.h"
#include "cli/setup_impl.h"
#include "exchange/check.h"
#include "exchange/confusion.h"
#include "exchange/match.h"

#include <string.h>

/* A read that can be asked for without parameters. */
typedef struct candidate {
    const ch_endpoint *endpoint; /* NULL if none was found yet */
    unsigned accepts;            /* what it takes besides */
    unsigned rank;               /* the lower the better */
} candidate;

/* Reads of what every account has come first. */
static unsigned rank_of(const char *path)
{
    static const struct {
        const char *word;
        unsigned rank;
    } words[] = {
        {"balance", 0},
        {"account", 0},
        {"wallet",  0},
        {"asset",   1},
        {"order",   1}
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasestr(path, words[i].word) != NULL)
            return words[i].rank;
    }
    return 2;
}

static unsigned allowed_classes(const ch_setup *setup)
{
    return 1U << CH_CLASS_READ | (setup->rights == CH_SETUP_READ ? 0 : 1U << CH_CLASS_CANCEL);
}

static bool is_plain(const ch_endpoint *endpoint)
{
    const char *method = ch_endpoint_method(endpoint);
    return ch_endpoint_class(endpoint) == CH_CLASS_READ && strchr(ch_endpoint_path(endpoint), '{') == NULL &&
           (strcmp(method, "GET") == 0 || strcmp(method, "POST") == 0);
}

/* Returns true if the request can be signed as it stands, once `*accepts` are accepted. */
static bool may_pass(const ch_setup *setup, const ch_endpoint *endpoint, const ch_key_traits *key, unsigned *accepts)
{
    ch_error ignored = CH_ERROR_INIT;
    const ch_endpoint *matched = NULL;
    ch_request request = {.method = ch_slice_of(ch_endpoint_method(endpoint)),
                          .path = ch_slice_of(ch_endpoint_path(endpoint))};
    if (!is_plain(endpoint) || !ch_environment_has(key->environment, endpoint) ||
        !ch_endpoint_takes_scheme(endpoint, setup->scheme) || ch_endpoint_kind(endpoint, 0) != NULL ||
        ch_environment_match(key->environment, &request, &matched, &ignored) != CH_OK || matched != endpoint ||
        ch_endpoint_check(endpoint, setup->scheme, &request, &ignored) != CH_OK)
        return false;
    unsigned missing = ch_endpoint_confused_classes(endpoint, setup->scheme, key, &request) & ~allowed_classes(setup);
    *accepts = missing == 0 ? 0 : ch_endpoint_acceptances_for(endpoint, setup->scheme, key, &request, missing);
    return missing == 0 || *accepts != 0;
}

/* Fewer acceptances are better, then a better rank, then a shorter path: those are of the exchange's main product. */
static bool is_better(const candidate *a, const candidate *b)
{
    int a_count = __builtin_popcount(a->accepts);
    int b_count = __builtin_popcount(b->accepts);
    if (b->endpoint == NULL || a_count != b_count)
        return b->endpoint == NULL || a_count < b_count;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return strlen(ch_endpoint_path(a->endpoint)) < strlen(ch_endpoint_path(b->endpoint));
}

static void consider(const ch_setup *setup, const ch_endpoint *endpoint, const ch_key_traits *key, candidate *best)
{
    candidate other = {.endpoint = endpoint, .rank = rank_of(ch_endpoint_path(endpoint))};
    if (may_pass(setup, endpoint, key, &other.accepts) && is_better(&other, best))
        *best = other;
}

static void list(const ch_setup *setup, unsigned accepts)
{
    const char *lets = NULL;
    const char *name;
    ch_setup_say(setup,
                 "   %s's signatures do not say which call they are for. What the bot may have signed is good\n"
                 "   for other calls as well; unless the policy accepts that, none of it is signed:\n",
                 ch_profile_title(setup->profile));
    for (size_t i = 0; (name = ch_profile_acceptance_at(setup->profile, i, &lets)) != NULL; i++) {
        if ((accepts & 1U << i) != 0)
            ch_setup_say(setup, "     %s, which lets it %s\n", name, lets);
    }
}

static void note_request(ch_setup *setup, const ch_endpoint *endpoint)
{
    ch_autobuffer words = CH_BUFFER_INIT;
    ch_buffer_add_format(&words, "%s %s", ch_endpoint_method(endpoint), ch_endpoint_path(endpoint));
    setup->first_request = ch_strdup(ch_buffer_text(&words));
}

ch_status ch_setup_ask_accepts(ch_setup *setup, ch_error *err)
{
    const ch_key_traits key = {.environment = ch_profile_environment(setup->profile, setup->environment)};
    const ch_endpoint *endpoint;
    candidate best = {0};
    bool is_accepted = false;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(setup->profile, i)) != NULL; i++)
        consider(setup, endpoint, &key, &best);
    if (best.accepts != 0) {
        list(setup, best.accepts);
        CH_TRY(ch_setup_ask_yes(setup, "accepts", "   Accept that for this key?", false, &is_accepted, err));
        if (!is_accepted)
            ch_setup_say(
                setup,
                "   Then nothing will be signed until policy.yaml says how; docs/policy.md, Endpoint confusion.\n");
    }
    if (best.endpoint == NULL)
        ch_setup_say(
            setup,
            "   Nothing will be signed with these rights alone: docs/policy.md, Endpoint confusion, says why.\n");
    setup->accepts = is_accepted ? best.accepts : 0;
    if (best.endpoint != NULL && (best.accepts == 0 || is_accepted))
        note_request(setup, best.endpoint);
    return CH_OK;
}
