/* External data of every signature and seal: CBOR [domain word, bank id, currency]. Internal to this room. */
#ifndef KC_MESSAGE_EXTERNAL_H
#define KC_MESSAGE_EXTERNAL_H

#include "base/cursor.h"
#include "base/ids.h"

#define KC_DOMAIN_SIZE_MAX 40
#define KC_EXTERNAL_SIZE_MAX (1 + 2 + KC_DOMAIN_SIZE_MAX + 9 + 4)

static inline struct kc_view kc_external_make(uint8_t out[KC_EXTERNAL_SIZE_MAX],
                                              const struct kc_realm *realm, const char *domain)
{
    struct kc_writer writer;
    kc_writer_init(&writer, out, KC_EXTERNAL_SIZE_MAX);
    kc_write_array(&writer, 3);
    kc_write_text(&writer, kc_view_text(domain));
    kc_write_uint(&writer, realm->bank);
    kc_write_text(&writer, kc_view(realm->currency, 3));
    return kc_writer_view(&writer);
}

#endif
