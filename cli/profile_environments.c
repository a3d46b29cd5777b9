#include "cli/profile_environments.h"

#include "cli/jansson.h"
#include "exchange/environments.h"

#include <stdio.h>
#include <string.h>

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

json_t *ch_environments_of(const ch_profile *profile)
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

json_t *ch_environments_without(const ch_profile *profile, const ch_endpoint *endpoint)
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

void ch_environments_print(const json_t *row)
{
    size_t i;
    json_t *environment;
    json_array_foreach(json_object_get(row, "environments"), i, environment) print_environment(environment);
}
