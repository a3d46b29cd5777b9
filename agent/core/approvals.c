/* There are few approvals, and people take minutes to answer: looking at all of them is quick enough without an index.
 */
#include "agent/core/approvals.h"

#include "base/memory.h"
#include "base/share.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct ch_approvals {
    ch_approval **items; /* by id */
    size_t count;
    size_t capacity;
    uint64_t next;
    uint64_t changes;
};

static const ch_share places = {CH_APPROVALS_MAX, CH_APPROVALS_SHARE, CH_APPROVALS_RESERVE, CH_APPROVALS_FIRST};

ch_approvals *ch_approvals_new(void)
{
    ch_approvals *approvals = ch_alloc(sizeof *approvals);
    approvals->next = 1;
    return approvals;
}

void ch_approvals_free(ch_approvals *approvals)
{
    if (approvals == NULL)
        return;
    for (size_t i = 0; i < approvals->count; i++)
        ch_approval_free(approvals->items[i]);
    free(approvals->items);
    free(approvals);
}

/* ---- looking ---- */

/* Returns the place of the id, or the one where it belongs. */
static size_t place_of(const ch_approvals *approvals, uint64_t id)
{
    size_t low = 0;
    size_t high = approvals->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (approvals->items[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static ch_approval *find(const ch_approvals *approvals, uint64_t id)
{
    size_t at = place_of(approvals, id);
    return at < approvals->count && approvals->items[at]->id == id ? approvals->items[at] : NULL;
}

const ch_approval *ch_approvals_find(const ch_approvals *approvals, uint64_t id)
{
    return find(approvals, id);
}

ch_approval *ch_approvals_find_to_change(ch_approvals *approvals, uint64_t id)
{
    return find(approvals, id);
}

const ch_approval *ch_approvals_at(const ch_approvals *approvals, size_t index)
{
    return index < approvals->count ? approvals->items[index] : NULL;
}

const ch_approval *ch_approvals_find_same(const ch_approvals *approvals, const ch_approval_asked *asked,
                                          uint64_t now_ns)
{
    for (size_t i = approvals->count; i-- > 0;) {
        const ch_approval *at = approvals->items[i];
        if (at->uid == asked->uid && memcmp(at->digest, asked->digest, sizeof at->digest) == 0 &&
            ch_slice_equal(ch_buffer_slice(&at->repeat_key), asked->repeat_key) &&
            ch_slice_is(asked->callers, at->callers) && ch_approval_is_open(at, now_ns))
            return at;
    }
    return NULL;
}

ch_status ch_approvals_find_own(const ch_approvals *approvals, uint64_t id, uid_t uid, ch_slice callers,
                                const ch_approval **out, ch_error *err)
{
    *out = ch_approvals_find(approvals, id);
    if (*out != NULL && (*out)->uid == uid && ch_slice_is(callers, (*out)->callers))
        return CH_OK;
    return ch_fail(err, CH_NOT_FOUND,
                   "you have no request %" PRIu64 " that people were asked about, or it ended more than a day ago", id);
}

/* Counts those of one user, or of all if `uid` is NULL. */
static size_t count_open(const ch_approvals *approvals, const uid_t *uid, uint64_t now_ns)
{
    size_t count = 0;
    for (size_t i = 0; i < approvals->count; i++) {
        const ch_approval *at = approvals->items[i];
        count += (uid == NULL || at->uid == *uid) && ch_approval_is_open(at, now_ns);
    }
    return count;
}

/* Counts what one user has withdrawn of late. */
static size_t count_withdrawn(const ch_approvals *approvals, uid_t uid, uint64_t now_ns)
{
    size_t count = 0;
    for (size_t i = 0; i < approvals->count; i++) {
        const ch_approval *at = approvals->items[i];
        count += at->uid == uid && at->end == CH_APPROVAL_WITHDRAWN && now_ns >= at->ended_ns &&
                 now_ns - at->ended_ns < CH_APPROVALS_WITHDRAWN_NS;
    }
    return count;
}

size_t ch_approvals_open(const ch_approvals *approvals, uint64_t now_ns)
{
    return count_open(approvals, NULL, now_ns);
}

uint64_t ch_approvals_changes(const ch_approvals *approvals)
{
    return approvals->changes;
}

void ch_approvals_touch(ch_approvals *approvals)
{
    approvals->changes++;
}

/* ---- in and out ---- */

static void take_out(ch_approvals *approvals, size_t index)
{
    ch_approval_free(approvals->items[index]);
    approvals->count--;
    memmove(&approvals->items[index], &approvals->items[index + 1], (approvals->count - index) * sizeof(ch_approval *));
    approvals->changes++;
}

void ch_approvals_remove(ch_approvals *approvals, uint64_t id)
{
    if (find(approvals, id) != NULL)
        take_out(approvals, place_of(approvals, id));
}

static void put_in(ch_approvals *approvals, ch_approval *approval)
{
    ch_approvals_remove(approvals, approval->id);
    size_t at = place_of(approvals, approval->id);
    if (approvals->count == approvals->capacity) {
        approvals->capacity = approvals->capacity == 0 ? 16 : 2 * approvals->capacity;
        approvals->items = ch_realloc_array(approvals->items, approvals->capacity, sizeof(ch_approval *));
    }
    memmove(&approvals->items[at + 1], &approvals->items[at], (approvals->count - at) * sizeof(ch_approval *));
    approvals->items[at] = approval;
    approvals->count++;
    approvals->changes++;
}

/* ---- what has ended ---- */

static int compare_users(const void *a, const void *b)
{
    uid_t first = *(const uid_t *)a;
    uid_t second = *(const uid_t *)b;
    return first < second ? -1 : first > second;
}

/* Returns the user of each approval that has ended, sorted; the caller frees them. */
static uid_t *ended_users(const ch_approvals *approvals, uint64_t now_ns, size_t *count)
{
    uid_t *users = ch_realloc_array(NULL, approvals->count + 1, sizeof *users);
    *count = 0;
    for (size_t i = 0; i < approvals->count; i++) {
        if (!ch_approval_is_open(approvals->items[i], now_ns))
            users[(*count)++] = approvals->items[i]->uid;
    }
    qsort(users, *count, sizeof *users, compare_users);
    return users;
}

/* Finds the user who stands there most often, and returns how often. */
static size_t longest_run(const uid_t *users, size_t count, uid_t *most)
{
    size_t longest = 0;
    for (size_t begin = 0, end = 0; begin < count; begin = end) {
        while (end < count && users[end] == users[begin])
            end++;
        if (end - begin > longest) {
            longest = end - begin;
            *most = users[begin];
        }
    }
    return longest;
}

static void drop_oldest(ch_approvals *approvals, uid_t uid, uint64_t now_ns)
{
    size_t i = 0;
    while (i < approvals->count &&
           (approvals->items[i]->uid != uid || ch_approval_is_open(approvals->items[i], now_ns)))
        i++;
    if (i < approvals->count)
        take_out(approvals, i);
}

/* Called before an approval is added: one more may end than before. */
static void make_room(ch_approvals *approvals, uint64_t now_ns)
{
    size_t count;
    uid_t most = 0;
    ch_autofree uid_t *users = ended_users(approvals, now_ns, &count);
    size_t longest = longest_run(users, count, &most);
    if (longest > CH_APPROVALS_ENDED_SHARE || count > CH_APPROVALS_ENDED_MAX)
        drop_oldest(approvals, most, now_ns);
}

bool ch_approval_is_outdated(const ch_approval *approval, uint64_t now_ns)
{
    uint64_t end_ns = ch_approval_end_ns(approval);
    return !ch_approval_is_open(approval, now_ns) && now_ns >= end_ns && now_ns - end_ns >= CH_APPROVALS_KEEP_NS;
}

void ch_approvals_sweep(ch_approvals *approvals, uint64_t now_ns)
{
    for (size_t i = approvals->count; i-- > 0;) {
        if (ch_approval_is_outdated(approvals->items[i], now_ns))
            take_out(approvals, i);
    }
}

/* ---- changes ---- */

ch_status ch_approvals_ask(ch_approvals *approvals, const ch_approval_asked *asked, uint64_t now_ns, ch_approval **out,
                           ch_error *err)
{
    if (asked->request.size > CH_APPROVAL_REQUEST_MAX)
        return ch_fail(err, CH_TOO_LARGE, "a request that people must approve has at most %d bytes; make it smaller",
                       CH_APPROVAL_REQUEST_MAX);
    size_t own = count_open(approvals, &asked->uid, now_ns);
    if (!ch_share_admits(&places, count_open(approvals, NULL, now_ns), own))
        return ch_fail(err, CH_TOO_OFTEN,
                       "too many requests wait for people's approval, %zu of them yours; withdraw some, or try again "
                       "later",
                       own);
    if (count_withdrawn(approvals, asked->uid, now_ns) >= CH_APPROVALS_WITHDRAWN_MAX)
        return ch_fail(err, CH_TOO_OFTEN, "you have withdrawn %d requests within five minutes; try again in a minute",
                       CH_APPROVALS_WITHDRAWN_MAX);
    make_room(approvals, now_ns);
    *out = ch_approval_new(approvals->next++, asked, now_ns);
    put_in(approvals, *out);
    return CH_OK;
}

ch_status ch_approvals_get(ch_approvals *approvals, uint64_t id, const uint8_t *digest, uint64_t now_ns,
                           ch_approval **out, ch_error *err)
{
    *out = find(approvals, id);
    if (*out == NULL)
        return ch_fail(err, CH_NOT_FOUND, "there is no request %" PRIu64 " that waits for approval, or not any more",
                       id);
    if (digest != NULL && memcmp((*out)->digest, digest, sizeof(*out)->digest) != 0)
        return ch_fail_rule(err, CH_CONFLICT, "digest",
                            "request %" PRIu64 " is not the one that was shown; look at it again", id);
    return ch_approval_check_open(*out, now_ns, err);
}

static const ch_given_by *find_given(const ch_given *given, uid_t uid)
{
    for (size_t i = 0; i < given->count; i++) {
        if (given->by[i].uid == uid)
            return &given->by[i];
    }
    return NULL;
}

ch_status ch_approvals_give(ch_approvals *approvals, uint64_t id, const uint8_t *digest, const ch_given_by *by,
                            const ch_given_by **given, ch_error *err)
{
    ch_approval *approval;
    CH_TRY(ch_approvals_get(approvals, id, digest, by->at_ns, &approval, err));
    CH_TRY(ch_approval_check_person(approval, by->person, by->uid, err));
    const ch_given_by *before = find_given(&approval->given, by->uid);
    bool is_more = before != NULL && strcmp(before->person, by->person) == 0 && !before->is_by_code && by->is_by_code &&
                   ch_approval_sum(approval).ready_ns == 0; /* else it would only come later */
    if (before != NULL && !is_more)
        return ch_fail_rule(err, CH_CONFLICT, "again",
                            "'%s' has approved request %" PRIu64 " already, which counts once", before->person, id);
    ch_given_by kept = *by;
    if (kept.at_ns < approval->given.asked_ns)
        kept.at_ns = approval->given.asked_ns; /* the clock was set back */
    if (!ch_approval_add_given(approval, &kept))
        return ch_fail(err, CH_CONFLICT, "request %" PRIu64 " has %d approvals, and takes no more", id, CH_GIVEN_MAX);
    *given = find_given(&approval->given, by->uid);
    ch_approvals_touch(approvals);
    return CH_OK;
}

void ch_approvals_use(ch_approvals *approvals, uint64_t id, uint64_t now_ns)
{
    ch_approval *approval = find(approvals, id);
    if (approval == NULL)
        return;
    ch_approval_set_end(approval, CH_APPROVAL_SIGNED, "", 0, "", now_ns);
    ch_approvals_touch(approvals);
}

void ch_approvals_unuse(ch_approvals *approvals, uint64_t id)
{
    ch_approval *approval = find(approvals, id);
    if (approval == NULL || approval->end != CH_APPROVAL_SIGNED)
        return;
    ch_approval_set_end(approval, CH_APPROVAL_WAITING, "", 0, "", 0);
    ch_approvals_touch(approvals);
}

/* ---- to restore ---- */

ch_approval *ch_approvals_restore(ch_approvals *approvals, uint64_t id, const ch_approval_asked *asked,
                                  uint64_t asked_ns)
{
    ch_approval *made = ch_approval_new(id, asked, asked_ns);
    put_in(approvals, made);
    ch_approvals_restore_next(approvals, id + 1);
    return made;
}

void ch_approvals_restore_next(ch_approvals *approvals, uint64_t next)
{
    if (next > approvals->next)
        approvals->next = next;
}

uint64_t ch_approvals_next(const ch_approvals *approvals)
{
    return approvals->next;
}
