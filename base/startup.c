#include "base/startup.h"

#include "base/log.h"

#include <getopt.h>
#include <stdio.h>

static bool end(FILE *stream, const char *usage, int status, int *exit_status)
{
    fputs(usage, stream);
    *exit_status = status;
    return false;
}

bool ch_startup_read(int argc, char **argv, const char *program, const char *usage, ch_startup *out, int *exit_status)
{
    static const struct option options[] = {
        {"config",  required_argument, NULL, 'c'},
        {"debug",   no_argument,       NULL, 'd'},
        {"check",   no_argument,       NULL, 'k'},
        {"version", no_argument,       NULL, 'V'},
        {"help",    no_argument,       NULL, 'h'},
        {NULL,      0,                 NULL, 0  },
    };
    int option;
    *out = (ch_startup){0};
    *exit_status = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->config_path = optarg;
            break;
        case 'd':
            ch_log_set_debug(true);
            break;
        case 'k':
            out->is_check = true;
            break;
        case 'V':
            printf("%s %s\n", program, CH_VERSION);
            return false;
        case 'h':
            return end(stdout, usage, 0, exit_status);
        default:
            return end(stderr, usage, 2, exit_status);
        }
    }
    return (out->config_path != NULL && optind == argc) || end(stderr, usage, 2, exit_status);
}
