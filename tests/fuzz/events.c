#include "tests/fuzz/events.h"

#include "tests/fuzz/fuzz.h"

#include <string.h>

#define EVENTS_MAX 64

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

bool fuzz_next_event(ch_slice *input, fuzz_event *out)
{
    if (input->size == 0)
        return false;
    out->what = fuzz_take_byte(input);
    out->how = fuzz_take_byte(input);
    size_t size = fuzz_take_byte(input);
    size |= (size_t)fuzz_take_byte(input) << 8;
    size = size < input->size ? size : input->size;
    out->bytes = (ch_slice){input->data, size};
    *input = (ch_slice){input->data + size, input->size - size};
    return true;
}

void fuzz_add_event(ch_buffer *input, const fuzz_event *event)
{
    size_t size = event->bytes.size < UINT16_MAX ? event->bytes.size : UINT16_MAX;
    ch_buffer_add_byte(input, event->what);
    ch_buffer_add_byte(input, event->how);
    ch_buffer_add_byte(input, (uint8_t)size);
    ch_buffer_add_byte(input, (uint8_t)(size >> 8));
    ch_buffer_add(input, event->bytes.data, size);
}

typedef struct sequence {
    fuzz_event events[EVENTS_MAX + 1];
    size_t count;
    ch_buffer made; /* bytes of the one that is new or changed */
} sequence;

static bool has_bytes(const fuzz_event_kinds *kinds, uint8_t what)
{
    for (size_t i = 0; i < kinds->with_bytes_count; i++) {
        if (kinds->with_bytes[i] == what)
            return true;
    }
    return false;
}

static uint8_t choose(const fuzz_event_kinds *kinds, dice *chance)
{
    return dice_chance(chance, 50) ? kinds->with_bytes[dice_below(chance, kinds->with_bytes_count)]
                                   : (uint8_t)dice_below(chance, kinds->count);
}

static fuzz_event make_event(const fuzz_event_kinds *kinds, dice *chance, ch_buffer *bytes)
{
    fuzz_event event = {.what = choose(kinds, chance),
                        .how = (uint8_t)(dice_chance(chance, 80) ? dice_below(chance, 8) : dice_next(chance))};
    if (has_bytes(kinds, event.what))
        kinds->make_bytes(chance, event.what, bytes);
    event.bytes = ch_buffer_slice(bytes);
    return event;
}

static void insert(sequence *all, size_t at, fuzz_event event)
{
    if (all->count == EVENTS_MAX)
        return;
    memmove(&all->events[at + 1], &all->events[at], (all->count - at) * sizeof event);
    all->events[at] = event;
    all->count++;
}

static fuzz_event take_out(sequence *all, size_t at)
{
    fuzz_event event = all->events[at];
    all->count--;
    memmove(&all->events[at], &all->events[at + 1], (all->count - at) * sizeof event);
    return event;
}

static void change_bytes(sequence *all, fuzz_event *event)
{
    if (event->bytes.size == 0)
        return;
    ch_buffer_add_slice(&all->made, event->bytes);
    uint8_t *room = ch_buffer_reserve(&all->made, 64);
    size_t size = LLVMFuzzerMutate(room - event->bytes.size, event->bytes.size, event->bytes.size + 64);
    event->bytes = (ch_slice){all->made.data, size};
}

static void change(const fuzz_event_kinds *kinds, sequence *all, dice *chance)
{
    size_t at = dice_below(chance, all->count);
    size_t how = dice_below(chance, 8);
    if (all->count == 0 || how < 3) {
        insert(all, dice_below(chance, all->count + 1), make_event(kinds, chance, &all->made));
    } else if (how == 3) {
        (void)take_out(all, at);
    } else if (how == 4) {
        insert(all, dice_below(chance, all->count + 1), all->events[at]);
    } else if (how == 5) {
        fuzz_event event = take_out(all, at);
        insert(all, dice_below(chance, all->count + 1), event);
    } else if (how == 6) {
        change_bytes(all, &all->events[at]);
    } else {
        all->events[at].what = (uint8_t)dice_below(chance, kinds->count);
        all->events[at].how = (uint8_t)dice_next(chance);
    }
}

size_t fuzz_mutate_events(const fuzz_event_kinds *kinds, uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    dice chance = {.state = seed};
    if (dice_chance(&chance, 25))
        return LLVMFuzzerMutate(data, size, max_size);
    sequence all = {.count = 0, .made = CH_BUFFER_INIT};
    ch_slice input = {data, size};
    while (all.count < EVENTS_MAX && fuzz_next_event(&input, &all.events[all.count]))
        all.count++;
    change(kinds, &all, &chance);
    ch_autobuffer out = CH_BUFFER_INIT;
    for (size_t i = 0; i < all.count; i++)
        fuzz_add_event(&out, &all.events[i]);
    ch_buffer_free(&all.made);
    size_t made = out.size < max_size ? out.size : max_size;
    if (made > 0)
        memcpy(data, out.data, made);
    return made;
}
