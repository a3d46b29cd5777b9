/* profile check, list and show: what a profile says, without an agent or a token. */
#include "base/names.h"
#include "base/slice.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/profile_answers.h"
#include "cli/profile_environments.h"
#include "cli/profile_folder.h"
#include "cli/profile_intents.h"
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

/* ---- a profile ---- */

/* The member that says what an endpoint may open: as the profile has it, and if unknown names were refused, or
 * ignored, everywhere. */
static const char *const answers[] = {
    [CH_UNKNOWN_AS_LISTED] = "may_open",
    [CH_UNKNOWN_REFUSED] = "may_open_if_refused",
    [CH_UNKNOWN_IGNORED] = "may_open_if_ignored",
};

static json_t *may_open_of(const ch_profile *profile, const ch_endpoint *endpoint, ch_unknown_names unknown)
{
    static const ch_key_traits plain = {0};
    json_t *may_open = json_object();
    const ch_scheme *scheme;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        if (ch_endpoint_takes_scheme(endpoint, scheme))
            json_object_set_new(may_open, ch_scheme_name(scheme),
                                names_of(ch_endpoint_openable_classes(endpoint, scheme, &plain, unknown)));
    }
    return may_open;
}

static json_t *all_covers_of(const ch_profile *profile, const ch_endpoint *endpoint)
{
    json_t *covers = json_object();
    const ch_scheme *scheme;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        if (ch_endpoint_takes_scheme(endpoint, scheme))
            json_object_set_new(covers, ch_scheme_name(scheme), covers_of(ch_endpoint_covers(endpoint, scheme)));
    }
    return covers;
}

/* `covers` and `may_open` by scheme: schemes may sign in ways of their own, or not be taken here. */
static json_t *endpoint_row(const ch_profile *profile, const ch_endpoint *endpoint)
{
    const char *kind = ch_endpoint_kind(endpoint, 0);
    unsigned needs = ch_needs_of_endpoint(endpoint);
    ch_slice host = ch_environment_host(ch_endpoint_home(endpoint), endpoint);
    json_t *row =
        json_pack("{s:s s:s s:s s:s% s:s* s:o* s:o* s:o}", "method", ch_endpoint_method(endpoint), "path",
                  ch_endpoint_path(endpoint), "class", ch_class_name(ch_endpoint_class(endpoint)), "host", host.data,
                  host.size, "only_for", kind, "needs", needs == 0 ? NULL : names_of(needs), "not_in",
                  ch_environments_without(profile, endpoint), "covers", all_covers_of(profile, endpoint));
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        json_object_set_new(row, answers[i], may_open_of(profile, endpoint, (ch_unknown_names)i));
    return row;
}

static json_t *refusing_of(const ch_profile *profile)
{
    json_t *list = json_array();
    const char *why = NULL;
    const char *path;
    for (size_t i = 0; (path = ch_profile_refusing_at(profile, i, &why)) != NULL; i++)
        json_array_append_new(list, json_pack("{s:s s:s}", "path", path, "why", why));
    return list;
}

static json_t *under_of(const ch_profile *profile, size_t index)
{
    json_t *list = json_array();
    const char *path;
    for (size_t at = 0; (path = ch_profile_acceptance_under(profile, index, at)) != NULL; at++)
        json_array_append_new(list, json_string(path));
    return list;
}

static bool is_under(const ch_profile *profile, size_t index, const ch_endpoint *endpoint)
{
    const char *path;
    bool is = false;
    for (size_t at = 0; (path = ch_profile_acceptance_under(profile, index, at)) != NULL; at++)
        is |= strncmp(ch_endpoint_path(endpoint), path, strlen(path)) == 0;
    return is;
}

/* Those that are named by the beginning of their path would be too many. */
static json_t *calls_of(const ch_profile *profile, size_t index)
{
    json_t *list = json_array();
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        if (ch_endpoint_acceptance(endpoint) == 1U << index && !is_under(profile, index, endpoint))
            json_array_append_new(list,
                                  json_sprintf("%s %s", ch_endpoint_method(endpoint), ch_endpoint_path(endpoint)));
    }
    return list;
}

static json_t *acceptances_of(const ch_profile *profile)
{
    json_t *list = json_array();
    const char *lets = NULL;
    const char *name;
    for (size_t i = 0; (name = ch_profile_acceptance_at(profile, i, &lets)) != NULL; i++)
        json_array_append_new(list, json_pack("{s:s s:s s:b s:o s:o}", "name", name, "lets", lets, "cuts",
                                              ch_profile_acceptance_cuts(profile, i), "calls", calls_of(profile, i),
                                              "under", under_of(profile, i)));
    return list;
}

static json_t *left_out_of(const ch_profile *profile)
{
    json_t *list = json_array();
    const char *call;
    const char *why = NULL;
    for (size_t i = 0; (call = ch_profile_left_out_at(profile, i, &why)) != NULL; i++)
        json_array_append_new(list, json_pack("{s:s s:s}", "call", call, "why", why));
    return list;
}

static json_t *describe(const ch_profile *profile, bool has_endpoints)
{
    json_t *row = json_pack("{s:s s:s s:o s:o s:o}", "name", ch_profile_name(profile), "title",
                            ch_profile_title(profile), "schemes", schemes_of(profile), "environments",
                            ch_environments_of(profile), "endpoints_by_class", classes_of(profile));
    if (!has_endpoints)
        return row;
    json_t *list = json_array();
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++)
        json_array_append_new(list, endpoint_row(profile, endpoint));
    json_object_set_new(row, "endpoints", list);
    json_object_set_new(row, "refuses_unknown", refusing_of(profile));
    json_object_set_new(row, "acceptable_confusions", acceptances_of(profile));
    json_object_set_new(row, "left_out", left_out_of(profile));
    json_object_set_new(row, "answers", ch_answers_of(profile));
    return row;
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
    ch_jansson_print_joined(json_object_get(row, "schemes"), "none");
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

/* By each scheme whose answer is another than that of the scheme before. */
static void print_may_open(const json_t *row)
{
    const char *scheme;
    json_t *classes;
    const json_t *printed = NULL;
    json_object_foreach(json_object_get(row, answers[CH_UNKNOWN_AS_LISTED]), scheme, classes)
    {
        if (json_array_size(classes) == 0 || (printed != NULL && json_equal(printed, classes)))
            continue;
        printf("   [by %s may open: ", scheme);
        ch_jansson_print_joined(classes, "");
        printf("]");
        printed = classes;
    }
}

/* What would be otherwise if the exchange did the same with unknown parameters everywhere. */
static void print_if(const json_t *row, ch_unknown_names unknown, const char *when)
{
    const char *scheme;
    json_t *classes;
    const json_t *printed = NULL;
    json_object_foreach(json_object_get(row, answers[unknown]), scheme, classes)
    {
        const json_t *as_listed = json_object_get(json_object_get(row, answers[CH_UNKNOWN_AS_LISTED]), scheme);
        if (json_equal(as_listed, classes) || (printed != NULL && json_equal(printed, classes)))
            continue;
        printf("   [%s, by %s: ", when, scheme);
        ch_jansson_print_joined(classes, "none");
        printf("]");
        printed = classes;
    }
}

static void print_schemes(const json_t *row)
{
    const char *scheme;
    json_t *classes;
    const char *separator = "   [only by ";
    json_object_foreach(json_object_get(row, "covers"), scheme, classes)
    {
        printf("%s%s", separator, scheme);
        separator = ",";
    }
    printf("]");
}

static void print_endpoint(const json_t *row, size_t scheme_count)
{
    printf("%-8s %-6s %s", ch_jansson_member(row, "class"), ch_jansson_member(row, "method"),
           ch_jansson_member(row, "path"));
    if (json_object_get(row, "only_for") != NULL)
        printf("   [only for %s keys]", ch_jansson_member(row, "only_for"));
    if (json_object_get(row, "needs") != NULL) {
        printf("   [some values need: ");
        ch_jansson_print_joined(json_object_get(row, "needs"), "");
        printf("]");
    }
    if (has_text(json_object_get(row, "not_in"), CH_ENVIRONMENT_LIVE)) {
        printf("   [not in: ");
        ch_jansson_print_joined(json_object_get(row, "not_in"), "");
        printf("]");
    }
    if (json_object_size(json_object_get(row, "covers")) < scheme_count)
        print_schemes(row);
    print_may_open(row);
    print_if(row, CH_UNKNOWN_REFUSED, "if unknown parameters are refused");
    print_if(row, CH_UNKNOWN_IGNORED, "if unknown parameters are ignored");
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
        json_array_foreach(json_object_get(row, "endpoints"), j, endpoint)
        {
            const json_t *covers = json_object_get(json_object_get(endpoint, "covers"), json_string_value(scheme));
            open += covers != NULL && !has_text(covers, "params");
        }
        if (open > 0)
            printf("by scheme %s, %zu endpoints are signed without their parameters: no limit on quantity, price or "
                   "symbol can hold there\n",
                   json_string_value(scheme), open);
    }
}

/* By any answer. */
static bool may_open_more(const json_t *endpoint)
{
    const char *scheme;
    json_t *classes;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        json_object_foreach(json_object_get(endpoint, answers[i]), scheme, classes)
        {
            if (json_array_size(classes) > 0)
                return true;
        }
    }
    return false;
}

static void print_unknown(const json_t *profile)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(profile, "refuses_unknown"), i, row)
        printf("unknown parameters are refused under %s (%s), and count as ignored elsewhere\n",
               ch_jansson_member(row, "path"), ch_jansson_member(row, "why"));
    json_array_foreach(json_object_get(profile, "acceptable_confusions"), i, row)
        printf("policy may accept '%s', which lets callers %s\n", ch_jansson_member(row, "name"),
               ch_jansson_member(row, "lets"));
}

static void print_confusion(const json_t *endpoints, size_t scheme_count)
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
        print_endpoint(row, scheme_count);
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
    ch_environments_print(row);
    warn_of_open_params(row);
    print_unknown(row);
    print_confusion(json_object_get(row, "endpoints"), json_array_size(json_object_get(row, "schemes")));
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
    if (arguments->option[CH_OPT_INTENTS] != NULL)
        return ch_profile_show_intents(arguments, profile, err);
    ch_autojansson row = describe(profile, true);
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(row, err);
    print_summary(row);
    ch_environments_print(row);
    size_t i;
    json_t *entry;
    print_unknown(row);
    ch_answers_print(row);
    json_array_foreach(json_object_get(row, "endpoints"), i, entry)
        print_endpoint(entry, json_array_size(json_object_get(row, "schemes")));
    json_array_foreach(json_object_get(row, "left_out"), i, entry)
        printf("left out %s: %s\n", ch_jansson_member(entry, "call"), ch_jansson_member(entry, "why"));
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
                   "which line. If not, it prints the environments, and which other calls a\n"
                   "signature would open, because the exchange does not sign what tells the calls\n"
                   "apart: as the profile says, and if the exchange refused or ignored unknown\n"
                   "parameters everywhere.",
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
                   .options = CH_OPTION(PROFILES) | CH_OPTION(INTENTS) | CH_OPTION(JSON)},
        .summary = "show the environments and endpoints of an exchange profile",
        .details = "Prints the environments of a profile, which a key's policy chooses from, with\n"
                   "their origins; then what a bot is told instead of an answer, and which of the\n"
                   "exchange's answers mean that nothing was placed; then every endpoint: its\n"
                   "class, and the classes that a signature for it may open besides. With\n"
                   "--intents, it prints what can be read of requests that trade, cancel, transfer\n"
                   "or withdraw, and what cannot.",
        .examples = "  chancery profile show kraken\n"
                    "  chancery profile show binance --intents\n",
        .run = run_show,
    },
    {0},
};
/* clang-format on */
