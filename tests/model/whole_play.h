/* One episode: a schedule of steps that a seed decides. Hosts and links carry messages, lose, repeat, hold back, mix up and forge
 * them; power goes off at any write; the bank crashes and its commits fail; holders who are rogues copy their purses, roll them
 * back and sign what no purse would. After each step the checker looks. */
#ifndef KC_TESTS_WHOLE_PLAY_H
#define KC_TESTS_WHOLE_PLAY_H

#include "../unit/store/rng.h"
#include "whole_truth.h"

#define PLAY_LETTERS 40u
#define PLAY_COPIES 2u
#define PLAY_PARTS 6u
#define PLAY_TRACE_SIZE 160u
#define PLAY_TRACES 64u

enum letter_kind {
    LETTER_NONE,
    LETTER_IDENTIFY,
    LETTER_OFFER,
    LETTER_PAYMENT,
    LETTER_ANSWER,
    LETTER_REQUEST,
    LETTER_REPLY,
    LETTER_CERTIFIED,   /* of a card without keys, from the bank */
    LETTER_KEY_REQUEST, /* to the authority, and its answer */
    LETTER_KEY_REPLY
};

/* A message on its way, from a place to a place; requests and replies have the purse's place in both. */
struct letter {
    enum letter_kind kind;
    unsigned from;
    unsigned to;
    unsigned holder; /* whose purse sent it: the place may be filled anew meanwhile */
    uint64_t roll;   /* which keys of the bank it was signed with, or sealed for */
    size_t size;
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
};

enum play_action {
    ACTION_DELIVER,
    ACTION_MEET,
    ACTION_EXCHANGE, /* an exchange, or the beginning of one */
    ACTION_VISIT,    /* the same with the bank: cash, fund, recover or report */
    ACTION_CASH,
    ACTION_FUND,
    ACTION_SAY,
    ACTION_RECOVER,
    ACTION_REPORT,
    ACTION_RESUME,
    ACTION_POWER,
    ACTION_TIME,
    ACTION_BANK,
    ACTION_LOSE,
    ACTION_MIX,
    ACTION_FORGE,
    ACTION_HOTLIST,
    ACTION_ROGUE_COPY,
    ACTION_ROGUE_SIGN,
    ACTION_COUNT,
};

/* What of all this an episode does, and how often. */
struct play_habits {
    unsigned holders;
    unsigned rogues; /* bits */
    unsigned steps;
    unsigned weights[ACTION_COUNT];
    unsigned weight_sum;
    unsigned keep_percent;   /* a delivered message is kept, and may come again */
    unsigned newest_percent; /* the newest message goes first */
    unsigned cut_percent;    /* of purse commands */
    unsigned refuse_percent; /* payees and users who say no */
    uint64_t amount_most;
    bool charged; /* accounts are charged for being kept */
    bool moving;  /* at the end an account moves to a new purse */
    bool listing; /* purses of others go out of use, and the hotlist goes around */
    bool renewed; /* purses get new keys */
    bool rolling; /* the bank's keys roll over */
    bool closing; /* accounts are given up */
    bool losing;  /* purses are lost */
    bool counter; /* certificates end, and purses are renewed at the counter */
    bool moves;   /* an account moves to a new purse, in the middle of it all */
    bool
        full; /* histories are nearly full when it begins, and the settlement time runs out now and then */
};

struct play {
    struct whole *plain;
    struct whole *mixed;
    struct whole *whole; /* of these two, the one that is played */
    struct truth truth;
    struct rng rng;
    struct play_habits habits;
    uint64_t seed;
    uint64_t episode;
    unsigned step;
    bool ends; /* whose purse may not take a payment, as one of a suspended account, says no */
    bool plain_pays; /* who pays, pays what the habits say */
    bool says_next;  /* the user at `sayer` has a quote before him */
    unsigned sayer;
    /* Whose account is to move, plus 1; the purse that waits for that, since when; how often it was asked for. */
    unsigned mover;
    struct kc_purse_id waiting;
    uint64_t asked_ms;
    uint8_t asked;
    size_t letter_next;
    size_t newest;
    bool has_ended;      /* the certificates of somebody */
    bool vouches;        /* the registrar, for whoever's certificates ended */
    unsigned at_counter; /* who stands there, plus 1 */
    bool was_sent;       /* a message, since somebody looked */
    struct letter letters[PLAY_LETTERS];
    bool has_copy[PLAY_COPIES];
    unsigned copy_holder[PLAY_COPIES];
    struct nvm_copy copies[PLAY_COPIES];
    int64_t skews[WHOLE_PLACES_MAX];
    size_t hotlist_size; /* one that the bank gave before */
    uint8_t hotlist[KC_RECORD_SIZE_MAX];
    bool base_needed;  /* by the purse that was given one */
    size_t part_count; /* of hotlists in two parts, that the bank gave before */
    struct {
        size_t size;
        uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    } parts[PLAY_PARTS];
    struct letter work;
    /* The last steps in words, when traced; all of them at once, when told. */
    bool traced;
    bool told;
    size_t trace_count;
    char traces[PLAY_TRACES][PLAY_TRACE_SIZE];
    struct {
        uint64_t steps;
        uint64_t commands;
        uint64_t served;
        uint64_t cuts;
        uint64_t payments;
        uint64_t proofs;
        uint64_t gaps;
        uint64_t closed;   /* of those, with something that nobody explained in time */
        uint64_t claims;   /* told to operators */
        uint64_t limited;  /* payments that a limit refused */
        uint64_t hotlists; /* taken by purses */
        uint64_t listed;   /* partners who were refused for it */
        uint64_t sweeps;
        uint64_t lost;      /* payments of copied cards that nobody is paid for */
        uint64_t charges;   /* that were paid */
        uint64_t suspended; /* accounts, for one that was not */
        uint64_t lifted;
        uint64_t renewals;
        uint64_t ended; /* payments under keys that had ended */
        uint64_t moves;
        uint64_t vouched; /* messages, at the counter */
        uint64_t moved;   /* of those, in the middle of an episode, and done */
        uint64_t rolls;
        uint64_t parts;    /* of hotlists, taken by purses */
        uint64_t given_up; /* accounts; pay-outs; what came to them when they were closed */
        uint64_t paid_out;
        uint64_t came_late;
        uint64_t purses_lost;
        uint64_t reissues;  /* new purses in the place of those */
        uint64_t overspent; /* of those, for paying more than there was */
    } tally;
};

/* Every so many episodes there are cards and a machine, too; as often accounts are charged, and as often keys are renewed. */
#define PLAY_MIXED_EVERY 8u
#define PLAY_MIXED_AT 5u
#define PLAY_CHARGED_AT 1u
#define PLAY_RENEWED_AT 6u
#define PLAY_CHARGED_STEPS 60u
/* Accounts are given up. */
#define PLAY_CLOSING_EVERY 16u
#define PLAY_CLOSING_AT 3u
/* The bank's keys roll over. */
#define PLAY_ROLLING_AT 7u
/* Accounts are given up, too, and the hotlist grows. */
#define PLAY_LISTING_AT 11u
/* An account moves. */
#define PLAY_MOVING_AT 15u
#define PLAY_LISTING_STEPS 30u
/* In mixed ones the holders of the machine, of the card without keys, and of the other one. */
#define PLAY_MACHINE 2u
#define PLAY_BEARER 3u
#define PLAY_CARD 4u

/* Runs the episode of that number; false at the first fault, which play->truth.why names. With `until` not 0 it stops before that
 * step, and nothing is brought to an end. */
bool play_episode(struct play *play, uint64_t seed, uint64_t episode, unsigned until);

/* ---- for the other file of schedules ---- */

/* Delivers what was just sent, and what comes of it, up to `kind` or so many times. */
bool play_follow(struct play *play, enum letter_kind kind, unsigned most);
/* A purse reports until the bank knows all of it, and hears how what was pending ended. */
bool play_sync(struct play *play, unsigned place);
/* All honest ones sync until that brings nothing new. */
bool play_sync_all(struct play *play);
/* All honest ones sync and meet whom they owe a payment; then nothing is open. */
bool play_end(struct play *play);

#endif
