/* What is known first, then lists, values and payloads, in this order: each uses only what is above it. */
#include "exchange/draft.h"

#include "base/memory.h"
#include "exchange/ambiguity.h"
#include "exchange/seams.h"

#include <assert.h>
#include <stdlib.h>

/* Of the first payload and the values together: what is sent must fit a frame beside the rest of it. */
#define REQUEST_BYTES_MAX 32768

_Static_assert(CH_RECIPE_HEADERS_MAX <= CH_HEADERS_MAX, "a recipe's headers must fit ch_finished");
_Static_assert(CH_RECIPE_PAYLOADS_MAX <= CH_PAYLOADS_MAX, "a recipe's payloads must fit ch_payloads");

ch_draft *ch_draft_new(ch_scratch *scratch)
{
    ch_draft *draft = ch_alloc(sizeof *draft);
    draft->scratch = scratch;
    return draft;
}

void ch_draft_free(ch_draft *draft)
{
    if (draft == NULL)
        return;
    ch_buffer_free(&draft->path);
    ch_buffer_free(&draft->digits);
    ch_buffer_free(&draft->sent);
    for (size_t i = 0; i < CH_PAYLOADS_MAX; i++) {
        ch_buffer_free(&draft->payloads[i]);
        ch_buffer_free(&draft->signatures[i]);
    }
    for (size_t i = 0; i < CH_RECIPE_VALUES_MAX; i++)
        ch_buffer_free(&draft->values[i]);
    for (size_t i = 0; i < CH_RECIPE_LISTS_MAX; i++)
        ch_buffer_free(&draft->fields[i]);
    free(draft);
}

void ch_draft_assert(const ch_draft *draft)
{
    assert(draft->scratch != NULL && draft->recipe != NULL);
    assert(draft->recipe == draft->endpoint->recipes[draft->scheme->index]);
    assert(draft->recipe->payload_count > 0 && draft->recipe->payload_count <= CH_PAYLOADS_MAX);
    for (size_t i = 0; i < draft->recipe->list_count; i++)
        assert(draft->lists[i].count <= CH_LIST_ITEMS_MAX);
}

ch_status ch_draft_run(ch_draft *draft, const ch_template *text, ch_buffer *out, ch_error *err)
{
    ch_template_input input = {draft->inputs, draft->lists};
    return ch_template_run(text, &input, draft->scratch, out, err);
}

static ch_status make_values(ch_draft *draft, size_t *size_bytes, ch_error *err)
{
    const ch_recipe *recipe = draft->recipe;
    for (size_t i = 0; i < recipe->value_count; i++) {
        ch_buffer_clear(&draft->values[i]);
        CH_TRY(ch_draft_run(draft, &recipe->values[i].text, &draft->values[i], err));
        draft->inputs[CH_BUILTIN_COUNT + i] = ch_buffer_slice(&draft->values[i]);
        *size_bytes += draft->values[i].size;
    }
    return CH_OK;
}

/* `ends` is where the parts of the message end. */
static ch_status make_message(ch_draft *draft, size_t *size_bytes, size_t *ends, ch_error *err)
{
    ch_template_input input = {draft->inputs, draft->lists};
    *size_bytes = 0;
    CH_TRY(make_values(draft, size_bytes, err));
    ch_buffer_clear(&draft->payloads[0]);
    return ch_template_run_marked(&draft->recipe->payloads[0].text, &input, draft->scratch, &draft->payloads[0], ends,
                                  err);
}

/* If the message could be cut in another way, another order of the parameters may help. */
static ch_status make_clean_message(ch_draft *draft, size_t *size_bytes, ch_error *err)
{
    size_t ends[CH_TEMPLATE_PARTS_MAX];
    const ch_seam_input whose = {draft->recipe, draft->endpoint, ch_buffer_slice(&draft->path)};
    CH_TRY(make_message(draft, size_bytes, ends, err));
    ch_seam seam = ch_seams_check(&whose, ch_buffer_slice(&draft->payloads[0]), ends);
    if (seam == CH_SEAM_IN_QUERY && ch_draft_put_words_last(draft)) {
        CH_TRY(make_message(draft, size_bytes, ends, err));
        seam = ch_seams_check(&whose, ch_buffer_slice(&draft->payloads[0]), ends);
    }
    if (seam == CH_SEAM_CLEAN)
        return CH_OK;
    return ch_fail(err, CH_BAD_INPUT,
                   "the %s ends in a digit, which this exchange's signature can't tell from the number that follows%s",
                   seam == CH_SEAM_IN_PATH ? "path" : "query",
                   seam == CH_SEAM_IN_PATH ? "" : "; send a parameter that ends in something else");
}

static ch_status make_payloads(ch_draft *draft, ch_payloads *out, ch_error *err)
{
    const ch_recipe *recipe = draft->recipe;
    out->count = recipe->payload_count;
    out->items[0] = ch_buffer_slice(&draft->payloads[0]);
    for (size_t i = 1; i < out->count; i++) {
        ch_buffer_clear(&draft->payloads[i]);
        CH_TRY(ch_draft_run(draft, &recipe->payloads[i].text, &draft->payloads[i], err));
        out->items[i] = ch_buffer_slice(&draft->payloads[i]);
    }
    return CH_OK;
}

ch_status ch_recipe_build(const ch_recipe_input *input, ch_draft *draft, ch_payloads *out, ch_error *err)
{
    assert(input->endpoint->profile == input->profile);
    assert(ch_environment_has(input->environment, input->endpoint));
    draft->recipe = input->endpoint->recipes[input->scheme->index];
    draft->endpoint = input->endpoint;
    draft->scheme = input->scheme;
    draft->environment = input->environment;
    ch_draft_assert(draft);
    size_t size_bytes = 0;
    if (draft->recipe->has_joined_list)
        CH_TRY(ch_ambiguity_check(input->request, input->endpoint, err));
    ch_draft_set_known(draft, input);
    CH_TRY(ch_draft_make_lists(draft, input->request, err));
    CH_TRY(make_clean_message(draft, &size_bytes, err));
    CH_TRY(make_payloads(draft, out, err));
    if (size_bytes + out->items[0].size > REQUEST_BYTES_MAX)
        return ch_fail(err, CH_TOO_LARGE,
                       "the request is larger than %d bytes when it is encoded; send fewer or shorter parameters",
                       REQUEST_BYTES_MAX);
    return CH_OK;
}
