/* Does libcbor, written by others, read in our messages exactly what we wrote into them? */
#include <cbor.h>

#include "message/generated/messages.h"
#include "parties.h"
#include "sample.h"

static uint64_t message[STRUCT_WORDS];
static uint8_t bytes[40000];

static uint64_t stored_number(const struct kc_field *field)
{
    const uint8_t *at = (const uint8_t *)message + field->offset;
    uint64_t number = 0;
    if (field->type == KC_FIELD_ENUM) {
        uint32_t value;
        memcpy(&value, at, sizeof value);
        number = value;
    } else {
        memcpy(&number, at, sizeof number);
    }
    return number;
}

static struct kc_view stored_view(const struct kc_field *field)
{
    struct kc_view view;
    const uint8_t *at = (const uint8_t *)message + field->offset;
    memcpy(&view, at, sizeof view);
    return field->type == KC_FIELD_FIXED ? kc_view(at, field->max) : view;
}

static void compare_bytes(cbor_item_t *item, struct kc_view expected)
{
    assert_true(cbor_isa_bytestring(item) && cbor_bytestring_is_definite(item));
    assert_true(kc_view_equal(kc_view(cbor_bytestring_handle(item), cbor_bytestring_length(item)),
                              expected));
}

static void compare_list(cbor_item_t *item, const struct kc_field *field)
{
    struct kc_view_list list;
    memcpy(&list, (const uint8_t *)message + field->offset, sizeof list);
    assert_true(cbor_isa_array(item) && cbor_array_is_definite(item));
    assert_int_equal(cbor_array_size(item), list.count);
    for (size_t i = 0; i < list.count; i++) {
        compare_bytes(cbor_array_handle(item)[i], list.items[i]);
    }
}

static void compare_field(cbor_item_t *item, const struct kc_field *field)
{
    bool absent = field->presence != 0 && *((const uint8_t *)message + field->presence) == 0;
    struct kc_view view;
    if (absent) {
        assert_true(cbor_is_null(item));
        return;
    }
    switch ((enum kc_field_type)field->type) {
    case KC_FIELD_UINT:
    case KC_FIELD_AMOUNT:
    case KC_FIELD_TIME:
    case KC_FIELD_ACCOUNT:
    case KC_FIELD_PURSE:
    case KC_FIELD_ENUM:
        assert_true(cbor_isa_uint(item) && cbor_get_int(item) == stored_number(field));
        break;
    case KC_FIELD_BOOL:
        assert_true(cbor_is_bool(item));
        assert_int_equal(cbor_get_bool(item), *((const uint8_t *)message + field->offset));
        break;
    case KC_FIELD_FIXED:
    case KC_FIELD_BYTES:
        compare_bytes(item, stored_view(field));
        break;
    case KC_FIELD_TEXT:
        view = stored_view(field);
        assert_true(cbor_isa_string(item) && cbor_string_is_definite(item));
        assert_true(
            kc_view_equal(kc_view(cbor_string_handle(item), cbor_string_length(item)), view));
        break;
    case KC_FIELD_LIST:
        compare_list(item, field);
        break;
    }
}

static void libcbor_reads_what_we_wrote(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i / 2];
        struct kc_buffer out = KC_BUFFER(bytes);
        struct cbor_load_result status;
        kc_sample_fill(message, shape, i % 2 == 1, TIME_MS);
        assert_ok(kc_shape_encode(&out, shape, message));
        cbor_item_t *root = cbor_load(bytes, out.size, &status);
        assert_non_null(root);
        assert_int_equal(status.read, out.size);
        assert_true(cbor_isa_array(root));
        assert_int_equal(cbor_array_size(root), shape->field_count + 2);
        cbor_item_t **items = cbor_array_handle(root);
        assert_int_equal(cbor_get_int(items[0]), shape->version);
        assert_int_equal(cbor_get_int(items[1]), shape->number);
        for (size_t f = 0; f < shape->field_count; f++) {
            compare_field(items[f + 2], &shape->fields[f]);
        }
        cbor_decref(&root);
    }
}

/* The other way: what libcbor writes in its shortest forms, we read. */
static void we_read_what_libcbor_wrote(void **state)
{
    (void)state;
    cbor_item_t *root = cbor_new_definite_array(12);
    static const uint64_t kinds[] = {4, 1};
    assert_true(cbor_array_push(root, cbor_move(cbor_build_uint8(1))));
    assert_true(cbor_array_push(root, cbor_move(cbor_build_uint8((uint8_t)kinds[0]))));
    assert_true(cbor_array_push(root, cbor_move(cbor_build_uint8((uint8_t)kinds[1]))));
    assert_true(cbor_array_push(root, cbor_move(cbor_build_uint16(700))));
    assert_true(cbor_array_push(root, cbor_move(cbor_build_uint64(TIME_MS))));
    assert_true(cbor_array_push(root, cbor_move(cbor_build_uint32(100000))));
    for (size_t i = 0; i < 5; i++) {
        assert_true(cbor_array_push(root, cbor_move(cbor_new_null())));
    }
    assert_true(
        cbor_array_push(root, cbor_move(cbor_build_bytestring(
                                  (const unsigned char *)"0123456789abcdef0123456789abcdef", 32))));
    size_t size = cbor_serialize(root, bytes, sizeof bytes);
    cbor_decref(&root);
    struct kc_entry entry;
    assert_ok(kc_shape_decode(&entry, &kc_entry_shape, kc_view(bytes, size)));
    assert_int_equal(entry.kind, KC_ENTRY_KIND_PAY);
    assert_true(entry.counter == 700 && entry.time_ms == TIME_MS);
    assert_true(kc_amount_minor(entry.amount) == 100000);
    assert_false(entry.has_recipient || entry.has_payer || entry.has_card ||
                 entry.has_transaction || entry.has_voids);
    assert_memory_equal(entry.partner, "0123456789abcdef0123456789abcdef", 32);
}

/* libcbor takes the wide form of a number; we must not. */
static void what_libcbor_tolerates_we_refuse(void **state)
{
    struct cbor_load_result status;
    static const uint8_t wide[] = {0x18, 0x05};
    static const uint8_t indefinite[] = {0x9f, 0x01, 0xff};
    struct kc_reader reader;
    (void)state;
    cbor_item_t *item = cbor_load(wide, sizeof wide, &status);
    assert_non_null(item);
    cbor_decref(&item);
    kc_reader_init(&reader, kc_view(wide, sizeof wide));
    (void)kc_read_uint(&reader);
    assert_int_equal(reader.error, KC_NOT_CANONICAL);
    item = cbor_load(indefinite, sizeof indefinite, &status);
    assert_non_null(item);
    cbor_decref(&item);
    kc_reader_init(&reader, kc_view(indefinite, sizeof indefinite));
    (void)kc_read_array(&reader);
    assert_int_equal(reader.error, KC_NOT_CANONICAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libcbor_reads_what_we_wrote),
        cmocka_unit_test(we_read_what_libcbor_wrote),
        cmocka_unit_test(what_libcbor_tolerates_we_refuse),
    };
    return cmocka_run_group_tests(tests, parties_open, parties_close);
}
