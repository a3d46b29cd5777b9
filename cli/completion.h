/* The completion of `chancery` for bash, made from the table of commands. */
#ifndef CH_CLI_COMPLETION_H
#define CH_CLI_COMPLETION_H

/* Prints a script for bash: 'chancery help completion', which `make install` puts where bash looks for it. */
void ch_completion_print(void);

#endif
