/* Requests to the bank and its answers (EP1221669 Fig 14, 18; docs/protocol.md "Cash", "Funding", "Transfer"). */
#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

/* ---- out ---- */

struct kc_result kc_purse_make_envelope_for(struct kc_purse *purse,
                                            const struct kc_public_key *recipient,
                                            uint8_t digest[KC_DIGEST_SIZE], uint64_t time_ms,
                                            const struct kc_shape *shape, const void *message)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    struct kc_signer signer = {.key = &purse->sign_key, .id = purse->signer_id};
    struct kc_result result = kc_envelope_make(&out, &purse->work, &purse->crypto, &signer,
                                               recipient, &purse->realm, time_ms, shape, message);
    purse->output_size = out.size;
    if (!kc_failed(result)) {
        kc_digest(&purse->crypto, digest, kc_buffer_view(&out));
    }
    return result;
}

struct kc_result kc_purse_make_envelope(struct kc_purse *purse, uint8_t digest[KC_DIGEST_SIZE],
                                        uint64_t time_ms, const struct kc_shape *shape,
                                        const void *message)
{
    return kc_purse_make_envelope_for(purse, &purse->bank_encrypt, digest, time_ms, shape, message);
}

struct kc_result kc_purse_release(struct kc_purse *purse, struct kc_purse_state *next)
{
    next->last_message = kc_view(purse->output, purse->output_size);
    struct kc_result result = kc_purse_commit(purse, next);
    if (kc_failed(result)) {
        kc_wipe(purse->output, purse->output_size);
        purse->output_size = 0;
    }
    return result;
}

struct order {
    uint8_t kind;
    struct kc_amount amount;
    uint64_t time_ms;
    struct kc_account_id to; /* of a transfer; else 0 */
    bool has_reference;      /* of a transfer that pays a machine's offer */
    uint8_t reference[KC_DIGEST_SIZE];
    struct kc_purse_id machine;
};

#define ORDER_SIZE 17u
#define TRANSFER_SIZE (ORDER_SIZE + 8u)
#define REFERRING_SIZE (TRANSFER_SIZE + KC_DIGEST_SIZE + 8u)

/* Whether the value of the pending transaction leaves the purse when the user says OK. */
bool kc_purse_pending_out(const struct kc_purse_state *state)
{
    uint64_t out =
        state->has_pending_to ? (uint64_t)KC_TRANSFER_SOURCE_PURSE : (uint64_t)KC_CASH_KIND_DEPOSIT;
    return !state->pending_fund && state->pending_kind == out;
}

static struct kc_result read_order(struct order *out, const struct kc_purse *purse,
                                   struct kc_view data)
{
    if (data.size != ORDER_SIZE) {
        return kc_result(KC_MALFORMED);
    }
    memset(out, 0, sizeof *out);
    out->kind = data.data[0];
    if (out->kind != 1 && out->kind != 2) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_amount_from_minor(&out->amount, kc_be64_load(data.data + 1));
    if (!kc_failed(result) && kc_amount_is_zero(out->amount)) {
        result = kc_result(KC_AMOUNT_ZERO);
    }
    return kc_failed(result) ? result
                             : kc_purse_stamp(&out->time_ms, purse, kc_view(data.data + 9, 8));
}

static void begin_pending(struct kc_purse_state *next, const struct order *order, bool fund)
{
    next->life = KC_LIFE_REQUESTED;
    next->stamp_ms = order->time_ms;
    next->pending_ms = order->time_ms;
    next->pending_fund = fund;
    next->pending_kind = order->kind;
    next->has_pending_to = order->to.number != 0;
    next->pending_to = order->to;
    next->pending_amount = order->amount;
    memset(next->quote, 0, KC_DIGEST_SIZE);
    memset(next->answer, 0, KC_DIGEST_SIZE);
    memset(next->state_request, 0, KC_DIGEST_SIZE);
}

static bool is_offline(enum kc_entry_kind kind)
{
    return kind != KC_ENTRY_KIND_CASH_OUT;
}

/* The bank decides a request about value by the entries that come with it. KC_PENDING when they would not say everything, or are
 * to be reported first. */
static struct kc_result check_reported(struct kc_purse *purse)
{
    uint64_t count = kc_purse_uncovered(purse);
    /* A cash-out and its void still have to find room in the list. */
    if (count + 2 > KC_LIST_COUNT_MAX) {
        return kc_result(KC_PENDING);
    }
    for (uint64_t i = 1; i <= count; i++) {
        struct kc_log_slot slot;
        struct kc_entry entry;
        struct kc_result result =
            kc_purse_log_entry(&entry, &slot, purse, purse->certified.counter + i);
        if (kc_failed(result)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
        bool cash_void = entry.kind == KC_ENTRY_KIND_VOID && entry.has_transaction;
        if (is_offline(entry.kind) && !cash_void) {
            return kc_result(KC_PENDING);
        }
    }
    return kc_ok();
}

struct kc_result kc_purse_cash_request(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct order order;
    struct kc_cash_request request = {.kind = KC_CASH_KIND_WITHDRAW};
    struct kc_purse_state next = purse->state;
    struct kc_result result = read_order(&order, purse, apdu->data);
    if (!kc_failed(result)) {
        result = check_reported(purse);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool deposit = order.kind == KC_CASH_KIND_DEPOSIT;
    if (deposit && kc_amount_compare(order.amount, purse->state.value) > 0) {
        return kc_result(KC_INSUFFICIENT_VALUE);
    }
    request.kind = deposit ? KC_CASH_KIND_DEPOSIT : KC_CASH_KIND_WITHDRAW;
    request.amount = order.amount;
    request.time_ms = order.time_ms;
    result = kc_purse_information(&request.information, purse, true);
    if (!kc_failed(result)) {
        result = kc_purse_make_envelope(purse, next.request, order.time_ms, &kc_cash_request_shape,
                                        &request);
    }
    if (kc_failed(result)) {
        return result;
    }
    begin_pending(&next, &order, false);
    return kc_purse_release(purse, &next);
}

/* Only the account pays a machine's offer at the bank; the purse pays machines itself. */
static struct kc_result read_reference(struct order *out, struct kc_view data)
{
    if (data.size == TRANSFER_SIZE) {
        return kc_ok();
    }
    out->has_reference = true;
    memcpy(out->reference, data.data + TRANSFER_SIZE, KC_DIGEST_SIZE);
    out->machine.number = kc_be64_load(data.data + TRANSFER_SIZE + KC_DIGEST_SIZE);
    return kc_result(out->kind == KC_TRANSFER_SOURCE_ACCOUNT ? KC_OK : KC_NOT_ALLOWED);
}

static struct kc_result read_transfer(struct order *out, const struct kc_purse *purse,
                                      struct kc_view data)
{
    if (data.size != TRANSFER_SIZE && data.size != REFERRING_SIZE) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = read_order(out, purse, kc_view(data.data, ORDER_SIZE));
    if (!kc_failed(result)) {
        result = read_reference(out, data);
    }
    if (kc_failed(result)) {
        return result;
    }
    out->to.number = kc_be64_load(data.data + ORDER_SIZE);
    if (!kc_number_checks(out->to.number)) {
        return kc_result(KC_WRONG_NUMBER);
    }
    bool own = out->to.number == purse->settings.account.number;
    bool uim = purse->settings.purse_type == KC_PURSE_TYPE_UIM;
    if (out->kind == KC_TRANSFER_SOURCE_ACCOUNT && !uim) {
        return kc_result(KC_NOT_ALLOWED);
    }
    /* Only a UIM has an account of its own to give its value to. */
    if (own && (out->kind == KC_TRANSFER_SOURCE_ACCOUNT || !uim)) {
        return kc_result(KC_SAME_ACCOUNT);
    }
    if (out->kind == KC_TRANSFER_SOURCE_PURSE) {
        return kc_amount_compare(out->amount, purse->state.value) > 0
                   ? kc_result(KC_INSUFFICIENT_VALUE)
                   : kc_ok();
    }
    return kc_ok();
}

/* Sd1, Sd2. */
struct kc_result kc_purse_transfer_request(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct order order;
    struct kc_transfer_request request = {.source = KC_TRANSFER_SOURCE_PURSE};
    struct kc_purse_state next = purse->state;
    struct kc_result result = read_transfer(&order, purse, apdu->data);
    if (!kc_failed(result)) {
        result = check_reported(purse);
    }
    if (kc_failed(result)) {
        return result;
    }
    request.source = order.kind == KC_TRANSFER_SOURCE_PURSE ? KC_TRANSFER_SOURCE_PURSE
                                                            : KC_TRANSFER_SOURCE_ACCOUNT;
    request.to = order.to;
    request.amount = order.amount;
    request.time_ms = order.time_ms;
    request.has_reference = order.has_reference;
    request.has_machine = order.has_reference;
    memcpy(request.reference, order.reference, KC_DIGEST_SIZE);
    request.machine = order.machine;
    result = kc_purse_information(&request.information, purse, true);
    if (!kc_failed(result)) {
        result = kc_purse_make_envelope(purse, next.request, order.time_ms,
                                        &kc_transfer_request_shape, &request);
    }
    if (kc_failed(result)) {
        return result;
    }
    begin_pending(&next, &order, false);
    return kc_purse_release(purse, &next);
}

struct kc_result kc_purse_fund_request(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct order order;
    struct kc_fund_request request = {.kind = KC_FUND_KIND_FUND};
    struct kc_purse_state next = purse->state;
    struct kc_result result = read_order(&order, purse, apdu->data);
    if (!kc_failed(result)) {
        result = check_reported(purse);
    }
    if (kc_failed(result)) {
        return result;
    }
    request.kind = order.kind == KC_FUND_KIND_FUND ? KC_FUND_KIND_FUND : KC_FUND_KIND_REDEEM;
    request.amount = order.amount;
    request.time_ms = order.time_ms;
    result = kc_purse_information(&request.information, purse, true);
    if (!kc_failed(result)) {
        result = kc_purse_make_envelope(purse, next.request, order.time_ms, &kc_fund_request_shape,
                                        &request);
    }
    if (kc_failed(result)) {
        return result;
    }
    begin_pending(&next, &order, true);
    return kc_purse_release(purse, &next);
}

struct kc_result kc_purse_state_request(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_state_request request = {.has_pending = purse->state.pending_ms != 0,
                                       .pending_ms = purse->state.pending_ms};
    struct kc_purse_state next = purse->state;
    struct kc_result result = kc_purse_stamp(&request.time_ms, purse, apdu->data);
    if (!kc_failed(result)) {
        result = kc_purse_information(&request.information, purse, true);
    }
    if (!kc_failed(result)) {
        result = kc_purse_make_envelope(purse, next.state_request, request.time_ms,
                                        &kc_state_request_shape, &request);
    }
    if (kc_failed(result)) {
        return result;
    }
    next.stamp_ms = request.time_ms;
    return kc_purse_release(purse, &next);
}

/* The cash-out entry of a deposit or transfer the user said OK to: the value is gone from here on. */
static struct kc_result reserve(struct kc_purse *purse, struct kc_purse_state *next,
                                uint64_t time_ms)
{
    struct kc_entry entry = {.kind = KC_ENTRY_KIND_CASH_OUT,
                             .time_ms = time_ms,
                             .amount = next->pending_amount,
                             .has_recipient = true,
                             .recipient =
                                 next->has_pending_to ? next->pending_to : purse->settings.account,
                             .has_payer = true,
                             .payer = purse->settings.account,
                             .has_transaction = true,
                             .transaction_ms = next->pending_ms};
    memcpy(entry.partner, next->quote, KC_DIGEST_SIZE);
    return kc_purse_add_entry(purse, next, &entry, kc_view(NULL, 0), kc_view(NULL, 0));
}

static void forget_pending(struct kc_purse_state *next)
{
    next->pending_ms = 0;
    next->has_pending_to = false;
    next->pending_to.number = 0;
    next->pending_amount = kc_amount_zero();
}

struct kc_result kc_purse_answer(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_purse_state next = purse->state;
    struct kc_cash_answer answer = {.purse = purse->settings.purse,
                                    .transaction_ms = next.pending_ms};
    if (apdu->p1 != KC_ANSWER_OK && apdu->p1 != KC_ANSWER_NG) {
        return kc_result(KC_MALFORMED);
    }
    answer.answer = apdu->p1 == KC_ANSWER_OK ? KC_ANSWER_OK : KC_ANSWER_NG;
    memcpy(answer.quote, next.quote, KC_DIGEST_SIZE);
    struct kc_result result = kc_purse_stamp(&answer.time_ms, purse, apdu->data);
    bool out = kc_purse_pending_out(&next);
    if (!kc_failed(result) && out && answer.answer == KC_ANSWER_OK) {
        result = reserve(purse, &next, answer.time_ms);
        if (kc_failed(result)) {
            return result;
        }
        answer.has_entry = true;
        struct kc_log_slot slot;
        result = kc_purse_log_get(&slot, purse, next.counter);
        answer.entry = slot.entry;
    }
    if (!kc_failed(result)) {
        result = kc_purse_make_envelope(purse, next.answer, answer.time_ms, &kc_cash_answer_shape,
                                        &answer);
    }
    if (kc_failed(result)) {
        return result;
    }
    next.stamp_ms = answer.time_ms;
    next.life = answer.answer == KC_ANSWER_OK ? KC_LIFE_ANSWERED : KC_LIFE_READY;
    if (answer.answer == KC_ANSWER_NG) {
        forget_pending(&next);
    }
    return kc_purse_release(purse, &next);
}

struct kc_result kc_purse_repeat(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    (void)apdu;
    if (purse->state.last_message.size == 0) {
        return kc_result(KC_NOT_FOUND);
    }
    return kc_purse_respond(purse, purse->state.last_message);
}

/* ---- in ---- */

static bool is_set(const uint8_t digest[KC_DIGEST_SIZE])
{
    uint8_t any = 0;
    for (size_t i = 0; i < KC_DIGEST_SIZE; i++) {
        any |= digest[i];
    }
    return any != 0;
}

bool kc_purse_answers(const uint8_t given[KC_DIGEST_SIZE], const uint8_t own[KC_DIGEST_SIZE])
{
    return is_set(own) && memcmp(given, own, KC_DIGEST_SIZE) == 0;
}

static void end_pending(struct kc_purse_state *next)
{
    next->life = KC_LIFE_READY;
    forget_pending(next);
    memset(next->answer, 0, KC_DIGEST_SIZE);
}

void kc_purse_drop_quote(struct kc_purse_state *next)
{
    bool requested = next->life == KC_LIFE_REQUESTED && !next->pending_fund;
    if (next->life == KC_LIFE_QUOTED || requested) {
        end_pending(next);
        next->last_message = kc_view(NULL, 0);
    }
}

static struct kc_result check_amounts(const struct kc_cash_quote *quote)
{
    struct kc_amount account;
    struct kc_amount purse;
    bool withdraw = quote->kind == KC_CASH_KIND_WITHDRAW;
    struct kc_result result = withdraw
                                  ? kc_amount_sub(&account, quote->account_before, quote->amount)
                                  : kc_amount_add(&account, quote->account_before, quote->amount);
    if (!kc_failed(result)) {
        result = withdraw ? kc_amount_add(&purse, quote->purse_before, quote->amount)
                          : kc_amount_sub(&purse, quote->purse_before, quote->amount);
    }
    bool adds_up = !kc_failed(result) && kc_amount_compare(account, quote->account_after) == 0 &&
                   kc_amount_compare(purse, quote->purse_after) == 0;
    return kc_result(adds_up ? KC_OK : KC_MISMATCH);
}

/* Sa9: the quote must be the one for this request, and say what this purse knows. */
static struct kc_result take_quote(struct kc_purse *purse, struct kc_purse_state *next,
                                   const void *message, struct kc_view plain)
{
    const struct kc_cash_quote *quote = message;
    if (next->pending_fund || next->has_pending_to ||
        !kc_purse_answers(quote->request, next->request)) {
        return kc_result(KC_MISMATCH);
    }
    bool fits = quote->transaction_ms == next->pending_ms &&
                quote->account.number == purse->settings.account.number &&
                quote->purse.number == purse->settings.purse.number &&
                quote->purse_type == purse->settings.purse_type &&
                (uint64_t)quote->kind == next->pending_kind &&
                kc_amount_compare(quote->amount, next->pending_amount) == 0 &&
                quote->counter == next->counter &&
                kc_amount_compare(quote->purse_before, next->value) == 0;
    if (!fits || kc_failed(check_amounts(quote))) {
        return kc_result(KC_MISMATCH);
    }
    kc_digest(&purse->crypto, next->quote, plain);
    next->life = KC_LIFE_QUOTED;
    return kc_ok();
}

/* One side of a transfer is the receiver's, of which the purse knows nothing; unless that is the purse's own account. */
static struct kc_result check_transfer_amounts(const struct kc_transfer_quote *quote)
{
    struct kc_amount account = quote->account_before;
    struct kc_amount purse = quote->purse_before;
    bool from_purse = quote->source == KC_TRANSFER_SOURCE_PURSE;
    bool own = quote->to.number == quote->account.number;
    struct kc_result result = from_purse ? kc_amount_sub(&purse, purse, quote->amount)
                                         : kc_amount_sub(&account, account, quote->amount);
    if (!kc_failed(result) && own) {
        result = from_purse ? kc_amount_add(&account, account, quote->amount)
                            : kc_result(KC_SAME_ACCOUNT);
    }
    bool adds_up = !kc_failed(result) && kc_amount_compare(account, quote->account_after) == 0 &&
                   kc_amount_compare(purse, quote->purse_after) == 0;
    return kc_result(adds_up ? KC_OK : KC_MISMATCH);
}

/* Sd6: as for a quote of cash, and the receiver must be the one that was asked for. */
static struct kc_result take_transfer_quote(struct kc_purse *purse, struct kc_purse_state *next,
                                            const void *message, struct kc_view plain)
{
    const struct kc_transfer_quote *quote = message;
    if (next->pending_fund || !next->has_pending_to ||
        !kc_purse_answers(quote->request, next->request)) {
        return kc_result(KC_MISMATCH);
    }
    bool fits = quote->transaction_ms == next->pending_ms && quote->bank == purse->realm.bank &&
                quote->account.number == purse->settings.account.number &&
                quote->purse.number == purse->settings.purse.number &&
                quote->purse_type == purse->settings.purse_type &&
                (uint64_t)quote->source == next->pending_kind &&
                quote->to.number == next->pending_to.number &&
                kc_amount_compare(quote->amount, next->pending_amount) == 0 &&
                quote->counter == next->counter &&
                kc_amount_compare(quote->purse_before, next->value) == 0;
    if (!fits || kc_failed(check_transfer_amounts(quote))) {
        return kc_result(KC_MISMATCH);
    }
    kc_digest(&purse->crypto, next->quote, plain);
    next->life = KC_LIFE_QUOTED;
    return kc_ok();
}

/* The cash-out of the pending transaction among the entries after `covered`; KC_NOT_FOUND. */
static struct kc_result find_cash_out(struct kc_entry *out, struct kc_purse *purse,
                                      const struct kc_purse_state *next, uint64_t covered)
{
    /* Nothing is given up beside an answered deposit, so its cash-out stands after what was. */
    uint64_t base = kc_purse_log_base(purse);
    base = base > covered ? base : covered;
    KC_ASSERT(next->counter >= base && next->counter - base <= KC_LOG_COUNT);
    for (uint64_t at = base + 1; at <= next->counter; at++) {
        struct kc_log_slot slot;
        struct kc_result result = kc_purse_log_entry(out, &slot, purse, at);
        if (kc_failed(result)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
        if (out->kind == KC_ENTRY_KIND_CASH_OUT && out->has_transaction &&
            out->transaction_ms == next->pending_ms) {
            return kc_ok();
        }
    }
    return kc_result(KC_NOT_FOUND);
}

struct kc_result kc_purse_no_open_cash_out(struct kc_purse *purse)
{
    struct kc_entry entry;
    if (purse->state.life != KC_LIFE_ANSWERED || purse->state.pending_fund) {
        return kc_ok();
    }
    struct kc_result result = find_cash_out(&entry, purse, &purse->state, purse->certified.counter);
    if (!kc_failed(result)) {
        return kc_result(KC_PENDING);
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* Gives back a cash-out of the transaction that the bank's certified word says had no effect. */
static struct kc_result give_back(struct kc_purse *purse, struct kc_purse_state *next,
                                  uint64_t covered, const uint8_t word[KC_DIGEST_SIZE])
{
    struct kc_entry entry;
    struct kc_result result = find_cash_out(&entry, purse, next, covered);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    struct kc_entry back = {.kind = KC_ENTRY_KIND_VOID,
                            .time_ms = next->stamp_ms,
                            .amount = entry.amount,
                            .has_transaction = true,
                            .transaction_ms = entry.transaction_ms,
                            .has_voids = true,
                            .voids = entry.counter};
    memcpy(back.partner, word, KC_DIGEST_SIZE);
    return kc_purse_add_entry(purse, next, &back, kc_view(NULL, 0), kc_view(NULL, 0));
}

/* Ends the pending transaction as the bank says, and takes the certified value. */
static struct kc_result conclude(struct kc_purse *purse, struct kc_purse_state *next,
                                 enum kc_outcome outcome, struct kc_view certified_bytes)
{
    struct kc_certified certified;
    struct kc_entry entry;
    uint8_t word[KC_DIGEST_SIZE];
    uint64_t covered = purse->certified.counter;
    struct kc_result result = kc_purse_read_certified(&certified, purse, certified_bytes);
    if (!kc_failed(result)) {
        result = kc_purse_apply(purse, next, &certified, certified_bytes);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (certified.sequence > purse->certified.sequence) {
        covered = certified.counter;
    }
    switch (outcome) {
    case KC_OUTCOME_IN_DOUBT:
        return kc_ok();
    case KC_OUTCOME_COMPLETED:
        result = find_cash_out(&entry, purse, next, covered);
        if (result.code != KC_NOT_FOUND) {
            return kc_failed(result) ? result : kc_result(KC_MISMATCH);
        }
        result = kc_ok();
        break;
    case KC_OUTCOME_NONE:
    case KC_OUTCOME_DECLINED:
    case KC_OUTCOME_NOT_COMPLETED:
    case KC_OUTCOME_REFUSED:
        kc_digest(&purse->crypto, word, certified_bytes);
        result = give_back(purse, next, covered, word);
        break;
    }
    if (!kc_failed(result)) {
        end_pending(next);
    }
    return result;
}

static struct kc_result take_completion(struct kc_purse *purse, struct kc_purse_state *next,
                                        const void *message, struct kc_view plain)
{
    const struct kc_completion *completion = message;
    (void)plain;
    if (!kc_purse_answers(completion->answers, next->answer) ||
        completion->transaction_ms != next->pending_ms ||
        completion->purse.number != purse->settings.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    if (completion->outcome == KC_OUTCOME_IN_DOUBT || completion->outcome == KC_OUTCOME_NONE) {
        return kc_result(KC_MISMATCH);
    }
    return conclude(purse, next, completion->outcome, completion->certified);
}

static struct kc_result take_state(struct kc_purse *purse, struct kc_purse_state *next,
                                   const void *message, struct kc_view plain)
{
    const struct kc_state_reply *reply = message;
    (void)plain;
    bool about =
        reply->has_transaction ? reply->transaction_ms == next->pending_ms : next->pending_ms == 0;
    if (!kc_purse_answers(reply->request, next->state_request) || !about ||
        reply->purse.number != purse->settings.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = conclude(purse, next, reply->outcome, reply->certified);
    if (!kc_failed(result)) {
        memset(next->state_request, 0, KC_DIGEST_SIZE);
        next->has_key_ready = reply->has_key_ready;
        next->key_ready_ms = reply->key_ready_ms;
    }
    return result;
}

static struct kc_result take_fund_reply(struct kc_purse *purse, struct kc_purse_state *next,
                                        const void *message, struct kc_view plain)
{
    const struct kc_fund_reply *reply = message;
    (void)plain;
    if (!next->pending_fund || !kc_purse_answers(reply->request, next->request) ||
        reply->transaction_ms != next->pending_ms ||
        reply->purse.number != purse->settings.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    return conclude(purse, next, reply->outcome, reply->certified);
}

static struct kc_result take_refusal(struct kc_purse *purse, struct kc_purse_state *next,
                                     const void *message, struct kc_view plain)
{
    const struct kc_refusal *refusal = message;
    enum kc_error reason = kc_error_from_number(refusal->reason);
    (void)purse;
    (void)plain;
    bool to_request =
        next->life == KC_LIFE_REQUESTED && kc_purse_answers(refusal->request, next->request);
    bool to_state = kc_purse_answers(refusal->request, next->state_request);
    bool to_settle = kc_purse_answers(refusal->request, next->settle_request);
    bool to_renew = kc_purse_answers(refusal->request, next->renew_request);
    bool to_answer =
        next->life == KC_LIFE_ANSWERED && kc_purse_answers(refusal->request, next->answer);
    if (!to_request && !to_state && !to_settle && !to_renew && !to_answer) {
        return kc_result(KC_MISMATCH);
    }
    if (reason == KC_COPIED_OR_RESTORED || reason == KC_PURSE_BLOCKED ||
        reason == KC_REPORTED_LOST || reason == KC_CLOSED) {
        next->life = KC_LIFE_BLOCKED;
    } else if (to_request) {
        end_pending(next);
    }
    /* A refused answer leaves the transaction open: only a completion or the recovery call ends it. */
    return kc_ok();
}

struct taker {
    const struct kc_shape *shape;
    size_t time_at; /* where the bank's time stamp stands in the message's struct */
    unsigned lives; /* bits by enum kc_life */
    struct kc_result (*take)(struct kc_purse *purse, struct kc_purse_state *next,
                             const void *message, struct kc_view plain);
};

#define IN(life) (1u << (life))
#define ANY_READY                                                                                  \
    (IN(KC_LIFE_READY) | IN(KC_LIFE_REQUESTED) | IN(KC_LIFE_QUOTED) | IN(KC_LIFE_ANSWERED))

/* Which message may come in which life; everything else is refused. */
static const struct taker takers[] = {
    {&kc_cash_quote_shape, offsetof(struct kc_cash_quote, time_ms), IN(KC_LIFE_REQUESTED),
     take_quote},
    {&kc_transfer_quote_shape, offsetof(struct kc_transfer_quote, time_ms), IN(KC_LIFE_REQUESTED),
     take_transfer_quote},
    {&kc_completion_shape, offsetof(struct kc_completion, time_ms), IN(KC_LIFE_ANSWERED),
     take_completion},
    {&kc_state_reply_shape, offsetof(struct kc_state_reply, time_ms), ANY_READY, take_state},
    {&kc_fund_reply_shape, offsetof(struct kc_fund_reply, time_ms), IN(KC_LIFE_REQUESTED),
     take_fund_reply},
    {&kc_refusal_shape, offsetof(struct kc_refusal, time_ms), ANY_READY, take_refusal},
    {&kc_settle_reply_shape, offsetof(struct kc_settle_reply, time_ms), ANY_READY,
     kc_purse_take_settle},
    {&kc_renew_reply_shape, offsetof(struct kc_renew_reply, time_ms), IN(KC_LIFE_READY),
     kc_purse_take_renew},
    {&kc_claim_reply_shape, offsetof(struct kc_claim_reply, time_ms), IN(KC_LIFE_READY),
     kc_purse_take_claimed},
};

/* Which may come from the authority that the bank named. */
static const struct taker authority_takers[] = {
    {&kc_key_reply_shape, offsetof(struct kc_key_reply, time_ms), IN(KC_LIFE_READY),
     kc_purse_take_keys},
    {&kc_done_shape, offsetof(struct kc_done, time_ms), ANY_READY, kc_purse_take_done},
    {&kc_refusal_shape, offsetof(struct kc_refusal, time_ms), ANY_READY,
     kc_purse_take_authority_refusal},
};

static bool is_by_authority(const struct kc_signed *envelope)
{
    return kc_signer_id_holder(&envelope->signer) == KC_SERVER_AUTHORITY;
}

static const struct taker *find_taker(const struct kc_signed *envelope)
{
    const struct kc_shape *shape = kc_signed_shape(envelope);
    bool authority = is_by_authority(envelope);
    const struct taker *rows = authority ? authority_takers : takers;
    size_t count = authority ? sizeof authority_takers / sizeof authority_takers[0]
                             : sizeof takers / sizeof takers[0];
    for (size_t i = 0; i < count; i++) {
        if (rows[i].shape == shape) {
            return &rows[i];
        }
    }
    return NULL;
}

/* The struct of any message a purse takes. */
union taken {
    struct kc_cash_quote quote;
    struct kc_transfer_quote transfer_quote;
    struct kc_completion completion;
    struct kc_state_reply state;
    struct kc_fund_reply fund;
    struct kc_refusal refusal;
    struct kc_settle_reply settle;
    struct kc_renew_reply renew;
    struct kc_claim_reply claim;
    struct kc_key_reply keys;
    struct kc_done done;
};

/* Opens the envelope; the time in its header must be the message's own. */
static struct kc_result open_envelope(union taken *message, struct kc_buffer *plain,
                                      struct kc_purse *purse, const struct kc_signed *envelope,
                                      const struct taker *taker)
{
    uint64_t time_ms;
    struct kc_public_key authority;
    const struct kc_public_key *key = &authority;
    bool by_bank = !is_by_authority(envelope);
    struct kc_result result = by_bank ? kc_ok() : kc_purse_authority_key(&authority, purse);
    if (kc_failed(result)) {
        return result;
    }
    if (by_bank) {
        key = kc_purse_bank_key(purse, envelope);
    }
    result = kc_envelope_open(message, plain, envelope, &purse->crypto, key, &purse->encrypt_key,
                              &purse->realm, taker->shape);
    if (!kc_failed(result) && by_bank) {
        result = kc_purse_check_bank_key(purse, envelope);
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(&time_ms, (const uint8_t *)message + taker->time_at, sizeof time_ms);
    return kc_result(time_ms == envelope->time_ms ? KC_OK : KC_MISMATCH);
}

struct kc_result kc_purse_take(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_signed envelope;
    union taken message;
    struct kc_purse_state next = purse->state;
    struct kc_buffer plain = KC_BUFFER(purse->work.plain);
    struct kc_result result = kc_signed_parse(&envelope, apdu->data);
    if (kc_failed(result)) {
        return result;
    }
    const struct taker *taker = find_taker(&envelope);
    if (taker == NULL) {
        return kc_result(KC_WRONG_TYPE);
    }
    if ((taker->lives & IN(purse->state.life)) == 0) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    result = open_envelope(&message, &plain, purse, &envelope, taker);
    if (!kc_failed(result)) {
        result = taker->take(purse, &next, &message, kc_buffer_view(&plain));
    }
    if (taker->take == kc_purse_take_keys) {
        /* Private keys: they are in the purse's own places now, and go nowhere else. */
        kc_wipe(&message, sizeof message);
        kc_wipe(purse->work.plain, sizeof purse->work.plain);
        plain.size = 0;
    }
    if (kc_failed(result)) {
        return result;
    }
    next.last_message = kc_view(NULL, 0);
    if (purse->state.life == KC_LIFE_ANSWERED && next.life == KC_LIFE_ANSWERED) {
        next.last_message = purse->state.last_message;
    }
    uint64_t key_set = purse->state.key_set;
    result = kc_purse_commit(purse, &next);
    if (!kc_failed(result) && purse->state.key_set != key_set) {
        /* The old keys leave the memory in the same command; a purse without its new ones does nothing more. */
        result = kc_purse_load_keys(purse);
        purse->locked = purse->locked || kc_failed(result);
    }
    return kc_failed(result) ? result : kc_purse_respond(purse, kc_buffer_view(&plain));
}
