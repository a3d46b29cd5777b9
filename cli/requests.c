/* requests show, fetch and withdraw: what a caller does about requests of its own that people were asked about. */
#include "cli/asked.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/jansson.h"
#include "cli/shown_approval.h"

/* The request's path, with what follows its number. */
static ch_status path_of(const ch_arguments *arguments, const char *rest, ch_buffer *out, ch_error *err)
{
    uint64_t id = 0;
    CH_TRY(ch_shown_read_id(arguments->positional[0], &id, err));
    ch_buffer_add_format(out, "/v1/requests/%llu%s", (unsigned long long)id, rest);
    return CH_OK;
}

static ch_status run_show(const ch_arguments *arguments, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autojansson asked = NULL;
    CH_TRY(path_of(arguments, "", &path, err));
    CH_TRY(ch_client_ask(arguments, ch_buffer_text(&path), NULL, &asked, err));
    return ch_asked_print(arguments, asked, err);
}

static ch_status run_fetch(const ch_arguments *arguments, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autojansson answer = NULL;
    ch_autojansson body = json_object();
    CH_TRY(path_of(arguments, "/sign", &path, err));
    CH_TRY(ch_client_ask(arguments, ch_buffer_text(&path), body, &answer, err));
    return ch_asked_print_answer(arguments, answer, err);
}

static ch_status run_withdraw(const ch_arguments *arguments, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autojansson asked = NULL;
    CH_TRY(path_of(arguments, "", &path, err));
    CH_TRY(ch_client_delete(arguments, ch_buffer_text(&path), &asked, err));
    return ch_asked_print(arguments, asked, err);
}

#define TO_AGENT (CH_OPTION(SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON))

/* clang-format off */
const ch_command ch_commands_of_requests[] = {
    {
        .family = "requests",
        .name = "show",
        .syntax = {.positional = "ID", .positional_min = 1, .positional_max = 1, .options = TO_AGENT},
        .summary = "show how a request of yours stands that waits for people",
        .details = "ID is the number that 'chancery sign' said, of a request that needs approvals.",
        .examples = "  chancery requests show 1042\n",
        .run = run_show,
    },
    {
        .family = "requests",
        .name = "fetch",
        .syntax = {.positional = "ID", .positional_min = 1, .positional_max = 1, .options = TO_AGENT | CH_OPTION(CURL)},
        .summary = "have a request finished that people have approved",
        .details = "Prints the finished request, as 'chancery sign' does. It is signed once; again,\n"
                   "the same bytes are printed, as long as they are valid. Exits with 7 while it\n"
                   "waits.",
        .examples = "  chancery requests fetch 1042\n"
                    "  chancery requests fetch 1042 --curl\n",
        .run = run_fetch,
    },
    {
        .family = "requests",
        .name = "withdraw",
        .syntax = {.positional = "ID", .positional_min = 1, .positional_max = 1, .options = TO_AGENT},
        .summary = "withdraw a request of yours that waits for people",
        .details = "Ends it: nobody can approve it any more.",
        .examples = "  chancery requests withdraw 1042\n",
        .run = run_withdraw,
    },
    {0},
};
/* clang-format on */
