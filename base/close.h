/* Closing a descriptor that another user may have a say in.
 *
 * Closing a socket closes what was passed over it and not received. If that is a socket with SO_LINGER, whoever closes
 * it waits until its peer has read everything, which a hostile user sees to that it never does. A signal cuts the wait
 * short. */
#ifndef CH_BASE_CLOSE_H
#define CH_BASE_CLOSE_H

/* From now on SIGALRM belongs to ch_close_quickly, which until then waits as close does. Call it before there are other
 * threads. Programs that are started inherit none of it. */
void ch_close_prepare(void);

/* Closes `fd`, within about a millisecond whatever it is. One thread; sets the process's real-time interval timer. */
void ch_close_quickly(int fd);
/* The same for a connected Unix stream socket of which no process has a copy, at the price of a plain close if nothing
 * was received on it. */
void ch_close_stream(int fd);

#endif
