/* Starting, stopping and looking at the processes of a system. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/directory.h"
#include "kinchaku/system.h"
#include "service/http_client.h"

#define START_MS 30000u
#define STOP_MS 10000u
#define ASK_MS 1000u
#define POLL_NS 20000000L
#define LAST_LINE_MAX 2048
#define SLAPD "/usr/sbin/slapd"

/* Up once it answers at all; whether anything stands in it is the authority's matter. */
static bool directory_answers(const struct kc_system *system)
{
    struct kc_directory *directory = NULL;
    char url[40];
    struct kc_directory_issuers issuers = {.certificate_count = 0};
    (void)snprintf(url, sizeof url, "ldap://127.0.0.1:%u",
                   (unsigned)system->config.ports[KC_NODE_DIRECTORY]);
    struct kc_result result = kc_directory_open(&directory, url, NULL, ASK_MS);
    if (!kc_failed(result)) {
        result = kc_directory_issuers(&issuers, directory);
    }
    kc_directory_issuers_free(&issuers);
    kc_directory_close(directory);
    return !kc_failed(result) || result.code == KC_NOT_FOUND;
}

static bool server_answers(const struct kc_system *system, enum kc_node node)
{
    struct kc_http_client *client = NULL;
    uint8_t content[256];
    struct kc_buffer buffer = KC_BUFFER(content);
    struct kc_http_reply reply = {.content = &buffer};
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/health",
                   (unsigned)system->config.ports[node]);
    struct kc_http_call call = {.url = url};
    struct kc_result result = kc_http_client_open(&client, ASK_MS);
    if (!kc_failed(result)) {
        result = kc_http_client_call(client, &reply, &call);
    }
    kc_http_client_close(client);
    return !kc_failed(result) && reply.status == 200;
}

bool kc_system_answers(const struct kc_system *system, enum kc_node node)
{
    if (kc_process_find(system->dir, kc_node_name(node)) == 0) {
        return false;
    }
    return node == KC_NODE_DIRECTORY ? directory_answers(system) : server_answers(system, node);
}

static struct kc_result start_slapd(const struct kc_system *system)
{
    char program[] = SLAPD;
    char conf[KC_PATH_SIZE];
    char url[40];
    char f[] = "-f";
    char h[] = "-h";
    char d[] = "-d";
    char none[] = "none";
    (void)snprintf(url, sizeof url, "ldap://127.0.0.1:%u/",
                   (unsigned)system->config.ports[KC_NODE_DIRECTORY]);
    if (!kc_process_path(conf, system->dir, "directory", "slapd", ".conf")) {
        return kc_result(KC_TOO_LARGE);
    }
    char *argv[] = {program, f, conf, h, url, d, none, NULL};
    return kc_process_start(system->dir, kc_node_name(KC_NODE_DIRECTORY), argv);
}

static struct kc_result start_server(const struct kc_system *system, enum kc_node node)
{
    char program[KC_PATH_SIZE];
    char dir[KC_PATH_SIZE];
    char serve[] = "serve";
    char option[] = "--dir";
    memcpy(dir, system->dir, sizeof dir);
    struct kc_result result = kc_system_program(program, system, kc_node_name(node));
    char *argv[] = {program, serve, option, dir, NULL};
    return kc_failed(result) ? result : kc_process_start(system->dir, kc_node_name(node), argv);
}

/* How long a node's log is; what it writes from now on stands behind that. */
static uint64_t log_size(const struct kc_system *system, enum kc_node node)
{
    char path[KC_PATH_SIZE];
    struct stat status;
    bool known = kc_process_path(path, system->dir, "log", kc_node_name(node), ".log") &&
                 stat(path, &status) == 0 && status.st_size > 0;
    return known ? (uint64_t)status.st_size : 0;
}

/* Why a node ended at its start: the error in parentheses at the end of the last line that it wrote behind `from`, as
 * kc_command_fail writes it. KC_UNREACHABLE when it named none. */
static struct kc_result reason_of_end(const struct kc_system *system, enum kc_node node,
                                      uint64_t from)
{
    char path[KC_PATH_SIZE];
    char text[LAST_LINE_MAX + 1];
    uint64_t size = log_size(system, node);
    if (size <= from || !kc_process_path(path, system->dir, "log", kc_node_name(node), ".log")) {
        return kc_result(KC_UNREACHABLE);
    }
    uint64_t start = size - from > LAST_LINE_MAX ? size - LAST_LINE_MAX : from;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, text, LAST_LINE_MAX, (off_t)start);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (got < 3 || text[got - 1] != '\n' || text[got - 2] != ')') {
        return kc_result(KC_UNREACHABLE);
    }
    text[got - 2] = '\0';
    const char *name = strrchr(text, '(');
    enum kc_error error = name == NULL ? KC_OK : kc_error_from_name(name + 1);
    /* KC_INTERNAL stands for a name that is none, too. */
    return kc_result(error == KC_OK || error == KC_INTERNAL ? KC_UNREACHABLE : error);
}

static struct kc_result wait_until_it_answers(const struct kc_system *system, enum kc_node node,
                                              uint64_t log_before)
{
    uint64_t end_ms = kc_clock_now_ms() + START_MS;
    while (kc_clock_now_ms() < end_ms && kc_process_stop_signal() == 0) {
        const struct timespec pause = {.tv_nsec = POLL_NS};
        if (kc_system_answers(system, node)) {
            return kc_ok();
        }
        if (kc_process_find(system->dir, kc_node_name(node)) == 0) {
            kc_log(KC_LOG_ERROR, "%s ended at its start; see %s/log/%s.log", kc_node_name(node),
                   system->dir, kc_node_name(node));
            return reason_of_end(system, node, log_before);
        }
        (void)nanosleep(&pause, NULL);
    }
    if (kc_process_stop_signal() != 0) {
        return kc_result(KC_TIMEOUT);
    }
    kc_log(KC_LOG_ERROR, "%s does not answer; see %s/log/%s.log", kc_node_name(node), system->dir,
           kc_node_name(node));
    return kc_result(KC_TIMEOUT);
}

struct kc_result kc_system_up(const struct kc_system *system)
{
    struct kc_result result = kc_ok();
    for (int i = 0; i < KC_NODES && !kc_failed(result); i++) {
        enum kc_node node = (enum kc_node)i;
        if (kc_process_stop_signal() != 0) {
            return kc_result(KC_TIMEOUT);
        }
        uint64_t log_before = log_size(system, node);
        if (kc_process_find(system->dir, kc_node_name(node)) == 0) {
            result = node == KC_NODE_DIRECTORY ? start_slapd(system) : start_server(system, node);
        }
        if (result.code == KC_FILE_MISSING) {
            kc_log(KC_LOG_ERROR, "the program of %s is not installed", kc_node_name(node));
        }
        if (!kc_failed(result)) {
            result = wait_until_it_answers(system, node, log_before);
        }
    }
    return result;
}

struct kc_result kc_system_down(const struct kc_system *system)
{
    struct kc_result result = kc_ok();
    for (int i = KC_NODES - 1; i >= 0; i--) {
        struct kc_result stopped =
            kc_process_stop(system->dir, kc_node_name((enum kc_node)i), STOP_MS);
        result = kc_failed(stopped) ? stopped : result;
    }
    return result;
}
