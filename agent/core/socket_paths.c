/* Two paths may spell one place in different ways, and a socket is not there before the agent runs: so its name is
 * compared, and the file number of its folder. */
#include "agent/core/socket_paths.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"
#include "state/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PLACES_MAX 24
#define SOCKETS 2 /* the first places are the sockets, and then come their locks */

typedef struct place {
    const char *what;
    char *path;
} place;

typedef struct places {
    place list[PLACES_MAX];
    size_t count;
} places;

static void add(places *to, const char *what, const char *path, const char *more)
{
    ch_autobuffer whole = CH_BUFFER_INIT;
    ch_buffer_add_format(&whole, "%s%s", path, more);
    to->list[to->count++] = (place){what, ch_strdup(ch_buffer_text(&whole))};
}

static void free_places(places *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->list[i].path);
}

static void find_places(const ch_agent_paths *paths, places *out)
{
    add(out, "'socket'", paths->socket, "");
    add(out, "'operator_socket'", paths->operator_socket, "");
    add(out, "the lock of 'socket'", paths->socket, ".lock");
    add(out, "the lock of 'operator_socket'", paths->operator_socket, ".lock");
    add(out, "this file", paths->config, "");
    add(out, "'policy'", paths->policy, "");
    add(out, "'profiles'", paths->profiles, "");
    add(out, "'state'", paths->state, "");
    add(out, "'trace'", paths->trace, "");
    if (paths->freeze_file != NULL)
        add(out, "'freeze_file'", paths->freeze_file, "");
    if (paths->shadow_policy != NULL)
        add(out, "'shadow_policy'", paths->shadow_policy, "");
    for (const char *const *file = ch_store_files; *file != NULL; file++) {
        ch_autobuffer name = CH_BUFFER_INIT;
        ch_buffer_add_format(&name, "/%s", *file);
        add(out, "a file of the state", paths->state, ch_buffer_text(&name));
    }
}

/* A slash at the end changes nothing. */
static void split(const char *path, char **folder, char **name)
{
    ch_autofree char *whole = ch_strdup(path);
    size_t size = strlen(whole);
    while (size > 1 && whole[size - 1] == '/')
        whole[--size] = '\0';
    ch_path_split(whole, folder, name);
}

/* `path` without "." and "..". */
static char *straighten(const char *path)
{
    ch_autobuffer out = CH_BUFFER_INIT;
    for (const char *at = path; *at != '\0';) {
        size_t size = strcspn(at, "/");
        bool is_up = size == 2 && memcmp(at, "..", 2) == 0;
        const char *slash = out.size == 0 ? NULL : memrchr(out.data, '/', out.size);
        if (is_up && slash != NULL)
            out.size = (size_t)(slash - (const char *)out.data);
        else if (size > 0 && !is_up && !(size == 1 && *at == '.'))
            ch_buffer_add_format(&out, "/%.*s", (int)size, at);
        at += size;
        at += strspn(at, "/");
    }
    return ch_strdup(ch_buffer_text(&out) + (path[0] != '/' && out.size > 0 ? 1 : 0));
}

/* Splits `path` into folder and name. Of a folder that is not there yet, nobody but its text can say where it is. */
static bool find_folder(const char *path, char **folder, char **name, struct stat *facts)
{
    split(path, folder, name);
    if (stat(*folder, facts) == 0)
        return true;
    free(*folder);
    free(*name);
    ch_autofree char *straight = straighten(path);
    split(straight, folder, name);
    return stat(*folder, facts) == 0;
}

static bool is_same(const char *a, const char *b)
{
    struct stat here;
    struct stat there;
    ch_autofree char *folder = NULL;
    ch_autofree char *other = NULL;
    ch_autofree char *name = NULL;
    ch_autofree char *other_name = NULL;
    bool is_there = find_folder(a, &folder, &name, &here);
    bool is_other_there = find_folder(b, &other, &other_name, &there);
    if (strcmp(name, other_name) != 0 || is_there != is_other_there)
        return false;
    if (is_there)
        return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
    return strcmp(folder, other) == 0 || is_same(folder, other);
}

static ch_status check_places(const places *all, const char *config_path, ch_error *err)
{
    for (size_t i = 0; i < 2 * SOCKETS; i++) {
        const place *own = &all->list[i];
        for (size_t k = i + 1; k < all->count; k++) {
            if (is_same(own->path, all->list[k].path))
                return ch_fail(err, CH_CONFIG, "%s: %s and %s are both %s; give each a path of its own", config_path,
                               own->what, all->list[k].what, own->path);
        }
    }
    return CH_OK;
}

static ch_status check_socket(const place *socket, const char *config_path, ch_error *err)
{
    struct stat facts;
    const char *slash = strrchr(socket->path, '/');
    const char *name = slash == NULL ? socket->path : slash + 1;
    size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (strlen(socket->path) > max)
        return ch_fail(err, CH_CONFIG, "%s: %s is %s, which is longer than the %zu bytes that a socket's path can have",
                       config_path, socket->what, socket->path, max);
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return ch_fail(err, CH_CONFIG, "%s: %s is %s, which names a folder", config_path, socket->what, socket->path);
    if (lstat(socket->path, &facts) == 0 && !S_ISSOCK(facts.st_mode))
        return ch_fail(err, CH_CONFIG, "%s: %s is %s, which exists and is not a socket; move it away", config_path,
                       socket->what, socket->path);
    return CH_OK;
}

static ch_status check_lock(const place *lock, const char *config_path, ch_error *err)
{
    struct stat facts;
    if (lstat(lock->path, &facts) != 0 || S_ISREG(facts.st_mode))
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "%s: %s is %s, which exists and is not a plain file; move it away", config_path,
                   lock->what, lock->path);
}

static ch_status check_all(const places *all, const char *config_path, ch_error *err)
{
    CH_TRY(check_places(all, config_path, err));
    for (size_t i = 0; i < SOCKETS; i++) {
        CH_TRY(check_socket(&all->list[i], config_path, err));
        CH_TRY(check_lock(&all->list[SOCKETS + i], config_path, err));
    }
    return CH_OK;
}

ch_status ch_socket_paths_check(const ch_agent_paths *paths, ch_error *err)
{
    places all = {0};
    find_places(paths, &all);
    ch_status st = check_all(&all, paths->config, err);
    free_places(&all);
    return st;
}
