#include "exchange.h"

#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"

/* A message in the form of a signed one. Nobody signed it: the ledger gets orders that were verified. */
static void write_brief(struct kc_buffer *out, const struct kc_shape *shape, const void *message)
{
    static const uint8_t header[] = {0xa1, 0x01, 0x26}; /* {1: ES256} */
    static const uint8_t signature[64];
    uint8_t bytes[512];
    struct kc_buffer payload = KC_BUFFER(bytes);
    struct kc_writer writer;
    struct kc_result result = kc_shape_encode(&payload, shape, message);
    KC_ASSERT(!kc_failed(result));
    kc_writer_init(&writer, out->data, out->capacity);
    kc_write_array(&writer, 4);
    kc_write_bytes(&writer, kc_view(header, sizeof header));
    kc_write_map(&writer, 0);
    kc_write_bytes(&writer, kc_buffer_view(&payload));
    kc_write_bytes(&writer, kc_view(signature, sizeof signature));
    out->size = writer.size;
    KC_ASSERT(writer.error == KC_OK);
}

static void write_order(struct kc_buffer *out, const struct kc_payment_order *order)
{
    write_brief(out, &kc_payment_order_shape, order);
}

static void digest_order(uint8_t out[KC_DIGEST_SIZE], struct world *world,
                         const struct kc_payment_order *order)
{
    uint8_t bytes[640];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    write_order(&buffer, order);
    kc_digest(&world->crypto, out, kc_buffer_view(&buffer));
}

/* The log-record as it would travel: the entry and the order. */
static void fill_bytes(struct toy_slot *slot)
{
    uint8_t order_bytes[640];
    uint8_t entry_bytes[256];
    struct kc_buffer order = KC_BUFFER(order_bytes);
    struct kc_buffer entry = KC_BUFFER(entry_bytes);
    struct kc_buffer out = KC_BUFFER(slot->bytes);
    struct kc_result result = kc_shape_encode(&entry, &kc_entry_shape, &slot->record.entry);
    KC_ASSERT(!kc_failed(result));
    write_order(&order, &slot->record.order);
    const struct kc_log_record record = {
        .entry = kc_buffer_view(&entry), .has_order = true, .order = kc_buffer_view(&order)};
    result = kc_shape_encode(&out, &kc_log_record_shape, &record);
    KC_ASSERT(!kc_failed(result));
    slot->record.bytes.size = out.size;
}

static struct toy_slot *add(struct toy *toy, struct world *world, enum kc_entry_kind kind,
                            const struct toy_order *order)
{
    struct kc_entry entry = {.kind = kind,
                             .counter = toy->counter + 1,
                             .time_ms = toy_next_time(toy, world),
                             .amount = order->order.amount};
    memcpy(entry.partner, order->digest, KC_DIGEST_SIZE);
    struct toy_slot *slot = toy_add_entry(toy, world, &entry, NULL);
    slot->record.has_order = true;
    slot->record.order = order->order;
    memcpy(slot->record.order_digest, order->digest, KC_DIGEST_SIZE);
    slot->record.partner =
        kind == KC_ENTRY_KIND_PAY ? order->order.payee.number : order->order.payer.number;
    fill_bytes(slot);
    return slot;
}

struct toy_order toy_pay(struct toy *payer, struct world *world, const struct toy *payee,
                         uint64_t minor)
{
    struct toy_order out = {.order = {.payee = payee->account,
                                      .payee_purse = payee->purse,
                                      .payer = payer->account,
                                      .payer_purse = payer->purse,
                                      .amount = world_amount(minor),
                                      .time_ms = toy_next_time(payer, world),
                                      .payer_counter = payer->counter + 1,
                                      .payee_counter = payee->counter + 1,
                                      .paid = world_amount(payer->paid),
                                      .received = world_amount(payer->received),
                                      .returned = world_amount(payer->returned)}};
    memcpy(out.order.head, payer->head, KC_DIGEST_SIZE);
    digest_order(out.digest, world, &out.order);
    (void)add(payer, world, KC_ENTRY_KIND_PAY, &out);
    payer->value -= minor;
    payer->paid += minor;
    return out;
}

static struct toy_word word_of(const struct toy *payee, const struct toy_order *order,
                               enum kc_record_answer kind)
{
    struct toy_word word = {.kind = kind, .signer = payee->account.number, .purse = payee->purse};
    memcpy(word.order, order->digest, KC_DIGEST_SIZE);
    return word;
}

struct toy_word toy_receive(struct toy *payee, struct world *world, const struct toy_order *order)
{
    KC_ASSERT(order->order.payee_counter == payee->counter + 1);
    (void)add(payee, world, KC_ENTRY_KIND_RECEIVE, order);
    payee->value += kc_amount_minor(order->order.amount);
    payee->received += kc_amount_minor(order->order.amount);
    return word_of(payee, order, KC_ANSWER_RECEIPT);
}

struct toy_word toy_refuse(struct toy *payee, struct world *world, const struct toy_order *order)
{
    KC_ASSERT(order->order.payee_counter == payee->counter + 1);
    (void)add(payee, world, KC_ENTRY_KIND_REFUSE, order);
    return word_of(payee, order, KC_ANSWER_DECLINE);
}

struct toy_word toy_moved_on(const struct toy *payee, const struct toy_order *order)
{
    KC_ASSERT(order->order.payee_counter <= payee->counter);
    return word_of(payee, order, KC_ANSWER_DECLINE);
}

static void show(struct kc_ledger_record *record, const struct toy_word *word)
{
    record->answer = word->kind;
    record->partner = word->signer;
    record->answerer = word->purse;
    memcpy(record->answered, word->order, KC_DIGEST_SIZE);
}

static struct toy_slot *add_void(struct toy *payer, struct world *world, uint64_t counter,
                                 uint64_t minor)
{
    const struct kc_entry entry = {.kind = KC_ENTRY_KIND_VOID,
                                   .counter = payer->counter + 1,
                                   .time_ms = toy_next_time(payer, world),
                                   .amount = world_amount(minor),
                                   .has_voids = true,
                                   .voids = counter};
    payer->value += minor;
    payer->returned += minor;
    payer->voided[counter] = true;
    return toy_add_entry(payer, world, &entry, NULL);
}

void toy_void(struct toy *payer, struct world *world, uint64_t counter, uint64_t minor)
{
    (void)add_void(payer, world, counter, minor);
}

/* A void's record holds the decline that allowed it. */
static void fill_decline(struct toy_slot *slot, const struct toy_order *order,
                         const struct toy_word *word)
{
    uint8_t decline_bytes[256];
    uint8_t entry_bytes[256];
    struct kc_buffer decline = KC_BUFFER(decline_bytes);
    struct kc_buffer entry = KC_BUFFER(entry_bytes);
    struct kc_buffer out = KC_BUFFER(slot->bytes);
    struct kc_decline said = {.payee_purse = order->order.payee_purse,
                              .counter = order->order.payee_counter,
                              .reason = KC_DECLINED,
                              .time_ms = order->order.time_ms};
    memcpy(said.payment, word->order, KC_DIGEST_SIZE);
    write_brief(&decline, &kc_decline_shape, &said);
    struct kc_result result = kc_shape_encode(&entry, &kc_entry_shape, &slot->record.entry);
    KC_ASSERT(!kc_failed(result));
    const struct kc_log_record record = {
        .entry = kc_buffer_view(&entry), .has_answer = true, .answer = kc_buffer_view(&decline)};
    result = kc_shape_encode(&out, &kc_log_record_shape, &record);
    KC_ASSERT(!kc_failed(result));
    slot->record.bytes.size = out.size;
}

void toy_hear(struct toy *payer, struct world *world, const struct toy_order *order,
              const struct toy_word *word)
{
    struct toy_slot *slot = toy_slot_of(payer, order->order.payer_counter);
    if (slot != NULL) {
        show(&slot->record, word);
    }
    if (word->kind == KC_ANSWER_DECLINE) {
        slot = add_void(payer, world, order->order.payer_counter,
                        kc_amount_minor(order->order.amount));
        show(&slot->record, word);
        fill_decline(slot, order, word);
    }
}

struct toy_order toy_exchange(struct toy *payer, struct toy *payee, struct world *world,
                              uint64_t minor)
{
    struct toy_order order = toy_pay(payer, world, payee, minor);
    struct toy_word word = toy_receive(payee, world, &order);
    toy_hear(payer, world, &order, &word);
    return order;
}

void toy_take_settled(struct toy *toy, struct world *world, const struct kc_ledger_settled *settled)
{
    toy_conform(toy, &settled->certified);
    for (size_t i = 0; i < settled->release_count; i++) {
        const struct kc_release *release = &settled->releases[i];
        if (release->reason != 0 && !toy->voided[release->counter]) {
            toy_void(toy, world, release->counter, kc_amount_minor(release->amount));
        }
    }
}

struct kc_result toy_report(struct toy *toy, struct world *world, struct toy_reply *reply)
{
    struct toy_message message;
    toy_settle(&message, toy, world);
    struct kc_result result = world_send(world, reply, &message);
    if (!kc_failed(result)) {
        toy_take_settled(toy, world, &reply->settled);
    }
    return result;
}

struct kc_result toy_report_all(struct toy *toy, struct world *world)
{
    struct toy_reply reply;
    struct kc_result result = toy_report(toy, world, &reply);
    for (unsigned i = 0; i < 8 && toy->entry_count > 0 && !kc_failed(result); i++) {
        result = toy_report(toy, world, &reply);
    }
    return result;
}
