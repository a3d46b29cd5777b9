/* What all processes that load the fault module share: a file, mapped, beside the control file. It lives as long as
 * that file's folder, so a PIN counter outlives every process, as a card's does. */
#ifndef CH_TESTS_FAULTS_SHARED_H
#define CH_TESTS_FAULTS_SHARED_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdint.h>

#define SHARED_COUNTERS 64
#define SHARED_PIN_SIZE 64

/* The path of the control file with an ending, in `room`, of 4096 bytes. */
const char *shared_path(const char *ending, char *room);

/* Begins counting anew if the control file is another one than that of the stamp that was counted for. */
void shared_begin_counters(uint64_t stamp);
/* Counts, and returns the count: 1 for the first. */
unsigned long shared_count(unsigned counter);

/* True once, for all processes together, for each event and version of the control file. */
#define SHARED_EVENTS 2
bool shared_happens(unsigned event, uint64_t stamp);

/* The slot in which somebody opened a session last. True for any slot as long as nobody has. */
void shared_note_slot(CK_SLOT_ID slot);
bool shared_is_slot(CK_SLOT_ID slot);

/* A small number for a PIN: equal for equal ones. Nothing of the PIN can be read from it. */
unsigned shared_pin_number(const CK_BYTE *pin, CK_ULONG size);

/* Wrong PINs since the last right one. */
unsigned shared_wrong_pins(void);
void shared_set_wrong_pins(unsigned count);

/* The login that processes share (model shared-login), with the PIN of a test's token. `pin` has SHARED_PIN_SIZE bytes.
 */
bool shared_login(CK_BYTE *pin, CK_ULONG *size);
void shared_set_login(const CK_BYTE *pin, CK_ULONG size);
void shared_end_login(void);

/* How many sessions this process has open; and how many all have that live. */
void shared_set_sessions(unsigned count);
unsigned shared_sessions(void);

/* Only one thread of all processes is between these two. */
int shared_take_device(void);
void shared_release_device(int taken);

#endif
