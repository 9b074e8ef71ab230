/* Can any sequence of commands, power cuts and forged messages make a purse richer, unblock it, give a key
 * away or stop it answering?
 *
 * The first byte chooses a blank purse (odd) or a ready one, with the policies and limits of world_kind. Then follow operations,
 * each one byte and its arguments; see `operations`. The bank may say anything under its own signature; what was changed on the
 * way is not the bank's. Another purse of the bank pays and is paid, and signs bad things as well as good ones. */
#define _GNU_SOURCE

#include <string.h>

#include "purse/inside.h"
#include "purse_keys.h"
#include "purse_partner.h"
#include "purse_world.h"

#define OPERATIONS_MAX 96u

struct script {
    const uint8_t *data;
    size_t size;
    size_t at;
};

/* What an operation may do to the purse. */
enum authority { BY_HOST, BY_PARTNER, BY_BANK };

/* The purse as it was before an operation. */
struct before {
    struct kc_purse_state state;
    struct kc_certified certified;
    uint64_t image_sequence;
    uint64_t hotlist_version;
    bool pin_verified;
    bool locked;
};

static struct world world;
/* All that the partner ever signed away, and its last payment. */
static uint64_t signed_away;
static uint8_t last_payment[KC_MESSAGE_SIZE_MAX];
static size_t last_payment_size;

static uint8_t take(struct script *script)
{
    return script->at < script->size ? script->data[script->at++] : 0;
}

static struct kc_view take_view(struct script *script, size_t size)
{
    size_t left = script->size - script->at;
    size = size < left ? size : left;
    struct kc_view view = kc_view(script->data + script->at, size);
    script->at += size;
    return view;
}

/* ---- what must hold ---- */

static void check_status(unsigned status, bool may_fail_crypto)
{
    enum kc_error error = kc_error_from_status_word((uint16_t)status);
    if ((status & 0xff00u) == 0x6100u) {
        return;
    }
    KC_FUZZ_CHECK(error != KC_INTERNAL && error != KC_OVERFLOW && error != KC_BUFFER_SMALL);
    KC_FUZZ_CHECK(may_fail_crypto || error != KC_CRYPTO_FAILED);
}

static void check_no_key_leaves(void)
{
    KC_FUZZ_CHECK(!keys_in(&world, kc_view(world.response, world.response_size)));
}

static bool is_working(enum kc_life life)
{
    return life == KC_LIFE_READY || life == KC_LIFE_REQUESTED || life == KC_LIFE_QUOTED ||
           life == KC_LIFE_ANSWERED;
}

/* Invariant 3 of the purse: what it holds follows from the bank's word and its own entries after it. */
static void check_value_adds_up(struct kc_purse *purse)
{
    const struct kc_purse_state *state = &purse->state;
    struct kc_certified certified = world_certified(purse);
    bool gap = state->gap_counter > certified.counter;
    uint64_t value = kc_amount_minor(gap ? state->gap_value : certified.purse_amount);
    uint64_t counter = gap ? state->gap_counter : certified.counter;
    uint64_t count = state->counter - counter;
    KC_FUZZ_CHECK(count <= KC_LOG_COUNT);
    for (uint64_t i = 0; i < count; i++) {
        struct kc_log_slot slot;
        struct kc_entry entry;
        KC_FUZZ_CHECK(!kc_failed(kc_purse_log_entry(&entry, &slot, purse, counter + 1)));
        KC_FUZZ_CHECK(entry.counter == ++counter);
        uint64_t amount = kc_amount_minor(entry.amount);
        bool out = entry.kind == KC_ENTRY_KIND_CASH_OUT || entry.kind == KC_ENTRY_KIND_PAY;
        bool in = entry.kind == KC_ENTRY_KIND_VOID || entry.kind == KC_ENTRY_KIND_RECEIVE;
        bool close = entry.kind == KC_ENTRY_KIND_CLOSE && amount == 0;
        KC_FUZZ_CHECK(out || in || close || entry.kind == KC_ENTRY_KIND_REFUSE);
        KC_FUZZ_CHECK(!out || amount <= value);
        value = out ? value - amount : in ? value + amount : value;
    }
    KC_FUZZ_CHECK(counter == state->counter && value == kc_amount_minor(state->value));
}

/* Invariant 8: what was paid and taken kept within the limits in force. */
static void check_limits(const struct before *before)
{
    const struct kc_purse_state *was = &before->state;
    const struct kc_purse_state *now = &world.purse.state;
    const struct kc_certified *limits = &before->certified;
    if (now->spent_count > was->spent_count) {
        uint64_t amount = kc_amount_minor(now->spent) - kc_amount_minor(was->spent);
        KC_FUZZ_CHECK(now->spent_count == was->spent_count + 1);
        KC_FUZZ_CHECK(amount <= kc_amount_minor(limits->payment_most));
        KC_FUZZ_CHECK(kc_amount_compare(now->spent, limits->spend_most) <= 0);
        KC_FUZZ_CHECK(now->spent_count <= limits->spend_count);
        KC_FUZZ_CHECK(now->stamp_ms <= limits->valid_until_ms);
        KC_FUZZ_CHECK(!kc_purse_is_listed(&world.purse, partner_number()));
    }
    if (kc_amount_compare(now->received, was->received) > 0) {
        KC_FUZZ_CHECK(kc_amount_compare(now->value, limits->purse_most) <= 0);
        KC_FUZZ_CHECK(now->stamp_ms <= limits->valid_until_ms);
        KC_FUZZ_CHECK(!kc_purse_is_listed(&world.purse, partner_number()));
    }
}

/* What no operation at all may undo. */
static void check_never_back(const struct before *before)
{
    const struct kc_purse_state *was = &before->state;
    const struct kc_purse_state *now = &world.purse.state;
    KC_FUZZ_CHECK(now->counter >= was->counter && now->stamp_ms >= was->stamp_ms);
    KC_FUZZ_CHECK(world.purse.hotlist.version >= before->hotlist_version);
    KC_FUZZ_CHECK(kc_amount_compare(now->paid, was->paid) >= 0);
    KC_FUZZ_CHECK(kc_amount_compare(now->returned, was->returned) >= 0);
    /* Each payment is credited once, and no more comes back than went. */
    KC_FUZZ_CHECK(kc_amount_compare(now->received, was->received) >= 0);
    KC_FUZZ_CHECK(kc_amount_minor(now->received) <= signed_away);
    KC_FUZZ_CHECK(kc_amount_compare(now->returned, now->paid) <= 0);
    KC_FUZZ_CHECK(was->life != KC_LIFE_BLOCKED || now->life == KC_LIFE_BLOCKED);
    KC_FUZZ_CHECK(was->life != KC_LIFE_BLOCKED || kc_amount_compare(now->value, was->value) == 0);
    KC_FUZZ_CHECK(!is_working(was->life) || is_working(now->life) || now->life == KC_LIFE_BLOCKED);
    if (is_working(was->life)) {
        KC_FUZZ_CHECK(world_certified(&world.purse).sequence >= before->certified.sequence);
        /* Unless the right PIN set the tries back just when the power went. */
        KC_FUZZ_CHECK(was->pin_tries > 0 || now->pin_tries == 0 || before->locked);
    }
}

static uint64_t growth(struct kc_amount was, struct kc_amount now)
{
    return kc_amount_minor(now) - kc_amount_minor(was);
}

/* Without the bank nothing is gained but what a partner paid or declined, and nothing is sent or spent without the PIN. */
static void check_by_host(const struct before *before, enum authority authority)
{
    const struct kc_purse_state *was = &before->state;
    const struct kc_purse_state *now = &world.purse.state;
    bool activated = was->life == KC_LIFE_PERSONALISING && now->life == KC_LIFE_READY;
    if (activated) {
        KC_FUZZ_CHECK(kc_amount_minor(now->value) == WORLD_VALUE);
        return;
    }
    uint64_t in = growth(was->received, now->received) + growth(was->returned, now->returned);
    uint64_t out = growth(was->paid, now->paid);
    KC_FUZZ_CHECK(kc_amount_minor(now->value) + out == kc_amount_minor(was->value) + in);
    KC_FUZZ_CHECK(in == 0 || authority == BY_PARTNER);
    KC_FUZZ_CHECK(was->life == KC_LIFE_BLOCKED || now->life != KC_LIFE_BLOCKED);
    KC_FUZZ_CHECK(now->life != KC_LIFE_QUOTED || was->life == KC_LIFE_QUOTED);
    if (is_working(was->life)) {
        KC_FUZZ_CHECK(world_certified(&world.purse).sequence == before->certified.sequence);
        KC_FUZZ_CHECK(before->pin_verified || now->stamp_ms == was->stamp_ms);
        KC_FUZZ_CHECK(before->pin_verified || now->counter == was->counter);
    }
}

/* The bank adds value by a later certified value or a void, and by nothing else. */
static void check_by_bank(const struct before *before)
{
    const struct kc_purse_state *was = &before->state;
    const struct kc_purse_state *now = &world.purse.state;
    bool grew = kc_amount_compare(now->value, was->value) > 0;
    bool later = world_certified(&world.purse).sequence > before->certified.sequence;
    bool returned = kc_amount_compare(now->returned, was->returned) > 0;
    KC_FUZZ_CHECK(!grew || later || returned);
    KC_FUZZ_CHECK(now->stamp_ms == was->stamp_ms && kc_amount_compare(now->paid, was->paid) == 0);
}

static void check_after(const struct before *before, enum authority authority)
{
    if (world.purse.locked) {
        KC_FUZZ_CHECK(before->locked || world.writes_left == 0);
        return;
    }
    check_never_back(before);
    if (authority == BY_BANK) {
        check_by_bank(before);
    } else {
        check_by_host(before, authority);
        check_limits(before);
    }
    if (is_working(world.purse.state.life)) {
        check_value_adds_up(&world.purse);
    }
}

static void remember(struct before *out)
{
    out->state = world.purse.state;
    out->certified = world_certified(&world.purse);
    out->image_sequence = world.purse.image_sequence;
    out->hotlist_version = world.purse.hotlist.version;
    out->pin_verified = world.purse.pin_verified;
    out->locked = world.purse.locked;
}

/* ---- operations ---- */

static unsigned send(uint8_t cla, uint8_t ins, uint8_t p1, struct kc_view data)
{
    return world_send(&world, cla, ins, p1, 0, data);
}

static unsigned do_raw(struct script *script)
{
    size_t size = take(script);
    return world_send_raw(&world, take_view(script, size << 8 | take(script)));
}

static unsigned do_select(struct script *script)
{
    static const uint8_t aid[] = KC_AID;
    (void)script;
    return send(KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid));
}

static unsigned do_verify(struct script *script)
{
    (void)script;
    return send(KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, kc_view_text(WORLD_PIN));
}

static unsigned do_wrong_pin(struct script *script)
{
    (void)script;
    return send(KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, kc_view_text("1235"));
}

static uint64_t take_time(struct script *script)
{
    return WORLD_TIME_MS + (uint64_t)take(script) * 1000;
}

/* A cash request whose first byte is one of the highest is a transfer, so that older scripts stay what they were. */
static unsigned do_order(struct script *script, uint8_t ins)
{
    uint8_t data[25];
    uint8_t kind = take(script);
    bool transfer = ins == KC_INS_CASH_REQUEST && kind >= 0xe0;
    data[0] = (uint8_t)(1 + kind % 2);
    uint64_t amount = (uint64_t)take(script) << 8;
    amount |= take(script);
    kc_be64_store(data + 1, amount);
    kc_be64_store(data + 9, take_time(script));
    if (transfer) {
        kc_be64_store(data + 17, kc_account_nth(1 + take(script)).number);
        return send(KC_CLA_KINCHAKU, KC_INS_TRANSFER_REQUEST, 0, kc_view(data, sizeof data));
    }
    return send(KC_CLA_KINCHAKU, ins, 0, kc_view(data, 17));
}

static unsigned do_cash(struct script *script)
{
    return do_order(script, KC_INS_CASH_REQUEST);
}

static unsigned do_fund(struct script *script)
{
    return do_order(script, KC_INS_FUND_REQUEST);
}

static unsigned do_answer(struct script *script)
{
    uint8_t data[8];
    uint8_t answer = (uint8_t)(1 + take(script) % 2);
    kc_be64_store(data, take_time(script));
    return send(KC_CLA_KINCHAKU, KC_INS_ANSWER, answer, kc_view(data, sizeof data));
}

static unsigned do_state(struct script *script)
{
    uint8_t data[8];
    kc_be64_store(data, take_time(script));
    return send(KC_CLA_KINCHAKU, KC_INS_STATE_REQUEST, 0, kc_view(data, sizeof data));
}

static unsigned do_repeat(struct script *script)
{
    (void)script;
    return send(KC_CLA_KINCHAKU, KC_INS_REPEAT, 0, kc_view(NULL, 0));
}

static unsigned do_get(struct script *script)
{
    uint8_t tag = take(script);
    return world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, (uint8_t)(tag % 16), take(script),
                      kc_view(NULL, 0));
}

static unsigned do_power(struct script *script)
{
    (void)script;
    struct kc_purse_state was = world.purse.state;
    bool cut = world.writes_left >= 0;
    uint64_t sequence = world.purse.image_sequence;
    world_power_cycle(&world);
    KC_FUZZ_CHECK(!world.purse.locked && !world.purse.pin_verified);
    KC_FUZZ_CHECK(world.purse.image_sequence == sequence || cut);
    KC_FUZZ_CHECK(cut || world.purse.state.life == was.life);
    KC_FUZZ_CHECK(cut || kc_amount_compare(world.purse.state.value, was.value) == 0);
    return do_select(script);
}

/* The power goes at one of the next writes, and comes back only with `do_power`. */
static unsigned do_cut(struct script *script)
{
    world.writes_left = 1 + take(script) % 12;
    return 0x9000;
}

static unsigned do_step(struct script *script)
{
    uint8_t command[4096];
    size_t size = world_personalise_step(take(script) % 15, command);
    return world_send_raw(&world, kc_view(command, size));
}

static struct saying take_saying(struct script *script)
{
    struct saying saying = {.kind = take(script), .outcome = take(script)};
    saying.sequence = take(script);
    saying.included = take(script);
    saying.amount = (uint16_t)(take(script) << 8);
    saying.amount = (uint16_t)(saying.amount | take(script));
    return saying;
}

static unsigned do_bank(struct script *script)
{
    struct saying saying = take_saying(script);
    return send(KC_CLA_KINCHAKU, KC_INS_TAKE, 0, world_bank_says(&world, &saying));
}

/* The bank's message with one byte changed on the way: nothing of it may be taken. */
static unsigned do_forged(struct script *script)
{
    uint8_t copy[KC_MESSAGE_SIZE_MAX];
    struct saying saying = take_saying(script);
    struct kc_view said = world_bank_says(&world, &saying);
    size_t place = (size_t)take(script) << 8;
    place |= take(script);
    uint8_t change = take(script);
    uint64_t sequence = world.purse.image_sequence;
    memcpy(copy, said.data, said.size);
    copy[place % said.size] ^= change == 0 ? 1 : change;
    unsigned status = send(KC_CLA_KINCHAKU, KC_INS_TAKE, 0, kc_view(copy, said.size));
    KC_FUZZ_CHECK(status != 0x9000 && world.purse.image_sequence == sequence);
    return status;
}

/* What the purse itself sent comes back to it. */
static unsigned do_echo(struct script *script)
{
    uint8_t copy[KC_MESSAGE_SIZE_MAX];
    struct kc_view last = world.purse.state.last_message;
    (void)script;
    memcpy(copy, last.data == NULL ? (const uint8_t *)"" : last.data, last.size);
    unsigned status = send(KC_CLA_KINCHAKU, KC_INS_TAKE, 0, kc_view(copy, last.size));
    KC_FUZZ_CHECK(status != 0x9000);
    return status;
}

/* ---- exchange ---- */

static unsigned send_numbered(uint8_t ins, uint8_t p1, size_t count, const uint64_t *numbers,
                              struct kc_view rest)
{
    static uint8_t data[KC_MESSAGE_SIZE_MAX];
    for (size_t i = 0; i < count; i++) {
        kc_be64_store(data + 8 * i, numbers[i]);
    }
    KC_FUZZ_CHECK(8 * count + rest.size <= sizeof data);
    if (rest.size > 0) {
        memmove(data + 8 * count, rest.data, rest.size);
    }
    return send(KC_CLA_KINCHAKU, ins, p1, kc_view(data, 8 * count + rest.size));
}

static unsigned do_offer(struct script *script)
{
    uint64_t asked = take(script);
    return send_numbered(KC_INS_OFFER, 0, 1, &asked, partner_identify(take(script)));
}

static unsigned do_pay(struct script *script)
{
    uint64_t numbers[2] = {take(script)};
    numbers[1] = take_time(script);
    uint8_t counter = take(script);
    return send_numbered(KC_INS_PAY, 0, 2, numbers, partner_offer(&world, counter, take(script)));
}

/* A new payment of the partner, or with `flags` 255 its last one again. */
static unsigned do_examine(struct script *script)
{
    static const int offs[4] = {0, -1, 1, -2};
    uint64_t amount = take(script);
    int off = offs[take(script) % 4];
    uint8_t flags = take(script);
    uint64_t time_ms = take_time(script);
    if (flags != 255) {
        struct kc_view payment = partner_payment(&world, amount, off, flags);
        memcpy(last_payment, payment.data, payment.size);
        last_payment_size = payment.size;
        signed_away += amount;
    }
    return send_numbered(KC_INS_EXAMINE, 0, 1, &time_ms, kc_view(last_payment, last_payment_size));
}

static unsigned do_decide(struct script *script)
{
    uint8_t answer = (uint8_t)(1 + take(script) % 3);
    uint64_t time_ms = take_time(script);
    return send_numbered(KC_INS_DECIDE, answer, 1, &time_ms, kc_view(NULL, 0));
}

static unsigned do_conclude(struct script *script)
{
    uint8_t index = take(script);
    return send(KC_CLA_KINCHAKU, KC_INS_CONCLUDE, 0,
                partner_answer(&world, index % 8, take(script)));
}

static unsigned do_open(struct script *script)
{
    return send(KC_CLA_KINCHAKU, KC_INS_OPEN_PAYMENT, take(script) % 9, kc_view(NULL, 0));
}

static unsigned do_settle(struct script *script)
{
    uint64_t time_ms = take_time(script);
    return send_numbered(KC_INS_SETTLE_REQUEST, 0, 1, &time_ms, kc_view(NULL, 0));
}

static unsigned do_identify(struct script *script)
{
    return send(KC_CLA_KINCHAKU, KC_INS_IDENTIFY, take(script) % 3, kc_view(NULL, 0));
}

/* A partner's payment with one byte changed: whether its identity is known already or not, it is not taken. */
static unsigned do_bent(struct script *script)
{
    uint8_t copy[KC_MESSAGE_SIZE_MAX];
    uint64_t time_ms = take_time(script);
    size_t place = (size_t)take(script) << 8;
    place |= take(script);
    uint8_t change = take(script);
    if (last_payment_size == 0) {
        return 0x9000;
    }
    memcpy(copy, last_payment, last_payment_size);
    copy[place % last_payment_size] ^= change == 0 ? 1 : change;
    unsigned status =
        send_numbered(KC_INS_EXAMINE, 0, 1, &time_ms, kc_view(copy, last_payment_size));
    KC_FUZZ_CHECK(status != 0x9000 || memmem(last_payment, last_payment_size, world.purse.examined,
                                             world.purse.examined_size) != NULL);
    return status;
}

/* Up to 63 payments of 1 by the partner, as the user takes them: the history fills. */
static unsigned do_fill(struct script *script)
{
    unsigned status = 0x9000;
    const uint64_t time_ms = WORLD_TIME_MS;
    for (unsigned left = take(script) % 64; left > 0 && status == 0x9000; left--) {
        struct kc_view payment = partner_payment(&world, 1, 0, 0);
        signed_away += 1;
        status = send_numbered(KC_INS_EXAMINE, 0, 1, &time_ms, payment);
        if (status == 0x9000) {
            status = send_numbered(KC_INS_DECIDE, KC_ANSWER_OK, 1, &time_ms, kc_view(NULL, 0));
        }
    }
    return status;
}

/* A hotlist of the bank, good or with numbers of any form; or one with a byte changed, which is not taken. */
static unsigned do_list(struct script *script)
{
    uint8_t copy[KC_HOTLIST_SIZE_MAX];
    uint64_t version = take(script);
    uint8_t flags = take(script);
    uint64_t count = take(script) % 4;
    uint8_t partner[10];
    size_t size = 0;
    struct kc_view listed = take_view(script, flags & 7u);
    for (uint64_t step = partner_number().number; (flags & 8u) != 0 && step > 0; step >>= 7) {
        partner[size++] = (uint8_t)((step & 0x7fu) | (step > 0x7f ? 0x80u : 0u));
        listed = kc_view(partner, size);
        count = 1;
    }
    struct kc_view list = world_bank_lists(version, count, listed);
    memcpy(copy, list.data, list.size);
    if ((flags & 16u) != 0) {
        copy[take(script) % list.size] ^= 1;
    }
    unsigned status = send(KC_CLA_KINCHAKU, KC_INS_TAKE_HOTLIST, 0, kc_view(copy, list.size));
    KC_FUZZ_CHECK(status != 0x9000 || (flags & 16u) == 0);
    /* A base may wait for its delta, while another one is in force. */
    KC_FUZZ_CHECK(status != 0x9000 || world.purse.hotlist.version >= version);
    KC_FUZZ_CHECK(status != 0x9000 || size == 0 || world.purse.hotlist.version > version ||
                  kc_purse_is_listed(&world.purse, partner_number()));
    return status;
}

/* A base or delta: with the partner on it, or with nobody; with numbers of any form; not the bank's; with a byte changed. */
static unsigned do_part(struct script *script)
{
    uint8_t bytes[KC_HOTLIST_SIZE_MAX];
    uint8_t flags = take(script);
    uint8_t how = take(script) % 16 & (uint8_t)~KEYS_UNASKED;
    uint64_t base = take(script);
    uint64_t version = take(script);
    bool is_delta = (flags & 1u) != 0;
    bool partner = (flags & 2u) != 0;
    bool any = (flags & 4u) != 0;
    struct kc_listed listed = {.count = partner ? 1 : 0,
                               .least = partner ? partner_number().number / 10 : 0};
    if (any) {
        listed.count = take(script);
        listed.least = take(script);
        listed.bits = take(script) % 60;
        listed.bytes = take_view(script, take(script) % 32);
    }
    struct kc_view part = keys_list(&world, is_delta, base, version, &listed, how);
    memcpy(bytes, part.data, part.size);
    if ((flags & 8u) != 0) {
        bytes[take(script) % part.size] ^= 1;
    }
    bool good = how == 0 && (flags & 8u) == 0 && !kc_failed(kc_listed_check(&listed));
    uint64_t before = world.purse.hotlist.version;
    unsigned status = send(KC_CLA_KINCHAKU, KC_INS_TAKE_HOTLIST, 0, kc_view(bytes, part.size));
    const struct kc_hotlist_held *held = &world.purse.hotlist;
    KC_FUZZ_CHECK(status != 0x9000 || good);
    KC_FUZZ_CHECK(status == 0x9000 || world.writes_left == 0 || held->version == before);
    KC_FUZZ_CHECK(status != 0x9000 || held->version >= version);
    KC_FUZZ_CHECK(status != 0x9000 || !is_delta ||
                  (held->version == version && held->base == base));
    KC_FUZZ_CHECK(status != 0x9000 || held->version > version || !partner || any ||
                  kc_purse_is_listed(&world.purse, partner_number()));
    return status;
}

/* ---- new keys ---- */

/* The bank's record of new keys, or the purse's identity signed anew. */
static unsigned do_roll(struct script *script)
{
    uint8_t p1 = take(script) % 3;
    uint8_t how = take(script) % 16 & (uint8_t)~KEYS_UNASKED;
    uint64_t number = take(script) % 8;
    number = number == 0 ? 8 : number;
    uint64_t until_ms = take_time(script);
    uint64_t before = world.purse.roll_number;
    struct kc_view record =
        p1 == KC_ROLL_IDENTITY ? keys_sign_identity(&world, how) : keys_roll(number, until_ms, how);
    unsigned status = send(KC_CLA_KINCHAKU, KC_INS_TAKE_ROLL, p1, record);
    KC_FUZZ_CHECK(status != 0x9000 || how == 0);
    KC_FUZZ_CHECK(status != 0x9000 || p1 != KC_ROLL_KEYS || world.purse.roll_number == number);
    KC_FUZZ_CHECK(world.purse.locked || world.purse.roll_number >= before);
    return status;
}

/* Notices have numbers from NOTICES_FROM on, after every claim-reply. Which of them names a stranger's keys, unless a cut left
 * that open or another of its number named good ones, and up to which number they are older than the last claim-reply. */
#define NOTICES_FROM (WORLD_TIME_MS + 1)
#define NOTICE_NUMBERS 8u

static enum { NOT_TOLD, TOLD_ASTRAY, TOLD_OPEN } told_of[NOTICE_NUMBERS];
static uint64_t claimed_number;

/* Whether the bank's last word on the authority's keys names a stranger's. */
static bool is_astray(void)
{
    uint64_t number = world.purse.locked ? 0 : kc_purse_notice_number(&world.purse);
    return number > claimed_number && told_of[number - NOTICES_FROM] == TOLD_ASTRAY;
}

static void note_claimed(void)
{
    uint64_t number = world.purse.locked ? 0 : kc_purse_notice_number(&world.purse);
    claimed_number = number > claimed_number ? number : claimed_number;
    for (unsigned i = 0; i < NOTICE_NUMBERS; i++) {
        told_of[i] = told_of[i] == TOLD_ASTRAY ? TOLD_OPEN : told_of[i];
    }
}

/* What the bank tells of the authority's keys, forged, of another bank, older, or with a byte changed. */
static unsigned do_notice(struct script *script)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    uint8_t flags = take(script);
    uint8_t how = flags % 16 & (uint8_t)~KEYS_UNASKED;
    unsigned which = take(script) % NOTICE_NUMBERS;
    uint64_t number = NOTICES_FROM + which;
    uint64_t before = kc_purse_notice_number(&world.purse);
    struct kc_view notice = keys_notice(&world, number, how);
    memcpy(bytes, notice.data, notice.size);
    if (flags >= 0x80) {
        bytes[take(script) * 5u % notice.size] ^= 1;
    }
    bool bad = (how & (KEYS_STRANGER | KEYS_OTHER)) != 0 || flags >= 0x80;
    unsigned status = send(KC_CLA_KINCHAKU, KC_INS_TAKE_NOTICE, 0, kc_view(bytes, notice.size));
    KC_FUZZ_CHECK(status != 0x9000 || (!bad && number > before));
    KC_FUZZ_CHECK(world.purse.locked ||
                  kc_purse_notice_number(&world.purse) == (status == 0x9000 ? number : before));
    if (status == 0x9000 || world.writes_left == 0) {
        bool astray = status == 0x9000 && (how & KEYS_ASTRAY) != 0;
        told_of[which] = astray && told_of[which] != TOLD_OPEN ? TOLD_ASTRAY : TOLD_OPEN;
    }
    return status;
}

static unsigned do_renew(struct script *script)
{
    uint64_t time_ms = take_time(script);
    return send_numbered(KC_INS_RENEW_REQUEST, 0, 1, &time_ms, kc_view(NULL, 0));
}

static unsigned do_handover(struct script *script)
{
    uint8_t step = take(script) % 5;
    uint64_t time_ms = take_time(script);
    return send_numbered(KC_INS_HANDOVER, step, 1, &time_ms, kc_view(NULL, 0));
}

/* The answer of bank or authority to a request for new keys. Only a good one gives the purse another key, and never value. */
static unsigned do_keys(struct script *script)
{
    enum keys_said kind = (enum keys_said)(take(script) % KEYS_COUNT);
    uint8_t how = take(script) % 16;
    const struct kc_purse_state was = world.purse.state;
    bool names_key = kind == KEYS_RENEWED || kind == KEYS_GIVEN;
    bool names_purse = names_key || kind == KEYS_CLAIMED;
    bool bad = (how & (KEYS_STRANGER | KEYS_UNASKED)) != 0 ||
               (names_key && (how & KEYS_ASTRAY) != 0) || (names_purse && (how & KEYS_OTHER) != 0);
    bool stray = is_astray();
    unsigned status = send(KC_CLA_KINCHAKU, KC_INS_TAKE, 0, keys_say(&world, kind, how));
    const struct kc_purse_state *now = &world.purse.state;
    bool changed = now->key_set != was.key_set;
    KC_FUZZ_CHECK(status != 0x9000 || !stray || (kind != KEYS_GIVEN && kind != KEYS_DONE));
    if (kind == KEYS_CLAIMED) {
        note_claimed();
    }
    KC_FUZZ_CHECK(status != 0x9000 || !bad);
    KC_FUZZ_CHECK(!changed || names_key);
    KC_FUZZ_CHECK(status != 0x9000 || changed == names_key);
    KC_FUZZ_CHECK(now->counter == was.counter + (changed ? 1 : 0));
    KC_FUZZ_CHECK(kc_amount_compare(now->value, was.value) == 0);
    return status;
}

struct operation {
    unsigned (*run)(struct script *script);
    enum authority authority;
};

#define OPERATION_COUNT 33u

/* By the first byte of an operation modulo their count. */
static const struct operation operations[OPERATION_COUNT] = {
    {do_raw, BY_PARTNER},    {do_select, BY_HOST},    {do_verify, BY_HOST},
    {do_wrong_pin, BY_HOST}, {do_cash, BY_HOST},      {do_fund, BY_HOST},
    {do_answer, BY_HOST},    {do_state, BY_HOST},     {do_repeat, BY_HOST},
    {do_get, BY_HOST},       {do_power, BY_HOST},     {do_cut, BY_HOST},
    {do_step, BY_HOST},      {do_bank, BY_BANK},      {do_forged, BY_HOST},
    {do_echo, BY_HOST},      {do_offer, BY_HOST},     {do_pay, BY_HOST},
    {do_examine, BY_HOST},   {do_decide, BY_PARTNER}, {do_conclude, BY_PARTNER},
    {do_open, BY_HOST},      {do_settle, BY_HOST},    {do_identify, BY_HOST},
    {do_bent, BY_HOST},      {do_fill, BY_PARTNER},   {do_list, BY_HOST},
    {do_part, BY_HOST},      {do_roll, BY_HOST},      {do_renew, BY_HOST},
    {do_handover, BY_HOST},  {do_keys, BY_BANK},      {do_notice, BY_HOST},
};

static void run_one(struct script *script, bool ready)
{
    static struct before before;
    const struct operation *operation = &operations[take(script) % OPERATION_COUNT];
    bool cut = world.writes_left >= 0;
    remember(&before);
    unsigned status = operation->run(script);
    check_status(status, !ready);
    check_no_key_leaves();
    /* A commit that was cut may have been the bank's; it shows after the power comes back. */
    bool may_be_bank = operation->authority == BY_BANK || (cut && operation->run == do_power);
    if (!may_be_bank || operation->authority == BY_BANK) {
        check_after(&before, operation->authority);
    } else {
        check_never_back(&before);
    }
    kc_fuzz_accepted += status == 0x9000 ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {.data = data, .size = size, .at = 0};
    uint8_t first = take(&script);
    bool ready = (first & 1u) == 0;
    world_reset(&world, ready ? (enum world_kind)(WORLD_REFUSES + (first >> 1) % 3) : WORLD_BLANK);
    signed_away = 0;
    memset(told_of, 0, sizeof told_of);
    claimed_number = 0;
    last_payment_size = 0;
    for (unsigned i = 0; i < OPERATIONS_MAX && script.at < script.size; i++) {
        run_one(&script, ready);
    }
    /* Whatever came, the purse still answers after a power cycle. */
    script.at = script.size;
    world.writes_left = world.writes_left >= 0 ? 0 : -1;
    KC_FUZZ_CHECK(do_power(&script) == 0x9000);
    KC_FUZZ_CHECK(send(KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFO, kc_view(NULL, 0)) == 0x9000);
    kc_purse_close(&world.purse);
    return 0;
}

/* ---- seeds ---- */

#define SEED(...)                                                                                  \
    {                                                                                              \
        {__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                                      \
    }

enum {
    RAW,
    SELECT,
    VERIFY,
    WRONG,
    CASH,
    FUND,
    ANSWER,
    STATE,
    REPEAT,
    GET,
    POWER,
    CUT,
    STEP,
    BANK,
    FORGED,
    ECHO,
    OFFER,
    PAY,
    EXAMINE,
    DECIDE,
    CONCLUDE,
    OPEN,
    SETTLE,
    IDENTIFY,
    BENT,
    FILL,
    LIST,
    PART,
    ROLL,
    RENEW,
    HANDOVER,
    KEYS,
    NOTICE
};
enum { QUOTE, COMPLETION, STATE_REPLY, FUND_REPLY, REFUSAL, SETTLE_REPLY };
enum { NONE, COMPLETED, DECLINED, NOT_COMPLETED, IN_DOUBT, REFUSED };

static const struct {
    uint8_t bytes[160];
    size_t size;
} seeds[] = {
    /* A withdrawal of 100: 500 and then 600. */
    SEED(0, SELECT, VERIFY, CASH, 0, 0, 100, 1, BANK, QUOTE, 0, 0, 0, 0, 0, ANSWER, 0, 2, BANK,
         COMPLETION, COMPLETED, 2, 0, 2, 88, GET, KC_TAG_INFO, 0, POWER, VERIFY, GET,
         KC_TAG_INFORMATION, 0),
    /* A deposit of 100, power cut, repeated, completed at 400; then a second one that the bank did not complete. */
    SEED(0, SELECT, VERIFY, CASH, 1, 0, 100, 1, BANK, QUOTE, 0, 0, 0, 0, 0, ANSWER, 0, 2, POWER,
         VERIFY, REPEAT, ECHO, BANK, COMPLETION, COMPLETED, 2, 1, 1, 144, CASH, 1, 0, 50, 9, BANK,
         QUOTE, 0, 0, 0, 0, 0, ANSWER, 0, 10, STATE, 11, BANK, STATE_REPLY, NOT_COMPLETED, 2, 0, 1,
         144, GET, KC_TAG_HISTORY, 0, GET, KC_TAG_HISTORY, 1),
    /* The user says no; then a fund request and its reply. */
    SEED(0, SELECT, VERIFY, CASH, 0, 1, 0, 1, BANK, QUOTE, 0, 0, 0, 0, 0, ANSWER, 1, 2, FUND, 0, 0,
         9, 3, BANK, FUND_REPLY, COMPLETED, 2, 0, 1, 244, REPEAT),
    /* Refused as a copy: blocked for good. */
    SEED(0, SELECT, VERIFY, CASH, 0, 0, 1, 1, BANK, REFUSAL, KC_COPIED_OR_RESTORED, 0, 0, 0, 0,
         SELECT, VERIFY, CASH, 0, 0, 1, 1, POWER, VERIFY, STATE, 5, GET, KC_TAG_INFO, 0),
    /* A quoted deposit that the bank's later word leaves no value for. */
    SEED(0, SELECT, VERIFY, CASH, 1, 1, 0, 1, BANK, QUOTE, 0, 0, 0, 0, 0, STATE, 3, BANK,
         STATE_REPLY, IN_DOUBT, 2, 0, 0, 5, ANSWER, 0, 4, GET, KC_TAG_INFO, 0),
    /* Wrong PINs, forged and cut messages. */
    SEED(0, SELECT, WRONG, VERIFY, CASH, 1, 0, 7, 1, FORGED, QUOTE, 0, 0, 0, 0, 0, 0, 90, 1, BANK,
         QUOTE, 0, 0, 0, 0, 0, CUT, 3, ANSWER, 0, 4, POWER, VERIFY, STATE, 5, CUT, 4, BANK,
         STATE_REPLY, NONE, 2, 0, 1, 244, POWER, WRONG, WRONG, WRONG, VERIFY),
    /* Short commands, chaining and GET RESPONSE. */
    SEED(0, SELECT, RAW, 0, 5, 0x00, 0xca, 0x0a, 0x00, 0x00, RAW, 0, 5, 0x00, 0xc0, 0x00, 0x00,
         0x00, RAW, 0, 9, 0x10, 0x20, 0x00, 0x01, 0x04, '1', '2', '3', '4', RAW, 0, 5, 0x00, 0x20,
         0x00, 0x01, 0x00, RAW, 0, 4, 0x80, 0x5a, 0x00, 0x00),
    /* A payment of 100 to the partner with a receipt, then of 50 with a decline; both reported. */
    SEED(0, SELECT, VERIFY, IDENTIFY, 1, PAY, 100, 1, 1, 0, OPEN, 0, CONCLUDE, 0, PARTNER_TAKES,
         PAY, 50, 2, 2, PARTNER_NAMELESS, CONCLUDE, 0, PARTNER_NAMELESS, SETTLE, 3, BANK,
         SETTLE_REPLY, 0, 2, 3, 1, 144, GET, KC_TAG_INFO, 0, POWER),
    /* A payment of 70 by the partner, asked for, taken, sent again, bent; one that is declined; one whose counter passed. */
    SEED(0, SELECT, VERIFY, OFFER, 70, 0, EXAMINE, 70, 0, 0, 1, DECIDE, 0, 2, EXAMINE, 0, 0, 255, 3,
         DECIDE, 1, 3, BENT, 4, 0, 200, 1, EXAMINE, 9, 0, 1, 5, DECIDE, 1, 6, EXAMINE, 9, 1, 1, 7,
         DECIDE, 0, 8, PAY, 200, 9, 7, 0, SETTLE, 10, POWER, VERIFY, SETTLE, 11, BANK, SETTLE_REPLY,
         1, 2, 3, 1, 100),
    /* Power cuts in each step of both sides, and a release. */
    SEED(0, SELECT, VERIFY, CUT, 3, PAY, 100, 1, 1, 0, POWER, VERIFY, PAY, 100, 1, 1, 0, CUT, 4,
         CONCLUDE, 0, 0, POWER, VERIFY, CONCLUDE, 0, 0, EXAMINE, 20, 0, 0, 2, CUT, 5, DECIDE, 0, 3,
         POWER, VERIFY, EXAMINE, 0, 0, 255, 4, DECIDE, 0, 4, PAY, 30, 5, 9, 1, SETTLE, 6, CUT, 3,
         BANK, SETTLE_REPLY, 1, 2, 4, 1, 214, POWER, BANK, SETTLE_REPLY, 1, 2, 4, 1, 214),
    /* Bad names, bad keys, bad places. */
    SEED(0, SELECT, VERIFY, PAY, 1, 1, 1, PARTNER_ITSELF, PAY, 1, 1, 1, PARTNER_EXPIRED, PAY, 1, 1,
         0, 0, PAY, 0, 1, 1, 0, PAY, 255, 1, 1, 0, PAY, 255, 1, 1, 0, EXAMINE, 5, 0, PARTNER_ASTRAY,
         1, EXAMINE, 5, 0, PARTNER_FORGED, 1, EXAMINE, 5, 0, PARTNER_ITSELF, 1, EXAMINE, 5, 0,
         PARTNER_EXPIRED, 1, EXAMINE, 5, 2, 0, 1, CONCLUDE, 0, PARTNER_FORGED, CONCLUDE, 0,
         PARTNER_ASTRAY, CONCLUDE, 0, PARTNER_TAKES, CONCLUDE, 0, 0, OFFER, 0, PARTNER_ASTRAY),
    /* A history that goes round, cut and reported; then one that is too long for its policy. */
    SEED(2, SELECT, VERIFY, PAY, 100, 1, 1, 0, FILL, 50, PAY, 9, 2, 2, 0, CONCLUDE, 0, 0, CUT, 4,
         PAY, 1, 3, 3, 0, POWER, VERIFY, PAY, 1, 3, 3, 0, CONCLUDE, 0, PARTNER_TAKES, CUT, 3, FILL,
         1, POWER, VERIFY, FILL, 2, STATE, 4, BANK, STATE_REPLY, 0, 2, 0, 2, 0, SETTLE, 5, BANK,
         SETTLE_REPLY, 0, 2, 9, 2, 0, PAY, 5, 6, 5, 0, SETTLE, 7, BANK, SETTLE_REPLY, 1, 2, 60, 2,
         0, GET, KC_TAG_INFORMATION, 0),
    SEED(0, SELECT, VERIFY, FILL, 50, PAY, 1, 2, 2, 0, OFFER, 0, 0, SETTLE, 3, BANK, SETTLE_REPLY,
         0, 2, 8, 2, 20, FILL, 9),
    /* Limits: too much at once, in all, too often, too late, too full. */
    SEED(4, SELECT, VERIFY, PAY, 121, 1, 1, 0, PAY, 120, 1, 1, 0, CONCLUDE, 0, PARTNER_TAKES, PAY,
         120, 2, 2, 0, CONCLUDE, 0, 0, PAY, 61, 3, 3, 0, PAY, 60, 4, 4, 0, CONCLUDE, 0,
         PARTNER_TAKES, EXAMINE, 200, 0, 0, 5, DECIDE, 1, 5, EXAMINE, 255, 0, 0, 5, DECIDE, 0, 5,
         DECIDE, 1, 6, FILL, 40, EXAMINE, 5, 0, 0, 101, DECIDE, 0, 101, DECIDE, 1, 101, OFFER, 0, 0,
         PAY, 1, 102, 9, 0),
    /* Hotlists: taken, older, forged, malformed, torn; the partner on it. */
    SEED(0, SELECT, VERIFY, LIST, 1, 2, 2, 5, 3, LIST, 1, 2, 2, 5, 3, PAY, 10, 1, 1, 0, CONCLUDE, 0,
         PARTNER_TAKES, LIST, 3, 8, 1, PAY, 10, 2, 2, 0, EXAMINE, 5, 0, 0, 3, DECIDE, 0, 3, DECIDE,
         1, 3, LIST, 4, 16, 0, 77, LIST, 4, 2, 1, 0, 1, CUT, 1, LIST, 5, 0, 0, POWER, VERIFY, PAY,
         10, 4, 3, 0, LIST, 6, 0, 0, PAY, 10, 5, 3, 0, GET, KC_TAG_HOTLIST, 0),
    /* Base and delta: taken, older, a delta without its base, a base that waits, malformed, forged, torn; the partner on it. */
    SEED(0, SELECT, PART, 1, 0, 5, 6, PART, 0, 0, 0, 5, PART, 1, 0, 5, 6, PART, 1, 0, 5, 6, PART, 0,
         0, 0, 9, PART, 3, 0, 9, 10, VERIFY, PAY, 10, 1, 1, 0, EXAMINE, 5, 0, 0, 3, PART, 4, 0, 0,
         12, 2, 1, 0, 1, 0, PART, 4, 0, 0, 13, 2, 1, 0, 1, 255, PART, 1, 1, 9, 14, PART, 1, 2, 9,
         14, PART, 1, 8, 9, 14, PART, 9, 0, 9, 14, 40, CUT, 1, PART, 1, 0, 9, 15, POWER, PART, 1, 0,
         9, 15, LIST, 20, 0, 0, GET, KC_TAG_HOTLIST, 0, GET, KC_TAG_HOTLIST_DELTA, 0),
    /* New keys made inside, cut in each step; the old ones come back to nothing, and the new ones pay. */
    SEED(0, SELECT, VERIFY, RENEW, 1, KEYS, KEYS_RENEWED, KEYS_ASTRAY, KEYS, KEYS_RENEWED,
         KEYS_STRANGER, KEYS, KEYS_RENEWED, KEYS_UNASKED, KEYS, KEYS_RENEWED, KEYS_OTHER, CUT, 2,
         RENEW, 2, POWER, VERIFY, RENEW, 3, CUT, 3, KEYS, KEYS_RENEWED, 0, POWER, KEYS,
         KEYS_RENEWED, 0, KEYS, KEYS_RENEWED, 0, VERIFY, PAY, 10, 4, 1, 0, CONCLUDE, 0,
         PARTNER_TAKES, SETTLE, 5, RENEW, 6),
    /* New keys by the authority, with a payment open. */
    SEED(0, SELECT, VERIFY, HANDOVER, 2, 1, HANDOVER, 1, 1, KEYS, KEYS_CLAIMED, KEYS_STRANGER, KEYS,
         KEYS_CLAIMED, 0, HANDOVER, 2, 2, KEYS, KEYS_GIVEN, KEYS_STRANGER, KEYS, KEYS_GIVEN,
         KEYS_ASTRAY, KEYS, KEYS_GIVEN, 0, HANDOVER, 3, 3, KEYS, KEYS_DONE, 0, PAY, 10, 4, 1, 0,
         SETTLE, 5, HANDOVER, 1, 6, KEYS, KEYS_REFUSED, 0),
    /* New keys of the authority before and after a claim; forged, older, torn. */
    SEED(0, SELECT, VERIFY, NOTICE, 0, 1, NOTICE, KEYS_STRANGER, 2, NOTICE, KEYS_OTHER, 2, NOTICE,
         0, 0, NOTICE, 128, 3, 9, HANDOVER, 1, 1, KEYS, KEYS_CLAIMED, 0, HANDOVER, 2, 2, NOTICE,
         KEYS_ASTRAY, 3, KEYS, KEYS_GIVEN, 0, HANDOVER, 2, 3, KEYS, KEYS_GIVEN, 0, CUT, 1, NOTICE,
         0, 4, POWER, VERIFY, NOTICE, 0, 4, HANDOVER, 2, 4, KEYS, KEYS_GIVEN, 0, HANDOVER, 3, 5,
         KEYS, KEYS_DONE, 0, GET, KC_TAG_AUTHORITY_CERTIFICATE, 0),
    /* New keys of the bank: one after the other, forged, in the wrong order, torn; what the old one signed, late. */
    SEED(0, SELECT, ROLL, 0, 1, 1, 200, ROLL, 0, 8, 1, 200, ROLL, 0, 2, 1, 200, CUT, 1, ROLL, 0, 0,
         1, 9, POWER, ROLL, 0, 0, 1, 9, ROLL, 0, 0, 1, 9, ROLL, 1, 1, 0, 0, ROLL, 1, 0, 0, 0, ROLL,
         0, 0, 3, 9, PART, 2, 0, 0, 4, VERIFY, STATE, 20, BANK, STATE_REPLY, NONE, 2, 0, 1, 244,
         ROLL, 0, 0, 2, 30, RENEW, 40, KEYS, KEYS_RENEWED, 0, POWER),
    /* Personalisation, out of order once and whole once. */
    SEED(1, STEP, 0, STEP, 14, STEP, 3, STEP, 2, STEP, 1, STEP, 4, STEP, 5, STEP, 6, STEP, 7, STEP,
         8, STEP, 9, STEP, 10, STEP, 11, STEP, 12, STEP, 13, STEP, 14, VERIFY, CASH, 1, 0, 9, 1,
         BANK, QUOTE, 0, 0, 0, 0, 0, POWER),
    SEED(1, STEP, 0, RAW, 0, 4, 0x80, 0x46, 0x01, 0x00, RAW, 0, 4, 0x80, 0x48, 0x00, 0x00, STEP, 1,
         RAW, 0, 4, 0x80, 0x48, 0x00, 0x00, CUT, 2, STEP, 11, POWER, STEP, 11),
    /* A key put a second time, cut in its middle: the purse is still being personalised, and it is put again. */
    SEED(1, STEP, 0, STEP, 2, STEP, 3, CUT, 1, STEP, 3, POWER, STEP, 3, STEP, 1, STEP, 4, STEP, 5,
         STEP, 6, STEP, 7, STEP, 8, STEP, 9, STEP, 10, STEP, 11, STEP, 12, STEP, 13, STEP, 14),
};

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    if (index >= sizeof seeds / sizeof seeds[0]) {
        return 0;
    }
    memcpy(out, seeds[index].bytes, seeds[index].size);
    return seeds[index].size;
}
