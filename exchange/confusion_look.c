/* Looks into one request's signature: which of the endpoints that confusion.c found when the profile was loaded it
 * really opens. Every request is looked into, so what is cheap comes first. */
#include "exchange/confusion_impl.h"

#include "base/bits.h"
#include "exchange/environments_impl.h"
#include "exchange/match.h"
#include "exchange/needs.h"
#include "exchange/recuts.h"

#include <string.h>

/* A request whose signature is looked into: what the payload shows of it, and whose key it is. */
typedef struct look {
    const ch_endpoint *asked;
    size_t at;
    const ch_key_traits *key;
    const ch_request *request;
    uint64_t given[CH_NAME_WORDS_MAX];
    ch_recut_made made; /* by cuts of the text, if makes_names */
    bool makes_names;
} look;

/* The names that the request has and the payload shows. */
static void find_signed_names(look *in)
{
    const ch_request *request = in->request;
    memset(in->given, 0, in->asked->profile->name_words * sizeof in->given[0]);
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        if (request->params[i].def != NULL)
            ch_set_add(in->given, request->params[i].def->name_index);
    }
    ch_confusion_show(in->asked, in->at, in->given, in->given);
    in->makes_names = (in->asked->recipes[in->at]->covers & CH_COVERS_PATH) == 0 &&
                      ch_recut_names(in->asked->profile, request, in->given, &in->made);
}

/* True if the key can be used at `opened`, its policy does not accept that, and the host does not speak against it, if
 * the signature covers it. */
static bool may_reach(const look *in, const ch_endpoint *opened)
{
    const ch_key_traits *key = in->key;
    if ((opened->kind & ~key->kinds) != 0 || (opened->acceptance & key->accepts) != 0)
        return false;
    return (in->asked->recipes[in->at]->covers & CH_COVERS_HOST) != 0
               ? ch_environment_reaches_both(key->environment, in->asked, opened)
               : ch_environment_reaches(key->environment, opened);
}

static bool begins_with_path_of(const ch_endpoint *opened, ch_slice path)
{
    ch_slice captures[CH_PATH_PARTS_MAX];
    for (size_t size = path.size; size > 1; size--) {
        if (ch_endpoint_fits(opened, (ch_slice){path.data, size - 1}, captures))
            return true;
    }
    return false;
}

/* True if the signature is also one for `opened` when the end of the path is read as the beginning of the query. */
static bool is_opened_by_cut(const look *in, const ch_endpoint *opened)
{
    return ch_confusion_may_run_on(in->asked, opened, in->at) && begins_with_path_of(opened, in->request->path) &&
           ch_confusion_takes_the_rest(in->asked, opened, in->at, in->given);
}

/* True if it is one as it stands. */
static bool is_opened_by_payload(const look *in, const ch_endpoint *opened)
{
    ch_slice captures[CH_PATH_PARTS_MAX];
    bool covers_path = (in->asked->recipes[in->at]->covers & CH_COVERS_PATH) != 0;
    return (!covers_path || ch_endpoint_fits(opened, in->request->path, captures)) &&
           ch_confusion_has_payload(in->asked, opened, in->at, opened->refuses_unknown, in->given, in->given);
}

/* True if it is one only because cuts of the text make names that it lacks. */
static bool is_opened_by_recut(const look *in, const ch_endpoint *opened)
{
    uint64_t names[CH_NAME_WORDS_MAX];
    if (opened == in->asked || !opened->recipes[in->at]->joins_body || !ch_endpoint_has_scheme(opened, in->at) ||
        !ch_confusion_covers_no_difference(in->asked, opened, in->at))
        return false;
    for (size_t i = 0; i < opened->profile->name_words; i++)
        names[i] = in->given[i] | in->made.whole[i] | (in->made.blank[i] & opened->texts[i]);
    return ch_confusion_has_payload(in->asked, opened, in->at, opened->refuses_unknown, in->given, names) &&
           !ch_confusion_has_payload(in->asked, opened, in->at, opened->refuses_unknown, in->given, in->given);
}

/* True if the exchange may take the request for one to `opened` because its path fits. */
static bool is_opened_by_path(const look *in, const ch_endpoint *opened)
{
    ch_slice captures[CH_PATH_PARTS_MAX];
    return (opened->kind & ~in->key->kinds) == 0 && ch_endpoint_has_scheme(opened, in->at) &&
           ch_environment_reaches_both(in->key->environment, in->asked, opened) &&
           ch_endpoint_fits(opened, in->request->path, captures);
}

static unsigned classes_by_path(const look *in)
{
    const ch_endpoint *asked = in->asked;
    unsigned classes = 1U << asked->class_ | ch_needs_of_signature(asked, in->at, asked, in->request);
    for (size_t i = 0; i < asked->alike_count; i++) {
        const ch_endpoint *opened = &asked->profile->endpoints[asked->alike[i]];
        if (is_opened_by_path(in, opened))
            classes |= 1U << opened->class_ | ch_needs_of_signature(opened, in->at, asked, in->request);
    }
    return classes;
}

/* The classes that the request needs if its signature opens `opened` too, beyond `classes`; 0 if it does not. */
static unsigned classes_by_payload(const look *in, const ch_endpoint *opened, unsigned classes)
{
    bool adds_nothing = (classes & 1U << opened->class_) != 0 && !opened->has_needs;
    if (adds_nothing || !may_reach(in, opened) || !(is_opened_by_cut(in, opened) || is_opened_by_payload(in, opened)))
        return 0;
    return 1U << opened->class_ | ch_needs_of_signature(opened, in->at, in->asked, in->request);
}

static unsigned classes_by_recuts(const look *in)
{
    const ch_profile *profile = in->asked->profile;
    unsigned classes = 0;
    for (size_t i = 0; in->makes_names && i < profile->endpoint_count; i++) {
        const ch_endpoint *opened = &profile->endpoints[i];
        if (may_reach(in, opened) && is_opened_by_recut(in, opened))
            classes |= 1U << opened->class_ | ch_needs_of_signature(opened, in->at, in->asked, in->request);
    }
    return classes;
}

/* ---- their classes ---- */

unsigned ch_endpoint_confused_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                      const ch_request *request)
{
    const ch_confusion *confusion = &endpoint->confusions[scheme->index];
    look in = {.asked = endpoint, .at = scheme->index, .key = key, .request = request};
    find_signed_names(&in);
    unsigned classes = classes_by_path(&in) | endpoint->recipes[scheme->index]->opens;
    for (size_t i = 0; i < confusion->count; i++)
        classes |= classes_by_payload(&in, &endpoint->profile->endpoints[confusion->others[i]], classes);
    return classes | classes_by_recuts(&in);
}

/* The first endpoint of that class that cuts open; NULL if there is none. */
static const ch_endpoint *opened_by_recut(const look *in, ch_class class_)
{
    const ch_profile *profile = in->asked->profile;
    for (size_t i = 0; in->makes_names && i < profile->endpoint_count; i++) {
        const ch_endpoint *opened = &profile->endpoints[i];
        if (opened->class_ == class_ && may_reach(in, opened) && is_opened_by_recut(in, opened))
            return opened;
    }
    return NULL;
}

const ch_endpoint *ch_endpoint_confused_with(const ch_endpoint *endpoint, const ch_scheme *scheme,
                                             const ch_key_traits *key, const ch_request *request, ch_class class_)
{
    const ch_confusion *confusion = &endpoint->confusions[scheme->index];
    look in = {.asked = endpoint, .at = scheme->index, .key = key, .request = request};
    find_signed_names(&in);
    for (size_t i = 0; i < confusion->count; i++) {
        const ch_endpoint *opened = &endpoint->profile->endpoints[confusion->others[i]];
        if ((classes_by_payload(&in, opened, 0) & 1U << class_) != 0)
            return opened;
    }
    return opened_by_recut(&in, class_);
}

/* Tries all acceptances at once; if they are enough, leaves out those without which they are still enough. */
unsigned ch_endpoint_acceptances_for(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                     const ch_request *request, unsigned classes)
{
    ch_key_traits all = *key;
    all.accepts |= (1U << endpoint->profile->acceptance_count) - 1;
    if ((ch_endpoint_confused_classes(endpoint, scheme, &all, request) & classes) != 0)
        return 0;
    for (size_t i = 0; i < endpoint->profile->acceptance_count; i++) {
        ch_key_traits fewer = all;
        fewer.accepts &= ~(1U << i) | key->accepts;
        if ((ch_endpoint_confused_classes(endpoint, scheme, &fewer, request) & classes) == 0)
            all = fewer;
    }
    return all.accepts & ~key->accepts;
}

/* ---- endpoint by endpoint ---- */

/* What the signature opens, while it is gathered. */
typedef struct gathering {
    const look *in;
    unsigned seen; /* classes of which it does not matter which endpoint it is */
    ch_opened *out;
    size_t max;
    size_t count;
} gathering;

static void add_opened(gathering *g, const ch_endpoint *opened, ch_opened_by by)
{
    if (!ch_confusion_tells_apart(opened->class_))
        g->seen |= 1U << opened->class_;
    if (g->count < g->max)
        g->out[g->count] =
            (ch_opened){opened, ch_needs_of_signature(opened, g->in->at, g->in->asked, g->in->request), by};
    g->count++;
}

static bool has_opened(const gathering *g, const ch_endpoint *opened)
{
    bool is_there = false;
    for (size_t i = 0; i < g->count && i < g->max; i++)
        is_there |= g->out[i].endpoint == opened;
    return is_there;
}

/* The first of those that bring nothing new is enough. */
static bool brings_nothing(const gathering *g, const ch_endpoint *opened)
{
    return (g->seen & 1U << opened->class_) != 0 && !opened->has_needs;
}

static void gather_by_path(gathering *g)
{
    const ch_endpoint *asked = g->in->asked;
    for (size_t i = 0; i < asked->alike_count; i++) {
        const ch_endpoint *opened = &asked->profile->endpoints[asked->alike[i]];
        if (!brings_nothing(g, opened) && is_opened_by_path(g->in, opened))
            add_opened(g, opened, CH_OPENED_BY_PATH);
    }
}

static void gather_by_payload(gathering *g)
{
    const ch_endpoint *asked = g->in->asked;
    const ch_confusion *confusion = &asked->confusions[g->in->at];
    size_t by_path = g->count;
    for (size_t i = 0; i < confusion->all_count; i++) {
        const ch_endpoint *opened = &asked->profile->endpoints[confusion->others[i]];
        if (brings_nothing(g, opened) || !may_reach(g->in, opened))
            continue;
        bool by_cut = is_opened_by_cut(g->in, opened);
        if ((by_cut || is_opened_by_payload(g->in, opened)) && !(by_path > 0 && has_opened(g, opened)))
            add_opened(g, opened, by_cut ? CH_OPENED_BY_CUT : CH_OPENED_BY_PAYLOAD);
    }
}

static void gather_by_recuts(gathering *g)
{
    const ch_profile *profile = g->in->asked->profile;
    for (size_t i = 0; g->in->makes_names && i < profile->endpoint_count; i++) {
        const ch_endpoint *opened = &profile->endpoints[i];
        if (!brings_nothing(g, opened) && may_reach(g->in, opened) && is_opened_by_recut(g->in, opened) &&
            !has_opened(g, opened))
            add_opened(g, opened, CH_OPENED_BY_CUT);
    }
}

size_t ch_endpoint_opened_by_path(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                  const ch_request *request, ch_opened *out, size_t max)
{
    look in = {.asked = endpoint, .at = scheme->index, .key = key, .request = request};
    gathering g = {.in = &in, .out = out, .max = max};
    if (!ch_confusion_tells_apart(endpoint->class_))
        g.seen = 1U << endpoint->class_;
    gather_by_path(&g);
    return g.count;
}

size_t ch_endpoint_opened(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                          const ch_request *request, ch_opened *out, size_t max)
{
    look in = {.asked = endpoint, .at = scheme->index, .key = key, .request = request};
    gathering g = {.in = &in, .out = out, .max = max};
    if (!ch_confusion_tells_apart(endpoint->class_))
        g.seen = 1U << endpoint->class_;
    gather_by_path(&g);
    if (endpoint->confusions[in.at].all_count > 0 || endpoint->profile->recuts.is_split != NULL) {
        find_signed_names(&in);
        gather_by_payload(&g);
        gather_by_recuts(&g);
    }
    return g.count;
}
