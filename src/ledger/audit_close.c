/* Accounts that were given up, against the journal: what each pay-out moved, by its state, and that the account takes part in
 * nothing else. */
#include "ledger/audit.h"

static bool fits(const struct kc_payout_row *row, const struct kc_closing_row *closing)
{
    bool sent = row->state == KC_PAYOUT_SENT;
    bool refused = row->state == KC_PAYOUT_REFUSED;
    return row->number >= 1 && row->number <= closing->payouts &&
           row->purse.number == closing->purse.number &&
           (!sent || row->number == closing->payouts) && sent == (row->ended_ms == 0) &&
           (sent || row->ended_ms >= row->ordered_ms) && refused == (row->reason != KC_OK) &&
           row->ordered_ms >= (closing->early ? closing->begun_ms : closing->due_ms);
}

bool kc_audit_payout(void *owner, const struct kc_payout_row *row)
{
    struct kc_auditor *auditor = owner;
    const struct kc_store *store = auditor->store;
    struct kc_closing_row closing = {.payouts = 0};
    uint64_t number = row->account.number;
    struct kc_audit_book *purse = kc_audit_book_of(auditor, row->purse.number);
    if (purse == NULL) {
        return false;
    }
    struct kc_result result = store->closing_get(store->context, &closing, number);
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        auditor->looked = kc_failed(auditor->looked) ? auditor->looked : result;
        return false;
    }
    if (!purse->has_row || !purse->is_purse || purse->account.number != number ||
        kc_failed(result) || !fits(row, &closing)) {
        kc_audit_fault(auditor, "a pay-out does not fit how it was closed, of account", number);
        return true;
    }
    kc_audit_add_digest(auditor, purse->expected, row->purse.number, row->ordered_ms, number,
                        KC_BOOK_IN_FLIGHT, row->amount);
    if (row->state == KC_PAYOUT_SENT) {
        kc_audit_add_in_flight(auditor, row->amount);
        return true;
    }
    kc_audit_add_digest(auditor, purse->expected, row->purse.number, row->ended_ms,
                        KC_BOOK_IN_FLIGHT, row->state == KC_PAYOUT_PAID ? KC_BOOK_OUTSIDE : number,
                        row->amount);
    return true;
}

/* The account's state is by its closing, its purse out of use and listed. */
bool kc_audit_closing(void *owner, const struct kc_closing_row *row)
{
    struct kc_auditor *auditor = owner;
    uint64_t number = row->account.number;
    struct kc_audit_book *account;
    struct kc_audit_book *purse;
    if (!kc_audit_books_of(&account, &purse, auditor, number, row->purse.number)) {
        return false;
    }
    bool done = row->closed_ms != 0;
    enum kc_account_state state = done ? KC_ACCOUNT_CLOSED : KC_ACCOUNT_CLOSING;
    bool left = done && !purse->balance.below && !kc_amount_is_zero(purse->balance.amount);
    if (!account->has_row || account->is_purse || account->state != state ||
        account->purse != row->purse.number || !purse->has_row || !purse->is_purse ||
        purse->in_use || left || (done && row->closed_ms < row->due_ms)) {
        kc_audit_fault(auditor, "it is not closed as it says, account", number);
    }
    account->closing = true;
    return true;
}
