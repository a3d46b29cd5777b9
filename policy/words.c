/* Each part below is a row of `parts`, and may have nothing to say. All that parts write goes through end_line_in,
 * which alone makes text fit to be shown. */
#include "policy/words.h"

#include "base/encode.h"
#include "base/memory.h"
#include "base/printable.h"
#include "exchange/class.h"
#include "exchange/environments.h"
#include "policy/charges.h"
#include "policy/key_dates.h"
#include "policy/value.h"
#include "policy/verdict.h"

#include <string.h>

#define NS_A_S 1000000000
#define PERMILLE 1000
#define UNUSUAL_DISTANCE 50 /* permille off the reference */
#define UNUSUAL_SHARE 800   /* permille of a limit, used once this is */

typedef struct writing {
    const ch_worded *of;
    ch_buffer *out;
    ch_buffer line;   /* what is being written */
    ch_buffer minds;  /* lines of what is unusual, which come last */
    bool has_unseen;  /* something could not be shown as it is */
    bool has_foreign; /* there are letters that may look like others */
} writing;

/* ---- lines ---- */

/* Blanks in a row could fill the terminal's line, so that what follows begins the next one and passes for a line of
 * ours. The blanks at the beginning of a line are ours. */
static void mark_blanks(char *text)
{
    bool is_after_blank = false;
    for (text += strspn(text, " "); *text != '\0'; text++) {
        bool is_blank = *text == ' ';
        if (is_blank && is_after_blank)
            *text = '?';
        is_after_blank = is_blank;
    }
}

static bool has_foreign(const char *text)
{
    while (*text != '\0' && (unsigned char)*text < 0x80)
        text++;
    return *text != '\0';
}

/* Moves `self->line` to `out`, after the label. */
static void end_line_in(writing *self, const char *label, ch_buffer *out)
{
    ch_autofree char *shown = ch_slice_strdup(ch_buffer_slice(&self->line));
    ch_make_printable(shown);
    mark_blanks(shown);
    self->has_foreign = self->has_foreign || has_foreign(shown);
    if (strlen(shown) != self->line.size || memcmp(shown, self->line.data, self->line.size) != 0)
        self->has_unseen = true;
    ch_buffer_add_format(out, "%-*s%s\n", CH_WORDS_LABEL, label, shown);
    ch_buffer_clear(&self->line);
}

static void end_line(writing *self, const char *label)
{
    end_line_in(self, label, self->out);
}

static void end_mind(writing *self)
{
    end_line_in(self, "mind", &self->minds);
}

static ch_slice next_of(ch_slice *text)
{
    const uint8_t *end = ch_slice_find(*text, '\n');
    size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    const ch_slice line = {text->data, size};
    *text = ch_slice_after(*text, size < text->size ? size + 1 : size);
    return line;
}

static void add_decimal(writing *self, ch_decimal amount, ch_slice asset)
{
    ch_decimal_print(amount, &self->line);
    if (asset.size > 0)
        ch_buffer_add_format(&self->line, " %.*s", CH_SLICE_ARGS(asset));
}

/* `part` of `whole`, rounded up; UINT64_MAX if that is more than can be said. */
static uint64_t permille_of(ch_decimal part, ch_decimal whole)
{
    ch_decimal ratio = CH_DECIMAL_ZERO;
    ch_decimal scaled = CH_DECIMAL_ZERO;
    if (!ch_decimal_multiply(part, ch_decimal_of(PERMILLE), &scaled) || !ch_decimal_divide_up(scaled, whole, &ratio))
        return UINT64_MAX;
    unsigned __int128 one = 1;
    for (unsigned i = 0; i < ratio.scale; i++)
        one *= 10;
    unsigned __int128 rounded = ratio.digits / one + (ratio.digits % one != 0);
    return rounded > UINT64_MAX ? UINT64_MAX : (uint64_t)rounded;
}

static void add_percent(writing *self, uint64_t permille)
{
    if (permille == UINT64_MAX)
        ch_buffer_add_text(&self->line, "more than can be said");
    else if (permille % 10 == 0)
        ch_buffer_add_format(&self->line, "%llu %%", (unsigned long long)(permille / 10));
    else
        ch_buffer_add_format(&self->line, "%llu.%llu %%", (unsigned long long)(permille / 10),
                             (unsigned long long)(permille % 10));
}

/* ---- what it does ---- */

static void add_what(writing *self)
{
    ch_autobuffer text = CH_BUFFER_INIT;
    const char *label = "what";
    ch_intent_print(self->of->question->readings[0].intent, &text);
    for (ch_slice left = ch_buffer_slice(&text); left.size > 0; label = "") {
        ch_buffer_add_slice(&self->line, next_of(&left));
        end_line(self, label);
    }
}

static void add_who(writing *self)
{
    const ch_question *question = self->of->question;
    const char *separator = "";
    for (size_t i = 0; i < question->policy->caller_count; i++) {
        if (!ch_caller_set_has(question->callers, i))
            continue;
        ch_buffer_add_format(&self->line, "%s%s", separator, question->policy->callers[i].name);
        separator = ", ";
    }
    ch_buffer_add_format(&self->line, "%s(user %u)", *separator == '\0' ? "" : " ", (unsigned)self->of->uid);
    end_line(self, "who");
}

static void add_with(writing *self)
{
    const ch_key *key = self->of->question->key;
    ch_buffer_add_format(&self->line, "key %s, account %s; %s, %s", key->name,
                         self->of->question->policy->accounts[key->account].name, ch_profile_name(key->profile),
                         ch_environment_name(key->traits.environment));
    if (self->of->version.size > 0)
        ch_buffer_add_format(&self->line, "; by version %.*s", CH_SLICE_ARGS(self->of->version));
    end_line(self, "with");
}

static void add_call(writing *self)
{
    const ch_request *request = self->of->question->request;
    ch_buffer_add_format(&self->line, "%.*s %.*s", CH_SLICE_ARGS(request->method), CH_SLICE_ARGS(request->path));
    if (request->host.size > 0)
        ch_buffer_add_format(&self->line, " at %.*s", CH_SLICE_ARGS(request->host));
    end_line(self, "call");
}

/* ---- parameters, as they were sent ---- */

static void add_value(const ch_param *param, ch_buffer *out)
{
    if (param->kind == CH_PARAM_PLACEHOLDER)
        ch_buffer_add_text(out, "(the agent fills it in)");
    else if (param->kind == CH_PARAM_TEXT)
        ch_encode_json(out, param->value);
    else
        ch_buffer_add_slice(out, param->value);
}

/* A list or object holds what follows it, up to its end. */
static void add_held(const ch_param *params, size_t count, ch_buffer *out)
{
    static const char begins[] = "([{";
    char ends[CH_PARAM_DEPTH_MAX + 1] = "";
    size_t depth = 0;
    const char *separator = "";
    for (size_t i = 0; i < count; i++) {
        const ch_param *param = &params[i];
        unsigned shape = param->kind == CH_PARAM_LIST ? 1 : param->kind == CH_PARAM_OBJECT ? 2 : 0;
        if (param->kind == CH_PARAM_END) {
            ch_buffer_add_byte(out, depth > 0 ? (uint8_t)ends[--depth] : ' ');
            separator = ", ";
            continue;
        }
        ch_buffer_add_text(out, separator);
        if (i > 0 && param->name.size > 0)
            ch_buffer_add_format(out, "%.*s ", CH_SLICE_ARGS(param->name));
        separator = ", ";
        if (shape == 0) {
            add_value(param, out);
        } else if (depth < CH_PARAM_DEPTH_MAX) {
            ch_buffer_add_byte(out, (uint8_t)begins[shape]);
            ends[depth++] = shape == 1 ? ']' : '}';
            separator = "";
        }
    }
}

static void add_params(writing *self)
{
    const ch_request *request = self->of->question->request;
    size_t next;
    for (size_t i = 0; i < request->param_count; i = next) {
        next = ch_param_after(request->params, request->param_count, i);
        ch_buffer_add_format(&self->line, "%.*s ", CH_SLICE_ARGS(request->params[i].name));
        add_held(&request->params[i], next - i, &self->line);
        end_line(self, i == 0 ? "params" : "");
    }
}

/* ---- each item ---- */

static bool moves_funds(const ch_subject *subject)
{
    return subject->item->kind == CH_ITEM_WITHDRAWAL || subject->item->kind == CH_ITEM_TRANSFER;
}

static void add_address(writing *self, const ch_subject *subject)
{
    if (!moves_funds(subject))
        return;
    const ch_address *address = ch_subject_address(subject);
    if (address != NULL) {
        ch_buffer_add_text(&self->line, address->name);
        end_line(self, "to");
        return;
    }
    ch_buffer_add_text(&self->line, "the policy has no name for where this goes");
    end_mind(self);
}

static void add_worth(writing *self, ch_pricing *pricing)
{
    ch_worth value = ch_worth_value(pricing);
    if (value.state == CH_WORTH_KNOWN) {
        add_decimal(self, value.amount, value.asset);
    } else {
        ch_buffer_add_text(&self->line, "not known: ");
        ch_worth_explain(&value, &self->line);
    }
    end_line(self, "value");
}

/* Writes "2 % below the reference of 30000 USDT". Returns how far off the price is, in permille. */
static uint64_t compare_price(writing *self, ch_decimal price, const ch_worth *reference)
{
    ch_decimal more = CH_DECIMAL_ZERO;
    ch_decimal less = CH_DECIMAL_ZERO;
    uint64_t off = UINT64_MAX;
    if (ch_decimal_subtract(price, reference->amount, &more) && ch_decimal_subtract(reference->amount, price, &less))
        off = permille_of(ch_decimal_larger(more, less), reference->amount);
    if (off == 0) {
        ch_buffer_add_text(&self->line, "the reference, ");
    } else {
        add_percent(self, off);
        ch_buffer_add_format(&self->line, " %s the reference of ", ch_decimal_is_zero(more) ? "below" : "above");
    }
    add_decimal(self, reference->amount, reference->asset);
    return off;
}

static void add_price(writing *self, ch_pricing *pricing)
{
    ch_worth price = ch_worth_of_fact(pricing->subject, CH_FACT_PRICE);
    ch_worth reference = ch_worth_reference(pricing, CH_REFERENCE_AGE_NS);
    if (price.state != CH_WORTH_KNOWN)
        return;
    if (reference.state != CH_WORTH_KNOWN) {
        ch_buffer_add_text(&self->line, "there is nothing to compare its price with: ");
        ch_worth_explain(&reference, &self->line);
        end_mind(self);
        return;
    }
    uint64_t off = compare_price(self, price.amount, &reference);
    end_line(self, "price");
    if (off < UNUSUAL_DISTANCE)
        return;
    ch_buffer_add_text(&self->line, "its price is far off: ");
    (void)compare_price(self, price.amount, &reference);
    end_mind(self);
}

static void add_details(writing *self, const ch_item *item)
{
    for (size_t i = 0; i < item->detail_count; i++)
        ch_buffer_add_format(&self->line, "%s%.*s", i == 0 ? "no rule looks at these parameters: " : ", ",
                             CH_SLICE_ARGS(item->details[i].param));
    if (item->detail_count > 0)
        end_mind(self);
}

static void add_items(writing *self)
{
    const ch_question *question = self->of->question;
    const ch_intent *intent = question->readings[0].intent;
    for (size_t i = 0; i < ch_intent_count(intent); i++) {
        ch_subject subject;
        ch_subject_read(&subject, question, &question->readings[0], ch_intent_item(intent, i));
        ch_pricing pricing = ch_pricing_of(question, &subject);
        add_address(self, &subject);
        if (subject.item->kind == CH_ITEM_ORDER) {
            add_worth(self, &pricing);
            add_price(self, &pricing);
        }
        add_details(self, subject.item);
    }
}

/* ---- limits and requirements ---- */

/* Writes "0.7 BTC of 2 BTC per 24h, and 0.5 BTC before: 60 % (withdrawals)". Returns the share, in permille. */
static uint64_t say_charge(writing *self, const ch_charge *charge)
{
    ch_decimal sum = CH_DECIMAL_ZERO;
    ch_decimal most = ch_charge_most(charge);
    ch_decimal used = ch_levels_used(self->of->levels, charge, self->of->question->now_ns);
    bool fits = ch_decimal_add(used, charge->amount, &sum);
    uint64_t share = fits ? permille_of(sum, most) : UINT64_MAX;
    ch_limit_text(charge->entry, charge->amount, &self->line);
    ch_buffer_add_text(&self->line, " of ");
    ch_limit_text(charge->entry, most, &self->line);
    ch_period_print(&charge->entry->limit.per, &self->line);
    if (!ch_decimal_is_zero(used)) {
        ch_buffer_add_text(&self->line, ", and ");
        ch_limit_text(charge->entry, used, &self->line);
        ch_buffer_add_text(&self->line, " before");
    }
    ch_buffer_add_text(&self->line, ": ");
    add_percent(self, share);
    ch_buffer_add_format(&self->line, " (%s)", charge->entry->name);
    return share;
}

static void add_charges(writing *self)
{
    const ch_judgement *judgement = self->of->judgement;
    for (size_t i = 0; i < judgement->charge_count; i++) {
        uint64_t share = say_charge(self, &judgement->charges[i]);
        end_line(self, i == 0 ? "takes" : "");
        if (share < UNUSUAL_SHARE)
            continue;
        ch_buffer_add_format(&self->line, "little or nothing is left of limit %s afterwards",
                             judgement->charges[i].entry->name);
        end_mind(self);
    }
}

static void add_requirements(writing *self)
{
    const ch_entry_rule *entry;
    for (size_t i = 0; (entry = ch_judgement_requirement(self->of->judgement, i)) != NULL; i++) {
        const ch_requirement *require = &entry->requirement;
        ch_requirement_print(require, &self->line);
        if (require->has_above) {
            ch_buffer_add_text(&self->line, ": above ");
            add_decimal(self, require->above, ch_slice_of(require->asset));
        }
        ch_buffer_add_format(&self->line, " (%s)", entry->name);
        end_line(self, i == 0 ? "needs" : "");
    }
}

/* ---- what is unusual of the whole ---- */

static void mind_openings(writing *self)
{
    const ch_question *question = self->of->question;
    for (size_t i = 1; i < question->reading_count; i++) {
        const ch_reading_at *reading = &question->readings[i];
        ch_autobuffer text = CH_BUFFER_INIT;
        ch_buffer_add_format(&self->line,
                             "the signature also opens %s %s (%s): ", ch_endpoint_method(reading->endpoint),
                             ch_endpoint_path(reading->endpoint), ch_class_name(reading->class_));
        if (reading->is_unread || reading->intent == NULL) {
            ch_buffer_add_text(&self->line, "whoever sends it can change what it means there");
        } else {
            ch_intent_print(reading->intent, &text);
            ch_slice left = ch_buffer_slice(&text);
            ch_buffer_add_slice(&self->line, next_of(&left));
        }
        end_mind(self);
    }
}

static void mind_uses(writing *self)
{
    uint32_t uses = ch_uses_of(self->of->question);
    if (uses == 1)
        return;
    if (uses == 0)
        ch_buffer_add_text(&self->line, "nobody knows how often the signature can be used");
    else
        ch_buffer_add_format(&self->line, "the signature can be used %u times while it is valid", (unsigned)uses);
    end_mind(self);
}

static void mind_dates(writing *self)
{
    ch_key_due_say(self->of->question->key, self->of->question->now_ns, &self->line);
    if (self->line.size > 0)
        end_mind(self);
}

static void mind_unseen(writing *self)
{
    if (!self->has_unseen)
        return;
    ch_buffer_add_text(&self->line, "some characters cannot be shown, and stand as '?' above");
    end_mind(self);
}

static void mind_foreign(writing *self)
{
    if (!self->has_foreign)
        return;
    ch_buffer_add_text(&self->line, "some characters are none of ASCII, and may look like others than they are");
    end_mind(self);
}

/* clang-format off */
static void (*const parts[])(writing *self) = {
    add_what, add_items, add_charges, add_requirements, add_who, add_with, add_call, add_params, mind_openings, mind_uses,
    mind_dates, mind_unseen, mind_foreign,
};
/* clang-format on */

ch_status ch_words_write(const ch_worded *of, ch_buffer *out, ch_error *err)
{
    writing self = {.of = of, .out = out, .line = CH_BUFFER_INIT, .minds = CH_BUFFER_INIT};
    size_t before = out->size;
    if (ch_endpoint_class(of->question->readings[0].endpoint) == CH_CLASS_KEYS)
        return ch_fail_rule(err, CH_REFUSED, "approval",
                            "a call that makes or changes API keys cannot be approved, since its parameters may be "
                            "pass phrases; make it at the exchange");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        parts[i](&self);
    ch_buffer_add_slice(out, ch_buffer_slice(&self.minds));
    ch_buffer_free(&self.line);
    ch_buffer_free(&self.minds);
    return out->size - before <= CH_WORDS_MAX
               ? CH_OK
               : ch_fail_rule(err, CH_TOO_LARGE, "approval",
                              "the request is too long for people to read and approve: more than %d bytes in words; "
                              "send fewer orders at once",
                              CH_WORDS_MAX);
}
