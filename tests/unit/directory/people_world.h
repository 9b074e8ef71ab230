/* Certificates of an authority, a directory in memory that may lie, and the people that a server believes. Includes cmocka in the
 * order it wants. */
#ifndef KC_TEST_PEOPLE_WORLD_H
#define KC_TEST_PEOPLE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "directory/people.h"

#define NOW_MS UINT64_C(1795478400000)
#define DAY_MS UINT64_C(86400000)
#define ACCOUNT UINT64_C(18)
#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))

struct party {
    struct kc_private_key private_key;
    struct kc_public_key public_key;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der;
    uint8_t serial[KC_SERIAL_SIZE];
};

extern struct kc_crypto crypto;
extern struct party root, issuer, other_root, other_issuer, sign, encrypt, stranger;
extern struct kc_people people;

/* What it shows. */
struct directory_in_memory {
    bool down;
    bool empty;
    size_t count;
    struct kc_view certificates[4];
    struct kc_view issuer;
    struct kc_view list;
    struct kc_view second_issuer;
    struct kc_view second_list;
    size_t root_count;
    size_t pair_count;
    struct kc_view roots[KC_ENTRY_CERTIFICATES_MAX];
    struct kc_view pairs[KC_ENTRY_CERTIFICATES_MAX];
    size_t root_list_count;
    struct kc_view root_lists[KC_ENTRY_CERTIFICATES_MAX];
};
extern struct directory_in_memory directory;

/* Each test begins with the root, an issuer and an account's pair, and has them from the directory. */
int setup(void **state);
int teardown(void **state);

/* A certificate of a key, by another one when `by` is. */
void certify_from(struct party *out, enum kc_profile profile, const char *subject, uint64_t from_ms,
                  uint64_t end_ms, const struct party *by);
void certify(struct party *out, enum kc_profile profile, const char *subject, uint64_t end_ms,
             const struct party *by);
/* The same with a key of its own. */
void make(struct party *out, enum kc_profile profile, const char *subject, const struct party *by);
/* Puts a list there that names `revoked` (or nobody), and its issuer; the other beside it. */
void put_list(uint64_t number, const struct party *revoked, uint64_t next_ms,
              const struct party *by);
void put_second(uint64_t number, const struct party *revoked, uint64_t next_ms,
                const struct party *by);
/* What stands under the name of who is asked for. */
void show(const struct party *a, const struct party *b);

struct kc_signer_id id_of(uint64_t number, const struct party *party);
struct kc_result fetch(uint64_t number, const struct party *party, uint64_t now_ms);
/* The account in memory. */
struct kc_result find(uint64_t now_ms);
bool on_one_place(const struct party *a, const struct party *b);
struct kc_result fetch_of(const struct party *a, const struct party *b, uint64_t number,
                          uint64_t now_ms);

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
