#include "whole_play.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "whole_clerk.h"
#include "whole_gone.h"
#include "whole_hand.h"
#include "whole_leave.h"
#include "whole_list.h"
#include "whole_lose.h"
#include "whole_move.h"
#include "whole_renewed.h"
#include "whole_renewing.h"
#include "whole_rogue.h"
#include "whole_roll.h"

#define SYNC_ROUNDS 60u
#define TRIES 12u
#define LAST_ROUNDS 4u
#define SKEW_MS 20000u
/* Of the steps of an episode with charges, or with renewals. */
#define CLERK_PERCENT 35u
#define RENEWING_PERCENT 35u
/* And of one in which accounts are closed. */
#define LEAVE_PERCENT 25u
/* And of one in which the bank's keys roll over. */
#define ROLL_PERCENT 30u
/* And of one in which the hotlist grows. */
#define LIST_PERCENT 60u
/* And of one in which purses are lost. */
#define LOSE_PERCENT 5u
/* And of one in which an account moves. */
#define MOVE_PERCENT 15u

/* ---- habits ---- */

static unsigned some_weight(struct play *play)
{
    static const unsigned weights[] = {0, 1, 1, 3, 8};
    return weights[hand_below(play, 5)];
}

static unsigned some_percent(struct play *play)
{
    static const unsigned percents[] = {0, 0, 5, 20, 50};
    return percents[hand_below(play, 5)];
}

/* The machine and the card without keys are always there, the other card and a third user mostly. Copies of the card are made in
 * half of these episodes. */
static void mix_habits(struct play *play)
{
    struct play_habits *habits = &play->habits;
    habits->holders = PLAY_BEARER + 1 + (unsigned)hand_below(play, 3);
    habits->weights[ACTION_VISIT] += 4;
    habits->weights[ACTION_CASH] += 2;
    habits->weights[ACTION_EXCHANGE] += 6;
    if (hand_chance(play, 50)) {
        habits->rogues |= 1u << PLAY_BEARER;
        habits->weights[ACTION_ROGUE_COPY] += 4;
        habits->weights[ACTION_ROGUE_SIGN] += 1;
        habits->weights[ACTION_HOTLIST] += 1;
    }
}

static bool is_mixed(uint64_t episode)
{
    return episode % PLAY_MIXED_EVERY == PLAY_MIXED_AT;
}

/* One of eight of the others, and one of four mixed ones. */
static bool is_charged(uint64_t episode)
{
    return is_mixed(episode) ? episode / PLAY_MIXED_EVERY % 4 == 1
                             : episode % PLAY_MIXED_EVERY == PLAY_CHARGED_AT;
}

/* One of eight of the others; one of four mixed ones, and of those with charges. */
static bool is_renewed(uint64_t episode)
{
    uint64_t nth = episode / PLAY_MIXED_EVERY % 4;
    return is_mixed(episode)
               ? nth == 2
               : episode % PLAY_MIXED_EVERY == PLAY_RENEWED_AT || (is_charged(episode) && nth == 3);
}

/* Of mixed ones without charges some: of four, two this, one that the bank's keys roll over, and one both. */
static bool is_closing(uint64_t episode)
{
    uint64_t nth = episode / PLAY_MIXED_EVERY;
    return is_mixed(episode) ? nth % 4 == 3 && nth / 4 % 4 != 1
                             : episode % PLAY_CLOSING_EVERY == PLAY_CLOSING_AT;
}

static bool is_listing(uint64_t episode)
{
    return episode % PLAY_CLOSING_EVERY == PLAY_LISTING_AT;
}

static bool is_moving(uint64_t episode)
{
    return episode % PLAY_CLOSING_EVERY == PLAY_MOVING_AT;
}

static bool is_rolling(uint64_t episode)
{
    uint64_t nth = episode / PLAY_MIXED_EVERY;
    return is_mixed(episode) ? nth % 4 == 3 && nth / 4 % 2 == 1
                             : episode % PLAY_CLOSING_EVERY == PLAY_ROLLING_AT;
}

/* Half of those with charges, one of four of those with renewals or closings. */
static bool is_losing(uint64_t episode)
{
    uint64_t nth = episode / PLAY_MIXED_EVERY;
    return (is_charged(episode) && (is_mixed(episode) ? nth / 4 : nth) % 2 == 1) ||
           (is_renewed(episode) && !is_mixed(episode) && nth % 4 == 2) ||
           (is_closing(episode) && (is_mixed(episode) ? nth / 4 % 4 == 2 : nth % 8 == 2));
}

/* Where an account moves at the end, and in one of four of those with charges or renewals. */
static bool has_moves(uint64_t episode)
{
    uint64_t nth = episode / PLAY_MIXED_EVERY % 4;
    return is_moving(episode) || (!is_mixed(episode) && ((is_charged(episode) && nth == 2) ||
                                                         (is_renewed(episode) && nth == 1)));
}

static void choose_habits(struct play *play)
{
    struct play_habits *habits = &play->habits;
    uint64_t who = hand_below(play, 8);
    memset(habits, 0, sizeof *habits);
    habits->holders = 2 + (unsigned)hand_below(play, 4) / 2 + (hand_below(play, 12) == 0 ? 2 : 0);
    habits->rogues = who < 4 ? 0 : who < 6 || habits->holders < 3 ? 1 : 3;
    habits->steps = hand_below(play, 40) == 0 ? 150 + (unsigned)hand_below(play, 150)
                                              : 8 + (unsigned)hand_below(play, 30);
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        habits->weights[i] = some_weight(play);
    }
    habits->weights[ACTION_DELIVER] = 6 + 4 * some_weight(play);
    habits->weights[ACTION_MEET] += 1;
    habits->weights[ACTION_EXCHANGE] = 2 + 2 * some_weight(play);
    habits->weights[ACTION_VISIT] = some_weight(play);
    habits->weights[ACTION_REPORT] += (unsigned)hand_below(play, 2);
    habits->weights[ACTION_POWER] /= 2;
    if (habits->rogues == 0) {
        habits->weights[ACTION_ROGUE_COPY] = 0;
        habits->weights[ACTION_ROGUE_SIGN] = 0;
    } else {
        habits->weights[ACTION_ROGUE_COPY] += 1;
        habits->weights[ACTION_HOTLIST] += 2;
    }
    if (play->whole == play->mixed) {
        mix_habits(play);
    }
    if (hand_chance(play, 50)) {
        /* Histories grow. */
        habits->weights[ACTION_REPORT] = 1;
        habits->weights[ACTION_VISIT] /= 4;
        habits->weights[ACTION_EXCHANGE] += 8;
    }
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        habits->weight_sum += habits->weights[i];
    }
    habits->keep_percent = some_percent(play);
    habits->newest_percent = 95 - some_percent(play);
    habits->cut_percent = some_percent(play) / 2;
    habits->refuse_percent = some_percent(play);
    habits->amount_most = hand_below(play, 3) == 0 ? 3 : hand_below(play, 4) == 0 ? 300 : 150;
    habits->full = hand_below(play, 16) == 0 && play->whole != play->mixed;
    habits->renewed = is_renewed(play->episode);
    habits->charged = is_charged(play->episode);
    if (habits->charged || habits->renewed) {
        habits->full = false;
        habits->steps = habits->steps < PLAY_CHARGED_STEPS ? habits->steps : PLAY_CHARGED_STEPS;
    }
    habits->moving = is_moving(play->episode);
    habits->listing = is_listing(play->episode);
    habits->rolling = is_rolling(play->episode);
    habits->losing = is_losing(play->episode);
    habits->moves = has_moves(play->episode);
    habits->counter = habits->renewed && !habits->losing && !habits->moves &&
                      play->whole != play->mixed && !habits->charged &&
                      play->episode / PLAY_MIXED_EVERY % 4 == 3;
    if (habits->listing) {
        habits->cut_percent = 15;
        habits->steps = habits->steps < PLAY_LISTING_STEPS ? PLAY_LISTING_STEPS : habits->steps;
    }
    habits->full = habits->full && !habits->rolling && !habits->moving;
    if (is_closing(play->episode) || habits->listing) {
        habits->closing = true;
        habits->weights[ACTION_HOTLIST] += 3;
        habits->weight_sum += 3;
        habits->full = false;
        habits->steps = habits->steps < PLAY_CHARGED_STEPS ? habits->steps : PLAY_CHARGED_STEPS;
    }
}

/* ---- the beginning ---- */

/* Two purses pay each other until their histories are nearly full, or more than that; now and then another one, and now and
 * then the answer is lost. */
static bool fill(struct play *play, unsigned first, unsigned second)
{
    bool good = true;
    unsigned count = 46 + 2 * (unsigned)hand_below(play, 9);
    bool loses = hand_chance(play, 30);
    for (unsigned i = 0; i < count && good; i++) {
        unsigned payer = i % 2 == 0 ? first : second;
        unsigned payee = i % 2 == 0 ? second : first;
        payee = hand_chance(play, 10) ? (unsigned)hand_below(play, play->habits.holders) : payee;
        play->was_sent = false;
        good = hand_identify(play, payer, payee, hand_chance(play, 10)) &&
               play_follow(play, loses && hand_chance(play, 4) ? LETTER_PAYMENT : LETTER_ANSWER, 6);
    }
    return good;
}

/* Some purses lose what is old when their histories are full; of those who go on to pay each other that happens soon. */
static bool begin_full(struct play *play)
{
    static const enum kc_log_policy policies[] = {KC_LOG_POLICY_OVERWRITE, KC_LOG_POLICY_OVERWRITE,
                                                  KC_LOG_POLICY_REFUSE, KC_LOG_POLICY_REPORT};
    const struct play_habits habits = play->habits;
    bool good = true;
    play->habits.cut_percent = 0;
    play->habits.refuse_percent /= 5;
    play->habits.amount_most = hand_chance(play, 50) ? 3 : 12;
    for (unsigned i = 0; i < habits.holders && good; i++) {
        good = whole_bank_set_policy(play->whole, i, policies[hand_below(play, 4)]);
        play->was_sent = false;
        good = good && hand_ask(play, i, WISH_REPORT, 0) && play_follow(play, LETTER_REPLY, 2);
    }
    unsigned first = (unsigned)hand_below(play, habits.holders);
    unsigned second = (first + 1) % habits.holders;
    good = good && fill(play, first, second);
    play->habits = habits;
    return good;
}

/* ---- steps ---- */

/* The newest message, or an older one that is on its way. */
static size_t some_letter(struct play *play)
{
    size_t index = play->newest;
    bool newest =
        hand_chance(play, play->habits.newest_percent) && play->letters[index].kind != LETTER_NONE;
    for (unsigned i = 0; i < TRIES && !newest; i++) {
        index = hand_below(play, PLAY_LETTERS);
        newest = play->letters[index].kind != LETTER_NONE;
    }
    return index;
}

static bool deliver(struct play *play)
{
    struct letter *letter = &play->letters[some_letter(play)];
    memcpy(&play->work, letter, offsetof(struct letter, bytes) + letter->size);
    if (!hand_chance(play, play->habits.keep_percent)) {
        letter->kind = LETTER_NONE;
    }
    return hand_deliver(play, &play->work);
}

/* The right message to the wrong one, or with something changed. */
static bool mix(struct play *play)
{
    struct letter *letter = &play->letters[some_letter(play)];
    memcpy(&play->work, letter, offsetof(struct letter, bytes) + letter->size);
    if (play->work.kind == LETTER_REQUEST || play->work.kind == LETTER_KEY_REQUEST ||
        play->work.kind == LETTER_NONE) {
        return true;
    }
    play->work.to = hand_any_place(play);
    play->work.from = hand_any_place(play);
    hand_trace(play, "a message goes astray");
    return hand_deliver(play, &play->work);
}

static bool meet(struct play *play)
{
    unsigned payer = hand_any_place(play);
    unsigned payee = hand_any_place(play);
    return hand_identify(play, payer, payee, hand_chance(play, 20));
}

static bool cash(struct play *play)
{
    static const enum hand_wish wishes[] = {WISH_WITHDRAW, WISH_DEPOSIT, WISH_TRANSFER,
                                            WISH_TRANSFER_ACCOUNT};
    enum hand_wish wish = wishes[hand_below(play, 4)];
    return hand_ask(play, hand_any_place(play), wish, 1 + hand_below(play, 400));
}

static bool fund(struct play *play)
{
    static const enum whole_ordinary_mood moods[] = {ORDINARY_DOES, ORDINARY_DOES, ORDINARY_REFUSES,
                                                     ORDINARY_DOES_UNHEARD, ORDINARY_SILENT};
    enum hand_wish wish = hand_chance(play, 50) ? WISH_FUND : WISH_REDEEM;
    play->whole->ordinary.mood = moods[hand_below(play, 5)];
    play->whole->ordinary.crosses = hand_chance(play, 20);
    return hand_ask(play, hand_any_place(play), wish, 1 + hand_below(play, 900));
}

static bool say(struct play *play)
{
    unsigned place = play->says_next ? play->sayer : hand_any_place(play);
    play->says_next = false;
    if (!play->whole->purses[place].there) {
        return true;
    }
    return hand_ask(play, place, hand_chance(play, play->habits.refuse_percent) ? WISH_NO : WISH_OK,
                    0);
}

bool play_follow(struct play *play, enum letter_kind kind, unsigned most)
{
    for (unsigned i = 0; i < most; i++) {
        struct letter *letter = &play->letters[play->newest];
        if (!play->was_sent || letter->kind == LETTER_NONE) {
            return true;
        }
        play->was_sent = false;
        memcpy(&play->work, letter, offsetof(struct letter, bytes) + letter->size);
        letter->kind = LETTER_NONE;
        if (!hand_deliver(play, &play->work)) {
            return false;
        }
        if (play->work.kind == kind) {
            return true;
        }
    }
    return true;
}

/* Where there is a card without keys or a copy of it, and a machine, these pay and are paid more often than others. */
static void choose_sides(struct play *play, unsigned *payer, unsigned *payee)
{
    unsigned copy = WHOLE_PLACES_MAX - 1 - (unsigned)hand_below(play, PLAY_COPIES);
    bool copied = play->whole->purses[copy].there && hand_type(play, copy) == KC_PURSE_TYPE_BEARER;
    if (hand_chance(play, 30)) {
        *payer = copied && hand_chance(play, 60) ? copy : PLAY_BEARER;
    }
    if (hand_chance(play, 30)) {
        *payee = PLAY_MACHINE;
    }
}

static bool exchange(struct play *play)
{
    unsigned payer = hand_any_place(play);
    unsigned payee = hand_any_place(play);
    play->was_sent = false;
    if (play->whole == play->mixed) {
        choose_sides(play, &payer, &payee);
    }
    return hand_identify(play, payer, payee, hand_chance(play, 30)) &&
           play_follow(play, LETTER_ANSWER, 2 + (unsigned)hand_below(play, 6));
}

static bool visit(struct play *play)
{
    static const enum hand_wish wishes[] = {
        WISH_WITHDRAW, WISH_DEPOSIT, WISH_FUND,     WISH_REDEEM,           WISH_STATE,
        WISH_REPORT,   WISH_REPORT,  WISH_TRANSFER, WISH_TRANSFER_ACCOUNT, WISH_REPORT};
    unsigned place = hand_any_place(play);
    enum hand_wish wish = wishes[hand_below(play, sizeof wishes / sizeof wishes[0])];
    unsigned most = 1 + (unsigned)hand_below(play, 3);
    play->was_sent = false;
    if (!hand_ask(play, place, wish, 1 + hand_below(play, 300)) ||
        !play_follow(play, LETTER_REPLY, most)) {
        return false;
    }
    bool says = play->says_next && hand_chance(play, 80);
    return !says || (say(play) && play_follow(play, LETTER_REPLY, most));
}

static bool resume(struct play *play)
{
    bool was_open = false;
    return hand_resume(play, hand_any_place(play), (uint8_t)hand_below(play, 2), &was_open);
}

static bool pass_time(struct play *play)
{
    uint64_t ms = hand_chance(play, 30) ? WHOLE_QUOTE_MS + 1 : hand_below(play, 5000);
    ms = play->habits.full && hand_chance(play, 20) ? WHOLE_SETTLE_MS + 1 : ms;
    hand_trace(play, "%" PRIu64 " ms go by", ms);
    play->whole->now_ms += ms;
    return true;
}

static bool disturb_bank(struct play *play)
{
    switch (hand_below(play, 4)) {
    case 0:
        hand_trace(play, "the bank looks after what is late");
        whole_bank_idle(play->whole);
        return truth_bank(&play->truth);
    case 1:
        hand_trace(play, "the bank starts again");
        return whole_bank_restart(play->whole);
    case 2:
        play->whole->store.fault = RAM_COMMIT_FAILS;
        return true;
    default:
        play->whole->store.fault = RAM_COMMIT_UNHEARD;
        return true;
    }
}

static bool lose(struct play *play)
{
    play->letters[some_letter(play)].kind = LETTER_NONE;
    return true;
}

static bool act(struct play *play, enum play_action action)
{
    switch (action) {
    case ACTION_DELIVER:
        return deliver(play);
    case ACTION_MEET:
        return meet(play);
    case ACTION_EXCHANGE:
        return exchange(play);
    case ACTION_VISIT:
        return visit(play);
    case ACTION_CASH:
        return cash(play);
    case ACTION_FUND:
        return fund(play);
    case ACTION_SAY:
        return say(play);
    case ACTION_RECOVER:
        return hand_ask(play, hand_any_place(play),
                        hand_chance(play, 20) ? WISH_REPEAT : WISH_STATE, 0);
    case ACTION_REPORT:
        return hand_ask(play, hand_any_place(play), WISH_REPORT, 0);
    case ACTION_RESUME:
        return resume(play);
    case ACTION_POWER:
        return hand_power(play, hand_any_place(play));
    case ACTION_TIME:
        return pass_time(play);
    case ACTION_BANK:
        return disturb_bank(play);
    case ACTION_LOSE:
        return lose(play);
    case ACTION_MIX:
        return mix(play);
    case ACTION_FORGE:
        return rogue_forge(play, some_letter(play));
    case ACTION_HOTLIST:
        return hand_chance(play, 60) ? list_act(play, hand_any_place(play))
                                     : hand_hotlist(play, hand_any_place(play));
    case ACTION_ROGUE_COPY:
        return rogue_copy(play);
    case ACTION_ROGUE_SIGN:
        return rogue_sign(play);
    case ACTION_COUNT:
        break;
    }
    return false;
}

static enum play_action choose_action(struct play *play)
{
    uint64_t at = hand_below(play, play->habits.weight_sum);
    unsigned action = 0;
    if (play->says_next && hand_chance(play, 70)) {
        return ACTION_SAY;
    }
    while (at >= play->habits.weights[action]) {
        at -= play->habits.weights[action++];
    }
    return (enum play_action)action;
}

/* ---- the end: everybody honest meets and syncs ---- */

bool play_sync(struct play *play, unsigned place)
{
    struct kc_purse_info info;
    if (!roll_learn(play, place)) {
        return false;
    }
    for (unsigned i = 0; i < SYNC_ROUNDS; i++) {
        if (kc_failed(kc_slot_info(&info, whole_slot(play->whole, place)))) {
            return false;
        }
        if (hand_type(play, place) == KC_PURSE_TYPE_BEARER) {
            return hand_fetch(play, place) && play_follow(play, LETTER_CERTIFIED, 2);
        }
        bool recovers = info.has_pending || (i == 0 && info.uncovered == 0);
        if (recovers &&
            (!hand_ask(play, place, WISH_STATE, 0) || !play_follow(play, LETTER_REPLY, 2))) {
            return false;
        }
        if (!hand_ask(play, place, WISH_REPORT, 0) || !play_follow(play, LETTER_REPLY, 2)) {
            return false;
        }
        play->whole->now_ms += 1;
        if (kc_failed(kc_slot_info(&info, whole_slot(play->whole, place)))) {
            return false;
        }
        if (info.uncovered == 0 && !info.has_pending) {
            return true;
        }
    }
    return true;
}

static bool sync_all(struct play *play)
{
    bool good = true;
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        good = play->truth.rogue[i] || gone_is_out(&play->truth, i) || play_sync(play, i);
    }
    return good;
}

/* Each purse meets again whom it owes a payment. */
static bool meet_again(struct play *play)
{
    bool good = true;
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        bool was_open = !play->truth.rogue[i];
        for (uint8_t j = 0; j < 8 && was_open && good; j++) {
            play->letters[play->newest].kind = LETTER_NONE;
            good = hand_resume(play, i, (uint8_t)(7 - j), &was_open) &&
                   play_follow(play, LETTER_ANSWER, 2);
            was_open = true;
        }
    }
    return good;
}

static bool any_open(struct play *play)
{
    struct kc_purse_info info;
    for (unsigned i = 0; i < play->habits.holders; i++) {
        if (!play->truth.rogue[i] && !gone_is_out(&play->truth, i) &&
            !kc_failed(kc_slot_info(&info, whole_slot(play->whole, i))) &&
            !kc_amount_is_zero(info.open)) {
            return true;
        }
    }
    return false;
}

/* Whether a transaction with the bank or a payment comes to its good end. */
static bool cash_works(struct play *play, unsigned place, enum hand_wish wish)
{
    struct kc_purse_info before;
    struct kc_purse_info after;
    struct kc_slot *slot = whole_slot(play->whole, place);
    bool in = wish == WISH_WITHDRAW;
    if (kc_failed(kc_slot_info(&before, slot))) {
        return truth_is_stuck(&play->truth, place, KC_IO_FAILED);
    }
    bool good = hand_ask(play, place, wish, 1) && play_follow(play, LETTER_REPLY, 2) &&
                hand_ask(play, place, WISH_OK, 0) && play_follow(play, LETTER_REPLY, 2);
    if (!good || kc_failed(kc_slot_info(&after, slot))) {
        return false;
    }
    bool moved =
        kc_amount_minor(after.value) + (in ? 0 : 1) == kc_amount_minor(before.value) + (in ? 1 : 0);
    return moved || truth_is_stuck(&play->truth, place, KC_NOT_COMPLETED);
}

/* Everything works afterwards, for everybody honest who has something. */
static bool go_on(struct play *play)
{
    play->says_next = false;
    play->habits.refuse_percent = 0;
    for (unsigned i = 0; i < play->habits.holders; i++) {
        struct kc_purse_info info;
        if (play->truth.rogue[i] || truth_owes(&play->truth, i) || gone_is_out(&play->truth, i) ||
            renewed_waits(&play->truth, i) || renewed_has_expired(&play->truth, i) ||
            hand_type(play, i) != KC_PURSE_TYPE_UIM) {
            continue;
        }
        if (kc_failed(kc_slot_info(&info, whole_slot(play->whole, i)))) {
            return false;
        }
        if (play->truth.accounts[i] - truth_claimed(&play->truth, i) >= 1 &&
            !cash_works(play, i, WISH_WITHDRAW)) {
            return false;
        }
        if (!kc_amount_is_zero(info.value) && !cash_works(play, i, WISH_DEPOSIT)) {
            return false;
        }
    }
    return true;
}

static uint64_t count_entries(const struct play *play)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < play->habits.holders; i++) {
        sum += play->truth.places[i].counter;
    }
    return sum;
}

/* Twice, so that each hears what others reported after it; and on while that still brings entries, which end others. */
bool play_sync_all(struct play *play)
{
    uint64_t before;
    bool good = sync_all(play);
    do {
        before = count_entries(play);
        good = good && sync_all(play);
    } while (good && before != count_entries(play));
    return good;
}

bool play_end(struct play *play)
{
    bool good = play_sync_all(play) && truth_synced(&play->truth);
    /* What comes back may bring a payee's chain to the counter of a payment that waits for it. */
    for (unsigned i = 0; i < LAST_ROUNDS && good && any_open(play); i++) {
        good = meet_again(play) && play_sync_all(play);
    }
    return good && truth_end(&play->truth);
}

/* The settlement time runs out for all that was lost. */
static bool settle_all(struct play *play)
{
    const struct ram_store *store = &play->whole->store;
    play->whole->now_ms += WHOLE_SETTLE_MS + 1;
    hand_trace(play, "the settlement time runs out");
    whole_bank_idle(play->whole);
    bool good = truth_bank(&play->truth) && play_end(play) && truth_settled(&play->truth);
    play->tally.gaps += store->counts[RAM_TABLE_GAPS];
    for (size_t i = 0; i < store->counts[RAM_TABLE_GAPS]; i++) {
        play->tally.closed += kc_amount_is_zero(store->gaps[i].given_back) ? 0 : 1;
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_ALERTS]; i++) {
        play->tally.claims += store->alerts[i].reason == KC_DEBT ? 1 : 0;
    }
    return good;
}

/* A purse gives all it has away, so that what it owes later is a debt. */
static bool give_all(struct play *play, unsigned place, bool redeems)
{
    struct kc_purse_info info;
    if (kc_failed(kc_slot_info(&info, whole_slot(play->whole, place))) ||
        kc_amount_is_zero(info.value)) {
        return true;
    }
    bool good = hand_ask(play, place, WISH_DEPOSIT, kc_amount_minor(info.value)) &&
                play_follow(play, LETTER_REPLY, 2) && hand_ask(play, place, WISH_OK, 0) &&
                play_follow(play, LETTER_REPLY, 2);
    int64_t left = play->truth.accounts[place] - truth_claimed(&play->truth, place);
    play->says_next = false;
    return good && (!redeems || left <= 0 ||
                    (hand_ask(play, place, WISH_REDEEM, (uint64_t)left) &&
                     play_follow(play, LETTER_REPLY, 2)));
}

/* The others tell what it owes before it reports again, and it wants more than that. */
static bool draw_late(struct play *play, unsigned place)
{
    bool good = true;
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        good = i == place || play->truth.rogue[i] || play_sync(play, i);
    }
    good = good && hand_ask(play, place, hand_chance(play, 50) ? WISH_WITHDRAW : WISH_REDEEM, 1) &&
           play_follow(play, LETTER_REPLY, 2);
    play->says_next = false;
    return good;
}

/* Only one of them reports in time. */
static bool come_late(struct play *play)
{
    unsigned place = (unsigned)hand_below(play, play->habits.holders);
    if (!play->truth.rogue[place] && !play_sync(play, place)) {
        return false;
    }
    play->whole->now_ms += WHOLE_SETTLE_MS + 1;
    hand_trace(play, "the settlement time runs out for what purse %u lost", place);
    whole_bank_idle(play->whole);
    bool good = truth_bank(&play->truth);
    if (good && !play->truth.rogue[place] && hand_chance(play, 70)) {
        good = play_sync(play, place) &&
               (hand_chance(play, 30) || give_all(play, place, hand_chance(play, 50)));
    }
    return good && (play->truth.rogue[place] || hand_chance(play, 50) || draw_late(play, place));
}

/* All but one hear of the purses that are out of use. */
static bool spread_hotlist(struct play *play)
{
    bool good = true;
    for (unsigned i = 1; i < play->habits.holders && good; i++) {
        good = hand_chance(play, 50) ? list_fetch(play, i)
                                     : hand_hotlist(play, i) && hand_hotlist(play, i);
    }
    return good;
}

static bool finish(struct play *play)
{
    char what[160];
    play->ends =
        play->habits.charged || play->habits.closing || play->habits.losing || play->habits.moves;
    play->habits.cut_percent = 0;
    play->whole->ordinary.mood = ORDINARY_DOES;
    play->whole->ordinary.crosses = false;
    play->whole->store.fault = RAM_GOOD;
    renewing_calm(play);
    play->whole->now_ms += WHOLE_QUOTE_MS + 1;
    hand_trace(play, "the end: all meet and sync");
    whole_bank_idle(play->whole);
    bool good = truth_bank(&play->truth);
    if (good && play->habits.full && hand_chance(play, 50)) {
        good = come_late(play);
    }
    if (good && play->habits.closing && hand_chance(play, 50)) {
        good = leave_late(play);
    }
    if (good && play->habits.losing && hand_chance(play, 40)) {
        good = lose_late(play);
    }
    if (good && play->whole->store.counts[RAM_TABLE_HOTLIST] > 0) {
        good = spread_hotlist(play);
    }
    if (good && hand_chance(play, 50)) {
        good = meet_again(play);
    }
    good = good && play_end(play);
    if (good && play->whole->store.counts[RAM_TABLE_GAPS] > 0) {
        good = settle_all(play);
    }
    bool mixed = play->whole == play->mixed;
    uint64_t nth = play->episode / (mixed ? PLAY_MIXED_EVERY : 1);
    if (good && play->habits.charged) {
        good = clerk_finish(play);
    }
    if (good && play->habits.renewed) {
        good = renewing_finish(play);
    }
    if (good && play->habits.closing) {
        good = leave_finish(play);
    }
    if (good && play->habits.losing) {
        good = lose_finish(play);
    }
    if (good && play->whole->retired) {
        good = move_settle(play);
    }
    if (good && play->habits.rolling) {
        good = roll_finish(play) && play_end(play);
    }
    bool odd = play->habits.charged || play->habits.closing || play->habits.renewed ||
               play->habits.rolling;
    if (good && (nth % 4 == 0 || odd)) {
        good = go_on(play) && play_end(play);
    }
    if (good && play->habits.moving && !play->whole->retired) {
        good = move_finish(play);
    }
    if (good && (play->habits.full || odd || nth % (mixed ? 4 : 16) == 0) &&
        !whole_bank_audit(play->whole, what)) {
        (void)snprintf(play->truth.why, sizeof play->truth.why, "audit: %s", what);
        good = false;
    }
    return good;
}

static void count_up(struct play *play)
{
    play->tally.steps += play->step;
    play->tally.proofs += play->truth.proofs;
    play->tally.overspent += play->truth.overspent;
    play->tally.sweeps += play->truth.sweeps;
    play->tally.lost += play->truth.lost;
    play->tally.charges += play->truth.charges.paid;
    play->tally.suspended += play->truth.charges.suspended;
    play->tally.lifted += play->truth.charges.lifted;
    play->tally.renewals += play->truth.renewals.renewed;
    play->tally.ended += play->truth.renewals.refused;
    play->tally.given_up += play->truth.closings.given_up;
    play->tally.paid_out += play->truth.closings.paid;
    play->tally.came_late += play->truth.closings.late;
    play->tally.purses_lost += play->truth.losses.count;
    play->tally.reissues += play->truth.losses.replaced;
}

/* Of the episode before. */
static void forget(struct play *play)
{
    play->step = 0;
    play->says_next = false;
    play->ends = false;
    play->letter_next = 0;
    play->newest = 0;
    play->mover = 0;
    play->asked = 0;
    play->has_ended = false;
    play->vouches = false;
    play->at_counter = 0;
    play->trace_count = 0;
    for (size_t i = 0; i < PLAY_LETTERS; i++) {
        play->letters[i].kind = LETTER_NONE;
        play->letters[i].size = 0;
    }
    memset(play->has_copy, 0, sizeof play->has_copy);
}

bool play_episode(struct play *play, uint64_t seed, uint64_t episode, unsigned until)
{
    bool good = true;
    bool mixed = is_mixed(episode);
    play->whole = mixed ? play->mixed : play->plain;
    play->rng.state = seed * UINT64_C(0x9e3779b97f4a7c15) + episode * UINT64_C(0xd1342543de82ef95);
    play->seed = seed;
    play->episode = episode;
    forget(play);
    choose_habits(play);
    whole_reset_some(play->whole, play->habits.holders);
    for (size_t i = 0; i < WHOLE_PLACES_MAX; i++) {
        play->skews[i] = (int64_t)hand_below(play, SKEW_MS) - (int64_t)SKEW_MS / 2;
    }
    for (unsigned i = 0; i < play->habits.holders; i++) {
        if ((play->habits.rogues >> i & 1u) != 0 && hand_chance(play, 40)) {
            whole_tamper(play->whole, i);
        }
    }
    truth_begin(&play->truth, play->whole, play->habits.holders, play->habits.rogues);
    play->hotlist_size = 0;
    play->part_count = 0;
    good = play->habits.charged ? clerk_begin(play) : !play->habits.full || begin_full(play);
    good = good && (!play->habits.renewed || renewing_begin(play));
    if (play->habits.closing) {
        leave_begin(play);
    }
    if (play->habits.rolling) {
        roll_begin(play);
    }
    for (; play->step < play->habits.steps && good; play->step++) {
        if (until != 0 && play->step == until) {
            return true;
        }
        play->whole->now_ms += 1 + hand_below(play, 50);
        if (play->habits.losing && hand_chance(play, LOSE_PERCENT)) {
            good = lose_act(play);
        } else if (play->habits.moves && hand_chance(play, MOVE_PERCENT)) {
            good = move_act(play);
        } else if (play->habits.charged && hand_chance(play, CLERK_PERCENT)) {
            good = clerk_act(play);
        } else if (play->habits.renewed && hand_chance(play, RENEWING_PERCENT)) {
            good = renewing_act(play);
        } else if (play->habits.closing && hand_chance(play, LEAVE_PERCENT)) {
            good = leave_act(play);
        } else if (play->habits.rolling && hand_chance(play, ROLL_PERCENT)) {
            good = roll_act(play);
        } else if (play->habits.listing && hand_chance(play, LIST_PERCENT)) {
            good = list_grow(play);
        } else {
            good = act(play, choose_action(play));
        }
    }
    good = good && finish(play);
    count_up(play);
    if (!good && play->truth.why[0] == '\0') {
        (void)snprintf(play->truth.why, sizeof play->truth.why, "a step that cannot be taken");
    }
    return good;
}
