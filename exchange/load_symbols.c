/* A form that could be anything says nothing, so each names {base} and {quote}, or has constants for them. */
#include "exchange/load_symbols.h"

#include "base/memory.h"
#include "conf/fields.h"
#include "exchange/load_meanings.h"
#include "exchange/profile_impl.h"
#include "exchange/symbols.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 4 /* all lengths of each are tried */

static ch_status read_markets(const ch_value *value, ch_error *err)
{
    static const ch_word words[] = {
        {"spot",    CH_MARKET_SPOT   },
        {"margin",  CH_MARKET_MARGIN },
        {"linear",  CH_MARKET_LINEAR },
        {"inverse", CH_MARKET_INVERSE},
        {"option",  CH_MARKET_OPTION },
    };
    static const ch_words markets = CH_WORDS("market", words);
    unsigned *set = value->out;
    if (ch_yaml_kind_of(value->node) != CH_YAML_SCALAR) {
        const ch_field field = {.name = value->name, .size = sizeof *set, .words = &markets};
        ch_value as_set = *value;
        as_set.field = &field;
        return ch_field_set(&as_set, err);
    }
    uint64_t market = 0;
    CH_TRY(ch_words_read(&markets, value->node, &market, err));
    *set = (unsigned)market;
    return CH_OK;
}

static ch_status read_bases(const ch_value *value, ch_error *err)
{
    ch_symbol_form *form = value->out;
    return ch_texts_read(value->node, &form->bases, &form->base_count, err);
}

static ch_status read_quotes(const ch_value *value, ch_error *err)
{
    ch_symbol_form *form = value->out;
    return ch_texts_read(value->node, &form->quotes, &form->quote_count, err);
}

/* clang-format off */
static const ch_field fields[] = {
    /* name      required  reader          where                               */
    { "market",  false,    read_markets,   CH_MEMBER(ch_symbol_form, markets)  },
    { "form",    true,     ch_field_text,  CH_MEMBER(ch_symbol_form, form)     },
    { "bases",   false,    read_bases,     CH_WHOLE                            },
    { "quotes",  false,    read_quotes,    CH_WHOLE                            },
    { "base",    false,    ch_field_text,  CH_MEMBER(ch_symbol_form, base)     },
    { "quote",   false,    ch_field_text,  CH_MEMBER(ch_symbol_form, quote)    },
};
/* clang-format on */

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + strlen(part), part))
        count++;
    return count;
}

static ch_status check_part(const ch_yaml *node, const char *form, const char *name, const char *constant, size_t known,
                            ch_error *err)
{
    size_t count = count_of(form, name);
    if (count > 1 || (count == 1 && constant != NULL) || (count == 0 && known > 0))
        return ch_yaml_fail(node, err, "a form has %s once, or a constant instead", name);
    return CH_OK;
}

static ch_status read_form(const ch_value *value, ch_error *err)
{
    ch_symbol_form *form = value->out;
    CH_TRY(ch_fields_read(value->node, CH_FIELDS(fields), form, NULL, err));
    CH_TRY(check_part(value->node, form->form, "{base}", form->base, form->base_count, err));
    CH_TRY(check_part(value->node, form->form, "{quote}", form->quote, form->quote_count, err));
    if (strlen(form->form) > CH_SYMBOL_FORM_MAX)
        return ch_yaml_fail(value->node, err, "a form has at most %d characters", CH_SYMBOL_FORM_MAX);
    if (count_of(form->form, "*") > RUNS_MAX)
        return ch_yaml_fail(value->node, err, "a form has at most %d '*'", RUNS_MAX);
    return CH_OK;
}

ch_status ch_symbols_read(ch_profile *profile, const ch_yaml *list, ch_error *err)
{
    static const ch_entries forms = {
        "form", CH_YAML_LIST, 1, 0, {.read = read_form, .size = sizeof(ch_symbol_form)}
    };
    profile->symbols = ch_alloc(ch_yaml_count(list) * sizeof *profile->symbols);
    return ch_entries_read(list, &forms, profile->symbols, &profile->symbol_count, NULL, err);
}

static ch_status read_asset_name(const ch_value *value, ch_error *err)
{
    ch_asset_name *name = value->out;
    const char *usual = NULL;
    CH_TRY(ch_yaml_text(value->node, &usual, err));
    name->there = ch_strdup(value->name);
    name->usual = ch_strdup(usual);
    return CH_OK;
}

ch_status ch_asset_names_read(ch_profile *profile, const ch_yaml *map, ch_error *err)
{
    static const ch_entries names = {
        "asset name", CH_YAML_MAP, 1, 0, {.read = read_asset_name, .size = sizeof(ch_asset_name)}
    };
    profile->asset_names = ch_alloc(ch_yaml_count(map) * sizeof *profile->asset_names);
    return ch_entries_read(map, &names, profile->asset_names, &profile->asset_name_count, NULL, err);
}

void ch_symbols_free(ch_profile *profile)
{
    for (size_t i = 0; i < profile->asset_name_count; i++) {
        free(profile->asset_names[i].there);
        free(profile->asset_names[i].usual);
    }
    free(profile->asset_names);
    for (size_t i = 0; i < profile->symbol_count; i++) {
        ch_symbol_form *form = &profile->symbols[i];
        free(form->form);
        ch_texts_free(form->bases, form->base_count);
        ch_texts_free(form->quotes, form->quote_count);
        free(form->base);
        free(form->quote);
    }
    free(profile->symbols);
}
