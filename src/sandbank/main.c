/* kinchaku-sandbank: a stand-in ordinary bank for development and tests, JSON over HTTP with a bearer token. */
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/libcrypto.h"
#include "sandbank/book.h"
#include "service/command.h"
#include "service/config.h"
#include "service/files.h"
#include "service/http_server.h"
#include "service/json_out.h"
#include "service/keys.h"
#include "service/signals.h"

#define BODY_SIZE_MAX 4096u
#define DELAY_MS_MAX 60000

struct config {
    char address[64];
    uint64_t port;
    char currency[4];
    uint64_t decimals;
    bool faults;
};

struct sandbank {
    struct config config;
    struct kc_book *book;
    char token[128];
    /* Faults on purpose, for tests: only when the configuration allows them. */
    atomic_int lose_answers;
    atomic_int delay_ms;
    atomic_bool down;
};

static const struct kc_config_key keys[] = {
    {"sandbank", "address", KC_CONFIG_TEXT, offsetof(struct config, address), 1, 63, "127.0.0.1"},
    {"sandbank", "port", KC_CONFIG_UINT, offsetof(struct config, port), 1, 65535, NULL},
    {"sandbank", "currency", KC_CONFIG_TEXT, offsetof(struct config, currency), 3, 3, NULL},
    {"sandbank", "decimals", KC_CONFIG_UINT, offsetof(struct config, decimals), 0, 8, "0"},
    {"sandbank", "faults", KC_CONFIG_BOOL, offsetof(struct config, faults), 0, 0, "no"},
};

static const struct kc_option options[] = {
    {"dir", "D", "folder of the system (default .kinchaku)"},
    {"port", "P", "init: port to serve on"},
    {"currency", "C", "init: currency code (default JPY)"},
    {"decimals", "N", "init: decimals of the currency (default 0)"},
    {"faults", NULL, "init: allow faults to be injected"},
    {"account", "X", "add-account: number of the ordinary account"},
    {"holder", "NAME", "add-account: its holder"},
    {"balance", "AMOUNT", "add-account: what is paid in"},
};

static const struct kc_program program = {
    .name = "kinchaku-sandbank",
    .summary = "a stand-in ordinary bank for development",
    .usage = "usage: kinchaku-sandbank init --port P [--currency C] [--decimals N] [--faults] "
             "[--dir D]\n"
             "       kinchaku-sandbank serve [--dir D]\n"
             "       kinchaku-sandbank add-account --account X --holder NAME --balance AMOUNT "
             "[--dir D]\n"
             "       kinchaku-sandbank account X | audit [--dir D]",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* ---- HTTP ---- */

static void answer_json(struct kc_http_exchange *exchange, int status, json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    if (text == NULL) {
        kc_http_answer_error(exchange, KC_NO_MEMORY);
    } else {
        kc_http_answer(exchange, status, KC_CONTENT_JSON, kc_view_text(text));
    }
    free(text);
    json_decref(object);
}

static bool has_token(const struct sandbank *bank, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    size_t size = strlen(bank->token);
    return strncmp(authorization, scheme, sizeof scheme - 1) == 0 &&
           strlen(authorization) == sizeof scheme - 1 + size &&
           kc_equal_secret(authorization + sizeof scheme - 1, bank->token, size);
}

static void get_account(struct sandbank *bank, struct kc_http_exchange *exchange,
                        const char *account)
{
    struct kc_amount balance = kc_amount_zero();
    struct kc_result result = kc_book_balance(bank->book, &balance, account);
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        kc_http_answer_error(exchange, result.code);
        return;
    }
    bool exists = !kc_failed(result);
    answer_json(exchange, 200,
                json_pack("{s:s, s:b, s:b}", "account", account, "exists", exists, "able_to_pay",
                          exists && !kc_amount_is_zero(balance)));
}

/* Says again what was ordered, so that the other side sees that the answer is to its order. */
static json_t *transfer_json(const struct sandbank *bank, const struct kc_transfer *transfer)
{
    bool done = transfer->outcome == KC_OK;
    char amount[KC_AMOUNT_TEXT_SIZE];
    kc_amount_format(amount, transfer->amount, 0);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "key", transfer->key, "account",
                     transfer->account, "kind", transfer->fund ? "fund" : "redeem", "amount",
                     amount, "currency", bank->config.currency, "status", done ? "done" : "refused",
                     "reason", kc_error_name(transfer->outcome));
}

/* Keys and accounts stand in log lines and paths, so they are of plain characters. */
static bool is_plain(const char *text)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    return text[0] != '\0' && text[strspn(text, plain)] == '\0';
}

static bool copy_member(char *out, size_t capacity, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || text[0] == '\0' || strlen(text) >= capacity) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static struct kc_result read_transfer(struct kc_transfer *out, const struct sandbank *bank,
                                      const json_t *object)
{
    char kind[8];
    char amount[24];
    char currency[4];
    memset(out, 0, sizeof *out);
    if (json_object_size(object) != 5 || !copy_member(out->key, sizeof out->key, object, "key") ||
        !copy_member(out->account, sizeof out->account, object, "account") ||
        !copy_member(kind, sizeof kind, object, "kind") ||
        !copy_member(amount, sizeof amount, object, "amount") ||
        !copy_member(currency, sizeof currency, object, "currency") || !is_plain(out->key) ||
        !is_plain(out->account)) {
        return kc_result(KC_MALFORMED);
    }
    out->fund = strcmp(kind, "fund") == 0;
    if ((!out->fund && strcmp(kind, "redeem") != 0) ||
        strcmp(currency, bank->config.currency) != 0) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_amount_parse(&out->amount, amount, 0);
    return !kc_failed(result) && kc_amount_is_zero(out->amount) ? kc_result(KC_AMOUNT_ZERO)
                                                                : result;
}

/* True when this answer is to be lost although the transfer was carried out. */
static bool lose_this(struct sandbank *bank)
{
    int left = bank->lose_answers;
    while (left > 0) {
        if (atomic_compare_exchange_weak(&bank->lose_answers, &left, left - 1)) {
            return true;
        }
    }
    return false;
}

static void post_transfer(struct sandbank *bank, struct kc_http_exchange *exchange,
                          const struct kc_http_request *request)
{
    struct kc_transfer transfer;
    struct kc_result result = kc_http_expect(request, "POST", KC_CONTENT_JSON);
    json_t *object = NULL;
    if (!kc_failed(result)) {
        object = json_loadb((const char *)request->body.data, request->body.size,
                            JSON_REJECT_DUPLICATES, NULL);
        result = object == NULL ? kc_result(KC_MALFORMED) : read_transfer(&transfer, bank, object);
    }
    json_decref(object);
    if (!kc_failed(result)) {
        result = kc_book_transfer(bank->book, &transfer);
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "refused reason=%s", kc_error_name(result.code));
        kc_http_answer_error(exchange, result.code);
        return;
    }
    kc_log(KC_LOG_INFO, "transfer key=%s outcome=%s", transfer.key,
           kc_error_name(transfer.outcome));
    if (lose_this(bank)) {
        kc_http_answer_error(exchange, KC_TIMEOUT);
        return;
    }
    answer_json(exchange, 200, transfer_json(bank, &transfer));
}

static void get_transfer(struct sandbank *bank, struct kc_http_exchange *exchange, const char *key)
{
    struct kc_transfer transfer;
    struct kc_result result = kc_book_find(bank->book, &transfer, key);
    if (kc_failed(result)) {
        kc_http_answer_error(exchange, result.code);
        return;
    }
    answer_json(exchange, 200, transfer_json(bank, &transfer));
}

static void post_faults(struct sandbank *bank, struct kc_http_exchange *exchange,
                        const struct kc_http_request *request)
{
    struct kc_result result = bank->config.faults ? kc_http_expect(request, "POST", KC_CONTENT_JSON)
                                                  : kc_result(KC_NOT_ALLOWED);
    json_t *object = NULL;
    if (!kc_failed(result)) {
        object = json_loadb((const char *)request->body.data, request->body.size,
                            JSON_REJECT_DUPLICATES, NULL);
        result = kc_result(json_is_object(object) ? KC_OK : KC_MALFORMED);
    }
    if (kc_failed(result)) {
        kc_http_answer_error(exchange, result.code);
        json_decref(object);
        return;
    }
    json_int_t delay_ms = json_integer_value(json_object_get(object, "delay_ms"));
    bank->lose_answers = (int)json_integer_value(json_object_get(object, "lose_answers"));
    bank->delay_ms = delay_ms > 0 && delay_ms <= DELAY_MS_MAX ? (int)delay_ms : 0;
    bank->down = json_is_true(json_object_get(object, "down"));
    json_decref(object);
    answer_json(exchange, 200, json_pack("{s:s}", "status", "ok"));
}

static const char *after(const char *path, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(path, prefix, size) == 0 && path[size] != '\0' ? path + size : NULL;
}

static void handle(void *owner, struct kc_http_exchange *exchange,
                   const struct kc_http_request *request)
{
    struct sandbank *bank = owner;
    const char *account = after(request->path, "/v1/accounts/");
    const char *key = after(request->path, "/v1/transfers/");
    if (!has_token(bank, request->authorization)) {
        kc_log(KC_LOG_WARN, "refused reason=%s", kc_error_name(KC_NOT_ALLOWED));
        kc_http_answer_error(exchange, KC_NOT_ALLOWED);
        return;
    }
    if (strcmp(request->path, "/v1/faults") == 0) {
        post_faults(bank, exchange, request);
        return;
    }
    if (bank->delay_ms > 0) {
        (void)usleep((useconds_t)bank->delay_ms * 1000u);
    }
    if (bank->down) {
        kc_http_answer_error(exchange, KC_BUSY);
    } else if (account != NULL && strcmp(request->method, "GET") == 0) {
        get_account(bank, exchange, account);
    } else if (key != NULL && strcmp(request->method, "GET") == 0) {
        get_transfer(bank, exchange, key);
    } else if (strcmp(request->path, "/v1/transfers") == 0) {
        post_transfer(bank, exchange, request);
    } else {
        kc_http_answer_error(exchange, KC_NOT_FOUND);
    }
}

/* ---- commands ---- */

static struct kc_result open_bank(struct sandbank *bank, const char *dir)
{
    char folder[KC_PATH_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_join(folder, dir, "sandbank", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "sandbank.ini", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_config_read(&bank->config, keys, sizeof keys / sizeof keys[0], path);
    }
    if (!kc_failed(result)) {
        result = kc_token_file_load(bank->token, sizeof bank->token, folder, "access.token");
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "sandbank.db", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_database_expect(path);
    }
    if (!kc_failed(result)) {
        result = kc_book_open(&bank->book, path);
    }
    return kc_failed(result) ? result : kc_database_made(path);
}

static struct kc_result serve(struct sandbank *bank, const struct kc_command *command)
{
    struct kc_http_server *server = NULL;
    int lock = -1;
    struct kc_result result = kc_folder_lock(&lock, kc_command_dir(command), "sandbank");
    if (kc_failed(result)) {
        return result;
    }
    const struct kc_http_options http = {.address = bank->config.address,
                                         .port = (unsigned)bank->config.port,
                                         .threads = 4,
                                         .body_size_max = BODY_SIZE_MAX,
                                         .connections_max = 4096,
                                         .timeout_s = 15,
                                         .owner = bank,
                                         .handle = handle};
    result = kc_http_server_start(&server, &http);
    if (!kc_failed(result)) {
        kc_log(KC_LOG_INFO, "serving port=%u", kc_http_server_port(server));
        kc_signals_wait();
        kc_http_server_stop(server);
    }
    kc_file_unlock(lock);
    return result;
}

static struct kc_result add_account(struct sandbank *bank, const struct kc_command *command)
{
    const char *account = kc_command_value(command, "account");
    const char *holder = kc_command_value(command, "holder");
    const char *balance = kc_command_value(command, "balance");
    struct kc_amount amount;
    if (account == NULL || holder == NULL || balance == NULL ||
        strlen(account) > KC_BOOK_ACCOUNT_SIZE_MAX || strlen(holder) > KC_BOOK_HOLDER_SIZE_MAX) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = kc_amount_parse(&amount, balance, (unsigned)bank->config.decimals);
    return kc_failed(result) ? result : kc_book_add(bank->book, account, holder, amount);
}

static struct kc_result show_account(struct sandbank *bank, const struct kc_command *command)
{
    struct kc_amount balance;
    char text[KC_AMOUNT_TEXT_SIZE];
    struct kc_json_out json;
    if (command->argument_count != 2) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = kc_book_balance(bank->book, &balance, command->arguments[1]);
    if (kc_failed(result)) {
        return result;
    }
    kc_amount_format(text, balance, (unsigned)bank->config.decimals);
    if (!command->json) {
        (void)printf("%s %s %s\n", command->arguments[1], text, bank->config.currency);
        return result;
    }
    kc_json_open(&json, stdout);
    kc_json_text(&json, "account", command->arguments[1]);
    kc_json_text(&json, "balance", text);
    kc_json_close(&json);
    return result;
}

static struct kc_result audit(struct sandbank *bank, const struct kc_command *command)
{
    struct kc_amount settlement;
    struct kc_amount accounts;
    struct kc_amount paid_in;
    struct kc_amount sum;
    char text[KC_AMOUNT_TEXT_SIZE];
    struct kc_result result = kc_book_totals(bank->book, &settlement, &accounts, &paid_in);
    if (kc_failed(result)) {
        return result;
    }
    result = kc_amount_add(&sum, settlement, accounts);
    bool balanced = !kc_failed(result) && kc_amount_compare(sum, paid_in) == 0;
    kc_amount_format(text, settlement, (unsigned)bank->config.decimals);
    if (command->json) {
        (void)printf("{\"settlement\": \"%s\", \"balanced\": %s}\n", text,
                     balanced ? "true" : "false");
    } else {
        (void)printf("settlement %s %s, books %s\n", text, bank->config.currency,
                     balanced ? "balance" : "do not balance");
    }
    return kc_result(balanced ? KC_OK : KC_STORE_CORRUPT);
}

static struct kc_result write_config(const char *path, const struct kc_command *command)
{
    char text[256];
    uint64_t port = 0;
    uint64_t decimals = 0;
    const char *currency = kc_command_value(command, "currency");
    currency = currency == NULL ? "JPY" : currency;
    if (!kc_command_number(&port, command, "port", 1, 65535, 0) ||
        !kc_command_number(&decimals, command, "decimals", 0, 8, 0) ||
        !kc_command_currency(currency)) {
        return kc_result(KC_USAGE);
    }
    int size = snprintf(
        text, sizeof text,
        "[sandbank]\nport = %" PRIu64 "\ncurrency = %s\ndecimals = %" PRIu64 "\nfaults = %s\n",
        port, currency, decimals, kc_command_value(command, "faults") == NULL ? "no" : "yes");
    return kc_file_write_text(path, text, size, sizeof text);
}

static struct kc_result init(const struct kc_command *command, const char *dir)
{
    char folder[KC_PATH_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    struct kc_crypto crypto;
    struct kc_result result = kc_path_join(folder, dir, "sandbank", NULL);
    if (kc_command_value(command, "port") == NULL || kc_failed(result)) {
        return kc_result(KC_USAGE);
    }
    result = kc_folder_make(folder);
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&crypto, 8);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_token_file_ensure(&crypto, folder, "access.token");
    kc_libcrypto_close(&crypto);
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "sandbank.ini", NULL);
    }
    if (kc_failed(result) || kc_file_exists(path)) {
        return result;
    }
    return write_config(path, command);
}

struct verb {
    const char *name;
    struct kc_result (*run)(struct sandbank *bank, const struct kc_command *command);
};

static const struct verb verbs[] = {
    {"serve", serve}, {"add-account", add_account}, {"account", show_account}, {"audit", audit}};

static int end(const struct kc_command *command, struct kc_result result, const char *name)
{
    if (result.code == KC_USAGE) {
        return kc_command_usage(command, "an option is missing or not valid");
    }
    return kc_failed(result) ? kc_command_fail(command, result, name) : 0;
}

int main(int argc, char **argv)
{
    static struct sandbank bank;
    struct kc_command command;
    int status = 0;
    if (!kc_command_parse(&command, &program, argc, argv, &status)) {
        return status;
    }
    const char *dir = kc_command_dir(&command);
    const char *name = command.argument_count > 0 ? command.arguments[0] : "";
    kc_log_open("sandbank", KC_LOG_INFO);
    if (strcmp(name, "init") == 0) {
        struct kc_result result = init(&command, dir);
        return end(&command, result, name);
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) != 0) {
            continue;
        }
        kc_signals_block();
        struct kc_result result = open_bank(&bank, dir);
        if (!kc_failed(result)) {
            result = verbs[i].run(&bank, &command);
        }
        kc_book_close(bank.book);
        kc_wipe(bank.token, sizeof bank.token);
        return end(&command, result, name);
    }
    return kc_command_usage(&command, "this command is not known");
}
