#include "kinchaku/demo.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/amount.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/files.h"

#define NOT_COMPLETED_STATUS 3

/* One act: what the user does with the station, how it must end, what both sides must hold then. */
struct act {
    const char *part;
    const char *words;
    const char *arguments[5]; /* of the station */
    int status;
    const char *account;
    const char *uim;
};

static const struct act acts[] = {
    {"fund", "1,000 from the ordinary bank to the account", {"fund", "1000"}, 0, "1000", "0"},
    {"withdraw",
     "100 from the account to the UIM, the user says OK",
     {"withdraw", "100", "--yes"},
     0,
     "900",
     "100"},
    {"deposit",
     "40 of it back to the account, the user says OK",
     {"deposit", "40", "--yes"},
     0,
     "940",
     "60"},
    {"ng", "a withdrawal of 50, the user says NG", {"withdraw", "50", "--no"}, 0, "940", "60"},
    {"lost-ok",
     "a deposit of 30 whose OK is lost: gone from the UIM, not yet in the account",
     {"deposit", "30", "--yes", "--lose", "answer"},
     NOT_COMPLETED_STATUS,
     "940",
     "30"},
    {"lost-ok-recovery",
     "the next contact: the bank says not completed, the UIM gets it back",
     {"sync"},
     0,
     "940",
     "60"},
    {"lost-completion",
     "a withdrawal of 20 whose completion is lost: booked, not yet in the UIM",
     {"withdraw", "20", "--yes", "--lose", "completion"},
     NOT_COMPLETED_STATUS,
     "920",
     "60"},
    {"lost-completion-recovery",
     "the next contact: the UIM conforms to the bank's record",
     {"sync"},
     0,
     "920",
     "80"},
};

void kc_demo_announce(struct kc_watch *watch, const char *part, const char *words)
{
    watch->part = part;
    if (!watch->json) {
        (void)printf("\n%s: %s\n", part, words);
    }
}

bool kc_demo_same(const char *text, const char *expected, unsigned decimals)
{
    struct kc_amount left;
    struct kc_amount right;
    return !kc_failed(kc_amount_parse(&left, text, decimals)) &&
           !kc_failed(kc_amount_parse(&right, expected, decimals)) &&
           kc_amount_compare(left, right) == 0;
}

struct kc_result kc_demo_look_into_uim(struct kc_watch *watch, struct kc_person_watched *person)
{
    uint8_t bytes[2048];
    struct kc_buffer out = KC_BUFFER(bytes);
    const char *const arguments[] = {"--uim", person->uim, "--json", "show", NULL};
    struct kc_result result = kc_watch_tool(watch, &out, "station", arguments);
    json_t *object = kc_failed(result)
                         ? NULL
                         : json_loadb((const char *)bytes, out.size, JSON_REJECT_DUPLICATES, NULL);
    const char *text = json_string_value(json_object_get(object, "uim_amount"));
    if (!kc_failed(result) && text == NULL) {
        result = kc_result(KC_MALFORMED);
    }
    if (text != NULL) {
        (void)snprintf(person->uim_amount, sizeof person->uim_amount, "%s", text);
    }
    json_decref(object);
    return result;
}

static struct kc_result check(struct kc_watch *watch, const struct act *act)
{
    unsigned decimals = (unsigned)watch->system->config.decimals;
    struct kc_person_watched *person = &watch->people[0];
    struct kc_result result = kc_demo_look_into_uim(watch, person);
    if (!kc_failed(result)) {
        result = kc_watch_look(watch);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (!kc_demo_same(person->account_amount, act->account, decimals) ||
        !kc_demo_same(person->uim_amount, act->uim, decimals)) {
        kc_log(KC_LOG_ERROR, "%s: account %s and UIM %s instead of %s and %s", act->part,
               person->account_amount, person->uim_amount, act->account, act->uim);
        return kc_result(KC_INTERNAL);
    }
    if (!watch->json) {
        (void)printf("  = account %s, UIM %s %s\n", person->account_amount, person->uim_amount,
                     watch->system->config.currency);
    }
    return result;
}

static struct kc_result play(struct kc_watch *watch, const struct act *act)
{
    const char *arguments[8] = {"--uim", watch->people[0].uim};
    for (size_t i = 0; i < 5 && act->arguments[i] != NULL; i++) {
        arguments[i + 2] = act->arguments[i];
    }
    kc_demo_announce(watch, act->part, act->words);
    struct kc_result result = kc_watch_run(watch, "station", arguments, act->status, true);
    return kc_failed(result) ? result : check(watch, act);
}

struct kc_result kc_demo_join(struct kc_watch *watch, const char *letter, const char *name)
{
    char ordinary[40];
    KC_ASSERT(watch->count < KC_PEOPLE_MAX);
    struct kc_person_watched *person = &watch->people[watch->count++];
    *person = (struct kc_person_watched){.name = letter};
    uint64_t now_ms = kc_clock_now_ms();
    int size = snprintf(person->uim, sizeof person->uim, "%s/demo-%s-%" PRIu64 ".uim",
                        watch->system->dir, letter, now_ms);
    if (size < 0 || (size_t)size >= sizeof person->uim) {
        return kc_result(KC_TOO_LARGE);
    }
    (void)snprintf(ordinary, sizeof ordinary, "demo-%s-%" PRIu64, letter, now_ms);
    const char *const add[] = {"add-account", "--account", ordinary, "--holder",
                               name,          "--balance", "5000",   NULL};
    const char *const open[] = {"open",
                                "--name",
                                name,
                                "--address",
                                "1-2-3 Marunouchi, Tokyo",
                                "--phone",
                                "03-0000-0000",
                                "--bank-account",
                                ordinary,
                                "--uim",
                                person->uim,
                                NULL};
    struct kc_result result = kc_watch_tool(watch, NULL, "sandbank", add);
    return kc_failed(result) ? result : kc_watch_run(watch, "registrar", open, 0, false);
}

static struct kc_result audit(struct kc_watch *watch)
{
    uint8_t bytes[4096];
    struct kc_buffer out = KC_BUFFER(bytes);
    const char *const arguments[] = {"audit", NULL};
    kc_demo_announce(watch, "audit", "all balances once more, from the journal");
    struct kc_result result = kc_watch_tool(watch, &out, "bank", arguments);
    if (!kc_failed(result) && !watch->json) {
        (void)fwrite(bytes, 1, out.size, stdout);
    }
    return result;
}

struct kc_result kc_demo_run(const struct kc_system *system, bool json)
{
    struct kc_watch watch;
    struct kc_result result = kc_watch_open(&watch, system, json);
    if (!kc_failed(result)) {
        kc_demo_announce(&watch, "open",
                         "a person is registered, an account opened, a UIM written");
        result = kc_demo_join(&watch, "A", "Hanako Suzuki");
    }
    for (size_t i = 0; i < sizeof acts / sizeof acts[0] && !kc_failed(result); i++) {
        result =
            kc_process_stop_signal() == 0 ? play(&watch, &acts[i]) : kc_result(KC_NOT_COMPLETED);
    }
    if (!kc_failed(result)) {
        result = kc_demo_exchange(&watch);
    }
    if (!kc_failed(result)) {
        result = audit(&watch);
    }
    kc_watch_close(&watch);
    return result;
}
