/* What is asked must be what anybody may ask: besides the time, a call is an endpoint of class read, so that a doctor
 * can never do harm, whatever a profile says. */
#include "exchange/load_doctor.h"

#include "base/memory.h"
#include "exchange/doctor.h"
#include "exchange/load_endpoints.h"
#include "exchange/load_environments.h"
#include "exchange/load_meanings.h"

#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

static const ch_word unit_words[] = {
    {"s",    CH_DOCTOR_S   },
    {"ms",   CH_DOCTOR_MS  },
    {"us",   CH_DOCTOR_US  },
    {"ns",   CH_DOCTOR_NS  },
    {"iso",  CH_DOCTOR_ISO },
    {"days", CH_DOCTOR_DAYS},
};
static const ch_words units = CH_WORDS("unit of time", unit_words);

static const ch_word means_words[] = {
    {"withdraws", CH_DOCTOR_WITHDRAWS},
    {"transfers", CH_DOCTOR_TRANSFERS},
    {"trades",    CH_DOCTOR_TRADES   },
    {"is-bound",  CH_DOCTOR_IS_BOUND },
    {"expires",   CH_DOCTOR_EXPIRES  },
};
static const ch_words means = CH_WORDS("fact about a key", means_words);

static const ch_word trouble_words[] = {
    {"time",             CH_DOCTOR_TIME            },
    {"nonce",            CH_DOCTOR_NONCE           },
    {"signature",        CH_DOCTOR_SIGNATURE       },
    {"key",              CH_DOCTOR_KEY             },
    {"passphrase",       CH_DOCTOR_PASSPHRASE      },
    {"address",          CH_DOCTOR_ADDRESS         },
    {"key-or-address",   CH_DOCTOR_KEY_OR_ADDRESS  },
    {"key-or-signature", CH_DOCTOR_KEY_OR_SIGNATURE},
    {"rights",           CH_DOCTOR_RIGHTS          },
    {"rate",             CH_DOCTOR_RATE            },
};
static const ch_words troubles = CH_WORDS("trouble", trouble_words);

const char *ch_doctor_means_name(ch_doctor_means value)
{
    return ch_words_text(&means, value);
}

const char *ch_doctor_trouble_name(ch_doctor_trouble value)
{
    return ch_words_text(&troubles, value);
}

const ch_doctor *ch_profile_doctor(const ch_profile *profile)
{
    return profile->doctor;
}

/* ---- places ---- */

/* One part of a place: a name, a star, or "[name=value]". */
static bool is_part(const char *at, size_t size)
{
    if (size == 0)
        return false;
    if (at[0] != '[')
        return memchr(at, '*', size) == NULL || size == 1;
    const char *equals = memchr(at, '=', size);
    return at[size - 1] == ']' && equals != NULL && equals > at + 1 && equals < at + size - 2;
}

static ch_status check_place(const char *place, ch_error *err)
{
    const char *text = place;
    bool is_good = text[0] == '/';
    for (size_t size = 0; is_good && *text != '\0'; text += 1 + size) {
        size = strcspn(text + 1, "/");
        is_good = is_part(text + 1, size);
    }
    return is_good ? CH_OK
                   : ch_fail(err, CH_CONFIG,
                             "'%s' is no place in an answer; write it as in /data/0/name, /list/* or "
                             "/list/[name=value]/member",
                             place);
}

static ch_status read_member(const ch_value *value, ch_error *err)
{
    ch_doctor_member *member = value->out;
    ch_error reason = CH_ERROR_INIT;
    member->at = ch_strdup(value->name);
    if (check_place(value->name, &reason) != CH_OK)
        return ch_yaml_fail(value->node, err, "%s", reason.message);
    CH_TRY(ch_texts_read(value->node, &member->values, &member->value_count, err));
    return member->value_count > 0 ? CH_OK : ch_yaml_fail(value->node, err, "there must be at least 1 value");
}

static const ch_entries members = {
    "member", CH_YAML_MAP, 1, CH_DOCTOR_MEMBERS_MAX, {.read = read_member, .size = sizeof(ch_doctor_member)}
};

static ch_status read_works(const ch_value *value, ch_error *err)
{
    ch_doctor_check *check = value->out;
    return ch_entries_read(value->node, &members, check->works, &check->works_count, NULL, err);
}

static ch_status read_where(const ch_value *value, ch_error *err)
{
    ch_doctor_error *error = value->out;
    return ch_entries_read(value->node, &members, error->where, &error->where_count, NULL, err);
}

/* ---- calls ---- */

static ch_status check_call(const char *call, ch_error *err)
{
    const char *method = ch_call_method(call);
    if (method != NULL && (strcmp(method, "GET") == 0 || strcmp(method, "POST") == 0) &&
        call[strlen(method) + 1] == '/')
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "write 'call' as GET or POST and a path, such as GET /api/v3/account");
}

static ch_status check_path(const char *path, ch_error *err)
{
    return path[0] == '/' ? CH_OK : ch_fail(err, CH_CONFIG, "'%s' is not the path of a call by GET", path);
}

/* clang-format off */
static const ch_field answer_fields[] = {
    /* name   required  reader          where                             check */
    { "get",  true,     ch_field_text,  CH_MEMBER(ch_doctor_param, path), .check = check_path },
    { "at",   true,     ch_field_text,  CH_MEMBER(ch_doctor_param, at),   .check = check_place },
};
/* clang-format on */

static ch_status read_param(const ch_value *value, ch_error *err)
{
    ch_doctor_param *param = value->out;
    const char *text = NULL;
    param->name = ch_strdup(value->name);
    if (ch_yaml_kind_of(value->node) == CH_YAML_MAP)
        return ch_fields_read(value->node, CH_FIELDS(answer_fields), param, NULL, err);
    CH_TRY(ch_yaml_text(value->node, &text, err));
    param->value = ch_strdup(text);
    return CH_OK;
}

static ch_status read_params(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "parameter", CH_YAML_MAP, 1, CH_DOCTOR_PARAMS_MAX, {.read = read_param, .size = sizeof(ch_doctor_param)}
    };
    ch_doctor_call *call = value->out;
    return ch_entries_read(value->node, &entries, call->params, &call->param_count, NULL, err);
}

static ch_status finish_call(const ch_yaml *node, const ch_profile *profile, ch_doctor_call *call, ch_error *err)
{
    call->is_post = call->call[0] == 'P';
    call->path = strchr(call->call, '/');
    if (call->origin != NULL && ch_origin_find(profile, call->origin) == profile->origin_count)
        return ch_yaml_fail(node, err, "there is no origin '%s'", call->origin);
    if (call->is_post && call->param_count > 0)
        return ch_yaml_fail(node, err, "only calls by GET take parameters here");
    return CH_OK;
}

static bool is_given(const ch_doctor_call *call, ch_slice name)
{
    for (size_t i = 0; i < call->param_count; i++) {
        if (ch_slice_is(name, call->params[i].name))
            return true;
    }
    return false;
}

/* A call that needs a key is an endpoint, and reads. */
static ch_status find_endpoint(const ch_yaml *node, const ch_profile *profile, const char *method, const char *path,
                               const ch_endpoint **out, ch_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < profile->endpoint_count && *out == NULL; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        if (strcmp(endpoint->path, path) == 0 && strcmp(endpoint->method, method) == 0)
            *out = endpoint;
    }
    if (*out == NULL)
        return ch_yaml_fail(node, err, "there is no endpoint '%s %s'", method, path);
    if ((*out)->class_ != CH_CLASS_READ)
        return ch_yaml_fail(node, err, "%s %s is of class %s; a doctor only reads", method, path,
                            ch_class_name((*out)->class_));
    return CH_OK;
}

static ch_status check_params(const ch_yaml *node, const ch_endpoint *endpoint, const ch_doctor_call *call,
                              ch_error *err)
{
    const ch_endpoint *other = NULL;
    for (size_t i = 0; i < call->param_count; i++) {
        if (ch_param_list_find(&endpoint->params, ch_slice_of(call->params[i].name)) == NULL)
            return ch_yaml_fail(node, err, "%s takes no '%s'", call->call, call->params[i].name);
        if (call->params[i].path != NULL)
            CH_TRY(find_endpoint(node, endpoint->profile, "GET", call->params[i].path, &other, err));
    }
    for (size_t i = 0; i < endpoint->params.count; i++) {
        const ch_listed_param *param = &endpoint->params.params[i];
        if (param->is_required && !is_given(call, param->name))
            return ch_yaml_fail(node, err, "%s requires '%.*s'", call->call, (int)param->name.size, param->name.data);
    }
    return CH_OK;
}

static ch_status check_endpoint(const ch_yaml *node, const ch_profile *profile, const ch_doctor_call *call,
                                ch_error *err)
{
    const ch_endpoint *endpoint = NULL;
    CH_TRY(find_endpoint(node, profile, call->is_post ? "POST" : "GET", call->path, &endpoint, err));
    return check_params(node, endpoint, call, err);
}

/* clang-format off */
static const ch_field time_fields[] = {
    /* name      required  reader            where                                    check, words */
    { "call",    true,     ch_field_text,    CH_MEMBER(ch_doctor_time, call.call),    .check = check_call },
    { "origin",  false,    ch_field_text,    CH_MEMBER(ch_doctor_time, call.origin)  },
    { "at",      true,     ch_field_text,    CH_MEMBER(ch_doctor_time, at),           .check = check_place },
    { "unit",    true,     ch_field_choice,  CH_MEMBER(ch_doctor_time, unit),         .words = &units },
};

static const ch_field check_fields[] = {
    /* name      required  reader           where                                     check */
    { "call",    true,     ch_field_text,   CH_MEMBER(ch_doctor_check, call.call),    .check = check_call },
    { "origin",  false,    ch_field_text,   CH_MEMBER(ch_doctor_check, call.origin)  },
    { "params",  false,    read_params,     CH_MEMBER(ch_doctor_check, call)         },
    { "works",   false,    read_works,      CH_WHOLE                                 },
};
/* clang-format on */

static ch_status read_time(const ch_value *value, ch_error *err)
{
    ch_doctor_time *time = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(time_fields), time, NULL, err));
    if (time->unit == CH_DOCTOR_DAYS)
        return ch_yaml_fail(value->node, err, "a time of day has no unit 'days'");
    return finish_call(value->node, value->context, &time->call, err);
}

static ch_status read_check(const ch_value *value, ch_error *err)
{
    ch_doctor_check *check = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(check_fields), check, NULL, err));
    CH_TRY(finish_call(value->node, value->context, &check->call, err));
    return check_endpoint(value->node, value->context, &check->call, err);
}

static ch_status read_checks(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "call", CH_YAML_LIST, 1, CH_DOCTOR_CHECKS_MAX, {.read = read_check, .size = sizeof(ch_doctor_check)}
    };
    ch_doctor *doctor = value->out;
    return ch_entries_read(value->node, &entries, doctor->checks, &doctor->check_count, value->context, err);
}

/* ---- facts ---- */

static ch_status read_any(const ch_value *value, ch_error *err)
{
    ch_doctor_fact *fact = value->out;
    return ch_texts_read(value->node, &fact->any_of, &fact->any_count, err);
}

static ch_status read_none(const ch_value *value, ch_error *err)
{
    ch_doctor_fact *fact = value->out;
    return ch_texts_read(value->node, &fact->none_of, &fact->none_count, err);
}

static bool is_end(const void *out)
{
    return ((const ch_doctor_fact *)out)->means == CH_DOCTOR_EXPIRES;
}

/* clang-format off */
static const ch_field fact_fields[] = {
    /* name       required  reader            where                              check, words */
    { "at",       true,     ch_field_text,    CH_MEMBER(ch_doctor_fact, at),     .check = check_place },
    { "means",    true,     ch_field_choice,  CH_MEMBER(ch_doctor_fact, means),  .words = &means },
    { "any_of",   false,    read_any,         CH_WHOLE                          },
    { "none_of",  false,    read_none,        CH_WHOLE                          },
    { "split",    false,    ch_field_text,    CH_MEMBER(ch_doctor_fact, split)  },
    { "unit",     false,    ch_field_choice,  CH_MEMBER(ch_doctor_fact, unit),   .words = &units, .only_if = is_end },
};
/* clang-format on */

static ch_status read_fact(const ch_value *value, ch_error *err)
{
    ch_doctor_fact *fact = value->out;
    fact->unit = CH_DOCTOR_UNIT_COUNT;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fact_fields), fact, NULL, err));
    if (fact->any_count > 0 && fact->none_count > 0)
        return ch_yaml_fail(value->node, err, "give either 'any_of' or 'none_of'");
    if (is_end(fact) && (fact->unit == CH_DOCTOR_UNIT_COUNT || fact->any_count > 0))
        return ch_yaml_fail(value->node, err, "when a key expires needs a 'unit', and no 'any_of'");
    return fact->split == NULL || *fact->split != '\0' ? CH_OK : ch_yaml_fail(value->node, err, "'split' is empty");
}

static ch_status read_facts(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "fact", CH_YAML_LIST, 1, 0, {.read = read_fact, .size = sizeof(ch_doctor_fact)}
    };
    ch_doctor *doctor = value->out;
    doctor->facts = ch_alloc(ch_yaml_count(value->node) * sizeof *doctor->facts);
    return ch_entries_read(value->node, &entries, doctor->facts, &doctor->fact_count, NULL, err);
}

/* clang-format off */
static const ch_field permission_fields[] = {
    /* name      required  reader           where                                     check */
    { "call",    true,     ch_field_text,   CH_MEMBER(ch_doctor, permissions.call),   .check = check_call },
    { "origin",  false,    ch_field_text,   CH_MEMBER(ch_doctor, permissions.origin) },
    { "params",  false,    read_params,     CH_MEMBER(ch_doctor, permissions)        },
    { "facts",   true,     read_facts,      CH_WHOLE                                 },
};
/* clang-format on */

static ch_status read_permissions(const ch_value *value, ch_error *err)
{
    ch_doctor *doctor = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(permission_fields), doctor, NULL, err));
    CH_TRY(finish_call(value->node, value->context, &doctor->permissions, err));
    return check_endpoint(value->node, value->context, &doctor->permissions, err);
}

/* ---- errors, and the whole ---- */

/* clang-format off */
static const ch_field error_fields[] = {
    /* name      required  reader            where                                bounds, words */
    { "means",   true,     ch_field_choice,  CH_MEMBER(ch_doctor_error, means),   .words = &troubles },
    { "status",  false,    ch_field_uint,    CH_MEMBER(ch_doctor_error, status),  .min = 200, .max = 599 },
    { "where",   false,    read_where,       CH_WHOLE                            },
};
/* clang-format on */

static ch_status read_error(const ch_value *value, ch_error *err)
{
    ch_doctor_error *error = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(error_fields), error, NULL, err));
    return error->status > 0 || error->where_count > 0 ? CH_OK
                                                       : ch_yaml_fail(value->node, err, "give 'status' or 'where'");
}

static ch_status read_errors(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "error", CH_YAML_LIST, 1, 0, {.read = read_error, .size = sizeof(ch_doctor_error)}
    };
    ch_doctor *doctor = value->out;
    doctor->errors = ch_alloc(ch_yaml_count(value->node) * sizeof *doctor->errors);
    return ch_entries_read(value->node, &entries, doctor->errors, &doctor->error_count, NULL, err);
}

/* clang-format off */
static const ch_field fields[] = {
    /* name           required  reader             where */
    { "time",         false,    read_time,         CH_MEMBER(ch_doctor, time) },
    { "check",        true,     read_checks,       CH_WHOLE },
    { "permissions",  false,    read_permissions,  CH_WHOLE },
    { "errors",       true,     read_errors,       CH_WHOLE },
};
/* clang-format on */

ch_status ch_doctor_read(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->out;
    profile->doctor = ch_alloc(sizeof *profile->doctor);
    return ch_fields_read(value->node, CH_FIELDS(fields), profile->doctor, profile, err);
}

/* ---- the end ---- */

static void free_call(ch_doctor_call *call)
{
    for (size_t i = 0; i < call->param_count; i++) {
        free(call->params[i].name);
        free(call->params[i].value);
        free(call->params[i].path);
        free(call->params[i].at);
    }
    free(call->call);
    free(call->origin);
}

static void free_members(ch_doctor_member *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].at);
        ch_texts_free(list[i].values, list[i].value_count);
    }
}

static void free_fact(ch_doctor_fact *fact)
{
    free(fact->at);
    free(fact->split);
    ch_texts_free(fact->any_of, fact->any_count);
    ch_texts_free(fact->none_of, fact->none_count);
}

void ch_doctor_free(ch_profile *profile)
{
    ch_doctor *doctor = profile->doctor;
    if (doctor == NULL)
        return;
    free_call(&doctor->time.call);
    free(doctor->time.at);
    for (size_t i = 0; i < doctor->check_count; i++) {
        free_call(&doctor->checks[i].call);
        free_members(doctor->checks[i].works, doctor->checks[i].works_count);
    }
    free_call(&doctor->permissions);
    for (size_t i = 0; i < doctor->fact_count; i++)
        free_fact(&doctor->facts[i]);
    for (size_t i = 0; i < doctor->error_count; i++)
        free_members(doctor->errors[i].where, doctor->errors[i].where_count);
    free(doctor->facts);
    free(doctor->errors);
    free(doctor);
}
