#include "whole_truth.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "whole_books.h"
#include "whole_charged.h"
#include "whole_closed.h"
#include "whole_gone.h"
#include "whole_kinds.h"
#include "whole_moved.h"
#include "whole_renewed.h"
#include "whole_rolled.h"
#include "whole_settled.h"
#include "whole_shown.h"

#define VOIDS_A_REPLY (2u * KC_LIST_COUNT_MAX)

bool truth_wrong(struct truth *truth, const char *what, uint64_t whose, int64_t found,
                 int64_t expected)
{
    if (truth->why[0] == '\0') {
        (void)snprintf(truth->why, sizeof truth->why,
                       "%s (%" PRIu64 "): found %" PRId64 ", expected %" PRId64, what, whose, found,
                       expected);
    }
    return false;
}

static bool same_digest(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, KC_DIGEST_SIZE) == 0;
}

static int64_t minor_of(struct kc_amount amount)
{
    return (int64_t)kc_amount_minor(amount);
}

const struct kc_purse_row *truth_row(const struct truth *truth, unsigned holder)
{
    uint64_t number = truth->whole->holders[holder].purse.number;
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0;; i++) {
        KC_ASSERT(i < RAM_PURSES);
        if (store->purses[i].purse.number == number) {
            return &store->purses[i];
        }
    }
}

unsigned truth_holder(const struct truth *truth, uint64_t account)
{
    unsigned i = 0;
    while (i < truth->holders && truth->whole->holders[i].account.number != account) {
        i++;
    }
    return i;
}

unsigned truth_purse_holder(const struct truth *truth, uint64_t purse)
{
    unsigned i = 0;
    const struct whole *whole = truth->whole;
    while (i < truth->holders && whole->holders[i].purse.number != purse) {
        i++;
    }
    if (i < truth->holders) {
        return i;
    }
    return whole->retired && whole->holders[WHOLE_RETIRED].purse.number == purse ? WHOLE_RETIRED
                                                                                 : TRUTH_NOBODY;
}

unsigned truth_live(const struct truth *truth, unsigned holder)
{
    return holder == WHOLE_RETIRED && truth->whole->retired
               ? truth_holder(truth, truth->whole->holders[holder].account.number)
               : holder;
}

static struct truth_payment *find_payment(struct truth *truth, const uint8_t *digest)
{
    for (size_t i = truth->payment_count; i-- > 0;) {
        if (same_digest(truth->payments[i].digest, digest)) {
            return &truth->payments[i];
        }
    }
    return NULL;
}

static struct truth_payment *find_paid(struct truth *truth, unsigned payer, uint64_t counter)
{
    for (size_t i = truth->payment_count; i-- > 0;) {
        struct truth_payment *payment = &truth->payments[i];
        if (payment->payer == payer && payment->payer_counter == counter) {
            return payment;
        }
    }
    return NULL;
}

static struct truth_payment *add_payment(struct truth *truth, const struct kc_entry *entry,
                                         unsigned payer, unsigned payee)
{
    KC_ASSERT(truth->payment_count < TRUTH_PAYMENTS_MAX);
    struct truth_payment *payment = &truth->payments[truth->payment_count++];
    *payment = (struct truth_payment){
        .payer = payer, .payee = payee, .amount = kc_amount_minor(entry->amount)};
    memcpy(payment->digest, entry->partner, KC_DIGEST_SIZE);
    return payment;
}

/* What is known of a holder's transaction with the bank, and the bank's row of it. */
static struct truth_cash *find_cash(const struct kc_transaction_row **row, struct truth *truth,
                                    unsigned holder, uint64_t time_ms)
{
    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->holders[holder].purse.number;
    for (size_t i = truth->cash_count; i-- > 0;) {
        if (store->transactions[i].time_ms == time_ms &&
            store->transactions[i].purse.number == purse) {
            *row = &store->transactions[i];
            return &truth->cash[i];
        }
    }
    return NULL;
}

/* ---- entries ---- */

static bool see_pay(struct truth *truth, unsigned holder, const struct kc_entry *entry,
                    const struct kc_purse_info *info)
{
    unsigned payee = truth_holder(truth, entry->recipient.number);
    if (payee >= truth->holders || find_payment(truth, entry->partner) != NULL) {
        return truth_wrong(truth, "a pay entry to nobody, or for an order made before", holder, 0,
                           0);
    }
    struct truth_payment *payment = add_payment(truth, entry, holder, payee);
    payment->payer_counter = entry->counter;
    return settled_may_pay(truth, holder, payee, entry, info);
}

static bool see_receive(struct truth *truth, unsigned holder, const struct kc_entry *entry,
                        const struct kc_purse_info *info)
{
    unsigned payer = truth_holder(truth, entry->payer.number);
    struct truth_payment *payment = find_payment(truth, entry->partner);
    if (payer >= truth->holders) {
        return truth_wrong(truth, "value received from nobody", holder, 0, 0);
    }
    if (payment == NULL && truth->rogue[payer]) {
        payment = add_payment(truth, entry, payer, holder);
    }
    if (payment == NULL || truth_live(truth, payment->payer) != payer || payment->payee != holder ||
        payment->amount != kc_amount_minor(entry->amount)) {
        return truth_wrong(truth, "value received that its payer never paid", holder,
                           minor_of(entry->amount), 0);
    }
    if (payment->taken || payment->refused || payment->given_back) {
        return truth_wrong(truth, "a payment taken that was taken, refused or given back before",
                           holder, (int64_t)payment->payer_counter, 0);
    }
    payment->taken = true;
    return kinds_may_take(truth, holder, payer) &&
           settled_may_take(truth, holder, payment->payer, entry, info);
}

static bool see_refuse(struct truth *truth, unsigned holder, const struct kc_entry *entry)
{
    struct truth_payment *payment = find_payment(truth, entry->partner);
    if (payment == NULL) {
        unsigned payer = truth_holder(truth, entry->payer.number);
        return (payer < truth->holders && truth->rogue[payer]) ||
               truth_wrong(truth, "a payment refused that nobody made", holder, 0, 0);
    }
    if (payment->taken || payment->refused) {
        return truth_wrong(truth, "a payment refused that was answered before", holder,
                           (int64_t)payment->payer_counter, 0);
    }
    payment->refused = true;
    return true;
}

static bool see_void(struct truth *truth, unsigned holder, const struct kc_entry *entry)
{
    const struct kc_transaction_row *row = NULL;
    if (entry->has_transaction) {
        struct truth_cash *cash = find_cash(&row, truth, holder, entry->transaction_ms);
        bool ended = cash != NULL &&
                     (row->state == KC_STATE_NOT_COMPLETED || row->state == KC_STATE_DECLINED);
        if (!ended || !cash->cash_out || cash->given_back ||
            minor_of(row->amount) != minor_of(entry->amount)) {
            return truth_wrong(truth, "a deposit given back that did not fail", holder,
                               minor_of(entry->amount), 0);
        }
        cash->given_back = true;
        return true;
    }
    struct truth_payment *payment = find_paid(truth, holder, entry->voids);
    if (payment == NULL || payment->given_back ||
        payment->amount != kc_amount_minor(entry->amount)) {
        return truth_wrong(truth, "a payment given back twice, or that was none", holder,
                           (int64_t)entry->voids, 0);
    }
    if (payment->taken && !truth->rogue[payment->payee] && !gone_may_give_back(truth, payment)) {
        return truth_wrong(truth, "a payment given back that its payee took", holder,
                           (int64_t)entry->voids, 0);
    }
    payment->given_back = true;
    return true;
}

static bool see_cash_out(struct truth *truth, unsigned holder, const struct kc_entry *entry)
{
    const struct kc_transaction_row *row = NULL;
    struct truth_cash *cash = find_cash(&row, truth, holder, entry->transaction_ms);
    bool deposit = cash != NULL && row->kind == KC_TRANSACTION_DEPOSIT;
    bool transfer = cash != NULL && row->kind == KC_TRANSACTION_TRANSFER_PURSE;
    uint64_t to = transfer ? row->other.number : truth->whole->holders[holder].account.number;
    if (!entry->has_transaction || !(deposit || transfer) || entry->recipient.number != to ||
        !cash->said_ok || cash->cash_out || minor_of(row->amount) != minor_of(entry->amount)) {
        return truth_wrong(truth, "a cash-out that nobody said OK to", holder,
                           minor_of(entry->amount), 0);
    }
    cash->cash_out = true;
    return true;
}

/* Whether the command writes such entries; and what the entry does to the value. */
static bool see_entry(struct truth *truth, unsigned place, const struct kc_entry *entry,
                      const struct kc_purse_info *info, enum truth_command command)
{
    unsigned holder = truth->whole->purses[place].holder;
    int64_t *value = &truth->places[place].value;
    int64_t before = *value;
    bool good = false;
    switch (entry->kind) {
    case KC_ENTRY_KIND_PAY:
        *value -= minor_of(entry->amount);
        good = command == COMMAND_PAY && see_pay(truth, holder, entry, info);
        break;
    case KC_ENTRY_KIND_RECEIVE:
        *value += minor_of(entry->amount);
        good = command == COMMAND_DECIDE && see_receive(truth, holder, entry, info);
        break;
    case KC_ENTRY_KIND_REFUSE:
        good = command == COMMAND_DECIDE && see_refuse(truth, holder, entry);
        break;
    case KC_ENTRY_KIND_VOID:
        *value += minor_of(entry->amount);
        good = (command == COMMAND_CONCLUDE || command == COMMAND_TAKE) &&
               see_void(truth, holder, entry);
        break;
    case KC_ENTRY_KIND_CASH_OUT:
        *value -= minor_of(entry->amount);
        good = command == COMMAND_ANSWER && see_cash_out(truth, holder, entry);
        break;
    case KC_ENTRY_KIND_CLOSE:
        good = command == COMMAND_TAKE && renewed_close(truth, place, entry, info);
        break;
    }
    truth->places[place].own += *value - before;
    good = good && *value >= 0;
    return good || truth_wrong(truth, "an entry of this kind after this command", holder,
                               entry->kind, (int64_t)command);
}

/* What a certified value may add: a withdrawal that the bank completed and that has not come yet. */
static bool see_withdrawal(struct truth *truth, unsigned place, int64_t found)
{
    unsigned holder = truth->whole->purses[place].holder;
    int64_t *value = &truth->places[place].value;

    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->holders[holder].purse.number;
    for (size_t i = truth->cash_count; i-- > 0 && *value != found;) {
        const struct kc_transaction_row *row = &store->transactions[i];
        struct truth_cash *cash = &truth->cash[i];
        if (row->purse.number == purse && row->kind == KC_TRANSACTION_WITHDRAW &&
            row->state == KC_STATE_COMPLETED && !cash->came) {
            cash->came = true;
            *value += minor_of(row->amount);
            truth->places[place].own += minor_of(row->amount);
        }
    }
    return *value == found;
}

bool truth_purse(struct truth *truth, unsigned place, enum truth_command command)
{
    struct kc_purse_info info;
    struct kc_slot *slot = whole_slot(truth->whole, place);
    unsigned holder = truth->whole->purses[place].holder;
    struct truth_place *known = &truth->places[place];
    if (truth->rogue[holder]) {
        return true;
    }
    struct kc_result result = kc_slot_info(&info, slot);
    bool blocked = info.life == KC_LIFE_BLOCKED && !gone_is_out(truth, holder);
    if (kc_failed(result) || blocked) {
        return truth_wrong(truth, "an honest purse is broken or blocked", holder,
                           (int64_t)result.code, 0);
    }
    uint64_t most = command == COMMAND_OTHER ? 0 : command == COMMAND_TAKE ? VOIDS_A_REPLY : 1;
    if (info.counter < known->counter || info.counter > known->counter + most) {
        return truth_wrong(truth, "the counter of a purse", holder, (int64_t)info.counter,
                           (int64_t)known->counter);
    }
    while (known->counter < info.counter) {
        struct kc_entry entry;
        uint64_t back = info.counter - known->counter - 1;
        if (kc_failed(kc_slot_history(&entry, slot, (uint8_t)back)) ||
            entry.counter != known->counter + 1) {
            return truth_wrong(truth, "an entry cannot be read", holder, (int64_t)back, 0);
        }
        known->counter += 1;
        if (!see_entry(truth, place, &entry, &info, command)) {
            return false;
        }
    }
    int64_t found = minor_of(info.value);
    bool agrees = kinds_tracks(truth)
                      ? kinds_value(truth, place, &info, command)
                      : found == known->value ||
                            (command == COMMAND_TAKE && truth_has_gap(truth, holder) &&
                             settled_conforms(truth, place, &info)) ||
                            (command == COMMAND_TAKE && see_withdrawal(truth, place, found));
    if (!settled_hotlist(truth, place, &info) || !renewed_purse(truth, place) ||
        !rolled_purse(truth, place)) {
        return false;
    }
    return agrees || truth_wrong(truth, "the value of a purse", holder, found, known->value);
}

/* ---- what leaves a purse rests on what is written ---- */

bool truth_gave_payment(struct truth *truth, unsigned place, struct kc_view bytes)
{
    struct kc_payment payment;
    struct kc_payment_order order;
    struct kc_signed parsed;
    uint8_t digest[KC_DIGEST_SIZE];
    unsigned holder = truth->whole->purses[place].holder;
    if (truth->rogue[holder]) {
        return true;
    }
    if (kc_failed(kc_shape_decode(&payment, &kc_payment_shape, bytes)) ||
        kc_failed(kc_brief_parse(&parsed, payment.order)) ||
        kc_failed(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload))) {
        return truth_wrong(truth, "a payment that cannot be read", holder, 0, 0);
    }
    kc_digest(&truth->whole->bank.crypto, digest, payment.order);
    struct truth_payment *known = find_payment(truth, digest);
    bool good = known != NULL && known->payer == holder &&
                known->payer_counter == order.payer_counter &&
                known->amount == kc_amount_minor(order.amount);
    if (good) {
        known->payee_counter = order.payee_counter;
        known->payee = truth_purse_holder(truth, order.payee_purse.number);
        good = known->payee != TRUTH_NOBODY;
    }
    return good || truth_wrong(truth, "a payment left without its entry", holder, 0, 0);
}

bool truth_gave_answer(struct truth *truth, unsigned place, struct kc_view bytes)
{
    struct shown_answer answer;
    struct kc_payment_answer message;
    unsigned holder = truth->whole->purses[place].holder;
    if (truth->rogue[holder]) {
        return true;
    }
    if (kc_failed(kc_shape_decode(&message, &kc_payment_answer_shape, bytes)) ||
        !shown_read_answer(&answer, message.answer) || answer.taken != message.taken) {
        return truth_wrong(truth, "an answer that cannot be read", holder, 0, 0);
    }
    const struct truth_payment *known = find_payment(truth, answer.payment);
    if (answer.taken && (known == NULL || !known->taken)) {
        return truth_wrong(truth, "a receipt left without its entry", holder, 0, 0);
    }
    if (!answer.taken && known != NULL && known->taken) {
        return truth_wrong(truth, "a decline of a payment that was taken", holder, 0, 0);
    }
    return true;
}

void truth_says(struct truth *truth, unsigned place, bool ok)
{
    struct kc_purse_info info;
    const struct kc_transaction_row *row = NULL;
    if (kc_failed(kc_slot_info(&info, whole_slot(truth->whole, place))) || !info.has_pending) {
        return;
    }
    struct truth_cash *cash =
        find_cash(&row, truth, truth->whole->purses[place].holder, info.pending_ms);
    if (cash != NULL) {
        cash->said_ok = cash->said_ok || ok;
        cash->said_no = cash->said_no || !ok;
    }
}

/* ---- the bank ---- */

/* A transaction that was not there before. An order to the ordinary bank may have ended in the same breath; then it first
 * began. */
static bool see_begun(struct truth *truth, unsigned holder, struct truth_cash *cash,
                      const struct kc_transaction_row *row)
{
    bool order = row->kind == KC_TRANSACTION_FUND || row->kind == KC_TRANSACTION_REDEEM;
    bool owes = truth_owes(truth, holder);
    if (moved_is_transfer(row) && !moved_may_begin(truth, holder, row, owes)) {
        return false;
    }
    if (row->state != KC_STATE_REFUSED && gone_is_out(truth, holder)) {
        return truth_wrong(truth, "a purse that is out of use takes part", holder, row->kind, 0);
    }
    if (row->kind == KC_TRANSACTION_WITHDRAW && row->state != KC_STATE_REFUSED &&
        charged_is_suspended(truth, holder)) {
        return truth_wrong(truth, "a withdrawal from a suspended account", holder, row->kind, 0);
    }
    if (owes && (row->kind == KC_TRANSACTION_WITHDRAW || row->kind == KC_TRANSACTION_REDEEM) &&
        row->state != KC_STATE_REFUSED) {
        return truth_wrong(truth, "value leaves the account of who owes", holder, row->kind, 0);
    }
    bool sent = order && (row->state == KC_STATE_SENT || books_ordinary_did(truth, row) >= 0);
    if (sent) {
        cash->state = KC_STATE_SENT;
        truth->accounts[holder] -= row->kind == KC_TRANSACTION_REDEEM ? minor_of(row->amount) : 0;
        return truth->accounts[holder] >= 0;
    }
    cash->state = row->state;
    return row->state == KC_STATE_REFUSED || (row->state == KC_STATE_QUOTED && !order);
}

/* The end of a transaction, and whether there is a reason for it. */
static bool see_end(struct truth *truth, unsigned holder, struct truth_cash *cash,
                    const struct kc_transaction_row *row)
{
    int64_t amount = minor_of(row->amount);
    bool quoted = cash->state == KC_STATE_QUOTED;
    bool sent = cash->state == KC_STATE_SENT;
    switch (row->kind) {
    case KC_TRANSACTION_WITHDRAW:
        truth->accounts[holder] -= row->state == KC_STATE_COMPLETED ? amount : 0;
        break;
    case KC_TRANSACTION_DEPOSIT:
        truth->accounts[holder] += row->state == KC_STATE_COMPLETED ? amount : 0;
        break;
    case KC_TRANSACTION_TRANSFER_PURSE:
    case KC_TRANSACTION_TRANSFER_ACCOUNT:
        if (row->state == KC_STATE_COMPLETED) {
            moved_end(truth, holder, cash, row);
        }
        break;
    case KC_TRANSACTION_FUND:
        truth->accounts[holder] += row->state == KC_STATE_COMPLETED ? amount : 0;
        return sent && books_ordinary_did(truth, row) == (row->state == KC_STATE_COMPLETED ? 1 : 0);
    case KC_TRANSACTION_REDEEM:
        truth->accounts[holder] += row->state == KC_STATE_REFUSED ? amount : 0;
        truth->charges.accounts[holder].came_back = row->state == KC_STATE_REFUSED;
        return sent && books_ordinary_did(truth, row) == (row->state == KC_STATE_COMPLETED ? 1 : 0);
    }
    bool in_time = row->expires_ms >= truth->whole->now_ms;
    bool may = row->state == KC_STATE_COMPLETED  ? cash->said_ok && in_time && !cash->given_back
               : row->state == KC_STATE_DECLINED ? cash->said_no
                                                 : row->state == KC_STATE_NOT_COMPLETED;
    bool out = row->kind == KC_TRANSACTION_DEPOSIT || row->kind == KC_TRANSACTION_TRANSFER_PURSE;
    bool backed =
        truth->rogue[holder] || !out || row->state != KC_STATE_COMPLETED || cash->cash_out;
    return quoted && may && backed && truth->accounts[holder] >= 0;
}

static bool see_transactions(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    size_t count = store->counts[RAM_TABLE_TRANSACTIONS];
    for (size_t i = 0; i < count; i++) {
        const struct kc_transaction_row *row = &store->transactions[i];
        struct truth_cash *cash = &truth->cash[i];
        unsigned holder = truth_purse_holder(truth, row->purse.number);
        bool good = holder != TRUTH_NOBODY;
        holder = truth_live(truth, holder);
        if (good && i >= truth->cash_count) {
            *cash = (struct truth_cash){.state = row->state};
            good = see_begun(truth, holder, cash, row);
        }
        if (good && cash->state != row->state) {
            good = see_end(truth, holder, cash, row);
        }
        if (!good && holder != TRUTH_NOBODY) {
            return truth_wrong(truth, "a transaction changed without a reason", holder, row->state,
                               (int64_t)cash->state);
        }
        cash->state = row->state;
    }
    truth->cash_count = count;
    return true;
}

static bool is_kept(const struct ram_store *store, const uint8_t *digest)
{
    for (size_t i = store->counts[RAM_TABLE_EVIDENCE]; i-- > 0;) {
        if (same_digest(store->evidence[i].digest, digest)) {
            return true;
        }
    }
    return false;
}

bool truth_has_gap(const struct truth *truth, unsigned holder)
{
    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->holders[holder].purse.number;
    for (size_t i = store->counts[RAM_TABLE_GAPS]; i-- > 0;) {
        if (store->gaps[i].purse.number == purse) {
            return true;
        }
    }
    return false;
}

/* Nobody honest is accused, and whoever is has two signed messages against him. */
static bool see_alerts(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    for (; truth->alerts_seen < store->counts[RAM_TABLE_ALERTS]; truth->alerts_seen++) {
        const struct kc_alert_row *alert = &store->alerts[truth->alerts_seen];
        unsigned holder = truth_live(truth, truth_purse_holder(truth, alert->purse.number));
        bool fraud = alert->reason == KC_COPIED_OR_RESTORED || alert->reason == KC_OVERSPENT;
        bool lost = holder < truth->holders && kinds_may_owe(truth, holder) &&
                    (alert->reason == KC_CARD_EXHAUSTED || alert->reason == KC_DEBT);
        bool denied = holder < truth->holders && kinds_was_denied(truth, holder);
        /* Which orders that were, is looked at record by record. */
        bool ended = alert->reason == KC_KEY_RENEWED && truth->renewals.on;
        bool tells = lost || denied || ended || (!fraud && store->counts[RAM_TABLE_GAPS] > 0) ||
                     (alert->reason == KC_SUSPENDED && charged_ran_out(truth, holder)) ||
                     (alert->reason == KC_CLOSED && holder < truth->holders &&
                      closed_is_out(truth, holder) && truth->closings.refused > 0);
        if (alert->reason == KC_SUSPENDED && holder >= truth->holders && truth->charges.on) {
            continue; /* of who does nothing */
        }
        if (holder >= truth->holders || (!truth->rogue[holder] && !tells)) {
            return truth_wrong(truth, "an honest purse has an alert", holder, alert->reason, 0);
        }
        truth->proofs += fraud ? 1 : 0;
        truth->overspent += alert->reason == KC_OVERSPENT ? 1 : 0;
        if (fraud &&
            (!is_kept(store, alert->evidence_digest) || !is_kept(store, alert->against_digest))) {
            return truth_wrong(truth, "an accusation without its evidence", holder, alert->reason,
                               0);
        }
    }
    for (unsigned i = 0; i < truth->holders; i++) {
        if (!truth->rogue[i] && truth_row(truth, i)->state != KC_PURSE_ACTIVE &&
            !kinds_was_denied(truth, i) && !gone_is_out(truth, i)) {
            return truth_wrong(truth, "an honest purse is out of use", i, 1, 0);
        }
    }
    return true;
}

int64_t truth_claimed(const struct truth *truth, unsigned holder)
{
    return kinds_claimed(truth, holder);
}

bool truth_owes(const struct truth *truth, unsigned holder)
{
    return !kc_amount_is_zero(truth_row(truth, holder)->owed);
}

/* Only who signed what is no payment, and who lost entries, may come to owe something; and whose purse reports nothing any
 * more, until others have told what it was paid. */
static bool may_owe(const struct truth *truth, unsigned holder)
{
    bool may = truth->rogue[holder] || truth_has_gap(truth, holder) || gone_is_out(truth, holder);
    for (unsigned i = 0; i < truth->holders && !may; i++) {
        /* An owner's account pays for his machines. */
        bool gone = kinds_type(truth, i) == KC_PURSE_TYPE_MACHINE && gone_is_out(truth, i);
        may = (i == holder || holder == WHOLE_OWNER) && (kinds_may_owe(truth, i) || gone);
    }
    return may;
}

bool truth_bank(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    if (!see_transactions(truth) || !renewed_bank(truth) || !closed_states(truth) ||
        !gone_bank(truth) || !kinds_bank(truth) || !charged_bank(truth) || !closed_bank(truth) ||
        !books_compare(truth) || !see_alerts(truth)) {
        return false;
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_ACCOUNTS]; i++) {
        unsigned holder = truth_holder(truth, store->accounts[i].account.number);
        int64_t balance = minor_of(store->accounts[i].balance);
        if (holder >= truth->holders) {
            continue;
        }
        int64_t claimed = truth_claimed(truth, holder);
        if (claimed < truth->claimed[holder] || (claimed > 0 && !may_owe(truth, holder))) {
            return truth_wrong(truth, "a claim without a reason", holder, claimed,
                               truth->claimed[holder]);
        }
        truth->claimed[holder] = claimed;
        if (balance != truth->accounts[holder] - claimed) {
            return truth_wrong(truth, "an account", holder, balance,
                               truth->accounts[holder] - claimed);
        }
    }
    return true;
}

void truth_asks(struct truth *truth, unsigned holder)
{
    const struct kc_purse_row *row = truth_row(truth, holder);
    truth->counted_before = row->counter;
    truth->stamp_before = row->last_ms;
}

/* A purse that shows a counter which the bank has passed was rolled back or copied. */
static bool see_rollback(struct truth *truth, unsigned holder, struct kc_result result)
{
    const struct kc_bank_item *item = &truth->whole->item;
    const struct kc_value_information *told = &item->information.information;
    bool fresh = item->envelope.time_ms > truth->stamp_before;
    bool has_information = item->kind != NULL && item->kind != &kc_bank_cash_answer;
    bool proves = fresh && has_information && told->counter < truth->counted_before;
    return kc_failed(result) || !proves ||
           truth_wrong(truth, "a purse that went back was not found out", holder,
                       (int64_t)told->counter, (int64_t)truth->counted_before);
}

bool truth_served(struct truth *truth, unsigned holder, struct kc_result result)
{
    /* A commit that nobody heard of counts as well. */
    bool unheard =
        result.code == KC_STORE_FAILED && truth_row(truth, holder)->counter > truth->counted_before;
    bool heard = !kc_failed(result) || result.code == KC_COPIED_OR_RESTORED ||
                 result.code == KC_OVERSPENT || unheard;
    if (!truth_bank(truth) || !see_rollback(truth, holder, result) ||
        !kinds_served(truth, holder, result) || !charged_served(truth, holder, result) ||
        !gone_served(truth, holder, result) || !renewed_served(truth, holder, result)) {
        return false;
    }
    if (!heard || truth->whole->item.kind != &kc_bank_settle_request) {
        return true;
    }
    const struct kc_purse_row *row = truth_row(truth, holder);
    uint64_t most = kc_amount_minor(row->value) + kc_amount_minor(row->objected);
    bool repeat = truth->whole->item.envelope.time_ms <= truth->stamp_before;
    if (!kc_failed(result) && !repeat && shown_overspends(truth, holder, row->counter, most)) {
        return truth_wrong(truth, "a purse that paid more than it had was not found out", holder,
                           (int64_t)row->counter + 1, (int64_t)most);
    }
    if (!shown_collect(truth, holder, row->counter, result.code == KC_COPIED_OR_RESTORED)) {
        return truth_wrong(truth, "a report that cannot be read was taken", holder, 0, 0);
    }
    for (size_t i = 0; i < truth->statement_count; i++) {
        const struct statement *statement = &truth->statements[i];
        if (!statement->contradicted) {
            continue;
        }
        if (!truth->rogue[statement->holder]) {
            return truth_wrong(truth, "an honest purse contradicts itself", statement->holder,
                               (int64_t)statement->counter, 0);
        }
        if (truth_row(truth, statement->holder)->state != KC_PURSE_OUT) {
            return truth_wrong(truth, "an overspend was shown and not proved", statement->holder,
                               (int64_t)statement->counter, (int64_t)statement->kind);
        }
    }
    return true;
}

/* ---- beginning and end ---- */

void truth_new_place(struct truth *truth, unsigned place)
{
    struct kc_purse_info info;
    struct kc_result result = kc_slot_info(&info, whole_slot(truth->whole, place));
    KC_ASSERT(!kc_failed(result));
    truth->places[place] =
        (struct truth_place){.counter = info.counter,
                             .value = minor_of(info.value),
                             .own = minor_of(info.value),
                             .hotlist = info.hotlist,
                             .roll = truth->whole->purses[place].core.roll_number};
}

void truth_begin(struct truth *truth, struct whole *whole, unsigned holders, unsigned rogues)
{
    const struct ram_store *store = &whole->store;
    truth->whole = whole;
    truth->holders = holders;
    truth->payment_count = 0;
    truth->wish_count = 0;
    truth->statement_count = 0;
    truth->alerts_seen = 0;
    truth->proofs = 0;
    truth->overspent = 0;
    truth->why[0] = '\0';
    truth->rolls = false;
    truth->lost = 0;
    truth->sweeps = 0;
    truth->cash_count = store->counts[RAM_TABLE_TRANSACTIONS];
    kinds_begin(truth);
    for (size_t i = 0; i < truth->cash_count; i++) {
        truth->cash[i] = (struct truth_cash){
            .state = store->transactions[i].state, .said_ok = true, .came = true};
    }
    for (unsigned i = 0; i < holders; i++) {
        truth->rogue[i] = (rogues >> i & 1u) != 0;
        truth->accounts[i] = kinds_type(truth, i) == KC_PURSE_TYPE_UIM
                                 ? (int64_t)whole->base->options.account_amount
                                 : 0;
        truth->claimed[i] = 0;
        truth_new_place(truth, i);
    }
    charged_begin(truth);
    closed_begin(truth);
    gone_begin(truth);
    renewed_begin(truth, false);
}

/* A payment waits for good while a rogue owes the answer; or until its payee's chain comes to its counter, which somebody on
 * the link may have told the payer wrongly, or of which the payee takes nothing under a key that was renewed since. For the
 * word of a purse that is out of use nobody waits for good, but a card without keys, which never hears of that. */
static bool may_wait(const struct truth *truth, const struct truth_payment *payment)
{
    if (gone_is_out(truth, payment->payee) && !truth->rogue[payment->payee]) {
        bool hears = kinds_type(truth, payment->payer) != KC_PURSE_TYPE_BEARER;
        return !hears || !truth->closings.quiet || !gone_is_over(truth, payment->payee);
    }
    uint64_t counter = truth->places[payment->payee].counter;
    return truth->rogue[payment->payee] || payment->payee_counter > counter + 1 ||
           (payment->payee_counter == counter + 1 && renewed_since(truth, payment));
}

static bool payment_ended(struct truth *truth, const struct truth_payment *payment)
{
    if (truth->rogue[payment->payer] || may_wait(truth, payment) ||
        truth_has_gap(truth, payment->payer) || truth_has_gap(truth, payment->payee) ||
        gone_is_out(truth, payment->payer)) {
        return true;
    }
    bool both = payment->taken && payment->given_back && gone_may_give_back(truth, payment);
    return both || payment->taken != payment->given_back ||
           truth_wrong(truth, "a payment that did not end", payment->payer,
                       (int64_t)payment->payer_counter, (int64_t)payment->payee);
}

/* A rogue gave its receipt and let another copy deny it. The bank hears the receipt only beside a pay entry that no certified
 * value covers: else it gives back what the payer's purse knows as taken, and the purse does not take it. It stays in the
 * shadow. The same where the payee's account was closed before it reported. */
static int64_t released_in_vain(struct truth *truth, unsigned payer)
{
    int64_t sum = 0;
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYMENTS]; i++) {
        const struct kc_payment_row *row = &store->payments[i];
        const struct truth_payment *payment = find_payment(truth, row->digest);
        bool in_vain = row->state == KC_PAYMENT_RELEASED && !row->returned && payment != NULL &&
                       payment->payer == payer && !payment->given_back &&
                       (truth->rogue[payment->payee] || gone_may_give_back(truth, payment));
        sum += in_vain ? minor_of(row->amount) : 0;
    }
    return sum;
}

static bool purse_ended(struct truth *truth, unsigned i)
{
    struct kc_purse_info info;
    const struct kc_purse_row *row = truth_row(truth, i);
    int64_t open = 0;
    if (kc_failed(kc_slot_info(&info, whole_slot(truth->whole, i)))) {
        return truth_wrong(truth, "an honest purse does not answer", i, 0, 0);
    }
    bool bearer = kinds_type(truth, i) == KC_PURSE_TYPE_BEARER;
    for (size_t j = 0; j < truth->payment_count; j++) {
        const struct truth_payment *payment = &truth->payments[j];
        bool waits = payment->payer == i && may_wait(truth, payment) && !payment->given_back;
        open += waits ? (int64_t)payment->amount : 0;
    }
    bool lost = truth->whole->store.counts[RAM_TABLE_GAPS] > 0;
    if (!bearer && renewed_waits(truth, i)) {
        return true;
    }
    if (info.has_pending || (info.uncovered != 0 && !bearer) ||
        (!lost && minor_of(info.open) > open)) {
        return truth_wrong(truth, "something of a purse did not end", i, minor_of(info.open),
                           (int64_t)info.uncovered);
    }
    if (bearer) {
        return kinds_card_ended(truth, i, &info);
    }
    if (truth_shadow(row) + settled_unclear(truth, i) !=
            minor_of(info.value) + released_in_vain(truth, i) ||
        row->counter != info.counter || minor_of(info.value) != truth->places[i].value) {
        return truth_wrong(truth, "a shadow is not its purse", i, truth_shadow(row),
                           truth->places[i].value);
    }
    return charged_shown(truth, i, &info);
}

bool truth_synced(struct truth *truth)
{
    int64_t open[WHOLE_HOLDERS_MAX] = {0};
    for (size_t i = 0; i < truth->payment_count; i++) {
        const struct truth_payment *payment = &truth->payments[i];
        bool honest = !truth->rogue[payment->payee] && !gone_is_out(truth, payment->payee);
        bool passed = honest && payment->payee_counter != 0 &&
                      payment->payee_counter <= truth->places[payment->payee].counter;
        bool waits = !payment->given_back && !(honest && payment->taken);
        bool lost = truth_has_gap(truth, payment->payer) || truth_has_gap(truth, payment->payee);
        bool hears = kinds_type(truth, payment->payer) != KC_PURSE_TYPE_BEARER;
        hears = hears && !gone_is_out(truth, payment->payer);
        if (waits && passed && !lost && hears && !truth->rogue[payment->payer]) {
            return truth_wrong(
                truth, "a payment that its payee passed is open when both have synced",
                payment->payer, (int64_t)payment->payer_counter, (int64_t)payment->payee);
        }
        open[payment->payer] += waits ? (int64_t)payment->amount : 0;
    }
    for (unsigned i = 0; i < truth->holders; i++) {
        struct kc_purse_info info;
        if (truth->rogue[i] || kinds_type(truth, i) == KC_PURSE_TYPE_BEARER ||
            gone_is_out(truth, i)) {
            continue;
        }
        if (kc_failed(kc_slot_info(&info, whole_slot(truth->whole, i))) ||
            (truth->whole->store.counts[RAM_TABLE_GAPS] == 0 && minor_of(info.open) > open[i])) {
            return truth_wrong(truth, "a payment that ended is open when both have synced", i,
                               minor_of(info.open), open[i]);
        }
    }
    return true;
}

bool truth_is_stuck(struct truth *truth, unsigned place, enum kc_error error)
{
    return truth_wrong(truth, "nothing works any more at the end",
                       truth->whole->purses[place].holder, (int64_t)error, 0);
}

bool truth_end(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    bool good = truth_bank(truth);
    for (unsigned i = 0; i < truth->holders && good; i++) {
        good = truth->rogue[i] || gone_is_out(truth, i) || purse_ended(truth, i);
    }
    for (size_t i = 0; i < truth->payment_count && good; i++) {
        good = payment_ended(truth, &truth->payments[i]);
    }
    for (size_t i = 0; i < truth->cash_count && good; i++) {
        good = moved_ended(truth, i);
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYMENTS] && good; i++) {
        const struct kc_payment_row *row = &store->payments[i];
        const struct truth_payment *payment = find_payment(truth, row->digest);
        unsigned payer = truth_purse_holder(truth, row->payer.number);
        KC_ASSERT(payer != TRUTH_NOBODY);
        bool waits = truth->rogue[payer] || (payment != NULL && may_wait(truth, payment));
        waits = waits || settled_waits(truth, row) || gone_waits(truth, row);
        good = row->state != KC_PAYMENT_NOTED || waits ||
               truth_wrong(truth, "the bank waits for a payment at the end", payer,
                           (int64_t)row->payer_counter, 0);
    }
    return good && kinds_end(truth);
}
