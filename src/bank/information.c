/* What a purse tells of itself, verified as far as it can be without the ledger. */
#include <string.h>

#include "bank/bank.h"

static struct kc_result read_certified(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_certified *out, struct kc_view bytes)
{
    uint8_t name[KC_DIGEST_SIZE];
    struct kc_signed parsed;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (kc_failed(result)) {
        return result;
    }
    /* It may be a long time since the purse was here last: what it says of itself the ledger compares with its own. */
    const struct kc_public_key *key = kc_bank_keys_former(&bank->keys, &parsed.signer);
    key = key == NULL ? &bank->sign_public : key;
    kc_known_name(name, &thread->crypto, &bank->realm, kc_certified_shape.domain, key, bytes);
    if (!kc_known_has(&bank->known, name)) {
        result = kc_signed_verify(&parsed, &thread->crypto, key, &bank->realm,
                                  kc_certified_shape.domain);
        if (!kc_failed(result)) {
            kc_known_add(&bank->known, name);
        }
    }
    return kc_failed(result) ? result : kc_shape_decode(out, &kc_certified_shape, parsed.payload);
}

/* The identity needs no signature check here: the ledger compares the digest of its claims with the ones it keeps. */
static struct kc_result digest_identity(struct kc_bank_thread *thread, uint8_t out[KC_DIGEST_SIZE],
                                        struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        kc_digest(&thread->crypto, out, parsed.payload);
    }
    return result;
}

static struct kc_result read_entries(struct kc_bank_thread *thread,
                                     struct kc_ledger_information *out)
{
    const struct kc_value_information *information = &out->information;
    const struct kc_crypto *crypto = &thread->crypto;
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t counter = out->certified.counter;
    memcpy(head, out->certified.head, KC_DIGEST_SIZE);
    for (size_t i = 0; i < information->entries.count; i++) {
        struct kc_ledger_entry *entry = &out->entries[i];
        struct kc_sha256 hash;
        struct kc_result result =
            kc_shape_decode(&entry->entry, &kc_entry_shape, information->entries.items[i]);
        if (kc_failed(result)) {
            return result;
        }
        crypto->sha256_start(crypto->context, &hash);
        crypto->sha256_add(crypto->context, &hash, kc_view(head, sizeof head));
        crypto->sha256_add(crypto->context, &hash, information->entries.items[i]);
        crypto->sha256_end(crypto->context, &hash, head);
        memcpy(entry->head_after, head, sizeof head);
        counter += 1;
        if (entry->entry.counter != counter) {
            return kc_result(KC_MISMATCH);
        }
    }
    out->entry_count = information->entries.count;
    /* The entries may be only the first of those that no certified value covers. */
    bool agrees =
        counter < information->counter ||
        (counter == information->counter && memcmp(head, information->head, sizeof head) == 0);
    return kc_result(agrees ? KC_OK : KC_MISMATCH);
}

struct kc_result kc_bank_read_information(struct kc_bank *bank, struct kc_bank_thread *thread,
                                          struct kc_bank_item *item, struct kc_view bytes)
{
    struct kc_ledger_information *out = &item->information;
    out->has_gap = false;
    struct kc_result result =
        kc_shape_decode(&out->information, &kc_value_information_shape, bytes);
    if (!kc_failed(result) && out->information.account.number != item->signer.number) {
        result = kc_result(KC_MISMATCH);
    }
    if (!kc_failed(result)) {
        result = read_certified(bank, thread, &out->certified, out->information.certified);
    }
    if (!kc_failed(result)) {
        result = digest_identity(thread, out->identity_digest, out->information.identity);
    }
    return kc_failed(result) ? result : read_entries(thread, out);
}
