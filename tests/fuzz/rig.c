#include "tests/fuzz/rig.h"

#include "base/memory.h"

void fuzz_rig_init(rig *out)
{
    /* A clock that every time of a recipe shows in full. */
    *out = (rig){.pool = ch_alloc(POOL_BYTES), .now_ns = 1764000000000000000U, .err = CH_ERROR_INIT};
    out->scratch = ch_scratch_new();
    out->draft = ch_draft_new(out->scratch);
}
