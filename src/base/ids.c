#include "base/ids.h"

#include <string.h>

#include "base/assert.h"

#define NTH_MAX UINT64_C(100000000000000000)

static unsigned check_digit(uint64_t n)
{
    unsigned sum = 0;
    for (unsigned place = 0; n > 0; place++, n /= 10) {
        unsigned digit = (unsigned)(n % 10);
        if (place % 2 == 0) {
            digit *= 2;
        }
        sum += digit > 9 ? digit - 9 : digit;
    }
    return (10 - sum % 10) % 10;
}

static uint64_t nth(uint64_t n)
{
    KC_ASSERT(n > 0 && n < NTH_MAX);
    return n * 10 + check_digit(n);
}

struct kc_account_id kc_account_nth(uint64_t n)
{
    return (struct kc_account_id){nth(n)};
}

struct kc_purse_id kc_purse_nth(uint64_t n)
{
    return (struct kc_purse_id){nth(n)};
}

bool kc_number_checks(uint64_t number)
{
    uint64_t n = number / 10;
    return n > 0 && n < NTH_MAX && check_digit(n) == number % 10;
}

static struct kc_result parse_number(uint64_t *out, const char *text)
{
    uint64_t number = 0;
    size_t size = strlen(text);
    if (size < 2 || size > 18 || text[0] == '0') {
        return kc_result(KC_MALFORMED);
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return kc_result(KC_MALFORMED);
        }
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    if (!kc_number_checks(number)) {
        return kc_result(KC_MALFORMED);
    }
    *out = number;
    return kc_ok();
}

struct kc_result kc_account_parse(struct kc_account_id *out, const char *text)
{
    return parse_number(&out->number, text);
}

struct kc_result kc_purse_parse(struct kc_purse_id *out, const char *text)
{
    return parse_number(&out->number, text);
}

static void format_number(char out[KC_ID_TEXT_SIZE], uint64_t number)
{
    char reversed[KC_ID_TEXT_SIZE];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = reversed[count - 1 - i];
    }
    out[count] = '\0';
}

void kc_account_format(char out[KC_ID_TEXT_SIZE], struct kc_account_id account)
{
    format_number(out, account.number);
}

void kc_purse_format(char out[KC_ID_TEXT_SIZE], struct kc_purse_id purse)
{
    format_number(out, purse.number);
}

struct kc_result kc_realm_set(struct kc_realm *out, uint64_t bank, const char *currency)
{
    if (strlen(currency) != 3) {
        return kc_result(KC_MALFORMED);
    }
    for (size_t i = 0; i < 3; i++) {
        if (currency[i] < 'A' || currency[i] > 'Z') {
            return kc_result(KC_MALFORMED);
        }
    }
    out->bank = bank;
    memcpy(out->currency, currency, 4);
    return kc_ok();
}
