/* The letter to a new holder: PIN and first password, in a file 0600 beside the UIM, when they were not given. */
#ifndef KC_REGISTRAR_LETTER_H
#define KC_REGISTRAR_LETTER_H

#include "registrar/registrar.h"

/* Fills pin and password that are empty with random ones; *made says whether any was. */
KC_MUST_USE struct kc_result kc_letter_fill(bool *made, struct kc_registrar *registrar,
                                            struct kc_application *application);

/* Writes PATH.letter. */
KC_MUST_USE struct kc_result kc_letter_write(const char *path,
                                             const struct kc_application *application);

#endif
