#include "base/amount.h"

#include "base/assert.h"

struct kc_result kc_amount_from_minor(struct kc_amount *out, uint64_t minor)
{
    if (minor > KC_AMOUNT_MAX) {
        return kc_result(KC_AMOUNT_TOO_LARGE);
    }
    out->minor = minor;
    return kc_ok();
}

uint64_t kc_amount_minor(struct kc_amount amount)
{
    KC_ASSERT(amount.minor <= KC_AMOUNT_MAX);
    return amount.minor;
}

struct kc_result kc_amount_add(struct kc_amount *out, struct kc_amount a, struct kc_amount b)
{
    KC_ASSERT(a.minor <= KC_AMOUNT_MAX && b.minor <= KC_AMOUNT_MAX);
    if (b.minor > KC_AMOUNT_MAX - a.minor) {
        return kc_result(KC_OVERFLOW);
    }
    out->minor = a.minor + b.minor;
    return kc_ok();
}

struct kc_result kc_amount_sub(struct kc_amount *out, struct kc_amount a, struct kc_amount b)
{
    KC_ASSERT(a.minor <= KC_AMOUNT_MAX && b.minor <= KC_AMOUNT_MAX);
    if (b.minor > a.minor) {
        return kc_result(KC_OVERFLOW);
    }
    out->minor = a.minor - b.minor;
    return kc_ok();
}

int kc_amount_compare(struct kc_amount a, struct kc_amount b)
{
    return (a.minor > b.minor) - (a.minor < b.minor);
}

bool kc_amount_is_zero(struct kc_amount amount)
{
    return amount.minor == 0;
}

/* Appends one decimal digit; false when the value leaves the range of an amount. */
static bool push_digit(uint64_t *value, unsigned digit)
{
    if (*value > (KC_AMOUNT_MAX - digit) / 10) {
        return false;
    }
    *value = *value * 10 + digit;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct kc_result kc_amount_parse(struct kc_amount *out, const char *text, unsigned decimals)
{
    KC_ASSERT(decimals <= KC_AMOUNT_DECIMALS_MAX);
    uint64_t value = 0;
    bool fits = true;
    const char *at = text;
    for (; is_digit(*at); at++) {
        fits = fits && push_digit(&value, (unsigned)(*at - '0'));
    }
    if (at == text) {
        return kc_result(KC_AMOUNT_MALFORMED);
    }
    unsigned places = 0;
    if (*at == '.' && decimals > 0) {
        at++;
        for (; is_digit(*at) && places < decimals; at++, places++) {
            fits = fits && push_digit(&value, (unsigned)(*at - '0'));
        }
        if (places == 0) {
            return kc_result(KC_AMOUNT_MALFORMED);
        }
    }
    if (*at != '\0') {
        return kc_result(KC_AMOUNT_MALFORMED);
    }
    for (; places < decimals; places++) {
        fits = fits && push_digit(&value, 0);
    }
    return fits ? kc_amount_from_minor(out, value) : kc_result(KC_AMOUNT_TOO_LARGE);
}

void kc_amount_format(char out[KC_AMOUNT_TEXT_SIZE], struct kc_amount amount, unsigned decimals)
{
    KC_ASSERT(decimals <= KC_AMOUNT_DECIMALS_MAX);
    char reversed[KC_AMOUNT_TEXT_SIZE];
    unsigned count = 0;
    uint64_t rest = amount.minor;
    for (unsigned place = 0; rest > 0 || place <= decimals; place++) {
        if (decimals > 0 && place == decimals) {
            reversed[count++] = '.';
        }
        KC_ASSERT(count < sizeof reversed);
        reversed[count++] = (char)('0' + rest % 10);
        rest /= 10;
    }
    KC_ASSERT(count < KC_AMOUNT_TEXT_SIZE);
    for (unsigned i = 0; i < count; i++) {
        out[i] = reversed[count - 1 - i];
    }
    out[count] = '\0';
}
