/* What comes with the years: the charge for keeping an account, and new keys. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/x509.h"
#include "directory/directory.h"
#include "kinchaku/demo.h"
#include "service/files.h"

#define LDAPSEARCH "/usr/bin/ldapsearch"
#define NOT_COMPLETED_STATUS 3
#define LIST_BASE "cn=issuer,ou=servers," KC_DIRECTORY_BASE
#define LIST_ATTRIBUTE "certificateRevocationList;binary"
#define SAID_SIZE 16384u
#define STOP_MS 10000u
#define WAIT_MS 90000u
#define POLL_US 200000u
/* Of certificates that A has had in the directory: two at a time, three times. */
#define SERIALS_MAX 8u

enum who { A, B, C };

/* Days of eight seconds: the notice comes at once, the day itself with the next. */
static const char charge_words[] =
    "\n[charge]\namount = 12\nfirst_due = 1\nnotice = 1\ngrace = 366\nday_ms = 8000\n";

struct serials {
    size_t count;
    uint8_t all[SERIALS_MAX][KC_SERIAL_SIZE];
};

struct issuers {
    size_t count;
    size_t sizes[KC_ISSUERS_MAX];
    uint8_t der[KC_ISSUERS_MAX][KC_CERTIFICATE_SIZE_MAX];
};

struct lists {
    size_t count;
    struct kc_crl *all[KC_ISSUERS_MAX];
};

static const struct kc_demo_call told = {
    "charge-notice",
    "accounts cost 12 a year from now on (here a day lasts eight seconds): A is told before the "
    "day",
    A,
    {"sync"},
    0,
    {{"10", "20", "40"}, {"10", "20", "40"}}};

static const struct kc_demo_call taken = {"charge-taken",
                                          "the day has come: 12 are gone from A's account",
                                          A,
                                          {"sync"},
                                          0,
                                          {{"10", "20", "40"}, {"10", "20", "40"}}};

static const struct kc_demo_deal old_key = {
    "old-key-payment",
    "A pays B 5, signed by its first key, and B's receipt is lost",
    A,
    B,
    {"pay", "5"},
    {"--lose", "answer"},
    NOT_COMPLETED_STATUS,
    0,
    {{"5", "25", "40"}, {"10", "20", "40"}}};

static const struct kc_demo_call inside = {
    "renew-inside",
    "A's UIM makes itself new keys; the old ones sign for them and end",
    A,
    {"renew"},
    0,
    {{"5", "25", "40"}, {"5", "20", "40"}}};

static const struct kc_demo_call by_authority = {
    "renew-authority",
    "A takes them: made by the authority, sealed to the old key, changed over in the UIM at once",
    A,
    {"renew", "--by", "authority"},
    0,
    {{"5", "25", "40"}, {"5", "25", "40"}}};

static const struct kc_demo_call settled[] = {
    {"old-key-settled",
     "B reports the payment that A's first key signed: it is settled",
     B,
     {"sync"},
     0,
     {{"5", "25", "40"}, {"5", "25", "40"}}},
    {"old-key-known",
     "A reports, too, and hears of it: nothing is under way any more",
     A,
     {"sync"},
     0,
     {{"5", "25", "40"}, {"5", "25", "40"}}},
};

static const struct kc_demo_call new_key = {"new-key", "A withdraws 5, signed by its third key",
                                            A,         {"withdraw", "5", "--yes"},
                                            0,         {{"10", "25", "40"}, {"10", "25", "40"}}};

/* ---- the charge ---- */

/* Starts the bank anew with `text` as its configuration. */
static struct kc_result configure(const struct kc_watch *watch, const char *path,
                                  struct kc_view text)
{
    struct kc_result result = kc_process_stop(watch->system->dir, "bank", STOP_MS);
    if (!kc_failed(result)) {
        result = kc_file_write(path, text, 0600);
    }
    return kc_failed(result) ? result : kc_system_up(watch->system);
}

/* The state of A's charge in what the bank lists of the account. */
static bool has_state(const uint8_t *bytes, size_t size, const char *state)
{
    bool found = false;
    for (size_t at = 0; at < size && !found;) {
        json_error_t error;
        json_t *object =
            json_loadb((const char *)bytes + at, size - at, JSON_DISABLE_EOF_CHECK, &error);
        if (object == NULL) {
            return false;
        }
        at += (size_t)error.position;
        const char *word = json_string_value(json_object_get(object, "state"));
        found =
            json_object_get(object, "charge") != NULL && word != NULL && strcmp(word, state) == 0;
        json_decref(object);
    }
    return found;
}

static struct kc_result wait_for_charge(struct kc_watch *watch, const char *state)
{
    char number[24];
    uint8_t bytes[SAID_SIZE];
    uint64_t end_ms = kc_clock_now_ms() + WAIT_MS;
    const char *const arguments[] = {"account", number, "--json", NULL};
    (void)snprintf(number, sizeof number, "%" PRIu64, watch->people[A].account);
    for (;;) {
        struct kc_buffer out = KC_BUFFER(bytes);
        struct kc_result result = kc_watch_tool(watch, &out, "bank", arguments);
        if (kc_failed(result) || has_state(bytes, out.size, state)) {
            return result;
        }
        if (kc_clock_now_ms() > end_ms || kc_process_stop_signal() != 0) {
            kc_log(KC_LOG_ERROR, "A's charge does not become '%s'", state);
            return kc_result(kc_process_stop_signal() != 0 ? KC_NOT_COMPLETED : KC_TIMEOUT);
        }
        (void)usleep(POLL_US);
    }
}

/* The account as it must be now. */
static struct kc_result check_account(const struct kc_watch *watch, const char *expected)
{
    const struct kc_person_watched *a = &watch->people[A];
    if (!kc_demo_same(a->account_amount, expected, (unsigned)watch->system->config.decimals)) {
        kc_log(KC_LOG_ERROR, "%s: A's account has %s instead of %s", watch->part, a->account_amount,
               expected);
        return kc_result(KC_INTERNAL);
    }
    if (!watch->json) {
        (void)printf("  = A: account %s\n", a->account_amount);
    }
    return kc_ok();
}

/* What A's station shows of the charge. */
static struct kc_result tell_notice(struct kc_watch *watch)
{
    uint8_t bytes[4096];
    char words[256];
    struct kc_buffer out = KC_BUFFER(bytes);
    const char *const show[] = {"--uim", watch->people[A].uim, "--json", "show", NULL};
    struct kc_result result = kc_watch_tool(watch, &out, "station", show);
    json_t *object = kc_failed(result) ? NULL : json_loadb((const char *)bytes, out.size, 0, NULL);
    const char *amount = json_string_value(json_object_get(object, "charge_amount"));
    const char *due = json_string_value(json_object_get(object, "charge_due"));
    if (!kc_failed(result) && (amount == NULL || due == NULL)) {
        kc_log(KC_LOG_ERROR, "A's UIM was not told of the charge");
        result = kc_result(KC_INTERNAL);
    }
    if (!kc_failed(result)) {
        int size = snprintf(words, sizeof words,
                            watch->json ? "{\"amount\":\"%s\",\"due\":\"%s\"}"
                                        : "the UIM says: %s are due on %s",
                            amount, due);
        result = size > 0 && (size_t)size < sizeof words
                     ? kc_demo_tell(watch, "notice", kc_view(words, (size_t)size))
                     : kc_result(KC_TOO_LARGE);
    }
    json_decref(object);
    return result;
}

static struct kc_result notify_and_take(struct kc_watch *watch)
{
    struct kc_result result = wait_for_charge(watch, "notified");
    if (!kc_failed(result)) {
        result = kc_demo_ask(watch, &told);
    }
    if (!kc_failed(result)) {
        result = tell_notice(watch);
    }
    if (!kc_failed(result)) {
        result = wait_for_charge(watch, "paid");
    }
    if (!kc_failed(result)) {
        result = kc_demo_ask(watch, &taken);
    }
    return kc_failed(result) ? result : check_account(watch, "818");
}

/* The bank charges for as long as it takes to see one; then it is as it was, for whoever uses the system afterwards. */
static struct kc_result charge(struct kc_watch *watch)
{
    static uint8_t bytes[SAID_SIZE];
    char path[KC_PATH_SIZE_MAX];
    struct kc_buffer text = KC_BUFFER(bytes);
    struct kc_result result = kc_path_join(path, watch->system->dir, "bank", "bank.ini");
    if (!kc_failed(result)) {
        result = kc_file_read(&text, path);
    }
    size_t before = text.size;
    if (!kc_failed(result)) {
        result = kc_buffer_append(&text, kc_view(charge_words, sizeof charge_words - 1));
    }
    if (!kc_failed(result)) {
        result = configure(watch, path, kc_buffer_view(&text));
    }
    if (!kc_failed(result)) {
        result = notify_and_take(watch);
    }
    return kc_failed(result) ? result : configure(watch, path, kc_view(bytes, before));
}

/* ---- keys that the authority makes ---- */

/* What A's UIM says of the keys that wait for it; an empty text when none do. */
static struct kc_result read_key_ready(char out[64], struct kc_watch *watch)
{
    uint8_t bytes[4096];
    struct kc_buffer said = KC_BUFFER(bytes);
    const char *const show[] = {"--uim", watch->people[A].uim, "--json", "show", NULL};
    struct kc_result result = kc_watch_tool(watch, &said, "station", show);
    json_t *object = kc_failed(result) ? NULL : json_loadb((const char *)bytes, said.size, 0, NULL);
    const char *ready = json_string_value(json_object_get(object, "key_ready"));
    (void)snprintf(out, 64, "%s", ready == NULL ? "" : ready);
    json_decref(object);
    return result;
}

/* S2 to S4 go on in the bank; A's station hears of them by a sync, S5. */
static struct kc_result wait_for_keys(char ready[64], struct kc_watch *watch)
{
    uint64_t end_ms = kc_clock_now_ms() + WAIT_MS;
    const char *const sync[] = {"--uim", watch->people[A].uim, "sync", NULL};
    for (;;) {
        struct kc_result result = kc_watch_tool(watch, NULL, "station", sync);
        if (!kc_failed(result)) {
            result = read_key_ready(ready, watch);
        }
        if (kc_failed(result) || ready[0] != '\0') {
            return result;
        }
        if (kc_clock_now_ms() > end_ms || kc_process_stop_signal() != 0) {
            return kc_result(kc_process_stop_signal() != 0 ? KC_NOT_COMPLETED : KC_TIMEOUT);
        }
        (void)usleep(POLL_US);
    }
}

static struct kc_result order_keys(struct kc_watch *watch)
{
    char number[24];
    char ready[64] = "";
    char words[128];
    const char *const order[] = {"renew", number, NULL};
    (void)snprintf(number, sizeof number, "%" PRIu64, watch->people[A].account);
    kc_demo_announce(watch, "key-order",
                     "the bank asks the authority for new keys for A, who is told that they wait");
    struct kc_result result = kc_watch_tool(watch, NULL, "bank", order);
    if (!kc_failed(result)) {
        result = wait_for_keys(ready, watch);
    }
    if (kc_failed(result)) {
        return result;
    }
    int size = snprintf(
        words, sizeof words,
        watch->json ? "{\"key_ready\":\"%s\"}" : "the UIM says: new keys wait since %s", ready);
    return kc_demo_tell(watch, "notice", kc_view(words, (size_t)size));
}

/* ---- the directory, as anybody reads it ---- */

/* Runs ldapsearch for one attribute of one name, whose values it writes into files; their paths stand in what it says. */
static struct kc_result ask_directory(struct kc_buffer *out, const struct kc_watch *watch,
                                      const char *base, const char *attribute)
{
    char url[64];
    int status = 0;
    const struct kc_system_config *config = &watch->system->config;
    (void)snprintf(url, sizeof url, "ldap://127.0.0.1:%" PRIu64, config->ports[KC_NODE_DIRECTORY]);
    const char *const words[] = {LDAPSEARCH,     "-LLL", "-x", "-H",          url,
                                 "-s",           "base", "-b", base,          "-o",
                                 "ldif-wrap=no", "-tt",  "-T", watch->folder, attribute};
    char *argv[sizeof words / sizeof words[0] + 1] = {NULL};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        argv[i] = kc_process_word(words[i]);
    }
    struct kc_result result = kc_process_run(&status, out, argv, false);
    if (!kc_failed(result) && status != 0) {
        kc_log(KC_LOG_ERROR, "ldapsearch ended with status %d", status);
        result = kc_result(KC_DIRECTORY_DOWN);
    }
    return result;
}

/* The next value's file in what ldapsearch said, read and removed; KC_NOT_FOUND after the last. */
static struct kc_result take_value(struct kc_buffer *value, const char **said)
{
    static const char mark[] = "file://";
    char path[KC_PATH_SIZE];
    const char *begin = strstr(*said, mark);
    if (begin == NULL) {
        return kc_result(KC_NOT_FOUND);
    }
    begin += sizeof mark - 1;
    size_t size = strcspn(begin, "\r\n");
    *said = begin + size;
    if (size >= sizeof path) {
        return kc_result(KC_TOO_LARGE);
    }
    memcpy(path, begin, size);
    path[size] = '\0';
    value->size = 0;
    struct kc_result result = kc_file_read(value, path);
    (void)unlink(path);
    return result;
}

/* The serial numbers of A's certificates that are in the directory now, added to `out`. */
static struct kc_result read_serials(struct serials *out, const struct kc_watch *watch)
{
    char base[64];
    uint8_t bytes[4096];
    uint8_t der[4096];
    struct kc_buffer text = KC_BUFFER(bytes);
    struct kc_buffer value = KC_BUFFER(der);
    (void)snprintf(base, sizeof base, "cn=%" PRIu64 ",ou=accounts," KC_DIRECTORY_BASE,
                   watch->people[A].account);
    struct kc_result result = ask_directory(&text, watch, base, "userCertificate;binary");
    const char *at = (const char *)bytes;
    while (!kc_failed(result) && out->count < SERIALS_MAX) {
        struct kc_certificate certificate;
        result = take_value(&value, &at);
        if (!kc_failed(result)) {
            result = kc_certificate_read(&certificate, kc_buffer_view(&value));
        }
        if (!kc_failed(result)) {
            memcpy(out->all[out->count++], certificate.serial, KC_SERIAL_SIZE);
        }
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

static void free_lists(struct lists *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        kc_crl_free(lists->all[i]);
    }
    lists->count = 0;
}

/* Every issuer that the directory shows; more than the most it may show are passed over. */
static struct kc_result read_issuers(struct issuers *out, const struct kc_watch *watch)
{
    uint8_t bytes[4096];
    struct kc_buffer text = KC_BUFFER(bytes);
    const char *at = (const char *)bytes;
    out->count = 0;
    struct kc_result result = ask_directory(&text, watch, LIST_BASE, "cACertificate;binary");
    while (!kc_failed(result) && out->count < KC_ISSUERS_MAX) {
        struct kc_buffer value = KC_BUFFER(out->der[out->count]);
        result = take_value(&value, &at);
        if (!kc_failed(result)) {
            out->sizes[out->count++] = value.size;
        }
    }
    return result.code == KC_NOT_FOUND && out->count > 0 ? kc_ok() : result;
}

/* Each issuer's list, as that issuer signed it: after a roll-over of the issuing key there are several, in any order. A list by
 * none of them is passed over; KC_CERT_INVALID when an issuer is without one. */
static struct kc_result read_lists(struct lists *out, const struct kc_watch *watch)
{
    static uint8_t list_der[256 * 1024];
    static struct issuers issuers;
    uint8_t bytes[4096];
    struct kc_buffer text = KC_BUFFER(bytes);
    const char *at = (const char *)bytes;
    out->count = 0;
    struct kc_result result = read_issuers(&issuers, watch);
    if (!kc_failed(result)) {
        result = ask_directory(&text, watch, LIST_BASE, LIST_ATTRIBUTE);
    }
    while (!kc_failed(result) && out->count < KC_ISSUERS_MAX) {
        struct kc_buffer list = KC_BUFFER(list_der);
        bool read = false;
        result = take_value(&list, &at);
        for (size_t i = 0; i < issuers.count && !kc_failed(result) && !read; i++) {
            read = !kc_failed(kc_crl_read(&out->all[out->count], kc_buffer_view(&list),
                                          kc_view(issuers.der[i], issuers.sizes[i])));
        }
        out->count += read ? 1 : 0;
    }
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        free_lists(out);
        return result;
    }
    if (out->count != issuers.count) {
        free_lists(out);
        return kc_result(KC_CERT_INVALID);
    }
    return kc_ok();
}

static size_t count_revoked(const struct lists *lists, const struct serials *serials)
{
    size_t count = 0;
    for (size_t i = 0; i < lists->count; i++) {
        for (size_t k = 0; k < serials->count; k++) {
            count += kc_crl_has(lists->all[i], serials->all[k]);
        }
    }
    return count;
}

/* The authority publishes its list soon after a renewal was confirmed. */
static struct kc_result wait_for_list(size_t *revoked, const struct kc_watch *watch,
                                      const struct serials *old)
{
    uint64_t end_ms = kc_clock_now_ms() + WAIT_MS;
    *revoked = 0;
    for (;;) {
        struct lists lists;
        struct kc_result result = read_lists(&lists, watch);
        if (kc_failed(result)) {
            return result;
        }
        *revoked = count_revoked(&lists, old);
        free_lists(&lists);
        if (*revoked == old->count) {
            return kc_ok();
        }
        if (kc_clock_now_ms() > end_ms || kc_process_stop_signal() != 0) {
            return kc_result(KC_TIMEOUT);
        }
        (void)usleep(POLL_US);
    }
}

static struct kc_result show_list(struct kc_watch *watch, const struct serials *old)
{
    char words[256];
    size_t revoked = 0;
    struct serials now = {.count = 0};
    struct lists lists = {.count = 0};
    kc_demo_announce(watch, "revoked",
                     "what ldapsearch finds in the directory: the revocation list, and A's "
                     "certificates");
    int said = snprintf(words, sizeof words,
                        watch->json ? "{\"base\":\"%s\",\"attribute\":\"%s\",\"port\":%" PRIu64 "}"
                                    : "-x -b %s '%s' -H ldap://127.0.0.1:%" PRIu64,
                        LIST_BASE, LIST_ATTRIBUTE, watch->system->config.ports[KC_NODE_DIRECTORY]);
    struct kc_result result = kc_demo_tell(watch, "ldapsearch", kc_view(words, (size_t)said));
    if (!kc_failed(result)) {
        result = wait_for_list(&revoked, watch, old);
    }
    if (!kc_failed(result)) {
        result = read_serials(&now, watch);
    }
    if (!kc_failed(result)) {
        result = read_lists(&lists, watch);
    }
    if (kc_failed(result)) {
        return result;
    }
    size_t wrong = count_revoked(&lists, &now);
    int size =
        snprintf(words, sizeof words,
                 watch->json ? "{\"old\":%zu,\"old_revoked\":%zu,\"new\":%zu,\"new_revoked\":%zu}"
                             : "A's %zu old certificates: %zu on the list; the %zu new ones: %zu",
                 old->count, revoked, now.count, wrong);
    free_lists(&lists);
    result = kc_demo_tell(watch, "list", kc_view(words, (size_t)size));
    return !kc_failed(result) && (wrong != 0 || now.count == 0) ? kc_result(KC_INTERNAL) : result;
}

/* Both ways, and the payment of the first key between them; `old` gets the certificates that they replace. */
static struct kc_result renew(struct serials *old, struct kc_watch *watch)
{
    struct kc_result result = read_serials(old, watch);
    if (!kc_failed(result)) {
        result = kc_demo_ask(watch, &inside);
    }
    for (size_t i = 0; i < sizeof settled / sizeof settled[0] && !kc_failed(result); i++) {
        result = kc_demo_ask(watch, &settled[i]);
    }
    if (!kc_failed(result)) {
        result = read_serials(old, watch);
    }
    if (!kc_failed(result)) {
        result = order_keys(watch);
    }
    return kc_failed(result) ? result : kc_demo_ask(watch, &by_authority);
}

struct kc_result kc_demo_years(struct kc_watch *watch)
{
    struct serials old = {.count = 0};
    struct kc_result result = charge(watch);
    if (!kc_failed(result)) {
        result = kc_demo_meet(watch, &old_key, NULL);
    }
    if (!kc_failed(result)) {
        result = renew(&old, watch);
    }
    if (!kc_failed(result)) {
        result = show_list(watch, &old);
    }
    if (!kc_failed(result)) {
        result = kc_demo_ask(watch, &new_key);
    }
    return kc_failed(result) ? result : check_account(watch, "813");
}
