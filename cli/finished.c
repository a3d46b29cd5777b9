#include "cli/finished.h"

#include "base/buffer.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/shell_word.h"

#include <stdio.h>

static const char *header_value(void *at)
{
    const char *value = json_string_value(json_object_iter_value(at));
    return value == NULL ? "" : value;
}

/* --globoff and --data-raw: curl must not read brackets or a leading '@' its own way. */
void ch_finished_print_curl(const json_t *request)
{
    ch_autobuffer line = CH_BUFFER_INIT;
    ch_buffer_add_text(&line, "curl --globoff --request ");
    ch_shell_word_add_quoted(&line, ch_jansson_member(request, "method"));
    json_t *headers = json_object_get(request, "headers");
    for (void *at = json_object_iter(headers); at != NULL; at = json_object_iter_next(headers, at)) {
        ch_autobuffer header = CH_BUFFER_INIT;
        ch_buffer_add_format(&header, "%s: %s", json_object_iter_key(at), header_value(at));
        ch_buffer_add_text(&line, " \\\n  --header ");
        ch_shell_word_add_quoted(&line, ch_buffer_text(&header));
    }
    if (*ch_jansson_member(request, "body") != '\0') {
        ch_buffer_add_text(&line, " \\\n  --data-raw ");
        ch_shell_word_add_quoted(&line, ch_jansson_member(request, "body"));
    }
    ch_buffer_add_text(&line, " \\\n  --url ");
    ch_shell_word_add_quoted(&line, ch_jansson_member(request, "url"));
    puts(ch_buffer_text(&line));
}

static void print_line(const char *before, const char *between, const char *after)
{
    ch_output_text(before);
    fputs(between, stdout);
    ch_output_text(after);
    putchar('\n');
}

void ch_finished_print(const json_t *request)
{
    print_line(ch_jansson_member(request, "method"), " ", ch_jansson_member(request, "url"));
    json_t *headers = json_object_get(request, "headers");
    for (void *at = json_object_iter(headers); at != NULL; at = json_object_iter_next(headers, at))
        print_line(json_object_iter_key(at), ": ", header_value(at));
    if (*ch_jansson_member(request, "body") != '\0')
        print_line("", "\n", ch_jansson_member(request, "body"));
}
