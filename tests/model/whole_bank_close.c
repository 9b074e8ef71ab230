/* Accounts that are given up, at the bank of a world: as src/bank/close.c has them, one item at a time. */
#include "whole_bank.h"

#include <string.h>

#include "base/clock.h"

/* As in src/bank/charge.c. */
#define BATCHES 16u
#define PAYOUTS 32u

static struct kc_result registrar_says(struct whole *whole, const struct kc_close_request *request)
{
    uint8_t key[KC_COSE_KEY_SIZE_MAX];
    struct kc_ledger_closed closed;
    struct kc_ledger *ledger = &whole->bank.ledger;
    struct kc_ledger_source source =
        whole_bank_registrar(whole, kc_view(request, sizeof *request), key);
    struct kc_result result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_close_request(&closed, ledger, request, &source);
        struct kc_result committed = kc_ledger_commit(ledger);
        result = kc_failed(committed) ? committed : result;
    }
    return result;
}

struct kc_result whole_bank_close(struct whole *whole, unsigned holder, enum kc_close_kind kind,
                                  bool registrar)
{
    struct kc_bank_item *item = &whole->item;
    struct kc_account_id account = whole->holders[holder].account;
    if (registrar) {
        struct kc_close_request request;
        /* Its bytes are the message here. */
        memset(&request, 0, sizeof request);
        request.account = account;
        request.kind = kind;
        request.time_ms = whole->now_ms;
        return registrar_says(whole, &request);
    }
    item->kind = &kc_bank_close_order;
    item->error = KC_OK;
    item->authenticated = false;
    item->message.close = account;
    return whole_bank_run(whole, item);
}

struct kc_result whole_bank_lost(struct whole *whole, unsigned holder)
{
    uint8_t key[KC_COSE_KEY_SIZE_MAX];
    struct kc_ledger *ledger = &whole->bank.ledger;
    const struct whole_holder *who = &whole->holders[holder];
    struct kc_lost_request request;
    memset(&request, 0, sizeof request);
    request.account = who->account;
    request.purse = who->purse;
    request.time_ms = whole->now_ms;
    struct kc_ledger_source source =
        whole_bank_registrar(whole, kc_view(&request, sizeof request), key);
    struct kc_result result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_lost(ledger, &request, &source);
        struct kc_result committed = kc_ledger_commit(ledger);
        result = kc_failed(committed) ? committed : result;
    }
    return result;
}

bool whole_bank_closings(struct whole *whole)
{
    struct kc_payout payouts[PAYOUTS];
    struct kc_ledger *ledger = &whole->bank.ledger;
    size_t count = 1;
    struct kc_result result = kc_ok();
    for (unsigned i = 0; i < BATCHES && count > 0 && !kc_failed(result); i++) {
        result = kc_ledger_begin(ledger, whole->now_ms);
        if (!kc_failed(result)) {
            result = kc_ledger_closings(ledger, &count);
            struct kc_result committed = kc_ledger_commit(ledger);
            result = kc_failed(committed) ? committed : result;
        }
    }
    bool good = count == 0 && !kc_failed(result) &&
                !kc_failed(kc_ledger_payouts(payouts, &count, PAYOUTS, ledger, 0));
    for (size_t i = 0; i < count && good; i++) {
        whole->item.kind = &kc_bank_ask_payout;
        whole->item.error = KC_OK;
        whole->item.authenticated = false;
        whole->item.payout = payouts[i];
        good = !kc_failed(whole_bank_run(whole, &whole->item));
    }
    return good;
}

/* Kept as evidence first, as src/bank/counter.c does it. */
struct kc_result whole_bank_vouch(struct whole *whole, unsigned holder, struct kc_view request)
{
    uint8_t key[KC_COSE_KEY_SIZE_MAX];
    struct kc_ledger *ledger = &whole->bank.ledger;
    const struct whole_holder *who = &whole->holders[holder];
    struct kc_counter_request word;
    memset(&word, 0, sizeof word);
    word.account = who->account;
    word.purse = who->purse;
    word.time_ms = whole->now_ms;
    kc_digest(&whole->bank.crypto, word.request, request);
    struct kc_ledger_source source = whole_bank_registrar(whole, kc_view(&word, sizeof word), key);
    struct kc_result result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_counter(ledger, &word, &source);
        struct kc_result committed = kc_ledger_commit(ledger);
        result = kc_failed(committed) ? committed : result;
    }
    if (!kc_failed(result)) {
        kc_counter_add(&whole->bank.counter, word.request, who->purse.number,
                       kc_clock_monotonic_ns());
    }
    return result;
}
