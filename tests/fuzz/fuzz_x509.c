/* Does a certificate, revocation list or key file pass that its issuer did not sign or that reads in two ways? First byte: 0 and
 * 1 a leaf, 2 a revocation list, 3 a certificate as PEM, 4 a public and 5 a private key as PEM, 6 what two roots certified of
 * each other. */
#define _GNU_SOURCE

#include <string.h>

#include "crypto/pem.h"
#include "crypto/x509.h"
#include "fuzz.h"

#define NOT_BEFORE UINT64_C(1790000000000)
#define NOW UINT64_C(1795478400000)
#define NOT_AFTER UINT64_C(1800000000000)
#define FORMS 7u

static const uint8_t serials[7][KC_SERIAL_SIZE] = {{1, 2, 3}, {2, 3, 4}, {3, 4, 5}, {0, 0, 7},
                                                   {4, 5, 6}, {5, 6, 7}, {6, 7, 8}};

static struct {
    bool ready;
    uint8_t bytes[7][KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer ders[7]; /* as numbered below */
    struct kc_view list;
} world;

enum { ROOT, ISSUER, SIGN_LEAF, ENCRYPT_LEAF, NEXT_ROOT, NEXT_BY_ROOT, ROOT_BY_NEXT };

static void make(unsigned place, enum kc_profile profile, const char *subject, const char *key,
                 const struct kc_view *issuer, const char *issuer_key)
{
    struct kc_certificate_order order = {.profile = profile,
                                         .serial = serials[place],
                                         .subject = subject,
                                         .key = &kc_fuzz_key(key)->public_key,
                                         .not_before_ms = NOT_BEFORE,
                                         .not_after_ms = NOT_AFTER};
    world.ders[place] =
        (struct kc_buffer){.data = world.bytes[place], .capacity = KC_CERTIFICATE_SIZE_MAX};
    KC_FUZZ_CHECK(!kc_failed(kc_certificate_make(&world.ders[place], &order, issuer,
                                                 &kc_fuzz_key(issuer_key)->private_key)));
}

static struct kc_view der(unsigned place)
{
    return kc_buffer_view(&world.ders[place]);
}

static void prepare(void)
{
    static const struct kc_revoked revoked[] = {{.serial = {9, 9, 9}, .time_ms = NOW, .reason = 1},
                                                {.serial = {8, 8, 8}, .time_ms = NOW, .reason = 4}};
    if (world.ready) {
        return;
    }
    world.ready = true;
    make(ROOT, KC_PROFILE_ROOT, "root", "es256-sign", NULL, "es256-sign");
    struct kc_view root = der(ROOT);
    make(ISSUER, KC_PROFILE_ISSUER, "issuer", "es256-encrypt", &root, "es256-sign");
    struct kc_view issuer = der(ISSUER);
    make(SIGN_LEAF, KC_PROFILE_SIGN, "18", "es256-other", &issuer, "es256-encrypt");
    make(ENCRYPT_LEAF, KC_PROFILE_ENCRYPT, "26", "rs2048-encrypt", &issuer, "es256-encrypt");
    make(NEXT_ROOT, KC_PROFILE_ROOT, "root", "es256-other", NULL, "es256-other");
    struct kc_view next = der(NEXT_ROOT);
    make(NEXT_BY_ROOT, KC_PROFILE_CROSS, "root", "es256-other", &root, "es256-sign");
    make(ROOT_BY_NEXT, KC_PROFILE_CROSS, "root", "es256-sign", &next, "es256-other");
    KC_FUZZ_CHECK(!kc_failed(kc_crl_make(&world.list, revoked, 2, 41, NOW, NOT_AFTER, issuer,
                                         &kc_fuzz_key("es256-encrypt")->private_key)));
}

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    static const char *const key_names[] = {"es256-sign", "rs2048-sign"};
    struct kc_buffer buffer = {.data = out + 1, .capacity = KC_FUZZ_SIZE_MAX - 1};
    struct kc_result result = kc_ok();
    prepare();
    if (index >= 2 * FORMS) {
        return 0;
    }
    const struct kc_vector_key *key = kc_fuzz_key(key_names[index / FORMS]);
    out[0] = (uint8_t)(index % FORMS);
    switch (index % FORMS) {
    case 0:
    case 1:
        result = kc_buffer_append(&buffer, der(index / FORMS == 0 ? SIGN_LEAF : ENCRYPT_LEAF));
        break;
    case 2:
        result = kc_buffer_append(&buffer, world.list);
        break;
    case 3:
        result = kc_certificate_to_pem(&buffer, der(index / FORMS == 0 ? ROOT : ENCRYPT_LEAF));
        break;
    case 4:
        result = kc_pem_write_public(&buffer, &key->public_key);
        break;
    case 6:
        result = index / FORMS == 0
                     ? kc_certificate_pair_write(&buffer, der(NEXT_BY_ROOT), der(ROOT_BY_NEXT))
                     : kc_buffer_append(&buffer, der(NEXT_BY_ROOT));
        break;
    default:
        result = kc_pem_write_private(&buffer, &key->private_key);
        break;
    }
    KC_FUZZ_CHECK(!kc_failed(result));
    return buffer.size + 1;
}

static bool same_key(const struct kc_public_key *a, const struct kc_public_key *b)
{
    uint8_t first_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t second_bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer first = KC_BUFFER(first_bytes);
    struct kc_buffer second = KC_BUFFER(second_bytes);
    return !kc_failed(kc_key_encode(&first, a)) && !kc_failed(kc_key_encode(&second, b)) &&
           kc_view_equal(kc_buffer_view(&first), kc_buffer_view(&second));
}

/* What the chain vouches for says what the issuer wrote into one of its leaves. */
static void check_verified(const struct kc_certificate *leaf)
{
    bool sign = leaf->profile == KC_PROFILE_SIGN;
    KC_FUZZ_CHECK(sign || leaf->profile == KC_PROFILE_ENCRYPT);
    KC_FUZZ_CHECK(strcmp(leaf->subject, sign ? "18" : "26") == 0);
    KC_FUZZ_CHECK(memcmp(leaf->serial, serials[sign ? SIGN_LEAF : ENCRYPT_LEAF], KC_SERIAL_SIZE) ==
                  0);
    KC_FUZZ_CHECK(leaf->not_before_ms == NOT_BEFORE && leaf->not_after_ms == NOT_AFTER);
    KC_FUZZ_CHECK(
        same_key(&leaf->key, &kc_fuzz_key(sign ? "es256-other" : "rs2048-encrypt")->public_key));
}

static void check_leaf(struct kc_view input)
{
    struct kc_certificate read;
    struct kc_certificate verified;
    struct kc_result result = kc_certificate_read(&read, input);
    if (!kc_failed(result)) {
        kc_fuzz_accepted++;
        size_t size = strnlen(read.subject, sizeof read.subject);
        KC_FUZZ_CHECK(size > 0 && size < sizeof read.subject);
        KC_FUZZ_CHECK(read.key.type != KC_KEY_NONE);
    }
    struct kc_result chain = kc_certificate_verify(&verified, input, der(ISSUER), der(ROOT), NOW);
    KC_FUZZ_CHECK(kc_failed(chain) || !kc_failed(result));
    if (!kc_failed(chain)) {
        check_verified(&verified);
    }
    KC_FUZZ_CHECK(
        kc_failed(kc_certificate_verify(&verified, der(SIGN_LEAF), input, der(ROOT), NOW)));
    KC_FUZZ_CHECK(
        kc_failed(kc_certificate_verify(&verified, der(SIGN_LEAF), der(ISSUER), input, NOW)));
    KC_FUZZ_CHECK(kc_failed(
        kc_certificate_verify(&verified, input, der(ISSUER), der(ROOT), NOT_AFTER + 86400000)));
}

static void check_list(struct kc_view input)
{
    static const uint8_t listed[KC_SERIAL_SIZE] = {8, 8, 8};
    struct kc_crl *list = NULL;
    if (kc_failed(kc_crl_read(&list, input, der(ISSUER)))) {
        KC_FUZZ_CHECK(list == NULL);
        return;
    }
    kc_fuzz_accepted++;
    KC_FUZZ_CHECK(kc_crl_count(list) == 2 && kc_crl_number(list) == 41);
    KC_FUZZ_CHECK(kc_crl_next_update_ms(list) == NOT_AFTER);
    KC_FUZZ_CHECK(kc_crl_has(list, listed) && !kc_crl_has(list, serials[0]));
    kc_crl_free(list);
}

static void check_pem(struct kc_view input)
{
    static uint8_t text_bytes[2 * KC_FUZZ_SIZE_MAX];
    static uint8_t first_bytes[KC_FUZZ_SIZE_MAX];
    static uint8_t second_bytes[KC_FUZZ_SIZE_MAX];
    struct kc_buffer first = KC_BUFFER(first_bytes);
    struct kc_buffer second = KC_BUFFER(second_bytes);
    struct kc_buffer text = KC_BUFFER(text_bytes);
    if (!kc_failed(kc_certificate_from_pem(&first, input))) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(!kc_failed(kc_certificate_to_pem(&text, kc_buffer_view(&first))));
        KC_FUZZ_CHECK(!kc_failed(kc_certificate_from_pem(&second, kc_buffer_view(&text))));
        KC_FUZZ_CHECK(kc_view_equal(kc_buffer_view(&first), kc_buffer_view(&second)));
    }
}

static void check_public(struct kc_view input)
{
    struct kc_public_key key;
    struct kc_public_key again;
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    if (!kc_failed(kc_pem_read_public(&key, input))) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(!kc_failed(kc_pem_write_public(&buffer, &key)));
        KC_FUZZ_CHECK(!kc_failed(kc_pem_read_public(&again, kc_buffer_view(&buffer))));
        KC_FUZZ_CHECK(same_key(&key, &again));
    }
}

static void check_private(struct kc_view input)
{
    struct kc_private_key key;
    struct kc_private_key again;
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    memset(&key, 0, sizeof key);
    memset(&again, 0, sizeof again);
    if (!kc_failed(kc_pem_read_private(&key, input))) {
        kc_fuzz_accepted++;
        if (!kc_failed(kc_pem_write_private(&buffer, &key))) {
            KC_FUZZ_CHECK(!kc_failed(kc_pem_read_private(&again, kc_buffer_view(&buffer))));
            KC_FUZZ_CHECK(memcmp(&key, &again, sizeof key) == 0);
        }
    }
}

/* What passes says what the root wrote. */
static void check_cross(struct kc_view cross, unsigned of, unsigned by)
{
    struct kc_certificate read;
    uint64_t until_ms = 0;
    if (!kc_failed(kc_certificate_verify_cross(&until_ms, der(of), cross, der(by), NOW))) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(until_ms == NOT_AFTER && !kc_failed(kc_certificate_read(&read, cross)));
        KC_FUZZ_CHECK(read.profile == KC_PROFILE_CROSS && strcmp(read.subject, "root") == 0);
        unsigned place = of == ROOT ? ROOT_BY_NEXT : NEXT_BY_ROOT;
        KC_FUZZ_CHECK(memcmp(read.serial, serials[place], KC_SERIAL_SIZE) == 0);
    }
}

static void check_pair(struct kc_view input)
{
    struct kc_view parts[2] = {input, input};
    static uint8_t bytes[KC_FUZZ_SIZE_MAX];
    struct kc_buffer again = KC_BUFFER(bytes);
    struct kc_certificate read;
    uint64_t until_ms = 0;
    if (!kc_failed(kc_certificate_pair_read(&parts[0], &parts[1], input))) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(!kc_failed(kc_certificate_pair_write(&again, parts[0], parts[1])));
        KC_FUZZ_CHECK(kc_view_equal(kc_buffer_view(&again), input));
    }
    for (size_t i = 0; i < 2; i++) {
        check_cross(parts[i], NEXT_ROOT, ROOT);
        check_cross(parts[i], ROOT, NEXT_ROOT);
        /* As the root that is certified, whoever made it. */
        KC_FUZZ_CHECK(kc_failed(kc_certificate_verify_cross(&until_ms, parts[i], der(NEXT_BY_ROOT),
                                                            der(ROOT), NOW)) ||
                      (!kc_failed(kc_certificate_read(&read, parts[i])) &&
                       memcmp(read.serial, serials[NEXT_ROOT], KC_SERIAL_SIZE) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[FORMS])(struct kc_view) = {
        check_leaf, check_leaf, check_list, check_pem, check_public, check_private, check_pair};
    prepare();
    if (size > 0 && size <= KC_FUZZ_SIZE_MAX) {
        checks[data[0] % FORMS](kc_view(data + 1, size - 1));
    }
    return 0;
}
