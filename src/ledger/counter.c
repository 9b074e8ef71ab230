/* A purse that stands at the counter with its holder: the registrar's word on one message of it (docs/protocol.md "Renewal at the
 * counter"). */
#include "base/assert.h"
#include "ledger/inside.h"

static struct kc_result find(struct kc_ledger *ledger, const struct kc_counter_request *request,
                             struct kc_purse_row *purse)
{
    struct kc_account_row account;
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_ledger_note(
        ledger, store->account_get(store->context, &account, request->account.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    result = kc_ledger_note(ledger, store->purse_get(store->context, purse, request->purse.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    if (purse->account.number != request->account.number) {
        return kc_result(KC_UNKNOWN_PURSE);
    }
    return kc_account_standing(&account);
}

struct kc_result kc_ledger_counter(struct kc_ledger *ledger,
                                   const struct kc_counter_request *request,
                                   const struct kc_ledger_source *source)
{
    struct kc_purse_row purse;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = find(ledger, request, &purse);
    if (kc_failed(result)) {
        return result;
    }
    if (purse.state == KC_PURSE_OUT) {
        return kc_result(kc_purse_refusal(&purse));
    }
    if (purse.state != KC_PURSE_ACTIVE) {
        return kc_result(KC_ACCOUNT_NOT_OPEN);
    }
    return kc_ledger_keep(ledger, request->purse, request->time_ms, KC_EVIDENCE_COUNTER, source);
}
