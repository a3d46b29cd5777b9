/* libcurl could do this too, at more than twice the price in each call: for every transfer it watches its socket anew,
 * polls it twice and sets up a handle. This link is in the way of each order. */
#include "relay/calls.h"

#include "base/clock.h"
#include "base/memory.h"
#include "relay/headers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IDLE_MAX_MS 60000U /* less than the agent keeps a connection that is idle */
#define HEAD_MAX (16 * 1024)
#define READ_SIZE (16 * 1024)
#define NO_ANSWER "its answer cannot be read"

typedef struct ch_line {
    ch_source source;
    ch_calls *calls;
    ch_call *call; /* NULL: it is idle */
    size_t written;
    ch_buffer answer;
    size_t scanned; /* of the answer, for the end of its head */
    uint64_t idle_since_ms;
    struct ch_line *next; /* idle */
} ch_line;

struct ch_calls {
    ch_loop *loop;
    const char *path;
    size_t connections_max;
    size_t count;    /* of lines */
    ch_line *idle;   /* the one that was used last is first */
    ch_call *first;  /* that waits */
    ch_call **after; /* the last one that waits */
};

/* What is read of an answer's head. */
typedef struct answer_head {
    unsigned status;
    unsigned retry_after_s;
    size_t body_size;
    bool has_size;
    bool is_last; /* the agent closes the connection */
} answer_head;

/* ---- ends ---- */

static void close_line(ch_line *line)
{
    ch_loop_forget(line->calls->loop, &line->source);
    close(line->source.fd);
    ch_buffer_free(&line->answer);
    line->calls->count--;
    free(line);
}

static void serve_next(ch_calls *calls);

/* Takes it from the line or the queue. */
static void detach(ch_call *call)
{
    ch_calls *calls = call->calls;
    ch_loop_cancel_timer(calls->loop, &call->timer);
    if (call->line == NULL && call->why == NULL) {
        ch_call **at = &calls->first;
        while (*at != call)
            at = &(*at)->next;
        *at = call->next;
        if (calls->after == &call->next)
            calls->after = at;
    }
    call->line = NULL;
    call->calls = NULL;
}

static void tell_failure(ch_call *call, const char *why)
{
    const ch_call_answer answer = {
        .end = call->line != NULL && call->line->written > 0 ? CH_CALL_SILENT : CH_CALL_UNASKED, .why = why};
    ch_calls *calls = call->calls;
    ch_line *line = call->line;
    detach(call);
    if (line != NULL)
        close_line(line);
    call->on_end(call->context, &answer);
    serve_next(calls);
}

static void on_due(void *context)
{
    ch_call *call = context;
    tell_failure(call, call->why != NULL ? call->why : "its answer did not come in time");
}

/* Told from the loop. */
static void fail_later(ch_call *call, const char *why)
{
    call->why = why;
    ch_loop_set_timer(call->calls->loop, &call->timer, ch_clock_ms());
}

/* ---- answers ---- */

static bool read_number(ch_slice text, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *out > 99999999)
            return false;
        *out = *out * 10 + (text.data[i] - '0');
    }
    return text.size > 0;
}

static bool read_header(ch_slice line, answer_head *out)
{
    unsigned number = 0;
    const uint8_t *colon = ch_slice_find(line, ':');
    if (colon == NULL)
        return false;
    ch_slice name = {line.data, (size_t)(colon - line.data)};
    ch_slice value = ch_slice_after(line, name.size + 1);
    while (value.size > 0 && value.data[0] == ' ')
        value = ch_slice_after(value, 1);
    if (ch_header_is(name, "Transfer-Encoding"))
        return false;
    if (ch_header_is(name, "Content-Length")) {
        if (out->has_size || !read_number(value, &number))
            return false;
        out->has_size = true;
        out->body_size = number;
    }
    if (ch_header_is(name, "Retry-After") && read_number(value, &number))
        out->retry_after_s = number;
    if (ch_header_is(name, "Connection"))
        out->is_last = ch_header_is(value, "close");
    return true;
}

static bool read_status(ch_slice line, answer_head *out)
{
    return line.size >= 12 && memcmp(line.data, "HTTP/1.1 ", 9) == 0 &&
           read_number((ch_slice){line.data + 9, 3}, &out->status) && out->status >= 200 &&
           (line.size == 12 || line.data[12] == ' ');
}

/* `text` ends with an empty line. */
static bool read_head(ch_slice text, answer_head *out)
{
    *out = (answer_head){0};
    for (bool is_first = true; text.size > 2; is_first = false) {
        const uint8_t *end = memmem(text.data, text.size, "\r\n", 2);
        ch_slice line = {text.data, (size_t)(end - text.data)};
        if (!(is_first ? read_status(line, out) : read_header(line, out)))
            return false;
        text = ch_slice_after(text, line.size + 2);
    }
    return out->has_size;
}

static void keep_idle(ch_line *line)
{
    line->call = NULL;
    line->idle_since_ms = ch_clock_ms();
    line->next = line->calls->idle;
    line->calls->idle = line;
}

/* The line's memory of the answer is in use until on_end has returned; what on_end starts must not find the line idle
 * before. */
static void tell_answer(ch_line *line, const answer_head *head, ch_slice body)
{
    ch_calls *calls = line->calls;
    ch_call *call = line->call;
    const ch_call_answer answer = {
        .end = CH_CALL_ANSWERED, .status = head->status, .retry_after_s = head->retry_after_s, .body = body};
    detach(call);
    call->on_end(call->context, &answer);
    if (head->is_last)
        close_line(line);
    else
        keep_idle(line);
    serve_next(calls);
}

/* Returns false until the answer is whole. */
static bool take_answer(ch_line *line)
{
    answer_head head;
    ch_slice bytes = ch_buffer_slice(&line->answer);
    size_t from = line->scanned > 3 ? line->scanned - 3 : 0;
    const uint8_t *end = memmem(bytes.data + from, bytes.size - from, "\r\n\r\n", 4);
    line->scanned = end == NULL ? bytes.size : line->scanned;
    if (end == NULL && bytes.size <= HEAD_MAX)
        return false;
    size_t head_size = end == NULL ? 0 : (size_t)(end - bytes.data) + 4;
    if (end == NULL || !read_head((ch_slice){bytes.data, head_size}, &head) || head.body_size > CH_CALL_ANSWER_MAX ||
        bytes.size - head_size > head.body_size) {
        tell_failure(line->call, NO_ANSWER);
        return true;
    }
    if (bytes.size - head_size < head.body_size)
        return false;
    tell_answer(line, &head, ch_slice_after(bytes, head_size));
    return true;
}

/* ---- bytes ---- */

static void take_bytes(ch_line *line)
{
    for (;;) {
        ssize_t size = recv(line->source.fd, ch_buffer_reserve(&line->answer, READ_SIZE), READ_SIZE, 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size <= 0) {
            tell_failure(line->call, size == 0 ? "it has closed the connection" : strerror(errno));
            return;
        }
        line->answer.size += (size_t)size;
        if (take_answer(line) || size < READ_SIZE)
            return;
    }
}

/* Nothing may come on an idle line but its end. */
static void drop_idle(ch_line *line)
{
    ch_line **at = &line->calls->idle;
    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
    close_line(line);
}

/* Returns why the line is of no use; NULL if it is well. */
static const char *write_bytes(ch_line *line)
{
    ch_error err = CH_ERROR_INIT;
    const ch_buffer *request = &line->call->request;
    while (line->written < request->size) {
        ssize_t size =
            send(line->source.fd, request->data + line->written, request->size - line->written, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno != EAGAIN)
            return strerror(errno);
        if (size < 0)
            break;
        line->written += (size_t)size;
    }
    uint32_t events = EPOLLIN | (line->written < request->size ? EPOLLOUT : 0);
    return ch_loop_watch(line->calls->loop, &line->source, events, &err) == CH_OK ? NULL : "it cannot be watched";
}

static void on_ready(void *context)
{
    ch_line *line = context;
    const char *why = NULL;
    if (line->call == NULL) {
        drop_idle(line);
        return;
    }
    if ((line->source.ready & EPOLLOUT) != 0)
        why = write_bytes(line);
    if (why != NULL)
        tell_failure(line->call, why);
    else if ((line->source.ready & ~(uint32_t)EPOLLOUT) != 0)
        take_bytes(line);
}

/* ---- lines ---- */

/* A connection to a Unix socket is there at once, or never. */
static ch_line *open_line(ch_calls *calls)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(calls->path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(address.sun_path, calls->path, strlen(calls->path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return NULL;
    }
    ch_line *line = ch_alloc(sizeof *line);
    *line = (ch_line){
        .source = {.fd = fd, .on_ready = on_ready},
          .calls = calls, .answer = CH_BUFFER_INIT
    };
    line->source.context = line;
    calls->count++;
    return line;
}

static ch_line *pop_idle(ch_calls *calls)
{
    ch_line *line = calls->idle;
    if (line != NULL)
        calls->idle = line->next;
    return line;
}

static ch_line *take_idle(ch_calls *calls)
{
    ch_line *line;
    while ((line = pop_idle(calls)) != NULL) {
        if (ch_clock_ms() - line->idle_since_ms < IDLE_MAX_MS)
            return line;
        close_line(line);
    }
    return NULL;
}

/* A line may have ended since the loop was last asked. What could not be begun on it is begun on another. */
static const char *begin(ch_calls *calls, ch_call *call)
{
    for (;;) {
        ch_line *kept = take_idle(calls);
        ch_line *line = kept != NULL ? kept : open_line(calls);
        if (line == NULL)
            return strerror(errno);
        call->line = line;
        line->call = call;
        line->written = line->scanned = 0;
        ch_buffer_clear(&line->answer);
        const char *why = write_bytes(line);
        if (why == NULL)
            return NULL;
        if (kept == NULL || line->written > 0)
            return why;
        call->line = NULL;
        close_line(line);
    }
}

static void serve(ch_calls *calls, ch_call *call)
{
    const char *why = begin(calls, call);
    if (why != NULL)
        fail_later(call, why);
}

static void serve_next(ch_calls *calls)
{
    while (calls->first != NULL && (calls->idle != NULL || calls->count < calls->connections_max)) {
        ch_call *call = calls->first;
        calls->first = call->next;
        if (calls->first == NULL)
            calls->after = &calls->first;
        call->next = NULL;
        serve(calls, call);
    }
}

/* ---- calls ---- */

void ch_call_write(const char *path, ch_slice repeat_key, ch_slice body, ch_buffer *out)
{
    ch_buffer_add_format(out,
                         "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\n",
                         path, body.size);
    if (repeat_key.size > 0) {
        ch_buffer_add_text(out, "Idempotency-Key: ");
        ch_buffer_add_slice(out, repeat_key);
        ch_buffer_add_text(out, "\r\n");
    }
    ch_buffer_add_text(out, "\r\n");
    ch_buffer_add_slice(out, body);
}

void ch_calls_start(ch_calls *calls, ch_call *call)
{
    call->calls = calls;
    call->timer = (ch_timer){.on_due = on_due, .context = call};
    ch_loop_set_timer(calls->loop, &call->timer, ch_clock_ms() + call->wait_ms);
    if (calls->first == NULL && (calls->idle != NULL || calls->count < calls->connections_max)) {
        serve(calls, call);
        return;
    }
    *calls->after = call;
    calls->after = &call->next;
}

/* Its answer may still come, so the line is of no use to others. */
void ch_calls_stop(ch_call *call)
{
    ch_calls *calls = call->calls;
    ch_line *line = call->line;
    if (calls == NULL)
        return;
    detach(call);
    if (line != NULL)
        close_line(line);
    serve_next(calls);
}

ch_calls *ch_calls_new(ch_loop *loop, const char *path, size_t connections_max)
{
    ch_calls *calls = ch_alloc(sizeof *calls);
    *calls = (ch_calls){.loop = loop, .path = path, .connections_max = connections_max};
    calls->after = &calls->first;
    return calls;
}

void ch_calls_free(ch_calls *calls)
{
    ch_line *line;
    if (calls == NULL)
        return;
    while ((line = pop_idle(calls)) != NULL)
        close_line(line);
    free(calls);
}
