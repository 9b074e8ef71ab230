#include "bank/records.h"

#include <string.h>

#include "base/assert.h"

/* The entry that a record is about, and its place in the chain. */
static struct kc_result read_chain(struct kc_ledger_record *out, uint8_t head[KC_DIGEST_SIZE],
                                   uint64_t counter, struct kc_view entry,
                                   const struct kc_crypto *crypto)
{
    struct kc_sha256 hash;
    struct kc_result result = kc_shape_decode(&out->entry, &kc_entry_shape, entry);
    if (kc_failed(result)) {
        return result;
    }
    if (out->entry.counter != counter) {
        return kc_result(KC_MISMATCH);
    }
    kc_digest(crypto, out->digest, entry);
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, entry);
    crypto->sha256_end(crypto->context, &hash, head);
    memcpy(out->head_after, head, KC_DIGEST_SIZE);
    return result;
}

static bool wants_order(enum kc_entry_kind kind)
{
    return kind == KC_ENTRY_KIND_PAY || kind == KC_ENTRY_KIND_RECEIVE ||
           kind == KC_ENTRY_KIND_REFUSE;
}

static bool wants_payer(enum kc_entry_kind kind)
{
    return kind == KC_ENTRY_KIND_RECEIVE || kind == KC_ENTRY_KIND_REFUSE;
}

static struct kc_result decode_order(struct kc_payment_order *out, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    return kc_failed(result) ? result
                             : kc_shape_decode(out, &kc_payment_order_shape, parsed.payload);
}

/* Everything of an order that its record, its reporter and its entry must agree with. */
static enum kc_error check_order(const struct kc_ledger_record *record,
                                 const struct kc_value_information *reporter)
{
    const struct kc_payment_order *order = &record->order;
    const struct kc_entry *entry = &record->entry;
    bool pays = entry->kind == KC_ENTRY_KIND_PAY;
    uint64_t account = pays ? order->payer.number : order->payee.number;
    uint64_t purse = pays ? order->payer_purse.number : order->payee_purse.number;
    uint64_t counter = pays ? order->payer_counter : order->payee_counter;
    bool fits = account == reporter->account.number && purse == reporter->purse.number &&
                counter == entry->counter && order->payer.number != order->payee.number &&
                order->payer_purse.number != order->payee_purse.number && !order->has_card &&
                order->payer_counter > 0 && order->payee_counter > 0 &&
                kc_amount_compare(order->amount, entry->amount) == 0 &&
                memcmp(entry->partner, record->order_digest, KC_DIGEST_SIZE) == 0;
    if (!fits) {
        return KC_MISMATCH;
    }
    return kc_amount_is_zero(order->amount) ? KC_AMOUNT_ZERO : KC_OK;
}

static void read_order(struct kc_ledger_record *out, const struct kc_log_record *record,
                       const struct kc_value_information *reporter, const struct kc_crypto *crypto)
{
    bool wants = wants_order(out->entry.kind);
    if (!record->has_order) {
        out->objection = wants ? KC_MISMATCH : KC_OK;
        return;
    }
    struct kc_result result = decode_order(&out->order, record->order);
    if (kc_failed(result)) {
        out->objection = wants ? KC_MALFORMED : KC_OK;
        return;
    }
    out->has_order = true;
    out->order_bytes = record->order;
    kc_digest(crypto, out->order_digest, record->order);
    out->objection = wants ? check_order(out, reporter) : KC_OK;
}

/* The payee's purse of the payment that a void gives back: from its order, from the pay record in the same report, or as the
 * decline itself says. The ledger checks that the payment was to that purse. */
static uint64_t payee_of_void(const struct kc_records *records,
                              const struct kc_ledger_record *record, struct kc_view answer)
{
    struct kc_signed parsed;
    struct kc_decline decline;
    if (record->has_order) {
        return record->order.payee_purse.number;
    }
    for (size_t i = 0; i < records->count; i++) {
        const struct kc_ledger_record *other = &records->items[i];
        if (other->has_order && other->entry.counter == record->entry.voids) {
            return other->order.payee_purse.number;
        }
    }
    if (kc_failed(kc_brief_parse(&parsed, answer)) ||
        kc_failed(kc_shape_decode(&decline, &kc_decline_shape, parsed.payload))) {
        return 0;
    }
    return decline.payee_purse.number;
}

/* The purse whose key the record wants, or 0. */
static uint64_t partner_of(const struct kc_records *records, size_t at)
{
    const struct kc_ledger_record *record = &records->items[at];
    bool answered = records->answers[at].size > 0;
    if (record->objection != KC_OK) {
        return 0;
    }
    switch (record->entry.kind) {
    case KC_ENTRY_KIND_PAY:
        return answered ? record->order.payee_purse.number : 0;
    case KC_ENTRY_KIND_RECEIVE:
    case KC_ENTRY_KIND_REFUSE:
        return record->order.payer_purse.number;
    case KC_ENTRY_KIND_VOID:
        return answered ? payee_of_void(records, record, records->answers[at]) : 0;
    case KC_ENTRY_KIND_CASH_OUT:
    case KC_ENTRY_KIND_CLOSE:
        break;
    }
    return 0;
}

/* The payee's counter in an answer, or 0. */
static uint64_t answered_counter(struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_receipt receipt;
    struct kc_decline decline;
    if (kc_failed(kc_brief_parse(&parsed, bytes))) {
        return 0;
    }
    if (!kc_failed(kc_shape_decode(&receipt, &kc_receipt_shape, parsed.payload))) {
        return receipt.counter;
    }
    return kc_failed(kc_shape_decode(&decline, &kc_decline_shape, parsed.payload))
               ? 0
               : decline.counter;
}

uint64_t kc_records_counter(const struct kc_records *records, size_t at, uint64_t partner)
{
    const struct kc_ledger_record *record = &records->items[at];
    if (partner == 0 || partner_of(records, at) != partner) {
        return 0;
    }
    return wants_payer(record->entry.kind) ? record->order.payer_counter
                                           : answered_counter(records->answers[at]);
}

static struct kc_partner *find_partner(struct kc_records *records, uint64_t number)
{
    for (size_t i = 0; i < records->partner_count; i++) {
        if (records->partners[i].number == number) {
            return &records->partners[i];
        }
    }
    return NULL;
}

static void want_partner(struct kc_records *records, uint64_t number)
{
    if (number != 0 && find_partner(records, number) == NULL) {
        KC_ASSERT(records->partner_count < KC_LIST_COUNT_MAX);
        records->partners[records->partner_count++] =
            (struct kc_partner){.number = number, .error = KC_NOT_FOUND};
    }
}

struct kc_result kc_records_read_gap(struct kc_ledger_information *information,
                                     struct kc_view bytes)
{
    struct kc_result result = kc_shape_decode(&information->gap, &kc_gap_shape, bytes);
    information->has_gap =
        !kc_failed(result) && information->gap.counter > information->certified.counter;
    bool known = kc_failed(result) || information->gap.counter <= information->information.counter;
    return kc_failed(result) ? result : kc_result(known ? KC_OK : KC_MISMATCH);
}

struct kc_result kc_records_read(struct kc_records *out,
                                 const struct kc_ledger_information *information,
                                 const struct kc_view_list *list, const struct kc_crypto *crypto)
{
    const struct kc_value_information *reporter = &information->information;
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t counter = information->certified.counter;
    memset(out, 0, sizeof *out);
    memcpy(head, information->certified.head, KC_DIGEST_SIZE);
    if (information->has_gap) {
        /* What is before the records is gone: the purse's word on where they begin. */
        counter = information->gap.counter;
        memcpy(head, information->gap.head, KC_DIGEST_SIZE);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct kc_ledger_record *item = &out->items[i];
        struct kc_log_record record;
        struct kc_result result = kc_shape_decode(&record, &kc_log_record_shape, list->items[i]);
        if (!kc_failed(result)) {
            result = read_chain(item, head, ++counter, record.entry, crypto);
        }
        if (kc_failed(result)) {
            return result;
        }
        item->bytes = list->items[i];
        read_order(item, &record, reporter, crypto);
        if (record.has_answer) {
            out->answers[i] = record.answer;
        }
        out->count = i + 1;
    }
    bool agrees = counter < reporter->counter ||
                  (counter == reporter->counter && memcmp(head, reporter->head, sizeof head) == 0);
    for (size_t i = 0; i < out->count; i++) {
        want_partner(out, partner_of(out, i));
    }
    return kc_result(agrees ? KC_OK : KC_MISMATCH);
}

static enum kc_error verify(struct kc_view bytes, const struct kc_crypto *crypto,
                            const struct kc_realm *realm, const struct kc_public_key *key,
                            const struct kc_shape *shape, struct kc_known *known)
{
    uint8_t name[KC_DIGEST_SIZE];
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    if (kc_failed(result)) {
        return result.code;
    }
    if (known != NULL) {
        kc_known_name(name, crypto, realm, shape->domain, key, bytes);
        if (kc_known_has(known, name)) {
            return KC_OK;
        }
    }
    result = kc_brief_verify(&parsed, crypto, key, realm, shape->domain);
    if (!kc_failed(result) && known != NULL) {
        kc_known_add(known, name);
    }
    return result.code;
}

bool kc_records_signed(const struct kc_records *records, size_t at, const struct kc_public_key *key,
                       const struct kc_crypto *crypto, const struct kc_realm *realm)
{
    struct kc_signed parsed;
    const struct kc_ledger_record *record = &records->items[at];
    bool ordered = wants_payer(record->entry.kind);
    struct kc_view bytes = ordered ? record->order_bytes : records->answers[at];
    if (kc_failed(kc_brief_parse(&parsed, bytes))) {
        return false;
    }
    const struct kc_shape *shape = kc_shape_of_number(kc_shape_number(parsed.payload));
    bool fits = ordered ? shape == &kc_payment_order_shape
                        : shape == &kc_receipt_shape || shape == &kc_decline_shape;
    return fits && verify(bytes, crypto, realm, key, shape, records->known) == KC_OK;
}

/* What an answer says; it is one only when it is about this payment and by its payee's purse. */
static enum kc_error read_answer(struct kc_ledger_record *record, struct kc_view bytes,
                                 const struct kc_shape **shape)
{
    struct kc_signed parsed;
    struct kc_receipt receipt;
    struct kc_decline decline;
    uint64_t purse;
    uint64_t counter;
    if (kc_failed(kc_brief_parse(&parsed, bytes))) {
        return KC_MALFORMED;
    }
    *shape = kc_shape_of_number(kc_shape_number(parsed.payload));
    if (*shape == &kc_receipt_shape && record->entry.kind == KC_ENTRY_KIND_PAY &&
        !kc_failed(kc_shape_decode(&receipt, &kc_receipt_shape, parsed.payload))) {
        memcpy(record->answered, receipt.payment, KC_DIGEST_SIZE);
        purse = receipt.payee_purse.number;
        counter = receipt.counter;
    } else if (*shape == &kc_decline_shape &&
               !kc_failed(kc_shape_decode(&decline, &kc_decline_shape, parsed.payload))) {
        memcpy(record->answered, decline.payment, KC_DIGEST_SIZE);
        purse = decline.payee_purse.number;
        counter = decline.counter;
    } else {
        return KC_MALFORMED;
    }
    if (record->entry.kind == KC_ENTRY_KIND_VOID && !record->has_order) {
        return KC_OK;
    }
    bool about = memcmp(record->answered, record->order_digest, KC_DIGEST_SIZE) == 0 &&
                 purse == record->order.payee_purse.number &&
                 counter == record->order.payee_counter;
    return about ? KC_OK : KC_MISMATCH;
}

/* Whose key verified, and the key, as it is kept beside the evidence. */
static void keep_partner(struct kc_ledger_record *record, struct kc_partner *partner,
                         struct kc_partner_old *old, const struct kc_crypto *crypto)
{
    struct kc_signer_id id;
    const struct kc_public_key *used = old == NULL ? &partner->key : &old->key;
    struct kc_buffer key = {.data = old == NULL ? partner->encoded : old->encoded,
                            .capacity = KC_COSE_KEY_SIZE_MAX};
    record->partner = partner->account;
    if (kc_failed(kc_key_encode(&key, used))) {
        return;
    }
    kc_signer_id_make(&id, crypto, partner->account, used);
    memcpy(record->signer, id.bytes, sizeof record->signer);
    record->key = kc_buffer_view(&key);
}

/* Verifies with the keys that the partner had or may have had; *used says which it was, NULL the newest one. `newer`: also what
 * the newest key says of a counter before it counts. */
static enum kc_error verify_partner(struct kc_partner_old **used, struct kc_view bytes,
                                    struct kc_records *records, size_t at,
                                    const struct kc_partner *partner, const struct kc_shape *shape,
                                    bool newer, const struct kc_crypto *crypto,
                                    const struct kc_realm *realm)
{
    enum kc_error error;
    struct kc_partner_old *old = &records->old[at];
    *used = NULL;
    if (old->term == KC_TERM_ONLY || old->term == KC_TERM_EITHER) {
        error = verify(bytes, crypto, realm, &old->key, shape, records->known);
        if (error == KC_OK) {
            *used = old;
            return old->late ? KC_EXPIRED : KC_OK;
        }
        if (old->term == KC_TERM_ONLY && !newer) {
            return records->left[at] ? KC_KEY_RENEWED : error;
        }
    }
    error = verify(bytes, crypto, realm, &partner->key, shape, records->known);
    if (error == KC_OK) {
        return partner->error;
    }
    bool renewed = records->left[at] ||
                   (old->term == KC_TERM_ENDED &&
                    verify(bytes, crypto, realm, &old->key, shape, records->known) == KC_OK);
    return renewed ? KC_KEY_RENEWED : error;
}

static void verify_answer(struct kc_records *records, size_t at, const struct kc_crypto *crypto,
                          const struct kc_realm *realm)
{
    struct kc_ledger_record *record = &records->items[at];
    struct kc_partner_old *old = NULL;
    const struct kc_shape *shape = NULL;
    struct kc_partner *partner = find_partner(records, partner_of(records, at));
    if (records->answers[at].size == 0) {
        return;
    }
    enum kc_error error = read_answer(record, records->answers[at], &shape);
    if (error == KC_OK) {
        error = partner == NULL || partner->bearer ? KC_UNKNOWN_SIGNER : partner->error;
    }
    if (error == KC_OK) {
        /* A payee may say after its renewal, with its new key, that a counter before it is past. */
        error = verify_partner(&old, records->answers[at], records, at, partner, shape, true,
                               crypto, realm);
    }
    if (error != KC_OK) {
        record->answer_objection = error;
        return;
    }
    keep_partner(record, partner, old, crypto);
    record->answerer.number = partner->number;
    record->answer = shape == &kc_receipt_shape ? KC_ANSWER_RECEIPT : KC_ANSWER_DECLINE;
}

/* The order of a card without keys: whoever never met the card cannot mark it. */
static enum kc_error verify_mark(const struct kc_ledger_record *record,
                                 const struct kc_partner *card, const struct kc_crypto *crypto,
                                 const struct kc_realm *realm)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, record->order_bytes);
    if (!kc_failed(result)) {
        result = kc_brief_verify_mac(&parsed, crypto, card->secret, realm,
                                     kc_payment_order_shape.domain);
    }
    return result.code;
}

static void verify_record(struct kc_records *records, size_t at, const struct kc_crypto *crypto,
                          const struct kc_realm *realm, const struct kc_public_key *own)
{
    struct kc_ledger_record *record = &records->items[at];
    struct kc_partner *partner;
    struct kc_partner_old *old = NULL;
    switch (record->entry.kind) {
    case KC_ENTRY_KIND_PAY:
        record->objection = verify(record->order_bytes, crypto, realm, own, &kc_payment_order_shape,
                                   records->known);
        if (record->objection == KC_OK) {
            verify_answer(records, at, crypto, realm);
        }
        break;
    case KC_ENTRY_KIND_RECEIVE:
    case KC_ENTRY_KIND_REFUSE:
        partner = find_partner(records, record->order.payer_purse.number);
        if (partner == NULL) {
            record->objection = KC_UNKNOWN_SIGNER;
            break;
        }
        if (partner->error != KC_OK && partner->error != KC_EXPIRED) {
            record->objection = partner->error;
            break;
        }
        if (partner->account != record->order.payer.number) {
            record->objection = KC_MISMATCH;
            break;
        }
        /* KC_EXPIRED: it was signed, and comes too late; what its payee spent of it is owed. */
        if (!partner->bearer) {
            record->objection = verify_partner(&old, record->order_bytes, records, at, partner,
                                               &kc_payment_order_shape, false, crypto, realm);
        } else {
            record->objection = verify_mark(record, partner, crypto, realm);
            record->objection = record->objection == KC_OK ? partner->error : record->objection;
        }
        if (record->objection == KC_OK && partner->bearer) {
            record->partner = partner->account;
        } else if (record->objection == KC_OK) {
            keep_partner(record, partner, old, crypto);
        }
        break;
    case KC_ENTRY_KIND_VOID:
        verify_answer(records, at, crypto, realm);
        break;
    case KC_ENTRY_KIND_CASH_OUT:
    case KC_ENTRY_KIND_CLOSE:
        break;
    }
}

void kc_records_verify(struct kc_records *records, const struct kc_crypto *crypto,
                       const struct kc_realm *realm, const struct kc_public_key *own)
{
    for (size_t i = 0; i < records->count; i++) {
        if (records->items[i].objection == KC_OK) {
            verify_record(records, i, crypto, realm, own);
        }
    }
}

void kc_partner_take_kept(struct kc_partner *partner, const struct kc_purse_key_row *keys,
                          uint64_t now_ms, uint64_t settle_ms)
{
    bool late = now_ms > keys->expires_ms && now_ms - keys->expires_ms > settle_ms;
    partner->account = keys->account.number;
    partner->error = kc_key_decode(&partner->key, kc_view(keys->sign_key, keys->sign_size)).code;
    if (partner->error == KC_OK && late) {
        partner->error = KC_EXPIRED;
    }
}
