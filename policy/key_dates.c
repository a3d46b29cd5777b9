#include "policy/key_dates.h"

#include "base/utc.h"

#define SECOND_NS 1000000000ULL
#define DAY_NS (24 * 3600 * SECOND_NS)

static bool is_over(uint64_t date_ns, uint64_t now_ns)
{
    return date_ns != 0 && now_ns >= date_ns;
}

static bool is_near(uint64_t date_ns, uint64_t now_ns)
{
    return date_ns != 0 && now_ns + CH_KEY_NOTICE_DAYS * DAY_NS >= date_ns;
}

ch_key_due ch_key_due_at(const ch_key *key, uint64_t now_ns)
{
    if (is_over(key->expires_ns, now_ns))
        return CH_KEY_HAS_EXPIRED;
    if (is_near(key->expires_ns, now_ns))
        return CH_KEY_EXPIRES_SOON;
    if (is_over(key->rotate_by_ns, now_ns))
        return CH_KEY_ROTATES_NOW;
    return is_near(key->rotate_by_ns, now_ns) ? CH_KEY_ROTATES_SOON : CH_KEY_NOT_DUE;
}

static void say_left(ch_buffer *out, uint64_t date_ns, uint64_t now_ns)
{
    unsigned days = (unsigned)((date_ns - now_ns) / DAY_NS);
    if (days == 0)
        ch_buffer_add_text(out, ", within a day");
    else
        ch_buffer_add_format(out, ", in %u day%s", days, days == 1 ? "" : "s");
}

/* "key 'k'", of several versions "version abc of key 'k'". */
static void say_name(const ch_key *key, ch_buffer *out)
{
    if (ch_key_has_versions(key))
        ch_buffer_add_format(out, "version %s of ", key->key_id);
    ch_buffer_add_format(out, "key '%s'", key->name);
}

/* The day by which to rotate is the key's, not one of its versions'. */
void ch_key_due_say(const ch_key *key, uint64_t now_ns, ch_buffer *out)
{
    char expires[CH_UTC_TEXT_SIZE];
    char rotate_by[CH_UTC_TEXT_SIZE];
    ch_utc_text(key->expires_ns / SECOND_NS, expires);
    ch_utc_text(key->rotate_by_ns / SECOND_NS, rotate_by);
    switch (ch_key_due_at(key, now_ns)) {
    case CH_KEY_HAS_EXPIRED:
        say_name(key, out);
        ch_buffer_add_format(out, " expired at %s and signs nothing any more", expires);
        break;
    case CH_KEY_EXPIRES_SOON:
        say_name(key, out);
        ch_buffer_add_format(out, " expires at %s", expires);
        say_left(out, key->expires_ns, now_ns);
        break;
    case CH_KEY_ROTATES_NOW:
        ch_buffer_add_format(out, "key '%s' was to be rotated by %s; it signs all the same", key->name, rotate_by);
        break;
    case CH_KEY_ROTATES_SOON:
        ch_buffer_add_format(out, "key '%s' is to be rotated by %s", key->name, rotate_by);
        say_left(out, key->rotate_by_ns, now_ns);
        break;
    case CH_KEY_NOT_DUE:
        break;
    }
}

const ch_key *ch_key_version_by_date(const ch_key *key, uint64_t now_ns)
{
    for (size_t i = key->version_count + 1; i-- > 0;) {
        const ch_key *version = ch_key_version(key, i);
        if (now_ns >= version->from_ns && !is_over(version->expires_ns, now_ns))
            return version;
    }
    return key;
}

ch_status ch_key_check_expiry(const ch_key *key, uint64_t now_ns, ch_error *err)
{
    char expires[CH_UTC_TEXT_SIZE];
    if (!is_over(key->expires_ns, now_ns))
        return CH_OK;
    ch_utc_text(key->expires_ns / SECOND_NS, expires);
    return ch_fail_rule(err, CH_REFUSED, "expires",
                        "key '%s' expired at %s, as its policy says; rotate it, or have the policy say another date",
                        key->name, expires);
}
