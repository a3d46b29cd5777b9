#include "policy/load.h"

#include "conf/yaml.h"

/* clang-format off */
static const ch_field fields[] = {
    /* name         required  reader                    where */
    { "keys",       true,     ch_policy_read_keys,      CH_WHOLE },
    { "operators",  true,     ch_policy_read_operators, CH_WHOLE },
    { "limits",     false,    ch_policy_read_limits,    CH_WHOLE },
};
/* clang-format on */

ch_status ch_policy_load(const ch_policy_source *source, ch_policy *out, ch_error *err)
{
    ch_autoyaml *document = NULL;
    ch_policy_loader load = {.source = source, .policy = out};
    *out = (ch_policy){0};
    CH_TRY(ch_yaml_load(source->path, &document, err));
    CH_TRY(ch_fields_read(ch_yaml_root(document), CH_FIELDS(fields), out, &load, err));
    ch_policy_index(out);
    return CH_OK;
}
