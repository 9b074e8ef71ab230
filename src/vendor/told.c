#include "vendor/told.h"

#include <string.h>

#include "base/log.h"
#include "service/files.h"
#include "service/message_client.h"

static struct kc_result path_of(char out[KC_PATH_SIZE_MAX], const struct kc_told_place *place)
{
    return kc_path_join(out, place->dir, "notice.cose", NULL);
}

static struct kc_result verify(uint64_t *number, const struct kc_told_place *place,
                               const struct kc_bank_chain *chain, struct kc_view bytes)
{
    struct kc_noticed_keys keys;
    struct kc_signed parsed;
    struct kc_result result = kc_notice_read(&keys, &parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_signed_verify(&parsed, place->crypto, &chain->keys[chain->count - 1],
                                  place->realm, kc_authority_notice_shape.domain);
    }
    if (!kc_failed(result) && keys.bank != place->realm->bank) {
        result = kc_result(KC_WRONG_DOMAIN);
    }
    *number = kc_failed(result) ? 0 : keys.number;
    return result;
}

void kc_told_load(struct kc_told *out, const struct kc_told_place *place,
                  const struct kc_bank_chain *chain)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_buffer file = KC_BUFFER(out->bytes);
    out->number = 0;
    struct kc_result result = path_of(path, place);
    if (!kc_failed(result)) {
        result = kc_file_read(&file, path);
    }
    if (!kc_failed(result)) {
        result = verify(&out->number, place, chain, kc_buffer_view(&file));
    }
    out->size = kc_failed(result) ? 0 : file.size;
}

/* Unless another worker kept it, or a newer one, meanwhile. */
static void keep(const struct kc_told *told, const struct kc_told_place *place,
                 const struct kc_bank_chain *chain)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_told there;
    kc_bank_files_lock();
    kc_told_load(&there, place, chain);
    struct kc_result result = path_of(path, place);
    if (!kc_failed(result) && there.number < told->number) {
        result = kc_file_write(path, kc_view(told->bytes, told->size), 0644);
    }
    kc_bank_files_unlock();
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "notice.cose: %s", kc_error_name(result.code));
    }
}

struct kc_result kc_told_take(struct kc_told *told, const struct kc_told_place *place,
                              const struct kc_bank_chain *chain, struct kc_view bytes)
{
    uint64_t number = 0;
    struct kc_result result = verify(&number, place, chain, bytes);
    if (!kc_failed(result) && number <= told->number) {
        result = kc_result(KC_STALE_STATE);
    }
    if (kc_failed(result)) {
        return result;
    }
    told->number = number;
    told->size = bytes.size;
    memcpy(told->bytes, bytes.data, bytes.size);
    keep(told, place, chain);
    return result;
}

/* The bank's answer, taken when it fits the keys that are known. */
static struct kc_result ask_once(struct kc_told *told, const struct kc_told_place *place,
                                 const struct kc_bank_chain *chain, struct kc_http_client *client)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer notice = KC_BUFFER(bytes);
    struct kc_result result =
        kc_message_get_after(&notice, client, place->url, "/v1/notice", told->number);
    return kc_failed(result) ? result : kc_told_take(told, place, chain, kc_buffer_view(&notice));
}

/* What an old key told does not count under a new one: the bank is asked for it again. */
void kc_told_ask(struct kc_told *told, const struct kc_told_place *place,
                 struct kc_bank_chain *chain, struct kc_http_client *client)
{
    struct kc_result result = ask_once(told, place, chain, client);
    if (result.code == KC_UNREACHABLE || result.code == KC_TIMEOUT) {
        return;
    }
    if (kc_bank_chain_learn(chain, place->dir, place->url, client, place->crypto, place->realm)) {
        kc_told_load(told, place, chain);
        result = ask_once(told, place, chain, client);
    }
    if (kc_failed(result) && result.code != KC_NOT_FOUND && result.code != KC_STALE_STATE) {
        kc_log(KC_LOG_WARN, "the bank's word on the authority's keys reason=%s",
               kc_error_name(result.code));
    }
}
