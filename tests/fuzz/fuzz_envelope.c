/* Does an envelope, signature or seal open that the holder of the key did not make? First byte: 0 an
 * envelope as it comes; 1 a plain
 * message, then sealed and signed as it should be; 2 sealed bytes, then signed as they should be; 3 a seal as it comes. Its upper
 * half chooses the suite. */
#include <string.h>

#include "fuzz.h"
#include "message/generated/messages.h"
#include "sample.h"

#define TIME_MS UINT64_C(1795478400000)
#define SEED_MAX 96

static uint64_t message[4096 / sizeof(uint64_t)];
static uint8_t plain_bytes[KC_FUZZ_SIZE_MAX];
static uint8_t sealed_bytes[KC_FUZZ_SIZE_MAX];
static uint8_t signed_bytes[2 * KC_FUZZ_SIZE_MAX];

/* The plain messages that the honest sender sealed, by digest: the same in every process, unlike their seals. */
static uint8_t made[SEED_MAX][KC_DIGEST_SIZE];
static size_t made_count;

struct parties {
    const struct kc_vector_key *signer;
    const struct kc_vector_key *recipient;
};

static struct parties parties_of(uint8_t first)
{
    bool rsa = (first & 0x80u) != 0;
    return (struct parties){.signer = kc_fuzz_key(rsa ? "rs2048-sign" : "es256-sign"),
                            .recipient = kc_fuzz_key(rsa ? "rs2048-encrypt" : "es256-encrypt")};
}

static const struct kc_shape *shape_at(size_t index)
{
    static const struct kc_shape *const shapes[] = {&kc_cash_request_shape, &kc_cash_quote_shape,
                                                    &kc_completion_shape, &kc_refusal_shape,
                                                    &kc_open_request_shape};
    return index < sizeof shapes / sizeof shapes[0] ? shapes[index] : NULL;
}

static struct kc_result seal(struct kc_buffer *out, const struct parties *parties,
                             const struct kc_shape *shape, struct kc_view plain)
{
    return kc_seal(out, kc_fuzz_crypto(), &parties->recipient->public_key, &kc_fuzz_keys()->realm,
                   shape->domain, plain);
}

static struct kc_result sign(struct kc_buffer *out, const struct parties *parties,
                             const struct kc_shape *shape, struct kc_view payload)
{
    struct kc_signer signer = kc_fuzz_signer(parties->signer);
    return kc_sign(out, kc_fuzz_crypto(), &signer, &kc_fuzz_keys()->realm, shape->domain, TIME_MS,
                   payload);
}

static void remember(struct kc_view plain)
{
    KC_FUZZ_CHECK(made_count < SEED_MAX);
    kc_digest(kc_fuzz_crypto(), made[made_count++], plain);
}

static bool was_made(struct kc_view plain)
{
    uint8_t digest[KC_DIGEST_SIZE];
    kc_digest(kc_fuzz_crypto(), digest, plain);
    for (size_t i = 0; i < made_count; i++) {
        if (memcmp(made[i], digest, sizeof digest) == 0) {
            return true;
        }
    }
    return false;
}

/* A short sample of each shape in each of the four forms and two suites. */
size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    const struct kc_shape *shape = shape_at(index / 8);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer sealed = KC_BUFFER(sealed_bytes);
    struct kc_buffer whole = KC_BUFFER(signed_bytes);
    if (shape == NULL) {
        return 0;
    }
    out[0] = (uint8_t)(index % 4 | (index / 4 % 2 << 7));
    struct parties parties = parties_of(out[0]);
    kc_sample_fill(message, shape, false, TIME_MS);
    KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(&plain, shape, message)));
    KC_FUZZ_CHECK(!kc_failed(seal(&sealed, &parties, shape, kc_buffer_view(&plain))));
    KC_FUZZ_CHECK(!kc_failed(sign(&whole, &parties, shape, kc_buffer_view(&sealed))));
    remember(kc_buffer_view(&plain));
    const struct kc_buffer *form = index % 4 == 0 ? &whole : index % 4 == 1 ? &plain : &sealed;
    memcpy(out + 1, form->data, form->size);
    return form->size + 1;
}

/* What parses as signed bytes is written in one way only. */
static void check_parsed(const struct kc_signed *parsed, struct kc_view input)
{
    static uint8_t again[KC_FUZZ_SIZE_MAX];
    struct kc_writer writer;
    kc_writer_init(&writer, again, sizeof again);
    kc_write_array(&writer, 4);
    kc_write_bytes(&writer, parsed->protected_header);
    kc_write_map(&writer, 0);
    kc_write_bytes(&writer, parsed->payload);
    kc_write_bytes(&writer, parsed->signature);
    KC_FUZZ_CHECK(kc_view_equal(kc_writer_view(&writer), input));
    KC_FUZZ_CHECK(parsed->has_time == (parsed->time_ms != 0));
}

static struct kc_result open(const struct kc_signed *parsed, struct kc_buffer *plain,
                             const struct parties *parties, const struct kc_shape *shape)
{
    return kc_envelope_open(message, plain, parsed, kc_fuzz_crypto(), &parties->signer->public_key,
                            &parties->recipient->private_key, &kc_fuzz_keys()->realm, shape);
}

static void check_envelope(const struct parties *parties, struct kc_view input)
{
    struct kc_signed parsed;
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    if (kc_failed(kc_signed_parse(&parsed, input))) {
        KC_FUZZ_CHECK(parsed.payload.size == 0 && parsed.signature.size == 0);
        return;
    }
    check_parsed(&parsed, input);
    const struct kc_shape *shape = kc_signed_shape(&parsed);
    if (shape != NULL && !kc_failed(open(&parsed, &plain, parties, shape))) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(was_made(kc_buffer_view(&plain)) && parsed.time_ms == TIME_MS);
    }
}

/* A message that its sender sealed and signed opens exactly when it decodes. */
static void check_plain(const struct parties *parties, struct kc_view input)
{
    const struct kc_shape *shape = kc_shape_of_number(kc_shape_number(input));
    struct kc_buffer sealed = KC_BUFFER(sealed_bytes);
    struct kc_buffer whole = KC_BUFFER(signed_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signed parsed;
    shape = shape == NULL || shape->domain == NULL ? &kc_refusal_shape : shape;
    if (input.size > KC_PLAIN_SIZE_MAX) {
        return;
    }
    struct kc_result decoded = kc_shape_decode(message, shape, input);
    KC_FUZZ_CHECK(!kc_failed(seal(&sealed, parties, shape, input)));
    KC_FUZZ_CHECK(!kc_failed(sign(&whole, parties, shape, kc_buffer_view(&sealed))));
    KC_FUZZ_CHECK(!kc_failed(kc_signed_parse(&parsed, kc_buffer_view(&whole))));
    KC_FUZZ_CHECK(open(&parsed, &plain, parties, shape).code == decoded.code);
    KC_FUZZ_CHECK(kc_view_equal(kc_buffer_view(&plain), input));
    kc_fuzz_accepted += kc_failed(decoded) ? 0 : 1;
}

/* A signer that sends what was sealed by another, changed: the seal must not open to anything new. */
static void check_sealed(const struct parties *parties, const struct kc_shape *shape,
                         struct kc_view input)
{
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_result result = kc_unseal(&plain, kc_fuzz_crypto(), &parties->recipient->private_key,
                                        &kc_fuzz_keys()->realm, shape->domain, input);
    KC_FUZZ_CHECK(!kc_failed(result) || plain.size == 0);
    if (!kc_failed(result)) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(was_made(kc_buffer_view(&plain)));
    }
}

static void check_signed_seal(const struct parties *parties, struct kc_view input)
{
    struct kc_buffer whole = KC_BUFFER(signed_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signed parsed;
    for (size_t i = 0; shape_at(i) != NULL; i++) {
        KC_FUZZ_CHECK(!kc_failed(sign(&whole, parties, shape_at(i), input)));
        KC_FUZZ_CHECK(!kc_failed(kc_signed_parse(&parsed, kc_buffer_view(&whole))));
        if (!kc_failed(open(&parsed, &plain, parties, shape_at(i)))) {
            kc_fuzz_accepted++;
            KC_FUZZ_CHECK(was_made(kc_buffer_view(&plain)));
        }
    }
}

/* The honest sender's messages, for drivers that bring their own corpus. */
static void prepare(void)
{
    static uint8_t bytes[KC_FUZZ_SIZE_MAX];
    for (size_t i = 0; made_count < 40; i++) {
        KC_FUZZ_CHECK(kc_fuzz_seed(i, bytes) > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    if (size == 0 || size > KC_FUZZ_SIZE_MAX - 1024) {
        return 0;
    }
    struct parties parties = parties_of(data[0]);
    struct kc_view input = kc_view(data + 1, size - 1);
    switch (data[0] & 3u) {
    case 0:
        check_envelope(&parties, input);
        break;
    case 1:
        check_plain(&parties, input);
        break;
    case 2:
        check_signed_seal(&parties, input);
        break;
    default:
        for (size_t i = 0; shape_at(i) != NULL; i++) {
            check_sealed(&parties, shape_at(i), input);
        }
        break;
    }
    return 0;
}
