/* Does any text of an amount or id mean two things? What is read must be written back as the same text, up to leading and final
 * zeros of an amount. First byte: decimals. */
#include <string.h>

#include "base/amount.h"
#include "base/ids.h"
#include "fuzz.h"

static const char *const seeds[] = {"00",
                                    "0100",
                                    "212.50",
                                    "20.05",
                                    "80.00000001",
                                    "09223372036854775807",
                                    "292233720368547758.07",
                                    "09223372036854775808",
                                    "018446744073709551616",
                                    "018",
                                    "079927398713",
                                    "04111111111111111",
                                    "0JPY",
                                    "000ff10ab"};

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    if (index >= sizeof seeds / sizeof seeds[0]) {
        return 0;
    }
    memcpy(out, seeds[index], strlen(seeds[index]));
    return strlen(seeds[index]);
}

/* Takes leading zeros before a digit away. */
static const char *skip_zeros(const char *text)
{
    while (text[0] == '0' && text[1] >= '0' && text[1] <= '9') {
        text++;
    }
    return text;
}

static void check_amount(const char *text, unsigned decimals)
{
    struct kc_amount amount = kc_amount_zero();
    struct kc_amount again = kc_amount_zero();
    char written[KC_AMOUNT_TEXT_SIZE];
    if (kc_failed(kc_amount_parse(&amount, text, decimals))) {
        KC_FUZZ_CHECK(kc_amount_is_zero(amount));
        return;
    }
    kc_fuzz_accepted++;
    kc_amount_format(written, amount, decimals);
    KC_FUZZ_CHECK(!kc_failed(kc_amount_parse(&again, written, decimals)));
    KC_FUZZ_CHECK(kc_amount_compare(amount, again) == 0);
    /* The text read is a head of the text written, and what follows there is zeros (and the point). */
    text = skip_zeros(text);
    size_t size = strlen(text);
    KC_FUZZ_CHECK(size <= strlen(written) && memcmp(text, written, size) == 0);
    KC_FUZZ_CHECK(strspn(written + size, ".0") == strlen(written + size));
    KC_FUZZ_CHECK(strchr(text, '.') != NULL || strlen(written) == size || written[size] == '.');
}

static void check_number(const char *text)
{
    struct kc_account_id account = {0};
    struct kc_purse_id purse = {0};
    char written[KC_ID_TEXT_SIZE];
    bool read = !kc_failed(kc_account_parse(&account, text));
    KC_FUZZ_CHECK(read == !kc_failed(kc_purse_parse(&purse, text)));
    KC_FUZZ_CHECK(account.number == purse.number && read == (account.number != 0));
    if (read) {
        kc_account_format(written, account);
        KC_FUZZ_CHECK(strcmp(written, text) == 0 && kc_number_checks(account.number));
    }
}

static void check_hex(const char *text)
{
    uint8_t bytes[64];
    char written[2 * sizeof bytes + 1];
    size_t size = strlen(text) / 2;
    if (size <= sizeof bytes && !kc_failed(kc_hex_read(bytes, size, text))) {
        kc_hex_write(written, kc_view(bytes, size));
        KC_FUZZ_CHECK(strcmp(written, text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[KC_FUZZ_SIZE_MAX + 1];
    if (size == 0 || size > KC_FUZZ_SIZE_MAX) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    check_amount(text, data[0] % (KC_AMOUNT_DECIMALS_MAX + 1));
    check_number(text);
    check_hex(text);
    return 0;
}
