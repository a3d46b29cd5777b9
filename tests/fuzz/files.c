#include "tests/fuzz/files.h"

#include "base/buffer.h"
#include "conf/yaml.h"

#include <stdio.h>
#include <string.h>

static ch_slice input;

void fuzz_set_file(ch_slice bytes)
{
    input = bytes;
}

static bool read_file(const char *path, ch_buffer *out)
{
    FILE *file = fopen(path, "re");
    size_t got = 1;
    while (file != NULL && got > 0) {
        got = fread(ch_buffer_reserve(out, 16384), 1, 16384, file);
        ch_buffer_commit(out, got);
    }
    if (file != NULL)
        fclose(file);
    return file != NULL;
}

ch_status ch_yaml_read(const char *path, bool is_any, ch_buffer *out, ch_error *err)
{
    (void)is_any;
    if (strcmp(path, FUZZ_FILE) == 0)
        ch_buffer_add_slice(out, input);
    else if (!read_file(path, out))
        return ch_fail(err, CH_CONFIG, "can't open %s", path);
    return CH_OK;
}

ch_status ch_yaml_load(const char *path, ch_yaml_document **out, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    *out = NULL;
    CH_TRY(ch_yaml_read(path, false, &text, err));
    return ch_yaml_parse(path, text.data, text.size, out, err);
}

ch_status ch_yaml_load_any(const char *path, ch_yaml_document **out, ch_error *err)
{
    return ch_yaml_load(path, out, err);
}
