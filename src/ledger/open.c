#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

static void copy_text(char *out, struct kc_view text)
{
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
}

static bool same_text(const char *stored, struct kc_view given)
{
    return kc_view_equal(kc_view_text(stored), given);
}

/* The purse of an account opened here has the number after the account's. */
static struct kc_purse_id first_purse(struct kc_account_id account)
{
    return kc_purse_nth(account.number / 10 + 1);
}

static void fill_opened(struct kc_ledger_opened *out, const struct kc_account_row *row)
{
    *out = (struct kc_ledger_opened){.account = row->account,
                                     .purse = first_purse(row->account),
                                     .temporary_until_ms = row->temporary_until_ms,
                                     .expires_ms = row->expires_ms};
}

static bool same_application(const struct kc_account_row *row,
                             const struct kc_open_request *request)
{
    return row->suite == request->suite && same_text(row->name, request->name) &&
           same_text(row->address, request->address) && same_text(row->phone, request->phone) &&
           same_text(row->bank_account, request->bank_account);
}

static void fill_account(struct kc_account_row *row, const struct kc_open_request *request,
                         const struct kc_ledger *ledger)
{
    memset(row, 0, sizeof *row);
    row->account = kc_account_nth(ledger->totals.next_account);
    row->state = KC_ACCOUNT_TEMPORARY;
    row->suite = request->suite;
    copy_text(row->name, request->name);
    copy_text(row->address, request->address);
    copy_text(row->phone, request->phone);
    copy_text(row->bank_account, request->bank_account);
    copy_text(row->password_hash, request->password_hash);
    memcpy(row->open_id, request->id, KC_OPEN_ID_SIZE);
    row->created_ms = ledger->now_ms;
    row->temporary_until_ms = ledger->now_ms + ledger->options.temporary_ms;
    row->expires_ms = ledger->now_ms + ledger->options.account_ms;
}

struct kc_result kc_ledger_open_account(struct kc_ledger_opened *out, struct kc_ledger *ledger,
                                        const struct kc_open_request *request)
{
    const struct kc_store *store = ledger->store;
    struct kc_account_row row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->account_by_open_id(store->context, &row, request->id));
    if (!kc_failed(result)) {
        fill_opened(out, &row);
        return kc_result(same_application(&row, request) ? KC_OK : KC_MISMATCH);
    }
    if (result.code != KC_NOT_FOUND) {
        return result;
    }
    fill_account(&row, request, ledger);
    struct kc_purse_row purse = {.purse = first_purse(row.account),
                                 .account = row.account,
                                 .type = KC_PURSE_TYPE_UIM,
                                 .state = KC_PURSE_WAITING};
    ledger->totals.next_account += 2;
    result = kc_ledger_note(ledger, store->account_put(store->context, &row));
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->purse_put(store->context, &purse));
    }
    fill_opened(out, &row);
    return result;
}

static struct kc_result load_pair(struct kc_account_row *account, struct kc_purse_row *purse,
                                  struct kc_ledger *ledger, uint64_t account_number,
                                  uint64_t purse_number)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, account, account_number));
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->purse_get(store->context, purse, purse_number));
    }
    if (result.code == KC_NOT_FOUND ||
        (!kc_failed(result) && purse->account.number != account_number)) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    return result;
}

static struct kc_result save_pair(struct kc_ledger *ledger, const struct kc_account_row *account,
                                  const struct kc_purse_row *purse)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_ledger_note(ledger, store->account_put(store->context, account));
    return kc_failed(result) ? result
                             : kc_ledger_note(ledger, store->purse_put(store->context, purse));
}

struct kc_result kc_ledger_confirm_account(struct kc_certified *out, struct kc_ledger *ledger,
                                           struct kc_account_id account, struct kc_purse_id purse,
                                           const uint8_t identity_digest[KC_DIGEST_SIZE])
{
    struct kc_account_row account_row;
    struct kc_purse_row purse_row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        load_pair(&account_row, &purse_row, ledger, account.number, purse.number);
    if (kc_failed(result)) {
        return result;
    }
    if (account_row.state == KC_ACCOUNT_OPEN) {
        bool same = memcmp(purse_row.identity_digest, identity_digest, KC_DIGEST_SIZE) == 0;
        bool first = purse_row.sequence == 1;
        return same && first ? kc_ledger_recall(out, purse_row.certified, purse_row.certified_size)
                             : kc_result(KC_ALREADY_EXISTS);
    }
    if (account_row.state == KC_ACCOUNT_LAPSED || account_row.temporary_until_ms < ledger->now_ms) {
        return kc_result(KC_ACCOUNT_EXPIRED);
    }
    account_row.state = KC_ACCOUNT_OPEN;
    purse_row.state = KC_PURSE_ACTIVE;
    memcpy(purse_row.identity_digest, identity_digest, KC_DIGEST_SIZE);
    result = kc_ledger_certify(out, ledger, &account_row, &purse_row);
    return kc_failed(result) ? result : save_pair(ledger, &account_row, &purse_row);
}

static struct kc_result lapse(struct kc_ledger *ledger, struct kc_account_row *account,
                              struct kc_purse_row *purse)
{
    KC_ASSERT(account->state == KC_ACCOUNT_TEMPORARY && kc_amount_is_zero(account->balance));
    account->state = KC_ACCOUNT_LAPSED;
    purse->state = KC_PURSE_OUT;
    return save_pair(ledger, account, purse);
}

struct kc_result kc_ledger_cancel_account(struct kc_ledger *ledger, struct kc_account_id account,
                                          struct kc_purse_id purse)
{
    struct kc_account_row account_row;
    struct kc_purse_row purse_row;
    struct kc_result result =
        load_pair(&account_row, &purse_row, ledger, account.number, purse.number);
    if (kc_failed(result)) {
        return result;
    }
    switch (account_row.state) {
    case KC_ACCOUNT_OPEN:
        return kc_result(KC_NOT_ALLOWED);
    case KC_ACCOUNT_LAPSED:
        return kc_ok();
    case KC_ACCOUNT_TEMPORARY:
        break;
    }
    return lapse(ledger, &account_row, &purse_row);
}

#define SWEEP_MAX 64

struct sweep {
    size_t count;
    struct kc_account_id accounts[SWEEP_MAX];
};

static bool collect(void *owner, const struct kc_account_row *row)
{
    struct sweep *sweep = owner;
    sweep->accounts[sweep->count++] = row->account;
    return sweep->count < SWEEP_MAX;
}

struct kc_result kc_ledger_sweep(struct kc_ledger *ledger, size_t *count)
{
    struct sweep sweep = {.count = 0};
    struct kc_store_scan scan = {.owner = &sweep, .account = collect};
    struct kc_result result = kc_ledger_note(
        ledger, ledger->store->scan_temporary(ledger->store->context, &scan, ledger->now_ms));
    for (size_t i = 0; i < sweep.count && !kc_failed(result); i++) {
        struct kc_account_row account;
        struct kc_purse_row purse;
        uint64_t purse_number = first_purse(sweep.accounts[i]).number;
        result = load_pair(&account, &purse, ledger, sweep.accounts[i].number, purse_number);
        if (!kc_failed(result)) {
            result = lapse(ledger, &account, &purse);
        }
    }
    *count = sweep.count;
    return result;
}
