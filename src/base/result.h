/* Results: what every fallible function of Kinchaku returns.
 *
 * A code is grouped by who must act on it, has a number that is never reused, and a stable name that
 * appears in logs, in JSON and on the wire. One table (KC_ERRORS) also gives the APDU status word, the
 * HTTP status and the exit status, so that a refusal reads the same wherever it surfaces.
 */
#ifndef KC_BASE_RESULT_H
#define KC_BASE_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#define KC_MUST_USE __attribute__((warn_unused_result))

/* X(identifier, number, stable name, APDU status word, HTTP status, exit status, words for people)
 *
 * 0x01-0x3f the other party sent something we refuse; 0x40-0x6f the user must act; 0x70-0x8f try again;
 * 0x90-0xaf the operator must act; 0xb0-0xbf a fault of our own. */
#define KC_ERRORS(X)                                                                               \
    X(OK, 0x00, "ok", 0x9000, 200, 0, "done")                                                      \
    X(MALFORMED, 0x01, "malformed", 0x6a80, 400, 1, "the message cannot be read")                  \
    X(TRAILING, 0x02, "trailing-bytes", 0x9e02, 400, 1, "there are bytes after the message")       \
    X(NOT_CANONICAL, 0x03, "not-canonical", 0x9e03, 400, 1, "the encoding is not the shortest")    \
    X(TOO_LARGE, 0x04, "too-large", 0x6700, 413, 1, "the message is longer than allowed")          \
    X(WRONG_VERSION, 0x05, "wrong-version", 0x9e05, 400, 1, "the protocol version is not spoken")  \
    X(WRONG_TYPE, 0x06, "wrong-type", 0x9e06, 400, 1, "this kind of message is not expected here") \
    X(WRONG_DOMAIN, 0x07, "wrong-domain", 0x9e07, 400, 1, "signed for another purpose or bank")    \
    X(BAD_SIGNATURE, 0x08, "bad-signature", 0x9e08, 403, 1, "the signature does not verify")       \
    X(UNKNOWN_SIGNER, 0x09, "unknown-signer", 0x9e09, 403, 1, "the signer is not known")           \
    X(CERT_EXPIRED, 0x0a, "certificate-expired", 0x9e0a, 403, 1, "a certificate has expired")      \
    X(CERT_REVOKED, 0x0b, "certificate-revoked", 0x9e0b, 403, 1, "a certificate was revoked")      \
    X(CERT_INVALID, 0x0c, "certificate-invalid", 0x9e0c, 403, 1, "a certificate is not valid")     \
    X(CANNOT_UNSEAL, 0x0d, "cannot-unseal", 0x9e0d, 400, 1, "the sealed content does not open")    \
    X(REPLAYED, 0x0e, "replayed", 0x9e0e, 409, 1, "the time stamp was seen before")                \
    X(CONTENT_TYPE, 0x0f, "wrong-content-type", 0x9e0f, 415, 1,                                    \
      "the content type is not accepted")                                                          \
    X(OUT_OF_ORDER, 0x10, "out-of-order", 0x6985, 409, 1, "this step does not fit the state")      \
    X(UNKNOWN_TRANSACTION, 0x11, "unknown-transaction", 0x9e11, 404, 1, "no such transaction")     \
    X(WRONG_ALGORITHM, 0x12, "wrong-algorithm", 0x9e12, 400, 1, "the algorithm does not fit")      \
    X(MISMATCH, 0x13, "mismatch", 0x9e13, 409, 1, "the answer belongs to something else")          \
    X(NOT_ALLOWED, 0x14, "not-allowed", 0x9e14, 403, 1, "the sender may not ask this")             \
    X(NOT_FOUND, 0x15, "not-found", 0x6a88, 404, 1, "there is nothing of that name")               \
    X(INSTRUCTION, 0x16, "unknown-instruction", 0x6d00, 405, 1, "the instruction is not known")    \
    X(STALE_STATE, 0x17, "stale-state", 0x9e17, 409, 1,                                            \
      "the purse is behind what the bank has seen")                                                \
    X(IDENTITY_NEEDED, 0x18, "identity-needed", 0x9e18, 409, 1,                                    \
      "the other purse has to show its identity")                                                  \
    X(ASK_BANK, 0x19, "ask-the-bank", 0x9e19, 409, 1,                                              \
      "the purse no longer has it: only the bank can say")                                         \
    X(NOT_PROVEN, 0x1a, "not-proven", 0x9e1a, 409, 1, "the evidence does not prove what it says")  \
    X(NO_KEY_READY, 0x1b, "no-key-ready", 0x9e1b, 409, 1,                                          \
      "the authority made no new keys for this purse")                                             \
    X(KEY_GONE, 0x1c, "key-gone", 0x9e1c, 409, 1, "the keys that the authority made wait no more") \
    X(BANK_KEY_ENDED, 0x21, "bank-key-ended", 0x9e21, 409, 1,                                      \
      "it was made under a bank key whose time is over")                                           \
    X(ROOT_NOT_CERTIFIED, 0x22, "root-not-certified", 0x9e22, 409, 1,                              \
      "no root that counts here has certified this one")                                           \
    X(ROOT_OLDER, 0x23, "root-older", 0x9e23, 409, 1,                                              \
      "the root is older than the one that counts here")                                           \
    X(BASE_NEEDED, 0x20, "base-needed", 0x9e20, 409, 1,                                            \
      "it adds to a hotlist that the purse does not hold")                                         \
    X(INSUFFICIENT_VALUE, 0x40, "insufficient-value", 0x9e40, 409, 1,                              \
      "not enough value in the purse")                                                             \
    X(INSUFFICIENT_ACCOUNT, 0x41, "insufficient-account", 0x9e41, 409, 1,                          \
      "not enough in the account")                                                                 \
    X(AMOUNT_ZERO, 0x42, "amount-zero", 0x9e42, 400, 1, "the amount is zero")                      \
    X(AMOUNT_TOO_LARGE, 0x43, "amount-too-large", 0x9e43, 400, 1, "the amount is too large")       \
    X(PIN_REQUIRED, 0x44, "pin-required", 0x6982, 403, 1, "the PIN has to be given first")         \
    X(PIN_WRONG, 0x45, "pin-wrong", 0x63c0, 403, 1, "the PIN is wrong")                            \
    X(PIN_BLOCKED, 0x46, "pin-blocked", 0x6983, 403, 1, "the PIN is blocked after too many tries") \
    X(DECLINED, 0x47, "declined", 0x9e47, 409, 1, "the user said no")                              \
    X(UNKNOWN_ACCOUNT, 0x48, "unknown-account", 0x9e48, 404, 1, "there is no such account")        \
    X(ACCOUNT_NOT_OPEN, 0x49, "account-not-open", 0x9e49, 409, 1, "the account is not open")       \
    X(ACCOUNT_EXPIRED, 0x4a, "account-expired", 0x9e4a, 409, 1, "the account has expired")         \
    X(NO_BANK_ACCOUNT, 0x4b, "no-bank-account", 0x9e4b, 404, 1,                                    \
      "the ordinary bank does not know the account")                                               \
    X(NO_ABILITY_TO_PAY, 0x4c, "no-ability-to-pay", 0x9e4c, 409, 1,                                \
      "the ordinary bank vouches for no payment")                                                  \
    X(PURSE_BLOCKED, 0x4d, "purse-blocked", 0x9e4d, 403, 1, "the purse is blocked")                \
    X(ALREADY_EXISTS, 0x4e, "already-exists", 0x9e4e, 409, 1, "it exists already")                 \
    X(WRONG_PASSWORD, 0x4f, "wrong-password", 0x9e4f, 403, 1, "the password is wrong")             \
    X(COPIED_OR_RESTORED, 0x50, "copied-or-restored", 0x9e50, 409, 1,                              \
      "the purse was copied or restored from an old copy")                                         \
    X(AMOUNT_MALFORMED, 0x51, "amount-malformed", 0x9e51, 400, 2, "the amount cannot be read")     \
    X(UNKNOWN_PURSE, 0x52, "unknown-purse", 0x9e52, 404, 1, "there is no such purse")              \
    X(PENDING, 0x53, "pending", 0x9e53, 409, 1, "something earlier is not finished")               \
    X(HISTORY_FULL, 0x54, "history-full", 0x9e54, 409, 1,                                          \
      "the history is full: report it to the bank first")                                          \
    X(IDENTITY_EXPIRED, 0x55, "identity-expired", 0x9e55, 403, 1,                                  \
      "the purse's identity has expired")                                                          \
    X(HOTLISTED, 0x56, "hotlisted", 0x9e56, 403, 1, "the purse is on the hotlist")                 \
    X(LIMIT_EXCEEDED, 0x57, "limit-exceeded", 0x9e57, 409, 1,                                      \
      "more than the purse may hold or pay")                                                       \
    X(OVERSPENT, 0x58, "overspent", 0x9e58, 409, 1, "the purse paid more than it ever held")       \
    X(CONTACT_NEEDED, 0x59, "contact-needed", 0x9e59, 409, 1,                                      \
      "the purse has to contact its bank first")                                                   \
    X(DEBT, 0x5a, "debt", 0x9e5a, 409, 1, "the holder owes the bank")                              \
    X(REPORTED_LOST, 0x5b, "reported-lost", 0x9e5b, 403, 1, "the purse was reported lost")         \
    X(SAME_ACCOUNT, 0x5c, "same-account", 0x9e5c, 409, 1,                                          \
      "the value would go to where it comes from")                                                 \
    X(WRONG_NUMBER, 0x5d, "wrong-number", 0x9e5d, 400, 1,                                          \
      "a slip in the account number: its check digit does not fit")                                \
    X(CARD_EXHAUSTED, 0x61, "card-exhausted", 0x9e61, 409, 1,                                      \
      "more was taken from the card than was loaded on it")                                        \
    X(SOLD_OUT, 0x5e, "sold-out", 0x9e5e, 409, 1, "the item is sold out")                          \
    X(ITEM_STUCK, 0x5f, "item-stuck", 0x9e5f, 409, 1, "the item does not come out")                \
    X(AMOUNT_SHORT, 0x60, "amount-short", 0x9e60, 409, 1, "less than the price")                   \
    X(WRONG_PRICE, 0x62, "wrong-price", 0x9e62, 409, 1, "not the price")                           \
    X(CARD_AMBIGUOUS, 0x63, "several-cards", 0x9e63, 409, 1, "more than one card or reader fits")  \
    X(NO_PURSE, 0x64, "no-purse", 0x9e64, 409, 1, "the card holds no purse")                       \
    X(KEY_RENEWED, 0x6e, "key-renewed", 0x9e6e, 409, 1,                                            \
      "the purse has renewed this key and signs with a new one")                                   \
    X(CARD_BLANK, 0x65, "blank-card", 0x9e65, 409, 1, "the purse is blank: nothing is in it yet")  \
    X(REFERENCE_USED, 0x66, "reference-used", 0x9e66, 409, 1, "this offer was paid before")        \
    X(WRONG_MACHINE, 0x67, "wrong-machine", 0x9e67, 409, 1, "that is another machine's")           \
    X(NOT_SETTLED, 0x68, "not-settled", 0x9e68, 409, 1,                                            \
      "the payee has not reported the payment yet")                                                \
    X(GIVEN_BACK, 0x69, "given-back", 0x9e69, 409, 1, "the payment was given back already")        \
    X(SUSPENDED, 0x6c, "suspended", 0x9e6c, 409, 1,                                                \
      "the account is suspended: the management charge is not paid")                               \
    X(CLOSED, 0x6d, "account-closed", 0x9e6d, 409, 1, "the account is closed")                     \
    X(NOT_EMPTY, 0x6f, "not-empty", 0x9e6f, 409, 1, "there is value in the purse still")           \
    X(BUSY, 0x70, "busy", 0x9e70, 503, 3, "too much to do at the moment")                          \
    X(UNREACHABLE, 0x71, "not-reachable", 0x9e71, 502, 3, "the other side cannot be reached")      \
    X(TIMEOUT, 0x72, "timeout", 0x9e72, 504, 3, "the other side did not answer in time")           \
    X(NOT_COMPLETED, 0x73, "not-completed", 0x9e73, 504, 3, "the transaction was not completed")   \
    X(EXPIRED, 0x74, "expired", 0x9e74, 409, 3, "the time for this transaction ran out")           \
    X(DIRECTORY_DOWN, 0x75, "directory-unavailable", 0x9e75, 503, 3,                               \
      "the directory does not answer")                                                             \
    X(ORDINARY_BANK_DOWN, 0x76, "ordinary-bank-unavailable", 0x9e76, 503, 3,                       \
      "the ordinary bank does not answer")                                                         \
    X(IN_DOUBT, 0x77, "in-doubt", 0x9e77, 503, 3,                                                  \
      "the outcome at the ordinary bank is not known yet")                                         \
    X(AUTHORITY_DOWN, 0x78, "authority-unavailable", 0x9e78, 503, 3,                               \
      "the authority does not answer")                                                             \
    X(SETTLEMENT_RUNS, 0x79, "settlement-time-runs", 0x9e79, 409, 3,                               \
      "late records of the old purse are still waited for")                                        \
    X(NO_CARD, 0x7a, "no-card", 0x9e7a, 503, 3, "there is no card in the reader")                  \
    X(CARD_REMOVED, 0x7b, "card-removed", 0x9e7b, 503, 3, "the card was taken out")                \
    X(DISK_FULL, 0x90, "disk-full", 0x9e90, 507, 4, "there is no space left for data")             \
    X(STORE_CORRUPT, 0x91, "store-corrupt", 0x9e91, 500, 4, "the database is damaged")             \
    X(PURSE_CORRUPT, 0x92, "purse-corrupt", 0x6f92, 500, 4, "the purse's storage is damaged")      \
    X(CONFIG_INVALID, 0x93, "config-invalid", 0x9e93, 500, 4, "the configuration is not valid")    \
    X(KEY_PERMISSIONS, 0x94, "key-permissions", 0x9e94, 500, 4,                                    \
      "a secret file is readable by others")                                                       \
    X(IO_FAILED, 0x95, "io-failed", 0x6581, 500, 4, "reading or writing failed")                   \
    X(STORE_FAILED, 0x96, "store-failed", 0x9e96, 500, 4, "the database failed")                   \
    X(FILE_MISSING, 0x97, "file-missing", 0x9e97, 500, 4, "a file is missing")                     \
    X(ADDRESS_IN_USE, 0x98, "address-in-use", 0x9e98, 500, 4, "the port is taken")                 \
    X(IN_USE, 0x99, "in-use", 0x9e99, 409, 3, "another process is using it")                       \
    X(STORE_VERSION, 0x9a, "store-version", 0x9e9a, 500, 4,                                        \
      "the database was made by another version of this program")                                  \
    X(TOKEN_UNAVAILABLE, 0x9b, "token-unavailable", 0x9e9b, 503, 4,                                \
      "the token that holds a key does not answer")                                                \
    X(TOKEN_PIN, 0x9c, "token-pin-refused", 0x9e9c, 500, 4,                                        \
      "the token does not take the PIN, or its tries have run out")                                \
    X(TOKEN_KEY_MISSING, 0x9d, "token-key-missing", 0x9e9d, 500, 4,                                \
      "the token holds no key of that name")                                                       \
    X(TOKEN_AMBIGUOUS, 0x9e, "token-ambiguous", 0x9e9e, 500, 4,                                    \
      "more than one token or key fits the name")                                                  \
    X(TOKEN_KEY_LOOSE, 0x9f, "token-key-not-kept", 0x9e9f, 500, 4,                                 \
      "the token would give the key away")                                                         \
    X(AUTHORITY_REFUSED, 0xa0, "authority-refused", 0x9ea0, 502, 4,                                \
      "the authority refuses, and its reason has no name here")                                    \
    X(REVOCATION_UNKNOWN, 0xa2, "revocation-unknown", 0x9ea2, 503, 3,                              \
      "whether a certificate was revoked cannot be told now")                                      \
    X(INTERNAL, 0xb0, "internal", 0x6f00, 500, 4, "a fault of this program")                       \
    X(OVERFLOW, 0xb1, "overflow", 0x9eb1, 500, 4, "a sum does not fit")                            \
    X(BUFFER_SMALL, 0xb2, "buffer-small", 0x9eb2, 500, 4, "a buffer is too small")                 \
    X(CRYPTO_FAILED, 0xb3, "crypto-failed", 0x9eb3, 500, 4, "a cryptographic operation failed")    \
    X(NO_MEMORY, 0xb4, "no-memory", 0x9eb4, 500, 4, "no memory")                                   \
    X(USAGE, 0xb5, "usage", 0x9eb5, 400, 2, "wrong usage")

enum kc_error {
#define KC_ERROR_MEMBER(id, number, name, sw, http, exit, words) KC_##id = (number),
    KC_ERRORS(KC_ERROR_MEMBER)
#undef KC_ERROR_MEMBER
};

struct kc_result {
    enum kc_error code;
};

/* A result of the given code. KC_OK is success. */
static inline struct kc_result kc_result(enum kc_error code)
{
    return (struct kc_result){.code = code};
}

static inline struct kc_result kc_ok(void)
{
    return kc_result(KC_OK);
}

/* True when the call failed. Reading a result through this counts as looking at it. */
static inline bool kc_failed(struct kc_result result)
{
    return result.code != KC_OK;
}

/* The stable name, such as "insufficient-value". Never NULL. */
const char *kc_error_name(enum kc_error code);

/* One sentence without a full stop, for people. Never NULL. */
const char *kc_error_words(enum kc_error code);

/* The APDU status word (ISO 7816-4 §5.6; 0x9Exx where no standard word fits). */
uint16_t kc_error_status_word(enum kc_error code);

/* The code behind a status word; KC_INTERNAL when no row has it. 0x63Cx is KC_PIN_WRONG for every x. */
enum kc_error kc_error_from_status_word(uint16_t status_word);

/* The HTTP status and the exit status of a command that ends with this code. */
int kc_error_http_status(enum kc_error code);
int kc_error_exit_status(enum kc_error code);

/* The code of this number (from the wire or a database) or KC_INTERNAL when there is none. */
enum kc_error kc_error_from_number(uint64_t number);

/* The code of a stable name or KC_INTERNAL. `name` ends with NUL. */
enum kc_error kc_error_from_name(const char *name);

#endif
