/* What neighbours.c and mutations.c need to make one request of another. */
#ifndef CH_TESTS_CHANGES_H
#define CH_TESTS_CHANGES_H

#include "base/slice.h"
#include "tests/property/property.h"

/* ---- kinds of parameters ---- */

bool is_any(const ch_param *param);
bool is_given(const ch_param *param);
bool is_plain(const ch_param *param);
bool is_of_type(const ch_param *param, ch_param_type type);
bool is_free_text(const ch_param *param);
bool is_wordy(const ch_param *param);
bool is_number(const ch_param *param);
bool is_decimal(const ch_param *param);
bool is_strict(const ch_param *param);
bool is_end(const ch_param *param);
bool is_list(const ch_param *param);
bool is_object(const ch_param *param);
bool is_placeholder(const ch_param *param);

/* Picks an entry that nothing holds and that fits `is_wanted`. Returns false if there is no such entry. */
bool pick(rig *r, const sample *s, bool (*is_wanted)(const ch_param *param), size_t *at);
/* The same among all entries, held or not. */
bool pick_deep(rig *r, const sample *s, bool (*is_wanted)(const ch_param *param), size_t *at);
/* Returns a parameter that the endpoint lists and the request does not have, or NULL. */
const ch_param_def *pick_absent(rig *r, const sample *s);

/* ---- texts, in the pool ---- */

bool ends_with(ch_slice text, ch_slice end);
ch_slice join(rig *r, ch_slice a, ch_slice b);
/* `text` with `size` bytes at `at` replaced. */
ch_slice put_in(rig *r, ch_slice text, size_t at, size_t size, ch_slice with);
/* The byte at `at` as %XX. */
ch_slice escape_at(rig *r, ch_slice text, size_t at);
ch_slice change_case(rig *r, ch_slice text);

/* Appends a parameter of that definition under its own name. */
void add_param(rig *r, sample *to, const ch_param_def *def);

/* Changes that are neighbours as well as mutations. */
bool change_name(rig *r, const sample *from, sample *to);
bool swap_values(rig *r, const sample *from, sample *to);

#endif
