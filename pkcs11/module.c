/* p11-kit's API would load every configured module to tell where one of them is; a line of its file says it too
 * (pkcs11.conf(5)), without vendor code that nobody asked for. */
#include "pkcs11/module.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* pkg-config --variable=p11_module_path p11-kit-1; given by the build where it is another. */
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

static char *look_up(const char *folder, const char *name)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/%s.module", folder, name);
    FILE *file = fopen(ch_buffer_text(&path), "re");
    if (file == NULL)
        return NULL;
    char *module = module_line(file);
    (void)fclose(file);
    return module;
}

/* As p11-kit does, root's own configuration is not asked: it would be whatever $HOME says. */
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

ch_status ch_module_path(const char *module, char **out, ch_error *err)
{
    if (strchr(module, '/') != NULL) {
        if (access(module, R_OK) != 0)
            return ch_fail(err, CH_CONFIG, "the PKCS#11 module %s can't be read; give its path or a p11-kit name",
                           module);
        *out = ch_strdup(module);
        return CH_OK;
    }
    ch_autofree char *own_folder = user_folder();
    const char *const folders[] = {own_folder, "/etc/pkcs11/modules", "/usr/share/p11-kit/modules"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        ch_autofree char *found = folders[i] == NULL ? NULL : look_up(folders[i], module);
        if (found == NULL)
            continue;
        ch_autobuffer path = CH_BUFFER_INIT;
        if (found[0] != '/')
            ch_buffer_add_text(&path, CH_P11_MODULE_DIR "/");
        ch_buffer_add_text(&path, found);
        *out = ch_strdup(ch_buffer_text(&path));
        return CH_OK;
    }
    return ch_fail(err, CH_CONFIG, "p11-kit knows no module '%s': there is no %s.module in %s%s%s or %s", module,
                   module, own_folder == NULL ? "" : own_folder, own_folder == NULL ? "" : ", ", folders[1],
                   folders[2]);
}
