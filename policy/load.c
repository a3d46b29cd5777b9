/* Sections are read in the order of the table, each from all files before the next, so that what an entry names has
 * been read whatever file it stands in. */
#include "policy/load_impl.h"

#include "base/memory.h"
#include "base/trust.h"
#include "exchange/class.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define VERSION 1
#define FILES_MAX 256
#define DAY_NS (86400ULL * 1000000000)
#define KEEP_DAYS 30

/* ---- files ---- */

static ch_status load_file(ch_policy_loader *load, const char *path, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    CH_TRY(ch_yaml_read(path, load->source->is_elsewhere, &text, err));
    load->documents = ch_realloc_array(load->documents, load->document_count + 1, sizeof(ch_yaml_document *));
    CH_TRY(ch_yaml_parse(path, text.data, text.size, &load->documents[load->document_count], err));
    load->document_count++;
    ch_load_count_bytes(load, ch_buffer_slice(&text));
    return CH_OK;
}

static bool has_ending(const char *name, const char *ending)
{
    size_t size = strlen(name);
    return size > strlen(ending) && strcmp(name + size - strlen(ending), ending) == 0;
}

/* Also what looks like a file of the policy, so that it is not passed over in silence. */
static int is_wanted(const struct dirent *entry)
{
    const char *ending = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && ending != NULL &&
           (strcasecmp(ending, ".yaml") == 0 || strcasecmp(ending, ".yml") == 0);
}

/* By bytes, whatever the locale: the order is part of the policy's hash. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static ch_status load_entry_of_folder(ch_policy_loader *load, const char *name, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s", load->source->path, name);
    /* A deny that is passed over would be a hole. */
    if (!has_ending(name, ".yaml"))
        return ch_fail(err, CH_CONFIG, "%s: files of a policy end in .yaml; rename or remove it",
                       ch_buffer_text(&path));
    return load_file(load, ch_buffer_text(&path), err);
}

static ch_status load_names(ch_policy_loader *load, struct dirent **entries, int count, ch_error *err)
{
    if (count == 0)
        return ch_fail(err, CH_CONFIG, "%s: no file in this folder ends in .yaml", load->source->path);
    if (count > FILES_MAX)
        return ch_fail(err, CH_CONFIG, "%s: there are %d files; at most %d are possible", load->source->path, count,
                       FILES_MAX);
    for (int i = 0; i < count; i++)
        CH_TRY(load_entry_of_folder(load, entries[i]->d_name, err));
    return CH_OK;
}

static ch_status load_folder(ch_policy_loader *load, ch_error *err)
{
    ch_autotrusted folder = CH_TRUSTED_CLOSED;
    struct dirent **entries = NULL;
    if (!load->source->is_elsewhere)
        CH_TRY(ch_trust_folder(load->source->path, CH_FOLDER_OWN, &folder, err));
    int count = scandir(load->source->path, &entries, is_wanted, compare_names);
    if (count < 0)
        return ch_fail_errno(err, "reading the folder %s", load->source->path);
    ch_status st = load_names(load, entries, count, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return st;
}

static ch_status load_files(ch_policy_loader *load, ch_error *err)
{
    struct stat status;
    bool is_folder = stat(load->source->path, &status) == 0 && S_ISDIR(status.st_mode);
    return is_folder ? load_folder(load, err) : load_file(load, load->source->path, err);
}

/* ---- the hash ---- */

void ch_load_count_bytes(ch_policy_loader *load, ch_slice bytes)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        ch_buffer_add_byte(&load->bytes, (uint8_t)((uint64_t)bytes.size >> shift));
    ch_buffer_add_slice(&load->bytes, bytes);
}

static ch_status hash(ch_policy_loader *load, ch_error *err)
{
    unsigned size = 0;
    if (EVP_Digest(load->bytes.data, load->bytes.size, load->policy->hash, &size, EVP_sha256(), NULL) != 1)
        return ch_fail(err, CH_INTERNAL, "libcrypto cannot compute SHA-256");
    return CH_OK;
}

/* ---- small sections ---- */

static ch_status read_version(const ch_value *value, ch_error *err)
{
    uint64_t version = 0;
    CH_TRY(ch_yaml_uint(value->node, &version, UINT64_MAX, err));
    if (version != VERSION)
        return ch_yaml_fail(value->node, err, "this program reads version %d of the policy file, not %llu", VERSION,
                            (unsigned long long)version);
    return CH_OK;
}

#define CLASS(name) (1U << CH_CLASS_##name)
#define CLASSES_REDUCING (CLASS(READ) | CLASS(CANCEL) | CLASS(TRADE))
#define CLASSES_HALTED (CLASS(READ) | CLASS(CANCEL))

/* The most that each state lets pass; also what it lets pass if the policy says nothing. */
static const unsigned state_classes[] = {
    [CH_TRADING_ACTIVE] = (1U << CH_CLASS_COUNT) - 1,
    [CH_TRADING_REDUCING] = CLASSES_REDUCING,
    [CH_TRADING_HALTED] = CLASSES_HALTED,
};

static ch_status read_state_classes(const ch_value *value, ch_error *err)
{
    unsigned *classes = value->out;
    unsigned most = (unsigned)value->field->max;
    *classes = 0;
    CH_TRY(ch_yaml_expect_list(value->node, err));
    for (size_t i = 0; i < ch_yaml_count(value->node); i++) {
        ch_class class_ = CH_CLASS_COUNT;
        CH_TRY(ch_class_read(ch_yaml_item(value->node, i), &class_, err));
        if ((most & 1U << class_) == 0)
            return ch_yaml_fail(ch_yaml_item(value->node, i), err,
                                "this state never lets class %s pass, and a policy can only narrow it; delete it here",
                                ch_class_name(class_));
        *classes |= 1U << class_;
    }
    return CH_OK;
}

/* clang-format off */
static const ch_field reducing_fields[] = {
    /* name          required  reader              where                                   the most */
    { "classes",     false,    read_state_classes, CH_MEMBER(ch_state_rule, classes),      .max = CLASSES_REDUCING },
};

static const ch_field halted_fields[] = {
    /* name          required  reader              where                                   the most */
    { "classes",     false,    read_state_classes, CH_MEMBER(ch_state_rule, classes),      .max = CLASSES_HALTED },
    { "keep_stops",  false,    ch_field_bool,      CH_MEMBER(ch_state_rule, keeps_stops) },
};
/* clang-format on */

static ch_status read_reducing(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(reducing_fields), value->out, NULL, err);
}

static ch_status read_halted(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(halted_fields), value->out, NULL, err);
}

/* clang-format off */
static const ch_field states_fields[] = {
    /* name              required  reader               where */
    { "reducing",        false,    read_reducing,       CH_MEMBER(ch_policy, states[CH_TRADING_REDUCING]) },
    { "halted",          false,    read_halted,         CH_MEMBER(ch_policy, states[CH_TRADING_HALTED]) },
};

static const ch_field decisions_fields[] = {
    /* name              required  reader               where */
    { "keep",            false,    ch_field_duration,   CH_MEMBER(ch_policy, keep_decisions_ns) },
    { "power_cut_safe",  false,    ch_field_bool,       CH_MEMBER(ch_policy, is_power_cut_safe) },
};
/* clang-format on */

static ch_status read_states(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(states_fields), value->out, NULL, err);
}

static ch_status read_decisions(const ch_value *value, ch_error *err)
{
    return ch_fields_read(value->node, CH_FIELDS(decisions_fields), value->out, NULL, err);
}

/* ---- sections ---- */

typedef ch_status (*ch_finisher)(ch_policy_loader *load, ch_error *err);

typedef struct section {
    bool is_once; /* in one file only: it is not a list of named things */
    ch_finisher finish;
} section;

/* clang-format off */
static const ch_field fields[] = {
    /* name            required  reader                where */
    { "version",       true,     read_version,         CH_WHOLE },
    { "callers",       false,    ch_load_callers,      CH_WHOLE },
    { "people",        true,     ch_load_people,       CH_WHOLE },
    { "tokens",        false,    ch_load_tokens,       CH_WHOLE },
    { "prices",        false,    ch_load_prices,       CH_WHOLE },
    { "accounts",      false,    ch_load_accounts,     CH_WHOLE },
    { "conversions",   false,    ch_load_conversions,  CH_WHOLE },
    { "addresses",     false,    ch_load_addresses,    CH_WHOLE },
    { "keys",          true,     ch_load_keys,         CH_WHOLE },
    { "listings",      false,    ch_load_listings,     CH_WHOLE },
    { "states",        false,    read_states,          CH_WHOLE },
    { "decisions",     false,    read_decisions,       CH_WHOLE },
    { "allow",         false,    ch_load_entries,      CH_WHOLE, .min = CH_VERB_ALLOW   },
    { "deny",          false,    ch_load_entries,      CH_WHOLE, .min = CH_VERB_DENY    },
    { "limit",         false,    ch_load_entries,      CH_WHOLE, .min = CH_VERB_LIMIT   },
    { "require",       false,    ch_load_entries,      CH_WHOLE, .min = CH_VERB_REQUIRE },
};

#define SECTION_COUNT (sizeof fields / sizeof *fields)

/* Of the same rows. */
static const section sections[SECTION_COUNT] = {
    /* is once  finish */
    { false,    NULL },               /* version: in each file */
    { false,    ch_finish_callers },  /* callers */
    { false,    ch_finish_people },   /* people */
    { false,    NULL },               /* tokens */
    { true,     ch_finish_prices },   /* prices */
    { false,    NULL },               /* accounts */
    { false,    NULL },               /* conversions */
    { false,    NULL },               /* addresses */
    { false,    ch_finish_keys },     /* keys */
    { false,    ch_finish_listings }, /* listings */
    { true,     NULL },               /* states */
    { true,     NULL },               /* decisions */
    { false,    NULL },               /* allow */
    { false,    NULL },               /* deny */
    { false,    NULL },               /* limit */
    { false,    ch_finish_entries },  /* require: the last of them */
};
/* clang-format on */

/* Finds a field that no section has, with the message of conf/fields.h. */
static ch_status check_known(const ch_policy_loader *load, ch_error *err)
{
    ch_field known[SECTION_COUNT];
    for (size_t i = 0; i < SECTION_COUNT; i++)
        known[i] = (ch_field){.name = fields[i].name, .is_required = fields[i].read == read_version};
    for (size_t i = 0; i < load->document_count; i++)
        CH_TRY(ch_fields_read(ch_yaml_root(load->documents[i]), known, SECTION_COUNT, load->policy, NULL, err));
    return CH_OK;
}

static ch_status read_section(ch_policy_loader *load, const ch_field *field, bool is_once, ch_error *err)
{
    const ch_yaml *first = NULL;
    for (size_t i = 0; i < load->document_count; i++) {
        const ch_yaml *node = ch_yaml_get(ch_yaml_root(load->documents[i]), field->name);
        if (node == NULL)
            continue;
        if (is_once && first != NULL)
            return ch_yaml_fail(node, err, "'%s' is there already, at %s:%u; only one file can have it", field->name,
                                ch_yaml_path(first), ch_yaml_line(first));
        first = first == NULL ? node : first;
        const ch_value value = {node, field->name, field, load->policy, load};
        CH_TRY(field->read(&value, err));
    }
    if (first == NULL && field->is_required)
        return ch_yaml_fail(ch_yaml_root(load->documents[0]), err, "'%s' is missing here%s", field->name,
                            load->document_count > 1 ? ", and in the policy's other files" : "");
    return CH_OK;
}

static ch_status read_all(ch_policy_loader *load, ch_error *err)
{
    CH_TRY(load_files(load, err));
    CH_TRY(check_known(load, err));
    CH_TRY(ch_start_entries(load, err));
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        CH_TRY(read_section(load, &fields[i], sections[i].is_once, err));
        if (sections[i].finish != NULL)
            CH_TRY(sections[i].finish(load, err));
    }
    return hash(load, err);
}

ch_status ch_load_append(const ch_value *value, const ch_entries *entries, void *array_pointer, size_t *count,
                         ch_error *err)
{
    size_t more = 0;
    size_t room = *count + ch_yaml_count(value->node);
    char **array = array_pointer;
    if (entries->max != 0 && room > entries->max)
        return ch_yaml_fail(value->node, err, "there are %zu %ss; at most %zu are possible", room, entries->what,
                            entries->max);
    *array = ch_realloc_array(*array, room + 1, entries->entry.size);
    char *added = *array + *count * entries->entry.size;
    memset(added, 0, (room + 1 - *count) * entries->entry.size);
    ch_status st = ch_entries_read(value->node, entries, added, &more, value->context, err);
    *count += more;
    return st;
}

static void free_loader(ch_policy_loader *load)
{
    ch_names *const names[] = {&load->callers,     &load->people,    &load->tokens, &load->accounts,
                               &load->conversions, &load->addresses, &load->keys,   &load->entries};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ch_names_free(names[i]);
    ch_listings_free(load);
    for (size_t i = 0; i < load->document_count; i++)
        ch_yaml_free(load->documents[i]);
    free(load->documents);
    free(load->profile_of_key);
    free(load->takes);
    free(load->at);
    ch_buffer_free(&load->bytes);
}

ch_status ch_policy_load(const ch_policy_source *source, ch_policy *out, ch_error *err)
{
    ch_policy_loader load = {.source = source, .policy = out};
    *out = (ch_policy){.keep_decisions_ns = KEEP_DAYS * DAY_NS, .totp_token = source->totp_token};
    for (size_t i = 0; i < sizeof state_classes / sizeof *state_classes; i++)
        out->states[i].classes = state_classes[i];
    ch_status st = read_all(&load, err);
    if (st == CH_OK)
        ch_policy_index(out);
    free_loader(&load);
    return st;
}
