/* The ordinary bank (BS) as the electronic bank sees it: a port of three questions, and the adapter that asks them in JSON over
 * HTTP with a bearer token. A real bank's interface becomes another adapter behind the same port. */
#ifndef KC_BANK_ORDINARY_H
#define KC_BANK_ORDINARY_H

#include "base/amount.h"
#include "message/generated/messages.h"

#define KC_ORDINARY_KEY_SIZE 96

struct kc_ordinary_bank {
    void *context;
    /* Whether the account exists and can pay: KC_OK, KC_NO_BANK_ACCOUNT, KC_NO_ABILITY_TO_PAY, KC_ORDINARY_BANK_DOWN. */
    struct kc_result (*check)(void *context, const char *account);
    /* Moves money under an idempotency key. The first clear answer under a key is the answer for ever: the same key never moves
     * money twice, and what was refused under it is never carried out later, for two questions with one key may cross.
     * KC_OK done; KC_IN_DOUBT when the answer did not come; anything else: refused, nothing moved. */
    struct kc_result (*transfer)(void *context, const char *key, enum kc_fund_kind kind,
                                 const char *account, struct kc_amount amount);
};

/* The HTTP adapter. `token` is copied. KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_ordinary_http_open(struct kc_ordinary_bank *out, const char *url,
                                                   const char *token, const char *currency,
                                                   unsigned timeout_ms);
void kc_ordinary_http_close(struct kc_ordinary_bank *bank);

#endif
