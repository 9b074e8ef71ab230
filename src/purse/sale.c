/* What a seller says (EP1221669 [0211], [0217], [0219]): the purse signs what its host wrote, each record in a domain of its own.
 * A line of the journal and an offer are worth nothing. What the machine owes goes, once, to whoever paid it and nowhere else;
 * the bank sees to that. No other record can be had signed by this way. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

/* Which of them it is; whatever else it may be is read as a line of the journal, and refused. */
static const struct kc_shape *find_shape(struct kc_view data)
{
    static const struct kc_shape *const shapes[] = {&kc_sale_offer_shape, &kc_give_back_shape};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (kc_shape_number(data) == shapes[i]->number) {
            return shapes[i];
        }
    }
    return &kc_sale_shape;
}

/* Whether it speaks of this very purse, and of its bank where it names one; only a machine owes. */
static struct kc_result check(const struct kc_shape *shape, const struct kc_purse *purse,
                              struct kc_view data)
{
    struct kc_sale sale;
    struct kc_sale_offer offer;
    struct kc_give_back word;
    struct kc_purse_id named = {0};
    uint64_t bank = purse->settings.bank;
    bool owes = shape == &kc_give_back_shape;
    bool machine = purse->settings.purse_type == KC_PURSE_TYPE_MACHINE;
    struct kc_result result;
    if (owes) {
        result = kc_shape_decode(&word, shape, data);
        named = word.purse;
        bank = word.bank;
    } else if (shape == &kc_sale_offer_shape) {
        result = kc_shape_decode(&offer, shape, data);
        named = offer.machine;
        bank = offer.bank;
    } else {
        result = kc_shape_decode(&sale, shape, data);
        named = sale.purse;
    }
    if (kc_failed(result)) {
        return result;
    }
    bool own = named.number == purse->settings.purse.number && bank == purse->settings.bank;
    return kc_result(!own ? KC_MISMATCH : owes && !machine ? KC_NOT_ALLOWED : KC_OK);
}

/* Nothing changes in the purse. */
struct kc_result kc_purse_sign_sale(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    const struct kc_shape *shape = find_shape(apdu->data);
    KC_ASSERT(shape->brief && shape->domain != NULL);
    struct kc_result result = check(shape, purse, apdu->data);
    if (!kc_failed(result)) {
        result = kc_sign_brief(&out, &purse->crypto, &purse->sign_key, &purse->realm, shape->domain,
                               apdu->data);
    }
    purse->output_size = kc_failed(result) ? 0 : out.size;
    return result;
}
