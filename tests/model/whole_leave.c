#include "whole_leave.h"

#include <inttypes.h>

#include "base/assert.h"
#include "whole_closed.h"
#include "whole_gone.h"
#include "whole_hand.h"
#include "whole_roll.h"

#define HOUR_MS UINT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

/* The bank's turn. In good order nothing that is due is left; what fails is taken up at the next. */
static bool turn(struct play *play)
{
    bool fails = play->whole->store.fault != RAM_GOOD;
    closed_turns(&play->truth);
    bool whole = whole_bank_closings(play->whole) && !fails;
    play->whole->store.fault = RAM_GOOD;
    hand_trace(play, "the bank looks after closed accounts%s",
               whole ? "" : ", and something fails");
    return truth_bank(&play->truth) && (!whole || closed_turned(&play->truth));
}

void leave_begin(struct play *play)
{
    closed_on(&play->truth);
}

static bool days_pass(struct play *play)
{
    uint64_t ms = hand_below(play, 3 * DAY_MS);
    ms = hand_chance(play, 15) ? hand_below(play, 20 * DAY_MS) : ms;
    ms = hand_chance(play, 15) ? WHOLE_SETTLE_MS : ms;
    hand_trace(play, "%" PRIu64 " hours go by", ms / HOUR_MS);
    play->whole->now_ms += ms;
    if (hand_chance(play, 30)) {
        whole_bank_idle(play->whole);
        return truth_bank(&play->truth);
    }
    return hand_chance(play, 25) || turn(play);
}

/* The purse deposits what it has; how far that goes, the links and the bank decide. */
static bool deposit_all(struct play *play, unsigned place)
{
    struct kc_purse_info info;
    if (kc_failed(kc_slot_info(&info, whole_slot(play->whole, place))) ||
        kc_amount_is_zero(info.value)) {
        return true;
    }
    bool good = hand_ask(play, place, WISH_DEPOSIT, kc_amount_minor(info.value)) &&
                play_follow(play, LETTER_REPLY, 2) && hand_ask(play, place, WISH_OK, 0) &&
                play_follow(play, LETTER_REPLY, 2);
    play->says_next = false;
    return good;
}

static bool say_word(struct play *play, unsigned holder, enum kc_close_kind kind, bool registrar)
{
    static const char *const kinds[] = {"?", "empty", "write off", "follow"};
    kind = registrar ? kind : KC_CLOSE_KIND_WRITE_OFF;
    closed_word(&play->truth, holder);
    struct kc_result result = whole_bank_close(play->whole, holder, kind, registrar);
    play->whole->store.fault = RAM_GOOD;
    hand_trace(play, "%s closes the account of %u (%s): %s",
               registrar ? "the registrar" : "the operator", holder, kinds[kind],
               kc_error_name(result.code));
    return closed_told(&play->truth, holder, kind, result);
}

static bool speak(struct play *play)
{
    static const enum kc_close_kind kinds[] = {KC_CLOSE_KIND_EMPTY, KC_CLOSE_KIND_EMPTY,
                                               KC_CLOSE_KIND_WRITE_OFF, KC_CLOSE_KIND_FOLLOW};
    unsigned place = hand_any_place(play);
    unsigned holder = play->whole->purses[place].holder;
    enum kc_close_kind kind = kinds[hand_below(play, 4)];
    if (kind == KC_CLOSE_KIND_EMPTY && hand_chance(play, 60) && !play->truth.rogue[holder] &&
        !(play_sync(play, holder) && deposit_all(play, holder))) {
        return false;
    }
    return say_word(play, holder, kind, hand_chance(play, 80));
}

/* Who has little pays with what he was paid. */
static bool empty_some(struct play *play)
{
    unsigned place = (unsigned)hand_below(play, play->habits.holders);
    return play->truth.rogue[place] || gone_is_out(&play->truth, place) ||
           (play_sync(play, place) && deposit_all(play, place));
}

bool leave_act(struct play *play)
{
    static const enum whole_ordinary_mood moods[] = {ORDINARY_DOES, ORDINARY_REFUSES,
                                                     ORDINARY_DOES_UNHEARD, ORDINARY_SILENT};
    play->whole->ordinary.mood = moods[hand_below(play, 4)];
    play->whole->ordinary.crosses = hand_chance(play, 20);
    switch (hand_below(play, 10)) {
    case 0:
    case 1:
        return speak(play);
    case 2:
        play->whole->store.fault = hand_chance(play, 50) ? RAM_COMMIT_FAILS : RAM_COMMIT_UNHEARD;
        return turn(play);
    case 3:
        play->whole->store.fault = hand_chance(play, 50) ? RAM_COMMIT_FAILS : RAM_COMMIT_UNHEARD;
        return speak(play);
    case 4:
        return turn(play);
    case 5:
        return empty_some(play);
    default:
        return days_pass(play);
    }
}

/* ---- the end ---- */

static bool any_out(const struct play *play)
{
    bool any = false;
    for (unsigned i = 0; i < play->habits.holders; i++) {
        any = any || closed_is_out(&play->truth, i);
    }
    return any;
}

static bool is_locked(struct play *play, unsigned place)
{
    struct kc_purse_info info;
    return !kc_failed(kc_slot_info(&info, whole_slot(play->whole, place))) &&
           info.life == KC_LIFE_BLOCKED;
}

static bool asks(struct play *play, unsigned place, enum hand_wish wish)
{
    return hand_ask(play, place, wish, 0) && play_follow(play, LETTER_REPLY, 2);
}

bool leave_hears(struct play *play, unsigned place)
{
    bool good = roll_learn(play, place) && asks(play, place, WISH_STATE);
    /* Under keys that are not confirmed the bank hears a report alone. */
    if (good && !is_locked(play, place) && play->habits.renewed) {
        good = asks(play, place, WISH_REPORT);
    }
    return good && (is_locked(play, place) || truth_is_stuck(&play->truth, place, KC_CLOSED));
}

static bool look_after(struct play *play)
{
    whole_bank_idle(play->whole);
    return truth_bank(&play->truth) && turn(play);
}

bool leave_late(struct play *play)
{
    static const enum whole_ordinary_mood moods[] = {ORDINARY_DOES, ORDINARY_DOES_UNHEARD,
                                                     ORDINARY_SILENT};
    play->whole->ordinary.mood = moods[hand_below(play, 3)];
    play->whole->now_ms += WHOLE_SETTLE_MS + 1;
    hand_trace(play, "nothing more is waited for of closed accounts, before the others sync");
    bool good = look_after(play);
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        bool syncs =
            hand_chance(play, 50) && !play->truth.rogue[i] && !gone_is_out(&play->truth, i);
        good = !syncs || (play_sync(play, i) && look_after(play));
    }
    play->whole->ordinary.mood = ORDINARY_DOES;
    return good;
}

bool leave_finish(struct play *play)
{
    bool good = true;
    for (unsigned i = 0; i < 3 && good && any_out(play); i++) {
        play->whole->now_ms += i == 0 ? WHOLE_SETTLE_MS + 1 : DAY_MS;
        hand_trace(play, "nothing more is waited for of closed accounts");
        good = look_after(play) && play_sync_all(play) && look_after(play);
        play->truth.closings.quiet = true;
        good = good && play_end(play);
    }
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        good = !closed_is_out(&play->truth, i) || play->truth.rogue[i] || leave_hears(play, i);
    }
    return good && turn(play) && closed_end(&play->truth);
}
