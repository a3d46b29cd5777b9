/* Reads a map by a table of its fields. Configuration, policies and profiles are all loaded this way:
 *
 *     static const ch_field token_fields[] = {
 *         // name     required  reader          where                                 bounds
 *         { "module",  true,    ch_field_text,  CH_MEMBER(ch_token_config, module)  },
 *         { "uri",     true,    read_uri,       CH_WHOLE                            },
 *         { "workers", false,   ch_field_uint,  CH_MEMBER(ch_token_config, workers),  .min = 1, .max = 16 },
 *     };
 *     CH_TRY(ch_fields_read(map, CH_FIELDS(token_fields), token, NULL, err));
 *
 * Fields are read in the order of the table, whatever the order in the file, so a reader may rely on the rows above its
 * own. A required field that is missing, a field that the table does not have, and a value that a reader does not take
 * are CH_CONFIG with FILE:LINE and the reason. A field that is not required and not there leaves the member as it is:
 * set defaults before reading.
 *
 * What the readers allocate belongs to the struct, also after a failure; its owner frees it. Tables are constant.
 * Thread-safe as long as each document is read by one thread. */
#ifndef CH_CONF_FIELDS_H
#define CH_CONF_FIELDS_H

#include "conf/yaml.h"

typedef struct ch_field ch_field;

/* What a reader gets: a value, and where it goes. */
typedef struct ch_value {
    const ch_yaml *node;
    const char *name;      /* of the field; of an entry of a map its key; NULL for an item of a list */
    const ch_field *field; /* the row */
    void *out;             /* the row's member, or the whole struct */
    void *context;         /* of ch_fields_read or ch_entries_read */
} ch_value;

typedef ch_status (*ch_field_reader)(const ch_value *value, ch_error *err);

/* Says whether a text is what it must be; the message of the failure gets file and line. */
typedef ch_status (*ch_text_check)(const char *text, ch_error *err);

typedef struct ch_word {
    const char *text;
    uint64_t value;
} ch_word;

/* The words that a field takes. `what` one of them is stands in messages: "unknown nonce unit 'h'; use s, ms or us". */
typedef struct ch_words {
    const char *what;
    const ch_word *words;
    size_t count;
} ch_words;

struct ch_field {
    const char *name;
    bool is_required;
    ch_field_reader read; /* NULL: this field is known here, and read elsewhere */
    size_t offset;        /* CH_MEMBER or CH_WHOLE sets these two */
    size_t size;
    uint64_t min;                     /* ch_field_uint */
    uint64_t max;                     /* ch_field_uint; 0: as much as the member holds */
    const ch_words *words;            /* ch_field_choice, ch_field_set */
    ch_text_check check;              /* ch_field_text; NULL: any text */
    bool (*only_if)(const void *out); /* unless it says so of the struct, the field does not exist */
};

/* Where a row's value goes: into a member, or wherever in the struct its reader puts it. */
#define CH_MEMBER(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define CH_WHOLE .offset = 0, .size = 0
#define CH_FIELDS(table) (table), sizeof(table) / sizeof *(table)
#define CH_WORDS(what, table)                                                                                          \
    {                                                                                                                  \
        (what), (table), sizeof(table) / sizeof *(table)                                                               \
    }

/* Reads `map` by the `count` rows of `fields` into the struct `out`; readers find `context` in their ch_value. */
CH_CHECKED ch_status ch_fields_read(const ch_yaml *map, const ch_field *fields, size_t count, void *out, void *context,
                                    ch_error *err);

/* ---- stock readers ---- */

/* Text that passes `check` into a `char *`, freeing what is there. */
CH_CHECKED ch_status ch_field_text(const ch_value *value, ch_error *err);
/* The same for a path, which is taken from the folder of the file it stands in unless it is absolute. Never empty. */
CH_CHECKED ch_status ch_field_path(const ch_value *value, ch_error *err);
/* `true` or `false` into a bool. */
CH_CHECKED ch_status ch_field_bool(const ch_value *value, ch_error *err);
/* A whole number from `min` to `max` into an unsigned integer of any width. */
CH_CHECKED ch_status ch_field_uint(const ch_value *value, ch_error *err);
/* One of `words`: its value into an unsigned integer, an enum or a bool. */
CH_CHECKED ch_status ch_field_choice(const ch_value *value, ch_error *err);
/* A list of `words`: their values, which must be bits, are added to an unsigned integer. */
CH_CHECKED ch_status ch_field_set(const ch_value *value, ch_error *err);

/* For readers of one's own: the value of the word that `node` is. CH_CONFIG lists the words. */
CH_CHECKED ch_status ch_words_read(const ch_words *words, const ch_yaml *node, uint64_t *out, ch_error *err);
/* The word with that value, NULL if there is none. */
const char *ch_words_text(const ch_words *words, uint64_t value);

/* ---- lists and maps of things ---- */

/* What a list or a map holds. Each entry is read as a field is. */
typedef struct ch_entries {
    const char *what;  /* one of them is, for messages: "token" */
    ch_yaml_kind kind; /* CH_YAML_LIST or CH_YAML_MAP */
    size_t min;
    size_t max;     /* 0: as many as there are */
    ch_field entry; /* its reader, and the `size` of one in memory */
} ch_entries;

/* Reads each entry of `node` into an array that has room for all of them, in the file's order: the caller allocates
 * ch_yaml_count(node) zeroed entries, or has room for `max`. `*count` becomes the number of entries whose reading
 * began, so after a failure the one that failed is freed with the others. */
CH_CHECKED ch_status ch_entries_read(const ch_yaml *node, const ch_entries *entries, void *array, size_t *count,
                                     void *context, ch_error *err);

#endif
