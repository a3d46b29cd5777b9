/* Start: core names module, token and keys; the token is opened; the outcome goes to core. Then the workers take over.
 */
#include "agent/token/process.h"

#include "base/memory.h"
#include "agent/harden.h"
#include "agent/spawn.h"
#include "agent/token/worker.h"
#include "base/log.h"
#include "pkcs11/token.h"
#include "wire/channel.h"

typedef struct starting {
    ch_signer *signer;
    ch_receiving state;
    size_t key_count; /* that core names */
    char *module;
    char *init_args; /* NULL: none */
    char *uri;
} starting;

static void await_keys(starting *self)
{
    self->state = self->signer->keys.count < self->key_count ? CH_WHILE_TAKING_KEYS : 0;
}

static ch_status take_start(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    starting *self = context;
    ch_token_start_frame start;
    CH_TRY(ch_token_start_frame_get(frame, &start, err));
    if (start.version != CH_FRAMES_VERSION)
        return ch_fail(err, CH_INTERNAL, "core is of another version; restart the agent");
    if (start.workers == 0 || start.workers > CH_WORKERS_MAX)
        return ch_fail(err, CH_INTERNAL, "core asked for %u workers", start.workers);
    if (start.login >= CH_LOGIN_COUNT)
        return ch_fail(err, CH_INTERNAL, "core named a login of kind %u", start.login);
    self->module = ch_slice_strdup(start.module);
    self->init_args = start.init_args.size == 0 ? NULL : ch_slice_strdup(start.init_args);
    self->uri = ch_slice_strdup(start.uri);
    self->signer->login = (ch_login)start.login;
    self->signer->worker_count = start.workers;
    self->key_count = start.key_count;
    await_keys(self);
    return CH_OK;
}

static ch_status take_keys(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)fd;
    starting *self = context;
    ch_token_keys_frame keys;
    CH_TRY(ch_token_keys_frame_get(frame, &keys, err));
    ch_signer_keys_add(&self->signer->keys, keys.keys);
    if (self->signer->keys.count > self->key_count)
        return ch_fail(err, CH_INTERNAL, "core named more keys than it announced");
    await_keys(self);
    return CH_OK;
}

static unsigned state_of(const void *context)
{
    const starting *self = context;
    return self->state;
}

/* clang-format off */
static const ch_handler handlers[] = {
    /* frame                 taken by */
    { CH_FRAME_TOKEN_START,  take_start },
    { CH_FRAME_TOKEN_KEYS,   take_keys },
};
/* clang-format on */

static const ch_receiver receiver = {
    .direction = CH_CORE_TO_TOKEN,
    .handlers = handlers,
    .handler_count = sizeof handlers / sizeof *handlers,
    .state = state_of,
};

/* Waits for what core has to say before the first login. */
static ch_status take_all(starting *self, ch_channel *channel, ch_error *err)
{
    while (self->state != 0) {
        ch_packet packet;
        CH_TRY(ch_channel_receive_wait(channel, &packet, err));
        CH_TRY(ch_packet_take(&packet, &receiver, self, err));
    }
    return CH_OK;
}

static ch_status start(ch_signer *signer, ch_channel *channel, ch_gaps *gaps, ch_error *lack, ch_error *err)
{
    starting self = {.signer = signer, .state = CH_WHILE_STARTING};
    CH_TRY(take_all(&self, channel, err));
    ch_autofree char *module = self.module;
    ch_autofree char *init_args = self.init_args;
    ch_autofree char *uri = self.uri;
    const ch_module_name name = {.name = module, .init_args = init_args};
    CH_TRY(ch_token_open(&name, uri, &signer->token, err));
    signer->keeper = ch_token_keeper(signer->token);
    CH_TRY(ch_session_keep(signer->keeper, err));
    ch_workers_open(signer, lack);
    ch_harden_token_calls(gaps); /* after the module is loaded: drivers may start helpers then */
    return CH_OK;
}

static ch_status report(ch_signer *signer, ch_channel *channel, ch_token_started_frame *started, ch_error *err)
{
    if (started->outcome.status == CH_OK)
        ch_ignore(ch_token_end_kept_login(signer->token, &started->kept)); /* core judges it */
    CH_TRY(ch_token_started_frame_put(ch_channel_out(channel), 0, started, err));
    return ch_channel_flush(channel, err);
}

int ch_token_run(int channel_fd, ch_gaps *gaps)
{
    static ch_signer signer;
    ch_channel channel;
    ch_error err = CH_ERROR_INIT;
    ch_token_started_frame says = {.outcome = CH_ERROR_INIT, .kept = CH_ERROR_INIT, .lack = CH_ERROR_INIT};
    ch_spawn_schedule(0); /* core and the front first */
    ch_signer_init(&signer, channel_fd);
    ch_channel_open(&channel, channel_fd);
    ch_status started = start(&signer, &channel, gaps, &says.lack, &says.outcome);
    says.gaps = gaps->list;
    ch_status reported = report(&signer, &channel, &says, &err);
    if (started == CH_OK && reported == CH_OK)
        ch_ignore(ch_workers_run(&signer, &err)); /* it comes back only if it failed */
    ch_log("%s", started != CH_OK ? says.outcome.message : err.message);
    return 1;
}
