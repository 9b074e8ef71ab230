/* A whole system in one folder: its layout, and its processes as one thing. docs/protocol.md draws the folder. */
#ifndef KC_KINCHAKU_SYSTEM_H
#define KC_KINCHAKU_SYSTEM_H

#include "base/clock.h"
#include "kinchaku/process.h"

#define KC_PORTS 4

/* The processes in the order in which they start. */
enum kc_node { KC_NODE_DIRECTORY, KC_NODE_SANDBANK, KC_NODE_AUTHORITY, KC_NODE_BANK, KC_NODES };

/* What system.ini says; written once. */
struct kc_system_config {
    const char *
        token; /* PKCS#11 URI of a token for the keys of bank and authority, or NULL; not in system.ini */
    uint64_t bank;
    char currency[4];
    uint64_t decimals;
    uint64_t ports[KC_NODES];
    bool faults; /* the sandbank takes orders to fail */
    bool
        fees; /* the bank is laid out with the demonstration's fee for dealers; not in system.ini */
};

struct kc_system {
    char dir[KC_PATH_SIZE];      /* absolute */
    char programs[KC_PATH_SIZE]; /* the folder of this program */
    struct kc_system_config config;
};

/* The name of a node's process, as in status, run/ and log/. */
const char *kc_node_name(enum kc_node node);

/* The path of one of our programs: beside this one, or in its neighbour's folder in a build tree. KC_FILE_MISSING. */
KC_MUST_USE struct kc_result kc_system_program(char out[KC_PATH_SIZE],
                                               const struct kc_system *system, const char *name);

/* Reads the system in `dir`. KC_FILE_MISSING when there is none. */
KC_MUST_USE struct kc_result kc_system_open(struct kc_system *system, const char *dir);

/* Makes the folder and system.ini, with ports that are free now. KC_ALREADY_EXISTS; KC_MALFORMED when the path has a character
 * that slapd cannot take. `config` without ports. */
KC_MUST_USE struct kc_result kc_system_create(struct kc_system *system, const char *dir,
                                              const struct kc_system_config *config);

/* Lays out keys, certificates and configurations as far as they are missing; may be repeated after any failure. */
KC_MUST_USE struct kc_result kc_system_prepare(const struct kc_system *system);

/* Starts what does not run, in order, and waits until each answers. The reason of a server that ended at once is its own;
 * KC_TIMEOUT or KC_UNREACHABLE for one that does not answer. The log names it. */
KC_MUST_USE struct kc_result kc_system_up(const struct kc_system *system);

/* Stops what runs, the last started first. Only processes that this system started. */
KC_MUST_USE struct kc_result kc_system_down(const struct kc_system *system);

/* True when the node's process runs and answers. */
bool kc_system_answers(const struct kc_system *system, enum kc_node node);

/* What a roll-over came to: the number of what is new, and until when the old one counts. */
struct kc_system_rolled {
    uint64_t number;
    char until[KC_CLOCK_TEXT_SIZE];
};

/* Rolls the bank's keys over: makes the new ones, has the authority certify them, writes the record. The system is down. Cut
 * off, it is gone on with when it is repeated, or when the system comes up. Errors are those of the program that failed;
 * KC_CONFIG_INVALID when it named none. */
KC_MUST_USE struct kc_result kc_system_roll(struct kc_system_rolled *out,
                                            const struct kc_system *system, uint64_t days,
                                            const char *token, bool emergency);

/* Makes the authority's next issuing key, in a token or, with NULL, a file; in an emergency those before it are stolen and end,
 * and the directory has another password from the next start on. The system has to be down, in an emergency the directory too. */
KC_MUST_USE struct kc_result kc_system_roll_authority(struct kc_system_rolled *out,
                                                      const struct kc_system *system,
                                                      const char *token, bool emergency);
/* Makes the authority's next root and an issuing key below it, as above; the old root counts for so many days, 0: to its end. */
KC_MUST_USE struct kc_result kc_system_roll_root(struct kc_system_rolled *out,
                                                 const struct kc_system *system, uint64_t days,
                                                 const char *token);

#endif
