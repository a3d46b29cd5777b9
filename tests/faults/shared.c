/* Zeroed memory is a valid beginning, so nobody sets it up. Small changes are atomic; larger ones are made under a lock
 * on the file, which the kernel releases if the process is killed. */
#include "tests/faults/shared.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define PINS_MAX 32
#define PROCESSES_MAX 64
#define HAND_OVER_US 2000

typedef struct process_sessions {
    pid_t pid;
    unsigned count;
} process_sessions;

typedef struct shared {
    uint64_t stamp; /* of the control file that is counted for */
    atomic_ulong counters[SHARED_COUNTERS];
    uint64_t happened[SHARED_EVENTS]; /* the version for which an event has */
    atomic_ulong slot;                /* plus one; 0: none */
    uint64_t pin_key;                 /* drawn by the first process; 0: not yet */
    uint64_t pins[PINS_MAX];
    atomic_uint wrong_pins;
    CK_ULONG login_size; /* 0: nobody is logged in */
    CK_BYTE login[SHARED_PIN_SIZE];
    process_sessions processes[PROCESSES_MAX];
} shared;

static shared *memory;
static pthread_once_t once = PTHREAD_ONCE_INIT;

const char *shared_path(const char *ending, char *room)
{
    const char *path = getenv("FAULTS");
    if (path == NULL) {
        fprintf(stderr, "faulty: FAULTS does not name a control file\n");
        abort();
    }
    snprintf(room, PATH_SIZE, "%s%s", path, ending);
    return room;
}

static int open_beside(const char *ending)
{
    char path[PATH_SIZE];
    int fd = open(shared_path(ending, path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        perror(path);
        abort();
    }
    return fd;
}

static void map_memory(void)
{
    int fd = open_beside(".shared");
    if (ftruncate(fd, sizeof *memory) != 0)
        abort();
    memory = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        abort();
    close(fd);
}

static shared *get(void)
{
    pthread_once(&once, map_memory);
    return memory;
}

static int lock_file(const char *ending)
{
    int fd = open_beside(ending);
    while (flock(fd, LOCK_EX) != 0) {
    }
    return fd;
}

/* ---- counters ---- */

void shared_begin_counters(uint64_t stamp)
{
    shared *all = get();
    int lock = lock_file(".lock");
    if (all->stamp != stamp) {
        for (unsigned i = 0; i < SHARED_COUNTERS; i++)
            all->counters[i] = 0;
        all->stamp = stamp;
    }
    close(lock);
}

unsigned long shared_count(unsigned counter)
{
    return ++get()->counters[counter];
}

bool shared_happens(unsigned event, uint64_t stamp)
{
    shared *all = get();
    int lock = lock_file(".lock");
    bool happens = all->happened[event] != stamp;
    all->happened[event] = stamp;
    close(lock);
    return happens;
}

void shared_note_slot(CK_SLOT_ID slot)
{
    get()->slot = slot + 1;
}

bool shared_is_slot(CK_SLOT_ID slot)
{
    unsigned long noted = get()->slot;
    return noted == 0 || noted == slot + 1;
}

/* ---- PINs ---- */

/* FNV-1a, begun with a random key that nobody outside this file's memory knows. */
static uint64_t hash_pin(uint64_t key, const CK_BYTE *pin, CK_ULONG size)
{
    uint64_t hash = key;
    for (CK_ULONG i = 0; i < size; i++)
        hash = (hash ^ pin[i]) * 0x100000001b3U;
    return hash == 0 ? 1 : hash;
}

unsigned shared_pin_number(const CK_BYTE *pin, CK_ULONG size)
{
    shared *all = get();
    unsigned number = 0;
    int lock = lock_file(".lock");
    while (all->pin_key == 0) {
        if (getrandom(&all->pin_key, sizeof all->pin_key, 0) != sizeof all->pin_key)
            abort();
    }
    uint64_t hash = hash_pin(all->pin_key, pin, size);
    while (number + 1 < PINS_MAX && all->pins[number] != 0 && all->pins[number] != hash)
        number++;
    all->pins[number] = hash;
    close(lock);
    return number + 1;
}

unsigned shared_wrong_pins(void)
{
    return get()->wrong_pins;
}

void shared_set_wrong_pins(unsigned count)
{
    get()->wrong_pins = count;
}

bool shared_login(CK_BYTE *pin, CK_ULONG *size)
{
    shared *all = get();
    int lock = lock_file(".lock");
    *size = all->login_size;
    memcpy(pin, all->login, SHARED_PIN_SIZE);
    close(lock);
    return *size != 0;
}

void shared_set_login(const CK_BYTE *pin, CK_ULONG size)
{
    shared *all = get();
    if (size > SHARED_PIN_SIZE)
        abort();
    int lock = lock_file(".lock");
    memcpy(all->login, pin, size);
    all->login_size = size;
    close(lock);
}

void shared_end_login(void)
{
    get()->login_size = 0;
}

/* ---- sessions ---- */

static bool is_alive(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    return access(path, F_OK) == 0;
}

void shared_set_sessions(unsigned count)
{
    shared *all = get();
    process_sessions *mine = NULL;
    int lock = lock_file(".lock");
    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        process_sessions *process = &all->processes[i];
        if (process->pid == getpid() || (mine == NULL && (process->pid == 0 || !is_alive(process->pid))))
            mine = process;
    }
    if (mine == NULL)
        abort();
    *mine = (process_sessions){.pid = getpid(), .count = count};
    close(lock);
}

unsigned shared_sessions(void)
{
    shared *all = get();
    unsigned count = 0;
    int lock = lock_file(".lock");
    for (unsigned i = 0; i < PROCESSES_MAX; i++) {
        const process_sessions *process = &all->processes[i];
        if (process->pid != 0 && is_alive(process->pid))
            count += process->count;
    }
    close(lock);
    return count;
}

/* ---- the device ---- */

int shared_take_device(void)
{
    return lock_file(".device");
}

/* Whoever waits goes first, and not who comes again at once. */
void shared_release_device(int taken)
{
    close(taken);
    usleep(HAND_OVER_US);
}
