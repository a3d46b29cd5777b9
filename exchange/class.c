/* Profiles and policies write classes as these words. */
#include "exchange/class.h"

#include "conf/fields.h"

static const ch_word words[CH_CLASS_COUNT] = {
    {"read",     CH_CLASS_READ    },
    {"trade",    CH_CLASS_TRADE   },
    {"cancel",   CH_CLASS_CANCEL  },
    {"transfer", CH_CLASS_TRANSFER},
    {"withdraw", CH_CLASS_WITHDRAW},
    {"keys",     CH_CLASS_KEYS    },
    {"account",  CH_CLASS_ACCOUNT },
    {"session",  CH_CLASS_SESSION },
};
static const ch_words classes = CH_WORDS("class", words);

const char *ch_class_name(ch_class class_)
{
    const char *name = ch_words_text(&classes, class_);
    return name == NULL ? "unknown" : name;
}

ch_status ch_class_read(const ch_yaml *node, ch_class *out, ch_error *err)
{
    uint64_t class_ = 0;
    CH_TRY(ch_words_read(&classes, node, &class_, err));
    *out = (ch_class)class_;
    return CH_OK;
}

ch_status ch_classes_read(const ch_yaml *list, unsigned *out, ch_error *err)
{
    CH_TRY(ch_yaml_expect_list(list, err));
    for (size_t i = 0; i < ch_yaml_count(list); i++) {
        ch_class class_ = CH_CLASS_COUNT;
        CH_TRY(ch_class_read(ch_yaml_item(list, i), &class_, err));
        *out |= 1U << class_;
    }
    return CH_OK;
}
