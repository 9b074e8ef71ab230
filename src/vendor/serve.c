#include "vendor/serve.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "service/json_out.h"

#define LINE_SIZE_MAX 128u
#define GREETING_MS 5000u
#define WAIT_MS 1000u

struct serving {
    struct kc_machine *machine;
    const struct kc_command *command;
    struct kc_collect collect;
    struct kc_link sales;
    struct kc_link server;
    bool sells;
    bool collects;
    bool reads; /* the cashier's lines */
    int signals;
    size_t line_size;
    char line[LINE_SIZE_MAX];
};

void kc_serve_tell(const struct kc_machine *machine, const struct kc_command *command,
                   const struct kc_sold *sold)
{
    char amount[KC_AMOUNT_TEXT_SIZE];
    struct kc_json_out json;
    kc_amount_format(amount, sold->amount, machine->decimals);
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_number(&json, "sale", sold->sale);
        kc_json_text(&json, "end", sold->sale == 0 ? "none" : sold->stuck ? "stuck" : "released");
        kc_json_number(&json, "slot", sold->slot);
        kc_json_text(&json, "amount", amount);
        kc_json_number(&json, "account", sold->account.number);
        kc_json_number(&json, "returned", sold->returned);
        kc_json_close(&json);
    } else if (sold->sale != 0) {
        (void)printf("sale %" PRIu64 ": place %" PRIu64 ", %s %s from account %" PRIu64 ": %s\n",
                     sold->sale, sold->slot, amount, machine->realm.currency, sold->account.number,
                     sold->stuck ? "did not come out" : "released");
    }
    if (!command->json && sold->returned > 0) {
        (void)printf("%" PRIu64 " payments back were taken\n", sold->returned);
    }
    (void)fflush(stdout);
}

static struct kc_result listen_at(struct kc_link *link, const char *text,
                                  const struct kc_command *command, const char *word)
{
    struct kc_link_place place;
    char where[KC_LINK_PLACE_TEXT_SIZE];
    struct kc_json_out json;
    struct kc_result result = kc_link_place_parse(&place, text);
    if (!kc_failed(result)) {
        result = kc_link_listen(link, &place);
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "%s at %s: %s", word, text, kc_error_name(result.code));
        return result;
    }
    kc_link_place_format(where, kc_link_where(link));
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, word, where);
        kc_json_close(&json);
    } else {
        (void)printf("%s at %s\n", word, where);
    }
    (void)fflush(stdout);
    return result;
}

static struct kc_result open_links(struct serving *serving)
{
    const struct kc_machine_ini *ini = &serving->machine->ini;
    const char *sales = kc_command_value(serving->command, "link");
    const char *server = kc_command_value(serving->command, "collect");
    struct kc_result result = kc_ok();
    sales = sales == NULL ? ini->link : sales;
    server = server == NULL ? ini->collect : server;
    serving->sells = sales[0] != '\0';
    serving->collects = server[0] != '\0';
    serving->reads = serving->machine->pos;
    if (!serving->sells) {
        return kc_result(KC_USAGE);
    }
    /* Nobody is told where it waits before it is known that it can. */
    if (serving->collects) {
        result = kc_collect_open(&serving->collect, serving->machine);
    }
    if (!kc_failed(result)) {
        result = listen_at(&serving->sales, sales, serving->command, "waiting");
    }
    if (!kc_failed(result) && serving->collects) {
        result = listen_at(&serving->server, server, serving->command, "collecting");
    }
    return result;
}

static struct kc_result serve_buyer(bool *fatal, struct serving *serving)
{
    struct kc_sold sold;
    struct kc_result result = kc_link_accept(&serving->sales, GREETING_MS);
    if (kc_failed(result)) {
        return result;
    }
    result = kc_sell_talk(&sold, fatal, serving->machine, &serving->sales);
    kc_link_dismiss(&serving->sales);
    if (sold.sale != 0 || sold.returned != 0) {
        kc_serve_tell(serving->machine, serving->command, &sold);
    }
    return result;
}

static struct kc_result serve_server(bool *fatal, struct serving *serving)
{
    struct kc_result result = kc_link_accept(&serving->server, GREETING_MS);
    if (!kc_failed(result)) {
        result = kc_collect_talk(fatal, &serving->collect, &serving->server);
        kc_link_dismiss(&serving->server);
    }
    return result;
}

/* Takes what the cashier typed so far; each whole line is carried out. */
static struct kc_result serve_cashier(bool *fatal, struct serving *serving)
{
    char *end;
    struct kc_result result = kc_ok();
    ssize_t size = read(STDIN_FILENO, serving->line + serving->line_size,
                        sizeof serving->line - serving->line_size - 1);
    if (size <= 0) {
        serving->reads = false;
        return kc_ok();
    }
    serving->line_size += (size_t)size;
    serving->line[serving->line_size] = '\0';
    while (!*fatal && (end = strchr(serving->line, '\n')) != NULL) {
        size_t used = (size_t)(end - serving->line) + 1;
        *end = '\0';
        result = kc_till_line(fatal, serving->machine, serving->command, serving->line);
        serving->line_size -= used;
        memmove(serving->line, end + 1, serving->line_size + 1);
    }
    if (serving->line_size + 1 == sizeof serving->line) {
        serving->line_size = 0; /* nothing that a cashier types is so long */
    }
    return result;
}

static struct kc_result serve_one(bool *fatal, struct serving *serving)
{
    const struct kc_link *links[2] = {&serving->sales, &serving->server};
    size_t which = 0;
    size_t count = serving->collects ? 2 : 1;
    struct kc_result result = kc_link_wait(
        &which, links, count, serving->reads ? STDIN_FILENO : serving->signals, WAIT_MS);
    if (kc_failed(result)) {
        return result;
    }
    if (which == count) {
        return serving->reads ? serve_cashier(fatal, serving) : kc_ok();
    }
    return which == 0 ? serve_buyer(fatal, serving) : serve_server(fatal, serving);
}

/* A signal is looked at between conversations: one that began comes to its end. */
static bool told_to_stop(int signals)
{
    struct pollfd one = {.fd = signals, .events = POLLIN};
    return poll(&one, 1, 0) > 0;
}

struct kc_result kc_serve_machine(struct kc_machine *machine, const struct kc_command *command)
{
    static struct serving serving;
    sigset_t set;
    bool fatal = false;
    memset(&serving, 0, sizeof serving);
    serving.machine = machine;
    serving.command = command;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    serving.signals = signals;
    struct kc_result result = signals < 0 ? kc_result(KC_IO_FAILED) : open_links(&serving);
    while (!kc_failed(result) && !told_to_stop(signals)) {
        struct kc_result one = serve_one(&fatal, &serving);
        if (fatal) {
            result = kc_failed(one) ? one : kc_result(KC_IO_FAILED);
        } else if (kc_failed(one) && one.code != KC_TIMEOUT) {
            kc_log(KC_LOG_INFO, "conversation ended reason=%s", kc_error_name(one.code));
        }
    }
    kc_link_close(&serving.sales);
    kc_link_close(&serving.server);
    (void)close(signals);
    return result;
}
