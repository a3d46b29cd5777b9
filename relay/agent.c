/* Frames that come are only noted, with a copy of their bytes; whoever asked is called when all of a packet have been.
 * So what is called may ask again, and lose the connection, and no frame is read from under it. */
#include "relay/agent_impl.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AHEAD_MAX ((size_t)256 << 10) /* bytes that wait to leave; behind more, a question is held back */
/* To whom the agent's policy does not call a relay, it speaks HTTP. */
#define NEVER_ANSWERED "; if that stays so: in the policy, the user of this program must have the role relay"

/* ---- ends ---- */

/* Its answer may still come, and is dropped then. */
static void stop_waiting(ch_asking *asking)
{
    ch_agent *agent = asking->agent;
    if (asking->number == 0)
        return;
    ch_loop_cancel_timer(agent->loop, &asking->timer);
    agent->askings[ch_slot_index(asking->number)] = NULL;
    ch_slots_release(agent->numbers, asking->number);
    asking->number = 0;
    ch_asking_unlink(asking);
}

/* Whoever asked is called from the loop. */
static void end(ch_asking *asking)
{
    ch_agent *agent = asking->agent;
    stop_waiting(asking);
    ch_asking_append(&agent->ended, asking);
    if (!agent->is_calling)
        ch_loop_set_timer(agent->loop, &agent->calling, ch_clock_ms());
}

static void end_unanswered(ch_asking *asking, bool was_asked)
{
    asking->answer = (ch_agent_answer){.says = was_asked ? CH_AGENT_SILENT : CH_AGENT_AWAY};
    end(asking);
}

void ch_asking_free(ch_asking *asking)
{
    if (asking == NULL)
        return;
    stop_waiting(asking);
    ch_asking_unlink(asking);
    if (asking->on_answer == NULL)
        asking->agent->telling_count--;
    ch_buffer_free(&asking->bytes);
    free(asking);
}

static void call_back(ch_asking *asking)
{
    if (asking->on_answer != NULL) {
        asking->on_answer(asking->context, &asking->answer);
        return;
    }
    if (!asking->was_told)
        ch_log_limited(&asking->agent->limit, "the agent was not told of outcomes, and keeps what it reserved");
    ch_asking_free(asking);
}

/* Those who are called may ask and free others. */
static void call_all(ch_agent *agent)
{
    ch_asking *asking;
    agent->is_calling = true;
    while ((asking = ch_asking_pop(&agent->ended)) != NULL)
        call_back(asking);
    agent->is_calling = false;
}

static void on_calling(void *context)
{
    call_all(context);
}

static void note_late(const ch_asking *asking)
{
    ch_agent *agent = asking->agent;
    ch_late *late = &agent->late[agent->late_count++ % CH_LATE_MAX];
    agent->late_signed -= late->is_signed;
    *late = (ch_late){.number = asking->number};
    memcpy(late->id, asking->id, sizeof late->id);
}

static void on_late(void *context)
{
    ch_asking *asking = context;
    ch_agent *agent = asking->agent;
    bool was_asked = asking->begins_at != CH_HELD;
    if (was_asked && asking->on_answer != NULL)
        note_late(asking);
    ch_log_limited(&agent->limit, "asking the agent at %s: its answer did not come in time", agent->socket_path);
    agent->is_calling = true;
    end_unanswered(asking, was_asked);
    call_all(agent);
}

/* ---- frames of the agent ---- */

static ch_asking *find(const ch_agent *agent, uint64_t number)
{
    size_t index;
    ch_asking *asking = ch_slots_find(agent->numbers, number, &index) ? agent->askings[index] : NULL;
    return asking == NULL || asking->begins_at == CH_HELD ? NULL : asking;
}

/* What came too late is not sent. */
static ch_status take_late(ch_agent *agent, const ch_frame *frame, ch_error *err)
{
    ch_agent_answer answer;
    size_t i = 0;
    while (i < CH_LATE_MAX && (frame->id == 0 || agent->late[i].number != frame->id))
        i++;
    if (i == CH_LATE_MAX)
        return CH_OK;
    CH_TRY(ch_agent_answer_read(frame, &answer, err));
    agent->late[i].number = 0;
    agent->late[i].is_signed = answer.says == CH_AGENT_SIGNED && answer.has_effects;
    agent->late_signed += agent->late[i].is_signed;
    return CH_OK;
}

/* When its time was over, the agent was told "not sent". If it signs later all the same, it must be told again. */
static void tell_late(ch_agent *agent)
{
    for (size_t i = 0; i < CH_LATE_MAX && agent->late_signed > 0; i++) {
        if (!agent->late[i].is_signed)
            continue;
        agent->late_signed--;
        agent->late[i].is_signed = false;
        ch_agent_tell(agent, agent->late[i].id, 0, (ch_slice){NULL, 0});
    }
}

/* The answer's slices are views of the copy. */
static ch_status keep_answer(ch_asking *asking, const ch_frame *frame, ch_error *err)
{
    size_t size = (size_t)(frame->end - frame->at);
    ch_frame copy = *frame;
    (void)ch_buffer_reserve(&asking->bytes, size); /* so that there is a copy of nothing too */
    ch_buffer_add(&asking->bytes, frame->at, size);
    copy.at = asking->bytes.data;
    copy.end = copy.at + size;
    CH_TRY(ch_agent_answer_read(&copy, &asking->answer, err));
    if (asking->answer.says == CH_AGENT_SILENT)
        ch_log_limited(&asking->agent->limit, "what the agent answered with %s cannot be passed on",
                       ch_frame_name(frame->type));
    end(asking);
    return CH_OK;
}

static ch_status take_answer(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_asking *asking = find(self, frame->id);
    if (asking == NULL)
        return take_late(self, frame, err);
    if (asking->on_answer == NULL)
        return ch_fail(err, CH_INTERNAL, "it answered outcomes with frame %s", ch_frame_name(frame->type));
    return keep_answer(asking, frame, err);
}

/* The answer names the ids that the agent does not know or was told of before; nothing is to be done about them. */
static ch_status take_taken(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    ch_asking *asking = find(self, frame->id);
    ch_outcomes_taken_frame taken;
    CH_TRY(ch_outcomes_taken_frame_get(frame, &taken, err));
    if (asking == NULL)
        return CH_OK;
    if (asking->on_answer != NULL)
        return ch_fail(err, CH_INTERNAL, "it answered a request with frame %s", ch_frame_name(frame->type));
    asking->was_told = true;
    end(asking);
    return CH_OK;
}

/* Of a request, of outcomes, or, without a number, of the connection, which ends then. */
static ch_status take_failure(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    ch_agent *agent = self;
    ch_asking *asking = find(agent, frame->id);
    ch_failed_frame failed;
    if (asking != NULL && asking->on_answer != NULL)
        return take_answer(self, frame, fd, err);
    CH_TRY(ch_failed_frame_get(frame, &failed, err));
    if (frame->id == 0)
        return ch_fail(err, CH_REFUSED, "it refuses the connection: %s", failed.why.message);
    if (asking == NULL)
        return CH_OK;
    ch_log_limited(&agent->limit, "the agent took no outcomes: %s", failed.why.message);
    asking->was_told = true;
    end(asking);
    return CH_OK;
}

static unsigned state_of(const void *self)
{
    (void)self;
    return CH_WHILE_SERVING;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                    taken by */
    { CH_FRAME_SIGNED,          take_answer },
    { CH_FRAME_REQUEST_IS,      take_answer },
    { CH_FRAME_FAILED,          take_failure },
    { CH_FRAME_OUTCOMES_TAKEN,  take_taken },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_CORE_TO_FRONT,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

static ch_status take_packet(ch_agent *agent, bool *is_empty, ch_error *err)
{
    ch_packet packet;
    CH_TRY(ch_channel_receive(&agent->channel, &packet, err));
    *is_empty = packet.bytes.size == 0;
    agent->has_heard = agent->has_heard || !*is_empty;
    return ch_packet_take(&packet, &receiver, agent, err);
}

/* ---- the connection ---- */

static bool is_open(const ch_agent *agent)
{
    return agent->channel.fd >= 0;
}

static void close_connection(ch_agent *agent)
{
    if (!is_open(agent))
        return;
    ch_loop_forget(agent->loop, &agent->source);
    ch_channel_close(&agent->channel);
}

/* Whoever waits is not answered any more. Of a question of which no byte has left, the agent knows nothing. */
static void lose_connection(ch_agent *agent, const ch_error *why)
{
    uint64_t left = agent->written - ch_channel_pending(&agent->channel);
    if (ch_slots_count(agent->numbers) > 0 || why->status != CH_UNAVAILABLE)
        ch_log_limited(&agent->limit, "the connection to the agent at %s has ended: %s%s", agent->socket_path,
                       why->message, agent->has_heard ? "" : NEVER_ANSWERED);
    close_connection(agent);
    for (size_t i = 0; i < CH_ASKINGS_MAX; i++) {
        if (agent->askings[i] != NULL)
            end_unanswered(agent->askings[i], agent->askings[i]->begins_at < left);
    }
}

static void put_question(ch_agent *agent, ch_asking *asking, const ch_buffer *question)
{
    asking->begins_at = agent->written;
    ch_buffer_add_slice(ch_channel_out(&agent->channel), ch_buffer_slice(question));
    agent->written += question->size;
}

/* Writes the next of the questions that wait. Returns false if none waits, or there is no room for it yet. */
static bool put_held(ch_agent *agent)
{
    ch_asking *asking = ch_channel_pending(&agent->channel) <= AHEAD_MAX ? ch_asking_pop(&agent->held) : NULL;
    if (asking == NULL)
        return false;
    agent->round = asking->round;
    put_question(agent, asking, &asking->bytes);
    ch_buffer_free(&asking->bytes);
    return true;
}

/* An agent that went away may have answered before; whatever has come is taken, until it fails too. */
static ch_status flush(ch_agent *agent, ch_error *err)
{
    ch_error last = CH_ERROR_INIT;
    bool is_empty = false;
    ch_status st;
    do {
        st = ch_channel_flush(&agent->channel, err);
    } while (st == CH_OK && put_held(agent));
    while (st != CH_OK && !is_empty && take_packet(agent, &is_empty, &last) == CH_OK)
        continue;
    CH_TRY(st);
    uint32_t events = EPOLLIN | (ch_channel_pending(&agent->channel) > 0 ? EPOLLOUT : 0);
    return ch_loop_watch(agent->loop, &agent->source, events, err);
}

/* One packet in a turn: the loop says if there is more. */
static void on_ready(void *context)
{
    ch_agent *agent = context;
    ch_error err = CH_ERROR_INIT;
    ch_status st = CH_OK;
    bool is_empty;
    agent->is_calling = true;
    if ((agent->source.ready & EPOLLOUT) != 0)
        st = flush(agent, &err);
    if (st == CH_OK && (agent->source.ready & ~(uint32_t)EPOLLOUT) != 0)
        st = take_packet(agent, &is_empty, &err);
    if (st != CH_OK)
        lose_connection(agent, &err);
    tell_late(agent);
    call_all(agent);
}

/* A connection to a Unix socket is there at once, or never. */
static ch_status connect_to(const char *path, int *out, ch_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return ch_fail(err, CH_CONFIG, "the path of its socket is too long");
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ch_fail_errno(err, "opening a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        *out = fd;
        return CH_OK;
    }
    ch_status st = ch_fail_errno(err, "connecting");
    close(fd);
    return st;
}

static ch_status open_connection(ch_agent *agent, ch_error *err)
{
    const ch_relay_start_frame start = {.version = CH_FRAMES_VERSION};
    int fd = -1;
    CH_TRY(connect_to(agent->socket_path, &fd, err));
    ch_channel_open_stream(&agent->channel, fd);
    agent->source = (ch_source){.fd = fd, .on_ready = on_ready, .context = agent};
    CH_TRY(ch_relay_start_frame_put(ch_channel_out(&agent->channel), 0, &start, err));
    agent->written = ch_channel_pending(&agent->channel);
    agent->has_heard = false;
    return CH_OK;
}

/* ---- questions ---- */

/* Writes the question on the connection. */
static ch_status write_question(ch_agent *agent, ch_asking *asking, ch_error *err)
{
    put_question(agent, asking, &agent->question);
    ch_status st = flush(agent, err);
    if (st == CH_OK)
        return CH_OK;
    bool has_begun = asking->begins_at < agent->written - ch_channel_pending(&agent->channel);
    asking->answer.says = has_begun ? CH_AGENT_SILENT : CH_AGENT_AWAY;
    lose_connection(agent, err);
    return st;
}

/* A connection that was kept may have ended since the loop was last asked. What could not be begun on it is begun on
 * another. */
static ch_status send_question(ch_agent *agent, ch_asking *asking, ch_error *err)
{
    if (is_open(agent) && ch_channel_pending(&agent->channel) > AHEAD_MAX) {
        ch_agent_hold(agent, asking);
        return CH_OK;
    }
    asking->answer.says = CH_AGENT_AWAY;
    if (is_open(agent)) {
        ch_status st = write_question(agent, asking, err);
        if (st == CH_OK || is_open(agent) || asking->answer.says != CH_AGENT_AWAY)
            return st;
    }
    CH_TRY(open_connection(agent, err));
    return write_question(agent, asking, err);
}

ch_asking *ch_agent_start(ch_agent *agent, uint64_t number, const char *caller, uint64_t wait_ms)
{
    ch_error err = CH_ERROR_INIT;
    ch_asking *asking = ch_alloc(sizeof *asking);
    *asking = (ch_asking){
        .agent = agent,
        .number = number,
        .caller = caller,
        .timer = {.on_due = on_late, .context = asking},
        .bytes = CH_BUFFER_INIT
    };
    if (send_question(agent, asking, &err) == CH_OK) {
        agent->askings[ch_slot_index(number)] = asking;
        ch_loop_set_timer(agent->loop, &asking->timer, ch_clock_ms() + wait_ms);
        return asking;
    }
    ch_log_limited(&agent->limit, "asking the agent at %s: %s", agent->socket_path, err.message);
    end_unanswered(asking, asking->answer.says == CH_AGENT_SILENT);
    return asking;
}

ch_status ch_agent_ask(ch_agent *agent, const ch_wire *wire, const char *id, uint64_t errors_tag,
                       void (*on_answer)(void *context, const ch_agent_answer *answer), void *context, ch_asking **out,
                       ch_error *err)
{
    uint64_t number = ch_slots_take(agent->numbers);
    if (number == 0)
        return ch_fail(err, CH_BUSY, "the agent is being asked too much at once; nothing was sent");
    ch_buffer_clear(&agent->question);
    ch_status st = ch_question_put(&agent->question, number, wire, id, errors_tag, err);
    if (st != CH_OK) {
        ch_slots_release(agent->numbers, number);
        return st;
    }
    *out = ch_agent_start(agent, number, wire->caller, agent->wait_ms);
    memcpy((*out)->id, id, CH_DRAWN_SIZE); /* it has as many */
    (*out)->on_answer = on_answer;
    (*out)->context = context;
    return CH_OK;
}

/* ---- life ---- */

ch_agent *ch_agent_new(ch_loop *loop, const char *socket_path, unsigned wait_s)
{
    ch_agent *agent = ch_alloc(sizeof *agent);
    *agent = (ch_agent){
        .loop = loop,
        .socket_path = ch_strdup(socket_path),
        .wait_ms = (uint64_t)wait_s * 1000,
        .channel = CH_CHANNEL_CLOSED,
        .numbers = ch_slots_new(CH_ASKINGS_MAX),
        .held = {.after = &agent->held.first},
        .ended = {                    .after = &agent->ended.first                          },
        .calling = { .on_due = on_calling,                           .context = agent},
        .gathering = {                 .on_due = ch_agent_on_gathered,                           .context = agent},
    };
    return agent;
}

/* What is left tells: whoever asks has freed what it asked. */
void ch_agent_free(ch_agent *agent)
{
    if (agent == NULL)
        return;
    for (size_t i = 0; i < CH_ASKINGS_MAX; i++)
        ch_asking_free(agent->askings[i]);
    for (ch_asking *asking; (asking = ch_asking_pop(&agent->ended)) != NULL;)
        ch_asking_free(asking);
    ch_loop_cancel_timer(agent->loop, &agent->calling);
    ch_loop_cancel_timer(agent->loop, &agent->gathering);
    close_connection(agent);
    ch_slots_free(agent->numbers);
    ch_buffer_free(&agent->question);
    ch_buffer_free(&agent->outcome_bytes);
    free(agent->socket_path);
    free(agent);
}
