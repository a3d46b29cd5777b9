#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_check(bool holds, const char *file, int line, const char *condition)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

void fuzz_check_error(ch_status status, const ch_error *err)
{
    FUZZ_CHECK(status < CH_STATUS_COUNT);
    if (status == CH_OK)
        return;
    FUZZ_CHECK(err->status == status);
    FUZZ_CHECK(memchr(err->message, '\0', sizeof err->message) != NULL && err->message[0] != '\0');
    if (!ch_slice_is_text(ch_slice_of(err->message)) || !ch_slice_is_text(ch_slice_of(err->rule)))
        fprintf(stderr, "error: %s (%s)\n", err->message, err->rule);
    FUZZ_CHECK(ch_slice_is_text(ch_slice_of(err->message)));
    FUZZ_CHECK(ch_slice_is_text(ch_slice_of(err->rule)));
}

uint8_t fuzz_take_byte(ch_slice *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, 0, size);
    return ch_slice_strdup((ch_slice){data, end == NULL ? size : (size_t)(end - data)});
}

int fuzz_descriptor(ch_slice bytes)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    FUZZ_CHECK(bytes.size == 0 || pwrite(fd, bytes.data, bytes.size, 0) == (ssize_t)bytes.size);
    return fd;
}
