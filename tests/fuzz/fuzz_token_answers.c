/* A token process, or the vendor's module in it, gone bad, and what it may send core, while bots ask and the operator
 * unlocks and locks. */
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
    ASK,
    ANSWER,
    PASS_TIME,
    LOCK,
    UNLOCK,
    SAY_STARTED,
    SAY_LOGGED_IN,
    SAY_LOGGED_OUT,
    DIE,
    WRITE,
    DISK,
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

/* What the input says; or, if that is nothing, requests of all forms and what else bots send, the same for each `how`.
 */
static void ask(uint8_t how, ch_slice packet)
{
    dice chance = {.state = how};
    ch_autobuffer made = CH_BUFFER_INIT;
    for (unsigned i = 0; i < 4; i++)
        fuzz_add_request(&chance, &made);
    if (dice_chance(&chance, 50))
        fuzz_add_report(&chance, &made);
    (void)fuzz_front_send(packet.size > 0 ? packet : ch_buffer_slice(&made));
}

static ch_status outcome_of(uint8_t how)
{
    static const ch_status outcomes[] = {CH_OK, CH_OK, CH_WRONG_PIN, CH_TOKEN, CH_UNAVAILABLE};
    return outcomes[how % (sizeof outcomes / sizeof *outcomes)];
}

static void happen(const fuzz_event *event)
{
    switch ((what)(event->what % WHAT_COUNT)) {
    case SEND:
        (void)fuzz_token_send(event->bytes);
        break;
    case ASK:
        ask(event->how, event->bytes);
        break;
    case ANSWER:
        fuzz_token_answer(1 + event->how / 8, outcome_of(event->how));
        break;
    case PASS_TIME:
        fuzz_pass_ms((uint64_t)event->how * 50);
        break;
    case LOCK:
        fuzz_operator_lock();
        break;
    case UNLOCK:
        fuzz_operator_unlock();
        break;
    case SAY_STARTED:
        fuzz_token_say_started(outcome_of(event->how));
        break;
    case SAY_LOGGED_IN:
        fuzz_token_say_logged_in(outcome_of(event->how));
        break;
    case SAY_LOGGED_OUT:
        fuzz_token_say_logged_out(outcome_of(event->how));
        break;
    case DIE:
        fuzz_token_die();
        break;
    case WRITE:
        fuzz_token_write(event->bytes);
        break;
    case DISK:
        fuzz_disk_set((fuzz_disk)(event->how % FUZZ_DISK_COUNT));
        break;
    case TURN:
    case WHAT_COUNT:
        break;
    }
    fuzz_turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_slice input = {data, size};
    fuzz_disk_clear();
    fuzz_play_begin();
    if (fuzz_take_byte(&input) % 4 != 0)
        fuzz_play_serving();
    else
        fuzz_front_get_ready();
    for (fuzz_event event; fuzz_next_event(&input, &event);)
        happen(&event);
    fuzz_play_end();
    return 0;
}

static void make_bytes(dice *chance, uint8_t event, ch_buffer *out)
{
    (void)event;
    for (size_t i = 1 + dice_below(chance, 3); i > 0; i--)
        fuzz_add_frame(chance, CH_TOKEN_TO_CORE, out);
}

/* The events begin after the first byte. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static const uint8_t with_bytes[] = {SEND};
    static const fuzz_event_kinds kinds = {
        .count = WHAT_COUNT, .with_bytes = with_bytes, .with_bytes_count = 1, .make_bytes = make_bytes};
    if (size == 0 && max_size > 0)
        data[size++] = (uint8_t)seed;
    return 1 + fuzz_mutate_events(&kinds, data + 1, size - 1, max_size - 1, seed);
}
