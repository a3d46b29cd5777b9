#include "tests/fuzz/requests.h"

#include "exchange/load.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/rig.h"
#include "tests/fuzz/stage.h"
#include "wire/frames.h"

#include <string.h>

static rig maker;

void fuzz_requests_init(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    FUZZ_CHECK(ch_profile_load("tests/profiles/oddball.yaml", &profile, &err) == CH_OK);
    fuzz_rig_init(&maker);
    maker.profile = profile;
    maker.environment = ch_profile_live(profile);
    maker.now_ns = FUZZ_WALL_MS * 1000000;
}

/* A request that the profile takes, and its payload. */
static bool make_request(sample *made, ch_slice *payload)
{
    ch_payloads built;
    size_t scheme = dice_below(&maker.dice, maker.profile->scheme_count);
    size_t endpoint = dice_below(&maker.dice, maker.profile->endpoint_count);
    maker.scheme = ch_profile_scheme_at(maker.profile, scheme);
    maker.is_tame = dice_chance(&maker.dice, 70);
    maker.pool_used = 0;
    if (!make_sample(&maker, ch_profile_endpoint_at(maker.profile, endpoint), made) ||
        try_sample(&maker, made, &built) != STAGE_TAKEN)
        return false;
    *payload = keep_slice(&maker, built.items[0]);
    return true;
}

static void set_values(const sample *from, ch_sign_frame *sign, ch_buffer *records)
{
    for (size_t i = 0; i < from->request.param_count; i++) {
        const ch_param *param = &from->params[i];
        ch_value_record value = {.kind = (uint8_t)param->kind, .name = param->name, .value = param->value};
        ch_value_record_put(&sign->values, records, &value);
    }
}

static const char *pick(dice *chance, const char *const *texts, size_t count)
{
    return texts[dice_below(chance, count)];
}
#define PICK(chance, texts) ch_slice_of(pick(chance, texts, sizeof(texts) / sizeof *(texts)))

static const char *const pairs[] = {"ODD/EUR", "ODD/USD", "EVEN/EUR", "EUR/ODD", "odd", ""};
static const char *const numbers[] = {"100", "101", "94.5", "120", "1", "0.000000000000000001", "999999999999999999",
                                      "0"};

/* ---- requests for a signature ---- */

/* clang-format off */
/* The calls of tests/profiles/plain.yaml. */
static const struct {
    const char *method;
    const char *path;
    const char *params[8];
} calls[] = {
    /* method    path           parameters, with ? those that may be left out */
    { "POST",   "/order",      { "symbol", "side", "type", "quantity", "?price", "?trigger", "?id" } },
    { "POST",   "/order",      { "symbol", "side", "type", "quantity", "price", "?id", "?window" } },
    { "POST",   "/order",      { "symbol", "side", "type", "worth", "?price" } },
    { "POST",   "/future",     { "symbol", "side", "type", "lots", "?price", "?closing" } },
    { "PUT",    "/order",      { "symbol", "order", "?quantity", "?price" } },
    { "DELETE", "/order",      { "symbol", "order" } },
    { "POST",   "/leverage",   { "symbol", "times" } },
    { "POST",   "/withdrawal", { "asset", "network", "address", "amount" } },
    { "POST",   "/transfer",   { "asset", "from", "to", "amount" } },
};

static const struct {
    const char *param;
    ch_value_kind kind;
    const char *values[6]; /* the first are the likeliest to be taken */
} choices[] = {
    /* parameter   kind              values */
    { "symbol",   CH_VALUE_TEXT,    { "ODD-EUR", "ODD-USD", "EVEN-EUR", "ODD-EUR-PERP" } },
    { "side",     CH_VALUE_TEXT,    { "buy", "sell" } },
    { "type",     CH_VALUE_TEXT,    { "limit", "market", "stop", "stop-limit" } },
    { "quantity", CH_VALUE_TEXT,    { "1", "2.5", "4000", "0.000000000000000001", "99999999999999999999" } },
    { "lots",     CH_VALUE_INTEGER, { "100", "1", "900000" } },
    { "worth",    CH_VALUE_TEXT,    { "100", "0.1", "600000" } },
    { "price",    CH_VALUE_TEXT,    { "100", "101", "120", "0.1", "0" } },
    { "trigger",  CH_VALUE_TEXT,    { "100", "99", "1" } },
    { "closing",  CH_VALUE_BOOLEAN, { "true", "false" } },
    { "id",       CH_VALUE_TEXT,    { "a", "b", "c" } },
    { "order",    CH_VALUE_TEXT,    { "a", "b", "d" } },
    { "times",    CH_VALUE_INTEGER, { "3", "0", "50" } },
    { "asset",    CH_VALUE_TEXT,    { "ODD", "EUR" } },
    { "network",  CH_VALUE_TEXT,    { "net", "web" } },
    { "address",  CH_VALUE_TEXT,    { "v1", "v2" } },
    { "from",     CH_VALUE_TEXT,    { "spot", "vault" } },
    { "to",       CH_VALUE_TEXT,    { "funding", "spot" } },
    { "amount",   CH_VALUE_TEXT,    { "1", "11", "60" } },
    { "window",   CH_VALUE_INTEGER, { "5000", "1", "60000" } },
};
/* clang-format on */

static void add_choice(dice *chance, const char *param, ch_sign_frame *sign, ch_buffer *records)
{
    size_t at = 0;
    while (strcmp(choices[at].param, param) != 0)
        at++;
    size_t value = dice_chance(chance, 60) ? 0 : dice_below(chance, 6);
    if (choices[at].values[value] == NULL)
        value = 0;
    bool is_order = strcmp(param, "order") == 0;
    const char *name = strcmp(param, "lots") == 0 ? "quantity" : is_order ? "id" : param;
    ch_value_record record = {
        .kind = (uint8_t)choices[at].kind, .name = ch_slice_of(name), .value = ch_slice_of(choices[at].values[value])};
    ch_value_record_put(&sign->values, records, &record);
}

static void make_plain(dice *chance, ch_sign_frame *sign, ch_buffer *records)
{
    size_t call = dice_below(chance, sizeof calls / sizeof *calls);
    sign->method = ch_slice_of(calls[call].method);
    sign->path = ch_slice_of(calls[call].path);
    for (size_t i = 0; calls[call].params[i] != NULL; i++) {
        const char *param = calls[call].params[i];
        if (*param != '?')
            add_choice(chance, param, sign, records);
        else if (dice_chance(chance, 50))
            add_choice(chance, param + 1, sign, records);
    }
}

/* ---- as SDKs send them ---- */

/* What the frame has besides records; its views are into this. */
typedef struct texts {
    ch_buffer url;
    ch_buffer body;
    ch_buffer headers; /* records */
} texts;

static void free_texts(texts *of)
{
    ch_buffer_free(&of->url);
    ch_buffer_free(&of->body);
    ch_buffer_free(&of->headers);
}

static void add_header(ch_sign_frame *sign, texts *to, ch_slice name, ch_slice value)
{
    ch_header_record header = {.name = name, .value = value};
    ch_header_record_put(&sign->headers, &to->headers, &header);
}

/* What an SDK does otherwise, or should not. */
static void disturb(dice *chance, ch_sign_frame *sign, texts *to)
{
    static const char *const names[] = {"User-Agent", "Host", "odd-demo", "X-Surprise", "plain-key"};
    static const char *const values[] = {"1", "demo.oddball.example", "api.plain.example", "", "a=b"};
    static const char *const more[] = {"&symbol=ODD-EUR", "&extra=1e-7", "&%69d=a", "&note=%zz", "&id[]=a", "{}"};
    static const char *const origins[] = {"main", "vault", "stream", "none"};
    if (dice_chance(chance, 15))
        add_header(sign, to, PICK(chance, names), PICK(chance, values));
    if (dice_chance(chance, 10))
        sign->origin = PICK(chance, origins);
    if (dice_chance(chance, 10))
        ch_buffer_add_slice(dice_chance(chance, 50) ? &to->url : &to->body, PICK(chance, more));
}

static void finish_wire(dice *chance, ch_sign_frame *sign, texts *to)
{
    sign->form = CH_FORM_WIRE;
    sign->host = sign->path = CH_LITERAL("");
    disturb(chance, sign, to);
    sign->url = ch_buffer_slice(&to->url);
    sign->body = ch_buffer_slice(&to->body);
}

/* A base URL instead of the exchange's has no host. */
static ch_slice maybe_without_host(dice *chance, ch_slice url)
{
    const uint8_t *slash = url.size < 8 ? NULL : ch_slice_find(ch_slice_after(url, 8), '/'); /* after "https://" */
    return slash != NULL && dice_chance(chance, 25) ? ch_slice_after(url, (size_t)(slash - url.data)) : url;
}

/* What the rig has just built, as it is sent. False if it is a message on a socket. */
static bool make_wire(dice *chance, const sample *made, ch_sign_frame *sign, texts *to)
{
    static ch_wire_request wire; /* large */
    if (!wire_of(&maker, made, &wire))
        return false;
    ch_buffer_add_slice(&to->url, maybe_without_host(chance, wire.url));
    ch_buffer_add_slice(&to->body, wire.body);
    for (size_t i = 0; i < wire.header_count; i++)
        add_header(sign, to, wire.headers[i].name, wire.headers[i].value);
    sign->method = wire.method;
    finish_wire(chance, sign, to);
    return true;
}

/* A call of tests/profiles/plain.yaml as an SDK sends it, in the query or in the body. */
static void turn_into_wire(dice *chance, ch_sign_frame *sign, texts *to)
{
    if (dice_chance(chance, 75))
        ch_buffer_add_text(&to->url, "https://api.plain.example");
    ch_buffer_add_slice(&to->url, sign->path);
    ch_buffer *into = dice_chance(chance, 70) ? &to->url : &to->body;
    ch_buffer_add_format(into, "%stime=%llu", into == &to->url ? "?" : "", (unsigned long long)FUZZ_WALL_MS);
    for (ch_value_record value; ch_value_record_next(&sign->values, &value);)
        ch_buffer_add_format(into, "&%.*s=%.*s", CH_SLICE_ARGS(value.name), CH_SLICE_ARGS(value.value));
    ch_buffer_add_text(into, "&sig=dummy");
    add_header(sign, to, CH_LITERAL("Plain-Key"), CH_LITERAL("dummy"));
    sign->values = (ch_records){0};
    finish_wire(chance, sign, to);
}

/* ---- in any form ---- */

static void make_any(dice *chance, ch_form form, ch_sign_frame *sign, ch_buffer *records, texts *to)
{
    static sample made; /* large */
    ch_slice payload = CH_LITERAL("");
    sign->form = (uint8_t)form;
    if (sign->form == CH_FORM_RAW) {
        sign->text = CH_LITERAL("any bytes");
    } else if (make_request(&made, &payload) && (sign->form != CH_FORM_WIRE || !make_wire(chance, &made, sign, to))) {
        sign->method = made.request.method;
        sign->host = made.request.host;
        sign->path = made.request.path;
        sign->text = sign->form == CH_FORM_STRING ? payload : CH_LITERAL("");
        if (sign->form == CH_FORM_TYPED)
            set_values(&made, sign, records);
    }
}

/* What the frame's views are into. */
typedef struct made {
    ch_sign_frame sign;
    ch_buffer records;
    texts texts;
} made;

static void make_request_of(dice *chance, bool is_relays, made *to)
{
    static const char *const keys[] = {"odd-all",  "odd-all",   "odd-jwt", "odd-read",
                                       "odd-cold", "odd-other", "money",   "money"};
    static const char *const repeats[] = {"", "", "", "", "once", "twice"};
    maker.dice.state = dice_next(chance);
    *to = (made){
        .sign = {.key = PICK(chance, keys), .repeat_key = PICK(chance, repeats)}
    };
    ch_sign_frame *sign = &to->sign;
    bool is_wire = is_relays && dice_chance(chance, 99);
    ch_form form = is_wire ? CH_FORM_WIRE : (ch_form)dice_below(chance, CH_FORM_COUNT);
    if (ch_slice_is(sign->key, "money") && dice_chance(chance, 80))
        make_plain(chance, sign, &to->records);
    else
        make_any(chance, form, sign, &to->records, &to->texts);
    bool is_plain = sign->form == CH_FORM_TYPED && ch_slice_is(sign->key, "money");
    if (is_plain && dice_chance(chance, is_relays ? 99 : 30))
        turn_into_wire(chance, sign, &to->texts);
}

/* Too large: then not this one. */
static void add_and_free(dice *chance, made *from, ch_buffer *packet)
{
    ch_error err = CH_ERROR_INIT;
    ch_ignore(ch_sign_frame_put(packet, 1 + dice_below(chance, 1000), &from->sign, &err));
    ch_buffer_free(&from->records);
    free_texts(&from->texts);
}

void fuzz_add_request(dice *chance, ch_buffer *packet)
{
    made to;
    make_request_of(chance, false, &to);
    to.sign.connection = dice_below(chance, 3);
    to.sign.is_check = dice_chance(chance, 10);
    add_and_free(chance, &to, packet);
}

/* ---- what bots and feeds report, and ask for ---- */

static void report_prices(dice *chance, ch_buffer *packet, uint64_t id)
{
    static const char *const sources[] = {"one", "two", "three"};
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    ch_put_prices_frame put = {.connection = dice_below(chance, 3), .source = PICK(chance, sources)};
    for (size_t i = dice_below(chance, 4); i > 0; i--) {
        ch_quote_record quote = {.pair = PICK(chance, pairs),
                                 .price = PICK(chance, numbers),
                                 .quoted_ms = FUZZ_WALL_MS + dice_below(chance, 20000)};
        ch_quote_record_put(&put.quotes, &records, &quote);
    }
    FUZZ_CHECK(ch_put_prices_frame_put(packet, id, &put, &err) == CH_OK);
}

static void ask_for_limits(dice *chance, ch_buffer *packet, uint64_t id)
{
    static const char *const keys[] = {"money", "money", "odd-jwt", "odd-all", "odd-other"};
    ch_error err = CH_ERROR_INIT;
    ch_get_limits_frame get = {.connection = dice_below(chance, 3), .key = PICK(chance, keys)};
    FUZZ_CHECK(ch_get_limits_frame_put(packet, id, &get, &err) == CH_OK);
}

static void ask_for_prices(dice *chance, ch_buffer *packet, uint64_t id)
{
    ch_error err = CH_ERROR_INIT;
    ch_list_prices_frame list = {
        .connection = dice_below(chance, 3), .limit = (uint16_t)dice_below(chance, 4), .after = PICK(chance, pairs)};
    FUZZ_CHECK(ch_list_prices_frame_put(packet, id, &list, &err) == CH_OK);
}

static void release(dice *chance, ch_buffer *packet, uint64_t id)
{
    ch_error err = CH_ERROR_INIT;
    ch_release_frame asked = {.connection = dice_below(chance, 3),
                              .reservation = dice_below(chance, 8),
                              .is_closed = dice_chance(chance, 30)};
    FUZZ_CHECK(ch_release_frame_put(packet, id, &asked, &err) == CH_OK);
}

/* A request that waits for people: how it stands, now or later, its signature, its end. */
static void ask_for_request(dice *chance, ch_buffer *packet, uint64_t id)
{
    ch_error err = CH_ERROR_INIT;
    uint64_t connection = dice_below(chance, 3);
    uint64_t request = dice_below(chance, 8);
    ch_get_request_frame get = {
        .connection = connection, .request = request, .wait_s = (uint16_t)dice_below(chance, 3)};
    ch_fetch_frame fetch = {.connection = connection, .request = request};
    ch_withdraw_frame withdraw = {.connection = connection, .request = request};
    size_t what = dice_below(chance, 4);
    if (what == 0)
        FUZZ_CHECK(ch_withdraw_frame_put(packet, id, &withdraw, &err) == CH_OK);
    else if (what == 1)
        FUZZ_CHECK(ch_fetch_frame_put(packet, id, &fetch, &err) == CH_OK);
    else
        FUZZ_CHECK(ch_get_request_frame_put(packet, id, &get, &err) == CH_OK);
}

void fuzz_add_report(dice *chance, ch_buffer *packet)
{
    static void (*const makers[])(dice * chance, ch_buffer * packet, uint64_t id) = {
        report_prices, ask_for_limits, ask_for_prices, release, ask_for_request};
    makers[dice_below(chance, sizeof makers / sizeof *makers)](chance, packet, dice_below(chance, 1000));
}

/* ---- a relay ---- */

/* Ids as relays draw them, and seldom a text that is no id. */
static ch_slice draw_id(dice *chance)
{
    static const char *const drawn[] = {"00000000000000000000000000000001", "00000000000000000000000000000002",
                                        "00000000000000000000000000000003", "7d5c0bd3a1f94e0f8a5d0c2b9e6f1a34"};
    return dice_chance(chance, 3) ? CH_LITERAL("7D5C") : PICK(chance, drawn);
}

/* A tag is the time at which core started: as it is when nothing has moved the stage's clock before. */
static void add_relay_request(dice *chance, ch_buffer *packet)
{
    static const char *const whom[] = {"other", "relay", ""};
    const uint64_t tags[] = {0, 1, FUZZ_WALL_MS * 1000000};
    made to;
    make_request_of(chance, true, &to);
    to.sign.relay_id = draw_id(chance);
    to.sign.relay_for = dice_chance(chance, 90) ? CH_LITERAL("bot") : PICK(chance, whom);
    to.sign.errors_tag = tags[dice_below(chance, 3)];
    to.sign.is_check = dice_chance(chance, 1);
    add_and_free(chance, &to, packet);
}

/* How requests ended. */
static void add_outcomes(dice *chance, ch_buffer *packet, uint64_t id)
{
    static const char *const bodies[] = {"", "{\"code\":1}", "no", "\xff"};
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_error err = CH_ERROR_INIT;
    ch_outcomes_frame told = {0};
    for (size_t i = 1 + dice_below(chance, 3); i > 0; i--) {
        ch_ended_record end = {.relay_id = draw_id(chance), .is_sent = dice_chance(chance, 50)};
        if (end.is_sent) {
            end.status = (uint16_t)(200 + 100 * dice_below(chance, 4));
            end.body = PICK(chance, bodies);
        }
        ch_ended_record_put(&told.ends, &records, &end);
    }
    FUZZ_CHECK(ch_outcomes_frame_put(packet, id, &told, &err) == CH_OK);
}

void fuzz_add_relay_frame(dice *chance, ch_buffer *packet)
{
    size_t kind = dice_below(chance, 100);
    if (kind < 75)
        add_relay_request(chance, packet);
    else if (kind < 97)
        add_outcomes(chance, packet, 1 + dice_below(chance, 1000));
    else
        fuzz_add_frame(chance, CH_FRONT_TO_CORE, packet);
}

/* ---- a feed ---- */

void fuzz_add_held_price(ch_buffer *packet)
{
    ch_error err = CH_ERROR_INIT;
    for (size_t i = 0; i < 2; i++) {
        ch_autobuffer records = CH_BUFFER_INIT;
        ch_put_prices_frame put = {.source = CH_LITERAL("one")};
        ch_quote_record quote = {.pair = CH_LITERAL("ODD/EUR"),
                                 .price = i == 0 ? CH_LITERAL("100") : CH_LITERAL("120"),
                                 .quoted_ms = FUZZ_WALL_MS + i};
        ch_quote_record_put(&put.quotes, &records, &quote);
        FUZZ_CHECK(ch_put_prices_frame_put(packet, i, &put, &err) == CH_OK);
    }
}
