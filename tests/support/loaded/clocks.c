/* For LD_PRELOAD: a program's clocks are ahead by as many seconds as files say, or behind if that is negative, in eight
 * bytes as this machine writes them. The files are mapped, so that a test can set the clocks while the program runs,
 * also of a process that may open no file.
 *
 * $WALL_CLOCK names the file of the wall clock alone. $SLEPT names that of a machine that has slept: its wall clock and
 * the clock that counts from the machine's start are ahead, and the one that stands still meanwhile is not. Other
 * clocks are as they are. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static const volatile int64_t nothing;
static const volatile int64_t *ahead_s = &nothing;
static const volatile int64_t *slept_s = &nothing;

static const volatile int64_t *map_file(const char *variable)
{
    const char *path = getenv(variable);
    if (path == NULL)
        return &nothing;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        _exit(127);
    close(fd);
    return mapped;
}

__attribute__((constructor)) static void map_files(void)
{
    ahead_s = map_file("WALL_CLOCK");
    slept_s = map_file("SLEPT");
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (real == NULL) /* others' constructors ask for the time before ours runs */
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    if (result == 0 && clock == CLOCK_REALTIME)
        out->tv_sec += *ahead_s;
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME))
        out->tv_sec += *slept_s;
    return result;
}
