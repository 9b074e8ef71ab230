#include "vector_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *kc_vector_hex(struct kc_view bytes)
{
    char *text = malloc(2 * bytes.size + 1);
    if (text != NULL) {
        kc_hex_write(text, bytes);
    }
    return text;
}

bool kc_vector_unhex(struct kc_buffer *out, const char *text)
{
    size_t size = strlen(text) / 2;
    out->size = size;
    return size <= out->capacity && !kc_failed(kc_hex_read(out->data, size, text));
}

static void set_hex(json_t *object, const char *name, const uint8_t *bytes, size_t size)
{
    char *text = kc_vector_hex(kc_view(bytes, size));
    (void)json_object_set_new(object, name, json_string(text));
    free(text);
}

static bool get_hex(const json_t *object, const char *name, uint8_t *bytes, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL && !kc_failed(kc_hex_read(bytes, size, text));
}

struct part {
    const char *name;
    size_t offset;
};

static const struct part rsa_parts[] = {
    {"p", offsetof(struct kc_private_key, rsa.p)},
    {"q", offsetof(struct kc_private_key, rsa.q)},
    {"dp", offsetof(struct kc_private_key, rsa.dp)},
    {"dq", offsetof(struct kc_private_key, rsa.dq)},
    {"iq", offsetof(struct kc_private_key, rsa.iq)},
};

static json_t *key_to_json(const struct kc_vector_key *key)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "name", json_string(key->name));
    (void)json_object_set_new(object, "holder", json_integer((json_int_t)key->holder));
    (void)json_object_set_new(object, "type", json_integer(key->private_key.type));
    if (key->private_key.type == KC_KEY_P256) {
        set_hex(object, "d", key->private_key.p256.d, KC_P256_COORDINATE_SIZE);
        set_hex(object, "x", key->public_key.p256.x, KC_P256_COORDINATE_SIZE);
        set_hex(object, "y", key->public_key.p256.y, KC_P256_COORDINATE_SIZE);
        return object;
    }
    size_t size = kc_rsa_size(key->private_key.type);
    set_hex(object, "n", key->public_key.rsa.n, size);
    for (size_t i = 0; i < sizeof rsa_parts / sizeof rsa_parts[0]; i++) {
        const uint8_t *at = (const uint8_t *)&key->private_key + rsa_parts[i].offset;
        set_hex(object, rsa_parts[i].name, at, size / 2);
    }
    return object;
}

static bool key_from_json(struct kc_vector_key *out, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    if (name == NULL || strlen(name) >= sizeof out->name) {
        return false;
    }
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    out->holder = (uint64_t)json_integer_value(json_object_get(object, "holder"));
    out->private_key.type = (enum kc_key_type)json_integer_value(json_object_get(object, "type"));
    out->public_key.type = out->private_key.type;
    if (out->private_key.type == KC_KEY_P256) {
        return get_hex(object, "d", out->private_key.p256.d, KC_P256_COORDINATE_SIZE) &&
               get_hex(object, "x", out->public_key.p256.x, KC_P256_COORDINATE_SIZE) &&
               get_hex(object, "y", out->public_key.p256.y, KC_P256_COORDINATE_SIZE);
    }
    size_t size = kc_rsa_size(out->private_key.type);
    bool good = size > 0 && get_hex(object, "n", out->public_key.rsa.n, size);
    for (size_t i = 0; good && i < sizeof rsa_parts / sizeof rsa_parts[0]; i++) {
        uint8_t *at = (uint8_t *)&out->private_key + rsa_parts[i].offset;
        good = get_hex(object, rsa_parts[i].name, at, size / 2);
    }
    return good;
}

static void keys_path(char *out, size_t size, const char *folder)
{
    (void)snprintf(out, size, "%s/keys.json", folder);
}

bool kc_vector_keys_load(struct kc_vector_keys *out, const char *folder)
{
    char path[1024];
    keys_path(path, sizeof path, folder);
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(root, "keys");
    const char *currency = json_string_value(json_object_get(root, "currency"));
    uint64_t bank = (uint64_t)json_integer_value(json_object_get(root, "bank"));
    bool good = currency != NULL && !kc_failed(kc_realm_set(&out->realm, bank, currency)) &&
                json_array_size(list) <= KC_VECTOR_KEYS_MAX;
    out->count = 0;
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        good = key_from_json(&out->keys[out->count++], json_array_get(list, i));
    }
    json_decref(root);
    return good;
}

bool kc_vector_keys_save(const struct kc_vector_keys *keys, const char *folder)
{
    char path[1024];
    json_t *root = json_object();
    json_t *list = json_array();
    keys_path(path, sizeof path, folder);
    (void)json_object_set_new(root, "bank", json_integer((json_int_t)keys->realm.bank));
    (void)json_object_set_new(root, "currency", json_string(keys->realm.currency));
    for (size_t i = 0; i < keys->count; i++) {
        (void)json_array_append_new(list, key_to_json(&keys->keys[i]));
    }
    (void)json_object_set_new(root, "keys", list);
    int status = json_dump_file(root, path, JSON_INDENT(1));
    json_decref(root);
    return status == 0;
}

const struct kc_vector_key *kc_vector_key_find(const struct kc_vector_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->keys[i].name, name) == 0) {
            return &keys->keys[i];
        }
    }
    return NULL;
}
