/* Does any evidence file make its reader go wrong behind the signatures? Here every signature and seal is taken as good, so that
 * what only a key holder could write is reached too; a proof must be what the file names, in either order of its items. */
#include <string.h>

#include "evidence/words.h"
#include "fuzz.h"
#include "message/identity.h"

#define TIME_MS UINT64_C(1795478400000)
#define SEEDS 6u

static struct kc_result believe(void *context, const struct kc_public_key *key,
                                const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature)
{
    (void)context;
    (void)key;
    (void)digest;
    (void)signature;
    return kc_ok();
}

static struct kc_result open_all(void *context, uint8_t *text, size_t size,
                                 const uint8_t tag[KC_GCM_TAG_SIZE],
                                 const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    (void)context;
    (void)text;
    (void)size;
    (void)tag;
    (void)key;
    (void)iv;
    (void)aad;
    return kc_ok();
}

static struct kc_result seal_none(void *context, uint8_t tag[KC_GCM_TAG_SIZE], uint8_t *text,
                                  size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                                  const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    memset(tag, 0, KC_GCM_TAG_SIZE);
    return open_all(context, text, size, tag, key, iv, aad);
}

static struct kc_crypto sham(void)
{
    struct kc_crypto crypto = *kc_fuzz_crypto();
    crypto.verify = believe;
    crypto.gcm_open = open_all;
    crypto.gcm_seal = seal_none;
    return crypto;
}

/* ---- seeds ---- */

static const struct kc_vector_key *accused(void)
{
    return kc_fuzz_key("es256-sign");
}

static const struct kc_vector_key *bank(void)
{
    return kc_fuzz_key("es256-other");
}

static struct kc_signer signer_of(const struct kc_crypto *crypto, uint64_t holder,
                                  const struct kc_vector_key *key)
{
    struct kc_signer signer = {.key = &key->private_key};
    kc_signer_id_make(&signer.id, crypto, holder, &key->public_key);
    return signer;
}

static void must(struct kc_result result)
{
    KC_FUZZ_CHECK(!kc_failed(result));
}

static struct kc_view make_order(uint8_t *room, size_t size, const struct kc_crypto *crypto,
                                 uint64_t counter, uint64_t time_ms)
{
    uint8_t plain_bytes[512];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = {.data = room, .capacity = size};
    const struct kc_payment_order order = {.payee = kc_account_nth(7),
                                           .payee_purse = kc_purse_nth(8),
                                           .payer = kc_account_nth(1234),
                                           .payer_purse = kc_purse_nth(99),
                                           .time_ms = time_ms,
                                           .payer_counter = counter,
                                           .payee_counter = 1};
    must(kc_shape_encode(&plain, &kc_payment_order_shape, &order));
    must(kc_sign_brief(&out, crypto, &accused()->private_key, &kc_fuzz_keys()->realm,
                       kc_payment_order_shape.domain, kc_buffer_view(&plain)));
    return kc_buffer_view(&out);
}

static struct kc_view make_certified(uint8_t *room, size_t size, const struct kc_crypto *crypto)
{
    uint8_t plain_bytes[256];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = {.data = room, .capacity = size};
    struct kc_signer signer = signer_of(crypto, KC_SERVER_BANK, bank());
    const struct kc_certified certified = {.bank = kc_fuzz_keys()->realm.bank,
                                           .purse_type = KC_PURSE_TYPE_UIM,
                                           .account = kc_account_nth(1234),
                                           .purse = kc_purse_nth(99),
                                           .time_ms = TIME_MS,
                                           .sequence = 1,
                                           .log_policy = KC_LOG_POLICY_REFUSE};
    must(kc_shape_encode(&plain, &kc_certified_shape, &certified));
    must(kc_sign(&out, crypto, &signer, &kc_fuzz_keys()->realm, kc_certified_shape.domain, 0,
                 kc_buffer_view(&plain)));
    return kc_buffer_view(&out);
}

static struct kc_identity identity_of(const struct kc_vector_key *key)
{
    return (struct kc_identity){.bank = kc_fuzz_keys()->realm.bank,
                                .purse_type = KC_PURSE_TYPE_UIM,
                                .account = kc_account_nth(1234),
                                .purse = kc_purse_nth(99),
                                .issued_s = 1795478400,
                                .expires_s = 1895478400,
                                .key = key->public_key};
}

static struct kc_view make_identity(uint8_t *room, size_t size, const struct kc_crypto *crypto,
                                    const struct kc_vector_key *key)
{
    struct kc_buffer out = {.data = room, .capacity = size};
    const struct kc_identity identity = identity_of(key);
    must(kc_identity_sign(&out, crypto, &bank()->private_key, &kc_fuzz_keys()->realm, &identity));
    return kc_buffer_view(&out);
}

static void claims_digest(uint8_t out[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                          const struct kc_vector_key *key)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer claims = KC_BUFFER(bytes);
    const struct kc_identity identity = identity_of(key);
    must(kc_identity_encode(&claims, &identity));
    kc_digest(crypto, out, kc_buffer_view(&claims));
}

/* A report with one entry, signed by this key: a pay entry that it cannot pay, or the close entry of the key before it. */
static struct kc_view make_report(uint8_t *room, size_t size, const struct kc_crypto *crypto,
                                  const struct kc_vector_key *key, bool closes)
{
    static struct kc_envelope_work work;
    uint8_t entry_bytes[320];
    uint8_t record_bytes[400];
    uint8_t certified_bytes[512];
    uint8_t gap_bytes[96];
    uint8_t information_bytes[1024];
    struct kc_buffer entry = KC_BUFFER(entry_bytes);
    struct kc_buffer record = KC_BUFFER(record_bytes);
    struct kc_buffer information = KC_BUFFER(information_bytes);
    struct kc_buffer out = {.data = room, .capacity = size};
    struct kc_signer signer = signer_of(crypto, kc_account_nth(1234).number, key);
    struct kc_entry paid = {.kind = KC_ENTRY_KIND_PAY, .counter = 1, .time_ms = TIME_MS};
    struct kc_value_information told = {.purse_type = KC_PURSE_TYPE_UIM,
                                        .account = kc_account_nth(1234),
                                        .purse = kc_purse_nth(99),
                                        .counter = 2};
    struct kc_settle_request request = {.time_ms = TIME_MS};
    must(kc_amount_from_minor(&paid.amount, closes ? 0 : 5));
    if (closes) {
        /* The entries before it are overwritten. */
        const struct kc_gap gap = {.counter = 3};
        struct kc_buffer bytes = KC_BUFFER(gap_bytes);
        must(kc_shape_encode(&bytes, &kc_gap_shape, &gap));
        request.has_gap = true;
        request.gap = kc_buffer_view(&bytes);
        paid.kind = KC_ENTRY_KIND_CLOSE;
        paid.counter = gap.counter + 1;
        told.counter = gap.counter + 2;
        claims_digest(paid.partner, crypto, key);
    }
    must(kc_shape_encode(&entry, &kc_entry_shape, &paid));
    const struct kc_log_record shown = {.entry = kc_buffer_view(&entry)};
    must(kc_shape_encode(&record, &kc_log_record_shape, &shown));
    told.certified = make_certified(certified_bytes, sizeof certified_bytes, crypto);
    must(kc_shape_encode(&information, &kc_value_information_shape, &told));
    request.information = kc_buffer_view(&information);
    request.records.count = 1;
    request.records.items[0] = kc_buffer_view(&record);
    must(kc_envelope_make(&out, &work, crypto, &signer, &kc_fuzz_key("es256-encrypt")->public_key,
                          &kc_fuzz_keys()->realm, TIME_MS, &kc_settle_request_shape, &request));
    return kc_buffer_view(&out);
}

static struct kc_evidence_work work;

static const struct kc_vector_key *newer(void)
{
    return kc_fuzz_key("es256-encrypt");
}

static void put_order(struct kc_evidence_item *out, uint8_t room[4096],
                      const struct kc_crypto *crypto, uint64_t counter, uint64_t time_ms)
{
    *out = (struct kc_evidence_item){.kind = KC_PROOF_KIND_ORDER};
    out->bytes = make_order(room, 4096, crypto, counter, time_ms);
}

static void put_report(struct kc_evidence_item *out, uint8_t room[4096],
                       const struct kc_crypto *crypto, const struct kc_vector_key *key, bool closes)
{
    *out = (struct kc_evidence_item){.kind = KC_PROOF_KIND_ENVELOPE, .has_key = true};
    out->bytes = make_report(room, 4096, crypto, key, closes);
}

/* Two orders; an order and a report; a report alone. Over a renewal: two orders, one behind the close, two before it. */
static void put_content(struct kc_evidence_content *out, size_t index,
                        const struct kc_crypto *crypto)
{
    static uint8_t rooms[3][4096];
    out->renewed = index > 2;
    out->item_count = index == 2 ? 1 : 2;
    if (index == 2) {
        put_report(&out->items[0], rooms[0], crypto, accused(), false);
        return;
    }
    put_order(&out->items[0], rooms[0], crypto, index == 4 ? 0x20 : 1, TIME_MS);
    if (index == 1 || index == 4) {
        put_report(&out->items[1], rooms[1], crypto, index == 1 ? accused() : newer(), index == 4);
    } else {
        put_order(&out->items[1], rooms[1], crypto, 1, TIME_MS + 1);
    }
    out->has_close = index == 5;
    if (out->has_close) {
        put_report(&out->close, rooms[2], crypto, newer(), true);
    }
}

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    uint8_t identities[2][KC_RECORD_SIZE_MAX];
    struct kc_crypto crypto = sham();
    struct kc_buffer file = {.data = out, .capacity = KC_FUZZ_SIZE_MAX};
    struct kc_evidence_content content = {
        .realm = kc_fuzz_keys()->realm, .account = kc_account_nth(1234), .purse = kc_purse_nth(99)};
    struct kc_evidence_finding finding;
    const struct kc_evidence_label label = {.alert = 1, .time_ms = TIME_MS};
    struct kc_signer signer = signer_of(&crypto, KC_SERVER_BANK, bank());
    if (index >= SEEDS) {
        return 0;
    }
    content.identity = make_identity(identities[0], sizeof identities[0], &crypto, accused());
    content.newer = make_identity(identities[1], sizeof identities[1], &crypto, newer());
    put_content(&content, index, &crypto);
    must(kc_evidence_find(&finding, &work, &crypto, &bank()->public_key, &content, KC_OK));
    must(kc_evidence_make(&file, &work, &crypto, &signer, &content, &finding, &label));
    return file.size;
}

/* ---- the target ---- */

static void check_words(const struct kc_evidence_verdict *verdict)
{
    char words[KC_EVIDENCE_WORDS_SIZE];
    const struct kc_evidence_finding *finding = &verdict->finding;
    unsigned decimals = (unsigned)verdict->file.decimals;
    KC_FUZZ_CHECK(strcmp(kc_evidence_rule_words(finding->rule), "?") != 0);
    if (finding->rule == KC_PROOF_RULE_OVERSPENT) {
        kc_evidence_sums_words(words, finding, decimals);
        KC_FUZZ_CHECK(kc_amount_compare(finding->sums.left, finding->sums.amount) < 0);
        return;
    }
    uint64_t counter = 0;
    unsigned rule = finding->rule == KC_PROOF_RULE_SIGNED_AFTER_CLOSE
                        ? kc_evidence_after_close(&counter, &finding->first, &finding->second)
                        : kc_evidence_conflict(&counter, &finding->second, &finding->first);
    KC_FUZZ_CHECK(rule == (unsigned)finding->rule && counter == finding->counter);
    kc_evidence_statement_words(words, &finding->first, finding, decimals);
    kc_evidence_statement_words(words, &finding->second, finding, decimals);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kc_evidence_verdict verdict;
    struct kc_crypto crypto = sham();
    struct kc_result result =
        kc_evidence_verify(&verdict, &work, &crypto, &bank()->public_key, kc_view(data, size));
    if (result.code == KC_NOT_PROVEN) {
        kc_fuzz_accepted += 1;
    }
    if (!kc_failed(result)) {
        kc_fuzz_accepted += 1;
        KC_FUZZ_CHECK(verdict.finding.rule == verdict.file.rule);
        KC_FUZZ_CHECK(verdict.finding.counter == verdict.file.counter);
        check_words(&verdict);
    }
    return 0;
}
