#include "agent/core/child_output.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READ_SIZE 4096
#define READS_AT_END 16 /* what a pipe holds */

static void log_line(ch_child_output *output)
{
    uint64_t second = ch_clock_ms() / 1000;
    output->line[output->size] = '\0';
    output->size = 0;
    if (second != output->second) {
        unsigned unseen = output->count > CH_OUTPUT_LINES_A_SECOND ? output->count - CH_OUTPUT_LINES_A_SECOND : 0;
        output->second = second;
        output->count = 0;
        if (unseen > 0)
            ch_log("%s wrote %u more lines, which are not shown", output->name, unseen);
    }
    if (++output->count <= CH_OUTPUT_LINES_A_SECOND)
        ch_log_as(output->name, output->line);
}

static void take(ch_child_output *output, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != '\n')
            output->line[output->size++] = bytes[i];
        if (bytes[i] == '\n' || output->size == CH_OUTPUT_LINE_MAX)
            log_line(output);
    }
}

/* Returns false at the end, or if nothing is there. */
static bool read_some(ch_child_output *output, bool *is_at_end)
{
    char bytes[READ_SIZE];
    ssize_t size = read(output->source.fd, bytes, sizeof bytes);
    *is_at_end = size == 0;
    if (size <= 0)
        return false;
    take(output, bytes, (size_t)size);
    return true;
}

static void on_ready(void *context)
{
    ch_child_output *output = context;
    bool is_at_end;
    if (!read_some(output, &is_at_end) && is_at_end)
        ch_child_output_close(output);
}

void ch_child_output_init(ch_child_output *output, ch_loop *loop, const char *name)
{
    *output = (ch_child_output){
        .loop = loop, .name = name, .source = {.fd = -1, .on_ready = on_ready, .context = output}
    };
}

ch_status ch_child_output_open(ch_child_output *output, int fd, ch_error *err)
{
    output->source.fd = fd;
    return ch_loop_watch(output->loop, &output->source, EPOLLIN, err);
}

void ch_child_output_close(ch_child_output *output)
{
    bool is_at_end;
    if (output->source.fd < 0)
        return;
    for (int i = 0; i < READS_AT_END && read_some(output, &is_at_end);)
        i++;
    if (output->size > 0)
        log_line(output);
    ch_loop_forget(output->loop, &output->source);
    close(output->source.fd);
    output->source.fd = -1;
}
