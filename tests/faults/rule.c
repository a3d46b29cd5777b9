/* Words are rows of two tables. A word is a name, or NAME=VALUE. */
#include "tests/faults/rule.h"

#include "tests/faults/names.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GARBAGE 0xAA

typedef struct word {
    const char *name;
    bool (*read)(rule *out, const char *value);
} word;

/* ---- reading ---- */

static bool read_ulong(const char *text, unsigned long *out)
{
    char *end = NULL;
    *out = strtoul(text, &end, 10);
    return *text != '\0' && *end == '\0';
}

static bool read_key(rule *out, const char *value)
{
    return (size_t)snprintf(out->key, sizeof out->key, "%s", value) < sizeof out->key;
}

static bool read_mechanism(rule *out, const char *value)
{
    out->has_type = true;
    return name_number(value, &out->type);
}

static bool read_chance(rule *out, const char *value)
{
    char *end = NULL;
    out->chance = strtod(value, &end);
    return *value != '\0' && *end == '\0';
}

static bool read_result(rule *out, const char *value)
{
    out->has_result = true;
    return name_number(value, &out->result);
}

static bool read_delay(rule *out, const char *value)
{
    return read_ulong(value, &out->delay_ms);
}

static bool read_exit(rule *out, const char *value)
{
    unsigned long status;
    bool is_read = read_ulong(value, &status) && status < 256;
    out->exit_status = is_read ? (int)status : -1;
    return is_read;
}

static bool read_long(rule *out, const char *value)
{
    unsigned long bytes;
    bool is_read = read_ulong(value, &bytes) && bytes < LONG_MAX;
    out->more_bytes = is_read ? (long)bytes : 0;
    return is_read;
}

static bool read_short(rule *out, const char *value)
{
    bool is_read = read_long(out, value);
    out->more_bytes = -out->more_bytes;
    return is_read;
}

static bool set_after(rule *out, const char *value)
{
    (void)value;
    return out->is_after = true;
}

static bool set_hangs(rule *out, const char *value)
{
    (void)value;
    return out->hangs = true;
}

static bool set_crashes(rule *out, const char *value)
{
    (void)value;
    return out->crashes = true;
}

static bool set_garbage(rule *out, const char *value)
{
    (void)value;
    return out->is_garbage = true;
}

/* clang-format off */
static const word conditions[] = {
    { "key=",  read_key },
    { "mech=", read_mechanism },
    { "p=",    read_chance },
};

static const word actions[] = {
    { "rv=",     read_result },
    { "delay=",  read_delay },
    { "exit=",   read_exit },
    { "short=",  read_short },
    { "long=",   read_long },
    { "after",   set_after },
    { "hang",    set_hangs },
    { "crash",   set_crashes },
    { "garbage", set_garbage },
};
/* clang-format on */

static bool read_word(rule *out, const word *table, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(table[i].name);
        bool has_value = table[i].name[size - 1] == '=';
        if (strncmp(text, table[i].name, size) == 0 && (has_value || text[size] == '\0'))
            return table[i].read(out, text + size);
    }
    return false;
}

/* N, N-M, N+ or *, after a g if all processes count together. */
static bool read_range(rule *out, const char *text)
{
    char *end = NULL;
    out->is_counted_by_all = *text == 'g';
    text += out->is_counted_by_all;
    if (strcmp(text, "*") == 0)
        return true;
    out->first = out->last = strtoul(text, &end, 10);
    if (end == text || out->first == 0)
        return false;
    if (strcmp(end, "+") == 0)
        out->last = ULONG_MAX;
    else if (*end == '-')
        return read_ulong(end + 1, &out->last) && out->last >= out->first;
    return *end == '\0' || *end == '+';
}

/* Conditions that are joined by commas. */
static bool read_when(rule *out, char *text)
{
    char *rest = NULL;
    bool is_read = true;
    for (char *part = strtok_r(text, ",", &rest); is_read && part != NULL; part = strtok_r(NULL, ",", &rest))
        is_read = read_word(out, conditions, sizeof conditions / sizeof *conditions, part) || read_range(out, part);
    return is_read;
}

static const char *find_function(const char *text)
{
    static const char *const functions[] = {
#define CALL(name, ...) #name,
#include "tests/faults/calls.def"
#undef CALL
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i], text) == 0)
            return functions[i];
    }
    return NULL;
}

bool rule_read(rule *out, char **words, unsigned count)
{
    *out = (rule){.first = 1, .last = ULONG_MAX, .chance = 1, .exit_status = -1};
    out->function = find_function(words[0]);
    bool is_read = count >= 3 && out->function != NULL && read_when(out, words[1]);
    for (unsigned i = 2; is_read && i < count; i++)
        is_read = read_word(out, actions, sizeof actions / sizeof *actions, words[i]);
    if (out->is_garbage || out->more_bytes != 0)
        out->is_after = true; /* there is nothing to spoil before */
    return is_read;
}

/* ---- choosing ---- */

bool rule_fits(const rule *one, const call *now)
{
    return strcmp(one->function, now->name) == 0 && (one->key[0] == '\0' || strcmp(one->key, now->key) == 0) &&
           (!one->has_type || one->type == now->type);
}

/* splitmix64: the same seed, rule and count result in the same number. */
static double random_part(uint64_t seed, unsigned number, unsigned long count)
{
    uint64_t x = seed + (((uint64_t)number << 40) + count) * 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return (double)((x ^ (x >> 31)) >> 11) / (double)(1ULL << 53);
}

bool rule_chooses(const rule *one, unsigned long count, uint64_t seed)
{
    if (count < one->first || count > one->last)
        return false;
    return one->chance >= 1 || random_part(seed, one->number, count) < one->chance;
}

/* ---- acting ---- */

/* A signature that grows stays inside the caller's buffer as far as anybody knows: only its size is told. */
static void spoil_output(const rule *one, call *now)
{
    if (now->output == NULL || now->output_size == NULL || now->result != CKR_OK)
        return;
    if (one->is_garbage)
        memset(now->output, GARBAGE, *now->output_size);
    *now->output_size = (CK_ULONG)((long)*now->output_size + one->more_bytes);
}

bool rule_act(const rule *one, call *now)
{
    usleep((useconds_t)one->delay_ms * 1000);
    if (one->crashes)
        abort();
    if (one->exit_status >= 0)
        _exit(one->exit_status);
    if (one->is_garbage || one->more_bytes != 0)
        spoil_output(one, now);
    if (one->has_result)
        now->result = one->result;
    return !one->has_result;
}
