/* Issuing and publishing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/emergency.h"
#include "authority/issuers.h"
#include "authority/request.h"
#include "authority/roots.h"
#include "authority/setup.h"
#include "base/clock.h"
#include "base/log.h"

#define CRL_PERIODS 3u
#define RETRY_MS UINT64_C(1000)
/* So long holders are shown anew at a time: requests wait meanwhile. */
#define ANEW_NS UINT64_C(1000000000)

const char *kc_authority_server_name(uint64_t number)
{
    static const char *const names[] = {NULL, "bank", "authority", "registrar"};
    return number < sizeof names / sizeof names[0] ? names[number] : NULL;
}

/* Where the newest certificate of a kind begins. */
struct newest {
    enum kc_profile profile;
    uint64_t not_before_ms;
};

static bool take_newest(void *owner, const struct kc_issued *issued)
{
    struct newest *newest = owner;
    struct kc_certificate read;
    if (issued->use == newest->profile &&
        !kc_failed(kc_certificate_read(&read, kc_view(issued->der, issued->der_size))) &&
        read.not_before_ms > newest->not_before_ms) {
        newest->not_before_ms = read.not_before_ms;
    }
    return true;
}

/* Each certificate of a holder begins a second or more after the one before: by that everybody knows which keys are the newer, a
 * directory that shows them, a bank that makes the identity, a purse that must not go back to old ones. Where a clock was set
 * back further than KC_BEFORE_MS there is no such time, and it begins as ever. */
static struct kc_result choose_begin(uint64_t *out, struct kc_authority *authority,
                                     enum kc_profile profile, uint64_t holder, uint64_t now_ms)
{
    struct newest newest = {.profile = profile};
    struct kc_result result =
        kc_authority_store_of_holder(authority->store, holder, take_newest, &newest);
    *out = (now_ms - KC_BEFORE_MS) / 1000u * 1000u;
    if (newest.not_before_ms >= *out && newest.not_before_ms + 1000u <= now_ms) {
        *out = newest.not_before_ms + 1000u;
    }
    return result;
}

struct kc_result kc_authority_make(struct kc_issued *out, struct kc_authority *authority,
                                   const struct kc_issuer *by, uint64_t holder,
                                   const struct kc_certificate_order *wanted)
{
    struct kc_certificate_order order = *wanted;
    struct kc_view issuer = kc_view(by->der, by->der_size);
    struct kc_buffer der = {.data = out->der, .capacity = sizeof out->der};
    if (order.not_after_ms > by->expires_ms) {
        order.not_after_ms = by->expires_ms;
    }
    out->holder = holder;
    out->use = order.profile;
    out->expires_ms = order.not_after_ms;
    out->revoked_ms = 0;
    out->reason = 0;
    if (out->expires_ms <= kc_clock_now_ms()) {
        return kc_result(KC_CERT_EXPIRED);
    }
    struct kc_result result = kc_authority_make_serial(out->serial, &authority->crypto);
    order.serial = out->serial;
    if (!kc_failed(result)) {
        result = kc_certificate_make(&der, &order, &issuer, &by->key);
    }
    out->der_size = der.size;
    return result;
}

static struct kc_result make_one(struct kc_issued *out, struct kc_authority *authority,
                                 const struct kc_issuer *by, enum kc_profile profile,
                                 uint64_t holder, const char *subject,
                                 const struct kc_public_key *key, uint64_t expires_ms)
{
    struct kc_certificate_order order = {
        .profile = profile, .subject = subject, .key = key, .not_after_ms = expires_ms};
    struct kc_result result =
        choose_begin(&order.not_before_ms, authority, profile, holder, kc_clock_now_ms());
    return kc_failed(result) ? result : kc_authority_make(out, authority, by, holder, &order);
}

struct kc_result kc_authority_issue_made(struct kc_issued *sign, struct kc_issued *encrypt,
                                         struct kc_authority *authority, uint64_t holder,
                                         const char *subject, const struct kc_public_key *sign_key,
                                         const struct kc_public_key *encrypt_key,
                                         uint64_t expires_ms, const uint8_t request[KC_DIGEST_SIZE],
                                         struct kc_made *made)
{
    struct kc_result result = make_one(sign, authority, &authority->issuers[0], KC_PROFILE_SIGN,
                                       holder, subject, sign_key, expires_ms);
    if (!kc_failed(result)) {
        result = make_one(encrypt, authority, &authority->issuers[0], KC_PROFILE_ENCRYPT, holder,
                          subject, encrypt_key, expires_ms);
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_begin(authority->store);
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_add(authority->store, sign, request);
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_add(authority->store, encrypt, request);
    }
    if (!kc_failed(result) && made != NULL) {
        memcpy(made->sign_serial, sign->serial, KC_SERIAL_SIZE);
        memcpy(made->encrypt_serial, encrypt->serial, KC_SERIAL_SIZE);
        result = kc_authority_store_made_put(authority->store, made);
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_commit(authority->store);
    }
    if (kc_failed(result)) {
        kc_authority_store_rollback(authority->store);
    }
    return result;
}

struct kc_result kc_authority_issue(struct kc_issued *sign, struct kc_issued *encrypt,
                                    struct kc_authority *authority, uint64_t holder,
                                    const char *subject, const struct kc_public_key *sign_key,
                                    const struct kc_public_key *encrypt_key, uint64_t expires_ms,
                                    const uint8_t request[KC_DIGEST_SIZE])
{
    return kc_authority_issue_made(sign, encrypt, authority, holder, subject, sign_key, encrypt_key,
                                   expires_ms, request, NULL);
}

struct kc_result kc_authority_issue_one(struct kc_issued *out, struct kc_authority *authority,
                                        const struct kc_issuer *by, enum kc_profile profile,
                                        uint64_t holder, const char *subject,
                                        const struct kc_public_key *key, uint64_t expires_ms,
                                        const uint8_t request[KC_DIGEST_SIZE])
{
    struct kc_result result =
        make_one(out, authority, by, profile, holder, subject, key, expires_ms);
    return kc_failed(result) ? result : kc_authority_store_add(authority->store, out, request);
}

struct pairing {
    struct kc_pair *pair;
    uint64_t now_ms;
};

bool kc_authority_outlasts(const struct kc_issued *a, const struct kc_issued *b)
{
    struct kc_certificate first;
    struct kc_certificate second;
    if (a->expires_ms != b->expires_ms) {
        return a->expires_ms > b->expires_ms;
    }
    return !kc_failed(kc_certificate_read(&first, kc_view(a->der, a->der_size))) &&
           !kc_failed(kc_certificate_read(&second, kc_view(b->der, b->der_size))) &&
           first.not_before_ms > second.not_before_ms;
}

void kc_authority_take_newest(struct kc_newest *newest, const struct kc_issued *issued)
{
    struct kc_certificate read;
    bool superseded = issued->revoked_ms != 0 && issued->reason == KC_CRL_SUPERSEDED;
    if (superseded ||
        kc_failed(kc_certificate_read(&read, kc_view(issued->der, issued->der_size)))) {
        return;
    }
    bool newer = read.not_before_ms != newest->begins_ms ? read.not_before_ms > newest->begins_ms
                                                         : issued->expires_ms > newest->expires_ms;
    if (newer) {
        *newest = (struct kc_newest){.begins_ms = read.not_before_ms,
                                     .expires_ms = issued->expires_ms,
                                     .revoked = issued->revoked_ms != 0};
    }
}

static bool take_valid(void *owner, const struct kc_issued *issued)
{
    struct pairing *pairing = owner;
    struct kc_pair *pair = pairing->pair;
    if (issued->revoked_ms != 0 || issued->expires_ms <= pairing->now_ms) {
        return true;
    }
    if (issued->use == KC_PROFILE_SIGN) {
        if (pair->sign_count > 0 && !kc_authority_outlasts(issued, &pair->sign)) {
            return true;
        }
        pair->sign = *issued;
        pair->sign_count = 1;
    } else if (issued->use == KC_PROFILE_ENCRYPT) {
        if (pair->encrypt_count > 0 && !kc_authority_outlasts(issued, &pair->encrypt)) {
            return true;
        }
        pair->encrypt = *issued;
        pair->encrypt_count = 1;
    }
    return true;
}

struct kc_result kc_authority_pair(struct kc_pair *out, struct kc_authority *authority,
                                   uint64_t holder)
{
    struct pairing pairing = {.pair = out, .now_ms = kc_clock_now_ms()};
    out->sign_count = 0;
    out->encrypt_count = 0;
    return kc_authority_store_of_holder(authority->store, holder, take_valid, &pairing);
}

struct kc_result kc_authority_pair_with(struct kc_pair *out, struct kc_authority *authority,
                                        uint64_t holder, const uint8_t serial[KC_SERIAL_SIZE])
{
    struct pairing pairing = {.pair = out, .now_ms = kc_clock_now_ms()};
    out->sign_count = 0;
    out->encrypt_count = 0;
    return kc_authority_store_with(authority->store, holder, serial, take_valid, &pairing);
}

bool kc_authority_is_below_root(const struct kc_authority *authority, const struct kc_pair *pair)
{
    struct kc_view root = kc_view(authority->roots[0].der, authority->roots[0].der_size);
    struct kc_view sign = kc_view(pair->sign.der, pair->sign.der_size);
    for (size_t i = 0; i < authority->issuer_count; i++) {
        struct kc_view issuer = kc_view(authority->issuers[i].der, authority->issuers[i].der_size);
        if (kc_certificate_is_by(sign, issuer)) {
            return kc_certificate_is_by(issuer, root);
        }
    }
    return false;
}

static bool is_over(const struct kc_issued *issued, size_t count, const struct kc_public_key *key)
{
    struct kc_certificate certificate;
    return count > 0 &&
           !kc_failed(kc_certificate_read(&certificate, kc_view(issued->der, issued->der_size))) &&
           kc_key_equal(&certificate.key, key);
}

/* Not while the issuing key below a new root is still to be made. */
static bool issues_below_root(const struct kc_authority *authority)
{
    const struct kc_issuer *issuer = &authority->issuers[0];
    const struct kc_authority_root *root = &authority->roots[0];
    return kc_certificate_is_by(kc_view(issuer->der, issuer->der_size),
                                kc_view(root->der, root->der_size));
}

struct kc_result kc_authority_certify_server(struct kc_pair *pair, struct kc_authority *authority,
                                             uint64_t server, const struct kc_public_key *sign,
                                             const struct kc_public_key *encrypt)
{
    static const uint8_t by_hand[KC_DIGEST_SIZE] = {0};
    struct kc_result result = kc_authority_pair(pair, authority, server);
    bool there = !kc_failed(result) && is_over(&pair->sign, pair->sign_count, sign) &&
                 is_over(&pair->encrypt, pair->encrypt_count, encrypt) &&
                 (kc_authority_is_below_root(authority, pair) || !issues_below_root(authority));
    return kc_failed(result) || there
               ? result
               : kc_authority_issue(&pair->sign, &pair->encrypt, authority, server,
                                    kc_authority_server_name(server), sign, encrypt,
                                    kc_clock_now_ms() + KC_SERVER_LIFE_MS, by_hand);
}

struct kc_result kc_authority_publish(struct kc_authority *authority, uint64_t holder)
{
    struct kc_pair *pair = calloc(1, sizeof *pair);
    struct kc_view certificates[2];
    size_t count = 0;
    const char *server = kc_authority_server_name(holder);
    struct kc_result result =
        pair == NULL ? kc_result(KC_NO_MEMORY) : kc_authority_pair(pair, authority, holder);
    if (!kc_failed(result)) {
        if (pair->sign_count > 0) {
            certificates[count++] = kc_view(pair->sign.der, pair->sign.der_size);
        }
        if (pair->encrypt_count > 0) {
            certificates[count++] = kc_view(pair->encrypt.der, pair->encrypt.der_size);
        }
        result = server != NULL
                     ? kc_directory_put_server(authority->directory, server, certificates, count)
                     : kc_directory_put_account(authority->directory, holder, certificates, count);
    }
    free(pair);
    return result;
}

/* ---- issuers that ended ---- */

const struct kc_issuer *kc_authority_first_issuer(const struct kc_authority *authority)
{
    size_t first = 0;
    for (size_t i = 1; i < authority->issuer_count; i++) {
        first = authority->issuers[i].ended ? first : i;
    }
    return &authority->issuers[first];
}

struct former {
    const struct kc_issued *issued;
    bool same;
};

static bool see_former(void *owner, const struct kc_issued *issued)
{
    struct former *former = owner;
    former->same = memcmp(issued->serial, former->issued->serial, KC_SERIAL_SIZE) == 0 &&
                   issued->holder == former->issued->holder && issued->use == former->issued->use;
    return !former->same;
}

bool kc_authority_is_named(struct kc_authority *authority, const struct kc_issued *issued,
                           const uint8_t digest[KC_DIGEST_SIZE])
{
    uint8_t own[KC_DIGEST_SIZE];
    struct former former = {.issued = issued};
    kc_digest(&authority->crypto, own, kc_view(issued->der, issued->der_size));
    return memcmp(own, digest, KC_DIGEST_SIZE) == 0 ||
           (!kc_failed(
                kc_authority_store_former_by(authority->store, digest, see_former, &former)) &&
            former.same);
}

bool kc_authority_is_by_ended(const struct kc_authority *authority, struct kc_view der)
{
    for (size_t i = 0; i < authority->issuer_count; i++) {
        const struct kc_issuer *one = &authority->issuers[i];
        if (!one->ended && kc_certificate_is_by(der, kc_view(one->der, one->der_size))) {
            return false;
        }
    }
    return true;
}

/* The revoked serials of one issuer, in memory that grows. Those that were revoked before their issuer ended stand on the list of
 * the one that certified the others anew, where it is looked for them. */
struct revoked_list {
    const struct kc_authority *authority;
    bool takes_ended;
    struct kc_view issuer;
    struct kc_revoked *items;
    size_t count;
    size_t capacity;
    bool no_memory;
};

static bool take_revoked(void *owner, const struct kc_issued *issued)
{
    struct revoked_list *list = owner;
    struct kc_view der = kc_view(issued->der, issued->der_size);
    if (!kc_certificate_is_by(der, list->issuer) &&
        !(list->takes_ended && kc_authority_is_by_ended(list->authority, der))) {
        return true;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct kc_revoked *grown = realloc(list->items, capacity * sizeof *grown);
        if (grown == NULL) {
            list->no_memory = true;
            return false;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    struct kc_revoked *item = &list->items[list->count++];
    memcpy(item->serial, issued->serial, KC_SERIAL_SIZE);
    item->time_ms = issued->revoked_ms;
    item->reason = (unsigned)issued->reason;
    return true;
}

uint64_t kc_authority_list_ms(const struct kc_authority *authority)
{
    /* Seconds are the list's unit: at least a few, however short the schedule. */
    return CRL_PERIODS * authority->config.crl_ms + 10000u;
}

/* The list of one issuer. What was made anew in the place of its own stands on none: once it ended the root's list says it of
 * all, and there may be as many as holders. */
static struct kc_result make_list(struct kc_view *out, struct kc_authority *authority,
                                  const struct kc_issuer *issuer, uint64_t number, uint64_t now_ms)
{
    struct revoked_list list = {.authority = authority,
                                .takes_ended = kc_issuers_emergency(authority->folder) > 0 &&
                                               issuer == kc_authority_first_issuer(authority),
                                .issuer = kc_view(issuer->der, issuer->der_size)};
    struct kc_result result =
        kc_authority_store_revoked(authority->store, now_ms, take_revoked, &list);
    if (!kc_failed(result) && list.no_memory) {
        result = kc_result(KC_NO_MEMORY);
    }
    if (!kc_failed(result)) {
        result = kc_crl_make(out, list.items, list.count, number, now_ms,
                             now_ms + kc_authority_list_ms(authority), list.issuer, &issuer->key);
    }
    free(list.items);
    return result;
}

/* Before the issuers, so that whoever finds one finds its root. */
static struct kc_result put_roots(struct kc_authority *authority, bool with_lists)
{
    struct kc_directory_roots roots = {.certificate_count = authority->root_count};
    kc_roots_load_lists(authority);
    for (size_t i = 0; i < authority->root_count; i++) {
        const struct kc_authority_root *root = &authority->roots[i];
        roots.certificates[i] = kc_view(root->der, root->der_size);
        if (root->pair_size > 0) {
            roots.pairs[roots.pair_count++] = kc_view(root->pair, root->pair_size);
        }
        if (root->list_size > 0 && with_lists) {
            roots.lists[roots.list_count++] = kc_view(root->list, root->list_size);
        }
    }
    return kc_directory_put_roots(authority->directory, &roots);
}

/* One that ended is shown as long as certificates of it may be about: without a list when its key is kept no more, or is in a
 * token that cannot be reached; nobody needs that list. */
static struct kc_result show_issuer(struct kc_directory_issuers *shown,
                                    struct kc_authority *authority, struct kc_issuer *issuer,
                                    uint64_t number, uint64_t now_ms)
{
    struct kc_view list;
    struct kc_result result = make_list(&list, authority, issuer, number, now_ms);
    bool mute = kc_failed(result) && issuer->ended;
    if (mute && !issuer->mute) {
        kc_log(KC_LOG_WARN, "an issuer that ended is shown without a list of its own reason=%s",
               kc_error_name(result.code));
    }
    issuer->mute = mute;
    if (!kc_failed(result)) {
        shown->lists[shown->list_count++] = list;
    }
    if (!kc_failed(result) || mute) {
        shown->certificates[shown->certificate_count++] = kc_view(issuer->der, issuer->der_size);
    }
    return mute ? kc_ok() : result;
}

static struct kc_result publish_lists(struct kc_authority *authority, bool with_roots)
{
    struct kc_directory_issuers shown = {.certificate_count = 0};
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t number = 0;
    struct kc_result result = kc_authority_store_crl_number(authority->store, &number);
    for (size_t i = 0; i < authority->issuer_count && !kc_failed(result); i++) {
        struct kc_issuer *issuer = &authority->issuers[i];
        if (i > 0 && issuer->expires_ms <= now_ms) {
            continue; /* what it issued has ended with it */
        }
        result = show_issuer(&shown, authority, issuer, number, now_ms);
    }
    for (size_t i = 0; i < authority->ended_count; i++) {
        const struct kc_ended_issuer *ended = &authority->ended[i];
        shown.certificates[shown.certificate_count++] = kc_view(ended->der, ended->der_size);
    }
    if (!kc_failed(result)) {
        result = put_roots(authority, with_roots);
    }
    if (!kc_failed(result)) {
        result = kc_directory_put_issuers(authority->directory, &shown);
    }
    for (size_t i = 0; i < shown.list_count; i++) {
        kc_der_free(shown.lists[i]);
    }
    return result;
}

static size_t count_ended(const struct kc_authority *authority)
{
    size_t count = authority->ended_count;
    for (size_t i = 0; i < authority->issuer_count; i++) {
        count += authority->issuers[i].ended ? 1 : 0;
    }
    return count;
}

/* Whether the root's list is not shown yet: it comes after everybody by the new issuer, so that no honest holder is refused
 * meanwhile; only where whoever reads the directory has no place for one more issuer it comes before. */
static bool holds_list_back(const struct kc_authority *authority)
{
    const char *folder = authority->folder;
    return kc_emergency_is_owed(folder) && kc_emergency_is_listed(folder) &&
           (kc_emergency_is_open(folder) || count_ended(authority) < KC_ISSUERS_MAX);
}

struct kc_result kc_authority_publish_crl(struct kc_authority *authority)
{
    return publish_lists(authority, !holds_list_back(authority));
}

/* Publishing holder by holder, as the database visits their certificates. */
struct holders {
    struct kc_authority *authority;
    uint64_t last;
    uint64_t until_ns; /* then it is enough for now; 0: everybody at once */
    struct kc_result result;
};

static bool publish_holder(void *owner, const struct kc_issued *issued)
{
    struct holders *holders = owner;
    if (issued->holder == holders->last) {
        return true;
    }
    holders->result = holders->until_ns != 0 && kc_clock_monotonic_ns() >= holders->until_ns
                          ? kc_result(KC_PENDING)
                          : kc_authority_publish(holders->authority, issued->holder);
    if (!kc_failed(holders->result)) {
        holders->last = issued->holder;
    }
    return !kc_failed(holders->result);
}

static struct kc_result publish_behind(struct holders *holders)
{
    struct kc_authority_store *store = holders->authority->store;
    struct kc_result result =
        kc_authority_store_behind(store, holders->last, publish_holder, holders);
    return kc_failed(holders->result) ? holders->result : result;
}

struct kc_result kc_authority_publish_holders(struct kc_authority *authority)
{
    struct holders holders = {.authority = authority, .result = kc_ok()};
    return publish_behind(&holders);
}

struct kc_result kc_authority_publish_everybody(struct kc_authority *authority)
{
    struct kc_result result = kc_directory_prepare(authority->directory);
    if (!kc_failed(result)) {
        result = kc_authority_publish_holders(authority);
    }
    return kc_failed(result) ? result : kc_authority_publish_crl(authority);
}

/* A directory without our issuer has lost everything, or never had anything. */
static bool directory_is_empty(struct kc_authority *authority)
{
    struct kc_directory_issuers issuers;
    struct kc_result result = kc_directory_issuers(&issuers, authority->directory);
    kc_directory_issuers_free(&issuers);
    return result.code == KC_NOT_FOUND;
}

/* After an emergency: the issuer, then everybody by it, and last the root's list that ends the others. Some at a time, between
 * which requests are answered and lists stay young; one that lost everything meanwhile begins anew. */
static struct kc_result publish_anew(struct kc_authority *authority)
{
    struct holders holders = {.authority = authority, .result = kc_ok()};
    if (directory_is_empty(authority)) {
        authority->shown_to = 0;
    }
    struct kc_result result = kc_directory_prepare(authority->directory);
    if (!kc_failed(result)) {
        result = kc_authority_publish_crl(authority);
    }
    if (!kc_failed(result)) {
        holders.last = authority->shown_to;
        holders.until_ns = kc_clock_monotonic_ns() + ANEW_NS;
        result = publish_behind(&holders);
        authority->shown_to = holders.last;
    }
    if (!kc_failed(result)) {
        result = publish_lists(authority, true);
    }
    if (!kc_failed(result)) {
        authority->shown_to = 0;
        result = kc_emergency_told(authority->folder);
    }
    if (!kc_failed(result)) {
        kc_log(KC_LOG_INFO, "stolen issuing keys have ended: the directory shows all anew");
    }
    return result;
}

static struct kc_result publish_known(struct kc_authority *authority)
{
    if (directory_is_empty(authority)) {
        return kc_authority_publish_everybody(authority);
    }
    struct kc_result result = kc_directory_prepare(authority->directory);
    for (uint64_t server = KC_SERVER_BANK; server <= KC_SERVER_REGISTRAR && !kc_failed(result);
         server++) {
        result = kc_authority_publish(authority, server);
    }
    return kc_failed(result) ? result : kc_authority_publish_crl(authority);
}

struct kc_result kc_authority_publish_all(struct kc_authority *authority)
{
    struct kc_result taken = kc_emergency_take_over(authority);
    if (!kc_failed(taken) && kc_emergency_is_owed(authority->folder)) {
        if (kc_emergency_is_listed(authority->folder)) {
            return publish_anew(authority);
        }
        kc_log(KC_LOG_ERROR, "stolen issuing keys count on: the root's list does not name them, "
                             "put its key back and run `kinchaku up`");
    }
    /* Whoever has not got a certificate anew yet is believed as before; and everybody's lists stay young. */
    struct kc_result result = publish_known(authority);
    return kc_failed(taken) ? taken : result;
}

uint64_t kc_authority_next_ns(uint64_t now_ns, uint64_t crl_ms, bool failed)
{
    uint64_t wait_ms = failed && RETRY_MS < crl_ms ? RETRY_MS : crl_ms;
    return now_ns + wait_ms * 1000000u;
}
