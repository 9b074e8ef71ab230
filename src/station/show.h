/* What the station prints about a UIM: text for people, one JSON object a line with --json. */
#ifndef KC_STATION_SHOW_H
#define KC_STATION_SHOW_H

#include "service/command.h"
#include "service/json_out.h"
#include "station/station.h"

/* What the UIM holds; `result_word` NULL: nothing was done. */
KC_MUST_USE struct kc_result kc_show_state(struct kc_station *station,
                                           const struct kc_command *command,
                                           const char *result_word);

/* The same, and how far a renewal of its keys is at the bank, if that answers at once. */
KC_MUST_USE struct kc_result kc_show_all(struct kc_station *station,
                                         const struct kc_command *command, const char *result_word);

/* The entries of its history, newest first. Needs the PIN. */
KC_MUST_USE struct kc_result kc_show_history(struct kc_station *station,
                                             const struct kc_command *command);

/* The bank's objections to what was reported, each told once; kc_show_state begins with them. */
void kc_show_objections(struct kc_station *station, const struct kc_command *command);

/* Asks the user at the terminal: OK, y and yes are OK, and anything else is NG. */
bool kc_ask_ok(void);

#endif
