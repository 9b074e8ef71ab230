/* Question: with the shipped purses and the shipped bank in one world, whatever is lost, late, repeated, mixed up, forged or cut
 * from power, and whatever rogues copy, roll back and sign: does every unit end with its true owner, is every overspend that the
 * bank is shown proved at once, does everything torn end, and is nobody honest ever accused?
 *
 * sim-whole [--seed S] [--episodes N | --steps N | --seconds T] [--jobs J]   ends with 1 at the first fault, with the last steps
 * sim-whole --seed S --episode E [--until N]   that episode alone, its steps in words, and the books at its end or before step N
 * sim-whole --hunt [...]               for mutants: prints where the fault was found; ends with 1 when there was none
 * sim-whole --bench                    one JSON line */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "whole_play.h"

#define JOBS_MAX 64u
#define STATUS_FAULT 3

struct options {
    uint64_t seed;
    uint64_t episodes;
    uint64_t steps;
    uint64_t seconds;
    unsigned jobs;
    bool one;
    uint64_t episode;
    uint64_t until;
    bool hunt;
    bool bench;
};

/* What a job tells of itself, in memory that is shared. */
struct job {
    uint64_t episode;
    uint64_t episodes;
    uint64_t steps;
    uint64_t commands;
    uint64_t served;
    uint64_t cuts;
    uint64_t payments;
    uint64_t proofs;
    uint64_t gaps;
    uint64_t closed;
    uint64_t claims;
    uint64_t limited;
    uint64_t hotlists;
    uint64_t listed;
    uint64_t overspent;
    uint64_t sweeps;
    uint64_t lost;
    uint64_t charges;
    uint64_t suspended;
    uint64_t lifted;
    uint64_t renewals;
    uint64_t ended;
    uint64_t moves;
    uint64_t moved;
    uint64_t vouched;
    uint64_t rolls;
    uint64_t parts;
    uint64_t given_up;
    uint64_t paid_out;
    uint64_t came_late;
    uint64_t purses_lost;
    uint64_t reissues;
    unsigned step;
    char why[TRUTH_WHY_SIZE];
};

/* ---- a world for a job ---- */

static const struct play *running;

static void print_traces(const struct play *play)
{
    if (play->told) {
        return;
    }
    size_t first = play->trace_count > PLAY_TRACES ? play->trace_count - PLAY_TRACES : 0;
    for (size_t i = first; i < play->trace_count; i++) {
        (void)printf("%s\n", play->traces[i % PLAY_TRACES]);
    }
}

/* An assertion of the shipped code is a fault like any other. */
static void end_aborted(int number)
{
    (void)number;
    if (running != NULL && running->traced) {
        print_traces(running);
        (void)printf("an assertion failed at seed %" PRIu64 ", episode %" PRIu64 ", step %u\n",
                     running->seed, running->episode, running->step);
        (void)fflush(stdout);
    }
    _exit(STATUS_FAULT);
}

/* The worlds that episodes are played in. */
struct worlds {
    struct whole_base *plain;
    struct whole_base *mixed;
};

static struct play *make_play(struct worlds *worlds, uint64_t seed)
{
    struct whole_options options = {.seed = seed,
                                    .holders = WHOLE_HOLDERS_MAX,
                                    .account_amount = 1000,
                                    .purse_amount = 300,
                                    .limited = true};
    struct play *play = calloc(1, sizeof *play);
    worlds->plain = whole_base_make(&options);
    options.mixed = true;
    worlds->mixed = whole_base_make(&options);
    if (play != NULL && worlds->plain != NULL && worlds->mixed != NULL) {
        play->plain = whole_make(worlds->plain);
        play->mixed = whole_make(worlds->mixed);
    }
    if (play == NULL || play->plain == NULL || play->mixed == NULL) {
        (void)fprintf(stderr, "no memory\n");
        exit(4);
    }
    play->whole = play->plain;
    running = play;
    return play;
}

static void free_play(struct play *play, struct worlds *worlds)
{
    running = NULL;
    free(play->plain);
    free(play->mixed);
    free(play);
    free(worlds->plain);
    free(worlds->mixed);
}

/* ---- many episodes ---- */

static void tell(struct job *job, const struct play *play)
{
    job->episodes += 1;
    job->steps = play->tally.steps;
    job->commands = play->tally.commands;
    job->served = play->tally.served;
    job->cuts = play->tally.cuts;
    job->payments = play->tally.payments;
    job->proofs = play->tally.proofs;
    job->gaps = play->tally.gaps;
    job->closed = play->tally.closed;
    job->claims = play->tally.claims;
    job->limited = play->tally.limited;
    job->hotlists = play->tally.hotlists;
    job->listed = play->tally.listed;
    job->overspent = play->tally.overspent;
    job->sweeps = play->tally.sweeps;
    job->lost = play->tally.lost;
    job->charges = play->tally.charges;
    job->suspended = play->tally.suspended;
    job->lifted = play->tally.lifted;
    job->renewals = play->tally.renewals;
    job->ended = play->tally.ended;
    job->moves = play->tally.moves;
    job->moved = play->tally.moved;
    job->vouched = play->tally.vouched;
    job->rolls = play->tally.rolls;
    job->parts = play->tally.parts;
    job->given_up = play->tally.given_up;
    job->paid_out = play->tally.paid_out;
    job->came_late = play->tally.came_late;
    job->purses_lost = play->tally.purses_lost;
    job->reissues = play->tally.reissues;
    job->step = play->step;
}

static int run_job(struct job *job, const struct options *options, unsigned index)
{
    struct worlds worlds;
    struct play *play = make_play(&worlds, options->seed);
    uint64_t end_ns = kc_clock_monotonic_ns() + options->seconds * UINT64_C(1000000000);
    bool good = true;
    for (uint64_t n = index; good; n += options->jobs) {
        bool enough = options->steps != 0     ? play->tally.steps >= options->steps / options->jobs
                      : options->seconds != 0 ? kc_clock_monotonic_ns() >= end_ns
                                              : n >= options->episodes;
        if (enough) {
            break;
        }
        job->episode = n;
        good = play_episode(play, options->seed, n, 0);
        tell(job, play);
        memcpy(job->why, play->truth.why, sizeof job->why);
    }
    free_play(play, &worlds);
    return good ? 0 : STATUS_FAULT;
}

/* What the bank has of purses and of payments between them. */
static void print_books(const struct play *play)
{
    static const char *const states[] = {"?", "noted", "booked", "released", "refused"};
    const struct ram_store *store = &play->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSES]; i++) {
        const struct kc_purse_row *row = &store->purses[i];
        if (i < play->habits.holders) {
            (void)printf("purse %zu (%" PRIu64 ")%s: value %" PRIu64 " at counter %" PRIu64
                         ", ahead +%" PRIu64 " -%" PRIu64 ", true value %" PRId64
                         " at counter %" PRIu64 "\n",
                         i, row->purse.number, row->state == KC_PURSE_OUT ? ", out of use" : "",
                         kc_amount_minor(row->value), row->counter, kc_amount_minor(row->ahead_in),
                         kc_amount_minor(row->ahead_out), play->truth.places[i].value,
                         play->truth.places[i].counter);
        }
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYMENTS]; i++) {
        const struct kc_payment_row *row = &store->payments[i];
        (void)printf(
            "payment of %" PRIu64 " from %" PRIu64 "/%" PRIu64 " to %" PRIu64 "/%" PRIu64
            ": %s%s%s%s%s%s, told %" PRIu64 "\n",
            kc_amount_minor(row->amount), row->payer.number, row->payer_counter, row->payee.number,
            row->payee_counter, states[row->state % 5], row->payer_counted ? ", payer counted" : "",
            row->payee_counted ? ", payee counted" : "", row->taken ? ", taken" : "",
            row->returned ? ", returned" : "", row->open ? ", open" : "", row->told_sequence);
    }
}

/* In words: all steps when this episode was asked for, else the last ones. */
static int trace_one(const struct options *options, uint64_t episode)
{
    struct worlds worlds;
    struct play *play = make_play(&worlds, options->seed);
    play->traced = true;
    play->told = options->one;
    bool good = play_episode(play, options->seed, episode, (unsigned)options->until);
    print_traces(play);
    print_books(play);
    (void)printf("seed %" PRIu64 ", episode %" PRIu64 ", step %u of %u, %u purses, rogues %u: %s\n",
                 options->seed, episode, play->step, play->habits.steps, play->habits.holders,
                 play->habits.rogues, good ? "all is true" : play->truth.why);
    if (!options->one) {
        (void)printf("again, with all its steps: make simulate SEED=%" PRIu64 " EPISODE=%" PRIu64
                     "\n",
                     options->seed, episode);
    }
    free_play(play, &worlds);
    return good ? 0 : 1;
}

static void print_sums(const struct options *options, const struct job *jobs, double seconds)
{
    struct job sum = {.episode = 0};
    for (unsigned i = 0; i < options->jobs; i++) {
        sum.episodes += jobs[i].episodes;
        sum.steps += jobs[i].steps;
        sum.commands += jobs[i].commands;
        sum.served += jobs[i].served;
        sum.cuts += jobs[i].cuts;
        sum.payments += jobs[i].payments;
        sum.proofs += jobs[i].proofs;
        sum.gaps += jobs[i].gaps;
        sum.closed += jobs[i].closed;
        sum.claims += jobs[i].claims;
        sum.limited += jobs[i].limited;
        sum.hotlists += jobs[i].hotlists;
        sum.listed += jobs[i].listed;
        sum.overspent += jobs[i].overspent;
        sum.sweeps += jobs[i].sweeps;
        sum.lost += jobs[i].lost;
        sum.charges += jobs[i].charges;
        sum.suspended += jobs[i].suspended;
        sum.lifted += jobs[i].lifted;
        sum.renewals += jobs[i].renewals;
        sum.ended += jobs[i].ended;
        sum.moves += jobs[i].moves;
        sum.moved += jobs[i].moved;
        sum.vouched += jobs[i].vouched;
        sum.rolls += jobs[i].rolls;
        sum.parts += jobs[i].parts;
        sum.given_up += jobs[i].given_up;
        sum.paid_out += jobs[i].paid_out;
        sum.came_late += jobs[i].came_late;
        sum.purses_lost += jobs[i].purses_lost;
        sum.reissues += jobs[i].reissues;
    }
    if (options->bench) {
        (void)printf("{\"name\": \"simulate.schedules\", \"value\": %.0f, \"unit\": \"1/s\", "
                     "\"jobs\": %u, \"schedules\": %" PRIu64 ", \"steps\": %" PRIu64
                     ", \"steps_per_second\": %.0f}\n",
                     (double)sum.episodes / seconds, options->jobs, sum.episodes, sum.steps,
                     (double)sum.steps / seconds);
        return;
    }
    (void)printf(
        "%" PRIu64 " schedules, %" PRIu64 " steps, %" PRIu64 " commands to purses, %" PRIu64
        " requests to the bank, %" PRIu64 " payments, %" PRIu64 " power cuts, %" PRIu64
        " proofs against rogues, %" PRIu64 " of them of overspending, %" PRIu64 " gaps, %" PRIu64
        " of them never explained, %" PRIu64 " claims, %" PRIu64
        " payments beyond a limit, %" PRIu64 " hotlists taken, %" PRIu64
        " partners refused by them, %" PRIu64 " sweeps, %" PRIu64
        " payments of copied cards lost, %" PRIu64 " charges, %" PRIu64 " suspensions, %" PRIu64
        " of them lifted, %" PRIu64 " accounts closed, %" PRIu64 " pay-outs, %" PRIu64
        " late moves to them, %" PRIu64 " new keys of the bank, %" PRIu64 " renewals, %" PRIu64
        " payments under keys that had ended, %" PRIu64 " parts of hotlists taken, %" PRIu64
        " movings at the end, %" PRIu64 " before, %" PRIu64 " messages vouched for, %" PRIu64
        " purses lost, %" PRIu64 " new ones in their place; %.0f steps/s\n",
        sum.episodes, sum.steps, sum.commands, sum.served, sum.payments, sum.cuts, sum.proofs,
        sum.overspent, sum.gaps, sum.closed, sum.claims, sum.limited, sum.hotlists, sum.listed,
        sum.sweeps, sum.lost, sum.charges, sum.suspended, sum.lifted, sum.given_up, sum.paid_out,
        sum.came_late, sum.rolls, sum.renewals, sum.ended, sum.parts, sum.moves, sum.moved,
        sum.vouched, sum.purses_lost, sum.reissues, (double)sum.steps / seconds);
}

/* The job that ended with a fault, the one with the lowest episode first; or none. */
static const struct job *wait_for_jobs(const struct options *options, struct job *jobs,
                                       const pid_t *children)
{
    const struct job *found = NULL;
    for (unsigned i = 0; i < options->jobs; i++) {
        int status = 0;
        pid_t child = waitpid(children[i], &status, 0);
        bool good = child == children[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!good && (found == NULL || jobs[i].episode < found->episode)) {
            found = &jobs[i];
        }
    }
    return found;
}

static int run_all(const struct options *options)
{
    pid_t children[JOBS_MAX];
    uint64_t begun_ns = kc_clock_monotonic_ns();
    struct job *jobs = mmap(NULL, JOBS_MAX * sizeof *jobs, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs == MAP_FAILED) {
        return 4;
    }
    (void)fflush(stdout);
    for (unsigned i = 0; i < options->jobs; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(run_job(&jobs[i], options, i));
        }
    }
    const struct job *fault = wait_for_jobs(options, jobs, children);
    double seconds = (double)(kc_clock_monotonic_ns() - begun_ns) / 1e9;
    int status = 0;
    if (fault != NULL && options->hunt) {
        (void)printf("found: seed %" PRIu64 ", episode %" PRIu64 ", step %u: %s\n", options->seed,
                     fault->episode, fault->step,
                     fault->why[0] == '\0' ? "an assertion" : fault->why);
    } else if (fault != NULL) {
        (void)trace_one(options, fault->episode);
        status = 1;
    } else {
        print_sums(options, jobs, seconds);
        status = options->hunt ? 1 : 0;
    }
    (void)munmap(jobs, JOBS_MAX * sizeof *jobs);
    return status;
}

/* ---- arguments ---- */

static bool read_number(uint64_t *out, const char *text)
{
    char *end = NULL;
    if (text == NULL) {
        return false;
    }
    *out = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static bool read_options(struct options *out, int count, char **words)
{
    uint64_t jobs = 1;
    for (int i = 1; i < count; i++) {
        uint64_t *number = strcmp(words[i], "--seed") == 0       ? &out->seed
                           : strcmp(words[i], "--episodes") == 0 ? &out->episodes
                           : strcmp(words[i], "--steps") == 0    ? &out->steps
                           : strcmp(words[i], "--seconds") == 0  ? &out->seconds
                           : strcmp(words[i], "--jobs") == 0     ? &jobs
                           : strcmp(words[i], "--episode") == 0  ? &out->episode
                           : strcmp(words[i], "--until") == 0    ? &out->until
                                                                 : NULL;
        out->one = out->one || number == &out->episode;
        out->hunt = out->hunt || strcmp(words[i], "--hunt") == 0;
        out->bench = out->bench || strcmp(words[i], "--bench") == 0;
        if (number == NULL && strcmp(words[i], "--hunt") != 0 && strcmp(words[i], "--bench") != 0) {
            return false;
        }
        if (number != NULL && (++i == count || !read_number(number, words[i]))) {
            return false;
        }
    }
    out->jobs = jobs == 0 ? (unsigned)sysconf(_SC_NPROCESSORS_ONLN) : (unsigned)jobs;
    out->seconds = out->bench && out->seconds == 0 ? 3 : out->seconds;
    return out->jobs >= 1 && out->jobs <= JOBS_MAX;
}

int main(int count, char **words)
{
    struct options options = {.seed = 1, .episodes = 1000};
    if (!read_options(&options, count, words)) {
        (void)fprintf(stderr,
                      "usage: sim-whole [--seed S] [--episodes N | --steps N | --seconds T] "
                      "[--jobs J] [--episode E [--until N]] [--hunt] [--bench]\n");
        return 2;
    }
    kc_log_open("bank", KC_LOG_ERROR);
    (void)signal(SIGABRT, end_aborted);
    return options.one ? trace_one(&options, options.episode) : run_all(&options);
}
