/* A recipe's templates are compiled in the order in which they run, each seeing only what stands above it; that is what
 * makes every recipe end. What stands after the payloads runs when the signatures are back and the bot's parameters are
 * gone. */
#include "exchange/load_recipes.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "exchange/recipe.h"
#include "exchange/seams.h"
#include "exchange/shape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What the template that comes next may name. */
typedef struct scope {
    ch_recipe *recipe;
    const char *values[CH_RECIPE_INPUTS_MAX];
    size_t value_count;
    const char *lists[CH_RECIPE_LISTS_MAX];
    size_t list_count;
    bool is_after_payloads;
} scope;

/* ---- the scope ---- */

static void open_scope(scope *in, const ch_profile *profile, ch_recipe *recipe)
{
    *in = (scope){.recipe = recipe, .value_count = CH_BUILTIN_COUNT};
    for (ch_builtin i = 0; i < CH_BUILTIN_COUNT; i++)
        in->values[i] = ch_builtin_name(i);
    in->values[CH_BUILTIN_SIGNATURE] = NULL; /* until the payload is signed */
    if (profile->nonce.unit_ns == 0)
        in->values[CH_BUILTIN_NONCE] = NULL;
    if (profile->window.param == NULL)
        in->values[CH_BUILTIN_WINDOW] = NULL;
}

static void add_value_name(scope *in, const char *name)
{
    assert(in->value_count < CH_RECIPE_INPUTS_MAX);
    in->values[in->value_count++] = name;
}

static void go_after_payloads(scope *in)
{
    if (in->is_after_payloads)
        return;
    in->is_after_payloads = true;
    in->list_count = 0;
    in->values[CH_BUILTIN_SIGNATURE] = ch_builtin_name(CH_BUILTIN_SIGNATURE);
    for (size_t i = 1; i < in->recipe->payload_count; i++)
        add_value_name(in, in->recipe->payloads[i].name);
}

static ch_status compile(const scope *in, const ch_yaml *node, ch_template *out, ch_error *err)
{
    const ch_names names = {in->values, in->value_count, in->lists, in->list_count};
    const char *text = NULL;
    ch_error reason = CH_ERROR_INIT;
    CH_TRY(ch_yaml_text(node, &text, err));
    if (ch_template_compile(text, &names, out, &reason) != CH_OK)
        return ch_yaml_fail(node, err, "%s", reason.message);
    for (size_t i = 0; i < CH_BUILTIN_COUNT; i++)
        in->recipe->uses[i] |= ch_template_uses_value(out, i);
    return CH_OK;
}

static bool is_taken(const scope *in, const char *name)
{
    for (ch_builtin i = 0; i < CH_BUILTIN_COUNT; i++) {
        if (strcmp(name, ch_builtin_name(i)) == 0)
            return true;
    }
    for (size_t i = CH_BUILTIN_COUNT; i < in->value_count; i++) {
        if (strcmp(name, in->values[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < in->list_count; i++) {
        if (strcmp(name, in->lists[i]) == 0)
            return true;
    }
    return false;
}

/* A new name is one that a template can spell and that hides nothing. */
static ch_status check_new_name(const scope *in, const ch_yaml *node, const char *name, ch_error *err)
{
    if (*name == '\0' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name))
        return ch_yaml_fail(node, err, "'%s' can't be a name here; use a-z, 0-9 and _", name);
    if (is_taken(in, name))
        return ch_yaml_fail(node, err, "there is a value or list '%s' already", name);
    return CH_OK;
}

/* ---- lists ---- */

/* A template into a ch_template. */
static ch_status read_template(const ch_value *value, ch_error *err)
{
    return compile(value->context, value->node, value->out, err);
}

static const ch_word end_words[] = {
    {"last",  false},
    {"first", true },
};
static const ch_words ends = CH_WORDS("place", end_words);

/* clang-format off */
static const ch_field field_fields[] = {
    /* name     required  reader            where                                 words */
    { "name",   true,     ch_field_text,    CH_MEMBER(ch_list_field, name)        },
    { "value",  true,     read_template,    CH_MEMBER(ch_list_field, value)       },
    { "at",     false,    ch_field_choice,  CH_MEMBER(ch_list_field, is_first),   .words = &ends },
    { "bare",   false,    ch_field_bool,    CH_MEMBER(ch_list_field, is_bare)     },
};
/* clang-format on */

static ch_status read_field(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(field_fields), value->out, value->context, err);
}

static ch_status read_list_fields(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "field", CH_YAML_LIST, 0, CH_LIST_FIELDS_MAX, {.read = read_field, .size = sizeof(ch_list_field)}
    };
    ch_recipe_list *list = value->out;
    CH_TRY(ch_entries_read(value->node, &entries, list->fields, &list->field_count, value->context, err));
    for (size_t i = 0; i < list->field_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(list->fields[i].name, list->fields[j].name) == 0)
                return ch_yaml_fail(ch_yaml_item(value->node, i), err, "field '%s' is in this list already",
                                    list->fields[i].name);
        }
    }
    return CH_OK;
}

static const ch_word takes_words[CH_TAKES_COUNT] = {
    {"none",   CH_TAKES_NONE  },
    {"params", CH_TAKES_PARAMS},
    {"query",  CH_TAKES_QUERY },
    {"body",   CH_TAKES_BODY  },
};
static const ch_words takes = CH_WORDS("set of parameters", takes_words);

static const ch_word order_words[] = {
    {"given",  false},
    {"sorted", true },
};
static const ch_words orders = CH_WORDS("order", order_words);

/* clang-format off */
static const ch_field list_fields[] = {
    /* name      required  reader             where                                  words */
    { "takes",   false,    ch_field_choice,   CH_MEMBER(ch_recipe_list, takes),      .words = &takes },
    { "order",   false,    ch_field_choice,   CH_MEMBER(ch_recipe_list, is_sorted),  .words = &orders },
    { "fields",  false,    read_list_fields,  CH_WHOLE                               },
};
/* clang-format on */

static ch_status read_list(const ch_value *value, ch_error *err)
{
    ch_recipe_list *list = value->out;
    CH_TRY(check_new_name(value->context, value->node, value->name, err));
    list->name = ch_strdup(value->name);
    list->takes = CH_TAKES_PARAMS;
    return ch_fields_read(value->node, CH_FIELDS(list_fields), list, value->context, err);
}

/* Lists can be named when all are there: fields use none. */
static ch_status read_lists(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "list", CH_YAML_MAP, 0, CH_RECIPE_LISTS_MAX, {.read = read_list, .size = sizeof(ch_recipe_list)}
    };
    scope *in = value->context;
    ch_recipe *recipe = value->out;
    CH_TRY(ch_entries_read(value->node, &entries, recipe->lists, &recipe->list_count, in, err));
    for (size_t i = 0; i < recipe->list_count; i++)
        in->lists[in->list_count++] = recipe->lists[i].name;
    return CH_OK;
}

/* ---- values and payloads ---- */

static ch_status read_value(const ch_value *value, ch_error *err)
{
    scope *in = value->context;
    ch_named_template *named = value->out;
    CH_TRY(check_new_name(in, value->node, value->name, err));
    named->name = ch_strdup(value->name);
    CH_TRY(compile(in, value->node, &named->text, err));
    add_value_name(in, named->name);
    return CH_OK;
}

static ch_status read_values(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "value", CH_YAML_MAP, 0, CH_RECIPE_VALUES_MAX, {.read = read_value, .size = sizeof(ch_named_template)}
    };
    ch_recipe *recipe = value->out;
    return ch_entries_read(value->node, &entries, recipe->values, &recipe->value_count, value->context, err);
}

static ch_status read_message(const ch_value *value, ch_error *err)
{
    ch_recipe *recipe = value->out;
    recipe->payload_count = 1;
    return compile(value->context, value->node, &recipe->payloads[0].text, err);
}

/* Payloads that are signed besides the request's may hold nothing of it: they would be signatures that nobody judged.
 */
static ch_status read_other_payload(const ch_value *value, ch_error *err)
{
    static const ch_builtin allowed[] = {CH_BUILTIN_KEY_ID,  CH_BUILTIN_PASSPHRASE, CH_BUILTIN_TIME_S,
                                         CH_BUILTIN_TIME_MS, CH_BUILTIN_TIME_US,    CH_BUILTIN_TIME_ISO};
    const scope *in = value->context;
    ch_named_template *payload = value->out;
    scope narrow = {.recipe = in->recipe, .value_count = CH_BUILTIN_COUNT};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        narrow.values[allowed[i]] = ch_builtin_name(allowed[i]);
    CH_TRY(check_new_name(in, value->node, value->name, err));
    payload->name = ch_strdup(value->name);
    return compile(&narrow, value->node, &payload->text, err);
}

static ch_status read_other_payloads(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "payload",
        CH_YAML_MAP,
        0,
        CH_RECIPE_PAYLOADS_MAX - 1,
        {.read = read_other_payload, .size = sizeof(ch_named_template)}
    };
    ch_recipe *recipe = value->out;
    size_t count = 0;
    ch_status st = ch_entries_read(value->node, &entries, &recipe->payloads[1], &count, value->context, err);
    recipe->payload_count = 1 + count;
    return st;
}

/* ---- what is sent ---- */

static ch_status read_sent(const ch_value *value, ch_error *err)
{
    go_after_payloads(value->context);
    return read_template(value, err);
}

/* True if the text from part `at` on cannot make the host before it another one. */
static bool ends_host(const ch_recipe *recipe, const ch_template *text, size_t at)
{
    if (at == text->part_count)
        return true;
    const ch_template_part *part = &text->parts[at];
    if (part->is_literal)
        return part->literal.data[0] == '/' || part->literal.data[0] == '?';
    if (part->style != NULL || part->filter_count > 0)
        return false;
    if (part->index < CH_BUILTIN_COUNT)
        return part->index == CH_BUILTIN_PATH;
    size_t value = part->index - CH_BUILTIN_COUNT;
    return value < recipe->value_count && recipe->values[value].text.part_count > 0 &&
           ends_host(recipe, &recipe->values[value].text, 0);
}

static bool is_origin(const ch_template_part *part)
{
    return !part->is_literal && part->style == NULL && part->index == CH_BUILTIN_ORIGIN && part->filter_count == 0;
}

/* Otherwise it would be the same host in every environment. */
static ch_status check_url(const ch_recipe *recipe, const ch_yaml *node, ch_error *err)
{
    const ch_template *url = &recipe->url;
    if (url->part_count > 0 && is_origin(&url->parts[0]) && ends_host(recipe, url, 1))
        return CH_OK;
    return ch_yaml_fail(node, err, "'url' must begin with {origin}, and go on with {path}, a / or a ?");
}

bool ch_is_header_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return *name != '\0' && strspn(name, allowed) == strlen(name);
}

/* Checked here, because otherwise it would be noticed only after the token has signed. */
static bool is_header_text(const ch_template *text)
{
    for (size_t i = 0; i < text->part_count; i++) {
        if (text->parts[i].is_literal && !ch_header_may_hold(text->parts[i].literal))
            return false;
    }
    return true;
}

static ch_status read_header(const ch_value *value, ch_error *err)
{
    ch_named_template *header = value->out;
    if (!ch_is_header_name(value->name))
        return ch_yaml_fail(value->node, err, "'%s' can't be the name of a header", value->name);
    header->name = ch_strdup(value->name);
    CH_TRY(compile(value->context, value->node, &header->text, err));
    return is_header_text(&header->text)
               ? CH_OK
               : ch_yaml_fail(value->node, err, "header '%s' holds a character that is not ASCII; encode it",
                              value->name);
}

static ch_status read_headers(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "header", CH_YAML_MAP, 0, CH_RECIPE_HEADERS_MAX, {.read = read_header, .size = sizeof(ch_named_template)}
    };
    ch_recipe *recipe = value->out;
    go_after_payloads(value->context);
    return ch_entries_read(value->node, &entries, recipe->headers, &recipe->header_count, value->context, err);
}

/* ---- a recipe ---- */

static ch_status read_opens(const ch_value *value, ch_error *err)
{
    return ch_classes_read(value->node, value->out, err);
}

static const ch_word covers_words[] = {
    {"method", CH_COVERS_METHOD},
    {"host",   CH_COVERS_HOST  },
    {"path",   CH_COVERS_PATH  },
    {"params", CH_COVERS_PARAMS},
};
static const ch_words covers = CH_WORDS("part of a request", covers_words);

/* clang-format off */
static const ch_field fields[] = {
    /* name          required  reader                where                         words */
    { "covers",      true,     ch_field_set,         CH_MEMBER(ch_recipe, covers), .words = &covers },
    { "opens",       false,    read_opens,           CH_MEMBER(ch_recipe, opens)   },
    { "lists",       false,    read_lists,           CH_WHOLE                      },
    { "values",      false,    read_values,          CH_WHOLE                      },
    { "message",     true,     read_message,         CH_WHOLE                      },
    { "also_signs",  false,    read_other_payloads,  CH_WHOLE                      },
    { "url",         true,     read_sent,            CH_MEMBER(ch_recipe, url)     },
    { "body",        false,    read_sent,            CH_MEMBER(ch_recipe, body)    },
    { "headers",     false,    read_headers,         CH_WHOLE                      },
    { "joins_body",  false,    ch_field_bool,        CH_MEMBER(ch_recipe, joins_body) },
};
/* clang-format on */

/* A recipe may not claim to cover what its payload does not show. */
static ch_status check_claims(const ch_recipe *recipe, const ch_yaml *node, ch_error *err)
{
    /* clang-format off */
    static const struct {
        unsigned covers;
        unsigned shows;
    } claims[] = {
        /* covers             the payload shows all of */
        { CH_COVERS_METHOD,   CH_SHOWS_METHOD },
        { CH_COVERS_HOST,     CH_SHOWS_HOST },
        { CH_COVERS_PATH,     CH_SHOWS_PATH },
        { CH_COVERS_PARAMS,   CH_SHOWS_QUERY | CH_SHOWS_BODY },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        if ((recipe->covers & claims[i].covers) != 0 && (recipe->shows & claims[i].shows) != claims[i].shows)
            return ch_yaml_fail(node, err, "'covers' claims %s, but the message does not show it",
                                ch_words_text(&covers, claims[i].covers));
    }
    return CH_OK;
}

static ch_status read_recipe(const ch_value *value, ch_error *err)
{
    const ch_profile *profile = value->context;
    ch_recipe *recipe = value->out;
    scope in;
    open_scope(&in, profile, recipe);
    recipe->name = ch_strdup(value->name);
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), recipe, &in, err));
    if (!recipe->uses[CH_BUILTIN_SIGNATURE])
        return ch_yaml_fail(value->node, err, "neither url, body nor a header uses {signature}");
    CH_TRY(check_url(recipe, value->node, err));
    if (!ch_shape_find(recipe))
        return ch_yaml_fail(value->node, err, "the message is made of too many parts; use fewer values");
    ch_error reason = CH_ERROR_INIT;
    if (ch_seams_find(recipe, &reason) != CH_OK)
        return ch_yaml_fail(value->node, err, "%s", reason.message);
    return check_claims(recipe, value->node, err);
}

ch_status ch_recipes_read(ch_profile *profile, const ch_yaml *recipes, ch_error *err)
{
    static const ch_entries entries = {
        "recipe", CH_YAML_MAP, 0, 0, {.read = read_recipe, .size = sizeof(ch_recipe)}
    };
    profile->recipes = ch_alloc(ch_yaml_count(recipes) * sizeof *profile->recipes);
    CH_TRY(ch_entries_read(recipes, &entries, profile->recipes, &profile->recipe_count, profile, err));
    ch_shapes_number(profile);
    return CH_OK;
}

/* ---- freeing ---- */

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

static void free_recipe(ch_recipe *recipe)
{
    free(recipe->name);
    free(recipe->shape);
    free(recipe->empty_shape);
    free(recipe->field_names);
    for (size_t i = 0; i < recipe->list_count; i++)
        free_list(&recipe->lists[i]);
    free_named(recipe->values, recipe->value_count);
    free_named(recipe->payloads, recipe->payload_count);
    free_named(recipe->headers, recipe->header_count);
    ch_template_free(&recipe->url);
    ch_template_free(&recipe->body);
}

void ch_recipes_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->recipe_count; i++)
        free_recipe(&profile->recipes[i]);
    free(profile->recipes);
}
