/* kinchaku-card: presents a purse in a file to PC/SC as a smart card in a virtual reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "card/card.h"
#include "crypto/bearssl.h"
#include "service/command.h"
#include "service/json_out.h"

#define VPCD_DEFAULT "127.0.0.1:35963"
#define PLACE_SIZE_MAX 120u

static const struct kc_option options[] = {
    {"uim", "FILE", "the purse to present as a card"},
    {"vpcd", "HOST:PORT", "where the virtual reader waits for a card (default " VPCD_DEFAULT ")"},
    {"new", "FILE", "make a blank card in this file, and no more"},
    {"remove", "WHEN:N",
     "for demonstrations and tests: take the card out before its N-th command (command:N) or "
     "instead of answering it (answer:N)"},
};

static const struct kc_program program = {
    .name = "kinchaku-card",
    .summary = "a purse in a file as a smart card in a virtual reader",
    .usage = "usage: kinchaku-card --uim FILE [--vpcd HOST:PORT]\n"
             "       kinchaku-card --new FILE",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* Signals wait until the card waits: none cuts into a command. *outside is what the process lets through. */
static void hold_signals(sigset_t *outside)
{
    sigset_t held;
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGTERM);
    (void)sigaddset(&held, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &held, outside);
    (void)sigdelset(outside, SIGTERM);
    (void)sigdelset(outside, SIGINT);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
}

/* What is told about the card in its reader. */
struct telling {
    const struct kc_command *command;
    const char *place;
};

static void tell(void *owner, bool in)
{
    const struct telling *telling = owner;
    struct kc_json_out json;
    if (telling->command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, in ? "inserted" : "waiting", telling->place);
        kc_json_close(&json);
    } else {
        (void)printf(in ? "the card is in the reader at %s\n"
                        : "there is no reader at %s yet; trying again\n",
                     telling->place);
    }
    (void)fflush(stdout);
}

static bool read_place(struct kc_link_place *out, const char *text)
{
    char place[PLACE_SIZE_MAX];
    int size = snprintf(place, sizeof place, "tcp:%s", text);
    return size > 0 && (size_t)size < sizeof place && !kc_failed(kc_link_place_parse(out, place)) &&
           out->port != 0;
}

/* Options that take the card out on purpose; false for a text that is none. */
static bool read_removal(struct kc_card *card, const char *text)
{
    static const struct {
        const char *word;
        enum kc_card_removal removal;
    } rows[] = {{"command:", KC_REMOVE_BEFORE_COMMAND}, {"answer:", KC_REMOVE_BEFORE_ANSWER}};
    if (text == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = strlen(rows[i].word);
        size_t digits =
            strncmp(text, rows[i].word, size) == 0 ? strspn(text + size, "0123456789") : 0;
        if (digits > 0 && digits < 10 && text[size + digits] == '\0') {
            card->removal = rows[i].removal;
            card->removal_at = strtoul(text + size, NULL, 10);
            return true;
        }
    }
    return false;
}

static int make_blank(const struct kc_command *command, const char *path)
{
    struct kc_json_out json;
    struct kc_result result = kc_file_purse_create(path);
    if (kc_failed(result)) {
        return kc_command_fail(command, result, path);
    }
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "blank", path);
        kc_json_close(&json);
    } else {
        (void)printf("%s is a blank card\n", path);
    }
    return 0;
}

static int present(const struct kc_command *command, const char *path)
{
    static struct kc_card card;
    static struct kc_crypto crypto;
    static struct kc_bearssl crypto_state;
    static struct kc_link_place place;
    const char *text = kc_command_value(command, "vpcd");
    struct telling telling = {.command = command, .place = text == NULL ? VPCD_DEFAULT : text};
    sigset_t outside;
    if (!read_place(&place, telling.place)) {
        return kc_command_usage(command, "--vpcd is ADDRESS:PORT");
    }
    card = (struct kc_card){.stop = &stop, .signals = &outside, .tell = tell, .owner = &telling};
    if (!read_removal(&card, kc_command_value(command, "remove"))) {
        return kc_command_usage(command, "--remove is command:N or answer:N");
    }
    hold_signals(&outside);
    struct kc_result result = kc_bearssl_open_system(&crypto, &crypto_state);
    if (!kc_failed(result)) {
        result = kc_file_purse_open(&card.file, &card.port, path, &crypto);
    }
    if (!kc_failed(result)) {
        result = kc_card_run(&card, &place);
    }
    kc_file_purse_close(card.file);
    return kc_failed(result)
               ? kc_command_fail(command, result, result.code == KC_CARD_REMOVED ? NULL : path)
               : 0;
}

int main(int argc, char **argv)
{
    struct kc_command command;
    int status = 0;
    if (!kc_command_parse(&command, &program, argc, argv, &status)) {
        return status;
    }
    kc_log_open("card", KC_LOG_WARN);
    const char *uim = kc_command_value(&command, "uim");
    const char *blank = kc_command_value(&command, "new");
    if (command.argument_count != 0 || (uim == NULL) == (blank == NULL)) {
        return kc_command_usage(&command, "--uim or --new is needed, and nothing else");
    }
    return blank != NULL ? make_blank(&command, blank) : present(&command, uim);
}
