#include "cli/options.h"

#include "base/memory.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 6

static ch_error err;

static const ch_syntax options_only = {.options = CH_OPTION(LABEL) | CH_OPTION(JSON) | CH_OPTION(PIN_FD) |
                                                  CH_OPTION(MODULE) | CH_OPTION(TOKEN)};
static const ch_syntax one_file = {
    .positional = "FILE", .positional_min = 1, .positional_max = 1, .options = CH_OPTION(JSON)};

static ch_status parse(const ch_syntax *syntax, const char *const *words, ch_arguments *arguments)
{
    int count = 0;
    while (count < WORDS_MAX && words[count] != NULL)
        count++;
    return ch_options_parse(syntax, count, (char *const *)words, arguments, &err);
}

/* clang-format off */
static const struct {
    const char *what;
    const ch_syntax *syntax;
    const char *words[WORDS_MAX];
    const char *says;
} refused[] = {
    /* what                            syntax         words                               the error says */
    { "an unknown option",             &options_only, { "--frob" },                       "unknown option '--frob'" },
    { "an unknown option's value",     &options_only, { "--frob=1234" },                  "unknown option '--frob'" },
    { "an option of other commands",   &options_only, { "--object", "k" },                "does not take --object" },
    { "a short option",                &options_only, { "-l", "k" },                      "two dashes" },
    { "-h with something attached",    &options_only, { "-h1234" },                       "two dashes" },
    { "a dash alone, as an argument",  &options_only, { "-" },                            "takes options only" },
    { "an option in part",             &options_only, { "--lab", "k" },                   "unknown option '--lab'" },
    { "a value missing",               &options_only, { "--label" },                      "needs a value: LABEL" },
    { "a value for a switch",          &options_only, { "--json=yes" },                   "--json takes no value" },
    { "an empty value for a switch",   &options_only, { "--json=" },                      "--json takes no value" },
    { "an option twice",               &options_only, { "--label", "a", "--label=a" },    "--label is given twice" },
    { "an empty option twice",         &options_only, { "--label=", "--label=" },         "--label is given twice" },
    { "a switch twice",                &options_only, { "--json", "--json" },             "--json is given twice" },
    { "an argument too many",          &options_only, { "1234" },                         "takes options only" },
    { "options after --",              &options_only, { "--", "--json" },                 "takes options only" },
    { "no argument",                   &one_file,     { "--json" },                       "needs FILE" },
    { "two arguments",                 &one_file,     { "a", "1234" },                    "takes FILE" },
    { "a PIN",                         &options_only, { "--pin", "1234" },                "--pin-fd N" },
    { "a PIN attached",                &options_only, { "--pin=1234" },                   "--pin-fd N" },
    { "a PIN after a label",           &options_only, { "--label", "k", "--pin=1234" },   "--pin-fd N" },
    { "an officer's PIN",              &options_only, { "--so-pin", "1234" },             "--so-pin-fd N" },
    { "a password",                    &options_only, { "--password", "1234" },           "--pin-fd N" },
    { "a secret",                      &options_only, { "--api-secret=1234" },            "--secret-fd N" },
    { "a private key",                 &options_only, { "--private-key", "1234" },        "--secret-fd N" },
};
/* clang-format on */

START_TEST(test_wrong_usage_is_refused_and_not_repeated)
{
    ch_autoarguments arguments = {0};
    ck_assert_msg(parse(refused[_i].syntax, refused[_i].words, &arguments) == CH_BAD_INPUT, "%s was taken",
                  refused[_i].what);
    ck_assert_msg(strstr(err.message, refused[_i].says) != NULL, "%s: %s", refused[_i].what, err.message);
    ck_assert_msg(strstr(err.message, "1234") == NULL, "%s: %s", refused[_i].what, err.message);
}
END_TEST

START_TEST(test_options_stand_anywhere)
{
    static const char *const orders[][WORDS_MAX] = {
        {"--json", "file"  },
        {"file",   "--json"},
        {"--json", "--",     "file"},
        {"--",        "file"            },
        {"file",        "--"}
    };
    for (size_t i = 0; i < CH_ROWS(orders); i++) {
        ch_autoarguments arguments = {0};
        ck_assert_int_eq(parse(&one_file, orders[i], &arguments), CH_OK);
        ck_assert_uint_eq(arguments.positional_count, 1);
        ck_assert_str_eq(arguments.positional[0], "file");
    }
}
END_TEST

START_TEST(test_what_follows_two_dashes_is_no_option)
{
    static const char *const words[WORDS_MAX] = {"--", "--json"};
    ch_autoarguments arguments = {0};
    ck_assert_int_eq(parse(&one_file, words, &arguments), CH_OK);
    ck_assert_str_eq(arguments.positional[0], "--json");
    ck_assert_ptr_null(arguments.option[CH_OPT_JSON]);
}
END_TEST

START_TEST(test_values_are_attached_or_follow)
{
    static const char *const forms[][WORDS_MAX] = {
        {"--label=a=b"},
        { "--label",        "a=b"}
    };
    for (size_t i = 0; i < CH_ROWS(forms); i++) {
        ch_autoarguments arguments = {0};
        ck_assert_int_eq(parse(&options_only, forms[i], &arguments), CH_OK);
        ck_assert_str_eq(arguments.option[CH_OPT_LABEL], "a=b");
    }
}
END_TEST

START_TEST(test_help_asks_for_nothing_else)
{
    static const char *const forms[][WORDS_MAX] = {
        {"--help"},
        {        "-h"       },
        { "--json",        "-h"}
    };
    for (size_t i = 0; i < CH_ROWS(forms); i++) {
        ch_autoarguments arguments = {0};
        ck_assert_int_eq(parse(&one_file, forms[i], &arguments), CH_OK);
        ck_assert_ptr_nonnull(arguments.option[CH_OPT_HELP]);
    }
}
END_TEST

START_TEST(test_every_option_has_a_row)
{
    for (ch_option option = 0; option < CH_OPT_COUNT; option++) {
        const ch_option_row *row = ch_option_at(option);
        ck_assert_ptr_nonnull(row->name);
        ck_assert_msg(strlen(row->help) > 5, "--%s", row->name);
        ck_assert_msg(row->variable == NULL || row->value != NULL, "--%s", row->name);
    }
}
END_TEST

/* ---- values ---- */

/* clang-format off */
static const struct {
    const char *what;
    const char *given;
    const char *uri; /* NULL: refused */
} tokens[] = {
    /* what                   given                                uri */
    { "a label",              "demo",                              "pkcs11:token=demo" },
    { "a label like a URI",   "a;b=c?d",                           "pkcs11:token=a%3Bb%3Dc%3Fd" },
    { "a URI",                "pkcs11:token=demo;serial=1",        "pkcs11:token=demo;serial=1" },
    { "a URI in capitals",    "PKCS11:token=demo",                 "PKCS11:token=demo" },
    { "a malformed URI",      "pkcs11:token=%zz",                  NULL },
    { "an unknown part",      "pkcs11:tokens=demo",                NULL },
    { "a key's part",         "pkcs11:token=demo;object=k",        NULL },
    { "a part twice",         "pkcs11:token=a;token=demo",         NULL },
    { "a PIN",                "pkcs11:token=demo?pin-value=1234",  NULL },
    { "a PIN in capitals",    "PKCS11:token=demo?PIN-VALUE=1234",  NULL },
    { "a PIN's file",         "pkcs11:token=demo?pin-source=1234", NULL },
    { "a PIN, malformed",     "pkcs11:token=%zz?pin-value=1234",   NULL },
};
/* clang-format on */

START_TEST(test_labels_become_uris_and_uris_are_checked)
{
    ch_arguments arguments = {.option[CH_OPT_TOKEN] = tokens[_i].given};
    ch_autofree char *uri = NULL;
    ch_status st = ch_option_token(&arguments, &uri, &err);
    ck_assert_msg(st == (tokens[_i].uri == NULL ? CH_BAD_INPUT : CH_OK), "%s: %d", tokens[_i].what, st);
    if (tokens[_i].uri != NULL)
        ck_assert_str_eq(uri, tokens[_i].uri);
    else
        ck_assert_msg(strstr(err.message, "--token") != NULL && strstr(err.message, "1234") == NULL, "%s: %s",
                      tokens[_i].what, err.message);
}
END_TEST

START_TEST(test_the_option_comes_before_the_variable)
{
    ch_arguments given = {.option[CH_OPT_MODULE] = "a"};
    ch_arguments empty = {.option[CH_OPT_MODULE] = ""};
    ch_arguments none = {0};
    ch_module_name module = {0};
    setenv("CHANCERY_MODULE", "b", 1);
    ck_assert_int_eq(ch_option_module(&given, &module, &err), CH_OK);
    ck_assert_str_eq(module.name, "a");
    ck_assert_int_eq(ch_option_module(&none, &module, &err), CH_OK);
    ck_assert_str_eq(module.name, "b");
    ck_assert_int_eq(ch_option_module(&empty, &module, &err), CH_BAD_INPUT);
    setenv("CHANCERY_MODULE", "", 1);
    ck_assert_int_eq(ch_option_module(&none, &module, &err), CH_BAD_INPUT);
    unsetenv("CHANCERY_MODULE");
    ck_assert_int_eq(ch_option_module(&none, &module, &err), CH_BAD_INPUT);
}
END_TEST

START_TEST(test_init_args_come_with_the_module)
{
    ch_arguments given = {.option[CH_OPT_MODULE] = "a", .option[CH_OPT_INIT_ARGS] = "configdir='sql:/x'"};
    ch_arguments secret = {.option[CH_OPT_MODULE] = "a", .option[CH_OPT_INIT_ARGS] = "pin=1234"};
    ch_arguments none = {.option[CH_OPT_MODULE] = "a"};
    ch_module_name module = {0};
    ck_assert_int_eq(ch_option_module(&given, &module, &err), CH_OK);
    ck_assert_str_eq(module.init_args, "configdir='sql:/x'");
    ck_assert_int_eq(ch_option_module(&none, &module, &err), CH_OK);
    ck_assert_ptr_null(module.init_args);
    ck_assert_int_eq(ch_option_module(&secret, &module, &err), CH_BAD_INPUT);
    ck_assert_ptr_null(strstr(err.message, "1234"));
}
END_TEST

START_TEST(test_what_is_required_is_named)
{
    ch_arguments none = {0};
    ch_arguments empty = {.option[CH_OPT_LABEL] = ""};
    const char *label = NULL;
    ck_assert_int_eq(ch_option_required(&none, CH_OPT_LABEL, &label, &err), CH_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "--label"));
    ck_assert_int_eq(ch_option_required(&empty, CH_OPT_LABEL, &label, &err), CH_BAD_INPUT);
}
END_TEST

/* clang-format off */
static const struct {
    const char *text;
    unsigned value;
    bool is_good;
} numbers[] = {
    /* text          value  is_good */
    { "0",           0,     true },
    { "65535",       65535, true },
    { "007",         7,     true },
    { "",            0,     false },
    { "65536",       0,     false },
    { "99999999999", 0,     false },
    { "-1",          0,     false },
    { "+1",          0,     false },
    { " 1",          0,     false },
    { "1 ",          0,     false },
    { "0x10",        0,     false },
    { "1e3",         0,     false },
};
/* clang-format on */

START_TEST(test_numbers_are_plain_and_in_range)
{
    ch_arguments arguments = {.option[CH_OPT_PIN_FD] = numbers[_i].text};
    unsigned value = 0;
    ch_status st = ch_option_number(&arguments, CH_OPT_PIN_FD, 65535, &value, &err);
    ck_assert_msg(st == (numbers[_i].is_good ? CH_OK : CH_BAD_INPUT), "'%s': %d", numbers[_i].text, st);
    ck_assert_uint_eq(value, numbers[_i].value);
}
END_TEST

CH_TESTS("options", CH_TEST_ROWS(test_wrong_usage_is_refused_and_not_repeated, refused),
         CH_TEST(test_options_stand_anywhere), CH_TEST(test_what_follows_two_dashes_is_no_option),
         CH_TEST(test_values_are_attached_or_follow), CH_TEST(test_help_asks_for_nothing_else),
         CH_TEST(test_every_option_has_a_row), CH_TEST_ROWS(test_labels_become_uris_and_uris_are_checked, tokens),
         CH_TEST(test_the_option_comes_before_the_variable), CH_TEST(test_init_args_come_with_the_module),
         CH_TEST(test_what_is_required_is_named), CH_TEST_ROWS(test_numbers_are_plain_and_in_range, numbers))
