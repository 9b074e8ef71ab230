/* The directory of the authority's tests: in memory, and down when it is told so. */
#ifndef KC_TEST_MEMORY_DIRECTORY_H
#define KC_TEST_MEMORY_DIRECTORY_H

#include "directory/directory.h"

extern struct memory_directory {
    bool down;
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
} directory;

#endif
