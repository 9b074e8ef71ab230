/* Renewal by the authority (EP1221669 Fig 13; docs/protocol.md "Renewal by the authority"): the bank's S2 and S4, its word that
 * keys wait (S5, in the answers of cash.c and settle.c), and the claim. What comes after is the purse's report (settle.c), and
 * the end of the old certificates (renew.c) where the authority has not heard of the change from the purse itself. */
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"
#include "base/log.h"

#define ROUND_MAX 8u
#define ROUND_EVERY_MS 1000u
#define WANTED_MAX 64u
#define DAY_MS UINT64_C(86400000)

/* ---- S2, S3, S4 ---- */

static struct kc_result encode(uint8_t *bytes, size_t *size, const struct kc_public_key *key)
{
    struct kc_buffer out = {.data = bytes, .capacity = KC_COSE_KEY_SIZE_MAX};
    struct kc_result result = kc_key_encode(&out, key);
    *size = out.size;
    return result;
}

/* Asks the authority, and finds what it says in the directory. The row gets the keys, item->renewal the certificates. */
static struct kc_result get_made(struct kc_bank *bank, struct kc_bank_thread *thread,
                                 struct kc_bank_item *item, uint64_t claimed_ms)
{
    struct kc_certify_reply reply;
    struct kc_signer_id id;
    struct kc_bank_renewal *renewal = &item->renewal;
    struct kc_renewal_row *row = &renewal->row;
    const struct kc_keys_request request = {.account = row->account,
                                            .expires_ms =
                                                kc_clock_now_ms() + bank->ledger.options.account_ms,
                                            .has_claimed = claimed_ms != 0,
                                            .claimed_ms = claimed_ms,
                                            .time_ms = kc_clock_now_ms()};
    struct kc_result result = kc_bank_ask_pair(&reply, bank, thread, row->purse, request.time_ms,
                                               &kc_keys_request_shape, &request);
    if (!kc_failed(result)) {
        result = kc_bank_find_certified(bank, thread, item, &reply);
    }
    if (!kc_failed(result)) {
        result = encode(row->sign_key, &row->sign_size, &item->holder.sign_key);
    }
    if (!kc_failed(result)) {
        result = encode(row->encrypt_key, &row->encrypt_size, &item->holder.encrypt_key);
    }
    if (!kc_failed(result)) {
        kc_signer_id_make(&id, &thread->crypto, row->account.number, &item->holder.sign_key);
        memcpy(row->signer, id.bytes, sizeof row->signer);
    }
    return result;
}

static struct kc_result make_keys(struct kc_bank *bank, struct kc_bank_thread *thread,
                                  struct kc_bank_item *item)
{
    item->renewal.row.account = item->renewal.offer.account;
    item->renewal.row.purse = item->renewal.offer.purse;
    struct kc_result result = get_made(bank, thread, item, 0);
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "keys not made account=%llu reason=%s",
               (unsigned long long)item->renewal.offer.account.number, kc_error_name(result.code));
    }
    return result;
}

static struct kc_result apply_made(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_key_offer_row *offer = &item->renewal.offer;
    const struct kc_renewal_row *row = &item->renewal.row;
    (void)thread;
    memcpy(offer->signer, row->signer, KC_SIGNER_SIZE);
    memcpy(offer->sign_key, row->sign_key, row->sign_size);
    memcpy(offer->encrypt_key, row->encrypt_key, row->encrypt_size);
    offer->sign_size = row->sign_size;
    offer->encrypt_size = row->encrypt_size;
    return kc_ledger_key_offer_ready(&bank->ledger, offer);
}

const struct kc_bank_kind kc_bank_make_keys = {
    .steps = {{KC_LANE_DIRECTORY, make_keys, NULL}, {KC_LANE_WRITE, apply_made, NULL}},
};

/* False when no item is left for it. */
static bool send(struct kc_bank *bank, const struct kc_key_offer_row *row)
{
    struct kc_bank_item *item = kc_bank_round_take(bank, &bank->offering, &kc_bank_make_keys);
    if (item == NULL) {
        return false;
    }
    memset(&item->renewal.row, 0, sizeof item->renewal.row);
    item->renewal.offer = *row;
    kc_bank_round_send(bank, item);
    return true;
}

/* Purses whose certificates end soon are offered new keys, if the operator wants that. */
static void order_wanted(struct kc_bank *bank, uint64_t now_ms)
{
    if (bank->config.renewal_before_days == 0) {
        return;
    }
    uint64_t until_ms = now_ms + bank->config.renewal_before_days * DAY_MS;
    struct kc_result result = kc_ledger_begin(&bank->ledger, now_ms);
    if (kc_failed(result)) {
        return;
    }
    for (size_t i = 0; i < WANTED_MAX && !kc_failed(result); i++) {
        result = kc_ledger_key_offer_wanted(&bank->ledger, &bank->offer_wanted, until_ms);
    }
    if (result.code == KC_NOT_FOUND) {
        /* The next round begins with the first. */
        bank->offer_wanted = 0;
        result = kc_ok();
    }
    struct kc_result committed = kc_ledger_commit(&bank->ledger);
    if (kc_failed(result) || kc_failed(committed)) {
        kc_log(KC_LOG_ERROR, "offering keys failed reason=%s",
               kc_error_name(kc_failed(committed) ? committed.code : result.code));
    }
}

void kc_bank_key_offer_due(struct kc_bank *bank, uint64_t now_ms)
{
    struct kc_key_offer_row row;
    struct kc_bank_place *last = &bank->offering.last;
    /* CMP has no keys that an authority makes: what was ordered before waits. */
    if (kc_cmp_place_speaks(&bank->config.authority) ||
        !kc_bank_round_begin(&bank->offering, now_ms, ROUND_EVERY_MS)) {
        return;
    }
    order_wanted(bank, now_ms);
    for (size_t i = 0; i < ROUND_MAX; i++) {
        struct kc_result result = kc_ledger_key_offer_due(&row, &bank->ledger, last->number);
        if (kc_failed(result)) {
            last->number = 0;
            return;
        }
        if (!send(bank, &row)) {
            return;
        }
        last->number = row.purse.number;
    }
}

/* ---- the claim ---- */

static struct kc_result read_claim(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_result result =
        kc_bank_read_information(bank, thread, item, item->message.claim_request.information);
    if (!kc_failed(result) && item->information.entry_count > 0) {
        result = kc_result(KC_MALFORMED);
    }
    return result;
}

static struct kc_result apply_claim(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_claim(&item->renewal.row, &bank->ledger, item->message.claim_request.time_ms,
                           &item->information, &source);
}

/* The authority makes keys anew when the private ones are gone, and this claim is newer than what it gave. */
static struct kc_result find_claimed(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    uint8_t digests[2][KC_DIGEST_SIZE];
    struct kc_result result = get_made(bank, thread, item, item->message.claim_request.time_ms);
    if (!kc_failed(result)) {
        result = kc_bank_identify_certified(bank, thread, item);
    }
    if (!kc_failed(result)) {
        result = kc_people_certificates(&item->holder, digests[0], digests[1], &bank->people,
                                        thread->directory, &thread->crypto, KC_SERVER_AUTHORITY,
                                        kc_clock_now_ms());
    }
    return kc_failed(result) ? result : kc_bank_notice_prefer(&item->holder, &bank->notice);
}

static struct kc_result apply_claimed(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_note_blocked(item, kc_ledger_claimed(&bank->ledger, &item->renewal.row));
}

static struct kc_result answer_claim(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    uint8_t verify[KC_COSE_KEY_SIZE_MAX];
    uint8_t encrypt[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer identity = KC_BUFFER(bytes);
    const struct kc_bank_renewal *renewal = &item->renewal;
    size_t sizes[2] = {0, 0};
    struct kc_result result = renewal->blocked ? kc_result(KC_PURSE_BLOCKED)
                                               : encode(verify, &sizes[0], &item->holder.sign_key);
    if (!kc_failed(result)) {
        result = encode(encrypt, &sizes[1], &item->holder.encrypt_key);
    }
    /* From here on this purse may sign with either key, and is looked up in the database (settle.c). */
    kc_holders_forget(&bank->holders, renewal->row.purse.number);
    if (!kc_failed(result)) {
        result = kc_sign_brief(&identity, &thread->crypto, &bank->sign_key, &bank->realm,
                               KC_IDENTITY_DOMAIN, kc_view(item->identity, item->identity_size));
    }
    struct kc_claim_reply reply = {
        .purse = renewal->row.purse,
        .identity = kc_buffer_view(&identity),
        .encrypt_key = kc_view(renewal->row.encrypt_key, renewal->row.encrypt_size),
        .sign_certificate = kc_view(renewal->sign, renewal->sign_size),
        .encrypt_certificate = kc_view(renewal->encrypt, renewal->encrypt_size),
        .authority_verify = kc_view(verify, sizes[0]),
        .authority_encrypt = kc_view(encrypt, sizes[1]),
        .url = kc_view_text(bank->config.authority_url),
        .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    return kc_failed(result)
               ? result
               : kc_bank_reply(bank, thread, item, reply.time_ms, &kc_claim_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_claim_request = {
    .shape = &kc_claim_request_shape,
    .from_purse = true,
    .steps = {{KC_LANE_WORK, read_claim, NULL},
              {KC_LANE_WRITE, apply_claim, NULL},
              {KC_LANE_DIRECTORY, find_claimed, NULL},
              {KC_LANE_WRITE, apply_claimed, NULL},
              {KC_LANE_WORK, answer_claim, NULL}},
};

/* ---- an operator's word ---- */

struct kc_result kc_bank_read_key_offer(struct kc_bank_item *item, const struct kc_bank *bank,
                                        const struct kc_http_request *request)
{
    if (!kc_bank_has_token(bank, request->authorization)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    return kc_bank_read_account(&item->message.account, request);
}

static struct kc_result apply_offer(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    struct kc_bank_item *item)
{
    (void)thread;
    return bank->config.authority_url[0] == '\0' || kc_cmp_place_speaks(&bank->config.authority)
               ? kc_result(KC_NOT_ALLOWED)
               : kc_ledger_key_offer(&bank->ledger, item->message.account);
}

static struct kc_result answer_offer(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    (void)bank;
    (void)thread;
    kc_log(KC_LOG_INFO, "keys ordered account=%llu",
           (unsigned long long)item->message.account.number);
    return kc_bank_answer_ok(item);
}

const struct kc_bank_kind kc_bank_offer_keys = {
    .steps = {{KC_LANE_WRITE, apply_offer, NULL}, {KC_LANE_WORK, answer_offer, NULL}},
};
