/* What a purse may do between two contacts with its bank: the limits of the certified value in force. They keep what a stolen or
 * copied purse can do small; the bank's books do not rest on them. */
#include "base/assert.h"
#include "purse/inside.h"

/* What is left of `most` after `used`; zero when nothing is. */
static struct kc_amount left(struct kc_amount most, struct kc_amount used)
{
    struct kc_amount out = kc_amount_zero();
    return kc_failed(kc_amount_sub(&out, most, used)) ? kc_amount_zero() : out;
}

static struct kc_amount lesser(struct kc_amount a, struct kc_amount b)
{
    return kc_amount_compare(a, b) < 0 ? a : b;
}

struct kc_amount kc_purse_spend_left(const struct kc_purse *purse)
{
    return left(purse->certified.spend_most, purse->state.spent);
}

uint64_t kc_purse_count_left(const struct kc_purse *purse)
{
    uint64_t most = purse->certified.spend_count;
    uint64_t used = purse->state.spent_count;
    return most > used ? most - used : 0;
}

static bool is_late(const struct kc_purse *purse, uint64_t time_ms)
{
    return time_ms > purse->certified.valid_until_ms;
}

struct kc_result kc_purse_check_pay(const struct kc_purse *purse, struct kc_amount amount,
                                    struct kc_amount most, uint64_t time_ms)
{
    if (kc_amount_compare(amount, purse->state.value) > 0) {
        return kc_result(KC_INSUFFICIENT_VALUE);
    }
    if (kc_amount_compare(amount, purse->certified.payment_most) > 0 ||
        kc_amount_compare(amount, most) > 0) {
        return kc_result(KC_LIMIT_EXCEEDED);
    }
    bool spent = kc_amount_compare(amount, kc_purse_spend_left(purse)) > 0 ||
                 kc_purse_count_left(purse) == 0;
    return kc_result(spent || is_late(purse, time_ms) ? KC_CONTACT_NEEDED : KC_OK);
}

/* The most that fits every sum, with what open payments may still give back. */
static struct kc_amount most_that_fits(const struct kc_purse *purse)
{
    const struct kc_purse_state *state = &purse->state;
    struct kc_amount top = kc_amount_zero();
    struct kc_amount held = kc_amount_zero();
    struct kc_result result = kc_amount_from_minor(&top, KC_AMOUNT_MAX);
    KC_ASSERT(!kc_failed(result));
    result = kc_purse_open_sum(&held, state);
    if (!kc_failed(result)) {
        result = kc_amount_add(&held, held, state->value);
    }
    return kc_failed(result) ? kc_amount_zero()
                             : lesser(left(top, held), left(top, state->received));
}

struct kc_result kc_purse_check_take(const struct kc_purse *purse, struct kc_amount amount,
                                     uint64_t time_ms)
{
    if (is_late(purse, time_ms)) {
        return kc_result(KC_CONTACT_NEEDED);
    }
    if (kc_amount_compare(amount, most_that_fits(purse)) > 0) {
        return kc_result(KC_AMOUNT_TOO_LARGE);
    }
    struct kc_amount room = left(purse->certified.purse_most, purse->state.value);
    return kc_result(kc_amount_compare(amount, room) > 0 ? KC_LIMIT_EXCEEDED : KC_OK);
}

struct kc_amount kc_purse_take_most(const struct kc_purse *purse, uint64_t time_ms)
{
    static const struct kc_entry entry = {.kind = KC_ENTRY_KIND_RECEIVE};
    if (is_late(purse, time_ms) || kc_failed(kc_purse_check_makes_room(purse, &entry))) {
        return kc_amount_zero();
    }
    return lesser(most_that_fits(purse), left(purse->certified.purse_most, purse->state.value));
}
