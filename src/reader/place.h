/* A purse by the name of its place: pcsc:READER is the card in that reader, everything else the path of a file. */
#ifndef KC_READER_PLACE_H
#define KC_READER_PLACE_H

#include "crypto/port.h"
#include "reader/file_purse.h"
#include "reader/pcsc.h"

/* The caller zeroes it; closing it then does no harm, opened or not. */
struct kc_purse_place {
    struct kc_file_purse *file;
    struct kc_pcsc *card;
    char words
        [KC_PCSC_WORDS_SIZE]; /* of the last failure: what was found in place of it, or empty */
};

/* The reader in pcsc:READER, or NULL for a file. */
const char *kc_purse_place_reader(const char *place);

/* Opens the purse there; *port reaches it. The crypto port is for a file, and its backend must outlive the purse. Errors of
 * kc_file_purse_open and kc_pcsc_open. */
KC_MUST_USE struct kc_result kc_purse_place_open(struct kc_purse_place *out,
                                                 struct kc_slot_port *port, const char *place,
                                                 const struct kc_crypto *crypto);
void kc_purse_place_close(struct kc_purse_place *place);

#endif
