#include "tests/bench/sample.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

uint64_t cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static void samples_reserve(ch_samples *samples, size_t more)
{
    if (samples->count + more <= samples->capacity)
        return;
    size_t capacity = samples->capacity * 2 + more + 4096;
    uint32_t *grown = reallocarray(samples->ns, capacity, sizeof *grown);
    if (grown == NULL)
        die("out of memory");
    samples->ns = grown;
    samples->capacity = capacity;
}

void samples_add(ch_samples *samples, uint64_t ns)
{
    samples_reserve(samples, 1);
    samples->ns[samples->count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

void samples_append(ch_samples *to, ch_samples *from)
{
    if (from->count > 0) {
        samples_reserve(to, from->count);
        memcpy(to->ns + to->count, from->ns, from->count * sizeof *from->ns);
        to->count += from->count;
    }
    samples_free(from);
}

void samples_free(ch_samples *samples)
{
    free(samples->ns);
    samples->ns = NULL;
    samples->count = samples->capacity = 0;
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

void samples_print(ch_samples *samples, uint64_t elapsed_ns, uint64_t own_cpu_ns, bool as_json)
{
    if (samples->count == 0)
        die("no operation was completed");
    qsort(samples->ns, samples->count, sizeof *samples->ns, compare);
    double count = (double)samples->count;
    double rate = count * 1e9 / (double)elapsed_ns;
    double p50 = samples->ns[samples->count / 2] / 1e3;
    double p99 = samples->ns[samples->count * 99 / 100] / 1e3;
    double cpu = (double)own_cpu_ns / 1e3 / count;
    printf(as_json ? "{\"ops\":%zu,\"ops_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"own_cpu_us\":%.2f}\n"
                   : "%zu operations, %.0f/s, p50 %.1f us, p99 %.1f us, own CPU %.2f us/op\n",
           samples->count, rate, p50, p99, cpu);
}
