#include "mutants.h"

#include <string.h>

#include "base/assert.h"

enum commit_fault mutants_commit = COMMIT_GOOD;
enum mutant mutants_active = MUTANT_NONE;

static struct kc_store real;
static unsigned
    calls; /* a mutant strikes at every so many calls, so that a bank runs well for a while */

static bool strikes(enum mutant mutant)
{
    return mutants_active == mutant && ++calls % 7 == 0;
}

const char *mutant_name(enum mutant mutant)
{
    static const char *const names[] = {
#define MUTANT_NAME(name, words) words,
        MUTANTS(MUTANT_NAME)
#undef MUTANT_NAME
    };
    return names[mutant];
}

static struct kc_result commit(void *context)
{
    if (mutants_commit == COMMIT_FAILS) {
        return kc_result(KC_STORE_FAILED);
    }
    if (strikes(MUTANT_COMMIT_LIES)) {
        real.rollback(context);
        return kc_ok();
    }
    struct kc_result result = real.commit(context);
    return mutants_commit == COMMIT_UNHEARD ? kc_result(KC_STORE_FAILED) : result;
}

static struct kc_result posting_add(void *context, const struct kc_posting_row *row)
{
    return strikes(MUTANT_POSTING_LOST) ? kc_ok() : real.posting_add(context, row);
}

/* old + 2 * (new - old), or the new amount where that is none. */
static struct kc_amount twice(struct kc_amount old, struct kc_amount new)
{
    uint64_t a = kc_amount_minor(old);
    uint64_t b = kc_amount_minor(new);
    uint64_t moved = b >= a ? b + (b - a) : b - (a - b < b ? a - b : 0);
    return moved <= KC_AMOUNT_MAX ? world_amount(moved) : new;
}

static struct kc_result balance_put(void *context, uint64_t account, struct kc_amount balance)
{
    struct kc_account_row old;
    if (strikes(MUTANT_BALANCE_LOST)) {
        return kc_ok();
    }
    if (strikes(MUTANT_BALANCE_TWICE) && !kc_failed(real.account_get(context, &old, account))) {
        return real.account_balance_put(context, account, twice(old.balance, balance));
    }
    return real.account_balance_put(context, account, balance);
}

static struct kc_result purse_put(void *context, const struct kc_purse_row *row)
{
    struct kc_purse_row changed = *row;
    struct kc_purse_row old;
    if (mutants_active != MUTANT_NONE &&
        !kc_failed(real.purse_get(context, &old, row->purse.number))) {
        if (strikes(MUTANT_SHADOW_LOST)) {
            changed.value = old.value;
        }
        if (strikes(MUTANT_SHADOW_TWICE)) {
            changed.value = twice(old.value, changed.value);
        }
        if (strikes(MUTANT_STAMP_LOST)) {
            changed.last_ms = old.last_ms;
        }
        if (strikes(MUTANT_COUNTER_LOST)) {
            changed.counter = old.counter;
        }
        if (mutants_active == MUTANT_BLOCK_LOST && row->state == KC_PURSE_OUT) {
            changed.state = old.state;
        }
    }
    return real.purse_put(context, &changed);
}

static struct kc_result transaction_put(void *context, const struct kc_transaction_row *row)
{
    bool ended = row->state != KC_STATE_QUOTED && row->state != KC_STATE_SENT;
    return ended && strikes(MUTANT_TRANSACTION_LOST) ? kc_ok() : real.transaction_put(context, row);
}

static struct kc_result transaction_get(void *context, struct kc_transaction_row *out,
                                        uint64_t purse, uint64_t time_ms)
{
    return strikes(MUTANT_TRANSACTION_FORGOTTEN)
               ? kc_result(KC_NOT_FOUND)
               : real.transaction_get(context, out, purse, time_ms);
}

static struct kc_result totals_put(void *context, const struct kc_totals_row *row)
{
    return strikes(MUTANT_TOTALS_LOST) ? kc_ok() : real.totals_put(context, row);
}

static struct kc_result batch_add(void *context, const struct kc_batch_row *row)
{
    return strikes(MUTANT_BATCH_LOST) ? kc_ok() : real.batch_add(context, row);
}

static struct kc_result alert_add(void *context, const struct kc_alert_row *row)
{
    return mutants_active == MUTANT_ALERT_LOST ? kc_ok() : real.alert_add(context, row);
}

static struct kc_result evidence_add(void *context, uint64_t purse, uint64_t time_ms,
                                     enum kc_evidence_kind kind,
                                     const uint8_t digest[KC_DIGEST_SIZE], struct kc_view bytes)
{
    return strikes(MUTANT_EVIDENCE_LOST)
               ? kc_ok()
               : real.evidence_add(context, purse, time_ms, kind, digest, bytes);
}

void mutants_spoil(struct world *world)
{
    real = world->store;
    world->spoiled.commit = commit;
    world->spoiled.posting_add = posting_add;
    world->spoiled.account_balance_put = balance_put;
    world->spoiled.purse_put = purse_put;
    world->spoiled.transaction_put = transaction_put;
    world->spoiled.transaction_get = transaction_get;
    world->spoiled.totals_put = totals_put;
    world->spoiled.batch_add = batch_add;
    world->spoiled.alert_add = alert_add;
    world->spoiled.evidence_add = evidence_add;
}
