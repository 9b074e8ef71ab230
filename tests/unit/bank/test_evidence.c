/* Question: does the audit believe a kept message only under the key and in the kind that it was
 * signed in, by who must have signed it? */
#include "expect.h"

#include <string.h>

#include "bank/audit.h"

struct setting {
    struct world *world;
    struct kc_realm realm;
    struct kc_private_key key;
    struct kc_public_key public_key;
    struct kc_public_key bank_key;
    struct kc_signer signer;
    struct kc_envelope_work work;
    struct kc_evidence_row row;
    struct kc_evidence_verifier by;
};

static const struct kc_account_id holder = {.number = 10000008};

static int setup(void **state)
{
    struct setting *setting = calloc(1, sizeof *setting);
    void *world = NULL;
    if (setting == NULL || world_setup(&world) != 0) {
        return -1;
    }
    *state = setting;
    setting->world = world;
    setting->by = (struct kc_evidence_verifier){.store = &setting->world->store,
                                                .crypto = &setting->world->crypto,
                                                .realm = &setting->realm};
    return kc_failed(kc_realm_set(&setting->realm, 7, "JPY")) ? -1 : 0;
}

static int teardown(void **state)
{
    struct setting *setting = *state;
    void *world = setting->world;
    free(setting);
    return world_teardown(&world);
}

static void make_keys(struct setting *setting, enum kc_key_type type, uint64_t number)
{
    const struct kc_crypto *crypto = &setting->world->crypto;
    struct kc_private_key bank;
    EXPECT(crypto->generate(crypto->context, &setting->key, &setting->public_key, type), KC_OK);
    EXPECT(crypto->generate(crypto->context, &bank, &setting->bank_key, KC_KEY_P256), KC_OK);
    setting->signer.key = &setting->key;
    kc_signer_id_make(&setting->signer.id, crypto, number, &setting->public_key);
}

static void keep_key(struct setting *setting, const struct kc_public_key *key)
{
    uint8_t bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    const struct kc_store *store = &setting->world->store;
    EXPECT(kc_key_encode(&buffer, key), KC_OK);
    EXPECT(store->signer_add(store->context, setting->signer.id.bytes, kc_buffer_view(&buffer)),
           KC_OK);
}

/* A message as it is kept; which one does not matter but for its kind. */
static void sign(struct setting *setting, enum kc_evidence_kind kind, const struct kc_shape *shape,
                 const void *message)
{
    struct kc_buffer out = KC_BUFFER(setting->row.bytes);
    EXPECT(kc_envelope_make(&out, &setting->work, &setting->world->crypto, &setting->signer,
                            &setting->bank_key, &setting->realm, WORLD_START_MS, shape, message),
           KC_OK);
    setting->row.kind = kind;
    setting->row.size = out.size;
}

static void sign_cash(struct setting *setting)
{
    const struct kc_cash_request request = {.information = kc_view_text("x"),
                                            .kind = KC_CASH_KIND_WITHDRAW,
                                            .amount = world_amount(5),
                                            .time_ms = WORLD_START_MS};
    sign(setting, KC_EVIDENCE_REQUEST, &kc_cash_request_shape, &request);
}

static bool verifies(const struct setting *setting)
{
    return kc_bank_verify_evidence(&setting->by, &setting->row, holder);
}

/* shows: R-CASH-7 R-SEC-3 */
static void a_kept_message_verifies_with_its_kept_key(void **state)
{
    struct setting *setting = *state;
    static const enum kc_key_type types[] = {KC_KEY_P256, KC_KEY_RSA2048};
    for (size_t i = 0; i < 2; i++) {
        make_keys(setting, types[i], holder.number);
        sign_cash(setting);
        assert_false(verifies(setting));
        keep_key(setting, &setting->public_key);
        assert_true(verifies(setting));
    }
}

/* shows: R-CASH-7 */
static void whatever_was_changed_does_not_verify(void **state)
{
    struct setting *setting = *state;
    make_keys(setting, KC_KEY_P256, holder.number);
    keep_key(setting, &setting->public_key);
    sign_cash(setting);
    struct kc_evidence_row good = setting->row;
    for (size_t at = 0; at < good.size; at++) {
        setting->row.bytes[at] ^= 1;
        assert_false(verifies(setting));
        setting->row.bytes[at] ^= 1;
    }
    setting->row.size -= 1;
    assert_false(verifies(setting));
    setting->row = good;
    for (int kind = KC_EVIDENCE_ANSWER; kind <= KC_EVIDENCE_REISSUE; kind++) {
        setting->row.kind = (enum kc_evidence_kind)kind;
        assert_false(verifies(setting));
    }
    setting->row = good;
    setting->realm.bank += 1;
    assert_false(verifies(setting));
    setting->realm.bank -= 1;
    assert_true(verifies(setting));
    assert_false(kc_bank_verify_evidence(&setting->by, &setting->row, kc_account_nth(5)));
}

/* A key kept under an id that it does not make would let anybody sign. */
static void a_key_must_make_its_id(void **state)
{
    struct setting *setting = *state;
    struct kc_private_key other;
    struct kc_public_key other_public;
    const struct kc_crypto *crypto = &setting->world->crypto;
    make_keys(setting, KC_KEY_P256, holder.number);
    EXPECT(crypto->generate(crypto->context, &other, &other_public, KC_KEY_P256), KC_OK);
    setting->signer.key = &other;
    keep_key(setting, &other_public);
    sign_cash(setting);
    assert_false(verifies(setting));
}

/* shows: R-OPEN-1 */
static void accounts_are_opened_by_the_registrar_alone(void **state)
{
    struct setting *setting = *state;
    const struct kc_cancel_request cancel = {
        .account = holder, .purse = kc_purse_nth(1), .time_ms = WORLD_START_MS};
    for (int i = 0; i < 2; i++) {
        make_keys(setting, KC_KEY_P256, i == 0 ? KC_SERVER_REGISTRAR : holder.number);
        keep_key(setting, &setting->public_key);
        sign(setting, KC_EVIDENCE_CANCEL, &kc_cancel_request_shape, &cancel);
        assert_int_equal(verifies(setting), i == 0);
        const struct kc_lost_request lost = {
            .account = holder, .purse = kc_purse_nth(1), .time_ms = WORLD_START_MS};
        sign(setting, KC_EVIDENCE_LOST, &kc_lost_request_shape, &lost);
        assert_int_equal(verifies(setting), i == 0);
        const struct kc_reissue_request reissue = {.account = holder,
                                                   .suite = KC_SUITE_ES256,
                                                   .log_policy = KC_LOG_POLICY_REFUSE,
                                                   .time_ms = WORLD_START_MS};
        sign(setting, KC_EVIDENCE_REISSUE, &kc_reissue_request_shape, &reissue);
        assert_int_equal(verifies(setting), i == 0);
        const struct kc_charge_order charge = {.account = holder, .time_ms = WORLD_START_MS};
        sign(setting, KC_EVIDENCE_CHARGE, &kc_charge_order_shape, &charge);
        assert_int_equal(verifies(setting), i == 0);
        const struct kc_close_request closing = {.account = holder,
                                                 .kind = KC_CLOSE_KIND_EMPTY,
                                                 .time_ms = WORLD_START_MS};
        sign(setting, KC_EVIDENCE_CLOSE, &kc_close_request_shape, &closing);
        assert_int_equal(verifies(setting), i == 0);
        const struct kc_move_request moving = {.account = holder,
                                               .suite = KC_SUITE_ES256,
                                               .log_policy = KC_LOG_POLICY_REFUSE,
                                               .time_ms = WORLD_START_MS};
        sign(setting, KC_EVIDENCE_MOVE, &kc_move_request_shape, &moving);
        assert_int_equal(verifies(setting), i == 0);
        sign_cash(setting);
        assert_int_equal(verifies(setting), i == 1);
    }
}

/* ---- orders and answers, which name no key ---- */

static struct kc_buffer sign_brief(uint8_t *out, size_t size, const struct setting *setting,
                                   const struct kc_shape *shape, const void *record)
{
    uint8_t bytes[512];
    struct kc_buffer payload = KC_BUFFER(bytes);
    struct kc_buffer signed_bytes = {.data = out, .capacity = size};
    EXPECT(kc_shape_encode(&payload, shape, record), KC_OK);
    EXPECT(kc_sign_brief(&signed_bytes, &setting->world->crypto, &setting->key, &setting->realm,
                         shape->domain, kc_buffer_view(&payload)),
           KC_OK);
    return signed_bytes;
}

static void keep_record(struct setting *setting, struct kc_view order, struct kc_view answer)
{
    const struct kc_log_record record = {.entry = kc_view_text("x"),
                                         .has_order = order.size > 0,
                                         .order = order,
                                         .has_answer = answer.size > 0,
                                         .answer = answer};
    struct kc_buffer out = KC_BUFFER(setting->row.bytes);
    EXPECT(kc_shape_encode(&out, &kc_log_record_shape, &record), KC_OK);
    setting->row.kind = KC_EVIDENCE_RECORD;
    setting->row.size = out.size;
}

static const struct kc_payment_order an_order = {.payee = {.number = 10000024},
                                                 .payee_purse = {.number = 10000032},
                                                 .payer = {.number = 10000008},
                                                 .payer_purse = {.number = 10000016},
                                                 .time_ms = WORLD_START_MS,
                                                 .payer_counter = 1,
                                                 .payee_counter = 1};

/* shows: R-SEC-1 R-SEC-3 */
static void an_order_verifies_with_any_kept_key_of_its_payer(void **state)
{
    struct setting *setting = *state;
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    make_keys(setting, KC_KEY_P256, holder.number);
    struct kc_buffer order =
        sign_brief(bytes, sizeof bytes, setting, &kc_payment_order_shape, &an_order);
    assert_false(kc_bank_verify_order(&setting->by, kc_buffer_view(&order), holder));
    keep_key(setting, &setting->public_key);
    assert_true(kc_bank_verify_order(&setting->by, kc_buffer_view(&order), holder));
    assert_false(kc_bank_verify_order(&setting->by, kc_buffer_view(&order), an_order.payee));
    keep_record(setting, kc_buffer_view(&order), kc_view(NULL, 0));
    assert_true(verifies(setting));
    /* It has another key since; what the old one signed stays good. */
    make_keys(setting, KC_KEY_P256, holder.number);
    assert_true(verifies(setting));
    keep_key(setting, &setting->public_key);
    assert_true(verifies(setting));
    bytes[order.size - 1] ^= 1;
    assert_false(kc_bank_verify_order(&setting->by, kc_buffer_view(&order), holder));
    keep_record(setting, kc_buffer_view(&order), kc_view(NULL, 0));
    assert_false(verifies(setting));
}

/* Where the purse's own key is kept no other one of its account will do: an older purse may be in other hands. */
static void an_order_verifies_with_the_key_of_its_purse_alone(void **state)
{
    struct setting *setting = *state;
    struct kc_purse_key_row keys = {
        .purse = an_order.payer_purse, .account = holder, .encrypt_size = 1};
    struct kc_buffer key = KC_BUFFER(keys.sign_key);
    const struct kc_store *store = &setting->world->store;
    uint8_t bytes[2][KC_MESSAGE_SIZE_MAX];
    struct kc_buffer orders[2];
    for (int i = 0; i < 2; i++) {
        make_keys(setting, KC_KEY_P256, holder.number);
        keep_key(setting, &setting->public_key);
        orders[i] =
            sign_brief(bytes[i], sizeof bytes[i], setting, &kc_payment_order_shape, &an_order);
        assert_true(kc_bank_verify_order(&setting->by, kc_buffer_view(&orders[i]), holder));
    }
    EXPECT(kc_key_encode(&key, &setting->public_key), KC_OK);
    keys.sign_size = key.size;
    EXPECT(store->purse_key_add(store->context, &keys), KC_OK);
    assert_false(kc_bank_verify_order(&setting->by, kc_buffer_view(&orders[0]), holder));
    assert_true(kc_bank_verify_order(&setting->by, kc_buffer_view(&orders[1]), holder));
    assert_false(kc_bank_verify_order(&setting->by, kc_buffer_view(&orders[1]), an_order.payee));
}

/* shows: R-SEC-1 */
static void a_record_proves_by_the_answer_in_it_too(void **state)
{
    struct setting *setting = *state;
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    const struct kc_decline decline = {.payee_purse = {.number = 10000016},
                                       .counter = 1,
                                       .reason = (uint64_t)KC_DECLINED,
                                       .time_ms = WORLD_START_MS};
    make_keys(setting, KC_KEY_P256, holder.number);
    keep_key(setting, &setting->public_key);
    struct kc_buffer answer = sign_brief(bytes, sizeof bytes, setting, &kc_decline_shape, &decline);
    keep_record(setting, kc_view(NULL, 0), kc_buffer_view(&answer));
    assert_true(verifies(setting));
    assert_false(kc_bank_verify_order(&setting->by, kc_buffer_view(&answer), holder));
    assert_false(kc_bank_verify_evidence(&setting->by, &setting->row, kc_account_nth(5)));
    setting->realm.bank += 1;
    assert_false(verifies(setting));
    setting->realm.bank -= 1;
    keep_record(setting, kc_view(NULL, 0), kc_view(NULL, 0));
    assert_false(verifies(setting));
    setting->row.size -= 1;
    assert_false(verifies(setting));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kept_message_verifies_with_its_kept_key),
        TEST(whatever_was_changed_does_not_verify),
        TEST(a_key_must_make_its_id),
        TEST(accounts_are_opened_by_the_registrar_alone),
        TEST(an_order_verifies_with_any_kept_key_of_its_payer),
        TEST(an_order_verifies_with_the_key_of_its_purse_alone),
        TEST(a_record_proves_by_the_answer_in_it_too),
    };
    return cmocka_run_group_tests_name("bank: signatures of the evidence", tests, NULL, NULL);
}
