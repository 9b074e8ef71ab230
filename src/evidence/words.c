#include "evidence/words.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "message/generated/names.h"

const char *kc_evidence_rule_words(enum kc_proof_rule rule)
{
    switch (rule) {
    case KC_PROOF_RULE_TWO_ORDERS:
        return "the purse signed two payments with one counter";
    case KC_PROOF_RULE_ORDER_AND_ENTRY:
        return "the purse signed a payment, and reported another entry with its counter";
    case KC_PROOF_RULE_ORDER_AND_RECEIPT:
        return "the purse signed a payment and a receipt with one counter";
    case KC_PROOF_RULE_TWO_RECEIPTS:
        return "the purse signed receipts for two payments with one counter";
    case KC_PROOF_RULE_RECEIPT_AND_ENTRY:
        return "the purse signed a receipt, and reported another entry with its counter";
    case KC_PROOF_RULE_TWO_ENTRIES:
        return "the purse reported two entries with one counter";
    case KC_PROOF_RULE_TWO_HEADS:
        return "the purse signed two histories up to one counter";
    case KC_PROOF_RULE_DECLINE_AND_TAKING:
        return "the purse signed that it would never take a payment, and took it";
    case KC_PROOF_RULE_COUNTER_FELL:
        return "the purse signed a lower counter at a later time stamp";
    case KC_PROOF_RULE_TOTALS_FELL:
        return "the purse signed totals that are lower at a later counter";
    case KC_PROOF_RULE_OVERSPENT:
        return "the purse's complete history pays more than it held";
    case KC_PROOF_RULE_SIGNED_AFTER_CLOSE:
        return "the purse's older key signed where its newer key was in force already";
    }
    return "?";
}

enum kc_error kc_evidence_reason(enum kc_proof_rule rule)
{
    return rule == KC_PROOF_RULE_OVERSPENT ? KC_OVERSPENT : KC_COPIED_OR_RESTORED;
}

/* Where it is said. */
static void write_place(char out[96], const struct kc_evidence_part *part)
{
    char when[KC_CLOCK_TEXT_SIZE] = "";
    if (part->kind != KC_PROOF_KIND_ENVELOPE) {
        (void)snprintf(out, 96, "the %s", kc_proof_kind_word((uint64_t)part->kind));
        return;
    }
    /* The domain word ends with the name of the message. */
    const char *name = part->shape->domain;
    for (const char *at = name; *at != '\0'; at++) {
        name = *at == '/' ? at + 1 : name;
    }
    kc_clock_format(when, part->time_ms);
    (void)snprintf(out, 96, "the %s of %s", name + 2, when);
}

static void write_totals(char out[160], const struct kc_statement *statement, unsigned decimals)
{
    char paid[KC_AMOUNT_TEXT_SIZE];
    char received[KC_AMOUNT_TEXT_SIZE];
    char returned[KC_AMOUNT_TEXT_SIZE];
    kc_amount_format(paid, statement->paid, decimals);
    kc_amount_format(received, statement->received, decimals);
    kc_amount_format(returned, statement->returned, decimals);
    (void)snprintf(out, 160, "up to counter %" PRIu64 " it paid %s, received %s and got back %s",
                   statement->counter, paid, received, returned);
}

void kc_evidence_statement_words(char out[KC_EVIDENCE_WORDS_SIZE],
                                 const struct kc_statement *statement,
                                 const struct kc_evidence_finding *finding, unsigned decimals)
{
    char place[96];
    char what[160] = "";
    char when[KC_CLOCK_TEXT_SIZE] = "";
    char amount[KC_AMOUNT_TEXT_SIZE];
    char digest[2 * KC_DIGEST_SIZE + 1];
    uint64_t counter = statement->counter;
    write_place(place, &finding->parts[statement->item]);
    kc_clock_format(when, statement->time_ms);
    kc_amount_format(amount, statement->amount, decimals);
    kc_hex_write(digest, kc_view(statement->digest, KC_DIGEST_SIZE));
    digest[16] = '\0';
    switch (statement->type) {
    case KC_STATEMENT_ORDER:
        (void)snprintf(what, sizeof what,
                       "counter %" PRIu64 " pays %s to purse %" PRIu64 " of account %" PRIu64
                       " at %s (order %s)",
                       counter, amount, statement->purse.number, statement->account.number, when,
                       digest);
        break;
    case KC_STATEMENT_RECEIPT:
        (void)snprintf(what, sizeof what, "counter %" PRIu64 " takes the payment %s at %s", counter,
                       digest, when);
        break;
    case KC_STATEMENT_DECLINE:
        (void)snprintf(what, sizeof what,
                       "the payment %s, for counter %" PRIu64 ", is never taken, at %s", digest,
                       counter, when);
        break;
    case KC_STATEMENT_ENTRY:
        (void)snprintf(what, sizeof what,
                       "counter %" PRIu64 " is a %s entry of %s at %s (entry %s)", counter,
                       kc_entry_kind_word((uint64_t)statement->kind), amount, when, digest);
        break;
    case KC_STATEMENT_HEAD:
        (void)snprintf(what, sizeof what, "the history up to counter %" PRIu64 " has the head %s",
                       counter, digest);
        break;
    case KC_STATEMENT_STAMP:
        (void)snprintf(what, sizeof what, "the newest counter is %" PRIu64 " at %s", counter, when);
        break;
    case KC_STATEMENT_TOTALS:
        write_totals(what, statement, decimals);
        break;
    case KC_STATEMENT_CLOSE:
        (void)snprintf(what, sizeof what,
                       "the key before this one ended with counter %" PRIu64 " at %s", counter,
                       when);
        break;
    }
    (void)snprintf(out, KC_EVIDENCE_WORDS_SIZE, "%s says: %s", place, what);
}

void kc_evidence_sums_words(char out[KC_EVIDENCE_WORDS_SIZE],
                            const struct kc_evidence_finding *finding, unsigned decimals)
{
    const struct kc_evidence_sums *sums = &finding->sums;
    const struct kc_amount amounts[] = {sums->certified, sums->received,  sums->returned,
                                        sums->paid,      sums->uncounted, sums->amount};
    char texts[6][KC_AMOUNT_TEXT_SIZE];
    for (size_t i = 0; i < 6; i++) {
        kc_amount_format(texts[i], amounts[i], decimals);
    }
    (void)snprintf(out, KC_EVIDENCE_WORDS_SIZE,
                   "certified %s at counter %" PRIu64
                   ", received %s, given back %s, paid %s, then %s"
                   " with counter %" PRIu64 " (received by records that show nothing: %s)",
                   texts[0], sums->counter, texts[1], texts[2], texts[3], texts[5],
                   finding->counter, texts[4]);
}
