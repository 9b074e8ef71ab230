/* Does a question or an answer about revocation make the responder or the bank say what nobody said? First byte: 0 a question to
 * the responder, 1 an answer to a question of ours, 2 the path of a GET. */
#include <string.h>

#include "crypto/ocsp.h"
#include "fuzz.h"

#define NOT_BEFORE UINT64_C(1790000000000)
#define NOW UINT64_C(1795478400000)
#define NOT_AFTER UINT64_C(1800000000000)
#define FORMS 3u

static const uint8_t serials[3][KC_SERIAL_SIZE] = {{0x41, 2}, {0x42, 3}, {0x43, 4}};
static const uint8_t own_serials[3][KC_SERIAL_SIZE] = {{0x51}, {0x52}, {0x53}};
static const uint8_t nonce[KC_OCSP_NONCE_SIZE] = {1, 2, 3, 4};

enum { ROOT, ISSUER, STATUS };

static struct {
    bool ready;
    uint8_t bytes[3][KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer ders[3];
    struct kc_ocsp_signer *signer;
    uint8_t question_bytes[KC_OCSP_REQUEST_SIZE_MAX];
    struct kc_buffer question;
    uint8_t answer_bytes[KC_OCSP_REPLY_SIZE_MAX];
    struct kc_buffer answer;
} world;

static void make(unsigned place, enum kc_profile profile, const char *key,
                 const struct kc_view *issuer, const char *issuer_key)
{
    const struct kc_certificate_order order = {.profile = profile,
                                               .serial = own_serials[place],
                                               .subject = place == ROOT ? "root" : "other",
                                               .key = &kc_fuzz_key(key)->public_key,
                                               .not_before_ms = NOT_BEFORE,
                                               .not_after_ms = NOT_AFTER};
    world.ders[place] =
        (struct kc_buffer){.data = world.bytes[place], .capacity = KC_CERTIFICATE_SIZE_MAX};
    KC_FUZZ_CHECK(!kc_failed(kc_certificate_make(&world.ders[place], &order, issuer,
                                                 &kc_fuzz_key(issuer_key)->private_key)));
}

/* The first is good, the second revoked, every other unknown. */
static struct kc_result look(void *owner, struct kc_ocsp_word *out,
                             const uint8_t serial[KC_SERIAL_SIZE])
{
    size_t *looked = owner;
    *looked += 1;
    if (memcmp(serial, serials[0], KC_SERIAL_SIZE) == 0) {
        out->status = KC_OCSP_GOOD;
    } else if (memcmp(serial, serials[1], KC_SERIAL_SIZE) == 0) {
        *out = (struct kc_ocsp_word){.status = KC_OCSP_REVOKED, .revoked_ms = NOW, .reason = 1};
    }
    return kc_ok();
}

static void prepare(void)
{
    size_t looked = 0;
    if (world.ready) {
        return;
    }
    world.ready = true;
    make(ROOT, KC_PROFILE_ROOT, "es256-sign", NULL, "es256-sign");
    struct kc_view root = kc_buffer_view(&world.ders[ROOT]);
    make(ISSUER, KC_PROFILE_ISSUER, "es256-encrypt", &root, "es256-sign");
    struct kc_view issuer = kc_buffer_view(&world.ders[ISSUER]);
    make(STATUS, KC_PROFILE_STATUS, "es256-other", &issuer, "es256-encrypt");
    KC_FUZZ_CHECK(
        !kc_failed(kc_ocsp_signer_open(&world.signer, kc_buffer_view(&world.ders[STATUS]), issuer,
                                       &kc_fuzz_key("es256-other")->private_key)));
    world.question = KC_BUFFER(world.question_bytes);
    KC_FUZZ_CHECK(
        !kc_failed(kc_ocsp_ask(&world.question, kc_view(serials, sizeof serials), nonce, issuer)));
    world.answer = KC_BUFFER(world.answer_bytes);
    KC_FUZZ_CHECK(!kc_failed(kc_ocsp_answer(
        &world.answer, world.signer, kc_buffer_view(&world.question), NOW, 60000, look, &looked)));
    KC_FUZZ_CHECK(looked == 3);
}

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    static const char path[] = "MFEwTzBNMEswSTAJBgUrDgMCGgUABBQ=";
    prepare();
    if (index >= FORMS) {
        return 0;
    }
    struct kc_view seed = index == 0   ? kc_buffer_view(&world.question)
                          : index == 1 ? kc_buffer_view(&world.answer)
                                       : kc_view_text(path);
    out[0] = (uint8_t)index;
    memcpy(out + 1, seed.data, seed.size);
    return seed.size + 1;
}

/* Whatever it is, it gets an answer that can be read, which says something only of what was looked up. */
static void check_question(struct kc_view input)
{
    uint8_t bytes[KC_OCSP_REPLY_SIZE_MAX];
    struct kc_buffer answer = KC_BUFFER(bytes);
    enum kc_ocsp_status statuses[3];
    size_t looked = 0;
    struct kc_result result =
        kc_ocsp_answer(&answer, world.signer, input, NOW, 60000, look, &looked);
    KC_FUZZ_CHECK(answer.size > 0 && looked <= KC_OCSP_SERIALS_MAX);
    const struct kc_ocsp_expected expected = {.question = kc_buffer_view(&world.question),
                                              .issuer = kc_buffer_view(&world.ders[ISSUER]),
                                              .root = kc_buffer_view(&world.ders[ROOT]),
                                              .now_ms = NOW};
    struct kc_result read = kc_ocsp_read(statuses, 3, kc_buffer_view(&answer), &expected);
    if (kc_failed(result)) {
        KC_FUZZ_CHECK(result.code == KC_MALFORMED && read.code == KC_MALFORMED && looked == 0);
        return;
    }
    kc_fuzz_accepted++;
    /* Certificates of two issuers in one question get an answer that nobody can verify for both. */
    KC_FUZZ_CHECK(!kc_failed(read) || read.code == KC_REPLAYED || read.code == KC_MISMATCH ||
                  read.code == KC_CERT_INVALID);
    KC_FUZZ_CHECK(kc_failed(read) ||
                  (statuses[0] == KC_OCSP_GOOD && statuses[1] == KC_OCSP_REVOKED));
}

static void check_answer(struct kc_view input)
{
    enum kc_ocsp_status statuses[3];
    const struct kc_ocsp_expected expected = {.question = kc_buffer_view(&world.question),
                                              .issuer = kc_buffer_view(&world.ders[ISSUER]),
                                              .root = kc_buffer_view(&world.ders[ROOT]),
                                              .now_ms = NOW};
    struct kc_result result = kc_ocsp_read(statuses, 3, input, &expected);
    if (kc_failed(result)) {
        KC_FUZZ_CHECK(statuses[0] == KC_OCSP_UNKNOWN && statuses[1] == KC_OCSP_UNKNOWN);
        return;
    }
    kc_fuzz_accepted++;
    KC_FUZZ_CHECK(statuses[0] == KC_OCSP_GOOD && statuses[1] == KC_OCSP_REVOKED &&
                  statuses[2] == KC_OCSP_UNKNOWN);
}

static void check_path(struct kc_view input)
{
    char path[KC_FUZZ_SIZE_MAX + 1];
    uint8_t bytes[KC_OCSP_PATH_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    memcpy(path, input.data, input.size);
    path[input.size] = '\0';
    if (!kc_failed(kc_ocsp_path_read(&out, path))) {
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(out.size > 0 && out.size <= strlen(path) / 4 * 3);
        check_question(kc_buffer_view(&out));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[FORMS])(struct kc_view) = {check_question, check_answer, check_path};
    prepare();
    if (size > 0 && size <= KC_FUZZ_SIZE_MAX) {
        checks[data[0] % FORMS](kc_view(data + 1, size - 1));
    }
    return 0;
}
