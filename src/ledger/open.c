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

/* The numbers to be given must be free; were they not, a new account would take an old one's place. */
static struct kc_result check_free(struct kc_ledger *ledger, uint64_t number)
{
    const struct kc_store *store = ledger->store;
    struct kc_account_row account;
    struct kc_purse_row purse;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, &account, number));
    if (result.code == KC_NOT_FOUND) {
        result = kc_ledger_note(ledger, store->purse_get(store->context, &purse, number));
    }
    if (result.code == KC_NOT_FOUND) {
        return kc_ok();
    }
    return kc_failed(result) ? result : kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
}

static struct kc_result make_account(struct kc_account_row *row, struct kc_ledger *ledger,
                                     const struct kc_open_request *request)
{
    const struct kc_store *store = ledger->store;
    fill_account(row, request, ledger);
    struct kc_purse_row purse = {.purse = first_purse(row->account),
                                 .account = row->account,
                                 .type = KC_PURSE_TYPE_UIM,
                                 .state = KC_PURSE_WAITING,
                                 .log_policy = request->log_policy};
    struct kc_result result = check_free(ledger, row->account.number);
    if (!kc_failed(result)) {
        result = check_free(ledger, purse.purse.number);
    }
    if (kc_failed(result)) {
        return result;
    }
    ledger->totals.next_account += 2;
    result = kc_ledger_note(ledger, store->account_put(store->context, row));
    return kc_failed(result) ? result
                             : kc_ledger_note(ledger, store->purse_put(store->context, &purse));
}

struct kc_result kc_ledger_open_account(struct kc_ledger_opened *out, struct kc_ledger *ledger,
                                        const struct kc_open_request *request,
                                        const struct kc_ledger_source *source)
{
    const struct kc_store *store = ledger->store;
    struct kc_account_row row;
    bool same = true;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->account_by_open_id(store->context, &row, request->id));
    if (result.code == KC_NOT_FOUND) {
        result = make_account(&row, ledger, request);
    } else if (!kc_failed(result)) {
        same = same_application(&row, request);
    }
    if (!kc_failed(result)) {
        fill_opened(out, &row);
        result = kc_ledger_keep(ledger, out->purse, request->time_ms, KC_EVIDENCE_OPEN, source);
    }
    return kc_failed(result) || same ? result : kc_result(KC_MISMATCH);
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
                                           const struct kc_confirm_request *request,
                                           const uint8_t identity_digest[KC_DIGEST_SIZE],
                                           const struct kc_ledger_source *source)
{
    struct kc_account_row account_row;
    struct kc_purse_row purse_row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        load_pair(&account_row, &purse_row, ledger, request->account.number, request->purse.number);
    if (!kc_failed(result)) {
        result =
            kc_ledger_keep(ledger, request->purse, request->time_ms, KC_EVIDENCE_CONFIRM, source);
    }
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
    if (account->state == KC_ACCOUNT_LAPSED || !kc_amount_is_zero(account->balance) ||
        !kc_amount_is_zero(purse->value)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    account->state = KC_ACCOUNT_LAPSED;
    purse->state = KC_PURSE_OUT;
    return save_pair(ledger, account, purse);
}

struct kc_result kc_ledger_cancel_account(struct kc_ledger *ledger,
                                          const struct kc_cancel_request *request,
                                          const struct kc_ledger_source *source)
{
    struct kc_account_row account_row;
    struct kc_purse_row purse_row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        load_pair(&account_row, &purse_row, ledger, request->account.number, request->purse.number);
    if (!kc_failed(result)) {
        result =
            kc_ledger_keep(ledger, request->purse, request->time_ms, KC_EVIDENCE_CANCEL, source);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool met = false;
    switch (account_row.state) {
    case KC_ACCOUNT_OPEN:
        /* Once its purse has spoken, to the bank or to a payer, there is a UIM in somebody's hands. */
        result = kc_ledger_has_payments(&met, ledger, &purse_row);
        if (kc_failed(result) || met || purse_row.last_ms != 0) {
            return kc_failed(result) ? result : kc_result(KC_NOT_ALLOWED);
        }
        break;
    case KC_ACCOUNT_LAPSED:
        return kc_ok();
    case KC_ACCOUNT_TEMPORARY:
        break;
    }
    return lapse(ledger, &account_row, &purse_row);
}

struct kc_result kc_ledger_identify_account(struct kc_account_row *out, struct kc_ledger *ledger,
                                            const struct kc_identify_request *request,
                                            const struct kc_ledger_source *source)
{
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = kc_ledger_note(
        ledger, ledger->store->account_get(ledger->store->context, out, request->account.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    result = kc_ledger_keep(ledger, first_purse(out->account), request->time_ms,
                            KC_EVIDENCE_IDENTIFY, source);
    return kc_failed(result)
               ? result
               : kc_result(out->state == KC_ACCOUNT_OPEN ? KC_OK : KC_ACCOUNT_NOT_OPEN);
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
