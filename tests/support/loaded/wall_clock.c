/* For LD_PRELOAD: a program's wall clock is off by as many seconds as a file says, in eight bytes as this machine
 * writes them. The file is named by $WALL_CLOCK and is mapped, so that a test can set the clock while the program runs,
 * also of a process that may open no file. Other clocks are as they are. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static const volatile int64_t *ahead_s;

__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("WALL_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead_s, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        _exit(127);
    close(fd);
    ahead_s = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (real == NULL) /* others' constructors ask for the time before ours runs */
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    if (result == 0 && clock == CLOCK_REALTIME && ahead_s != NULL)
        out->tv_sec += *ahead_s;
    return result;
}
