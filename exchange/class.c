/* The classes of requests, as profiles and policies write them. */
#include "base/error.h"
#include "exchange/profile.h"

#include <string.h>

static const char *const names[CH_CLASS_COUNT] = {
    [CH_CLASS_READ] = "read",         [CH_CLASS_TRADE] = "trade",       [CH_CLASS_CANCEL] = "cancel",
    [CH_CLASS_TRANSFER] = "transfer", [CH_CLASS_WITHDRAW] = "withdraw", [CH_CLASS_KEYS] = "keys",
    [CH_CLASS_ACCOUNT] = "account",   [CH_CLASS_SESSION] = "session",
};

const char *ch_class_name(ch_class class_)
{
    return class_ < CH_CLASS_COUNT ? names[class_] : "unknown";
}

ch_status ch_class_read(const ch_yaml *node, ch_class *out, ch_error *err)
{
    const char *name = NULL;
    ch_status st = ch_yaml_text(node, &name, err);
    if (st != CH_OK)
        return st;
    for (*out = 0; *out < CH_CLASS_COUNT; (*out)++) {
        if (strcmp(names[*out], name) == 0)
            return CH_OK;
    }
    return ch_yaml_fail(node, err,
                        "there is no class '%s'; the classes are read, trade, cancel, transfer, withdraw, keys, "
                        "account and session",
                        name);
}

ch_status ch_classes_read(const ch_yaml *list, unsigned *out, ch_error *err)
{
    ch_status st = ch_yaml_expect_list(list, err);
    for (size_t i = 0; st == CH_OK && i < ch_yaml_count(list); i++) {
        ch_class class_;
        st = ch_class_read(ch_yaml_item(list, i), &class_, err);
        if (st == CH_OK)
            *out |= 1U << class_;
    }
    return st;
}
