/* Opening an account: SZ1-SZ3, SZ6-SZ7; giving up; identifying at the counter. All from the registrar. */
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

struct kc_result kc_bank_check_clock(const struct kc_bank *bank, uint64_t time_ms)
{
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t off = now_ms > time_ms ? now_ms - time_ms : time_ms - now_ms;
    return kc_result(off > bank->config.clock_ms ? KC_EXPIRED : KC_OK);
}

static void copy_text(char *out, size_t capacity, struct kc_view text)
{
    size_t size = text.size < capacity ? text.size : capacity - 1;
    memcpy(out, text.data, size);
    out[size] = '\0';
}

/* ---- SZ1-SZ3 ---- */

static struct kc_result check_open(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    const struct kc_open_request *request = &item->message.open_request;
    bool uim = request->purse_type == KC_PURSE_TYPE_UIM;
    bool person = request->name.size > 0 && request->address.size > 0 && request->phone.size > 0 &&
                  request->bank_account.size > 0 && request->password_hash.size > 0;
    bool nobody = request->bank_account.size == 0 && request->password_hash.size == 0;
    (void)thread;
    return (uim ? person : nobody) ? kc_bank_check_clock(bank, request->time_ms)
                                   : kc_result(KC_MALFORMED);
}

static struct kc_result ask_ordinary_bank(struct kc_bank *bank, struct kc_bank_thread *thread,
                                          struct kc_bank_item *item)
{
    char account[KC_BANK_ACCOUNT_SIZE_MAX + 1];
    (void)bank;
    if (item->message.open_request.purse_type != KC_PURSE_TYPE_UIM) {
        return kc_ok();
    }
    copy_text(account, sizeof account, item->message.open_request.bank_account);
    return thread->ordinary.check(thread->ordinary.context, account);
}

static struct kc_result apply_open(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_open_account(&item->opened, &bank->ledger, &item->message.open_request,
                                  &source);
}

struct kc_result kc_bank_answer_open(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    struct kc_open_reply reply = {.account = item->opened.account,
                                  .purse = item->opened.purse,
                                  .temporary_until_ms = item->opened.temporary_until_ms,
                                  .expires_ms = item->opened.expires_ms,
                                  .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    return kc_bank_reply(bank, thread, item, reply.time_ms, &kc_open_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_open_request = {
    .shape = &kc_open_request_shape,
    .steps = {{KC_LANE_WORK, check_open, NULL},
              {KC_LANE_ORDINARY, ask_ordinary_bank, NULL},
              {KC_LANE_WRITE, apply_open, NULL},
              {KC_LANE_WORK, kc_bank_answer_open, NULL}},
};

/* ---- SZ6-SZ7 ---- */

/* What kind of purse is to be confirmed, as it stands in the books, and how long its account lives. */
static struct kc_result find_type(struct kc_account_row *account, struct kc_purse_row *purse,
                                  struct kc_bank_thread *thread, struct kc_bank_item *item)
{
    const struct kc_confirm_request *request = &item->message.confirm_request;
    const struct kc_store *store = &thread->store;
    struct kc_result result = store->purse_get(store->context, purse, request->purse.number);
    if (!kc_failed(result)) {
        result = store->account_get(store->context, account, request->account.number);
    }
    item->purse_type = kc_failed(result) ? KC_PURSE_TYPE_UIM : purse->type;
    return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
}

static struct kc_result make_identity(struct kc_bank_thread *thread, struct kc_bank_item *item,
                                      const struct kc_identity *identity)
{
    struct kc_buffer claims = KC_BUFFER(item->identity);
    struct kc_result result = kc_identity_encode(&claims, identity);
    if (identity->purse_type == KC_PURSE_TYPE_BEARER) {
        /* No request ever shows SGN3, so no digest is wanted to know it by: the secret that its orders are marked with is. */
        memcpy(item->identity_digest, identity->secret, KC_DIGEST_SIZE);
    } else {
        kc_digest(&thread->crypto, item->identity_digest, kc_buffer_view(&claims));
    }
    item->identity_size = claims.size;
    return result;
}

void kc_bank_card_claims(struct kc_identity *out, const struct kc_bank *bank,
                         const struct kc_account_row *account, struct kc_purse_id purse)
{
    *out = (struct kc_identity){.bank = bank->realm.bank,
                                .purse_type = KC_PURSE_TYPE_BEARER,
                                .account = account->account,
                                .purse = purse,
                                .issued_s = account->created_ms / 1000u,
                                .expires_s = account->expires_ms / 1000u,
                                .key = {.type = KC_KEY_NONE}};
}

/* A card without keys has no certificates (SGN3): everything in its identity comes from the books. Its secret is drawn at the
 * first confirmation and kept there; of two that come at once the later one is already-exists. */
static struct kc_result identify_card(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item,
                                      const struct kc_account_row *account,
                                      const struct kc_purse_row *card)
{
    static const uint8_t none[KC_DIGEST_SIZE];
    const struct kc_confirm_request *request = &item->message.confirm_request;
    struct kc_identity identity;
    kc_bank_card_claims(&identity, bank, account, request->purse);
    bool bare = memcmp(request->sign_digest, none, KC_DIGEST_SIZE) == 0 &&
                memcmp(request->encrypt_digest, none, KC_DIGEST_SIZE) == 0;
    struct kc_result result = kc_result(bare ? KC_OK : KC_MISMATCH);
    if (!kc_failed(result) && card->state == KC_PURSE_WAITING) {
        result =
            thread->crypto.random(thread->crypto.context, identity.secret, sizeof identity.secret);
    } else {
        memcpy(identity.secret, card->identity_digest, sizeof identity.secret);
    }
    if (!kc_failed(result)) {
        result = make_identity(thread, item, &identity);
    }
    kc_wipe(identity.secret, sizeof identity.secret);
    return result;
}

/* SZ6: both certificates of a purse with keys must stand in the directory, and be the ones that the registrar means. */
static struct kc_result look_up(struct kc_bank *bank, struct kc_bank_thread *thread,
                                struct kc_bank_item *item)
{
    const struct kc_confirm_request *request = &item->message.confirm_request;
    struct kc_person *holder = &item->holder;
    uint8_t sign[KC_DIGEST_SIZE] = {0};
    uint8_t encrypt[KC_DIGEST_SIZE] = {0};
    struct kc_account_row account;
    struct kc_purse_row purse;
    struct kc_result result = kc_bank_check_clock(bank, request->time_ms);
    if (!kc_failed(result)) {
        result = find_type(&account, &purse, thread, item);
    }
    if (!kc_failed(result) && item->purse_type == KC_PURSE_TYPE_BEARER) {
        return identify_card(bank, thread, item, &account, &purse);
    }
    if (!kc_failed(result)) {
        result =
            kc_people_certificates(holder, sign, encrypt, &bank->people, thread->directory,
                                   &thread->crypto, request->account.number, kc_clock_now_ms());
    }
    if (!kc_failed(result)) {
        result = kc_bank_check_revocation(bank, thread, holder);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (memcmp(sign, request->sign_digest, KC_DIGEST_SIZE) != 0 ||
        memcmp(encrypt, request->encrypt_digest, KC_DIGEST_SIZE) != 0) {
        return kc_result(KC_MISMATCH);
    }
    /* Everything in the identity comes from the certificate, so that a repeat makes the same claims. */
    struct kc_identity identity = {.bank = bank->realm.bank,
                                   .purse_type = item->purse_type,
                                   .account = request->account,
                                   .purse = request->purse,
                                   .issued_s = holder->issued_ms / 1000u,
                                   .expires_s = holder->expires_ms / 1000u,
                                   .key = holder->sign_key};
    return make_identity(thread, item, &identity);
}

/* The keys as they stand in the certificates that were just looked up. */
static struct kc_result keep_keys(struct kc_bank *bank, const struct kc_bank_item *item)
{
    const struct kc_confirm_request *request = &item->message.confirm_request;
    struct kc_purse_key_row row = {.purse = request->purse,
                                   .account = request->account,
                                   .expires_ms = item->holder.expires_ms};
    struct kc_buffer sign = KC_BUFFER(row.sign_key);
    struct kc_buffer encrypt = KC_BUFFER(row.encrypt_key);
    struct kc_signer_id id;
    kc_signer_id_make(&id, &bank->crypto, request->account.number, &item->holder.sign_key);
    memcpy(row.signer, id.bytes, sizeof row.signer);
    struct kc_result result = kc_key_encode(&sign, &item->holder.sign_key);
    if (!kc_failed(result)) {
        result = kc_key_encode(&encrypt, &item->holder.encrypt_key);
    }
    row.sign_size = sign.size;
    row.encrypt_size = encrypt.size;
    if (!kc_failed(result)) {
        result = kc_people_pair(row.pair, &bank->people, &bank->crypto, &item->holder);
    }
    return kc_failed(result) ? result : kc_ledger_keep_keys(&bank->ledger, &row);
}

static struct kc_result apply_confirm(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    struct kc_result result =
        kc_ledger_confirm_account(&item->certified, &bank->ledger, &item->message.confirm_request,
                                  item->identity_digest, &source);
    bool bearer = item->purse_type == KC_PURSE_TYPE_BEARER;
    return kc_failed(result) || bearer ? result : keep_keys(bank, item);
}

static struct kc_result answer_confirm(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    uint8_t identity_bytes[KC_RECORD_SIZE_MAX];
    uint8_t certified_bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer identity = KC_BUFFER(identity_bytes);
    struct kc_buffer certified = KC_BUFFER(certified_bytes);
    struct kc_confirm_reply reply = {.account = item->message.confirm_request.account,
                                     .purse = item->message.confirm_request.purse,
                                     .decimals = bank->config.decimals,
                                     .url = kc_view_text(bank->config.url),
                                     .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    struct kc_result result =
        kc_sign_brief(&identity, &thread->crypto, &bank->sign_key, &bank->realm, KC_IDENTITY_DOMAIN,
                      kc_view(item->identity, item->identity_size));
    if (!kc_failed(result)) {
        result = kc_bank_certify(&certified, bank, thread, &item->certified);
    }
    reply.identity = kc_buffer_view(&identity);
    reply.certified = kc_buffer_view(&certified);
    return kc_failed(result)
               ? result
               : kc_bank_reply(bank, thread, item, reply.time_ms, &kc_confirm_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_confirm_request = {
    .shape = &kc_confirm_request_shape,
    .steps = {{KC_LANE_DIRECTORY, look_up, NULL},
              {KC_LANE_WRITE, apply_confirm, NULL},
              {KC_LANE_WORK, answer_confirm, NULL}},
};

/* ---- giving up ---- */

/* A cancellation that somebody held back must not hit an account that is being opened anew. */
static struct kc_result check_cancel(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_check_clock(bank, item->message.cancel_request.time_ms);
}

static struct kc_result apply_cancel(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_cancel_account(&bank->ledger, &item->message.cancel_request, &source);
}

struct kc_result kc_bank_answer_done(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    struct kc_done reply = {.time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    return kc_bank_reply(bank, thread, item, reply.time_ms, &kc_done_shape, &reply);
}

const struct kc_bank_kind kc_bank_cancel_request = {
    .shape = &kc_cancel_request_shape,
    .steps = {{KC_LANE_WORK, check_cancel, NULL},
              {KC_LANE_WRITE, apply_cancel, NULL},
              {KC_LANE_WORK, kc_bank_answer_done, NULL}},
};

/* ---- identifying at the counter ---- */

static struct kc_result check_identify(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_check_clock(bank, item->message.identify_request.time_ms);
}

static struct kc_result apply_identify(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    struct kc_account_row row;
    (void)thread;
    struct kc_result result =
        kc_ledger_identify_account(&row, &bank->ledger, &item->message.identify_request, &source);
    if (!kc_failed(result)) {
        item->purse_type = row.type;
        copy_text(item->name, sizeof item->name, kc_view_text(row.name));
        copy_text(item->password_hash, sizeof item->password_hash, kc_view_text(row.password_hash));
    }
    kc_wipe(&row, sizeof row);
    return result;
}

static struct kc_result answer_identify(struct kc_bank *bank, struct kc_bank_thread *thread,
                                        struct kc_bank_item *item)
{
    struct kc_identify_reply reply = {.account = item->message.identify_request.account,
                                      .name = kc_view_text(item->name),
                                      .password_hash = kc_view_text(item->password_hash),
                                      .purse_type = item->purse_type,
                                      .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    return kc_bank_reply(bank, thread, item, reply.time_ms, &kc_identify_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_identify_request = {
    .shape = &kc_identify_request_shape,
    .steps = {{KC_LANE_WORK, check_identify, NULL},
              {KC_LANE_WRITE, apply_identify, NULL},
              {KC_LANE_WORK, answer_identify, NULL}},
};
