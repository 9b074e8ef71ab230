/* What the platform gives a purse: non-volatile memory. Cryptography and randomness come through crypto/port.h.
 *
 * A write may be cut at any byte by a power cut. After sync every write before it is durable and none of them is mixed with
 * later ones. */
#ifndef KC_PURSE_PORT_H
#define KC_PURSE_PORT_H

#include "base/bytes.h"

struct kc_nvm {
    void *context;
    size_t size;
    struct kc_result (*read)(void *context, size_t offset, uint8_t *out, size_t size);
    struct kc_result (*write)(void *context, size_t offset, const uint8_t *data, size_t size);
    struct kc_result (*sync)(void *context);
};

#endif
