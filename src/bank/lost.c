/* A purse that its holder lost, and the one that replaces it; both at the registrar's word (docs/protocol.md "Lost purse and
 * re-issue"). Confirming and giving up the new purse is as at an opening. */
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

static struct kc_result check_lost(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_check_clock(bank, item->message.lost_request.time_ms);
}

static struct kc_result apply_lost(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    struct kc_result result = kc_ledger_lost(&bank->ledger, &item->message.lost_request, &source);
    return kc_failed(result)
               ? result
               : kc_bank_list_pairs(&item->pairs, &bank->store,
                                    item->message.lost_request.purse.number, kc_clock_now_ms());
}

static struct kc_result answer_lost(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    struct kc_bank_item *item)
{
    struct kc_lost_reply reply = {.certificates = kc_view(item->pairs.bytes, item->pairs.size),
                                  .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    return kc_bank_reply(bank, thread, item, reply.time_ms, &kc_lost_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_lost_request = {
    .shape = &kc_lost_request_shape,
    .steps = {{KC_LANE_WORK, check_lost, NULL},
              {KC_LANE_WRITE, apply_lost, NULL},
              {KC_LANE_WORK, answer_lost, NULL}},
};

static struct kc_result check_reissue(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_check_clock(bank, item->message.reissue_request.time_ms);
}

static struct kc_result apply_reissue(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    if (kc_bank_is_ending(bank, item->message.reissue_request.account)) {
        return kc_result(KC_BUSY);
    }
    return kc_ledger_reissue(&item->opened, &item->due_ms, &bank->ledger,
                             &item->message.reissue_request, &source);
}

const struct kc_bank_kind kc_bank_reissue_request = {
    .shape = &kc_reissue_request_shape,
    .steps = {{KC_LANE_WORK, check_reissue, NULL},
              {KC_LANE_WRITE, apply_reissue, NULL},
              {KC_LANE_WORK, kc_bank_answer_open, NULL}},
};

static struct kc_result check_move(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_check_clock(bank, item->message.move_request.time_ms);
}

static struct kc_result apply_move(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    if (kc_bank_is_ending(bank, item->message.move_request.account)) {
        return kc_result(KC_BUSY);
    }
    return kc_ledger_move(&item->opened, &item->due_ms, &bank->ledger, &item->message.move_request,
                          &source);
}

const struct kc_bank_kind kc_bank_move_request = {
    .shape = &kc_move_request_shape,
    .steps = {{KC_LANE_WORK, check_move, NULL},
              {KC_LANE_WRITE, apply_move, NULL},
              {KC_LANE_WORK, kc_bank_answer_open, NULL}},
};

/* ---- whoever has the old one ---- */

/* Whether keys are, or were, on their way to a purse that the directory may show in the place of those that it has: those that
 * the authority made may have come there behind the ones that the purse made itself meanwhile. */
static bool is_awaited(const struct kc_store *store, const struct kc_purse_key_row *keys)
{
    struct kc_renewal_row row;
    struct kc_key_offer_row offer;
    bool offered = !kc_failed(store->key_offer_get(store->context, &offer, keys->purse.number));
    bool asked = !kc_failed(store->renewal_last(store->context, &row, keys->purse.number)) &&
                 (row.state == KC_RENEWAL_ASKED || row.state == KC_RENEWAL_WAITING);
    return offered || asked;
}

struct sought {
    struct kc_view key;
    bool found;
};

static bool see_key(void *owner, const struct kc_renewal_row *row)
{
    struct sought *sought = owner;
    sought->found = kc_view_equal(sought->key, kc_view(row->sign_key, row->sign_size));
    return !sought->found;
}

/* Whether a key is one of a purse: its own, or one that it has or had on its way, as long as it did not change over since. */
static bool is_of_purse(const struct kc_store *store, uint64_t purse,
                        const struct kc_public_key *key)
{
    uint8_t bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_purse_key_row own;
    struct kc_key_offer_row offer;
    struct sought sought = {.found = false};
    if (kc_failed(kc_key_encode(&out, key)) ||
        kc_failed(store->purse_key_get(store->context, &own, purse))) {
        return false;
    }
    sought.key = kc_buffer_view(&out);
    bool offered = !kc_failed(store->key_offer_get(store->context, &offer, purse)) &&
                   kc_view_equal(sought.key, kc_view(offer.sign_key, offer.sign_size));
    struct kc_renewal_row last;
    bool asked = !kc_failed(store->renewal_last(store->context, &last, purse)) &&
                 kc_view_equal(sought.key, kc_view(last.sign_key, last.sign_size));
    return offered || asked || kc_view_equal(sought.key, kc_view(own.sign_key, own.sign_size)) ||
           (!kc_failed(
                kc_bank_each_left(store, purse, KC_AMOUNT_MAX, own.signer, &sought, see_key)) &&
            sought.found);
}

/* What the directory shows for an account. */
static struct kc_result fetch_shown(struct kc_person *out, struct kc_bank *bank,
                                    struct kc_bank_thread *thread, uint64_t account)
{
    uint8_t digests[2][KC_DIGEST_SIZE];
    struct kc_result result =
        kc_people_certificates(out, digests[0], digests[1], &bank->people, thread->directory,
                               &thread->crypto, account, kc_clock_now_ms());
    return kc_failed(result) ? result : kc_bank_check_revocation(bank, thread, out);
}

/* The numbers of a pair say nothing for its key once a root's list ended its issuer: who stole that one's key gave what numbers
 * he liked, and had bank and registrar believe them. Then the directory has to show, by an issuer that counts, a key of the same
 * purse; for the authority certified anew what it had certified itself, and nothing else. */
static bool is_vouched_for(struct kc_bank *bank, struct kc_bank_thread *thread,
                           const struct kc_purse_key_row *keys, const struct kc_person *shown)
{
    return !kc_people_is_of_ended(&bank->people, &thread->crypto, keys->pair) ||
           is_of_purse(&thread->store, keys->purse.number, &shown->sign_key);
}

struct kc_result kc_bank_check_vouched(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       const struct kc_purse_key_row *keys)
{
    struct kc_person shown;
    if (!kc_people_is_of_ended(&bank->people, &thread->crypto, keys->pair)) {
        return kc_ok();
    }
    struct kc_result result = fetch_shown(&shown, bank, thread, keys->account.number);
    if (result.code == KC_DIRECTORY_DOWN || result.code == KC_REVOCATION_UNKNOWN) {
        return result;
    }
    bool good = !kc_failed(result) && is_vouched_for(bank, thread, keys, &shown);
    return kc_result(good ? KC_OK : KC_CERT_REVOKED);
}

/* The directory shows the new keys of a renewal once they are certified; until they are confirmed the purse has the old ones.
 * When it shows none that are good, an account's certificates were revoked, old and new. The old ones may also have been
 * revoked alone: they are looked for by their numbers. */
struct kc_result kc_bank_renews(struct kc_bank *bank, struct kc_bank_thread *thread,
                                const struct kc_purse_key_row *keys)
{
    struct kc_person shown;
    struct kc_person own;
    uint64_t now_ms = kc_clock_now_ms();
    if (!is_awaited(&thread->store, keys) || keys->expires_ms < now_ms ||
        kc_failed(fetch_shown(&shown, bank, thread, keys->account.number))) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    struct kc_result result = kc_people_check_pair(&own, &bank->people, &thread->crypto, keys->pair,
                                                   keys->expires_ms, now_ms);
    if (!kc_failed(result)) {
        result = kc_bank_check_revocation(bank, thread, &own);
    }
    bool good = kc_failed(result) || is_vouched_for(bank, thread, keys, &shown);
    return good ? result : kc_result(KC_CERT_REVOKED);
}

/* Whether a newer key of the same purse was confirmed, or certified in the place of this one. Who asks need not prove anything to
 * hear that, and nothing changes. */
static bool is_renewed(const struct kc_store *store, const uint8_t signer[KC_SIGNER_SIZE])
{
    struct kc_renewal_row row;
    struct kc_renewal_row last;
    if (kc_failed(store->renewal_by_signer(store->context, &row, signer))) {
        return false;
    }
    if (memcmp(row.old_signer, signer, KC_SIGNER_SIZE) == 0) {
        return row.state >= KC_RENEWAL_DONE;
    }
    return row.state == KC_RENEWAL_WAITING &&
           !kc_failed(store->renewal_last(store->context, &last, row.purse.number)) &&
           last.number > row.number;
}

/* The keys with that signer: a purse's own, or those that wait for its confirmation, which it may have by now. */
static struct kc_result find_keys(struct kc_purse_key_row *out, bool *waits,
                                  const struct kc_store *store,
                                  const uint8_t signer[KC_SIGNER_SIZE])
{
    struct kc_renewal_row row;
    struct kc_result result = store->purse_key_by_signer(store->context, out, signer);
    *waits = result.code == KC_NOT_FOUND &&
             !kc_failed(store->renewal_by_signer(store->context, &row, signer)) &&
             row.state == KC_RENEWAL_WAITING && memcmp(row.signer, signer, KC_SIGNER_SIZE) == 0;
    if (!*waits) {
        return result;
    }
    *out = (struct kc_purse_key_row){.purse = row.purse,
                                     .account = row.account,
                                     .expires_ms = row.expires_ms,
                                     .sign_size = row.sign_size,
                                     .encrypt_size = row.encrypt_size};
    memcpy(out->signer, row.signer, sizeof out->signer);
    memcpy(out->pair, row.pair, sizeof out->pair);
    memcpy(out->sign_key, row.sign_key, row.sign_size);
    memcpy(out->encrypt_key, row.encrypt_key, row.encrypt_size);
    return kc_ok();
}

/* Whether the certificates of a key ended, by their own time or by that of the root above them; and were not revoked. */
static bool has_ended(struct kc_bank *bank, struct kc_bank_thread *thread,
                      const struct kc_purse_key_row *keys, struct kc_result because)
{
    struct kc_person own;
    uint64_t now_ms = kc_clock_now_ms();
    bool over = keys->expires_ms < now_ms;
    if (because.code == KC_CERT_REVOKED || (!over && because.code != KC_CERT_EXPIRED)) {
        return false;
    }
    struct kc_result word = kc_people_check_pair(&own, &bank->people, &thread->crypto, keys->pair,
                                                 keys->expires_ms, now_ms);
    /* The issuer of one whose time is over may have ended with it. */
    return word.code == KC_CERT_EXPIRED || (over && word.code == KC_DIRECTORY_DOWN);
}

struct kc_result kc_bank_find_blocked(struct kc_bank_item *item, struct kc_bank *bank,
                                      struct kc_bank_thread *thread, struct kc_result because)
{
    struct kc_purse_key_row keys;
    struct kc_purse_row purse;
    struct kc_person person = {.id = item->envelope.signer};
    const struct kc_store *store = &thread->store;
    bool waits = false;
    bool ended = because.code == KC_CERT_EXPIRED;
    bool asked = because.code == KC_UNKNOWN_SIGNER || because.code == KC_CERT_REVOKED || ended;
    if (asked && is_renewed(store, person.id.bytes)) {
        return kc_result(KC_KEY_RENEWED);
    }
    if (!asked || kc_failed(find_keys(&keys, &waits, store, person.id.bytes)) ||
        kc_failed(store->purse_get(store->context, &purse, keys.purse.number))) {
        return because;
    }
    item->at_counter =
        !waits && kc_bank_at_counter(bank, item, &keys, has_ended(bank, thread, &keys, because));
    if (purse.state != KC_PURSE_OUT && !item->at_counter) {
        struct kc_result result =
            because.code == KC_UNKNOWN_SIGNER ? kc_bank_renews(bank, thread, &keys) : because;
        if (kc_failed(result)) {
            return result;
        }
    }
    person.number = keys.account.number;
    person.expires_ms = keys.expires_ms;
    if (kc_failed(kc_key_decode(&person.sign_key, kc_view(keys.sign_key, keys.sign_size))) ||
        kc_failed(
            kc_key_decode(&person.encrypt_key, kc_view(keys.encrypt_key, keys.encrypt_size)))) {
        return because;
    }
    item->signer = person;
    return kc_ok();
}
