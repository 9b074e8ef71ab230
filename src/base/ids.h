/* Ids: account and purse numbers, and the realm (bank and currency) that everything signed belongs to.
 *
 * Account and purse numbers end with a Luhn check digit (ISO/IEC 7812-1 annex B), so that a slip in typing
 * is refused before anything is asked of the bank. */
#ifndef KC_BASE_IDS_H
#define KC_BASE_IDS_H

#include <stddef.h>

#include "base/result.h"

struct kc_account_id {
    uint64_t number;
};

struct kc_purse_id {
    uint64_t number;
};

/* Longest text of an id with its final NUL. */
#define KC_ID_TEXT_SIZE 21

/* Bank id and ISO 4217 style currency code (three capital letters and NUL). */
struct kc_realm {
    uint64_t bank;
    char currency[4];
};

/* The n-th account or purse number: n * 10 plus its check digit. n < 10^17. */
struct kc_account_id kc_account_nth(uint64_t n);
struct kc_purse_id kc_purse_nth(uint64_t n);

/* True when the check digit fits. */
bool kc_number_checks(uint64_t number);

/* Reads digits that end with NUL and checks the digit; KC_MALFORMED otherwise, *out untouched. */
KC_MUST_USE struct kc_result kc_account_parse(struct kc_account_id *out, const char *text);
KC_MUST_USE struct kc_result kc_purse_parse(struct kc_purse_id *out, const char *text);

/* Writes the digits and a final NUL. */
void kc_account_format(char out[KC_ID_TEXT_SIZE], struct kc_account_id account);
void kc_purse_format(char out[KC_ID_TEXT_SIZE], struct kc_purse_id purse);

/* Three capital letters; KC_MALFORMED otherwise. */
KC_MUST_USE struct kc_result kc_realm_set(struct kc_realm *out, uint64_t bank,
                                          const char *currency);

#endif
