/* The book of the stand-in ordinary bank: accounts, the electronic bank's settlement account, transfers by key. It is a foreign
 * system for Kinchaku and so keeps a database of its own (docs/decisions/0003-sandbank.md).
 *
 * Invariant: the balances of all accounts and of the settlement account add up to what was paid in. */
#ifndef KC_SANDBANK_BOOK_H
#define KC_SANDBANK_BOOK_H

#include "base/amount.h"

struct kc_book;

#define KC_BOOK_KEY_SIZE_MAX 80
#define KC_BOOK_ACCOUNT_SIZE_MAX 40
#define KC_BOOK_HOLDER_SIZE_MAX 80

struct kc_transfer {
    char key[KC_BOOK_KEY_SIZE_MAX + 1];
    char account[KC_BOOK_ACCOUNT_SIZE_MAX + 1];
    bool fund;
    struct kc_amount amount;
    enum kc_error outcome; /* KC_OK: done; else the reason of the refusal */
};

/* KC_STORE_CORRUPT, KC_STORE_VERSION, KC_STORE_FAILED. An open book may be used by several threads at once. */
KC_MUST_USE struct kc_result kc_book_open(struct kc_book **out, const char *path);
void kc_book_close(struct kc_book *book);

/* KC_ALREADY_EXISTS. Durable at return. */
KC_MUST_USE struct kc_result kc_book_add(struct kc_book *book, const char *account,
                                         const char *holder, struct kc_amount paid_in);
/* KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_book_balance(struct kc_book *book, struct kc_amount *out,
                                             const char *account);

/* Carries a transfer out once: sets transfer->outcome. The same key with the same content gives the stored outcome, with another
 * content KC_MISMATCH. Durable at return. */
KC_MUST_USE struct kc_result kc_book_transfer(struct kc_book *book, struct kc_transfer *transfer);
/* KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_book_find(struct kc_book *book, struct kc_transfer *out,
                                          const char *key);

/* The settlement account, and the sum of all accounts. */
KC_MUST_USE struct kc_result kc_book_totals(struct kc_book *book, struct kc_amount *settlement,
                                            struct kc_amount *accounts, struct kc_amount *paid_in);

#endif
