/* Keys that the authority makes for an account (EP1221669 Fig 13, S2 to S11). Internal to this room.
 *
 * The private keys stand in the database sealed for the authority itself, from the request of the bank until purse or bank
 * says that they are in force, or their time runs out; then they are zeroed in the files.
 *
 *   cut after          database           directory       who recovers
 *   S3 made            certificates,      -               the bank asks again: the same keys, published, answered
 *                      sealed keys
 *   S3 published       the same           both            the bank asks again
 *   S7 noted as given  given              both            the purse asks again, and gets the same keys
 *   S10 noted          keys gone, old     old ones' not   the purse's repeat, the bank's retire-request, or the next publication
 *                      ones revoked       on the list
 */
#ifndef KC_AUTHORITY_MADE_H
#define KC_AUTHORITY_MADE_H

#include "authority/request.h"

/* S2, from the bank: makes keys, or finds the ones that wait. */
KC_MUST_USE struct kc_result kc_authority_make_keys(struct kc_buffer *reply,
                                                    struct kc_authority_request *request,
                                                    struct kc_authority *authority);
/* S6, signed by the old key: gives the private keys, sealed for the old encryption key (S7). KC_KEY_GONE. */
KC_MUST_USE struct kc_result kc_authority_give_keys(struct kc_buffer *reply,
                                                    struct kc_authority_request *request,
                                                    struct kc_authority *authority);
/* S10, signed by the new key: the private keys go, the old certificates are revoked (S11). */
KC_MUST_USE struct kc_result kc_authority_confirm_keys(struct kc_buffer *reply,
                                                       struct kc_authority_request *request,
                                                       struct kc_authority *authority);

/* Keys whose time ran out go. Those that no purse ever got also lose their certificates. *count says how many. */
KC_MUST_USE struct kc_result kc_authority_wipe_due(size_t *count, struct kc_authority *authority);

#endif
