#include "directory/people.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *server_name(uint64_t number)
{
    switch (number) {
    case KC_SERVER_BANK:
        return "bank";
    case KC_SERVER_AUTHORITY:
        return "authority";
    case KC_SERVER_REGISTRAR:
        return "registrar";
    default:
        return NULL;
    }
}

struct kc_result kc_people_open(struct kc_people *people, size_t places, struct kc_view root)
{
    size_t count = 16;
    memset(people, 0, sizeof *people);
    while (count < places) {
        count *= 2;
    }
    struct kc_result result = kc_roots_open(&people->roots, root);
    if (kc_failed(result)) {
        return result;
    }
    people->count = count;
    people->places = calloc(count, sizeof *people->places);
    if (people->places == NULL || pthread_rwlock_init(&people->lock, NULL) != 0) {
        free(people->places);
        people->places = NULL;
        return kc_result(KC_NO_MEMORY);
    }
    if (pthread_mutex_init(&people->roots_lock, NULL) != 0) {
        (void)pthread_rwlock_destroy(&people->lock);
        free(people->places);
        people->places = NULL;
        return kc_result(KC_NO_MEMORY);
    }
    return kc_ok();
}

void kc_people_follow_roots(struct kc_people *people, kc_root_keep keep, void *owner)
{
    people->keep = keep;
    people->keep_owner = owner;
}

void kc_people_keep_lists(struct kc_people *people, kc_root_list_keep keep, kc_root_list_load load,
                          void *owner)
{
    people->root_lists.keep = keep;
    people->root_lists.load = load;
    people->root_lists.owner = owner;
}

enum kc_error kc_people_root_word(struct kc_people *people)
{
    (void)pthread_rwlock_rdlock(&people->lock);
    enum kc_error word = people->roots.word;
    (void)pthread_rwlock_unlock(&people->lock);
    return word;
}

void kc_people_close(struct kc_people *people)
{
    if (people->places != NULL) {
        (void)pthread_rwlock_destroy(&people->lock);
        (void)pthread_mutex_destroy(&people->roots_lock);
    }
    free(people->places);
    people->places = NULL;
    for (size_t i = 0; i < people->issuer_count; i++) {
        kc_crl_free(people->issuers[i].crl);
    }
    people->issuer_count = 0;
    kc_root_lists_close(&people->root_lists);
}

static struct kc_person *place_of(struct kc_people *people, const struct kc_signer_id *id)
{
    /* The second half of an id is the start of a SHA-256 and so spreads by itself. */
    return &people->places[kc_be64_load(id->bytes + 8) & (people->count - 1)];
}

/* With the lock held: whether a person may still be believed. That a certificate was revoked is the better word than that it
 * ended, for as long as the list says so. */
static struct kc_result check_person(const struct kc_people *people, const struct kc_person *person,
                                     uint64_t now_ms)
{
    bool ended = person->expires_ms < now_ms;
    if (person->issuer >= people->issuer_count) {
        return kc_result(ended ? KC_CERT_EXPIRED : KC_DIRECTORY_DOWN);
    }
    const struct kc_people_issuer *issuer = &people->issuers[person->issuer];
    const struct kc_crl *crl = issuer->crl;
    if (issuer->ended) {
        return kc_result(KC_CERT_REVOKED);
    }
    if (kc_crl_has(crl, person->sign_serial) || kc_crl_has(crl, person->encrypt_serial)) {
        return kc_result(KC_CERT_REVOKED);
    }
    if (ended) {
        return kc_result(KC_CERT_EXPIRED);
    }
    bool old = kc_crl_next_update_ms(crl) < now_ms ||
               kc_root_lists_is_old(&people->root_lists, issuer->root, now_ms);
    if (!people->list_may_be_old && old) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    bool counts = kc_roots_count(&people->roots, issuer->root, now_ms);
    return kc_result(counts ? KC_OK : KC_CERT_EXPIRED);
}

/* With the lock held. Whoever was found over an issuer that has ended since has other certificates now. */
static bool is_over_ended(const struct kc_people *people, const struct kc_person *person)
{
    return person->issuer < people->issuer_count && people->issuers[person->issuer].ended;
}

struct kc_result kc_people_find(struct kc_person *out, struct kc_people *people,
                                const struct kc_signer_id *id, uint64_t now_ms)
{
    struct kc_result result = kc_result(KC_NOT_FOUND);
    (void)pthread_rwlock_rdlock(&people->lock);
    const struct kc_person *place = place_of(people, id);
    if (memcmp(&place->id, id, sizeof *id) == 0 && place->expires_ms != 0 &&
        !is_over_ended(people, place)) {
        result = check_person(people, place, now_ms);
        *out = *place;
    }
    (void)pthread_rwlock_unlock(&people->lock);
    return result;
}

/* Verifies a certificate over any of the issuers; *issuer says which. That the certificate, or the issuer, has ended is the
 * better word than that it is of none; and that a root's list ended the issuer the best. */
static struct kc_result verify_over_any(struct kc_certificate *out, size_t *issuer,
                                        const struct kc_people *people, struct kc_view der,
                                        uint64_t now_ms)
{
    struct kc_result word = kc_result(KC_CERT_INVALID);
    for (size_t i = 0; i < people->issuer_count; i++) {
        const struct kc_people_issuer *one = &people->issuers[i];
        struct kc_view one_der = kc_view(one->der, one->size);
        struct kc_result result = kc_result(KC_CERT_INVALID);
        if (one->root < people->roots.count) {
            struct kc_view root = kc_roots_view(&people->roots, one->root);
            result = kc_certificate_verify(out, der, one_der, root, now_ms);
        }
        if (!kc_failed(result) && !kc_roots_count(&people->roots, one->root, now_ms)) {
            result = kc_result(KC_CERT_EXPIRED);
        }
        /* A thief of the key dates as he likes. */
        if (one->ended && (!kc_failed(result) || result.code == KC_CERT_EXPIRED)) {
            result = kc_result(KC_CERT_REVOKED);
        }
        if (!kc_failed(result)) {
            *issuer = i;
            return result;
        }
        bool better = result.code == KC_CERT_EXPIRED || result.code == KC_CERT_REVOKED;
        word = better && word.code != KC_CERT_REVOKED ? result : word;
    }
    return word;
}

/* Reads one certificate of an entry into the person, if it is good and of that number. */
static struct kc_result take_certificate(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                                         uint8_t encrypt[KC_DIGEST_SIZE],
                                         const struct kc_people *people,
                                         const struct kc_crypto *crypto, struct kc_view der,
                                         const char *subject, uint64_t now_ms)
{
    struct kc_certificate certificate;
    size_t issuer = 0;
    struct kc_result result = kc_certificate_read(&certificate, der);
    /* Not even that somebody else's has ended is a word about this one. */
    if (kc_failed(result) || strcmp(certificate.subject, subject) != 0) {
        return kc_result(KC_CERT_INVALID);
    }
    result = verify_over_any(&certificate, &issuer, people, der, now_ms);
    if (kc_failed(result)) {
        return result;
    }
    /* Both certificates are made together, so one issuer's list and word are for both. */
    if (out->expires_ms != 0 && out->issuer != issuer) {
        return kc_result(KC_CERT_INVALID);
    }
    out->issuer = issuer;
    bool is_sign = certificate.profile == KC_PROFILE_SIGN;
    kc_digest(crypto, is_sign ? sign : encrypt, der);
    memcpy(is_sign ? out->sign_serial : out->encrypt_serial, certificate.serial, KC_SERIAL_SIZE);
    *(is_sign ? &out->sign_key : &out->encrypt_key) = certificate.key;
    if (out->expires_ms == 0 || certificate.not_after_ms < out->expires_ms) {
        out->expires_ms = certificate.not_after_ms;
    }
    if (certificate.not_before_ms > out->issued_ms) {
        out->issued_ms = certificate.not_before_ms;
    }
    return result;
}

static struct kc_result read_entry(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                                   uint8_t encrypt[KC_DIGEST_SIZE], struct kc_people *people,
                                   const struct kc_crypto *crypto,
                                   const struct kc_directory_entry *entry, uint64_t number,
                                   uint64_t now_ms)
{
    char subject[24];
    const char *server = server_name(number);
    struct kc_result worst = kc_result(KC_NOT_FOUND);
    memset(out, 0, sizeof *out);
    out->number = number;
    (void)snprintf(subject, sizeof subject, "%" PRIu64, number);
    (void)pthread_rwlock_rdlock(&people->lock);
    for (size_t i = 0; i < entry->count; i++) {
        struct kc_result result =
            take_certificate(out, sign, encrypt, people, crypto, entry->certificates[i],
                             server == NULL ? subject : server, now_ms);
        worst = kc_failed(result) ? result : worst;
    }
    bool both = out->sign_key.type != KC_KEY_NONE && out->encrypt_key.type != KC_KEY_NONE;
    struct kc_result result = both ? check_person(people, out, now_ms) : worst;
    (void)pthread_rwlock_unlock(&people->lock);
    return result;
}

struct kc_result kc_people_certificates(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                                        uint8_t encrypt[KC_DIGEST_SIZE], struct kc_people *people,
                                        struct kc_directory *directory,
                                        const struct kc_crypto *crypto, uint64_t number,
                                        uint64_t now_ms)
{
    struct kc_directory_entry entry;
    const char *server = server_name(number);
    struct kc_result result = server != NULL ? kc_directory_server(&entry, directory, server)
                                             : kc_directory_account(&entry, directory, number);
    if (!kc_failed(result)) {
        result = read_entry(out, sign, encrypt, people, crypto, &entry, number, now_ms);
    }
    kc_directory_entry_free(&entry);
    return result;
}

static void keep(struct kc_people *people, const struct kc_person *person)
{
    (void)pthread_rwlock_wrlock(&people->lock);
    *place_of(people, &person->id) = *person;
    (void)pthread_rwlock_unlock(&people->lock);
}

struct kc_result kc_people_fetch(struct kc_person *out, struct kc_people *people,
                                 struct kc_directory *directory, const struct kc_crypto *crypto,
                                 const struct kc_signer_id *id, uint64_t now_ms)
{
    uint8_t sign[KC_DIGEST_SIZE];
    uint8_t encrypt[KC_DIGEST_SIZE];
    struct kc_result result = kc_people_certificates(out, sign, encrypt, people, directory, crypto,
                                                     kc_signer_id_holder(id), now_ms);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_SIGNER) : result;
    }
    kc_signer_id_make(&out->id, crypto, out->number, &out->sign_key);
    if (memcmp(&out->id, id, sizeof *id) != 0) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    keep(people, out);
    return result;
}

void kc_people_keep(struct kc_people *people, const struct kc_crypto *crypto,
                    struct kc_person *person)
{
    kc_signer_id_make(&person->id, crypto, person->number, &person->sign_key);
    keep(people, person);
}

static struct kc_result give_issuer(struct kc_buffer *out, struct kc_people *people, size_t issuer)
{
    out->size = 0;
    if (issuer >= people->issuer_count) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    const struct kc_people_issuer *one = &people->issuers[issuer];
    return kc_buffer_append(out, kc_view(one->der, one->size));
}

/* With the lock held. One begins a second or more after the one before it; but who has an older root's key does not make the
 * newest, nor anybody while there is one below the pinned root. */
static bool is_newer(const struct kc_people *people, size_t a, size_t b)
{
    const struct kc_people_issuer *pair[] = {&people->issuers[a], &people->issuers[b]};
    uint64_t root_ms[2];
    bool first = pair[0]->root == people->roots.pinned;
    if (first != (pair[1]->root == people->roots.pinned)) {
        return first;
    }
    for (size_t i = 0; i < 2; i++) {
        bool has_root = pair[i]->root < people->roots.count;
        root_ms[i] = has_root ? people->roots.items[pair[i]->root].from_ms : 0;
    }
    return root_ms[0] != root_ms[1] ? root_ms[0] > root_ms[1] : pair[0]->from_ms > pair[1]->from_ms;
}

static size_t newest_issuer(const struct kc_people *people)
{
    size_t newest = people->issuer_count;
    for (size_t i = 0; i < people->issuer_count; i++) {
        bool first = newest == people->issuer_count;
        if (!people->issuers[i].ended && (first || is_newer(people, i, newest))) {
            newest = i;
        }
    }
    return newest;
}

struct kc_result kc_people_issuer(struct kc_buffer *out, struct kc_people *people)
{
    (void)pthread_rwlock_rdlock(&people->lock);
    struct kc_result result = give_issuer(out, people, newest_issuer(people));
    (void)pthread_rwlock_unlock(&people->lock);
    return result;
}

/* With the lock held. */
static struct kc_result give_root(struct kc_buffer *out, const struct kc_people *people,
                                  size_t issuer)
{
    out->size = 0;
    return issuer < people->issuer_count && people->issuers[issuer].root < people->roots.count
               ? kc_buffer_append(out, kc_roots_view(&people->roots, people->issuers[issuer].root))
               : kc_result(KC_DIRECTORY_DOWN);
}

struct kc_result kc_people_issuer_of(struct kc_buffer *out, struct kc_buffer *root,
                                     struct kc_people *people, const struct kc_person *person)
{
    (void)pthread_rwlock_rdlock(&people->lock);
    struct kc_result result = give_issuer(out, people, person->issuer);
    if (!kc_failed(result) && root != NULL) {
        result = give_root(root, people, person->issuer);
    }
    (void)pthread_rwlock_unlock(&people->lock);
    return result;
}

struct kc_result kc_people_pinned(struct kc_buffer *out, struct kc_people *people)
{
    out->size = 0;
    (void)pthread_rwlock_rdlock(&people->lock);
    struct kc_result result =
        kc_buffer_append(out, kc_roots_view(&people->roots, people->roots.pinned));
    (void)pthread_rwlock_unlock(&people->lock);
    return result;
}

void kc_people_issuers(struct kc_people_issuers *out, struct kc_people *people, uint64_t now_ms)
{
    out->count = 0;
    (void)pthread_rwlock_rdlock(&people->lock);
    for (size_t i = 0; i < people->issuer_count && out->count < KC_ISSUERS_MAX; i++) {
        const struct kc_people_issuer *one = &people->issuers[i];
        if (one->ended || !kc_roots_count(&people->roots, one->root, now_ms)) {
            continue;
        }
        size_t at = out->count++;
        memcpy(out->bytes[at], one->der, one->size);
        out->ders[at] = kc_view(out->bytes[at], one->size);
        struct kc_view root = kc_roots_view(&people->roots, one->root);
        memcpy(out->root_bytes[at], root.data, root.size);
        out->roots[at] = kc_view(out->root_bytes[at], root.size);
    }
    (void)pthread_rwlock_unlock(&people->lock);
}

bool kc_people_is_revoked(void *people, struct kc_view certificate)
{
    struct kc_people *known = people;
    struct kc_certificate read;
    bool revoked = kc_failed(kc_certificate_read(&read, certificate));
    (void)pthread_rwlock_rdlock(&known->lock);
    for (size_t i = 0; i < known->issuer_count && !revoked; i++) {
        const struct kc_people_issuer *one = &known->issuers[i];
        revoked = kc_certificate_is_by(certificate, kc_view(one->der, one->size)) &&
                  (one->ended || kc_crl_has(one->crl, read.serial));
    }
    (void)pthread_rwlock_unlock(&known->lock);
    return revoked;
}

uint64_t kc_people_endings(struct kc_people *people)
{
    (void)pthread_rwlock_rdlock(&people->lock);
    uint64_t endings = people->endings;
    (void)pthread_rwlock_unlock(&people->lock);
    return endings;
}

/* ---- certificates that are known by their numbers ---- */

#define ISSUER_KEY_SIZE (KC_PEOPLE_PAIR_SIZE - 2 * KC_SERIAL_SIZE)

/* An issuer may get another certificate for its key, and has the same list then. */
static struct kc_result name_key(uint8_t out[ISSUER_KEY_SIZE], const struct kc_crypto *crypto,
                                 const struct kc_people_issuer *issuer)
{
    struct kc_certificate certificate;
    uint8_t bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_buffer key = KC_BUFFER(bytes);
    struct kc_result result = kc_certificate_read(&certificate, kc_view(issuer->der, issuer->size));
    if (!kc_failed(result)) {
        result = kc_key_encode(&key, &certificate.key);
    }
    if (!kc_failed(result)) {
        kc_digest(crypto, digest, kc_buffer_view(&key));
        memcpy(out, digest, ISSUER_KEY_SIZE);
    }
    return result;
}

struct kc_result kc_people_pair(uint8_t out[KC_PEOPLE_PAIR_SIZE], struct kc_people *people,
                                const struct kc_crypto *crypto, const struct kc_person *person)
{
    struct kc_result result = kc_result(KC_DIRECTORY_DOWN);
    memset(out, 0, KC_PEOPLE_PAIR_SIZE);
    (void)pthread_rwlock_rdlock(&people->lock);
    if (person->issuer < people->issuer_count) {
        result = name_key(out, crypto, &people->issuers[person->issuer]);
    }
    (void)pthread_rwlock_unlock(&people->lock);
    memcpy(out + ISSUER_KEY_SIZE, person->sign_serial, KC_SERIAL_SIZE);
    memcpy(out + ISSUER_KEY_SIZE + KC_SERIAL_SIZE, person->encrypt_serial, KC_SERIAL_SIZE);
    return result;
}

/* With the lock held: the issuer that certified anew what this one had certified: of those that count and began later the first,
 * since all before it have ended. The number of issuers: none is known. */
static size_t successor_of(const struct kc_people *people, size_t issuer, uint64_t now_ms)
{
    size_t next = people->issuer_count;
    for (size_t i = 0; i < people->issuer_count; i++) {
        const struct kc_people_issuer *one = &people->issuers[i];
        bool first = next == people->issuer_count || one->from_ms < people->issuers[next].from_ms;
        if (!one->ended && first && one->from_ms > people->issuers[issuer].from_ms &&
            kc_roots_count(&people->roots, one->root, now_ms)) {
            next = i;
        }
    }
    return next;
}

struct kc_result kc_people_check_pair(struct kc_person *out, struct kc_people *people,
                                      const struct kc_crypto *crypto,
                                      const uint8_t pair[KC_PEOPLE_PAIR_SIZE], uint64_t expires_ms,
                                      uint64_t now_ms)
{
    uint8_t name[ISSUER_KEY_SIZE];
    struct kc_person person = {.expires_ms = expires_ms, .issuer = KC_PEOPLE_ISSUERS_MAX};
    struct kc_result word = kc_result(KC_DIRECTORY_DOWN);
    memcpy(person.sign_serial, pair + ISSUER_KEY_SIZE, KC_SERIAL_SIZE);
    memcpy(person.encrypt_serial, pair + ISSUER_KEY_SIZE + KC_SERIAL_SIZE, KC_SERIAL_SIZE);
    *out = person;
    (void)pthread_rwlock_rdlock(&people->lock);
    for (size_t i = 0; i < people->issuer_count; i++) {
        person.issuer = people->issuers[i].ended ? successor_of(people, i, now_ms) : i;
        if (person.issuer == people->issuer_count ||
            kc_failed(name_key(name, crypto, &people->issuers[i])) ||
            memcmp(name, pair, sizeof name) != 0) {
            continue;
        }
        struct kc_result result = check_person(people, &person, now_ms);
        /* One list is enough to be refused by, whatever the order, and one that is good to be believed. */
        if (result.code == KC_CERT_REVOKED || word.code == KC_DIRECTORY_DOWN ||
            (word.code == KC_CERT_EXPIRED && !kc_failed(result))) {
            word = result;
            *out = person;
        }
    }
    (void)pthread_rwlock_unlock(&people->lock);
    return word;
}

bool kc_people_is_of_ended(struct kc_people *people, const struct kc_crypto *crypto,
                           const uint8_t pair[KC_PEOPLE_PAIR_SIZE])
{
    uint8_t name[ISSUER_KEY_SIZE];
    bool ended = false;
    (void)pthread_rwlock_rdlock(&people->lock);
    for (size_t i = 0; i < people->issuer_count && !ended; i++) {
        ended = people->issuers[i].ended &&
                !kc_failed(name_key(name, crypto, &people->issuers[i])) &&
                memcmp(name, pair, sizeof name) == 0;
    }
    (void)pthread_rwlock_unlock(&people->lock);
    return ended;
}

/* ---- roots, issuers and their lists ---- */

/* With the lock held. Who was found over an issuer whose root's place is another's now is forgotten with it. */
static void put_roots(struct kc_people *people, const struct kc_roots *roots)
{
    for (size_t i = 0; i < people->issuer_count; i++) {
        struct kc_people_issuer *issuer = &people->issuers[i];
        if (issuer->root < people->roots.count &&
            !kc_view_equal(kc_roots_view(&people->roots, issuer->root),
                           kc_roots_view(roots, issuer->root))) {
            issuer->root = KC_ROOTS_MAX;
        }
    }
    for (size_t i = 0; i < people->roots.count; i++) {
        if (!kc_view_equal(kc_roots_view(&people->roots, i), kc_roots_view(roots, i))) {
            kc_root_lists_drop(&people->root_lists, i);
        }
    }
    people->roots = *roots;
}

/* With the lock held. What ended stays so: a list that names it may be of a root that counts no more. */
static void mark_ended(struct kc_people *people, uint64_t now_ms)
{
    for (size_t i = 0; i < people->issuer_count; i++) {
        struct kc_people_issuer *one = &people->issuers[i];
        bool named =
            kc_root_lists_name(&people->root_lists, &people->roots, one->root, one->serial, now_ms);
        people->endings += named && !one->ended ? 1 : 0;
        one->ended = one->ended || named;
    }
}

/* The roots' lists, which count from here on, also before anything else is taken. What was kept counts without the directory. */
static void refresh_lists(struct kc_people *people, const struct kc_directory_roots *shown,
                          uint64_t now_ms)
{
    struct kc_crl *newer[KC_ROOTS_MAX];
    kc_root_lists_find(newer, &people->root_lists, &people->roots, shown, now_ms);
    (void)pthread_rwlock_wrlock(&people->lock);
    kc_root_lists_swap(&people->root_lists, newer);
    mark_ended(people, now_ms);
    (void)pthread_rwlock_unlock(&people->lock);
    for (size_t i = 0; i < KC_ROOTS_MAX; i++) {
        kc_crl_free(newer[i]);
    }
}

/* A directory that shows no roots, as an older authority's, leaves those that count as they are. */
static void refresh_roots(struct kc_people *people, struct kc_directory *directory, uint64_t now_ms)
{
    struct kc_directory_roots shown;
    bool some = !kc_failed(kc_directory_roots(&shown, directory));
    (void)pthread_mutex_lock(&people->roots_lock);
    if (some) {
        struct kc_roots roots = people->roots;
        kc_roots_update(&roots, &shown, people->keep, people->keep_owner, now_ms);
        (void)pthread_rwlock_wrlock(&people->lock);
        put_roots(people, &roots);
        (void)pthread_rwlock_unlock(&people->lock);
    } else {
        shown = (struct kc_directory_roots){.certificate_count = 0};
    }
    refresh_lists(people, &shown, now_ms);
    (void)pthread_mutex_unlock(&people->roots_lock);
    kc_directory_roots_free(&shown);
}

/* The root that signed an issuer, of those that count if there is one. */
static struct kc_result find_root(struct kc_root *out, struct kc_people *people, struct kc_view der,
                                  uint64_t now_ms)
{
    struct kc_result word = kc_result(KC_CERT_INVALID);
    (void)pthread_rwlock_rdlock(&people->lock);
    struct kc_roots roots = people->roots;
    (void)pthread_rwlock_unlock(&people->lock);
    for (size_t i = 0; i < 2 * roots.count && der.size <= KC_CERTIFICATE_SIZE_MAX; i++) {
        size_t place = i % roots.count;
        if (kc_roots_count(&roots, place, now_ms) != (i < roots.count)) {
            continue;
        }
        struct kc_result result =
            kc_certificate_verify_issuer(der, kc_roots_view(&roots, place), now_ms);
        if (!kc_failed(result)) {
            *out = roots.items[place];
            return result;
        }
        word = result.code == KC_CERT_EXPIRED ? result : word;
    }
    return word;
}

/* The newest of the lists that the issuer signed. */
static struct kc_result pick_list(struct kc_crl **out, const struct kc_directory_issuers *shown,
                                  struct kc_view issuer)
{
    *out = NULL;
    for (size_t i = 0; i < shown->list_count; i++) {
        struct kc_crl *crl = NULL;
        if (kc_failed(kc_crl_read(&crl, shown->lists[i], issuer))) {
            continue;
        }
        bool newer = *out == NULL || kc_crl_number(crl) > kc_crl_number(*out);
        kc_crl_free(newer ? *out : crl);
        *out = newer ? crl : *out;
    }
    return kc_result(*out == NULL ? KC_CERT_INVALID : KC_OK);
}

/* With the lock held: the place of a root that was found without it; KC_ROOTS_MAX when it is gone. */
static size_t place_of_root(const struct kc_people *people, const struct kc_root *root)
{
    for (size_t i = 0; i < people->roots.count; i++) {
        if (kc_view_equal(kc_roots_view(&people->roots, i), kc_view(root->der, root->size))) {
            return i;
        }
    }
    return KC_ROOTS_MAX;
}

/* An issuer that is shown, before it has a place. */
struct shown_issuer {
    struct kc_view der;
    struct kc_certificate read;
    size_t root;
    bool ended;
};

/* With the lock held: the place of an issuer, also a new one, or that of one whose time is over. Who has an older root's key
 * fills the places for nobody: to one below the pinned root, the last that is below another gives way; and one that a list ended
 * to any that counts. KC_PEOPLE_ISSUERS_MAX when there is none. */
static size_t find_place(const struct kc_people *people, const struct shown_issuer *shown,
                         uint64_t now_ms)
{
    size_t over = KC_PEOPLE_ISSUERS_MAX;
    size_t other = KC_PEOPLE_ISSUERS_MAX;
    size_t ended = KC_PEOPLE_ISSUERS_MAX;
    size_t count = 0; /* of those that count */
    for (size_t i = 0; i < people->issuer_count; i++) {
        const struct kc_people_issuer *one = &people->issuers[i];
        if (kc_view_equal(kc_view(one->der, one->size), shown->der)) {
            return i;
        }
        if (one->until_ms < now_ms || !kc_roots_count(&people->roots, one->root, now_ms)) {
            over = i;
        } else if (one->ended) {
            ended = i;
        } else {
            count += 1;
            other = one->root != people->roots.pinned ? i : other;
        }
    }
    if (!shown->ended && count >= KC_ISSUERS_MAX) {
        return shown->root == people->roots.pinned ? other : KC_PEOPLE_ISSUERS_MAX;
    }
    if (people->issuer_count >= KC_ISSUERS_MAX && over < KC_PEOPLE_ISSUERS_MAX) {
        return over;
    }
    bool full = people->issuer_count == KC_PEOPLE_ISSUERS_MAX;
    return !full ? people->issuer_count : shown->ended ? KC_PEOPLE_ISSUERS_MAX : ended;
}

/* With the lock held: the same, and the issuer stands there; whoever was found over one that stood there is forgotten. */
static size_t place_for_issuer(struct kc_people *people, const struct shown_issuer *shown,
                               uint64_t now_ms)
{
    size_t place = find_place(people, shown, now_ms);
    if (place == KC_PEOPLE_ISSUERS_MAX) {
        return place;
    }
    struct kc_people_issuer *taken = &people->issuers[place];
    bool same =
        place < people->issuer_count && kc_view_equal(kc_view(taken->der, taken->size), shown->der);
    if (!same && place < people->issuer_count) {
        kc_crl_free(taken->crl);
        memset(people->places, 0, people->count * sizeof *people->places);
    }
    if (!same) {
        people->issuer_count += place == people->issuer_count ? 1 : 0;
        *taken = (struct kc_people_issuer){.size = shown->der.size};
        memcpy(taken->der, shown->der.data, shown->der.size);
        memcpy(taken->serial, shown->read.serial, KC_SERIAL_SIZE);
    }
    taken->from_ms = shown->read.not_before_ms;
    taken->until_ms = shown->read.not_after_ms;
    taken->root = shown->root;
    people->endings += shown->ended && !taken->ended ? 1 : 0;
    taken->ended = taken->ended || shown->ended;
    return place;
}

/* With the lock held; `crl` is NULL where an issuer that ended has no list. What is to be freed is given back. */
static struct kc_crl *put_issuer(struct kc_result *result, struct kc_people *people,
                                 struct shown_issuer *one, const struct kc_root *found,
                                 struct kc_crl *crl, uint64_t now_ms)
{
    /* Roots may have changed places since. */
    one->root = place_of_root(people, found);
    one->ended = kc_root_lists_name(&people->root_lists, &people->roots, one->root,
                                    one->read.serial, now_ms);
    bool counts = kc_roots_count(&people->roots, one->root, now_ms);
    size_t place = one->root == KC_ROOTS_MAX || (crl == NULL && !one->ended)
                       ? KC_PEOPLE_ISSUERS_MAX
                       : place_for_issuer(people, one, now_ms);
    if (place == KC_PEOPLE_ISSUERS_MAX) {
        *result = kc_result(one->ended    ? KC_CERT_REVOKED
                            : crl == NULL ? KC_CERT_INVALID
                                          : KC_TOO_LARGE);
        return crl;
    }
    struct kc_people_issuer *issuer = &people->issuers[place];
    *result = kc_result(!counts ? KC_CERT_EXPIRED : issuer->ended ? KC_CERT_REVOKED : KC_OK);
    people->crl_fetched_ms = now_ms;
    if (crl == NULL || (issuer->crl != NULL && kc_crl_number(crl) < kc_crl_number(issuer->crl))) {
        return crl;
    }
    struct kc_crl *old = issuer->crl;
    issuer->crl = crl;
    return old;
}

/* The directory is not trusted: an issuer counts only when a root signed it that counts, a list only when its issuer did, and an
 * older list does not come back. */
static struct kc_result take_issuer(struct kc_people *people,
                                    const struct kc_directory_issuers *shown, struct kc_view der,
                                    uint64_t now_ms)
{
    struct shown_issuer one = {.der = der};
    struct kc_crl *crl = NULL;
    struct kc_root found;
    struct kc_result result = find_root(&found, people, der, now_ms);
    if (!kc_failed(result)) {
        result = kc_certificate_read(&one.read, der);
    }
    if (kc_failed(result)) {
        return result;
    }
    /* Without a list only one that ended is of any use. */
    (void)kc_failed(pick_list(&crl, shown, der));
    (void)pthread_rwlock_wrlock(&people->lock);
    struct kc_crl *old = put_issuer(&result, people, &one, &found, crl, now_ms);
    (void)pthread_rwlock_unlock(&people->lock);
    kc_crl_free(old);
    return result;
}

struct kc_result kc_people_refresh(struct kc_people *people, struct kc_directory *directory,
                                   uint64_t now_ms)
{
    struct kc_directory_issuers shown;
    refresh_roots(people, directory, now_ms);
    struct kc_result result = kc_directory_issuers(&shown, directory);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_DIRECTORY_DOWN) : result;
    }
    bool any = false;
    for (size_t i = 0; i < shown.certificate_count; i++) {
        struct kc_result one = take_issuer(people, &shown, shown.certificates[i], now_ms);
        any = any || !kc_failed(one);
        result = kc_failed(one) ? one : result;
    }
    kc_directory_issuers_free(&shown);
    return any ? kc_ok() : result;
}
