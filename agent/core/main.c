/* chancery-agent: what a person starts. It is the core process, and starts the others. */
#include "agent/core/acceptance.h"
#include "agent/core/core.h"
#include "agent/core/rules.h"
#include "agent/core/tolerance.h"
#include "agent/harden.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/startup.h"
#include "exchange/environments.h"
#include "exchange/profile.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: chancery-agent --config FILE [--check] [--debug]\n"
    "\n"
    "Signs requests to crypto exchanges with keys that stay in a PKCS#11 token.\n"
    "Runs in the foreground and logs to standard error; SIGTERM stops it, SIGHUP has it\n"
    "read its files again.\n"
    "\n"
    "  --config FILE  read the configuration from FILE (agent.yaml)\n"
    "  --debug        log each request's steps and each change of a token's state\n"
    "  --check        read configuration, policy and profiles, say what is wrong, and exit\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "\n"
    "Exit status: 0 stopped by a signal, or the check passed; 2 wrong usage;\n"
    "5 another agent uses the state folder or a socket, or a newer one used the state; 10 configuration is wrong, or\n"
    "others can change a file of the agent's; 11 system failure.\n";

/* With the rights that the agent has when it reads them: root's alone would open what the agent cannot. */
static ch_status read_files(const char *config_path, ch_rules *out, ch_error *err)
{
    ch_gaps gaps = {0};
    ch_status st = ch_harden_process(err);
    ch_harden_core(&gaps);
    ch_buffer_free(&gaps.bytes);
    *out = (ch_rules){0};
    return st == CH_OK ? ch_rules_load(config_path, out, err) : st;
}

static void print_line(const char *line)
{
    printf("%s\n", line);
}

/* What nobody would like to learn from the first order. */
static void print_environments(const ch_policy *policy)
{
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *key = &policy->keys[i];
        const char *name = ch_environment_name(key->traits.environment);
        if (key->traits.environment == ch_profile_live(key->profile))
            continue;
        printf("key '%s': environment '%s' of profile '%s'", key->name, name, ch_profile_name(key->profile));
        printf("%s\n",
               strcmp(ch_environment_keys(key->traits.environment), name) == 0 ? "" : ", where live keys are good");
    }
}

static int check(const char *config_path)
{
    ch_rules rules;
    ch_error err = CH_ERROR_INIT;
    ch_status st = read_files(config_path, &rules, &err);
    if (st == CH_OK) {
        ch_tolerance_say(&rules.policy, print_line);
        ch_confusion_say(&rules.policy, print_line);
        print_environments(&rules.policy);
        printf("%s is good: %zu keys, %zu tokens, %zu profiles\n", config_path, rules.policy.key_count,
               rules.config.token_count, rules.policy.profile_count);
    } else {
        fprintf(stderr, "chancery-agent: %s\n", err.message);
    }
    ch_rules_free(&rules);
    return ch_status_exit(st);
}

int main(int argc, char **argv)
{
    ch_startup startup;
    int exit_status;
    if (!ch_startup_read(argc, argv, "chancery-agent", usage, &startup, &exit_status))
        return exit_status;
    ch_log_set_role("core");
    return startup.is_check ? check(startup.config_path) : ch_core_run(startup.config_path);
}
