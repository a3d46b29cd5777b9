#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t mapped_size(size_t size_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size_bytes + page - 1) / page * page;
}

void ch_secret_wipe(ch_secret *secret)
{
    if (secret->data != NULL) {
        OPENSSL_cleanse(secret->data, mapped_size(secret->size));
        (void)munmap(secret->data, mapped_size(secret->size));
    }
    *secret = (ch_secret)CH_SECRET_INIT;
}

ch_status ch_secret_alloc(ch_secret *secret, size_t size_bytes, ch_error *err)
{
    if (size_bytes == 0 || size_bytes > CH_SECRET_MAX)
        return ch_fail(err, CH_TOO_LARGE, "a secret of %zu bytes is outside 1 to %d", size_bytes, CH_SECRET_MAX);
    size_t size = mapped_size(size_bytes);
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return ch_fail_errno(err, "mapping memory for a secret");
    if (mlock(pages, size) != 0 || madvise(pages, size, MADV_DONTDUMP) != 0) {
        ch_status st = ch_fail_errno(err, "locking memory for a secret (raise RLIMIT_MEMLOCK)");
        (void)munmap(pages, size);
        return st;
    }
    secret->data = pages;
    secret->size = size_bytes;
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

/* Keeps the mapping's length right: shrinks within the pages, which a wipe releases whole. */
static ch_status settle(ch_secret *secret, size_t filled, ch_error *err)
{
    size_t size = without_line_end(secret->data, filled);
    if (size == 0) {
        ch_secret_wipe(secret);
        return ch_fail(err, CH_BAD_INPUT, "the secret is empty");
    }
    ch_secret exact = CH_SECRET_INIT;
    ch_status st = ch_secret_alloc(&exact, size, err);
    if (exact.data != NULL)
        memcpy(exact.data, secret->data, size);
    ch_secret_wipe(secret);
    *secret = exact;
    return st;
}

ch_status ch_secret_read(ch_secret *secret, int fd, size_t max_bytes, ch_error *err)
{
    /* Two bytes more than allowed: a line end, and one to see that there is too much. */
    ch_status st = ch_secret_alloc(secret, max_bytes + 3 > CH_SECRET_MAX ? CH_SECRET_MAX : max_bytes + 3, err);
    if (st != CH_OK)
        return st;
    size_t filled = 0;
    for (;;) {
        ssize_t got = read(fd, secret->data + filled, secret->size - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            st = ch_fail_errno(err, "reading a secret");
            ch_secret_wipe(secret);
            return st;
        }
        filled += (size_t)got;
        if (got == 0)
            break;
        if (filled == secret->size) {
            ch_secret_wipe(secret);
            return ch_fail(err, CH_TOO_LARGE, "the secret is longer than %zu bytes", max_bytes);
        }
    }
    if (without_line_end(secret->data, filled) > max_bytes) {
        ch_secret_wipe(secret);
        return ch_fail(err, CH_TOO_LARGE, "the secret is longer than %zu bytes", max_bytes);
    }
    return settle(secret, filled, err);
}

ch_status ch_secret_to_pipe(const ch_secret *secret, int *fd, ch_error *err)
{
    int ends[2];
    if (secret->size > 4096)
        return ch_fail(err, CH_TOO_LARGE, "a secret of %zu bytes does not fit a pipe", secret->size);
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return ch_fail_errno(err, "making a pipe for a secret");
    ssize_t put = write(ends[1], secret->data, secret->size);
    (void)close(ends[1]);
    if (put != (ssize_t)secret->size) {
        (void)close(ends[0]);
        return ch_fail(err, CH_IO, "a pipe did not take the secret whole");
    }
    *fd = ends[0];
    return CH_OK;
}
