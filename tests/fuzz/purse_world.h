/* A purse over memory that can be cut from power, and a bank that can say anything under its real signature. */
#ifndef KC_TESTS_PURSE_WORLD_H
#define KC_TESTS_PURSE_WORLD_H

#include "fuzz.h"
#include "message/generated/messages.h"
#include "message/offline_limits.h"
#include "purse/purse.h"

#define WORLD_PIN "1234"
#define WORLD_VALUE 500u
#define WORLD_TIME_MS UINT64_C(1795478400000)
#define WORLD_EXPIRES_S (WORLD_TIME_MS / 1000 + 200)

struct world {
    uint8_t nvm[KC_NVM_SIZE];
    /* Writes left until the power goes; no limit when negative. The last one is written by half. */
    int writes_left;
    struct kc_purse purse;
    uint8_t response[KC_RESPONSE_SIZE_MAX];
    size_t response_size;
};

/* What a purse is ready with. */
enum world_kind {
    WORLD_BLANK,
    WORLD_REFUSES,    /* no limits that bind */
    WORLD_OVERWRITES, /* nor here */
    WORLD_LIMITED,    /* limits of a few hundred, and overwriting */
};

/* A memory as new, or with a ready purse of WORLD_VALUE in it, and the purse powered up over it. */
void world_reset(struct world *world, enum world_kind kind);
void world_power_cycle(struct world *world);

/* Sends a command in the extended form, or bytes as they are; gives the status word. */
unsigned world_send(struct world *world, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2,
                    struct kc_view data);
unsigned world_send_raw(struct world *world, struct kc_view command);

/* The step of personalisation of that index as a command, in `out`; 0 past the last one. */
size_t world_personalise_step(size_t index, uint8_t *out);

/* What the bank is made to say; see world_bank_says. */
struct saying {
    uint8_t kind;     /* quote, completion, state reply, fund reply, refusal, settle reply */
    uint8_t outcome;  /* or the reason of a refusal */
    uint8_t sequence; /* how far beyond the sequence the purse holds, less one */
    uint8_t included; /* how many of the purse's open entries the certified value includes */
    uint16_t amount;  /* in the purse, as certified; for a quote: what its amounts are off by */
};

/* An envelope of the bank for this purse that answers what the purse last sent. */
struct kc_view world_bank_says(struct world *world, const struct saying *saying);

/* A hotlist of `version` that the bank signed, of these numbers with the steps between them as they are given. */
struct kc_view world_bank_lists(uint64_t version, uint64_t count, struct kc_view listed);

/* The certified value that the purse holds, opened. */
struct kc_certified world_certified(const struct kc_purse *purse);

#endif
