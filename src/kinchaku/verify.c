#include "kinchaku/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/libcrypto.h"
#include "crypto/x509.h"
#include "evidence/words.h"
#include "message/generated/names.h"
#include "message/roll.h"
#include "service/files.h"
#include "service/json_out.h"

#define CERTIFICATE_TEXT_MAX (2u * KC_CERTIFICATE_SIZE_MAX)

/* All that a check takes. */
struct desk {
    struct kc_crypto crypto;
    struct kc_public_key bank;
    struct kc_evidence_work work;
    struct kc_evidence_verdict verdict;
    uint8_t bytes[KC_EVIDENCE_SIZE_MAX];
};

/* Its validity is not looked at: evidence outlives certificates, and whose certificate it is the reader decides. */
static struct kc_result read_certificate(struct kc_public_key *out, const char *path)
{
    uint8_t text[CERTIFICATE_TEXT_MAX];
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer pem = KC_BUFFER(text);
    struct kc_buffer bytes = KC_BUFFER(der);
    struct kc_certificate certificate;
    struct kc_result result = kc_file_read(&pem, path);
    if (!kc_failed(result)) {
        result = kc_certificate_from_pem(&bytes, kc_buffer_view(&pem));
    }
    if (!kc_failed(result)) {
        result = kc_certificate_read(&certificate, kc_buffer_view(&bytes));
    }
    if (kc_failed(result)) {
        return result.code == KC_FILE_MISSING || result.code == KC_IO_FAILED
                   ? result
                   : kc_result(KC_CERT_INVALID);
    }
    if (certificate.profile != KC_PROFILE_SIGN || strcmp(certificate.subject, "bank") != 0) {
        return kc_result(KC_CERT_INVALID);
    }
    *out = certificate.key;
    return kc_ok();
}

static void put_amount(struct kc_json_out *json, const char *name, struct kc_amount amount,
                       unsigned decimals)
{
    char text[KC_AMOUNT_TEXT_SIZE];
    kc_amount_format(text, amount, decimals);
    kc_json_text(json, name, text);
}

static void put_sums(struct kc_json_out *json, const struct kc_evidence_sums *sums,
                     unsigned decimals)
{
    put_amount(json, "certified", sums->certified, decimals);
    kc_json_number(json, "certified_counter", sums->counter);
    put_amount(json, "received", sums->received, decimals);
    put_amount(json, "returned", sums->returned, decimals);
    put_amount(json, "paid", sums->paid, decimals);
    put_amount(json, "uncounted", sums->uncounted, decimals);
    put_amount(json, "left", sums->left, decimals);
    put_amount(json, "amount", sums->amount, decimals);
}

static void print_json(const struct kc_evidence_verdict *verdict, bool proven)
{
    char words[KC_EVIDENCE_WORDS_SIZE];
    char when[KC_CLOCK_TEXT_SIZE];
    struct kc_json_out json;
    const struct kc_evidence_file *file = &verdict->file;
    const struct kc_evidence_finding *finding = &verdict->finding;
    unsigned decimals = (unsigned)file->decimals;
    kc_json_open(&json, stdout);
    kc_json_text(&json, "verdict", proven ? "proven" : kc_error_name(KC_NOT_PROVEN));
    if (!proven) {
        kc_json_text(&json, "error", kc_error_name(KC_NOT_PROVEN));
    }
    kc_json_text(&json, "reason", kc_error_name(kc_evidence_reason(file->rule)));
    kc_json_text(&json, "rule", kc_proof_rule_word((uint64_t)file->rule));
    kc_json_text(&json, "words", kc_evidence_rule_words(file->rule));
    kc_json_number(&json, "counter", file->counter);
    kc_json_number(&json, "account", file->account.number);
    kc_json_number(&json, "purse", file->purse.number);
    kc_json_bool(&json, "renewed", verdict->renewed);
    kc_json_number(&json, "bank", file->bank);
    kc_json_text(&json, "currency", verdict->realm.currency);
    kc_json_number(&json, "alert", file->alert);
    kc_clock_format(when, file->time_ms);
    kc_json_text(&json, "made", when);
    if (proven && finding->rule == KC_PROOF_RULE_OVERSPENT) {
        put_sums(&json, &finding->sums, decimals);
    } else if (proven) {
        kc_evidence_statement_words(words, &finding->first, finding, decimals);
        kc_json_text(&json, "first", words);
        kc_evidence_statement_words(words, &finding->second, finding, decimals);
        kc_json_text(&json, "second", words);
    }
    kc_json_close(&json);
}

static void print_words(const struct kc_evidence_verdict *verdict)
{
    char words[KC_EVIDENCE_WORDS_SIZE];
    const struct kc_evidence_file *file = &verdict->file;
    const struct kc_evidence_finding *finding = &verdict->finding;
    unsigned decimals = (unsigned)file->decimals;
    (void)printf("proven: purse %" PRIu64 " of account %" PRIu64 " at bank %" PRIu64
                 " (%s) is %s\n",
                 file->purse.number, file->account.number, file->bank, verdict->realm.currency,
                 kc_error_name(kc_evidence_reason(file->rule)));
    (void)printf("%s (counter %" PRIu64 ")\n", kc_evidence_rule_words(file->rule), file->counter);
    if (verdict->renewed) {
        (void)printf("  the purse renewed its keys between the two; 1 is of the older key, 2 of "
                     "the newer\n");
    }
    if (file->rule == KC_PROOF_RULE_SIGNED_AFTER_CLOSE) {
        (void)printf("  whose hand the older key was in is not shown\n");
    }
    if (finding->rule == KC_PROOF_RULE_OVERSPENT) {
        kc_evidence_sums_words(words, finding, decimals);
        (void)printf("  %s\n", words);
        return;
    }
    kc_evidence_statement_words(words, &finding->first, finding, decimals);
    (void)printf("  1. %s\n", words);
    kc_evidence_statement_words(words, &finding->second, finding, decimals);
    (void)printf("  2. %s\n", words);
}

/* The bank's record of a roll-over leads from the certificate's key to the one that signed the file, or back to the one
 * before. */
static struct kc_result follow_roll(struct desk *desk, struct kc_view file, const char *path)
{
    uint8_t bytes[KC_ROLL_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_realm realm;
    struct kc_roll roll;
    struct kc_result result = kc_evidence_realm(&realm, file);
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    if (!kc_failed(result)) {
        result = kc_roll_open(&roll, &desk->crypto, &realm, kc_buffer_view(&buffer));
    }
    bool forth = !kc_failed(result) && kc_key_equal(&roll.former_key, &desk->bank);
    bool back = !kc_failed(result) && kc_key_equal(&roll.sign_key, &desk->bank);
    if (!forth && !back) {
        return kc_failed(result) ? result : kc_result(KC_UNKNOWN_SIGNER);
    }
    desk->bank = roll.sign_key;
    desk->work.formers[0] = roll.former_key;
    desk->work.former_count = 1;
    return kc_ok();
}

/* The file that the result is about, and what helps. */
static int fail(const struct kc_command *command, struct kc_result result, const char *about)
{
    char words[KC_PATH_SIZE_MAX + 96];
    bool signer = result.code == KC_UNKNOWN_SIGNER;
    (void)snprintf(words, sizeof words, "%s%s", about,
                   signer ? "; another of the bank's sign-N.crt, or --roll, may know it" : "");
    return kc_command_fail(command, result, words);
}

/* *about: the file that the result is about. */
static struct kc_result check(const char **about, struct desk *desk,
                              const struct kc_command *command, const char *path)
{
    struct kc_buffer file = KC_BUFFER(desk->bytes);
    *about = kc_command_value(command, "certificate");
    struct kc_result result = read_certificate(&desk->bank, *about);
    if (!kc_failed(result)) {
        *about = path;
        result = kc_file_read(&file, path);
    }
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&desk->crypto, 16);
    }
    const char *roll = kc_command_value(command, "roll");
    if (!kc_failed(result) && roll != NULL) {
        *about = roll;
        result = follow_roll(desk, kc_buffer_view(&file), roll);
        *about = kc_failed(result) ? roll : path;
        if (kc_failed(result)) {
            kc_libcrypto_close(&desk->crypto);
        }
    }
    if (!kc_failed(result)) {
        result = kc_evidence_verify(&desk->verdict, &desk->work, &desk->crypto, &desk->bank,
                                    kc_buffer_view(&file));
        kc_libcrypto_close(&desk->crypto);
    }
    return result;
}

int kc_verify_evidence(const struct kc_command *command, const char *path)
{
    if (kc_command_value(command, "certificate") == NULL) {
        return kc_command_usage(command, "verify-evidence needs --certificate");
    }
    struct desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL) {
        return kc_command_fail(command, kc_result(KC_NO_MEMORY), path);
    }
    const char *about = path;
    struct kc_result result = check(&about, desk, command, path);
    bool proven = !kc_failed(result);
    bool read = proven || result.code == KC_NOT_PROVEN;
    if (command->json && read) {
        print_json(&desk->verdict, proven);
    } else if (proven) {
        print_words(&desk->verdict);
    }
    if (!proven && command->json && read) {
        (void)fprintf(stderr, "kinchaku: %s\n", kc_error_words(result.code));
    }
    int status = proven                  ? 0
                 : command->json && read ? kc_error_exit_status(result.code)
                                         : fail(command, result, about);
    free(desk);
    return status;
}
