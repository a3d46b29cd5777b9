/* The tree is built from libyaml's events with a stack of CH_YAML_DEPTH_MAX open nodes, so the file's nesting never
 * becomes our call depth. Every node belongs to the document's one list, which is what is freed. */
#include "conf/yaml.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct ch_yaml {
    const ch_yaml_document *document;
    ch_yaml_kind kind;
    unsigned line;
    bool is_quoted;
    const char *field;  /* its key in the map it stands in, NULL elsewhere */
    char *text;         /* scalar */
    ch_yaml **children; /* list and map */
    ch_yaml **keys;     /* map: scalars */
    bool *known;        /* map: which keys were asked for */
    size_t *order;      /* map: positions by key, for ch_yaml_get */
    size_t count;
    size_t capacity;
};

struct ch_yaml_document {
    char *path;
    ch_yaml *root;
    ch_yaml **nodes;
    size_t count;
    size_t capacity;
};

/* The document while it grows. */
typedef struct builder {
    ch_yaml_document *document;
    ch_yaml *open[CH_YAML_DEPTH_MAX];
    ch_yaml *pending_key[CH_YAML_DEPTH_MAX]; /* of a map: the key that waits for its value */
    size_t depth;
} builder;

static const char *kind_name(ch_yaml_kind kind)
{
    static const char *const names[] = {"a single value", "a list", "a map"};
    return names[kind];
}

void ch_yaml_set_error(const ch_yaml *node, ch_error *err, const char *format, ...)
{
    char reason[sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    bool is_named = node->field != NULL && strstr(reason, node->field) == NULL;
    ch_error_set(err, CH_CONFIG, "", "%s:%u: %s%s%s", node->document->path, node->line, is_named ? node->field : "",
                 is_named ? ": " : "", reason);
}

static ch_status fail_at(const ch_yaml_document *document, size_t line, ch_error *err, const char *reason)
{
    return ch_fail(err, CH_CONFIG, "%s:%zu: %s", document->path, line + 1, reason);
}

static ch_yaml *add_node(ch_yaml_document *document, ch_yaml_kind kind, size_t line)
{
    if (document->count == document->capacity) {
        document->capacity = document->capacity == 0 ? 64 : document->capacity * 2;
        document->nodes = ch_realloc_array(document->nodes, document->capacity, sizeof(ch_yaml *));
    }
    ch_yaml *node = ch_alloc(sizeof *node);
    node->document = document;
    node->kind = kind;
    node->line = (unsigned)line + 1;
    document->nodes[document->count++] = node;
    return node;
}

static void add_child(ch_yaml *parent, ch_yaml *key, ch_yaml *child)
{
    if (parent->count == parent->capacity) {
        parent->capacity = parent->capacity == 0 ? 8 : parent->capacity * 2;
        parent->children = ch_realloc_array(parent->children, parent->capacity, sizeof(ch_yaml *));
        if (parent->kind == CH_YAML_MAP)
            parent->keys = ch_realloc_array(parent->keys, parent->capacity, sizeof(ch_yaml *));
    }
    if (parent->kind == CH_YAML_MAP) {
        parent->keys[parent->count] = key;
        child->field = key->text;
    }
    parent->children[parent->count++] = child;
}

/* Puts a finished scalar, or a list or map just opened, in its place. */
static ch_status place(builder *build, ch_yaml *node, ch_error *err)
{
    if (build->depth == 0) {
        build->document->root = node;
        return CH_OK;
    }
    ch_yaml *parent = build->open[build->depth - 1];
    ch_yaml **key = &build->pending_key[build->depth - 1];
    if (parent->kind == CH_YAML_MAP && *key == NULL) {
        if (node->kind != CH_YAML_SCALAR)
            return ch_yaml_fail(node, err, "the key of a map must be text");
        *key = node;
        return CH_OK;
    }
    add_child(parent, *key, node);
    *key = NULL;
    return CH_OK;
}

static ch_status open_node(builder *build, ch_yaml *node, ch_error *err)
{
    CH_TRY(place(build, node, err));
    if (build->depth == CH_YAML_DEPTH_MAX)
        return ch_yaml_fail(node, err, "this is nested deeper than %d", CH_YAML_DEPTH_MAX);
    build->open[build->depth] = node;
    build->pending_key[build->depth++] = NULL;
    return CH_OK;
}

static int compare_keys(const void *a, const void *b, void *map)
{
    ch_yaml *const *keys = ((const ch_yaml *)map)->keys;
    size_t left = *(const size_t *)a;
    size_t right = *(const size_t *)b;
    int order = strcmp(keys[left]->text, keys[right]->text);
    return order != 0 ? order : (left > right) - (left < right);
}

static ch_status close_node(builder *build, ch_error *err)
{
    assert(build->depth > 0 && build->open[build->depth - 1] != NULL);
    ch_yaml *node = build->open[--build->depth];
    if (node->kind != CH_YAML_MAP)
        return CH_OK;
    node->known = ch_alloc(node->count * sizeof *node->known);
    node->order = ch_alloc(node->count * sizeof *node->order);
    for (size_t i = 0; i < node->count; i++)
        node->order[i] = i;
    qsort_r(node->order, node->count, sizeof *node->order, compare_keys, node);
    for (size_t i = 1; i < node->count; i++) {
        const ch_yaml *first = node->keys[node->order[i - 1]];
        const ch_yaml *second = node->keys[node->order[i]];
        if (strcmp(first->text, second->text) == 0)
            return ch_yaml_fail(second, err, "'%s' is here already, in line %u", second->text, first->line);
    }
    return CH_OK;
}

static ch_status add_scalar(builder *build, const yaml_event_t *event, ch_error *err)
{
    ch_slice text = {event->data.scalar.value, event->data.scalar.length};
    if (!ch_slice_is_text(text))
        return fail_at(build->document, event->start_mark.line, err,
                       "a value must be one line of UTF-8 text without control characters");
    ch_yaml *node = add_node(build->document, CH_YAML_SCALAR, event->start_mark.line);
    node->text = ch_slice_strdup(text);
    node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return place(build, node, err);
}

/* What the event carries beside its content; all of it is refused. */
static const char *extra_of(const yaml_event_t *event)
{
    static const char anchor[] = "anchors and aliases (& and *) are not accepted; write the value again";
    static const char tag[] = "tags (!) are not accepted; the field says what its value must be";
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return anchor;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL ? anchor : event->data.scalar.tag != NULL ? tag : NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL ? anchor : event->data.sequence_start.tag != NULL ? tag : NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL ? anchor : event->data.mapping_start.tag != NULL ? tag : NULL;
    case YAML_DOCUMENT_START_EVENT:
        return event->data.document_start.version_directive != NULL ||
                       event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end
                   ? "directives (%) are not accepted"
                   : NULL;
    default:
        return NULL;
    }
}

static ch_status take_event(builder *build, const yaml_event_t *event, ch_error *err)
{
    ch_yaml_document *document = build->document;
    size_t line = event->start_mark.line;
    const char *extra = extra_of(event);
    if (extra != NULL)
        return fail_at(document, line, err, extra);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return document->root == NULL ? CH_OK : fail_at(document, line, err, "a second document begins here");
    case YAML_SCALAR_EVENT:
        return add_scalar(build, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return open_node(build, add_node(document, CH_YAML_LIST, line), err);
    case YAML_MAPPING_START_EVENT:
        return open_node(build, add_node(document, CH_YAML_MAP, line), err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_node(build, err);
    default:
        return CH_OK;
    }
}

/* libyaml has no line of bytes that it cannot read, and no word for tabs. */
static ch_status fail_parsing(const yaml_parser_t *parser, const builder *build, ch_slice text, ch_error *err)
{
    const char *problem = parser->problem != NULL ? parser->problem : "this is not YAML";
    bool is_unread = parser->error == YAML_READER_ERROR;
    size_t line = 0;
    size_t at = 0;
    while (at < text.size && (is_unread ? at < parser->problem_offset : line < parser->problem_mark.line))
        line += text.data[at++] == '\n';
    if (is_unread)
        return ch_fail(err, CH_CONFIG, "%s:%zu: %s; save it as UTF-8", build->document->path, line + 1, problem);
    at += parser->problem_mark.column; /* in ASCII, if it is an indent */
    bool is_tab = parser->error == YAML_SCANNER_ERROR && at < text.size && text.data[at] == '\t';
    return fail_at(build->document, parser->problem_mark.line, err,
                   is_tab ? "a tab cannot indent; use spaces" : problem);
}

static ch_status take_all(yaml_parser_t *parser, builder *build, ch_slice text, ch_error *err)
{
    ch_status st = CH_OK;
    for (bool is_done = false; st == CH_OK && !is_done;) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0)
            return fail_parsing(parser, build, text, err);
        st = take_event(build, &event, err);
        is_done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    if (st == CH_OK && build->document->root == NULL)
        st = fail_at(build->document, 0, err, "the file is empty");
    return st;
}

/* Of UTF-8 or UTF-16. Editors add one unseen, and what libyaml says of it does not help. */
static bool has_byte_order_mark(const uint8_t *text, size_t size_bytes)
{
    return (size_bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) ||
           (size_bytes >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0));
}

static ch_status check_bytes(const ch_yaml_document *document, const void *text, size_t size_bytes, ch_error *err)
{
    if (size_bytes > CH_YAML_SIZE_MAX)
        return fail_at(document, 0, err, "the file is larger than 4 MiB");
    if (has_byte_order_mark(text, size_bytes))
        return fail_at(document, 0, err, "the file starts with a byte order mark; save it as UTF-8 without one");
    return CH_OK;
}

ch_status ch_yaml_parse(const char *path, const void *text, size_t size_bytes, ch_yaml_document **out, ch_error *err)
{
    *out = NULL;
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0)
        return ch_fail(err, CH_INTERNAL, "libyaml cannot start");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, size_bytes == 0 ? (const void *)"" : text, size_bytes);
    builder build = {.document = ch_alloc(sizeof(ch_yaml_document))};
    build.document->path = ch_strdup(path);
    ch_status st = check_bytes(build.document, text, size_bytes, err);
    if (st == CH_OK)
        st = take_all(&parser, &build, (ch_slice){text, size_bytes}, err);
    yaml_parser_delete(&parser);
    if (st == CH_OK)
        *out = build.document;
    else
        ch_yaml_free(build.document);
    return st;
}

void ch_yaml_free(ch_yaml_document *document)
{
    if (document == NULL)
        return;
    for (size_t i = 0; i < document->count; i++) {
        ch_yaml *node = document->nodes[i];
        free(node->text);
        free(node->children);
        free(node->keys);
        free(node->known);
        free(node->order);
        free(node);
    }
    free(document->nodes);
    free(document->path);
    free(document);
}

void ch_yaml_autofree_(ch_yaml_document **document)
{
    ch_yaml_free(*document);
}

const ch_yaml *ch_yaml_root(const ch_yaml_document *document)
{
    return document->root;
}

ch_yaml_kind ch_yaml_kind_of(const ch_yaml *node)
{
    return node->kind;
}

const char *ch_yaml_path(const ch_yaml *node)
{
    return node->document->path;
}

unsigned ch_yaml_line(const ch_yaml *node)
{
    return node->line;
}

static ch_status expect(const ch_yaml *node, ch_yaml_kind kind, ch_error *err)
{
    if (node->kind == kind)
        return CH_OK;
    return ch_yaml_fail(node, err, "this must be %s, not %s", kind_name(kind), kind_name(node->kind));
}

ch_status ch_yaml_expect_map(const ch_yaml *node, ch_error *err)
{
    return expect(node, CH_YAML_MAP, err);
}

ch_status ch_yaml_expect_list(const ch_yaml *node, ch_error *err)
{
    return expect(node, CH_YAML_LIST, err);
}

const ch_yaml *ch_yaml_get(const ch_yaml *map, const char *key)
{
    size_t low = 0;
    size_t high = map->kind == CH_YAML_MAP ? map->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t at = map->order[middle];
        int order = strcmp(key, map->keys[at]->text);
        if (order == 0) {
            map->known[at] = true;
            return map->children[at];
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

ch_status ch_yaml_require(const ch_yaml *map, const char *key, const ch_yaml **out, ch_error *err)
{
    CH_TRY(ch_yaml_expect_map(map, err));
    *out = ch_yaml_get(map, key);
    return *out != NULL ? CH_OK : ch_yaml_fail(map, err, "'%s' is missing here", key);
}

ch_status ch_yaml_check_known(const ch_yaml *map, ch_error *err)
{
    for (size_t i = 0; map->kind == CH_YAML_MAP && i < map->count; i++) {
        if (!map->known[i])
            return ch_yaml_fail(map->keys[i], err, "there is no field '%s' here; see the documentation of this file",
                                map->keys[i]->text);
    }
    return CH_OK;
}

static bool is_null(const ch_yaml *node)
{
    static const char *const spellings[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; !node->is_quoted && i < sizeof spellings / sizeof spellings[0]; i++) {
        if (strcmp(node->text, spellings[i]) == 0)
            return true;
    }
    return false;
}

ch_status ch_yaml_text(const ch_yaml *node, const char **out, ch_error *err)
{
    CH_TRY(expect(node, CH_YAML_SCALAR, err));
    if (is_null(node))
        return ch_yaml_fail(node, err, "there is no value here; write \"\" for an empty text");
    *out = node->text;
    return CH_OK;
}

/* Plain decimal digits, without a sign or a leading zero. */
static bool parse_uint(const char *digit, uint64_t *out)
{
    if (*digit == '\0' || (*digit == '0' && digit[1] != '\0'))
        return false;
    for (*out = 0; *digit != '\0'; digit++) {
        uint64_t next = (uint64_t)(*digit - '0');
        if (*digit < '0' || *digit > '9' || *out > (UINT64_MAX - next) / 10)
            return false;
        *out = *out * 10 + next;
    }
    return true;
}

ch_status ch_yaml_uint_in(const ch_yaml *node, uint64_t *out, uint64_t min, uint64_t max, ch_error *err)
{
    CH_TRY(expect(node, CH_YAML_SCALAR, err));
    uint64_t value = 0;
    if (node->is_quoted || !parse_uint(node->text, &value) || value < min || value > max)
        return ch_yaml_fail(node, err, "'%s' is not a whole number from %llu to %llu", node->text,
                            (unsigned long long)min, (unsigned long long)max);
    *out = value;
    return CH_OK;
}

ch_status ch_yaml_uint(const ch_yaml *node, uint64_t *out, uint64_t max, ch_error *err)
{
    return ch_yaml_uint_in(node, out, 0, max, err);
}

ch_status ch_yaml_bool(const ch_yaml *node, bool *out, ch_error *err)
{
    CH_TRY(expect(node, CH_YAML_SCALAR, err));
    bool is_true = strcmp(node->text, "true") == 0;
    if (node->is_quoted || (!is_true && strcmp(node->text, "false") != 0))
        return ch_yaml_fail(node, err, "'%s' must be true or false", node->text);
    *out = is_true;
    return CH_OK;
}

ch_status ch_yaml_require_text(const ch_yaml *map, const char *key, const ch_yaml **node, const char **out,
                               ch_error *err)
{
    CH_TRY(ch_yaml_require(map, key, node, err));
    return ch_yaml_text(*node, out, err);
}

ch_status ch_yaml_flag(const ch_yaml *map, const char *key, bool *out, ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, key);
    return node == NULL ? CH_OK : ch_yaml_bool(node, out, err);
}

ch_status ch_yaml_choice(const ch_yaml *map, const char *key, const char *const *names, unsigned count, unsigned *out,
                         ch_error *err)
{
    const ch_yaml *node = ch_yaml_get(map, key);
    const char *text = NULL;
    if (node == NULL)
        return CH_OK;
    CH_TRY(ch_yaml_text(node, &text, err));
    ch_autobuffer listing = CH_BUFFER_INIT;
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return CH_OK;
        }
        ch_buffer_add_format(&listing, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
    }
    return ch_yaml_fail(node, err, "there is no %s '%s': '%s' is %s", key, text, key, ch_buffer_text(&listing));
}

size_t ch_yaml_count(const ch_yaml *node)
{
    return node->count;
}

const ch_yaml *ch_yaml_item(const ch_yaml *list, size_t index)
{
    return list->children[index];
}

const char *ch_yaml_key_at(const ch_yaml *map, size_t index)
{
    return map->keys[index]->text;
}

const ch_yaml *ch_yaml_key_node_at(const ch_yaml *map, size_t index)
{
    return map->keys[index];
}

const ch_yaml *ch_yaml_value_at(const ch_yaml *map, size_t index)
{
    map->known[index] = true;
    return map->children[index];
}
