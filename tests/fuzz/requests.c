#include "tests/fuzz/requests.h"

#include "exchange/load.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/rig.h"
#include "wire/frames.h"

static rig maker;

void fuzz_requests_init(void)
{
    ch_error err = CH_ERROR_INIT;
    ch_profile *profile = NULL;
    FUZZ_CHECK(ch_profile_load("tests/profiles/oddball.yaml", &profile, &err) == CH_OK);
    fuzz_rig_init(&maker);
    maker.profile = profile;
    maker.environment = ch_profile_live(profile);
    maker.now_ns = 1764000000123000000U; /* as on the stage */
}

/* A request that the profile takes, and its payload. */
static bool make_request(sample *made, ch_slice *payload)
{
    ch_payloads built;
    size_t scheme = dice_below(&maker.dice, maker.profile->scheme_count);
    size_t endpoint = dice_below(&maker.dice, maker.profile->endpoint_count);
    maker.scheme = ch_profile_scheme_at(maker.profile, scheme);
    maker.is_tame = dice_chance(&maker.dice, 70);
    maker.pool_used = 0;
    if (!make_sample(&maker, ch_profile_endpoint_at(maker.profile, endpoint), made) ||
        try_sample(&maker, made, &built) != STAGE_TAKEN)
        return false;
    *payload = keep_slice(&maker, built.items[0]);
    return true;
}

static void set_values(const sample *from, ch_sign_frame *sign, ch_buffer *records)
{
    for (size_t i = 0; i < from->request.param_count; i++) {
        const ch_param *param = &from->params[i];
        ch_value_record value = {.kind = (uint8_t)param->kind, .name = param->name, .value = param->value};
        ch_value_record_put(&sign->values, records, &value);
    }
}

void fuzz_add_request(dice *chance, ch_buffer *packet)
{
    static const char *const keys[] = {"odd-all", "odd-all", "odd-jwt", "odd-read", "odd-cold", "odd-other"};
    static sample made; /* large */
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_slice payload = CH_LITERAL("");
    ch_error err = CH_ERROR_INIT;
    maker.dice.state = dice_next(chance);
    ch_sign_frame sign = {.connection = dice_below(chance, 3),
                          .key = ch_slice_of(keys[dice_below(chance, sizeof keys / sizeof *keys)]),
                          .form = (uint8_t)dice_below(chance, CH_FORM_COUNT)};
    if (sign.form == CH_FORM_RAW) {
        sign.text = CH_LITERAL("any bytes");
    } else if (make_request(&made, &payload)) {
        sign.method = made.request.method;
        sign.host = made.request.host;
        sign.path = made.request.path;
        sign.text = sign.form == CH_FORM_STRING ? payload : CH_LITERAL("");
        if (sign.form == CH_FORM_TYPED)
            set_values(&made, &sign, &records);
    }
    ch_ignore(ch_sign_frame_put(packet, dice_below(chance, 1000), &sign, &err)); /* too large: then not this one */
}
