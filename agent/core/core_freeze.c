/* What freezes all trading besides operators: a signal and a file. Neither ever thaws. */
#include "agent/core/core_impl.h"

#include "agent/core/clockwatch.h"
#include "base/buffer.h"
#include "policy/states.h"

#include <signal.h>

/* What asks again and again, as a file that comes and goes, leaves one row. */
static void freeze_all(void *context, const char *why)
{
    core *self = context;
    ch_state_row counts;
    ch_ledger *ledger = self->kept.ledger;
    uint64_t now_ns = ch_clockwatch_time_ns(self->kept.clock);
    const ch_state_row row = {
        .of = CH_STATE_OF_ALL, .name = CH_LITERAL(""), .state = CH_TRADING_HALTED, .why = ch_slice_of(why)};
    ch_states_get(ch_ledger_states(ledger), row.of, row.name, now_ns, &counts);
    if (counts.state != CH_TRADING_HALTED || counts.until_ns != 0)
        ch_ledger_freeze(ledger, &row, now_ns);
    ch_links_freeze(&self->links, &self->rules.policy, row.name, ch_ledger_states(ledger), now_ns);
}

void ch_core_hold_freezes(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

void ch_core_freeze_by_signal(core *self, pid_t pid, uid_t uid)
{
    ch_autobuffer why = CH_BUFFER_INIT;
    const ch_peer sender = {.uid = uid, .gid = CH_ANY_ID};
    ch_buffer_add_format(&why, "SIGUSR1 from process %d of ", (int)pid);
    ch_policy_name_user(&self->rules.policy, &sender, &why);
    freeze_all(self, ch_buffer_text(&why));
}

ch_status ch_core_watch_freeze_file(core *self, ch_error *err)
{
    const ch_freeze_file_owner owner = {.context = self, .freeze = freeze_all};
    const char *path = self->rules.config.freeze_path;
    return path == NULL ? CH_OK : ch_freeze_file_watch(self->loop, path, &owner, &self->freeze_file, err);
}
