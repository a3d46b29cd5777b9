/* profile check, list and show: what a profile says, without an agent or a token. */
#include "base/names.h"
#include "base/slice.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/profile_folder.h"
#include "exchange/confusion.h"
#include "exchange/environments.h"
#include "exchange/load.h"
#include "exchange/needs.h"
#include "exchange/profile.h"

#include <stdio.h>
#include <string.h>

/* ---- what a profile comes to ---- */

static json_t *schemes_of(const ch_profile *profile)
{
    json_t *list = json_array();
    const ch_scheme *scheme;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++)
        json_array_append_new(list, json_string(ch_scheme_name(scheme)));
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
        json_object_set_new(counts, ch_class_name(class_), json_integer(count));
    }
    return counts;
}

static json_t *covers_of(unsigned covers)
{
    static const char *const names[] = {"method", "host", "path", "params"};
    json_t *list = json_array();
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((covers & 1U << i) != 0)
            json_array_append_new(list, json_string(names[i]));
    }
    return list;
}

static json_t *names_of(unsigned classes)
{
    json_t *list = json_array();
    for (ch_class class_ = 0; class_ < CH_CLASS_COUNT; class_++) {
        if ((classes & 1U << class_) != 0)
            json_array_append_new(list, json_string(ch_class_name(class_)));
    }
    return list;
}

/* ---- environments ---- */

/* A map of the origins that the environment has. */
static json_t *origins_of(const ch_environment *environment)
{
    json_t *origins = json_object();
    const char *name = NULL;
    const char *url;
    for (size_t i = 0; (url = ch_environment_origin_at(environment, i, &name)) != NULL; i++) {
        if (*url != '\0')
            json_object_set_new(origins, name, json_string(url));
    }
    return origins;
}

static json_t *headers_of(const ch_environment *environment)
{
    json_t *headers = json_object();
    const char *name = NULL;
    const char *text;
    for (size_t i = 0; (text = ch_environment_header_at(environment, i, &name)) != NULL; i++)
        json_object_set_new(headers, name, json_string(text));
    return headers;
}

static json_t *environments_of(const ch_profile *profile)
{
    json_t *list = json_array();
    const ch_environment *environment;
    for (size_t i = 0; (environment = ch_profile_environment_at(profile, i)) != NULL; i++) {
        json_array_append_new(list,
                              json_pack("{s:s s:s s:s s:o s:o s:I}", "name", ch_environment_name(environment), "title",
                                        ch_environment_title(environment), "keys", ch_environment_keys(environment),
                                        "origins", origins_of(environment), "headers", headers_of(environment),
                                        "endpoints", (json_int_t)ch_environment_endpoint_count(environment)));
    }
    return list;
}

/* The names of the environments in which the endpoint does not exist; NULL if there is none. */
static json_t *environments_without(const ch_profile *profile, const ch_endpoint *endpoint)
{
    json_t *names = NULL;
    const ch_environment *environment;
    for (size_t i = 0; (environment = ch_profile_environment_at(profile, i)) != NULL; i++) {
        if (ch_environment_has(environment, endpoint))
            continue;
        if (names == NULL)
            names = json_array();
        json_array_append_new(names, json_string(ch_environment_name(environment)));
    }
    return names;
}

static void print_environment(const json_t *row)
{
    const char *name;
    json_t *text;
    const char *keys = ch_jansson_member(row, "keys");
    printf("environment %s: %lld endpoints", ch_jansson_member(row, "name"),
           (long long)json_integer_value(json_object_get(row, "endpoints")));
    if (strcmp(keys, ch_jansson_member(row, "name")) != 0)
        printf(", keys of %s", keys);
    if (*ch_jansson_member(row, "title") != '\0')
        printf("; %s", ch_jansson_member(row, "title"));
    printf("\n");
    json_object_foreach(json_object_get(row, "origins"), name, text)
        printf("    %-12s %s\n", name, json_string_value(text));
    json_object_foreach(json_object_get(row, "headers"), name, text)
        printf("    header %s: %s\n", name, json_string_value(text));
}

static void print_environments(const json_t *row)
{
    size_t i;
    json_t *environment;
    json_array_foreach(json_object_get(row, "environments"), i, environment) print_environment(environment);
}

/* ---- a profile ---- */

/* `covers` and `may_open` by scheme: schemes may sign in ways of their own. */
static json_t *endpoint_row(const ch_profile *profile, const ch_endpoint *endpoint)
{
    json_t *covers = json_object();
    json_t *may_open = json_object();
    const ch_scheme *scheme;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        json_object_set_new(covers, ch_scheme_name(scheme), covers_of(ch_endpoint_covers(endpoint, scheme)));
        json_object_set_new(may_open, ch_scheme_name(scheme), names_of(ch_endpoint_openable_classes(endpoint, scheme)));
    }
    const char *kind = ch_endpoint_kind(endpoint, 0);
    unsigned needs = ch_needs_of_endpoint(endpoint);
    ch_slice host = ch_environment_host(ch_endpoint_home(endpoint), endpoint);
    return json_pack("{s:s s:s s:s s:s% s:s* s:o* s:o* s:o s:o}", "method", ch_endpoint_method(endpoint), "path",
                     ch_endpoint_path(endpoint), "class", ch_class_name(ch_endpoint_class(endpoint)), "host", host.data,
                     host.size, "only_for", kind, "needs", needs == 0 ? NULL : names_of(needs), "not_in",
                     environments_without(profile, endpoint), "covers", covers, "may_open", may_open);
}

static json_t *describe(const ch_profile *profile, bool has_endpoints)
{
    json_t *row = json_pack("{s:s s:s s:o s:o s:o}", "name", ch_profile_name(profile), "title",
                            ch_profile_title(profile), "schemes", schemes_of(profile), "environments",
                            environments_of(profile), "endpoints_by_class", classes_of(profile));
    if (!has_endpoints)
        return row;
    json_t *list = json_array();
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++)
        json_array_append_new(list, endpoint_row(profile, endpoint));
    json_object_set_new(row, "endpoints", list);
    return row;
}

static void print_joined(const json_t *list, const char *when_empty)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        printf("%s%s", i == 0 ? "" : ",", json_string_value(json_array_get(list, i)));
    if (json_array_size(list) == 0)
        printf("%s", when_empty);
}

static void print_names_of_environments(const json_t *row)
{
    size_t i;
    json_t *environment;
    json_array_foreach(json_object_get(row, "environments"), i, environment)
        printf("%s%s", i == 0 ? "; environments " : ",", ch_jansson_member(environment, "name"));
}

static void print_summary(const json_t *row)
{
    const char *class_;
    json_t *count;
    printf("%s: %s; schemes ", ch_jansson_member(row, "name"), ch_jansson_member(row, "title"));
    print_joined(json_object_get(row, "schemes"), "none");
    if (json_array_size(json_object_get(row, "environments")) > 1)
        print_names_of_environments(row);
    printf("; endpoints:");
    json_object_foreach(json_object_get(row, "endpoints_by_class"), class_, count)
    {
        if (json_integer_value(count) > 0)
            printf(" %lld %s", (long long)json_integer_value(count), class_);
    }
    printf("\n");
}

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

static void print_endpoint(const json_t *row)
{
    const char *scheme;
    json_t *classes;
    const json_t *printed = NULL;
    printf("%-8s %-6s %s", ch_jansson_member(row, "class"), ch_jansson_member(row, "method"),
           ch_jansson_member(row, "path"));
    if (json_object_get(row, "only_for") != NULL)
        printf("   [only for %s keys]", ch_jansson_member(row, "only_for"));
    if (json_object_get(row, "needs") != NULL) {
        printf("   [some values need: ");
        print_joined(json_object_get(row, "needs"), "");
        printf("]");
    }
    if (has_text(json_object_get(row, "not_in"), CH_ENVIRONMENT_LIVE)) {
        printf("   [not in: ");
        print_joined(json_object_get(row, "not_in"), "");
        printf("]");
    }
    json_object_foreach(json_object_get(row, "may_open"), scheme, classes)
    {
        if (json_array_size(classes) == 0 || (printed != NULL && json_equal(printed, classes)))
            continue;
        printf("   [by %s may open: ", scheme);
        print_joined(classes, "");
        printf("]");
        printed = classes;
    }
    printf("\n");
}

/* ---- check ---- */

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
            printf("by scheme %s, %zu endpoints are signed without their parameters: no limit on quantity, price or "
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
            printf(
                "what some requests would open besides, because the signature does not cover what tells them apart:\n");
        printf("  ");
        print_endpoint(row);
    }
}

static ch_status run_check(const ch_arguments *arguments, ch_error *err)
{
    ch_autoprofile *profile = NULL;
    CH_TRY(ch_profile_load_any(arguments->positional[0], &profile, err));
    ch_autojansson row = describe(profile, true);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(row, err);
    print_summary(row);
    print_environments(row);
    warn_of_open_params(row);
    print_confusion(json_object_get(row, "endpoints"));
    return CH_OK;
}

/* ---- list and show ---- */

static void add_profile(void *rows, const ch_profile *profile)
{
    json_array_append_new(rows, describe(profile, false));
}

static ch_status run_list(const ch_arguments *arguments, ch_error *err)
{
    ch_autojansson rows = json_array();
    CH_TRY(ch_profile_folder_each(ch_option_profiles(arguments), add_profile, rows, err));
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson listing = json_pack("{s:O}", "profiles", rows);
        return ch_output_json(listing, err);
    }
    for (size_t i = 0; i < json_array_size(rows); i++)
        print_summary(json_array_get(rows, i));
    if (json_array_size(rows) == 0)
        printf("There is no profile in %s.\n", ch_option_profiles(arguments));
    return CH_OK;
}

static ch_status load_by_name(const ch_arguments *arguments, const char *name, ch_profile **out, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    if (!ch_is_name(ch_slice_of(name)))
        return ch_fail(err, CH_BAD_INPUT, "'%s' is not a profile's name; show takes a name, check takes a file", name);
    ch_buffer_add_format(&path, "%s/%s.yaml", ch_option_profiles(arguments), name);
    if (ch_profile_load_any(ch_buffer_text(&path), out, err) != CH_OK)
        return ch_error_wrap(err, "profile '%s' (--profiles or CHANCERY_PROFILES names the folder)", name);
    return CH_OK;
}

static ch_status run_show(const ch_arguments *arguments, ch_error *err)
{
    ch_autoprofile *profile = NULL;
    CH_TRY(load_by_name(arguments, arguments->positional[0], &profile, err));
    ch_autojansson row = describe(profile, true);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(row, err);
    print_summary(row);
    print_environments(row);
    size_t i;
    json_t *endpoint;
    json_array_foreach(json_object_get(row, "endpoints"), i, endpoint) print_endpoint(endpoint);
    return CH_OK;
}

/* ---- the commands ---- */

/* clang-format off */
const ch_command ch_commands_of_profile[] = {
    {
        .family = "profile",
        .name = "check",
        .syntax = {.positional = "FILE", .positional_min = 1, .positional_max = 1, .options = CH_OPTION(JSON)},
        .summary = "check an exchange profile, and what its signatures open",
        .details = "Reads a profile as the agent does. If something is wrong, it says what and in\n"
                   "which line. If not, it prints the environments, and which\n"
                   "other calls a signature would open, because the exchange does not sign what\n"
                   "tells the calls apart.",
        .examples = "  chancery profile check profiles/kraken.yaml\n",
        .run = run_check,
    },
    {
        .family = "profile",
        .name = "list",
        .syntax = {.options = CH_OPTION(PROFILES) | CH_OPTION(JSON)},
        .summary = "list the exchange profiles",
        .details = "Lists the profiles of a folder: their schemes, and how many endpoints each has\n"
                   "of every class.",
        .examples = "  chancery profile list\n"
                    "  chancery profile list --profiles ./profiles --json\n",
        .run = run_list,
    },
    {
        .family = "profile",
        .name = "show",
        .syntax = {.positional = "PROFILE", .positional_min = 1, .positional_max = 1,
                   .options = CH_OPTION(PROFILES) | CH_OPTION(JSON)},
        .summary = "show the environments and endpoints of an exchange profile",
        .details = "Prints the environments of a profile, which a key's policy chooses from, with\n"
                   "their origins; then every endpoint: its class, and the classes that a signature\n"
                   "for it may open besides.",
        .examples = "  chancery profile show kraken\n",
        .run = run_show,
    },
    {0},
};
/* clang-format on */
