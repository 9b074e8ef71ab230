/* Frames: how a message lies on a line that carries bytes and may damage, lose or repeat them.
 *
 *   7e  kind  sequence  acknowledged  session (4)  payload (0 to 4,096)  CRC-32 (4, big-endian)  7e
 *
 * as in HDLC: between the flags 7e each of 7e, 7d, 11 and 13 is sent as 7d and the byte XOR 20 (11 and 13 are XON and XOFF, which
 * some adapters swallow). The CRC covers everything before it. There is exactly one encoding of a frame. */
#ifndef KC_LINK_FRAME_H
#define KC_LINK_FRAME_H

#include "base/bytes.h"

#define KC_LINK_PAYLOAD_MAX 4096u
#define KC_LINK_HEAD_SIZE 7u
#define KC_LINK_CRC_SIZE 4u
#define KC_LINK_FRAME_MAX (KC_LINK_HEAD_SIZE + KC_LINK_PAYLOAD_MAX + KC_LINK_CRC_SIZE)
/* Every byte escaped, and both flags. */
#define KC_LINK_STUFFED_MAX (2u * KC_LINK_FRAME_MAX + 2u)

enum kc_link_kind_of_frame {
    KC_LINK_HELLO = 1,   /* the connecting side opens a session */
    KC_LINK_WELCOME = 2, /* the listening side takes it */
    KC_LINK_DATA = 3,    /* a message; the only kind with a payload */
    KC_LINK_ACK = 4,     /* says only what was acknowledged */
    KC_LINK_BYE = 5,     /* this side sends and takes nothing more */
};

struct kc_link_frame {
    enum kc_link_kind_of_frame kind;
    uint8_t sequence;     /* of DATA: its number in this direction, from 0, modulo 256 */
    uint8_t acknowledged; /* the sequence that the sender expects next */
    uint32_t session;     /* chosen by the connecting side */
    struct kc_view payload;
};

/* Writes a frame with both flags. A payload over the limit or on another kind than DATA is a fault of the caller.
 * KC_BUFFER_SMALL. */
KC_MUST_USE struct kc_result kc_link_frame_write(struct kc_buffer *out,
                                                 const struct kc_link_frame *frame);

/* Takes a line byte by byte. */
struct kc_link_decoder {
    uint8_t bytes[KC_LINK_FRAME_MAX];
    size_t size;
    bool escaped; /* the byte before was 7d */
    bool spoiled; /* cannot become a frame any more: skips to the next flag */
    bool overlong;
};

enum kc_link_found {
    KC_LINK_FOUND_NOTHING, /* goes on */
    KC_LINK_FOUND_FRAME,   /* *frame is filled */
    KC_LINK_FOUND_DAMAGE,  /* bytes between two flags that are no frame */
    KC_LINK_FOUND_OVERLONG, /* more bytes without a flag than a frame may have; told once for each such size */
};

void kc_link_decoder_init(struct kc_link_decoder *decoder);

/* The payload of *frame lies in the decoder and is valid until the next byte. */
enum kc_link_found kc_link_decoder_take(struct kc_link_frame *frame,
                                        struct kc_link_decoder *decoder, uint8_t byte);

#endif
