/* The rooms of core.h, and who answers which frame of the fronts and relays. */
#include "agent/core/core_impl.h"

#include "base/clock.h"
#include "policy/policy.h"
#include "state/nonces.h"
#include "wire/frames.h"

#include <unistd.h>

static void on_sign(void *context, ch_asker asker, const ch_sign_frame *sign)
{
    core *self = context;
    ch_requests_begin(self->requests, asker, sign);
}

static void on_list_keys(void *context, ch_asker asker, const ch_list_keys_frame *list)
{
    core *self = context;
    ch_status_list_keys(&self->status, asker, list);
}

static void on_get_status(void *context, ch_asker asker, const ch_get_status_frame *get)
{
    core *self = context;
    ch_status_report(&self->status, asker, get);
}

static void on_get_time(void *context, ch_asker asker)
{
    core *self = context;
    ch_timekeeper_tell(&self->timekeeper, asker);
}

static void on_get_limits(void *context, ch_asker asker, const ch_get_limits_frame *get)
{
    core *self = context;
    ch_desk_tell_limits(&self->desk, asker, get);
}

static void on_put_prices(void *context, ch_asker asker, const ch_put_prices_frame *put)
{
    core *self = context;
    ch_desk_take_prices(&self->desk, asker, put);
}

static void on_list_prices(void *context, ch_asker asker, const ch_list_prices_frame *list)
{
    core *self = context;
    ch_desk_list_prices(&self->desk, asker, list);
}

static void on_release(void *context, ch_asker asker, const ch_release_frame *release)
{
    core *self = context;
    ch_desk_release(&self->desk, asker, release);
}

static void on_outcomes(void *context, ch_asker asker, const ch_outcomes_frame *outcomes)
{
    core *self = context;
    ch_requests_take_outcomes(self->requests, asker, outcomes);
}

static void on_get_request(void *context, ch_asker asker, const ch_get_request_frame *get)
{
    core *self = context;
    ch_approval_desk_tell(self->approval_desk, asker, get);
}

static void on_fetch(void *context, ch_asker asker, const ch_fetch_frame *fetch)
{
    core *self = context;
    ch_requests_fetch(self->requests, asker, fetch);
}

static void on_withdraw(void *context, ch_asker asker, const ch_withdraw_frame *withdraw)
{
    core *self = context;
    ch_approval_desk_withdraw(self->approval_desk, asker, withdraw);
}

static void on_door(void *context, int fd, const char *socket)
{
    core *self = context;
    ch_fronts_take(self->fronts, fd, socket);
}

static ch_front_owner front_owner(core *self)
{
    return (ch_front_owner){.context = self,
                            .confinement = self->confinement,
                            .meter = self->meter,
                            .on_sign = on_sign,
                            .on_list_keys = on_list_keys,
                            .on_get_status = on_get_status,
                            .on_get_time = on_get_time,
                            .on_get_limits = on_get_limits,
                            .on_put_prices = on_put_prices,
                            .on_list_prices = on_list_prices,
                            .on_release = on_release,
                            .on_get_request = on_get_request,
                            .on_fetch = on_fetch,
                            .on_withdraw = on_withdraw};
}

static void make_relay_links(core *self)
{
    const ch_relay_owner owner = {.context = self,
                                  .connections = self->connections,
                                  .policy = &self->rules.policy,
                                  .callers = self->callers,
                                  .meter = self->meter,
                                  .on_sign = on_sign,
                                  .on_outcomes = on_outcomes};
    self->relays = ch_relay_links_new(self->loop, &owner);
}

static void make_requests(core *self)
{
    ch_request_context context = {.policy = &self->rules.policy,
                                  .connections = self->connections,
                                  .clock = self->kept.clock,
                                  .nonces = self->kept.nonces,
                                  .ledger = self->kept.ledger,
                                  .callers = self->callers,
                                  .shadow = self->shadow,
                                  .scratch = self->scratch,
                                  .links = &self->links,
                                  .meter = self->meter};
    self->requests = ch_requests_new(&context);
    self->dying = ch_dying_new(self->loop);
    self->links = (ch_links){.loop = self->loop,
                             .tries = self->kept.tries,
                             .confinement = self->confinement,
                             .dying = self->dying,
                             .prints = self->kept.prints,
                             .owner = ch_requests_link_owner(self->requests)};
    ch_links_apply(&self->links, &self->rules.config, &self->rules.policy);
    self->unattended = ch_unattended_new(self->loop, &self->links, &self->rules.policy,
                                         ch_ledger_states(self->kept.ledger), self->kept.clock);
}

/* What bots are answered from. */
static void make_desks(core *self)
{
    const ch_policy *policy = &self->rules.policy;
    self->desk = (ch_desk){.policy = policy,
                           .connections = self->connections,
                           .callers = self->callers,
                           .ledger = self->kept.ledger,
                           .clock = self->kept.clock};
    const ch_approval_desk_context approvals = {.loop = self->loop,
                                                .policy = policy,
                                                .connections = self->connections,
                                                .callers = self->callers,
                                                .ledger = self->kept.ledger,
                                                .clock = self->kept.clock};
    self->approval_desk = ch_approval_desk_new(&approvals);
    self->status = (ch_status_context){.connections = self->connections,
                                       .policy = policy,
                                       .callers = self->callers,
                                       .ledger = self->kept.ledger,
                                       .links = &self->links,
                                       .requests = self->requests,
                                       .notices = self->notices,
                                       .reload = self->reload,
                                       .confinement = self->confinement,
                                       .timekeeper = &self->timekeeper,
                                       .meter = self->meter,
                                       .started_ms = ch_clock_ms()};
}

void ch_core_follow_shadow(core *self)
{
    const ch_policy *shadow = self->rules.config.shadow_path == NULL ? NULL : &self->rules.shadow;
    ch_shadow_set_policy(self->shadow, shadow, ch_clockwatch_time_ns(self->kept.clock));
}

void ch_core_make_rooms(core *self, int listen_fd, int operator_fd)
{
    self->meter = ch_meter_new((unsigned)sysconf(_SC_NPROCESSORS_ONLN));
    const ch_front_owner owner = front_owner(self);
    const ch_door_owner door_owner = {.context = self, .take = on_door};
    const ch_policy *policy = &self->rules.policy;
    self->timekeeper = (ch_timekeeper){.policy = policy, .nonces = self->kept.nonces, .clock = self->kept.clock};
    self->connections = ch_connections_new(ch_fronts_descriptors() / 4 * 3);
    self->callers = ch_callers_new();
    self->key_watch = ch_key_watch_new(self->loop, policy);
    self->shadow = ch_shadow_new();
    ch_core_follow_shadow(self);
    make_relay_links(self);
    self->fronts = ch_fronts_new(self->loop, listen_fd, self->connections, policy, self->relays, &owner,
                                 self->rules.config.is_front_shared);
    self->doors = ch_doors_new(self->loop, self->rules.config.socket_path, &door_owner, ch_fronts_descriptors());
    make_requests(self);
    const ch_codes_context codes = {
        .loop = self->loop, .policy = policy, .links = &self->links, .people = self->kept.people};
    self->codes = ch_codes_new(&codes);
    ch_operator_context operator_context = {.policy = policy,
                                            .links = &self->links,
                                            .keeper = &self->timekeeper,
                                            .reload = self->reload,
                                            .ledger = self->kept.ledger,
                                            .requests = self->requests,
                                            .freeze_file = self->freeze_file,
                                            .codes = self->codes};
    self->operators = ch_operators_new(self->loop, operator_fd, &operator_context);
    make_desks(self);
}

ch_status ch_core_start_state(core *self, ch_error *err)
{
    const ch_nonce_owner nonces = ch_requests_nonce_owner(self->requests);
    const ch_ledger_owner ledger = ch_requests_ledger_owner(self->requests);
    ch_key_watch_follow(self->key_watch);
    return ch_kept_start(&self->kept, self->loop, &nonces, &ledger, err);
}
