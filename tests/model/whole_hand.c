#include "whole_hand.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "whole_authority.h"
#include "whole_list.h"
#include "whole_renewed.h"
#include "whole_roll.h"
#include "whole_rolled.h"

bool hand_chance(struct play *play, unsigned percent)
{
    return rng_below(&play->rng, 100) < percent;
}

uint64_t hand_below(struct play *play, uint64_t below)
{
    return rng_below(&play->rng, below);
}

unsigned hand_any_place(struct play *play)
{
    for (;;) {
        unsigned place = (unsigned)rng_below(&play->rng, WHOLE_PLACES_MAX);
        if (play->whole->purses[place].there) {
            return place;
        }
    }
}

void hand_trace(struct play *play, const char *format, ...)
{
    va_list arguments;
    if (!play->traced) {
        return;
    }
    char *line = play->traces[play->trace_count++ % PLAY_TRACES];
    int used = snprintf(line, PLAY_TRACE_SIZE, "%4u  ", play->step);
    va_start(arguments, format);
    (void)vsnprintf(line + used, PLAY_TRACE_SIZE - (size_t)used, format, arguments);
    va_end(arguments);
    if (play->told) {
        (void)printf("%s\n", line);
    }
}

void hand_send(struct play *play, enum letter_kind kind, unsigned from, unsigned to,
               struct kc_view bytes)
{
    struct letter *letter = &play->letters[play->letter_next];
    KC_ASSERT(bytes.size <= sizeof letter->bytes);
    play->newest = play->letter_next;
    play->was_sent = true;
    play->letter_next = (play->letter_next + 1) % PLAY_LETTERS;
    letter->kind = kind;
    letter->from = from;
    letter->holder = play->whole->purses[from].holder;
    letter->to = to;
    const struct whole_purse *sender = &play->whole->purses[from];
    letter->roll = kind == LETTER_REPLY                ? play->whole->bank.keys.generation
                   : play->truth.rogue[sender->holder] ? ROLLED_UNKNOWN
                                                       : sender->core.roll_number;
    letter->size = bytes.size;
    memcpy(letter->bytes, bytes.data, bytes.size);
}

/* ---- a command to a purse, with power that may go ---- */

void hand_arm(struct play *play, unsigned place)
{
    struct nvm *nvm = &play->whole->purses[place].nvm;
    if (nvm->dead || !hand_chance(play, play->habits.cut_percent)) {
        return;
    }
    /* A change of keys writes more often than anything else. */
    unsigned writes = play->habits.renewed ? 18 : 9;
    const struct nvm_cut cut = {.write = 1 + (unsigned)hand_below(play, writes),
                                .byte = hand_below(play, 3) == 0 ? 0 : hand_below(play, 700),
                                .lost = (uint32_t)hand_below(play, 64)};
    nvm_arm(nvm, &cut);
}

static uint64_t clock_of(const struct play *play, unsigned place)
{
    int64_t now = (int64_t)play->whole->now_ms + play->skews[place];
    return (uint64_t)now;
}

/* After a command: power comes back if it went, and what the purse holds is compared. */
bool hand_look(struct play *play, unsigned place, enum truth_command command,
               struct kc_result result)
{
    struct nvm *nvm = &play->whole->purses[place].nvm;
    play->tally.commands += 1;
    nvm->cut.write = 0;
    if (nvm->dead) {
        play->tally.cuts += 1;
        hand_trace(play, "      power went off at purse %u", place);
        whole_power_cycle(play->whole, place);
    }
    (void)result;
    return truth_purse(&play->truth, place, command);
}

bool hand_hotlist(struct play *play, unsigned place)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    bool forged = hand_chance(play, 10);
    bool old = play->hotlist_size > 0 && hand_chance(play, 30);
    whole_bank_hotlist(&out, play->whole);
    if (old) {
        memcpy(bytes, play->hotlist, play->hotlist_size);
        out.size = play->hotlist_size;
    } else if (forged) {
        bytes[hand_below(play, out.size)] ^= (uint8_t)(1u << hand_below(play, 8));
    } else if (play->hotlist_size == 0 || hand_chance(play, 30)) {
        memcpy(play->hotlist, bytes, out.size);
        play->hotlist_size = out.size;
    }
    hand_arm(play, place);
    struct kc_result result =
        kc_slot_take_hotlist(whole_slot(play->whole, place), kc_buffer_view(&out));
    hand_trace(play, "purse %u is given %s hotlist: %s", place,
               old      ? "an older"
               : forged ? "a forged"
                        : "the newest",
               kc_error_name(result.code));
    play->tally.hotlists += kc_failed(result) ? 0 : 1;
    return hand_look(play, place, COMMAND_OTHER, result) &&
           (kc_failed(result) || truth_took_hotlist(&play->truth, place, !old && !forged));
}

bool hand_power(struct play *play, unsigned place)
{
    hand_trace(play, "purse %u: power off and on", place);
    nvm_unplug(&play->whole->purses[place].nvm, 0);
    whole_power_cycle(play->whole, place);
    return truth_purse(&play->truth, place, COMMAND_OTHER);
}

/* ---- an exchange ---- */

enum kc_purse_type hand_type(const struct play *play, unsigned place)
{
    return play->whole->holders[play->whole->purses[place].holder].type;
}

static struct kc_amount amount_of(uint64_t minor)
{
    struct kc_amount amount = kc_amount_zero();
    struct kc_result result = kc_amount_from_minor(&amount, minor);
    KC_ASSERT(!kc_failed(result));
    return amount;
}

bool hand_identify(struct play *play, unsigned payer, unsigned payee, bool full)
{
    struct kc_view out;
    struct kc_result result = kc_slot_identify(&out, whole_slot(play->whole, payer), full);
    hand_trace(play, "purse %u asks who purse %u is: %s", payer, payee, kc_error_name(result.code));
    if (!kc_failed(result)) {
        hand_send(play, LETTER_IDENTIFY, payer, payee, out);
    }
    return true;
}

static bool deliver_identify(struct play *play, const struct letter *letter)
{
    struct kc_view out;
    struct kc_result result = kc_slot_offer(&out, whole_slot(play->whole, letter->to),
                                            kc_amount_zero(), kc_view(letter->bytes, letter->size));
    hand_trace(play, "purse %u says who it is to %u: %s", letter->to, letter->from,
               kc_error_name(result.code));
    if (!kc_failed(result)) {
        hand_send(play, LETTER_OFFER, letter->to, letter->from, out);
    }
    return hand_look(play, letter->to, COMMAND_OTHER, result);
}

/* What a payer is told to pay; now and then too much, or nothing. */
static uint64_t some_amount(struct play *play, unsigned payer)
{
    uint64_t odd = hand_below(play, 50);
    if (hand_type(play, payer) == KC_PURSE_TYPE_BEARER && hand_chance(play, 90)) {
        return 1 + hand_below(play, WHOLE_BEARER_PAYMENT_MOST);
    }
    if (play->plain_pays) {
        return play->habits.amount_most;
    }
    if (play->whole->purses[payer].believes_all && hand_chance(play, 50)) {
        return 1 + hand_below(play, WHOLE_PAYMENT_MOST);
    }
    return odd == 0 ? 0 : odd == 1 ? 100000 : 1 + hand_below(play, play->habits.amount_most);
}

/* Where the bank's keys roll over the other side may have a record that helps. */
static bool is_unverified(struct play *play, struct kc_result result)
{
    bool unverified = result.code == KC_BAD_SIGNATURE || result.code == KC_UNKNOWN_SIGNER;
    return play->truth.rolls && unverified && hand_chance(play, 60);
}

/* The later of a purse's clock and its last stamp, by which it tells what counts. */
static uint64_t time_of(const struct play *play, unsigned place)
{
    uint64_t stamp_ms = play->whole->purses[place].core.state.stamp_ms;
    uint64_t clock_ms = clock_of(play, place);
    return stamp_ms > clock_ms ? stamp_ms : clock_ms;
}

/* Of what a purse took: whose identity it believed. */
static bool took_identity(struct play *play, const struct letter *letter, uint64_t time_ms)
{
    struct kc_payee_identity offer;
    struct kc_payment payment;
    const struct kc_view bytes = kc_view(letter->bytes, letter->size);
    uint64_t held = play->whole->purses[letter->to].core.roll_number;
    if (letter->kind == LETTER_OFFER) {
        return kc_failed(kc_shape_decode(&offer, &kc_payee_identity_shape, bytes)) ||
               !offer.has_identity ||
               rolled_identity(&play->truth, letter->to, offer.identity, held, time_ms);
    }
    return kc_failed(kc_shape_decode(&payment, &kc_payment_shape, bytes)) ||
           !payment.has_identity ||
           rolled_identity(&play->truth, letter->to, payment.identity, held, time_ms);
}

static bool deliver_offer(struct play *play, const struct letter *letter)
{
    struct kc_view out;
    unsigned payer = letter->to;
    uint64_t time_ms = time_of(play, payer);
    uint64_t amount = some_amount(play, payer);
    hand_arm(play, payer);
    struct kc_result result =
        kc_slot_pay(&out, whole_slot(play->whole, payer), amount_of(amount), clock_of(play, payer),
                    kc_view(letter->bytes, letter->size));
    hand_trace(play, "purse %u pays %" PRIu64 " to %u: %s", payer, amount, letter->from,
               kc_error_name(result.code));
    if (!kc_failed(result)) {
        hand_send(play, LETTER_PAYMENT, payer, letter->from, out);
    }
    if (!hand_look(play, payer, COMMAND_PAY, result) ||
        (!kc_failed(result) && !took_identity(play, letter, time_ms))) {
        return false;
    }
    if (is_unverified(play, result) && play->whole->purses[letter->from].there) {
        return roll_pass(play, letter->from, payer);
    }
    if (result.code == KC_IDENTITY_NEEDED) {
        return hand_identify(play, payer, letter->from, true);
    }
    play->tally.payments += kc_failed(result) ? 0 : 1;
    play->tally.limited +=
        result.code == KC_LIMIT_EXCEEDED || result.code == KC_CONTACT_NEEDED ? 1 : 0;
    play->tally.listed += result.code == KC_HOTLISTED ? 1 : 0;
    const struct letter *sent = &play->letters[play->newest];
    return kc_failed(result) ||
           truth_gave_payment(&play->truth, payer, kc_view(sent->bytes, sent->size));
}

static bool deliver_payment(struct play *play, const struct letter *letter)
{
    struct kc_view out;
    struct kc_payment_order order;
    bool answered = false;
    unsigned payee = letter->to;
    struct kc_slot *slot = whole_slot(play->whole, payee);
    bool no = hand_chance(play, play->habits.refuse_percent);
    uint64_t time_ms = time_of(play, payee);
    hand_arm(play, payee);
    struct kc_result result = kc_slot_examine(&order, &answered, slot, clock_of(play, payee),
                                              kc_view(letter->bytes, letter->size));
    bool declines = (result.code == KC_LIMIT_EXCEEDED || result.code == KC_HOTLISTED ||
                     result.code == KC_CONTACT_NEEDED) &&
                    (hand_chance(play, 70) || play->ends);
    no = no || declines;
    bool new = !kc_failed(result) && !answered;
    if (new && !took_identity(play, letter, time_ms)) {
        return false;
    }
    if (!hand_look(play, payee, COMMAND_OTHER, result) || (kc_failed(result) && !declines)) {
        hand_trace(play, "purse %u examines a payment of %u: %s", payee, letter->from,
                   kc_error_name(result.code));
        bool passes = is_unverified(play, result) && play->whole->purses[letter->from].there;
        return play->truth.why[0] == '\0' && (!passes || roll_pass(play, letter->from, payee));
    }
    hand_arm(play, payee);
    result = kc_slot_decide(&out, slot, no ? KC_ANSWER_NG : KC_ANSWER_OK, clock_of(play, payee));
    hand_trace(play, "purse %u, a payment of %u, user says %s%s: %s", payee, letter->from,
               no ? "no" : "yes", answered ? ", answered before" : "", kc_error_name(result.code));
    if (!kc_failed(result)) {
        hand_send(play, LETTER_ANSWER, payee, letter->from, out);
    }
    if (!hand_look(play, payee, COMMAND_DECIDE, result)) {
        return false;
    }
    const struct letter *sent = &play->letters[play->newest];
    return kc_failed(result) ||
           truth_gave_answer(&play->truth, payee, kc_view(sent->bytes, sent->size));
}

static bool deliver_answer(struct play *play, const struct letter *letter)
{
    struct kc_view out;
    hand_arm(play, letter->to);
    struct kc_result result = kc_slot_conclude(&out, whole_slot(play->whole, letter->to),
                                               kc_view(letter->bytes, letter->size));
    hand_trace(play, "purse %u hears the answer of %u: %s", letter->to, letter->from,
               kc_error_name(result.code));
    return hand_look(play, letter->to, COMMAND_CONCLUDE, result);
}

/* Whoever has new keys shows them before his word on an earlier payment counts: a payment of nothing makes them known. */
static bool show_keys(struct play *play, unsigned payer, unsigned payee)
{
    struct kc_view out;
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_buffer kept = KC_BUFFER(bytes);
    struct kc_result result = kc_slot_identify(&out, whole_slot(play->whole, payer), true);
    if (!kc_failed(result)) {
        result = kc_slot_offer(&out, whole_slot(play->whole, payee), kc_amount_zero(), out);
    }
    if (!kc_failed(result)) {
        memcpy(bytes, out.data, out.size);
        kept.size = out.size;
        result = kc_slot_pay(&out, whole_slot(play->whole, payer), kc_amount_zero(),
                             clock_of(play, payer), kc_buffer_view(&kept));
    }
    hand_trace(play, "purse %u sees the identity of %u: %s", payer, payee,
               kc_error_name(result.code));
    return hand_look(play, payee, COMMAND_OTHER, result) &&
           hand_look(play, payer, COMMAND_OTHER, result);
}

bool hand_resume(struct play *play, unsigned place, uint8_t index, bool *was_open)
{
    struct kc_view out;
    struct kc_payment payment;
    struct kc_payment_order order;
    struct kc_signed parsed;
    struct kc_result result = kc_slot_open_payment(&out, whole_slot(play->whole, place), index);
    *was_open = !kc_failed(result);
    if (kc_failed(result) || kc_failed(kc_shape_decode(&payment, &kc_payment_shape, out)) ||
        kc_failed(kc_brief_parse(&parsed, payment.order)) ||
        kc_failed(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload))) {
        return true;
    }
    for (unsigned i = 0; i < play->habits.holders; i++) {
        if (play->whole->holders[i].purse.number == order.payee_purse.number) {
            if (play->habits.renewed && i != place) {
                if (!show_keys(play, place, i)) {
                    return false;
                }
                result = kc_slot_open_payment(&out, whole_slot(play->whole, place), index);
                KC_ASSERT(!kc_failed(result));
            }
            hand_trace(play, "purse %u gives its open payment to %u again", place, i);
            hand_send(play, LETTER_PAYMENT, place, i, out);
            const struct letter *sent = &play->letters[play->newest];
            return truth_gave_payment(&play->truth, place, kc_view(sent->bytes, sent->size));
        }
    }
    return true;
}

/* ---- the bank ---- */

/* Whether the registrar says first that its holder stands before him; now and then he says it of something else. */
static bool is_vouched(struct play *play, const struct letter *letter)
{
    unsigned holder = letter->holder;
    struct kc_view said = kc_view(letter->bytes, letter->size);
    bool stands = play->at_counter == holder + 1 ||
                  (play->vouches && renewed_has_expired(&play->truth, holder));
    if (!play->habits.counter || !stands) {
        return false;
    }
    bool other = !play->vouches && hand_chance(play, 10);
    said.size -= other ? 1 : 0;
    struct kc_result result = whole_bank_vouch(play->whole, holder, said);
    hand_trace(play, "the registrar vouches for %s of purse %u: %s",
               other ? "something else" : "a message", holder, kc_error_name(result.code));
    play->tally.vouched += kc_failed(result) ? 0 : 1;
    return !kc_failed(result) && !other;
}

static bool deliver_request(struct play *play, const struct letter *letter)
{
    struct kc_view reply;
    unsigned holder = letter->holder;
    bool fails = play->whole->store.fault != RAM_GOOD;
    size_t listed = play->whole->store.counts[RAM_TABLE_HOTLIST];
    truth_asks(&play->truth, holder);
    play->truth.renewals.vouched = is_vouched(play, letter);
    struct kc_result result =
        whole_bank_serve(&reply, play->whole, kc_view(letter->bytes, letter->size));
    play->whole->store.fault = RAM_GOOD;
    play->tally.served += 1;
    hand_trace(play, "the bank hears purse %u: %s%s", letter->from, kc_error_name(result.code),
               fails ? ", its commit failed" : "");
    if (reply.size > 0) {
        hand_send(play, LETTER_REPLY, letter->from, letter->from, reply);
    }
    bool good = truth_served(&play->truth, holder, result) &&
                rolled_served(&play->truth, letter->roll, result);
    bool newer = play->whole->store.counts[RAM_TABLE_HOTLIST] > listed;
    return good && (!newer || hand_chance(play, 40) ||
                    (hand_chance(play, 50) ? list_act(play, hand_any_place(play))
                                           : hand_hotlist(play, hand_any_place(play))));
}

static bool take_reply(struct play *play, const struct letter *letter, enum kc_error *error)
{
    struct kc_view out;
    const struct kc_purse *core = &play->whole->purses[letter->to].core;
    uint64_t held = core->roll_number;
    uint64_t stamp_ms = core->state.stamp_ms;
    hand_arm(play, letter->to);
    struct kc_result result = kc_slot_take(&out, whole_slot(play->whole, letter->to),
                                           kc_view(letter->bytes, letter->size));
    uint64_t number = kc_failed(result) ? 0 : kc_shape_number(out);
    hand_trace(play, "purse %u takes a reply (%" PRIu64 "): %s", letter->to, number,
               kc_error_name(result.code));
    play->says_next =
        number == kc_cash_quote_shape.number || number == kc_transfer_quote_shape.number;
    play->sayer = letter->to;
    *error = result.code;
    return hand_look(play, letter->to, COMMAND_TAKE, result) &&
           (play->truth.rogue[play->whole->purses[letter->to].holder] ||
            rolled_reply(&play->truth, letter->to, letter->roll, held, stamp_ms, result));
}

/* A station fetches the bank's records when a reply does not verify, and hands it in again. */
static bool deliver_reply(struct play *play, const struct letter *letter)
{
    enum kc_error error = KC_OK;
    bool good = take_reply(play, letter, &error);
    bool learns = play->truth.rolls && good && hand_chance(play, 80) &&
                  (error == KC_UNKNOWN_SIGNER || error == KC_BAD_SIGNATURE);
    return !learns ? good : roll_learn(play, letter->to) && take_reply(play, letter, &error);
}

static bool deliver_key_request(struct play *play, const struct letter *letter)
{
    struct kc_view reply;
    struct whole_outside *outside = &play->whole->outside;
    if (outside->mood == OUTSIDE_AWAY) {
        hand_trace(play, "the authority is away");
        return true;
    }
    struct kc_result result =
        whole_authority_serve(&reply, play->whole, kc_view(letter->bytes, letter->size));
    hand_trace(play, "the authority hears purse %u: %s", letter->from, kc_error_name(result.code));
    if (reply.size > 0 && outside->mood == OUTSIDE_ANSWERS) {
        hand_send(play, LETTER_KEY_REPLY, letter->from, letter->from, reply);
    }
    return truth_bank(&play->truth);
}

bool hand_fetch(struct play *play, unsigned place)
{
    struct kc_view out;
    struct kc_result result = whole_bank_card(&out, play->whole, play->whole->purses[place].holder);
    play->whole->store.fault = RAM_GOOD;
    play->tally.served += 1;
    hand_trace(play, "the bank certifies card %u: %s", place, kc_error_name(result.code));
    if (!kc_failed(result)) {
        hand_send(play, LETTER_CERTIFIED, place, place, out);
    }
    return truth_bank(&play->truth);
}

static bool deliver_certified(struct play *play, const struct letter *letter)
{
    hand_arm(play, letter->to);
    struct kc_result result = kc_slot_take_certified(whole_slot(play->whole, letter->to),
                                                     kc_view(letter->bytes, letter->size));
    hand_trace(play, "purse %u takes a card's certified value: %s", letter->to,
               kc_error_name(result.code));
    return hand_look(play, letter->to, COMMAND_TAKE, result);
}

bool hand_deliver(struct play *play, const struct letter *letter)
{
    if (letter->kind != LETTER_NONE && !play->whole->purses[letter->to].there) {
        return true;
    }
    switch (letter->kind) {
    case LETTER_NONE:
        return true;
    case LETTER_IDENTIFY:
        return deliver_identify(play, letter);
    case LETTER_OFFER:
        return deliver_offer(play, letter);
    case LETTER_PAYMENT:
        return deliver_payment(play, letter);
    case LETTER_ANSWER:
        return deliver_answer(play, letter);
    case LETTER_REQUEST:
        return deliver_request(play, letter);
    case LETTER_REPLY:
        return deliver_reply(play, letter);
    case LETTER_CERTIFIED:
        return deliver_certified(play, letter);
    case LETTER_KEY_REQUEST:
        return deliver_key_request(play, letter);
    case LETTER_KEY_REPLY:
        return deliver_reply(play, letter);
    }
    return false;
}

/* Mostly to an account of the world, where there are cards often to one of them; else to one that nobody has. */
static uint64_t some_account(struct play *play)
{
    unsigned holder = (unsigned)hand_below(play, play->habits.holders);
    if (play->whole == play->mixed && hand_chance(play, 40)) {
        unsigned cards = play->habits.holders > PLAY_CARD ? 2 : 1;
        holder = PLAY_BEARER + (unsigned)hand_below(play, cards);
    }
    return hand_chance(play, 95) ? play->whole->holders[holder].account.number
                                 : kc_account_nth(999999).number;
}

static struct kc_result ask_transfer(struct kc_view *out, struct play *play, unsigned place,
                                     const struct truth_wish *wish)
{
    const struct kc_account_id to = {.number = wish->to};
    return kc_slot_transfer_request(out, whole_slot(play->whole, place),
                                    wish->from_purse ? KC_TRANSFER_SOURCE_PURSE
                                                     : KC_TRANSFER_SOURCE_ACCOUNT,
                                    to, amount_of(wish->amount), clock_of(play, place));
}

static struct kc_result ask(struct kc_view *out, struct play *play, unsigned place,
                            enum hand_wish wish, uint64_t minor)
{
    struct kc_slot *slot = whole_slot(play->whole, place);
    uint64_t now = clock_of(play, place);
    struct kc_amount amount = amount_of(minor);
    switch (wish) {
    case WISH_WITHDRAW:
        return kc_slot_cash_request(out, slot, KC_CASH_KIND_WITHDRAW, amount, now);
    case WISH_DEPOSIT:
        return kc_slot_cash_request(out, slot, KC_CASH_KIND_DEPOSIT, amount, now);
    case WISH_FUND:
        return kc_slot_fund_request(out, slot, KC_FUND_KIND_FUND, amount, now);
    case WISH_REDEEM:
        return kc_slot_fund_request(out, slot, KC_FUND_KIND_REDEEM, amount, now);
    case WISH_TRANSFER:
    case WISH_TRANSFER_ACCOUNT:
        break;
    case WISH_OK:
        return kc_slot_answer(out, slot, KC_ANSWER_OK, now);
    case WISH_NO:
        return kc_slot_answer(out, slot, KC_ANSWER_NG, now);
    case WISH_STATE:
        return kc_slot_state_request(out, slot, now);
    case WISH_REPORT:
        return kc_slot_settle_request(out, slot, now);
    case WISH_REPEAT:
        return kc_slot_repeat(out, slot);
    case WISH_RENEW:
        return kc_slot_renew_request(out, slot, now);
    case WISH_CLAIM:
        return kc_slot_handover(out, slot, KC_HANDOVER_STEP_CLAIM, now);
    case WISH_KEYS:
        return kc_slot_handover(out, slot, KC_HANDOVER_STEP_REQUEST, now);
    case WISH_CONFIRM:
        return kc_slot_handover(out, slot, KC_HANDOVER_STEP_CONFIRM, now);
    }
    return kc_result(KC_INTERNAL);
}

bool hand_ask(struct play *play, unsigned place, enum hand_wish wish, uint64_t amount)
{
    static const char *const words[] = {"withdraw",   "deposit",      "fund",
                                        "redeem",     "transfer",     "transfer from the account",
                                        "say OK",     "say NG",       "ask the state",
                                        "report",     "repeat",       "renew",
                                        "claim keys", "ask for keys", "confirm keys"};
    struct kc_view out;
    bool transfer = wish == WISH_TRANSFER || wish == WISH_TRANSFER_ACCOUNT;
    struct truth_wish wanted = {.amount = amount, .from_purse = wish == WISH_TRANSFER};
    bool says = wish == WISH_OK || wish == WISH_NO;
    if (hand_type(play, place) == KC_PURSE_TYPE_BEARER && hand_chance(play, 80)) {
        return hand_fetch(play, place);
    }
    if (says) {
        truth_says(&play->truth, place, wish == WISH_OK);
    }
    wanted.to = transfer ? some_account(play) : 0;
    if (transfer && wanted.to == play->whole->holders[PLAY_BEARER].account.number &&
        play->whole->base->options.mixed) {
        amount = 1 + amount % WHOLE_BEARER_MOST;
        wanted.amount = amount;
    }
    hand_arm(play, place);
    struct kc_result result =
        transfer ? ask_transfer(&out, play, place, &wanted) : ask(&out, play, place, wish, amount);
    hand_trace(play, "purse %u, to %s %" PRIu64 ": %s", place, words[wish], amount,
               kc_error_name(result.code));
    if (!kc_failed(result)) {
        hand_send(play, LETTER_REQUEST, place, place, out);
        /* What is repeated was sealed by what the purse knew then. */
        struct letter *sent = &play->letters[play->newest];
        sent->roll = wish == WISH_REPEAT ? ROLLED_UNKNOWN : sent->roll;
    }
    bool good = hand_look(play, place, says ? COMMAND_ANSWER : COMMAND_OTHER, result);
    if (transfer) {
        truth_wishes(&play->truth, place, wanted);
    }
    return good;
}
