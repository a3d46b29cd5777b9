/* Answers from what exchange/load.c has read. Nothing here can fail. */
#include "exchange/profile.h"

#include "exchange/profile_impl.h"

#include <string.h>

/* ---- profile and schemes ---- */

const char *ch_profile_name(const ch_profile *profile)
{
    return profile->name;
}

const char *ch_profile_title(const ch_profile *profile)
{
    return profile->title;
}

const ch_scheme *ch_profile_scheme(const ch_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->scheme_count; i++) {
        if (strcmp(profile->schemes[i].name, name) == 0)
            return &profile->schemes[i];
    }
    return NULL;
}

const ch_scheme *ch_profile_scheme_at(const ch_profile *profile, size_t index)
{
    return index < profile->scheme_count ? &profile->schemes[index] : NULL;
}

const char *ch_scheme_mechanism(const ch_scheme *scheme)
{
    return scheme->mechanism;
}

const char *ch_scheme_name(const ch_scheme *scheme)
{
    return scheme->name;
}

ch_encoding ch_scheme_secret_encoding(const ch_scheme *scheme)
{
    return scheme->secret;
}

const ch_secret_shape *ch_scheme_secret_shape(const ch_scheme *scheme)
{
    return scheme->secret_shape.max == 0 ? NULL : &scheme->secret_shape;
}

ch_encoding ch_scheme_signature_encoding(const ch_scheme *scheme)
{
    return scheme->signature;
}

void ch_scheme_add_signature(const ch_scheme *scheme, ch_slice signature, ch_buffer *out)
{
    ch_encode(out, scheme->signature, signature);
}

const ch_nonce_def *ch_profile_nonce(const ch_profile *profile, unsigned kinds)
{
    for (size_t i = 0; i < profile->kind_nonce_count; i++) {
        if ((profile->kind_nonces[i].kind & kinds) != 0)
            return &profile->kind_nonces[i].def;
    }
    return profile->nonce.unit_ns == 0 ? NULL : &profile->nonce;
}

/* ---- endpoints ---- */

const ch_endpoint *ch_profile_endpoint_at(const ch_profile *profile, size_t index)
{
    return index < profile->endpoint_count ? &profile->endpoints[index] : NULL;
}

ch_class ch_endpoint_class(const ch_endpoint *endpoint)
{
    return endpoint->class_;
}

const char *ch_endpoint_method(const ch_endpoint *endpoint)
{
    return endpoint->method;
}

const char *ch_endpoint_path(const ch_endpoint *endpoint)
{
    return endpoint->path;
}

const char *ch_profile_left_out_at(const ch_profile *profile, size_t index, const char **why)
{
    if (index >= profile->left_out_count)
        return NULL;
    *why = profile->left_out[index].why;
    return profile->left_out[index].call;
}

unsigned ch_profile_kind(const ch_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->kind_count; i++) {
        if (strcmp(profile->kinds[i], name) == 0)
            return 1U << i;
    }
    return 0;
}

const char *ch_endpoint_kind(const ch_endpoint *endpoint, unsigned kinds)
{
    for (size_t i = 0; i < endpoint->profile->kind_count; i++) {
        if ((endpoint->kind & ~kinds & 1U << i) != 0)
            return endpoint->profile->kinds[i];
    }
    return NULL;
}

bool ch_endpoint_takes_scheme(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    return ch_endpoint_has_scheme(endpoint, scheme->index);
}

/* ---- unknown parameters and acceptances ---- */

const char *ch_profile_refusing_at(const ch_profile *profile, size_t index, const char **why)
{
    if (index >= profile->refusing_count)
        return NULL;
    *why = profile->refusing[index].why;
    return profile->refusing[index].path;
}

unsigned ch_profile_acceptance(const ch_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->acceptance_count; i++) {
        if (strcmp(profile->acceptances[i].name, name) == 0)
            return 1U << i;
    }
    return 0;
}

unsigned ch_endpoint_acceptance(const ch_endpoint *endpoint)
{
    return endpoint->acceptance;
}

const char *ch_profile_acceptance_at(const ch_profile *profile, size_t index, const char **lets)
{
    if (index >= profile->acceptance_count)
        return NULL;
    *lets = profile->acceptances[index].lets;
    return profile->acceptances[index].name;
}

const char *ch_profile_acceptance_under(const ch_profile *profile, size_t index, size_t at)
{
    const ch_acceptance *acceptance = &profile->acceptances[index];
    return at < acceptance->under_count ? acceptance->under[at] : NULL;
}

bool ch_profile_acceptance_cuts(const ch_profile *profile, size_t index)
{
    return profile->acceptances[index].lets_cut;
}

/* ---- recipes ---- */

unsigned ch_endpoint_covers(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    return endpoint->recipes[scheme->index]->covers;
}

bool ch_endpoint_fills_in(const ch_endpoint *endpoint, const ch_scheme *scheme, ch_slice name)
{
    return ch_recipe_fills_in(endpoint->recipes[scheme->index], name);
}

bool ch_endpoint_uses_nonce(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    return endpoint->recipes[scheme->index]->uses[CH_BUILTIN_NONCE];
}

/* A nonce that only grows is taken once, if nothing else is said. */
ch_uses ch_endpoint_uses(const ch_endpoint *endpoint, const ch_scheme *scheme, unsigned kinds)
{
    const ch_nonce_def *nonce = ch_profile_nonce(endpoint->profile, kinds);
    if (endpoint->uses != CH_USES_UNSAID)
        return endpoint->uses;
    if (endpoint->profile->uses != CH_USES_UNSAID)
        return endpoint->profile->uses;
    bool is_once = nonce != NULL && !nonce->may_repeat && ch_endpoint_uses_nonce(endpoint, scheme);
    return is_once ? CH_USES_ONCE : CH_USES_WINDOW;
}

ch_uses ch_endpoint_uses_by_any(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    const ch_profile *profile = endpoint->profile;
    ch_uses uses = ch_endpoint_uses(endpoint, scheme, 0);
    for (size_t i = 0; i < profile->kind_nonce_count && uses == CH_USES_ONCE; i++)
        uses = ch_endpoint_uses(endpoint, scheme, profile->kind_nonces[i].kind);
    return uses;
}

bool ch_endpoint_uses_random(const ch_endpoint *endpoint, const ch_scheme *scheme)
{
    const ch_recipe *recipe = endpoint->recipes[scheme->index];
    return recipe->uses[CH_BUILTIN_UUID] || recipe->uses[CH_BUILTIN_RANDOM];
}

/* ---- the pass phrase ---- */

static bool is_as_it_is(const ch_template *text, size_t value)
{
    for (size_t i = 0; i < text->part_count; i++) {
        const ch_template_part *part = &text->parts[i];
        if (!part->is_literal && part->style == NULL && part->index == value && part->filter_count == 0)
            return true;
    }
    return false;
}

static ch_phrase_use phrase_use(const ch_recipe *recipe)
{
    for (size_t i = 0; i < recipe->header_count; i++) {
        if (is_as_it_is(&recipe->headers[i].text, CH_BUILTIN_PASSPHRASE))
            return CH_PHRASE_IN_HEADER;
    }
    return recipe->uses[CH_BUILTIN_PASSPHRASE] ? CH_PHRASE_USED : CH_PHRASE_UNUSED;
}

ch_phrase_use ch_scheme_phrase_use(const ch_profile *profile, const ch_scheme *scheme)
{
    ch_phrase_use found = CH_PHRASE_UNUSED;
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        const ch_endpoint *endpoint = &profile->endpoints[i];
        ch_phrase_use use = phrase_use(endpoint->recipes[scheme->index]);
        if (ch_endpoint_has_scheme(endpoint, scheme->index) && use > found)
            found = use;
    }
    return found;
}

const ch_param_def *ch_profile_find_name(const ch_profile *profile, ch_slice name)
{
    size_t low = 0;
    size_t high = profile->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ch_slice_compare(name, ch_slice_of(profile->names[middle]->name));
        if (order == 0)
            return profile->names[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
