#include "whole_rolled.h"

#include <string.h>

#include "base/assert.h"
#include "message/roll.h"
#include "whole_gone.h"
#include "whole_settled.h"

static bool wrong(struct truth *truth, const char *what, unsigned place, uint64_t found,
                  uint64_t expected)
{
    return truth_wrong(truth, what, place, (int64_t)found, (int64_t)expected);
}

static const struct kc_bank_keys *keys_of(const struct truth *truth)
{
    return &truth->whole->bank.keys;
}

static const struct kc_public_key *key_of(const struct truth *truth, uint64_t number)
{
    const struct kc_bank_keys *keys = keys_of(truth);
    return number == keys->generation ? &keys->sign_public : &keys->formers[number].sign_public;
}

/* Until when the keys of that number count: by the record that ends them, and not after another one. */
static uint64_t until_of(const struct truth *truth, uint64_t number)
{
    struct kc_roll roll;
    const struct kc_bank_keys *keys = keys_of(truth);
    struct kc_result result =
        kc_roll_read(&roll, kc_view(keys->rolls[number], keys->roll_sizes[number]));
    KC_ASSERT(!kc_failed(result));
    return roll.until_ms;
}

/* ---- purses ---- */

/* The record with which the keys of that number came, as the purse has it; none for those of its personalisation. */
static bool has_record(struct truth *truth, unsigned place, uint64_t number, unsigned back)
{
    struct kc_view bytes;
    const struct kc_bank_keys *keys = keys_of(truth);
    struct kc_result result = kc_slot_roll(&bytes, whole_slot(truth->whole, place), back);
    if (number == 0) {
        return kc_failed(result);
    }
    return !kc_failed(result) && number <= keys->generation &&
           kc_view_equal(bytes, kc_view(keys->rolls[number - 1], keys->roll_sizes[number - 1]));
}

bool rolled_purse(struct truth *truth, unsigned place)
{
    struct kc_bank_verifier held;
    struct truth_place *known = &truth->places[place];
    const struct whole_purse *purse = &truth->whole->purses[place];
    uint64_t number = purse->core.roll_number;
    /* One that locked itself reads nothing more when power comes back. */
    bool locked = number == 0 && gone_is_out(truth, purse->holder);
    if (!truth->rolls || number == known->roll || locked) {
        return true;
    }
    if (number != known->roll + 1 || !has_record(truth, place, number, 0) ||
        !has_record(truth, place, number - 1, 1)) {
        return wrong(truth, "the record of the bank's keys that a purse has", place, number,
                     known->roll + 1);
    }
    known->roll = number;
    return (!kc_failed(kc_slot_bank_keys(&held, whole_slot(truth->whole, place))) &&
            kc_key_equal(&held.key, key_of(truth, number))) ||
           wrong(truth, "a purse does not know the bank's keys by its record", place, number, 0);
}

bool rolled_took(struct truth *truth, unsigned place, uint64_t number, struct kc_result result)
{
    uint64_t held = truth->places[place].roll;
    bool rogue = truth->rogue[truth->whole->purses[place].holder];
    return rogue || kc_failed(result) || held == number ||
           wrong(truth, "a purse took a record of the bank's keys", place, held, number);
}

bool rolled_reply(struct truth *truth, unsigned place, uint64_t number, uint64_t held,
                  uint64_t stamp_ms, struct kc_result result)
{
    bool unverified = result.code == KC_BAD_SIGNATURE || result.code == KC_UNKNOWN_SIGNER ||
                      result.code == KC_BANK_KEY_ENDED;
    if (number == ROLLED_UNKNOWN || result.code == KC_UNREACHABLE) {
        return true;
    }
    bool counts = number == held || (number + 1 == held && stamp_ms < until_of(truth, number));
    if (!kc_failed(result) && !counts) {
        return wrong(truth, "a purse believes a key of the bank that does not count", place, number,
                     held);
    }
    return !unverified || !counts ||
           wrong(truth, "a purse does not believe a key of the bank that counts", place, number,
                 held);
}

bool rolled_identity(struct truth *truth, unsigned place, struct kc_view identity, uint64_t held,
                     uint64_t time_ms)
{
    struct kc_identity claims;
    const struct kc_bank *bank = &truth->whole->bank;
    if (!truth->rolls || truth->rogue[truth->whole->purses[place].holder]) {
        return true;
    }
    for (uint64_t number = 0; number <= bank->keys.generation; number++) {
        if (kc_failed(kc_identity_open(&claims, &bank->crypto, key_of(truth, number), &bank->realm,
                                       identity))) {
            continue;
        }
        bool counts = number == held || (number + 1 == held && time_ms < until_of(truth, number));
        return counts || wrong(truth, "an identity under a key of the bank that does not count",
                               place, number, held);
    }
    return wrong(truth, "an identity that the bank never signed", place, 0, 1);
}

/* ---- the bank ---- */

bool rolled_served(struct truth *truth, uint64_t number, struct kc_result result)
{
    uint64_t generation = keys_of(truth)->generation;
    if (!truth->rolls || number == ROLLED_UNKNOWN) {
        return true;
    }
    bool counts = number == generation ||
                  (number + 1 == generation && truth->whole->now_ms < until_of(truth, number));
    if (!kc_failed(result) && !counts) {
        return wrong(truth, "the bank opens what was sealed for a key that ended", 0, number,
                     generation);
    }
    bool closed = result.code == KC_BANK_KEY_ENDED || result.code == KC_CANNOT_UNSEAL;
    if (closed && counts) {
        return wrong(truth, "the bank does not open what was sealed for its key", 0, number,
                     generation);
    }
    return true;
}
