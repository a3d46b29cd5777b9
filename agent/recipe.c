/* A build runs fields, lists, values and message, in this order; a finish runs url, body and headers. Between the two
 * the bot's request is gone, so whatever finish needs lies in the draft: slices in `inputs` point into its own buffers
 * or into the profile. A buffer may move while it grows, so slices into one are taken when it is complete. */
#include "agent/recipe.h"

#include "agent/profile_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ITEMS_MAX (CH_PARAMS_MAX + CH_LIST_FIELDS_MAX)
/* Of message and values together: what is sent must fit a frame beside the rest of it. */
#define REQUEST_BYTES_MAX 32768
#define TIME_TEXT_MAX 32

_Static_assert(CH_RECIPE_HEADERS_MAX <= CH_HEADERS_MAX, "a recipe's headers must fit ch_finished");

struct ch_draft {
    ch_scratch *scratch;
    const ch_recipe *recipe;
    const ch_endpoint *endpoint;
    const ch_scheme *scheme;
    ch_slice inputs[CH_BUILTIN_COUNT + CH_RECIPE_VALUES_MAX];
    char times[CH_BUILTIN_NEWLINE - CH_BUILTIN_TIME_S][TIME_TEXT_MAX]; /* times and the nonce */
    ch_buffer credentials;                                             /* key id, passphrase */
    ch_buffer fields[CH_RECIPE_LISTS_MAX];                             /* values of each list's fields */
    ch_list_item items[CH_RECIPE_LISTS_MAX][ITEMS_MAX];
    ch_list lists[CH_RECIPE_LISTS_MAX];
    ch_buffer values[CH_RECIPE_VALUES_MAX];
    ch_buffer message;
    ch_buffer signature;
    ch_buffer sent; /* url, body, headers, one after the other */
};

ch_draft *ch_draft_new(void)
{
    ch_draft *draft = ch_alloc(sizeof *draft);
    draft->scratch = ch_scratch_new();
    return draft;
}

void ch_draft_free(ch_draft *draft)
{
    if (draft == NULL)
        return;
    ch_scratch_free(draft->scratch);
    ch_buffer *buffers[] = {&draft->credentials, &draft->message, &draft->signature, &draft->sent};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        ch_buffer_free(buffers[i]);
    for (size_t i = 0; i < CH_RECIPE_VALUES_MAX; i++)
        ch_buffer_free(&draft->values[i]);
    for (size_t i = 0; i < CH_RECIPE_LISTS_MAX; i++)
        ch_buffer_free(&draft->fields[i]);
    free(draft);
}

bool ch_profile_uses_nonce(const ch_profile *profile, uint64_t *unit_ns)
{
    *unit_ns = profile->nonce_ns;
    return profile->nonce_ns != 0;
}

/* ---- what the agent knows ---- */

static ch_slice write_number(char *text, uint64_t number)
{
    char *end = text + TIME_TEXT_MAX;
    char *at = end;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return (ch_slice){(const uint8_t *)at, (size_t)(end - at)};
}

static ch_slice write_date(char *text, uint64_t now_ns, bool has_ms)
{
    time_t seconds = (time_t)(now_ns / 1000000000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    size_t size = strftime(text, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    if (has_ms)
        size += (size_t)snprintf(text + size, TIME_TEXT_MAX - size, ".%03uZ", (unsigned)(now_ns / 1000000 % 1000));
    return (ch_slice){(const uint8_t *)text, size};
}

static void set_times(ch_draft *draft, const ch_recipe_input *input)
{
    const struct {
        ch_builtin builtin;
        uint64_t number;
    } numbers[] = {
        {CH_BUILTIN_TIME_S,  input->now_ns / 1000000000},
        {CH_BUILTIN_TIME_MS, input->now_ns / 1000000   },
        {CH_BUILTIN_TIME_US, input->now_ns / 1000      },
        {CH_BUILTIN_NONCE,   input->nonce              }
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ch_builtin builtin = numbers[i].builtin;
        if (draft->recipe->uses[builtin])
            draft->inputs[builtin] = write_number(draft->times[builtin - CH_BUILTIN_TIME_S], numbers[i].number);
    }
    for (ch_builtin builtin = CH_BUILTIN_TIME_ISO; builtin <= CH_BUILTIN_TIME_UTC; builtin++) {
        if (draft->recipe->uses[builtin])
            draft->inputs[builtin] =
                write_date(draft->times[builtin - CH_BUILTIN_TIME_S], input->now_ns, builtin == CH_BUILTIN_TIME_ISO);
    }
}

static void set_inputs(ch_draft *draft, const ch_recipe_input *input)
{
    const ch_endpoint *endpoint = input->endpoint;
    ch_buffer_clear(&draft->credentials);
    ch_buffer_add_slice(&draft->credentials, input->key_id);
    ch_buffer_add_slice(&draft->credentials, input->passphrase);
    const uint8_t *credentials = draft->credentials.data;
    draft->inputs[CH_BUILTIN_METHOD] = ch_slice_of(endpoint->method);
    draft->inputs[CH_BUILTIN_PATH] = endpoint->path_slice;
    draft->inputs[CH_BUILTIN_ORIGIN] = ch_slice_of(endpoint->origin->url);
    draft->inputs[CH_BUILTIN_HOST] = endpoint->origin->host;
    draft->inputs[CH_BUILTIN_KEY_ID] = (ch_slice){credentials, input->key_id.size};
    draft->inputs[CH_BUILTIN_PASSPHRASE] =
        (ch_slice){credentials == NULL ? NULL : credentials + input->key_id.size, input->passphrase.size};
    draft->inputs[CH_BUILTIN_NEWLINE] = CH_LITERAL("\n");
    set_times(draft, input);
}

/* ---- lists ---- */

static ch_status run(ch_draft *draft, const ch_template *text, ch_buffer *out, ch_error *err)
{
    ch_template_input input = {draft->inputs, draft->lists};
    return ch_template_run(text, &input, draft->scratch, out, err);
}

/* Makes the fields that the agent adds to `list`; their values lie in `text`. */
static ch_status make_fields(ch_draft *draft, const ch_recipe_list *list, ch_buffer *text, ch_list_item *out,
                             ch_error *err)
{
    size_t ends[CH_LIST_FIELDS_MAX];
    ch_buffer_clear(text);
    for (size_t i = 0; i < list->field_count; i++) {
        ch_status st = run(draft, &list->fields[i].value, text, err);
        if (st != CH_OK)
            return st;
        ends[i] = text->size;
    }
    size_t begin = 0;
    for (size_t i = 0; i < list->field_count; i++) {
        const ch_field *field = &list->fields[i];
        out[i].kind = field->is_bare ? CH_PARAM_INTEGER : CH_PARAM_TEXT;
        out[i].name = ch_slice_of(field->name);
        out[i].value = (ch_slice){text->data + begin, ends[i] - begin};
        begin = ends[i];
    }
    return CH_OK;
}

/* Insertion sort: lists are short, names are never equal, and qsort may ask for memory. */
static void sort_items(ch_list_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        ch_list_item item = items[i];
        size_t at = i;
        for (; at > 0 && ch_slice_compare(item.name, items[at - 1].name) < 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* Adds the bot's parameters; where the bot left a placeholder, the field of that name takes its place. */
static size_t add_params(const ch_request *request, const ch_list_item *fields, size_t field_count, bool *is_placed,
                         ch_list_item *items, size_t count)
{
    for (size_t i = 0; i < request->param_count; i++) {
        const ch_param *param = &request->params[i];
        if (param->kind != CH_PARAM_PLACEHOLDER) {
            items[count++] = (ch_list_item){param->kind, param->name, param->value};
            continue;
        }
        for (size_t j = 0; j < field_count; j++) {
            if (!is_placed[j] && ch_slice_equal(fields[j].name, param->name)) {
                items[count++] = fields[j];
                is_placed[j] = true;
            }
        }
    }
    return count;
}

static bool has_placeholder(const ch_request *request, ch_slice name)
{
    for (size_t i = 0; i < request->param_count; i++) {
        if (request->params[i].kind == CH_PARAM_PLACEHOLDER && ch_slice_equal(request->params[i].name, name))
            return true;
    }
    return false;
}

static ch_status make_list(ch_draft *draft, const ch_request *request, size_t index, ch_error *err)
{
    const ch_recipe_list *list = &draft->recipe->lists[index];
    ch_list_item *items = draft->items[index];
    ch_list_item fields[CH_LIST_FIELDS_MAX];
    bool is_placed[CH_LIST_FIELDS_MAX] = {false};
    ch_status st = make_fields(draft, list, &draft->fields[index], fields, err);
    if (st != CH_OK)
        return st;
    size_t count = 0;
    for (size_t i = 0; i < list->field_count; i++) {
        bool stands_elsewhere = list->takes_params && has_placeholder(request, fields[i].name);
        if (list->fields[i].is_first && !stands_elsewhere) {
            items[count++] = fields[i];
            is_placed[i] = true;
        }
    }
    if (list->takes_params)
        count = add_params(request, fields, list->field_count, is_placed, items, count);
    for (size_t i = 0; i < list->field_count; i++) {
        if (!is_placed[i])
            items[count++] = fields[i];
    }
    if (list->is_sorted)
        sort_items(items, count);
    draft->lists[index] = (ch_list){items, count};
    return CH_OK;
}

static ch_status make_lists(ch_draft *draft, const ch_request *request, ch_error *err)
{
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < draft->recipe->list_count; i++)
        st = make_list(draft, request, i, err);
    return st;
}

/* ---- the two halves ---- */

ch_status ch_recipe_build(const ch_recipe_input *input, ch_draft *draft, ch_slice *message, ch_error *err)
{
    const ch_recipe *recipe = input->endpoint->recipe;
    draft->recipe = recipe;
    draft->endpoint = input->endpoint;
    draft->scheme = input->scheme;
    set_inputs(draft, input);
    ch_status st = make_lists(draft, input->request, err);
    size_t total = 0;
    for (size_t i = 0; st == CH_OK && i < recipe->value_count; i++) {
        ch_buffer_clear(&draft->values[i]);
        st = run(draft, &recipe->values[i].text, &draft->values[i], err);
        draft->inputs[CH_BUILTIN_COUNT + i] = ch_buffer_slice(&draft->values[i]);
        total += draft->values[i].size;
    }
    ch_buffer_clear(&draft->message);
    if (st == CH_OK)
        st = run(draft, &recipe->message, &draft->message, err);
    if (st != CH_OK)
        return st;
    if (total + draft->message.size > REQUEST_BYTES_MAX)
        return ch_fail(err, CH_TOO_LARGE, "the request is larger than %d bytes when it is encoded", REQUEST_BYTES_MAX);
    *message = ch_buffer_slice(&draft->message);
    return CH_OK;
}

static bool is_header_text(ch_slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7e)
            return false;
    }
    return true;
}

static ch_status run_headers(ch_draft *draft, size_t *ends, ch_error *err)
{
    const ch_recipe *recipe = draft->recipe;
    for (size_t i = 0; i < recipe->header_count; i++) {
        size_t begin = draft->sent.size;
        ch_status st = run(draft, &recipe->headers[i].text, &draft->sent, err);
        if (st != CH_OK)
            return st;
        ends[i] = draft->sent.size;
        if (!is_header_text((ch_slice){draft->sent.data + begin, ends[i] - begin}))
            return ch_fail(err, CH_CONFIG,
                           "header %s would hold bytes that no header can; see key_id, passphrase and "
                           "the profile",
                           recipe->headers[i].name);
    }
    return CH_OK;
}

ch_status ch_recipe_finish(ch_draft *draft, ch_slice signature, ch_finished *out, ch_error *err)
{
    const ch_recipe *recipe = draft->recipe;
    ch_buffer_clear(&draft->signature);
    ch_encode(&draft->signature, draft->scheme->signature, signature);
    draft->inputs[CH_BUILTIN_SIGNATURE] = ch_buffer_slice(&draft->signature);

    size_t ends[CH_RECIPE_HEADERS_MAX] = {0};
    ch_buffer_clear(&draft->sent);
    ch_status st = run(draft, &recipe->url, &draft->sent, err);
    size_t url_end = draft->sent.size;
    if (st == CH_OK)
        st = run(draft, &recipe->body, &draft->sent, err);
    size_t begin = draft->sent.size;
    if (st == CH_OK)
        st = run_headers(draft, ends, err);
    if (st != CH_OK)
        return st;
    const uint8_t *sent = draft->sent.data;
    out->method = draft->inputs[CH_BUILTIN_METHOD];
    out->url = (ch_slice){sent, url_end};
    out->body = (ch_slice){sent + url_end, begin - url_end};
    out->header_count = 0;
    for (size_t i = 0; i < recipe->header_count; i++) {
        /* A header that came out empty is not sent: {body|then:application/json} */
        if (ends[i] > begin)
            out->headers[out->header_count++] = (ch_header){
                ch_slice_of(recipe->headers[i].name), {sent + begin, ends[i] - begin}
            };
        begin = ends[i];
    }
    return CH_OK;
}
