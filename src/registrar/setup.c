#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/libcrypto.h"
#include "crypto/pem.h"
#include "registrar/registrar.h"
#include "service/config.h"
#include "service/files.h"
#include "service/keys.h"

#define TEXT(section, name, member, min, fallback)                                                 \
    {                                                                                              \
        section, name, KC_CONFIG_TEXT, offsetof(struct kc_registrar_config, member), min,          \
            sizeof((struct kc_registrar_config){0}.member) - 1, fallback                           \
    }

static const struct kc_config_key keys[] = {
    {"registrar", "bank", KC_CONFIG_UINT, offsetof(struct kc_registrar_config, bank), 1, UINT32_MAX,
     NULL},
    TEXT("registrar", "currency", currency, 1, NULL),
    {"registrar", "decimals", KC_CONFIG_UINT, offsetof(struct kc_registrar_config, decimals), 0, 8,
     "0"},
    TEXT("servers", "bank", bank_url, 1, NULL),
    TEXT("servers", "authority", authority_url, 1, NULL),
    TEXT("servers", "directory", directory_url, 1, NULL),
    TEXT("authority", "protocol", authority.protocol, 1, "kinchaku"),
    TEXT("authority", "path", authority.path, 1, "/cmp"),
    TEXT("authority", "name", authority.name, 1, "authority"),
    {"times", "timeout_ms", KC_CONFIG_UINT, offsetof(struct kc_registrar_config, timeout_ms), 50,
     600000, "10000"},
};

struct kc_result kc_registrar_init(const char *dir, uint64_t bank, const char *currency,
                                   unsigned decimals, const char *bank_url,
                                   const char *authority_url, const char *directory_url)
{
    char folder[KC_PATH_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    char text[1024];
    struct kc_result result = kc_path_join(folder, dir, "registrar", NULL);
    if (!kc_failed(result)) {
        result = kc_server_keys_ensure(folder);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "registrar.ini", NULL);
    }
    if (kc_failed(result) || kc_file_exists(path)) {
        return result;
    }
    int size = snprintf(text, sizeof text,
                        "[registrar]\nbank = %" PRIu64
                        "\ncurrency = %s\ndecimals = %u\n\n[servers]\nbank = %s\n"
                        "authority = %s\ndirectory = %s\n",
                        bank, currency, decimals, bank_url, authority_url, directory_url);
    return kc_file_write_text(path, text, size, sizeof text);
}

static struct kc_result open_keys(struct kc_registrar *registrar, const char *folder)
{
    struct kc_public_key sign_public;
    uint8_t root_bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer root = KC_BUFFER(root_bytes);
    struct kc_buffer certificate = KC_BUFFER(registrar->certificate);
    const struct kc_crypto *crypto = &registrar->crypto;
    struct kc_result result =
        kc_key_pair_load(&registrar->sign_key, &sign_public, crypto, folder, "sign");
    if (!kc_failed(result)) {
        result = kc_key_pair_load(&registrar->encrypt_key, NULL, crypto, folder, "encrypt");
    }
    if (!kc_failed(result)) {
        kc_signer_id_make(&registrar->signer_id, &registrar->crypto, KC_SERVER_REGISTRAR,
                          &sign_public);
        result = kc_certificate_file_load(&root, folder, "root.crt");
    }
    if (!kc_failed(result)) {
        result = kc_certificate_file_load(&certificate, folder, "sign.crt");
        registrar->certificate_size = certificate.size;
    }
    if (!kc_failed(result)) {
        result = kc_people_open(&registrar->people, 16, kc_buffer_view(&root));
    }
    if (!kc_failed(result)) {
        result = kc_path_join(registrar->folder, folder, NULL, NULL);
        kc_people_follow_roots(&registrar->people, kc_root_file_keep, registrar->folder);
        kc_people_keep_lists(&registrar->people, kc_root_list_file_keep, kc_root_list_file_load,
                             registrar->folder);
    }
    return result;
}

/* The certificates of bank and authority, from the directory, under a root that counts (SZ8). */
static struct kc_result meet_servers(struct kc_registrar *registrar)
{
    uint8_t digest[2][KC_DIGEST_SIZE];
    uint64_t now_ms = kc_clock_now_ms();
    struct kc_buffer issuer = {.data = registrar->issuer, .capacity = sizeof registrar->issuer};
    struct kc_result result = kc_people_refresh(&registrar->people, registrar->directory, now_ms);
    if (!kc_failed(result)) {
        result = kc_people_issuer(&issuer, &registrar->people);
        registrar->issuer_size = issuer.size;
    }
    if (!kc_failed(result)) {
        result = kc_people_certificates(&registrar->bank, digest[0], digest[1], &registrar->people,
                                        registrar->directory, &registrar->crypto, KC_SERVER_BANK,
                                        now_ms);
    }
    /* By CMP its certificate comes with its answers. */
    if (!kc_failed(result) && !kc_cmp_place_speaks(&registrar->config.authority)) {
        result = kc_people_certificates(&registrar->authority, digest[0], digest[1],
                                        &registrar->people, registrar->directory,
                                        &registrar->crypto, KC_SERVER_AUTHORITY, now_ms);
    }
    return result;
}

struct kc_result kc_registrar_open(struct kc_registrar *registrar, const char *dir)
{
    char folder[KC_PATH_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    memset(registrar, 0, sizeof *registrar);
    registrar->trace.fd = -1;
    struct kc_result result = kc_path_join(folder, dir, "registrar", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "registrar.ini", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_config_read(&registrar->config, keys, sizeof keys / sizeof keys[0], path);
    }
    if (!kc_failed(result)) {
        result =
            kc_realm_set(&registrar->realm, registrar->config.bank, registrar->config.currency);
        result = kc_failed(result) ? kc_result(KC_CONFIG_INVALID) : result;
    }
    if (!kc_failed(result)) {
        result = kc_cmp_place_check(&registrar->config.authority);
    }
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&registrar->crypto, 64);
    }
    if (!kc_failed(result)) {
        result = kc_bearssl_open_system(&registrar->purse_crypto, &registrar->purse_crypto_state);
    }
    if (!kc_failed(result)) {
        result = open_keys(registrar, folder);
    }
    if (!kc_failed(result)) {
        result = kc_directory_open(&registrar->directory, registrar->config.directory_url, NULL,
                                   (unsigned)registrar->config.timeout_ms);
    }
    if (!kc_failed(result)) {
        result = kc_http_client_open(&registrar->client, (unsigned)registrar->config.timeout_ms);
    }
    return kc_failed(result) ? result : meet_servers(registrar);
}

void kc_registrar_close(struct kc_registrar *registrar)
{
    kc_trace_close(&registrar->trace);
    kc_http_client_close(registrar->client);
    kc_directory_close(registrar->directory);
    kc_people_close(&registrar->people);
    kc_libcrypto_close(&registrar->crypto);
    kc_wipe(registrar, sizeof *registrar);
}
