#include "agent/core/acceptance.h"

#include "base/buffer.h"
#include "exchange/class.h"
#include "exchange/confusion.h"

/* ---- what is accepted ---- */

void ch_acceptance_say(const ch_policy *policy, void (*say)(const char *line))
{
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *key = &policy->keys[i];
        const char *lets = NULL;
        const char *name;
        for (size_t k = 0; (name = ch_profile_acceptance_at(key->profile, k, &lets)) != NULL; k++) {
            ch_autobuffer line = CH_BUFFER_INIT;
            if ((key->traits.accepts & 1U << k) == 0)
                continue;
            ch_buffer_add_format(&line, "key '%s': policy accepts '%s', which lets callers %s", key->name, name, lets);
            say(ch_buffer_text(&line));
        }
    }
}

/* ---- what falls together ---- */

/* For how many calls what is allowed may lack each class. */
typedef struct lacks {
    size_t calls[CH_CLASS_COUNT];
    bool has_any;
} lacks;

static bool is_for(const ch_policy *policy, const ch_selector *selector, const ch_key *key)
{
    size_t index = ch_policy_key_index(policy, key);
    return selector->is_any_key || (selector->keys != NULL && (selector->keys[index / 64] >> (index % 64) & 1) != 0);
}

/* Of all callers together: an allow that names calls is one of their classes. */
static unsigned granted_classes(const ch_policy *policy, const ch_key *key)
{
    unsigned classes = 0;
    for (size_t i = policy->first[CH_VERB_ALLOW]; i < policy->first[CH_VERB_ALLOW + 1]; i++) {
        const ch_selector *selector = &policy->entries[i].selector;
        if (!is_for(policy, selector, key))
            continue;
        classes |= selector->classes;
        for (size_t k = 0; selector->classes == 0 && k < selector->endpoint_count; k++)
            classes |= 1U << ch_endpoint_class(selector->endpoints[k]);
    }
    return classes;
}

static void add_lacks(lacks *out, unsigned missing)
{
    for (ch_class class_ = 0; class_ < CH_CLASS_COUNT; class_++)
        out->calls[class_] += (missing & 1U << class_) != 0;
    out->has_any |= missing != 0;
}

static bool may_ask(const ch_key *key, const ch_endpoint *endpoint)
{
    return ch_environment_has(key->traits.environment, endpoint) &&
           ch_endpoint_kind(endpoint, key->traits.kinds) == NULL && ch_endpoint_takes_scheme(endpoint, key->scheme);
}

static lacks find_lacks(const ch_policy *policy, const ch_key *key, ch_unknown_names unknown)
{
    lacks found = {0};
    unsigned granted = granted_classes(policy, key);
    const ch_endpoint *endpoint;
    for (size_t i = 0; (endpoint = ch_profile_endpoint_at(key->profile, i)) != NULL; i++) {
        if ((granted & 1U << ch_endpoint_class(endpoint)) == 0 || !may_ask(key, endpoint))
            continue;
        add_lacks(&found, ch_endpoint_openable_classes(endpoint, key->scheme, &key->traits, unknown) & ~granted);
    }
    return found;
}

static void say_lacks(const ch_key *key, const char *when, const lacks *found, void (*say)(const char *line))
{
    ch_autobuffer line = CH_BUFFER_INIT;
    const char *separator = " ";
    ch_buffer_add_format(&line, "key '%s': if %s ignores unknown parameters %s, its allows may lack", key->name,
                         ch_profile_title(key->profile), when);
    for (ch_class class_ = 0; class_ < CH_CLASS_COUNT; class_++) {
        if (found->calls[class_] == 0)
            continue;
        ch_buffer_add_format(&line, "%s'%s' for %zu calls", separator, ch_class_name(class_), found->calls[class_]);
        separator = ", ";
    }
    ch_buffer_add_text(&line, found->has_any ? "" : " nothing");
    say(ch_buffer_text(&line));
}

/* Keys of one exchange are often alike, and looking is slow. */
static bool is_alike(const ch_policy *policy, const ch_key *a, const ch_key *b)
{
    return a->profile == b->profile && a->scheme == b->scheme && a->traits.environment == b->traits.environment &&
           a->traits.kinds == b->traits.kinds && a->traits.accepts == b->traits.accepts &&
           granted_classes(policy, a) == granted_classes(policy, b);
}

void ch_confusion_say(const ch_policy *policy, void (*say)(const char *line))
{
    lacks refused = {0};
    lacks ignored = {0};
    const ch_key *found_for = NULL;
    for (size_t i = 0; i < policy->key_count; i++) {
        const ch_key *key = &policy->keys[i];
        if (key->is_relay_only)
            continue; /* what a relay brings opens nothing else */
        if (found_for == NULL || !is_alike(policy, key, found_for)) {
            found_for = key;
            refused = find_lacks(policy, key, CH_UNKNOWN_REFUSED);
            ignored = find_lacks(policy, key, CH_UNKNOWN_IGNORED);
        }
        if (!refused.has_any && !ignored.has_any)
            continue;
        say_lacks(key, "nowhere", &refused, say);
        say_lacks(key, "everywhere", &ignored, say);
    }
}
