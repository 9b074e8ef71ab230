/* The vendor server (VS): gathers the journals of many machines and carries their reports to the bank (EP1221669 [0222]-[0229]).
 *
 * For each machine a folder keeps, durably and each before the next step:
 *   journal    the machine's lines, verified
 *   report     the report under way, as the machine made it
 *   answer     the bank's answer to that report, until the machine took it
 *   state      the newest time stamp used, and how it stood last
 *   notes      what its keeper should know: objections, refusals, failures; one line each
 *
 *   idle --lines kept--> lines --report kept--> reported --bank--> answered --machine took it--> idle
 *
 * | cut after             | what is there            | next round                                                        |
 * |-----------------------|--------------------------|-------------------------------------------------------------------|
 * | lines received        | part of them             | asks from the first one that is missing                           |
 * | report kept           | report                   | the same bytes to the bank, which answers a repeat from its store |
 * | bank answered, lost   | report                   | the same                                                          |
 * | answer kept           | report, answer           | hands it to the machine                                           |
 * | machine took it, lost | report, answer           | the machine says `mismatch` and makes a new report if it needs one |
 *
 * Nothing here is counted twice: the bank takes the machine's entries by their counters, and the machine its certified value by
 * its sequence. */
#ifndef KC_VENDOR_ROUND_H
#define KC_VENDOR_ROUND_H

#include "service/command.h"

/* Makes the server's key pair and folder: sign.key, sign.pub, bank.pub. */
KC_MUST_USE struct kc_result kc_round_init_command(const struct kc_command *command);
/* One round over the machines, or one after another on schedule. */
KC_MUST_USE struct kc_result kc_round_command(const struct kc_command *command);
/* What is known of each machine. */
KC_MUST_USE struct kc_result kc_report_command(const struct kc_command *command);

#endif
