/* The bank (EBS): what its files share. The pipeline carries items; a kind's route says which step runs where.
 *
 *   exchange ─> item ─> receive (WORK) ─> [look up the signer (DIRECTORY)] ─> open (WORK) ─> the kind's own steps ─> reply
 *   the writer, when it has time ─> charges, closings, renewals and orders in doubt ─> items of its own, in rounds (rounds.h)
 *
 * Renewal is in renew.c (keys made in the purse) and key_offer.c (made by the authority), at the counter in counter.c; charges in
 * charge.c, closing in close.c, the certificates of purses out of use in ending.c; whether a certificate still counts in
 * revocation.c (list and OCSP); the bank's own new keys in rolls.c and roll.c, and what it tells of the authority's in notice.c.
 *
 * One trust boundary: the private keys live in struct kc_bank and nowhere else. */
#ifndef KC_BANK_BANK_H
#define KC_BANK_BANK_H

#include <stdatomic.h>

#include "bank/config.h"
#include "bank/counter.h"
#include "bank/holders.h"
#include "bank/hotlist.h"
#include "bank/known.h"
#include "bank/notice.h"
#include "bank/ordinary.h"
#include "bank/pairs.h"
#include "bank/pipeline.h"
#include "bank/records.h"
#include "bank/revocation.h"
#include "bank/rolls.h"
#include "bank/rounds.h"
#include "directory/directory.h"
#include "directory/people.h"
#include "ledger/ledger.h"
#include "message/identity.h"
#include "message/listed.h"
#include "service/files.h"
#include "service/http_server.h"

#define KC_ITEM_REPLY_SIZE KC_MESSAGE_SIZE_MAX
/* Who has it may give orders to the bank: in the bank's folder, made at the first start. */
#define KC_ADMIN_TOKEN_FILE "admin.token"

/* The hotlist in its three forms, the newest of each as it was signed. The base's version is the highest multiple of `step`
 * that is not above the ledger's: every bank over the same ledger, and the same one after a restart, has the same. */
enum kc_bank_form { KC_FORM_LIST, KC_FORM_BASE, KC_FORM_DELTA };
#define KC_FORM_COUNT 3u

struct kc_bank_hotlist {
    pthread_mutex_t lock;
    atomic_ullong newest; /* the version that the ledger has */
    uint64_t step;        /* changes from base to base */
    struct {              /* guarded by the lock */
        bool made;
        uint64_t version;
        size_t size;
        uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    } forms[KC_FORM_COUNT];
};

/* What a purse is to be told that asks for the hotlist. */
struct kc_bank_listing {
    bool has_base; /* false: it asks for the older form */
    uint64_t base; /* which base it holds, 0 for none */
    enum kc_bank_form form;
    union {
        struct kc_hotlist list;
        struct kc_hotlist_base base;
        struct kc_hotlist_delta delta;
    } record;
};

struct kc_bank {
    struct kc_bank_config config;
    struct kc_bank_keys keys;       /* all generations of them */
    struct kc_private_key sign_key; /* those in force, as they are in `keys`, which closes them */
    struct kc_private_key encrypt_key;
    struct kc_public_key sign_public;
    struct kc_signer_id signer_id;
    size_t certificate_size; /* of the signature key; 0 unless CMP is spoken */
    uint8_t certificate[KC_CERTIFICATE_SIZE_MAX];
    struct kc_realm realm;
    struct kc_people people;
    struct kc_known known;
    struct kc_revocation revocation;
    struct kc_store store; /* the writer's */
    struct kc_ledger ledger;
    struct kc_pipeline pipeline;
    struct kc_http_server *server;
    struct kc_crypto crypto; /* the writer's, for digests */
    char ordinary_token[128];
    char admin_token[128];
    char folder[KC_PATH_SIZE_MAX];
    char database[KC_PATH_SIZE_MAX];
    struct kc_holders holders;
    struct kc_bank_hotlist hotlist;
    struct kc_bank_notice notice; /* what it tells of the authority's keys */
    atomic_bool stopping;
    uint64_t sweep_ns;             /* when the writer sweeps again, by the monotonic clock */
    struct kc_bank_round again;    /* orders in doubt, by purse and time */
    struct kc_bank_round charges;  /* orders of management charges, by account */
    struct kc_bank_round payouts;  /* of closed accounts */
    struct kc_bank_round revoking; /* their certificates, by account */
    struct kc_bank_round ending;   /* certificates of purses out of use, as they are due */
    struct kc_bank_round retiring; /* old certificates of confirmed renewals, by purse */
    struct kc_bank_round offering; /* keys that the authority is to make, by purse */
    uint64_t offer_wanted;         /* the writer's: the last purse that was looked at for them */
    struct kc_counter counter;
};

_Static_assert(KC_PAIR_SIZE == KC_PEOPLE_PAIR_SIZE, "what the directory says is kept in the books");

struct kc_bank_authority;

/* The context of one thread. */
struct kc_bank_thread {
    struct kc_crypto crypto;
    struct kc_directory *directory;      /* DIRECTORY */
    struct kc_bank_authority *authority; /* DIRECTORY */
    struct kc_http_client *responder;    /* DIRECTORY, unless the list alone counts */
    struct kc_store store;               /* DIRECTORY: to read beside the writer */
    struct kc_ordinary_bank ordinary;    /* ORDINARY */
    struct kc_envelope_work work;        /* WORK */
};

/* What an operator orders. */
struct kc_bank_policy {
    struct kc_purse_id purse;
    enum kc_log_policy policy;
};

/* The clerk's word on an account's management charge. */
struct kc_bank_charge_word {
    struct kc_account_id account;
    enum kc_charge_source source;
    bool included; /* a period is paid by a sale; else it is the source */
};

/* A decoded message of any kind. */
union kc_bank_message {
    struct kc_cash_request cash_request;
    struct kc_transfer_request transfer_request;
    struct kc_cash_answer cash_answer;
    struct kc_state_request state_request;
    struct kc_fund_request fund_request;
    struct kc_open_request open_request;
    struct kc_confirm_request confirm_request;
    struct kc_cancel_request cancel_request;
    struct kc_identify_request identify_request;
    struct kc_settle_request settle_request;
    struct kc_renew_request renew_request;
    struct kc_claim_request claim_request;
    struct kc_account_id account;
    struct kc_lost_request lost_request;
    struct kc_reissue_request reissue_request;
    struct kc_charge_order charge_order;
    struct kc_bank_listing listing;
    struct kc_close_request close_request;
    struct kc_move_request move_request;
    struct kc_counter_request counter_request;
    struct kc_account_id close;
    struct kc_bank_policy policy;
    struct kc_bank_charge_word charge_word;
    struct kc_purse_id card;
    struct kc_give_back give_back;
    struct kc_identity identity;
    struct kc_renewal_query renewal_query;
    uint64_t roll;
    uint64_t notice_after;
    uint8_t reference[KC_DIGEST_SIZE];
};

struct kc_bank_kind;

/* Where an item is: steps before the kind's own are counted with it. */
enum kc_bank_at { KC_AT_RECEIVE, KC_AT_FETCH, KC_AT_OPEN, KC_AT_OWN };

/* A purse's new keys on their way. */
struct kc_bank_renewal {
    struct kc_purse_key_row keys;
    struct kc_renewal_row row;
    struct kc_key_offer_row offer;
    bool blocked; /* the purse went out of use while they were certified */
    size_t sign_size;
    size_t encrypt_size;
    uint8_t sign[KC_CERTIFICATE_SIZE_MAX];
    uint8_t encrypt[KC_CERTIFICATE_SIZE_MAX];
};

/* One message on its way. */
struct kc_bank_item {
    struct kc_pipeline_item head;      /* first: the pipeline's */
    struct kc_http_exchange *exchange; /* NULL for what the bank asks by itself */
    struct kc_bank_round *round;       /* and then its round */
    const struct kc_bank_kind *kind;
    size_t step; /* enum kc_bank_at, and on from KC_AT_OWN */
    enum kc_error error;
    bool authenticated;   /* the signature verified: refusals are signed from here on */
    bool at_counter;      /* the registrar vouches for who holds this purse, and for this message */
    enum kc_error denied; /* why the signer's certificate, which is in memory, is not good */
    struct kc_view bytes;
    struct kc_signed envelope;
    struct kc_person signer;
    uint8_t signer_key[KC_COSE_KEY_SIZE_MAX]; /* as it is kept beside the evidence */
    size_t signer_key_size;
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t plain[KC_PLAIN_SIZE_MAX];
    union kc_bank_message message;
    struct kc_ledger_information information;
    struct kc_entry entry;
    struct kc_ledger_outcome outcome;
    struct kc_cash_quote quote;
    struct kc_transfer_quote transfer_quote;
    char name[KC_NAME_SIZE_MAX + 1];
    enum kc_purse_type purse_type; /* of the purse to be confirmed, or of the account identified */
    char password_hash[KC_SECRET_HASH_SIZE_MAX + 1];
    struct kc_ledger_order order;
    struct kc_charge_debit charge;
    struct kc_payout payout;
    struct kc_ledger_closed closed;
    enum kc_error order_answer;
    struct kc_ledger_opened opened;
    struct kc_records records;
    struct kc_ledger_settled settled;
    struct kc_certified certified;
    struct kc_given_back given_back;
    struct kc_voucher voucher;
    uint8_t identity[KC_RECORD_SIZE_MAX];
    size_t identity_size;
    uint8_t identity_digest[KC_DIGEST_SIZE];
    struct kc_bank_renewal renewal;
    struct kc_renewal_word renewal_word;
    struct kc_bank_pairs pairs;
    struct kc_ending_row ending;
    struct kc_person holder; /* whose purse is confirmed */
    uint64_t key_ready_ms;   /* since when keys wait for the purse, or 0 */
    uint64_t due_ms;         /* when a refused request may come again, or 0 */
    const char *content_type;
    int status;
    uint8_t reply[KC_ITEM_REPLY_SIZE];
    size_t reply_size;
};

/* A step: its lane, and what runs there. An error sends the item to its refusal. Where the lane is crowded the step is left
 * out when `crowded` says what that means; else the item is refused as busy. */
struct kc_bank_step {
    enum kc_lane lane;
    struct kc_result (*run)(struct kc_bank *bank, struct kc_bank_thread *thread,
                            struct kc_bank_item *item);
    void (*crowded)(struct kc_bank_item *item);
};

#define KC_BANK_STEPS_MAX 6

/* A kind of message: who may send it and the route it takes after it was opened. */
struct kc_bank_kind {
    const struct kc_shape *shape;
    bool from_purse;                              /* else from the registrar */
    bool may_be_none;                             /* KC_NOT_FOUND is an answer, and no refusal */
    struct kc_bank_step steps[KC_BANK_STEPS_MAX]; /* up to the first without a run */
};

extern const struct kc_bank_kind kc_bank_cash_request;
extern const struct kc_bank_kind kc_bank_cash_answer;
extern const struct kc_bank_kind kc_bank_transfer_request;
extern const struct kc_bank_kind kc_bank_state_request;
extern const struct kc_bank_kind kc_bank_fund_request;
extern const struct kc_bank_kind kc_bank_fund_again;
extern const struct kc_bank_kind kc_bank_open_request;
extern const struct kc_bank_kind kc_bank_confirm_request;
extern const struct kc_bank_kind kc_bank_cancel_request;
extern const struct kc_bank_kind kc_bank_identify_request;
extern const struct kc_bank_kind kc_bank_settle_request;
extern const struct kc_bank_kind kc_bank_renew_request;
extern const struct kc_bank_kind kc_bank_retire;
extern const struct kc_bank_kind kc_bank_end_certificates;
extern const struct kc_bank_kind kc_bank_claim_request;
extern const struct kc_bank_kind kc_bank_make_keys;
extern const struct kc_bank_kind kc_bank_offer_keys;
extern const struct kc_bank_kind kc_bank_lost_request;
extern const struct kc_bank_kind kc_bank_reissue_request;
extern const struct kc_bank_kind kc_bank_make_hotlist;
extern const struct kc_bank_kind kc_bank_make_card;
extern const struct kc_bank_kind kc_bank_give_back;
extern const struct kc_bank_kind kc_bank_make_voucher;
extern const struct kc_bank_kind kc_bank_give_roll;
extern const struct kc_bank_kind kc_bank_sign_identity;
extern const struct kc_bank_kind kc_bank_give_notice;
extern const struct kc_bank_kind kc_bank_tell_renewal;
extern const struct kc_bank_kind kc_bank_set_policy;
extern const struct kc_bank_kind kc_bank_charge_order;
extern const struct kc_bank_kind kc_bank_set_charge;
extern const struct kc_bank_kind kc_bank_ask_charge;
extern const struct kc_bank_kind kc_bank_close_request;
extern const struct kc_bank_kind kc_bank_move_request;
extern const struct kc_bank_kind kc_bank_counter_request;
extern const struct kc_bank_kind kc_bank_close_order;
extern const struct kc_bank_kind kc_bank_ask_payout;
extern const struct kc_bank_kind kc_bank_revoke_closed;

/* The registrar's requests have no counter behind them: their time must be near the bank's. KC_EXPIRED. */
KC_MUST_USE struct kc_result kc_bank_check_clock(const struct kc_bank *bank, uint64_t time_ms);

/* Steps that several kinds of the registrar's requests end with. */
KC_MUST_USE struct kc_result
kc_bank_answer_open(struct kc_bank *bank, struct kc_bank_thread *thread, struct kc_bank_item *item);
KC_MUST_USE struct kc_result
kc_bank_answer_done(struct kc_bank *bank, struct kc_bank_thread *thread, struct kc_bank_item *item);

/* A purse that the directory vouches for no more may still speak, and is told why it is refused: when its keys are kept and it is
 * out of use, item->signer gets them. Else gives `because`. On the DIRECTORY lane. */
KC_MUST_USE struct kc_result kc_bank_find_blocked(struct kc_bank_item *item, struct kc_bank *bank,
                                                  struct kc_bank_thread *thread,
                                                  struct kc_result because);

/* Whether the registrar vouched for this message, a purse's whose certificate has `ended` (counter.c). */
bool kc_bank_at_counter(struct kc_bank *bank, const struct kc_bank_item *item,
                        const struct kc_purse_key_row *keys, bool ended);

/* Asks the responder about somebody whom list and directory vouch for, where the bank is to ask and has no fresh answer.
 * KC_CERT_REVOKED, KC_UNKNOWN_SIGNER, KC_REVOCATION_UNKNOWN. On the DIRECTORY lane. */
KC_MUST_USE struct kc_result kc_bank_check_revocation(struct kc_bank *bank,
                                                      struct kc_bank_thread *thread,
                                                      const struct kc_person *person);

/* Reads which base somebody holds that asks for the hotlist. KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_bank_read_hotlist(struct kc_bank_item *item,
                                                  const struct kc_bank *bank,
                                                  const struct kc_http_request *request);
/* The hotlist as it was signed, when it is the newest: answers the exchange and gives true. */
bool kc_bank_answer_hotlist(struct kc_bank *bank, struct kc_http_exchange *exchange,
                            const struct kc_http_request *request);

/* Reads which offer, or card, somebody asks about. KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_bank_read_reference(struct kc_bank_item *item,
                                                    const struct kc_bank *bank,
                                                    const struct kc_http_request *request);
KC_MUST_USE struct kc_result kc_bank_read_card(struct kc_bank_item *item,
                                               const struct kc_bank *bank,
                                               const struct kc_http_request *request);

/* What the books say of a card without keys; its secret is the caller's to set. */
void kc_bank_card_claims(struct kc_identity *out, const struct kc_bank *bank,
                         const struct kc_account_row *account, struct kc_purse_id purse);
/* Reads which record of new keys somebody asks for: the one after a number, else the newest. KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_bank_read_roll(struct kc_bank_item *item,
                                               const struct kc_bank *bank,
                                               const struct kc_http_request *request);

/* Reads after which notice of the authority's keys somebody asks for one. KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_bank_read_notice(struct kc_bank_item *item,
                                                 const struct kc_bank *bank,
                                                 const struct kc_http_request *request);

/* What several orders of an operator have in common: an account and nothing else, KC_MALFORMED; the answer that it is done. */
KC_MUST_USE struct kc_result kc_bank_read_account(struct kc_account_id *out,
                                                  const struct kc_http_request *request);
KC_MUST_USE struct kc_result kc_bank_answer_ok(struct kc_bank_item *item);
/* Reads an operator's order into the item. KC_NOT_ALLOWED without the token, KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_bank_read_policy(struct kc_bank_item *item,
                                                 const struct kc_bank *bank,
                                                 const struct kc_http_request *request);

/* Whether who asks has the operator's token. */
bool kc_bank_has_token(const struct kc_bank *bank, const char *authorization);
/* Reads a clerk's word on a charge into the item. KC_NOT_ALLOWED without the token, KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_bank_read_charge(struct kc_bank_item *item,
                                                 const struct kc_bank *bank,
                                                 const struct kc_http_request *request);

/* Reads which account the operator closes. KC_NOT_ALLOWED without the token, KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_bank_read_close(struct kc_bank_item *item,
                                                const struct kc_bank *bank,
                                                const struct kc_http_request *request);

/* Decodes and verifies the value information in `bytes` into item->information: certified value by signature, entries as
 * a chain, and that it is the signer's. */
KC_MUST_USE struct kc_result kc_bank_read_information(struct kc_bank *bank,
                                                      struct kc_bank_thread *thread,
                                                      struct kc_bank_item *item,
                                                      struct kc_view bytes);

/* Seals and signs a message for the item's signer into item->reply. */
KC_MUST_USE struct kc_result kc_bank_reply(struct kc_bank *bank, struct kc_bank_thread *thread,
                                           struct kc_bank_item *item, uint64_t time_ms,
                                           const struct kc_shape *shape, const void *message);

/* Signs a voucher. */
KC_MUST_USE struct kc_result kc_bank_vouch(struct kc_buffer *out, const struct kc_bank *bank,
                                           struct kc_bank_thread *thread,
                                           const struct kc_voucher *voucher);

/* Signs a certified value (SGN2). */
KC_MUST_USE struct kc_result kc_bank_certify(struct kc_buffer *out, struct kc_bank *bank,
                                             struct kc_bank_thread *thread,
                                             const struct kc_certified *certified);

/* The ledger's source for an item. */
struct kc_ledger_source kc_bank_source(const struct kc_bank_item *item);

/* Takes up orders in doubt when it is time; for the writer. */
void kc_bank_ask_again(struct kc_bank *bank, uint64_t now_ms);

/* Notices, charges and suspensions that are due, and orders of charges to the ordinary bank; for the writer. */
void kc_bank_charge(struct kc_bank *bank, uint64_t now_ms);
/* Has the old certificates of confirmed renewals revoked, when it is time; for the writer. */
void kc_bank_retire_due(struct kc_bank *bank, uint64_t now_ms);

/* The certificates in the reply stand in the directory, good: into item->renewal, whose holder becomes item->holder.
 * KC_CERT_INVALID, KC_MISMATCH, KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_bank_find_certified(struct kc_bank *bank,
                                                    struct kc_bank_thread *thread,
                                                    struct kc_bank_item *item,
                                                    const struct kc_certify_reply *reply);
/* Makes the claims of the new identity, from the certificate found. */
KC_MUST_USE struct kc_result kc_bank_identify_certified(struct kc_bank *bank,
                                                        struct kc_bank_thread *thread,
                                                        struct kc_bank_item *item);
/* Whether a purse's own keys count although the directory shows others: such are on their way to it, and the certificates of its
 * own ones are good. KC_CERT_REVOKED: they are not; KC_UNKNOWN_SIGNER; KC_REVOCATION_UNKNOWN, KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_bank_renews(struct kc_bank *bank, struct kc_bank_thread *thread,
                                            const struct kc_purse_key_row *keys);
/* Whether somebody speaks for a purse's own keys in whose pair an ended issuer is named: one that counts has certified a key of
 * that purse, and the directory shows it. KC_CERT_REVOKED: nobody does; KC_REVOCATION_UNKNOWN, KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_bank_check_vouched(struct kc_bank *bank,
                                                   struct kc_bank_thread *thread,
                                                   const struct kc_purse_key_row *keys);

/* Orders keys of the authority for purses whose certificates end soon, and asks it for what is ordered, when it is time; for the
 * writer. */
void kc_bank_key_offer_due(struct kc_bank *bank, uint64_t now_ms);
/* Reads an operator's order of keys into the item. KC_NOT_ALLOWED without the token, KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_bank_read_key_offer(struct kc_bank_item *item,
                                                    const struct kc_bank *bank,
                                                    const struct kc_http_request *request);

/* What a thread needs to ask the authority. KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_bank_authority_open(struct kc_bank_authority **out,
                                                    unsigned timeout_ms);
void kc_bank_authority_close(struct kc_bank_authority *authority);
struct kc_http_client *kc_bank_authority_http(struct kc_bank_authority *authority);
/* Asks it, on a thread that has that; views in *reply hold until the thread asks again. KC_NOT_ALLOWED when the configuration
 * names none, or one that is asked by CMP (bank/cmp.h); its refusal, which it signed as the answer to this, by the reason;
 * KC_DIRECTORY_DOWN; KC_AUTHORITY_DOWN for whatever else was answered, or when the directory does not show its keys. */
KC_MUST_USE struct kc_result kc_bank_ask_authority(void *reply, const struct kc_shape *reply_shape,
                                                   struct kc_bank *bank,
                                                   struct kc_bank_thread *thread, uint64_t time_ms,
                                                   const struct kc_shape *shape,
                                                   const void *message);

/* What the ledger says of certificates that were made: where the purse went out of use meanwhile, item->renewal.blocked. The
 * books have the pair then, and that its revocation is owed; whoever reports the loss again is told it, too (lost-reply). */
KC_MUST_USE struct kc_result kc_bank_note_blocked(struct kc_bank_item *item,
                                                  struct kc_result certified);

/* Has the certificates of purses revoked that are out of use, as far as that is owed and it is time; for the writer. */
void kc_bank_end_owed(struct kc_bank *bank, uint64_t now_ms);
/* Whether the authority may be at it just now, for all certificates of the account, so that no others are to be made for it; for
 * the writer. */
bool kc_bank_is_ending(const struct kc_bank *bank, struct kc_account_id account);
/* Asks it to revoke one pair that a purse certified and left, by our own messages. Its refusals, KC_MISMATCH: it knows none. */
KC_MUST_USE struct kc_result kc_bank_ask_left(struct kc_bank *bank, struct kc_bank_thread *thread,
                                              const struct kc_renewal_row *row);

/* Asks it for certificates of another pair of the purse's. When it has no room for one, KC_PENDING, it is told which pairs the
 * purse left, ends these, and is asked again. */
KC_MUST_USE struct kc_result kc_bank_ask_pair(struct kc_certify_reply *reply, struct kc_bank *bank,
                                              struct kc_bank_thread *thread,
                                              struct kc_purse_id purse, uint64_t time_ms,
                                              const struct kc_shape *shape, const void *message);

/* What is due of closed accounts, their pay-outs, and the revocation of their certificates; for the writer. */
void kc_bank_closings(struct kc_bank *bank, uint64_t now_ms);

/* Loads everything from D/bank; *lock keeps a second process out. Errors of each part. */
KC_MUST_USE struct kc_result kc_bank_load(struct kc_bank *bank, int *lock, const char *dir);
void kc_bank_unload(struct kc_bank *bank);

/* Starts everything, serves until a signal, stops cleanly; the exit status. */
/* Makes the keys that the configuration names, where they belong, as far as they are neither there nor certified, and writes
 * their public parts. The configuration's errors and those of kc_token_key_ensure. */
KC_MUST_USE struct kc_result kc_bank_init(const char *dir);

int kc_bank_serve(const char *dir);

struct kc_command;
/* `roll`: the next step of a roll-over of the bank's keys; the exit status. */
int kc_bank_roll_command(const struct kc_command *command, const char *dir);

/* Ends a roll-over that was begun, as far as its certificates are there. Errors of kc_bank_roll. */
KC_MUST_USE struct kc_result kc_bank_finish_roll(const struct kc_bank_config *config,
                                                 const char *folder);

#endif
