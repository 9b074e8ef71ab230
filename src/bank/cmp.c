#include "bank/cmp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/keys.h"

#define SECOND_MS 1000u
/* Purses that an account had one after another: more than anybody's. */
#define PURSES_MAX 1024u
/* An account has one pair in force, and at most two beside it. One round more sees that there is none. */
#define SHOWN_MAX 4u

struct kc_result kc_bank_cmp_load(struct kc_bank *bank, const char *folder)
{
    struct kc_result result = kc_cmp_place_check(&bank->config.authority);
    bool speaks = kc_cmp_place_speaks(&bank->config.authority);
    char name[32] = "sign.crt";
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "config bank.ini: [authority] protocol is kinchaku or cmp");
        return result;
    }
    if (!speaks) {
        return kc_ok();
    }
    if (bank->config.authority_url[0] == '\0' || bank->config.renewal_before_days != 0) {
        kc_log(KC_LOG_ERROR, "config bank.ini: [authority] protocol cmp wants a url, and that "
                             "[renewal] before is 0");
        return kc_result(KC_CONFIG_INVALID);
    }
    if (bank->sign_key.held != NULL && bank->sign_public.type != KC_KEY_P256) {
        kc_log(KC_LOG_ERROR, "config bank.ini: [authority] protocol cmp wants a P-256 key where "
                             "it is in a token");
        return kc_result(KC_CONFIG_INVALID);
    }
    if (bank->keys.generation > 0) {
        (void)snprintf(name, sizeof name, "sign-%llu.crt",
                       (unsigned long long)bank->keys.generation);
    }
    struct kc_buffer der = KC_BUFFER(bank->certificate);
    result = kc_certificate_file_load(&der, folder, name);
    bank->certificate_size = der.size;
    return result;
}

static struct kc_cmp_client client_of(struct kc_people_issuers *issuers, struct kc_bank *bank,
                                      struct kc_bank_thread *thread)
{
    kc_people_issuers(issuers, &bank->people, kc_clock_now_ms());
    return (struct kc_cmp_client){.http = kc_bank_authority_http(thread->authority),
                                  .url = bank->config.authority_url,
                                  .place = &bank->config.authority,
                                  .certificate = kc_view(bank->certificate, bank->certificate_size),
                                  .key = &bank->sign_key,
                                  .issuers = issuers->ders,
                                  .issuer_count = issuers->count,
                                  .roots = issuers->roots,
                                  .is_revoked = kc_people_is_revoked,
                                  .lists = &bank->people,
                                  .timeout_ms = (unsigned)bank->config.outside_ms};
}

/* ---- revocation ---- */

/* Then there is no use in asking for the others. */
static bool is_away(struct kc_result result)
{
    return result.code == KC_AUTHORITY_DOWN;
}

static struct kc_result revoke_pair(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    const uint8_t pair[KC_PAIR_SIZE], unsigned reason)
{
    struct kc_people_issuers issuers;
    struct kc_person person;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer issuer = KC_BUFFER(bytes);
    const struct kc_cmp_client client = client_of(&issuers, bank, thread);
    struct kc_result result = kc_people_name_pair(&issuer, &person, &bank->people, &thread->crypto,
                                                  pair, kc_clock_now_ms());
    return kc_failed(result)
               ? result
               : kc_cmp_client_revoke_pair(&client, kc_buffer_view(&issuer), person.sign_serial,
                                           person.encrypt_serial, reason);
}

/* One that fails does not spare the others. */
static struct kc_result revoke_each(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    const struct kc_bank_pairs *pairs, unsigned reason)
{
    struct kc_result result = kc_ok();
    for (size_t at = 0; at < pairs->size && !is_away(result); at += KC_PAIR_SIZE) {
        result = kc_cmp_client_both(result, revoke_pair(bank, thread, pairs->bytes + at, reason));
    }
    return result;
}

/* A number that the authority does not know is none that could be asked for again: said here, and done. One that is away is asked
 * again, and answers sooner or later; one that refuses may need somebody's help. */
static struct kc_result say(struct kc_result result, const char *whose, uint64_t number)
{
    if (kc_failed(result) && result.code != KC_AUTHORITY_DOWN && result.code != KC_TIMEOUT) {
        kc_log(KC_LOG_WARN, "certificates not revoked by=cmp %s=%" PRIu64 " reason=%s", whose,
               number, kc_error_name(result.code));
    }
    return kc_result(result.code == KC_NOT_FOUND ? KC_OK : result.code);
}

/* Makes room for another pair: those that the purse left for others end. True when there were any, and they did. */
static bool end_left(struct kc_bank *bank, struct kc_bank_thread *thread,
                     const struct kc_renewal_row *row)
{
    struct kc_bank_pairs pairs = {.size = 0};
    struct kc_result result = kc_bank_list_left(&pairs, &thread->store, row->purse.number,
                                                row->number, row->old_signer, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result =
            say(revoke_each(bank, thread, &pairs, KC_CRL_SUPERSEDED), "purse", row->purse.number);
    }
    return !kc_failed(result) && pairs.size > 0;
}

struct kc_result kc_bank_cmp_certify(struct kc_buffer *sign, struct kc_buffer *encrypt,
                                     struct kc_bank *bank, struct kc_bank_thread *thread,
                                     const struct kc_renewal_row *row, uint64_t expires_ms)
{
    struct kc_people_issuers issuers;
    struct kc_public_key sign_key;
    struct kc_public_key encrypt_key;
    const struct kc_cmp_client client = client_of(&issuers, bank, thread);
    /* A whole second, and none before the end of the pair that these stand beside. */
    uint64_t end_ms = (expires_ms + SECOND_MS - 1) / SECOND_MS * SECOND_MS;
    struct kc_result result = kc_key_decode(&sign_key, kc_view(row->sign_key, row->sign_size));
    if (!kc_failed(result)) {
        result = kc_key_decode(&encrypt_key, kc_view(row->encrypt_key, row->encrypt_size));
    }
    bool known = !kc_failed(result);
    for (unsigned i = 0; i < 2 && known; i++) {
        result = kc_cmp_client_certify(sign, encrypt, &client, row->account.number, &sign_key,
                                       &encrypt_key, end_ms);
        bool full = result.code == KC_PENDING || result.code == KC_ALREADY_EXISTS;
        if (!full || i > 0 || !end_left(bank, thread, row)) {
            break;
        }
    }
    return result;
}

struct kc_result kc_bank_cmp_retire(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    const struct kc_renewal_row *row)
{
    struct kc_bank_pairs pairs = {.size = 0};
    uint64_t now_ms = kc_clock_now_ms();
    kc_bank_add_pair(&pairs, row->old_pair, row->old_expires_ms, now_ms);
    struct kc_result result = kc_bank_list_left(&pairs, &thread->store, row->purse.number,
                                                row->number, row->old_signer, now_ms);
    return kc_failed(result) ? result
                             : say(revoke_each(bank, thread, &pairs, KC_CRL_SUPERSEDED), "purse",
                                   row->purse.number);
}

/* What renewals before took the place of is kc_bank_cmp_retire's. */
struct kc_result kc_bank_cmp_end_purse(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       uint64_t purse, unsigned reason)
{
    struct kc_bank_pairs pairs;
    struct kc_result result = kc_bank_list_pairs(&pairs, &thread->store, purse, kc_clock_now_ms());
    return kc_failed(result) ? result : revoke_each(bank, thread, &pairs, reason);
}

/* What the directory shows of an account. */
struct revoking {
    const struct kc_cmp_client *client;
    unsigned reason;
    size_t ended; /* of one round */
    struct kc_result result;
};

/* What is on the list has ended, however long it is shown. */
static bool revoke_one(void *owner, struct kc_view der)
{
    struct revoking *revoking = owner;
    const struct kc_cmp_client *client = revoking->client;
    if (client->is_revoked(client->lists, der)) {
        return true;
    }
    struct kc_result result = kc_cmp_client_revoke(client, der, revoking->reason);
    revoking->ended += kc_failed(result) ? 0 : 1;
    revoking->result = kc_cmp_client_both(revoking->result, result);
    return !is_away(result);
}

/* The next pair stands there when the one before is revoked: at once, or by and by, where the directory follows later. */
struct kc_result kc_bank_cmp_end_shown(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_account_id account, unsigned reason)
{
    struct kc_people_issuers issuers;
    const struct kc_cmp_client client = client_of(&issuers, bank, thread);
    struct revoking revoking = {.client = &client, .reason = reason, .result = kc_ok()};
    struct kc_result result = kc_ok();
    size_t count = 0;
    bool more = true;
    for (unsigned i = 0; i < SHOWN_MAX && more; i++) {
        revoking.ended = 0;
        result = kc_people_each_shown(&count, &bank->people, thread->directory, account.number,
                                      kc_clock_now_ms(), &revoking, revoke_one);
        more = revoking.ended > 0 && !kc_failed(result) && !is_away(revoking.result);
    }
    result = kc_cmp_client_both(revoking.result, result);
    return more ? kc_cmp_client_both(result, kc_result(KC_PENDING)) : result;
}

struct kc_result kc_bank_cmp_end_account(struct kc_bank *bank, struct kc_bank_thread *thread,
                                         struct kc_account_id account)
{
    struct kc_account_row row;
    struct kc_reissue_row reissue;
    const struct kc_store *store = &thread->store;
    struct kc_result result = store->account_get(store->context, &row, account.number);
    if (kc_failed(result)) {
        return result;
    }
    uint64_t purse = row.purse.number;
    size_t count = 0;
    while (purse != 0 && !is_away(result) && count++ < PURSES_MAX) {
        result = kc_cmp_client_both(result,
                                    kc_bank_cmp_end_purse(bank, thread, purse, KC_CRL_CESSATION));
        struct kc_result earlier = store->reissue_of_purse(store->context, &reissue, purse);
        purse = kc_failed(earlier) ? 0 : reissue.old.number;
        result = earlier.code == KC_NOT_FOUND ? result : kc_cmp_client_both(result, earlier);
    }
    if (!is_away(result) && purse != 0) {
        result = kc_cmp_client_both(result, kc_result(KC_LIMIT_EXCEEDED));
    }
    return say(result, "account", account.number);
}
