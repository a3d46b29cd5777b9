/* Agent and CLI must come to the same answer, each in its own process, so both ask here. Root never uses its
 * XDG_RUNTIME_DIR: an agent that runs as a service would hide its sockets in the folder of a login session. */
#include "base/paths.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char ch_path_profiles[] = CH_PREFIX "/share/chancery/profiles";

static char *runtime_path(const char *file)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    bool has_runtime = geteuid() != 0 && runtime != NULL && *runtime != '\0';
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/chancery/%s", has_runtime ? runtime : "/run", file);
    return ch_slice_strdup(ch_buffer_slice(&path));
}

char *ch_path_agent_socket(void)
{
    return runtime_path("agent.sock");
}

char *ch_path_operator_socket(void)
{
    return runtime_path("people/operator.sock");
}

char *ch_path_beside(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || slash == NULL)
        return ch_strdup(path);
    ch_autobuffer whole = CH_BUFFER_INIT;
    ch_buffer_add(&whole, file, (size_t)(slash - file) + 1);
    ch_buffer_add_text(&whole, path);
    return ch_slice_strdup(ch_buffer_slice(&whole));
}

void ch_path_split(const char *path, char **folder, char **name)
{
    const char *slash = strrchr(path, '/');
    const ch_slice above = {(const uint8_t *)path, slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path)};
    *folder = slash == NULL ? ch_strdup(".") : ch_slice_strdup(above);
    *name = ch_strdup(slash == NULL ? path : slash + 1);
}
