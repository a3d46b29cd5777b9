/* Prices are left out, as each quote has no row; and ids of orders, of which a start knows the hash alone. */
#include "tests/fuzz/kept.h"

#include "agent/core/ledger.h"
#include "base/memory.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const ch_slice *first = a;
    const ch_slice *second = b;
    return ch_slice_compare(*first, *second);
}

void fuzz_ledger_lines(const ch_ledger *ledger, uint64_t now_ns, const char *kinds, ch_buffer *out)
{
    ch_autobuffer all = CH_BUFFER_INIT;
    ch_ledger_add_all(ledger, now_ns, &all);
    ch_autofree ch_slice *lines = ch_alloc((all.size + 1) * sizeof *lines);
    size_t count = 0;
    for (ch_slice left = ch_buffer_slice(&all); left.size > 0;) {
        const uint8_t *end = ch_slice_find(left, '\n');
        FUZZ_CHECK(end != NULL && end != left.data);
        size_t size = (size_t)(end - left.data) + 1;
        if (strchr(kinds, *left.data) != NULL)
            lines[count++] = (ch_slice){left.data, size};
        left = ch_slice_after(left, size);
    }
    qsort(lines, count, sizeof *lines, compare);
    for (size_t i = 0; i < count; i++)
        ch_buffer_add_slice(out, lines[i]);
}

void fuzz_check_lines(ch_buffer *counted, ch_buffer *found)
{
    bool is_same = ch_slice_equal(ch_buffer_slice(counted), ch_buffer_slice(found));
    if (!is_same)
        fprintf(stderr, "core counts:\n%s\nand its state is:\n%s\n", ch_buffer_text(counted), ch_buffer_text(found));
    FUZZ_CHECK(is_same);
}

void fuzz_check_kept(const ch_ledger *ledger, ch_store *store, const ch_policy *policy, uint64_t now_ns)
{
    ch_error err = CH_ERROR_INIT;
    ch_ledger *kept = NULL;
    ch_autobuffer counted = CH_BUFFER_INIT;
    ch_autobuffer found = CH_BUFFER_INIT;
    FUZZ_CHECK(ch_ledger_open(store, NULL, &kept, &err) == CH_OK);
    ch_ledger_set_policy(kept, policy, now_ns);
    fuzz_ledger_lines(ledger, now_ns, "LRSNAQGEW", &counted);
    fuzz_ledger_lines(kept, now_ns, "LRSNAQGEW", &found);
    ch_ledger_close(kept);
    fuzz_check_lines(&counted, &found);
}
