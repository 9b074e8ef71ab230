#include "crypto/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "crypto/libcrypto_keys.h"

/* A PEM text that asks for a passphrase is refused instead of asking at the terminal. */
static int no_passphrase(char *out, int size, int writing, void *owner)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)owner;
    return -1;
}

struct kc_result kc_pem_read_private(struct kc_private_key *out, struct kc_view pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    struct kc_result result = key == NULL ? kc_result(KC_MALFORMED) : kc_pkey_to_private(out, key);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return result;
}

struct kc_result kc_pem_read_public(struct kc_public_key *out, struct kc_view pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    struct kc_result result = key == NULL ? kc_result(KC_MALFORMED) : kc_pkey_to_public(out, key);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return result;
}

static struct kc_result take_text(struct kc_buffer *out, BIO *bio, bool written)
{
    char *text = NULL;
    long size = written ? BIO_get_mem_data(bio, &text) : 0;
    out->size = 0;
    if (size <= 0) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    struct kc_result result = kc_buffer_append(out, kc_view(text, (size_t)size));
    kc_wipe(text, (size_t)size);
    return result;
}

struct kc_result kc_pem_write_private(struct kc_buffer *out, const struct kc_private_key *key)
{
    EVP_PKEY *made = kc_pkey_from_private(key);
    BIO *bio = BIO_new(BIO_s_secmem());
    bool written = made != NULL && bio != NULL &&
                   PEM_write_bio_PKCS8PrivateKey(bio, made, NULL, NULL, 0, NULL, NULL) == 1;
    struct kc_result result = take_text(out, bio, written);
    BIO_free(bio);
    EVP_PKEY_free(made);
    return result;
}

struct kc_result kc_pem_write_public(struct kc_buffer *out, const struct kc_public_key *key)
{
    EVP_PKEY *made = kc_pkey_from_public(key);
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = made != NULL && bio != NULL && PEM_write_bio_PUBKEY(bio, made) == 1;
    struct kc_result result = take_text(out, bio, written);
    BIO_free(bio);
    EVP_PKEY_free(made);
    return result;
}
