/* What unlocks need, and when they end: of tokens, and of keys. */
#include "policy/differences_impl.h"

#include "policy/period.h"

#include <string.h>

static void print_end(uint64_t ns, ch_buffer *out)
{
    if (ns == 0)
        ch_buffer_add_text(out, "no end");
    else
        ch_duration_print(ns, out);
}

static void compare_end(ch_saying_of *to, const char *what, uint64_t one, uint64_t other)
{
    ch_autobuffer old_text = CH_BUFFER_INIT;
    ch_autobuffer new_text = CH_BUFFER_INIT;
    print_end(one, &old_text);
    print_end(other, &new_text);
    if (one != other)
        ch_say_figure(to, ch_direction_of_end(one, other), what, ch_buffer_text(&new_text), ch_buffer_text(&old_text));
}

static void compare_flag(ch_saying_of *to, const char *what, bool one, bool other)
{
    if (one != other)
        ch_say_difference(to, other ? CH_WIDER : CH_NARROWER, "%s '%s': an unlock %s %s", to->of.about, to->of.name,
                          other ? "may now" : "may no longer", what);
}

void ch_compare_unlock_ends(const ch_unlock_ends *one, const ch_unlock_ends *other, ch_saying_of *to)
{
    compare_end(to, "'for' of an unlock", one->for_ns, other->for_ns);
    compare_end(to, "'idle' of an unlock", one->idle_ns, other->idle_ns);
    compare_flag(to, "survive a freeze", !one->by_freeze, !other->by_freeze);
}

/* Every unlock takes the PIN. */
static void compare_factors(const char *whose, unsigned one, unsigned other, ch_saying_of *to)
{
    if (one != other)
        ch_say_difference(to, (other & CH_FACTOR_CODE) == 0 ? CH_WIDER : CH_NARROWER, "%s needs %s now", whose,
                          (other & CH_FACTOR_CODE) == 0 ? "the PIN alone" : "PIN and code");
}

static void compare_unlock(const ch_unlock_rule *one, const ch_unlock_rule *other, ch_saying_of *to)
{
    ch_compare_unlock_ends(&one->ends, &other->ends, to);
    compare_flag(to, "be unattended", one->is_unattended, other->is_unattended);
    compare_flag(to, "survive a suspend", one->survives_suspend, other->survives_suspend);
    compare_flag(to, "survive that the token is taken out", one->survives_removal, other->survives_removal);
}

static void compare_token(const ch_policy *old_policy, const ch_unlock_rule *one, const ch_policy *new_policy,
                          const ch_unlock_rule *other, ch_saying_of *to)
{
    ch_autobuffer whose = CH_BUFFER_INIT;
    ch_buffer_add_format(&whose, "token '%s': an unlock", to->of.name);
    compare_factors(ch_buffer_text(&whose), ch_policy_factors_by(old_policy, one),
                    ch_policy_factors_by(new_policy, other), to);
    compare_unlock(one, other, to);
}

static const ch_unlock_rule *find_unlock(const ch_policy *policy, const char *token)
{
    for (size_t i = 0; i < policy->token_count; i++) {
        if (strcmp(policy->tokens[i].name, token) == 0)
            return &policy->tokens[i].unlock;
    }
    return NULL;
}

/* Compares the tokens that the new policy names; with `is_gone`, those that only the old one names. */
static void compare_tokens(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to, bool is_gone)
{
    const ch_policy *policy = is_gone ? old_policy : new_policy;
    for (size_t i = 0; i < policy->token_count; i++) {
        const char *name = policy->tokens[i].name;
        const ch_unlock_rule *one = find_unlock(old_policy, name);
        const ch_unlock_rule *other = find_unlock(new_policy, name);
        ch_saying_of of = {
            .reader = to->reader, .of = {.about = "token", .name = name}
        };
        if (!is_gone || other == NULL)
            compare_token(old_policy, one == NULL ? &ch_unlock_default : one, new_policy,
                          other == NULL ? &ch_unlock_default : other, &of);
        to->count += of.count;
    }
}

void ch_compare_unlocks(const ch_policy *old_policy, const ch_policy *new_policy, ch_saying_of *to)
{
    /* Of tokens that the policies do not name. */
    compare_factors("an unlock of a token", ch_policy_factors_by(old_policy, &ch_unlock_default),
                    ch_policy_factors_by(new_policy, &ch_unlock_default), to);
    compare_tokens(old_policy, new_policy, to, false);
    compare_tokens(old_policy, new_policy, to, true);
}
