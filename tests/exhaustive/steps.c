/* The steps: which are possible, what each does to a purse or to the bank, and to what is on its way.
 *
 * IDENTIFY, OFFER and PAY are one step: the first two change nothing, and whatever the payee does between OFFER and PAY
 * it may as well do between PAY and the payment's arrival, since the payer does not see it. Only an offer that is older
 * than something the payer did itself is another case; STEP_PAY_OLD is that. EXAMINE and DECIDE are one: another payment
 * examined in between takes the place of the first. What a purse gives again without a change (OPEN PAYMENT, a decided
 * payment delivered again) is on its way from the commit on, so that a power cut after the commit, which loses the
 * response, leads to the same state as the command. */
#include "small.h"

#include <string.h>

#include "base/assert.h"
#include "view.h"

#define COUNTER_MS 4096u
#define SEQUENCE_MS 64u
#define AMOUNT_MAX 3u
#define UNTAKEN_MAX 2u /* certified values that a purse has not taken when it reports again */
#define LOOP_MARK (UINT64_C(1) << 63)
#define CUTS_A_WRITE 5u
#define ROUNDS_MAX 4u

static struct kc_purse *core_of(struct run *run, unsigned purse)
{
    return &run->whole->purses[purse].core;
}

/* The host's clock follows from what the purse did, so that the same history has the same stamps in whichever order the
 * others moved. */
static uint64_t now_of(struct run *run, unsigned purse)
{
    const struct kc_purse *core = core_of(run, purse);
    return run->whole->base->now_ms + core->state.counter * COUNTER_MS +
           core->certified.sequence * SEQUENCE_MS;
}

static unsigned payee_of(struct step step)
{
    return step.at / 4u;
}

static struct kc_amount amount_of(struct step step)
{
    struct kc_amount amount = kc_amount_zero();
    KC_ASSERT(!kc_failed(kc_amount_from_minor(&amount, step.at % 4u)));
    return amount;
}

/* Whose memory a step changes. */
static unsigned actor_of(const struct run *run, struct step step)
{
    bool payee = step.kind == STEP_OK || step.kind == STEP_NG;
    return payee ? run->pool.payment[step.at].payee : step.purse;
}

/* ---- commands ---- */

static struct kc_result pay(struct kc_view *out, struct run *run, struct step step)
{
    struct kc_slot *slot = whole_slot(run->whole, step.purse);
    struct kc_view offer = run->old_offers[step.purse][payee_of(step)];
    struct kc_result result = kc_ok();
    if (step.kind == STEP_PAY) {
        struct kc_view identify;
        result = kc_slot_identify(&identify, slot, false);
        if (!kc_failed(result)) {
            result = kc_slot_offer(&offer, whole_slot(run->whole, payee_of(step)), kc_amount_zero(),
                                   identify);
        }
    }
    return kc_failed(result)
               ? result
               : kc_slot_pay(out, slot, amount_of(step), now_of(run, step.purse), offer);
}

static struct kc_result decide(struct kc_view *out, struct run *run, struct step step)
{
    struct kc_payment_order order;
    bool answered;
    const struct sent *sent = &run->pool.payment[step.at];
    struct kc_slot *slot = whole_slot(run->whole, sent->payee);
    uint64_t now_ms = now_of(run, sent->payee);
    struct kc_result result = kc_slot_examine(&order, &answered, slot, now_ms, sent->payment);
    return kc_failed(result)
               ? result
               : kc_slot_decide(out, slot, step.kind == STEP_OK ? KC_ANSWER_OK : KC_ANSWER_NG,
                                now_ms);
}

/* The command of a step; the response lies in the slot. */
static struct kc_result command(struct kc_view *out, struct run *run, struct step step)
{
    struct kc_slot *slot = whole_slot(run->whole, step.purse);
    *out = kc_view(NULL, 0);
    run_touch_purse(run, actor_of(run, step));
    switch ((enum step_kind)step.kind) {
    case STEP_PAY:
    case STEP_PAY_OLD:
        return pay(out, run, step);
    case STEP_OK:
    case STEP_NG:
        return decide(out, run, step);
    case STEP_CONCLUDE:
        return kc_slot_conclude(out, slot, run->pool.payment[step.at].answer);
    case STEP_REQUEST:
        return kc_slot_settle_request(out, slot, now_of(run, step.purse));
    case STEP_TAKE:
        return kc_slot_take(out, slot, run->pool.reply[step.purse][step.at].bytes);
    case STEP_SERVE:
    case STEP_EXCHANGE:
    case STEP_SYNC:
    case STEP_WITHDRAW:
    case STEP_DEPOSIT:
        break;
    }
    return kc_result(KC_INTERNAL);
}

/* ---- what comes of them ---- */

static unsigned find_purse(const struct run *run, uint64_t number)
{
    unsigned at = 0;
    while (at < PURSES && run->whole->holders[at].purse.number != number) {
        at += 1;
    }
    return at;
}

static void absorb_payment(struct run *run, unsigned payer, struct kc_view bytes)
{
    struct kc_payment payment;
    struct kc_signed parsed;
    struct kc_payment_order order;
    struct pool *pool = &run->pool;
    struct sent sent = {.payer = (uint8_t)payer};
    sent.payment = run_keep(run, bytes);
    struct kc_result result = kc_shape_decode(&payment, &kc_payment_shape, sent.payment);
    if (!kc_failed(result)) {
        result = kc_brief_parse(&parsed, payment.order);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload);
    }
    unsigned payee = kc_failed(result) ? PURSES : find_purse(run, order.payee_purse.number);
    if (payee == PURSES) {
        run_trouble(run, "no payment came out", payer, result.code);
        return;
    }
    sent.payee = (uint8_t)payee;
    kc_digest(&run->whole->bank.crypto, sent.digest, payment.order);
    for (unsigned i = 0; i < pool->payments; i++) {
        if (memcmp(pool->payment[i].digest, sent.digest, KC_DIGEST_SIZE) == 0) {
            return;
        }
    }
    KC_ASSERT(pool->payments < PAYMENTS_MAX);
    pool->payment[pool->payments++] = sent;
}

static void absorb_answer(struct run *run, struct sent *sent, struct kc_view bytes)
{
    struct kc_payment_answer answer;
    struct kc_result result = kc_shape_decode(&answer, &kc_payment_answer_shape, bytes);
    if (kc_failed(result) || (sent->answered && sent->taken != answer.taken)) {
        run_trouble(run, "another answer than before", sent->payee, result.code);
        return;
    }
    if (!sent->answered) {
        sent->answered = true;
        sent->taken = answer.taken;
        sent->answer = run_keep(run, bytes);
    }
}

static void absorb_request(struct run *run, unsigned purse, struct kc_view bytes)
{
    struct pool *pool = &run->pool;
    struct asked *list = pool->request[purse];
    struct asked asked = {.bytes = run_keep(run, bytes),
                          .stamp_ms = core_of(run, purse)->state.stamp_ms,
                          .made_of = canon_purse(run, purse, false)};
    kc_digest(&run->whole->bank.crypto, asked.digest, asked.bytes);
    list[1] = list[0];
    list[0] = asked;
    pool->requests[purse] += pool->requests[purse] < KEPT_MAX ? 1 : 0;
}

static void absorb_reply(struct run *run, unsigned purse, const uint8_t request[KC_DIGEST_SIZE],
                         struct kc_view bytes)
{
    struct pool *pool = &run->pool;
    struct told *list = pool->reply[purse];
    struct told told;
    memcpy(told.request, request, KC_DIGEST_SIZE);
    kc_digest(&run->whole->bank.crypto, told.digest, bytes);
    if (pool->replies[purse] > 0 && memcmp(list[0].digest, told.digest, KC_DIGEST_SIZE) == 0) {
        return;
    }
    told.bytes = run_keep(run, bytes);
    list[1] = list[0];
    list[0] = told;
    pool->replies[purse] += pool->replies[purse] < KEPT_MAX ? 1 : 0;
}

/* Whether the payer's log holds the payment as open. */
static bool is_open(struct run *run, const struct sent *sent)
{
    struct kc_purse *core = core_of(run, sent->payer);
    for (size_t i = 0; i < core->state.open.count; i++) {
        struct kc_open_payment open;
        struct slot_view slot;
        if (view_open(&open, core, i) && view_slot(&slot, core, open.counter) &&
            memcmp(slot.entry.partner, sent->digest, KC_DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static void serve(struct run *run, struct step step)
{
    struct kc_view reply;
    struct asked asked = run->pool.request[step.purse][step.at];
    bool alive = canon_alive(run, step.purse, &asked);
    struct key before = alive ? (struct key){{0, 0}} : canon_bank(run);
    run_touch_bank(run);
    struct kc_result result = whole_bank_serve(&reply, run->whole, asked.bytes);
    if (alive && !kc_failed(result)) {
        absorb_reply(run, step.purse, asked.digest, reply);
    } else if (alive || result.code != KC_REPLAYED) {
        run_trouble(run, "the bank answers otherwise", step.purse, result.code);
    } else {
        struct key after = canon_bank(run);
        if (!key_equal(&before, &after)) {
            run_trouble(run, "an old report moved something", step.purse, result.code);
        }
    }
}

/* What the command may say. */
struct expected {
    bool ok;
    enum kc_error error; /* or KC_OK */
};

static struct expected expect(struct run *run, struct step step)
{
    const struct pool *pool = &run->pool;
    struct expected expected = {.ok = true, .error = KC_OK};
    if (step.kind == STEP_CONCLUDE && !is_open(run, &pool->payment[step.at])) {
        /* It was concluded before, or the bank ended it. */
        expected.error = KC_ASK_BANK;
    }
    if (step.kind == STEP_TAKE &&
        memcmp(pool->reply[step.purse][step.at].request,
               core_of(run, step.purse)->state.settle_request, KC_DIGEST_SIZE) != 0) {
        expected = (struct expected){.ok = false, .error = KC_MISMATCH};
    }
    return expected;
}

static void absorb(struct run *run, struct step step, struct kc_view out)
{
    switch ((enum step_kind)step.kind) {
    case STEP_PAY:
    case STEP_PAY_OLD:
        absorb_payment(run, step.purse, out);
        break;
    case STEP_OK:
    case STEP_NG:
        absorb_answer(run, &run->pool.payment[step.at], out);
        break;
    case STEP_REQUEST:
        absorb_request(run, step.purse, out);
        break;
    case STEP_CONCLUDE:
    case STEP_TAKE:
    case STEP_SERVE:
    case STEP_EXCHANGE:
    case STEP_SYNC:
    case STEP_WITHDRAW:
    case STEP_DEPOSIT:
        break;
    }
}

/* ---- power cuts ---- */

/* In the middle of that write, or after it; of what was not synced, nothing, the oldest, or every other lost. Before it
 * is after the one before; and all lost is as after the last write before the last sync. */
static struct nvm_cut cut_of(unsigned number)
{
    static const struct nvm_cut ways[CUTS_A_WRITE] = {{.byte = 9},
                                                      {.byte = SIZE_MAX},
                                                      {.byte = 9, .lost = 1},
                                                      {.byte = SIZE_MAX, .lost = 1},
                                                      {.byte = SIZE_MAX, .lost = 0x55555555}};
    struct nvm_cut cut = ways[number % CUTS_A_WRITE];
    cut.write = 1 + number / CUTS_A_WRITE;
    return cut;
}

/* False when the command was over before. */
static bool command_cut(struct run *run, struct step step, unsigned number)
{
    struct kc_view out;
    unsigned actor = actor_of(run, step);
    const struct nvm_cut cut = cut_of(number);
    nvm_arm(&run->whole->purses[actor].nvm, &cut);
    struct kc_result result = command(&out, run, step);
    bool dead = run->whole->purses[actor].nvm.dead;
    KC_ASSERT(!dead || result.code == KC_UNREACHABLE);
    whole_power_cycle(run->whole, actor);
    return dead;
}

/* Runs the command whole and with every cut, from the level; marks the cuts that lead somewhere else. */
static uint64_t try_cuts(unsigned *tried, struct run *run, struct step step)
{
    struct key seen[2 + CUTS_MAX];
    struct kc_view out;
    unsigned actor = actor_of(run, step);
    size_t count = 2;
    uint64_t marks = 0;
    seen[0] = canon_purse(run, actor, true);
    (void)kc_failed(command(&out, run, step));
    seen[1] = canon_purse(run, actor, true);
    marks |= key_equal(&seen[0], &seen[1]) ? LOOP_MARK : 0;
    run_back(run, run->at);
    for (unsigned cut = 0; cut < CUTS_MAX; cut++) {
        bool dead = command_cut(run, step, cut);
        struct key key = canon_purse(run, actor, true);
        bool known = false;
        run_back(run, run->at);
        if (!dead) {
            break;
        }
        *tried += 1;
        for (size_t i = 0; i < count; i++) {
            known = known || key_equal(&seen[i], &key);
        }
        if (!known) {
            seen[count++] = key;
            marks |= UINT64_C(1) << cut;
        }
    }
    return marks;
}

/* The purse and all that the command brings to it, as a key. */
static struct key command_key(struct run *run, struct step step)
{
    bool pays = step.kind == STEP_PAY || step.kind == STEP_PAY_OLD;
    struct key keys[3] = {{{0, 0}}, {{0, 0}}, {{step.kind, pays ? step.at : 0}}};
    unsigned actor = actor_of(run, step);
    keys[0] = canon_purse(run, actor, true);
    if (step.kind == STEP_PAY) {
        keys[1].words[0] = core_of(run, payee_of(step))->state.counter;
    } else if (step.kind != STEP_PAY_OLD && step.kind != STEP_REQUEST) {
        const uint8_t *digest = step.kind == STEP_TAKE ? run->pool.reply[actor][step.at].digest
                                                       : run->pool.payment[step.at].digest;
        memcpy(&keys[1], digest, sizeof keys[1]);
        keys[2].words[1] = step.kind == STEP_CONCLUDE && run->pool.payment[step.at].taken;
    }
    return canon_join(run, keys, 3);
}

/* ---- the list ---- */

struct list {
    struct step *steps;
    size_t count;
    unsigned extra;
    struct tables *tables;
};

static void add(struct list *list, struct step step)
{
    KC_ASSERT(list->count < STEPS_MAX);
    list->steps[list->count++] = step;
}

static void add_whole(struct list *list, struct step step)
{
    if ((list->extra & EXTRA_WHOLE) != 0) {
        add(list, step);
    }
}

/* A command, and its power cuts that lead elsewhere. A repeat that is known to change nothing is left out. */
static void add_command(struct list *list, struct run *run, struct step step)
{
    uint64_t marks;
    struct key key = command_key(run, step);
    if (!tables_find_cuts(list->tables, key, &marks)) {
        unsigned tried = 0;
        marks = try_cuts(&tried, run, step);
        if (tables_put_cuts(list->tables, key, marks, tried)) {
            marks &= ~LOOP_MARK;
        }
    }
    bool loop = (marks & LOOP_MARK) != 0;
    bool heard =
        step.kind == STEP_CONCLUDE || step.kind == STEP_TAKE ||
        ((step.kind == STEP_OK || step.kind == STEP_NG) && run->pool.payment[step.at].answered);
    if (!loop || !heard) {
        add(list, step);
    }
    for (unsigned cut = 0; cut < CUTS_MAX; cut++) {
        if ((marks >> cut & 1u) != 0) {
            step.cut = (uint8_t)(cut + 1);
            add(list, step);
        }
    }
}

static bool owes(struct run *run, unsigned payer, unsigned payee)
{
    struct kc_purse *core = core_of(run, payer);
    uint64_t number = run->whole->holders[payee].purse.number;
    for (size_t i = 0; i < core->state.open.count; i++) {
        struct kc_open_payment open;
        if (view_open(&open, core, i) && open.payee_purse.number == number) {
            return true;
        }
    }
    return false;
}

static void list_payments(struct list *list, struct run *run, unsigned payer)
{
    uint64_t value = kc_amount_minor(core_of(run, payer)->state.value);
    for (unsigned payee = 0; payee < PURSES; payee++) {
        if (payee == payer || owes(run, payer, payee)) {
            continue;
        }
        bool moved = core_of(run, payee)->state.counter > run->start_counter[payee];
        for (unsigned amount = 1; amount <= AMOUNT_MAX && amount <= value; amount++) {
            struct step step = {
                .kind = STEP_PAY, .purse = (uint8_t)payer, .at = (uint8_t)(payee * 4 + amount)};
            add_command(list, run, step);
            step.kind = STEP_EXCHANGE;
            add_whole(list, step);
            step.kind = STEP_PAY_OLD;
            if (moved) {
                add_command(list, run, step);
            }
        }
    }
}

/* A purse reports again when it has changed since, or when the bank has heard the last report; and not while it has let
 * UNTAKEN_MAX certified values go by. An equal report that the bank has not heard would be the same one with a later
 * stamp. */
static bool may_report(struct run *run, unsigned purse)
{
    const struct pool *pool = &run->pool;
    const struct asked *newest = &pool->request[purse][0];
    const struct kc_purse_row *row = canon_row_of(run, purse);
    struct key key = canon_purse(run, purse, false);
    if (row->sequence - core_of(run, purse)->certified.sequence >= UNTAKEN_MAX) {
        return false;
    }
    return pool->requests[purse] == 0 || !key_equal(&key, &newest->made_of) ||
           newest->stamp_ms <= row->last_ms;
}

/* A purse asks for cash when it has reported and heard the reply: else the bank says that it has to do so first. */
static void list_cash(struct list *list, struct run *run, unsigned purse)
{
    const struct kc_purse *core = core_of(run, purse);
    const struct ram_store *store = &run->whole->store;
    uint64_t account = run->whole->holders[purse].account.number;
    if ((list->extra & EXTRA_CASH) == 0 || view_uncovered(core) != 0 ||
        core->certified.sequence != canon_row_of(run, purse)->sequence) {
        return;
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_ACCOUNTS]; i++) {
        if (store->accounts[i].account.number == account &&
            !kc_amount_is_zero(store->accounts[i].balance)) {
            add(list, (struct step){.kind = STEP_WITHDRAW, .purse = (uint8_t)purse});
        }
    }
    if (!kc_amount_is_zero(core->state.value)) {
        add(list, (struct step){.kind = STEP_DEPOSIT, .purse = (uint8_t)purse});
    }
}

static void list_envelopes(struct list *list, struct run *run, unsigned purse)
{
    struct step step = {.kind = STEP_REQUEST, .purse = (uint8_t)purse};
    if (may_report(run, purse)) {
        add_command(list, run, step);
        step.kind = STEP_SYNC;
        add_whole(list, step);
    }
    for (unsigned i = 0; i < run->pool.requests[purse]; i++) {
        const struct asked *asked = &run->pool.request[purse][i];
        struct key keys[2] = {canon_bank(run), {{0, 0}}};
        memcpy(&keys[1], asked->digest, sizeof keys[1]);
        if (canon_alive(run, purse, asked) ||
            tables_add(list->tables, USE_DEAD, canon_join(run, keys, 2))) {
            add(list, (struct step){.kind = STEP_SERVE, .purse = (uint8_t)purse, .at = (uint8_t)i});
        }
    }
    for (unsigned i = 0; i < run->pool.replies[purse]; i++) {
        add_command(list, run,
                    (struct step){.kind = STEP_TAKE, .purse = (uint8_t)purse, .at = (uint8_t)i});
    }
}

size_t steps_list(struct step steps[STEPS_MAX], struct run *run, struct tables *tables,
                  unsigned extra)
{
    struct list list = {.steps = steps, .extra = extra, .tables = tables};
    for (unsigned i = 0; i < run->pool.payments; i++) {
        struct step step = {.kind = STEP_OK, .purse = run->pool.payment[i].payer, .at = (uint8_t)i};
        add_command(&list, run, step);
        step.kind = STEP_NG;
        add_command(&list, run, step);
        step.kind = STEP_CONCLUDE;
        if (run->pool.payment[i].answered) {
            add_command(&list, run, step);
        }
    }
    for (unsigned i = 0; i < PURSES; i++) {
        list_payments(&list, run, i);
        list_envelopes(&list, run, i);
        list_cash(&list, run, i);
    }
    return list.count;
}

/* What is open and never came out. */
static void absorb_open(struct run *run, unsigned purse)
{
    struct kc_view out;
    for (uint8_t i = 0; i < core_of(run, purse)->state.open.count; i++) {
        struct kc_result result = kc_slot_open_payment(&out, whole_slot(run->whole, purse), i);
        if (kc_failed(result)) {
            run_trouble(run, "an open payment is lost", purse, result.code);
        } else {
            absorb_payment(run, purse, out);
        }
    }
}

/* One command, or one message at the bank. */
static void take_one(struct run *run, struct step step)
{
    struct kc_view out;
    unsigned actor = actor_of(run, step);
    if (step.kind == STEP_SERVE) {
        serve(run, step);
        return;
    }
    if (step.cut != 0) {
        (void)command_cut(run, step, step.cut - 1u);
        absorb_open(run, actor);
        return;
    }
    struct expected expected = expect(run, step);
    struct kc_result result = command(&out, run, step);
    bool good = result.code == KC_OK ? expected.ok : result.code == expected.error;
    if (!good) {
        run_trouble(run, "a command ends otherwise", actor, result.code);
    } else if (!kc_failed(result)) {
        absorb(run, step, out);
    }
}

static void take_kinds(struct run *run, struct step step, const enum step_kind kinds[3])
{
    for (unsigned i = 0; i < 3 && run->trouble[0] == '\0'; i++) {
        step.kind = (uint8_t)kinds[i];
        take_one(run, step);
        if (kinds[i] == STEP_PAY) {
            step.at = (uint8_t)(run->pool.payments - 1);
        }
    }
}

/* An envelope to the bank, and its reply to the purse. */
static struct kc_result carry(struct run *run, unsigned purse, struct kc_view envelope)
{
    struct kc_view reply;
    struct kc_view message;
    struct kc_result result = whole_bank_serve(&reply, run->whole, envelope);
    return kc_failed(result) ? result
                             : kc_slot_take(&message, whole_slot(run->whole, purse), reply);
}

static void take_cash(struct run *run, struct step step)
{
    struct kc_view envelope;
    struct kc_amount one = kc_amount_zero();
    struct kc_slot *slot = whole_slot(run->whole, step.purse);
    bool withdraws = step.kind == STEP_WITHDRAW;
    run_touch_purse(run, step.purse);
    run_touch_bank(run);
    KC_ASSERT(!kc_failed(kc_amount_from_minor(&one, 1)));
    struct kc_result result = kc_slot_cash_request(
        &envelope, slot, withdraws ? KC_CASH_KIND_WITHDRAW : KC_CASH_KIND_DEPOSIT, one,
        now_of(run, step.purse));
    if (!kc_failed(result)) {
        result = carry(run, step.purse, envelope);
    }
    if (!kc_failed(result)) {
        result = kc_slot_answer(&envelope, slot, KC_ANSWER_OK, now_of(run, step.purse));
    }
    if (!kc_failed(result)) {
        result = carry(run, step.purse, envelope);
    }
    if (kc_failed(result)) {
        run_trouble(run, "cash is refused", step.purse, result.code);
    } else if (withdraws) {
        run->pool.drawn[step.purse][core_of(run, step.purse)->state.counter] += 1;
    }
}

void step_take(struct run *run, struct step step)
{
    static const enum step_kind exchange[3] = {STEP_PAY, STEP_OK, STEP_CONCLUDE};
    static const enum step_kind sync[3] = {STEP_REQUEST, STEP_SERVE, STEP_TAKE};
    if (step.kind == STEP_EXCHANGE) {
        take_kinds(run, step, exchange);
    } else if (step.kind == STEP_SYNC) {
        take_kinds(run, step, sync);
    } else if (step.kind == STEP_WITHDRAW || step.kind == STEP_DEPOSIT) {
        take_cash(run, step);
    } else {
        take_one(run, step);
    }
}

void step_print(FILE *out, struct step step)
{
    static const char *const words[] = {[STEP_PAY] = "pays",
                                        [STEP_PAY_OLD] = "pays on an old offer",
                                        [STEP_OK] = "has its payment met by OK: number",
                                        [STEP_NG] = "has its payment met by NG: number",
                                        [STEP_CONCLUDE] = "hears the answer to payment number",
                                        [STEP_REQUEST] = "makes a report",
                                        [STEP_SERVE] =
                                            "has its report reach the bank: the newest but",
                                        [STEP_TAKE] = "takes the bank's reply: the newest but",
                                        [STEP_EXCHANGE] = "pays, with OK and answer,",
                                        [STEP_SYNC] = "reports, and hears the reply",
                                        [STEP_WITHDRAW] = "withdraws 1",
                                        [STEP_DEPOSIT] = "deposits 1"};
    (void)fprintf(out, "%c %s", 'A' + step.purse, words[step.kind]);
    if (step.kind == STEP_PAY || step.kind == STEP_PAY_OLD || step.kind == STEP_EXCHANGE) {
        (void)fprintf(out, " %u to %c", step.at % 4u, (int)('A' + payee_of(step)));
    } else if (step.kind != STEP_REQUEST && step.kind < STEP_EXCHANGE) {
        (void)fprintf(out, " %u", step.at);
    }
    if (step.cut != 0) {
        const struct nvm_cut cut = cut_of(step.cut - 1u);
        (void)fprintf(out, ", power cut at write %u, byte %zu, lost %08x", cut.write, cut.byte,
                      cut.lost);
    }
    (void)fprintf(out, "\n");
}

/* ---- endings ---- */

void contact_again(struct run *run, unsigned payer)
{
    uint8_t index = 0;
    while (index < core_of(run, payer)->state.open.count && run->trouble[0] == '\0') {
        struct kc_view out;
        struct kc_result result = kc_slot_open_payment(&out, whole_slot(run->whole, payer), index);
        size_t before = core_of(run, payer)->state.open.count;
        run->pool.payments = 0;
        if (!kc_failed(result)) {
            absorb_payment(run, payer, out);
        }
        if (kc_failed(result) || run->pool.payments != 1) {
            run_trouble(run, "an open payment is lost", payer, result.code);
            return;
        }
        step_take(run, (struct step){.kind = STEP_OK, .purse = (uint8_t)payer});
        step_take(run, (struct step){.kind = STEP_CONCLUDE, .purse = (uint8_t)payer});
        if (core_of(run, payer)->state.open.count == before) {
            index = (uint8_t)(index + 1);
        }
    }
    if (index > 0) {
        run_trouble(run, "a payment stays open after a contact", payer, KC_OK);
    }
}

void report_all(struct run *run, unsigned purse)
{
    struct kc_purse *core = core_of(run, purse);
    for (unsigned round = 0; round < ROUNDS_MAX && run->trouble[0] == '\0'; round++) {
        uint64_t before = core->certified.counter;
        run->pool.requests[purse] = 0;
        run->pool.replies[purse] = 0;
        step_take(run, (struct step){.kind = STEP_REQUEST, .purse = (uint8_t)purse});
        step_take(run, (struct step){.kind = STEP_SERVE, .purse = (uint8_t)purse});
        if (run->trouble[0] == '\0') {
            step_take(run, (struct step){.kind = STEP_TAKE, .purse = (uint8_t)purse});
        }
        if (view_uncovered(core) == 0 || core->certified.counter == before) {
            return;
        }
    }
}
