/* The operator's commands of kinchaku-bank. */
#ifndef KC_BANK_ADMIN_H
#define KC_BANK_ADMIN_H

#include "service/command.h"

/* Runs `account N`, `purse ID`, `alerts`, `evidence ID`, `hotlist`, `audit` or `stats` on the system in `dir`; the exit
 * status. `purse ID --log-policy P` asks the running bank first. */
int kc_bank_admin(const struct kc_command *command, const char *dir);

#endif
