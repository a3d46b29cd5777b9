#include "cli/commands.h"
const ch_command ch_commands_of_bot[] = {{0}};
