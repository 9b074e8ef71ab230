/* The user's PIN: from --pin-file, KINCHAKU_PIN, the letter beside a UIM's file, or the terminal, in this order. */
#ifndef KC_STATION_PIN_H
#define KC_STATION_PIN_H

#include "service/command.h"
#include "station/station.h"

/* What was read last, for words about it. */
struct kc_pin_trail {
    const char *file;
    bool letter; /* the PIN came from the letter beside the UIM, not from the user */
};

bool kc_pin_is(const char *text);

/* The path of the letter that the registrar wrote beside the UIM; NULL when there is none. */
const char *kc_pin_letter(const struct kc_command *command);

/* The first line of a file that nobody else may read. KC_PIN_REQUIRED: it has none that fits; errors of kc_file_read_secret. */
KC_MUST_USE struct kc_result kc_pin_from_file(struct kc_pin_trail *trail, char *out,
                                              size_t capacity, const char *path);

/* Shows the UIM its PIN; a card or machine has none and nothing is looked for. KC_PIN_REQUIRED, and errors of the purse. */
KC_MUST_USE struct kc_result kc_pin_unlock(struct kc_pin_trail *trail, struct kc_station *station,
                                           const struct kc_command *command);

#endif
