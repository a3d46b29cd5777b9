/* Parameters are written as they were asked, so that they can be asked again. Those of calls that make keys may be pass
 * phrases, and are left out. */
#include "agent/core/record.h"

#include "base/encode.h"
#include "exchange/class.h"
#include "exchange/facts.h"
#include "exchange/intent.h"
#include "exchange/profile.h"
#include "exchange/recipe.h"
#include "exchange/request.h"
#include "wire/frames.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <time.h>

#define NS_A_S 1000000000
#define NS_A_MS 1000000
#define PRICE_AGE_NS 60000000000ULL /* as far back as any reference may be */
#define PRICES_MAX 16               /* that a record names */

/* clang-format off */
static const char *const form_names[CH_FORM_COUNT] = {
    [CH_FORM_TYPED]  = "typed",
    [CH_FORM_STRING] = "string",
    [CH_FORM_RAW]    = "raw",
};
/* clang-format on */

/* ---- parts ---- */

void ch_record_text(ch_buffer *out, const char *separator, const char *name, ch_slice text)
{
    ch_buffer_add_text(out, separator);
    ch_encode_json(out, ch_slice_of(name));
    ch_buffer_add_byte(out, ':');
    ch_encode_json(out, text);
}

/* Not by printf: each decision has two times. */
static char *put_number(char *at, unsigned number, unsigned digits, char end)
{
    for (unsigned i = digits; i-- > 0; number /= 10)
        at[i] = (char)('0' + number % 10);
    at[digits] = end;
    return at + digits + 1;
}

void ch_record_time(ch_buffer *out, const char *separator, const char *name, uint64_t wall_ns)
{
    char text[32];
    char *at = text;
    struct tm utc;
    time_t seconds = (time_t)(wall_ns / NS_A_S);
    gmtime_r(&seconds, &utc);
    at = put_number(at, (unsigned)utc.tm_year + 1900, 4, '-');
    at = put_number(at, (unsigned)utc.tm_mon + 1, 2, '-');
    at = put_number(at, (unsigned)utc.tm_mday, 2, 'T');
    at = put_number(at, (unsigned)utc.tm_hour, 2, ':');
    at = put_number(at, (unsigned)utc.tm_min, 2, ':');
    at = put_number(at, (unsigned)utc.tm_sec, 2, '.');
    at = put_number(at, (unsigned)(wall_ns / NS_A_MS % 1000), 3, 'Z');
    ch_record_text(out, separator, name, (ch_slice){(const uint8_t *)text, (size_t)(at - text)});
}

static void add_decimal(ch_buffer *out, const char *separator, const char *name, ch_decimal number)
{
    char text[CH_DECIMAL_TEXT_MAX];
    ch_decimal_text(number, text);
    ch_record_text(out, separator, name, ch_slice_of(text));
}

static void add_hash(ch_buffer *out, const char *name, ch_slice bytes)
{
    ch_buffer_add_text(out, ",\"");
    ch_buffer_add_text(out, name);
    ch_buffer_add_text(out, "\":\"");
    ch_encode(out, CH_ENCODE_HEX, bytes);
    ch_buffer_add_byte(out, '"');
}

/* ---- what was asked ---- */

/* What a front sent is not always what it should be. */
static bool is_bare(const ch_param *param)
{
    size_t sign = param->value.size > 1 && param->value.data[0] == '-';
    if (param->kind == CH_PARAM_BOOLEAN)
        return ch_slice_is(param->value, "true") || ch_slice_is(param->value, "false");
    return param->kind == CH_PARAM_INTEGER && param->value.size > sign &&
           ch_slice_count_digits(ch_slice_after(param->value, sign)) == param->value.size - sign;
}

static void add_asked(ch_buffer *out, const char *name, ch_slice text)
{
    if (text.size > 0 && ch_slice_is_text(text))
        ch_record_text(out, ",", name, text);
}

static void add_value(const ch_param *param, ch_buffer *out)
{
    if (param->kind == CH_PARAM_PLACEHOLDER)
        ch_buffer_add_text(out, "null");
    else if (is_bare(param))
        ch_buffer_add_slice(out, param->value);
    else
        ch_encode_json(out, param->value);
}

/* A list or object holds what follows it, up to its end. */
static void add_params(const ch_request *request, ch_buffer *out)
{
    bool is_list[CH_PARAM_DEPTH_MAX + 1] = {false};
    size_t depth = 0;
    const char *separator = "";
    ch_buffer_add_text(out, ",\"params\":{");
    for (size_t i = 0; i < request->param_count; i++) {
        const ch_param *param = &request->params[i];
        bool is_opening = param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT;
        if (param->kind == CH_PARAM_END) {
            ch_buffer_add_byte(out, is_list[depth--] ? ']' : '}');
            separator = ",";
            continue;
        }
        ch_buffer_add_text(out, separator);
        if (!is_list[depth]) {
            ch_encode_json(out, param->name);
            ch_buffer_add_byte(out, ':');
        }
        separator = ",";
        if (!is_opening) {
            add_value(param, out);
            continue;
        }
        is_list[++depth] = param->kind == CH_PARAM_LIST;
        ch_buffer_add_byte(out, is_list[depth] ? '[' : '{');
        separator = "";
    }
    ch_buffer_add_byte(out, '}');
}

static bool is_readable(const ch_job *job)
{
    return job->endpoint != NULL && ch_endpoint_class(job->endpoint) != CH_CLASS_KEYS;
}

static size_t params_size(const ch_request *request)
{
    size_t size = 0;
    for (size_t i = 0; i < request->param_count; i++)
        size += request->params[i].name.size + request->params[i].value.size;
    return size;
}

static void add_request(const ch_job *job, ch_buffer *out)
{
    add_asked(out, "key", job->key_name);
    if (job->key != NULL && job->key->key_id != NULL)
        ch_record_text(out, ",", "key_id", ch_slice_of(job->key->key_id));
    if (job->form < CH_FORM_COUNT)
        ch_record_text(out, ",", "form", ch_slice_of(form_names[job->form]));
    if (job->form == CH_FORM_RAW)
        return;
    add_asked(out, "method", job->request.method);
    add_asked(out, "path", job->request.path);
    add_asked(out, "host", job->request.host);
    if (job->endpoint != NULL) {
        if (!ch_slice_is(job->request.path, ch_endpoint_path(job->endpoint)))
            ch_record_text(out, ",", "endpoint", ch_slice_of(ch_endpoint_path(job->endpoint)));
        ch_record_text(out, ",", "class", ch_slice_of(ch_class_name(ch_endpoint_class(job->endpoint))));
    }
    if (is_readable(job) && params_size(&job->request) <= CH_RECORD_PARAMS_MAX)
        add_params(&job->request, out);
}

/* ---- who, and by which rules ---- */

/* Appends all that `chancery policy replay` needs to judge the request again. */
static void add_approval(const ch_approval *approval, ch_buffer *out)
{
    const ch_given *given = &approval->given;
    ch_buffer_add_format(out, ",\"approval\":{\"id\":%" PRIu64, approval->id);
    ch_record_time(out, ",", "asked", given->asked_ns);
    ch_buffer_add_text(out, ",\"given\":[");
    for (size_t i = 0; i < given->count; i++) {
        ch_buffer_add_text(out, i == 0 ? "{" : ",{");
        ch_record_text(out, "", "person", ch_slice_of(given->by[i].person));
        ch_buffer_add_format(out, ",\"uid\":%u", (unsigned)given->by[i].uid);
        ch_record_time(out, ",", "time", given->by[i].at_ns);
        ch_buffer_add_text(out, given->by[i].is_by_code ? ",\"code\":true}" : ",\"code\":false}");
    }
    ch_buffer_add_text(out, "]}");
}

static void add_callers(const ch_record_facts *facts, ch_buffer *out)
{
    const ch_policy *policy = facts->question->policy;
    const char *separator = "";
    ch_buffer_add_text(out, ",\"callers\":[");
    for (size_t i = 0; i < policy->caller_count; i++) {
        if (!ch_caller_set_has(facts->question->callers, i))
            continue;
        ch_buffer_add_text(out, separator);
        ch_encode_json(out, ch_slice_of(policy->callers[i].name));
        separator = ",";
    }
    ch_buffer_add_byte(out, ']');
}

static void add_person(const ch_job *job, ch_buffer *out)
{
    ch_autobuffer name = CH_BUFFER_INIT;
    ch_policy_name_user(job->policy, &job->caller, &name);
    ch_record_text(out, ",", "person", ch_buffer_slice(&name));
}

static void begin(const ch_record_facts *facts, const char *outcome, ch_buffer *out)
{
    ch_record_time(out, "{", "time", facts->now_ns);
    ch_record_text(out, ",", "outcome", ch_slice_of(outcome));
    ch_buffer_add_format(out, ",\"uid\":%u", (unsigned)facts->job->caller.uid);
    if (ch_job_is_of_person(facts->job))
        add_person(facts->job, out);
    if (facts->job->relay != NULL) {
        ch_record_text(out, ",", "relay", ch_slice_of(facts->job->relay->name));
        ch_record_text(out, ",", "relay_id", facts->job->relay_id);
    }
    if (facts->question != NULL) {
        const ch_policy *policy = facts->question->policy;
        add_callers(facts, out);
        add_hash(out, "policy", (ch_slice){policy->hash, sizeof policy->hash});
    }
    add_request(facts->job, out);
    if (facts->approval != NULL)
        add_approval(facts->approval, out);
    if (facts->shadow != NULL)
        ch_record_text(out, ",", "shadow", ch_slice_of(facts->shadow));
}

/* ---- what it means, and by which figures it was judged ---- */

static void add_intent(const ch_question *question, ch_buffer *out)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    if (question->is_raw || question->reading_count == 0 || question->readings[0].intent == NULL)
        return;
    ch_intent_print(question->readings[0].intent, &text);
    ch_record_text(out, ",", "intent", ch_buffer_slice(&text));
    if (question->reading_count > 1)
        ch_buffer_add_format(out, ",\"readings\":%zu", question->reading_count);
}

typedef struct pair {
    ch_slice base;
    ch_slice quote;
} pair;

typedef struct pair_list {
    pair pairs[PRICES_MAX];
    size_t count;
} pair_list;

static bool is_named(const pair_list *list, ch_slice base, ch_slice quote)
{
    for (size_t i = 0; i < list->count; i++) {
        if (ch_slice_equal(list->pairs[i].base, base) && ch_slice_equal(list->pairs[i].quote, quote))
            return true;
    }
    return false;
}

static void add_pair(pair_list *to, ch_slice base, ch_slice quote)
{
    if (base.size > 0 && quote.size > 0 && to->count < PRICES_MAX && !is_named(to, base, quote))
        to->pairs[to->count++] = (pair){base, quote};
}

static void find_pairs(const ch_question *question, pair_list *out)
{
    for (size_t i = 0; i < question->reading_count; i++) {
        const ch_intent *intent = question->readings[i].intent;
        for (size_t k = 0; intent != NULL && k < ch_intent_count(intent) && out->count < PRICES_MAX; k++) {
            const ch_fact *facts = ch_intent_item(intent, k)->facts;
            add_pair(out, facts[CH_FACT_BASE].text, facts[CH_FACT_QUOTE].text);
        }
    }
    for (size_t i = 0; i < question->policy->conversion_count; i++) {
        const ch_conversion *conversion = &question->policy->conversions[i];
        if (!conversion->has_rate)
            add_pair(out, ch_slice_of(conversion->from), ch_slice_of(conversion->to));
    }
}

static bool add_price(const ch_question *question, const pair *of, const char *separator, ch_buffer *out)
{
    ch_reference found;
    ch_autobuffer name = CH_BUFFER_INIT;
    if (ch_prices_reference(question->prices, of->base, of->quote, question->now_ns, PRICE_AGE_NS, &found) !=
        CH_REFERENCE_GOOD)
        return false;
    ch_buffer_add_format(&name, "%.*s/%.*s", CH_SLICE_ARGS(of->base), CH_SLICE_ARGS(of->quote));
    ch_buffer_add_text(out, separator);
    ch_record_text(out, "{", "pair", ch_buffer_slice(&name));
    add_decimal(out, ",", "price", found.price);
    ch_buffer_add_format(out, ",\"age_ms\":%" PRIu64 ",\"sources\":%u}", found.age_ns / NS_A_MS, found.sources);
    return true;
}

static void add_prices(const ch_question *question, ch_buffer *out)
{
    pair_list list = {.count = 0};
    size_t added = 0;
    if (question->prices != NULL)
        find_pairs(question, &list);
    for (size_t i = 0; i < list.count; i++)
        added += add_price(question, &list.pairs[i], added == 0 ? ",\"prices\":[" : ",", out);
    if (added > 0)
        ch_buffer_add_byte(out, ']');
}

static void add_charges(const ch_record_facts *facts, ch_buffer *out)
{
    const ch_judgement *judgement = facts->judgement;
    const char *separator = ",\"charges\":[";
    for (size_t i = 0; i < judgement->charge_count; i++) {
        const ch_charge *charge = &judgement->charges[i];
        ch_buffer_add_text(out, separator);
        ch_record_text(out, "{", "limit", ch_slice_of(charge->entry->name));
        add_decimal(out, ",", "amount", charge->amount);
        add_decimal(out, ",", "used", ch_levels_used(facts->levels, charge, facts->question->now_ns));
        ch_buffer_add_text(out, charge->is_closing ? ",\"closing\":true}" : "}");
        separator = ",";
    }
    if (separator[1] == '\0')
        ch_buffer_add_byte(out, ']');
}

static void add_judgement(const ch_record_facts *facts, ch_buffer *out)
{
    if (facts->question == NULL)
        return;
    add_intent(facts->question, out);
    add_prices(facts->question, out);
    if (facts->judgement != NULL)
        add_charges(facts, out);
}

/* ---- records ---- */

void ch_record_begin(const ch_record_facts *facts, ch_buffer *out)
{
    ch_buffer_clear(out);
    begin(facts, "allowed", out);
    if (facts->judgement->allowed_by != NULL)
        ch_record_text(out, ",", "rule", ch_slice_of(facts->judgement->allowed_by->name));
    if (ch_job_is_of_person(facts->job))
        ch_record_text(out, ",", "rule", CH_LITERAL("flatten"));
    add_judgement(facts, out);
}

void ch_record_end(const ch_payloads *payloads, uint64_t now_ns, ch_buffer *out)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    ch_record_time(out, ",", "signed", now_ns);
    for (size_t i = 0; i < payloads->count; i++) {
        SHA256(payloads->items[i].data, payloads->items[i].size, digest);
        ch_buffer_add_text(out, i == 0 ? ",\"payloads\":[\"" : ",\"");
        ch_encode(out, CH_ENCODE_HEX, (ch_slice){digest, sizeof digest});
        ch_buffer_add_byte(out, '"');
    }
    ch_buffer_add_text(out, payloads->count > 0 ? "]}" : "}");
}

static void add_figures(const ch_refusal *refusal, ch_buffer *out)
{
    /* clang-format off */
    const struct { const char *name; const char *text; } figures[] = {
        { "control", refusal->control },
        { "limit",   refusal->limit },
        { "asked",   refusal->asked },
        { "left",    refusal->left },
        { "fact",    refusal->fact },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        if (figures[i].text != NULL && figures[i].text[0] != '\0')
            ch_record_text(out, ",", figures[i].name, ch_slice_of(figures[i].text));
    }
}

void ch_record_refusal(const ch_record_facts *facts, const char *step, const ch_error *why, ch_buffer *out)
{
    ch_buffer_clear(out);
    begin(facts, ch_status_name(why->status), out);
    ch_record_text(out, ",", "step", ch_slice_of(step));
    ch_record_text(out, ",", "rule", ch_slice_of(why->rule));
    ch_record_text(out, ",", "why", ch_slice_of(why->message));
    if (facts->judgement != NULL)
        add_figures(&facts->judgement->refusal, out);
    add_judgement(facts, out);
}

void ch_record_times(uint32_t times, ch_buffer *out)
{
    ch_buffer_add_format(out, ",\"times\":%u}", (unsigned)times);
}
