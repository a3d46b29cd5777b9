/* Who is meant is looked up once, when the policy is loaded: a name that is given to another user later means somebody
 * else, and the next reload says so. An entry that names nobody must never match everybody, so it does not load. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "base/names.h"
#include "base/users.h"
#include "conf/fields.h"
#include "conf/yaml.h"

#include <string.h>

#define LAST_ID (CH_ANY_ID - 1)
#define MADE_UP_IDS 0x40000000

/* ---- users and groups ---- */

/* A number that no user has here, for a name of another machine: the same in every policy, so that two can be
 * compared. */
static uid_t make_up(const char *name)
{
    return LAST_ID - ch_slice_hash(ch_slice_of(name)) % MADE_UP_IDS;
}

typedef ch_status (*ch_id_finder)(const char *text, unsigned *out, ch_error *err);

static ch_status read_id(const ch_value *value, ch_id_finder find, const char *number, unsigned *out, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    const char *name = NULL;
    ch_error reason = CH_ERROR_INIT;
    CH_TRY(ch_yaml_text(value->node, &name, err));
    if (ch_slice_count_digits(ch_slice_of(name)) == strlen(name))
        return ch_yaml_fail(value->node, err, "'%s' is a number; write '%s: %s'", name, number, name);
    if (load->source->is_elsewhere) {
        *out = make_up(name);
        return CH_OK;
    }
    if (find(name, out, &reason) == CH_OK)
        return CH_OK;
    return ch_yaml_fail(value->node, err, "%s on this machine; correct the name, or write '%s' and a number",
                        reason.message, number);
}

static ch_status read_user(const ch_value *value, ch_error *err)
{
    return read_id(value, ch_user_find, "uid", value->out, err);
}

static ch_status read_group(const ch_value *value, ch_error *err)
{
    return read_id(value, ch_group_find, "gid", value->out, err);
}

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

static ch_status check_once(const ch_yaml *map, const char *name, const char *number, ch_error *err)
{
    if (ch_yaml_get(map, name) != NULL && ch_yaml_get(map, number) != NULL)
        return ch_yaml_fail(map, err, "it has both '%s' and '%s'; say it once", name, number);
    return CH_OK;
}

static ch_status check_ids(const ch_yaml *map, const ch_ids *ids, ch_error *err)
{
    CH_TRY(check_once(map, "user", "uid", err));
    CH_TRY(check_once(map, "group", "gid", err));
    if (ids->uid == CH_ANY_ID && ids->gid == CH_ANY_ID)
        return ch_yaml_fail(map, err, "it does not say who is meant; add 'user' or 'uid', 'group' or 'gid'");
    CH_TRY(check_id(map, "uid", ids->uid, ch_overflow_uid(), err));
    return check_id(map, "gid", ids->gid, ch_overflow_gid(), err);
}

/* ---- callers ---- */

/* The name becomes that of a file in the agent's folder of sockets. */
static ch_status check_socket(const char *text, ch_error *err)
{
    _Static_assert(CH_NAME_MAX <= CH_PEER_SOCKET_MAX, "a peer can say it");
    if (ch_is_name(ch_slice_of(text)))
        return CH_OK;
    return ch_fail(err, CH_CONFIG,
                   "'%s' cannot be the name of a socket, which is a file in the agent's folder; use a-z, 0-9, '.', '_' "
                   "and '-', at most %d, and begin with a letter or a digit",
                   text, CH_NAME_MAX);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size > strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

/* systemd.unit(5) has the characters. */
static ch_status check_unit(const char *text, ch_error *err)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@");
    if (size <= CH_PEER_UNIT_MAX && text[size] == '\0' && (ends_with(text, ".service") || ends_with(text, ".scope")))
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "'%s' is no unit that a process can be in; write its full name, as in bot.service",
                   text);
}

static const ch_word role_words[] = {
    {"bot",   CH_CALLER_BOT  },
    {"feed",  CH_CALLER_FEED },
    {"relay", CH_CALLER_RELAY},
};
static const ch_words roles_of_callers = CH_WORDS("role", role_words);

/* clang-format off */
static const ch_field caller_fields[] = {
    /* name      required  reader            where                            bounds, check, words */
    { "user",    false,    read_user,        CH_MEMBER(ch_caller, ids.uid) },
    { "uid",     false,    ch_field_uint,    CH_MEMBER(ch_caller, ids.uid),   .max = LAST_ID },
    { "group",   false,    read_group,       CH_MEMBER(ch_caller, ids.gid) },
    { "gid",     false,    ch_field_uint,    CH_MEMBER(ch_caller, ids.gid),   .max = LAST_ID },
    { "socket",  false,    ch_field_text,    CH_MEMBER(ch_caller, socket),    .check = check_socket },
    { "unit",    false,    ch_field_text,    CH_MEMBER(ch_caller, unit),      .check = check_unit },
    { "role",    false,    ch_field_choice,  CH_MEMBER(ch_caller, role),      .words = &roles_of_callers },
    { "for",     false,    NULL,             CH_WHOLE }, /* when all callers are there: load_relays.c */
};
/* clang-format on */

static ch_status read_caller(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_caller *caller = value->out;
    caller->ids = (ch_ids){CH_ANY_ID, CH_ANY_ID};
    caller->name = ch_strdup(value->name);
    CH_TRY(ch_names_add_given(&load->callers, "a caller", caller->name, value->node,
                              (size_t)(caller - load->policy->callers), err));
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(caller_fields), caller, load, err));
    return check_ids(value->node, &caller->ids, err);
}

static const ch_entries callers = {
    "caller", CH_YAML_MAP, 0, CH_CALLERS_MAX, {.read = read_caller, .size = sizeof(ch_caller)}
};

ch_status ch_load_callers(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    return ch_load_append(value, &callers, &policy->callers, &policy->caller_count, err);
}

/* A socket is given to one user and one group, so who shares it must be the same two: such callers differ by their
 * units. */
static ch_status check_shared(const ch_policy_loader *load, size_t at, ch_error *err)
{
    const ch_caller *caller = &load->policy->callers[at];
    const ch_yaml *node = load->callers.rows[at].node;
    for (size_t i = 0; i < at; i++) {
        const ch_caller *other = &load->policy->callers[i];
        if (caller->socket == NULL || other->socket == NULL || strcmp(caller->socket, other->socket) != 0)
            continue;
        if (other->ids.uid != caller->ids.uid || other->ids.gid != caller->ids.gid)
            return ch_yaml_fail(node, err,
                                "'%s' shares the socket '%s' with '%s' (line %u), but they are not the same user and "
                                "group, and a socket belongs to one; give each a socket of its own",
                                caller->name, caller->socket, other->name, ch_yaml_line(load->callers.rows[i].node));
    }
    return CH_OK;
}

ch_status ch_finish_callers(ch_policy_loader *load, ch_error *err)
{
    for (size_t i = 0; i < load->policy->caller_count; i++)
        CH_TRY(check_shared(load, i, err));
    return ch_finish_relays(load, err);
}

/* ---- people ---- */

static const ch_word people_words[] = {
    {"operator", CH_ROLE_OPERATOR},
    {"approver", CH_ROLE_APPROVER},
    {"admin",    CH_ROLE_ADMIN   },
    {"auditor",  CH_ROLE_AUDITOR },
};
static const ch_words roles_of_people = CH_WORDS("role", people_words);

/* clang-format off */
static const ch_field person_fields[] = {
    /* name      required  reader            where                            bounds, words */
    { "user",    false,    read_user,        CH_MEMBER(ch_person, ids.uid) },
    { "uid",     false,    ch_field_uint,    CH_MEMBER(ch_person, ids.uid),   .max = LAST_ID },
    { "group",   false,    read_group,       CH_MEMBER(ch_person, ids.gid) },
    { "gid",     false,    ch_field_uint,    CH_MEMBER(ch_person, ids.gid),   .max = LAST_ID },
    { "roles",   true,     ch_field_set,     CH_MEMBER(ch_person, roles),     .words = &roles_of_people },
    { "totp",    false,    ch_load_seed,     CH_MEMBER(ch_person, seed) },
};
/* clang-format on */

static ch_status read_person(const ch_value *value, ch_error *err)
{
    ch_policy_loader *load = value->context;
    ch_person *person = value->out;
    person->ids = (ch_ids){CH_ANY_ID, CH_ANY_ID};
    person->name = ch_strdup(value->name);
    CH_TRY(ch_names_add_given(&load->people, "a person", person->name, value->node,
                              (size_t)(person - load->policy->people), err));
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(person_fields), person, load, err));
    if (person->roles == 0)
        return ch_yaml_fail(value->node, err, "'%s' has no role; add one to 'roles', or delete this entry",
                            person->name);
    if (person->seed.object_uri != NULL && person->ids.uid == CH_ANY_ID)
        return ch_yaml_fail(value->node, err,
                            "'%s' is a group, and a seed of codes belongs to one person; name each by 'user', with a "
                            "'totp' of their own",
                            person->name);
    return check_ids(value->node, &person->ids, err);
}

static const ch_entries people = {
    "person", CH_YAML_MAP, 0, 0, {.read = read_person, .size = sizeof(ch_person)}
};

ch_status ch_load_people(const ch_value *value, ch_error *err)
{
    ch_policy *policy = value->out;
    ((ch_policy_loader *)value->context)->people_at = value->node;
    return ch_load_append(value, &people, &policy->people, &policy->person_count, err);
}

/* Two names of one person could approve twice. */
static ch_status check_person(const ch_policy_loader *load, size_t at, ch_error *err)
{
    const ch_ids *ids = &load->policy->people[at].ids;
    for (size_t i = 0; i < at; i++) {
        const ch_ids *other = &load->policy->people[i].ids;
        if (other->uid == ids->uid && other->gid == ids->gid)
            return ch_yaml_fail(load->people.rows[at].node, err,
                                "'%s' and '%s' (line %u) are the same user and group, so that one person could approve "
                                "twice; give each a user of their own",
                                load->policy->people[at].name, load->policy->people[i].name,
                                ch_yaml_line(load->people.rows[i].node));
    }
    return CH_OK;
}

ch_status ch_finish_people(ch_policy_loader *load, ch_error *err)
{
    unsigned roles = 0;
    for (size_t i = 0; i < load->policy->person_count; i++) {
        CH_TRY(check_person(load, i, err));
        roles |= load->policy->people[i].roles;
    }
    if ((roles & CH_ROLE_OPERATOR) == 0)
        return ch_yaml_fail(load->people_at, err,
                            "nobody under 'people' has the role operator, so nobody could unlock a token; give it to "
                            "somebody");
    return CH_OK;
}
