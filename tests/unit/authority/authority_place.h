/* An authority in a folder, with two servers that it knows, over the directory in memory. Includes cmocka in the order it
 * wants. */
#ifndef KC_TEST_AUTHORITY_PLACE_H
#define KC_TEST_AUTHORITY_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "authority/authority.h"
#include "directory_in_memory.h"
#include "message/generated/messages.h"

#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))
#define YEAR_MS (UINT64_C(365) * 86400000)

struct pair_of_keys {
    struct kc_private_key sign;
    struct kc_private_key encrypt;
    struct kc_public_key sign_public;
    struct kc_public_key encrypt_public;
};

struct place {
    char dir[64];
    struct kc_authority authority;
    struct kc_crypto crypto;
    struct pair_of_keys registrar;
    struct pair_of_keys bank;
    struct kc_public_key authority_sign;
    struct kc_public_key authority_encrypt;
    uint8_t root[KC_CERTIFICATE_SIZE_MAX];
    size_t root_size;
    uint8_t envelope[KC_MESSAGE_SIZE_MAX];
    uint8_t reply[KC_MESSAGE_SIZE_MAX];
    struct kc_buffer reply_buffer;
    uint8_t plain[KC_PLAIN_SIZE_MAX];
};

struct certify {
    struct kc_certify_request request;
    uint8_t proof[1200];
};

void make_keys(struct pair_of_keys *out, struct place *place, enum kc_key_type type);
void issue(struct kc_pair *out, struct place *place, uint64_t holder, const char *subject,
           const struct pair_of_keys *keys, uint64_t expires_ms);
/* A fresh folder for every test, and its end. */
int setup(void **state);
int teardown(void **state);
struct kc_view issuer_of(const struct place *place);
/* A request as it comes in; the reply is in place->reply_buffer. */
struct kc_result send(struct place *place, const struct pair_of_keys *from, uint64_t sender,
                      uint64_t time_ms, const struct kc_shape *shape, const void *message);
void open_reply(void *out, struct place *place, const struct pair_of_keys *to,
                const struct kc_shape *shape);
/* A request to certify `keys`, with the proof signed by `prover`. */
void make_certify(struct certify *out, struct place *place, struct kc_account_id account,
                  const struct pair_of_keys *keys, const struct kc_private_key *prover);
struct kc_result send_certify(struct place *place, const struct certify *certify);
void expect_refusal(struct place *place, const struct pair_of_keys *to, enum kc_error reason);
/* Whether the list in the directory names both; it is newer than *number, which becomes its own. */
void expect_listed(struct place *place, const struct kc_pair *pair, bool listed, uint64_t *number);
struct kc_pair pair_of(struct place *place, struct kc_account_id account);
/* An account with certificates of its first keys. */
struct kc_pair open_account(struct place *place, struct kc_account_id account,
                            struct certify *certify);

#endif
