/* What stands behind payments and purses: what is due, gaps, the hotlist, re-issues, kept keys, moves, what machines owed. */
#include <string.h>

#include "whole_store_inside.h"

/* ---- gaps ---- */

static size_t find_gap(const struct ram_store *store, uint64_t purse, uint64_t last)
{
    FIND(RAM_TABLE_GAPS, store->gaps[i].last == last && store->gaps[i].purse.number == purse)
}

static struct kc_result gap_get(void *context, struct kc_gap_row *out, uint64_t purse,
                                uint64_t counter)
{
    const struct ram_store *store = context;
    const struct kc_gap_row *first = NULL;
    for (size_t i = 0; i < store->counts[RAM_TABLE_GAPS]; i++) {
        const struct kc_gap_row *row = &store->gaps[i];
        bool fits = row->purse.number == purse && row->last >= counter;
        first = fits && (first == NULL || row->last < first->last) ? row : first;
    }
    if (first != NULL) {
        *out = *first;
    }
    return kc_result(first == NULL ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result gap_put(void *context, const struct kc_gap_row *row)
{
    struct ram_store *store = context;
    return ram_put(store, RAM_TABLE_GAPS, find_gap(store, row->purse.number, row->last), row);
}

static struct kc_result scan_gaps(void *context, const struct kc_store_scan *scan, uint64_t purse)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_GAPS, purse == 0 || store->gaps[i].purse.number == purse,
         store->gaps[i].purse.number, store->gaps[i].last, 0, 0, NULL, 0)
    GIVE(gaps, gap)
}

static struct kc_result scan_gaps_open(void *context, const struct kc_store_scan *scan,
                                       uint64_t purse)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_GAPS,
         store->gaps[i].purse.number == purse && store->gaps[i].state != KC_GAP_ENDED,
         store->gaps[i].last, 0, 0, 0, NULL, 0)
    GIVE(gaps, gap)
}

static struct kc_result scan_gaps_due(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_GAPS, store->gaps[i].state == KC_GAP_OPEN && store->gaps[i].due_ms < until_ms,
         store->gaps[i].due_ms, store->gaps[i].purse.number, store->gaps[i].last, 0, NULL, 0)
    GIVE(gaps, gap)
}

static struct kc_result scan_due(void *context, const struct kc_store_scan *scan, uint64_t until_ms)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_PAYMENTS,
         store->payments[i].state == KC_PAYMENT_NOTED && store->payments[i].due_ms > 0 &&
             store->payments[i].due_ms < until_ms,
         store->payments[i].due_ms, store->payments[i].payer.number,
         store->payments[i].payer_counter, 0, store->payments[i].digest, KC_DIGEST_SIZE)
    GIVE(payments, payment)
}

/* ---- hotlist ---- */

static size_t find_listed(const struct ram_store *store, uint64_t purse)
{
    FIND(RAM_TABLE_HOTLIST, store->hotlist[i].purse.number == purse)
}

static struct kc_result hotlist_add(void *context, uint64_t *version, uint64_t purse,
                                    uint64_t time_ms)
{
    struct ram_store *store = context;
    struct kc_hotlist_row row = {
        .version = store->counts[RAM_TABLE_HOTLIST] + 1, .purse.number = purse, .time_ms = time_ms};
    if (find_listed(store, purse) != NOWHERE) {
        return kc_result(KC_STORE_FAILED);
    }
    struct kc_result result = ram_add(store, RAM_TABLE_HOTLIST, &row);
    *version = kc_failed(result) ? *version : row.version;
    return result;
}

static struct kc_result hotlist_version(void *context, uint64_t *version)
{
    const struct ram_store *store = context;
    *version = store->counts[RAM_TABLE_HOTLIST];
    return kc_ok();
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What is known now of a purse that is listed. */
static void fill_listed(const struct ram_store *store, struct kc_hotlist_row *row)
{
    uint64_t purse = row->purse.number;
    uint64_t account = 0;
    bool has_keys = false;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSES]; i++) {
        bool found = store->purses[i].purse.number == purse;
        row->reason = found ? store->purses[i].out_reason : row->reason;
        account = found ? store->purses[i].account.number : account;
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSE_KEYS]; i++) {
        bool found = store->purse_keys[i].purse.number == purse;
        row->ends_ms = found ? store->purse_keys[i].expires_ms : row->ends_ms;
        has_keys = has_keys || found;
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_ACCOUNTS] && !has_keys; i++) {
        bool found = account > 0 && store->accounts[i].account.number == account;
        row->ends_ms = found ? store->accounts[i].expires_ms : row->ends_ms;
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_RENEWALS]; i++) {
        const struct kc_renewal_row *renewal = &store->renewals[i];
        if (renewal->purse.number == purse) {
            row->ends_ms = later(row->ends_ms, later(renewal->expires_ms, renewal->old_expires_ms));
        }
    }
}

static struct kc_result scan_hotlist(void *context, const struct kc_store_scan *scan)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_HOTLIST, true, UINT64_MAX - store->hotlist[i].version, 0, 0, 0, NULL, 0)
    for (size_t i = 0; i < chosen.count; i++) {
        struct kc_hotlist_row row = store->hotlist[chosen.keys[i].index];
        fill_listed(store, &row);
        if (!scan->hotlist(scan->owner, &row)) {
            break;
        }
    }
    return kc_ok();
}

/* ---- re-issues ---- */

static size_t find_reissue_id(const struct ram_store *store, const uint8_t id[KC_OPEN_ID_SIZE])
{
    FIND(RAM_TABLE_REISSUES, memcmp(store->reissues[i].id, id, KC_OPEN_ID_SIZE) == 0)
}

static size_t find_reissue(const struct ram_store *store, uint64_t purse)
{
    FIND(RAM_TABLE_REISSUES, store->reissues[i].purse.number == purse)
}

static struct kc_result reissue_add(void *context, const struct kc_reissue_row *row)
{
    struct ram_store *store = context;
    bool there = find_reissue(store, row->purse.number) != NOWHERE ||
                 find_reissue_id(store, row->id) != NOWHERE;
    return there ? kc_result(KC_STORE_FAILED) : ram_add(store, RAM_TABLE_REISSUES, row);
}

static struct kc_result give_reissue(struct kc_reissue_row *out, const struct ram_store *store,
                                     size_t i)
{
    if (i != NOWHERE) {
        *out = store->reissues[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result reissue_by_id(void *context, struct kc_reissue_row *out,
                                      const uint8_t id[KC_OPEN_ID_SIZE])
{
    return give_reissue(out, context, find_reissue_id(context, id));
}

static struct kc_result reissue_of_purse(void *context, struct kc_reissue_row *out, uint64_t purse)
{
    return give_reissue(out, context, find_reissue(context, purse));
}

static struct kc_result reissue_last(void *context, struct kc_reissue_row *out, uint64_t account)
{
    const struct ram_store *store = context;
    size_t last = NOWHERE;
    for (size_t i = 0; i < store->counts[RAM_TABLE_REISSUES]; i++) {
        const struct kc_reissue_row *row = &store->reissues[i];
        bool newer = row->account.number == account &&
                     (last == NOWHERE || row->purse.number > store->reissues[last].purse.number);
        last = newer ? i : last;
    }
    return give_reissue(out, store, last);
}

/* ---- kept keys ---- */

static size_t find_keys(const struct ram_store *store, uint64_t purse)
{
    FIND(RAM_TABLE_PURSE_KEYS, store->purse_keys[i].purse.number == purse)
}

static size_t find_keys_of(const struct ram_store *store, const uint8_t signer[KC_SIGNER_SIZE])
{
    FIND(RAM_TABLE_PURSE_KEYS, memcmp(store->purse_keys[i].signer, signer, KC_SIGNER_SIZE) == 0)
}

static struct kc_result purse_key_add(void *context, const struct kc_purse_key_row *row)
{
    struct ram_store *store = context;
    bool there = find_keys(store, row->purse.number) != NOWHERE ||
                 find_keys_of(store, row->signer) != NOWHERE;
    return there ? kc_ok() : ram_add(store, RAM_TABLE_PURSE_KEYS, row);
}

static struct kc_result give_keys(struct kc_purse_key_row *out, const struct ram_store *store,
                                  size_t i)
{
    if (i != NOWHERE) {
        *out = store->purse_keys[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result purse_key_get(void *context, struct kc_purse_key_row *out, uint64_t purse)
{
    return give_keys(out, context, find_keys(context, purse));
}

static struct kc_result purse_key_by_signer(void *context, struct kc_purse_key_row *out,
                                            const uint8_t signer[KC_SIGNER_SIZE])
{
    return give_keys(out, context, find_keys_of(context, signer));
}

static struct kc_result purse_key_put(void *context, const struct kc_purse_key_row *row)
{
    struct ram_store *store = context;
    size_t i = find_keys(store, row->purse.number);
    return i == NOWHERE ? ram_add(store, RAM_TABLE_PURSE_KEYS, row)
                        : ram_put(store, RAM_TABLE_PURSE_KEYS, i, row);
}

/* ---- renewals ---- */

static struct kc_result renewal_put(void *context, const struct kc_renewal_row *row)
{
    struct ram_store *store = context;
    for (size_t i = 0; i < store->counts[RAM_TABLE_RENEWALS]; i++) {
        const struct kc_renewal_row *found = &store->renewals[i];
        if (found->purse.number == row->purse.number && found->number == row->number) {
            return ram_put(store, RAM_TABLE_RENEWALS, i, row);
        }
    }
    return ram_add(store, RAM_TABLE_RENEWALS, row);
}

static struct kc_result give_renewal(struct kc_renewal_row *out, const struct kc_renewal_row *row)
{
    if (row != NULL) {
        *out = *row;
    }
    return kc_result(row == NULL ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result renewal_last(void *context, struct kc_renewal_row *out, uint64_t purse)
{
    const struct ram_store *store = context;
    const struct kc_renewal_row *last = NULL;
    for (size_t i = 0; i < store->counts[RAM_TABLE_RENEWALS]; i++) {
        const struct kc_renewal_row *row = &store->renewals[i];
        bool newer = last == NULL || row->number > last->number;
        last = row->purse.number == purse && newer ? row : last;
    }
    return give_renewal(out, last);
}

static struct kc_result renewal_by_signer(void *context, struct kc_renewal_row *out,
                                          const uint8_t signer[KC_SIGNER_SIZE])
{
    const struct ram_store *store = context;
    const struct kc_renewal_row *last = NULL;
    for (size_t i = 0; i < store->counts[RAM_TABLE_RENEWALS]; i++) {
        const struct kc_renewal_row *row = &store->renewals[i];
        bool its = memcmp(row->signer, signer, KC_SIGNER_SIZE) == 0 ||
                   memcmp(row->old_signer, signer, KC_SIGNER_SIZE) == 0;
        last = its && (last == NULL || row->number > last->number) ? row : last;
    }
    return give_renewal(out, last);
}

static struct kc_result renewal_at(void *context, struct kc_renewal_row *out, uint64_t purse,
                                   uint64_t counter)
{
    const struct ram_store *store = context;
    const struct kc_renewal_row *first = NULL;
    for (size_t i = 0; i < store->counts[RAM_TABLE_RENEWALS]; i++) {
        const struct kc_renewal_row *row = &store->renewals[i];
        bool fits = row->purse.number == purse && row->state >= KC_RENEWAL_DONE &&
                    row->counter + 1 >= counter;
        first = fits && (first == NULL || row->number < first->number) ? row : first;
    }
    return give_renewal(out, first);
}

static struct kc_result renewal_left(void *context, struct kc_renewal_row *out, uint64_t purse,
                                     uint64_t number)
{
    const struct ram_store *store = context;
    const struct kc_renewal_row *last = NULL;
    for (size_t i = 0; i < store->counts[RAM_TABLE_RENEWALS]; i++) {
        const struct kc_renewal_row *row = &store->renewals[i];
        bool fits =
            row->purse.number == purse && row->state == KC_RENEWAL_WAITING && row->number < number;
        last = fits && (last == NULL || row->number > last->number) ? row : last;
    }
    return give_renewal(out, last);
}

static struct kc_result renewal_due(void *context, struct kc_renewal_row *out, uint64_t after)
{
    const struct ram_store *store = context;
    const struct kc_renewal_row *first = NULL;
    for (size_t i = 0; i < store->counts[RAM_TABLE_RENEWALS]; i++) {
        const struct kc_renewal_row *row = &store->renewals[i];
        bool fits = row->purse.number > after && row->state == KC_RENEWAL_DONE;
        bool before = first == NULL || row->purse.number < first->purse.number ||
                      (row->purse.number == first->purse.number && row->number > first->number);
        first = fits && before ? row : first;
    }
    return give_renewal(out, first);
}

/* ---- keys that the authority makes ---- */

static size_t find_key_offer(const struct ram_store *store, uint64_t purse)
{
    FIND(RAM_TABLE_KEY_OFFERS, store->key_offers[i].purse.number == purse)
}

static struct kc_result key_offer_put(void *context, const struct kc_key_offer_row *row)
{
    struct ram_store *store = context;
    size_t i = find_key_offer(store, row->purse.number);
    return i == NOWHERE ? ram_add(store, RAM_TABLE_KEY_OFFERS, row)
                        : ram_put(store, RAM_TABLE_KEY_OFFERS, i, row);
}

static struct kc_result key_offer_get(void *context, struct kc_key_offer_row *out, uint64_t purse)
{
    const struct ram_store *store = context;
    size_t i = find_key_offer(store, purse);
    if (i != NOWHERE) {
        *out = store->key_offers[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static bool in_use(const struct ram_store *store, uint64_t purse)
{
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSES]; i++) {
        if (store->purses[i].purse.number == purse) {
            return store->purses[i].state == KC_PURSE_ACTIVE;
        }
    }
    return false;
}

static struct kc_result key_offer_due(void *context, struct kc_key_offer_row *out, uint64_t after)
{
    const struct ram_store *store = context;
    const struct kc_key_offer_row *first = NULL;
    for (size_t i = 0; i < store->counts[RAM_TABLE_KEY_OFFERS]; i++) {
        const struct kc_key_offer_row *row = &store->key_offers[i];
        bool fits = row->purse.number > after && row->state == KC_KEY_OFFER_ORDERED &&
                    in_use(store, row->purse.number);
        first = fits && (first == NULL || row->purse.number < first->purse.number) ? row : first;
    }
    if (first != NULL) {
        *out = *first;
    }
    return kc_result(first == NULL ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result key_offer_wanted(void *context, struct kc_purse_id *out, uint64_t until_ms,
                                         uint64_t after)
{
    const struct ram_store *store = context;
    const struct kc_purse_key_row *first = NULL;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSE_KEYS]; i++) {
        const struct kc_purse_key_row *row = &store->purse_keys[i];
        size_t offer = find_key_offer(store, row->purse.number);
        bool fits = row->purse.number > after && row->expires_ms < until_ms &&
                    in_use(store, row->purse.number) &&
                    (offer == NOWHERE || store->key_offers[offer].state == KC_KEY_OFFER_ENDED);
        first = fits && (first == NULL || row->purse.number < first->purse.number) ? row : first;
    }
    if (first != NULL) {
        *out = first->purse;
    }
    return kc_result(first == NULL ? KC_NOT_FOUND : KC_OK);
}

/* ---- moves ---- */

static struct kc_result move_add(void *context, const struct kc_move_row *row)
{
    struct ram_store *store = context;
    return kc_amount_is_zero(row->amount) ? kc_result(KC_STORE_FAILED)
                                          : ram_add(store, RAM_TABLE_MOVES, row);
}

static struct kc_result scan_moves(void *context, const struct kc_store_scan *scan)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_MOVES, true, i, 0, 0, 0, NULL, 0)
    GIVE(moves, move)
}

/* ---- what machines owed ---- */

static struct kc_result give_back_get(void *context, struct kc_give_back_row *out, uint64_t purse,
                                      uint64_t sale)
{
    const struct ram_store *store = context;
    for (size_t i = 0; i < store->counts[RAM_TABLE_GIVE_BACKS]; i++) {
        const struct kc_give_back_row *row = &store->give_backs[i];
        if (row->purse.number == purse && row->sale == sale) {
            *out = *row;
            return kc_ok();
        }
    }
    return kc_result(KC_NOT_FOUND);
}

static struct kc_result give_back_add(void *context, const struct kc_give_back_row *row)
{
    struct kc_give_back_row other;
    struct ram_store *store = context;
    bool there = !kc_failed(give_back_get(context, &other, row->purse.number, row->sale));
    return there || kc_amount_is_zero(row->amount) ? kc_result(KC_STORE_FAILED)
                                                   : ram_add(store, RAM_TABLE_GIVE_BACKS, row);
}

/* By a number after the digest. */
static struct kc_result scan_give_backs(void *context, const struct kc_store_scan *scan,
                                        uint64_t purse, uint64_t counter)
{
    const struct ram_store *store = context;
    struct ram_chosen chosen;
    chosen.count = 0;
    for (size_t i = 0; i < store->counts[RAM_TABLE_GIVE_BACKS]; i++) {
        const struct kc_give_back_row *row = &store->give_backs[i];
        if ((purse == 0 || row->purse.number == purse) &&
            (counter == 0 || row->counter == counter)) {
            ram_choose(&chosen, &(struct ram_sort_key){.numbers = {row->purse.number, row->counter},
                                                       .digest = row->reference,
                                                       .digest_size = KC_DIGEST_SIZE,
                                                       .last = row->sale,
                                                       .index = i});
        }
    }
    GIVE(give_backs, give_back)
}

void ram_store_back_port(struct kc_store *port)
{
    port->gap_get = gap_get;
    port->gap_put = gap_put;
    port->scan_gaps = scan_gaps;
    port->scan_gaps_open = scan_gaps_open;
    port->scan_gaps_due = scan_gaps_due;
    port->scan_due = scan_due;
    port->hotlist_add = hotlist_add;
    port->hotlist_version = hotlist_version;
    port->scan_hotlist = scan_hotlist;
    port->reissue_add = reissue_add;
    port->reissue_by_id = reissue_by_id;
    port->reissue_of_purse = reissue_of_purse;
    port->reissue_last = reissue_last;
    port->purse_key_add = purse_key_add;
    port->purse_key_get = purse_key_get;
    port->purse_key_by_signer = purse_key_by_signer;
    port->purse_key_put = purse_key_put;
    port->renewal_put = renewal_put;
    port->renewal_last = renewal_last;
    port->renewal_by_signer = renewal_by_signer;
    port->renewal_at = renewal_at;
    port->renewal_left = renewal_left;
    port->renewal_due = renewal_due;
    port->key_offer_put = key_offer_put;
    port->key_offer_get = key_offer_get;
    port->key_offer_due = key_offer_due;
    port->key_offer_wanted = key_offer_wanted;
    port->move_add = move_add;
    port->scan_moves = scan_moves;
    port->give_back_get = give_back_get;
    port->give_back_add = give_back_add;
    port->scan_give_backs = scan_give_backs;
}
