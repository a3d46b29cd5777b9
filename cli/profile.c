/* profile check, test, list and show: what a profile says, without an agent or a token. */
#include "base/buffer.h"
#include "base/names.h"
#include "exchange/profile.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a profile comes to ---- */

static json_t *schemes_of(const ch_profile *profile)
{
    json_t *list = json_array();
    const ch_scheme *scheme;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++)
        (void)json_array_append_new(list, json_string(ch_scheme_name(scheme)));
    return list;
}

static json_t *classes_of(const ch_profile *profile)
{
    json_t *counts = json_object();
    for (ch_class class_ = 0; class_ < CH_CLASS_COUNT; class_++) {
        json_int_t count = 0;
        const ch_endpoint *endpoint;
        for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++)
            count += ch_endpoint_class(endpoint) == class_;
        (void)json_object_set_new(counts, ch_class_name(class_), json_integer(count));
    }
    return counts;
}

static json_t *covers_of(unsigned covers)
{
    static const char *const names[] = {"method", "host", "path", "params"};
    json_t *list = json_array();
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((covers & 1U << i) != 0)
            (void)json_array_append_new(list, json_string(names[i]));
    }
    return list;
}

static json_t *opened_by(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    unsigned classes = ch_endpoint_openable_classes(endpoint, scheme);
    json_t *list = json_array();
    for (ch_class class_ = 0; class_ < CH_CLASS_COUNT; class_++) {
        if ((classes & 1U << class_) != 0)
            (void)json_array_append_new(list, json_string(ch_class_name(class_)));
    }
    return list;
}

/* `covers` and `may_open` by scheme: schemes may sign in ways of their own. */
static json_t *endpoint_row(const ch_profile *profile, const ch_endpoint *endpoint)
{
    json_t *covers = json_object();
    json_t *may_open = json_object();
    const ch_scheme *scheme;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        (void)json_object_set_new(covers, ch_scheme_name(scheme), covers_of(ch_endpoint_covers(endpoint, scheme)));
        (void)json_object_set_new(may_open, ch_scheme_name(scheme), opened_by(endpoint, scheme));
    }
    const char *kind = ch_endpoint_kind(endpoint, 0);
    return json_pack("{s:s s:s s:s s:s% s:s* s:o s:o}", "method", ch_endpoint_method(endpoint), "path",
                     ch_endpoint_path(endpoint), "class", ch_class_name(ch_endpoint_class(endpoint)), "host",
                     ch_endpoint_host(endpoint).data, ch_endpoint_host(endpoint).size, "only_for", kind, "covers",
                     covers, "may_open", may_open);
}

static json_t *describe(const ch_profile *profile, bool has_endpoints)
{
    json_t *row = json_pack("{s:s s:s s:o s:o}", "name", ch_profile_name(profile), "title", ch_profile_title(profile),
                            "schemes", schemes_of(profile), "endpoints_by_class", classes_of(profile));
    if (!has_endpoints)
        return row;
    json_t *list = json_array();
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++)
        (void)json_array_append_new(list, endpoint_row(profile, endpoint));
    (void)json_object_set_new(row, "endpoints", list);
    return row;
}

static void print_joined(const json_t *list, const char *when_empty)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        (void)printf("%s%s", i == 0 ? "" : ",", json_string_value(json_array_get(list, i)));
    if (json_array_size(list) == 0)
        (void)printf("%s", when_empty);
}

static void print_summary(const json_t *row)
{
    const char *class_;
    json_t *count;
    (void)printf("%s: %s; schemes ", ch_jansson_member(row, "name"), ch_jansson_member(row, "title"));
    print_joined(json_object_get(row, "schemes"), "none");
    (void)printf("; endpoints:");
    json_object_foreach(json_object_get(row, "endpoints_by_class"), class_, count)
    {
        if (json_integer_value(count) > 0)
            (void)printf(" %lld %s", (long long)json_integer_value(count), class_);
    }
    (void)printf("\n");
}

static void print_endpoint(const json_t *row)
{
    const char *scheme;
    json_t *classes;
    const json_t *printed = NULL;
    (void)printf("%-8s %-6s %s", ch_jansson_member(row, "class"), ch_jansson_member(row, "method"),
                 ch_jansson_member(row, "path"));
    if (json_object_get(row, "only_for") != NULL)
        (void)printf("   [only for %s keys]", ch_jansson_member(row, "only_for"));
    json_object_foreach(json_object_get(row, "may_open"), scheme, classes)
    {
        if (json_array_size(classes) == 0 || (printed != NULL && json_equal(printed, classes)))
            continue;
        (void)printf("   [by %s may open: ", scheme);
        print_joined(classes, "");
        (void)printf("]");
        printed = classes;
    }
    (void)printf("\n");
}

/* ---- the commands ---- */

static bool has_text(const json_t *list, const char *text)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

/* Endpoints whose signature leaves the parameters open: no limit on them holds. */
static void warn_of_open_params(const json_t *row)
{
    size_t i;
    size_t j;
    json_t *scheme;
    json_t *endpoint;
    json_array_foreach(json_object_get(row, "schemes"), i, scheme)
    {
        size_t open = 0;
        json_array_foreach(json_object_get(row, "endpoints"), j, endpoint) open +=
            !has_text(json_object_get(json_object_get(endpoint, "covers"), json_string_value(scheme)), "params");
        if (open > 0)
            (void)printf(
                "by scheme %s, %zu endpoints are signed without their parameters: no limit on quantity, price or "
                "symbol can hold there\n",
                json_string_value(scheme), open);
    }
}

static bool may_open_more(const json_t *endpoint)
{
    const char *scheme;
    json_t *classes;
    json_object_foreach(json_object_get(endpoint, "may_open"), scheme, classes)
    {
        if (json_array_size(classes) > 0)
            return true;
    }
    return false;
}

static void print_confusion(const json_t *endpoints)
{
    size_t shown = 0;
    size_t i;
    json_t *row;
    json_array_foreach(endpoints, i, row)
    {
        if (!may_open_more(row))
            continue;
        if (shown++ == 0)
            (void)printf("what some requests would open besides, because the signature does not cover it:\n");
        (void)printf("  ");
        print_endpoint(row);
    }
}

ch_status ch_run_profile_check(const ch_arguments *arguments, ch_error *err)
{
    ch_profile *profile = NULL;
    ch_status st = ch_profile_load(arguments->positional[0], &profile, err);
    if (st != CH_OK)
        return st;
    ch_autojansson row = describe(profile, true);
    ch_profile_free(profile);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(row, err);
    print_summary(row);
    warn_of_open_params(row);
    print_confusion(json_object_get(row, "endpoints"));
    return CH_OK;
}

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".yaml") == 0;
}

static ch_status add_profile(const char *folder, const char *file, json_t *rows, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_profile *profile = NULL;
    ch_buffer_add_format(&path, "%s/%s", folder, file);
    ch_status st = ch_profile_load(ch_buffer_text(&path), &profile, err);
    if (st == CH_OK)
        (void)json_array_append_new(rows, describe(profile, false));
    ch_profile_free(profile);
    return st;
}

ch_status ch_run_profile_list(const ch_arguments *arguments, ch_error *err)
{
    const char *folder = ch_option_profiles(arguments);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_yaml, alphasort);
    if (count < 0)
        return ch_fail_errno(err, "reading the folder %s (another is chosen with --profiles)", folder);
    ch_autojansson rows = json_array();
    ch_status st = CH_OK;
    for (int i = 0; i < count; i++) {
        if (st == CH_OK)
            st = add_profile(folder, entries[i]->d_name, rows, err);
        free(entries[i]);
    }
    free(entries);
    if (st != CH_OK)
        return st;
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson listing = json_pack("{s:O}", "profiles", rows);
        return ch_output_json(listing, err);
    }
    for (size_t i = 0; i < json_array_size(rows); i++)
        print_summary(json_array_get(rows, i));
    if (json_array_size(rows) == 0)
        (void)printf("There is no profile in %s.\n", folder);
    return CH_OK;
}

ch_status ch_run_profile_show(const ch_arguments *arguments, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_profile *profile = NULL;
    const char *name = arguments->positional[0];
    if (!ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "'%s' is not a profile's name; show takes a name, check takes a file", name);
    ch_buffer_add_format(&path, "%s/%s.yaml", ch_option_profiles(arguments), name);
    ch_status st = ch_profile_load(ch_buffer_text(&path), &profile, err);
    if (st != CH_OK)
        return ch_error_wrap(err, "profile '%s' (--profiles or CHANCERY_PROFILES say where profiles are)", name);
    ch_autojansson row = describe(profile, true);
    ch_profile_free(profile);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(row, err);
    print_summary(row);
    size_t i;
    json_t *endpoint;
    json_array_foreach(json_object_get(row, "endpoints"), i, endpoint) print_endpoint(endpoint);
    return CH_OK;
}
