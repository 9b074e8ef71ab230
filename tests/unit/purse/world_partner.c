/* The other purse of an exchange, and the bank's word on what was reported. */
#include <string.h>

#include "purse/inside.h"
#include "world.h"

#define PARTNER_ACCOUNT_NTH 4321u
#define PARTNER_PURSE_NTH 55u

/* ---- what the partner says ---- */

struct kc_view world_partner_identity(struct world *world)
{
    struct kc_buffer out = KC_BUFFER(world->partner_identity);
    struct kc_identity identity = {.bank = world->realm.bank,
                                   .purse_type = KC_PURSE_TYPE_UIM,
                                   .account = kc_account_nth(PARTNER_ACCOUNT_NTH),
                                   .purse = kc_purse_nth(PARTNER_PURSE_NTH),
                                   .issued_s = 1,
                                   .expires_s = WORLD_EXPIRES_S,
                                   .key = world->partner.public_key};
    WORLD_CHECK(!kc_failed(kc_identity_sign(&out, &world->crypto, &world->bank_sign.private_key,
                                            &world->realm, &identity)));
    return kc_buffer_view(&out);
}

static struct kc_view encode(struct world *world, const struct kc_shape *shape, const void *message)
{
    struct kc_buffer out = KC_BUFFER(world->partner_message);
    WORLD_CHECK(!kc_failed(kc_shape_encode(&out, shape, message)));
    return kc_buffer_view(&out);
}

static struct kc_view sign_brief(struct world *world, const struct kc_shape *shape,
                                 const void *record)
{
    uint8_t plain_bytes[512];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = KC_BUFFER(world->partner_record);
    WORLD_CHECK(!kc_failed(kc_shape_encode(&plain, shape, record)));
    WORLD_CHECK(!kc_failed(kc_sign_brief(&out, &world->crypto, &world->partner.private_key,
                                         &world->realm, shape->domain, kc_buffer_view(&plain))));
    return kc_buffer_view(&out);
}

struct kc_view world_partner_identify(struct world *world)
{
    struct kc_identify identify = {.bank = world->realm.bank,
                                   .account = kc_account_nth(PARTNER_ACCOUNT_NTH),
                                   .purse = kc_purse_nth(PARTNER_PURSE_NTH)};
    return encode(world, &kc_identify_shape, &identify);
}

struct kc_view world_partner_offer(struct world *world)
{
    struct kc_payee_identity offer = {.account = kc_account_nth(PARTNER_ACCOUNT_NTH),
                                      .purse = kc_purse_nth(PARTNER_PURSE_NTH),
                                      .has_identity = true,
                                      .identity = world_partner_identity(world),
                                      .counter = 7,
                                      .most = world_amount(KC_AMOUNT_MAX)};
    return encode(world, &kc_payee_identity_shape, &offer);
}

struct kc_view world_partner_payment(struct world *world, uint64_t counter, uint64_t amount)
{
    struct kc_payment_order order = {.payee = world->purse.settings.account,
                                     .payee_purse = world->purse.settings.purse,
                                     .payer = kc_account_nth(PARTNER_ACCOUNT_NTH),
                                     .payer_purse = kc_purse_nth(PARTNER_PURSE_NTH),
                                     .amount = world_amount(amount),
                                     .time_ms = WORLD_TIME_MS,
                                     .payer_counter = 1,
                                     .payee_counter = counter};
    struct kc_payment payment = {.has_identity = true, .identity = world_partner_identity(world)};
    payment.order = sign_brief(world, &kc_payment_order_shape, &order);
    return encode(world, &kc_payment_shape, &payment);
}

struct kc_view world_partner_answer(struct world *world, uint64_t counter, bool taken)
{
    struct kc_log_slot slot;
    struct kc_signed parsed;
    struct kc_payment_order order;
    uint8_t payment[KC_DIGEST_SIZE];
    WORLD_CHECK(!kc_failed(kc_purse_log_get(&slot, &world->purse, counter)));
    WORLD_CHECK(!kc_failed(kc_brief_parse(&parsed, slot.order)));
    WORLD_CHECK(!kc_failed(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload)));
    kc_digest(&world->crypto, payment, slot.order);
    struct kc_receipt receipt = {
        .payee_purse = order.payee_purse, .counter = order.payee_counter, .time_ms = WORLD_TIME_MS};
    struct kc_decline decline = {.payee_purse = order.payee_purse,
                                 .counter = order.payee_counter,
                                 .reason = KC_DECLINED,
                                 .time_ms = WORLD_TIME_MS};
    memcpy(receipt.payment, payment, KC_DIGEST_SIZE);
    memcpy(decline.payment, payment, KC_DIGEST_SIZE);
    struct kc_payment_answer answer = {.taken = taken};
    answer.answer = taken ? sign_brief(world, &kc_receipt_shape, &receipt)
                          : sign_brief(world, &kc_decline_shape, &decline);
    return encode(world, &kc_payment_answer_shape, &answer);
}

/* ---- commands ---- */

static enum kc_error run(struct world *world, uint8_t ins, uint8_t p1, size_t number_count,
                         const uint64_t *numbers, struct kc_view data)
{
    uint8_t all[KC_MESSAGE_SIZE_MAX];
    size_t at = 8 * number_count;
    WORLD_CHECK(at + data.size <= sizeof all);
    for (size_t i = 0; i < number_count; i++) {
        kc_be64_store(all + 8 * i, numbers[i]);
    }
    if (data.size > 0) {
        memcpy(all + at, data.data, data.size);
    }
    return world_send(world, KC_CLA_KINCHAKU, ins, p1, 0, kc_view(all, at + data.size));
}

enum kc_error world_offer(struct world *world, uint64_t asked)
{
    return run(world, KC_INS_OFFER, 0, 1, &asked, world_partner_identify(world));
}

enum kc_error world_pay(struct world *world, uint64_t amount)
{
    const uint64_t numbers[] = {amount, world->clock_ms += 1000};
    return run(world, KC_INS_PAY, 0, 2, numbers, world_partner_offer(world));
}

enum kc_error world_examine(struct world *world, struct kc_view payment)
{
    const uint64_t now = world->clock_ms += 1000;
    return run(world, KC_INS_EXAMINE, 0, 1, &now, payment);
}

enum kc_error world_decide(struct world *world, enum kc_answer answer)
{
    const uint64_t now = world->clock_ms += 1000;
    return run(world, KC_INS_DECIDE, (uint8_t)answer, 1, &now, kc_view(NULL, 0));
}

enum kc_error world_conclude(struct world *world, struct kc_view answer)
{
    return run(world, KC_INS_CONCLUDE, 0, 0, NULL, answer);
}

enum kc_error world_open_payment(struct world *world, uint8_t index)
{
    return run(world, KC_INS_OPEN_PAYMENT, index, 0, NULL, kc_view(NULL, 0));
}

enum kc_error world_settle_request(struct world *world)
{
    const uint64_t now = world->clock_ms += 1000;
    return run(world, KC_INS_SETTLE_REQUEST, 0, 1, &now, kc_view(NULL, 0));
}

/* ---- the bank's word on a report ---- */

struct kc_settle_reply world_settle_reply(const struct world *world, struct kc_view certified)
{
    struct kc_settle_reply reply = {
        .purse = world->purse.settings.purse, .certified = certified, .time_ms = WORLD_TIME_MS};
    memcpy(reply.request, world->purse.state.settle_request, KC_DIGEST_SIZE);
    return reply;
}

struct kc_view world_say_settle(struct world *world, uint64_t included, uint64_t amount,
                                const struct kc_release *release)
{
    uint8_t bytes[32];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_certified certified = world_next_certified(world, included, amount);
    struct kc_settle_reply reply = world_settle_reply(world, world_certify(world, &certified));
    struct world_saying saying = world_saying(world);
    if (release != NULL) {
        WORLD_CHECK(!kc_failed(kc_shape_encode(&buffer, &kc_release_shape, release)));
        reply.released.items[reply.released.count++] = kc_buffer_view(&buffer);
    }
    return world_say(world, &saying, &kc_settle_reply_shape, &reply);
}

enum kc_error world_take_settle(struct world *world, uint64_t included, uint64_t amount,
                                const struct kc_release *release)
{
    return world_take(world, world_say_settle(world, included, amount, release));
}
