/* What the fuzz targets and their drivers share. A target is one file with LLVMFuzzerTestOneInput and kc_fuzz_seed; it is
 * driven by driver.c (seeded, no coverage) or by libFuzzer. */
#ifndef KC_TESTS_FUZZ_H
#define KC_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "message/cose.h"
#include "vector_keys.h"

/* Largest input a driver makes. */
#define KC_FUZZ_SIZE_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target's seed of that index: its size, at most KC_FUZZ_SIZE_MAX, or 0 past the last one. */
size_t kc_fuzz_seed(size_t index, uint8_t *out);

/* How many inputs got past the target's parser. A run in which none did has shown nothing. */
extern uint64_t kc_fuzz_accepted;

/* Ends the process with a message; the driver saves the input. */
__attribute__((noreturn)) void kc_fuzz_fail(const char *what, const char *file, int line);

#define KC_FUZZ_CHECK(condition)                                                                   \
    ((condition) ? (void)0 : kc_fuzz_fail(#condition, __FILE__, __LINE__))

/* The published test keys and a crypto backend, opened at the first call. */
const struct kc_vector_keys *kc_fuzz_keys(void);
const struct kc_crypto *kc_fuzz_crypto(void);
const struct kc_vector_key *kc_fuzz_key(const char *name);

/* What signs as that key. */
struct kc_signer kc_fuzz_signer(const struct kc_vector_key *key);

#endif
