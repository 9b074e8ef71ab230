/* Reading a line that this program wrote itself: words at their place, numbers and texts between them. Damage is refused, never
 * guessed at: a blank too many, a sign, a digit too many. */
#ifndef KC_VENDOR_FIELDS_H
#define KC_VENDOR_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins as {.at = LINE, .good = true}; stays bad, and where it was, once something did not fit. */
struct kc_fields {
    const char *at;
    bool good;
};

/* These characters come next, blanks included. */
void kc_fields_word(struct kc_fields *fields, const char *word);

/* A decimal number of 64 bits without a sign; 0 when there is none. */
uint64_t kc_fields_number(struct kc_fields *fields);

/* What stands before the next blank, line end or end, at least one character, with a NUL behind it; "" when it does not fit. */
void kc_fields_text(struct kc_fields *fields, char *out, size_t capacity);

/* Whether everything fitted and nothing is left. */
bool kc_fields_end(const struct kc_fields *fields);

#endif
