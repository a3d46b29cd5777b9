/* The request's entries stand in a row, what a list or object holds after it, and an END after that. A stack of what is
 * open says where in the profile's definitions the row is. */
#include "exchange/intent_impl.h"

#include "base/memory.h"
#include "exchange/profile_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

#define BLOCK_BYTES 4096

struct ch_text_block {
    ch_text_block *next; /* one that is full */
    size_t used;
    size_t size;
    uint8_t data[];
};

static ch_text_block *new_block(size_t size_bytes, ch_text_block *next)
{
    size_t size = size_bytes > BLOCK_BYTES ? size_bytes : BLOCK_BYTES;
    ch_text_block *block = ch_alloc(sizeof *block + size);
    block->next = next;
    block->size = size;
    return block;
}

ch_slice ch_intent_keep(ch_intent *intent, ch_slice text)
{
    if (text.size == 0)
        return text;
    if (intent->texts == NULL || intent->texts->size - intent->texts->used < text.size)
        intent->texts = new_block(text.size, intent->texts);
    uint8_t *to = intent->texts->data + intent->texts->used;
    memcpy(to, text.data, text.size);
    intent->texts->used += text.size;
    return (ch_slice){to, text.size};
}

/* Keeps one block for the next request. */
static void forget_texts(ch_intent *intent)
{
    while (intent->texts != NULL && intent->texts->next != NULL) {
        ch_text_block *next = intent->texts->next;
        free(intent->texts);
        intent->texts = next;
    }
    if (intent->texts != NULL)
        intent->texts->used = 0;
}

/* ---- elements ---- */

bool ch_intent_is_in(const ch_intent *intent, uint16_t element, uint16_t outer)
{
    while (element > outer) /* what lies in another has a higher number */
        element = intent->elements[element].within;
    return element == outer;
}

bool ch_intent_is_in_leg(const ch_intent *intent, uint8_t leg, uint8_t outer)
{
    while (leg != 0 && leg != outer)
        leg = intent->endpoint->profile->legs[leg - 1].within;
    return leg == outer;
}

static uint16_t begin_element(ch_intent *intent, uint16_t within, uint8_t leg)
{
    assert(intent->element_count < CH_ENTRIES_MAX);
    uint16_t element = (uint16_t)intent->element_count++;
    intent->elements[element] = (ch_element){within, leg == 0};
    if (leg == 0)
        intent->elements[within].is_whole = false;
    return element;
}

/* ---- entries ---- */

static uint8_t leg_of(const ch_param_def *def, uint8_t outer)
{
    return def->meaning != NULL && def->meaning->leg != 0 ? def->meaning->leg : outer;
}

static void add_entry(ch_intent *intent, const ch_param_def *def, ch_slice value, uint16_t element, uint8_t leg)
{
    assert(intent->entry_count < CH_ENTRIES_MAX);
    intent->entries[intent->entry_count++] =
        (ch_entry){.def = def, .name = ch_slice_of(def->name), .value = value, .element = element, .leg = leg};
}

/* Writes what a list or object holds; quotes and brackets keep two of them apart. */
static ch_slice compose(ch_intent *intent, const ch_param *params, size_t from, size_t to)
{
    ch_buffer *out = &intent->composed;
    ch_buffer_clear(out);
    for (size_t i = from; i < to; i++) {
        const ch_param *param = &params[i];
        if (param->kind != CH_PARAM_END && out->size > 0 && out->data[out->size - 1] != '[')
            ch_buffer_add_byte(out, ' ');
        if (param->kind != CH_PARAM_END && param->name.size > 0 && i > from)
            ch_buffer_add_format(out, "%.*s=", CH_SLICE_ARGS(param->name));
        if (param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT)
            ch_buffer_add_byte(out, '[');
        else if (param->kind == CH_PARAM_END)
            ch_buffer_add_byte(out, ']');
        else
            ch_buffer_add_format(out, "%zu:%.*s", param->value.size, CH_SLICE_ARGS(param->value));
    }
    return ch_intent_keep(intent, ch_buffer_slice(out));
}

/* What is open around an entry. */
typedef struct ch_open {
    bool is_list;
    uint16_t element;
    uint8_t leg;
} ch_open;

/* Opens the list or object, or takes it as a whole; returns the index of the entry after what was read. */
static size_t read_held(ch_intent *intent, const ch_request *request, size_t at, ch_open *open, size_t *depth)
{
    const ch_param *param = &request->params[at];
    ch_open outer = open[*depth];
    uint8_t leg = leg_of(param->def, outer.leg);
    bool is_spread = intent->endpoint->items != NULL && ch_param_is_spread(param->def);
    uint16_t element = outer.is_list ? begin_element(intent, outer.element, leg) : outer.element;
    if (is_spread) {
        assert(*depth < CH_PARAM_DEPTH_MAX);
        open[++*depth] = (ch_open){param->kind == CH_PARAM_LIST, element, leg};
        return at + 1;
    }
    size_t after = ch_param_after(request->params, request->param_count, at);
    add_entry(intent, param->def, compose(intent, request->params, at, after), element, leg);
    return after;
}

static void read_plain(ch_intent *intent, const ch_param *param, const ch_open *outer)
{
    uint8_t leg = leg_of(param->def, outer->leg);
    uint16_t element = outer->is_list ? begin_element(intent, outer->element, leg) : outer->element;
    add_entry(intent, param->def, param->value, element, leg);
}

/* What has no definition is the agent's: a placeholder, or the receive window. */
static void read_params(ch_intent *intent, const ch_request *request)
{
    ch_open open[CH_PARAM_DEPTH_MAX + 1] = {{0}};
    size_t depth = 0;
    for (size_t i = 0; i < request->param_count;) {
        const ch_param *param = &request->params[i];
        if (param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT) {
            i = read_held(intent, request, i, open, &depth);
            continue;
        }
        if (param->kind == CH_PARAM_END)
            depth--;
        else if (param->def != NULL && param->kind != CH_PARAM_PLACEHOLDER)
            read_plain(intent, param, &open[depth]);
        i++;
    }
}

static void read_path(ch_intent *intent, const ch_request *request)
{
    const ch_endpoint *endpoint = intent->endpoint;
    ch_slice captures[CH_PATH_PARTS_MAX] = {0};
    size_t captured = 0;
    if (endpoint->parts == NULL || !ch_endpoint_fits(endpoint, request->path, captures))
        return;
    for (size_t i = 0; i < endpoint->part_count; i++) {
        const ch_param_def *def = endpoint->parts[i].def;
        if (def != NULL)
            add_entry(intent, def, captures[captured++], 0, leg_of(def, 0));
    }
}

void ch_intent_flatten(ch_intent *intent, const ch_request *request)
{
    forget_texts(intent);
    intent->entry_count = 0;
    intent->elements[0] = (ch_element){0, true};
    intent->element_count = 1;
    read_path(intent, request);
    read_params(intent, request);
}

/* ---- making one ---- */

ch_intent *ch_intent_new(void)
{
    return ch_alloc(sizeof(ch_intent));
}

void ch_intent_free(ch_intent *intent)
{
    if (intent == NULL)
        return;
    forget_texts(intent);
    free(intent->texts);
    ch_buffer_free(&intent->composed);
    free(intent->items);
    free(intent->origins);
    free(intent);
}

void ch_intent_autofree_(ch_intent **intent)
{
    ch_intent_free(*intent);
}
