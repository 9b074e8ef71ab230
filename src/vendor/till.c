/* Point of sale: the cashier types, the machine's purse takes. A refund is owed to the account that paid, and goes back as a
 * stuck item's price does: by a payment of the purse, when that account's purse comes; of what a voucher paid, by the bank. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "service/json_out.h"
#include "vendor/serve.h"

struct search {
    uint64_t sale;
    bool found;
    bool refunded;
    struct kc_sale line;
};

static struct kc_result look(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    struct search *search = owner;
    (void)bytes;
    bool sold = line->kind == KC_SALE_KIND_SALE || line->kind == KC_SALE_KIND_VOUCHER;
    if (sold && line->number == search->sale) {
        search->found = true;
        search->line = *line;
    }
    bool gave = line->kind == KC_SALE_KIND_REFUND || line->kind == KC_SALE_KIND_STUCK;
    search->refunded = search->refunded || (gave && line->sale == search->sale);
    return kc_ok();
}

/* At most the amount of the sale, and once. */
static struct kc_result refund(bool *fatal, struct kc_machine *machine, uint64_t sale,
                               const char *amount_text)
{
    struct search search = {.sale = sale};
    struct kc_amount amount;
    struct kc_result result = kc_journal_read(&machine->journal, sale, look, &search);
    if (!kc_failed(result) && !search.found) {
        result = kc_result(KC_NOT_FOUND);
    }
    if (!kc_failed(result) && search.refunded) {
        result = kc_result(KC_ALREADY_EXISTS);
    }
    amount = search.line.amount;
    if (!kc_failed(result) && amount_text != NULL) {
        result = kc_amount_parse(&amount, amount_text, machine->decimals);
    }
    if (!kc_failed(result) && kc_amount_is_zero(amount)) {
        result = kc_result(KC_AMOUNT_ZERO);
    }
    if (!kc_failed(result) && kc_amount_compare(amount, search.line.amount) > 0) {
        result = kc_result(KC_AMOUNT_TOO_LARGE);
    }
    if (!kc_failed(result)) {
        result = kc_machine_check_room(machine);
    }
    if (kc_failed(result)) {
        return result;
    }
    struct kc_sale line = {.kind = KC_SALE_KIND_REFUND,
                           .sale = sale,
                           .slot = search.line.slot,
                           .amount = amount,
                           .has_account = true,
                           .account = search.line.account,
                           .counter = search.line.counter,
                           .count = search.line.count};
    if (kc_sale_by_voucher(&search.line)) {
        memcpy(line.about, search.line.about, sizeof line.about);
    }
    result = kc_machine_note(machine, &line);
    *fatal = kc_failed(result);
    return result;
}

static void tell_sums(const struct kc_machine *machine, const struct kc_command *command,
                      const char *word, const struct kc_till_sums *sums)
{
    char sum[KC_AMOUNT_TEXT_SIZE];
    char back[KC_AMOUNT_TEXT_SIZE];
    char net[KC_AMOUNT_TEXT_SIZE];
    struct kc_amount rest = kc_amount_zero();
    struct kc_json_out json;
    bool below = kc_failed(kc_amount_sub(&rest, sums->sum, sums->back));
    if (below) {
        (void)kc_failed(kc_amount_sub(&rest, sums->back, sums->sum));
    }
    kc_amount_format(sum, sums->sum, machine->decimals);
    kc_amount_format(back, sums->back, machine->decimals);
    net[0] = '-';
    kc_amount_format(net + (below ? 1 : 0), rest, machine->decimals);
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "till", word);
        kc_json_number(&json, "count", sums->count);
        kc_json_text(&json, "sum", sum);
        kc_json_text(&json, "refunds", back);
        kc_json_text(&json, "net", net);
        kc_json_number(&json, "by_bank", sums->by_bank);
        kc_json_number(&json, "by_hand", sums->by_hand);
        kc_json_number(&json, "owed", machine->owed_count);
        kc_json_close(&json);
    } else {
        (void)printf("%s: %" PRIu64 " sales, %s %s; refunds %s; net %s; %zu payments back owed"
                     ", %" PRIu64 " paid by the bank and %" PRIu64 " by hand\n",
                     word, sums->count, sum, machine->realm.currency, back, net,
                     machine->owed_count, sums->by_bank, sums->by_hand);
    }
    (void)fflush(stdout);
}

static struct kc_result close_day(bool *fatal, struct kc_machine *machine,
                                  const struct kc_command *command)
{
    const struct kc_till_sums sums = machine->sums;
    struct kc_sale line = {
        .kind = KC_SALE_KIND_CLOSED, .amount = sums.sum, .back = sums.back, .count = sums.count};
    struct kc_result result = kc_machine_note(machine, &line);
    *fatal = kc_failed(result);
    if (!kc_failed(result)) {
        tell_sums(machine, command, "closed", &sums);
    }
    return result;
}

static struct kc_result ask_for(struct kc_machine *machine, const char *text)
{
    struct kc_amount amount;
    struct kc_result result = kc_amount_parse(&amount, text, machine->decimals);
    if (!kc_failed(result) && kc_amount_is_zero(amount)) {
        result = kc_result(KC_AMOUNT_ZERO);
    }
    if (!kc_failed(result)) {
        result = kc_machine_check_room(machine);
    }
    if (!kc_failed(result)) {
        machine->asked = amount;
    }
    return result;
}

static struct kc_result carry_out(bool *fatal, struct kc_machine *machine,
                                  const struct kc_command *command, char *line)
{
    char *end = NULL;
    if (strcmp(line, "close") == 0) {
        return close_day(fatal, machine, command);
    }
    if (strcmp(line, "show") == 0) {
        tell_sums(machine, command, "till", &machine->sums);
        return kc_ok();
    }
    if (strcmp(line, "cancel") == 0) {
        machine->asked = kc_amount_zero();
        return kc_ok();
    }
    if (strncmp(line, "refund ", 7) != 0) {
        return ask_for(machine, line);
    }
    uint64_t sale = strtoull(line + 7, &end, 10);
    bool number = line[7] >= '1' && line[7] <= '9' && (*end == '\0' || *end == ' ');
    return number ? refund(fatal, machine, sale, *end == ' ' ? end + 1 : NULL)
                  : kc_result(KC_USAGE);
}

/* What a cashier can do with it, where the error's own words are about something else. */
static const char *words_of(enum kc_error error)
{
    return error == KC_ALREADY_EXISTS ? "this sale was refunded before, or its item did not come "
                                        "out: what is to go back is in the journal"
           : error == KC_NOT_FOUND    ? "there is no such sale"
           : error == KC_HISTORY_FULL ? "no room in purse or journal: let the server collect"
           : error == KC_USAGE        ? "an amount, cancel, refund SALE [AMOUNT], show or close"
                                      : kc_error_words(error);
}

struct kc_result kc_till_line(bool *fatal, struct kc_machine *machine,
                              const struct kc_command *command, const char *line)
{
    char text[128];
    struct kc_json_out json;
    size_t size = strcspn(line, "\r\n");
    if (size == 0 || size >= sizeof text) {
        return kc_ok();
    }
    memcpy(text, line, size);
    text[size] = '\0';
    struct kc_result result = carry_out(fatal, machine, command, text);
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "typed", line);
        kc_json_text(&json, "end", kc_error_name(result.code));
        kc_json_close(&json);
    } else if (kc_failed(result)) {
        (void)printf("%s: %s\n", text, words_of(result.code));
    } else {
        (void)printf("%s: ok\n", text);
    }
    (void)fflush(stdout);
    return result;
}
