/* Three people and a bank that is away for a while. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "kinchaku/demo.h"
#include "service/files.h"

#define REFUSED_STATUS 1
#define NOT_COMPLETED_STATUS 3
#define STOP_MS 10000u

enum who { A, B, C };

/* What a purse holds and what the bank's record of it says, for each person. */
struct columns {
    const char *uim[KC_PEOPLE_MAX];
    const char *shadow[KC_PEOPLE_MAX];
};

/* A payment over a link, how each station must end, and the columns then. */
struct deal {
    const char *part;
    const char *words;
    enum who payer;
    enum who payee;
    const char *pay[5];
    const char *receive[4];
    int payer_status;
    int payee_status;
    struct columns columns;
};

/* What one person does with the bank. */
struct call {
    const char *part;
    const char *words;
    enum who who;
    const char *arguments[4];
    int status;
    struct columns columns;
};

static struct kc_result check(struct kc_watch *watch, const char *part,
                              const struct columns *columns)
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

static struct kc_result play_deal(struct kc_watch *watch, const struct deal *deal)
{
    const char *receive[8] = {"receive", "--yes"};
    for (size_t i = 0; i < 4 && deal->receive[i] != NULL; i++) {
        receive[2 + i] = deal->receive[i];
    }
    const struct kc_watch_side payer = {watch->people[deal->payer].uim, deal->pay,
                                        deal->payer_status};
    const struct kc_watch_side payee = {watch->people[deal->payee].uim, receive,
                                        deal->payee_status};
    kc_demo_announce(watch, deal->part, deal->words);
    struct kc_result result = kc_watch_meet(watch, &payer, &payee);
    return kc_failed(result) ? result : check(watch, deal->part, &deal->columns);
}

static struct kc_result play_call(struct kc_watch *watch, const struct call *call)
{
    const char *arguments[7] = {"--uim", watch->people[call->who].uim};
    for (size_t i = 0; i < 4 && call->arguments[i] != NULL; i++) {
        arguments[2 + i] = call->arguments[i];
    }
    kc_demo_announce(watch, call->part, call->words);
    struct kc_result result = kc_watch_run(watch, "station", arguments, call->status, true);
    return kc_failed(result) ? result : check(watch, call->part, &call->columns);
}

static const struct call top_up = {"top-up", "A withdraws 40 more",
                                   A,        {"withdraw", "40", "--yes"},
                                   0,        {{"120", "0", "0"}, {"120", "0", "0"}}};

static const struct deal away[] = {
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

static const struct call reports[] = {
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

static const struct deal torn[] = {
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

struct kc_result kc_demo_exchange(struct kc_watch *watch)
{
    struct kc_result result;
    kc_demo_announce(watch, "more-people", "B and C are registered, too");
    result = kc_demo_join(watch, "B", "Jiro Tanaka");
    if (!kc_failed(result)) {
        result = kc_demo_join(watch, "C", "Yoko Sato");
    }
    if (!kc_failed(result)) {
        result = play_call(watch, &top_up);
    }
    if (!kc_failed(result)) {
        result = kc_process_stop(watch->system->dir, "bank", STOP_MS);
    }
    for (size_t i = 0; i < 2 && !kc_failed(result); i++) {
        result = play_deal(watch, &away[i]);
    }
    if (!kc_failed(result)) {
        result = kc_system_up(watch->system);
    }
    for (size_t i = 0; i < 3 && !kc_failed(result); i++) {
        result = play_call(watch, &reports[i]);
    }
    for (size_t i = 0; i < 2 && !kc_failed(result); i++) {
        result = play_deal(watch, &torn[i]);
    }
    return result;
}
