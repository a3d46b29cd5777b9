/* Requests that were tampered with: most must be refused, the others are judged as what they now are. */
#include "base/buffer.h"
#include "tests/property/changes.h"

#include <string.h>

/* ---- parameters ---- */

static bool given_twice(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at))
        return false;
    size_t after = ch_param_after(from->params, from->request.param_count, at);
    for (size_t i = at; i < after; i++)
        sample_add(to, from->params[i].kind, from->params[i].name, from->params[i].value);
    if (dice_chance(&r->dice, 50) && is_plain(&from->params[at]) && from->params[at].def != NULL) {
        sample_remove(to, from->request.param_count);
        add_param(r, to, from->params[at].def);
    }
    return !to->is_full;
}

/* The second one in another spelling of the name. */
static bool twice_respelled(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_plain, &at) || from->params[at].name.size == 0)
        return false;
    ch_slice name = from->params[at].name;
    name = dice_chance(&r->dice, 50) ? escape_at(r, name, dice_below(&r->dice, name.size))
                                     : join(r, name, CH_LITERAL("[]"));
    sample_add(to, from->params[at].kind, name, from->params[at].value);
    return !to->is_full;
}

static bool member_twice(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_object, &at) || from->request.param_count == CH_PARAMS_MAX ||
        !is_plain(&from->params[at + 1]))
        return false;
    memmove(&to->params[at + 2], &to->params[at + 1], (to->request.param_count - at - 1) * sizeof *to->params);
    to->request.param_count++;
    return true;
}

static bool name_escaped(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at) || from->params[at].name.size == 0)
        return false;
    ch_slice name = from->params[at].name;
    to->params[at].name = escape_at(r, name, dice_below(&r->dice, name.size));
    return true;
}

static bool value_escaped(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_plain, &at) || from->params[at].value.size == 0)
        return false;
    ch_slice value = from->params[at].value;
    to->params[at].value = escape_at(r, value, dice_below(&r->dice, value.size));
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool name_in_other_case(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at))
        return false;
    to->params[at].name = change_case(r, from->params[at].name);
    return !ch_slice_equal(to->params[at].name, from->params[at].name);
}

static bool value_in_other_case(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_plain, &at))
        return false;
    to->params[at].value = change_case(r, from->params[at].value);
    return !ch_slice_equal(to->params[at].value, from->params[at].value);
}

static bool unlisted(rig *r, const sample *from, sample *to)
{
    if (r->profile->param_count == 0)
        return false;
    const ch_param_def *def = &r->profile->params[dice_below(&r->dice, r->profile->param_count)];
    ch_slice name = ch_slice_of(def->name);
    if (ch_param_list_find(&from->endpoint->params, name) != NULL)
        name = join(r, name, CH_LITERAL(" "));
    make_param(r, def, name, to);
    return !to->is_full;
}

static bool missing(rig *r, const sample *from, sample *to)
{
    const ch_param_list *list = &from->endpoint->params;
    size_t start = dice_below(&r->dice, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const ch_listed_param *listed = &list->params[(start + i) % list->count];
        for (size_t at = 0; listed->is_required && at < to->request.param_count;
             at = ch_param_after(to->params, to->request.param_count, at)) {
            if (ch_slice_equal(to->params[at].name, listed->name)) {
                sample_remove(to, at);
                return true;
            }
        }
    }
    return false;
}

static bool set_value(rig *r, const sample *from, sample *to, bool (*is_wanted)(const ch_param *), ch_slice front,
                      ch_slice back)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_wanted, &at))
        return false;
    to->params[at].kind = CH_PARAM_TEXT;
    to->params[at].value = join(r, front, join(r, from->params[at].value, back));
    return true;
}

static bool number_with(rig *r, const sample *from, sample *to, const char *front, const char *back)
{
    return set_value(r, from, to, is_number, ch_slice_of(front), ch_slice_of(back));
}

static bool leading_zero(rig *r, const sample *from, sample *to)
{
    return number_with(r, from, to, "0", "");
}

static bool leading_plus(rig *r, const sample *from, sample *to)
{
    return number_with(r, from, to, dice_chance(&r->dice, 50) ? "+" : "--", "");
}

static bool trailing_point(rig *r, const sample *from, sample *to)
{
    return number_with(r, from, to, "", dice_chance(&r->dice, 50) ? "." : "..0");
}

static bool exponent(rig *r, const sample *from, sample *to)
{
    static const char *const exponents[] = {"e1", "E+3", "e-2", "e0", "f", "L", "_000", ",5"};
    return number_with(r, from, to, "", exponents[dice_below(&r->dice, sizeof exponents / sizeof exponents[0])]);
}

static bool trailing_zero(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_decimal, &at))
        return false;
    bool has_point = ch_slice_find(from->params[at].value, '.') != NULL;
    to->params[at].kind = CH_PARAM_TEXT;
    to->params[at].value = join(r, from->params[at].value, has_point ? CH_LITERAL("0") : CH_LITERAL(".0"));
    return true;
}

static bool respaced(rig *r, const sample *from, sample *to, bool (*is_wanted)(const ch_param *))
{
    static const char *const spaces[] = {" ",           "\xc2\xa0", "\xe2\x80\x8b", "\xef\xbb\xbf", "\xe3\x80\x80",
                                         "\xe2\x80\xa8"};
    ch_slice space = ch_slice_of(spaces[dice_below(&r->dice, sizeof spaces / sizeof spaces[0])]);
    bool is_front = dice_chance(&r->dice, 50);
    return set_value(r, from, to, is_wanted, is_front ? space : CH_LITERAL(""), is_front ? CH_LITERAL("") : space);
}

static bool space_in_text(rig *r, const sample *from, sample *to)
{
    return respaced(r, from, to, is_free_text);
}

static bool space_in_word(rig *r, const sample *from, sample *to)
{
    return respaced(r, from, to, is_strict);
}

static bool with_control(rig *r, const sample *from, sample *to)
{
    static const char controls[] = "\0\n\r\t\x7f\x01\x1b";
    size_t at = 0;
    if (!pick_deep(r, from, is_plain, &at))
        return false;
    ch_slice value = from->params[at].value;
    ch_slice control = {(const uint8_t *)controls + dice_below(&r->dice, 7), 1};
    to->params[at].value = put_in(r, value, dice_below(&r->dice, value.size + 1), 0,
                                  dice_chance(&r->dice, 20) ? CH_LITERAL("\xc2\x85") : control);
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool broken_utf8(rig *r, const sample *from, sample *to)
{
    static const char *const broken[] = {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80", "\x80"};
    ch_slice bytes = ch_slice_of(broken[dice_below(&r->dice, sizeof broken / sizeof broken[0])]);
    return set_value(r, from, to, is_plain, CH_LITERAL(""), bytes);
}

/* Letters that look like those of ASCII: Cyrillic, full width. */
static ch_slice look_alike(rig *r, ch_slice text)
{
    static const char letters[] = "aAcCeEoOpPxX";
    static const char *const twins[] = {"\xd0\xb0", "\xd0\x90", "\xd1\x81", "\xd0\xa1", "\xd0\xb5", "\xd0\x95",
                                        "\xd0\xbe", "\xd0\x9e", "\xd1\x80", "\xd0\xa0", "\xd1\x85", "\xd0\xa5"};
    for (size_t i = 0; i < text.size; i++) {
        const char *letter = text.data[i] == 0 ? NULL : strchr(letters, text.data[i]);
        if (letter != NULL)
            return put_in(r, text, i, 1, ch_slice_of(twins[letter - letters]));
        if (text.data[i] >= '0' && text.data[i] <= '9') {
            const char full[] = {'\xef', '\xbc', (char)(0x90 + text.data[i] - '0'), '\0'};
            return put_in(r, text, i, 1, ch_slice_of(full));
        }
    }
    return join(r, text, CH_LITERAL("\xcc\x81"));
}

static bool text_look_alike(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_free_text, &at))
        return false;
    to->params[at].value = look_alike(r, from->params[at].value);
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool word_look_alike(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_strict, &at))
        return false;
    to->params[at].value = look_alike(r, from->params[at].value);
    to->params[at].kind = CH_PARAM_TEXT;
    return true;
}

static bool name_look_alike(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_any, &at))
        return false;
    to->params[at].name = look_alike(r, from->params[at].name);
    return true;
}

/* A broken front may call a text an integer, and an SDK's string may hold 007: JSON has it without quotes. */
static bool text_as_integer(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick_deep(r, from, is_free_text, &at))
        return false;
    to->params[at].kind = CH_PARAM_INTEGER;
    to->params[at].value = dice_chance(&r->dice, 50) ? CH_LITERAL("1,\"quantity\":\"1000\"") : CH_LITERAL("007");
    return true;
}

static bool listed_as_null(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_plain, &at))
        return false;
    to->params[at].kind = CH_PARAM_PLACEHOLDER;
    return true;
}

static bool null_with_value(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_placeholder, &at))
        return false;
    to->params[at].kind = CH_PARAM_TEXT;
    to->params[at].value = CH_LITERAL("1764000000123");
    return true;
}

static bool wrapped(rig *r, const sample *from, sample *to)
{
    size_t at = 0;
    if (!pick(r, from, is_plain, &at) || from->request.param_count + 2 > CH_PARAMS_MAX)
        return false;
    memmove(&to->params[at + 3], &to->params[at + 1], (from->request.param_count - at - 1) * sizeof *to->params);
    to->params[at + 1] = from->params[at];
    to->params[at + 1].name = CH_LITERAL("");
    to->params[at].kind = CH_PARAM_LIST;
    to->params[at].value = CH_LITERAL("");
    to->params[at + 2] = (ch_param){.kind = CH_PARAM_END};
    to->request.param_count += 2;
    return true;
}

/* ---- path, method, host ---- */

static bool path_spliced(rig *r, sample *to, const char *const *what, size_t count)
{
    ch_slice path = to->request.path;
    ch_slice with = ch_slice_of(what[dice_below(&r->dice, count)]);
    size_t at = dice_below(&r->dice, path.size + 1);
    while (at > 0 && path.data[at - 1] != '/')
        at--; /* after a slash, where a server would see a segment */
    to->request.path = put_in(r, path, at, 0, with);
    return true;
}

static bool dot_segment(rig *r, const sample *from, sample *to)
{
    static const char *const dots[] = {"./", "../", "a/../", "%2e/", "%2e%2e/", "..%2f", ".;/", "..\\", "%2F", "/"};
    (void)from;
    return path_spliced(r, to, dots, sizeof dots / sizeof dots[0]);
}

static bool path_end(rig *r, const sample *from, sample *to)
{
    static const char *const ends[] = {"?a=1", "?",  "#",  "#x",  ";v=1", "%00", "%20",
                                       " ",    "//", "/.", "/..", "\\",   "&a=1"};
    to->request.path =
        join(r, from->request.path, ch_slice_of(ends[dice_below(&r->dice, sizeof ends / sizeof ends[0])]));
    return true;
}

static bool trailing_slash(rig *r, const sample *from, sample *to)
{
    to->request.path = join(r, from->request.path, CH_LITERAL("/"));
    return true;
}

static bool path_escaped(rig *r, const sample *from, sample *to)
{
    to->request.path = escape_at(r, from->request.path, dice_below(&r->dice, from->request.path.size));
    return true;
}

static bool path_in_other_case(rig *r, const sample *from, sample *to)
{
    to->request.path = change_case(r, from->request.path);
    return true;
}

static bool capture_of_dots(rig *r, const sample *from, sample *to)
{
    const ch_endpoint *endpoint = from->endpoint;
    if (endpoint->parts == NULL)
        return false;
    ch_slice dots = dice_chance(&r->dice, 50) ? CH_LITERAL("..") : CH_LITERAL(".");
    for (size_t i = 1; i < endpoint->part_count; i++) { /* "/client:.." is not a dot segment */
        ch_slice before = endpoint->parts[i - 1].literal;
        if (endpoint->parts[i].def != NULL && before.data[before.size - 1] != '/')
            return false;
    }
    for (size_t i = 0; i < endpoint->part_count; i++)
        ch_buffer_add_slice(&r->text, endpoint->parts[i].def == NULL ? endpoint->parts[i].literal : dots);
    to->request.path = keep(r);
    return true;
}

static bool other_method_spelling(rig *r, const sample *from, sample *to)
{
    static const char *const methods[] = {"HEAD", "OPTIONS", "", "GET ", "post", "Get", "ws", "DELETE\n", "POST,GET"};
    to->request.method = dice_chance(&r->dice, 50)
                             ? change_case(r, from->request.method)
                             : ch_slice_of(methods[dice_below(&r->dice, sizeof methods / sizeof methods[0])]);
    return true;
}

static bool other_host_spelling(rig *r, const sample *from, sample *to)
{
    static const char *const ends[] = {".", ":443", "@evil.example", "/", "#", " "};
    to->request.host =
        dice_chance(&r->dice, 30)
            ? change_case(r, from->request.host)
            : join(r, from->request.host, ch_slice_of(ends[dice_below(&r->dice, sizeof ends / sizeof ends[0])]));
    return from->request.host.size > 0;
}

const change mutations[] = {
    {"a parameter given twice",            given_twice,           true },
    {"given twice in another spelling",    twice_respelled,       true },
    {"a member given twice",               member_twice,          true },
    {"an escape in a name",                name_escaped,          true },
    {"an escape in a value",               value_escaped,         false},
    {"a name in another case",             name_in_other_case,    false},
    {"a value in another case",            value_in_other_case,   false},
    {"a parameter that is not listed",     unlisted,              true },
    {"a parameter that is missing",        missing,               true },
    {"values swapped",                     swap_values,           false},
    {"a value under another name",         change_name,           false},
    {"a zero in front",                    leading_zero,          true },
    {"a sign in front",                    leading_plus,          true },
    {"a point at the end",                 trailing_point,        true },
    {"an exponent",                        exponent,              true },
    {"a zero behind the point",            trailing_zero,         false},
    {"white space in a text",              space_in_text,         false},
    {"white space in a word or number",    space_in_word,         true },
    {"a control character",                with_control,          true },
    {"broken UTF-8",                       broken_utf8,           true },
    {"a text that looks alike",            text_look_alike,       false},
    {"a word or number that looks alike",  word_look_alike,       true },
    {"a name that looks alike",            name_look_alike,       true },
    {"a text that is called an integer",   text_as_integer,       true },
    {"null for a parameter",               listed_as_null,        true },
    {"a value for the agent's own field",  null_with_value,       true },
    {"a value in a list",                  wrapped,               true },
    {"a dot segment or slash in the path", dot_segment,           true },
    {"a query or more behind the path",    path_end,              true },
    {"a slash at the end of the path",     trailing_slash,        false},
    {"an escape in the path",              path_escaped,          true },
    {"the path in another case",           path_in_other_case,    false},
    {"dots for a parameter of the path",   capture_of_dots,       true },
    {"the method in another spelling",     other_method_spelling, true },
    {"the host in another spelling",       other_host_spelling,   true },
};
const size_t mutation_count = sizeof mutations / sizeof mutations[0];
