/* Sales to buyers whose stations have no purse (EP1221669 [0211]): the machine signs what it offers, the bank signs that it was
 * paid to the dealer's account, and the machine lets the item go for the bank's word.
 *
 *   offer --(paid at the bank)--> voucher --line `voucher`--> released, or stuck and owed
 *                                         └─line `unsold`───> owed: sold out, stuck or at another price meanwhile
 *
 * | cut after        | journal   | at the next start                     | the voucher again          |
 * |------------------|-----------|---------------------------------------|----------------------------|
 * | offer            | as before | nothing: an offer promises no item    | taken                      |
 * | voucher verified | as before | nothing                               | taken                      |
 * | line `voucher`   | voucher   | the stock tells: `released`, `stuck`  | gets that outcome          |
 * | item let go      | voucher   | `released`                            | gets that outcome          |
 *
 * The machine keeps no table of offers: its signature is on them, and whether one was used stands in the journal, after the line
 * that was the newest when it was made. The nonce says of which journal an offer is. No clock is looked at. */
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "message/cose.h"
#include "purse/apdu.h"
#include "vendor/sell.h"

#define OFFER_PLAIN_MAX 128u
/* The nonce begins with so much of the origin of the journal; the rest is random. */
#define ORIGIN_SIZE 8u

/* ---- the offer ---- */

static struct kc_result make_offer(struct kc_view *out, struct kc_machine *machine, uint64_t slot)
{
    uint8_t bytes[OFFER_PLAIN_MAX];
    struct kc_buffer plain = KC_BUFFER(bytes);
    struct kc_slot_ini item;
    enum kc_slot_state state;
    struct kc_result result = kc_machine_item(&item, &state, machine, slot);
    if (!kc_failed(result)) {
        result = kc_machine_check_room(machine);
    }
    if (kc_failed(result)) {
        return result;
    }
    struct kc_sale_offer offer = {.bank = machine->realm.bank,
                                  .machine = machine->purse,
                                  .dealer = machine->ini.dealer,
                                  .slot = slot,
                                  .price = item.price,
                                  .line = machine->journal.last,
                                  .time_ms = kc_clock_now_ms()};
    memcpy(offer.nonce, machine->journal.origin, ORIGIN_SIZE);
    result = machine->crypto.random(machine->crypto.context, offer.nonce + ORIGIN_SIZE,
                                    sizeof offer.nonce - ORIGIN_SIZE);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&plain, &kc_sale_offer_shape, &offer);
    }
    return kc_failed(result) ? result
                             : kc_slot_sign_sale(out, &machine->slot, kc_buffer_view(&plain));
}

struct kc_result kc_voucher_offer(struct kc_talk *talk, struct kc_view message)
{
    struct kc_offer_request request;
    struct kc_view view;
    uint8_t bytes[KC_SALE_SIGNED_MAX];
    struct kc_buffer offer = KC_BUFFER(bytes);
    struct kc_machine *machine = talk->machine;
    talk->selected = false;
    struct kc_result result = kc_shape_decode(&request, &kc_offer_request_shape, message);
    if (!kc_failed(result)) {
        result = make_offer(&view, machine, request.slot);
    }
    if (!kc_failed(result)) {
        result = kc_buffer_append(&offer, view);
    }
    if (!kc_failed(result)) {
        result = kc_slot_get(&view, &machine->slot, KC_TAG_IDENTITY);
    }
    if (!kc_failed(result)) {
        result = kc_talk_put(talk, view);
    }
    return kc_failed(result) ? result : kc_talk_put(talk, kc_buffer_view(&offer));
}

/* ---- the voucher ---- */

struct presented {
    struct kc_sale_offer offer;
    struct kc_voucher voucher;
    uint8_t reference[KC_DIGEST_SIZE];
};

static struct kc_result read_offer(struct presented *out, const struct kc_machine *machine,
                                   struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&out->offer, &kc_sale_offer_shape, parsed.payload);
    }
    if (!kc_failed(result) && out->offer.machine.number != machine->purse.number) {
        result = kc_result(KC_WRONG_MACHINE);
    }
    if (!kc_failed(result)) {
        result = kc_brief_verify(&parsed, &machine->crypto, &machine->party.key, &machine->realm,
                                 kc_sale_offer_shape.domain);
    }
    kc_digest(&machine->crypto, out->reference, bytes);
    return result;
}

static struct kc_result read_voucher(struct presented *out, struct kc_machine *machine,
                                     struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        /* They may have rolled over, or the old one have ended, since the machine was started. */
        result = kc_slot_bank_keys(&machine->bank, &machine->slot);
    }
    if (!kc_failed(result)) {
        result = kc_bank_verifier_signed(&machine->bank, &parsed, &machine->crypto, &machine->realm,
                                         kc_voucher_shape.domain);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&out->voucher, &kc_voucher_shape, parsed.payload);
    }
    if (!kc_failed(result) && out->voucher.bank != machine->realm.bank) {
        result = kc_result(KC_WRONG_DOMAIN);
    }
    return result;
}

/* Whether the bank's word is about this offer, to the last unit. */
static struct kc_result check_fit(const struct presented *presented)
{
    const struct kc_sale_offer *offer = &presented->offer;
    const struct kc_voucher *voucher = &presented->voucher;
    if (voucher->machine.number != offer->machine.number) {
        return kc_result(KC_WRONG_MACHINE);
    }
    bool fits = memcmp(voucher->reference, presented->reference, KC_DIGEST_SIZE) == 0 &&
                voucher->to.number == offer->dealer.number &&
                kc_amount_compare(voucher->amount, offer->price) == 0;
    return kc_result(fits ? KC_OK : KC_MISMATCH);
}

/* How a sale of this offer went that is in the journal. */
struct found {
    const uint8_t *reference;
    uint64_t sale; /* 0: it was never used */
    enum kc_sale_end end;
};

static struct kc_result look(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    struct found *found = owner;
    bool taken = line->kind == KC_SALE_KIND_VOUCHER || line->kind == KC_SALE_KIND_UNSOLD;
    (void)bytes;
    if (taken && memcmp(line->about, found->reference, KC_DIGEST_SIZE) == 0) {
        found->sale = line->number;
        found->end = KC_SALE_END_STUCK;
    }
    bool released = found->sale != 0 && line->kind == KC_SALE_KIND_RELEASED;
    if (released && line->sale == found->sale) {
        found->end = KC_SALE_END_RELEASED;
    }
    return kc_ok();
}

/* The line that says what becomes of it, before anything does. */
static struct kc_result note_taken(struct kc_talk *talk, const struct presented *presented)
{
    struct kc_slot_ini item;
    enum kc_slot_state state;
    const struct kc_sale_offer *offer = &presented->offer;
    struct kc_sale line = {.kind = KC_SALE_KIND_VOUCHER,
                           .slot = offer->slot,
                           .amount = offer->price,
                           .has_account = true,
                           .account = presented->voucher.payer};
    struct kc_result can = kc_machine_item(&item, &state, talk->machine, offer->slot);
    if (!kc_failed(can) && kc_amount_compare(item.price, offer->price) != 0) {
        can = kc_result(KC_WRONG_PRICE);
    }
    if (kc_failed(can)) {
        line.kind = KC_SALE_KIND_UNSOLD;
        line.reason = can.code;
    }
    memcpy(line.about, presented->reference, KC_DIGEST_SIZE);
    kc_machine_stop_after(talk->machine, "believed");
    struct kc_result result = kc_machine_note(talk->machine, &line);
    talk->fatal = kc_failed(result);
    talk->sale = line.number;
    talk->outcome = KC_SALE_END_STUCK;
    *talk->sold = (struct kc_sold){.sale = line.number,
                                   .slot = offer->slot,
                                   .amount = offer->price,
                                   .account = presented->voucher.payer,
                                   .stuck = true};
    if (kc_failed(can) && !kc_failed(result)) {
        kc_log(KC_LOG_WARN, "a voucher was taken and nothing let go reason=%s",
               kc_error_name(can.code));
    }
    return result;
}

static struct kc_result take(struct kc_talk *talk, const struct presented *presented)
{
    struct kc_result result = kc_machine_check_room(talk->machine);
    if (!kc_failed(result)) {
        result = note_taken(talk, presented);
    }
    if (kc_failed(result) || talk->machine->open.number != talk->sale) {
        return result;
    }
    result = kc_machine_release(talk->machine);
    talk->fatal = kc_failed(result) && result.code != KC_ITEM_STUCK;
    talk->outcome = kc_failed(result) ? KC_SALE_END_STUCK : KC_SALE_END_RELEASED;
    talk->sold->stuck = kc_failed(result);
    return talk->fatal ? result : kc_ok();
}

struct kc_result kc_voucher_sell(struct kc_talk *talk, struct kc_view message)
{
    struct presented presented;
    struct kc_voucher_sale sale;
    struct kc_machine *machine = talk->machine;
    struct found found = {.reference = presented.reference};
    talk->selected = false;
    struct kc_result result = kc_shape_decode(&sale, &kc_voucher_sale_shape, message);
    if (!kc_failed(result)) {
        result = read_offer(&presented, machine, sale.offer);
    }
    if (!kc_failed(result)) {
        result = read_voucher(&presented, machine, sale.voucher);
    }
    if (!kc_failed(result)) {
        result = check_fit(&presented);
    }
    /* Of a journal that is gone nobody knows what was sold. Its numbers may come again, its first line does not. */
    if (!kc_failed(result) &&
        memcmp(presented.offer.nonce, machine->journal.origin, ORIGIN_SIZE) != 0) {
        result = kc_result(KC_STALE_STATE);
    }
    if (!kc_failed(result)) {
        result = kc_journal_read(&machine->journal, presented.offer.line + 1, look, &found);
    }
    if (!kc_failed(result) && found.sale == 0) {
        result = take(talk, &presented);
    } else if (!kc_failed(result)) {
        talk->sale = found.sale;
        talk->outcome = found.end;
    }
    const struct kc_sale_outcome outcome = {.outcome = talk->outcome, .sale = talk->sale};
    return kc_failed(result) ? result : kc_talk_shape(talk, &kc_sale_outcome_shape, &outcome);
}
