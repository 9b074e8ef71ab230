#include "bank/accused.h"

#include <string.h>

#include "bank/pairs.h"
#include "base/assert.h"
#include "message/identity.h"

/* ---- kept messages ---- */

void kc_kept_put(struct kc_kept_item *out, enum kc_proof_kind kind, struct kc_view bytes)
{
    KC_ASSERT(bytes.size <= sizeof out->bytes);
    out->item = (struct kc_evidence_item){.kind = kind};
    memcpy(out->bytes, bytes.data, bytes.size);
    out->item.bytes = kc_view(out->bytes, bytes.size);
}

/* Gives the content key when it opens the envelope. */
static bool opens(uint8_t key[KC_GCM_KEY_SIZE], const struct kc_prover *prover,
                  const struct kc_private_key *own, const struct kc_signed *envelope)
{
    uint8_t plain_bytes[KC_PLAIN_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    const struct kc_shape *shape = kc_signed_shape(envelope);
    bool good = own->type != KC_KEY_NONE && shape != NULL &&
                !kc_failed(kc_seal_content_key(key, prover->crypto, own, envelope->payload)) &&
                !kc_failed(kc_unseal_with(&plain, prover->crypto, key, &prover->realm,
                                          shape->domain, envelope->payload));
    kc_wipe(plain_bytes, sizeof plain_bytes);
    return good;
}

bool kc_kept_envelope(struct kc_kept_item *out, const struct kc_prover *prover,
                      struct kc_view bytes)
{
    struct kc_signed parsed;
    kc_kept_put(out, KC_PROOF_KIND_ENVELOPE, bytes);
    const struct kc_bank_keys *keys = prover->keys;
    if (kc_failed(kc_signed_parse(&parsed, bytes))) {
        return false;
    }
    /* It is sealed for the key that was in force when it was sent. */
    out->item.has_key = opens(out->item.key, prover, &keys->encrypt_key, &parsed);
    for (uint64_t i = keys->generation; i > 0 && !out->item.has_key; i--) {
        out->item.has_key =
            opens(out->item.key, prover, &keys->formers[i - 1].encrypt_key, &parsed);
    }
    return out->item.has_key;
}

/* ---- identities ---- */

struct kc_result kc_accused_identity(struct kc_buffer *out, const struct kc_prover *prover,
                                     const struct kc_purse_row *purse,
                                     const struct kc_public_key *key)
{
    struct kc_account_row account;
    const struct kc_store *store = prover->store;
    struct kc_result result = store->account_get(store->context, &account, purse->account.number);
    if (kc_failed(result)) {
        return result;
    }
    const struct kc_identity identity = {.bank = prover->realm.bank,
                                         .purse_type = purse->type,
                                         .account = purse->account,
                                         .purse = purse->purse,
                                         .issued_s = account.created_ms / 1000,
                                         .expires_s = account.expires_ms / 1000,
                                         .key = *key};
    return kc_identity_sign(out, prover->crypto, &prover->keys->sign_key, &prover->realm,
                            &identity);
}

/* The identity that a report shows, as claims, when they have this digest. */
static bool shown_identity(struct kc_identity *out, const struct kc_prover *prover,
                           const struct kc_kept_item *report, const uint8_t digest[KC_DIGEST_SIZE])
{
    uint8_t plain_bytes[KC_PLAIN_SIZE_MAX];
    uint8_t found[KC_DIGEST_SIZE];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signed parsed;
    struct kc_signed identity;
    struct kc_settle_request request;
    struct kc_value_information information;
    const struct kc_shape *shape = &kc_settle_request_shape;
    bool good = !kc_failed(kc_signed_parse(&parsed, report->item.bytes)) &&
                kc_signed_shape(&parsed) == shape &&
                !kc_failed(kc_unseal_with(&plain, prover->crypto, report->item.key, &prover->realm,
                                          shape->domain, parsed.payload)) &&
                !kc_failed(kc_shape_decode(&request, shape, kc_buffer_view(&plain))) &&
                !kc_failed(kc_shape_decode(&information, &kc_value_information_shape,
                                           request.information)) &&
                !kc_failed(kc_brief_parse(&identity, information.identity));
    if (good) {
        kc_digest(prover->crypto, found, identity.payload);
        good = memcmp(found, digest, KC_DIGEST_SIZE) == 0 &&
               !kc_failed(kc_identity_decode(out, identity.payload));
    }
    kc_wipe(plain_bytes, sizeof plain_bytes);
    return good;
}

/* ---- keys in order ---- */

static struct kc_accused_key *add_key(struct kc_accused *out)
{
    if (out->count == KC_ACCUSED_KEYS_MAX) {
        out->count -= 1;
        memmove(&out->keys[0], &out->keys[1], out->count * sizeof out->keys[0]);
        for (size_t i = 0; i < out->count; i++) {
            struct kc_kept_item *close = &out->keys[i].close;
            close->item.bytes = kc_view(close->bytes, close->item.bytes.size);
        }
    }
    struct kc_accused_key *key = &out->keys[out->count++];
    memset(key, 0, sizeof *key);
    return key;
}

static bool add_encoded(struct kc_accused *out, const uint8_t *bytes, size_t size)
{
    bool good = !kc_failed(kc_key_decode(&add_key(out)->key, kc_view(bytes, size)));
    out->count -= good ? 0 : 1;
    return good;
}

struct finding_report {
    const struct kc_prover *prover;
    const struct kc_record_row *record;
    struct kc_accused_key *key;
};

static bool match_report(void *owner, const struct kc_evidence_row *row)
{
    struct finding_report *finding = owner;
    struct kc_accused_key *key = finding->key;
    if (row->kind == KC_EVIDENCE_SETTLE &&
        memcmp(row->digest, finding->record->shown_digest, KC_DIGEST_SIZE) == 0) {
        key->has_close =
            kc_kept_envelope(&key->close, finding->prover, kc_view(row->bytes, row->size));
        return false;
    }
    return true;
}

/* The report that showed where the key ended. */
static struct kc_result find_close(struct kc_accused_key *key, const struct kc_prover *prover,
                                   const struct kc_renewal_row *row)
{
    struct kc_record_row record;
    const struct kc_store *store = prover->store;
    struct finding_report finding = {.prover = prover, .record = &record, .key = key};
    const struct kc_store_scan scan = {.owner = &finding, .evidence = match_report};
    key->close_counter = row->counter + 1;
    struct kc_result result =
        store->record_get(store->context, &record, row->purse.number, key->close_counter);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    return store->scan_evidence(store->context, &scan, row->purse.number);
}

/* The key of a renewal, and the identity that the close entry before it names. */
static struct kc_result end_key(struct kc_accused *out, const struct kc_prover *prover,
                                const struct kc_renewal_row *row)
{
    struct kc_identity identity;
    struct kc_accused_key *ended = &out->keys[out->count - 1];
    struct kc_result result = find_close(ended, prover, row);
    bool shown = !kc_failed(result) && ended->has_close &&
                 shown_identity(&identity, prover, &ended->close, row->identity_digest);
    ended->has_close = shown;
    if (kc_failed(result) || !add_encoded(out, row->sign_key, row->sign_size)) {
        return kc_failed(result) ? result : kc_result(KC_STORE_CORRUPT);
    }
    struct kc_accused_key *next = &out->keys[out->count - 1];
    struct kc_buffer bytes = KC_BUFFER(next->identity);
    if (shown) {
        result = kc_identity_sign(&bytes, prover->crypto, &prover->keys->sign_key, &prover->realm,
                                  &identity);
        next->identity_size = bytes.size;
    }
    return result;
}

static struct kc_result load_renewals(struct kc_accused *out, const struct kc_prover *prover,
                                      const struct kc_purse_row *purse)
{
    struct kc_renewal_row row;
    const struct kc_store *store = prover->store;
    struct kc_result result = store->renewal_at(store->context, &row, purse->purse.number, 1);
    if (!kc_failed(result)) {
        out->count = 0;
        result = add_encoded(out, row.old_sign_key, row.old_sign_size)
                     ? kc_ok()
                     : kc_result(KC_STORE_CORRUPT);
    }
    for (size_t i = 0; i < KC_BANK_RENEWALS_MAX && !kc_failed(result); i++) {
        result = end_key(out, prover, &row);
        if (!kc_failed(result)) {
            result = store->renewal_at(store->context, &row, purse->purse.number, row.counter + 2);
        }
    }
    if (result.code == KC_NOT_FOUND) {
        result = store->renewal_last(store->context, &row, purse->purse.number);
    }
    if (!kc_failed(result) && row.state == KC_RENEWAL_WAITING) {
        /* It may have changed over, and signed with the new key: nobody showed the bank where. */
        (void)add_encoded(out, row.sign_key, row.sign_size);
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* ---- all known keys of an account ---- */

static bool collect_key(void *owner, const struct kc_signer_row *row)
{
    struct kc_accused *out = owner;
    (void)add_encoded(out, row->key, row->size);
    return out->count < KC_ACCUSED_KEYS_MAX;
}

struct kc_result kc_accused_load(struct kc_accused *out, const struct kc_prover *prover,
                                 const struct kc_purse_row *purse)
{
    struct kc_purse_key_row own;
    const struct kc_store *store = prover->store;
    const struct kc_store_scan scan = {.owner = out, .signer = collect_key};
    out->count = 0;
    struct kc_result result = store->purse_key_get(store->context, &own, purse->purse.number);
    out->in_order = !kc_failed(result) && add_encoded(out, own.sign_key, own.sign_size);
    if (out->in_order) {
        result = load_renewals(out, prover, purse);
    } else if (result.code == KC_NOT_FOUND) {
        result = store->scan_signers(store->context, &scan, purse->account.number);
    }
    for (size_t i = 0; i < out->count && !kc_failed(result); i++) {
        struct kc_buffer bytes = KC_BUFFER(out->keys[i].identity);
        if (out->keys[i].identity_size == 0) {
            result = kc_accused_identity(&bytes, prover, purse, &out->keys[i].key);
            out->keys[i].identity_size = bytes.size;
        }
    }
    return result;
}
