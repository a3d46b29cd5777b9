/* clang-format off */
/*   N next                                                                the next id
 *   A id uid asked callers key digest repeat-key request words            a request was asked for
 *   Q id name approvals code delay within people                          it needs that; after its A
 *   G id person uid time code                                             somebody approved it
 *   E id state time person uid why                                        it ended
 *   U id time                                                             it was used; in a RETURN, that is taken back
 *
 * A line about an approval that is forgotten changes nothing. */
/* clang-format on */
#include "agent/core/approval_rows.h"

#include "base/memory.h"
#include "policy/given.h"
#include "policy/policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static void add_needed(uint64_t id, const ch_needed *needed, ch_buffer *lines)
{
    const ch_requirement *requirement = &needed->requirement;
    ch_autobuffer people = CH_BUFFER_INIT;
    for (size_t i = 0; i < requirement->of.count; i++)
        ch_buffer_add_format(&people, "%s%s", i == 0 ? "" : " ", requirement->of.items[i]);
    ch_buffer_add_format(lines, "Q\t%" PRIu64, id);
    ch_line_add_text(lines, ch_slice_of(needed->name));
    ch_buffer_add_format(lines, "\t%u\t%d\t%" PRIu64 "\t%" PRIu64, (unsigned)requirement->approvals,
                         requirement->needs_code, requirement->delay_ns, requirement->within_ns);
    ch_line_add_text(lines, ch_buffer_slice(&people));
    ch_buffer_add_byte(lines, '\n');
}

void ch_approval_row_add_given(uint64_t id, const ch_given_by *by, ch_buffer *lines)
{
    ch_buffer_add_format(lines, "G\t%" PRIu64, id);
    ch_line_add_text(lines, ch_slice_of(by->person));
    ch_buffer_add_format(lines, "\t%u\t%" PRIu64 "\t%d\n", (unsigned)by->uid, by->at_ns, by->is_by_code);
}

void ch_approval_row_add_end(const ch_approval *approval, ch_buffer *lines)
{
    ch_buffer_add_format(lines, "E\t%" PRIu64 "\t%d\t%" PRIu64, approval->id, (int)approval->end, approval->ended_ns);
    ch_line_add_text(lines, ch_slice_of(approval->ended_by));
    ch_buffer_add_format(lines, "\t%u", (unsigned)approval->ended_uid);
    ch_line_add_text(lines, ch_slice_of(approval->why));
    ch_buffer_add_byte(lines, '\n');
}

void ch_approval_row_add_use(uint64_t id, uint64_t at_ns, ch_buffer *lines)
{
    ch_buffer_add_format(lines, "U\t%" PRIu64 "\t%" PRIu64 "\n", id, at_ns);
}

void ch_approval_row_add(const ch_approval *approval, ch_buffer *lines)
{
    ch_buffer_add_format(lines, "A\t%" PRIu64 "\t%u\t%" PRIu64, approval->id, (unsigned)approval->uid,
                         approval->given.asked_ns);
    ch_line_add_text(lines, ch_slice_of(approval->callers));
    ch_line_add_text(lines, ch_slice_of(approval->key));
    ch_line_add_bytes(lines, (ch_slice){approval->digest, sizeof approval->digest});
    ch_line_add_bytes(lines, ch_buffer_slice(&approval->repeat_key));
    ch_line_add_bytes(lines, ch_buffer_slice(&approval->request));
    ch_line_add_text(lines, ch_buffer_slice(&approval->words));
    ch_buffer_add_byte(lines, '\n');
    for (size_t i = 0; i < approval->needed_count; i++)
        add_needed(approval->id, &approval->needed[i], lines);
    for (size_t i = 0; i < approval->given.count; i++)
        ch_approval_row_add_given(approval->id, &approval->given.by[i], lines);
    if (approval->end != CH_APPROVAL_WAITING)
        ch_approval_row_add_end(approval, lines);
}

void ch_approval_rows_add_all(const ch_approvals *approvals, uint64_t now_ns, ch_buffer *lines)
{
    const ch_approval *at;
    if (ch_approvals_next(approvals) > 1)
        ch_buffer_add_format(lines, "N\t%" PRIu64 "\n", ch_approvals_next(approvals));
    for (size_t i = 0; (at = ch_approvals_at(approvals, i)) != NULL; i++) {
        if (!ch_approval_is_outdated(at, now_ns))
            ch_approval_row_add(at, lines);
    }
}

/* ---- reading ---- */

static bool read_next(ch_approvals *approvals, ch_line *line)
{
    uint64_t next;
    if (line->count != 2 || !ch_line_number(line, 1, UINT64_MAX, &next))
        return false;
    ch_approvals_restore_next(approvals, next);
    return true;
}

static bool read_asked(ch_approvals *approvals, ch_line *line)
{
    uint64_t id;
    uint64_t uid;
    uint64_t asked_ns;
    ch_slice digest;
    ch_approval_asked asked;
    if (line->count != 10 || !ch_line_number(line, 1, UINT64_MAX - 1, &id) ||
        !ch_line_number(line, 2, UINT32_MAX, &uid) || !ch_line_number(line, 3, UINT64_MAX, &asked_ns) ||
        !ch_line_name(line, 4, &asked.callers) || !ch_line_name(line, 5, &asked.key) ||
        !ch_line_bytes(line, 6, &digest) || digest.size != CH_APPROVAL_DIGEST_SIZE ||
        !ch_line_bytes(line, 7, &asked.repeat_key) || !ch_line_bytes(line, 8, &asked.request) ||
        !ch_line_name(line, 9, &asked.words))
        return false;
    asked.uid = (uid_t)uid;
    asked.digest = digest.data;
    ch_approvals_restore(approvals, id, &asked, asked_ns);
    return true;
}

/* Cuts `text` at its spaces. `out` holds views into it; the caller frees the list. */
static void split_names(char *text, ch_text_list *out)
{
    char *rest = NULL;
    out->items = ch_realloc_array(NULL, strlen(text) / 2 + 1, sizeof *out->items);
    for (char *name = strtok_r(text, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
        out->items[out->count++] = name;
}

static bool read_needed(ch_approvals *approvals, ch_line *line)
{
    uint64_t id;
    uint64_t count;
    uint64_t needs_code;
    ch_slice name;
    ch_slice people;
    ch_requirement requirement = {0};
    ch_error err = CH_ERROR_INIT;
    if (line->count != 8 || !ch_line_number(line, 1, UINT64_MAX, &id) || !ch_line_name(line, 2, &name) ||
        !ch_line_number(line, 3, UINT32_MAX, &count) || !ch_line_number(line, 4, 1, &needs_code) ||
        !ch_line_number(line, 5, UINT64_MAX, &requirement.delay_ns) ||
        !ch_line_number(line, 6, UINT64_MAX, &requirement.within_ns) || !ch_line_name(line, 7, &people))
        return false;
    ch_approval *approval = ch_approvals_find_to_change(approvals, id);
    if (approval == NULL)
        return true;
    requirement.approvals = (uint32_t)count;
    requirement.needs_code = needs_code == 1;
    ch_autofree char *copy = ch_slice_strdup(people);
    ch_autofree char *own_name = ch_slice_strdup(name);
    split_names(copy, &requirement.of);
    ch_status st = ch_approval_need(approval, own_name, &requirement, &err);
    free(requirement.of.items);
    return st == CH_OK;
}

static bool read_given(ch_approvals *approvals, ch_line *line)
{
    uint64_t id;
    uint64_t uid;
    uint64_t is_by_code;
    ch_slice person;
    ch_given_by by = {.person = ""};
    if (line->count != 6 || !ch_line_number(line, 1, UINT64_MAX, &id) || !ch_line_name(line, 2, &person) ||
        person.size > CH_NAME_MAX || !ch_line_number(line, 3, UINT32_MAX, &uid) ||
        !ch_line_number(line, 4, UINT64_MAX, &by.at_ns) || !ch_line_number(line, 5, 1, &is_by_code))
        return false;
    memcpy(by.person, person.data, person.size);
    by.uid = (uid_t)uid;
    by.is_by_code = is_by_code == 1;
    ch_approval *approval = ch_approvals_find_to_change(approvals, id);
    return approval == NULL || ch_approval_add_given(approval, &by);
}

static bool read_end(ch_approvals *approvals, ch_line *line)
{
    uint64_t id;
    uint64_t how;
    uint64_t at_ns;
    uint64_t uid;
    ch_slice person;
    ch_slice why;
    if (line->count != 7 || !ch_line_number(line, 1, UINT64_MAX, &id) ||
        !ch_line_number(line, 2, CH_APPROVAL_STATE_COUNT - 1, &how) || !ch_line_number(line, 3, UINT64_MAX, &at_ns) ||
        !ch_line_name(line, 4, &person) || !ch_line_number(line, 5, UINT32_MAX, &uid) || !ch_line_name(line, 6, &why))
        return false;
    ch_approval *approval = ch_approvals_find_to_change(approvals, id);
    ch_autofree char *by = ch_slice_strdup(person);
    ch_autofree char *because = ch_slice_strdup(why);
    if (approval != NULL)
        ch_approval_set_end(approval, (ch_approval_state)how, by, (uid_t)uid, because, at_ns);
    return true;
}

static bool read_use(ch_approvals *approvals, const ch_line *line, bool is_return)
{
    uint64_t id;
    uint64_t at_ns;
    if (line->count != 3 || !ch_line_number(line, 1, UINT64_MAX, &id) || !ch_line_number(line, 2, UINT64_MAX, &at_ns))
        return false;
    if (is_return)
        ch_approvals_unuse(approvals, id);
    else
        ch_approvals_use(approvals, id, at_ns);
    return true;
}

bool ch_approval_row_read(ch_approvals *approvals, ch_line *line, bool is_return)
{
    switch (line->items[0].data[0]) {
    case 'N':
        return read_next(approvals, line);
    case 'A':
        return read_asked(approvals, line);
    case 'Q':
        return read_needed(approvals, line);
    case 'G':
        return read_given(approvals, line);
    case 'E':
        return read_end(approvals, line);
    case 'U':
        return read_use(approvals, line, is_return);
    default:
        return false;
    }
}
