#include "crypto/password.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "$scrypt$ln=15,r=8,p=1$"
#define COST (UINT64_C(1) << 15)
#define BLOCK 8u
#define LANES 1u
#define MEMORY_MAX (UINT64_C(64) << 20)
#define SALT_SIZE 16u
#define HASH_SIZE 32u

static struct kc_result derive(uint8_t hash[HASH_SIZE], struct kc_view password,
                               const uint8_t salt[SALT_SIZE])
{
    int status = EVP_PBE_scrypt((const char *)password.data, password.size, salt, SALT_SIZE, COST,
                                BLOCK, LANES, MEMORY_MAX, hash, HASH_SIZE);
    return kc_result(status == 1 ? KC_OK : KC_CRYPTO_FAILED);
}

struct kc_result kc_password_hash(char out[KC_SECRET_HASH_SIZE_MAX], struct kc_view password)
{
    uint8_t salt[SALT_SIZE];
    uint8_t hash[HASH_SIZE];
    char salt_text[2 * SALT_SIZE + 1];
    char hash_text[2 * HASH_SIZE + 1];
    if (RAND_bytes(salt, sizeof salt) != 1) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    struct kc_result result = derive(hash, password, salt);
    if (!kc_failed(result)) {
        kc_hex_write(salt_text, kc_view(salt, sizeof salt));
        kc_hex_write(hash_text, kc_view(hash, sizeof hash));
        (void)snprintf(out, KC_SECRET_HASH_SIZE_MAX, "%s%s$%s", PREFIX, salt_text, hash_text);
    }
    kc_wipe(hash, sizeof hash);
    return result;
}

struct kc_result kc_password_check(struct kc_view stored, struct kc_view password)
{
    static const size_t salt_at = sizeof PREFIX - 1;
    static const size_t hash_at = sizeof PREFIX - 1 + 2 * SALT_SIZE + 1;
    char text[KC_SECRET_HASH_SIZE_MAX + 1];
    uint8_t salt[SALT_SIZE];
    uint8_t wanted[HASH_SIZE];
    uint8_t found[HASH_SIZE];
    if (stored.size != hash_at + 2 * HASH_SIZE || stored.size > KC_SECRET_HASH_SIZE_MAX) {
        return kc_result(KC_MALFORMED);
    }
    memcpy(text, stored.data, stored.size);
    text[stored.size] = '\0';
    if (strncmp(text, PREFIX, salt_at) != 0 || text[hash_at - 1] != '$') {
        return kc_result(KC_MALFORMED);
    }
    text[hash_at - 1] = '\0';
    if (kc_failed(kc_hex_read(salt, sizeof salt, text + salt_at)) ||
        kc_failed(kc_hex_read(wanted, sizeof wanted, text + hash_at))) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = derive(found, password, salt);
    if (!kc_failed(result) && !kc_equal_secret(found, wanted, HASH_SIZE)) {
        result = kc_result(KC_WRONG_PASSWORD);
    }
    kc_wipe(found, sizeof found);
    return result;
}
