#include "cli/output.h"

#include "base/memory.h"
#include "base/printable.h"
#include "base/slice.h"
#include "cli/jansson.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void ch_output_text(const char *text)
{
    ch_autofree char *printable = ch_strdup(text);
    ch_make_printable(printable);
    fputs(printable, stdout);
}

void ch_output_member(const json_t *object, const char *before, const char *member)
{
    printf("%s", before);
    ch_output_text(ch_jansson_member(object, member));
}

void ch_output_lines(FILE *out, const char *before, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        ch_autofree char *line = ch_slice_strdup((ch_slice){(const uint8_t *)text, size});
        ch_make_printable(line);
        fprintf(out, "%s%s\n", before, line);
        text += size + (text[size] == '\n');
    }
}

/* Written into `number` if the cell is one. */
static const char *cell_text(const json_t *row, const char *member, char number[static 32])
{
    const json_t *value = json_object_get(row, member);
    if (json_is_boolean(value))
        return json_is_true(value) ? "yes" : "no";
    if (json_is_integer(value)) {
        snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return number;
    }
    if (json_is_real(value)) {
        snprintf(number, 32, json_real_value(value) < 10 ? "%.1f" : "%.0f", json_real_value(value));
        return number;
    }
    const char *text = json_string_value(value);
    return text == NULL || *text == '\0' ? "-" : text;
}

/* Characters, not bytes: UTF-8 labels must not bend the columns. */
static size_t width_of(const char *text)
{
    ch_autofree char *shown = ch_strdup(text);
    ch_make_printable(shown);
    size_t width = 0;
    for (const char *at = shown; *at != '\0'; at++)
        width += ((unsigned char)*at & 0xc0) != 0x80;
    return width;
}

static void print_cell(const char *text, size_t width, bool is_last)
{
    ch_output_text(text);
    if (is_last) {
        putchar('\n');
        return;
    }
    for (size_t used = width_of(text); used < width + 2; used++)
        putchar(' ');
}

static size_t column_width(const json_t *rows, const ch_column *column)
{
    char number[32];
    size_t width = width_of(column->title);
    for (size_t r = 0; r < json_array_size(rows); r++) {
        size_t needed = width_of(cell_text(json_array_get(rows, r), column->member, number));
        width = needed > width ? needed : width;
    }
    return width;
}

void ch_output_table(const json_t *rows, const ch_column *columns)
{
    char number[32];
    size_t width[CH_COLUMNS_MAX];
    size_t count = 0;
    for (; columns[count].title != NULL; count++) {
        assert(count < CH_COLUMNS_MAX);
        width[count] = column_width(rows, &columns[count]);
    }
    for (size_t c = 0; c < count; c++)
        print_cell(columns[c].title, width[c], c + 1 == count);
    for (size_t r = 0; r < json_array_size(rows); r++) {
        for (size_t c = 0; c < count; c++)
            print_cell(cell_text(json_array_get(rows, r), columns[c].member, number), width[c], c + 1 == count);
    }
}

ch_status ch_output_json(const json_t *value, ch_error *err)
{
    ch_autofree char *text =
        json_dumps(value, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    if (text == NULL)
        return ch_fail(err, CH_IO, "standard output does not take the result");
    for (const char *at = text; *at != '\0'; at++)
        printf(*at == 0x7f ? "\\u007f" : "%c", *at);
    putchar('\n');
    return CH_OK;
}

ch_status ch_output_done(const char *done, json_t *facts, ch_error *err)
{
    ch_autojansson all = json_pack("{s:s}", "done", done);
    json_object_update_missing(all, facts);
    json_decref(facts);
    return ch_output_json(all, err);
}

ch_status ch_output_listing(const ch_arguments *arguments, const char *name, const json_t *rows,
                            const ch_column *columns, const char *when_empty, ch_error *err)
{
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson listing = json_pack("{s:O}", name, rows);
        return ch_output_json(listing, err);
    }
    if (json_array_size(rows) == 0)
        puts(when_empty);
    else
        ch_output_table(rows, columns);
    return CH_OK;
}

ch_status ch_output_finish(ch_error *err)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return ch_fail_errno(err, "standard output does not take the result");
    return CH_OK;
}
