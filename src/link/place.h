/* Where a link is: unix:PATH, tcp:HOST:PORT or tty:DEVICE. */
#ifndef KC_LINK_PLACE_H
#define KC_LINK_PLACE_H

#include <stdint.h>

#include "base/result.h"

/* The longest path that a local socket's address takes, and room for a name of the kind before it. */
#define KC_LINK_PATH_MAX 107u
#define KC_LINK_PLACE_TEXT_SIZE 128u

enum kc_link_kind {
    KC_LINK_UNIX = 1, /* a local socket, for two stations on one machine */
    KC_LINK_TCP = 2,  /* any network */
    KC_LINK_TTY = 3,  /* a serial line: cable, IrCOMM, Bluetooth RFCOMM, USB */
};

struct kc_link_place {
    enum kc_link_kind kind;
    char path[KC_LINK_PATH_MAX + 1]; /* of the socket or the device; of tcp: the host */
    uint16_t port;
};

/* HOST is a numeric address, IPv6 in [brackets], or `localhost`: names would need a resolver, which waits as long as it likes and
 * is not there where people meet. PORT 0 is for listening: any free one. KC_USAGE for every other text. */
KC_MUST_USE struct kc_result kc_link_place_parse(struct kc_link_place *out, const char *text);

/* The text that parses into this place. */
void kc_link_place_format(char out[KC_LINK_PLACE_TEXT_SIZE], const struct kc_link_place *place);

#endif
