/* The certificates of a purse out of use, for as long as it takes (ledger/ending.c): the bank by itself, whatever became of the
 * revocation that whoever reported it asked for.
 *
 * By our own messages the authority ends whatever an account has: also what it certified and the bank never heard of. By CMP it
 * is told each number in the books, and what the directory shows. Neither may meet the keys of a purse that took the place of
 * the old one, so it is asked like that only while there is none, and none is begun while it is asked. */
#include <inttypes.h>

#include "bank/bank.h"
#include "bank/cmp.h"
#include "base/clock.h"
#include "base/log.h"

/* Half of the threads that may wait: an authority that takes connections and says nothing leaves the others to whoever needs the
 * directory. */
#define ROUND_MAX 2u
/* How often is looked for what a clock that was ahead put off, beside a clock that was set back. */
#define AHEAD_EVERY_MS UINT64_C(600000)

static struct kc_ending_row due[ROUND_MAX]; /* of this round; the writer's */
static size_t due_count;
static uint64_t looked_ms; /* with nothing found ahead; 0: at once */

bool kc_bank_is_ending(const struct kc_bank *bank, struct kc_account_id account)
{
    bool found = false;
    for (size_t i = 0; i < due_count && atomic_load(&bank->ending.asking) > 0; i++) {
        found = found || due[i].account.number == account.number;
    }
    return found;
}

/* How much of what the account has is the old purse's. */
enum reach {
    REACH_ALL,
    REACH_WAITS, /* another purse is being made, and may have certificates already */
    REACH_OWN,   /* there is another one */
};

static struct kc_result find_reach(enum reach *out, const struct kc_store *store,
                                   const struct kc_ending_row *row)
{
    struct kc_account_row account;
    struct kc_reissue_row last;
    struct kc_purse_row next;
    *out = REACH_OWN;
    struct kc_result result = store->account_get(store->context, &account, row->account.number);
    if (kc_failed(result) || account.purse.number != row->purse.number) {
        return result;
    }
    *out = REACH_ALL;
    result = store->reissue_last(store->context, &last, row->account.number);
    if (!kc_failed(result)) {
        result = store->purse_get(store->context, &next, last.purse.number);
    }
    if (!kc_failed(result) && next.state == KC_PURSE_WAITING &&
        kc_clock_now_ms() <= last.temporary_until_ms) {
        *out = REACH_WAITS;
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* As the registrar says it (RFC 5280 section 5.3.1). */
static struct kc_result find_reason(unsigned *out, const struct kc_store *store,
                                    const struct kc_ending_row *row)
{
    struct kc_purse_row purse;
    struct kc_result result = store->purse_get(store->context, &purse, row->purse.number);
    *out = KC_CRL_COMPROMISE;
    if (!kc_failed(result) && purse.out_reason == KC_CLOSED) {
        *out = KC_CRL_CESSATION;
    } else if (!kc_failed(result) && purse.out_reason == KC_KEY_RENEWED) {
        *out = KC_CRL_SUPERSEDED;
    }
    return result;
}

/* ---- by our own messages ---- */

struct leaving {
    struct kc_bank *bank;
    struct kc_bank_thread *thread;
    struct kc_result result;
};

static bool end_left(void *owner, const struct kc_renewal_row *row)
{
    struct leaving *leaving = owner;
    struct kc_result result = kc_bank_ask_left(leaving->bank, leaving->thread, row);
    if (result.code == KC_MISMATCH) {
        result = kc_result(KC_NOT_FOUND);
    }
    leaving->result = kc_cmp_client_both(leaving->result, result);
    return leaving->result.code != KC_AUTHORITY_DOWN;
}

/* The registrar had the rest revoked before the authority certified the keys of the purse that came after. */
static struct kc_result ask_own(struct kc_bank *bank, struct kc_bank_thread *thread,
                                const struct kc_ending_row *row)
{
    struct kc_purse_key_row keys;
    struct leaving leaving = {.bank = bank, .thread = thread, .result = kc_ok()};
    const struct kc_store *store = &thread->store;
    struct kc_result result = store->purse_key_get(store->context, &keys, row->purse.number);
    if (kc_failed(result)) {
        return kc_result(result.code == KC_NOT_FOUND ? KC_OK : result.code);
    }
    result =
        kc_bank_each_left(store, row->purse.number, KC_AMOUNT_MAX, keys.signer, &leaving, end_left);
    return kc_failed(result) ? result : leaving.result;
}

static struct kc_result ask_all(struct kc_bank *bank, struct kc_bank_thread *thread,
                                const struct kc_ending_row *row, unsigned reason)
{
    struct kc_done done;
    const struct kc_revoke_request request = {
        .account = row->account, .reason = reason, .time_ms = kc_clock_now_ms()};
    struct kc_result result = kc_bank_ask_authority(
        &done, &kc_done_shape, bank, thread, request.time_ms, &kc_revoke_request_shape, &request);
    /* It names no certificate that the authority could not know. */
    return result.code == KC_NOT_FOUND ? kc_result(KC_AUTHORITY_REFUSED) : result;
}

/* ---- either way ---- */

static struct kc_result ask_authority(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      const struct kc_ending_row *row)
{
    enum reach reach = REACH_OWN;
    unsigned reason = 0;
    bool cmp = kc_cmp_place_speaks(&bank->config.authority);
    struct kc_result result = find_reason(&reason, &thread->store, row);
    if (!kc_failed(result)) {
        result = find_reach(&reach, &thread->store, row);
    }
    if (!kc_failed(result) && reach == REACH_WAITS && !cmp) {
        return kc_result(KC_PENDING);
    }
    if (kc_failed(result)) {
        /* A row that is not there is a fault of the books, and none of the authority's. */
        return kc_result(result.code == KC_NOT_FOUND ? KC_STORE_CORRUPT : result.code);
    }
    if (!cmp) {
        return reach == REACH_ALL ? ask_all(bank, thread, row, reason) : ask_own(bank, thread, row);
    }
    result = kc_bank_cmp_end_purse(bank, thread, row->purse.number, reason);
    bool away = result.code == KC_AUTHORITY_DOWN;
    if (reach == REACH_WAITS) {
        return kc_cmp_client_both(result, kc_result(KC_PENDING));
    }
    return away || reach != REACH_ALL
               ? result
               : kc_cmp_client_both(result,
                                    kc_bank_cmp_end_shown(bank, thread, row->account, reason));
}

/* An error that comes again was said before. */
static struct kc_result ask(struct kc_bank *bank, struct kc_bank_thread *thread,
                            struct kc_bank_item *item)
{
    const struct kc_ending_row *row = &item->ending;
    struct kc_result result = ask_authority(bank, thread, row);
    item->order_answer = result.code;
    if (!kc_failed(result)) {
        kc_log(KC_LOG_INFO, "certificates of a purse out of use revoked purse=%" PRIu64,
               row->purse.number);
    } else if (result.code != row->reason) {
        kc_log(KC_LOG_WARN,
               "certificates of a purse out of use not revoked purse=%" PRIu64 " reason=%s%s",
               row->purse.number, kc_error_name(result.code),
               result.code == KC_NOT_FOUND ? " of=authority" : "");
    }
    return kc_ok();
}

static struct kc_result apply(struct kc_bank *bank, struct kc_bank_thread *thread,
                              struct kc_bank_item *item)
{
    (void)thread;
    return kc_ledger_ending_told(&bank->ledger, &item->ending, item->order_answer);
}

const struct kc_bank_kind kc_bank_end_certificates = {
    .steps = {{KC_LANE_DIRECTORY, ask, NULL}, {KC_LANE_WRITE, apply, NULL}},
};

/* Those that were put off come again behind those that are due longer. */
static struct kc_result list(size_t *count, size_t most, struct kc_bank *bank,
                             const struct kc_bank_place *after)
{
    uint64_t now_ms = kc_clock_now_ms();
    bool look = now_ms < looked_ms || now_ms - looked_ms >= AHEAD_EVERY_MS;
    (void)after;
    struct kc_result result = kc_ledger_endings_due(due, count, most, &bank->ledger, now_ms);
    if (!kc_failed(result) && *count == 0 && look) {
        result = kc_ledger_endings_ahead(due, count, most, &bank->ledger, now_ms);
        looked_ms = *count == 0 ? now_ms : 0;
    }
    due_count = *count;
    return result;
}

static struct kc_bank_place put(struct kc_bank_item *item, size_t index)
{
    item->ending = due[index];
    return (struct kc_bank_place){.number = item->ending.purse.number};
}

void kc_bank_end_owed(struct kc_bank *bank, uint64_t now_ms)
{
    static const struct kc_bank_asking asking = {.kind = &kc_bank_end_certificates,
                                                 .every_ms = 1000,
                                                 .most = ROUND_MAX,
                                                 .list = list,
                                                 .put = put};
    if (bank->config.authority_url[0] != '\0') {
        kc_bank_ask_round(bank, &bank->ending, &asking, now_ms);
    }
}
