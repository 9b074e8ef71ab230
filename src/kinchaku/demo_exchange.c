/* Three people and a bank that is away for a while. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "kinchaku/demo.h"
#include "service/files.h"

#define REFUSED_STATUS 1
#define NOT_COMPLETED_STATUS 3
#define STOP_MS 10000u
/* More than a UIM's file. */
#define COPY_SIZE_MAX (512u * 1024u)

enum who { A, B, C };

static struct kc_result check(struct kc_watch *watch, const char *part,
                              const struct kc_demo_columns *columns)
{
    unsigned decimals = (unsigned)watch->system->config.decimals;
    struct kc_result result = kc_watch_look(watch);
    for (size_t i = 0; i < watch->count && !kc_failed(result); i++) {
        result = kc_demo_look_into_uim(watch, &watch->people[i]);
    }
    for (size_t i = 0; i < watch->count && !kc_failed(result); i++) {
        const struct kc_person_watched *person = &watch->people[i];
        const char *shadow = columns->shadow[i];
        bool below = shadow[0] == '-';
        bool same = kc_demo_same(person->uim_amount, columns->uim[i], decimals) &&
                    (person->shadow_amount[0] == '-') == below &&
                    kc_demo_same(person->shadow_amount + below, shadow + below, decimals);
        if (!same) {
            kc_log(KC_LOG_ERROR, "%s: UIM of %s %s and its record %s instead of %s and %s", part,
                   person->name, person->uim_amount, person->shadow_amount, columns->uim[i],
                   shadow);
            result = kc_result(KC_INTERNAL);
        }
    }
    if (kc_failed(result) || watch->json) {
        return result;
    }
    (void)printf("  =");
    for (size_t i = 0; i < watch->count; i++) {
        const struct kc_person_watched *person = &watch->people[i];
        (void)printf("   %s: UIM %s, the bank's record %s", person->name, person->uim_amount,
                     person->shadow_amount);
    }
    (void)printf("\n");
    return result;
}

struct kc_result kc_demo_meet(struct kc_watch *watch, const struct kc_demo_deal *deal,
                              const char *uim)
{
    const char *receive[8] = {"receive", "--yes"};
    for (size_t i = 0; i < 4 && deal->receive[i] != NULL; i++) {
        receive[2 + i] = deal->receive[i];
    }
    const struct kc_watch_side payer = {uim == NULL ? watch->people[deal->payer].uim : uim,
                                        deal->pay, deal->payer_status};
    const struct kc_watch_side payee = {watch->people[deal->payee].uim, receive,
                                        deal->payee_status};
    kc_demo_announce(watch, deal->part, deal->words);
    struct kc_result result = kc_watch_meet(watch, &payer, &payee);
    return kc_failed(result) ? result : check(watch, deal->part, &deal->columns);
}

struct kc_result kc_demo_ask(struct kc_watch *watch, const struct kc_demo_call *call)
{
    const char *arguments[7] = {"--uim", watch->people[call->who].uim};
    for (size_t i = 0; i < 4 && call->arguments[i] != NULL; i++) {
        arguments[2 + i] = call->arguments[i];
    }
    kc_demo_announce(watch, call->part, call->words);
    struct kc_result result = kc_watch_run(watch, "station", arguments, call->status, true);
    return kc_failed(result) ? result : check(watch, call->part, &call->columns);
}

static const struct kc_demo_call top_up = {"top-up", "A withdraws 40 more",
                                           A,        {"withdraw", "40", "--yes"},
                                           0,        {{"120", "0", "0"}, {"120", "0", "0"}}};

static const struct kc_demo_deal away[] = {
    {"pay",
     "the bank is stopped; A pays B 100 over a link",
     A,
     B,
     {"pay", "100"},
     {NULL},
     0,
     0,
     {{"20", "100", "0"}, {"120", "0", "0"}}},
    {"pay-on",
     "B pays C 40 of it on",
     B,
     C,
     {"pay", "40"},
     {NULL},
     0,
     0,
     {{"20", "60", "40"}, {"120", "0", "0"}}},
};

static const struct kc_demo_call reports[] = {
    {"c-reports",
     "the bank is back; C reports: B's record waits for what B was paid, below zero, and accuses "
     "nobody",
     C,
     {"sync"},
     0,
     {{"20", "60", "40"}, {"120", "-40", "40"}}},
    {"b-reports",
     "B reports: both ends of both payments are known now",
     B,
     {"sync"},
     0,
     {{"20", "60", "40"}, {"20", "60", "40"}}},
    {"a-reports",
     "A reports: nothing counts twice",
     A,
     {"sync"},
     0,
     {{"20", "60", "40"}, {"20", "60", "40"}}},
};

static const struct kc_demo_deal torn[] = {
    {"torn",
     "A pays B 10 and B's receipt is lost: A's 10 are under way, neither A's nor given up",
     A,
     B,
     {"pay", "10"},
     {"--lose", "answer"},
     NOT_COMPLETED_STATUS,
     0,
     {{"10", "70", "40"}, {"20", "60", "40"}}},
    {"torn-recovery",
     "A and B meet again: the same payment gets the same receipt",
     A,
     B,
     {"resume"},
     {NULL},
     0,
     0,
     {{"10", "70", "40"}, {"20", "60", "40"}}},
};

/* ---- a copied purse ---- */

/* The original pays B, the copy pays C, each with A's next counter. */
static const struct kc_demo_deal copied[] = {
    {"copied",
     "A's UIM file was copied; the original pays B 8",
     A,
     B,
     {"pay", "8"},
     {NULL},
     0,
     0,
     {{"2", "33", "40"}, {"10", "25", "40"}}},
    {"copied-twice",
     "the copy pays C 9 of the same 10: offline nobody can know",
     A,
     C,
     {"pay", "9"},
     {NULL},
     0,
     0,
     {{"2", "33", "49"}, {"10", "25", "40"}}},
};

static const struct kc_demo_call caught[] = {
    {"copied-b-reports",
     "B reports: nothing is wrong yet",
     B,
     {"sync"},
     0,
     {{"2", "33", "49"}, {"2", "33", "40"}}},
    {"copied-c-reports",
     "C reports: two payments with one counter. C keeps its 9, the 7 that are missing come out of "
     "A's account",
     C,
     {"sync"},
     0,
     {{"2", "33", "49"}, {"0", "33", "49"}}},
    {"copied-blocked",
     "A reports, and its UIM is out of use",
     A,
     {"sync"},
     REFUSED_STATUS,
     {{"2", "33", "49"}, {"0", "33", "49"}}},
};

static struct kc_result copy_file(const char *from, const char *to)
{
    static uint8_t bytes[COPY_SIZE_MAX];
    struct kc_buffer content = KC_BUFFER(bytes);
    struct kc_result result = kc_file_read(&content, from);
    return kc_failed(result) ? result : kc_file_write(to, kc_buffer_view(&content), 0600);
}

static struct kc_result path_of(char out[KC_PATH_SIZE], const char *begin, const char *end)
{
    int size = snprintf(out, KC_PATH_SIZE, "%s%s", begin, end);
    return kc_result(size > 0 && size < KC_PATH_SIZE ? KC_OK : KC_TOO_LARGE);
}

/* The UIM with the letter that holds its PIN. */
static struct kc_result copy_uim(char copy[KC_PATH_SIZE], const struct kc_person_watched *person)
{
    char letter[KC_PATH_SIZE];
    char letter_copy[KC_PATH_SIZE];
    struct kc_result result = path_of(copy, person->uim, ".copy");
    if (!kc_failed(result)) {
        result = path_of(letter, person->uim, ".letter");
    }
    if (!kc_failed(result)) {
        result = path_of(letter_copy, copy, ".letter");
    }
    if (!kc_failed(result)) {
        result = copy_file(person->uim, copy);
    }
    return kc_failed(result) ? result : copy_file(letter, letter_copy);
}

/* The alert that names a copied purse. */
static struct kc_result find_alert(char number[24], struct kc_watch *watch)
{
    uint8_t bytes[8192];
    struct kc_buffer out = KC_BUFFER(bytes);
    const char *const arguments[] = {"alerts", "--json", NULL};
    struct kc_result result = kc_watch_tool(watch, &out, "bank", arguments);
    json_int_t found = 0;
    for (size_t at = 0; at < out.size && !kc_failed(result);) {
        json_error_t error;
        json_t *alert =
            json_loadb((const char *)bytes + at, out.size - at, JSON_DISABLE_EOF_CHECK, &error);
        if (alert == NULL) {
            break;
        }
        at += (size_t)error.position;
        const char *reason = json_string_value(json_object_get(alert, "reason"));
        if (reason != NULL && strcmp(reason, kc_error_name(KC_COPIED_OR_RESTORED)) == 0) {
            found = json_integer_value(json_object_get(alert, "alert"));
        }
        json_decref(alert);
    }
    (void)snprintf(number, 24, "%" JSON_INTEGER_FORMAT, found);
    return !kc_failed(result) && found == 0 ? kc_result(KC_NOT_FOUND) : result;
}

/* The proof as a file, checked by another program that has nothing but that file and the bank's certificate. */
static struct kc_result show_evidence(struct kc_watch *watch)
{
    char number[24];
    char file[KC_PATH_SIZE];
    char certificate[KC_PATH_SIZE];
    uint8_t bytes[8192];
    struct kc_buffer out = KC_BUFFER(bytes);
    const char *const export_words[] = {"evidence", number, "--out", file, NULL};
    const char *const verify[] = {
        "verify-evidence", file, "--certificate", certificate, watch->json ? "--json" : NULL, NULL};
    kc_demo_announce(watch, "evidence",
                     "the proof as a file, for whoever has the bank's certificate");
    struct kc_result result = find_alert(number, watch);
    if (!kc_failed(result)) {
        result = path_of(file, watch->people[A].uim, ".evidence");
    }
    if (!kc_failed(result)) {
        result = path_of(certificate, watch->system->dir, "/bank/sign.crt");
    }
    if (!kc_failed(result)) {
        result = kc_watch_tool(watch, NULL, "bank", export_words);
    }
    if (!kc_failed(result)) {
        result = kc_watch_tool(watch, &out, NULL, verify);
    }
    if (!kc_failed(result) && watch->json) {
        result = kc_demo_tell(watch, "verify-evidence", kc_buffer_view(&out));
    } else if (!kc_failed(result)) {
        (void)fwrite(bytes, 1, out.size, stdout);
    }
    return result;
}

struct kc_result kc_demo_copied(struct kc_watch *watch)
{
    char copy[KC_PATH_SIZE];
    struct kc_result result = copy_uim(copy, &watch->people[A]);
    if (!kc_failed(result)) {
        result = kc_demo_meet(watch, &copied[0], NULL);
    }
    if (!kc_failed(result)) {
        result = kc_demo_meet(watch, &copied[1], copy);
    }
    for (size_t i = 0; i < sizeof caught / sizeof caught[0] && !kc_failed(result); i++) {
        result = kc_demo_ask(watch, &caught[i]);
    }
    return kc_failed(result) ? result : show_evidence(watch);
}

struct kc_result kc_demo_exchange(struct kc_watch *watch)
{
    struct kc_result result;
    kc_demo_announce(watch, "more-people", "B and C are registered, too");
    result = kc_demo_join(watch, "B", "Jiro Tanaka", NULL);
    if (!kc_failed(result)) {
        result = kc_demo_join(watch, "C", "Yoko Sato", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_demo_ask(watch, &top_up);
    }
    if (!kc_failed(result)) {
        result = kc_process_stop(watch->system->dir, "bank", STOP_MS);
    }
    for (size_t i = 0; i < 2 && !kc_failed(result); i++) {
        result = kc_demo_meet(watch, &away[i], NULL);
    }
    if (!kc_failed(result)) {
        result = kc_system_up(watch->system);
    }
    for (size_t i = 0; i < 3 && !kc_failed(result); i++) {
        result = kc_demo_ask(watch, &reports[i]);
    }
    for (size_t i = 0; i < 2 && !kc_failed(result); i++) {
        result = kc_demo_meet(watch, &torn[i], NULL);
    }
    return result;
}
