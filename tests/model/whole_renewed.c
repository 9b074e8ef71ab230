#include "whole_renewed.h"

#include <string.h>

#include "base/assert.h"
#include "whole_authority.h"
#include "whole_gone.h"
#include "whole_kinds.h"
#include "whole_settled.h"

static bool same_signer(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, KC_SIGNER_SIZE) == 0;
}

static bool has_keys(const struct truth *truth, unsigned holder)
{
    return kinds_type(truth, holder) != KC_PURSE_TYPE_BEARER;
}

static const struct whole_pair *pair_of(const struct truth *truth,
                                        const uint8_t signer[KC_SIGNER_SIZE])
{
    struct kc_signer_id id;
    memcpy(id.bytes, signer, sizeof id.bytes);
    return whole_pair_of(truth->whole, &id);
}

static bool is_good(const struct truth *truth, const struct whole_pair *pair)
{
    return pair != NULL && pair->revoked_ms == 0 && pair->expires_ms > truth->whole->now_ms;
}

void renewed_first(struct truth *truth, unsigned holder)
{
    struct truth_keys *known = &truth->renewals.holders[holder];
    const uint8_t *first = truth->whole->holders[holder].signer_id.bytes;
    known->count = 1;
    known->own_closed = 0;
    known->keys[0].closed = 0;
    memcpy(known->own, first, KC_SIGNER_SIZE);
    memcpy(known->keys[0].signer, first, KC_SIGNER_SIZE);
}

void renewed_begin(struct truth *truth, bool on)
{
    struct truth_renewals *renewals = &truth->renewals;
    renewals->on = on;
    renewals->renewed = 0;
    renewals->refused = 0;
    renewals->vouched = false;
    for (unsigned i = 0; i < truth->holders && on; i++) {
        renewed_first(truth, i);
    }
}

/* ---- the purse ---- */

/* The identity that the purse shows, under the bank's signature: the key in it, and the digest of its claims. */
static bool read_identity(uint8_t signer[KC_SIGNER_SIZE], uint8_t digest[KC_DIGEST_SIZE],
                          struct truth *truth, unsigned place)
{
    struct kc_view bytes;
    struct kc_signed parsed;
    struct kc_identity identity;
    struct kc_signer_id id;
    const struct whole_base *base = truth->whole->base;
    const struct kc_crypto *crypto = &truth->whole->bank.crypto;
    if (kc_failed(kc_slot_identity(&bytes, whole_slot(truth->whole, place))) ||
        kc_failed(kc_brief_parse(&parsed, bytes)) ||
        kc_failed(
            kc_identity_open(&identity, crypto, &base->bank_sign_public, &base->realm, bytes))) {
        return false;
    }
    kc_digest(crypto, digest, parsed.payload);
    kc_signer_id_make(&id, crypto, identity.account.number, &identity.key);
    memcpy(signer, id.bytes, KC_SIGNER_SIZE);
    return identity.purse.number ==
           truth->whole->holders[truth->whole->purses[place].holder].purse.number;
}

bool renewed_close(struct truth *truth, unsigned place, const struct kc_entry *entry,
                   const struct kc_purse_info *info)
{
    uint8_t signer[KC_SIGNER_SIZE];
    uint8_t digest[KC_DIGEST_SIZE];
    unsigned holder = truth->whole->purses[place].holder;
    struct truth_keys *known = &truth->renewals.holders[holder];
    bool good = truth->renewals.on && read_identity(signer, digest, truth, place) &&
                !same_signer(signer, known->own) &&
                memcmp(digest, entry->partner, KC_DIGEST_SIZE) == 0 &&
                kc_amount_is_zero(entry->amount) && !info->has_pending && info->uncovered == 1;
    if (!good) {
        return truth_wrong(truth, "an old key ends without a new one", holder,
                           (int64_t)entry->counter, (int64_t)info->uncovered);
    }
    memcpy(known->own, signer, KC_SIGNER_SIZE);
    known->own_closed = entry->counter;
    return true;
}

/* What the bank will take a report of: the keys that it has, or those that wait for the confirmation. */
static bool is_known(const struct truth *truth, unsigned holder)
{
    const struct ram_store *store = &truth->whole->store;
    const struct truth_keys *known = &truth->renewals.holders[holder];
    if (same_signer(known->keys[known->count - 1].signer, known->own)) {
        return true;
    }
    for (size_t i = store->counts[RAM_TABLE_RENEWALS]; i-- > 0;) {
        const struct kc_renewal_row *row = &store->renewals[i];
        if (same_signer(row->signer, known->own)) {
            return row->state == KC_RENEWAL_WAITING && row->counter + 1 == known->own_closed;
        }
    }
    return false;
}

bool renewed_purse(struct truth *truth, unsigned place)
{
    uint8_t signer[KC_SIGNER_SIZE];
    uint8_t digest[KC_DIGEST_SIZE];
    unsigned holder = truth->whole->purses[place].holder;
    if (!truth->renewals.on || !has_keys(truth, holder)) {
        return true;
    }
    return (read_identity(signer, digest, truth, place) &&
            same_signer(signer, truth->renewals.holders[holder].own)) ||
           truth_wrong(truth, "an identity that changes without a close entry", holder, 0, 0);
}

/* ---- the bank ---- */

/* The close entry for that identity in the report that is being served; 0 when there is none. */
static uint64_t find_close(const struct truth *truth, const uint8_t digest[KC_DIGEST_SIZE])
{
    const struct kc_settle_request *request = &truth->whole->item.message.settle_request;
    for (size_t i = 0; i < request->records.count; i++) {
        struct kc_log_record record;
        struct kc_entry entry;
        if (!kc_failed(kc_shape_decode(&record, &kc_log_record_shape, request->records.items[i])) &&
            !kc_failed(kc_shape_decode(&entry, &kc_entry_shape, record.entry)) &&
            entry.kind == KC_ENTRY_KIND_CLOSE &&
            memcmp(entry.partner, digest, KC_DIGEST_SIZE) == 0) {
            return entry.counter;
        }
    }
    return 0;
}

/* New keys in the bank's books: by a report that they signed, with the close entry for their identity. */
static bool see_confirmed(struct truth *truth, unsigned holder, const struct kc_purse_key_row *row)
{
    struct truth_keys *known = &truth->renewals.holders[holder];
    const struct kc_bank_item *item = &truth->whole->item;
    const struct whole_pair *pair = pair_of(truth, row->signer);
    bool reports = item->kind == &kc_bank_settle_request && item->authenticated &&
                   same_signer(item->envelope.signer.bytes, row->signer);
    uint64_t closed = reports ? find_close(truth, item->information.identity_digest) : 0;
    bool fits = truth->rogue[holder] ||
                (same_signer(known->own, row->signer) && known->own_closed == closed);
    if (closed == 0 || !fits || pair == NULL || pair->holder != holder || !is_good(truth, pair) ||
        row->expires_ms != pair->expires_ms) {
        return truth_wrong(truth, "new keys in force without a reason", holder, (int64_t)closed,
                           (int64_t)known->own_closed);
    }
    KC_ASSERT(known->count < TRUTH_KEYS_MAX);
    known->keys[known->count - 1].closed = closed;
    known->keys[known->count].closed = 0;
    memcpy(known->keys[known->count++].signer, row->signer, KC_SIGNER_SIZE);
    truth->renewals.renewed += 1;
    return true;
}

static const struct kc_purse_key_row *row_of(const struct truth *truth, unsigned holder)
{
    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->holders[holder].purse.number;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSE_KEYS]; i++) {
        if (store->purse_keys[i].purse.number == purse) {
            return &store->purse_keys[i];
        }
    }
    return NULL;
}

/* Whoever is honest has certificates that are good for the keys in force, in the purse and, until it has changed over, at the
 * bank: nothing old is revoked before what is new is confirmed. */
static bool see_certificates(struct truth *truth, unsigned holder)
{
    const struct truth_keys *known = &truth->renewals.holders[holder];
    const struct whole_pair *pair = pair_of(truth, known->own);
    if (pair == NULL || pair->revoked_ms != 0) {
        return truth_wrong(truth, "the certificates of keys in force are revoked", holder, 0, 0);
    }
    return is_known(truth, holder) ||
           truth_wrong(truth, "the bank does not know the keys of a purse", holder, 0, 0);
}

bool renewed_bank(struct truth *truth)
{
    bool good = true;
    for (unsigned i = 0; i < truth->holders && good && truth->renewals.on; i++) {
        const struct truth_keys *known = &truth->renewals.holders[i];
        const struct kc_purse_key_row *row = has_keys(truth, i) ? row_of(truth, i) : NULL;
        if (row == NULL) {
            continue;
        }
        good = same_signer(known->keys[known->count - 1].signer, row->signer) ||
               see_confirmed(truth, i, row);
        good = good && (truth->rogue[i] || see_certificates(truth, i));
    }
    return good;
}

bool renewed_has_expired(const struct truth *truth, unsigned holder)
{
    if (!truth->renewals.on || !has_keys(truth, holder)) {
        return false;
    }
    const struct whole_pair *pair = pair_of(truth, truth->renewals.holders[holder].own);
    return pair != NULL && pair->expires_ms <= truth->whole->now_ms;
}

static size_t find_key(const struct truth_keys *known, const uint8_t signer[KC_SIGNER_SIZE])
{
    size_t i = 0;
    while (i < known->count && !same_signer(known->keys[i].signer, signer)) {
        i++;
    }
    return i;
}

/* What was taken under which key. Of messages that are honest it is known what the bank has to say. */
bool renewed_served(struct truth *truth, unsigned holder, struct kc_result result)
{
    const struct kc_bank_item *item = &truth->whole->item;
    const struct truth_keys *known = &truth->renewals.holders[holder];
    enum kc_error error = result.code;
    if (!truth->renewals.on || !item->authenticated || item->kind == NULL ||
        kc_error_exit_status(error) > 1) {
        return true;
    }
    size_t at = find_key(known, item->envelope.signer.bytes);
    bool old = at + 1 < known->count;
    bool waits = at == known->count;
    if ((old && error == KC_OK) ||
        (waits && error == KC_OK && item->kind != &kc_bank_settle_request)) {
        return truth_wrong(truth, "a request under a key that is not in force", holder, (int64_t)at,
                           (int64_t)known->count);
    }
    bool honest = !truth->rogue[holder] && !gone_is_out(truth, holder);
    /* Where nothing was offered the bank need not look at the key. */
    bool none = item->kind == &kc_bank_claim_request && error == KC_NO_KEY_READY;
    if (honest && old && !none && error != KC_KEY_RENEWED) {
        return truth_wrong(truth, "what is said to a key that has ended", holder, error,
                           KC_KEY_RENEWED);
    }
    /* Only what a renewal is made of is vouched for. */
    bool renews = item->kind == &kc_bank_state_request || item->kind == &kc_bank_settle_request ||
                  item->kind == &kc_bank_renew_request;
    bool ended = renewed_has_expired(truth, holder);
    bool vouched = truth->renewals.vouched && renews;
    /* For the same message once more it was said before. */
    bool again = item->envelope.time_ms <= truth->stamp_before;
    if (honest && ended && !vouched && !again && error == KC_OK && !waits) {
        return truth_wrong(truth, "a request under certificates that ended", holder, error,
                           KC_CERT_EXPIRED);
    }
    honest = honest && (!ended || vouched);
    bool denies = error == KC_KEY_RENEWED || error == KC_UNKNOWN_SIGNER ||
                  error == KC_CERT_REVOKED || error == KC_CERT_EXPIRED;
    return !honest || old || !denies ||
           truth_wrong(truth, "an honest key is refused", holder, error, KC_OK);
}

/* ---- what keys signed ---- */

static bool verifies(const struct truth *truth, const struct kc_signed *parsed,
                     const struct whole_pair *pair, const struct kc_shape *shape)
{
    struct kc_public_key key = whole_public(pair->sign);
    return !kc_failed(kc_brief_verify(parsed, &truth->whole->bank.crypto, &key,
                                      &truth->whole->base->realm, shape->domain));
}

/* The pair of the holder that verifies it, or NULL. */
static const struct whole_pair *find_pair(const struct truth *truth, unsigned holder,
                                          const struct kc_signed *parsed,
                                          const struct kc_shape *shape)
{
    const struct whole_outside *outside = &truth->whole->outside;
    for (size_t i = 0; i < outside->count; i++) {
        if (outside->pairs[i].holder == holder &&
            verifies(truth, parsed, &outside->pairs[i], shape)) {
            return &outside->pairs[i];
        }
    }
    return NULL;
}

/* The newest pair that the bank waits for, and where the one in force ends then; NULL when it waits for none. */
static const struct kc_renewal_row *find_waiting(const struct truth *truth, unsigned holder)
{
    const struct ram_store *store = &truth->whole->store;
    const struct kc_renewal_row *last = NULL;
    uint64_t purse = truth->whole->holders[holder].purse.number;
    for (size_t i = 0; i < store->counts[RAM_TABLE_RENEWALS]; i++) {
        const struct kc_renewal_row *row = &store->renewals[i];
        bool newer = row->purse.number == purse && (last == NULL || row->number > last->number);
        last = newer ? row : last;
    }
    return last != NULL && last->state == KC_RENEWAL_WAITING ? last : NULL;
}

/* `newer`: of an older counter every later key may speak, too. */
static bool counts(const struct truth *truth, unsigned holder, const uint8_t signer[KC_SIGNER_SIZE],
                   uint64_t counter, bool newer)
{
    const struct truth_keys *known = &truth->renewals.holders[holder];
    const struct kc_renewal_row *waiting = find_waiting(truth, holder);
    size_t at = find_key(known, signer);
    uint64_t begins = at == 0 || at >= known->count ? 0 : known->keys[at - 1].closed;
    bool newest = waiting == NULL ? at + 1 == known->count : same_signer(waiting->signer, signer);
    if (newest && newer) {
        return true;
    }
    if (at == known->count) {
        return newest && counter > waiting->counter;
    }
    return (counter > begins || newer) &&
           (at + 1 == known->count || counter <= known->keys[at].closed);
}

bool renewed_verifies(const struct truth *truth, unsigned holder, const struct kc_signed *parsed,
                      const struct kc_shape *shape, uint64_t counter, bool newer)
{
    const struct whole_pair *pair = find_pair(truth, holder, parsed, shape);
    if (pair == NULL || !truth->renewals.on) {
        return pair != NULL;
    }
    return counts(truth, holder, pair->id.bytes, counter, newer);
}

bool renewed_counted(struct truth *truth, const struct kc_record_row *row, unsigned taker,
                     unsigned payer, const struct kc_payment_order *order,
                     const struct kc_signed *parsed)
{
    if (!truth->renewals.on) {
        return true;
    }
    const struct whole_pair *pair = find_pair(truth, payer, parsed, &kc_payment_order_shape);
    bool good = pair != NULL && counts(truth, payer, pair->id.bytes, order->payer_counter, false);
    if (row->kind == KC_ENTRY_KIND_RECEIVE && row->objection == KC_OK && !good) {
        return truth_wrong(truth, "what is booked under a key that had ended", payer,
                           (int64_t)order->payer_counter, taker);
    }
    if (row->objection != KC_OK && (!truth->rogue[payer] || good) && !truth->rogue[taker]) {
        return truth_wrong(truth, "what a good key signed is objected to", payer,
                           (int64_t)order->payer_counter, row->objection);
    }
    if (pair != NULL && !good && row->objection != KC_KEY_RENEWED && !truth->rogue[taker]) {
        return truth_wrong(truth, "who was paid under a key that had ended is not told so", taker,
                           row->objection, KC_KEY_RENEWED);
    }
    if (row->objection == KC_KEY_RENEWED && row->kind == KC_ENTRY_KIND_RECEIVE) {
        truth->kinds[taker].lost += (int64_t)kc_amount_minor(order->amount);
        truth->renewals.refused += 1;
    }
    return true;
}

/* ---- the end ---- */

bool renewed_since(const struct truth *truth, const struct truth_payment *payment)
{
    return truth->renewals.on &&
           payment->payer_counter < truth->renewals.holders[payment->payer].own_closed;
}

uint64_t renewed_count(const struct truth *truth, unsigned holder)
{
    return truth->renewals.holders[holder].count;
}

bool renewed_waits(const struct truth *truth, unsigned holder)
{
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0; i < truth->payment_count && truth->renewals.on; i++) {
        const struct truth_payment *payment = &truth->payments[i];
        if (payment->payer != holder || !payment->given_back || !truth->rogue[payment->payee]) {
            continue;
        }
        for (size_t j = 0; j < store->counts[RAM_TABLE_PAYMENTS]; j++) {
            const struct kc_payment_row *row = &store->payments[j];
            if (row->state == KC_PAYMENT_NOTED &&
                memcmp(row->digest, payment->digest, KC_DIGEST_SIZE) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Who has a payment open from before the last close entry waits for it; who owes pays first; and the authority does not certify a
 * fourth pair beside three good ones. */
bool renewed_may(struct truth *truth, unsigned holder)
{
    struct kc_purse_info info;
    if (kc_failed(kc_slot_info(&info, whole_slot(truth->whole, holder)))) {
        return false;
    }
    return !truth_owes(truth, holder) && kc_amount_is_zero(info.open) && !info.has_pending &&
           info.uncovered == 0 && whole_pairs_good(truth->whole, holder) < 3;
}

bool renewed_worked(struct truth *truth, unsigned holder, uint64_t before)
{
    const struct truth_keys *known = &truth->renewals.holders[holder];
    bool same = same_signer(known->keys[known->count - 1].signer, known->own);
    return (same && known->count == before + 1) ||
           truth_wrong(truth, "keys that cannot be renewed at the end", holder,
                       (int64_t)known->count, (int64_t)before + 1);
}

bool renewed_retired(struct truth *truth)
{
    const struct whole_outside *outside = &truth->whole->outside;
    for (size_t i = 0; i < outside->count && truth->renewals.on; i++) {
        const struct whole_pair *pair = &outside->pairs[i];
        if (pair->holder >= truth->holders || truth->rogue[pair->holder]) {
            continue;
        }
        const struct truth_keys *known = &truth->renewals.holders[pair->holder];
        bool ended = find_key(known, pair->id.bytes) + 1 < known->count;
        if (ended && is_good(truth, pair)) {
            return truth_wrong(truth, "an old certificate is good at the end", pair->holder,
                               (int64_t)i, 0);
        }
    }
    return true;
}
