#include "cli/agent_keys.h"

#include "base/buffer.h"
#include "base/encode.h"
#include "cli/client.h"
#include "cli/jansson.h"

#include <string.h>

/* Adds one page of keys to `keys`. `path` is where to ask for it; afterwards it is where to ask for the next page, or
 * empty if this was the last. */
static ch_status add_page(const ch_arguments *arguments, json_t *keys, ch_buffer *path, ch_error *err)
{
    ch_autojansson answer = NULL;
    CH_TRY(ch_client_ask(arguments, ch_buffer_text(path), NULL, &answer, err));
    json_t *page = json_object_get(answer, "keys");
    const char *next = json_string_value(json_object_get(answer, "next"));
    if (json_array_extend(keys, page) != 0 || (next != NULL && json_array_size(page) == 0))
        return ch_fail(err, CH_INTERNAL, "the agent's answer is not a page of keys");
    ch_buffer_clear(path);
    if (next != NULL) {
        ch_buffer_add_text(path, "/v1/keys?limit=1000&after=");
        ch_encode_percent(path, ch_slice_of(next), "");
    }
    return CH_OK;
}

ch_status ch_agent_keys(const ch_arguments *arguments, json_t **out, ch_error *err)
{
    ch_autojansson keys = json_array();
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_text(&path, "/v1/keys");
    while (path.size > 0)
        CH_TRY(add_page(arguments, keys, &path, err));
    *out = json_incref(keys);
    return CH_OK;
}

const json_t *ch_agent_keys_find(const json_t *keys, const char *name)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        if (strcmp(ch_jansson_member(key, "name"), name) == 0)
            return key;
    }
    return NULL;
}
