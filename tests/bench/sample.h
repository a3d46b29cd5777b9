/* What the bench programs share: samples of latency, the process's own CPU time, and one way to print them. */
#ifndef CH_TESTS_BENCH_SAMPLE_H
#define CH_TESTS_BENCH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ch_samples {
    uint32_t *ns; /* one for each operation, at most 4.2 s */
    size_t count;
    size_t capacity;
} ch_samples;

/* Returns the user and system time of this process, all threads included. */
uint64_t cpu_ns(void);

/* Ends the program if there is no memory. */
void samples_add(ch_samples *samples, uint64_t ns);
/* Moves all of `from` to the end of `to`. */
void samples_append(ch_samples *to, ch_samples *from);
void samples_free(ch_samples *samples);

/* Prints one line: operations, operations per second, p50 and p99 in us, and own CPU in us per operation; as a JSON
 * object if `as_json`. Sorts the samples. */
void samples_print(ch_samples *samples, uint64_t elapsed_ns, uint64_t own_cpu_ns, bool as_json);

/* Prints "NAME: why" on stderr and exits with status 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
