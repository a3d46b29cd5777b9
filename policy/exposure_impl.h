/* What the files of exposure.h share: bounds as covers (exposure_cover.c), and what holds which ways down
 * (exposure_holds.c). */
#ifndef CH_POLICY_EXPOSURE_IMPL_H
#define CH_POLICY_EXPOSURE_IMPL_H

#include "exchange/facts.h"
#include "policy/exposure.h"

#define CH_HOLDS_MAX 64

/* What holds some ways down together. */
typedef struct ch_hold {
    const ch_entry_rule *limits[2]; /* by which; the second may be NULL */
    const char *asset;
    ch_decimal most[CH_HORIZON_COUNT];
} ch_hold;

/* Ways, and the holds that each is under. */
typedef struct ch_cover {
    ch_hold holds[CH_HOLDS_MAX];
    size_t hold_count;
    uint64_t *under;  /* by way: a set of holds */
    const char **why; /* by way: why nothing holds it down; NULL: it is not asked about */
    size_t way_count;
} ch_cover;

void ch_cover_init(ch_cover *cover, size_t way_count);
void ch_cover_free(ch_cover *cover);
/* Adds a hold that no way is under yet. False if there are too many; then there is one less, and the bound is higher.
 */
CH_CHECKED bool ch_cover_add(ch_cover *cover, const ch_hold *hold);
/* Chooses holds that every way is under which is asked about, and adds them up. */
void ch_cover_choose(const ch_cover *cover, const ch_exposure *exposure, ch_horizon horizon, ch_bound *out);

/* For each way that lets items of `kind` pass: what holds their value (or amount, or loss, or fees) down. `gated` says
 * which: those that need people, or those that do not. */
void ch_holds_of_orders(const ch_exposure *exposure, ch_exposed what, ch_cover *out);
void ch_holds_of_amounts(const ch_exposure *exposure, ch_item_kind kind, bool with_gated, const char *asset,
                         ch_cover *out);

/* True if the way can move that asset (exposure.c). */
bool ch_way_moves(const ch_way *way, const char *asset);

/* True if the way lets items of that kind pass, without people; or with them too. */
static inline bool ch_way_has(const ch_way *way, ch_item_kind kind, bool with_gated)
{
    return (way->kinds >> kind & 1) != 0 && (with_gated || (way->gated >> kind & 1) == 0);
}

#endif
