#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "purse/inside.h"

#define ACCOUNT_NTH 1234u
#define PURSE_NTH 99u

void world_fail(const char *what, const char *file, int line)
{
    (void)fprintf(stderr, "does not hold: %s (%s:%d)\n", what, file, line);
    abort();
}

/* ---- memory ---- */

static bool inside(size_t at, size_t size, size_t byte)
{
    return byte >= at && byte < at + size;
}

static struct kc_result nvm_read(void *context, size_t offset, uint8_t *out, size_t size)
{
    struct world_memory *memory = context;
    WORLD_CHECK(offset <= KC_NVM_SIZE && size <= KC_NVM_SIZE - offset);
    bool bad = memory->in_command && memory->reads++ == memory->bad_read;
    if (bad || inside(offset, size, memory->bad_at)) {
        return kc_result(KC_IO_FAILED);
    }
    memcpy(out, memory->now + offset, size);
    return kc_ok();
}

static struct kc_result nvm_write(void *context, size_t offset, const uint8_t *data, size_t size)
{
    struct world_memory *memory = context;
    WORLD_CHECK(offset <= KC_NVM_SIZE && size <= KC_NVM_SIZE - offset);
    bool bad = memory->steps == memory->bad_step;
    if (memory->off) {
        return kc_result(KC_IO_FAILED);
    }
    if (bad && !memory->bad_gets_through) {
        memory->steps++;
        return kc_result(KC_IO_FAILED);
    }
    WORLD_CHECK(memory->write_count < WORLD_WRITES_MAX && size <= KC_IMAGE_SIZE_MAX);
    struct world_write *write = &memory->writes[memory->write_count++];
    write->at = offset;
    write->size = size;
    memcpy(write->data, data, size);
    if (memory->steps++ == memory->cut_step) {
        memory->off = true;
        memory->cut_in_write = true;
        return kc_result(KC_IO_FAILED);
    }
    memcpy(memory->now + offset, data, size);
    return kc_result(bad ? KC_IO_FAILED : KC_OK);
}

static struct kc_result nvm_sync(void *context)
{
    struct world_memory *memory = context;
    bool bad = memory->steps == memory->bad_step;
    if (memory->off || memory->steps++ == memory->cut_step) {
        memory->off = true;
        return kc_result(KC_IO_FAILED);
    }
    if (bad && !memory->bad_gets_through) {
        return kc_result(KC_IO_FAILED);
    }
    for (size_t i = 0; i < memory->write_count; i++) {
        const struct world_write *write = &memory->writes[i];
        memcpy(memory->durable + write->at, write->data, write->size);
    }
    memory->write_count = 0;
    return kc_result(bad ? KC_IO_FAILED : KC_OK);
}

struct kc_nvm world_nvm(struct world_memory *memory)
{
    return (struct kc_nvm){.context = memory,
                           .size = KC_NVM_SIZE,
                           .read = nvm_read,
                           .write = nvm_write,
                           .sync = nvm_sync};
}

void world_memory_survive(struct world_memory *memory, const struct world_survival *survival)
{
    for (size_t i = 0; i < memory->write_count; i++) {
        const struct world_write *write = &memory->writes[i];
        size_t from = survival->pieces[i].from;
        size_t to = survival->pieces[i].to;
        WORLD_CHECK(from <= to && to <= write->size);
        memcpy(memory->durable + write->at + from, write->data + from, to - from);
    }
    world_memory_keep_none(memory);
}

void world_memory_keep_all(struct world_memory *memory)
{
    struct world_survival survival = {0};
    for (size_t i = 0; i < memory->write_count; i++) {
        survival.pieces[i].to = memory->writes[i].size;
    }
    world_memory_survive(memory, &survival);
}

void world_memory_keep_none(struct world_memory *memory)
{
    memcpy(memory->now, memory->durable, sizeof memory->now);
    memory->write_count = 0;
    memory->steps = 0;
    memory->cut_step = WORLD_NEVER;
    memory->cut_in_write = false;
    memory->off = false;
}

/* ---- commands ---- */

void world_power(struct world *world)
{
    struct kc_nvm nvm = world_nvm(&world->memory);
    kc_purse_open(&world->purse, &nvm, &world->crypto);
}

void world_start(struct world *world)
{
    memset(&world->memory, 0, sizeof world->memory);
    world->memory.cut_step = WORLD_NEVER;
    world->memory.bad_at = WORLD_NEVER;
    world->memory.bad_read = WORLD_NEVER;
    world->memory.bad_step = WORLD_NEVER;
    world->clock_ms = WORLD_TIME_MS;
    world_power(world);
}

enum kc_error world_send_raw(struct world *world, struct kc_view command)
{
    world->response_size = 0;
    world->memory.in_command = true;
    kc_purse_command(&world->purse, world->response, &world->response_size, command);
    world->memory.in_command = false;
    WORLD_CHECK(world->response_size >= 2 && world->response_size <= sizeof world->response);
    return kc_error_from_status_word(world_status(world));
}

uint16_t world_status(const struct world *world)
{
    return (uint16_t)(world->response[world->response_size - 2] << 8 |
                      world->response[world->response_size - 1]);
}

struct kc_view world_data(const struct world *world)
{
    return kc_view(world->response, world->response_size - 2);
}

enum kc_error world_send(struct world *world, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2,
                         struct kc_view data)
{
    uint8_t *out = world->command;
    const uint8_t head[7] = {cla, ins, p1, p2, 0, (uint8_t)(data.size >> 8), (uint8_t)data.size};
    WORLD_CHECK(data.size <= KC_MESSAGE_SIZE_MAX);
    memcpy(out, head, sizeof head);
    if (data.size > 0) {
        memcpy(out + sizeof head, data.data, data.size);
    }
    return world_send_raw(world, kc_view(out, sizeof head + data.size));
}

enum kc_error world_select(struct world *world)
{
    static const uint8_t aid[] = KC_AID;
    return world_send(world, KC_CLA_STANDARD, KC_INS_SELECT, 4, 0, kc_view(aid, sizeof aid));
}

enum kc_error world_pin(struct world *world, const char *pin)
{
    return world_send(world, KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, 1, kc_view_text(pin));
}

enum kc_error world_order(struct world *world, uint8_t ins, unsigned kind, uint64_t amount)
{
    uint8_t data[17];
    data[0] = (uint8_t)kind;
    kc_be64_store(data + 1, amount);
    kc_be64_store(data + 9, world->clock_ms += 1000);
    return world_send(world, KC_CLA_KINCHAKU, ins, 0, 0, kc_view(data, sizeof data));
}

enum kc_error world_transfer(struct world *world, unsigned source, uint64_t amount, uint64_t to)
{
    uint8_t data[25];
    data[0] = (uint8_t)source;
    kc_be64_store(data + 1, amount);
    kc_be64_store(data + 9, world->clock_ms += 1000);
    kc_be64_store(data + 17, to);
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_TRANSFER_REQUEST, 0, 0,
                      kc_view(data, sizeof data));
}

enum kc_error world_answer(struct world *world, enum kc_answer answer)
{
    uint8_t data[8];
    kc_be64_store(data, world->clock_ms += 1000);
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_ANSWER, (uint8_t)answer, 0, kc_view(data, 8));
}

enum kc_error world_state_request(struct world *world)
{
    uint8_t data[8];
    kc_be64_store(data, world->clock_ms += 1000);
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_STATE_REQUEST, 0, 0, kc_view(data, 8));
}

enum kc_error world_repeat(struct world *world)
{
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_REPEAT, 0, 0, kc_view(NULL, 0));
}

enum kc_error world_take(struct world *world, struct kc_view envelope)
{
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_TAKE, 0, 0, envelope);
}

struct kc_amount world_amount(uint64_t minor)
{
    struct kc_amount amount = kc_amount_zero();
    WORLD_CHECK(!kc_failed(kc_amount_from_minor(&amount, minor)));
    return amount;
}

uint64_t world_value(const struct world *world)
{
    return kc_amount_minor(world->purse.state.value);
}

size_t world_state_bytes(const struct world *world, uint8_t out[KC_IMAGE_SIZE_MAX])
{
    struct kc_buffer buffer = {.data = out, .capacity = KC_IMAGE_SIZE_MAX};
    WORLD_CHECK(!kc_failed(kc_shape_encode(&buffer, &kc_purse_state_shape, &world->purse.state)));
    return buffer.size;
}

/* ---- personalisation ---- */

struct kc_purse_settings world_settings(const struct world *world)
{
    return (struct kc_purse_settings){.bank = world->realm.bank,
                                      .currency = kc_view(world->realm.currency, 3),
                                      .decimals = 0,
                                      .purse_type = KC_PURSE_TYPE_UIM,
                                      .account = kc_account_nth(ACCOUNT_NTH),
                                      .purse = kc_purse_nth(PURSE_NTH),
                                      .url = kc_view_text("http://127.0.0.1:1"),
                                      .user_id = kc_view_text("user")};
}

struct kc_identity world_identity(const struct world *world)
{
    struct kc_identity identity = {.bank = world->realm.bank,
                                   .purse_type = KC_PURSE_TYPE_UIM,
                                   .account = kc_account_nth(ACCOUNT_NTH),
                                   .purse = kc_purse_nth(PURSE_NTH),
                                   .issued_s = 1,
                                   .expires_s = WORLD_EXPIRES_S};
    /* The key is the purse's own, wherever it was made. */
    bool has_key = world->purse.sign_key.type != KC_KEY_NONE;
    identity.key = has_key ? world->purse.sign_public : world->own_sign.public_key;
    return identity;
}

struct kc_certified world_first_certified(const struct world *world)
{
    const struct kc_offline_limits limits = kc_offline_limits_none();
    struct kc_certified certified = {.bank = world->realm.bank,
                                     .purse_type = KC_PURSE_TYPE_UIM,
                                     .account = kc_account_nth(ACCOUNT_NTH),
                                     .purse = kc_purse_nth(PURSE_NTH),
                                     .account_amount = world_amount(WORLD_ACCOUNT_VALUE),
                                     .purse_amount = world_amount(WORLD_VALUE),
                                     .time_ms = WORLD_TIME_MS,
                                     .sequence = 1,
                                     .log_policy = KC_LOG_POLICY_REFUSE};
    if (world->log_policy != 0) {
        certified.log_policy = world->log_policy;
    }
    kc_offline_limits_certify(&certified, &limits, UINT64_MAX);
    return certified;
}

struct kc_view world_key_record(uint8_t out[1024], const struct kc_private_key *key)
{
    struct kc_buffer buffer = {.data = out, .capacity = 1024};
    struct kc_private_key_record record = {.suite = KC_SUITE_ES256, .parts = {.count = 1}};
    if (key->type == KC_KEY_P256) {
        record.parts.items[0] = kc_view(key->p256.d, sizeof key->p256.d);
    } else {
        const uint8_t *parts[] = {key->rsa.p, key->rsa.q, key->rsa.dp, key->rsa.dq, key->rsa.iq};
        record.suite = key->type == KC_KEY_RSA2048 ? KC_SUITE_RS2048 : KC_SUITE_RS3072;
        record.parts.count = 5;
        for (size_t i = 0; i < 5; i++) {
            record.parts.items[i] = kc_view(parts[i], kc_rsa_size(key->type) / 2);
        }
    }
    WORLD_CHECK(!kc_failed(kc_shape_encode(&buffer, &kc_private_key_record_shape, &record)));
    return kc_buffer_view(&buffer);
}

struct kc_view world_certificate(enum kc_purse_tag tag)
{
    static const char *const words[] = {"own signature", "own encryption", "bank's signature",
                                        "bank's encryption", "authority's"};
    return kc_view_text(words[tag - KC_TAG_SIGN_CERTIFICATE]);
}

static struct kc_signer signer_of(const struct world *world, const struct world_party *party)
{
    struct kc_signer signer = {.key = &party->private_key};
    kc_signer_id_make(&signer.id, &world->crypto, KC_SERVER_BANK, &party->public_key);
    return signer;
}

static struct kc_view make_identity(struct world *world)
{
    struct kc_buffer out = KC_BUFFER(world->record);
    struct kc_identity identity = world_identity(world);
    WORLD_CHECK(!kc_failed(kc_identity_sign(&out, &world->crypto, &world->bank_sign.private_key,
                                            &world->realm, &identity)));
    return kc_buffer_view(&out);
}

static struct kc_view make_settings(struct world *world)
{
    struct kc_buffer out = KC_BUFFER(world->record);
    struct kc_purse_settings settings = world_settings(world);
    WORLD_CHECK(!kc_failed(kc_shape_encode(&out, &kc_purse_settings_shape, &settings)));
    return kc_buffer_view(&out);
}

static struct kc_view make_public(struct world *world, const struct world_party *party)
{
    struct kc_buffer out = KC_BUFFER(world->record);
    WORLD_CHECK(!kc_failed(kc_key_encode(&out, &party->public_key)));
    return kc_buffer_view(&out);
}

static enum kc_error put(struct world *world, enum kc_purse_tag tag, struct kc_view data)
{
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_PUT_DATA, (uint8_t)tag, 0, data);
}

static enum kc_error put_key(struct world *world, uint8_t use, const struct world_party *party)
{
    uint8_t record[1024];
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_PUT_KEY, use, 0,
                      world_key_record(record, &party->private_key));
}

static enum kc_error keys_step(struct world *world, enum world_step step, bool made_inside)
{
    if (!made_inside) {
        return step == WORLD_SIGN_KEY ? put_key(world, KC_KEY_USE_SIGN, &world->own_sign)
                                      : put_key(world, KC_KEY_USE_ENCRYPT, &world->own_encrypt);
    }
    return step == WORLD_SIGN_KEY
               ? world_send(world, KC_CLA_KINCHAKU, KC_INS_GENERATE, (uint8_t)world->suite, 0,
                            kc_view(NULL, 0))
               : world_send(world, KC_CLA_KINCHAKU, KC_INS_PROVE, 0, 0, kc_view(NULL, 0));
}

enum kc_error world_personalise_step(struct world *world, enum world_step step, bool made_inside)
{
    struct kc_certified certified;
    switch (step) {
    case WORLD_SETTINGS:
        return put(world, KC_TAG_SETTINGS, make_settings(world));
    case WORLD_SIGN_KEY:
    case WORLD_ENCRYPT_KEY:
        return keys_step(world, step, made_inside);
    case WORLD_BANK_VERIFY:
        return put(world, KC_TAG_BANK_VERIFY_KEY, make_public(world, &world->bank_sign));
    case WORLD_BANK_ENCRYPT:
        return put(world, KC_TAG_BANK_ENCRYPT_KEY, make_public(world, &world->bank_encrypt));
    case WORLD_SIGN_CERTIFICATE:
    case WORLD_ENCRYPT_CERTIFICATE:
    case WORLD_BANK_SIGN_CERTIFICATE:
    case WORLD_BANK_ENCRYPT_CERTIFICATE:
    case WORLD_AUTHORITY_CERTIFICATE: {
        enum kc_purse_tag tag =
            (enum kc_purse_tag)(KC_TAG_SIGN_CERTIFICATE + (step - WORLD_SIGN_CERTIFICATE));
        return put(world, tag, world_certificate(tag));
    }
    case WORLD_PUT_PIN:
        return put(world, KC_TAG_PIN, kc_view_text(WORLD_PIN));
    case WORLD_IDENTITY:
        return put(world, KC_TAG_IDENTITY, make_identity(world));
    case WORLD_CERTIFIED:
        certified = world_first_certified(world);
        return put(world, KC_TAG_CERTIFIED, world_certify(world, &certified));
    case WORLD_ACTIVATE:
        return world_send(world, KC_CLA_KINCHAKU, KC_INS_ACTIVATE, 0, 0, kc_view(NULL, 0));
    case WORLD_STEP_COUNT:
        break;
    }
    return KC_INTERNAL;
}

void world_personalise(struct world *world, enum world_step without, bool made_inside)
{
    WORLD_CHECK(world_select(world) == KC_OK);
    for (unsigned step = 0; step < WORLD_ACTIVATE; step++) {
        if (step != without) {
            WORLD_CHECK(world_personalise_step(world, (enum world_step)step, made_inside) == KC_OK);
        }
    }
}

void world_ready(struct world *world)
{
    world_start(world);
    world_personalise(world, WORLD_STEP_COUNT, false);
    WORLD_CHECK(world_personalise_step(world, WORLD_ACTIVATE, false) == KC_OK);
    WORLD_CHECK(world_pin(world, WORLD_PIN) == KC_OK);
}

/* ---- what the bank says ---- */

struct world_saying world_saying(const struct world *world)
{
    static struct world_party renewed;
    if (world->purse.state.closed != 0) {
        /* It has keys of its own making, which its bank has seen certified. */
        renewed.private_key = world->purse.encrypt_key;
        WORLD_CHECK(!kc_failed(world->crypto.derive_public(
            world->crypto.context, &renewed.public_key, &renewed.private_key)));
        return (struct world_saying){.from = &world->bank_sign,
                                     .to = &renewed,
                                     .realm = world->realm,
                                     .time_ms = WORLD_TIME_MS};
    }
    return (struct world_saying){.from = &world->bank_sign,
                                 .to = &world->own_encrypt,
                                 .realm = world->realm,
                                 .time_ms = WORLD_TIME_MS};
}

struct kc_view world_say(struct world *world, const struct world_saying *saying,
                         const struct kc_shape *shape, const void *message)
{
    struct kc_buffer out = KC_BUFFER(world->envelope);
    struct kc_signer signer = signer_of(world, saying->from);
    WORLD_CHECK(!kc_failed(kc_envelope_make(&out, &world->work, &world->crypto, &signer,
                                            &saying->to->public_key, &saying->realm,
                                            saying->time_ms, shape, message)));
    return kc_buffer_view(&out);
}

struct kc_view world_sign_record(struct world *world, const struct world_saying *saying,
                                 const struct kc_shape *shape, const void *record)
{
    uint8_t plain_bytes[512];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = KC_BUFFER(world->record);
    struct kc_signer signer = signer_of(world, saying->from);
    const char *domain = saying->domain != NULL ? saying->domain : shape->domain;
    WORLD_CHECK(!kc_failed(kc_shape_encode(&plain, shape, record)));
    WORLD_CHECK(!kc_failed(
        kc_sign(&out, &world->crypto, &signer, &saying->realm, domain, 0, kc_buffer_view(&plain))));
    return kc_buffer_view(&out);
}

struct kc_view world_certify(struct world *world, const struct kc_certified *certified)
{
    struct world_saying saying = world_saying(world);
    return world_sign_record(world, &saying, &kc_certified_shape, certified);
}

static void put_number(struct kc_buffer *out, uint64_t number)
{
    while (number > 0x7f) {
        WORLD_CHECK(out->size < out->capacity);
        out->data[out->size++] = (uint8_t)(0x80u | (number & 0x7fu));
        number >>= 7;
    }
    WORLD_CHECK(out->size < out->capacity);
    out->data[out->size++] = (uint8_t)number;
}

struct kc_view world_hotlist(struct world *world, uint64_t version, const uint64_t *numbers,
                             size_t count)
{
    uint8_t listed_bytes[2048];
    uint8_t plain_bytes[KC_HOTLIST_SIZE_MAX];
    struct kc_buffer listed = KC_BUFFER(listed_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = KC_BUFFER(world->hotlist);
    struct kc_signer signer = signer_of(world, &world->bank_sign);
    for (size_t i = 0; i < count; i++) {
        put_number(&listed, numbers[i] - (i > 0 ? numbers[i - 1] : 0));
    }
    struct kc_hotlist list = {.bank = world->realm.bank,
                              .version = version,
                              .time_ms = WORLD_TIME_MS,
                              .complete = true,
                              .count = count,
                              .listed = kc_buffer_view(&listed)};
    WORLD_CHECK(!kc_failed(kc_shape_encode(&plain, &kc_hotlist_shape, &list)));
    WORLD_CHECK(!kc_failed(kc_sign(&out, &world->crypto, &signer, &world->realm,
                                   kc_hotlist_shape.domain, 0, kc_buffer_view(&plain))));
    return kc_buffer_view(&out);
}

struct kc_view world_hotlist_part(struct world *world, bool is_base, uint64_t on, uint64_t version,
                                  uint64_t number)
{
    uint8_t plain_bytes[256];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = KC_BUFFER(world->hotlist);
    struct kc_signer signer = signer_of(world, &world->bank_sign);
    const struct kc_hotlist_base base = {.bank = world->realm.bank,
                                         .version = version,
                                         .time_ms = WORLD_TIME_MS,
                                         .complete = true,
                                         .count = 1,
                                         .least = number / 10};
    const struct kc_hotlist_delta delta = {.bank = world->realm.bank,
                                           .base = on,
                                           .version = version,
                                           .time_ms = WORLD_TIME_MS,
                                           .complete = true,
                                           .count = 1,
                                           .least = number / 10};
    const struct kc_shape *shape = is_base ? &kc_hotlist_base_shape : &kc_hotlist_delta_shape;
    const void *record = is_base ? (const void *)&base : (const void *)&delta;
    WORLD_CHECK(!kc_failed(kc_shape_encode(&plain, shape, record)));
    WORLD_CHECK(!kc_failed(kc_sign(&out, &world->crypto, &signer, &world->realm, shape->domain, 0,
                                   kc_buffer_view(&plain))));
    return kc_buffer_view(&out);
}

enum kc_error world_take_hotlist(struct world *world, struct kc_view hotlist)
{
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_TAKE_HOTLIST, 0, 0, hotlist);
}

struct kc_certified world_certified(const struct world *world)
{
    struct kc_certified certified = {.sequence = 0};
    struct kc_signed parsed;
    WORLD_CHECK(!kc_failed(kc_signed_parse(&parsed, world->purse.state.certified)));
    WORLD_CHECK(!kc_failed(kc_shape_decode(&certified, &kc_certified_shape, parsed.payload)));
    return certified;
}

uint64_t world_uncovered(const struct world *world)
{
    return kc_purse_uncovered(&world->purse);
}

struct kc_certified world_next_certified(struct world *world, uint64_t included, uint64_t amount)
{
    struct kc_certified certified = world_certified(world);
    const struct kc_crypto *crypto = &world->crypto;
    uint64_t given_up = kc_purse_log_base(&world->purse) - certified.counter;
    WORLD_CHECK(included <= world_uncovered(world));
    WORLD_CHECK(included == 0 || included >= given_up);
    if (included > 0 && given_up > 0) {
        certified.counter += given_up;
        memcpy(certified.head, world->purse.state.gap_head, KC_DIGEST_SIZE);
        included -= given_up;
    }
    for (uint64_t i = 0; i < included; i++) {
        struct kc_sha256 hash;
        struct kc_log_slot slot;
        certified.counter += 1;
        WORLD_CHECK(!kc_failed(kc_purse_log_get(&slot, &world->purse, certified.counter)));
        crypto->sha256_start(crypto->context, &hash);
        crypto->sha256_add(crypto->context, &hash, kc_view(certified.head, KC_DIGEST_SIZE));
        crypto->sha256_add(crypto->context, &hash, slot.entry);
        crypto->sha256_end(crypto->context, &hash, certified.head);
    }
    certified.sequence += 1;
    certified.purse_amount = world_amount(amount);
    return certified;
}

struct kc_cash_quote world_quote(const struct world *world)
{
    const struct kc_purse_state *state = &world->purse.state;
    bool deposit = state->pending_kind == KC_CASH_KIND_DEPOSIT;
    uint64_t amount = kc_amount_minor(state->pending_amount);
    uint64_t value = kc_amount_minor(state->value);
    uint64_t account = WORLD_ACCOUNT_VALUE;
    struct kc_cash_quote quote = {.transaction_ms = state->pending_ms,
                                  .account = world->purse.settings.account,
                                  .user_name = kc_view_text("User Name"),
                                  .purse_type = KC_PURSE_TYPE_UIM,
                                  .purse = world->purse.settings.purse,
                                  .kind = deposit ? KC_CASH_KIND_DEPOSIT : KC_CASH_KIND_WITHDRAW,
                                  .amount = state->pending_amount,
                                  .account_before = world_amount(account),
                                  .purse_before = state->value,
                                  .counter = state->counter,
                                  .expires_ms = WORLD_TIME_MS + 60000,
                                  .time_ms = WORLD_TIME_MS};
    quote.account_after = world_amount(deposit ? account + amount : account - amount);
    quote.purse_after = world_amount(deposit ? value - amount : value + amount);
    memcpy(quote.request, state->request, KC_DIGEST_SIZE);
    return quote;
}

struct kc_transfer_quote world_transfer_quote(const struct world *world)
{
    const struct kc_purse_state *state = &world->purse.state;
    bool from_purse = state->pending_kind == KC_TRANSFER_SOURCE_PURSE;
    bool own = state->pending_to.number == world->purse.settings.account.number;
    uint64_t amount = kc_amount_minor(state->pending_amount);
    uint64_t value = kc_amount_minor(state->value);
    uint64_t account = WORLD_ACCOUNT_VALUE;
    struct kc_transfer_quote quote = {.transaction_ms = state->pending_ms,
                                      .bank = world->realm.bank,
                                      .account = world->purse.settings.account,
                                      .purse_type = KC_PURSE_TYPE_UIM,
                                      .purse = world->purse.settings.purse,
                                      .source = from_purse ? KC_TRANSFER_SOURCE_PURSE
                                                           : KC_TRANSFER_SOURCE_ACCOUNT,
                                      .to = state->pending_to,
                                      .to_name = kc_view_text("Another Name"),
                                      .amount = state->pending_amount,
                                      .account_before = world_amount(account),
                                      .purse_before = state->value,
                                      .counter = state->counter,
                                      .expires_ms = WORLD_TIME_MS + 60000,
                                      .time_ms = WORLD_TIME_MS};
    account += own ? amount : 0;
    quote.account_after = world_amount(from_purse ? account : account - amount);
    quote.purse_after = world_amount(from_purse ? value - amount : value);
    memcpy(quote.request, state->request, KC_DIGEST_SIZE);
    return quote;
}

struct kc_completion world_completion(const struct world *world, enum kc_outcome outcome,
                                      struct kc_view certified)
{
    struct kc_completion completion = {.transaction_ms = world->purse.state.pending_ms,
                                       .purse = world->purse.settings.purse,
                                       .outcome = outcome,
                                       .certified = certified,
                                       .time_ms = WORLD_TIME_MS};
    memcpy(completion.answers, world->purse.state.answer, KC_DIGEST_SIZE);
    return completion;
}

struct kc_state_reply world_state_reply(const struct world *world, enum kc_outcome outcome,
                                        struct kc_view certified)
{
    struct kc_state_reply reply = {.has_transaction = world->purse.state.pending_ms != 0,
                                   .transaction_ms = world->purse.state.pending_ms,
                                   .purse = world->purse.settings.purse,
                                   .outcome = outcome,
                                   .certified = certified,
                                   .time_ms = WORLD_TIME_MS};
    memcpy(reply.request, world->purse.state.state_request, KC_DIGEST_SIZE);
    return reply;
}

struct kc_fund_reply world_fund_reply(const struct world *world, enum kc_outcome outcome,
                                      struct kc_view certified)
{
    struct kc_fund_reply reply = {.transaction_ms = world->purse.state.pending_ms,
                                  .purse = world->purse.settings.purse,
                                  .outcome = outcome,
                                  .certified = certified,
                                  .time_ms = WORLD_TIME_MS};
    memcpy(reply.request, world->purse.state.request, KC_DIGEST_SIZE);
    return reply;
}

struct kc_refusal world_refusal(const uint8_t request[KC_DIGEST_SIZE], enum kc_error reason)
{
    struct kc_refusal refusal = {.reason = reason, .time_ms = WORLD_TIME_MS};
    memcpy(refusal.request, request, KC_DIGEST_SIZE);
    return refusal;
}

static enum kc_error take(struct world *world, const struct kc_shape *shape, const void *message)
{
    struct world_saying saying = world_saying(world);
    return world_take(world, world_say(world, &saying, shape, message));
}

enum kc_error world_take_quote(struct world *world)
{
    struct kc_cash_quote quote = world_quote(world);
    return take(world, &kc_cash_quote_shape, &quote);
}

enum kc_error world_take_transfer_quote(struct world *world)
{
    struct kc_transfer_quote quote = world_transfer_quote(world);
    return take(world, &kc_transfer_quote_shape, &quote);
}

enum kc_error world_take_completion(struct world *world, enum kc_outcome outcome, uint64_t included,
                                    uint64_t amount)
{
    struct kc_certified certified = world_next_certified(world, included, amount);
    struct kc_completion completion =
        world_completion(world, outcome, world_certify(world, &certified));
    return take(world, &kc_completion_shape, &completion);
}

enum kc_error world_take_state(struct world *world, enum kc_outcome outcome, uint64_t included,
                               uint64_t amount)
{
    struct kc_certified certified = world_next_certified(world, included, amount);
    struct kc_state_reply reply =
        world_state_reply(world, outcome, world_certify(world, &certified));
    return take(world, &kc_state_reply_shape, &reply);
}

enum kc_error world_take_fund(struct world *world, enum kc_outcome outcome, uint64_t included,
                              uint64_t amount)
{
    struct kc_certified certified = world_next_certified(world, included, amount);
    struct kc_fund_reply reply = world_fund_reply(world, outcome, world_certify(world, &certified));
    return take(world, &kc_fund_reply_shape, &reply);
}

enum kc_error world_take_refusal(struct world *world, const uint8_t request[KC_DIGEST_SIZE],
                                 enum kc_error reason)
{
    struct kc_refusal refusal = world_refusal(request, reason);
    return take(world, &kc_refusal_shape, &refusal);
}

void world_go(struct world *world, enum kc_life life, enum kc_cash_kind kind)
{
    WORLD_CHECK(world->purse.state.life == KC_LIFE_READY);
    if (life == KC_LIFE_READY) {
        return;
    }
    WORLD_CHECK(world_order(world, KC_INS_CASH_REQUEST, kind, 100) == KC_OK);
    if (life == KC_LIFE_BLOCKED) {
        WORLD_CHECK(world_take_refusal(world, world->purse.state.request, KC_PURSE_BLOCKED) ==
                    KC_OK);
    }
    if (life == KC_LIFE_QUOTED || life == KC_LIFE_ANSWERED) {
        WORLD_CHECK(world_take_quote(world) == KC_OK);
    }
    if (life == KC_LIFE_ANSWERED) {
        WORLD_CHECK(world_answer(world, KC_ANSWER_OK) == KC_OK);
    }
    WORLD_CHECK(world->purse.state.life == life);
}
