#include "vendor/giveback.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "message/cose.h"
#include "purse/apdu.h"
#include "service/files.h"

static struct kc_owed *owed_for(struct kc_machine *machine, uint64_t sale)
{
    for (size_t i = 0; i < machine->owed_count; i++) {
        if (machine->owed[i].sale == sale) {
            return &machine->owed[i];
        }
    }
    return NULL;
}

/* Copied, because a line that ends it moves the others. */
static struct kc_result note(struct kc_machine *machine, struct kc_owed owed,
                             enum kc_sale_kind kind, enum kc_error reason)
{
    struct kc_sale line = {.kind = kind,
                           .sale = owed.sale,
                           .amount = owed.amount,
                           .has_account = true,
                           .account = owed.account,
                           .reason = (uint64_t)reason};
    return kc_machine_note(machine, &line);
}

/* ---- a word that is out again ----
 *
 * The line `asked` tells of the first time. After the bank's no a file says that the word left once more, for such a word may go
 * out in every round for years; it is gone when the bank's answer is here. */

static struct kc_result name_mark(char path[KC_PATH_SIZE_MAX], const struct kc_machine *machine,
                                  uint64_t sale)
{
    char name[sizeof "asked-" + 20];
    (void)snprintf(name, sizeof name, "asked-%" PRIu64, sale);
    return kc_path_join(path, machine->dir, name, NULL);
}

static struct kc_result mark(const struct kc_machine *machine, uint64_t sale)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = name_mark(path, machine, sale);
    return kc_failed(result) || kc_file_exists(path) ? result
                                                     : kc_file_write(path, kc_view(NULL, 0), 0600);
}

/* One that stays for some reason only forbids more. */
static void unmark(const struct kc_machine *machine, uint64_t sale)
{
    char path[KC_PATH_SIZE_MAX];
    if (!kc_failed(name_mark(path, machine, sale))) {
        (void)unlink(path);
    }
}

static bool is_marked(const struct kc_machine *machine, uint64_t sale)
{
    char path[KC_PATH_SIZE_MAX];
    return kc_failed(name_mark(path, machine, sale)) || kc_file_exists(path);
}

/* ---- the machine's word ---- */

/* The first one after that number; a payment of the purse that is under way comes to its own end. */
static const struct kc_owed *next_owed(const struct kc_machine *machine, uint64_t after)
{
    const struct kc_owed *found = NULL;
    for (size_t i = 0; i < machine->owed_count; i++) {
        const struct kc_owed *owed = &machine->owed[i];
        bool banks = owed->by_bank && owed->paying == 0 && (owed->counter != 0 || owed->by_voucher);
        if (banks && owed->sale > after && (found == NULL || owed->sale < found->sale)) {
            found = owed;
        }
    }
    return found;
}

static struct kc_result sign_word(struct kc_view *out, struct kc_machine *machine,
                                  const struct kc_owed *owed)
{
    uint8_t bytes[KC_SALE_PLAIN_MAX];
    struct kc_buffer plain = KC_BUFFER(bytes);
    struct kc_give_back word = {.bank = machine->realm.bank,
                                .purse = machine->purse,
                                .sale = owed->sale,
                                .counter = owed->by_voucher ? 0 : owed->counter,
                                .to = owed->account,
                                .amount = owed->amount,
                                .time_ms = kc_clock_now_ms(),
                                .has_reference = owed->by_voucher};
    memcpy(word.reference, owed->reference, KC_DIGEST_SIZE);
    struct kc_result result = kc_shape_encode(&plain, &kc_give_back_shape, &word);
    return kc_failed(result) ? result
                             : kc_slot_sign_sale(out, &machine->slot, kc_buffer_view(&plain));
}

struct kc_result kc_giveback_next(struct kc_view *out, struct kc_machine *machine, uint64_t after)
{
    struct kc_purse_info info;
    const struct kc_owed *found = next_owed(machine, after);
    *out = kc_view(NULL, 0);
    if (found == NULL) {
        return kc_ok();
    }
    struct kc_result known = kc_slot_info(&info, &machine->slot);
    if (kc_failed(known) || info.purse_type != KC_PURSE_TYPE_MACHINE) {
        /* Of a till whose purse is the dealer's own the bank takes no such word: it is left to his hand. */
        return known;
    }
    const struct kc_owed owed = *found;
    if (!owed.asked) {
        struct kc_result noted = note(machine, owed, KC_SALE_KIND_ASKED, KC_OK);
        if (kc_failed(noted)) {
            return noted;
        }
        kc_machine_stop_after(machine, "asked");
    } else if (owed.refused != KC_OK) {
        struct kc_result marked = mark(machine, owed.sale);
        if (kc_failed(marked)) {
            return marked;
        }
        kc_machine_stop_after(machine, "asked-again");
    }
    return sign_word(out, machine, &owed);
}

/* ---- the bank's word ---- */

static struct kc_result verify(struct kc_given_back *out, struct kc_machine *machine,
                               struct kc_view word)
{
    struct kc_bank_verifier bank;
    struct kc_signed parsed;
    struct kc_result result = kc_signed_parse(&parsed, word);
    if (!kc_failed(result)) {
        result = kc_slot_bank_keys(&bank, &machine->slot);
    }
    if (!kc_failed(result)) {
        result = kc_bank_verifier_signed(&bank, &parsed, &machine->crypto, &machine->realm,
                                         kc_given_back_shape.domain);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(out, &kc_given_back_shape, parsed.payload);
    }
    bool ours = !kc_failed(result) && out->bank == machine->realm.bank &&
                out->purse.number == machine->purse.number;
    return kc_failed(result) || ours ? result : kc_result(KC_MISMATCH);
}

struct search {
    uint64_t sale;
    bool found;
};

static struct kc_result look(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    struct search *search = owner;
    (void)bytes;
    search->found =
        search->found || (line->kind == KC_SALE_KIND_GIVEN_BACK && line->sale == search->sale);
    return kc_ok();
}

/* Nothing is owed: it was taken before, or somebody repaid it otherwise. */
static struct kc_result see_again(struct kc_machine *machine, uint64_t sale)
{
    struct search search = {.sale = sale};
    struct kc_result result = kc_journal_read(&machine->journal, sale, look, &search);
    return kc_failed(result) || search.found ? result : kc_result(KC_ALREADY_EXISTS);
}

struct kc_result kc_giveback_take(struct kc_machine *machine, struct kc_view word)
{
    struct kc_given_back said;
    struct kc_result result = verify(&said, machine, word);
    if (kc_failed(result)) {
        kc_machine_improper(machine, result.code, word, NULL);
        return result;
    }
    const struct kc_owed *owed = owed_for(machine, said.sale);
    if (owed == NULL) {
        return see_again(machine, said.sale);
    }
    if (owed->account.number != said.to.number ||
        kc_amount_compare(owed->amount, said.amount) != 0) {
        return kc_result(KC_MISMATCH);
    }
    result = note(machine, *owed, KC_SALE_KIND_GIVEN_BACK, KC_OK);
    kc_machine_stop_after(machine, "given-back");
    unmark(machine, said.sale);
    return result;
}

struct kc_result kc_giveback_refused(bool *is_new, struct kc_machine *machine, uint64_t sale,
                                     enum kc_error reason)
{
    const struct kc_owed *owed = owed_for(machine, sale);
    *is_new = false;
    if (owed == NULL || !owed->asked || reason == KC_OK || reason == KC_INTERNAL) {
        return kc_result(owed == NULL ? KC_NOT_FOUND : KC_MISMATCH);
    }
    *is_new = owed->refused != reason;
    struct kc_result result = *is_new ? note(machine, *owed, KC_SALE_KIND_ASKED, reason) : kc_ok();
    if (!kc_failed(result)) {
        unmark(machine, sale);
    }
    return result;
}

struct kc_result kc_giveback_settle(struct kc_machine *machine, uint64_t sale)
{
    const struct kc_owed *owed = owed_for(machine, sale);
    if (owed == NULL) {
        return kc_result(KC_NOT_FOUND);
    }
    bool waits = owed->asked && (owed->refused == KC_OK || is_marked(machine, sale));
    if (owed->paying != 0 || waits) {
        return kc_result(KC_PENDING);
    }
    return note(machine, *owed, KC_SALE_KIND_SETTLED, KC_OK);
}
