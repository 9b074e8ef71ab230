/* A fleet of purses that renew their keys while they pay: does any honest payment fail?
 *
 *   fleet [--purses N] [--days N] [--seed N] DATABASE
 *
 * Each day one purse in a hundred renews (each once), and pays before, during and after: with the old key before it asks; in
 * half the renewals with the old key again, because the first answer is lost; with the new key before the bank has heard of it
 * in use; and after. Who was paid pays back. Whoever has records reports them one to four days later, when the old certificates
 * are revoked, if it does not renew itself. In the end everybody reports, every purse that met another is compared with the
 * ledger, and the ledger is audited. A new database each time. Prints one JSON object. */
#include "fleet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define RENEW_PART 100u
#define LATEST_DAYS 4u
#define ENDOWMENT 1000u
#define REPORTS_MAX 16u

struct sums {
    uint64_t renewals;
    uint64_t lost_answers;
    uint64_t payments;
    uint64_t old_key;     /* before the change-over */
    uint64_t unconfirmed; /* with a key that the bank has not heard of in use */
    uint64_t late;        /* reports that came a day or more after */
    uint64_t failures;
};

static struct sums sums;
static uint64_t random_state = 1;
static unsigned today;

static uint64_t below(uint64_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % bound;
}

static bool good(struct kc_result result, const char *what)
{
    if (kc_failed(result)) {
        sums.failures += 1;
        (void)fprintf(stderr, "fleet: day %u: %s: %s\n", today, what, kc_error_name(result.code));
    }
    return !kc_failed(result);
}

static struct kc_amount amount_of(uint64_t minor)
{
    struct kc_amount amount;
    fleet_must(kc_amount_from_minor(&amount, minor), "amount");
    return amount;
}

static struct fleet_member *anybody_but(const struct fleet_member *self)
{
    struct fleet_member *other = &fleet_members[below(fleet_count)];
    while (other == self) {
        other = &fleet_members[below(fleet_count)];
    }
    return other;
}

/* ---- with the bank ---- */

/* The purse takes the bank's word, and what it says is shown in *message. */
static struct kc_result carry(struct kc_view *message, struct kc_slot *slot, struct kc_view request)
{
    struct kc_view reply;
    struct kc_result result = fleet_serve(&reply, request);
    return kc_failed(result) ? result : kc_slot_take(message, slot, reply);
}

static struct kc_result report_once(struct kc_slot *slot)
{
    struct kc_view message;
    struct kc_settle_reply reply;
    struct kc_result result = kc_slot_settle_request(&message, slot, ++fleet_now_ms);
    if (!kc_failed(result)) {
        result = carry(&message, slot, message);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&reply, &kc_settle_reply_shape, message);
    }
    return !kc_failed(result) && reply.objections.count > 0 ? kc_result(KC_MISMATCH) : result;
}

static void report(struct fleet_member *member)
{
    struct kc_purse_info info = {.uncovered = 1};
    struct kc_slot *slot = fleet_sit(0, member);
    struct kc_result result = kc_ok();
    for (unsigned i = 0; i < REPORTS_MAX && info.uncovered > 0 && !kc_failed(result); i++) {
        result = report_once(slot);
        if (!kc_failed(result)) {
            result = kc_slot_info(&info, slot);
        }
    }
    member->report_day = 0;
    (void)good(!kc_failed(result) && info.uncovered > 0 ? kc_result(KC_PENDING) : result, "report");
}

static bool endow(struct fleet_member *member)
{
    struct kc_view message;
    struct kc_slot *slot = fleet_sit(0, member);
    struct kc_result result = kc_slot_fund_request(&message, slot, KC_FUND_KIND_FUND,
                                                   amount_of(ENDOWMENT), ++fleet_now_ms);
    if (!kc_failed(result)) {
        result = carry(&message, slot, message);
    }
    if (!kc_failed(result)) {
        result = kc_slot_cash_request(&message, slot, KC_CASH_KIND_WITHDRAW, amount_of(ENDOWMENT),
                                      ++fleet_now_ms);
    }
    if (!kc_failed(result)) {
        result = carry(&message, slot, message);
    }
    if (!kc_failed(result)) {
        result = kc_slot_answer(&message, slot, KC_ANSWER_OK, ++fleet_now_ms);
    }
    if (!kc_failed(result)) {
        result = carry(&message, slot, message);
    }
    return good(result, "withdrawal");
}

/* ---- from purse to purse ---- */

static uint8_t kept[KC_MESSAGE_SIZE_MAX];

static struct kc_view keep(struct kc_view message)
{
    memcpy(kept, message.data, message.size);
    return kc_view(kept, message.size);
}

static struct kc_result order(struct kc_view *out, struct kc_slot *payer, struct kc_slot *payee,
                              struct kc_amount amount, bool full)
{
    struct kc_view message;
    struct kc_result result = kc_slot_identify(&message, payer, full);
    if (!kc_failed(result)) {
        result = kc_slot_offer(&message, payee, amount, message);
    }
    return kc_failed(result) ? result : kc_slot_pay(out, payer, amount, ++fleet_now_ms, message);
}

static struct kc_result take(struct kc_slot *payer, struct kc_slot *payee, struct kc_view payment)
{
    struct kc_payment_order examined;
    struct kc_view message;
    bool answered = false;
    struct kc_result result =
        kc_slot_examine(&examined, &answered, payee, fleet_now_ms, keep(payment));
    if (!kc_failed(result)) {
        result = kc_slot_decide(&message, payee, KC_ANSWER_OK, ++fleet_now_ms);
    }
    return kc_failed(result) ? result : kc_slot_conclude(&message, payer, keep(message));
}

static void will_report(struct fleet_member *member)
{
    member->met = true;
    if (member->report_day == 0) {
        member->report_day = today + 1 + (unsigned)below(LATEST_DAYS);
    }
}

static void pay(struct fleet_member *payer, struct fleet_member *payee, uint64_t minor)
{
    struct kc_view payment;
    struct kc_slot *to = fleet_sit(1, payee);
    struct kc_slot *from = fleet_sit(0, payer);
    struct kc_result result = order(&payment, from, to, amount_of(minor), false);
    if (result.code == KC_IDENTITY_NEEDED) {
        result = order(&payment, from, to, amount_of(minor), true);
    }
    if (!kc_failed(result)) {
        result = take(from, to, payment);
    }
    sums.payments += 1;
    will_report(payer);
    will_report(payee);
    (void)good(result, "payment");
}

/* ---- renewing ---- */

static bool ask(struct fleet_member *member, bool lost)
{
    struct kc_view message;
    struct kc_view reply;
    struct kc_slot *slot = fleet_sit(0, member);
    struct kc_result result = kc_slot_renew_request(&message, slot, ++fleet_now_ms);
    if (!kc_failed(result)) {
        result = fleet_serve(&reply, message);
    }
    if (!kc_failed(result) && !lost) {
        result = kc_slot_take(&message, slot, reply);
    }
    return good(result, "renewal");
}

static void renew_while_paying(struct fleet_member *member)
{
    struct fleet_member *friend = anybody_but(member);
    if (member->report_day != 0) {
        /* As a station does: records first, then value. */
        report(member);
    }
    if (!endow(member)) {
        return;
    }
    pay(member, friend, 10);
    report(member);
    sums.old_key += 1;
    if (below(2) == 0) {
        if (!ask(member, true)) {
            return;
        }
        pay(member, anybody_but(member), 11);
        report(member);
        sums.old_key += 1;
        sums.lost_answers += 1;
    }
    if (!ask(member, false)) {
        return;
    }
    struct fleet_member *early = anybody_but(member);
    pay(member, early, 12);
    sums.unconfirmed += 1;
    if (below(2) == 0) {
        report(early);
    }
    pay(friend, member, 3);
    report(member);
    sums.renewals += 1;
    pay(member, friend, 5);
    pay(friend, member, 1);
}

static void report_due(void)
{
    for (size_t i = 0; i < fleet_count; i++) {
        if (fleet_members[i].report_day != 0 && fleet_members[i].report_day <= today) {
            sums.late += 1;
            report(&fleet_members[i]);
        }
    }
}

/* Those that met somebody, beside the ledger. */
static void compare(void)
{
    for (size_t i = 0; i < fleet_count; i++) {
        struct kc_purse_info info;
        if (fleet_members[i].met) {
            fleet_must(kc_slot_info(&info, fleet_sit(0, &fleet_members[i])), "info");
            bool same = kc_amount_minor(info.value) == fleet_value(&fleet_members[i]);
            (void)good(kc_result(same ? KC_OK : KC_MISMATCH), "value");
        }
    }
}

static void run(unsigned days)
{
    size_t each = fleet_count / RENEW_PART > 0 ? fleet_count / RENEW_PART : 1;
    for (today = 1; today <= days; today++) {
        fleet_now_ms += FLEET_DAY_MS;
        report_due();
        for (size_t i = 0; i < each; i++) {
            /* Spread over the whole fleet. */
            renew_while_paying(&fleet_members[(i * RENEW_PART + today - 1) % fleet_count]);
        }
        fleet_retire();
    }
    for (; today <= days + LATEST_DAYS; today++) {
        fleet_now_ms += FLEET_DAY_MS;
        report_due();
    }
    compare();
}

int main(int argc, char **argv)
{
    size_t purses = 1000;
    unsigned days = 2;
    for (int i = 1; i + 2 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--purses") == 0) {
            purses = (size_t)number;
        } else if (strcmp(argv[i], "--days") == 0) {
            days = (unsigned)number;
        } else if (strcmp(argv[i], "--seed") == 0) {
            random_state = number;
        }
    }
    if (argc % 2 != 0 || purses < RENEW_PART || days == 0 || days > RENEW_PART ||
        random_state == 0) {
        (void)fprintf(stderr, "usage: fleet [--purses N] [--days N] [--seed N] DATABASE\n");
        return 2;
    }
    uint64_t start_ns = kc_clock_monotonic_ns();
    fleet_open(argv[argc - 1], purses);
    uint64_t opened_ns = kc_clock_monotonic_ns();
    run(days);
    uint64_t ended_ns = kc_clock_monotonic_ns();
    uint64_t faults = fleet_audit();
    (void)printf("{\"purses\": %zu, \"days\": %u, \"renewals\": %" PRIu64
                 ", \"lost_answers\": %" PRIu64 ", \"revoked\": %" PRIu64 ", \"payments\": %" PRIu64
                 ", \"old_key\": %" PRIu64 ", \"unconfirmed\": %" PRIu64
                 ", \"late_reports\": %" PRIu64 ", \"requests\": %" PRIu64
                 ", \"failures\": %" PRIu64 ", \"audit_faults\": %" PRIu64
                 ", \"open_seconds\": %.1f, \"days_seconds\": %.1f}\n",
                 purses, days, sums.renewals, sums.lost_answers, fleet_revoked, sums.payments,
                 sums.old_key, sums.unconfirmed, sums.late, fleet_requests, sums.failures, faults,
                 (double)(opened_ns - start_ns) / 1e9, (double)(ended_ns - opened_ns) / 1e9);
    fleet_close();
    return 0;
}
