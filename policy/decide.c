/* A new rule is a row in the table below, and a function that says no. The order of the rows decides only which rule a
 * refusal names, if several say no. */
#include "policy/decide.h"

#include "base/buffer.h"
#include "exchange/class.h"
#include "exchange/confusion.h"

#define EVERY_CLASS ((1U << CH_CLASS_COUNT) - 1)

/* A request, what the caller's grants for the key amount to together, and the rule that is being asked. */
typedef struct judging {
    const ch_facts *facts;
    size_t grant_count;
    unsigned classes;
    const char *rule;
} judging;

bool ch_policy_includes(const ch_callers *callers, const ch_peer *caller)
{
    bool is_any_user = callers->uid == CH_ANY_ID;
    bool is_any_group = callers->gid == CH_ANY_ID;
    if (is_any_user && is_any_group)
        return false; /* does not load; and if it did, it would name nobody */
    return (is_any_user || callers->uid == caller->uid) && (is_any_group || ch_peer_is_in_group(caller, callers->gid));
}

static judging add_grants(const ch_facts *facts)
{
    judging sum = {.facts = facts};
    const ch_key *key = facts->key;
    for (size_t i = 0; i < key->grant_count; i++) {
        if (ch_policy_includes(&key->grants[i].callers, facts->caller)) {
            sum.grant_count++;
            sum.classes |= key->grants[i].classes;
        }
    }
    return sum;
}

ch_status ch_policy_refuse_key(const ch_peer *caller, ch_slice key, ch_error *err)
{
    return ch_fail_rule(err, CH_REFUSED, "grant", "user %u has no grant for key '%.*s'", (unsigned)caller->uid,
                        CH_SLICE_ARGS(key));
}

/* ---- the rules ---- */

static ch_status need_grant(const judging *in, ch_error *err)
{
    if (in->grant_count > 0)
        return CH_OK;
    return ch_policy_refuse_key(in->facts->caller, ch_slice_of(in->facts->key->name), err);
}

static ch_status need_raw(const judging *in, ch_error *err)
{
    if (!in->facts->is_raw || in->facts->key->may_sign_raw)
        return CH_OK;
    return ch_fail_rule(err, CH_REFUSED, in->rule, "key '%s' signs no raw bytes: its policy does not say raw: true",
                        in->facts->key->name);
}

static ch_status need_kind(const judging *in, ch_error *err)
{
    if (in->facts->is_raw || in->facts->missing_kind == NULL)
        return CH_OK;
    return ch_fail_rule(err, CH_REFUSED, in->rule,
                        "only keys of kind '%s' can make this call, and the policy of key '%s' does not list that kind",
                        in->facts->missing_kind, in->facts->key->name);
}

static ch_status need_class(const judging *in, ch_error *err)
{
    ch_class own = in->facts->is_raw ? CH_CLASS_WITHDRAW : in->facts->class_; /* raw bytes may be a withdrawal */
    bool has_own = own < CH_CLASS_COUNT && (in->classes & 1U << own) != 0;
    unsigned missing = in->facts->needs & ~in->classes;
    if (has_own && missing == 0)
        return CH_OK;
    if (has_own)
        return ch_fail_rule(err, CH_REFUSED, in->rule,
                            "a value of this request needs class '%s', which user %u may not have signed with key '%s'",
                            ch_class_name((ch_class)__builtin_ctz(missing)), (unsigned)in->facts->caller->uid,
                            in->facts->key->name);
    return ch_fail_rule(err, CH_REFUSED, in->rule, "%suser %u may not have requests of class '%s' signed with key '%s'",
                        in->facts->is_raw ? "raw bytes need every class: " : "", (unsigned)in->facts->caller->uid,
                        ch_class_name(own), in->facts->key->name);
}

/* What besides a grant would help: the names that policy may accept, and what they let a caller do. */
static void add_acceptances(const ch_key *key, unsigned names, ch_buffer *out)
{
    const char *lets = NULL;
    const char *name;
    const char *separator = ", or set accepts: [";
    for (size_t i = 0; (name = ch_profile_acceptance_at(key->profile, i, &lets)) != NULL; i++) {
        if ((names & 1U << i) == 0)
            continue;
        ch_buffer_add_format(out, "%s%s", separator, name);
        separator = ", ";
    }
    ch_buffer_add_format(out, "] in policy for key '%s', which lets callers ", key->name);
    separator = "";
    for (size_t i = 0; ch_profile_acceptance_at(key->profile, i, &lets) != NULL; i++) {
        if ((names & 1U << i) == 0)
            continue;
        ch_buffer_add_format(out, "%s%s", separator, lets);
        separator = "; ";
    }
}

/* Names the call that stands in the way, and all acceptances that the request needs: first those for `missing`, and if
 * no names can be enough for all of it, those for its first class. */
static void explain_confusion(const ch_facts *facts, unsigned missing, ch_buffer *out)
{
    const ch_key *key = facts->key;
    ch_class first = (ch_class)__builtin_ctz(missing);
    if (facts->endpoint == NULL)
        return;
    const ch_endpoint *other =
        ch_endpoint_confused_with(facts->endpoint, key->scheme, &key->traits, facts->request, first);
    unsigned names = ch_endpoint_acceptances_for(facts->endpoint, key->scheme, &key->traits, facts->request, missing);
    if (names == 0)
        names = ch_endpoint_acceptances_for(facts->endpoint, key->scheme, &key->traits, facts->request, 1U << first);
    if (other != NULL)
        ch_buffer_add_format(out, ", as in %s %s", ch_endpoint_method(other), ch_endpoint_path(other));
    ch_buffer_add_text(out, "; grant that class");
    if (names != 0)
        add_acceptances(key, names, out);
}

static ch_status need_confused_classes(const judging *in, ch_error *err)
{
    unsigned missing = (in->facts->is_raw ? EVERY_CLASS : in->facts->classes) & ~in->classes;
    if (missing == 0)
        return CH_OK;
    const char *first = ch_class_name((ch_class)__builtin_ctz(missing));
    unsigned user = (unsigned)in->facts->caller->uid;
    if (in->facts->is_raw)
        return ch_fail_rule(err, CH_REFUSED, in->rule,
                            "raw bytes need every class: user %u has no grant of class '%s' for key '%s'", user, first,
                            in->facts->key->name);
    ch_autobuffer more = CH_BUFFER_INIT;
    explain_confusion(in->facts, missing, &more);
    return ch_fail_rule(err, CH_REFUSED, in->rule,
                        "this signature would also open an endpoint of class '%s', for which user %u has no grant: the "
                        "exchange's signature does not cover what tells them apart%s",
                        first, user, ch_buffer_text(&more));
}

enum { RULE_GRANT };

/* clang-format off */
static const struct {
    const char *name;
    ch_status (*check)(const judging *in, ch_error *err);
} rules[] = {
    /*              name         refuses unless it holds */
    [RULE_GRANT] = { "grant",     need_grant },
                   { "raw",       need_raw },
                   { "kind",      need_kind },
                   { "class",     need_class },
                   { "confusion", need_confused_classes },
};
/* clang-format on */

static ch_status ask(size_t rule, judging *in, ch_error *err)
{
    in->rule = rules[rule].name;
    return rules[rule].check(in, err);
}

/* ---- decisions ---- */

ch_status ch_policy_decide(const ch_facts *facts, ch_error *err)
{
    judging in = add_grants(facts);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        CH_TRY(ask(i, &in, err));
    return CH_OK;
}

ch_status ch_policy_admit(const ch_key *key, const ch_peer *caller, ch_error *err)
{
    const ch_facts facts = {.key = key, .caller = caller};
    judging in = add_grants(&facts);
    return ask(RULE_GRANT, &in, err);
}

bool ch_policy_may_see(const ch_key *key, const ch_peer *caller)
{
    const ch_facts facts = {.key = key, .caller = caller};
    return add_grants(&facts).grant_count > 0;
}

bool ch_policy_knows(const ch_policy *policy, const ch_peer *caller)
{
    for (size_t i = 0; i < policy->known_count; i++) {
        if (ch_policy_includes(&policy->known[i], caller))
            return true;
    }
    return false;
}

bool ch_policy_is_operator(const ch_policy *policy, const ch_peer *caller)
{
    for (size_t i = 0; i < policy->operator_count; i++) {
        if (ch_policy_includes(&policy->operators[i], caller))
            return true;
    }
    return false;
}
