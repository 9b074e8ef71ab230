/* A prepaid card and a machine that sells. The machine is switched on for what it is needed for, so that its purse can be looked
 * into in between as everybody's can. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/amount.h"
#include "base/log.h"
#include "kinchaku/demo.h"
#include "service/files.h"

#define REFUSED_STATUS 1
#define SAID_SIZE 4096u
#define START_MS 30000
#define STAYING 3u

enum who { A, B, C, DEALER, CARD, MACHINE, NOBODY };

/* What everybody holds: NULL where it does not matter. */
struct state {
    const char *account[KC_PEOPLE_MAX];
    const char *uim[KC_PEOPLE_MAX];
    const char *shadow[KC_PEOPLE_MAX];
};

/* One act of somebody's station. In the arguments stand "@sales", "@card" and "@account-a" for what is known later. */
struct act {
    const char *part;
    const char *words;
    enum who who;
    const char *arguments[5];
    const char *refusal;              /* NULL: it must succeed */
    enum { OFF, ON, JAMMED } machine; /* jammed: nothing comes out of its second place */
    struct state state;
};

/* Where machine and server are, and what the server needs to know of the system. */
struct shop {
    struct kc_watch *watch;
    char machine[KC_PATH_SIZE];
    char server[KC_PATH_SIZE];
    char password[KC_PATH_SIZE]; /* the dealer's, in a file */
    char sales[96];
    char collect[96];
    char account_a[24];
    pid_t pid; /* of the machine, or -1 */
    int out;
};

static const struct act load = {
    "card-load",
    "A puts 60 from the account on the card",
    A,
    {"withdraw", "60", "--card", "@card", "--yes"},
    NULL,
    OFF,
    {{"820", NULL, NULL, "0"}, {"10", "70", "40", "0", "60"}, {"10", "70", "40", "0", "60"}},
};

static const struct act sales[] = {
    {"withdraw-again",
     "A withdraws 40 more for a drink",
     A,
     {"withdraw", "40", "--yes"},
     NULL,
     OFF,
     {{"780", NULL, NULL, "0"},
      {"50", "70", "40", "0", "60", "0"},
      {"50", "70", "40", "0", "60", "0"}}},
    {"sale",
     "A's UIM buys a tea for 40 from the machine; the bank is not asked",
     A,
     {"buy", "1", "--yes", "--link", "@sales"},
     NULL,
     ON,
     {{"780", NULL, NULL, "0"},
      {"10", "70", "40", "0", "60", "40"},
      {"50", "70", "40", "0", "60", "0"}}},
    {"sale-card",
     "the card buys a tea, too",
     CARD,
     {"buy", "1", "--yes", "--link", "@sales"},
     NULL,
     ON,
     {{"780", NULL, NULL, "0"},
      {"10", "70", "40", "0", "20", "80"},
      {"50", "70", "40", "0", "60", "0"}}},
    {"sale-refused",
     "the card has 20 left, and a third tea costs 40: refused, nothing moves",
     CARD,
     {"buy", "1", "--yes", "--link", "@sales"},
     "insufficient-value",
     ON,
     {{"780", NULL, NULL, "0"},
      {"10", "70", "40", "0", "20", "80"},
      {"50", "70", "40", "0", "60", "0"}}},
    {"sale-jammed",
     "the card buys a sweet for 20 and it gets stuck: the machine pays the 20 back",
     CARD,
     {"buy", "2", "--yes", "--link", "@sales"},
     "item-stuck",
     JAMMED,
     {{"780", NULL, NULL, "0"},
      {"10", "70", "40", "0", "20", "80"},
      {"50", "70", "40", "0", "60", "0"}}},
};

/* The dealer's account is looked at by itself, because the fee is the bank's. */
static const struct state settled = {
    {"780"}, {"10", "70", "40", "0", "20"}, {"10", "70", "40", "0", "20"}};

static const struct act transfer = {
    "transfer",
    "B transfers 50 from its UIM to A's account",
    B,
    {"transfer", "50", "--to", "@account-a", "--yes"},
    NULL,
    OFF,
    {{"830"}, {"10", "20", "40", "0", "20"}, {"10", "20", "40", "0", "20"}},
};

/* ---- looking ---- */

static bool good(const char *seen, const char *expected, unsigned decimals)
{
    return expected == NULL || kc_demo_same(seen, expected, decimals);
}

static struct kc_result check(struct kc_watch *watch, const char *part, const struct state *state)
{
    unsigned decimals = (unsigned)watch->system->config.decimals;
    struct kc_result result = kc_watch_look(watch);
    for (size_t i = 0; i < watch->count && !kc_failed(result); i++) {
        result = kc_demo_look_into_uim(watch, &watch->people[i]);
    }
    for (size_t i = 0; i < watch->count && !kc_failed(result); i++) {
        const struct kc_person_watched *person = &watch->people[i];
        if (!good(person->account_amount, state->account[i], decimals) ||
            !good(person->uim_amount, state->uim[i], decimals) ||
            !good(person->shadow_amount, state->shadow[i], decimals)) {
            kc_log(KC_LOG_ERROR, "%s: %s has account %s, UIM %s, record %s", part, person->name,
                   person->account_amount, person->uim_amount, person->shadow_amount);
            result = kc_result(KC_INTERNAL);
        }
    }
    if (kc_failed(result)) {
        return result;
    }
    if (watch->json) {
        kc_watch_print(watch);
        return result;
    }
    static const char *const names[] = {"A", "B", "C", "dealer", "card", "machine"};
    (void)printf("  =");
    for (size_t i = 0; i < watch->count; i++) {
        const struct kc_person_watched *person = &watch->people[i];
        if (i == A || i == DEALER) {
            (void)printf("   %s: account %s", names[i], person->account_amount);
        } else {
            (void)printf("   %s:", names[i]);
        }
        if (i != DEALER) {
            (void)printf("%s purse %s, the bank's record %s", i == A ? "," : "", person->uim_amount,
                         person->shadow_amount);
        }
    }
    (void)printf("\n");
    return result;
}

/* ---- the machine ---- */

/* Until the machine has written `count` lines: where it waits. */
static struct kc_result wait_for_lines(const struct shop *shop, unsigned count)
{
    while (count > 0) {
        char byte;
        struct pollfd one = {.fd = shop->out, .events = POLLIN};
        int ready = poll(&one, 1, START_MS);
        if (ready < 0 && errno == EINTR && kc_process_stop_signal() == 0) {
            continue;
        }
        if (ready <= 0) {
            return kc_result(KC_TIMEOUT);
        }
        if (read(shop->out, &byte, 1) != 1) {
            return kc_result(KC_UNREACHABLE); /* it ended, and its own words say why */
        }
        count -= byte == '\n';
    }
    return kc_ok();
}

static struct kc_result switch_on(struct shop *shop, bool jammed)
{
    const char *arguments[12] = {"machine",   "--dir",     shop->machine, "--link",
                                 shop->sales, "--collect", shop->collect};
    size_t count = 7;
    if (jammed) {
        arguments[count++] = "--jam";
        arguments[count++] = "2";
    }
    if (shop->watch->json) {
        arguments[count++] = "--json";
    }
    struct kc_result result =
        kc_watch_begin(&shop->pid, &shop->out, shop->watch, "vendor", arguments);
    return kc_failed(result) ? result : wait_for_lines(shop, 2);
}

/* Also after a failure; what the machine said of its sales is told. */
static struct kc_result switch_off(struct shop *shop)
{
    uint8_t bytes[SAID_SIZE];
    struct kc_buffer said = KC_BUFFER(bytes);
    int status = 0;
    if (shop->pid <= 0) {
        return kc_ok();
    }
    said.size = 0;
    (void)kill(shop->pid, SIGTERM);
    struct kc_result result = kc_process_end(&status, &said, shop->pid, shop->out);
    shop->pid = -1;
    if (!kc_failed(result) && status != 0) {
        kc_log(KC_LOG_ERROR, "the machine ended with status %d", status);
        result = kc_result(KC_INTERNAL);
    }
    return kc_failed(result) ? result : kc_demo_tell(shop->watch, "machine", kc_buffer_view(&said));
}

/* ---- acts ---- */

static const char *word_of(const struct shop *shop, const char *word)
{
    if (strcmp(word, "@sales") == 0) {
        return shop->sales;
    }
    if (strcmp(word, "@card") == 0) {
        return shop->watch->people[CARD].uim;
    }
    return strcmp(word, "@account-a") == 0 ? shop->account_a : word;
}

/* The station's last word names the error. */
static struct kc_result tell_refusal(const struct kc_watch *watch, const struct act *act)
{
    char told[128];
    char found[64] = "";
    for (size_t at = 0; watch->said[at] != '\0';) {
        json_error_t error;
        json_t *object = json_loads(watch->said + at, JSON_DISABLE_EOF_CHECK, &error);
        if (object == NULL) {
            break;
        }
        at += (size_t)error.position;
        const char *name = json_string_value(json_object_get(object, "error"));
        (void)snprintf(found, sizeof found, "%s", name == NULL ? "" : name);
        json_decref(object);
    }
    int size = snprintf(told, sizeof told, watch->json ? "{\"error\":\"%s\"}" : "%s", found);
    if (strcmp(found, act->refusal) != 0) {
        kc_log(KC_LOG_ERROR, "%s: refused by %s instead of %s", act->part, found, act->refusal);
        return kc_result(KC_INTERNAL);
    }
    return kc_demo_tell(watch, "refused", kc_view(told, (size_t)size));
}

static struct kc_result play(struct shop *shop, const struct act *act)
{
    struct kc_watch *watch = shop->watch;
    const char *arguments[9] = {"--json", act->who == CARD ? "--card" : "--uim",
                                watch->people[act->who].uim};
    for (size_t i = 0; i < 5 && act->arguments[i] != NULL; i++) {
        arguments[3 + i] = word_of(shop, act->arguments[i]);
    }
    struct kc_result result = kc_ok();
    kc_demo_announce(watch, act->part, act->words);
    if (act->machine != OFF) {
        result = switch_on(shop, act->machine == JAMMED);
    }
    if (!kc_failed(result)) {
        result = kc_watch_run(watch, "station", arguments,
                              act->refusal == NULL ? 0 : REFUSED_STATUS, true);
    }
    if (!kc_failed(result) && act->refusal != NULL) {
        result = tell_refusal(watch, act);
    }
    struct kc_result off = switch_off(shop);
    result = kc_failed(result) ? result : off;
    return kc_failed(result) ? result : check(watch, act->part, &act->state);
}

/* ---- the shop ---- */

static struct kc_result write_text(const char *folder, const char *name, const char *text, int size,
                                   size_t capacity)
{
    char path[KC_PATH_SIZE_MAX];
    if (size < 0 || (size_t)size >= capacity) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_path_join(path, folder, name, NULL);
    return kc_failed(result) ? result : kc_file_write(path, kc_view(text, (size_t)size), 0600);
}

static bool place_beside(char out[KC_PATH_SIZE], const char *begin, const char *end)
{
    int size = snprintf(out, KC_PATH_SIZE, "%s%s", begin, end);
    return size > 0 && size < KC_PATH_SIZE;
}

static struct kc_result name_places(struct shop *shop, struct kc_watch *watch)
{
    memset(shop, 0, sizeof *shop);
    *shop = (struct shop){.watch = watch, .pid = -1, .out = -1};
    (void)snprintf(shop->sales, sizeof shop->sales, "unix:%s/sales", watch->folder);
    (void)snprintf(shop->collect, sizeof shop->collect, "unix:%s/collect", watch->folder);
    (void)snprintf(shop->account_a, sizeof shop->account_a, "%" PRIu64, watch->people[A].account);
    /* Beside A's UIM, whose name no other run has. */
    const char *begin = watch->people[A].uim;
    bool fits = place_beside(shop->machine, begin, ".machine") &&
                place_beside(shop->server, begin, ".server") &&
                place_beside(shop->password, begin, ".dealer");
    return kc_result(fits ? KC_OK : KC_TOO_LARGE);
}

static struct kc_result join_dealer(struct shop *shop)
{
    static const char password[] = "a dealer's password\n";
    kc_demo_announce(shop->watch, "dealer", "a dealer, D, is registered with an account");
    struct kc_result result =
        kc_file_write(shop->password, kc_view(password, sizeof password - 1), 0600);
    return kc_failed(result) ? result
                             : kc_demo_join(shop->watch, "D", "Tea and Sweets Ltd", shop->password);
}

static struct kc_result issue_card(struct shop *shop)
{
    kc_demo_announce(shop->watch, "card", "a prepaid card, K, with a key of its own, for anybody");
    struct kc_result result = kc_demo_add(shop->watch, "K");
    const char *const arguments[] = {"card", "--uim", shop->watch->people[CARD].uim, NULL};
    return kc_failed(result) ? result : kc_watch_run(shop->watch, "registrar", arguments, 0, false);
}

static struct kc_result set_up_server(const struct shop *shop)
{
    char text[512];
    char key[KC_PATH_SIZE_MAX];
    uint8_t bytes[1024];
    struct kc_buffer pem = KC_BUFFER(bytes);
    const struct kc_system_config *config = &shop->watch->system->config;
    struct kc_result result = kc_path_join(key, shop->watch->system->dir, "bank", "sign.pub");
    const char *const init[] = {"init", "--dir", shop->server, "--bank-key", key, NULL};
    if (!kc_failed(result)) {
        result = kc_watch_tool(shop->watch, NULL, "vendor", init);
    }
    int size =
        snprintf(text, sizeof text,
                 "[bank]\nurl = http://127.0.0.1:%" PRIu64 "\nid = %" PRIu64
                 "\ncurrency = %s\ndecimals = %" PRIu64 "\n[server]\nevery_ms = 60000\n",
                 config->ports[KC_NODE_BANK], config->bank, config->currency, config->decimals);
    if (!kc_failed(result)) {
        result = write_text(shop->server, "server.ini", text, size, sizeof text);
    }
    size = snprintf(text, sizeof text, "drinks %s %" PRIu64 "\nend 1\n", shop->collect,
                    shop->watch->people[MACHINE].purse);
    if (!kc_failed(result)) {
        result = write_text(shop->server, "machines", text, size, sizeof text);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(key, shop->server, "sign.pub", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_file_read(&pem, key);
    }
    return kc_failed(result) ? result
                             : write_text(shop->machine, "server.pub", (const char *)bytes,
                                          (int)pem.size, sizeof bytes);
}

static struct kc_result set_up_machine(struct shop *shop)
{
    char text[KC_PATH_SIZE + 512];
    char owner[24];
    struct kc_watch *watch = shop->watch;
    (void)snprintf(owner, sizeof owner, "%" PRIu64, watch->people[DEALER].account);
    kc_demo_announce(watch, "machine", "the dealer's machine, M, with its own purse and a server");
    struct kc_result result = kc_demo_add(watch, "M");
    const char *const issue[] = {
        "machine",         "--owner",      owner, "--uim", watch->people[MACHINE].uim,
        "--password-file", shop->password, NULL};
    if (!kc_failed(result)) {
        result = kc_watch_run(watch, "registrar", issue, 0, false);
    }
    if (!kc_failed(result)) {
        result = kc_folder_make(shop->machine);
    }
    int size = snprintf(text, sizeof text,
                        "[machine]\nname = Drinks at the corner\ndealer = %s\npurse = %s\n"
                        "[slot-1]\nname = tea\nprice = 40\ncount = 5\n"
                        "[slot-2]\nname = sweet\nprice = 20\ncount = 5\n[end]\nslots = 2\n",
                        owner, watch->people[MACHINE].uim);
    if (!kc_failed(result)) {
        result = write_text(shop->machine, "machine.ini", text, size, sizeof text);
    }
    if (!kc_failed(result)) {
        result = kc_watch_look(watch);
    }
    return kc_failed(result) ? result : set_up_server(shop);
}

/* ---- settlement ---- */

/* What the bank moved from the machine: swept to the dealer, and the fee of it. */
static struct kc_result read_moves(struct kc_amount *swept, struct kc_amount *fee,
                                   const struct shop *shop)
{
    char number[24];
    uint8_t bytes[SAID_SIZE];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_watch *watch = shop->watch;
    const char *const arguments[] = {"purse", number, "--json", NULL};
    (void)snprintf(number, sizeof number, "%" PRIu64, watch->people[MACHINE].purse);
    struct kc_result result = kc_watch_tool(watch, &out, "bank", arguments);
    *swept = kc_amount_zero();
    *fee = kc_amount_zero();
    for (size_t at = 0; at < out.size && !kc_failed(result);) {
        json_error_t error;
        json_t *object =
            json_loadb((const char *)bytes + at, out.size - at, JSON_DISABLE_EOF_CHECK, &error);
        if (object == NULL) {
            break;
        }
        at += (size_t)error.position;
        const char *move = json_string_value(json_object_get(object, "move"));
        const char *amount = json_string_value(json_object_get(object, "amount"));
        bool sweep = move != NULL && strcmp(move, "sweep") == 0;
        if (amount != NULL && (sweep || (move != NULL && strcmp(move, "fee") == 0))) {
            result = kc_amount_parse(sweep ? swept : fee, amount,
                                     (unsigned)watch->system->config.decimals);
        }
        json_decref(object);
    }
    return result;
}

/* The dealer has what was swept less the fee, the machine what is left of its 80. */
static struct kc_result check_settled(struct shop *shop)
{
    char text[160];
    char swept_text[KC_AMOUNT_TEXT_SIZE];
    char fee_text[KC_AMOUNT_TEXT_SIZE];
    char dealer_text[KC_AMOUNT_TEXT_SIZE];
    char left_text[KC_AMOUNT_TEXT_SIZE];
    unsigned decimals = (unsigned)shop->watch->system->config.decimals;
    struct kc_amount swept;
    struct kc_amount fee;
    struct kc_amount left;
    struct kc_amount dealer;
    struct kc_result result = read_moves(&swept, &fee, shop);
    if (!kc_failed(result)) {
        result = kc_amount_parse(&left, "80", decimals);
    }
    if (!kc_failed(result)) {
        result = kc_amount_sub(&left, left, swept);
    }
    if (!kc_failed(result)) {
        result = kc_amount_sub(&dealer, swept, fee);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_amount_format(swept_text, swept, decimals);
    kc_amount_format(fee_text, fee, decimals);
    kc_amount_format(dealer_text, dealer, decimals);
    kc_amount_format(left_text, left, decimals);
    int size = snprintf(text, sizeof text,
                        shop->watch->json ? "{\"swept\":\"%s\",\"fee\":\"%s\",\"dealer\":\"%s\"}"
                                          : "%s swept to the dealer, fee %s: %s",
                        swept_text, fee_text, dealer_text);
    result = kc_demo_tell(shop->watch, "settled", kc_view(text, (size_t)size));
    struct state state = settled;
    state.account[DEALER] = dealer_text;
    state.uim[MACHINE] = left_text;
    state.shadow[MACHINE] = left_text;
    return kc_failed(result) ? result : check(shop->watch, "settle", &state);
}

static struct kc_result settle(struct shop *shop)
{
    uint8_t bytes[SAID_SIZE];
    struct kc_buffer said = KC_BUFFER(bytes);
    const char *json = shop->watch->json ? "--json" : NULL;
    const char *const once[] = {"server", "--once", "--dir", shop->server, json, NULL};
    const char *const report[] = {"report", "--dir", shop->server, json, NULL};
    kc_demo_announce(
        shop->watch, "settle",
        "the dealer's server collects the machine's journal and settles with the bank");
    struct kc_result result = switch_on(shop, false);
    if (!kc_failed(result)) {
        result = kc_watch_tool(shop->watch, &said, "vendor", once);
    }
    struct kc_result off = switch_off(shop);
    result = kc_failed(result) ? result : off;
    if (!kc_failed(result)) {
        result = kc_demo_tell(shop->watch, "server", kc_view(bytes, said.size));
    }
    if (!kc_failed(result)) {
        result = kc_watch_tool(shop->watch, &said, "vendor", report);
    }
    if (!kc_failed(result)) {
        result = kc_demo_tell(shop->watch, "report", kc_view(bytes, said.size));
    }
    return kc_failed(result) ? result : check_settled(shop);
}

struct kc_result kc_demo_vending(struct kc_watch *watch)
{
    static struct shop shop;
    struct kc_result result = name_places(&shop, watch);
    if (!kc_failed(result)) {
        result = join_dealer(&shop);
    }
    if (!kc_failed(result)) {
        result = issue_card(&shop);
    }
    if (!kc_failed(result)) {
        result = play(&shop, &load);
    }
    if (!kc_failed(result)) {
        result = set_up_machine(&shop);
    }
    for (size_t i = 0; i < sizeof sales / sizeof sales[0] && !kc_failed(result); i++) {
        result =
            kc_process_stop_signal() == 0 ? play(&shop, &sales[i]) : kc_result(KC_NOT_COMPLETED);
    }
    if (!kc_failed(result)) {
        result = settle(&shop);
    }
    if (!kc_failed(result)) {
        result = play(&shop, &transfer);
    }
    watch->count = STAYING;
    return result;
}
