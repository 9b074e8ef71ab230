/* The letter: PIN and password that the registrar made up because none was given, for the holder's eyes only. */
#ifndef KC_REGISTRAR_LETTER_H
#define KC_REGISTRAR_LETTER_H

#include "registrar/registrar.h"

/* Opens an account as kc_registrar_open_account does. When the application names no PIN or no password, they are made up and
 * written to `uim`.letter (0600) before anything else happens, so that no UIM exists whose PIN is lost; *made tells. The letter
 * goes when the opening fails. A card or machine has neither, and no
 * letter. KC_ALREADY_EXISTS when the UIM or its letter is there. */
KC_MUST_USE struct kc_result kc_letter_open_account(struct kc_opened_account *out, bool *made,
                                                    struct kc_registrar *registrar,
                                                    struct kc_application *application,
                                                    const char *uim);

/* The same for a new UIM of an account (kc_registrar_reissue): the letter has no password, which stays what it was. */
KC_MUST_USE struct kc_result kc_letter_reissue(struct kc_opened_account *out, bool *made,
                                               struct kc_registrar *registrar,
                                               struct kc_application *application,
                                               struct kc_account_id account, const char *uim);

#endif
