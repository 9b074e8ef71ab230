/* Another purse of the same bank, which signs whatever is asked of it: good payments and answers, and bad ones. */
#ifndef KC_TESTS_PURSE_PARTNER_H
#define KC_TESTS_PURSE_PARTNER_H

#include "purse_world.h"

/* How what the partner gives differs from a good one. */
#define PARTNER_NAMELESS 1u /* its identity is left out */
#define PARTNER_EXPIRED 2u  /* its identity ran out */
#define PARTNER_FORGED 4u   /* signed with another key */
#define PARTNER_ASTRAY 8u   /* for another purse, or about another payment */
#define PARTNER_ITSELF 16u  /* the purse's own name in the place of the partner's */
#define PARTNER_TAKES 32u   /* of an answer: a receipt */

struct kc_purse_id partner_number(void);
struct kc_view partner_identify(uint8_t flags);
struct kc_view partner_offer(const struct world *world, uint8_t counter, uint8_t flags);

/* A payment of the partner for the purse's next counter, or one `off` it. */
struct kc_view partner_payment(const struct world *world, uint64_t amount, int off, uint8_t flags);

/* The partner's word on the purse's open payment of that index; empty when there is none. */
struct kc_view partner_answer(struct world *world, uint8_t index, uint8_t flags);

#endif
