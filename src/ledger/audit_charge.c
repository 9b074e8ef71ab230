/* Management charges against the journal: each that is paid made its one posting, by its notice and not before its day. */
#include "ledger/audit.h"

/* What the row says of itself. */
static bool fits(const struct kc_charge_row *row)
{
    bool paid = row->step == KC_CHARGE_PAID;
    bool late = row->step == KC_CHARGE_GRACE || row->step == KC_CHARGE_SUSPENDED;
    bool suspended = row->suspended_ms != 0 && row->suspended_ms >= row->since_ms;
    bool included = paid && row->source == KC_CHARGE_SOURCE_INCLUDED;
    bool noticed = row->notified_ms != 0 && row->due_ms >= row->notified_ms;
    bool sent = !row->sent || (!paid && row->source == KC_CHARGE_SOURCE_ORDINARY);
    return sent && (noticed || included) && (!late || row->since_ms >= row->due_ms) &&
           (row->step != KC_CHARGE_NOTIFIED || row->since_ms == 0) &&
           (row->step != KC_CHARGE_SUSPENDED || suspended) && paid == (row->ended_ms != 0) &&
           (!paid || included || row->ended_ms >= row->due_ms);
}

static void expect_posting(struct kc_auditor *auditor, struct kc_audit_book *purse,
                           const struct kc_charge_row *row)
{
    if (row->step != KC_CHARGE_PAID || row->source == KC_CHARGE_SOURCE_INCLUDED) {
        return;
    }
    uint64_t from =
        row->source == KC_CHARGE_SOURCE_ORDINARY ? KC_BOOK_OUTSIDE : row->account.number;
    kc_audit_add_digest(auditor, purse->expected, row->purse.number, row->ended_ms, from,
                        KC_BOOK_FEES, row->amount);
}

bool kc_audit_charge(void *owner, const struct kc_charge_row *row)
{
    struct kc_auditor *auditor = owner;
    const struct kc_store *store = auditor->store;
    struct kc_charging_row charging = {.period = 0};
    uint64_t number = row->account.number;
    struct kc_audit_book *account;
    struct kc_audit_book *purse;
    if (!kc_audit_books_of(&account, &purse, auditor, number, row->purse.number)) {
        return false;
    }
    if (!account->has_row || account->is_purse || account->type != KC_PURSE_TYPE_UIM ||
        !purse->has_row || !purse->is_purse || purse->account.number != number) {
        kc_audit_fault(auditor, "a charge is nobody's; it names account", number);
        return true;
    }
    struct kc_result result = store->charging_get(store->context, &charging, number);
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        auditor->looked = kc_failed(auditor->looked) ? auditor->looked : result;
        return false;
    }
    bool open = row->step != KC_CHARGE_PAID;
    bool turn = open ? charging.period == row->period : charging.period > row->period;
    if (!fits(row) || !turn) {
        kc_audit_fault(auditor, "a charge was not made by its notice, of account", number);
    }
    expect_posting(auditor, purse, row);
    return true;
}
