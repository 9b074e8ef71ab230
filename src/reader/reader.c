#include "reader/reader.h"

#include <string.h>

#include "base/assert.h"
#include "message/cose.h"
#include "message/notice.h"
#include "purse/apdu.h"

/* Writes a command in the extended form always: then the purse gives its whole response at once. */
static size_t write_command(uint8_t *out, const uint8_t head[4], struct kc_view data)
{
    size_t size = 4;
    memcpy(out, head, 4);
    out[size++] = 0;
    out[size++] = (uint8_t)(data.size >> 8);
    out[size++] = (uint8_t)data.size;
    if (data.size > 0) {
        memcpy(out + size, data.data, data.size);
        size += data.size;
        out[size++] = 0;
        out[size++] = 0;
    }
    return size;
}

struct kc_result kc_slot_send(struct kc_view *out, struct kc_slot *slot, uint8_t cla, uint8_t ins,
                              uint8_t p1, uint8_t p2, struct kc_view data)
{
    const uint8_t head[4] = {cla, ins, p1, p2};
    struct kc_buffer response = KC_BUFFER(slot->response);
    *out = kc_view(NULL, 0);
    if (data.size > KC_MESSAGE_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    size_t size = write_command(slot->command, head, data);
    struct kc_result result =
        slot->port.transmit(slot->port.context, &response, kc_view(slot->command, size));
    kc_wipe(slot->command, size);
    if (kc_failed(result)) {
        return result;
    }
    if (response.size < 2) {
        return kc_result(KC_IO_FAILED);
    }
    uint16_t status =
        (uint16_t)(slot->response[response.size - 2] << 8 | slot->response[response.size - 1]);
    *out = kc_view(slot->response, response.size - 2);
    return kc_result(kc_error_from_status_word(status));
}

struct kc_result kc_slot_open(struct kc_slot *slot, const struct kc_slot_port *port)
{
    static const uint8_t aid[] = KC_AID;
    struct kc_view out;
    slot->port = *port;
    return kc_slot_send(&out, slot, KC_CLA_STANDARD, KC_INS_SELECT, 0x04, 0x00,
                        kc_view(aid, sizeof aid));
}

struct kc_result kc_slot_verify_pin(struct kc_slot *slot, struct kc_view pin)
{
    struct kc_view out;
    return kc_slot_send(&out, slot, KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, 1, pin);
}

struct kc_result kc_slot_change_pin(struct kc_slot *slot, struct kc_view pin)
{
    struct kc_view out;
    return kc_slot_send(&out, slot, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, pin);
}

struct kc_result kc_slot_get(struct kc_view *out, struct kc_slot *slot, uint8_t tag)
{
    return kc_slot_send(out, slot, KC_CLA_STANDARD, KC_INS_GET_DATA, tag, 0, kc_view(NULL, 0));
}

struct kc_result kc_slot_bank_key(struct kc_view *out, struct kc_slot *slot, uint8_t back)
{
    return kc_slot_send(out, slot, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_BANK_VERIFY_KEY, back,
                        kc_view(NULL, 0));
}

struct kc_result kc_slot_bank_keys(struct kc_bank_verifier *out, struct kc_slot *slot)
{
    struct kc_view encoded;
    out->former.type = KC_KEY_NONE;
    struct kc_result result = kc_slot_bank_key(&encoded, slot, 0);
    if (!kc_failed(result)) {
        result = kc_key_decode(&out->key, encoded);
    }
    if (kc_failed(result)) {
        return result;
    }
    struct kc_result former = kc_slot_bank_key(&encoded, slot, 1);
    if (!kc_failed(former)) {
        former = kc_key_decode(&out->former, encoded);
    }
    return kc_failed(former) && former.code != KC_NOT_FOUND ? former : kc_ok();
}

static bool tries_former(const struct kc_bank_verifier *by, struct kc_result result)
{
    return by->former.type != KC_KEY_NONE &&
           (result.code == KC_BAD_SIGNATURE || result.code == KC_WRONG_ALGORITHM);
}

struct kc_result kc_bank_verifier_signed(const struct kc_bank_verifier *by,
                                         const struct kc_signed *parsed,
                                         const struct kc_crypto *crypto,
                                         const struct kc_realm *realm, const char *domain)
{
    struct kc_result result = kc_signed_verify(parsed, crypto, &by->key, realm, domain);
    return tries_former(by, result) ? kc_signed_verify(parsed, crypto, &by->former, realm, domain)
                                    : result;
}

struct kc_result kc_bank_verifier_identity(struct kc_identity *out,
                                           const struct kc_bank_verifier *by,
                                           const struct kc_crypto *crypto,
                                           const struct kc_realm *realm, struct kc_view bytes)
{
    struct kc_result result = kc_identity_open(out, crypto, &by->key, realm, bytes);
    return tries_former(by, result) ? kc_identity_open(out, crypto, &by->former, realm, bytes)
                                    : result;
}

struct kc_result kc_slot_roll(struct kc_view *out, struct kc_slot *slot, unsigned back)
{
    return kc_slot_send(out, slot, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_ROLL, (uint8_t)back,
                        kc_view(NULL, 0));
}

struct kc_result kc_slot_identity(struct kc_view *out, struct kc_slot *slot)
{
    return kc_slot_get(out, slot, KC_TAG_IDENTITY);
}

struct kc_result kc_slot_take_roll(struct kc_slot *slot, struct kc_view roll)
{
    struct kc_view out;
    return kc_slot_send(&out, slot, KC_CLA_KINCHAKU, KC_INS_TAKE_ROLL, KC_ROLL_KEYS, 0, roll);
}

struct kc_result kc_slot_take_identity(struct kc_slot *slot, struct kc_view identity)
{
    struct kc_view out;
    return kc_slot_send(&out, slot, KC_CLA_KINCHAKU, KC_INS_TAKE_ROLL, KC_ROLL_IDENTITY, 0,
                        identity);
}

struct kc_result kc_slot_notice(struct kc_view *out, struct kc_slot *slot)
{
    return kc_slot_get(out, slot, KC_TAG_NOTICE);
}

uint64_t kc_slot_notice_number(struct kc_slot *slot)
{
    struct kc_view bytes;
    return kc_failed(kc_slot_notice(&bytes, slot)) ? 0 : kc_notice_number(bytes);
}

struct kc_result kc_slot_issuer(struct kc_view *out, struct kc_slot *slot)
{
    return kc_slot_get(out, slot, KC_TAG_AUTHORITY_CERTIFICATE);
}

struct kc_result kc_slot_take_notice(struct kc_slot *slot, struct kc_view notice)
{
    struct kc_view out;
    return kc_slot_send(&out, slot, KC_CLA_KINCHAKU, KC_INS_TAKE_NOTICE, 0, 0, notice);
}

struct kc_result kc_slot_put(struct kc_slot *slot, uint8_t tag, struct kc_view data)
{
    struct kc_view out;
    return kc_slot_send(&out, slot, KC_CLA_KINCHAKU, KC_INS_PUT_DATA, tag, 0, data);
}

struct kc_result kc_slot_info(struct kc_purse_info *out, struct kc_slot *slot)
{
    struct kc_view encoded;
    struct kc_result result = kc_slot_get(&encoded, slot, KC_TAG_INFO);
    return kc_failed(result) ? result : kc_shape_decode(out, &kc_purse_info_shape, encoded);
}

struct kc_result kc_slot_history(struct kc_entry *out, struct kc_slot *slot, uint8_t back)
{
    struct kc_view encoded;
    struct kc_result result = kc_slot_send(&encoded, slot, KC_CLA_STANDARD, KC_INS_GET_DATA,
                                           KC_TAG_HISTORY, back, kc_view(NULL, 0));
    return kc_failed(result) ? result : kc_shape_decode(out, &kc_entry_shape, encoded);
}

static struct kc_result send_order(struct kc_view *out, struct kc_slot *slot, uint8_t ins,
                                   unsigned kind, struct kc_amount amount, uint64_t now_ms)
{
    uint8_t data[17];
    data[0] = (uint8_t)kind;
    kc_be64_store(data + 1, kc_amount_minor(amount));
    kc_be64_store(data + 9, now_ms);
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, ins, 0, 0, kc_view(data, sizeof data));
}

struct kc_result kc_slot_cash_request(struct kc_view *out, struct kc_slot *slot,
                                      enum kc_cash_kind kind, struct kc_amount amount,
                                      uint64_t now_ms)
{
    return send_order(out, slot, KC_INS_CASH_REQUEST, kind, amount, now_ms);
}

struct kc_result kc_slot_fund_request(struct kc_view *out, struct kc_slot *slot,
                                      enum kc_fund_kind kind, struct kc_amount amount,
                                      uint64_t now_ms)
{
    return send_order(out, slot, KC_INS_FUND_REQUEST, kind, amount, now_ms);
}

struct kc_result kc_slot_transfer_request(struct kc_view *out, struct kc_slot *slot,
                                          enum kc_transfer_source source, struct kc_account_id to,
                                          struct kc_amount amount, uint64_t now_ms)
{
    return kc_slot_transfer_for(out, slot, source, to, amount, now_ms, NULL);
}

struct kc_result kc_slot_transfer_for(struct kc_view *out, struct kc_slot *slot,
                                      enum kc_transfer_source source, struct kc_account_id to,
                                      struct kc_amount amount, uint64_t now_ms,
                                      const struct kc_slot_offered *offered)
{
    uint8_t data[25 + KC_DIGEST_SIZE + 8];
    size_t size = offered == NULL ? 25u : sizeof data;
    data[0] = (uint8_t)source;
    kc_be64_store(data + 1, kc_amount_minor(amount));
    kc_be64_store(data + 9, now_ms);
    kc_be64_store(data + 17, to.number);
    if (offered != NULL) {
        memcpy(data + 25, offered->reference, KC_DIGEST_SIZE);
        kc_be64_store(data + 25 + KC_DIGEST_SIZE, offered->machine.number);
    }
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, KC_INS_TRANSFER_REQUEST, 0, 0,
                        kc_view(data, size));
}

static struct kc_result send_time(struct kc_view *out, struct kc_slot *slot, uint8_t ins,
                                  unsigned p1, uint64_t now_ms)
{
    uint8_t data[8];
    kc_be64_store(data, now_ms);
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, ins, (uint8_t)p1, 0,
                        kc_view(data, sizeof data));
}

struct kc_result kc_slot_answer(struct kc_view *out, struct kc_slot *slot, enum kc_answer answer,
                                uint64_t now_ms)
{
    return send_time(out, slot, KC_INS_ANSWER, answer, now_ms);
}

struct kc_result kc_slot_state_request(struct kc_view *out, struct kc_slot *slot, uint64_t now_ms)
{
    return send_time(out, slot, KC_INS_STATE_REQUEST, 0, now_ms);
}

struct kc_result kc_slot_repeat(struct kc_view *out, struct kc_slot *slot)
{
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, KC_INS_REPEAT, 0, 0, kc_view(NULL, 0));
}

struct kc_result kc_slot_take(struct kc_view *out, struct kc_slot *slot, struct kc_view envelope)
{
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, KC_INS_TAKE, 0, 0, envelope);
}

struct kc_result kc_slot_settle_request(struct kc_view *out, struct kc_slot *slot, uint64_t now_ms)
{
    return send_time(out, slot, KC_INS_SETTLE_REQUEST, 0, now_ms);
}

struct kc_result kc_slot_renew_request(struct kc_view *out, struct kc_slot *slot, uint64_t now_ms)
{
    return send_time(out, slot, KC_INS_RENEW_REQUEST, 0, now_ms);
}

struct kc_result kc_slot_handover(struct kc_view *out, struct kc_slot *slot,
                                  enum kc_handover_step step, uint64_t now_ms)
{
    return send_time(out, slot, KC_INS_HANDOVER, step, now_ms);
}

struct kc_result kc_slot_next_keys(struct kc_view *out, struct kc_slot *slot)
{
    return kc_slot_get(out, slot, KC_TAG_NEXT_KEYS);
}

struct kc_result kc_slot_hotlist(struct kc_view *out, struct kc_slot *slot,
                                 const struct kc_hotlist_told *theirs, unsigned *part)
{
    struct kc_purse_info info;
    struct kc_result result = kc_slot_info(&info, slot);
    if (kc_failed(result)) {
        return result;
    }
    if (*part > 1 || info.hotlist <= theirs->version) {
        return kc_result(KC_NOT_FOUND);
    }
    bool base = *part == 0 && info.hotlist_base > 0 && info.hotlist_base != theirs->base;
    *part = base ? 1 : 2;
    return kc_slot_get(out, slot, base ? KC_TAG_HOTLIST : KC_TAG_HOTLIST_DELTA);
}

bool kc_slot_is_hotlist(struct kc_view message)
{
    struct kc_signed parsed;
    if (kc_failed(kc_signed_parse(&parsed, message))) {
        return false;
    }
    const struct kc_shape *shape = kc_signed_shape(&parsed);
    return shape == &kc_hotlist_shape || shape == &kc_hotlist_base_shape ||
           shape == &kc_hotlist_delta_shape;
}

struct kc_result kc_slot_take_hotlist(struct kc_slot *slot, struct kc_view hotlist)
{
    struct kc_view out;
    return kc_slot_send(&out, slot, KC_CLA_KINCHAKU, KC_INS_TAKE_HOTLIST, 0, 0, hotlist);
}

struct kc_result kc_slot_take_certified(struct kc_slot *slot, struct kc_view certified)
{
    struct kc_view out;
    return kc_slot_send(&out, slot, KC_CLA_KINCHAKU, KC_INS_TAKE_CERTIFIED, 0, 0, certified);
}

/* ---- an exchange ---- */

/* A command whose data is a few numbers of 8 bytes and a message. */
static struct kc_result send_message(struct kc_view *out, struct kc_slot *slot, uint8_t ins,
                                     const uint64_t *numbers, size_t number_count,
                                     struct kc_view message)
{
    uint8_t data[KC_MESSAGE_SIZE_MAX];
    size_t size = 0;
    *out = kc_view(NULL, 0);
    if (message.size > sizeof data - 8 * number_count) {
        return kc_result(KC_TOO_LARGE);
    }
    for (size_t i = 0; i < number_count; i++) {
        kc_be64_store(data + size, numbers[i]);
        size += 8;
    }
    memcpy(data + size, message.data, message.size);
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, ins, 0, 0, kc_view(data, size + message.size));
}

struct kc_result kc_slot_identify(struct kc_view *out, struct kc_slot *slot, bool full)
{
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, KC_INS_IDENTIFY, full ? 1 : 0, 0,
                        kc_view(NULL, 0));
}

struct kc_result kc_slot_offer(struct kc_view *out, struct kc_slot *slot, struct kc_amount asked,
                               struct kc_view identify)
{
    const uint64_t numbers[] = {kc_amount_minor(asked)};
    return send_message(out, slot, KC_INS_OFFER, numbers, 1, identify);
}

struct kc_result kc_slot_pay(struct kc_view *out, struct kc_slot *slot, struct kc_amount amount,
                             uint64_t now_ms, struct kc_view payee_identity)
{
    const uint64_t numbers[] = {kc_amount_minor(amount), now_ms};
    return send_message(out, slot, KC_INS_PAY, numbers, 2, payee_identity);
}

struct kc_result kc_slot_examine(struct kc_payment_order *order, bool *answered,
                                 struct kc_slot *slot, uint64_t now_ms, struct kc_view payment)
{
    struct kc_view out;
    struct kc_result result = send_message(&out, slot, KC_INS_EXAMINE, &now_ms, 1, payment);
    if (kc_failed(result)) {
        return result;
    }
    if (out.size < 1 || out.data[0] > 1) {
        return kc_result(KC_IO_FAILED);
    }
    *answered = out.data[0] == 1;
    return kc_shape_decode(order, &kc_payment_order_shape, kc_view(out.data + 1, out.size - 1));
}

struct kc_result kc_slot_decide(struct kc_view *out, struct kc_slot *slot, enum kc_answer answer,
                                uint64_t now_ms)
{
    return send_time(out, slot, KC_INS_DECIDE, answer, now_ms);
}

struct kc_result kc_slot_decline_for(struct kc_view *out, struct kc_slot *slot,
                                     enum kc_error reason, uint64_t now_ms)
{
    uint8_t data[8];
    kc_be64_store(data, now_ms);
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, KC_INS_DECIDE, KC_ANSWER_NG, (uint8_t)reason,
                        kc_view(data, sizeof data));
}

struct kc_result kc_slot_sign_sale(struct kc_view *out, struct kc_slot *slot, struct kc_view sale)
{
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, 0, sale);
}

struct kc_result kc_slot_conclude(struct kc_view *out, struct kc_slot *slot, struct kc_view answer)
{
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, KC_INS_CONCLUDE, 0, 0, answer);
}

struct kc_result kc_slot_open_payment(struct kc_view *out, struct kc_slot *slot, uint8_t index)
{
    return kc_slot_send(out, slot, KC_CLA_KINCHAKU, KC_INS_OPEN_PAYMENT, index, 0,
                        kc_view(NULL, 0));
}
