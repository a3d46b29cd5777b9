/* A recipe's templates are compiled in the order in which they run, each seeing only what stands above it; that is what
 * makes every recipe end. */
#include "base/error.h"
#include "base/memory.h"
#include "exchange/profile_impl.h"

#include <stdlib.h>
#include <string.h>

static const char *const builtins[CH_BUILTIN_COUNT] = {
    [CH_BUILTIN_METHOD] = "method",   [CH_BUILTIN_PATH] = "path",           [CH_BUILTIN_ORIGIN] = "origin",
    [CH_BUILTIN_HOST] = "host",       [CH_BUILTIN_KEY_ID] = "key_id",       [CH_BUILTIN_PASSPHRASE] = "passphrase",
    [CH_BUILTIN_ALG] = "alg",         [CH_BUILTIN_TIME_S] = "time_s",       [CH_BUILTIN_TIME_MS] = "time_ms",
    [CH_BUILTIN_TIME_US] = "time_us", [CH_BUILTIN_TIME_ISO] = "time_iso",   [CH_BUILTIN_TIME_UTC] = "time_utc",
    [CH_BUILTIN_NONCE] = "nonce",     [CH_BUILTIN_UUID] = "uuid",           [CH_BUILTIN_RANDOM] = "random",
    [CH_BUILTIN_NEWLINE] = "newline", [CH_BUILTIN_SIGNATURE] = "signature",
};

const char *ch_builtin_name(ch_builtin builtin)
{
    return builtins[builtin];
}

/* What the template that comes next may name. */
typedef struct scope {
    const ch_profile *profile;
    ch_recipe *recipe;
    const char *values[CH_BUILTIN_COUNT + CH_RECIPE_VALUES_MAX + CH_RECIPE_EXTRAS_MAX];
    const char *lists[CH_RECIPE_LISTS_MAX];
    ch_names names;
} scope;

static void open_scope(scope *in, const ch_profile *profile, ch_recipe *recipe)
{
    *in = (scope){.profile = profile, .recipe = recipe};
    memcpy(in->values, builtins, sizeof builtins);
    in->values[CH_BUILTIN_SIGNATURE] = NULL; /* until the message is made */
    if (profile->nonce_ns == 0)
        in->values[CH_BUILTIN_NONCE] = NULL;
    in->names = (ch_names){in->values, CH_BUILTIN_COUNT, in->lists, 0};
}

static ch_status compile(const scope *in, const ch_yaml *node, ch_template *out, ch_error *err)
{
    const char *text = NULL;
    ch_status st = ch_yaml_text(node, &text, err);
    if (st != CH_OK)
        return st;
    ch_error reason = CH_ERROR_INIT;
    st = ch_template_compile(text, &in->names, out, &reason);
    if (st != CH_OK)
        return ch_yaml_fail(node, err, "%s", reason.message);
    for (size_t i = 0; i < CH_BUILTIN_COUNT; i++)
        in->recipe->uses[i] |= ch_template_uses_value(out, i);
    return CH_OK;
}

/* A name that a template can spell and that hides nothing. */
static ch_status check_new_name(const scope *in, const ch_yaml *node, const char *name, ch_error *err)
{
    if (*name == '\0' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name))
        return ch_yaml_fail(node, err, "'%s' can't be a name here: a-z, 0-9 and _", name);
    bool is_taken = false;
    for (size_t i = 0; i < CH_BUILTIN_COUNT; i++)
        is_taken |= strcmp(name, builtins[i]) == 0;
    for (size_t i = CH_BUILTIN_COUNT; i < in->names.value_count; i++)
        is_taken |= strcmp(name, in->values[i]) == 0;
    for (size_t i = 0; i < in->names.list_count; i++)
        is_taken |= strcmp(name, in->lists[i]) == 0;
    return is_taken ? ch_yaml_fail(node, err, "there is a value or list '%s' already", name) : CH_OK;
}

static ch_status read_field(const scope *in, const ch_yaml *map, ch_recipe_list *list, ch_error *err)
{
    static const char *const ends[] = {"last", "first"};
    ch_list_field *field = &list->fields[list->field_count];
    unsigned end = 0;
    const ch_yaml *node = NULL;
    const char *name = NULL;
    ch_status st = ch_yaml_require_text(map, "name", &node, &name, err);
    if (st != CH_OK)
        return st;
    for (size_t i = 0; i < list->field_count; i++) {
        if (strcmp(list->fields[i].name, name) == 0)
            return ch_yaml_fail(node, err, "field '%s' is in this list already", name);
    }
    field->name = ch_strdup(name);
    list->field_count++;
    st = ch_yaml_require(map, "value", &node, err);
    if (st == CH_OK)
        st = compile(in, node, &field->value, err);
    if (st == CH_OK)
        st = ch_yaml_choice(map, "at", ends, 2, &end, err);
    field->is_first = end == 1;
    if (st == CH_OK)
        st = ch_yaml_flag(map, "bare", &field->is_bare, err);
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

static ch_status read_takes(const ch_yaml *map, ch_takes *out, ch_error *err)
{
    static const char *const names[CH_TAKES_COUNT] = {"none", "params", "query", "body"};
    unsigned takes = CH_TAKES_PARAMS;
    ch_status st = ch_yaml_choice(map, "takes", names, CH_TAKES_COUNT, &takes, err);
    *out = (ch_takes)takes;
    return st;
}

static ch_status read_list(const scope *in, const ch_yaml *map, ch_recipe_list *list, ch_error *err)
{
    static const char *const orders[] = {"given", "sorted"};
    unsigned order = 0;
    ch_status st = ch_yaml_expect_map(map, err);
    if (st == CH_OK)
        st = read_takes(map, &list->takes, err);
    if (st == CH_OK)
        st = ch_yaml_choice(map, "order", orders, 2, &order, err);
    list->is_sorted = order == 1;
    const ch_yaml *fields = st == CH_OK ? ch_yaml_get(map, "fields") : NULL;
    if (fields != NULL)
        st = ch_yaml_expect_list(fields, err);
    if (st == CH_OK && fields != NULL && ch_yaml_count(fields) > CH_LIST_FIELDS_MAX)
        st = ch_yaml_fail(fields, err, "there are more than %d fields", CH_LIST_FIELDS_MAX);
    for (size_t i = 0; st == CH_OK && fields != NULL && i < ch_yaml_count(fields); i++)
        st = read_field(in, ch_yaml_item(fields, i), list, err);
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

static ch_status read_lists(scope *in, const ch_yaml *lists, ch_error *err)
{
    ch_status st = lists == NULL ? CH_OK : ch_yaml_expect_map(lists, err);
    if (st != CH_OK || lists == NULL)
        return st;
    if (ch_yaml_count(lists) > CH_RECIPE_LISTS_MAX)
        return ch_yaml_fail(lists, err, "there are more than %d lists", CH_RECIPE_LISTS_MAX);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(lists); i++) {
        const char *name = ch_yaml_key_at(lists, i);
        const ch_yaml *map = ch_yaml_value_at(lists, i);
        st = check_new_name(in, map, name, err);
        if (st != CH_OK)
            break;
        ch_recipe_list *list = &in->recipe->lists[in->recipe->list_count++];
        list->name = ch_strdup(name);
        st = read_list(in, map, list, err);
        in->lists[i] = list->name;
    }
    in->names.list_count = in->recipe->list_count;
    return st;
}

static ch_status read_values(scope *in, const ch_yaml *values, ch_error *err)
{
    ch_status st = values == NULL ? CH_OK : ch_yaml_expect_map(values, err);
    if (st != CH_OK || values == NULL)
        return st;
    if (ch_yaml_count(values) > CH_RECIPE_VALUES_MAX)
        return ch_yaml_fail(values, err, "there are more than %d values", CH_RECIPE_VALUES_MAX);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(values); i++) {
        const char *name = ch_yaml_key_at(values, i);
        const ch_yaml *node = ch_yaml_value_at(values, i);
        st = check_new_name(in, node, name, err);
        if (st != CH_OK)
            break;
        ch_named_template *value = &in->recipe->values[in->recipe->value_count++];
        value->name = ch_strdup(name);
        st = compile(in, node, &value->text, err);
        in->values[in->names.value_count++] = value->name;
    }
    return st;
}

static bool is_header_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return *name != '\0' && strspn(name, allowed) == strlen(name);
}

static ch_status read_headers(const scope *in, const ch_yaml *headers, ch_error *err)
{
    ch_status st = headers == NULL ? CH_OK : ch_yaml_expect_map(headers, err);
    if (st != CH_OK || headers == NULL)
        return st;
    if (ch_yaml_count(headers) > CH_RECIPE_HEADERS_MAX)
        return ch_yaml_fail(headers, err, "there are more than %d headers", CH_RECIPE_HEADERS_MAX);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(headers); i++) {
        const char *name = ch_yaml_key_at(headers, i);
        const ch_yaml *node = ch_yaml_value_at(headers, i);
        if (!is_header_name(name))
            return ch_yaml_fail(node, err, "'%s' can't be the name of a header", name);
        ch_named_template *header = &in->recipe->headers[in->recipe->header_count++];
        header->name = ch_strdup(name);
        st = compile(in, node, &header->text, err);
    }
    return st;
}

static ch_status read_covers(const ch_yaml *map, unsigned *covers, ch_error *err)
{
    static const struct {
        const char *name;
        unsigned bit;
    } parts[] = {
        {"method", CH_COVERS_METHOD},
        {"host",   CH_COVERS_HOST  },
        {"path",   CH_COVERS_PATH  },
        {"params", CH_COVERS_PARAMS},
    };
    const ch_yaml *list = NULL;
    ch_status st = ch_yaml_require(map, "covers", &list, err);
    if (st == CH_OK)
        st = ch_yaml_expect_list(list, err);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(list); i++) {
        const char *name = NULL;
        st = ch_yaml_text(ch_yaml_item(list, i), &name, err);
        unsigned bit = 0;
        for (size_t j = 0; st == CH_OK && j < sizeof parts / sizeof parts[0]; j++)
            bit |= strcmp(name, parts[j].name) == 0 ? parts[j].bit : 0;
        if (st == CH_OK && bit == 0)
            st = ch_yaml_fail(ch_yaml_item(list, i), err, "'covers' lists method, host, path and params; '%s' is none",
                              name);
        *covers |= bit;
    }
    return st;
}

/* A recipe may not claim to cover what its message does not show. */
static ch_status check_message(const ch_yaml *map, ch_recipe *recipe, ch_error *err)
{
    static const struct {
        unsigned covers;
        unsigned shown;
        const char *name;
    } claims[] = {
        {CH_COVERS_METHOD, CH_COVERS_METHOD,               "method"},
        {CH_COVERS_HOST,   CH_COVERS_HOST,                 "host"  },
        {CH_COVERS_PATH,   CH_COVERS_PATH,                 "path"  },
        {CH_COVERS_PARAMS, CH_SHOWS_QUERY | CH_SHOWS_BODY, "params"},
    };
    if (!ch_recipe_find_shape(recipe))
        return ch_yaml_fail(map, err, "the message is made of too many parts");
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        if ((recipe->covers & claims[i].covers) != 0 && (recipe->shown & claims[i].shown) != claims[i].shown)
            return ch_yaml_fail(map, err, "'covers' claims %s, but the message does not show it", claims[i].name);
    }
    return CH_OK;
}

/* ---- a recipe ---- */

/* Texts that are signed beside the request may hold nothing of it: they would be signatures that nobody judged. */
static ch_status read_extras(scope *in, const ch_yaml *map, ch_error *err)
{
    static const bool allowed[CH_BUILTIN_COUNT] = {
        [CH_BUILTIN_KEY_ID] = true,  [CH_BUILTIN_PASSPHRASE] = true, [CH_BUILTIN_TIME_S] = true,
        [CH_BUILTIN_TIME_MS] = true, [CH_BUILTIN_TIME_US] = true,    [CH_BUILTIN_TIME_ISO] = true,
    };
    ch_status st = map == NULL ? CH_OK : ch_yaml_expect_map(map, err);
    if (st != CH_OK || map == NULL)
        return st;
    if (ch_yaml_count(map) > CH_RECIPE_EXTRAS_MAX)
        return ch_yaml_fail(map, err, "there are more than %d texts", CH_RECIPE_EXTRAS_MAX);
    scope narrow = *in;
    for (size_t i = 0; i < CH_BUILTIN_COUNT; i++)
        narrow.values[i] = allowed[i] ? builtins[i] : NULL;
    narrow.names = (ch_names){narrow.values, CH_BUILTIN_COUNT, narrow.lists, 0};
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(map); i++) {
        const ch_yaml *node = ch_yaml_value_at(map, i);
        ch_named_template *extra = &in->recipe->extras[in->recipe->extra_count++];
        extra->name = ch_strdup(ch_yaml_key_at(map, i));
        st = check_new_name(in, node, extra->name, err);
        if (st == CH_OK)
            st = compile(&narrow, node, &extra->text, err);
    }
    return st;
}

/* What follows the message runs when the signatures are back and the bot's parameters are gone. */
static void enter_second_half(scope *in)
{
    in->values[CH_BUILTIN_SIGNATURE] = builtins[CH_BUILTIN_SIGNATURE];
    in->names.list_count = 0;
    for (size_t i = 0; i < in->recipe->extra_count; i++)
        in->values[in->names.value_count++] = in->recipe->extras[i].name;
}

static ch_status read_first_half(scope *in, const ch_yaml *map, ch_error *err)
{
    const ch_yaml *node = NULL;
    ch_status st = read_covers(map, &in->recipe->covers, err);
    const ch_yaml *opens = st == CH_OK ? ch_yaml_get(map, "opens") : NULL;
    if (opens != NULL)
        st = ch_classes_read(opens, &in->recipe->opens, err);
    if (st == CH_OK)
        st = read_lists(in, ch_yaml_get(map, "lists"), err);
    if (st == CH_OK)
        st = read_values(in, ch_yaml_get(map, "values"), err);
    if (st == CH_OK)
        st = ch_yaml_require(map, "message", &node, err);
    if (st == CH_OK)
        st = compile(in, node, &in->recipe->message, err);
    if (st == CH_OK)
        st = read_extras(in, ch_yaml_get(map, "also_signs"), err);
    return st == CH_OK ? check_message(map, in->recipe, err) : st;
}

static ch_status read_recipe(const ch_profile *profile, const ch_yaml *map, ch_recipe *recipe, ch_error *err)
{
    scope in;
    const ch_yaml *node = NULL;
    open_scope(&in, profile, recipe);
    ch_status st = ch_yaml_expect_map(map, err);
    if (st == CH_OK)
        st = read_first_half(&in, map, err);
    enter_second_half(&in);
    if (st == CH_OK)
        st = ch_yaml_require(map, "url", &node, err);
    if (st == CH_OK)
        st = compile(&in, node, &recipe->url, err);
    node = st == CH_OK ? ch_yaml_get(map, "body") : NULL;
    if (node != NULL)
        st = compile(&in, node, &recipe->body, err);
    if (st == CH_OK)
        st = read_headers(&in, ch_yaml_get(map, "headers"), err);
    if (st == CH_OK && !recipe->uses[CH_BUILTIN_SIGNATURE])
        st = ch_yaml_fail(map, err, "neither url, body nor a header uses {signature}");
    return st == CH_OK ? ch_yaml_check_known(map, err) : st;
}

ch_status ch_recipes_load(ch_profile *profile, const ch_yaml *recipes, ch_error *err)
{
    ch_status st = ch_yaml_expect_map(recipes, err);
    if (st != CH_OK)
        return st;
    profile->recipes = ch_alloc(ch_yaml_count(recipes) * sizeof *profile->recipes);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(recipes); i++) {
        ch_recipe *recipe = &profile->recipes[profile->recipe_count++];
        recipe->name = ch_strdup(ch_yaml_key_at(recipes, i));
        st = read_recipe(profile, ch_yaml_value_at(recipes, i), recipe, err);
    }
    if (st == CH_OK)
        ch_recipes_number_shapes(profile);
    return st;
}

static void free_named(ch_named_template *named, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(named[i].name);
        ch_template_free(&named[i].text);
    }
}

static void free_list(ch_recipe_list *list)
{
    free(list->name);
    for (size_t i = 0; i < list->field_count; i++) {
        free(list->fields[i].name);
        ch_template_free(&list->fields[i].value);
    }
}

void ch_recipes_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->recipe_count; i++) {
        ch_recipe *recipe = &profile->recipes[i];
        free(recipe->name);
        free(recipe->shape);
        free(recipe->empty_shape);
        free(recipe->field_names);
        free_named(recipe->extras, recipe->extra_count);
        for (size_t j = 0; j < recipe->list_count; j++)
            free_list(&recipe->lists[j]);
        free_named(recipe->values, recipe->value_count);
        free_named(recipe->headers, recipe->header_count);
        ch_template_free(&recipe->message);
        ch_template_free(&recipe->url);
        ch_template_free(&recipe->body);
    }
    free(profile->recipes);
}
