/* check-vectors FOLDER: opens every published vector and wants the outcome it names. Prints TAP.
 * check-vectors FOLDER FILE: only those of a file, with the keys of the folder; the outcome "refused" stands for any error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/libcrypto.h"
#include "message/identity.h"
#include "message/print.h"
#include "vector_keys.h"

#define MESSAGE_STRUCT_MAX 4096
/* A purse's whole state and an evidence file are larger than any message; they are stored, never sent. */
#define RECORD_SIZE_MAX 32768

struct checker {
    struct kc_crypto crypto;
    struct kc_vector_keys keys;
    unsigned count;
    unsigned failed;
    uint64_t message[MESSAGE_STRUCT_MAX / sizeof(uint64_t)];
    uint8_t bytes[RECORD_SIZE_MAX + 16];
    uint8_t plain[KC_MESSAGE_SIZE_MAX];
    char text[4 * RECORD_SIZE_MAX];
};

static struct kc_result open_signed(struct checker *checker, const struct kc_shape *shape,
                                    const struct kc_vector_key *signer, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_signed_verify(&parsed, &checker->crypto, &signer->public_key,
                                  &checker->keys.realm, shape->domain);
    }
    return kc_failed(result) ? result : kc_shape_decode(checker->message, shape, parsed.payload);
}

static struct kc_result open_brief(struct checker *checker, const struct kc_shape *shape,
                                   const struct kc_vector_key *signer, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_brief_verify(&parsed, &checker->crypto, &signer->public_key,
                                 &checker->keys.realm, shape->domain);
    }
    return kc_failed(result) ? result : kc_shape_decode(checker->message, shape, parsed.payload);
}

/* The time in the message, which the table puts last in every message. */
static uint64_t time_inside(const struct checker *checker, const struct kc_shape *shape)
{
    uint64_t time_ms;
    const struct kc_field *last = &shape->fields[shape->field_count - 1];
    memcpy(&time_ms, (const uint8_t *)checker->message + last->offset, sizeof time_ms);
    return time_ms;
}

static struct kc_result open_envelope(struct checker *checker, const struct kc_shape *shape,
                                      const struct kc_vector_key *signer,
                                      const struct kc_vector_key *recipient, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_buffer plain = KC_BUFFER(checker->plain);
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_envelope_open(checker->message, &plain, &parsed, &checker->crypto,
                                  &signer->public_key, &recipient->private_key,
                                  &checker->keys.realm, shape);
    }
    if (!kc_failed(result) && time_inside(checker, shape) != parsed.time_ms) {
        result = kc_result(KC_MISMATCH);
    }
    return result;
}

/* A record of the card whose secret is 32 times 5e. */
static struct kc_result open_marked(struct checker *checker, const struct kc_shape *shape,
                                    struct kc_view bytes)
{
    struct kc_signed parsed;
    uint8_t secret[KC_MAC_SECRET_SIZE];
    memset(secret, 0x5e, sizeof secret);
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_brief_verify_mac(&parsed, &checker->crypto, secret, &checker->keys.realm,
                                     shape->domain);
    }
    return kc_failed(result) ? result : kc_shape_decode(checker->message, shape, parsed.payload);
}

/* Opens an identity and writes it again: there is one encoding of what was read. */
static struct kc_result open_identity(struct checker *checker, const struct kc_vector_key *signer,
                                      struct kc_view bytes)
{
    struct kc_identity identity;
    struct kc_signed parsed;
    struct kc_buffer again = KC_BUFFER(checker->plain);
    struct kc_result result = kc_identity_open(&identity, &checker->crypto, &signer->public_key,
                                               &checker->keys.realm, bytes);
    if (!kc_failed(result)) {
        result = kc_brief_parse(&parsed, bytes);
    }
    if (!kc_failed(result)) {
        result = kc_identity_encode(&again, &identity);
    }
    if (!kc_failed(result) && !kc_view_equal(kc_buffer_view(&again), parsed.payload)) {
        result = kc_result(KC_INTERNAL);
    }
    return result;
}

static struct kc_result open_vector(struct checker *checker, const struct kc_shape *shape,
                                    const json_t *vector, struct kc_view bytes)
{
    const char *form = json_string_value(json_object_get(vector, "form"));
    const struct kc_vector_key *signer =
        kc_vector_key_find(&checker->keys, json_string_value(json_object_get(vector, "signer")));
    const struct kc_vector_key *recipient =
        kc_vector_key_find(&checker->keys, json_string_value(json_object_get(vector, "recipient")));
    if (strcmp(form, "identity") == 0) {
        return open_identity(checker, signer, bytes);
    }
    if (strcmp(form, "plain") == 0) {
        return kc_shape_decode(checker->message, shape, bytes);
    }
    if (strcmp(form, "signed") == 0) {
        return open_signed(checker, shape, signer, bytes);
    }
    if (strcmp(form, "mac") == 0) {
        return open_marked(checker, shape, bytes);
    }
    if (strcmp(form, "brief") == 0) {
        return open_brief(checker, shape, signer, bytes);
    }
    return open_envelope(checker, shape, signer, recipient, bytes);
}

static bool fields_agree(struct checker *checker, const struct kc_shape *shape,
                         const json_t *fields)
{
    struct kc_buffer text = {.data = (uint8_t *)checker->text, .capacity = sizeof checker->text};
    if (kc_failed(kc_message_print(&text, shape, checker->message, true))) {
        return false;
    }
    json_t *read = json_loads(checker->text, 0, NULL);
    bool equal = read != NULL && json_equal(read, fields) == 1;
    json_decref(read);
    return equal;
}

static void check(struct checker *checker, const struct kc_shape *shape, const json_t *vector)
{
    const char *expect = json_string_value(json_object_get(vector, "expect"));
    const json_t *fields = json_object_get(vector, "fields");
    struct kc_buffer bytes = KC_BUFFER(checker->bytes);
    bool good = kc_vector_unhex(&bytes, json_string_value(json_object_get(vector, "bytes")));
    struct kc_result result = open_vector(checker, shape, vector, kc_buffer_view(&bytes));
    const char *found = kc_error_name(result.code);
    bool refused = strcmp(expect, "refused") == 0 && kc_failed(result);
    good = good && (refused || strcmp(found, expect) == 0);
    good = good && (fields == NULL || fields_agree(checker, shape, fields));
    checker->count += 1;
    checker->failed += good ? 0 : 1;
    (void)printf("%s %u - %s %s: want %s, found %s\n", good ? "ok" : "not ok", checker->count,
                 shape == NULL ? "identity" : kc_shape_name_of(shape),
                 json_string_value(json_object_get(vector, "name")), expect, found);
}

/* The shape that a vector names, or NULL for what is in no table. */
static const struct kc_shape *shape_named(const char *name)
{
    for (size_t i = 0; name != NULL && i < KC_SHAPE_COUNT; i++) {
        if (strcmp(kc_shape_name_of(kc_shapes[i]), name) == 0) {
            return kc_shapes[i];
        }
    }
    return NULL;
}

/* Without a shape each vector names its own. */
static void check_file(struct checker *checker, const struct kc_shape *shape, const char *path)
{
    json_t *list = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (json_array_size(list) == 0) {
        checker->count += 1;
        checker->failed += 1;
        (void)printf("not ok %u - %s has no vectors\n", checker->count, path);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *vector = json_array_get(list, i);
        const char *message = json_string_value(json_object_get(vector, "message"));
        check(checker, shape == NULL ? shape_named(message) : shape, vector);
    }
    json_decref(list);
}

static void check_named(struct checker *checker, const struct kc_shape *shape, const char *folder,
                        const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s.json", folder, name);
    check_file(checker, shape, path);
}

static void check_folder(struct checker *checker, const char *folder)
{
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        check_named(checker, kc_shapes[i], folder, kc_shape_name_of(kc_shapes[i]));
    }
    check_named(checker, NULL, folder, "identity");
    check_named(checker, NULL, folder, "hostile");
}

int main(int argc, char **argv)
{
    static struct checker checker;
    if (argc < 2 || argc > 3 || kc_failed(kc_libcrypto_open(&checker.crypto, 16)) ||
        !kc_vector_keys_load(&checker.keys, argv[1])) {
        (void)printf("Bail out! usage: check-vectors FOLDER [FILE]\n");
        return EXIT_FAILURE;
    }
    if (argc == 3) {
        check_file(&checker, NULL, argv[2]);
    } else {
        check_folder(&checker, argv[1]);
    }
    (void)printf("1..%u\n", checker.count);
    kc_libcrypto_close(&checker.crypto);
    return checker.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
