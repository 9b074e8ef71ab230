/* Question: over random histories with loss, repeats, reordering, crashes and kills, does the
 * ledger do what a plain model says, and is no value ever created or lost?
 *
 * sim-ledger [--seed S] [--steps N] [--seconds T]   runs episodes from seed S on; ends with 1 and
 * the seed at the first fault sim-ledger --teeth [--seed S]                     runs every mutant;
 * ends with 1 when one of them is not found */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "mutants.h"
#include "simulate.h"

#define TEETH_EPISODES 200u
#define STATUS_FOUND 3

struct options {
    uint64_t seed;
    uint64_t steps;
    uint64_t seconds;
    bool teeth;
};

static bool read_options(struct options *out, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        char *end = NULL;
        uint64_t number = strtoull(value, &end, 10);
        bool has_number = value[0] != '\0' && *end == '\0';
        if (strcmp(argv[i], "--teeth") == 0) {
            out->teeth = true;
            continue;
        }
        uint64_t *place = strcmp(argv[i], "--seed") == 0      ? &out->seed
                          : strcmp(argv[i], "--steps") == 0   ? &out->steps
                          : strcmp(argv[i], "--seconds") == 0 ? &out->seconds
                                                              : NULL;
        if (place == NULL || !has_number) {
            return false;
        }
        *place = number;
        i++;
    }
    return true;
}

static void print_run(const struct tally_of_run *run)
{
    (void)printf("%" PRIu64 " steps in %" PRIu64 " episodes: %" PRIu64 " items, %" PRIu64
                 " bookings, %" PRIu64 " crashes, %" PRIu64 " kills (%" PRIu64
                 " after the commit), %" PRIu64 " copies found\n",
                 run->steps, run->episodes, run->items, run->bookings, run->crashes, run->kills,
                 run->committed, run->copies);
}

static int run_model(const struct options *options)
{
    struct tally_of_run run = {.steps = 0};
    char why[256];
    uint64_t seed = options->seed;
    uint64_t end_ns = kc_clock_monotonic_ns() + options->seconds * UINT64_C(1000000000);
    (void)printf("seed %" PRIu64 "\n", seed);
    while (run.steps < options->steps && kc_clock_monotonic_ns() < end_ns) {
        uint64_t left = options->steps - run.steps;
        unsigned steps = left < EPISODE_STEPS ? (unsigned)left : EPISODE_STEPS;
        if (!simulate(&run, seed, steps, why)) {
            (void)printf("FAILED at seed %" PRIu64 ": %s\nrepeat: sim-ledger --seed %" PRIu64
                         " --steps %u\n",
                         seed, why, seed, steps);
            return 1;
        }
        seed += 1;
    }
    print_run(&run);
    return 0;
}

/* A mutant lives in a process of its own, because a failed assertion finds it too. */
static bool is_found(enum mutant mutant, uint64_t seed)
{
    int status = 0;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct tally_of_run run = {.steps = 0};
        char why[256] = "";
        bool good = true;
        mutants_active = mutant;
        for (unsigned i = 0; i < TEETH_EPISODES && good; i++) {
            good = simulate(&run, seed + i, EPISODE_STEPS, why);
        }
        (void)printf("%-8s %s: %s\n", good ? "MISSED" : "found", mutant_name(mutant), why);
        (void)fflush(stdout);
        _exit(good ? 0 : STATUS_FOUND);
    }
    (void)waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        (void)printf("%-8s %s: by an assertion\n", "found", mutant_name(mutant));
    }
    return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FOUND);
}

static int run_teeth(const struct options *options)
{
    int missed = 0;
    for (int mutant = MUTANT_NONE + 1; mutant < MUTANT_COUNT; mutant++) {
        missed += is_found((enum mutant)mutant, options->seed) ? 0 : 1;
    }
    (void)printf("%d of %d mutants missed\n", missed, MUTANT_COUNT - 1);
    return missed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1, .steps = UINT64_MAX, .seconds = 5};
    if (!read_options(&options, argc, argv)) {
        (void)fprintf(stderr, "usage: sim-ledger [--seed S] [--steps N] [--seconds T] [--teeth]\n");
        return 2;
    }
    return options.teeth ? run_teeth(&options) : run_model(&options);
}
