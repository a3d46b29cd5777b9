/* Approvals as lines of the ledger: in the rows of the journal that changed them, and all of them in its snapshots. */
#ifndef CH_AGENT_CORE_APPROVAL_ROWS_H
#define CH_AGENT_CORE_APPROVAL_ROWS_H

#include "agent/core/approvals.h"
#include "agent/core/ledger_lines.h"
#include "policy/given.h"

/* Appends all lines of an approval; they take the place of every line of it before. */
void ch_approval_row_add(const ch_approval *approval, ch_buffer *lines);
void ch_approval_row_add_given(uint64_t id, const ch_given_by *by, ch_buffer *lines);
/* Appends how it ended. */
void ch_approval_row_add_end(const ch_approval *approval, ch_buffer *lines);
/* Appends that the decision with this row uses the approval. The same line in a RETURN row takes that back. */
void ch_approval_row_add_use(uint64_t id, uint64_t at_ns, ch_buffer *lines);
/* Appends the whole table except for outdated approvals, and the next id. */
void ch_approval_rows_add_all(const ch_approvals *approvals, uint64_t now_ns, ch_buffer *lines);

/* Reads a line into the table. Returns false if it cannot be read. */
CH_CHECKED bool ch_approval_row_read(ch_approvals *approvals, ch_line *line, bool is_return);

#endif
