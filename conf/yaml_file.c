#include "base/trust.h"
#include "conf/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static ch_status read_all(int fd, const char *path, ch_buffer *out, ch_error *err)
{
    ssize_t got = 1;
    while (got > 0 && out->size <= CH_YAML_SIZE_MAX) {
        got = read(fd, ch_buffer_reserve(out, 16384), 16384);
        ch_buffer_commit(out, got > 0 ? (size_t)got : 0);
    }
    return got < 0 ? ch_fail_errno(err, "reading %s", path) : CH_OK;
}

static ch_status read_trusted(const char *path, ch_buffer *out, ch_error *err)
{
    ch_autotrusted file = CH_TRUSTED_CLOSED;
    CH_TRY(ch_trust_file(path, &file, err));
    return read_all(file.fd, path, out, err);
}

static ch_status read_any(const char *path, ch_buffer *out, ch_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ch_fail(err, CH_CONFIG, "cannot open %s: %s", path, strerror(errno));
    ch_status st = read_all(fd, path, out, err);
    close(fd);
    return st;
}

ch_status ch_yaml_read(const char *path, bool is_any, ch_buffer *out, ch_error *err)
{
    return is_any ? read_any(path, out, err) : read_trusted(path, out, err);
}

static ch_status load(const char *path, bool is_any, ch_yaml_document **out, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    *out = NULL;
    CH_TRY(ch_yaml_read(path, is_any, &text, err));
    return ch_yaml_parse(path, text.data, text.size, out, err);
}

ch_status ch_yaml_load(const char *path, ch_yaml_document **out, ch_error *err)
{
    return load(path, false, out, err);
}

ch_status ch_yaml_load_any(const char *path, ch_yaml_document **out, ch_error *err)
{
    return load(path, true, out, err);
}
