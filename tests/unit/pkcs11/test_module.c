/* Where a module is found, and what is not taken for one. */
#include "pkcs11/module.h"
#include "pkcs11/module_path.h"

#include "base/buffer.h"
#include "tests/support/softhsm.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ch_error err;
static char home[] = "/tmp/chancery-unit-home-XXXXXX";

static const ch_module_name unit = {.name = "unit"};

static const char *const folders[] = {"", "/pkcs11", "/pkcs11/modules"};

/* Writes the user's own configuration of module 'unit'. Root has none, so root becomes somebody else for a while. */
static bool configure(const char *text)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    if (getuid() == 0 && seteuid(65534) != 0)
        return false;
    ck_assert_ptr_nonnull(mkdtemp(home));
    for (size_t i = 1; i < CH_ROWS(folders); i++) {
        ch_buffer_clear(&path);
        ch_buffer_add_format(&path, "%s%s", home, folders[i]);
        ck_assert_int_eq(mkdir(ch_buffer_text(&path), 0700), 0);
    }
    ch_buffer_add_text(&path, "/unit.module");
    FILE *file = fopen(ch_buffer_text(&path), "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    return setenv("XDG_CONFIG_HOME", home, 1) == 0;
}

static void clean_up(void)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_buffer_add_format(&path, "%s/pkcs11/modules/unit.module", home);
    unlink(ch_buffer_text(&path));
    for (size_t i = CH_ROWS(folders); i-- > 0;) {
        ch_buffer_clear(&path);
        ch_buffer_add_format(&path, "%s%s", home, folders[i]);
        rmdir(ch_buffer_text(&path));
    }
    ck_assert(getuid() != 0 || seteuid(0) == 0);
}

static const struct {
    const char *what;
    const char *text;
    const char *path; /* NULL: not found */
} files[] = {
    {"a path",                 "module: /opt/m.so\n",                           "/opt/m.so"},
    {"spaces around it",       " \tmodule: \t/opt/m.so \t\r\n",                 "/opt/m.so"},
    {"another line first",     "# a comment\npriority: 1\nmodule: /opt/m.so\n", "/opt/m.so"},
    {"no line end",            "module:/opt/m.so",                              "/opt/m.so"},
    {"nothing",                "",                                              NULL       },
    {"no module line",         "priority: 1\n",                                 NULL       },
    {"an empty module line",   "module: \n",                                    NULL       },
    {"a comment that says it", "#module: /opt/m.so\n",                          NULL       },
    {"a longer word",          "modules: /opt/m.so\n",                          NULL       },
};

START_TEST(test_a_name_is_looked_up_in_the_user_s_configuration)
{
    ch_automodulefile file = {0};
    if (!configure(files[_i].text))
        return;
    ch_status st = ch_module_path(&unit, &file, &err);
    clean_up();
    if (files[_i].path == NULL)
        ck_assert_msg(st == CH_CONFIG && file.path == NULL, "%s: %s", files[_i].what, file.path);
    else
        ck_assert_msg(st == CH_OK && strcmp(file.path, files[_i].path) == 0, "%s: %s", files[_i].what, err.message);
}
END_TEST

/* clang-format off */
static const struct {
    const char *what;
    const char *text;
    const char *given; /* as init_args */
    const char *init_args;
} reserved[] = {
    { "none",                 "module: /opt/m.so\n",                                     NULL,  NULL },
    { "p11-kit's",            "x-init-reserved:  a='b c' \nmodule: /opt/m.so\n",         NULL,  "a='b c'" },
    { "ours before p11-kit's", "module: /opt/m.so\nx-init-reserved: a\n",                "b",   "b" },
    { "ours alone",           "module: /opt/m.so\n",                                     "b",   "b" },
};
/* clang-format on */

START_TEST(test_the_reserved_string_is_ours_or_p11_kit_s)
{
    ch_automodulefile file = {0};
    const ch_module_name name = {.name = "unit", .init_args = reserved[_i].given};
    if (!configure(reserved[_i].text))
        return;
    ch_status st = ch_module_path(&name, &file, &err);
    clean_up();
    ck_assert_msg(st == CH_OK, "%s: %s", reserved[_i].what, err.message);
    ck_assert_str_eq(file.path, "/opt/m.so");
    ck_assert_pstr_eq(file.init_args, reserved[_i].init_args);
}
END_TEST

static const char *const secret_args[] = {"connector=x pin=1234", "PIN=1", "user:password=x", "a pin-value b"};

START_TEST(test_a_secret_in_init_args_is_refused)
{
    ck_assert_int_eq(ch_module_check_init_args("configdir='sql:/x' pwRequired flags=optimizeSpace", &err), CH_OK);
    ck_assert_int_eq(ch_module_check_init_args(secret_args[_i], &err), CH_CONFIG);
    ck_assert_ptr_null(strstr(err.message, secret_args[_i]));
}
END_TEST

START_TEST(test_a_file_name_is_one_of_p11_kit_s_folder)
{
    ch_automodulefile file = {0};
    if (!configure("module: m.so\n"))
        return;
    ck_assert_int_eq(ch_module_path(&unit, &file, &err), CH_OK);
    clean_up();
    ck_assert_int_eq(file.path[0], '/');
    ck_assert_str_eq(file.path + strlen(file.path) - strlen("/m.so"), "/m.so");
}
END_TEST

START_TEST(test_a_configuration_that_others_can_change_is_refused)
{
    ch_automodulefile file = {0};
    ch_autobuffer path = CH_BUFFER_INIT;
    if (!configure("module: /opt/m.so\n"))
        return;
    ch_buffer_add_format(&path, "%s/pkcs11/modules/unit.module", home);
    ck_assert_int_eq(chmod(ch_buffer_text(&path), 0666), 0);
    ch_status st = ch_module_path(&unit, &file, &err);
    clean_up();
    ck_assert_int_eq(st, CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "unit.module can be written to by its group and others"));
    ck_assert_ptr_null(file.path);
}
END_TEST

START_TEST(test_a_name_that_is_not_configured_names_the_folders)
{
    ch_automodulefile file = {0};
    ck_assert_int_eq(ch_module_path(&(ch_module_name){.name = "no-such-module"}, &file, &err), CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "/etc/pkcs11/modules"));
    ck_assert_ptr_null(file.path);
}
END_TEST

static const struct {
    const char *what;
    const char *name;
    ch_status status;
} refused[] = {
    {"a path where nothing is",          "/nonexistent/module.so", CH_CONFIG     },
    {"a relative path where nothing is", "./nonexistent.so",       CH_CONFIG     },
    {"a file that is not a library",     "/etc/passwd",            CH_UNAVAILABLE},
    {"a folder",                         "/",                      CH_CONFIG     },
    {"no name",                          "",                       CH_CONFIG     },
};

START_TEST(test_what_is_not_a_module_is_not_loaded)
{
    ch_module *module = NULL;
    ck_assert_msg(ch_module_load(&(ch_module_name){.name = refused[_i].name}, &module, &err) == refused[_i].status,
                  "%s: %s", refused[_i].what, err.message);
    ck_assert_ptr_null(module);
}
END_TEST

START_TEST(test_a_library_that_is_not_a_module_is_refused)
{
    ch_module *module = NULL;
    ck_assert_int_eq(ch_module_load(&(ch_module_name){.name = "/lib/x86_64-linux-gnu/libm.so.6"}, &module, &err),
                     CH_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "C_GetFunctionList"));
    ck_assert_ptr_null(module);
}
END_TEST

START_TEST(test_a_module_can_be_loaded_again_after_it_was_unloaded)
{
    for (int i = 0; i < 3; i++) {
        ch_automodule module = NULL;
        ck_assert_msg(ch_module_load(&softhsm_module, &module, &err) == CH_OK, "%s", err.message);
        ck_assert_uint_gt(ch_module_slot_count(module), 0);
    }
}
END_TEST

CH_TESTS_WITH("module", softhsm_set_up, softhsm_tear_down,
              CH_TEST_ROWS(test_a_name_is_looked_up_in_the_user_s_configuration, files),
              CH_TEST_ROWS(test_the_reserved_string_is_ours_or_p11_kit_s, reserved),
              CH_TEST_ROWS(test_a_secret_in_init_args_is_refused, secret_args),
              CH_TEST(test_a_file_name_is_one_of_p11_kit_s_folder),
              CH_TEST(test_a_configuration_that_others_can_change_is_refused),
              CH_TEST(test_a_name_that_is_not_configured_names_the_folders),
              CH_TEST_ROWS(test_what_is_not_a_module_is_not_loaded, refused),
              CH_TEST(test_a_library_that_is_not_a_module_is_refused),
              CH_TEST(test_a_module_can_be_loaded_again_after_it_was_unloaded))
