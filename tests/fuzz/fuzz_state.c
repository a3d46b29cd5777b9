/* A journal and its snapshot that can be read as a database and may be damaged: core does not start and says so, or it
 * starts and works. An input is lines as agent/core/ledger_rows.c has them; a line that begins with = begins a row, of
 * the kind that the character after it stands for, and =s a snapshot of the rows before it.
 *
 * What is read can be written and read again, and is the same then; and what core counts after it has worked with it is
 * on the disk. */
#include "tests/fuzz/core.h"
#include "tests/fuzz/disk.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kept.h"
#include "tests/fuzz/play.h"
#include "tests/fuzz/requests.h"

#include <string.h>

#define REQUESTS 6

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fuzz_core_init();
    fuzz_requests_init();
    return 0;
}

/* ---- the state ---- */

static void add(char kind, ch_slice lines)
{
    if (kind == 's')
        fuzz_disk_add_snapshot(lines);
    else
        fuzz_disk_add_row((unsigned)kind - '0', lines);
}

static void fill_disk(ch_slice input)
{
    fuzz_disk_clear();
    while (input.size > 0) {
        const uint8_t *end = memmem(input.data + 1, input.size - 1, "\n=", 2);
        size_t size = end == NULL ? input.size : (size_t)(end - input.data) + 1;
        const uint8_t *first = memchr(input.data, '\n', size);
        bool has_kind = size > 1 && input.data[0] == '=';
        size_t skipped = has_kind && first != NULL ? (size_t)(first - input.data) + 1 : 0;
        add(has_kind ? (char)input.data[1] : '0', (ch_slice){input.data + skipped, size - skipped});
        input = ch_slice_after(input, size);
    }
}

/* ---- reading ---- */

static uint64_t now_ns(void)
{
    return FUZZ_WALL_MS * 1000000;
}

/* All that is read, in lines; false if it is refused. */
static bool read_state(ch_buffer *lines)
{
    ch_error err = CH_ERROR_INIT;
    ch_ledger *ledger = NULL;
    ch_status st = ch_ledger_open(fuzz_disk_store(), NULL, &ledger, &err);
    fuzz_check_error(st, &err);
    FUZZ_CHECK(st == CH_OK || st == CH_IO);
    if (st == CH_OK) {
        ch_ledger_set_policy(ledger, fuzz_core_policy(), now_ns());
        fuzz_ledger_lines(ledger, now_ns(), "LRSPFNAQGEW", lines);
    }
    ch_ledger_close(ledger);
    return st == CH_OK;
}

static void check_again(ch_buffer *lines)
{
    ch_autobuffer again = CH_BUFFER_INIT;
    fuzz_disk_clear();
    fuzz_disk_add_snapshot(ch_buffer_slice(lines));
    FUZZ_CHECK(read_state(&again));
    fuzz_check_lines(lines, &again);
}

/* ---- working with it ---- */

static void ask(uint64_t seed)
{
    dice chance = {.state = seed};
    ch_autobuffer packet = CH_BUFFER_INIT;
    for (unsigned i = 0; i < REQUESTS; i++) {
        fuzz_add_report(&chance, &packet);
        fuzz_add_request(&chance, &packet);
    }
    (void)fuzz_front_send(ch_buffer_slice(&packet));
}

static void work(uint64_t seed)
{
    fuzz_play_begin();
    fuzz_play_serving();
    ask(seed);
    fuzz_turn();
    fuzz_token_answer(REQUESTS, CH_OK);
    fuzz_pass_ms(20000);
    ask(seed + 1);
    fuzz_turn();
    fuzz_play_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ch_slice input = {data, size};
    ch_autobuffer lines = CH_BUFFER_INIT;
    fuzz_stage_set(NULL);
    fill_disk(input);
    if (!read_state(&lines))
        return 0;
    check_again(&lines);
    fill_disk(input);
    work(size);
    return 0;
}
