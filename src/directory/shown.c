/* Which certificates are meant, for whoever has them revoked: those of a pair in the books, and those in the directory. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "directory/people.h"

struct kc_result kc_people_name_pair(struct kc_buffer *issuer, struct kc_person *person,
                                     struct kc_people *people, const struct kc_crypto *crypto,
                                     const uint8_t pair[KC_PEOPLE_PAIR_SIZE], uint64_t now_ms)
{
    /* Whatever the list says: one of the two may be on it alone. An issuer that is not known is no place. */
    struct kc_result word = kc_people_check_pair(person, people, crypto, pair, now_ms, now_ms);
    struct kc_result result = kc_people_issuer_of(issuer, NULL, people, person);
    return kc_failed(result) && kc_failed(word) ? word : result;
}

static bool is_ours(struct kc_certificate *out, const struct kc_people_issuers *issuers,
                    struct kc_view der, uint64_t now_ms)
{
    bool ours = false;
    for (size_t i = 0; i < issuers->count && !ours; i++) {
        ours = !kc_failed(
            kc_certificate_verify(out, der, issuers->ders[i], issuers->roots[i], now_ms));
    }
    return ours;
}

struct kc_result kc_people_each_shown(size_t *count, struct kc_people *people,
                                      struct kc_directory *directory, uint64_t number,
                                      uint64_t now_ms, void *owner,
                                      bool (*each)(void *owner, struct kc_view der))
{
    struct kc_people_issuers issuers;
    struct kc_directory_entry entry;
    struct kc_certificate certificate;
    char subject[24];
    bool more = true;
    *count = 0;
    kc_people_issuers(&issuers, people, now_ms);
    (void)snprintf(subject, sizeof subject, "%" PRIu64, number);
    struct kc_result result = kc_directory_account(&entry, directory, number);
    if (kc_failed(result)) {
        return kc_result(result.code == KC_NOT_FOUND ? KC_OK : result.code);
    }
    for (size_t i = 0; i < entry.count && more; i++) {
        if (is_ours(&certificate, &issuers, entry.certificates[i], now_ms) &&
            strcmp(certificate.subject, subject) == 0) {
            *count += 1;
            more = each(owner, entry.certificates[i]);
        }
    }
    kc_directory_entry_free(&entry);
    return result;
}
