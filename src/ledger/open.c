#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

static void copy_text(char *out, struct kc_view text)
{
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
    out[text.size] = '\0';
}

static bool same_text(const char *stored, struct kc_view given)
{
    return kc_view_equal(kc_view_text(stored), given);
}

static void fill_opened(struct kc_ledger_opened *out, const struct kc_account_row *row,
                        struct kc_purse_id purse)
{
    *out = (struct kc_ledger_opened){.account = row->account,
                                     .purse = purse,
                                     .temporary_until_ms = row->temporary_until_ms,
                                     .expires_ms = row->expires_ms};
}

/* The row of a card or machine that was given no name is still to be told from others in the books. */
static struct kc_view name_of(const struct kc_open_request *request)
{
    bool machine = request->purse_type == KC_PURSE_TYPE_MACHINE;
    return request->name.size > 0 ? request->name
                                  : kc_view_text(machine ? "machine" : "prepaid card");
}

static bool same_application(const struct kc_account_row *row,
                             const struct kc_open_request *request)
{
    return row->suite == request->suite && row->type == request->purse_type &&
           row->owner.number == (request->has_owner ? request->owner.number : 0) &&
           same_text(row->name, name_of(request)) && same_text(row->address, request->address) &&
           same_text(row->phone, request->phone) &&
           same_text(row->bank_account, request->bank_account);
}

static void fill_account(struct kc_account_row *row, const struct kc_open_request *request,
                         const struct kc_ledger *ledger)
{
    row->state = KC_ACCOUNT_TEMPORARY;
    row->suite = request->suite;
    row->type = request->purse_type;
    row->owner.number = request->has_owner ? request->owner.number : 0;
    copy_text(row->name, name_of(request));
    copy_text(row->address, request->address);
    copy_text(row->phone, request->phone);
    copy_text(row->bank_account, request->bank_account);
    copy_text(row->password_hash, request->password_hash);
    memcpy(row->open_id, request->id, KC_OPEN_ID_SIZE);
    row->created_ms = ledger->now_ms;
    row->temporary_until_ms = ledger->now_ms + ledger->options.temporary_ms;
    row->expires_ms = ledger->now_ms + ledger->options.account_ms;
}

/* A number to be given must be free; were it not, a new account would take an old one's place. */
static struct kc_result check_free(struct kc_ledger *ledger, uint64_t number)
{
    const struct kc_store *store = ledger->store;
    struct kc_account_row account;
    struct kc_purse_row purse;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, &account, number));
    if (result.code == KC_NOT_FOUND) {
        result = kc_ledger_note(ledger, store->purse_get(store->context, &purse, number));
    }
    if (result.code == KC_NOT_FOUND) {
        return kc_ok();
    }
    return kc_failed(result) ? result : kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
}

struct kc_result kc_ledger_next_number(uint64_t *out, struct kc_ledger *ledger)
{
    uint64_t number = kc_account_nth(ledger->totals.next_account).number;
    struct kc_result result = check_free(ledger, number);
    if (!kc_failed(result)) {
        ledger->totals.next_account += 1;
        *out = number;
    }
    return result;
}

/* Only a machine has an owner, and that is somebody with an account of his own. */
static struct kc_result check_owner(struct kc_ledger *ledger, const struct kc_open_request *request)
{
    struct kc_account_row owner;
    const struct kc_store *store = ledger->store;
    if (request->has_owner != (request->purse_type == KC_PURSE_TYPE_MACHINE)) {
        return kc_result(KC_MALFORMED);
    }
    if (!request->has_owner) {
        return kc_ok();
    }
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, &owner, request->owner.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    if (owner.type != KC_PURSE_TYPE_UIM) {
        return kc_result(KC_NOT_ALLOWED);
    }
    result = kc_account_standing(&owner);
    if (kc_failed(result)) {
        return result;
    }
    return kc_result(owner.expires_ms < ledger->now_ms ? KC_ACCOUNT_EXPIRED : KC_OK);
}

static struct kc_result make_account(struct kc_account_row *row, struct kc_ledger *ledger,
                                     const struct kc_open_request *request)
{
    const struct kc_store *store = ledger->store;
    memset(row, 0, sizeof *row);
    struct kc_result result = kc_ledger_next_number(&row->account.number, ledger);
    if (!kc_failed(result)) {
        result = kc_ledger_next_number(&row->purse.number, ledger);
    }
    if (kc_failed(result)) {
        return result;
    }
    fill_account(row, request, ledger);
    const struct kc_purse_row purse = {.purse = row->purse,
                                       .account = row->account,
                                       .type = row->type,
                                       .state = KC_PURSE_WAITING,
                                       .log_policy =
                                           kc_ledger_policy(row->type, request->log_policy)};
    result = kc_ledger_note(ledger, store->account_put(store->context, row));
    return kc_failed(result) ? result
                             : kc_ledger_note(ledger, store->purse_put(store->context, &purse));
}

struct kc_result kc_ledger_open_account(struct kc_ledger_opened *out, struct kc_ledger *ledger,
                                        const struct kc_open_request *request,
                                        const struct kc_ledger_source *source)
{
    const struct kc_store *store = ledger->store;
    struct kc_account_row row;
    bool same = true;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->account_by_open_id(store->context, &row, request->id));
    if (result.code == KC_NOT_FOUND) {
        result = check_owner(ledger, request);
        if (!kc_failed(result)) {
            result = make_account(&row, ledger, request);
        }
    } else if (!kc_failed(result)) {
        same = same_application(&row, request);
    }
    if (!kc_failed(result)) {
        fill_opened(out, &row, row.purse);
        result = kc_ledger_keep(ledger, out->purse, request->time_ms, KC_EVIDENCE_OPEN, source);
    }
    return kc_failed(result) || same ? result : kc_result(KC_MISMATCH);
}

static struct kc_result load_pair(struct kc_account_row *account, struct kc_purse_row *purse,
                                  struct kc_ledger *ledger, uint64_t account_number,
                                  uint64_t purse_number)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, account, account_number));
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->purse_get(store->context, purse, purse_number));
    }
    if (result.code == KC_NOT_FOUND ||
        (!kc_failed(result) && purse->account.number != account_number)) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    return result;
}

static struct kc_result save_pair(struct kc_ledger *ledger, const struct kc_account_row *account,
                                  const struct kc_purse_row *purse)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_ledger_note(ledger, store->account_put(store->context, account));
    return kc_failed(result) ? result
                             : kc_ledger_note(ledger, store->purse_put(store->context, purse));
}

/* The purse takes the place of the one before it. */
static struct kc_result succeed(struct kc_account_row *account, struct kc_purse_row *purse,
                                struct kc_ledger *ledger)
{
    struct kc_reissue_row row;
    struct kc_purse_row old;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->reissue_of_purse(store->context, &row, purse->purse.number));
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->purse_get(store->context, &old, account->purse.number));
    }
    if (kc_failed(result)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    if (row.temporary_until_ms < ledger->now_ms) {
        return kc_result(KC_ACCOUNT_EXPIRED);
    }
    result = kc_reissue_release(ledger, &old);
    if (kc_failed(result)) {
        return result;
    }
    account->purse = purse->purse;
    account->suite = row.suite;
    return kc_ledger_succeed(ledger, account, &old, purse);
}

/* Whether the confirmation of an account that is open already is of another purse, and what to say if not. */
static struct kc_result repeat_confirm(struct kc_certified *out, const struct kc_purse_row *purse,
                                       const uint8_t identity_digest[KC_DIGEST_SIZE])
{
    bool same = kc_equal_secret(purse->identity_digest, identity_digest, KC_DIGEST_SIZE);
    bool first = purse->sequence == 1;
    return same && first ? kc_ledger_recall(out, purse->certified, purse->certified_size)
                         : kc_result(KC_ALREADY_EXISTS);
}

struct kc_result kc_ledger_confirm_account(struct kc_certified *out, struct kc_ledger *ledger,
                                           const struct kc_confirm_request *request,
                                           const uint8_t identity_digest[KC_DIGEST_SIZE],
                                           const struct kc_ledger_source *source)
{
    struct kc_account_row account_row;
    struct kc_purse_row purse_row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        load_pair(&account_row, &purse_row, ledger, request->account.number, request->purse.number);
    if (!kc_failed(result)) {
        result =
            kc_ledger_keep(ledger, request->purse, request->time_ms, KC_EVIDENCE_CONFIRM, source);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool open = account_row.state == KC_ACCOUNT_OPEN;
    if (open && purse_row.state != KC_PURSE_WAITING) {
        return repeat_confirm(out, &purse_row, identity_digest);
    }
    if (open) {
        result = succeed(&account_row, &purse_row, ledger);
    } else if (kc_account_standing(&account_row).code == KC_CLOSED) {
        result = kc_result(KC_CLOSED);
    } else if (account_row.state == KC_ACCOUNT_LAPSED ||
               account_row.temporary_until_ms < ledger->now_ms) {
        result = kc_result(KC_ACCOUNT_EXPIRED);
    }
    if (kc_failed(result)) {
        return result;
    }
    account_row.state = KC_ACCOUNT_OPEN;
    purse_row.state = KC_PURSE_ACTIVE;
    result = kc_charge_open(ledger, &account_row);
    if (kc_failed(result)) {
        return result;
    }
    memcpy(purse_row.identity_digest, identity_digest, KC_DIGEST_SIZE);
    result = kc_ledger_certify(out, ledger, &account_row, &purse_row);
    return kc_failed(result) ? result : save_pair(ledger, &account_row, &purse_row);
}

struct kc_result kc_ledger_keep_keys(struct kc_ledger *ledger, const struct kc_purse_key_row *keys)
{
    KC_ASSERT(ledger->in_batch && keys->sign_size > 0 && keys->encrypt_size > 0);
    return kc_ledger_note(ledger, ledger->store->purse_key_add(ledger->store->context, keys));
}

static struct kc_result lapse(struct kc_ledger *ledger, struct kc_account_row *account,
                              struct kc_purse_row *purse)
{
    if (account->state == KC_ACCOUNT_LAPSED || !kc_amount_is_zero(account->balance) ||
        !kc_amount_is_zero(purse->value)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    account->state = KC_ACCOUNT_LAPSED;
    purse->state = KC_PURSE_OUT;
    return save_pair(ledger, account, purse);
}

/* Gives up a purse that was to replace another one, or does already: nobody got it, so its keys are in nobody's hands, and what
 * it holds waits for the next one. */
static struct kc_result give_up_successor(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    purse->state = KC_PURSE_OUT;
    purse->out_reason = KC_NOT_COMPLETED;
    return kc_ledger_save_purse(ledger, purse);
}

static struct kc_result is_successor(bool *is, struct kc_ledger *ledger,
                                     const struct kc_purse_row *purse)
{
    struct kc_reissue_row row;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->reissue_of_purse(store->context, &row, purse->purse.number));
    *is = !kc_failed(result);
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

struct kc_result kc_ledger_cancel_account(struct kc_ledger *ledger,
                                          const struct kc_cancel_request *request,
                                          const struct kc_ledger_source *source)
{
    struct kc_account_row account_row;
    struct kc_purse_row purse_row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        load_pair(&account_row, &purse_row, ledger, request->account.number, request->purse.number);
    if (!kc_failed(result)) {
        result =
            kc_ledger_keep(ledger, request->purse, request->time_ms, KC_EVIDENCE_CANCEL, source);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool met = false;
    bool successor = false;
    result = is_successor(&successor, ledger, &purse_row);
    if (kc_failed(result)) {
        return result;
    }
    switch (account_row.state) {
    case KC_ACCOUNT_OPEN:
        /* Once its purse has spoken, to the bank or to a payer, there is a UIM in somebody's hands. */
        result = kc_ledger_has_payments(&met, ledger, &purse_row);
        if (!kc_failed(result) && !successor &&
            !(kc_amount_is_zero(account_row.balance) && kc_amount_is_zero(purse_row.value))) {
            /* A machine's sweep has paid in. */
            return kc_result(KC_NOT_ALLOWED);
        }
        if (kc_failed(result) || met || purse_row.last_ms != 0) {
            return kc_failed(result) ? result : kc_result(KC_NOT_ALLOWED);
        }
        if (successor || account_row.purse.number != purse_row.purse.number) {
            return purse_row.state == KC_PURSE_OUT ? kc_ok()
                                                   : give_up_successor(ledger, &purse_row);
        }
        break;
    case KC_ACCOUNT_LAPSED:
        return kc_ok();
    case KC_ACCOUNT_CLOSING:
    case KC_ACCOUNT_CLOSED:
        return kc_result(KC_CLOSED);
    case KC_ACCOUNT_TEMPORARY:
        break;
    }
    return lapse(ledger, &account_row, &purse_row);
}

/* A machine is its owner's: who speaks for it is known by the owner's password. */
static struct kc_result name_owner(struct kc_ledger *ledger, struct kc_account_row *row)
{
    struct kc_account_row owner;
    const struct kc_store *store = ledger->store;
    if (row->owner.number == 0) {
        return kc_ok();
    }
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, &owner, row->owner.number));
    if (kc_failed(result)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    memcpy(row->name, owner.name, sizeof row->name);
    memcpy(row->password_hash, owner.password_hash, sizeof row->password_hash);
    return result;
}

struct kc_result kc_ledger_identify_account(struct kc_account_row *out, struct kc_ledger *ledger,
                                            const struct kc_identify_request *request,
                                            const struct kc_ledger_source *source)
{
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = kc_ledger_note(
        ledger, ledger->store->account_get(ledger->store->context, out, request->account.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    result = kc_ledger_keep(ledger, out->purse, request->time_ms, KC_EVIDENCE_IDENTIFY, source);
    if (!kc_failed(result) && out->state == KC_ACCOUNT_OPEN) {
        result = name_owner(ledger, out);
    }
    return kc_failed(result) ? result : kc_account_standing(out);
}

#define SWEEP_MAX 64

struct sweep {
    size_t count;
    struct kc_account_row accounts[SWEEP_MAX];
};

static bool collect(void *owner, const struct kc_account_row *row)
{
    struct sweep *sweep = owner;
    sweep->accounts[sweep->count++] = *row;
    return sweep->count < SWEEP_MAX;
}

struct kc_result kc_ledger_sweep(struct kc_ledger *ledger, size_t *count)
{
    struct sweep sweep = {.count = 0};
    struct kc_store_scan scan = {.owner = &sweep, .account = collect};
    struct kc_result result = kc_ledger_note(
        ledger, ledger->store->scan_temporary(ledger->store->context, &scan, ledger->now_ms));
    for (size_t i = 0; i < sweep.count && !kc_failed(result); i++) {
        struct kc_account_row account;
        struct kc_purse_row purse;
        result = load_pair(&account, &purse, ledger, sweep.accounts[i].account.number,
                           sweep.accounts[i].purse.number);
        if (!kc_failed(result)) {
            result = lapse(ledger, &account, &purse);
        }
    }
    *count = sweep.count;
    return result;
}

struct kc_result kc_ledger_set_policy(struct kc_ledger *ledger, struct kc_purse_id purse,
                                      enum kc_log_policy policy)
{
    struct kc_purse_row row;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &row, purse.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    if (row.state == KC_PURSE_OUT) {
        return kc_result(KC_PURSE_BLOCKED);
    }
    if (kc_ledger_policy(row.type, policy) != policy) {
        return kc_result(KC_NOT_ALLOWED);
    }
    row.log_policy = policy;
    return kc_ledger_save_purse(ledger, &row);
}
