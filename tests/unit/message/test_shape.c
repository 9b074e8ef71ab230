/* Does each message of the table have one encoding, and is each field held to its limits? */
#include "message/generated/names.h"
#include "parties.h"
#include "sample.h"

#define ENCODED_MAX 40000
#define ITEMS_MAX 64

static uint64_t message[STRUCT_WORDS];
static uint64_t zeros[STRUCT_WORDS];
static uint8_t good_bytes[ENCODED_MAX];
static uint8_t bad_bytes[ENCODED_MAX];

/* Where the items of an encoded message start: head, version, number, fields; the last place is the end. */
static size_t starts[ITEMS_MAX];

static struct kc_view encode_sample(const struct kc_shape *shape, bool full)
{
    struct kc_buffer out = KC_BUFFER(good_bytes);
    assert_true(shape->struct_size <= sizeof message);
    kc_sample_fill(message, shape, full, TIME_MS);
    assert_ok(kc_shape_encode(&out, shape, message));
    return kc_buffer_view(&out);
}

static void skip_item(struct kc_reader *reader)
{
    switch (reader->input.data[reader->at] >> 5) {
    case 0:
        (void)kc_read_uint(reader);
        break;
    case 2:
        (void)kc_read_bytes(reader);
        break;
    case 3:
        (void)kc_read_text(reader);
        break;
    case 4:
        for (size_t count = kc_read_array(reader); count > 0; count--) {
            (void)kc_read_bytes(reader);
        }
        break;
    default:
        if (!kc_read_null_if_next(reader)) {
            (void)kc_read_bool(reader);
        }
        break;
    }
}

static void find_items(const struct kc_shape *shape, struct kc_view encoded)
{
    struct kc_reader reader;
    size_t count = 0;
    assert_true(shape->field_count + 4u <= ITEMS_MAX);
    kc_reader_init(&reader, encoded);
    starts[count++] = 0;
    kc_read_expect_array(&reader, (size_t)shape->field_count + 2);
    for (; count < shape->field_count + 3u; count++) {
        starts[count] = reader.at;
        skip_item(&reader);
    }
    starts[count] = reader.at;
    assert_int_equal(kc_reader_finish(&reader).code, KC_OK);
}

/* Decodes and wants the struct to be empty when it fails. */
static enum kc_error decode(const struct kc_shape *shape, struct kc_view encoded)
{
    struct kc_result result = kc_shape_decode(message, shape, encoded);
    if (kc_failed(result)) {
        assert_memory_equal(message, zeros, shape->struct_size);
    }
    return result.code;
}

/* Decodes the good bytes with one item replaced. */
static enum kc_error decode_with(const struct kc_shape *shape, struct kc_view good, size_t item,
                                 struct kc_view in_its_place)
{
    struct kc_buffer out = KC_BUFFER(bad_bytes);
    assert_ok(kc_buffer_append(&out, kc_view(good.data, starts[item])));
    assert_ok(kc_buffer_append(&out, in_its_place));
    assert_ok(kc_buffer_append(
        &out, kc_view(good.data + starts[item + 1], good.size - starts[item + 1])));
    return decode(shape, kc_buffer_view(&out));
}

/* shows: R-DATA-5 R-DATA-6 */
static void encoding_decoding_encoding_gives_the_same(void **state)
{
    static uint8_t again[ENCODED_MAX];
    (void)state;
    for (size_t i = 0; i < 2 * KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i / 2];
        struct kc_view good = encode_sample(shape, i % 2 == 1);
        struct kc_buffer out = KC_BUFFER(again);
        assert_true(kc_shape_number(good) == shape->number);
        assert_int_equal(decode(shape, good), KC_OK);
        assert_ok(kc_shape_encode(&out, shape, message));
        assert_true(kc_view_equal(kc_buffer_view(&out), good));
    }
}

static void every_cut_and_every_byte_more_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i / 2];
        struct kc_view good = encode_sample(shape, i % 2 == 1);
        for (size_t cut = 0; cut < good.size; cut++) {
            assert_int_equal(decode(shape, kc_view(good.data, cut)), KC_MALFORMED);
        }
        good_bytes[good.size] = 0xf6;
        assert_int_equal(decode(shape, kc_view(good.data, good.size + 1)), KC_TRAILING);
    }
}

static void no_message_reads_as_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        struct kc_view good = encode_sample(kc_shapes[i], true);
        for (size_t j = 0; j < KC_SHAPE_COUNT; j++) {
            assert_int_equal(decode(kc_shapes[j], good), i == j ? KC_OK : KC_WRONG_TYPE);
        }
    }
}

static void versions_numbers_and_counts_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i];
        struct kc_view good = encode_sample(shape, true);
        uint8_t head[9];
        struct kc_writer writer;
        find_items(shape, good);
        for (uint8_t version = 0; version < 24; version++) {
            assert_int_equal(decode_with(shape, good, 1, kc_view(&version, 1)),
                             version == shape->version ? KC_OK : KC_WRONG_VERSION);
        }
        assert_int_equal(decode_with(shape, good, 2, kc_view("\x00", 1)), KC_WRONG_TYPE);
        for (size_t count = 0; count < shape->field_count + 8u; count++) {
            kc_writer_init(&writer, head, sizeof head);
            kc_write_array(&writer, count);
            assert_int_equal(decode_with(shape, good, 0, kc_writer_view(&writer)),
                             count == shape->field_count + 2u ? KC_OK : KC_MALFORMED);
        }
    }
}

/* Every head in a longer form: array, version, number, each field. */
static void every_longer_head_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i / 2];
        struct kc_view good = encode_sample(shape, i % 2 == 1);
        find_items(shape, good);
        for (size_t item = 0; item < shape->field_count + 3u; item++) {
            struct kc_buffer out = KC_BUFFER(bad_bytes);
            uint8_t first = good.data[starts[item]];
            unsigned info = first & 31u;
            if (first >> 5 == 7 || info == 27) {
                continue;
            }
            /* The argument, then the same in twice the width. */
            size_t width = info < 24 ? 0 : (size_t)1 << (info - 24);
            size_t wider = width == 0 ? 1 : 2 * width;
            uint8_t head[9] = {(uint8_t)((first & 0xe0u) | (info < 24 ? 24 : info + 1))};
            if (width == 0) {
                head[1] = (uint8_t)info;
            }
            memcpy(head + 1 + wider - width, good.data + starts[item] + 1, width);
            assert_ok(kc_buffer_append(&out, kc_view(good.data, starts[item])));
            assert_ok(kc_buffer_append(&out, kc_view(head, 1 + wider)));
            size_t rest = starts[item] + 1 + width;
            assert_ok(kc_buffer_append(&out, kc_view(good.data + rest, good.size - rest)));
            assert_int_equal(decode(shape, kc_buffer_view(&out)), KC_NOT_CANONICAL);
        }
    }
}

/* ---- each field beyond its limits ---- */

static struct kc_view item_uint(uint8_t out[9], uint64_t value)
{
    struct kc_writer writer;
    kc_writer_init(&writer, out, 9);
    kc_write_uint(&writer, value);
    return kc_writer_view(&writer);
}

static struct kc_view item_string(bool text, size_t size)
{
    static uint8_t fill[ENCODED_MAX];
    static uint8_t out[ENCODED_MAX];
    struct kc_writer writer;
    memset(fill, 'a', sizeof fill);
    kc_writer_init(&writer, out, sizeof out);
    if (text) {
        kc_write_text(&writer, kc_view(fill, size));
    } else {
        kc_write_bytes(&writer, kc_view(fill, size));
    }
    return kc_writer_view(&writer);
}

static struct kc_view item_list(size_t count, size_t size)
{
    static uint8_t out[ENCODED_MAX];
    struct kc_writer writer;
    kc_writer_init(&writer, out, sizeof out);
    kc_write_array(&writer, count);
    for (size_t i = 0; i < count; i++) {
        kc_write_raw(&writer, item_string(false, size));
    }
    return kc_writer_view(&writer);
}

static void check_number(const struct kc_shape *shape, struct kc_view good, size_t item)
{
    uint8_t bytes[9];
    assert_int_equal(decode_with(shape, good, item, item_uint(bytes, KC_AMOUNT_MAX)), KC_OK);
    assert_int_equal(decode_with(shape, good, item, item_uint(bytes, KC_AMOUNT_MAX + 1)),
                     KC_AMOUNT_TOO_LARGE);
    assert_int_equal(decode_with(shape, good, item, item_uint(bytes, UINT64_MAX)),
                     KC_AMOUNT_TOO_LARGE);
    assert_int_equal(decode_with(shape, good, item, kc_view("\x20", 1)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, item_string(false, 8)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, kc_view("\xf5", 1)), KC_MALFORMED);
}

static void check_bool(const struct kc_shape *shape, struct kc_view good, size_t item)
{
    assert_int_equal(decode_with(shape, good, item, kc_view("\xf4", 1)), KC_OK);
    assert_int_equal(decode_with(shape, good, item, kc_view("\xf5", 1)), KC_OK);
    assert_int_equal(decode_with(shape, good, item, kc_view("\x01", 1)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, kc_view("\xf7", 1)), KC_MALFORMED);
}

static void check_enum(const struct kc_shape *shape, struct kc_view good, size_t item,
                       uint32_t allowed)
{
    uint8_t bytes[9];
    for (uint64_t value = 0; value < 70; value++) {
        bool known = value < 32 && (allowed >> value & 1u) != 0;
        assert_int_equal(decode_with(shape, good, item, item_uint(bytes, value)),
                         known ? KC_OK : KC_MALFORMED);
        assert_int_equal(
            decode_with(shape, good, item, item_uint(bytes, value | UINT64_C(1) << 32)),
            KC_MALFORMED);
    }
}

static void check_string(const struct kc_shape *shape, struct kc_view good, size_t item, bool text,
                         size_t max)
{
    assert_int_equal(decode_with(shape, good, item, item_string(text, 0)), KC_OK);
    assert_int_equal(decode_with(shape, good, item, item_string(text, max)), KC_OK);
    assert_int_equal(decode_with(shape, good, item, item_string(text, max + 1)), KC_TOO_LARGE);
    assert_int_equal(decode_with(shape, good, item, item_string(!text, 0)), KC_MALFORMED);
    assert_int_equal(
        decode_with(shape, good, item, kc_view(text ? "\x7f\x61\x61\xff" : "\x5f\x41\x61\xff", 4)),
        KC_NOT_CANONICAL);
    if (text) {
        assert_int_equal(decode_with(shape, good, item, kc_view("\x61\x0a", 2)), KC_MALFORMED);
        assert_int_equal(decode_with(shape, good, item, kc_view("\x61\x80", 2)), KC_MALFORMED);
        assert_int_equal(decode_with(shape, good, item, kc_view("\x61\x00", 2)), KC_MALFORMED);
    }
}

static void check_fixed(const struct kc_shape *shape, struct kc_view good, size_t item, size_t size)
{
    assert_int_equal(decode_with(shape, good, item, item_string(false, size)), KC_OK);
    assert_int_equal(decode_with(shape, good, item, item_string(false, size - 1)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, item_string(false, size + 1)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, item_string(false, 0)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, item_string(true, size)), KC_MALFORMED);
}

static void check_list(const struct kc_shape *shape, struct kc_view good, size_t item,
                       const struct kc_field *field)
{
    assert_int_equal(decode_with(shape, good, item, item_list(0, 0)), KC_OK);
    assert_int_equal(decode_with(shape, good, item, item_list(field->count, field->max)), KC_OK);
    assert_int_equal(decode_with(shape, good, item, item_list(field->count + 1u, 1)), KC_TOO_LARGE);
    assert_int_equal(decode_with(shape, good, item, item_list(1, field->max + 1)), KC_TOO_LARGE);
    assert_int_equal(decode_with(shape, good, item, kc_view("\x81\x00", 2)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, kc_view("\x81\x81\x00", 3)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, kc_view("\x9f\xff", 2)), KC_NOT_CANONICAL);
}

static void check_field(const struct kc_shape *shape, struct kc_view good, size_t item,
                        const struct kc_field *field)
{
    switch ((enum kc_field_type)field->type) {
    case KC_FIELD_UINT:
    case KC_FIELD_AMOUNT:
    case KC_FIELD_TIME:
    case KC_FIELD_ACCOUNT:
    case KC_FIELD_PURSE:
        check_number(shape, good, item);
        break;
    case KC_FIELD_BOOL:
        check_bool(shape, good, item);
        break;
    case KC_FIELD_FIXED:
        check_fixed(shape, good, item, field->max);
        break;
    case KC_FIELD_BYTES:
    case KC_FIELD_TEXT:
        check_string(shape, good, item, field->type == KC_FIELD_TEXT, field->max);
        break;
    case KC_FIELD_ENUM:
        check_enum(shape, good, item, field->max);
        break;
    case KC_FIELD_LIST:
        check_list(shape, good, item, field);
        break;
    }
    /* Null where it may be, a tag and a float nowhere. */
    assert_int_equal(decode_with(shape, good, item, kc_view("\xf6", 1)),
                     field->presence != 0 ? KC_OK : KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, kc_view("\xc1\x00", 2)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, kc_view("\xf9\x3c\x00", 3)), KC_MALFORMED);
    assert_int_equal(decode_with(shape, good, item, kc_view("\xa0", 1)), KC_MALFORMED);
}

static void each_field_is_held_to_its_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i];
        struct kc_view good = encode_sample(shape, false);
        find_items(shape, good);
        for (size_t f = 0; f < shape->field_count; f++) {
            check_field(shape, good, f + 3, &shape->fields[f]);
        }
    }
}

/* ---- the table itself ---- */

static void numbers_and_domains_belong_to_one_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i];
        assert_ptr_equal(kc_shape_of_number(shape->number), shape);
        assert_true(shape->number > 0 && shape->version > 0);
        assert_true(shape->domain == NULL || strncmp(shape->domain, "kinchaku/", 9) == 0);
        for (size_t j = i + 1; j < KC_SHAPE_COUNT; j++) {
            assert_true(shape->domain == NULL || kc_shapes[j]->domain == NULL ||
                        strcmp(shape->domain, kc_shapes[j]->domain) != 0);
            assert_int_not_equal(shape->number, kc_shapes[j]->number);
            assert_string_not_equal(kc_shape_names[i].name, kc_shape_names[j].name);
        }
    }
    assert_null(kc_shape_of_number(0));
    assert_null(kc_shape_of_number(UINT64_MAX));
}

static void what_is_no_message_has_no_number(void **state)
{
    static const char *const bad[] = {
        "", "\x80", "\x81\x01", "\x83\x01", "\x83\x01\x20\x00", "\xa1\x01\x02", "\x18\x18"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(kc_shape_number(kc_view_text(bad[i])) == 0);
    }
}

static void a_small_buffer_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        size_t whole = encode_sample(kc_shapes[i], true).size;
        for (size_t capacity = 0; capacity < whole; capacity += 1 + whole / 64) {
            struct kc_buffer out = {.data = bad_bytes, .capacity = capacity};
            bad_bytes[capacity] = 0xee;
            assert_int_equal(kc_shape_encode(&out, kc_shapes[i], message).code, KC_BUFFER_SMALL);
            assert_int_equal(out.size, 0);
            assert_int_equal(bad_bytes[capacity], 0xee);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_decoding_encoding_gives_the_same),
        cmocka_unit_test(every_cut_and_every_byte_more_is_refused),
        cmocka_unit_test(no_message_reads_as_another),
        cmocka_unit_test(versions_numbers_and_counts_are_exact),
        cmocka_unit_test(every_longer_head_is_refused),
        cmocka_unit_test(each_field_is_held_to_its_limits),
        cmocka_unit_test(numbers_and_domains_belong_to_one_shape),
        cmocka_unit_test(what_is_no_message_has_no_number),
        cmocka_unit_test(a_small_buffer_is_an_error),
    };
    return cmocka_run_group_tests(tests, parties_open, parties_close);
}
