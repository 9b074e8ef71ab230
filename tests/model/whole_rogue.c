#include "whole_rogue.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "whole_hand.h"
#include "whole_rolled.h"

/* ---- forged messages ---- */

static void change_bytes(struct play *play, struct letter *letter)
{
    if (letter->size == 0) {
        return;
    }
    switch (hand_below(play, 3)) {
    case 0:
        letter->bytes[hand_below(play, letter->size)] ^= (uint8_t)(1u << hand_below(play, 8));
        break;
    case 1:
        letter->size = hand_below(play, letter->size);
        break;
    default:
        letter->bytes[hand_below(play, letter->size)] = (uint8_t)hand_below(play, 256);
        break;
    }
}

static void encode(struct letter *letter, const struct kc_shape *shape, const void *message)
{
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    if (!kc_failed(kc_shape_encode(&out, shape, message))) {
        memcpy(letter->bytes, bytes, out.size);
        letter->size = out.size;
    }
}

/* Another message of the same kind that is on its way. */
static const struct letter *another(struct play *play, const struct letter *letter)
{
    size_t first = hand_below(play, PLAY_LETTERS);
    for (size_t i = 0; i < PLAY_LETTERS; i++) {
        const struct letter *other = &play->letters[(first + i) % PLAY_LETTERS];
        if (other->kind == letter->kind && other->size > 0) {
            return other;
        }
    }
    return letter;
}

/* Parts of one message in another, and claims that a message does not bear out. */
static void change_parts(struct play *play, struct letter *letter)
{
    struct kc_payment payment;
    struct kc_payment other_payment;
    struct kc_payment_answer answer;
    struct kc_payee_identity offer;
    const struct letter *other = another(play, letter);
    const struct kc_view bytes = kc_view(letter->bytes, letter->size);
    const struct kc_view others = kc_view(other->bytes, other->size);
    if (letter->kind == LETTER_PAYMENT &&
        !kc_failed(kc_shape_decode(&payment, &kc_payment_shape, bytes)) &&
        !kc_failed(kc_shape_decode(&other_payment, &kc_payment_shape, others))) {
        payment.has_identity = payment.has_identity || other_payment.has_identity;
        payment.identity = other_payment.has_identity ? other_payment.identity : payment.identity;
        encode(letter, &kc_payment_shape, &payment);
    } else if (letter->kind == LETTER_ANSWER &&
               !kc_failed(kc_shape_decode(&answer, &kc_payment_answer_shape, bytes))) {
        answer.taken = !answer.taken;
        encode(letter, &kc_payment_answer_shape, &answer);
    } else if (letter->kind == LETTER_OFFER &&
               !kc_failed(kc_shape_decode(&offer, &kc_payee_identity_shape, bytes))) {
        uint64_t shift = hand_below(play, 4);
        offer.counter += offer.counter + shift > 2 ? shift - 2 : 0;
        offer.counter += offer.counter == 0 ? 1 : 0;
        encode(letter, &kc_payee_identity_shape, &offer);
    } else {
        change_bytes(play, letter);
    }
}

bool rogue_forge(struct play *play, size_t index)
{
    const struct letter *letter = &play->letters[index];
    if (letter->kind == LETTER_NONE) {
        return true;
    }
    memcpy(&play->work, letter, offsetof(struct letter, bytes) + letter->size);
    if (hand_chance(play, 50)) {
        change_bytes(play, &play->work);
    } else {
        change_parts(play, &play->work);
    }
    play->work.roll = ROLLED_UNKNOWN;
    hand_trace(play, "a message is forged");
    return hand_deliver(play, &play->work);
}

/* ---- copies ---- */

/* Of a card's copies there may be some while all users are honest. */
static unsigned some_rogue(struct play *play)
{
    unsigned users = play->habits.rogues & 3u;
    if (play->habits.rogues != users && (users == 0 || hand_chance(play, 60))) {
        return PLAY_BEARER;
    }
    return users == 3 ? (unsigned)hand_below(play, 2) : 0;
}

bool rogue_copy(struct play *play)
{
    size_t index = hand_below(play, PLAY_COPIES);
    unsigned holder = some_rogue(play);
    if (!play->has_copy[index] || hand_chance(play, 30)) {
        hand_trace(play, "purse %u is copied", holder);
        nvm_save(&play->copies[index], &play->whole->purses[holder].nvm);
        play->copy_holder[index] = holder;
        play->has_copy[index] = true;
        return true;
    }
    holder = play->copy_holder[index];
    bool beside = hand_chance(play, 60);
    unsigned place = beside ? WHOLE_PLACES_MAX - 1 - (unsigned)index : holder;
    hand_trace(play, "the copy of purse %u is put into place %u", holder, place);
    whole_place(play->whole, place, holder, &play->copies[index]);
    truth_new_place(&play->truth, place);
    return true;
}

/* ---- signed by a rogue's key, but by no purse ---- */

/* A thief may have any key of a rogue's purse: the one that it was personalised with, the one in force, or that of a copy which
 * renewed it, or did not. */
static unsigned some_purse(struct play *play, unsigned rogue)
{
    unsigned copy = WHOLE_PLACES_MAX - 1 - (unsigned)hand_below(play, PLAY_COPIES);
    const struct whole_purse *purse = &play->whole->purses[copy];
    bool copied = purse->there && purse->holder == rogue && hand_chance(play, 50);
    return copied ? copy : rogue;
}

struct thief {
    const struct kc_private_key *key;
    size_t size; /* of the identity that shows it */
    uint8_t identity[KC_RECORD_SIZE_MAX];
};

static void choose_key(struct thief *out, struct play *play, unsigned rogue)
{
    struct kc_view identity;
    const struct whole_holder *holder = &play->whole->holders[rogue];
    out->key = &holder->sign_key;
    out->size = holder->identity_size;
    memcpy(out->identity, holder->identity, holder->identity_size);
    if (!play->habits.renewed || hand_chance(play, 40)) {
        return;
    }
    unsigned place = some_purse(play, rogue);
    if (kc_failed(kc_slot_identity(&identity, whole_slot(play->whole, place))) ||
        identity.size > sizeof out->identity) {
        return;
    }
    out->key = &play->whole->purses[place].core.sign_key;
    out->size = identity.size;
    memcpy(out->identity, identity.data, identity.size);
}

static struct kc_view sign(struct kc_buffer *out, struct play *play,
                           const struct kc_private_key *key, const struct kc_shape *shape,
                           const void *record)
{
    uint8_t plain_bytes[512];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    const struct whole_base *base = play->whole->base;
    const char *domain = hand_chance(play, 5) ? kc_receipt_shape.domain : shape->domain;
    struct kc_realm realm = base->realm;
    realm.bank += hand_chance(play, 5) ? 1 : 0;
    struct kc_result result = kc_shape_encode(&plain, shape, record);
    if (!kc_failed(result)) {
        result = kc_sign_brief(out, &play->whole->bank.crypto, key, &realm, domain,
                               kc_buffer_view(&plain));
    }
    KC_ASSERT(!kc_failed(result));
    return kc_buffer_view(out);
}

/* An order to somebody's next counter, of the rogue or, as it says, of another; signed by the rogue's key. */
static bool sign_order(struct play *play, unsigned rogue)
{
    uint8_t bytes[KC_ORDER_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_purse_info payee;
    struct kc_purse_info payer;
    unsigned to = (unsigned)hand_below(play, play->habits.holders);
    unsigned as = hand_chance(play, 60) ? rogue : (unsigned)hand_below(play, play->habits.holders);
    struct thief thief;
    bool forges = play->whole->purses[rogue].believes_all && hand_chance(play, 50);
    if (forges) {
        /* Value from nowhere: its purse believes it, and pays it on. */
        to = rogue;
        as = 1 - (rogue & 1u);
    }
    const struct whole_holder *holder = &play->whole->holders[as];
    if (to == as || kc_failed(kc_slot_info(&payee, whole_slot(play->whole, to))) ||
        kc_failed(kc_slot_info(&payer, whole_slot(play->whole, as)))) {
        return true;
    }
    struct kc_payment_order order = {
        .payee = payee.account,
        .payee_purse = payee.purse,
        .payer = holder->account,
        .payer_purse = holder->purse,
        .time_ms = play->whole->now_ms,
        .payer_counter = payer.counter + hand_below(play, 3),
        .payee_counter = payee.counter + (hand_chance(play, 80) ? 1 : hand_below(play, 4))};
    order.payer_counter += order.payer_counter == 0 ? 1 : 0;
    struct kc_result result =
        kc_amount_from_minor(&order.amount, 1 + hand_below(play, forges ? 1000 : 60));
    KC_ASSERT(!kc_failed(result));
    memcpy(order.head, &play->rng.state, sizeof play->rng.state);
    choose_key(&thief, play, rogue);
    if (play->habits.renewed && hand_chance(play, 30)) {
        /* From before or after the end of a key. */
        order.payer_counter = 1 + hand_below(play, payer.counter + 3);
    }
    struct kc_payment payment = {
        .has_identity = true,
        .identity = as == rogue ? kc_view(thief.identity, thief.size)
                                : kc_view(holder->identity, holder->identity_size)};
    payment.order = sign(&out, play, thief.key, &kc_payment_order_shape, &order);
    play->work = (struct letter){.kind = LETTER_PAYMENT, .from = as, .to = to};
    encode(&play->work, &kc_payment_shape, &payment);
    hand_trace(play, "rogue %u signs an order of %u to %u with counter %" PRIu64, rogue, as, to,
               order.payer_counter);
    return hand_deliver(play, &play->work);
}

/* An order of a copied card that the card never made: whoever had it in his hands knows all that its orders are made of. */
static struct kc_view sign_as_card(struct kc_buffer *out, const struct play *play,
                                   struct kc_view identity, const struct kc_payment_order *order)
{
    uint8_t plain_bytes[512];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_identity card;
    const struct whole_base *base = play->whole->base;
    const struct kc_crypto *crypto = &play->whole->bank.crypto;
    struct kc_result result =
        kc_identity_open(&card, crypto, &base->bank_sign_public, &base->realm, identity);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&plain, &kc_payment_order_shape, order);
    }
    if (!kc_failed(result)) {
        result = kc_brief_mac(out, crypto, card.secret, &base->realm, kc_payment_order_shape.domain,
                              kc_buffer_view(&plain));
    }
    KC_ASSERT(!kc_failed(result));
    return kc_buffer_view(out);
}

/* It says that less was spent than was, or nothing. */
static bool sign_card_order(struct play *play)
{
    uint8_t bytes[KC_ORDER_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_purse_info payee;
    struct kc_purse_info card;
    struct kc_view certified;
    unsigned to = (unsigned)hand_below(play, play->habits.holders);
    const struct whole_holder *holder = &play->whole->holders[PLAY_BEARER];
    if (to == PLAY_BEARER || kc_failed(kc_slot_info(&payee, whole_slot(play->whole, to))) ||
        kc_failed(kc_slot_info(&card, whole_slot(play->whole, PLAY_BEARER))) ||
        kc_failed(whole_bank_card(&certified, play->whole, PLAY_BEARER))) {
        return true;
    }
    struct kc_payment_order order = {.payee = payee.account,
                                     .payee_purse = payee.purse,
                                     .payer = holder->account,
                                     .payer_purse = holder->purse,
                                     .time_ms = play->whole->now_ms,
                                     .payer_counter = 1 + hand_below(play, card.counter + 3),
                                     .payee_counter = payee.counter + 1};
    struct kc_result result =
        kc_amount_from_minor(&order.amount, 1 + hand_below(play, WHOLE_BEARER_PAYMENT_MOST));
    if (!kc_failed(result) && order.payer_counter > 1) {
        memcpy(order.head, &play->rng.state, sizeof play->rng.state);
        result = kc_amount_from_minor(&order.paid, hand_below(play, WHOLE_BEARER_MOST));
    }
    KC_ASSERT(!kc_failed(result));
    struct kc_payment payment = {.has_identity = true,
                                 .identity = kc_view(holder->identity, holder->identity_size),
                                 .has_certified = true,
                                 .certified = certified};
    payment.order = sign_as_card(&out, play, payment.identity, &order);
    play->work = (struct letter){.kind = LETTER_PAYMENT, .from = PLAY_BEARER, .to = to};
    encode(&play->work, &kc_payment_shape, &payment);
    hand_trace(play, "an order of the card to %u is made, with counter %" PRIu64, to,
               order.payer_counter);
    return truth_bank(&play->truth) && hand_deliver(play, &play->work);
}

/* The rogue's word on a payment that is on its way to it. */
static bool sign_answer(struct play *play, unsigned rogue)
{
    uint8_t bytes[KC_PARTNER_ANSWER_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_payment payment;
    struct kc_payment_order order;
    struct kc_signed parsed;
    struct thief thief;
    struct kc_payment_answer answer = {.taken = hand_chance(play, 50)};
    const struct letter looked = {.kind = LETTER_PAYMENT};
    const struct letter *letter = another(play, &looked);
    if (letter->size == 0 ||
        kc_failed(
            kc_shape_decode(&payment, &kc_payment_shape, kc_view(letter->bytes, letter->size))) ||
        kc_failed(kc_brief_parse(&parsed, payment.order)) ||
        kc_failed(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload)) ||
        order.payee_purse.number != play->whole->holders[rogue].purse.number) {
        return true;
    }
    struct kc_receipt receipt = {.payee_purse = order.payee_purse,
                                 .counter = order.payee_counter,
                                 .time_ms = play->whole->now_ms};
    struct kc_decline decline = {.payee_purse = order.payee_purse,
                                 .counter = order.payee_counter,
                                 .reason = KC_DECLINED,
                                 .time_ms = play->whole->now_ms};
    kc_digest(&play->whole->bank.crypto, receipt.payment, payment.order);
    memcpy(decline.payment, receipt.payment, KC_DIGEST_SIZE);
    choose_key(&thief, play, rogue);
    answer.answer = answer.taken ? sign(&out, play, thief.key, &kc_receipt_shape, &receipt)
                                 : sign(&out, play, thief.key, &kc_decline_shape, &decline);
    play->work = (struct letter){.kind = LETTER_ANSWER, .from = rogue, .to = letter->from};
    encode(&play->work, &kc_payment_answer_shape, &answer);
    hand_trace(play, "rogue %u signs a %s for %u", rogue, answer.taken ? "receipt" : "decline",
               letter->from);
    return hand_deliver(play, &play->work);
}

bool rogue_sign(struct play *play)
{
    unsigned rogue = some_rogue(play);
    if (rogue == PLAY_BEARER) {
        return sign_card_order(play);
    }
    return hand_chance(play, 50) ? sign_order(play, rogue) : sign_answer(play, rogue);
}
