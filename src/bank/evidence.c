/* Evidence files: which kept messages prove an alert, and nothing more than these. */
#include "bank/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "bank/accused.h"
#include "base/assert.h"
#include "message/identity.h"

#define NAMED_MAX 8u
#define KEYS_MAX KC_ACCUSED_KEYS_MAX
#define NOBODY KC_ACCUSED_KEYS_MAX

_Static_assert(KC_EVIDENCE_FORMERS_MAX >= KC_ROLLS_MAX, "every key the bank had");

/* Identities that the bank signs for the file. */
struct identities {
    size_t count;
    uint8_t bytes[KC_LIST_COUNT_MAX][KC_RECORD_SIZE_MAX];
    size_t sizes[KC_LIST_COUNT_MAX];
};

struct keys {
    size_t count;
    struct kc_public_key items[KEYS_MAX];
};

/* The search for a proof. */
struct search {
    const struct kc_prover *prover;
    struct kc_proof *proof;
    struct kc_purse_row purse;
    struct kc_evidence_content content;
    struct kc_accused accused; /* its keys */
    struct identities partners;
    size_t named_count; /* what the alert names */
    struct kc_kept_item named[NAMED_MAX];
    struct kc_kept_item other; /* what it is tried with */
    uint64_t void_of;
    struct kc_evidence_work work;
    bool found;
};

/* ---- identities ---- */

static bool collect_key(void *owner, const struct kc_signer_row *row)
{
    struct keys *keys = owner;
    if (!kc_failed(kc_key_decode(&keys->items[keys->count], kc_view(row->key, row->size)))) {
        keys->count += 1;
    }
    return keys->count < KEYS_MAX;
}

static struct kc_result load_keys(struct keys *out, const struct kc_store *store, uint64_t account)
{
    const struct kc_store_scan scan = {.owner = out, .signer = collect_key};
    out->count = 0;
    return store->scan_signers(store->context, &scan, account);
}

static struct kc_view identity_at(const struct identities *identities, size_t at)
{
    return kc_view(identities->bytes[at], identities->sizes[at]);
}

static struct kc_result add_identity(struct identities *out, const struct kc_prover *prover,
                                     const struct kc_purse_row *purse,
                                     const struct kc_public_key *key)
{
    KC_ASSERT(out->count < KC_LIST_COUNT_MAX);
    struct kc_buffer buffer = KC_BUFFER(out->bytes[out->count]);
    struct kc_result result = kc_accused_identity(&buffer, prover, purse, key);
    if (!kc_failed(result)) {
        out->sizes[out->count++] = buffer.size;
    }
    return result;
}

/* ---- payers of a history ---- */

/* The receipts in a report that may be partners' signatures. */
struct receipts {
    size_t count;
    uint64_t counters[KC_LIST_COUNT_MAX];
    struct kc_signed parsed[KC_LIST_COUNT_MAX];
    struct kc_payment_order orders[KC_LIST_COUNT_MAX];
};

static void read_receipts(struct receipts *out, const struct kc_evidence_history *history)
{
    out->count = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct kc_log_record *record = &history->records[i];
        if (history->entries[i].kind == KC_ENTRY_KIND_RECEIVE && record->has_order &&
            !kc_failed(kc_brief_parse(&out->parsed[out->count], record->order)) &&
            !kc_failed(kc_shape_decode(&out->orders[out->count], &kc_payment_order_shape,
                                       out->parsed[out->count].payload))) {
            out->counters[out->count] = history->entries[i].counter;
            out->count += 1;
        }
    }
}

static bool signed_some(const struct search *search, const struct receipts *receipts,
                        uint64_t purse, const struct kc_public_key *key)
{
    for (size_t i = 0; i < receipts->count; i++) {
        if (receipts->orders[i].payer_purse.number == purse &&
            !kc_failed(kc_brief_verify(&receipts->parsed[i], search->prover->crypto, key,
                                       &search->prover->realm, kc_payment_order_shape.domain))) {
            return true;
        }
    }
    return false;
}

/* Whether the bank, which looked for the payer's key when the report came, found a record of this payer to be nothing. */
static bool was_bad(const struct search *search, const struct receipts *receipts, uint64_t purse)
{
    const struct kc_store *store = search->prover->store;
    for (size_t i = 0; i < receipts->count; i++) {
        struct kc_record_row row;
        if (receipts->orders[i].payer_purse.number == purse &&
            !kc_failed(store->record_get(store->context, &row, search->purse.purse.number,
                                         receipts->counters[i])) &&
            (row.objection == KC_BAD_SIGNATURE || row.objection == KC_MISMATCH)) {
            return true;
        }
    }
    return false;
}

/* The payer's keys that signed something here; or all that are known, so that the reader sees that none of them did. Where they
 * do not fit, or the bank only could not verify, nothing is told of the payer, and the reader believes the receipt. */
static struct kc_result add_payer(struct search *search, const struct receipts *receipts,
                                  struct kc_purse_id number)
{
    struct kc_purse_row purse;
    struct keys keys;
    struct keys wanted = {.count = 0};
    const struct kc_store *store = search->prover->store;
    struct kc_result result = store->purse_get(store->context, &purse, number.number);
    if (!kc_failed(result)) {
        result = load_keys(&keys, store, purse.account.number);
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    for (size_t i = 0; i < keys.count; i++) {
        if (signed_some(search, receipts, number.number, &keys.items[i])) {
            wanted.items[wanted.count++] = keys.items[i];
        }
    }
    const struct keys *told = wanted.count > 0 ? &wanted : &keys;
    if (told->count > KC_LIST_COUNT_MAX - search->partners.count ||
        (wanted.count == 0 && !was_bad(search, receipts, number.number))) {
        return kc_ok();
    }
    for (size_t i = 0; i < told->count && !kc_failed(result); i++) {
        result = add_identity(&search->partners, search->prover, &purse, &told->items[i]);
    }
    return result;
}

static struct kc_result add_payers(struct search *search)
{
    struct receipts receipts;
    struct kc_result result = kc_ok();
    read_receipts(&receipts, &search->work.history);
    search->partners.count = 0;
    for (size_t i = 0; i < receipts.count && !kc_failed(result); i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++) {
            seen = seen ||
                   receipts.orders[j].payer_purse.number == receipts.orders[i].payer_purse.number;
        }
        if (!seen) {
            result = add_payer(search, &receipts, receipts.orders[i].payer_purse);
        }
    }
    search->content.partners.count = search->partners.count;
    for (size_t i = 0; i < search->partners.count; i++) {
        search->content.partners.items[i] = identity_at(&search->partners, i);
    }
    return result;
}

/* ---- items ---- */

/* The order in a record when it is the accused's. */
static bool take_order(struct kc_kept_item *out, const struct kc_log_record *record,
                       uint64_t accused)
{
    struct kc_signed parsed;
    struct kc_payment_order order;
    bool own = record->has_order && !kc_failed(kc_brief_parse(&parsed, record->order)) &&
               !kc_failed(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload)) &&
               order.payer_purse.number == accused;
    if (own) {
        kc_kept_put(out, KC_PROOF_KIND_ORDER, record->order);
    }
    return own;
}

/* The receipt or decline in a record when it is the accused's. */
static bool take_answer(struct kc_kept_item *out, const struct kc_log_record *record,
                        uint64_t accused)
{
    struct kc_signed parsed;
    struct kc_receipt receipt;
    struct kc_decline decline;
    if (!record->has_answer || kc_failed(kc_brief_parse(&parsed, record->answer))) {
        return false;
    }
    if (!kc_failed(kc_shape_decode(&receipt, &kc_receipt_shape, parsed.payload)) &&
        receipt.payee_purse.number == accused) {
        kc_kept_put(out, KC_PROOF_KIND_RECEIPT, record->answer);
        return true;
    }
    if (!kc_failed(kc_shape_decode(&decline, &kc_decline_shape, parsed.payload)) &&
        decline.payee_purse.number == accused) {
        kc_kept_put(out, KC_PROOF_KIND_DECLINE, record->answer);
        return true;
    }
    return false;
}

/* ---- trying ---- */

static struct kc_view identity_of(const struct search *search, size_t key)
{
    const struct kc_accused_key *at = &search->accused.keys[key];
    return kc_view(at->identity, at->identity_size);
}

/* Looks for the proof in what search->content has. */
static struct kc_result look(struct search *search)
{
    const struct kc_prover *prover = search->prover;
    return kc_evidence_find(&search->proof->finding, &search->work, prover->crypto,
                            &prover->keys->sign_public, &search->content,
                            search->proof->alert.reason);
}

/* Under one key of the accused. */
static struct kc_result look_at(struct search *search, size_t key, const struct kc_kept_item *a,
                                const struct kc_kept_item *b)
{
    struct kc_evidence_content *content = &search->content;
    content->renewed = false;
    content->identity = identity_of(search, key);
    content->item_count = b == NULL ? 1 : 2;
    content->items[0] = a->item;
    if (b != NULL) {
        content->items[1] = b->item;
    }
    return look(search);
}

/* Which of the accused's keys signed it. What does not verify under any proves nothing. */
static bool know_signer(struct search *search, struct kc_kept_item *item)
{
    item->signer = NOBODY;
    for (size_t i = 0; i < search->accused.count && item->signer == NOBODY; i++) {
        struct kc_result result = look_at(search, i, item, NULL);
        if (!kc_failed(result) || result.code == KC_NOT_PROVEN) {
            item->signer = i;
            item->newest = kc_evidence_newest(&search->work, 0);
        }
    }
    return item->signer != NOBODY;
}

/* Whether its key had ended where it was signed: then the purse's holder need not have done it. */
static bool is_late(const struct search *search, const struct kc_kept_item *item)
{
    uint64_t close = search->accused.keys[item->signer].close_counter;
    return close != 0 && item->newest >= close;
}

/* Two items of two keys: the older one's, and the newer one's, with the report that shows where the older one ended. */
static void put_renewed(struct search *search, const struct kc_kept_item *older,
                        const struct kc_kept_item *newer)
{
    struct kc_evidence_content *content = &search->content;
    const struct kc_accused_key *key = &search->accused.keys[older->signer];
    bool shows = kc_view_equal(newer->item.bytes, key->close.item.bytes);
    content->renewed = true;
    content->identity = identity_of(search, older->signer);
    content->newer = identity_of(search, newer->signer);
    content->item_count = 2;
    content->items[0] = older->item;
    content->items[1] = newer->item;
    content->has_close = key->has_close && !shows;
    content->close = key->close.item;
    content->closer = content->has_close && newer->signer != older->signer + 1
                          ? identity_of(search, older->signer + 1)
                          : kc_view(NULL, 0);
}

/* Tries two items, each under the key that signed it. */
static bool try_items(struct search *search, const struct kc_kept_item *a,
                      const struct kc_kept_item *b)
{
    if (a->signer == NOBODY || b->signer == NOBODY) {
        return false;
    }
    bool later = a->signer > b->signer;
    const struct kc_kept_item *older = later ? b : a;
    const struct kc_kept_item *newer = later ? a : b;
    if (is_late(search, newer) || (a->signer == b->signer && is_late(search, older))) {
        return false;
    }
    search->content.partners.count = 0;
    if (a->signer == b->signer) {
        search->found = !kc_failed(look_at(search, a->signer, a, b));
    } else if (search->accused.in_order) {
        put_renewed(search, older, newer);
        search->found = !kc_failed(look(search));
    }
    return search->found;
}

/* One item by itself; a whole history may overspend only if its payers' signatures are looked at. */
static struct kc_result try_alone(struct search *search, struct kc_kept_item *item)
{
    search->content.partners.count = 0;
    if (!know_signer(search, item) || is_late(search, item)) {
        return kc_ok();
    }
    search->found = !kc_failed(look_at(search, item->signer, item, NULL));
    if (search->found || !search->work.history.whole) {
        return kc_ok();
    }
    struct kc_result result = add_payers(search);
    if (!kc_failed(result)) {
        search->found = !kc_failed(look_at(search, item->signer, item, NULL));
    }
    return result;
}

/* What is in search->other, with each item that the alert names. */
static bool try_other(struct search *search)
{
    bool known = search->named_count > 0 && know_signer(search, &search->other);
    for (size_t i = 0; i < search->named_count && known && !search->found; i++) {
        (void)try_items(search, &search->named[i], &search->other);
    }
    return search->found;
}

static bool try_record(struct search *search, struct kc_view bytes)
{
    struct kc_log_record record;
    uint64_t accused = search->purse.purse.number;
    if (kc_failed(kc_shape_decode(&record, &kc_log_record_shape, bytes))) {
        return false;
    }
    return (take_order(&search->other, &record, accused) && try_other(search)) ||
           (take_answer(&search->other, &record, accused) && try_other(search));
}

/* ---- what the alert names ---- */

static bool is_record(const struct kc_evidence_row *row)
{
    return row->kind == KC_EVIDENCE_RECORD || row->kind == KC_EVIDENCE_OTHER_RECORD;
}

static bool collect_named(void *owner, const struct kc_evidence_row *row)
{
    struct search *search = owner;
    struct kc_log_record record;
    const struct kc_alert_row *alert = &search->proof->alert;
    struct kc_view bytes = kc_view(row->bytes, row->size);
    uint64_t accused = search->purse.purse.number;
    struct kc_kept_item *named = search->named;
    size_t *count = &search->named_count;
    bool wanted = memcmp(row->digest, alert->evidence_digest, KC_DIGEST_SIZE) == 0 ||
                  memcmp(row->digest, alert->against_digest, KC_DIGEST_SIZE) == 0;
    if (!wanted) {
        return true;
    }
    if (!is_record(row)) {
        *count += kc_kept_envelope(&named[*count], search->prover, bytes) ? 1 : 0;
    } else if (!kc_failed(kc_shape_decode(&record, &kc_log_record_shape, bytes))) {
        *count += take_order(&named[*count], &record, accused) ? 1 : 0;
        *count += take_answer(&named[*count], &record, accused) ? 1 : 0;
    }
    return *count + 2 <= NAMED_MAX;
}

static struct kc_result try_named(struct search *search)
{
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < search->named_count && !search->found && !kc_failed(result); i++) {
        result = try_alone(search, &search->named[i]);
    }
    for (size_t i = 0; i < search->named_count && !search->found; i++) {
        for (size_t j = i + 1; j < search->named_count && !search->found; j++) {
            (void)try_items(search, &search->named[i], &search->named[j]);
        }
    }
    return result;
}

/* ---- what else is kept ---- */

static bool try_row(void *owner, const struct kc_evidence_row *row)
{
    struct search *search = owner;
    struct kc_view bytes = kc_view(row->bytes, row->size);
    if (is_record(row)) {
        (void)try_record(search, bytes);
    } else if (kc_kept_envelope(&search->other, search->prover, bytes)) {
        (void)try_other(search);
    }
    return !search->found;
}

static void try_partners_record(struct search *search, uint64_t purse, uint64_t counter)
{
    struct kc_record_row row;
    const struct kc_store *store = search->prover->store;
    if (!kc_failed(store->record_get(store->context, &row, purse, counter))) {
        (void)try_record(search, kc_view(row.bytes, row.size));
    }
}

/* The payee's record of a payment that the accused made. */
static bool try_paid(void *owner, const struct kc_payment_row *row)
{
    struct search *search = owner;
    try_partners_record(search, row->payee.number, row->payee_counter);
    return !search->found;
}

static bool try_void(void *owner, const struct kc_record_row *row)
{
    struct search *search = owner;
    struct kc_entry entry;
    struct kc_log_record record;
    struct kc_view bytes = kc_view(row->bytes, row->size);
    if (row->kind == KC_ENTRY_KIND_VOID &&
        !kc_failed(kc_shape_decode(&record, &kc_log_record_shape, bytes)) &&
        !kc_failed(kc_shape_decode(&entry, &kc_entry_shape, record.entry)) && entry.has_voids &&
        entry.voids == search->void_of) {
        (void)try_record(search, bytes);
    }
    return !search->found;
}

/* The payer's record of a payment to the accused, and the one that gave it back. */
static bool try_taken(void *owner, const struct kc_payment_row *row)
{
    struct search *search = owner;
    const struct kc_store *store = search->prover->store;
    const struct kc_store_scan scan = {.owner = search, .record = try_void};
    try_partners_record(search, row->payer.number, row->payer_counter);
    search->void_of = row->payer_counter;
    return !search->found &&
           !kc_failed(store->scan_records(store->context, &scan, row->payer.number)) &&
           !search->found;
}

static struct kc_result try_kept(struct search *search)
{
    const struct kc_store *store = search->prover->store;
    const struct kc_store_scan scan = {.owner = search, .evidence = try_row, .payment = try_paid};
    const struct kc_store_scan taken = {.owner = search, .payment = try_taken};
    uint64_t purse = search->purse.purse.number;
    struct kc_result result = store->scan_evidence(store->context, &scan, purse);
    if (!kc_failed(result) && !search->found) {
        result = store->scan_paid(store->context, &scan, purse, 0, KC_AMOUNT_MAX);
    }
    if (!kc_failed(result) && !search->found) {
        result = store->scan_taken(store->context, &taken, purse, 0, KC_AMOUNT_MAX);
    }
    return result;
}

/* ---- the file ---- */

static struct kc_result begin(struct search *search)
{
    const struct kc_prover *prover = search->prover;
    const struct kc_store *store = prover->store;
    const struct kc_store_scan scan = {.owner = search, .evidence = collect_named};
    uint64_t purse = search->proof->alert.purse.number;
    struct kc_result result = store->purse_get(store->context, &search->purse, purse);
    if (!kc_failed(result) && search->purse.type == KC_PURSE_TYPE_BEARER) {
        return kc_result(KC_NOT_PROVEN); /* nobody signed what a card without keys paid */
    }
    if (!kc_failed(result)) {
        result = kc_accused_load(&search->accused, prover, &search->purse);
    }
    search->content.realm = prover->realm;
    search->content.account = search->purse.account;
    search->content.purse = search->purse.purse;
    search->proof->account = search->purse.account;
    return kc_failed(result) ? result : store->scan_evidence(store->context, &scan, purse);
}

/* Makes the file and reads it as a stranger would: nothing leaves the bank that does not prove. */
static struct kc_result finish(struct search *search, uint64_t now_ms)
{
    struct kc_proof *proof = search->proof;
    const struct kc_prover *prover = search->prover;
    struct kc_buffer out = KC_BUFFER(proof->bytes);
    struct kc_signer signer = {.key = &prover->keys->sign_key};
    const struct kc_evidence_label label = {
        .alert = proof->alert.id, .decimals = prover->decimals, .time_ms = now_ms};
    struct kc_evidence_verdict verdict;
    kc_signer_id_make(&signer.id, prover->crypto, KC_SERVER_BANK, &prover->keys->sign_public);
    struct kc_result result = kc_evidence_make(&out, &search->work, prover->crypto, &signer,
                                               &search->content, &proof->finding, &label);
    if (!kc_failed(result)) {
        proof->size = out.size;
        result = kc_evidence_verify(&verdict, &search->work, prover->crypto,
                                    &prover->keys->sign_public, kc_buffer_view(&out));
    }
    return result;
}

struct kc_result kc_bank_prove(struct kc_proof *out, const struct kc_prover *prover,
                               uint64_t now_ms)
{
    if (out->alert.reason != KC_COPIED_OR_RESTORED && out->alert.reason != KC_OVERSPENT) {
        return kc_result(KC_NOT_PROVEN);
    }
    struct search *search = calloc(1, sizeof *search);
    if (search == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    search->prover = prover;
    search->proof = out;
    for (uint64_t i = 0; i < prover->keys->generation; i++) {
        search->work.formers[search->work.former_count++] = prover->keys->formers[i].sign_public;
    }
    struct kc_result result = begin(search);
    if (!kc_failed(result)) {
        result = try_named(search);
    }
    if (!kc_failed(result) && !search->found) {
        result = try_kept(search);
    }
    if (!kc_failed(result)) {
        result = search->found ? finish(search, now_ms) : kc_result(KC_NOT_PROVEN);
    }
    kc_wipe(search, sizeof *search);
    free(search);
    return result;
}

struct finding_alert {
    struct kc_alert_row *out;
    uint64_t number;
    bool found;
};

static bool match_alert(void *owner, const struct kc_alert_row *row)
{
    struct finding_alert *finding = owner;
    if (row->id == finding->number) {
        *finding->out = *row;
        finding->found = true;
    }
    return !finding->found;
}

struct kc_result kc_bank_find_alert(struct kc_alert_row *out, const struct kc_store *store,
                                    uint64_t number)
{
    struct finding_alert finding = {.out = out, .number = number};
    const struct kc_store_scan scan = {.owner = &finding, .alert = match_alert};
    struct kc_result result = store->scan_alerts(store->context, &scan);
    return kc_failed(result) || finding.found ? result : kc_result(KC_NOT_FOUND);
}

const char *kc_bank_evidence_word(enum kc_evidence_kind kind)
{
    switch (kind) {
    case KC_EVIDENCE_REQUEST:
        return "request";
    case KC_EVIDENCE_ANSWER:
        return "answer";
    case KC_EVIDENCE_STATE:
        return "state-request";
    case KC_EVIDENCE_FUND:
        return "fund-request";
    case KC_EVIDENCE_OPEN:
        return "open-request";
    case KC_EVIDENCE_CONFIRM:
        return "confirm-request";
    case KC_EVIDENCE_CANCEL:
        return "cancel-request";
    case KC_EVIDENCE_IDENTIFY:
        return "identify-request";
    case KC_EVIDENCE_LOST:
        return "lost-request";
    case KC_EVIDENCE_REISSUE:
        return "reissue-request";
    case KC_EVIDENCE_TRANSFER:
        return "transfer-request";
    case KC_EVIDENCE_GIVE_BACK:
        return "give-back";
    case KC_EVIDENCE_CHARGE:
        return "charge-order";
    case KC_EVIDENCE_CLOSE:
        return "close-request";
    case KC_EVIDENCE_MOVE:
        return "move-request";
    case KC_EVIDENCE_COUNTER:
        return "counter-request";
    case KC_EVIDENCE_RENEW:
        return "renew-request";
    case KC_EVIDENCE_CLAIM:
        return "claim-request";
    case KC_EVIDENCE_SETTLE:
        return "settle-request";
    case KC_EVIDENCE_RECORD:
    case KC_EVIDENCE_OTHER_RECORD:
        return "log-record";
    }
    return "?";
}
