/* What each control takes is a row of the table. What would be ignored is refused, so that nobody believes in it. */
#include "policy/load_impl.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 1000000000

/* ---- controls ---- */

typedef enum unit { UNIT_AMOUNT, UNIT_RATIO, UNIT_COUNT, UNIT_NUMBER, UNIT_TIME, UNIT_REPEATS } unit;
typedef enum use_of_per { PER_NEVER, PER_MAY, PER_MUST } use_of_per;

enum { WITH_AGE = 1, WITH_THEN = 2, WITH_CLOSING = 4, WITH_RELEASE = 8, WITH_RESERVE = 16 };

#define BY_ORDER (CH_BY_CALLER | CH_BY_KEY | CH_BY_ACCOUNT | CH_BY_SYMBOL)
#define BY_REQUEST (CH_BY_CALLER | CH_BY_KEY | CH_BY_ACCOUNT)
#define BY_AMOUNT (CH_BY_CALLER | CH_BY_KEY | CH_BY_ACCOUNT | CH_BY_ADDRESS | CH_BY_ASSET)
#define BUDGET (WITH_THEN | WITH_CLOSING | WITH_RELEASE)

/* clang-format off */
static const struct control {
    const char *field;
    unit unit;
    use_of_per per;
    unsigned by;      /* what it can count by */
    unsigned default_by;
    unsigned options;
    bool is_of_orders;
} controls[CH_CONTROL_COUNT] = {
    /*                             field           unit          per        by          default          options                    of orders */
    [CH_CONTROL_ORDER_VALUE]  = { "order_value",  UNIT_AMOUNT,  PER_NEVER, 0,          0,               0,                         true  },
    [CH_CONTROL_ORDER_VOLUME] = { "order_volume", UNIT_AMOUNT,  PER_NEVER, 0,          0,               0,                         true  },
    [CH_CONTROL_COLLAR]       = { "price_within", UNIT_RATIO,   PER_NEVER, 0,          0,               WITH_AGE,                  true  },
    [CH_CONTROL_LOSS]         = { "loss",         UNIT_AMOUNT,  PER_MUST,  BY_ORDER,   CH_BY_ACCOUNT,   BUDGET,                    true  },
    [CH_CONTROL_VALUE]        = { "value",        UNIT_AMOUNT,  PER_MUST,  BY_ORDER,   CH_BY_ACCOUNT,   BUDGET,                    true  },
    [CH_CONTROL_VOLUME]       = { "volume",       UNIT_AMOUNT,  PER_MUST,  BY_ORDER,   CH_BY_ACCOUNT,   BUDGET,                    true  },
    [CH_CONTROL_AMOUNT]       = { "amount",       UNIT_AMOUNT,  PER_MAY,   BY_AMOUNT,  CH_BY_ACCOUNT,   WITH_THEN | WITH_RELEASE,  false },
    [CH_CONTROL_OPEN_VALUE]   = { "open_value",   UNIT_AMOUNT,  PER_NEVER, BY_ORDER,   CH_BY_ACCOUNT,   0,                         true  },
    [CH_CONTROL_ORDERS]       = { "orders",       UNIT_COUNT,   PER_MUST,  BY_ORDER,   CH_BY_CALLER,    WITH_THEN | WITH_RELEASE,  true  },
    [CH_CONTROL_MESSAGES]     = { "messages",     UNIT_COUNT,   PER_MUST,  BY_REQUEST, CH_BY_CALLER,    WITH_THEN | WITH_RESERVE,  false },
    [CH_CONTROL_SAME_ORDER]   = { "same_order",   UNIT_REPEATS, PER_NEVER, 0,          0,               0,                         true  },
    [CH_CONTROL_LEVERAGE]     = { "leverage",     UNIT_NUMBER,  PER_NEVER, 0,          0,               0,                         false },
    [CH_CONTROL_VALIDITY]     = { "validity",     UNIT_TIME,    PER_NEVER, 0,          0,               0,                         false },
};

static const struct {
    const char *field;
    unsigned option;
} options[] = {
    /* field             option */
    { "price_age",       WITH_AGE     },
    { "then",            WITH_THEN    },
    { "until",           WITH_THEN    },
    { "closing",         WITH_CLOSING },
    { "release",         WITH_RELEASE },
    { "relay_release",   WITH_RELEASE },
    { "reserve_cancels", WITH_RESERVE },
};
/* clang-format on */

const char *ch_control_field(ch_control control)
{
    return controls[control].field;
}

bool ch_control_is_of_orders(ch_control control)
{
    return controls[control].is_of_orders;
}

static ch_control find_control(const char *field)
{
    ch_control at = 0;
    while (strcmp(controls[at].field, field) != 0)
        at++;
    return at;
}

/* ---- their values ---- */

static ch_status read_ratio(const ch_yaml *node, ch_decimal *out, ch_error *err)
{
    static const ch_field field = {.size = sizeof(ch_decimal), .min = 1};
    const ch_value value = {node, NULL, &field, out, NULL};
    return ch_field_ratio(&value, err);
}

static ch_status read_count(const ch_yaml *node, ch_decimal *out, ch_error *err)
{
    uint64_t count = 0;
    CH_TRY(ch_yaml_uint_in(node, &count, 1, COUNT_MAX, err));
    *out = ch_decimal_of(count);
    return CH_OK;
}

static ch_status read_time(const ch_yaml *node, uint64_t *out, ch_error *err)
{
    static const ch_field field = {.size = sizeof(uint64_t)};
    const ch_value value = {node, NULL, &field, out, NULL};
    return ch_field_duration(&value, err);
}

/* In whole buckets: rather longer than what was written. */
static void set_sliding(ch_period *period, uint64_t ns)
{
    period->kind = CH_PERIOD_SLIDING;
    period->ns = (ns + CH_WINDOW_BUCKETS - 1) / CH_WINDOW_BUCKETS * CH_WINDOW_BUCKETS;
}

static ch_status read_at_most(const ch_value *value, ch_error *err)
{
    return read_count(value->node, &((ch_limit *)value->out)->most, err);
}

static ch_status read_within(const ch_value *value, ch_error *err)
{
    uint64_t ns = 0;
    CH_TRY(read_time(value->node, &ns, err));
    set_sliding(&((ch_limit *)value->out)->per, ns);
    return CH_OK;
}

/* clang-format off */
static const ch_field repeat_fields[] = {
    /* name        required  reader        where */
    { "at_most",   true,     read_at_most, CH_WHOLE },
    { "within",    true,     read_within,  CH_WHOLE },
};
/* clang-format on */

/* Whoever repeats himself is stopped until somebody has looked. */
static ch_status read_repeats(const ch_yaml *node, ch_limit *limit, ch_error *err)
{
    limit->then = CH_TRADING_HALTED;
    limit->is_until_operator = true;
    return ch_fields_read(node, CH_FIELDS(repeat_fields), limit, NULL, err);
}

ch_status ch_limit_control(const ch_value *value, ch_error *err)
{
    ch_limit *limit = &((ch_entry_rule *)value->out)->limit;
    limit->control = find_control(value->name);
    switch (controls[limit->control].unit) {
    case UNIT_AMOUNT:
        return ch_load_amount(value->node, &limit->most, &limit->asset, err);
    case UNIT_RATIO:
        return read_ratio(value->node, &limit->most, err);
    case UNIT_COUNT:
        return read_count(value->node, &limit->most, err);
    case UNIT_NUMBER:
        return ch_load_decimal(value->node, &limit->most, err);
    case UNIT_TIME:
        return read_time(value->node, &limit->age_ns, err);
    default:
        return read_repeats(value->node, limit, err);
    }
}

/* ---- what else a limit says ---- */

static const ch_word calendar_words[] = {
    {"calendar-day",   CH_PERIOD_DAY  },
    {"calendar-week",  CH_PERIOD_WEEK },
    {"calendar-month", CH_PERIOD_MONTH},
    {"ever",           CH_PERIOD_EVER },
};

ch_status ch_limit_period(const ch_value *value, ch_error *err)
{
    ch_period *per = &((ch_entry_rule *)value->out)->limit.per;
    const char *text = NULL;
    uint64_t ns = 0;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    for (size_t i = 0; i < sizeof calendar_words / sizeof *calendar_words; i++) {
        if (strcmp(text, calendar_words[i].text) == 0) {
            per->kind = (ch_period_kind)calendar_words[i].value;
            return CH_OK;
        }
    }
    if (!ch_duration_read(text, &ns))
        return ch_yaml_fail(value->node, err,
                            "'%s' is no period; write a duration, as in 24h, or calendar-day, calendar-week, "
                            "calendar-month or ever",
                            text);
    set_sliding(per, ns);
    return CH_OK;
}

ch_status ch_limit_zone(const ch_value *value, ch_error *err)
{
    ch_period *per = &((ch_entry_rule *)value->out)->limit.per;
    const char *text = NULL;
    ch_error reason = CH_ERROR_INIT;
    CH_TRY(ch_yaml_text(value->node, &text, err));
    if (per->kind != CH_PERIOD_DAY && per->kind != CH_PERIOD_WEEK && per->kind != CH_PERIOD_MONTH)
        return ch_yaml_fail(value->node, err, "only calendar periods begin in a time zone; delete 'time_zone'");
    if (ch_zone_load(text, &per->zone, &reason) != CH_OK)
        return ch_yaml_fail(value->node, err, "%s", reason.message);
    return CH_OK;
}

ch_status ch_limit_closing(const ch_value *value, ch_error *err)
{
    ch_limit *limit = &((ch_entry_rule *)value->out)->limit;
    ch_autofree char *asset = NULL;
    limit->has_closing = true;
    CH_TRY(ch_load_amount(value->node, &limit->closing, &asset, err));
    if (limit->asset != NULL && strcmp(asset, limit->asset) != 0)
        return ch_yaml_fail(value->node, err, "'closing' must be in %s, as the limit is", limit->asset);
    return CH_OK;
}

/* ---- together ---- */

/* Exactly one control. */
static ch_status check_controls(const ch_yaml *map, ch_error *err)
{
    const char *found = NULL;
    ch_autobuffer all = CH_BUFFER_INIT;
    for (size_t i = 0; i < CH_CONTROL_COUNT; i++) {
        ch_buffer_add_format(&all, "%s%s", i == 0 ? "" : i + 1 < CH_CONTROL_COUNT ? ", " : " or ", controls[i].field);
        if (ch_yaml_get(map, controls[i].field) == NULL)
            continue;
        if (found != NULL)
            return ch_yaml_fail(map, err, "a limit has one control, and this has '%s' and '%s'; make two limits", found,
                                controls[i].field);
        found = controls[i].field;
    }
    return found != NULL ? CH_OK : ch_yaml_fail(map, err, "a limit needs a control; add %s", ch_buffer_text(&all));
}

static ch_status check_options(const ch_yaml *map, const struct control *control, ch_error *err)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const ch_yaml *node = ch_yaml_get(map, options[i].field);
        if (node != NULL && (control->options & options[i].option) == 0)
            return ch_yaml_fail(node, err, "'%s' does not go with '%s'; delete it", options[i].field, control->field);
    }
    if ((control->options & WITH_AGE) != 0 && ch_yaml_get(map, "price_age") == NULL)
        return ch_yaml_fail(map, err, "'price_within' needs 'price_age': how old the reference may be, as in 5s");
    return CH_OK;
}

static ch_status check_period(const ch_yaml *map, const struct control *control, ch_error *err)
{
    const ch_yaml *per = ch_yaml_get(map, "per");
    if (per == NULL && control->per == PER_MUST)
        return ch_yaml_fail(map, err, "'%s' needs 'per': in which time it counts, as in 24h", control->field);
    if (per != NULL && control->per == PER_NEVER)
        return ch_yaml_fail(per, err, "'%s' does not count in a time; delete 'per'", control->field);
    return CH_OK;
}

static const ch_word by_words[] = {
    {"caller",  CH_BY_CALLER },
    {"key",     CH_BY_KEY    },
    {"account", CH_BY_ACCOUNT},
    {"symbol",  CH_BY_SYMBOL },
    {"address", CH_BY_ADDRESS},
    {"asset",   CH_BY_ASSET  },
};
const ch_words ch_by_words = CH_WORDS("scope", by_words);

static ch_status check_by(const ch_yaml *map, const struct control *control, ch_limit *limit, ch_error *err)
{
    const ch_yaml *by = ch_yaml_get(map, "by");
    bool is_counted = control->per == PER_MUST || limit->per.kind != CH_PERIOD_NONE || control->per == PER_NEVER;
    if (by != NULL && (control->by == 0 || !is_counted))
        return ch_yaml_fail(by, err, "'%s' looks at each request by itself and counts nothing; delete 'by'",
                            control->field);
    for (size_t i = 0; i < ch_by_words.count; i++) {
        if ((limit->by & ~control->by & ch_by_words.words[i].value) != 0)
            return ch_yaml_fail(by, err, "'%s' cannot be counted by %s", control->field, ch_by_words.words[i].text);
    }
    if (limit->by == 0)
        limit->by = control->default_by;
    return CH_OK;
}

static ch_status check_then(const ch_yaml *map, const ch_limit *limit, ch_error *err)
{
    const ch_yaml *then = ch_yaml_get(map, "then");
    const ch_yaml *until = ch_yaml_get(map, "until");
    const ch_yaml *closing = ch_yaml_get(map, "closing");
    if (then != NULL && limit->per.kind == CH_PERIOD_NONE)
        return ch_yaml_fail(then, err, "'then' is for a window that is used up; add 'per', or delete it");
    if (until != NULL && then == NULL)
        return ch_yaml_fail(until, err, "'until' says how long 'then' holds; add 'then', or delete it");
    if (until != NULL && !limit->is_until_operator && limit->per.kind == CH_PERIOD_EVER)
        return ch_yaml_fail(until, err, "a window for ever never ends; write 'until: operator'");
    if (closing != NULL && limit->then != CH_TRADING_REDUCING)
        return ch_yaml_fail(closing, err, "'closing' is for what 'then: reducing' lets pass; add that, or delete it");
    return CH_OK;
}

static ch_status check_rest(const ch_yaml *map, const ch_limit *limit, ch_error *err)
{
    const ch_yaml *release = ch_yaml_get(map, "release");
    const ch_yaml *reserve = ch_yaml_get(map, "reserve_cancels");
    const ch_yaml *relay_release = ch_yaml_get(map, "relay_release");
    if (release != NULL && limit->per.kind == CH_PERIOD_NONE)
        return ch_yaml_fail(release, err, "'release' is for a window; add 'per', or delete it");
    if (relay_release != NULL && limit->per.kind == CH_PERIOD_NONE)
        return ch_yaml_fail(relay_release, err, "'relay_release' is for a window; add 'per', or delete it");
    if (reserve != NULL && ch_decimal_compare(ch_decimal_of(limit->reserve_cancels), limit->most) >= 0)
        return ch_yaml_fail(reserve, err,
                            "the reserve leaves nothing for other messages; lower it, or raise 'messages'");
    return CH_OK;
}

ch_status ch_check_limit(const ch_yaml *map, ch_limit *limit, ch_error *err)
{
    CH_TRY(check_controls(map, err));
    const struct control *control = &controls[limit->control];
    CH_TRY(check_options(map, control, err));
    CH_TRY(check_period(map, control, err));
    CH_TRY(check_by(map, control, limit, err));
    CH_TRY(check_then(map, limit, err));
    CH_TRY(check_rest(map, limit, err));
    if (control->unit != UNIT_REPEATS && limit->then != CH_TRADING_ACTIVE && ch_yaml_get(map, "until") == NULL)
        limit->is_until_operator = true;
    return CH_OK;
}

/* ---- requirements ---- */

ch_status ch_require_people(const ch_value *value, ch_error *err)
{
    const ch_policy_loader *load = value->context;
    ch_text_list *of = &((ch_entry_rule *)value->out)->requirement.of;
    CH_TRY(ch_yaml_expect_list(value->node, err));
    for (size_t i = 0; i < ch_yaml_count(value->node); i++) {
        const ch_yaml *node = ch_yaml_item(value->node, i);
        const char *name = NULL;
        CH_TRY(ch_yaml_text(node, &name, err));
        const ch_name_row *row = ch_names_find(&load->people, name);
        if (row == NULL)
            return ch_yaml_fail(node, err, "there is no person '%s'; correct the name, or add it to 'people'", name);
        if ((load->policy->people[row->index].roles & CH_ROLE_APPROVER) == 0)
            return ch_yaml_fail(node, err, "'%s' is no approver; add the role to 'people', or name another", name);
        ch_text_list_add(of, ch_strdup(name));
    }
    ch_text_list_sort(of);
    return CH_OK;
}

ch_status ch_require_above(const ch_value *value, ch_error *err)
{
    ch_requirement *requirement = &((ch_entry_rule *)value->out)->requirement;
    requirement->has_above = true;
    return ch_load_amount(value->node, &requirement->above, &requirement->asset, err);
}

ch_status ch_check_requirement(const ch_yaml *map, const ch_requirement *requirement, ch_error *err)
{
    const ch_yaml *of = ch_yaml_get(map, "of");
    const ch_yaml *within = ch_yaml_get(map, "within");
    if (requirement->approvals == 0 && !requirement->needs_code && requirement->delay_ns == 0)
        return ch_yaml_fail(map, err, "it requires nothing; add 'approvals', 'code: true' or 'delay'");
    if (requirement->approvals != 0 && of == NULL)
        return ch_yaml_fail(map, err, "'approvals' needs 'of': whose they must be, as in [alice, bob]");
    if (requirement->approvals != 0 && within == NULL)
        return ch_yaml_fail(map, err, "'approvals' needs 'within': in which time they must come, as in 1h");
    if (requirement->approvals == 0 && (within != NULL || (of != NULL && !requirement->needs_code)))
        return ch_yaml_fail(map, err, "'of' and 'within' go with 'approvals'; add that, or delete them");
    if (requirement->approvals > requirement->of.count)
        return ch_yaml_fail(of, err,
                            "it names fewer people (%zu) than 'approvals' asks for (%u); name more, or lower that",
                            requirement->of.count, (unsigned)requirement->approvals);
    return CH_OK;
}
