/* Management charges: how each account is charged, and what it was notified of; and accounts that were given up. */
#include "whole_store_inside.h"

static size_t find_charging(const struct ram_store *store, uint64_t account)
{
    FIND(RAM_TABLE_CHARGING, store->charging[i].account.number == account)
}

static size_t find_charge(const struct ram_store *store, uint64_t account, uint64_t period)
{
    FIND(RAM_TABLE_CHARGES,
         store->charges[i].account.number == account && store->charges[i].period == period)
}

static struct kc_result charging_get(void *context, struct kc_charging_row *out, uint64_t account)
{
    const struct ram_store *store = context;
    size_t index = find_charging(store, account);
    if (index == NOWHERE) {
        return kc_result(KC_NOT_FOUND);
    }
    *out = store->charging[index];
    return kc_ok();
}

static struct kc_result charging_put(void *context, const struct kc_charging_row *row)
{
    struct ram_store *store = context;
    return ram_put(store, RAM_TABLE_CHARGING, find_charging(store, row->account.number), row);
}

static struct kc_result scan_charging(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_CHARGING, store->charging[i].act_ms <= until_ms, store->charging[i].act_ms,
         store->charging[i].account.number, 0, 0, NULL, 0)
    GIVE(charging, charging)
}

static struct kc_result scan_uncharged(void *context, const struct kc_store_scan *scan,
                                       uint64_t account)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_ACCOUNTS,
         store->accounts[i].account.number > account &&
             store->accounts[i].type == KC_PURSE_TYPE_UIM &&
             store->accounts[i].state == KC_ACCOUNT_OPEN &&
             find_charging(store, store->accounts[i].account.number) == NOWHERE,
         store->accounts[i].account.number, 0, 0, 0, NULL, 0)
    for (size_t i = 0; i < chosen.count; i++) {
        const struct kc_charging_row row = {.account =
                                                store->accounts[chosen.keys[i].index].account};
        if (!scan->charging(scan->owner, &row)) {
            break;
        }
    }
    return kc_ok();
}

static struct kc_result charge_get(void *context, struct kc_charge_row *out, uint64_t account,
                                   uint64_t period)
{
    const struct ram_store *store = context;
    size_t index = find_charge(store, account, period);
    if (index == NOWHERE) {
        return kc_result(KC_NOT_FOUND);
    }
    *out = store->charges[index];
    return kc_ok();
}

static struct kc_result charge_put(void *context, const struct kc_charge_row *row)
{
    struct ram_store *store = context;
    return kc_amount_is_zero(row->amount)
               ? kc_result(KC_STORE_FAILED)
               : ram_put(store, RAM_TABLE_CHARGES,
                         find_charge(store, row->account.number, row->period), row);
}

static struct kc_result scan_charges(void *context, const struct kc_store_scan *scan,
                                     uint64_t account)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_CHARGES, account == 0 || store->charges[i].account.number == account,
         store->charges[i].account.number, store->charges[i].period, 0, 0, NULL, 0)
    GIVE(charges, charge)
}

static struct kc_result scan_charges_sent(void *context, const struct kc_store_scan *scan,
                                          uint64_t account)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_CHARGES, store->charges[i].sent && store->charges[i].account.number > account,
         store->charges[i].account.number, store->charges[i].period, 0, 0, NULL, 0)
    GIVE(charges, charge)
}

/* ---- accounts that were given up ---- */

static size_t find_closing(const struct ram_store *store, uint64_t account)
{
    FIND(RAM_TABLE_CLOSINGS, store->closings[i].account.number == account)
}

static size_t find_payout(const struct ram_store *store, uint64_t account, uint64_t number)
{
    FIND(RAM_TABLE_PAYOUTS,
         store->payouts[i].account.number == account && store->payouts[i].number == number)
}

static struct kc_result closing_get(void *context, struct kc_closing_row *out, uint64_t account)
{
    const struct ram_store *store = context;
    size_t index = find_closing(store, account);
    if (index == NOWHERE) {
        return kc_result(KC_NOT_FOUND);
    }
    *out = store->closings[index];
    return kc_ok();
}

static struct kc_result closing_put(void *context, const struct kc_closing_row *row)
{
    struct ram_store *store = context;
    return ram_put(store, RAM_TABLE_CLOSINGS, find_closing(store, row->account.number), row);
}

static struct kc_result scan_closings(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_CLOSINGS, store->closings[i].act_ms <= until_ms, store->closings[i].act_ms,
         store->closings[i].account.number, 0, 0, NULL, 0)
    GIVE(closings, closing)
}

static struct kc_result scan_unrevoked(void *context, const struct kc_store_scan *scan,
                                       uint64_t account)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_CLOSINGS,
         store->closings[i].revoked_ms == 0 && store->closings[i].account.number > account,
         store->closings[i].account.number, 0, 0, 0, NULL, 0)
    GIVE(closings, closing)
}

static struct kc_result scan_owned(void *context, const struct kc_store_scan *scan, uint64_t owner)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_ACCOUNTS,
         owner != 0 && store->accounts[i].owner.number == owner &&
             (store->accounts[i].state == KC_ACCOUNT_OPEN ||
              store->accounts[i].state == KC_ACCOUNT_TEMPORARY ||
              store->accounts[i].state == KC_ACCOUNT_CLOSING),
         store->accounts[i].account.number, 0, 0, 0, NULL, 0)
    for (size_t i = 0; i < chosen.count; i++) {
        const struct kc_account_row *account = &store->accounts[chosen.keys[i].index];
        const struct kc_closing_row row = {.account = account->account, .purse = account->purse};
        if (!scan->closing(scan->owner, &row)) {
            break;
        }
    }
    return kc_ok();
}

static struct kc_result payout_get(void *context, struct kc_payout_row *out, uint64_t account,
                                   uint64_t number)
{
    const struct ram_store *store = context;
    size_t index = find_payout(store, account, number);
    if (index == NOWHERE) {
        return kc_result(KC_NOT_FOUND);
    }
    *out = store->payouts[index];
    return kc_ok();
}

static struct kc_result payout_put(void *context, const struct kc_payout_row *row)
{
    struct ram_store *store = context;
    return kc_amount_is_zero(row->amount)
               ? kc_result(KC_STORE_FAILED)
               : ram_put(store, RAM_TABLE_PAYOUTS,
                         find_payout(store, row->account.number, row->number), row);
}

static struct kc_result scan_payouts(void *context, const struct kc_store_scan *scan,
                                     uint64_t account)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_PAYOUTS, account == 0 || store->payouts[i].account.number == account,
         store->payouts[i].account.number, store->payouts[i].number, 0, 0, NULL, 0)
    GIVE(payouts, payout)
}

static struct kc_result scan_payouts_sent(void *context, const struct kc_store_scan *scan,
                                          uint64_t account)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_PAYOUTS,
         store->payouts[i].state == KC_PAYOUT_SENT && store->payouts[i].account.number > account,
         store->payouts[i].account.number, store->payouts[i].number, 0, 0, NULL, 0)
    GIVE(payouts, payout)
}

/* ---- certificates that are to end ---- */

static size_t find_ending(const struct ram_store *store, uint64_t purse)
{
    FIND(RAM_TABLE_ENDINGS, store->endings[i].purse.number == purse)
}

static struct kc_result ending_get(void *context, struct kc_ending_row *out, uint64_t purse)
{
    const struct ram_store *store = context;
    size_t index = find_ending(store, purse);
    if (index == NOWHERE) {
        return kc_result(KC_NOT_FOUND);
    }
    *out = store->endings[index];
    return kc_ok();
}

static struct kc_result ending_put(void *context, const struct kc_ending_row *row)
{
    struct ram_store *store = context;
    return ram_put(store, RAM_TABLE_ENDINGS, find_ending(store, row->purse.number), row);
}

static struct kc_result scan_endings(void *context, const struct kc_store_scan *scan,
                                     uint64_t until_ms)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_ENDINGS, store->endings[i].act_ms <= until_ms, store->endings[i].act_ms,
         store->endings[i].purse.number, 0, 0, NULL, 0)
    GIVE(endings, ending)
}

void ram_store_charge_port(struct kc_store *port)
{
    port->ending_get = ending_get;
    port->ending_put = ending_put;
    port->scan_endings = scan_endings;
    port->charging_get = charging_get;
    port->charging_put = charging_put;
    port->scan_charging = scan_charging;
    port->scan_uncharged = scan_uncharged;
    port->charge_get = charge_get;
    port->charge_put = charge_put;
    port->scan_charges = scan_charges;
    port->scan_charges_sent = scan_charges_sent;
    port->closing_get = closing_get;
    port->closing_put = closing_put;
    port->scan_closings = scan_closings;
    port->scan_unrevoked = scan_unrevoked;
    port->scan_owned = scan_owned;
    port->payout_get = payout_get;
    port->payout_put = payout_put;
    port->scan_payouts = scan_payouts;
    port->scan_payouts_sent = scan_payouts_sent;
}
