#include "bank/words.h"

const char *kc_bank_account_state_word(enum kc_account_state state)
{
    switch (state) {
    case KC_ACCOUNT_TEMPORARY:
        return "temporary";
    case KC_ACCOUNT_OPEN:
        return "open";
    case KC_ACCOUNT_LAPSED:
        return "lapsed";
    case KC_ACCOUNT_CLOSING:
        return "closing";
    case KC_ACCOUNT_CLOSED:
        return "closed";
    }
    return "?";
}

const char *kc_bank_purse_state_word(enum kc_purse_standing state)
{
    switch (state) {
    case KC_PURSE_WAITING:
        return "waiting";
    case KC_PURSE_ACTIVE:
        return "active";
    case KC_PURSE_OUT:
        return "blocked";
    }
    return "?";
}

const char *kc_bank_kind_word(enum kc_transaction_kind kind)
{
    switch (kind) {
    case KC_TRANSACTION_WITHDRAW:
        return "withdraw";
    case KC_TRANSACTION_DEPOSIT:
        return "deposit";
    case KC_TRANSACTION_FUND:
        return "fund";
    case KC_TRANSACTION_REDEEM:
        return "redeem";
    case KC_TRANSACTION_TRANSFER_PURSE:
    case KC_TRANSACTION_TRANSFER_ACCOUNT:
        return "transfer";
    }
    return "?";
}

const char *kc_bank_payment_state_word(enum kc_payment_state state)
{
    switch (state) {
    case KC_PAYMENT_NOTED:
        return "noted";
    case KC_PAYMENT_BOOKED:
        return "booked";
    case KC_PAYMENT_RELEASED:
        return "released";
    case KC_PAYMENT_REFUSED:
        return "refused";
    }
    return "?";
}

const char *kc_bank_gap_state_word(enum kc_gap_state state)
{
    switch (state) {
    case KC_GAP_OPEN:
        return "open";
    case KC_GAP_CLOSED:
        return "closed";
    case KC_GAP_ENDED:
        return "ended";
    }
    return "?";
}

const char *kc_bank_move_word(enum kc_move_kind kind)
{
    switch (kind) {
    case KC_MOVE_REMAINDER:
        return "remainder";
    case KC_MOVE_CREDIT:
        return "late-credit";
    case KC_MOVE_DEBIT:
        return "late-debit";
    case KC_MOVE_OWED:
        return "owed";
    case KC_MOVE_SWEEP:
        return "sweep";
    case KC_MOVE_FEE:
        return "fee";
    }
    return "?";
}

const char *kc_bank_ending_word(struct kc_result found, const struct kc_ending_row *row, bool asks)
{
    if (kc_failed(found)) {
        return found.code == KC_NOT_FOUND ? "-" : "?";
    }
    if (row->ended_ms == 0) {
        return asks ? "pending" : "not asked";
    }
    return row->reason == KC_NOT_FOUND ? "not known" : "done";
}
