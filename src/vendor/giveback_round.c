/* The server's side of what machines owe and cannot pay. */
#include <string.h>

#include "message/cose.h"
#include "vendor/giveback.h"

/* What the machine wants carried, to tell of it. That it is signed well is the bank's to see. */
static struct kc_result read_word(struct kc_give_back *out, struct kc_view word)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, word);
    return kc_failed(result) ? result : kc_shape_decode(out, &kc_give_back_shape, parsed.payload);
}

static struct kc_sale about(const struct kc_give_back *word)
{
    return (struct kc_sale){.number = word->sale,
                            .counter = word->counter,
                            .has_account = true,
                            .account = word->to,
                            .amount = word->amount};
}

static bool is_no_answer(struct kc_result result)
{
    return result.code == KC_UNREACHABLE || result.code == KC_TIMEOUT;
}

static struct kc_result hand_in(const struct kc_giveback_round *round,
                                const struct kc_give_back *word, struct kc_view answer)
{
    const struct kc_collect_reply *reply;
    struct kc_collect_request request = {.want = KC_COLLECT_WANT_GIVEN_BACK, .piece = answer};
    const struct kc_sale sale = about(word);
    struct kc_result result = round->ask(round->owner, &reply, &request);
    if (kc_failed(result) && !is_no_answer(result)) {
        round->note(round->owner, "given-back-refused", result.code, &sale);
        return kc_ok();
    }
    if (!kc_failed(result)) {
        round->note(round->owner, "given-back", KC_OK, &sale);
    }
    return result;
}

/* A machine that is told the same again writes nothing, and nothing is noted. */
static struct kc_result tell_refusal(const struct kc_giveback_round *round,
                                     const struct kc_give_back *word, enum kc_error reason)
{
    const struct kc_collect_reply *reply;
    struct kc_collect_request request = {.want = KC_COLLECT_WANT_NOT_GIVEN_BACK,
                                         .from_number = word->sale,
                                         .total = (uint64_t)reason};
    const struct kc_sale sale = about(word);
    struct kc_result result = round->ask(round->owner, &reply, &request);
    if (!kc_failed(result) && reply->total == 1) {
        round->note(round->owner, "not-given-back", reason, &sale);
    }
    return is_no_answer(result) ? result : kc_ok();
}

/* That the report is not there yet, and the bank's own troubles, tell nothing about the debt. */
static bool is_final(enum kc_error error)
{
    return error != KC_NOT_SETTLED && kc_error_exit_status(error) == 1;
}

static struct kc_result carry(const struct kc_giveback_round *round,
                              const struct kc_give_back *word, struct kc_view bytes)
{
    uint8_t memory[KC_RECORD_SIZE_MAX];
    struct kc_buffer answer = KC_BUFFER(memory);
    struct kc_result result = round->post(round->owner, &answer, bytes);
    if (!kc_failed(result)) {
        round->stop_after(round->owner, "paid-back");
        result = hand_in(round, word, kc_buffer_view(&answer));
        round->stop_after(round->owner, "handed-back");
        return result;
    }
    return is_final(result.code)           ? tell_refusal(round, word, result.code)
           : result.code == KC_NOT_SETTLED ? kc_ok()
                                           : result;
}

struct kc_result kc_giveback_round(const struct kc_giveback_round *round)
{
    uint64_t after = 0;
    for (unsigned i = 0; i < KC_OWED_MAX; i++) {
        const struct kc_collect_reply *reply;
        struct kc_give_back word;
        uint8_t bytes[KC_SALE_SIGNED_MAX];
        struct kc_collect_request request = {.want = KC_COLLECT_WANT_GIVE_BACK,
                                             .from_number = after};
        struct kc_result result = round->ask(round->owner, &reply, &request);
        if (kc_failed(result) || reply->piece.size == 0) {
            return result;
        }
        struct kc_view piece = reply->piece;
        result = piece.size > sizeof bytes ? kc_result(KC_TOO_LARGE) : read_word(&word, piece);
        if (!kc_failed(result) && word.sale <= after) {
            result = kc_result(KC_OUT_OF_ORDER);
        }
        if (kc_failed(result)) {
            return result;
        }
        memcpy(bytes, piece.data, piece.size);
        round->stop_after(round->owner, "owed");
        result = carry(round, &word, kc_view(bytes, piece.size));
        if (kc_failed(result)) {
            return result;
        }
        after = word.sale;
    }
    return kc_ok();
}
