/* Selectors against an item: does an entry apply to it? Pure and thread-safe.
 *
 * A fact that the item's kind does not have is not applicable: then neither what widens nor what narrows matches. A
 * fact that the kind has and the request does not state is unknown: that is no match for what widens, and a match for
 * what narrows. One exception: of the cancels that a signature opens besides, one stands for all, and nothing is known
 * of it. What narrows by a fact does not match that, unless it names the class `cancel`; else a deny for one symbol
 * would refuse the orders in all others. */
#ifndef CH_POLICY_MATCH_H
#define CH_POLICY_MATCH_H

#include "exchange/class.h"
#include "exchange/facts.h"
#include "exchange/intent.h"
#include "exchange/symbols.h"
#include "policy/question.h"

#define CH_UPPER_MAX 160

typedef enum ch_match { CH_MATCH_NO, CH_MATCH_UNKNOWN, CH_MATCH_YES, CH_MATCH_NOT_APPLICABLE } ch_match;

/* An item as entries look at it. Assets and symbols are in upper case, and empty if they are not known. */
typedef struct ch_subject {
    const ch_policy *policy;
    const ch_profile *profile; /* of the key */
    const ch_reading_at *reading;
    const ch_item *item; /* of an amendment, what the record adds is in it */
    uint64_t now_ns;
    bool is_class_alone; /* a read or a cancel that stands for all that the signature opens besides */
    ch_facts has;        /* the facts of its kind */
    unsigned market;     /* a bit of the fact's words; 0: not known */
    unsigned side;
    unsigned type;
    unsigned time_in_force;
    ch_slice symbol;
    ch_slice pair;        /* what stands for all spellings of the symbol, if there are several; else empty */
    bool may_be_any_pair; /* there are several, and this one cannot be read */
    ch_slice base;
    ch_slice quote;
    ch_slice asset;
    ch_slice usual_asset; /* BTC for XBT */
    size_t upper_size;
    uint8_t upper[CH_UPPER_MAX];
    uint8_t pair_text[CH_SYMBOL_PAIR_MAX];
    ch_item completed; /* of an amendment */
} ch_subject;

enum { CH_SIDE_BUY = 1, CH_SIDE_SELL = 2 }; /* bits of the fact's words */

/* Fills `*out` for that item of a reading. */
void ch_subject_read(ch_subject *out, const ch_question *question, const ch_reading_at *reading, const ch_item *item);

static inline const ch_fact *ch_subject_fact(const ch_subject *subject, ch_fact_name name)
{
    return &subject->item->facts[name];
}
/* True for an order that can only make a position smaller: reduce-only or close-position, where there are positions. */
bool ch_subject_is_reducing(const ch_subject *subject);

/* True if the narrowing entry (deny, limit, require) applies to the item. */
bool ch_entry_narrows(const ch_entry_rule *entry, const ch_subject *subject);
/* True within the entry's hours, and before it expires. */
bool ch_entry_holds_now(const ch_entry_rule *entry, uint64_t now_ns);

/* True if the allow covers the item. */
bool ch_allow_covers(const ch_entry_rule *allow, const ch_subject *subject);
/* The selectors by which it does not, bit by bit, for who asks why; 0: it does. */
unsigned ch_allow_misses(const ch_entry_rule *allow, const ch_subject *subject);
const char *ch_selector_name(unsigned index);
ch_fact_name ch_selector_fact(unsigned index); /* CH_FACT_COUNT: it looks at none, or at several */
#define CH_MISSES_CALLS 3U                     /* classes and endpoints: it is not about such calls at all */
#define CH_SELECTOR_HOURS 11
/* True if the allow is about calls of that class and to that endpoint, whatever else it says. */
bool ch_allow_is_about(const ch_entry_rule *allow, const ch_reading_at *reading);
/* True if the allow is for such a class that the reading needs besides its own. */
bool ch_allow_has_class(const ch_entry_rule *allow, const ch_reading_at *reading, ch_class class_);

/* The first address of the policy that the item goes to for certain; NULL: none. */
const ch_address *ch_subject_address(const ch_subject *subject);

/* True if both are the same but for the case of ASCII letters. */
bool ch_text_is(ch_slice text, const char *other);
/* The same of the names of settings, in which '_' and '-' are the same. */
bool ch_setting_is(ch_slice name, const char *wanted);

#endif
