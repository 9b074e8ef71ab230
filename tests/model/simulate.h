/* One episode: a bank, four purses, an unreliable network and an unreliable machine, all from one
 * seed. */
#ifndef KC_TESTS_SIMULATE_H
#define KC_TESTS_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>

#define EPISODE_STEPS 500u

struct tally_of_run {
    uint64_t steps;
    uint64_t episodes;
    uint64_t items;     /* messages and settlements that the ledger handled */
    uint64_t bookings;  /* postings in all journals */
    uint64_t crashes;   /* batches abandoned, failed or killed */
    uint64_t kills;     /* writers killed */
    uint64_t committed; /* of those, how many had committed */
    uint64_t copies;    /* purses found copied or restored */
};

/* Runs `steps` steps; true when ledger and model agreed after every one. Else `why` says where they
 * did not. */
bool simulate(struct tally_of_run *run, uint64_t seed, unsigned steps, char why[256]);

#endif
