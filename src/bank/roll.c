/* New keys of the bank, for whoever asks: its record about them, and a purse's identity signed anew. Neither says anything
 * that its receiver could not verify, or did not show. */
#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"

/* ---- the record ---- */

struct kc_result kc_bank_read_roll(struct kc_bank_item *item, const struct kc_bank *bank,
                                   const struct kc_http_request *request)
{
    const char *after = request->after;
    char *end = NULL;
    (void)bank;
    item->message.roll = 0;
    if (after[0] == '\0') {
        return kc_ok();
    }
    if (after[0] < '0' || after[0] > '9' || strlen(after) > 9) {
        return kc_result(KC_MALFORMED);
    }
    item->message.roll = strtoull(after, &end, 10) + 1;
    return kc_result(*end == '\0' ? KC_OK : KC_MALFORMED);
}

static struct kc_result give(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    struct kc_view roll;
    (void)thread;
    struct kc_result result = kc_bank_keys_roll(&roll, &bank->keys, item->message.roll);
    if (!kc_failed(result)) {
        memcpy(item->reply, roll.data, roll.size);
        item->reply_size = roll.size;
        item->status = 200;
    }
    return result;
}

const struct kc_bank_kind kc_bank_give_roll = {
    .may_be_none = true,
    .steps = {{KC_LANE_WORK, give, NULL}},
};

/* ---- an identity signed anew ---- */

static struct kc_result read_identity(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    (void)bank;
    (void)thread;
    struct kc_result result = kc_brief_parse(&item->envelope, item->bytes);
    if (!kc_failed(result) && item->envelope.payload.size > sizeof item->identity) {
        result = kc_result(KC_TOO_LARGE);
    }
    return kc_failed(result) ? result
                             : kc_identity_decode(&item->message.identity, item->envelope.payload);
}

/* Whether these are the claims that the bank once signed for a card without keys, to the byte. */
static struct kc_result is_card(bool *same, const struct kc_bank *bank,
                                const struct kc_store *store, const struct kc_purse_row *card,
                                struct kc_view claims)
{
    struct kc_account_row account;
    struct kc_identity identity;
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer own = KC_BUFFER(bytes);
    struct kc_result result = store->account_get(store->context, &account, card->account.number);
    if (kc_failed(result)) {
        return kc_result(result.code == KC_NOT_FOUND ? KC_STORE_CORRUPT : result.code);
    }
    kc_bank_card_claims(&identity, bank, &account, card->purse);
    memcpy(identity.secret, card->identity_digest, sizeof identity.secret);
    result = kc_identity_encode(&own, &identity);
    *same = !kc_failed(result) && own.size == claims.size &&
            kc_equal_secret(own.data, claims.data, own.size);
    kc_wipe(bytes, sizeof bytes);
    kc_wipe(identity.secret, sizeof identity.secret);
    return result;
}

/* What is signed again is what the books give for this purse, whoever signed what was sent: nothing rests on an old
 * signature. */
static struct kc_result match_identity(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    struct kc_purse_row purse;
    const struct kc_store *store = &thread->store;
    struct kc_identity *identity = &item->message.identity;
    uint8_t digest[KC_DIGEST_SIZE];
    bool same = false;
    struct kc_result result = store->purse_get(store->context, &purse, identity->purse.number);
    kc_wipe(identity->secret, sizeof identity->secret);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    if (purse.type == KC_PURSE_TYPE_BEARER) {
        result = is_card(&same, bank, store, &purse, item->envelope.payload);
    } else {
        kc_digest(&thread->crypto, digest, item->envelope.payload);
        same = identity->bank == bank->realm.bank && identity->purse_type == purse.type &&
               identity->account.number == purse.account.number &&
               kc_equal_secret(purse.identity_digest, digest, KC_DIGEST_SIZE);
    }
    if (!kc_failed(result) && !same) {
        result = kc_result(KC_MISMATCH);
    }
    bool blocked = !kc_failed(result) && purse.state != KC_PURSE_ACTIVE;
    return blocked ? kc_result(KC_PURSE_BLOCKED) : result;
}

static struct kc_result sign_identity(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    struct kc_buffer out = {.data = item->reply, .capacity = sizeof item->reply};
    struct kc_result result = kc_sign_brief(&out, &thread->crypto, &bank->sign_key, &bank->realm,
                                            KC_IDENTITY_DOMAIN, item->envelope.payload);
    item->reply_size = kc_failed(result) ? 0 : out.size;
    item->status = 200;
    return result;
}

const struct kc_bank_kind kc_bank_sign_identity = {
    .steps = {{KC_LANE_WORK, read_identity, NULL},
              {KC_LANE_DIRECTORY, match_identity, NULL},
              {KC_LANE_WORK, sign_identity, NULL}},
};
