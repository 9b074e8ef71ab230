/* The hotlist as the bank signs it, for everybody: a base, a delta that adds to it, and the list of the older form. Each is
 * signed once for each version: when somebody asks for one that is newer than the one in memory the writer collects it and a
 * worker signs it. */
#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

#define HAVE_DIGITS_MAX 18u

_Static_assert(KC_BANK_BASE_SIZE_MAX <= KC_PLAIN_SIZE_MAX, "the list fits where the item has room");

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

/* Ascending numbers into a form; false when they do not fit. */
typedef bool write_all(void *out, struct kc_buffer *bytes, const uint64_t *ascending, size_t count);

static bool write_older(void *out, struct kc_buffer *bytes, const uint64_t *ascending, size_t count)
{
    *(size_t *)out = count;
    return encode(bytes, ascending, count);
}

static bool write_short(void *out, struct kc_buffer *bytes, const uint64_t *ascending, size_t count)
{
    return !kc_failed(kc_listed_write(out, bytes, ascending, count));
}

static bool write_first(write_all *write, void *out, struct kc_buffer *bytes, uint64_t *scratch,
                        const uint64_t *purses, size_t count)
{
    memcpy(scratch, purses, count * sizeof *purses);
    qsort(scratch, count, sizeof *scratch, compare);
    return write(out, bytes, scratch, count);
}

/* Leaving one out never makes a form longer, so the largest number that fits is found by halving. */
static struct kc_result write_most(write_all *write, void *out, struct kc_buffer *bytes,
                                   const uint64_t *purses, size_t purse_count)
{
    size_t fits = 0;
    size_t most = purse_count;
    uint64_t *scratch = malloc((purse_count + 1) * sizeof *scratch);
    if (scratch == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    /* All of them, as a rule. */
    for (size_t tried = most; fits < most; tried = most - (most - fits) / 2) {
        if (write_first(write, out, bytes, scratch, purses, tried)) {
            fits = tried;
        } else {
            most = tried - 1;
        }
    }
    bool good = write_first(write, out, bytes, scratch, purses, fits);
    free(scratch);
    return kc_result(good ? KC_OK : KC_INTERNAL);
}

struct kc_result kc_bank_hotlist_encode(struct kc_buffer *out, size_t *count,
                                        const uint64_t *purses, size_t purse_count)
{
    return write_most(write_older, count, out, purses, purse_count);
}

struct kc_result kc_bank_hotlist_write(struct kc_listed *out, struct kc_buffer *bytes,
                                       const uint64_t *purses, size_t purse_count)
{
    return write_most(write_short, out, bytes, purses, purse_count);
}

/* ---- which form ---- */

static uint64_t base_of(const struct kc_bank *bank, uint64_t version)
{
    return version - version % bank->hotlist.step;
}

/* Who holds the newest base gets what adds to it; anybody else the base, and asks again. While there is no base there is only
 * what adds to none. */
static enum kc_bank_form form_for(const struct kc_bank *bank, bool has_base, uint64_t base,
                                  uint64_t newest)
{
    uint64_t newest_base = base_of(bank, newest);
    if (!has_base) {
        return KC_FORM_LIST;
    }
    return newest_base == 0 || base == newest_base ? KC_FORM_DELTA : KC_FORM_BASE;
}

static struct kc_result read_have(bool *has_base, uint64_t *base,
                                  const struct kc_http_request *request)
{
    char *end = NULL;
    *has_base = request->have[0] != '\0';
    *base = 0;
    if (!*has_base) {
        return kc_ok();
    }
    size_t size = strlen(request->have);
    if (size > HAVE_DIGITS_MAX || strspn(request->have, "0123456789") != size) {
        return kc_result(KC_MALFORMED);
    }
    *base = strtoull(request->have, &end, 10);
    return kc_ok();
}

struct kc_result kc_bank_read_hotlist(struct kc_bank_item *item, const struct kc_bank *bank,
                                      const struct kc_http_request *request)
{
    struct kc_bank_listing *listing = &item->message.listing;
    (void)bank;
    return read_have(&listing->has_base, &listing->base, request);
}

/* ---- making it ---- */

static struct kc_result collect_list(struct kc_bank *bank, struct kc_bank_item *item)
{
    uint64_t purses[KC_BANK_LISTED_MAX];
    struct kc_hotlist *list = &item->message.listing.record.list;
    struct kc_buffer bytes = {.data = item->plain, .capacity = KC_BANK_BASE_SIZE_MAX};
    size_t found = 0;
    size_t count = 0;
    bool complete = false;
    struct kc_result result = kc_ledger_hotlist(purses, &found, &complete, &bank->ledger, 0,
                                                UINT64_MAX, KC_BANK_LISTED_MAX);
    if (!kc_failed(result)) {
        result = kc_bank_hotlist_encode(&bytes, &count, purses, found);
    }
    *list = (struct kc_hotlist){.bank = bank->realm.bank,
                                .version = bank->ledger.hotlist_version,
                                .time_ms = kc_clock_now_ms(),
                                .complete = complete && count == found,
                                .count = count,
                                .listed = kc_buffer_view(&bytes)};
    return result;
}

/* What was listed above `after` up to `upto`, in item->plain. */
static struct kc_result collect_short(struct kc_listed *out, bool *complete, struct kc_bank *bank,
                                      struct kc_bank_item *item, uint64_t after, uint64_t upto,
                                      size_t size_max)
{
    uint64_t purses[KC_BANK_LISTED_MAX];
    struct kc_buffer bytes = {.data = item->plain, .capacity = size_max};
    size_t found = 0;
    *out = (struct kc_listed){.count = 0};
    struct kc_result result =
        kc_ledger_hotlist(purses, &found, complete, &bank->ledger, after, upto, KC_BANK_LISTED_MAX);
    if (!kc_failed(result)) {
        result = kc_bank_hotlist_write(out, &bytes, purses, found);
    }
    *complete = *complete && out->count == found;
    return result;
}

static struct kc_result collect_base(struct kc_bank *bank, struct kc_bank_item *item)
{
    struct kc_listed listed;
    bool complete = false;
    uint64_t version = base_of(bank, bank->ledger.hotlist_version);
    struct kc_result result =
        collect_short(&listed, &complete, bank, item, 0, version, KC_BANK_BASE_SIZE_MAX);
    item->message.listing.record.base = (struct kc_hotlist_base){.bank = bank->realm.bank,
                                                                 .version = version,
                                                                 .time_ms = kc_clock_now_ms(),
                                                                 .complete = complete,
                                                                 .count = listed.count,
                                                                 .least = listed.least,
                                                                 .bits = listed.bits,
                                                                 .listed = listed.bytes};
    return result;
}

static struct kc_result collect_delta(struct kc_bank *bank, struct kc_bank_item *item)
{
    struct kc_listed listed;
    bool complete = false;
    uint64_t version = bank->ledger.hotlist_version;
    uint64_t base = base_of(bank, version);
    struct kc_result result =
        collect_short(&listed, &complete, bank, item, base, version, KC_BANK_DELTA_SIZE_MAX);
    item->message.listing.record.delta = (struct kc_hotlist_delta){.bank = bank->realm.bank,
                                                                   .base = base,
                                                                   .version = version,
                                                                   .time_ms = kc_clock_now_ms(),
                                                                   .complete = complete,
                                                                   .count = listed.count,
                                                                   .least = listed.least,
                                                                   .bits = listed.bits,
                                                                   .listed = listed.bytes};
    return result;
}

static struct kc_result collect(struct kc_bank *bank, struct kc_bank_thread *thread,
                                struct kc_bank_item *item)
{
    struct kc_bank_listing *listing = &item->message.listing;
    (void)thread;
    listing->form = form_for(bank, listing->has_base, listing->base, bank->ledger.hotlist_version);
    switch (listing->form) {
    case KC_FORM_BASE:
        return collect_base(bank, item);
    case KC_FORM_DELTA:
        return collect_delta(bank, item);
    case KC_FORM_LIST:
        break;
    }
    return collect_list(bank, item);
}

static void keep(struct kc_bank_hotlist *hotlist, enum kc_bank_form form, uint64_t version,
                 struct kc_view bytes)
{
    (void)pthread_mutex_lock(&hotlist->lock);
    if (!hotlist->forms[form].made || version >= hotlist->forms[form].version) {
        hotlist->forms[form].made = true;
        hotlist->forms[form].version = version;
        hotlist->forms[form].size = bytes.size;
        memcpy(hotlist->forms[form].bytes, bytes.data, bytes.size);
    }
    (void)pthread_mutex_unlock(&hotlist->lock);
}

static struct kc_result sign(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    const struct kc_bank_listing *listing = &item->message.listing;
    const struct kc_shape *shape = listing->form == KC_FORM_LIST   ? &kc_hotlist_shape
                                   : listing->form == KC_FORM_BASE ? &kc_hotlist_base_shape
                                                                   : &kc_hotlist_delta_shape;
    uint64_t version = listing->form == KC_FORM_LIST   ? listing->record.list.version
                       : listing->form == KC_FORM_BASE ? listing->record.base.version
                                                       : listing->record.delta.version;
    struct kc_buffer plain = {.data = thread->work.plain, .capacity = sizeof thread->work.plain};
    struct kc_buffer out = {.data = item->reply, .capacity = sizeof item->reply};
    struct kc_signer signer = {.key = &bank->sign_key, .id = bank->signer_id};
    struct kc_result result = kc_shape_encode(&plain, shape, &listing->record);
    if (!kc_failed(result)) {
        result = kc_sign(&out, &thread->crypto, &signer, &bank->realm, shape->domain, 0,
                         kc_buffer_view(&plain));
    }
    if (!kc_failed(result)) {
        keep(&bank->hotlist, listing->form, version, kc_buffer_view(&out));
        item->reply_size = out.size;
        item->status = 200;
    }
    return result;
}

const struct kc_bank_kind kc_bank_make_hotlist = {
    .steps = {{KC_LANE_WRITE, collect, NULL}, {KC_LANE_WORK, sign, NULL}},
};

bool kc_bank_answer_hotlist(struct kc_bank *bank, struct kc_http_exchange *exchange,
                            const struct kc_http_request *request)
{
    struct kc_bank_hotlist *hotlist = &bank->hotlist;
    uint64_t newest = atomic_load(&hotlist->newest);
    bool has_base = false;
    uint64_t base = 0;
    if (kc_failed(read_have(&has_base, &base, request))) {
        return false;
    }
    enum kc_bank_form form = form_for(bank, has_base, base, newest);
    uint64_t needed = form == KC_FORM_BASE ? base_of(bank, newest) : newest;
    (void)pthread_mutex_lock(&hotlist->lock);
    bool there = hotlist->forms[form].made && hotlist->forms[form].version >= needed;
    /* A newer delta may add to a newer base than was asked for. */
    there = there && (form != KC_FORM_DELTA || hotlist->forms[form].version == newest);
    if (there) {
        kc_http_answer(exchange, 200, KC_CONTENT_COSE,
                       kc_view(hotlist->forms[form].bytes, hotlist->forms[form].size));
    }
    (void)pthread_mutex_unlock(&hotlist->lock);
    return there;
}
