#include "authority/record.h"

#include <inttypes.h>
#include <string.h>

#include "authority/roots.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/files.h"
#include "service/keys.h"

#define BASE "issued"

static struct kc_result load(struct kc_buffer *der, const char *root_folder, uint64_t number)
{
    char file[KC_FILE_NAME_SIZE];
    kc_file_numbered(file, BASE, number, ".crt");
    der->size = 0;
    return kc_certificate_file_load(der, root_folder, file);
}

static uint64_t count_of(const char *root_folder)
{
    uint64_t count = 0;
    while (count < KC_RECORD_MAX && kc_file_numbered_exists(root_folder, BASE, count, ".crt")) {
        count++;
    }
    return count;
}

void kc_record_add(const char *root_folder, struct kc_view issuer)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    char file[KC_FILE_NAME_SIZE];
    uint64_t count = count_of(root_folder);
    for (uint64_t i = 0; i < count; i++) {
        if (!kc_failed(load(&der, root_folder, i)) && kc_view_equal(kc_buffer_view(&der), issuer)) {
            return;
        }
    }
    kc_file_numbered(file, BASE, count, ".crt");
    struct kc_result result = count < KC_RECORD_MAX
                                  ? kc_certificate_file_save(root_folder, file, issuer)
                                  : kc_result(KC_TOO_LARGE);
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "an issuing certificate is not kept beside the root's key: %s",
               kc_error_name(result.code));
    }
}

void kc_record_add_all(const char *root_folder, const char *folder)
{
    struct kc_issuer issuer;
    uint64_t last = kc_issuers_newest(folder);
    for (uint64_t i = 0; i <= last; i++) {
        if (!kc_failed(kc_issuers_load(&issuer, folder, i))) {
            kc_record_add(root_folder, kc_view(issuer.der, issuer.der_size));
        }
    }
}

/* ---- who ended ---- */

/* An issuing certificate of the record, and what is known of it. */
struct recorded {
    struct kc_certificate read;
    bool here; /* in the authority's folder, too, under this number */
    uint64_t number;
    bool again; /* forgotten, but its key is of one that counts here: certified again after a cut */
    bool listed;
};

static void find_here(struct recorded *out, const char *folder, struct kc_view der)
{
    struct kc_issuer issuer;
    struct kc_certificate read;
    uint64_t last = kc_issuers_newest(folder);
    uint64_t emergency = kc_issuers_emergency(folder);
    out->here = false;
    out->again = false;
    for (uint64_t i = 0; i <= last && !out->here; i++) {
        if (kc_failed(kc_issuers_load(&issuer, folder, i)) ||
            kc_failed(kc_certificate_read(&read, kc_view(issuer.der, issuer.der_size)))) {
            continue;
        }
        out->number = i;
        out->here = kc_view_equal(kc_view(issuer.der, issuer.der_size), der);
        out->again = out->again || (i >= emergency && kc_key_equal(&read.key, &out->read.key));
    }
}

static bool is_listed(const uint8_t serial[KC_SERIAL_SIZE], const char *at)
{
    bool listed = false;
    for (uint64_t i = 0; i <= KC_ROOT_ROLLS_MAX && !listed; i++) {
        struct kc_crl *crl = kc_roots_list_read(at, i);
        listed = crl != NULL && kc_crl_has(crl, serial);
        kc_crl_free(crl);
    }
    return listed;
}

static bool look_up(struct recorded *out, const char *root_folder, const char *folder,
                    uint64_t place)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    if (kc_failed(load(&der, root_folder, place)) ||
        kc_failed(kc_certificate_read(&out->read, kc_buffer_view(&der)))) {
        kc_log(KC_LOG_WARN, "an issuing certificate beside the root's key cannot be read");
        return false;
    }
    find_here(out, folder, kc_buffer_view(&der));
    out->listed = is_listed(out->read.serial, root_folder) || is_listed(out->read.serial, folder);
    return true;
}

static bool is_in(const struct kc_revoked *out, size_t count, const uint8_t serial[KC_SERIAL_SIZE])
{
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        found = memcmp(out[i].serial, serial, KC_SERIAL_SIZE) == 0;
    }
    return found;
}

size_t kc_record_ended(struct kc_revoked out[KC_ENDED_MAX], size_t count, const char *root_folder,
                       const char *folder)
{
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t ended_ms = 0;
    /* From the newest on, as whatever was made before an emergency ended by it, and of two by the earlier. */
    for (uint64_t i = count_of(root_folder); i > 0 && count < KC_ENDED_MAX; i--) {
        struct recorded one;
        if (!look_up(&one, root_folder, folder, i - 1)) {
            continue;
        }
        bool ended = one.listed || (!one.here && !one.again && ended_ms != 0);
        if (ended && one.here && one.number >= kc_issuers_emergency(folder)) {
            kc_log(KC_LOG_ERROR,
                   "issuing key %" PRIu64 " ended by the root's list, and this folder does not "
                   "know of it: it is one of before, and wants another emergency",
                   one.number);
        }
        if (ended && one.read.not_after_ms > now_ms && !is_in(out, count, one.read.serial)) {
            out[count] = (struct kc_revoked){.time_ms = ended_ms == 0 ? now_ms : ended_ms,
                                             .reason = KC_CRL_CA_COMPROMISE};
            memcpy(out[count++].serial, one.read.serial, KC_SERIAL_SIZE);
        }
        if (one.here && one.number > 0 && kc_issuers_is_emergency(folder, one.number)) {
            ended_ms = one.read.not_before_ms + KC_BEFORE_MS;
        }
    }
    return count;
}
