/* Lines of a seller's journal (EP1221669 [0217], [0219]) and its offers ([0211]): the purse signs what its host wrote, in domains
 * of their own. Nothing of value rests on them, and no other record can be had signed by this way. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

/* Whether it is a line or an offer of this very purse; *shape is which. */
static struct kc_result check(const struct kc_shape **shape, const struct kc_purse *purse,
                              struct kc_view data)
{
    struct kc_sale sale = {.number = 0};
    struct kc_sale_offer offer;
    struct kc_result result;
    if (kc_shape_number(data) == kc_sale_offer_shape.number) {
        *shape = &kc_sale_offer_shape;
        result = kc_shape_decode(&offer, *shape, data);
        sale.purse = offer.machine;
        if (!kc_failed(result) && offer.bank != purse->settings.bank) {
            return kc_result(KC_MISMATCH);
        }
    } else {
        *shape = &kc_sale_shape;
        result = kc_shape_decode(&sale, *shape, data);
    }
    bool other = !kc_failed(result) && sale.purse.number != purse->settings.purse.number;
    return other ? kc_result(KC_MISMATCH) : result;
}

/* Nothing changes in the purse. */
struct kc_result kc_purse_sign_sale(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    const struct kc_shape *shape = NULL;
    struct kc_buffer out = KC_BUFFER(purse->output);
    struct kc_result result = check(&shape, purse, apdu->data);
    KC_ASSERT(shape != NULL && shape->brief && shape->domain != NULL);
    if (!kc_failed(result)) {
        result = kc_sign_brief(&out, &purse->crypto, &purse->sign_key, &purse->realm, shape->domain,
                               apdu->data);
    }
    purse->output_size = kc_failed(result) ? 0 : out.size;
    return result;
}
