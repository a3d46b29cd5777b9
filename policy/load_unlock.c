/* What an unlock needs and how long it lasts: `tokens`, and `unlock` of keys. A key's may end sooner than its token's,
 * never later: what the token no longer signs, no key does. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "conf/yaml.h"

#include <string.h>

#define SHORTEST_NS 1000000000ULL

/* ---- when it ends ---- */

static ch_status read_end(const ch_value *value, ch_error *err)
{
    uint64_t *ns = value->out;
    CH_TRY(ch_field_duration(value, err));
    if (*ns < SHORTEST_NS)
        return ch_yaml_fail(value->node, err, "an unlock of less than a second is of no use; write 1s or more");
    return CH_OK;
}

/* An unlock that does not survive a freeze ends by one. */
static ch_status read_freeze(const ch_value *value, ch_error *err)
{
    bool *by_freeze = value->out;
    CH_TRY(ch_field_bool(value, err));
    *by_freeze = !*by_freeze;
    return CH_OK;
}

/* Pointless times are mistakes: whoever wrote them believes in an end that never comes. */
static ch_status check_ends(const ch_yaml *map, const ch_unlock_ends *ends, ch_error *err)
{
    if (ends->for_ns != 0 && ends->idle_ns >= ends->for_ns)
        return ch_yaml_fail(map, err,
                            "'idle' must be shorter than 'for', which ends the unlock before; correct one of them");
    return CH_OK;
}

/* ---- tokens ---- */

static const ch_word factor_words[] = {
    {"pin",  CH_FACTOR_PIN },
    {"code", CH_FACTOR_CODE},
};
static const ch_words factors = CH_WORDS("factor", factor_words);

static ch_status read_factors(const ch_value *value, ch_error *err)
{
    const unsigned *given = value->out;
    CH_TRY(ch_field_set(value, err));
    return (*given & CH_FACTOR_PIN) != 0
               ? CH_OK
               : ch_yaml_fail(value->node, err, "a token is never unlocked without its PIN; add pin to 'factors'");
}

/* clang-format off */
static const ch_field unlock_fields[] = {
    /* name                required  reader          where                                           words */
    { "factors",           false,    read_factors,   CH_MEMBER(ch_unlock_rule, factors),             .words = &factors },
    { "for",               false,    read_end,       CH_MEMBER(ch_unlock_rule, ends.for_ns) },
    { "idle",              false,    read_end,       CH_MEMBER(ch_unlock_rule, ends.idle_ns) },
    { "unattended",        false,    ch_field_bool,  CH_MEMBER(ch_unlock_rule, is_unattended) },
    { "survives_suspend",  false,    ch_field_bool,  CH_MEMBER(ch_unlock_rule, survives_suspend) },
    { "survives_removal",  false,    ch_field_bool,  CH_MEMBER(ch_unlock_rule, survives_removal) },
    { "survives_freeze",   false,    read_freeze,    CH_MEMBER(ch_unlock_rule, ends.by_freeze) },
};
/* clang-format on */

static ch_status read_unlock(const ch_value *value, ch_error *err)
{
    ch_unlock_rule *rule = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(unlock_fields), rule, value->context, err));
    return check_ends(value->node, &rule->ends, err);
}

/* clang-format off */
static const ch_field token_fields[] = {
    /* name    required  reader       where */
    { "unlock", false,   read_unlock, CH_MEMBER(ch_token_rule, unlock) },
};
/* clang-format on */

ch_status ch_load_token_name(const ch_policy_loader *load, const ch_yaml *node, const char *name, size_t *out,
                             ch_error *err)
{
    const ch_policy_source *source = load->source;
    for (*out = 0; *out < source->token_count; (*out)++) {
        if (strcmp(source->tokens[*out], name) == 0)
            return CH_OK;
    }
    if (source->is_elsewhere)
        return CH_OK;
    return ch_yaml_fail(node, err, "agent.yaml has no token '%s'", name);
}

static ch_status read_token(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_token_rule *token = value->out;
    token->name = ch_strdup(value->name);
    token->unlock = ch_unlock_default;
    CH_TRY(ch_names_add(&load->tokens, token->name, value->node, (size_t)(token - load->policy->tokens), err));
    CH_TRY(ch_load_token_name(load, value->node, token->name, &token->token, err));
    return ch_fields_read(value->node, CH_FIELDS(token_fields), token, load, err);
}

static const ch_entries tokens = {
    "token", CH_YAML_MAP, 0, CH_TOKENS_MAX, {.read = read_token, .size = sizeof(ch_token_rule)}
};

ch_status ch_load_tokens(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    return ch_load_append(value, &tokens, &policy->tokens, &policy->token_count, err);
}

/* ---- keys ---- */

/* clang-format off */
static const ch_field key_fields[] = {
    /* name               required  reader       where */
    { "for",              false,    read_end,    CH_MEMBER(ch_unlock_ends, for_ns) },
    { "idle",             false,    read_end,    CH_MEMBER(ch_unlock_ends, idle_ns) },
    { "survives_freeze",  false,    read_freeze, CH_MEMBER(ch_unlock_ends, by_freeze) },
};
/* clang-format on */

ch_status ch_load_key_unlock(const ch_value *value, ch_error *err)
{
    ch_unlock_ends *ends = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(key_fields), ends, value->context, err));
    return check_ends(value->node, ends, err);
}

ch_status ch_check_key_unlock(const ch_policy_loader *load, const ch_yaml *map, const ch_key *key, ch_error *err)
{
    const char *token = NULL;
    const ch_yaml *node = ch_yaml_get(map, "unlock");
    if (node == NULL)
        return CH_OK;
    CH_TRY(ch_yaml_text(ch_yaml_get(map, "token"), &token, err));
    const ch_name_row *row = ch_names_find(&load->tokens, token);
    if (row == NULL)
        return CH_OK;
    uint64_t most_ns = load->policy->tokens[row->index].unlock.ends.for_ns;
    if (most_ns != 0 && key->unlock.for_ns >= most_ns)
        return ch_yaml_fail(node, err,
                            "'for' must be shorter than that of token '%s' (line %u), which ends the unlock before; "
                            "correct one of them",
                            token, ch_yaml_line(row->node));
    return CH_OK;
}
