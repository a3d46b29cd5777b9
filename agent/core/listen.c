/* Who may do what is decided by who connects, not by the socket file's mode. */
#include "agent/core/listen.h"

#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 512

static ch_status remove_stale(const char *path, ch_error *err)
{
    struct stat facts;
    if (lstat(path, &facts) != 0)
        return errno == ENOENT ? CH_OK : ch_fail_errno(err, "looking at %s", path);
    if (!S_ISSOCK(facts.st_mode))
        return ch_fail(err, CH_CONFIG, "%s exists and is not a socket; move it away", path);
    return unlink(path) == 0 ? CH_OK : ch_fail_errno(err, "removing the old socket %s", path);
}

static ch_status make_folder_of(const char *path, ch_error *err)
{
    ch_autofree char *folder = ch_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
        return CH_OK;
    *slash = '\0';
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return ch_fail_errno(err, "making the folder %s", folder);
    return CH_OK;
}

ch_status ch_listen(const char *path, int type, int *fd, ch_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return ch_fail(err, CH_CONFIG, "the socket path %s is longer than %zu bytes", path,
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    CH_TRY(make_folder_of(path, err));
    CH_TRY(remove_stale(path, err));
    *fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return ch_fail_errno(err, "making the socket %s", path);
    if (bind(*fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0666) != 0 ||
        listen(*fd, BACKLOG) != 0)
        return ch_fail_errno(err, "listening on %s", path);
    return CH_OK;
}
