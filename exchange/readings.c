/* What a payload shows is read with the definitions of the endpoint that takes it: names that this one does not list
 * are ignored there, and a value that it would refuse is none that this can read.
 *
 * An intent is large, and most requests need one: the others are made when they are first needed, and kept. */
#include "exchange/readings.h"

#include "base/bits.h"
#include "base/memory.h"
#include "exchange/check_value.h"
#include "exchange/needs.h"
#include "exchange/profile_impl.h"
#include "exchange/recuts.h"

#include <stdlib.h>
#include <string.h>

struct ch_readings {
    ch_reading_at items[CH_READINGS_MAX];
    size_t count;
    bool may_lose_window;                /* a cut may leave out how long the request is valid */
    ch_intent *intents[CH_READINGS_MAX]; /* of each item; NULL: none was needed yet */
    ch_opened opened[CH_READINGS_MAX];
    ch_param params[CH_PARAMS_MAX]; /* as another endpoint defines them */
    ch_error ignored;               /* why one cannot be read there */
};

ch_readings *ch_readings_new(void)
{
    return ch_alloc(sizeof(ch_readings));
}

void ch_readings_free(ch_readings *readings)
{
    for (size_t i = 0; readings != NULL && i < CH_READINGS_MAX; i++)
        ch_intent_free(readings->intents[i]);
    free(readings);
}

/* ---- what the parameters are elsewhere ---- */

/* A request, and what is opened by its signature. */
typedef struct elsewhere {
    const ch_endpoint *asked;
    size_t at; /* the scheme */
    const ch_request *request;
    const ch_opened *opened;
    unsigned accepts; /* what the key's policy does */
    bool is_as_sent;  /* nobody makes anything else of what is signed */
    ch_param *params;
    size_t count;
    bool is_as_asked; /* every parameter is there, with the definition that it has in the request */
    ch_error *ignored;
} elsewhere;

/* True if the endpoint that is opened gets the parameter: all of them, or what the payload shows. */
static bool is_sent(const elsewhere *in, const ch_param *param)
{
    if (in->opened->by == CH_OPENED_BY_PATH || param->def == NULL)
        return true;
    unsigned shows = in->asked->recipes[in->at]->shows;
    return (shows & (param->def->is_in_query ? CH_SHOWS_QUERY : CH_SHOWS_BODY)) != 0;
}

/* Copies what stands at `from` up to `to`. A number or an answer is its text, whatever it was in JSON. */
static ch_param *copy(elsewhere *in, size_t from, size_t to)
{
    ch_param *own = &in->params[in->count];
    memcpy(own, &in->request->params[from], (to - from) * sizeof *own);
    in->count += to - from;
    if (own->kind == CH_PARAM_INTEGER || own->kind == CH_PARAM_BOOLEAN)
        own->kind = CH_PARAM_TEXT;
    return own;
}

/* Takes the parameter as `def` defines it. False if its meaning there cannot be read. */
static bool take(elsewhere *in, const ch_param_def *def, size_t from, size_t to)
{
    if (!ch_param_means_something(def))
        return true;
    ch_param *own = copy(in, from, to);
    return own->def != NULL && ch_param_check(def, own, to - from, 0, in->ignored) == CH_OK;
}

/* True if a parameter that means something there is one of the agent's here. */
static bool is_filled_in(const elsewhere *in)
{
    const ch_endpoint *opened = in->opened->endpoint;
    const ch_recipe *own = in->asked->recipes[in->at];
    bool is_filled = false;
    for (size_t i = 0; i < opened->params.count; i++) {
        const ch_param_def *def = opened->params.params[i].def;
        is_filled |= ch_set_has(own->field_names, def->name_index) && ch_param_means_something(def);
    }
    return is_filled;
}

/* False if what they mean there cannot be read. */
static bool take_all(elsewhere *in)
{
    const ch_request *request = in->request;
    const ch_param_list *list = &in->opened->endpoint->params;
    bool is_read = !is_filled_in(in);
    in->is_as_asked = true;
    for (size_t i = 0; i < request->param_count && is_read;) {
        size_t next = ch_param_after(request->params, request->param_count, i);
        const ch_listed_param *listed = ch_param_list_find(list, request->params[i].name);
        bool is_taken = listed != NULL && is_sent(in, &request->params[i]);
        in->is_as_asked &= is_taken && listed->def == request->params[i].def;
        if (is_taken)
            is_read = take(in, listed->def, i, next);
        i = next;
    }
    return is_read;
}

/* ---- reading ---- */

static bool is_same_saying(const ch_saying *one, const ch_saying *other)
{
    return one->fact == other->fact && one->word != NULL && other->word != NULL && strcmp(one->word, other->word) == 0;
}

static bool is_same_item(const ch_item_def *one, const ch_item_def *other)
{
    bool is_same = one->kind == other->kind && one->leg == other->leg && one->is_amendment == other->is_amendment &&
                   one->is_opposite == other->is_opposite && one->shares == other->shares &&
                   one->constants.count == other->constants.count;
    for (size_t i = 0; is_same && i < one->constants.count; i++)
        is_same = is_same_saying(&one->constants.items[i], &other->constants.items[i]);
    return is_same;
}

/* True if the same parameters mean the same at both. */
static bool means_the_same(const ch_endpoint *one, const ch_endpoint *other)
{
    bool is_same = one->item_count == other->item_count && one->parts == NULL && other->parts == NULL;
    for (size_t i = 0; is_same && i < one->item_count; i++)
        is_same = is_same_item(&one->items[i], &other->items[i]);
    return is_same;
}

static ch_intent *intent_for(ch_readings *readings)
{
    ch_intent **intent = &readings->intents[readings->count];
    if (*intent == NULL)
        *intent = ch_intent_new();
    return *intent;
}

static void add(ch_readings *readings, const ch_endpoint *endpoint, unsigned needs, const ch_intent *intent,
                bool is_unread)
{
    readings->items[readings->count++] = (ch_reading_at){endpoint, endpoint->class_, needs, intent, is_unread, false};
}

static void note_window(ch_readings *readings, const ch_endpoint *endpoint, size_t at, const ch_key_traits *key)
{
    readings->may_lose_window |= !endpoint->refuses_unknown && ch_recut_is_possible(endpoint, at, key->accepts);
}

static void read_own(ch_readings *readings, const ch_endpoint *endpoint, size_t at, const ch_request *request)
{
    ch_intent *intent = intent_for(readings);
    unsigned needs = ch_needs_of_signature(endpoint, at, endpoint, request) | endpoint->recipes[at]->opens;
    bool is_unread = (endpoint->unread & 1U << at) != 0;
    if (is_unread)
        ch_intent_read_unknown(intent, endpoint);
    else
        ch_intent_read(intent, endpoint, request);
    add(readings, endpoint, needs, intent, is_unread);
}

/* What a cut may make of the request at its own endpoint. */
static void read_own_cut(ch_readings *readings, size_t at, const ch_key_traits *key, const ch_request *request)
{
    const ch_reading_at own = readings->items[0];
    note_window(readings, own.endpoint, at, key);
    bool is_known = !own.is_unread && own.endpoint->items != NULL && ch_confusion_tells_apart(own.class_);
    if (!is_known || !ch_recut_changes(own.endpoint, at, key->accepts, request))
        return;
    ch_intent *intent = intent_for(readings);
    ch_intent_read_unknown(intent, own.endpoint);
    add(readings, own.endpoint, own.needs, intent, true);
    readings->items[1].is_cut = true;
}

/* A read is a read, and a cancel a cancel: the class says enough. */
static void add_by_class(ch_readings *readings, const ch_opened *opened)
{
    ch_intent *intent = intent_for(readings);
    ch_intent_read_unknown(intent, opened->endpoint);
    readings->items[0].needs |= 1U << opened->endpoint->class_;
    add(readings, opened->endpoint, opened->needs, intent, true);
}

static void read_elsewhere(ch_readings *readings, elsewhere *in)
{
    const ch_endpoint *opened = in->opened->endpoint;
    const ch_intent *own = readings->items[0].is_unread ? NULL : readings->items[0].intent;
    bool is_cut = !in->is_as_sent && ch_recut_changes(opened, in->at, in->accepts, in->request);
    bool is_unsigned = !in->is_as_sent && (opened->unread & 1U << in->at) != 0;
    bool is_open = in->opened->by == CH_OPENED_BY_CUT || is_cut || is_unsigned;
    bool is_read = opened->items != NULL && !is_open && take_all(in);
    if (is_read && own != NULL && in->is_as_asked && means_the_same(in->asked, opened)) {
        add(readings, opened, in->opened->needs, own, false);
        return;
    }
    ch_intent *intent = intent_for(readings);
    const ch_request request = {.method = in->request->method,
                                .host = in->request->host,
                                .path = in->request->path,
                                .params = in->params,
                                .param_count = in->count};
    if (is_read)
        ch_intent_read(intent, opened, &request);
    else
        ch_intent_read_unknown(intent, opened);
    add(readings, opened, in->opened->needs, intent, !is_read && opened->items != NULL);
    readings->items[readings->count - 1].is_cut = is_cut && opened->items != NULL;
}

static void read_opened(ch_readings *readings, const ch_endpoint *asked, size_t at, const ch_key_traits *key,
                        const ch_request *request, const ch_opened *opened, bool is_as_sent)
{
    elsewhere in = {.asked = asked,
                    .at = at,
                    .request = request,
                    .opened = opened,
                    .accepts = key->accepts,
                    .is_as_sent = is_as_sent,
                    .params = readings->params,
                    .ignored = &readings->ignored};
    if (ch_confusion_tells_apart(opened->endpoint->class_))
        read_elsewhere(readings, &in);
    else
        add_by_class(readings, opened);
}

static ch_status fail_count(const ch_endpoint *endpoint, size_t count, size_t max, ch_error *err)
{
    return ch_fail_rule(
        err, CH_REFUSED, "confusion",
        "the signature for %s %s is good for %zu other calls, and at most %zu can be judged; have policy "
        "accept some by name ('accepts'), or send a parameter that fewer calls take",
        endpoint->method, endpoint->path, count, max);
}

ch_status ch_readings_read(ch_readings *readings, const ch_endpoint *endpoint, const ch_scheme *scheme,
                           const ch_key_traits *key, const ch_request *request, ch_error *err)
{
    size_t count = ch_endpoint_opened(endpoint, scheme, key, request, readings->opened, CH_READINGS_MAX);
    readings->count = 0;
    readings->may_lose_window = false;
    read_own(readings, endpoint, scheme->index, request);
    read_own_cut(readings, scheme->index, key, request);
    if (count > CH_READINGS_MAX - readings->count)
        return fail_count(endpoint, count, CH_READINGS_MAX - readings->count, err);
    for (size_t i = 0; i < count; i++) {
        note_window(readings, readings->opened[i].endpoint, scheme->index, key);
        read_opened(readings, endpoint, scheme->index, key, request, &readings->opened[i], false);
    }
    return CH_OK;
}

ch_status ch_readings_read_as_sent(ch_readings *readings, const ch_endpoint *endpoint, const ch_scheme *scheme,
                                   const ch_key_traits *key, const ch_request *request, ch_error *err)
{
    size_t count = ch_endpoint_opened_by_path(endpoint, scheme, key, request, readings->opened, CH_READINGS_MAX);
    readings->count = 0;
    readings->may_lose_window = false;
    ch_intent *intent = intent_for(readings);
    ch_intent_read(intent, endpoint, request);
    add(readings, endpoint, ch_needs_of_request(endpoint, request), intent, false);
    if (count > CH_READINGS_MAX - readings->count)
        return fail_count(endpoint, count, CH_READINGS_MAX - readings->count, err);
    for (size_t i = 0; i < count; i++)
        read_opened(readings, endpoint, scheme->index, key, request, &readings->opened[i], true);
    return CH_OK;
}

size_t ch_readings_count(const ch_readings *readings)
{
    return readings->count;
}

/* Without its window, a request has the exchange's. */
uint64_t ch_readings_validity_ns(const ch_readings *readings, uint64_t own_ns)
{
    const ch_profile *profile = readings->items[0].endpoint->profile;
    uint64_t default_ns = ch_profile_validity_ns(profile, profile->window.default_ms);
    bool has_window = profile->window.param != NULL || profile->validity.param != NULL;
    if (!readings->may_lose_window || !has_window || own_ns == 0)
        return own_ns;
    return default_ns == 0 || default_ns > own_ns ? default_ns : own_ns;
}

const ch_reading_at *ch_readings_at(const ch_readings *readings, size_t index)
{
    return &readings->items[index];
}
