/* The prints of keys, across restarts: what each key object was when it was first used, so that another one under its
 * name is noticed. A print is a digest, from which nothing of a secret can be told (pkcs11/print.h).
 *
 * A print counts as soon as it is kept, and is written by state/writer.h meanwhile: it is there against what comes
 * later, and nothing that is signed depends on it. What an operator changes counts when it is on disk. Core's thread
 * only. */
#ifndef CH_STATE_PRINTS_H
#define CH_STATE_PRINTS_H

#include "base/slice.h"
#include "state/writer.h"

#define CH_PRINT_SIZE 32

typedef struct ch_prints ch_prints;

/* Which key object: the token's name in agent.yaml, and the object and mechanism of the policy. Copied. */
typedef struct ch_print_name {
    const char *token;
    const char *object;
    const char *mechanism;
} ch_print_name;

/* Reads the prints of `store`, which must outlive `*out`. CH_IO if they cannot be read. Close with ch_prints_close,
 * when the writer has been stopped. */
CH_CHECKED ch_status ch_prints_open(ch_store *store, ch_prints **out, ch_error *err);
/* From here on prints are written by `writer`. */
void ch_prints_start(ch_prints *prints, ch_writer *writer);
/* NULL is fine. */
void ch_prints_close(ch_prints *prints);

/* The print that was kept, a view until the next change: empty if the key had none; `data` is NULL if nothing was kept.
 */
ch_slice ch_prints_find(const ch_prints *prints, const ch_print_name *name);
/* Keeps the print of a key that has none yet. */
void ch_prints_keep(ch_prints *prints, const ch_print_name *name, ch_slice print);

typedef struct ch_print_change {
    ch_print_name name;
    ch_slice print;
    void *context;
    void (*answer)(void *context, const ch_error *outcome); /* called once it is on disk, or has failed */
} ch_print_change;

/* Puts `print` in the place of the one that was kept. CH_BUSY: it is being written. After a failure nobody is called.
 */
CH_CHECKED ch_status ch_prints_change(ch_prints *prints, const ch_print_change *change, ch_error *err);
/* Whoever waits with this context has left: nobody is called. The change goes on. NULL prints are fine. */
void ch_prints_forget(ch_prints *prints, const void *context);

/* Tries again what could not be written; to be called now and then. */
void ch_prints_try_again(ch_prints *prints);

#endif
