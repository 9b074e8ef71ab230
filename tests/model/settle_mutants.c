#include "settle_mutants.h"

const char *const settle_mutant_words[MUTANT_COUNT] = {
#define MUTANT_WORDS(name, words) words,
    MUTANTS(MUTANT_WORDS)
#undef MUTANT_WORDS
};

enum mutant settle_mutant = MUTANT_NONE;
static unsigned calls;
static struct kc_store real;
bool settle_commit_fails;

static bool strikes(enum mutant mutant)
{
    return settle_mutant == mutant && ++calls % 5 == 0;
}

static struct kc_result commit(void *context)
{
    return settle_commit_fails ? kc_result(KC_STORE_FAILED) : real.commit(context);
}

static struct kc_result payment_put(void *context, const struct kc_payment_row *row)
{
    return strikes(MUTANT_PAYMENT_LOST) ? kc_ok() : real.payment_put(context, row);
}

static struct kc_result payment_get(void *context, struct kc_payment_row *out, uint64_t payer,
                                    uint64_t counter, const uint8_t digest[KC_DIGEST_SIZE])
{
    return strikes(MUTANT_PAYMENT_FORGOTTEN)
               ? kc_result(KC_NOT_FOUND)
               : real.payment_get(context, out, payer, counter, digest);
}

static struct kc_result ahead_put(void *context, const struct kc_purse_row *row)
{
    struct kc_purse_row old;
    struct kc_purse_row changed = *row;
    if (strikes(MUTANT_AHEAD_LOST)) {
        return kc_ok();
    }
    if (strikes(MUTANT_AHEAD_TWICE) &&
        !kc_failed(real.purse_get(context, &old, row->purse.number))) {
        uint64_t a = kc_amount_minor(old.ahead_in);
        uint64_t b = kc_amount_minor(row->ahead_in);
        changed.ahead_in = world_amount(b > a ? b + (b - a) : b);
    }
    return real.purse_ahead_put(context, &changed);
}

static struct kc_result scan_paid(void *context, const struct kc_store_scan *scan, uint64_t payer,
                                  uint64_t first, uint64_t last)
{
    bool blind = settle_mutant == MUTANT_OTHERS_UNSEEN && payer != 0;
    return blind ? kc_ok() : real.scan_paid(context, scan, payer, first, last);
}

static struct kc_result scan_taken(void *context, const struct kc_store_scan *scan, uint64_t payee,
                                   uint64_t first, uint64_t last)
{
    return settle_mutant == MUTANT_PASSED_UNSEEN
               ? kc_ok()
               : real.scan_taken(context, scan, payee, first, last);
}

static struct kc_result scan_open(void *context, const struct kc_store_scan *scan, uint64_t payer)
{
    return settle_mutant == MUTANT_OPEN_UNTOLD ? kc_ok() : real.scan_open(context, scan, payer);
}

static struct kc_result alert_add(void *context, const struct kc_alert_row *row)
{
    return settle_mutant == MUTANT_ALERT_LOST ? kc_ok() : real.alert_add(context, row);
}

static struct kc_result purse_put(void *context, const struct kc_purse_row *row)
{
    struct kc_purse_row changed = *row;
    struct kc_purse_row old;
    if (strikes(MUTANT_COUNTER_LOST) &&
        !kc_failed(real.purse_get(context, &old, row->purse.number))) {
        changed.counter = old.counter;
    }
    if (settle_mutant == MUTANT_OWED_LOST) {
        changed.owed = world_amount(0);
    }
    return real.purse_put(context, &changed);
}

static struct kc_result gap_put(void *context, const struct kc_gap_row *row)
{
    return strikes(MUTANT_GAP_LOST) ? kc_ok() : real.gap_put(context, row);
}

static struct kc_result gap_get(void *context, struct kc_gap_row *out, uint64_t purse,
                                uint64_t counter)
{
    return strikes(MUTANT_GAP_FORGOTTEN) ? kc_result(KC_NOT_FOUND)
                                         : real.gap_get(context, out, purse, counter);
}

static struct kc_result scan_gaps_open(void *context, const struct kc_store_scan *scan,
                                       uint64_t purse)
{
    return settle_mutant == MUTANT_GAP_UNSEEN ? kc_ok() : real.scan_gaps_open(context, scan, purse);
}

static struct kc_result scan_gaps_due(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms)
{
    return settle_mutant == MUTANT_GAP_UNENDED ? kc_ok()
                                               : real.scan_gaps_due(context, scan, until_ms);
}

static struct kc_result balance_put(void *context, uint64_t account, struct kc_amount balance)
{
    return strikes(MUTANT_BALANCE_LOST) ? kc_ok()
                                        : real.account_balance_put(context, account, balance);
}

static struct kc_result posting_add(void *context, const struct kc_posting_row *row)
{
    return strikes(MUTANT_POSTING_LOST) ? kc_ok() : real.posting_add(context, row);
}

void settle_spoil(struct world *world)
{
    real = world->store;
    world->spoiled.commit = commit;
    world->spoiled.payment_put = payment_put;
    world->spoiled.payment_get = payment_get;
    world->spoiled.purse_ahead_put = ahead_put;
    world->spoiled.scan_paid = scan_paid;
    world->spoiled.scan_taken = scan_taken;
    world->spoiled.scan_open = scan_open;
    world->spoiled.alert_add = alert_add;
    world->spoiled.purse_put = purse_put;
    world->spoiled.posting_add = posting_add;
    world->spoiled.gap_put = gap_put;
    world->spoiled.gap_get = gap_get;
    world->spoiled.scan_gaps_open = scan_gaps_open;
    world->spoiled.scan_gaps_due = scan_gaps_due;
    world->spoiled.account_balance_put = balance_put;
}
