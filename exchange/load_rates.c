/* Both bound what one signature can do, so a guess must err upwards, and what is not documented is left out. */
#include "exchange/load_rates.h"

#include "base/slice.h"
#include "exchange/profile_impl.h"

#include <string.h>

#define NUMBER_MAX 1000000
#define DURATION_MAX_NS (UINT64_C(86400) * 1000000000)

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {
    {"ms", 1000000                    },
    {"s",  1000000000                 },
    {"m",  UINT64_C(60) * 1000000000  },
    {"h",  UINT64_C(3600) * 1000000000},
};

static uint64_t unit_of(ch_slice name)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ch_slice_is(name, units[i].name))
            return units[i].ns;
    }
    return 0;
}

/* Returns 0 if `text` is none. */
static uint64_t duration_of(ch_slice text)
{
    size_t digits = ch_slice_count_digits(text);
    uint64_t number = 0;
    for (size_t i = 0; i < digits && number <= NUMBER_MAX; i++)
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    uint64_t ns = number <= NUMBER_MAX ? number * unit_of(ch_slice_after(text, digits)) : 0;
    return ns <= DURATION_MAX_NS ? ns : 0;
}

static ch_status read_duration(const ch_value *value, ch_error *err)
{
    const char *text = NULL;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    *(uint64_t *)value->out = duration_of(ch_slice_of(text));
    if (*(uint64_t *)value->out > 0)
        return CH_OK;
    return ch_yaml_fail(value->node, err,
                        "'%s' is not a duration of at most a day; write a number and ms, s, m or h, as in 10s", text);
}

/* clang-format off */
static const ch_field rate_fields[] = {
    /* name     required  reader          where                             bounds */
    { "count",  true,     ch_field_uint,  CH_MEMBER(ch_order_rate, count),  .min = 1, .max = NUMBER_MAX },
    { "per",    true,     read_duration,  CH_MEMBER(ch_order_rate, per_ns) },
};

static const ch_field validity_fields[] = {
    /* name       required  reader          where */
    { "param",    true,     ch_field_text,  CH_MEMBER(ch_validity, param) },
    { "default",  true,     read_duration,  CH_MEMBER(ch_validity, ns)    },
};
/* clang-format on */

ch_status ch_order_rate_read(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->out;
    return ch_fields_read(value->node, CH_FIELDS(rate_fields), &profile->order_rate, NULL, err);
}

/* A duration alone, or a map. */
ch_status ch_validity_read(const ch_value *value, ch_error *err)
{
    ch_profile *profile = value->out;
    ch_value duration = *value;
    duration.out = &profile->validity.ns;
    if (ch_yaml_kind_of(value->node) == CH_YAML_SCALAR)
        return read_duration(&duration, err);
    return ch_fields_read(value->node, CH_FIELDS(validity_fields), &profile->validity, NULL, err);
}

ch_status ch_validity_check(const ch_profile *profile, const ch_yaml *node, ch_error *err)
{
    const char *name = profile->validity.param;
    bool is_there = name == NULL;
    for (size_t i = 0; name != NULL && i < profile->param_count; i++) {
        const ch_param_def *def = &profile->params[i];
        if (strcmp(def->name, name) != 0)
            continue;
        is_there = true;
        if (def->type != CH_TYPE_INTEGER && def->type != CH_TYPE_DECIMAL)
            return ch_yaml_fail(node, err, "'%s' holds milliseconds, so its type is integer or decimal", name);
    }
    return is_there ? CH_OK : ch_yaml_fail(node, err, "no parameter is sent as '%s'", name);
}
