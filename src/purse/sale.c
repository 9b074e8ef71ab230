/* What a seller says (EP1221669 [0217], [0219]): the purse signs what its host wrote, each record in a domain of its own. A line
 * of the journal is worth nothing. What the machine owes goes, once, to whoever paid it and nowhere else; the bank sees to that.
 * No other record can be had signed by this way. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

/* Whether it is a line of this purse's journal. */
static struct kc_result read_sale(const struct kc_purse *purse, struct kc_view data)
{
    struct kc_sale sale;
    struct kc_result result = kc_shape_decode(&sale, &kc_sale_shape, data);
    bool own = sale.purse.number == purse->settings.purse.number;
    return kc_failed(result) || own ? result : kc_result(KC_MISMATCH);
}

/* Whether it is what this purse may say that it owes; only a machine owes so. */
static struct kc_result read_give_back(const struct kc_purse *purse, struct kc_view data)
{
    struct kc_give_back word;
    struct kc_result result = kc_shape_decode(&word, &kc_give_back_shape, data);
    bool own =
        word.purse.number == purse->settings.purse.number && word.bank == purse->settings.bank;
    if (!kc_failed(result) && !own) {
        return kc_result(KC_MISMATCH);
    }
    bool machine = purse->settings.purse_type == KC_PURSE_TYPE_MACHINE;
    return kc_failed(result) || machine ? result : kc_result(KC_NOT_ALLOWED);
}

/* Nothing changes in the purse. */
struct kc_result kc_purse_sign_sale(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    bool owes = kc_shape_number(apdu->data) == kc_give_back_shape.number;
    const struct kc_shape *shape = owes ? &kc_give_back_shape : &kc_sale_shape;
    KC_ASSERT(shape->brief && shape->domain != NULL);
    struct kc_result result =
        owes ? read_give_back(purse, apdu->data) : read_sale(purse, apdu->data);
    if (!kc_failed(result)) {
        result = kc_sign_brief(&out, &purse->crypto, &purse->sign_key, &purse->realm, shape->domain,
                               apdu->data);
    }
    purse->output_size = kc_failed(result) ? 0 : out.size;
    return result;
}
