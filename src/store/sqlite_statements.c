#include "store/sqlite_statements.h"

#include <stddef.h>

#define ACCOUNT_COLUMNS                                                                            \
    "account, state, suite, name, address, phone, bank_account, password_hash, open_id, created, " \
    "temporary_until, expires, balance, purse, type, owner"
#define REISSUE_COLUMNS "purse, id, account, old, suite, temporary_until"
#define PURSE_KEY_COLUMNS "purse, account, signer, expires, sign_key, encrypt_key, pair"
#define RENEWAL_COLUMNS                                                                            \
    "purse, number, account, state, counter, asked, done, old_expires, expires, old_signer, "      \
    "signer, identity_digest, certificate, old_sign_key, sign_key, encrypt_key, old_pair, pair"
#define KEY_OFFER_COLUMNS "purse, account, state, ordered, ready, signer, sign_key, encrypt_key"
#define PURSE_COLUMNS                                                                              \
    "purse, account, type, state, account_at_access, purse_at_access, access, value, value_time, " \
    "sequence, counter, head, counted, counted_digest, last, last_digest, open, paid, received, "  \
    "returned, identity_digest, certified, ahead_in, ahead_out, objected, owed, log_policy, "      \
    "out_reason, out_time, claimed, withheld, withheld_sequence"
#define PAYMENT_COLUMNS                                                                            \
    "payer, payer_counter, digest, state, reason, payee, payee_counter, amount, time, "            \
    "payer_counted, payee_counted, taken, returned, open, told, due, inferred, again"
#define RECORD_COLUMNS                                                                             \
    "purse, counter, kind, state, objection, amount, digest, order_digest, head, shown, "          \
    "shown_digest, bytes"
#define GAP_COLUMNS                                                                                \
    "purse, last, first, state, head_before, head_after, received, paid, returned, "               \
    "unexplained_in, unexplained_out, unexplained_back, inferred_in, given_back, netted, "         \
    "advance, reported, due, told, shown, shown_digest"
#define TRANSACTION_COLUMNS                                                                        \
    "purse, time, kind, state, reason, amount, account_before, purse_before, counter, quoted, "    \
    "expires, request_digest, answer_digest, certified, other, other_purse, machine, reference"
#define GIVE_BACK_COLUMNS                                                                          \
    "purse, sale, counter, owner, receiver, card, amount, time, reference, digest"
#define CHARGING_COLUMNS "account, source, period, due, act"
#define CHARGE_COLUMNS                                                                             \
    "account, period, purse, step, source, amount, due, notified, told, since, suspended, ended, " \
    "attempt, sent, reason"
#define CLOSING_COLUMNS                                                                            \
    "account, purse, closed_by, early, begun, due, closed, act, payouts, revoked"
#define PAYOUT_COLUMNS "account, number, purse, state, amount, ordered, ended, reason"
#define ENDING_COLUMNS "purse, account, number, owed, act, tries, ended, reason"
#define POSTING_COLUMNS "id, batch, debit, credit, amount, purse, transaction_time, time"

/* Keys are chosen so that the paths of every transaction need no secondary index; the partial indexes hold only the
 * few rows that wait for something. The long rows, records and evidence, lie in the order in which they came, beside
 * their keys: a batch fills pages at the end instead of splitting one for each purse, and no row fills the upper pages
 * of a tree. */
const char *const kc_sqlite_schema[] = {
    "CREATE TABLE accounts (account INTEGER PRIMARY KEY, state INTEGER NOT NULL,"
    " suite INTEGER NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, phone TEXT NOT NULL,"
    " bank_account TEXT NOT NULL, password_hash TEXT NOT NULL, open_id BLOB NOT NULL,"
    " created INTEGER NOT NULL, temporary_until INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " balance INTEGER NOT NULL CHECK (balance >= 0), purse INTEGER NOT NULL,"
    " type INTEGER NOT NULL, owner INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX accounts_open_id ON accounts (open_id);"
    "CREATE INDEX accounts_temporary ON accounts (temporary_until) WHERE state = 1;"
    "CREATE TABLE purses (purse INTEGER PRIMARY KEY, account INTEGER NOT NULL,"
    " type INTEGER NOT NULL, state INTEGER NOT NULL, account_at_access INTEGER NOT NULL,"
    " purse_at_access INTEGER NOT NULL, access INTEGER NOT NULL,"
    " value INTEGER NOT NULL CHECK (value >= 0), value_time INTEGER NOT NULL,"
    " sequence INTEGER NOT NULL, counter INTEGER NOT NULL, head BLOB NOT NULL,"
    " counted INTEGER NOT NULL, counted_digest BLOB NOT NULL,"
    " last INTEGER NOT NULL, last_digest BLOB NOT NULL, open INTEGER NOT NULL,"
    " paid INTEGER NOT NULL, received INTEGER NOT NULL, returned INTEGER NOT NULL,"
    " identity_digest BLOB NOT NULL, certified BLOB NOT NULL,"
    " ahead_in INTEGER NOT NULL CHECK (ahead_in >= 0),"
    " ahead_out INTEGER NOT NULL CHECK (ahead_out >= 0), objected INTEGER NOT NULL,"
    " owed INTEGER NOT NULL, log_policy INTEGER NOT NULL, out_reason INTEGER NOT NULL,"
    " out_time INTEGER NOT NULL, claimed INTEGER NOT NULL, withheld INTEGER NOT NULL,"
    " withheld_sequence INTEGER NOT NULL) STRICT;"
    "CREATE TABLE payments (payer INTEGER NOT NULL, payer_counter INTEGER NOT NULL,"
    " digest BLOB NOT NULL, state INTEGER NOT NULL, reason INTEGER NOT NULL,"
    " payee INTEGER NOT NULL, payee_counter INTEGER NOT NULL, amount INTEGER NOT NULL,"
    " time INTEGER NOT NULL, payer_counted INTEGER NOT NULL, payee_counted INTEGER NOT NULL,"
    " taken INTEGER NOT NULL, returned INTEGER NOT NULL, open INTEGER NOT NULL,"
    " told INTEGER NOT NULL, due INTEGER NOT NULL, inferred INTEGER NOT NULL,"
    " again INTEGER NOT NULL,"
    " PRIMARY KEY (payer, payer_counter, digest)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX payments_payee ON payments (payee, payee_counter);"
    "CREATE INDEX payments_open ON payments (payer, told, payer_counter) WHERE open = 1;"
    "CREATE INDEX payments_due ON payments (due) WHERE state = 1;"
    "CREATE TABLE records (purse INTEGER NOT NULL, counter INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, objection INTEGER NOT NULL,"
    " amount INTEGER NOT NULL, digest BLOB NOT NULL, order_digest BLOB NOT NULL,"
    " head BLOB NOT NULL, shown INTEGER NOT NULL, shown_digest BLOB NOT NULL,"
    " bytes BLOB NOT NULL, PRIMARY KEY (purse, counter)) STRICT;",
    "CREATE TABLE gaps (purse INTEGER NOT NULL, last INTEGER NOT NULL, first INTEGER NOT NULL,"
    " state INTEGER NOT NULL, head_before BLOB NOT NULL, head_after BLOB NOT NULL,"
    " received INTEGER NOT NULL, paid INTEGER NOT NULL, returned INTEGER NOT NULL,"
    " unexplained_in INTEGER NOT NULL, unexplained_out INTEGER NOT NULL,"
    " unexplained_back INTEGER NOT NULL, inferred_in INTEGER NOT NULL,"
    " given_back INTEGER NOT NULL, netted INTEGER NOT NULL, advance INTEGER NOT NULL,"
    " reported INTEGER NOT NULL, due INTEGER NOT NULL, told INTEGER NOT NULL,"
    " shown INTEGER NOT NULL, shown_digest BLOB NOT NULL, PRIMARY KEY (purse, last)) STRICT,"
    " WITHOUT ROWID;"
    "CREATE INDEX gaps_open ON gaps (purse, last) WHERE state IN (1, 2);"
    "CREATE INDEX gaps_due ON gaps (due) WHERE state = 1;"
    "CREATE TABLE transactions (purse INTEGER NOT NULL, time INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, reason INTEGER NOT NULL,"
    " amount INTEGER NOT NULL, account_before INTEGER NOT NULL, purse_before INTEGER NOT NULL,"
    " counter INTEGER NOT NULL, quoted INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " request_digest BLOB NOT NULL, answer_digest BLOB NOT NULL, certified BLOB NOT NULL,"
    " other INTEGER NOT NULL, other_purse INTEGER NOT NULL, machine INTEGER NOT NULL,"
    " reference BLOB NOT NULL, PRIMARY KEY (purse, time)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX transactions_reference ON transactions (reference)"
    " WHERE state = 3 AND machine > 0;"
    "CREATE INDEX transactions_late ON transactions (expires) WHERE state = 1;"
    "CREATE INDEX transactions_sent ON transactions (purse) WHERE state = 2;"
    "CREATE TABLE journal (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL,"
    " debit INTEGER NOT NULL, credit INTEGER NOT NULL, amount INTEGER NOT NULL,"
    " purse INTEGER NOT NULL, transaction_time INTEGER NOT NULL, time INTEGER NOT NULL) STRICT;"
    "CREATE TABLE batches (id INTEGER PRIMARY KEY, last_posting INTEGER NOT NULL,"
    " chain BLOB NOT NULL) STRICT;"
    "CREATE TABLE totals (one INTEGER PRIMARY KEY CHECK (one = 1),"
    " next_account INTEGER NOT NULL, next_posting INTEGER NOT NULL, outside INTEGER NOT NULL,"
    " accounts INTEGER NOT NULL, shadows INTEGER NOT NULL, in_flight INTEGER NOT NULL,"
    " fees INTEGER NOT NULL, claims INTEGER NOT NULL) STRICT;"
    "INSERT INTO totals VALUES (1, 1000000, 1, 0, 0, 0, 0, 0, 0);"
    "CREATE TABLE alerts (id INTEGER PRIMARY KEY, purse INTEGER NOT NULL,"
    " time INTEGER NOT NULL, reason INTEGER NOT NULL, evidence INTEGER NOT NULL,"
    " evidence_digest BLOB NOT NULL, against INTEGER NOT NULL,"
    " against_digest BLOB NOT NULL, counter INTEGER NOT NULL) STRICT;"
    "CREATE TABLE evidence (purse INTEGER NOT NULL, time INTEGER NOT NULL,"
    " digest BLOB NOT NULL, kind INTEGER NOT NULL, bytes BLOB NOT NULL,"
    " PRIMARY KEY (purse, time, digest)) STRICT;"
    "CREATE TABLE signers (signer BLOB PRIMARY KEY, key BLOB NOT NULL) STRICT,"
    " WITHOUT ROWID;",
    "CREATE TABLE hotlist (version INTEGER PRIMARY KEY,"
    " purse INTEGER NOT NULL UNIQUE, time INTEGER NOT NULL) STRICT;"
    "CREATE TABLE reissues (purse INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " account INTEGER NOT NULL, old INTEGER NOT NULL, suite INTEGER NOT NULL,"
    " temporary_until INTEGER NOT NULL) STRICT;"
    "CREATE INDEX reissues_account ON reissues (account, purse);"
    "CREATE TABLE purse_keys (purse INTEGER PRIMARY KEY, account INTEGER NOT NULL,"
    " signer BLOB NOT NULL UNIQUE, expires INTEGER NOT NULL, sign_key BLOB NOT NULL,"
    " encrypt_key BLOB NOT NULL, pair BLOB NOT NULL) STRICT;"
    "CREATE TABLE moves (id INTEGER PRIMARY KEY, purse INTEGER NOT NULL, other INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),"
    " fixed INTEGER NOT NULL, permille INTEGER NOT NULL CHECK (permille BETWEEN 0 AND 1000),"
    " time INTEGER NOT NULL) STRICT;"
    "CREATE TABLE give_backs (purse INTEGER NOT NULL, sale INTEGER NOT NULL,"
    " counter INTEGER NOT NULL, owner INTEGER NOT NULL, receiver INTEGER NOT NULL,"
    " card INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), time INTEGER NOT NULL,"
    " reference BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (purse, sale)) STRICT;",
    "CREATE TABLE charging (account INTEGER PRIMARY KEY, source INTEGER NOT NULL,"
    " period INTEGER NOT NULL, due INTEGER NOT NULL, act INTEGER NOT NULL) STRICT;"
    "CREATE INDEX charging_act ON charging (act, account);"
    "CREATE TABLE charges (account INTEGER NOT NULL, period INTEGER NOT NULL,"
    " purse INTEGER NOT NULL, step INTEGER NOT NULL, source INTEGER NOT NULL,"
    " amount INTEGER NOT NULL CHECK (amount > 0), due INTEGER NOT NULL,"
    " notified INTEGER NOT NULL, told INTEGER NOT NULL, since INTEGER NOT NULL,"
    " suspended INTEGER NOT NULL,"
    " ended INTEGER NOT NULL, attempt INTEGER NOT NULL, sent INTEGER NOT NULL,"
    " reason INTEGER NOT NULL, PRIMARY KEY (account, period)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX charges_sent ON charges (account) WHERE sent = 1;",
    "CREATE TABLE closings (account INTEGER PRIMARY KEY, purse INTEGER NOT NULL,"
    " closed_by INTEGER NOT NULL, early INTEGER NOT NULL, begun INTEGER NOT NULL,"
    " due INTEGER NOT NULL, closed INTEGER NOT NULL, act INTEGER NOT NULL,"
    " payouts INTEGER NOT NULL, revoked INTEGER NOT NULL) STRICT;"
    "CREATE INDEX closings_unrevoked ON closings (account) WHERE revoked = 0;"
    "CREATE INDEX closings_act ON closings (act, account);"
    "CREATE TABLE payouts (account INTEGER NOT NULL, number INTEGER NOT NULL,"
    " purse INTEGER NOT NULL, state INTEGER NOT NULL,"
    " amount INTEGER NOT NULL CHECK (amount > 0), ordered INTEGER NOT NULL,"
    " ended INTEGER NOT NULL, reason INTEGER NOT NULL,"
    " PRIMARY KEY (account, number)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX payouts_sent ON payouts (account) WHERE state = 1;"
    "CREATE INDEX accounts_owner ON accounts (owner) WHERE owner > 0;",
    "CREATE TABLE renewals (purse INTEGER NOT NULL, number INTEGER NOT NULL,"
    " account INTEGER NOT NULL, state INTEGER NOT NULL, counter INTEGER NOT NULL,"
    " asked INTEGER NOT NULL, done INTEGER NOT NULL, old_expires INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, old_signer BLOB NOT NULL, signer BLOB NOT NULL,"
    " identity_digest BLOB NOT NULL, certificate BLOB NOT NULL, old_sign_key BLOB NOT NULL,"
    " sign_key BLOB NOT NULL, encrypt_key BLOB NOT NULL, old_pair BLOB NOT NULL,"
    " pair BLOB NOT NULL, PRIMARY KEY (purse, number)) STRICT;"
    "CREATE INDEX renewals_old_signer ON renewals (old_signer);"
    "CREATE INDEX renewals_signer ON renewals (signer);"
    "CREATE INDEX renewals_due ON renewals (purse) WHERE state = 3;"
    "CREATE TABLE key_offers (purse INTEGER PRIMARY KEY, account INTEGER NOT NULL,"
    " state INTEGER NOT NULL, ordered INTEGER NOT NULL, ready INTEGER NOT NULL,"
    " signer BLOB NOT NULL, sign_key BLOB NOT NULL, encrypt_key BLOB NOT NULL) STRICT;"
    "CREATE INDEX key_offers_due ON key_offers (purse) WHERE state = 1;"
    "CREATE INDEX purse_keys_expires ON purse_keys (expires, purse);"
    "CREATE TABLE endings (purse INTEGER PRIMARY KEY, account INTEGER NOT NULL,"
    " number INTEGER NOT NULL, owed INTEGER NOT NULL, act INTEGER NOT NULL,"
    " tries INTEGER NOT NULL, ended INTEGER NOT NULL, reason INTEGER NOT NULL) STRICT;"
    "CREATE INDEX endings_act ON endings (act, purse);",
    NULL};

const char *const kc_sqlite_statements[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_ACCOUNT_GET] = "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE account = ?",
    [STATEMENT_ACCOUNT_BY_OPEN_ID] = "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE open_id = ?",
    [STATEMENT_ACCOUNT_PUT] =
        "INSERT INTO accounts (" ACCOUNT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (account) DO UPDATE SET state = excluded.state, suite = excluded.suite,"
        " name = excluded.name, address = excluded.address, phone = excluded.phone,"
        " bank_account = excluded.bank_account, password_hash = excluded.password_hash,"
        " open_id = excluded.open_id, created = excluded.created,"
        " temporary_until = excluded.temporary_until, expires = excluded.expires,"
        " balance = excluded.balance, purse = excluded.purse, type = excluded.type,"
        " owner = excluded.owner",
    [STATEMENT_ACCOUNT_BALANCE] = "UPDATE accounts SET balance = ? WHERE account = ?",
    [STATEMENT_PURSE_GET] = "SELECT " PURSE_COLUMNS " FROM purses WHERE purse = ?",
    [STATEMENT_PURSE_PUT] =
        "INSERT OR REPLACE INTO purses (" PURSE_COLUMNS
        ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STATEMENT_PURSE_AHEAD] =
        "UPDATE purses SET state = ?, value = ?, ahead_in = ?, ahead_out = ?, objected = ?,"
        " owed = ?, out_reason = ?, out_time = ? WHERE purse = ?",
    [STATEMENT_PAYMENT_GET] = "SELECT " PAYMENT_COLUMNS " FROM payments"
                              " WHERE payer = ? AND payer_counter = ? AND digest = ?",
    /* What an order says never changes, so that a payment that goes on leaves the index of payees alone. */
    [STATEMENT_PAYMENT_PUT] =
        "INSERT INTO payments (" PAYMENT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (payer, payer_counter, digest) DO UPDATE SET state = excluded.state,"
        " reason = excluded.reason, payer_counted = excluded.payer_counted,"
        " payee_counted = excluded.payee_counted, taken = excluded.taken,"
        " returned = excluded.returned, open = excluded.open, told = excluded.told,"
        " due = excluded.due, inferred = excluded.inferred, again = excluded.again",
    [STATEMENT_RECORD_GET] =
        "SELECT " RECORD_COLUMNS " FROM records WHERE purse = ? AND counter = ?",
    [STATEMENT_RECORD_PUT] =
        "INSERT OR REPLACE INTO records (" RECORD_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
    [STATEMENT_TRANSACTION_GET] =
        "SELECT " TRANSACTION_COLUMNS " FROM transactions WHERE purse = ? AND time = ?",
    [STATEMENT_TRANSACTION_PUT] = "INSERT OR REPLACE INTO transactions (" TRANSACTION_COLUMNS
                                  ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STATEMENT_TRANSACTION_BY_REFERENCE] =
        "SELECT " TRANSACTION_COLUMNS " FROM transactions WHERE state = 3 AND machine > 0"
        " AND reference = ? ORDER BY purse, time LIMIT 1",
    [STATEMENT_POSTING_ADD] = "INSERT INTO journal (" POSTING_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)",
    [STATEMENT_BATCH_ADD] = "INSERT INTO batches (id, last_posting, chain) VALUES (?,?,?)",
    [STATEMENT_BATCH_LAST] = "SELECT id, last_posting, chain FROM batches ORDER BY id DESC LIMIT 1",
    [STATEMENT_TOTALS_GET] = "SELECT next_account, next_posting, outside, accounts, shadows, "
                             "in_flight, fees, claims FROM totals WHERE one = 1",
    [STATEMENT_TOTALS_PUT] =
        "UPDATE totals SET next_account = ?, next_posting = ?, outside = ?, "
        "accounts = ?, shadows = ?, in_flight = ?, fees = ?, claims = ? WHERE one = 1",
    [STATEMENT_ALERT_ADD] = "INSERT INTO alerts (purse, time, reason, evidence, evidence_digest,"
                            " against, against_digest, counter) VALUES (?,?,?,?,?,?,?,?)",
    [STATEMENT_EVIDENCE_ADD] = "INSERT INTO evidence (purse, time, kind, digest, bytes)"
                               " VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
    [STATEMENT_EVIDENCE_FIND] =
        "SELECT kind FROM evidence WHERE purse = ? AND time = ? AND digest = ?",
    [STATEMENT_SIGNER_ADD] =
        "INSERT INTO signers (signer, key) VALUES (?,?) ON CONFLICT DO NOTHING",
    [STATEMENT_SIGNER_GET] = "SELECT signer, key FROM signers WHERE signer = ?",
    [STATEMENT_SIGNER_SCAN] =
        "SELECT signer, key FROM signers WHERE signer BETWEEN ? AND ? ORDER BY signer",
    [STATEMENT_SCAN_ACCOUNTS] = "SELECT " ACCOUNT_COLUMNS " FROM accounts ORDER BY account",
    [STATEMENT_SCAN_TEMPORARY] =
        "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE state = 1 AND temporary_until < ?",
    [STATEMENT_SCAN_PURSES] =
        "SELECT " PURSE_COLUMNS " FROM purses WHERE ?1 = 0 OR account = ?1 ORDER BY purse",
    [STATEMENT_SCAN_TRANSACTIONS] =
        "SELECT " TRANSACTION_COLUMNS
        " FROM transactions WHERE purse BETWEEN ?1 AND ?2 ORDER BY purse, time",
    [STATEMENT_SCAN_LATE] =
        "SELECT " TRANSACTION_COLUMNS " FROM transactions WHERE state = 1 AND expires < ?",
    [STATEMENT_SCAN_SENT] = "SELECT " TRANSACTION_COLUMNS " FROM transactions WHERE state = 2"
                            " AND (purse, time) > (?, ?) ORDER BY purse, time",
    [STATEMENT_SCAN_POSTINGS] = "SELECT " POSTING_COLUMNS " FROM journal ORDER BY id",
    [STATEMENT_SCAN_BATCHES] = "SELECT id, last_posting, chain FROM batches ORDER BY id",
    [STATEMENT_SCAN_ALERTS] = "SELECT id, purse, time, reason, evidence, evidence_digest, against,"
                              " against_digest, counter FROM alerts ORDER BY id",
    [STATEMENT_SCAN_EVIDENCE] =
        "SELECT purse, time, kind, digest, bytes FROM evidence WHERE purse BETWEEN ?1 AND ?2"
        " ORDER BY purse, time, digest",
    [STATEMENT_SCAN_PAYMENTS] =
        "SELECT " PAYMENT_COLUMNS " FROM payments WHERE payer_counter BETWEEN ? AND ?"
        " ORDER BY payer, payer_counter",
    [STATEMENT_SCAN_PAID] = "SELECT " PAYMENT_COLUMNS " FROM payments WHERE payer = ?"
                            " AND payer_counter BETWEEN ? AND ? ORDER BY payer_counter",
    [STATEMENT_SCAN_TAKEN] = "SELECT " PAYMENT_COLUMNS " FROM payments WHERE payee = ?"
                             " AND payee_counter BETWEEN ? AND ? ORDER BY payee_counter, payer",
    [STATEMENT_SCAN_OPEN] =
        "SELECT " PAYMENT_COLUMNS " FROM payments INDEXED BY payments_open WHERE payer = ?"
        " AND open = 1 AND state IN (2, 3) ORDER BY told, payer_counter, digest",
    [STATEMENT_SCAN_RECORDS] =
        "SELECT " RECORD_COLUMNS " FROM records WHERE purse BETWEEN ?1 AND ?2"
        " ORDER BY purse, counter",
    [STATEMENT_HOTLIST_ADD] = "INSERT INTO hotlist (purse, time) VALUES (?,?) RETURNING version",
    [STATEMENT_HOTLIST_VERSION] = "SELECT ifnull(max(version), 0) FROM hotlist",
    /* A card without keys lives as long as its account. */
    [STATEMENT_SCAN_HOTLIST] =
        "SELECT h.version, h.purse, h.time, ifnull(p.out_reason, 0), max(ifnull("
        " (SELECT k.expires FROM purse_keys AS k WHERE k.purse = h.purse), ifnull("
        " (SELECT a.expires FROM accounts AS a WHERE a.account = p.account), 0)), ifnull("
        " (SELECT max(max(r.expires, r.old_expires)) FROM renewals AS r WHERE r.purse = h.purse),"
        " 0)) FROM hotlist AS h LEFT JOIN purses AS p ON p.purse = h.purse"
        " ORDER BY h.version DESC",
    [STATEMENT_REISSUE_ADD] = "INSERT INTO reissues (" REISSUE_COLUMNS ") VALUES (?,?,?,?,?,?)",
    [STATEMENT_REISSUE_BY_ID] = "SELECT " REISSUE_COLUMNS " FROM reissues WHERE id = ?",
    [STATEMENT_REISSUE_OF_PURSE] = "SELECT " REISSUE_COLUMNS " FROM reissues WHERE purse = ?",
    [STATEMENT_REISSUE_LAST] = "SELECT " REISSUE_COLUMNS " FROM reissues WHERE account = ?"
                               " ORDER BY purse DESC LIMIT 1",
    [STATEMENT_PURSE_KEY_ADD] = "INSERT INTO purse_keys (" PURSE_KEY_COLUMNS
                                ") VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
    [STATEMENT_PURSE_KEY_PUT] =
        "INSERT OR REPLACE INTO purse_keys (" PURSE_KEY_COLUMNS ") VALUES (?,?,?,?,?,?,?)",
    [STATEMENT_RENEWAL_PUT] = "INSERT OR REPLACE INTO renewals (" RENEWAL_COLUMNS
                              ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STATEMENT_RENEWAL_LAST] = "SELECT " RENEWAL_COLUMNS " FROM renewals WHERE purse = ?"
                               " ORDER BY number DESC LIMIT 1",
    [STATEMENT_RENEWAL_BY_SIGNER] =
        "SELECT " RENEWAL_COLUMNS " FROM renewals WHERE old_signer = ?1 OR signer = ?1"
        " ORDER BY number DESC LIMIT 1",
    [STATEMENT_RENEWAL_AT] = "SELECT " RENEWAL_COLUMNS " FROM renewals WHERE purse = ?"
                             " AND state >= 3 AND counter + 1 >= ? ORDER BY number LIMIT 1",
    [STATEMENT_RENEWAL_LEFT] = "SELECT " RENEWAL_COLUMNS " FROM renewals WHERE purse = ?"
                               " AND state = 2 AND number < ? ORDER BY number DESC LIMIT 1",
    [STATEMENT_RENEWAL_DUE] = "SELECT " RENEWAL_COLUMNS " FROM renewals WHERE state = 3"
                              " AND purse > ? ORDER BY purse, number DESC LIMIT 1",
    [STATEMENT_KEY_OFFER_PUT] =
        "INSERT OR REPLACE INTO key_offers (" KEY_OFFER_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)",
    [STATEMENT_KEY_OFFER_GET] = "SELECT " KEY_OFFER_COLUMNS " FROM key_offers WHERE purse = ?",
    [STATEMENT_KEY_OFFER_DUE] =
        "SELECT " KEY_OFFER_COLUMNS " FROM key_offers AS o WHERE state = 1 AND purse > ?"
        " AND EXISTS (SELECT 1 FROM purses AS p WHERE p.purse = o.purse AND p.state = 2)"
        " ORDER BY purse LIMIT 1",
    [STATEMENT_KEY_OFFER_WANTED] =
        "SELECT k.purse FROM purse_keys AS k JOIN purses AS p ON p.purse = k.purse"
        " WHERE k.purse > ?1 AND k.expires < ?2 AND p.state = 2 AND NOT EXISTS (SELECT 1 FROM"
        " key_offers AS o WHERE o.purse = k.purse AND o.state < 3) ORDER BY k.purse LIMIT 1",
    [STATEMENT_PURSE_KEY_GET] = "SELECT " PURSE_KEY_COLUMNS " FROM purse_keys WHERE purse = ?",
    [STATEMENT_PURSE_KEY_BY_SIGNER] =
        "SELECT " PURSE_KEY_COLUMNS " FROM purse_keys WHERE signer = ?",
    [STATEMENT_MOVE_ADD] = "INSERT INTO moves (purse, other, kind, amount, fixed, permille, time)"
                           " VALUES (?,?,?,?,?,?,?)",
    [STATEMENT_SCAN_MOVES] = "SELECT purse, other, kind, amount, fixed, permille, time"
                             " FROM moves ORDER BY id",
    [STATEMENT_SCAN_DUE] = "SELECT " PAYMENT_COLUMNS
                           " FROM payments WHERE state = 1 AND due < ? AND due > 0 ORDER BY due",
    [STATEMENT_GAP_GET] =
        "SELECT " GAP_COLUMNS " FROM gaps WHERE purse = ? AND last >= ? ORDER BY last LIMIT 1",
    [STATEMENT_GAP_PUT] = "INSERT OR REPLACE INTO gaps (" GAP_COLUMNS
                          ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STATEMENT_SCAN_GAPS] =
        "SELECT " GAP_COLUMNS " FROM gaps WHERE purse BETWEEN ?1 AND ?2 ORDER BY purse, last",
    [STATEMENT_SCAN_GAPS_OPEN] =
        "SELECT " GAP_COLUMNS " FROM gaps WHERE purse = ? AND state IN (1, 2) ORDER BY last",
    [STATEMENT_SCAN_GAPS_DUE] =
        "SELECT " GAP_COLUMNS " FROM gaps WHERE state = 1 AND due < ? ORDER BY due",
    [STATEMENT_GIVE_BACK_GET] =
        "SELECT " GIVE_BACK_COLUMNS " FROM give_backs WHERE purse = ? AND sale = ?",
    [STATEMENT_GIVE_BACK_ADD] =
        "INSERT INTO give_backs (" GIVE_BACK_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?)",
    [STATEMENT_SCAN_GIVE_BACKS] =
        "SELECT " GIVE_BACK_COLUMNS " FROM give_backs WHERE purse BETWEEN ?1 AND ?2"
        " AND counter BETWEEN ?3 AND ?4 ORDER BY purse, counter, reference, sale",
    [STATEMENT_CHARGING_GET] = "SELECT " CHARGING_COLUMNS " FROM charging WHERE account = ?",
    [STATEMENT_CHARGING_PUT] =
        "INSERT OR REPLACE INTO charging (" CHARGING_COLUMNS ") VALUES (?,?,?,?,?)",
    [STATEMENT_SCAN_CHARGING] =
        "SELECT " CHARGING_COLUMNS " FROM charging WHERE act <= ? ORDER BY act, account",
    [STATEMENT_SCAN_UNCHARGED] =
        "SELECT account, 1, 1, 0, 0 FROM accounts WHERE account > ? AND type = 1 AND state = 2"
        " AND NOT EXISTS (SELECT 1 FROM charging WHERE charging.account = accounts.account)"
        " ORDER BY account",
    [STATEMENT_CHARGE_GET] =
        "SELECT " CHARGE_COLUMNS " FROM charges WHERE account = ? AND period = ?",
    [STATEMENT_CHARGE_PUT] = "INSERT OR REPLACE INTO charges (" CHARGE_COLUMNS
                             ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [STATEMENT_SCAN_CHARGES] =
        "SELECT " CHARGE_COLUMNS
        " FROM charges WHERE account BETWEEN ?1 AND ?2 ORDER BY account, period",
    [STATEMENT_SCAN_CHARGES_SENT] =
        "SELECT " CHARGE_COLUMNS " FROM charges WHERE sent = 1 AND account > ? ORDER BY account",
    [STATEMENT_CLOSING_GET] = "SELECT " CLOSING_COLUMNS " FROM closings WHERE account = ?",
    [STATEMENT_CLOSING_PUT] =
        "INSERT OR REPLACE INTO closings (" CLOSING_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?)",
    [STATEMENT_SCAN_CLOSINGS] =
        "SELECT " CLOSING_COLUMNS " FROM closings WHERE act <= ? ORDER BY act, account",
    [STATEMENT_SCAN_UNREVOKED] =
        "SELECT " CLOSING_COLUMNS
        " FROM closings WHERE revoked = 0 AND account > ? ORDER BY account",
    [STATEMENT_SCAN_OWNED] = "SELECT account, purse, 1, 0, 0, 0, 0, 0, 0, 0 FROM accounts"
                             " WHERE owner = ? AND owner > 0 AND state IN (1, 2, 4)"
                             " ORDER BY account",
    [STATEMENT_PAYOUT_GET] =
        "SELECT " PAYOUT_COLUMNS " FROM payouts WHERE account = ? AND number = ?",
    [STATEMENT_PAYOUT_PUT] =
        "INSERT OR REPLACE INTO payouts (" PAYOUT_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)",
    [STATEMENT_SCAN_PAYOUTS] =
        "SELECT " PAYOUT_COLUMNS
        " FROM payouts WHERE account BETWEEN ?1 AND ?2 ORDER BY account, number",
    [STATEMENT_SCAN_PAYOUTS_SENT] =
        "SELECT " PAYOUT_COLUMNS " FROM payouts WHERE state = 1 AND account > ? ORDER BY account",
    [STATEMENT_ENDING_GET] = "SELECT " ENDING_COLUMNS " FROM endings WHERE purse = ?",
    [STATEMENT_ENDING_PUT] =
        "INSERT OR REPLACE INTO endings (" ENDING_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)",
    [STATEMENT_SCAN_ENDINGS] =
        "SELECT " ENDING_COLUMNS " FROM endings WHERE act <= ? ORDER BY act, purse",
    [STATEMENT_CHECK] = "PRAGMA integrity_check(1)",
};
