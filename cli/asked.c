#include "cli/asked.h"

#include "base/buffer.h"
#include "base/utc.h"
#include "cli/finished.h"
#include "cli/jansson.h"
#include "cli/output.h"

#include <stdio.h>

#define MS_A_S 1000

/* Returns false for a finished request. */
static bool is_asked(const json_t *answer)
{
    return json_object_get(answer, "state") != NULL && json_object_get(answer, "needs") != NULL;
}

static json_int_t number(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

/* "request 7 is waiting: 1 of 2 approvals, until 2027-01-31T09:30:00Z" */
static void say(const json_t *asked, ch_buffer *out)
{
    const json_t *needs = json_object_get(asked, "needs");
    char until[CH_UTC_TEXT_SIZE];
    ch_buffer_add_format(out, "request %" JSON_INTEGER_FORMAT " is %s", number(asked, "id"),
                         ch_jansson_member(asked, "state"));
    if (number(needs, "approvals") > 0)
        ch_buffer_add_format(out, ": %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " approvals",
                             number(asked, "given"), number(needs, "approvals"));
    if (json_object_get(asked, "expires_ms") != NULL) {
        ch_utc_text((uint64_t)number(asked, "expires_ms") / MS_A_S, until);
        ch_buffer_add_format(out, ", until %s", until);
    }
    if (*ch_jansson_member(asked, "why") != '\0')
        ch_buffer_add_format(out, ": %s", ch_jansson_member(asked, "why"));
}

ch_status ch_asked_print(const ch_arguments *arguments, const json_t *asked, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(asked, err);
    say(asked, &text);
    ch_output_text(ch_buffer_text(&text));
    puts("");
    return CH_OK;
}

ch_status ch_asked_print_answer(const ch_arguments *arguments, const json_t *answer, ch_error *err)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    bool is_json = arguments->option[CH_OPT_JSON] != NULL;
    if (is_json)
        CH_TRY(ch_output_json(answer, err));
    if (is_asked(answer)) {
        say(answer, &text);
        return ch_fail(
            err, CH_UNAVAILABLE,
            "%s; when people have agreed, have it signed with: chancery requests fetch %" JSON_INTEGER_FORMAT,
            ch_buffer_text(&text), number(answer, "id"));
    }
    if (!is_json && arguments->option[CH_OPT_CURL] != NULL)
        ch_finished_print_curl(answer);
    else if (!is_json)
        ch_finished_print(answer);
    return CH_OK;
}
