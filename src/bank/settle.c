/* Settlement: Sc1-Sc4. The workers verify each record's signatures, with the keys of the purses that the orders name;
 * the writer counts; the answer carries the certified value, what comes back, and what was objected to. */
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

/* Of the pairs that a purse left, so many of the newest are looked at, and so many of its first renewals. The authority certifies
 * few beside each other. */
#define LEFT_MAX 64u

/* Every partner whose key is in memory and good. A purse that nobody looked up, or whose certificate is no longer good, is looked
 * up on the lane that may wait. */
static bool find_partners(struct kc_bank *bank, struct kc_records *records)
{
    bool all = true;
    for (size_t i = 0; i < records->partner_count; i++) {
        struct kc_person person;
        struct kc_signer_id id;
        struct kc_partner *partner = &records->partners[i];
        bool good = kc_holders_find(&id, &bank->holders, partner->number) &&
                    !kc_failed(kc_people_find(&person, &bank->people, &id, kc_clock_now_ms()));
        if (good) {
            partner->error = KC_OK;
            partner->account = person.number;
            partner->key = person.sign_key;
        }
        all = all && good;
    }
    return all;
}

static struct kc_result verify_records(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    item->records.known = &bank->known;
    kc_records_verify(&item->records, &thread->crypto, &bank->realm, &item->signer.sign_key);
    return kc_ok();
}

/* Where every partner is in memory the two steps after this one have nothing to do. */
static struct kc_result read_report(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    struct kc_bank_item *item)
{
    const struct kc_settle_request *request = &item->message.settle_request;
    struct kc_result result = kc_bank_read_information(bank, thread, item, request->information);
    if (!kc_failed(result) && item->information.entry_count > 0) {
        result = kc_result(KC_MALFORMED);
    }
    if (!kc_failed(result) && request->has_gap) {
        result = kc_records_read_gap(&item->information, request->gap);
    }
    if (!kc_failed(result)) {
        result =
            kc_records_read(&item->records, &item->information, &request->records, &thread->crypto);
    }
    if (!kc_failed(result) && find_partners(bank, &item->records)) {
        item->step += 2;
        result = verify_records(bank, thread, item);
    }
    return result;
}

static struct kc_result fetch_person(struct kc_person *out, struct kc_bank *bank,
                                     struct kc_bank_thread *thread, const struct kc_signer_id *id)
{
    uint64_t now_ms = kc_clock_now_ms();
    struct kc_result result = kc_people_find(out, &bank->people, id, now_ms);
    if (kc_failed(result)) {
        result =
            kc_people_fetch(out, &bank->people, thread->directory, &thread->crypto, id, now_ms);
    }
    if (result.code == KC_DIRECTORY_DOWN || result.code == KC_CERT_INVALID) {
        /* The list in memory may be old because the directory was away, or know nothing of a new issuer. */
        result = kc_people_refresh(&bank->people, thread->directory, now_ms);
        if (!kc_failed(result)) {
            result =
                kc_people_fetch(out, &bank->people, thread->directory, &thread->crypto, id, now_ms);
        }
    }
    return result;
}

/* A card without keys is known by its row alone; its records are waited for as those of any purse whose account ended. */
static struct kc_result fetch_card(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_partner *partner, const struct kc_purse_row *card)
{
    struct kc_account_row account;
    const struct kc_store *store = &thread->store;
    uint64_t now_ms = kc_clock_now_ms();
    struct kc_result result = store->account_get(store->context, &account, card->account.number);
    if (kc_failed(result)) {
        return result;
    }
    bool late = now_ms > account.expires_ms && now_ms - account.expires_ms > bank->config.settle_ms;
    partner->bearer = true;
    partner->account = card->account.number;
    memcpy(partner->secret, card->identity_digest, sizeof partner->secret);
    /* One that never was confirmed has no secret, also when it lapsed. */
    partner->error = card->sequence == 0 ? KC_UNKNOWN_SIGNER : late ? KC_EXPIRED : KC_OK;
    return result;
}

static bool is_late(uint64_t expires_ms, uint64_t settle_ms)
{
    uint64_t now_ms = kc_clock_now_ms();
    return now_ms > expires_ms && now_ms - expires_ms > settle_ms;
}

/* A renewed key, as it is kept: what it signed holds for as long after its certificate's end as late records are waited for. */
static struct kc_result take_old(struct kc_partner_old *out, enum kc_partner_term term,
                                 const struct kc_renewal_row *row, uint64_t settle_ms)
{
    out->term = term;
    out->late = is_late(row->old_expires_ms, settle_ms);
    return kc_key_decode(&out->key, kc_view(row->old_sign_key, row->old_sign_size));
}

/* Which of its keys a partner had at that counter, `last` being its newest renewal. */
static struct kc_result fetch_old(struct kc_partner_old *out, struct kc_bank *bank,
                                  struct kc_bank_thread *thread, const struct kc_renewal_row *last,
                                  uint64_t counter)
{
    struct kc_renewal_row row;
    const struct kc_store *store = &thread->store;
    enum kc_partner_term term = KC_TERM_ONLY;
    struct kc_result result = store->renewal_at(store->context, &row, last->purse.number, counter);
    if (result.code == KC_NOT_FOUND) {
        row = *last;
        if (last->state >= KC_RENEWAL_DONE) {
            term = KC_TERM_ENDED;
        } else if (last->state == KC_RENEWAL_WAITING && counter > last->counter) {
            term = KC_TERM_EITHER;
        }
        result = kc_ok();
    }
    return kc_failed(result) ? result : take_old(out, term, &row, bank->config.settle_ms);
}

/* What a partner says of a counter that an older key had, with one that came after it; which of them the newest renewal need not
 * tell, when yet another is on its way or came since. */
static struct kc_result see_later(struct kc_bank *bank, struct kc_bank_thread *thread,
                                  struct kc_records *records, size_t at, uint64_t counter,
                                  uint64_t partner)
{
    struct kc_renewal_row row;
    struct kc_partner_old *old = &records->old[at];
    const struct kc_store *store = &thread->store;
    enum kc_entry_kind kind = records->items[at].entry.kind;
    bool answers = kind == KC_ENTRY_KIND_PAY || kind == KC_ENTRY_KIND_VOID;
    struct kc_result result = kc_ok();
    if (!answers || old->term != KC_TERM_ONLY ||
        kc_records_signed(records, at, &old->key, &thread->crypto, &bank->realm)) {
        return result;
    }
    for (unsigned i = 0; i < LEFT_MAX && !kc_failed(result); i++) {
        struct kc_public_key key;
        result = store->renewal_at(store->context, &row, partner, counter);
        if (!kc_failed(result)) {
            result = kc_key_decode(&key, kc_view(row.sign_key, row.sign_size));
        }
        if (!kc_failed(result) &&
            kc_records_signed(records, at, &key, &thread->crypto, &bank->realm)) {
            *old = (struct kc_partner_old){.term = KC_TERM_EITHER, .key = key};
            old->late = is_late(row.expires_ms, bank->config.settle_ms);
            return result;
        }
        counter = row.counter + 2;
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* Keys of a partner that are none of its at that counter, and no forger's either: pairs that it had certified and left for
 * others, keys that had ended, or did not sign yet. Who was paid with one in good faith hears the same as of the key that ended
 * last. */
struct strays {
    struct kc_bank *bank;
    const struct kc_crypto *crypto;
    struct kc_records *records;
    uint64_t partner;
    bool looked_for[KC_LIST_COUNT_MAX];
};

static bool is_signed(const struct strays *strays, size_t at, struct kc_view bytes)
{
    struct kc_public_key key;
    return !kc_failed(kc_key_decode(&key, bytes)) &&
           kc_records_signed(strays->records, at, &key, strays->crypto, &strays->bank->realm);
}

/* Records that none of the keys signed that count there. */
static void begin_strays(struct strays *strays, const struct kc_renewal_row *last)
{
    bool certified = last->state >= KC_RENEWAL_WAITING;
    struct kc_view newest = certified ? kc_view(last->sign_key, last->sign_size)
                                      : kc_view(last->old_sign_key, last->old_sign_size);
    for (size_t at = 0; at < strays->records->count; at++) {
        const struct kc_partner_old *old = &strays->records->old[at];
        bool own = kc_records_counter(strays->records, at, strays->partner) > 0;
        bool by_old =
            own && (old->term == KC_TERM_ONLY || old->term == KC_TERM_EITHER) &&
            kc_records_signed(strays->records, at, &old->key, strays->crypto, &strays->bank->realm);
        bool by_newest = own && !by_old && is_signed(strays, at, newest);
        strays->looked_for[at] = own && !by_old && !by_newest;
        strays->records->left[at] =
            strays->records->left[at] || (by_newest && old->term == KC_TERM_ONLY);
    }
}

static void see_stray(struct strays *strays, struct kc_view key)
{
    for (size_t at = 0; at < strays->records->count; at++) {
        if (strays->looked_for[at] && is_signed(strays, at, key)) {
            strays->records->left[at] = true;
            strays->looked_for[at] = false;
        }
    }
}

static struct kc_result find_strays(struct strays *strays, const struct kc_store *store,
                                    const struct kc_renewal_row *last)
{
    struct kc_renewal_row row = *last;
    uint64_t counter = 1;
    struct kc_result result = kc_ok();
    begin_strays(strays, last);
    /* Of a counter from before it also the key in force, which is not the newest while another waits. */
    see_stray(strays, kc_view(last->old_sign_key, last->old_sign_size));
    for (unsigned i = 0; i < LEFT_MAX && !kc_failed(result); i++) {
        result = store->renewal_left(store->context, &row, strays->partner, row.number);
        if (!kc_failed(result)) {
            see_stray(strays, kc_view(row.sign_key, row.sign_size));
        }
    }
    result = result.code == KC_NOT_FOUND ? kc_ok() : result;
    for (unsigned i = 0; i < LEFT_MAX && !kc_failed(result); i++) {
        result = store->renewal_at(store->context, &row, strays->partner, counter);
        if (!kc_failed(result)) {
            see_stray(strays, kc_view(row.old_sign_key, row.old_sign_size));
            counter = row.counter + 2;
        }
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* The keys that a partner renewed. While the newest ones wait for the confirmation the bank's own books know both, whatever the
 * directory shows: it may pay with either. *some says whether there are any. */
static struct kc_result fetch_renewed(bool *some, struct kc_bank *bank,
                                      struct kc_bank_thread *thread, struct kc_records *records,
                                      struct kc_partner *partner)
{
    struct kc_renewal_row last;
    const struct kc_store *store = &thread->store;
    struct kc_result result = store->renewal_last(store->context, &last, partner->number);
    *some = !kc_failed(result);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    for (size_t i = 0; i < records->count && !kc_failed(result); i++) {
        uint64_t counter = kc_records_counter(records, i, partner->number);
        if (counter > 0) {
            result = fetch_old(&records->old[i], bank, thread, &last, counter);
            result = kc_failed(result)
                         ? result
                         : see_later(bank, thread, records, i, counter, partner->number);
        }
    }
    if (!kc_failed(result)) {
        struct strays strays = {.bank = bank,
                                .crypto = &thread->crypto,
                                .records = records,
                                .partner = partner->number};
        result = find_strays(&strays, store, &last);
    }
    if (!kc_failed(result) && last.state < KC_RENEWAL_DONE) {
        bool waits = last.state == KC_RENEWAL_WAITING;
        struct kc_view key = waits ? kc_view(last.sign_key, last.sign_size)
                                   : kc_view(last.old_sign_key, last.old_sign_size);
        partner->account = last.account.number;
        partner->error = kc_key_decode(&partner->key, key).code;
    }
    return result;
}

/* Whether the key that the bank kept holds although the directory says that it has ended. Whoever was revoked would be heard as
 * well, if that word were enough: the pair itself is looked for by its numbers. */
static struct kc_result check_ended(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    const struct kc_purse_key_row *keys)
{
    struct kc_person own;
    if (is_late(keys->expires_ms, bank->config.settle_ms)) {
        return kc_ok(); /* which kc_partner_take_kept refuses */
    }
    struct kc_result result = kc_people_check_pair(&own, &bank->people, &thread->crypto, keys->pair,
                                                   keys->expires_ms, kc_clock_now_ms());
    if (result.code == KC_CERT_EXPIRED) {
        return kc_ok();
    }
    if (!kc_failed(result)) {
        result = kc_bank_check_revocation(bank, thread, &own);
    }
    return kc_failed(result) ? result : kc_bank_check_vouched(bank, thread, keys);
}

/* What is heard of a partner's key is its word; where nobody could say, all is asked again. */
static struct kc_result note_word(struct kc_partner *partner, struct kc_result result)
{
    bool later = result.code == KC_DIRECTORY_DOWN || result.code == KC_REVOCATION_UNKNOWN;
    partner->error = result.code;
    return later ? result : kc_ok();
}

/* The key of a partner's purse: the directory vouches for one in use, the bank's own database for one that is not. */
static struct kc_result fetch_partner(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_records *records, struct kc_partner *partner)
{
    struct kc_purse_key_row keys;
    struct kc_purse_row purse;
    struct kc_person person;
    struct kc_signer_id id;
    const struct kc_store *store = &thread->store;
    struct kc_result result = store->purse_get(store->context, &purse, partner->number);
    if (!kc_failed(result) && purse.type == KC_PURSE_TYPE_BEARER) {
        return fetch_card(bank, thread, partner, &purse);
    }
    if (!kc_failed(result)) {
        result = store->purse_key_get(store->context, &keys, partner->number);
    }
    if (kc_failed(result)) {
        partner->error = KC_UNKNOWN_SIGNER;
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    bool renewed = false;
    result = fetch_renewed(&renewed, bank, thread, records, partner);
    if (!kc_failed(result) && partner->error == KC_OK && purse.state != KC_PURSE_OUT) {
        return note_word(partner, kc_bank_check_vouched(bank, thread, &keys));
    }
    if (kc_failed(result) || partner->error == KC_OK) {
        return result;
    }
    if (purse.state == KC_PURSE_OUT) {
        kc_partner_take_kept(partner, &keys, kc_clock_now_ms(), bank->config.settle_ms);
        return kc_ok();
    }
    memcpy(id.bytes, keys.signer, sizeof id.bytes);
    result = fetch_person(&person, bank, thread, &id);
    /* It may have ended while the directory shows others, which the purse has not claimed. */
    bool ended = result.code == KC_CERT_EXPIRED ||
                 (result.code == KC_UNKNOWN_SIGNER && keys.expires_ms < kc_clock_now_ms());
    if (ended) {
        result = check_ended(bank, thread, &keys);
    }
    if ((ended && !kc_failed(result)) ||
        (result.code == KC_UNKNOWN_SIGNER && !kc_failed(kc_bank_renews(bank, thread, &keys)))) {
        kc_partner_take_kept(partner, &keys, kc_clock_now_ms(), bank->config.settle_ms);
        return kc_ok();
    }
    if (!kc_failed(result)) {
        struct kc_renewal_row row;
        kc_holders_keep(&bank->holders, partner->number, &id);
        if (renewed || !kc_failed(store->renewal_last(store->context, &row, partner->number))) {
            /* Also one that began meanwhile, whose own forgetting may have come before this. */
            kc_holders_forget(&bank->holders, partner->number);
        }
        partner->account = person.number;
        partner->key = person.sign_key;
    }
    return note_word(partner, result);
}

static struct kc_result fetch_partners(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    struct kc_records *records = &item->records;
    struct kc_result result = kc_ok();
    records->known = &bank->known;
    for (size_t i = 0; i < records->partner_count && !kc_failed(result); i++) {
        if (records->partners[i].error != KC_OK) {
            result = fetch_partner(bank, thread, records, &records->partners[i]);
        }
    }
    return result;
}

static struct kc_result apply_report(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    struct kc_result result =
        kc_ledger_settle(&item->settled, &bank->ledger, item->message.settle_request.time_ms,
                         &item->information, item->records.items, item->records.count, &source);
    return kc_failed(result) ? result
                             : kc_ledger_key_ready(&item->key_ready_ms, &bank->ledger,
                                                   item->information.information.purse);
}

/* Room for the small records of a reply. */
struct lists {
    uint8_t releases[KC_LIST_COUNT_MAX][32];
    uint8_t objections[KC_LIST_COUNT_MAX][32];
};

static struct kc_result fill_lists(struct kc_settle_reply *reply, struct lists *lists,
                                   const struct kc_ledger_settled *settled)
{
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < settled->release_count && !kc_failed(result); i++) {
        struct kc_buffer out = KC_BUFFER(lists->releases[i]);
        result = kc_shape_encode(&out, &kc_release_shape, &settled->releases[i]);
        reply->released.items[reply->released.count++] = kc_buffer_view(&out);
    }
    for (size_t i = 0; i < settled->objection_count && !kc_failed(result); i++) {
        struct kc_buffer out = KC_BUFFER(lists->objections[i]);
        result = kc_shape_encode(&out, &kc_objection_shape, &settled->objections[i]);
        reply->objections.items[reply->objections.count++] = kc_buffer_view(&out);
    }
    return result;
}

static struct kc_result answer_report(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct lists lists;
    struct kc_buffer certified = KC_BUFFER(bytes);
    struct kc_settle_reply reply = {.purse = item->information.information.purse,
                                    .has_key_ready = item->key_ready_ms != 0,
                                    .key_ready_ms = item->key_ready_ms,
                                    .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    struct kc_result result = kc_bank_certify(&certified, bank, thread, &item->settled.certified);
    reply.certified = kc_buffer_view(&certified);
    if (!kc_failed(result)) {
        result = fill_lists(&reply, &lists, &item->settled);
    }
    return kc_failed(result)
               ? result
               : kc_bank_reply(bank, thread, item, reply.time_ms, &kc_settle_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_settle_request = {
    .shape = &kc_settle_request_shape,
    .from_purse = true,
    .steps = {{KC_LANE_WORK, read_report, NULL},
              {KC_LANE_DIRECTORY, fetch_partners, NULL},
              {KC_LANE_WORK, verify_records, NULL},
              {KC_LANE_WRITE, apply_report, NULL},
              {KC_LANE_WORK, answer_report, NULL}},
};
