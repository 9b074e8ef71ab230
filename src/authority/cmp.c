/* Certificates by CMP: who may ask for what. The protocol itself is crypto/cmp.h's.
 *
 *   registrar   certificates for accounts, revocation of theirs, its own update
 *   bank        certificates of new keys beside good ones (a renewal), revocation, its own update
 *   a holder    its own update and revocation, if the configuration lets holders ask at all
 *
 * Nothing here has a second effect when it is asked again: the same key gets the certificate that it has, one that is revoked
 * stays so, and a key whose certificate was revoked never gets another. So what breaks off is simply begun anew. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/authority.h"
#include "base/clock.h"
#include "base/log.h"

/* Valid certificates of one use that a holder may have: the one in use and the one that will follow it; by the bank's word one
 * more, as by our own message, because a purse may ask it for other keys than it asked for first. */
#define BESIDE_MAX 2u
#define BESIDE_BANK_MAX 3u
#define SECOND_MS 1000u

/* The number of a common name: a server's, or an account as it is printed. */
static bool find_holder(uint64_t *out, const char *name)
{
    struct kc_account_id account;
    char text[24];
    for (uint64_t number = KC_SERVER_BANK; number <= KC_SERVER_REGISTRAR; number++) {
        if (strcmp(kc_authority_server_name(number), name) == 0) {
            *out = number;
            return true;
        }
    }
    if (kc_failed(kc_account_parse(&account, name))) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%" PRIu64, account.number);
    *out = account.number;
    return account.number > KC_SERVER_REGISTRAR && strcmp(text, name) == 0;
}

static bool is_server(uint64_t holder)
{
    return kc_authority_server_name(holder) != NULL;
}

/* The certificates that a sender may sign with: good ones for signing, the one that ends last first, as the directory shows it.
 * An update does not shut out who has not got its answer yet. */
struct senders {
    uint64_t now_ms;
    size_t count;
    struct kc_issued items[KC_CMP_SENDER_CERTIFICATES_MAX];
};

static bool take_sender(void *owner, const struct kc_issued *issued)
{
    struct senders *senders = owner;
    if (issued->use != KC_PROFILE_SIGN || issued->revoked_ms != 0 ||
        issued->expires_ms <= senders->now_ms) {
        return true;
    }
    size_t at = senders->count;
    while (at > 0 && senders->items[at - 1].expires_ms < issued->expires_ms) {
        if (at < KC_CMP_SENDER_CERTIFICATES_MAX) {
            senders->items[at] = senders->items[at - 1];
        }
        at--;
    }
    if (at < KC_CMP_SENDER_CERTIFICATES_MAX) {
        senders->items[at] = *issued;
        senders->count += senders->count < KC_CMP_SENDER_CERTIFICATES_MAX ? 1 : 0;
    }
    return true;
}

/* Who may send: bank and registrar, and holders that ask for themselves. */
static struct kc_result find(void *owner, struct kc_buffer *der, bool *vouches, const char *sender,
                             size_t index)
{
    struct kc_authority *authority = owner;
    uint64_t holder = 0;
    if (!find_holder(&holder, sender) || holder == KC_SERVER_AUTHORITY ||
        (!is_server(holder) && authority->config.cmp_users == 0)) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    struct senders *senders = calloc(1, sizeof *senders);
    if (senders == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    senders->now_ms = kc_clock_now_ms();
    struct kc_result result =
        kc_authority_store_of_holder(authority->store, holder, take_sender, senders);
    if (!kc_failed(result)) {
        result = index < senders->count
                     ? kc_buffer_append(
                           der, kc_view(senders->items[index].der, senders->items[index].der_size))
                     : kc_result(KC_UNKNOWN_SIGNER);
    }
    *vouches = is_server(holder);
    free(senders);
    return result;
}

/* What a holder has, beside a key that is to be certified. */
struct holdings {
    const struct kc_cmp_ask *ask;
    uint64_t now_ms;
    size_t count;  /* valid ones of that use */
    size_t others; /* valid ones of the other use, the last one behind */
    struct kc_issued other;
    struct kc_newest newest; /* of that use, valid or not */
    bool revoked;            /* the key's certificate was revoked */
    bool other_use;          /* the key is certified for the other use */
    bool other_kind;         /* the holder's other key is of another kind */
    uint64_t ends_ms;        /* when the last of the valid ones ends */
    struct kc_issued found;  /* the key's own, when it has one; der_size 0: none */
};

static bool same_key(const struct kc_public_key *a, const struct kc_public_key *b)
{
    return a->type == b->type &&
           (a->type == KC_KEY_P256 ? memcmp(&a->p256, &b->p256, sizeof a->p256) == 0
                                   : memcmp(a->rsa.n, b->rsa.n, kc_rsa_size(a->type)) == 0);
}

static bool weigh(void *owner, const struct kc_issued *issued)
{
    struct holdings *holdings = owner;
    const struct kc_cmp_ask *ask = holdings->ask;
    struct kc_certificate certificate;
    if (kc_failed(kc_certificate_read(&certificate, kc_view(issued->der, issued->der_size)))) {
        return true;
    }
    bool same = same_key(&certificate.key, &ask->key);
    bool valid = issued->revoked_ms == 0 && issued->expires_ms > holdings->now_ms;
    holdings->revoked = holdings->revoked || (same && issued->revoked_ms != 0);
    if (issued->use != ask->profile) {
        holdings->other_use = holdings->other_use || same;
        holdings->other_kind =
            holdings->other_kind || (valid && certificate.key.type != ask->key.type);
        if (valid && (holdings->others++ == 0 || kc_authority_outlasts(issued, &holdings->other))) {
            holdings->other = *issued;
        }
        return true;
    }
    kc_authority_take_newest(&holdings->newest, issued);
    if (!valid) {
        return true;
    }
    holdings->count += 1;
    holdings->ends_ms =
        issued->expires_ms > holdings->ends_ms ? issued->expires_ms : holdings->ends_ms;
    if (same) {
        holdings->found = *issued;
    }
    return true;
}

/* Whether the sender may have such a certificate at all, and whether it stands beside one that is there. */
static struct kc_result may_certify(bool *beside, const struct kc_cmp_ask *ask, uint64_t sender,
                                    uint64_t holder)
{
    *beside = ask->kind == KC_CMP_UPDATE || sender == KC_SERVER_BANK;
    if (ask->kind == KC_CMP_UPDATE) {
        return kc_result(sender == holder ? KC_OK : KC_NOT_ALLOWED);
    }
    return kc_result(is_server(sender) && !is_server(holder) ? KC_OK : KC_NOT_ALLOWED);
}

/* Whose newest certificate was revoked, as for a lost purse, gets none by this way, whatever older one only ended. Whose newest
 * only ended does by the bank's word, which has the registrar's on who asks. Of those that are good the one that ends last
 * counts, and of two that end in one second the one that begins later. */
static struct kc_result check_beside(const struct holdings *holdings, bool by_bank,
                                     uint64_t expires_ms)
{
    bool may = holdings->count > 0 || (by_bank && !holdings->newest.revoked);
    size_t most = by_bank ? BESIDE_BANK_MAX : BESIDE_MAX;
    if (holdings->count >= most) {
        return kc_result(by_bank ? KC_PENDING : KC_ALREADY_EXISTS);
    }
    return kc_result(!may                             ? KC_CERT_REVOKED
                     : expires_ms < holdings->ends_ms ? KC_MALFORMED
                                                      : KC_OK);
}

static struct kc_result check(const struct holdings *holdings, bool beside, bool by_bank,
                              uint64_t expires_ms)
{
    if (holdings->revoked) {
        return kc_result(KC_CERT_REVOKED);
    }
    if (holdings->other_use) {
        return kc_result(KC_WRONG_ALGORITHM);
    }
    if (holdings->found.der_size > 0) {
        return kc_ok();
    }
    if (!beside) {
        return kc_result(holdings->count > 0    ? KC_ALREADY_EXISTS
                         : holdings->other_kind ? KC_WRONG_ALGORITHM
                                                : KC_OK);
    }
    return check_beside(holdings, by_bank, expires_ms);
}

/* A pair is by one issuer: the one that made the first of it makes the second, though a next one issues by now. */
static const struct kc_issuer *issuer_for(const struct kc_authority *authority,
                                          const struct holdings *holdings)
{
    struct kc_view other = kc_view(holdings->other.der, holdings->other.der_size);
    for (size_t i = 0; i < authority->issuer_count && holdings->others > holdings->count; i++) {
        const struct kc_issuer *by = &authority->issuers[i];
        if (!by->ended && kc_certificate_is_by(other, kc_view(by->der, by->der_size))) {
            return by;
        }
    }
    return &authority->issuers[0];
}

static struct kc_result issue(struct holdings *holdings, struct kc_authority *authority,
                              const struct kc_cmp_ask *ask)
{
    uint64_t sender = 0;
    uint64_t holder = 0;
    bool beside = false;
    uint64_t now_ms = kc_clock_now_ms();
    if (!find_holder(&sender, ask->sender) || !find_holder(&holder, ask->subject)) {
        return kc_result(KC_MALFORMED);
    }
    uint64_t life_ms = is_server(holder) ? KC_SERVER_LIFE_MS : authority->config.account_ms;
    uint64_t expires_ms = ask->expires_ms == 0 ? now_ms + life_ms : ask->expires_ms;
    struct kc_result result = may_certify(&beside, ask, sender, holder);
    if (kc_failed(result)) {
        return result;
    }
    /* A certificate's end is a whole second, which a requester may have rounded up. */
    if (expires_ms <= now_ms || expires_ms > now_ms + life_ms + SECOND_MS) {
        return kc_result(KC_MALFORMED);
    }
    *holdings = (struct holdings){.ask = ask, .now_ms = now_ms, .newest = {.revoked = true}};
    result = kc_authority_store_of_holder(authority->store, holder, weigh, holdings);
    if (!kc_failed(result)) {
        result = check(holdings, beside, sender == KC_SERVER_BANK, expires_ms);
    }
    if (!kc_failed(result) && holdings->found.der_size == 0) {
        result = kc_authority_issue_one(&holdings->found, authority,
                                        issuer_for(authority, holdings), ask->profile, holder,
                                        ask->subject, &ask->key, expires_ms, ask->digest);
    }
    return kc_failed(result) ? result : kc_authority_publish(authority, holder);
}

static struct kc_result certify(void *owner, struct kc_buffer *der, const struct kc_cmp_ask *ask)
{
    struct holdings *holdings = calloc(1, sizeof *holdings);
    struct kc_result result =
        holdings == NULL ? kc_result(KC_NO_MEMORY) : issue(holdings, owner, ask);
    if (!kc_failed(result)) {
        result = kc_buffer_append(der, kc_view(holdings->found.der, holdings->found.der_size));
    }
    free(holdings);
    return result;
}

static bool take_holder(void *owner, const struct kc_issued *issued)
{
    *(uint64_t *)owner = issued->holder;
    return true;
}

/* Revokes one certificate and tells everybody. Again: nothing but the telling. */
static struct kc_result revoke_one(struct kc_authority *authority,
                                   const uint8_t serial[KC_SERIAL_SIZE], uint64_t holder,
                                   unsigned reason)
{
    struct kc_result result =
        kc_authority_store_revoke_one(authority->store, serial, kc_clock_now_ms(), reason);
    if (!kc_failed(result)) {
        result = kc_authority_publish_crl(authority);
    }
    if (!kc_failed(result)) {
        result = kc_authority_publish(authority, holder);
    }
    kc_log(KC_LOG_INFO, "revoked account=%" PRIu64 " by=cmp result=%s", holder,
           kc_error_name(result.code));
    return result;
}

static struct kc_result revoke(void *owner, const struct kc_cmp_ask *ask)
{
    struct kc_authority *authority = owner;
    uint64_t sender = 0;
    uint64_t holder = 0;
    struct kc_result result =
        kc_authority_store_of_serial(authority->store, ask->serial, take_holder, &holder);
    if (kc_failed(result)) {
        return result;
    }
    if (!find_holder(&sender, ask->sender) || (holder != 0 && is_server(holder)) ||
        (!is_server(sender) && holder != sender)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    /* 7 is not used, 8 would take a certificate off the list again. */
    if (holder == 0 || ask->reason == 7 || ask->reason == 8) {
        return kc_result(holder == 0 ? KC_NOT_FOUND : KC_MALFORMED);
    }
    return revoke_one(authority, ask->serial, holder, ask->reason);
}

/* What its requester does not take is nobody's. */
static void reject(void *owner, const struct kc_cmp_ask *ask, struct kc_view der)
{
    struct kc_certificate certificate;
    uint64_t holder = 0;
    (void)ask;
    if (kc_failed(kc_certificate_read(&certificate, der)) ||
        !find_holder(&holder, certificate.subject)) {
        return;
    }
    (void)kc_failed(revoke_one(owner, certificate.serial, holder, KC_CRL_CESSATION));
}

/* What each root certified of the next one. */
static size_t take_crosses(struct kc_view out[KC_ROOTS_MAX], const struct kc_authority *authority)
{
    size_t count = 0;
    for (size_t i = 0; i < authority->root_count; i++) {
        const struct kc_authority_root *root = &authority->roots[i];
        struct kc_view back;
        if (root->pair_size > 0 && !kc_failed(kc_certificate_pair_read(
                                       &out[count], &back, kc_view(root->pair, root->pair_size)))) {
            count++;
        }
    }
    return count;
}

/* Those that ended as well: who has not read the root's list yet names certificates by them, under the numbers that they have. */
static size_t take_issuers(struct kc_view out[2 * KC_ISSUERS_MAX],
                           const struct kc_authority *authority)
{
    size_t count = 0;
    for (size_t i = 0; i < authority->issuer_count; i++) {
        const struct kc_issuer *one = &authority->issuers[i];
        out[count++] = kc_view(one->der, one->der_size);
    }
    for (size_t i = 0; i < authority->ended_count; i++) {
        out[count++] = kc_view(authority->ended[i].der, authority->ended[i].der_size);
    }
    return count;
}

struct kc_result kc_authority_cmp_open(struct kc_authority *authority)
{
    if (authority->config.cmp == 0) {
        return kc_ok();
    }
    struct kc_view issuers[2 * KC_ISSUERS_MAX];
    size_t issuer_count = take_issuers(issuers, authority);
    struct kc_view crosses[KC_ROOTS_MAX];
    size_t cross_count = take_crosses(crosses, authority);
    struct kc_pair *pair = calloc(1, sizeof *pair);
    struct kc_result result = pair == NULL
                                  ? kc_result(KC_NO_MEMORY)
                                  : kc_authority_pair(pair, authority, KC_SERVER_AUTHORITY);
    if (!kc_failed(result) && pair->sign_count == 0) {
        result = kc_result(KC_CERT_EXPIRED);
    }
    if (!kc_failed(result)) {
        const struct kc_cmp_answerer answerer = {.certificate =
                                                     kc_view(pair->sign.der, pair->sign.der_size),
                                                 .key = &authority->sign_key,
                                                 .issuers = issuers,
                                                 .issuer_count = issuer_count,
                                                 .crosses = crosses,
                                                 .cross_count = cross_count,
                                                 .clock_ms = authority->config.clock_ms,
                                                 .owner = authority,
                                                 .find = find,
                                                 .certify = certify,
                                                 .revoke = revoke,
                                                 .reject = reject};
        result = kc_cmp_server_open(&authority->cmp, &answerer);
    }
    free(pair);
    return result;
}

struct kc_result kc_authority_cmp_answer(struct kc_buffer *reply, struct kc_authority *authority,
                                         struct kc_view bytes)
{
    enum kc_error outcome = KC_OK;
    reply->size = 0;
    if (authority->cmp == NULL) {
        return kc_result(KC_NOT_FOUND);
    }
    struct kc_result result =
        kc_cmp_server_answer(reply, &outcome, authority->cmp, bytes, kc_clock_now_ms());
    outcome = kc_failed(result) ? result.code : outcome;
    if (outcome != KC_OK) {
        kc_log(KC_LOG_WARN, "refused reason=%s by=cmp", kc_error_name(outcome));
    }
    return kc_failed(result) ? result : kc_result(outcome);
}
