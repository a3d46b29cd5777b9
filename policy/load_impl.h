/* What the files of the loader share: load.c reads the files and their sections, load_names.c keeps names apart,
 * load_values.c reads amounts and ratios, load_people.c who there is, load_relays.c for whom relays speak,
 * load_unlock.c what unlocks take and how long they last, load_seeds.c people's seeds, load_terms.c accounts, prices,
 * conversions and addresses, load_listings.c the listings, load_keys.c the keys, load_versions.c their versions,
 * load_flatten.c what flattens them, load_entries.c what stands in allow, deny, limit and require, load_selectors.c to
 * what they apply, load_symbols.c their symbols, load_limits.c limits and requirements, load_checks.c what selectors
 * say together, load_named.c limits and the allows that name them. */
#ifndef CH_POLICY_LOAD_IMPL_H
#define CH_POLICY_LOAD_IMPL_H

#include "base/buffer.h"
#include "conf/fields.h"
#include "conf/yaml.h"
#include "policy/load.h"

/* ---- names (load_names.c) ---- */

/* Names with the nodes that they stand at and a number each, found by hash. */
typedef struct ch_name_row {
    char *name;
    const ch_yaml *node;
    size_t index;
} ch_name_row;

typedef struct ch_names {
    ch_name_row *rows;
    size_t count;
    size_t *slots; /* a row plus one, or 0 */
    size_t mask;
} ch_names;

void ch_names_free(ch_names *names);
const ch_name_row *ch_names_find(const ch_names *names, const char *name);
/* CH_CONFIG, naming both places, if the name is there already. */
CH_CHECKED ch_status ch_names_add(ch_names *names, const char *name, const ch_yaml *node, size_t index, ch_error *err);
/* The same for a name that people gave: CH_CONFIG also if it is not one, or stands for all (`any`). `what` it is the
 * name of stands in messages: "caller". */
CH_CHECKED ch_status ch_names_add_given(ch_names *names, const char *what, const char *name, const ch_yaml *node,
                                        size_t index, ch_error *err);

/* ---- the loader ---- */

/* What a profile's patterns expand to. */
typedef struct ch_listing {
    const ch_yaml *node;
    char *profile;
    ch_text_list symbols; /* upper case, sorted */
} ch_listing;

/* The context of all readers. */
typedef struct ch_policy_loader {
    const ch_policy_source *source;
    ch_policy *policy;
    ch_yaml_document **documents;
    size_t document_count;
    ch_buffer bytes;          /* of all files, each with its length before it: what is hashed */
    const ch_yaml *people_at; /* `people`, for messages; and `prices` */
    const ch_yaml *prices_at; /* NULL: there is none */
    bool *takes;              /* by profile: whether the entry that is being read may be for one of its keys */
    ch_names callers;
    ch_names people;
    ch_names tokens;
    ch_names accounts;
    size_t account_room; /* of the policy's accounts, once keys add to them */
    ch_names conversions;
    ch_names addresses;
    ch_names keys; /* their numbers are not those of the policy, which are sorted */
    ch_names entries;
    ch_listing *listings; /* by profile: of its position, once the keys are there */
    size_t listing_count;
    size_t *profile_of_key;     /* by key: a position among the policy's profiles */
    const ch_yaml **at;         /* by entry: where it stands */
    ch_verb verb;               /* whose entries are being read */
    size_t read[CH_VERB_COUNT]; /* entries so far, of each */
} ch_policy_loader;

/* Appends what a list or map holds to an array: makes it larger, and reads into it as ch_entries_read does. */
CH_CHECKED ch_status ch_load_append(const ch_value *value, const ch_entries *entries, void *array_pointer,
                                    size_t *count, ch_error *err);

/* Adds what a file holds to what is hashed. */
void ch_load_count_bytes(ch_policy_loader *load, ch_slice bytes);

/* ---- values (load_values.c) ---- */

/* "5000 USDT" into a decimal and an asset in upper case, which the caller frees. Never zero. */
CH_CHECKED ch_status ch_load_amount(const ch_yaml *node, ch_decimal *out, char **asset, ch_error *err);
/* A plain decimal above zero. */
CH_CHECKED ch_status ch_load_decimal(const ch_yaml *node, ch_decimal *out, ch_error *err);
/* The text of an asset, in upper case, into a `char *`. */
CH_CHECKED ch_status ch_field_asset(const ch_value *value, ch_error *err);
/* "0.5 %" as a ratio into a ch_decimal: `min` 1 says that it is not zero, `max` how many per cent it is at most (0:
 * 99). */
CH_CHECKED ch_status ch_field_ratio(const ch_value *value, ch_error *err);
/* A day, which means its beginning, or a time, in UTC; as ns. */
CH_CHECKED ch_status ch_load_moment(const ch_yaml *node, uint64_t *ns, ch_error *err);
/* The same into a uint64_t. */
CH_CHECKED ch_status ch_field_moment(const ch_value *value, ch_error *err);
/* A duration as ns into a uint64_t. */
CH_CHECKED ch_status ch_field_duration(const ch_value *value, ch_error *err);
/* The item of a list by its position; of a single value, that value. */
const ch_yaml *ch_load_item(const ch_yaml *node, size_t index);
/* How many ch_load_item has; CH_CONFIG for a map and an empty list. */
CH_CHECKED ch_status ch_load_count(const ch_yaml *node, size_t *out, ch_error *err);
/* Words that are written in any case, and with '_' as with '-': their bits are added. A list, or one alone. */
CH_CHECKED ch_status ch_field_words(const ch_value *value, ch_error *err);
void ch_text_list_add(ch_text_list *list, char *text_take);
/* Sorts it and drops what is there twice. */
void ch_text_list_sort(ch_text_list *list);
bool ch_text_list_has(const ch_text_list *sorted, const char *text);
/* In upper case, ASCII. The caller frees it. */
char *ch_upper(const char *text);

/* ---- sections ---- */

CH_CHECKED ch_status ch_load_callers(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_load_people(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_load_tokens(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_load_accounts(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_load_prices(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_load_conversions(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_load_addresses(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_load_listings(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_load_keys(const ch_value *value, ch_error *err);
/* A person's seed: into a ch_seed. */
CH_CHECKED ch_status ch_load_seed(const ch_value *value, ch_error *err);
/* The index of a token of agent.yaml into a size_t. */
CH_CHECKED ch_status ch_load_token_name(const ch_policy_loader *load, const ch_yaml *node, const char *name,
                                        size_t *out, ch_error *err);
/* Of the verb that is the field's `min`. */
CH_CHECKED ch_status ch_load_entries(const ch_value *value, ch_error *err);

/* `unlock` of a key into its ch_unlock_ends, and whether its token's lets it be (load_unlock.c). */
CH_CHECKED ch_status ch_load_key_unlock(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_check_key_unlock(const ch_policy_loader *load, const ch_yaml *map, const ch_key *key,
                                         ch_error *err);

/* ---- keys (load_keys.c), and their versions (load_versions.c) ---- */

CH_CHECKED ch_status ch_key_token(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_key_check_id(const char *text, ch_error *err);
CH_CHECKED ch_status ch_key_check_sent(const char *text, ch_error *err);
/* `map` is the key, or its version. */
CH_CHECKED ch_status ch_key_check_passphrase(const ch_yaml *map, const ch_key *key, ch_error *err);
CH_CHECKED ch_status ch_key_check_object(const ch_yaml *node, const ch_key *key, ch_error *err);
/* The field of that name; the rest of the key has been read. */
CH_CHECKED ch_status ch_key_versions(const ch_value *value, ch_error *err);
/* What a key must have, with versions and without. */
CH_CHECKED ch_status ch_key_check_versions(const ch_yaml *map, ch_error *err);
/* Gives the versions what their keys have in common, when the keys are in their places. */
CH_CHECKED ch_status ch_finish_versions(ch_policy_loader *load, ch_error *err);
/* Reads `flatten` of a key. */
CH_CHECKED ch_status ch_load_flatten(const ch_value *value, ch_error *err);
/* Checks those requests, when the keys are in their places. */
CH_CHECKED ch_status ch_finish_flatten(const ch_policy_loader *load, ch_error *err);
#define CH_KEYS_MAX 65535 /* ch_policy's slots are 16 bits; versions count */

/* Makes room for all entries of all files. */
CH_CHECKED ch_status ch_start_entries(ch_policy_loader *load, ch_error *err);

/* What is done with the whole of a section, when all its files have been read. */
CH_CHECKED ch_status ch_finish_callers(ch_policy_loader *load, ch_error *err);
/* For whom relays speak (load_relays.c); and, when keys and entries are there, what is of use with a relay alone. */
CH_CHECKED ch_status ch_finish_relays(ch_policy_loader *load, ch_error *err);
CH_CHECKED ch_status ch_check_relay_uses(ch_policy_loader *load, ch_error *err);
CH_CHECKED ch_status ch_finish_people(ch_policy_loader *load, ch_error *err);
CH_CHECKED ch_status ch_finish_prices(ch_policy_loader *load, ch_error *err);
CH_CHECKED ch_status ch_finish_keys(ch_policy_loader *load, ch_error *err);
CH_CHECKED ch_status ch_finish_seeds(ch_policy_loader *load, ch_error *err);
CH_CHECKED ch_status ch_finish_listings(ch_policy_loader *load, ch_error *err);
CH_CHECKED ch_status ch_finish_entries(ch_policy_loader *load, ch_error *err);

void ch_listings_free(ch_policy_loader *load);
/* The listing of the profile at that position; NULL: it has none. */
const ch_listing *ch_listing_of(const ch_policy_loader *load, size_t profile);

/* ---- entries ---- */

/* Readers of fields of a ch_entry_rule, which is their `out`. */
CH_CHECKED ch_status ch_select_callers(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_keys(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_accounts(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_classes(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_endpoints(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_markets(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_symbols(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_settings(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_addresses(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_assets(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_hours(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_select_expiry(const ch_value *value, ch_error *err);

/* Finds the profiles of the keys that a selector takes. */
void ch_find_profiles(ch_policy_loader *load, const ch_selector *selector);
/* Sets what a selector is before anything is read: for all callers and keys. */
void ch_select_all(ch_policy_loader *load, ch_selector *selector);

/* ---- symbols (load_symbols.c) ---- */

/* True if what the keys of an entry call `symbol` has one of these assets as its base or quote, by `is_fine`; also if
 * no profile says. Else `*asset`, which the caller frees, is the one that it has. */
bool ch_symbol_asset_is(const ch_policy_loader *load, const ch_entry_rule *entry, const char *symbol, bool is_base,
                        bool (*is_fine)(const ch_policy *policy, const char *asset, const char *wanted),
                        const char *wanted, char **asset);

extern const ch_words ch_market_words; /* with the bits of CH_MARKET_* */
#define CH_MARKETS_ALL 31U

/* Readers of the fields of limits and requirements; `out` is the ch_entry_rule. */
CH_CHECKED ch_status ch_limit_control(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_limit_period(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_limit_zone(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_limit_closing(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_require_people(const ch_value *value, ch_error *err);
CH_CHECKED ch_status ch_require_above(const ch_value *value, ch_error *err);
extern const ch_words ch_by_words;

/* What those fields must be together (load_limits.c). */
CH_CHECKED ch_status ch_check_limit(const ch_yaml *map, ch_limit *limit, ch_error *err);
CH_CHECKED ch_status ch_check_requirement(const ch_yaml *map, const ch_requirement *requirement, ch_error *err);
const char *ch_control_field(ch_control control); /* "order_value" */
bool ch_control_is_of_orders(ch_control control);

/* What the selectors must be together (load_checks.c). */
CH_CHECKED ch_status ch_check_entry(ch_policy_loader *load, const ch_yaml *node, const ch_entry_rule *entry,
                                    ch_error *err);
/* Whether limits can apply (load_named.c): one by itself; one that an allow names, at `node`; all that it names; one
 * that none names. */
CH_CHECKED ch_status ch_check_limit_alone(const ch_policy_loader *load, const ch_yaml *node, const ch_entry_rule *entry,
                                          ch_error *err);
CH_CHECKED ch_status ch_check_named(ch_policy_loader *load, const ch_entry_rule *allow, const ch_entry_rule *limit,
                                    const ch_yaml *node, ch_error *err);
CH_CHECKED ch_status ch_check_covered(ch_policy_loader *load, const ch_entry_rule *allow, const ch_yaml *node,
                                      ch_error *err);
CH_CHECKED ch_status ch_check_unnamed(const ch_policy_loader *load, const ch_entry_rule *limit, ch_error *err);

#endif
