/* Settlement at a running bank: reports that real purses made beforehand, sent as fast as the bank answers, beside the bare
 * verifications of the signatures in the same reports on all cores.
 *
 *   settle [--rounds N] [--bank PID] [--hot] UIM...
 *
 * The purses pay each other, each with each in turn; with --hot the first takes payments from all others. In each round every
 * purse gets entries, makes a report, all reports are sent (timed), the purses take the answers; and the signatures that
 * were in the reports are verified again, alone (timed): the envelope's; for a payment made the order's and the receipt's;
 * for a payment received the order's. Between the two kinds of timed parts nothing else runs. Prints one JSON object. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "burst.h"
#include "crypto/libcrypto.h"
#include "crypto/x509.h"
#include "message/cose.h"
#include "purse/apdu.h"
#include "reader/file_purse.h"

#define USERS_MAX 256u
#define ENTRIES 24u     /* of a purse and a round; reports take them up to eight at a time */
#define ENTRIES_HOT 8u  /* of a payer */
#define ENTRIES_MAX 48u /* that a purse keeps */
#define CONNECTIONS 64u
#define THREADS_MAX 64u
#define CHECKS_MAX 2u
#define KEY_SLOTS 4096u
#define LETTER_LINE 64

/* One signature to be verified. */
struct check {
    const struct kc_public_key *key;
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    size_t size;
};

struct record {
    struct check checks[CHECKS_MAX];
    size_t count;
};

struct user {
    const char *path;
    struct kc_crypto crypto;
    struct kc_file_purse *file;
    struct kc_slot uim;
    struct kc_purse_info info;
    struct kc_public_key key;
    struct record
        records[ENTRIES_MAX]; /* of the entries that no certified value covers, oldest first */
    size_t record_count;
    struct check envelope;
    struct burst_request report;
    uint8_t message[KC_MESSAGE_SIZE_MAX];
    size_t message_size;
};

struct sums {
    uint64_t records;
    uint64_t reports;
    uint64_t checks;
    uint64_t bank_ns;
    uint64_t bare_ns;
    uint64_t bank_cpu_ns;
    uint64_t load_cpu_ns; /* of this process while it sends */
    uint64_t bare_cpu_ns;
};

static struct user *users;
static size_t user_count;
static struct kc_realm realm;
static struct burst *bank;
static clockid_t bank_clock = CLOCK_PROCESS_CPUTIME_ID; /* the bank's, when its process was named */
static size_t thread_count;
static struct kc_crypto thread_crypto[THREADS_MAX];

static void must(struct kc_result result, const char *what, const struct user *user)
{
    if (kc_failed(result)) {
        (void)fprintf(stderr, "settle: %s: %s: %s\n", user == NULL ? "-" : user->path, what,
                      kc_error_name(result.code));
        exit(4);
    }
}

/* Time of processors that a process took so far. */
static uint64_t cpu_ns(clockid_t clock)
{
    struct timespec time = {.tv_sec = 0};
    (void)clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t own_cpu_ns(void)
{
    return cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* ---- work on all cores ---- */

struct job {
    void (*run)(size_t thread, void *argument);
    size_t thread;
    void *argument;
};

static void *run_job(void *argument)
{
    const struct job *job = argument;
    job->run(job->thread, job->argument);
    return NULL;
}

static void on_all_cores(void (*run)(size_t thread, void *argument), void *argument)
{
    pthread_t threads[THREADS_MAX];
    struct job jobs[THREADS_MAX];
    for (size_t i = 0; i < thread_count; i++) {
        jobs[i] = (struct job){.run = run, .thread = i, .argument = argument};
        if (pthread_create(&threads[i], NULL, run_job, &jobs[i]) != 0) {
            must(kc_result(KC_NO_MEMORY), "thread", NULL);
        }
    }
    for (size_t i = 0; i < thread_count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

/* ---- signatures ---- */

/* Stands in for the verification of the port: keeps what would be verified. */
static struct kc_result keep_check(void *context, const struct kc_public_key *key,
                                   const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature)
{
    struct check *check = context;
    check->key = key;
    memcpy(check->digest, digest, KC_DIGEST_SIZE);
    memcpy(check->signature, signature.data, signature.size);
    check->size = signature.size;
    return kc_ok();
}

/* The port over the backend of `user` would want its context; hashing with libcrypto needs none. */
static struct kc_crypto keeping(const struct user *user, struct check *out)
{
    struct kc_crypto crypto = user->crypto;
    crypto.context = out;
    crypto.verify = keep_check;
    return crypto;
}

static void keep_brief(struct check *out, const struct user *signer, struct kc_view bytes,
                       const char *domain)
{
    struct kc_signed parsed;
    const struct kc_crypto crypto = keeping(signer, out);
    must(kc_brief_parse(&parsed, bytes), "signed record", signer);
    must(kc_brief_verify(&parsed, &crypto, &signer->key, &realm, domain), "signed record", signer);
}

static void keep_envelope(struct user *user, struct kc_view bytes)
{
    struct kc_signed parsed;
    const struct kc_crypto crypto = keeping(user, &user->envelope);
    must(kc_signed_parse(&parsed, bytes), "report", user);
    must(kc_signed_verify(&parsed, &crypto, &user->key, &realm, kc_settle_request_shape.domain),
         "report", user);
}

static bool verify(const struct kc_crypto *crypto, const struct check *check)
{
    return !kc_failed(crypto->verify(crypto->context, check->key, check->digest,
                                     kc_view(check->signature, check->size)));
}

/* ---- purses ---- */

static void unlock(struct user *user)
{
    char path[4096];
    char line[LETTER_LINE] = "";
    (void)snprintf(path, sizeof path, "%s.letter", user->path);
    FILE *file = fopen(path, "r");
    bool read = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    line[strcspn(line, "\r\n")] = '\0';
    must(kc_result(read && strncmp(line, "PIN ", 4) == 0 ? KC_OK : KC_FILE_MISSING), path, user);
    must(kc_slot_verify_pin(&user->uim, kc_view_text(line + 4)), "PIN", user);
}

static void read_info(struct user *user)
{
    must(kc_slot_info(&user->info, &user->uim), "info", user);
}

static void open_user(struct user *user, const char *path)
{
    struct kc_slot_port port;
    struct kc_view der;
    struct kc_certificate certificate;
    user->path = path;
    must(kc_libcrypto_open(&user->crypto, 64), "crypto", user);
    must(kc_file_purse_open(&user->file, &port, path, &user->crypto), "open", user);
    must(kc_slot_open(&user->uim, &port), "open", user);
    unlock(user);
    must(kc_slot_get(&der, &user->uim, KC_TAG_SIGN_CERTIFICATE), "certificate", user);
    must(kc_certificate_read(&certificate, der), "certificate", user);
    user->key = certificate.key;
    read_info(user);
    must(kc_result(user->info.uncovered == 0 ? KC_OK : KC_PENDING), "entries of before", user);
}

static struct kc_view keep_message(struct user *user, struct kc_view message)
{
    memcpy(user->message, message.data, message.size);
    user->message_size = message.size;
    return kc_view(user->message, message.size);
}

/* Sb1 to Sb5. A purse that has forgotten the other one asks for its identity. */
static struct kc_view order_payment(struct user *payer, struct user *payee)
{
    struct kc_amount one;
    struct kc_view message;
    struct kc_result result = kc_amount_from_minor(&one, 1);
    for (int full = 0; full < 2 && !kc_failed(result); full++) {
        must(kc_slot_identify(&message, &payer->uim, full == 1), "identify", payer);
        must(kc_slot_offer(&message, &payee->uim, one, message), "offer", payee);
        result = kc_slot_pay(&message, &payer->uim, one, kc_clock_now_ms(), message);
        if (result.code != KC_IDENTITY_NEEDED) {
            break;
        }
        result = kc_result(full == 0 ? KC_OK : KC_IDENTITY_NEEDED);
    }
    must(result, "pay", payer);
    return keep_message(payer, message);
}

static struct record *add_record(struct user *user)
{
    must(kc_result(user->record_count < ENTRIES_MAX ? KC_OK : KC_HISTORY_FULL), "entry", user);
    return &user->records[user->record_count++];
}

static void pay_once(struct user *payer, struct user *payee)
{
    struct kc_payment payment;
    struct kc_payment_answer answer;
    struct kc_payment_order order;
    struct kc_view message;
    bool answered = false;
    struct record *pays = add_record(payer);
    struct record *receives = add_record(payee);
    struct kc_view paid = order_payment(payer, payee);
    must(kc_shape_decode(&payment, &kc_payment_shape, paid), "payment", payer);
    must(kc_slot_examine(&order, &answered, &payee->uim, kc_clock_now_ms(), paid), "examine",
         payee);
    must(kc_slot_decide(&message, &payee->uim, KC_ANSWER_OK, kc_clock_now_ms()), "decide", payee);
    message = keep_message(payee, message);
    must(kc_shape_decode(&answer, &kc_payment_answer_shape, message), "answer", payee);
    must(kc_slot_conclude(&message, &payer->uim, message), "conclude", payer);
    keep_brief(&pays->checks[0], payer, payment.order, kc_payment_order_shape.domain);
    keep_brief(&pays->checks[1], payee, answer.answer, kc_receipt_shape.domain);
    pays->count = 2;
    receives->checks[0] = pays->checks[0];
    receives->count = 1;
}

static void make_report(struct user *user)
{
    struct kc_view envelope;
    must(kc_slot_settle_request(&envelope, &user->uim, kc_clock_now_ms()), "report", user);
    keep_envelope(user, envelope);
    must(kc_result(burst_fill(&user->report, envelope) ? KC_OK : KC_TOO_LARGE), "report", user);
}

/* What the bank answered; how many entries it covers. */
static size_t take_answer(struct user *user)
{
    struct kc_view message;
    struct kc_settle_reply reply;
    must(kc_result(user->report.good ? KC_OK : KC_NOT_COMPLETED), "the bank's status", user);
    must(kc_slot_take(&message, &user->uim, user->report.body), "answer", user);
    must(kc_shape_decode(&reply, &kc_settle_reply_shape, message), "answer", user);
    must(kc_result(reply.objections.count == 0 ? KC_OK : KC_MISMATCH), "objections", user);
    read_info(user);
    must(kc_result(user->info.uncovered < user->record_count ? KC_OK : KC_PENDING), "answer", user);
    return user->record_count - (size_t)user->info.uncovered;
}

static void drop_records(struct user *user, size_t count)
{
    user->record_count -= count;
    memmove(user->records, user->records + count, user->record_count * sizeof *user->records);
}

/* ---- entries ---- */

struct meeting {
    size_t round; /* of a tournament of all with all */
    bool back;    /* the other way round */
};

/* The purse at place `at` of the circle in that round; the last one stays where it is. */
static struct user *placed(size_t round, size_t at)
{
    size_t circle = user_count - 1;
    return &users[at == circle ? circle : (at + round) % circle];
}

/* Pairs that have no purse in common, shared out to the threads. */
static void meet_pairs(size_t thread, void *argument)
{
    const struct meeting *meeting = argument;
    for (size_t i = thread; i < user_count / 2; i += thread_count) {
        struct user *a = placed(meeting->round, i);
        struct user *b = placed(meeting->round, user_count - 1 - i);
        pay_once(meeting->back ? b : a, meeting->back ? a : b);
    }
}

static void make_entries(size_t number)
{
    for (size_t i = 0; i < ENTRIES; i += 2) {
        struct meeting meeting = {.round = number * ENTRIES / 2 + i / 2};
        on_all_cores(meet_pairs, &meeting);
        meeting.back = true;
        on_all_cores(meet_pairs, &meeting);
    }
}

/* ---- the timed parts ---- */

struct burst_of_reports {
    struct user *reporters[USERS_MAX];
    size_t taken[USERS_MAX]; /* entries that the answer covers */
    size_t count;
    const struct check *checks[USERS_MAX * (CHECKS_MAX * ENTRIES_MAX + 1)];
    size_t check_count;
    atomic_bool bad;
};

static void make_reports(size_t thread, void *argument)
{
    struct burst_of_reports *all = argument;
    for (size_t i = thread; i < all->count; i += thread_count) {
        make_report(all->reporters[i]);
    }
}

static void take_answers(size_t thread, void *argument)
{
    struct burst_of_reports *all = argument;
    for (size_t i = thread; i < all->count; i += thread_count) {
        all->taken[i] = take_answer(all->reporters[i]);
    }
}

static void verify_all(size_t thread, void *argument)
{
    struct burst_of_reports *all = argument;
    for (size_t i = thread; i < all->check_count; i += thread_count) {
        if (!verify(&thread_crypto[thread], all->checks[i])) {
            atomic_store(&all->bad, true);
        }
    }
}

/* The signatures of what the answers cover; how many entries that is. */
static size_t gather(struct burst_of_reports *all)
{
    size_t records = 0;
    all->check_count = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct user *user = all->reporters[i];
        all->checks[all->check_count++] = &user->envelope;
        for (size_t k = 0; k < all->taken[i]; k++) {
            for (size_t n = 0; n < user->records[k].count; n++) {
                all->checks[all->check_count++] = &user->records[k].checks[n];
            }
        }
        records += all->taken[i];
    }
    return records;
}

/* One report of everybody in the list, at once. */
static void report_all(struct sums *sums, struct burst_of_reports *all)
{
    static struct burst_request *requests[USERS_MAX];
    on_all_cores(make_reports, all);
    for (size_t i = 0; i < all->count; i++) {
        requests[i] = &all->reporters[i]->report;
    }
    uint64_t start_cpu_ns = own_cpu_ns();
    uint64_t start_bank_ns = cpu_ns(bank_clock);
    uint64_t bank_ns = burst_run(bank, requests, all->count);
    sums->load_cpu_ns += own_cpu_ns() - start_cpu_ns;
    sums->bank_cpu_ns += cpu_ns(bank_clock) - start_bank_ns;
    must(kc_result(bank_ns > 0 ? KC_OK : KC_UNREACHABLE), "connections", NULL);
    on_all_cores(take_answers, all);
    sums->records += gather(all);
    uint64_t start_ns = kc_clock_monotonic_ns();
    start_cpu_ns = own_cpu_ns();
    on_all_cores(verify_all, all);
    sums->bare_ns += kc_clock_monotonic_ns() - start_ns;
    sums->bare_cpu_ns += own_cpu_ns() - start_cpu_ns;
    must(kc_result(atomic_load(&all->bad) ? KC_BAD_SIGNATURE : KC_OK), "bare", NULL);
    sums->bank_ns += bank_ns;
    sums->reports += all->count;
    sums->checks += all->check_count;
    for (size_t i = 0; i < all->count; i++) {
        drop_records(all->reporters[i], all->taken[i]);
    }
}

/* ---- rounds ---- */

static void run_uniform(struct sums *sums, size_t number)
{
    static struct burst_of_reports all;
    make_entries(number);
    do {
        all.count = 0;
        for (size_t i = 0; i < user_count; i++) {
            if (users[i].record_count > 0) {
                all.reporters[all.count++] = &users[i];
            }
        }
        if (all.count > 0) {
            report_all(sums, &all);
        }
    } while (all.count > 0);
}

/* The merchant reports until all its entries are covered: nobody else does, so each report waits for the one before. */
static void flush_merchant(struct sums *alone)
{
    static struct burst_of_reports one = {.count = 1};
    one.reporters[0] = &users[0];
    while (users[0].record_count > 0) {
        report_all(alone, &one);
    }
}

/* All payers report at once, and the merchant with them; the entries of the merchant that find no room are reported before, and
 * those that are left afterwards. */
static void run_hot(struct sums *sums, struct sums *alone)
{
    static struct burst_of_reports all;
    for (size_t i = 0; i < ENTRIES_HOT; i++) {
        for (size_t k = 1; k < user_count; k++) {
            if (users[0].record_count == ENTRIES_MAX) {
                flush_merchant(alone);
            }
            pay_once(&users[k], &users[0]);
        }
    }
    do {
        all.count = 0;
        for (size_t i = 0; i < user_count; i++) {
            if (users[i].record_count > 0 && (i > 0 || all.count == 0)) {
                all.reporters[all.count++] = &users[i];
            }
        }
        if (all.count > 1) {
            report_all(sums, &all);
        }
    } while (all.count > 1);
    flush_merchant(alone);
}

static void print_sums(const char *name, const struct sums *sums)
{
    (void)printf("\"%s\": {\"records\": %" PRIu64 ", \"reports\": %" PRIu64 ", \"checks\": %" PRIu64
                 ", \"per_second\": %.1f, \"bare_per_second\": %.1f, \"seconds\": %.3f"
                 ", \"bank_cpu\": %.6f, \"load_cpu\": %.6f, \"bare_cpu\": %.6f}",
                 name, sums->records, sums->reports, sums->checks,
                 (double)sums->records * 1e9 / (double)sums->bank_ns,
                 (double)sums->records * 1e9 / (double)sums->bare_ns, (double)sums->bank_ns / 1e9,
                 (double)sums->bank_cpu_ns / 1e9, (double)sums->load_cpu_ns / 1e9,
                 (double)sums->bare_cpu_ns / 1e9);
}

/* The first round only fills the caches of both sides. */
static void run(size_t rounds, bool hot)
{
    struct sums all = {0};
    struct sums alone = {0};
    for (size_t i = 0; i <= rounds; i++) {
        if (hot) {
            run_hot(&all, &alone);
        } else {
            run_uniform(&all, i);
        }
        if (i == 0) {
            all = (struct sums){0};
            alone = (struct sums){0};
        }
    }
    (void)printf("{");
    print_sums("all", &all);
    if (hot) {
        (void)printf(", ");
        print_sums("alone", &alone);
    }
    (void)printf("}\n");
}

static void open_all(char **paths)
{
    char url[KC_URL_SIZE_MAX + 1] = "";
    char currency[4] = "";
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    thread_count = cores > 0 && (size_t)cores <= THREADS_MAX ? (size_t)cores : 1;
    for (size_t i = 0; i < thread_count; i++) {
        must(kc_libcrypto_open(&thread_crypto[i], KEY_SLOTS), "crypto", NULL);
    }
    for (size_t i = 0; i < user_count; i++) {
        open_user(&users[i], paths[i]);
    }
    const struct kc_purse_info *info = &users[0].info;
    memcpy(url, info->url.data, info->url.size);
    memcpy(currency, info->currency.data, info->currency.size < 4 ? info->currency.size : 3);
    must(kc_realm_set(&realm, info->bank, currency), "realm", &users[0]);
    bank = burst_open(url, user_count < CONNECTIONS ? user_count : CONNECTIONS);
    must(kc_result(bank == NULL ? KC_UNREACHABLE : KC_OK), url, NULL);
}

static void close_all(void)
{
    burst_close(bank);
    for (size_t i = 0; i < user_count; i++) {
        kc_file_purse_close(users[i].file);
        kc_libcrypto_close(&users[i].crypto);
    }
    for (size_t i = 0; i < thread_count; i++) {
        kc_libcrypto_close(&thread_crypto[i]);
    }
    free(users);
}

int main(int argc, char **argv)
{
    size_t rounds = 4;
    bool hot = false;
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--hot") == 0) {
            hot = true;
        } else if (strcmp(argv[at], "--rounds") == 0 && at + 1 < argc) {
            rounds = strtoul(argv[++at], NULL, 10);
        } else if (strcmp(argv[at], "--bank") == 0 && at + 1 < argc) {
            must(kc_result(clock_getcpuclockid((pid_t)strtoul(argv[++at], NULL, 10), &bank_clock) ==
                                   0
                               ? KC_OK
                               : KC_USAGE),
                 "--bank", NULL);
        } else {
            return 2;
        }
    }
    user_count = (size_t)(argc - at) / 2 * 2;
    if (user_count < 2 || user_count > USERS_MAX || rounds == 0) {
        (void)fprintf(stderr, "usage: settle [--rounds N] [--bank PID] [--hot] UIM UIM...\n");
        return 2;
    }
    users = calloc(user_count, sizeof *users);
    must(kc_result(users == NULL ? KC_NO_MEMORY : KC_OK), "memory", NULL);
    open_all(argv + at);
    run(rounds, hot);
    close_all();
    return 0;
}
