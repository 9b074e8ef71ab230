#include "reader/place.h"

#include <stddef.h>
#include <string.h>

const char *kc_purse_place_reader(const char *place)
{
    static const char word[] = "pcsc:";
    return strncmp(place, word, sizeof word - 1) == 0 ? place + sizeof word - 1 : NULL;
}

struct kc_result kc_purse_place_open(struct kc_purse_place *out, struct kc_slot_port *port,
                                     const char *place, const struct kc_crypto *crypto)
{
    const char *reader = kc_purse_place_reader(place);
    out->words[0] = '\0';
    return reader == NULL ? kc_file_purse_open(&out->file, port, place, crypto)
                          : kc_pcsc_open(&out->card, port, out->words, reader);
}

void kc_purse_place_close(struct kc_purse_place *place)
{
    kc_file_purse_close(place->file);
    kc_pcsc_close(place->card);
    place->file = NULL;
    place->card = NULL;
}
