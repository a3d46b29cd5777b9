/* To say where one module is, p11-kit's API would load every module that is configured. A line of the module's file
 * says it too (pkcs11.conf(5)), without vendor code that nobody asked for. */
#include "pkcs11/module_path.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/trust.h"

#include <dirent.h>
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

void ch_module_file_free(ch_module_file *file)
{
    free(file->path);
    free(file->init_args);
    *file = (ch_module_file){0};
}

/* Takes the line's value, if it is the first line of that field and the value is not empty. */
static void take_line(char *line, const char *field, char **out)
{
    char *at = line + strspn(line, " \t");
    if (*out != NULL || strncmp(at, field, strlen(field)) != 0)
        return;
    at += strlen(field);
    at += strspn(at, " \t");
    size_t size = strlen(at);
    while (size > 0 && strchr(" \t\r\n", at[size - 1]) != NULL)
        size--;
    at[size] = '\0';
    *out = size == 0 ? NULL : ch_strdup(at);
}

static void take_lines(FILE *file, ch_module_file *out)
{
    char line[4096];
    while (fgets(line, sizeof line, file) != NULL) {
        take_line(line, "module:", &out->path);
        take_line(line, "x-init-reserved:", &out->init_args);
    }
}

/* The path stays NULL if the folder does not know the module. */
static ch_status look_up(const char *folder, const char *name, ch_module_file *out, ch_error *err)
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
    take_lines(file, out);
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

static void take_found(const ch_module_file *found, ch_module_file *out)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s%s", found->path[0] == '/' ? "" : CH_P11_MODULE_DIR "/", found->path);
    out->path = ch_strdup(ch_buffer_text(&path));
    out->init_args = found->init_args == NULL ? NULL : ch_strdup(found->init_args);
}

/* As the first folder says that knows the module; the path stays NULL if none does. */
static ch_status find_configured(const char *const folders[FOLDERS], const char *name, ch_module_file *out,
                                 ch_error *err)
{
    for (size_t i = 0; i < FOLDERS && out->path == NULL; i++) {
        ch_automodulefile found = {0};
        if (folders[i] != NULL)
            CH_TRY(look_up(folders[i], name, &found, err));
        if (found.path != NULL)
            take_found(&found, out);
    }
    return CH_OK;
}

#define OF_SYSTEM "/etc/pkcs11/modules"
#define OF_PACKAGES "/usr/share/p11-kit/modules"

static ch_status find_by_name(const char *name, ch_module_file *out, ch_error *err)
{
    ch_autofree char *own = user_folder();
    const char *const folders[FOLDERS] = {own, OF_SYSTEM, OF_PACKAGES};
    CH_TRY(find_configured(folders, name, out, err));
    if (out->path == NULL)
        return ch_fail(err, CH_CONFIG, "p11-kit knows no module '%s': there is no %s.module in %s%s%s or %s", name,
                       name, own == NULL ? "" : own, own == NULL ? "" : ", ", folders[1], folders[2]);
    return CH_OK;
}

static int is_module_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".module") == 0;
}

static void each_name_in(const char *folder, void (*take)(void *context, const char *name), void *context)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_module_file, alphasort);
    for (int i = 0; i < count; i++) {
        *strrchr(entries[i]->d_name, '.') = '\0';
        take(context, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

void ch_module_each_name(void (*take)(void *context, const char *name), void *context)
{
    ch_autofree char *own = user_folder();
    const char *const folders[FOLDERS] = {own, OF_SYSTEM, OF_PACKAGES};
    for (size_t i = 0; i < FOLDERS; i++) {
        if (folders[i] != NULL)
            each_name_in(folders[i], take, context);
    }
}

static ch_status find_by_path(const char *path, ch_module_file *out, ch_error *err)
{
    if (access(path, R_OK) != 0)
        return ch_fail(err, CH_CONFIG, "the PKCS#11 module %s can't be read (%s); give its path or a p11-kit name",
                       path, strerror(errno));
    out->path = ch_strdup(path);
    return CH_OK;
}

ch_status ch_module_path(const ch_module_name *name, ch_module_file *out, ch_error *err)
{
    *out = (ch_module_file){0};
    CH_TRY((strchr(name->name, '/') != NULL ? find_by_path : find_by_name)(name->name, out, err));
    if (name->init_args == NULL)
        return CH_OK;
    free(out->init_args);
    out->init_args = ch_strdup(name->init_args);
    return CH_OK;
}

#define INIT_ARGS_MAX 1024

ch_status ch_module_check_init_args(const char *text, ch_error *err)
{
    static const char *const secrets[] = {"pin=", "pin-value", "password=", "passwd=", "passphrase="};
    if (strlen(text) > INIT_ARGS_MAX)
        return ch_fail(err, CH_CONFIG, "the module's init_args are longer than %d bytes", INIT_ARGS_MAX);
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (strcasestr(text, secrets[i]) != NULL)
            return ch_fail(err, CH_CONFIG,
                           "the module's init_args seem to hold a PIN or password, and others could read them; "
                           "'chancery unlock' passes a PIN safely");
    }
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

static ch_status open_trusted(const ch_module_name *name, ch_module_file *file, ch_trusted *out, ch_error *err)
{
    CH_TRY(ch_module_path(name, file, err));
    if (ch_trust_file(file->path, out, err) != CH_OK)
        return ch_error_wrap(err, "the PKCS#11 module");
    return CH_OK;
}

ch_status ch_module_path_trusted(const ch_module_name *name, ch_module_file *out, ch_error *err)
{
    ch_autotrusted module = CH_TRUSTED_CLOSED;
    CH_TRY(open_trusted(name, out, &module, err));
    free(out->path);
    out->path = ch_strdup(module.path);
    return CH_OK;
}

ch_status ch_module_path_check(const char *name, ch_error *err)
{
    ch_automodulefile file = {0};
    ch_autotrusted module = CH_TRUSTED_CLOSED;
    CH_TRY(open_trusted(&(ch_module_name){.name = name}, &file, &module, err));
    if (is_loadable(module.fd))
        return CH_OK;
    return ch_fail(
        err, CH_CONFIG,
        "the PKCS#11 module %s is not a shared library that this machine can load; give the path of the vendor's "
        "module, or a p11-kit name",
        module.path);
}
