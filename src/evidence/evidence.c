/* Which statements exclude each other, and the file around them. */
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
        return between_totals(counter, a, b);
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

/* Two statements, one from each item. */
static struct kc_result find_conflict(struct kc_evidence_finding *out,
                                      const struct kc_evidence_case *about,
                                      const struct wanted *wanted)
{
    const struct kc_evidence_work *work = about->work;
    size_t last = about->content->item_count - 1;
    for (size_t i = 0; i < work->statement_count; i++) {
        for (size_t j = i + 1; j < work->statement_count; j++) {
            const struct kc_statement *a = &work->statements[i];
            const struct kc_statement *b = &work->statements[j];
            uint64_t counter = 0;
            unsigned rule = kc_evidence_conflict(&counter, a, b);
            if (a->item == 0 && b->item == last && is_wanted(wanted, rule, counter)) {
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
        result = find_conflict(out, about, wanted);
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

static struct kc_result examine(struct kc_evidence_finding *out, struct kc_evidence_case *about,
                                const struct wanted *wanted)
{
    const struct kc_evidence_content *content = about->content;
    memset(out, 0, sizeof *out);
    about->work->statement_count = 0;
    memset(&about->work->history, 0, sizeof about->work->history);
    if (content->item_count == 0 || content->item_count > KC_EVIDENCE_ITEMS_MAX) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_identity_open(&about->accused, about->crypto, about->bank,
                                               &content->realm, content->identity);
    if (!kc_failed(result) && (about->accused.purse.number != content->purse.number ||
                               about->accused.account.number != content->account.number)) {
        result = kc_result(KC_MISMATCH);
    }
    for (size_t i = 0; i < content->item_count && !kc_failed(result); i++) {
        result = kc_evidence_read_item(about, i);
    }
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

/* ---- the file ---- */

static struct kc_result put_item(struct kc_view_list *list, struct kc_buffer *room,
                                 const struct kc_evidence_item *item)
{
    struct kc_buffer out = {.data = room->data + room->size,
                            .capacity = room->capacity - room->size};
    struct kc_result result = kc_shape_encode(&out, &kc_evidence_item_shape, item);
    if (!kc_failed(result)) {
        list->items[list->count++] = kc_buffer_view(&out);
        room->size += out.size;
    }
    return result;
}

struct kc_result kc_evidence_make(struct kc_buffer *out, struct kc_evidence_work *work,
                                  const struct kc_crypto *crypto, const struct kc_signer *bank,
                                  const struct kc_evidence_content *content,
                                  const struct kc_evidence_finding *finding,
                                  const struct kc_evidence_label *label)
{
    struct kc_buffer items = {.data = work->plain[0], .capacity = sizeof work->plain};
    struct kc_buffer plain = KC_BUFFER(work->encoded);
    struct kc_evidence_file file = {.bank = content->realm.bank,
                                    .currency = kc_view(content->realm.currency, 3),
                                    .decimals = label->decimals,
                                    .alert = label->alert,
                                    .rule = finding->rule,
                                    .counter = finding->counter,
                                    .account = content->account,
                                    .purse = content->purse,
                                    .identity = content->identity,
                                    .time_ms = label->time_ms};
    struct kc_result result = kc_ok();
    if (finding->rule == KC_PROOF_RULE_OVERSPENT) {
        file.partners = content->partners;
    }
    for (size_t i = 0; i < content->item_count && !kc_failed(result); i++) {
        result = put_item(&file.items, &items, &content->items[i]);
    }
    if (!kc_failed(result)) {
        result = kc_shape_encode(&plain, &kc_evidence_file_shape, &file);
    }
    return kc_failed(result) ? result
                             : kc_sign(out, crypto, bank, &content->realm,
                                       kc_evidence_file_shape.domain, 0, kc_buffer_view(&plain));
}

struct kc_result kc_evidence_realm(struct kc_realm *out, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_evidence_file file;
    char currency[4] = "";
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&file, &kc_evidence_file_shape, parsed.payload);
    }
    if (!kc_failed(result)) {
        memcpy(currency, file.currency.data, file.currency.size);
        result = kc_realm_set(out, file.bank, currency);
    }
    return result;
}

static struct kc_result read_file(struct kc_evidence_verdict *out, const struct kc_crypto *crypto,
                                  const struct kc_public_key *bank, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_signer_id id;
    char currency[4] = "";
    struct kc_evidence_file *file = &out->file;
    if (bytes.size > KC_EVIDENCE_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result) && parsed.has_time) {
        result = kc_result(KC_MALFORMED);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(file, &kc_evidence_file_shape, parsed.payload);
    }
    if (!kc_failed(result) && file->decimals > KC_AMOUNT_DECIMALS_MAX) {
        result = kc_result(KC_MALFORMED);
    }
    if (!kc_failed(result)) {
        memcpy(currency, file->currency.data, file->currency.size);
        result = kc_realm_set(&out->realm, file->bank, currency);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_signer_id_make(&id, crypto, KC_SERVER_BANK, bank);
    if (memcmp(&id, &parsed.signer, sizeof id) != 0) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    return kc_signed_verify(&parsed, crypto, bank, &out->realm, kc_evidence_file_shape.domain);
}

static struct kc_result take_content(struct kc_evidence_content *out,
                                     const struct kc_evidence_verdict *verdict)
{
    const struct kc_evidence_file *file = &verdict->file;
    *out = (struct kc_evidence_content){.realm = verdict->realm,
                                        .account = file->account,
                                        .purse = file->purse,
                                        .identity = file->identity,
                                        .partners = file->partners,
                                        .item_count = file->items.count};
    bool spare = file->rule != KC_PROOF_RULE_OVERSPENT && file->partners.count > 0;
    struct kc_result result = kc_result(spare ? KC_MALFORMED : KC_OK);
    KC_ASSERT(file->items.count <= KC_EVIDENCE_ITEMS_MAX);
    for (size_t i = 0; i < file->items.count && !kc_failed(result); i++) {
        result = kc_shape_decode(&out->items[i], &kc_evidence_item_shape, file->items.items[i]);
    }
    return result;
}

struct kc_result kc_evidence_verify(struct kc_evidence_verdict *out, struct kc_evidence_work *work,
                                    const struct kc_crypto *crypto,
                                    const struct kc_public_key *bank, struct kc_view bytes)
{
    struct kc_evidence_content content;
    memset(out, 0, sizeof *out);
    struct kc_result result = read_file(out, crypto, bank, bytes);
    if (!kc_failed(result)) {
        result = take_content(&content, out);
    }
    if (kc_failed(result)) {
        return result;
    }
    struct kc_evidence_case about = {
        .work = work, .crypto = crypto, .bank = bank, .content = &content};
    const struct wanted wanted = {.rule = (unsigned)out->file.rule, .counter = out->file.counter};
    return examine(&out->finding, &about, &wanted);
}
