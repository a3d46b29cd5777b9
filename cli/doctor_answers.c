/* Exchanges write the same value as a number, a text or a boolean, so all are compared as text. A profile has checked
 * what a place looks like (exchange/load_doctor.c). */
#include "cli/doctor_answers.h"

#include "base/memory.h"
#include "base/slice.h"
#include "base/utc.h"
#include "cli/jansson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)
#define S_PER_DAY UINT64_C(86400)
#define TEXT_MAX 512
#define TIME_S_MAX 7258118400.0 /* the year 2200 */

/* ---- values as text ---- */

/* "" for what has no text of its own. */
static void write_scalar(const json_t *value, char text[static TEXT_MAX])
{
    text[0] = '\0';
    if (json_is_string(value))
        snprintf(text, TEXT_MAX, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, TEXT_MAX, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, TEXT_MAX, "%.6f", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(text, TEXT_MAX, "%s", json_is_true(value) ? "true" : "false");
}

static bool is_scalar(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

/* A star at either end of the pattern stands for any text. */
static bool matches(const char *text, const char *pattern)
{
    size_t size = strlen(pattern);
    bool is_open_before = size > 0 && pattern[0] == '*';
    bool is_open_after = size > 1 && pattern[size - 1] == '*';
    ch_autofree char *middle =
        ch_slice_strdup((ch_slice){(const uint8_t *)pattern + is_open_before, size - is_open_before - is_open_after});
    size_t middle_size = strlen(middle);
    if (is_open_before && is_open_after)
        return strstr(text, middle) != NULL;
    if (is_open_before)
        return strlen(text) >= middle_size && strcmp(text + strlen(text) - middle_size, middle) == 0;
    return is_open_after ? strncmp(text, middle, middle_size) == 0 : strcmp(text, middle) == 0;
}

static bool is_one_of(const json_t *value, char *const *values, size_t count)
{
    char text[TEXT_MAX];
    write_scalar(value, text);
    for (size_t i = 0; i < count; i++) {
        bool is_any = strcmp(values[i], "*") == 0;
        if (is_any || (is_scalar(value) && matches(text, values[i])))
            return true;
    }
    return false;
}

/* ---- places ---- */

/* True if `entry` is one that the part "[name=value]" means. */
static bool is_selected(const json_t *entry, ch_slice part, const char *key_id)
{
    char text[TEXT_MAX];
    const uint8_t *equals = ch_slice_find(part, '=');
    size_t name_size = (size_t)(equals - part.data) - 1;
    ch_autofree char *name = ch_slice_strdup((ch_slice){part.data + 1, name_size});
    ch_autofree char *wanted = ch_slice_strdup((ch_slice){equals + 1, part.size - name_size - 3});
    const json_t *member =
        json_is_array(entry) ? json_array_get(entry, strtoul(name, NULL, 10)) : json_object_get(entry, name);
    write_scalar(member, text);
    if (strcmp(wanted, CH_DOCTOR_KEY_ID) == 0)
        return *key_id != '\0' && strcmp(text, key_id) == 0;
    return is_scalar(member) && strcmp(text, wanted) == 0;
}

/* Appends what the part means in one value. A null is as if nothing were there. */
static void take_part(json_t *value, ch_slice part, const char *key_id, json_t *out)
{
    ch_autofree char *name = ch_slice_strdup(part);
    bool is_all = strcmp(name, "*") == 0;
    size_t i;
    json_t *entry;
    const char *member;
    json_array_foreach(value, i, entry)
    {
        bool is_meant = part.data[0] == '['
                            ? is_selected(entry, part, key_id)
                            : is_all || (ch_slice_count_digits(part) == part.size && strtoul(name, NULL, 10) == i);
        if (is_meant && !json_is_null(entry))
            json_array_append(out, entry);
    }
    json_object_foreach(value, member, entry)
    {
        if ((is_all || strcmp(member, name) == 0) && !json_is_null(entry))
            json_array_append(out, entry);
    }
}

/* Lists at the place itself give way to what they hold. */
static json_t *open_lists(const json_t *found)
{
    json_t *out = json_array();
    size_t i;
    json_t *value;
    json_array_foreach((json_t *)found, i, value)
    {
        if (json_is_array(value))
            json_array_extend(out, value);
        else
            json_array_append(out, value);
    }
    return out;
}

json_t *ch_doctor_values(const json_t *answer, const char *place, const char *key_id)
{
    ch_autojansson found = json_pack("[O]", answer);
    while (found != NULL && *place == '/') {
        ch_slice part = {(const uint8_t *)place + 1, strcspn(place + 1, "/")};
        ch_autojansson next = json_array();
        size_t i;
        json_t *value;
        json_array_foreach(found, i, value) take_part(value, part, key_id, next);
        json_decref(found);
        found = json_incref(next);
        place += 1 + part.size;
    }
    return json_array_size(found) == 0 ? NULL : open_lists(found);
}

/* ---- what they say ---- */

static bool member_fits(const json_t *answer, const ch_doctor_member *member, const char *key_id)
{
    ch_autojansson values = ch_doctor_values(answer, member->at, key_id);
    size_t i;
    json_t *value;
    json_array_foreach(values, i, value)
    {
        if (is_one_of(value, member->values, member->value_count))
            return true;
    }
    /* An empty list is something, too. */
    return values != NULL && strcmp(member->values[0], "*") == 0;
}

bool ch_doctor_fits(const json_t *answer, const ch_doctor_member *members, size_t count, const char *key_id)
{
    for (size_t i = 0; i < count; i++) {
        if (!member_fits(answer, &members[i], key_id))
            return false;
    }
    return true;
}

ch_doctor_trouble ch_doctor_find_trouble(const ch_doctor *doctor, unsigned status, const json_t *answer,
                                         const char *key_id)
{
    for (size_t i = 0; i < doctor->error_count; i++) {
        const ch_doctor_error *error = &doctor->errors[i];
        if ((error->status == 0 || error->status == status) &&
            ch_doctor_fits(answer, error->where, error->where_count, key_id))
            return error->means;
    }
    return CH_DOCTOR_TROUBLE_COUNT;
}

/* The values at the fact's place, a text that holds several split up; NULL if it is not told. */
static json_t *values_of(const ch_doctor_fact *fact, const json_t *answer, const char *key_id)
{
    ch_autojansson values = ch_doctor_values(answer, fact->at, key_id);
    if (values == NULL || fact->split == NULL)
        return json_incref(values);
    json_t *out = json_array();
    size_t i;
    json_t *value;
    json_array_foreach(values, i, value)
    {
        ch_autofree char *text = ch_strdup(json_is_string(value) ? json_string_value(value) : "");
        char *rest = NULL;
        for (char *one = strtok_r(text, fact->split, &rest); one != NULL; one = strtok_r(NULL, fact->split, &rest)) {
            while (*one == ' ')
                one++;
            json_array_append_new(out, json_string(one));
        }
    }
    return out;
}

/* A value that says yes by itself. */
static bool is_yes(const json_t *value)
{
    char text[TEXT_MAX];
    write_scalar(value, text);
    return is_scalar(value) && *text != '\0' && strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
}

static bool value_holds(const ch_doctor_fact *fact, const json_t *value)
{
    if (fact->any_count > 0)
        return is_one_of(value, fact->any_of, fact->any_count);
    /* "*" stands for itself here: exchanges write it for any address. */
    char text[TEXT_MAX];
    write_scalar(value, text);
    for (size_t i = 0; i < fact->none_count; i++) {
        if (strcmp(text, fact->none_of[i]) == 0)
            return false;
    }
    return is_yes(value);
}

json_t *ch_doctor_says(const ch_doctor *doctor, ch_doctor_means means, const json_t *answer, const char *key_id)
{
    bool is_told = false;
    bool holds = false;
    for (size_t i = 0; i < doctor->fact_count; i++) {
        if (doctor->facts[i].means != means)
            continue;
        ch_autojansson values = values_of(&doctor->facts[i], answer, key_id);
        size_t at;
        json_t *value;
        is_told |= values != NULL;
        json_array_foreach(values, at, value) holds |= value_holds(&doctor->facts[i], value);
    }
    return is_told ? json_boolean(holds) : json_null();
}

/* ---- times ---- */

/* "2027-01-31T09:30:00+09:00", with or without parts of a second, as seconds. */
static bool read_iso(const char *text, uint64_t *seconds)
{
    char moment[CH_UTC_TEXT_SIZE];
    unsigned hours = 0;
    unsigned minutes = 0;
    if (strlen(text) < 19)
        return ch_utc_read(text, seconds);
    snprintf(moment, sizeof moment, "%.19sZ", text);
    if (!ch_utc_read(moment, seconds))
        return false;
    const char *zone = text + 19;
    if (*zone == '.')
        zone += 1 + strspn(zone + 1, "0123456789");
    if (*zone != '+' && *zone != '-')
        return strcmp(zone, "Z") == 0;
    if (sscanf(zone + 1, "%2u:%2u", &hours, &minutes) < 1) // NOLINT(cert-err34-c): a wrong zone is refused below
        return false;
    uint64_t ahead = hours * UINT64_C(3600) + minutes * UINT64_C(60);
    if (hours > 14 || *seconds < ahead)
        return false;
    *seconds = *zone == '+' ? *seconds - ahead : *seconds + ahead;
    return true;
}

static const uint64_t unit_ns[CH_DOCTOR_UNIT_COUNT] = {
    [CH_DOCTOR_S] = NS_PER_S, [CH_DOCTOR_MS] = 1000000, [CH_DOCTOR_US] = 1000, [CH_DOCTOR_NS] = 1};

bool ch_doctor_read_time(const json_t *value, ch_doctor_unit unit, uint64_t *ns, uint64_t *exact_ns)
{
    char text[TEXT_MAX];
    char *end = NULL;
    write_scalar(value, text);
    *exact_ns = NS_PER_S;
    if (unit == CH_DOCTOR_ISO) {
        bool is_read = read_iso(text, ns);
        *ns = is_read ? *ns * NS_PER_S : 0;
        return is_read;
    }
    if (text[0] < '0' || text[0] > '9' || unit_ns[unit] == 0)
        return false;
    uint64_t whole = strtoull(text, &end, 10);
    double fraction = *end == '.' ? strtod(end, &end) : 0;
    if (*end != '\0' || (double)whole > TIME_S_MAX * (double)(NS_PER_S / unit_ns[unit]))
        return false;
    *ns = whole * unit_ns[unit] + (uint64_t)(fraction * (double)unit_ns[unit]);
    *exact_ns = fraction > 0 ? unit_ns[unit] / 1000 : unit_ns[unit];
    return true;
}

/* In seconds since 1970; 0 if it is no time. */
static uint64_t end_of(const ch_doctor_fact *fact, const json_t *value, uint64_t now_s)
{
    char text[TEXT_MAX];
    uint64_t ns = 0;
    uint64_t exact_ns;
    if (fact->unit != CH_DOCTOR_DAYS)
        return ch_doctor_read_time(value, fact->unit, &ns, &exact_ns) ? ns / NS_PER_S : 0;
    write_scalar(value, text);
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 6)
        return 0;
    return now_s + strtoull(text, NULL, 10) * S_PER_DAY;
}

uint64_t ch_doctor_end_s(const ch_doctor *doctor, const json_t *answer, const char *key_id, uint64_t now_s,
                         bool *is_told)
{
    uint64_t earliest = 0;
    *is_told = false;
    for (size_t i = 0; i < doctor->fact_count; i++) {
        const ch_doctor_fact *fact = &doctor->facts[i];
        ch_autojansson values = fact->means == CH_DOCTOR_EXPIRES ? values_of(fact, answer, key_id) : NULL;
        size_t at;
        json_t *value;
        *is_told |= values != NULL;
        json_array_foreach(values, at, value)
        {
            uint64_t end = is_one_of(value, fact->none_of, fact->none_count) ? 0 : end_of(fact, value, now_s);
            earliest = end != 0 && (earliest == 0 || end < earliest) ? end : earliest;
        }
    }
    return earliest;
}
