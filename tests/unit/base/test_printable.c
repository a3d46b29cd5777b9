#include "base/printable.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *what;
    const char *text;
    const char *shown;
} cases[] = {
    {"nothing",                               "",                                     ""                                    },
    {"ASCII",                                 "BTC-USD ~",                            "BTC-USD ~"                           },
    {"two, three and four bytes",             "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"line ends",                             "a\r\nb",                               "a??b"                                },
    {"an escape sequence",                    "\x1b[2J",                              "?[2J"                                },
    {"delete",                                "a\x7f",                                "a?"                                  },
    {"a C1 control",                          "a\xc2\x9bz",                           "a??z"                                },
    {"a C1 control outside UTF-8",            "a\x9bz",                               "a?z"                                 },
    {"ISO 8859-1",                            "caf\xe9",                              "caf?"                                },
    {"good characters between bad ones",      "\xff\xc3\xa9\xfe",                     "?\xc3\xa9?"                          },
    {"a character cut off after one byte",    "a\xe2",                                "a?"                                  },
    {"a character cut off after two bytes",   "a\xe2\x82",                            "a??"                                 },
    {"a character cut off after three bytes", "\xf0\x9f\x98",                         "???"                                 },
    {"an overlong slash",                     "\xc0\xaf",                             "??"                                  },
    {"an Arabic letter mark",                 "a\xd8\x9c",                            "a??"                                 },
    {"a left-to-right mark",                  "a\xe2\x80\x8e",                        "a???"                                },
    {"a right-to-left override",
     "a\xe2\x80\xae"
     "b",                                                                             "a???b"                               },
    {"an isolate",                            "a\xe2\x81\xa6",                        "a???"                                },
    {"a zero-width space",
     "\xe2\x80\x8b"
     "b",                                                                             "???b"                                },
    {"a word joiner",                         "\xe2\x81\xa0",                         "???"                                 },
    {"a byte order mark",                     "\xef\xbb\xbf",                         "???"                                 },
    {"a line separator",                      "\xe2\x80\xa8",                         "???"                                 },
    {"a soft hyphen",                         "a\xc2\xad",                            "a??"                                 },
    {"a no-break space",                      "a\xc2\xa0",                            "a??"                                 },
    {"a variation selector",                  "a\xef\xb8\x8f",                        "a???"                                },
    {"a tag",                                 "a\xf3\xa0\x81\xbf",                    "a????"                               },
    {"a letter beside them",                  "\xe2\x80\xa7\xe2\x80\x90",             "\xe2\x80\xa7\xe2\x80\x90"            },
    {"a surrogate",                           "\xed\xa0\x80",                         "???"                                 },
};

START_TEST(test_what_can_not_be_shown_becomes_a_question_mark)
{
    char text[64];
    snprintf(text, sizeof text, "%s", cases[_i].text);
    ch_make_printable(text);
    ck_assert_msg(strcmp(text, cases[_i].shown) == 0, "%s: '%s'", cases[_i].what, text);
}
END_TEST

CH_TESTS("printable", CH_TEST_ROWS(test_what_can_not_be_shown_becomes_a_question_mark, cases))
