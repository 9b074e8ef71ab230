/* Which statements exclude each other. */
#include "evidence/evidence.h"

#include <string.h>

#include "base/assert.h"
#include "evidence/inside.h"

/* ---- the rules ---- */

static bool same(const uint8_t a[KC_DIGEST_SIZE], const uint8_t b[KC_DIGEST_SIZE])
{
    return memcmp(a, b, KC_DIGEST_SIZE) == 0;
}

static unsigned when(bool holds, enum kc_proof_rule rule)
{
    return holds ? (unsigned)rule : 0;
}

/* What a payment order excludes. */
static unsigned against_order(const struct kc_statement *order, const struct kc_statement *other)
{
    bool differs = !same(order->digest, other->digest);
    bool paid = other->kind == KC_ENTRY_KIND_PAY && same(order->digest, other->about);
    if (order->counter != other->counter) {
        return 0;
    }
    switch (other->type) {
    case KC_STATEMENT_ORDER:
        return when(differs, KC_PROOF_RULE_TWO_ORDERS);
    case KC_STATEMENT_ENTRY:
        return when(!paid, KC_PROOF_RULE_ORDER_AND_ENTRY);
    case KC_STATEMENT_RECEIPT:
        return KC_PROOF_RULE_ORDER_AND_RECEIPT;
    case KC_STATEMENT_DECLINE:
    case KC_STATEMENT_HEAD:
    case KC_STATEMENT_STAMP:
    case KC_STATEMENT_TOTALS:
    case KC_STATEMENT_CLOSE:
        break;
    }
    return 0;
}

/* What a receipt excludes, but for orders. */
static unsigned against_receipt(const struct kc_statement *receipt,
                                const struct kc_statement *other)
{
    bool differs = !same(receipt->digest, other->digest);
    bool took = other->kind == KC_ENTRY_KIND_RECEIVE && same(receipt->digest, other->about);
    bool here = receipt->counter == other->counter;
    switch (other->type) {
    case KC_STATEMENT_RECEIPT:
        return when(here && differs, KC_PROOF_RULE_TWO_RECEIPTS);
    case KC_STATEMENT_ENTRY:
        return when(here && !took, KC_PROOF_RULE_RECEIPT_AND_ENTRY);
    case KC_STATEMENT_DECLINE:
        return when(!differs, KC_PROOF_RULE_DECLINE_AND_TAKING);
    case KC_STATEMENT_ORDER:
    case KC_STATEMENT_HEAD:
    case KC_STATEMENT_STAMP:
    case KC_STATEMENT_TOTALS:
    case KC_STATEMENT_CLOSE:
        break;
    }
    return 0;
}

static unsigned against_decline(const struct kc_statement *decline,
                                const struct kc_statement *other)
{
    bool took = other->type == KC_STATEMENT_ENTRY && other->kind == KC_ENTRY_KIND_RECEIVE &&
                same(decline->digest, other->about);
    return when(took, KC_PROOF_RULE_DECLINE_AND_TAKING);
}

static bool exceeds(const struct kc_statement *a, const struct kc_statement *b)
{
    return kc_amount_compare(a->paid, b->paid) > 0 ||
           kc_amount_compare(a->received, b->received) > 0 ||
           kc_amount_compare(a->returned, b->returned) > 0;
}

/* No total is higher at an earlier counter, and at one counter they are the same. */
static unsigned between_totals(uint64_t *counter, const struct kc_statement *a,
                               const struct kc_statement *b)
{
    const struct kc_statement *early = a->counter <= b->counter ? a : b;
    const struct kc_statement *late = early == a ? b : a;
    *counter = late->counter;
    return when(exceeds(early, late) || (early->counter == late->counter && exceeds(late, early)),
                KC_PROOF_RULE_TOTALS_FELL);
}

/* `a` is of the same type as `b` or of an earlier one. */
static unsigned ordered_conflict(uint64_t *counter, const struct kc_statement *a,
                                 const struct kc_statement *b)
{
    bool here = a->counter == b->counter;
    *counter = a->counter;
    switch (a->type) {
    case KC_STATEMENT_ORDER:
        return against_order(a, b);
    case KC_STATEMENT_RECEIPT:
        /* Of the two, a decline names the counter that the payment was for. */
        *counter = b->type == KC_STATEMENT_DECLINE ? b->counter : a->counter;
        return against_receipt(a, b);
    case KC_STATEMENT_DECLINE:
        return against_decline(a, b);
    case KC_STATEMENT_ENTRY:
        return when(here && b->type == KC_STATEMENT_ENTRY && !same(a->digest, b->digest),
                    KC_PROOF_RULE_TWO_ENTRIES);
    case KC_STATEMENT_HEAD:
        return when(here && b->type == KC_STATEMENT_HEAD && !same(a->digest, b->digest),
                    KC_PROOF_RULE_TWO_HEADS);
    case KC_STATEMENT_STAMP:
        *counter = here || a->counter > b->counter ? a->counter : b->counter;
        return when(b->type == KC_STATEMENT_STAMP &&
                        ((a->time_ms < b->time_ms && a->counter > b->counter) ||
                         (b->time_ms < a->time_ms && b->counter > a->counter)),
                    KC_PROOF_RULE_COUNTER_FELL);
    case KC_STATEMENT_TOTALS:
        return b->type == KC_STATEMENT_TOTALS ? between_totals(counter, a, b) : 0;
    case KC_STATEMENT_CLOSE:
        break;
    }
    return 0;
}

unsigned kc_evidence_conflict(uint64_t *counter, const struct kc_statement *a,
                              const struct kc_statement *b)
{
    return a->type <= b->type ? ordered_conflict(counter, a, b) : ordered_conflict(counter, b, a);
}

/* ---- examining ---- */

/* What is looked for: any proof when the rule is 0. */
struct wanted {
    enum kc_error reason; /* KC_OK: of either kind */
    unsigned rule;
    uint64_t counter;
};

static bool is_wanted(const struct wanted *wanted, unsigned rule, uint64_t counter)
{
    return rule != 0 && (wanted->rule == 0 || (wanted->rule == rule && wanted->counter == counter));
}

typedef unsigned judging(uint64_t *counter, const struct kc_statement *a,
                         const struct kc_statement *b);

/* Over a renewal an order that was signed behind the end is nothing but that. */
static bool may_judge(const struct kc_evidence_case *about, judging *judge,
                      const struct kc_statement *statement)
{
    return judge == kc_evidence_after_close || kc_evidence_counts(about, statement);
}

/* Two statements, one from each item. */
static struct kc_result find_conflict(struct kc_evidence_finding *out,
                                      const struct kc_evidence_case *about,
                                      const struct wanted *wanted, judging *judge)
{
    const struct kc_evidence_work *work = about->work;
    size_t last = about->content->item_count - 1;
    for (size_t i = 0; i < work->statement_count; i++) {
        for (size_t j = i + 1; j < work->statement_count; j++) {
            const struct kc_statement *a = &work->statements[i];
            const struct kc_statement *b = &work->statements[j];
            uint64_t counter = 0;
            if (a->item != 0 || b->item != last || !may_judge(about, judge, a)) {
                continue;
            }
            unsigned rule = judge(&counter, a, b);
            if (is_wanted(wanted, rule, counter)) {
                out->rule = (enum kc_proof_rule)rule;
                out->counter = counter;
                out->first = *a;
                out->second = *b;
                return kc_ok();
            }
        }
    }
    return kc_result(KC_NOT_PROVEN);
}

static struct kc_result find_proof(struct kc_evidence_finding *out, struct kc_evidence_case *about,
                                   const struct wanted *wanted)
{
    struct kc_result result = kc_result(KC_NOT_PROVEN);
    if (wanted->rule != KC_PROOF_RULE_OVERSPENT && wanted->reason != KC_OVERSPENT) {
        result = find_conflict(out, about, wanted, kc_evidence_conflict);
        if (result.code == KC_NOT_PROVEN && about->content->renewed) {
            result = find_conflict(out, about, wanted, kc_evidence_after_close);
        }
    }
    if (result.code == KC_NOT_PROVEN && wanted->reason != KC_COPIED_OR_RESTORED &&
        (wanted->rule == 0 || wanted->rule == KC_PROOF_RULE_OVERSPENT)) {
        result = kc_evidence_overspent(out, about);
        if (!kc_failed(result) && !is_wanted(wanted, out->rule, out->counter)) {
            result = kc_result(KC_NOT_PROVEN);
        }
    }
    return result;
}

struct kc_result kc_evidence_open_own(struct kc_identity *out, const struct kc_evidence_case *about,
                                      struct kc_view identity)
{
    const struct kc_evidence_content *content = about->content;
    struct kc_result result =
        kc_identity_open(out, about->crypto, about->bank, &content->realm, identity);
    bool own = !kc_failed(result) && out->purse.number == content->purse.number &&
               out->account.number == content->account.number;
    return kc_failed(result) ? result : kc_result(own ? KC_OK : KC_MISMATCH);
}

static struct kc_result read_items(struct kc_evidence_case *about)
{
    const struct kc_evidence_content *content = about->content;
    struct kc_result result = kc_evidence_open_own(&about->accused, about, content->identity);
    for (size_t i = 0; i < content->item_count && !kc_failed(result); i++) {
        result = kc_evidence_read_item(about, i, &content->items[i]);
    }
    return result;
}

static struct kc_result examine(struct kc_evidence_finding *out, struct kc_evidence_case *about,
                                const struct wanted *wanted)
{
    const struct kc_evidence_content *content = about->content;
    memset(out, 0, sizeof *out);
    about->work->statement_count = 0;
    if (content->item_count == 0 || content->item_count > KC_EVIDENCE_ITEMS_MAX) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result =
        content->renewed ? kc_evidence_read_renewed(about) : read_items(about);
    if (!kc_failed(result)) {
        result = find_proof(out, about, wanted);
    }
    out->part_count = content->item_count;
    memcpy(out->parts, about->parts, sizeof out->parts);
    return result;
}

struct kc_result kc_evidence_find(struct kc_evidence_finding *out, struct kc_evidence_work *work,
                                  const struct kc_crypto *crypto, const struct kc_public_key *bank,
                                  const struct kc_evidence_content *content, enum kc_error reason)
{
    struct kc_evidence_case about = {
        .work = work, .crypto = crypto, .bank = bank, .content = content};
    return examine(out, &about, &(struct wanted){.reason = reason});
}

struct kc_result kc_evidence_check(struct kc_evidence_finding *out, struct kc_evidence_work *work,
                                   const struct kc_crypto *crypto, const struct kc_public_key *bank,
                                   const struct kc_evidence_content *content,
                                   const struct kc_evidence_file *file)
{
    struct kc_evidence_case about = {
        .work = work, .crypto = crypto, .bank = bank, .content = content};
    const struct wanted wanted = {.rule = (unsigned)file->rule, .counter = file->counter};
    return examine(out, &about, &wanted);
}
