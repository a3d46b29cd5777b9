/* The C library reads the same database, and is asked what it makes of it. Files that are wrong are made here, byte by
 * byte. */
#include "policy/zone.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/slice.h"
#include "tests/support/dice.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define END_2200 7258118400

static ch_error err;

/* ---- the database ---- */

static const char *const zones[] = {
    "UTC",
    "Etc/UTC",
    "Etc/GMT+12",
    "Etc/GMT-14",
    "EST",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin", /* summer is its standard time */
    "America/New_York",
    "America/St_Johns", /* changed a minute after midnight */
    "America/Havana",   /* at midnight */
    "America/Sao_Paulo",
    "America/Nuuk", /* at hour -1 */
    "America/Argentina/Buenos_Aires",
    "America/Port-au-Prince",
    "Asia/Tokyo",
    "Asia/Kathmandu",
    "Asia/Gaza", /* 50 hours after a day's beginning */
    "Asia/Kolkata",
    "Australia/Sydney",
    "Australia/Lord_Howe", /* by half an hour */
    "Pacific/Apia",        /* left out a day */
    "Pacific/Kwajalein",
    "Pacific/Chatham",
    "Africa/Casablanca", /* puts clocks back for Ramadan */
    "Antarctica/Troll",  /* by two hours */
};

static void compare(const ch_zone *zone, const char *name, int64_t utc_s)
{
    struct tm local;
    time_t at = utc_s;
    localtime_r(&at, &local);
    if (ch_zone_offset(zone, utc_s) != local.tm_gmtoff) /* an assertion that holds costs more than all this */
        ck_abort_msg("%s at %lld: %d, not %ld", name, (long long)utc_s, ch_zone_offset(zone, utc_s), local.tm_gmtoff);
}

START_TEST(test_offsets_are_those_of_the_system)
{
    const char *name = zones[_i];
    dice d = {(uint64_t)_i};
    ch_zone *zone;
    ck_assert_msg(ch_zone_load(name, &zone, &err) == CH_OK, "%s", err.message);
    ck_assert((zone == NULL) == (strcmp(name, "UTC") == 0));
    setenv("TZ", name, 1);
    tzset();
    for (int i = 0; i < 5000; i++)
        compare(zone, name, (int64_t)dice_below(&d, END_2200));
    for (int64_t at = 0; at < END_2200; at = ch_zone_at(zone, at).to_s) { /* around each change */
        compare(zone, name, at);
        compare(zone, name, at > 0 ? at - 1 : 0);
    }
    ch_zone_free(zone);
}
END_TEST

START_TEST(test_stretches_join)
{
    ch_zone *zone;
    ck_assert_int_eq(ch_zone_load("Europe/Berlin", &zone, &err), CH_OK);
    ch_zone_stretch last = ch_zone_at(zone, INT64_MIN);
    ck_assert_int_eq(last.from_s, INT64_MIN);
    unsigned count = 1;
    for (; last.to_s != INT64_MAX; count++) {
        ch_zone_stretch next = ch_zone_at(zone, last.to_s);
        ck_assert_int_eq(next.from_s, last.to_s);
        ck_assert_int_gt(next.to_s, next.from_s);
        last = next;
    }
    ck_assert_uint_gt(count, 400);
    ck_assert_int_eq(ch_zone_offset(zone, INT64_MAX), 3600);
    ch_zone_stretch all = ch_zone_at(NULL, 0);
    ck_assert(all.from_s == INT64_MIN && all.to_s == INT64_MAX && all.offset_s == 0);
    ch_zone_free(zone);
}
END_TEST

/* clang-format off */
static const struct {
    const char *name;
    const char *says;
} wrong_names[] = {
    { "Europe/Berlni",          "there is no time zone 'Europe/Berlni' in /usr/share/zoneinfo; correct the name, or install the package tzdata" },
    { "europe/berlin",          "there is no time zone 'europe/berlin'" },
    { "utc",                    "there is no time zone 'utc'" },
    { "Europe/Berlin/Mitte",    "there is no time zone 'Europe/Berlin/Mitte'" },
    { "Europe",                 "/usr/share/zoneinfo/Europe " },
    { "leapseconds",            "time zone 'leapseconds' in /usr/share/zoneinfo: it is not a file of time zones; install the package tzdata again" },
    { "right/UTC",              "time zone 'right/UTC' in /usr/share/zoneinfo: it counts leap seconds, which clocks do not; use a zone without 'right/'" },
    { "",                       "'' is not the name of a time zone; names are such as Europe/Berlin or UTC" },
    { ".",                      "'.' is not the name" },
    { "..",                     "'..' is not the name" },
    { "../passwd",              "'../passwd' is not the name" },
    { "Europe/../../passwd",    "'Europe/../../passwd' is not the name" },
    { "Europe/./Berlin",        "'Europe/./Berlin' is not the name" },
    { "/etc/localtime",         "'/etc/localtime' is not the name" },
    { "Europe//Berlin",         "'Europe//Berlin' is not the name" },
    { "Europe/",                "'Europe/' is not the name" },
    { "zone.tab",               "'zone.tab' is not the name" },
    { "Europe/Berlin ",         "'Europe/Berlin ' is not the name" },
    { "CET-1CEST,M3.5.0",       "'CET-1CEST,M3.5.0' is not the name" },
    { "\xc3\x84/Berlin",        "'\xc3\x84/Berlin' is not the name" },
    { "A23456789012345678901234567890123456789012345678901234567890123456", "'A23456" },
};
/* clang-format on */

START_TEST(test_a_name_of_no_zone_is_refused)
{
    ch_zone *zone;
    ck_assert_int_eq(ch_zone_load(wrong_names[_i].name, &zone, &err), CH_CONFIG);
    ck_assert_ptr_null(zone);
    ck_assert_msg(strncmp(err.message, wrong_names[_i].says, strlen(wrong_names[_i].says)) == 0, "%s", err.message);
}
END_TEST

/* ---- files ---- */

static void add_number(ch_buffer *out, int64_t number, unsigned size)
{
    for (unsigned i = size; i-- > 0;)
        ch_buffer_add_byte(out, (uint8_t)(i < 8 ? (uint64_t)number >> (8 * i) : 0));
}

/* A file of two changes, after which `footer` holds; with what a case puts wrong. */
typedef struct sketch {
    const char *name;
    const char *footer;
    const char *magic; /* NULL: as it should be; the same of each below that is 0 */
    int64_t second_s;
    size_t cut; /* bytes at the end that are not there */
    unsigned leaps;
    unsigned types; /* one more than there are */
    int32_t offset_s;
    char version;
    uint8_t index;
} sketch;

static void add_header(const sketch *made, unsigned times, unsigned types, unsigned leaps, ch_buffer *out)
{
    ch_buffer_add_text(out, made->magic != NULL ? made->magic : "TZif");
    ch_buffer_add_byte(out, (uint8_t)(made->version != 0 ? made->version : '2'));
    const unsigned counts[] = {0, 0, leaps, times, types, 4};
    for (size_t i = 0; i < 15; i++)
        ch_buffer_add_byte(out, 0);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        add_number(out, counts[i], 4);
}

static ch_status read_sketch(const sketch *made, ch_zone **out)
{
    ch_autobuffer file = CH_BUFFER_INIT;
    unsigned types = made->types != 0 ? made->types - 1 : 2;
    add_header(made, 0, 0, 0, &file);
    ch_buffer_add(&file, "LMT", 4);
    add_header(made, 2, types, made->leaps, &file);
    add_number(&file, 1000, 8);
    add_number(&file, made->second_s != 0 ? made->second_s : 2000, 8);
    ch_buffer_add_byte(&file, 1);
    ch_buffer_add_byte(&file, made->index);
    for (unsigned i = 0; i < types; i++) {
        add_number(&file, i == 0 ? 3600 : (made->offset_s != 0 ? made->offset_s : 7200), 4);
        add_number(&file, 0, 2);
    }
    ch_buffer_add(&file, "LMT", 4);
    for (unsigned i = 0; i < made->leaps; i++)
        add_number(&file, 78796800, 12);
    ch_buffer_add_text(&file, made->footer);
    /* A copy of exactly this size, so that a sanitizer sees a read past its end. */
    ch_slice exact = {(const uint8_t *)ch_slice_strdup(ch_buffer_slice(&file)), file.size - made->cut};
    ch_status st = ch_zone_read(exact, out, &err);
    free((char *)exact.data);
    return st;
}

/* clang-format off */
static const sketch wrong_files[] = {
    { .name = "magic",              .footer = "\n\n", .magic = "TZiF" },
    { .name = "version 1",          .footer = "\n\n", .version = 1 },
    { .name = "version '1'",        .footer = "\n\n", .version = '1' },
    { .name = "leap seconds",       .footer = "\n\n", .leaps = 1 },
    { .name = "no type",            .footer = "\n\n", .types = 1 },
    { .name = "one type of two",    .footer = "\n\n", .types = 2 },
    { .name = "no such type",       .footer = "\n\n", .index = 2 },
    { .name = "the same time",      .footer = "\n\n", .second_s = 1000 },
    { .name = "time goes back",     .footer = "\n\n", .second_s = 999 },
    { .name = "far in the east",    .footer = "\n\n", .offset_s = 93601 },
    { .name = "far in the west",    .footer = "\n\n", .offset_s = -93601 },
    { .name = "no footer",          .footer = "" },
    { .name = "half a footer",      .footer = "\n" },
    { .name = "no line's end",      .footer = "\nUTC0" },
    { .name = "no line's begin",    .footer = "UTC0\n" },
    { .name = "no rule",            .footer = "\nutter nonsense\n" },
    { .name = "two rules",          .footer = "\nUTC0\nUTC0\n" },
    { .name = "cut in the names",   .footer = "", .cut = 1 },
    { .name = "cut in the types",   .footer = "", .cut = 5 },
};
/* clang-format on */

START_TEST(test_a_file_that_is_wrong_is_refused)
{
    ch_zone *zone;
    ck_assert_msg(read_sketch(&wrong_files[_i], &zone) == CH_CONFIG, "%s", wrong_files[_i].name);
    ck_assert_ptr_null(zone);
    ck_assert_ptr_nonnull(strchr(err.message, ';'));
}
END_TEST

START_TEST(test_a_file_is_read_to_its_end)
{
    ch_zone *zone;
    sketch empty = {.footer = "\n\n"};
    ck_assert_msg(read_sketch(&empty, &zone) == CH_OK, "%s", err.message);
    const int32_t offsets[][2] = {
        {999,       3600},
        {1000,      7200},
        {1999,      7200},
        {2000,      3600},
        {INT32_MAX, 3600}
    };
    for (size_t i = 0; i < CH_ROWS(offsets); i++)
        ck_assert_int_eq(ch_zone_offset(zone, offsets[i][0]), offsets[i][1]);
    ch_zone_free(zone);
    sketch far = {.footer = "\nCET-1CEST,M3.5.0,M10.5.0/3\n", .second_s = INT64_MAX};
    ck_assert_int_eq(read_sketch(&far, &zone), CH_OK);
    ck_assert_int_eq(ch_zone_offset(zone, END_2200), 7200);
    ch_zone_free(zone);
}
END_TEST

START_TEST(test_always_summer_has_no_gaps)
{
    ch_zone *zone;
    sketch summer = {.footer = "\nEST5EDT,0/0,J365/25\n"};
    ck_assert_int_eq(read_sketch(&summer, &zone), CH_OK);
    for (int64_t at = 366 * 86400; at < END_2200 - 366 * 86400; at += 37 * 1800)
        ck_assert_int_eq(ch_zone_offset(zone, at), -4 * 3600);
    ch_zone_free(zone);
}
END_TEST

START_TEST(test_damaged_files_do_no_harm)
{
    static const char path[] = "/usr/share/zoneinfo/Europe/Berlin";
    uint8_t whole[8192];
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(whole, 1, sizeof whole, file);
    fclose(file);
    dice d = {7};
    for (size_t i = 0; i < 3000; i++) {
        size_t cut = i < size ? i : size;
        uint8_t *copy = ch_alloc(cut);
        memcpy(copy, whole, cut);
        for (size_t flips = i < size ? 0 : 1 + dice_below(&d, 3); flips > 0; flips--)
            copy[dice_below(&d, dice_chance(&d, 50) ? cut : 44)] ^= (uint8_t)(1U << dice_below(&d, 8));
        ch_zone *zone;
        ch_status st = ch_zone_read((ch_slice){copy, cut}, &zone, &err);
        ck_assert(st == CH_CONFIG || st == CH_OK);
        ck_assert(st == CH_CONFIG || cut == size);
        for (int64_t at = 0; st == CH_OK && at < END_2200; at += 86400 * 400)
            ck_assert_int_le(abs(ch_zone_offset(zone, at)), 93600);
        ch_zone_free(zone);
        free(copy);
    }
}
END_TEST

CH_TESTS("zone", CH_TEST_ROWS(test_offsets_are_those_of_the_system, zones), CH_TEST(test_stretches_join),
         CH_TEST_ROWS(test_a_name_of_no_zone_is_refused, wrong_names),
         CH_TEST_ROWS(test_a_file_that_is_wrong_is_refused, wrong_files), CH_TEST(test_a_file_is_read_to_its_end),
         CH_TEST(test_always_summer_has_no_gaps), CH_TEST(test_damaged_files_do_no_harm))
