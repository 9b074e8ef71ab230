/* The host's side of a purse's APDUs: commands as functions, status words as errors.
 *
 * A port carries command bytes to a purse, wherever it lives. The host never sees a key; it carries envelopes between purse
 * and bank and shows what the purse opened. */
#ifndef KC_READER_READER_H
#define KC_READER_READER_H

#include "base/limits.h"
#include "crypto/port.h"
#include "message/generated/messages.h"
#include "message/identity.h"

struct kc_slot_port {
    void *context;
    /* Sends one command and receives one response into lent memory (at least KC_MESSAGE_SIZE_MAX + 2). */
    struct kc_result (*transmit)(void *context, struct kc_buffer *response, struct kc_view command);
};

/* An open purse. Responses lie in `response` until the next command. */
struct kc_slot {
    struct kc_slot_port port;
    uint8_t command[KC_MESSAGE_SIZE_MAX + 16];
    uint8_t response[KC_MESSAGE_SIZE_MAX + 2];
};

/* Selects the purse. Errors of the purse, KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_slot_open(struct kc_slot *slot, const struct kc_slot_port *port);

/* Sends one command; *out views its response data. The error is the purse's, by its status word. */
KC_MUST_USE struct kc_result kc_slot_send(struct kc_view *out, struct kc_slot *slot, uint8_t cla,
                                          uint8_t ins, uint8_t p1, uint8_t p2, struct kc_view data);

KC_MUST_USE struct kc_result kc_slot_verify_pin(struct kc_slot *slot, struct kc_view pin);
KC_MUST_USE struct kc_result kc_slot_change_pin(struct kc_slot *slot, struct kc_view pin);
KC_MUST_USE struct kc_result kc_slot_info(struct kc_purse_info *out, struct kc_slot *slot);
/* The n-th entry back, 0 the newest. KC_NOT_FOUND past the end. */
KC_MUST_USE struct kc_result kc_slot_history(struct kc_entry *out, struct kc_slot *slot,
                                             uint8_t back);
KC_MUST_USE struct kc_result kc_slot_get(struct kc_view *out, struct kc_slot *slot, uint8_t tag);
KC_MUST_USE struct kc_result kc_slot_put(struct kc_slot *slot, uint8_t tag, struct kc_view data);

/* The key that verifies what the bank signed (COSE_Key); with back 1 the one before it, KC_NOT_FOUND when that counts no
 * more. */
KC_MUST_USE struct kc_result kc_slot_bank_key(struct kc_view *out, struct kc_slot *slot,
                                              uint8_t back);

/* What verifies the bank's word for a host: the purse's keys of the bank at this moment. */
struct kc_bank_verifier {
    struct kc_public_key key;
    struct kc_public_key former; /* of no type when it counts no more */
};
KC_MUST_USE struct kc_result kc_slot_bank_keys(struct kc_bank_verifier *out, struct kc_slot *slot);
/* As kc_signed_verify and kc_identity_open, with either key. */
KC_MUST_USE struct kc_result kc_bank_verifier_signed(const struct kc_bank_verifier *by,
                                                     const struct kc_signed *parsed,
                                                     const struct kc_crypto *crypto,
                                                     const struct kc_realm *realm,
                                                     const char *domain);
KC_MUST_USE struct kc_result kc_bank_verifier_identity(struct kc_identity *out,
                                                       const struct kc_bank_verifier *by,
                                                       const struct kc_crypto *crypto,
                                                       const struct kc_realm *realm,
                                                       struct kc_view bytes);

/* The bank's record of new keys that the purse holds: the newest, or with back 1 the one before. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_slot_roll(struct kc_view *out, struct kc_slot *slot, unsigned back);
/* What the bank told the purse last of the authority's keys, as it signed it. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_slot_notice(struct kc_view *out, struct kc_slot *slot);
/* Its number; 0 when there is none. */
uint64_t kc_slot_notice_number(struct kc_slot *slot);
/* The authority's issuing certificate as the purse knows it by now: of that notice, or of personalisation. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_slot_issuer(struct kc_view *out, struct kc_slot *slot);
/* Hands a notice in, whoever brought it. KC_STALE_STATE: not newer than the one held. Errors of verifying it. */
KC_MUST_USE struct kc_result kc_slot_take_notice(struct kc_slot *slot, struct kc_view notice);
/* SGN1 or SGN3 as the bank signed it. */
KC_MUST_USE struct kc_result kc_slot_identity(struct kc_view *out, struct kc_slot *slot);
/* Hands in a record, whoever brought it. KC_STALE_STATE: not newer than the one held; KC_UNKNOWN_SIGNER: it does not begin at
 * the key that the purse knows. Errors of verifying it. */
KC_MUST_USE struct kc_result kc_slot_take_roll(struct kc_slot *slot, struct kc_view roll);
/* Hands in the purse's identity as the bank signed it anew. KC_MISMATCH: it says something else. */
KC_MUST_USE struct kc_result kc_slot_take_identity(struct kc_slot *slot, struct kc_view identity);

/* Each gives an envelope for the bank. */
KC_MUST_USE struct kc_result kc_slot_cash_request(struct kc_view *out, struct kc_slot *slot,
                                                  enum kc_cash_kind kind, struct kc_amount amount,
                                                  uint64_t now_ms);
KC_MUST_USE struct kc_result kc_slot_fund_request(struct kc_view *out, struct kc_slot *slot,
                                                  enum kc_fund_kind kind, struct kc_amount amount,
                                                  uint64_t now_ms);
KC_MUST_USE struct kc_result kc_slot_transfer_request(struct kc_view *out, struct kc_slot *slot,
                                                      enum kc_transfer_source source,
                                                      struct kc_account_id to,
                                                      struct kc_amount amount, uint64_t now_ms);
/* A machine's offer that a transfer pays for. */
struct kc_slot_offered {
    uint8_t reference[KC_DIGEST_SIZE]; /* SHA-256 of the signed sale-offer */
    struct kc_purse_id machine;
};
/* The same for a machine's offer, from the account only (KC_NOT_ALLOWED); NULL: for none. */
KC_MUST_USE struct kc_result kc_slot_transfer_for(struct kc_view *out, struct kc_slot *slot,
                                                  enum kc_transfer_source source,
                                                  struct kc_account_id to, struct kc_amount amount,
                                                  uint64_t now_ms,
                                                  const struct kc_slot_offered *offered);
KC_MUST_USE struct kc_result kc_slot_answer(struct kc_view *out, struct kc_slot *slot,
                                            enum kc_answer answer, uint64_t now_ms);
KC_MUST_USE struct kc_result kc_slot_state_request(struct kc_view *out, struct kc_slot *slot,
                                                   uint64_t now_ms);
KC_MUST_USE struct kc_result kc_slot_repeat(struct kc_view *out, struct kc_slot *slot);

KC_MUST_USE struct kc_result kc_slot_settle_request(struct kc_view *out, struct kc_slot *slot,
                                                    uint64_t now_ms);

/* Makes a new pair of keys, unless one waits, and asks for its certificates. KC_PENDING: something is open or not reported. */
KC_MUST_USE struct kc_result kc_slot_renew_request(struct kc_view *out, struct kc_slot *slot,
                                                   uint64_t now_ms);
/* Keys that the authority made: claims them from the bank, asks the authority for them, tells it that they are in force.
 * KC_PENDING: something is open or not reported, or was added since the claim. KC_OUT_OF_ORDER. */
enum kc_handover_step {
    KC_HANDOVER_STEP_CLAIM = 1,
    KC_HANDOVER_STEP_REQUEST = 2,
    KC_HANDOVER_STEP_CONFIRM = 3,
};
KC_MUST_USE struct kc_result kc_slot_handover(struct kc_view *out, struct kc_slot *slot,
                                              enum kc_handover_step step, uint64_t now_ms);
/* What it keeps of keys that the authority made, while they are on their way; KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_slot_next_keys(struct kc_view *out, struct kc_slot *slot);
/* Parts that one contact passes on at most. */
#define KC_HOTLIST_PARTS_MAX 2u
/* What another purse said of its hotlist. */
struct kc_hotlist_told {
    uint64_t version;
    uint64_t base;
};
/* What brings that purse up to date, as the bank signed it, part by part: the base unless it holds the same, then the delta.
 * *part is 0 at first. KC_NOT_FOUND: there is no more. */
KC_MUST_USE struct kc_result kc_slot_hotlist(struct kc_view *out, struct kc_slot *slot,
                                             const struct kc_hotlist_told *theirs, unsigned *part);
/* True for a part of a hotlist, or one of the older form. */
bool kc_slot_is_hotlist(struct kc_view message);
/* Hands in a part, or a list of the older form, whoever brought it. KC_STALE_STATE: not newer than what is held;
 * KC_BASE_NEEDED: a delta whose base is not. Errors of verifying it. */
KC_MUST_USE struct kc_result kc_slot_take_hotlist(struct kc_slot *slot, struct kc_view hotlist);
/* A card without keys: takes SGN4. KC_STALE_STATE (it has a newer one), KC_NOT_ALLOWED (a purse with keys). */
KC_MUST_USE struct kc_result kc_slot_take_certified(struct kc_slot *slot, struct kc_view certified);

/* ---- an exchange with another purse; each message travels by the host's link ---- */

/* Payer: gives `identify`. With `full` the payee shows its identity even if they met. */
KC_MUST_USE struct kc_result kc_slot_identify(struct kc_view *out, struct kc_slot *slot, bool full);
/* Payee: gives `payee-identity`; asked zero: no amount is asked for. KC_WRONG_DOMAIN (another bank's), KC_NOT_ALLOWED
 * (itself). */
KC_MUST_USE struct kc_result kc_slot_offer(struct kc_view *out, struct kc_slot *slot,
                                           struct kc_amount asked, struct kc_view identify);
/* Payer: reserves the amount and gives `payment`. KC_LIMIT_EXCEEDED, KC_CONTACT_NEEDED, KC_HOTLISTED: docs/purse.md. The payee
 * is remembered whatever else is refused, so that amount zero only makes it known (KC_AMOUNT_ZERO). KC_IDENTITY_NEEDED: with
 * `full`. KC_PENDING: an earlier payment to this payee is open. */
KC_MUST_USE struct kc_result kc_slot_pay(struct kc_view *out, struct kc_slot *slot,
                                         struct kc_amount amount, uint64_t now_ms,
                                         struct kc_view payee_identity);
/* Payee: verifies a payment and gives its order, for display. *answered: it was decided before, so nobody is asked.
 * KC_HOTLISTED, KC_LIMIT_EXCEEDED, KC_AMOUNT_TOO_LARGE and KC_CONTACT_NEEDED leave a payment that is good, with nothing in
 * *order: declining it tells its payer the reason, and gives the value back. */
KC_MUST_USE struct kc_result kc_slot_examine(struct kc_payment_order *order, bool *answered,
                                             struct kc_slot *slot, uint64_t now_ms,
                                             struct kc_view payment);
/* Payee: takes or declines the payment examined last; gives `payment-answer`. */
KC_MUST_USE struct kc_result kc_slot_decide(struct kc_view *out, struct kc_slot *slot,
                                            enum kc_answer answer, uint64_t now_ms);
/* The same for a seller that says no: the decline names `reason`, KC_AMOUNT_SHORT or KC_WRONG_PRICE. */
KC_MUST_USE struct kc_result kc_slot_decline_for(struct kc_view *out, struct kc_slot *slot,
                                                 enum kc_error reason, uint64_t now_ms);
/* A seller's: signs a line of its journal, or an offer. KC_MISMATCH: it names another purse. */
KC_MUST_USE struct kc_result kc_slot_sign_sale(struct kc_view *out, struct kc_slot *slot,
                                               struct kc_view sale);
/* Payer: takes the payee's `payment-answer`; gives the receipt or decline in it, for display. */
KC_MUST_USE struct kc_result kc_slot_conclude(struct kc_view *out, struct kc_slot *slot,
                                              struct kc_view answer);
/* Payer: gives the payment of that index, from 0, that has no answer yet, with its identity. KC_NOT_FOUND past the last one. */
KC_MUST_USE struct kc_result kc_slot_open_payment(struct kc_view *out, struct kc_slot *slot,
                                                  uint8_t index);

/* ---- */

/* Hands the bank's envelope in; *out is the message that was inside, for display. */
KC_MUST_USE struct kc_result kc_slot_take(struct kc_view *out, struct kc_slot *slot,
                                          struct kc_view envelope);

#endif
