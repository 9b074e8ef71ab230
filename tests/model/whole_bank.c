/* The way of an item through the bank, as src/bank/serve.c goes it, without queues and threads: the steps themselves are the
 * shipped ones. What they ask of the clock and of the directory is answered here: the linker gives them these functions
 * (--wrap), and the world that is being served is the thread's own. */
#include "whole_bank.h"

#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "whole_authority.h"

/* As in src/bank/charge.c, and in renew.c and key_offer.c. */
#define CHARGE_BATCHES 16u
#define CHARGE_ORDERS 32u
#define ROUND_MAX 8u

static const struct kc_bank_kind *const kinds[] = {
    &kc_bank_cash_request,  &kc_bank_cash_answer,    &kc_bank_state_request,
    &kc_bank_fund_request,  &kc_bank_settle_request, &kc_bank_transfer_request,
    &kc_bank_renew_request, &kc_bank_claim_request,
};

/* ---- what stands in for the outside; the authority and the directory are in whole_authority.c ---- */

uint64_t __wrap_kc_clock_now_ms(void);

uint64_t __wrap_kc_clock_now_ms(void)
{
    KC_ASSERT(whole_served != NULL);
    return whole_served->now_ms;
}

static struct kc_result check_account(void *context, const char *account)
{
    (void)context;
    (void)account;
    return kc_ok();
}

/* The first clear answer under a key is the answer for ever. */
static struct kc_result transfer(void *context, const char *key, enum kc_fund_kind kind,
                                 const char *account, struct kc_amount amount)
{
    struct whole_ordinary *ordinary = context;
    enum whole_ordinary_mood mood = ordinary->mood;
    (void)account;
    for (size_t i = 0; i < ordinary->count; i++) {
        if (strcmp(ordinary->transfers[i].key, key) == 0) {
            bool unheard = mood == ORDINARY_SILENT || mood == ORDINARY_DOES_UNHEARD;
            return kc_result(unheard                       ? KC_IN_DOUBT
                             : ordinary->transfers[i].done ? KC_OK
                                                           : KC_NO_ABILITY_TO_PAY);
        }
    }
    if (mood == ORDINARY_SILENT) {
        return kc_result(KC_IN_DOUBT);
    }
    KC_ASSERT(ordinary->count < WHOLE_TRANSFERS_MAX);
    struct whole_transfer *row = &ordinary->transfers[ordinary->count++];
    *row =
        (struct whole_transfer){.kind = kind, .amount = amount, .done = mood != ORDINARY_REFUSES};
    memcpy(row->key, key, strlen(key) + 1);
    if (row->done) {
        uint64_t minor = kc_amount_minor(amount);
        ordinary->funded += kind == KC_FUND_KIND_FUND ? minor : 0;
        ordinary->redeemed += kind == KC_FUND_KIND_REDEEM ? minor : 0;
    }
    return kc_result(mood == ORDINARY_REFUSES ? KC_NO_ABILITY_TO_PAY
                     : mood == ORDINARY_DOES  ? KC_OK
                                              : KC_IN_DOUBT);
}

/* ---- opening ---- */

static struct kc_amount amount_of(uint64_t minor)
{
    struct kc_amount amount = kc_amount_zero();
    struct kc_result result = kc_amount_from_minor(&amount, minor);
    KC_ASSERT(!kc_failed(result));
    return amount;
}

static struct kc_offline_limits some_limits(bool limited)
{
    struct kc_offline_limits limits = kc_offline_limits_none();
    if (limited) {
        bool good = !kc_failed(kc_amount_from_minor(&limits.purse_most, WHOLE_PURSE_MOST)) &&
                    !kc_failed(kc_amount_from_minor(&limits.payment_most, WHOLE_PAYMENT_MOST)) &&
                    !kc_failed(kc_amount_from_minor(&limits.spend_most, WHOLE_SPEND_MOST));
        KC_ASSERT(good);
        limits.spend_count = WHOLE_SPEND_COUNT;
        limits.valid_ms = WHOLE_VALID_MS;
    }
    return limits;
}

void whole_bank_open(struct whole *whole)
{
    struct kc_bank *bank = &whole->bank;
    const struct whole_base *base = whole->base;
    const struct kc_ledger_options options = {
        .realm = base->realm,
        .quote_ms = WHOLE_QUOTE_MS,
        .temporary_ms = 3600000,
        .account_ms = UINT64_C(10) * 366 * 86400000,
        .settle_ms = WHOLE_SETTLE_MS,
        .limits = some_limits(base->options.limited),
        .merchant = {.fee_fixed = amount_of(WHOLE_FEE_FIXED),
                     .fee_permille = WHOLE_FEE_PERMILLE,
                     .keep = amount_of(WHOLE_MACHINE_KEEPS)},
        .bearer =
            kc_offline_limits_bearer(amount_of(WHOLE_BEARER_MOST),
                                     amount_of(WHOLE_BEARER_PAYMENT_MOST), WHOLE_BEARER_VALID_MS)};
    bank->crypto = ideal_open(&whole->ideal, base->options.seed ^ 0xba2cu);
    whole->ideal.fixed = base->options.fixed_random;
    bank->realm = base->realm;
    bank->hotlist.step = WHOLE_HOTLIST_STEP;
    /* Nobody stands at the counter. */
    struct kc_result opened = kc_counter_open(&bank->counter);
    KC_ASSERT(!kc_failed(opened));
    whole_bank_keys(whole);
    bank->store = ram_store_port(&whole->store);
    bank->config.settle_ms = WHOLE_SETTLE_MS;
    memcpy(bank->config.authority_url, "sim:", sizeof "sim:");
    whole->thread.crypto = bank->crypto;
    whole->thread.store = bank->store;
    whole->thread.ordinary = (struct kc_ordinary_bank){
        .context = &whole->ordinary, .check = check_account, .transfer = transfer};
    struct kc_result result = kc_ledger_open(&bank->ledger, &bank->store, &bank->crypto, &options);
    KC_ASSERT(!kc_failed(result));
}

bool whole_bank_restart(struct whole *whole)
{
    struct kc_bank *bank = &whole->bank;
    const struct kc_ledger_options options = bank->ledger.options;
    whole_authority_forget(whole);
    return !kc_failed(kc_ledger_open(&bank->ledger, &bank->store, &bank->crypto, &options));
}

struct kc_ledger_source whole_bank_registrar(const struct whole *whole, struct kc_view bytes,
                                             uint8_t key_bytes[KC_COSE_KEY_SIZE_MAX])
{
    struct kc_signer_id id;
    struct kc_buffer key = {.data = key_bytes, .capacity = KC_COSE_KEY_SIZE_MAX};
    struct kc_ledger_source source = {.bytes = bytes};
    const struct kc_crypto *crypto = &whole->bank.crypto;
    kc_digest(crypto, source.digest, bytes);
    kc_signer_id_make(&id, crypto, KC_SERVER_REGISTRAR, &whole->bank.sign_public);
    memcpy(source.signer, id.bytes, sizeof source.signer);
    struct kc_result result = kc_key_encode(&key, &whole->bank.sign_public);
    KC_ASSERT(!kc_failed(result));
    source.key = kc_buffer_view(&key);
    return source;
}

void whole_bank_open_account(struct whole *whole, struct whole_holder *holder, unsigned index)
{
    uint8_t id[16] = {(uint8_t)(index + 1)};
    uint8_t key[KC_COSE_KEY_SIZE_MAX];
    struct kc_ledger_opened opened;
    struct kc_ledger *ledger = &whole->bank.ledger;
    struct kc_ledger_source source = whole_bank_registrar(whole, kc_view(id, sizeof id), key);
    bool person = holder->type == KC_PURSE_TYPE_UIM;
    struct kc_open_request request = {.name = kc_view_text(person ? "N" : ""),
                                      .address = kc_view_text(person ? "A" : ""),
                                      .phone = kc_view_text(person ? "T" : ""),
                                      .bank_account = kc_view_text(person ? "B" : ""),
                                      .password_hash = kc_view_text(person ? "-" : ""),
                                      .suite = KC_SUITE_ES256,
                                      .log_policy = KC_LOG_POLICY_REFUSE,
                                      .purse_type = holder->type,
                                      .owner = whole->holders[WHOLE_OWNER].account,
                                      .has_owner = holder->type == KC_PURSE_TYPE_MACHINE,
                                      .time_ms = ++whole->now_ms};
    memcpy(request.id, id, sizeof request.id);
    struct kc_result result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_open_account(&opened, ledger, &request, &source);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_commit(ledger);
    }
    KC_ASSERT(!kc_failed(result));
    holder->account = opened.account;
    holder->purse = opened.purse;
}

struct kc_result whole_bank_keep_keys(struct whole *whole, const struct whole_holder *holder)
{
    struct kc_purse_key_row row = {
        .purse = holder->purse, .account = holder->account, .expires_ms = WHOLE_EXPIRES_MS};
    struct kc_buffer sign = KC_BUFFER(row.sign_key);
    struct kc_buffer encrypt = KC_BUFFER(row.encrypt_key);
    memcpy(row.signer, holder->signer_id.bytes, sizeof row.signer);
    whole_pair_number(row.pair, whole, whole_pair_of(whole, &holder->signer_id));
    struct kc_result result = kc_key_encode(&sign, &holder->sign_public);
    if (!kc_failed(result)) {
        result = kc_key_encode(&encrypt, &holder->encrypt_public);
    }
    row.sign_size = sign.size;
    row.encrypt_size = encrypt.size;
    return kc_failed(result) ? result : kc_ledger_keep_keys(&whole->bank.ledger, &row);
}

void whole_bank_confirm_account(struct kc_buffer *out, struct whole *whole,
                                const struct whole_holder *holder, const struct kc_identity *claims)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    uint8_t key[KC_COSE_KEY_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_buffer encoded = KC_BUFFER(bytes);
    struct kc_certified certified;
    struct kc_ledger *ledger = &whole->bank.ledger;
    const struct kc_confirm_request request = {
        .account = holder->account, .purse = holder->purse, .time_ms = ++whole->now_ms};
    struct kc_ledger_source source =
        whole_bank_registrar(whole, kc_view(&holder->account, sizeof holder->account), key);
    struct kc_result result = kc_identity_encode(&encoded, claims);
    kc_digest(&whole->bank.crypto, digest, kc_buffer_view(&encoded));
    if (claims->purse_type == KC_PURSE_TYPE_BEARER) {
        memcpy(digest, claims->secret, sizeof digest);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_begin(ledger, whole->now_ms);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_confirm_account(&certified, ledger, &request, digest, &source);
    }
    if (!kc_failed(result) && holder->type != KC_PURSE_TYPE_BEARER) {
        result = whole_bank_keep_keys(whole, holder);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_commit(ledger);
    }
    if (!kc_failed(result)) {
        result = kc_bank_certify(out, &whole->bank, &whole->thread, &certified);
    }
    KC_ASSERT(!kc_failed(result));
}

/* ---- the way of an item ---- */

static const struct kc_bank_kind *find_kind(const struct kc_bank_item *item)
{
    const struct kc_shape *shape = kc_signed_shape(&item->envelope);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && shape != NULL; i++) {
        if (kinds[i]->shape == shape) {
            return kinds[i];
        }
    }
    return NULL;
}

/* Who is not in memory is looked up; who is not there either may be known by the bank's own books. */
static struct kc_result find_sender(struct whole *whole, struct kc_bank_item *item)
{
    struct kc_bank *bank = &whole->bank;
    struct kc_bank_thread *thread = &whole->thread;
    const struct kc_signer_id *id = &item->envelope.signer;
    struct kc_result result = kc_people_find(&item->signer, &bank->people, id, whole->now_ms);
    if (result.code == KC_NOT_FOUND) {
        result = kc_people_fetch(&item->signer, &bank->people, thread->directory, &thread->crypto,
                                 id, whole->now_ms);
        if (!kc_failed(result)) {
            result = kc_signed_verify(&item->envelope, &thread->crypto, &item->signer.sign_key,
                                      &bank->realm, item->kind->shape->domain);
        }
    }
    return kc_failed(result) ? kc_bank_find_blocked(item, bank, thread, result) : result;
}

static struct kc_result receive(struct whole *whole, struct kc_bank_item *item)
{
    struct kc_result result = kc_signed_parse(&item->envelope, item->bytes);
    if (kc_failed(result)) {
        return result;
    }
    item->kind = find_kind(item);
    if (item->kind == NULL) {
        return kc_result(KC_WRONG_TYPE);
    }
    if (kc_signer_id_holder(&item->envelope.signer) < 10) {
        return kc_result(KC_NOT_ALLOWED);
    }
    kc_digest(&whole->thread.crypto, item->digest, item->bytes);
    return find_sender(whole, item);
}

static struct kc_result open_item(struct whole *whole, struct kc_bank_item *item)
{
    struct kc_buffer plain = {.data = item->plain, .capacity = sizeof item->plain};
    struct kc_buffer key = KC_BUFFER(item->signer_key);
    const struct kc_bank *bank = &whole->bank;
    const struct kc_shape *shape = item->kind->shape;
    uint64_t time_ms = 0;
    struct kc_result result = kc_signed_verify(&item->envelope, &whole->thread.crypto,
                                               &item->signer.sign_key, &bank->realm, shape->domain);
    if (kc_failed(result)) {
        return result;
    }
    item->authenticated = true;
    result = kc_key_encode(&key, &item->signer.sign_key);
    item->signer_key_size = key.size;
    if (!kc_failed(result)) {
        result = kc_bank_keys_unseal(&plain, &bank->keys, &whole->thread.crypto, &bank->realm,
                                     shape->domain, item->envelope.payload, whole->now_ms);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&item->message, shape, kc_buffer_view(&plain));
    }
    if (!kc_failed(result)) {
        /* The time stands last in every message. */
        memcpy(&time_ms,
               (const uint8_t *)&item->message + shape->fields[shape->field_count - 1].offset,
               sizeof time_ms);
        bool fits = item->envelope.has_time && time_ms == item->envelope.time_ms;
        result = kc_result(fits ? KC_OK : KC_MISMATCH);
    }
    return result;
}

/* One step in its lane; the writer's in a transaction of its own, which is committed whatever the step said. */
static struct kc_result run_step(struct whole *whole, struct kc_bank_item *item,
                                 const struct kc_bank_step *step)
{
    struct kc_bank *bank = &whole->bank;
    if (step->lane != KC_LANE_WRITE) {
        return step->run(bank, &whole->thread, item);
    }
    struct kc_result result = kc_ledger_begin(&bank->ledger, whole->now_ms);
    if (kc_failed(result)) {
        return result;
    }
    result = step->run(bank, &whole->thread, item);
    struct kc_result committed = kc_ledger_commit(&bank->ledger);
    return kc_failed(committed) ? committed : result;
}

/* Another asking of the same order, which is done before this one. */
static void settle_first(struct whole *whole, const struct kc_bank_item *item)
{
    struct kc_ledger_outcome outcome;
    struct kc_ledger *ledger = &whole->bank.ledger;
    bool charge = item->kind == &kc_bank_ask_charge;
    bool payout = item->kind == &kc_bank_ask_payout;
    if (!(charge || payout || item->order.ask) ||
        kc_failed(kc_ledger_begin(ledger, whole->now_ms))) {
        return;
    }
    if (charge) {
        (void)kc_failed(kc_ledger_charge_settle(ledger, &item->charge, item->order_answer));
        (void)kc_failed(kc_ledger_commit(ledger));
        return;
    }
    if (payout) {
        (void)kc_failed(kc_ledger_payout_settle(ledger, &item->payout, item->order_answer));
        (void)kc_failed(kc_ledger_commit(ledger));
        return;
    }
    (void)kc_failed(kc_ledger_fund_settle(&outcome, ledger, item->order.purse, item->order.time_ms,
                                          item->order_answer));
    (void)kc_failed(kc_ledger_commit(ledger));
}

static struct kc_result run_steps(struct whole *whole, struct kc_bank_item *item)
{
    struct kc_result result = kc_ok();
    item->step = KC_AT_OWN;
    while (!kc_failed(result)) {
        size_t at = item->step - KC_AT_OWN;
        if (at >= KC_BANK_STEPS_MAX || item->kind->steps[at].run == NULL) {
            return result;
        }
        result = run_step(whole, item, &item->kind->steps[at]);
        if (item->kind->steps[at].lane == KC_LANE_ORDINARY && whole->ordinary.crosses) {
            settle_first(whole, item);
        }
        item->step += 1;
    }
    return result;
}

struct kc_result whole_bank_run(struct whole *whole, struct kc_bank_item *item)
{
    whole_served = whole;
    struct kc_result result = run_steps(whole, item);
    whole_served = NULL;
    return result;
}

/* A signed refusal, when the word is the ledger's and the signer known; else nothing that a purse would believe. */
static void refuse(struct whole *whole, struct kc_bank_item *item, enum kc_error error)
{
    struct kc_refusal refusal = {.reason = error, .time_ms = whole->now_ms};
    item->reply_size = 0;
    if (!item->authenticated || error == KC_BUSY || kc_error_exit_status(error) == 4) {
        return;
    }
    memcpy(refusal.request, item->digest, KC_DIGEST_SIZE);
    struct kc_result result = kc_bank_reply(&whole->bank, &whole->thread, item, refusal.time_ms,
                                            &kc_refusal_shape, &refusal);
    KC_ASSERT(!kc_failed(result));
}

struct kc_result whole_bank_serve(struct kc_view *reply, struct whole *whole,
                                  struct kc_view request)
{
    struct kc_bank_item *item = &whole->item;
    whole_served = whole;
    item->kind = NULL;
    item->error = KC_OK;
    item->authenticated = false;
    item->at_counter = false;
    item->bytes = request;
    item->reply_size = 0;
    struct kc_result result = receive(whole, item);
    if (!kc_failed(result)) {
        result = open_item(whole, item);
    }
    if (!kc_failed(result)) {
        result = run_steps(whole, item);
    }
    if (kc_failed(result)) {
        refuse(whole, item, result.code);
    }
    *reply = kc_view(item->reply, item->reply_size);
    whole_served = NULL;
    return result;
}

struct kc_result whole_bank_card(struct kc_view *out, struct whole *whole, unsigned holder)
{
    struct kc_bank_item *item = &whole->item;
    whole_served = whole;
    item->kind = &kc_bank_make_card;
    item->error = KC_OK;
    item->authenticated = false;
    item->message.card = whole->holders[holder].purse;
    item->reply_size = 0;
    struct kc_result result = run_steps(whole, item);
    *out = kc_view(item->reply, kc_failed(result) ? 0 : item->reply_size);
    whole_served = NULL;
    return result;
}

/* ---- what an operator orders, and what everybody may ask for ---- */

bool whole_bank_set_policy(struct whole *whole, unsigned holder, enum kc_log_policy policy)
{
    struct kc_ledger *ledger = &whole->bank.ledger;
    struct kc_result result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_set_policy(ledger, whole->holders[holder].purse, policy);
        struct kc_result committed = kc_ledger_commit(ledger);
        result = kc_failed(committed) ? committed : result;
    }
    return !kc_failed(result);
}

/* As src/bank/hotlist.c makes it, whose memory is one thread's. */
void whole_bank_hotlist(struct kc_buffer *out, struct whole *whole)
{
    uint64_t purses[RAM_HOTLIST];
    uint8_t numbers[RAM_HOTLIST * 10];
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer listed = KC_BUFFER(numbers);
    struct kc_buffer plain = KC_BUFFER(bytes);
    struct kc_bank *bank = &whole->bank;
    const struct kc_signer signer = {.key = &bank->sign_key, .id = bank->signer_id};
    size_t found = 0;
    struct kc_hotlist list = {.bank = bank->realm.bank, .time_ms = whole->now_ms};
    size_t count = 0;
    struct kc_result result = kc_ledger_hotlist(purses, &found, &list.complete, &bank->ledger, 0,
                                                UINT64_MAX, RAM_HOTLIST);
    if (!kc_failed(result)) {
        result = kc_bank_hotlist_encode(&listed, &count, purses, found);
    }
    list.version = bank->ledger.hotlist_version;
    list.count = count;
    list.listed = kc_buffer_view(&listed);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&plain, &kc_hotlist_shape, &list);
    }
    if (!kc_failed(result)) {
        result = kc_sign(out, &whole->thread.crypto, &signer, &bank->realm, kc_hotlist_shape.domain,
                         0, kc_buffer_view(&plain));
    }
    KC_ASSERT(!kc_failed(result));
}

struct kc_result whole_bank_hotlist_part(struct kc_view *out, struct whole *whole, uint64_t base)
{
    struct kc_bank_item *item = &whole->item;
    item->kind = &kc_bank_make_hotlist;
    item->error = KC_OK;
    item->authenticated = false;
    item->message.listing.has_base = true;
    item->message.listing.base = base;
    item->reply_size = 0;
    struct kc_result result = whole_bank_run(whole, item);
    *out = kc_view(item->reply, kc_failed(result) ? 0 : item->reply_size);
    return result;
}

/* ---- what it does by itself ---- */

/* One round of orders in doubt, behind that of `last`; false when there are no more. */
static bool ask_again(struct whole *whole, struct kc_ledger_order *last)
{
    struct kc_ledger_order orders[8];
    size_t count = 0;
    struct kc_bank_item *item = &whole->item;
    if (kc_failed(kc_ledger_in_doubt(orders, &count, 8, &whole->bank.ledger, last->purse,
                                     last->time_ms))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        item->kind = &kc_bank_fund_again;
        item->authenticated = false;
        item->order = orders[i];
        *last = orders[i];
        (void)kc_failed(run_steps(whole, item));
    }
    return count == 8;
}

void whole_bank_idle(struct whole *whole)
{
    size_t count = 0;
    struct kc_ledger_order last = {.time_ms = 0};
    struct kc_ledger *ledger = &whole->bank.ledger;
    struct kc_result result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_end_late(ledger, &count);
        if (!kc_failed(result)) {
            result = kc_ledger_end_waiting(ledger, &count);
        }
        struct kc_result committed = kc_ledger_commit(ledger);
        result = kc_failed(committed) ? committed : result;
    }
    whole_served = whole;
    while (!kc_failed(result) && ask_again(whole, &last)) {
    }
    whole_served = NULL;
}

/* ---- new keys ---- */

/* As src/bank/renew.c and key_offer.c do it in the writer; what they find takes the way of every item. */
void whole_bank_retire(struct whole *whole)
{
    struct kc_bank_item *item = &whole->item;
    uint64_t last = 0;
    whole_served = whole;
    for (size_t i = 0; i < ROUND_MAX; i++) {
        if (kc_failed(kc_ledger_renew_due(&item->renewal.row, &whole->bank.ledger, last))) {
            break;
        }
        last = item->renewal.row.purse.number;
        item->kind = &kc_bank_retire;
        item->authenticated = false;
        (void)kc_failed(run_steps(whole, item));
    }
    whole_served = NULL;
}

void whole_bank_offer(struct whole *whole)
{
    struct kc_bank_item *item = &whole->item;
    uint64_t last = 0;
    whole_served = whole;
    for (size_t i = 0; i < ROUND_MAX; i++) {
        memset(&item->renewal, 0, sizeof item->renewal);
        if (kc_failed(kc_ledger_key_offer_due(&item->renewal.offer, &whole->bank.ledger, last))) {
            break;
        }
        last = item->renewal.offer.purse.number;
        item->kind = &kc_bank_make_keys;
        item->authenticated = false;
        (void)kc_failed(run_steps(whole, item));
    }
    whole_served = NULL;
}

struct kc_result whole_bank_order_keys(struct whole *whole, unsigned holder)
{
    struct kc_bank_item *item = &whole->item;
    whole_served = whole;
    item->kind = &kc_bank_offer_keys;
    item->error = KC_OK;
    item->authenticated = false;
    item->message.account = whole->holders[holder].account;
    struct kc_result result = run_steps(whole, item);
    whole_served = NULL;
    return result;
}

/* ---- management charges ---- */

bool whole_bank_charging(struct whole *whole, const struct kc_charge_rule *rule)
{
    whole->bank.ledger.options.charge = *rule;
    return whole_bank_restart(whole);
}

/* As src/bank/charge.c does it in the writer; its orders take the way of every item. */
bool whole_bank_charges(struct whole *whole)
{
    struct kc_charge_debit orders[CHARGE_ORDERS];
    struct kc_ledger *ledger = &whole->bank.ledger;
    size_t count = 1;
    struct kc_result result = kc_ok();
    for (unsigned i = 0; i < CHARGE_BATCHES && count > 0 && !kc_failed(result); i++) {
        result = kc_ledger_begin(ledger, whole->now_ms);
        if (!kc_failed(result)) {
            result = kc_ledger_charge(ledger, &count);
            struct kc_result committed = kc_ledger_commit(ledger);
            result = kc_failed(committed) ? committed : result;
        }
    }
    bool good = count == 0 && !kc_failed(result) &&
                !kc_failed(kc_ledger_charge_orders(orders, &count, CHARGE_ORDERS, ledger, 0));
    whole_served = whole;
    for (size_t i = 0; i < count && good; i++) {
        whole->item.kind = &kc_bank_ask_charge;
        whole->item.authenticated = false;
        whole->item.charge = orders[i];
        good = !kc_failed(run_steps(whole, &whole->item));
    }
    whole_served = NULL;
    return good;
}

static struct kc_result registrar_says(struct whole *whole, const struct kc_charge_order *order)
{
    uint8_t key[KC_COSE_KEY_SIZE_MAX];
    struct kc_ledger *ledger = &whole->bank.ledger;
    struct kc_ledger_source source =
        whole_bank_registrar(whole, kc_view(&order->time_ms, sizeof order->time_ms), key);
    struct kc_result result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_charge_order(ledger, order, &source);
        struct kc_result committed = kc_ledger_commit(ledger);
        result = kc_failed(committed) ? committed : result;
    }
    return result;
}

struct kc_result whole_bank_charge_word(struct whole *whole, unsigned holder,
                                        enum kc_charge_source source, bool paid, bool registrar)
{
    struct kc_bank_item *item = &whole->item;
    struct kc_account_id account = whole->holders[holder].account;
    if (registrar) {
        const struct kc_charge_order order = {
            .account = account, .has_source = !paid, .source = source, .time_ms = whole->now_ms};
        return registrar_says(whole, &order);
    }
    whole_served = whole;
    item->kind = &kc_bank_set_charge;
    item->error = KC_OK;
    item->authenticated = false;
    item->message.charge_word =
        (struct kc_bank_charge_word){.account = account, .source = source, .included = paid};
    struct kc_result result = run_steps(whole, item);
    whole_served = NULL;
    return result;
}

struct first_fault {
    char *what;
};

static void keep_first(void *owner, const char *what)
{
    struct first_fault *first = owner;
    if (first->what[0] == '\0') {
        size_t size = strlen(what);
        size = size < 159 ? size : 159;
        memcpy(first->what, what, size);
        first->what[size] = '\0';
    }
}

bool whole_bank_audit(struct whole *whole, char what[160])
{
    struct first_fault first = {.what = what};
    struct kc_audit audit = {.owner = &first, .fault = keep_first};
    what[0] = '\0';
    struct kc_result result = kc_ledger_audit(&audit, &whole->bank.store, &whole->bank.crypto);
    return !kc_failed(result);
}
