/* How bots are told to ask the relay, framework by framework: cli/bots.def, filled in for a key. Thread-safe. */
#ifndef CH_CLI_BOTS_H
#define CH_CLI_BOTS_H

#include "base/buffer.h"
#include "exchange/profile.h"

typedef struct ch_bot_framework {
    const char *name;
    const char *title;    /* for people */
    const char *profiles; /* "ccxt": those that ccxt knows; "": all */
} ch_bot_framework;

/* Returns a framework, in the table's order, or NULL past the end. */
const ch_bot_framework *ch_bot_framework_at(size_t index);
/* Returns the framework of that name, or NULL. */
const ch_bot_framework *ch_bot_framework_find(const char *name);

typedef struct ch_bot_settings {
    const ch_profile *profile;
    const char *environment;
    const char *key;
    const char *url;         /* "http://127.0.0.1:8801" */
    const char *socket_path; /* NULL: a port */
    const char *token_path;
    const char *ca_path; /* NULL: none is needed */
} ch_bot_settings;

/* Appends the lines for that framework. CH_NOT_FOUND if it does not know the profile or its environment; CH_BAD_INPUT
 * if it can't ask a Unix socket, or something could not be written between quotes. */
CH_CHECKED ch_status ch_bot_write(const ch_bot_framework *framework, const ch_bot_settings *settings, ch_buffer *out,
                                  ch_error *err);

#endif
