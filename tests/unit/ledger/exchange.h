/* Payments between toys, as two purses make them without the bank; and reports of them. The signatures are those that the
 * bank's workers have verified already, so the ledger's tests need none. */
#ifndef KC_TESTS_EXCHANGE_H
#define KC_TESTS_EXCHANGE_H

#include "world.h"

/* A signed order on its way, or kept. */
struct toy_order {
    struct kc_payment_order order;
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_account_id payee_account;
};

/* The payee's signed word on it. */
struct toy_word {
    enum kc_record_answer kind;
    uint8_t order[KC_DIGEST_SIZE];
    uint64_t signer; /* account */
    struct kc_purse_id purse;
};

/* The payer reserves and signs; the order fits the payee's next counter. */
struct toy_order toy_pay(struct toy *payer, struct world *world, const struct toy *payee,
                         uint64_t minor);
/* The payee takes it, or refuses it with an entry of its own; or says that it has moved on. */
struct toy_word toy_receive(struct toy *payee, struct world *world, const struct toy_order *order);
struct toy_word toy_refuse(struct toy *payee, struct world *world, const struct toy_order *order);
struct toy_word toy_moved_on(const struct toy *payee, const struct toy_order *order);
/* The payer hears it: a receipt stands beside the pay entry, a decline there and in a void entry. */
void toy_hear(struct toy *payer, struct world *world, const struct toy_order *order,
              const struct toy_word *word);
/* A void entry for the payment with that counter. */
void toy_void(struct toy *payer, struct world *world, uint64_t counter, uint64_t minor);
/* Pays, receives, and hears the receipt. */
struct toy_order toy_exchange(struct toy *payer, struct toy *payee, struct world *world,
                              uint64_t minor);

/* Takes the reply to a report: the certified value, and a void for each release. */
void toy_take_settled(struct toy *toy, struct world *world,
                      const struct kc_ledger_settled *settled);
/* One report, sent and its reply taken when there is one. */
struct kc_result toy_report(struct toy *toy, struct world *world, struct toy_reply *reply);
/* Reports until nothing is uncovered, or a few times. */
struct kc_result toy_report_all(struct toy *toy, struct world *world);

#endif
