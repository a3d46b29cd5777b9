/* Requests that a profile accepts, with values as nasty as their types allow. */
#include "base/bits.h"
#include "base/buffer.h"
#include "tests/property/property.h"
#include "exchange/match.h"

#include <string.h>

#define ENTRIES_PLENTY 120 /* from here on nothing optional is added */

/* ---- values ---- */

/* Pieces that mean something to someone: to a form, to JSON, to a URL, to a log, to a person. */
static const char *const nasty[] = {
    "&",
    "=",
    "?",
    "#",
    "%",
    "%41",
    "%00",
    "%2F",
    "%26",
    "+",
    " ",
    ";",
    ",",
    "\"",
    "\\",
    "\\\"",
    "\\u0041",
    "\\n",
    "{",
    "}",
    "[",
    "]",
    ":",
    "/",
    "//",
    "/../",
    "'",
    "<",
    ">",
    "|",
    "~",
    "`",
    "$",
    "@",
    "!",
    "*",
    "(",
    ")",
    "^",
    "-",
    ".",
    "_",
    "\xc3\xa9",
    "e\xcc\x81",
    "\xe4\xb8\xad\xe6\x96\x87",
    "\xf0\x9f\x98\x80",
    "\xd0\xb0",
    "\xef\xbc\xa1",
    "\xe2\x80\xae",
    "\xe2\x80\x8b",
    "\xe2\x80\xa8",
    "\xc2\xa0",
    "\xef\xbb\xbf",
    "null",
    "true",
    "-1",
    "1e5",
    "0x1",
    "0",
    "00",
    "signature",
    "timestamp",
    "&signature=00",
    "\",\"x\":\"",
    "\":\"",
    "},{",
    "][",
    "\"}",
    "','",
    "1764000000",
    "1764000000000",
    "the-key",
    "GET",
    "POST",
    "Infinity",
    "NaN",
    "undefined",
    "//",
    "a b",
    "a+b",
    "=&=",
};

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static void add_plain(rig *r, size_t longest)
{
    size_t size = 1 + dice_below(&r->dice, longest);
    for (size_t i = 0; i < size; i++)
        ch_buffer_add_byte(&r->text, (uint8_t)plain[dice_below(&r->dice, sizeof plain - 1)]);
}

static void add_digits(rig *r, size_t count, bool may_start_with_zero)
{
    for (size_t i = 0; i < count; i++) {
        bool may_be_zero = i > 0 || count == 1 || may_start_with_zero;
        ch_buffer_add_byte(&r->text,
                           (uint8_t)('0' + (may_be_zero ? dice_below(&r->dice, 10) : 1 + dice_below(&r->dice, 9))));
    }
}

static size_t digit_count(rig *r, size_t most)
{
    size_t usual = 1 + dice_below(&r->dice, 5);
    size_t count = dice_chance(&r->dice, 5) ? most : dice_chance(&r->dice, 10) ? 1 + dice_below(&r->dice, most) : usual;
    return count < most ? count : most;
}

/* Plain decimals (exchange/check_value.c): at most 38 digits, 18 of them after the point. */
static ch_slice make_number(rig *r, const ch_param_def *def)
{
    size_t whole = digit_count(r, 38);
    bool is_negative = def->may_be_negative && dice_chance(&r->dice, 30);
    if (is_negative)
        ch_buffer_add_byte(&r->text, '-');
    size_t start = r->text.size;
    add_digits(r, whole, false);
    if (is_negative && r->text.data[start] == '0')
        r->text.data[start] = '1'; /* there is no -0 */
    if (def->type == CH_TYPE_DECIMAL && whole < 38 && dice_chance(&r->dice, 50)) {
        ch_buffer_add_byte(&r->text, '.');
        add_digits(r, digit_count(r, 38 - whole < 18 ? 38 - whole : 18), true);
    }
    return keep(r);
}

static const char *some_name(rig *r)
{
    return r->profile->param_count == 0 ? "x" : r->profile->params[dice_below(&r->dice, r->profile->param_count)].name;
}

static ch_slice make_text(rig *r)
{
    if (r->is_tame) {
        add_plain(r, 12);
        return keep(r);
    }
    size_t pieces = 1 + dice_below(&r->dice, 4);
    for (size_t i = 0; i < pieces; i++) {
        size_t kind = dice_below(&r->dice, 10);
        if (kind < 6)
            ch_buffer_add_text(&r->text, nasty[dice_below(&r->dice, sizeof nasty / sizeof nasty[0])]);
        else if (kind < 9)
            add_plain(r, 8);
        else
            ch_buffer_add_format(&r->text, "&%s=1", some_name(r));
    }
    if (dice_chance(&r->dice, 1)) {
        while (r->text.size < 4000)
            add_plain(r, 90);
    }
    return keep(r);
}

static ch_slice make_symbol(rig *r, const ch_param_def *def)
{
    static const char marks[] = "._-/:";
    size_t pieces = 1 + dice_below(&r->dice, 3);
    for (size_t i = 0; i < pieces; i++) {
        if (i > 0)
            ch_buffer_add_byte(&r->text, (uint8_t)marks[dice_below(&r->dice, sizeof marks - 1)]);
        add_plain(r, 6);
    }
    const char *name = some_name(r);
    if (def->takes_more_letters && !r->is_tame && dice_chance(&r->dice, 20))
        ch_buffer_add_text(&r->text, dice_chance(&r->dice, 50) ? "\xe5\xb8\x81\xe5\xae\x89" : "\xc3\x98");
    if (!r->is_tame && dice_chance(&r->dice, 5) && strspn(name, plain) == strlen(name) && strlen(name) < 30)
        ch_buffer_add_text(&r->text, name);
    if (!r->is_tame && dice_chance(&r->dice, 2)) {
        while (r->text.size < 64)
            add_plain(r, 1);
    }
    return keep(r);
}

static bool is_whole(ch_slice text)
{
    size_t sign = text.size > 0 && text.data[0] == '-';
    for (size_t i = sign; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.size > sign && text.size < 19 && (text.data[sign] != '0' || text.size == 1);
}

/* A bot gives a number as a JSON integer or as a string. */
static ch_param_kind kind_of(rig *r, const ch_param_def *def, ch_slice value)
{
    if (def->type == CH_TYPE_BOOLEAN)
        return dice_chance(&r->dice, 60) ? CH_PARAM_BOOLEAN : CH_PARAM_TEXT;
    bool may_be = def->type != CH_TYPE_SYMBOL && is_whole(value);
    return may_be && dice_chance(&r->dice, 40) ? CH_PARAM_INTEGER : CH_PARAM_TEXT;
}

/* Without separators, a name inside a value can't be told from the next parameter. */
static ch_slice make_echo(rig *r, const ch_param_def *def)
{
    add_plain(r, 4);
    ch_buffer_add_text(&r->text, def->name);
    add_plain(r, 4);
    return keep(r);
}

static ch_slice make_value(rig *r, const ch_param_def *def)
{
    bool is_wordy = def->type == CH_TYPE_TEXT || (def->type == CH_TYPE_SYMBOL && strlen(def->name) < 50);
    if (is_wordy && !r->is_tame && dice_chance(&r->dice, 5) && strspn(def->name, plain) == strlen(def->name))
        return make_echo(r, def);
    switch (def->type) {
    case CH_TYPE_DECIMAL:
    case CH_TYPE_INTEGER:
        return make_number(r, def);
    case CH_TYPE_ENUM:
        return ch_slice_of(def->values[dice_below(&r->dice, def->value_count)]);
    case CH_TYPE_BOOLEAN:
        return dice_chance(&r->dice, 50) ? CH_LITERAL("true") : CH_LITERAL("false");
    case CH_TYPE_SYMBOL:
        return make_symbol(r, def);
    default:
        return make_text(r);
    }
}

/* ---- which parameters ---- */

static void shuffle(rig *r, const ch_param_def **defs, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = dice_below(&r->dice, i);
        const ch_param_def *def = defs[i - 1];
        defs[i - 1] = defs[other];
        defs[other] = def;
    }
}

/* Adds one of each choice, unless there is one already. */
static size_t choose(rig *r, const ch_param_list *list, const ch_param_def **chosen, size_t count)
{
    size_t words = r->profile->name_words;
    for (size_t c = 0; c < list->choice_count; c++) {
        const uint64_t *choice = list->choices + c * words;
        bool is_met = false;
        for (size_t i = 0; i < count; i++)
            is_met |= ch_set_has(choice, chosen[i]->name_index);
        size_t start = dice_below(&r->dice, list->count);
        for (size_t i = 0; !is_met && i < list->count; i++) {
            const ch_param_def *def = list->params[(start + i) % list->count].def;
            is_met = ch_set_has(choice, def->name_index);
            if (is_met)
                chosen[count++] = def;
        }
    }
    return count;
}

/* Adds all that `list` requires and some of the rest, in any order. */
static void make_params(rig *r, const ch_param_list *list, sample *out)
{
    static const unsigned shares[] = {0, 10, 30, 60};
    const ch_param_def *chosen[CH_PROFILE_NAMES_MAX];
    size_t count = 0;
    unsigned share = shares[dice_below(&r->dice, 4)];
    share = out->request.param_count > ENTRIES_PLENTY ? 0 : share;
    for (size_t i = 0; i < list->count; i++) {
        if (list->params[i].is_required || (count < 24 && dice_chance(&r->dice, share)))
            chosen[count++] = list->params[i].def;
    }
    count = choose(r, list, chosen, count);
    shuffle(r, chosen, count);
    for (size_t i = 0; i < count; i++)
        make_param(r, chosen[i], ch_slice_of(chosen[i]->name), out);
}

/* Calls itself and make_params once for each level of the definition, of which there are few. */
void make_param(rig *r, const ch_param_def *def, ch_slice name, sample *out)
{
    if (def->type == CH_TYPE_OBJECT) {
        sample_add(out, CH_PARAM_OBJECT, name, CH_LITERAL(""));
        make_params(r, &def->members, out);
        sample_add(out, CH_PARAM_END, CH_LITERAL(""), CH_LITERAL(""));
    } else if (def->type == CH_TYPE_LIST) {
        bool is_short = out->request.param_count > ENTRIES_PLENTY || (r->is_tame && dice_chance(&r->dice, 50));
        size_t count = is_short ? 1 : 1 + dice_below(&r->dice, 3);
        sample_add(out, CH_PARAM_LIST, name, CH_LITERAL(""));
        for (size_t i = 0; i < count && i < def->items_max; i++)
            make_param(r, def->items, CH_LITERAL(""), out);
        sample_add(out, CH_PARAM_END, CH_LITERAL(""), CH_LITERAL(""));
    } else {
        ch_slice value = make_value(r, def);
        sample_add(out, kind_of(r, def, value), name, value);
    }
}

/* Adds placeholders for some of the agent's own fields. */
static void add_placeholders(rig *r, const ch_recipe *recipe, sample *out)
{
    for (size_t i = 0; i < recipe->list_count; i++) {
        const ch_recipe_list *list = &recipe->lists[i];
        for (size_t j = 0; list->takes != CH_TAKES_NONE && j < list->field_count; j++) {
            ch_slice name = ch_slice_of(list->fields[j].name);
            if (dice_chance(&r->dice, 10) && !sample_has(out, name))
                sample_add(out, CH_PARAM_PLACEHOLDER, name, CH_LITERAL(""));
        }
    }
}

/* ---- the path ---- */

static bool fits_path(ch_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!ch_byte_is_alphanumeric(text.data[i]) && memchr("-._~:", text.data[i], 5) == NULL)
            return false;
    }
    return text.size > 0 && !ch_slice_is(text, ".") && !ch_slice_is(text, "..");
}

static ch_slice make_capture(rig *r, const ch_param_def *def)
{
    static const char *const odd[] = {"...", "a:b", "~", "-1", "0", "null", "a.b_c-d", "%", "of:1", "all"};
    for (unsigned i = 0; i < 40; i++) {
        bool is_odd = def->type == CH_TYPE_TEXT && !r->is_tame && dice_chance(&r->dice, 20);
        ch_slice value =
            is_odd ? ch_slice_of(odd[dice_below(&r->dice, sizeof odd / sizeof odd[0])]) : make_value(r, def);
        if (fits_path(value))
            return value;
    }
    return def->type == CH_TYPE_TEXT ? CH_LITERAL("x1") : CH_LITERAL("");
}

bool make_path(rig *r, const ch_endpoint *endpoint, ch_slice *out)
{
    ch_slice captures[CH_PATH_PARTS_MAX];
    *out = endpoint->path_slice;
    if (endpoint->parts == NULL)
        return true;
    for (size_t i = 0; i < endpoint->part_count; i++) {
        const ch_path_part *part = &endpoint->parts[i];
        captures[i] = part->def == NULL ? part->literal : make_capture(r, part->def);
        if (captures[i].size == 0)
            return false;
    }
    for (size_t i = 0; i < endpoint->part_count; i++)
        ch_buffer_add_slice(&r->text, captures[i]);
    *out = keep(r);
    return true;
}

/* ---- all of it ---- */

bool make_sample(rig *r, const ch_endpoint *endpoint, sample *out)
{
    out->endpoint = endpoint;
    out->is_full = false;
    out->request = (ch_request){.method = ch_slice_of(endpoint->method), .host = host_of(r, endpoint)};
    out->request.params = out->params;
    if (!make_path(r, endpoint, &out->request.path))
        return false;
    if (dice_chance(&r->dice, 10))
        add_placeholders(r, endpoint->recipes[r->scheme->index], out);
    make_params(r, &endpoint->params, out);
    if (dice_chance(&r->dice, 20))
        add_placeholders(r, endpoint->recipes[r->scheme->index], out);
    return !out->is_full;
}
