/* The directory, in memory, which can be told to be down: stands in for the LDAP client. */
#ifndef KC_TEST_DIRECTORY_IN_MEMORY_H
#define KC_TEST_DIRECTORY_IN_MEMORY_H

#include "crypto/x509.h"
#include "directory/directory.h"

struct directory_in_memory {
    bool down;
    unsigned slow_us; /* for a put of an account */
    size_t most;      /* so many puts of accounts, then it is down; 0: for ever up */
    uint64_t account;
    size_t count;
    uint8_t certificates[2][KC_CERTIFICATE_SIZE_MAX];
    size_t sizes[2];
    size_t puts;
    uint8_t crl[65536];
    size_t crl_size;
    uint8_t old_crl[65536]; /* of the issuer before */
    size_t old_crl_size;
    size_t issuer_count;
    uint8_t roots[KC_ROOTS_MAX][KC_CERTIFICATE_SIZE_MAX];
    uint8_t pairs[KC_ROOTS_MAX][KC_CERTIFICATE_PAIR_SIZE_MAX];
    size_t root_sizes[KC_ROOTS_MAX];
    size_t pair_sizes[KC_ROOTS_MAX];
    uint8_t root_list[KC_ROOT_LIST_SIZE_MAX]; /* of the newest root */
    size_t root_list_size;
    size_t root_count;
    size_t pair_count;
};

/* The one that all calls of the client go to. */
extern struct directory_in_memory directory;

#endif
