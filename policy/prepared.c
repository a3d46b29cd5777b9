#include "policy/prepared.h"

#include "base/encode.h"

#include <stdlib.h>
#include <string.h>

void ch_prepared_free(ch_prepared *prepared)
{
    for (size_t i = 0; i < prepared->text_count; i++)
        free(prepared->texts[i]);
    free(prepared->texts);
    free(prepared->params);
    free(prepared->method);
    free(prepared->host);
    free(prepared->path);
    *prepared = (ch_prepared){0};
}

ch_request ch_prepared_request(const ch_prepared *prepared, ch_param *params)
{
    if (prepared->param_count > 0)
        memcpy(params, prepared->params, prepared->param_count * sizeof *params);
    return (ch_request){.method = ch_slice_of(prepared->method),
                        .host = ch_slice_of(prepared->host == NULL ? "" : prepared->host),
                        .path = ch_slice_of(prepared->path),
                        .params = params,
                        .param_count = prepared->param_count};
}

/* A text has quotes that it cannot end itself, so that it looks neither like another kind of value nor like another
 * parameter. */
static void print_value(const ch_param *param, ch_buffer *out)
{
    if (param->kind != CH_PARAM_TEXT)
        ch_buffer_add_slice(out, param->value);
    else if (ch_slice_find(param->value, '\'') == NULL)
        ch_buffer_add_format(out, "'%.*s'", CH_SLICE_ARGS(param->value));
    else
        ch_encode_json(out, param->value);
}

void ch_prepared_print(const ch_prepared *prepared, ch_buffer *out)
{
    bool is_list[CH_PARAM_DEPTH_MAX + 1] = {false};
    size_t depth = 0;
    const char *separator = " ";
    ch_buffer_add_format(out, "%s %s%s", prepared->method, prepared->host == NULL ? "" : prepared->host,
                         prepared->path);
    for (size_t i = 0; i < prepared->param_count; i++) {
        const ch_param *param = &prepared->params[i];
        bool is_opening = param->kind == CH_PARAM_LIST || param->kind == CH_PARAM_OBJECT;
        if (param->kind == CH_PARAM_END) {
            ch_buffer_add_byte(out, is_list[depth--] ? ']' : '}');
            separator = " ";
            continue;
        }
        ch_buffer_add_text(out, separator);
        separator = is_opening ? "" : " ";
        if (!is_list[depth])
            ch_buffer_add_format(out, "%.*s=", CH_SLICE_ARGS(param->name));
        if (!is_opening) {
            print_value(param, out);
            continue;
        }
        is_list[++depth] = param->kind == CH_PARAM_LIST;
        ch_buffer_add_byte(out, is_list[depth] ? '[' : '{');
    }
}
