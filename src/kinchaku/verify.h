/* `kinchaku verify-evidence`: a stranger's look at an evidence file, with nothing but the bank's certificate. */
#ifndef KC_KINCHAKU_VERIFY_H
#define KC_KINCHAKU_VERIFY_H

#include "service/command.h"

/* Prints what the file proves; gives the exit status: 0 proven, 1 not proven or no evidence file of this bank. */
int kc_verify_evidence(const struct kc_command *command, const char *path);

#endif
