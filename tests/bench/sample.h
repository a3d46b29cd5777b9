/* What the bench programs have in common: samples of latency, the process's own CPU time, and one way to print. */
#ifndef CH_TESTS_BENCH_SAMPLE_H
#define CH_TESTS_BENCH_SAMPLE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_samples {
    uint32_t *ns; /* one an operation, at most 4.2 s */
    size_t count;
    size_t capacity;
} ch_samples;

/* User and system time of this process, all threads. */
uint64_t cpu_ns(void);

void samples_add(ch_samples *samples, uint64_t ns);
/* Moves all of `from` to the end of `to`. */
void samples_append(ch_samples *to, ch_samples *from);
void samples_free(ch_samples *samples);

/* One line: ops, ops/s, p50 and p99 in us, own CPU us/op; as a JSON object when `as_json`. */
void samples_print(ch_samples *samples, uint64_t elapsed_ns, uint64_t own_cpu_ns, bool as_json);

/* "NAME: why" on stderr, and exit with status 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
