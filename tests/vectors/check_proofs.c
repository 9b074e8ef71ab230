/* check-proofs FOLDER: does each of the published evidence files, of one key or over a renewal, get its verdict? Prints TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/libcrypto.h"
#include "evidence/words.h"
#include "vector_keys.h"

static struct kc_evidence_work work;
static struct kc_evidence_verdict verdict;
static uint8_t bytes_of_file[KC_EVIDENCE_SIZE_MAX];

static bool check(unsigned count, const struct kc_crypto *crypto, const struct kc_public_key *bank,
                  const json_t *proof)
{
    const char *expect = json_string_value(json_object_get(proof, "expect"));
    const char *name = json_string_value(json_object_get(proof, "name"));
    const char *text = json_string_value(json_object_get(proof, "bytes"));
    struct kc_buffer bytes = KC_BUFFER(bytes_of_file);
    bool good = expect != NULL && name != NULL && text != NULL && kc_vector_unhex(&bytes, text);
    struct kc_result result =
        kc_evidence_verify(&verdict, &work, crypto, bank, kc_buffer_view(&bytes));
    const char *found = kc_error_name(result.code);
    good = good && strcmp(found, expect) == 0;
    (void)printf("%s %u - %s: want %s, found %s\n", good ? "ok" : "not ok", count, name, expect,
                 found);
    return good;
}

int main(int argc, char **argv)
{
    static struct kc_crypto crypto;
    static struct kc_vector_keys keys;
    char path[1024];
    size_t failed = 0;
    if (argc != 2 || kc_failed(kc_libcrypto_open(&crypto, 16)) ||
        !kc_vector_keys_load(&keys, argv[1])) {
        (void)printf("Bail out! usage: check-proofs FOLDER\n");
        return EXIT_FAILURE;
    }
    (void)snprintf(path, sizeof path, "%s/proofs.json", argv[1]);
    json_t *list = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    const struct kc_vector_key *bank = kc_vector_key_find(&keys, "es256-sign");
    size_t count = bank == NULL ? 0 : json_array_size(list);
    for (size_t i = 0; i < count; i++) {
        failed +=
            check((unsigned)i + 1, &crypto, &bank->public_key, json_array_get(list, i)) ? 0 : 1;
    }
    (void)printf("1..%zu\n", count);
    json_decref(list);
    kc_libcrypto_close(&crypto);
    return count > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
