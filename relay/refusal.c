#include "relay/refusal.h"

#include "base/encode.h"

#define RETRY_STATUS 503

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

/* A header is ASCII: what is not becomes '?', so that the document stays one. */
static void add_header(ch_buffer *lines, const ch_buffer *document)
{
    ch_buffer_add_text(lines, "Chancery-Problem: ");
    for (size_t i = 0; i < document->size; i++)
        ch_buffer_add_byte(lines, document->data[i] >= ' ' && document->data[i] <= '~' ? document->data[i] : '?');
    ch_buffer_add_text(lines, "\r\n");
}

ch_refusal ch_refusal_of(const ch_error *problem, unsigned http_status)
{
    ch_refusal out = {.status = http_status != 0 ? http_status : (unsigned)ch_status_http(problem->status)};
    ch_buffer_add_format(&out.body, "{\"type\":\"urn:chancery:problem:%s\",\"title\":\"%s\",\"status\":%u,\"detail\":",
                         ch_status_name(problem->status), ch_status_title(problem->status), out.status);
    ch_encode_json(&out.body, ch_slice_of(problem->message));
    ch_buffer_add_byte(&out.body, '}');
    ch_buffer_add_text(&out.lines, "Content-Type: application/problem+json\r\n");
    if (out.status == RETRY_STATUS)
        ch_buffer_add_text(&out.lines, "Retry-After: 1\r\n");
    out.problem_at = out.lines.size;
    add_header(&out.lines, &out.body);
    return out;
}

void ch_refusal_free(ch_refusal *refusal)
{
    ch_buffer_free(&refusal->lines);
    ch_buffer_free(&refusal->body);
}
