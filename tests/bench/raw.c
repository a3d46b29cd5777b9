/* raw: C_SignInit and C_Sign on a key as fast as the module goes, on one or more threads, with no agent in between.
 *
 * The module's locks are the system's own, as in most programs; the agent brings better ones (pkcs11/locks.h).
 * Pointed at p11-kit-client.so (with P11_KIT_SERVER_ADDRESS set) the same program measures p11-kit's server. */
#include "base/clock.h"
#include "base/error.h"
#include "pkcs11/key.h"
#include "tests/bench/sample.h"

#include <getopt.h>
#include <libp11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64
#define USAGE                                                                                                          \
    "usage: raw --module NAME --token URI --object URI --mechanism NAME --pin-fd N [--threads N] [--seconds S] "       \
    "[--json]"

static const char payload[] = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
                              "&timestamp=1499827319559";

typedef struct worker {
    pthread_t thread;
    ch_session session;
    ch_key_object key;
    uint64_t stop_ns;
    ch_samples samples;
} worker;

static void *work(void *context)
{
    worker *self = context;
    uint64_t start;
    while ((start = ch_clock_ns()) < self->stop_ns) {
        uint8_t signature[512];
        size_t size = 0;
        ch_error err = CH_ERROR_INIT;
        if (ch_key_sign(&self->session, &self->key, CH_LITERAL(payload), signature, sizeof signature, &size, &err) !=
            CH_OK)
            die("signing: %s", err.message);
        if (size == 0)
            die("a signature is empty");
        samples_add(&self->samples, ch_clock_ns() - start);
    }
    return NULL;
}

/* Initialises the module as libp11 does; ch_token_open then finds it initialised. */
static void initialise_plainly(const char *module)
{
    PKCS11_CTX *context = PKCS11_CTX_new();
    if (context == NULL || PKCS11_CTX_load(context, module) != 0)
        die("cannot initialise the module %s", module);
}

static ch_token *open_token(const char *module, const char *uri, int pin_fd)
{
    ch_error err = CH_ERROR_INIT;
    ch_token *token = NULL;
    ch_autosecret pin = CH_SECRET_INIT;
    initialise_plainly(module);
    if (ch_token_open(&(ch_module_name){.name = module}, uri, &token, &err) != CH_OK ||
        ch_secret_read(&pin, pin_fd, 256, &err) != CH_OK || ch_token_login(token, &pin, &err) != CH_OK)
        die("%s", err.message);
    return token;
}

static void run(ch_token *token, const char *object, const ch_mechanism *mechanism, size_t threads, double seconds,
                bool as_json)
{
    static worker workers[THREADS_MAX];
    for (size_t i = 0; i < threads; i++) {
        ch_error err = CH_ERROR_INIT;
        if (ch_session_open(token, false, &workers[i].session, &err) != CH_OK ||
            ch_key_find(&workers[i].session, object, mechanism, &workers[i].key, &err) != CH_OK)
            die("%s", err.message);
    }
    uint64_t cpu_before = cpu_ns();
    uint64_t start = ch_clock_ns();
    for (size_t i = 0; i < threads; i++) {
        workers[i].stop_ns = start + (uint64_t)(seconds * 1e9);
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            die("cannot start a thread");
    }
    ch_samples all = {NULL, 0, 0};
    for (size_t i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        samples_append(&all, &workers[i].samples);
        ch_session_close(&workers[i].session);
    }
    samples_print(&all, ch_clock_ns() - start, cpu_ns() - cpu_before, as_json);
    samples_free(&all);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"module",    required_argument, NULL, 'm'},
        {"token",     required_argument, NULL, 't'},
        {"object",    required_argument, NULL, 'o'},
        {"mechanism", required_argument, NULL, 'a'},
        {"pin-fd",    required_argument, NULL, 'p'},
        {"threads",   required_argument, NULL, 'n'},
        {"seconds",   required_argument, NULL, 's'},
        {"json",      no_argument,       NULL, 'j'},
        {NULL,        0,                 NULL, 0  },
    };
    const char *values[128] = {NULL};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == '?')
            die("%s", USAGE);
        values[option] = optarg != NULL ? optarg : "";
    }
    size_t threads = values['n'] == NULL ? 1 : strtoul(values['n'], NULL, 10);
    double seconds = values['s'] == NULL ? 2 : strtod(values['s'], NULL);
    if (values['m'] == NULL || values['t'] == NULL || values['o'] == NULL || values['a'] == NULL ||
        values['p'] == NULL || threads == 0 || threads > THREADS_MAX)
        die("%s", USAGE);
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(values['a']));
    if (mechanism == NULL)
        die("unknown mechanism '%s'", values['a']);
    ch_token *token = open_token(values['m'], values['t'], (int)strtol(values['p'], NULL, 10));
    run(token, values['o'], mechanism, threads, seconds, values['j'] != NULL);
    ch_token_close(token);
    return 0;
}
