/* What an operator sees: account, purse, alerts, evidence, hotlist, audit, stats; read-only beside a running bank. What an
 * operator changes is an order to the running bank. */
#include "bank/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bank/audit.h"
#include "bank/bank.h"
#include "bank/charges.h"
#include "bank/closings.h"
#include "bank/evidence.h"
#include "bank/order.h"
#include "bank/risk.h"
#include "bank/statement.h"
#include "bank/words.h"
#include "base/clock.h"
#include "crypto/libcrypto.h"
#include "evidence/words.h"
#include "service/files.h"
#include "service/json_out.h"
#include "service/keys.h"
#include "store/sqlite.h"

/* An admin command at work. */
struct desk {
    const struct kc_command *command;
    char folder[KC_PATH_SIZE_MAX]; /* the bank's */
    struct kc_bank_config config;
    struct kc_realm realm;
    struct kc_store store;
    struct kc_crypto crypto;
    size_t count;
    struct kc_account_row account; /* of the purse that is shown */
    uint64_t moved;                /* the purse or account whose moves are shown */
    char *hex;                     /* room for one message */
    const char *detail; /* what to say about a failure beside the command's name, or NULL */
};

static void amount_text(char out[KC_AMOUNT_TEXT_SIZE], const struct desk *desk,
                        struct kc_amount amount)
{
    kc_amount_format(out, amount, (unsigned)desk->config.decimals);
}

static void show_text(struct desk *desk, struct kc_json_out *json, const char *name,
                      const char *value)
{
    if (desk->command->json) {
        kc_json_text(json, name, value);
    } else {
        (void)printf("%-18s %s\n", name, value);
    }
}

static void show_number(struct desk *desk, struct kc_json_out *json, const char *name,
                        uint64_t value)
{
    if (desk->command->json) {
        kc_json_number(json, name, value);
    } else {
        (void)printf("%-18s %" PRIu64 "\n", name, value);
    }
}

static void show_amount(struct desk *desk, struct kc_json_out *json, const char *name,
                        struct kc_amount amount)
{
    char text[KC_AMOUNT_TEXT_SIZE];
    amount_text(text, desk, amount);
    show_text(desk, json, name, text);
}

static void show_time(struct desk *desk, struct kc_json_out *json, const char *name,
                      uint64_t time_ms)
{
    char text[KC_CLOCK_TEXT_SIZE] = "-";
    if (time_ms != 0) {
        kc_clock_format(text, time_ms);
    }
    show_text(desk, json, name, text);
}

static void begin_object(struct desk *desk, struct kc_json_out *json)
{
    *json = (struct kc_json_out){.file = stdout};
    if (desk->command->json) {
        kc_json_open(json, stdout);
    } else if (desk->count > 0) {
        (void)printf("\n");
    }
    desk->count += 1;
}

static void end_object(struct desk *desk, struct kc_json_out *json)
{
    if (desk->command->json) {
        kc_json_close(json);
    }
}

static void show_digest(struct desk *desk, struct kc_json_out *json, const char *name,
                        const uint8_t digest[KC_DIGEST_SIZE])
{
    char text[2 * KC_DIGEST_SIZE + 1];
    kc_hex_write(text, kc_view(digest, KC_DIGEST_SIZE));
    show_text(desk, json, name, text);
}

/* `value` is the shadow, what the purse should hold by everything the bank knows; `certified` what it should hold by the
 * entries that are counted. A shadow below zero waits for records of others, or is a claim. */
static void show_shadow(struct desk *desk, struct kc_json_out *json, const struct kc_purse_row *row)
{
    char text[KC_AMOUNT_TEXT_SIZE + 1] = "-";
    struct kc_shadow shadow = kc_shadow_of(row);
    amount_text(text + 1, desk, shadow.amount);
    show_text(desk, json, "value", shadow.below ? text : text + 1);
    show_amount(desk, json, "certified", row->value);
    show_amount(desk, json, "ahead_in", row->ahead_in);
    show_amount(desk, json, "ahead_out", row->ahead_out);
    show_amount(desk, json, "owed", row->owed);
    show_amount(desk, json, "claimed", row->claimed);
}

/* Whether its certificates are revoked, where that is owed since it is out of use (ledger/ending.c). */
static void show_ending(struct desk *desk, struct kc_json_out *json, struct kc_purse_id purse)
{
    struct kc_ending_row row = {.number = 0};
    struct kc_result result = desk->store.ending_get(desk->store.context, &row, purse.number);
    bool asks = desk->config.authority_url[0] != '\0';
    show_text(desk, json, "revocation", kc_bank_ending_word(result, &row, asks));
    show_time(desk, json, "revocation_owed", row.owed_ms);
    show_number(desk, json, "revocation_tries", row.tries);
    show_text(desk, json, "revocation_reason",
              row.reason == KC_OK ? "-" : kc_error_name(row.reason));
}

/* The management record of EP1221669 Fig 4; its update history are the transactions that follow. */
static bool show_purse(void *owner, const struct kc_purse_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    begin_object(desk, &json);
    show_number(desk, &json, "bank", desk->config.id);
    show_number(desk, &json, "purse", row->purse.number);
    show_number(desk, &json, "account", row->account.number);
    show_text(desk, &json, "type", kc_purse_type_word(row->type));
    show_text(desk, &json, "state", kc_bank_purse_state_word(row->state));
    if (desk->account.owner.number != 0) {
        show_number(desk, &json, "owner", desk->account.owner.number);
    }
    show_amount(desk, &json, "account_balance", desk->account.balance);
    show_shadow(desk, &json, row);
    show_time(desk, &json, "value_time", row->value_ms);
    show_amount(desk, &json, "access_account", row->account_at_access);
    show_amount(desk, &json, "access_value", row->purse_at_access);
    show_time(desk, &json, "access_time", row->access_ms);
    show_number(desk, &json, "sequence", row->sequence);
    show_number(desk, &json, "counter", row->counter);
    show_number(desk, &json, "open_transaction", row->open_ms);
    show_amount(desk, &json, "paid", row->paid);
    show_amount(desk, &json, "received", row->received);
    show_amount(desk, &json, "returned", row->returned);
    show_text(desk, &json, "log_policy", kc_log_policy_word(row->log_policy));
    show_text(desk, &json, "out_reason",
              row->out_reason == KC_OK ? "-" : kc_error_name(row->out_reason));
    show_time(desk, &json, "out_time", row->out_ms);
    show_ending(desk, &json, row->purse);
    end_object(desk, &json);
    return true;
}

/* A quote whose time ran out shows as what it will be at the next contact. */
static const char *state_word(const struct kc_transaction_row *row)
{
    bool late = row->state == KC_STATE_QUOTED && row->expires_ms < kc_clock_now_ms();
    switch (row->state) {
    case KC_STATE_QUOTED:
        return late ? "not-completed" : "quoted";
    case KC_STATE_SENT:
        return "in-doubt";
    case KC_STATE_COMPLETED:
        return "completed";
    case KC_STATE_DECLINED:
        return "declined";
    case KC_STATE_NOT_COMPLETED:
        return "not-completed";
    case KC_STATE_REFUSED:
        return "refused";
    }
    return "?";
}

static bool show_transaction(void *owner, const struct kc_transaction_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    begin_object(desk, &json);
    show_number(desk, &json, "transaction", row->time_ms);
    show_text(desk, &json, "kind", kc_bank_kind_word(row->kind));
    show_text(desk, &json, "state", state_word(row));
    show_amount(desk, &json, "amount", row->amount);
    show_text(desk, &json, "reason", kc_error_name(row->reason));
    if (row->other.number != 0) {
        bool purse = row->kind == KC_TRANSACTION_TRANSFER_PURSE;
        show_text(desk, &json, "from", purse ? "purse" : "account");
        show_number(desk, &json, "to", row->other.number);
    }
    end_object(desk, &json);
    return true;
}

/* Which side's chain is counted up to the payment. */
static const char *counted_word(const struct kc_payment_row *row)
{
    return row->payer_counted ? (row->payee_counted ? "both" : "payer")
                              : (row->payee_counted ? "payee" : "neither");
}

static bool show_payment(void *owner, const struct kc_payment_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    char digest[2 * KC_DIGEST_SIZE + 1];
    kc_hex_write(digest, kc_view(row->digest, KC_DIGEST_SIZE));
    begin_object(desk, &json);
    show_text(desk, &json, "payment", digest);
    show_text(desk, &json, "state", kc_bank_payment_state_word(row->state));
    show_number(desk, &json, "payer", row->payer.number);
    show_number(desk, &json, "payer_counter", row->payer_counter);
    show_number(desk, &json, "payee", row->payee.number);
    show_number(desk, &json, "payee_counter", row->payee_counter);
    show_amount(desk, &json, "amount", row->amount);
    show_time(desk, &json, "time", row->time_ms);
    show_text(desk, &json, "counted", counted_word(row));
    show_text(desk, &json, "reason", kc_error_name(row->reason));
    end_object(desk, &json);
    return true;
}

/* What the purse lost of its history, and what nobody has shown of it yet. */
static bool show_gap(void *owner, const struct kc_gap_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    begin_object(desk, &json);
    show_number(desk, &json, "gap", row->last);
    show_number(desk, &json, "first", row->first);
    show_text(desk, &json, "state", kc_bank_gap_state_word(row->state));
    show_amount(desk, &json, "in", row->in);
    show_amount(desk, &json, "out", row->out);
    show_amount(desk, &json, "back", row->back);
    show_amount(desk, &json, "unexplained_in", row->unexplained_in);
    show_amount(desk, &json, "unexplained_out", row->unexplained_out);
    show_amount(desk, &json, "unexplained_back", row->unexplained_back);
    show_amount(desk, &json, "inferred_in", row->inferred_in);
    show_amount(desk, &json, "netted", row->netted);
    show_amount(desk, &json, "advance", row->advance);
    show_time(desk, &json, "reported", row->reported_ms);
    show_time(desk, &json, "due", row->due_ms);
    end_object(desk, &json);
    return true;
}

/* What came from a purse that was replaced or went to it, and what a machine took for its owner. */
static bool show_move(void *owner, const struct kc_move_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    bool ruled = row->fee_permille != 0 || !kc_amount_is_zero(row->fee_fixed);
    bool swept = row->kind == KC_MOVE_SWEEP || row->kind == KC_MOVE_FEE || ruled;
    if (row->purse.number != desk->moved && row->other != desk->moved) {
        return true;
    }
    begin_object(desk, &json);
    show_text(desk, &json, "move", kc_bank_move_word(row->kind));
    show_number(desk, &json, "from", row->purse.number);
    show_number(desk, &json, "other", row->other);
    show_amount(desk, &json, "amount", row->amount);
    if (swept) {
        show_amount(desk, &json, "fee_fixed", row->fee_fixed);
        show_number(desk, &json, "fee_permille", row->fee_permille);
    }
    show_time(desk, &json, "time", row->time_ms);
    end_object(desk, &json);
    return true;
}

/* What a machine owed for a sale and its owner paid. */
static bool show_give_back(void *owner, const struct kc_give_back_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    if (row->purse.number != desk->moved && row->owner.number != desk->moved &&
        row->to.number != desk->moved && row->card.number != desk->moved) {
        return true;
    }
    begin_object(desk, &json);
    show_text(desk, &json, "move", "give-back");
    show_number(desk, &json, "machine", row->purse.number);
    show_number(desk, &json, "sale", row->sale);
    show_number(desk, &json, "from", row->owner.number);
    show_number(desk, &json, "other", row->card.number != 0 ? row->card.number : row->to.number);
    show_amount(desk, &json, "amount", row->amount);
    show_time(desk, &json, "time", row->time_ms);
    end_object(desk, &json);
    return true;
}

static struct kc_result show_moves(struct desk *desk, uint64_t number)
{
    const struct kc_store_scan scan = {
        .owner = desk, .move = show_move, .give_back = show_give_back};
    desk->moved = number;
    struct kc_result result = desk->store.scan_moves(desk->store.context, &scan);
    return kc_failed(result) ? result
                             : desk->store.scan_give_backs(desk->store.context, &scan, 0, 0);
}

static struct kc_result show_statement(const struct desk *desk, const char *number)
{
    bool csv = kc_command_value(desk->command, "csv") != NULL;
    return kc_bank_statement(stdout, &desk->store, number,
                             desk->command->json ? KC_STATEMENT_JSON
                             : csv               ? KC_STATEMENT_CSV
                                                 : KC_STATEMENT_TEXT,
                             (unsigned)desk->config.decimals);
}

static struct kc_result show_account(struct desk *desk, const char *number)
{
    if (kc_command_value(desk->command, "statement") != NULL) {
        return show_statement(desk, number);
    }
    struct kc_account_id account;
    const struct kc_account_row *row = &desk->account;
    struct kc_json_out json;
    struct kc_result result = kc_account_parse(&account, number);
    if (kc_failed(result)) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    result = desk->store.account_get(desk->store.context, &desk->account, account.number);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    begin_object(desk, &json);
    show_number(desk, &json, "account", row->account.number);
    show_text(desk, &json, "state", kc_bank_account_state_word(row->state));
    show_number(desk, &json, "purse", row->purse.number);
    show_text(desk, &json, "type", kc_purse_type_word(row->type));
    if (row->owner.number != 0) {
        show_number(desk, &json, "owner", row->owner.number);
    }
    show_text(desk, &json, "name", row->name);
    show_text(desk, &json, "address", row->address);
    show_text(desk, &json, "phone", row->phone);
    show_amount(desk, &json, "balance", row->balance);
    show_text(desk, &json, "bank_account", row->bank_account);
    show_text(desk, &json, "suite", kc_suite_word(row->suite));
    show_time(desk, &json, "created", row->created_ms);
    show_time(desk, &json, "temporary_until", row->temporary_until_ms);
    show_time(desk, &json, "expires", row->expires_ms);
    end_object(desk, &json);
    struct kc_store_scan scan = {.owner = desk, .purse = show_purse};
    result = desk->store.scan_purses(desk->store.context, &scan, account.number);
    if (!kc_failed(result)) {
        result = show_moves(desk, account.number);
    }
    if (!kc_failed(result)) {
        result = kc_charges_show_account(stdout, &desk->store, account, desk->command->json,
                                         &desk->config);
    }
    return kc_failed(result) ? result
                             : kc_closings_show(stdout, &desk->store, account.number,
                                                desk->command->json, &desk->config);
}

static struct kc_result find_purse(struct kc_purse_row *out, struct desk *desk, const char *number)
{
    struct kc_purse_id purse;
    if (kc_failed(kc_purse_parse(&purse, number))) {
        return kc_result(KC_UNKNOWN_PURSE);
    }
    struct kc_result result = desk->store.purse_get(desk->store.context, out, purse.number);
    return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
}

static struct kc_result show_one_purse(struct desk *desk, const char *number)
{
    struct kc_purse_row row;
    struct kc_result result = find_purse(&row, desk, number);
    if (!kc_failed(result)) {
        result = desk->store.account_get(desk->store.context, &desk->account, row.account.number);
    }
    if (kc_failed(result)) {
        return result;
    }
    (void)show_purse(desk, &row);
    struct kc_store_scan scan = {
        .owner = desk, .transaction = show_transaction, .payment = show_payment, .gap = show_gap};
    result = desk->store.scan_transactions(desk->store.context, &scan, row.purse.number);
    if (!kc_failed(result)) {
        result =
            desk->store.scan_paid(desk->store.context, &scan, row.purse.number, 0, KC_AMOUNT_MAX);
    }
    if (!kc_failed(result)) {
        result =
            desk->store.scan_taken(desk->store.context, &scan, row.purse.number, 0, KC_AMOUNT_MAX);
    }
    if (!kc_failed(result)) {
        result = desk->store.scan_gaps(desk->store.context, &scan, row.purse.number);
    }
    return kc_failed(result) ? result : show_moves(desk, row.purse.number);
}

static bool show_alert(void *owner, const struct kc_alert_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    begin_object(desk, &json);
    show_number(desk, &json, "alert", row->id);
    show_number(desk, &json, "purse", row->purse.number);
    show_time(desk, &json, "time", row->time_ms);
    show_text(desk, &json, "reason", kc_error_name(row->reason));
    show_text(desk, &json, "class", kc_risk_is_bearer(&desk->store, row) ? "bearer" : "keyed");
    show_number(desk, &json, "evidence", row->evidence_ms);
    show_digest(desk, &json, "evidence_digest", row->evidence_digest);
    show_number(desk, &json, "against", row->against_ms);
    show_digest(desk, &json, "against_digest", row->against_digest);
    show_number(desk, &json, "counter", row->counter);
    end_object(desk, &json);
    return true;
}

static bool show_evidence_row(void *owner, const struct kc_evidence_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    kc_hex_write(desk->hex, kc_view(row->bytes, row->size));
    begin_object(desk, &json);
    show_number(desk, &json, "purse", row->purse.number);
    show_number(desk, &json, "transaction", row->time_ms);
    show_text(desk, &json, "kind", kc_bank_evidence_word(row->kind));
    show_digest(desk, &json, "digest", row->digest);
    show_text(desk, &json, "bytes", desk->hex);
    end_object(desk, &json);
    return true;
}

/* Every signed message that is kept of a purse. */
static struct kc_result show_messages(struct desk *desk, const char *number)
{
    struct kc_purse_row row;
    struct kc_store_scan scan = {.owner = desk, .evidence = show_evidence_row};
    struct kc_result result = find_purse(&row, desk, number);
    if (kc_failed(result)) {
        return result;
    }
    desk->hex = malloc(2 * KC_MESSAGE_SIZE_MAX + 1);
    result = desk->hex == NULL
                 ? kc_result(KC_NO_MEMORY)
                 : desk->store.scan_evidence(desk->store.context, &scan, row.purse.number);
    free(desk->hex);
    desk->hex = NULL;
    return result;
}

/* ---- evidence files ---- */

static void show_proof(struct desk *desk, const struct kc_proof *proof, const char *path)
{
    struct kc_json_out json;
    const struct kc_evidence_finding *finding = &proof->finding;
    begin_object(desk, &json);
    show_number(desk, &json, "alert", proof->alert.id);
    show_number(desk, &json, "account", proof->account.number);
    show_number(desk, &json, "purse", proof->alert.purse.number);
    show_text(desk, &json, "reason", kc_error_name(proof->alert.reason));
    show_text(desk, &json, "rule", kc_proof_rule_word((uint64_t)finding->rule));
    show_text(desk, &json, "words", kc_evidence_rule_words(finding->rule));
    show_number(desk, &json, "counter", finding->counter);
    show_text(desk, &json, "file", path);
    show_number(desk, &json, "size", proof->size);
    end_object(desk, &json);
}

static struct kc_result load_prover(struct kc_prover *out, struct kc_bank_keys *keys,
                                    const struct desk *desk)
{
    *out = (struct kc_prover){.store = &desk->store,
                              .crypto = &desk->crypto,
                              .realm = desk->realm,
                              .decimals = desk->config.decimals,
                              .keys = keys};
    return kc_bank_keys_open(keys, &desk->crypto, &desk->realm, desk->folder, &desk->config.keys,
                             true);
}

/* All that is read is of one moment, also beside a running bank. */
static struct kc_result prove(struct desk *desk, struct kc_proof *proof)
{
    struct kc_prover prover;
    struct kc_bank_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    struct kc_result result = load_prover(&prover, keys, desk);
    if (!kc_failed(result)) {
        result = desk->store.begin(desk->store.context);
    }
    if (!kc_failed(result)) {
        result = kc_bank_prove(proof, &prover, kc_clock_now_ms());
        desk->store.rollback(desk->store.context);
    }
    kc_bank_keys_close(keys);
    free(keys);
    return result;
}

/* It holds personal data: only its owner reads the file. */
static struct kc_result export_proof(struct desk *desk, struct kc_proof *proof)
{
    char path[64];
    const char *out = kc_command_value(desk->command, "out");
    (void)snprintf(path, sizeof path, "evidence-%" PRIu64 ".kce", proof->alert.id);
    struct kc_result result = prove(desk, proof);
    if (!kc_failed(result)) {
        result = kc_file_write(out == NULL ? path : out, kc_view(proof->bytes, proof->size), 0600);
        desk->detail = kc_failed(result) ? out : NULL;
    }
    if (!kc_failed(result)) {
        show_proof(desk, proof, out == NULL ? path : out);
    }
    return result;
}

/* An alert's number has a file; a purse's number, which is far above all alerts', the list of what is kept. */
static struct kc_result show_evidence(struct desk *desk, const char *text)
{
    char *end = NULL;
    struct kc_result result = kc_result(KC_NOT_FOUND);
    struct kc_proof *proof = calloc(1, sizeof *proof);
    if (proof == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    if (text[0] >= '1' && text[0] <= '9' && strlen(text) < 19) {
        uint64_t number = strtoull(text, &end, 10);
        result = *end == '\0' ? kc_bank_find_alert(&proof->alert, &desk->store, number) : result;
    }
    if (!kc_failed(result)) {
        result = export_proof(desk, proof);
    } else if (result.code == KC_NOT_FOUND) {
        bool file = kc_command_value(desk->command, "out") != NULL;
        result = file ? result : show_messages(desk, text);
        desk->detail = "no alert has this number, nor a purse; 'kinchaku-bank alerts' lists them";
    }
    free(proof);
    return result;
}

static void show_totals(struct desk *desk, struct kc_json_out *json,
                        const struct kc_totals_row *totals)
{
    show_amount(desk, json, "outside", totals->outside);
    show_amount(desk, json, "accounts_total", totals->accounts);
    show_amount(desk, json, "shadows_total", totals->shadows);
    show_amount(desk, json, "in_flight", totals->in_flight);
    show_amount(desk, json, "fees", totals->fees);
    show_amount(desk, json, "claims", totals->claims);
}

static void show_risk(struct desk *desk, struct kc_json_out *json, const struct kc_risk *risk)
{
    show_number(desk, json, "bearer_alerts", risk->alerts);
    show_number(desk, json, "bearer_takings", risk->takings);
    show_amount(desk, json, "bearer_lost", risk->lost);
}

static void print_fault(void *owner, const char *what)
{
    (void)owner;
    (void)fprintf(stderr, "kinchaku-bank: audit: %s\n", what);
}

static bool verify(void *owner, const struct kc_evidence_row *row, struct kc_account_id account)
{
    const struct desk *desk = owner;
    const struct kc_evidence_verifier by = {
        .store = &desk->store, .crypto = &desk->crypto, .realm = &desk->realm};
    return kc_bank_verify_evidence(&by, row, account);
}

static bool verify_order(void *owner, struct kc_view order, struct kc_account_id payer)
{
    const struct desk *desk = owner;
    const struct kc_evidence_verifier by = {
        .store = &desk->store, .crypto = &desk->crypto, .realm = &desk->realm};
    return kc_bank_verify_order(&by, order, payer);
}

static struct kc_result run_audit(struct desk *desk, const char *unused)
{
    struct kc_audit audit = {
        .owner = desk, .fault = print_fault, .verify = verify, .verify_order = verify_order};
    struct kc_json_out json;
    struct kc_risk risk = {.alerts = 0};
    uint64_t owed = 0;
    (void)unused;
    struct kc_result result = desk->store.begin(desk->store.context);
    if (!kc_failed(result)) {
        result = kc_risk_bearer(&risk, &desk->store);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_endings_owed(&owed, &desk->store);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_audit(&audit, &desk->store, &desk->crypto);
    }
    desk->store.rollback(desk->store.context);
    if (kc_failed(result) && audit.faults == 0) {
        return result;
    }
    begin_object(desk, &json);
    show_text(desk, &json, "audit", audit.faults == 0 ? "good" : "faults");
    show_number(desk, &json, "faults", audit.faults);
    show_number(desk, &json, "accounts", audit.accounts);
    show_number(desk, &json, "purses", audit.purses);
    show_number(desk, &json, "transactions", audit.transactions);
    show_number(desk, &json, "postings", audit.postings);
    show_number(desk, &json, "batches", audit.batches);
    show_number(desk, &json, "evidence", audit.evidence);
    show_number(desk, &json, "payments", audit.payments);
    show_number(desk, &json, "records", audit.records);
    show_totals(desk, &json, &audit.totals);
    show_risk(desk, &json, &risk);
    show_number(desk, &json, "revocations_owed", owed);
    end_object(desk, &json);
    return result;
}

/* Of the fees, what accounts paid for being kept. */
static void show_charges_sum(struct desk *desk, struct kc_json_out *json,
                             const struct kc_charges *charges)
{
    show_amount(desk, json, "charges", charges->taken);
    show_number(desk, json, "charges_notified", charges->notified);
    show_number(desk, json, "charges_in_grace", charges->grace);
    show_number(desk, json, "charges_suspended", charges->suspended);
}

static struct kc_result show_stats(struct desk *desk, const char *unused)
{
    struct kc_totals_row totals;
    struct kc_batch_row batch = {.id = 0};
    struct kc_json_out json;
    struct kc_risk risk;
    struct kc_charges charges;
    (void)unused;
    struct kc_result result = desk->store.totals_get(desk->store.context, &totals);
    if (!kc_failed(result)) {
        result = desk->store.batch_last(desk->store.context, &batch);
    }
    if (!kc_failed(result) || result.code == KC_NOT_FOUND) {
        result = kc_risk_bearer(&risk, &desk->store);
    }
    if (!kc_failed(result)) {
        result = kc_charges_sum(&charges, &desk->store);
    }
    if (kc_failed(result)) {
        return result;
    }
    begin_object(desk, &json);
    show_totals(desk, &json, &totals);
    show_risk(desk, &json, &risk);
    show_charges_sum(desk, &json, &charges);
    show_number(desk, &json, "postings", totals.next_posting - 1);
    show_number(desk, &json, "last_batch", batch.id);
    end_object(desk, &json);
    return kc_ok();
}

static struct kc_result show_alerts(struct desk *desk, const char *unused)
{
    struct kc_store_scan scan = {.owner = desk, .alert = show_alert};
    (void)unused;
    return desk->store.scan_alerts(desk->store.context, &scan);
}

/* Newest first. */
static bool show_listed(void *owner, const struct kc_hotlist_row *row)
{
    struct desk *desk = owner;
    struct kc_json_out json;
    begin_object(desk, &json);
    show_number(desk, &json, "version", row->version);
    show_number(desk, &json, "purse", row->purse.number);
    show_time(desk, &json, "time", row->time_ms);
    show_text(desk, &json, "reason", row->reason != KC_OK ? kc_error_name(row->reason) : "?");
    show_time(desk, &json, "ends", row->ends_ms);
    end_object(desk, &json);
    return true;
}

static struct kc_result show_hotlist(struct desk *desk, const char *unused)
{
    struct kc_store_scan scan = {.owner = desk, .hotlist = show_listed};
    (void)unused;
    return desk->store.scan_hotlist(desk->store.context, &scan);
}

/* ---- orders to the running bank ---- */

static struct kc_result post_policy(const struct desk *desk, const char *number, const char *word)
{
    char body[96];
    (void)snprintf(body, sizeof body, "{\"purse\": \"%s\", \"log-policy\": \"%s\"}", number, word);
    return kc_bank_order(&desk->config, desk->folder, "/v1/admin/log-policy", body);
}

static const char *why_no_keys(const struct desk *desk, enum kc_error error)
{
    bool cmp = kc_cmp_place_speaks(&desk->config.authority);
    if (error == KC_PENDING) {
        return "the holder's own renewal is under way; it ends with the holder's next 'renew' at "
               "the station";
    }
    return error == KC_NOT_ALLOWED && cmp ? "the authority is asked by CMP and makes no keys"
                                          : NULL;
}

/* Orders new keys of the authority for the purse of an account. */
static struct kc_result renew(struct desk *desk, const char *number)
{
    char body[64];
    struct kc_json_out json;
    struct kc_account_id id;
    if (kc_failed(kc_account_parse(&id, number))) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    (void)snprintf(body, sizeof body, "{\"account\": \"%s\"}", number);
    struct kc_result result = kc_bank_order(&desk->config, desk->folder, "/v1/admin/keys", body);
    if (!kc_failed(result)) {
        begin_object(desk, &json);
        show_text(desk, &json, "result", "ordered");
        end_object(desk, &json);
    }
    desk->detail = why_no_keys(desk, result.code);
    return result;
}

static struct kc_result show_charges(struct desk *desk, const char *unused)
{
    (void)unused;
    return kc_charges_show(stdout, &desk->store, desk->command->json, &desk->config);
}

/* Shows an account, after the clerk's word on its charge if there is one. */
static struct kc_result account(struct desk *desk, const char *number)
{
    char body[96];
    struct kc_account_id id;
    enum kc_charge_source source;
    const char *word = kc_command_value(desk->command, "charge");
    if (word == NULL) {
        return show_account(desk, number);
    }
    if (!kc_charge_word_take(&source, word)) {
        return kc_result(KC_USAGE);
    }
    if (kc_failed(kc_account_parse(&id, number))) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    (void)snprintf(body, sizeof body, "{\"account\": \"%s\", \"charge\": \"%s\"}", number, word);
    struct kc_result result = kc_bank_order(&desk->config, desk->folder, "/v1/admin/charge", body);
    return kc_failed(result) ? result : show_account(desk, number);
}

/* Shows a purse, after the order if one is given. */
static struct kc_result purse(struct desk *desk, const char *number)
{
    enum kc_log_policy policy;
    struct kc_purse_id id;
    const char *word = kc_command_value(desk->command, "log-policy");
    if (word != NULL && !kc_log_policy_take(&policy, word)) {
        return kc_result(KC_USAGE);
    }
    if (kc_failed(kc_purse_parse(&id, number))) {
        return kc_result(KC_UNKNOWN_PURSE);
    }
    struct kc_result result = word == NULL ? kc_ok() : post_policy(desk, number, word);
    return kc_failed(result) ? result : show_one_purse(desk, number);
}

static struct kc_result show_closings(struct desk *desk, const char *unused)
{
    (void)unused;
    return kc_closings_show(stdout, &desk->store, 0, desk->command->json, &desk->config);
}

/* Closes an account, whatever its purse holds, and shows it. */
static struct kc_result close_account(struct desk *desk, const char *number)
{
    char body[64];
    struct kc_account_id id;
    if (kc_failed(kc_account_parse(&id, number))) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    (void)snprintf(body, sizeof body, "{\"account\": \"%s\"}", number);
    struct kc_result result = kc_bank_order(&desk->config, desk->folder, "/v1/admin/close", body);
    return kc_failed(result) ? result : show_account(desk, number);
}

struct verb {
    const char *name;
    bool takes_number; /* of an account, purse or alert */
    struct kc_result (*run)(struct desk *desk, const char *argument);
};

static const struct verb verbs[] = {
    {"account", true, account},       {"purse", true, purse},
    {"alerts", false, show_alerts},   {"evidence", true, show_evidence},
    {"audit", false, run_audit},      {"stats", false, show_stats},
    {"hotlist", false, show_hotlist}, {"charges", false, show_charges},
    {"close", true, close_account},   {"closings", false, show_closings},
    {"renew", true, renew},
};

static struct kc_result open_desk(struct desk *desk, const char *dir)
{
    char *folder = desk->folder;
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_bank_config_open(&desk->config, folder, dir);
    if (!kc_failed(result)) {
        result = kc_realm_set(&desk->realm, desk->config.id, desk->config.currency);
        result = kc_failed(result) ? kc_result(KC_CONFIG_INVALID) : result;
    }
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&desk->crypto, 8);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "bank.db", NULL);
    }
    return kc_failed(result) ? result : kc_sqlite_open(&desk->store, path, false, 0);
}

static bool is_digits(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

int kc_bank_admin(const struct kc_command *command, const char *dir)
{
    struct desk desk = {.command = command};
    const char *name = command->arguments[0];
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) != 0) {
            continue;
        }
        if (command->argument_count != (verbs[i].takes_number ? 2u : 1u)) {
            return kc_command_usage(command, "wrong number of arguments");
        }
        if (verbs[i].takes_number && !is_digits(command->arguments[1])) {
            return kc_command_usage(command, "what comes after this command is a number");
        }
        if (kc_command_value(command, "out") != NULL && verbs[i].run != show_evidence) {
            return kc_command_usage(command, "--out belongs to evidence");
        }
        if (kc_command_value(command, "log-policy") != NULL && strcmp(name, "purse") != 0) {
            return kc_command_usage(command, "--log-policy is for purse");
        }
        if (kc_command_value(command, "charge") != NULL && verbs[i].run != account) {
            return kc_command_usage(command, "--charge is for account");
        }
        bool statement = kc_command_value(command, "statement") != NULL;
        bool csv = kc_command_value(command, "csv") != NULL;
        if ((statement && verbs[i].run != account) || (csv && (!statement || command->json))) {
            return kc_command_usage(command, "--statement is for account, --csv for --statement");
        }
        struct kc_result result = open_desk(&desk, dir);
        if (!kc_failed(result)) {
            result = verbs[i].run(&desk, command->arguments[1]);
        }
        kc_sqlite_close(&desk.store);
        kc_libcrypto_close(&desk.crypto);
        if (result.code == KC_USAGE) {
            return verbs[i].run == account
                       ? kc_command_usage_of(command, "charge",
                                             "account, ordinary, included or paid")
                       : kc_command_usage_of(command, "log-policy", "refuse, overwrite or report");
        }
        bool none = result.code == KC_UNKNOWN_ACCOUNT || result.code == KC_UNKNOWN_PURSE;
        const char *words = none && verbs[i].takes_number ? command->arguments[1] : name;
        words = desk.detail == NULL ? words : desk.detail;
        return kc_failed(result) ? kc_command_fail(command, result, words) : 0;
    }
    return kc_command_usage(command, "this command is not known");
}
