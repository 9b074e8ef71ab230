/* What a purse may do between two contacts with its bank. Every certified value carries it, as from when it was signed. */
#ifndef KC_MESSAGE_OFFLINE_LIMITS_H
#define KC_MESSAGE_OFFLINE_LIMITS_H

#include "message/generated/messages.h"

struct kc_offline_limits {
    struct kc_amount purse_most;   /* held by payments taken */
    struct kc_amount payment_most; /* paid at once */
    struct kc_amount spend_most;   /* paid in all */
    uint64_t spend_count;          /* payments made */
    uint64_t valid_ms;             /* how long after the contact it may pay and be paid */
};

/* Limits that never bind. */
struct kc_offline_limits kc_offline_limits_none(void);

/* The same limits for a card without keys: what it paid before does not bind it, because a copy of it would not know. What it
 * may hold and pay at once, and how long, does. */
struct kc_offline_limits kc_offline_limits_bearer(struct kc_amount purse_most,
                                                  struct kc_amount payment_most, uint64_t valid_ms);

/* Writes them into a certified value of out->time_ms; not past `end_ms`, when the account ends. */
void kc_offline_limits_certify(struct kc_certified *out, const struct kc_offline_limits *limits,
                               uint64_t end_ms);

/* The log policy of this name, such as refuse; false when there is none. */
bool kc_log_policy_take(enum kc_log_policy *out, const char *word);
/* The source of a management charge of this name: account, ordinary or included; false when there is none. */
bool kc_charge_source_take(enum kc_charge_source *out, const char *word);

#endif
