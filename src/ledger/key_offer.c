/* Keys that the authority makes for a purse (EP1221669 Fig 13; docs/protocol.md "Renewal by the authority").
 *
 *             ordered, or its        certificates             claim by the old key,        report under
 *             certificate ends       are in the directory     renew.c: asked, waiting      the new key
 *    none ───────────────> ordered ────────────────> ready ───────────────────────> ready ─────────────> ended
 *
 *  1. An offer changes nothing about the keys in force: the old ones count until renew.c says otherwise.
 *  2. It is ordered only while no renewal is on its way, so that nobody's newest certificates are overtaken by others.
 *  3. The claim is the old key's word on where its chain ends, as the request of a renewal is; what was made anew since the offer
 *     takes its place then. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

static struct kc_result save(struct kc_ledger *ledger, const struct kc_key_offer_row *row)
{
    return kc_ledger_note(ledger, ledger->store->key_offer_put(ledger->store->context, row));
}

/* KC_OK with state 0 when there was none. */
static struct kc_result find(struct kc_key_offer_row *out, struct kc_ledger *ledger, uint64_t purse)
{
    memset(out, 0, sizeof *out);
    struct kc_result result =
        kc_ledger_note(ledger, ledger->store->key_offer_get(ledger->store->context, out, purse));
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

static bool is_open(const struct kc_key_offer_row *row)
{
    return row->state == KC_KEY_OFFER_ORDERED || row->state == KC_KEY_OFFER_READY;
}

/* Whether new keys may be made for the purse now. */
static struct kc_result check_purse(struct kc_ledger *ledger, const struct kc_purse_row *purse)
{
    struct kc_account_row account;
    struct kc_renewal_row last;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, &account, purse->account.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    if (purse->type == KC_PURSE_TYPE_BEARER) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (purse->state != KC_PURSE_ACTIVE) {
        return kc_result(purse->state == KC_PURSE_OUT ? KC_PURSE_BLOCKED : KC_ACCOUNT_NOT_OPEN);
    }
    if (account.state != KC_ACCOUNT_OPEN) {
        return kc_result(KC_ACCOUNT_NOT_OPEN);
    }
    if (account.expires_ms <= ledger->now_ms) {
        return kc_result(KC_ACCOUNT_EXPIRED);
    }
    result =
        kc_ledger_note(ledger, store->renewal_last(store->context, &last, purse->purse.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    bool on_its_way = last.state == KC_RENEWAL_ASKED || last.state == KC_RENEWAL_WAITING;
    return kc_result(on_its_way ? KC_PENDING : KC_OK);
}

static struct kc_result order(struct kc_ledger *ledger, const struct kc_purse_row *purse)
{
    struct kc_key_offer_row row;
    struct kc_result result = find(&row, ledger, purse->purse.number);
    if (kc_failed(result) || is_open(&row)) {
        return result;
    }
    result = check_purse(ledger, purse);
    row = (struct kc_key_offer_row){.purse = purse->purse,
                                    .account = purse->account,
                                    .state = KC_KEY_OFFER_ORDERED,
                                    .ordered_ms = ledger->now_ms};
    return kc_failed(result) ? result : save(ledger, &row);
}

/* The purse of an account that is in use. */
struct search {
    struct kc_purse_row purse;
    bool found;
};

static bool take_active(void *owner, const struct kc_purse_row *row)
{
    struct search *search = owner;
    if (row->state == KC_PURSE_ACTIVE || !search->found) {
        search->purse = *row;
        search->found = true;
    }
    return row->state != KC_PURSE_ACTIVE;
}

struct kc_result kc_ledger_key_offer(struct kc_ledger *ledger, struct kc_account_id account)
{
    struct search search = {.found = false};
    const struct kc_store_scan scan = {.owner = &search, .purse = take_active};
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = kc_ledger_note(
        ledger, ledger->store->scan_purses(ledger->store->context, &scan, account.number));
    if (!kc_failed(result) && !search.found) {
        result = kc_result(KC_UNKNOWN_ACCOUNT);
    }
    return kc_failed(result) ? result : order(ledger, &search.purse);
}

struct kc_result kc_ledger_key_offer_wanted(struct kc_ledger *ledger, uint64_t *after,
                                            uint64_t until_ms)
{
    struct kc_purse_id purse;
    struct kc_purse_row row;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->key_offer_wanted(store->context, &purse, until_ms, *after));
    if (!kc_failed(result)) {
        *after = purse.number;
        result = kc_ledger_note(ledger, store->purse_get(store->context, &row, purse.number));
    }
    if (kc_failed(result)) {
        return result;
    }
    /* One that may have none now is looked at again in the next round. */
    result = order(ledger, &row);
    return kc_error_exit_status(result.code) == 1 ? kc_ok() : result;
}

struct kc_result kc_ledger_key_offer_due(struct kc_key_offer_row *row, struct kc_ledger *ledger,
                                         uint64_t after)
{
    return ledger->store->key_offer_due(ledger->store->context, row, after);
}

struct kc_result kc_ledger_key_offer_ready(struct kc_ledger *ledger,
                                           const struct kc_key_offer_row *row)
{
    struct kc_key_offer_row last;
    struct kc_key_offer_row next = *row;
    KC_ASSERT(ledger->in_batch && row->sign_size > 0 && row->encrypt_size > 0);
    struct kc_result result = find(&last, ledger, row->purse.number);
    if (kc_failed(result)) {
        return result;
    }
    if (last.state != KC_KEY_OFFER_ORDERED || last.ordered_ms != row->ordered_ms) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    next.state = KC_KEY_OFFER_READY;
    next.ready_ms = ledger->now_ms;
    return save(ledger, &next);
}

struct kc_result kc_ledger_key_ready(uint64_t *ready_ms, struct kc_ledger *ledger,
                                     struct kc_purse_id purse)
{
    struct kc_key_offer_row row;
    struct kc_result result = find(&row, ledger, purse.number);
    *ready_ms = !kc_failed(result) && row.state == KC_KEY_OFFER_READY ? row.ready_ms : 0;
    return result;
}

struct kc_result kc_ledger_check_unclaimed(struct kc_ledger *ledger, struct kc_purse_id purse,
                                           const uint8_t signer[KC_SIGNER_SIZE])
{
    struct kc_key_offer_row row;
    struct kc_result result = find(&row, ledger, purse.number);
    bool waits = !kc_failed(result) && row.state == KC_KEY_OFFER_READY &&
                 memcmp(row.signer, signer, KC_SIGNER_SIZE) == 0;
    return waits ? kc_result(KC_PENDING) : result;
}

struct kc_result kc_ledger_claim(struct kc_renewal_row *row, struct kc_ledger *ledger,
                                 uint64_t time_ms, const struct kc_ledger_information *information,
                                 const struct kc_ledger_source *source)
{
    struct kc_key_offer_row offer;
    struct kc_purse_key_row keys;
    struct kc_result result = find(&offer, ledger, information->information.purse.number);
    if (kc_failed(result)) {
        return result;
    }
    if (offer.state != KC_KEY_OFFER_READY ||
        offer.account.number != information->information.account.number) {
        return kc_result(KC_NO_KEY_READY);
    }
    keys = (struct kc_purse_key_row){.purse = offer.purse,
                                     .account = offer.account,
                                     .sign_size = offer.sign_size,
                                     .encrypt_size = offer.encrypt_size};
    memcpy(keys.signer, offer.signer, KC_SIGNER_SIZE);
    memcpy(keys.sign_key, offer.sign_key, offer.sign_size);
    memcpy(keys.encrypt_key, offer.encrypt_key, offer.encrypt_size);
    return kc_ledger_renew_as(row, ledger, KC_EVIDENCE_CLAIM, time_ms, information, &keys, source);
}

struct kc_result kc_ledger_claimed(struct kc_ledger *ledger, const struct kc_renewal_row *row)
{
    struct kc_key_offer_row offer;
    struct kc_purse_key_row keys = {.purse = row->purse, .account = row->account};
    struct kc_result result = find(&offer, ledger, row->purse.number);
    if (kc_failed(result)) {
        return result;
    }
    if (offer.state != KC_KEY_OFFER_READY) {
        return kc_result(KC_NO_KEY_READY);
    }
    if (memcmp(offer.signer, row->signer, KC_SIGNER_SIZE) != 0) {
        /* They were made anew. */
        memcpy(keys.signer, row->signer, KC_SIGNER_SIZE);
        result = kc_ledger_check_fresh(ledger, row->purse, &keys);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_renew_certified_as(ledger, row, true);
    }
    if (!kc_failed(result) && memcmp(offer.signer, row->signer, KC_SIGNER_SIZE) != 0) {
        memcpy(offer.signer, row->signer, KC_SIGNER_SIZE);
        memcpy(offer.sign_key, row->sign_key, row->sign_size);
        memcpy(offer.encrypt_key, row->encrypt_key, row->encrypt_size);
        offer.sign_size = row->sign_size;
        offer.encrypt_size = row->encrypt_size;
        result = save(ledger, &offer);
    }
    return result;
}

struct kc_result kc_ledger_end_key_offer(struct kc_ledger *ledger, struct kc_purse_id purse)
{
    struct kc_key_offer_row row;
    struct kc_result result = find(&row, ledger, purse.number);
    if (kc_failed(result) || !is_open(&row)) {
        return result;
    }
    row.state = KC_KEY_OFFER_ENDED;
    return save(ledger, &row);
}
