/* The JSON documents that front and relay both write of core's answers: problems (RFC 9457), and requests that people
 * must approve. Thread-safe. */
#ifndef CH_WIRE_DOCUMENTS_H
#define CH_WIRE_DOCUMENTS_H

#include "wire/frames.h"

/* What a problem document may say besides. What is empty or 0 is left out. */
typedef struct ch_problem_facts {
    ch_slice step;    /* of a request, that refused or failed */
    ch_slice control; /* which kind of limit refused, how much it allows, what was asked for, and what is left */
    ch_slice limit;
    ch_slice asked;
    ch_slice left;
    ch_slice fact;      /* that the rule needed, and the request does not say */
    uint32_t approvals; /* that the request needs */
    bool needs_code;
    uint64_t delay_s; /* for which it must wait */
} ch_problem_facts;

/* Appends a problem document. `http_status` is most often ch_status_http(problem->status). */
void ch_problem_add(ch_buffer *out, const ch_error *problem, unsigned http_status, const ch_problem_facts *facts);
/* The facts of a failure; views of the frame. */
ch_problem_facts ch_problem_facts_of(const ch_failed_frame *failed);

/* Appends how a request that people must approve stands. `http_status` is the answer's, if the document is to have it;
 * 0: not. */
void ch_request_document_add(ch_buffer *out, const ch_request_is_frame *request, unsigned http_status);
/* Where the agent tells how it stands: a path. */
#define CH_REQUEST_URL_SIZE 40
void ch_request_url(uint64_t request, char out[static CH_REQUEST_URL_SIZE]);

#endif
