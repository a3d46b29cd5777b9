/* What a name may be that becomes part of a path, a URL or a file's name: those of keys and profiles. Thread-safe. */
#ifndef CH_BASE_NAMES_H
#define CH_BASE_NAMES_H

#include "base/slice.h"

#define CH_NAME_MAX 64

/* True if `text` is [a-z0-9][a-z0-9._-]{0,63}: never hidden, never an option, never "..". */
bool ch_is_name(ch_slice text);

#endif
