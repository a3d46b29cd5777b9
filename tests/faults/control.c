/* Whoever asks first after a change reads the file. A call takes the rules that are about it by value, so that none is
 * held while it acts; a call that hangs looks whether its line is still there. */
#include "tests/faults/control.h"

#include "tests/faults/rule.h"
#include "tests/faults/shared.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_MAX SHARED_COUNTERS
#define LINE_SIZE 256
#define WORDS_MAX (MODEL_WORDS + 1)
#define PATH_SIZE 4096
#define HANG_LOOK_US 20000
#define RULES_A_CALL 8

typedef struct named_model {
    char name[MODEL_WORD_SIZE];
    model words;
} named_model;

typedef struct control {
    uint64_t stamp;
    unsigned rule_count;
    rule rules[LINES_MAX];
    unsigned model_count;
    named_model models[LINES_MAX];
    bool has_labels;
    uint64_t seed;
} control;

static control state;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Those that README.md describes. The second column: they are about keys by label. */
static const struct {
    const char *name;
    bool has_label;
} model_names[] = {
    {"@absent",             false},
    {"@always-auth",        true },
    {"@attr",               true },
    {"@bad-slot",           false},
    {"@idle",               false},
    {"@latency",            false},
    {"@logout",             false},
    {"@mechs",              false},
    {"@no-custom-mutex",    false},
    {"@no-generic-secret",  false},
    {"@no-second-init",     false},
    {"@pinmax",             false},
    {"@reserved",           false},
    {"@reset",              false},
    {"@seed",               false},
    {"@serial",             false},
    {"@sessions",           false},
    {"@shared-login",       false},
    {"@strict-template",    false},
    {"@swap",               false},
    {"@unknown-attr-empty", false},
};

/* ---- reading ---- */

static bool add_model(char **words, unsigned count)
{
    named_model *added = &state.models[state.model_count++];
    *added = (named_model){.words.count = count - 1};
    snprintf(added->name, sizeof added->name, "%s", words[0]);
    for (unsigned i = 1; i < count; i++) {
        if ((size_t)snprintf(added->words.words[i - 1], MODEL_WORD_SIZE, "%s", words[i]) >= MODEL_WORD_SIZE)
            return false;
    }
    if (strcmp(words[0], "@seed") == 0)
        state.seed = strtoull(added->words.words[0], NULL, 10);
    for (size_t i = 0; i < sizeof model_names / sizeof *model_names; i++) {
        if (strcmp(model_names[i].name, words[0]) == 0) {
            state.has_labels = state.has_labels || model_names[i].has_label;
            return true;
        }
    }
    return false;
}

static bool add_rule(char **words, unsigned count, unsigned number)
{
    rule *added = &state.rules[state.rule_count];
    if (!rule_read(added, words, count))
        return false;
    state.rule_count++;
    added->number = number;
    state.has_labels = state.has_labels || added->key[0] != '\0';
    return true;
}

static bool add_line(char *line, unsigned number)
{
    char *words[WORDS_MAX];
    char *rest = NULL;
    unsigned count = 0;
    line[strcspn(line, "#\n")] = '\0';
    for (char *word = strtok_r(line, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
        if (count == WORDS_MAX)
            return false;
        words[count++] = word;
    }
    if (count == 0)
        return true;
    return *words[0] == '@' ? add_model(words, count) : add_rule(words, count, number);
}

static void read_lines(FILE *file)
{
    char line[LINE_SIZE];
    char shown[LINE_SIZE];
    for (unsigned number = 0; fgets(line, sizeof line, file) != NULL; number++) {
        snprintf(shown, sizeof shown, "%s", line);
        if (number == LINES_MAX || !add_line(line, number)) {
            fprintf(stderr, "faulty: the control file's line %u is not understood: %s", number + 1, shown);
            abort();
        }
    }
}

/* A file that replaces another one has another inode, as long as the other one is open or was there just now; the time
 * tells those apart that do not. */
static uint64_t stamp_of(const struct stat *file)
{
    return (uint64_t)file->st_ino * 0x9e3779b97f4a7c15U ^ (uint64_t)file->st_ctim.tv_sec * 1000000000U ^
           (uint64_t)file->st_ctim.tv_nsec;
}

static void read_file(const char *path)
{
    struct stat is;
    FILE *file = fopen(path, "re");
    state = (control){.seed = 1};
    if (file == NULL || fstat(fileno(file), &is) != 0)
        abort();
    state.stamp = stamp_of(&is);
    read_lines(file);
    fclose(file);
    shared_begin_counters(state.stamp);
}

uint64_t control_look(void)
{
    char path[PATH_SIZE];
    struct stat now;
    shared_path("", path);
    pthread_mutex_lock(&lock);
    if (stat(path, &now) != 0)
        state = (control){.seed = 1};
    else if (stamp_of(&now) != state.stamp)
        read_file(path);
    uint64_t stamp = state.stamp;
    pthread_mutex_unlock(&lock);
    return stamp;
}

/* ---- models ---- */

bool control_next_model(const char *name, unsigned *from, model *out)
{
    bool is_found = false;
    pthread_mutex_lock(&lock);
    for (; !is_found && *from < state.model_count; ++*from) {
        is_found = strcmp(state.models[*from].name, name) == 0;
        if (is_found && out != NULL)
            *out = state.models[*from].words;
    }
    pthread_mutex_unlock(&lock);
    return is_found;
}

bool control_model(const char *name, model *out)
{
    unsigned from = 0;
    return control_next_model(name, &from, out);
}

unsigned long control_value(const char *name, unsigned long otherwise)
{
    model found;
    return control_model(name, &found) ? strtoul(found.words[0], NULL, 10) : otherwise;
}

bool control_has_labels(void)
{
    pthread_mutex_lock(&lock);
    bool has_labels = state.has_labels;
    pthread_mutex_unlock(&lock);
    return has_labels;
}

/* ---- rules ---- */

/* Those that choose this call, in the file's order. */
static unsigned choose(const call *now, bool is_after, rule *out)
{
    unsigned chosen = 0;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < state.rule_count && chosen < RULES_A_CALL; i++) {
        rule *one = &state.rules[i];
        if (one->is_after != is_after || !rule_fits(one, now))
            continue;
        one->count++;
        unsigned long count = one->is_counted_by_all || one->chance < 1 ? shared_count(one->number) : one->count;
        if (rule_chooses(one, count, state.seed))
            out[chosen++] = *one;
    }
    pthread_mutex_unlock(&lock);
    return chosen;
}

static bool must_hang(const call *now)
{
    bool hangs = false;
    (void)control_look();
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < state.rule_count; i++)
        hangs = hangs || (state.rules[i].hangs && rule_fits(&state.rules[i], now));
    pthread_mutex_unlock(&lock);
    return hangs;
}

static bool act(call *now, bool is_after)
{
    rule chosen[RULES_A_CALL];
    unsigned count = choose(now, is_after, chosen);
    for (unsigned i = 0; i < count; i++) {
        while (chosen[i].hangs && must_hang(now))
            usleep(HANG_LOOK_US);
        if (!rule_act(&chosen[i], now))
            return false;
    }
    return true;
}

bool control_before(call *now)
{
    return act(now, false);
}

void control_after(call *now)
{
    (void)act(now, true);
}
