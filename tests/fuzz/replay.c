/* A target without libFuzzer, for builds by any compiler: runs each file, and each file of each folder, that it is
 * given. It ends at the first input that a promise does not hold for. */
#include "tests/fuzz/fuzz.h"

#include "base/buffer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* Of the target, or the one below. */
int LLVMFuzzerInitialize(int *count, char ***arguments);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

__attribute__((weak)) int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    return 0;
}

/* What a target's own mutations call; nothing is mutated here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    (void)data;
    return size < max_size ? size : max_size;
}

static unsigned run(const char *path)
{
    ch_autobuffer input = CH_BUFFER_INIT;
    FILE *file = fopen(path, "re");
    FUZZ_CHECK(file != NULL);
    size_t got;
    do {
        got = fread(ch_buffer_reserve(&input, 4096), 1, 4096, file);
        ch_buffer_commit(&input, got);
    } while (got > 0);
    fclose(file);
    /* A copy of its own size, so that reading past its end is noticed. */
    uint8_t *copy = malloc(input.size + (input.size == 0));
    FUZZ_CHECK(copy != NULL);
    for (size_t i = 0; i < input.size; i++)
        copy[i] = input.data[i];
    LLVMFuzzerTestOneInput(copy, input.size);
    free(copy);
    return 1;
}

static unsigned run_folder(DIR *folder, const char *path)
{
    unsigned count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            count += run(name);
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        count += folder != NULL ? run_folder(folder, argv[i]) : run(argv[i]);
    }
    printf("%u passed, 0 failed\n", count);
    return EXIT_SUCCESS;
}
