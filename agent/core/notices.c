#include "agent/core/notices.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/printable.h"
#include "base/users.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NOTICE_SIZE 256

struct ch_notices {
    char texts[CH_NOTICES_MAX][NOTICE_SIZE];
    size_t count;
};

ch_notices *ch_notices_new(void)
{
    return ch_alloc(sizeof(ch_notices));
}

void ch_notices_free(ch_notices *notices)
{
    free(notices);
}

void ch_notices_add(ch_notices *notices, const char *format, ...)
{
    if (notices->count == CH_NOTICES_MAX)
        return;
    char *text = notices->texts[notices->count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, NOTICE_SIZE, format, arguments);
    va_end(arguments);
    ch_make_printable(text);
    ch_log("%s", text);
}

void ch_notices_add_users(ch_notices *notices)
{
    if (ch_is_in_user_namespace())
        ch_notices_add(notices,
                       "the agent is in a user namespace: users whom it does not map all look like user %u and are "
                       "turned away, and the ids in policy.yaml are those of the namespace",
                       (unsigned)ch_overflow_uid());
}

size_t ch_notices_count(const ch_notices *notices)
{
    return notices == NULL ? 0 : notices->count;
}

const char *ch_notices_at(const ch_notices *notices, size_t index)
{
    assert(index < notices->count);
    return notices->texts[index];
}
