/* Where a PKCS#11 module's file is. Needs no token and loads no vendor code, so it is for all. Thread-safe as long as
 * nobody changes the environment. */
#ifndef CH_PKCS11_MODULE_PATH_H
#define CH_PKCS11_MODULE_PATH_H

#include "base/error.h"

/* A module as people name it. */
typedef struct ch_module_name {
    const char *name;      /* a path, or a p11-kit name such as "softhsm2" */
    const char *init_args; /* C_Initialize's reserved string, by which some modules are configured; NULL: p11-kit's */
} ch_module_name;

/* Where it is, and how it is initialised; both texts are the owner's. */
typedef struct ch_module_file {
    char *path;
    char *init_args; /* NULL: none */
} ch_module_file;

void ch_module_file_free(ch_module_file *file);
#define ch_automodulefile __attribute__((cleanup(ch_module_file_free))) ch_module_file

/* Finds the file: by its path, or by its p11-kit name, which is looked up in p11-kit's own configuration. Nobody else
 * may be able to change that (base/trust.h); its `x-init-reserved` counts if the name has no `init_args`. Free `out`
 * with ch_module_file_free, also after a failure. CH_CONFIG names the places that were searched. */
CH_CHECKED ch_status ch_module_path(const ch_module_name *name, ch_module_file *out, ch_error *err);

/* The same, and the file is there, and nobody else can change it or put another in its place: code from it may run.
 * The path has no links in it. */
CH_CHECKED ch_status ch_module_path_trusted(const ch_module_name *name, ch_module_file *out, ch_error *err);

/* Calls `take` with the name of each module that p11-kit is configured with; one may come twice. The names are only to
 * choose from: ch_module_path says whether a file can be trusted. */
void ch_module_each_name(void (*take)(void *context, const char *name), void *context);

/* CH_CONFIG if `text` is too long, or seems to hold a PIN or password: it ends up in files and lists of processes. */
CH_CHECKED ch_status ch_module_check_init_args(const char *text, ch_error *err);

/* CH_OK if `name`, a path or a p11-kit name, can be loaded: it is there, nobody else can change it, and its header says
 * that it is a shared library for this machine. */
CH_CHECKED ch_status ch_module_path_check(const char *name, ch_error *err);

#endif
