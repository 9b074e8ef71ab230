#include "model.h"

#include <string.h>

#include "base/assert.h"

static struct model_word say(enum kc_error code, enum kc_outcome outcome)
{
    return (struct model_word){.code = code, .outcome = outcome};
}

static struct model_word refuse_with(enum kc_error code)
{
    return say(code, (enum kc_outcome)0);
}

static enum kc_outcome outcome_of(enum kc_transaction_state state)
{
    static const enum kc_outcome outcomes[] = {
        [KC_STATE_QUOTED] = KC_OUTCOME_NONE,
        [KC_STATE_SENT] = KC_OUTCOME_IN_DOUBT,
        [KC_STATE_COMPLETED] = KC_OUTCOME_COMPLETED,
        [KC_STATE_DECLINED] = KC_OUTCOME_DECLINED,
        [KC_STATE_NOT_COMPLETED] = KC_OUTCOME_NOT_COMPLETED,
        [KC_STATE_REFUSED] = KC_OUTCOME_REFUSED,
    };
    return outcomes[state];
}

struct model_transaction *model_find(struct model_purse *purse, uint64_t time_ms)
{
    for (size_t i = purse->count; i > 0; i--) {
        if (purse->transactions[i - 1].time_ms == time_ms) {
            return &purse->transactions[i - 1];
        }
    }
    return NULL;
}

static struct model_transaction *add(struct model_purse *purse)
{
    KC_ASSERT(purse->count < MODEL_TRANSACTIONS);
    struct model_transaction *transaction = &purse->transactions[purse->count++];
    memset(transaction, 0, sizeof *transaction);
    return transaction;
}

static void end_open(struct model *model, struct model_purse *purse)
{
    struct model_transaction *open = purse->open_ms == 0 ? NULL : model_find(purse, purse->open_ms);
    if (open != NULL && open->state == KC_STATE_QUOTED) {
        open->state = KC_STATE_NOT_COMPLETED;
        open->reason = open->expires_ms < model->now_ms ? KC_EXPIRED : KC_NOT_COMPLETED;
    }
    purse->open_ms = 0;
}

/* ---- what a purse tells of itself ---- */

static bool came_to_nothing(const struct model_transaction *transaction)
{
    return transaction->state == KC_STATE_NOT_COMPLETED || transaction->state == KC_STATE_DECLINED;
}

/* Rule 8: a counter below, or another head at a counted counter. */
static bool is_other_history(const struct model_purse *purse,
                             const struct kc_ledger_information *told)
{
    const uint8_t *head = NULL;
    if (told->information.counter < purse->counter) {
        return true;
    }
    head = told->certified.counter == purse->counter ? told->certified.head : NULL;
    for (size_t i = 0; i < told->entry_count && head == NULL; i++) {
        bool here = told->entries[i].entry.counter == purse->counter;
        head = here ? told->entries[i].head_after : NULL;
    }
    return head != NULL && memcmp(head, purse->head, KC_DIGEST_SIZE) != 0;
}

struct tally {
    uint64_t value;
    uint64_t paid;
    uint64_t returned;
    const struct kc_entry *open;
};

/* One entry after what was counted; false when the bank never gave cause for it. */
static bool count(struct tally *tally, struct model_purse *purse, const struct kc_entry *entry)
{
    uint64_t minor = kc_amount_minor(entry->amount);
    bool out = entry->kind == KC_ENTRY_KIND_CASH_OUT;
    uint64_t time_ms =
        out ? entry->transaction_ms : (tally->open != NULL ? tally->open->transaction_ms : 0);
    struct model_transaction *cause = model_find(purse, time_ms);
    if (cause == NULL || out != (tally->open == NULL)) {
        return false;
    }
    if (out) {
        bool fits = cause->kind == KC_TRANSACTION_DEPOSIT && cause->minor == minor &&
                    (cause->state == KC_STATE_QUOTED || came_to_nothing(cause)) &&
                    tally->value >= minor;
        tally->open = entry;
        tally->value -= minor;
        tally->paid += minor;
        return fits;
    }
    bool fits = entry->kind == KC_ENTRY_KIND_VOID && entry->voids == tally->open->counter &&
                kc_amount_minor(tally->open->amount) == minor && came_to_nothing(cause);
    tally->open = NULL;
    tally->value += minor;
    tally->returned += minor;
    return fits;
}

/* Rules 7 and 8. On KC_OK the purse has counted what settled among itself. */
static enum kc_error read_told(struct model *model, struct model_purse *purse,
                               const struct kc_ledger_information *told, bool *pending)
{
    const struct kc_value_information *information = &told->information;
    struct tally tally = {.value = purse->shadow, .paid = purse->paid, .returned = purse->returned};
    uint64_t counted = purse->counter;
    if (purse->out) {
        return KC_PURSE_BLOCKED;
    }
    if (is_other_history(purse, told)) {
        purse->out = true;
        model->alerts += 1;
        return KC_COPIED_OR_RESTORED;
    }
    for (size_t i = 0; i < told->entry_count; i++) {
        const struct kc_entry *entry = &told->entries[i].entry;
        if (entry->counter <= counted) {
            continue;
        }
        if (!count(&tally, purse, entry)) {
            return KC_STALE_STATE;
        }
        if (tally.open == NULL) {
            purse->counter = entry->counter;
            purse->paid = tally.paid;
            purse->returned = tally.returned;
            memcpy(purse->head, told->entries[i].head_after, KC_DIGEST_SIZE);
        }
    }
    bool newest = told->certified.sequence == purse->sequence;
    bool agrees = tally.paid == kc_amount_minor(information->paid) &&
                  tally.returned == kc_amount_minor(information->returned) &&
                  (!newest || tally.value == kc_amount_minor(information->value));
    *pending = tally.open != NULL;
    return agrees ? KC_OK : KC_STALE_STATE;
}

/* ---- requests ---- */

static enum kc_error judge_request(struct model *model, struct model_purse *purse,
                                   const struct kc_ledger_information *told,
                                   enum kc_transaction_kind kind, uint64_t minor)
{
    bool pending = false;
    enum kc_error code = read_told(model, purse, told, &pending);
    if (code != KC_OK) {
        return code;
    }
    if (pending || told->certified.sequence != purse->sequence) {
        return KC_PENDING;
    }
    if (minor == 0) {
        return KC_AMOUNT_ZERO;
    }
    if (kind == KC_TRANSACTION_DEPOSIT) {
        return minor > purse->shadow ? KC_INSUFFICIENT_VALUE : KC_OK;
    }
    if (kind == KC_TRANSACTION_FUND) {
        return minor > KC_AMOUNT_MAX - model->outside ? KC_AMOUNT_TOO_LARGE : KC_OK;
    }
    return minor > purse->account ? KC_INSUFFICIENT_ACCOUNT : KC_OK;
}

static struct model_word repeat_request(const struct model_transaction *found)
{
    bool cash = found->kind == KC_TRANSACTION_WITHDRAW || found->kind == KC_TRANSACTION_DEPOSIT;
    if (cash) {
        return refuse_with(found->state == KC_STATE_REFUSED ? found->reason : KC_OK);
    }
    if (found->state == KC_STATE_SENT) {
        return (struct model_word){.code = KC_OK, .ask = true};
    }
    return say(KC_OK, outcome_of(found->state));
}

static struct model_word request(struct model *model, struct model_purse *purse,
                                 const struct letter *letter, enum kc_transaction_kind kind,
                                 uint64_t minor, uint64_t time_ms)
{
    bool cash = kind == KC_TRANSACTION_WITHDRAW || kind == KC_TRANSACTION_DEPOSIT;
    if (time_ms <= purse->last_ms) {
        const struct model_transaction *found = model_find(purse, time_ms);
        bool repeat = found != NULL && found->request_id == letter->id;
        return repeat ? repeat_request(found) : refuse_with(KC_REPLAYED);
    }
    purse->last_ms = time_ms;
    purse->last_id = letter->id;
    struct model_purse before = *purse;
    enum kc_error code = judge_request(model, purse, &letter->message.information, kind, minor);
    if (code != KC_OK) {
        before.out = purse->out;
        *purse = before;
    } else {
        end_open(model, purse);
    }
    struct model_transaction *transaction = add(purse);
    *transaction = (struct model_transaction){.time_ms = time_ms,
                                              .request_id = letter->id,
                                              .kind = kind,
                                              .minor = minor,
                                              .expires_ms = model->now_ms + WORLD_QUOTE_MS,
                                              .state = cash ? KC_STATE_QUOTED : KC_STATE_SENT};
    if (code != KC_OK) {
        transaction->state = KC_STATE_REFUSED;
        transaction->reason = code;
        return refuse_with(code);
    }
    purse->open_ms = cash ? time_ms : 0;
    if (kind == KC_TRANSACTION_REDEEM) {
        purse->account -= minor;
        model->in_flight += minor;
    }
    return (struct model_word){.code = KC_OK, .ask = !cash};
}

/* ---- answers ---- */

static void chain_entry(struct model *model, struct model_purse *purse, struct kc_view entry)
{
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = model->crypto;
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(purse->head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, entry);
    crypto->sha256_end(crypto->context, &hash, purse->head);
    purse->counter += 1;
}

static void carry_out(struct model *model, struct model_purse *purse,
                      struct model_transaction *transaction, const struct toy_message *message)
{
    uint64_t minor = transaction->minor;
    if (transaction->kind == KC_TRANSACTION_DEPOSIT) {
        chain_entry(model, purse, kc_view(message->entry_bytes, message->entry_size));
        purse->paid += minor;
        purse->shadow -= minor;
        purse->account += minor;
    } else if (purse->account < minor) {
        transaction->state = KC_STATE_NOT_COMPLETED;
        transaction->reason = KC_INSUFFICIENT_ACCOUNT;
        return;
    } else {
        purse->account -= minor;
        purse->shadow += minor;
    }
    transaction->state = KC_STATE_COMPLETED;
}

static struct model_word answer(struct model *model, struct model_purse *purse,
                                const struct letter *letter)
{
    const struct kc_cash_answer *given = &letter->message.answer;
    struct model_transaction *found = model_find(purse, given->transaction_ms);
    bool ok = given->answer == KC_ANSWER_OK;
    if (found == NULL) {
        return refuse_with(KC_UNKNOWN_TRANSACTION);
    }
    if (found->state != KC_STATE_QUOTED) {
        bool cash = found->kind == KC_TRANSACTION_WITHDRAW || found->kind == KC_TRANSACTION_DEPOSIT;
        return cash ? say(KC_OK, outcome_of(found->state)) : refuse_with(KC_MISMATCH);
    }
    if (purse->out) {
        return refuse_with(KC_PURSE_BLOCKED);
    }
    if (given->time_ms <= purse->last_ms) {
        return refuse_with(KC_REPLAYED);
    }
    bool cash_out = ok && found->kind == KC_TRANSACTION_DEPOSIT;
    if (found->request_id != letter->request_id ||
        (cash_out && letter->message.entry.counter != purse->counter + 1)) {
        return refuse_with(KC_MISMATCH);
    }
    purse->last_ms = given->time_ms;
    purse->last_id = letter->id;
    purse->open_ms = 0;
    /* NG certifies nothing anew. */
    purse->sequence += ok ? 1 : 0;
    if (found->expires_ms < model->now_ms) {
        found->state = KC_STATE_NOT_COMPLETED;
        found->reason = KC_EXPIRED;
    } else if (!ok) {
        found->state = KC_STATE_DECLINED;
        found->reason = KC_DECLINED;
    } else {
        carry_out(model, purse, found, &letter->message);
    }
    return say(KC_OK, outcome_of(found->state));
}

/* ---- recovery and settlement ---- */

static struct model_word state(struct model *model, struct model_purse *purse,
                               const struct letter *letter)
{
    const struct kc_state_request *asked = &letter->message.state;
    bool repeat = asked->time_ms <= purse->last_ms;
    bool pending = false;
    if (repeat && purse->last_id != letter->id) {
        return refuse_with(KC_REPLAYED);
    }
    struct model_purse before = *purse;
    if (!repeat) {
        before.last_ms = asked->time_ms;
        before.last_id = letter->id;
    }
    enum kc_error code = read_told(model, purse, &letter->message.information, &pending);
    if (code != KC_OK || repeat) {
        before.out = purse->out;
        *purse = before;
    }
    if (code != KC_OK) {
        return refuse_with(code);
    }
    if (!repeat) {
        purse->last_ms = asked->time_ms;
        purse->last_id = letter->id;
        purse->sequence += 1;
    }
    end_open(model, purse);
    const struct model_transaction *found =
        asked->has_pending ? model_find(purse, asked->pending_ms) : NULL;
    return say(KC_OK, found == NULL ? KC_OUTCOME_NONE : outcome_of(found->state));
}

static struct model_word settle(struct model *model, struct model_purse *purse,
                                const struct letter *letter)
{
    struct model_transaction *found = model_find(purse, letter->order.time_ms);
    KC_ASSERT(found != NULL);
    bool redeem = found->kind == KC_TRANSACTION_REDEEM;
    bool done = letter->answer == KC_OK;
    bool waits = letter->answer == KC_IN_DOUBT ||
                 (done && !redeem && found->minor > KC_AMOUNT_MAX - model->outside);
    if (found->state != KC_STATE_SENT || waits) {
        return say(KC_OK, outcome_of(found->state));
    }
    found->state = done ? KC_STATE_COMPLETED : KC_STATE_REFUSED;
    found->reason = letter->answer;
    purse->sequence += 1;
    if (redeem) {
        model->in_flight -= found->minor;
        purse->account += done ? 0 : found->minor;
        model->outside -= done ? found->minor : 0;
    } else if (done) {
        purse->account += found->minor;
        model->outside += found->minor;
    }
    return say(KC_OK, outcome_of(found->state));
}

struct model_word model_deliver(struct model *model, const struct letter *letter)
{
    struct model_purse *purse = &model->purses[letter->purse];
    const struct toy_message *message = &letter->message;
    if (letter->settles) {
        return settle(model, purse, letter);
    }
    switch (message->kind) {
    case TOY_CASH:
        return request(model, purse, letter,
                       message->cash.kind == KC_CASH_KIND_WITHDRAW ? KC_TRANSACTION_WITHDRAW
                                                                   : KC_TRANSACTION_DEPOSIT,
                       kc_amount_minor(message->cash.amount), message->cash.time_ms);
    case TOY_FUND:
        return request(model, purse, letter,
                       message->fund.kind == KC_FUND_KIND_FUND ? KC_TRANSACTION_FUND
                                                               : KC_TRANSACTION_REDEEM,
                       kc_amount_minor(message->fund.amount), message->fund.time_ms);
    case TOY_ANSWER:
        return answer(model, purse, letter);
    case TOY_STATE:
    case TOY_SETTLE:
        break;
    }
    return state(model, purse, letter);
}
