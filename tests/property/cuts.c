/* The payload, cut at other places than the agent cut it: by what it looks like, not by what the recipe says.
 *
 * Where numbers of the agent's stand is seen from a second payload of the same request at another time. What stands
 * before such a number and is a digit could be its first digit. */
#include "base/bits.h"
#include "tests/property/property.h"
#include "exchange/match.h"

#include <string.h>

#define NUMBER_LEAST 10 /* digits of the shortest time */

static const uint64_t other_now_ns = 2875111111234567000U; /* no digit is the same */
static const uint64_t other_nonce = 2875111111098U;

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* What `text` is made of, if it were made at another time. */
static bool make_other(rig *r, const sample *s, ch_slice text, ch_slice *other)
{
    ch_payloads built;
    ch_recipe_input input = input_of(r, s);
    input.now_ns = other_now_ns;
    input.nonce = other_nonce;
    if (ch_recipe_build(&input, r->draft, &built, &r->err) != CH_OK || built.items[0].size != text.size)
        return false;
    *other = keep_slice(r, built.items[0]);
    return true;
}

/* The next number from `*at` on: digits that all differ in the other payload. */
static bool next_number(ch_slice text, ch_slice other, size_t *at, size_t *size)
{
    for (*at += *size; *at < text.size; *at += *size + 1) {
        *size = 0;
        while (*at + *size < text.size && is_digit(text.data[*at + *size]) &&
               text.data[*at + *size] != other.data[*at + *size])
            ++*size;
        if (*size >= NUMBER_LEAST && memcmp(text.data + *at, "1764", 4) == 0) /* else of a digest */
            return true;
    }
    return false;
}

static bool ends_in(ch_slice text, ch_slice end)
{
    return text.size >= end.size && end.size > 0 && memcmp(text.data + text.size - end.size, end.data, end.size) == 0;
}

/* True if policy is asked the same about a path that is shorter by some digits. */
static bool is_path_alike(const rig *r, const sample *s)
{
    const ch_profile *profile = r->profile;
    unsigned classes = opened_classes(r, s) | 1U << CH_CLASS_READ;
    ch_slice captures[CH_PATH_PARTS_MAX];
    ch_slice path = s->request.path;
    while (path.size > 0 && is_digit(path.data[path.size - 1])) {
        path.size--;
        for (size_t i = 0; i < profile->endpoint_count; i++) {
            const ch_endpoint *one = &profile->endpoints[i];
            if (ch_slice_is(s->request.method, one->method) && ch_environment_has(r->environment, one) &&
                ch_endpoint_fits(one, path, captures) && (classes & 1U << one->class_) == 0)
                return false;
        }
    }
    return true;
}

/* Half an escape is no request. */
static bool is_escape(ch_slice before)
{
    return before.size > 2 && before.data[before.size - 3] == '%';
}

/* What the agent or the key has before the number. */
static bool is_agents(ch_slice before)
{
    return ends_in(before, CH_LITERAL("the-key_id/7")) || ends_in(before, CH_LITERAL("-a5a5a5a5a5a5"));
}

static bool may_be_longer(const rig *r, const sample *s, ch_slice before)
{
    return before.size > 0 && is_digit(before.data[before.size - 1]) && !is_agents(before) && !is_escape(before) &&
           !(ends_in(before, s->request.path) && is_path_alike(r, s));
}

static const char *check_numbers(const rig *r, const sample *s, ch_slice text, ch_slice other)
{
    ch_slice clean = CH_LITERAL("");
    size_t size = 0;
    for (size_t at = 0; next_number(text, other, &at, &size);) {
        ch_slice number = {text.data + at, size};
        if (clean.size > 0 && ch_slice_equal(clean, number))
            continue; /* it stands elsewhere too, and can't be another there */
        if (may_be_longer(r, s, (ch_slice){text.data, at}))
            return "the end of what a bot sends can be passed off as the beginning of the time";
        if (at + size < text.size && is_digit(text.data[at + size]))
            return "the beginning of what a bot sends can be passed off as the end of the time";
        clean = number;
    }
    return NULL;
}

/* ---- the path and the query ---- */

/* Adds the names in a form, without the first, whose name is spoilt. */
static void find_names(const ch_endpoint *endpoint, ch_slice form, uint64_t *given)
{
    const uint8_t *end = ch_slice_find(form, '&');
    while (end != NULL) {
        form = ch_slice_after(form, (size_t)(end - form.data) + 1);
        const uint8_t *equals = ch_slice_find(form, '=');
        ch_slice name = {form.data, equals == NULL ? form.size : (size_t)(equals - form.data)};
        const ch_listed_param *listed = ch_param_list_find(&endpoint->params, name);
        if (listed != NULL)
            ch_set_add(given, listed->def->name_index);
        end = ch_slice_find(form, '&');
    }
}

static const char *check_shorter(const rig *r, const sample *s, ch_slice path, ch_slice query)
{
    unsigned classes = opened_classes(r, s);
    bool covers_method = (ch_endpoint_covers(s->endpoint, r->scheme) & CH_COVERS_METHOD) != 0;
    ch_slice captures[CH_PATH_PARTS_MAX];
    for (size_t i = 0; i < r->profile->endpoint_count; i++) {
        const ch_endpoint *one = &r->profile->endpoints[i];
        uint64_t given[CH_NAME_WORDS_MAX] = {0};
        bool shows_path = (ch_endpoint_covers(one, r->scheme) & CH_COVERS_PATH) != 0;
        if (!shows_path || !ch_environment_has(r->environment, one) || !ch_endpoint_fits(one, path, captures) ||
            (covers_method && !ch_slice_is(s->request.method, one->method)))
            continue;
        find_names(one, query, given);
        if (ch_param_list_is_met(&one->params, given) && (classes & 1U << one->class_) == 0)
            return "the end of the path can be passed off as the beginning of a query to another endpoint";
    }
    return NULL;
}

/* Only where a query follows the path with nothing in between. */
static const char *check_path(const rig *r, const sample *s, ch_slice text)
{
    ch_slice path = s->request.path;
    const uint8_t *found = path.size == 0 || text.size == 0 ? NULL : memmem(text.data, text.size, path.data, path.size);
    if (found == NULL || s->request.param_count == 0)
        return NULL;
    ch_slice rest = ch_slice_after(text, (size_t)(found - text.data) + path.size);
    const uint8_t *equals = ch_slice_find(rest, '=');
    if (equals == NULL || !sample_has(s, (ch_slice){rest.data, (size_t)(equals - rest.data)}))
        return NULL;
    for (size_t size = 1; size < path.size; size++) {
        const char *wrong = check_shorter(r, s, (ch_slice){path.data, size}, rest);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

const char *check_cuts(rig *r, const sample *s, ch_slice text)
{
    ch_slice other;
    const char *wrong = make_other(r, s, text, &other) ? check_numbers(r, s, text, other) : NULL;
    return wrong != NULL ? wrong : check_path(r, s, text);
}
