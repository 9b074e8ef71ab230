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

struct kc_result kc_demo_tell(const struct kc_watch *watch, const char *step, struct kc_view said)
{
    const char *text = (const char *)said.data;
    struct kc_result result = kc_ok();
    for (size_t at = 0, end = 0; at < said.size && !kc_failed(result); at = end + 1) {
        for (end = at; end < said.size && text[end] != '\n'; end++) {
        }
        if (!watch->json) {
            (void)printf("  %-9s %.*s\n", at == 0 ? step : "", (int)(end - at), text + at);
            continue;
        }
        json_t *object = json_loadb(text + at, end - at, 0, NULL);
        bool good = object != NULL &&
                    json_object_set_new(object, "part", json_string(watch->part)) == 0 &&
                    json_object_set_new(object, "step", json_string(step)) == 0 &&
                    json_dumpf(object, stdout, JSON_COMPACT) == 0;
        (void)printf("\n");
        json_decref(object);
        result = kc_result(good ? KC_OK : KC_MALFORMED);
    }
    (void)fflush(stdout);
    return result;
}

struct kc_result kc_demo_add(struct kc_watch *watch, const char *letter)
{
    KC_ASSERT(watch->count < KC_PEOPLE_MAX);
    struct kc_person_watched *person = &watch->people[watch->count++];
    *person = (struct kc_person_watched){.name = letter};
    int size = snprintf(person->uim, sizeof person->uim, "%s/demo-%s-%" PRIu64 ".uim",
                        watch->system->dir, letter, kc_clock_now_ms());
    return kc_result(size > 0 && (size_t)size < sizeof person->uim ? KC_OK : KC_TOO_LARGE);
}

struct kc_result kc_demo_join(struct kc_watch *watch, const char *letter, const char *name,
                              const char *password_file)
{
    char ordinary[40];
    struct kc_result result = kc_demo_add(watch, letter);
    const char *uim = watch->people[watch->count - 1].uim;
    (void)snprintf(ordinary, sizeof ordinary, "demo-%s-%" PRIu64, letter, kc_clock_now_ms());
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
                                uim,
                                password_file == NULL ? NULL : "--password-file",
                                password_file,
                                NULL};
    if (!kc_failed(result)) {
        result = kc_watch_tool(watch, NULL, "sandbank", add);
    }
    return kc_failed(result) ? result : kc_watch_run(watch, "registrar", open, 0, false);
}

/* ---- the audit ---- */

static struct kc_result member(struct kc_amount *out, const struct kc_watch *watch,
                               const json_t *audit, const char *name)
{
    const char *text = json_string_value(json_object_get(audit, name));
    return text == NULL ? kc_result(KC_MALFORMED)
                        : kc_amount_parse(out, text, (unsigned)watch->system->config.decimals);
}

/* What came in and did not go out again stands somewhere: with accounts, in purses, under way, or as the bank's fees; what a
 * copy made the bank pay is its claim. */
static struct kc_result account_for_all(const struct kc_watch *watch, const json_t *audit)
{
    static const char *const places[] = {"accounts_total", "shadows_total", "fees", "in_flight"};
    char said[512];
    char sum_text[KC_AMOUNT_TEXT_SIZE];
    char funded_text[KC_AMOUNT_TEXT_SIZE];
    struct kc_amount sum = kc_amount_zero();
    struct kc_amount funded;
    struct kc_amount claims;
    struct kc_amount one;
    struct kc_result result = member(&funded, watch, audit, "outside");
    for (size_t i = 0; i < sizeof places / sizeof places[0] && !kc_failed(result); i++) {
        result = member(&one, watch, audit, places[i]);
        if (!kc_failed(result)) {
            result = kc_amount_add(&sum, sum, one);
        }
    }
    if (!kc_failed(result)) {
        result = member(&claims, watch, audit, "claims");
    }
    if (!kc_failed(result)) {
        result = kc_amount_sub(&sum, sum, claims);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_amount_format(sum_text, sum, (unsigned)watch->system->config.decimals);
    kc_amount_format(funded_text, funded, (unsigned)watch->system->config.decimals);
    const char *names[4];
    for (size_t i = 0; i < 4; i++) {
        names[i] = json_string_value(json_object_get(audit, places[i]));
    }
    int size = snprintf(
        said, sizeof said,
        watch->json
            ? "{\"accounts\":\"%s\",\"shadows\":\"%s\",\"fees\":\"%s\",\"in_flight\":\"%s\","
              "\"claims\":\"%s\",\"sum\":\"%s\",\"funded_less_redeemed\":\"%s\"}"
            : "accounts %s + purses %s + fees %s + in flight %s - claims %s = %s; funded "
              "less redeemed: %s",
        names[0], names[1], names[2], names[3], json_string_value(json_object_get(audit, "claims")),
        sum_text, funded_text);
    result = kc_demo_tell(watch, "sum", kc_view(said, (size_t)size));
    return !kc_failed(result) && kc_amount_compare(sum, funded) != 0 ? kc_result(KC_INTERNAL)
                                                                     : result;
}

static void print_audit(json_t *audit)
{
    const char *name;
    json_t *value;
    json_object_foreach(audit, name, value)
    {
        if (json_is_string(value)) {
            (void)printf("  %-16s %s\n", name, json_string_value(value));
        } else {
            (void)printf("  %-16s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
        }
    }
}

static struct kc_result audit(struct kc_watch *watch)
{
    uint8_t bytes[4096];
    struct kc_buffer out = KC_BUFFER(bytes);
    const char *const arguments[] = {"audit", "--json", NULL};
    kc_demo_announce(watch, "audit",
                     "all balances once more, from the journal; where every unit is");
    struct kc_result result = kc_watch_tool(watch, &out, "bank", arguments);
    json_t *object = kc_failed(result) ? NULL : json_loadb((char *)bytes, out.size, 0, NULL);
    if (!kc_failed(result) && object == NULL) {
        result = kc_result(KC_MALFORMED);
    }
    if (!kc_failed(result) && watch->json) {
        result = kc_demo_tell(watch, "audit", kc_buffer_view(&out));
    } else if (!kc_failed(result)) {
        print_audit(object);
    }
    if (!kc_failed(result)) {
        result = account_for_all(watch, object);
    }
    json_decref(object);
    return result;
}

struct kc_result kc_demo_run(const struct kc_system *system, bool json)
{
    struct kc_watch watch;
    struct kc_result result = kc_watch_open(&watch, system, json);
    if (!kc_failed(result)) {
        kc_demo_announce(&watch, "open",
                         "a person is registered, an account opened, a UIM written");
        result = kc_demo_join(&watch, "A", "Hanako Suzuki", NULL);
    }
    for (size_t i = 0; i < sizeof acts / sizeof acts[0] && !kc_failed(result); i++) {
        result =
            kc_process_stop_signal() == 0 ? play(&watch, &acts[i]) : kc_result(KC_NOT_COMPLETED);
    }
    if (!kc_failed(result)) {
        result = kc_demo_exchange(&watch);
    }
    if (!kc_failed(result)) {
        result = kc_demo_vending(&watch);
    }
    if (!kc_failed(result)) {
        result = kc_demo_years(&watch);
    }
    if (!kc_failed(result)) {
        result = kc_demo_copied(&watch);
    }
    if (!kc_failed(result)) {
        result = audit(&watch);
    }
    kc_watch_close(&watch);
    return result;
}
