/* What an operator's program may send core, with or without a descriptor of any kind, in up to ten sessions at once. */
#include "tests/fuzz/events.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/core.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/play.h"
#include "tests/fuzz/requests.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum what {
    SEND,
    TURN,
    CONNECT,
    LEAVE,
    ASK,
    PASS_TIME,
    SAY_LOGGED_IN,
    SAY_LOGGED_OUT,
    TOKEN_DIES,
    SAY_STARTED,
    DISK,
    HOLD_PRICE,
    OLD_STATE, /* means something as the first event only */
    SAY_CODE,
    WHAT_COUNT
} what;

/* What may come along with a packet. */
typedef enum attached {
    NOTHING,
    PIN,
    PIN_TWICE,
    EMPTY_PIPE,
    LONG_PIPE,
    FILE_END,
    DEVICE,
    SOCKET,
    CODE,
    PIN_AND_CODE,
    ATTACHED_COUNT
} attached;

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fuzz_core_init();
    fuzz_requests_init();
    return 0;
}

static int socket_end(void)
{
    int ends[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    close(ends[1]);
    return ends[0];
}

static int make_descriptor(attached kind)
{
    static const uint8_t long_pin[300] = {'1'};
    switch (kind) {
    case PIN:
    case PIN_TWICE:
        return fuzz_pipe_with(CH_LITERAL("1234\n"));
    case EMPTY_PIPE:
        return fuzz_pipe_with(CH_LITERAL(""));
    case LONG_PIPE:
        return fuzz_pipe_with((ch_slice){long_pin, sizeof long_pin});
    case CODE:
        return fuzz_pipe_with(CH_LITERAL("123456"));
    case PIN_AND_CODE:
        return fuzz_pipe_with(CH_LITERAL("1234\000123456"));
    case FILE_END:
        return dup(fuzz_descriptor(CH_LITERAL("1234")));
    case DEVICE:
        return open("/dev/zero", O_RDONLY | O_CLOEXEC);
    case SOCKET:
        return socket_end();
    default:
        return -1;
    }
}

static void send_as(uint8_t how, ch_slice packet)
{
    attached kind = (attached)(how % ATTACHED_COUNT);
    int fd = make_descriptor(kind);
    (void)fuzz_operator_send(how / ATTACHED_COUNT, packet, fd, kind == PIN_TWICE);
    if (fd >= 0)
        close(fd);
}

/* What the input says; or, if that is nothing, a request and a report, the same for each `how`. */
static void ask(uint8_t how, ch_slice packet)
{
    dice chance = {.state = how};
    ch_autobuffer made = CH_BUFFER_INIT;
    fuzz_add_request(&chance, &made);
    fuzz_add_report(&chance, &made);
    (void)fuzz_front_send(packet.size > 0 ? packet : ch_buffer_slice(&made));
}

static void hold_price(void)
{
    ch_autobuffer packet = CH_BUFFER_INIT;
    fuzz_add_held_price(&packet);
    (void)fuzz_front_send(ch_buffer_slice(&packet));
    fuzz_turn();
}

static void happen(const fuzz_event *event)
{
    switch ((what)(event->what % WHAT_COUNT)) {
    case SEND:
        send_as(event->how, event->bytes);
        break;
    case CONNECT:
        fuzz_operator_connect(event->how);
        break;
    case LEAVE:
        fuzz_operator_leave(event->how);
        break;
    case ASK:
        ask(event->how, event->bytes);
        break;
    case PASS_TIME:
        fuzz_pass_ms((uint64_t)event->how * 500);
        break;
    case SAY_LOGGED_IN:
        fuzz_token_say_logged_in(event->how % 2 == 0 ? CH_OK : CH_WRONG_PIN);
        break;
    case SAY_LOGGED_OUT:
        fuzz_token_say_logged_out(event->how % 2 == 0 ? CH_OK : CH_TOKEN);
        break;
    case TOKEN_DIES:
        fuzz_token_die();
        break;
    case SAY_STARTED:
        fuzz_token_say_started(CH_OK);
        break;
    case SAY_CODE:
        fuzz_token_say_code(event->how % 2 == 0);
        break;
    case HOLD_PRICE:
        hold_price();
        break;
    case DISK:
        fuzz_disk_set((fuzz_disk)(event->how % FUZZ_DISK_COUNT));
        break;
    case TURN:
    case OLD_STATE:
    case WHAT_COUNT:
        break;
    }
    fuzz_turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_slice input = {data, size};
    fuzz_disk_clear();
    if (size > 0 && data[0] % WHAT_COUNT == OLD_STATE)
        fuzz_disk_set_trace(CH_TRACE_STRANGE);
    fuzz_play_begin();
    fuzz_front_get_ready();
    fuzz_token_say_started(CH_OK);
    fuzz_turn();
    fuzz_operator_connect(0);
    fuzz_operator_connect(1);
    for (fuzz_event event; fuzz_next_event(&input, &event);)
        happen(&event);
    fuzz_play_end();
    return 0;
}

static void make_bytes(dice *chance, uint8_t event, ch_buffer *out)
{
    (void)event;
    fuzz_add_frame(chance, CH_OPERATOR_TO_CORE, out);
    if (dice_chance(chance, 10))
        fuzz_add_frame(chance, CH_OPERATOR_TO_CORE, out);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static const uint8_t with_bytes[] = {SEND};
    static const fuzz_event_kinds kinds = {
        .count = WHAT_COUNT, .with_bytes = with_bytes, .with_bytes_count = 1, .make_bytes = make_bytes};
    return fuzz_mutate_events(&kinds, data, size, max_size, seed);
}
