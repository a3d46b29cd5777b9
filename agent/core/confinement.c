#include "agent/core/confinement.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/printable.h"
#include "wire/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORTERS_MAX 32 /* core, fronts, and a token each */
#define GAPS_MAX 16      /* of a reporter; a process that says more was taken over */

typedef struct reporter {
    char *who;
    char *gaps[GAPS_MAX];
    size_t count;
} reporter;

struct ch_confinement {
    bool is_required;
    bool has_failed;
    reporter reporters[REPORTERS_MAX];
    size_t count;
};

ch_confinement *ch_confinement_new(bool is_required)
{
    ch_confinement *confinement = ch_alloc(sizeof *confinement);
    confinement->is_required = is_required;
    return confinement;
}

static void forget(reporter *of)
{
    for (size_t i = 0; i < of->count; i++)
        free(of->gaps[i]);
    of->count = 0;
}

void ch_confinement_free(ch_confinement *confinement)
{
    if (confinement == NULL)
        return;
    for (size_t i = 0; i < confinement->count; i++) {
        forget(&confinement->reporters[i]);
        free(confinement->reporters[i].who);
    }
    free(confinement);
}

void ch_confinement_forget(ch_confinement *confinement, const char *who)
{
    for (size_t i = 0; confinement != NULL && i < confinement->count; i++) {
        reporter *of = &confinement->reporters[i];
        if (strcmp(of->who, who) != 0)
            continue;
        forget(of);
        free(of->who);
        *of = confinement->reporters[--confinement->count];
        return;
    }
}

/* NULL if there is no place for another. */
static reporter *find(ch_confinement *confinement, const char *who)
{
    for (size_t i = 0; i < confinement->count; i++) {
        if (strcmp(confinement->reporters[i].who, who) == 0)
            return &confinement->reporters[i];
    }
    if (confinement->count == REPORTERS_MAX)
        return NULL;
    reporter *added = &confinement->reporters[confinement->count++];
    *added = (reporter){.who = ch_strdup(who)}; /* the place may have been that of one who was moved */
    return added;
}

static bool is_same(const reporter *of, ch_records gaps)
{
    ch_text_record gap;
    size_t i = 0;
    if (of->count != gaps.count)
        return false;
    while (i < of->count && ch_text_record_next(&gaps, &gap) && ch_slice_is(gap.bytes, of->gaps[i]))
        i++;
    return i == of->count;
}

static void keep(reporter *of, ch_records gaps)
{
    ch_text_record gap;
    forget(of);
    while (of->count < GAPS_MAX && ch_text_record_next(&gaps, &gap)) {
        of->gaps[of->count] = ch_slice_strdup(gap.bytes);
        ch_make_printable(of->gaps[of->count++]);
        ch_log("confinement of %s: %s", of->who, of->gaps[of->count - 1]);
    }
}

ch_status ch_confinement_report(ch_confinement *confinement, const char *who, ch_records gaps, ch_error *err)
{
    if (confinement == NULL)
        return CH_OK;
    reporter *of = find(confinement, who);
    if (of == NULL)
        return ch_fail(err, CH_INTERNAL, "more processes report their confinement than there can be");
    if (!is_same(of, gaps))
        keep(of, gaps);
    if (of->count == 0 || !confinement->is_required)
        return CH_OK;
    confinement->has_failed = true;
    return ch_fail(err, CH_IO, "agent.yaml requires confinement, and that of %s has a gap: %s", who, of->gaps[0]);
}

bool ch_confinement_has_failed(const ch_confinement *confinement)
{
    return confinement->has_failed;
}

void ch_confinement_list(const ch_confinement *confinement, ch_records *list, ch_buffer *records)
{
    for (size_t i = 0; confinement != NULL && i < confinement->count; i++) {
        const reporter *of = &confinement->reporters[i];
        for (size_t k = 0; k < of->count; k++) {
            ch_autobuffer text = CH_BUFFER_INIT;
            ch_buffer_add_format(&text, "%s: %s", of->who, of->gaps[k]);
            ch_text_record record = {.bytes = ch_buffer_slice(&text)};
            ch_text_record_put(list, records, &record);
        }
    }
}
