/* totp enroll, list and revoke: whose seed of one-time codes is which key object.
 *
 * A seed is drawn here, put on the token, shown once and forgotten. It stays on the token only if the agent has pinned
 * it, for which somebody must have typed a code of it: so what is made here is destroyed again, however else this ends.
 */
#include "cli/code_input.h"
#include "cli/commands.h"
#include "cli/dialog.h"
#include "cli/interrupt.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/output.h"
#include "cli/seed_screen.h"
#include "pkcs11/key.h"
#include "pkcs11/uri.h"
#include "wire/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- whom the policy gives a seed ---- */

typedef struct seeds {
    json_t *rows;
    bool is_first; /* nobody is enrolled yet */
} seeds;

static void add_row(json_t *rows, const ch_listed_seed_record *row)
{
    json_t *object = json_object();
    json_object_set_new(object, "person", ch_jansson_slice(row->person));
    json_object_set_new(object, "roles", ch_jansson_slice(row->roles));
    json_object_set_new(object, "token", ch_jansson_slice(row->token));
    json_object_set_new(object, "object", ch_jansson_slice(row->object));
    json_object_set_new(object, "mechanism", ch_jansson_slice(row->mechanism));
    json_object_set_new(object, "digits", json_integer(row->digits));
    json_object_set_new(object, "enrolled", json_boolean(row->is_enrolled));
    json_object_set_new(object, "wait_s", json_integer((json_int_t)row->wait_s));
    json_array_append_new(rows, object);
}

static ch_status take_page(void *context, ch_frame *frame, ch_error *err)
{
    seeds *self = context;
    ch_seeds_are_frame page;
    ch_listed_seed_record row;
    CH_TRY(ch_seeds_are_frame_get(frame, &page, err));
    self->is_first = page.is_first;
    while (ch_listed_seed_record_next(&page.rows, &row))
        add_row(self->rows, &row);
    return CH_OK;
}

static ch_status ask_list(const ch_arguments *arguments, seeds *out, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    const ch_totp_list_frame ask = {.version = CH_FRAMES_VERSION};
    const ch_dialog_part part = {CH_FRAME_SEEDS_ARE, out, take_page, NULL};
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_totp_list_frame_put(ch_channel_out(&channel), 0, &ask, err));
    return ch_dialog_ask(&channel, &part, err);
}

static ch_status run_list(const ch_arguments *arguments, ch_error *err)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title      member */
        { "PERSON",    "person" },
        { "ROLES",     "roles" },
        { "ENROLLED",  "enrolled" },
        { "TOKEN",     "token" },
        { "OBJECT",    "object" },
        { "MECHANISM", "mechanism" },
        { "DIGITS",    "digits" },
        { "WAIT S",    "wait_s" },
        {0},
    };
    /* clang-format on */
    ch_autojansson rows = json_array();
    seeds all = {.rows = rows};
    CH_TRY(ask_list(arguments, &all, err));
    return ch_output_listing(arguments, "seeds", rows, columns, "The policy gives nobody a 'totp'.", err);
}

static ch_status find_row(const seeds *all, const char *person, const json_t **out, ch_error *err)
{
    size_t i;
    json_array_foreach(all->rows, i, *out)
    {
        if (strcmp(ch_jansson_member(*out, "person"), person) != 0)
            continue;
        if (json_is_true(json_object_get(*out, "enrolled")))
            return ch_fail(err, CH_CONFLICT,
                           "'%s' is enrolled already; revoke that seed first: chancery totp revoke %s", person, person);
        return CH_OK;
    }
    return ch_fail(err, CH_NOT_FOUND, "the agent's policy gives no '%s' a 'totp'; add it to 'people', and reload",
                   person);
}

/* ---- enrolment ---- */

/* One that is under way. */
typedef struct enrolment {
    const ch_arguments *arguments;
    const char *person;
    const json_t *row;
    bool is_first;
    ch_key_access access;
    ch_opened_token opened;
    ch_secret seed;
    ch_secret new_code;
    ch_secret admin_code;
    char *label;
    bool is_made;  /* the object is on the token */
    bool is_shown; /* so is the seed on the screen */
} enrolment;

static void hide(enrolment *self)
{
    ch_secret_wipe(&self->seed);
    if (self->is_shown)
        ch_seed_screen_clear();
    self->is_shown = false;
}

/* Takes back what has not been pinned. */
static void end_enrolment(enrolment *self)
{
    ch_error err = CH_ERROR_INIT;
    const char *uri = ch_jansson_member(self->row, "object");
    hide(self);
    if (self->is_made && ch_key_delete(&self->opened.session, uri, &err) != CH_OK)
        fprintf(
            stderr,
            "The seed is still on the token, and of no use there (%s); delete it: chancery key delete --object %s\n",
            err.message, self->label);
    ch_secret_wipe(&self->new_code);
    ch_secret_wipe(&self->admin_code);
    ch_opened_token_close(&self->opened);
    ch_key_access_free(&self->access);
    free(self->label);
}

#define auto_enrolment __attribute__((cleanup(end_enrolment))) enrolment

static ch_status fail_interrupted(ch_error *err)
{
    return ch_fail(err, CH_REFUSED, "interrupted; nobody was enrolled, and no seed is left on the token");
}

static ch_status read_label(enrolment *self, ch_error *err)
{
    self->label = ch_uri_label(ch_jansson_member(self->row, "object"));
    return self->label != NULL ? CH_OK : ch_fail(err, CH_INTERNAL, "the agent named a seed without a label");
}

static ch_status draw_seed(const ch_mechanism *mechanism, ch_secret *out, ch_error *err)
{
    CH_TRY(ch_secret_alloc(out, mechanism->hash_size_bytes, err));
    if (getrandom(out->data, out->size, 0) != (ssize_t)out->size)
        return ch_fail_errno(err, "drawing a seed from the system's generator");
    return CH_OK;
}

static ch_status make_seed(enrolment *self, const ch_mechanism *mechanism, ch_error *err)
{
    CH_TRY(draw_seed(mechanism, &self->seed, err));
    CH_TRY(ch_key_access_open(&self->access, true, &self->opened, err));
    if (ch_interrupt_came())
        return fail_interrupted(err);
    if (ch_key_import_hmac(&self->opened.session, self->label, mechanism, &self->seed, err) != CH_OK) {
        bool is_taken = err->status == CH_CONFLICT;
        return is_taken
                   ? ch_error_wrap(err,
                                   "the seed's label is taken: if nobody is enrolled with that object, delete it with "
                                   "'chancery key delete --object %s'",
                                   self->label)
                   : err->status;
    }
    self->is_made = true;
    return CH_OK;
}

static const char *hash_of(const ch_mechanism *mechanism)
{
    return mechanism->hash_size_bytes == 20 ? "SHA1" : mechanism->hash_size_bytes == 32 ? "SHA256" : "SHA512";
}

static ch_status show_and_ask(enrolment *self, const ch_mechanism *mechanism, ch_error *err)
{
    const ch_shown_seed shown = {.person = self->person,
                                 .hash = hash_of(mechanism),
                                 .digits = (unsigned)json_integer_value(json_object_get(self->row, "digits")),
                                 .seed = &self->seed};
    self->is_shown = true;
    CH_TRY(ch_seed_screen_show(&shown, err));
    ch_status st = ch_input_new_code(&self->new_code, err);
    hide(self);
    CH_TRY(st);
    if (ch_interrupt_came())
        return fail_interrupted(err);
    return self->is_first ? CH_OK : ch_input_code(self->arguments, &self->admin_code, err);
}

static ch_status have_it_pinned(enrolment *self, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_autosecret all = CH_SECRET_INIT;
    const ch_secret *const parts[] = {&self->access.pin, &self->new_code, &self->admin_code};
    const ch_totp_enroll_frame ask = {.version = CH_FRAMES_VERSION, .person = ch_slice_of(self->person)};
    CH_TRY(ch_secrets_join(parts, self->is_first ? 2 : 3, &all, err));
    CH_TRY(ch_dialog_open(self->arguments, &channel, err));
    CH_TRY(ch_channel_attach_secret(&channel, &all, err));
    CH_TRY(ch_totp_enroll_frame_put(ch_channel_out(&channel), 0, &ask, err));
    if (ch_interrupt_came())
        return fail_interrupted(err);
    return ch_dialog_ask(&channel, NULL, err);
}

/* Whether the agent has pinned it is not known if its answer did not come. Then the object stays: it may be in use. */
static bool may_be_pinned(ch_status st)
{
    return st == CH_OK || st == CH_UNAVAILABLE || st == CH_INTERNAL;
}

static ch_status enroll(enrolment *self, ch_error *err)
{
    const ch_mechanism *mechanism = ch_mechanism_find(ch_slice_of(ch_jansson_member(self->row, "mechanism")));
    if (mechanism == NULL)
        return ch_fail(err, CH_INTERNAL, "the agent named a mechanism that this chancery does not know");
    CH_TRY(read_label(self, err));
    CH_TRY(ch_key_access_ask(self->arguments, self->is_first ? NULL : &ch_code_question, &self->access, err));
    ch_interrupt_note();
    CH_TRY(make_seed(self, mechanism, err));
    CH_TRY(show_and_ask(self, mechanism, err));
    ch_status st = have_it_pinned(self, err);
    self->is_made = self->is_made && !may_be_pinned(st);
    return st;
}

static ch_status print_enrolled(const enrolment *self, ch_error *err)
{
    if (self->arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson done =
            json_pack("{s:O s:O s:O s:O s:b}", "person", json_object_get(self->row, "person"), "object",
                      json_object_get(self->row, "object"), "mechanism", json_object_get(self->row, "mechanism"),
                      "digits", json_object_get(self->row, "digits"), "enrolled", true);
        return ch_output_json(done, err);
    }
    fputs("Enrolled: ", stdout);
    ch_output_text(self->person);
    puts(". The code that was typed is used; the next unlock takes the next one.");
    return CH_OK;
}

static ch_status run_enroll(const ch_arguments *arguments, ch_error *err)
{
    ch_autojansson rows = json_array();
    seeds all = {.rows = rows};
    auto_enrolment self = {.arguments = arguments, .person = arguments->positional[0]};
    CH_TRY(ask_list(arguments, &all, err));
    CH_TRY(find_row(&all, self.person, &self.row, err));
    self.is_first = all.is_first;
    CH_TRY(enroll(&self, err));
    return print_enrolled(&self, err);
}

/* ---- revocation ---- */

static ch_status run_revoke(const ch_arguments *arguments, ch_error *err)
{
    auto_channel channel = CH_CHANNEL_CLOSED;
    ch_autosecret code = CH_SECRET_INIT;
    const ch_totp_revoke_frame ask = {.version = CH_FRAMES_VERSION, .person = ch_slice_of(arguments->positional[0])};
    CH_TRY(ch_input_code(arguments, &code, err));
    CH_TRY(ch_dialog_open(arguments, &channel, err));
    CH_TRY(ch_channel_attach_secret(&channel, &code, err));
    CH_TRY(ch_totp_revoke_frame_put(ch_channel_out(&channel), 0, &ask, err));
    CH_TRY(ch_dialog_ask(&channel, NULL, err));
    if (arguments->option[CH_OPT_JSON] != NULL) {
        ch_autojansson done =
            json_pack("{s:o s:b}", "person", ch_jansson_text(arguments->positional[0]), "enrolled", false);
        return ch_output_json(done, err);
    }
    fputs("Revoked: no code of ", stdout);
    ch_output_text(arguments->positional[0]);
    puts(" is taken any more. The seed is still on the token: delete it with 'chancery key delete'.");
    return CH_OK;
}

/* ---- the commands ---- */

#define TO_AGENT (CH_OPTION(OPERATOR_SOCKET) | CH_OPTION(AGENT_USER) | CH_OPTION(JSON))

/* clang-format off */
const ch_command ch_commands_of_totp[] = {
    {
        .family = "totp",
        .name = "enroll",
        .syntax = {.positional = "PERSON", .positional_min = 1, .positional_max = 1,
                   .options = TO_AGENT | CH_OPTIONS_ON_TOKEN | CH_OPTION(CODE_FD)},
        .summary = "give somebody a seed of one-time codes",
        .details = "Draws a seed for PERSON, a name from the policy's people, puts it on the token\n"
                   "of the policy's seeds, shows it once as a QR code and as text, and asks for a\n"
                   "code that the app makes of it. Only then it counts; otherwise it is destroyed\n"
                   "again. You must be an admin, and type a code of yours as well, unless nobody is\n"
                   "enrolled yet: the first to be enrolled is an admin. That token must be unlocked,\n"
                   "save for the first.",
        .examples = "  chancery totp enroll alice\n"
                    "  chancery totp enroll bob --module softhsm2 --token main\n",
        .run = run_enroll,
    },
    {
        .family = "totp",
        .name = "list",
        .syntax = {.options = TO_AGENT},
        .summary = "list whose codes are taken",
        .details = "Lists the people to whom the policy gives a seed, whether they are enrolled, and\n"
                   "how many seconds they must wait after what has failed.",
        .examples = "  chancery totp list\n"
                    "  chancery totp list --json\n",
        .run = run_list,
    },
    {
        .family = "totp",
        .name = "revoke",
        .syntax = {.positional = "PERSON", .positional_min = 1, .positional_max = 1,
                   .options = TO_AGENT | CH_OPTION(CODE_FD)},
        .summary = "take nobody's code of that seed any more",
        .details = "From then on no code of PERSON's seed is taken. You must be an admin, and type a\n"
                   "code of yours. The token of the seeds must be unlocked.",
        .examples = "  chancery totp revoke bob\n"
                    "  chancery totp revoke bob --code-fd 3 3<code\n",
        .run = run_revoke,
    },
    {0},
};
/* clang-format on */
