/* Both fields mark endpoints: `refuses_unknown` by the beginning of their paths, `acceptable_confusions` by call. A
 * line that marks none is a mistake, since whoever wrote it relies on it. */
#include "exchange/load_confusion.h"

#include "base/memory.h"
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

#define LETS_MAX 120 /* bytes: it stands in a refusal beside the rest */

/* ---- refuses_unknown ---- */

/* clang-format off */
static const ch_field refusing_fields[] = {
    /* name    required  reader          where */
    { "path",  true,     ch_field_text,  CH_MEMBER(ch_refusing, path) },
    { "why",   true,     ch_field_text,  CH_MEMBER(ch_refusing, why)  },
};
/* clang-format on */

static ch_status read_refusing(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->context;
    ch_refusing *refusing = value->out;
    size_t marked = 0;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(refusing_fields), refusing, NULL, err));
    size_t size = strlen(refusing->path);
    if (size == 0 || refusing->path[0] != '/' || refusing->path[size - 1] != '/')
        return ch_yaml_fail(value->node, err, "'%s' is not the beginning of paths; write it as in /api/, or / for all",
                            refusing->path);
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        ch_endpoint *endpoint = &profile->endpoints[i];
        bool begins = strncmp(endpoint->path, refusing->path, size) == 0;
        endpoint->refuses_unknown |= begins;
        marked += begins;
    }
    return marked > 0 ? CH_OK : ch_yaml_fail(value->node, err, "no endpoint's path begins with '%s'", refusing->path);
}

ch_status ch_refuses_unknown_read(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "path", CH_YAML_LIST, 1, CH_REFUSING_MAX, {.read = read_refusing, .size = sizeof(ch_refusing)}
    };
    ch_profile *profile = value->out;
    return ch_entries_read(value->node, &entries, profile->refusing, &profile->refusing_count, profile, err);
}

/* ---- acceptable_confusions ---- */

static bool is_call(const ch_endpoint *endpoint, const char *call)
{
    size_t size = strlen(endpoint->method);
    return strncmp(call, endpoint->method, size) == 0 && call[size] == ' ' &&
           strcmp(call + size + 1, endpoint->path) == 0;
}

/* A call that is listed at several hosts is accepted at all of them. */
static ch_status mark_call(ch_profile *profile, const ch_yaml *node, unsigned bit, ch_error *err)
{
    const char *call = NULL;
    size_t marked = 0;
    CH_TRY(ch_yaml_text(node, &call, err));
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        ch_endpoint *endpoint = &profile->endpoints[i];
        if (!is_call(endpoint, call))
            continue;
        if (endpoint->acceptance != 0)
            return ch_yaml_fail(node, err, "'%s' is named twice; a call belongs to one name", call);
        endpoint->acceptance = bit;
        marked++;
    }
    return marked > 0 ? CH_OK : ch_yaml_fail(node, err, "there is no endpoint '%s'", call);
}

static ch_status read_calls(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->context;
    unsigned bit = 1U << (profile->acceptance_count - 1); /* the one that is being read */
    CH_TRY(ch_yaml_expect_list(value->node, err));
    for (size_t i = 0; i < ch_yaml_count(value->node); i++)
        CH_TRY(mark_call(profile, ch_yaml_item(value->node, i), bit, err));
    return ch_yaml_count(value->node) > 0 ? CH_OK : ch_yaml_fail(value->node, err, "it names no call");
}

static ch_status check_lets(const char *text, ch_error *err)
{
    if (text[0] != '\0' && strlen(text) <= LETS_MAX)
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "say in 1 to %d bytes what it would let a caller do", LETS_MAX);
}

/* clang-format off */
static const ch_field acceptance_fields[] = {
    /* name     required  reader          where                             check */
    { "calls",  true,     read_calls,     CH_WHOLE },
    { "lets",   true,     ch_field_text,  CH_MEMBER(ch_acceptance, lets),   .check = check_lets },
};
/* clang-format on */

static ch_status read_acceptance(const ch_value *value, ch_error *err)
{
    ch_acceptance *acceptance = value->out;
    acceptance->name = ch_strdup(value->name);
    if (!ch_is_name(ch_slice_of(value->name)))
        return ch_yaml_fail(value->node, err, "'%s' can't be a name; use a-z, 0-9, '.', '_' and '-'", value->name);
    return ch_fields_read(value->node, CH_FIELDS(acceptance_fields), acceptance, value->context, err);
}

ch_status ch_acceptances_read(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "acceptable confusion",
        CH_YAML_MAP,
        1,
        CH_ACCEPTANCES_MAX,
        {.read = read_acceptance, .size = sizeof(ch_acceptance)}
    };
    ch_profile *profile = value->out;
    return ch_entries_read(value->node, &entries, profile->acceptances, &profile->acceptance_count, profile, err);
}

/* ---- what nothing uses ---- */

static void note_opened(const ch_confusion *confusion, bool *is_opened)
{
    for (size_t i = 0; i < confusion->count; i++)
        is_opened[confusion->others[i]] = true;
}

ch_status ch_acceptances_check_used(const ch_profile *profile, const ch_yaml *acceptances, ch_error *err)
{
    ch_autofree bool *is_opened = ch_alloc(profile->endpoint_count * sizeof *is_opened);
    for (size_t i = 0; acceptances != NULL && i < profile->endpoint_count; i++) {
        for (size_t at = 0; at < profile->scheme_count; at++)
            note_opened(&profile->endpoints[i].confusions[at], is_opened);
    }
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        if (endpoint->acceptance != 0 && !is_opened[i])
            return ch_yaml_fail(acceptances, err, "no signature for another call opens %s %s; delete it here",
                                endpoint->method, endpoint->path);
    }
    return CH_OK;
}

void ch_confusion_fields_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->refusing_count; i++) {
        free(profile->refusing[i].path);
        free(profile->refusing[i].why);
    }
    for (size_t i = 0; i < profile->acceptance_count; i++) {
        free(profile->acceptances[i].name);
        free(profile->acceptances[i].lets);
    }
}
