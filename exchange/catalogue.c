/* The name of a setting stands in an endpoint's intent, or in what its parameters mean; both are looked through. */
#include "exchange/catalogue.h"

#include "exchange/profile_impl.h"

/* ---- settings ---- */

static uint8_t fold(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return (uint8_t)(byte + ('a' - 'A'));
    return byte == '_' ? '-' : byte;
}

static bool is_it(const char *word, ch_slice name)
{
    size_t i = 0;
    if (word == NULL)
        return false;
    while (i < name.size && word[i] != '\0' && fold((uint8_t)word[i]) == fold(name.data[i]))
        i++;
    return i == name.size && word[i] == '\0';
}

static bool says_it(const ch_sayings *sayings, ch_slice name)
{
    for (size_t i = 0; i < sayings->count; i++) {
        if (sayings->items[i].fact == CH_FACT_NAME && is_it(sayings->items[i].word, name))
            return true;
    }
    return false;
}

static bool value_says_it(const ch_meaning *meaning, ch_slice name)
{
    bool is_name = meaning->sense.has_role && meaning->sense.role == CH_FACT_NAME;
    for (size_t i = 0; i < meaning->value_count; i++) {
        const ch_value_meaning *value = &meaning->values[i];
        if (says_it(&value->says, name) || (is_name && is_it(value->word, name)))
            return true;
    }
    return is_name && meaning->value_count == 0; /* any text at all */
}

static bool can_mean_it(const ch_meaning *meaning, ch_slice name)
{
    if (meaning == NULL)
        return false;
    for (size_t i = 0; i < meaning->condition_count; i++) {
        if (says_it(&meaning->conditions[i].sense.says, name))
            return true;
    }
    return says_it(&meaning->sense.says, name) || value_says_it(meaning, name);
}

static bool can_make_it(const ch_endpoint *endpoint, ch_slice name)
{
    for (size_t i = 0; i < endpoint->item_count; i++) {
        if (says_it(&endpoint->items[i].constants, name))
            return true;
    }
    return false;
}

bool ch_profile_has_setting(const ch_profile *profile, ch_slice name)
{
    for (size_t i = 0; i < profile->endpoint_count; i++) {
        if (can_make_it(&profile->endpoints[i], name))
            return true;
    }
    for (size_t i = 0; i < profile->param_count; i++) {
        if (can_mean_it(profile->params[i].meaning, name))
            return true;
    }
    return false;
}

/* ---- windows ---- */

uint32_t ch_profile_window_max_ms(const ch_profile *profile)
{
    uint32_t by_param_ms = profile->validity.param == NULL ? 0 : CH_WINDOW_MAX_MS;
    return profile->window.param == NULL ? by_param_ms : profile->window.max_ms;
}

uint64_t ch_profile_fixed_validity_ns(const ch_profile *profile)
{
    return ch_profile_window_max_ms(profile) == 0 ? profile->validity.ns : 0;
}
