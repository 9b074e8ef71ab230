/* Pairs of certificates: SEQUENCE { [0] EXPLICIT Certificate, [1] EXPLICIT Certificate }, both optional in X.509. */
#include "crypto/x509.h"

#define TAG_SEQUENCE 0x30u
#define TAG_TO 0xa0u
#define TAG_BY 0xa1u
#define HEAD_SIZE 4u

/* With two bytes of length where one would do too, DER would be broken: certificates are longer than 256 bytes. */
static bool fits(size_t size)
{
    return size > 0xff && size <= 0xffff;
}

static void write_head(uint8_t out[HEAD_SIZE], uint8_t tag, size_t size)
{
    out[0] = tag;
    out[1] = 0x82;
    out[2] = (uint8_t)(size >> 8);
    out[3] = (uint8_t)size;
}

struct kc_result kc_certificate_pair_write(struct kc_buffer *pair, struct kc_view to,
                                           struct kc_view by)
{
    uint8_t head[3][HEAD_SIZE];
    size_t inner = 2 * HEAD_SIZE + to.size + by.size;
    pair->size = 0;
    if (!fits(to.size) || !fits(by.size) || !fits(inner)) {
        return kc_result(KC_CERT_INVALID);
    }
    write_head(head[0], TAG_SEQUENCE, inner);
    write_head(head[1], TAG_TO, to.size);
    write_head(head[2], TAG_BY, by.size);
    const struct kc_view parts[] = {kc_view(head[0], HEAD_SIZE), kc_view(head[1], HEAD_SIZE), to,
                                    kc_view(head[2], HEAD_SIZE), by};
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !kc_failed(result); i++) {
        result = kc_buffer_append(pair, parts[i]);
    }
    return result;
}

/* The content of one element at the start of *rest, which begins after it then. */
static bool take(struct kc_view *out, struct kc_view *rest, uint8_t tag)
{
    if (rest->size < HEAD_SIZE || rest->data[0] != tag || rest->data[1] != 0x82) {
        return false;
    }
    size_t size = (size_t)rest->data[2] << 8 | rest->data[3];
    if (size > rest->size - HEAD_SIZE) {
        return false;
    }
    *out = kc_view(rest->data + HEAD_SIZE, size);
    *rest = kc_view(rest->data + HEAD_SIZE + size, rest->size - HEAD_SIZE - size);
    return fits(size);
}

struct kc_result kc_certificate_pair_read(struct kc_view *to, struct kc_view *by,
                                          struct kc_view pair)
{
    struct kc_view inner;
    struct kc_view rest = pair;
    bool good = take(&inner, &rest, TAG_SEQUENCE) && rest.size == 0 && take(to, &inner, TAG_TO) &&
                take(by, &inner, TAG_BY) && inner.size == 0;
    return kc_result(good ? KC_OK : KC_CERT_INVALID);
}
