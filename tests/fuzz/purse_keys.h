/* What bank and authority say about keys and the hotlist: new keys of the purse, new ones of the bank, base and delta. */
#ifndef KC_TESTS_PURSE_KEYS_H
#define KC_TESTS_PURSE_KEYS_H

#include "message/listed.h"
#include "purse_world.h"

/* How it differs from what a purse takes. */
#define KEYS_STRANGER 1u /* signed by somebody else */
#define KEYS_OTHER 2u    /* for another purse, or of another bank */
#define KEYS_UNASKED 4u  /* not the answer to what the purse sent last */
#define KEYS_ASTRAY 8u   /* names another key than the one that waits */

enum keys_said { KEYS_RENEWED, KEYS_CLAIMED, KEYS_GIVEN, KEYS_DONE, KEYS_REFUSED, KEYS_COUNT };

/* An answer to the purse's request for new keys. Valid until the next one. */
struct kc_view keys_say(struct world *world, enum keys_said kind, uint8_t how);

/* The bank's record of that number, which counts until that time; and the purse's identity signed by the newest key. */
struct kc_view keys_roll(uint64_t number, uint64_t until_ms, uint8_t how);
struct kc_view keys_sign_identity(struct world *world, uint8_t how);

/* What the bank tells of the authority's keys; with KEYS_ASTRAY it names a stranger's. */
struct kc_view keys_notice(struct world *world, uint64_t number, uint8_t how);

/* A base, or with is_delta a delta on `base`, of these numbers, signed by the key that the purse knows as the bank's newest. */
struct kc_view keys_list(struct world *world, bool is_delta, uint64_t base, uint64_t version,
                         const struct kc_listed *listed, uint8_t how);

/* Whether any private key of this world stands in the bytes. */
bool keys_in(const struct world *world, struct kc_view bytes);

#endif
