/* Memory for PINs and key material: whole pages, locked (never swapped), left out of core dumps, wiped on release.
 *
 * A secret is never in a ch_buffer, a frame or an error. Not thread-safe; each secret has one owner. */
#ifndef CH_BASE_SECRET_H
#define CH_BASE_SECRET_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define CH_SECRET_MAX 16384

typedef struct ch_secret {
    uint8_t *data; /* NULL if empty */
    size_t size;
} ch_secret;

#define CH_SECRET_INIT                                                                                                 \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }

/* Wipes and unmaps it, unless it is empty; it is empty afterwards. */
void ch_secret_wipe(ch_secret *secret);
#define ch_autosecret __attribute__((cleanup(ch_secret_wipe))) ch_secret

/* Makes `secret`, which must be empty, `size_bytes` long (1 to CH_SECRET_MAX), all zero, for the caller to fill. CH_IO
 * if the memory can't be locked: raise RLIMIT_MEMLOCK. */
CH_CHECKED ch_status ch_secret_alloc(ch_secret *secret, size_t size_bytes, ch_error *err);

/* The same without a byte: it stands for a PIN that a token does not take. */
CH_CHECKED ch_status ch_secret_alloc_empty(ch_secret *secret, ch_error *err);

/* Copies a part of `whole`, whose parts have a NUL between them, to `out`, which must be empty: part 0 is the first.
 * An empty part is copied as ch_secret_alloc_empty makes it. Returns CH_BAD_INPUT if there are not that many parts. */
CH_CHECKED ch_status ch_secret_copy_part(const ch_secret *whole, unsigned part, ch_secret *out, ch_error *err);

/* Reads `fd` to its end into `secret`, which must be empty: at most `max_bytes` (else CH_TOO_LARGE), without the one
 * line end (LF or CRLF) that may close them. CH_BAD_INPUT if that leaves nothing. `fd` stays open. Blocks as long as
 * `fd` does; with O_NONBLOCK, CH_IO if `fd` has not ended yet. On failure `secret` stays empty. */
CH_CHECKED ch_status ch_secret_read(ch_secret *secret, int fd, size_t max_bytes, ch_error *err);

/* Replaces `fd`, a pipe that somebody else has sent, by a pipe of our own that holds the same: to read theirs could
 * mean to wait for them. Returns CH_IO if its other end is not closed, or if it holds more than a pipe takes; then `fd`
 * stays what it was, and must not be read. */
CH_CHECKED ch_status ch_secret_own_pipe(int fd, ch_error *err);

/* Puts the secret, which must be there, in a new pipe and returns its read end, to be passed to the process that
 * needs it. The write end is closed, so that the reader sees the end. CH_TOO_LARGE for more than 4096 bytes, which a
 * pipe may not take. The caller closes `*fd`. */
CH_CHECKED ch_status ch_secret_to_pipe(const ch_secret *secret, int *fd, ch_error *err);

#endif
