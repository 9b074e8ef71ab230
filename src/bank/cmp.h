/* The authority by CMP, in place of our own messages (`[authority] protocol = cmp`; docs/decisions/0022-cmp.md): certificates of
 * a renewal (Sr2) as two requests, the end of old ones (Sr7) and of a closed account's as one request for each certificate, by
 * the numbers in the bank's books. All of it on the DIRECTORY lane. */
#ifndef KC_BANK_CMP_H
#define KC_BANK_CMP_H

#include "bank/bank.h"

/* The bank's own certificate, which a message is signed with, from its folder. For kc_bank_load. */
KC_MUST_USE struct kc_result kc_bank_cmp_load(struct kc_bank *bank, const char *folder);

/* Certificates of the keys in the row, whose proof was checked: into memory of KC_CERTIFICATE_SIZE_MAX bytes each. Where there
 * is no room for another pair, those that the purse left end, and it is asked again. As kc_cmp_client_certify. */
KC_MUST_USE struct kc_result kc_bank_cmp_certify(struct kc_buffer *sign, struct kc_buffer *encrypt,
                                                 struct kc_bank *bank,
                                                 struct kc_bank_thread *thread,
                                                 const struct kc_renewal_row *row,
                                                 uint64_t expires_ms);

/* Revokes what a confirmed renewal took the place of: the old pair, and those that the purse had certified beside it and left.
 * Nothing happens to what is revoked, so that it may be asked for again. One that fails does not spare the others. That the
 * authority knows some of them not at all is in the log, once, and an end. As kc_cmp_client_revoke_pair; KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_bank_cmp_retire(struct kc_bank *bank, struct kc_bank_thread *thread,
                                                const struct kc_renewal_row *row);

/* The same for what a purse has, and for what the directory shows of an account; here KC_NOT_FOUND is the caller's to say. */
KC_MUST_USE struct kc_result kc_bank_cmp_end_purse(struct kc_bank *bank,
                                                   struct kc_bank_thread *thread, uint64_t purse,
                                                   unsigned reason);
KC_MUST_USE struct kc_result kc_bank_cmp_end_shown(struct kc_bank *bank,
                                                   struct kc_bank_thread *thread,
                                                   struct kc_account_id account, unsigned reason);

/* Revokes what a closed account's purses have; as kc_bank_cmp_retire. */
KC_MUST_USE struct kc_result kc_bank_cmp_end_account(struct kc_bank *bank,
                                                     struct kc_bank_thread *thread,
                                                     struct kc_account_id account);

#endif
