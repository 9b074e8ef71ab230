#include "vendor/bank_chain.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "service/files.h"
#include "service/message_client.h"

#define ROLLS_MAX (KC_BANK_CHAIN_MAX - 1u)

static struct kc_result path_of(char out[KC_PATH_SIZE_MAX], const char *dir, uint64_t number)
{
    char file[40];
    (void)snprintf(file, sizeof file, "roll-%" PRIu64 ".cose", number);
    return kc_path_join(out, dir, file, NULL);
}

/* Appends what a record leads to when it goes on from the newest key. */
static bool add(struct kc_bank_chain *chain, const struct kc_crypto *crypto,
                const struct kc_realm *realm, struct kc_view bytes, uint64_t number)
{
    struct kc_roll roll;
    size_t last = chain->count - 1;
    if (chain->count == KC_BANK_CHAIN_MAX || kc_failed(kc_roll_open(&roll, crypto, realm, bytes)) ||
        roll.number != number || !kc_key_equal(&roll.former_key, &chain->keys[last])) {
        return false;
    }
    chain->until_ms[last] = roll.until_ms;
    chain->numbers[last] = number;
    chain->keys[chain->count++] = roll.sign_key;
    return true;
}

static struct kc_result read_roll(struct kc_buffer *out, const char *dir, uint64_t number)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = path_of(path, dir, number);
    return kc_failed(result) ? result : kc_file_read(out, path);
}

void kc_bank_chain_load(struct kc_bank_chain *out, const char *dir,
                        const struct kc_public_key *pinned, const struct kc_crypto *crypto,
                        const struct kc_realm *realm)
{
    out->count = 1;
    out->keys[0] = *pinned;
    for (uint64_t number = 1; number <= ROLLS_MAX; number++) {
        uint8_t bytes[KC_ROLL_SIZE_MAX];
        struct kc_buffer roll = KC_BUFFER(bytes);
        if (!kc_failed(read_roll(&roll, dir, number))) {
            (void)add(out, crypto, realm, kc_buffer_view(&roll), number);
        }
    }
}

static pthread_mutex_t files = PTHREAD_MUTEX_INITIALIZER;

void kc_bank_files_lock(void)
{
    (void)pthread_mutex_lock(&files);
}

void kc_bank_files_unlock(void)
{
    (void)pthread_mutex_unlock(&files);
}

static struct kc_result keep_roll(const char *dir, uint64_t number, struct kc_view roll)
{
    uint8_t bytes[KC_ROLL_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    struct kc_buffer there = KC_BUFFER(bytes);
    kc_bank_files_lock();
    struct kc_result result = path_of(path, dir, number);
    if (!kc_failed(result) &&
        (kc_failed(kc_file_read(&there, path)) || !kc_view_equal(kc_buffer_view(&there), roll))) {
        result = kc_file_write(path, roll, 0644);
    }
    kc_bank_files_unlock();
    return result;
}

bool kc_bank_chain_learn(struct kc_bank_chain *chain, const char *dir, const char *url,
                         struct kc_http_client *client, const struct kc_crypto *crypto,
                         const struct kc_realm *realm)
{
    bool learned = false;
    uint64_t after = chain->count > 1 ? chain->numbers[chain->count - 2] : 0;
    for (; after < ROLLS_MAX; after++) {
        uint8_t bytes[KC_ROLL_SIZE_MAX];
        struct kc_buffer roll = KC_BUFFER(bytes);
        if (kc_failed(kc_message_get_after(&roll, client, url, "/v1/roll", after))) {
            break;
        }
        if (add(chain, crypto, realm, kc_buffer_view(&roll), after + 1)) {
            learned = true;
            if (kc_failed(keep_roll(dir, after + 1, kc_buffer_view(&roll)))) {
                break;
            }
        }
    }
    return learned;
}

struct kc_result kc_bank_chain_open(struct kc_identity *out, size_t *at,
                                    const struct kc_bank_chain *chain,
                                    const struct kc_crypto *crypto, const struct kc_realm *realm,
                                    struct kc_view bytes, uint64_t now_ms)
{
    struct kc_result result = kc_result(KC_BAD_SIGNATURE);
    for (size_t i = chain->count; i > 0; i--) {
        *at = i - 1;
        result = kc_identity_open(out, crypto, &chain->keys[*at], realm, bytes);
        if (result.code != KC_BAD_SIGNATURE && result.code != KC_WRONG_ALGORITHM) {
            break;
        }
    }
    /* As in a purse: what a key before the last one signed counts no more, whatever its time was. */
    bool ended =
        *at + 2 < chain->count || (*at + 1 < chain->count && now_ms >= chain->until_ms[*at]);
    return !kc_failed(result) && ended ? kc_result(KC_BANK_KEY_ENDED) : result;
}

struct kc_result kc_bank_chain_roll(struct kc_buffer *out, const struct kc_bank_chain *chain,
                                    const char *dir, size_t at)
{
    return at + 1 < chain->count ? read_roll(out, dir, chain->numbers[at])
                                 : kc_result(KC_NOT_FOUND);
}
