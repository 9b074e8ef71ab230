/* Does a journal keep whole lines, cut off a torn one, and stop for whatever else does not fit? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/libcrypto.h"
#include "vendor/journal.h"

#define LINES 5u
#define FILE_MAX 8192u

static struct kc_crypto crypto;
static struct kc_private_key private_key;
static struct kc_journal_party party;
static char folder[] = "/tmp/kc-journal-XXXXXX";
static char path[64];
static char made[64];
static uint8_t good[FILE_MAX];
static size_t good_size;
static size_t line_ends[LINES];

static void make_line(struct kc_buffer *out, struct kc_sale *line, const struct kc_journal *journal,
                      uint64_t number)
{
    uint8_t bytes[KC_SALE_PLAIN_MAX];
    struct kc_buffer plain = KC_BUFFER(bytes);
    *line = (struct kc_sale){.purse = party.purse,
                             .number = number,
                             .kind = number == 1 ? KC_SALE_KIND_OPENED : KC_SALE_KIND_SALE};
    memcpy(line->previous, journal->head, KC_DIGEST_SIZE);
    assert_int_equal(kc_shape_encode(&plain, &kc_sale_shape, line).code, KC_OK);
    assert_int_equal(kc_sign_brief(out, &crypto, &private_key, &party.realm, kc_sale_shape.domain,
                                   kc_buffer_view(&plain))
                         .code,
                     KC_OK);
}

static void put_file(size_t size, size_t flip)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++) {
        (void)fputc(i == flip ? (good[i] == '0' ? '1' : '0') : good[i], file);
    }
    assert_int_equal(fclose(file), 0);
}

static enum kc_error try_open(uint64_t *last)
{
    struct kc_journal journal;
    struct kc_result result = kc_journal_open(&journal, path, &party, NULL, NULL);
    *last = journal.last;
    kc_journal_close(&journal);
    return result.code;
}

static int set_up(void **state)
{
    struct kc_journal journal;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/journal", folder);
    (void)snprintf(made, sizeof made, "%s/journal.made", folder);
    assert_int_equal(kc_libcrypto_open(&crypto, 8).code, KC_OK);
    assert_int_equal(kc_realm_set(&party.realm, 1, "JPY").code, KC_OK);
    party.crypto = &crypto;
    party.purse = kc_purse_nth(7);
    assert_int_equal(crypto.generate(crypto.context, &private_key, &party.key, KC_KEY_P256).code,
                     KC_OK);
    assert_int_equal(kc_journal_open(&journal, path, &party, NULL, NULL).code, KC_OK);
    for (uint64_t number = 1; number <= LINES; number++) {
        uint8_t bytes[KC_SALE_SIGNED_MAX];
        struct kc_buffer out = KC_BUFFER(bytes);
        struct kc_sale line;
        make_line(&out, &line, &journal, number);
        assert_int_equal(kc_journal_add(&journal, &line, kc_buffer_view(&out), &crypto, true).code,
                         KC_OK);
        line_ends[number - 1] = (size_t)journal.size;
    }
    kc_journal_close(&journal);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    good_size = fread(good, 1, sizeof good, file);
    (void)fclose(file);
    return good_size == line_ends[LINES - 1] ? 0 : -1;
}

static int clean_up(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(made);
    (void)rmdir(folder);
    kc_libcrypto_close(&crypto);
    return 0;
}

/* shows: R-VEND-8 */
static void a_cut_at_any_byte_keeps_the_whole_lines(void **state)
{
    (void)state;
    for (size_t size = 0; size <= good_size; size++) {
        uint64_t last = 0;
        uint64_t whole = 0;
        put_file(size, SIZE_MAX);
        while (whole < LINES && line_ends[whole] <= size) {
            whole++;
        }
        assert_int_equal(try_open(&last), KC_OK);
        assert_int_equal(last, whole);
        assert_int_equal(try_open(&last), KC_OK);
        assert_int_equal(last, whole);
    }
}

static void an_edit_at_any_byte_stops(void **state)
{
    (void)state;
    for (size_t at = 0; at < good_size; at++) {
        uint64_t last = 0;
        put_file(good_size, at);
        enum kc_error error = try_open(&last);
        /* The end of the last line is where a power cut ends one. */
        assert_int_equal(error, at == good_size - 1 ? KC_OK : KC_STORE_CORRUPT);
    }
}

static void lines_out_of_their_order_stop(void **state)
{
    uint64_t last = 0;
    (void)state;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(good, 1, line_ends[0], file), line_ends[0]);
    assert_int_equal(fwrite(good + line_ends[1], 1, good_size - line_ends[1], file),
                     good_size - line_ends[1]);
    (void)fclose(file);
    assert_int_equal(try_open(&last), KC_STORE_CORRUPT);
}

static void another_s_key_stops(void **state)
{
    uint64_t last = 0;
    struct kc_public_key own = party.key;
    struct kc_private_key other;
    (void)state;
    put_file(good_size, SIZE_MAX);
    assert_int_equal(crypto.generate(crypto.context, &other, &party.key, KC_KEY_P256).code, KC_OK);
    assert_int_equal(try_open(&last), KC_STORE_CORRUPT);
    party.key = own;
    assert_int_equal(try_open(&last), KC_OK);
}

static struct kc_result count_two(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    uint64_t *seen = owner;
    (void)bytes;
    if (seen[0] == 2) {
        return kc_result(KC_NOT_COMPLETED);
    }
    seen[++seen[0]] = line->number;
    return kc_ok();
}

static void reading_goes_on_where_it_ended(void **state)
{
    struct kc_journal journal;
    uint64_t from = 1;
    (void)state;
    put_file(good_size, SIZE_MAX);
    assert_int_equal(kc_journal_open(&journal, path, &party, NULL, NULL).code, KC_OK);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t seen[3] = {0};
        assert_int_equal(kc_journal_read(&journal, from, count_two, seen).code, KC_OK);
        assert_int_equal(seen[0], i < 2 ? 2 : 1);
        assert_int_equal(seen[1], from);
        from += seen[0];
    }
    uint64_t again[3] = {0};
    assert_int_equal(kc_journal_read(&journal, 2, count_two, again).code, KC_OK);
    assert_int_equal(again[1], 2);
    kc_journal_close(&journal);
}

static void a_journal_that_is_gone_is_missed(void **state)
{
    uint64_t last = 0;
    (void)state;
    (void)unlink(path);
    assert_int_equal(try_open(&last), KC_FILE_MISSING);
    put_file(good_size, SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_at_any_byte_keeps_the_whole_lines),
        cmocka_unit_test(an_edit_at_any_byte_stops),
        cmocka_unit_test(lines_out_of_their_order_stop),
        cmocka_unit_test(another_s_key_stops),
        cmocka_unit_test(reading_goes_on_where_it_ended),
        cmocka_unit_test(a_journal_that_is_gone_is_missed),
    };
    return cmocka_run_group_tests_name("journal", tests, set_up, clean_up);
}
