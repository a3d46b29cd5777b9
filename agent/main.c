/* chancery-agent: one binary, three roles. Core is what a person starts; it runs the same file again for the others. */
#include "agent/core/core.h"
#include "agent/front/front.h"
#include "agent/harden.h"
#include "base/log.h"
#include "agent/token/token_process.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: chancery-agent --config FILE [--check]\n"
    "\n"
    "Signs requests to crypto exchanges with keys that stay in a PKCS#11 token.\n"
    "Runs in the foreground and logs to standard error; SIGTERM stops it.\n"
    "\n"
    "  --config FILE  read the configuration from FILE (agent.yaml)\n"
    "  --check        read configuration, policy and profiles, say what is wrong, and exit\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "\n"
    "Exit status: 0 stopped by a signal, or the check passed; 2 wrong usage;\n"
    "5 another agent runs on the same state folder; 10 configuration is wrong; 11 system failure.\n";

static int run_front(void)
{
    ch_error err = CH_ERROR_INIT;
    if (ch_harden_front(&err) != CH_OK) {
        ch_log("%s", err.message);
        return 1;
    }
    return ch_front_main(CH_CHILD_FD);
}

static int run_token(void)
{
    ch_error err = CH_ERROR_INIT;
    if (ch_harden_process(&err) != CH_OK) {
        ch_log("%s", err.message);
        return 1;
    }
    return ch_token_process_main(CH_CHILD_FD);
}

static int run_role(const char *role)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } roles[] = {
        {"front", run_front},
        {"token", run_token}
    };
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(role, roles[i].name) == 0) {
            ch_log_set_role(roles[i].name);
            return roles[i].run();
        }
    }
    (void)fprintf(stderr, "chancery-agent: there is no role '%s'\n", role);
    return 2;
}

static int check(const char *config_path)
{
    ch_config config;
    ch_policy policy = {0};
    ch_error err = CH_ERROR_INIT;
    ch_status st = ch_config_load(config_path, &config, &err);
    if (st == CH_OK)
        st = ch_policy_load(&config, &policy, &err);
    if (st == CH_OK)
        (void)printf("%s is good: %zu keys, %zu tokens, %zu profiles\n", config_path, policy.key_count,
                     config.token_count, policy.profile_count);
    else
        (void)fprintf(stderr, "chancery-agent: %s\n", err.message);
    ch_policy_free(&policy);
    ch_config_free(&config);
    return ch_status_exit(st);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config",  required_argument, NULL, 'c'},
        {"check",   no_argument,       NULL, 'k'},
        {"role",    required_argument, NULL, 'r'},
        {"version", no_argument,       NULL, 'V'},
        {"help",    no_argument,       NULL, 'h'},
        {NULL,      0,                 NULL, 0  },
    };
    const char *config_path = NULL;
    bool is_check = false;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config_path = optarg;
            break;
        case 'k':
            is_check = true;
            break;
        case 'r':
            return run_role(optarg);
        case 'V':
            (void)printf("chancery-agent %s\n", CH_VERSION);
            return 0;
        case 'h':
            (void)fputs(usage, stdout);
            return 0;
        default:
            (void)fputs(usage, stderr);
            return 2;
        }
    }
    if (config_path == NULL || optind != argc) {
        (void)fputs(usage, stderr);
        return 2;
    }
    ch_log_set_role("core");
    return is_check ? check(config_path) : ch_core_main(config_path);
}
