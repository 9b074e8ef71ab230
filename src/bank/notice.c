#include "bank/notice.h"

#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/x509.h"

#define AFTER_DIGITS_MAX 18u

/* ---- the file ---- */

static struct kc_result sign(struct kc_buffer *out, const struct kc_notice_maker *by,
                             const struct kc_noticed_keys *told)
{
    struct kc_signer signer = {.key = &by->keys->sign_key};
    kc_signer_id_make(&signer.id, by->crypto, KC_SERVER_BANK, &by->keys->sign_public);
    return kc_notice_make(out, by->crypto, &signer, by->realm, told);
}

/* Signs it, writes it, and takes it: in this order. */
static struct kc_result put(struct kc_bank_notice *notice, const struct kc_notice_maker *by,
                            const struct kc_noticed_keys *told)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_result result = sign(&out, by, told);
    if (!kc_failed(result)) {
        result = kc_file_write(notice->path, kc_buffer_view(&out), 0644);
    }
    if (kc_failed(result)) {
        return result;
    }
    (void)pthread_mutex_lock(&notice->lock);
    memcpy(notice->bytes, bytes, out.size);
    notice->size = out.size;
    notice->number = told->number;
    (void)pthread_mutex_unlock(&notice->lock);
    return result;
}

/* By the key in force, or one before it: *anew. */
static struct kc_result verify(bool *anew, const struct kc_notice_maker *by,
                               const struct kc_signed *parsed)
{
    const struct kc_public_key *former = kc_bank_keys_former(by->keys, &parsed->signer);
    *anew = former != NULL;
    return kc_signed_verify(parsed, by->crypto, *anew ? former : &by->keys->sign_public, by->realm,
                            kc_authority_notice_shape.domain);
}

struct kc_result kc_bank_notice_open(struct kc_bank_notice *out, const struct kc_notice_maker *by,
                                     const char *folder)
{
    struct kc_noticed_keys told;
    struct kc_signed parsed;
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer file = KC_BUFFER(bytes);
    bool anew = false;
    out->number = 0;
    out->size = 0;
    out->endings = 0;
    out->opened = pthread_mutex_init(&out->lock, NULL) == 0;
    if (!out->opened) {
        return kc_result(KC_NO_MEMORY);
    }
    struct kc_result result = kc_path_join(out->path, folder, "notice.cose", NULL);
    if (!kc_failed(result)) {
        result = kc_file_read(&file, out->path);
    }
    if (result.code == KC_FILE_MISSING) {
        return kc_ok();
    }
    if (!kc_failed(result)) {
        result = kc_notice_read(&told, &parsed, kc_buffer_view(&file));
    }
    if (!kc_failed(result)) {
        result = verify(&anew, by, &parsed);
    }
    if (!kc_failed(result) && anew) {
        return put(out, by, &told);
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "notice.cose: %s", kc_error_name(result.code));
        return result;
    }
    memcpy(out->bytes, bytes, file.size);
    out->size = file.size;
    out->number = told.number;
    return result;
}

void kc_bank_notice_close(struct kc_bank_notice *notice)
{
    if (notice->opened) {
        (void)pthread_mutex_destroy(&notice->lock);
    }
}

/* ---- what the directory shows ---- */

/* The issuing certificate, when it began later than the one told. */
static bool take_issuer(struct kc_noticed_keys *told, struct kc_view shown)
{
    struct kc_certificate certificate;
    struct kc_certificate before;
    bool newer = !kc_failed(kc_certificate_read(&certificate, shown)) &&
                 (told->number == 0 || kc_failed(kc_certificate_read(&before, told->issuer)) ||
                  certificate.not_before_ms > before.not_before_ms);
    if (newer && !kc_view_equal(shown, told->issuer)) {
        told->issuer = shown;
        return true;
    }
    return false;
}

static bool take_keys(struct kc_noticed_keys *told, const struct kc_person *authority, bool anew)
{
    bool same = told->number != 0 && kc_key_equal(&told->verify_key, &authority->sign_key) &&
                kc_key_equal(&told->encrypt_key, &authority->encrypt_key);
    if (same || (told->number != 0 && !anew && authority->issued_ms <= told->from_ms)) {
        return false;
    }
    told->verify_key = authority->sign_key;
    told->encrypt_key = authority->encrypt_key;
    told->from_ms = authority->issued_ms;
    return true;
}

static bool take_root(struct kc_noticed_keys *told, const uint8_t root[KC_DIGEST_SIZE])
{
    bool same = told->number != 0 && memcmp(told->root, root, KC_DIGEST_SIZE) == 0;
    memcpy(told->root, root, KC_DIGEST_SIZE);
    return !same;
}

struct kc_result kc_bank_notice_tell(bool *made, struct kc_bank_notice *notice,
                                     const struct kc_notice_maker *by,
                                     const struct kc_notice_shown *shown, uint64_t now_ms)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer before = KC_BUFFER(bytes);
    struct kc_noticed_keys told = {.number = 0};
    struct kc_signed parsed;
    *made = false;
    struct kc_result result = kc_bank_notice_get(&before, notice, 0);
    if (!kc_failed(result)) {
        result = kc_notice_read(&told, &parsed, kc_buffer_view(&before));
    } else if (result.code == KC_NOT_FOUND) {
        result = kc_ok();
    }
    if (kc_failed(result)) {
        return result;
    }
    bool newer = take_issuer(&told, shown->issuer);
    newer = take_keys(&told, shown->authority, shown->anew) || newer;
    newer = take_root(&told, shown->root) || newer;
    if (!newer) {
        return result;
    }
    told.bank = by->realm->bank;
    told.number = now_ms > told.number ? now_ms : told.number + 1;
    told.time_ms = now_ms;
    result = put(notice, by, &told);
    *made = !kc_failed(result);
    return result;
}

/* Only what is below the pinned root is told: who has an older root's key would be heard as long as that counts. */
static struct kc_result check_below(struct kc_people *people, const struct kc_person *authority,
                                    struct kc_view issuer, struct kc_view pinned, uint64_t now_ms)
{
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    uint8_t root_der[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer by = KC_BUFFER(der);
    struct kc_buffer root = KC_BUFFER(root_der);
    bool below = !kc_failed(kc_certificate_verify_issuer(issuer, pinned, now_ms)) &&
                 !kc_failed(kc_people_issuer_of(&by, &root, people, authority)) &&
                 kc_view_equal(kc_buffer_view(&root), pinned);
    return kc_result(below ? KC_OK : KC_NOT_FOUND);
}

struct kc_result kc_bank_notice_look(bool *made, struct kc_bank_notice *notice,
                                     const struct kc_notice_maker *by, struct kc_people *people,
                                     struct kc_directory *directory, uint64_t now_ms)
{
    uint8_t digests[2][KC_DIGEST_SIZE];
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    uint8_t root[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer issuer = KC_BUFFER(der);
    struct kc_buffer pinned = KC_BUFFER(root);
    struct kc_person authority;
    struct kc_notice_shown shown = {.authority = &authority};
    uint64_t endings = kc_people_endings(people);
    *made = false;
    struct kc_result result = kc_people_issuer(&issuer, people);
    if (!kc_failed(result)) {
        result = kc_people_certificates(&authority, digests[0], digests[1], people, directory,
                                        by->crypto, KC_SERVER_AUTHORITY, now_ms);
    }
    if (!kc_failed(result)) {
        result = kc_people_pinned(&pinned, people);
    }
    if (!kc_failed(result)) {
        result = check_below(people, &authority, kc_buffer_view(&issuer), kc_buffer_view(&pinned),
                             now_ms);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_digest(by->crypto, shown.root, kc_buffer_view(&pinned));
    shown.issuer = kc_buffer_view(&issuer);
    shown.anew = endings != notice->endings;
    result = kc_bank_notice_tell(made, notice, by, &shown, now_ms);
    notice->endings = kc_failed(result) ? notice->endings : endings;
    return result;
}

struct kc_result kc_bank_notice_get(struct kc_buffer *out, struct kc_bank_notice *notice,
                                    uint64_t after)
{
    out->size = 0;
    (void)pthread_mutex_lock(&notice->lock);
    struct kc_result result = notice->number == 0 || notice->number <= after
                                  ? kc_result(KC_NOT_FOUND)
                                  : kc_buffer_append(out, kc_view(notice->bytes, notice->size));
    (void)pthread_mutex_unlock(&notice->lock);
    return result;
}

struct kc_result kc_bank_notice_prefer(struct kc_person *authority, struct kc_bank_notice *notice)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_noticed_keys told;
    struct kc_signed parsed;
    struct kc_result result = kc_bank_notice_get(&out, notice, 0);
    if (result.code == KC_NOT_FOUND) {
        return kc_ok();
    }
    if (!kc_failed(result)) {
        result = kc_notice_read(&told, &parsed, kc_buffer_view(&out));
    }
    if (!kc_failed(result) && told.from_ms > authority->issued_ms) {
        authority->sign_key = told.verify_key;
        authority->encrypt_key = told.encrypt_key;
        authority->issued_ms = told.from_ms;
    }
    return result;
}

/* ---- for whoever asks ---- */

struct kc_result kc_bank_read_notice(struct kc_bank_item *item, const struct kc_bank *bank,
                                     const struct kc_http_request *request)
{
    size_t size = strlen(request->after);
    (void)bank;
    item->message.notice_after = 0;
    if (size > AFTER_DIGITS_MAX || strspn(request->after, "0123456789") != size) {
        return kc_result(KC_MALFORMED);
    }
    item->message.notice_after = size == 0 ? 0 : strtoull(request->after, NULL, 10);
    return kc_ok();
}

static struct kc_result give(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    struct kc_buffer out = KC_BUFFER(item->reply);
    (void)thread;
    struct kc_result result = kc_bank_notice_get(&out, &bank->notice, item->message.notice_after);
    if (!kc_failed(result)) {
        item->reply_size = out.size;
        item->status = 200;
    }
    return result;
}

const struct kc_bank_kind kc_bank_give_notice = {
    .may_be_none = true,
    .steps = {{KC_LANE_WORK, give, NULL}},
};
