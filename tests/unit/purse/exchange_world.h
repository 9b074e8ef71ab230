/* Purses side by side over memories that can be cut from power, and a bank that signs what a test wants it to say. */
#ifndef KC_TESTS_EXCHANGE_WORLD_H
#define KC_TESTS_EXCHANGE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/bearssl.h"
#include "crypto/libcrypto.h"
#include "message/generated/messages.h"
#include "message/identity.h"
#include "message/listed.h"
#include "message/offline_limits.h"
#include "purse/inside.h"
#include "purse/purse.h"

#define NOW_MS UINT64_C(1795478400000)
#define EXPIRES_S (NOW_MS / 1000 + 1000)
#define PIN "1234"
#define PENDING_MAX 24u
#define NO_CUT (-1)

/* What survives of the writes since the last sync when the power goes. */
enum cut_mode {
    CUT_HALF,    /* all of them, and half of the one that was cut */
    CUT_NOTHING, /* none */
    CUT_LATEST,  /* the one that was cut alone */
    CUT_OLDEST,  /* all but the oldest of them */
    CUT_MODES,
};

struct unsynced {
    size_t at;
    size_t size;
    uint8_t before[KC_IMAGE_SIZE_MAX];
    uint8_t after[KC_IMAGE_SIZE_MAX];
};

struct keys {
    struct kc_private_key private_key;
    struct kc_public_key public_key;
};

/* What a purse is made with. */
struct making {
    unsigned nth;
    enum kc_suite suite;
    uint64_t value;
    uint64_t expires_s;
    enum kc_purse_type type;
    bool other_bank;                        /* its bank has another key and number */
    bool other_currency;                    /* the same bank's key, another currency */
    bool bearssl;                           /* on the backend that is shipped in purses */
    enum kc_log_policy log_policy;          /* 0: refuse */
    const struct kc_offline_limits *limits; /* NULL: none that bind */
};

struct side {
    struct making making;
    struct kc_account_id account;
    struct kc_purse_id number;
    struct keys sign;
    struct kc_crypto crypto;
    struct kc_bearssl bearssl;
    uint8_t nvm[KC_NVM_SIZE];
    /* Writes and syncs left until the power goes, or NO_CUT. */
    int steps_left;
    enum cut_mode mode;
    size_t unsynced_count;
    struct unsynced unsynced[PENDING_MAX];
    unsigned writes; /* all so far */
    struct kc_purse purse;
    uint8_t response[KC_RESPONSE_SIZE_MAX];
    struct kc_view out;
    uint8_t identity_bytes[KC_RECORD_SIZE_MAX];
    struct kc_view identity;
};

/* A message kept by a test. */
struct kept {
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    size_t size;
};

int exchange_open(void **state);
int exchange_close(void **state);

const struct kc_crypto *exchange_crypto(void);
const struct kc_realm *exchange_realm(void);
const struct keys *exchange_bank(void);
/* The bank's encryption keys. */
const struct keys *exchange_encrypt(void);

/* A ready purse; its PIN is given. */
void side_make(struct side *side, const struct making *making);
/* An ES256 purse of that number and value. */
void side_plain(struct side *side, unsigned nth, uint64_t value);
/* Powers up again over the memory, selects, gives the PIN. */
void side_power(struct side *side);
void side_copy(struct side *to, const struct side *from);

/* Sends a command; side->out is what came. */
enum kc_error side_send(struct side *side, uint8_t cla, uint8_t ins, uint8_t p1,
                        struct kc_view data);
/* The same for ours, with an 8-byte number before the data for each in `numbers`. */
enum kc_error side_run(struct side *side, uint8_t ins, uint8_t p1, size_t number_count,
                       const uint64_t *numbers, struct kc_view data);

struct kc_view keep(struct kept *out, struct kc_view bytes);
struct kc_view kept_view(const struct kept *kept);

/* Steps of an exchange. Each gives the first error, and what came in `out`. */
enum kc_error offer(struct kept *out, struct side *payer, struct side *payee, bool full,
                    uint64_t asked);
enum kc_error pay_offer(struct kept *out, struct side *payer, uint64_t amount,
                        struct kc_view offer);
enum kc_error pay(struct kept *out, struct side *payer, struct side *payee, uint64_t amount);
/* EXAMINE; *answered is its first byte. */
enum kc_error examine(bool *answered, struct side *payee, struct kc_view payment);
enum kc_error decide(struct kept *out, struct side *payee, uint8_t answer);
/* EXAMINE and DECIDE. */
enum kc_error answer(struct kept *out, struct side *payee, struct kc_view payment, uint8_t answer);
enum kc_error conclude(struct side *payer, struct kc_view answer);
enum kc_error open_payment(struct kept *out, struct side *payer, uint8_t index);
/* All of it with OK; fails the test when anything does. */
void exchange(struct side *payer, struct side *payee, uint64_t amount);

uint64_t value_of(const struct side *side);
struct kc_purse_info info_of(struct side *side);
struct kc_entry entry_of(struct side *side, uint64_t counter);
struct kc_amount amount(uint64_t minor);

/* The order inside a payment, and a payment of an order signed with these keys. */
struct kc_payment_order order_of(struct kc_view payment);
struct kc_view sign_payment(struct kept *out, const struct kc_payment_order *order,
                            const struct keys *keys, const struct kc_realm *realm,
                            struct kc_view identity);
struct kc_view sign_answer(struct kept *out, bool taken, const void *record,
                           const struct keys *keys);
struct kc_view sign_identity(struct kept *out, const struct kc_identity *identity,
                             const struct keys *bank, const struct kc_realm *realm);
struct kc_identity identity_of(const struct side *side);

/* ---- the bank ---- */

/* SGN2 over the purse with `covered` more of its entries, worth `value`. */
struct kc_view bank_certifies(struct kept *out, struct side *side, uint64_t covered,
                              uint64_t value);
/* An envelope of the bank for this purse. */
struct kc_view bank_seals(struct kept *out, struct side *side, const struct kc_shape *shape,
                          const void *message);
/* Opens an envelope of the purse; `plain` keeps what the message points into. */
void bank_opens(void *message, struct kept *plain, struct side *side, struct kc_view envelope,
                const struct kc_shape *shape);
struct kc_release release_of(uint64_t counter, uint64_t amount, uint64_t reason);
/* A settle-reply to the last settle-request. */
struct kc_view bank_settles(struct kept *out, struct side *side, uint64_t covered, uint64_t value,
                            const struct kc_release *releases, size_t release_count);
enum kc_error settle_request(struct kept *out, struct side *side);
enum kc_error take(struct side *side, struct kc_view envelope);
/* A hotlist of these numbers, ascending, as this bank signs it. */
struct kc_view bank_lists(struct kept *out, uint64_t version, const uint64_t *numbers,
                          size_t count);
/* The same of a record that a test made. */
/* A base, and a delta on a base, of these numbers, ascending and with their check digits, as this bank signs them. */
struct kc_view bank_base(struct kept *out, uint64_t version, const uint64_t *numbers, size_t count);
struct kc_view bank_delta(struct kept *out, uint64_t base, uint64_t version,
                          const uint64_t *numbers, size_t count);
/* A record of any of the three shapes, signed by anybody. */
struct kc_view bank_signs_part(struct kept *out, const struct kc_shape *shape, const void *record,
                               const struct keys *keys, const struct kc_realm *realm,
                               const char *domain);
struct kc_view bank_signs_list(struct kept *out, const struct kc_hotlist *list,
                               const struct keys *keys, const struct kc_realm *realm,
                               const char *domain);
enum kc_error take_hotlist(struct side *side, struct kc_view hotlist);

#define assert_error(given, wanted)                                                                \
    assert_string_equal(kc_error_name(given), kc_error_name(KC_##wanted))
#define must(result) assert_string_equal(kc_error_name((result).code), "ok")

#endif
