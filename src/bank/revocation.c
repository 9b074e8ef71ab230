#include "bank/revocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

bool kc_revocation_mode_read(enum kc_revocation_mode *out, const char *text)
{
    static const char *const names[] = {"crl", "both", "ocsp"};
    static const enum kc_revocation_mode modes[] = {KC_REVOCATION_CRL, KC_REVOCATION_BOTH,
                                                    KC_REVOCATION_OCSP};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0) {
            *out = modes[i];
            return true;
        }
    }
    return false;
}

struct kc_result kc_revocation_open(struct kc_revocation *revocation, enum kc_revocation_mode mode,
                                    const char *url, const char *authority_url, uint64_t fresh_ms,
                                    uint64_t clock_ms, size_t places)
{
    memset(revocation, 0, sizeof *revocation);
    revocation->mode = mode;
    revocation->fresh_ns = fresh_ms * 1000000u;
    revocation->clock_ms = clock_ms;
    if (mode == KC_REVOCATION_CRL) {
        return kc_ok();
    }
    bool own = url[0] != '\0';
    if (!own && authority_url[0] == '\0') {
        return kc_result(KC_CONFIG_INVALID);
    }
    (void)snprintf(revocation->url, sizeof revocation->url, "%s%s", own ? url : authority_url,
                   own ? "" : "/ocsp");
    size_t count = 16;
    while (count < places) {
        count *= 2;
    }
    revocation->places = calloc(count, sizeof *revocation->places);
    if (revocation->places == NULL || pthread_mutex_init(&revocation->lock, NULL) != 0) {
        free(revocation->places);
        revocation->places = NULL;
        return kc_result(KC_NO_MEMORY);
    }
    revocation->count = count;
    return kc_ok();
}

void kc_revocation_close(struct kc_revocation *revocation)
{
    if (revocation->places != NULL) {
        (void)pthread_mutex_destroy(&revocation->lock);
    }
    free(revocation->places);
    revocation->places = NULL;
    revocation->count = 0;
}

/* With the lock held. Serials are random, so they spread by themselves. */
static struct kc_revocation_place *place_of(struct kc_revocation *revocation,
                                            const struct kc_person *person)
{
    return &revocation->places[kc_be64_load(person->sign_serial + 8) & (revocation->count - 1)];
}

static bool is_of(const struct kc_revocation_place *place, const struct kc_person *person)
{
    return place->asked_ns != 0 && place->issuer == person->issuer &&
           memcmp(place->serials[0], person->sign_serial, KC_SERIAL_SIZE) == 0 &&
           memcmp(place->serials[1], person->encrypt_serial, KC_SERIAL_SIZE) == 0;
}

/* What holds without an answer of the responder: the last refusal; else the list, where that is allowed. */
static struct kc_result without_answer(const struct kc_revocation *revocation, bool known,
                                       enum kc_error word)
{
    if (known && word != KC_OK) {
        return kc_result(word);
    }
    return kc_result(revocation->mode == KC_REVOCATION_OCSP ? KC_REVOCATION_UNKNOWN : KC_OK);
}

bool kc_revocation_must_ask(struct kc_result *word, struct kc_revocation *revocation,
                            const struct kc_person *person, uint64_t now_ns)
{
    *word = kc_ok();
    if (revocation->mode == KC_REVOCATION_CRL) {
        return false;
    }
    (void)pthread_mutex_lock(&revocation->lock);
    const struct kc_revocation_place place = *place_of(revocation, person);
    (void)pthread_mutex_unlock(&revocation->lock);
    bool known = is_of(&place, person);
    if (known && now_ns - place.asked_ns < revocation->fresh_ns) {
        *word = kc_result(place.word);
        return false;
    }
    if (now_ns < atomic_load(&revocation->quiet_until_ns)) {
        *word = without_answer(revocation, known, place.word);
        return false;
    }
    return true;
}

struct kc_result kc_revocation_take(struct kc_revocation *revocation,
                                    const struct kc_person *person, struct kc_view answer,
                                    const struct kc_ocsp_expected *expected, uint64_t asked_ns,
                                    struct kc_result *word)
{
    enum kc_ocsp_status statuses[2];
    struct kc_result result = kc_ocsp_read(statuses, 2, answer, expected);
    if (kc_failed(result)) {
        return result;
    }
    bool revoked = statuses[0] == KC_OCSP_REVOKED || statuses[1] == KC_OCSP_REVOKED;
    bool good = statuses[0] == KC_OCSP_GOOD && statuses[1] == KC_OCSP_GOOD;
    *word = kc_result(revoked ? KC_CERT_REVOKED : good ? KC_OK : KC_UNKNOWN_SIGNER);
    (void)pthread_mutex_lock(&revocation->lock);
    struct kc_revocation_place *place = place_of(revocation, person);
    /* Of two questions that crossed, the one asked later knows more. */
    if (!is_of(place, person) || place->asked_ns <= asked_ns) {
        place->issuer = person->issuer;
        memcpy(place->serials[0], person->sign_serial, KC_SERIAL_SIZE);
        memcpy(place->serials[1], person->encrypt_serial, KC_SERIAL_SIZE);
        place->asked_ns = asked_ns;
        place->word = word->code;
    }
    (void)pthread_mutex_unlock(&revocation->lock);
    return result;
}

static struct kc_result post(struct kc_buffer *answer, const struct kc_revocation *revocation,
                             struct kc_http_client *client, struct kc_view question)
{
    struct kc_http_reply reply = {.content = answer};
    const struct kc_http_call call = {
        .url = revocation->url, .content_type = KC_CONTENT_OCSP_REQUEST, .body = question};
    struct kc_result result = kc_http_client_call(client, &reply, &call);
    if (!kc_failed(result) &&
        (reply.status != 200 || !kc_http_reply_is(&reply, KC_CONTENT_OCSP_REPLY))) {
        result = kc_result(KC_CONTENT_TYPE);
    }
    return result;
}

static struct kc_result ask(struct kc_revocation *revocation, struct kc_http_client *client,
                            const struct kc_crypto *crypto, struct kc_people *people,
                            const struct kc_person *person, uint64_t now_ms, struct kc_result *word)
{
    uint8_t serials[2][KC_SERIAL_SIZE];
    uint8_t nonce[KC_OCSP_NONCE_SIZE];
    uint8_t question_bytes[KC_OCSP_REQUEST_SIZE_MAX];
    uint8_t answer_bytes[KC_OCSP_REPLY_SIZE_MAX];
    uint8_t issuer_bytes[KC_CERTIFICATE_SIZE_MAX];
    uint8_t root_bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer question = KC_BUFFER(question_bytes);
    struct kc_buffer answer = KC_BUFFER(answer_bytes);
    struct kc_buffer issuer = KC_BUFFER(issuer_bytes);
    struct kc_buffer root = KC_BUFFER(root_bytes);
    memcpy(serials[0], person->sign_serial, KC_SERIAL_SIZE);
    memcpy(serials[1], person->encrypt_serial, KC_SERIAL_SIZE);
    uint64_t asked_ns = kc_clock_monotonic_ns();
    struct kc_result result = kc_people_issuer_of(&issuer, &root, people, person);
    if (!kc_failed(result)) {
        result = crypto->random(crypto->context, nonce, sizeof nonce);
    }
    if (!kc_failed(result)) {
        result = kc_ocsp_ask(&question, kc_view(serials, sizeof serials), nonce,
                             kc_buffer_view(&issuer));
    }
    if (!kc_failed(result)) {
        result = post(&answer, revocation, client, kc_buffer_view(&question));
    }
    if (result.code == KC_UNREACHABLE || result.code == KC_TIMEOUT) {
        atomic_store(&revocation->quiet_until_ns, kc_clock_monotonic_ns() + KC_REVOCATION_QUIET_NS);
    }
    if (kc_failed(result)) {
        return result;
    }
    const struct kc_ocsp_expected expected = {.question = kc_buffer_view(&question),
                                              .issuer = kc_buffer_view(&issuer),
                                              .root = kc_buffer_view(&root),
                                              .now_ms = now_ms,
                                              .clock_ms = revocation->clock_ms};
    return kc_revocation_take(revocation, person, kc_buffer_view(&answer), &expected, asked_ns,
                              word);
}

struct kc_result kc_revocation_ask(struct kc_revocation *revocation, struct kc_http_client *client,
                                   const struct kc_crypto *crypto, struct kc_people *people,
                                   const struct kc_person *person, uint64_t now_ms)
{
    struct kc_result word = kc_ok();
    struct kc_result result = ask(revocation, client, crypto, people, person, now_ms, &word);
    if (atomic_exchange(&revocation->last, (int)result.code) != (int)result.code) {
        kc_log(kc_failed(result) ? KC_LOG_WARN : KC_LOG_INFO, "revocation responder %s",
               kc_error_name(result.code));
    }
    if (!kc_failed(result)) {
        return word;
    }
    (void)pthread_mutex_lock(&revocation->lock);
    const struct kc_revocation_place place = *place_of(revocation, person);
    (void)pthread_mutex_unlock(&revocation->lock);
    return without_answer(revocation, is_of(&place, person), place.word);
}
