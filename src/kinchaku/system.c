/* The layout of a system in a folder. Everything here may be repeated: what is there already stays as it is. */
#include "kinchaku/system.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "directory/slapd_conf.h"
#include "service/config.h"
#include "service/files.h"
#include "service/keys.h"

#define PORT_FIRST 15000u
#define PORT_COUNT 16000u
#define PORT_TRIES 100
#define DEMO_FEES "\n[merchant]\nfee_fixed = 1\nfee_permille = 25\n"

static const struct kc_config_key keys[] = {
    {"system", "bank", KC_CONFIG_UINT, offsetof(struct kc_system_config, bank), 1, UINT32_MAX,
     NULL},
    {"system", "currency", KC_CONFIG_TEXT, offsetof(struct kc_system_config, currency), 0, 3, NULL},
    {"system", "decimals", KC_CONFIG_UINT, offsetof(struct kc_system_config, decimals), 0, 8, NULL},
    {"system", "faults", KC_CONFIG_BOOL, offsetof(struct kc_system_config, faults), 0, 0, "no"},
    {"ports", "directory", KC_CONFIG_UINT,
     offsetof(struct kc_system_config, ports[KC_NODE_DIRECTORY]), 1, 65535, NULL},
    {"ports", "sandbank", KC_CONFIG_UINT,
     offsetof(struct kc_system_config, ports[KC_NODE_SANDBANK]), 1, 65535, NULL},
    {"ports", "authority", KC_CONFIG_UINT,
     offsetof(struct kc_system_config, ports[KC_NODE_AUTHORITY]), 1, 65535, NULL},
    {"ports", "bank", KC_CONFIG_UINT, offsetof(struct kc_system_config, ports[KC_NODE_BANK]), 1,
     65535, NULL},
};

const char *kc_node_name(enum kc_node node)
{
    static const char *const names[KC_NODES] = {"slapd", "sandbank", "authority", "bank"};
    return names[node];
}

static struct kc_result find_programs(struct kc_system *system)
{
    ssize_t size = readlink("/proc/self/exe", system->programs, sizeof system->programs - 1);
    if (size <= 0) {
        return kc_result(KC_IO_FAILED);
    }
    system->programs[size] = '\0';
    char *slash = strrchr(system->programs, '/');
    if (slash == NULL) {
        return kc_result(KC_IO_FAILED);
    }
    *slash = '\0';
    return kc_ok();
}

struct kc_result kc_system_program(char out[KC_PATH_SIZE], const struct kc_system *system,
                                   const char *name)
{
    if (kc_process_path(out, system->programs, ".", "kinchaku-", name) && access(out, X_OK) == 0) {
        return kc_ok();
    }
    int size = snprintf(out, KC_PATH_SIZE, "%s/../%s/kinchaku-%s", system->programs, name, name);
    bool good = size > 0 && size < KC_PATH_SIZE && access(out, X_OK) == 0;
    return kc_result(good ? KC_OK : KC_FILE_MISSING);
}

static struct kc_result make_absolute(struct kc_system *system, const char *dir)
{
    if (realpath(dir, system->dir) == NULL) {
        return kc_result(errno == ENOENT ? KC_FILE_MISSING : KC_IO_FAILED);
    }
    return kc_ok();
}

struct kc_result kc_system_open(struct kc_system *system, const char *dir)
{
    char path[KC_PATH_SIZE_MAX];
    memset(system, 0, sizeof *system);
    struct kc_result result = find_programs(system);
    if (!kc_failed(result)) {
        result = make_absolute(system, dir);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, system->dir, "system.ini", NULL);
    }
    if (!kc_failed(result) && !kc_file_exists(path)) {
        result = kc_result(KC_FILE_MISSING);
    }
    return kc_failed(result)
               ? result
               : kc_config_read(&system->config, keys, sizeof keys / sizeof keys[0], path);
}

/* A socket bound to a random loopback port that is free now, or -1. Below the range from which the kernel takes ports for
 * outgoing connections, so that none of those sits on it when the process starts again later. */
static int bind_somewhere(uint64_t *port)
{
    for (int i = 0; i < PORT_TRIES; i++) {
        uint16_t random = 0;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
            return -1;
        }
        *port = PORT_FIRST + random % PORT_COUNT;
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
            return fd;
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    return -1;
}

/* Free ports, all held at once so that they differ. */
static struct kc_result choose_ports(uint64_t ports[KC_NODES])
{
    int sockets[KC_NODES];
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < KC_NODES; i++) {
        sockets[i] = bind_somewhere(&ports[i]);
        if (sockets[i] < 0) {
            result = kc_result(KC_ADDRESS_IN_USE);
        }
    }
    for (size_t i = 0; i < KC_NODES; i++) {
        if (sockets[i] >= 0) {
            (void)close(sockets[i]);
        }
    }
    return result;
}

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

/* Makes a folder of the system, `name` below `above`. */
static struct kc_result make_folder(char out[KC_PATH_SIZE_MAX], const char *above, const char *name)
{
    struct kc_result result = kc_path_join(out, above, name, NULL);
    return kc_failed(result) ? result : kc_folder_make(out);
}

struct kc_result kc_system_create(struct kc_system *system, const char *dir,
                                  const struct kc_system_config *config)
{
    char path[KC_PATH_SIZE_MAX];
    char text[512];
    memset(system, 0, sizeof *system);
    system->config = *config;
    struct kc_result result = kc_folder_make(dir);
    if (!kc_failed(result)) {
        result = make_absolute(system, dir);
    }
    if (!kc_failed(result) && strpbrk(system->dir, "\"\\\r\n") != NULL) {
        result = kc_result(KC_MALFORMED); /* slapd reads its paths from a file with quotes */
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, system->dir, "system.ini", NULL);
    }
    if (!kc_failed(result) && kc_file_exists(path)) {
        result = kc_result(KC_ALREADY_EXISTS);
    }
    if (!kc_failed(result)) {
        result = find_programs(system);
    }
    if (!kc_failed(result)) {
        result = choose_ports(system->config.ports);
    }
    if (kc_failed(result)) {
        return result;
    }
    const uint64_t *ports = system->config.ports;
    int size = snprintf(text, sizeof text,
                        "[system]\nbank = %" PRIu64 "\ncurrency = %s\ndecimals = %" PRIu64
                        "\nfaults = %s\n\n[ports]\ndirectory = %" PRIu64 "\nsandbank = %" PRIu64
                        "\nauthority = %" PRIu64 "\nbank = %" PRIu64 "\n",
                        config->bank, config->currency, config->decimals,
                        config->faults ? "yes" : "no", ports[KC_NODE_DIRECTORY],
                        ports[KC_NODE_SANDBANK], ports[KC_NODE_AUTHORITY], ports[KC_NODE_BANK]);
    return write_text(system->dir, "system.ini", text, size, sizeof text);
}

/* ---- the parts ---- */

/* Texts that the programs take on their command lines. */
struct words {
    char bank[24];
    char decimals[4];
    char ports[KC_NODES][8];
    char urls[KC_NODES][40];
};

static void fill_words(struct words *out, const struct kc_system *system)
{
    const struct kc_system_config *config = &system->config;
    (void)snprintf(out->bank, sizeof out->bank, "%" PRIu64, config->bank);
    (void)snprintf(out->decimals, sizeof out->decimals, "%u", (unsigned)(config->decimals & 15u));
    for (size_t i = 0; i < KC_NODES; i++) {
        unsigned port = (unsigned)(config->ports[i] & 0xffffu);
        (void)snprintf(out->ports[i], sizeof out->ports[i], "%u", port);
        (void)snprintf(out->urls[i], sizeof out->urls[i], "%s://127.0.0.1:%u",
                       i == KC_NODE_DIRECTORY ? "ldap" : "http", port);
    }
}

/* Why a program failed, by its last word to machines; its words to people stand on standard error already. */
static struct kc_result reason_of(const struct kc_buffer *said)
{
    enum kc_error error = KC_OK;
    for (size_t at = 0; at < said->size;) {
        json_error_t where;
        json_t *object = json_loadb((const char *)said->data + at, said->size - at,
                                    JSON_DISABLE_EOF_CHECK, &where);
        if (object == NULL) {
            break;
        }
        at += (size_t)where.position;
        const char *name = json_string_value(json_object_get(object, "error"));
        error = name == NULL ? error : kc_error_from_name(name);
        json_decref(object);
    }
    return kc_result(error == KC_OK ? KC_CONFIG_INVALID : error);
}

/* Runs one of our programs with `arguments` (ended by NULL) and --dir. An exit status of `also` is as good as 0. */
static struct kc_result run_saying(struct kc_buffer *said, const struct kc_system *system,
                                   const char *name, const char *const *arguments, int also)
{
    char path[KC_PATH_SIZE];
    char *argv[25] = {path};
    size_t count = 1;
    int status = 0;
    struct kc_result result = kc_system_program(path, system, name);
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "kinchaku-%s is not installed beside this program", name);
        return result;
    }
    for (; arguments[count - 1] != NULL && count < 21; count++) {
        argv[count] = kc_process_word(arguments[count - 1]);
    }
    argv[count++] = kc_process_word("--json");
    argv[count++] = kc_process_word("--dir");
    argv[count] = kc_process_word(system->dir);
    result = kc_process_run(&status, said, argv, false);
    if (!kc_failed(result) && status != 0 && status != also) {
        kc_log(KC_LOG_ERROR, "kinchaku-%s %s failed status=%d", name, arguments[0], status);
        result = reason_of(said);
    }
    return result;
}

static struct kc_result run_until(const struct kc_system *system, const char *name,
                                  const char *const *arguments, int also)
{
    uint8_t bytes[4096];
    struct kc_buffer said = KC_BUFFER(bytes);
    return run_saying(&said, system, name, arguments, also);
}

static struct kc_result run_program(const struct kc_system *system, const char *name,
                                    const char *const *arguments)
{
    return run_until(system, name, arguments, 0);
}

static struct kc_result prepare_authority(const struct kc_system *system, const struct words *words)
{
    const char *token = system->config.token;
    const char *const arguments[] = {"init",
                                     "--bank",
                                     words->bank,
                                     "--currency",
                                     system->config.currency,
                                     "--port",
                                     words->ports[KC_NODE_AUTHORITY],
                                     "--directory-url",
                                     words->urls[KC_NODE_DIRECTORY],
                                     token == NULL ? NULL : "--token",
                                     token,
                                     NULL};
    return run_program(system, "authority", arguments);
}

static struct kc_result prepare_sandbank(const struct kc_system *system, const struct words *words)
{
    const char *arguments[] = {"init",
                               "--port",
                               words->ports[KC_NODE_SANDBANK],
                               "--currency",
                               system->config.currency,
                               "--decimals",
                               words->decimals,
                               system->config.faults ? "--faults" : NULL,
                               NULL};
    return run_program(system, "sandbank", arguments);
}

static struct kc_result prepare_registrar(const struct kc_system *system, const struct words *words)
{
    const char *const init[] = {"init",
                                "--bank",
                                words->bank,
                                "--currency",
                                system->config.currency,
                                "--decimals",
                                words->decimals,
                                "--bank-url",
                                words->urls[KC_NODE_BANK],
                                "--authority-url",
                                words->urls[KC_NODE_AUTHORITY],
                                "--directory-url",
                                words->urls[KC_NODE_DIRECTORY],
                                NULL};
    const char *const certify[] = {"server", "--name", "registrar", NULL};
    struct kc_result result = run_program(system, "registrar", init);
    return kc_failed(result) ? result : run_program(system, "authority", certify);
}

/* The bank's access to the ordinary bank: the same token in both folders. */
static struct kc_result copy_token(const struct kc_system *system, const char *bank_folder)
{
    char folder[KC_PATH_SIZE_MAX];
    char token[160];
    struct kc_result result = kc_path_join(folder, system->dir, "sandbank", NULL);
    if (!kc_failed(result)) {
        result = kc_token_file_load(token, sizeof token - 1, folder, "access.token");
    }
    if (!kc_failed(result)) {
        size_t size = strlen(token);
        token[size] = '\n';
        result = write_text(bank_folder, "ordinary-bank.token", token, (int)size + 1, sizeof token);
    }
    kc_wipe(token, sizeof token);
    return result;
}

static struct kc_result write_bank_config(const struct kc_system *system, const char *folder,
                                          const struct words *words)
{
    char path[KC_PATH_SIZE_MAX];
    char text[1024];
    char sign[KC_TOKEN_URI_SIZE_MAX + 1] = "";
    char encrypt[KC_TOKEN_URI_SIZE_MAX + 1] = "";
    const char *token = system->config.token;
    struct kc_result result = kc_path_join(path, folder, "bank.ini", NULL);
    if (kc_failed(result) || kc_file_exists(path)) {
        return result;
    }
    if (token != NULL) {
        result = kc_token_uri_object(sign, token, "bank-sign");
        result = kc_failed(result) ? result : kc_token_uri_object(encrypt, token, "bank-encrypt");
    }
    if (kc_failed(result)) {
        return result;
    }
    int size = snprintf(
        text, sizeof text,
        "[bank]\nid = %s\ncurrency = %s\ndecimals = %s\nport = %s\nurl = %s\n\n"
        "[directory]\nurl = %s\n\n[authority]\nurl = %s\n\n[ordinary-bank]\nurl = %s\n%s%s%s%s%s%s",
        words->bank, system->config.currency, words->decimals, words->ports[KC_NODE_BANK],
        words->urls[KC_NODE_BANK], words->urls[KC_NODE_DIRECTORY], words->urls[KC_NODE_AUTHORITY],
        words->urls[KC_NODE_SANDBANK], system->config.fees ? DEMO_FEES : "",
        token == NULL ? "" : "\n[keys]\nsign = ", sign,
        token == NULL ? "" : "\nencrypt = ", encrypt, token == NULL ? "" : "\n");
    return write_text(folder, "bank.ini", text, size, sizeof text);
}

static struct kc_result prepare_bank(const struct kc_system *system, const struct words *words)
{
    char folder[KC_PATH_SIZE_MAX];
    const char *const init[] = {"init", NULL};
    const char *const certify[] = {"server", "--name", "bank", NULL};
    struct kc_result result = kc_path_join(folder, system->dir, "bank", NULL);
    if (!kc_failed(result)) {
        result = kc_folder_make(folder);
    }
    if (!kc_failed(result)) {
        result = copy_token(system, folder);
    }
    if (!kc_failed(result)) {
        result = write_bank_config(system, folder, words);
    }
    if (!kc_failed(result)) {
        result = run_program(system, "bank", init);
    }
    if (!kc_failed(result)) {
        result = run_program(system, "authority", certify);
    }
    /* Ends a roll-over of its keys that was cut off before they were certified. */
    return kc_failed(result) ? result : run_program(system, "bank", init);
}

static struct kc_result prepare_directory(const struct kc_system *system)
{
    char folder[KC_PATH_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    char secret[160];
    static uint8_t text[3 * KC_PATH_SIZE_MAX + 2048];
    struct kc_buffer conf = KC_BUFFER(text);
    struct kc_result result = make_folder(folder, system->dir, "directory");
    if (!kc_failed(result)) {
        result = make_folder(path, folder, "data");
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, system->dir, "authority", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_token_file_load(secret, sizeof secret, path, "directory.secret");
    }
    if (!kc_failed(result)) {
        result = kc_slapd_conf_write(&conf, folder, secret);
    }
    kc_wipe(secret, sizeof secret);
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "slapd.conf", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_file_write(path, kc_buffer_view(&conf), 0600);
    }
    kc_wipe(text, sizeof text);
    return result;
}

struct kc_result kc_system_prepare(const struct kc_system *system)
{
    char path[KC_PATH_SIZE_MAX];
    struct words words;
    fill_words(&words, system);
    struct kc_result result = make_folder(path, system->dir, "run");
    if (!kc_failed(result)) {
        result = make_folder(path, system->dir, "log");
    }
    if (!kc_failed(result)) {
        result = prepare_authority(system, &words);
    }
    if (!kc_failed(result)) {
        result = prepare_sandbank(system, &words);
    }
    if (!kc_failed(result)) {
        result = prepare_registrar(system, &words);
    }
    if (!kc_failed(result)) {
        result = prepare_bank(system, &words);
    }
    return kc_failed(result) ? result : prepare_directory(system);
}

/* ---- the bank's next keys ---- */

#define STATUS_NOT_COMPLETED 3

/* Rolls over, and reads what the program says of it. */
static struct kc_result run_roll(struct kc_system_rolled *out, const struct kc_system *system,
                                 const char *name, const char *const *arguments)
{
    uint8_t bytes[4096];
    struct kc_buffer said = KC_BUFFER(bytes);
    memset(out, 0, sizeof *out);
    struct kc_result result = run_saying(&said, system, name, arguments, 0);
    if (kc_failed(result)) {
        return result;
    }
    json_t *object = json_loadb((const char *)said.data, said.size, JSON_DISABLE_EOF_CHECK, NULL);
    const char *until = json_string_value(json_object_get(object, "until"));
    out->number = (uint64_t)json_integer_value(json_object_get(object, "number"));
    (void)snprintf(out->until, sizeof out->until, "%s", until == NULL ? "" : until);
    json_decref(object);
    return result;
}

struct kc_result kc_system_roll(struct kc_system_rolled *out, const struct kc_system *system,
                                uint64_t days, const char *token, bool emergency)
{
    char text[24];
    const char *roll[8] = {"roll", "--days", text};
    size_t count = 3;
    static const char *const certify[] = {"server", "--name", "bank", NULL};
    (void)snprintf(text, sizeof text, "%" PRIu64, days);
    if (token != NULL) {
        roll[count++] = "--token";
        roll[count++] = token;
    }
    if (emergency) {
        roll[count++] = "--emergency";
    }
    struct kc_result result = run_until(system, "bank", roll, STATUS_NOT_COMPLETED);
    if (!kc_failed(result)) {
        result = run_program(system, "authority", certify);
    }
    return kc_failed(result) ? result : run_roll(out, system, "bank", roll);
}

/* It lay beside the stolen key. The authority's emergency makes another one, and so does every start, which gives it to the
 * directory as well. */
static struct kc_result forget_directory_password(const struct kc_system *system)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_join(path, system->dir, "authority", "directory.secret");
    if (!kc_failed(result) && unlink(path) != 0 && errno != ENOENT) {
        result = kc_result(KC_IO_FAILED);
    }
    return result;
}

struct kc_result kc_system_roll_authority(struct kc_system_rolled *out,
                                          const struct kc_system *system, const char *token,
                                          bool emergency)
{
    const char *roll[8] = {"roll"};
    size_t count = 1;
    if (emergency) {
        roll[count++] = "--emergency";
    }
    if (token != NULL) {
        roll[count++] = "--token";
        roll[count++] = token;
    }
    /* Before all else: a repeat of what was cut after it would be another emergency. */
    struct kc_result result = emergency ? forget_directory_password(system) : kc_ok();
    return kc_failed(result) ? result : run_roll(out, system, "authority", roll);
}

struct kc_result kc_system_roll_root(struct kc_system_rolled *out, const struct kc_system *system,
                                     uint64_t days, const char *token)
{
    char text[24];
    const char *roll[8] = {"roll", "--root"};
    size_t count = 2;
    (void)snprintf(text, sizeof text, "%" PRIu64, days);
    if (days != 0) {
        roll[count++] = "--days";
        roll[count++] = text;
    }
    if (token != NULL) {
        roll[count++] = "--token";
        roll[count++] = token;
    }
    return run_roll(out, system, "authority", roll);
}
