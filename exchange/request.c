/* Lists and objects lie flat among the other entries, so walking over one means counting what opens and closes. */
#include "exchange/request.h"

#include <assert.h>

size_t ch_param_after_held(const ch_param *params, size_t count, size_t at)
{
    assert(at < count);
    size_t depth = 0;
    do {
        if (params[at].kind == CH_PARAM_LIST || params[at].kind == CH_PARAM_OBJECT)
            depth++;
        else if (params[at].kind == CH_PARAM_END)
            depth--;
        at++;
    } while (depth > 0 && at < count);
    return at;
}
