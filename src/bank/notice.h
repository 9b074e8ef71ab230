/* The authority's newest keys, told to purses (docs/protocol.md "The authority's new keys at the purses"). Whenever the bank has
 * fetched issuers and lists it compares what the directory shows with what it told last:
 *
 *   an issuing certificate under the pinned root that began later    is told
 *   the authority's own certificates, good, that began later         are told
 *   another root that the bank goes by                               is told
 *   anything older, or not good                                      changes nothing
 *   whatever is good, once an issuer has ended (emergency)           is told in place of other keys
 *
 * The notice stands as it was signed in notice.cose of the bank's folder, whole before it is served; its number is the time, and
 * higher than that of the one before it. A cut leaves the one before, or this one. After a roll-over of the bank's keys it is
 * signed anew, as it is. */
#ifndef KC_BANK_NOTICE_H
#define KC_BANK_NOTICE_H

#include <pthread.h>

#include "bank/rolls.h"
#include "directory/people.h"
#include "message/notice.h"

struct kc_bank_notice {
    bool opened;
    pthread_mutex_t lock;
    uint64_t number; /* 0: there is none yet */
    size_t size;
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    uint64_t endings; /* of issuers, when it was looked last */
};

/* Whoever signs for the bank. */
struct kc_notice_maker {
    const struct kc_crypto *crypto;
    const struct kc_realm *realm;
    const struct kc_bank_keys *keys;
};

/* Reads notice.cose, and signs it anew when the key in force did not sign it. Errors of reading and verifying it: one that no key
 * of the bank signed is KC_BAD_SIGNATURE. Closed by kc_bank_notice_close, also after an error. */
KC_MUST_USE struct kc_result kc_bank_notice_open(struct kc_bank_notice *out,
                                                 const struct kc_notice_maker *by,
                                                 const char *folder);
void kc_bank_notice_close(struct kc_bank_notice *notice);

/* What the directory shows, verified. */
struct kc_notice_shown {
    struct kc_view issuer;
    const struct kc_person *authority;
    uint8_t root[KC_DIGEST_SIZE];
    bool
        anew; /* an issuer ended since: keys that were told may be its thief's, however late they began */
};

/* Tells it, as far as it is newer than what was told; true in *made when it is. Errors of signing and writing: nothing is told
 * then. */
KC_MUST_USE struct kc_result kc_bank_notice_tell(bool *made, struct kc_bank_notice *notice,
                                                 const struct kc_notice_maker *by,
                                                 const struct kc_notice_shown *shown,
                                                 uint64_t now_ms);

/* Tells what the directory shows, when that is newer; true in *made. Waits. Errors of the directory; KC_NOT_FOUND when the
 * directory has no authority that purses could speak with, or none below the pinned root; of writing and signing. */
KC_MUST_USE struct kc_result kc_bank_notice_look(bool *made, struct kc_bank_notice *notice,
                                                 const struct kc_notice_maker *by,
                                                 struct kc_people *people,
                                                 struct kc_directory *directory, uint64_t now_ms);

/* Puts the authority's keys that were told in place of those that the directory shows, when they were certified later: so a
 * directory leads no claim back to a pair that the authority gave up. */
KC_MUST_USE struct kc_result kc_bank_notice_prefer(struct kc_person *authority,
                                                   struct kc_bank_notice *notice);

/* The newest, into a buffer. KC_NOT_FOUND: there is none with a number above `after`. */
KC_MUST_USE struct kc_result kc_bank_notice_get(struct kc_buffer *out,
                                                struct kc_bank_notice *notice, uint64_t after);

#endif
