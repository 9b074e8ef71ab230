/* How far the renewal of a purse's keys is, for its holder (docs/protocol.md "Renewal"): a question with the purse's identity,
 * and the bank's signed word. It is read from the books; nothing changes by it. Anybody may ask with a number of a
 * purse, so it takes no thread that waits for directory or authority. */
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

static struct kc_result read_query(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_identity identity = {.bank = 0};
    const struct kc_renewal_query *query = &item->message.renewal_query;
    struct kc_result result = kc_shape_decode(&item->message, &kc_renewal_query_shape, item->bytes);
    if (!kc_failed(result)) {
        result = kc_brief_parse(&item->envelope, query->identity);
    }
    if (!kc_failed(result)) {
        result = kc_identity_decode(&identity, item->envelope.payload);
    }
    kc_wipe(identity.secret, sizeof identity.secret);
    if (kc_failed(result)) {
        return result;
    }
    kc_digest(&thread->crypto, item->digest, item->bytes);
    kc_digest(&thread->crypto, item->identity_digest, item->envelope.payload);
    item->renewal_word =
        (struct kc_renewal_word){.bank = bank->realm.bank, .purse = identity.purse};
    memcpy(item->renewal_word.query, item->digest, KC_DIGEST_SIZE);
    return result;
}

static bool is_on_its_way(const struct kc_renewal_row *row)
{
    return row->state == KC_RENEWAL_ASKED || row->state == KC_RENEWAL_WAITING;
}

/* Nothing rests on the identity's signature: its claims are compared with the ones that the books keep. A purse that changed over
 * and did not report yet shows those of its new keys. */
static struct kc_result check_purse(const struct kc_purse_row *purse,
                                    const struct kc_renewal_row *last,
                                    const uint8_t digest[KC_DIGEST_SIZE])
{
    if (purse->type == KC_PURSE_TYPE_BEARER) {
        return kc_result(KC_NOT_ALLOWED);
    }
    bool known = memcmp(purse->identity_digest, digest, KC_DIGEST_SIZE) == 0 ||
                 (last->state == KC_RENEWAL_WAITING &&
                  memcmp(last->identity_digest, digest, KC_DIGEST_SIZE) == 0);
    if (!known) {
        return kc_result(KC_MISMATCH);
    }
    return kc_result(purse->state == KC_PURSE_ACTIVE ? KC_OK : KC_PURSE_BLOCKED);
}

static void set(struct kc_renewal_word *out, enum kc_renewal_step step, uint64_t since_ms)
{
    out->step = step;
    out->has_since = step != KC_RENEWAL_STEP_NONE;
    out->since_ms = since_ms;
}

/* What the purse began goes before what it was offered, and both before what the bank does by itself. */
static void say(struct kc_renewal_word *out, const struct kc_renewal_row *last,
                const struct kc_key_offer_row *offer)
{
    bool offered = offer->state == KC_KEY_OFFER_ORDERED || offer->state == KC_KEY_OFFER_READY;
    bool claimed = offer->state == KC_KEY_OFFER_READY &&
                   memcmp(offer->signer, last->signer, KC_SIGNER_SIZE) == 0;
    out->by_authority = is_on_its_way(last) ? claimed : offered;
    if (last->state == KC_RENEWAL_ASKED) {
        set(out, KC_RENEWAL_STEP_ASKED, last->asked_ms);
    } else if (last->state == KC_RENEWAL_WAITING) {
        set(out, KC_RENEWAL_STEP_CERTIFIED, last->asked_ms);
    } else if (offer->state == KC_KEY_OFFER_READY) {
        set(out, KC_RENEWAL_STEP_READY, offer->ready_ms);
    } else if (offer->state == KC_KEY_OFFER_ORDERED) {
        set(out, KC_RENEWAL_STEP_ORDERED, offer->ordered_ms);
    } else if (last->state == KC_RENEWAL_DONE) {
        set(out, KC_RENEWAL_STEP_CONFIRMED, last->done_ms);
    } else {
        set(out, KC_RENEWAL_STEP_NONE, 0);
    }
}

static struct kc_result but_none(struct kc_result result)
{
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

static struct kc_result look(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    struct kc_purse_row purse;
    struct kc_purse_key_row key = {.expires_ms = 0};
    struct kc_renewal_row last = {.number = 0};
    struct kc_key_offer_row offer = {.ready_ms = 0};
    struct kc_renewal_word *word = &item->renewal_word;
    const struct kc_store *store = &thread->store;
    uint64_t number = word->purse.number;
    (void)bank;
    struct kc_result result = store->purse_get(store->context, &purse, number);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    result = but_none(store->renewal_last(store->context, &last, number));
    if (!kc_failed(result)) {
        result = check_purse(&purse, &last, item->identity_digest);
    }
    if (!kc_failed(result)) {
        result = but_none(store->key_offer_get(store->context, &offer, number));
    }
    if (!kc_failed(result)) {
        result = but_none(store->purse_key_get(store->context, &key, number));
    }
    if (kc_failed(result)) {
        return result;
    }
    say(word, &last, &offer);
    bool open = word->step != KC_RENEWAL_STEP_NONE && word->step != KC_RENEWAL_STEP_CONFIRMED;
    word->has_until = open && key.expires_ms != 0;
    word->until_ms = word->has_until ? key.expires_ms : 0;
    return result;
}

static struct kc_result sign(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(bytes);
    struct kc_buffer out = {.data = item->reply, .capacity = sizeof item->reply};
    struct kc_signer signer = {.key = &bank->sign_key};
    kc_signer_id_make(&signer.id, &thread->crypto, KC_SERVER_BANK, &bank->sign_public);
    item->renewal_word.time_ms = kc_clock_now_ms();
    struct kc_result result = kc_shape_encode(&plain, &kc_renewal_word_shape, &item->renewal_word);
    if (!kc_failed(result)) {
        result = kc_sign(&out, &thread->crypto, &signer, &bank->realm, kc_renewal_word_shape.domain,
                         0, kc_buffer_view(&plain));
    }
    item->reply_size = kc_failed(result) ? 0 : out.size;
    item->status = 200;
    return result;
}

const struct kc_bank_kind kc_bank_tell_renewal = {
    .steps = {{KC_LANE_WORK, read_query, NULL},
              {KC_LANE_WORK, look, NULL},
              {KC_LANE_WORK, sign, NULL}},
};
