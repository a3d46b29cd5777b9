/* A front and a relay that were taken over, and what they may send core, while the token process and the operator do
 * their work. */
#include "tests/fuzz/events.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/core.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/play.h"
#include "tests/fuzz/requests.h"

typedef enum what {
    SEND,
    TURN,
    ANSWER,
    FAIL,
    PASS_TIME,
    LOCK,
    UNLOCK,
    CONNECT,
    READ,
    TOKEN_DIES,
    WRITE,
    DISK,
    APPROVE,
    RELAY,
    WHAT_COUNT
} what;

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fuzz_core_init();
    fuzz_requests_init();
    return 0;
}

/* The operator and the token process, who do as they should. */
static void lock(bool is_unlock)
{
    if (is_unlock)
        fuzz_operator_unlock();
    else
        fuzz_operator_lock();
    fuzz_turn();
    fuzz_turn();
    if (is_unlock)
        fuzz_token_say_logged_in(CH_OK);
    else
        fuzz_token_say_logged_out(CH_OK);
}

/* A bot; or the relay anew, which most often says that it starts. */
static void someone_connects(uint8_t how)
{
    if (how % 2 == 0)
        fuzz_bot_connect();
    else
        fuzz_relay_connect(how % 4 == 1);
}

static void relay_says(ch_slice bytes)
{
    if (!fuzz_relay_is_there())
        fuzz_relay_connect(true);
    (void)fuzz_relay_send(bytes);
}

static void happen(const fuzz_event *event)
{
    switch ((what)(event->what % WHAT_COUNT)) {
    case SEND:
        (void)fuzz_front_send(event->bytes);
        break;
    case ANSWER:
        fuzz_token_answer(1 + event->how, CH_OK);
        break;
    case FAIL:
        fuzz_token_answer(1, event->how % 2 == 0 ? CH_TOKEN : CH_UNAVAILABLE);
        break;
    case PASS_TIME:
        fuzz_pass_ms((uint64_t)event->how * 50);
        break;
    case LOCK:
    case UNLOCK:
        lock(event->what % WHAT_COUNT == UNLOCK);
        break;
    case CONNECT:
        someone_connects(event->how);
        break;
    case READ:
        fuzz_front_read(event->how % 2 == 0);
        fuzz_relay_read_on(event->how % 4 < 2);
        break;
    case TOKEN_DIES:
        fuzz_token_die();
        break;
    case WRITE:
        fuzz_front_write(event->bytes);
        break;
    case DISK:
        fuzz_disk_set((fuzz_disk)(event->how % FUZZ_DISK_COUNT));
        break;
    case APPROVE:
        fuzz_core_approve();
        break;
    case RELAY:
        relay_says(event->bytes);
        break;
    case TURN:
    case WHAT_COUNT:
        break;
    }
    fuzz_turn();
    fuzz_token_get_ready();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_slice input = {data, size};
    fuzz_disk_clear();
    fuzz_play_begin();
    fuzz_play_serving();
    for (fuzz_event event; fuzz_next_event(&input, &event);)
        happen(&event);
    fuzz_play_end();
    return 0;
}

/* A packet of a few frames, most of them with a meaning. */
static void make_bytes(dice *chance, uint8_t event, ch_buffer *out)
{
    for (size_t i = 1 + dice_below(chance, 3); i > 0; i--) {
        size_t kind = dice_below(chance, 10);
        if (event == RELAY)
            fuzz_add_relay_frame(chance, out);
        else if (kind < 5)
            fuzz_add_request(chance, out);
        else if (kind < 8)
            fuzz_add_report(chance, out);
        else
            fuzz_add_frame(chance, CH_FRONT_TO_CORE, out);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static const uint8_t with_bytes[] = {SEND, RELAY};
    static const fuzz_event_kinds kinds = {
        .count = WHAT_COUNT, .with_bytes = with_bytes, .with_bytes_count = 2, .make_bytes = make_bytes};
    return fuzz_mutate_events(&kinds, data, size, max_size, seed);
}
