#include "whole_moved.h"

#include "base/assert.h"
#include "whole_charged.h"
#include "whole_closed.h"
#include "whole_gone.h"
#include "whole_kinds.h"
#include "whole_settled.h"

bool moved_is_transfer(const struct kc_transaction_row *row)
{
    return row->kind == KC_TRANSACTION_TRANSFER_PURSE ||
           row->kind == KC_TRANSACTION_TRANSFER_ACCOUNT;
}

void truth_wishes(struct truth *truth, unsigned place, struct truth_wish wish)
{
    struct kc_purse_info info;
    wish.holder = truth->whole->purses[place].holder;
    if (kc_failed(kc_slot_info(&info, whole_slot(truth->whole, place))) || !info.has_pending) {
        return;
    }
    for (size_t i = 0; i < truth->wish_count; i++) {
        if (truth->wishes[i].holder == wish.holder && truth->wishes[i].time_ms == info.pending_ms) {
            return;
        }
    }
    KC_ASSERT(truth->wish_count < TRUTH_CASH_MAX);
    wish.time_ms = info.pending_ms;
    truth->wishes[truth->wish_count++] = wish;
}

static bool was_wished(const struct truth *truth, unsigned holder,
                       const struct kc_transaction_row *row)
{
    for (size_t i = truth->wish_count; i-- > 0;) {
        const struct truth_wish *wish = &truth->wishes[i];
        if (wish->holder == holder && wish->time_ms == row->time_ms) {
            return wish->to == row->other.number && wish->amount == kc_amount_minor(row->amount) &&
                   wish->from_purse == (row->kind == KC_TRANSACTION_TRANSFER_PURSE);
        }
    }
    return false;
}

bool moved_may_begin(struct truth *truth, unsigned holder, const struct kc_transaction_row *row,
                     bool owes)
{
    if (row->state == KC_STATE_REFUSED) {
        return true;
    }
    unsigned to = truth_holder(truth, row->other.number);
    if (to >= truth->holders || (!truth->rogue[holder] && !was_wished(truth, holder, row))) {
        return truth_wrong(truth, "a transfer that nobody asked for", holder, row->kind, 0);
    }
    if (closed_is_out(truth, to)) {
        return truth_wrong(truth, "a transfer to a closed account", holder, to, 0);
    }
    if (kinds_type(truth, to) == KC_PURSE_TYPE_MACHINE) {
        return truth_wrong(truth, "a transfer to a machine", holder, to, 0);
    }
    if (to != holder && charged_is_suspended(truth, holder)) {
        return truth_wrong(truth, "a transfer from a suspended account", holder, to, 0);
    }
    return !owes || to == holder ||
           truth_wrong(truth, "a transfer by who owes", holder, row->kind, 0);
}

void moved_end(struct truth *truth, unsigned holder, struct truth_cash *cash,
               const struct kc_transaction_row *row)
{
    int64_t amount = (int64_t)kc_amount_minor(row->amount);
    unsigned to = truth_holder(truth, row->other.number);
    KC_ASSERT(to < truth->holders);
    if (kinds_type(truth, to) == KC_PURSE_TYPE_UIM) {
        truth->accounts[to] += amount;
    } else {
        kinds_load(truth, cash, to, (uint64_t)amount);
    }
    truth->accounts[holder] -= row->kind == KC_TRANSACTION_TRANSFER_ACCOUNT ? amount : 0;
}

bool moved_ended(struct truth *truth, size_t i)
{
    const struct truth_cash *cash = &truth->cash[i];
    const struct kc_transaction_row *row = &truth->whole->store.transactions[i];
    unsigned holder = truth_purse_holder(truth, row->purse.number);
    if (holder == TRUTH_NOBODY || truth->rogue[holder] || gone_is_out(truth, holder)) {
        return true;
    }
    bool open = row->state == KC_STATE_QUOTED || row->state == KC_STATE_SENT;
    bool withdrawn = row->kind == KC_TRANSACTION_WITHDRAW && row->state == KC_STATE_COMPLETED;
    bool completed = row->state == KC_STATE_COMPLETED;
    bool lost = cash->cash_out && !cash->given_back && !completed;
    unsigned card = truth_holder(truth, row->other.number);
    bool loaded = cash->card_sequence != 0 && card < truth->holders && !truth->rogue[card] &&
                  !gone_is_out(truth, card);
    return (!open && !lost && ((!withdrawn && !loaded) || cash->came)) ||
           truth_wrong(truth, "cash on its way at the end", holder, row->state, row->kind);
}
