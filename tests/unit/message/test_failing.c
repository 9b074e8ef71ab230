/* Does a failing operation of the crypto port reach the caller by name, with nothing of the message left in the output? */
#include "parties.h"

#define DOMAIN "kinchaku/1-cash-request"

static struct kc_crypto failing;
static const char *which;
static const uint8_t plain_text[] = "what nobody may see of a message that was not made";
static uint8_t sealed_bytes[2048];
static uint8_t out_bytes[4096];

#define FAIL_OR(name, ...)                                                                         \
    return strcmp(which, #name) == 0 ? kc_result(KC_CRYPTO_FAILED) : crypto.name(__VA_ARGS__)

static struct kc_result fail_random(void *context, uint8_t *out, size_t size)
{
    FAIL_OR(random, context, out, size);
}

static struct kc_result fail_generate(void *context, struct kc_private_key *private_key,
                                      struct kc_public_key *public_key, enum kc_key_type type)
{
    FAIL_OR(generate, context, private_key, public_key, type);
}

static struct kc_result fail_sign(void *context, uint8_t *signature, size_t *size,
                                  const struct kc_private_key *key, const uint8_t *digest)
{
    FAIL_OR(sign, context, signature, size, key, digest);
}

static struct kc_result fail_agree(void *context, uint8_t *shared, const struct kc_private_key *key,
                                   const struct kc_public_key *peer)
{
    FAIL_OR(agree, context, shared, key, peer);
}

static struct kc_result fail_wrap(void *context, uint8_t *out, size_t *size,
                                  const struct kc_public_key *key, struct kc_view secret)
{
    FAIL_OR(wrap, context, out, size, key, secret);
}

static struct kc_result fail_unwrap(void *context, uint8_t *secret, size_t *size, size_t capacity,
                                    const struct kc_private_key *key, struct kc_view wrapped)
{
    FAIL_OR(unwrap, context, secret, size, capacity, key, wrapped);
}

static struct kc_result fail_gcm_seal(void *context, uint8_t *tag, uint8_t *text, size_t size,
                                      const uint8_t *key, const uint8_t *iv, struct kc_view aad)
{
    FAIL_OR(gcm_seal, context, tag, text, size, key, iv, aad);
}

static struct kc_result fail_gcm_open(void *context, uint8_t *text, size_t size, const uint8_t *tag,
                                      const uint8_t *key, const uint8_t *iv, struct kc_view aad)
{
    FAIL_OR(gcm_open, context, text, size, tag, key, iv, aad);
}

static int open_failing(void **state)
{
    int status = parties_open(state);
    failing = crypto;
    failing.random = fail_random;
    failing.generate = fail_generate;
    failing.sign = fail_sign;
    failing.agree = fail_agree;
    failing.wrap = fail_wrap;
    failing.unwrap = fail_unwrap;
    failing.gcm_seal = fail_gcm_seal;
    failing.gcm_open = fail_gcm_open;
    return status;
}

static struct kc_view plain(void)
{
    return kc_view(plain_text, sizeof plain_text);
}

static bool shows_plain(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i++) {
        if (memcmp(bytes + i, plain_text, 8) == 0) {
            return true;
        }
    }
    return false;
}

static struct kc_result seal(struct kc_buffer *out, size_t suite)
{
    memset(out->data, 0xee, out->capacity);
    return kc_seal(out, &failing, &key_of(suite, "encrypt")->public_key, &keys.realm, DOMAIN,
                   plain());
}

/* shows: R-SEC-2 */
static void sealing_fails_whole(void **state)
{
    static const char *const by_suite[2][4] = {{"random", "generate", "agree", "gcm_seal"},
                                               {"random", "random", "wrap", "gcm_seal"}};
    (void)state;
    for (size_t suite = 0; suite < 2; suite++) {
        struct kc_buffer out = KC_BUFFER(sealed_bytes);
        which = "none";
        assert_ok(seal(&out, suite));
        for (size_t i = 0; i < 4; i++) {
            which = by_suite[suite][i];
            struct kc_result result = seal(&out, suite);
            assert_int_equal(result.code, KC_CRYPTO_FAILED);
            assert_int_equal(out.size, 0);
            assert_false(shows_plain(sealed_bytes, sizeof sealed_bytes));
        }
    }
}

static void unsealing_fails_whole(void **state)
{
    static const char *const by_suite[2][2] = {{"agree", "gcm_open"}, {"unwrap", "gcm_open"}};
    (void)state;
    for (size_t suite = 0; suite < 2; suite++) {
        struct kc_buffer sealed = KC_BUFFER(sealed_bytes);
        which = "none";
        assert_ok(seal(&sealed, suite));
        for (size_t i = 0; i < 2; i++) {
            struct kc_buffer out = KC_BUFFER(out_bytes);
            memset(out_bytes, 0xee, sizeof out_bytes);
            which = by_suite[suite][i];
            struct kc_result result =
                kc_unseal(&out, &failing, &key_of(suite, "encrypt")->private_key, &keys.realm,
                          DOMAIN, kc_buffer_view(&sealed));
            assert_true(kc_failed(result));
            assert_int_equal(out.size, 0);
            assert_false(shows_plain(out_bytes, sizeof out_bytes));
        }
    }
}

static void signing_fails_whole(void **state)
{
    (void)state;
    which = "sign";
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_buffer out = KC_BUFFER(out_bytes);
        struct kc_signer signer = signer_of(key_of(suite, "sign"));
        out.size = 7;
        assert_int_equal(
            kc_sign(&out, &failing, &signer, &keys.realm, DOMAIN, TIME_MS, plain()).code,
            KC_CRYPTO_FAILED);
        assert_int_equal(out.size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealing_fails_whole),
        cmocka_unit_test(unsealing_fails_whole),
        cmocka_unit_test(signing_fails_whole),
    };
    return cmocka_run_group_tests(tests, open_failing, parties_close);
}
