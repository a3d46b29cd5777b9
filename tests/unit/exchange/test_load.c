/* A profile that is wrong is refused with its line and the reason; one that is sound is read as it says. */
#include "exchange/load.h"

#include "base/buffer.h"
#include "exchange/profile_impl.h"
#include "tests/support/suite.h"
#include "tests/unit/exchange/samples.h"

#include <stdio.h>

static const char sound[] = SOUND_PROFILE;

/* clang-format off */
/* One change to the sound profile, and where and why it is refused. */
static const struct {
    const char *from;
    const char *to;
    unsigned line;
    const char *reason;
} wrong[] = {
    /* in the sound profile    becomes                                                 line reason */
    {"title: T",               "titel: T",                                             1,  "'title' is missing"            },
    {"name: t\n",              "name: t\nextra: 1\n",                                  2,  "no field 'extra'"              },
    {"name: t\n",              "name: T/..\n",                                         1,  "can't be a profile's name"     },
    {"https://a.example",      "http://a.example",                                     3,  "an origin is https://"         },
    {"https://a.example",      "https://a.example/x",                                  3,  "an origin is https://"         },
    {"https://a.example",      "https://u@a.example",                                  3,  "an origin is https://"         },
    {"url: \"{origin}{path}",   "url: \"https://b.example{path}",                       8,  "'url' must begin with {origin}" },
    {"url: \"{origin}{path}",   "url: \"x{origin}{path}",                               8,  "'url' must begin with {origin}" },
    {"url: \"{origin}{path}",   "url: \"{origin|upper}{path}",                          8,  "'url' must begin with {origin}" },
    {"url: \"{origin}{path}",   "url: \"{origin}.b.example{path}",                      8,  "and go on with {path}"         },
    {"url: \"{origin}{path}",   "url: \"{origin}{path|drop:/}",                         8,  "and go on with {path}"         },
    {"url: \"{origin}{path}",   "url: \"{origin}{payload}{path}",                       8,  "and go on with {path}"         },
    {"message: \"{payload}\"",   "message: \"{payload|then:x}\"", 8, "'covers' claims params, but the message does not show it"},
    {"https://a.example",      "https://A.example",                                    3,  "write the host in lower case"  },
    {"https://a.example",      "https://a.example.",                                   3,  "without a dot at its end"      },
    {"https://a.example",      "https://a.example:443",                                3,  "without the port 443"          },
    {"https://a.example",      "https://a.example:0443",                               3,  "without the port 443"          },
    {"mechanism: hmac-sha256", "mechanism: md5",                                       4,  "unknown mechanism 'md5'"   },
    {"secret: text",           "secret: rot13",                                        4,  "unknown encoding 'rot13'"      },
    {"secret: text",           "secret: text, secret_shape: 64", 4,  "this must be a map"},
    {"secret: text",           "secret: text, secret_shape: {length: 64}", 4,  "'alphabet' is missing"},
    {"secret: text",           "secret: text, secret_shape: {alphabet: base64}", 4,  "'length' is missing"},
    {"secret: text",           "secret: text, secret_shape: {length: 0, alphabet: base64}", 4,  "'0' is not a length"},
    {"secret: text",           "secret: text, secret_shape: {length: 64, alphabet: morse}", 4,  "unknown alphabet 'morse'"},
    {"secret: text",           "secret: text, secret_shape: {length: 64, alphabet: base64, of: 1}", 4,  "no field 'of'"},
    {"mechanism: hmac-sha256, secret: text", "mechanism: ed25519, secret: text, secret_shape: {length: 64, alphabet: base64}", 4, "is for API secrets"},
    {"recipe: r\n",            "refuses_unknown: [{path: /}]\nrecipe: r\n",            5,  "'why' is missing"              },
    {"recipe: r\n",            "refuses_unknown: [{path: /y/, why: w}]\nrecipe: r\n",  5,  "no endpoint's path begins with '/y/'"},
    {"recipe: r\n",            "refuses_unknown: [{path: /x, why: w}]\nrecipe: r\n",   5,  "'/x' is not the beginning of paths"},
    {"recipe: r\n",            "refuses_unknown: []\nrecipe: r\n",                     5,  "at least 1 path"               },
    {"recipe: r\n",            "acceptable_confusions: {a: {lets: l}}\nrecipe: r\n",   5,  "'calls', 'under' or 'cuts' is missing" },
    {"recipe: r\n",            "acceptable_confusions: {a: {under: [], lets: l}}\nrecipe: r\n", 5, "give 1 to 8 beginnings of paths"},
    {"recipe: r\n",            "acceptable_confusions: {a: {under: [/x], lets: l}}\nrecipe: r\n", 5, "'/x' is not the beginning of paths"},
    {"recipe: r\n",            "acceptable_confusions: {a: {under: [/y/], lets: l}}\nrecipe: r\n", 5, "no signature for another call opens what is under '/y/'; delete 'a'"},
    {"recipe: r\n",            "order_rate: 10\nrecipe: r\n",                          5,  "this must be a map"            },
    {"recipe: r\n",            "order_rate: {count: 10}\nrecipe: r\n",                 5,  "'per' is missing"              },
    {"recipe: r\n",            "order_rate: {count: 0, per: 1s}\nrecipe: r\n",         5,  "count"                         },
    {"recipe: r\n",            "order_rate: {count: 1, per: 0s}\nrecipe: r\n",         5,  "'0s' is not a duration"        },
    {"recipe: r\n",            "order_rate: {count: 1, per: 10}\nrecipe: r\n",         5,  "'10' is not a duration"        },
    {"recipe: r\n",            "validity: 25h\nrecipe: r\n",                           5,  "'25h' is not a duration of at most a day"},
    {"recipe: r\n",            "validity: -1s\nrecipe: r\n",                           5,  "'-1s' is not a duration"       },
    {"recipe: r\n",            "validity: 99999999999999999999s\nrecipe: r\n",         5,  "is not a duration"             },
    {"recipe: r\n",            "validity: {param: p}\nrecipe: r\n",                    5,  "'default' is missing"          },
    {"recipe: r\n",            "validity: {param: q, default: 5s}\nrecipe: r\n",       5,  "no parameter is sent as 'q'"   },
    {"recipe: r\n",            "validity: {param: p, default: 5s}\nrecipe: r\n",       5,  "its type is integer or decimal"},
    {"recipe: r\n",            "acceptable_confusions: {a: {calls: [GET /x]}}\nrecipe: r\n", 5, "'lets' is missing"        },
    {"recipe: r\n",            "acceptable_confusions: {a: {calls: [GET /x], lets: ''}}\nrecipe: r\n", 5, "say in 1 to 120 bytes"},
    {"recipe: r\n",            "acceptable_confusions: {a: {calls: [], lets: l}}\nrecipe: r\n", 5, "it names no call"       },
    {"recipe: r\n",            "acceptable_confusions: {a: {calls: [GET /y], lets: l}}\nrecipe: r\n", 5, "there is no endpoint 'GET /y'"},
    {"recipe: r\n",            "acceptable_confusions: {a: {calls: [GET /x, GET /x], lets: l}}\nrecipe: r\n", 5, "'GET /x' is named twice"},
    {"recipe: r\n",            "acceptable_confusions: {A: {calls: [GET /x], lets: l}}\nrecipe: r\n", 5, "'A' can't be a name"},
    {"recipe: r\n",            "acceptable_confusions: {a: {calls: [GET /x], lets: l}}\nrecipe: r\n", 5, "no signature for another call opens GET /x"},
    {"class: read",            "class: read, schemes: [rsa]",                         16, "there is no scheme 'rsa'"      },
    {"class: read",            "class: read, schemes: []",                            16, "it names no scheme"            },
    {"class: read",            "class: read, schemes: hmac",                          16, "this must be a list"           },
    {"recipe: r\n",            "recipe: q\n",                                          5,  "there is no recipe 'q'"        },
    {"recipe: r\n",            "recipe: {POST: r}\n",                                  5,  "no recipe for method GET"      },
    {"recipe: r\n",            "nonce: h\nrecipe: r\n",                                5,  "unknown nonce unit 'h'"        },
    {"recipe: r\n",            "nonce: {unit: h}\nrecipe: r\n",                        5,  "unknown nonce unit 'h'"        },
    {"recipe: r\n",            "nonce: {ahead_s: 1, behind_s: 1}\nrecipe: r\n",        5,  "'unit' is missing"             },
    {"recipe: r\n",            "nonce: {unit: ms, ahead_s: 1}\nrecipe: r\n",           5,  "a window has two sides"        },
    {"recipe: r\n",            "nonce: {unit: ms, behind_s: 1}\nrecipe: r\n",          5,  "a window has two sides"        },
    {"recipe: r\n",            "nonce: {unit: ms, repeats: true}\nrecipe: r\n",        5,  "only nonces in a window"       },
    {"recipe: r\n",            "nonce: {unit: s, ahead_s: 0, behind_s: 0}\nrecipe: r\n", 5, "from 1 to 3600"               },
    {"recipe: r\n",            "nonce_for: {k: s}\nrecipe: r\n",                       5,  "'nonce_for' needs 'nonce'"     },
    {"recipe: r\n",            "nonce: ms\nnonce_for: {}\nrecipe: r\n",                6,  "at least 1 kind of key"        },
    {"[params]\n",             "[parms]\n",                                            8,  "part of a request 'parms'"     },
    {"[params]\n",             "[params, path]\n",                                     8,  "claims path, but"              },
    {"[params]\n",             "[params, host]\n",                                     8,  "claims host, but"              },
    {"[params]\n",             "[params, method]\n",                                   8,  "claims method, but"            },
    {"{all: {fields",          "{all: {takes: none, fields",                           8,  "claims params, but"            },
    {"{all: {fields",          "{all: {takes: query, fields",                          8,  "claims params, but"            },
    {"{all: {fields",          "{all: {takes: all, fields",                            9,  "set of parameters 'all'"       },
    {"{all|form}",             "{all|form|plus:x}",                                    10, "can't take 'x'"                },
    {"{all|form}",             "{all|form|when:q}",                                    10, "no value 'q'"                  },
    {"message: ",              "also_signs: {x: \"{payload}\"}\n    message: ",        11, "no value 'payload'"            },
    {"message: ",              "also_signs: {x: \"{path}\"}\n    message: ",           11, "no value 'path'"               },
    {"message: ",              "also_signs: {path: \"{key_id}\"}\n    message: ",      11, "already"                       },
    {"type: text",             "type: list",                                           14, "'items' is missing"            },
    {"type: text",             "type: list, items: p",                                 14, "does not define 'p'"           },
    {"type: text",             "type: object, required: [z]",                          14, "does not define 'z'"           },
    {"type: text",             "type: list, items: p",                                 14, "does not define 'p'"           },
    {"type: text",             "type: object, required: [p]",                          14, "does not define 'p'"           },
    {"type: text",             "type: enum, values: []",                               14, "at least 1 value"              },
    {"type: text",             "type: text, max: 3",                                   14, "no field 'max'"                },
    {"type: text",             "type: text, unit: lots",                               14, "unknown unit 'lots'"           },
    {"type: text",             "type: text, in: header",                               14, "unknown place 'header'"        },
    {"type: text",             "type: text, name: \"\"",                               14, "only a list"                   },
    {"GET /x",                 "GET /x/{q}",                                           16, "does not define 'q'"           },
    {"GET /x",                 "GET /x/{p",                                            16, "is not closed"                 },
    {"GET /x",                 "GET /x/p}",                                            16, "closes nothing"                },
    {"GET /x",                 "GET /x/{p}y",                                          16, "only a '/' may follow"         },
    {"GET /x",                 "WS /x",                                                16, "go together"                   },
    {"value: \"{time_ms}\"",   "value: \"{nonce}\"",                                   9,  "no value 'nonce'"              },
    {"value: \"{time_ms}\"",   "value: \"{all|form}\"",                                9,  "no value 'all'"                },
    {"value: \"{time_ms}\"",   "value: \"{time_ms}\", at: here",                       9,  "unknown place 'here'"          },
    {"{all|form}",             "{all}",                                                10, "a list needs a style"          },
    {"{all|form}",             "{all|hex}",                                            10, "unknown style 'hex'"           },
    {"{all|form}",             "{all|form|rot13}",                                     10, "no filter 'rot13'"             },
    {"{all|form}",             "{all|form|prefix}",                                    10, "needs a text"                  },
    {"{all|form}",             "{all|form|hex:1}",                                     10, "takes nothing"                 },
    {"{all|form}",             "{all|form|hex|hex|hex|hex|hex}",                       10, "more than 4 filters"           },
    {"{all|form}",             "{all|form",                                            10, "is not closed"                 },
    {"{all|form}",             "x}",                                                   10, "closes nothing"                },
    {"{all|form}",             "{payload}",                                            10, "no value 'payload'"            },
    {"{payload: ",             "{path: ",                                              10, "already"                       },
    {"message: \"{payload}\"", "message: \"{signature}\"",                             11, "no value 'signature'"          },
    {"{payload}&s",            "{all|form}&s",                                         12, "no value 'all'"                },
    {"{signature}",            "x",                                                    8,  "neither url, body nor a header"},
    {"type: text",             "type: string",                                         14, "unknown type 'string'"         },
    {"type: text",             "type: text, role: boss",                               14, "no fact 'boss'"                },
    {"type: text",             "type: enum",                                           14, "'values' is missing"           },
    {"type: text}",            "type: text}\n  q: {type: text}",                       15, "no endpoint uses parameter 'q'"},
    {"  p: {type: text}",      "  p: {type: text, name: ts}",                          16, "fills in 'ts'"                 },
    {"GET /x",                 "GET x",                                                16, "a plain path"                  },
    {"GET /x",                 "GET /x/../y",                                          16, "a plain path"                  },
    {"GET /x",                 "GET /x?y=1",                                           16, "a plain path"                  },
    {"GET /x",                 "get /x",                                               16, "a method and a path"           },
    {"class: read",            "class: reads",                                         16, "unknown class 'reads'"         },
    {"optional: [p]",          "optional: [p], required: [p]",                         16, "listed here already"           },
    {"optional: [p]",          "optional: [p, z]",                                     16, "'params' does not define 'z'"  },
    {"optional: [p]",          "optional: [p, +g]",                                    16, "no group 'g'"                  },
    {"optional: [p]",          "optional: [p], origin: b",                             16, "no origin 'b'"                 },
    {"optional: [p]}\n",       "optional: [p]}\n  - {call: GET /x, class: read}\n",    16, "listed twice"                  },
    {"title: T\n",             "title: T\nleft_out: [{call: GET /x, why: w}]\n",        3,  "and is an endpoint too"        },
    {"title: T\n",             "title: T\nleft_out: [{call: GET /y}]\n",                3,  "'why'"                         },
    {"title: T\n",             "title: T\nleft_out: [{call: GET /y, why: \"\"}]\n",     3,  "say why"                       },
    {"title: T\n",             "title: T\nleft_out: [{call: GET, why: w}]\n",           3,  "a method and a path"           },
    {"title: T\n",
     "title: T\nleft_out:\n  - {call: GET /y, why: w}\n  - {call: GET /y, why: v}\n",  5,  "left out twice"                },
    {"title: T\n",             "title: T\ncontracts: [{symbol: a, size: x, of: b}]\n", 3,  "not a plain decimal"           },
    {"p: {type: text}",
     "p: {type: text}\n  l1: {type: list, items: p}\n  l2: {type: list, items: l1}\n"
     "  l3: {type: list, items: l2}\n  l4: {type: list, items: l3}\n"
     "  l5: {type: list, items: l4}",                                                  19, "nest at most 4 deep"           },
    {"p: {type: text}",
     "p: {type: text}\n  l1: {type: list, items: p}\n"
     "  l2: {type: list, items: l1, spelling: comma}",                                 16, "can only have the spelling"    },
    {"type: text",             "type: text, needs: {x: account}",                     14, "no field 'needs'"              },
    {"type: text",             "type: decimal, needs: {0: account}",                  14, "no field 'needs'"              },
    {"type: text",             "type: integer, needs: {}",                            14, "at least 1 value"              },
    {"type: text",             "type: integer, needs: {0: power}",                    14, "unknown class 'power'"         },
    {"type: text",             "type: integer, needs: {-1: account}",                 14, "which the parameter does not"  },
    {"type: text",             "type: integer, needs: {00: account}",                 14, "which the parameter does not"  },
    {"type: text",             "type: enum, values: [a], needs: {b: account}",        14, "which the parameter does not"  },
    {"p: {type: text}",
     "n: {type: integer, needs: {0: account}}\n  p: {type: list, items: n}",          15, "can't hold a parameter that"   },
    {"p: {type: text}",
     "n: {type: integer, needs: {0: account}}\n  p: {type: object, optional: [n]}",   15, "can't hold a parameter that"   },
    {"p: {type: text}\nendpoints:\n  - {call: \"GET /x\"",
     "p: {type: integer, needs: {0: account}}\nendpoints:\n  - {call: \"GET /x/{p}\"", 16, "can't stand in a path"         },
    {"optional: [p]}\n",       "optional: [p], clas: x}\n",                            16, "no field 'clas'"               },
    {"optional: [p]}\n",       "optional: [p], intent: order}\n",                      16, "'p' must say what it means"    },
    {"optional: [p]}\n",       "optional: [p], intent: buy}\n",                        16, "unknown kind of item 'buy'"    },
    {"optional: [p]}\n",       "optional: [p], intent: {cancel: {side: buy}}}\n",      16, "don't have all these facts"    },
    {"optional: [p]}\n",       "optional: [p], intent: {order: {side: up}}}\n",        16, "no word of the fact side"      },
    {"optional: [p]}\n",       "optional: [p], intent: {order: {shares: [side]}}}\n",  16, "only a leg"                    },
    {"optional: [p]}\n",       "optional: [p], uses: twice}\n",                        16, "unknown number of uses"        },
    {"type: text",             "type: text, neutral: n, role: side",                   14, "no other meaning"              },
    {"type: text",             "type: text, hides: [x]",                               14, "no fact 'x'"                   },
    {"type: text",             "type: integer, sign: side",                            14, "may be negative"               },
    {"type: text",             "type: text, means: {a: b}",                            14, "has no role"                   },
    {"type: text",             "type: enum, values: [a], role: side, means: {b: buy}", 14, "which the parameter does not"  },
    {"type: text",             "type: enum, values: [a], role: side, means: {a: up}",  14, "no word of the fact side"      },
    {"type: text",             "type: text, when: [{param: z, role: price}]",          14, "nor one above"                 },
    {"type: text",             "type: decimal, role: price, scale: 19",                14, "18"                            },
    {"p: {type: text}\nendpoints:\n  - {",
     "p: {type: text, role: asset}\nendpoints:\n  - {intent: order, ",                  16, "says asset, which no item"     },
    {"p: {type: text}\nendpoints:\n  - {",
     "p: {type: text, role: side, leg: a}\nendpoints:\n  - {intent: order, ",                  16, "belongs to leg 'a'"            },
    {"title: T\n",             "title: T\nsymbols: [{form: \"{base}{base}\"}]\n",       3,  "a form has {base} once"        },
    {"title: T\n",             "title: T\nsymbols: [{form: a, market: moon}]\n",       3,  "unknown market 'moon'"         },
};
/* clang-format on */

START_TEST(test_the_sound_profile_is_taken)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    ck_assert_msg(load_text(sound, &profile, &err) == CH_OK, "%s", err.message);
    ch_profile_free(profile);
}
END_TEST

START_TEST(test_a_wrong_profile_is_refused_with_line_and_reason)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    const char *at = strstr(sound, wrong[_i].from);
    ck_assert_ptr_nonnull(at);
    ch_autobuffer source = CH_BUFFER_INIT;
    ch_buffer_add(&source, sound, (size_t)(at - sound));
    ch_buffer_add_text(&source, wrong[_i].to);
    ch_buffer_add_text(&source, at + strlen(wrong[_i].from));
    ck_assert_msg(load_text(ch_buffer_text(&source), &profile, &err) == CH_CONFIG, "'%s' was taken", wrong[_i].to);
    ck_assert_ptr_null(profile);
    char line[16];
    snprintf(line, sizeof line, ":%u: ", wrong[_i].line);
    ck_assert_msg(strstr(err.message, wrong[_i].reason) != NULL, "'%s': %s", wrong[_i].to, err.message);
    ck_assert_msg(strstr(err.message, line) != NULL, "'%s' in line %u: %s", wrong[_i].to, wrong[_i].line, err.message);
}
END_TEST

START_TEST(test_a_definition_is_read_as_it_says)
{
    ch_profile *profile = load("profiles/binance.yaml");
    const ch_endpoint *endpoint = match(profile, "POST", "/api/v3/order");
    const ch_listed_param *quote = ch_param_list_find(&endpoint->params, CH_LITERAL("quoteOrderQty"));
    const ch_listed_param *window = ch_param_list_find(&endpoint->params, CH_LITERAL("recvWindow"));
    ck_assert_ptr_nonnull(quote);
    ck_assert_ptr_nonnull(window);
    ck_assert_int_eq(quote->def->type, CH_TYPE_DECIMAL);
    ck_assert_int_eq(quote->def->meaning->sense.role, CH_FACT_QUANTITY);
    ck_assert_int_eq(quote->def->meaning->sense.unit, CH_UNIT_QUOTE);
    ck_assert_ptr_nonnull(window->def->meaning->neutral);
    ck_assert(!quote->is_required && !window->is_required);
    ch_profile_free(profile);
}
END_TEST

CH_TESTS("load", CH_TEST(test_a_definition_is_read_as_it_says), CH_TEST(test_the_sound_profile_is_taken),
         CH_TEST_ROWS(test_a_wrong_profile_is_refused_with_line_and_reason, wrong))
