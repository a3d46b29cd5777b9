/* A zone is a list of changes: from that second on, this offset. Those of the file come first; after them those that
 * the rule at the file's end makes in each year until 2200, when clocks end for us (CH_WALL_NS_END). */
#include "policy/zone.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/trust.h"
#include "policy/calendar.h"
#include "policy/zone_rule.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATABASE "/usr/share/zoneinfo"
#define NAME_MAX_BYTES 64
#define FILE_MAX 65536
#define OFFSET_MAX_S 93600 /* 26 hours: RFC 8536, section 3.2 */
#define RULE_BEGIN 1969    /* what comes before does not matter: wall clocks begin in 1970 */
#define RULE_END 2200
#define RULE_END_S ((int64_t)(CH_WALL_NS_END / 1000000000))

struct ch_zone {
    size_t count;
    ch_zone_change changes[]; /* rising; the first is from INT64_MIN on */
};

/* ---- look up ---- */

ch_zone_stretch ch_zone_at(const ch_zone *zone, int64_t utc_s)
{
    if (zone == NULL)
        return (ch_zone_stretch){INT64_MIN, INT64_MAX, 0};
    size_t low = 0;
    size_t high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].from_s <= utc_s)
            low = middle;
        else
            high = middle;
    }
    return (ch_zone_stretch){zone->changes[low].from_s, high < zone->count ? zone->changes[high].from_s : INT64_MAX,
                             zone->changes[low].offset_s};
}

int32_t ch_zone_offset(const ch_zone *zone, int64_t utc_s)
{
    return ch_zone_at(zone, utc_s).offset_s;
}

void ch_zone_free(ch_zone *zone)
{
    free(zone);
}

/* ---- a file ---- */

/* The numbers at the beginning of a block: RFC 8536, section 3.1. */
typedef struct zone_header {
    uint8_t version;
    size_t ut_count;
    size_t standard_count;
    size_t leap_count;
    size_t time_count;
    size_t type_count;
    size_t name_bytes;
} zone_header;

#define HEADER_SIZE 44
#define TYPE_SIZE 6

static uint64_t read_number(const uint8_t *at, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

static bool take(ch_slice *rest, size_t size, const uint8_t **out)
{
    if (size > rest->size)
        return false;
    *out = rest->data;
    *rest = ch_slice_after(*rest, size);
    return true;
}

static bool take_header(ch_slice *rest, zone_header *out)
{
    const uint8_t *at;
    if (!ch_slice_begins(*rest, CH_LITERAL("TZif")) || !take(rest, HEADER_SIZE, &at))
        return false;
    size_t *const counts[] = {&out->ut_count,   &out->standard_count, &out->leap_count,
                              &out->time_count, &out->type_count,     &out->name_bytes};
    out->version = at[4];
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = (size_t)read_number(at + 20 + 4 * i, 4);
    return true;
}

/* Of the block that follows; each time in it has `time_size` bytes. */
static size_t block_size(const zone_header *header, size_t time_size)
{
    return header->time_count * (time_size + 1) + header->type_count * TYPE_SIZE + header->name_bytes +
           header->leap_count * (time_size + 4) + header->standard_count + header->ut_count;
}

/* The offset of type `index`; false if there is no such type, or it is nowhere on Earth. */
static bool offset_of(const zone_header *header, const uint8_t *types, size_t index, int32_t *out)
{
    if (index >= header->type_count)
        return false;
    *out = (int32_t)(uint32_t)read_number(types + index * TYPE_SIZE, 4);
    return *out >= -OFFSET_MAX_S && *out <= OFFSET_MAX_S;
}

static bool add_change(ch_zone *zone, int64_t from_s, int32_t offset_s)
{
    zone->changes[zone->count++] = (ch_zone_change){from_s, offset_s};
    return zone->count == 1 || from_s > zone->changes[zone->count - 2].from_s;
}

static bool read_changes(const zone_header *header, const uint8_t *block, ch_zone *zone)
{
    const uint8_t *index = block + header->time_count * 8;
    const uint8_t *types = index + header->time_count;
    int32_t offset_s;
    if (!offset_of(header, types, 0, &offset_s) || !add_change(zone, INT64_MIN, offset_s))
        return false;
    for (size_t i = 0; i < header->time_count; i++) {
        if (!offset_of(header, types, index[i], &offset_s) ||
            !add_change(zone, (int64_t)read_number(block + i * 8, 8), offset_s))
            return false;
    }
    return true;
}

/* In which the rule may make changes after the file's last one; there it may be another year already. */
static int64_t first_year(int64_t last_s)
{
    if (last_s < 0)
        return RULE_BEGIN;
    return last_s < RULE_END_S ? 1970 + ch_month_of(ch_day_of(last_s)) / 12 - 1 : RULE_END;
}

/* Where it is always summer, one summer ends when the next begins: then only the beginning counts. */
static void add_rule(const ch_zone_rule *rule, ch_zone *zone)
{
    int64_t last_s = zone->changes[zone->count - 1].from_s;
    for (int64_t year = first_year(last_s); year < RULE_END; year++) {
        ch_zone_change changes[2];
        ch_zone_rule_changes(rule, year, changes);
        for (size_t i = 0; i < 2; i++) {
            ch_zone_change *last = &zone->changes[zone->count - 1];
            if (changes[i].from_s > last->from_s)
                zone->changes[zone->count++] = changes[i];
            else if (changes[i].from_s == last->from_s && last->from_s > last_s)
                *last = changes[i];
        }
    }
}

/* "\n" RULE "\n"; the rule may be empty. */
static bool read_footer(ch_slice rest, ch_zone *zone)
{
    if (rest.size < 2 || rest.data[0] != '\n' || rest.data[rest.size - 1] != '\n')
        return false;
    ch_slice text = {rest.data + 1, rest.size - 2};
    ch_zone_rule rule;
    if (text.size == 0)
        return true;
    if (!ch_zone_rule_read(text, &rule))
        return false;
    if (rule.has_summer)
        add_rule(&rule, zone);
    return true;
}

static ch_status fail_broken(ch_error *err)
{
    return ch_fail(err, CH_CONFIG, "it is not a file of time zones; install the package tzdata again");
}

ch_status ch_zone_read(ch_slice file, ch_zone **out, ch_error *err)
{
    zone_header header;
    const uint8_t *block;
    *out = NULL;
    if (!take_header(&file, &header))
        return fail_broken(err);
    if (header.version < '2')
        return ch_fail(err, CH_CONFIG, "its format is too old; install a newer tzdata");
    if (!take(&file, block_size(&header, 4), &block) || !take_header(&file, &header) ||
        !take(&file, block_size(&header, 8), &block))
        return fail_broken(err);
    if (header.leap_count > 0)
        return ch_fail(err, CH_CONFIG, "it counts leap seconds, which clocks do not; use a zone without 'right/'");
    size_t room = 1 + header.time_count + (size_t)2 * (RULE_END - RULE_BEGIN);
    ch_zone *zone = ch_alloc(sizeof *zone + room * sizeof zone->changes[0]);
    if (!read_changes(&header, block, zone) || !read_footer(file, zone)) {
        ch_zone_free(zone);
        return fail_broken(err);
    }
    *out = zone;
    return CH_OK;
}

/* ---- the database ---- */

/* Names joined by slashes: no dot, so that no path leaves the database. */
static bool is_zone_name(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        bool is_plain = ch_byte_is_alphanumeric((uint8_t)*at) || *at == '_' || *at == '-' || *at == '+';
        if (!is_plain && (*at != '/' || at == name || at[-1] == '/'))
            return false;
    }
    size_t size = strlen(name);
    return size > 0 && size <= NAME_MAX_BYTES && name[size - 1] != '/';
}

static ch_status read_all(int fd, ch_buffer *out, ch_error *err)
{
    ssize_t got = 1;
    while (got > 0 && out->size <= FILE_MAX) {
        got = read(fd, ch_buffer_reserve(out, 4096), 4096);
        ch_buffer_commit(out, got > 0 ? (size_t)got : 0);
    }
    if (got < 0)
        return ch_fail_errno(err, "reading it failed");
    return out->size <= FILE_MAX ? CH_OK : fail_broken(err);
}

ch_status ch_zone_load(const char *name, ch_zone **out, ch_error *err)
{
    ch_autobuffer path = CH_BUFFER_INIT;
    ch_autobuffer text = CH_BUFFER_INIT;
    ch_autotrusted file = CH_TRUSTED_CLOSED;
    *out = NULL;
    if (strcmp(name, "UTC") == 0)
        return CH_OK;
    if (!is_zone_name(name))
        return ch_fail(err, CH_CONFIG, "'%s' is not the name of a time zone; names are such as Europe/Berlin or UTC",
                       name);
    ch_buffer_add_format(&path, DATABASE "/%s", name);
    if (access(ch_buffer_text(&path), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return ch_fail(err, CH_CONFIG,
                       "there is no time zone '%s' in " DATABASE "; correct the name, or install the "
                       "package tzdata",
                       name);
    CH_TRY(ch_trust_file(ch_buffer_text(&path), &file, err));
    if (read_all(file.fd, &text, err) != CH_OK || ch_zone_read(ch_buffer_slice(&text), out, err) != CH_OK)
        return ch_error_wrap(err, "time zone '%s' in " DATABASE, name);
    return CH_OK;
}
