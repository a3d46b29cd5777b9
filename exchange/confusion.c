/* What no request can open is left out when the profile is loaded; the rest is looked at for each request
 * (confusion_look.c). Sets of parameter names are bit sets, so that one comparison answers for 64 of them.
 *
 * An exchange that refuses unknown names takes a payload only where its every name is listed; one that ignores them
 * takes it wherever nothing is missing. It ignores them unless the profile says that it refuses them there: a wrong
 * guess in this direction refuses a request, one in the other opens a call that nobody judged. */
#include "exchange/confusion_impl.h"

#include "base/bits.h"
#include "base/memory.h"
#include "exchange/environments_impl.h"
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

/* True if neither method nor host tell `asked` from `opened`, as far as the signature covers them. */
static bool may_share_host(const ch_endpoint *asked, const ch_endpoint *opened, size_t at)
{
    unsigned covers = asked->recipes[at]->covers;
    if ((covers & CH_COVERS_METHOD) != 0 && strcmp(asked->method, opened->method) != 0)
        return false;
    return (covers & CH_COVERS_HOST) == 0 || ch_endpoints_may_share_host(asked, opened);
}

bool ch_confusion_covers_no_difference(const ch_endpoint *asked, const ch_endpoint *opened, size_t at)
{
    bool covers_path = (asked->recipes[at]->covers & CH_COVERS_PATH) != 0;
    return may_share_host(asked, opened, at) && (!covers_path || may_share_path(asked, opened));
}

bool ch_confusion_may_run_on(const ch_endpoint *asked, const ch_endpoint *opened, size_t at)
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

void ch_confusion_show(const ch_endpoint *endpoint, size_t at, const uint64_t *given, uint64_t *out)
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

bool ch_confusion_has_payload(const ch_endpoint *asked, const ch_endpoint *opened, size_t at, bool refuses,
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

/* The cut spoils the first parameter of the query, so there must be one that `opened` can do without. What `opened`
 * does not know counts as ignored. */
bool ch_confusion_takes_the_rest(const ch_endpoint *asked, const ch_endpoint *opened, size_t at, const uint64_t *given)
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
    ch_confusion_show(asked, at, asked->params.required, in->required);
    ch_confusion_show(asked, at, asked->params.listed, in->listed);
}

/* True if some of them open `opened`. */
static bool asked_may_open(const asking *in, const ch_endpoint *opened, bool refuses)
{
    const ch_endpoint *asked = in->asked;
    size_t at = in->at;
    if (opened == asked || !ch_endpoint_has_scheme(asked, at) || !ch_endpoint_has_scheme(opened, at))
        return false;
    bool opens =
        (ch_confusion_may_run_on(asked, opened, at) && ch_confusion_takes_the_rest(asked, opened, at, in->listed)) ||
        (ch_confusion_covers_no_difference(asked, opened, at) &&
         ch_confusion_has_payload(asked, opened, at, refuses, in->required, in->listed) &&
         (!refuses || opened_lists_a_choice_of_each(asked, opened, at)));
    return opens && ch_endpoints_may_meet(asked, opened);
}

/* True if a request to `asked` that opens `opened` may need another class for it. */
static bool may_need_more(const ch_endpoint *asked, const ch_endpoint *opened)
{
    return opened->class_ != asked->class_ || opened->has_needs;
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
    size_t last = profile->endpoint_count; /* those that add no class are gathered from the end */
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *opened = &profile->endpoints[i];
        bool adds = may_need_more(asked, opened);
        if ((!adds && !ch_confusion_tells_apart(opened->class_)) ||
            !asked_may_open(&in, opened, opened->refuses_unknown))
            continue;
        if (adds)
            found[confusion->count++] = (uint16_t)i;
        else
            found[--last] = (uint16_t)i;
    }
    confusion->all_count = confusion->count + profile->endpoint_count - last;
    confusion->others = ch_alloc(confusion->all_count * sizeof *found);
    memcpy(confusion->others, found, confusion->count * sizeof *found);
    memcpy(confusion->others + confusion->count, found + last, (profile->endpoint_count - last) * sizeof *found);
}

/* The exchange decides for which of them it takes a path that fits both. */
static void find_paths_alike(const ch_profile *profile, ch_endpoint *asked, uint16_t *found)
{
    for (size_t i = 0; i < profile->pattern_count; i++) {
        const ch_endpoint *opened = &profile->endpoints[profile->patterns[i]];
        if (opened != asked && strcmp(opened->method, asked->method) == 0 && may_share_path(asked, opened))
            found[asked->alike_count++] = profile->patterns[i];
    }
    asked->alike = ch_alloc(asked->alike_count * sizeof *found);
    memcpy(asked->alike, found, asked->alike_count * sizeof *found);
}

/* True if a parameter on which the meaning rests stands where no signature by the scheme holds it. */
static bool leaves_meaning_open(const ch_endpoint *endpoint, size_t at)
{
    unsigned shows = endpoint->recipes[at]->shows;
    bool is_open = false;
    for (size_t i = 0; i < endpoint->params.count; i++) {
        const ch_param_def *def = endpoint->params.params[i].def;
        is_open |= ch_param_means_something(def) && (shows & (def->is_in_query ? CH_SHOWS_QUERY : CH_SHOWS_BODY)) == 0;
    }
    for (size_t i = 0; i < endpoint->part_count; i++) {
        const ch_param_def *def = endpoint->parts[i].def;
        is_open |=
            def != NULL && ch_param_means_something(def) && (endpoint->recipes[at]->covers & CH_COVERS_PATH) == 0;
    }
    return is_open;
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
    for (size_t i = 0; i < profile->endpoint_count; i++)
        find_paths_alike(profile, &profile->endpoints[i], found);
    for (size_t at = 0; at < profile->scheme_count; at++) {
        size_t alike = first_alike(profile, at);
        for (size_t i = 0; i < profile->endpoint_count; i++) {
            ch_endpoint *asked = &profile->endpoints[i];
            asked->unread |= leaves_meaning_open(asked, at) ? 1U << at : 0;
            if (alike < at)
                asked->confusions[at] = asked->confusions[alike];
            else
                find_confusion(profile, asked, at, found);
        }
    }
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
        if (!may_need_more(endpoint, opened) || (more & ~classes) == 0 ||
            (opened->kind & ~(endpoint->kind | key->kinds)) != 0 || (opened->acceptance & key->accepts) != 0 ||
            !ch_environment_reaches(environment, opened))
            continue;
        if (asked_may_open(&in, opened, refuses))
            classes |= more;
    }
    return classes & ~(1U << endpoint->class_);
}

unsigned ch_endpoint_stray_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_key_traits *key)
{
    const size_t at = scheme->index;
    const ch_confusion *confusion = &endpoint->confusions[at];
    bool is_open = (endpoint->unread & 1U << at) != 0 && ch_confusion_tells_apart(endpoint->class_);
    unsigned classes = endpoint->recipes[at]->opens | ch_needs_left_open(endpoint, at);
    classes |= is_open ? 1U << endpoint->class_ : 0;
    for (size_t i = 0; i < confusion->all_count; i++) {
        const ch_endpoint *opened = &endpoint->profile->endpoints[confusion->others[i]];
        if ((opened->kind & ~(endpoint->kind | key->kinds)) == 0 && ch_environment_reaches(key->environment, opened))
            classes |= 1U << opened->class_ | ch_needs_of_endpoint(opened);
    }
    return classes & ~(1U << CH_CLASS_READ | 1U << CH_CLASS_CANCEL);
}
