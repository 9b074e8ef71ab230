/* machine.ini: what a machine sells and where it is asked. It is read at the start and written by its keeper alone.
 *
 * Its last section tells how many places there are, so that a file that lost its end is found out. */
#ifndef KC_VENDOR_INI_H
#define KC_VENDOR_INI_H

#include "base/amount.h"
#include "base/ids.h"
#include "service/files.h"

#define KC_SLOTS_MAX 48u
#define KC_SLOT_NAME_MAX 40u
#define KC_PLACE_TEXT_MAX 127u

struct kc_slot_ini {
    char name[KC_SLOT_NAME_MAX + 1]; /* empty: there is no such place */
    char price_text[24];
    uint64_t count; /* in it when the machine is started the first time */
    char state[8];  /* "" or "jam": for tests, nothing comes out of it */
    struct kc_amount price;
};

struct kc_machine_ini {
    char name[KC_SLOT_NAME_MAX + 1];
    char dealer_text[KC_ID_TEXT_SIZE];
    char purse_file[256];
    char link[KC_PLACE_TEXT_MAX + 1];
    char collect[KC_PLACE_TEXT_MAX + 1]; /* empty: nobody collects */
    char server_key[256];  /* of the one server that may, PEM; in the machine's folder */
    uint64_t journal_most; /* lines that no server has, before the machine stops selling */
    uint64_t talk_ms;      /* how long the other side may take for its next message */
    uint64_t slot_count;
    struct kc_account_id dealer;
    struct kc_slot_ini slots[KC_SLOTS_MAX]; /* place n stands at n - 1 */
};

/* KC_CONFIG_INVALID (the reason is logged), KC_FILE_MISSING. */
KC_MUST_USE struct kc_result kc_machine_ini_read(struct kc_machine_ini *out, const char *path);

/* The prices, once the currency is known. KC_CONFIG_INVALID. */
KC_MUST_USE struct kc_result kc_machine_ini_prices(struct kc_machine_ini *ini, unsigned decimals);

#endif
