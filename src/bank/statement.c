#include "bank/statement.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/ledger.h"
#include "service/json_out.h"

#define PARTNER_SIZE (KC_BANK_ACCOUNT_SIZE_MAX + KC_ID_TEXT_SIZE)

struct statement {
    FILE *out;
    const struct kc_store *store;
    enum kc_statement_form form;
    unsigned decimals;
    struct kc_account_row account;
    struct kc_amount balance; /* after the postings so far */
    struct kc_result result;
};

/* One posting as its account sees it. */
struct line {
    uint64_t posting;
    const char *kind;
    bool in;
    char partner[PARTNER_SIZE];
    char name[KC_NAME_SIZE_MAX + 1];
    char offer[2 * KC_DIGEST_SIZE + 1]; /* of a machine, that a transfer paid for; else empty */
    char time[KC_CLOCK_TEXT_SIZE];
    char amount[KC_AMOUNT_TEXT_SIZE + 1]; /* with its sign */
    char balance[KC_AMOUNT_TEXT_SIZE];
};

/* ---- who the partner is ---- */

static void name_number(struct line *line, uint64_t number)
{
    (void)snprintf(line->partner, sizeof line->partner, "%" PRIu64, number);
}

static struct kc_result name_account(struct line *line, const struct statement *statement,
                                     struct kc_account_id account)
{
    struct kc_account_row row;
    struct kc_result result =
        statement->store->account_get(statement->store->context, &row, account.number);
    if (!kc_failed(result)) {
        name_number(line, account.number);
        memcpy(line->name, row.name, sizeof row.name);
    }
    return result;
}

/* The payer of what came in, the receiver of what went out. */
static struct kc_result name_transfer(struct line *line, const struct statement *statement,
                                      const struct kc_transaction_row *transaction)
{
    struct kc_purse_row purse;
    if (!line->in) {
        return name_account(line, statement, transaction->other);
    }
    struct kc_result result =
        statement->store->purse_get(statement->store->context, &purse, transaction->purse.number);
    return kc_failed(result) ? result : name_account(line, statement, purse.account);
}

static struct kc_result describe(struct line *line, const struct statement *statement,
                                 const struct kc_transaction_row *transaction)
{
    name_number(line, transaction->purse.number);
    switch (transaction->kind) {
    case KC_TRANSACTION_WITHDRAW:
        line->kind = "withdraw";
        return kc_ok();
    case KC_TRANSACTION_DEPOSIT:
        line->kind = "deposit";
        return kc_ok();
    case KC_TRANSACTION_FUND:
    case KC_TRANSACTION_REDEEM:
        line->kind = transaction->kind == KC_TRANSACTION_FUND ? "fund"
                     : line->in                               ? "redeem-refused"
                                                              : "redeem";
        (void)snprintf(line->partner, sizeof line->partner, "%s", statement->account.bank_account);
        return kc_ok();
    case KC_TRANSACTION_TRANSFER_PURSE:
    case KC_TRANSACTION_TRANSFER_ACCOUNT:
        line->kind = "transfer";
        if (transaction->machine.number != 0) {
            kc_hex_write(line->offer, kc_view(transaction->reference, KC_DIGEST_SIZE));
        }
        return name_transfer(line, statement, transaction);
    }
    return kc_result(KC_STORE_CORRUPT);
}

/* What came from a purse without a transaction: from a machine to its owner, what a machine owed and its owner paid, or what was
 * left of a purse that another one replaced. */
static struct kc_result name_source(struct line *line, const struct statement *statement,
                                    const struct kc_posting_row *posting)
{
    struct kc_purse_row purse;
    struct kc_result result =
        statement->store->purse_get(statement->store->context, &purse, posting->purse.number);
    bool own = posting->debit == posting->purse.number || posting->credit == posting->purse.number;
    if (!kc_failed(result) && purse.type == KC_PURSE_TYPE_MACHINE && !own) {
        line->kind = "give-back";
        return line->in ? name_account(line, statement, (struct kc_account_id){posting->debit})
                        : kc_ok();
    }
    bool swept = !kc_failed(result) && purse.type == KC_PURSE_TYPE_MACHINE && line->in &&
                 purse.account.number != statement->account.account.number;
    line->kind = swept ? "sweep" : "reissue";
    return result;
}

/* What went to the bank's fees: for a machine's takings, or the management charge. */
static struct kc_result name_fee(struct line *line, const struct statement *statement,
                                 const struct kc_posting_row *posting)
{
    struct kc_purse_row purse;
    struct kc_result result =
        statement->store->purse_get(statement->store->context, &purse, posting->purse.number);
    bool charge = !kc_failed(result) && purse.type == KC_PURSE_TYPE_UIM;
    line->kind = charge ? "charge" : "fee";
    return result;
}

/* Of an account that was closed: under way to the ordinary bank. What a machine's owner gives back is under way, too, but its
 * purse is the machine's. */
static bool is_payout(const struct statement *statement, const struct kc_posting_row *posting)
{
    struct kc_purse_row purse;
    bool in_flight = posting->debit == KC_BOOK_IN_FLIGHT || posting->credit == KC_BOOK_IN_FLIGHT;
    return in_flight &&
           !kc_failed(statement->store->purse_get(statement->store->context, &purse,
                                                  posting->purse.number)) &&
           purse.type != KC_PURSE_TYPE_MACHINE;
}

/* What no transaction made: a claim for what a purse owed, a machine's takings and the fee for them, or what a replaced purse
 * left. */
static struct kc_result explain(struct line *line, const struct statement *statement,
                                const struct kc_posting_row *posting)
{
    struct kc_transaction_row transaction;
    const struct kc_store *store = statement->store;
    name_number(line, posting->purse.number);
    if (posting->transaction_ms == 0) {
        line->kind = "claim";
        return kc_ok();
    }
    if (posting->credit == KC_BOOK_FEES) {
        return name_fee(line, statement, posting);
    }
    struct kc_result result = store->transaction_get(
        store->context, &transaction, posting->purse.number, posting->transaction_ms);
    if (result.code == KC_NOT_FOUND && is_payout(statement, posting)) {
        line->kind = line->in ? "payout-refused" : "payout";
        (void)snprintf(line->partner, sizeof line->partner, "%s", statement->account.bank_account);
        return kc_ok();
    }
    if (result.code == KC_NOT_FOUND) {
        return name_source(line, statement, posting);
    }
    return kc_failed(result) ? result : describe(line, statement, &transaction);
}

/* ---- how it is written ---- */

/* Names are what somebody once wrote on a form: nothing in them may move the cursor or end a line. */
static void write_clean(FILE *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        (void)fputc(*at < 0x20 || *at == 0x7f || c1 ? ' ' : *at, out);
        at += c1 ? 1 : 0;
    }
}

/* A cell that begins so would be a formula to a spreadsheet, so an apostrophe goes before it; RFC 4180 otherwise. */
static void write_cell(FILE *out, const char *text)
{
    const char *first = text + strspn(text, " ");
    bool formula = *first != '\0' && strchr("=+-@\t\r\n|%", *first) != NULL;
    (void)fputs(formula ? "\"'" : "\"", out);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"') {
            (void)fputc('"', out);
        }
        (void)fputc((unsigned char)*at < 0x20 || *at == 0x7f ? ' ' : *at, out);
    }
    (void)fputc('"', out);
}

static void write_text(FILE *out, const struct line *line)
{
    (void)fprintf(out, "%-24s  %-14s  %14s  %14s  %s  ", line->time, line->kind, line->amount,
                  line->balance, line->partner);
    write_clean(out, line->name);
    (void)fprintf(out, "%s%s\n", line->offer[0] == '\0' ? "" : "  offer ", line->offer);
}

static void write_csv(FILE *out, const struct line *line)
{
    (void)fprintf(out, "%" PRIu64 ",%s,%s,", line->posting, line->time, line->kind);
    write_cell(out, line->partner);
    (void)fputc(',', out);
    write_cell(out, line->name);
    (void)fprintf(out, ",%s,%s,%s\r\n", line->amount, line->balance, line->offer);
}

static void write_json(FILE *out, const struct line *line)
{
    struct kc_json_out json;
    kc_json_open(&json, out);
    kc_json_number(&json, "posting", line->posting);
    kc_json_text(&json, "time", line->time);
    kc_json_text(&json, "kind", line->kind);
    kc_json_text(&json, "partner", line->partner);
    kc_json_text(&json, "name", line->name);
    kc_json_text(&json, "amount", line->amount);
    kc_json_text(&json, "balance", line->balance);
    if (line->offer[0] != '\0') {
        kc_json_text(&json, "offer", line->offer);
    }
    kc_json_close(&json);
}

static void write_line(const struct statement *statement, const struct line *line)
{
    switch (statement->form) {
    case KC_STATEMENT_TEXT:
        write_text(statement->out, line);
        return;
    case KC_STATEMENT_CSV:
        write_csv(statement->out, line);
        return;
    case KC_STATEMENT_JSON:
        write_json(statement->out, line);
        return;
    }
}

static void write_head(const struct statement *statement)
{
    if (statement->form == KC_STATEMENT_CSV) {
        (void)fputs("posting,time,kind,partner,name,amount,balance,offer\r\n", statement->out);
    } else if (statement->form == KC_STATEMENT_TEXT) {
        (void)fprintf(statement->out, "account %" PRIu64 ", ", statement->account.account.number);
        write_clean(statement->out, statement->account.name);
        (void)fprintf(statement->out, "\n%-24s  %-14s  %14s  %14s  partner\n", "time", "kind",
                      "amount", "balance");
    }
}

/* ---- the journal ---- */

static bool take_posting(void *owner, const struct kc_posting_row *posting)
{
    struct statement *statement = owner;
    uint64_t account = statement->account.account.number;
    struct line line = {.posting = posting->id, .in = posting->credit == account};
    if (!line.in && posting->debit != account) {
        return true;
    }
    struct kc_amount *balance = &statement->balance;
    statement->result = line.in ? kc_amount_add(balance, *balance, posting->amount)
                                : kc_amount_sub(balance, *balance, posting->amount);
    if (!kc_failed(statement->result)) {
        statement->result = explain(&line, statement, posting);
    }
    if (kc_failed(statement->result)) {
        bool damaged =
            statement->result.code == KC_NOT_FOUND || statement->result.code == KC_OVERFLOW;
        statement->result = damaged ? kc_result(KC_STORE_CORRUPT) : statement->result;
        return false;
    }
    kc_clock_format(line.time, posting->time_ms);
    line.amount[0] = line.in ? '+' : '-';
    kc_amount_format(line.amount + 1, posting->amount, statement->decimals);
    kc_amount_format(line.balance, *balance, statement->decimals);
    write_line(statement, &line);
    return ferror(statement->out) == 0;
}

static struct kc_result write_all(struct statement *statement, uint64_t account)
{
    const struct kc_store *store = statement->store;
    const struct kc_store_scan scan = {.owner = statement, .posting = take_posting};
    struct kc_result result = store->account_get(store->context, &statement->account, account);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    write_head(statement);
    result = store->scan_postings(store->context, &scan);
    if (!kc_failed(result)) {
        result = statement->result;
    }
    if (kc_failed(result)) {
        return result;
    }
    if (fflush(statement->out) != 0 || ferror(statement->out) != 0) {
        return kc_result(KC_IO_FAILED);
    }
    bool same = kc_amount_compare(statement->balance, statement->account.balance) == 0;
    return kc_result(same ? KC_OK : KC_STORE_CORRUPT);
}

struct kc_result kc_bank_statement(FILE *out, const struct kc_store *store, const char *account,
                                   enum kc_statement_form form, unsigned decimals)
{
    struct kc_account_id id;
    struct statement statement = {.out = out,
                                  .store = store,
                                  .form = form,
                                  .decimals = decimals,
                                  .balance = kc_amount_zero(),
                                  .result = kc_ok()};
    if (kc_failed(kc_account_parse(&id, account))) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    struct kc_result result = store->begin(store->context);
    if (!kc_failed(result)) {
        result = write_all(&statement, id.number);
        store->rollback(store->context);
    }
    return result;
}
