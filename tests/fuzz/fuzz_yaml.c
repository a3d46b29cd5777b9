/* Any bytes as a configuration file: refused with a line, or a tree in which every accessor keeps its promise. */
#include "tests/fuzz/fuzz.h"

#include "conf/yaml.h"

#include <string.h>

static void read_scalar(const ch_yaml *node)
{
    ch_error err = CH_ERROR_INIT;
    const char *text = NULL;
    uint64_t number = 0;
    bool flag = false;
    ch_status st = ch_yaml_text(node, &text, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK(st != CH_OK || ch_slice_is_text(ch_slice_of(text)));
    st = ch_yaml_uint(node, &number, 70000, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK(st != CH_OK || number <= 70000);
    fuzz_check_error(ch_yaml_bool(node, &flag, &err), &err);
    FUZZ_CHECK(ch_yaml_get(node, "a") == NULL && ch_yaml_count(node) == 0);
}

static void read_node(const ch_yaml *node, unsigned depth);

/* A map finds each of its keys, knows no other, and complains until all have been asked for. */
static void read_map(const ch_yaml *map, unsigned depth)
{
    static const char *const names[] = {"a", "name"};
    ch_error err = CH_ERROR_INIT;
    unsigned choice = 0;
    bool flag = false;
    for (size_t i = 0; i < ch_yaml_count(map); i++) {
        const char *key = ch_yaml_key_at(map, i);
        FUZZ_CHECK(ch_slice_is_text(ch_slice_of(key)));
        fuzz_check_error(ch_yaml_check_known(map, &err), &err);
        const ch_yaml *value = ch_yaml_get(map, key);
        FUZZ_CHECK(value != NULL && value == ch_yaml_value_at(map, i));
        fuzz_check_error(ch_yaml_flag(map, key, &flag, &err), &err);
        fuzz_check_error(ch_yaml_choice(map, key, names, 2, &choice, &err), &err);
        read_node(value, depth + 1);
    }
    FUZZ_CHECK(ch_yaml_check_known(map, &err) == CH_OK);
}

static void read_node(const ch_yaml *node, unsigned depth)
{
    ch_error err = CH_ERROR_INIT;
    FUZZ_CHECK(depth <= CH_YAML_DEPTH_MAX);
    fuzz_check_error(ch_yaml_expect_map(node, &err), &err);
    fuzz_check_error(ch_yaml_expect_list(node, &err), &err);
    switch (ch_yaml_kind_of(node)) {
    case CH_YAML_SCALAR:
        read_scalar(node);
        break;
    case CH_YAML_LIST:
        for (size_t i = 0; i < ch_yaml_count(node); i++)
            read_node(ch_yaml_item(node, i), depth + 1);
        break;
    case CH_YAML_MAP:
        read_map(node, depth);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_error err = CH_ERROR_INIT;
    ch_yaml_document *document = NULL;
    ch_status st = ch_yaml_parse("agent.yaml", data, size, &document, &err);
    fuzz_check_error(st, &err);
    if (st == CH_OK)
        read_node(ch_yaml_root(document), 0);
    else
        FUZZ_CHECK(document == NULL && strncmp(err.message, "agent.yaml:", strlen("agent.yaml:")) == 0);
    ch_yaml_free(document);
    return 0;
}
