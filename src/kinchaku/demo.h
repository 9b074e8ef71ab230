/* The demonstration: some people's first hours with a system that is up, step by step, each balance checked. demo.c is one
 * person with the bank, demo_exchange.c three people without it and a copied UIM, demo_vending.c a card and a machine that
 * sells, demo_years.c what comes with the years: the management charge, and new keys. */
#ifndef KC_KINCHAKU_DEMO_H
#define KC_KINCHAKU_DEMO_H

#include "kinchaku/watch.h"

/* Prints each step with who sends what to whom and the balances after it, and at the end where every unit is. UIMs are written
 * below the system's folder. KC_INTERNAL when a balance or an ending was not what it must be; KC_NOT_COMPLETED when a signal
 * asked to stop. No program that it began runs afterwards. */
KC_MUST_USE struct kc_result kc_demo_run(const struct kc_system *system, bool json);

/* Payments between purses while the bank is away, its finding the truth afterwards, a torn payment. Adds B and C, and leaves
 * the bank running. */
KC_MUST_USE struct kc_result kc_demo_exchange(struct kc_watch *watch);

/* After kc_demo_exchange: a prepaid card and a machine that sells, its settlement, a transfer from B to A. Leaves three people,
 * A's UIM with as much as it had. */
KC_MUST_USE struct kc_result kc_demo_vending(struct kc_watch *watch);

/* After kc_demo_vending: A's yearly charge; new keys for A's UIM, made inside it and then by the authority, while a payment made
 * with the first key is under way; the old certificates on the list in the directory. Leaves A's UIM with as much as it had. */
KC_MUST_USE struct kc_result kc_demo_years(struct kc_watch *watch);

/* After kc_demo_years: A's UIM is copied, found out, and proved. */
KC_MUST_USE struct kc_result kc_demo_copied(struct kc_watch *watch);

/* ---- what the parts share ---- */

/* What a purse holds and what the bank's record of it says, for A, B and C, which are people 0, 1 and 2. */
struct kc_demo_columns {
    const char *uim[KC_PEOPLE_MAX];
    const char *shadow[KC_PEOPLE_MAX];
};

/* A payment over a link, how each station must end, and the columns then. */
struct kc_demo_deal {
    const char *part;
    const char *words;
    unsigned payer;
    unsigned payee;
    const char *pay[5];
    const char *receive[4];
    int payer_status;
    int payee_status;
    struct kc_demo_columns columns;
};

/* What one person does with the bank. */
struct kc_demo_call {
    const char *part;
    const char *words;
    unsigned who;
    const char *arguments[4];
    int status;
    struct kc_demo_columns columns;
};

/* Each plays it and checks the columns: KC_INTERNAL. `uim` is the payer's when it is another than its own, else NULL. */
KC_MUST_USE struct kc_result kc_demo_meet(struct kc_watch *watch, const struct kc_demo_deal *deal,
                                          const char *uim);
KC_MUST_USE struct kc_result kc_demo_ask(struct kc_watch *watch, const struct kc_demo_call *call);

/* Begins a part. */
void kc_demo_announce(struct kc_watch *watch, const char *part, const char *words);

/* Whether two texts are the same amount. */
bool kc_demo_same(const char *text, const char *expected, unsigned decimals);

/* Registers one more person and opens an account; the UIM's file is named after the letter. `password_file` may be NULL. */
KC_MUST_USE struct kc_result kc_demo_join(struct kc_watch *watch, const char *letter,
                                          const char *name, const char *password_file);

/* One more to watch, without an account yet, whose UIM will be DIR/demo-LETTER-TIME.uim. KC_TOO_LARGE. */
KC_MUST_USE struct kc_result kc_demo_add(struct kc_watch *watch, const char *letter);

/* What the UIM itself says now. */
KC_MUST_USE struct kc_result kc_demo_look_into_uim(struct kc_watch *watch,
                                                   struct kc_person_watched *person);

/* What a program said: with --json its objects, each as one more `step`, else its lines. KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_demo_tell(const struct kc_watch *watch, const char *step,
                                          struct kc_view said);

#endif
