/* make-vectors FOLDER: writes keys.json (unless it is there) and one file of vectors for each message.
 *
 * For each message and suite one good vector with short and one with full fields (as far as a message may be), and bad ones
 * that each differ from a good one in one point, with the error a reader must name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/libcrypto.h"
#include "message/print.h"
#include "sample.h"
#include "vector_keys.h"

#define TIME_MS UINT64_C(1795478400000)
#define MESSAGE_STRUCT_MAX 4096
/* A purse's whole state and an evidence file are larger than any message; they are stored, never sent. */
#define RECORD_SIZE_MAX 32768

struct maker {
    struct kc_crypto crypto;
    struct kc_vector_keys keys;
    const struct kc_shape *shape;
    const struct kc_vector_key *signer;
    const struct kc_vector_key *other;
    const struct kc_vector_key *recipient;
    const char *suite;
    const char *form;
    json_t *list;
    uint8_t plain_bytes[RECORD_SIZE_MAX];
    uint8_t sealed_bytes[KC_MESSAGE_SIZE_MAX];
    uint8_t out_bytes[RECORD_SIZE_MAX];
    char text[4 * RECORD_SIZE_MAX];
};

/* What a vector is made with; a good one has everything from the maker. */
struct recipe {
    const char *name;
    const char *expect;
    const char *seal_domain;
    const char *sign_domain;
    const struct kc_realm *realm;
    const struct kc_vector_key *signer;
    const struct kc_vector_key *recipient;
    struct kc_view plain;
    uint64_t time_ms;
};

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "make-vectors: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static struct recipe good_recipe(const struct maker *maker, const char *name, struct kc_view plain)
{
    return (struct recipe){.name = name,
                           .expect = "ok",
                           .seal_domain = maker->shape->domain,
                           .sign_domain = maker->shape->domain,
                           .realm = &maker->keys.realm,
                           .signer = maker->signer,
                           .recipient = maker->recipient,
                           .plain = plain,
                           .time_ms = TIME_MS};
}

static struct kc_view cook(struct maker *maker, const struct recipe *recipe)
{
    struct kc_buffer sealed = KC_BUFFER(maker->sealed_bytes);
    struct kc_buffer out = KC_BUFFER(maker->out_bytes);
    struct kc_view payload = recipe->plain;
    if (strcmp(maker->form, "plain") == 0) {
        return recipe->plain;
    }
    if (strcmp(maker->form, "envelope") == 0) {
        must(!kc_failed(kc_seal(&sealed, &maker->crypto, &recipe->recipient->public_key,
                                recipe->realm, recipe->seal_domain, payload)),
             "seal");
        payload = kc_buffer_view(&sealed);
    }
    if (strcmp(maker->form, "brief") == 0) {
        must(!kc_failed(kc_sign_brief(&out, &maker->crypto, &recipe->signer->private_key,
                                      recipe->realm, recipe->sign_domain, payload)),
             "sign");
        return kc_buffer_view(&out);
    }
    struct kc_signer signer = {.key = &recipe->signer->private_key};
    kc_signer_id_make(&signer.id, &maker->crypto, maker->signer->holder,
                      &recipe->signer->public_key);
    bool timed = strcmp(maker->form, "envelope") == 0;
    must(!kc_failed(kc_sign(&out, &maker->crypto, &signer, recipe->realm, recipe->sign_domain,
                            timed ? recipe->time_ms : 0, payload)),
         "sign");
    return kc_buffer_view(&out);
}

static void add(struct maker *maker, const char *name, const char *expect, struct kc_view bytes,
                const char *fields)
{
    json_t *object = json_object();
    char full_name[120];
    char *hex = kc_vector_hex(bytes);
    (void)snprintf(full_name, sizeof full_name, "%s.%s", maker->suite, name);
    (void)json_object_set_new(object, "name", json_string(full_name));
    (void)json_object_set_new(object, "form", json_string(maker->form));
    (void)json_object_set_new(object, "signer", json_string(maker->signer->name));
    (void)json_object_set_new(object, "recipient", json_string(maker->recipient->name));
    (void)json_object_set_new(object, "expect", json_string(expect));
    (void)json_object_set_new(object, "bytes", json_string(hex));
    if (fields != NULL) {
        (void)json_object_set_new(object, "fields", json_loads(fields, 0, NULL));
    }
    (void)json_array_append_new(maker->list, object);
    free(hex);
}

static void add_recipe(struct maker *maker, const struct recipe *recipe)
{
    add(maker, recipe->name, recipe->expect, cook(maker, recipe), NULL);
}

static struct kc_view encode_sample(struct maker *maker, bool full)
{
    static uint64_t message[MESSAGE_STRUCT_MAX / sizeof(uint64_t)];
    struct kc_buffer plain = KC_BUFFER(maker->plain_bytes);
    struct kc_buffer text = {.data = (uint8_t *)maker->text, .capacity = sizeof maker->text};
    must(maker->shape->struct_size <= sizeof message, "struct size");
    kc_sample_fill(message, maker->shape, full, TIME_MS);
    must(!kc_failed(kc_shape_encode(&plain, maker->shape, message)), "encode");
    must(!kc_failed(kc_message_print(&text, maker->shape, message, true)), "print");
    return kc_buffer_view(&plain);
}

/* ---- bad ones: what is wrong with the outer bytes ---- */

static void add_outer(struct maker *maker, struct kc_view good)
{
    uint8_t bytes[RECORD_SIZE_MAX + 1];
    memcpy(bytes, good.data, good.size);
    add(maker, "truncated", "malformed", kc_view(bytes, good.size - 1), NULL);
    bytes[good.size] = 0;
    add(maker, "trailing", "trailing-bytes", kc_view(bytes, good.size + 1), NULL);
    if (strcmp(maker->form, "plain") == 0) {
        return;
    }
    bytes[good.size - 1] ^= 1;
    add(maker, "bad-signature", "bad-signature", kc_view(bytes, good.size), NULL);
    bytes[good.size - 1] ^= 1;
    /* The array's head in two bytes instead of one. */
    memmove(bytes + 2, bytes + 1, good.size - 1);
    bytes[0] = 0x98;
    bytes[1] = 0x04;
    add(maker, "non-canonical", "not-canonical", kc_view(bytes, good.size + 1), NULL);
}

/* ---- bad ones: what is wrong inside, signed and sealed as it should be ---- */

static void add_inner(struct maker *maker, const char *name, const char *expect,
                      struct kc_view plain)
{
    struct recipe recipe = good_recipe(maker, name, plain);
    recipe.expect = expect;
    add_recipe(maker, &recipe);
}

static void add_inners(struct maker *maker, struct kc_view good)
{
    uint8_t bytes[RECORD_SIZE_MAX + 2];
    memcpy(bytes, good.data, good.size);
    add_inner(maker, "inside-truncated", "malformed", kc_view(bytes, good.size - 1));
    bytes[good.size] = 0;
    add_inner(maker, "inside-trailing", "trailing-bytes", kc_view(bytes, good.size + 1));
    /* The version follows the head of the array, whose last byte counts the elements. */
    size_t at = kc_cbor_head_size((uint64_t)maker->shape->field_count + 2);
    must(good.data[at] == maker->shape->version, "version after the head");
    must(at == kc_cbor_head_size((uint64_t)maker->shape->field_count + 3), "room for one more");
    bytes[at] = 0x17;
    add_inner(maker, "wrong-version", "wrong-version", kc_view(bytes, good.size));
    bytes[at] = 0x18;
    bytes[at + 1] = maker->shape->version;
    memcpy(bytes + at + 2, good.data + at + 1, good.size - at - 1);
    add_inner(maker, "inside-non-canonical", "not-canonical", kc_view(bytes, good.size + 1));
    memcpy(bytes, good.data, good.size);
    bytes[at - 1] += 1;
    bytes[good.size] = 0;
    add_inner(maker, "one-field-more", "malformed", kc_view(bytes, good.size + 1));
}

static void add_misdirected(struct maker *maker, struct kc_view plain)
{
    struct kc_realm elsewhere = maker->keys.realm;
    elsewhere.currency[0] = 'X';
    struct recipe recipe = good_recipe(maker, "wrong-key", plain);
    recipe.expect = "bad-signature";
    recipe.signer = maker->other;
    add_recipe(maker, &recipe);
    recipe = good_recipe(maker, "wrong-realm", plain);
    recipe.expect = "bad-signature";
    recipe.realm = &elsewhere;
    add_recipe(maker, &recipe);
    recipe = good_recipe(maker, "wrong-domain", plain);
    recipe.expect = maker->shape->brief ? "bad-signature" : "wrong-domain";
    recipe.sign_domain = "kinchaku/1-elsewhere";
    add_recipe(maker, &recipe);
    if (strcmp(maker->form, "envelope") == 0) {
        recipe = good_recipe(maker, "sealed-for-another", plain);
        recipe.expect = "cannot-unseal";
        recipe.recipient = maker->other;
        add_recipe(maker, &recipe);
        recipe = good_recipe(maker, "sealed-under-another-domain", plain);
        recipe.expect = "cannot-unseal";
        recipe.seal_domain = "kinchaku/1-elsewhere";
        add_recipe(maker, &recipe);
        recipe = good_recipe(maker, "times-differ", plain);
        recipe.expect = "mismatch";
        recipe.time_ms = TIME_MS + 1;
        add_recipe(maker, &recipe);
    }
}

static bool fits(const struct maker *maker, struct kc_view plain)
{
    return strcmp(maker->form, "envelope") != 0 || plain.size + 1024 < KC_PLAIN_SIZE_MAX;
}

static void add_all(struct maker *maker)
{
    struct kc_view plain = encode_sample(maker, true);
    if (fits(maker, plain)) {
        struct recipe full = good_recipe(maker, "good-full", plain);
        add(maker, full.name, full.expect, cook(maker, &full), maker->text);
    }
    plain = encode_sample(maker, false);
    struct recipe recipe = good_recipe(maker, "good", plain);
    struct kc_view good = cook(maker, &recipe);
    add(maker, "good", "ok", good, maker->text);
    add_outer(maker, good);
    add_inners(maker, plain);
    if (strcmp(maker->form, "plain") != 0) {
        add_misdirected(maker, plain);
    }
}

static void choose_keys(struct maker *maker, const char *suite)
{
    char name[40];
    maker->suite = suite;
    (void)snprintf(name, sizeof name, "%s-sign", suite);
    maker->signer = kc_vector_key_find(&maker->keys, name);
    (void)snprintf(name, sizeof name, "%s-other", suite);
    maker->other = kc_vector_key_find(&maker->keys, name);
    (void)snprintf(name, sizeof name, "%s-encrypt", suite);
    maker->recipient = kc_vector_key_find(&maker->keys, name);
    must(maker->signer != NULL && maker->other != NULL && maker->recipient != NULL, "keys");
}

static void make_keys(struct maker *maker)
{
    static const char *const suites[] = {"es256", "rs2048", "rs3072"};
    static const char *const uses[] = {"sign", "encrypt", "other"};
    must(!kc_failed(kc_realm_set(&maker->keys.realm, 1, "JPY")), "realm");
    for (size_t i = 0; i < 9; i++) {
        struct kc_vector_key *key = &maker->keys.keys[maker->keys.count++];
        (void)snprintf(key->name, sizeof key->name, "%s-%s", suites[i / 3], uses[i % 3]);
        key->holder = kc_account_nth(1 + i).number;
        must(!kc_failed(maker->crypto.generate(maker->crypto.context, &key->private_key,
                                               &key->public_key, (enum kc_key_type)(i / 3 + 1))),
             "generate");
    }
}

static const char *form_of(const struct kc_shape *shape)
{
    bool record = shape == &kc_certified_shape || shape == &kc_key_proof_shape ||
                  shape == &kc_hotlist_shape || shape == &kc_hotlist_base_shape ||
                  shape == &kc_hotlist_delta_shape || shape == &kc_key_roll_shape ||
                  shape == &kc_rolled_keys_shape || shape == &kc_authority_notice_shape ||
                  shape == &kc_renewal_word_shape || shape == &kc_evidence_file_shape ||
                  shape == &kc_renewed_evidence_shape || shape == &kc_collect_request_shape;
    return shape->domain == NULL ? "plain"
           : shape->brief        ? "brief"
           : record              ? "signed"
                                 : "envelope";
}

static void make_file(struct maker *maker, const char *folder)
{
    char path[1024];
    maker->list = json_array();
    maker->form = form_of(maker->shape);
    choose_keys(maker, "es256");
    add_all(maker);
    if (maker->shape->domain != NULL) {
        choose_keys(maker, "rs2048");
        add_all(maker);
    }
    if (maker->shape == &kc_cash_request_shape || maker->shape == &kc_certified_shape) {
        choose_keys(maker, "rs3072");
        add_all(maker);
    }
    (void)snprintf(path, sizeof path, "%s/%s.json", folder, kc_shape_name_of(maker->shape));
    must(json_dump_file(maker->list, path, JSON_INDENT(1)) == 0, "write");
    json_decref(maker->list);
}

int main(int argc, char **argv)
{
    static struct maker maker;
    must(argc == 2, "usage: make-vectors FOLDER");
    must(!kc_failed(kc_libcrypto_open(&maker.crypto, 16)), "crypto");
    if (!kc_vector_keys_load(&maker.keys, argv[1])) {
        maker.keys.count = 0;
        make_keys(&maker);
        must(kc_vector_keys_save(&maker.keys, argv[1]), "keys.json");
    }
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        maker.shape = kc_shapes[i];
        make_file(&maker, argv[1]);
    }
    kc_libcrypto_close(&maker.crypto);
    return EXIT_SUCCESS;
}
