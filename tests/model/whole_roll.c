#include "whole_roll.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "message/roll.h"
#include "whole_gone.h"
#include "whole_hand.h"
#include "whole_rolled.h"

#define HOUR_MS UINT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

void roll_begin(struct play *play)
{
    play->truth.rolls = true;
}

/* ---- what purses are given ---- */

static bool give_record(struct play *play, unsigned place, struct kc_view record, const char *who)
{
    struct kc_roll roll;
    bool reads = !kc_failed(kc_roll_read(&roll, record));
    hand_arm(play, place);
    struct kc_result result = kc_slot_take_roll(whole_slot(play->whole, place), record);
    hand_trace(play, "purse %u is given record %" PRIu64 " of the bank's keys by %s: %s", place,
               reads ? roll.number : 0, who, kc_error_name(result.code));
    return hand_look(play, place, COMMAND_OTHER, result) &&
           rolled_took(&play->truth, place, reads ? roll.number : 0, result);
}

/* Next records one after the other, as a station asks for them. */
static bool fetch_records(struct play *play, unsigned place)
{
    bool good = true;
    for (unsigned i = 0; i < WHOLE_ROLLS_MAX && good; i++) {
        uint8_t bytes[KC_ROLL_SIZE_MAX];
        struct kc_view record;
        uint64_t number = play->whole->purses[place].core.roll_number + 1;
        if (kc_failed(whole_bank_roll_record(&record, play->whole, number))) {
            break;
        }
        memcpy(bytes, record.data, record.size);
        good = give_record(play, place, kc_view(bytes, record.size), "the bank");
    }
    return good;
}

static bool renew_identity(struct play *play, unsigned place)
{
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_view held;
    struct kc_view anew;
    struct kc_slot *slot = whole_slot(play->whole, place);
    if (kc_failed(kc_slot_identity(&held, slot))) {
        return true;
    }
    memcpy(bytes, held.data, held.size);
    if (kc_failed(whole_bank_identity(&anew, play->whole, kc_view(bytes, held.size)))) {
        return true;
    }
    memcpy(bytes, anew.data, anew.size);
    hand_arm(play, place);
    struct kc_result result = kc_slot_take_identity(slot, kc_view(bytes, anew.size));
    hand_trace(play, "purse %u is given its identity signed anew: %s", place,
               kc_error_name(result.code));
    return hand_look(play, place, COMMAND_OTHER, result);
}

bool roll_learn(struct play *play, unsigned place)
{
    return !play->truth.rolls || (fetch_records(play, place) && renew_identity(play, place));
}

bool roll_pass(struct play *play, unsigned from, unsigned to)
{
    bool good = true;
    for (unsigned back = 2; back-- > 0 && good;) {
        uint8_t bytes[KC_ROLL_SIZE_MAX];
        struct kc_view record;
        if (kc_failed(kc_slot_roll(&record, whole_slot(play->whole, from), back))) {
            continue;
        }
        memcpy(bytes, record.data, record.size);
        good = give_record(play, to, kc_view(bytes, record.size), "another purse");
    }
    return good;
}

/* Any of the bank's records, or one with something changed. */
static bool give_some(struct play *play)
{
    uint8_t bytes[KC_ROLL_SIZE_MAX];
    struct kc_view record;
    unsigned place = hand_any_place(play);
    uint64_t number = hand_below(play, play->whole->bank.keys.generation + 1);
    if (kc_failed(whole_bank_roll_record(&record, play->whole, number))) {
        return true;
    }
    memcpy(bytes, record.data, record.size);
    bool forged = hand_chance(play, 40);
    if (forged) {
        bytes[hand_below(play, record.size)] ^= (uint8_t)(1u << hand_below(play, 8));
    }
    return give_record(play, place, kc_view(bytes, record.size), forged ? "a forger" : "somebody");
}

/* Who has only one of two keys leads nobody anywhere: a record to other keys, with the old one not the bank's. */
static bool give_stranger(struct play *play)
{
    uint8_t bytes[KC_ROLL_SIZE_MAX];
    struct kc_private_key sign_key;
    struct kc_buffer out = KC_BUFFER(bytes);
    unsigned place = hand_any_place(play);
    const struct kc_bank *bank = &play->whole->bank;
    struct kc_roll roll = {.bank = bank->realm.bank,
                           .number = play->whole->purses[place].core.roll_number + 1,
                           .from_ms = play->whole->now_ms,
                           .until_ms = play->whole->now_ms + DAY_MS,
                           .former_key = bank->sign_public};
    ideal_key(&sign_key, &roll.sign_key, 77);
    roll.encrypt_key = roll.sign_key;
    if (hand_chance(play, 50)) {
        roll.former_key = roll.sign_key;
    }
    struct kc_roll_signers signers = {.former = {.key = &sign_key}, .signer = {.key = &sign_key}};
    kc_signer_id_make(&signers.former.id, &bank->crypto, KC_SERVER_BANK, &roll.former_key);
    kc_signer_id_make(&signers.signer.id, &bank->crypto, KC_SERVER_BANK, &roll.sign_key);
    if (kc_failed(kc_roll_make(&out, &bank->crypto, &signers, &bank->realm, &roll))) {
        return true;
    }
    return give_record(play, place, kc_buffer_view(&out), "a stranger");
}

/* ---- the bank ---- */

static bool roll_over(struct play *play)
{
    bool emergency = hand_chance(play, 25);
    uint64_t days = emergency && hand_chance(play, 50) ? 0 : hand_below(play, 4);
    struct kc_result result =
        whole_bank_roll(play->whole, play->whole->now_ms + days * DAY_MS, emergency);
    play->tally.rolls += kc_failed(result) ? 0 : 1;
    hand_trace(play, "the bank rolls its keys over, the old ones count for %" PRIu64 " days: %s",
               days, kc_error_name(result.code));
    return truth_bank(&play->truth);
}

static bool hours_pass(struct play *play)
{
    uint64_t ms = hand_below(play, 2 * DAY_MS);
    hand_trace(play, "%" PRIu64 " hours go by", ms / HOUR_MS);
    play->whole->now_ms += ms;
    return true;
}

bool roll_act(struct play *play)
{
    unsigned place = hand_any_place(play);
    switch (hand_below(play, 10)) {
    case 0:
    case 1:
    case 2:
        return roll_over(play);
    case 3:
        return hours_pass(play);
    case 4:
        return give_some(play);
    case 5:
        return give_stranger(play);
    case 6:
    case 7:
        return roll_pass(play, hand_any_place(play), place);
    case 8:
        return fetch_records(play, place);
    default:
        return roll_learn(play, place);
    }
}

/* ---- the end ---- */

static bool pays(struct play *play, unsigned payer, unsigned payee)
{
    uint64_t before = play->tally.payments;
    struct kc_purse_info info;
    struct kc_slot *slot = whole_slot(play->whole, payer);
    if (kc_failed(kc_slot_info(&info, slot)) || kc_amount_is_zero(info.value) ||
        !kc_amount_is_zero(info.open)) {
        return true;
    }
    play->habits.amount_most = 1;
    play->was_sent = false;
    bool good = hand_identify(play, payer, payee, true) && play_follow(play, LETTER_ANSWER, 6);
    return good && (play->tally.payments > before ||
                    truth_is_stuck(&play->truth, payer, KC_BANK_KEY_ENDED));
}

bool roll_finish(struct play *play)
{
    bool good = true;
    play->habits.refuse_percent = 0;
    play->plain_pays = true;
    for (unsigned i = 0; i < play->habits.holders && good; i++) {
        unsigned next = (i + 1) % play->habits.holders;
        bool honest = !play->truth.rogue[i] && !play->truth.rogue[next] &&
                      !gone_is_out(&play->truth, i) && !gone_is_out(&play->truth, next);
        bool may = hand_type(play, i) != KC_PURSE_TYPE_BEARER &&
                   hand_type(play, next) != KC_PURSE_TYPE_BEARER;
        good = !honest || !may || pays(play, i, next);
    }
    play->plain_pays = false;
    return good;
}
