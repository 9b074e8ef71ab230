/* Lists of roots: which issuing certificates count no more, though a root signed them and their time is not over (RFC 5280
 * section 5; in the directory authorityRevocationList, RFC 4523). A list counts when its root does, and names issuers of that
 * root and of earlier ones, which all have one name and count because of later ones alone.
 *
 * The directory is not trusted: of each root the list with the highest number stays, whatever is shown, and is kept durably where
 * somebody keeps it. So what was ended once does not come back. A root that no list was seen of ended nobody yet. */
#ifndef KC_DIRECTORY_ROOT_LISTS_H
#define KC_DIRECTORY_ROOT_LISTS_H

#include "crypto/x509.h"
#include "directory/directory.h"
#include "directory/roots.h"

/* Keeps the newest list of the root with that serial durably, which names so many issuers; reads it. KC_FILE_MISSING: none was
 * kept. Of all else, and of a list that this root did not sign, the log tells, and it counts as none. */
typedef struct kc_result (*kc_root_list_keep)(void *owner, const uint8_t root[KC_SERIAL_SIZE],
                                              struct kc_view list, size_t ended);
typedef struct kc_result (*kc_root_list_load)(void *owner, const uint8_t root[KC_SERIAL_SIZE],
                                              struct kc_buffer *list);

struct kc_root_lists {
    struct kc_crl *items[KC_ROOTS_MAX]; /* by the places of struct kc_roots; NULL: none was seen */
    kc_root_list_keep keep;
    kc_root_list_load load;
    void *owner;
};

void kc_root_lists_close(struct kc_root_lists *lists);

/* Finds, for each root that counts, a list that is newer than the one here, shown or kept, and keeps what was shown; NULL where
 * there is none. Reads files, and changes nothing here. */
void kc_root_lists_find(struct kc_crl *newer[KC_ROOTS_MAX], const struct kc_root_lists *lists,
                        const struct kc_roots *roots, const struct kc_directory_roots *shown,
                        uint64_t now_ms);
/* Puts what was found in the place of what was here, which is in `newer` then and to be freed. */
void kc_root_lists_swap(struct kc_root_lists *lists, struct kc_crl *newer[KC_ROOTS_MAX]);
/* The root of that place is another now. */
void kc_root_lists_drop(struct kc_root_lists *lists, size_t place);

/* Whether an issuing certificate by the root in that place is named by a root that counts. */
bool kc_root_lists_name(const struct kc_root_lists *lists, const struct kc_roots *roots,
                        size_t root, const uint8_t serial[KC_SERIAL_SIZE], uint64_t now_ms);
/* Whether a list of that root was seen, and its time is over. */
bool kc_root_lists_is_old(const struct kc_root_lists *lists, size_t root, uint64_t now_ms);

#endif
