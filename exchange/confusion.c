/* Endpoint confusion (DESIGN): which endpoints a signature would open besides the one it was asked for.
 *
 * What no request can open is left out when the profile is loaded; the rest is looked at for each request. Sets of
 * parameter names are bitsets, so that one comparison answers for 64 of them. */
#include "base/memory.h"
#include "base/slice.h"
#include "exchange/profile_impl.h"

#include <stdlib.h>
#include <string.h>

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
static bool may_share_path(const ch_endpoint *one, const ch_endpoint *other)
{
    const char *a = one->path;
    const char *b = other->path;
    if (one->parts == NULL && other->parts == NULL)
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

/* True if the signature by scheme `at`, parameters aside, may be the same at `other`. */
static bool is_alike(const ch_endpoint *endpoint, const ch_endpoint *other, size_t at)
{
    unsigned covers = endpoint->recipes[at]->covers;
    if ((covers & CH_COVERS_METHOD) != 0 && strcmp(endpoint->method, other->method) != 0)
        return false;
    if ((covers & CH_COVERS_HOST) != 0 && !ch_slice_equal(endpoint->origin->host, other->origin->host))
        return false;
    return (covers & CH_COVERS_PATH) == 0 || may_share_path(endpoint, other);
}

/* ---- which parameters a message shows ---- */

/* The names of `endpoint`'s that a message by scheme `at` would show, one word of the set. */
static uint64_t shown(const ch_endpoint *endpoint, size_t at, size_t word)
{
    unsigned places = endpoint->recipes[at]->shown;
    uint64_t in_query = endpoint->in_query[word];
    return ((places & CH_SHOWS_QUERY) != 0 ? in_query : 0) | ((places & CH_SHOWS_BODY) != 0 ? ~in_query : 0);
}

static void copy_shown(const ch_endpoint *endpoint, size_t at, const uint64_t *names, uint64_t *out)
{
    for (size_t i = 0; i < endpoint->profile->name_words; i++)
        out[i] = names[i] & shown(endpoint, at, i);
}

static bool is_none(const uint64_t *set, size_t words)
{
    size_t i = 0;
    while (i < words && set[i] == 0)
        i++;
    return i == words;
}

/* True if a message that shows at most these names, and `fields` of the agent's, shows all that `other` would show. */
static bool suffices(const ch_endpoint *other, size_t at, const uint64_t *at_most, const uint64_t *fields)
{
    size_t words = other->profile->name_words;
    for (size_t i = 0; i < words; i++) {
        if ((other->params.required[i] & shown(other, at, i) & ~(at_most[i] | fields[i])) != 0)
            return false;
    }
    for (size_t k = 0; k < other->params.choice_count; k++) {
        const uint64_t *choice = other->params.choices + k * words;
        bool is_met = false;
        for (size_t i = 0; i < words; i++)
            is_met |= (choice[i] & (at_most[i] | fields[i] | ~shown(other, at, i))) != 0;
        if (!is_met)
            return false;
    }
    return true;
}

/* True if `other` would show, as parameters or as fields of the agent's, all of these names. */
static bool takes(const ch_endpoint *other, size_t at, const uint64_t *at_least)
{
    const uint64_t *fields = other->recipes[at]->field_names;
    for (size_t i = 0; !other->ignores_unknown && i < other->profile->name_words; i++) {
        if ((at_least[i] & ~((other->params.listed[i] & shown(other, at, i)) | fields[i])) != 0)
            return false;
    }
    return true;
}

/* True if a message by scheme `at` that shows all of `at_least` and none beyond `at_most` can be `other`'s too. */
static bool would_take(const ch_endpoint *endpoint, const ch_endpoint *other, size_t at, const uint64_t *at_least,
                       const uint64_t *at_most)
{
    const ch_recipe *own = endpoint->recipes[at];
    const ch_recipe *recipe = other->recipes[at];
    static const uint64_t none[CH_NAME_WORDS_MAX];
    if (!suffices(other, at, at_most, own->field_names))
        return false;
    if (own->empty_shape_number == recipe->empty_shape_number && is_none(at_least, other->profile->name_words) &&
        suffices(other, at, none, none))
        return true;
    return own->shape_number == recipe->shape_number && takes(other, at, at_least);
}

/* One of each of `endpoint`'s choices is given, so `other` must take one, as far as the message shows them. */
static bool takes_choices(const ch_endpoint *endpoint, const ch_endpoint *other, size_t at)
{
    const ch_param_list *own = &endpoint->params;
    const uint64_t *fields = other->recipes[at]->field_names;
    size_t words = other->profile->name_words;
    for (size_t k = 0; !other->ignores_unknown && k < own->choice_count; k++) {
        const uint64_t *choice = own->choices + k * words;
        bool is_taken = false;
        for (size_t i = 0; i < words; i++)
            is_taken |= (choice[i] & (other->params.listed[i] | fields[i] | ~shown(endpoint, at, i))) != 0;
        if (!is_taken)
            return false;
    }
    return true;
}

static bool may_open(const ch_endpoint *endpoint, const ch_endpoint *other, size_t at)
{
    uint64_t required[CH_NAME_WORDS_MAX];
    uint64_t listed[CH_NAME_WORDS_MAX];
    if (other->class_ == endpoint->class_ || !is_alike(endpoint, other, at))
        return false;
    copy_shown(endpoint, at, endpoint->params.required, required);
    copy_shown(endpoint, at, endpoint->params.listed, listed);
    return would_take(endpoint, other, at, required, listed) && takes_choices(endpoint, other, at);
}

/* ---- when the profile is loaded ---- */

static void find_names(ch_profile *profile)
{
    for (size_t i = 0; i < profile->recipe_count; i++) {
        ch_recipe *recipe = &profile->recipes[i];
        recipe->field_names = ch_alloc(profile->name_words * sizeof(uint64_t));
        for (size_t k = 0; k < profile->param_count; k++) {
            if (ch_recipe_fills_in(recipe, ch_slice_of(profile->params[k].name)))
                ch_set_add(recipe->field_names, profile->params[k].name_index);
        }
    }
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        ch_endpoint *endpoint = &profile->endpoints[i];
        endpoint->in_query = ch_alloc(profile->name_words * sizeof(uint64_t));
        for (size_t k = 0; k < endpoint->params.count; k++) {
            if (endpoint->params.params[k].def->is_in_query)
                ch_set_add(endpoint->in_query, endpoint->params.params[k].def->name_index);
        }
    }
}

static void find_confusion(const ch_profile *profile, ch_endpoint *endpoint, size_t at, uint16_t *found)
{
    ch_confusion *confusion = &endpoint->confusions[at];
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        if (may_open(endpoint, &profile->endpoints[i], at))
            found[confusion->count++] = (uint16_t)i;
    }
    confusion->others = ch_alloc(confusion->count * sizeof *found);
    memcpy(confusion->others, found, confusion->count * sizeof *found);
}

/* The schemes of most profiles share their recipes. */
static size_t scheme_alike(const ch_profile *profile, size_t at)
{
    for (size_t earlier = 0; earlier < at; earlier++) {
        size_t i = 0;
        while (i < profile->endpoint_count &&
               profile->endpoints[i].recipes[earlier] == profile->endpoints[i].recipes[at])
            i++;
        if (i == profile->endpoint_count)
            return earlier;
    }
    return at;
}

void ch_profile_find_confusions(ch_profile *profile)
{
    find_names(profile);
    ch_autofree uint16_t *found = ch_alloc(profile->endpoint_count * sizeof *found);
    for (size_t at = 0; at < profile->scheme_count; at++) {
        size_t alike = scheme_alike(profile, at);
        for (size_t i = 0; i < profile->endpoint_count; i++) {
            ch_endpoint *endpoint = &profile->endpoints[i];
            if (alike < at)
                endpoint->confusions[at] = endpoint->confusions[alike];
            else
                find_confusion(profile, endpoint, at, found);
        }
    }
}

/* ---- for a request ---- */

/* Those whose path the request's fits too: which of them the exchange takes it for is the exchange's choice. */
static unsigned classes_of_path(const ch_endpoint *endpoint, unsigned kinds, const ch_request *request)
{
    const ch_profile *profile = endpoint->profile;
    ch_slice captures[CH_PATH_PARTS_MAX];
    unsigned classes = 1U << endpoint->class_;
    for (size_t i = 0; i < profile->pattern_count; i++) {
        const ch_endpoint *other = &profile->endpoints[profile->patterns[i]];
        if ((other->kind & ~kinds) == 0 && strcmp(other->method, endpoint->method) == 0 &&
            other->origin == endpoint->origin && ch_endpoint_fits(other, request->path, captures))
            classes |= 1U << other->class_;
    }
    return classes;
}

/* The names that are given and that the message shows. */
static void find_signed(const ch_endpoint *endpoint, const ch_scheme *scheme, const ch_request *request, uint64_t *out)
{
    memset(out, 0, endpoint->profile->name_words * sizeof out[0]);
    for (size_t i = 0; i < request->param_count; i = ch_param_after(request->params, request->param_count, i)) {
        if (request->params[i].def != NULL)
            ch_set_add(out, request->params[i].def->name_index);
    }
    copy_shown(endpoint, scheme->index, out, out);
}

unsigned ch_endpoint_confused_classes(const ch_endpoint *endpoint, const ch_scheme *scheme, unsigned kinds,
                                      const ch_request *request)
{
    const ch_profile *profile = endpoint->profile;
    const ch_confusion *confusion = &endpoint->confusions[scheme->index];
    bool covers_path = (endpoint->recipes[scheme->index]->covers & CH_COVERS_PATH) != 0;
    uint64_t signed_names[CH_NAME_WORDS_MAX];
    find_signed(endpoint, scheme, request, signed_names);
    ch_slice captures[CH_PATH_PARTS_MAX];
    unsigned classes = classes_of_path(endpoint, kinds, request) | endpoint->recipes[scheme->index]->opens;
    for (size_t i = 0; i < confusion->count; i++) {
        const ch_endpoint *other = &profile->endpoints[confusion->others[i]];
        if ((classes & 1U << other->class_) != 0 || (other->kind & ~kinds) != 0)
            continue;
        if (covers_path && !ch_endpoint_fits(other, request->path, captures))
            continue;
        if (would_take(endpoint, other, scheme->index, signed_names, signed_names))
            classes |= 1U << other->class_;
    }
    return classes;
}

unsigned ch_endpoint_openable_classes(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    const ch_confusion *confusion = &endpoint->confusions[scheme->index];
    unsigned classes = endpoint->recipes[scheme->index]->opens;
    for (size_t i = 0; i < confusion->count; i++) {
        const ch_endpoint *other = &endpoint->profile->endpoints[confusion->others[i]];
        if ((other->kind & ~endpoint->kind) == 0)
            classes |= 1U << other->class_;
    }
    return classes;
}
