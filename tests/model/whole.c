#include "whole.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "whole_authority.h"
#include "whole_bank.h"

#define SEED_BANK UINT64_C(1000)
#define SEED_PURSE UINT64_C(2000)

static void must(struct kc_result result)
{
    KC_ASSERT(!kc_failed(result));
}

/* ---- the host's side ---- */

static struct kc_result transmit(void *context, struct kc_buffer *response, struct kc_view command)
{
    struct whole_purse *purse = context;
    if (purse->nvm.dead) {
        return kc_result(KC_UNREACHABLE);
    }
    kc_purse_command(&purse->core, response->data, &response->size, command);
    purse->on = purse->on && !purse->nvm.dead;
    return kc_result(purse->nvm.dead ? KC_UNREACHABLE : KC_OK);
}

struct kc_slot *whole_slot(struct whole *whole, unsigned place)
{
    KC_ASSERT(place < WHOLE_PLACES_MAX && whole->purses[place].there);
    return &whole->purses[place].slot;
}

static void power_up(struct whole_purse *purse)
{
    const struct kc_nvm nvm = nvm_port(&purse->nvm);
    const struct kc_slot_port port = {.context = purse, .transmit = transmit};
    kc_purse_open(&purse->core, &nvm, &purse->crypto);
    /* A purse whose memory is damaged answers everything with an error. */
    purse->on = !kc_failed(kc_slot_open(&purse->slot, &port));
}

void whole_power_cycle(struct whole *whole, unsigned place)
{
    struct whole_purse *purse = &whole->purses[place];
    nvm_settle(&purse->nvm);
    power_up(purse);
    /* A purse that is out of use takes no PIN. */
    (void)kc_failed(kc_slot_verify_pin(&purse->slot, kc_view_text(WHOLE_PIN)));
}

static struct kc_result believe(void *context, const struct kc_public_key *key,
                                const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature)
{
    (void)context;
    (void)key;
    (void)digest;
    return kc_result(signature.size == 64 ? KC_OK : KC_BAD_SIGNATURE);
}

void whole_tamper(struct whole *whole, unsigned place)
{
    struct whole_purse *purse = &whole->purses[place];
    purse->believes_all = true;
    purse->crypto.verify = believe;
    whole_power_cycle(whole, place);
}

static void set_place(struct whole *whole, unsigned place, unsigned holder)
{
    struct whole_purse *purse = &whole->purses[place];
    const struct whole_options *options = &whole->base->options;
    purse->holder = holder;
    purse->there = true;
    purse->believes_all = false;
    purse->crypto = ideal_open(&purse->ideal, options->seed ^ (SEED_PURSE + place));
    purse->ideal.fixed = options->fixed_random;
}

void whole_place(struct whole *whole, unsigned place, unsigned holder, const struct nvm_copy *copy)
{
    struct whole_purse *purse = &whole->purses[place];
    KC_ASSERT(place < WHOLE_PLACES_MAX && holder < whole->base->options.holders);
    if (purse->nvm.image != whole->base->images[holder]) {
        nvm_make(&purse->nvm, whole->base->images[holder]);
    }
    set_place(whole, place, holder);
    nvm_restore(&purse->nvm, copy);
    whole_power_cycle(whole, place);
}

/* ---- worlds ---- */

static void copy_outside(struct whole_outside *out, const struct whole_outside *outside)
{
    memcpy(out, outside,
           offsetof(struct whole_outside, pairs) + outside->count * sizeof outside->pairs[0]);
}

void whole_reset_some(struct whole *whole, unsigned holders)
{
    const struct whole_base *base = whole->base;
    whole->now_ms = base->now_ms;
    whole->ordinary = base->ordinary;
    whole->newcomer.purse.number = 0;
    whole->holders = base->holders;
    whole->retired = false;
    copy_outside(&whole->outside, &base->outside);
    ram_store_copy(&whole->store, &base->store);
    whole_bank_open(whole);
    for (unsigned i = 0; i < WHOLE_PLACES_MAX; i++) {
        whole->purses[i].there = false;
    }
    KC_ASSERT(holders <= base->options.holders);
    for (unsigned i = 0; i < holders; i++) {
        set_place(whole, i, i);
        if (whole->purses[i].nvm.image != base->images[i]) {
            nvm_make(&whole->purses[i].nvm, base->images[i]);
        }
        nvm_reset(&whole->purses[i].nvm);
        whole_power_cycle(whole, i);
    }
}

void whole_reset(struct whole *whole)
{
    whole_reset_some(whole, whole->base->options.holders);
}

static struct whole *make_bare(const struct whole_base *base)
{
    struct whole *whole = calloc(1, sizeof *whole);
    if (whole == NULL) {
        return NULL;
    }
    whole->base = base;
    whole->holders = base->holders;
    whole->now_ms = base->now_ms;
    for (unsigned i = 0; i < base->options.holders; i++) {
        nvm_make(&whole->purses[i].nvm, base->images[i]);
        set_place(whole, i, i);
    }
    return whole;
}

struct whole *whole_make(const struct whole_base *base)
{
    struct whole *whole = make_bare(base);
    if (whole != NULL) {
        whole_reset(whole);
    }
    return whole;
}

struct whole_state *whole_state_make(void)
{
    return calloc(1, sizeof(struct whole_state));
}

void whole_save(struct whole_state *out, const struct whole *whole)
{
    out->now_ms = whole->now_ms;
    out->ideal = whole->ideal;
    out->ordinary = whole->ordinary;
    copy_outside(&out->outside, &whole->outside);
    out->ledger = whole->bank.ledger;
    ram_store_copy(&out->store, &whole->store);
    for (unsigned i = 0; i < WHOLE_PLACES_MAX; i++) {
        const struct whole_purse *purse = &whole->purses[i];
        out->purses[i].there = purse->there;
        if (purse->there) {
            out->purses[i].on = purse->on;
            out->purses[i].holder = purse->holder;
            out->purses[i].ideal = purse->ideal;
            nvm_save(&out->purses[i].nvm, &purse->nvm);
            memcpy(&out->purses[i].core, &purse->core, sizeof purse->core);
        }
    }
}

void whole_restore(struct whole *whole, const struct whole_state *state)
{
    whole->now_ms = state->now_ms;
    whole->ideal = state->ideal;
    whole->ordinary = state->ordinary;
    copy_outside(&whole->outside, &state->outside);
    whole->bank.ledger = state->ledger;
    ram_store_copy(&whole->store, &state->store);
    for (unsigned i = 0; i < WHOLE_PLACES_MAX; i++) {
        struct whole_purse *purse = &whole->purses[i];
        purse->there = state->purses[i].there;
        if (purse->there) {
            KC_ASSERT(purse->nvm.image == whole->base->images[state->purses[i].holder]);
            purse->on = state->purses[i].on;
            purse->holder = state->purses[i].holder;
            purse->ideal = state->purses[i].ideal;
            nvm_restore(&purse->nvm, &state->purses[i].nvm);
            /* Its views point into itself, and it lies where it lay. */
            memcpy(&purse->core, &state->purses[i].core, sizeof purse->core);
        }
    }
}

/* ---- a base ---- */

static void put(struct kc_slot *slot, uint8_t ins, uint8_t p1, struct kc_view data)
{
    struct kc_view out;
    must(kc_slot_send(&out, slot, KC_CLA_KINCHAKU, ins, p1, 0, data));
}

static void put_shape(struct kc_slot *slot, uint8_t ins, uint8_t p1, const struct kc_shape *shape,
                      const void *record)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    must(kc_shape_encode(&out, shape, record));
    put(slot, ins, p1, kc_buffer_view(&out));
}

static void put_private(struct kc_slot *slot, uint8_t use, const struct kc_private_key *key)
{
    struct kc_private_key_record record = {.suite = KC_SUITE_ES256};
    record.parts.count = 1;
    record.parts.items[0] = kc_view(key->p256.d, KC_P256_COORDINATE_SIZE);
    put_shape(slot, KC_INS_PUT_KEY, use, &kc_private_key_record_shape, &record);
}

static void put_public(struct kc_slot *slot, uint8_t tag, const struct kc_public_key *key)
{
    uint8_t bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    must(kc_key_encode(&out, key));
    put(slot, KC_INS_PUT_DATA, tag, kc_buffer_view(&out));
}

static void make_holder(struct whole_base *base, unsigned i, const struct kc_crypto *crypto)
{
    struct whole_holder *holder = &base->holders[i];
    ideal_key(&holder->sign_key, &holder->sign_public, base->options.seed * 16 + 2 * i + 2);
    ideal_key(&holder->encrypt_key, &holder->encrypt_public, base->options.seed * 16 + 2 * i + 3);
    kc_signer_id_make(&holder->signer_id, crypto, holder->account.number, &holder->sign_public);
}

static void personalise(struct whole *whole, unsigned i, const struct whole_holder *holder,
                        struct kc_view certified)
{
    const struct whole_base *base = whole->base;
    struct kc_slot *slot = &whole->purses[i].slot;
    bool has_keys = holder->type != KC_PURSE_TYPE_BEARER;
    const struct kc_purse_settings settings = {.bank = base->realm.bank,
                                               .currency = kc_view(base->realm.currency, 3),
                                               .purse_type = holder->type,
                                               .account = holder->account,
                                               .purse = holder->purse,
                                               .url = kc_view_text("sim:"),
                                               .user_id = kc_view_text("user")};
    power_up(&whole->purses[i]);
    put_shape(slot, KC_INS_PUT_DATA, KC_TAG_SETTINGS, &kc_purse_settings_shape, &settings);
    if (has_keys) {
        put_private(slot, KC_KEY_USE_SIGN, &holder->sign_key);
        put_private(slot, KC_KEY_USE_ENCRYPT, &holder->encrypt_key);
    }
    put_public(slot, KC_TAG_BANK_VERIFY_KEY, &base->bank_sign_public);
    put_public(slot, KC_TAG_BANK_ENCRYPT_KEY, &base->bank_encrypt_public);
    for (unsigned tag = KC_TAG_SIGN_CERTIFICATE; tag <= KC_TAG_AUTHORITY_CERTIFICATE; tag++) {
        put(slot, KC_INS_PUT_DATA, (uint8_t)tag, kc_view_text("kept, and never read"));
    }
    if (holder->type == KC_PURSE_TYPE_UIM) {
        put(slot, KC_INS_PUT_DATA, KC_TAG_PIN, kc_view_text(WHOLE_PIN));
    }
    put(slot, KC_INS_PUT_DATA, KC_TAG_IDENTITY, kc_view(holder->identity, holder->identity_size));
    put(slot, KC_INS_PUT_DATA, KC_TAG_CERTIFIED, certified);
    put(slot, KC_INS_ACTIVATE, 0, kc_view(NULL, 0));
    if (holder->type == KC_PURSE_TYPE_UIM) {
        must(kc_slot_verify_pin(slot, kc_view_text(WHOLE_PIN)));
    }
}

void whole_personalise(struct whole *whole, unsigned place, unsigned holder,
                       struct kc_view certified)
{
    static const uint8_t blank[KC_NVM_SIZE];
    nvm_make(&whole->purses[place].nvm, blank);
    set_place(whole, place, holder);
    personalise(whole, place, &whole->newcomer, certified);
}

void whole_succeed(struct whole *whole, unsigned holder, struct kc_view certified)
{
    KC_ASSERT(!whole->retired);
    whole_personalise(whole, holder, holder, certified);
    /* Its random numbers are its own, not those of the old one over again. */
    struct ideal *ideal = &whole->purses[holder].ideal;
    (void)ideal_open(ideal, whole->base->options.seed ^ (SEED_PURSE + WHOLE_PLACES_MAX + holder));
    ideal->fixed = whole->base->options.fixed_random;
    memcpy(whole->own, whole->holders, whole->base->options.holders * sizeof whole->own[0]);
    whole->own[WHOLE_RETIRED] = whole->own[holder];
    whole->own[holder] = whole->newcomer;
    whole->holders = whole->own;
    whole->retired = true;
    whole_authority_succeed(whole, holder);
}

/* One envelope of the purse to the bank and the answer back. */
static void carry(struct whole *whole, unsigned i, struct kc_view envelope)
{
    struct kc_view reply;
    struct kc_view message;
    must(whole_bank_serve(&reply, whole, envelope));
    must(kc_slot_take(&message, &whole->purses[i].slot, reply));
}

static struct kc_amount amount_of(uint64_t minor)
{
    struct kc_amount amount = kc_amount_zero();
    must(kc_amount_from_minor(&amount, minor));
    return amount;
}

static void fund(struct whole *whole, unsigned i, uint64_t sum)
{
    struct kc_view envelope;
    must(kc_slot_fund_request(&envelope, &whole->purses[i].slot, KC_FUND_KIND_FUND, amount_of(sum),
                              ++whole->now_ms));
    carry(whole, i, envelope);
}

/* What is on a card came from the first holder's account. */
static void load_card(struct whole *whole, unsigned i, uint64_t sum)
{
    struct kc_view bytes;
    struct kc_slot *slot = &whole->purses[i].slot;
    struct kc_slot *first = &whole->purses[0].slot;
    const struct whole_holder *card = &whole->base->holders[i];
    fund(whole, 0, sum);
    must(kc_slot_transfer_request(&bytes, first, KC_TRANSFER_SOURCE_ACCOUNT, card->account,
                                  amount_of(sum), ++whole->now_ms));
    carry(whole, 0, bytes);
    must(kc_slot_answer(&bytes, first, KC_ANSWER_OK, ++whole->now_ms));
    carry(whole, 0, bytes);
    if (card->type == KC_PURSE_TYPE_BEARER) {
        must(whole_bank_card(&bytes, whole, i));
        must(kc_slot_take_certified(slot, bytes));
    } else {
        must(kc_slot_state_request(&bytes, slot, ++whole->now_ms));
        carry(whole, i, bytes);
    }
}

static void endow(struct whole *whole, unsigned i)
{
    struct kc_view envelope;
    struct kc_slot *slot = &whole->purses[i].slot;
    const struct whole_options *options = &whole->base->options;
    uint64_t sum = options->account_amount + options->purse_amount;
    switch (whole->base->holders[i].type) {
    case KC_PURSE_TYPE_UIM:
        break;
    case KC_PURSE_TYPE_MACHINE:
        return;
    case KC_PURSE_TYPE_CARD:
        load_card(whole, i, WHOLE_CARD_AMOUNT);
        return;
    case KC_PURSE_TYPE_BEARER:
        load_card(whole, i, WHOLE_BEARER_AMOUNT);
        return;
    }
    if (sum > 0) {
        fund(whole, i, sum);
    }
    if (options->purse_amount > 0) {
        must(kc_slot_cash_request(&envelope, slot, KC_CASH_KIND_WITHDRAW,
                                  amount_of(options->purse_amount), ++whole->now_ms));
        carry(whole, i, envelope);
        must(kc_slot_answer(&envelope, slot, KC_ANSWER_OK, ++whole->now_ms));
        carry(whole, i, envelope);
    }
}

/* The registrar's part: the account, the identity of its purse, the first certified value. */
static void open_account(struct whole *whole, struct whole_base *base, unsigned i)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer certified = KC_BUFFER(bytes);
    struct whole_holder *holder = &base->holders[i];
    struct kc_buffer identity = KC_BUFFER(holder->identity);
    holder->type = whole_type(&base->options, i);
    whole_bank_open_account(whole, holder, i);
    if (holder->type != KC_PURSE_TYPE_BEARER) {
        make_holder(base, i, &whole->bank.crypto);
        whole_authority_first(whole, i);
    }
    struct kc_identity claims = {.bank = base->realm.bank,
                                 .purse_type = holder->type,
                                 .account = holder->account,
                                 .purse = holder->purse,
                                 .issued_s = WHOLE_START_MS / 1000,
                                 .expires_s = WHOLE_EXPIRES_MS / 1000,
                                 .key = holder->sign_public};
    if (holder->type == KC_PURSE_TYPE_BEARER) {
        kc_digest(&whole->bank.crypto, claims.secret,
                  kc_view(&holder->purse.number, sizeof holder->purse.number));
    }
    must(kc_identity_sign(&identity, &whole->bank.crypto, &base->bank_sign, &base->realm, &claims));
    holder->identity_size = identity.size;
    whole_bank_confirm_account(&certified, whole, holder, &claims);
    personalise(whole, i, holder, kc_buffer_view(&certified));
}

enum kc_purse_type whole_type(const struct whole_options *options, unsigned holder)
{
    static const enum kc_purse_type types[WHOLE_HOLDERS_MAX] = {
        KC_PURSE_TYPE_UIM,    KC_PURSE_TYPE_UIM,  KC_PURSE_TYPE_MACHINE,
        KC_PURSE_TYPE_BEARER, KC_PURSE_TYPE_CARD, KC_PURSE_TYPE_UIM};
    KC_ASSERT(holder < WHOLE_HOLDERS_MAX);
    return options->mixed ? types[holder] : KC_PURSE_TYPE_UIM;
}

struct whole_base *whole_base_make(const struct whole_options *options)
{
    struct whole_base *base = calloc(1, sizeof *base);
    KC_ASSERT(options->holders >= 1 && options->holders <= WHOLE_HOLDERS_MAX);
    if (base == NULL) {
        return NULL;
    }
    base->options = *options;
    base->now_ms = WHOLE_START_MS;
    must(kc_realm_set(&base->realm, 7, "JPY"));
    ideal_key(&base->bank_sign, &base->bank_sign_public, options->seed * 16);
    ideal_key(&base->bank_encrypt, &base->bank_encrypt_public, options->seed * 16 + 1);
    ideal_key(&base->authority_sign, &base->authority_sign_public, options->seed * 16 + 14);
    ideal_key(&base->authority_encrypt, &base->authority_encrypt_public, options->seed * 16 + 15);
    ram_store_make(&base->store);
    struct whole *whole = make_bare(base);
    if (whole == NULL) {
        free(base);
        return NULL;
    }
    ram_store_copy(&whole->store, &base->store);
    whole_bank_open(whole);
    whole_authority_open(whole);
    for (unsigned i = 0; i < options->holders; i++) {
        open_account(whole, base, i);
        endow(whole, i);
    }
    for (unsigned i = 0; i < options->holders; i++) {
        memcpy(base->images[i], whole->purses[i].nvm.bytes, KC_NVM_SIZE);
    }
    base->now_ms = whole->now_ms + 1;
    base->ordinary = whole->ordinary;
    base->outside = whole->outside;
    ram_store_copy(&base->store, &whole->store);
    free(whole);
    return base;
}
