/* A line is one write to a file that is opened to append, so lines of several processes do not mix. */
#include "tests/faults/record.h"

#include "tests/faults/names.h"
#include "tests/faults/sessions.h"
#include "tests/faults/shared.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 512
#define FACTS_SIZE 160

static int file = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_file(void)
{
    char path[4096];
    file = open(shared_path(".log", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        abort();
}

static void write_line(char mark, const char *text)
{
    char line[LINE_SIZE];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_once(&once, open_file);
    int size = snprintf(line, sizeof line, "%lld.%03ld %d %ld %c %s\n", (long long)now.tv_sec, now.tv_nsec / 1000000,
                        (int)getpid(), syscall(SYS_gettid), mark, text);
    if (write(file, line, (size_t)size) != size)
        abort();
}

/* What a test may ask of a call beside its result. */
static void describe(const call *now, char *facts)
{
    *facts = '\0';
    if (strcmp(now->name, "C_Login") == 0 && now->pin == NULL)
        snprintf(facts, FACTS_SIZE, " user=%lu pinpad", now->user);
    else if (now->pin != NULL)
        snprintf(facts, FACTS_SIZE, " user=%lu pin=%u", now->user, shared_pin_number(now->pin, now->pin_size));
    else if (now->key[0] != '\0')
        snprintf(facts, FACTS_SIZE, " key=%s", now->key);
}

void record_begin(const call *now)
{
    char line[LINE_SIZE / 2];
    char facts[FACTS_SIZE];
    if (now->is_quiet)
        return;
    describe(now, facts);
    snprintf(line, sizeof line, "%s %lu%s", now->name, now->session, facts);
    write_line('>', line);
}

void record_end(const call *now)
{
    char line[LINE_SIZE / 2];
    char facts[FACTS_SIZE];
    char number[24];
    if (now->is_quiet)
        return;
    describe(now, facts);
    if (strstr(now->name, "Session") != NULL)
        snprintf(facts, sizeof facts, " open=%u all=%u", sessions_count(), shared_sessions());
    snprintf(line, sizeof line, "%s %lu %s%s", now->name, now->session, name_of_result(now->result, number), facts);
    write_line('<', line);
}

void record_violation(const char *format, ...)
{
    char line[LINE_SIZE / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    write_line('!', line);
}
