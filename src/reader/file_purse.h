/* A purse in a file: the core in this process, its memory in a file 0600 that one process at a time holds. */
#ifndef KC_READER_FILE_PURSE_H
#define KC_READER_FILE_PURSE_H

#include "crypto/port.h"
#include "reader/reader.h"

struct kc_file_purse;

/* Makes a new file with a blank purse, durable at return; KC_ALREADY_EXISTS. KC_DISK_FULL, KC_IO_FAILED: then there is none. */
KC_MUST_USE struct kc_result kc_file_purse_create(const char *path);

/* Opens a purse; *port reaches it. The crypto port is copied and its backend must outlive the purse. KC_FILE_MISSING,
 * KC_KEY_PERMISSIONS (open to others), KC_PURSE_CORRUPT (wrong size), KC_IN_USE, KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_file_purse_open(struct kc_file_purse **out,
                                                struct kc_slot_port *port, const char *path,
                                                const struct kc_crypto *crypto);

/* True for a file that can be read and has none of the marks of a purse's memory: not a damaged purse, but none at all. */
KC_MUST_USE bool kc_file_is_no_purse(const char *path);

/* As a card does: without power the core forgets all but its file, which stays held, and takes no command (the caller sees to
 * it); power up starts the core anew. */
void kc_file_purse_power_on(struct kc_file_purse *purse);
void kc_file_purse_power_off(struct kc_file_purse *purse);

void kc_file_purse_close(struct kc_file_purse *purse);

#endif
