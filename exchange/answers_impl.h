/* What `answers` of a profile comes to. For exchange/answers.c and exchange/load_answers.c. */
#ifndef CH_EXCHANGE_ANSWERS_IMPL_H
#define CH_EXCHANGE_ANSWERS_IMPL_H

#include "exchange/answers.h"
#include "exchange/template.h"

#define CH_REJECTION_MEMBERS_MAX 4
#define CH_REJECTION_UNDER_MAX 8

/* What the templates of errors may name. */
enum { CH_ANSWER_MESSAGE, CH_ANSWER_ID, CH_ANSWER_VALUE_COUNT };

typedef struct ch_error_header {
    char *name;
    char *text;
} ch_error_header;

typedef struct ch_error_shape {
    unsigned status;
    bool is_json; /* else plain text */
    ch_template body;
    ch_error_header headers[CH_ANSWER_HEADERS_MAX];
    size_t header_count;
} ch_error_shape;

/* A member of an answer, and what it must be. */
typedef struct ch_answer_member {
    char *pointer;  /* "/code", "/data/" before "*" in "/data/(*)/sCode" */
    ch_slice list;  /* of a pointer with a star: what stands before it, "/data"; else no memory */
    ch_slice value; /* what stands after it, or the whole pointer */
    char **values;  /* one of these; a star at the end stands for any rest */
    size_t value_count;
} ch_answer_member;

/* An answer that means that nothing was placed, if all of it holds. */
typedef struct ch_rejection {
    unsigned status; /* 0: any but those that never say so */
    char *under[CH_REJECTION_UNDER_MAX];
    size_t under_count; /* 0: all paths */
    ch_answer_member members[CH_REJECTION_MEMBERS_MAX];
    size_t member_count;
} ch_rejection;

struct ch_answers {
    ch_error_shape errors[CH_ANSWER_KIND_COUNT];
    char **misread; /* texts of which a message must hold none */
    size_t misread_count;
    ch_rejection *rejections;
    size_t rejection_count;
};

/* True for statuses that say something of the request: 2xx and 4xx, but for 408. */
bool ch_answer_status_may_reject(unsigned status);

/* True if that rule is for requests to `path`. */
bool ch_rejection_is_for(const ch_rejection *rejection, const char *path);

#endif
