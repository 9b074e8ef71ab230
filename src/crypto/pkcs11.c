#include "crypto/pkcs11.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/pkcs11_inside.h"

#define SLOTS_MAX 64u
#define TRY_EVERY_NS UINT64_C(1000000000)

/* ---- coming up ---- */

/* The slot whose token fits the URI. */
static struct kc_result find_slot(struct kc_token_key *key)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    size_t fits = 0;
    if (key->module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) {
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
    for (CK_ULONG i = 0; i < count && i < SLOTS_MAX; i++) {
        CK_TOKEN_INFO info;
        if (key->module->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) != 0 &&
            p11_kit_uri_match_token_info(key->uri, &info) == 1) {
            key->slot = slots[i];
            fits++;
        }
    }
    return kc_result(fits == 1 ? KC_OK : fits == 0 ? KC_TOKEN_UNAVAILABLE : KC_TOKEN_AMBIGUOUS);
}

/* The PIN's line without its end. */
static struct kc_result read_pin(struct kc_buffer *out, const struct kc_token_key *key)
{
    struct kc_result result = key->read_secret(out, key->pin_path);
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "PIN file %s: %s", key->pin_path, kc_error_name(result.code));
        return result;
    }
    while (out->size > 0 &&
           (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r')) {
        out->size -= 1;
    }
    return kc_result(out->size == 0 ? KC_CONFIG_INVALID : KC_OK);
}

static bool is_logged_in(const struct kc_token_key *key, CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info;
    return key->module->C_GetSessionInfo(session, &info) == CKR_OK &&
           (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

static struct kc_result after_login(struct kc_token_key *key, CK_RV rv)
{
    switch (rv) {
    case CKR_OK:
    case CKR_USER_ALREADY_LOGGED_IN:
        return kc_ok();
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED:
        key->pin_refused = true;
        return kc_result(KC_TOKEN_PIN);
    default:
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
}

static struct kc_result log_in(struct kc_token_key *key, CK_SESSION_HANDLE session)
{
    CK_TOKEN_INFO info;
    uint8_t pin[KC_TOKEN_PIN_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(pin);
    if (key->module->C_GetTokenInfo(key->slot, &info) != CKR_OK) {
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
    if ((info.flags & CKF_LOGIN_REQUIRED) == 0 || is_logged_in(key, session)) {
        return kc_ok();
    }
    if (key->pin_refused || (info.flags & (CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)) != 0) {
        return kc_result(KC_TOKEN_PIN);
    }
    struct kc_result result = read_pin(&buffer, key);
    if (!kc_failed(result)) {
        result = after_login(key, key->module->C_Login(session, CKU_USER, pin, buffer.size));
    }
    kc_wipe(pin, sizeof pin);
    return result;
}

/* A session that is logged in. */
static struct kc_result open_session(CK_SESSION_HANDLE *out, struct kc_token_key *key,
                                     CK_FLAGS more)
{
    struct kc_result result = find_slot(key);
    if (kc_failed(result)) {
        return result;
    }
    if (key->module->C_OpenSession(key->slot, CKF_SERIAL_SESSION | more, NULL, NULL, out) !=
        CKR_OK) {
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
    result = log_in(key, *out);
    if (kc_failed(result)) {
        (void)key->module->C_CloseSession(*out);
    }
    return result;
}

/* Under the lock: token, PIN and key, from the beginning. */
static struct kc_result come_up(struct kc_token_found *found, struct kc_token_key *key)
{
    CK_SESSION_HANDLE session = 0;
    key->tried_ns = kc_clock_monotonic_ns();
    for (size_t i = 0; i < key->idle_count; i++) {
        (void)key->module->C_CloseSession(key->idle[i]);
    }
    key->idle_count = 0;
    struct kc_result result = open_session(&session, key, 0);
    if (kc_failed(result)) {
        return result;
    }
    result = kc_token_find(found, key, session);
    if (kc_failed(result)) {
        (void)key->module->C_CloseSession(session);
        return result;
    }
    key->object = found->object;
    key->idle[key->idle_count++] = session;
    key->generation += 1;
    key->up = true;
    return result;
}

static bool is_same_key(const struct kc_token_key *key, const struct kc_token_found *found)
{
    const struct kc_public_key *a = &key->held.public_key;
    const struct kc_public_key *b = &found->public_key;
    if (key->type != found->type || a->type != b->type) {
        return false;
    }
    return a->type == KC_KEY_NONE ||
           (a->type == KC_KEY_P256 ? memcmp(&a->p256, &b->p256, sizeof a->p256) == 0
                                   : memcmp(a->rsa.n, b->rsa.n, kc_rsa_size(a->type)) == 0);
}

/* Under the lock. A token that comes back with another key of the same name is not ours. */
static struct kc_result come_up_again(struct kc_token_key *key)
{
    struct kc_token_found found;
    if (kc_clock_monotonic_ns() - key->tried_ns < TRY_EVERY_NS) {
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
    struct kc_result result = come_up(&found, key);
    if (!kc_failed(result) && !is_same_key(key, &found)) {
        key->up = false;
        result = kc_result(KC_MISMATCH);
    }
    kc_log(kc_failed(result) ? KC_LOG_ERROR : KC_LOG_INFO, "token of %s: %s", key->uri_text,
           kc_failed(result) ? kc_error_name(result.code) : "is back");
    return result;
}

/* ---- sessions ---- */

/* Under the lock. */
static struct kc_result take_locked(struct kc_token_lease *out, struct kc_token_key *key)
{
    while (key->up && key->idle_count == 0 && key->out_count >= KC_TOKEN_SESSIONS_MAX) {
        (void)pthread_cond_wait(&key->given_back, &key->lock);
    }
    if (!key->up && kc_failed(come_up_again(key))) {
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
    if (key->idle_count > 0) {
        out->session = key->idle[--key->idle_count];
    } else if (key->module->C_OpenSession(key->slot, CKF_SERIAL_SESSION, NULL, NULL,
                                          &out->session) != CKR_OK) {
        key->up = false;
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
    out->object = key->object;
    out->generation = key->generation;
    key->out_count += 1;
    return kc_ok();
}

static struct kc_result take(struct kc_token_lease *out, struct kc_token_key *key)
{
    (void)pthread_mutex_lock(&key->lock);
    struct kc_result result = take_locked(out, key);
    (void)pthread_mutex_unlock(&key->lock);
    return result;
}

/* The session is as good as before: it is the data, or the key is not made for that. */
static bool is_session_good(CK_RV rv)
{
    return rv == CKR_OK || rv == CKR_ENCRYPTED_DATA_INVALID ||
           rv == CKR_KEY_FUNCTION_NOT_PERMITTED || rv == CKR_KEY_TYPE_INCONSISTENT;
}

/* A session after which the token was lost is closed, and so is one from before the token came up again. */
static void give_back(struct kc_token_key *key, const struct kc_token_lease *lease, CK_RV rv)
{
    bool lost = !is_session_good(rv);
    (void)pthread_mutex_lock(&key->lock);
    bool current = lease->generation == key->generation;
    if (lost && current && key->up) {
        kc_log(KC_LOG_ERROR, "token of %s: reason=0x%lx", key->uri_text, (unsigned long)rv);
        key->up = false;
    }
    if (lost || !current || key->idle_count >= KC_TOKEN_SESSIONS_MAX) {
        (void)key->module->C_CloseSession(lease->session);
    } else {
        key->idle[key->idle_count++] = lease->session;
    }
    key->out_count -= 1;
    (void)pthread_cond_broadcast(&key->given_back);
    (void)pthread_mutex_unlock(&key->lock);
}

/* ---- what a held key does ---- */

enum work { WORK_SIGN, WORK_AGREE, WORK_UNWRAP, WORK_LOOK };

/* One operation: what goes in and where its outcome goes. */
struct job {
    enum work work;
    uint8_t *out;
    size_t *size;
    size_t capacity;
    const uint8_t *digest;
    const struct kc_public_key *peer;
    struct kc_view wrapped;
};

static CK_RV run(struct kc_token_key *key, const struct kc_token_lease *lease,
                 const struct job *job)
{
    CK_SESSION_INFO info;
    switch (job->work) {
    case WORK_SIGN:
        return kc_token_sign(key, lease, job->out, job->size, job->digest);
    case WORK_AGREE:
        return kc_token_agree(key, lease, job->out, job->peer);
    case WORK_UNWRAP:
        return kc_token_unwrap(key, lease, job->out, job->size, job->capacity, job->wrapped);
    case WORK_LOOK:
        break;
    }
    return key->module->C_GetSessionInfo(lease->session, &info);
}

static bool is_data_fault(CK_RV rv)
{
    return rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE;
}

/* Once more when the token was lost and came back at once, as after a fail-over. */
static struct kc_result perform(struct kc_token_key *key, const struct job *job)
{
    for (unsigned tries = 0; tries < 2; tries++) {
        struct kc_token_lease lease = {0};
        struct kc_result result = take(&lease, key);
        if (kc_failed(result)) {
            return result;
        }
        CK_RV rv = run(key, &lease, job);
        rv = is_data_fault(rv) ? CKR_ENCRYPTED_DATA_INVALID : rv;
        give_back(key, &lease, rv);
        if (rv == CKR_OK) {
            return kc_ok();
        }
        if (rv == CKR_ENCRYPTED_DATA_INVALID) {
            return kc_result(KC_CANNOT_UNSEAL);
        }
        if (is_session_good(rv)) {
            return kc_result(KC_CRYPTO_FAILED);
        }
    }
    return kc_result(KC_TOKEN_UNAVAILABLE);
}

static struct kc_result held_ready(void *context)
{
    return perform(context, &(struct job){.work = WORK_LOOK});
}

static struct kc_result held_sign(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX],
                                  size_t *size, const uint8_t digest[KC_DIGEST_SIZE])
{
    const struct job job = {.work = WORK_SIGN, .out = signature, .size = size, .digest = digest};
    return perform(context, &job);
}

static struct kc_result held_agree(void *context, uint8_t shared[KC_P256_COORDINATE_SIZE],
                                   const struct kc_public_key *peer)
{
    return perform(context, &(struct job){.work = WORK_AGREE, .out = shared, .peer = peer});
}

static struct kc_result held_unwrap(void *context, uint8_t *secret, size_t *size, size_t capacity,
                                    struct kc_view wrapped)
{
    const struct job job = {
        .work = WORK_UNWRAP, .out = secret, .size = size, .capacity = capacity, .wrapped = wrapped};
    return perform(context, &job);
}

/* ---- opening ---- */

static bool is_absolute(const char *path)
{
    return path[0] == '/';
}

/* `pin-source` is a path or a file: URI (RFC 7512 §2.4). */
static struct kc_result set_pin_path(struct kc_token_key *key, const struct kc_token_place *place)
{
    static const char scheme[] = "file:";
    const char *source = p11_kit_uri_get_pin_source(key->uri);
    source = source == NULL ? place->pin_file : source;
    if (strncmp(source, scheme, sizeof scheme - 1) == 0) {
        source += sizeof scheme - 1;
        source += strncmp(source, "///", 3) == 0 ? 2 : 0;
    }
    int size =
        snprintf(key->pin_path, sizeof key->pin_path, "%s%s%s",
                 is_absolute(source) ? "" : place->folder, is_absolute(source) ? "" : "/", source);
    return kc_result(size > 0 && (size_t)size < sizeof key->pin_path ? KC_OK : KC_CONFIG_INVALID);
}

/* A PIN in the URI would stand in a configuration that others may read. */
static struct kc_result parse_uri(struct kc_token_key *key, const struct kc_token_place *place)
{
    key->uri = p11_kit_uri_new();
    if (key->uri == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    if (strlen(place->uri) > KC_TOKEN_URI_SIZE_MAX ||
        p11_kit_uri_parse(place->uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, key->uri) !=
            P11_KIT_URI_OK ||
        p11_kit_uri_any_unrecognized(key->uri) != 0 ||
        p11_kit_uri_get_pin_value(key->uri) != NULL ||
        (p11_kit_uri_get_attribute(key->uri, CKA_LABEL) == NULL &&
         p11_kit_uri_get_attribute(key->uri, CKA_ID) == NULL)) {
        kc_log(KC_LOG_ERROR, "no usable pkcs11: URI of a key, with token and object: it names no "
                             "PIN, and neither module version nor slot");
        return kc_result(KC_CONFIG_INVALID);
    }
    memcpy(key->uri_text, place->uri, strcspn(place->uri, "?"));
    return set_pin_path(key, place);
}

/* The module stays in the process once it is loaded: more than one key may be served by it. */
static struct kc_result load_module(struct kc_token_key *key, const struct kc_token_place *place)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_C_GetFunctionList list = NULL;
    const char *path = p11_kit_uri_get_module_path(key->uri);
    path = path == NULL ? place->module : path;
    key->library = is_absolute(path) ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) : NULL;
    void *symbol = key->library == NULL ? NULL : dlsym(key->library, "C_GetFunctionList");
    memcpy(&list, &symbol, sizeof list);
    if (list == NULL || list(&key->module) != CKR_OK || key->module == NULL) {
        kc_log(KC_LOG_ERROR, "'%s' is no PKCS#11 module", path);
        key->module = NULL;
        return kc_result(KC_CONFIG_INVALID);
    }
    CK_RV rv = key->module->C_Initialize(&arguments);
    key->finalizes = rv == CKR_OK;
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        return kc_ok();
    }
    kc_log(KC_LOG_ERROR, "module %s does not start: reason=0x%lx", path, (unsigned long)rv);
    return kc_result(KC_TOKEN_UNAVAILABLE);
}

static struct kc_token_key *make_key(const struct kc_token_place *place)
{
    struct kc_token_key *key = calloc(1, sizeof *key);
    if (key == NULL || pthread_mutex_init(&key->lock, NULL) != 0) {
        free(key);
        return NULL;
    }
    if (pthread_cond_init(&key->given_back, NULL) != 0) {
        (void)pthread_mutex_destroy(&key->lock);
        free(key);
        return NULL;
    }
    key->read_secret = place->read_secret;
    key->held = (struct kc_held_key){.context = key,
                                     .ready = held_ready,
                                     .sign = held_sign,
                                     .agree = held_agree,
                                     .unwrap = held_unwrap};
    return key;
}

static void free_key(struct kc_token_key *key)
{
    for (size_t i = 0; i < key->idle_count; i++) {
        (void)key->module->C_CloseSession(key->idle[i]);
    }
    if (key->finalizes) {
        (void)key->module->C_Finalize(NULL);
    }
    p11_kit_uri_free(key->uri);
    (void)pthread_cond_destroy(&key->given_back);
    (void)pthread_mutex_destroy(&key->lock);
    free(key);
}

static struct kc_result generate(struct kc_token_key *key, enum kc_key_type type,
                                 enum kc_token_use use)
{
    CK_SESSION_HANDLE session = 0;
    struct kc_result result = open_session(&session, key, CKF_RW_SESSION);
    if (!kc_failed(result)) {
        result = kc_token_generate(key, session, type, use);
        (void)key->module->C_CloseSession(session);
    }
    if (!kc_failed(result)) {
        kc_log(KC_LOG_INFO, "token of %s: key made", key->uri_text);
    }
    return result;
}

static struct kc_result open_or_make(struct kc_private_key *out, const struct kc_token_place *place,
                                     enum kc_key_type missing, enum kc_token_use use)
{
    struct kc_token_found found = {0};
    memset(out, 0, sizeof *out);
    struct kc_token_key *key = make_key(place);
    if (key == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    struct kc_result result = parse_uri(key, place);
    if (!kc_failed(result)) {
        result = load_module(key, place);
    }
    if (!kc_failed(result)) {
        result = come_up(&found, key);
        if (result.code == KC_TOKEN_KEY_MISSING && missing != KC_KEY_NONE) {
            result = generate(key, missing, use);
            result = kc_failed(result) ? result : come_up(&found, key);
        }
        if (kc_failed(result)) {
            kc_log(KC_LOG_ERROR, "token of %s: %s", key->uri_text, kc_error_name(result.code));
        }
    }
    if (kc_failed(result)) {
        free_key(key);
        return result;
    }
    key->tried_ns = 0;
    key->type = found.type;
    key->held.public_key = found.public_key;
    out->type = found.type;
    out->held = &key->held;
    return result;
}

struct kc_result kc_token_key_open(struct kc_private_key *out, const struct kc_token_place *place)
{
    return open_or_make(out, place, KC_KEY_NONE, KC_TOKEN_SIGN);
}

struct kc_result kc_token_key_ensure(struct kc_private_key *out, const struct kc_token_place *place,
                                     enum kc_key_type type, enum kc_token_use use)
{
    KC_ASSERT(type != KC_KEY_NONE);
    return open_or_make(out, place, type, use);
}

void kc_token_key_close(struct kc_private_key *key)
{
    if (key->held != NULL) {
        free_key(key->held->context);
    }
    kc_wipe(key, sizeof *key);
}
