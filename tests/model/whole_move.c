#include "whole_move.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "whole_authority.h"
#include "whole_books.h"
#include "whole_gone.h"
#include "whole_hand.h"
#include "whole_moved.h"
#include "whole_settled.h"

/* How long a purse is waited for with certainty. */
#define LAPSES_MS UINT64_C(3500000)

/* What may come between the asking and the confirmation. */
enum between { NOTHING, WITHDRAWN, PAID_AND_REPORTED, PAID, LOST, BETWEENS };

struct moving {
    struct play *play;
    unsigned holder;
    unsigned payer; /* who pays the old purse meanwhile */
    int64_t late;   /* and of that, what its payer reports later */
};

static bool wrong(struct moving *moving, const char *what, int64_t found, int64_t expected)
{
    return truth_wrong(&moving->play->truth, what, moving->holder, found, expected);
}

static const struct kc_purse_row *old_row(const struct moving *moving)
{
    return truth_row(&moving->play->truth, moving->holder);
}

static const struct kc_purse_row *row_of(const struct moving *moving, uint64_t purse)
{
    const struct ram_store *store = &moving->play->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSES]; i++) {
        if (store->purses[i].purse.number == purse) {
            return &store->purses[i];
        }
    }
    return NULL;
}

static int64_t balance_of(const struct moving *moving)
{
    const struct whole *whole = moving->play->whole;
    uint64_t number = whole->holders[moving->holder].account.number;
    for (size_t i = 0;; i++) {
        KC_ASSERT(i < whole->store.counts[RAM_TABLE_ACCOUNTS]);
        if (whole->store.accounts[i].account.number == number) {
            return (int64_t)kc_amount_minor(whole->store.accounts[i].balance);
        }
    }
}

static bool is_empty(const struct moving *moving)
{
    const struct kc_purse_row *row = old_row(moving);
    return kc_amount_is_zero(row->value) && truth_shadow(row) == 0 &&
           kc_amount_is_zero(row->owed) && kc_amount_is_zero(row->withheld);
}

/* ---- with the old purse ---- */

static bool cash(struct moving *moving, enum hand_wish wish, uint64_t amount)
{
    struct play *play = moving->play;
    bool good = hand_ask(play, moving->holder, wish, amount) &&
                play_follow(play, LETTER_REPLY, 2) && hand_ask(play, moving->holder, WISH_OK, 0) &&
                play_follow(play, LETTER_REPLY, 2);
    play->says_next = false;
    return good;
}

static bool deposit_all(struct moving *moving)
{
    struct kc_purse_info info;
    struct kc_slot *slot = whole_slot(moving->play->whole, moving->holder);
    return !kc_failed(kc_slot_info(&info, slot)) &&
           (kc_amount_is_zero(info.value) ||
            cash(moving, WISH_DEPOSIT, kc_amount_minor(info.value))) &&
           play_sync(moving->play, moving->holder);
}

/* Another purse pays it 1, and hears the receipt. */
static bool is_paid(struct moving *moving)
{
    struct play *play = moving->play;
    int64_t before = play->truth.places[moving->holder].value;
    play->habits.amount_most = 1;
    play->plain_pays = true;
    play->was_sent = false;
    bool good = hand_identify(play, moving->payer, moving->holder, true) &&
                play_follow(play, LETTER_ANSWER, 6);
    play->plain_pays = false;
    moving->late = play->truth.places[moving->holder].value - before;
    return good;
}

static bool happens(struct moving *moving, enum between between)
{
    struct play *play = moving->play;
    struct kc_result result = kc_ok();
    switch (between) {
    case WITHDRAWN:
        return balance_of(moving) < 1 || cash(moving, WISH_WITHDRAW, 1);
    case PAID_AND_REPORTED:
        return is_paid(moving) && play_sync(play, moving->holder);
    case PAID:
        return is_paid(moving);
    case LOST:
        gone_word(&play->truth, moving->holder);
        result = whole_bank_lost(play->whole, moving->holder);
        hand_trace(play, "purse %u is lost: %s", moving->holder, kc_error_name(result.code));
        return gone_told(&play->truth, moving->holder, result) && !kc_failed(result);
        wrong(moving, "a purse that cannot be lost", result.code, 0);
    case NOTHING:
    case BETWEENS:
        break;
    }
    return true;
}

/* ---- at the counter ---- */

/* Asked for once, or again and again; what was asked for last counts. */
static bool ask(struct moving *moving, struct kc_purse_id *purse)
{
    struct play *play = moving->play;
    uint8_t id = ++play->asked;
    bool empty = is_empty(moving);
    int64_t balance = balance_of(moving);
    struct kc_purse_id again = {0};
    if (hand_chance(play, 30)) {
        play->whole->store.fault = hand_chance(play, 50) ? RAM_COMMIT_FAILS : RAM_COMMIT_UNHEARD;
        struct kc_result lost = whole_bank_move(purse, play->whole, moving->holder, id);
        play->whole->store.fault = RAM_GOOD;
        hand_trace(play, "the registrar asks to move %u: %s", moving->holder,
                   kc_error_name(lost.code));
    }
    struct kc_result result = whole_bank_move(purse, play->whole, moving->holder, id);
    struct kc_result second = whole_bank_move(&again, play->whole, moving->holder, id);
    hand_trace(play, "the registrar asks to move %u: %s", moving->holder,
               kc_error_name(result.code));
    if (result.code != (empty ? KC_OK : KC_NOT_EMPTY) || second.code != result.code ||
        again.number != purse->number) {
        return wrong(moving, "the bank's word on a moving", result.code, second.code);
    }
    const struct kc_purse_row *row = empty ? row_of(moving, purse->number) : NULL;
    bool waits = !empty || (row != NULL && row->state == KC_PURSE_WAITING);
    return (waits && old_row(moving)->state == KC_PURSE_ACTIVE && balance == balance_of(moving) &&
            truth_bank(&play->truth)) ||
           wrong(moving, "an old purse while the new one waits", old_row(moving)->state,
                 KC_PURSE_ACTIVE);
}

/* The confirmation, refused or not, and what follows from it; said again it is the same. */
static bool confirm(struct moving *moving, bool *confirmed, struct kc_buffer *certified)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer again = KC_BUFFER(bytes);
    struct play *play = moving->play;
    struct whole *whole = play->whole;
    bool out = old_row(moving)->state == KC_PURSE_OUT;
    enum kc_error expected = out ? KC_SETTLEMENT_RUNS : is_empty(moving) ? KC_OK : KC_NOT_EMPTY;
    size_t listed = whole->store.counts[RAM_TABLE_HOTLIST];
    int64_t balance = balance_of(moving);
    if (hand_chance(play, 30)) {
        whole->store.fault = hand_chance(play, 50) ? RAM_COMMIT_FAILS : RAM_COMMIT_UNHEARD;
        (void)kc_failed(whole_bank_confirm_move(certified, whole));
        whole->store.fault = RAM_GOOD;
        certified->size = 0;
    }
    struct kc_result result = whole_bank_confirm_move(certified, whole);
    hand_trace(play, "the moving of %u is confirmed: %s", moving->holder,
               kc_error_name(result.code));
    *confirmed = !kc_failed(result);
    if (result.code != expected || balance != balance_of(moving)) {
        return wrong(moving, "the bank's word on the end of a moving", result.code, expected);
    }
    if (!*confirmed) {
        bool same = old_row(moving)->state == (out ? KC_PURSE_OUT : KC_PURSE_ACTIVE);
        return same || wrong(moving, "a refused moving", old_row(moving)->state, out);
    }
    const struct kc_purse_row *row = row_of(moving, whole->newcomer.purse.number);
    bool good = old_row(moving)->state == KC_PURSE_OUT &&
                old_row(moving)->out_reason == KC_KEY_RENEWED && row->state == KC_PURSE_ACTIVE &&
                truth_shadow(row) == 0 && whole->store.counts[RAM_TABLE_HOTLIST] == listed + 1 &&
                !kc_failed(whole_bank_confirm_move(&again, whole)) && truth_bank(&play->truth);
    return good || wrong(moving, "what a moving leaves", old_row(moving)->state, row->state);
}

/* ---- afterwards ---- */

struct kc_result move_carry(struct whole *whole, struct kc_view envelope)
{
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_view reply;
    struct kc_view message;
    KC_ASSERT(envelope.size <= sizeof bytes);
    memcpy(bytes, envelope.data, envelope.size);
    struct kc_result result = whole_bank_serve(&reply, whole, kc_view(bytes, envelope.size));
    return kc_failed(result) ? result
                             : kc_slot_take(&message, whole_slot(whole, MOVE_NEW_PLACE), reply);
}

/* The new purse withdraws 1, to the unit. */
static bool new_works(struct moving *moving)
{
    struct kc_view out;
    struct kc_purse_info info;
    struct kc_amount one = kc_amount_zero();
    struct play *play = moving->play;
    struct kc_slot *slot = whole_slot(play->whole, MOVE_NEW_PLACE);
    int64_t balance = balance_of(moving);
    if (balance < 1) {
        return true;
    }
    struct kc_result result = kc_amount_from_minor(&one, 1);
    if (!kc_failed(result)) {
        result =
            kc_slot_cash_request(&out, slot, KC_CASH_KIND_WITHDRAW, one, ++play->whole->now_ms);
    }
    if (!kc_failed(result)) {
        result = move_carry(play->whole, out);
    }
    if (!kc_failed(result)) {
        result = kc_slot_answer(&out, slot, KC_ANSWER_OK, ++play->whole->now_ms);
    }
    if (!kc_failed(result)) {
        result = move_carry(play->whole, out);
    }
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, slot);
    }
    hand_trace(play, "the new purse of %u withdraws 1: %s", moving->holder,
               kc_error_name(result.code));
    if (kc_failed(result) || kc_amount_compare(info.value, one) != 0) {
        return wrong(moving, "a new purse does not work", result.code, 0);
    }
    play->truth.accounts[moving->holder] -= 1;
    return truth_bank(&play->truth) && balance - 1 == balance_of(moving);
}

/* Who asks with the old one is told, and it locks itself. */
static bool old_is_told(struct moving *moving)
{
    struct kc_purse_info info;
    struct play *play = moving->play;
    bool good = hand_ask(play, moving->holder, WISH_STATE, 0) &&
                play_follow(play, LETTER_REPLY, 2) &&
                !kc_failed(kc_slot_info(&info, whole_slot(play->whole, moving->holder)));
    return good && (info.life == KC_LIFE_BLOCKED ||
                    wrong(moving, "an old purse goes on", info.life, KC_LIFE_BLOCKED));
}

/* What its payer shows with its receipt is the account's. */
static bool late_is_paid(struct moving *moving, bool paid)
{
    int64_t before = balance_of(moving);
    if (!paid) {
        return true;
    }
    bool good = play_sync(moving->play, moving->payer);
    int64_t came = balance_of(moving) - before;
    return good && (came == moving->late ||
                    wrong(moving, "what was paid to an old purse", came, moving->late));
}

/* ---- all of it ---- */

static bool move_one(struct moving *moving, enum between between)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer certified = KC_BUFFER(bytes);
    struct kc_purse_id purse = {0};
    struct play *play = moving->play;
    bool confirmed = false;
    gone_follows(&play->truth, moving->holder);
    bool good = (hand_chance(play, 20) || deposit_all(moving)) && ask(moving, &purse);
    if (!good || purse.number == 0) {
        return good;
    }
    good = happens(moving, between);
    if (good && between != LOST && !is_empty(moving) && hand_chance(play, 60)) {
        whole_bank_newcomer(play->whole, moving->holder, purse);
        good = confirm(moving, &confirmed, &certified);
        return good && (!confirmed || wrong(moving, "a full purse was moved", 1, 0));
    }
    good =
        good && (between != WITHDRAWN && between != PAID_AND_REPORTED ? true : deposit_all(moving));
    whole_bank_newcomer(play->whole, moving->holder, purse);
    good = good && confirm(moving, &confirmed, &certified);
    if (!good || !confirmed) {
        return good;
    }
    whole_personalise(play->whole, MOVE_NEW_PLACE, moving->holder, kc_buffer_view(&certified));
    return old_is_told(moving) && new_works(moving) &&
           late_is_paid(moving, between == PAID && moving->late > 0);
}

bool move_finish(struct play *play)
{
    struct moving moving = {.play = play};
    unsigned first = (unsigned)hand_below(play, play->habits.holders);
    for (unsigned i = 0; i < play->habits.holders; i++) {
        unsigned holder = (first + i) % play->habits.holders;
        unsigned payer = (holder + 1) % play->habits.holders;
        struct kc_purse_info info;
        if (play->truth.rogue[holder] || play->truth.rogue[payer] ||
            truth_owes(&play->truth, holder) ||
            kc_failed(kc_slot_info(&info, whole_slot(play->whole, holder))) ||
            !kc_amount_is_zero(info.open) || info.uncovered != 0 || info.has_pending) {
            continue;
        }
        moving.holder = holder;
        moving.payer = payer;
        play->tally.moves += 1;
        return move_one(&moving, (enum between)hand_below(play, BETWEENS));
    }
    return true;
}

/* ---- in the middle of an episode ---- */

static bool begin_move(struct play *play)
{
    struct kc_purse_id purse = {0};
    unsigned holder = (unsigned)hand_below(play, play->habits.holders);
    struct moving moving = {.play = play, .holder = holder};
    if (play->truth.rogue[holder] || gone_is_out(&play->truth, holder)) {
        return true;
    }
    play->mover = 0;
    play->whole->store.fault = RAM_GOOD;
    bool good = hand_chance(play, 20) || (play_sync(play, holder) && deposit_all(&moving));
    play->whole->store.fault = RAM_GOOD;
    good = good && ask(&moving, &purse);
    if (good && purse.number != 0) {
        play->mover = holder + 1;
        play->waiting = purse;
        play->asked_ms = play->whole->now_ms;
    }
    return good;
}

/* What it sent is the old purse's for ever. */
static void retire_letters(struct play *play, unsigned holder)
{
    for (size_t i = 0; i < PLAY_LETTERS; i++) {
        struct letter *letter = &play->letters[i];
        letter->holder = letter->holder == holder ? WHOLE_RETIRED : letter->holder;
    }
}

static bool end_move(struct play *play)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer certified = KC_BUFFER(bytes);
    bool confirmed = false;
    unsigned holder = play->mover - 1;
    struct moving moving = {.play = play, .holder = holder};
    play->mover = 0;
    play->whole->store.fault = RAM_GOOD;
    gone_follows(&play->truth, holder);
    whole_bank_newcomer(play->whole, holder, play->waiting);
    if (!confirm(&moving, &confirmed, &certified)) {
        return false;
    }
    play->truth.losses.followed = 0;
    if (!confirmed) {
        whole_authority_drop(play->whole);
        return true;
    }
    play->tally.moved += 1;
    play->says_next = false;
    whole_succeed(play->whole, holder, kc_buffer_view(&certified));
    gone_retire(&play->truth, holder);
    retire_letters(play, holder);
    return truth_bank(&play->truth);
}

bool move_act(struct play *play)
{
    bool lapses = play->whole->now_ms >= play->asked_ms + LAPSES_MS;
    if (play->whole->retired) {
        return true;
    }
    return play->mover == 0 || lapses ? begin_move(play) : end_move(play);
}

bool move_settle(struct play *play)
{
    play->whole->now_ms += WHOLE_SETTLE_MS + 1;
    hand_trace(play, "nothing more is waited for of the purse that was given away");
    whole_bank_idle(play->whole);
    play->truth.closings.quiet = true;
    return truth_bank(&play->truth) && play_end(play) && gone_end(&play->truth);
}
