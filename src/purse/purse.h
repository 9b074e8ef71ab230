/* The purse core: value, keys and the purse's side of the protocol, behind APDUs. No heap, no operating system.
 *
 * Invariants:
 *  1. Value grows by these alone: a certified value that the bank signed for this purse with a higher sequence; a payment that
 *     another purse of the same bank signed for this purse and for its next counter; a void that such a message of the bank, or
 *     the payee's signed decline of that payment, allows.
 *  2. What leaves the purse rests on state that is durable: every command changes at most one image, written whole, before
 *     its response is given; entries stand in the log before the image that counts them is begun.
 *  3. value = certified purse amount + received + voids - paid - cash-outs, over the entries after the certified counter, as
 *     they stand in the log; of those that were overwritten, the sums stand in the state. Never below zero. An entry that no
 *     certified value covers is overwritten only under the policy "overwrite", oldest first, and never the cash-out of an
 *     answered deposit.
 *  4. A time stamp is never used twice.
 *  5. Private keys leave in no response.
 *  6. One payment takes one counter of its payee: it is credited once, and whatever was answered to it is answered again.
 *  7. A payment stays open until its payee's signed answer or the bank's word; nothing else gives its amount back.
 *  8. What it pays and takes keeps within the limits of the certified value in force, and goes to and comes from no purse on its
 *     hotlist; what is in force of that gives way only to what the bank signed with a higher version.
 *  9. The bank's keys give way only to those that the bank signed with the old and the new one, in the order of their numbers
 *     (roll.c).
 *     What the bank says of the authority's keys gives way only to what it says with a higher number (notice.c).
 * 10. Exactly one pair of own keys is in force. New ones, made here (renew.c) or by the authority (handover.c), lie beside them
 *     until one image changes over; the last entry of the old signing key names the identity of the new.
 *
 *            GENERATE, PUT KEY          ACTIVATE            CASH/FUND REQUEST          TAKE quote        ANSWER ok
 *    blank ────────────────> personalising ────> ready ────────────────────> requested ────────> quoted ─────────> answered
 *                                                 ^  ^ ANSWER ng (from quoted)  │                   │              │
 *                                                 │  ├── TAKE refusal, fund reply ┘                   │              │
 *                                                 │  └── an entry of PAY, DECIDE, CONCLUDE, TAKE settle reply       │
 *                                                 │      (from quoted, and from requested for cash)                 │
 *                                                 └──────────── TAKE completion, TAKE state reply ──────────────────┘
 *    any ── the bank's signed refusal "copied-or-restored", "purse-blocked" or "reported-lost" ──> blocked
 *
 * A payment between two purses:
 *                   PAY: entry pay, amount reserved                  CONCLUDE receipt
 *    payer   none ───────────────────────────────────> open ───────────────────────────────────────> taken
 *                                                       │ CONCLUDE decline, TAKE settle reply: entry void
 *                                                       └───────────────────────────────────────────> given back
 *                      EXAMINE           DECIDE ok: entry receive; ng: entry refuse
 *    payee   none ────────────> examined ──────────────────────────────────────────> answered, for good            */
#ifndef KC_PURSE_PURSE_H
#define KC_PURSE_PURSE_H

#include "message/cose.h"
#include "message/generated/messages.h"
#include "purse/apdu.h"
#include "purse/port.h"

#define KC_IMAGE_SIZE_MAX 14336u
#define KC_NVM_SIZE (168u * 1024u)
#define KC_APDU_HEAD_MAX 7u
#define KC_RESPONSE_SIZE_MAX (KC_MESSAGE_SIZE_MAX + 2u)
#define KC_COMMAND_SIZE_MAX (KC_MESSAGE_SIZE_MAX + KC_APDU_HEAD_MAX + 2u)
#define KC_ENTRY_SIZE_MAX 320u
#define KC_ORDER_SIZE_MAX 704u
#define KC_PARTNER_ANSWER_SIZE_MAX 576u
#define KC_OPEN_SIZE_MAX 48u
/* Entries the log holds, its slots, and bytes for each. The slot beyond the entries takes the next one while all stand. */
#define KC_LOG_COUNT 48u
#define KC_LOG_SLOT_COUNT (KC_LOG_COUNT + 1u)
#define KC_LOG_ROOM 1648u
/* The largest signed hotlist or base of one, and the largest signed delta. */
#define KC_HOTLIST_SIZE_MAX 2816u
#define KC_HOTLIST_DELTA_SIZE_MAX 1280u
#define KC_HOTLIST_COUNT 2u /* places for either */

/* The hotlists a purse holds: which parts stand in its memory, and which of them are in force. */
struct kc_hotlist_held {
    uint64_t version;     /* of what is in force, 0 when nothing is */
    uint64_t base;        /* of the base in force, 0 when none is */
    unsigned base_place;  /* where that stands; KC_HOTLIST_COUNT: nowhere */
    unsigned delta_place; /* where the delta in force stands; KC_HOTLIST_COUNT: nowhere */
    uint64_t bases[KC_HOTLIST_COUNT];   /* versions; 0: nothing whole */
    uint64_t deltas[KC_HOTLIST_COUNT];  /* the same */
    uint64_t of_base[KC_HOTLIST_COUNT]; /* what the delta adds to */
};

/* What stands in a place of the notices (notice.c). */
struct kc_purse_notice {
    uint64_t number;            /* 0: none */
    struct kc_signer_id signer; /* the key of the bank that signed it */
};

/* All memory of a purse; lent by the platform, wiped by kc_purse_close. Members are the core's own. */
struct kc_purse {
    struct kc_nvm nvm;
    struct kc_crypto crypto;
    bool locked; /* storage is damaged: nothing works */
    bool selected;
    bool pin_verified;
    uint64_t image_sequence;
    unsigned live; /* which of the images holds `state` */
    uint8_t images[2][KC_IMAGE_SIZE_MAX];
    struct kc_purse_state state;
    struct kc_purse_settings settings;
    struct kc_certified certified;
    struct kc_realm realm;
    struct kc_private_key sign_key;
    struct kc_private_key encrypt_key;
    struct kc_public_key sign_public;
    struct kc_public_key bank_verify;
    struct kc_public_key bank_encrypt;
    struct kc_public_key
        bank_former; /* the key before bank_verify; of no type when there is none */
    struct kc_signer_id bank_former_id;
    uint64_t roll_number;              /* of the newest record of new keys; 0 when there is none */
    uint64_t roll_until_ms;            /* from then on bank_former counts no more */
    unsigned roll_place;               /* where that record stands */
    struct kc_purse_notice notices[2]; /* the bank's word on the authority's keys, by place */
    struct kc_signer_id signer_id;
    uint8_t entry[KC_ENTRY_SIZE_MAX];          /* an entry being added */
    uint8_t order[KC_ORDER_SIZE_MAX];          /* a payment being made */
    uint8_t reply[KC_PARTNER_ANSWER_SIZE_MAX]; /* an answer being made */
    uint8_t open_payment[KC_OPEN_SIZE_MAX];    /* an open payment being added */
    uint8_t examined[KC_ORDER_SIZE_MAX];       /* the payment examined last, as signed */
    size_t examined_size;                      /* 0 when there is none */
    uint8_t slot[KC_LOG_ROOM];                 /* a slot of the log, read or being written */
    struct kc_hotlist_held hotlist;
    uint8_t input[KC_MESSAGE_SIZE_MAX];
    size_t input_size;
    bool chaining; /* pieces of a command lie in `input` */
    uint8_t chained_head[4];
    uint8_t output[KC_MESSAGE_SIZE_MAX];
    size_t output_size;
    size_t output_at;
    struct kc_envelope_work work;
    uint8_t scratch[KC_MESSAGE_SIZE_MAX];
    uint8_t information[5120];
};

/* Powers the purse up over its memory: loads the newest whole image. Always leaves a purse that answers commands; when its
 * storage is damaged it answers every one with "purse-corrupt". */
void kc_purse_open(struct kc_purse *purse, const struct kc_nvm *nvm,
                   const struct kc_crypto *crypto);

/* Wipes every secret from memory. */
void kc_purse_close(struct kc_purse *purse);

/* Runs one command APDU; the response, at most `capacity` bytes with the status word at its end, goes to `response`. The
 * capacity is at least KC_RESPONSE_SIZE_MAX. */
void kc_purse_command(struct kc_purse *purse, uint8_t *response, size_t *response_size,
                      struct kc_view command);

#endif
