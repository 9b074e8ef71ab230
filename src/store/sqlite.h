/* The ledger's store over SQLite: WAL, synchronous=FULL, prepared statements. */
#ifndef KC_STORE_SQLITE_H
#define KC_STORE_SQLITE_H

#include "ledger/store.h"

/* Opens (and with write makes) the database at `path`. page_count_max 0: no limit of our own. KC_STORE_CORRUPT,
 * KC_STORE_VERSION (made by another version of the schema, left as it is), KC_FILE_MISSING, KC_NO_MEMORY, KC_STORE_FAILED
 * (also when the file system cannot keep a commit durable). */
KC_MUST_USE struct kc_result kc_sqlite_open(struct kc_store *out, const char *path, bool write,
                                            uint64_t page_count_max);
void kc_sqlite_close(struct kc_store *store);

#endif
