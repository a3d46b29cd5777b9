/* Any packet, to every reader of frames, and to a receiver in any state. The first byte of an input chooses direction
 * and state, the rest is the packet. A frame that is read holds together, and only what direction, state and descriptor
 * allow reaches a handler. */
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"
#include "wire/channel.h"

#include <fcntl.h>
#include <string.h>

static ch_receiving state;
static ch_direction direction;
static bool has_descriptor;

/* ---- a receiver that takes everything ---- */

static ch_status take(void *self, ch_frame *frame, int *fd, ch_error *err)
{
    ch_error admitted = CH_ERROR_INIT;
    (void)self;
    FUZZ_CHECK((*fd >= 0) == has_descriptor);
    FUZZ_CHECK(ch_frame_admit(frame->type, direction, state, has_descriptor, &admitted) == CH_OK);
    ch_status st = fuzz_check_frame(frame);
    return st == CH_OK ? CH_OK : ch_fail(err, st, "a malformed frame came");
}

static unsigned state_of(const void *self)
{
    (void)self;
    return state;
}

static const ch_handler handlers[] = {
#define RECORD(name, ...)
#define FRAME(NAME, ...) {CH_FRAME_##NAME, take},
#include "wire/frames.def"
#undef RECORD
#undef FRAME
};

static void receive(ch_slice bytes)
{
    ch_error err = CH_ERROR_INIT;
    ch_receiver receiver = {.direction = direction,
                            .handlers = handlers,
                            .handler_count = sizeof handlers / sizeof *handlers,
                            .state = state_of};
    ch_packet packet = {.bytes = bytes, .fd = has_descriptor ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1};
    int fd = packet.fd;
    fuzz_check_error(ch_packet_take(&packet, &receiver, NULL, &err), &err);
    FUZZ_CHECK(fd < 0 || fcntl(fd, F_GETFD) < 0); /* nobody took it, so it is closed */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_slice packet = {data, size};
    uint8_t mode = fuzz_take_byte(&packet);
    direction = (ch_direction)(mode % (CH_CORE_TO_OPERATOR + 1));
    state = (ch_receiving)(1U << (mode / 8 % 8));
    has_descriptor = (mode & 0x80) != 0;
    receive(packet);
    for (ch_frame frame; ch_frame_next(&packet, &frame);)
        ch_ignore(fuzz_check_frame(&frame));
    return 0;
}

/* ---- mutations ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* One in four inputs gets a frame more, or is one frame. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    dice chance = {.state = seed};
    ch_autobuffer out = CH_BUFFER_INIT;
    if (dice_chance(&chance, 75))
        return LLVMFuzzerMutate(data, size, max_size);
    ch_buffer_add(&out, data, size > 0 && dice_chance(&chance, 50) ? size : size > 0);
    if (out.size == 0)
        ch_buffer_add_byte(&out, (uint8_t)dice_next(&chance));
    fuzz_add_any_frame(&chance, &out);
    size_t made = out.size < max_size ? out.size : max_size;
    memcpy(data, out.data, made);
    return made;
}
