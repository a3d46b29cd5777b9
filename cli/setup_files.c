/* To know before a change: files are written into a folder of their own within the target, on the same file system, and
 * moved by rename without replacing anything. agent.yaml is moved last, so an agent has either everything or nothing to
 * start from. */
#include "base/memory.h"
#include "base/paths.h"
#include "base/trust.h"
#include "cli/setup_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNIT_FOLDER "/etc/chancery"
#define SOCKET_ROOM 80 /* of the 107 bytes that a socket's path may have, what is left for the folder */

/* In the order in which they are put in their places. The state is there only if somebody was enrolled, and what the
 * relay reads only if bots ask through it. */
/* clang-format off */
static const struct {
    const char *name;
    bool may_be_missing;
} parts[] = {
    /* name                  may be missing */
    { "state",               true },
    { "state.trace",         true },
    { CH_SETUP_RELAY_TOKEN,  true },
    { "relay.yaml",          true },
    { "policy.yaml",         false },
    { "agent.yaml",          false },
};
/* clang-format on */
#define PART_COUNT (sizeof parts / sizeof *parts)

bool ch_setup_is_in_one_folder(const ch_setup *setup)
{
    return strcmp(setup->folder, UNIT_FOLDER) != 0;
}

void ch_setup_add_path(ch_buffer *out, const char *folder, const char *name)
{
    ch_buffer_add_format(out, "%s/%s", folder, name);
}

static char *path_of(const char *folder, const char *name)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_setup_add_path(&path, folder, name);
    return ch_strdup(ch_buffer_text(&path));
}

/* ---- the folder ---- */

static ch_status check_is_empty(const ch_setup *setup, ch_error *err)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        ch_autofree char *path = path_of(setup->folder, parts[i].name);
        struct stat info;
        if (lstat(path, &info) == 0)
            return ch_fail(err, CH_CONFLICT,
                           "there is a %s already, and nothing is overwritten; move it away, or name another folder",
                           path);
    }
    return CH_OK;
}

/* What root makes, the user of the unit could not read. */
static ch_status check_user(const ch_setup *setup, ch_error *err)
{
    if (ch_setup_is_in_one_folder(setup) || geteuid() != 0)
        return CH_OK;
    return ch_fail(err, CH_CONFIG,
                   "the unit runs the agent as the user 'chancery', so that user must run this: "
                   "install -d -o chancery -g chancery " UNIT_FOLDER
                   "; install -d -m 700 -o chancery -g chancery " CH_PATH_STATE " " CH_PATH_STATE "-trace"
                   "; sudo -u chancery chancery setup " UNIT_FOLDER "; or name another folder");
}

/* The folder, or the one that it will be made in, must be one of which the agent would read its files. */
ch_status ch_setup_check_folder(ch_setup *setup, ch_error *err)
{
    CH_TRY(check_user(setup, err));
    ch_autotrusted opened = CH_TRUSTED_CLOSED;
    ch_autofree char *above = NULL;
    ch_autofree char *name = NULL;
    struct stat info;
    setup->is_own_folder = stat(setup->folder, &info) != 0 && errno == ENOENT;
    ch_path_split(setup->folder, &above, &name);
    CH_TRY(ch_trust_folder(setup->is_own_folder ? above : setup->folder,
                           setup->is_own_folder ? CH_FOLDER_SHARED : CH_FOLDER_OWN, &opened, err));
    if (access(opened.path, W_OK | X_OK) != 0)
        return ch_fail(err, CH_CONFIG,
                       "you cannot write to %s; name another folder, or run this as the user that the agent runs as",
                       opened.path);
    if (ch_setup_is_in_one_folder(setup) && strlen(setup->folder) > SOCKET_ROOM)
        return ch_fail(err, CH_BAD_INPUT, "the folder's path is too long for sockets; name one of at most %d bytes",
                       SOCKET_ROOM);
    return setup->is_own_folder ? CH_OK : check_is_empty(setup, err);
}

/* ---- the stage ---- */

static ch_status write_all(int fd, const ch_buffer *text)
{
    for (size_t done = 0; done < text->size;) {
        ssize_t put = write(fd, text->data + done, text->size - done);
        if (put < 0 && errno != EINTR)
            return CH_IO;
        done += put > 0 ? (size_t)put : 0;
    }
    return fsync(fd) == 0 ? CH_OK : CH_IO;
}

/* For the owner alone: a policy may hold a pass phrase. */
static ch_status write_file(const ch_setup *setup, const char *name, const ch_buffer *text, ch_error *err)
{
    ch_autofree char *path = path_of(setup->stage, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ch_fail_errno(err, "making %s", path);
    ch_status st = write_all(fd, text);
    if (st != CH_OK)
        ch_error_set_errno(err, "writing %s", path);
    close(fd);
    return st;
}

static ch_status make_stage(ch_setup *setup, ch_error *err)
{
    if (setup->is_own_folder && mkdir(setup->folder, 0755) != 0)
        return ch_fail_errno(err, "making the folder %s", setup->folder);
    char *path = path_of(setup->folder, ".setup-XXXXXX");
    if (mkdtemp(path) == NULL) {
        ch_status st = ch_fail_errno(err, "making the folder %s", path);
        free(path);
        return st;
    }
    setup->stage = path;
    return CH_OK;
}

static ch_status write_relay(const ch_setup *setup, ch_error *err)
{
    ch_autobuffer config = CH_BUFFER_INIT;
    ch_autobuffer token = CH_BUFFER_INIT;
    if (!setup->has_relay)
        return CH_OK;
    ch_setup_add_relay_config(setup, &config);
    CH_TRY(write_file(setup, "relay.yaml", &config, err));
    ch_status st = ch_setup_add_relay_token(&token, err);
    if (st == CH_OK)
        st = write_file(setup, CH_SETUP_RELAY_TOKEN, &token, err);
    explicit_bzero(token.data, token.size);
    return st;
}

ch_status ch_setup_write(ch_setup *setup, ch_error *err)
{
    ch_autobuffer config = CH_BUFFER_INIT;
    ch_autobuffer trial = CH_BUFFER_INIT;
    ch_autobuffer policy = CH_BUFFER_INIT;
    char sockets[] = "/tmp/chancery-XXXXXX";
    CH_TRY(make_stage(setup, err));
    /* Apart from where they will be: those of a running agent may be there, and this path is short. */
    if (mkdtemp(sockets) == NULL)
        return ch_fail_errno(err, "making the folder %s", sockets);
    setup->sockets = ch_strdup(sockets);
    ch_setup_add_config(setup, ch_setup_is_in_one_folder(setup) ? "run" : NULL, &config);
    ch_setup_add_config(setup, sockets, &trial);
    ch_setup_add_policy(setup, &policy);
    CH_TRY(write_file(setup, "policy.yaml", &policy, err));
    CH_TRY(write_file(setup, "agent.yaml", &config, err));
    CH_TRY(write_relay(setup, err));
    return write_file(setup, "trial.yaml", &trial, err);
}

/* ---- into place, or away ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_tree(char **folder)
{
    if (*folder != NULL && nftw(*folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "%s could not be removed (%s); nobody needs it any more\n", *folder, strerror(errno));
    free(*folder);
    *folder = NULL;
}

static ch_status move(const ch_setup *setup, size_t part, bool *is_moved, ch_error *err)
{
    ch_autofree char *from = path_of(setup->stage, parts[part].name);
    ch_autofree char *to = path_of(setup->folder, parts[part].name);
    *is_moved = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0;
    if (*is_moved || (errno == ENOENT && parts[part].may_be_missing))
        return CH_OK;
    return ch_fail_errno(err, "putting %s in its place", to);
}

/* Takes back what was moved, so that a second set-up finds nothing. What somebody else has put there stays. */
static void move_back(const ch_setup *setup, const bool is_moved[PART_COUNT])
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        ch_autofree char *from = path_of(setup->folder, parts[i].name);
        ch_autofree char *to = path_of(setup->stage, parts[i].name);
        if (is_moved[i] && rename(from, to) != 0)
            fprintf(stderr, "%s is left over; remove it\n", from);
    }
}

ch_status ch_setup_install(ch_setup *setup, ch_error *err)
{
    bool is_moved[PART_COUNT] = {false};
    for (size_t i = 0; i < PART_COUNT; i++) {
        ch_status st = move(setup, i, &is_moved[i], err);
        if (st != CH_OK) {
            move_back(setup, is_moved);
            return st;
        }
    }
    setup->is_own_folder = false;
    return CH_OK;
}

void ch_setup_remove(ch_setup *setup)
{
    remove_tree(&setup->sockets);
    remove_tree(&setup->stage);
    if (setup->is_own_folder)
        ch_ignore(rmdir(setup->folder)); /* it may not have been made */
}
