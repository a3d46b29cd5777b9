/* For LD_PRELOAD: the machine has slept, as far as a program can see, for as many seconds as a file says, in eight
 * bytes as this machine writes them: its wall clock and the clock that counts from the machine's start are ahead, and
 * the one that stands still meanwhile is not. The file is named by $SLEPT and is mapped, so that a test can have the
 * machine sleep while the program runs. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static const volatile int64_t *slept_s;

__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("SLEPT");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *slept_s, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        _exit(127);
    close(fd);
    slept_s = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (real == NULL) /* others' constructors ask for the time before ours runs */
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME) && slept_s != NULL)
        out->tv_sec += *slept_s;
    return result;
}
