/* One value is made, which is printed as JSON or shown to a person. */
#include "cli/token_info.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/profile_folder.h"
#include "exchange/profile.h"
#include "pkcs11/token_facts.h"

#include <stdio.h>
#include <string.h>

#define LINE_WIDTH 100

/* ---- the token ---- */

const char *ch_token_pin_state(const ch_token_info *token)
{
    if (!token->is_initialized)
        return "";
    if (!token->has_user_pin)
        return "not set";
    if (token->is_pin_locked)
        return "locked";
    if (token->is_pin_final_try)
        return "one try left";
    return token->is_pin_count_low ? "failed before" : "ok";
}

/* The security officer's has the same flags, at other bits. */
static const char *so_pin_state(CK_FLAGS flags)
{
    if ((flags & CKF_SO_PIN_LOCKED) != 0)
        return "locked";
    if ((flags & CKF_SO_PIN_FINAL_TRY) != 0)
        return "one try left";
    return (flags & CKF_SO_PIN_COUNT_LOW) != 0 ? "failed before" : "ok";
}

static json_t *padded(const CK_UTF8CHAR *text, size_t size)
{
    ch_autobuffer plain = CH_BUFFER_INIT;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\0'))
        size--;
    ch_buffer_add(&plain, text, size);
    return ch_jansson_text(ch_buffer_text(&plain));
}

static json_t *version(CK_VERSION number)
{
    return json_sprintf("%u.%02u", number.major, number.minor);
}

static json_t *flag_names(CK_FLAGS flags, const char *(*name_of)(unsigned bit))
{
    json_t *names = json_array();
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = name_of(bit);
        if ((flags & 1UL << bit) != 0)
            json_array_append_new(names, name != NULL ? json_string(name) : json_sprintf("0x%lx", 1UL << bit));
    }
    return names;
}

/* NULL if the token does not say. */
static json_t *count_or_null(CK_ULONG count)
{
    return count == CK_UNAVAILABLE_INFORMATION ? json_null() : json_integer((json_int_t)count);
}

static json_t *sessions_of(const CK_TOKEN_INFO *token)
{
    return json_pack("{s:o s:o s:o s:o}", "open", count_or_null(token->ulSessionCount), "max",
                     count_or_null(token->ulMaxSessionCount), "open_to_write", count_or_null(token->ulRwSessionCount),
                     "max_to_write", count_or_null(token->ulMaxRwSessionCount));
}

static json_t *token_of(const ch_token_facts *facts)
{
    const CK_TOKEN_INFO *token = &facts->token;
    return json_pack("{s:o s:o s:o s:o s:I s:o s:o s:o s:s s:s s:I s:I s:o s:o}", "label",
                     ch_jansson_text(facts->info.label), "manufacturer", ch_jansson_text(facts->info.manufacturer),
                     "model", ch_jansson_text(facts->info.model), "serial", ch_jansson_text(facts->info.serial), "slot",
                     (json_int_t)facts->info.slot_id, "slot_description",
                     padded(facts->slot.slotDescription, sizeof facts->slot.slotDescription), "hardware",
                     version(token->hardwareVersion), "firmware", version(token->firmwareVersion), "pin",
                     ch_token_pin_state(&facts->info), "so_pin", so_pin_state(token->flags), "pin_min",
                     (json_int_t)token->ulMinPinLen, "pin_max", (json_int_t)token->ulMaxPinLen, "sessions",
                     sessions_of(token), "flags", flag_names(token->flags, ch_token_flag_name));
}

static json_t *module_of(const char *name, const CK_INFO *module)
{
    return json_pack("{s:o s:o s:o s:o s:o}", "module", ch_jansson_text(name), "description",
                     padded(module->libraryDescription, sizeof module->libraryDescription), "manufacturer",
                     padded(module->manufacturerID, sizeof module->manufacturerID), "version",
                     version(module->libraryVersion), "cryptoki", version(module->cryptokiVersion));
}

/* ---- what it can do ---- */

typedef struct offers {
    ch_token_mechanism *rows;
    size_t count;
} offers;

static void offers_free(offers *all)
{
    ch_autofree_(&all->rows);
}
#define auto_offers __attribute__((cleanup(offers_free))) offers

/* NULL if the token does not offer it for this. */
static const CK_MECHANISM_INFO *find_offer(const offers *all, CK_MECHANISM_TYPE type, CK_FLAGS use)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->rows[i].type == type && (all->rows[i].info.flags & use) != 0)
            return &all->rows[i].info;
    }
    return NULL;
}

json_t *ch_mechanism_type_json(CK_MECHANISM_TYPE type)
{
    const char *name = ch_mechanism_type_name(type);
    return name != NULL ? json_string(name) : json_sprintf("0x%08lx", type);
}

static json_t *offer_row(const ch_token_mechanism *offer)
{
    return json_pack("{s:o s:I s:I s:o}", "name", ch_mechanism_type_json(offer->type), "key_min",
                     (json_int_t)offer->info.ulMinKeySize, "key_max", (json_int_t)offer->info.ulMaxKeySize, "flags",
                     flag_names(offer->info.flags, ch_mechanism_flag_name));
}

/* A row for what we sign with. */
static json_t *mechanism_row(const ch_mechanism *mechanism, const offers *all)
{
    const CK_MECHANISM_INFO *sign = find_offer(all, mechanism->sign, CKF_SIGN);
    const CK_MECHANISM_INFO *bare = mechanism->key_type == CKK_RSA ? find_offer(all, CKM_RSA_PKCS, CKF_SIGN) : NULL;
    const CK_MECHANISM_INFO *offer = sign != NULL ? sign : bare;
    const char *signs = sign != NULL ? "yes" : bare != NULL ? "hashed by the agent" : "no";
    bool generates = find_offer(all, mechanism->generate, CKF_GENERATE | CKF_GENERATE_KEY_PAIR) != NULL;
    json_t *row =
        json_pack("{s:s s:s s:b s:[]}", "name", mechanism->name, "signs", signs, "generates", generates, "schemes");
    if (offer != NULL)
        json_object_set_new(row, "flags", flag_names(offer->flags, ch_mechanism_flag_name));
    if (offer == NULL || offer->ulMaxKeySize == CK_UNAVAILABLE_INFORMATION)
        return row;
    json_object_set_new(row, "key_min", json_integer((json_int_t)offer->ulMinKeySize));
    json_object_set_new(row, "key_max", json_integer((json_int_t)offer->ulMaxKeySize));
    json_object_set_new(row, "key_sizes", json_sprintf("%lu to %lu", offer->ulMinKeySize, offer->ulMaxKeySize));
    return row;
}

static void add_schemes(void *mechanisms, const ch_profile *profile)
{
    const ch_scheme *scheme;
    size_t at;
    json_t *row;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        json_array_foreach((json_t *)mechanisms, at, row)
        {
            if (strcmp(ch_jansson_member(row, "name"), ch_scheme_mechanism(scheme)) == 0)
                json_array_append_new(
                    json_object_get(row, "schemes"),
                    json_pack("{s:s s:s}", "profile", ch_profile_name(profile), "scheme", ch_scheme_name(scheme)));
        }
    }
}

static json_t *mechanisms_of(const offers *all)
{
    const ch_mechanism *mechanism;
    json_t *rows = json_array();
    for (size_t i = 0; (mechanism = ch_mechanism_at(i)) != NULL; i++)
        json_array_append_new(rows, mechanism_row(mechanism, all));
    return rows;
}

static json_t *offered_of(const offers *all)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < all->count; i++)
        json_array_append_new(rows, offer_row(&all->rows[i]));
    return rows;
}

/* ---- for people ---- */

static void print_count(const json_t *sessions, const char *before, const char *member)
{
    const json_t *count = json_object_get(sessions, member);
    bool is_limit = strncmp(member, "max", 3) == 0;
    printf("%s", before);
    if (!json_is_integer(count))
        printf("unknown");
    else if (is_limit && json_integer_value(count) == CK_EFFECTIVELY_INFINITE)
        printf("unlimited");
    else
        printf("%" JSON_INTEGER_FORMAT, json_integer_value(count));
}

/* Words after a title, wrapped. */
static void print_words(const char *title, const json_t *words)
{
    size_t i;
    json_t *word;
    int at = printf("%s", title);
    json_array_foreach((json_t *)words, i, word)
    {
        int size = (int)json_string_length(word) + 1;
        if (at + size > LINE_WIDTH)
            at = printf("\n%12s", "") - 1;
        at += size;
        printf(" %s", json_string_value(word));
    }
    puts("");
}

static void print_token(const json_t *token, const json_t *module)
{
    const json_t *sessions = json_object_get(token, "sessions");
    ch_output_member(token, "Token        ", "label");
    ch_output_member(token, "\nModel        ", "model");
    ch_output_member(token, ", by ", "manufacturer");
    ch_output_member(token, "\nSerial       ", "serial");
    ch_output_member(token, "\nVersions     hardware ", "hardware");
    ch_output_member(token, ", firmware ", "firmware");
    ch_output_member(module, "\nModule       ", "module");
    ch_output_member(module, ": ", "description");
    ch_output_member(module, " ", "version");
    ch_output_member(module, ", by ", "manufacturer");
    ch_output_member(module, ", Cryptoki ", "cryptoki");
    printf("\nSlot         %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(token, "slot")));
    ch_output_member(token, ": ", "slot_description");
    ch_output_member(token, "\nUser PIN     ", "pin");
    print_count(token, ", of ", "pin_min");
    print_count(token, " to ", "pin_max");
    ch_output_member(token, " characters\nSO PIN       ", "so_pin");
    print_count(sessions, "\nSessions     ", "open");
    print_count(sessions, " open, at most ", "max");
    print_count(sessions, "; to write: ", "open_to_write");
    print_count(sessions, " open, at most ", "max_to_write");
    puts("");
    print_words("Flags       ", json_object_get(token, "flags"));
}

static void print_schemes(const json_t *row)
{
    size_t i;
    json_t *scheme;
    ch_autobuffer title = CH_BUFFER_INIT;
    ch_autojansson words = json_array();
    bool can_sign = strcmp(ch_jansson_member(row, "signs"), "no") != 0;
    json_array_foreach(json_object_get(row, "schemes"), i, scheme) json_array_append_new(
        words, json_sprintf("%s/%s", ch_jansson_member(scheme, "profile"), ch_jansson_member(scheme, "scheme")));
    if (i == 0)
        return;
    ch_buffer_add_format(&title, "%s %s:", ch_jansson_member(row, "name"), can_sign ? "serves" : "would serve");
    print_words(ch_buffer_text(&title), words);
}

static void print_all(const json_t *all)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title        member */
        { "MECHANISM",   "name" },
        { "SIGNS",       "signs" },
        { "GENERATES",   "generates" },
        { "KEY SIZES",   "key_sizes" },
        {0},
    };
    /* clang-format on */
    size_t i;
    json_t *row;
    const json_t *mechanisms = json_object_get(all, "mechanisms");
    print_token(json_object_get(all, "token"), json_object_get(all, "module"));
    puts("");
    ch_output_table(mechanisms, columns);
    printf("(Sizes are in bits or bytes, as the token has it. Which curves it has, 'chancery token probe' finds out.\n"
           "It offers %zu mechanisms in all; --json lists them.)\n\n",
           json_array_size(json_object_get(all, "offered")));
    json_array_foreach((json_t *)mechanisms, i, row) print_schemes(row);
}

/* ---- the command ---- */

ch_status ch_token_info_describe(const char *module, ch_token *token, json_t **out, ch_error *err)
{
    ch_token_facts facts;
    CH_TRY(ch_token_facts_read(token, &facts, err));
    *out = json_pack("{s:o s:o}", "token", token_of(&facts), "module", module_of(module, &facts.module));
    return CH_OK;
}

ch_status ch_token_info_run(const ch_arguments *arguments, ch_error *err)
{
    ch_module_name module = {0};
    ch_autofree char *uri = NULL;
    ch_autotoken token = NULL;
    auto_offers all = {NULL, 0};
    ch_autojansson answer = NULL;
    CH_TRY(ch_option_module(arguments, &module, err));
    CH_TRY(ch_option_token(arguments, &uri, err));
    CH_TRY(ch_token_open(&module, uri, &token, err));
    CH_TRY(ch_token_info_describe(module.name, token, &answer, err));
    CH_TRY(ch_token_mechanisms(token, &all.rows, &all.count, err));
    json_object_set_new(answer, "mechanisms", mechanisms_of(&all));
    json_object_set_new(answer, "offered", offered_of(&all));
    CH_TRY(
        ch_profile_folder_each(ch_option_profiles(arguments), add_schemes, json_object_get(answer, "mechanisms"), err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(answer, err);
    print_all(answer);
    return CH_OK;
}
