/* A finished request, as the agent returns it: {"method", "url", "headers", "body"}. */
#ifndef CH_CLI_FINISHED_H
#define CH_CLI_FINISHED_H

#include <jansson.h>

/* Prints it for people: the call, its headers, its body. */
void ch_finished_print(const json_t *request);
/* Prints a curl command that sends it, for any POSIX shell. */
void ch_finished_print_curl(const json_t *request);

#endif
