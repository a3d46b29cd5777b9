#include "cli/output.h"

#include "base/memory.h"
#include "base/printable.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void ch_output_text(const char *text)
{
    ch_autofree char *printable = ch_strdup(text);
    ch_make_printable(printable);
    fputs(printable, stdout);
}

/* Into `number` where the cell is one. */
static const char *cell_text(const json_t *row, const char *key, char number[static 32])
{
    const json_t *value = json_object_get(row, key);
    if (json_is_boolean(value))
        return json_is_true(value) ? "yes" : "no";
    if (json_is_integer(value)) {
        (void)snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return number;
    }
    const char *text = json_string_value(value);
    return text == NULL || *text == '\0' ? "-" : text;
}

/* Characters, not bytes: UTF-8 labels must not bend the columns. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_cell(const char *text, size_t width, bool is_last)
{
    ch_output_text(text);
    if (is_last) {
        (void)putchar('\n');
        return;
    }
    for (size_t used = width_of(text); used < width + 2; used++)
        (void)putchar(' ');
}

void ch_output_table(const json_t *rows, const ch_column *columns, size_t column_count)
{
    char number[32];
    size_t width[CH_COLUMNS_MAX] = {0};
    size_t row_count = json_array_size(rows);
    for (size_t c = 0; c < column_count; c++) {
        width[c] = width_of(columns[c].title);
        for (size_t r = 0; r < row_count; r++) {
            size_t wanted = width_of(cell_text(json_array_get(rows, r), columns[c].key, number));
            width[c] = wanted > width[c] ? wanted : width[c];
        }
    }
    for (size_t c = 0; c < column_count; c++)
        print_cell(columns[c].title, width[c], c + 1 == column_count);
    for (size_t r = 0; r < row_count; r++) {
        for (size_t c = 0; c < column_count; c++)
            print_cell(cell_text(json_array_get(rows, r), columns[c].key, number), width[c], c + 1 == column_count);
    }
}

ch_status ch_output_json(const json_t *value, ch_error *err)
{
    if (json_dumpf(value, stdout, JSON_INDENT(2)) != 0)
        return ch_fail(err, CH_IO, "standard output does not take the result");
    (void)putchar('\n');
    return CH_OK;
}

ch_status ch_output_listing(const ch_arguments *arguments, const char *name, const json_t *rows,
                            const ch_column *columns, size_t column_count, const char *when_empty, ch_error *err)
{
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson listing = json_pack("{s:O}", name, rows);
        return ch_output_json(listing, err);
    }
    if (json_array_size(rows) == 0)
        (void)puts(when_empty);
    else
        ch_output_table(rows, columns, column_count);
    return CH_OK;
}

ch_status ch_output_finish(ch_error *err)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return ch_fail_errno(err, "standard output does not take the result");
    return CH_OK;
}
