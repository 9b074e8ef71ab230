/* A purse over memory whose power can be cut, and a bank that says under its real signature whatever a test wants.
 *
 * The bank's messages are built from what the purse keeps, so that they answer its last request; a test then changes what it
 * wants to see refused. Shared with tests/unit/reader, tests/tear and tests/ctime. */
#ifndef KC_TESTS_PURSE_WORLD_H
#define KC_TESTS_PURSE_WORLD_H

#include "message/generated/messages.h"
#include "message/identity.h"
#include "message/notice.h"
#include "message/offline_limits.h"
#include "purse/purse.h"

#define WORLD_PIN "1234"
#define WORLD_WRONG_PIN "4321"
#define WORLD_VALUE 500u
#define WORLD_ACCOUNT_VALUE 1000u
#define WORLD_TIME_MS UINT64_C(1795478400000)
#define WORLD_EXPIRES_S (WORLD_TIME_MS / 1000 + 1000000) /* of identities */
#define WORLD_WRITES_MAX 16u
#define WORLD_NEVER SIZE_MAX

/* Ends the process with a message: a fault of the test or of the purse that no assertion of cmocka stands around. */
__attribute__((noreturn)) void world_fail(const char *what, const char *file, int line);
#define WORLD_CHECK(condition) ((condition) ? (void)0 : world_fail(#condition, __FILE__, __LINE__))

/* ---- memory ---- */

struct world_write {
    size_t at;
    size_t size;
    uint8_t data[KC_IMAGE_SIZE_MAX];
};

/* Non-volatile memory. `now` is what the purse reads, `durable` what stood there at the last sync, `writes` what came since. */
struct world_memory {
    uint8_t now[KC_NVM_SIZE];
    uint8_t durable[KC_NVM_SIZE];
    struct world_write writes[WORLD_WRITES_MAX];
    size_t write_count;
    size_t steps; /* writes and syncs so far */
    size_t
        cut_step; /* the power goes in this one, and the writes hold what was written until then; or WORLD_NEVER */
    bool cut_in_write; /* the last write is the one that was cut */
    bool off;
    size_t bad_at; /* reads that touch this byte fail; or WORLD_NEVER */
    /* With the power on: the read, and the write or sync, of a command that fails; or WORLD_NEVER. */
    size_t bad_read;
    size_t bad_step;
    bool bad_gets_through; /* what failed was written all the same */
    size_t reads;          /* in commands so far */
    bool in_command;
};

struct kc_nvm world_nvm(struct world_memory *memory);

/* What a power cut leaves of each write since the last sync: its bytes from `from` up to `to`. */
struct world_survival {
    struct {
        size_t from;
        size_t to;
    } pieces[WORLD_WRITES_MAX];
};

/* The power comes back: memory is what was durable and what survived. */
void world_memory_survive(struct world_memory *memory, const struct world_survival *survival);
/* The same with everything written, and nothing of what was not synced. */
void world_memory_keep_all(struct world_memory *memory);
void world_memory_keep_none(struct world_memory *memory);

/* ---- the world ---- */

struct world_party {
    struct kc_private_key private_key;
    struct kc_public_key public_key;
};

struct world {
    struct world_memory memory;
    struct kc_crypto crypto;
    struct kc_realm realm;
    enum kc_suite suite;
    enum kc_log_policy log_policy; /* of the first certified value; 0: refuse */
    struct world_party own_sign;
    struct world_party own_encrypt;
    struct world_party bank_sign;
    struct world_party bank_encrypt;
    struct world_party
        partner; /* signs for another purse of the bank; its kind of key is its own */
    struct kc_purse purse;
    uint8_t command[KC_COMMAND_SIZE_MAX];
    uint8_t response[KC_RESPONSE_SIZE_MAX];
    size_t response_size;
    uint64_t clock_ms; /* the host's clock, which steps at every look */
    /* What the bank says lies here until it says the next thing. */
    struct kc_envelope_work work;
    uint8_t envelope[KC_MESSAGE_SIZE_MAX];
    uint8_t record[KC_RECORD_SIZE_MAX];
    uint8_t hotlist[KC_HOTLIST_SIZE_MAX];
    /* And what the partner says. */
    uint8_t partner_identity[KC_RECORD_SIZE_MAX];
    uint8_t partner_record[KC_ORDER_SIZE_MAX];
    uint8_t partner_message[KC_MESSAGE_SIZE_MAX];
};

/* A memory as new with a purse powered up over it. Crypto, realm, suite and the five parties are set before. */
void world_start(struct world *world);
void world_power(struct world *world);

/* Sends a command in the extended form; gives the error of its status word. The response data is `world_data`. */
enum kc_error world_send(struct world *world, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2,
                         struct kc_view data);
enum kc_error world_send_raw(struct world *world, struct kc_view command);
uint16_t world_status(const struct world *world);
struct kc_view world_data(const struct world *world);

enum kc_error world_select(struct world *world);
enum kc_error world_pin(struct world *world, const char *pin);
enum kc_error world_order(struct world *world, uint8_t ins, unsigned kind, uint64_t amount);
enum kc_error world_transfer(struct world *world, unsigned source, uint64_t amount, uint64_t to);
enum kc_error world_answer(struct world *world, enum kc_answer answer);
enum kc_error world_state_request(struct world *world);
enum kc_error world_repeat(struct world *world);
enum kc_error world_take(struct world *world, struct kc_view envelope);

struct kc_amount world_amount(uint64_t minor);
uint64_t world_value(const struct world *world);

/* The state as it is stored, for comparing. */
size_t world_state_bytes(const struct world *world, uint8_t out[KC_IMAGE_SIZE_MAX]);

/* ---- personalisation ---- */

/* The steps in their order, keys made outside or (from GENERATE on) inside. */
enum world_step {
    WORLD_SETTINGS,
    WORLD_SIGN_KEY, /* or GENERATE */
    WORLD_ENCRYPT_KEY,
    WORLD_BANK_VERIFY,
    WORLD_BANK_ENCRYPT,
    WORLD_SIGN_CERTIFICATE,
    WORLD_ENCRYPT_CERTIFICATE,
    WORLD_BANK_SIGN_CERTIFICATE,
    WORLD_BANK_ENCRYPT_CERTIFICATE,
    WORLD_AUTHORITY_CERTIFICATE,
    WORLD_PUT_PIN,
    WORLD_IDENTITY,
    WORLD_CERTIFIED,
    WORLD_ACTIVATE,
    WORLD_STEP_COUNT,
};

enum kc_error world_personalise_step(struct world *world, enum world_step step, bool inside);
/* All of them but `without` (WORLD_STEP_COUNT: none), each of which must be taken; not ACTIVATE. */
void world_personalise(struct world *world, enum world_step without, bool inside);
/* A ready purse of WORLD_VALUE, selected, with its PIN verified. */
void world_ready(struct world *world);

struct kc_purse_settings world_settings(const struct world *world);
struct kc_identity world_identity(const struct world *world);
struct kc_certified world_first_certified(const struct world *world);
/* A private key in the form of PUT KEY. */
struct kc_view world_key_record(uint8_t out[1024], const struct kc_private_key *key);
struct kc_view world_certificate(enum kc_purse_tag tag);

/* ---- what the bank says ---- */

/* Who says it, to whom, where and when; world_saying gives the bank, the purse, its realm and WORLD_TIME_MS. */
struct world_saying {
    const struct world_party *from;
    const struct world_party *to;
    struct kc_realm realm;
    uint64_t time_ms;
    const char *domain; /* of a record */
};
struct world_saying world_saying(const struct world *world);

struct kc_view world_say(struct world *world, const struct world_saying *saying,
                         const struct kc_shape *shape, const void *message);
struct kc_view world_sign_record(struct world *world, const struct world_saying *saying,
                                 const struct kc_shape *shape, const void *record);

/* A hotlist of these numbers, ascending. */
struct kc_view world_hotlist(struct world *world, uint64_t version, const uint64_t *numbers,
                             size_t count);
/* A base (`on` 0 and is_base), or a delta on the base of version `on`, of one number. */
struct kc_view world_hotlist_part(struct world *world, bool is_base, uint64_t on, uint64_t version,
                                  uint64_t number);
enum kc_error world_take_hotlist(struct world *world, struct kc_view hotlist);
/* The record of the bank's roll-over of that number, odd ones to the partner's key and even ones back. */
struct kc_view world_roll(struct world *world, uint64_t number);
enum kc_error world_take_roll(struct world *world, struct kc_view roll);

/* What the bank tells of the authority's next keys: honest content, content as somebody signs it, both, and handed in. */
struct kc_noticed_keys world_noticed(struct world *world, uint64_t number);
struct kc_view world_notice(struct world *world, const struct world_saying *saying,
                            const struct kc_noticed_keys *told);
struct kc_view world_honest_notice(struct world *world, uint64_t number);
enum kc_error world_take_notice(struct world *world, struct kc_view notice);
enum kc_error world_tell(struct world *world, uint64_t number);

/* The certified value that the purse holds, how many entries it does not cover, and the next one: sequence + 1, `included` of
 * those entries, that amount. */
struct kc_certified world_certified(const struct world *world);
uint64_t world_uncovered(const struct world *world);
struct kc_certified world_next_certified(struct world *world, uint64_t included, uint64_t amount);
struct kc_view world_certify(struct world *world, const struct kc_certified *certified);

/* Honest answers to what the purse last sent. Views go to `certified`, made before. */
struct kc_cash_quote world_quote(const struct world *world);
struct kc_transfer_quote world_transfer_quote(const struct world *world);
struct kc_completion world_completion(const struct world *world, enum kc_outcome outcome,
                                      struct kc_view certified);
struct kc_state_reply world_state_reply(const struct world *world, enum kc_outcome outcome,
                                        struct kc_view certified);
struct kc_fund_reply world_fund_reply(const struct world *world, enum kc_outcome outcome,
                                      struct kc_view certified);
struct kc_refusal world_refusal(const uint8_t request[KC_DIGEST_SIZE], enum kc_error reason);

/* The bank's honest quote, completion, state reply or fund reply, sent to the purse. */
enum kc_error world_take_quote(struct world *world);
enum kc_error world_take_transfer_quote(struct world *world);
enum kc_error world_take_completion(struct world *world, enum kc_outcome outcome, uint64_t included,
                                    uint64_t amount);
enum kc_error world_take_state(struct world *world, enum kc_outcome outcome, uint64_t included,
                               uint64_t amount);
enum kc_error world_take_fund(struct world *world, enum kc_outcome outcome, uint64_t included,
                              uint64_t amount);
enum kc_error world_take_refusal(struct world *world, const uint8_t request[KC_DIGEST_SIZE],
                                 enum kc_error reason);

/* ---- another purse: world_partner.c ---- */

/* What the partner says; each lies in partner_message until it says the next thing. Its identity is always told. */
struct kc_view world_partner_identity(struct world *world);
struct kc_view world_partner_identify(struct world *world);
struct kc_view world_partner_offer(struct world *world);
/* A payment to the purse for that counter of the purse. */
struct kc_view world_partner_payment(struct world *world, uint64_t counter, uint64_t amount);
/* Its receipt or decline of what the purse paid in the entry of that counter. */
struct kc_view world_partner_answer(struct world *world, uint64_t counter, bool taken);

enum kc_error world_offer(struct world *world, uint64_t asked);
enum kc_error world_pay(struct world *world, uint64_t amount);
enum kc_error world_examine(struct world *world, struct kc_view payment);
enum kc_error world_decide(struct world *world, enum kc_answer answer);
enum kc_error world_conclude(struct world *world, struct kc_view answer);
enum kc_error world_open_payment(struct world *world, uint8_t index);
enum kc_error world_settle_request(struct world *world);

/* The bank's honest answer to the last report, with `included` of its entries; with a release or NULL. */
struct kc_settle_reply world_settle_reply(const struct world *world, struct kc_view certified);
struct kc_view world_say_settle(struct world *world, uint64_t included, uint64_t amount,
                                const struct kc_release *release);
enum kc_error world_take_settle(struct world *world, uint64_t included, uint64_t amount,
                                const struct kc_release *release);

/* A renewal by the authority: the purse's steps (1 claim, 2 key request, 3 key confirm), and honest answers to the last one. */
enum world_made {
    WORLD_MADE_SIGN,
    WORLD_MADE_ENCRYPT,
    WORLD_AUTHORITY_SIGN,
    WORLD_AUTHORITY_ENCRYPT,
    WORLD_AUTHORITY_NEXT_SIGN, /* the authority's next keys, of which notices tell */
    WORLD_AUTHORITY_NEXT_ENCRYPT,
    WORLD_MADE_COUNT
};
const struct world_party *world_made(struct world *world, enum world_made which);
enum kc_error world_handover(struct world *world, unsigned step);
struct kc_claim_reply world_claim_reply(struct world *world);
enum kc_error world_take_claimed(struct world *world);
struct kc_view world_key_pair(const struct world_party *sign, const struct world_party *encrypt);
struct kc_key_reply world_key_reply(struct world *world);
enum kc_error world_take_keys(struct world *world);
enum kc_error world_take_done(struct world *world);
/* The same by one of the authority's signature keys. */
enum kc_error world_take_keys_by(struct world *world, enum world_made authority);
enum kc_error world_take_done_by(struct world *world, enum world_made authority);
/* An envelope that names the authority as its signer, signed by anybody. */
struct kc_view world_authority_says(struct world *world, const struct world_party *from,
                                    const struct kc_shape *shape, const void *message);

/* A renewal: the request, and the bank's honest reply to the last one, over the keys that lie in the other key set. */
enum kc_error world_renew_request(struct world *world);
struct kc_renew_reply world_renew_reply(const struct world *world, struct kc_view identity);
/* The identity over the keys that wait; with the purse's own account and number. */
struct kc_identity world_new_identity(struct world *world);
struct kc_view world_sign_identity(struct world *world, const struct kc_identity *identity);
enum kc_error world_take_renew(struct world *world);

/* Takes a ready purse to one of the lives from ready to blocked; the transaction moves 100 in that direction. */
void world_go(struct world *world, enum kc_life life, enum kc_cash_kind kind);

#endif
