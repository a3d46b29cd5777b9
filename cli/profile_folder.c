/* A file is a profile if its name ends in ".yaml". */
#include "cli/profile_folder.h"

#include "base/buffer.h"
#include "exchange/load.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

typedef struct yaml_files {
    struct dirent **entries;
    int count;
} yaml_files;

static void yaml_files_free(yaml_files *files)
{
    for (int i = 0; i < files->count; i++)
        free(files->entries[i]);
    free(files->entries);
}
#define auto_yaml_files __attribute__((cleanup(yaml_files_free))) yaml_files

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".yaml") == 0;
}

ch_status ch_profile_folder_each(const char *folder, void (*take)(void *context, const ch_profile *profile),
                                 void *context, ch_error *err)
{
    auto_yaml_files files = {NULL, 0};
    int count = scandir(folder, &files.entries, is_yaml, alphasort);
    if (count < 0)
        return ch_fail_errno(err, "reading the folder %s (--profiles or CHANCERY_PROFILES names another)", folder);
    files.count = count;
    for (int i = 0; i < files.count; i++) {
        ch_autobuffer path = CH_BUFFER_INIT;
        ch_autoprofile *profile = NULL;
        ch_buffer_add_format(&path, "%s/%s", folder, files.entries[i]->d_name);
        CH_TRY(ch_profile_load_any(ch_buffer_text(&path), &profile, err));
        take(context, profile);
    }
    return CH_OK;
}
