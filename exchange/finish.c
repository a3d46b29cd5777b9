/* The signatures become values like any other; then url, body and headers run, one after the other, into `sent`. */
#include "exchange/draft.h"

#include "exchange/environments_impl.h"

#include <assert.h>
#include <string.h>

/* Ends of what lies in draft->sent. */
typedef struct ends {
    size_t url;
    size_t body;
    size_t headers[CH_RECIPE_HEADERS_MAX];
} ends;

/* The position among the values of the signature of that payload. */
static size_t input_of_signature(const ch_recipe *recipe, size_t payload)
{
    return payload == 0 ? CH_BUILTIN_SIGNATURE : CH_BUILTIN_COUNT + recipe->value_count + payload - 1;
}

static ch_status take_signatures(ch_draft *draft, const ch_payloads *signatures, ch_error *err)
{
    size_t wanted = draft->recipe->payload_count;
    if (signatures->count != wanted)
        return ch_fail(err, CH_INTERNAL, "%zu signatures came for %zu payloads", signatures->count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        ch_buffer *text = &draft->signatures[i];
        ch_buffer_clear(text);
        ch_scheme_add_signature(draft->scheme, signatures->items[i], text);
        draft->inputs[input_of_signature(draft->recipe, i)] = ch_buffer_slice(text);
    }
    return CH_OK;
}

bool ch_header_may_hold(ch_slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7e)
            return false;
    }
    return true;
}

static ch_status run_headers(ch_draft *draft, ends *out, ch_error *err)
{
    const ch_recipe *recipe = draft->recipe;
    for (size_t i = 0; i < recipe->header_count; i++) {
        size_t begin = draft->sent.size;
        CH_TRY(ch_draft_run(draft, &recipe->headers[i].text, &draft->sent, err));
        out->headers[i] = draft->sent.size;
        if (!ch_header_may_hold((ch_slice){draft->sent.data + begin, draft->sent.size - begin}))
            return ch_fail(
                err, CH_CONFIG,
                "header %s would hold bytes that a header can't; see key_id and passphrase in the policy, and "
                "the profile",
                recipe->headers[i].name);
    }
    return CH_OK;
}

static ch_status run_all(ch_draft *draft, ends *out, ch_error *err)
{
    ch_buffer_clear(&draft->sent);
    CH_TRY(ch_draft_run(draft, &draft->recipe->url, &draft->sent, err));
    out->url = draft->sent.size;
    CH_TRY(ch_draft_run(draft, &draft->recipe->body, &draft->sent, err));
    out->body = draft->sent.size;
    return run_headers(draft, out, err);
}

/* A header that came out empty is not sent: {body|then:application/json} */
static void list_headers(const ch_draft *draft, const ends *at, ch_finished *out)
{
    size_t begin = at->body;
    out->header_count = 0;
    for (size_t i = 0; i < draft->recipe->header_count; i++) {
        size_t size = at->headers[i] - begin;
        if (size > 0)
            out->headers[out->header_count++] = (ch_header){
                ch_slice_of(draft->recipe->headers[i].name), {draft->sent.data + begin, size}
            };
        begin = at->headers[i];
    }
}

/* A message on a socket has no headers. */
static void add_environment(const ch_draft *draft, ch_finished *out)
{
    const ch_environment *environment = draft->environment;
    for (size_t i = 0; i < environment->header_count && strcmp(draft->endpoint->method, "WS") != 0; i++) {
        const ch_environment_header *header = &environment->headers[i];
        assert(out->header_count < CH_HEADERS_MAX);
        out->headers[out->header_count++] = (ch_header){ch_slice_of(header->name), ch_slice_of(header->text)};
    }
}

ch_status ch_recipe_finish(ch_draft *draft, const ch_payloads *signatures, ch_finished *out, ch_error *err)
{
    ends at = {0};
    ch_draft_assert(draft);
    CH_TRY(take_signatures(draft, signatures, err));
    CH_TRY(run_all(draft, &at, err));
    out->method = draft->inputs[CH_BUILTIN_METHOD];
    out->url = (ch_slice){draft->sent.data, at.url};
    out->body = (ch_slice){draft->sent.data + at.url, at.body - at.url};
    list_headers(draft, &at, out);
    add_environment(draft, out);
    return CH_OK;
}
