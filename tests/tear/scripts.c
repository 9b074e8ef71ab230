#include "scripts.h"

#include "purse/inside.h"

/* ---- steps ---- */

static enum kc_error ask_withdraw(struct world *world)
{
    return world_order(world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 100);
}

static enum kc_error ask_deposit(struct world *world)
{
    return world_order(world, KC_INS_CASH_REQUEST, KC_CASH_KIND_DEPOSIT, 100);
}

static enum kc_error ask_transfer(struct world *world)
{
    return world_transfer(world, KC_TRANSFER_SOURCE_PURSE, 100, kc_account_nth(424242).number);
}

static enum kc_error ask_transfer_account(struct world *world)
{
    return world_transfer(world, KC_TRANSFER_SOURCE_ACCOUNT, 100, kc_account_nth(424242).number);
}

static enum kc_error ask_fund(struct world *world)
{
    return world_order(world, KC_INS_FUND_REQUEST, KC_FUND_KIND_FUND, 100);
}

static enum kc_error ask_redeem(struct world *world)
{
    return world_order(world, KC_INS_FUND_REQUEST, KC_FUND_KIND_REDEEM, 100);
}

static enum kc_error say_ok(struct world *world)
{
    return world_answer(world, KC_ANSWER_OK);
}

static enum kc_error say_ng(struct world *world)
{
    return world_answer(world, KC_ANSWER_NG);
}

/* The bank's amount when the transaction is booked: a cash-out has left the purse already, so only a withdrawal adds. */
static uint64_t booked(const struct world *world)
{
    bool withdrawal = world->purse.state.pending_kind == KC_CASH_KIND_WITHDRAW &&
                      !world->purse.state.has_pending_to;
    return world_value(world) + (withdrawal ? 100 : 0);
}

static uint64_t unbooked(const struct world *world)
{
    return world_value(world) + (world_uncovered(world) > 0 ? 100 : 0);
}

static enum kc_error completed(struct world *world)
{
    return world_take_completion(world, KC_OUTCOME_COMPLETED, world_uncovered(world),
                                 booked(world));
}

static enum kc_error not_completed(struct world *world)
{
    return world_take_completion(world, KC_OUTCOME_NOT_COMPLETED, 0, unbooked(world));
}

static enum kc_error state_completed(struct world *world)
{
    return world_take_state(world, KC_OUTCOME_COMPLETED, world_uncovered(world), booked(world));
}

static enum kc_error state_not_completed(struct world *world)
{
    return world_take_state(world, KC_OUTCOME_NOT_COMPLETED, 0, unbooked(world));
}

/* The deposit alone is booked; what was paid and received since stands on top. */
static enum kc_error deposit_completed(struct world *world)
{
    return world_take_completion(world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE - 100);
}

/* Conforms a purse with nothing open to a value of the bank's. */
static enum kc_error state_conforms(struct world *world)
{
    return world_take_state(world, KC_OUTCOME_NONE, 0, WORLD_VALUE + 7);
}

static enum kc_error fund_completed(struct world *world)
{
    return world_take_fund(world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE);
}

static enum kc_error fund_refused(struct world *world)
{
    return world_take_fund(world, KC_OUTCOME_REFUSED, 0, WORLD_VALUE);
}

static enum kc_error fund_in_doubt(struct world *world)
{
    return world_take_fund(world, KC_OUTCOME_IN_DOUBT, 0, WORLD_VALUE);
}

static enum kc_error state_funded(struct world *world)
{
    return world_take_state(world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE);
}

static enum kc_error refused(struct world *world)
{
    return world_take_refusal(world, world->purse.state.request, KC_INSUFFICIENT_ACCOUNT);
}

static enum kc_error answer_refused(struct world *world)
{
    return world_take_refusal(world, world->purse.state.answer, KC_BUSY);
}

static enum kc_error blocked(struct world *world)
{
    return world_take_refusal(world, world->purse.state.request, KC_COPIED_OR_RESTORED);
}

/* ---- with another purse ---- */

static enum kc_error pay(struct world *world)
{
    return world_pay(world, 10);
}

static enum kc_error open_again(struct world *world)
{
    return world_open_payment(world, 0);
}

/* An open payment again, under the identity whose key signed it, whichever that is by now. */
static enum kc_error open_verified(struct world *world)
{
    struct kc_payment payment;
    struct kc_signed order;
    struct kc_identity identity;
    enum kc_error error = world_open_payment(world, 0);
    if (error != KC_OK) {
        return error;
    }
    if (kc_failed(kc_shape_decode(&payment, &kc_payment_shape, world_data(world))) ||
        !payment.has_identity || kc_failed(kc_brief_parse(&order, payment.order)) ||
        kc_failed(kc_identity_open(&identity, &world->crypto, &world->bank_sign.public_key,
                                   &world->realm, payment.identity))) {
        return KC_MALFORMED;
    }
    return kc_brief_verify(&order, &world->crypto, &identity.key, &world->realm,
                           kc_payment_order_shape.domain)
        .code;
}

static enum kc_error report_open(struct world *world)
{
    enum kc_error error = open_verified(world);
    return error == KC_OK ? world_settle_request(world) : error;
}

/* The partner's word on the newest payment. */
static enum kc_error conclude(struct world *world, bool taken)
{
    struct kc_log_slot slot;
    struct kc_entry entry;
    uint64_t counter = world->purse.state.counter;
    while (!kc_failed(kc_purse_log_entry(&entry, &slot, &world->purse, counter)) &&
           entry.kind != KC_ENTRY_KIND_PAY) {
        counter--;
    }
    return world_conclude(world, world_partner_answer(world, counter, taken));
}

static enum kc_error receipt(struct world *world)
{
    return conclude(world, true);
}

static enum kc_error decline(struct world *world)
{
    return conclude(world, false);
}

static enum kc_error examine_for(struct world *world, uint64_t counter)
{
    return world_examine(world, world_partner_payment(world, counter, 20));
}

static enum kc_error examine(struct world *world)
{
    return examine_for(world, world->purse.state.counter + 1);
}

static enum kc_error decide(struct world *world, uint64_t counter, enum kc_answer answer)
{
    enum kc_error error = examine_for(world, counter);
    return error == KC_OK ? world_decide(world, answer) : error;
}

static enum kc_error decide_ok(struct world *world)
{
    return decide(world, world->purse.state.counter + 1, KC_ANSWER_OK);
}

static enum kc_error decide_ng(struct world *world)
{
    return decide(world, world->purse.state.counter + 1, KC_ANSWER_NG);
}

/* The same payment comes again, and the user says something else. */
static enum kc_error decided_again(struct world *world)
{
    return decide(world, world->purse.state.counter, KC_ANSWER_NG);
}

/* A payment of another amount for a counter that has an entry. */
static enum kc_error decide_passed(struct world *world)
{
    uint64_t counter = world->purse.state.counter;
    enum kc_error error = world_examine(world, world_partner_payment(world, counter, 21));
    return error == KC_OK ? world_decide(world, KC_ANSWER_OK) : error;
}

static enum kc_error settled(struct world *world)
{
    return world_take_settle(world, world_uncovered(world), world_value(world), NULL);
}

static enum kc_error settled_with(struct world *world, enum kc_error reason)
{
    struct kc_open_payment open;
    WORLD_CHECK(!kc_failed(kc_purse_open_get(&open, &world->purse.state, 0)));
    const struct kc_release release = {
        .counter = open.counter, .amount = open.amount, .reason = reason};
    return world_take_settle(world, world_uncovered(world), world_value(world), &release);
}

static enum kc_error settled_released(struct world *world)
{
    return settled_with(world, KC_OUT_OF_ORDER);
}

static enum kc_error settled_taken(struct world *world)
{
    return settled_with(world, KC_OK);
}

/* The list of that version, unless a cut left it whole already. */
static enum kc_error take_list(struct world *world, uint64_t version)
{
    const uint64_t numbers[] = {version, 1000, 70000 + version};
    enum kc_error error = world_take_hotlist(world, world_hotlist(world, version, numbers, 3));
    return error == KC_STALE_STATE && world->purse.hotlist.version == version ? KC_OK : error;
}

static enum kc_error list_1(struct world *world)
{
    return take_list(world, 1);
}

static enum kc_error list_2(struct world *world)
{
    return take_list(world, 2);
}

static enum kc_error list_3(struct world *world)
{
    return take_list(world, 3);
}

/* A part, unless a cut left it whole already; `then` is what is in force after it. */
static enum kc_error take_part(struct world *world, bool is_base, uint64_t on, uint64_t version,
                               uint64_t then)
{
    uint64_t number = kc_purse_nth(70000 + version).number;
    enum kc_error error =
        world_take_hotlist(world, world_hotlist_part(world, is_base, on, version, number));
    return error == KC_STALE_STATE && world->purse.hotlist.version == then ? KC_OK : error;
}

static enum kc_error delta_2(struct world *world)
{
    return take_part(world, false, 0, 2, 2);
}

static enum kc_error base_4(struct world *world)
{
    return take_part(world, true, 0, 4, 4);
}

static enum kc_error delta_5(struct world *world)
{
    return take_part(world, false, 4, 5, 5);
}

static enum kc_error delta_9(struct world *world)
{
    return take_part(world, false, 4, 9, 9);
}

static enum kc_error base_8_waits(struct world *world)
{
    return take_part(world, true, 0, 8, 9);
}

static enum kc_error delta_10(struct world *world)
{
    return take_part(world, false, 8, 10, 10);
}

/* The bank's new keys of that number, unless a cut left them whole already. */
static enum kc_error take_keys(struct world *world, uint64_t number)
{
    enum kc_error error = world_take_roll(world, world_roll(world, number));
    return error == KC_STALE_STATE && world->purse.roll_number == number ? KC_OK : error;
}

static enum kc_error keys_1(struct world *world)
{
    return take_keys(world, 1);
}

static enum kc_error keys_2(struct world *world)
{
    return take_keys(world, 2);
}

static enum kc_error keys_3(struct world *world)
{
    return take_keys(world, 3);
}

/* What the bank tells of the authority's keys, unless a cut left it whole already. */
static enum kc_error hear(struct world *world, uint64_t number)
{
    enum kc_error error = world_tell(world, number);
    return error == KC_STALE_STATE && kc_purse_notice_number(&world->purse) == number ? KC_OK
                                                                                      : error;
}

static enum kc_error notice_1(struct world *world)
{
    return hear(world, WORLD_TIME_MS + 1);
}

static enum kc_error notice_2(struct world *world)
{
    return hear(world, WORLD_TIME_MS + 2);
}

static enum kc_error notice_7(struct world *world)
{
    return hear(world, WORLD_TIME_MS + 7);
}

static enum kc_error take_next_keys(struct world *world)
{
    return world_take_keys_by(world, WORLD_AUTHORITY_NEXT_SIGN);
}

static enum kc_error take_next_done(struct world *world)
{
    return world_take_done_by(world, WORLD_AUTHORITY_NEXT_SIGN);
}

/* ---- the PIN, personalisation ---- */

static enum kc_error right_pin(struct world *world)
{
    return world_pin(world, WORLD_PIN);
}

static enum kc_error wrong_pin(struct world *world)
{
    return world_pin(world, WORLD_WRONG_PIN);
}

static enum kc_error change_pin(struct world *world)
{
    return world_send(world, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, kc_view_text("77777777"));
}

#define OUTSIDE(name, which)                                                                       \
    static enum kc_error name(struct world *world)                                                 \
    {                                                                                              \
        return world_personalise_step(world, which, false);                                        \
    }
OUTSIDE(put_settings, WORLD_SETTINGS)
OUTSIDE(put_sign_key, WORLD_SIGN_KEY)
OUTSIDE(put_encrypt_key, WORLD_ENCRYPT_KEY)
OUTSIDE(put_bank_verify, WORLD_BANK_VERIFY)
OUTSIDE(put_bank_encrypt, WORLD_BANK_ENCRYPT)
OUTSIDE(put_certificate_1, WORLD_SIGN_CERTIFICATE)
OUTSIDE(put_certificate_2, WORLD_ENCRYPT_CERTIFICATE)
OUTSIDE(put_certificate_3, WORLD_BANK_SIGN_CERTIFICATE)
OUTSIDE(put_certificate_4, WORLD_BANK_ENCRYPT_CERTIFICATE)
OUTSIDE(put_certificate_5, WORLD_AUTHORITY_CERTIFICATE)
OUTSIDE(put_pin, WORLD_PUT_PIN)
OUTSIDE(put_identity, WORLD_IDENTITY)
OUTSIDE(put_certified, WORLD_CERTIFIED)
OUTSIDE(activate, WORLD_ACTIVATE)

static enum kc_error generate(struct world *world)
{
    return world_personalise_step(world, WORLD_SIGN_KEY, true);
}

static enum kc_error put_longer_certificate(struct world *world)
{
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_SIGN_CERTIFICATE, 0,
                      kc_view_text("a certificate of another size than the one put before"));
}

/* ---- where scripts begin ---- */

static void blank(struct world *world)
{
    world_start(world);
    WORLD_CHECK(world_select(world) == KC_OK);
}

static void personalised(struct world *world)
{
    world_start(world);
    world_personalise(world, WORLD_STEP_COUNT, false);
}

static void made_inside(struct world *world)
{
    world_start(world);
    world_personalise(world, WORLD_STEP_COUNT, true);
}

/* Every slot of the history is taken, and the next entry overwrites one. */
static void full_history(struct world *world)
{
    world_ready(world);
    for (unsigned i = 0; i < 50; i++) {
        WORLD_CHECK(ask_deposit(world) == KC_OK);
        WORLD_CHECK(world_take_quote(world) == KC_OK);
        WORLD_CHECK(say_ok(world) == KC_OK);
        WORLD_CHECK(world_take_completion(world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE) == KC_OK);
    }
}

/* Entries that the bank has not counted lie in the list. */
static void open_entries(struct world *world)
{
    world_ready(world);
    for (unsigned i = 0; i < 2; i++) {
        WORLD_CHECK(ask_deposit(world) == KC_OK);
        WORLD_CHECK(world_take_quote(world) == KC_OK);
        WORLD_CHECK(say_ok(world) == KC_OK);
        WORLD_CHECK(world_take_completion(world, KC_OUTCOME_NOT_COMPLETED, 0, WORLD_VALUE) ==
                    KC_OK);
    }
}

/* Both sides of an exchange are behind it, and nothing is reported. */
static void exchanged(struct world *world)
{
    world_ready(world);
    WORLD_CHECK(pay(world) == KC_OK && receipt(world) == KC_OK);
    WORLD_CHECK(decide_ok(world) == KC_OK && decide_ng(world) == KC_OK);
}

/* Every slot of the log was taken, some by both sides of an exchange, and the partner is known; all is reported. */
static void full_of_exchanges(struct world *world)
{
    full_history(world);
    for (unsigned i = 0; i < 12; i++) {
        WORLD_CHECK(pay(world) == KC_OK && decline(world) == KC_OK);
        WORLD_CHECK(decide_ok(world) == KC_OK && decide_ng(world) == KC_OK);
        WORLD_CHECK(world_settle_request(world) == KC_OK && settled(world) == KC_OK);
    }
}

/* Every place of the log holds an entry that no certified value covers, and the policy is to overwrite. */
static void about_to_overwrite(struct world *world)
{
    world->log_policy = KC_LOG_POLICY_OVERWRITE;
    world_ready(world);
    world->log_policy = KC_LOG_POLICY_REFUSE;
    for (unsigned i = 0; i < 16; i++) {
        WORLD_CHECK(pay(world) == KC_OK && receipt(world) == KC_OK);
        WORLD_CHECK(decide_ok(world) == KC_OK && decide_ng(world) == KC_OK);
    }
    WORLD_CHECK(kc_purse_log_room(&world->purse) == 0 && !kc_purse_has_gap(&world->purse));
}

/* Some entries were given up already. */
static void overwriting(struct world *world)
{
    about_to_overwrite(world);
    WORLD_CHECK(pay(world) == KC_OK && decline(world) == KC_OK && decide_ok(world) == KC_OK);
    WORLD_CHECK(kc_purse_has_gap(&world->purse));
}

static enum kc_error ask_renewal(struct world *world)
{
    return world_renew_request(world);
}

static enum kc_error change_over(struct world *world)
{
    return world_take_renew(world);
}

static enum kc_error claim(struct world *world)
{
    return world_handover(world, 1);
}

static enum kc_error ask_keys(struct world *world)
{
    return world_handover(world, 2);
}

static enum kc_error confirm_keys(struct world *world)
{
    return world_handover(world, 3);
}

static enum kc_error confirmed(struct world *world)
{
    return world_take_settle(world, 1, WORLD_VALUE, NULL);
}

/* ---- scripts ---- */

#define SENDS(name, run)                                                                           \
    {                                                                                              \
        name, run, KC_OK, world_repeat, false                                                      \
    }
#define TAKES(name, run)                                                                           \
    {                                                                                              \
        name, run, KC_OK, NULL, false                                                              \
    }
#define GUESSES(name, run, wanted)                                                                 \
    {                                                                                              \
        name, run, wanted, NULL, true                                                              \
    }
#define GIVES(name, run, again)                                                                    \
    {                                                                                              \
        name, run, KC_OK, again, false                                                             \
    }
#define PAY GIVES("pay", pay, open_again)
#define RECEIPT GIVES("receipt", receipt, receipt)
#define DECLINE GIVES("decline", decline, decline)
/* The first payment of a partner is seen, which writes its name down; of a known one nothing is. */
#define MEET TAKES("examine", examine)
#define RECEIVE GIVES("decide ok", decide_ok, decided_again)
#define REFUSE GIVES("decide ng", decide_ng, decided_again)
#define REPORT SENDS("settle request", world_settle_request)
#define REPORT_OPEN SENDS("settle request, a payment open", report_open)
#define CASH(ask) SENDS("request", ask), TAKES("quote", world_take_quote)
#define CASH_OK(ask) CASH(ask), SENDS("answer ok", say_ok)
#define TRANSFER(ask) SENDS("request", ask), TAKES("quote", world_take_transfer_quote)
#define TRANSFER_OK(ask) TRANSFER(ask), SENDS("answer ok", say_ok)
#define ASK_STATE SENDS("state request", world_state_request)

const struct script scripts[] = {
    {"withdrawal",
     world_ready,
     true,
     false,
     {CASH_OK(ask_withdraw), TAKES("completion", completed)}},
    {"withdrawal declined",
     world_ready,
     true,
     false,
     {CASH(ask_withdraw), SENDS("answer ng", say_ng)}},
    {"withdrawal not completed",
     world_ready,
     true,
     false,
     {CASH_OK(ask_withdraw), TAKES("not completed", not_completed)}},
    {"withdrawal recovered",
     world_ready,
     true,
     false,
     {CASH_OK(ask_withdraw), ASK_STATE, TAKES("state: completed", state_completed)}},
    {"transfer",
     world_ready,
     true,
     false,
     {TRANSFER_OK(ask_transfer), TAKES("completion", completed)}},
    {"transfer declined",
     world_ready,
     true,
     false,
     {TRANSFER(ask_transfer), SENDS("answer ng", say_ng)}},
    {"transfer not completed",
     world_ready,
     true,
     false,
     {TRANSFER_OK(ask_transfer), TAKES("not completed", not_completed)}},
    {"transfer, recovered as completed",
     world_ready,
     true,
     false,
     {TRANSFER_OK(ask_transfer), ASK_STATE, TAKES("state: completed", state_completed)}},
    {"transfer, recovered as not completed",
     world_ready,
     true,
     false,
     {TRANSFER_OK(ask_transfer), ASK_STATE, TAKES("state: not completed", state_not_completed)}},
    {"transfer from the account",
     world_ready,
     true,
     false,
     {TRANSFER_OK(ask_transfer_account), TAKES("completion", completed)}},
    {"transfer after a quote",
     world_ready,
     true,
     false,
     {CASH(ask_deposit), SENDS("other request", ask_transfer),
      TAKES("quote", world_take_transfer_quote)}},
    {"deposit", world_ready, true, false, {CASH_OK(ask_deposit), TAKES("completion", completed)}},
    {"deposit declined", world_ready, true, false, {CASH(ask_deposit), SENDS("answer ng", say_ng)}},
    {"deposit not completed",
     world_ready,
     true,
     false,
     {CASH_OK(ask_deposit), TAKES("not completed", not_completed)}},
    {"deposit recovered, booked",
     world_ready,
     true,
     false,
     {CASH_OK(ask_deposit), ASK_STATE, TAKES("state: completed", state_completed)}},
    {"deposit recovered, given back",
     world_ready,
     true,
     true,
     {CASH_OK(ask_deposit), ASK_STATE, TAKES("state: not completed", state_not_completed)}},
    {"deposit after a refused answer",
     world_ready,
     true,
     false,
     {CASH_OK(ask_deposit), TAKES("busy", answer_refused), TAKES("completion", completed)}},
    {"deposit over a full history",
     full_history,
     true,
     false,
     {CASH_OK(ask_deposit), TAKES("completion", completed)}},
    {"deposit beside open entries",
     open_entries,
     true,
     false,
     {CASH_OK(ask_deposit), TAKES("completion", completed)}},
    {"quote dropped for another request",
     world_ready,
     true,
     false,
     {CASH(ask_withdraw), SENDS("other request", ask_deposit), TAKES("quote", world_take_quote)}},
    {"request refused",
     world_ready,
     true,
     false,
     {SENDS("request", ask_deposit), TAKES("no", refused)}},
    {"conforming",
     world_ready,
     true,
     false,
     {ASK_STATE, TAKES("state", state_conforms), ASK_STATE, TAKES("state", state_conforms)}},
    {"funding",
     world_ready,
     true,
     false,
     {SENDS("fund", ask_fund), TAKES("reply", fund_completed)}},
    {"redeeming refused",
     world_ready,
     true,
     false,
     {SENDS("redeem", ask_redeem), TAKES("reply", fund_refused)}},
    {"funding in doubt",
     world_ready,
     true,
     false,
     {SENDS("fund", ask_fund), TAKES("in doubt", fund_in_doubt), ASK_STATE,
      TAKES("state: funded", state_funded)}},
    {"blocked",
     world_ready,
     true,
     false,
     {SENDS("request", ask_deposit), TAKES("copied", blocked)}},
    {"payment taken", world_ready, true, true, {PAY, RECEIPT}},
    {"payment declined", world_ready, true, true, {PAY, DECLINE}},
    {"payments over a full log",
     full_of_exchanges,
     true,
     false,
     {PAY, RECEIPT, PAY, DECLINE, PAY, DECLINE}},
    {"payment received", world_ready, true, true, {MEET, RECEIVE}},
    {"payment refused", world_ready, true, false, {MEET, REFUSE}},
    {"payments received over a full log",
     full_of_exchanges,
     true,
     false,
     {RECEIVE, REFUSE, RECEIVE}},
    {"payment whose counter passed",
     exchanged,
     true,
     false,
     {TAKES("decide", decide_passed), RECEIVE}},
    {"payments that end a quote",
     world_ready,
     true,
     false,
     {PAY, REPORT, TAKES("reply", settled), CASH(ask_deposit), DECLINE, REPORT,
      TAKES("reply", settled), CASH(ask_withdraw), RECEIVE}},
    {"payments on top of a deposit",
     world_ready,
     true,
     false,
     {CASH_OK(ask_deposit), PAY, RECEIVE, DECLINE, TAKES("completion", deposit_completed), REPORT,
      TAKES("reply", settled)}},
    {"settling", exchanged, true, false, {REPORT, TAKES("reply", settled)}},
    {"settling, a payment comes back",
     world_ready,
     true,
     true,
     {PAY, REPORT, TAKES("reply", settled_released), REPORT, TAKES("reply", settled)}},
    {"settling, a payment was taken",
     world_ready,
     true,
     false,
     {PAY, REPORT, TAKES("reply", settled_taken)}},
    {"settling between payments over a full log",
     full_of_exchanges,
     true,
     false,
     {PAY, RECEIVE, REPORT, TAKES("reply", settled_released), RECEIVE, REPORT,
      TAKES("reply", settled)}},
    {"payments that begin to overwrite", about_to_overwrite, true, true, {PAY, DECLINE, RECEIVE}},
    {"payments that overwrite, and their report",
     overwriting,
     true,
     false,
     {PAY, RECEIPT, RECEIVE, REFUSE, PAY, DECLINE, REPORT, TAKES("reply", settled), PAY}},
    {"conforming over what was overwritten",
     overwriting,
     true,
     false,
     {ASK_STATE, TAKES("state", state_conforms), RECEIVE, REPORT, TAKES("reply", settled)}},
    {"renewal of the keys",
     world_ready,
     true,
     true,
     {SENDS("renew request", ask_renewal), SENDS("renew request again", ask_renewal),
      TAKES("renew reply", change_over), REPORT, TAKES("reply", confirmed)}},
    {"keys that the authority made",
     world_ready,
     true,
     true,
     {SENDS("claim", claim), TAKES("claim reply", world_take_claimed),
      SENDS("key request", ask_keys), TAKES("key reply", world_take_keys),
      SENDS("key confirm", confirm_keys), TAKES("done", world_take_done), REPORT,
      TAKES("reply", confirmed)}},
    {"renewal while a payment is open",
     world_ready,
     true,
     false,
     {PAY, REPORT, TAKES("reply", settled), SENDS("renew request", ask_renewal),
      TAKES("renew reply", change_over), REPORT_OPEN, TAKES("reply", settled), RECEIPT, PAY, REPORT,
      TAKES("reply", settled), SENDS("renew request", ask_renewal),
      TAKES("renew reply", change_over), REPORT_OPEN, TAKES("reply", settled)}},
    {"renewal while a payment is open that is declined",
     world_ready,
     true,
     false,
     {PAY, REPORT, TAKES("reply", settled), SENDS("renew request", ask_renewal),
      TAKES("renew reply", change_over), REPORT_OPEN, TAKES("reply", settled), DECLINE, REPORT,
      TAKES("reply", settled)}},
    {"keys that the authority made while a payment is open",
     world_ready,
     true,
     false,
     {PAY, REPORT, TAKES("reply", settled), SENDS("claim", claim),
      TAKES("claim reply", world_take_claimed), SENDS("key request", ask_keys),
      TAKES("key reply", world_take_keys), REPORT_OPEN, TAKES("released", settled_released), REPORT,
      TAKES("reply", settled)}},
    {"hotlists",
     world_ready,
     true,
     true,
     {TAKES("list 1", list_1), TAKES("list 2", list_2), PAY, TAKES("list 3", list_3)}},
    {"the bank's new keys",
     world_ready,
     true,
     true,
     {TAKES("keys 1", keys_1), TAKES("list 1", list_1), TAKES("keys 2", keys_2), PAY,
      TAKES("keys 3", keys_3)}},
    {"the authority's new keys",
     world_ready,
     true,
     true,
     {TAKES("notice 1", notice_1), TAKES("notice 2", notice_2), PAY, TAKES("notice 7", notice_7)}},
    {"the authority's new keys while keys that it made wait",
     world_ready,
     true,
     false,
     {SENDS("claim", claim), TAKES("claim reply", world_take_claimed), TAKES("notice 1", notice_1),
      SENDS("key request", ask_keys), TAKES("key reply", take_next_keys),
      TAKES("notice 2", notice_2), SENDS("key confirm", confirm_keys),
      TAKES("done", take_next_done)}},
    {"base and deltas of the hotlist",
     world_ready,
     true,
     true,
     {TAKES("delta 2", delta_2), TAKES("base 4", base_4), TAKES("delta 5", delta_5), PAY,
      TAKES("delta 9", delta_9), TAKES("base 8", base_8_waits), TAKES("delta 10", delta_10)}},
    {"pin",
     world_ready,
     false,
     false,
     {GUESSES("wrong", wrong_pin, KC_PIN_WRONG), GUESSES("right", right_pin, KC_OK),
      GUESSES("wrong", wrong_pin, KC_PIN_WRONG), GUESSES("wrong", wrong_pin, KC_PIN_WRONG),
      GUESSES("right", right_pin, KC_OK), TAKES("change", change_pin),
      GUESSES("wrong", wrong_pin, KC_PIN_WRONG), GUESSES("wrong", wrong_pin, KC_PIN_WRONG),
      GUESSES("wrong", wrong_pin, KC_PIN_BLOCKED)}},
    {"personalising, keys brought in",
     blank,
     false,
     false,
     {TAKES("settings", put_settings), TAKES("sign key", put_sign_key),
      TAKES("encrypt key", put_encrypt_key), TAKES("bank verify", put_bank_verify),
      TAKES("bank encrypt", put_bank_encrypt), TAKES("certificate 1", put_certificate_1),
      TAKES("certificate 2", put_certificate_2), TAKES("certificate 3", put_certificate_3),
      TAKES("certificate 4", put_certificate_4), TAKES("certificate 5", put_certificate_5),
      TAKES("pin", put_pin), TAKES("identity", put_identity), TAKES("certified", put_certified),
      TAKES("activate", activate)}},
    {"personalising, keys made inside",
     blank,
     false,
     false,
     {TAKES("settings", put_settings), TAKES("generate", generate),
      TAKES("bank verify", put_bank_verify), TAKES("bank encrypt", put_bank_encrypt),
      TAKES("certificate 1", put_certificate_1), TAKES("certificate 2", put_certificate_2),
      TAKES("certificate 3", put_certificate_3), TAKES("certificate 4", put_certificate_4),
      TAKES("certificate 5", put_certificate_5), TAKES("pin", put_pin),
      TAKES("identity", put_identity), TAKES("certified", put_certified),
      TAKES("activate", activate)}},
    {"personalising, items put again",
     personalised,
     false,
     false,
     {TAKES("certificate", put_longer_certificate), TAKES("certificate", put_certificate_1),
      TAKES("encrypt key", put_encrypt_key), TAKES("bank verify", put_bank_verify),
      TAKES("pin", put_pin), TAKES("activate", activate)}},
    {"personalising, keys made inside again",
     made_inside,
     false,
     false,
     {TAKES("generate", generate), TAKES("identity", put_identity), TAKES("activate", activate)}},
};

const size_t script_count = sizeof scripts / sizeof scripts[0];
