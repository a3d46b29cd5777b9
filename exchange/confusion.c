/* What no request can open is left out when the profile is loaded; the rest is looked at for each request. Sets of
 * parameter names are bit sets, so that one comparison answers for 64 of them.
 *
 * An exchange that refuses unknown names takes a payload only where its every name is listed; one that ignores them
 * takes it wherever nothing is missing. It ignores them unless the profile says that it refuses them there: a wrong
 * guess in this direction refuses a request, one in the other opens a call that nobody judged.
 *
 * Throughout, `asked` is the endpoint that the request is for, `opened` the one that its signature might open too, and
 * `at` the index of the scheme. */
#include "exchange/confusion.h"

#include "base/bits.h"
#include "base/memory.h"
#include "exchange/environments_impl.h"
#include "exchange/match.h"
#include "exchange/needs.h"
#include "exchange/profile_impl.h"

#include <string.h>

/* ---- method, host and path ---- */

/* True if one text can be this part of both paths; a parameter stands at the end of its part. */
static bool may_share_part(const char *a, size_t a_size, const char *b, size_t b_size)
{
    const char *a_brace = memchr(a, '{', a_size);
    const char *b_brace = memchr(b, '{', b_size);
    size_t a_literal = a_brace == NULL ? a_size : (size_t)(a_brace - a);
    size_t b_literal = b_brace == NULL ? b_size : (size_t)(b_brace - b);
    size_t common = a_literal < b_literal ? a_literal : b_literal;
    if (memcmp(a, b, common) != 0)
        return false;
    return (a_brace != NULL || b_literal <= a_literal) && (b_brace != NULL || a_literal <= b_literal);
}

/* True if one path can fit both, part by part between slashes. */
static bool may_share_path(const ch_endpoint *asked, const ch_endpoint *opened)
{
    const char *a = asked->path;
    const char *b = opened->path;
    if (asked->parts == NULL && opened->parts == NULL)
        return strcmp(a, b) == 0;
    for (;;) {
        size_t a_size = strcspn(a, "/");
        size_t b_size = strcspn(b, "/");
        if (!may_share_part(a, a_size, b, b_size) || a[a_size] != b[b_size])
            return false;
        if (a[a_size] == '\0')
            return true;
        a += a_size + 1;
        b += b_size + 1;
    }
}

/* True if a path of `asked` may begin with one of `opened`, with at least a byte more. */
static bool may_begin_with(const ch_endpoint *asked, const ch_endpoint *opened)
{
    size_t a = strcspn(asked->path, "{");
    size_t b = strcspn(opened->path, "{");
    if (memcmp(asked->path, opened->path, a < b ? a : b) != 0)
        return false;
    return asked->path[a] != '\0' || a > b;
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

/* True if neither method nor host tell `asked` from `opened`, as far as the signature covers them. */
static bool may_share_host(const ch_endpoint *asked, const ch_endpoint *opened, size_t at)
{
    unsigned covers = asked->recipes[at]->covers;
    if ((covers & CH_COVERS_METHOD) != 0 && strcmp(asked->method, opened->method) != 0)
        return false;
    return (covers & CH_COVERS_HOST) == 0 || ch_endpoints_may_share_host(asked, opened);
}

/* True if nothing that `asked`'s signature covers, parameters aside, tells it from `opened`. */
static bool covers_no_difference(const ch_endpoint *asked, const ch_endpoint *opened, size_t at)
{
    bool covers_path = (asked->recipes[at]->covers & CH_COVERS_PATH) != 0;
    return may_share_host(asked, opened, at) && (!covers_path || may_share_path(asked, opened));
}

/* True if the exchange might read the end of `asked`'s path as the beginning of a query to `opened`. */
static bool may_run_on(const ch_endpoint *asked, const ch_endpoint *opened, size_t at)
{
    return asked->recipes[at]->path_runs_on && opened->recipes[at]->path_runs_on && may_share_host(asked, opened, at) &&
           may_begin_with(asked, opened);
}

/* ---- which parameters a payload shows ---- */

/* A payload, as far as names tell: it shows all of `at_least`, and nothing beyond `at_most` and the agent's `fields`.
 */
typedef struct names {
    const uint64_t *at_least;
    const uint64_t *at_most;
    const uint64_t *fields;
} names;

/* The names that a payload for `endpoint` shows if they are given, one word of the set. */
static uint64_t shown_word(const ch_endpoint *endpoint, size_t at, size_t word)
{
    unsigned shows = endpoint->recipes[at]->shows;
    uint64_t in_query = endpoint->in_query[word];
    return ((shows & CH_SHOWS_QUERY) != 0 ? in_query : 0) | ((shows & CH_SHOWS_BODY) != 0 ? ~in_query : 0);
}

static void copy_shown(const ch_endpoint *endpoint, size_t at, const uint64_t *given, uint64_t *out)
{
    for (size_t i = 0; i < endpoint->profile->name_words; i++)
        out[i] = given[i] & shown_word(endpoint, at, i);
}

static bool is_empty_set(const uint64_t *set, size_t words)
{
    size_t i = 0;
    while (i < words && set[i] == 0)
        i++;
    return i == words;
}

/* True if a name of the choice is in either set, or is one that a payload for `endpoint` does not show. */
static bool is_choice_met(const ch_endpoint *endpoint, size_t at, size_t choice, const uint64_t *one,
                          const uint64_t *other)
{
    size_t words = endpoint->profile->name_words;
    const uint64_t *members = endpoint->params.choices + choice * words;
    bool is_met = false;
    for (size_t i = 0; i < words; i++)
        is_met |= (members[i] & (one[i] | other[i] | ~shown_word(endpoint, at, i))) != 0;
    return is_met;
}

/* True if `opened` misses nothing in the payload: it shows all that `opened` requires and would show. */
static bool opened_misses_nothing(const ch_endpoint *opened, size_t at, const names *in)
{
    size_t words = opened->profile->name_words;
    for (size_t i = 0; i < words; i++) {
        if ((opened->params.required[i] & shown_word(opened, at, i) & ~(in->at_most[i] | in->fields[i])) != 0)
            return false;
    }
    for (size_t k = 0; k < opened->params.choice_count; k++) {
        if (!is_choice_met(opened, at, k, in->at_most, in->fields))
            return false;
    }
    return true;
}

/* True if `opened` lists all names that the payload must show, as parameters or as fields of the agent's. */
static bool opened_lists_all(const ch_endpoint *opened, size_t at, const uint64_t *at_least)
{
    const uint64_t *fields = opened->recipes[at]->field_names;
    for (size_t i = 0; i < opened->profile->name_words; i++) {
        if ((at_least[i] & ~((opened->params.listed[i] & shown_word(opened, at, i)) | fields[i])) != 0)
            return false;
    }
    return true;
}

/* Could `opened` produce the same payload as `asked`, or take it because it `refuses` no name? */
static bool opened_has_payload(const ch_endpoint *asked, const ch_endpoint *opened, size_t at, bool refuses,
                               const uint64_t *at_least, const uint64_t *at_most)
{
    static const uint64_t nothing[CH_NAME_WORDS_MAX];
    static const names no_names = {nothing, nothing, nothing};
    const ch_recipe *own = asked->recipes[at];
    const ch_recipe *other = opened->recipes[at];
    const names in = {at_least, at_most, own->field_names};
    if (own->shape_number != other->shape_number && own->empty_shape_number != other->empty_shape_number)
        return false;
    if (!opened_misses_nothing(opened, at, &in))
        return false;
    if (own->empty_shape_number == other->empty_shape_number && is_empty_set(at_least, opened->profile->name_words) &&
        opened_misses_nothing(opened, at, &no_names))
        return true;
    return own->shape_number == other->shape_number && (!refuses || opened_lists_all(opened, at, at_least));
}

/* A request to `asked` has one parameter of each of its choices. True if `opened` lists one of each too, or one that
 * the payload does not show. */
static bool opened_lists_a_choice_of_each(const ch_endpoint *asked, const ch_endpoint *opened, size_t at)
{
    for (size_t k = 0; k < asked->params.choice_count; k++) {
        if (!is_choice_met(asked, at, k, opened->params.listed, opened->recipes[at]->field_names))
            return false;
    }
    return true;
}

static size_t count_names(const uint64_t *set, size_t words)
{
    size_t count = 0;
    for (size_t i = 0; i < words; i++)
        count += (size_t)__builtin_popcountll(set[i]);
    return count;
}

/* How many names a payload must show for `opened`, at the least; one is enough for all choices, and none for what is
 * not signed or is the agent's. */
static size_t count_needed(const ch_endpoint *opened, size_t at, const uint64_t *fields)
{
    size_t words = opened->profile->name_words;
    size_t count = 0;
    bool has_choice = false;
    for (size_t i = 0; i < words; i++)
        count += (size_t)__builtin_popcountll(opened->params.required[i] & shown_word(opened, at, i) & ~fields[i]);
    for (size_t k = 0; k < opened->params.choice_count; k++)
        has_choice |= !is_choice_met(opened, at, k, fields, fields);
    return count + has_choice;
}

/* Could a request that shows `given` be one to `opened`, if the end of the path is read as the beginning of the query?
 * That spoils the first parameter of the query, so there must be one that `opened` can do without. What `opened` does
 * not know counts as ignored. */
static bool opened_takes_the_rest(const ch_endpoint *asked, const ch_endpoint *opened, size_t at, const uint64_t *given)
{
    const names in = {given, given, asked->recipes[at]->field_names};
    size_t words = asked->profile->name_words;
    size_t needed = count_needed(opened, at, in.fields);
    size_t shown = count_names(given, words);
    bool has_body = asked->recipes[at]->body.part_count > 0;
    return opened_misses_nothing(opened, at, &in) && (has_body || shown == 0 || shown > needed);
}

/* All requests to an endpoint: what their payloads show at least, and at most. */
typedef struct asking {
    const ch_endpoint *asked;
    size_t at;
    uint64_t required[CH_NAME_WORDS_MAX];
    uint64_t listed[CH_NAME_WORDS_MAX];
} asking;

static void begin_asking(asking *in, const ch_endpoint *asked, size_t at)
{
    *in = (asking){.asked = asked, .at = at};
    copy_shown(asked, at, asked->params.required, in->required);
    copy_shown(asked, at, asked->params.listed, in->listed);
}

/* True if some of them open `opened`, for which they may need another class. */
static bool asked_may_open(const asking *in, const ch_endpoint *opened, bool refuses)
{
    const ch_endpoint *asked = in->asked;
    size_t at = in->at;
    if (opened == asked || (opened->class_ == asked->class_ && !opened->has_needs))
        return false;
    if (!ch_endpoint_has_scheme(asked, at) || !ch_endpoint_has_scheme(opened, at))
        return false;
    bool opens = (may_run_on(asked, opened, at) && opened_takes_the_rest(asked, opened, at, in->listed)) ||
                 (covers_no_difference(asked, opened, at) &&
                  opened_has_payload(asked, opened, at, refuses, in->required, in->listed) &&
                  (!refuses || opened_lists_a_choice_of_each(asked, opened, at)));
    return opens && ch_endpoints_may_meet(asked, opened);
}

/* ---- when the profile is loaded ---- */

static void find_field_names(const ch_profile *profile, ch_recipe *recipe)
{
    recipe->field_names = ch_alloc(profile->name_words * sizeof(uint64_t));
    for (size_t i = 0; i < profile->param_count; i++) {
        if (ch_recipe_fills_in(recipe, ch_slice_of(profile->params[i].name)))
            ch_set_add(recipe->field_names, profile->params[i].name_index);
    }
}

static void find_names_in_query(ch_endpoint *endpoint)
{
    endpoint->in_query = ch_alloc(endpoint->profile->name_words * sizeof(uint64_t));
    for (size_t i = 0; i < endpoint->params.count; i++) {
        const ch_param_def *def = endpoint->params.params[i].def;
        if (def->is_in_query)
            ch_set_add(endpoint->in_query, def->name_index);
    }
}

/* `found` has room for all endpoints. */
static void find_confusion(const ch_profile *profile, ch_endpoint *asked, size_t at, uint16_t *found)
{
    ch_confusion *confusion = &asked->confusions[at];
    asking in;
    begin_asking(&in, asked, at);
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *opened = &profile->endpoints[i];
        if (asked_may_open(&in, opened, opened->refuses_unknown))
            found[confusion->count++] = (uint16_t)i;
    }
    confusion->others = ch_alloc(confusion->count * sizeof *found);
    memcpy(confusion->others, found, confusion->count * sizeof *found);
}

static bool is_alike(const ch_endpoint *endpoint, size_t a, size_t b)
{
    return endpoint->recipes[a] == endpoint->recipes[b] &&
           ch_endpoint_has_scheme(endpoint, a) == ch_endpoint_has_scheme(endpoint, b);
}

/* Returns the first scheme with the recipes and endpoints of scheme `at`: the schemes of most profiles share them. */
static size_t first_alike(const ch_profile *profile, size_t at)
{
    for (size_t earlier = 0; earlier < at; earlier++) {
        size_t i = 0;
        while (i < profile->endpoint_count && is_alike(&profile->endpoints[i], earlier, at))
            i++;
        if (i == profile->endpoint_count)
            return earlier;
    }
    return at;
}

void ch_profile_find_confusions(ch_profile *profile)
{
    for (size_t i = 0; i < profile->recipe_count; i++)
        find_field_names(profile, &profile->recipes[i]);
    for (size_t i = 0; i < profile->endpoint_count; i++)
        find_names_in_query(&profile->endpoints[i]);
    ch_autofree uint16_t *found = ch_alloc(profile->endpoint_count * sizeof *found);
    for (size_t at = 0; at < profile->scheme_count; at++) {
        size_t alike = first_alike(profile, at);
        for (size_t i = 0; i < profile->endpoint_count; i++) {
            ch_endpoint *asked = &profile->endpoints[i];
            if (alike < at)
                asked->confusions[at] = asked->confusions[alike];
            else
                find_confusion(profile, asked, at, found);
        }
    }
}

/* ---- for a request ---- */

/* The classes of the endpoints whose path the request's path fits: the exchange decides which of them it takes the
 * request for. */
static unsigned classes_by_path(const ch_endpoint *asked, size_t at, const ch_key_traits *key,
                                const ch_request *request)
{
    const ch_profile *profile = asked->profile;
    ch_slice captures[CH_PATH_PARTS_MAX];
    unsigned classes = 1U << asked->class_ | ch_needs_of_signature(asked, at, asked, request);
    for (size_t i = 0; i < profile->pattern_count; i++) {
        const ch_endpoint *opened = &profile->endpoints[profile->patterns[i]];
        if ((opened->kind & ~key->kinds) == 0 && ch_endpoint_has_scheme(opened, at) &&
            strcmp(opened->method, asked->method) == 0 &&
            ch_environment_reaches_both(key->environment, asked, opened) &&
            ch_endpoint_fits(opened, request->path, captures))
            classes |= 1U << opened->class_ | ch_needs_of_signature(opened, at, asked, request);
    }
    return classes;
}

/* A request whose signature is looked into: what the payload shows of it, and whose key it is. */
typedef struct look {
    const ch_endpoint *asked;
    size_t at;
    const ch_key_traits *key;
    const ch_request *request;
    uint64_t given[CH_NAME_WORDS_MAX];
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
    copy_shown(in->asked, in->at, in->given, in->given);
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

/* True if the signature is also one for `opened`. */
static bool is_opened(const look *in, const ch_endpoint *opened)
{
    ch_slice captures[CH_PATH_PARTS_MAX];
    bool covers_path = (in->asked->recipes[in->at]->covers & CH_COVERS_PATH) != 0;
    if (may_run_on(in->asked, opened, in->at) && begins_with_path_of(opened, in->request->path) &&
        opened_takes_the_rest(in->asked, opened, in->at, in->given))
        return true;
    return (!covers_path || ch_endpoint_fits(opened, in->request->path, captures)) &&
           opened_has_payload(in->asked, opened, in->at, opened->refuses_unknown, in->given, in->given);
}

/* The classes that the request needs if its signature opens `opened` too, beyond `classes`; 0 if it does not. */
static unsigned classes_by_payload(const look *in, const ch_endpoint *opened, unsigned classes)
{
    bool adds_nothing = (classes & 1U << opened->class_) != 0 && !opened->has_needs;
    if (adds_nothing || !may_reach(in, opened) || !is_opened(in, opened))
        return 0;
    return 1U << opened->class_ | ch_needs_of_signature(opened, in->at, in->asked, in->request);
}

unsigned ch_endpoint_confused_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                      const ch_request *request)
{
    const ch_confusion *confusion = &endpoint->confusions[scheme->index];
    look in = {.asked = endpoint, .at = scheme->index, .key = key, .request = request};
    find_signed_names(&in);
    unsigned classes = classes_by_path(endpoint, in.at, key, request) | endpoint->recipes[scheme->index]->opens;
    for (size_t i = 0; i < confusion->count; i++)
        classes |= classes_by_payload(&in, &endpoint->profile->endpoints[confusion->others[i]], classes);
    return classes;
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
    return NULL;
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

/* ---- for people ---- */

unsigned ch_endpoint_openable_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key,
                                      ch_unknown_names unknown)
{
    const ch_profile *profile = endpoint->profile;
    const ch_environment *environment = key->environment != NULL ? key->environment : ch_endpoint_home(endpoint);
    unsigned classes = endpoint->recipes[scheme->index]->opens | ch_needs_left_open(endpoint, scheme->index);
    asking in;
    begin_asking(&in, endpoint, scheme->index);
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *opened = &profile->endpoints[i];
        unsigned more = 1U << opened->class_ | ch_needs_of_endpoint(opened);
        bool refuses = unknown == CH_UNKNOWN_AS_LISTED ? opened->refuses_unknown : unknown == CH_UNKNOWN_REFUSED;
        if ((more & ~classes) == 0 || (opened->kind & ~(endpoint->kind | key->kinds)) != 0 ||
            (opened->acceptance & key->accepts) != 0 || !ch_environment_reaches(environment, opened))
            continue;
        if (asked_may_open(&in, opened, refuses))
            classes |= more;
    }
    return classes & ~(1U << endpoint->class_);
}
