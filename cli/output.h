/* Results on standard output: a listing as a table for people or as JSON for programs, from one and the same value.
 *
 * Text that comes from tokens and agents is printed without control characters and characters that nobody sees, so that
 * no label can drive a terminal or pass for another. In JSON it is exact, and in ASCII.
 */
#ifndef CH_CLI_OUTPUT_H
#define CH_CLI_OUTPUT_H

#include "cli/options.h"

#include <jansson.h>
#include <stdio.h>

typedef struct ch_column {
    const char *title;  /* NULL ends the table */
    const char *member; /* of each row, which the column shows: a string, number or boolean */
} ch_column;

#define CH_COLUMNS_MAX 12

/* Prints `rows`, an array of objects: with --json as {"name": rows}, else as a table of `columns`, or `when_empty`. */
CH_CHECKED ch_status ch_output_listing(const ch_arguments *arguments, const char *name, const json_t *rows,
                                       const ch_column *columns, const char *when_empty, ch_error *err);

/* The table alone. */
void ch_output_table(const json_t *rows, const ch_column *columns);

/* Prints `value` as indented JSON in ASCII: what a terminal must not get is escaped. */
CH_CHECKED ch_status ch_output_json(const json_t *value, ch_error *err);

/* Prints what a command with --json has done: {"done": `done`} and the members of `facts`, which it frees; `facts` may
 * be NULL. */
CH_CHECKED ch_status ch_output_done(const char *done, json_t *facts, ch_error *err);

/* Prints text made printable; line ends are replaced too. */
void ch_output_text(const char *text);

/* The same of a member of `object`, after the text `before`. */
void ch_output_member(const json_t *object, const char *before, const char *member);

/* Prints each line of `text` to `out`, made printable: `before`, the line, a line end. */
void ch_output_lines(FILE *out, const char *before, const char *text);

/* Standard output is written through to its end; CH_IO if somebody closed it or the disk is full. */
CH_CHECKED ch_status ch_output_finish(ch_error *err);

#endif
