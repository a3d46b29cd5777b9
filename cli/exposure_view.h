/* What the files of `policy exposure` share: what is shown, and how a line of it is said. */
#ifndef CH_CLI_EXPOSURE_VIEW_H
#define CH_CLI_EXPOSURE_VIEW_H

#include "base/buffer.h"
#include "policy/exposure.h"

typedef struct ch_exposure_view {
    const ch_policy *policy;
    const ch_exposure *exposure;
    const char *caller;     /* NULL: all */
    const ch_caller *relay; /* NULL: the caller is none, or it is all */
} ch_exposure_view;

/* Texts, each once. */
typedef struct ch_shown_texts {
    const char *items[256];
    size_t count;
} ch_shown_texts;

void ch_shown_texts_add(ch_shown_texts *list, const char *text);
/* "a, b and c". */
void ch_shown_texts_print(const ch_shown_texts *list, ch_buffer *out);

/* Prints the text after its label, and clears it. */
void ch_exposure_say(const char *label, ch_buffer *text);

/* How often signatures can be used, and for what else (exposure_signatures.c). */
void ch_exposure_say_uses(const ch_exposure_view *in, ch_buffer *text);
void ch_exposure_say_confusion(const ch_exposure_view *in, ch_buffer *text);
/* For whom a relay speaks, and what it can break. */
void ch_exposure_say_relay(const ch_exposure_view *in, ch_buffer *text);

#endif
