/* What the bank should do, in a plain struct: docs/protocol.md "Cash" and "Funding and redeeming"
 * without store, journal or bytes. It shares no code with src/ledger. */
#ifndef KC_TESTS_MODEL_H
#define KC_TESTS_MODEL_H

#include "world.h"

#define MODEL_PURSES 4
#define MODEL_TRANSACTIONS 512

/* One message on its way, or the ordinary bank's word about an order. Two letters with one id are
 * the same bytes. */
struct letter {
    unsigned purse;
    uint64_t id;
    uint64_t request_id; /* of the request that an answer belongs to */
    bool settles;
    struct kc_ledger_order order;
    enum kc_error answer;
    struct toy_message message;
};

struct model_transaction {
    uint64_t time_ms;
    uint64_t request_id;
    enum kc_transaction_kind kind;
    enum kc_transaction_state state;
    enum kc_error reason;
    uint64_t minor;
    uint64_t expires_ms;
};

struct model_purse {
    uint64_t account;
    uint64_t shadow;
    uint64_t sequence;
    uint64_t counter;
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t paid;
    uint64_t returned;
    uint64_t last_ms;
    uint64_t last_id;
    uint64_t open_ms;
    bool out;
    size_t count;
    struct model_transaction transactions[MODEL_TRANSACTIONS];
};

struct model {
    const struct kc_crypto *crypto;
    uint64_t now_ms;
    uint64_t outside;
    uint64_t in_flight;
    uint64_t alerts;
    struct model_purse purses[MODEL_PURSES];
};

/* What the ledger is to say. */
struct model_word {
    enum kc_error code;
    enum kc_outcome outcome;
    bool ask;
};

struct model_word model_deliver(struct model *model, const struct letter *letter);
struct model_transaction *model_find(struct model_purse *purse, uint64_t time_ms);

#endif
