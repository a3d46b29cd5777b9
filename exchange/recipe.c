/* A build runs fields, lists, values and message, in this order; a finish runs url, body and headers. Between the two
 * the bot's request is gone, so whatever finish needs lies in the draft: slices in `inputs` point into its own buffers
 * or into the profile. A buffer may move while it grows, so slices into one are taken when it is complete. */
#include "exchange/recipe.h"

#include "base/memory.h"
#include "exchange/profile_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ITEMS_MAX (64 + CH_LIST_FIELDS_MAX) /* of a list; what lists and objects hold does not count */
/* Of message and values together: what is sent must fit a frame beside the rest of it. */
#define REQUEST_BYTES_MAX 32768
#define TIME_TEXT_MAX 40

_Static_assert(CH_RECIPE_HEADERS_MAX <= CH_HEADERS_MAX, "a recipe's headers must fit ch_finished");

struct ch_draft {
    ch_scratch *scratch;
    const ch_recipe *recipe;
    const ch_endpoint *endpoint;
    const ch_scheme *scheme;
    ch_slice inputs[CH_BUILTIN_COUNT + CH_RECIPE_VALUES_MAX + CH_RECIPE_EXTRAS_MAX];
    char times[CH_BUILTIN_NEWLINE - CH_BUILTIN_TIME_S][TIME_TEXT_MAX]; /* times, nonce, uuid */
    ch_buffer path;
    ch_buffer digits;                      /* of what is random, in hex */
    ch_buffer fields[CH_RECIPE_LISTS_MAX]; /* values of each list's fields */
    ch_list_item items[CH_RECIPE_LISTS_MAX][ITEMS_MAX];
    ch_list lists[CH_RECIPE_LISTS_MAX];
    ch_buffer values[CH_RECIPE_VALUES_MAX];
    ch_buffer messages[CH_PAYLOADS_MAX];
    ch_buffer signatures[CH_PAYLOADS_MAX];
    ch_buffer sent; /* url, body, headers, one after the other */
};

ch_draft *ch_draft_new(ch_scratch *scratch)
{
    ch_draft *draft = ch_alloc(sizeof *draft);
    draft->scratch = scratch;
    return draft;
}

void ch_draft_free(ch_draft *draft)
{
    if (draft == NULL)
        return;
    ch_buffer_free(&draft->path);
    ch_buffer_free(&draft->digits);
    ch_buffer_free(&draft->sent);
    for (size_t i = 0; i < CH_PAYLOADS_MAX; i++) {
        ch_buffer_free(&draft->messages[i]);
        ch_buffer_free(&draft->signatures[i]);
    }
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

bool ch_endpoint_uses_random(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    const ch_recipe *recipe = endpoint->recipes[scheme->index];
    return recipe->uses[CH_BUILTIN_UUID] || recipe->uses[CH_BUILTIN_RANDOM];
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
        {CH_BUILTIN_NONCE,   input->nonce              },
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
    int size = snprintf(text, TIME_TEXT_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", at, at + 8, at + 12, at + 16, at + 20);
    return (ch_slice){(const uint8_t *)text, (size_t)size};
}

static void set_random(ch_draft *draft, const ch_recipe_input *input)
{
    if (draft->recipe->uses[CH_BUILTIN_UUID])
        draft->inputs[CH_BUILTIN_UUID] =
            write_uuid(draft->times[CH_BUILTIN_UUID - CH_BUILTIN_TIME_S], input->random, &draft->digits);
    if (draft->recipe->uses[CH_BUILTIN_RANDOM]) {
        ch_buffer_clear(&draft->digits);
        ch_encode(&draft->digits, CH_ENCODE_HEX, (ch_slice){input->random + 16, 16});
        draft->inputs[CH_BUILTIN_RANDOM] = ch_buffer_slice(&draft->digits);
    }
}

void ch_recipe_set_known(const ch_recipe_input *input, ch_slice *values)
{
    const ch_endpoint *endpoint = input->endpoint;
    values[CH_BUILTIN_METHOD] = ch_slice_of(endpoint->method);
    values[CH_BUILTIN_PATH] = input->request->path;
    values[CH_BUILTIN_ORIGIN] = ch_slice_of(endpoint->origin->url);
    values[CH_BUILTIN_HOST] = endpoint->origin->host;
    values[CH_BUILTIN_KEY_ID] = input->key_id;
    values[CH_BUILTIN_PASSPHRASE] = input->passphrase;
    values[CH_BUILTIN_ALG] = ch_slice_of(input->scheme->alg);
    values[CH_BUILTIN_NEWLINE] = CH_LITERAL("\n");
}

static void set_inputs(ch_draft *draft, const ch_recipe_input *input)
{
    ch_recipe_set_known(input, draft->inputs);
    ch_buffer_clear(&draft->path);
    ch_buffer_add_slice(&draft->path, input->request->path);
    draft->inputs[CH_BUILTIN_PATH] = ch_buffer_slice(&draft->path);
    set_times(draft, input);
    set_random(draft, input);
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
        const ch_list_field *field = &list->fields[i];
        out[i] = (ch_list_item){
            .kind = CH_PARAM_TEXT,
            .is_bare = field->is_bare,
            .name = ch_slice_of(field->name),
            .value = {text->data + begin, ends[i] - begin}
        };
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

static bool stands_in(const ch_recipe_list *list, const ch_param *param)
{
    bool is_in_query = param->def != NULL && param->def->is_in_query;
    return list->takes == CH_TAKES_PARAMS || list->takes == (is_in_query ? CH_TAKES_QUERY : CH_TAKES_BODY);
}

static ch_list_item item_of(const ch_request *request, size_t at)
{
    const ch_param *param = &request->params[at];
    ch_list_item item = {.kind = param->kind, .name = param->name, .value = param->value};
    if (param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT) {
        item.held = param;
        item.held_count = ch_param_after(request->params, request->param_count, at) - at;
    }
    if (param->def != NULL) {
        item.is_bare = param->def->is_bare;
        item.spelling = param->def->spelling;
    }
    return item;
}

/* What a list is made of, while it is made. */
typedef struct assembly {
    const ch_recipe_list *list;
    const ch_request *request;
    ch_list_item fields[CH_LIST_FIELDS_MAX];
    bool is_placed[CH_LIST_FIELDS_MAX];
    ch_list_item *items;
    size_t count;
} assembly;

static void place_field(assembly *to, size_t at)
{
    if (!to->is_placed[at])
        to->items[to->count++] = to->fields[at];
    to->is_placed[at] = true;
}

/* Adds the bot's parameters; where the bot left a placeholder, the field of that name takes its place. */
static ch_status place_params(assembly *to, ch_error *err)
{
    const ch_request *request = to->request;
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        const ch_param *param = &request->params[i];
        if (to->count + CH_LIST_FIELDS_MAX >= ITEMS_MAX)
            return ch_fail(err, CH_BAD_INPUT, "a request has at most %d parameters", ITEMS_MAX - CH_LIST_FIELDS_MAX);
        if (param->kind != CH_PARAM_PLACEHOLDER) {
            if (stands_in(to->list, param))
                to->items[to->count++] = item_of(request, i);
            continue;
        }
        for (size_t j = 0; j < to->list->field_count; j++) {
            if (ch_slice_equal(to->fields[j].name, param->name))
                place_field(to, j);
        }
    }
    return CH_OK;
}

static bool has_placeholder(const ch_request *request, ch_slice name)
{
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        if (request->params[i].kind == CH_PARAM_PLACEHOLDER && ch_slice_equal(request->params[i].name, name))
            return true;
    }
    return false;
}

static ch_status make_list(ch_draft *draft, const ch_request *request, size_t index, ch_error *err)
{
    const ch_recipe_list *list = &draft->recipe->lists[index];
    assembly to = {.list = list, .request = request, .items = draft->items[index]};
    ch_status st = make_fields(draft, list, &draft->fields[index], to.fields, err);
    if (st != CH_OK)
        return st;
    for (size_t i = 0; i < list->field_count; i++) {
        bool stands_elsewhere = list->takes != CH_TAKES_NONE && has_placeholder(request, to.fields[i].name);
        if (list->fields[i].is_first && !stands_elsewhere)
            place_field(&to, i);
    }
    if (list->takes != CH_TAKES_NONE)
        st = place_params(&to, err);
    for (size_t i = 0; i < list->field_count; i++)
        place_field(&to, i);
    if (list->is_sorted)
        sort_items(to.items, to.count);
    draft->lists[index] = (ch_list){to.items, to.count};
    return st;
}

static ch_status make_lists(ch_draft *draft, const ch_request *request, ch_error *err)
{
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < draft->recipe->list_count; i++)
        st = make_list(draft, request, i, err);
    return st;
}

/* ---- the two halves ---- */

static ch_status build_messages(ch_draft *draft, ch_payloads *out, ch_error *err)
{
    const ch_recipe *recipe = draft->recipe;
    out->count = 1 + recipe->extra_count;
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < out->count; i++) {
        ch_buffer_clear(&draft->messages[i]);
        st = run(draft, i == 0 ? &recipe->message : &recipe->extras[i - 1].text, &draft->messages[i], err);
        out->items[i] = ch_buffer_slice(&draft->messages[i]);
    }
    return st;
}

ch_status ch_recipe_build(const ch_recipe_input *input, ch_draft *draft, ch_payloads *out, ch_error *err)
{
    const ch_recipe *recipe = input->endpoint->recipes[input->scheme->index];
    draft->recipe = recipe;
    draft->endpoint = input->endpoint;
    draft->scheme = input->scheme;
    set_inputs(draft, input);
    ch_status st = recipe->has_joined_list ? ch_request_check_joined(input->request, input->endpoint, err) : CH_OK;
    if (st == CH_OK)
        st = make_lists(draft, input->request, err);
    size_t total = 0;
    for (size_t i = 0; st == CH_OK && i < recipe->value_count; i++) {
        ch_buffer_clear(&draft->values[i]);
        st = run(draft, &recipe->values[i].text, &draft->values[i], err);
        draft->inputs[CH_BUILTIN_COUNT + i] = ch_buffer_slice(&draft->values[i]);
        total += draft->values[i].size;
    }
    if (st == CH_OK)
        st = build_messages(draft, out, err);
    if (st == CH_OK && total + out->items[0].size > REQUEST_BYTES_MAX)
        st = ch_fail(err, CH_TOO_LARGE, "the request is larger than %d bytes when it is encoded", REQUEST_BYTES_MAX);
    return st;
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

static ch_status take_signatures(ch_draft *draft, const ch_payloads *signatures, ch_error *err)
{
    const ch_recipe *recipe = draft->recipe;
    if (signatures->count != 1 + recipe->extra_count)
        return ch_fail(err, CH_INTERNAL, "%zu signatures came for %zu texts", signatures->count,
                       1 + recipe->extra_count);
    for (size_t i = 0; i < signatures->count; i++) {
        ch_buffer *text = &draft->signatures[i];
        ch_buffer_clear(text);
        ch_encode(text, draft->scheme->signature, signatures->items[i]);
        size_t input = i == 0 ? CH_BUILTIN_SIGNATURE : CH_BUILTIN_COUNT + recipe->value_count + i - 1;
        draft->inputs[input] = ch_buffer_slice(text);
    }
    return CH_OK;
}

ch_status ch_recipe_finish(ch_draft *draft, const ch_payloads *signatures, ch_finished *out, ch_error *err)
{
    const ch_recipe *recipe = draft->recipe;
    ch_status st = take_signatures(draft, signatures, err);
    if (st != CH_OK)
        return st;
    size_t ends[CH_RECIPE_HEADERS_MAX] = {0};
    ch_buffer_clear(&draft->sent);
    st = run(draft, &recipe->url, &draft->sent, err);
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
