/* What a dealer's machines took (docs/protocol.md "Machines and their owners").
 *
 *  1. A report that reaches the machine's newest entry brings its value, less what it keeps, to its owner's account; the fee
 *     goes from there to the bank's fees. Both stand as moves beside the journal, with the rule that gave the fee. The same fee
 *     is due of what a machine out of use still brings (reissue.c), which is all that it holds.
 *  2. What is swept is withheld, as what is claimed is: a machine that paid from it before it heard of it owes that, and the
 *     owner's account pays (claim.c).
 *  3. No debt and nothing but counted value is swept, so that no sweep takes a shadow below zero. */
#include "base/assert.h"
#include "ledger/inside.h"
#include "ledger/sums.h"

struct kc_amount kc_merchant_fee(const struct kc_merchant_rule *rule, struct kc_amount amount)
{
    uint64_t minor = kc_amount_minor(amount);
    uint64_t permille = rule->fee_permille;
    struct kc_amount fee;
    KC_ASSERT(permille <= KC_FEE_PERMILLE_MAX);
    /* floor(permille * amount / 1000), without the product, which may not fit. */
    uint64_t part = permille * (minor / 1000u) + permille * (minor % 1000u) / 1000u;
    struct kc_result result = kc_amount_from_minor(&fee, part);
    if (!kc_failed(result)) {
        result = kc_amount_add(&fee, fee, rule->fee_fixed);
    }
    return kc_failed(result) ? amount : kc_least(fee, amount);
}

struct kc_result kc_merchant_payer(struct kc_account_row *out, struct kc_ledger *ledger,
                                   uint64_t account)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, out, account));
    if (!kc_failed(result) && out->type == KC_PURSE_TYPE_MACHINE) {
        result = kc_ledger_note(ledger, store->account_get(store->context, out, out->owner.number));
    }
    return result.code == KC_NOT_FOUND ? kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT))
                                       : result;
}

static struct kc_result keep_move(struct kc_ledger *ledger, const struct kc_purse_row *machine,
                                  uint64_t owner, enum kc_move_kind kind, struct kc_amount amount)
{
    const struct kc_store *store = ledger->store;
    const struct kc_merchant_rule *rule = &ledger->options.merchant;
    const struct kc_move_row row = {.purse = machine->purse,
                                    .other = owner,
                                    .kind = kind,
                                    .amount = amount,
                                    .fee_fixed = rule->fee_fixed,
                                    .fee_permille = rule->fee_permille,
                                    .time_ms = ledger->now_ms};
    return kc_ledger_note(ledger, store->move_add(store->context, &row));
}

/* From the machine to its owner's account, and the fee from there, with the moves that say so. */
static struct kc_result book(struct kc_ledger *ledger, const struct kc_purse_row *machine,
                             struct kc_account_row *owner, enum kc_move_kind kind,
                             struct kc_amount amount, struct kc_amount fee,
                             struct kc_shadow *before)
{
    bool good = true;
    uint64_t number = owner->account.number;
    const struct kc_transaction_row posting = {.purse = machine->purse, .time_ms = ledger->now_ms};
    kc_raise(&good, &owner->balance, amount);
    kc_lower(&good, &owner->balance, fee);
    KC_ASSERT(good);
    struct kc_result result =
        kc_ledger_post(ledger, machine->purse.number, number, amount, &posting, before);
    if (!kc_failed(result)) {
        result = keep_move(ledger, machine, number, kind, amount);
    }
    if (!kc_failed(result) && !kc_amount_is_zero(fee)) {
        result = kc_ledger_post(ledger, number, KC_BOOK_FEES, fee, &posting, NULL);
        if (!kc_failed(result)) {
            result = keep_move(ledger, machine, number, KC_MOVE_FEE, fee);
        }
    }
    return result;
}

struct kc_result kc_merchant_credit(struct kc_ledger *ledger, const struct kc_purse_row *machine,
                                    struct kc_account_row *owner, struct kc_amount amount,
                                    struct kc_shadow *before)
{
    struct kc_amount fee = kc_merchant_fee(&ledger->options.merchant, amount);
    return book(ledger, machine, owner, KC_MOVE_CREDIT, amount, fee, before);
}

/* The machine's row is the caller's to save. */
static struct kc_result sweep(struct kc_ledger *ledger, struct kc_purse_row *machine,
                              struct kc_account_row *owner, struct kc_amount amount,
                              struct kc_amount fee)
{
    bool good = true;
    uint64_t number = owner->account.number;
    const struct kc_store *store = ledger->store;
    struct kc_shadow before = kc_shadow_of(machine);
    kc_lower(&good, &machine->value, amount);
    kc_raise(&good, &machine->withheld, amount);
    machine->withheld_sequence = machine->sequence + 1;
    KC_ASSERT(good);
    struct kc_result result = book(ledger, machine, owner, KC_MOVE_SWEEP, amount, fee, &before);
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger,
                                store->account_balance_put(store->context, number, owner->balance));
    }
    return kc_failed(result) ? result : kc_charge_incoming(ledger, owner);
}

struct kc_result kc_merchant_sweep(struct kc_ledger *ledger, struct kc_purse_row *machine,
                                   struct kc_account_row *owner)
{
    struct kc_amount sum;
    const struct kc_merchant_rule *rule = &ledger->options.merchant;
    struct kc_shadow shadow = kc_shadow_of(machine);
    if (machine->type != KC_PURSE_TYPE_MACHINE || machine->state != KC_PURSE_ACTIVE ||
        owner->state != KC_ACCOUNT_OPEN || shadow.below || !kc_amount_is_zero(machine->owed)) {
        return kc_ok();
    }
    struct kc_amount amount = kc_beyond(kc_least(machine->value, shadow.amount), rule->keep);
    /* What does not fit stays where it is. */
    if (kc_amount_is_zero(amount) || kc_failed(kc_amount_add(&sum, owner->balance, amount)) ||
        kc_failed(kc_amount_add(&sum, machine->withheld, amount))) {
        return kc_ok();
    }
    return sweep(ledger, machine, owner, amount, kc_merchant_fee(rule, amount));
}
