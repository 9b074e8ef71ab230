/* Question: does the authority make keys at the bank's word alone, give them to the old key alone, and keep them no longer
 * than until the new key says that it is in force? */
#include "authority_place.h"

#include <string.h>

#include "authority/made.h"
#include "base/clock.h"
#include "message/shape.h"

/* An account with keys of its own, and what was made for it. */
struct holder {
    struct kc_account_id account;
    struct pair_of_keys keys;
    struct certify certify;
    struct kc_pair old;
};

static void begin(struct holder *out, struct place *place, unsigned n)
{
    out->account = kc_account_nth(1000000 + n);
    make_keys(&out->keys, place, KC_KEY_P256);
    make_certify(&out->certify, place, out->account, &out->keys, &out->keys.sign);
    EXPECT(send_certify(place, &out->certify), KC_OK);
    out->old = pair_of(place, out->account);
}

static struct kc_keys_request order_of(const struct holder *holder)
{
    return (struct kc_keys_request){.account = holder->account,
                                    .expires_ms = holder->certify.request.expires_ms + 60000,
                                    .time_ms = kc_clock_now_ms()};
}

static struct kc_result send_order(struct place *place, const struct kc_keys_request *order)
{
    return send(place, &place->bank, KC_SERVER_BANK, order->time_ms, &kc_keys_request_shape, order);
}

/* S2, S3; the new pair. */
static struct kc_pair make(struct place *place, const struct holder *holder)
{
    struct kc_certify_reply reply;
    const struct kc_keys_request order = order_of(holder);
    EXPECT(send_order(place, &order), KC_OK);
    open_reply(&reply, place, &place->bank, &kc_certify_reply_shape);
    const struct kc_pair new = pair_of(place, holder->account);
    assert_memory_not_equal(new.sign.serial, holder->old.sign.serial, KC_SERIAL_SIZE);
    assert_true(kc_view_equal(reply.sign_certificate, kc_view(new.sign.der, new.sign.der_size)));
    assert_true(kc_view_equal(kc_view(directory.certificates[0], directory.sizes[0]),
                              reply.sign_certificate));
    return new;
}

static struct kc_key_request request_of(struct place *place, const struct holder *holder,
                                        const struct kc_pair *new)
{
    struct kc_key_request request = {
        .account = holder->account, .purse = kc_purse_nth(1), .time_ms = kc_clock_now_ms()};
    kc_digest(&place->crypto, request.certificate, kc_view(new->sign.der, new->sign.der_size));
    return request;
}

static struct kc_result send_request(struct place *place, const struct pair_of_keys *from,
                                     const struct kc_key_request *request)
{
    return send(place, from, request->account.number, request->time_ms, &kc_key_request_shape,
                request);
}

/* S6, S7: the private keys, out of the reply to the old encryption key. */
static void take_keys(struct pair_of_keys *out, struct place *place, const struct holder *holder,
                      const struct kc_pair *new)
{
    struct kc_key_reply reply;
    struct kc_key_pair pair;
    struct kc_certificate sign;
    const struct kc_key_request request = request_of(place, holder, new);
    struct kc_private_key *const keys[] = {&out->sign, &out->encrypt};
    memset(out, 0, sizeof *out);
    EXPECT(send_request(place, &holder->keys, &request), KC_OK);
    open_reply(&reply, place, &holder->keys, &kc_key_reply_shape);
    assert_int_equal(reply.purse.number, request.purse.number);
    EXPECT(kc_shape_decode(&pair, &kc_key_pair_shape, reply.keys), KC_OK);
    const struct kc_view records[] = {pair.sign_key, pair.encrypt_key};
    for (size_t i = 0; i < 2; i++) {
        struct kc_private_key_record record;
        EXPECT(kc_shape_decode(&record, &kc_private_key_record_shape, records[i]), KC_OK);
        assert_true(record.suite == KC_SUITE_ES256 && record.parts.count == 1);
        keys[i]->type = KC_KEY_P256;
        memcpy(keys[i]->p256.d, record.parts.items[0].data, KC_P256_COORDINATE_SIZE);
    }
    const struct kc_crypto *crypto = &place->crypto;
    EXPECT(crypto->derive_public(crypto->context, &out->sign_public, &out->sign), KC_OK);
    EXPECT(crypto->derive_public(crypto->context, &out->encrypt_public, &out->encrypt), KC_OK);
    EXPECT(kc_certificate_read(&sign, kc_view(new->sign.der, new->sign.der_size)), KC_OK);
    assert_memory_equal(sign.key.p256.x, out->sign_public.p256.x, KC_P256_COORDINATE_SIZE);
}

static struct kc_result send_confirm(struct place *place, const struct pair_of_keys *from,
                                     const struct holder *holder, const struct kc_pair *new)
{
    struct kc_key_confirm confirm = {
        .account = holder->account, .purse = kc_purse_nth(1), .time_ms = kc_clock_now_ms()};
    kc_digest(&place->crypto, confirm.certificate, kc_view(new->sign.der, new->sign.der_size));
    return send(place, from, holder->account.number, confirm.time_ms, &kc_key_confirm_shape,
                &confirm);
}

static struct kc_made made_of(struct place *place, const struct holder *holder)
{
    struct kc_made made = {.account = 0};
    struct kc_result result =
        kc_authority_store_made_get(place->authority.store, &made, holder->account.number);
    assert_true(!kc_failed(result) || result.code == KC_NOT_FOUND);
    return made;
}

static void expect_list(struct place *place, const struct kc_pair *pair, bool listed)
{
    uint64_t number = 0;
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    expect_listed(place, pair, listed, &number);
}

/* shows: R-RENEW-2 R-RENEW-3 R-RENEW-4 R-RENEW-5 */
static void made_given_and_confirmed(void **state)
{
    struct place *place = *state;
    struct holder holder;
    struct pair_of_keys fresh;
    struct pair_of_keys again;
    struct kc_done done;
    begin(&holder, place, 0);
    const struct kc_keys_request order = order_of(&holder);
    directory.down = true;
    EXPECT(send_order(place, &order), KC_DIRECTORY_DOWN);
    directory.down = false;
    const struct kc_pair first = pair_of(place, holder.account);
    /* Asked again, also later, it is the same pair. */
    const struct kc_pair new = make(place, &holder);
    assert_memory_equal(first.sign.serial, new.sign.serial, KC_SERIAL_SIZE);
    assert_true(made_of(place, &holder).keys_size > 0 && made_of(place, &holder).given_ms == 0);
    take_keys(&fresh, place, &holder, &new);
    take_keys(&again, place, &holder, &new);
    assert_memory_equal(fresh.encrypt.p256.d, again.encrypt.p256.d, KC_P256_COORDINATE_SIZE);
    assert_true(made_of(place, &holder).given_ms != 0);
    expect_list(place, &holder.old, false);
    for (int i = 0; i < 2; i++) {
        EXPECT(send_confirm(place, &fresh, &holder, &new), KC_OK);
        open_reply(&done, place, &fresh, &kc_done_shape);
        assert_int_equal(made_of(place, &holder).account, 0);
        expect_list(place, &holder.old, true);
        expect_list(place, &new, false);
    }
    /* Neither key gets anything now, each by its own name. */
    const struct kc_key_request request = request_of(place, &holder, &new);
    EXPECT(send_request(place, &holder.keys, &request), KC_CERT_REVOKED);
    EXPECT(send_request(place, &fresh, &request), KC_KEY_GONE);
    /* The bank's old order, once more: not a second pair. */
    EXPECT(send_order(place, &order), KC_MALFORMED);
    assert_memory_equal(pair_of(place, holder.account).sign.serial, new.sign.serial,
                        KC_SERIAL_SIZE);
}

/* shows: R-RENEW-2 R-SEC-4 */
static void who_may_not_order_is_refused(void **state)
{
    struct place *place = *state;
    struct holder holder;
    begin(&holder, place, 0);
    const size_t puts = directory.puts;
    struct kc_keys_request order = order_of(&holder);
    EXPECT(send(place, &place->registrar, KC_SERVER_REGISTRAR, order.time_ms,
                &kc_keys_request_shape, &order),
           KC_NOT_ALLOWED);
    expect_refusal(place, &place->registrar, KC_NOT_ALLOWED);
    EXPECT(send(place, &holder.keys, holder.account.number, order.time_ms, &kc_keys_request_shape,
                &order),
           KC_NOT_ALLOWED);
    EXPECT(send(place, &holder.keys, KC_SERVER_BANK, order.time_ms, &kc_keys_request_shape, &order),
           KC_UNKNOWN_SIGNER);
    order.expires_ms = holder.certify.request.expires_ms;
    EXPECT(send_order(place, &order), KC_MALFORMED);
    order.expires_ms = kc_clock_now_ms() - 1;
    EXPECT(send_order(place, &order), KC_MALFORMED);
    order.expires_ms = kc_clock_now_ms() + 20 * YEAR_MS;
    EXPECT(send_order(place, &order), KC_MALFORMED);
    order = order_of(&holder);
    order.account.number += 1;
    EXPECT(send_order(place, &order), KC_MALFORMED);
    order.account = kc_account_nth(1000777);
    EXPECT(send_order(place, &order), KC_CERT_REVOKED);
    order = order_of(&holder);
    order.time_ms -= place->authority.config.clock_ms + 60000;
    EXPECT(send_order(place, &order), KC_EXPIRED);
    expect_refusal(place, &place->bank, KC_EXPIRED);
    assert_int_equal(made_of(place, &holder).account, 0);
    assert_int_equal(directory.puts, puts);
    assert_memory_equal(pair_of(place, holder.account).sign.serial, holder.old.sign.serial,
                        KC_SERIAL_SIZE);
}

/* shows: R-RENEW-3 R-RENEW-5 R-SEC-2 */
static void only_the_old_key_gets_them_and_only_the_new_one_confirms(void **state)
{
    struct place *place = *state;
    struct holder a;
    struct holder b;
    struct pair_of_keys fresh;
    struct pair_of_keys stranger;
    begin(&a, place, 0);
    begin(&b, place, 1);
    make_keys(&stranger, place, KC_KEY_P256);
    struct kc_key_request request = request_of(place, &a, &a.old);
    EXPECT(send_request(place, &a.keys, &request), KC_KEY_GONE);
    const struct kc_pair new = make(place, &a);
    EXPECT(send_request(place, &a.keys, &request), KC_MISMATCH);
    expect_refusal(place, &a.keys, KC_MISMATCH);
    request = request_of(place, &a, &new);
    EXPECT(send_request(place, &stranger, &request), KC_UNKNOWN_SIGNER);
    EXPECT(send_request(place, &b.keys, &request), KC_UNKNOWN_SIGNER);
    EXPECT(send(place, &b.keys, b.account.number, request.time_ms, &kc_key_request_shape, &request),
           KC_NOT_ALLOWED);
    EXPECT(
        send(place, &place->bank, KC_SERVER_BANK, request.time_ms, &kc_key_request_shape, &request),
        KC_NOT_ALLOWED);
    assert_true(made_of(place, &a).given_ms == 0);
    /* Nobody confirms what was not given, nor with the old key. */
    EXPECT(send_confirm(place, &a.keys, &a, &new), KC_OUT_OF_ORDER);
    EXPECT(send_confirm(place, &stranger, &a, &new), KC_UNKNOWN_SIGNER);
    take_keys(&fresh, place, &a, &new);
    EXPECT(send_confirm(place, &a.keys, &a, &new), KC_OUT_OF_ORDER);
    EXPECT(send_confirm(place, &fresh, &a, &a.old), KC_MISMATCH);
    EXPECT(send_request(place, &fresh, &request), KC_OUT_OF_ORDER);
    struct kc_key_confirm theirs = {.account = a.account, .time_ms = kc_clock_now_ms()};
    kc_digest(&place->crypto, theirs.certificate, kc_view(new.sign.der, new.sign.der_size));
    EXPECT(send(place, &b.keys, b.account.number, theirs.time_ms, &kc_key_confirm_shape, &theirs),
           KC_NOT_ALLOWED);
    assert_true(made_of(place, &a).keys_size > 0);
    expect_list(place, &a.old, false);
    expect_list(place, &new, false);
}

/* shows: R-RENEW-4 R-RENEW-5 */
static void keys_whose_time_ran_out_go(void **state)
{
    struct place *place = *state;
    struct holder never;
    struct holder given;
    struct holder young;
    struct pair_of_keys fresh;
    size_t count = 7;
    begin(&never, place, 0);
    begin(&given, place, 1);
    const struct kc_pair lost = make(place, &never);
    const struct kc_pair kept = make(place, &given);
    take_keys(&fresh, place, &given, &kept);
    EXPECT(kc_authority_wipe_due(&count, &place->authority), KC_OK);
    assert_int_equal(count, 0);
    struct kc_made made = made_of(place, &never);
    made.made_ms -= place->authority.config.keys_ms + 1000;
    EXPECT(kc_authority_store_made_put(place->authority.store, &made), KC_OK);
    made = made_of(place, &given);
    made.made_ms -= place->authority.config.keys_ms + 1000;
    EXPECT(kc_authority_store_made_put(place->authority.store, &made), KC_OK);
    begin(&young, place, 2);
    (void)make(place, &young);
    /* Cut while the directory is away: the keys are gone, the rest is due again. */
    directory.down = true;
    EXPECT(kc_authority_wipe_due(&count, &place->authority), KC_DIRECTORY_DOWN);
    directory.down = false;
    assert_int_equal(made_of(place, &never).keys_size, 0);
    EXPECT(kc_authority_wipe_due(&count, &place->authority), KC_OK);
    assert_true(made_of(place, &never).account == 0 && made_of(place, &given).keys_size == 0);
    assert_true(made_of(place, &young).keys_size > 0);
    expect_list(place, &lost, true);
    expect_list(place, &never.old, false);
    expect_list(place, &kept, false);
    assert_memory_equal(pair_of(place, never.account).sign.serial, never.old.sign.serial,
                        KC_SERIAL_SIZE);
    EXPECT(kc_authority_wipe_due(&count, &place->authority), KC_OK);
    assert_int_equal(count, 0);
    /* The purse that has them may confirm late; one that has not is told. */
    const struct kc_key_request request = request_of(place, &given, &kept);
    EXPECT(send_request(place, &given.keys, &request), KC_KEY_GONE);
    EXPECT(send_confirm(place, &fresh, &given, &kept), KC_OK);
    expect_list(place, &given.old, true);
}

/* shows: R-RENEW-3 R-RENEW-5 */
static void they_are_made_anew_only_after_a_later_claim(void **state)
{
    struct place *place = *state;
    struct holder holder;
    struct pair_of_keys fresh;
    begin(&holder, place, 0);
    const struct kc_pair new = make(place, &holder);
    take_keys(&fresh, place, &holder, &new);
    struct kc_made made = made_of(place, &holder);
    const uint64_t given_ms = made.given_ms;
    made.made_ms -= place->authority.config.keys_ms + 1000;
    size_t count = 0;
    EXPECT(kc_authority_store_made_put(place->authority.store, &made), KC_OK);
    EXPECT(kc_authority_wipe_due(&count, &place->authority), KC_OK);
    /* A claim from before they were given says nothing of whether they arrived. */
    struct kc_keys_request order = order_of(&holder);
    order.expires_ms += 120000;
    order.has_claimed = true;
    order.claimed_ms = given_ms;
    EXPECT(send_order(place, &order), KC_OK);
    assert_memory_equal(pair_of(place, holder.account).sign.serial, new.sign.serial,
                        KC_SERIAL_SIZE);
    order.claimed_ms = given_ms + 1;
    EXPECT(send_order(place, &order), KC_OK);
    const struct kc_pair anew = pair_of(place, holder.account);
    assert_memory_not_equal(anew.sign.serial, new.sign.serial, KC_SERIAL_SIZE);
    take_keys(&fresh, place, &holder, &anew);
    EXPECT(send_confirm(place, &fresh, &holder, &anew), KC_OK);
    expect_list(place, &new, true);
    expect_list(place, &holder.old, true);
    expect_list(place, &anew, false);
}

/* shows: R-RENEW-4 R-SEC-4 */
static void the_banks_word_or_a_revocation_ends_them_too(void **state)
{
    struct place *place = *state;
    struct holder told;
    struct holder lost;
    begin(&told, place, 0);
    begin(&lost, place, 1);
    const struct kc_pair new = make(place, &told);
    struct kc_retire_request retire = {.account = told.account, .time_ms = kc_clock_now_ms()};
    kc_digest(&place->crypto, retire.certificate, kc_view(new.sign.der, new.sign.der_size));
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, retire.time_ms, &kc_retire_request_shape,
                &retire),
           KC_OK);
    assert_int_equal(made_of(place, &told).account, 0);
    expect_list(place, &told.old, true);
    (void)make(place, &lost);
    /* Those that were made begin a second later than the others. */
    const struct kc_revoke_request revoke = {
        .account = lost.account, .reason = 4, .time_ms = kc_clock_now_ms() + 2000};
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, revoke.time_ms, &kc_revoke_request_shape,
                &revoke),
           KC_OK);
    assert_int_equal(made_of(place, &lost).account, 0);
    struct kc_keys_request order = order_of(&lost);
    order.expires_ms += 120000;
    EXPECT(send_order(place, &order), KC_CERT_REVOKED);
    assert_int_equal(made_of(place, &lost).account, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(made_given_and_confirmed),
        TEST(who_may_not_order_is_refused),
        TEST(only_the_old_key_gets_them_and_only_the_new_one_confirms),
        TEST(keys_whose_time_ran_out_go),
        TEST(they_are_made_anew_only_after_a_later_claim),
        TEST(the_banks_word_or_a_revocation_ends_them_too),
    };
    return cmocka_run_group_tests_name("authority: keys that it makes", tests, NULL, NULL);
}
