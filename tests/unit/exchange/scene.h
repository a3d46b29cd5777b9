/* A request whose signature is read, for the unit tests of readings and recuts. Run from the repository's root. */
#ifndef CH_TESTS_UNIT_EXCHANGE_SCENE_H
#define CH_TESTS_UNIT_EXCHANGE_SCENE_H

#include "exchange/check.h"
#include "exchange/readings.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>

#define PARAMS_MAX 12

/* A request whose signature is read. */
typedef struct scene {
    ch_profile *profile;
    ch_readings *readings;
    const ch_endpoint *endpoint;
    ch_param params[PARAMS_MAX];
    char text[512]; /* what the params are made of */
    ch_request request;
    ch_status status;
    ch_error err;
} scene;

static inline unsigned names_of(const ch_profile *profile, const char *names)
{
    unsigned accepts = 0;
    char copy[256];
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok(copy, " "); name != NULL; name = strtok(NULL, " ")) {
        unsigned bit = ch_profile_acceptance(profile, name);
        ck_assert_msg(bit != 0, "%s", name);
        accepts |= bit;
    }
    return accepts;
}

/* Reads "symbol=BTCUSDT side=BUY". */
static inline size_t read_params(scene *s, const char *params)
{
    size_t count = 0;
    snprintf(s->text, sizeof s->text, "%s", params);
    for (char *param = strtok(s->text, " "); param != NULL; param = strtok(NULL, " ")) {
        char *value = strchr(param, '=');
        *value = '\0';
        s->params[count++] = text(param, value + 1);
    }
    return count;
}

static inline void read_on(scene *s, const char *call, const char *params, const char *names)
{
    char method[8] = "";
    const char *path = strchr(call, ' ') + 1;
    memcpy(method, call, (size_t)(path - call - 1));
    s->err = (ch_error)CH_ERROR_INIT;
    s->endpoint = match(s->profile, method, path);
    s->request = request_of(method, path, s->params, read_params(s, params));
    const ch_key_traits key = {ch_profile_live(s->profile), 0, names_of(s->profile, names)};
    ck_assert_msg(ch_endpoint_check(s->endpoint, first_scheme(s->profile), &s->request, &s->err) == CH_OK, "%s",
                  s->err.message);
    s->readings = ch_readings_new();
    s->status = ch_readings_read(s->readings, s->endpoint, first_scheme(s->profile), &key, &s->request, &s->err);
}

static inline void set_up(scene *s, const char *profile, const char *call, const char *params, const char *names)
{
    *s = (scene){.profile = load(profile)};
    read_on(s, call, params, names);
    ck_assert_msg(s->status == CH_OK, "%s", s->err.message);
}

static inline void set_up_text(scene *s, const char *source, const char *call, const char *params)
{
    *s = (scene){.err = CH_ERROR_INIT};
    ck_assert_msg(load_text(source, &s->profile, &s->err) == CH_OK, "%s", s->err.message);
    read_on(s, call, params, "");
}

static inline void tear_down(scene *s)
{
    ch_readings_free(s->readings);
    ch_profile_free(s->profile);
}

static inline const ch_reading_at *find(const scene *s, const char *path)
{
    for (size_t i = 0; i < ch_readings_count(s->readings); i++) {
        const ch_reading_at *reading = ch_readings_at(s->readings, i);
        if (strcmp(ch_endpoint_path(reading->endpoint), path) == 0)
            return reading;
    }
    return NULL;
}

static inline bool is_fact(const ch_reading_at *reading, ch_fact_name name, const char *expected)
{
    const ch_fact *fact = &ch_intent_item(reading->intent, 0)->facts[name];
    return fact->state == CH_FACT_STATED && ch_slice_is(fact->text, expected);
}

static inline bool is_all_unknown(const ch_reading_at *reading)
{
    bool is_unknown = true;
    for (size_t i = 0; i < ch_intent_count(reading->intent); i++) {
        const ch_item *item = ch_intent_item(reading->intent, i);
        for (ch_fact_name name = 0; name < CH_FACT_COUNT; name++)
            is_unknown &=
                (ch_item_kind_facts(item->kind) & CH_FACT_BIT(name)) == 0 || item->facts[name].state == CH_FACT_UNKNOWN;
    }
    return is_unknown;
}

#endif
