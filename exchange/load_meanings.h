/* Reads what a profile says that its parameters mean. For the loaders only. */
#ifndef CH_EXCHANGE_LOAD_MEANINGS_H
#define CH_EXCHANGE_LOAD_MEANINGS_H

#include "conf/fields.h"
#include "exchange/loader.h"
#include "exchange/meaning.h"

/* The fields of a definition of a parameter that these functions read, for the table of those fields. */
#define CH_MEANING_FIELD_NAMES                                                                                         \
    "role", "unit", "scale", "sign", "says", "hides", "means", "when", "leg", "detail", "unique", "neutral"

/* Reads those fields of `map`, the definition of `def`, whose other fields are read. */
CH_CHECKED ch_status ch_meaning_read(ch_loader *load, const ch_yaml *map, ch_param_def *def, ch_error *err);
/* NULL is fine. */
void ch_meaning_free(ch_meaning *meaning);

/* Reads a map of facts and words, for `out`, which may hold some already. */
CH_CHECKED ch_status ch_sayings_read(const ch_value *value, ch_sayings *out, ch_error *err);
/* The same for one entry of the map. */
CH_CHECKED ch_status ch_saying_read(const ch_yaml *map, size_t at, ch_sayings *out, ch_error *err);
void ch_sayings_free(ch_sayings *sayings);
/* The facts that they are about. */
ch_facts ch_sayings_facts(const ch_sayings *sayings);
/* Reads the name of a fact. */
CH_CHECKED ch_status ch_fact_read(const ch_yaml *node, ch_fact_name *out, ch_error *err);
/* Reads a list of names of facts and adds them to `*out`. */
CH_CHECKED ch_status ch_facts_read(const ch_yaml *list, ch_facts *out, ch_error *err);
/* Finds the leg of that name, or makes it. */
CH_CHECKED ch_status ch_leg_read(ch_profile *profile, const ch_yaml *node, uint8_t *out, ch_error *err);
/* Reads a list of texts, each a copy. */
CH_CHECKED ch_status ch_texts_read(const ch_yaml *list, char ***out, size_t *count, ch_error *err);
void ch_texts_free(char **texts, size_t count);

/* All facts that the parameter may state or hide, whatever its value. */
ch_facts ch_meaning_facts(const ch_meaning *meaning);

#endif
