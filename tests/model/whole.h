/* The whole system in one process: shipped purses over RAM that can be cut from power, and the shipped bank (its own steps,
 * ledger/ and all) over a RAM store; ideal cryptography, a clock that the caller turns, no network and no threads. Hosts and
 * links are the caller's: purses are driven by APDUs alone, and every message is bytes that the caller carries, loses, repeats
 * or forges.
 *
 * A base is made once: accounts opened, purses personalised, some value withdrawn. Worlds begin as that base; many may stand on
 * one base, each used by one thread. The same calls give the same bytes. */
#ifndef KC_TESTS_WHOLE_H
#define KC_TESTS_WHOLE_H

#include "bank/bank.h"
#include "purse/purse.h"
#include "reader/reader.h"
#include "whole_crypto.h"
#include "whole_nvm.h"
#include "whole_store.h"

#define WHOLE_HOLDERS_MAX 6u
/* Behind them, where there is one, who stands for the purse that a holder had before he moved to the one he has. */
#define WHOLE_RETIRED WHOLE_HOLDERS_MAX
#define WHOLE_SEATS (WHOLE_HOLDERS_MAX + 1u)
/* Places for purses: the holders' own come first, copies of them behind. */
#define WHOLE_PLACES_MAX 8u
#define WHOLE_TRANSFERS_MAX 128u
/* Pairs of certificates, of all holders. */
#define WHOLE_PAIRS_MAX 96u
#define WHOLE_START_MS UINT64_C(1795478400000)
#define WHOLE_QUOTE_MS UINT64_C(60000)
#define WHOLE_EXPIRES_MS (WHOLE_START_MS + UINT64_C(10) * 366 * 86400000)
/* Limits of certified values, in worlds that have some. */
#define WHOLE_PURSE_MOST UINT64_C(1000)
#define WHOLE_PAYMENT_MOST UINT64_C(250)
#define WHOLE_SPEND_MOST UINT64_C(900)
#define WHOLE_SPEND_COUNT UINT64_C(30)
#define WHOLE_VALID_MS (UINT64_C(10) * 86400000)
#define WHOLE_SETTLE_MS (UINT64_C(30) * 86400000)
#define WHOLE_PIN "1234"
/* Changes from one base of the hotlist to the next. */
#define WHOLE_HOTLIST_STEP 3u
/* How often the bank's keys roll over at most. */
#define WHOLE_ROLLS_MAX 12u
/* Of cards without keys; and what is kept of a sweep, and stays in the machine. */
#define WHOLE_BEARER_MOST UINT64_C(150)
#define WHOLE_BEARER_PAYMENT_MOST UINT64_C(60)
#define WHOLE_BEARER_VALID_MS (UINT64_C(365) * 86400000)
#define WHOLE_FEE_FIXED UINT64_C(2)
#define WHOLE_FEE_PERMILLE UINT64_C(30)
#define WHOLE_MACHINE_KEEPS UINT64_C(20)
/* Whose machines are those of a world that has some. */
#define WHOLE_OWNER 1u
/* On cards at the beginning. */
#define WHOLE_CARD_AMOUNT UINT64_C(200)
#define WHOLE_BEARER_AMOUNT UINT64_C(60)

/* One account with its purse. */
struct whole_holder {
    enum kc_purse_type type;
    struct kc_account_id account;
    struct kc_purse_id purse;
    struct kc_private_key sign_key;
    struct kc_private_key encrypt_key;
    struct kc_public_key sign_public;
    struct kc_public_key encrypt_public;
    struct kc_signer_id signer_id;
    uint8_t identity[KC_RECORD_SIZE_MAX];
    size_t identity_size;
};

struct whole_options {
    uint64_t seed;
    unsigned holders;
    uint64_t account_amount; /* in each account at the beginning */
    uint64_t purse_amount;   /* in each purse */
    bool limited;            /* by the limits above */
    bool mixed;              /* not only purses of users: see whole_type */
    bool fixed_random; /* see struct ideal: states reached in another order are the same bytes */
};

/* What the ordinary bank says to a key that it has not seen. */
enum whole_ordinary_mood {
    ORDINARY_DOES,
    ORDINARY_REFUSES,
    ORDINARY_DOES_UNHEARD,
    ORDINARY_SILENT, /* nothing happens; the key is as if it never came */
};

struct whole_transfer {
    char key[KC_ORDINARY_KEY_SIZE];
    enum kc_fund_kind kind;
    struct kc_amount amount;
    bool done; /* else refused for good */
};

struct whole_ordinary {
    enum whole_ordinary_mood mood;
    bool crosses; /* while it is asked, the bank asks a second time by itself, and is done first */
    size_t count;
    uint64_t funded;
    uint64_t redeemed;
    struct whole_transfer transfers[WHOLE_TRANSFERS_MAX];
};

/* Two certificates of a holder, for signing and for sealing. */
struct whole_pair {
    unsigned holder;
    struct kc_signer_id id;
    uint64_t issued_ms;
    uint64_t expires_ms;
    uint64_t revoked_ms; /* 0: not */
    bool cached;         /* in the bank's memory */
    uint8_t sign[2 * KC_P256_COORDINATE_SIZE];
    uint8_t encrypt[2 * KC_P256_COORDINATE_SIZE];
};

/* Keys that the authority made for a holder; at most the newest ones. */
struct whole_made {
    bool there;
    bool gone; /* the private ones */
    size_t pair;
    uint64_t given_ms;
    uint8_t sign[KC_P256_COORDINATE_SIZE];
    uint8_t encrypt[KC_P256_COORDINATE_SIZE];
};

/* How it goes with who is asked beside the ordinary bank. */
enum whole_outside_mood {
    OUTSIDE_ANSWERS,
    OUTSIDE_AWAY,
    OUTSIDE_DOES_UNHEARD,
};

/* The authority, and the directory. */
struct whole_outside {
    enum whole_outside_mood mood; /* the authority's */
    bool directory_away;
    enum ram_fault
        breaks; /* what happens to the bank's next commit when the authority has answered */
    struct whole_made made[WHOLE_SEATS];
    /* Whose key a purse signs with, as the bank has it in memory. */
    bool is_kept[WHOLE_SEATS];
    struct kc_signer_id kept[WHOLE_SEATS];
    struct ideal ideal;
    size_t count;
    struct whole_pair pairs[WHOLE_PAIRS_MAX]; /* last: no more of them is copied than there are */
};

struct whole_purse {
    unsigned holder;
    bool there;
    bool on;           /* powered, selected, PIN given */
    bool believes_all; /* its core was tampered with: every signature verifies */
    struct ideal ideal;
    struct kc_crypto crypto;
    struct nvm nvm;
    struct kc_purse core;
    struct kc_slot slot;
};

struct whole_base {
    struct whole_options options;
    struct kc_realm realm;
    struct kc_private_key bank_sign;
    struct kc_private_key bank_encrypt;
    struct kc_public_key bank_sign_public;
    struct kc_public_key bank_encrypt_public;
    uint64_t now_ms;
    struct whole_holder holders[WHOLE_HOLDERS_MAX];
    struct kc_private_key authority_sign;
    struct kc_private_key authority_encrypt;
    struct kc_public_key authority_sign_public;
    struct kc_public_key authority_encrypt_public;
    struct whole_ordinary ordinary;
    struct whole_outside outside;
    struct ram_store store;
    uint8_t images[WHOLE_HOLDERS_MAX][KC_NVM_SIZE];
};

struct whole {
    const struct whole_base *base;
    uint64_t now_ms;
    unsigned places;
    struct ideal ideal; /* the bank's */
    struct whole_ordinary ordinary;
    struct whole_outside outside;
    struct kc_bank bank; /* with its ledger; bank.store is the port of `store` */
    struct kc_bank_thread thread;
    struct kc_bank_item item;
    struct ram_store store;
    /* A new purse of a holder's; its number is 0 while there is none. */
    struct whole_holder newcomer;
    struct kc_identity newcomer_claims;
    unsigned newcomer_of;
    /* The base's, or when one has moved the world's own, with the purse that he had before in the last place. */
    const struct whole_holder *holders;
    struct whole_holder own[WHOLE_SEATS];
    bool retired;
    struct whole_purse purses[WHOLE_PLACES_MAX];
};

/* A state that can be taken up again in the same world, memory of powered purses included. */
struct whole_state {
    uint64_t now_ms;
    struct ideal ideal;
    struct whole_ordinary ordinary;
    struct whole_outside outside;
    struct kc_ledger ledger;
    struct ram_store store;
    struct {
        bool there;
        bool on;
        unsigned holder;
        struct ideal ideal;
        struct nvm_copy nvm;
        struct kc_purse core;
    } purses[WHOLE_PLACES_MAX];
};

/* What the holder of that index has in a mixed world: two users, a machine of the second, a card without keys, one with keys,
 * another user. Cards are loaded from the first one's account. */
enum kc_purse_type whole_type(const struct whole_options *options, unsigned holder);

/* Allocated; NULL when there is no memory or the base cannot be made. Freed with free(). */
struct whole_base *whole_base_make(const struct whole_options *options);
struct whole *whole_make(const struct whole_base *base);
struct whole_state *whole_state_make(void);

/* Back to the base, every purse powered; or only those of the first holders, the others left out. */
void whole_reset(struct whole *whole);
void whole_reset_some(struct whole *whole, unsigned holders);
void whole_save(struct whole_state *out, const struct whole *whole);
void whole_restore(struct whole *whole, const struct whole_state *state);

/* ---- purses ---- */

/* The host's side of a purse: give it to kc_slot_... of reader/reader.h. KC_UNREACHABLE comes out of those while the power is off
 * or went off during the command. */
struct kc_slot *whole_slot(struct whole *whole, unsigned place);

/* Power off and on: what was not synced when it went is lost as the cut says; then PIN. */
void whole_power_cycle(struct whole *whole, unsigned place);

/* A purse that was tampered with believes whatever it is shown. Until the next reset. */
void whole_tamper(struct whole *whole, unsigned place);

/* Puts a purse with this memory into a place, powered; the place keeps the holder whose memory it is. */
void whole_place(struct whole *whole, unsigned place, unsigned holder, const struct nvm_copy *copy);

/* ---- the bank ---- */

/* A request in, the reply out: a view that holds until the next request, empty where only an unsigned word would come. The
 * result is the bank's word on the request. */
struct kc_result whole_bank_serve(struct kc_view *reply, struct whole *whole,
                                  struct kc_view request);

/* The certified value of a card without keys, as the bank gives it to everybody. */
struct kc_result whole_bank_card(struct kc_view *out, struct whole *whole, unsigned holder);

/* What the bank does by itself when it has time: quotes that ran out end; orders in doubt are asked again. */
void whole_bank_idle(struct whole *whole);

/* The operator sets how accounts are charged, for which the bank starts again. False as whole_bank_restart. */
bool whole_bank_charging(struct whole *whole, const struct kc_charge_rule *rule);

/* The bank looks after charges: what is due, then orders to the ordinary bank. False when something of it failed. */
bool whole_bank_charges(struct whole *whole);

/* The clerk says where the charge of that holder's account comes from; or, with `paid`, that one was paid with a sale. By the
 * operator's order, or by the registrar's signed one. */
struct kc_result whole_bank_charge_word(struct whole *whole, unsigned holder,
                                        enum kc_charge_source source, bool paid, bool registrar);

/* The bank has the old certificates of confirmed renewals revoked, and keys made that are ordered, as far as it comes. */
void whole_bank_retire(struct whole *whole);
void whole_bank_offer(struct whole *whole);
/* A purse stands at the counter with its holder: the registrar's word on one message of it. */
struct kc_result whole_bank_vouch(struct whole *whole, unsigned holder, struct kc_view request);
/* The operator orders keys of the authority for a holder. */
struct kc_result whole_bank_order_keys(struct whole *whole, unsigned holder);

/* A holder's account is given up: by the registrar's signed word, or by the operator's order. */
struct kc_result whole_bank_close(struct whole *whole, unsigned holder, enum kc_close_kind kind,
                                  bool registrar);

/* The registrar asks for a new purse in the place of a holder's, whose number it says; with the same id again it is the same. */
struct kc_result whole_bank_move(struct kc_purse_id *purse, struct whole *whole, unsigned holder,
                                 uint8_t id);
/* Keys, certificates and identity for it: whole->newcomer. Then the confirmation, with its first certified value. */
void whole_bank_newcomer(struct whole *whole, unsigned holder, struct kc_purse_id purse);
struct kc_result whole_bank_confirm_move(struct kc_buffer *certified, struct whole *whole);
/* Writes it into a new UIM in a place, for that holder. */
void whole_personalise(struct whole *whole, unsigned place, unsigned holder,
                       struct kc_view certified);

/* The same into his own place: he gives the old one away, whose certificates are revoked. Once in a world. */
void whole_succeed(struct whole *whole, unsigned holder, struct kc_view certified);

/* The registrar says that a holder's purse is lost. */
struct kc_result whole_bank_lost(struct whole *whole, unsigned holder);

/* The bank looks after closed accounts: what is due, then pay-outs. False when something of it failed. */
bool whole_bank_closings(struct whole *whole);

/* The bank's keys roll over; the old ones count until then. KC_PENDING: those before them count yet, and it is no emergency. */
struct kc_result whole_bank_roll(struct whole *whole, uint64_t until_ms, bool emergency);
/* The record of that number, 0 for the newest; and a purse's identity signed under the key in force. */
struct kc_result whole_bank_roll_record(struct kc_view *out, struct whole *whole, uint64_t number);
struct kc_result whole_bank_identity(struct kc_view *out, struct whole *whole,
                                     struct kc_view identity);

/* An operator sets the log policy of a holder's purse. False when the ledger refuses. */
bool whole_bank_set_policy(struct whole *whole, unsigned holder, enum kc_log_policy policy);

/* The hotlist as the bank signs it now. */
void whole_bank_hotlist(struct kc_buffer *out, struct whole *whole);

/* The part of it that the bank has for who holds that base, 0 for none: a base, or what adds to it. A view that holds until the
 * next request. */
struct kc_result whole_bank_hotlist_part(struct kc_view *out, struct whole *whole, uint64_t base);

/* Stops the bank and starts it again from what is stored. False when it finds its books unsound. */
bool whole_bank_restart(struct whole *whole);

/* The ledger's own audit; the first fault in `what`. */
bool whole_bank_audit(struct whole *whole, char what[160]);

#endif
