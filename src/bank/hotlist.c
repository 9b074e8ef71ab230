/* The hotlist as the bank signs it, for everybody. It is signed once for each version: when somebody asks for one that is newer
 * than the one in memory the writer collects it and a worker signs it. */
#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

#define LISTED_SIZE_MAX 2048u
/* Each takes one byte at least. */
#define PURSES_MAX LISTED_SIZE_MAX

_Static_assert(LISTED_SIZE_MAX <= KC_PLAIN_SIZE_MAX, "the list fits where the item has room");

/* ---- the encoding ---- */

static int compare(const void *left, const void *right)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return (a > b) - (a < b);
}

/* Ascending numbers as differences, 7 bits a byte, lowest first; false when they do not fit. */
static bool encode(struct kc_buffer *out, const uint64_t *ascending, size_t count)
{
    uint64_t before = 0;
    out->size = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t rest = ascending[i] - before;
        before = ascending[i];
        do {
            if (out->size == out->capacity) {
                return false;
            }
            uint8_t more = rest > 0x7fu ? 0x80u : 0u;
            out->data[out->size++] = (uint8_t)((rest & 0x7fu) | more);
            rest >>= 7;
        } while (rest > 0);
    }
    return true;
}

static bool encode_first(struct kc_buffer *out, uint64_t *scratch, const uint64_t *purses,
                         size_t count)
{
    memcpy(scratch, purses, count * sizeof *purses);
    qsort(scratch, count, sizeof *scratch, compare);
    return encode(out, scratch, count);
}

/* Leaving one out never makes the encoding longer, so the largest number that fits is found by halving. */
struct kc_result kc_bank_hotlist_encode(struct kc_buffer *out, size_t *count,
                                        const uint64_t *purses, size_t purse_count)
{
    size_t fits = 0;
    size_t most = purse_count;
    uint64_t *scratch = malloc((purse_count + 1) * sizeof *scratch);
    if (scratch == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    while (fits < most) {
        size_t tried = most - (most - fits) / 2;
        if (encode_first(out, scratch, purses, tried)) {
            fits = tried;
        } else {
            most = tried - 1;
        }
    }
    bool good = encode_first(out, scratch, purses, fits);
    free(scratch);
    *count = fits;
    return kc_result(good ? KC_OK : KC_INTERNAL);
}

/* ---- making it ---- */

static struct kc_result collect(struct kc_bank *bank, struct kc_bank_thread *thread,
                                struct kc_bank_item *item)
{
    uint64_t purses[PURSES_MAX];
    struct kc_hotlist *list = &item->message.hotlist;
    struct kc_buffer listed = {.data = item->plain, .capacity = LISTED_SIZE_MAX};
    size_t found = 0;
    size_t count = 0;
    bool complete = false;
    (void)thread;
    struct kc_result result =
        kc_ledger_hotlist(purses, &found, &complete, &bank->ledger, PURSES_MAX);
    if (!kc_failed(result)) {
        result = kc_bank_hotlist_encode(&listed, &count, purses, found);
    }
    *list = (struct kc_hotlist){.bank = bank->realm.bank,
                                .version = bank->ledger.hotlist_version,
                                .time_ms = kc_clock_now_ms(),
                                .complete = complete && count == found,
                                .count = count,
                                .listed = kc_buffer_view(&listed)};
    return result;
}

static void keep(struct kc_bank_hotlist *hotlist, uint64_t version, struct kc_view bytes)
{
    (void)pthread_mutex_lock(&hotlist->lock);
    if (!hotlist->made || version >= hotlist->version) {
        hotlist->made = true;
        hotlist->version = version;
        hotlist->size = bytes.size;
        memcpy(hotlist->bytes, bytes.data, bytes.size);
    }
    (void)pthread_mutex_unlock(&hotlist->lock);
}

static struct kc_result sign(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    struct kc_buffer plain = {.data = thread->work.plain, .capacity = sizeof thread->work.plain};
    struct kc_buffer out = {.data = item->reply, .capacity = sizeof item->reply};
    struct kc_signer signer = {.key = &bank->sign_key, .id = bank->signer_id};
    struct kc_result result = kc_shape_encode(&plain, &kc_hotlist_shape, &item->message.hotlist);
    if (!kc_failed(result)) {
        result = kc_sign(&out, &thread->crypto, &signer, &bank->realm, kc_hotlist_shape.domain, 0,
                         kc_buffer_view(&plain));
    }
    if (!kc_failed(result)) {
        keep(&bank->hotlist, item->message.hotlist.version, kc_buffer_view(&out));
        item->reply_size = out.size;
        item->status = 200;
    }
    return result;
}

const struct kc_bank_kind kc_bank_make_hotlist = {
    .steps = {{KC_LANE_WRITE, collect, NULL}, {KC_LANE_WORK, sign, NULL}},
};

bool kc_bank_answer_hotlist(struct kc_bank *bank, struct kc_http_exchange *exchange)
{
    struct kc_bank_hotlist *hotlist = &bank->hotlist;
    uint64_t newest = atomic_load(&hotlist->newest);
    (void)pthread_mutex_lock(&hotlist->lock);
    bool there = hotlist->made && hotlist->version >= newest;
    if (there) {
        kc_http_answer(exchange, 200, KC_CONTENT_COSE, kc_view(hotlist->bytes, hotlist->size));
    }
    (void)pthread_mutex_unlock(&hotlist->lock);
    return there;
}
