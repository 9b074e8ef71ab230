#include "vendor/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "message/identity.h"
#include "purse/apdu.h"
#include "vendor/fields.h"

#define STOPPED 9

/* ---- what the lines come to ---- */

static struct kc_result owe(struct kc_machine *machine, const struct kc_sale *line, uint64_t sale)
{
    if (machine->owed_count == KC_OWED_MAX) {
        return kc_result(KC_HISTORY_FULL);
    }
    bool stuck = line->kind == KC_SALE_KIND_STUCK;
    bool by_voucher = kc_sale_by_voucher(line);
    uint64_t payer = stuck ? machine->open.payer : line->count;
    struct kc_owed *owed = &machine->owed[machine->owed_count++];
    *owed = (struct kc_owed){.sale = sale,
                             .account = line->account,
                             .amount = line->amount,
                             .counter = stuck ? machine->open.counter : line->counter,
                             .by_bank = by_voucher || payer == KC_PURSE_TYPE_BEARER ||
                                        (line->kind == KC_SALE_KIND_LOST && payer == 0),
                             .only_bank = by_voucher || payer == KC_PURSE_TYPE_BEARER,
                             .by_voucher = by_voucher};
    if (by_voucher) {
        memcpy(owed->reference, line->about, KC_DIGEST_SIZE);
    }
    return kc_ok();
}

static struct kc_owed *owed_for(struct kc_machine *machine, uint64_t sale)
{
    for (size_t i = 0; i < machine->owed_count; i++) {
        if (machine->owed[i].sale == sale) {
            return &machine->owed[i];
        }
    }
    return NULL;
}

static void settle_owed(struct kc_machine *machine, uint64_t sale)
{
    struct kc_owed *owed = owed_for(machine, sale);
    if (owed != NULL) {
        size_t at = (size_t)(owed - machine->owed);
        machine->owed_count -= 1;
        memmove(owed, owed + 1, (machine->owed_count - at) * sizeof *owed);
    }
}

/* Somebody else than the purse paid it. */
static void count_settled(struct kc_machine *machine, const struct kc_sale *line)
{
    bool bank = line->kind == KC_SALE_KIND_GIVEN_BACK;
    settle_owed(machine, line->sale);
    machine->sums.by_bank += bank ? 1 : 0;
    machine->sums.by_hand += bank ? 0 : 1;
}

static struct kc_result add_up(struct kc_machine *machine, const struct kc_sale *line)
{
    machine->sums.count += 1;
    return kc_amount_add(&machine->sums.sum, machine->sums.sum, line->amount);
}

static struct kc_result count_sale(struct kc_machine *machine, const struct kc_sale *line)
{
    machine->open = (struct kc_open_sale){.number = line->number,
                                          .slot = line->slot,
                                          .account = line->account,
                                          .amount = line->amount,
                                          .counter = line->counter,
                                          .payer = line->count,
                                          .by_voucher = kc_sale_by_voucher(line)};
    if (machine->open.by_voucher) {
        memcpy(machine->open.reference, line->about, KC_DIGEST_SIZE);
    }
    return add_up(machine, line);
}

static struct kc_result count_line(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    struct kc_machine *machine = owner;
    struct kc_owed *owed = owed_for(machine, line->sale);
    struct kc_result result = kc_ok();
    (void)bytes;
    machine->counter = line->counter > machine->counter ? line->counter : machine->counter;
    switch (line->kind) {
    case KC_SALE_KIND_OPENED:
        break;
    case KC_SALE_KIND_SALE:
    case KC_SALE_KIND_VOUCHER:
        return count_sale(machine, line);
    case KC_SALE_KIND_RELEASED:
        machine->open.number = 0;
        break;
    case KC_SALE_KIND_STUCK:
        result = kc_amount_add(&machine->sums.back, machine->sums.back, line->amount);
        result = kc_failed(result) ? result : owe(machine, line, line->sale);
        machine->open.number = 0;
        return result;
    case KC_SALE_KIND_LOST:
    case KC_SALE_KIND_UNSOLD:
        return owe(machine, line, line->number);
    case KC_SALE_KIND_REFUND:
        result = kc_amount_add(&machine->sums.back, machine->sums.back, line->amount);
        return kc_failed(result) ? result : owe(machine, line, line->sale);
    case KC_SALE_KIND_PAYING:
        if (owed != NULL) {
            owed->paying = line->counter;
        }
        break;
    case KC_SALE_KIND_RETURNED:
        settle_owed(machine, line->sale);
        break;
    case KC_SALE_KIND_ASKED:
        if (owed != NULL) {
            owed->asked = true;
            owed->refused = kc_error_from_number(line->reason);
        }
        break;
    case KC_SALE_KIND_GIVEN_BACK:
    case KC_SALE_KIND_SETTLED:
        count_settled(machine, line);
        break;
    case KC_SALE_KIND_IMPROPER:
        machine->improper += line->number > machine->collected ? 1 : 0;
        machine->unwritten = 0;
        break;
    case KC_SALE_KIND_CLOSED:
        memset(&machine->sums, 0, sizeof machine->sums);
        break;
    }
    return result;
}

/* ---- writing ---- */

struct kc_result kc_machine_note(struct kc_machine *machine, struct kc_sale *line)
{
    uint8_t plain_bytes[KC_SALE_PLAIN_MAX];
    uint8_t signed_bytes[KC_SALE_SIGNED_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_view view;
    line->purse = machine->purse;
    line->number = line->number == 0 ? machine->journal.last + 1 : line->number;
    memcpy(line->previous, machine->journal.head, KC_DIGEST_SIZE);
    line->time_ms = kc_clock_now_ms();
    struct kc_result result = kc_shape_encode(&plain, &kc_sale_shape, line);
    if (!kc_failed(result)) {
        result = kc_slot_sign_sale(&view, &machine->slot, kc_buffer_view(&plain));
    }
    if (!kc_failed(result) && view.size > sizeof signed_bytes) {
        result = kc_result(KC_TOO_LARGE);
    }
    if (!kc_failed(result)) {
        memcpy(signed_bytes, view.data, view.size);
        view = kc_view(signed_bytes, view.size);
        result = kc_journal_add(&machine->journal, line, view, &machine->crypto, true);
    }
    return kc_failed(result) ? result : count_line(machine, line, view);
}

void kc_machine_improper(struct kc_machine *machine, enum kc_error reason, struct kc_view received,
                         const struct kc_account_id *claimed)
{
    struct kc_sale line = {.kind = KC_SALE_KIND_IMPROPER,
                           .reason = (uint64_t)reason,
                           .count = machine->unwritten,
                           .has_account = claimed != NULL};
    if (claimed != NULL) {
        line.account = *claimed;
    }
    kc_digest(&machine->crypto, line.about, received);
    kc_log(KC_LOG_WARN, "improper access reason=%s account=%" PRIu64, kc_error_name(reason),
           claimed == NULL ? 0 : claimed->number);
    if (machine->improper >= KC_IMPROPER_MAX || kc_failed(kc_machine_note(machine, &line))) {
        machine->unwritten += 1;
    }
}

void kc_machine_stop_after(const struct kc_machine *machine, const char *point)
{
    if (machine->stop_after != NULL && strcmp(machine->stop_after, point) == 0) {
        _exit(STOPPED);
    }
}

struct kc_result kc_machine_check_room(struct kc_machine *machine)
{
    struct kc_purse_info info;
    struct kc_result result = kc_slot_info(&info, &machine->slot);
    if (kc_failed(result)) {
        return result;
    }
    uint64_t waiting = machine->journal.last - machine->collected;
    bool full = info.log_room < KC_SALE_ENTRIES_MAX ||
                waiting + KC_SALE_LINES_MAX > machine->ini.journal_most ||
                machine->owed_count + 2 > KC_OWED_MAX;
    return kc_result(full ? KC_HISTORY_FULL : KC_OK);
}

struct kc_result kc_machine_item(struct kc_slot_ini *out, enum kc_slot_state *state,
                                 const struct kc_machine *machine, uint64_t slot)
{
    if (machine->pos) {
        *out = (struct kc_slot_ini){.price = machine->asked};
        (void)snprintf(out->name, sizeof out->name, "till");
        bool asks = !kc_amount_is_zero(machine->asked);
        *state = asks ? KC_SLOT_STATE_READY : KC_SLOT_STATE_EMPTY;
        return kc_result(slot != 1 ? KC_NOT_FOUND : asks ? KC_OK : KC_SOLD_OUT);
    }
    struct kc_result result = kc_stock_state(state, &machine->stock, slot);
    if (kc_failed(result)) {
        return result;
    }
    *out = machine->ini.slots[slot - 1];
    return kc_result(*state == KC_SLOT_STATE_READY   ? KC_OK
                     : *state == KC_SLOT_STATE_EMPTY ? KC_SOLD_OUT
                                                     : KC_ITEM_STUCK);
}

/* ---- a sale ---- */

struct kc_result kc_machine_take(struct kc_buffer *answer, uint64_t *sale,
                                 struct kc_machine *machine, uint64_t slot,
                                 const struct kc_payment_order *order, struct kc_view payment)
{
    struct kc_view view;
    struct kc_payment message;
    struct kc_sale line = {.kind = KC_SALE_KIND_SALE,
                           .slot = slot,
                           .amount = order->amount,
                           .has_account = true,
                           .account = order->payer,
                           .counter = order->payee_counter};
    struct kc_result result = kc_shape_decode(&message, &kc_payment_shape, payment);
    if (kc_failed(result)) {
        return result;
    }
    /* Of a payer with keys nobody has to know later what it is. */
    line.count = message.has_certified ? KC_PURSE_TYPE_BEARER : 0;
    kc_digest(&machine->crypto, line.about, message.order);
    result = kc_slot_decide(&view, &machine->slot, KC_ANSWER_OK, kc_clock_now_ms());
    if (!kc_failed(result)) {
        answer->size = 0;
        result = kc_buffer_append(answer, view);
        kc_machine_stop_after(machine, "decided");
    }
    if (!kc_failed(result)) {
        result = kc_machine_note(machine, &line);
    }
    *sale = line.number;
    return result;
}

static struct kc_result note_end(struct kc_machine *machine, bool released)
{
    const struct kc_open_sale open = machine->open;
    struct kc_sale line = {.kind = released ? KC_SALE_KIND_RELEASED : KC_SALE_KIND_STUCK,
                           .sale = open.number,
                           .slot = open.slot,
                           .amount = open.amount,
                           .has_account = true,
                           .account = open.account,
                           .reason = released ? KC_OK : KC_ITEM_STUCK};
    if (open.by_voucher) {
        memcpy(line.about, open.reference, KC_DIGEST_SIZE);
    }
    return kc_machine_note(machine, &line);
}

struct kc_result kc_machine_release(struct kc_machine *machine)
{
    const struct kc_open_sale open = machine->open;
    KC_ASSERT(open.number != 0);
    if (machine->pos) {
        machine->asked = kc_amount_zero();
        return note_end(machine, true);
    }
    kc_machine_stop_after(machine, "sale");
    bool jam =
        machine->jam == open.slot || (open.slot <= machine->ini.slot_count &&
                                      strcmp(machine->ini.slots[open.slot - 1].state, "jam") == 0);
    struct kc_result result = kc_stock_release(&machine->stock, open.slot, open.number, jam);
    if (kc_failed(result) && result.code != KC_ITEM_STUCK) {
        return result;
    }
    kc_machine_stop_after(machine, "let-go");
    struct kc_result noted = note_end(machine, !kc_failed(result));
    kc_machine_stop_after(machine, "ended");
    return kc_failed(noted) ? noted : result;
}

/* Whether the purse can pay it, to that account. */
static bool is_purses(const struct kc_owed *owed, struct kc_account_id account)
{
    return owed->account.number == account.number && !owed->only_bank && !owed->asked;
}

struct kc_amount kc_machine_owes(const struct kc_machine *machine, struct kc_account_id account)
{
    struct kc_amount sum = kc_amount_zero();
    for (size_t i = 0; i < machine->owed_count; i++) {
        if (is_purses(&machine->owed[i], account)) {
            (void)kc_failed(kc_amount_add(&sum, sum, machine->owed[i].amount));
        }
    }
    return sum;
}

struct kc_owed *kc_machine_owed_to(struct kc_machine *machine, struct kc_account_id account)
{
    struct kc_owed *found = NULL;
    for (size_t i = 0; i < machine->owed_count; i++) {
        struct kc_owed *owed = &machine->owed[i];
        if (is_purses(owed, account) &&
            (found == NULL || (owed->paying != 0 && found->paying == 0))) {
            found = owed;
        }
    }
    return found;
}

/* ---- after a cut ---- */

static bool is_under_way(const struct kc_machine *machine, uint64_t counter)
{
    for (size_t i = 0; i < machine->owed_count; i++) {
        if (machine->owed[i].paying == counter) {
            return true;
        }
    }
    return false;
}

/* The open payment of that counter in the purse, or the one without a line that is for this account and amount. */
static struct kc_result find_open(struct kc_payment_order *order, struct kc_machine *machine,
                                  const struct kc_owed *owed)
{
    for (uint8_t i = 0; i < KC_LIST_COUNT_MAX; i++) {
        struct kc_view bytes;
        struct kc_payment payment;
        struct kc_signed parsed;
        struct kc_result result = kc_slot_open_payment(&bytes, &machine->slot, i);
        if (result.code == KC_ASK_BANK) {
            continue;
        }
        if (!kc_failed(result)) {
            result = kc_shape_decode(&payment, &kc_payment_shape, bytes);
        }
        if (!kc_failed(result)) {
            result = kc_brief_parse(&parsed, payment.order);
        }
        if (!kc_failed(result)) {
            result = kc_shape_decode(order, &kc_payment_order_shape, parsed.payload);
        }
        if (kc_failed(result)) {
            return result;
        }
        bool same = owed->paying != 0 ? order->payer_counter == owed->paying
                                      : order->payee.number == owed->account.number &&
                                            kc_amount_compare(order->amount, owed->amount) == 0 &&
                                            !is_under_way(machine, order->payer_counter);
        if (same) {
            return kc_ok();
        }
    }
    return kc_result(KC_NOT_FOUND);
}

static bool gave_back(struct kc_machine *machine, uint64_t counter)
{
    struct kc_entry entry;
    for (unsigned back = 0; back < UINT8_MAX; back++) {
        if (kc_failed(kc_slot_history(&entry, &machine->slot, (uint8_t)back))) {
            return false;
        }
        if (entry.kind == KC_ENTRY_KIND_VOID && entry.voids == counter) {
            return true;
        }
    }
    return false;
}

static struct kc_result reconcile_one(struct kc_machine *machine, const struct kc_owed owed)
{
    struct kc_payment_order order;
    struct kc_sale line = {
        .sale = owed.sale, .amount = owed.amount, .has_account = true, .account = owed.account};
    if (owed.only_bank || owed.asked) {
        return kc_ok();
    }
    struct kc_result result = find_open(&order, machine, &owed);
    if (!kc_failed(result) && owed.paying == 0) {
        line.kind = KC_SALE_KIND_PAYING;
        line.counter = order.payer_counter;
        return kc_machine_note(machine, &line);
    }
    if (!kc_failed(result) || owed.paying == 0 || result.code != KC_NOT_FOUND) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    bool back = gave_back(machine, owed.paying);
    line.kind = back ? KC_SALE_KIND_PAYING : KC_SALE_KIND_RETURNED;
    line.reason = back ? KC_DECLINED : KC_OK;
    return kc_machine_note(machine, &line);
}

struct kc_result kc_machine_reconcile(struct kc_machine *machine)
{
    struct kc_owed all[KC_OWED_MAX];
    size_t count = machine->owed_count;
    struct kc_result result = kc_ok();
    memcpy(all, machine->owed, sizeof all);
    for (size_t i = 0; i < count && !kc_failed(result); i++) {
        result = all[i].by_voucher ? kc_ok() : reconcile_one(machine, all[i]);
    }
    return result;
}

/* The sale that was under way: its item went, or it is owed. */
static struct kc_result end_open(struct kc_machine *machine)
{
    if (machine->open.number == 0) {
        return kc_ok();
    }
    bool released = machine->pos || machine->open.slot > machine->stock.count ||
                    machine->stock.sale == machine->open.number;
    return note_end(machine, released);
}

/* What the purse took since the journal's last line: nothing, or one payment that is owed. */
static struct kc_result catch_up(struct kc_machine *machine)
{
    struct kc_entry entry;
    struct kc_entry lost = {.counter = 0};
    unsigned found = 0;
    for (unsigned back = 0; back < UINT8_MAX; back++) {
        struct kc_result result = kc_slot_history(&entry, &machine->slot, (uint8_t)back);
        if (result.code == KC_NOT_FOUND ||
            (!kc_failed(result) && entry.counter <= machine->counter)) {
            break;
        }
        if (kc_failed(result)) {
            return result;
        }
        if (entry.kind == KC_ENTRY_KIND_RECEIVE) {
            lost = entry;
            found++;
        }
    }
    if (found > 1) {
        kc_log(KC_LOG_ERROR,
               "the journal lost its end: the purse took %u payments after its line %" PRIu64,
               found, machine->journal.last);
        return kc_result(KC_STALE_STATE);
    }
    struct kc_sale line = {.kind = KC_SALE_KIND_LOST,
                           .amount = lost.amount,
                           .has_account = true,
                           .account = lost.payer,
                           .counter = lost.counter,
                           .reason = KC_NOT_COMPLETED};
    memcpy(line.about, lost.partner, KC_DIGEST_SIZE);
    return found == 0 ? kc_ok() : kc_machine_note(machine, &line);
}

/* ---- marks ---- */

static struct kc_result marks_path(char out[KC_PATH_SIZE_MAX], const struct kc_machine *machine)
{
    return kc_path_join(out, machine->dir, "marks", NULL);
}

struct kc_result kc_machine_keep_marks(struct kc_machine *machine)
{
    char path[KC_PATH_SIZE_MAX];
    char text[96];
    int size = snprintf(text, sizeof text, "collected %" PRIu64 " newest %" PRIu64 " end\n",
                        machine->collected, machine->newest_ms);
    struct kc_result result = marks_path(path, machine);
    return kc_failed(result) ? result : kc_file_write_text(path, text, size, sizeof text);
}

static struct kc_result read_marks(struct kc_machine *machine)
{
    char path[KC_PATH_SIZE_MAX];
    char text[96] = "";
    struct kc_buffer buffer = {.data = (uint8_t *)text, .capacity = sizeof text - 1};
    struct kc_result result = marks_path(path, machine);
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    if (result.code == KC_FILE_MISSING) {
        return kc_ok();
    }
    text[kc_failed(result) ? 0 : buffer.size] = '\0';
    struct kc_fields fields = {.at = text, .good = true};
    kc_fields_word(&fields, "collected ");
    machine->collected = kc_fields_number(&fields);
    kc_fields_word(&fields, " newest ");
    machine->newest_ms = kc_fields_number(&fields);
    kc_fields_word(&fields, " end\n");
    if (!kc_fields_end(&fields)) {
        kc_log(KC_LOG_ERROR, "%s is damaged: remove it, and the server collects anew", path);
        return kc_result(KC_STORE_CORRUPT);
    }
    return kc_ok();
}

/* ---- opening ---- */

static struct kc_result read_identity(struct kc_machine *machine)
{
    struct kc_view bytes;
    struct kc_signed parsed;
    struct kc_identity identity;
    struct kc_result result = kc_slot_get(&bytes, &machine->slot, KC_TAG_IDENTITY);
    if (!kc_failed(result)) {
        result = kc_brief_parse(&parsed, bytes);
    }
    if (!kc_failed(result)) {
        result = kc_identity_decode(&identity, parsed.payload);
    }
    if (!kc_failed(result)) {
        machine->party.key = identity.key;
    }
    return result;
}

static struct kc_result read_bank_key(struct kc_machine *machine)
{
    return kc_slot_bank_keys(&machine->bank, &machine->slot);
}

static struct kc_result read_info(struct kc_machine *machine)
{
    struct kc_purse_info info;
    char currency[4] = "";
    struct kc_result result = kc_slot_info(&info, &machine->slot);
    if (kc_failed(result)) {
        return result;
    }
    if (info.life == KC_LIFE_BLOCKED || info.life < KC_LIFE_READY) {
        return kc_result(info.life == KC_LIFE_BLOCKED ? KC_PURSE_BLOCKED : KC_OUT_OF_ORDER);
    }
    memcpy(currency, info.currency.data, info.currency.size < 3 ? info.currency.size : 3);
    machine->decimals = (unsigned)info.decimals;
    machine->account = info.account;
    machine->purse = info.purse;
    result = kc_realm_set(&machine->realm, info.bank, currency);
    machine->party = (struct kc_journal_party){
        .crypto = &machine->crypto, .realm = machine->realm, .purse = machine->purse};
    if (!kc_failed(result)) {
        result = read_identity(machine);
    }
    return kc_failed(result) ? result : read_bank_key(machine);
}

/* A file is looked for from the folder on; a reader is one wherever the folder is. */
static struct kc_result open_purse(struct kc_machine *machine, const char *pin)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_slot_port port;
    const char *purse = machine->ini.purse_file;
    bool whole = purse[0] == '/' || kc_purse_place_reader(purse) != NULL;
    struct kc_result result = kc_bearssl_open_system(&machine->crypto, &machine->crypto_state);
    if (!kc_failed(result)) {
        result = kc_path_join(path, whole ? purse : machine->dir, whole ? NULL : purse, NULL);
    }
    if (!kc_failed(result)) {
        result = kc_purse_place_open(&machine->place, &port, path, &machine->crypto);
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "the purse %s: %s %s", purse, kc_error_name(result.code),
               machine->place.words);
        return result;
    }
    result = kc_slot_open(&machine->slot, &port);
    if (!kc_failed(result) && pin != NULL) {
        result = kc_slot_verify_pin(&machine->slot, kc_view_text(pin));
    }
    return kc_failed(result) ? result : read_info(machine);
}

/* The first line. Its number leaves one out after what a server has, so that the server sees that lines may be missing. A file
 * that was there and is empty has lost its lines, unless the power went when it was made for a purse that never did anything. */
static struct kc_result begin_journal(struct kc_machine *machine, bool was_there)
{
    struct kc_purse_info info;
    struct kc_result result = kc_slot_info(&info, &machine->slot);
    if (kc_failed(result)) {
        return result;
    }
    if (was_there && (info.counter > 0 || machine->collected > 0)) {
        kc_log(KC_LOG_ERROR, "the journal %s is empty: it lost its lines", machine->journal.path);
        return kc_result(KC_STALE_STATE);
    }
    struct kc_sale line = {.kind = KC_SALE_KIND_OPENED, .counter = info.counter};
    /* Nor is a number given twice that the stock remembers: a cut in that sale would be taken for a release. */
    uint64_t last = machine->collected == 0 ? 0 : machine->collected + 1;
    line.number = 1 + (last > machine->stock.sale ? last : machine->stock.sale);
    return kc_machine_note(machine, &line);
}

static struct kc_result open_journal(struct kc_machine *machine, bool begin)
{
    char path[KC_PATH_SIZE_MAX];
    char made[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_join(path, machine->dir, "journal", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(made, machine->dir, "journal.made", NULL);
    }
    bool was_there = !kc_failed(result) && kc_file_exists(path);
    if (!kc_failed(result) && begin && !was_there) {
        (void)unlink(made);
    }
    if (!kc_failed(result)) {
        result = kc_journal_open(&machine->journal, path, &machine->party, count_line, machine);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (machine->journal.last == 0) {
        return begin_journal(machine, was_there && !begin);
    }
    if (machine->collected > machine->journal.last) {
        kc_log(KC_LOG_ERROR, "the journal lost its end: a server has its line %" PRIu64,
               machine->collected);
        return kc_result(KC_STALE_STATE);
    }
    return kc_ok();
}

struct kc_result kc_machine_open(struct kc_machine *machine, const char *dir, const char *pin,
                                 bool begin)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_join(machine->dir, dir, NULL, NULL);
    machine->journal.fd = -1;
    machine->lock = -1;
    if (!kc_failed(result)) {
        result = kc_folder_check(dir);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, dir, "lock", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_file_lock(&machine->lock, path);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, dir, "machine.ini", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_machine_ini_read(&machine->ini, path);
    }
    if (!kc_failed(result)) {
        result = open_purse(machine, pin);
    }
    if (!kc_failed(result)) {
        result = kc_machine_ini_prices(&machine->ini, machine->decimals);
    }
    if (!kc_failed(result)) {
        result = kc_stock_open(&machine->stock, dir, &machine->ini);
    }
    if (!kc_failed(result)) {
        result = read_marks(machine);
    }
    if (!kc_failed(result)) {
        result = open_journal(machine, begin);
    }
    if (!kc_failed(result)) {
        result = catch_up(machine);
    }
    if (!kc_failed(result)) {
        result = end_open(machine);
    }
    return kc_failed(result) ? result : kc_machine_reconcile(machine);
}

void kc_machine_close(struct kc_machine *machine)
{
    kc_journal_close(&machine->journal);
    kc_purse_place_close(&machine->place);
    kc_file_unlock(machine->lock);
    kc_wipe(machine, sizeof *machine);
}
