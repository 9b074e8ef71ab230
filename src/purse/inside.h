/* What the files of the purse share. Internal to this room. */
#ifndef KC_PURSE_INSIDE_H
#define KC_PURSE_INSIDE_H

#include "message/identity.h"
#include "message/notice.h"
#include "message/roll.h"
#include "purse/purse.h"

/* Places in the non-volatile memory; docs/purse.md draws them. */
#define KC_NVM_MARK_SIZE 40u
#define KC_NVM_MARKS_AT 0u
#define KC_NVM_IMAGES_AT 128u
#define KC_NVM_IMAGE_ROOM (48u + KC_IMAGE_SIZE_MAX)
#define KC_NVM_STATIC_AT (KC_NVM_IMAGES_AT + 2u * KC_NVM_IMAGE_ROOM)
#define KC_STATIC_ROOM 2064u
#define KC_NVM_LOG_AT (KC_NVM_STATIC_AT + KC_STATIC_COUNT * KC_STATIC_ROOM)
#define KC_NVM_PARTNERS_AT (KC_NVM_LOG_AT + KC_LOG_SLOT_COUNT * KC_LOG_ROOM)
#define KC_PARTNER_ROOM 512u
#define KC_PARTNER_COUNT 16u
#define KC_NVM_HOTLISTS_AT (KC_NVM_PARTNERS_AT + KC_PARTNER_COUNT * KC_PARTNER_ROOM)
/* Beside what is signed a place (places.c) has its size and a check. */
#define KC_PLACE_EXTRA 12u
#define KC_HOTLIST_ROOM (KC_HOTLIST_SIZE_MAX + KC_PLACE_EXTRA)
#define KC_NVM_SECOND_AT (KC_NVM_HOTLISTS_AT + KC_HOTLIST_ROOM * KC_HOTLIST_COUNT)
#define KC_HOTLIST_DELTA_ROOM (KC_HOTLIST_DELTA_SIZE_MAX + KC_PLACE_EXTRA)

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
/* The purse's own among them have a second place each, behind the others: a renewal fills the one that is not in use. */
#define KC_STATIC_OWN_COUNT 4u
/* Behind those: what waits for the private keys that the authority made. No digest counts on it. */
#define KC_STATIC_NEXT_KEYS (KC_STATIC_COUNT + KC_STATIC_OWN_COUNT)
#define KC_STATIC_NEXT_IDENTITY (KC_STATIC_NEXT_KEYS + 1u)
/* And the identity before the one in force, while a payment is open that its key signed. No digest counts on it either. */
#define KC_STATIC_FORMER_IDENTITY (KC_STATIC_NEXT_IDENTITY + 1u)
#define KC_STATIC_PLACES (KC_STATIC_FORMER_IDENTITY + 1u)

/* Behind all that was there before. */
#define KC_NVM_ROLLS_AT (KC_NVM_SECOND_AT + KC_STATIC_ROOM * KC_STATIC_OWN_COUNT)
#define KC_ROLL_ROOM (KC_ROLL_SIZE_MAX + KC_PLACE_EXTRA)
#define KC_ROLL_COUNT 2u

/* And behind those what waits for the private keys that the authority made, and the former identity. */
#define KC_NVM_NEXT_AT (KC_NVM_ROLLS_AT + KC_ROLL_ROOM * KC_ROLL_COUNT)

/* And behind that the deltas of the hotlist. */
#define KC_NVM_DELTAS_AT                                                                           \
    (KC_NVM_NEXT_AT + KC_STATIC_ROOM * (KC_STATIC_PLACES - KC_STATIC_NEXT_KEYS))

/* And behind those the bank's word on the authority's keys. */
#define KC_NVM_NOTICES_AT (KC_NVM_DELTAS_AT + KC_HOTLIST_DELTA_ROOM * KC_HOTLIST_COUNT)
#define KC_NOTICE_ROOM (KC_NOTICE_SIZE_MAX + KC_PLACE_EXTRA)
#define KC_NOTICE_COUNT 2u

_Static_assert(KC_NVM_NOTICES_AT + KC_NOTICE_ROOM * KC_NOTICE_COUNT <= KC_NVM_SIZE,
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

/* A prepaid card without keys: whoever holds it may pay with it, and nothing that it says is signed. */
static inline bool kc_purse_is_bearer(const struct kc_purse *purse)
{
    return purse->state.settings.size > 0 && purse->settings.purse_type == KC_PURSE_TYPE_BEARER;
}

/* Loads marks, images and static items. KC_PURSE_CORRUPT, KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_purse_load(struct kc_purse *purse);

/* Makes `next` the purse's state: encodes it, writes it whole, marks it, then takes it. On an error the state in memory is as it
 * was. When writing failed, the purse is locked, and after the next power-up the state is the one before or after. */
KC_MUST_USE struct kc_result kc_purse_commit(struct kc_purse *purse,
                                             const struct kc_purse_state *next);

/* The place of one of the purse's own items in key set 0 or 1; of any other item the item itself. */
unsigned kc_purse_static_place(unsigned item, uint64_t key_set);
/* Writes an item, durably, into its place. KC_TOO_LARGE changes nothing; when writing fails, the purse is locked until the next
 * power-up. */
KC_MUST_USE struct kc_result kc_purse_static_put(struct kc_purse *purse, unsigned place,
                                                 struct kc_view content);
/* Into purse->scratch. KC_NOT_FOUND when it was never written, or was torn before the purse was ready; KC_PURSE_CORRUPT when
 * it was damaged later. */
KC_MUST_USE struct kc_result kc_purse_static_get(struct kc_view *out, struct kc_purse *purse,
                                                 unsigned place);
/* Over all items, the own ones of that key set. */
KC_MUST_USE struct kc_result kc_purse_static_digest(uint8_t out[KC_DIGEST_SIZE],
                                                    struct kc_purse *purse, uint64_t key_set);
/* Loads keys from the static items into the purse. */
KC_MUST_USE struct kc_result kc_purse_load_keys(struct kc_purse *purse);
/* Makes a pair of keys of the suite and stores it, durably, in a key set. */
KC_MUST_USE struct kc_result kc_purse_make_keys(struct kc_purse *purse, enum kc_suite suite,
                                                uint64_t key_set);
KC_MUST_USE struct kc_result kc_purse_load_private(struct kc_private_key *out,
                                                   struct kc_purse *purse, unsigned place);
/* A private-key-record; KC_MALFORMED and the cursor's errors. */
KC_MUST_USE struct kc_result kc_purse_decode_private(struct kc_private_key *out,
                                                     struct kc_view encoded);
bool kc_purse_same_key(const struct kc_public_key *a, const struct kc_public_key *b);
/* The key-proof of a pair, signed by its signature key. Uses purse->work. */
KC_MUST_USE struct kc_result kc_purse_make_proof(struct kc_buffer *out, struct kc_purse *purse,
                                                 const struct kc_private_key *sign,
                                                 const struct kc_private_key *encrypt);
/* Whether the bank signed this as the identity of this purse with that key: KC_MISMATCH, errors of kc_identity_open. */
KC_MUST_USE struct kc_result kc_purse_check_identity(struct kc_purse *purse, struct kc_view bytes,
                                                     const struct kc_public_key *key);

/* ---- log.c: the entries, with what shows them ---- */

/* A slot as read; views point into purse->slot, so that the next use of the log ends them. */
struct kc_log_slot {
    struct kc_view entry;
    struct kc_view order;  /* the signed payment order; empty for other kinds */
    struct kc_view answer; /* the payee's signed receipt or decline; empty when there is none */
};

/* Writes the slot of `counter`, `order` and `answer` possibly empty, and syncs. The caller made sure that no entry is lost. */
KC_MUST_USE struct kc_result kc_purse_log_put(struct kc_purse *purse, uint64_t counter,
                                              const struct kc_log_slot *content);
/* Adds the answer to a slot that is there, and syncs. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_purse_log_put_answer(struct kc_purse *purse, uint64_t counter,
                                                     struct kc_view answer);
/* KC_NOT_FOUND when the slot is torn, holds another entry, or the counter is 0. What it gives for a counter above the state's
 * was never committed. */
KC_MUST_USE struct kc_result kc_purse_log_get(struct kc_log_slot *out, struct kc_purse *purse,
                                              uint64_t counter);
/* The same with its entry decoded. */
KC_MUST_USE struct kc_result kc_purse_log_entry(struct kc_entry *out, struct kc_log_slot *slot,
                                                struct kc_purse *purse, uint64_t counter);

/* ---- partners.c: purses met before; a cache, which may forget ---- */

struct kc_partner {
    struct kc_account_id account;
    struct kc_purse_id purse;
    uint64_t issued_s; /* of two identities of a purse the one with the later is in force */
    uint64_t
        closed; /* it showed that it knows this purse's identity after the close entry of this counter */
    uint64_t expires_s;
    struct kc_public_key key; /* of no type for a bearer card, which is never remembered */
    uint8_t secret[KC_MAC_SECRET_SIZE]; /* of a bearer card */
};

/* KC_IDENTITY_NEEDED when the purse is not known under this account. */
KC_MUST_USE struct kc_result kc_purse_partner_find(struct kc_partner *out, struct kc_purse *purse,
                                                   struct kc_account_id account,
                                                   struct kc_purse_id number);
/* Whether the purse renewed its keys since the partner last showed that it knows them: then it needs the new identity, whatever
 * it says that it holds. */
bool kc_purse_partner_lacks(struct kc_purse *purse, struct kc_account_id account,
                            struct kc_purse_id number);
/* What it signed, or what this purse signed and it took, shows that it has the identity that is in force. */
KC_MUST_USE struct kc_result kc_purse_partner_shown(struct kc_purse *purse,
                                                    struct kc_account_id account,
                                                    struct kc_purse_id number);
/* Remembers a partner whose identity was verified; the one kept longest makes room. */
KC_MUST_USE struct kc_result kc_purse_partner_keep(struct kc_purse *purse,
                                                   const struct kc_partner *partner);

/* ---- storage.c: plain access for the two above. When one fails, the purse is locked until the next power-up. ---- */

KC_MUST_USE struct kc_result kc_purse_nvm_read(struct kc_purse *purse, size_t at, uint8_t *out,
                                               size_t size);
KC_MUST_USE struct kc_result kc_purse_nvm_write(struct kc_purse *purse, size_t at,
                                                const uint8_t *data, size_t size);
KC_MUST_USE struct kc_result kc_purse_nvm_sync(struct kc_purse *purse);

/* ---- hotlist.c: purses that the bank put out of use, as far as this one was told ---- */

/* Power-up: finds the newest that is whole. What is torn counts as not there. KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_purse_hotlist_load(struct kc_purse *purse);
/* Whether a purse is on the list held. Uses purse->scratch. */
bool kc_purse_is_listed(struct kc_purse *purse, struct kc_purse_id number);
/* The base in force, or the delta, as the bank signed it, in purse->scratch. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_purse_hotlist_get(struct kc_view *out, struct kc_purse *purse,
                                                  bool delta);

/* ---- places.c: room for one thing that somebody signed ---- */

#define KC_CHECK_SIZE 8u

/* SHA-256 over bytes, cut: whether they are whole, not who wrote them. */
void kc_purse_check(uint8_t out[KC_CHECK_SIZE], const struct kc_purse *purse, struct kc_view bytes);

struct kc_place {
    size_t at;  /* in the non-volatile memory */
    size_t max; /* bytes of what is signed */
};

/* What stands there, in purse->scratch. KC_NOT_FOUND: nothing that is whole. KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_purse_place_read(struct kc_view *out, struct kc_purse *purse,
                                                 struct kc_place place);
/* Writes it and makes it durable; uses purse->scratch, in which `bytes` do not lie. KC_TOO_LARGE, KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_purse_place_write(struct kc_purse *purse, struct kc_place place,
                                                  struct kc_view bytes);

/* ---- roll.c: the bank's keys as they roll over ---- */

/* Finds the newest whole record of new keys and puts them in force. One that is torn counts as not there. KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_purse_rolls_load(struct kc_purse *purse);
/* The record as it was signed, in purse->scratch: the newest (0) or the one before it (1). KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_purse_roll_get(struct kc_view *out, struct kc_purse *purse,
                                               unsigned back);
/* Verifies what the bank signed, with the key in force or the one before it. KC_BANK_KEY_ENDED: it is the old key's and that
 * key's time is over. Errors of kc_signed_verify. */
KC_MUST_USE struct kc_result kc_purse_verify_bank(const struct kc_purse *purse,
                                                  const struct kc_signed *parsed,
                                                  const char *domain);
/* The key that such bytes say they are signed with, and whether that key still counts: KC_BANK_KEY_ENDED. */
const struct kc_public_key *kc_purse_bank_key(const struct kc_purse *purse,
                                              const struct kc_signed *parsed);
KC_MUST_USE struct kc_result kc_purse_check_bank_key(const struct kc_purse *purse,
                                                     const struct kc_signed *parsed);
/* Whether that is a key of the bank that counts: the one in force, or the one before it in its time. */
bool kc_purse_is_bank_key(const struct kc_purse *purse, const struct kc_signer_id *signer);
/* The same of a partner's identity, at the later of the purse's own time stamp and `time_ms`. */
KC_MUST_USE struct kc_result kc_purse_open_identity(struct kc_identity *out,
                                                    const struct kc_purse *purse,
                                                    struct kc_view bytes, uint64_t time_ms);

/* ---- notice.c: the authority's newest keys ---- */

/* Power-up: finds those that are whole. One that is torn counts as not there. KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_purse_notices_load(struct kc_purse *purse);
/* The number of the one in force: the newest that a key of the bank signed which counts now. 0 when there is none. */
uint64_t kc_purse_notice_number(const struct kc_purse *purse);
/* The one in force, as it was signed and taken apart, in purse->scratch. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result
kc_purse_notice_get(struct kc_view *out, struct kc_noticed_keys *notice, struct kc_purse *purse);

/* ---- limits.c: what the certified value in force lets a purse do without its bank ---- */

/* KC_LIMIT_EXCEEDED: more than may be paid at once, or than `most`, which the payee takes. KC_CONTACT_NEEDED: more than may be
 * paid in all or more often, or too late, before it meets the bank. KC_INSUFFICIENT_VALUE. */
KC_MUST_USE struct kc_result kc_purse_check_pay(const struct kc_purse *purse,
                                                struct kc_amount amount, struct kc_amount most,
                                                uint64_t time_ms);
/* KC_LIMIT_EXCEEDED: it would hold more than it may. KC_CONTACT_NEEDED: too late. KC_AMOUNT_TOO_LARGE: a sum does not fit, with
 * what open payments may still give back. */
KC_MUST_USE struct kc_result kc_purse_check_take(const struct kc_purse *purse,
                                                 struct kc_amount amount, uint64_t time_ms);
/* The most that kc_purse_check_take lets in at that time; zero also when the history has no room. */
struct kc_amount kc_purse_take_most(const struct kc_purse *purse, uint64_t time_ms);
/* How much may still be paid, and how often, before it meets the bank. */
struct kc_amount kc_purse_spend_left(const struct kc_purse *purse);
uint64_t kc_purse_count_left(const struct kc_purse *purse);

/* ---- gap.c: entries that were given up ---- */

/* The newest entry that needs no place in the log: a certified value covers it, or it was given up. */
uint64_t kc_purse_log_base(const struct kc_purse *purse);
/* True while entries that no certified value covers were given up. */
bool kc_purse_has_gap(const struct kc_purse *purse);
/* How many entries fit before the log is full. */
uint64_t kc_purse_log_room(const struct kc_purse *purse);
/* Under the policy "overwrite", a full log gives up its oldest entry in `next`, so that one entry more has a place; otherwise
 * nothing changes. KC_PURSE_CORRUPT. */
KC_MUST_USE struct kc_result kc_purse_make_room(struct kc_purse *purse,
                                                struct kc_purse_state *next);
/* KC_HISTORY_FULL when that entry would have no place in the log, even if room is made. */
KC_MUST_USE struct kc_result kc_purse_check_makes_room(const struct kc_purse *purse,
                                                       const struct kc_entry *entry);

/* Only a UIM has a PIN: a card or machine works for whoever holds it. */
bool kc_purse_has_pin(const struct kc_purse *purse);
/* Whether what needs the PIN may run: it was verified, or the purse, which is in use, has none. */
bool kc_purse_is_unlocked(const struct kc_purse *purse);

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
struct kc_result kc_purse_transfer_request(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_fund_request(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_state_request(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_answer(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_take(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_repeat(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_identify(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_offer(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_pay(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_examine(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_decide(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_conclude(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_open_again(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_settle_request(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_take_certified(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_renew_request(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_handover(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_take_hotlist(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_take_roll(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_take_notice(struct kc_purse *purse, const struct kc_apdu *apdu);
struct kc_result kc_purse_sign_sale(struct kc_purse *purse, const struct kc_apdu *apdu);

/* Value information into purse->information, with the first entries that no certified value covers or with none. Uses
 * purse->scratch. */
KC_MUST_USE struct kc_result kc_purse_information(struct kc_view *out, struct kc_purse *purse,
                                                  bool with_entries);

/* Verifies a certified value with the bank's key and decodes it; it must be of this purse. */
KC_MUST_USE struct kc_result kc_purse_read_certified(struct kc_certified *out,
                                                     struct kc_purse *purse, struct kc_view bytes);

/* The same of any purse. */
KC_MUST_USE struct kc_result kc_purse_open_certified(struct kc_certified *out,
                                                     struct kc_purse *purse, struct kc_view bytes);

/* Adds an entry to `next` (chain, totals, value) and to the log, durably; the encoding lies in purse->entry. `order` and
 * `answer` are what shows it, or empty. KC_INSUFFICIENT_VALUE, KC_AMOUNT_TOO_LARGE (a sum does not fit), KC_HISTORY_FULL
 * leave `next` and the log as they were. */
KC_MUST_USE struct kc_result kc_purse_add_entry(struct kc_purse *purse, struct kc_purse_state *next,
                                                struct kc_entry *entry, struct kc_view order,
                                                struct kc_view answer);

/* KC_HISTORY_FULL when that entry would have no place in the log beside those that `next` has not given up. */
KC_MUST_USE struct kc_result kc_purse_check_room(const struct kc_purse *purse,
                                                 const struct kc_purse_state *next,
                                                 const struct kc_entry *entry);

/* How many entries no certified value covers, with those that were given up. */
uint64_t kc_purse_uncovered(const struct kc_purse *purse);

/* Counts the entries after `counter` up to `last`, as they stand in the log, onto head, value, totals and what was spent in
 * `walk`. KC_PURSE_CORRUPT when one is not there; a sum that does not fit is the error of its entry. */
KC_MUST_USE struct kc_result kc_purse_walk_log(struct kc_purse_state *walk, struct kc_purse *purse,
                                               uint64_t counter, uint64_t last);

/* Power-up: the entries after the certified counter, or after those that were given up, stand whole in the log and lead to head,
 * value and totals of the state. Else KC_PURSE_CORRUPT. */
KC_MUST_USE struct kc_result kc_purse_check_log(struct kc_purse *purse);

/* Takes a verified certified value into `next`; see invariant 1. An older or equal sequence changes nothing. KC_MISMATCH: it
 * does not fit the chain. KC_STALE_STATE: it covers only some of the entries that were given up; the bank has to be told of
 * them. */
KC_MUST_USE struct kc_result kc_purse_apply(struct kc_purse *purse, struct kc_purse_state *next,
                                            const struct kc_certified *certified,
                                            struct kc_view bytes);

/* The next time stamp: the host's clock, but later than any before. */
KC_MUST_USE struct kc_result kc_purse_stamp(uint64_t *out, const struct kc_purse *purse,
                                            struct kc_view host_time);

/* ---- cash.c: envelopes to the bank ---- */

/* Makes an envelope into purse->output and keeps its digest; the caller commits a state that holds it before it leaves. */
KC_MUST_USE struct kc_result kc_purse_make_envelope(struct kc_purse *purse,
                                                    uint8_t digest[KC_DIGEST_SIZE],
                                                    uint64_t time_ms, const struct kc_shape *shape,
                                                    const void *message);
/* The same for another recipient. */
KC_MUST_USE struct kc_result
kc_purse_make_envelope_for(struct kc_purse *purse, const struct kc_public_key *recipient,
                           uint8_t digest[KC_DIGEST_SIZE], uint64_t time_ms,
                           const struct kc_shape *shape, const void *message);
/* Commits the state under which the envelope in purse->output may leave. */
KC_MUST_USE struct kc_result kc_purse_release(struct kc_purse *purse, struct kc_purse_state *next);

/* True when `given` is the digest `own` of a request that is not zeros. */
bool kc_purse_answers(const uint8_t given[KC_DIGEST_SIZE], const uint8_t own[KC_DIGEST_SIZE]);

/* A new entry ends a request or quote for cash that has no answer yet: it names a state that is no more. */
void kc_purse_drop_quote(struct kc_purse_state *next);

/* Whether the pending transaction takes its value from the purse: a deposit, or a transfer from it. */
bool kc_purse_pending_out(const struct kc_purse_state *state);

/* KC_PENDING while an answered deposit has its cash-out among the entries that no certified value covers. */
KC_MUST_USE struct kc_result kc_purse_no_open_cash_out(struct kc_purse *purse);

/* ---- exchange.c, payer.c, settle.c ---- */

/* Who a partner is: by the identity given, verified with the bank's key, else as remembered. KC_IDENTITY_NEEDED,
 * KC_IDENTITY_EXPIRED, KC_NOT_ALLOWED (this purse itself), KC_MISMATCH, errors of kc_identity_open. KC_KEY_RENEWED: a newer
 * identity of it is known, and *out is the one given. */
KC_MUST_USE struct kc_result kc_purse_meet(struct kc_partner *out, struct kc_purse *purse,
                                           struct kc_account_id account, struct kc_purse_id number,
                                           bool has_identity, struct kc_view identity,
                                           uint64_t time_ms);
/* Verifies brief signed bytes by a partner and decodes their payload. */
KC_MUST_USE struct kc_result kc_purse_verify_partner(struct kc_purse *purse,
                                                     const struct kc_signed *parsed,
                                                     const struct kc_public_key *key,
                                                     const struct kc_shape *shape);
/* Encodes and signs a record in the brief form; a bearer card puts a MAC by the secret of its SGN3 there. */
KC_MUST_USE struct kc_result kc_purse_sign_record(struct kc_buffer *out, struct kc_purse *purse,
                                                  const struct kc_shape *shape, const void *record);

/* ---- bearer.c: payments of cards that have no key to sign with ---- */

/* Whether the payee may take what this card gives: SGN4 is the bank's and the card's, it covers what the order and the totals in
 * it say was spent, within the card's limits, and agrees with all that this purse took from the card before. time_ms 0: its time
 * may have run out. KC_NOT_ALLOWED (this purse is a card), KC_BAD_SIGNATURE (the order is not marked with the secret in SGN3),
 * KC_MALFORMED (no SGN4),
 * KC_MISMATCH, KC_COPIED_OR_RESTORED, KC_INSUFFICIENT_VALUE, KC_LIMIT_EXCEEDED, KC_CONTACT_NEEDED. Uses purse->slot. */
KC_MUST_USE struct kc_result
kc_purse_verify_bearer(struct kc_purse *purse, const struct kc_partner *card,
                       const struct kc_payment *payment, const struct kc_signed *parsed,
                       const struct kc_payment_order *order, uint64_t time_ms);

/* The open payment at a place of the list. */
KC_MUST_USE struct kc_result kc_purse_open_get(struct kc_open_payment *out,
                                               const struct kc_purse_state *state, size_t index);
void kc_purse_open_remove(struct kc_purse_state *next, size_t index);
KC_MUST_USE struct kc_result kc_purse_open_sum(struct kc_amount *out,
                                               const struct kc_purse_state *state);
/* Ends the open payments whose verified receipt is in the log: power went between the receipt and the state that it ends. Else
 * the bank, which sees the receipt in the report, would have nothing more to say about them. KC_PURSE_CORRUPT. */
KC_MUST_USE struct kc_result kc_purse_open_heard(struct kc_purse *purse,
                                                 struct kc_purse_state *next);
/* Writes the void of an open payment that `word` allows, and ends it. `answer` is the payee's signed decline, or empty. */
KC_MUST_USE struct kc_result kc_purse_open_void(struct kc_purse *purse, struct kc_purse_state *next,
                                                size_t index, const uint8_t word[KC_DIGEST_SIZE],
                                                struct kc_view answer);

struct kc_result kc_purse_take_settle(struct kc_purse *purse, struct kc_purse_state *next,
                                      const void *message, struct kc_view plain);
struct kc_result kc_purse_take_renew(struct kc_purse *purse, struct kc_purse_state *next,
                                     const void *message, struct kc_view plain);

/* ---- renew.c: the change from one key set to the other ---- */

/* The key set that is not in force. */
uint64_t kc_purse_other_set(const struct kc_purse *purse);
/* No transaction is open and nothing uncovered; a payment may be open when the key in force signed it, since the identity of one
 * earlier key is kept, not more: KC_PENDING. */
KC_MUST_USE struct kc_result kc_purse_check_settled(const struct kc_purse *purse);
/* The end of a request or claim of new keys: with the information, a member of `request`, into purse->output, and released with
 * `next`, which keeps its digest, its time stamp and the counter that it names. */
KC_MUST_USE struct kc_result kc_purse_ask_keys(struct kc_purse *purse, struct kc_purse_state *next,
                                               struct kc_view *information, uint64_t time_ms,
                                               const struct kc_shape *shape, const void *request);
/* All is settled, and no entry was added since that request: else KC_PENDING. */
KC_MUST_USE struct kc_result kc_purse_check_unchanged(const struct kc_purse *purse,
                                                      const struct kc_purse_state *next);
/* Writes the certificates of the new keys down, in the key set that is not in force. */
KC_MUST_USE struct kc_result kc_purse_put_certificates(struct kc_purse *purse, struct kc_view sign,
                                                       struct kc_view encrypt);
/* Ends the old key's chain in `next` and puts the other key set, whole by now, in force under its identity. The identity before
 * is written down, durably, while a payment is open. */
KC_MUST_USE struct kc_result
kc_purse_change_over(struct kc_purse *purse, struct kc_purse_state *next, struct kc_view identity);

/* ---- handover.c: keys that the authority made ---- */

/* The key that its messages are signed with, as the bank named it. KC_UNKNOWN_SIGNER when the bank named none. */
KC_MUST_USE struct kc_result kc_purse_authority_key(struct kc_public_key *out,
                                                    struct kc_purse *purse);
struct kc_result kc_purse_take_claimed(struct kc_purse *purse, struct kc_purse_state *next,
                                       const void *message, struct kc_view plain);
struct kc_result kc_purse_take_keys(struct kc_purse *purse, struct kc_purse_state *next,
                                    const void *message, struct kc_view plain);
struct kc_result kc_purse_take_done(struct kc_purse *purse, struct kc_purse_state *next,
                                    const void *message, struct kc_view plain);
struct kc_result kc_purse_take_authority_refusal(struct kc_purse *purse,
                                                 struct kc_purse_state *next, const void *message,
                                                 struct kc_view plain);

#endif
