#include "cli/profile_intents.h"

#include "cli/intent_json.h"
#include "cli/jansson.h"
#include "cli/output.h"

#include <stdio.h>

static void print_list(const char *before, const json_t *list)
{
    if (json_array_size(list) > 0) {
        printf("%s", before);
        ch_jansson_print_joined(list, "");
    }
}

/* One endpoint, and a line for each item that its requests make. */
static void print_intents(const json_t *row)
{
    size_t i;
    json_t *item;
    printf("%s %s: %s\n", ch_jansson_member(row, "method"), ch_jansson_member(row, "path"),
           json_is_array(json_object_get(row, "items")) ? "" : "nothing can be read");
    json_array_foreach(json_object_get(row, "items"), i, item)
    {
        bool is_amendment = json_is_true(json_object_get(item, "amends"));
        const char *leg = ch_jansson_member(item, "leg");
        printf("  %s%s%s", is_amendment ? "amend" : ch_jansson_member(item, "kind"), *leg == '\0' ? "" : " ", leg);
        print_list(": reads ", json_object_get(item, "reads"));
        print_list("; some requests hide ", json_object_get(item, "may_hide"));
        print_list("; never known ", json_object_get(item, "unknown"));
        printf("\n");
    }
}

/* Of the calls that policy judges by what they mean. */
static json_t *describe_intents(const ch_profile *profile)
{
    json_t *rows = json_array();
    const ch_scheme *scheme = ch_profile_scheme_at(profile, 0);
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(profile, i)) != NULL; i++) {
        ch_class class_ = ch_endpoint_class(endpoint);
        bool is_once = ch_endpoint_uses_by_any(endpoint, scheme) == CH_USES_ONCE;
        if (class_ == CH_CLASS_TRADE || class_ == CH_CLASS_CANCEL || class_ == CH_CLASS_TRANSFER ||
            class_ == CH_CLASS_WITHDRAW)
            json_array_append_new(rows,
                                  json_pack("{s:s s:s s:s s:s s:o*}", "method", ch_endpoint_method(endpoint), "path",
                                            ch_endpoint_path(endpoint), "class", ch_class_name(class_), "uses",
                                            is_once ? "once" : "window", "items", ch_survey_json(endpoint)));
    }
    return rows;
}

ch_status ch_profile_show_intents(const ch_arguments *arguments, const ch_profile *profile, ch_error *err)
{
    ch_autojansson rows = describe_intents(profile);
    size_t i;
    json_t *row;
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson all = json_pack("{s:s s:s s:O}", "name", ch_profile_name(profile), "title",
                                       ch_profile_title(profile), "endpoints", rows);
        return ch_output_json(all, err);
    }
    json_array_foreach(rows, i, row) print_intents(row);
    return CH_OK;
}
