/* The classes of endpoints: how much harm a call can do. docs/profiles.md says what belongs to which. Thread-safe. */
#ifndef CH_EXCHANGE_CLASS_H
#define CH_EXCHANGE_CLASS_H

#include "conf/yaml.h"

typedef enum ch_class {
    CH_CLASS_READ,
    CH_CLASS_TRADE,
    CH_CLASS_CANCEL,
    CH_CLASS_TRANSFER,
    CH_CLASS_WITHDRAW,
    CH_CLASS_KEYS,
    CH_CLASS_ACCOUNT,
    CH_CLASS_SESSION, /* opens a socket on which orders are placed and no policy is asked */
    CH_CLASS_COUNT
} ch_class;

const char *ch_class_name(ch_class class_);

/* Reads a class. CH_CONFIG lists the classes if there is no such one. */
CH_CHECKED ch_status ch_class_read(const ch_yaml *node, ch_class *out, ch_error *err);
/* Reads a list of classes and adds them to the set `*out`, bit 1 << ch_class. */
CH_CHECKED ch_status ch_classes_read(const ch_yaml *list, unsigned *out, ch_error *err);

#endif
