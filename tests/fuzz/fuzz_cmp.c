/* Does a CMP message make the authority certify or revoke what nobody signed for, or a client take an answer to another question?
 * First byte: 0 a message to the server, 1 an answer to a request of ours. */
#include <string.h>

#include "base/clock.h"
#include "crypto/cmp.h"
#include "fuzz.h"

#define NOT_BEFORE UINT64_C(1500000000000)
#define NOT_AFTER UINT64_C(2480000000000)
#define SUBJECT "7000019"
#define SEEDS 8u

enum { ROOT, ISSUER, AUTHORITY, REGISTRAR, CERTIFICATES };

static struct {
    bool ready;
    uint8_t bytes[CERTIFICATES][KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer ders[CERTIFICATES];
    size_t seed_count;
    size_t seed_sizes[SEEDS];
    uint8_t seeds[SEEDS][KC_FUZZ_SIZE_MAX];
    struct kc_cmp_server *server; /* while the seeds are made */
    unsigned certified;
    unsigned revoked;
} world;

static const char *const keys[CERTIFICATES] = {"es256-sign", "es256-encrypt", "es256-sign",
                                               "es256-other"};
static const uint8_t holder_serial[KC_SERIAL_SIZE] = {0x61};

static void make(struct kc_buffer *out, unsigned place, const struct kc_certificate_order *order)
{
    struct kc_view issuer = kc_buffer_view(&world.ders[place == ISSUER ? ROOT : ISSUER]);
    const char *key = keys[place == ROOT || place == ISSUER ? ROOT : ISSUER];
    KC_FUZZ_CHECK(!kc_failed(kc_certificate_make(out, order, place == ROOT ? NULL : &issuer,
                                                 &kc_fuzz_key(key)->private_key)));
}

static void make_own(unsigned place, enum kc_profile profile, const char *subject)
{
    uint8_t serial[KC_SERIAL_SIZE] = {0x51};
    serial[1] = (uint8_t)place;
    const struct kc_certificate_order order = {.profile = profile,
                                               .serial = serial,
                                               .subject = subject,
                                               .key = &kc_fuzz_key(keys[place])->public_key,
                                               .not_before_ms = NOT_BEFORE,
                                               .not_after_ms = NOT_AFTER};
    world.ders[place] =
        (struct kc_buffer){.data = world.bytes[place], .capacity = KC_CERTIFICATE_SIZE_MAX};
    make(&world.ders[place], place, &order);
}

/* ---- the authority: only the registrar's word, and only what it was about ---- */

static struct kc_result find(void *owner, struct kc_buffer *der, bool *vouches, const char *sender,
                             size_t index)
{
    (void)owner;
    if (strcmp(sender, "registrar") != 0 || index > 0) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    *vouches = true;
    return kc_buffer_append(der, kc_buffer_view(&world.ders[REGISTRAR]));
}

static struct kc_result certify(void *owner, struct kc_buffer *der, const struct kc_cmp_ask *ask)
{
    (void)owner;
    KC_FUZZ_CHECK(strcmp(ask->sender, "registrar") == 0 && strcmp(ask->subject, SUBJECT) == 0 &&
                  ask->kind == KC_CMP_CERTIFY && ask->profile == KC_PROFILE_SIGN &&
                  ask->expires_ms == NOT_AFTER &&
                  kc_key_equal(&ask->key, &kc_fuzz_key("es256-other")->public_key));
    const struct kc_certificate_order order = {.profile = ask->profile,
                                               .serial = holder_serial,
                                               .subject = ask->subject,
                                               .key = &ask->key,
                                               .not_before_ms = NOT_BEFORE,
                                               .not_after_ms = ask->expires_ms};
    world.certified++;
    make(der, AUTHORITY, &order);
    return kc_ok();
}

static struct kc_result revoke(void *owner, const struct kc_cmp_ask *ask)
{
    (void)owner;
    KC_FUZZ_CHECK(strcmp(ask->sender, "registrar") == 0 && ask->reason == 4 &&
                  memcmp(ask->serial, holder_serial, KC_SERIAL_SIZE) == 0);
    world.revoked++;
    return kc_ok();
}

static void reject(void *owner, const struct kc_cmp_ask *ask, struct kc_view der)
{
    (void)owner;
    (void)ask;
    (void)der;
    KC_FUZZ_CHECK(false);
}

static void open_server(struct kc_cmp_server **out)
{
    const struct kc_view issuer = kc_buffer_view(&world.ders[ISSUER]);
    const struct kc_cmp_answerer answerer = {.certificate = kc_buffer_view(&world.ders[AUTHORITY]),
                                             .key = &kc_fuzz_key(keys[AUTHORITY])->private_key,
                                             .issuers = &issuer,
                                             .issuer_count = 1,
                                             .clock_ms = NOT_AFTER,
                                             .find = find,
                                             .certify = certify,
                                             .revoke = revoke,
                                             .reject = reject};
    KC_FUZZ_CHECK(!kc_failed(kc_cmp_server_open(out, &answerer)));
}

/* ---- the registrar ---- */

static void keep_seed(uint8_t form, struct kc_view message)
{
    KC_FUZZ_CHECK(world.seed_count < SEEDS && message.size < KC_FUZZ_SIZE_MAX);
    world.seeds[world.seed_count][0] = form;
    memcpy(world.seeds[world.seed_count] + 1, message.data, message.size);
    world.seed_sizes[world.seed_count++] = message.size + 1;
}

/* Both ways, and into the seeds. */
static struct kc_result carry(void *owner, struct kc_buffer *reply, struct kc_view message)
{
    enum kc_error outcome = KC_OK;
    (void)owner;
    keep_seed(0, message);
    struct kc_result result =
        kc_cmp_server_answer(reply, &outcome, world.server, message, kc_clock_now_ms());
    if (!kc_failed(result)) {
        keep_seed(1, kc_buffer_view(reply));
    }
    return result;
}

static struct kc_result give_input(void *owner, struct kc_buffer *reply, struct kc_view message)
{
    const struct kc_view *input = owner;
    (void)message;
    reply->size = 0;
    return kc_buffer_append(reply, *input);
}

static bool is_on_no_list(void *lists, struct kc_view der)
{
    (void)lists;
    (void)der;
    return false;
}

static struct kc_cmp_asker asker(struct kc_view *input)
{
    static struct kc_view issuer;
    static struct kc_view root;
    issuer = kc_buffer_view(&world.ders[ISSUER]);
    root = kc_buffer_view(&world.ders[ROOT]);
    return (struct kc_cmp_asker){.certificate = kc_buffer_view(&world.ders[REGISTRAR]),
                                 .key = &kc_fuzz_key(keys[REGISTRAR])->private_key,
                                 .issuers = &issuer,
                                 .issuer_count = 1,
                                 .roots = &root,
                                 .answerer = "authority",
                                 .is_revoked = is_on_no_list,
                                 .timeout_ms = 1000,
                                 .owner = input,
                                 .send = input == NULL ? carry : give_input};
}

static struct kc_result ask(struct kc_buffer *der, const struct kc_cmp_asker *asking)
{
    const struct kc_cmp_order order = {.subject = SUBJECT,
                                       .profile = KC_PROFILE_SIGN,
                                       .key = &kc_fuzz_key("es256-other")->public_key,
                                       .expires_ms = NOT_AFTER};
    return kc_cmp_certify(der, asking, &order);
}

static void prepare(void)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    struct kc_certificate made;
    if (world.ready) {
        return;
    }
    world.ready = true;
    make_own(ROOT, KC_PROFILE_ROOT, "root");
    make_own(ISSUER, KC_PROFILE_ISSUER, "issuer");
    make_own(AUTHORITY, KC_PROFILE_SIGN, "authority");
    make_own(REGISTRAR, KC_PROFILE_SIGN, "registrar");
    open_server(&world.server);
    const struct kc_cmp_asker asking = asker(NULL);
    KC_FUZZ_CHECK(!kc_failed(ask(&der, &asking)));
    KC_FUZZ_CHECK(!kc_failed(kc_cmp_revoke(&asking, kc_buffer_view(&der), 4)));
    /* By its number it is the same certificate. */
    KC_FUZZ_CHECK(!kc_failed(kc_certificate_read(&made, kc_buffer_view(&der))));
    KC_FUZZ_CHECK(!kc_failed(kc_cmp_revoke_number(&asking, asking.issuers[0], made.serial, 4)));
    KC_FUZZ_CHECK(world.certified == 1 && world.revoked == 2 && world.seed_count == SEEDS);
    kc_cmp_server_close(world.server);
}

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    prepare();
    if (index >= SEEDS) {
        return 0;
    }
    memcpy(out, world.seeds[index], world.seed_sizes[index]);
    return world.seed_sizes[index];
}

/* Twice to one server: the second time nothing is certified or revoked. */
static void check_message(struct kc_view input)
{
    static uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_cmp_server *server = NULL;
    unsigned before = world.certified + world.revoked;
    open_server(&server);
    for (unsigned i = 0; i < 2; i++) {
        struct kc_buffer reply = KC_BUFFER(bytes);
        enum kc_error outcome = KC_OK;
        struct kc_result result =
            kc_cmp_server_answer(&reply, &outcome, server, input, kc_clock_now_ms());
        KC_FUZZ_CHECK(kc_failed(result) == (reply.size == 0));
        KC_FUZZ_CHECK(!kc_failed(result) || outcome != KC_OK);
        kc_fuzz_accepted += result.code == KC_MALFORMED ? 0 : 1;
    }
    KC_FUZZ_CHECK(world.certified + world.revoked <= before + 1);
    kc_cmp_server_close(server);
}

/* Each of our requests has a number and a nonce of its own, so that nothing is the answer to it. */
static void check_answer(struct kc_view input)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    const struct kc_cmp_asker asking = asker(&input);
    struct kc_result result = ask(&der, &asking);
    KC_FUZZ_CHECK(kc_failed(result) && der.size == 0);
    kc_fuzz_accepted += result.code == KC_MALFORMED ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    if (size > 0 && size <= KC_FUZZ_SIZE_MAX) {
        (data[0] % 2 == 0 ? check_message : check_answer)(kc_view(data + 1, size - 1));
    }
    return 0;
}
