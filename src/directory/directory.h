/* The directory: an LDAP client (RFC 4511) for certificates and revocation lists (RFC 4523).
 *
 * Names: cn=<account number>,ou=accounts,o=kinchaku; cn=<server>,ou=servers,o=kinchaku; cn=issuer,ou=servers,o=kinchaku;
 * cn=root,ou=servers,o=kinchaku.
 * One connection for one thread; a lost one is opened again once a call. */
#ifndef KC_DIRECTORY_DIRECTORY_H
#define KC_DIRECTORY_DIRECTORY_H

#include "base/bytes.h"
#include "base/limits.h"

#define KC_DIRECTORY_BASE "o=kinchaku"
#define KC_DIRECTORY_WRITER "cn=authority,o=kinchaku"
#define KC_ENTRY_CERTIFICATES_MAX 8
/* Of one authority at a time: the one that issues, and those whose certificates have not ended. Beside them as many may be shown
 * that a root's list ended. */
#define KC_ISSUERS_MAX 4
/* The newest, and those before it that still count. */
#define KC_ROOTS_MAX 4
/* A root's list names issuers, which are few. */
#define KC_ROOT_LIST_SIZE_MAX 8192

struct kc_directory;

/* What stands under a name; freed by kc_directory_entry_free. */
struct kc_directory_entry {
    size_t count;
    struct kc_view certificates[KC_ENTRY_CERTIFICATES_MAX];
};

/* The authority's issuing certificates and revocation lists as they stand there, in any order; freed by
 * kc_directory_issuers_free. */
struct kc_directory_issuers {
    size_t certificate_count;
    size_t list_count;
    struct kc_view certificates[KC_ENTRY_CERTIFICATES_MAX];
    struct kc_view lists[KC_ENTRY_CERTIFICATES_MAX];
};

/* The authority's roots, self-signed, what they certified of each other: pairs as kc_certificate_pair_read reads them; and their
 * lists of issuers that count no more. In any order; freed by kc_directory_roots_free. */
struct kc_directory_roots {
    size_t certificate_count;
    size_t pair_count;
    size_t list_count;
    struct kc_view certificates[KC_ENTRY_CERTIFICATES_MAX];
    struct kc_view pairs[KC_ENTRY_CERTIFICATES_MAX];
    struct kc_view lists[KC_ENTRY_CERTIFICATES_MAX];
};

/* Opens lazily: the first call connects. password NULL: read only. KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_directory_open(struct kc_directory **out, const char *url,
                                               const char *password, unsigned timeout_ms);
void kc_directory_close(struct kc_directory *directory);

/* Certificates under an account number or a server's name. KC_NOT_FOUND, KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_directory_account(struct kc_directory_entry *out,
                                                  struct kc_directory *directory, uint64_t account);
KC_MUST_USE struct kc_result kc_directory_server(struct kc_directory_entry *out,
                                                 struct kc_directory *directory, const char *name);
void kc_directory_entry_free(struct kc_directory_entry *entry);

/* KC_NOT_FOUND without a certificate or without a list. KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_directory_issuers(struct kc_directory_issuers *out,
                                                  struct kc_directory *directory);
void kc_directory_issuers_free(struct kc_directory_issuers *issuers);

/* KC_NOT_FOUND without a root. KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_directory_roots(struct kc_directory_roots *out,
                                                struct kc_directory *directory);
void kc_directory_roots_free(struct kc_directory_roots *roots);

void kc_directory_free_view(struct kc_view view);

/* For the authority: makes the tree when it is empty; puts certificates under a name in place of what was there (count 0
 * removes the entry); puts the issuers with their lists; puts the roots, and leaves the lists that are there when none is given.
 * KC_DIRECTORY_DOWN, KC_NOT_ALLOWED. */
KC_MUST_USE struct kc_result kc_directory_prepare(struct kc_directory *directory);
KC_MUST_USE struct kc_result kc_directory_put_account(struct kc_directory *directory,
                                                      uint64_t account,
                                                      const struct kc_view *certificates,
                                                      size_t count);
KC_MUST_USE struct kc_result kc_directory_put_server(struct kc_directory *directory,
                                                     const char *name,
                                                     const struct kc_view *certificates,
                                                     size_t count);
KC_MUST_USE struct kc_result kc_directory_put_issuers(struct kc_directory *directory,
                                                      const struct kc_directory_issuers *issuers);
KC_MUST_USE struct kc_result kc_directory_put_roots(struct kc_directory *directory,
                                                    const struct kc_directory_roots *roots);

#endif
