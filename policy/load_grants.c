/* An entry that names no caller must never match every caller, so it does not load. */
#include "policy/load.h"

#include "base/memory.h"
#include "base/users.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "exchange/class.h"

#define MESSAGES_MAX 1000000

static ch_status read_classes(const ch_value *value, ch_error *err)
{
    CH_TRY(ch_classes_read(value->node, value->out, err));
    if (ch_yaml_count(value->node) == 0)
        return ch_yaml_fail(value->node, err, "there must be at least 1 class; delete a grant that grants nothing");
    return CH_OK;
}

/* clang-format off */
static const ch_field operator_fields[] = {
    /* name       required  reader          where                               bounds */
    { "uid",      false,    ch_field_uint,  CH_MEMBER(ch_callers, uid),           .max = CH_ANY_ID - 1 },
    { "gid",      false,    ch_field_uint,  CH_MEMBER(ch_callers, gid),           .max = CH_ANY_ID - 1 },
};

static const ch_field grant_fields[] = {
    /* name       required  reader          where                               bounds */
    { "uid",      false,    ch_field_uint,  CH_MEMBER(ch_grant, callers.uid),     .max = CH_ANY_ID - 1 },
    { "gid",      false,    ch_field_uint,  CH_MEMBER(ch_grant, callers.gid),     .max = CH_ANY_ID - 1 },
    { "classes",  true,     read_classes,   CH_MEMBER(ch_grant, classes) },
};

static const ch_field limit_fields[] = {
    /* name                  required  reader          where                                        bounds */
    { "uid",                 false,    ch_field_uint,  CH_MEMBER(ch_limit, callers.uid),              .max = CH_ANY_ID - 1 },
    { "gid",                 false,    ch_field_uint,  CH_MEMBER(ch_limit, callers.gid),              .max = CH_ANY_ID - 1 },
    { "messages_per_second", true,     ch_field_uint,  CH_MEMBER(ch_limit, messages_per_second),      .min = 1, .max = MESSAGES_MAX },
    { "burst",               false,    ch_field_uint,  CH_MEMBER(ch_limit, burst),                    .min = 1, .max = MESSAGES_MAX },
};
/* clang-format on */

/* The overflow ids name nobody: a user namespace shows everybody so whom it does not map, and outside of one they are
 * those of 'nobody', which strangers share. */
static ch_status check_id(const ch_yaml *node, const char *field, uid_t id, uid_t overflow, ch_error *err)
{
    if (id != overflow)
        return CH_OK;
    return ch_yaml_fail(
        node, err,
        "%s %u may be anybody (the kernel shows every id so that a user namespace does not map, and it is "
        "usually 'nobody'); name a user or group of the caller's own",
        field, (unsigned)id);
}

static ch_status check_callers(const ch_yaml *node, const ch_callers *callers, ch_error *err)
{
    if (callers->uid == CH_ANY_ID && callers->gid == CH_ANY_ID)
        return ch_yaml_fail(node, err, "this entry does not say who is meant; give it a 'uid', a 'gid' or both");
    CH_TRY(check_id(node, "uid", callers->uid, ch_overflow_uid(), err));
    return check_id(node, "gid", callers->gid, ch_overflow_gid(), err);
}

static ch_status read_operator(const ch_value *value, ch_error *err)
{
    ch_callers *callers = value->out;
    *callers = (ch_callers){CH_ANY_ID, CH_ANY_ID};
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(operator_fields), callers, NULL, err));
    return check_callers(value->node, callers, err);
}

static ch_status read_grant(const ch_value *value, ch_error *err)
{
    ch_grant *grant = value->out;
    grant->callers = (ch_callers){CH_ANY_ID, CH_ANY_ID};
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(grant_fields), grant, NULL, err));
    return check_callers(value->node, &grant->callers, err);
}

static ch_status read_limit(const ch_value *value, ch_error *err)
{
    ch_limit *limit = value->out;
    *limit = (ch_limit){
        .callers = {CH_ANY_ID, CH_ANY_ID}
    };
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(limit_fields), limit, NULL, err));
    if (limit->burst == 0)
        limit->burst = limit->messages_per_second;
    return check_callers(value->node, &limit->callers, err);
}

static const ch_entries operators = {
    "operator", CH_YAML_LIST, .min = 1, .entry = {.read = read_operator, .size = sizeof(ch_callers)}
};
static const ch_entries grants = {
    "grant", CH_YAML_LIST, .entry = {.read = read_grant, .size = sizeof(ch_grant)}
};

static const ch_entries limits = {
    "limit", CH_YAML_LIST, .entry = {.read = read_limit, .size = sizeof(ch_limit)}
};

ch_status ch_policy_read_operators(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    policy->operators = ch_alloc(ch_yaml_count(value->node) * sizeof *policy->operators);
    return ch_entries_read(value->node, &operators, policy->operators, &policy->operator_count, NULL, err);
}

ch_status ch_policy_read_limits(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    policy->limits = ch_alloc(ch_yaml_count(value->node) * sizeof *policy->limits);
    return ch_entries_read(value->node, &limits, policy->limits, &policy->limit_count, NULL, err);
}

ch_status ch_policy_read_grants(const ch_value *value, ch_error *err)
{
    ch_key *key = value->out;
    key->grants = ch_alloc(ch_yaml_count(value->node) * sizeof *key->grants);
    return ch_entries_read(value->node, &grants, key->grants, &key->grant_count, NULL, err);
}
