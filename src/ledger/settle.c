/* Settlement: a purse reports entries of its history with the signed messages that show them (docs/protocol.md "Settlement").
 *
 *  1. Entries are counted in the order of the purse's chain, each once. What an entry moves on the partner's side is booked at
 *     once, as ahead of the partner's own chain.
 *  2. An entry that cannot be decided yet stops the counting before it; the certified value then reaches up to there.
 *  3. An entry that does not show what it says is counted without effect, with an objection and an alert: nothing of it
 *     touches the partner.
 *  4. Whoever signed two things that exclude each other is out of use, and both are kept. Nobody is accused for less. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

/* What the purse says of itself must follow from its entries, where all of them are in view. A history that sinks below zero
 * is left to the counting, which proves it. */
static struct kc_result start_sums(struct kc_purse_row *sums, struct kc_shadow *value,
                                   const struct kc_ledger_information *given)
{
    const struct kc_gap *gap = &given->gap;
    struct kc_purse_row before = *sums;
    struct kc_amount in;
    struct kc_amount out;
    if (!given->has_gap || gap->counter <= sums->counter) {
        return kc_ok();
    }
    sums->counter = gap->counter;
    sums->paid = gap->paid;
    sums->received = gap->received;
    sums->returned = gap->returned;
    bool grows = !kc_failed(kc_amount_sub(&in, gap->received, before.received)) &&
                 !kc_failed(kc_shadow_add(value, in)) &&
                 !kc_failed(kc_amount_sub(&in, gap->returned, before.returned)) &&
                 !kc_failed(kc_shadow_add(value, in)) &&
                 !kc_failed(kc_amount_sub(&out, gap->paid, before.paid)) &&
                 !kc_failed(kc_shadow_sub(value, out));
    return kc_result(grows ? KC_OK : KC_STALE_STATE);
}

/* The value follows only where the totals at the certified counter are known: for the newest certified value at the end of what
 * was counted. */
static bool value_follows(const struct kc_purse_row *purse,
                          const struct kc_ledger_information *given)
{
    return !given->has_gap || (given->certified.sequence == purse->sequence &&
                               given->certified.counter == purse->counter);
}

static struct kc_result check_sums(const struct kc_purse_row *purse,
                                   const struct kc_ledger_information *given,
                                   const struct kc_ledger_record *records, size_t count)
{
    struct kc_purse_row sums = *purse;
    struct kc_shadow value = {.amount = given->certified.purse_amount};
    const struct kc_value_information *information = &given->information;
    uint64_t start = given->has_gap ? given->gap.counter : given->certified.counter;
    uint64_t last = count == 0 ? start : records[count - 1].entry.counter;
    struct kc_result result = start_sums(&sums, &value, given);
    uint64_t counted = sums.counter;
    if (result.code == KC_STALE_STATE) {
        return result;
    }
    for (size_t i = 0; i < count && !kc_failed(result); i++) {
        const struct kc_entry *entry = &records[i].entry;
        bool out = entry->kind == KC_ENTRY_KIND_PAY || entry->kind == KC_ENTRY_KIND_CASH_OUT;
        bool in = entry->kind == KC_ENTRY_KIND_RECEIVE || entry->kind == KC_ENTRY_KIND_VOID;
        if (out) {
            result = kc_shadow_sub(&value, entry->amount);
        } else if (in) {
            result = kc_shadow_add(&value, entry->amount);
        }
        if (!kc_failed(result) && entry->counter > counted) {
            result = kc_report_totals(&sums, entry);
        }
        if (value.below && value_follows(purse, given)) {
            return kc_ok();
        }
    }
    if (kc_failed(result) || last != information->counter ||
        (value.below && value_follows(purse, given))) {
        return kc_ok();
    }
    bool agree =
        kc_amount_compare(sums.paid, information->paid) == 0 &&
        kc_amount_compare(sums.received, information->received) == 0 &&
        kc_amount_compare(sums.returned, information->returned) == 0 &&
        (!value_follows(purse, given) || kc_amount_compare(value.amount, information->value) == 0);
    return kc_result(agree ? KC_OK : KC_STALE_STATE);
}

struct telling {
    uint64_t only; /* payments that were told with this certified value, or 0 for all */
    struct kc_payment_row rows[KC_LIST_COUNT_MAX];
    size_t count;
};

static bool collect_open(void *owner, const struct kc_payment_row *row)
{
    struct telling *telling = owner;
    if (telling->only == 0 || row->told_sequence == telling->only) {
        telling->rows[telling->count++] = *row;
    }
    return telling->count < KC_LIST_COUNT_MAX;
}

struct gap_telling {
    struct kc_gap_row rows[KC_LIST_COUNT_MAX];
    size_t count;
};

static bool collect_closed(void *owner, const struct kc_gap_row *row)
{
    struct gap_telling *telling = owner;
    if (row->state == KC_GAP_CLOSED) {
        telling->rows[telling->count++] = *row;
    }
    return telling->count < KC_LIST_COUNT_MAX;
}

/* Gaps of the reporter that nobody explained in time, until it shows the certified value that came with the word; and that it
 * owes something. Where a reply has no room for it the next one has. */
static struct kc_result tell_gaps(struct kc_report *report, bool first_time)
{
    struct gap_telling telling = {.count = 0};
    struct kc_ledger_settled *out = report->out;
    const struct kc_store *store = report->ledger->store;
    const struct kc_store_scan scan = {.owner = &telling, .gap = collect_closed};
    struct kc_result result = kc_ledger_note(
        report->ledger, store->scan_gaps_open(store->context, &scan, report->purse->purse.number));
    for (size_t i = 0; i < telling.count && !kc_failed(result); i++) {
        struct kc_gap_row *row = &telling.rows[i];
        bool heard = row->told_sequence != 0 &&
                     report->information->certified.sequence >= row->told_sequence;
        if (out->objection_count == KC_LIST_COUNT_MAX) {
            break;
        }
        if (!heard) {
            kc_report_object(out, row->last, KC_EXPIRED);
        }
        if (first_time) {
            row->state = heard ? KC_GAP_ENDED : KC_GAP_CLOSED;
            row->told_sequence = report->purse->sequence;
            result = kc_gap_save(report->ledger, row);
        }
    }
    if (!kc_amount_is_zero(report->purse->owed) && out->objection_count < KC_LIST_COUNT_MAX) {
        kc_report_object(out, report->purse->counter, KC_DEBT);
    }
    return result;
}

/* Payments of the reporter whose end the bank knows and the purse may not: what was never told first, then what was told longest
 * ago, so that no word keeps the others from being told. A release is told until its void is counted; that a payee took the
 * payment until the purse shows the certified value that was sent with the word, or a later one. What went out with one that the
 * purse did not take was not told, here as with recovery; nor, for all that the bank knows, what went out just before an answer
 * to something else, which may have overtaken it (kc_ledger_bare). A report that is repeated gets the words that it got. */
static struct kc_result tell(struct kc_report *report, bool first_time)
{
    struct telling telling = {.only = first_time ? 0 : report->purse->sequence};
    struct kc_ledger_settled *out = report->out;
    const struct kc_store *store = report->ledger->store;
    const struct kc_store_scan scan = {.owner = &telling, .payment = collect_open};
    struct kc_result result = kc_ok();
    if (first_time) {
        result = kc_ledger_untell(report->ledger, report->purse,
                                  report->information->certified.sequence);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_note(
            report->ledger, store->scan_open(store->context, &scan, report->purse->purse.number));
    }
    for (size_t i = 0; i < telling.count && !kc_failed(result); i++) {
        struct kc_payment_row *row = &telling.rows[i];
        bool taken = row->state == KC_PAYMENT_BOOKED;
        bool heard = first_time && (taken || row->returned) && row->told_sequence != 0;
        if (!heard) {
            out->releases[out->release_count++] =
                (struct kc_release){.counter = row->payer_counter,
                                    .amount = row->amount,
                                    .reason = taken ? 0 : (uint64_t)row->reason};
        }
        if (first_time) {
            row->open = !heard;
            row->told_sequence = report->purse->sequence;
            result = kc_ledger_note(report->ledger, store->payment_put(store->context, row));
        }
    }
    return kc_failed(result) ? result : tell_gaps(report, first_time);
}

struct untelling {
    uint64_t seen;
    size_t count;
    struct kc_payment_row rows[KC_LIST_COUNT_MAX];
};

static bool collect_told(void *owner, const struct kc_payment_row *row)
{
    struct untelling *untelling = owner;
    if (row->told_sequence > untelling->seen) {
        untelling->rows[untelling->count++] = *row;
    }
    return untelling->count < KC_LIST_COUNT_MAX;
}

struct gap_untelling {
    uint64_t seen;
    size_t count;
    struct kc_gap_row rows[KC_LIST_COUNT_MAX];
};

static bool collect_told_gap(void *owner, const struct kc_gap_row *row)
{
    struct gap_untelling *untelling = owner;
    if (row->state == KC_GAP_CLOSED && row->told_sequence > untelling->seen) {
        untelling->rows[untelling->count++] = *row;
    }
    return untelling->count < KC_LIST_COUNT_MAX;
}

static struct kc_result untell_gaps(struct kc_ledger *ledger, const struct kc_purse_row *purse,
                                    uint64_t seen)
{
    struct gap_untelling untelling = {.seen = seen};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &untelling, .gap = collect_told_gap};
    struct kc_result result =
        kc_ledger_note(ledger, store->scan_gaps_open(store->context, &scan, purse->purse.number));
    for (size_t i = 0; i < untelling.count && !kc_failed(result); i++) {
        untelling.rows[i].told_sequence = 0;
        result = kc_gap_save(ledger, &untelling.rows[i]);
    }
    return result;
}

/* Each round changes all that it finds, so the next finds others or none. Of gaps one report tells no more than one round. */
struct kc_result kc_ledger_untell(struct kc_ledger *ledger, const struct kc_purse_row *purse,
                                  uint64_t seen)
{
    struct untelling untelling = {.seen = seen};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &untelling, .payment = collect_told};
    struct kc_result result;
    do {
        untelling.count = 0;
        result =
            kc_ledger_note(ledger, store->scan_open(store->context, &scan, purse->purse.number));
        for (size_t i = 0; i < untelling.count && !kc_failed(result); i++) {
            untelling.rows[i].told_sequence = 0;
            result = kc_ledger_note(ledger, store->payment_put(store->context, &untelling.rows[i]));
        }
    } while (!kc_failed(result) && untelling.count == KC_LIST_COUNT_MAX);
    return kc_failed(result) ? result : untell_gaps(ledger, purse, seen);
}

/* What the purse lost of its history comes before its records. */
static struct kc_result count_gap(struct kc_report *report)
{
    const struct kc_ledger_information *information = report->information;
    if (!information->has_gap) {
        return kc_ok();
    }
    if (information->gap.counter <= report->purse->counter) {
        return kc_gap_see_again(report, &information->gap);
    }
    struct kc_result result = kc_gap_count(report, &information->gap);
    if (result.code == KC_PENDING) {
        kc_report_stop(report->out, information->gap.counter);
    }
    return result;
}

static struct kc_result count_all(struct kc_report *report, const struct kc_ledger_record *records,
                                  size_t count_given)
{
    struct kc_result result = count_gap(report);
    uint64_t before = report->purse->counter;
    for (size_t i = 0; i < count_given && !kc_failed(result); i++) {
        bool seen = records[i].entry.counter <= report->purse->counter;
        result =
            seen ? kc_report_see_again(report, &records[i]) : kc_report_count(report, &records[i]);
        if (result.code == KC_PENDING) {
            kc_report_stop(report->out, records[i].entry.counter);
            break;
        }
    }
    return kc_failed(result) && result.code != KC_PENDING
               ? result
               : kc_ledger_passed(report->ledger, report->purse, before);
}

static struct kc_result repeat(struct kc_report *report, const struct kc_ledger_record *records,
                               size_t count_given)
{
    struct kc_account_row account;
    struct kc_purse_row purse = *report->purse;
    uint64_t pending_entry = 0;
    report->repeated = true;
    struct kc_result result =
        kc_ledger_match(report->ledger, &purse, &account, report->information, &pending_entry);
    if (!kc_failed(result)) {
        result = check_sums(report->purse, report->information, records, count_given);
    }
    bool waits = false;
    if (!kc_failed(result) && report->information->has_gap) {
        waits = report->information->gap.counter > report->purse->counter;
        if (waits) {
            kc_report_stop(report->out, report->information->gap.counter);
        } else {
            result = kc_gap_see_again(report, &report->information->gap);
        }
    }
    for (size_t i = 0; i < count_given && !kc_failed(result) && !waits; i++) {
        if (records[i].entry.counter > report->purse->counter) {
            kc_report_object(report->out, records[i].entry.counter,
                             records[i].objection == KC_OK ? KC_PENDING : records[i].objection);
            break;
        }
        result = kc_report_see_again(report, &records[i]);
    }
    if (!kc_failed(result)) {
        result = tell(report, false);
    }
    return kc_failed(result) ? result
                             : kc_ledger_recall(&report->out->certified, report->purse->certified,
                                                report->purse->certified_size);
}

static struct kc_result claim_and_sweep(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    struct kc_account_row payer;
    struct kc_result result = kc_merchant_payer(&payer, ledger, purse->account.number);
    if (!kc_failed(result)) {
        result = kc_claim_all(ledger, purse, &payer);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_inherit(ledger, purse);
    }
    return kc_failed(result) ? result : kc_merchant_sweep(ledger, purse, &payer);
}

/* `arrival` is the purse at work. */
static struct kc_result settle(struct kc_ledger_settled *out, struct kc_ledger_arrival *arrival,
                               struct kc_ledger *ledger, uint64_t time_ms,
                               const struct kc_ledger_information *information,
                               const struct kc_ledger_record *records, size_t count_given,
                               const struct kc_ledger_source *source)
{
    struct kc_account_row account;
    uint64_t pending_entry = 0;
    memset(out, 0, sizeof *out);
    KC_ASSERT(count_given <= KC_LIST_COUNT_MAX && information->entry_count == 0);
    struct kc_report report = {.ledger = ledger,
                               .purse = &arrival->purse,
                               .information = information,
                               .time_ms = time_ms,
                               .out = out};
    struct kc_result result = kc_ledger_arrive(arrival, ledger, &information->information, time_ms,
                                               KC_EVIDENCE_SETTLE, source);
    if (kc_failed(result)) {
        return result;
    }
    if (arrival->repeat) {
        return arrival->has_transaction ? kc_result(KC_MISMATCH)
                                        : repeat(&report, records, count_given);
    }
    result = kc_ledger_renewed(ledger, &arrival->purse, information, records, count_given, source);
    if (!kc_failed(result)) {
        result = kc_ledger_match(ledger, &arrival->purse, &account, information, &pending_entry);
    }
    if (!kc_failed(result)) {
        result = check_sums(&arrival->purse, information, records, count_given);
    }
    if (!kc_failed(result)) {
        result = kc_claim_restore(ledger, &arrival->purse, information->certified.sequence);
    }
    if (!kc_failed(result)) {
        result = count_all(&report, records, count_given);
    }
    if (kc_failed(result)) {
        /* What was counted before the proof stays counted; the stamp of what is refused is noted. */
        struct kc_result saved = kc_ledger_save_purse(ledger, &arrival->purse);
        if (!kc_failed(saved)) {
            saved = kc_claim_out(ledger, &arrival->purse);
        }
        return kc_failed(saved) ? saved : result;
    }
    if (arrival->purse.counter == information->information.counter) {
        result = kc_gap_return_told(ledger, &arrival->purse, information->certified.sequence);
        if (!kc_failed(result)) {
            result = claim_and_sweep(ledger, &arrival->purse);
        }
    }
    /* What was counted may have moved the account, for an older purse of it. */
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, ledger->store->account_get(ledger->store->context, &account,
                                                                   account.account.number));
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_ledger_certify(&out->certified, ledger, &account, &arrival->purse);
    if (!kc_failed(result)) {
        result = tell(&report, true);
    }
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, &arrival->purse);
}

struct kc_result kc_ledger_settle(struct kc_ledger_settled *out, struct kc_ledger *ledger,
                                  uint64_t time_ms, const struct kc_ledger_information *information,
                                  const struct kc_ledger_record *records, size_t count_given,
                                  const struct kc_ledger_source *source)
{
    struct kc_ledger_arrival arrival = {.repeat = false};
    ledger->at_work = &arrival.purse;
    struct kc_result result =
        settle(out, &arrival, ledger, time_ms, information, records, count_given, source);
    ledger->at_work = NULL;
    return result;
}
