/* Words for people and JSON; kept apart because a purse does not need them; made by tools/messages.py from protocol/messages.table; do not edit. */
#include "message/generated/names.h"

const char *kc_purse_type_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "uim";
    case 2:
        return "card";
    case 3:
        return "machine";
    case 4:
        return "bearer";
    default:
        return "?";
    }
}

const char *kc_suite_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "es256";
    case 2:
        return "rs2048";
    case 3:
        return "rs3072";
    default:
        return "?";
    }
}

const char *kc_cash_kind_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "withdraw";
    case 2:
        return "deposit";
    default:
        return "?";
    }
}

const char *kc_transfer_source_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "purse";
    case 2:
        return "account";
    default:
        return "?";
    }
}

const char *kc_fund_kind_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "fund";
    case 2:
        return "redeem";
    default:
        return "?";
    }
}

const char *kc_answer_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "ok";
    case 2:
        return "ng";
    default:
        return "?";
    }
}

const char *kc_outcome_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "none";
    case 2:
        return "completed";
    case 3:
        return "declined";
    case 4:
        return "not-completed";
    case 5:
        return "in-doubt";
    case 6:
        return "refused";
    default:
        return "?";
    }
}

const char *kc_entry_kind_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "pay";
    case 2:
        return "receive";
    case 3:
        return "refuse";
    case 4:
        return "cash-out";
    case 5:
        return "void";
    case 6:
        return "close";
    default:
        return "?";
    }
}

const char *kc_handover_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "none";
    case 2:
        return "claimed";
    case 3:
        return "waiting";
    case 4:
        return "changed";
    default:
        return "?";
    }
}

const char *kc_renewal_step_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "none";
    case 2:
        return "ordered";
    case 3:
        return "ready";
    case 4:
        return "asked";
    case 5:
        return "certified";
    case 6:
        return "confirmed";
    default:
        return "?";
    }
}

const char *kc_log_policy_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "refuse";
    case 2:
        return "overwrite";
    case 3:
        return "report";
    default:
        return "?";
    }
}

const char *kc_life_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "blank";
    case 2:
        return "personalising";
    case 3:
        return "ready";
    case 4:
        return "requested";
    case 5:
        return "quoted";
    case 6:
        return "answered";
    case 7:
        return "blocked";
    default:
        return "?";
    }
}

const char *kc_charge_state_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "notified";
    case 2:
        return "grace";
    case 3:
        return "suspended";
    default:
        return "?";
    }
}

const char *kc_charge_source_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "account";
    case 2:
        return "ordinary";
    case 3:
        return "included";
    default:
        return "?";
    }
}

const char *kc_close_kind_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "empty";
    case 2:
        return "write-off";
    case 3:
        return "follow";
    default:
        return "?";
    }
}

const char *kc_proof_kind_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "order";
    case 2:
        return "receipt";
    case 3:
        return "decline";
    case 4:
        return "envelope";
    default:
        return "?";
    }
}

const char *kc_proof_rule_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "two-orders";
    case 2:
        return "order-and-entry";
    case 3:
        return "order-and-receipt";
    case 4:
        return "two-receipts";
    case 5:
        return "receipt-and-entry";
    case 6:
        return "two-entries";
    case 7:
        return "two-heads";
    case 8:
        return "decline-and-taking";
    case 9:
        return "counter-fell";
    case 10:
        return "overspent";
    case 11:
        return "totals-fell";
    case 12:
        return "signed-after-close";
    default:
        return "?";
    }
}

const char *kc_slot_state_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "ready";
    case 2:
        return "empty";
    case 3:
        return "stuck";
    default:
        return "?";
    }
}

const char *kc_sale_kind_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "opened";
    case 2:
        return "sale";
    case 3:
        return "released";
    case 4:
        return "stuck";
    case 5:
        return "lost";
    case 6:
        return "refund";
    case 7:
        return "paying";
    case 8:
        return "returned";
    case 9:
        return "improper";
    case 10:
        return "closed";
    case 11:
        return "voucher";
    case 12:
        return "unsold";
    case 14:
        return "asked";
    case 15:
        return "given-back";
    case 16:
        return "settled";
    default:
        return "?";
    }
}

const char *kc_sale_end_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "none";
    case 2:
        return "released";
    case 3:
        return "stuck";
    default:
        return "?";
    }
}

const char *kc_collect_want_word(uint64_t value)
{
    switch (value) {
    case 1:
        return "state";
    case 2:
        return "records";
    case 3:
        return "report";
    case 4:
        return "answer";
    case 5:
        return "give-back";
    case 6:
        return "given-back";
    case 7:
        return "not-given-back";
    case 8:
        return "roll";
    case 9:
        return "signed-anew";
    case 10:
        return "notice";
    default:
        return "?";
    }
}

static const struct kc_field_name certified_names[] = {
    {"bank", 0},
    {"purse-type", kc_purse_type_word},
    {"account", 0},
    {"purse", 0},
    {"account-amount", 0},
    {"purse-amount", 0},
    {"time", 0},
    {"sequence", 0},
    {"counter", 0},
    {"head", 0},
    {"purse-most", 0},
    {"payment-most", 0},
    {"spend-most", 0},
    {"spend-count", 0},
    {"valid-until", 0},
    {"log-policy", kc_log_policy_word},
    {"charge", kc_charge_state_word},
    {"charge-due", 0},
    {"charge-amount", 0},
};
static const struct kc_field_name value_information_names[] = {
    {"purse-type", kc_purse_type_word},
    {"account", 0},
    {"purse", 0},
    {"identity", 0},
    {"certified", 0},
    {"value", 0},
    {"counter", 0},
    {"head", 0},
    {"paid", 0},
    {"received", 0},
    {"returned", 0},
    {"entries", 0},
};
static const struct kc_field_name entry_names[] = {
    {"kind", kc_entry_kind_word},
    {"counter", 0},
    {"time", 0},
    {"amount", 0},
    {"recipient", 0},
    {"payer", 0},
    {"card", 0},
    {"transaction", 0},
    {"voids", 0},
    {"partner", 0},
};
static const struct kc_field_name purse_info_names[] = {
    {"life", kc_life_word},
    {"suite", kc_suite_word},
    {"bank", 0},
    {"currency", 0},
    {"decimals", 0},
    {"purse-type", kc_purse_type_word},
    {"account", 0},
    {"purse", 0},
    {"value", 0},
    {"account-amount", 0},
    {"time", 0},
    {"sequence", 0},
    {"counter", 0},
    {"pin-tries", 0},
    {"pending", 0},
    {"pending-amount", 0},
    {"open", 0},
    {"uncovered", 0},
    {"overwritten", 0},
    {"log-policy", kc_log_policy_word},
    {"log-room", 0},
    {"purse-most", 0},
    {"payment-most", 0},
    {"spend-left", 0},
    {"count-left", 0},
    {"valid-until", 0},
    {"hotlist", 0},
    {"url", 0},
    {"user-id", 0},
    {"charge", kc_charge_state_word},
    {"charge-due", 0},
    {"charge-amount", 0},
    {"handover", kc_handover_word},
    {"key-ready", 0},
    {"hotlist-base", 0},
};
static const struct kc_field_name key_proof_names[] = {
    {"sign-key", 0},
    {"encrypt-key", 0},
};
static const struct kc_field_name purse_settings_names[] = {
    {"bank", 0},
    {"currency", 0},
    {"decimals", 0},
    {"purse-type", kc_purse_type_word},
    {"account", 0},
    {"purse", 0},
    {"url", 0},
    {"user-id", 0},
};
static const struct kc_field_name private_key_record_names[] = {
    {"suite", kc_suite_word},
    {"parts", 0},
};
static const struct kc_field_name purse_state_names[] = {
    {"life", kc_life_word},
    {"suite", kc_suite_word},
    {"settings", 0},
    {"static-digest", 0},
    {"identity", 0},
    {"certified", 0},
    {"pin-tries", 0},
    {"pin-salt", 0},
    {"pin-check", 0},
    {"stamp", 0},
    {"counter", 0},
    {"head", 0},
    {"value", 0},
    {"paid", 0},
    {"received", 0},
    {"returned", 0},
    {"open", 0},
    {"spent", 0},
    {"spent-count", 0},
    {"gap-counter", 0},
    {"gap-head", 0},
    {"gap-value", 0},
    {"gap-paid", 0},
    {"gap-received", 0},
    {"gap-returned", 0},
    {"pending", 0},
    {"pending-fund", 0},
    {"pending-kind", 0},
    {"pending-to", 0},
    {"pending-amount", 0},
    {"request", 0},
    {"quote", 0},
    {"answer", 0},
    {"state-request", 0},
    {"settle-request", 0},
    {"key-set", 0},
    {"renewing", 0},
    {"renew-counter", 0},
    {"renew-request", 0},
    {"closed", 0},
    {"handover", kc_handover_word},
    {"key-ready", 0},
    {"last-message", 0},
};
static const struct kc_field_name cash_request_names[] = {
    {"information", 0},
    {"kind", kc_cash_kind_word},
    {"amount", 0},
    {"time", 0},
};
static const struct kc_field_name cash_quote_names[] = {
    {"request", 0},
    {"transaction", 0},
    {"account", 0},
    {"user-name", 0},
    {"purse-type", kc_purse_type_word},
    {"purse", 0},
    {"kind", kc_cash_kind_word},
    {"amount", 0},
    {"account-before", 0},
    {"account-after", 0},
    {"purse-before", 0},
    {"purse-after", 0},
    {"counter", 0},
    {"expires", 0},
    {"time", 0},
};
static const struct kc_field_name cash_answer_names[] = {
    {"purse", 0},
    {"transaction", 0},
    {"quote", 0},
    {"answer", kc_answer_word},
    {"entry", 0},
    {"time", 0},
};
static const struct kc_field_name completion_names[] = {
    {"answers", 0},
    {"transaction", 0},
    {"purse", 0},
    {"outcome", kc_outcome_word},
    {"certified", 0},
    {"time", 0},
};
static const struct kc_field_name state_request_names[] = {
    {"information", 0},
    {"pending", 0},
    {"time", 0},
};
static const struct kc_field_name state_reply_names[] = {
    {"request", 0},
    {"transaction", 0},
    {"purse", 0},
    {"outcome", kc_outcome_word},
    {"certified", 0},
    {"key-ready", 0},
    {"time", 0},
};
static const struct kc_field_name fund_request_names[] = {
    {"information", 0},
    {"kind", kc_fund_kind_word},
    {"amount", 0},
    {"time", 0},
};
static const struct kc_field_name fund_reply_names[] = {
    {"request", 0},
    {"transaction", 0},
    {"purse", 0},
    {"outcome", kc_outcome_word},
    {"reason", 0},
    {"certified", 0},
    {"time", 0},
};
static const struct kc_field_name refusal_names[] = {
    {"request", 0},
    {"reason", 0},
    {"certified", 0},
    {"due", 0},
    {"time", 0},
};
static const struct kc_field_name transfer_request_names[] = {
    {"information", 0},
    {"source", kc_transfer_source_word},
    {"to", 0},
    {"amount", 0},
    {"reference", 0},
    {"machine", 0},
    {"time", 0},
};
static const struct kc_field_name transfer_quote_names[] = {
    {"request", 0},
    {"transaction", 0},
    {"bank", 0},
    {"account", 0},
    {"purse-type", kc_purse_type_word},
    {"purse", 0},
    {"source", kc_transfer_source_word},
    {"to", 0},
    {"to-name", 0},
    {"amount", 0},
    {"account-before", 0},
    {"account-after", 0},
    {"purse-before", 0},
    {"purse-after", 0},
    {"counter", 0},
    {"expires", 0},
    {"time", 0},
};
static const struct kc_field_name open_request_names[] = {
    {"id", 0},
    {"name", 0},
    {"address", 0},
    {"phone", 0},
    {"bank-account", 0},
    {"password-hash", 0},
    {"suite", kc_suite_word},
    {"log-policy", kc_log_policy_word},
    {"purse-type", kc_purse_type_word},
    {"owner", 0},
    {"time", 0},
};
static const struct kc_field_name open_reply_names[] = {
    {"request", 0},
    {"account", 0},
    {"purse", 0},
    {"temporary-until", 0},
    {"expires", 0},
    {"time", 0},
};
static const struct kc_field_name confirm_request_names[] = {
    {"account", 0},
    {"purse", 0},
    {"sign-digest", 0},
    {"encrypt-digest", 0},
    {"time", 0},
};
static const struct kc_field_name confirm_reply_names[] = {
    {"request", 0},
    {"account", 0},
    {"purse", 0},
    {"identity", 0},
    {"certified", 0},
    {"decimals", 0},
    {"url", 0},
    {"time", 0},
};
static const struct kc_field_name cancel_request_names[] = {
    {"account", 0},
    {"purse", 0},
    {"time", 0},
};
static const struct kc_field_name done_names[] = {
    {"request", 0},
    {"time", 0},
};
static const struct kc_field_name identify_request_names[] = {
    {"account", 0},
    {"time", 0},
};
static const struct kc_field_name identify_reply_names[] = {
    {"request", 0},
    {"account", 0},
    {"name", 0},
    {"password-hash", 0},
    {"purse-type", kc_purse_type_word},
    {"time", 0},
};
static const struct kc_field_name lost_request_names[] = {
    {"account", 0},
    {"purse", 0},
    {"time", 0},
};
static const struct kc_field_name lost_reply_names[] = {
    {"request", 0},
    {"certificates", 0},
    {"time", 0},
};
static const struct kc_field_name charge_order_names[] = {
    {"account", 0},
    {"source", kc_charge_source_word},
    {"time", 0},
};
static const struct kc_field_name close_request_names[] = {
    {"account", 0},
    {"kind", kc_close_kind_word},
    {"time", 0},
};
static const struct kc_field_name close_reply_names[] = {
    {"request", 0},
    {"account", 0},
    {"amount", 0},
    {"purse-amount", 0},
    {"due", 0},
    {"certificates", 0},
    {"time", 0},
};
static const struct kc_field_name reissue_request_names[] = {
    {"id", 0},
    {"account", 0},
    {"suite", kc_suite_word},
    {"log-policy", kc_log_policy_word},
    {"time", 0},
};
static const struct kc_field_name move_request_names[] = {
    {"id", 0},
    {"account", 0},
    {"suite", kc_suite_word},
    {"log-policy", kc_log_policy_word},
    {"paid", 0},
    {"time", 0},
};
static const struct kc_field_name counter_request_names[] = {
    {"account", 0},
    {"purse", 0},
    {"request", 0},
    {"time", 0},
};
static const struct kc_field_name certify_request_names[] = {
    {"account", 0},
    {"expires", 0},
    {"proof", 0},
    {"time", 0},
};
static const struct kc_field_name certify_reply_names[] = {
    {"request", 0},
    {"sign-certificate", 0},
    {"encrypt-certificate", 0},
    {"time", 0},
};
static const struct kc_field_name revoke_request_names[] = {
    {"account", 0},
    {"reason", 0},
    {"time", 0},
};
static const struct kc_field_name renew_request_names[] = {
    {"information", 0},
    {"proof", 0},
    {"time", 0},
};
static const struct kc_field_name renew_reply_names[] = {
    {"request", 0},
    {"purse", 0},
    {"identity", 0},
    {"sign-certificate", 0},
    {"encrypt-certificate", 0},
    {"time", 0},
};
static const struct kc_field_name renew_certify_request_names[] = {
    {"account", 0},
    {"expires", 0},
    {"proof", 0},
    {"time", 0},
};
static const struct kc_field_name retire_request_names[] = {
    {"account", 0},
    {"certificate", 0},
    {"left", 0},
    {"time", 0},
};
static const struct kc_field_name keys_request_names[] = {
    {"account", 0},
    {"expires", 0},
    {"claimed", 0},
    {"time", 0},
};
static const struct kc_field_name claim_request_names[] = {
    {"information", 0},
    {"time", 0},
};
static const struct kc_field_name claim_reply_names[] = {
    {"request", 0},
    {"purse", 0},
    {"identity", 0},
    {"encrypt-key", 0},
    {"sign-certificate", 0},
    {"encrypt-certificate", 0},
    {"authority-verify", 0},
    {"authority-encrypt", 0},
    {"url", 0},
    {"time", 0},
};
static const struct kc_field_name renewal_query_names[] = {
    {"identity", 0},
    {"nonce", 0},
};
static const struct kc_field_name renewal_word_names[] = {
    {"bank", 0},
    {"query", 0},
    {"purse", 0},
    {"step", kc_renewal_step_word},
    {"by-authority", 0},
    {"since", 0},
    {"until", 0},
    {"time", 0},
};
static const struct kc_field_name key_request_names[] = {
    {"account", 0},
    {"purse", 0},
    {"certificate", 0},
    {"time", 0},
};
static const struct kc_field_name key_reply_names[] = {
    {"request", 0},
    {"purse", 0},
    {"keys", 0},
    {"time", 0},
};
static const struct kc_field_name key_confirm_names[] = {
    {"account", 0},
    {"purse", 0},
    {"certificate", 0},
    {"time", 0},
};
static const struct kc_field_name key_pair_names[] = {
    {"sign-key", 0},
    {"encrypt-key", 0},
};
static const struct kc_field_name next_keys_names[] = {
    {"encrypt-key", 0},
    {"authority-verify", 0},
    {"authority-encrypt", 0},
    {"url", 0},
    {"notice", 0},
};
static const struct kc_field_name identify_names[] = {
    {"bank", 0},
    {"account", 0},
    {"purse", 0},
    {"hotlist", 0},
    {"full", 0},
    {"roll", 0},
    {"hotlist-base", 0},
};
static const struct kc_field_name payee_identity_names[] = {
    {"account", 0},
    {"purse", 0},
    {"identity", 0},
    {"knows", 0},
    {"counter", 0},
    {"hotlist", 0},
    {"asked", 0},
    {"most", 0},
    {"roll", 0},
    {"hotlist-base", 0},
};
static const struct kc_field_name payment_order_names[] = {
    {"payee", 0},
    {"payee-purse", 0},
    {"payer", 0},
    {"payer-purse", 0},
    {"card", 0},
    {"amount", 0},
    {"time", 0},
    {"payer-counter", 0},
    {"payee-counter", 0},
    {"head", 0},
    {"paid", 0},
    {"received", 0},
    {"returned", 0},
};
static const struct kc_field_name payment_names[] = {
    {"identity", 0},
    {"certified", 0},
    {"order", 0},
};
static const struct kc_field_name receipt_names[] = {
    {"payment", 0},
    {"payee-purse", 0},
    {"counter", 0},
    {"head", 0},
    {"paid", 0},
    {"received", 0},
    {"returned", 0},
    {"time", 0},
};
static const struct kc_field_name decline_names[] = {
    {"payment", 0},
    {"payee-purse", 0},
    {"counter", 0},
    {"reason", 0},
    {"time", 0},
};
static const struct kc_field_name payment_answer_names[] = {
    {"taken", 0},
    {"answer", 0},
};
static const struct kc_field_name notice_names[] = {
    {"reason", 0},
};
static const struct kc_field_name log_record_names[] = {
    {"entry", 0},
    {"order", 0},
    {"answer", 0},
};
static const struct kc_field_name gap_names[] = {
    {"counter", 0},
    {"head", 0},
    {"paid", 0},
    {"received", 0},
    {"returned", 0},
};
static const struct kc_field_name hotlist_names[] = {
    {"bank", 0},
    {"version", 0},
    {"time", 0},
    {"complete", 0},
    {"count", 0},
    {"listed", 0},
};
static const struct kc_field_name hotlist_base_names[] = {
    {"bank", 0},
    {"version", 0},
    {"time", 0},
    {"complete", 0},
    {"count", 0},
    {"least", 0},
    {"bits", 0},
    {"listed", 0},
};
static const struct kc_field_name hotlist_delta_names[] = {
    {"bank", 0},
    {"base", 0},
    {"version", 0},
    {"time", 0},
    {"complete", 0},
    {"count", 0},
    {"least", 0},
    {"bits", 0},
    {"listed", 0},
};
static const struct kc_field_name key_roll_names[] = {
    {"bank", 0},
    {"number", 0},
    {"from", 0},
    {"until", 0},
    {"former-key", 0},
    {"sign-key", 0},
    {"encrypt-key", 0},
};
static const struct kc_field_name rolled_keys_names[] = {
    {"roll", 0},
};
static const struct kc_field_name authority_notice_names[] = {
    {"bank", 0},
    {"number", 0},
    {"time", 0},
    {"issuer", 0},
    {"from", 0},
    {"verify-key", 0},
    {"encrypt-key", 0},
    {"root", 0},
};
static const struct kc_field_name settle_request_names[] = {
    {"information", 0},
    {"gap", 0},
    {"records", 0},
    {"time", 0},
};
static const struct kc_field_name release_names[] = {
    {"counter", 0},
    {"amount", 0},
    {"reason", 0},
};
static const struct kc_field_name objection_names[] = {
    {"counter", 0},
    {"reason", 0},
};
static const struct kc_field_name settle_reply_names[] = {
    {"request", 0},
    {"purse", 0},
    {"certified", 0},
    {"released", 0},
    {"objections", 0},
    {"key-ready", 0},
    {"time", 0},
};
static const struct kc_field_name open_payment_names[] = {
    {"counter", 0},
    {"payee-purse", 0},
    {"payee-counter", 0},
    {"amount", 0},
};
static const struct kc_field_name shelf_request_names[] = {
    {"from-slot", 0},
};
static const struct kc_field_name shelf_names[] = {
    {"name", 0},
    {"dealer", 0},
    {"purse", 0},
    {"next", 0},
    {"items", 0},
};
static const struct kc_field_name shelf_item_names[] = {
    {"slot", 0},
    {"state", kc_slot_state_word},
    {"price", 0},
    {"name", 0},
};
static const struct kc_field_name select_names[] = {
    {"slot", 0},
};
static const struct kc_field_name selected_names[] = {
    {"slot", 0},
    {"price", 0},
};
static const struct kc_field_name outcome_request_names[] = {
    {"account", 0},
};
static const struct kc_field_name sale_outcome_names[] = {
    {"outcome", kc_sale_end_word},
    {"sale", 0},
    {"back", 0},
};
static const struct kc_field_name sale_names[] = {
    {"purse", 0},
    {"number", 0},
    {"previous", 0},
    {"kind", kc_sale_kind_word},
    {"time", 0},
    {"sale", 0},
    {"slot", 0},
    {"amount", 0},
    {"account", 0},
    {"counter", 0},
    {"reason", 0},
    {"count", 0},
    {"back", 0},
    {"about", 0},
};
static const struct kc_field_name sale_offer_names[] = {
    {"bank", 0},
    {"machine", 0},
    {"dealer", 0},
    {"slot", 0},
    {"price", 0},
    {"line", 0},
    {"nonce", 0},
    {"time", 0},
};
static const struct kc_field_name voucher_names[] = {
    {"bank", 0},
    {"reference", 0},
    {"machine", 0},
    {"to", 0},
    {"amount", 0},
    {"payer", 0},
    {"purse", 0},
    {"transaction", 0},
    {"time", 0},
};
static const struct kc_field_name offer_request_names[] = {
    {"slot", 0},
};
static const struct kc_field_name voucher_sale_names[] = {
    {"offer", 0},
    {"voucher", 0},
};
static const struct kc_field_name collect_request_names[] = {
    {"purse", 0},
    {"time", 0},
    {"want", kc_collect_want_word},
    {"from-number", 0},
    {"total", 0},
    {"piece", 0},
    {"safe-number", 0},
};
static const struct kc_field_name collect_reply_names[] = {
    {"reason", 0},
    {"newest", 0},
    {"purse", 0},
    {"last", 0},
    {"first", 0},
    {"owed", 0},
    {"uncovered", 0},
    {"unwritten", 0},
    {"total", 0},
    {"piece", 0},
    {"records", 0},
};
static const struct kc_field_name give_back_names[] = {
    {"bank", 0},
    {"purse", 0},
    {"sale", 0},
    {"counter", 0},
    {"to", 0},
    {"amount", 0},
    {"time", 0},
    {"reference", 0},
};
static const struct kc_field_name given_back_names[] = {
    {"bank", 0},
    {"purse", 0},
    {"sale", 0},
    {"to", 0},
    {"amount", 0},
    {"time", 0},
};
static const struct kc_field_name evidence_file_names[] = {
    {"bank", 0},
    {"currency", 0},
    {"decimals", 0},
    {"alert", 0},
    {"rule", kc_proof_rule_word},
    {"counter", 0},
    {"account", 0},
    {"purse", 0},
    {"identity", 0},
    {"partners", 0},
    {"items", 0},
    {"time", 0},
};
static const struct kc_field_name renewed_evidence_names[] = {
    {"bank", 0},
    {"currency", 0},
    {"decimals", 0},
    {"alert", 0},
    {"rule", kc_proof_rule_word},
    {"counter", 0},
    {"account", 0},
    {"purse", 0},
    {"older", 0},
    {"newer", 0},
    {"items", 0},
    {"close", 0},
    {"closer", 0},
    {"time", 0},
};
static const struct kc_field_name evidence_item_names[] = {
    {"kind", kc_proof_kind_word},
    {"bytes", 0},
    {"key", 0},
};

const struct kc_shape_name kc_shape_names[KC_SHAPE_COUNT] = {
    {"certified", certified_names},
    {"value-information", value_information_names},
    {"entry", entry_names},
    {"purse-info", purse_info_names},
    {"key-proof", key_proof_names},
    {"purse-settings", purse_settings_names},
    {"private-key-record", private_key_record_names},
    {"purse-state", purse_state_names},
    {"cash-request", cash_request_names},
    {"cash-quote", cash_quote_names},
    {"cash-answer", cash_answer_names},
    {"completion", completion_names},
    {"state-request", state_request_names},
    {"state-reply", state_reply_names},
    {"fund-request", fund_request_names},
    {"fund-reply", fund_reply_names},
    {"refusal", refusal_names},
    {"transfer-request", transfer_request_names},
    {"transfer-quote", transfer_quote_names},
    {"open-request", open_request_names},
    {"open-reply", open_reply_names},
    {"confirm-request", confirm_request_names},
    {"confirm-reply", confirm_reply_names},
    {"cancel-request", cancel_request_names},
    {"done", done_names},
    {"identify-request", identify_request_names},
    {"identify-reply", identify_reply_names},
    {"lost-request", lost_request_names},
    {"lost-reply", lost_reply_names},
    {"charge-order", charge_order_names},
    {"close-request", close_request_names},
    {"close-reply", close_reply_names},
    {"reissue-request", reissue_request_names},
    {"move-request", move_request_names},
    {"counter-request", counter_request_names},
    {"certify-request", certify_request_names},
    {"certify-reply", certify_reply_names},
    {"revoke-request", revoke_request_names},
    {"renew-request", renew_request_names},
    {"renew-reply", renew_reply_names},
    {"renew-certify-request", renew_certify_request_names},
    {"retire-request", retire_request_names},
    {"keys-request", keys_request_names},
    {"claim-request", claim_request_names},
    {"claim-reply", claim_reply_names},
    {"renewal-query", renewal_query_names},
    {"renewal-word", renewal_word_names},
    {"key-request", key_request_names},
    {"key-reply", key_reply_names},
    {"key-confirm", key_confirm_names},
    {"key-pair", key_pair_names},
    {"next-keys", next_keys_names},
    {"identify", identify_names},
    {"payee-identity", payee_identity_names},
    {"payment-order", payment_order_names},
    {"payment", payment_names},
    {"receipt", receipt_names},
    {"decline", decline_names},
    {"payment-answer", payment_answer_names},
    {"notice", notice_names},
    {"log-record", log_record_names},
    {"gap", gap_names},
    {"hotlist", hotlist_names},
    {"hotlist-base", hotlist_base_names},
    {"hotlist-delta", hotlist_delta_names},
    {"key-roll", key_roll_names},
    {"rolled-keys", rolled_keys_names},
    {"authority-notice", authority_notice_names},
    {"settle-request", settle_request_names},
    {"release", release_names},
    {"objection", objection_names},
    {"settle-reply", settle_reply_names},
    {"open-payment", open_payment_names},
    {"shelf-request", shelf_request_names},
    {"shelf", shelf_names},
    {"shelf-item", shelf_item_names},
    {"select", select_names},
    {"selected", selected_names},
    {"outcome-request", outcome_request_names},
    {"sale-outcome", sale_outcome_names},
    {"sale", sale_names},
    {"sale-offer", sale_offer_names},
    {"voucher", voucher_names},
    {"offer-request", offer_request_names},
    {"voucher-sale", voucher_sale_names},
    {"collect-request", collect_request_names},
    {"collect-reply", collect_reply_names},
    {"give-back", give_back_names},
    {"given-back", given_back_names},
    {"evidence-file", evidence_file_names},
    {"renewed-evidence", renewed_evidence_names},
    {"evidence-item", evidence_item_names},
};
