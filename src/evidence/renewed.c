/* What one purse signed before and after a renewal of its keys.
 *
 *  1. Up to its close entry the older key's word is the purse's. Where that entry is, says the newer key: the first report under
 *     it shows the entry, which names the newer identity by its claims.
 *  2. Behind it nothing of the older key is held against the newer: who renews because the older one is in wrong hands must not
 *     pay for what these sign. That it signed behind, where the newer one was in force already, is one rule for itself. */
#include <string.h>

#include "base/assert.h"
#include "evidence/inside.h"

/* The close entry in the report that was read last, when it names the identity that signed the report. */
static bool find_close(struct kc_evidence_case *about)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_buffer claims = KC_BUFFER(bytes);
    const struct kc_evidence_history *history = &about->work->history;
    if (kc_failed(kc_identity_encode(&claims, &about->accused))) {
        return false;
    }
    kc_digest(about->crypto, digest, kc_buffer_view(&claims));
    for (size_t i = 0; i < history->count; i++) {
        const struct kc_entry *entry = &history->entries[i];
        if (entry->kind == KC_ENTRY_KIND_CLOSE &&
            memcmp(entry->partner, digest, KC_DIGEST_SIZE) == 0) {
            about->close_counter = entry->counter;
            about->close_ms = entry->time_ms;
            return true;
        }
    }
    return false;
}

static struct kc_result read_close(struct kc_evidence_case *about, const struct kc_identity *closer)
{
    about->accused = *closer;
    struct kc_result result =
        kc_evidence_read_item(about, KC_EVIDENCE_CLOSE_AT, &about->content->close);
    if (!kc_failed(result) && !find_close(about)) {
        result = kc_result(KC_MISMATCH);
    }
    about->work->statement_count = 0;
    return result;
}

static struct kc_result read_newer(struct kc_evidence_case *about, const struct kc_identity *newer)
{
    const struct kc_evidence_content *content = about->content;
    struct kc_evidence_work *work = about->work;
    const uint64_t counter = about->close_counter;
    const uint64_t time_ms = about->close_ms;
    about->accused = *newer;
    struct kc_result result = kc_evidence_read_item(about, 1, &content->items[1]);
    if (kc_failed(result) || !find_close(about)) {
        return result;
    }
    KC_ASSERT(work->statement_count < KC_STATEMENTS_MAX);
    work->statements[work->statement_count++] =
        (struct kc_statement){.type = KC_STATEMENT_CLOSE,
                              .item = 1,
                              .counter = about->close_counter,
                              .time_ms = about->close_ms};
    if (content->has_close) {
        about->close_counter = counter;
        about->close_ms = time_ms;
    }
    return result;
}

struct kc_result kc_evidence_read_renewed(struct kc_evidence_case *about)
{
    struct kc_identity older;
    struct kc_identity newer;
    struct kc_identity closer;
    const struct kc_evidence_content *content = about->content;
    bool has_closer = content->closer.size > 0;
    about->close_counter = 0;
    if (content->item_count != 2 || (has_closer && !content->has_close)) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_evidence_open_own(&older, about, content->identity);
    if (!kc_failed(result)) {
        result = kc_evidence_open_own(&newer, about, content->newer);
    }
    if (!kc_failed(result)) {
        closer = newer;
        result = has_closer ? kc_evidence_open_own(&closer, about, content->closer) : kc_ok();
    }
    if (!kc_failed(result) &&
        (kc_key_equal(&older.key, &newer.key) || kc_key_equal(&older.key, &closer.key) ||
         (has_closer && kc_key_equal(&closer.key, &newer.key)))) {
        result = kc_result(KC_MISMATCH);
    }
    if (!kc_failed(result) && content->has_close) {
        result = read_close(about, &closer);
    }
    if (!kc_failed(result)) {
        about->accused = older;
        result = kc_evidence_read_item(about, 0, &content->items[0]);
    }
    return kc_failed(result) ? result : read_newer(about, &newer);
}

uint64_t kc_evidence_newest(const struct kc_evidence_work *work, size_t item)
{
    uint64_t newest = 0;
    for (size_t i = 0; i < work->statement_count; i++) {
        const struct kc_statement *statement = &work->statements[i];
        if (statement->item == item && statement->counter > newest) {
            newest = statement->counter;
        }
    }
    return newest;
}

bool kc_evidence_counts(const struct kc_evidence_case *about, const struct kc_statement *statement)
{
    if (!about->content->renewed || statement->item != 0) {
        return true;
    }
    bool before = kc_evidence_newest(about->work, 0) < about->close_counter;
    return before &&
           (statement->type != KC_STATEMENT_STAMP || statement->time_ms < about->close_ms);
}

/* Acts of the older key, each of its own counter. */
static bool is_act(const struct kc_statement *statement)
{
    return statement->type == KC_STATEMENT_ORDER || statement->type == KC_STATEMENT_RECEIPT ||
           statement->type == KC_STATEMENT_STAMP;
}

/* Where the newer one was in force. Its receipts and declines show no such place: a payee that is asked again after its renewal
 * signs the answer that it gave before with the key that it has. */
static bool is_in_force(const struct kc_statement *statement)
{
    return statement->type == KC_STATEMENT_ORDER || statement->type == KC_STATEMENT_CLOSE;
}

unsigned kc_evidence_after_close(uint64_t *counter, const struct kc_statement *older,
                                 const struct kc_statement *newer)
{
    bool behind = is_act(older) && is_in_force(newer) && older->counter >= newer->counter;
    *counter = older->counter;
    return behind ? (unsigned)KC_PROOF_RULE_SIGNED_AFTER_CLOSE : 0;
}
