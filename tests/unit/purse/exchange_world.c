#include "exchange_world.h"

/* ---- keys shared by all tests of a program ---- */

static struct {
    struct kc_crypto crypto;
    struct kc_realm realm;
    struct keys bank;
    struct keys other_bank;
    struct keys encrypt; /* of every P-256 purse, and of the bank */
    struct keys rsa[2];
} shared;

static void generate(struct keys *out, enum kc_key_type type)
{
    must(shared.crypto.generate(shared.crypto.context, &out->private_key, &out->public_key, type));
}

int exchange_open(void **state)
{
    (void)state;
    must(kc_libcrypto_open(&shared.crypto, 32));
    must(kc_realm_set(&shared.realm, 1, "KCH"));
    generate(&shared.bank, KC_KEY_P256);
    generate(&shared.other_bank, KC_KEY_P256);
    generate(&shared.encrypt, KC_KEY_P256);
    generate(&shared.rsa[0], KC_KEY_RSA2048);
    generate(&shared.rsa[1], KC_KEY_RSA2048);
    return 0;
}

int exchange_close(void **state)
{
    (void)state;
    kc_libcrypto_close(&shared.crypto);
    return 0;
}

const struct kc_crypto *exchange_crypto(void)
{
    return &shared.crypto;
}

const struct kc_realm *exchange_realm(void)
{
    return &shared.realm;
}

const struct keys *exchange_bank(void)
{
    return &shared.bank;
}

const struct keys *exchange_encrypt(void)
{
    return &shared.encrypt;
}

/* ---- memory ---- */

static struct kc_result nvm_read(void *context, size_t offset, uint8_t *out, size_t size)
{
    const struct side *side = context;
    assert_true(offset <= KC_NVM_SIZE && size <= KC_NVM_SIZE - offset);
    memcpy(out, side->nvm + offset, size);
    return kc_ok();
}

/* The power goes in the middle of the last write of the list, or before it is synced. */
static void lose(struct side *side)
{
    size_t count = side->unsynced_count;
    for (size_t i = count; i-- > 0;) {
        memcpy(side->nvm + side->unsynced[i].at, side->unsynced[i].before, side->unsynced[i].size);
    }
    for (size_t i = 0; i < count; i++) {
        const struct unsynced *write = &side->unsynced[i];
        bool last = i == count - 1;
        bool survives = side->mode == CUT_HALF || (side->mode == CUT_LATEST && last) ||
                        (side->mode == CUT_OLDEST && i > 0);
        size_t size = side->mode == CUT_HALF && last ? write->size / 2 : write->size;
        memcpy(side->nvm + write->at, write->after, survives ? size : 0);
    }
    side->unsynced_count = 0;
}

/* Counts a step; true when the power went with it or is off already. */
static bool is_cut(struct side *side, bool *now)
{
    *now = side->steps_left == 1;
    if (side->steps_left > 0) {
        side->steps_left -= 1;
    }
    return side->steps_left == 0;
}

static struct kc_result nvm_write(void *context, size_t offset, const uint8_t *data, size_t size)
{
    struct side *side = context;
    bool now;
    assert_true(offset <= KC_NVM_SIZE && size <= KC_NVM_SIZE - offset);
    bool cut = is_cut(side, &now);
    if (cut && !now) {
        return kc_result(KC_IO_FAILED);
    }
    side->writes += 1;
    assert_true(side->unsynced_count < PENDING_MAX && size <= KC_IMAGE_SIZE_MAX);
    struct unsynced *pending = &side->unsynced[side->unsynced_count++];
    pending->at = offset;
    pending->size = size;
    memcpy(pending->before, side->nvm + offset, size);
    memcpy(pending->after, data, size);
    if (cut) {
        lose(side);
        return kc_result(KC_IO_FAILED);
    }
    memcpy(side->nvm + offset, data, size);
    return kc_ok();
}

static struct kc_result nvm_sync(void *context)
{
    struct side *side = context;
    bool now;
    if (is_cut(side, &now)) {
        if (now) {
            lose(side);
        }
        side->unsynced_count = 0;
        return kc_result(KC_IO_FAILED);
    }
    side->unsynced_count = 0;
    return kc_ok();
}

/* ---- commands ---- */

enum kc_error side_send(struct side *side, uint8_t cla, uint8_t ins, uint8_t p1,
                        struct kc_view data)
{
    static uint8_t command[KC_COMMAND_SIZE_MAX];
    const uint8_t head[] = {cla, ins, p1, 0, 0, (uint8_t)(data.size >> 8), (uint8_t)data.size};
    size_t size = 0;
    assert_true(data.size <= KC_MESSAGE_SIZE_MAX);
    memcpy(command, head, sizeof head);
    if (data.size > 0) {
        memcpy(command + sizeof head, data.data, data.size);
    }
    kc_purse_command(&side->purse, side->response, &size,
                     kc_view(command, sizeof head + data.size));
    assert_true(size >= 2);
    side->out = kc_view(side->response, size - 2);
    return kc_error_from_status_word(
        (uint16_t)(side->response[size - 2] << 8 | side->response[size - 1]));
}

enum kc_error side_run(struct side *side, uint8_t ins, uint8_t p1, size_t number_count,
                       const uint64_t *numbers, struct kc_view data)
{
    static uint8_t all[KC_MESSAGE_SIZE_MAX];
    assert_true(8 * number_count + data.size <= sizeof all);
    for (size_t i = 0; i < number_count; i++) {
        kc_be64_store(all + 8 * i, numbers[i]);
    }
    if (data.size > 0) {
        memmove(all + 8 * number_count, data.data, data.size);
    }
    return side_send(side, KC_CLA_KINCHAKU, ins, p1, kc_view(all, 8 * number_count + data.size));
}

void side_power(struct side *side)
{
    static const uint8_t aid[] = KC_AID;
    struct kc_nvm nvm = {.context = side,
                         .size = KC_NVM_SIZE,
                         .read = nvm_read,
                         .write = nvm_write,
                         .sync = nvm_sync};
    side->steps_left = NO_CUT;
    side->unsynced_count = 0;
    kc_purse_open(&side->purse, &nvm, &side->crypto);
    assert_error(side_send(side, KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid)), OK);
    if (side->making.type == KC_PURSE_TYPE_UIM) {
        assert_error(side_send(side, KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, kc_view_text(PIN)), OK);
    }
}

void side_copy(struct side *to, const struct side *from)
{
    memcpy(to, from, sizeof *to);
    if (to->making.bearssl) {
        to->crypto.context = &to->bearssl;
    }
    side_power(to);
}

/* ---- making a purse ---- */

static struct kc_realm realm_of(const struct making *making)
{
    struct kc_realm realm = shared.realm;
    if (making->other_bank) {
        realm.bank = 2;
    }
    if (making->other_currency) {
        memcpy(realm.currency, "KCJ", 4);
    }
    return realm;
}

static const struct keys *bank_of(const struct making *making)
{
    return making->other_bank ? &shared.other_bank : &shared.bank;
}

/* The keys of a purse are of one suite: with RSA it is the one that does not sign. */
static const struct keys *encrypt_of(const struct making *making)
{
    return making->suite == KC_SUITE_ES256 ? &shared.encrypt : &shared.rsa[(making->nth + 1) % 2];
}

static struct kc_view put_key(struct kept *out, const struct keys *keys)
{
    struct kc_private_key_record record = {.suite = KC_SUITE_ES256};
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    const struct kc_private_key *key = &keys->private_key;
    if (key->type == KC_KEY_P256) {
        record.parts.count = 1;
        record.parts.items[0] = kc_view(key->p256.d, sizeof key->p256.d);
    } else {
        const uint8_t *parts[] = {key->rsa.p, key->rsa.q, key->rsa.dp, key->rsa.dq, key->rsa.iq};
        record.suite = KC_SUITE_RS2048;
        record.parts.count = 5;
        for (size_t i = 0; i < 5; i++) {
            record.parts.items[i] = kc_view(parts[i], kc_rsa_size(key->type) / 2);
        }
    }
    must(kc_shape_encode(&buffer, &kc_private_key_record_shape, &record));
    return kc_buffer_view(&buffer);
}

static struct kc_view put_settings(struct kept *out, const struct side *side,
                                   const struct kc_realm *realm)
{
    struct kc_purse_settings settings = {.bank = realm->bank,
                                         .currency = kc_view(realm->currency, 3),
                                         .purse_type = side->making.type,
                                         .account = side->account,
                                         .purse = side->number,
                                         .url = kc_view_text("http://127.0.0.1:1"),
                                         .user_id = kc_view_text("user")};
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    must(kc_shape_encode(&buffer, &kc_purse_settings_shape, &settings));
    return kc_buffer_view(&buffer);
}

static struct kc_view put_bank_key(struct kept *out, const struct keys *keys)
{
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    must(kc_key_encode(&buffer, &keys->public_key));
    return kc_buffer_view(&buffer);
}

static struct kc_signer bank_signer(const struct making *making)
{
    struct kc_signer signer = {.key = &bank_of(making)->private_key};
    kc_signer_id_make(&signer.id, &shared.crypto, KC_SERVER_BANK, &bank_of(making)->public_key);
    return signer;
}

static struct kc_view sign_certified(struct kept *out, const struct making *making,
                                     const struct kc_certified *certified)
{
    uint8_t plain_bytes[256];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    struct kc_signer bank = bank_signer(making);
    struct kc_realm realm = realm_of(making);
    must(kc_shape_encode(&plain, &kc_certified_shape, certified));
    must(kc_sign(&buffer, &shared.crypto, &bank, &realm, kc_certified_shape.domain, 0,
                 kc_buffer_view(&plain)));
    out->size = buffer.size;
    return kc_buffer_view(&buffer);
}

struct kc_identity identity_of(const struct side *side)
{
    const struct kc_public_key none = {.type = KC_KEY_NONE};
    bool bearer = side->making.type == KC_PURSE_TYPE_BEARER;
    struct kc_identity identity = {.bank = realm_of(&side->making).bank,
                                   .purse_type = side->making.type,
                                   .account = side->account,
                                   .purse = side->number,
                                   .issued_s = 1,
                                   .expires_s = side->making.expires_s,
                                   .key = bearer ? none : side->sign.public_key};
    if (bearer) {
        kc_be64_store(identity.secret, UINT64_C(0x5ec2e70000000000) + side->making.nth);
    }
    return identity;
}

struct kc_view sign_identity(struct kept *out, const struct kc_identity *identity,
                             const struct keys *bank, const struct kc_realm *realm)
{
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    must(kc_identity_sign(&buffer, &shared.crypto, &bank->private_key, realm, identity));
    out->size = buffer.size;
    return kc_buffer_view(&buffer);
}

static void put(struct side *side, uint8_t tag, struct kc_view data)
{
    assert_error(side_send(side, KC_CLA_KINCHAKU, KC_INS_PUT_DATA, tag, data), OK);
}

static void personalise_keys(struct side *side)
{
    struct kept kept;
    const struct kc_view certificate = kc_view_text("a certificate, which a purse only keeps");
    assert_error(side_send(side, KC_CLA_KINCHAKU, KC_INS_PUT_KEY, KC_KEY_USE_SIGN,
                           put_key(&kept, &side->sign)),
                 OK);
    assert_error(side_send(side, KC_CLA_KINCHAKU, KC_INS_PUT_KEY, KC_KEY_USE_ENCRYPT,
                           put_key(&kept, encrypt_of(&side->making))),
                 OK);
    put(side, KC_TAG_SIGN_CERTIFICATE, certificate);
    put(side, KC_TAG_ENCRYPT_CERTIFICATE, certificate);
}

static void personalise(struct side *side)
{
    static const uint8_t aid[] = KC_AID;
    struct kept kept;
    struct kc_realm realm = realm_of(&side->making);
    struct kc_identity identity = identity_of(side);
    struct kc_certified certified = {.bank = realm.bank,
                                     .purse_type = side->making.type,
                                     .account = side->account,
                                     .purse = side->number,
                                     .purse_amount = amount(side->making.value),
                                     .time_ms = NOW_MS,
                                     .sequence = 1,
                                     .log_policy = KC_LOG_POLICY_REFUSE};
    const struct kc_offline_limits none = kc_offline_limits_none();
    const struct kc_offline_limits *limits = side->making.limits;
    if (side->making.log_policy != 0) {
        certified.log_policy = side->making.log_policy;
    }
    kc_offline_limits_certify(&certified, limits == NULL ? &none : limits, UINT64_MAX);
    side_send(side, KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid));
    put(side, KC_TAG_SETTINGS, put_settings(&kept, side, &realm));
    if (side->making.type != KC_PURSE_TYPE_BEARER) {
        personalise_keys(side);
    }
    put(side, KC_TAG_BANK_VERIFY_KEY, put_bank_key(&kept, bank_of(&side->making)));
    put(side, KC_TAG_BANK_ENCRYPT_KEY, put_bank_key(&kept, &shared.encrypt));
    for (uint8_t tag = KC_TAG_BANK_SIGN_CERTIFICATE; tag <= KC_TAG_AUTHORITY_CERTIFICATE; tag++) {
        put(side, tag, kc_view_text("a certificate, which a purse only keeps"));
    }
    if (side->making.type == KC_PURSE_TYPE_UIM) {
        put(side, KC_TAG_PIN, kc_view_text(PIN));
    }
    side->identity = sign_identity(&kept, &identity, bank_of(&side->making), &realm);
    memcpy(side->identity_bytes, kept.bytes, kept.size);
    side->identity = kc_view(side->identity_bytes, kept.size);
    put(side, KC_TAG_IDENTITY, side->identity);
    put(side, KC_TAG_CERTIFIED, sign_certified(&kept, &side->making, &certified));
    assert_error(side_send(side, KC_CLA_KINCHAKU, KC_INS_ACTIVATE, 0, kc_view(NULL, 0)), OK);
}

void side_make(struct side *side, const struct making *making)
{
    struct kc_nvm nvm = {.context = side,
                         .size = KC_NVM_SIZE,
                         .read = nvm_read,
                         .write = nvm_write,
                         .sync = nvm_sync};
    memset(side, 0, sizeof *side);
    side->making = *making;
    side->account = kc_account_nth(1000 + making->nth);
    side->number = kc_purse_nth(making->nth);
    side->steps_left = NO_CUT;
    side->crypto = shared.crypto;
    if (making->bearssl) {
        must(kc_bearssl_open(&side->crypto, &side->bearssl,
                             kc_view("thirty-two bytes of seed or more...", 35)));
    }
    if (making->suite == KC_SUITE_ES256) {
        generate(&side->sign, KC_KEY_P256);
    } else {
        side->sign = shared.rsa[making->nth % 2];
    }
    kc_purse_open(&side->purse, &nvm, &side->crypto);
    personalise(side);
    side_power(side);
}

void side_plain(struct side *side, unsigned nth, uint64_t value)
{
    struct making making = {.nth = nth,
                            .suite = KC_SUITE_ES256,
                            .value = value,
                            .expires_s = EXPIRES_S,
                            .type = KC_PURSE_TYPE_UIM};
    side_make(side, &making);
}

/* ---- steps of an exchange ---- */

struct kc_view keep(struct kept *out, struct kc_view bytes)
{
    assert_true(bytes.size <= sizeof out->bytes);
    if (bytes.size > 0) {
        memmove(out->bytes, bytes.data, bytes.size);
    }
    out->size = bytes.size;
    return kept_view(out);
}

struct kc_view kept_view(const struct kept *kept)
{
    return kc_view(kept->bytes, kept->size);
}

enum kc_error offer(struct kept *out, struct side *payer, struct side *payee, bool full,
                    uint64_t asked)
{
    enum kc_error error = side_run(payer, KC_INS_IDENTIFY, full ? 1 : 0, 0, NULL, kc_view(NULL, 0));
    if (error == KC_OK) {
        error = side_run(payee, KC_INS_OFFER, 0, 1, &asked, payer->out);
        keep(out, payee->out);
    }
    return error;
}

enum kc_error pay_offer(struct kept *out, struct side *payer, uint64_t amount, struct kc_view offer)
{
    const uint64_t numbers[] = {amount, NOW_MS};
    enum kc_error error = side_run(payer, KC_INS_PAY, 0, 2, numbers, offer);
    keep(out, payer->out);
    return error;
}

enum kc_error pay(struct kept *out, struct side *payer, struct side *payee, uint64_t amount)
{
    enum kc_error error = offer(out, payer, payee, false, 0);
    return error == KC_OK ? pay_offer(out, payer, amount, kept_view(out)) : error;
}

enum kc_error examine(bool *answered, struct side *payee, struct kc_view payment)
{
    const uint64_t now = NOW_MS;
    struct kc_payment_order order;
    enum kc_error error = side_run(payee, KC_INS_EXAMINE, 0, 1, &now, payment);
    if (error == KC_OK) {
        assert_true(payee->out.size > 1 && payee->out.data[0] <= 1);
        must(kc_shape_decode(&order, &kc_payment_order_shape,
                             kc_view(payee->out.data + 1, payee->out.size - 1)));
        *answered = payee->out.data[0] == 1;
    }
    return error;
}

enum kc_error decide(struct kept *out, struct side *payee, uint8_t answer)
{
    const uint64_t now = NOW_MS;
    enum kc_error error = side_run(payee, KC_INS_DECIDE, answer, 1, &now, kc_view(NULL, 0));
    keep(out, payee->out);
    return error;
}

enum kc_error answer(struct kept *out, struct side *payee, struct kc_view payment, uint8_t answer)
{
    bool answered = false;
    enum kc_error error = examine(&answered, payee, payment);
    return error == KC_OK ? decide(out, payee, answer) : error;
}

enum kc_error conclude(struct side *payer, struct kc_view answer)
{
    return side_run(payer, KC_INS_CONCLUDE, 0, 0, NULL, answer);
}

enum kc_error open_payment(struct kept *out, struct side *payer, uint8_t index)
{
    enum kc_error error = side_run(payer, KC_INS_OPEN_PAYMENT, index, 0, NULL, kc_view(NULL, 0));
    keep(out, payer->out);
    return error;
}

void exchange(struct side *payer, struct side *payee, uint64_t amount)
{
    struct kept kept;
    assert_error(pay(&kept, payer, payee, amount), OK);
    assert_error(answer(&kept, payee, kept_view(&kept), KC_ANSWER_OK), OK);
    assert_error(conclude(payer, kept_view(&kept)), OK);
}

/* ---- looking inside ---- */

struct kc_amount amount(uint64_t minor)
{
    struct kc_amount out = kc_amount_zero();
    must(kc_amount_from_minor(&out, minor));
    return out;
}

uint64_t value_of(const struct side *side)
{
    return kc_amount_minor(side->purse.state.value);
}

struct kc_purse_info info_of(struct side *side)
{
    struct kc_purse_info info;
    assert_error(side_send(side, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFO, kc_view(NULL, 0)),
                 OK);
    must(kc_shape_decode(&info, &kc_purse_info_shape, side->out));
    return info;
}

struct kc_entry entry_of(struct side *side, uint64_t counter)
{
    struct kc_log_slot slot;
    struct kc_entry entry;
    must(kc_purse_log_entry(&entry, &slot, &side->purse, counter));
    return entry;
}

struct kc_payment_order order_of(struct kc_view payment)
{
    struct kc_payment decoded;
    struct kc_signed parsed;
    struct kc_payment_order order;
    must(kc_shape_decode(&decoded, &kc_payment_shape, payment));
    must(kc_brief_parse(&parsed, decoded.order));
    must(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload));
    return order;
}

static struct kc_view sign_record(struct kc_buffer *out, const struct kc_shape *shape,
                                  const void *record, const struct keys *keys,
                                  const struct kc_realm *realm)
{
    uint8_t plain_bytes[512];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    must(kc_shape_encode(&plain, shape, record));
    must(kc_sign_brief(out, &shared.crypto, &keys->private_key, realm, shape->domain,
                       kc_buffer_view(&plain)));
    return kc_buffer_view(out);
}

struct kc_view sign_payment(struct kept *out, const struct kc_payment_order *order,
                            const struct keys *keys, const struct kc_realm *realm,
                            struct kc_view identity)
{
    uint8_t order_bytes[KC_ORDER_SIZE_MAX];
    struct kc_buffer signed_order = KC_BUFFER(order_bytes);
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    struct kc_payment payment = {.has_identity = identity.size > 0, .identity = identity};
    payment.order = sign_record(&signed_order, &kc_payment_order_shape, order, keys, realm);
    must(kc_shape_encode(&buffer, &kc_payment_shape, &payment));
    out->size = buffer.size;
    return kept_view(out);
}

struct kc_view sign_answer(struct kept *out, bool taken, const void *record,
                           const struct keys *keys)
{
    uint8_t answer_bytes[KC_PARTNER_ANSWER_SIZE_MAX];
    struct kc_buffer signed_answer = KC_BUFFER(answer_bytes);
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    struct kc_payment_answer message = {.taken = taken};
    const struct kc_shape *shape = taken ? &kc_receipt_shape : &kc_decline_shape;
    message.answer = sign_record(&signed_answer, shape, record, keys, &shared.realm);
    must(kc_shape_encode(&buffer, &kc_payment_answer_shape, &message));
    out->size = buffer.size;
    return kept_view(out);
}

/* ---- the bank ---- */

struct kc_view bank_certifies(struct kept *out, struct side *side, uint64_t covered, uint64_t value)
{
    struct kc_certified certified = side->purse.certified;
    const struct kc_crypto *crypto = &shared.crypto;
    uint64_t given_up = kc_purse_log_base(&side->purse) - certified.counter;
    assert_true(covered == 0 || covered >= given_up);
    if (covered > 0 && given_up > 0) {
        memcpy(certified.head, side->purse.state.gap_head, KC_DIGEST_SIZE);
        certified.counter += given_up;
        covered -= given_up;
    }
    for (uint64_t i = 0; i < covered; i++) {
        struct kc_sha256 hash;
        struct kc_log_slot slot;
        must(kc_purse_log_get(&slot, &side->purse, ++certified.counter));
        crypto->sha256_start(crypto->context, &hash);
        crypto->sha256_add(crypto->context, &hash, kc_view(certified.head, KC_DIGEST_SIZE));
        crypto->sha256_add(crypto->context, &hash, slot.entry);
        crypto->sha256_end(crypto->context, &hash, certified.head);
    }
    certified.sequence += 1;
    certified.purse_amount = amount(value);
    return sign_certified(out, &side->making, &certified);
}

struct kc_view bank_seals(struct kept *out, struct side *side, const struct kc_shape *shape,
                          const void *message)
{
    static struct kc_envelope_work work;
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    struct kc_signer bank = bank_signer(&side->making);
    struct kc_realm realm = realm_of(&side->making);
    must(kc_envelope_make(&buffer, &work, &shared.crypto, &bank,
                          &encrypt_of(&side->making)->public_key, &realm, NOW_MS, shape, message));
    out->size = buffer.size;
    return kept_view(out);
}

void bank_opens(void *message, struct kept *plain, struct side *side, struct kc_view envelope,
                const struct kc_shape *shape)
{
    struct kc_signed parsed;
    struct kc_buffer buffer = KC_BUFFER(plain->bytes);
    struct kc_realm realm = realm_of(&side->making);
    must(kc_signed_parse(&parsed, envelope));
    must(kc_envelope_open(message, &buffer, &parsed, &shared.crypto, &side->sign.public_key,
                          &shared.encrypt.private_key, &realm, shape));
}

struct kc_release release_of(uint64_t counter, uint64_t minor, uint64_t reason)
{
    return (struct kc_release){.counter = counter, .amount = amount(minor), .reason = reason};
}

struct kc_view bank_settles(struct kept *out, struct side *side, uint64_t covered, uint64_t value,
                            const struct kc_release *releases, size_t release_count)
{
    uint8_t bytes[KC_LIST_COUNT_MAX][32];
    struct kept certified;
    struct kc_settle_reply reply = {.purse = side->number, .time_ms = NOW_MS};
    memcpy(reply.request, side->purse.state.settle_request, KC_DIGEST_SIZE);
    reply.certified = bank_certifies(&certified, side, covered, value);
    assert_true(release_count <= KC_LIST_COUNT_MAX);
    for (size_t i = 0; i < release_count; i++) {
        struct kc_buffer buffer = KC_BUFFER(bytes[i]);
        must(kc_shape_encode(&buffer, &kc_release_shape, &releases[i]));
        reply.released.items[reply.released.count++] = kc_buffer_view(&buffer);
    }
    return bank_seals(out, side, &kc_settle_reply_shape, &reply);
}

enum kc_error settle_request(struct kept *out, struct side *side)
{
    const uint64_t now = NOW_MS;
    enum kc_error error = side_run(side, KC_INS_SETTLE_REQUEST, 0, 1, &now, kc_view(NULL, 0));
    keep(out, side->out);
    return error;
}

enum kc_error take(struct side *side, struct kc_view envelope)
{
    return side_run(side, KC_INS_TAKE, 0, 0, NULL, envelope);
}

/* ---- hotlists ---- */

struct kc_view bank_signs_part(struct kept *out, const struct kc_shape *shape, const void *record,
                               const struct keys *keys, const struct kc_realm *realm,
                               const char *domain)
{
    uint8_t plain_bytes[KC_HOTLIST_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    struct kc_signer signer = {.key = &keys->private_key};
    kc_signer_id_make(&signer.id, &shared.crypto, KC_SERVER_BANK, &keys->public_key);
    must(kc_shape_encode(&plain, shape, record));
    must(kc_sign(&buffer, &shared.crypto, &signer, realm, domain, 0, kc_buffer_view(&plain)));
    out->size = buffer.size;
    return kept_view(out);
}

struct kc_view bank_signs_list(struct kept *out, const struct kc_hotlist *list,
                               const struct keys *keys, const struct kc_realm *realm,
                               const char *domain)
{
    return bank_signs_part(out, &kc_hotlist_shape, list, keys, realm, domain);
}

struct kc_view bank_base(struct kept *out, uint64_t version, const uint64_t *numbers, size_t count)
{
    uint8_t bytes[2048];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_listed listed;
    must(kc_listed_write(&listed, &buffer, numbers, count));
    const struct kc_hotlist_base base = {.bank = shared.realm.bank,
                                         .version = version,
                                         .time_ms = NOW_MS,
                                         .complete = true,
                                         .count = listed.count,
                                         .least = listed.least,
                                         .bits = listed.bits,
                                         .listed = listed.bytes};
    return bank_signs_part(out, &kc_hotlist_base_shape, &base, &shared.bank, &shared.realm,
                           kc_hotlist_base_shape.domain);
}

struct kc_view bank_delta(struct kept *out, uint64_t base, uint64_t version,
                          const uint64_t *numbers, size_t count)
{
    uint8_t bytes[512];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_listed listed;
    must(kc_listed_write(&listed, &buffer, numbers, count));
    const struct kc_hotlist_delta delta = {.bank = shared.realm.bank,
                                           .base = base,
                                           .version = version,
                                           .time_ms = NOW_MS,
                                           .complete = true,
                                           .count = listed.count,
                                           .least = listed.least,
                                           .bits = listed.bits,
                                           .listed = listed.bytes};
    return bank_signs_part(out, &kc_hotlist_delta_shape, &delta, &shared.bank, &shared.realm,
                           kc_hotlist_delta_shape.domain);
}

struct kc_view bank_lists(struct kept *out, uint64_t version, const uint64_t *numbers, size_t count)
{
    uint8_t listed[2048];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t step = numbers[i] - (i > 0 ? numbers[i - 1] : 0);
        assert_true(size + 10 <= sizeof listed);
        for (; step > 0x7f; step >>= 7) {
            listed[size++] = (uint8_t)(0x80u | (step & 0x7fu));
        }
        listed[size++] = (uint8_t)step;
    }
    const struct kc_hotlist list = {.bank = shared.realm.bank,
                                    .version = version,
                                    .time_ms = NOW_MS,
                                    .complete = true,
                                    .count = count,
                                    .listed = kc_view(listed, size)};
    return bank_signs_list(out, &list, &shared.bank, &shared.realm, kc_hotlist_shape.domain);
}

enum kc_error take_hotlist(struct side *side, struct kc_view hotlist)
{
    return side_run(side, KC_INS_TAKE_HOTLIST, 0, 0, NULL, hotlist);
}
