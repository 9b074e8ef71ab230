/* The log: 49 slots, slot = counter mod 49, each with an entry and what shows it. At most 48 of them count, so that the next
 * entry is written beside them.
 *
 * Part A: counter (8), size of the entry (4), size of the order (4), entry, order, SHA-256 over these cut to 8 bytes.
 * Part B: counter (8), size (4), answer, SHA-256 over the digest of part A and these cut to 8 bytes. So an answer that a power
 *         cut left beside an entry that was never committed does not count beside the entry that comes in its place. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

#define CHECK_SIZE 8u
#define A_HEAD 16u
#define A_SIZE_MAX (A_HEAD + KC_ENTRY_SIZE_MAX + KC_ORDER_SIZE_MAX + CHECK_SIZE)
#define B_AT A_SIZE_MAX
#define B_HEAD 12u
#define B_SIZE_MAX (B_HEAD + KC_PARTNER_ANSWER_SIZE_MAX + CHECK_SIZE)

_Static_assert(A_SIZE_MAX + B_SIZE_MAX <= KC_LOG_ROOM, "both parts fit a slot");

static size_t slot_at(uint64_t counter)
{
    return KC_NVM_LOG_AT + (size_t)(counter % KC_LOG_SLOT_COUNT) * KC_LOG_ROOM;
}

static void check_of(uint8_t out[CHECK_SIZE], struct kc_purse *purse, struct kc_view before,
                     struct kc_view bytes)
{
    struct kc_sha256 hash;
    uint8_t digest[KC_DIGEST_SIZE];
    const struct kc_crypto *crypto = &purse->crypto;
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, before);
    crypto->sha256_add(crypto->context, &hash, bytes);
    crypto->sha256_end(crypto->context, &hash, digest);
    memcpy(out, digest, CHECK_SIZE);
}

static void copy_view(uint8_t *to, struct kc_view from)
{
    if (from.size > 0) {
        memcpy(to, from.data, from.size);
    }
}

/* Part A into purse->slot; gives its size with the check at its end. */
static size_t compose_entry(struct kc_purse *purse, uint64_t counter,
                            const struct kc_log_slot *content)
{
    uint8_t *slot = purse->slot;
    size_t size = A_HEAD + content->entry.size + content->order.size;
    kc_be64_store(slot, counter);
    kc_be32_store(slot + 8, (uint32_t)content->entry.size);
    kc_be32_store(slot + 12, (uint32_t)content->order.size);
    copy_view(slot + A_HEAD, content->entry);
    copy_view(slot + A_HEAD + content->entry.size, content->order);
    check_of(slot + size, purse, kc_view(NULL, 0), kc_view(slot, size));
    return size + CHECK_SIZE;
}

static struct kc_result write_answer(struct kc_purse *purse, uint64_t counter,
                                     const uint8_t entry_check[CHECK_SIZE], struct kc_view answer)
{
    uint8_t *part = purse->slot + B_AT;
    size_t size = B_HEAD + answer.size;
    kc_be64_store(part, counter);
    kc_be32_store(part + 8, (uint32_t)answer.size);
    copy_view(part + B_HEAD, answer);
    check_of(part + size, purse, kc_view(entry_check, CHECK_SIZE), kc_view(part, size));
    return kc_purse_nvm_write(purse, slot_at(counter) + B_AT, part, size + CHECK_SIZE);
}

struct kc_result kc_purse_log_put(struct kc_purse *purse, uint64_t counter,
                                  const struct kc_log_slot *content)
{
    uint8_t entry_check[CHECK_SIZE];
    KC_ASSERT(content->entry.size > 0 && content->entry.size <= KC_ENTRY_SIZE_MAX);
    KC_ASSERT(content->order.size <= KC_ORDER_SIZE_MAX &&
              content->answer.size <= KC_PARTNER_ANSWER_SIZE_MAX);
    size_t size = compose_entry(purse, counter, content);
    memcpy(entry_check, purse->slot + size - CHECK_SIZE, CHECK_SIZE);
    struct kc_result result = kc_purse_nvm_write(purse, slot_at(counter), purse->slot, size);
    if (!kc_failed(result) && content->answer.size > 0) {
        result = write_answer(purse, counter, entry_check, content->answer);
    }
    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);
}

/* Reads part A into purse->slot; its check comes out. */
static struct kc_result read_entry(struct kc_log_slot *out, uint8_t check[CHECK_SIZE],
                                   struct kc_purse *purse, uint64_t counter)
{
    uint8_t *slot = purse->slot;
    struct kc_result result = kc_purse_nvm_read(purse, slot_at(counter), slot, KC_LOG_ROOM);
    if (kc_failed(result)) {
        return result;
    }
    size_t entry_size = kc_be32_load(slot + 8);
    size_t order_size = kc_be32_load(slot + 12);
    if (counter == 0 || kc_be64_load(slot) != counter || entry_size == 0 ||
        entry_size > KC_ENTRY_SIZE_MAX || order_size > KC_ORDER_SIZE_MAX) {
        return kc_result(KC_NOT_FOUND);
    }
    size_t size = A_HEAD + entry_size + order_size;
    check_of(check, purse, kc_view(NULL, 0), kc_view(slot, size));
    out->entry = kc_view(slot + A_HEAD, entry_size);
    out->order = kc_view(slot + A_HEAD + entry_size, order_size);
    return kc_result(memcmp(check, slot + size, CHECK_SIZE) == 0 ? KC_OK : KC_NOT_FOUND);
}

/* The answer beside that entry, in what read_entry read; empty when there is none. */
static struct kc_view find_answer(struct kc_purse *purse, uint64_t counter,
                                  const uint8_t entry_check[CHECK_SIZE])
{
    const uint8_t *part = purse->slot + B_AT;
    uint8_t check[CHECK_SIZE];
    size_t answer_size = kc_be32_load(part + 8);
    if (kc_be64_load(part) != counter || answer_size == 0 ||
        answer_size > KC_PARTNER_ANSWER_SIZE_MAX) {
        return kc_view(NULL, 0);
    }
    size_t size = B_HEAD + answer_size;
    check_of(check, purse, kc_view(entry_check, CHECK_SIZE), kc_view(part, size));
    bool whole = memcmp(check, part + size, CHECK_SIZE) == 0;
    return whole ? kc_view(part + B_HEAD, answer_size) : kc_view(NULL, 0);
}

struct kc_result kc_purse_log_put_answer(struct kc_purse *purse, uint64_t counter,
                                         struct kc_view answer)
{
    struct kc_log_slot slot;
    uint8_t check[CHECK_SIZE];
    KC_ASSERT(answer.size > 0 && answer.size <= KC_PARTNER_ANSWER_SIZE_MAX);
    struct kc_result result = read_entry(&slot, check, purse, counter);
    if (!kc_failed(result)) {
        result = write_answer(purse, counter, check, answer);
    }
    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);
}

struct kc_result kc_purse_log_get(struct kc_log_slot *out, struct kc_purse *purse, uint64_t counter)
{
    uint8_t check[CHECK_SIZE];
    *out = (struct kc_log_slot){.answer = kc_view(NULL, 0)};
    struct kc_result result = read_entry(out, check, purse, counter);
    if (!kc_failed(result)) {
        out->answer = find_answer(purse, counter, check);
    }
    return result;
}

struct kc_result kc_purse_log_entry(struct kc_entry *out, struct kc_log_slot *slot,
                                    struct kc_purse *purse, uint64_t counter)
{
    struct kc_result result = kc_purse_log_get(slot, purse, counter);
    if (!kc_failed(result)) {
        result = kc_shape_decode(out, &kc_entry_shape, slot->entry);
        result = kc_result(!kc_failed(result) && out->counter == counter ? KC_OK : KC_NOT_FOUND);
    }
    return result;
}
