/* Many machines in one process, for a vendor server to collect from.
 *
 *   machines --lines N --sales N --dir DIR BUYER MACHINE [BUYER MACHINE]...
 *
 * Each machine has a purse of its own and the folder DIR/m1, DIR/m2 ... with the server's key in server.pub. Its buyer pays it
 * --sales times; then its journal is filled up to --lines lines with sales that no payment stands behind, which are as much work
 * to collect. Prints the server's list of machines when all can be called; each answers as kinchaku-vendor does, on a thread of
 * its own, until the input ends. The purses' cryptography is libcrypto's, so that the machines take little of the time that the
 * server needs. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/libcrypto.h"
#include "reader/file_purse.h"
#include "vendor/collect.h"

#define LETTER_LINE 64
#define TALK_MS 60000u
/* For a caller that is there already. A wait that ended at some time of its own would turn away who came just then. */
#define GREETING_MS 4000u
#define OPENED_AND_TWO_A_SALE(sales) (1 + 2 * (sales))

struct till {
    pthread_t thread;
    size_t number;
    const char *path;
    struct kc_machine machine;
    struct kc_collect collect;
    struct kc_link link;
};

struct buyer {
    const char *path;
    struct kc_crypto crypto;
    struct kc_file_purse *file;
    struct kc_slot slot;
};

static void need(struct kc_result result, const char *what, const char *whose)
{
    if (kc_failed(result)) {
        (void)fprintf(stderr, "machines: %s: %s: %s\n", whose, what, kc_error_name(result.code));
        exit(4);
    }
}

static void unlock(struct kc_slot *slot, const char *uim)
{
    char path[4096];
    char line[LETTER_LINE] = "";
    (void)snprintf(path, sizeof path, "%s.letter", uim);
    FILE *file = fopen(path, "r");
    bool read = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    line[strcspn(line, "\r\n")] = '\0';
    need(kc_result(read && strncmp(line, "PIN ", 4) == 0 ? KC_OK : KC_FILE_MISSING), "PIN", uim);
    need(kc_slot_verify_pin(slot, kc_view_text(line + 4)), "PIN", uim);
}

static void open_buyer(struct buyer *out, const char *path)
{
    struct kc_slot_port port;
    out->path = path;
    need(kc_libcrypto_open(&out->crypto, 16), "crypto", path);
    need(kc_file_purse_open(&out->file, &port, path, &out->crypto), "open", path);
    need(kc_slot_open(&out->slot, &port), "open", path);
    unlock(&out->slot, path);
}

static void close_buyer(struct buyer *buyer)
{
    kc_file_purse_close(buyer->file);
    kc_libcrypto_close(&buyer->crypto);
}

static void open_till(struct till *till, const char *dir)
{
    char path[KC_PATH_SIZE_MAX];
    char currency[4] = "";
    struct kc_purse_info info;
    struct kc_slot_port port;
    struct kc_machine *machine = &till->machine;
    struct kc_sale line = {.kind = KC_SALE_KIND_OPENED};
    machine->lock = -1;
    machine->ini.talk_ms = TALK_MS;
    machine->ini.journal_most = UINT32_MAX;
    (void)snprintf(machine->ini.server_key, sizeof machine->ini.server_key, "server.pub");
    (void)snprintf(machine->dir, sizeof machine->dir, "%s/m%zu", dir, till->number);
    need(kc_libcrypto_open(&machine->crypto, 16), "crypto", till->path);
    need(kc_purse_place_open(&machine->place, &port, till->path, &machine->crypto), "open",
         till->path);
    need(kc_slot_open(&machine->slot, &port), "open", till->path);
    unlock(&machine->slot, till->path);
    need(kc_slot_info(&info, &machine->slot), "info", till->path);
    memcpy(currency, info.currency.data, info.currency.size < 4 ? info.currency.size : 3);
    need(kc_realm_set(&machine->realm, info.bank, currency), "realm", till->path);
    machine->account = info.account;
    machine->purse = info.purse;
    machine->party = (struct kc_journal_party){
        .crypto = &machine->crypto, .realm = machine->realm, .purse = machine->purse};
    need(kc_path_join(path, machine->dir, "journal", NULL), "journal", till->path);
    need(kc_journal_open(&machine->journal, path, &machine->party, NULL, NULL), "journal",
         till->path);
    need(kc_machine_note(machine, &line), "journal", till->path);
    need(kc_collect_open(&till->collect, machine), "the server's key", till->path);
}

/* ---- what it sold ---- */

static void note_sale(struct till *till, uint64_t counter, bool paid)
{
    struct kc_machine *machine = &till->machine;
    struct kc_sale line = {.kind = KC_SALE_KIND_SALE,
                           .slot = 1,
                           .has_account = true,
                           .account = machine->account,
                           .counter = counter};
    need(kc_amount_from_minor(&line.amount, 1), "amount", till->path);
    need(kc_machine_note(machine, &line), "journal", till->path);
    if (paid) {
        struct kc_sale end = {
            .kind = KC_SALE_KIND_RELEASED, .sale = line.number, .slot = 1, .amount = line.amount};
        need(kc_machine_note(machine, &end), "journal", till->path);
    }
}

static void sell(struct till *till, struct buyer *buyer)
{
    uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    struct kc_amount one;
    struct kc_view message;
    struct kc_payment_order order;
    bool answered = false;
    struct kc_slot *machine = &till->machine.slot;
    need(kc_amount_from_minor(&one, 1), "amount", buyer->path);
    need(kc_slot_identify(&message, &buyer->slot, false), "identify", buyer->path);
    need(kc_slot_offer(&message, machine, one, message), "offer", till->path);
    need(kc_slot_pay(&message, &buyer->slot, one, kc_clock_now_ms(), message), "pay", buyer->path);
    need(kc_result(message.size <= sizeof bytes ? KC_OK : KC_TOO_LARGE), "pay", buyer->path);
    memcpy(bytes, message.data, message.size);
    need(kc_slot_examine(&order, &answered, machine, kc_clock_now_ms(),
                         kc_view(bytes, message.size)),
         "examine", till->path);
    uint64_t counter = order.payee_counter;
    need(kc_slot_decide(&message, machine, KC_ANSWER_OK, kc_clock_now_ms()), "decide", till->path);
    need(kc_slot_conclude(&message, &buyer->slot, message), "conclude", buyer->path);
    note_sale(till, counter, true);
}

static void fill(struct till *till, const char *buyer_path, uint64_t sales, uint64_t lines)
{
    static struct buyer buyer;
    open_buyer(&buyer, buyer_path);
    for (uint64_t i = 0; i < sales; i++) {
        sell(till, &buyer);
    }
    close_buyer(&buyer);
    while (till->machine.journal.last < lines) {
        note_sale(till, 0, false);
    }
}

/* ---- the server's calls ---- */

static void *serve(void *argument)
{
    struct till *till = argument;
    for (;;) {
        bool fatal = false;
        size_t which = 0;
        const struct kc_link *links[1] = {&till->link};
        if (kc_failed(kc_link_wait(&which, links, 1, -1, TALK_MS))) {
            continue;
        }
        struct kc_result result = kc_link_accept(&till->link, GREETING_MS);
        if (kc_failed(result)) {
            (void)fprintf(stderr, "machines: %s: greeting: %s\n", till->path,
                          kc_error_name(result.code));
            continue;
        }
        result = kc_collect_talk(&fatal, &till->collect, &till->link);
        if (kc_failed(result) || fatal) {
            (void)fprintf(stderr, "machines: %s: %s\n", till->path, kc_error_name(result.code));
        }
        kc_link_dismiss(&till->link);
    }
    return NULL;
}

static void listen_on(struct till *till)
{
    struct kc_link_place place = {.kind = KC_LINK_UNIX};
    int size = snprintf(place.path, sizeof place.path, "%s/link", (const char *)till->machine.dir);
    need(kc_result(size > 0 && (size_t)size < sizeof place.path ? KC_OK : KC_TOO_LARGE), "link",
         till->path);
    need(kc_link_listen(&till->link, &place), "listen", till->path);
    need(kc_result(pthread_create(&till->thread, NULL, serve, till) == 0 ? KC_OK : KC_NO_MEMORY),
         "thread", till->path);
    (void)printf("m%zu unix:%s %" PRIu64 "\n", till->number, place.path,
                 till->machine.purse.number);
}

int main(int argc, char **argv)
{
    struct rlimit files = {0};
    if (argc < 9 || strcmp(argv[1], "--lines") != 0 || strcmp(argv[3], "--sales") != 0 ||
        strcmp(argv[5], "--dir") != 0 || (argc - 7) % 2 != 0) {
        (void)fprintf(stderr, "usage: machines --lines N --sales N --dir DIR BUYER MACHINE...\n");
        return 2;
    }
    uint64_t lines = strtoull(argv[2], NULL, 10);
    uint64_t sales = strtoull(argv[4], NULL, 10);
    size_t count = (size_t)(argc - 7) / 2;
    if (OPENED_AND_TWO_A_SALE(sales) > lines) {
        return 2;
    }
    /* A purse, a journal and a link of each machine. */
    (void)getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    struct till *tills = calloc(count, sizeof *tills);
    need(kc_result(tills == NULL ? KC_NO_MEMORY : KC_OK), "memory", "-");
    for (size_t i = 0; i < count; i++) {
        tills[i].number = i + 1;
        tills[i].path = argv[8 + 2 * i];
        open_till(&tills[i], argv[6]);
        fill(&tills[i], argv[7 + 2 * i], sales, lines);
    }
    for (size_t i = 0; i < count; i++) {
        listen_on(&tills[i]);
    }
    (void)printf("end %zu\n", count);
    (void)fflush(stdout);
    while (getchar() != EOF) {
    }
    _exit(0);
}
