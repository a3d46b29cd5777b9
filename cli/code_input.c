#include "cli/code_input.h"

#include "cli/terminal.h"

#include <string.h>

#define DIGITS_MIN 6
#define DIGITS_MAX 8
#define LINE_MAX_BYTES 4096

const ch_input_question ch_code_question = {.descriptor = CH_OPT_CODE_FD, .name = "the code", .prompt = "Code: "};

/* Apps show codes in two groups, and people type them so. */
static ch_status take_digits(const ch_secret *typed, size_t size, ch_secret *out, ch_error *err)
{
    ch_autosecret digits = CH_SECRET_INIT;
    size_t count = 0;
    CH_TRY(ch_secret_alloc(&digits, size + 1, err));
    for (size_t i = 0; i < size; i++) {
        if (typed->data[i] != ' ')
            digits.data[count++] = typed->data[i];
    }
    bool is_code = count >= DIGITS_MIN && count <= DIGITS_MAX;
    for (size_t i = 0; i < count && is_code; i++)
        is_code = digits.data[i] >= '0' && digits.data[i] <= '9';
    if (!is_code)
        return ch_fail(err, CH_BAD_INPUT,
                       "a code has %d to %d digits, and nothing was tried with what was given; the "
                       "app that scanned the seed shows one",
                       DIGITS_MIN, DIGITS_MAX);
    CH_TRY(ch_secret_alloc(out, count, err));
    memcpy(out->data, digits.data, count);
    return CH_OK;
}

ch_status ch_input_code(const ch_arguments *arguments, ch_secret *out, ch_error *err)
{
    ch_autosecret typed = CH_SECRET_INIT;
    CH_TRY(ch_input_secret(arguments, &ch_code_question, NULL, &typed, err));
    return take_digits(&typed, typed.size, out, err);
}

ch_status ch_input_new_code(ch_secret *out, ch_error *err)
{
    ch_autosecret line = CH_SECRET_INIT;
    size_t size = 0;
    CH_TRY(ch_secret_alloc(&line, LINE_MAX_BYTES, err));
    CH_TRY(ch_terminal_ask_secret("Code that the app shows: ", "the code", &line, &size, err));
    return take_digits(&line, size, out, err);
}

ch_status ch_secrets_join(const ch_secret *const *parts, size_t count, ch_secret *out, ch_error *err)
{
    size_t size = count - 1;
    for (size_t i = 0; i < count; i++)
        size += parts[i]->size;
    CH_TRY(ch_secret_alloc(out, size, err));
    uint8_t *at = out->data;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = '\0';
        if (parts[i]->size > 0)
            memcpy(at, parts[i]->data, parts[i]->size);
        at += parts[i]->size;
    }
    return CH_OK;
}
