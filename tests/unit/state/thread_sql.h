/* Changes the database of a test under its rooms' feet. */
#ifndef CH_TESTS_UNIT_STATE_THREAD_SQL_H
#define CH_TESTS_UNIT_STATE_THREAD_SQL_H

#include "state/writer.h"

/* Runs `sql` in the writer's thread, whose the database is, and collects until that is done. */
void thread_sql(ch_writer *writer, const char *sql);

#endif
