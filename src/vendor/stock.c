#include "vendor/stock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "vendor/fields.h"

#define LINE_MAX_SIZE 64u
#define LEFT_MAX 99999999u
#define FILE_SIZE_MAX (LINE_MAX_SIZE * (KC_SLOTS_MAX + 2u))

static struct kc_result save(const struct kc_stock *stock)
{
    char text[FILE_SIZE_MAX];
    size_t size = 0;
    int now = snprintf(text, sizeof text, "sale %" PRIu64 "\n", stock->sale);
    for (size_t i = 0; i < stock->count && now > 0; i++) {
        size += (size_t)now;
        now = snprintf(text + size, sizeof text - size, "slot %zu %" PRIu64 " %s\n", i + 1,
                       stock->slots[i].left, stock->slots[i].stuck ? "stuck" : "good");
    }
    size += (size_t)now;
    now = snprintf(text + size, sizeof text - size, "end %zu\n", stock->count);
    KC_ASSERT(now > 0 && size + (size_t)now < sizeof text);
    return kc_file_write(stock->path, kc_view(text, size + (size_t)now), 0600);
}

static bool read_slot(struct kc_stock *out, const char *line)
{
    char state[8];
    char again[LINE_MAX_SIZE];
    struct kc_fields fields = {.at = line, .good = true};
    kc_fields_word(&fields, "slot ");
    uint64_t number = kc_fields_number(&fields);
    kc_fields_word(&fields, " ");
    uint64_t left = kc_fields_number(&fields);
    kc_fields_word(&fields, " ");
    kc_fields_text(&fields, state, sizeof state);
    if (!fields.good || number != out->count + 1 || number > KC_SLOTS_MAX || left > LEFT_MAX) {
        return false;
    }
    out->slots[out->count].left = left;
    out->slots[out->count].stuck = strcmp(state, "stuck") == 0;
    (void)snprintf(again, sizeof again, "slot %" PRIu64 " %" PRIu64 " %s", number, left,
                   out->slots[out->count].stuck ? "stuck" : "good");
    out->count += 1;
    return strcmp(again, line) == 0;
}

/* Line by line, each exactly as this program writes it. */
static bool parse(struct kc_stock *out, char *text)
{
    char again[LINE_MAX_SIZE];
    bool ended = false;
    for (size_t number = 0; *text != '\0' && number < KC_SLOTS_MAX + 2u; number++) {
        char *end = strchr(text, '\n');
        if (end == NULL || ended) {
            return false;
        }
        *end = '\0';
        (void)snprintf(again, sizeof again, "end %zu", out->count);
        if (number == 0) {
            struct kc_fields fields = {.at = text, .good = true};
            kc_fields_word(&fields, "sale ");
            out->sale = kc_fields_number(&fields);
            if (!kc_fields_end(&fields) || out->sale > KC_AMOUNT_MAX) {
                return false;
            }
        } else if (strcmp(again, text) == 0) {
            ended = true;
        } else if (!read_slot(out, text)) {
            return false;
        }
        text = end + 1;
    }
    return ended && *text == '\0';
}

struct kc_result kc_stock_open(struct kc_stock *out, const char *dir,
                               const struct kc_machine_ini *ini)
{
    char text[FILE_SIZE_MAX + 1];
    struct kc_buffer buffer = {.data = (uint8_t *)text, .capacity = FILE_SIZE_MAX};
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_path_join(out->path, dir, "stock", NULL);
    if (kc_failed(result)) {
        return result;
    }
    result = kc_file_read(&buffer, out->path);
    if (kc_failed(result) && result.code != KC_FILE_MISSING) {
        return result;
    }
    text[buffer.size] = '\0';
    if (!kc_failed(result) && (strlen(text) != buffer.size || !parse(out, text))) {
        kc_log(KC_LOG_ERROR, "%s is damaged: remove it, and fill every place anew", out->path);
        return kc_result(KC_STORE_CORRUPT);
    }
    for (; out->count < ini->slot_count; out->count++) {
        out->slots[out->count].left = ini->slots[out->count].count;
        out->slots[out->count].stuck = false;
    }
    out->count = ini->slot_count;
    return save(out);
}

struct kc_result kc_stock_state(enum kc_slot_state *out, const struct kc_stock *stock,
                                uint64_t slot)
{
    if (slot == 0 || slot > stock->count) {
        return kc_result(KC_NOT_FOUND);
    }
    *out = stock->slots[slot - 1].stuck       ? KC_SLOT_STATE_STUCK
           : stock->slots[slot - 1].left == 0 ? KC_SLOT_STATE_EMPTY
                                              : KC_SLOT_STATE_READY;
    return kc_ok();
}

struct kc_result kc_stock_release(struct kc_stock *stock, uint64_t slot, uint64_t sale, bool jam)
{
    enum kc_slot_state state;
    struct kc_result result = kc_stock_state(&state, stock, slot);
    if (kc_failed(result) || state != KC_SLOT_STATE_READY) {
        return kc_failed(result) ? result : kc_result(KC_ITEM_STUCK);
    }
    if (jam) {
        stock->slots[slot - 1].stuck = true;
        result = save(stock);
        return kc_failed(result) ? result : kc_result(KC_ITEM_STUCK);
    }
    stock->slots[slot - 1].left -= 1;
    stock->sale = sale;
    return save(stock);
}

struct kc_result kc_stock_fill(struct kc_stock *stock, uint64_t slot, uint64_t count)
{
    if (slot == 0 || slot > stock->count) {
        return kc_result(KC_NOT_FOUND);
    }
    stock->slots[slot - 1].left = count;
    stock->slots[slot - 1].stuck = false;
    return save(stock);
}
