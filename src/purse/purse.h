/* The purse core: value, keys and the purse's side of the protocol, behind APDUs. No heap, no operating system.
 *
 * Invariants:
 *  1. Value grows only by a certified value that the bank signed for this purse with a higher sequence, or by a void that such
 *     a message of the bank allows.
 *  2. What leaves the purse rests on state that is durable: every command changes at most one image, written whole, before
 *     its response is given.
 *  3. value = certified purse amount - cash-outs + voids after the certified counter. Never below zero.
 *  4. A time stamp is never used twice.
 *  5. Private keys leave in no response.
 *
 *            GENERATE, PUT KEY          ACTIVATE            CASH/FUND REQUEST          TAKE quote        ANSWER ok
 *    blank ────────────────> personalising ────> ready ────────────────────> requested ────────> quoted ─────────> answered
 *                                                 ^  ^ ANSWER ng (from quoted)  │                                  │
 *                                                 │  └── TAKE refusal, fund reply ┘                                  │
 *                                                 └──────────── TAKE completion, TAKE state reply ────────────────────┘
 *    any ── the bank's signed refusal "copied-or-restored" or "purse-blocked" ──> blocked                              */
#ifndef KC_PURSE_PURSE_H
#define KC_PURSE_PURSE_H

#include "message/cose.h"
#include "message/generated/messages.h"
#include "purse/apdu.h"
#include "purse/port.h"

#define KC_IMAGE_SIZE_MAX 14336u
#define KC_NVM_SIZE (64u * 1024u)
#define KC_APDU_HEAD_MAX 7u
#define KC_RESPONSE_SIZE_MAX (KC_MESSAGE_SIZE_MAX + 2u)
#define KC_COMMAND_SIZE_MAX (KC_MESSAGE_SIZE_MAX + KC_APDU_HEAD_MAX + 2u)

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
    struct kc_signer_id signer_id;
    uint8_t entry[320]; /* an entry being added */
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

/* Runs one command APDU; the response, at most `capacity` bytes with the status word at its end, goes to `response`. The capacity
 * is at least KC_RESPONSE_SIZE_MAX. */
void kc_purse_command(struct kc_purse *purse, uint8_t *response, size_t *response_size,
                      struct kc_view command);

#endif
