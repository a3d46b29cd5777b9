/* A configuration file as a tree: the small, strict part of YAML 1.1 that people write by hand.
 *
 * Maps, lists and scalars, each with its line. Anything with a second meaning is refused with FILE:LINE and the reason:
 * duplicate keys, anchors and aliases, tags, a second document, keys that are not plain text, text that is not UTF-8 or
 * holds control characters, nesting deeper than 16, files over 4 MiB. A scalar has no type of its own; the accessor
 * that reads it says what it must be. Each map remembers which of its keys were asked for, so that one call at the end
 * (ch_yaml_check_known) finds a mistyped field.
 *
 * yaml_file.c reads files, yaml.c makes the tree. Strings handed out live as long as the document. Not thread-safe. Not
 * for bytes that come from clients. */
#ifndef CH_CONF_YAML_H
#define CH_CONF_YAML_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CH_YAML_DEPTH_MAX 16
#define CH_YAML_SIZE_MAX (4U * 1024 * 1024)

typedef enum ch_yaml_kind {
    CH_YAML_SCALAR,
    CH_YAML_LIST,
    CH_YAML_MAP,
} ch_yaml_kind;

typedef struct ch_yaml ch_yaml; /* a node of the tree */
typedef struct ch_yaml_document ch_yaml_document;

/* Reads the file at `path`, which nobody else may be able to change (base/trust.h). CH_CONFIG with FILE:LINE and the
 * reason, or if it cannot be opened or trusted; CH_IO if reading fails. `*out` is NULL after a failure. Free with
 * ch_yaml_free, which takes NULL. */
CH_CHECKED ch_status ch_yaml_load(const char *path, ch_yaml_document **out, ch_error *err);
/* The same, whoever can change the file: to look at what it says, not to rely on it. */
CH_CHECKED ch_status ch_yaml_load_any(const char *path, ch_yaml_document **out, ch_error *err);
/* The bytes of a file that is read so, at most CH_YAML_SIZE_MAX and one more; unless `is_any`, nobody else may be able
 * to change it. For whoever needs them besides the tree: to count as the same policy, files must be the same bytes. */
CH_CHECKED ch_status ch_yaml_read(const char *path, bool is_any, ch_buffer *out, ch_error *err);
/* The same from memory; `path` is only for messages. */
CH_CHECKED ch_status ch_yaml_parse(const char *path, const void *text, size_t size_bytes, ch_yaml_document **out,
                                   ch_error *err);
void ch_yaml_free(ch_yaml_document *document);
void ch_yaml_autofree_(ch_yaml_document **document);
#define ch_autoyaml __attribute__((cleanup(ch_yaml_autofree_))) ch_yaml_document

/* Never NULL: an empty file is refused at load. */
const ch_yaml *ch_yaml_root(const ch_yaml_document *document);

ch_yaml_kind ch_yaml_kind_of(const ch_yaml *node);
/* The path of the file that the node stands in, and the line that it begins at. */
const char *ch_yaml_path(const ch_yaml *node);
unsigned ch_yaml_line(const ch_yaml *node);

/* CH_CONFIG unless the node is of that kind. */
CH_CHECKED ch_status ch_yaml_expect_map(const ch_yaml *node, ch_error *err);
CH_CHECKED ch_status ch_yaml_expect_list(const ch_yaml *node, ch_error *err);

/* The value of `key` in `map`; NULL if it is not there, or `map` is not a map. Marks the key as known. */
const ch_yaml *ch_yaml_get(const ch_yaml *map, const char *key);
/* The same; CH_CONFIG naming the key and the map's line if it is not there. */
CH_CHECKED ch_status ch_yaml_require(const ch_yaml *map, const char *key, const ch_yaml **out, ch_error *err);
/* CH_CONFIG naming the first key of `map` that nobody asked for. Call it when all that may be there were asked for. */
CH_CHECKED ch_status ch_yaml_check_known(const ch_yaml *map, ch_error *err);

/* What a scalar must be. A bool is `true` or `false`; a uint is plain decimal digits up to `max`. Neither may be
 * quoted. Text is any scalar that was quoted, or a plain one that YAML 1.1 does not read as null. */
CH_CHECKED ch_status ch_yaml_text(const ch_yaml *node, const char **out, ch_error *err);
CH_CHECKED ch_status ch_yaml_uint(const ch_yaml *node, uint64_t *out, uint64_t max, ch_error *err);
CH_CHECKED ch_status ch_yaml_uint_in(const ch_yaml *node, uint64_t *out, uint64_t min, uint64_t max, ch_error *err);
CH_CHECKED ch_status ch_yaml_bool(const ch_yaml *node, bool *out, ch_error *err);

/* ch_yaml_require and ch_yaml_text in one; `*node` is for messages. */
CH_CHECKED ch_status ch_yaml_require_text(const ch_yaml *map, const char *key, const ch_yaml **node, const char **out,
                                          ch_error *err);
/* Reads the bool under `key`; leaves `*out` as it is if there is none. */
CH_CHECKED ch_status ch_yaml_flag(const ch_yaml *map, const char *key, bool *out, ch_error *err);
/* Finds the text under `key` among `names` and gives its position; leaves `*out` as it is if there is none. CH_CONFIG
 * lists the names. */
CH_CHECKED ch_status ch_yaml_choice(const ch_yaml *map, const char *key, const char *const *names, unsigned count,
                                    unsigned *out, ch_error *err);

/* Entries of a list or a map; 0 for a scalar. */
size_t ch_yaml_count(const ch_yaml *node);
/* The item of a list; `index` must be below its count. */
const ch_yaml *ch_yaml_item(const ch_yaml *list, size_t index);
/* The key and the value of a map's entry, in the file's order. ch_yaml_value_at marks the key as known. */
const char *ch_yaml_key_at(const ch_yaml *map, size_t index);
const ch_yaml *ch_yaml_key_node_at(const ch_yaml *map, size_t index);
const ch_yaml *ch_yaml_value_at(const ch_yaml *map, size_t index);

/* Fills `err` with "FILE:LINE: FIELD: ..." of the node (the field only if the message does not name it); the value is
 * CH_CONFIG. A macro as ch_fail is. */
#define ch_yaml_fail(node, err, ...) (ch_yaml_set_error((node), (err), __VA_ARGS__), (ch_status)CH_CONFIG)
void ch_yaml_set_error(const ch_yaml *node, ch_error *err, const char *format, ...) CH_PRINTF(3, 4);

#endif
