#include "base/buffer.h"
#include "base/trust.h"
#include "conf/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static ch_status read_all(int fd, const char *path, ch_yaml_document **out, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    ssize_t got = 1;
    while (got > 0 && text.size <= CH_YAML_SIZE_MAX) {
        got = read(fd, ch_buffer_reserve(&text, 16384), 16384);
        ch_buffer_commit(&text, got > 0 ? (size_t)got : 0);
    }
    if (got < 0)
        return ch_fail_errno(err, "reading %s", path);
    return ch_yaml_parse(path, text.data, text.size, out, err);
}

ch_status ch_yaml_load(const char *path, ch_yaml_document **out, ch_error *err)
{
    ch_autotrusted file = CH_TRUSTED_CLOSED;
    *out = NULL;
    CH_TRY(ch_trust_file(path, &file, err));
    return read_all(file.fd, path, out, err);
}

ch_status ch_yaml_load_any(const char *path, ch_yaml_document **out, ch_error *err)
{
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ch_fail(err, CH_CONFIG, "cannot open %s: %s", path, strerror(errno));
    ch_status st = read_all(fd, path, out, err);
    close(fd);
    return st;
}
