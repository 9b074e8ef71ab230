/* New keys of a purse (docs/protocol.md "Renewal").
 *
 *          renew-request         certificates           report under the new key,            the authority
 *          by the old key        are in the directory   with the close entry first           revoked the old
 *    none ───────────────> asked ───────────────> waiting ──────────────────────────> done ───────────────> retired
 *                                                    │ asked again for another key
 *                                                    └───────────> left: waiting, with a newer row behind it
 *
 *  1. Until the confirmation the old key is the purse's, and only a report may come under the new one. From then on nothing new
 *     comes under the old one.
 *  2. The old key ends where it said itself: at the counter in the request that it signed, with the close entry behind. What it
 *     signed up to there holds whoever reports it, for the row keeps it.
 *  3. A pair that waits may be in the purse, with its identity. So what is known of it is not taken back by asking once more, and
 *     another pair gets a row of its own; the one before is left for good. Nothing comes under it, and it is kept so that those
 *     whom it paid are not taken for forgers (bank/settle.c).
 *  4. One commit makes the new key, its identity and the account's new end the purse's. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

static bool same_signer(const uint8_t a[KC_SIGNER_SIZE], const uint8_t b[KC_SIGNER_SIZE])
{
    return memcmp(a, b, KC_SIGNER_SIZE) == 0;
}

static struct kc_result save(struct kc_ledger *ledger, const struct kc_renewal_row *row)
{
    return kc_ledger_note(ledger, ledger->store->renewal_put(ledger->store->context, row));
}

static struct kc_result find_last(struct kc_renewal_row *out, struct kc_ledger *ledger,
                                  uint64_t purse)
{
    memset(out, 0, sizeof *out);
    struct kc_result result =
        kc_ledger_note(ledger, ledger->store->renewal_last(ledger->store->context, out, purse));
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* Whether another pair took the place of this one, which waited. */
static struct kc_result find_left(bool *left, struct kc_ledger *ledger,
                                  const struct kc_renewal_row *row)
{
    struct kc_renewal_row last;
    *left = false;
    if (row->state != KC_RENEWAL_WAITING) {
        return kc_ok();
    }
    struct kc_result result = find_last(&last, ledger, row->purse.number);
    *left = !kc_failed(result) && last.number > row->number;
    return result;
}

/* A key that no renewal knows is the purse's own, or none. Nothing is kept of the keys of some purses, as of cards. */
static struct kc_result check_own(struct kc_ledger *ledger, struct kc_purse_id purse,
                                  const uint8_t signer[KC_SIGNER_SIZE])
{
    struct kc_purse_key_row own;
    struct kc_renewal_row first;
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_ledger_check_unclaimed(ledger, purse, signer);
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->purse_key_get(store->context, &own, purse.number));
        if (result.code == KC_NOT_FOUND) {
            return kc_ok();
        }
    }
    if (kc_failed(result) || same_signer(own.signer, signer)) {
        return result;
    }
    result = kc_ledger_note(ledger, store->renewal_at(store->context, &first, purse.number, 1));
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    return kc_result(kc_failed(result) ? KC_UNKNOWN_SIGNER : KC_KEY_RENEWED);
}

struct kc_result kc_ledger_check_key(struct kc_ledger *ledger, struct kc_purse_id purse,
                                     const uint8_t signer[KC_SIGNER_SIZE], bool reports)
{
    struct kc_renewal_row row;
    struct kc_result result = kc_ledger_note(
        ledger, ledger->store->renewal_by_signer(ledger->store->context, &row, signer));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? check_own(ledger, purse, signer) : result;
    }
    if (row.purse.number != purse.number) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    bool confirmed = row.state >= KC_RENEWAL_DONE;
    if (same_signer(row.old_signer, signer)) {
        return kc_result(confirmed ? KC_KEY_RENEWED : KC_OK);
    }
    bool left = false;
    result = find_left(&left, ledger, &row);
    if (kc_failed(result) || left) {
        return kc_failed(result) ? result : kc_result(KC_KEY_RENEWED);
    }
    return kc_result(confirmed || reports ? KC_OK : KC_PENDING);
}

struct kc_result kc_ledger_closed(bool *closed, struct kc_ledger *ledger,
                                  const struct kc_purse_row *purse, uint64_t counter)
{
    struct kc_renewal_row row;
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_ledger_note(
        ledger, store->renewal_at(store->context, &row, purse->purse.number, counter));
    *closed = !kc_failed(result) && row.counter + 1 == counter;
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* ---- asking ---- */

/* Everything that the old key signed is settled, and nothing of it can still change. */
static struct kc_result check_settled(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                      const struct kc_ledger_information *information)
{
    if (!kc_amount_is_zero(purse->owed)) {
        return kc_result(KC_DEBT);
    }
    struct kc_result result = kc_ledger_end_open(ledger, purse);
    if (kc_failed(result)) {
        return result;
    }
    bool settled = purse->open_ms == 0 && information->information.counter == purse->counter &&
                   information->certified.counter == purse->counter &&
                   memcmp(information->information.head, purse->head, KC_DIGEST_SIZE) == 0;
    return kc_result(settled ? KC_OK : KC_PENDING);
}

/* A key is one purse's for good: not another's of the account, and none that this one had before. */
struct kc_result kc_ledger_check_fresh(struct kc_ledger *ledger, struct kc_purse_id purse,
                                       const struct kc_purse_key_row *keys)
{
    struct kc_purse_key_row other;
    struct kc_renewal_row row;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_key_by_signer(store->context, &other, keys->signer));
    if (result.code != KC_NOT_FOUND) {
        return kc_failed(result) ? result : kc_result(KC_ALREADY_EXISTS);
    }
    result = kc_ledger_note(ledger, store->renewal_by_signer(store->context, &row, keys->signer));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    bool left = false;
    result = find_left(&left, ledger, &row);
    if (kc_failed(result)) {
        return result;
    }
    bool goes_on = row.purse.number == purse.number && row.state < KC_RENEWAL_DONE && !left &&
                   !same_signer(row.old_signer, keys->signer);
    return kc_result(goes_on ? KC_OK : KC_ALREADY_EXISTS);
}

static struct kc_result fill(struct kc_renewal_row *row, struct kc_ledger *ledger,
                             const struct kc_purse_row *purse, const struct kc_purse_key_row *keys)
{
    struct kc_purse_key_row old;
    struct kc_renewal_row last;
    const struct kc_store *store = ledger->store;
    struct kc_result result = find_last(&last, ledger, purse->purse.number);
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->purse_key_get(store->context, &old, purse->purse.number));
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT))
                                           : result;
    }
    bool on_its_way = last.state == KC_RENEWAL_ASKED || last.state == KC_RENEWAL_WAITING;
    bool same = on_its_way && same_signer(last.signer, keys->signer);
    bool waits = same && last.state == KC_RENEWAL_WAITING;
    bool goes_on = same || last.state == KC_RENEWAL_ASKED;
    *row = (struct kc_renewal_row){.purse = purse->purse,
                                   .number = goes_on ? last.number : last.number + 1,
                                   .account = purse->account,
                                   .state = waits ? KC_RENEWAL_WAITING : KC_RENEWAL_ASKED,
                                   .counter = purse->counter,
                                   .asked_ms = ledger->now_ms,
                                   .old_expires_ms = old.expires_ms,
                                   .expires_ms = same ? last.expires_ms
                                                      : ledger->now_ms + ledger->options.account_ms,
                                   .old_sign_size = old.sign_size,
                                   .sign_size = keys->sign_size,
                                   .encrypt_size = keys->encrypt_size};
    memcpy(row->old_signer, old.signer, KC_SIGNER_SIZE);
    memcpy(row->signer, keys->signer, KC_SIGNER_SIZE);
    memcpy(row->old_sign_key, old.sign_key, old.sign_size);
    memcpy(row->sign_key, keys->sign_key, keys->sign_size);
    memcpy(row->encrypt_key, keys->encrypt_key, keys->encrypt_size);
    memcpy(row->old_pair, old.pair, KC_PAIR_SIZE);
    if (waits) {
        memcpy(row->pair, last.pair, KC_PAIR_SIZE);
        memcpy(row->identity_digest, last.identity_digest, KC_DIGEST_SIZE);
        memcpy(row->certificate, last.certificate, KC_DIGEST_SIZE);
    }
    return kc_ok();
}

struct kc_result kc_ledger_renew_as(struct kc_renewal_row *row, struct kc_ledger *ledger,
                                    enum kc_evidence_kind kind, uint64_t time_ms,
                                    const struct kc_ledger_information *information,
                                    const struct kc_purse_key_row *keys,
                                    const struct kc_ledger_source *source)
{
    struct kc_ledger_arrival arrival;
    struct kc_account_row account;
    uint64_t pending_entry = 0;
    KC_ASSERT(keys->sign_size > 0 && keys->encrypt_size > 0);
    struct kc_result result =
        kc_ledger_arrive(&arrival, ledger, &information->information, time_ms, kind, source);
    if (kc_failed(result)) {
        return result;
    }
    if (arrival.has_transaction) {
        return kc_result(KC_MISMATCH);
    }
    result = kc_ledger_match(ledger, &arrival.purse, &account, information, &pending_entry);
    if (!kc_failed(result)) {
        result = check_settled(ledger, &arrival.purse, information);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_check_fresh(ledger, arrival.purse.purse, keys);
    }
    if (!kc_failed(result)) {
        result = fill(row, ledger, &arrival.purse, keys);
    }
    if (!kc_failed(result)) {
        result = save(ledger, row);
    }
    struct kc_result saved = kc_ledger_save_purse(ledger, &arrival.purse);
    return kc_failed(saved) ? saved : result;
}

struct kc_result kc_ledger_renew(struct kc_renewal_row *row, struct kc_ledger *ledger,
                                 uint64_t time_ms, const struct kc_ledger_information *information,
                                 const struct kc_purse_key_row *keys,
                                 const struct kc_ledger_source *source)
{
    return kc_ledger_renew_as(row, ledger, KC_EVIDENCE_RENEW, time_ms, information, keys, source);
}

struct kc_result kc_ledger_renew_certified(struct kc_ledger *ledger,
                                           const struct kc_renewal_row *row)
{
    return kc_ledger_renew_certified_as(ledger, row, false);
}

struct kc_result kc_ledger_renew_certified_as(struct kc_ledger *ledger,
                                              const struct kc_renewal_row *row, bool made_anew)
{
    struct kc_renewal_row last;
    struct kc_purse_row purse;
    struct kc_renewal_row next = *row;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = find_last(&last, ledger, row->purse.number);
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->purse_get(store->context, &purse, row->purse.number));
    }
    if (kc_failed(result)) {
        return result;
    }
    bool waits = last.state == KC_RENEWAL_ASKED || last.state == KC_RENEWAL_WAITING;
    bool same = same_signer(last.signer, row->signer);
    if (!waits || last.number != row->number || last.counter != row->counter ||
        (!same && (!made_anew || last.asked_ms != row->asked_ms))) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    if (!same && last.state == KC_RENEWAL_WAITING) {
        next.number += 1;
    }
    next.state = KC_RENEWAL_WAITING;
    result = save(ledger, &next);
    /* It went out of use meanwhile. Its pair is kept all the same, so that whoever ends its certificates knows of these. */
    if (kc_failed(result) || purse.state == KC_PURSE_ACTIVE) {
        return result;
    }
    result = kc_ledger_owe_certified(ledger, &purse);
    return kc_failed(result) ? result : kc_result(KC_PURSE_BLOCKED);
}

/* ---- confirmation ---- */

static bool closes(const struct kc_renewal_row *row,
                   const struct kc_ledger_information *information,
                   const struct kc_ledger_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct kc_entry *entry = &records[i].entry;
        if (entry->counter == row->counter + 1) {
            return entry->kind == KC_ENTRY_KIND_CLOSE &&
                   memcmp(entry->partner, row->identity_digest, KC_DIGEST_SIZE) == 0 &&
                   memcmp(information->identity_digest, row->identity_digest, KC_DIGEST_SIZE) == 0;
        }
    }
    return false;
}

static struct kc_result put_keys(struct kc_ledger *ledger, const struct kc_renewal_row *row)
{
    struct kc_account_row account;
    const struct kc_store *store = ledger->store;
    struct kc_purse_key_row keys = {.purse = row->purse,
                                    .account = row->account,
                                    .expires_ms = row->expires_ms,
                                    .sign_size = row->sign_size,
                                    .encrypt_size = row->encrypt_size};
    memcpy(keys.signer, row->signer, KC_SIGNER_SIZE);
    memcpy(keys.sign_key, row->sign_key, row->sign_size);
    memcpy(keys.encrypt_key, row->encrypt_key, row->encrypt_size);
    memcpy(keys.pair, row->pair, KC_PAIR_SIZE);
    struct kc_result result = kc_ledger_note(ledger, store->purse_key_put(store->context, &keys));
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger,
                                store->account_get(store->context, &account, row->account.number));
    }
    if (!kc_failed(result) && account.expires_ms < row->expires_ms) {
        account.expires_ms = row->expires_ms;
        result = kc_ledger_note(ledger, store->account_put(store->context, &account));
    }
    return result;
}

/* Renewals of the purse whose old certificates are not known to be revoked: those end with this one's, because the authority
 * ends whatever is older than the newest pair, and is asked by that pair alone. (One that is told each pair is not.) */
static struct kc_result take_over_older(struct kc_ledger *ledger, struct kc_purse_id purse)
{
    struct kc_renewal_row older;
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_ok();
    while (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->renewal_due(store->context, &older, purse.number - 1));
        if (kc_failed(result) || older.purse.number != purse.number) {
            break;
        }
        older.state = KC_RENEWAL_RETIRED;
        result = save(ledger, &older);
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

struct kc_result kc_ledger_renewed(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                   const struct kc_ledger_information *information,
                                   const struct kc_ledger_record *records, size_t count,
                                   const struct kc_ledger_source *source)
{
    struct kc_renewal_row row;
    struct kc_result result = find_last(&row, ledger, purse->purse.number);
    if (kc_failed(result) || row.state != KC_RENEWAL_WAITING ||
        !same_signer(row.signer, source->signer)) {
        return result;
    }
    if (purse->state != KC_PURSE_ACTIVE || purse->counter != row.counter ||
        !closes(&row, information, records, count)) {
        return kc_result(KC_MISMATCH);
    }
    memcpy(purse->identity_digest, row.identity_digest, KC_DIGEST_SIZE);
    row.state = KC_RENEWAL_DONE;
    row.done_ms = ledger->now_ms;
    result = put_keys(ledger, &row);
    if (!kc_failed(result) && !ledger->options.retire_each) {
        result = take_over_older(ledger, purse->purse);
    }
    if (!kc_failed(result)) {
        result = save(ledger, &row);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_end_key_offer(ledger, purse->purse);
    }
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, purse);
}

/* ---- the old certificates ---- */

struct kc_result kc_ledger_renew_due(struct kc_renewal_row *row, struct kc_ledger *ledger,
                                     uint64_t after)
{
    return ledger->store->renewal_due(ledger->store->context, row, after);
}

struct kc_result kc_ledger_renew_retired(struct kc_ledger *ledger, const struct kc_renewal_row *row)
{
    struct kc_renewal_row next = *row;
    KC_ASSERT(ledger->in_batch && row->state == KC_RENEWAL_DONE);
    next.state = KC_RENEWAL_RETIRED;
    return save(ledger, &next);
}
