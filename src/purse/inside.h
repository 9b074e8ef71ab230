/* What the files of the purse share. Internal to this room. */
#ifndef KC_PURSE_INSIDE_H
#define KC_PURSE_INSIDE_H

#include "purse/purse.h"

/* Places in the non-volatile memory; docs/purse.md draws them. */
#define KC_NVM_MARK_SIZE 40u
#define KC_NVM_MARKS_AT 0u
#define KC_NVM_IMAGES_AT 128u
#define KC_NVM_IMAGE_ROOM (48u + KC_IMAGE_SIZE_MAX)
#define KC_NVM_STATIC_AT (KC_NVM_IMAGES_AT + 2u * KC_NVM_IMAGE_ROOM)
#define KC_STATIC_ROOM 2064u
#define KC_NVM_HISTORY_AT (KC_NVM_STATIC_AT + KC_STATIC_COUNT * KC_STATIC_ROOM)
#define KC_HISTORY_ROOM 360u
#define KC_HISTORY_COUNT 48u

/* Items that are written once, before the purse is ready. */
enum kc_static_item {
    KC_STATIC_SIGN_KEY,
    KC_STATIC_ENCRYPT_KEY,
    KC_STATIC_BANK_VERIFY,
    KC_STATIC_BANK_ENCRYPT,
    KC_STATIC_SIGN_CERTIFICATE,
    KC_STATIC_ENCRYPT_CERTIFICATE,
    KC_STATIC_BANK_SIGN_CERTIFICATE,
    KC_STATIC_BANK_ENCRYPT_CERTIFICATE,
    KC_STATIC_AUTHORITY_CERTIFICATE,
};
#define KC_STATIC_COUNT 9u

_Static_assert(KC_NVM_HISTORY_AT + KC_HISTORY_ROOM * KC_HISTORY_COUNT <= KC_NVM_SIZE,
               "everything fits the memory");

/* Secrets of a purse are its private keys, its PIN and what is made of them. No branch and no address depends on one, until what
 * was found out becomes public on purpose; this function stands where it does. It does nothing in a purse. tests/ctime, which
 * marks secrets as undefined, compiles the room with a function of its own. */
#ifdef KC_PURSE_CTIME
void kc_purse_declassify(const void *data, size_t size);
#else
static inline void kc_purse_declassify(const void *data, size_t size)
{
    (void)data;
    (void)size;
}
#endif

/* The outcome of a check, which the status word tells. */
static inline bool kc_purse_outcome(bool outcome)
{
    kc_purse_declassify(&outcome, sizeof outcome);
    return outcome;
}

/* A command as its handler sees it. */
struct kc_apdu {
    uint8_t ins;
    uint8_t p1;
    uint8_t p2;
    struct kc_view data;
};

/* Loads marks, images and static items. KC_PURSE_CORRUPT, KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_purse_load(struct kc_purse *purse);

/* Makes `next` the purse's state: encodes it, writes it whole, marks it, then takes it. On an error the state in memory is as it
 * was. When writing failed, the purse is locked, and after the next power-up the state is the one before or after. */
KC_MUST_USE struct kc_result kc_purse_commit(struct kc_purse *purse,
                                             const struct kc_purse_state *next);

/* Writes an item, durably. KC_TOO_LARGE changes nothing; when writing fails, the purse is locked until the next power-up. */
KC_MUST_USE struct kc_result kc_purse_static_put(struct kc_purse *purse, unsigned item,
                                                 struct kc_view content);
/* Into purse->scratch. KC_NOT_FOUND when it was never written, or was torn before the purse was ready; KC_PURSE_CORRUPT when
 * it was damaged later. */
KC_MUST_USE struct kc_result kc_purse_static_get(struct kc_view *out, struct kc_purse *purse,
                                                 unsigned item);
KC_MUST_USE struct kc_result kc_purse_static_digest(uint8_t out[KC_DIGEST_SIZE],
                                                    struct kc_purse *purse);
/* Loads keys from the static items into the purse. */
KC_MUST_USE struct kc_result kc_purse_load_keys(struct kc_purse *purse);

/* History: the ring of the last entries, for showing. */
KC_MUST_USE struct kc_result kc_purse_history_put(struct kc_purse *purse, uint64_t counter,
                                                  struct kc_view entry);
KC_MUST_USE struct kc_result kc_purse_history_get(struct kc_view *out, struct kc_purse *purse,
                                                  uint64_t counter);

/* Responds with bytes. */
KC_MUST_USE struct kc_result kc_purse_respond(struct kc_purse *purse, struct kc_view bytes);

/* Handlers, by instruction. */
struct kc_result kc_purse_verify_pin(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_change_pin(struct kc_purse *purse, const struct kc_apdu *apdu);
KC_MUST_USE struct kc_result kc_purse_set_pin(struct kc_purse *purse, struct kc_purse_state *next,
                                              struct kc_view pin);
struct kc_result kc_purse_get_data(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_put_data(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_put_key(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_generate(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_prove(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_activate(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_cash_request(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_fund_request(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_state_request(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_answer(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_take(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_repeat(struct kc_purse *purse, const struct kc_apdu *apdu);

/* Value information into purse->information. */
KC_MUST_USE struct kc_result kc_purse_information(struct kc_view *out, struct kc_purse *purse);

/* Verifies a certified value with the bank's key and decodes it; it must be of this purse. */
KC_MUST_USE struct kc_result kc_purse_read_certified(struct kc_certified *out,
                                                     struct kc_purse *purse, struct kc_view bytes);

/* Adds an entry to `next` (chain, totals, value, list); the encoding lies in purse->entry. One entry a command. */
KC_MUST_USE struct kc_result kc_purse_add_entry(struct kc_purse *purse, struct kc_purse_state *next,
                                                struct kc_entry *entry);

/* Takes a verified certified value into `next`; see invariant 1. An older or equal sequence changes nothing. */
KC_MUST_USE struct kc_result kc_purse_apply(struct kc_purse *purse, struct kc_purse_state *next,
                                            const struct kc_certified *certified,
                                            struct kc_view bytes);

/* The next time stamp: the host's clock, but later than any before. */
KC_MUST_USE struct kc_result kc_purse_stamp(uint64_t *out, const struct kc_purse *purse,
                                            struct kc_view host_time);

#endif
