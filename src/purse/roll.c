/* The bank's keys as they roll over: the newest of the bank's records about them, and the one before it for passing on. Two
 * places, written in turn: a record that a power cut left torn does not count, and the one before it stands in the other.
 *
 *  1. The keys in force are those of the newest whole record, else those the purse was personalised with.
 *  2. A record is taken when its old key is the one in force and its number the next one, so that nothing leads away from the
 *     bank.
 *  3. A purse personalised under the new keys takes the record that leads to them: it learns the old key from it.
 *  4. What the old key signed counts while the purse's time stamps are before the record's `until`, and never after. What a
 *     key before that one signed counts no more, whatever its time was.
 *
 * The places are those of places.c. */
#include <string.h>

#include "base/assert.h"
#include "message/identity.h"
#include "purse/inside.h"

static struct kc_place place_of(unsigned place)
{
    KC_ASSERT(place < KC_ROLL_COUNT);
    return (struct kc_place){KC_NVM_ROLLS_AT + (size_t)place * KC_ROLL_ROOM, KC_ROLL_SIZE_MAX};
}

static void set_former_id(struct kc_purse *purse)
{
    kc_signer_id_make(&purse->bank_former_id, &purse->crypto, KC_SERVER_BANK, &purse->bank_former);
}

static void put_in_force(struct kc_purse *purse, const struct kc_roll *roll, unsigned place)
{
    purse->roll_number = roll->number;
    purse->roll_until_ms = roll->until_ms;
    purse->roll_place = place;
    purse->bank_former = roll->former_key;
    purse->bank_verify = roll->sign_key;
    purse->bank_encrypt = roll->encrypt_key;
    set_former_id(purse);
}

struct kc_result kc_purse_rolls_load(struct kc_purse *purse)
{
    struct kc_roll newest = {.number = 0};
    unsigned place_of_newest = 0;
    purse->roll_number = 0;
    purse->roll_place = 0;
    purse->bank_former.type = KC_KEY_NONE;
    for (unsigned place = 0; place < KC_ROLL_COUNT; place++) {
        struct kc_view bytes;
        struct kc_roll roll;
        struct kc_result result = kc_purse_place_read(&bytes, purse, place_of(place));
        if (kc_failed(result) && result.code != KC_NOT_FOUND) {
            return result;
        }
        if (!kc_failed(result) && !kc_failed(kc_roll_read(&roll, bytes)) &&
            roll.number > newest.number) {
            newest = roll;
            place_of_newest = place;
        }
    }
    if (newest.number > 0) {
        put_in_force(purse, &newest, place_of_newest);
    }
    return kc_ok();
}

struct kc_result kc_purse_roll_get(struct kc_view *out, struct kc_purse *purse, unsigned back)
{
    struct kc_roll roll;
    if (back >= KC_ROLL_COUNT || purse->roll_number <= back) {
        return kc_result(KC_NOT_FOUND);
    }
    struct kc_result result = kc_purse_place_read(out, purse, place_of(purse->roll_place ^ back));
    if (!kc_failed(result)) {
        result = kc_roll_read(&roll, *out);
    }
    return !kc_failed(result) && roll.number != purse->roll_number - back ? kc_result(KC_NOT_FOUND)
                                                                          : result;
}

/* ---- what the bank signed ---- */

static bool former_counts(const struct kc_purse *purse, uint64_t time_ms)
{
    uint64_t stamp_ms = purse->state.stamp_ms;
    return (time_ms > stamp_ms ? time_ms : stamp_ms) < purse->roll_until_ms;
}

/* An old key's signature that verified. */
static struct kc_result allow_former(const struct kc_purse *purse, uint64_t time_ms)
{
    return kc_result(former_counts(purse, time_ms) ? KC_OK : KC_BANK_KEY_ENDED);
}

static bool is_former(const struct kc_purse *purse, const struct kc_signer_id *signer)
{
    return purse->bank_former.type != KC_KEY_NONE &&
           memcmp(signer, &purse->bank_former_id, sizeof *signer) == 0;
}

static bool is_formers(const struct kc_purse *purse, const struct kc_signed *parsed)
{
    return is_former(purse, &parsed->signer);
}

bool kc_purse_is_bank_key(const struct kc_purse *purse, const struct kc_signer_id *signer)
{
    struct kc_signer_id current;
    if (is_former(purse, signer)) {
        return former_counts(purse, 0);
    }
    kc_signer_id_make(&current, &purse->crypto, KC_SERVER_BANK, &purse->bank_verify);
    return memcmp(signer, &current, sizeof current) == 0;
}

const struct kc_public_key *kc_purse_bank_key(const struct kc_purse *purse,
                                              const struct kc_signed *parsed)
{
    return is_formers(purse, parsed) ? &purse->bank_former : &purse->bank_verify;
}

struct kc_result kc_purse_check_bank_key(const struct kc_purse *purse,
                                         const struct kc_signed *parsed)
{
    return is_formers(purse, parsed) ? allow_former(purse, 0) : kc_ok();
}

struct kc_result kc_purse_verify_bank(const struct kc_purse *purse, const struct kc_signed *parsed,
                                      const char *domain)
{
    struct kc_result result = kc_signed_verify(
        parsed, &purse->crypto, kc_purse_bank_key(purse, parsed), &purse->realm, domain);
    return kc_failed(result) ? result : kc_purse_check_bank_key(purse, parsed);
}

struct kc_result kc_purse_open_identity(struct kc_identity *out, const struct kc_purse *purse,
                                        struct kc_view bytes, uint64_t time_ms)
{
    struct kc_result result =
        kc_identity_open(out, &purse->crypto, &purse->bank_verify, &purse->realm, bytes);
    bool other = result.code == KC_BAD_SIGNATURE || result.code == KC_WRONG_ALGORITHM;
    if (!other || purse->bank_former.type == KC_KEY_NONE) {
        return result;
    }
    /* It names no key, so the old one is tried. */
    struct kc_result again =
        kc_identity_open(out, &purse->crypto, &purse->bank_former, &purse->realm, bytes);
    return kc_failed(again) ? result : allow_former(purse, time_ms);
}

/* ---- TAKE ROLL ---- */

/* It comes from anybody, so all of it is the bank's signed word or refused. */
static struct kc_result verify(struct kc_roll *out, struct kc_purse *purse, struct kc_view bytes)
{
    struct kc_result result = kc_roll_read(out, bytes);
    if (!kc_failed(result) && out->number <= purse->roll_number) {
        return kc_result(KC_STALE_STATE);
    }
    if (!kc_failed(result)) {
        result = kc_roll_open(out, &purse->crypto, &purse->realm, bytes);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool first = purse->roll_number == 0;
    bool own = first && kc_key_equal(&out->sign_key, &purse->bank_verify) &&
               kc_key_equal(&out->encrypt_key, &purse->bank_encrypt);
    if (own) {
        return kc_ok();
    }
    if (!kc_key_equal(&out->former_key, &purse->bank_verify)) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    return kc_result(first || out->number == purse->roll_number + 1 ? KC_OK : KC_OUT_OF_ORDER);
}

static struct kc_result take_roll(struct kc_purse *purse, struct kc_view bytes)
{
    struct kc_roll roll;
    struct kc_result result = verify(&roll, purse, bytes);
    if (kc_failed(result)) {
        return result;
    }
    unsigned place = purse->roll_number == 0 ? 0 : purse->roll_place ^ 1u;
    result = kc_purse_place_write(purse, place_of(place), bytes);
    if (!kc_failed(result)) {
        put_in_force(purse, &roll, place);
    }
    return result;
}

/* The purse's own identity as it stands, signed by the key in force: nothing but the signature may differ. */
static struct kc_result take_identity(struct kc_purse *purse, struct kc_view bytes)
{
    struct kc_identity identity;
    struct kc_signed given;
    struct kc_signed held;
    struct kc_purse_state next = purse->state;
    if (bytes.size > KC_RECORD_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result =
        kc_identity_open(&identity, &purse->crypto, &purse->bank_verify, &purse->realm, bytes);
    kc_wipe(identity.secret, sizeof identity.secret);
    if (!kc_failed(result)) {
        result = kc_brief_parse(&given, bytes);
    }
    if (!kc_failed(result)) {
        result = kc_brief_parse(&held, purse->state.identity);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (!kc_view_equal(given.payload, held.payload)) {
        return kc_result(KC_MISMATCH);
    }
    /* Whoever asks has it signed anew, and hands it in as often as he likes: only the first time is worth a write. */
    result = kc_identity_open(&identity, &purse->crypto, &purse->bank_verify, &purse->realm,
                              purse->state.identity);
    kc_wipe(identity.secret, sizeof identity.secret);
    if (!kc_failed(result)) {
        return result;
    }
    next.identity = bytes;
    return kc_purse_commit(purse, &next);
}

struct kc_result kc_purse_take_roll(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    switch (apdu->p1) {
    case KC_ROLL_KEYS:
        return take_roll(purse, apdu->data);
    case KC_ROLL_IDENTITY:
        return take_identity(purse, apdu->data);
    default:
        return kc_result(KC_MALFORMED);
    }
}
