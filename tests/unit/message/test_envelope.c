/* Does every message of the table travel sealed and signed, and only between the two it is meant for? */
#include "message/generated/messages.h"
#include "parties.h"
#include "sample.h"

static uint64_t message[STRUCT_WORDS];
static uint64_t opened[STRUCT_WORDS];
static uint8_t envelope_bytes[KC_MESSAGE_SIZE_MAX];
static uint8_t plain_bytes[KC_PLAIN_SIZE_MAX];
static struct kc_envelope_work work;

static struct kc_result make(struct kc_buffer *out, size_t suite, const struct kc_shape *shape,
                             bool full)
{
    struct kc_signer signer = signer_of(key_of(suite, "sign"));
    kc_sample_fill(message, shape, full, TIME_MS);
    return kc_envelope_make(out, &work, &crypto, &signer, &key_of(suite, "encrypt")->public_key,
                            &keys.realm, TIME_MS, shape, message);
}

static struct kc_result open(size_t suite, const struct kc_shape *shape, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    return kc_failed(result)
               ? result
               : kc_envelope_open(opened, &plain, &parsed, &crypto,
                                  &key_of(suite, "sign")->public_key,
                                  &key_of(suite, "encrypt")->private_key, &keys.realm, shape);
}

static bool travels(const struct kc_shape *shape)
{
    return shape->domain != NULL && shape != &kc_certified_shape && shape != &kc_key_proof_shape;
}

/* shows: R-CASH-2 R-DATA-9 R-SEC-2 R-SEC-3 */
static void every_message_travels_in_every_suite(void **state)
{
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < KC_SHAPE_COUNT * SUITE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i / SUITE_COUNT];
        struct kc_buffer out = KC_BUFFER(envelope_bytes);
        struct kc_signed parsed;
        if (!travels(shape)) {
            continue;
        }
        assert_ok(make(&out, i % SUITE_COUNT, shape, false));
        assert_ok(kc_signed_parse(&parsed, kc_buffer_view(&out)));
        assert_ptr_equal(kc_signed_shape(&parsed), shape);
        assert_true(parsed.has_time && parsed.time_ms == TIME_MS);
        assert_ok(open(i % SUITE_COUNT, shape, kc_buffer_view(&out)));
        uint8_t again[KC_PLAIN_SIZE_MAX];
        uint8_t first[KC_PLAIN_SIZE_MAX];
        struct kc_buffer one = KC_BUFFER(first);
        struct kc_buffer two = KC_BUFFER(again);
        assert_ok(kc_shape_encode(&one, shape, message));
        assert_ok(kc_shape_encode(&two, shape, opened));
        assert_true(kc_view_equal(kc_buffer_view(&one), kc_buffer_view(&two)));
        count++;
    }
    assert_true(count >= 15 * SUITE_COUNT);
}

static void a_message_opens_as_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        struct kc_buffer out = KC_BUFFER(envelope_bytes);
        if (!travels(kc_shapes[i])) {
            continue;
        }
        assert_ok(make(&out, 0, kc_shapes[i], false));
        for (size_t j = 0; j < KC_SHAPE_COUNT; j++) {
            if (kc_shapes[j]->domain != NULL && j != i) {
                assert_int_equal(open(0, kc_shapes[j], kc_buffer_view(&out)).code, KC_WRONG_DOMAIN);
            }
        }
    }
}

static void the_plain_message_is_wiped_after_sealing(void **state)
{
    struct kc_buffer out = KC_BUFFER(envelope_bytes);
    (void)state;
    memset(&work, 0xee, sizeof work);
    assert_ok(make(&out, 0, &kc_refusal_shape, true));
    uint8_t encoded[KC_PLAIN_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(encoded);
    assert_ok(kc_shape_encode(&plain, &kc_refusal_shape, message));
    for (size_t i = 0; i < plain.size; i++) {
        assert_int_equal(work.plain[i], 0);
    }
}

static void an_envelope_without_a_time_is_refused(void **state)
{
    uint8_t sealed_bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_buffer sealed = KC_BUFFER(sealed_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = KC_BUFFER(envelope_bytes);
    struct kc_signer signer = signer_of(key_of(0, "sign"));
    const struct kc_shape *shape = &kc_refusal_shape;
    (void)state;
    kc_sample_fill(message, shape, false, TIME_MS);
    assert_ok(kc_shape_encode(&plain, shape, message));
    assert_ok(kc_seal(&sealed, &crypto, &key_of(0, "encrypt")->public_key, &keys.realm,
                      shape->domain, kc_buffer_view(&plain)));
    assert_ok(
        kc_sign(&out, &crypto, &signer, &keys.realm, shape->domain, 0, kc_buffer_view(&sealed)));
    assert_int_equal(open(0, shape, kc_buffer_view(&out)).code, KC_MALFORMED);
}

/* The seal of one message under the signature of another purpose does not open. */
static void seal_and_signature_serve_one_purpose(void **state)
{
    uint8_t sealed_bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_buffer sealed = KC_BUFFER(sealed_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = KC_BUFFER(envelope_bytes);
    struct kc_signer signer = signer_of(key_of(0, "sign"));
    const struct kc_shape *shape = &kc_refusal_shape;
    (void)state;
    kc_sample_fill(message, shape, false, TIME_MS);
    assert_ok(kc_shape_encode(&plain, shape, message));
    assert_ok(kc_seal(&sealed, &crypto, &key_of(0, "encrypt")->public_key, &keys.realm,
                      kc_completion_shape.domain, kc_buffer_view(&plain)));
    assert_ok(kc_sign(&out, &crypto, &signer, &keys.realm, shape->domain, TIME_MS,
                      kc_buffer_view(&sealed)));
    assert_int_equal(open(0, shape, kc_buffer_view(&out)).code, KC_CANNOT_UNSEAL);
}

static void an_envelope_too_large_is_an_error(void **state)
{
    struct kc_buffer out = KC_BUFFER(envelope_bytes);
    (void)state;
    out.capacity = 200;
    assert_int_equal(make(&out, 0, &kc_refusal_shape, false).code, KC_BUFFER_SMALL);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_travels_in_every_suite),
        cmocka_unit_test(a_message_opens_as_no_other),
        cmocka_unit_test(the_plain_message_is_wiped_after_sealing),
        cmocka_unit_test(an_envelope_without_a_time_is_refused),
        cmocka_unit_test(seal_and_signature_serve_one_purpose),
        cmocka_unit_test(an_envelope_too_large_is_an_error),
    };
    return cmocka_run_group_tests(tests, parties_open, parties_close);
}
