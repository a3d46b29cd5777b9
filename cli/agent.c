/* status, keys and sign: what the agent offers over HTTP, for people and for shell scripts. */
#include "base/encode.h"
#include "base/memory.h"
#include "base/slice.h"
#include "cli/client.h"
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_int_t count_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_status(const json_t *status)
{
    static const ch_column columns[] = {
        {"TOKEN",  "name"  },
        {"STATE",  "state" },
        {"DETAIL", "detail"}
    };
    json_int_t uptime_s = count_of(status, "uptime_s");
    (void)printf("Agent ");
    ch_output_text(ch_jansson_member(status, "version"));
    (void)printf(", up for %" JSON_INTEGER_FORMAT " h %02d min, %s\n", uptime_s / 3600, (int)(uptime_s / 60 % 60),
                 json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready");
    (void)printf("Requests: %" JSON_INTEGER_FORMAT " signed, %" JSON_INTEGER_FORMAT " refused, %" JSON_INTEGER_FORMAT
                 " failed\n\n",
                 count_of(status, "signed"), count_of(status, "refused"), count_of(status, "failed"));
    ch_output_table(json_object_get(status, "tokens"), columns, sizeof columns / sizeof columns[0]);
}

ch_status ch_run_status(const ch_arguments *arguments, ch_error *err)
{
    ch_autojansson status = NULL;
    ch_status st = ch_client_ask(arguments, "/v1/status", NULL, &status, err);
    if (st != CH_OK)
        return st;
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(status, err);
    print_status(status);
    return CH_OK;
}

ch_status ch_run_keys(const ch_arguments *arguments, ch_error *err)
{
    static const ch_column columns[] = {
        {"KEY",     "name"   },
        {"PROFILE", "profile"},
        {"SCHEME",  "scheme" },
        {"TOKEN",   "token"  },
        {"READY",   "ready"  },
        {"KEY ID",  "key_id" }
    };
    ch_autojansson answer = NULL;
    ch_status st = ch_client_ask(arguments, "/v1/keys", NULL, &answer, err);
    if (st != CH_OK)
        return st;
    return ch_output_listing(arguments, "keys", json_object_get(answer, "keys"), columns,
                             sizeof columns / sizeof columns[0], "The agent has no keys that you may use.", err);
}

/* What JSON writes, save text and numbers with a fraction, which are given as name=value; NULL for anything else. */
static json_t *typed_value(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_string(value) && !json_is_real(value))
        return value;
    json_decref(value);
    return NULL;
}

/* "name=value" is text, "name:=value" JSON. The error names the parameter only. */
static ch_status add_parameter(json_t *params, const char *word, ch_error *err)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL || equals == word || (equals == word + 1 && *word == ':'))
        return ch_fail(err, CH_BAD_INPUT, "after KEY METHOD PATH come parameters as name=value or name:=value");
    bool is_typed = equals[-1] == ':';
    ch_slice name_bytes = {(const uint8_t *)word, (size_t)(equals - word) - (is_typed ? 1 : 0)};
    ch_autofree char *name = ch_slice_strdup(name_bytes);
    if (json_object_get(params, name) != NULL)
        return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is given twice", name);
    json_t *value = is_typed ? typed_value(equals + 1) : json_string(equals + 1);
    if (value == NULL)
        return ch_fail(err, CH_BAD_INPUT, "parameter '%s' is not %s", name,
                       is_typed ? "an integer, true, false, null, a list or an object; write name=value for text"
                                : "text in UTF-8");
    if (json_object_set_new(params, name, value) != 0)
        return ch_fail(err, CH_BAD_INPUT, "a parameter's name is not text in UTF-8");
    return CH_OK;
}

static const char *header_value(void *at)
{
    const char *value = json_string_value(json_object_iter_value(at));
    return value == NULL ? "" : value;
}

/* In single quotes nothing is special to a shell but the quote itself. */
static void print_quoted(const char *text)
{
    (void)putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            (void)fputs("'\\''", stdout);
        else
            (void)putchar(*text);
    }
    (void)putchar('\'');
}

/* --globoff and --data-raw: curl must not read brackets or a leading '@' its own way. */
static void print_curl(const json_t *request)
{
    (void)printf("curl --globoff --request ");
    print_quoted(ch_jansson_member(request, "method"));
    json_t *headers = json_object_get(request, "headers");
    for (void *at = json_object_iter(headers); at != NULL; at = json_object_iter_next(headers, at)) {
        ch_autobuffer header = CH_BUFFER_INIT;
        ch_buffer_add_format(&header, "%s: %s", json_object_iter_key(at), header_value(at));
        (void)printf(" \\\n  --header ");
        print_quoted(ch_buffer_text(&header));
    }
    if (*ch_jansson_member(request, "body") != '\0') {
        (void)printf(" \\\n  --data-raw ");
        print_quoted(ch_jansson_member(request, "body"));
    }
    (void)printf(" \\\n  --url ");
    print_quoted(ch_jansson_member(request, "url"));
    (void)putchar('\n');
}

static void print_line(const char *before, const char *between, const char *after)
{
    ch_output_text(before);
    (void)fputs(between, stdout);
    ch_output_text(after);
    (void)putchar('\n');
}

static void print_request(const json_t *request)
{
    print_line(ch_jansson_member(request, "method"), " ", ch_jansson_member(request, "url"));
    json_t *headers = json_object_get(request, "headers");
    for (void *at = json_object_iter(headers); at != NULL; at = json_object_iter_next(headers, at))
        print_line(json_object_iter_key(at), ": ", header_value(at));
    if (*ch_jansson_member(request, "body") != '\0')
        print_line("", "\n", ch_jansson_member(request, "body"));
}

/* Parameters by name or, as ":=[...]" alone, the list that is the whole body. */
static ch_status read_parameters(const char *const *words, size_t count, json_t **out, ch_error *err)
{
    if (count == 1 && strncmp(words[0], ":=", 2) == 0) {
        *out = typed_value(words[0] + 2);
        return json_is_array(*out) ? CH_OK : ch_fail(err, CH_BAD_INPUT, "without a name, the body is a list in JSON");
    }
    *out = json_object();
    ch_status st = CH_OK;
    for (size_t i = 0; st == CH_OK && i < count; i++)
        st = add_parameter(*out, words[i], err);
    return st;
}

ch_status ch_run_sign(const ch_arguments *arguments, ch_error *err)
{
    const char **word = arguments->positional;
    ch_autojansson params = NULL;
    ch_status st = read_parameters(word + 3, arguments->positional_count - 3, &params, err);
    if (st != CH_OK)
        return st;
    ch_autojansson body = json_pack("{s:s s:s s:O s:s*}", "method", word[1], "path", word[2], "params", params, "host",
                                    arguments->option[CH_OPT_HOST]);
    if (body == NULL)
        return ch_fail(err, CH_BAD_INPUT, "METHOD, PATH and HOST must be text in UTF-8");
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_text(&path, "/v1/keys/");
    ch_encode_percent(&path, ch_slice_of(word[0]), "");
    ch_buffer_add_text(&path, "/sign");
    ch_autojansson request = NULL;
    st = ch_client_ask(arguments, ch_buffer_text(&path), body, &request, err);
    if (st != CH_OK)
        return st;
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(request, err);
    if (arguments->option[CH_OPT_CURL] != NULL)
        print_curl(request);
    else
        print_request(request);
    return CH_OK;
}
