#include "whole_renewing.h"

#include <inttypes.h>

#include "whole_authority.h"
#include "whole_gone.h"
#include "whole_hand.h"
#include "whole_renewed.h"

#define DAY_MS UINT64_C(86400000)
/* Old certificates of one purse wait behind one another. */
#define RETIRES 4u

bool renewing_begin(struct play *play)
{
    renewed_begin(&play->truth, true);
    return true;
}

static bool turn(struct play *play)
{
    whole_bank_retire(play->whole);
    play->whole->store.fault = RAM_GOOD;
    hand_trace(play, "the bank has old certificates revoked");
    return truth_bank(&play->truth);
}

/* From the request to the report under the new keys, or to where it is broken off. */
static bool renew(struct play *play)
{
    unsigned place = hand_any_place(play);
    unsigned most = 1 + (unsigned)hand_below(play, 3);
    if (hand_chance(play, 60) && !play_sync(play, place)) {
        return play->truth.why[0] == '\0';
    }
    play->was_sent = false;
    if (!hand_ask(play, place, WISH_RENEW, 0) || !play_follow(play, LETTER_REPLY, most)) {
        return false;
    }
    play->was_sent = false;
    return hand_chance(play, 30) ||
           (hand_ask(play, place, WISH_REPORT, 0) && play_follow(play, LETTER_REPLY, most));
}

static bool make_keys(struct play *play)
{
    unsigned holder = play->whole->purses[hand_any_place(play)].holder;
    struct kc_result result = whole_bank_order_keys(play->whole, holder);
    play->whole->store.fault = RAM_GOOD;
    hand_trace(play, "keys are ordered for %u: %s", holder, kc_error_name(result.code));
    if (hand_chance(play, 90)) {
        whole_bank_offer(play->whole);
        play->whole->store.fault = RAM_GOOD;
        hand_trace(play, "the bank has keys made");
    }
    return truth_bank(&play->truth);
}

static bool ask_on(struct play *play, unsigned place, enum hand_wish wish, enum letter_kind answer)
{
    play->was_sent = false;
    return hand_ask(play, place, wish, 0) &&
           play_follow(play, answer, 1 + (unsigned)hand_below(play, 3));
}

/* From the order to the confirmation, or to where it is broken off; sometimes taken up in the middle. */
static bool renew_by_authority(struct play *play)
{
    unsigned place = hand_any_place(play);
    if (hand_chance(play, 60) && !play_sync(play, place)) {
        return play->truth.why[0] == '\0';
    }
    bool good = hand_chance(play, 40) || make_keys(play);
    good = good && (hand_chance(play, 20) || ask_on(play, place, WISH_CLAIM, LETTER_REPLY));
    good = good && (hand_chance(play, 10) || ask_on(play, place, WISH_KEYS, LETTER_KEY_REPLY));
    good = good && (hand_chance(play, 20) || ask_on(play, place, WISH_CONFIRM, LETTER_KEY_REPLY));
    return good && (hand_chance(play, 30) || ask_on(play, place, WISH_REPORT, LETTER_REPLY));
}

static bool change_moods(struct play *play)
{
    static const enum whole_outside_mood moods[] = {OUTSIDE_ANSWERS, OUTSIDE_ANSWERS, OUTSIDE_AWAY,
                                                    OUTSIDE_DOES_UNHEARD};
    struct whole_outside *outside = &play->whole->outside;
    outside->mood = moods[hand_below(play, 4)];
    outside->directory_away = hand_chance(play, 20);
    outside->breaks = hand_chance(play, 70)   ? RAM_GOOD
                      : hand_chance(play, 50) ? RAM_COMMIT_FAILS
                                              : RAM_COMMIT_UNHEARD;
    hand_trace(play, "the authority %s, the directory %s",
               outside->mood == OUTSIDE_ANSWERS ? "answers"
               : outside->mood == OUTSIDE_AWAY  ? "is away"
                                                : "answers unheard",
               outside->directory_away ? "is away" : "is there");
    return true;
}

/* What an ended key signed holds for the settlement time. */
static bool days_pass(struct play *play)
{
    bool many = hand_chance(play, 20) && !play->has_ended;
    uint64_t ms = hand_below(play, many ? 40 * DAY_MS : 2 * DAY_MS);
    hand_trace(play, "%" PRIu64 " hours go by", ms / (DAY_MS / 24));
    play->whole->now_ms += ms;
    return true;
}

/* ---- at the counter ---- */

static bool end_certificates(struct play *play)
{
    unsigned holder = play->whole->purses[hand_any_place(play)].holder;
    play->has_ended = true;
    whole_authority_expire(play->whole, holder);
    hand_trace(play, "the certificates of %u end", holder);
    return truth_bank(&play->truth);
}

/* Its holder brings it there: what is open ends, and it has new keys; or that is broken off. */
static bool visit_counter(struct play *play)
{
    unsigned place = hand_any_place(play);
    unsigned most = 1 + (unsigned)hand_below(play, 3);
    play->at_counter = play->whole->purses[place].holder + 1;
    bool good = (hand_chance(play, 20) || play_sync(play, place)) &&
                ask_on(play, place, WISH_RENEW, LETTER_REPLY) &&
                hand_ask(play, place, WISH_REPORT, 0) && play_follow(play, LETTER_REPLY, most);
    play->at_counter = 0;
    return good;
}

bool renewing_act(struct play *play)
{
    if (play->habits.counter && hand_chance(play, 30)) {
        return hand_chance(play, 30) ? end_certificates(play) : visit_counter(play);
    }
    switch (hand_below(play, 24)) {
    case 0:
    case 1:
    case 2:
        return hand_ask(play, hand_any_place(play), WISH_RENEW, 0);
    case 3:
        return hand_ask(play, hand_any_place(play), WISH_REPORT, 0);
    case 4:
        return change_moods(play);
    case 5:
    case 6:
        return turn(play);
    case 7:
        hand_trace(play, "the bank starts again, or knows nobody any more");
        whole_authority_forget(play->whole);
        return hand_chance(play, 50) || whole_bank_restart(play->whole);
    case 8:
        return days_pass(play);
    case 9:
        hand_trace(play, "the time for private keys runs out");
        whole_authority_wipe(play->whole);
        return truth_bank(&play->truth);
    case 10:
        return make_keys(play);
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
    case 16:
        return renew_by_authority(play);
    default:
        return renew(play);
    }
}

void renewing_calm(struct play *play)
{
    struct whole_outside *outside = &play->whole->outside;
    outside->mood = OUTSIDE_ANSWERS;
    outside->directory_away = false;
    outside->breaks = RAM_GOOD;
    play->vouches = true;
}

static bool renew_last(struct play *play, unsigned holder)
{
    uint64_t before = renewed_count(&play->truth, holder);
    play->whole->now_ms += 1;
    if (!hand_ask(play, holder, WISH_RENEW, 0) || !play_follow(play, LETTER_REPLY, 2) ||
        !hand_ask(play, holder, WISH_REPORT, 0) || !play_follow(play, LETTER_REPLY, 2)) {
        return false;
    }
    return renewed_worked(&play->truth, holder, before);
}

bool renewing_finish(struct play *play)
{
    bool good = true;
    for (unsigned i = 0; i < RETIRES && good; i++) {
        good = turn(play);
    }
    good = good && renewed_retired(&play->truth);
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        bool may = !play->truth.rogue[i] && !gone_is_out(&play->truth, i) &&
                   hand_type(play, i) != KC_PURSE_TYPE_BEARER && renewed_may(&play->truth, i);
        bool ended = renewed_has_expired(&play->truth, i);
        good = !may || (!ended && hand_chance(play, 30)) || renew_last(play, i);
    }
    for (unsigned i = 0; i < RETIRES && good; i++) {
        good = turn(play);
    }
    return good && renewed_retired(&play->truth);
}
