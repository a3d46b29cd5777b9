/* What is wrong goes to standard output, as a table or JSON; what to do about what is left is the error. */
#include "cli/key_adopt.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "cli/jansson.h"
#include "cli/key_access.h"
#include "cli/output.h"
#include "pkcs11/ckr.h"
#include "pkcs11/key.h"
#include "pkcs11/key_adopt.h"

#include <stdio.h>

/* "set" or "unset", of an attribute that is not as the rule has it, or is. */
static const char *state_of(const ch_key_rule *rule, bool is_lapse)
{
    return rule->must_be != is_lapse ? "set" : "unset";
}

static const char *answer_of(const ch_adoption *adoption, size_t rule, bool is_dry_run, char *unknown)
{
    if ((adoption->narrowing & 1U << rule) == 0)
        return "cannot be changed";
    if (is_dry_run)
        return "would be asked to";
    return adoption->answers[rule] == CKR_OK ? "done" : ch_ckr_name(adoption->answers[rule], unknown);
}

static json_t *rows_of(const ch_adoption *adoption, bool is_dry_run)
{
    const ch_key_rule *rule;
    char unknown[32];
    json_t *rows = json_array();
    for (size_t i = 0; (rule = ch_key_rule_at(i)) != NULL; i++) {
        if ((adoption->before & 1U << i) == 0)
            continue;
        bool is_left = (adoption->after & 1U << i) != 0;
        json_array_append_new(
            rows, json_pack("{s:s s:s s:s s:s s:b s:s}", "attribute", rule->name, "was", state_of(rule, true), "is",
                            state_of(rule, is_left), "token", answer_of(adoption, i, is_dry_run, unknown), "tolerable",
                            (ch_lapses_tolerable(adoption->key_class) & 1U << i) != 0, "meaning", rule->danger));
    }
    return rows;
}

/* The mechanisms that the key can sign with. */
static json_t *mechanisms_for(ch_session *session, const char *uri)
{
    const ch_mechanism *mechanism;
    json_t *names = json_array();
    for (size_t i = 0; (mechanism = ch_mechanism_at(i)) != NULL; i++) {
        ch_error ignored = CH_ERROR_INIT;
        ch_key_object key;
        if (ch_key_find(session, uri, mechanism, &key, &ignored) == CH_OK)
            json_array_append_new(names, json_string(mechanism->name));
    }
    return names;
}

static ch_lapses hopeless(const ch_adoption *adoption)
{
    return adoption->after & ~ch_lapses_tolerable(adoption->key_class);
}

/* "ready": it may only sign; "tolerable": the agent takes it if policy says so; "unusable". */
static const char *outcome_of(const ch_adoption *adoption, const json_t *mechanisms)
{
    if (hopeless(adoption) != 0 || json_array_size(mechanisms) == 0)
        return "unusable";
    return adoption->after == 0 ? "ready" : "tolerable";
}

static ch_status judge(const ch_adoption *adoption, const char *uri, const json_t *mechanisms, bool is_dry_run,
                       ch_error *err)
{
    ch_autobuffer names = CH_BUFFER_INIT;
    if (hopeless(adoption) != 0) {
        ch_lapses_add_names(hopeless(adoption), &names);
        return ch_fail(
            err, CH_REFUSED,
            "the agent does not sign with '%s', and no policy can make it: %s is not as it must be; make the "
            "key anew, with 'chancery key import' or 'chancery key generate'",
            uri, ch_buffer_text(&names));
    }
    if (json_array_size(mechanisms) == 0)
        return ch_fail(err, CH_REFUSED, "no scheme of an exchange signs with a key of the kind of '%s'", uri);
    if (adoption->after == 0)
        return CH_OK;
    ch_lapses_add_names(adoption->after, &names);
    if (is_dry_run && adoption->narrowing != 0)
        return ch_fail(err, CH_REFUSED,
                       "'%s' may do more than sign; without --dry-run, %s would be changed if the token "
                       "lets it",
                       uri, ch_buffer_text(&names));
    return ch_fail(err, CH_REFUSED,
                   "'%s' may do more than sign; the agent signs with it only if the key's policy says: tolerate: [%s]",
                   uri, ch_buffer_text(&names));
}

static void print_rows(const json_t *rows)
{
    /* clang-format off */
    static const ch_column columns[] = {
        /* title      member */
        { "ATTRIBUTE", "attribute" },
        { "WAS",       "was" },
        { "IS",        "is" },
        { "TOKEN",     "token" },
        { "MEANING",   "meaning" },
        {0},
    };
    /* clang-format on */
    if (json_array_size(rows) > 0)
        ch_output_table(rows, columns);
}

static ch_status print(const ch_arguments *arguments, const json_t *answer, ch_error *err)
{
    if (arguments->option[CH_OPT_JSON] != NULL)
        return ch_output_json(answer, err);
    print_rows(json_object_get(answer, "attributes"));
    return CH_OK;
}

/* Of a key that could be read until now, there may be copies. */
static void warn_of_copies(const ch_adoption *adoption)
{
    ch_lapses shown = ch_lapse_of_type(CKA_EXTRACTABLE) | ch_lapse_of_type(CKA_SENSITIVE);
    if ((adoption->before & shown) != 0)
        fprintf(stderr, "note: until now whoever had the PIN could copy this key; a key generated by chancery has no "
                        "copies\n");
}

ch_status ch_key_adopt_run(const ch_arguments *arguments, ch_error *err)
{
    bool is_dry_run = arguments->option[CH_OPT_DRY_RUN] != NULL;
    ch_autofree char *uri = NULL;
    ch_autoaccess access = CH_KEY_ACCESS_INIT;
    ch_autoopened opened = {0};
    ch_adoption adoption;
    CH_TRY(ch_argument_object(arguments->positional[0], &uri, err));
    CH_TRY(ch_key_access_ask(arguments, NULL, &access, err));
    CH_TRY(ch_key_access_open(&access, !is_dry_run, &opened, err));
    CH_TRY(ch_key_adopt(&opened.session, uri, is_dry_run, &adoption, err));
    ch_autojansson mechanisms = mechanisms_for(&opened.session, uri);
    ch_autojansson answer =
        json_pack("{s:s s:s s:b s:o s:O}", "object", uri, "outcome", outcome_of(&adoption, mechanisms), "dry_run",
                  is_dry_run, "attributes", rows_of(&adoption, is_dry_run), "mechanisms", mechanisms);
    CH_TRY(print(arguments, answer, err));
    warn_of_copies(&adoption);
    CH_TRY(judge(&adoption, uri, mechanisms, is_dry_run, err));
    fprintf(stderr, "%s may sign and do nothing else; name it in policy as its object\n", uri);
    return CH_OK;
}
