/* Does the search find what is broken? Each mutant is searched in a process of its own until its first violation. A
 * purse or bank that stops itself by an assertion is found as well. Prints TAP. */
#include "mutants.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/inside.h"
#include "small.h"

#define DEPTH_MUTANT 5u

enum mutant mutant_on = MUTANT_NONE;

static const char *const words[MUTANTS] = {
    [MUTANT_NONE] = "nothing is broken",
    [MUTANT_NO_RESERVE] = "the payer keeps what it pays",
    [MUTANT_CREDIT_TWICE] = "the payee credits twice",
    [MUTANT_ANY_COUNTER] = "the payee takes a payment at a counter that it has passed",
    [MUTANT_LOG_UNSYNCED] = "the image is begun before the log is durable",
    [MUTANT_LOG_UNSYNCED_UNCHECKED] = "the same, and the log is not checked at power-up",
    [MUTANT_STAMP_REPEATED] = "a purse gives out a time stamp twice",
    [MUTANT_ANY_REPLY] = "a purse takes the reply to an earlier report",
    [MUTANT_OWN_ENTRIES_FORGOTTEN] = "a certified value wipes out the entries after it",
    [MUTANT_RECEIPT_LEFT] = "a receipt in the log does not end its payment after a power cut",
    [MUTANT_WORD_UNHEARD] = "a purse does not hear from the bank that its payee took a payment",
    [MUTANT_RELEASED_EARLY] = "the bank releases a payment on its payer's word",
    [MUTANT_COUNTED_TWICE] = "the bank counts a received amount twice",
    [MUTANT_BOOKED_TWICE] = "the bank books a payment for its payee twice",
    [MUTANT_NEVER_RELEASED] = "the bank does not release what its payee has passed",
    [MUTANT_CERTIFIES_MORE] = "the bank certifies one counter too many",
    [MUTANT_REPEAT_ACCUSED] = "the bank takes a second report of a record for a contradiction",
};

/* ---- functions of the purse ---- */

static struct kc_amount sum_of(struct kc_amount a, struct kc_amount b)
{
    struct kc_amount sum = a;
    (void)kc_failed(kc_amount_add(&sum, a, b));
    return sum;
}

struct kc_result __real_kc_payment_step(struct kc_ledger *ledger, struct kc_payment_sides *sides,
                                        enum kc_payment_step step, enum kc_error reason);
struct kc_result __wrap_kc_payment_step(struct kc_ledger *ledger, struct kc_payment_sides *sides,
                                        enum kc_payment_step step, enum kc_error reason);

struct kc_result __wrap_kc_payment_step(struct kc_ledger *ledger, struct kc_payment_sides *sides,
                                        enum kc_payment_step step, enum kc_error reason)
{
    struct kc_result result = __real_kc_payment_step(ledger, sides, step, reason);
    if (kc_failed(result)) {
        return result;
    }
    if (mutant_on == MUTANT_RELEASED_EARLY && step == KC_STEP_NOTE) {
        return __real_kc_payment_step(ledger, sides, KC_STEP_RELEASE, KC_OUT_OF_ORDER);
    }
    if (mutant_on == MUTANT_COUNTED_TWICE && step == KC_STEP_COUNT_TAKEN) {
        sides->payee->value = sum_of(sides->payee->value, sides->payment.amount);
    }
    if (mutant_on == MUTANT_BOOKED_TWICE && step == KC_STEP_BOOK) {
        sides->payee->ahead_in = sum_of(sides->payee->ahead_in, sides->payment.amount);
    }
    return result;
}

struct kc_result __real_kc_ledger_passed(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                         uint64_t before);
struct kc_result __wrap_kc_ledger_passed(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                         uint64_t before);

struct kc_result __wrap_kc_ledger_passed(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                         uint64_t before)
{
    return mutant_on == MUTANT_NEVER_RELEASED ? kc_ok()
                                              : __real_kc_ledger_passed(ledger, purse, before);
}

struct kc_result __real_kc_ledger_certify(struct kc_certified *out, struct kc_ledger *ledger,
                                          const struct kc_account_row *account,
                                          struct kc_purse_row *purse);
struct kc_result __wrap_kc_ledger_certify(struct kc_certified *out, struct kc_ledger *ledger,
                                          const struct kc_account_row *account,
                                          struct kc_purse_row *purse);

struct kc_result __wrap_kc_ledger_certify(struct kc_certified *out, struct kc_ledger *ledger,
                                          const struct kc_account_row *account,
                                          struct kc_purse_row *purse)
{
    struct kc_result result = __real_kc_ledger_certify(out, ledger, account, purse);
    out->counter += mutant_on == MUTANT_CERTIFIES_MORE ? 1 : 0;
    return result;
}

struct kc_result __real_kc_report_see_again(struct kc_report *report,
                                            const struct kc_ledger_record *record);
struct kc_result __wrap_kc_report_see_again(struct kc_report *report,
                                            const struct kc_ledger_record *record);

struct kc_result __wrap_kc_report_see_again(struct kc_report *report,
                                            const struct kc_ledger_record *record)
{
    if (mutant_on == MUTANT_REPEAT_ACCUSED) {
        const struct kc_shown shown = kc_shown_last(report->purse);
        return kc_ledger_accuse(report->ledger, report->purse, KC_COPIED_OR_RESTORED,
                                record->entry.counter, &shown, &shown);
    }
    return __real_kc_report_see_again(report, record);
}

/* ---- the run ---- */

static enum mutant wanted = MUTANT_NONE;

/* The beginning of the world is sound. */
static void begin(void)
{
    mutant_on = wanted;
}

static bool finds(const struct whole_base *base, enum mutant which)
{
    int status = 0;
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(3);
    }
    if (child == 0) {
        const struct search_options options = {
            .depth = DEPTH_MUTANT, .threads = 2, .quiet = true, .begin = begin};
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(0);
        }
        wanted = which;
        const struct search_result result = search(base, &options);
        if (!result.good) {
            printf("# after %u steps: %s\n", result.violated_at, result.trouble);
        }
        (void)fflush(stdout);
        _exit(result.good ? 0 : 1);
    }
    if (waitpid(child, &status, 0) != child) {
        perror("waitpid");
        exit(3);
    }
    if (!WIFEXITED(status)) {
        printf("# by an assertion\n");
    }
    return !WIFEXITED(status) || WEXITSTATUS(status) == 1;
}

int main(void)
{
    bool good = true;
    struct whole_base *base = small_base();
    printf("1..%d\n", MUTANTS - 1);
    (void)fflush(stdout);
    for (int i = 1; i < MUTANTS; i++) {
        bool found = finds(base, (enum mutant)i);
        printf("%s %d - found: %s\n", found ? "ok" : "not ok", i, words[i]);
        (void)fflush(stdout);
        good = good && found;
    }
    free(base);
    return good ? 0 : 1;
}
