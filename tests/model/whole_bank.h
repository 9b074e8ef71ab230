/* The bank of a world: the shipped steps of src/bank, one item at a time. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_BANK_H
#define KC_TESTS_WHOLE_BANK_H

#include "whole.h"

/* Opens the bank over the world's store. */
void whole_bank_open(struct whole *whole);

/* What the registrar asks for: an account with its purse, and later the first certified value of that, signed. */
void whole_bank_open_account(struct whole *whole, struct whole_holder *holder, unsigned index);
void whole_bank_confirm_account(struct kc_buffer *certified, struct whole *whole,
                                const struct whole_holder *holder,
                                const struct kc_identity *claims);

/* The bank has the keys of the base, and no others yet. */
void whole_bank_keys(struct whole *whole);

/* As the bank does from the certificates. */
struct kc_result whole_bank_keep_keys(struct whole *whole, const struct whole_holder *holder);

/* An item takes its own steps, each in its lane. */
struct kc_result whole_bank_run(struct whole *whole, struct kc_bank_item *item);

/* A message of the registrar, as far as the ledger looks at it. */
struct kc_ledger_source whole_bank_registrar(const struct whole *whole, struct kc_view bytes,
                                             uint8_t key[KC_COSE_KEY_SIZE_MAX]);

#endif
