/* Why nothing allows a request. The first reading is what was asked for; the others are what the signature would open
 * besides, and what is said of those is how to get out of it. */
#include "policy/decide_impl.h"

#include "exchange/confusion.h"
#include "exchange/needs.h"

static bool is_first(const ch_judge *judge, const ch_reading_at *reading)
{
    return reading == &judge->question->readings[0];
}

/* ---- classes ---- */

/* True if some allow is about such calls, whatever else it says. */
static bool has_calls(const ch_judge *judge, const ch_reading_at *reading)
{
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_ALLOW); i++) {
        if (ch_allow_is_about(ch_judge_entry(judge, CH_VERB_ALLOW, i), reading))
            return true;
    }
    return false;
}

static bool has_class(const ch_judge *judge, const ch_reading_at *reading, ch_class class_)
{
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_ALLOW); i++) {
        const ch_entry_rule *allow = ch_judge_entry(judge, CH_VERB_ALLOW, i);
        if (ch_allow_has_class(allow, reading, class_) && ch_entry_holds_now(allow, judge->question->now_ns))
            return true;
    }
    return false;
}

/* What besides an allow would help: the names that policy may accept, and what they let a caller do. */
static void add_acceptances(const ch_key *key, unsigned names, ch_buffer *out)
{
    const char *lets = NULL;
    const char *name;
    const char *separator = ", or set accepts: [";
    for (size_t i = 0; (name = ch_profile_acceptance_at(key->profile, i, &lets)) != NULL; i++) {
        if ((names & 1U << i) == 0)
            continue;
        ch_buffer_add_format(out, "%s%s", separator, name);
        separator = ", ";
    }
    ch_buffer_add_format(out, "] in policy for key '%s', which lets callers ", key->name);
    separator = "";
    for (size_t i = 0; ch_profile_acceptance_at(key->profile, i, &lets) != NULL; i++) {
        if ((names & 1U << i) == 0)
            continue;
        ch_buffer_add_format(out, "%s%s", separator, lets);
        separator = "; ";
    }
}

/* Names all acceptances that the request needs for `missing`; if no names can be enough for all of it, those for its
 * first class. */
static void explain_acceptances(const ch_judge *judge, unsigned missing, ch_buffer *out)
{
    const ch_question *question = judge->question;
    const ch_key *key = question->key;
    if (question->request == NULL)
        return;
    const ch_endpoint *own = question->readings[0].endpoint;
    unsigned first = missing & (0U - missing);
    unsigned names = ch_endpoint_acceptances_for(own, key->scheme, &key->traits, question->request, missing);
    if (names == 0)
        names = ch_endpoint_acceptances_for(own, key->scheme, &key->traits, question->request, first);
    if (names != 0)
        add_acceptances(key, names, out);
}

/* The classes that other readings need and no allow has. */
static unsigned missing_classes(const ch_judge *judge)
{
    unsigned missing = 0;
    for (size_t i = 1; i < judge->question->reading_count; i++) {
        const ch_reading_at *other = &judge->question->readings[i];
        if (!has_calls(judge, other))
            missing |= 1U << other->class_;
    }
    return missing;
}

/* Of the endpoints that the signature opens, the first of that class; NULL: what opens the class is no endpoint's own.
 */
static const ch_endpoint *opened_of(const ch_judge *judge, ch_class class_)
{
    for (size_t i = 1; i < judge->question->reading_count; i++) {
        if (judge->question->readings[i].class_ == class_)
            return judge->question->readings[i].endpoint;
    }
    return NULL;
}

static ch_status refuse_confused(const ch_judge *judge, const ch_endpoint *opened, ch_class class_)
{
    ch_autobuffer more = CH_BUFFER_INIT;
    if (opened != NULL)
        ch_buffer_add_format(&more, ", as in %s %s", ch_endpoint_method(opened), ch_endpoint_path(opened));
    ch_buffer_add_text(&more, "; allow that class");
    explain_acceptances(judge, missing_classes(judge) | 1U << class_, &more);
    return ch_object(&judge->to, CH_REFUSED, "confusion", NULL,
                     "this signature would also open an endpoint of class '%s', which no allow for key '%s' has: the "
                     "exchange's signature does not cover what tells them apart%s",
                     ch_class_name(class_), judge->question->key->name, ch_buffer_text(&more));
}

/* True if the request itself needs the class, and not only what its signature opens besides. */
static bool is_own_need(const ch_judge *judge, const ch_reading_at *reading, ch_class class_)
{
    const ch_request *request = judge->question->request;
    return is_first(judge, reading) && request != NULL &&
           (ch_needs_of_request(reading->endpoint, request) & 1U << class_) != 0;
}

static ch_status judge_needs(const ch_judge *judge, const ch_reading_at *reading)
{
    for (unsigned left = reading->needs; left != 0; left &= left - 1) {
        ch_class class_ = (ch_class)__builtin_ctz(left);
        if (has_class(judge, reading, class_))
            continue;
        if (is_own_need(judge, reading, class_))
            return ch_object(&judge->to, CH_REFUSED, "class", NULL,
                             "a value of this request needs class '%s', which this caller may not have signed with key "
                             "'%s'",
                             ch_class_name(class_), judge->question->key->name);
        return refuse_confused(judge, is_first(judge, reading) ? opened_of(judge, class_) : reading->endpoint, class_);
    }
    return CH_OK;
}

ch_status ch_judge_classes(ch_judge *judge, const ch_reading_at *reading)
{
    if (has_calls(judge, reading))
        return judge_needs(judge, reading);
    if (!is_first(judge, reading))
        return refuse_confused(judge, reading->endpoint, reading->class_);
    return ch_object(&judge->to, CH_REFUSED, "class", NULL,
                     "this caller may not have requests of class '%s' signed with key '%s'",
                     ch_class_name(reading->class_), judge->question->key->name);
}

/* ---- items ---- */

static unsigned count(unsigned bits)
{
    return (unsigned)__builtin_popcount(bits);
}

/* The allow that fails by the fewest selectors, of those that are about such calls. */
static const ch_entry_rule *nearest(const ch_judge *judge, unsigned *misses)
{
    const ch_entry_rule *best = NULL;
    for (size_t i = 0; i < ch_judge_count(judge, CH_VERB_ALLOW); i++) {
        const ch_entry_rule *allow = ch_judge_entry(judge, CH_VERB_ALLOW, i);
        unsigned missed = ch_allow_misses(allow, &judge->subject);
        bool is_about = (missed & CH_MISSES_CALLS) == 0;
        if (!is_about || (best != NULL && count(missed) >= count(*misses)))
            continue;
        best = allow;
        *misses = missed;
    }
    return best;
}

static void add_selectors(unsigned misses, ch_buffer *out)
{
    const char *separator = "";
    for (unsigned left = misses; left != 0; left &= left - 1) {
        ch_buffer_add_format(out, "%s%s", separator, ch_selector_name((unsigned)__builtin_ctz(left)));
        separator = ", ";
    }
}

/* What the first selector that misses looks at. Without `types`, it may be the price. */
static ch_fact_name missed_fact(const ch_judge *judge, const ch_entry_rule *allow, unsigned misses)
{
    ch_fact_name name = ch_selector_fact((unsigned)__builtin_ctz(misses));
    if (name != CH_FACT_TYPE || allow->selector.types != 0)
        return name;
    bool has_price = ch_order_type_has_price(ch_subject_fact(&judge->subject, name)->text);
    return has_price ? CH_FACT_PRICE : name;
}

/* What the item has of that fact. */
static void add_fact(const ch_judge *judge, ch_fact_name name, ch_buffer *out)
{
    if (name == CH_FACT_COUNT || (judge->subject.has & CH_FACT_BIT(name)) == 0)
        return;
    const ch_fact *fact = ch_subject_fact(&judge->subject, name);
    if (fact->state == CH_FACT_STATED)
        ch_buffer_add_format(out, " (its %s is %.*s)", ch_fact_name_text(name), CH_SLICE_ARGS(fact->text));
    else
        ch_buffer_add_format(out, " (its %s is unknown)", ch_fact_name_text(name));
}

static uint64_t wait_of(const ch_judge *judge, const ch_entry_rule *allow, unsigned misses)
{
    if (misses != 1U << CH_SELECTOR_HOURS)
        return 0;
    uint64_t next = ch_hours_next(&allow->selector.hours, judge->question->now_ns);
    return next == UINT64_MAX || next <= judge->question->now_ns ? 0 : next - judge->question->now_ns;
}

static const char *unknown_fact(const ch_judge *judge, ch_fact_name name)
{
    bool is_unknown = name != CH_FACT_COUNT && (judge->subject.has & CH_FACT_BIT(name)) != 0 &&
                      ch_subject_fact(&judge->subject, name)->state != CH_FACT_STATED;
    return is_unknown ? ch_fact_name_text(name) : NULL;
}

/* The names by which policy may accept that the signature can be this. */
static unsigned acceptances_of(const ch_judge *judge, const ch_reading_at *reading)
{
    const ch_profile *profile = judge->question->key->profile;
    const char *lets = NULL;
    unsigned names = reading->is_cut ? 0 : ch_endpoint_acceptance(reading->endpoint);
    for (size_t i = 0; reading->is_cut && ch_profile_acceptance_at(profile, i, &lets) != NULL; i++)
        names |= ch_profile_acceptance_cuts(profile, i) ? 1U << i : 0;
    return names;
}

ch_status ch_judge_refuse_item(ch_judge *judge, const ch_reading_at *reading)
{
    unsigned misses = 0;
    ch_fact_name name = CH_FACT_COUNT;
    ch_autobuffer why = CH_BUFFER_INIT;
    ch_autobuffer what = CH_BUFFER_INIT;
    const ch_entry_rule *allow = nearest(judge, &misses);
    if (!is_first(judge, reading))
        ch_buffer_add_format(&what, "this signature would also open %s %s, and ", ch_endpoint_method(reading->endpoint),
                             ch_endpoint_path(reading->endpoint));
    if (allow != NULL) {
        ch_buffer_add_format(&why, "; '%s' comes nearest, but not by its ", allow->name);
        add_selectors(misses, &why);
        name = missed_fact(judge, allow, misses);
        add_fact(judge, name, &why);
    }
    if (!is_first(judge, reading) && acceptances_of(judge, reading) != 0)
        add_acceptances(judge->question->key, acceptances_of(judge, reading), &why);
    ch_status said = ch_object(&judge->to, CH_REFUSED, is_first(judge, reading) ? "allow" : "confusion", NULL,
                               "%sno allow covers this %s%s", ch_buffer_text(&what),
                               ch_item_kind_name(judge->subject.item->kind), ch_buffer_text(&why));
    judge->to.refusal->retry_after_ns = allow == NULL ? 0 : wait_of(judge, allow, misses);
    judge->to.refusal->fact = unknown_fact(judge, name);
    return said;
}
