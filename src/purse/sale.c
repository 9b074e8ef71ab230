/* Lines of a seller's journal (EP1221669 [0217], [0219]): the purse signs what its host wrote, in a domain of its own. Nothing of
 * value rests on such a line, and no other record can be had signed by this way. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

/* Nothing changes in the purse. */
struct kc_result kc_purse_sign_sale(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_sale sale;
    struct kc_buffer out = KC_BUFFER(purse->output);
    struct kc_result result = kc_shape_decode(&sale, &kc_sale_shape, apdu->data);
    KC_ASSERT(kc_sale_shape.brief && kc_sale_shape.domain != NULL);
    if (!kc_failed(result) && sale.purse.number != purse->settings.purse.number) {
        result = kc_result(KC_MISMATCH);
    }
    if (!kc_failed(result)) {
        result = kc_sign_brief(&out, &purse->crypto, &purse->sign_key, &purse->realm,
                               kc_sale_shape.domain, apdu->data);
    }
    purse->output_size = kc_failed(result) ? 0 : out.size;
    return result;
}
