/* What people are shown of a request before they approve it: plain words and numbers, and nothing left out. Pure.
 *
 * It is lines, in this order. Each begins with a label; a line that continues the one before has none:
 *
 *   what      withdraw 0.7 BTC to bc1qcold, network BTC
 *   to        cold-wallet
 *   value     of an order, by price and reference
 *   price     of an order, beside the reference
 *   takes     0.7 BTC of 2 BTC per 1d, and 0.5 BTC before: 60 % (withdrawals)
 *   needs     2 approvals of alice, bob, carol, and a delay of 6h: above 0.5 BTC (two-for-large)
 *   who       treasury (user 1002)
 *   with      key binance-main, account desk; binance, live; by version new...
 *   call      POST /sapi/v1/capital/withdraw/apply
 *   params    coin "BTC"
 *             amount "0.7"
 *   mind      what is unusual: the address is none of the policy's
 *
 * Texts of the request are shown as they were sent, but for what could drive a terminal or pass for something else:
 * characters that nobody sees or that move others, and each blank after another, become '?', and a line says so.
 * Another line says that there are characters outside of ASCII, which may look like others. */
#ifndef CH_POLICY_WORDS_H
#define CH_POLICY_WORDS_H

#include "policy/decide.h"
#include "policy/levels.h"

#define CH_WORDS_LABEL 10  /* bytes of a label, with the blanks after it */
#define CH_WORDS_MAX 16384 /* bytes; so they fit a frame, and a person can read them */

typedef struct ch_worded {
    const ch_question *question;   /* judged, with the request */
    const ch_judgement *judgement; /* with the charges of ch_judgement_try */
    const ch_levels *levels;       /* those that were asked */
    uid_t uid;                     /* who asks */
    ch_slice version;              /* the key id of the version that the request names; empty if it names none */
} ch_worded;

/* Appends the lines. Returns CH_TOO_LARGE if they have more than CH_WORDS_MAX; CH_REFUSED, rule `approval`, if the call
 * makes or changes API keys, since its parameters may be pass phrases, which must not be shown or kept. */
CH_CHECKED ch_status ch_words_write(const ch_worded *of, ch_buffer *out, ch_error *err);

#endif
