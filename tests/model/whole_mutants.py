#!/usr/bin/python3
"""Mutants of the shipped sources, each one literal replacement in a copy: bugs that the simulator's checker has to find.

whole_mutants.py --list                       one line each: name, source, words
whole_mutants.py NAME SOURCE_ROOT OUT_FILE    writes the mutated copy; fails when the text is not there exactly once
"""
import sys
from pathlib import Path

# name, file below src/, what is wrong, the text, the text in its place
MUTANTS = [
    # ---- the purse: exchange ----
    ("pay-not-written", "purse/payer.c", "a payment leaves before its entry is written",
     "result = reserve(&order, purse, &next, &wish);\n    }\n    if (!kc_failed(result)) {\n        result = kc_purse_commit(purse, &next);",
     "result = reserve(&order, purse, &next, &wish);\n    }\n    if (!kc_failed(result)) {\n        result = kc_ok();"),
    ("pay-no-reserve", "purse/value.c", "a pay entry takes nothing from the value",
     "result = pay_out(next, entry->amount);\n        next->spent_count", "result = grow(&next->paid, entry->amount);\n        next->spent_count"),
    ("pay-not-open", "purse/payer.c", "an open payment is forgotten",
     "return add_open(purse, next, &order);", "return kc_ok();"),
    ("pay-beyond-value", "purse/payer.c", "a purse signs orders for more than it holds",
     "        result = check_wish(purse, &wish);\n",
     "        result = check_wish(purse, &wish);\n        if (result.code == KC_INSUFFICIENT_VALUE) {\n            next.value = wish.amount;\n            result = kc_ok();\n        }\n"),
    ("counter-skipped", "purse/value.c", "a counter is skipped", "changed.counter += 1;", "changed.counter += 2;"),
    ("counter-kept", "purse/payer.c", "an order carries the counter before its own",
     ".payer_counter = next->counter + 1,", ".payer_counter = next->counter == 0 ? 1 : next->counter,"),
    ("receive-not-written", "purse/payee.c", "a receipt leaves before its entry is written",
     "next.stamp_ms = time_ms;\n    result = kc_purse_commit(purse, &next);\n    return kc_failed(result) ? result : respond_answer(purse, taken,",
     "next.stamp_ms = time_ms;\n    return kc_failed(result) ? result : respond_answer(purse, taken,"),
    ("receive-old-counter", "purse/payee.c", "a payment for a counter that has passed is taken",
     "if (counter == next) {", "if (counter != 0 && counter <= next) {\n        ((struct offer *)(uintptr_t)offer)->order.payee_counter = next;"),
    ("receive-twice", "purse/payee.c", "a payment that was answered is taken once more",
     "uint64_t counter = offer->order.payee_counter;\n    uint64_t next = purse->state.counter + 1;\n    *out = STANDING_NEW;",
     "uint64_t counter = offer->order.payee_counter;\n    uint64_t next = purse->state.counter + 1;\n    *out = STANDING_NEW;\n    if (counter + 1 == next) {\n        ((struct offer *)(uintptr_t)offer)->order.payee_counter = next;\n        counter = next;\n    }"),
    ("receive-unsigned", "purse/payee.c", "a payer's signature is not looked at",
     "kc_purse_verify_partner(purse, &offer->parsed, &payer.key, &kc_payment_order_shape);", "kc_ok();"),
    ("receive-for-others", "purse/payee.c", "a payment for another purse is taken",
     "order->payee_purse.number != purse->settings.purse.number ||\n        order->payee.number != purse->settings.account.number",
     "order->payee_purse.number == 0"),
    ("refuse-credits", "purse/payee.c", "a payment that the user declined is taken",
     ".kind = taken ? KC_ENTRY_KIND_RECEIVE : KC_ENTRY_KIND_REFUSE,", ".kind = KC_ENTRY_KIND_RECEIVE,"),
    ("answer-unsigned", "purse/payer.c", "a payee's signature is not looked at",
     ": kc_purse_verify_partner(purse, &word->parsed, &payee.key, word->shape);", ": kc_ok();"),
    ("receipt-gives-back", "purse/payer.c", "a receipt gives the amount back",
     "struct kc_result result = word->taken ? end_taken", "struct kc_result result = word->shape == NULL ? end_taken"),
    ("decline-keeps", "purse/payer.c", "a decline gives nothing back",
     "struct kc_result result = word->taken ? end_taken", "struct kc_result result = word->shape != NULL ? end_taken"),
    ("void-stays-open", "purse/payer.c", "a payment that was given back stays open",
     "    if (!kc_failed(result)) {\n        kc_purse_open_remove(next, index);\n        kc_purse_drop_quote(next);",
     "    if (!kc_failed(result)) {\n        kc_purse_drop_quote(next);"),
    # ---- the purse: bank and memory ----
    ("release-ignored", "purse/settle.c", "what the bank releases is not given back",
     "result = kc_purse_open_void(purse, next, i, word, kc_view(NULL, 0));", "kc_purse_open_remove(next, i);"),
    ("release-any", "purse/settle.c", "a payment that was taken is given back on the bank's word that it was",
     "if (release.reason == KC_OK) {", "if (release.reason == KC_INTERNAL) {"),
    ("deposit-no-reserve", "purse/value.c", "a cash-out takes nothing from the value",
     "return pay_out(next, entry->amount);", "return grow(&next->paid, entry->amount);"),
    ("deposit-no-entry", "purse/cash.c", "an OK to a deposit writes no cash-out",
     "bool deposit = next.pending_kind == KC_CASH_KIND_DEPOSIT;\n    if (!kc_failed(result) && deposit",
     "bool deposit = next.pending_kind == 77;\n    if (!kc_failed(result) && deposit"),
    ("deposit-given-back", "purse/cash.c", "a deposit in doubt is given back without the bank's word",
     "    case KC_OUTCOME_IN_DOUBT:\n        return kc_ok();\n    case KC_OUTCOME_COMPLETED:\n",
     "    case KC_OUTCOME_IN_DOUBT:\n        return kc_ok();\n    case KC_OUTCOME_COMPLETED:\n        covered = 0;\n"),
    ("deposit-not-given-back", "purse/cash.c", "a deposit that came to nothing is not given back",
     "result = give_back(purse, next, covered, word);", "result = kc_ok();"),
    ("certified-older", "purse/value.c", "an older certified value is taken",
     "if (certified->sequence <= purse->certified.sequence) {", "if (certified->sequence == purse->certified.sequence) {"),
    ("certified-ignored", "purse/value.c", "a certified value's amount is not taken",
     "    next->value = walk.value;\n", "    next->value = purse->certified.sequence > 4 ? next->value : walk.value;\n"),
    ("answer-early", "purse/cash.c", "an OK is forgotten as soon as it left",
     "next.life = answer.answer == KC_ANSWER_OK ? KC_LIFE_ANSWERED : KC_LIFE_READY;", "next.life = purse->certified.sequence > 4 || answer.answer != KC_ANSWER_OK ? KC_LIFE_READY : KC_LIFE_ANSWERED;"),
    ("image-not-synced", "purse/storage.c", "a mark is written before the image is durable",
     "        result = kc_purse_nvm_write(purse, at + IMAGE_HEAD + content.size, digest, sizeof digest);\n    }\n    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);",
     "        result = kc_purse_nvm_write(purse, at + IMAGE_HEAD + content.size, digest, sizeof digest);\n    }\n    return result;"),
    ("log-not-synced", "purse/log.c", "an image is written before its entry is durable",
     "        result = write_answer(purse, counter, entry_check, content->answer);\n    }\n    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);",
     "        result = write_answer(purse, counter, entry_check, content->answer);\n    }\n    return result;"),
    ("one-image", "purse/storage.c", "the image is written over the one that is in force",
     "static size_t image_at(unsigned room)\n{\n    return KC_NVM_IMAGES_AT + (size_t)room * KC_NVM_IMAGE_ROOM;",
     "static size_t image_at(unsigned room)\n{\n    return KC_NVM_IMAGES_AT + (size_t)room * 0;"),
    # ---- the ledger: payments ----
    ("book-both-reports", "ledger/count.c", "a payment is booked by both sides' reports",
     "    if (sides.payment.state == KC_PAYMENT_BOOKED) {\n        result = kc_count_step(report, &sides, KC_STEP_COUNT_TAKEN, KC_OK);",
     "    if (is_new && sides.payment.state == KC_PAYMENT_BOOKED) {\n        result = kc_count_step(report, &sides, KC_STEP_COUNT_TAKEN, KC_OK);"),
    ("count-twice", "ledger/settle.c", "the newest counted record is counted again",
     "bool seen = records[i].entry.counter <= report->purse->counter;",
     "bool seen = records[i].entry.counter < report->purse->counter;\n        report->purse->counter -= !seen && records[i].entry.counter == report->purse->counter ? 1 : 0;"),
    ("receive-unbooked", "ledger/payment.c", "a counted payment does not reach its payee",
     "    raise(&good, &sides->payee->value, payment->amount);\n    payment->payee_counted = true;",
     "    payment->payee_counted = true;"),
    ("partner-not-saved", "ledger/reissue.c", "what a report moves on the partner's side is not kept",
     "               : kc_ledger_note(ledger,\n                                ledger->store->purse_ahead_put(ledger->store->context, purse));",
     "               : kc_ok();"),
    ("release-twice", "ledger/payment.c", "a payment is given back once more",
     "return row->state == KC_PAYMENT_NOTED ||\n",
     "return row->state == KC_PAYMENT_NOTED || row->state == KC_PAYMENT_RELEASED ||\n"),
    ("release-taken", "ledger/count.c", "a payment is released as soon as its payer reports it",
     "    } else if (passed) {\n        result = other ?", "    } else if (passed || sides->payment.payee_counter > 0) {\n        result = other || !passed ?"),
    ("release-never", "ledger/payment.c", "a payment that its payee passed is not released",
     "result = scan(&found, ledger, false, purse->purse.number, first, purse->counter);",
     "result = scan(&found, ledger, false, 0, first, purse->counter);"),
    ("release-untold", "ledger/settle.c", "the end of a payment is not told",
     "        if (!heard) {\n            out->releases", "        if (!heard && false) {\n            out->releases"),
    ("told-once", "ledger/settle.c", "that a payment was taken is told once, whether heard or not",
     "            row->open = !heard;\n", "            row->open = false;\n"),
    ("told-wrongly", "ledger/settle.c", "a release is told as if the payment was taken",
     ".reason = taken ? 0 : (uint64_t)row->reason};", ".reason = 0};"),
    ("refuse-ignored", "ledger/count.c", "a refusal that comes first is forgotten",
     "        result = kc_count_step(report, &sides, KC_STEP_REFUSE, KC_DECLINED);",
     "        return kc_ok();"),
    ("void-not-returned", "ledger/payment.c", "a counted void does not come back into the value",
     "    raise(&good, &sides->payer->value, payment->amount);\n    payment->returned = true;",
     "    payment->returned = true;"),
    # ---- the ledger: proofs ----
    ("orders-not-compared", "ledger/count.c", "two orders with one counter are not compared",
     "result = kc_payment_other(&other, report->ledger, &sides->payment);\n    if (!kc_failed(result)) {",
     "result = kc_payment_other(&other, report->ledger, &sides->payment);\n    result = kc_result(KC_NOT_FOUND);\n    if (!kc_failed(result)) {"),
    ("counted-not-compared", "ledger/count.c", "an order is not compared with the entry that its payer counted",
     "    *other = kc_failed(result) || !kc_count_same_digest(row.order, order);\n", "    *other = false;\n"),
    ("heads-not-compared", "ledger/purse.c", "a purse that went back is not found out",
     "    if (given->information.counter < purse->counter) {\n        return true;", "    if (given->information.counter < purse->counter) {\n        return false;"),
    ("passed-not-compared", "ledger/payment.c", "what a purse signed for a counter that its chain gave to something else is let go",
     "result = same ? kc_ok() : accuse_of(ledger, purse, row, row->payer_counter);", "result = same || row != NULL ? kc_ok() : kc_ok();"),
    ("overspend-pending", "ledger/count.c", "a purse that paid more than it had is not accused",
     "if (kc_failed(result) || kc_amount_compare(most, record->entry.amount) >= 0) {", "if (kc_failed(result) || purse != NULL) {"),
    ("not-out", "ledger/hotlist.c", "who is accused stays in use", "    purse->state = KC_PURSE_OUT;\n", "    (void)reason;\n"),
    ("late-is-fraud", "ledger/purse.c", "an old certified value is taken for a copy",
     "    if (given->information.counter < purse->counter) {", "    if (given->certified.sequence + 1 < purse->sequence || given->information.counter < purse->counter) {"),
    ("replay-counts", "ledger/purse.c", "a message with an old time stamp is taken for a new one",
     "    if (time_ms <= out->purse.last_ms) {", "    if (time_ms == 0) {"),
    # ---- the ledger: cash ----
    ("late-ok", "ledger/cash.c", "an OK after the expiry is carried out", "    if (row->expires_ms < ledger->now_ms) {\n        row->state", "    if (row->expires_ms == 0) {\n        row->state"),
    ("ng-completes", "ledger/cash.c", "an NG is carried out", "    if (answer->answer == KC_ANSWER_NG) {\n        row->state", "    if (answer->answer == 77) {\n        row->state"),
    ("ok-again", "ledger/cash.c", "an OK that comes again is carried out again", "    if (row.state != KC_STATE_QUOTED) {\n        return is_cash",
     "    purse.last_ms -= row.state != KC_STATE_QUOTED && answer->time_ms == purse.last_ms ? 1 : 0;\n    if (row.state != KC_STATE_QUOTED && row.state != KC_STATE_COMPLETED) {\n        return is_cash"),
    ("account-not-debited", "ledger/cash.c", "a withdrawal takes nothing from the account",
     "    account->balance = account_after;\n", "    account->balance = withdraw ? account->balance : account_after;\n"),
    ("quote-stays", "ledger/purse.c", "the recovery call leaves an open quote open", "    row.state = KC_STATE_NOT_COMPLETED;\n    row.reason = row.expires_ms",
     "    row.reason = row.expires_ms"),
    ("doubt-refused", "ledger/fund.c", "an order in doubt counts as refused", "bool waits = answer == KC_IN_DOUBT ||", "bool waits = answer == KC_INTERNAL ||"),
    ("fund-twice", "ledger/fund.c", "an order is settled whenever it is asked about", "    if (row.state != KC_STATE_SENT || waits) {", "    if (waits) {"),
    ("redeem-kept", "ledger/fund.c", "a refused redeeming is not given back",
     "    if (done) {\n        return kc_ledger_post(", "    if (done || row->kind == KC_TRANSACTION_REDEEM) {\n        return kc_ledger_post("),
    ("sequence-kept", "ledger/ledger.c", "two certified values have one sequence",
     "    purse->sequence += 1;\n", "    purse->sequence += purse->sequence < 4 ? 1 : 0;\n"),
    # ---- the bank ----
    ("record-unsigned", "bank/records.c", "a record's order is not verified",
     "        record->objection = partner->error != KC_OK\n                                ? partner->error\n                                : verify(",
     "        record->objection = partner->error != KC_OK\n                                ? partner->error\n                                : realm != NULL ? KC_OK : verify("),
]


def main():
    if sys.argv[1:] == ["--list"]:
        for name, source, words, _, _ in MUTANTS:
            print(f"{name}\t{source}\t{words}")
        return 0
    name, root, out = sys.argv[1:]
    _, source, words, text, other = next(row for row in MUTANTS if row[0] == name)
    content = (Path(root) / "src" / source).read_text(encoding="utf-8")
    if content.count(text) != 1:
        print(f"{name}: the text stands {content.count(text)} times in src/{source}", file=sys.stderr)
        return 1
    Path(out).write_text(f"/* {words} */\n" + content.replace(text, other), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
