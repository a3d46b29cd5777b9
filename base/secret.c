/* A secret's pages hold nothing else, so that locking and unmapping them concerns no one else's data. The size says how
 * many bytes of the pages are the secret's; a wipe cleans the pages whole. */
#include "base/secret.h"

#include "base/slice.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIPE_MAX 4096  /* what every pipe takes without a reader */
#define LINE_END_MAX 2 /* CR LF */

static size_t mapped_size(size_t size_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return size_bytes == 0 ? page : (size_bytes + page - 1) / page * page;
}

void ch_secret_wipe(ch_secret *secret)
{
    if (secret->data != NULL) {
        OPENSSL_cleanse(secret->data, mapped_size(secret->size));
        munmap(secret->data, mapped_size(secret->size));
    }
    *secret = (ch_secret)CH_SECRET_INIT;
}

ch_status ch_secret_alloc(ch_secret *secret, size_t size_bytes, ch_error *err)
{
    assert(secret->data == NULL);
    if (size_bytes == 0 || size_bytes > CH_SECRET_MAX)
        return ch_fail(err, CH_TOO_LARGE, "a secret of %zu bytes is outside 1 to %d", size_bytes, CH_SECRET_MAX);
    size_t size = mapped_size(size_bytes);
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return ch_fail_errno(err, "mapping memory for a secret");
    if (mlock(pages, size) != 0 || madvise(pages, size, MADV_DONTDUMP) != 0) {
        ch_status st = ch_fail_errno(err, "locking memory for a secret (raise RLIMIT_MEMLOCK)");
        munmap(pages, size);
        return st;
    }
    secret->data = pages;
    secret->size = size_bytes;
    return CH_OK;
}

ch_status ch_secret_alloc_empty(ch_secret *secret, ch_error *err)
{
    CH_TRY(ch_secret_alloc(secret, 1, err));
    secret->size = 0;
    return CH_OK;
}

ch_status ch_secret_copy_part(const ch_secret *whole, unsigned part, ch_secret *out, ch_error *err)
{
    ch_slice rest = {whole->data, whole->size};
    const uint8_t *nul = ch_slice_find(rest, '\0');
    for (; part > 0 && nul != NULL; part--) {
        rest = ch_slice_after(rest, (size_t)(nul + 1 - rest.data));
        nul = ch_slice_find(rest, '\0');
    }
    size_t size = nul == NULL ? rest.size : (size_t)(nul - rest.data);
    if (part > 0)
        return ch_fail(err, CH_BAD_INPUT, "a part of the secret is missing");
    if (size == 0)
        return ch_secret_alloc_empty(out, err);
    CH_TRY(ch_secret_alloc(out, size, err));
    memcpy(out->data, rest.data, size);
    return CH_OK;
}

static size_t without_line_end(const uint8_t *data, size_t size)
{
    if (size > 0 && data[size - 1] == '\n')
        size--;
    if (size > 0 && data[size - 1] == '\r')
        size--;
    return size;
}

/* Reads until `fd` ends or `room` is full. */
static ch_status fill(ch_secret *room, int fd, size_t *filled, ch_error *err)
{
    *filled = 0;
    while (*filled < room->size) {
        ssize_t got = read(fd, room->data + *filled, room->size - *filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ch_fail_errno(err, "reading a secret");
        if (got == 0)
            break;
        *filled += (size_t)got;
    }
    return CH_OK;
}

/* One byte more than allowed, so that a full room means too much. */
static size_t room_for(size_t max_bytes)
{
    size_t size = max_bytes < CH_SECRET_MAX ? max_bytes + LINE_END_MAX + 1 : CH_SECRET_MAX;
    return size < CH_SECRET_MAX ? size : CH_SECRET_MAX;
}

ch_status ch_secret_read(ch_secret *secret, int fd, size_t max_bytes, ch_error *err)
{
    ch_autosecret room = CH_SECRET_INIT;
    size_t filled = 0;
    CH_TRY(ch_secret_alloc(&room, room_for(max_bytes), err));
    CH_TRY(fill(&room, fd, &filled, err));
    size_t size = without_line_end(room.data, filled);
    if (filled == room.size || size > max_bytes)
        return ch_fail(err, CH_TOO_LARGE, "the secret is longer than %zu bytes", max_bytes);
    if (size == 0)
        return ch_fail(err, CH_BAD_INPUT, "the secret is empty");
    CH_TRY(ch_secret_alloc(secret, size, err));
    memcpy(secret->data, room.data, size);
    return CH_OK;
}

/* splice(2) is told each time not to wait. O_NONBLOCK is no help: whoever has sent the pipe shares its flags, and can
 * take that one away again before it is read. */
static ch_status move_out(int from, int to, ch_error *err)
{
    ssize_t moved;
    do {
        moved = splice(from, NULL, to, NULL, PIPE_MAX, SPLICE_F_NONBLOCK);
    } while (moved > 0 || (moved < 0 && errno == EINTR));
    return moved == 0 ? CH_OK : ch_fail_errno(err, "reading a secret");
}

ch_status ch_secret_own_pipe(int fd, ch_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return ch_fail_errno(err, "making a pipe for a secret");
    ch_status st = move_out(fd, ends[1], err);
    if (st == CH_OK && dup3(ends[0], fd, O_CLOEXEC) < 0)
        st = ch_fail_errno(err, "taking a pipe over");
    close(ends[0]);
    close(ends[1]);
    return st;
}

ch_status ch_secret_to_pipe(const ch_secret *secret, int *fd, ch_error *err)
{
    int ends[2];
    assert(secret->data != NULL);
    if (secret->size > PIPE_MAX)
        return ch_fail(err, CH_TOO_LARGE, "a secret of %zu bytes does not fit a pipe", secret->size);
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return ch_fail_errno(err, "making a pipe for a secret");
    ssize_t put = write(ends[1], secret->data, secret->size);
    close(ends[1]);
    if (put != (ssize_t)secret->size) {
        close(ends[0]);
        return ch_fail(err, CH_IO, "a pipe did not take the secret whole");
    }
    *fd = ends[0];
    return CH_OK;
}
