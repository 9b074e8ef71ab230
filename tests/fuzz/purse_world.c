#include "purse_world.h"

#include <string.h>

#include "message/identity.h"
#include "purse/apdu.h"
#include "purse/inside.h"

#define ACCOUNT_NTH 1234u
#define PURSE_NTH 99u

/* ---- memory ---- */

static struct kc_result nvm_read(void *context, size_t offset, uint8_t *out, size_t size)
{
    const struct world *world = context;
    KC_FUZZ_CHECK(offset <= KC_NVM_SIZE && size <= KC_NVM_SIZE - offset);
    memcpy(out, world->nvm + offset, size);
    return kc_ok();
}

static struct kc_result nvm_write(void *context, size_t offset, const uint8_t *data, size_t size)
{
    struct world *world = context;
    KC_FUZZ_CHECK(offset <= KC_NVM_SIZE && size <= KC_NVM_SIZE - offset);
    if (world->writes_left == 0) {
        return kc_result(KC_IO_FAILED);
    }
    bool last = world->writes_left == 1;
    world->writes_left -= world->writes_left > 0 ? 1 : 0;
    memcpy(world->nvm + offset, data, last ? size / 2 : size);
    return kc_result(last ? KC_IO_FAILED : KC_OK);
}

static struct kc_result nvm_sync(void *context)
{
    const struct world *world = context;
    return kc_result(world->writes_left == 0 ? KC_IO_FAILED : KC_OK);
}

void world_power_cycle(struct world *world)
{
    struct kc_nvm nvm = {.context = world,
                         .size = KC_NVM_SIZE,
                         .read = nvm_read,
                         .write = nvm_write,
                         .sync = nvm_sync};
    world->writes_left = -1;
    kc_purse_open(&world->purse, &nvm, kc_fuzz_crypto());
}

/* ---- commands ---- */

unsigned world_send_raw(struct world *world, struct kc_view command)
{
    world->response_size = 0;
    kc_purse_command(&world->purse, world->response, &world->response_size, command);
    KC_FUZZ_CHECK(world->response_size >= 2 && world->response_size <= KC_RESPONSE_SIZE_MAX);
    return (unsigned)world->response[world->response_size - 2] << 8 |
           world->response[world->response_size - 1];
}

static size_t write_command(uint8_t *out, const uint8_t head[4], struct kc_view data)
{
    memcpy(out, head, 4);
    out[4] = 0;
    out[5] = (uint8_t)(data.size >> 8);
    out[6] = (uint8_t)data.size;
    if (data.size > 0) {
        memcpy(out + 7, data.data, data.size);
    }
    return 7 + data.size;
}

unsigned world_send(struct world *world, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2,
                    struct kc_view data)
{
    static uint8_t command[KC_COMMAND_SIZE_MAX];
    const uint8_t head[4] = {cla, ins, p1, p2};
    return world_send_raw(world, kc_view(command, write_command(command, head, data)));
}

/* ---- the bank's records ---- */

static struct kc_signer bank_signer(void)
{
    const struct kc_vector_key *key = kc_fuzz_key("es256-other");
    struct kc_signer signer = {.key = &key->private_key};
    kc_signer_id_make(&signer.id, kc_fuzz_crypto(), KC_SERVER_BANK, &key->public_key);
    return signer;
}

static struct kc_result sign_certified(struct kc_buffer *out, const struct kc_certified *certified)
{
    uint8_t plain_bytes[256];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signer bank = bank_signer();
    struct kc_result result = kc_shape_encode(&plain, &kc_certified_shape, certified);
    return kc_failed(result) ? result
                             : kc_sign(out, kc_fuzz_crypto(), &bank, &kc_fuzz_keys()->realm,
                                       kc_certified_shape.domain, 0, kc_buffer_view(&plain));
}

static struct kc_amount amount_of(uint64_t minor)
{
    struct kc_amount amount = kc_amount_zero();
    KC_FUZZ_CHECK(!kc_failed(kc_amount_from_minor(&amount, minor)));
    return amount;
}

/* What the first certified value says while a purse is made. */
static enum world_kind making = WORLD_REFUSES;

static struct kc_offline_limits first_limits(void)
{
    struct kc_offline_limits limits = kc_offline_limits_none();
    if (making == WORLD_LIMITED) {
        limits = (struct kc_offline_limits){.purse_most = amount_of(600),
                                            .payment_most = amount_of(120),
                                            .spend_most = amount_of(300),
                                            .spend_count = 30,
                                            .valid_ms = 100000};
    }
    return limits;
}

static struct kc_certified first_certified(void)
{
    const struct kc_offline_limits limits = first_limits();
    struct kc_certified certified = {.bank = kc_fuzz_keys()->realm.bank,
                                     .purse_type = KC_PURSE_TYPE_UIM,
                                     .account = kc_account_nth(ACCOUNT_NTH),
                                     .purse = kc_purse_nth(PURSE_NTH),
                                     .account_amount = amount_of(1000),
                                     .purse_amount = amount_of(WORLD_VALUE),
                                     .time_ms = WORLD_TIME_MS,
                                     .sequence = 1,
                                     .log_policy = KC_LOG_POLICY_REFUSE};
    if (making == WORLD_OVERWRITES || making == WORLD_LIMITED) {
        certified.log_policy = KC_LOG_POLICY_OVERWRITE;
    }
    kc_offline_limits_certify(&certified, &limits, UINT64_MAX);
    return certified;
}

struct kc_certified world_certified(const struct kc_purse *purse)
{
    struct kc_certified certified = {.sequence = 0};
    struct kc_signed parsed;
    if (purse->state.certified.size == 0) {
        certified.purse_type = KC_PURSE_TYPE_UIM;
        certified.log_policy = KC_LOG_POLICY_REFUSE;
        return certified;
    }
    KC_FUZZ_CHECK(!kc_failed(kc_signed_parse(&parsed, purse->state.certified)));
    KC_FUZZ_CHECK(!kc_failed(kc_shape_decode(&certified, &kc_certified_shape, parsed.payload)));
    return certified;
}

/* ---- personalisation ---- */

static struct kc_result put_settings(struct kc_buffer *out)
{
    struct kc_purse_settings settings = {.bank = kc_fuzz_keys()->realm.bank,
                                         .currency = kc_view(kc_fuzz_keys()->realm.currency, 3),
                                         .purse_type = KC_PURSE_TYPE_UIM,
                                         .account = kc_account_nth(ACCOUNT_NTH),
                                         .purse = kc_purse_nth(PURSE_NTH),
                                         .url = kc_view_text("http://127.0.0.1:1"),
                                         .user_id = kc_view_text("user")};
    return kc_shape_encode(out, &kc_purse_settings_shape, &settings);
}

static struct kc_result put_key(struct kc_buffer *out, const char *name)
{
    struct kc_private_key_record record = {.suite = KC_SUITE_ES256};
    record.parts.count = 1;
    record.parts.items[0] = kc_view(kc_fuzz_key(name)->private_key.p256.d, KC_P256_COORDINATE_SIZE);
    return kc_shape_encode(out, &kc_private_key_record_shape, &record);
}

static struct kc_result put_identity(struct kc_buffer *out)
{
    struct kc_signer bank = bank_signer();
    struct kc_identity identity = {.bank = kc_fuzz_keys()->realm.bank,
                                   .purse_type = KC_PURSE_TYPE_UIM,
                                   .account = kc_account_nth(ACCOUNT_NTH),
                                   .purse = kc_purse_nth(PURSE_NTH),
                                   .issued_s = 1,
                                   .expires_s = WORLD_EXPIRES_S,
                                   .key = kc_fuzz_key("es256-sign")->public_key};
    return kc_identity_sign(out, kc_fuzz_crypto(), bank.key, &kc_fuzz_keys()->realm, &identity);
}

static struct kc_result put_certified(struct kc_buffer *out)
{
    struct kc_certified certified = first_certified();
    return sign_certified(out, &certified);
}

struct step {
    uint8_t cla;
    uint8_t ins;
    uint8_t p1;
};

static const struct step steps[] = {
    {KC_CLA_STANDARD, KC_INS_SELECT, 4},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_SETTINGS},
    {KC_CLA_KINCHAKU, KC_INS_PUT_KEY, KC_KEY_USE_SIGN},
    {KC_CLA_KINCHAKU, KC_INS_PUT_KEY, KC_KEY_USE_ENCRYPT},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_BANK_VERIFY_KEY},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_BANK_ENCRYPT_KEY},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_SIGN_CERTIFICATE},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_ENCRYPT_CERTIFICATE},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_BANK_SIGN_CERTIFICATE},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_BANK_ENCRYPT_CERTIFICATE},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_AUTHORITY_CERTIFICATE},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_PIN},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_IDENTITY},
    {KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_CERTIFIED},
    {KC_CLA_KINCHAKU, KC_INS_ACTIVATE, 0},
};

static struct kc_result put_tagged(struct kc_buffer *out, unsigned tag)
{
    switch (tag) {
    case KC_TAG_SETTINGS:
        return put_settings(out);
    case KC_TAG_BANK_VERIFY_KEY:
    case KC_TAG_BANK_ENCRYPT_KEY:
        return kc_key_encode(out, &kc_fuzz_key("es256-other")->public_key);
    case KC_TAG_PIN:
        return kc_buffer_append(out, kc_view_text(WORLD_PIN));
    case KC_TAG_IDENTITY:
        return put_identity(out);
    case KC_TAG_CERTIFIED:
        return put_certified(out);
    default:
        return kc_buffer_append(out, kc_view_text("a certificate, which a purse only keeps"));
    }
}

size_t world_personalise_step(size_t index, uint8_t *out)
{
    static const uint8_t aid[] = KC_AID;
    uint8_t data_bytes[2048];
    struct kc_buffer data = KC_BUFFER(data_bytes);
    struct kc_result result = kc_ok();
    if (index >= sizeof steps / sizeof steps[0]) {
        return 0;
    }
    const struct step *step = &steps[index];
    const uint8_t head[4] = {step->cla, step->ins, step->p1, 0};
    if (step->ins == KC_INS_SELECT) {
        result = kc_buffer_append(&data, kc_view(aid, sizeof aid));
    } else if (step->ins == KC_INS_PUT_KEY) {
        result = put_key(&data, step->p1 == KC_KEY_USE_SIGN ? "es256-sign" : "es256-encrypt");
    } else if (step->ins == KC_INS_PUT_DATA) {
        result = put_tagged(&data, step->p1);
    }
    KC_FUZZ_CHECK(!kc_failed(result));
    return write_command(out, head, kc_buffer_view(&data));
}

static void personalise(struct world *world)
{
    uint8_t command[4096];
    for (size_t i = 0;; i++) {
        size_t size = world_personalise_step(i, command);
        if (size == 0) {
            break;
        }
        KC_FUZZ_CHECK(world_send_raw(world, kc_view(command, size)) == 0x9000);
    }
    KC_FUZZ_CHECK(world->purse.state.life == KC_LIFE_READY);
}

void world_reset(struct world *world, enum world_kind kind)
{
    static uint8_t ready_nvm[WORLD_LIMITED + 1][KC_NVM_SIZE];
    static bool made[WORLD_LIMITED + 1];
    memset(world->nvm, 0, sizeof world->nvm);
    if (kind != WORLD_BLANK && !made[kind]) {
        making = kind;
        world_power_cycle(world);
        personalise(world);
        memcpy(ready_nvm[kind], world->nvm, KC_NVM_SIZE);
        made[kind] = true;
        making = WORLD_REFUSES;
    }
    memcpy(world->nvm, ready_nvm[kind], KC_NVM_SIZE);
    world_power_cycle(world);
}

/* ---- what the bank says ---- */

/* The certified value after `included` of the purse's open entries. */
static struct kc_view make_certified(struct kc_buffer *out, struct kc_purse *purse,
                                     const struct saying *saying)
{
    struct kc_certified certified = world_certified(purse);
    const struct kc_crypto *crypto = kc_fuzz_crypto();
    uint64_t given_up = kc_purse_log_base(purse) - certified.counter;
    /* Of entries that were given up the bank counts none or all. */
    if (saying->included > 0 && given_up > 0) {
        certified.counter += given_up;
        memcpy(certified.head, purse->state.gap_head, KC_DIGEST_SIZE);
    }
    uint64_t open = purse->state.counter - certified.counter;
    for (size_t i = 0; i < saying->included && i < open; i++) {
        struct kc_log_slot slot;
        KC_FUZZ_CHECK(!kc_failed(kc_purse_log_get(&slot, purse, certified.counter + 1)));
        struct kc_sha256 hash;
        crypto->sha256_start(crypto->context, &hash);
        crypto->sha256_add(crypto->context, &hash, kc_view(certified.head, KC_DIGEST_SIZE));
        crypto->sha256_add(crypto->context, &hash, slot.entry);
        crypto->sha256_end(crypto->context, &hash, certified.head);
        certified.counter += 1;
    }
    uint64_t sequence = certified.sequence + saying->sequence % 4;
    certified.sequence = sequence > 0 ? sequence - 1 : 0;
    certified.purse_amount = amount_of(saying->amount);
    KC_FUZZ_CHECK(!kc_failed(sign_certified(out, &certified)));
    return kc_buffer_view(out);
}

static struct kc_cash_quote make_quote(const struct kc_purse *purse, const struct saying *saying)
{
    const struct kc_purse_state *state = &purse->state;
    uint64_t amount = kc_amount_minor(state->pending_amount);
    uint64_t value = kc_amount_minor(state->value);
    uint64_t account = UINT64_C(1) << 62;
    bool deposit = state->pending_kind == KC_CASH_KIND_DEPOSIT;
    struct kc_cash_quote quote = {.transaction_ms = state->pending_ms,
                                  .account = purse->settings.account,
                                  .purse_type = KC_PURSE_TYPE_UIM,
                                  .purse = purse->settings.purse,
                                  .kind = deposit ? KC_CASH_KIND_DEPOSIT : KC_CASH_KIND_WITHDRAW,
                                  .amount = state->pending_amount,
                                  .account_before = amount_of(account),
                                  .purse_before = state->value,
                                  .counter = state->counter,
                                  .time_ms = WORLD_TIME_MS};
    memcpy(quote.request, state->request, KC_DIGEST_SIZE);
    uint64_t after = deposit ? value - (amount < value ? amount : value) : value + amount;
    quote.purse_after = amount_of((after + saying->amount) & KC_AMOUNT_MAX);
    account = deposit ? account + (amount < account ? amount : 0)
                      : account - (amount < account ? amount : 0);
    quote.account_after = amount_of(account & KC_AMOUNT_MAX);
    return quote;
}

static struct kc_transfer_quote make_transfer_quote(const struct kc_purse *purse,
                                                    const struct saying *saying)
{
    const struct kc_purse_state *state = &purse->state;
    uint64_t amount = kc_amount_minor(state->pending_amount);
    uint64_t value = kc_amount_minor(state->value);
    uint64_t account = UINT64_C(1) << 62;
    bool from_purse = state->pending_kind == KC_TRANSFER_SOURCE_PURSE;
    struct kc_transfer_quote quote = {.transaction_ms = state->pending_ms,
                                      .bank = purse->settings.bank,
                                      .account = purse->settings.account,
                                      .purse_type = KC_PURSE_TYPE_UIM,
                                      .purse = purse->settings.purse,
                                      .source = from_purse ? KC_TRANSFER_SOURCE_PURSE
                                                           : KC_TRANSFER_SOURCE_ACCOUNT,
                                      .to = state->pending_to,
                                      .amount = state->pending_amount,
                                      .account_before = amount_of(account),
                                      .purse_before = state->value,
                                      .counter = state->counter,
                                      .time_ms = WORLD_TIME_MS};
    memcpy(quote.request, state->request, KC_DIGEST_SIZE);
    uint64_t less = from_purse ? (amount < value ? amount : value) : 0;
    quote.purse_after = amount_of((value - less + saying->amount) & KC_AMOUNT_MAX);
    account +=
        from_purse && state->pending_to.number == purse->settings.account.number ? amount : 0;
    account -= from_purse || amount > account ? 0 : amount;
    quote.account_after = amount_of(account & KC_AMOUNT_MAX);
    return quote;
}

union message {
    struct kc_transfer_quote transfer_quote;
    struct kc_cash_quote quote;
    struct kc_completion completion;
    struct kc_state_reply state;
    struct kc_fund_reply fund;
    struct kc_refusal refusal;
    struct kc_settle_reply settle;
};

/* Ends open payments as the bank may: bits 0 and 1 of `how` the first and the second, bit 2 by a wrong amount, bit 3 as taken. */
static struct kc_settle_reply make_settle(const struct kc_purse *purse, uint8_t how,
                                          struct kc_view certified)
{
    static uint8_t bytes[2][32];
    struct kc_settle_reply reply = {
        .purse = purse->settings.purse, .certified = certified, .time_ms = WORLD_TIME_MS};
    memcpy(reply.request, purse->state.settle_request, KC_DIGEST_SIZE);
    for (size_t i = 0; i < 2; i++) {
        struct kc_open_payment open;
        struct kc_buffer buffer = KC_BUFFER(bytes[i]);
        if ((how & 1u << i) == 0 || kc_failed(kc_purse_open_get(&open, &purse->state, i))) {
            continue;
        }
        struct kc_release release = {.counter = open.counter, .amount = open.amount};
        release.amount = (how & 4u) != 0 ? amount_of(1) : release.amount;
        release.reason = (how & 8u) != 0 ? KC_OK : KC_OUT_OF_ORDER;
        KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(&buffer, &kc_release_shape, &release)));
        reply.released.items[reply.released.count++] = kc_buffer_view(&buffer);
    }
    return reply;
}

static const struct kc_shape *fill(union message *message, const struct kc_purse *purse,
                                   const struct saying *saying, struct kc_view certified)
{
    const struct kc_purse_state *state = &purse->state;
    enum kc_outcome outcome = (enum kc_outcome)(1 + saying->outcome % 6);
    memset(message, 0, sizeof *message);
    switch (saying->kind % 6) {
    case 0:
        if (state->has_pending_to) {
            message->transfer_quote = make_transfer_quote(purse, saying);
            return &kc_transfer_quote_shape;
        }
        message->quote = make_quote(purse, saying);
        return &kc_cash_quote_shape;
    case 1:
        message->completion = (struct kc_completion){.transaction_ms = state->pending_ms,
                                                     .purse = purse->settings.purse,
                                                     .outcome = outcome,
                                                     .certified = certified,
                                                     .time_ms = WORLD_TIME_MS};
        memcpy(message->completion.answers, state->answer, KC_DIGEST_SIZE);
        return &kc_completion_shape;
    case 2:
        message->state = (struct kc_state_reply){.has_transaction = state->pending_ms != 0,
                                                 .transaction_ms = state->pending_ms,
                                                 .purse = purse->settings.purse,
                                                 .outcome = outcome,
                                                 .certified = certified,
                                                 .time_ms = WORLD_TIME_MS};
        memcpy(message->state.request, state->state_request, KC_DIGEST_SIZE);
        return &kc_state_reply_shape;
    case 3:
        message->fund = (struct kc_fund_reply){.transaction_ms = state->pending_ms,
                                               .purse = purse->settings.purse,
                                               .outcome = outcome,
                                               .certified = certified,
                                               .time_ms = WORLD_TIME_MS};
        memcpy(message->fund.request, state->request, KC_DIGEST_SIZE);
        return &kc_fund_reply_shape;
    case 5:
        message->settle = make_settle(purse, saying->outcome, certified);
        return &kc_settle_reply_shape;
    default:
        message->refusal = (struct kc_refusal){.reason = saying->outcome, .time_ms = WORLD_TIME_MS};
        memcpy(message->refusal.request,
               (saying->sequence & 1u) != 0 ? state->state_request : state->request,
               KC_DIGEST_SIZE);
        return &kc_refusal_shape;
    }
}

struct kc_view world_bank_says(struct world *world, const struct saying *saying)
{
    static uint8_t out_bytes[KC_MESSAGE_SIZE_MAX];
    static struct kc_envelope_work work;
    uint8_t certified_bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(out_bytes);
    struct kc_buffer certified = KC_BUFFER(certified_bytes);
    struct kc_signer bank = bank_signer();
    union message message;
    struct kc_view record = make_certified(&certified, &world->purse, saying);
    const struct kc_shape *shape = fill(&message, &world->purse, saying, record);
    KC_FUZZ_CHECK(!kc_failed(kc_envelope_make(
        &out, &work, kc_fuzz_crypto(), &bank, &kc_fuzz_key("es256-encrypt")->public_key,
        &kc_fuzz_keys()->realm, WORLD_TIME_MS, shape, &message)));
    return kc_buffer_view(&out);
}

struct kc_view world_bank_lists(uint64_t version, uint64_t count, struct kc_view listed)
{
    static uint8_t bytes[KC_HOTLIST_SIZE_MAX];
    uint8_t plain_bytes[1024];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signer bank = bank_signer();
    const struct kc_hotlist list = {.bank = kc_fuzz_keys()->realm.bank,
                                    .version = version,
                                    .time_ms = WORLD_TIME_MS,
                                    .complete = true,
                                    .count = count,
                                    .listed = listed};
    KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(&plain, &kc_hotlist_shape, &list)));
    KC_FUZZ_CHECK(!kc_failed(kc_sign(&out, kc_fuzz_crypto(), &bank, &kc_fuzz_keys()->realm,
                                     kc_hotlist_shape.domain, 0, kc_buffer_view(&plain))));
    return kc_buffer_view(&out);
}
