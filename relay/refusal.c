#include "relay/refusal.h"

#include "base/slice.h"
#include "wire/documents.h"

#define RETRY_STATUS 503
#define PROBLEM_MAX 4096 /* of the header */

/* clang-format off */
static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    {200, "OK"},                    {201, "Created"},               {202, "Accepted"},
    {204, "No Content"},            {304, "Not Modified"},          {400, "Bad Request"},
    {401, "Unauthorized"},          {403, "Forbidden"},             {404, "Not Found"},
    {405, "Method Not Allowed"},    {408, "Request Timeout"},       {409, "Conflict"},
    {411, "Length Required"},       {413, "Content Too Large"},     {417, "Expectation Failed"},
    {418, "I'm a teapot"},          {422, "Unprocessable Content"}, {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},                       {500, "Internal Server Error"},
    {501, "Not Implemented"},       {502, "Bad Gateway"},           {503, "Service Unavailable"},
    {504, "Gateway Timeout"},       {505, "HTTP Version Not Supported"},
};
/* clang-format on */

const char *ch_status_phrase(unsigned http_status)
{
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (phrases[i].status == http_status)
            return phrases[i].phrase;
    }
    return "";
}

/* A character as JSON writes it in ASCII; two surrogates for one beyond U+FFFF. */
static void add_escaped(ch_buffer *out, uint32_t code_point)
{
    if (code_point > 0xffff) {
        ch_buffer_add_format(out, "\\u%04x", 0xd800 + ((code_point - 0x10000) >> 10));
        code_point = 0xdc00 + (code_point & 0x3ff);
    }
    ch_buffer_add_format(out, "\\u%04x", code_point);
}

/* Only strings hold anything but ASCII. What is no text, which should not be there, becomes '?'. */
static void add_ascii(ch_buffer *out, ch_slice json)
{
    while (json.size > 0) {
        uint32_t code_point = '?';
        size_t size = ch_slice_code_point(json, &code_point);
        if (size > 1)
            add_escaped(out, code_point);
        else
            ch_buffer_add_byte(out, size == 0 ? '?' : json.data[0]);
        json = ch_slice_after(json, size == 0 ? 1 : size);
    }
}

void ch_problem_header_add(ch_buffer *lines, ch_slice document)
{
    size_t begin = lines->size;
    ch_buffer_add_text(lines, "Chancery-Problem: ");
    add_ascii(lines, document);
    ch_buffer_add_text(lines, "\r\n");
    if (lines->size - begin > PROBLEM_MAX)
        lines->size = begin;
}

ch_refusal ch_refusal_of(const ch_error *problem, unsigned http_status)
{
    ch_refusal out = {.status = http_status != 0 ? http_status : (unsigned)ch_status_http(problem->status)};
    ch_problem_add(&out.body, problem, out.status, &(ch_problem_facts){.delay_s = 0});
    ch_buffer_add_text(&out.lines, "Content-Type: application/problem+json\r\n");
    if (out.status == RETRY_STATUS)
        ch_buffer_add_text(&out.lines, "Retry-After: 1\r\n");
    out.problem_at = out.lines.size;
    ch_problem_header_add(&out.lines, ch_buffer_slice(&out.body));
    return out;
}

void ch_refusal_free(ch_refusal *refusal)
{
    ch_buffer_free(&refusal->lines);
    ch_buffer_free(&refusal->body);
}
