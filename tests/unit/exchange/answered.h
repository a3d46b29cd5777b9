/* A profile that says what its exchange answers, for the unit tests of answers: PLAIN, then ERRORS, then rules. */
#ifndef CH_TESTS_UNIT_EXCHANGE_ANSWERED_H
#define CH_TESTS_UNIT_EXCHANGE_ANSWERED_H

#define PLAIN                                                                                                          \
    "name: p\ntitle: T\norigins: {a: https://a.example}\nschemes:\n  h: {mechanism: hmac-sha256, secret: text, "       \
    "signature: hex}\nrecipe: r\nrecipes:\n  r: {covers: [path], message: \"{path}\", url: \"{origin}{path}\", "       \
    "headers: {S: \"{signature}\"}}\nendpoints:\n  - {call: GET /x, class: read}\n  - {call: POST /x/y, class: "       \
    "trade}\n"
#define ERRORS                                                                                                         \
    "answers:\n  errors:\n    refused: {status: 422, json: '{{\"m\":{message|json}}}'}\n"                              \
    "    locked: {status: 422, json: '{{\"m\":{message|json},\"i\":{id|json}}}'}\n"                                    \
    "    not-sent: {status: 503, text: 'Away: {message}', headers: {Retry-After: \"1\"}}\n"                            \
    "    unknown: {status: 504, json: '[{message|json}]'}\n"

#endif
