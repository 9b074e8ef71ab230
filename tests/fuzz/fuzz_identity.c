/* Does a purse take an identity or a key in a second encoding, or one the bank did not sign? First byte: 0
 * claims, 1 a key, 2 signed
 * bytes as they come. */
#include <string.h>

#include "fuzz.h"
#include "message/identity.h"

/* The last is of a card without keys. */
static const char *const names[] = {"es256-sign", "rs2048-sign", "rs3072-sign", ""};
#define NAME_COUNT (sizeof names / sizeof names[0])

static struct kc_identity make_identity(const char *name)
{
    struct kc_identity identity = {.bank = kc_fuzz_keys()->realm.bank,
                                   .purse_type = KC_PURSE_TYPE_UIM,
                                   .account = kc_account_nth(1234),
                                   .purse = kc_purse_nth(99),
                                   .issued_s = 1795478400,
                                   .expires_s = 1895478400};
    if (name[0] != '\0') {
        identity.key = kc_fuzz_key(name)->public_key;
    } else {
        identity.purse_type = KC_PURSE_TYPE_BEARER;
        memset(identity.secret, 0x5e, sizeof identity.secret);
    }
    return identity;
}

static struct kc_result sign(struct kc_buffer *out, struct kc_view claims)
{
    return kc_sign_brief(out, kc_fuzz_crypto(), &kc_fuzz_key("es256-other")->private_key,
                         &kc_fuzz_keys()->realm, KC_IDENTITY_DOMAIN, claims);
}

static struct kc_result encode_key(struct kc_buffer *out, const struct kc_public_key *key)
{
    return key->type == KC_KEY_NONE ? kc_ok() : kc_key_encode(out, key);
}

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    uint8_t claims_bytes[1024];
    struct kc_buffer claims = KC_BUFFER(claims_bytes);
    struct kc_buffer buffer = {.data = out + 1, .capacity = KC_FUZZ_SIZE_MAX - 1};
    if (index >= 3 * NAME_COUNT) {
        return 0;
    }
    struct kc_identity identity = make_identity(names[index % NAME_COUNT]);
    struct kc_result result = kc_identity_encode(&claims, &identity);
    out[0] = (uint8_t)(index / NAME_COUNT);
    if (!kc_failed(result)) {
        result = out[0] == 0   ? kc_buffer_append(&buffer, kc_buffer_view(&claims))
                 : out[0] == 1 ? encode_key(&buffer, &identity.key)
                               : sign(&buffer, kc_buffer_view(&claims));
    }
    KC_FUZZ_CHECK(!kc_failed(result));
    return buffer.size + 1;
}

static bool is_whole(const struct kc_identity *identity)
{
    return identity->purse_type >= KC_PURSE_TYPE_UIM &&
           identity->purse_type <= KC_PURSE_TYPE_BEARER &&
           kc_number_checks(identity->account.number) && kc_number_checks(identity->purse.number) &&
           (identity->key.type == KC_KEY_NONE) == (identity->purse_type == KC_PURSE_TYPE_BEARER);
}

static struct kc_result open(struct kc_identity *out, struct kc_view bytes)
{
    return kc_identity_open(out, kc_fuzz_crypto(), &kc_fuzz_key("es256-other")->public_key,
                            &kc_fuzz_keys()->realm, bytes);
}

static void check_claims(struct kc_view input)
{
    struct kc_identity identity;
    struct kc_identity opened;
    uint8_t again[1024];
    uint8_t signed_bytes[2 * KC_FUZZ_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(again);
    struct kc_buffer signed_buffer = KC_BUFFER(signed_bytes);
    struct kc_result result = kc_identity_decode(&identity, input);
    if (!kc_failed(result)) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(is_whole(&identity));
        KC_FUZZ_CHECK(!kc_failed(kc_identity_encode(&buffer, &identity)));
        KC_FUZZ_CHECK(kc_view_equal(kc_buffer_view(&buffer), input));
    }
    /* The same claims under the bank's signature: opened exactly when they decode and name this bank. */
    KC_FUZZ_CHECK(!kc_failed(sign(&signed_buffer, input)));
    struct kc_result under = open(&opened, kc_buffer_view(&signed_buffer));
    bool here = !kc_failed(result) && identity.bank == kc_fuzz_keys()->realm.bank;
    KC_FUZZ_CHECK(under.code == (here ? KC_OK : kc_failed(result) ? result.code : KC_WRONG_DOMAIN));
}

static void check_key(struct kc_view input)
{
    struct kc_public_key key;
    uint8_t again[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(again);
    if (!kc_failed(kc_key_decode(&key, input))) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(!kc_failed(kc_key_encode(&buffer, &key)));
        KC_FUZZ_CHECK(kc_view_equal(kc_buffer_view(&buffer), input));
    }
}

/* Nobody but the bank signs: what opens here holds what a seed held. */
static void check_signed(struct kc_view input)
{
    struct kc_identity identity;
    if (!kc_failed(open(&identity, input))) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(is_whole(&identity));
        KC_FUZZ_CHECK(identity.account.number == kc_account_nth(1234).number);
        KC_FUZZ_CHECK(identity.purse.number == kc_purse_nth(99).number);
        KC_FUZZ_CHECK(identity.issued_s == 1795478400 && identity.expires_s == 1895478400);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > KC_FUZZ_SIZE_MAX) {
        return 0;
    }
    struct kc_view input = kc_view(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        check_claims(input);
        break;
    case 1:
        check_key(input);
        break;
    default:
        check_signed(input);
        break;
    }
    return 0;
}
