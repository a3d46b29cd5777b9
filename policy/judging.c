#include "policy/judging.h"

#include "exchange/receive_window.h"

void ch_judging_init(ch_judging *judging)
{
    *judging = (ch_judging){.readings = ch_readings_new(), .judgement = CH_JUDGEMENT_INIT};
}

void ch_judging_free(ch_judging *judging)
{
    ch_readings_free(judging->readings);
    ch_judgement_free(&judging->judgement);
}

static bool is_harmless(const ch_reading_at *reading)
{
    unsigned harmless = 1U << CH_CLASS_READ | 1U << CH_CLASS_CANCEL;
    return ((1U << reading->class_ | reading->needs) & ~harmless) == 0;
}

/* The signature can be used once only if that is so at each endpoint that it is good for and that can cost something.
 */
static void find_uses(ch_judging *judging, const ch_asked *asked)
{
    ch_question *question = &judging->question;
    const ch_key *key = asked->key;
    question->is_once = true;
    if (asked->is_relayed)
        return;
    for (size_t i = 0; i < question->reading_count; i++) {
        const ch_reading_at *reading = &question->readings[i];
        bool is_once = ch_endpoint_uses(reading->endpoint, key->scheme, key->traits.kinds) == CH_USES_ONCE;
        bool is_unique = !reading->is_unread && reading->intent != NULL && ch_intent_is_unique(reading->intent);
        if (i > 0 && is_harmless(reading))
            continue;
        question->is_once = question->is_once && (is_once || is_unique);
        question->is_once_by_id = question->is_once_by_id || (is_unique && !is_once);
    }
    question->is_once_by_id = question->is_once && question->is_once_by_id;
}

/* The longest at the endpoints that it is good for and that can cost something. */
static uint64_t longest_validity(const ch_question *question, const ch_asked *asked)
{
    const ch_scheme *scheme = asked->key->scheme;
    uint64_t longest_ns = ch_request_validity_ns(asked->endpoint, scheme, asked->request);
    for (size_t i = 1; i < question->reading_count && longest_ns != 0; i++) {
        const ch_reading_at *reading = &question->readings[i];
        if (is_harmless(reading))
            continue;
        uint64_t ns = ch_request_validity_ns(reading->endpoint, scheme, asked->request);
        longest_ns = ns == 0 || ns > longest_ns ? ns : longest_ns;
    }
    return longest_ns;
}

static void find_validity(ch_judging *judging, const ch_asked *asked)
{
    ch_question *question = &judging->question;
    const ch_profile *profile = asked->key->profile;
    uint64_t valid_ns =
        asked->window_ms > 0 ? ch_profile_validity_ns(profile, asked->window_ms) : longest_validity(question, asked);
    valid_ns = ch_readings_validity_ns(judging->readings, valid_ns);
    question->validity_ns = valid_ns == 0 ? 0 : valid_ns + asked->later_ns;
    question->window_uses =
        asked->key->assume_uses != 0 ? asked->key->assume_uses : ch_profile_uses_within(profile, question->validity_ns);
}

/* Each thing that the signature can be, and that can cost something, must keep to the receive window. */
static ch_status check_window(const ch_question *question, const ch_asked *asked, ch_error *err)
{
    const ch_key *key = asked->key;
    bool is_free = true;
    for (size_t i = 0; i < question->reading_count; i++)
        is_free = is_free && is_harmless(&question->readings[i]);
    for (size_t i = 0; key->receive_window_ms != 0 && i < question->reading_count; i++) {
        const ch_reading_at *reading = &question->readings[i];
        if (i == 0 || !is_harmless(reading))
            CH_TRY(ch_receive_window_check(reading->endpoint, key->scheme, asked->request, key->receive_window_ms,
                                           is_free, err));
    }
    return CH_OK;
}

static ch_status read_call(ch_judging *judging, const ch_asked *asked, ch_error *err)
{
    const ch_key *key = asked->key;
    ch_question *question = &judging->question;
    CH_TRY((asked->is_relayed ? ch_readings_read_as_sent : ch_readings_read)(
        judging->readings, asked->endpoint, key->scheme, &key->traits, asked->request, err));
    question->missing_kind = ch_endpoint_kind(asked->endpoint, key->traits.kinds);
    question->readings = ch_readings_at(judging->readings, 0);
    question->request = asked->request;
    question->reading_count = ch_readings_count(judging->readings);
    find_uses(judging, asked);
    find_validity(judging, asked);
    return check_window(question, asked, err);
}

ch_status ch_judging_read(ch_judging *judging, const ch_asked *asked, ch_error *err)
{
    judging->question = (ch_question){.policy = asked->policy,
                                      .key = asked->key,
                                      .callers = asked->callers,
                                      .is_raw = asked->endpoint == NULL,
                                      .is_relayed = asked->is_relayed,
                                      .now_ns = asked->now_ns};
    return asked->endpoint == NULL ? CH_OK : read_call(judging, asked, err);
}
