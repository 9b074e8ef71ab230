/* Roots: the one that a server has pinned, and those that count because of it. The authority's root key rolls over
 * (docs/protocol.md "A new root of the authority"): old and new root certify each other, and the directory shows both, with what
 * they certified. The directory is not trusted. A root that it shows counts when a root that counts certified it,
 *
 *   1. one that began later, when the chain to it begins at the pinned one and only goes on to later ones;
 *   2. one that began earlier, for as long as the newer one certified it.
 *
 * So who has an old root's key leads nobody on who knows a newer one. A root by rule 1 is pinned in place of the one that was,
 * once it is kept durably. */
#ifndef KC_DIRECTORY_ROOTS_H
#define KC_DIRECTORY_ROOTS_H

#include "crypto/x509.h"
#include "directory/directory.h"

struct kc_root {
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    size_t size;
    uint64_t from_ms;
    uint64_t until_ms; /* how long it counts here; 0: it does not */
};

struct kc_roots {
    size_t count;
    size_t pinned;
    struct kc_root items[KC_ROOTS_MAX];
    /* Why a root that the directory showed last does not count: KC_CERT_INVALID, KC_ROOT_OLDER, KC_ROOT_NOT_CERTIFIED; why the
     * next one could not be kept; KC_OK. */
    enum kc_error word;
};

/* Keeps the next pinned root durably in place of the one before. */
typedef struct kc_result (*kc_root_keep)(void *owner, struct kc_view root);

/* With the pinned root alone. KC_CERT_INVALID when it is none. */
KC_MUST_USE struct kc_result kc_roots_open(struct kc_roots *roots, struct kc_view pinned);

/* The certificate in a place. */
struct kc_view kc_roots_view(const struct kc_roots *roots, size_t place);
/* Whether what is in a place counts at a time. */
bool kc_roots_count(const struct kc_roots *roots, size_t place, uint64_t now_ms);

/* Takes over what the directory shows. `keep` may be NULL: then the pinned root stays. Places of roots that have ended are taken
 * by others; who remembers places compares what is there. Bounded work, whatever is shown. */
void kc_roots_update(struct kc_roots *roots, const struct kc_directory_roots *shown,
                     kc_root_keep keep, void *owner, uint64_t now_ms);

#endif
