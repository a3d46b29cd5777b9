/* Credentials are dummies: the agent drops whatever an SDK signs with. They have the shape that the SDK wants, since
 * some decode a secret before they use it. The token is read by the bot from its file, so nothing here is secret. */
#include "cli/bots.h"

#include "exchange/doctor.h"
#include "exchange/secret_shape.h"

#include <assert.h>
#include <string.h>

#define DUMMY "held-by-chancery"
#define BASE64_SIZE 88

typedef enum language { JS, PYTHON, JSON, SHELL, LANGUAGE_COUNT } language;

typedef struct bot_row {
    ch_bot_framework framework;
    language language;
    const char *text;
} bot_row;

#define CCXT(...)
/* clang-format off */
static const bot_row bots[] = {
#define BOT(name, lang, profiles, title, text) {{name, title, profiles}, lang, text},
#include "cli/bots.def"
#undef BOT
};
/* clang-format on */
#undef CCXT

typedef enum ccxt_mode { LIVE, SANDBOX, DEMO } ccxt_mode;

typedef struct ccxt_row {
    const char *profile;
    const char *environment;
    const char *class_;
    ccxt_mode mode;
    const char *host;
} ccxt_row;

#define BOT(...)
/* clang-format off */
static const ccxt_row classes[] = {
#define CCXT(profile, environment, class, mode, host) {profile, environment, class, mode, host},
#include "cli/bots.def"
#undef CCXT
};
/* clang-format on */
#undef BOT

#define BOT_COUNT (sizeof bots / sizeof bots[0])
#define CLASS_COUNT (sizeof classes / sizeof classes[0])

/* clang-format off */
/* How a bot learns token and address. */
static const char *const preambles[LANGUAGE_COUNT] = {
    [JS] =
        "import { readFileSync } from 'node:fs';\n"
        "\n"
        "{?ca}// Node must be started with NODE_EXTRA_CA_CERTS={ca}\n"
        "const token = readFileSync('{token_file}', 'utf8').trim();\n"
        "const relay = `{url}/${token}/{key}`;\n"
        "\n",
    [PYTHON] =
        "from pathlib import Path\n"
        "\n"
        "{?ca}# Python must be started with REQUESTS_CA_BUNDLE={ca}\n"
        "token = Path(\"{token_file}\").read_text().strip()\n"
        "relay = f\"{url}/{token}/{key}\"\n"
        "\n",
    [JSON] = "",
    [SHELL] =
        "options=()\n"
        "{?port}relay=\"{url}/$(cat '{token_file}')/{key}\"\n"
        "{?socket}options+=(--unix-socket '{socket}')\n"
        "{?socket}relay=\"{url}/{key}\"\n",
};
/* clang-format on */

const ch_bot_framework *ch_bot_framework_at(size_t index)
{
    return index < BOT_COUNT ? &bots[index].framework : NULL;
}

const ch_bot_framework *ch_bot_framework_find(const char *name)
{
    for (size_t i = 0; i < BOT_COUNT; i++) {
        if (strcmp(bots[i].framework.name, name) == 0)
            return &bots[i].framework;
    }
    return NULL;
}

/* ---- what a template may name ---- */

typedef enum value {
    VALUE_CLASS,
    VALUE_SECRET,
    VALUE_URL,
    VALUE_KEY,
    VALUE_TOKEN_FILE,
    VALUE_CA,
    VALUE_SOCKET,
    VALUE_HOST,
    VALUE_METHOD,
    VALUE_PATH,
    /* Only conditions: */
    VALUE_PORT,
    VALUE_PHRASE,
    VALUE_SANDBOX,
    VALUE_DEMO,
    VALUE_POST,
    VALUE_COUNT
} value;

/* Names, and texts; NULL: it does not hold. */
typedef struct values {
    const char *texts[VALUE_COUNT];
    ch_buffer secret;
} values;

static const char *const names[VALUE_COUNT] = {
    [VALUE_CLASS] = "class", [VALUE_SECRET] = "secret",         [VALUE_URL] = "url",   [VALUE_KEY] = "key",
    [VALUE_PORT] = "port",   [VALUE_TOKEN_FILE] = "token_file", [VALUE_CA] = "ca",     [VALUE_SOCKET] = "socket",
    [VALUE_HOST] = "host",   [VALUE_METHOD] = "method",         [VALUE_PATH] = "path", [VALUE_PHRASE] = "phrase",
    [VALUE_DEMO] = "demo",   [VALUE_SANDBOX] = "sandbox",       [VALUE_POST] = "post",
};

/* Returns the value of that name, or VALUE_COUNT: then the brace is the language's own. */
static value find_name(ch_slice name)
{
    value i = 0;
    while (i < VALUE_COUNT && !ch_slice_is(name, names[i]))
        i++;
    return i;
}

/* ---- dummies ---- */

static const ch_scheme *hmac_of(const ch_profile *profile)
{
    const ch_scheme *scheme = NULL;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        if (strncmp(ch_scheme_mechanism(scheme), "hmac", 4) == 0)
            return scheme;
    }
    return ch_profile_scheme_at(profile, 0);
}

/* Zeros: of any alphabet but base64, whose text must have an end. */
static void add_dummy(const ch_scheme *scheme, ch_buffer *out)
{
    const ch_secret_shape *shape = ch_scheme_secret_shape(scheme);
    bool is_base64 = ch_scheme_secret_encoding(scheme) == CH_ENCODE_BASE64;
    if (shape == NULL && !is_base64) {
        ch_buffer_add_text(out, DUMMY);
        return;
    }
    size_t size = shape != NULL ? shape->max : BASE64_SIZE;
    size_t end = is_base64 ? 2 : 0;
    for (size_t i = 0; i < size; i++)
        ch_buffer_add_byte(out, i + end >= size ? '=' : is_base64 ? 'A' : '0');
}

static bool has_phrase(const ch_profile *profile)
{
    const ch_scheme *scheme = NULL;
    for (size_t i = 0; (scheme = ch_profile_scheme_at(profile, i)) != NULL; i++) {
        if (ch_scheme_phrase_use(profile, scheme) != CH_PHRASE_UNUSED)
            return true;
    }
    return false;
}

/* ---- filling in ---- */

static const char *text_if(bool holds)
{
    return holds ? "" : NULL;
}

static const ccxt_row *find_class(const char *profile, const char *environment)
{
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        if (strcmp(classes[i].profile, profile) == 0 && strcmp(classes[i].environment, environment) == 0)
            return &classes[i];
    }
    return NULL;
}

static void set_values(const ch_bot_settings *settings, const ccxt_row *class_, values *out)
{
    const ch_doctor *doctor = ch_profile_doctor(settings->profile);
    const ch_doctor_call *call = doctor == NULL            ? NULL
                                 : doctor->time.at != NULL ? &doctor->time.call
                                                           : &doctor->checks[0].call;
    bool is_post = call != NULL && call->is_post;
    add_dummy(hmac_of(settings->profile), &out->secret);
    out->texts[VALUE_SECRET] = ch_buffer_text(&out->secret);
    out->texts[VALUE_URL] = settings->url;
    out->texts[VALUE_KEY] = settings->key;
    out->texts[VALUE_TOKEN_FILE] = settings->token_path;
    out->texts[VALUE_CA] = settings->ca_path;
    out->texts[VALUE_SOCKET] = settings->socket_path;
    out->texts[VALUE_PORT] = text_if(settings->socket_path == NULL);
    out->texts[VALUE_PATH] = call == NULL ? "/" : call->path;
    out->texts[VALUE_METHOD] = is_post ? "post" : "get";
    out->texts[VALUE_POST] = text_if(is_post);
    out->texts[VALUE_PHRASE] = text_if(has_phrase(settings->profile));
    if (class_ == NULL)
        return;
    out->texts[VALUE_CLASS] = class_->class_;
    out->texts[VALUE_HOST] = *class_->host == '\0' ? NULL : class_->host;
    out->texts[VALUE_SANDBOX] = text_if(class_->mode == SANDBOX);
    out->texts[VALUE_DEMO] = text_if(class_->mode == DEMO);
}

/* One line of a template, with its end. */
static void fill_line(ch_slice line, const values *from, ch_buffer *out)
{
    while (line.size > 0) {
        const uint8_t *end = line.data[0] == '{' ? ch_slice_find(line, '}') : NULL;
        size_t size = end == NULL ? 0 : (size_t)(end - line.data) - 1;
        value name = end == NULL ? VALUE_COUNT : find_name((ch_slice){line.data + 1, size});
        if (name == VALUE_COUNT) {
            ch_buffer_add_byte(out, line.data[0]);
            line = ch_slice_after(line, 1);
            continue;
        }
        assert(from->texts[name] != NULL);
        ch_buffer_add_text(out, from->texts[name]);
        line = ch_slice_after(line, size + 2);
    }
}

/* Takes the condition of a line away. Returns whether it holds. */
static bool take_condition(ch_slice *line, const values *from)
{
    if (line->size < 3 || line->data[0] != '{' || line->data[1] != '?')
        return true;
    const uint8_t *end = ch_slice_find(*line, '}');
    size_t size = (size_t)(end - line->data) - 2;
    value name = find_name((ch_slice){line->data + 2, size});
    assert(name < VALUE_COUNT);
    *line = ch_slice_after(*line, size + 3);
    return from->texts[name] != NULL;
}

static void fill(const char *text, const char *preamble, const values *from, ch_buffer *out)
{
    static const char mark[] = "{preamble}";
    while (*text != '\0') {
        size_t size = strcspn(text, "\n") + 1;
        ch_slice line = {(const uint8_t *)text, size};
        if (strncmp(text, mark, sizeof mark - 1) == 0) {
            fill(preamble, "", from, out);
            text += sizeof mark - 1;
            continue;
        }
        if (take_condition(&line, from))
            fill_line(line, from, out);
        text += size;
    }
}

/* ---- what fits ---- */

static bool lists(const char *profiles, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = strstr(profiles, name); at != NULL; at = strstr(at + 1, name)) {
        if ((at == profiles || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return true;
    }
    return *profiles == '\0';
}

/* Texts stand between quotes of any kind, and in URLs. */
static ch_status check_texts(const values *from, ch_error *err)
{
    for (value i = 0; i < VALUE_COUNT; i++) {
        const char *text = from->texts[i];
        if (text != NULL && strpbrk(text, "'\"`\\$\r\n") != NULL)
            return ch_fail(err, CH_BAD_INPUT, "'%s' cannot stand in a bot's source; use a path without quotes", text);
    }
    return CH_OK;
}

static ch_status check_fit(const bot_row *bot, const ch_bot_settings *settings, const ccxt_row *class_, ch_error *err)
{
    const char *profile = ch_profile_name(settings->profile);
    bool is_ccxt = strcmp(bot->framework.profiles, "ccxt") == 0;
    if (is_ccxt ? class_ == NULL : !lists(bot->framework.profiles, profile))
        return ch_fail(err, CH_NOT_FOUND, "%s does not know %s%s%s; 'chancery bot list' says what each knows",
                       bot->framework.name, profile, is_ccxt ? " in environment " : "",
                       is_ccxt ? settings->environment : "");
    if (bot->language == JSON && class_->mode != LIVE)
        return ch_fail(err, CH_NOT_FOUND, "%s does not know environment %s of %s", bot->framework.name,
                       settings->environment, profile);
    if (settings->socket_path != NULL && bot->language != SHELL)
        return ch_fail(err, CH_BAD_INPUT, "%s cannot ask a Unix socket; give the bot a port of the relay's",
                       bot->framework.name);
    return CH_OK;
}

ch_status ch_bot_write(const ch_bot_framework *framework, const ch_bot_settings *settings, ch_buffer *out,
                       ch_error *err)
{
    const bot_row *bot = bots;
    while (&bot->framework != framework)
        bot++;
    const ccxt_row *class_ = find_class(ch_profile_name(settings->profile), settings->environment);
    values from = {.secret = CH_BUFFER_INIT};
    CH_TRY(check_fit(bot, settings, class_, err));
    set_values(settings, class_, &from);
    ch_status st = check_texts(&from, err);
    if (st == CH_OK)
        fill(bot->text, preambles[bot->language], &from, out);
    ch_buffer_free(&from.secret);
    return st;
}
