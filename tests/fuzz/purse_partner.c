#include "purse_partner.h"

#include <string.h>

#include "message/identity.h"
#include "purse/inside.h"

#define ACCOUNT_NTH 4321u
#define PURSE_NTH 55u

static const struct kc_vector_key *partner_key(void)
{
    static struct kc_vector_key key;
    const struct kc_crypto *crypto = kc_fuzz_crypto();
    if (key.private_key.type == KC_KEY_NONE) {
        key.private_key.type = KC_KEY_P256;
        memset(key.private_key.p256.d, 0x5a, sizeof key.private_key.p256.d);
        KC_FUZZ_CHECK(
            !kc_failed(crypto->derive_public(crypto->context, &key.public_key, &key.private_key)));
    }
    return &key;
}

static const struct kc_private_key *signing_key(uint8_t flags)
{
    return (flags & PARTNER_FORGED) != 0 ? &kc_fuzz_key("es256-encrypt")->private_key
                                         : &partner_key()->private_key;
}

static struct kc_purse_id own_number(const struct world *world, uint8_t flags)
{
    return (flags & PARTNER_ITSELF) != 0 ? world->purse.settings.purse : kc_purse_nth(PURSE_NTH);
}

struct kc_purse_id partner_number(void)
{
    return kc_purse_nth(PURSE_NTH);
}

/* The partner's SGN1, or nothing. */
static struct kc_view partner_identity(uint8_t *out_bytes, uint8_t flags)
{
    struct kc_buffer out = {.data = out_bytes, .capacity = KC_RECORD_SIZE_MAX};
    bool expired = (flags & PARTNER_EXPIRED) != 0;
    struct kc_identity identity = {.bank = kc_fuzz_keys()->realm.bank,
                                   .purse_type = KC_PURSE_TYPE_UIM,
                                   .account = kc_account_nth(ACCOUNT_NTH),
                                   .purse = kc_purse_nth(PURSE_NTH),
                                   .issued_s = 1,
                                   .expires_s = expired ? WORLD_TIME_MS / 1000 : WORLD_EXPIRES_S,
                                   .key = partner_key()->public_key};
    KC_FUZZ_CHECK(!kc_failed(kc_identity_sign(&out, kc_fuzz_crypto(),
                                              &kc_fuzz_key("es256-other")->private_key,
                                              &kc_fuzz_keys()->realm, &identity)));
    return kc_buffer_view(&out);
}

static struct kc_view encode(struct kc_buffer *out, const struct kc_shape *shape,
                             const void *message)
{
    KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(out, shape, message)));
    return kc_buffer_view(out);
}

static struct kc_view sign(struct kc_buffer *out, const struct kc_shape *shape, const void *record,
                           uint8_t flags)
{
    uint8_t plain_bytes[512];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_view payload = encode(&plain, shape, record);
    KC_FUZZ_CHECK(!kc_failed(kc_sign_brief(out, kc_fuzz_crypto(), signing_key(flags),
                                           &kc_fuzz_keys()->realm, shape->domain, payload)));
    return kc_buffer_view(out);
}

struct kc_view partner_identify(uint8_t flags)
{
    static uint8_t bytes[128];
    struct kc_buffer out = KC_BUFFER(bytes);
    uint64_t bank = kc_fuzz_keys()->realm.bank;
    struct kc_identify identify = {.bank = (flags & PARTNER_ASTRAY) != 0 ? bank + 1 : bank,
                                   .account = kc_account_nth(ACCOUNT_NTH),
                                   .purse = kc_purse_nth(PURSE_NTH),
                                   .full = (flags & PARTNER_NAMELESS) == 0};
    return encode(&out, &kc_identify_shape, &identify);
}

struct kc_view partner_offer(const struct world *world, uint8_t counter, uint8_t flags)
{
    static uint8_t bytes[KC_RECORD_SIZE_MAX + 128];
    uint8_t identity[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_payee_identity offer = {.account = kc_account_nth(ACCOUNT_NTH),
                                      .purse = own_number(world, flags),
                                      .has_identity = (flags & PARTNER_NAMELESS) == 0,
                                      .identity = partner_identity(identity, flags),
                                      .knows = (flags & PARTNER_TAKES) != 0,
                                      .counter = counter};
    KC_FUZZ_CHECK(!kc_failed(kc_amount_from_minor(&offer.most, KC_AMOUNT_MAX)));
    return encode(&out, &kc_payee_identity_shape, &offer);
}

struct kc_view partner_payment(const struct world *world, uint64_t amount, int off, uint8_t flags)
{
    static uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    uint8_t identity[KC_RECORD_SIZE_MAX];
    uint8_t order_bytes[KC_ORDER_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_buffer signed_order = KC_BUFFER(order_bytes);
    struct kc_purse_id astray = kc_purse_nth(PURSE_NTH + 1);
    uint64_t next = world->purse.state.counter + 1;
    struct kc_payment_order order = {.payee = world->purse.settings.account,
                                     .payee_purse = world->purse.settings.purse,
                                     .payer = kc_account_nth(ACCOUNT_NTH),
                                     .payer_purse = own_number(world, flags),
                                     .time_ms = WORLD_TIME_MS,
                                     .payer_counter = 1,
                                     .payee_counter = (next + (uint64_t)off) & KC_AMOUNT_MAX};
    if ((flags & PARTNER_ASTRAY) != 0) {
        order.payee_purse = astray;
    }
    KC_FUZZ_CHECK(!kc_failed(kc_amount_from_minor(&order.amount, amount)));
    struct kc_payment payment = {.has_identity = (flags & PARTNER_NAMELESS) == 0,
                                 .identity = partner_identity(identity, flags)};
    payment.order = sign(&signed_order, &kc_payment_order_shape, &order, flags);
    return encode(&out, &kc_payment_shape, &payment);
}

struct kc_view partner_answer(struct world *world, uint8_t index, uint8_t flags)
{
    static uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    uint8_t answer_bytes[KC_PARTNER_ANSWER_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_buffer signed_answer = KC_BUFFER(answer_bytes);
    struct kc_open_payment open;
    struct kc_log_slot slot;
    if (kc_failed(kc_purse_open_get(&open, &world->purse.state, index)) ||
        kc_failed(kc_purse_log_get(&slot, &world->purse, open.counter))) {
        return kc_view(NULL, 0);
    }
    struct kc_receipt receipt = {
        .payee_purse = open.payee_purse, .counter = open.payee_counter, .time_ms = WORLD_TIME_MS};
    struct kc_decline decline = {.payee_purse = open.payee_purse,
                                 .counter = open.payee_counter,
                                 .reason = KC_DECLINED,
                                 .time_ms = WORLD_TIME_MS};
    kc_digest(kc_fuzz_crypto(), receipt.payment, slot.order);
    receipt.payment[0] ^= (flags & PARTNER_ASTRAY) != 0 ? 1 : 0;
    memcpy(decline.payment, receipt.payment, KC_DIGEST_SIZE);
    struct kc_payment_answer answer = {.taken = (flags & PARTNER_TAKES) != 0};
    answer.answer = answer.taken ? sign(&signed_answer, &kc_receipt_shape, &receipt, flags)
                                 : sign(&signed_answer, &kc_decline_shape, &decline, flags);
    return encode(&out, &kc_payment_answer_shape, &answer);
}
