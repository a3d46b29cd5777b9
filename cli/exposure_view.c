#include "cli/exposure_view.h"

#include "cli/output.h"
#include "cli/policy_file.h"

#include <stdio.h>
#include <string.h>

void ch_shown_texts_add(ch_shown_texts *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return;
    }
    if (list->count < sizeof list->items / sizeof *list->items)
        list->items[list->count++] = text;
}

void ch_shown_texts_print(const ch_shown_texts *list, ch_buffer *out)
{
    size_t said = 0;
    for (size_t i = 0; i < list->count; i++)
        ch_add_listed(out, list->items[i], &said, i + 1 == list->count);
}

void ch_exposure_say(const char *label, ch_buffer *text)
{
    printf("  %-13s", label);
    ch_output_text(ch_buffer_text(text));
    putchar('\n');
    ch_buffer_clear(text);
}
