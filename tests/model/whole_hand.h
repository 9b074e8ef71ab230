/* What a hand can do in an episode: commands to purses with power that may go, letters, requests to the bank. Each looks at once
 * whether all is still true. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_HAND_H
#define KC_TESTS_WHOLE_HAND_H

#include "whole_play.h"

bool hand_chance(struct play *play, unsigned percent);
uint64_t hand_below(struct play *play, uint64_t below);
/* A place with a purse in it. */
unsigned hand_any_place(struct play *play);
void hand_trace(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts a message on its way. */
void hand_send(struct play *play, enum letter_kind kind, unsigned from, unsigned to,
               struct kc_view bytes);

/* Hands a message to whom it is for. False when something is wrong. */
bool hand_deliver(struct play *play, const struct letter *letter);

/* Before a command to a purse: power may go in it. After it: power comes back, and what the purse has is compared. */
void hand_arm(struct play *play, unsigned place);
bool hand_look(struct play *play, unsigned place, enum truth_command command,
               struct kc_result result);

/* A purse makes an envelope for the bank. */
enum hand_wish {
    WISH_WITHDRAW,
    WISH_DEPOSIT,
    WISH_FUND,
    WISH_REDEEM,
    WISH_TRANSFER,         /* from the purse to somebody's account, or the own one */
    WISH_TRANSFER_ACCOUNT, /* from the account */
    WISH_OK,
    WISH_NO,
    WISH_STATE,
    WISH_REPORT,
    WISH_REPEAT,
    WISH_RENEW, /* new keys, made in the purse */
    WISH_CLAIM, /* those that the authority made, from the bank */
    WISH_KEYS,  /* from the authority, and that they are in force */
    WISH_CONFIRM
};
bool hand_ask(struct play *play, unsigned place, enum hand_wish wish, uint64_t amount);

/* A card without keys is given its newest certified value. */
bool hand_fetch(struct play *play, unsigned place);
enum kc_purse_type hand_type(const struct play *play, unsigned place);

bool hand_identify(struct play *play, unsigned payer, unsigned payee, bool full);
/* The open payment of that index goes to a place again. *was_open says whether there is one. */
bool hand_resume(struct play *play, unsigned place, uint8_t index, bool *was_open);
/* A purse is given the bank's newest hotlist, or an older one, or none of the bank's. */
bool hand_hotlist(struct play *play, unsigned place);
bool hand_power(struct play *play, unsigned place);

#endif
