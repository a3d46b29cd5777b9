/* A caller without an account has cost nothing for a while. */
#include "agent/core/meter.h"

#include "agent/pace.h"
#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>

#define ACCOUNTS_MAX 64
/* Of all processors: of core and tokens together, and the same of a front. */
#define SHARE_PERMILLE 100
#define STRANGERS_PERMILLE 50
#define BURST_NS 2000000
#define SECOND_NS 1000000000
#define SLICE_MAX_NS 500000
#define SERVED_NS 100000000  /* who was served within this time is being served */
#define PRESENT_NS 500000000 /* and so is, for what should not change often, who was served within this time */

/* What a caller did in one second. */
typedef struct doing {
    uint64_t second;
    uint64_t requests;
    uint64_t work_ns;
} doing;

typedef struct account {
    uid_t caller;
    ch_pace pace;
    uint64_t spent_ns; /* when */
    bool owes;
    doing now, last; /* the second that runs, and the whole one before it that was not idle */
} account;

struct ch_meter {
    unsigned processors;
    uint64_t now_ns;
    size_t served;  /* callers that are being served */
    size_t modest;  /* those of them that owe nothing */
    size_t present; /* callers that were served lately */
    bool holds_somebody;
    account accounts[ACCOUNTS_MAX];
    size_t count;
};

ch_meter *ch_meter_new(unsigned processors)
{
    ch_meter *meter = ch_alloc(sizeof *meter);
    meter->processors = processors;
    return meter;
}

void ch_meter_free(ch_meter *meter)
{
    free(meter);
}

static uint32_t share_of(const ch_meter *meter, uid_t caller)
{
    return meter->processors * (caller == CH_STRANGERS ? STRANGERS_PERMILLE : SHARE_PERMILLE);
}

static const account *find(const ch_meter *meter, uid_t caller)
{
    for (size_t i = 0; i < meter->count; i++) {
        if (meter->accounts[i].caller == caller)
            return &meter->accounts[i];
    }
    return NULL;
}

/* A new account, or the one that was used least lately. */
static account *spare_account(ch_meter *meter)
{
    account *spare = &meter->accounts[0];
    if (meter->count < ACCOUNTS_MAX)
        return &meter->accounts[meter->count++];
    for (size_t i = 1; i < ACCOUNTS_MAX; i++) {
        if (meter->accounts[i].spent_ns < spare->spent_ns)
            spare = &meter->accounts[i];
    }
    return spare;
}

static account *open_account(ch_meter *meter, uid_t caller)
{
    account *at = (account *)find(meter, caller);
    if (at != NULL)
        return at;
    at = spare_account(meter);
    uint64_t a_second = (uint64_t)share_of(meter, caller) * 1000000;
    *at = (account){
        .caller = caller, .pace = {.a_second = a_second, .burst = BURST_NS}
    };
    return at;
}

static doing *doing_now(const ch_meter *meter, account *at)
{
    uint64_t second = meter->now_ns / SECOND_NS;
    if (at->now.second != second) {
        at->last = at->now;
        at->now = (doing){.second = second};
    }
    return &at->now;
}

static bool was_served(const ch_meter *meter, const account *at, uint64_t within_ns)
{
    return meter->now_ns - at->spent_ns < within_ns;
}

static bool must_wait(const ch_meter *meter, const account *at)
{
    return at->owes && (at->caller == CH_STRANGERS ? meter->served : meter->modest) > 0;
}

void ch_meter_turn(ch_meter *meter, uint64_t now_ns)
{
    meter->now_ns = now_ns;
    meter->served = meter->modest = meter->present = 0;
    meter->holds_somebody = false;
    for (size_t i = 0; i < meter->count; i++) {
        account *at = &meter->accounts[i];
        bool is_caller = at->caller != CH_STRANGERS;
        bool is_served = is_caller && was_served(meter, at, SERVED_NS);
        at->owes = ch_pace_wait_ns(&at->pace, now_ns) > 0;
        meter->present += is_caller && was_served(meter, at, PRESENT_NS);
        meter->served += is_served;
        meter->modest += is_served && !at->owes;
    }
    for (size_t i = 0; i < meter->count && !meter->holds_somebody; i++)
        meter->holds_somebody = must_wait(meter, &meter->accounts[i]);
}

void ch_meter_spend(ch_meter *meter, uid_t caller, uint64_t ns)
{
    if (meter == NULL)
        return;
    account *at = open_account(meter, caller);
    at->spent_ns = meter->now_ns;
    doing_now(meter, at)->work_ns += ns;
    ch_pace_spend(&at->pace, meter->now_ns, ns);
    at->owes = ch_pace_wait_ns(&at->pace, meter->now_ns) > 0;
}

void ch_meter_spend_since(ch_meter *meter, uid_t caller, uint64_t begun_ns)
{
    uint64_t ns = ch_clock_ns() - begun_ns;
    ch_meter_spend(meter, caller, ns < SLICE_MAX_NS ? ns : SLICE_MAX_NS);
}

void ch_meter_count(ch_meter *meter, uid_t caller)
{
    if (meter != NULL)
        doing_now(meter, open_account(meter, caller))->requests++;
}

bool ch_meter_rate_at(const ch_meter *meter, size_t index, ch_meter_rate *out)
{
    if (meter == NULL || index >= meter->count)
        return false;
    const account *at = &meter->accounts[index];
    uint64_t second = meter->now_ns / SECOND_NS - 1;
    const doing *done = at->now.second == second ? &at->now : &at->last;
    *out = (ch_meter_rate){.caller = at->caller};
    if (done->second == second) {
        out->requests = (uint32_t)done->requests;
        out->work_permille = (uint32_t)(done->work_ns * 1000 / SECOND_NS);
    }
    return true;
}

bool ch_meter_must_wait(const ch_meter *meter, uid_t caller)
{
    const account *at = meter == NULL ? NULL : find(meter, caller);
    return at != NULL && must_wait(meter, at);
}

bool ch_meter_is_serving(const ch_meter *meter)
{
    return meter != NULL && meter->served > 0;
}

bool ch_meter_is_shared(const ch_meter *meter)
{
    return meter != NULL && meter->present > 1;
}

bool ch_meter_holds_somebody(const ch_meter *meter)
{
    return meter != NULL && meter->holds_somebody;
}

uint32_t ch_meter_process_share(const ch_meter *meter, uid_t caller)
{
    if (meter == NULL)
        return 0;
    uint32_t share = share_of(meter, caller);
    for (size_t i = 0; i < meter->count && share < 1000; i++) {
        const account *at = &meter->accounts[i];
        if (at->caller != caller && at->caller != CH_STRANGERS && was_served(meter, at, PRESENT_NS))
            return share;
    }
    return 0;
}
