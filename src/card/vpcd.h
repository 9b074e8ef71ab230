/* What a virtual reader (vpcd of vsmartcard) says to a card: frames of two bytes of size, the higher first, and that many bytes.
 * One byte is about power, more are a command; the card answers a command, and a question for its ATR, in a frame of its own.
 *
 * Whatever comes is bounded: a command that no purse takes is passed over to its end, and told as too large. */
#ifndef KC_CARD_VPCD_H
#define KC_CARD_VPCD_H

#include "base/bytes.h"
#include "purse/purse.h"

/* As the reader's driver has them by default; the second slot listens on the next port. */
#define KC_VPCD_PORT 35963u
#define KC_VPCD_HEAD_SIZE 2u

enum kc_vpcd_event {
    KC_VPCD_NOTHING, /* more bytes are needed */
    KC_VPCD_POWER_OFF,
    KC_VPCD_POWER_ON,
    KC_VPCD_RESET,
    KC_VPCD_ASK_ATR,
    KC_VPCD_COMMAND,   /* in `frame` */
    KC_VPCD_TOO_LARGE, /* a command longer than any purse takes */
    KC_VPCD_UNKNOWN /* a frame without content, or a byte that means nothing: no answer is waited for */
};

/* Zeroes are a decoder at the beginning of a frame. */
struct kc_vpcd_decoder {
    uint8_t head[KC_VPCD_HEAD_SIZE];
    size_t head_size;
    size_t size; /* of the frame, as its head says */
    size_t seen;
    uint8_t frame[KC_COMMAND_SIZE_MAX];
};

/* Takes bytes from *bytes until a frame is whole; what it took is cut off there. A command stays in `frame`, `size` bytes, until
 * the next call. KC_VPCD_NOTHING only when *bytes is empty. */
enum kc_vpcd_event kc_vpcd_take(struct kc_vpcd_decoder *decoder, struct kc_view *bytes);

/* The ATR of our card (ISO 7816-3): T=1, and in its historical bytes selection by name, chaining, extended length, "KC". */
struct kc_view kc_vpcd_atr(void);

#endif
