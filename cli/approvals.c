/* approvals list, show, approve and deny: what waits for people.
 *
 * What is approved is what was shown: the approval names the digest that came with the words. Until it is sent, nothing
 * has happened, so Ctrl-C at a prompt leaves nothing. */
#include "cli/shown_approval.h"
#include "cli/code_input.h"
#include "cli/commands.h"
#include "cli/dialog.h"
#include "cli/jansson.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "cli/trading_row.h"
#include "wire/channel.h"
#include "wire/frames.h"

#include <stdio.h>

#define MS_A_S 1000

/* ---- list ---- */

typedef struct page {
    json_t *rows;
    uint64_t last; /* the last id on it */
    bool is_last;
} page;

static ch_status take_page(void *context, ch_frame *frame, ch_error *err)
{
    page *self = context;
    ch_approvals_are_frame answer;
    ch_listed_approval_record row;
    CH_TRY(ch_approvals_are_frame_get(frame, &answer, err));
    self->is_last = answer.is_last || answer.rows.count == 0;
    while (ch_listed_approval_record_next(&answer.rows, &row)) {
        json_t *object =
            json_pack("{s:I s:o s:o s:o s:o s:o s:o s:I s:I}", "id", (json_int_t)row.id, "state",
                      ch_jansson_slice(row.state), "what", ch_jansson_slice(row.what), "key", ch_jansson_slice(row.key),
                      "callers", ch_jansson_slice(row.callers), "asked", ch_time_json(row.asked_ms / MS_A_S, ""),
                      "expires", ch_time_json(row.expires_ms / MS_A_S, ""), "approvals", (json_int_t)row.approvals,
                      "given", (json_int_t)row.given);
        json_array_append_new(self->rows, object);
        self->last = row.id;
    }
    return CH_OK;
}

static ch_status read_page(const ch_arguments *arguments, page *self, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    const ch_dialog_part part = {CH_FRAME_APPROVALS_ARE, self, take_page, NULL};
    const ch_approval_list_frame ask = {
        .version = CH_FRAMES_VERSION, .after = self->last, .is_all = arguments->option[CH_OPT_ALL] != NULL};
    self->is_last = true;
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_approval_list_frame_put(ch_channel_out(&channel), 0, &ask, err));
    return ch_dialog_ask(&channel, &part, err);
}

static ch_status run_list(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title     member */
        { "ID",       "id" },
        { "STATE",    "state" },
        { "GIVEN",    "given" },
        { "OF",       "approvals" },
        { "UNTIL",    "expires" },
        { "CALLER",   "callers" },
        { "KEY",      "key" },
        { "WHAT",     "what" },
        {0},
    };
    /* clang-format on */
    ch_autojansson rows = json_array();
    page pages = {.rows = rows};
    do
        CH_TRY(read_page(arguments, &pages, err));
    while (!pages.is_last);
    return ch_output_listing(arguments, "approvals", rows, columns, "Nothing waits for people.", err);
}

/* ---- show ---- */

static ch_status find(const ch_arguments *arguments, ch_shown_approval *out, ch_error *err)
{
    uint64_t id = 0;
    CH_TRY(ch_shown_read_id(arguments->positional[0], &id, err));
    return ch_shown_ask(arguments, id, out, err);
}

static ch_status run_show(const ch_arguments *arguments, ch_error *err)
{
    ch_autoshown shown = {0};
    CH_TRY(find(arguments, &shown, err));
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(shown.object, err);
    ch_shown_print(&shown);
    puts("");
    ch_shown_print_state(&shown);
    return CH_OK;
}

/* ---- approve and deny ---- */

/* Asks for a code. If people have no codes, it asks for a yes instead. */
static ch_status ask_person(const ch_arguments *arguments, bool takes_code, ch_secret *code, ch_error *err)
{
    if (takes_code)
        return ch_input_code(arguments, code, err);
    if (arguments->option[CH_OPT_CODE_FD] != NULL)
        return ch_fail(err, CH_BAD_INPUT, "people have no codes in the agent's policy; leave --code-fd out");
    if (arguments->option[CH_OPT_YES] == NULL)
        CH_TRY(ch_input_confirm("Approve this request? [y/N] ", err));
    return ch_secret_alloc_empty(code, err);
}

static ch_status give(const ch_arguments *arguments, const ch_shown_approval *shown, const ch_secret *code,
                      ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    const ch_approval_give_frame ask = {
        .version = CH_FRAMES_VERSION, .approval = shown->id, .digest = {shown->digest, shown->digest_size}
    };
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_channel_attach_secret(&channel, code, err));
    CH_TRY(ch_approval_give_frame_put(ch_channel_out(&channel), 0, &ask, err));
    return ch_dialog_ask(&channel, NULL, err);
}

/* Says how the request stands now. If the agent cannot be asked, the approval or denial counts all the same. */
static ch_status report(const ch_arguments *arguments, uint64_t id, const char *what, ch_error *err)
{
    ch_error unsaid = CH_ERROR_INIT;
    ch_autoshown now = {0};
    bool is_json = arguments->option[CH_OPT_JSON] != NULL;
    ch_status st = ch_shown_ask(arguments, id, &now, &unsaid);
    if (st == CH_OK && is_json)
        return ch_output_json(now.object, err);
    if (is_json) {
        ch_autojansson little = json_pack("{s:I s:b}", "id", (json_int_t)id, "done", true);
        return ch_output_json(little, err);
    }
    printf("%s", what);
    if (st == CH_OK)
        ch_shown_print_state(&now);
    else
        puts("How the request stands cannot be said now.");
    return CH_OK;
}

static ch_status run_approve(const ch_arguments *arguments, ch_error *err)
{
    ch_autoshown shown = {0};
    ch_autosecret code = CH_SECRET_INIT;
    CH_TRY(find(arguments, &shown, err));
    if (arguments->option[CH_OPT_JSON] == NULL) {
        ch_shown_print(&shown);
        puts("");
        fflush(stdout);
    }
    if (shown.obstacle.status != CH_OK) {
        *err = shown.obstacle;
        return err->status;
    }
    CH_TRY(ask_person(arguments, shown.takes_code, &code, err));
    CH_TRY(give(arguments, &shown, &code, err));
    return report(arguments, shown.id, "Approved. ", err);
}

static ch_status run_deny(const ch_arguments *arguments, ch_error *err)
{
    const char *reason = NULL;
    ch_autoshown shown = {0};
    auto_channel channel = CH_CHANNEL_CLOSED;
    CH_TRY(ch_option_required(arguments, CH_OPT_REASON, &reason, err));
    CH_TRY(find(arguments, &shown, err));
    const ch_approval_deny_frame ask = {
        .version = CH_FRAMES_VERSION,
        .approval = shown.id,
        .digest = {shown.digest, shown.digest_size},
        .reason = ch_slice_of(reason)
    };
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_approval_deny_frame_put(ch_channel_out(&channel), 0, &ask, err));
    CH_TRY(ch_dialog_ask(&channel, NULL, err));
    return report(arguments, shown.id, "Denied. ", err);
}

/* ---- the commands ---- */

#define TO_AGENT (CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON))

/* clang-format off */
const ch_command ch_commands_of_approvals[] = {
    {
        .family = "approvals",
        .name = "list",
        .syntax = {.options = TO_AGENT | CH_OPTION(ALL)},
        .summary = "list the requests that wait for people",
        .details = "Lists what waits for approvals, codes or a delay, and what is ready and was not\n"
                   "fetched yet; with --all also what has ended lately. Everybody whom the policy\n"
                   "has as one of its people may see it.",
        .examples = "  chancery approvals list\n"
                    "  chancery approvals list --all --json\n",
        .run = run_list,
    },
    {
        .family = "approvals",
        .name = "show",
        .syntax = {.positional = "ID", .positional_min = 1, .positional_max = 1, .options = TO_AGENT},
        .summary = "show a request that waits for people",
        .details = "Says in words what the request does, every parameter of it, what it takes of\n"
                   "limits, what it needs and why, what is unusual, and who has approved.",
        .examples = "  chancery approvals show 1042\n"
                    "  chancery approvals show 1042 --json\n",
        .run = run_show,
    },
    {
        .family = "approvals",
        .name = "approve",
        .syntax = {.positional = "ID", .positional_min = 1, .positional_max = 1,
                   .options = TO_AGENT | CH_OPTION(CODE_FD) | CH_OPTION(YES)},
        .summary = "approve a request",
        .details = "Shows the request, and asks for a one-time code of yours; where the policy gives\n"
                   "people no codes, it asks whether you mean it. You must be an approver in the\n"
                   "agent's policy, and one of those whom the request needs; nobody approves what\n"
                   "they asked for themselves. An approval holds for this very request, and once.",
        .examples = "  chancery approvals approve 1042\n"
                    "  chancery approvals approve 1042 --code-fd 3 3<code\n",
        .run = run_approve,
    },
    {
        .family = "approvals",
        .name = "deny",
        .syntax = {.positional = "ID", .positional_min = 1, .positional_max = 1, .options = TO_AGENT | CH_OPTION(REASON)},
        .summary = "deny a request for good",
        .details = "Ends it, whoever has approved it; the caller hears the reason. It takes no code.\n"
                   "You must be an approver or an admin in the agent's policy.",
        .examples = "  chancery approvals deny 1042 --reason 'nobody ordered that'\n",
        .run = run_deny,
    },
    {0},
};
/* clang-format on */
