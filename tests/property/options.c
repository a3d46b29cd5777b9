#include "tests/property/options.h"

#include <stdlib.h>
#include <string.h>

static bool read_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    if (text == NULL)
        return false;
    *out = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

int options_read(int argc, char **argv, options *out)
{
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        uint64_t *number = strcmp(argv[at], "--cases") == 0  ? &out->cases
                           : strcmp(argv[at], "--seed") == 0 ? &out->seed
                                                             : NULL;
        if (strcmp(argv[at], "--print") == 0)
            out->prints = true;
        else if (number == NULL || !read_number(argv[++at], number))
            return 0;
    }
    return at < argc ? at : 0;
}
