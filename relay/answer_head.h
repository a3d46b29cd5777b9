/* The head of an exchange's answer, line by line as libcurl hands it on, and what of it a bot gets: not what belongs to
 * a connection, and not what speaks to a browser (cookies, Access-Control-*, Strict-Transport-Security, Alt-Svc). One
 * thread. */
#ifndef CH_RELAY_ANSWER_HEAD_H
#define CH_RELAY_ANSWER_HEAD_H

#include "base/buffer.h"

#include <stdbool.h>

#define CH_ANSWER_HEAD_MAX (64 * 1024)
#define CH_ANSWER_LINES_MAX 256 /* each is looked for in all others */

typedef struct ch_answer_head {
    ch_buffer raw;   /* its lines */
    size_t size;     /* of all lines, also those of interim answers and trailers */
    size_t lines;    /* likewise */
    bool is_begun;   /* its first line is here, and its last is not */
    bool is_interim; /* status 1xx; another head follows */
    bool is_whole;
} ch_answer_head;

void ch_answer_head_free(ch_answer_head *head);

/* Takes a line with its end. Returns false if there are too many, or they have too many bytes together. */
bool ch_answer_head_add(ch_answer_head *head, ch_slice line);
/* Appends the lines that a bot gets, each with CRLF. */
void ch_answer_head_pass(const ch_answer_head *head, ch_buffer *out);

#endif
