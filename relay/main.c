/* chancery-relay: sends what the agent has judged and signed, once. */
#include "base/log.h"
#include "base/startup.h"
#include "relay/relay.h"

#include <stdio.h>

static const char usage[] =
    "usage: chancery-relay --config FILE [--check] [--debug]\n"
    "\n"
    "Takes trading bots' requests to exchanges, has chancery-agent judge and sign each,\n"
    "and sends it to the exchange, once.\n"
    "Runs in the foreground and logs to standard error; SIGTERM stops it when what is on\n"
    "its way has been answered.\n"
    "\n"
    "  --config FILE  read the configuration from FILE (relay.yaml)\n"
    "  --debug        log each request's way\n"
    "  --check        read the configuration, tokens and certificates, say what is wrong, and exit\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "\n"
    "Exit status: 0 stopped by a signal, or the check passed; 2 wrong usage;\n"
    "5 another program listens on an address; 10 configuration is wrong, or others can\n"
    "change or read a file of the relay's; 11 system failure.\n";

static int check(const char *config_path)
{
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_relay_check(config_path, &err);
    if (st == CH_OK)
        printf("%s is good\n", config_path);
    else
        fprintf(stderr, "chancery-relay: %s\n", err.message);
    return ch_status_exit(st);
}

int main(int argc, char **argv)
{
    ch_startup startup;
    int exit_status;
    if (!ch_startup_read(argc, argv, "chancery-relay", usage, &startup, &exit_status))
        return exit_status;
    ch_log_set_role("relay");
    return startup.is_check ? check(startup.config_path) : ch_relay_run(startup.config_path);
}
