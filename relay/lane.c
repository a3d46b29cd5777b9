/* The sources of sockets belong to the lane; libcurl keeps a pointer to each with its socket. A socket that libcurl is
 * done with is taken out of the loop at once, since its number may soon be another's. */
#include "relay/lane.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>
#include <sys/epoll.h>

struct ch_lane {
    ch_loop *loop;
    CURLM *multi;
    ch_timer timer;
};

typedef struct socket_source {
    ch_source source;
    ch_lane *lane;
} socket_source;

static void take_done(ch_lane *lane)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        ch_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        curl_multi_remove_handle(lane->multi, message->easy_handle);
        transfer->lane = NULL;
        transfer->on_done(transfer->context, code);
    }
}

static void act(ch_lane *lane, curl_socket_t fd, int events)
{
    int running;
    CURLMcode code = curl_multi_socket_action(lane->multi, fd, events, &running);
    if (code != CURLM_OK)
        ch_log("libcurl: %s", curl_multi_strerror(code));
    take_done(lane);
}

static void on_socket(void *context)
{
    socket_source *self = context;
    uint32_t ready = self->source.ready;
    int events = ((ready & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
                 ((ready & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) | ((ready & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
    act(self->lane, self->source.fd, events);
}

static void on_timer(void *context)
{
    act(context, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- what libcurl calls ---- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    (void)easy;
    ch_lane *lane = context;
    socket_source *self = socket_context;
    ch_error err = CH_ERROR_INIT;
    if (what == CURL_POLL_REMOVE) {
        if (self == NULL)
            return 0;
        ch_loop_forget(lane->loop, &self->source);
        curl_multi_assign(lane->multi, fd, NULL);
        free(self);
        return 0;
    }
    if (self == NULL) {
        self = ch_alloc(sizeof *self);
        *self = (socket_source){
            .source = {.fd = fd, .on_ready = on_socket, .context = self},
              .lane = lane
        };
        curl_multi_assign(lane->multi, fd, self);
    }
    uint32_t events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0);
    if (ch_loop_watch(lane->loop, &self->source, events, &err) != CH_OK)
        ch_log("%s", err.message);
    return 0;
}

static int set_timer(CURLM *multi, long wait_ms, void *context)
{
    (void)multi;
    ch_lane *lane = context;
    if (wait_ms < 0)
        ch_loop_cancel_timer(lane->loop, &lane->timer);
    else
        ch_loop_set_timer(lane->loop, &lane->timer, ch_clock_ms() + (uint64_t)wait_ms);
    return 0;
}

/* ---- life ---- */

ch_status ch_lane_new(ch_loop *loop, long connections_max, ch_lane **out, ch_error *err)
{
    ch_lane *lane = ch_alloc(sizeof *lane);
    *lane = (ch_lane){
        .loop = loop, .multi = curl_multi_init(), .timer = {.on_due = on_timer, .context = lane}
    };
    if (lane->multi == NULL) {
        free(lane);
        return ch_fail(err, CH_INTERNAL, "libcurl does not start");
    }
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, connections_max);
    *out = lane;
    return CH_OK;
}

void ch_lane_free(ch_lane *lane)
{
    if (lane == NULL)
        return;
    curl_multi_cleanup(lane->multi);
    ch_loop_cancel_timer(lane->loop, &lane->timer);
    free(lane);
}

/* Nothing of the environment (proxies, .netrc) takes part, no answer leads elsewhere, and bytes are sent as they are.
 */
CURL *ch_lane_easy(void)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    return easy;
}

void ch_lane_start(ch_lane *lane, ch_transfer *transfer)
{
    transfer->lane = lane;
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_multi_add_handle(lane->multi, transfer->easy);
}

void ch_lane_stop(ch_transfer *transfer)
{
    if (transfer->lane != NULL)
        curl_multi_remove_handle(transfer->lane->multi, transfer->easy);
    transfer->lane = NULL;
}

void ch_lane_resume(ch_transfer *transfer)
{
    if (transfer->lane != NULL)
        curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}
