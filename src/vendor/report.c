/* What a server knows of its machines, for their keeper (EP1221669 [0229]). */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "service/json_out.h"
#include "vendor/fields.h"
#include "vendor/server.h"

#define NOTE_SIZE_MAX 256u

struct sums {
    uint64_t next; /* number that the next line should have */
    uint64_t lines;
    uint64_t missing;
    uint64_t sales;
    uint64_t reversals;
    uint64_t refunds;
    uint64_t lost;
    uint64_t returned;
    uint64_t by_bank;
    uint64_t by_hand;
    uint64_t improper;
    uint64_t closings;
    struct kc_amount sold;
    struct kc_amount back;
};

static struct kc_result add_line(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    struct sums *sums = owner;
    (void)bytes;
    sums->missing += line->number - (sums->next == 0 ? 1 : sums->next);
    sums->next = line->number + 1;
    sums->lines++;
    switch (line->kind) {
    case KC_SALE_KIND_SALE:
    case KC_SALE_KIND_VOUCHER:
        sums->sales++;
        return kc_amount_add(&sums->sold, sums->sold, line->amount);
    case KC_SALE_KIND_STUCK:
        sums->reversals++;
        return kc_amount_add(&sums->back, sums->back, line->amount);
    case KC_SALE_KIND_REFUND:
        sums->refunds++;
        return kc_amount_add(&sums->back, sums->back, line->amount);
    case KC_SALE_KIND_LOST:
    case KC_SALE_KIND_UNSOLD:
        sums->lost++;
        break;
    case KC_SALE_KIND_RETURNED:
        sums->returned++;
        break;
    case KC_SALE_KIND_IMPROPER:
        sums->improper += 1 + line->count;
        break;
    case KC_SALE_KIND_CLOSED:
        sums->closings++;
        break;
    case KC_SALE_KIND_GIVEN_BACK:
        sums->by_bank++;
        break;
    case KC_SALE_KIND_SETTLED:
        sums->by_hand++;
        break;
    case KC_SALE_KIND_OPENED:
    case KC_SALE_KIND_ASKED:
    case KC_SALE_KIND_RELEASED:
    case KC_SALE_KIND_PAYING:
        break;
    }
    return kc_ok();
}

static struct kc_result read_lines(struct sums *sums, const struct kc_server *server,
                                   const struct kc_round_machine *machine)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_journal_party party;
    struct kc_journal journal = {.fd = -1};
    memset(sums, 0, sizeof *sums);
    struct kc_result result = kc_round_party(&party, &server->round, machine);
    party.only_reads = true;
    if (!kc_failed(result)) {
        result = kc_round_path(path, &server->round, machine, "journal");
    }
    if (!kc_failed(result)) {
        result = kc_journal_open(&journal, path, &party, add_line, sums);
    }
    kc_journal_close(&journal);
    return result;
}

static void print_json(const struct kc_server *server, const struct kc_round_machine *machine,
                       const struct kc_round_state *state, const struct sums *sums,
                       struct kc_result read)
{
    char sold[KC_AMOUNT_TEXT_SIZE];
    char back[KC_AMOUNT_TEXT_SIZE];
    char seen[KC_CLOCK_TEXT_SIZE];
    struct kc_json_out json;
    kc_amount_format(sold, sums->sold, server->round.decimals);
    kc_amount_format(back, sums->back, server->round.decimals);
    kc_clock_format(seen, state->seen_ms);
    kc_json_open(&json, stdout);
    kc_json_text(&json, "machine", machine->name);
    kc_json_number(&json, "purse", machine->purse.number);
    kc_json_text(&json, "seen", state->seen_ms == 0 ? "never" : seen);
    kc_json_text(&json, "last_round", kc_error_name(state->end));
    kc_json_text(&json, "journal", kc_error_name(read.code));
    kc_json_number(&json, "lines", sums->lines);
    kc_json_number(&json, "behind", state->last < sums->next ? 0 : state->last + 1 - sums->next);
    kc_json_number(&json, "missing", sums->missing);
    kc_json_number(&json, "sales", sums->sales);
    kc_json_text(&json, "sold", sold);
    kc_json_number(&json, "reversals", sums->reversals);
    kc_json_number(&json, "refunds", sums->refunds);
    kc_json_number(&json, "lost", sums->lost);
    kc_json_number(&json, "returned", sums->returned);
    kc_json_number(&json, "by_bank", sums->by_bank);
    kc_json_number(&json, "by_hand", sums->by_hand);
    kc_json_text(&json, "given_back", back);
    kc_json_number(&json, "owed", state->owed);
    kc_json_number(&json, "improper", sums->improper + state->unwritten);
    kc_json_number(&json, "not_settled", state->uncovered);
    kc_json_close(&json);
}

static void print_text(const struct kc_server *server, const struct kc_round_machine *machine,
                       const struct kc_round_state *state, const struct sums *sums,
                       struct kc_result read)
{
    char sold[KC_AMOUNT_TEXT_SIZE];
    char back[KC_AMOUNT_TEXT_SIZE];
    char seen[KC_CLOCK_TEXT_SIZE];
    kc_amount_format(sold, sums->sold, server->round.decimals);
    kc_amount_format(back, sums->back, server->round.decimals);
    kc_clock_format(seen, state->seen_ms);
    (void)printf("%s (purse %" PRIu64 "): last answered %s; last round: %s\n", machine->name,
                 machine->purse.number, state->seen_ms == 0 ? "never" : seen,
                 kc_error_words(state->end));
    if (kc_failed(read)) {
        (void)printf("  the journal here cannot be read: %s\n", kc_error_words(read.code));
    }
    (void)printf("  %" PRIu64 " sales, %s %s; %" PRIu64 " reversals and %" PRIu64
                 " refunds, %s; %" PRIu64 " payments without a sale; %" PRIu64
                 " paid back, %" PRIu64 " by the bank, %" PRIu64 " by hand, %" PRIu64 " owed\n",
                 sums->sales, sold, server->round.realm.currency, sums->reversals, sums->refunds,
                 back, sums->lost, sums->returned, sums->by_bank, sums->by_hand, state->owed);
    (void)printf("  %" PRIu64 " lines, %" PRIu64 " missing; %" PRIu64 " improper accesses; %" PRIu64
                 " entries not settled yet\n",
                 sums->lines, sums->missing, sums->improper + state->unwritten, state->uncovered);
}

/* Each note is a line: time, kind, reason, and what it is about. */
static void print_note(const struct kc_command *command, const struct kc_server *server,
                       const char *machine, const char *line)
{
    char time[32];
    char kind[32];
    char reason[48];
    char amount[KC_AMOUNT_TEXT_SIZE] = "";
    static const char *const words[] = {" sale ", " counter ", " account ", " amount "};
    uint64_t numbers[4];
    struct kc_amount value;
    struct kc_json_out json;
    struct kc_fields fields = {.at = line, .good = true};
    kc_fields_text(&fields, time, sizeof time);
    kc_fields_word(&fields, " ");
    kc_fields_text(&fields, kind, sizeof kind);
    kc_fields_word(&fields, " ");
    kc_fields_text(&fields, reason, sizeof reason);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        kc_fields_word(&fields, words[i]);
        numbers[i] = kc_fields_number(&fields);
    }
    if (!fields.good || kc_failed(kc_amount_from_minor(&value, numbers[3]))) {
        return;
    }
    kc_amount_format(amount, value, server->round.decimals);
    if (!command->json) {
        (void)printf("  %s %s: %s; line %" PRIu64 ", counter %" PRIu64 ", account %" PRIu64
                     ", %s %s\n",
                     time, kind, kc_error_words(kc_error_from_name(reason)), numbers[0], numbers[1],
                     numbers[2], amount, server->round.realm.currency);
        return;
    }
    kc_json_open(&json, stdout);
    kc_json_text(&json, "machine", machine);
    kc_json_text(&json, "note", kind);
    kc_json_text(&json, "time", time);
    kc_json_text(&json, "reason", reason);
    kc_json_number(&json, "line", numbers[0]);
    kc_json_number(&json, "counter", numbers[1]);
    kc_json_number(&json, "account", numbers[2]);
    kc_json_text(&json, "amount", amount);
    kc_json_close(&json);
}

static void print_notes(const struct kc_command *command, const struct kc_server *server,
                        const struct kc_round_machine *machine)
{
    char path[KC_PATH_SIZE_MAX];
    char line[NOTE_SIZE_MAX];
    if (kc_failed(kc_round_path(path, &server->round, machine, "notes"))) {
        return;
    }
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        print_note(command, server, machine->name, line);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

struct kc_result kc_server_report_command(const struct kc_command *command)
{
    static struct kc_server server;
    const char *only = kc_command_value(command, "machine");
    bool found = only == NULL;
    struct kc_result result = kc_server_open(&server, kc_command_value(command, "dir"), false);
    for (size_t i = 0; i < server.machine_count && !kc_failed(result); i++) {
        const struct kc_round_machine *machine = &server.machines[i];
        struct kc_round_state state;
        struct sums sums;
        found = found || (only != NULL && strcmp(only, machine->name) == 0);
        if (only != NULL && strcmp(only, machine->name) != 0) {
            continue;
        }
        struct kc_result read = kc_round_state_read(&state, &server.round, machine);
        if (!kc_failed(read) && state.seen_ms != 0) {
            read = read_lines(&sums, &server, machine);
        } else {
            memset(&sums, 0, sizeof sums);
        }
        if (command->json) {
            print_json(&server, machine, &state, &sums, read);
        } else {
            print_text(&server, machine, &state, &sums, read);
        }
        print_notes(command, &server, machine);
    }
    kc_server_close(&server);
    return kc_failed(result) || found ? result : kc_result(KC_NOT_FOUND);
}
