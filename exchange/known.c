/* Only what the recipe uses is written: a date, for instance, costs more than all else here together. */
#include "exchange/draft.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000U
#define NS_PER_MS 1000000U
#define NS_PER_US 1000U

static char *room_for(ch_draft *draft, ch_builtin builtin)
{
    assert(builtin >= CH_BUILTIN_TIME_S && builtin < CH_BUILTIN_NEWLINE);
    return draft->times[builtin - CH_BUILTIN_TIME_S];
}

static ch_slice write_number(char *text, uint64_t number)
{
    char *end = text + CH_TIME_TEXT_MAX;
    char *at = end;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return (ch_slice){(const uint8_t *)at, (size_t)(end - at)};
}

static ch_slice write_date(char *text, uint64_t now_ns, bool has_ms)
{
    time_t seconds = (time_t)(now_ns / NS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t size = strftime(text, CH_TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    if (has_ms)
        size += (size_t)snprintf(text + size, CH_TIME_TEXT_MAX - size, ".%03uZ", (unsigned)(now_ns / NS_PER_MS % 1000));
    return (ch_slice){(const uint8_t *)text, size};
}

static void set_times(ch_draft *draft, const ch_recipe_input *input)
{
    const struct {
        ch_builtin builtin;
        uint64_t number;
    } numbers[] = {
        {CH_BUILTIN_TIME_S,  input->now_ns / NS_PER_S },
        {CH_BUILTIN_TIME_MS, input->now_ns / NS_PER_MS},
        {CH_BUILTIN_TIME_US, input->now_ns / NS_PER_US},
        {CH_BUILTIN_NONCE,   input->nonce             },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ch_builtin builtin = numbers[i].builtin;
        if (draft->recipe->uses[builtin])
            draft->inputs[builtin] = write_number(room_for(draft, builtin), numbers[i].number);
    }
    for (ch_builtin builtin = CH_BUILTIN_TIME_ISO; builtin <= CH_BUILTIN_TIME_UTC; builtin++) {
        if (draft->recipe->uses[builtin])
            draft->inputs[builtin] =
                write_date(room_for(draft, builtin), input->now_ns, builtin == CH_BUILTIN_TIME_ISO);
    }
}

/* RFC 9562, version 4. */
static ch_slice write_uuid(char *text, const uint8_t *random, ch_buffer *digits)
{
    uint8_t bytes[16];
    memcpy(bytes, random, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    ch_buffer_clear(digits);
    ch_encode(digits, CH_ENCODE_HEX, (ch_slice){bytes, sizeof bytes});
    const char *at = (const char *)digits->data;
    int size = snprintf(text, CH_TIME_TEXT_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", at, at + 8, at + 12, at + 16, at + 20);
    return (ch_slice){(const uint8_t *)text, (size_t)size};
}

static void set_random(ch_draft *draft, const ch_recipe_input *input)
{
    if (draft->recipe->uses[CH_BUILTIN_UUID])
        draft->inputs[CH_BUILTIN_UUID] = write_uuid(room_for(draft, CH_BUILTIN_UUID), input->random, &draft->digits);
    if (draft->recipe->uses[CH_BUILTIN_RANDOM]) {
        ch_buffer_clear(&draft->digits);
        ch_encode(&draft->digits, CH_ENCODE_HEX, (ch_slice){input->random + 16, 16});
        draft->inputs[CH_BUILTIN_RANDOM] = ch_buffer_slice(&draft->digits);
    }
}

static uint32_t read_digits(ch_slice digits)
{
    uint32_t number = 0;
    for (size_t i = 0; i < digits.size; i++)
        number = number * 10 + (uint32_t)(digits.data[i] - '0');
    return number;
}

/* What the bot has set; empty: nothing. It was checked. */
static ch_slice find_asked_window(const ch_recipe_input *input)
{
    const ch_recipe *recipe = input->endpoint->recipes[input->scheme->index];
    const ch_request *request = input->request;
    ch_slice value = CH_LITERAL("");
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        const ch_param *param = &request->params[i];
        if (param->kind != CH_PARAM_PLACEHOLDER && ch_endpoint_takes_window(input->endpoint, recipe, param->name))
            value = param->value;
    }
    return value;
}

static uint32_t default_window_ms(const ch_recipe_input *input)
{
    uint32_t usual_ms = input->profile->window.default_ms;
    return input->window_ms_max != 0 && input->window_ms_max < usual_ms ? input->window_ms_max : usual_ms;
}

ch_status ch_recipe_find_window(const ch_recipe_input *input, uint32_t *window_ms, ch_error *err)
{
    *window_ms = 0;
    if (!input->endpoint->recipes[input->scheme->index]->uses[CH_BUILTIN_WINDOW])
        return CH_OK;
    ch_slice asked = find_asked_window(input);
    *window_ms = asked.size > 0 ? read_digits(asked) : default_window_ms(input);
    if (input->window_ms_max != 0 && *window_ms > input->window_ms_max)
        return ch_fail_rule(err, CH_REFUSED, "receive_window",
                            "the receive window of %u ms is longer than the %u ms that the key's policy lets it be",
                            (unsigned)*window_ms, (unsigned)input->window_ms_max);
    return CH_OK;
}

/* What the bot has set, or the default. */
static void set_window(ch_draft *draft, const ch_recipe_input *input)
{
    ch_slice value = find_asked_window(input);
    int size = value.size > 0 ? snprintf(draft->window, sizeof draft->window, "%.*s", CH_SLICE_ARGS(value))
                              : snprintf(draft->window, sizeof draft->window, "%u", (unsigned)default_window_ms(input));
    assert(size > 0 && (size_t)size < sizeof draft->window);
    draft->inputs[CH_BUILTIN_WINDOW] = (ch_slice){(const uint8_t *)draft->window, (size_t)size};
}

uint32_t ch_draft_window_ms(const ch_draft *draft)
{
    return draft->recipe->uses[CH_BUILTIN_WINDOW] ? read_digits(draft->inputs[CH_BUILTIN_WINDOW]) : 0;
}

void ch_known_set(const ch_recipe_input *input, ch_slice *values)
{
    const ch_endpoint *endpoint = input->endpoint;
    const ch_origin *origin = ch_environment_origin(input->environment, endpoint);
    values[CH_BUILTIN_METHOD] = ch_slice_of(endpoint->method);
    values[CH_BUILTIN_PATH] = input->request->path;
    values[CH_BUILTIN_ORIGIN] = ch_slice_of(origin->url);
    values[CH_BUILTIN_HOST] = origin->host;
    values[CH_BUILTIN_KEY_ID] = input->key_id;
    values[CH_BUILTIN_PASSPHRASE] = input->passphrase;
    values[CH_BUILTIN_ALG] = ch_slice_of(input->scheme->alg);
    values[CH_BUILTIN_NEWLINE] = CH_LITERAL("\n");
}

void ch_draft_set_known(ch_draft *draft, const ch_recipe_input *input)
{
    ch_known_set(input, draft->inputs);
    ch_buffer_clear(&draft->path);
    ch_buffer_add_slice(&draft->path, input->request->path);
    draft->inputs[CH_BUILTIN_PATH] = ch_buffer_slice(&draft->path);
    set_times(draft, input);
    set_random(draft, input);
    if (draft->recipe->uses[CH_BUILTIN_WINDOW])
        set_window(draft, input);
}
