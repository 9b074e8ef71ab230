/* made by tools/messages.py from protocol/messages.table; do not edit. */
#include "message/generated/messages.h"

#include <stddef.h>

_Static_assert(sizeof(enum kc_purse_type) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_suite) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_cash_kind) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_transfer_source) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_fund_kind) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_answer) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_outcome) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_entry_kind) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_handover) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_renewal_step) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_log_policy) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_life) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_charge_state) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_charge_source) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_close_kind) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_proof_kind) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_proof_rule) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_slot_state) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_sale_kind) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_sale_end) == sizeof(uint32_t), "enums are read as uint32_t");
_Static_assert(sizeof(enum kc_collect_want) == sizeof(uint32_t), "enums are read as uint32_t");

static const struct kc_field certified_fields[] = {
    {.offset = offsetof(struct kc_certified, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, purse_type), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_certified, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, account_amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, purse_amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, sequence), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, head), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_certified, purse_most), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, payment_most), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, spend_most), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, spend_count), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, valid_until_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certified, log_policy), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_certified, charge), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = offsetof(struct kc_certified, has_charge)},
    {.offset = offsetof(struct kc_certified, charge_due_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_certified, has_charge_due)},
    {.offset = offsetof(struct kc_certified, charge_amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_certified, has_charge_amount)},
};
const struct kc_shape kc_certified_shape = {.number = 2, .version = 3,
    .brief = false,
    .field_count = 19, .struct_size = sizeof(struct kc_certified),
    .domain = "kinchaku/3-certified", .fields = certified_fields};

static const struct kc_field value_information_fields[] = {
    {.offset = offsetof(struct kc_value_information, purse_type), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_value_information, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_value_information, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_value_information, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_value_information, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_value_information, value), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_value_information, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_value_information, head), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_value_information, paid), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_value_information, received), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_value_information, returned), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_value_information, entries), .type = KC_FIELD_LIST, .count = 8,
     .max = 0x140, .presence = 0},
};
const struct kc_shape kc_value_information_shape = {.number = 3, .version = 1,
    .brief = false,
    .field_count = 12, .struct_size = sizeof(struct kc_value_information),
    .domain = NULL, .fields = value_information_fields};

static const struct kc_field entry_fields[] = {
    {.offset = offsetof(struct kc_entry, kind), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x7e, .presence = 0},
    {.offset = offsetof(struct kc_entry, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_entry, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_entry, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_entry, recipient), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_entry, has_recipient)},
    {.offset = offsetof(struct kc_entry, payer), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_entry, has_payer)},
    {.offset = offsetof(struct kc_entry, card), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_entry, has_card)},
    {.offset = offsetof(struct kc_entry, transaction_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_entry, has_transaction)},
    {.offset = offsetof(struct kc_entry, voids), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_entry, has_voids)},
    {.offset = offsetof(struct kc_entry, partner), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
};
const struct kc_shape kc_entry_shape = {.number = 4, .version = 1,
    .brief = false,
    .field_count = 10, .struct_size = sizeof(struct kc_entry),
    .domain = NULL, .fields = entry_fields};

static const struct kc_field purse_info_fields[] = {
    {.offset = offsetof(struct kc_purse_info, life), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xfe, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, suite), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, currency), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x3, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, decimals), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, purse_type), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, value), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, account_amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, sequence), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, pin_tries), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, pending_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_purse_info, has_pending)},
    {.offset = offsetof(struct kc_purse_info, pending_amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, open), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, uncovered), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, overwritten), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, log_policy), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, log_room), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, purse_most), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, payment_most), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, spend_left), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, count_left), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, valid_until_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, hotlist), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, url), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x80, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, user_id), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x50, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, charge), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = offsetof(struct kc_purse_info, has_charge)},
    {.offset = offsetof(struct kc_purse_info, charge_due_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_purse_info, has_charge_due)},
    {.offset = offsetof(struct kc_purse_info, charge_amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_purse_info, has_charge_amount)},
    {.offset = offsetof(struct kc_purse_info, handover), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_purse_info, key_ready_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_purse_info, has_key_ready)},
    {.offset = offsetof(struct kc_purse_info, hotlist_base), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_purse_info_shape = {.number = 5, .version = 5,
    .brief = false,
    .field_count = 35, .struct_size = sizeof(struct kc_purse_info),
    .domain = NULL, .fields = purse_info_fields};

static const struct kc_field key_proof_fields[] = {
    {.offset = offsetof(struct kc_key_proof, sign_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_key_proof, encrypt_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
};
const struct kc_shape kc_key_proof_shape = {.number = 6, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_key_proof),
    .domain = "kinchaku/1-key-proof", .fields = key_proof_fields};

static const struct kc_field purse_settings_fields[] = {
    {.offset = offsetof(struct kc_purse_settings, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_settings, currency), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x3, .presence = 0},
    {.offset = offsetof(struct kc_purse_settings, decimals), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_settings, purse_type), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_purse_settings, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_settings, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_settings, url), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x80, .presence = 0},
    {.offset = offsetof(struct kc_purse_settings, user_id), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x50, .presence = 0},
};
const struct kc_shape kc_purse_settings_shape = {.number = 7, .version = 1,
    .brief = false,
    .field_count = 8, .struct_size = sizeof(struct kc_purse_settings),
    .domain = NULL, .fields = purse_settings_fields};

static const struct kc_field private_key_record_fields[] = {
    {.offset = offsetof(struct kc_private_key_record, suite), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_private_key_record, parts), .type = KC_FIELD_LIST, .count = 5,
     .max = 0xc0, .presence = 0},
};
const struct kc_shape kc_private_key_record_shape = {.number = 8, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_private_key_record),
    .domain = NULL, .fields = private_key_record_fields};

static const struct kc_field purse_state_fields[] = {
    {.offset = offsetof(struct kc_purse_state, life), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xfe, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, suite), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, settings), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x140, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, static_digest), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, pin_tries), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, pin_salt), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x10, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, pin_check), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, stamp_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, head), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, value), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, paid), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, received), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, returned), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, open), .type = KC_FIELD_LIST, .count = 8,
     .max = 0x30, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, spent), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, spent_count), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, gap_counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, gap_head), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, gap_value), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, gap_paid), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, gap_received), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, gap_returned), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, pending_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, pending_fund), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, pending_kind), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, pending_to), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_purse_state, has_pending_to)},
    {.offset = offsetof(struct kc_purse_state, pending_amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, quote), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, answer), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, state_request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, settle_request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, key_set), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, renewing), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, renew_counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, renew_request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, closed), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, handover), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_purse_state, key_ready_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_purse_state, has_key_ready)},
    {.offset = offsetof(struct kc_purse_state, last_message), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x2000, .presence = 0},
};
const struct kc_shape kc_purse_state_shape = {.number = 9, .version = 5,
    .brief = false,
    .field_count = 43, .struct_size = sizeof(struct kc_purse_state),
    .domain = NULL, .fields = purse_state_fields};

static const struct kc_field cash_request_fields[] = {
    {.offset = offsetof(struct kc_cash_request, information), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1400, .presence = 0},
    {.offset = offsetof(struct kc_cash_request, kind), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x6, .presence = 0},
    {.offset = offsetof(struct kc_cash_request, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_cash_request_shape = {.number = 10, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_cash_request),
    .domain = "kinchaku/1-cash-request", .fields = cash_request_fields};

static const struct kc_field cash_quote_fields[] = {
    {.offset = offsetof(struct kc_cash_quote, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, transaction_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, user_name), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x50, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, purse_type), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, kind), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x6, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, account_before), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, account_after), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, purse_before), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, purse_after), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, expires_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_quote, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_cash_quote_shape = {.number = 11, .version = 1,
    .brief = false,
    .field_count = 15, .struct_size = sizeof(struct kc_cash_quote),
    .domain = "kinchaku/1-cash-quote", .fields = cash_quote_fields};

static const struct kc_field cash_answer_fields[] = {
    {.offset = offsetof(struct kc_cash_answer, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_answer, transaction_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cash_answer, quote), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_cash_answer, answer), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x6, .presence = 0},
    {.offset = offsetof(struct kc_cash_answer, entry), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x140, .presence = offsetof(struct kc_cash_answer, has_entry)},
    {.offset = offsetof(struct kc_cash_answer, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_cash_answer_shape = {.number = 12, .version = 1,
    .brief = false,
    .field_count = 6, .struct_size = sizeof(struct kc_cash_answer),
    .domain = "kinchaku/1-cash-answer", .fields = cash_answer_fields};

static const struct kc_field completion_fields[] = {
    {.offset = offsetof(struct kc_completion, answers), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_completion, transaction_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_completion, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_completion, outcome), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x7e, .presence = 0},
    {.offset = offsetof(struct kc_completion, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_completion, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_completion_shape = {.number = 13, .version = 1,
    .brief = false,
    .field_count = 6, .struct_size = sizeof(struct kc_completion),
    .domain = "kinchaku/1-completion", .fields = completion_fields};

static const struct kc_field state_request_fields[] = {
    {.offset = offsetof(struct kc_state_request, information), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1400, .presence = 0},
    {.offset = offsetof(struct kc_state_request, pending_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_state_request, has_pending)},
    {.offset = offsetof(struct kc_state_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_state_request_shape = {.number = 14, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_state_request),
    .domain = "kinchaku/1-state-request", .fields = state_request_fields};

static const struct kc_field state_reply_fields[] = {
    {.offset = offsetof(struct kc_state_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_state_reply, transaction_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_state_reply, has_transaction)},
    {.offset = offsetof(struct kc_state_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_state_reply, outcome), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x7e, .presence = 0},
    {.offset = offsetof(struct kc_state_reply, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_state_reply, key_ready_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_state_reply, has_key_ready)},
    {.offset = offsetof(struct kc_state_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_state_reply_shape = {.number = 15, .version = 2,
    .brief = false,
    .field_count = 7, .struct_size = sizeof(struct kc_state_reply),
    .domain = "kinchaku/2-state-reply", .fields = state_reply_fields};

static const struct kc_field fund_request_fields[] = {
    {.offset = offsetof(struct kc_fund_request, information), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1400, .presence = 0},
    {.offset = offsetof(struct kc_fund_request, kind), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x6, .presence = 0},
    {.offset = offsetof(struct kc_fund_request, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_fund_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_fund_request_shape = {.number = 16, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_fund_request),
    .domain = "kinchaku/1-fund-request", .fields = fund_request_fields};

static const struct kc_field fund_reply_fields[] = {
    {.offset = offsetof(struct kc_fund_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_fund_reply, transaction_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_fund_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_fund_reply, outcome), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x7e, .presence = 0},
    {.offset = offsetof(struct kc_fund_reply, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_fund_reply, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_fund_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_fund_reply_shape = {.number = 17, .version = 1,
    .brief = false,
    .field_count = 7, .struct_size = sizeof(struct kc_fund_reply),
    .domain = "kinchaku/1-fund-reply", .fields = fund_reply_fields};

static const struct kc_field refusal_fields[] = {
    {.offset = offsetof(struct kc_refusal, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_refusal, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_refusal, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = offsetof(struct kc_refusal, has_certified)},
    {.offset = offsetof(struct kc_refusal, due_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_refusal, has_due)},
    {.offset = offsetof(struct kc_refusal, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_refusal_shape = {.number = 18, .version = 2,
    .brief = false,
    .field_count = 5, .struct_size = sizeof(struct kc_refusal),
    .domain = "kinchaku/2-refusal", .fields = refusal_fields};

static const struct kc_field transfer_request_fields[] = {
    {.offset = offsetof(struct kc_transfer_request, information), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1400, .presence = 0},
    {.offset = offsetof(struct kc_transfer_request, source), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x6, .presence = 0},
    {.offset = offsetof(struct kc_transfer_request, to), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_request, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_request, reference), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = offsetof(struct kc_transfer_request, has_reference)},
    {.offset = offsetof(struct kc_transfer_request, machine), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_transfer_request, has_machine)},
    {.offset = offsetof(struct kc_transfer_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_transfer_request_shape = {.number = 34, .version = 2,
    .brief = false,
    .field_count = 7, .struct_size = sizeof(struct kc_transfer_request),
    .domain = "kinchaku/2-transfer-request", .fields = transfer_request_fields};

static const struct kc_field transfer_quote_fields[] = {
    {.offset = offsetof(struct kc_transfer_quote, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, transaction_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, purse_type), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, source), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x6, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, to), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, to_name), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x50, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, account_before), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, account_after), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, purse_before), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, purse_after), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, expires_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_transfer_quote, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_transfer_quote_shape = {.number = 35, .version = 1,
    .brief = false,
    .field_count = 17, .struct_size = sizeof(struct kc_transfer_quote),
    .domain = "kinchaku/1-transfer-quote", .fields = transfer_quote_fields};

static const struct kc_field open_request_fields[] = {
    {.offset = offsetof(struct kc_open_request, id), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x10, .presence = 0},
    {.offset = offsetof(struct kc_open_request, name), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x50, .presence = 0},
    {.offset = offsetof(struct kc_open_request, address), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0xc8, .presence = 0},
    {.offset = offsetof(struct kc_open_request, phone), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_open_request, bank_account), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x28, .presence = 0},
    {.offset = offsetof(struct kc_open_request, password_hash), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0xa0, .presence = 0},
    {.offset = offsetof(struct kc_open_request, suite), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_open_request, log_policy), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_open_request, purse_type), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_open_request, owner), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_open_request, has_owner)},
    {.offset = offsetof(struct kc_open_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_open_request_shape = {.number = 20, .version = 3,
    .brief = false,
    .field_count = 11, .struct_size = sizeof(struct kc_open_request),
    .domain = "kinchaku/3-open-request", .fields = open_request_fields};

static const struct kc_field open_reply_fields[] = {
    {.offset = offsetof(struct kc_open_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_open_reply, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_open_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_open_reply, temporary_until_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_open_reply, expires_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_open_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_open_reply_shape = {.number = 21, .version = 1,
    .brief = false,
    .field_count = 6, .struct_size = sizeof(struct kc_open_reply),
    .domain = "kinchaku/1-open-reply", .fields = open_reply_fields};

static const struct kc_field confirm_request_fields[] = {
    {.offset = offsetof(struct kc_confirm_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_confirm_request, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_confirm_request, sign_digest), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_confirm_request, encrypt_digest), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_confirm_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_confirm_request_shape = {.number = 22, .version = 1,
    .brief = false,
    .field_count = 5, .struct_size = sizeof(struct kc_confirm_request),
    .domain = "kinchaku/1-confirm-request", .fields = confirm_request_fields};

static const struct kc_field confirm_reply_fields[] = {
    {.offset = offsetof(struct kc_confirm_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_confirm_reply, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_confirm_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_confirm_reply, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_confirm_reply, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_confirm_reply, decimals), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_confirm_reply, url), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x80, .presence = 0},
    {.offset = offsetof(struct kc_confirm_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_confirm_reply_shape = {.number = 23, .version = 1,
    .brief = false,
    .field_count = 8, .struct_size = sizeof(struct kc_confirm_reply),
    .domain = "kinchaku/1-confirm-reply", .fields = confirm_reply_fields};

static const struct kc_field cancel_request_fields[] = {
    {.offset = offsetof(struct kc_cancel_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cancel_request, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_cancel_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_cancel_request_shape = {.number = 24, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_cancel_request),
    .domain = "kinchaku/1-cancel-request", .fields = cancel_request_fields};

static const struct kc_field done_fields[] = {
    {.offset = offsetof(struct kc_done, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_done, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_done_shape = {.number = 25, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_done),
    .domain = "kinchaku/1-done", .fields = done_fields};

static const struct kc_field identify_request_fields[] = {
    {.offset = offsetof(struct kc_identify_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_identify_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_identify_request_shape = {.number = 26, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_identify_request),
    .domain = "kinchaku/1-identify-request", .fields = identify_request_fields};

static const struct kc_field identify_reply_fields[] = {
    {.offset = offsetof(struct kc_identify_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_identify_reply, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_identify_reply, name), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x50, .presence = 0},
    {.offset = offsetof(struct kc_identify_reply, password_hash), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0xa0, .presence = 0},
    {.offset = offsetof(struct kc_identify_reply, purse_type), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_identify_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_identify_reply_shape = {.number = 27, .version = 2,
    .brief = false,
    .field_count = 6, .struct_size = sizeof(struct kc_identify_reply),
    .domain = "kinchaku/2-identify-reply", .fields = identify_reply_fields};

static const struct kc_field lost_request_fields[] = {
    {.offset = offsetof(struct kc_lost_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_lost_request, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_lost_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_lost_request_shape = {.number = 28, .version = 2,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_lost_request),
    .domain = "kinchaku/2-lost-request", .fields = lost_request_fields};

static const struct kc_field lost_reply_fields[] = {
    {.offset = offsetof(struct kc_lost_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_lost_reply, certificates), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x180, .presence = 0},
    {.offset = offsetof(struct kc_lost_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_lost_reply_shape = {.number = 121, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_lost_reply),
    .domain = "kinchaku/1-lost-reply", .fields = lost_reply_fields};

static const struct kc_field charge_order_fields[] = {
    {.offset = offsetof(struct kc_charge_order, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_charge_order, source), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = offsetof(struct kc_charge_order, has_source)},
    {.offset = offsetof(struct kc_charge_order, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_charge_order_shape = {.number = 90, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_charge_order),
    .domain = "kinchaku/1-charge-order", .fields = charge_order_fields};

static const struct kc_field close_request_fields[] = {
    {.offset = offsetof(struct kc_close_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_close_request, kind), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_close_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_close_request_shape = {.number = 108, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_close_request),
    .domain = "kinchaku/1-close-request", .fields = close_request_fields};

static const struct kc_field close_reply_fields[] = {
    {.offset = offsetof(struct kc_close_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_close_reply, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_close_reply, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_close_reply, purse_amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_close_reply, due_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_close_reply, certificates), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x180, .presence = 0},
    {.offset = offsetof(struct kc_close_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_close_reply_shape = {.number = 109, .version = 2,
    .brief = false,
    .field_count = 7, .struct_size = sizeof(struct kc_close_reply),
    .domain = "kinchaku/2-close-reply", .fields = close_reply_fields};

static const struct kc_field reissue_request_fields[] = {
    {.offset = offsetof(struct kc_reissue_request, id), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x10, .presence = 0},
    {.offset = offsetof(struct kc_reissue_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_reissue_request, suite), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_reissue_request, log_policy), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_reissue_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_reissue_request_shape = {.number = 29, .version = 1,
    .brief = false,
    .field_count = 5, .struct_size = sizeof(struct kc_reissue_request),
    .domain = "kinchaku/1-reissue-request", .fields = reissue_request_fields};

static const struct kc_field move_request_fields[] = {
    {.offset = offsetof(struct kc_move_request, id), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x10, .presence = 0},
    {.offset = offsetof(struct kc_move_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_move_request, suite), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_move_request, log_policy), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_move_request, paid), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_move_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_move_request_shape = {.number = 110, .version = 2,
    .brief = false,
    .field_count = 6, .struct_size = sizeof(struct kc_move_request),
    .domain = "kinchaku/2-move-request", .fields = move_request_fields};

static const struct kc_field counter_request_fields[] = {
    {.offset = offsetof(struct kc_counter_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_counter_request, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_counter_request, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_counter_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_counter_request_shape = {.number = 104, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_counter_request),
    .domain = "kinchaku/1-counter-request", .fields = counter_request_fields};

static const struct kc_field certify_request_fields[] = {
    {.offset = offsetof(struct kc_certify_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certify_request, expires_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_certify_request, proof), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x580, .presence = 0},
    {.offset = offsetof(struct kc_certify_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_certify_request_shape = {.number = 30, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_certify_request),
    .domain = "kinchaku/1-certify-request", .fields = certify_request_fields};

static const struct kc_field certify_reply_fields[] = {
    {.offset = offsetof(struct kc_certify_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_certify_reply, sign_certificate), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x800, .presence = 0},
    {.offset = offsetof(struct kc_certify_reply, encrypt_certificate), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x800, .presence = 0},
    {.offset = offsetof(struct kc_certify_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_certify_reply_shape = {.number = 31, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_certify_reply),
    .domain = "kinchaku/1-certify-reply", .fields = certify_reply_fields};

static const struct kc_field revoke_request_fields[] = {
    {.offset = offsetof(struct kc_revoke_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_revoke_request, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_revoke_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_revoke_request_shape = {.number = 33, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_revoke_request),
    .domain = "kinchaku/1-revoke-request", .fields = revoke_request_fields};

static const struct kc_field renew_request_fields[] = {
    {.offset = offsetof(struct kc_renew_request, information), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0xa00, .presence = 0},
    {.offset = offsetof(struct kc_renew_request, proof), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x580, .presence = 0},
    {.offset = offsetof(struct kc_renew_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_renew_request_shape = {.number = 92, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_renew_request),
    .domain = "kinchaku/1-renew-request", .fields = renew_request_fields};

static const struct kc_field renew_reply_fields[] = {
    {.offset = offsetof(struct kc_renew_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_renew_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renew_reply, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_renew_reply, sign_certificate), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x800, .presence = 0},
    {.offset = offsetof(struct kc_renew_reply, encrypt_certificate), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x800, .presence = 0},
    {.offset = offsetof(struct kc_renew_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_renew_reply_shape = {.number = 93, .version = 1,
    .brief = false,
    .field_count = 6, .struct_size = sizeof(struct kc_renew_reply),
    .domain = "kinchaku/1-renew-reply", .fields = renew_reply_fields};

static const struct kc_field renew_certify_request_fields[] = {
    {.offset = offsetof(struct kc_renew_certify_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renew_certify_request, expires_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renew_certify_request, proof), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x580, .presence = 0},
    {.offset = offsetof(struct kc_renew_certify_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_renew_certify_request_shape = {.number = 94, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_renew_certify_request),
    .domain = "kinchaku/1-renew-certify-request", .fields = renew_certify_request_fields};

static const struct kc_field retire_request_fields[] = {
    {.offset = offsetof(struct kc_retire_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_retire_request, certificate), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_retire_request, left), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_retire_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_retire_request_shape = {.number = 95, .version = 2,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_retire_request),
    .domain = "kinchaku/2-retire-request", .fields = retire_request_fields};

static const struct kc_field keys_request_fields[] = {
    {.offset = offsetof(struct kc_keys_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_keys_request, expires_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_keys_request, claimed_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_keys_request, has_claimed)},
    {.offset = offsetof(struct kc_keys_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_keys_request_shape = {.number = 96, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_keys_request),
    .domain = "kinchaku/1-keys-request", .fields = keys_request_fields};

static const struct kc_field claim_request_fields[] = {
    {.offset = offsetof(struct kc_claim_request, information), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0xa00, .presence = 0},
    {.offset = offsetof(struct kc_claim_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_claim_request_shape = {.number = 97, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_claim_request),
    .domain = "kinchaku/1-claim-request", .fields = claim_request_fields};

static const struct kc_field claim_reply_fields[] = {
    {.offset = offsetof(struct kc_claim_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, encrypt_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, sign_certificate), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x800, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, encrypt_certificate), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x800, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, authority_verify), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, authority_encrypt), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, url), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x80, .presence = 0},
    {.offset = offsetof(struct kc_claim_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_claim_reply_shape = {.number = 98, .version = 1,
    .brief = false,
    .field_count = 10, .struct_size = sizeof(struct kc_claim_reply),
    .domain = "kinchaku/1-claim-reply", .fields = claim_reply_fields};

static const struct kc_field renewal_query_fields[] = {
    {.offset = offsetof(struct kc_renewal_query, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_renewal_query, nonce), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x10, .presence = 0},
};
const struct kc_shape kc_renewal_query_shape = {.number = 122, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_renewal_query),
    .domain = NULL, .fields = renewal_query_fields};

static const struct kc_field renewal_word_fields[] = {
    {.offset = offsetof(struct kc_renewal_word, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewal_word, query), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_renewal_word, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewal_word, step), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x7e, .presence = 0},
    {.offset = offsetof(struct kc_renewal_word, by_authority), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewal_word, since_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_renewal_word, has_since)},
    {.offset = offsetof(struct kc_renewal_word, until_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_renewal_word, has_until)},
    {.offset = offsetof(struct kc_renewal_word, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_renewal_word_shape = {.number = 123, .version = 1,
    .brief = false,
    .field_count = 8, .struct_size = sizeof(struct kc_renewal_word),
    .domain = "kinchaku/1-renewal-word", .fields = renewal_word_fields};

static const struct kc_field key_request_fields[] = {
    {.offset = offsetof(struct kc_key_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_request, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_request, certificate), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_key_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_key_request_shape = {.number = 99, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_key_request),
    .domain = "kinchaku/1-key-request", .fields = key_request_fields};

static const struct kc_field key_reply_fields[] = {
    {.offset = offsetof(struct kc_key_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_key_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_reply, keys), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x834, .presence = 0},
    {.offset = offsetof(struct kc_key_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_key_reply_shape = {.number = 100, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_key_reply),
    .domain = "kinchaku/1-key-reply", .fields = key_reply_fields};

static const struct kc_field key_confirm_fields[] = {
    {.offset = offsetof(struct kc_key_confirm, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_confirm, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_confirm, certificate), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_key_confirm, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_key_confirm_shape = {.number = 101, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_key_confirm),
    .domain = "kinchaku/1-key-confirm", .fields = key_confirm_fields};

static const struct kc_field key_pair_fields[] = {
    {.offset = offsetof(struct kc_key_pair, sign_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x410, .presence = 0},
    {.offset = offsetof(struct kc_key_pair, encrypt_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x410, .presence = 0},
};
const struct kc_shape kc_key_pair_shape = {.number = 102, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_key_pair),
    .domain = NULL, .fields = key_pair_fields};

static const struct kc_field next_keys_fields[] = {
    {.offset = offsetof(struct kc_next_keys, encrypt_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_next_keys, authority_verify), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_next_keys, authority_encrypt), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_next_keys, url), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x80, .presence = 0},
    {.offset = offsetof(struct kc_next_keys, notice), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_next_keys_shape = {.number = 103, .version = 2,
    .brief = false,
    .field_count = 5, .struct_size = sizeof(struct kc_next_keys),
    .domain = NULL, .fields = next_keys_fields};

static const struct kc_field identify_fields[] = {
    {.offset = offsetof(struct kc_identify, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_identify, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_identify, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_identify, hotlist), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_identify, full), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_identify, roll), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_identify, hotlist_base), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_identify_shape = {.number = 40, .version = 2,
    .brief = false,
    .field_count = 7, .struct_size = sizeof(struct kc_identify),
    .domain = NULL, .fields = identify_fields};

static const struct kc_field payee_identity_fields[] = {
    {.offset = offsetof(struct kc_payee_identity, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payee_identity, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payee_identity, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = offsetof(struct kc_payee_identity, has_identity)},
    {.offset = offsetof(struct kc_payee_identity, knows), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payee_identity, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payee_identity, hotlist), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payee_identity, asked), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_payee_identity, has_asked)},
    {.offset = offsetof(struct kc_payee_identity, most), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payee_identity, roll), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payee_identity, hotlist_base), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_payee_identity_shape = {.number = 41, .version = 3,
    .brief = false,
    .field_count = 10, .struct_size = sizeof(struct kc_payee_identity),
    .domain = NULL, .fields = payee_identity_fields};

static const struct kc_field payment_order_fields[] = {
    {.offset = offsetof(struct kc_payment_order, payee), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, payee_purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, payer), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, payer_purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, card), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_payment_order, has_card)},
    {.offset = offsetof(struct kc_payment_order, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, payer_counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, payee_counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, head), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, paid), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, received), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_order, returned), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_payment_order_shape = {.number = 42, .version = 1,
    .brief = true,
    .field_count = 13, .struct_size = sizeof(struct kc_payment_order),
    .domain = "kinchaku/1-payment", .fields = payment_order_fields};

static const struct kc_field payment_fields[] = {
    {.offset = offsetof(struct kc_payment, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = offsetof(struct kc_payment, has_identity)},
    {.offset = offsetof(struct kc_payment, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = offsetof(struct kc_payment, has_certified)},
    {.offset = offsetof(struct kc_payment, order), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x2c0, .presence = 0},
};
const struct kc_shape kc_payment_shape = {.number = 43, .version = 2,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_payment),
    .domain = NULL, .fields = payment_fields};

static const struct kc_field receipt_fields[] = {
    {.offset = offsetof(struct kc_receipt, payment), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_receipt, payee_purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_receipt, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_receipt, head), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_receipt, paid), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_receipt, received), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_receipt, returned), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_receipt, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_receipt_shape = {.number = 44, .version = 1,
    .brief = true,
    .field_count = 8, .struct_size = sizeof(struct kc_receipt),
    .domain = "kinchaku/1-receipt", .fields = receipt_fields};

static const struct kc_field decline_fields[] = {
    {.offset = offsetof(struct kc_decline, payment), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_decline, payee_purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_decline, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_decline, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_decline, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_decline_shape = {.number = 45, .version = 1,
    .brief = true,
    .field_count = 5, .struct_size = sizeof(struct kc_decline),
    .domain = "kinchaku/1-decline", .fields = decline_fields};

static const struct kc_field payment_answer_fields[] = {
    {.offset = offsetof(struct kc_payment_answer, taken), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_payment_answer, answer), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x240, .presence = 0},
};
const struct kc_shape kc_payment_answer_shape = {.number = 46, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_payment_answer),
    .domain = NULL, .fields = payment_answer_fields};

static const struct kc_field notice_fields[] = {
    {.offset = offsetof(struct kc_notice, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_notice_shape = {.number = 47, .version = 1,
    .brief = false,
    .field_count = 1, .struct_size = sizeof(struct kc_notice),
    .domain = NULL, .fields = notice_fields};

static const struct kc_field log_record_fields[] = {
    {.offset = offsetof(struct kc_log_record, entry), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x140, .presence = 0},
    {.offset = offsetof(struct kc_log_record, order), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x2c0, .presence = offsetof(struct kc_log_record, has_order)},
    {.offset = offsetof(struct kc_log_record, answer), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x240, .presence = offsetof(struct kc_log_record, has_answer)},
};
const struct kc_shape kc_log_record_shape = {.number = 50, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_log_record),
    .domain = NULL, .fields = log_record_fields};

static const struct kc_field gap_fields[] = {
    {.offset = offsetof(struct kc_gap, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_gap, head), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_gap, paid), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_gap, received), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_gap, returned), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_gap_shape = {.number = 56, .version = 1,
    .brief = false,
    .field_count = 5, .struct_size = sizeof(struct kc_gap),
    .domain = NULL, .fields = gap_fields};

static const struct kc_field hotlist_fields[] = {
    {.offset = offsetof(struct kc_hotlist, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist, version), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist, complete), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist, count), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist, listed), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x800, .presence = 0},
};
const struct kc_shape kc_hotlist_shape = {.number = 57, .version = 1,
    .brief = false,
    .field_count = 6, .struct_size = sizeof(struct kc_hotlist),
    .domain = "kinchaku/1-hotlist", .fields = hotlist_fields};

static const struct kc_field hotlist_base_fields[] = {
    {.offset = offsetof(struct kc_hotlist_base, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_base, version), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_base, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_base, complete), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_base, count), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_base, least), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_base, bits), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_base, listed), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x800, .presence = 0},
};
const struct kc_shape kc_hotlist_base_shape = {.number = 112, .version = 1,
    .brief = false,
    .field_count = 8, .struct_size = sizeof(struct kc_hotlist_base),
    .domain = "kinchaku/1-hotlist-base", .fields = hotlist_base_fields};

static const struct kc_field hotlist_delta_fields[] = {
    {.offset = offsetof(struct kc_hotlist_delta, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_delta, base), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_delta, version), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_delta, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_delta, complete), .type = KC_FIELD_BOOL, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_delta, count), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_delta, least), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_delta, bits), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_hotlist_delta, listed), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x200, .presence = 0},
};
const struct kc_shape kc_hotlist_delta_shape = {.number = 113, .version = 1,
    .brief = false,
    .field_count = 9, .struct_size = sizeof(struct kc_hotlist_delta),
    .domain = "kinchaku/1-hotlist-delta", .fields = hotlist_delta_fields};

static const struct kc_field key_roll_fields[] = {
    {.offset = offsetof(struct kc_key_roll, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_roll, number), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_roll, from_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_roll, until_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_key_roll, former_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_key_roll, sign_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_key_roll, encrypt_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
};
const struct kc_shape kc_key_roll_shape = {.number = 116, .version = 1,
    .brief = false,
    .field_count = 7, .struct_size = sizeof(struct kc_key_roll),
    .domain = "kinchaku/1-key-roll", .fields = key_roll_fields};

static const struct kc_field rolled_keys_fields[] = {
    {.offset = offsetof(struct kc_rolled_keys, roll), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x700, .presence = 0},
};
const struct kc_shape kc_rolled_keys_shape = {.number = 117, .version = 1,
    .brief = false,
    .field_count = 1, .struct_size = sizeof(struct kc_rolled_keys),
    .domain = "kinchaku/1-rolled-keys", .fields = rolled_keys_fields};

static const struct kc_field authority_notice_fields[] = {
    {.offset = offsetof(struct kc_authority_notice, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_authority_notice, number), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_authority_notice, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_authority_notice, issuer), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x400, .presence = 0},
    {.offset = offsetof(struct kc_authority_notice, from_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_authority_notice, verify_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_authority_notice, encrypt_key), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x1a0, .presence = 0},
    {.offset = offsetof(struct kc_authority_notice, root), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
};
const struct kc_shape kc_authority_notice_shape = {.number = 118, .version = 1,
    .brief = false,
    .field_count = 8, .struct_size = sizeof(struct kc_authority_notice),
    .domain = "kinchaku/1-authority-notice", .fields = authority_notice_fields};

static const struct kc_field settle_request_fields[] = {
    {.offset = offsetof(struct kc_settle_request, information), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0xa00, .presence = 0},
    {.offset = offsetof(struct kc_settle_request, gap), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x60, .presence = offsetof(struct kc_settle_request, has_gap)},
    {.offset = offsetof(struct kc_settle_request, records), .type = KC_FIELD_LIST, .count = 8,
     .max = 0x660, .presence = 0},
    {.offset = offsetof(struct kc_settle_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_settle_request_shape = {.number = 51, .version = 2,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_settle_request),
    .domain = "kinchaku/2-settle-request", .fields = settle_request_fields};

static const struct kc_field release_fields[] = {
    {.offset = offsetof(struct kc_release, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_release, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_release, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_release_shape = {.number = 52, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_release),
    .domain = NULL, .fields = release_fields};

static const struct kc_field objection_fields[] = {
    {.offset = offsetof(struct kc_objection, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_objection, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_objection_shape = {.number = 53, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_objection),
    .domain = NULL, .fields = objection_fields};

static const struct kc_field settle_reply_fields[] = {
    {.offset = offsetof(struct kc_settle_reply, request), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_settle_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_settle_reply, certified), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_settle_reply, released), .type = KC_FIELD_LIST, .count = 8,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_settle_reply, objections), .type = KC_FIELD_LIST, .count = 8,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_settle_reply, key_ready_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_settle_reply, has_key_ready)},
    {.offset = offsetof(struct kc_settle_reply, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_settle_reply_shape = {.number = 54, .version = 2,
    .brief = false,
    .field_count = 7, .struct_size = sizeof(struct kc_settle_reply),
    .domain = "kinchaku/2-settle-reply", .fields = settle_reply_fields};

static const struct kc_field open_payment_fields[] = {
    {.offset = offsetof(struct kc_open_payment, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_open_payment, payee_purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_open_payment, payee_counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_open_payment, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_open_payment_shape = {.number = 55, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_open_payment),
    .domain = NULL, .fields = open_payment_fields};

static const struct kc_field shelf_request_fields[] = {
    {.offset = offsetof(struct kc_shelf_request, from_slot), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_shelf_request_shape = {.number = 70, .version = 1,
    .brief = false,
    .field_count = 1, .struct_size = sizeof(struct kc_shelf_request),
    .domain = NULL, .fields = shelf_request_fields};

static const struct kc_field shelf_fields[] = {
    {.offset = offsetof(struct kc_shelf, name), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x28, .presence = 0},
    {.offset = offsetof(struct kc_shelf, dealer), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_shelf, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_shelf, next), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_shelf, has_next)},
    {.offset = offsetof(struct kc_shelf, items), .type = KC_FIELD_LIST, .count = 8,
     .max = 0x50, .presence = 0},
};
const struct kc_shape kc_shelf_shape = {.number = 71, .version = 1,
    .brief = false,
    .field_count = 5, .struct_size = sizeof(struct kc_shelf),
    .domain = NULL, .fields = shelf_fields};

static const struct kc_field shelf_item_fields[] = {
    {.offset = offsetof(struct kc_shelf_item, slot), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_shelf_item, state), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_shelf_item, price), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_shelf_item, name), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x28, .presence = 0},
};
const struct kc_shape kc_shelf_item_shape = {.number = 72, .version = 1,
    .brief = false,
    .field_count = 4, .struct_size = sizeof(struct kc_shelf_item),
    .domain = NULL, .fields = shelf_item_fields};

static const struct kc_field select_fields[] = {
    {.offset = offsetof(struct kc_select, slot), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_select_shape = {.number = 73, .version = 1,
    .brief = false,
    .field_count = 1, .struct_size = sizeof(struct kc_select),
    .domain = NULL, .fields = select_fields};

static const struct kc_field selected_fields[] = {
    {.offset = offsetof(struct kc_selected, slot), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_selected, price), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_selected_shape = {.number = 74, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_selected),
    .domain = NULL, .fields = selected_fields};

static const struct kc_field outcome_request_fields[] = {
    {.offset = offsetof(struct kc_outcome_request, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_outcome_request_shape = {.number = 75, .version = 1,
    .brief = false,
    .field_count = 1, .struct_size = sizeof(struct kc_outcome_request),
    .domain = NULL, .fields = outcome_request_fields};

static const struct kc_field sale_outcome_fields[] = {
    {.offset = offsetof(struct kc_sale_outcome, outcome), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0xe, .presence = 0},
    {.offset = offsetof(struct kc_sale_outcome, sale), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale_outcome, back), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_sale_outcome_shape = {.number = 76, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_sale_outcome),
    .domain = NULL, .fields = sale_outcome_fields};

static const struct kc_field sale_fields[] = {
    {.offset = offsetof(struct kc_sale, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, number), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, previous), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_sale, kind), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1dffe, .presence = 0},
    {.offset = offsetof(struct kc_sale, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, sale), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, slot), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = offsetof(struct kc_sale, has_account)},
    {.offset = offsetof(struct kc_sale, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, count), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, back), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale, about), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
};
const struct kc_shape kc_sale_shape = {.number = 77, .version = 1,
    .brief = true,
    .field_count = 14, .struct_size = sizeof(struct kc_sale),
    .domain = "kinchaku/1-sale", .fields = sale_fields};

static const struct kc_field sale_offer_fields[] = {
    {.offset = offsetof(struct kc_sale_offer, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale_offer, machine), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale_offer, dealer), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale_offer, slot), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale_offer, price), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale_offer, line), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_sale_offer, nonce), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x10, .presence = 0},
    {.offset = offsetof(struct kc_sale_offer, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_sale_offer_shape = {.number = 78, .version = 1,
    .brief = true,
    .field_count = 8, .struct_size = sizeof(struct kc_sale_offer),
    .domain = "kinchaku/1-sale-offer", .fields = sale_offer_fields};

static const struct kc_field voucher_fields[] = {
    {.offset = offsetof(struct kc_voucher, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_voucher, reference), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = 0},
    {.offset = offsetof(struct kc_voucher, machine), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_voucher, to), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_voucher, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_voucher, payer), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_voucher, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_voucher, transaction_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_voucher, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_voucher_shape = {.number = 79, .version = 1,
    .brief = false,
    .field_count = 9, .struct_size = sizeof(struct kc_voucher),
    .domain = "kinchaku/1-voucher", .fields = voucher_fields};

static const struct kc_field offer_request_fields[] = {
    {.offset = offsetof(struct kc_offer_request, slot), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_offer_request_shape = {.number = 84, .version = 1,
    .brief = false,
    .field_count = 1, .struct_size = sizeof(struct kc_offer_request),
    .domain = NULL, .fields = offer_request_fields};

static const struct kc_field voucher_sale_fields[] = {
    {.offset = offsetof(struct kc_voucher_sale, offer), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x260, .presence = 0},
    {.offset = offsetof(struct kc_voucher_sale, voucher), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
};
const struct kc_shape kc_voucher_sale_shape = {.number = 85, .version = 1,
    .brief = false,
    .field_count = 2, .struct_size = sizeof(struct kc_voucher_sale),
    .domain = NULL, .fields = voucher_sale_fields};

static const struct kc_field collect_request_fields[] = {
    {.offset = offsetof(struct kc_collect_request, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_request, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_request, want), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x7fe, .presence = 0},
    {.offset = offsetof(struct kc_collect_request, from_number), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_request, total), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_request, piece), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0xc00, .presence = 0},
    {.offset = offsetof(struct kc_collect_request, safe_number), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_collect_request_shape = {.number = 80, .version = 2,
    .brief = false,
    .field_count = 7, .struct_size = sizeof(struct kc_collect_request),
    .domain = "kinchaku/2-collect-request", .fields = collect_request_fields};

static const struct kc_field collect_reply_fields[] = {
    {.offset = offsetof(struct kc_collect_reply, reason), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, newest_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, last), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, first), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, owed), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, uncovered), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, unwritten), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, total), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, piece), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0xc00, .presence = 0},
    {.offset = offsetof(struct kc_collect_reply, records), .type = KC_FIELD_LIST, .count = 8,
     .max = 0x260, .presence = 0},
};
const struct kc_shape kc_collect_reply_shape = {.number = 81, .version = 2,
    .brief = false,
    .field_count = 11, .struct_size = sizeof(struct kc_collect_reply),
    .domain = NULL, .fields = collect_reply_fields};

static const struct kc_field give_back_fields[] = {
    {.offset = offsetof(struct kc_give_back, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_give_back, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_give_back, sale), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_give_back, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_give_back, to), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_give_back, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_give_back, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_give_back, reference), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = offsetof(struct kc_give_back, has_reference)},
};
const struct kc_shape kc_give_back_shape = {.number = 82, .version = 1,
    .brief = true,
    .field_count = 8, .struct_size = sizeof(struct kc_give_back),
    .domain = "kinchaku/1-give-back", .fields = give_back_fields};

static const struct kc_field given_back_fields[] = {
    {.offset = offsetof(struct kc_given_back, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_given_back, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_given_back, sale), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_given_back, to), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_given_back, amount), .type = KC_FIELD_AMOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_given_back, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_given_back_shape = {.number = 83, .version = 1,
    .brief = false,
    .field_count = 6, .struct_size = sizeof(struct kc_given_back),
    .domain = "kinchaku/1-given-back", .fields = given_back_fields};

static const struct kc_field evidence_file_fields[] = {
    {.offset = offsetof(struct kc_evidence_file, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, currency), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x3, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, decimals), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, alert), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, rule), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1ffe, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, identity), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, partners), .type = KC_FIELD_LIST, .count = 8,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, items), .type = KC_FIELD_LIST, .count = 2,
     .max = 0x2040, .presence = 0},
    {.offset = offsetof(struct kc_evidence_file, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_evidence_file_shape = {.number = 60, .version = 1,
    .brief = false,
    .field_count = 12, .struct_size = sizeof(struct kc_evidence_file),
    .domain = "kinchaku/1-evidence-file", .fields = evidence_file_fields};

static const struct kc_field renewed_evidence_fields[] = {
    {.offset = offsetof(struct kc_renewed_evidence, bank), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, currency), .type = KC_FIELD_TEXT, .count = 0,
     .max = 0x3, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, decimals), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, alert), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, rule), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1ffe, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, counter), .type = KC_FIELD_UINT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, account), .type = KC_FIELD_ACCOUNT, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, purse), .type = KC_FIELD_PURSE, .count = 0,
     .max = 0x0, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, older), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, newer), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, items), .type = KC_FIELD_LIST, .count = 2,
     .max = 0x2040, .presence = 0},
    {.offset = offsetof(struct kc_renewed_evidence, close), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x2040, .presence = offsetof(struct kc_renewed_evidence, has_close)},
    {.offset = offsetof(struct kc_renewed_evidence, closer), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x480, .presence = offsetof(struct kc_renewed_evidence, has_closer)},
    {.offset = offsetof(struct kc_renewed_evidence, time_ms), .type = KC_FIELD_TIME, .count = 0,
     .max = 0x0, .presence = 0},
};
const struct kc_shape kc_renewed_evidence_shape = {.number = 120, .version = 1,
    .brief = false,
    .field_count = 14, .struct_size = sizeof(struct kc_renewed_evidence),
    .domain = "kinchaku/1-renewed-evidence", .fields = renewed_evidence_fields};

static const struct kc_field evidence_item_fields[] = {
    {.offset = offsetof(struct kc_evidence_item, kind), .type = KC_FIELD_ENUM, .count = 0,
     .max = 0x1e, .presence = 0},
    {.offset = offsetof(struct kc_evidence_item, bytes), .type = KC_FIELD_BYTES, .count = 0,
     .max = 0x2000, .presence = 0},
    {.offset = offsetof(struct kc_evidence_item, key), .type = KC_FIELD_FIXED, .count = 0,
     .max = 0x20, .presence = offsetof(struct kc_evidence_item, has_key)},
};
const struct kc_shape kc_evidence_item_shape = {.number = 61, .version = 1,
    .brief = false,
    .field_count = 3, .struct_size = sizeof(struct kc_evidence_item),
    .domain = NULL, .fields = evidence_item_fields};

const struct kc_shape *const kc_shapes[KC_SHAPE_COUNT] = {
    &kc_certified_shape,
    &kc_value_information_shape,
    &kc_entry_shape,
    &kc_purse_info_shape,
    &kc_key_proof_shape,
    &kc_purse_settings_shape,
    &kc_private_key_record_shape,
    &kc_purse_state_shape,
    &kc_cash_request_shape,
    &kc_cash_quote_shape,
    &kc_cash_answer_shape,
    &kc_completion_shape,
    &kc_state_request_shape,
    &kc_state_reply_shape,
    &kc_fund_request_shape,
    &kc_fund_reply_shape,
    &kc_refusal_shape,
    &kc_transfer_request_shape,
    &kc_transfer_quote_shape,
    &kc_open_request_shape,
    &kc_open_reply_shape,
    &kc_confirm_request_shape,
    &kc_confirm_reply_shape,
    &kc_cancel_request_shape,
    &kc_done_shape,
    &kc_identify_request_shape,
    &kc_identify_reply_shape,
    &kc_lost_request_shape,
    &kc_lost_reply_shape,
    &kc_charge_order_shape,
    &kc_close_request_shape,
    &kc_close_reply_shape,
    &kc_reissue_request_shape,
    &kc_move_request_shape,
    &kc_counter_request_shape,
    &kc_certify_request_shape,
    &kc_certify_reply_shape,
    &kc_revoke_request_shape,
    &kc_renew_request_shape,
    &kc_renew_reply_shape,
    &kc_renew_certify_request_shape,
    &kc_retire_request_shape,
    &kc_keys_request_shape,
    &kc_claim_request_shape,
    &kc_claim_reply_shape,
    &kc_renewal_query_shape,
    &kc_renewal_word_shape,
    &kc_key_request_shape,
    &kc_key_reply_shape,
    &kc_key_confirm_shape,
    &kc_key_pair_shape,
    &kc_next_keys_shape,
    &kc_identify_shape,
    &kc_payee_identity_shape,
    &kc_payment_order_shape,
    &kc_payment_shape,
    &kc_receipt_shape,
    &kc_decline_shape,
    &kc_payment_answer_shape,
    &kc_notice_shape,
    &kc_log_record_shape,
    &kc_gap_shape,
    &kc_hotlist_shape,
    &kc_hotlist_base_shape,
    &kc_hotlist_delta_shape,
    &kc_key_roll_shape,
    &kc_rolled_keys_shape,
    &kc_authority_notice_shape,
    &kc_settle_request_shape,
    &kc_release_shape,
    &kc_objection_shape,
    &kc_settle_reply_shape,
    &kc_open_payment_shape,
    &kc_shelf_request_shape,
    &kc_shelf_shape,
    &kc_shelf_item_shape,
    &kc_select_shape,
    &kc_selected_shape,
    &kc_outcome_request_shape,
    &kc_sale_outcome_shape,
    &kc_sale_shape,
    &kc_sale_offer_shape,
    &kc_voucher_shape,
    &kc_offer_request_shape,
    &kc_voucher_sale_shape,
    &kc_collect_request_shape,
    &kc_collect_reply_shape,
    &kc_give_back_shape,
    &kc_given_back_shape,
    &kc_evidence_file_shape,
    &kc_renewed_evidence_shape,
    &kc_evidence_item_shape,
};
