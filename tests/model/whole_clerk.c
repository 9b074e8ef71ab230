#include "whole_clerk.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "whole_charged.h"
#include "whole_gone.h"
#include "whole_hand.h"

#define HOUR_MS UINT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static bool set_rule(struct play *play, const struct kc_charge_rule *rule)
{
    play->whole->store.fault = RAM_GOOD;
    charged_rule(&play->truth, rule);
    hand_trace(play, "charges are %" PRIu64 " from now on", kc_amount_minor(rule->amount));
    return whole_bank_charging(play->whole, rule);
}

static struct kc_amount some_charge(struct play *play)
{
    static const uint64_t sums[] = {1, 40, 250, 600, 950};
    struct kc_amount amount = kc_amount_zero();
    struct kc_result result = kc_amount_from_minor(&amount, sums[hand_below(play, 5)]);
    KC_ASSERT(!kc_failed(result));
    return amount;
}

/* The bank's turn. In good order nothing that is due is left; what fails is taken up at the next. */
static bool turn(struct play *play)
{
    if (kc_amount_is_zero(play->truth.charges.rule.amount)) {
        /* How far periods were let go by unheard, no row would tell. */
        play->whole->store.fault = RAM_GOOD;
    }
    bool fails = play->whole->store.fault != RAM_GOOD;
    charged_turns(&play->truth);
    bool whole = whole_bank_charges(play->whole) && !fails;
    play->whole->store.fault = RAM_GOOD;
    hand_trace(play, "the bank looks after charges%s", whole ? "" : ", and something fails");
    return truth_bank(&play->truth) && (!whole || charged_turned(&play->truth));
}

bool clerk_begin(struct play *play)
{
    const uint64_t notice_ms = DAY_MS + hand_below(play, 3) * DAY_MS;
    const struct kc_charge_rule rule = {.amount = some_charge(play),
                                        .first_ms = notice_ms + hand_below(play, 3 * DAY_MS),
                                        .period_ms = notice_ms + (2 + hand_below(play, 6)) * DAY_MS,
                                        .notice_ms = notice_ms,
                                        .grace_ms = HOUR_MS + hand_below(play, 4 * DAY_MS)};
    return set_rule(play, &rule) && turn(play);
}

static bool days_pass(struct play *play)
{
    uint64_t ms = hand_below(play, 3 * DAY_MS);
    ms = hand_chance(play, 10) ? hand_below(play, 30 * DAY_MS) : ms;
    ms = hand_chance(play, 10) ? play->truth.charges.rule.grace_ms : ms;
    hand_trace(play, "%" PRIu64 " hours go by", ms / HOUR_MS);
    play->whole->now_ms += ms;
    return hand_chance(play, 25) || turn(play);
}

static bool change_rule(struct play *play)
{
    struct kc_charge_rule rule = play->truth.charges.rule;
    rule.amount = hand_chance(play, 25) ? kc_amount_zero() : some_charge(play);
    return set_rule(play, &rule);
}

static bool say_word(struct play *play, unsigned holder, enum kc_charge_source source, bool paid)
{
    bool unheard = play->whole->store.fault == RAM_COMMIT_UNHEARD;
    charged_word(&play->truth, holder, paid ? CLERK_PAID : CLERK_SOURCE);
    struct kc_result result =
        whole_bank_charge_word(play->whole, holder, source, paid, hand_chance(play, 50));
    play->whole->store.fault = RAM_GOOD;
    hand_trace(play, "the clerk says that %u %s %d: %s", holder,
               paid ? "has paid with a sale" : "pays from", (int)source,
               kc_error_name(result.code));
    return charged_told(&play->truth, source, result, unheard);
}

static bool speak(struct play *play)
{
    static const enum kc_charge_source sources[] = {
        KC_CHARGE_SOURCE_ACCOUNT, KC_CHARGE_SOURCE_ORDINARY, KC_CHARGE_SOURCE_ORDINARY,
        KC_CHARGE_SOURCE_INCLUDED};
    unsigned holder = hand_any_place(play);
    holder = play->whole->purses[holder].holder;
    enum kc_charge_source source = sources[hand_below(play, 4)];
    if (whole_type(&play->whole->base->options, holder) != KC_PURSE_TYPE_UIM) {
        return true;
    }
    return say_word(play, holder, source, hand_chance(play, 30));
}

/* What is in the account goes to the ordinary bank, or a part of it into the purse. */
static bool empty(struct play *play)
{
    unsigned place = hand_any_place(play);
    unsigned holder = play->whole->purses[place].holder;
    int64_t left = play->truth.accounts[holder] - truth_claimed(&play->truth, holder);
    uint64_t keeps = hand_chance(play, 50) ? 0 : hand_below(play, 40);
    if (left <= (int64_t)keeps || !play_sync(play, place)) {
        return play->truth.why[0] == '\0';
    }
    return hand_ask(play, place, WISH_REDEEM, (uint64_t)left - keeps) &&
           play_follow(play, LETTER_REPLY, 2);
}

bool clerk_act(struct play *play)
{
    static const enum whole_ordinary_mood moods[] = {ORDINARY_DOES, ORDINARY_REFUSES,
                                                     ORDINARY_DOES_UNHEARD, ORDINARY_SILENT};
    play->whole->ordinary.mood = moods[hand_below(play, 4)];
    play->whole->ordinary.crosses = hand_chance(play, 20);
    switch (hand_below(play, 16)) {
    case 0:
        return change_rule(play);
    case 1:
    case 2:
    case 3:
        return speak(play);
    case 4:
        play->whole->store.fault = hand_chance(play, 50) ? RAM_COMMIT_FAILS : RAM_COMMIT_UNHEARD;
        return turn(play);
    case 5:
    case 6:
    case 7:
        return empty(play);
    case 8:
        return turn(play);
    default:
        return days_pass(play);
    }
}

/* Of value that comes in, what is overdue is taken, and the account may be used again. */
static bool pay_up(struct play *play, unsigned holder)
{
    int64_t amount = charged_overdue(&play->truth, holder);
    if (amount == 0 || play->truth.rogue[holder] || truth_owes(&play->truth, holder) ||
        gone_is_out(&play->truth, holder)) {
        return true;
    }
    bool good = say_word(play, holder, KC_CHARGE_SOURCE_ACCOUNT, false) && turn(play);
    if (good && charged_overdue(&play->truth, holder) != 0) {
        good = play_sync(play, holder) && hand_ask(play, holder, WISH_FUND, (uint64_t)amount) &&
               play_follow(play, LETTER_REPLY, 2);
    }
    return good && (charged_overdue(&play->truth, holder) == 0 ||
                    truth_is_stuck(&play->truth, holder, KC_SUSPENDED));
}

bool clerk_finish(struct play *play)
{
    bool good = turn(play);
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        good = pay_up(play, i);
    }
    return good;
}
