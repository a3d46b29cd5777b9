#include "agent/core/kept.h"

#include "agent/core/nonce_counters.h"
#include "base/clock.h"

#include <sys/epoll.h>

#define RETRY_MS 2000

static ch_status open_ledger(ch_kept *kept, const ch_rules *rules, ch_error *err)
{
    CH_TRY(ch_ledger_open(kept->store, rules->config.trace_path, &kept->ledger, err));
    ch_ledger_set_policy(kept->ledger, &rules->policy, ch_clockwatch_time_ns(kept->clock));
    return CH_OK;
}

ch_status ch_kept_open(ch_kept *kept, ch_rules *rules, ch_error *err)
{
    ch_seen_time seen;
    char boot_id[CH_BOOT_ID_SIZE];
    CH_TRY(ch_store_open(rules->config.state_folder, &kept->store, err));
    CH_TRY(ch_nonces_open(kept->store, &kept->nonces, err));
    CH_TRY(ch_prints_open(kept->store, &kept->prints, err));
    ch_nonce_counters_find(&rules->policy, kept->nonces);
    CH_TRY(ch_nonce_counters_save_adopted(kept->nonces, err));
    CH_TRY(ch_tries_open(kept->store, &kept->tries, err));
    CH_TRY(ch_people_open(kept->store, &kept->people, err));
    CH_TRY(ch_seen_time_load(kept->store, &seen, err));
    ch_clockwatch_read_boot_id(boot_id);
    kept->clock = ch_clockwatch_new(&seen, boot_id);
    return open_ledger(kept, rules, err);
}

static void on_written(void *context)
{
    ch_kept *kept = context;
    ch_writer_collect(kept->writer);
    if (ch_writer_trouble(kept->writer) != NULL && kept->retry.due_ms == 0)
        ch_loop_set_timer(kept->loop, &kept->retry, ch_clock_ms() + RETRY_MS);
}

static void on_retry(void *context)
{
    ch_kept *kept = context;
    ch_nonces_try_again(kept->nonces);
    ch_prints_try_again(kept->prints);
    ch_tries_try_again(kept->tries);
    ch_people_try_again(kept->people);
    ch_ledger_try_again(kept->ledger);
}

ch_status ch_kept_start(ch_kept *kept, ch_loop *loop, const ch_nonce_owner *nonces, const ch_ledger_owner *ledger,
                        ch_error *err)
{
    kept->loop = loop;
    kept->retry = (ch_timer){.on_due = on_retry, .context = kept};
    CH_TRY(ch_writer_start(kept->store, &kept->writer, err));
    kept->written = (ch_source){.fd = ch_writer_fd(kept->writer), .on_ready = on_written, .context = kept};
    CH_TRY(ch_loop_watch(kept->loop, &kept->written, EPOLLIN, err));
    ch_nonces_start(kept->nonces, kept->writer, nonces);
    ch_prints_start(kept->prints, kept->writer);
    ch_tries_start(kept->tries, kept->writer);
    ch_people_start(kept->people, kept->writer);
    ch_ledger_start(kept->ledger, kept->writer, ledger);
    ch_clockwatch_start(kept->clock, kept->loop, kept->writer);
    return CH_OK;
}
