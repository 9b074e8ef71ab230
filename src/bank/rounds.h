/* What the bank asks of others by itself, for as long as it takes and also after a restart: orders in doubt, charges and pay-outs
 * of the ordinary bank; certificates to make and to revoke of the authority. All of it goes in rounds.
 *
 *                     the writer, when it has time                      the lanes of the item's kind
 *   begin ─> list those behind the last one ─> take an item, fill it, send ─> ask ─> write what was answered ─> ended
 *
 *  1. A round begins when the last one has ended, and not too soon after its beginning. It has a bounded number of items, for the
 *     ordinary bank at most one in so many of those that there are: so whoever is asked and does not answer holds up one round,
 *     and nobody else.
 *  2. It begins behind the last one of the round before, so that everyone has its turn; a round that came to the end is followed
 *     by one from the beginning.
 *  3. An item of a round has no exchange: nobody waits for a reply. It goes on the lane of its kind's first step, like any other;
 *     an error ends it. What is asked for stays in the books until its outcome is there, so it comes again in a later round.
 *  4. The ordinary bank's word that never came is KC_IN_DOUBT: neither done nor refused.
 *
 * A round is the writer's; only `asking` is counted down by others. */
#ifndef KC_BANK_ROUNDS_H
#define KC_BANK_ROUNDS_H

#include <stdatomic.h>

#include "base/amount.h"
#include "base/result.h"
#include "message/generated/messages.h"

struct kc_bank;
struct kc_bank_item;
struct kc_bank_kind;
struct kc_bank_thread;
struct kc_ledger;

/* So many are listed for a round at most. */
#define KC_ROUND_MAX 32u

/* How far it went: the purse or account of the last one sent, and its time where one has several. Zeros: from the beginning. */
struct kc_bank_place {
    uint64_t number;
    uint64_t time_ms;
};

struct kc_bank_round {
    atomic_size_t asking; /* items of this round that are out */
    uint64_t begun_ms;
    struct kc_bank_place last;
};

/* What is asked for in rounds, and how. */
struct kc_bank_asking {
    const struct kc_bank_kind *kind;
    uint64_t every_ms;
    size_t part; /* at most one in so many items, but one; 0: whatever there is */
    size_t most; /* and no more than this, KC_ROUND_MAX at most */
    /* Lists at most `most` behind the place, where `put` finds them. */
    struct kc_result (*list)(size_t *count, size_t most, struct kc_bank *bank,
                             const struct kc_bank_place *after);
    /* Puts the one at this index of the list into the item, and gives its place. */
    struct kc_bank_place (*put)(struct kc_bank_item *item, size_t index);
};

/* A whole round, when it is time for one. */
void kc_bank_ask_round(struct kc_bank *bank, struct kc_bank_round *round,
                       const struct kc_bank_asking *asking, uint64_t now_ms);

/* The parts of it, for what is listed one by one: whether it is time, which is then written down; an item of this round, or NULL
 * when none is left; and on its way with it. */
KC_MUST_USE bool kc_bank_round_begin(struct kc_bank_round *round, uint64_t now_ms,
                                     uint64_t every_ms);
KC_MUST_USE struct kc_bank_item *kc_bank_round_take(struct kc_bank *bank,
                                                    struct kc_bank_round *round,
                                                    const struct kc_bank_kind *kind);
void kc_bank_round_send(struct kc_bank *bank, struct kc_bank_item *item);

/* One of its items has come to its end. */
void kc_bank_round_ended(struct kc_bank_round *round);

/* Asks the ordinary bank under `key`, on a thread of that lane; its word is item->order_answer. */
void kc_bank_ask_ordinary(struct kc_bank_item *item, struct kc_bank_thread *thread, const char *key,
                          enum kc_fund_kind kind, const char *bank_account,
                          struct kc_amount amount);
/* The word of an ordinary bank that could not be asked. */
void kc_bank_leave_in_doubt(struct kc_bank_item *item);

/* What is due on a day, in transactions of their own, some in a row before the writer looks after its queue again. `run` says how
 * many accounts it came to; `name` is for the log. */
void kc_bank_run_due(struct kc_bank *bank, uint64_t now_ms, const char *name,
                     struct kc_result (*run)(struct kc_ledger *ledger, size_t *count));

#endif
