/* From signed items to statements: what the purse said, and nothing that it did not sign. */
#include <string.h>

#include "base/assert.h"
#include "evidence/inside.h"

static struct kc_statement *add(struct kc_evidence_case *about, size_t item,
                                enum kc_statement_type type, uint64_t counter)
{
    struct kc_evidence_work *work = about->work;
    KC_ASSERT(work->statement_count < KC_STATEMENTS_MAX);
    struct kc_statement *out = &work->statements[work->statement_count++];
    *out = (struct kc_statement){.type = type, .item = item, .counter = counter};
    return out;
}

static void add_head(struct kc_evidence_case *about, size_t item, uint64_t counter,
                     const uint8_t head[KC_DIGEST_SIZE])
{
    memcpy(add(about, item, KC_STATEMENT_HEAD, counter)->digest, head, KC_DIGEST_SIZE);
}

static void add_stamp(struct kc_evidence_case *about, size_t item, uint64_t counter,
                      uint64_t time_ms)
{
    add(about, item, KC_STATEMENT_STAMP, counter)->time_ms = time_ms;
}

static void add_totals(struct kc_evidence_case *about, size_t item, uint64_t counter,
                       const struct kc_amount totals[3])
{
    struct kc_statement *out = add(about, item, KC_STATEMENT_TOTALS, counter);
    out->paid = totals[0];
    out->received = totals[1];
    out->returned = totals[2];
}

/* ---- brief items ---- */

/* Verifies what is signed in the brief form and decodes it. */
static struct kc_result open_brief(void *message, const struct kc_evidence_case *about,
                                   struct kc_view bytes, const struct kc_shape *shape)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_brief_verify(&parsed, about->crypto, &about->accused.key,
                                 &about->content->realm, shape->domain);
    }
    return kc_failed(result) ? result : kc_shape_decode(message, shape, parsed.payload);
}

static struct kc_result read_order(struct kc_evidence_case *about, size_t item,
                                   struct kc_view bytes)
{
    struct kc_payment_order order;
    struct kc_result result = open_brief(&order, about, bytes, &kc_payment_order_shape);
    if (kc_failed(result)) {
        return result;
    }
    if (order.payer_purse.number != about->accused.purse.number ||
        order.payer.number != about->accused.account.number || order.has_card ||
        order.payer_counter == 0) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_statement *out = add(about, item, KC_STATEMENT_ORDER, order.payer_counter);
    kc_digest(about->crypto, out->digest, bytes);
    out->amount = order.amount;
    out->account = order.payee;
    out->purse = order.payee_purse;
    out->time_ms = order.time_ms;
    add_head(about, item, order.payer_counter - 1, order.head);
    struct kc_amount totals[] = {order.paid, order.received, order.returned};
    add_totals(about, item, order.payer_counter - 1, totals);
    if (!kc_failed(kc_amount_add(&totals[0], order.paid, order.amount))) {
        add_totals(about, item, order.payer_counter, totals);
    }
    return kc_ok();
}

static struct kc_result read_receipt(struct kc_evidence_case *about, size_t item,
                                     struct kc_view bytes)
{
    struct kc_receipt receipt;
    struct kc_result result = open_brief(&receipt, about, bytes, &kc_receipt_shape);
    if (kc_failed(result)) {
        return result;
    }
    if (receipt.payee_purse.number != about->accused.purse.number || receipt.counter == 0) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_statement *out = add(about, item, KC_STATEMENT_RECEIPT, receipt.counter);
    memcpy(out->digest, receipt.payment, KC_DIGEST_SIZE);
    out->time_ms = receipt.time_ms;
    add_head(about, item, receipt.counter - 1, receipt.head);
    const struct kc_amount totals[] = {receipt.paid, receipt.received, receipt.returned};
    add_totals(about, item, receipt.counter - 1, totals);
    return kc_ok();
}

static struct kc_result read_decline(struct kc_evidence_case *about, size_t item,
                                     struct kc_view bytes)
{
    struct kc_decline decline;
    struct kc_result result = open_brief(&decline, about, bytes, &kc_decline_shape);
    if (kc_failed(result)) {
        return result;
    }
    if (decline.payee_purse.number != about->accused.purse.number || decline.counter == 0) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_statement *out = add(about, item, KC_STATEMENT_DECLINE, decline.counter);
    memcpy(out->digest, decline.payment, KC_DIGEST_SIZE);
    out->reason = decline.reason;
    out->time_ms = decline.time_ms;
    return kc_ok();
}

/* ---- messages ---- */

/* The place in the chain that a message has come to. */
struct chain {
    uint64_t counter;
    uint8_t head[KC_DIGEST_SIZE];
};

static void add_entry(struct kc_evidence_case *about, size_t item, const struct kc_entry *entry,
                      struct kc_view bytes)
{
    struct kc_statement *out = add(about, item, KC_STATEMENT_ENTRY, entry->counter);
    kc_digest(about->crypto, out->digest, bytes);
    memcpy(out->about, entry->partner, KC_DIGEST_SIZE);
    out->kind = entry->kind;
    out->amount = entry->amount;
    out->time_ms = entry->time_ms;
}

/* head(n) = SHA-256(head(n-1) || body of entry n). */
static struct kc_result follow(struct kc_entry *entry, struct chain *chain,
                               struct kc_evidence_case *about, size_t item, struct kc_view bytes)
{
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = about->crypto;
    struct kc_result result = kc_shape_decode(entry, &kc_entry_shape, bytes);
    if (kc_failed(result)) {
        return result;
    }
    if (entry->counter != chain->counter + 1) {
        return kc_result(KC_MISMATCH);
    }
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(chain->head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, bytes);
    crypto->sha256_end(crypto->context, &hash, chain->head);
    chain->counter = entry->counter;
    add_entry(about, item, entry, bytes);
    add_head(about, item, chain->counter, chain->head);
    return kc_ok();
}

/* The bank's, under the key in force when it was signed. */
static struct kc_result verify_banks(const struct kc_evidence_case *about,
                                     const struct kc_signed *parsed, const char *domain)
{
    const struct kc_realm *realm = &about->content->realm;
    struct kc_result result = kc_signed_verify(parsed, about->crypto, about->bank, realm, domain);
    for (size_t i = 0; i < about->work->former_count; i++) {
        if (result.code != KC_BAD_SIGNATURE && result.code != KC_WRONG_ALGORITHM) {
            break;
        }
        result = kc_signed_verify(parsed, about->crypto, &about->work->formers[i], realm, domain);
    }
    return result;
}

static struct kc_result open_certified(struct kc_certified *out,
                                       const struct kc_evidence_case *about, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = verify_banks(about, &parsed, kc_certified_shape.domain);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(out, &kc_certified_shape, parsed.payload);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool own = out->bank == about->content->realm.bank &&
               out->account.number == about->accused.account.number &&
               out->purse.number == about->accused.purse.number;
    return kc_result(own ? KC_OK : KC_MISMATCH);
}

/* What the purse told of itself, up to where its entries begin. */
static struct kc_result open_information(struct kc_value_information *out, struct chain *chain,
                                         struct kc_evidence_case *about, size_t item,
                                         struct kc_view bytes)
{
    struct kc_certified *certified = &about->work->history.certified;
    struct kc_result result = kc_shape_decode(out, &kc_value_information_shape, bytes);
    if (kc_failed(result)) {
        return result;
    }
    if (out->purse.number != about->accused.purse.number ||
        out->account.number != about->accused.account.number) {
        return kc_result(KC_MISMATCH);
    }
    result = open_certified(certified, about, out->certified);
    if (!kc_failed(result)) {
        chain->counter = certified->counter;
        memcpy(chain->head, certified->head, KC_DIGEST_SIZE);
        add_head(about, item, chain->counter, chain->head);
    }
    return result;
}

/* The entries told must lead to the newest one, or end before it. */
static struct kc_result close_information(struct kc_evidence_case *about, size_t item,
                                          const struct kc_value_information *information,
                                          const struct chain *chain, uint64_t time_ms)
{
    bool beyond = chain->counter > information->counter;
    bool ends = chain->counter == information->counter;
    if (beyond || (ends && memcmp(chain->head, information->head, KC_DIGEST_SIZE) != 0)) {
        return kc_result(KC_MISMATCH);
    }
    if (!ends) {
        add_head(about, item, information->counter, information->head);
    }
    const struct kc_amount totals[] = {information->paid, information->received,
                                       information->returned};
    add_totals(about, item, information->counter, totals);
    add_stamp(about, item, information->counter, time_ms);
    return kc_ok();
}

static struct kc_result read_request(struct kc_evidence_case *about, size_t item,
                                     struct kc_view bytes, uint64_t time_ms)
{
    struct kc_value_information information;
    struct kc_entry entry;
    struct chain chain;
    struct kc_result result = open_information(&information, &chain, about, item, bytes);
    for (size_t i = 0; !kc_failed(result) && i < information.entries.count; i++) {
        result = follow(&entry, &chain, about, item, information.entries.items[i]);
    }
    return kc_failed(result) ? result
                             : close_information(about, item, &information, &chain, time_ms);
}

/* With a gap the chain begins after it, and is not whole. */
static struct kc_result skip_gap(struct chain *chain, struct kc_evidence_case *about, size_t item,
                                 struct kc_view bytes)
{
    struct kc_gap gap;
    struct kc_result result = kc_shape_decode(&gap, &kc_gap_shape, bytes);
    if (kc_failed(result)) {
        return result;
    }
    if (gap.counter <= chain->counter) {
        return kc_result(KC_MISMATCH);
    }
    chain->counter = gap.counter;
    memcpy(chain->head, gap.head, KC_DIGEST_SIZE);
    add_head(about, item, chain->counter, chain->head);
    const struct kc_amount totals[] = {gap.paid, gap.received, gap.returned};
    add_totals(about, item, chain->counter, totals);
    return kc_ok();
}

/* An order in the purse's own report is another of its statements when it is one; else only what the report holds. */
static void read_own_order(struct kc_evidence_case *about, size_t item,
                           const struct kc_log_record *record, const struct kc_entry *entry)
{
    if (entry->kind == KC_ENTRY_KIND_PAY && record->has_order) {
        (void)kc_failed(read_order(about, item, record->order));
    }
}

static struct kc_result read_settle(struct kc_evidence_case *about, size_t item,
                                    const struct kc_settle_request *request)
{
    struct kc_value_information information;
    struct kc_evidence_history *history = &about->work->history;
    struct chain chain;
    struct kc_result result =
        open_information(&information, &chain, about, item, request->information);
    if (!kc_failed(result) && information.entries.count > 0) {
        result = kc_result(KC_MALFORMED);
    }
    if (!kc_failed(result) && request->has_gap) {
        result = skip_gap(&chain, about, item, request->gap);
    }
    for (size_t i = 0; !kc_failed(result) && i < request->records.count; i++) {
        struct kc_log_record *record = &history->records[i];
        result = kc_shape_decode(record, &kc_log_record_shape, request->records.items[i]);
        if (!kc_failed(result)) {
            result = follow(&history->entries[i], &chain, about, item, record->entry);
        }
        if (!kc_failed(result)) {
            read_own_order(about, item, record, &history->entries[i]);
            history->count = i + 1;
        }
    }
    if (!kc_failed(result)) {
        result = close_information(about, item, &information, &chain, request->time_ms);
    }
    history->whole = !kc_failed(result) && !request->has_gap;
    return result;
}

static struct kc_result read_answer(struct kc_evidence_case *about, size_t item,
                                    const struct kc_cash_answer *answer)
{
    struct kc_entry entry;
    if (answer->purse.number != about->accused.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    if (!answer->has_entry) {
        return kc_ok();
    }
    struct kc_result result = kc_shape_decode(&entry, &kc_entry_shape, answer->entry);
    if (kc_failed(result)) {
        return result;
    }
    if (entry.counter == 0) {
        return kc_result(KC_MISMATCH);
    }
    add_entry(about, item, &entry, answer->entry);
    add_stamp(about, item, entry.counter, answer->time_ms);
    return kc_ok();
}

/* ---- envelopes ---- */

union message {
    struct kc_cash_request cash_request;
    struct kc_transfer_request transfer_request;
    struct kc_cash_answer cash_answer;
    struct kc_state_request state_request;
    struct kc_fund_request fund_request;
    struct kc_settle_request settle_request;
};

/* The time inside must be the one that is signed outside. */
static struct kc_result read_message(struct kc_evidence_case *about, size_t item,
                                     const struct kc_shape *shape, const union message *message,
                                     uint64_t time_ms)
{
    if (shape == &kc_cash_request_shape) {
        return message->cash_request.time_ms != time_ms
                   ? kc_result(KC_MISMATCH)
                   : read_request(about, item, message->cash_request.information, time_ms);
    }
    if (shape == &kc_transfer_request_shape) {
        return message->transfer_request.time_ms != time_ms
                   ? kc_result(KC_MISMATCH)
                   : read_request(about, item, message->transfer_request.information, time_ms);
    }
    if (shape == &kc_state_request_shape) {
        return message->state_request.time_ms != time_ms
                   ? kc_result(KC_MISMATCH)
                   : read_request(about, item, message->state_request.information, time_ms);
    }
    if (shape == &kc_fund_request_shape) {
        return message->fund_request.time_ms != time_ms
                   ? kc_result(KC_MISMATCH)
                   : read_request(about, item, message->fund_request.information, time_ms);
    }
    if (shape == &kc_cash_answer_shape) {
        return message->cash_answer.time_ms != time_ms
                   ? kc_result(KC_MISMATCH)
                   : read_answer(about, item, &message->cash_answer);
    }
    KC_ASSERT(shape == &kc_settle_request_shape);
    return message->settle_request.time_ms != time_ms
               ? kc_result(KC_MISMATCH)
               : read_settle(about, item, &message->settle_request);
}

static bool is_told_by_purses(const struct kc_shape *shape)
{
    return shape == &kc_cash_request_shape || shape == &kc_cash_answer_shape ||
           shape == &kc_state_request_shape || shape == &kc_fund_request_shape ||
           shape == &kc_settle_request_shape || shape == &kc_transfer_request_shape;
}

static struct kc_result read_envelope(struct kc_evidence_case *about, size_t item,
                                      const struct kc_evidence_item *given)
{
    struct kc_signed parsed;
    struct kc_signer_id id;
    union message message;
    struct kc_buffer plain = KC_BUFFER(about->work->plain[item]);
    const struct kc_realm *realm = &about->content->realm;
    struct kc_result result = kc_signed_parse(&parsed, given->bytes);
    if (!kc_failed(result) && !parsed.has_time) {
        result = kc_result(KC_MALFORMED);
    }
    if (kc_failed(result)) {
        return result;
    }
    const struct kc_shape *shape = kc_signed_shape(&parsed);
    if (!is_told_by_purses(shape)) {
        return kc_result(KC_WRONG_TYPE);
    }
    kc_signer_id_make(&id, about->crypto, about->accused.account.number, &about->accused.key);
    if (memcmp(&id, &parsed.signer, sizeof id) != 0) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    result = kc_signed_verify(&parsed, about->crypto, &about->accused.key, realm, shape->domain);
    if (!kc_failed(result)) {
        result =
            kc_unseal_with(&plain, about->crypto, given->key, realm, shape->domain, parsed.payload);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&message, shape, kc_buffer_view(&plain));
    }
    about->parts[item].shape = shape;
    about->parts[item].time_ms = parsed.time_ms;
    return kc_failed(result) ? result : read_message(about, item, shape, &message, parsed.time_ms);
}

struct kc_result kc_evidence_read_item(struct kc_evidence_case *about, size_t item,
                                       const struct kc_evidence_item *given)
{
    struct kc_evidence_part *part = &about->parts[item];
    *part = (struct kc_evidence_part){.kind = given->kind};
    memset(&about->work->history, 0, sizeof about->work->history);
    if (given->has_key != (given->kind == KC_PROOF_KIND_ENVELOPE)) {
        return kc_result(KC_MALFORMED);
    }
    switch (given->kind) {
    case KC_PROOF_KIND_ORDER:
        part->shape = &kc_payment_order_shape;
        return read_order(about, item, given->bytes);
    case KC_PROOF_KIND_RECEIPT:
        part->shape = &kc_receipt_shape;
        return read_receipt(about, item, given->bytes);
    case KC_PROOF_KIND_DECLINE:
        part->shape = &kc_decline_shape;
        return read_decline(about, item, given->bytes);
    case KC_PROOF_KIND_ENVELOPE:
        return read_envelope(about, item, given);
    }
    return kc_result(KC_MALFORMED);
}
