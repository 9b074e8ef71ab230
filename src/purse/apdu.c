/* APDUs: parsing, chaining, the table of instructions, responses. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

#define SW_OK 0x9000u
#define SW_MORE 0x6100u
#define SHORT_MAX 255u
#define SELECT_BY_NAME 4u /* P1 of SELECT (ISO 7816-4 §7.1.1) */

/* What a command uses of its head and data; what it has no use for must be zero or absent, so that a later version can give
 * it a meaning. */
#define P1_USED 1u
#define P2_USED 2u
#define P2_REFERENCE 4u /* names the one PIN: 0 or 1 (ISO 7816-4 §7.5.1) */
#define DATA_USED 8u
/* Wants a key of the purse's own, which a bearer card has not. */
#define KEY_USED 16u

struct instruction {
    uint8_t cla;
    uint8_t ins;
    bool needs_pin;
    unsigned uses;
    unsigned lives;
    struct kc_result (*run)(struct kc_purse *purse, const struct kc_apdu *apdu);
};

#define IN(life) (1u << (life))
#define EARLY (IN(KC_LIFE_BLANK) | IN(KC_LIFE_PERSONALISING))
#define WORKING                                                                                    \
    (IN(KC_LIFE_READY) | IN(KC_LIFE_REQUESTED) | IN(KC_LIFE_QUOTED) | IN(KC_LIFE_ANSWERED))
#define ALWAYS (EARLY | WORKING | IN(KC_LIFE_BLOCKED))
/* A new request may drop one that has no answer from the user yet. */
#define MAY_REQUEST (IN(KC_LIFE_READY) | IN(KC_LIFE_REQUESTED) | IN(KC_LIFE_QUOTED))
#define PERSONALISING IN(KC_LIFE_PERSONALISING)
#define QUOTED IN(KC_LIFE_QUOTED)
#define PIN_PARTS (P2_REFERENCE | DATA_USED)
#define KEY_AND_DATA (KEY_USED | DATA_USED)
#define P1_AND_DATA (P1_USED | DATA_USED)

static const struct instruction instructions[] = {
    {KC_CLA_STANDARD, KC_INS_VERIFY_PIN, false, PIN_PARTS, WORKING, kc_purse_verify_pin},
    {KC_CLA_STANDARD, KC_INS_CHANGE_PIN, true, PIN_PARTS, WORKING, kc_purse_change_pin},
    {KC_CLA_STANDARD, KC_INS_GET_DATA, false, P1_USED | P2_USED, ALWAYS, kc_purse_get_data},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, false, P1_AND_DATA, EARLY, kc_purse_put_data},
    {KC_CLA_KINCHAKU, KC_INS_PUT_KEY, false, KEY_USED | P1_AND_DATA, EARLY, kc_purse_put_key},
    {KC_CLA_KINCHAKU, KC_INS_GENERATE, false, KEY_USED | P1_USED, EARLY, kc_purse_generate},
    {KC_CLA_KINCHAKU, KC_INS_PROVE, false, KEY_USED, PERSONALISING, kc_purse_prove},
    {KC_CLA_KINCHAKU, KC_INS_ACTIVATE, false, 0, PERSONALISING, kc_purse_activate},
    {KC_CLA_KINCHAKU, KC_INS_CASH_REQUEST, true, KEY_AND_DATA, MAY_REQUEST, kc_purse_cash_request},
    {KC_CLA_KINCHAKU, KC_INS_FUND_REQUEST, true, KEY_AND_DATA, MAY_REQUEST, kc_purse_fund_request},
    {KC_CLA_KINCHAKU, KC_INS_TRANSFER_REQUEST, true, KEY_AND_DATA, MAY_REQUEST,
     kc_purse_transfer_request},
    {KC_CLA_KINCHAKU, KC_INS_ANSWER, true, KEY_USED | P1_AND_DATA, QUOTED, kc_purse_answer},
    {KC_CLA_KINCHAKU, KC_INS_STATE_REQUEST, true, KEY_AND_DATA, WORKING, kc_purse_state_request},
    {KC_CLA_KINCHAKU, KC_INS_TAKE, false, KEY_AND_DATA, WORKING, kc_purse_take},
    {KC_CLA_KINCHAKU, KC_INS_REPEAT, true, KEY_USED, WORKING, kc_purse_repeat},
    {KC_CLA_KINCHAKU, KC_INS_IDENTIFY, false, P1_USED, WORKING, kc_purse_identify},
    {KC_CLA_KINCHAKU, KC_INS_OFFER, true, KEY_AND_DATA, WORKING, kc_purse_offer},
    {KC_CLA_KINCHAKU, KC_INS_PAY, true, DATA_USED, WORKING, kc_purse_pay},
    {KC_CLA_KINCHAKU, KC_INS_EXAMINE, true, KEY_AND_DATA, WORKING, kc_purse_examine},
    {KC_CLA_KINCHAKU, KC_INS_DECIDE, true, KEY_USED | P1_AND_DATA | P2_USED, WORKING,
     kc_purse_decide},
    {KC_CLA_KINCHAKU, KC_INS_CONCLUDE, true, DATA_USED, WORKING, kc_purse_conclude},
    {KC_CLA_KINCHAKU, KC_INS_OPEN_PAYMENT, true, P1_USED, WORKING, kc_purse_open_again},
    {KC_CLA_KINCHAKU, KC_INS_SETTLE_REQUEST, true, KEY_AND_DATA, WORKING, kc_purse_settle_request},
    {KC_CLA_KINCHAKU, KC_INS_TAKE_CERTIFIED, false, DATA_USED, WORKING, kc_purse_take_certified},
    {KC_CLA_KINCHAKU, KC_INS_TAKE_HOTLIST, false, DATA_USED, WORKING, kc_purse_take_hotlist},
    {KC_CLA_KINCHAKU, KC_INS_TAKE_ROLL, false, P1_AND_DATA, WORKING, kc_purse_take_roll},
    {KC_CLA_KINCHAKU, KC_INS_TAKE_NOTICE, false, DATA_USED, WORKING, kc_purse_take_notice},
    {KC_CLA_KINCHAKU, KC_INS_RENEW_REQUEST, true, KEY_AND_DATA, MAY_REQUEST,
     kc_purse_renew_request},
    {KC_CLA_KINCHAKU, KC_INS_HANDOVER, true, KEY_USED | P1_AND_DATA, MAY_REQUEST,
     kc_purse_handover},
    {KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, true, KEY_AND_DATA, WORKING, kc_purse_sign_sale},
};

struct kc_result kc_purse_respond(struct kc_purse *purse, struct kc_view bytes)
{
    if (bytes.size > sizeof purse->output) {
        return kc_result(KC_BUFFER_SMALL);
    }
    memmove(purse->output, bytes.data, bytes.size);
    purse->output_size = bytes.size;
    return kc_ok();
}

/* ---- GET DATA ---- */

static struct kc_result get_info(struct kc_purse *purse)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    const struct kc_purse_state *state = &purse->state;
    struct kc_purse_info info = {.life = state->life,
                                 .suite = state->suite,
                                 .bank = purse->settings.bank,
                                 .currency = purse->settings.currency,
                                 .decimals = purse->settings.decimals,
                                 .purse_type = purse->settings.purse_type,
                                 .account = purse->settings.account,
                                 .purse = purse->settings.purse,
                                 .value = state->value,
                                 .account_amount = purse->certified.account_amount,
                                 .time_ms = purse->certified.time_ms,
                                 .sequence = purse->certified.sequence,
                                 .counter = state->counter,
                                 .pin_tries = state->pin_tries,
                                 .has_pending = state->pending_ms != 0,
                                 .pending_ms = state->pending_ms,
                                 .pending_amount = state->pending_amount,
                                 .uncovered = kc_purse_uncovered(purse),
                                 .overwritten = kc_purse_log_base(purse) - purse->certified.counter,
                                 .log_policy = purse->certified.log_policy,
                                 .log_room = kc_purse_log_room(purse),
                                 .purse_most = purse->certified.purse_most,
                                 .payment_most = purse->certified.payment_most,
                                 .spend_left = kc_purse_spend_left(purse),
                                 .count_left = kc_purse_count_left(purse),
                                 .valid_until_ms = purse->certified.valid_until_ms,
                                 .hotlist = purse->hotlist.version,
                                 .url = purse->settings.url,
                                 .user_id = purse->settings.user_id,
                                 .has_charge = purse->certified.has_charge,
                                 .charge = purse->certified.charge,
                                 .has_charge_due = purse->certified.has_charge_due,
                                 .charge_due_ms = purse->certified.charge_due_ms,
                                 .has_charge_amount = purse->certified.has_charge_amount,
                                 .charge_amount = purse->certified.charge_amount,
                                 .handover = state->handover,
                                 .has_key_ready = state->has_key_ready,
                                 .key_ready_ms = state->key_ready_ms,
                                 .hotlist_base = purse->hotlist.base};
    if (state->settings.size == 0) {
        info.purse_type = KC_PURSE_TYPE_UIM;
    }
    if (state->certified.size == 0) {
        info.log_policy = KC_LOG_POLICY_REFUSE;
    }
    struct kc_result result = kc_purse_open_sum(&info.open, state);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&out, &kc_purse_info_shape, &info);
    }
    purse->output_size = out.size;
    return result;
}

static struct kc_result get_history(struct kc_purse *purse, uint8_t back)
{
    struct kc_log_slot slot;
    if (back >= purse->state.counter || back >= KC_LOG_COUNT) {
        return kc_result(KC_NOT_FOUND);
    }
    struct kc_result result = kc_purse_log_get(&slot, purse, purse->state.counter - back);
    return kc_failed(result) ? result : kc_purse_respond(purse, slot.entry);
}

static struct kc_result get_static(struct kc_purse *purse, unsigned item)
{
    struct kc_view content;
    unsigned place = kc_purse_static_place(item, purse->state.key_set);
    struct kc_result result = kc_purse_static_get(&content, purse, place);
    return kc_failed(result) ? result : kc_purse_respond(purse, content);
}

static struct kc_result get_record(struct kc_purse *purse, struct kc_view record)
{
    return record.size == 0 ? kc_result(KC_NOT_FOUND) : kc_purse_respond(purse, record);
}

static struct kc_result get_hotlist(struct kc_purse *purse, bool delta)
{
    struct kc_view list;
    struct kc_result result = kc_purse_hotlist_get(&list, purse, delta);
    return kc_failed(result) ? result : kc_purse_respond(purse, list);
}

/* Only while they are of use; what stands in the place else may be torn. */
static struct kc_result get_next_keys(struct kc_purse *purse)
{
    bool waits = purse->state.handover == KC_HANDOVER_WAITING ||
                 purse->state.handover == KC_HANDOVER_CHANGED;
    return waits ? get_static(purse, KC_STATIC_NEXT_KEYS) : kc_result(KC_NOT_FOUND);
}

static struct kc_result get_roll(struct kc_purse *purse, uint8_t back)
{
    struct kc_view roll;
    struct kc_result result = kc_purse_roll_get(&roll, purse, back);
    return kc_failed(result) ? result : kc_purse_respond(purse, roll);
}

static struct kc_result get_notice(struct kc_purse *purse)
{
    struct kc_view bytes;
    struct kc_noticed_keys notice;
    struct kc_result result = kc_purse_notice_get(&bytes, &notice, purse);
    return kc_failed(result) ? result : kc_purse_respond(purse, bytes);
}

/* The issuing certificate that the bank told of last, or that of personalisation. */
static struct kc_result get_issuer(struct kc_purse *purse)
{
    struct kc_view bytes;
    struct kc_noticed_keys notice;
    struct kc_result result = kc_purse_notice_get(&bytes, &notice, purse);
    if (result.code == KC_NOT_FOUND) {
        return get_static(purse, KC_STATIC_AUTHORITY_CERTIFICATE);
    }
    return kc_failed(result) ? result : kc_purse_respond(purse, notice.issuer);
}

/* The key in force, or the one before it as long as it counts. */
static struct kc_result get_bank_key(struct kc_purse *purse, uint8_t back)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    bool former =
        purse->bank_former.type != KC_KEY_NONE && purse->state.stamp_ms < purse->roll_until_ms;
    const struct kc_public_key *key = back == 0 ? &purse->bank_verify : &purse->bank_former;
    if (back > 1 || (back == 1 && !former) || key->type == KC_KEY_NONE) {
        return kc_result(KC_NOT_FOUND);
    }
    struct kc_result result = kc_key_encode(&out, key);
    purse->output_size = out.size;
    return result;
}

static struct kc_result get_private(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_view information;
    if (!kc_purse_is_unlocked(purse)) {
        return kc_result(KC_PIN_REQUIRED);
    }
    if (apdu->p1 == KC_TAG_HISTORY) {
        return get_history(purse, apdu->p2);
    }
    struct kc_result result = kc_purse_information(&information, purse, true);
    return kc_failed(result) ? result : kc_purse_respond(purse, information);
}

struct kc_result kc_purse_get_data(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    bool has_p2 =
        apdu->p1 == KC_TAG_HISTORY || apdu->p1 == KC_TAG_ROLL || apdu->p1 == KC_TAG_BANK_VERIFY_KEY;
    if (apdu->p2 != 0 && !has_p2) {
        return kc_result(KC_MALFORMED);
    }
    switch (apdu->p1) {
    case KC_TAG_INFO:
        return get_info(purse);
    case KC_TAG_IDENTITY:
        return get_record(purse, purse->state.identity);
    case KC_TAG_CERTIFIED:
        return get_record(purse, purse->state.certified);
    case KC_TAG_HISTORY:
    case KC_TAG_INFORMATION:
        return get_private(purse, apdu);
    case KC_TAG_HOTLIST:
    case KC_TAG_HOTLIST_DELTA:
        return get_hotlist(purse, apdu->p1 == KC_TAG_HOTLIST_DELTA);
    case KC_TAG_BANK_VERIFY_KEY:
        return get_bank_key(purse, apdu->p2);
    case KC_TAG_ROLL:
        return get_roll(purse, apdu->p2);
    case KC_TAG_NOTICE:
        return get_notice(purse);
    case KC_TAG_AUTHORITY_CERTIFICATE:
        return get_issuer(purse);
    case KC_TAG_NEXT_KEYS:
        return get_next_keys(purse);
    case KC_TAG_SIGN_CERTIFICATE:
    case KC_TAG_ENCRYPT_CERTIFICATE:
    case KC_TAG_BANK_SIGN_CERTIFICATE:
    case KC_TAG_BANK_ENCRYPT_CERTIFICATE:
        return get_static(purse, KC_STATIC_SIGN_CERTIFICATE +
                                     (apdu->p1 - (unsigned)KC_TAG_SIGN_CERTIFICATE));
    default:
        return kc_result(KC_NOT_FOUND);
    }
}

/* ---- commands ---- */

/* A parsed command: Lc and Le in their short or extended forms (ISO 7816-4 §5.1). */
struct parsed {
    uint8_t cla;
    struct kc_apdu apdu;
    bool extended;
};

static struct kc_result parse(struct parsed *out, struct kc_view command)
{
    const uint8_t *bytes = command.data;
    if (command.size < 4) {
        return kc_result(KC_TOO_LARGE);
    }
    *out =
        (struct parsed){.cla = bytes[0], .apdu = {.ins = bytes[1], .p1 = bytes[2], .p2 = bytes[3]}};
    size_t rest = command.size - 4;
    if (rest <= 1) {
        return kc_ok();
    }
    if (bytes[4] == 0 && rest >= 3) {
        size_t size = (size_t)bytes[5] << 8 | bytes[6];
        out->extended = true;
        if (rest == 3) {
            return kc_ok();
        }
        out->apdu.data = kc_view(bytes + 7, size);
        bool fits = size <= KC_MESSAGE_SIZE_MAX && (rest == 3 + size || rest == 5 + size);
        return kc_result(fits ? KC_OK : KC_TOO_LARGE);
    }
    size_t size = bytes[4];
    out->apdu.data = kc_view(bytes + 5, size);
    return kc_result(size > 0 && (rest == 1 + size || rest == 2 + size) ? KC_OK : KC_TOO_LARGE);
}

static struct kc_result select_purse(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    static const uint8_t aid[] = KC_AID;
    purse->pin_verified = false;
    purse->examined_size = 0;
    purse->selected =
        apdu->p1 == SELECT_BY_NAME && kc_view_equal(apdu->data, kc_view(aid, sizeof aid));
    return kc_result(purse->selected ? KC_OK : KC_NOT_FOUND);
}

static bool parts_fit(const struct instruction *row, const struct kc_apdu *apdu)
{
    bool p1_fits = (row->uses & P1_USED) != 0 || apdu->p1 == 0;
    bool p2_fits = (row->uses & P2_USED) != 0 || apdu->p2 == 0 ||
                   ((row->uses & P2_REFERENCE) != 0 && apdu->p2 == 1);
    bool data_fits = (row->uses & DATA_USED) != 0 || apdu->data.size == 0;
    return p1_fits && p2_fits && data_fits;
}

static struct kc_result run(struct kc_purse *purse, uint8_t cla, const struct kc_apdu *apdu)
{
    purse->output_size = 0;
    purse->output_at = 0;
    if (purse->locked) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    if (cla == KC_CLA_STANDARD && apdu->ins == KC_INS_SELECT) {
        return select_purse(purse, apdu);
    }
    if (!purse->selected) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    for (size_t i = 0; i < sizeof instructions / sizeof instructions[0]; i++) {
        const struct instruction *row = &instructions[i];
        if (row->ins != apdu->ins || row->cla != cla) {
            continue;
        }
        if ((row->lives & IN(purse->state.life)) == 0) {
            return kc_result(purse->state.life == KC_LIFE_BLOCKED    ? KC_PURSE_BLOCKED
                             : purse->state.life == KC_LIFE_ANSWERED ? KC_PENDING
                                                                     : KC_OUT_OF_ORDER);
        }
        if ((row->uses & KEY_USED) != 0 && kc_purse_is_bearer(purse)) {
            return kc_result(KC_NOT_ALLOWED);
        }
        if (row->needs_pin && !kc_purse_is_unlocked(purse)) {
            return kc_result(KC_PIN_REQUIRED);
        }
        if (!parts_fit(row, apdu)) {
            return kc_result(KC_MALFORMED);
        }
        struct kc_result result = row->run(purse, apdu);
        /* Also what a handler could do without must not have failed to be read. */
        return !kc_failed(result) && purse->locked ? kc_result(KC_IO_FAILED) : result;
    }
    return kc_result(KC_INSTRUCTION);
}

/* Ends a chain; what was collected may be a PIN or a key. */
static void drop_chain(struct kc_purse *purse)
{
    kc_wipe(purse->input, purse->input_size);
    purse->input_size = 0;
    purse->chaining = false;
}

/* Collects a piece of a chained command; *complete when `parsed` is a whole command now. All pieces have one head, and a piece
 * with another ends the chain. */
static struct kc_result collect(struct kc_purse *purse, struct parsed *parsed, bool *complete)
{
    const uint8_t head[4] = {(uint8_t)(parsed->cla & (uint8_t)~KC_CLA_MORE), parsed->apdu.ins,
                             parsed->apdu.p1, parsed->apdu.p2};
    bool more = (parsed->cla & KC_CLA_MORE) != 0;
    struct kc_view data = parsed->apdu.data;
    *complete = !more;
    if (!more && !purse->chaining) {
        return kc_ok();
    }
    if (purse->chaining && memcmp(purse->chained_head, head, sizeof head) != 0) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    if (data.size > sizeof purse->input - purse->input_size) {
        return kc_result(KC_TOO_LARGE);
    }
    if (data.size > 0) {
        memcpy(purse->input + purse->input_size, data.data, data.size);
    }
    purse->input_size += data.size;
    purse->chaining = true;
    memcpy(purse->chained_head, head, sizeof head);
    if (*complete) {
        parsed->apdu.data = kc_view(purse->input, purse->input_size);
    }
    return kc_ok();
}

static void put_status(uint8_t *response, size_t *size, unsigned status)
{
    response[(*size)++] = (uint8_t)(status >> 8);
    response[(*size)++] = (uint8_t)status;
}

/* Gives the rest of the output: all of it to an extended command, else a piece and 61xx. */
static void give_output(struct kc_purse *purse, uint8_t *response, size_t *size, bool extended)
{
    size_t left = purse->output_size - purse->output_at;
    size_t now = extended || left <= SHORT_MAX ? left : SHORT_MAX;
    memcpy(response, purse->output + purse->output_at, now);
    *size = now;
    purse->output_at += now;
    left -= now;
    put_status(response, size,
               left == 0 ? SW_OK : SW_MORE | (left > SHORT_MAX ? 0u : (unsigned)left));
}

static unsigned status_of(const struct kc_purse *purse, struct kc_result result)
{
    unsigned status = kc_error_status_word(result.code);
    if (result.code == KC_PIN_WRONG) {
        status |= (unsigned)(purse->state.pin_tries & 0xfu);
    }
    return status;
}

void kc_purse_command(struct kc_purse *purse, uint8_t *response, size_t *response_size,
                      struct kc_view command)
{
    struct parsed parsed = {.cla = 0};
    bool complete = true;
    *response_size = 0;
    struct kc_result result = parse(&parsed, command);
    uint8_t cla = (uint8_t)(parsed.cla & (uint8_t)~KC_CLA_MORE);
    if (!kc_failed(result) && cla == KC_CLA_STANDARD && parsed.apdu.ins == KC_INS_GET_RESPONSE) {
        if (purse->output_at < purse->output_size) {
            give_output(purse, response, response_size, parsed.extended);
        } else {
            put_status(response, response_size, kc_error_status_word(KC_OUT_OF_ORDER));
        }
        return;
    }
    if (!kc_failed(result) && cla == KC_CLA_STANDARD && parsed.apdu.ins == KC_INS_SELECT) {
        /* A host that begins anew knows nothing of a chain that another one left open. */
        drop_chain(purse);
    }
    if (!kc_failed(result)) {
        result = collect(purse, &parsed, &complete);
    }
    if (!kc_failed(result) && complete) {
        result = run(purse, cla, &parsed.apdu);
    }
    if (kc_failed(result) || complete) {
        drop_chain(purse);
    }
    if (kc_failed(result)) {
        purse->output_size = 0;
        put_status(response, response_size, status_of(purse, result));
        return;
    }
    if (!complete) {
        purse->output_size = 0;
        purse->output_at = 0;
    }
    give_output(purse, response, response_size, parsed.extended);
}

void kc_purse_open(struct kc_purse *purse, const struct kc_nvm *nvm, const struct kc_crypto *crypto)
{
    memset(purse, 0, sizeof *purse);
    purse->nvm = *nvm;
    purse->crypto = *crypto;
    purse->state.life = KC_LIFE_BLANK;
    purse->state.suite = KC_SUITE_ES256;
    purse->state.handover = KC_HANDOVER_NONE;
    KC_ASSERT(nvm->size >= KC_NVM_SIZE);
    struct kc_result result = kc_purse_load(purse);
    purse->locked = purse->locked || kc_failed(result);
}

void kc_purse_close(struct kc_purse *purse)
{
    kc_wipe(purse, sizeof *purse);
}
