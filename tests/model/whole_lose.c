#include "whole_lose.h"

#include <inttypes.h>

#include "base/assert.h"
#include "whole_closed.h"
#include "whole_gone.h"
#include "whole_hand.h"
#include "whole_leave.h"
#include "whole_move.h"
#include "whole_settled.h"

static int64_t minor_of(struct kc_amount amount)
{
    return (int64_t)kc_amount_minor(amount);
}

static unsigned count_left(const struct play *play)
{
    unsigned left = 0;
    for (unsigned i = 0; i < play->habits.holders; i++) {
        left += gone_is_out(&play->truth, i) ? 0 : 1;
    }
    return left;
}

bool lose_act(struct play *play)
{
    unsigned holder = (unsigned)hand_below(play, play->habits.holders);
    struct whole *whole = play->whole;
    if (count_left(play) < 3 && !gone_is_out(&play->truth, holder)) {
        return true;
    }
    whole->store.fault = hand_chance(play, 70)   ? RAM_GOOD
                         : hand_chance(play, 50) ? RAM_COMMIT_FAILS
                                                 : RAM_COMMIT_UNHEARD;
    gone_word(&play->truth, holder);
    struct kc_result result = whole_bank_lost(whole, holder);
    whole->store.fault = RAM_GOOD;
    hand_trace(play, "purse %u is lost: %s", holder, kc_error_name(result.code));
    return gone_told(&play->truth, holder, result);
}

/* ---- a new purse ---- */

/* What the bank has of a lost purse, and in the account that pays for it. */
struct left {
    int64_t shadow;
    int64_t balance;
    int64_t late;
};

static struct left look_at(const struct play *play, unsigned holder)
{
    const struct truth *truth = &play->truth;
    enum kc_purse_type type = play->whole->holders[holder].type;
    unsigned payer = type == KC_PURSE_TYPE_MACHINE ? WHOLE_OWNER : holder;
    return (struct left){.shadow = truth_shadow(truth_row(truth, holder)),
                         .balance = truth->accounts[payer] - truth_claimed(truth, payer),
                         .late = gone_late(truth, holder)};
}

/* What was left of the old one is in the new one; what it lacked came from the account as far as that reached, and the new one
 * owes the rest. */
static bool is_handed(struct play *play, unsigned holder, const struct left *left)
{
    struct truth *truth = &play->truth;
    const struct truth_loss *loss = &truth->losses.purses[holder];
    int64_t lacks = left->shadow < 0 ? -left->shadow : 0;
    int64_t pays = lacks < left->balance ? lacks : left->balance;
    int64_t given = left->shadow < 0 ? pays - lacks : left->shadow;
    if (loss->given != given) {
        return truth_wrong(truth, "what a new purse has of a lost one", holder, loss->given, given);
    }
    return loss->late == left->late - pays ||
           truth_wrong(truth, "what an account pays for a lost purse", holder, loss->late,
                       left->late - pays);
}

/* It has what was left, and is heard at the bank. */
static bool works(struct play *play, unsigned holder, struct kc_view certified)
{
    struct kc_view out;
    struct kc_purse_info info;
    const struct truth_loss *loss = &play->truth.losses.purses[holder];
    int64_t value = loss->given > 0 ? loss->given : 0;
    whole_personalise(play->whole, MOVE_NEW_PLACE, holder, certified);
    struct kc_slot *slot = whole_slot(play->whole, MOVE_NEW_PLACE);
    struct kc_result result = kc_slot_info(&info, slot);
    bool owes = loss->given < 0;
    if (kc_failed(result) || minor_of(info.value) != value ||
        (owes && !kc_amount_is_zero(info.payment_most))) {
        return truth_wrong(&play->truth, "the value of a new purse", holder, minor_of(info.value),
                           value);
    }
    result = kc_slot_state_request(&out, slot, ++play->whole->now_ms);
    result = kc_failed(result) ? result : move_carry(play->whole, out);
    hand_trace(play, "the new purse of %u has %" PRId64 ": %s", holder, value,
               kc_error_name(result.code));
    play->whole->purses[MOVE_NEW_PLACE].there = false;
    return truth_bank(&play->truth) &&
           (!kc_failed(result) ||
            truth_wrong(&play->truth, "a new purse is not heard", holder, result.code, KC_OK));
}

/* While the settlement time runs nobody gets one. */
static bool asks_early(struct play *play, unsigned holder)
{
    struct kc_purse_id none = {0};
    uint64_t due_ms = truth_row(&play->truth, holder)->out_ms + WHOLE_SETTLE_MS;
    if (play->whole->now_ms >= due_ms) {
        return true;
    }
    struct kc_result result = whole_bank_move(&none, play->whole, holder, (uint8_t)(64 + holder));
    return result.code == KC_SETTLEMENT_RUNS ||
           truth_wrong(&play->truth, "a new purse while the settlement time runs", holder,
                       result.code, KC_SETTLEMENT_RUNS);
}

static struct kc_result confirm(struct play *play, struct kc_buffer *certified)
{
    if (hand_chance(play, 30)) {
        play->whole->store.fault = hand_chance(play, 50) ? RAM_COMMIT_FAILS : RAM_COMMIT_UNHEARD;
        (void)kc_failed(whole_bank_confirm_move(certified, play->whole));
        play->whole->store.fault = RAM_GOOD;
        certified->size = 0;
    }
    return whole_bank_confirm_move(certified, play->whole);
}

static bool replace(struct play *play, unsigned holder)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer certified = KC_BUFFER(bytes);
    struct kc_purse_id purse = {0};
    struct whole *whole = play->whole;
    gone_follows(&play->truth, holder);
    struct left left = look_at(play, holder);
    struct kc_result result = whole_bank_move(&purse, whole, holder, (uint8_t)(64 + holder));
    hand_trace(play, "a new purse for %u: %s", holder, kc_error_name(result.code));
    if (!kc_failed(result)) {
        whole_bank_newcomer(whole, holder, purse);
        result = confirm(play, &certified);
    }
    if (kc_failed(result)) {
        return truth_wrong(&play->truth, "no new purse for a lost one", holder, result.code, KC_OK);
    }
    return truth_bank(&play->truth) && is_handed(play, holder, &left) &&
           works(play, holder, kc_buffer_view(&certified));
}

static bool is_to_replace(const struct play *play, unsigned holder)
{
    const struct truth *truth = &play->truth;
    return truth->losses.purses[holder].lost && !truth->rogue[holder] &&
           !gone_is_replaced(truth, holder) && !closed_is_out(truth, holder) &&
           hand_type(play, holder) != KC_PURSE_TYPE_BEARER;
}

static bool replace_all(struct play *play)
{
    bool good = true;
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        good = !is_to_replace(play, i) || asks_early(play, i);
    }
    play->whole->now_ms += WHOLE_SETTLE_MS + 1;
    hand_trace(play, "nothing more is waited for of lost purses");
    whole_bank_idle(play->whole);
    good = good && truth_bank(&play->truth);
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        good = !is_to_replace(play, i) || replace(play, i);
    }
    return good;
}

bool lose_late(struct play *play)
{
    return play->truth.losses.count == 0 || replace_all(play);
}

bool lose_finish(struct play *play)
{
    if (play->truth.losses.count == 0) {
        return true;
    }
    bool good = (hand_chance(play, 30) || replace_all(play)) && play_sync_all(play);
    /* What was reported after its payee was given up is released by then. */
    whole_bank_idle(play->whole);
    good = good && truth_bank(&play->truth);
    play->truth.closings.quiet = true;
    good = good && play_end(play);
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        bool hears = play->truth.losses.purses[i].lost && !play->truth.rogue[i] &&
                     hand_type(play, i) != KC_PURSE_TYPE_BEARER;
        good = !hears || leave_hears(play, i);
    }
    return good && gone_end(&play->truth);
}
