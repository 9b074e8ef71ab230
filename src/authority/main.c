#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authority/authority.h"
#include "authority/emergency.h"
#include "authority/issuers.h"
#include "authority/made.h"
#include "authority/ocsp.h"
#include "authority/own.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/pem.h"
#include "service/capture.h"
#include "service/command.h"
#include "service/files.h"
#include "service/http_server.h"
#include "service/json_out.h"
#include "service/keys.h"
#include "service/signals.h"

#define START_NS UINT64_C(10000000000)
#define TRY_EVERY_US 100000u
#define WIPE_EVERY_NS UINT64_C(1000000000)
#define ROLLS_MAX 32u
#define ROOT_DAYS_MAX 7300u

static const struct kc_option options[] = {
    {"dir", "D", "folder of the system (default .kinchaku)"},
    {"bank", "ID", "init: bank id (default 1)"},
    {"currency", "C", "init: currency code (default JPY)"},
    {"port", "P", "init: port to serve on"},
    {"directory-url", "URL", "init: where the directory is"},
    {"token", "URI",
     "init, roll: PKCS#11 token for a new authority's keys but the root's, or the new key"},
    {"name", "N", "server: bank or registrar"},
    {"account", "N", "revoke: account number"},
    {"reason", "R", "revoke: CRLReason number (default 1, key compromise)"},
    {"root", NULL, "roll: the root's key, and with it the issuing key"},
    {"emergency", NULL, "roll: those before the new issuing key are stolen, and end at once"},
    {"days", "N", "roll --root: how long the old root still counts (default: to its end)"},
};

static const struct kc_program program = {
    .name = "kinchaku-authority",
    .summary = "the certificate authority",
    .usage =
        "usage: kinchaku-authority init --port P --directory-url URL [--bank ID] [--currency "
        "C] [--token URI] [--dir D]\n"
        "       kinchaku-authority server --name bank|registrar [--dir D]\n"
        "       kinchaku-authority roll [--emergency | --root [--days N]] [--token URI] [--dir "
        "D]\n"
        "       kinchaku-authority serve | publish | list [--dir D]\n"
        "       kinchaku-authority revoke --account N [--reason R] [--dir D]",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* What to say about a failure beside the command's name. */
static char detail[KC_PATH_SIZE_MAX + 64];

static bool token_fits(const struct kc_command *command, const char *token)
{
    return kc_command_right(command, token == NULL || kc_token_uri_fits(token), "token",
                            "a PKCS#11 URI without a PIN");
}

/* ---- serve ---- */

/* A request, one at a time: its answer into *reply, which may be there after a refusal too. */
typedef struct kc_result (*answer_kind)(struct kc_buffer *reply, struct kc_authority *authority,
                                        struct kc_view bytes);

static const struct place {
    const char *path;
    const char *content_type;
    answer_kind answer;
    bool status; /* a refusal shows in the HTTP status too */
} places[] = {
    {"/v1/message", KC_CONTENT_COSE, kc_authority_handle, true},
    {"/cmp", KC_CONTENT_CMP, kc_authority_cmp_answer, false},
};

static const struct place *find_place(const char *path)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(places[i].path, path) == 0) {
            return &places[i];
        }
    }
    return NULL;
}

static void handle(void *owner, struct kc_http_exchange *exchange,
                   const struct kc_http_request *request)
{
    struct kc_authority *authority = owner;
    uint8_t *bytes = NULL;
    if (kc_responder_handle(authority->responder, exchange, request)) {
        return;
    }
    const struct place *place = find_place(request->path);
    struct kc_result result = place == NULL ? kc_result(KC_NOT_FOUND)
                                            : kc_http_expect(request, "POST", place->content_type);
    if (!kc_failed(result)) {
        bytes = malloc(KC_MESSAGE_SIZE_MAX);
        result = bytes == NULL ? kc_result(KC_NO_MEMORY) : result;
    }
    if (kc_failed(result)) {
        kc_http_answer_error(exchange, result.code);
        return;
    }
    struct kc_buffer reply = {.data = bytes, .capacity = KC_MESSAGE_SIZE_MAX};
    (void)pthread_mutex_lock(&authority->lock);
    result = place->answer(&reply, authority, request->body);
    (void)pthread_mutex_unlock(&authority->lock);
    kc_capture(authority->config.capture, request->body, kc_buffer_view(&reply));
    if (reply.size > 0) {
        int status = kc_failed(result) && place->status ? kc_error_http_status(result.code) : 200;
        kc_http_answer(exchange, status, place->content_type, kc_buffer_view(&reply));
    } else {
        kc_http_answer_error(exchange, kc_failed(result) ? result.code : KC_INTERNAL);
    }
    free(bytes);
}

/* Private keys whose time ran out, and what is left of others in the files. */
static void wipe_due(struct kc_authority *authority)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&authority->lock);
    struct kc_result result = kc_authority_wipe_due(&count, authority);
    (void)pthread_mutex_unlock(&authority->lock);
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "wiping keys failed reason=%s", kc_error_name(result.code));
    }
}

/* By the monotonic clock: a clock that is set back must not hold up the list. */
static void *publish_main(void *owner)
{
    struct kc_authority *authority = owner;
    uint64_t wipe_ns = 0;
    /* What the first publication left undone after an emergency is gone on with at once. */
    uint64_t next_ns =
        kc_emergency_is_owed(authority->folder)
            ? 0
            : kc_authority_next_ns(kc_clock_monotonic_ns(), authority->config.crl_ms, false);
    while (!authority->stopping) {
        (void)usleep(TRY_EVERY_US);
        if (kc_clock_monotonic_ns() >= wipe_ns) {
            wipe_due(authority);
            wipe_ns = kc_clock_monotonic_ns() + WIPE_EVERY_NS;
        }
        if (kc_clock_monotonic_ns() < next_ns) {
            continue;
        }
        (void)pthread_mutex_lock(&authority->lock);
        struct kc_result result = kc_own_retire(authority);
        struct kc_result published = kc_authority_publish_all(authority);
        result = kc_failed(published) ? published : result;
        struct kc_result certified = kc_responder_certify(authority->responder, authority);
        (void)pthread_mutex_unlock(&authority->lock);
        result = kc_failed(result) ? result : certified;
        if (result.code == KC_PENDING) {
            continue;
        }
        if (kc_failed(result)) {
            kc_log(KC_LOG_WARN, "publishing failed reason=%s", kc_error_name(result.code));
        }
        next_ns = kc_authority_next_ns(kc_clock_monotonic_ns(), authority->config.crl_ms,
                                       kc_failed(result));
    }
    return NULL;
}

/* The directory may be starting at the same time; the first publication waits for it a while, also for one that is slow. */
static void publish_first(struct kc_authority *authority)
{
    uint64_t end_ns = kc_clock_monotonic_ns() + START_NS;
    struct kc_result result = kc_authority_publish_all(authority);
    while (kc_failed(result) && kc_clock_monotonic_ns() < end_ns) {
        (void)usleep(TRY_EVERY_US);
        result = kc_authority_publish_all(authority);
    }
    kc_log(kc_failed(result) && result.code != KC_PENDING ? KC_LOG_WARN : KC_LOG_INFO,
           "first publication %s", kc_error_name(result.code));
}

/* Who issues from this start on, as a station's `show` and `kinchaku status` have it, and who counts no more. */
static void tell_issuers(const struct kc_authority *authority)
{
    struct kc_revoked ended[KC_ISSUER_ROLLS_MAX];
    struct kc_root_words words;
    const struct kc_issuer *newest = &authority->issuers[0];
    size_t count = kc_issuers_ended(ended, authority->folder);
    (void)kc_failed(kc_root_words(&words, kc_view(newest->der, newest->der_size)));
    kc_log(KC_LOG_INFO,
           "issuer in force number=%" PRIu64
           " certificate=%s from=%s until=%s ended_in_an_emergency=%zu",
           kc_issuers_newest(authority->folder), words.fingerprint, words.from, words.until, count);
    if (authority->ended_count > 0) {
        kc_log(KC_LOG_INFO,
               "issuers that ended and go on without a key, which may be destroyed count=%zu",
               authority->ended_count);
    }
}

static struct kc_result serve(const struct kc_command *command, const char *dir)
{
    static struct kc_authority authority;
    static struct kc_responder responder;
    struct kc_http_server *server = NULL;
    pthread_t publisher;
    int lock = -1;
    (void)command;
    kc_log_open("authority", KC_LOG_INFO);
    kc_signals_block();
    struct kc_result result = kc_folder_lock(&lock, dir, "authority");
    if (!kc_failed(result)) {
        result = kc_authority_open(&authority, dir);
    }
    if (!kc_failed(result)) {
        result = kc_responder_open(&responder, dir);
    }
    if (kc_failed(result)) {
        return result;
    }
    struct kc_result certified = kc_responder_certify(&responder, &authority);
    if (kc_failed(certified)) {
        kc_log(KC_LOG_WARN, "no certificate for the responder reason=%s",
               kc_error_name(certified.code));
    }
    tell_issuers(&authority);
    authority.responder = &responder;
    struct kc_result own = kc_own_certify(&authority, dir);
    if (kc_failed(own)) {
        kc_log(KC_LOG_WARN, "no certificates of its own reason=%s", kc_error_name(own.code));
    }
    publish_first(&authority);
    struct kc_result cmp = kc_authority_cmp_open(&authority);
    if (kc_failed(cmp)) {
        kc_log(KC_LOG_WARN, "CMP is not spoken reason=%s", kc_error_name(cmp.code));
    }
    const struct kc_http_options http = {.address = authority.config.address,
                                         .port = (unsigned)authority.config.port,
                                         .threads = 2,
                                         .body_size_max = KC_MESSAGE_SIZE_MAX,
                                         .connections_max = 4096,
                                         .timeout_s = 15,
                                         .owner = &authority,
                                         .handle = handle};
    result = kc_http_server_start(&server, &http);
    if (!kc_failed(result) && pthread_create(&publisher, NULL, publish_main, &authority) == 0) {
        kc_log(KC_LOG_INFO, "serving port=%u", kc_http_server_port(server));
        kc_signals_wait();
        authority.stopping = true;
        (void)pthread_join(publisher, NULL);
    }
    if (server != NULL) {
        kc_http_server_stop(server);
    }
    kc_responder_close(&responder);
    kc_authority_close(&authority);
    kc_file_unlock(lock);
    return result;
}

/* ---- commands ---- */

static struct kc_result init(const struct kc_command *command, const char *dir)
{
    uint64_t bank = 1;
    uint64_t port = 0;
    const char *currency = kc_command_value(command, "currency");
    const char *url = kc_command_value(command, "directory-url");
    const char *token = kc_command_value(command, "token");
    currency = currency == NULL ? "JPY" : currency;
    if (url == NULL || kc_command_value(command, "port") == NULL) {
        return kc_command_wrong(command, "--port and --directory-url are needed");
    }
    if (!token_fits(command, token) ||
        !kc_command_right(command, kc_command_url(url), "directory-url", "a URL without blanks") ||
        !kc_command_fits(&port, command, "port", 1, 65535, 0, "1 to 65535") ||
        !kc_command_fits(&bank, command, "bank", 1, UINT32_MAX, 1, "a number from 1") ||
        !kc_command_right(command, kc_command_currency(currency), "currency",
                          "three capital letters")) {
        return kc_result(KC_USAGE);
    }
    return kc_authority_init(dir, bank, currency, (unsigned)port, url, token);
}

static void tell_pending(const char *dir, bool root)
{
    char when[KC_CLOCK_TEXT_SIZE];
    struct kc_roll_ends ends;
    if (!kc_failed(kc_authority_roll_ends(&ends, dir, root))) {
        kc_clock_format(when, ends.next_ms);
        (void)snprintf(detail, sizeof detail, "at most %u %s count at a time, and the next ends %s",
                       ends.most, ends.roots ? "roots" : "issuing keys", when);
    }
}

static void tell_missing(const char *dir)
{
    char path[KC_PATH_SIZE_MAX];
    if (kc_authority_lacks_root(path, dir)) {
        (void)snprintf(detail, sizeof detail, "roll: the newest root's, %s", path);
    }
}

/* The next issuing key, or root; the authority must not be serving. */
static struct kc_result roll(const struct kc_command *command, const char *dir)
{
    uint64_t number = 0;
    struct kc_json_out json;
    uint64_t days = 0;
    char from[KC_CLOCK_TEXT_SIZE];
    char until[KC_CLOCK_TEXT_SIZE];
    struct kc_roll_ends ends;
    const char *token = kc_command_value(command, "token");
    bool root = kc_command_value(command, "root") != NULL;
    bool emergency = kc_command_value(command, "emergency") != NULL;
    if (root && emergency) {
        return kc_command_wrong(command, "--root or --emergency, not both");
    }
    if (!root && kc_command_value(command, "days") != NULL) {
        return kc_command_wrong(
            command, "--days is for --root: what an issuing key certified counts to its end");
    }
    if (!token_fits(command, token) ||
        !kc_command_fits(&days, command, "days", 1, ROOT_DAYS_MAX, 0, "1 to 7300")) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = root        ? kc_authority_roll_root(&number, dir, days, token)
                              : emergency ? kc_authority_roll_emergency(&number, dir, token)
                                          : kc_authority_roll(&number, dir, token);
    if (result.code == KC_PENDING) {
        tell_pending(dir, root);
    }
    if (result.code == KC_FILE_MISSING) {
        tell_missing(dir);
    }
    if (!kc_failed(result)) {
        result = kc_authority_roll_ends(&ends, dir, root);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_clock_format(from, ends.from_ms);
    kc_clock_format(until, ends.until_ms);
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "roll", "done");
        kc_json_number(&json, "number", number);
        kc_json_text(&json, "from", from);
        kc_json_text(&json, "until", until);
        kc_json_close(&json);
    } else if (emergency) {
        (void)printf("the authority's issuing key of number %" PRIu64 ", of %s, is in force; those "
                     "before it count no more, and its next start tells the directory\n",
                     number, from);
    } else {
        (void)printf("the authority's %s of number %" PRIu64 ", of %s, is in force from its next "
                     "start on; the old one counts until %s\n",
                     root ? "root" : "issuing key", number, from, until);
    }
    return result;
}

static struct kc_result read_public(struct kc_public_key *out, const char *folder, const char *name)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    struct kc_result result = kc_path_join(path, folder, name, NULL);
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    return kc_failed(result) ? result : kc_pem_read_public(out, kc_buffer_view(&buffer));
}

/* The newest keys that a server made: sign, or sign-N after N roll-overs. */
static unsigned newest_keys(const char *folder)
{
    unsigned number = 0;
    while (number < ROLLS_MAX && kc_file_numbered_exists(folder, "sign", number + 1, ".pub")) {
        number++;
    }
    return number;
}

/* Certificates of the newest keys. A repeat finds what was issued. */
static struct kc_result certify_newest(struct kc_pair *pair, struct kc_authority *authority,
                                       const char *folder, uint64_t holder, unsigned number)
{
    struct kc_public_key sign;
    struct kc_public_key encrypt;
    char file[KC_FILE_NAME_SIZE];
    struct kc_result result = kc_authority_pair(pair, authority, holder);
    if (kc_failed(result) ||
        (number == 0 && pair->sign_count > 0 && kc_authority_is_below_root(authority, pair))) {
        return result;
    }
    kc_file_numbered(file, "sign", number, ".pub");
    result = read_public(&sign, folder, file);
    if (!kc_failed(result)) {
        kc_file_numbered(file, "encrypt", number, ".pub");
        result = read_public(&encrypt, folder, file);
    }
    return kc_failed(result)
               ? result
               : kc_authority_certify_server(pair, authority, holder, &sign, &encrypt);
}

static struct kc_result issue_server(struct kc_authority *authority, const char *dir,
                                     uint64_t number)
{
    static struct kc_pair pair;
    char folder[KC_PATH_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    char file[KC_FILE_NAME_SIZE];
    unsigned newest = 0;
    struct kc_result result = kc_path_join(folder, dir, kc_authority_server_name(number), NULL);
    if (!kc_failed(result)) {
        newest = newest_keys(folder);
        result = certify_newest(&pair, authority, folder, number, newest);
    }
    kc_file_numbered(file, "sign", newest, ".crt");
    if (!kc_failed(result)) {
        result = kc_certificate_file_save(folder, file, kc_view(pair.sign.der, pair.sign.der_size));
    }
    kc_file_numbered(file, "encrypt", newest, ".crt");
    if (!kc_failed(result)) {
        result = kc_certificate_file_save(folder, file,
                                          kc_view(pair.encrypt.der, pair.encrypt.der_size));
    }
    /* The first root to be pinned; to the next one each server finds by itself. */
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "root.crt", NULL);
    }
    struct kc_view root = kc_view(authority->roots[0].der, authority->roots[0].der_size);
    return kc_failed(result) || kc_file_exists(path)
               ? result
               : kc_certificate_file_save(folder, "root.crt", root);
}

static struct kc_result server_certificates(struct kc_authority *authority,
                                            const struct kc_command *command, const char *dir)
{
    const char *name = kc_command_value(command, "name");
    for (uint64_t number = KC_SERVER_BANK; name != NULL && number <= KC_SERVER_REGISTRAR;
         number++) {
        if (strcmp(kc_authority_server_name(number), name) == 0 && number != KC_SERVER_AUTHORITY) {
            return issue_server(authority, dir, number);
        }
    }
    (void)kc_command_right(command, name == NULL, "name", "bank or registrar");
    return name == NULL ? kc_command_wrong(command, "--name is needed") : kc_result(KC_USAGE);
}

struct search {
    uint64_t holder;
    bool found;
};

static bool find_holder(void *owner, const struct kc_issued *issued)
{
    struct search *search = owner;
    search->found = issued->holder == search->holder;
    return !search->found;
}

/* Nothing was left to be revoked: because it is already, or because nothing was ever issued. */
static struct kc_result tell_revoked(struct kc_authority *authority,
                                     const struct kc_command *command, uint64_t holder)
{
    struct search search = {.holder = holder};
    struct kc_result result = kc_authority_store_all(authority->store, find_holder, &search);
    if (!kc_failed(result) && !search.found) {
        result = kc_result(KC_NOT_FOUND);
    }
    if (!kc_failed(result) && !command->json) {
        (void)printf("already revoked\n");
    }
    return result;
}

static struct kc_result revoke_account(struct kc_authority *authority,
                                       const struct kc_command *command, const char *dir)
{
    const char *text = kc_command_value(command, "account");
    uint64_t reason = 1;
    struct kc_account_id account;
    size_t count = 0;
    (void)dir;
    /* 7 is not used, 8 would take a certificate off the list again (RFC 5280 section 5.3.1). */
    if (text == NULL) {
        return kc_command_wrong(command, "--account is needed");
    }
    if (!kc_command_right(command, !kc_failed(kc_account_parse(&account, text)), "account",
                          "an account's number with its check digit") ||
        !kc_command_fits(&reason, command, "reason", 0, 10, 1, "0 to 6, 9 or 10") ||
        !kc_command_right(command, reason != 7 && reason != 8, "reason", "0 to 6, 9 or 10")) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = kc_authority_store_revoke(authority->store, &count, account.number,
                                                        kc_clock_now_ms(), reason);
    if (!kc_failed(result)) {
        result = kc_authority_store_made_remove(authority->store, account.number);
    }
    if (!kc_failed(result) && count == 0) {
        result = tell_revoked(authority, command, account.number);
    }
    if (!kc_failed(result)) {
        result = kc_authority_publish_crl(authority);
    }
    return kc_failed(result) ? result : kc_authority_publish(authority, account.number);
}

static struct kc_result publish(struct kc_authority *authority, const struct kc_command *command,
                                const char *dir)
{
    (void)command;
    (void)dir;
    /* After an emergency that is more than everybody; what else there is comes after it. */
    struct kc_result result =
        kc_result(kc_emergency_is_owed(authority->folder) ? KC_PENDING : KC_OK);
    while (result.code == KC_PENDING) {
        result = kc_authority_publish_all(authority);
    }
    return kc_failed(result) ? result : kc_authority_publish_everybody(authority);
}

static bool show(void *owner, const struct kc_issued *issued)
{
    const struct kc_command *command = owner;
    struct kc_json_out json;
    char serial[2 * KC_SERIAL_SIZE + 1];
    char expires[KC_CLOCK_TEXT_SIZE];
    const char *use = issued->use == KC_PROFILE_SIGN     ? "sign"
                      : issued->use == KC_PROFILE_STATUS ? "status"
                                                         : "encrypt";
    kc_hex_write(serial, kc_view(issued->serial, KC_SERIAL_SIZE));
    kc_clock_format(expires, issued->expires_ms);
    if (!command->json) {
        (void)printf("%-20llu %-8s %s %s %s\n", (unsigned long long)issued->holder, use, serial,
                     expires, issued->revoked_ms == 0 ? "valid" : "revoked");
        return true;
    }
    kc_json_open(&json, stdout);
    kc_json_number(&json, "holder", issued->holder);
    kc_json_text(&json, "use", use);
    kc_json_text(&json, "serial", serial);
    kc_json_text(&json, "expires", expires);
    kc_json_bool(&json, "revoked", issued->revoked_ms != 0);
    kc_json_close(&json);
    return true;
}

static struct kc_result list(struct kc_authority *authority, const struct kc_command *command,
                             const char *dir)
{
    union {
        const struct kc_command *in;
        void *out;
    } owner = {.in = command};
    (void)dir;
    return kc_authority_store_all(authority->store, show, owner.out);
}

struct verb {
    const char *name;
    struct kc_result (*alone)(const struct kc_command *command, const char *dir);
    struct kc_result (*opened)(struct kc_authority *authority, const struct kc_command *command,
                               const char *dir);
    bool reads; /* the database, and nothing else */
};

static const struct verb verbs[] = {
    {"init", init, NULL, false},       {"roll", roll, NULL, false},
    {"serve", serve, NULL, false},     {"server", NULL, server_certificates, false},
    {"publish", NULL, publish, false}, {"revoke", NULL, revoke_account, false},
    {"list", NULL, list, true},
};

static struct kc_result run(const struct verb *verb, const struct kc_command *command,
                            const char *dir)
{
    static struct kc_authority authority;
    if (verb->alone != NULL) {
        return verb->alone(command, dir);
    }
    struct kc_result result = verb->reads ? kc_authority_open_database(&authority, dir)
                                          : kc_authority_open(&authority, dir);
    if (!kc_failed(result)) {
        result = verb->opened(&authority, command, dir);
    }
    kc_authority_close(&authority);
    return result;
}

int main(int argc, char **argv)
{
    struct kc_command command;
    int status = 0;
    if (!kc_command_parse(&command, &program, argc, argv, &status)) {
        return status;
    }
    const char *dir = kc_command_dir(&command);
    for (size_t i = 0; command.argument_count == 1 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, command.arguments[0]) == 0) {
            struct kc_result result = run(&verbs[i], &command, dir);
            if (result.code == KC_USAGE) {
                return kc_command_explain(&command);
            }
            const char *words = detail[0] == '\0' ? verbs[i].name : detail;
            return kc_failed(result) ? kc_command_fail(&command, result, words) : 0;
        }
    }
    return kc_command_usage(&command, "this command is not known");
}
