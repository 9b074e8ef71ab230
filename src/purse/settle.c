/* Settlement: the purse reports entries that no certified value covers, and takes what the bank makes of them (EP1221669 Fig 16,
 * 17, Sc1 to Sc4). */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

/* Heads and fixed fields of a settle-request around its information, its gap and its records. */
#define FRAME_SIZE 48u
#define GAP_SIZE_MAX 96u
#define RECORD_HEAD 3u

/* Appends the record of an entry at `at` in purse->scratch. */
static struct kc_result write_record(struct kc_view *out, struct kc_purse *purse, size_t at,
                                     uint64_t counter)
{
    struct kc_log_slot slot;
    struct kc_result result = kc_purse_log_get(&slot, purse, counter);
    if (kc_failed(result)) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    struct kc_log_record record = {.entry = slot.entry,
                                   .has_order = slot.order.size > 0,
                                   .order = slot.order,
                                   .has_answer = slot.answer.size > 0,
                                   .answer = slot.answer};
    struct kc_buffer buffer = {.data = purse->scratch + at, .capacity = sizeof purse->scratch - at};
    result = kc_shape_encode(&buffer, &kc_log_record_shape, &record);
    *out = kc_buffer_view(&buffer);
    return result;
}

/* What is left of the entries that were given up, into `bytes`; none when no such entry is uncovered. */
static struct kc_result write_gap(struct kc_settle_request *request, uint8_t bytes[GAP_SIZE_MAX],
                                  const struct kc_purse *purse)
{
    const struct kc_purse_state *state = &purse->state;
    struct kc_buffer buffer = {.data = bytes, .capacity = GAP_SIZE_MAX};
    struct kc_gap gap = {.counter = state->gap_counter,
                         .paid = state->gap_paid,
                         .received = state->gap_received,
                         .returned = state->gap_returned};
    request->has_gap = kc_purse_has_gap(purse);
    if (!request->has_gap) {
        return kc_ok();
    }
    memcpy(gap.head, state->gap_head, KC_DIGEST_SIZE);
    struct kc_result result = kc_shape_encode(&buffer, &kc_gap_shape, &gap);
    request->gap = kc_buffer_view(&buffer);
    return result;
}

/* As many of the oldest entries that still stand as fit a message with the information. */
static struct kc_result list_records(struct kc_settle_request *request, struct kc_purse *purse)
{
    uint64_t base = kc_purse_log_base(purse);
    uint64_t count = purse->state.counter - base;
    size_t at = 0;
    size_t size = FRAME_SIZE + request->information.size + request->gap.size;
    for (uint64_t i = 0; i < count && i < KC_LIST_COUNT_MAX; i++) {
        struct kc_view record;
        struct kc_result result = write_record(&record, purse, at, base + 1 + i);
        if (kc_failed(result)) {
            return result;
        }
        size += RECORD_HEAD + record.size;
        if (size > KC_PLAIN_SIZE_MAX) {
            break;
        }
        request->records.items[request->records.count++] = record;
        at += record.size;
    }
    KC_ASSERT(count == 0 || request->records.count > 0);
    return kc_ok();
}

struct kc_result kc_purse_settle_request(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_settle_request request = {.time_ms = 0};
    uint8_t gap[GAP_SIZE_MAX];
    struct kc_purse_state next = purse->state;
    struct kc_result result = kc_purse_stamp(&request.time_ms, purse, apdu->data);
    if (!kc_failed(result)) {
        /* The bank decides a deposit first, by the recovery call, so that its cash-out is not counted under two headings. */
        result = kc_purse_no_open_cash_out(purse);
    }
    if (!kc_failed(result)) {
        result = kc_purse_open_heard(purse, &next);
    }
    if (!kc_failed(result)) {
        result = kc_purse_information(&request.information, purse, false);
    }
    if (!kc_failed(result)) {
        result = write_gap(&request, gap, purse);
    }
    if (!kc_failed(result)) {
        result = list_records(&request, purse);
    }
    if (!kc_failed(result)) {
        result = kc_purse_make_envelope(purse, next.settle_request, request.time_ms,
                                        &kc_settle_request_shape, &request);
    }
    if (kc_failed(result)) {
        return result;
    }
    next.stamp_ms = request.time_ms;
    return kc_purse_release(purse, &next);
}

/* What the bank says about one payment; one that is not open any more needs nothing. */
static struct kc_result take_release(struct kc_purse *purse, struct kc_purse_state *next,
                                     struct kc_view bytes, const uint8_t word[KC_DIGEST_SIZE])
{
    struct kc_release release;
    struct kc_result result = kc_shape_decode(&release, &kc_release_shape, bytes);
    for (size_t i = 0; !kc_failed(result) && i < next->open.count; i++) {
        struct kc_open_payment payment;
        result = kc_purse_open_get(&payment, next, i);
        if (kc_failed(result) || payment.counter != release.counter) {
            continue;
        }
        if (kc_amount_compare(payment.amount, release.amount) != 0) {
            return kc_result(KC_MISMATCH);
        }
        if (release.reason == KC_OK) {
            kc_purse_open_remove(next, i);
            return kc_ok();
        }
        result = kc_purse_open_void(purse, next, i, word, kc_view(NULL, 0));
        /* The log is full as long as the new certified value is not durable. The bank says it again in its next reply. */
        return result.code == KC_HISTORY_FULL ? kc_ok() : result;
    }
    return result;
}

struct kc_result kc_purse_take_settle(struct kc_purse *purse, struct kc_purse_state *next,
                                      const void *message, struct kc_view plain)
{
    const struct kc_settle_reply *reply = message;
    struct kc_certified certified;
    struct kc_amount value = next->value;
    uint8_t word[KC_DIGEST_SIZE];
    (void)plain;
    if (!kc_purse_answers(reply->request, next->settle_request) ||
        reply->purse.number != purse->settings.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = kc_purse_read_certified(&certified, purse, reply->certified);
    if (!kc_failed(result)) {
        result = kc_purse_apply(purse, next, &certified, reply->certified);
    }
    kc_digest(&purse->crypto, word, reply->certified);
    for (size_t i = 0; !kc_failed(result) && i < reply->released.count; i++) {
        result = take_release(purse, next, reply->released.items[i], word);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (kc_amount_compare(value, next->value) != 0) {
        kc_purse_drop_quote(next);
    }
    next->has_key_ready = reply->has_key_ready;
    next->key_ready_ms = reply->key_ready_ms;
    memset(next->settle_request, 0, KC_DIGEST_SIZE);
    return kc_ok();
}
