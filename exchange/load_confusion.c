/* Both fields mark endpoints: `refuses_unknown` by the beginning of their paths, `acceptable_confusions` by call or by
 * the beginning. A line that marks none is a mistake, since whoever wrote it relies on it. What is named by call is not
 * marked by the beginning of its path, so the calls of all names come first. */
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

static ch_status check_beginning(const ch_yaml *node, const char *path, ch_error *err)
{
    size_t size = strlen(path);
    if (size > 0 && path[0] == '/' && path[size - 1] == '/')
        return CH_OK;
    return ch_yaml_fail(node, err, "'%s' is not the beginning of paths; write it as in /api/, or / for all", path);
}

static bool begins_with(const ch_endpoint *endpoint, const char *path)
{
    return strncmp(endpoint->path, path, strlen(path)) == 0;
}

static ch_status read_refusing(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->context;
    ch_refusing *refusing = value->out;
    size_t marked = 0;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(refusing_fields), refusing, NULL, err));
    CH_TRY(check_beginning(value->node, refusing->path, err));
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        ch_endpoint *endpoint = &profile->endpoints[i];
        bool begins = begins_with(endpoint, refusing->path);
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

/* What is under them is marked when the calls of all names are known. */
static ch_status read_under(const ch_value *value, ch_error *err)
{
    ch_acceptance *acceptance = value->out;
    size_t count = ch_yaml_count(value->node);
    CH_TRY(ch_yaml_expect_list(value->node, err));
    if (count == 0 || count > CH_UNDER_MAX)
        return ch_yaml_fail(value->node, err, "give 1 to %d beginnings of paths", CH_UNDER_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *path = NULL;
        CH_TRY(ch_yaml_text(ch_yaml_item(value->node, i), &path, err));
        CH_TRY(check_beginning(ch_yaml_item(value->node, i), path, err));
        acceptance->under[acceptance->under_count++] = ch_strdup(path);
    }
    return CH_OK;
}

static bool has_joined_body(const ch_profile *profile)
{
    bool has = false;
    for (size_t i = 0; i < profile->recipe_count; i++)
        has |= profile->recipes[i].joins_body;
    return has;
}

static ch_status read_cuts(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->context;
    ch_acceptance *acceptance = value->out;
    CH_TRY(ch_yaml_bool(value->node, &acceptance->lets_cut, err));
    if (!acceptance->lets_cut)
        return ch_yaml_fail(value->node, err, "write cuts: true, or leave it out");
    if (profile->recuts.acceptance != 0)
        return ch_yaml_fail(value->node, err, "another name stands for cuts already");
    if (!has_joined_body(profile))
        return ch_yaml_fail(value->node, err, "no recipe has 'joins_body', so nothing can be cut; leave it out");
    profile->recuts.acceptance = 1U << (profile->acceptance_count - 1);
    return CH_OK;
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
    { "calls",  false,    read_calls,     CH_WHOLE },
    { "under",  false,    read_under,     CH_WHOLE },
    { "cuts",    false,    read_cuts,      CH_WHOLE },
    { "lets",   true,     ch_field_text,  CH_MEMBER(ch_acceptance, lets),   .check = check_lets },
};
/* clang-format on */

static ch_status read_acceptance(const ch_value *value, ch_error *err)
{
    ch_acceptance *acceptance = value->out;
    acceptance->name = ch_strdup(value->name);
    if (!ch_is_name(ch_slice_of(value->name)))
        return ch_yaml_fail(value->node, err, "'%s' can't be a name; use a-z, 0-9, '.', '_' and '-'", value->name);
    if (ch_yaml_kind_of(value->node) == CH_YAML_MAP && ch_yaml_get(value->node, "calls") == NULL &&
        ch_yaml_get(value->node, "under") == NULL && ch_yaml_get(value->node, "cuts") == NULL)
        return ch_yaml_fail(value->node, err, "'calls', 'under' or 'cuts' is missing: what the name stands for");
    return ch_fields_read(value->node, CH_FIELDS(acceptance_fields), acceptance, value->context, err);
}

/* What moves money out or makes keys is never taken by the beginning of its path, and a read harms nothing. */
static bool may_be_under(const ch_endpoint *endpoint)
{
    static const bool is_excluded[CH_CLASS_COUNT] = {
        [CH_CLASS_READ] = true, [CH_CLASS_WITHDRAW] = true, [CH_CLASS_KEYS] = true, [CH_CLASS_SESSION] = true};
    return endpoint->acceptance == 0 && !is_excluded[endpoint->class_];
}

static void mark_under(ch_profile *profile, size_t index)
{
    const ch_acceptance *acceptance = &profile->acceptances[index];
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        ch_endpoint *endpoint = &profile->endpoints[i];
        for (size_t k = 0; k < acceptance->under_count; k++) {
            if (begins_with(endpoint, acceptance->under[k]) && may_be_under(endpoint))
                endpoint->acceptance = 1U << index;
        }
    }
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
    CH_TRY(ch_entries_read(value->node, &entries, profile->acceptances, &profile->acceptance_count, profile, err));
    for (size_t i = 0; i < profile->acceptance_count; i++)
        mark_under(profile, i);
    return CH_OK;
}

/* ---- what nothing uses ---- */

static void note_opened(const ch_confusion *confusion, bool *is_opened)
{
    for (size_t i = 0; i < confusion->all_count; i++)
        is_opened[confusion->others[i]] = true;
}

/* True if it stands for the call by the beginning of its path. */
static bool has_under(const ch_acceptance *acceptance, const ch_endpoint *endpoint)
{
    bool has = false;
    for (size_t i = 0; i < acceptance->under_count; i++)
        has |= begins_with(endpoint, acceptance->under[i]);
    return has;
}

/* A call must be opened by some signature; of those under a path, one must. */
static ch_status check_used(const ch_profile *profile, size_t index, const bool *is_opened, const ch_yaml *node,
                            ch_error *err)
{
    const ch_acceptance *acceptance = &profile->acceptances[index];
    bool is_used = acceptance->under_count == 0;
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        if (endpoint->acceptance != 1U << index)
            continue;
        is_used |= is_opened[i];
        if (!is_opened[i] && !has_under(acceptance, endpoint))
            return ch_yaml_fail(node, err, "no signature for another call opens %s %s; delete it here",
                                endpoint->method, endpoint->path);
    }
    return is_used ? CH_OK
                   : ch_yaml_fail(node, err, "no signature for another call opens what is under '%s'; delete '%s'",
                                  acceptance->under[0], acceptance->name);
}

ch_status ch_acceptances_check_used(const ch_profile *profile, const ch_yaml *acceptances, ch_error *err)
{
    ch_autofree bool *is_opened = ch_alloc(profile->endpoint_count * sizeof *is_opened);
    for (size_t i = 0; acceptances != NULL && i < profile->endpoint_count; i++) {
        for (size_t at = 0; at < profile->scheme_count; at++)
            note_opened(&profile->endpoints[i].confusions[at], is_opened);
    }
    for (size_t i = 0; i < profile->acceptance_count; i++)
        CH_TRY(check_used(profile, i, is_opened, acceptances, err));
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
        for (size_t k = 0; k < profile->acceptances[i].under_count; k++)
            free(profile->acceptances[i].under[k]);
    }
}
