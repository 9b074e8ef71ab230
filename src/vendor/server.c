#include "vendor/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "crypto/libcrypto.h"
#include "crypto/pem.h"
#include "service/config.h"
#include "service/keys.h"

#define LIST_SIZE_MAX (256u * KC_MACHINES_MAX)
#define TIMEOUT_MS 15000u

struct ini {
    char url[129];
    uint64_t bank;
    char currency[4];
    uint64_t decimals;
    uint64_t every_ms;
    uint64_t workers;
    uint64_t contact_ms;
};

static const struct kc_config_key keys[] = {
    {"bank", "url", KC_CONFIG_TEXT, offsetof(struct ini, url), 1, 128, NULL},
    {"bank", "id", KC_CONFIG_UINT, offsetof(struct ini, bank), 1, UINT32_MAX, NULL},
    {"bank", "currency", KC_CONFIG_TEXT, offsetof(struct ini, currency), 3, 3, NULL},
    {"bank", "decimals", KC_CONFIG_UINT, offsetof(struct ini, decimals), 0, KC_AMOUNT_DECIMALS_MAX,
     NULL},
    {"server", "every_ms", KC_CONFIG_UINT, offsetof(struct ini, every_ms), 100, 604800000, "60000"},
    {"server", "workers", KC_CONFIG_UINT, offsetof(struct ini, workers), 1, KC_WORKERS_MAX, "8"},
    {"server", "contact_ms", KC_CONFIG_UINT, offsetof(struct ini, contact_ms), 100, 86400000,
     "600000"},
};

/* ---- the list of machines ---- */

static bool good_name(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return size > 0 && name[size] == '\0' && name[0] != '-';
}

static bool read_machine(struct kc_round_machine *out, const char *line)
{
    char purse[KC_ID_TEXT_SIZE];
    char more;
    struct kc_link_place place;
    int count = sscanf(line, "%32s %127s %20s %c", out->name, out->place, purse, &more);
    return count == 3 && good_name(out->name) && !kc_failed(kc_purse_parse(&out->purse, purse)) &&
           !kc_failed(kc_link_place_parse(&place, out->place));
}

static bool is_new(const struct kc_server *server, const struct kc_round_machine *machine)
{
    for (size_t i = 0; i < server->machine_count; i++) {
        if (strcmp(server->machines[i].name, machine->name) == 0 ||
            server->machines[i].purse.number == machine->purse.number) {
            return false;
        }
    }
    return true;
}

/* One machine a line: NAME PLACE PURSE; `#` begins a remark; the last line is `end COUNT`. */
static bool parse_list(struct kc_server *server, char *text, const char *path)
{
    char again[32];
    bool ended = false;
    for (unsigned number = 1; *text != '\0'; number++) {
        char *end = strchr(text, '\n');
        struct kc_round_machine machine;
        if (end == NULL) {
            break;
        }
        *end = '\0';
        (void)snprintf(again, sizeof again, "end %zu", server->machine_count);
        bool blank = text[0] == '#' || text[0] == '\0';
        if (!blank && strcmp(text, again) == 0 && !ended) {
            ended = true;
        } else if (!blank) {
            bool good = !ended && server->machine_count < KC_MACHINES_MAX &&
                        read_machine(&machine, text) && is_new(server, &machine);
            if (!good) {
                kc_log(KC_LOG_ERROR, "%s: line %u is not valid", path, number);
                return false;
            }
            server->machines[server->machine_count++] = machine;
        }
        text = end + 1;
    }
    if (!ended || *text != '\0') {
        kc_log(KC_LOG_ERROR, "%s: it does not end with 'end %zu'", path, server->machine_count);
    }
    return ended && *text == '\0';
}

static struct kc_result read_list(struct kc_server *server)
{
    char path[KC_PATH_SIZE_MAX];
    char *text = malloc(LIST_SIZE_MAX + 1);
    struct kc_buffer buffer = {.data = (uint8_t *)text, .capacity = LIST_SIZE_MAX};
    server->machines = calloc(KC_MACHINES_MAX, sizeof *server->machines);
    struct kc_result result =
        text == NULL || server->machines == NULL ? kc_result(KC_NO_MEMORY) : kc_ok();
    if (!kc_failed(result)) {
        result = kc_path_join(path, server->round.dir, "machines", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    if (!kc_failed(result)) {
        text[buffer.size] = '\0';
        bool good = strlen(text) == buffer.size && parse_list(server, text, path);
        result = kc_result(good ? KC_OK : KC_CONFIG_INVALID);
    }
    free(text);
    return result;
}

/* ---- the folder ---- */

static struct kc_result read_bank_key(struct kc_public_key *out, const char *path)
{
    uint8_t pem[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(pem);
    struct kc_result result = kc_file_read(&buffer, path);
    if (!kc_failed(result)) {
        result = kc_pem_read_public(out, kc_buffer_view(&buffer));
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "the bank's key %s: %s", path, kc_error_name(result.code));
    }
    return result;
}

static struct kc_result read_ini(struct kc_server *server)
{
    char path[KC_PATH_SIZE_MAX];
    struct ini ini;
    struct kc_result result = kc_path_join(path, server->round.dir, "server.ini", NULL);
    if (!kc_failed(result)) {
        result = kc_config_read(&ini, keys, sizeof keys / sizeof keys[0], path);
    }
    if (!kc_failed(result) &&
        (kc_failed(kc_realm_set(&server->round.realm, ini.bank, ini.currency)) ||
         !kc_command_url(ini.url))) {
        kc_log(KC_LOG_ERROR, "config %s: [bank] url or currency is not valid", path);
        result = kc_result(KC_CONFIG_INVALID);
    }
    if (!kc_failed(result)) {
        memcpy(server->round.url, ini.url, sizeof ini.url);
        server->round.decimals = (unsigned)ini.decimals;
        server->every_ms = ini.every_ms;
        server->worker_count = (size_t)ini.workers;
        server->round.contact_ms = ini.contact_ms;
    }
    return result;
}

struct kc_result kc_server_open(struct kc_server *server, const char *dir, bool alone)
{
    char path[KC_PATH_SIZE_MAX];
    memset(server, 0, sizeof *server);
    server->lock = -1;
    server->round.timeout_ms = TIMEOUT_MS;
    server->round.signals = -1;
    struct kc_result result = kc_libcrypto_open(&server->round.crypto, 8);
    if (!kc_failed(result)) {
        result = kc_path_join(server->round.dir, dir, NULL, NULL);
    }
    if (!kc_failed(result)) {
        result = kc_folder_check(dir);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, dir, "lock", NULL);
    }
    if (!kc_failed(result) && alone) {
        result = kc_file_lock(&server->lock, path);
    }
    if (!kc_failed(result)) {
        result = read_ini(server);
    }
    if (!kc_failed(result)) {
        result = read_list(server);
    }
    if (!kc_failed(result)) {
        result = kc_key_file_load(&server->round.key, dir, "sign.key");
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, dir, "bank.pub", NULL);
    }
    return kc_failed(result) ? result : read_bank_key(&server->round.bank, path);
}

void kc_server_close(struct kc_server *server)
{
    kc_libcrypto_close(&server->round.crypto);
    free(server->machines);
    kc_file_unlock(server->lock);
    kc_wipe(server, sizeof *server);
}

/* ---- commands ---- */

struct kc_result kc_server_init_command(const struct kc_command *command)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t pem[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(pem);
    struct kc_public_key bank;
    const char *dir = kc_command_value(command, "dir");
    const char *bank_key = kc_command_value(command, "bank-key");
    if (bank_key == NULL) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = read_bank_key(&bank, bank_key);
    if (!kc_failed(result)) {
        result = kc_folder_make(dir);
    }
    if (!kc_failed(result)) {
        result = kc_server_keys_ensure(dir);
    }
    if (!kc_failed(result)) {
        result = kc_pem_write_public(&buffer, &bank);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, dir, "bank.pub", NULL);
    }
    return kc_failed(result) ? result : kc_file_write(path, kc_buffer_view(&buffer), 0600);
}
