/* Keys of toys and their renewal, as the tests of both ways of it need them. A key of the tests is a letter. */
#ifndef KC_TESTS_KEYS_H
#define KC_TESTS_KEYS_H

#include <string.h>

#include "expect.h"

static inline void name_key(uint8_t out[KC_SIGNER_SIZE], const struct toy *toy, char letter)
{
    memset(out, letter, KC_SIGNER_SIZE);
    kc_be64_store(out, toy->account.number);
}

static inline struct kc_purse_key_row keys_of(const struct toy *toy, char letter)
{
    struct kc_purse_key_row keys = {.purse = toy->purse,
                                    .account = toy->account,
                                    .expires_ms = WORLD_START_MS + WORLD_ACCOUNT_MS,
                                    .sign_size = 40,
                                    .encrypt_size = 41};
    name_key(keys.signer, toy, letter);
    memset(keys.pair, letter, KC_PAIR_SIZE);
    memset(keys.sign_key, letter, keys.sign_size);
    memset(keys.encrypt_key, letter + 1, keys.encrypt_size);
    return keys;
}

/* Which key is the purse's by the books. */
static inline char key_of(struct world *world, const struct toy *toy)
{
    struct kc_purse_key_row row;
    EXPECT(world->store.purse_key_get(world->store.context, &row, toy->purse.number), KC_OK);
    return (char)row.sign_key[0];
}

/* A purse with some value, whose key is `a`. */
static inline void begin(struct toy *toy, struct world *world, unsigned n)
{
    toy_rich(toy, world, n, 100, 40);
    const struct kc_purse_key_row keys = keys_of(toy, 'a');
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_keep_keys(&world->ledger, &keys), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    memcpy(toy->signer, keys.signer, sizeof toy->signer);
}

/* The purse's own request for keys that it made, Sr1 and what is kept of it. */
static inline struct kc_result ask_from(struct kc_renewal_row *row, struct toy *toy,
                                        struct world *world, char letter, bool at_counter)
{
    struct toy_message message;
    const struct kc_purse_key_row keys = keys_of(toy, letter);
    toy_settle(&message, toy, world);
    message.information.at_counter = at_counter;
    const struct kc_ledger_source source = toy_source(&message);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_renew(row, &world->ledger, message.settle_ms,
                                              &message.information, &keys, &source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static inline struct kc_result ask(struct kc_renewal_row *row, struct toy *toy, struct world *world,
                                   char letter)
{
    return ask_from(row, toy, world, letter, false);
}

/* What the bank adds once it knows the certificates: they, their numbers and the identity are named by the key's letter. */
static inline void name_certified(struct kc_renewal_row *row)
{
    memset(row->identity_digest, row->sign_key[0] + 128, KC_DIGEST_SIZE);
    memset(row->certificate, row->sign_key[0], KC_DIGEST_SIZE);
    memset(row->pair, row->sign_key[0], KC_PAIR_SIZE);
}

/* The purse takes the new keys: the last entry of the old one, and the new identity. */
static inline void change_over(struct toy *toy, struct world *world,
                               const struct kc_renewal_row *row)
{
    struct kc_entry entry = {.kind = KC_ENTRY_KIND_CLOSE,
                             .counter = toy->counter + 1,
                             .time_ms = toy_next_time(toy, world),
                             .amount = kc_amount_zero()};
    memcpy(entry.partner, row->identity_digest, KC_DIGEST_SIZE);
    (void)toy_add_entry(toy, world, &entry, NULL);
    memcpy(toy->identity_digest, row->identity_digest, KC_DIGEST_SIZE);
    memcpy(toy->signer, row->signer, KC_SIGNER_SIZE);
}

#endif
