/* To say where one module is, p11-kit's API would load every module that is configured. A line of the module's file
 * says it too (pkcs11.conf(5)), without vendor code that nobody asked for. */
#include "pkcs11/module_path.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/trust.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* pkg-config --variable=p11_module_path p11-kit-1; a build can set another. */
#ifndef CH_P11_MODULE_DIR
#define CH_P11_MODULE_DIR "/usr/lib/x86_64-linux-gnu/pkcs11"
#endif

static char *module_line(FILE *file)
{
    char line[4096];
    while (fgets(line, sizeof line, file) != NULL) {
        char *at = line + strspn(line, " \t");
        if (strncmp(at, "module:", 7) != 0)
            continue;
        at += 7;
        at += strspn(at, " \t");
        size_t size = strlen(at);
        while (size > 0 && strchr(" \t\r\n", at[size - 1]) != NULL)
            size--;
        at[size] = '\0';
        return *at == '\0' ? NULL : ch_strdup(at);
    }
    return NULL;
}

/* `*out` stays NULL if the folder does not know the module. */
static ch_status look_up(const char *folder, const char *name, char **out, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autotrusted configured = CH_TRUSTED_CLOSED;
    ch_buffer_add_format(&path, "%s/%s.module", folder, name);
    if (access(ch_buffer_text(&path), F_OK) != 0)
        return CH_OK;
    CH_TRY(ch_trust_file(ch_buffer_text(&path), &configured, err));
    FILE *file = fdopen(configured.fd, "r");
    if (file == NULL)
        return ch_fail_errno(err, "reading %s", configured.path);
    configured.fd = -1;
    *out = module_line(file);
    fclose(file);
    return CH_OK;
}

/* Root has no configuration of its own, as with p11-kit: it would be whatever $HOME says. */
static char *user_folder(void)
{
    const char *home = geteuid() == 0 ? NULL : secure_getenv("HOME");
    const char *config = geteuid() == 0 ? NULL : secure_getenv("XDG_CONFIG_HOME");
    ch_autobuffer path = CH_BUFFER_INIT;
    if (config != NULL && *config == '/')
        ch_buffer_add_format(&path, "%s/pkcs11/modules", config);
    else if (home != NULL && *home == '/')
        ch_buffer_add_format(&path, "%s/.config/pkcs11/modules", home);
    return path.size == 0 ? NULL : ch_strdup(ch_buffer_text(&path));
}

#define FOLDERS 3

/* The module's file as the first folder says that knows it; NULL if none does. */
static ch_status find_configured(const char *const folders[FOLDERS], const char *name, char **out, ch_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < FOLDERS; i++) {
        ch_autofree char *found = NULL;
        if (folders[i] != NULL)
            CH_TRY(look_up(folders[i], name, &found, err));
        if (found == NULL)
            continue;
        ch_autobuffer path = CH_BUFFER_INIT;
        ch_buffer_add_format(&path, "%s%s", found[0] == '/' ? "" : CH_P11_MODULE_DIR "/", found);
        *out = ch_strdup(ch_buffer_text(&path));
        return CH_OK;
    }
    return CH_OK;
}

ch_status ch_module_path(const char *name, char **out, ch_error *err)
{
    if (strchr(name, '/') != NULL) {
        if (access(name, R_OK) != 0)
            return ch_fail(err, CH_CONFIG, "the PKCS#11 module %s can't be read (%s); give its path or a p11-kit name",
                           name, strerror(errno));
        *out = ch_strdup(name);
        return CH_OK;
    }
    ch_autofree char *own = user_folder();
    const char *const folders[FOLDERS] = {own, "/etc/pkcs11/modules", "/usr/share/p11-kit/modules"};
    CH_TRY(find_configured(folders, name, out, err));
    if (*out == NULL)
        return ch_fail(err, CH_CONFIG, "p11-kit knows no module '%s': there is no %s.module in %s%s%s or %s", name,
                       name, own == NULL ? "" : own, own == NULL ? "" : ", ", folders[1], folders[2]);
    return CH_OK;
}

/* ---- what dlopen would refuse, without running any of it ---- */

/* True of a position-independent program, which looks like a library but for one flag. */
static bool has_program_flag(int fd, const ElfW(Phdr) * dynamic)
{
    ElfW(Dyn) entry;
    for (size_t at = 0; at + sizeof entry <= dynamic->p_filesz; at += sizeof entry) {
        if (pread(fd, &entry, sizeof entry, (off_t)(dynamic->p_offset + at)) != (ssize_t)sizeof entry ||
            entry.d_tag == DT_NULL)
            return false;
        if (entry.d_tag == DT_FLAGS_1)
            return (entry.d_un.d_val & DF_1_PIE) != 0;
    }
    return false;
}

static bool is_program(int fd, const ElfW(Ehdr) * header)
{
    ElfW(Phdr) segment;
    for (size_t i = 0; i < header->e_phnum; i++) {
        off_t at = (off_t)(header->e_phoff + i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
            return false;
        if (segment.p_type == PT_DYNAMIC)
            return has_program_flag(fd, &segment);
    }
    return false;
}

/* The linker puts our own header there. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden"))); // NOLINT(bugprone-reserved-identifier)

static bool is_loadable(int fd)
{
    ElfW(Ehdr) header;
    return pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header &&
           memcmp(header.e_ident, __ehdr_start.e_ident, EI_VERSION + 1) == 0 && header.e_type == ET_DYN &&
           header.e_machine == __ehdr_start.e_machine && !is_program(fd, &header);
}

static ch_status open_trusted(const char *name, ch_trusted *out, ch_error *err)
{
    ch_autofree char *path = NULL;
    CH_TRY(ch_module_path(name, &path, err));
    if (ch_trust_file(path, out, err) != CH_OK)
        return ch_error_wrap(err, "the PKCS#11 module");
    return CH_OK;
}

ch_status ch_module_path_trusted(const char *name, char **out, ch_error *err)
{
    ch_autotrusted module = CH_TRUSTED_CLOSED;
    CH_TRY(open_trusted(name, &module, err));
    *out = ch_strdup(module.path);
    return CH_OK;
}

ch_status ch_module_path_check(const char *name, ch_error *err)
{
    ch_autotrusted module = CH_TRUSTED_CLOSED;
    CH_TRY(open_trusted(name, &module, err));
    if (is_loadable(module.fd))
        return CH_OK;
    return ch_fail(
        err, CH_CONFIG,
        "the PKCS#11 module %s is not a shared library that this machine can load; give the path of the vendor's "
        "module, or a p11-kit name",
        module.path);
}
