#include "agent/core/variables.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* clang-format off */
static const struct {
    const char *name;
    bool is_prefix;
    const char *why;
} refused[] = {
    /* name             prefix   why */
    { "LD_",            true,    "it makes the linker load other code" },
    { "GLIBC_",         true,    "it changes the C library" },
    { "MALLOC_",        true,    "it changes the C library" },
    { "GCONV_PATH",     false,   "it makes the C library load other code" },
    { "GETCONF_DIR",    false,   "it makes the C library run other code" },
    { "LOCPATH",        false,   "it makes the C library read other files" },
    { "NLSPATH",        false,   "it makes the C library read other files" },
    { "CHANCERY_",      true,    "it is for Chancery itself" },
    { "NOTIFY_SOCKET",  false,   "it is the service manager's" },
    { "LISTEN_",        true,    "it is the service manager's" },
};

static const char *const secret_endings[] = {"PIN", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET"};
/* clang-format on */

static bool is_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char letters_and_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    size_t size = strlen(name);
    return size > 0 && size <= CH_VARIABLE_NAME_MAX && strchr(letters, name[0]) != NULL &&
           strspn(name, letters_and_digits) == size;
}

static bool ends_with(const char *name, const char *ending)
{
    size_t size = strlen(name);
    return size >= strlen(ending) && strcasecmp(name + size - strlen(ending), ending) == 0;
}

static ch_status check_name(const ch_value *value, ch_error *err)
{
    const char *name = value->name;
    if (!is_name(name))
        return ch_yaml_fail(value->node, err,
                            "the name of a variable is 1 to %d letters, digits and '_', and begins with no digit",
                            CH_VARIABLE_NAME_MAX);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (strncmp(name, refused[i].name, strlen(refused[i].name) + !refused[i].is_prefix) == 0)
            return ch_yaml_fail(value->node, err, "the variable '%s' can't be set here: %s", name, refused[i].why);
    }
    for (size_t i = 0; i < sizeof secret_endings / sizeof *secret_endings; i++) {
        if (ends_with(name, secret_endings[i]))
            return ch_yaml_fail(
                value->node, err,
                "the variable '%s' can't be set here: by its name it holds a secret, which has no place "
                "in a file or an environment; 'chancery unlock' passes a PIN safely",
                name);
    }
    return CH_OK;
}

/* ---- the map ---- */

static ch_status read_variable(const ch_value *value, ch_error *err)
{
    char **out = value->out;
    const char *text = NULL;
    ch_autobuffer both = CH_BUFFER_INIT;
    CH_TRY(check_name(value, err));
    CH_TRY(ch_yaml_text(value->node, &text, err));
    if (strlen(text) > CH_VARIABLE_VALUE_MAX)
        return ch_yaml_fail(value->node, err, "the variable '%s' is longer than %d bytes", value->name,
                            CH_VARIABLE_VALUE_MAX);
    ch_buffer_add_format(&both, "%s=", value->name);
    ch_buffer_add_text(&both, text);
    *out = ch_strdup(ch_buffer_text(&both));
    return CH_OK;
}

static int compare(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

ch_status ch_field_variables(const ch_value *value, ch_error *err)
{
    static const ch_entries entries = {
        "variable", CH_YAML_MAP, 0, CH_VARIABLES_MAX, {.read = read_variable, .size = sizeof(char *)}
    };
    ch_variables *out = value->out;
    out->list = ch_alloc((ch_yaml_count(value->node) + 1) * sizeof *out->list);
    CH_TRY(ch_entries_read(value->node, &entries, out->list, &out->count, NULL, err));
    qsort(out->list, out->count, sizeof *out->list, compare);
    return CH_OK;
}

void ch_variables_free(ch_variables *variables)
{
    for (size_t i = 0; i < variables->count; i++)
        free(variables->list[i]);
    free(variables->list);
    *variables = (ch_variables){0};
}

ch_variables ch_variables_copy(const ch_variables *variables)
{
    ch_variables copy = {.list = ch_alloc((variables->count + 1) * sizeof *copy.list), .count = variables->count};
    for (size_t i = 0; i < copy.count; i++)
        copy.list[i] = ch_strdup(variables->list[i]);
    return copy;
}

bool ch_variables_are_same(const ch_variables *one, const ch_variables *other)
{
    bool are_same = one->count == other->count;
    for (size_t i = 0; are_same && i < one->count; i++)
        are_same = strcmp(one->list[i], other->list[i]) == 0;
    return are_same;
}
