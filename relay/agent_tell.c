#include "relay/agent_impl.h"

#include "base/clock.h"

#define OUTCOMES_SIZE_MAX (CH_PACKET_MAX - 64) /* bytes of records that are told together */
#define TELL_WAIT_MS 10000U
#define TELLING_MAX 128 /* questions; beyond that nothing is told, and the agent keeps what it reserved */
#define GATHER_MS 5U    /* outcomes are told together */

/* Records that are told together fit a frame. */
static void send_outcomes(ch_agent *agent)
{
    const ch_outcomes_frame outcomes = {.ends = agent->outcomes};
    ch_error err = CH_ERROR_INIT;
    uint64_t number = ch_slots_take(agent->numbers);
    ch_status st = number == 0 ? ch_fail(&err, CH_BUSY, "it is asked too much at once") : CH_OK;
    ch_buffer_clear(&agent->question);
    if (st == CH_OK)
        st = ch_outcomes_frame_put(&agent->question, number, &outcomes, &err);
    agent->outcomes = (ch_records){0};
    ch_buffer_clear(&agent->outcome_bytes);
    ch_loop_cancel_timer(agent->loop, &agent->gathering);
    if (st != CH_OK) {
        ch_log_limited(&agent->limit, "the agent was not told of outcomes, and keeps what it reserved: %s",
                       err.message);
        if (number != 0)
            ch_slots_release(agent->numbers, number);
        return;
    }
    agent->telling_count++;
    (void)ch_agent_start(agent, number, "", TELL_WAIT_MS);
}

void ch_agent_on_gathered(void *context)
{
    send_outcomes(context);
}

void ch_agent_tell(ch_agent *agent, const char *id, unsigned status, ch_slice body)
{
    ch_ended_record end = {.relay_id = ch_slice_of(id), .is_sent = status != 0, .status = (uint16_t)status};
    if (agent->telling_count >= TELLING_MAX) {
        ch_log_limited(&agent->limit, "too many outcomes wait to be told; the agent keeps what it reserved for one");
        return;
    }
    /* What is no text is no answer that can be read, whatever it begins with. */
    if (end.is_sent && body.size <= CH_OUTCOME_BODY_MAX && ch_slice_is_document(body))
        end.body = body;
    if (agent->outcomes.count == CH_OUTCOMES_MAX ||
        agent->outcome_bytes.size + sizeof end + CH_DRAWN_SIZE + end.body.size > OUTCOMES_SIZE_MAX)
        send_outcomes(agent);
    ch_ended_record_put(&agent->outcomes, &agent->outcome_bytes, &end);
    if (agent->outcomes.count == 1)
        ch_loop_set_timer(agent->loop, &agent->gathering, ch_clock_ms() + GATHER_MS);
}

size_t ch_agent_telling(const ch_agent *agent)
{
    return agent->telling_count + agent->outcomes.count;
}
