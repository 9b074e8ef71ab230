/* The registrar (RA): applications, the opening of accounts between bank, authority and directory, and the writing of UIMs; and
 * what is done at its counter later: loss, renewal, the charge, moving to a new UIM, closing. With `[authority] protocol = cmp`
 * it asks for certificates and revocations by CMP (cmp.c), so that another authority can take the place of ours. */
#ifndef KC_REGISTRAR_REGISTRAR_H
#define KC_REGISTRAR_REGISTRAR_H

#include "crypto/bearssl.h"
#include "directory/people.h"
#include "message/generated/messages.h"
#include "reader/pcsc.h"
#include "service/cmp_client.h"
#include "service/files.h"
#include "service/trace.h"

struct kc_registrar_config {
    uint64_t bank;
    char currency[4];
    uint64_t decimals;
    char bank_url[KC_URL_SIZE_MAX + 1];
    char authority_url[KC_URL_SIZE_MAX + 1];
    char directory_url[KC_URL_SIZE_MAX + 1];
    uint64_t timeout_ms;
    struct kc_cmp_place authority;
};

struct kc_registrar {
    struct kc_registrar_config config;
    struct kc_realm realm;
    struct kc_crypto crypto;
    struct kc_crypto purse_crypto; /* the backend inside the UIMs it writes, over the state below */
    struct kc_bearssl purse_crypto_state;
    struct kc_private_key sign_key;
    struct kc_private_key encrypt_key;
    struct kc_signer_id signer_id;
    uint8_t certificate[KC_CERTIFICATE_SIZE_MAX]; /* of sign_key; for CMP only */
    size_t certificate_size;
    struct kc_people people;
    char folder[KC_PATH_SIZE_MAX];
    uint8_t issuer[KC_CERTIFICATE_SIZE_MAX]; /* the newest */
    size_t issuer_size;
    struct kc_directory *directory;
    struct kc_http_client *client;
    struct kc_person bank;
    struct kc_person authority;
    struct kc_trace trace;
    struct kc_envelope_work work;
    uint8_t request[KC_MESSAGE_SIZE_MAX];
    size_t request_size;
    size_t reply_size;
    char words
        [KC_PCSC_WORDS_SIZE]; /* of the error: what was found instead of a blank card; or empty */
    uint64_t due_ms;          /* of the last refusal that said when to come again, or 0 */
    uint8_t reply[KC_MESSAGE_SIZE_MAX];
    uint8_t plain[KC_PLAIN_SIZE_MAX];
};

/* The form (EP1221669 [0101]). Texts end with NUL. A card or machine has no PIN and no password, and may have no texts. */
struct kc_application {
    enum kc_purse_type type;
    struct kc_account_id owner; /* of a machine: the dealer's account; else 0 */
    char name[KC_NAME_SIZE_MAX + 1];
    char address[KC_ADDRESS_SIZE_MAX + 1];
    char phone[KC_PHONE_SIZE_MAX + 1];
    char bank_account[KC_BANK_ACCOUNT_SIZE_MAX + 1];
    enum kc_suite suite;
    enum kc_log_policy log_policy;
    bool bring_keys;         /* keys made outside and brought in, instead of made in the purse */
    const char *keys_folder; /* where they were made before; NULL: the registrar makes them */
    bool moves;              /* of a re-issue: the old purse is at hand and empty */
    bool paid;               /* of a move: its price is to pay the next management charge */
    char password[KC_NAME_SIZE_MAX + 1];
    char pin[16];
    const char
        *letter; /* where PIN and password go that are made up; NULL: beside the UIM's file */
};

/* What came of it. */
struct kc_opened_account {
    struct kc_account_id account;
    struct kc_purse_id purse;
    uint64_t expires_ms;
};

KC_MUST_USE struct kc_result kc_registrar_init(const char *dir, uint64_t bank, const char *currency,
                                               unsigned decimals, const char *bank_url,
                                               const char *authority_url,
                                               const char *directory_url);
/* Opens what init made and fetches the servers' certificates from the directory (SZ8 needs them, SZ1 and SZ4 too). */
KC_MUST_USE struct kc_result kc_registrar_open(struct kc_registrar *registrar, const char *dir);
void kc_registrar_close(struct kc_registrar *registrar);

/* Opens one account and writes its UIM to `path`, whole or not at all (SZ1-SZ9), over `path`.new, which is the caller's alone, or
 * to the blank card in the reader of pcsc:READER.
 * After a failure nothing is left half-open: the application is cancelled and certificates are revoked as far as the servers can
 * be reached; what cannot lapses. */
KC_MUST_USE struct kc_result kc_registrar_open_account(struct kc_opened_account *out,
                                                       struct kc_registrar *registrar,
                                                       const struct kc_application *application,
                                                       const char *path);

/* Writes a new UIM for an account whose old purse is out of use and settled, or, where the application moves it, at hand and
 * empty (KC_NOT_EMPTY). The application gives suite, policy, PIN and the holder's name. KC_SETTLEMENT_RUNS (registrar->due_ms
 * says until when); for what a move paid, which kc_registrar_charge then says, the errors of that; and as
 * kc_registrar_open_account. */
KC_MUST_USE struct kc_result kc_registrar_reissue(struct kc_opened_account *out,
                                                  struct kc_registrar *registrar,
                                                  const struct kc_application *application,
                                                  struct kc_account_id account, const char *path);

/* The purse is lost, broken or blocked: the bank puts it out of use, then the authority revokes its certificates. May be
 * repeated until both are done; *out tells, also of a failure, that the first is: then the bank goes on with the second itself.
 * KC_UNKNOWN_ACCOUNT when it is not of this account. KC_PURSE_BLOCKED when it was out of use and another one takes its place. */
KC_MUST_USE struct kc_result kc_registrar_lost(bool *out, struct kc_registrar *registrar,
                                               struct kc_account_id account,
                                               struct kc_purse_id purse);

/* The clerk's word on an account's management charge: where it comes from, or with NULL that a sale paid the next one. May be
 * repeated. KC_UNKNOWN_ACCOUNT, KC_NOT_ALLOWED (a card or machine, or the bank takes none), KC_IN_DOUBT (it is being taken). */
KC_MUST_USE struct kc_result kc_registrar_charge(struct kc_registrar *registrar,
                                                 struct kc_account_id account,
                                                 const enum kc_charge_source *source);

/* Closes an account: the bank pays out what is in it, then the authority revokes its certificates. May be repeated until both
 * are done. *out is the bank's word. KC_NOT_EMPTY, KC_OUT_OF_ORDER (to follow what was not closed), KC_NOT_ALLOWED (a card). */
KC_MUST_USE struct kc_result kc_registrar_close_account(struct kc_close_reply *out,
                                                        struct kc_registrar *registrar,
                                                        struct kc_account_id account,
                                                        enum kc_close_kind kind);

struct kc_station;
/* Opens the UIM that lies on the counter; *account is whose it is, so that the holder can be asked for the password. To be closed
 * in any case. KC_CARD_BLANK; KC_WRONG_DOMAIN where it is of another bank or currency; errors of opening, whose words go to the
 * registrar. */
KC_MUST_USE struct kc_result kc_registrar_counter_open(struct kc_account_id *account,
                                                       struct kc_station *station,
                                                       struct kc_registrar *registrar,
                                                       const char *place);
/* Renews the keys in it, which was unlocked, or goes on where an earlier call stood; also when their certificates have ended. The
 * holder of `account` was made sure of: KC_MISMATCH when the UIM now says that it is of another one. KC_PENDING (a payment is
 * open); the bank's refusal by its reason. */
KC_MUST_USE struct kc_result kc_registrar_counter_renew(struct kc_station *station,
                                                        struct kc_registrar *registrar,
                                                        struct kc_account_id account);
void kc_registrar_counter_close(struct kc_station *station);

/* Revokes every certificate of an account. `known`: those that the bank names, as in lost-reply; NULL: it named none. */
KC_MUST_USE struct kc_result kc_registrar_revoke(struct kc_registrar *registrar,
                                                 struct kc_account_id account, uint64_t reason,
                                                 const struct kc_view *known);

/* The same two questions by CMP. The certificates stand in the registrar's memory until its next message; what the bank
 * names and what the directory shows of an account is revoked, certificate by certificate, also when it was before. As
 * kc_cmp_certify and kc_cmp_revoke, KC_DIRECTORY_DOWN. KC_NOT_FOUND: the directory shows none, and the bank was not asked;
 * KC_PENDING: it still shows some after as many were revoked as an account may have. */
KC_MUST_USE struct kc_result kc_registrar_cmp_certify(struct kc_certify_reply *out,
                                                      struct kc_registrar *registrar,
                                                      const struct kc_certify_request *request);
KC_MUST_USE struct kc_result kc_registrar_cmp_revoke(struct kc_registrar *registrar,
                                                     struct kc_account_id account, uint64_t reason,
                                                     const struct kc_view *known);

/* Asks a server: sends `message`, opens the answer as `reply_shape` into *reply. The server's refusal by its reason. */
KC_MUST_USE struct kc_result kc_registrar_ask(void *reply, const struct kc_shape *reply_shape,
                                              struct kc_registrar *registrar,
                                              const struct kc_person *server, const char *url,
                                              uint64_t time_ms, const struct kc_shape *shape,
                                              const void *message);

/* Checks a holder's password at the counter, for a machine its owner's; *name gets that holder's name, *type the kind of the
 * account's purse, also when the password is wrong. A card has no known holder: then an empty password is right.
 * KC_WRONG_PASSWORD. */
KC_MUST_USE struct kc_result kc_registrar_identify(char name[KC_NAME_SIZE_MAX + 1],
                                                   enum kc_purse_type *type,
                                                   struct kc_registrar *registrar,
                                                   struct kc_account_id account,
                                                   struct kc_view password);

/* Writes a UIM: `uim` is open and blank. Steps in two halves, because certificates come in between. */
struct kc_slot;
KC_MUST_USE struct kc_result
kc_personalise_keys(struct kc_view *proof, struct kc_registrar *registrar, struct kc_slot *uim,
                    const struct kc_application *application, const struct kc_open_reply *opened,
                    const char *url, uint64_t decimals);
KC_MUST_USE struct kc_result kc_personalise_rest(struct kc_registrar *registrar,
                                                 struct kc_slot *uim,
                                                 const struct kc_application *application,
                                                 const struct kc_certify_reply *certificates,
                                                 const struct kc_confirm_reply *confirmed);

/* The suite of this name, such as es256; false when there is none. */
bool kc_registrar_take_suite(enum kc_suite *out, const char *name);

/* Opens an account for each line of a CSV file: name,address,phone,bank account,UIM file[,suite[,log policy]]; or with `cards`
 * writes a card for each: card file[,suite[,log policy]]. Progress on stderr, one result a row on stdout. *status is the exit
 * status: 0 when every row was done, else that of the last error. KC_FILE_MISSING and KC_IO_FAILED when the file cannot be read
 * (to its end). */
KC_MUST_USE struct kc_result kc_registrar_bulk(int *status, struct kc_registrar *registrar,
                                               const char *path, bool json, bool cards);

#endif
