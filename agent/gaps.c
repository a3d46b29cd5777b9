#include "agent/gaps.h"

#include "wire/frames.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GAP_MAX 400 /* bytes; as many as there can be fit a frame */

static void add(ch_gaps *gaps, const char *text)
{
    ch_text_record record = {.bytes = ch_slice_of(text)};
    ch_text_record_put(&gaps->list, &gaps->bytes, &record);
}

void ch_gaps_add(ch_gaps *gaps, const char *format, ...)
{
    char text[GAP_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add(gaps, text);
}

void ch_gaps_add_errno(ch_gaps *gaps, const char *format, ...)
{
    int number = errno;
    char text[GAP_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ch_gaps_add(gaps, "%s: %s", text, strerror(number));
}
