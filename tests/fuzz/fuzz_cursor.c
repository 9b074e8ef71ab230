/* Does the cursor take anything that it would not write, or that another CBOR reader understands differently? */
#include <cbor.h>
#include <string.h>

#include "base/cursor.h"
#include "fuzz.h"

/* Nesting beyond this is left to our own reader; libcbor keeps a stack on the heap and has a limit too. */
#define DEPTH_MAX 200u

static const char *const seeds[] = {
    "\x83\x01\x20\x43"
    "abc",
    "\xa2\x01\x82\x18\x64\x39\x01\xf3\x03\x65"
    "hello",
    "\x84\xf4\xf5\xf6\x1b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "\x81\x81\x81\x81\x81\x81\x80",
    "\x66\xe5\xb7\xbe\xe7\x9d\x80",
    "\x58\x18"
    "aaaaaaaaaaaaaaaaaaaaaaaa",
};

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    if (index >= sizeof seeds / sizeof seeds[0]) {
        return 0;
    }
    memcpy(out, seeds[index], strlen(seeds[index]));
    return strlen(seeds[index]);
}

/* Copies one item from reader to writer, heads and all; gives the number of items inside it. */
static size_t copy_item(struct kc_reader *reader, struct kc_writer *writer, uint8_t first)
{
    size_t count = 0;
    switch (first >> 5) {
    case 0:
        kc_write_uint(writer, kc_read_uint(reader));
        break;
    case 1:
        kc_write_negative(writer, kc_read_negative(reader));
        break;
    case 2:
        kc_write_bytes(writer, kc_read_bytes(reader));
        break;
    case 3:
        kc_write_text(writer, kc_read_text(reader));
        break;
    case 4:
        count = kc_read_array(reader);
        kc_write_array(writer, count);
        break;
    case 5:
        count = kc_read_map(reader);
        kc_write_map(writer, count);
        count *= 2;
        break;
    default:
        if (kc_read_null_if_next(reader)) {
            kc_write_null(writer);
        } else {
            kc_write_bool(writer, kc_read_bool(reader));
        }
        break;
    }
    return count;
}

/* Copies a whole item; false when the reader refuses it. *nested is how many containers it holds. */
static bool copy_all(struct kc_writer *writer, struct kc_view input, size_t *nested)
{
    struct kc_reader reader;
    size_t left = 1;
    kc_reader_init(&reader, input);
    for (*nested = 0; left > 0 && reader.error == KC_OK && reader.at < input.size;) {
        size_t inside = copy_item(&reader, writer, input.data[reader.at]);
        *nested += inside > 0 ? 1 : 0;
        left += inside - 1;
    }
    return left == 0 && !kc_failed(kc_reader_finish(&reader));
}

static void compare_with_libcbor(struct kc_view input)
{
    struct cbor_load_result status;
    unsigned char again[KC_FUZZ_SIZE_MAX];
    cbor_item_t *item = cbor_load(input.data, input.size, &status);
    KC_FUZZ_CHECK(item != NULL && status.error.code == CBOR_ERR_NONE);
    KC_FUZZ_CHECK(status.read == input.size);
    KC_FUZZ_CHECK(cbor_serialize(item, again, sizeof again) == input.size);
    KC_FUZZ_CHECK(memcmp(again, input.data, input.size) == 0);
    cbor_decref(&item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t copy[KC_FUZZ_SIZE_MAX];
    struct kc_writer writer;
    size_t nested = 0;
    if (size > KC_FUZZ_SIZE_MAX) {
        return 0;
    }
    kc_writer_init(&writer, copy, sizeof copy);
    if (copy_all(&writer, kc_view(data, size), &nested)) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(writer.error == KC_OK);
        KC_FUZZ_CHECK(kc_view_equal(kc_writer_view(&writer), kc_view(data, size)));
        if (nested < DEPTH_MAX) {
            compare_with_libcbor(kc_view(data, size));
        }
    }
    return 0;
}
