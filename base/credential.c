/* The files must be trusted as all files that decide over keys: whoever could put another one there would choose the
 * PIN. */
#include "base/credential.h"

#include "base/buffer.h"
#include "base/trust.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "CREDENTIALS_DIRECTORY"
#define NAME_LENGTH_MAX 255

static ch_status check_name(const char *name, ch_error *err)
{
    size_t size = strlen(name);
    if (size > 0 && size <= NAME_LENGTH_MAX && name[0] != '.' && strchr(name, '/') == NULL)
        return CH_OK;
    return ch_fail(err, CH_CONFIG, "this is no name of a credential; write the one that LoadCredential= has");
}

/* The manager's files are for one user. An access control list for that user shows as a right of the group. */
static ch_status check_readers(const ch_trusted *file, ch_error *err)
{
    struct stat facts;
    if (fstat(file->fd, &facts) != 0)
        return ch_fail_errno(err, "looking at %s", file->path);
    if ((facts.st_mode & S_IRWXO) != 0)
        return ch_fail(err, CH_CONFIG, "every user can read %s; a PIN must be nobody else's: chmod o-rwx %s",
                       file->path, file->path);
    return CH_OK;
}

ch_status ch_credential_read(const char *name, size_t max_bytes, ch_secret *out, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autotrusted file = CH_TRUSTED_CLOSED;
    const char *folder = getenv(FOLDER);
    CH_TRY(check_name(name, err));
    if (folder == NULL || *folder == '\0')
        return ch_fail(err, CH_NOT_FOUND,
                       "there are no credentials here: $" FOLDER
                       " is not set; add LoadCredentialEncrypted= to the service's unit");
    ch_buffer_add_format(&path, "%s/%s", folder, name);
    if (access(ch_buffer_text(&path), F_OK) != 0)
        return ch_fail(err, CH_NOT_FOUND, "there is no credential '%s'; add LoadCredentialEncrypted=%s to the unit",
                       name, name);
    CH_TRY(ch_trust_file(ch_buffer_text(&path), &file, err));
    CH_TRY(check_readers(&file, err));
    if (ch_secret_read(out, file.fd, max_bytes, err) != CH_OK)
        return ch_error_wrap(err, "the credential '%s'", name);
    return CH_OK;
}
