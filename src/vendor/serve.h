/* The machine as a process: one buyer, server or cashier at a time. */
#ifndef KC_VENDOR_SERVE_H
#define KC_VENDOR_SERVE_H

#include "service/command.h"
#include "vendor/collect.h"
#include "vendor/sell.h"

/* Serves until SIGTERM. Each sale is a line on stdout. KC_USAGE: nowhere to listen. */
KC_MUST_USE struct kc_result kc_serve_machine(struct kc_machine *machine,
                                              const struct kc_command *command);

/* What a sale came to, on stdout. */
void kc_serve_tell(const struct kc_machine *machine, const struct kc_command *command,
                   const struct kc_sold *sold);

/* ---- till.c ---- */

/* One line that the cashier typed: an amount, `cancel`, `refund SALE [AMOUNT]`, `close`, `show`. *fatal as in a sale. */
KC_MUST_USE struct kc_result kc_till_line(bool *fatal, struct kc_machine *machine,
                                          const struct kc_command *command, const char *line);

#endif
