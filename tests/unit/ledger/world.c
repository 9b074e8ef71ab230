#include "world.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "crypto/libcrypto.h"
#include "store/sqlite.h"

bool world_make(struct world *world)
{
    const char *base = getenv("TMPDIR");
    base = base != NULL ? base : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    memset(world, 0, sizeof *world);
    world->now_ms = WORLD_START_MS;
    (void)snprintf(world->folder, sizeof world->folder, "%s/kinchaku-test-XXXXXX", base);
    if (mkdtemp(world->folder) == NULL || kc_failed(kc_libcrypto_open(&world->crypto, 8))) {
        (void)fprintf(stderr, "cannot make a folder such as %s\n", world->folder);
        return false;
    }
    (void)snprintf(world->path, sizeof world->path, "%s/bank.db", world->folder);
    return !kc_failed(world_open(world));
}

void world_unlink(const struct world *world)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char path[200];
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s%s", world->path, endings[i]);
        (void)unlink(path);
    }
}

void world_remove(struct world *world)
{
    world_close(world);
    world_unlink(world);
    (void)rmdir(world->folder);
    kc_libcrypto_close(&world->crypto);
}

bool world_copy(struct world *copy, const struct world *world)
{
    char sql[256];
    sqlite3 *db = NULL;
    (void)snprintf(copy->path, sizeof copy->path, "%s/copy.db", world->folder);
    world_unlink(copy);
    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", copy->path);
    copy->now_ms = world->now_ms;
    bool good = sqlite3_open_v2(world->path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
    (void)sqlite3_close(db);
    return good;
}

struct kc_result world_open_store(struct world *world)
{
    return kc_sqlite_open(&world->store, world->path, true, world->page_count_max);
}

struct kc_result world_open(struct world *world)
{
    const struct kc_ledger_options options = {.realm = {.bank = 7, .currency = "JPY"},
                                              .quote_ms = WORLD_QUOTE_MS,
                                              .temporary_ms = WORLD_TEMPORARY_MS,
                                              .account_ms = WORLD_ACCOUNT_MS,
                                              .settle_ms = WORLD_SETTLE_MS,
                                              .limits = kc_offline_limits_none(),
                                              .bearer = kc_offline_limits_none()};
    struct kc_result result = world_open_store(world);
    if (kc_failed(result)) {
        return result;
    }
    world->spoiled = world->store;
    if (world->spoil != NULL) {
        world->spoil(world);
    }
    result = kc_ledger_open(&world->ledger, &world->spoiled, &world->crypto, &options);
    if (kc_failed(result)) {
        world_close(world);
    }
    return result;
}

void world_close(struct world *world)
{
    kc_sqlite_close(&world->store);
}

bool world_plant(const struct world *world, const char *sql)
{
    sqlite3 *db = NULL;
    bool good = sqlite3_open_v2(world->path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK && sqlite3_changes(db) > 0;
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
    }
    (void)sqlite3_close(db);
    return good;
}

uint64_t world_ask(const struct world *world, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    uint64_t answer = UINT64_MAX;
    if (sqlite3_open_v2(world->path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        answer = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return answer;
}

static void keep_first(void *owner, const char *what)
{
    char *first = owner;
    if (first[0] == '\0') {
        (void)snprintf(first, 160, "%s", what);
    }
}

struct kc_result world_audit(struct world *world, uint64_t *faults, char first[160])
{
    struct kc_audit audit = {.owner = first, .fault = keep_first};
    first[0] = '\0';
    struct kc_result result = kc_ledger_audit(&audit, &world->store, &world->crypto);
    *faults = audit.faults;
    return result;
}

struct kc_amount world_amount(uint64_t minor)
{
    struct kc_amount amount;
    struct kc_result result = kc_amount_from_minor(&amount, minor);
    KC_ASSERT(!kc_failed(result));
    return amount;
}

void world_write(struct world_letter *out, struct world *world, const char *what, unsigned n,
                 uint64_t time_ms)
{
    int size = snprintf((char *)out->bytes, sizeof out->bytes,
                        "the registrar's %s for %u at %" PRIu64, what, n, time_ms);
    KC_ASSERT(size > 0 && (size_t)size < sizeof out->bytes);
    out->source = (struct kc_ledger_source){.bytes = kc_view(out->bytes, (size_t)size)};
    kc_digest(&world->crypto, out->source.digest, out->source.bytes);
}

struct kc_open_request world_application(unsigned n)
{
    struct kc_open_request request = {.name = kc_view_text("Hanako Example"),
                                      .address = kc_view_text("1-2-3 Example, Tokyo"),
                                      .phone = kc_view_text("+81 3 0000 0000"),
                                      .bank_account = kc_view_text("0001-1234567"),
                                      .password_hash = kc_view_text("scrypt$hash"),
                                      .suite = KC_SUITE_ES256,
                                      .log_policy = KC_LOG_POLICY_REFUSE,
                                      .purse_type = KC_PURSE_TYPE_UIM,
                                      .time_ms = WORLD_START_MS};
    kc_be32_store(request.id, n);
    return request;
}

/* ---- purses ---- */

struct kc_open_request world_application_kind(unsigned n, enum kc_purse_type type,
                                              const struct kc_account_id *owner)
{
    struct kc_open_request request = {.suite = KC_SUITE_ES256,
                                      .log_policy = KC_LOG_POLICY_REFUSE,
                                      .purse_type = type,
                                      .has_owner = owner != NULL,
                                      .time_ms = WORLD_START_MS};
    if (owner != NULL) {
        request.owner = *owner;
    }
    kc_be32_store(request.id, n);
    return request;
}

static struct kc_result open_toy(struct toy *toy, struct world *world, unsigned n,
                                 const struct kc_open_request *request)
{
    struct kc_ledger_opened opened;
    struct world_letter letter;
    memset(toy, 0, sizeof *toy);
    kc_be32_store(toy->identity_digest, n + 1);
    struct kc_result result = kc_ledger_begin(&world->ledger, world->now_ms);
    if (!kc_failed(result)) {
        world_write(&letter, world, "open", n, request->time_ms);
        result = kc_ledger_open_account(&opened, &world->ledger, request, &letter.source);
        struct kc_result commit = kc_ledger_commit(&world->ledger);
        result = kc_failed(result) ? result : commit;
    }
    if (kc_failed(result)) {
        return result;
    }
    toy->type = request->purse_type;
    toy->account = opened.account;
    toy->purse = opened.purse;
    const struct kc_confirm_request confirm = {
        .account = opened.account, .purse = opened.purse, .time_ms = world->now_ms};
    world_write(&letter, world, "confirm", n, confirm.time_ms);
    result = kc_ledger_begin(&world->ledger, world->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_confirm_account(&toy->certified, &world->ledger, &confirm,
                                           toy->identity_digest, &letter.source);
        struct kc_result commit = kc_ledger_commit(&world->ledger);
        result = kc_failed(result) ? result : commit;
    }
    return result;
}

struct kc_result toy_open(struct toy *toy, struct world *world, unsigned n)
{
    const struct kc_open_request request = world_application(n);
    return open_toy(toy, world, n, &request);
}

struct kc_result toy_open_kind(struct toy *toy, struct world *world, unsigned n,
                               enum kc_purse_type type, const struct kc_account_id *owner)
{
    const struct kc_open_request request = world_application_kind(n, type, owner);
    return open_toy(toy, world, n, &request);
}

uint64_t toy_next_time(struct toy *toy, const struct world *world)
{
    toy->last_ms = world->now_ms > toy->last_ms ? world->now_ms : toy->last_ms + 1;
    return toy->last_ms;
}

static void fill_information(struct kc_ledger_information *out, const struct toy *toy)
{
    memset(out, 0, sizeof *out);
    out->information.purse_type = toy->type == 0 ? KC_PURSE_TYPE_UIM : toy->type;
    out->information.account = toy->account;
    out->information.purse = toy->purse;
    out->information.value = world_amount(toy->value);
    out->information.counter = toy->counter;
    memcpy(out->information.head, toy->head, KC_DIGEST_SIZE);
    out->information.paid = world_amount(toy->paid);
    out->information.received = world_amount(toy->received);
    out->information.returned = world_amount(toy->returned);
    out->certified = toy->certified;
    memcpy(out->identity_digest, toy->identity_digest, KC_DIGEST_SIZE);
    if (toy->gap > toy->certified.counter) {
        const struct toy_totals *totals = &toy->totals[toy->gap];
        out->has_gap = true;
        out->gap.counter = toy->gap;
        out->gap.paid = world_amount(totals->paid);
        out->gap.received = world_amount(totals->received);
        out->gap.returned = world_amount(totals->returned);
        memcpy(out->gap.head, totals->head, KC_DIGEST_SIZE);
        return;
    }
    out->entry_count = toy->entry_count < KC_LIST_COUNT_MAX ? toy->entry_count : KC_LIST_COUNT_MAX;
    memcpy(out->entries, toy->entries, out->entry_count * sizeof out->entries[0]);
}

void toy_stamp(struct toy_message *message, struct world *world, const char *mark)
{
    uint64_t time_ms = message->kind == TOY_CASH     ? message->cash.time_ms
                       : message->kind == TOY_ANSWER ? message->answer.time_ms
                       : message->kind == TOY_STATE  ? message->state.time_ms
                       : message->kind == TOY_SETTLE ? message->settle_ms
                                                     : message->fund.time_ms;
    uint64_t purse = message->kind == TOY_ANSWER ? message->answer.purse.number
                                                 : message->information.information.purse.number;
    int size = snprintf((char *)message->bytes, sizeof message->bytes,
                        "message %d of purse %" PRIu64 " at %" PRIu64 " %s", (int)message->kind,
                        purse, time_ms, mark);
    KC_ASSERT(size > 0 && (size_t)size < sizeof message->bytes);
    message->size = (size_t)size;
    kc_digest(&world->crypto, message->digest, kc_view(message->bytes, message->size));
}

static void start_message(struct toy_message *out, enum toy_kind kind, const struct toy *toy)
{
    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->holder = toy->account;
    memcpy(out->signer, toy->signer, sizeof out->signer);
    fill_information(&out->information, toy);
}

void toy_cash(struct toy_message *out, struct toy *toy, struct world *world, enum kc_cash_kind kind,
              uint64_t minor)
{
    start_message(out, TOY_CASH, toy);
    out->cash.kind = kind;
    out->cash.amount = world_amount(minor);
    out->cash.time_ms = toy_next_time(toy, world);
    toy->life = TOY_REQUESTED;
    toy->pending_ms = out->cash.time_ms;
    toy_stamp(out, world, "");
}

static void keep_totals(struct toy *toy, const struct kc_entry *entry)
{
    KC_ASSERT(entry->counter < TOY_COUNTERS);
    struct toy_totals *totals = &toy->totals[entry->counter];
    uint64_t minor = kc_amount_minor(entry->amount);
    bool paid = entry->kind == KC_ENTRY_KIND_PAY || entry->kind == KC_ENTRY_KIND_CASH_OUT;
    *totals = toy->totals[entry->counter - 1];
    totals->paid += paid ? minor : 0;
    totals->received += entry->kind == KC_ENTRY_KIND_RECEIVE ? minor : 0;
    totals->returned += entry->kind == KC_ENTRY_KIND_VOID ? minor : 0;
    memcpy(totals->head, toy->head, KC_DIGEST_SIZE);
}

void toy_forget(struct toy *toy, size_t count)
{
    size_t gone = 0;
    while (gone < count && gone < toy->entry_count &&
           toy->entries[gone].entry.counter != toy->pending_entry) {
        toy->gap = toy->entries[gone++].entry.counter;
    }
    toy->entry_count -= gone;
    memmove(toy->entries, toy->entries + gone, toy->entry_count * sizeof toy->entries[0]);
    memmove(toy->slots, toy->slots + gone, toy->entry_count * sizeof toy->slots[0]);
}

struct toy_slot *toy_add_entry(struct toy *toy, struct world *world, const struct kc_entry *entry,
                               struct kc_buffer *bytes)
{
    uint8_t scratch[256];
    struct kc_buffer own = KC_BUFFER(scratch);
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = &world->crypto;
    bytes = bytes == NULL ? &own : bytes;
    KC_ASSERT(toy->entry_count < TOY_LOG);
    struct kc_result result = kc_shape_encode(bytes, &kc_entry_shape, entry);
    KC_ASSERT(!kc_failed(result));
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(toy->head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, kc_buffer_view(bytes));
    crypto->sha256_end(crypto->context, &hash, toy->head);
    toy->counter = entry->counter;
    keep_totals(toy, entry);
    struct kc_ledger_entry *kept = &toy->entries[toy->entry_count];
    struct toy_slot *slot = &toy->slots[toy->entry_count++];
    kept->entry = *entry;
    memcpy(kept->head_after, toy->head, KC_DIGEST_SIZE);
    memset(slot, 0, sizeof *slot);
    slot->record.entry = *entry;
    memcpy(slot->record.head_after, toy->head, KC_DIGEST_SIZE);
    kc_digest(crypto, slot->record.digest, kc_buffer_view(bytes));
    struct kc_buffer record = KC_BUFFER(slot->bytes);
    const struct kc_log_record log = {.entry = kc_buffer_view(bytes)};
    result = kc_shape_encode(&record, &kc_log_record_shape, &log);
    KC_ASSERT(!kc_failed(result));
    slot->record.bytes.size = record.size;
    return slot;
}

struct toy_slot *toy_slot_of(struct toy *toy, uint64_t counter)
{
    for (size_t i = 0; i < toy->entry_count; i++) {
        if (toy->entries[i].entry.counter == counter) {
            return &toy->slots[i];
        }
    }
    return NULL;
}

void toy_answer(struct toy_message *out, struct toy *toy, struct world *world,
                const struct kc_cash_quote *quote, enum kc_answer answer)
{
    uint8_t encoded[512];
    struct kc_buffer buffer = KC_BUFFER(encoded);
    memset(out, 0, sizeof *out);
    out->kind = TOY_ANSWER;
    out->holder = toy->account;
    memcpy(out->signer, toy->signer, sizeof out->signer);
    out->answer.purse = toy->purse;
    out->answer.transaction_ms = quote->transaction_ms;
    out->answer.answer = answer;
    out->answer.time_ms = toy_next_time(toy, world);
    struct kc_result result = kc_shape_encode(&buffer, &kc_cash_quote_shape, quote);
    KC_ASSERT(!kc_failed(result));
    kc_digest(&world->crypto, out->answer.quote, kc_buffer_view(&buffer));
    bool cash_out = answer == KC_ANSWER_OK && quote->kind == KC_CASH_KIND_DEPOSIT;
    if (cash_out) {
        struct kc_buffer bytes = KC_BUFFER(out->entry_bytes);
        out->entry = (struct kc_entry){.kind = KC_ENTRY_KIND_CASH_OUT,
                                       .counter = toy->counter + 1,
                                       .time_ms = out->answer.time_ms,
                                       .amount = quote->amount,
                                       .has_transaction = true,
                                       .transaction_ms = quote->transaction_ms};
        (void)toy_add_entry(toy, world, &out->entry, &bytes);
        out->entry_size = bytes.size;
        toy->value -= kc_amount_minor(quote->amount);
        toy->paid += kc_amount_minor(quote->amount);
        toy->pending_entry = out->entry.counter;
    }
    toy->life = answer == KC_ANSWER_OK ? TOY_ANSWERED : TOY_READY;
    toy_stamp(out, world, "");
}

void toy_state(struct toy_message *out, struct toy *toy, struct world *world)
{
    start_message(out, TOY_STATE, toy);
    out->state.has_pending = toy->pending_ms != 0;
    out->state.pending_ms = toy->pending_ms;
    out->state.time_ms = toy_next_time(toy, world);
    toy_stamp(out, world, "");
}

void toy_fund(struct toy_message *out, struct toy *toy, struct world *world, enum kc_fund_kind kind,
              uint64_t minor)
{
    start_message(out, TOY_FUND, toy);
    out->fund.kind = kind;
    out->fund.amount = world_amount(minor);
    out->fund.time_ms = toy_next_time(toy, world);
    toy->life = TOY_REQUESTED;
    toy->pending_ms = out->fund.time_ms;
    toy_stamp(out, world, "");
}

void toy_settle(struct toy_message *out, struct toy *toy, struct world *world)
{
    start_message(out, TOY_SETTLE, toy);
    out->slot_count = toy->entry_count < KC_LIST_COUNT_MAX ? toy->entry_count : KC_LIST_COUNT_MAX;
    memcpy(out->slots, toy->slots, out->slot_count * sizeof out->slots[0]);
    out->information.entry_count = 0;
    out->settle_ms = toy_next_time(toy, world);
    toy_stamp(out, world, "");
}

/* Value follows from the certified value and the entries after it. */
void toy_conform(struct toy *toy, const struct kc_certified *certified)
{
    size_t kept = 0;
    const struct toy_totals *then = &toy->totals[certified->counter];
    uint64_t in = kc_amount_minor(certified->purse_amount) + (toy->received - then->received) +
                  (toy->returned - then->returned);
    uint64_t out = toy->paid - then->paid;
    if (certified->sequence <= toy->certified.sequence || in < out) {
        return;
    }
    toy->certified = *certified;
    toy->value = in - out;
    toy->gap = toy->gap > certified->counter ? toy->gap : 0;
    for (size_t i = 0; i < toy->entry_count; i++) {
        const struct kc_entry *entry = &toy->entries[i].entry;
        if (entry->counter > certified->counter) {
            toy->slots[kept] = toy->slots[i];
            toy->entries[kept++] = toy->entries[i];
        }
    }
    toy->entry_count = kept;
}

static void give_back(struct toy *toy, struct world *world)
{
    for (size_t i = 0; i < toy->entry_count; i++) {
        const struct kc_entry *out = &toy->entries[i].entry;
        if (out->counter == toy->pending_entry) {
            const struct kc_entry entry = {.kind = KC_ENTRY_KIND_VOID,
                                           .counter = toy->counter + 1,
                                           .time_ms = out->time_ms,
                                           .amount = out->amount,
                                           .has_voids = true,
                                           .voids = out->counter};
            toy->value += kc_amount_minor(entry.amount);
            toy->returned += kc_amount_minor(entry.amount);
            (void)toy_add_entry(toy, world, &entry, NULL);
            return;
        }
    }
}

void toy_take(struct toy *toy, struct world *world, const struct kc_ledger_outcome *outcome)
{
    bool ours = outcome->transaction_ms == toy->pending_ms;
    bool nothing =
        outcome->outcome == KC_OUTCOME_NOT_COMPLETED || outcome->outcome == KC_OUTCOME_DECLINED;
    if (outcome->has_certified) {
        toy_conform(toy, &outcome->certified);
    }
    if (ours && nothing && toy->pending_entry != 0) {
        give_back(toy, world);
    }
    if (ours && outcome->outcome != KC_OUTCOME_IN_DOUBT) {
        toy->pending_ms = 0;
        toy->pending_entry = 0;
        toy->life = TOY_READY;
    }
}

/* ---- sending ---- */

static void settle_item(struct world *world, struct toy_reply *reply,
                        const struct toy_message *message, const struct kc_ledger_source *source)
{
    struct kc_ledger_record records[KC_LIST_COUNT_MAX];
    for (size_t i = 0; i < message->slot_count; i++) {
        records[i] = message->slots[i].record;
        records[i].bytes.data = message->slots[i].bytes;
    }
    reply->result = kc_ledger_settle(&reply->settled, &world->ledger, message->settle_ms,
                                     &message->information, records, message->slot_count, source);
}

struct kc_ledger_source toy_source(const struct toy_message *message)
{
    struct kc_ledger_source source = {.bytes = kc_view(message->bytes, message->size)};
    memcpy(source.digest, message->digest, KC_DIGEST_SIZE);
    memcpy(source.signer, message->signer, sizeof source.signer);
    return source;
}

void world_item(struct world *world, struct toy_reply *reply, const struct toy_message *message)
{
    struct kc_ledger *ledger = &world->ledger;
    struct kc_ledger_source source = toy_source(message);
    memset(reply, 0, sizeof *reply);
    switch (message->kind) {
    case TOY_CASH:
        reply->result = kc_ledger_cash_request(&reply->quote, reply->name, ledger, &message->cash,
                                               &message->information, &source);
        break;
    case TOY_ANSWER:
        reply->result =
            kc_ledger_cash_answer(&reply->outcome, ledger, message->holder, &message->answer,
                                  message->entry_size > 0 ? &message->entry : NULL,
                                  kc_view(message->entry_bytes, message->entry_size), &source);
        break;
    case TOY_STATE:
        reply->result = kc_ledger_state(&reply->outcome, ledger, &message->state,
                                        &message->information, &source);
        break;
    case TOY_FUND:
        reply->result = kc_ledger_fund_begin(&reply->order, &reply->outcome, ledger, &message->fund,
                                             &message->information, &source);
        break;
    case TOY_SETTLE:
        settle_item(world, reply, message, &source);
        break;
    }
}

struct kc_result world_send(struct world *world, struct toy_reply *reply,
                            const struct toy_message *message)
{
    struct kc_result result = kc_ledger_begin(&world->ledger, world->now_ms);
    if (kc_failed(result)) {
        return result;
    }
    world_item(world, reply, message);
    result = kc_ledger_commit(&world->ledger);
    return kc_failed(result) ? result : reply->result;
}

struct kc_result world_settle(struct world *world, struct toy_reply *reply,
                              const struct kc_ledger_order *order, enum kc_error answer)
{
    memset(&reply->outcome, 0, sizeof reply->outcome);
    struct kc_result result = kc_ledger_begin(&world->ledger, world->now_ms);
    if (kc_failed(result)) {
        return result;
    }
    reply->result = kc_ledger_fund_settle(&reply->outcome, &world->ledger, order->purse,
                                          order->time_ms, answer);
    result = kc_ledger_commit(&world->ledger);
    return kc_failed(result) ? result : reply->result;
}

struct kc_result toy_transfer_asked(struct toy *toy, struct world *world,
                                    enum kc_transfer_source source, struct kc_account_id to,
                                    uint64_t minor)
{
    struct toy_message message;
    struct kc_transfer_quote quote;
    char name[KC_NAME_SIZE_MAX + 1];
    toy_cash(&message, toy, world, KC_CASH_KIND_WITHDRAW, minor);
    const struct kc_transfer_request request = {
        .source = source, .to = to, .amount = world_amount(minor), .time_ms = message.cash.time_ms};
    struct kc_ledger_source from = {.bytes = kc_view(message.bytes, message.size)};
    memcpy(from.digest, message.digest, KC_DIGEST_SIZE);
    struct kc_result result = kc_ledger_begin(&world->ledger, world->now_ms);
    KC_ASSERT(!kc_failed(result));
    struct kc_result word = kc_ledger_transfer_request(&quote, name, &world->ledger, &request,
                                                       &message.information, &from);
    result = kc_ledger_commit(&world->ledger);
    return kc_failed(result) ? result : word;
}

struct kc_result toy_cash_whole(struct toy *toy, struct world *world, enum kc_cash_kind kind,
                                uint64_t minor, struct toy_reply *reply)
{
    struct toy_message message;
    toy_cash(&message, toy, world, kind, minor);
    struct kc_result result = world_send(world, reply, &message);
    if (kc_failed(result)) {
        return result;
    }
    struct kc_cash_quote quote = reply->quote;
    quote.user_name = kc_view_text(reply->name);
    toy_answer(&message, toy, world, &quote, KC_ANSWER_OK);
    result = world_send(world, reply, &message);
    if (!kc_failed(result)) {
        toy_take(toy, world, &reply->outcome);
    }
    return result;
}

struct kc_result toy_fund_whole(struct toy *toy, struct world *world, enum kc_fund_kind kind,
                                uint64_t minor, struct toy_reply *reply)
{
    struct toy_message message;
    toy_fund(&message, toy, world, kind, minor);
    struct kc_result result = world_send(world, reply, &message);
    if (kc_failed(result)) {
        return result;
    }
    struct kc_ledger_order order = reply->order;
    result = world_settle(world, reply, &order, KC_OK);
    if (!kc_failed(result)) {
        toy_take(toy, world, &reply->outcome);
    }
    return result;
}

uint64_t world_balance(struct world *world, struct kc_account_id account)
{
    struct kc_account_row row;
    struct kc_result result = world->store.account_get(world->store.context, &row, account.number);
    return kc_failed(result) ? UINT64_MAX : kc_amount_minor(row.balance);
}

struct kc_purse_row world_purse(struct world *world, struct kc_purse_id purse)
{
    struct kc_purse_row row;
    struct kc_result result = world->store.purse_get(world->store.context, &row, purse.number);
    KC_ASSERT(!kc_failed(result));
    return row;
}

int64_t world_signed_shadow(struct world *world, struct kc_purse_id purse)
{
    struct kc_purse_row row = world_purse(world, purse);
    struct kc_shadow shadow = kc_shadow_of(&row);
    int64_t amount = (int64_t)kc_amount_minor(shadow.amount);
    return shadow.below ? -amount : amount;
}

uint64_t world_shadow(struct world *world, struct kc_purse_id purse)
{
    struct kc_purse_row row;
    struct kc_result result = world->store.purse_get(world->store.context, &row, purse.number);
    struct kc_shadow shadow = {.below = true};
    if (!kc_failed(result)) {
        shadow = kc_shadow_of(&row);
    }
    return shadow.below ? UINT64_MAX : kc_amount_minor(shadow.amount);
}
