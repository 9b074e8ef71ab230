/* `kinchaku-bank roll`: the operator makes the bank's next keys. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"
#include "crypto/libcrypto.h"
#include "service/command.h"
#include "service/json_out.h"

#define DAYS_DEFAULT 90u
#define DAYS_MAX 3660u

static void show(const struct kc_command *command, const struct kc_roll_state *state)
{
    char until[KC_CLOCK_TEXT_SIZE] = "";
    struct kc_json_out json;
    if (state->done) {
        kc_clock_format(until, state->until_ms);
    }
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "roll", state->done ? "done" : "planned");
        kc_json_number(&json, "number", state->number);
        if (state->done) {
            kc_json_text(&json, "until", until);
        }
        kc_json_close(&json);
    } else if (state->done) {
        (void)printf("the bank's keys of number %" PRIu64
                     " are in force from its next start on; the old ones count until %s\n",
                     state->number, until);
    } else {
        (void)printf("the bank's keys of number %" PRIu64
                     " are made and wait for their certificates:\n"
                     "  kinchaku-authority server --name bank, then kinchaku-bank roll again\n",
                     state->number);
    }
}

/* Under the bank's own lock: it must not be serving, for it would go on under the old keys. */
static struct kc_result run(struct kc_roll_state *state, int *lock, const char *dir,
                            const struct kc_roll_wish *wish)
{
    struct kc_bank_config config;
    struct kc_crypto crypto;
    char folder[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_bank_config_open(&config, folder, dir);
    if (!kc_failed(result)) {
        result = kc_folder_lock(lock, dir, "bank");
    }
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&crypto, 8);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_bank_roll(state, &crypto, &config, folder, wish);
    kc_libcrypto_close(&crypto);
    return result;
}

struct kc_result kc_bank_finish_roll(const struct kc_bank_config *config, const char *folder)
{
    struct kc_roll_state state;
    struct kc_crypto crypto;
    char path[KC_PATH_SIZE_MAX];
    /* Before the first certificates there is nothing to roll over. */
    struct kc_result result = kc_path_join(path, folder, "sign.crt", NULL);
    if (kc_failed(result) || !kc_file_exists(path)) {
        return result;
    }
    result = kc_libcrypto_open(&crypto, 8);
    if (kc_failed(result)) {
        return result;
    }
    result = kc_bank_roll(&state, &crypto, config, folder, NULL);
    kc_libcrypto_close(&crypto);
    return result;
}

int kc_bank_roll_command(const struct kc_command *command, const char *dir)
{
    struct kc_roll_state state = {.number = 0};
    struct kc_roll_wish wish = {.token = kc_command_value(command, "token"),
                                .emergency = kc_command_value(command, "emergency") != NULL};
    int lock = -1;
    if (!kc_command_number(&wish.days, command, "days", 0, DAYS_MAX, DAYS_DEFAULT)) {
        return kc_command_usage_of(command, "days", "0 to 3660");
    }
    if (wish.token != NULL && !kc_token_uri_fits(wish.token)) {
        return kc_command_usage_of(command, "token", "a PKCS#11 URI without a PIN");
    }
    struct kc_result result = run(&state, &lock, dir, &wish);
    kc_file_unlock(lock);
    if (kc_failed(result)) {
        return kc_command_fail(command, result, "roll");
    }
    show(command, &state);
    return state.done ? 0 : kc_error_exit_status(KC_NOT_COMPLETED);
}
