/* The folder is opened once, and the file by its name in there. */
#include "state/trace.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD "chancery trace 1\n"
#define FORMAT HEAD "%s %" PRIu64 "\n"
#define ID_AT (sizeof HEAD - 1 + CH_IDENTITY_SIZE) /* after the identity and a space */
#define TEXT_MAX 128

struct ch_trace {
    ch_trusted folder;
    char *name;
    char *new_name;
};

/* What is read must be what would be written. */
static bool parse(const char *text, ch_trace_mark *mark)
{
    char again[TEXT_MAX];
    if (strlen(text) <= ID_AT || strncmp(text, HEAD, strlen(HEAD)) != 0)
        return false;
    memcpy(mark->identity, text + strlen(HEAD), CH_IDENTITY_SIZE - 1);
    mark->identity[CH_IDENTITY_SIZE - 1] = '\0';
    mark->id = strtoull(text + ID_AT, NULL, 10);
    snprintf(again, sizeof again, FORMAT, mark->identity, mark->id);
    return strspn(mark->identity, "0123456789abcdef") == CH_IDENTITY_SIZE - 1 && strcmp(text, again) == 0;
}

static ch_status read_mark(const ch_trace *trace, ch_trace_kind *kind, ch_trace_mark *mark, ch_error *err)
{
    int fd = -1;
    char text[TEXT_MAX];
    *kind = CH_TRACE_NONE;
    CH_TRY(ch_trust_entry(&trace->folder, trace->name, false, &fd, err));
    if (fd < 0)
        return CH_OK;
    ssize_t size = read(fd, text, sizeof text - 1);
    ch_status st = size < 0 ? ch_fail_errno(err, "reading %s/%s", trace->folder.path, trace->name) : CH_OK;
    close(fd);
    CH_TRY(st);
    text[size] = '\0';
    *kind = parse(text, mark) ? CH_TRACE_READ : CH_TRACE_STRANGE;
    return CH_OK;
}

static ch_status open_all(ch_trace *trace, const char *path, ch_trace_kind *kind, ch_trace_mark *mark, ch_error *err)
{
    const char *slash = strrchr(path, '/');
    ch_autobuffer folder = CH_BUFFER_INIT;
    ch_autobuffer new_name = CH_BUFFER_INIT;
    if (slash == NULL || slash[1] == '\0')
        return ch_fail(err, CH_CONFIG, "the trace must be a file with an absolute path, and '%s' is none", path);
    ch_buffer_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    ch_buffer_add_format(&new_name, "%s.new", slash + 1);
    trace->name = ch_strdup(slash + 1);
    trace->new_name = ch_strdup(ch_buffer_text(&new_name));
    CH_TRY(ch_trust_make_folder(ch_buffer_text(&folder), 0700, err));
    CH_TRY(ch_trust_folder(ch_buffer_text(&folder), CH_FOLDER_OWN, &trace->folder, err));
    return read_mark(trace, kind, mark, err);
}

ch_status ch_trace_open(const char *path, ch_trace **out, ch_trace_kind *kind, ch_trace_mark *mark, ch_error *err)
{
    ch_trace *trace = ch_alloc(sizeof *trace);
    trace->folder = (ch_trusted)CH_TRUSTED_CLOSED;
    ch_status st = open_all(trace, path, kind, mark, err);
    if (st == CH_OK)
        *out = trace;
    else
        ch_trace_close(trace);
    return st;
}

void ch_trace_close(ch_trace *trace)
{
    if (trace == NULL)
        return;
    ch_trusted_close(&trace->folder);
    free(trace->name);
    free(trace->new_name);
    free(trace);
}

static bool write_file(int fd, const char *text, bool is_synced)
{
    size_t size = strlen(text);
    ssize_t written = write(fd, text, size);
    if (written >= 0 && (size_t)written != size)
        errno = ENOSPC;
    return written >= 0 && (size_t)written == size && (!is_synced || fsync(fd) == 0);
}

/* The folder is open for lookups only, so it is opened again to be synced. */
static bool sync_folder(const ch_trace *trace)
{
    int fd = openat(trace->folder.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_synced;
}

ch_status ch_trace_write(const ch_trace *trace, const ch_trace_mark *mark, bool is_synced, ch_error *err)
{
    char text[TEXT_MAX];
    int folder = trace->folder.fd;
    snprintf(text, sizeof text, FORMAT, mark->identity, mark->id);
    int fd = openat(folder, trace->new_name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ch_fail_errno(err, "making %s/%s", trace->folder.path, trace->new_name);
    bool is_written = write_file(fd, text, is_synced);
    int reason = errno;
    close(fd);
    errno = reason;
    if (!is_written || renameat(folder, trace->new_name, folder, trace->name) != 0 ||
        (is_synced && !sync_folder(trace)))
        return ch_fail_errno(err, "writing %s/%s", trace->folder.path, trace->name);
    return CH_OK;
}
