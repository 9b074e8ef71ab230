#include "directory/people.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

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
    KC_ASSERT(root.size <= sizeof people->root);
    people->count = count;
    people->places = calloc(count, sizeof *people->places);
    memcpy(people->root, root.data, root.size);
    people->root_size = root.size;
    if (people->places == NULL || pthread_rwlock_init(&people->lock, NULL) != 0) {
        free(people->places);
        return kc_result(KC_NO_MEMORY);
    }
    return kc_ok();
}

void kc_people_close(struct kc_people *people)
{
    if (people->places != NULL) {
        (void)pthread_rwlock_destroy(&people->lock);
    }
    free(people->places);
    kc_crl_free(people->crl);
    people->places = NULL;
    people->crl = NULL;
}

static struct kc_person *place_of(struct kc_people *people, const struct kc_signer_id *id)
{
    /* The second half of an id is the start of a SHA-256 and so spreads by itself. */
    return &people->places[kc_be64_load(id->bytes + 8) & (people->count - 1)];
}

/* With the lock held: whether a person may still be believed. */
static struct kc_result check_person(const struct kc_people *people, const struct kc_person *person,
                                     uint64_t now_ms)
{
    if (person->expires_ms < now_ms) {
        return kc_result(KC_CERT_EXPIRED);
    }
    if (people->crl == NULL ||
        (!people->list_may_be_old && kc_crl_next_update_ms(people->crl) < now_ms)) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    bool revoked = kc_crl_has(people->crl, person->sign_serial) ||
                   kc_crl_has(people->crl, person->encrypt_serial);
    return kc_result(revoked ? KC_CERT_REVOKED : KC_OK);
}

struct kc_result kc_people_find(struct kc_person *out, struct kc_people *people,
                                const struct kc_signer_id *id, uint64_t now_ms)
{
    struct kc_result result = kc_result(KC_NOT_FOUND);
    (void)pthread_rwlock_rdlock(&people->lock);
    const struct kc_person *place = place_of(people, id);
    if (memcmp(&place->id, id, sizeof *id) == 0 && place->expires_ms != 0) {
        result = check_person(people, place, now_ms);
        *out = *place;
    }
    (void)pthread_rwlock_unlock(&people->lock);
    return result;
}

/* Reads one certificate of an entry into the person, if it is good and of that number. */
static struct kc_result take_certificate(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                                         uint8_t encrypt[KC_DIGEST_SIZE],
                                         const struct kc_people *people,
                                         const struct kc_crypto *crypto, struct kc_view der,
                                         const char *subject, uint64_t now_ms)
{
    struct kc_certificate certificate;
    struct kc_result result =
        kc_certificate_verify(&certificate, der, kc_view(people->issuer, people->issuer_size),
                              kc_view(people->root, people->root_size), now_ms);
    if (kc_failed(result)) {
        return result;
    }
    if (strcmp(certificate.subject, subject) != 0) {
        return kc_result(KC_CERT_INVALID);
    }
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
    (void)pthread_rwlock_wrlock(&people->lock);
    *place_of(people, id) = *out;
    (void)pthread_rwlock_unlock(&people->lock);
    return result;
}

struct kc_result kc_people_issuer(struct kc_buffer *out, struct kc_people *people)
{
    (void)pthread_rwlock_rdlock(&people->lock);
    out->size = 0;
    struct kc_result result =
        people->issuer_size == 0
            ? kc_result(KC_DIRECTORY_DOWN)
            : kc_buffer_append(out, kc_view(people->issuer, people->issuer_size));
    (void)pthread_rwlock_unlock(&people->lock);
    return result;
}

struct kc_result kc_people_refresh(struct kc_people *people, struct kc_directory *directory,
                                   uint64_t now_ms)
{
    struct kc_view certificate;
    struct kc_view list;
    struct kc_crl *crl = NULL;
    struct kc_result result = kc_directory_issuer(&certificate, &list, directory);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_DIRECTORY_DOWN) : result;
    }
    /* The directory is not trusted: the issuer counts only when the pinned root signed it, the list only when the issuer did. */
    result = certificate.size <= KC_CERTIFICATE_SIZE_MAX ? kc_ok() : kc_result(KC_CERT_INVALID);
    if (!kc_failed(result)) {
        result = kc_certificate_verify_issuer(certificate, kc_view(people->root, people->root_size),
                                              now_ms);
    }
    if (!kc_failed(result)) {
        result = kc_crl_read(&crl, list, certificate);
    }
    if (!kc_failed(result)) {
        (void)pthread_rwlock_wrlock(&people->lock);
        bool newer = people->crl == NULL || kc_crl_number(crl) >= kc_crl_number(people->crl);
        struct kc_crl *old = newer ? people->crl : crl;
        if (newer) {
            people->crl = crl;
            memcpy(people->issuer, certificate.data, certificate.size);
            people->issuer_size = certificate.size;
        }
        people->crl_fetched_ms = now_ms;
        (void)pthread_rwlock_unlock(&people->lock);
        kc_crl_free(old);
    }
    kc_directory_free_view(certificate);
    kc_directory_free_view(list);
    return result;
}
