/* The check is asked first: of an exchange that tells its time nowhere else, the Date of its answer is the clock. */
#include "cli/examination.h"

#include "base/utc.h"
#include "cli/advice.h"
#include "cli/doctor_answers.h"
#include "cli/jansson.h"
#include "cli/sdk_request.h"

#include <string.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define OFF_MS 500    /* some exchanges refuse what is more than a second ahead of them */
#define WRONG_MS 1000 /* or, of those that say so, more than a few behind */
#define SAID_MAX 300

typedef struct examination {
    const ch_relay_client *client;
    const ch_patient *patient;
    const ch_doctor *doctor;
    ch_sdk_request *maker;
    ch_relay_answer answer; /* to the check */
    json_t *found;
} examination;

/* ---- asking ---- */

static ch_status ask_signed(const examination *self, const ch_doctor_call *call, const ch_slice *values,
                            ch_relay_answer *answer, ch_error *err)
{
    ch_relay_request request;
    CH_TRY(ch_sdk_request_make(self->maker, self->patient->profile, call, values, &request, err));
    return ch_relay_ask(self->client, self->patient->key, &request, answer, err);
}

/* What a parameter is. If the call that it comes from does not tell, it stays empty, and the exchange says so. */
static ch_status find_value(const examination *self, const ch_doctor_param *param, ch_buffer *out, ch_error *err)
{
    if (param->value != NULL) {
        ch_buffer_add_text(out, strcmp(param->value, CH_DOCTOR_KEY_ID) == 0 ? self->patient->key_id : param->value);
        return CH_OK;
    }
    ch_autorelay_answer answer = CH_RELAY_ANSWER_INIT;
    CH_TRY(ask_signed(self, &(ch_doctor_call){.path = param->path}, NULL, &answer, err));
    ch_autojansson values = ch_doctor_values(answer.body, param->at, self->patient->key_id);
    json_t *value = json_array_get(values, 0);
    if (json_is_string(value))
        ch_buffer_add_text(out, json_string_value(value));
    else if (json_is_integer(value))
        ch_buffer_add_format(out, "%lld", (long long)json_integer_value(value));
    return CH_OK;
}

static ch_status ask(const examination *self, const ch_doctor_call *call, ch_relay_answer *answer, ch_error *err)
{
    ch_buffer texts[CH_DOCTOR_PARAMS_MAX] = {CH_BUFFER_INIT};
    ch_slice values[CH_DOCTOR_PARAMS_MAX];
    ch_status st = CH_OK;
    for (size_t i = 0; i < call->param_count && st == CH_OK; i++) {
        st = find_value(self, &call->params[i], &texts[i], err);
        values[i] = ch_buffer_slice(&texts[i]);
    }
    if (st == CH_OK)
        st = ask_signed(self, call, values, answer, err);
    for (size_t i = 0; i < call->param_count; i++)
        ch_buffer_free(&texts[i]);
    return st;
}

/* Without credentials, since anybody may ask. */
static ch_status ask_time(const examination *self, const ch_doctor_call *call, ch_relay_answer *answer, ch_error *err)
{
    ch_autobuffer target = CH_BUFFER_INIT;
    if (call->origin != NULL)
        ch_buffer_add_format(&target, "/~%s", call->origin);
    ch_buffer_add_text(&target, call->path);
    const ch_relay_request request = {.target = ch_buffer_text(&target)};
    return ch_relay_ask(self->client, self->patient->key, &request, answer, err);
}

static bool is_success(const ch_relay_answer *answer)
{
    return answer->problem == NULL && answer->status >= 200 && answer->status <= 299;
}

/* ---- the check ---- */

static const char *problem_name(const json_t *problem)
{
    static const char prefix[] = "urn:chancery:problem:";
    const char *type = ch_jansson_member(problem, "type");
    return strncmp(type, prefix, sizeof prefix - 1) == 0 ? type + sizeof prefix - 1 : type;
}

/* The beginning of what was answered, for people. */
static json_t *said(const ch_relay_answer *answer)
{
    ch_slice text = ch_buffer_slice(&answer->text);
    text.size = text.size > SAID_MAX ? SAID_MAX : text.size;
    return text.size == 0 ? json_string("") : ch_jansson_slice(text);
}

static json_t *judge_problem(const ch_relay_answer *answer)
{
    return json_pack("{s:s, s:s, s:i, s:s}", "state", "not-asked", "trouble", problem_name(answer->problem), "status",
                     (int)answer->status, "said", ch_jansson_member(answer->problem, "detail"));
}

static json_t *judge_check(const examination *self, const ch_doctor_check *check)
{
    const ch_relay_answer *answer = &self->answer;
    const char *key_id = self->patient->key_id;
    if (answer->problem != NULL)
        return judge_problem(answer);
    if (is_success(answer) && ch_doctor_fits(answer->body, check->works, check->works_count, key_id))
        return json_pack("{s:s, s:n, s:i, s:s}", "state", "works", "trouble", "status", (int)answer->status, "said",
                         "");
    ch_doctor_trouble trouble = ch_doctor_find_trouble(self->doctor, answer->status, answer->body, key_id);
    if (trouble == CH_DOCTOR_TROUBLE_COUNT)
        return json_pack("{s:s, s:n, s:i, s:o}", "state", "unknown", "trouble", "status", (int)answer->status, "said",
                         said(answer));
    return json_pack("{s:s, s:s, s:i, s:o}", "state", "fails", "trouble", ch_doctor_trouble_name(trouble), "status",
                     (int)answer->status, "said", said(answer));
}

/* Makes the first check that the key's environment has. */
static ch_status run_check(examination *self, ch_error *err)
{
    size_t at = 0;
    ch_status st = ask(self, &self->doctor->checks[0].call, &self->answer, err);
    while (st == CH_NOT_FOUND && at + 1 < self->doctor->check_count)
        st = ask(self, &self->doctor->checks[++at].call, &self->answer, err);
    CH_TRY(st);
    json_t *check = judge_check(self, &self->doctor->checks[at]);
    json_object_set_new(check, "call", json_string(self->doctor->checks[at].call.call));
    json_object_set_new(self->found, "check", check);
    return CH_OK;
}

static bool works(const examination *self)
{
    return strcmp(ch_jansson_member(json_object_get(self->found, "check"), "state"), "works") == 0;
}

/* ---- the clock ---- */

/* Compares the middle of the time in which the answer came with what it says, which is exact to `exact_ns`. */
static json_t *compare(const ch_relay_answer *answer, uint64_t theirs_ns, uint64_t exact_ns, const char *by)
{
    uint64_t took_ns = answer->answered_ns > answer->asked_ns ? answer->answered_ns - answer->asked_ns : 0;
    int64_t ours = (int64_t)(answer->asked_ns + took_ns / 2);
    int64_t ahead_ms = (ours - (int64_t)(theirs_ns + exact_ns / 2)) / NS_PER_MS;
    int64_t uncertain_ms = (int64_t)(took_ns / 2 + exact_ns / 2) / NS_PER_MS + 1;
    int64_t least_ms = (ahead_ms < 0 ? -ahead_ms : ahead_ms) - uncertain_ms;
    const char *state = least_ms > WRONG_MS ? "wrong" : least_ms > OFF_MS ? "off" : "right";
    return json_pack("{s:s, s:I, s:I, s:s}", "state", state, "ahead_ms", (json_int_t)ahead_ms, "uncertain_ms",
                     (json_int_t)uncertain_ms, "by", by);
}

static json_t *compare_date(const ch_relay_answer *answer)
{
    if (answer->date_s == 0)
        return json_pack("{s:s, s:n, s:n, s:n}", "state", "unknown", "ahead_ms", "uncertain_ms", "by");
    return compare(answer, answer->date_s * NS_PER_S, NS_PER_S, "Date");
}

static ch_status compare_clocks(examination *self, ch_error *err)
{
    const ch_doctor_time *time = &self->doctor->time;
    ch_autorelay_answer answer = CH_RELAY_ANSWER_INIT;
    uint64_t theirs_ns = 0;
    uint64_t exact_ns = 0;
    bool is_told = false;
    if (time->at != NULL) {
        CH_TRY(ask_time(self, &time->call, &answer, err));
        ch_autojansson values = is_success(&answer) ? ch_doctor_values(answer.body, time->at, "") : NULL;
        is_told = ch_doctor_read_time(json_array_get(values, 0), time->unit, &theirs_ns, &exact_ns);
    }
    json_t *clock = is_told ? compare(&answer, theirs_ns, exact_ns, time->call.call) : compare_date(&self->answer);
    return json_object_set_new(self->found, "clock", clock) == 0 ? CH_OK : ch_fail(err, CH_INTERNAL, "no clock");
}

/* ---- rights ---- */

static void add_end(const examination *self, const json_t *answer, json_t *rights)
{
    bool is_told = false;
    char text[CH_UTC_TEXT_SIZE];
    uint64_t now_s = self->answer.answered_ns / NS_PER_S;
    uint64_t end_s = ch_doctor_end_s(self->doctor, answer, self->patient->key_id, now_s, &is_told);
    ch_utc_text(end_s, text);
    json_t *value = json_null();
    if (is_told)
        value = end_s == 0 ? json_false() : json_string(text);
    json_object_set_new(rights, "expires", value);
}

static json_t *read_rights(const examination *self, const json_t *answer)
{
    static const struct {
        const char *name;
        ch_doctor_means means;
    } facts[] = {
        {"withdraws", CH_DOCTOR_WITHDRAWS},
        {"transfers", CH_DOCTOR_TRANSFERS},
        {"trades",    CH_DOCTOR_TRADES   },
        {"is_bound",  CH_DOCTOR_IS_BOUND },
    };
    json_t *rights = json_pack("{s:s}", "state", answer == NULL ? "not-told" : "told");
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        json_object_set_new(rights, facts[i].name,
                            ch_doctor_says(self->doctor, facts[i].means, answer, self->patient->key_id));
    }
    add_end(self, answer, rights);
    return rights;
}

/* Of a key that does not work, nothing more is asked. */
static ch_status find_rights(examination *self, ch_error *err)
{
    const ch_doctor_call *call = &self->doctor->permissions;
    ch_autorelay_answer answer = CH_RELAY_ANSWER_INIT;
    ch_status st = call->call != NULL && works(self) ? ask(self, call, &answer, err) : CH_OK;
    if (st != CH_OK && st != CH_NOT_FOUND) /* the environment need not have it */
        return st;
    bool is_told = is_success(&answer) && answer.body != NULL;
    json_object_set_new(self->found, "rights", read_rights(self, is_told ? answer.body : NULL));
    return CH_OK;
}

/* ---- the whole ---- */

static ch_status run_all(examination *self, ch_error *err)
{
    CH_TRY(run_check(self, err));
    CH_TRY(compare_clocks(self, err));
    CH_TRY(find_rights(self, err));
    ch_advise(self->found, self->answer.answered_ns / NS_PER_S);
    return CH_OK;
}

ch_status ch_examine(const ch_relay_client *client, const ch_patient *patient, json_t **out, ch_error *err)
{
    const ch_environment *environment = ch_profile_environment(patient->profile, patient->environment);
    examination self = {.client = client,
                        .patient = patient,
                        .doctor = ch_profile_doctor(patient->profile),
                        .answer = CH_RELAY_ANSWER_INIT};
    if (self.doctor == NULL)
        return ch_fail(err, CH_NOT_FOUND, "profile '%s' has no 'doctor', which says what to ask",
                       ch_profile_name(patient->profile));
    if (environment == NULL)
        return ch_fail(err, CH_NOT_FOUND, "profile '%s' has no environment '%s'", ch_profile_name(patient->profile),
                       patient->environment);
    self.maker = ch_sdk_request_new(environment);
    self.found = json_pack("{s:s, s:s, s:s}", "key", patient->key, "profile", ch_profile_name(patient->profile),
                           "environment", patient->environment);
    ch_status st = run_all(&self, err);
    ch_relay_answer_free(&self.answer);
    ch_sdk_request_free(self.maker);
    if (st == CH_OK)
        *out = json_incref(self.found);
    json_decref(self.found);
    return st;
}
