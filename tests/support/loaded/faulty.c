/* A PKCS#11 module that forwards to SoftHSM2, but for the calls that a file says are at fault. The file is looked at
 * again at each call, so that a test can break the module and mend it while the agent runs. It is named by $FAULTS, and
 * has a line for each call at fault:
 *
 *     C_Login   hang                   does not return while the line is there
 *     C_Sign    delay  300             takes 300 ms longer
 *     C_Logout  return 0x30            fails with that CKR; the real module is not asked
 *     C_Sign    crash                  ends the process; $FAULTS.marks gets a line "C_Sign begins" first
 *     C_Sign    return 0x30 times 2    the first two calls of a process only
 *     C_Login   mark   300             takes 300 ms longer before the real call, and 300 after it; the file
 * $FAULTS.marks gets a line "C_Login begins" first, and "C_Login ends" at last
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define LINE_SIZE 128
#define PATH_SIZE 4096
#define HANG_LOOK_US 20000

typedef struct fault {
    char name[32];
    char kind[16];
    unsigned long value; /* ms, or a CKR */
    unsigned times;      /* 0: always */
} fault;

enum {
#define CALL(name, parameters, arguments) NUMBER_##name,
#include "tests/support/loaded/calls.def"
#undef CALL
    NUMBER_END
};

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST shown;
static unsigned counts[NUMBER_END];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool read_fault(char *line, fault *out)
{
    char times[16] = "";
    char value[32] = "0";
    *out = (fault){0};
    int read = sscanf(line, "%31s %15s %31s %15s %u", out->name, out->kind, value, times, &out->times);
    if (read >= 3)
        out->value = strtoul(value, NULL, 0);
    return read >= 2;
}

static bool find(const char *name, fault *out)
{
    char line[LINE_SIZE];
    const char *path = getenv("FAULTS");
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    bool is_found = false;
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL)
        is_found = read_fault(line, out) && strcmp(out->name, name) == 0;
    if (file != NULL)
        fclose(file);
    return is_found;
}

static void mark(const char *name, const char *what)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s.marks", getenv("FAULTS"));
    FILE *file = fopen(path, "ae");
    if (file == NULL)
        abort();
    fprintf(file, "%s %s\n", name, what);
    fclose(file);
}

static void pause_ms(unsigned long time_ms)
{
    usleep((useconds_t)time_ms * 1000);
}

static unsigned count_call(unsigned number)
{
    pthread_mutex_lock(&lock);
    unsigned count = ++counts[number];
    pthread_mutex_unlock(&lock);
    return count;
}

/* Returns true if the call is over, with `*result`. */
static bool fails(unsigned number, const char *name, fault *found, CK_RV *result)
{
    if (!find(name, found) || (found->times != 0 && count_call(number) > found->times)) {
        *found = (fault){0};
        return false;
    }
    if (strcmp(found->kind, "mark") == 0 || strcmp(found->kind, "crash") == 0)
        mark(name, "begins");
    if (strcmp(found->kind, "crash") == 0)
        abort();
    if (strcmp(found->kind, "mark") == 0 || strcmp(found->kind, "delay") == 0)
        pause_ms(found->value);
    while (strcmp(found->kind, "hang") == 0 && find(name, found))
        usleep(HANG_LOOK_US);
    *result = found->value;
    return strcmp(found->kind, "return") == 0;
}

static CK_RV end(const char *name, const fault *found, CK_RV result)
{
    if (strcmp(found->kind, "mark") == 0) {
        pause_ms(found->value);
        mark(name, "ends");
    }
    return result;
}

#define CALL(name, parameters, arguments)                                                                              \
    static CK_RV my_##name parameters                                                                                  \
    {                                                                                                                  \
        CK_RV result;                                                                                                  \
        fault found;                                                                                                   \
        bool is_over = fails(NUMBER_##name, #name, &found, &result);                                                   \
        return is_over ? result : end(#name, &found, real->name arguments);                                            \
    }
#include "tests/support/loaded/calls.def"
#undef CALL

static void *load(void)
{
    void *module = dlopen(REAL_MODULE, RTLD_NOW | RTLD_LOCAL);
    return module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
    *(void **)&get = load();
    if (get == NULL || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    shown = *real;
#define CALL(name, parameters, arguments) shown.name = my_##name;
#include "tests/support/loaded/calls.def"
#undef CALL
    *list = &shown;
    return CKR_OK;
}
