/* What a purse says of itself, against what the ledger knows of it. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

struct kc_shown kc_shown_last(const struct kc_purse_row *purse)
{
    struct kc_shown shown = {.time_ms = purse->last_ms};
    memcpy(shown.digest, purse->last_digest, KC_DIGEST_SIZE);
    return shown;
}

struct kc_shown kc_shown_counted(const struct kc_purse_row *purse)
{
    struct kc_shown shown = {.time_ms = purse->counted_ms};
    memcpy(shown.digest, purse->counted_digest, KC_DIGEST_SIZE);
    return shown;
}

struct kc_result kc_ledger_accuse(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                  enum kc_error reason, uint64_t counter,
                                  const struct kc_shown *evidence, const struct kc_shown *against)
{
    struct kc_alert_row alert = {.purse = purse->purse,
                                 .time_ms = ledger->now_ms,
                                 .reason = reason,
                                 .evidence_ms = evidence->time_ms,
                                 .against_ms = against->time_ms,
                                 .counter = counter};
    const struct kc_store *store = ledger->store;
    memcpy(alert.evidence_digest, evidence->digest, KC_DIGEST_SIZE);
    memcpy(alert.against_digest, against->digest, KC_DIGEST_SIZE);
    struct kc_result result = kc_ledger_note(ledger, store->alert_add(store->context, &alert));
    if (!kc_failed(result)) {
        result = kc_ledger_put_out(ledger, purse, reason);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->purse_put(store->context, purse));
    }
    return kc_failed(result) ? result : kc_result(reason);
}

/* A walk over the entries that the ledger has not counted yet. */
struct walk {
    struct kc_purse_row *purse;
    struct kc_amount value;
    uint64_t open_counter; /* of a cash-out that was not given back */
    struct kc_amount open_amount;
    uint64_t open_transaction_ms;
    struct kc_amount paid;
    struct kc_amount returned;
};

static bool ended_without_effect(enum kc_transaction_state state)
{
    return state == KC_STATE_NOT_COMPLETED || state == KC_STATE_DECLINED;
}

/* A cash-out belongs to a deposit that was quoted for the same amount; a final one must have ended without effect, because
 * a completed one was counted. */
static struct kc_result walk_cash_out(struct kc_ledger *ledger, struct walk *walk,
                                      const struct kc_entry *entry)
{
    struct kc_transaction_row row;
    const struct kc_store *store = ledger->store;
    if (!entry->has_transaction || walk->open_counter != 0) {
        return kc_result(KC_STALE_STATE);
    }
    struct kc_result result = kc_ledger_note(
        ledger, store->transaction_get(store->context, &row, walk->purse->purse.number,
                                       entry->transaction_ms));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_STALE_STATE) : result;
    }
    bool fits = kc_is_cash_out(row.kind) && kc_amount_compare(row.amount, entry->amount) == 0 &&
                (row.state == KC_STATE_QUOTED || ended_without_effect(row.state));
    if (!fits || kc_failed(kc_amount_sub(&walk->value, walk->value, entry->amount)) ||
        kc_failed(kc_amount_add(&walk->paid, walk->paid, entry->amount))) {
        return kc_result(KC_STALE_STATE);
    }
    walk->open_counter = entry->counter;
    walk->open_amount = entry->amount;
    walk->open_transaction_ms = entry->transaction_ms;
    return kc_ok();
}

static struct kc_result walk_void(struct kc_ledger *ledger, struct walk *walk,
                                  const struct kc_entry *entry)
{
    struct kc_transaction_row row;
    const struct kc_store *store = ledger->store;
    if (walk->open_counter == 0 || !entry->has_voids || entry->voids != walk->open_counter) {
        return kc_result(KC_PENDING);
    }
    if (kc_amount_compare(entry->amount, walk->open_amount) != 0) {
        return kc_result(KC_STALE_STATE);
    }
    struct kc_result result = kc_ledger_note(
        ledger, store->transaction_get(store->context, &row, walk->purse->purse.number,
                                       walk->open_transaction_ms));
    if (kc_failed(result)) {
        return result;
    }
    if (!ended_without_effect(row.state) ||
        kc_failed(kc_amount_add(&walk->value, walk->value, entry->amount)) ||
        kc_failed(kc_amount_add(&walk->returned, walk->returned, entry->amount))) {
        return kc_result(KC_STALE_STATE);
    }
    walk->open_counter = 0;
    return kc_ok();
}

static struct kc_result walk_entry(struct kc_ledger *ledger, struct walk *walk,
                                   const struct kc_ledger_entry *item)
{
    /* What only a report with its records can show stays undecided here. */
    struct kc_result result = kc_result(KC_PENDING);
    switch (item->entry.kind) {
    case KC_ENTRY_KIND_CASH_OUT:
        result = walk_cash_out(ledger, walk, &item->entry);
        break;
    case KC_ENTRY_KIND_VOID:
        result = walk_void(ledger, walk, &item->entry);
        break;
    case KC_ENTRY_KIND_PAY:
    case KC_ENTRY_KIND_RECEIVE:
    case KC_ENTRY_KIND_REFUSE:
    case KC_ENTRY_KIND_CLOSE:
        break;
    }
    if (!kc_failed(result) && walk->open_counter == 0) {
        /* Everything up to here settles among itself, so the next certified value may include it. */
        walk->purse->counter = item->entry.counter;
        memcpy(walk->purse->head, item->head_after, KC_DIGEST_SIZE);
        walk->purse->paid = walk->paid;
        walk->purse->returned = walk->returned;
        walk->purse->counted_ms = walk->purse->last_ms;
        memcpy(walk->purse->counted_digest, walk->purse->last_digest, KC_DIGEST_SIZE);
    }
    return result;
}

/* True when the purse's chain contradicts what the ledger has counted: then two histories exist for one purse. */
static bool contradicts(const struct kc_purse_row *purse, const struct kc_ledger_information *given)
{
    const struct kc_certified *certified = &given->certified;
    if (given->information.counter < purse->counter) {
        return true;
    }
    if (given->information.counter == purse->counter) {
        return memcmp(given->information.head, purse->head, KC_DIGEST_SIZE) != 0;
    }
    if (certified->counter == purse->counter) {
        return memcmp(certified->head, purse->head, KC_DIGEST_SIZE) != 0;
    }
    for (size_t i = 0; i < given->entry_count; i++) {
        if (given->entries[i].entry.counter == purse->counter) {
            return memcmp(given->entries[i].head_after, purse->head, KC_DIGEST_SIZE) != 0;
        }
    }
    return false;
}

static struct kc_result walk_all(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                 const struct kc_ledger_information *given, uint64_t *pending_entry)
{
    /* The purse's own sum rests on the certified value that it holds, which may be older than the ledger's. */
    bool newest = given->certified.sequence == purse->sequence;
    struct walk walk = {.purse = purse,
                        .value = newest ? given->certified.purse_amount : purse->value,
                        .paid = purse->paid,
                        .returned = purse->returned};
    uint64_t counted = purse->counter;
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < given->entry_count && !kc_failed(result); i++) {
        if (given->entries[i].entry.counter > counted) {
            result = walk_entry(ledger, &walk, &given->entries[i]);
        }
    }
    const struct kc_value_information *information = &given->information;
    bool stopped = result.code == KC_PENDING;
    uint64_t last = given->entry_count == 0 ? given->certified.counter
                                            : given->entries[given->entry_count - 1].entry.counter;
    *pending_entry = walk.open_counter;
    if (stopped || (!kc_failed(result) && last != information->counter)) {
        /* The purse's sums describe its newest entry, which is beyond what was looked at. */
        return kc_ok();
    }
    bool totals_agree = kc_amount_compare(walk.paid, information->paid) == 0 &&
                        kc_amount_compare(walk.returned, information->returned) == 0 &&
                        kc_amount_compare(purse->received, information->received) == 0;
    if (!kc_failed(result) && !totals_agree) {
        result = kc_result(KC_STALE_STATE);
    }
    if (!kc_failed(result) && newest && kc_amount_compare(walk.value, information->value) != 0) {
        result = kc_result(KC_STALE_STATE);
    }
    return result;
}

static bool belongs(const struct kc_purse_row *purse, const struct kc_ledger_information *given)
{
    const struct kc_value_information *information = &given->information;
    return purse->account.number == information->account.number &&
           purse->type == information->purse_type &&
           given->certified.purse.number == purse->purse.number &&
           given->certified.account.number == purse->account.number &&
           given->certified.sequence <= purse->sequence &&
           kc_equal_secret(purse->identity_digest, given->identity_digest, KC_DIGEST_SIZE);
}

static struct kc_result usable(const struct kc_ledger *ledger, const struct kc_purse_row *purse,
                               const struct kc_account_row *account)
{
    struct kc_result standing = kc_account_standing(account);
    if (purse->state == KC_PURSE_OUT) {
        return kc_result(kc_purse_refusal(purse));
    }
    if (purse->state != KC_PURSE_ACTIVE) {
        return kc_result(KC_ACCOUNT_NOT_OPEN);
    }
    if (kc_failed(standing)) {
        return standing;
    }
    return kc_result(account->expires_ms < ledger->now_ms ? KC_ACCOUNT_EXPIRED : KC_OK);
}

struct kc_result kc_ledger_match(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                 struct kc_account_row *account,
                                 const struct kc_ledger_information *information,
                                 uint64_t *pending_entry)
{
    const struct kc_store *store = ledger->store;
    *pending_entry = 0;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, account, purse->account.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    if (!belongs(purse, information)) {
        return kc_result(KC_MISMATCH);
    }
    result = usable(ledger, purse, account);
    if (kc_failed(result)) {
        return result;
    }
    if (contradicts(purse, information)) {
        const struct kc_shown last = kc_shown_last(purse);
        const struct kc_shown counted = kc_shown_counted(purse);
        return kc_ledger_accuse(ledger, purse, KC_COPIED_OR_RESTORED, 0, &last, &counted);
    }
    return walk_all(ledger, purse, information, pending_entry);
}

enum kc_outcome kc_ledger_outcome_of(enum kc_transaction_state state)
{
    switch (state) {
    case KC_STATE_COMPLETED:
        return KC_OUTCOME_COMPLETED;
    case KC_STATE_DECLINED:
        return KC_OUTCOME_DECLINED;
    case KC_STATE_NOT_COMPLETED:
        return KC_OUTCOME_NOT_COMPLETED;
    case KC_STATE_SENT:
        return KC_OUTCOME_IN_DOUBT;
    case KC_STATE_REFUSED:
        return KC_OUTCOME_REFUSED;
    case KC_STATE_QUOTED:
        break;
    }
    return KC_OUTCOME_NONE;
}

struct kc_result kc_ledger_bare(struct kc_ledger *ledger, const struct kc_purse_row *purse)
{
    return purse->sequence == 0 ? kc_ok() : kc_ledger_untell(ledger, purse, purse->sequence - 1);
}

struct kc_result kc_ledger_newest(struct kc_certified *out, struct kc_ledger *ledger,
                                  const struct kc_purse_row *purse)
{
    struct kc_result result = kc_ledger_bare(ledger, purse);
    return kc_failed(result) ? result
                             : kc_ledger_recall(out, purse->certified, purse->certified_size);
}

struct kc_result kc_ledger_stored(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                                  const struct kc_transaction_row *transaction,
                                  const struct kc_purse_row *purse)
{
    bool own = transaction->certified_size > 0;
    *out = (struct kc_ledger_outcome){.outcome = kc_ledger_outcome_of(transaction->state),
                                      .reason = transaction->reason,
                                      .transaction_ms = transaction->time_ms,
                                      .has_certified = true};
    return own ? kc_ledger_recall(&out->certified, transaction->certified,
                                  transaction->certified_size)
               : kc_ledger_newest(&out->certified, ledger, purse);
}

struct kc_result kc_ledger_end_open(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    const struct kc_store *store = ledger->store;
    struct kc_transaction_row row;
    if (purse->open_ms == 0) {
        return kc_ok();
    }
    struct kc_result result = kc_ledger_note(
        ledger, store->transaction_get(store->context, &row, purse->purse.number, purse->open_ms));
    if (kc_failed(result)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    if (row.state != KC_STATE_QUOTED) {
        return kc_ok();
    }
    row.state = KC_STATE_NOT_COMPLETED;
    row.reason = row.expires_ms < ledger->now_ms ? KC_EXPIRED : KC_NOT_COMPLETED;
    purse->open_ms = 0;
    return kc_ledger_note(ledger, store->transaction_put(store->context, &row));
}

/* ---- arrivals ---- */

struct kc_result kc_ledger_save_purse(struct kc_ledger *ledger, const struct kc_purse_row *purse)
{
    return kc_ledger_note(ledger, ledger->store->purse_put(ledger->store->context, purse));
}

struct kc_result kc_ledger_save_transaction(struct kc_ledger *ledger,
                                            const struct kc_transaction_row *transaction)
{
    return kc_ledger_note(ledger,
                          ledger->store->transaction_put(ledger->store->context, transaction));
}

static struct kc_result find_repeat(struct kc_ledger_arrival *out, struct kc_ledger *ledger,
                                    uint64_t time_ms, const struct kc_ledger_source *source)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->transaction_get(store->context, &out->transaction,
                                                      out->purse.purse.number, time_ms));
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    out->has_transaction = !kc_failed(result) && memcmp(out->transaction.request_digest,
                                                        source->digest, KC_DIGEST_SIZE) == 0;
    bool same_as_last = memcmp(out->purse.last_digest, source->digest, KC_DIGEST_SIZE) == 0;
    out->repeat = out->has_transaction || same_as_last;
    return kc_result(out->repeat ? KC_OK : KC_REPLAYED);
}

struct kc_result kc_ledger_arrive(struct kc_ledger_arrival *out, struct kc_ledger *ledger,
                                  const struct kc_value_information *from, uint64_t time_ms,
                                  enum kc_evidence_kind kind, const struct kc_ledger_source *source)
{
    const struct kc_store *store = ledger->store;
    memset(out, 0, sizeof *out);
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &out->purse, from->purse.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    if (out->purse.account.number != from->account.number) {
        return kc_result(KC_UNKNOWN_PURSE);
    }
    result = kc_ledger_check_key(ledger, source->signer, kind == KC_EVIDENCE_SETTLE);
    if (!kc_failed(result)) {
        result = kc_ledger_keep(ledger, from->purse, time_ms, kind, source);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (time_ms <= out->purse.last_ms) {
        return find_repeat(out, ledger, time_ms, source);
    }
    out->purse.last_ms = time_ms;
    memcpy(out->purse.last_digest, source->digest, KC_DIGEST_SIZE);
    return kc_ok();
}

void kc_ledger_new_transaction(struct kc_transaction_row *out, const struct kc_ledger *ledger,
                               const struct kc_purse_row *purse, uint64_t time_ms,
                               enum kc_transaction_kind kind, struct kc_amount amount,
                               const struct kc_ledger_source *source)
{
    memset(out, 0, sizeof *out);
    out->purse = purse->purse;
    out->time_ms = time_ms;
    out->kind = kind;
    out->amount = amount;
    out->quoted_ms = ledger->now_ms;
    memcpy(out->request_digest, source->digest, KC_DIGEST_SIZE);
}

struct kc_result kc_ledger_refuse(struct kc_ledger *ledger, const struct kc_purse_row *purse,
                                  struct kc_transaction_row *transaction, enum kc_error reason)
{
    KC_ASSERT(reason != KC_OK);
    transaction->state = KC_STATE_REFUSED;
    transaction->reason = reason;
    struct kc_result result = kc_ledger_save_transaction(ledger, transaction);
    if (!kc_failed(result)) {
        result = kc_ledger_save_purse(ledger, purse);
    }
    if (!kc_failed(result)) {
        struct kc_purse_row row = *purse;
        result = kc_claim_out(ledger, &row);
    }
    return kc_failed(result) ? result : kc_result(reason);
}

struct kc_result kc_ledger_check_amount(struct kc_amount amount)
{
    if (kc_amount_is_zero(amount)) {
        return kc_result(KC_AMOUNT_ZERO);
    }
    return kc_ok();
}
