/* The PIN: kept as HMAC-SHA-256 under a salt; tries are counted down durably before anything is compared. */
#include <string.h>

#include "purse/inside.h"

bool kc_purse_has_pin(const struct kc_purse *purse)
{
    return purse->state.settings.size == 0 || purse->settings.purse_type == KC_PURSE_TYPE_UIM;
}

bool kc_purse_is_unlocked(const struct kc_purse *purse)
{
    enum kc_life life = purse->state.life;
    bool in_use = life == KC_LIFE_READY || life == KC_LIFE_REQUESTED || life == KC_LIFE_QUOTED ||
                  life == KC_LIFE_ANSWERED;
    return purse->pin_verified || (in_use && !kc_purse_has_pin(purse));
}

/* Public is how long it is and whether it is all digits, and not which. */
static bool is_pin(struct kc_view pin)
{
    uint32_t other = 0;
    if (pin.size < KC_PIN_SIZE_MIN || pin.size > KC_PIN_SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < pin.size; i++) {
        /* Outside of 0 to 9 one of the two is negative, which is its top bit. */
        uint32_t digit = (uint32_t)pin.data[i] - '0';
        other |= (digit | (9u - digit)) >> 31;
    }
    return kc_purse_outcome(other == 0);
}

struct kc_result kc_purse_set_pin(struct kc_purse *purse, struct kc_purse_state *next,
                                  struct kc_view pin)
{
    if (!kc_purse_has_pin(purse)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (!is_pin(pin)) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result =
        purse->crypto.random(purse->crypto.context, next->pin_salt, sizeof next->pin_salt);
    if (kc_failed(result)) {
        return result;
    }
    purse->crypto.hmac_sha256(purse->crypto.context, next->pin_check,
                              kc_view(next->pin_salt, sizeof next->pin_salt), pin);
    next->pin_tries = KC_PIN_TRIES;
    return kc_ok();
}

static struct kc_result set_tries(struct kc_purse *purse, uint64_t tries)
{
    struct kc_purse_state next = purse->state;
    next.pin_tries = tries;
    return kc_purse_commit(purse, &next);
}

struct kc_result kc_purse_verify_pin(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    uint8_t check[KC_DIGEST_SIZE];
    purse->pin_verified = false;
    if (!kc_purse_has_pin(purse)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (purse->state.pin_tries == 0) {
        return kc_result(KC_PIN_BLOCKED);
    }
    if (!is_pin(apdu->data)) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = set_tries(purse, purse->state.pin_tries - 1);
    if (kc_failed(result)) {
        return result;
    }
    purse->crypto.hmac_sha256(purse->crypto.context, check,
                              kc_view(purse->state.pin_salt, sizeof purse->state.pin_salt),
                              apdu->data);
    bool right = kc_purse_outcome(kc_equal_secret(check, purse->state.pin_check, sizeof check));
    kc_wipe(check, sizeof check);
    if (!right) {
        return kc_result(purse->state.pin_tries == 0 ? KC_PIN_BLOCKED : KC_PIN_WRONG);
    }
    result = set_tries(purse, KC_PIN_TRIES);
    purse->pin_verified = !kc_failed(result);
    return result;
}

struct kc_result kc_purse_change_pin(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_purse_state next = purse->state;
    struct kc_result result = kc_purse_set_pin(purse, &next, apdu->data);
    return kc_failed(result) ? result : kc_purse_commit(purse, &next);
}
