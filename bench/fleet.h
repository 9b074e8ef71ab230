/* A bank and its purses in one process: the shipped steps of src/bank over ledger and SQLite, shipped purse cores over memory in
 * RAM, real cryptography (ES256). Clock, authority and directory are stood in for here. Internal to the benchmark. */
#ifndef KC_BENCH_FLEET_H
#define KC_BENCH_FLEET_H

#include "bank/bank.h"
#include "purse/purse.h"
#include "reader/reader.h"

#define FLEET_SEATS 2u
#define FLEET_PIN "1234"
#define FLEET_DAY_MS UINT64_C(86400000)

/* One purse, and what the directory shows of it. */
struct fleet_member {
    struct kc_account_id account;
    struct kc_purse_id purse;
    struct kc_public_key sign;
    struct kc_public_key encrypt;
    struct kc_signer_id signer;
    struct kc_signer_id old; /* before the last renewal */
    bool has_old;
    bool old_revoked;
    uint64_t issued_ms;
    unsigned report_day; /* it will report what it has; 0: nothing */
    bool met;            /* it paid or was paid */
};

/* A purse under power. */
struct fleet_seat {
    struct fleet_member *member; /* or NULL */
    uint8_t *nvm;
    struct kc_crypto crypto;
    struct kc_purse core;
    struct kc_slot slot;
};

extern struct fleet_member *fleet_members;
extern size_t fleet_count;
extern uint64_t fleet_now_ms;
extern uint64_t fleet_requests; /* that the bank answered */
extern uint64_t fleet_revoked;  /* renewals whose old certificates are revoked */

/* Ends the program when something failed that is not what is measured. */
void fleet_must(struct kc_result result, const char *what);

/* Opens the bank over a new database, and so many accounts, each with a personalised purse. */
void fleet_open(const char *database, size_t count);
void fleet_close(void);

/* The member's purse, under power, in that seat; PIN given. */
struct kc_slot *fleet_sit(unsigned seat, struct fleet_member *member);

/* A request in, the answer out, which holds until the next request. The bank's word on it. */
KC_MUST_USE struct kc_result fleet_serve(struct kc_view *reply, struct kc_view request);

/* What is due of confirmed renewals: the old certificates are revoked. */
void fleet_retire(void);

/* What the ledger says a purse holds. */
uint64_t fleet_value(const struct fleet_member *member);
/* The ledger's audit: how many faults. */
uint64_t fleet_audit(void);

#endif
