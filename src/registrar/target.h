/* Where a new UIM is written: a file, whole or not at all, or a blank card in a PC/SC reader. */
#ifndef KC_REGISTRAR_TARGET_H
#define KC_REGISTRAR_TARGET_H

#include "reader/place.h"
#include "registrar/registrar.h"
#include "service/files.h"

struct kc_target {
    const char *path;
    bool card;
    char temporary[KC_PATH_SIZE_MAX]; /* of a file: its name until it is whole */
    struct kc_purse_place place;
    struct kc_slot uim;
};

/* Before anybody is asked for anything: sees that the name is free, or that there is a blank card, which is held from now on. A
 * card that an earlier try left half-written counts as blank. KC_ALREADY_EXISTS, KC_TOO_LARGE, errors of kc_pcsc_open, whose
 * words go to `registrar`. After an error there is nothing to drop. */
KC_MUST_USE struct kc_result kc_target_begin(struct kc_target *target,
                                             struct kc_registrar *registrar, const char *path);

/* Makes the file; target->uim is open and blank at return. A file of the temporary name is what a registrar that was killed left:
 * the caller sees to it that no other one is at work here. */
KC_MUST_USE struct kc_result kc_target_make(struct kc_target *target,
                                            struct kc_registrar *registrar);

/* The UIM is written: the file gets its name, the card is let go. KC_ALREADY_EXISTS and errors of writing leave all as it was. */
KC_MUST_USE struct kc_result kc_target_finish(struct kc_target *target);

/* Nothing came of it. Of a card stays what was written; the next try overwrites it, unless it got its last word (ACTIVATE): then
 * the card stays as it is, and no bank knows it. */
void kc_target_drop(struct kc_target *target);

#endif
