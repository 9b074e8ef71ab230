/* What purses do, as lists of steps: everything that writes is in one of them. */
#ifndef KC_TESTS_TEAR_SCRIPTS_H
#define KC_TESTS_TEAR_SCRIPTS_H

#include "world.h"

#define STEPS_MAX 16u

struct step {
    const char *name;
    enum kc_error (*run)(struct world *world);
    enum kc_error wanted;
    /* What left the purse with it is given again by this, byte for byte, when it was carried out; or NULL. */
    enum kc_error (*again)(struct world *world);
    bool guesses; /* it compares a PIN, and counts a try down before */
};

struct script {
    const char *name;
    /* Takes a world with its parties to where the steps begin. */
    void (*prepare)(struct world *world);
    /* Personalisation has no PIN session, and scripts of the PIN are not resumed with one. */
    bool has_session;
    bool twice; /* it is cut a second time also without --pairs */
    struct step steps[STEPS_MAX];
};

extern const struct script scripts[];
extern const size_t script_count;

#endif
