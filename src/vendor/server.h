/* The commands of the vendor server: its folder, its rounds, and what it knows. */
#ifndef KC_VENDOR_SERVER_H
#define KC_VENDOR_SERVER_H

#include "service/command.h"
#include "vendor/round.h"

#define KC_MACHINES_MAX 4096u
/* Machines that are called at once. */
#define KC_WORKERS_MAX 64u

struct kc_server {
    struct kc_round round;
    int lock;
    uint64_t every_ms;
    size_t worker_count;
    size_t machine_count;
    struct kc_round_machine *machines;
};

/* Opens the server's folder. KC_CONFIG_INVALID (logged), KC_FILE_MISSING, KC_KEY_PERMISSIONS, KC_IN_USE, KC_NO_MEMORY.
 * `alone`: takes the lock that keeps a second server out. */
KC_MUST_USE struct kc_result kc_server_open(struct kc_server *server, const char *dir, bool alone);
void kc_server_close(struct kc_server *server);

/* Makes the server's key pair and folder: sign.key, sign.pub, bank.pub. */
KC_MUST_USE struct kc_result kc_server_init_command(const struct kc_command *command);
/* One visit to each machine, or one after another on schedule, several machines at once (rounds.c). */
KC_MUST_USE struct kc_result kc_server_command(const struct kc_command *command);
/* What is known of each machine. */
KC_MUST_USE struct kc_result kc_server_report_command(const struct kc_command *command);

#endif
