#include "directory/directory.h"

#include <inttypes.h>
#include <lber.h>
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define NAME_SIZE 128
#define ATTRIBUTE_CERTIFICATE "userCertificate;binary"
#define ATTRIBUTE_CA "cACertificate;binary"
#define ATTRIBUTE_CRL "certificateRevocationList;binary"
#define ATTRIBUTE_PAIR "crossCertificatePair;binary"
#define ATTRIBUTE_ARL "authorityRevocationList;binary"
#define PAIR_SIZE_MAX (2 * KC_CERTIFICATE_SIZE_MAX + 16)
#define VALUES_MAX 8
#define PUTS_MAX 3

struct kc_directory {
    LDAP *ldap;
    char *url;
    char *password;
    unsigned timeout_ms;
};

/* libldap takes texts without const although it does not change them. */
static char *unconst(const void *text)
{
    union {
        const void *in;
        char *out;
    } pointer = {.in = text};
    return pointer.out;
}

struct kc_result kc_directory_open(struct kc_directory **out, const char *url, const char *password,
                                   unsigned timeout_ms)
{
    struct kc_directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    directory->url = strdup(url);
    directory->password = password == NULL ? NULL : strdup(password);
    directory->timeout_ms = timeout_ms;
    if (directory->url == NULL || (password != NULL && directory->password == NULL)) {
        kc_directory_close(directory);
        return kc_result(KC_NO_MEMORY);
    }
    *out = directory;
    return kc_ok();
}

static void disconnect(struct kc_directory *directory)
{
    if (directory->ldap != NULL) {
        (void)ldap_unbind_ext_s(directory->ldap, NULL, NULL);
        directory->ldap = NULL;
    }
}

void kc_directory_close(struct kc_directory *directory)
{
    if (directory == NULL) {
        return;
    }
    disconnect(directory);
    if (directory->password != NULL) {
        kc_wipe(directory->password, strlen(directory->password));
    }
    free(directory->password);
    free(directory->url);
    free(directory);
}

static struct kc_result from_ldap(int status)
{
    switch (status) {
    case LDAP_SUCCESS:
        return kc_ok();
    case LDAP_NO_SUCH_OBJECT:
        return kc_result(KC_NOT_FOUND);
    case LDAP_INSUFFICIENT_ACCESS:
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_STRONG_AUTH_REQUIRED:
        return kc_result(KC_NOT_ALLOWED);
    case LDAP_ALREADY_EXISTS:
        return kc_result(KC_ALREADY_EXISTS);
    case LDAP_SIZELIMIT_EXCEEDED:
        return kc_result(KC_TOO_LARGE);
    default:
        return kc_result(KC_DIRECTORY_DOWN);
    }
}

static struct timeval to_timeval(unsigned ms)
{
    return (struct timeval){.tv_sec = ms / 1000u, .tv_usec = (long)(ms % 1000u) * 1000};
}

static struct kc_result connect_now(struct kc_directory *directory)
{
    int version = LDAP_VERSION3;
    struct timeval timeout = to_timeval(directory->timeout_ms);
    if (directory->ldap != NULL) {
        return kc_ok();
    }
    if (ldap_initialize(&directory->ldap, directory->url) != LDAP_SUCCESS) {
        directory->ldap = NULL;
        return kc_result(KC_DIRECTORY_DOWN);
    }
    (void)ldap_set_option(directory->ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
    (void)ldap_set_option(directory->ldap, LDAP_OPT_NETWORK_TIMEOUT, &timeout);
    (void)ldap_set_option(directory->ldap, LDAP_OPT_TIMEOUT, &timeout);
    (void)ldap_set_option(directory->ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    bool writes = directory->password != NULL;
    struct berval secret = {.bv_val = writes ? directory->password : unconst(""),
                            .bv_len = writes ? strlen(directory->password) : 0};
    int status = ldap_sasl_bind_s(directory->ldap, writes ? KC_DIRECTORY_WRITER : NULL,
                                  LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
    if (status != LDAP_SUCCESS) {
        disconnect(directory);
    }
    return from_ldap(status);
}

static bool is_connection_lost(int status)
{
    return status == LDAP_SERVER_DOWN || status == LDAP_CONNECT_ERROR || status == LDAP_TIMEOUT ||
           status == LDAP_UNAVAILABLE;
}

static int search_once(LDAPMessage **found, struct kc_directory *directory, const char *name,
                       char **attributes)
{
    struct timeval timeout = to_timeval(directory->timeout_ms);
    *found = NULL;
    return ldap_search_ext_s(directory->ldap, name, LDAP_SCOPE_BASE, "(objectClass=*)", attributes,
                             0, NULL, NULL, &timeout, 2, found);
}

/* Reads one entry; a lost connection is tried once more. */
static struct kc_result search(LDAPMessage **found, struct kc_directory *directory,
                               const char *name, char **attributes)
{
    int status = LDAP_SERVER_DOWN;
    *found = NULL;
    for (int attempt = 0; attempt < 2 && is_connection_lost(status); attempt++) {
        struct kc_result result = connect_now(directory);
        if (kc_failed(result)) {
            return result;
        }
        (void)ldap_msgfree(*found);
        status = search_once(found, directory, name, attributes);
        if (is_connection_lost(status)) {
            disconnect(directory);
        }
    }
    return from_ldap(status);
}

static struct kc_view copy_value(const struct berval *value)
{
    void *copy = malloc(value->bv_len + 1);
    if (copy != NULL) {
        memcpy(copy, value->bv_val, value->bv_len);
    }
    return kc_view(copy, copy == NULL ? 0 : value->bv_len);
}

static size_t copy_values(struct kc_view *out, size_t max, size_t size_max, LDAP *ldap,
                          LDAPMessage *found, const char *attribute)
{
    LDAPMessage *entry = ldap_first_entry(ldap, found);
    struct berval **values = entry == NULL ? NULL : ldap_get_values_len(ldap, entry, attribute);
    size_t count = 0;
    for (size_t i = 0; values != NULL && values[i] != NULL && count < max; i++) {
        if (values[i]->bv_len <= size_max) {
            out[count++] = copy_value(values[i]);
        }
    }
    ldap_value_free_len(values);
    return count;
}

static struct kc_result read_entry(struct kc_directory_entry *out, struct kc_directory *directory,
                                   const char *name)
{
    char *attributes[] = {unconst(ATTRIBUTE_CERTIFICATE), NULL};
    LDAPMessage *found = NULL;
    *out = (struct kc_directory_entry){.count = 0};
    struct kc_result result = search(&found, directory, name, attributes);
    if (!kc_failed(result)) {
        out->count =
            copy_values(out->certificates, KC_ENTRY_CERTIFICATES_MAX, KC_CERTIFICATE_SIZE_MAX,
                        directory->ldap, found, ATTRIBUTE_CERTIFICATE);
    }
    (void)ldap_msgfree(found);
    return result;
}

static void account_name(char out[NAME_SIZE], uint64_t account)
{
    (void)snprintf(out, NAME_SIZE, "cn=%" PRIu64 ",ou=accounts," KC_DIRECTORY_BASE, account);
}

static void server_name(char out[NAME_SIZE], const char *name)
{
    (void)snprintf(out, NAME_SIZE, "cn=%s,ou=servers," KC_DIRECTORY_BASE, name);
}

struct kc_result kc_directory_account(struct kc_directory_entry *out,
                                      struct kc_directory *directory, uint64_t account)
{
    char name[NAME_SIZE];
    account_name(name, account);
    return read_entry(out, directory, name);
}

struct kc_result kc_directory_server(struct kc_directory_entry *out, struct kc_directory *directory,
                                     const char *server)
{
    char name[NAME_SIZE];
    server_name(name, server);
    return read_entry(out, directory, name);
}

void kc_directory_free_view(struct kc_view view)
{
    free(unconst(view.data));
}

void kc_directory_entry_free(struct kc_directory_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++) {
        kc_directory_free_view(entry->certificates[i]);
    }
    entry->count = 0;
}

struct kc_result kc_directory_issuers(struct kc_directory_issuers *out,
                                      struct kc_directory *directory)
{
    char name[NAME_SIZE];
    char *attributes[] = {unconst(ATTRIBUTE_CA), unconst(ATTRIBUTE_CRL), NULL};
    LDAPMessage *found = NULL;
    *out = (struct kc_directory_issuers){.certificate_count = 0};
    server_name(name, "issuer");
    struct kc_result result = search(&found, directory, name, attributes);
    if (!kc_failed(result)) {
        out->certificate_count =
            copy_values(out->certificates, KC_ENTRY_CERTIFICATES_MAX, KC_CERTIFICATE_SIZE_MAX,
                        directory->ldap, found, ATTRIBUTE_CA);
        out->list_count = copy_values(out->lists, KC_ENTRY_CERTIFICATES_MAX, 8u << 20,
                                      directory->ldap, found, ATTRIBUTE_CRL);
        if (out->certificate_count == 0 || out->list_count == 0) {
            kc_directory_issuers_free(out);
            result = kc_result(KC_NOT_FOUND);
        }
    }
    (void)ldap_msgfree(found);
    return result;
}

void kc_directory_issuers_free(struct kc_directory_issuers *issuers)
{
    for (size_t i = 0; i < issuers->certificate_count; i++) {
        kc_directory_free_view(issuers->certificates[i]);
    }
    for (size_t i = 0; i < issuers->list_count; i++) {
        kc_directory_free_view(issuers->lists[i]);
    }
    *issuers = (struct kc_directory_issuers){.certificate_count = 0};
}

struct kc_result kc_directory_roots(struct kc_directory_roots *out, struct kc_directory *directory)
{
    char name[NAME_SIZE];
    char *attributes[] = {unconst(ATTRIBUTE_CA), unconst(ATTRIBUTE_PAIR), unconst(ATTRIBUTE_ARL),
                          NULL};
    LDAPMessage *found = NULL;
    *out = (struct kc_directory_roots){.certificate_count = 0};
    server_name(name, "root");
    struct kc_result result = search(&found, directory, name, attributes);
    if (!kc_failed(result)) {
        out->certificate_count =
            copy_values(out->certificates, KC_ENTRY_CERTIFICATES_MAX, KC_CERTIFICATE_SIZE_MAX,
                        directory->ldap, found, ATTRIBUTE_CA);
        out->pair_count = copy_values(out->pairs, KC_ENTRY_CERTIFICATES_MAX, PAIR_SIZE_MAX,
                                      directory->ldap, found, ATTRIBUTE_PAIR);
        out->list_count = copy_values(out->lists, KC_ENTRY_CERTIFICATES_MAX, KC_ROOT_LIST_SIZE_MAX,
                                      directory->ldap, found, ATTRIBUTE_ARL);
        if (out->certificate_count == 0) {
            kc_directory_roots_free(out);
            result = kc_result(KC_NOT_FOUND);
        }
    }
    (void)ldap_msgfree(found);
    return result;
}

void kc_directory_roots_free(struct kc_directory_roots *roots)
{
    for (size_t i = 0; i < roots->certificate_count; i++) {
        kc_directory_free_view(roots->certificates[i]);
    }
    for (size_t i = 0; i < roots->pair_count; i++) {
        kc_directory_free_view(roots->pairs[i]);
    }
    for (size_t i = 0; i < roots->list_count; i++) {
        kc_directory_free_view(roots->lists[i]);
    }
    *roots = (struct kc_directory_roots){.certificate_count = 0};
}

/* ---- writing ---- */

/* One attribute with its values, as libldap wants it. */
struct change {
    LDAPMod mod;
    struct berval values[VALUES_MAX];
    struct berval *pointers[VALUES_MAX + 1];
};

static void set_change(struct change *change, int operation, const char *attribute,
                       const struct kc_view *values, size_t count)
{
    for (size_t i = 0; i < count && i < VALUES_MAX; i++) {
        change->values[i].bv_val = unconst(values[i].data);
        change->values[i].bv_len = values[i].size;
        change->pointers[i] = &change->values[i];
    }
    change->pointers[count < VALUES_MAX ? count : VALUES_MAX] = NULL;
    change->mod.mod_op = operation | LDAP_MOD_BVALUES;
    change->mod.mod_type = unconst(attribute);
    change->mod.mod_bvalues = change->pointers;
}

static struct kc_result write_changes(struct kc_directory *directory, const char *name,
                                      LDAPMod **mods, bool add)
{
    int status = LDAP_SERVER_DOWN;
    for (int attempt = 0; attempt < 2 && is_connection_lost(status); attempt++) {
        struct kc_result result = connect_now(directory);
        if (kc_failed(result)) {
            return result;
        }
        status = add ? ldap_add_ext_s(directory->ldap, name, mods, NULL, NULL)
                     : ldap_modify_ext_s(directory->ldap, name, mods, NULL, NULL);
        if (is_connection_lost(status)) {
            disconnect(directory);
        }
    }
    return from_ldap(status);
}

static struct kc_result add_entry(struct kc_directory *directory, const char *name,
                                  const char *naming, const char *value, const char *const *classes,
                                  size_t class_count)
{
    struct change class_change;
    struct change name_change;
    struct kc_view class_views[VALUES_MAX];
    struct kc_view name_view = kc_view_text(value);
    for (size_t i = 0; i < class_count; i++) {
        class_views[i] = kc_view_text(classes[i]);
    }
    set_change(&class_change, LDAP_MOD_ADD, "objectClass", class_views, class_count);
    set_change(&name_change, LDAP_MOD_ADD, naming, &name_view, 1);
    LDAPMod *mods[] = {&class_change.mod, &name_change.mod, NULL};
    struct kc_result result = write_changes(directory, name, mods, true);
    return result.code == KC_ALREADY_EXISTS ? kc_ok() : result;
}

struct kc_result kc_directory_prepare(struct kc_directory *directory)
{
    static const char *const organization[] = {"organization"};
    static const char *const unit[] = {"organizationalUnit"};
    struct kc_result result =
        add_entry(directory, KC_DIRECTORY_BASE, "o", "kinchaku", organization, 1);
    if (!kc_failed(result)) {
        result = add_entry(directory, "ou=accounts," KC_DIRECTORY_BASE, "ou", "accounts", unit, 1);
    }
    if (!kc_failed(result)) {
        result = add_entry(directory, "ou=servers," KC_DIRECTORY_BASE, "ou", "servers", unit, 1);
    }
    return result;
}

static struct kc_result delete_entry(struct kc_directory *directory, const char *name)
{
    struct kc_result result = connect_now(directory);
    if (kc_failed(result)) {
        return result;
    }
    result = from_ldap(ldap_delete_ext_s(directory->ldap, name, NULL, NULL));
    if (result.code == KC_DIRECTORY_DOWN) {
        disconnect(directory);
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

static struct kc_result put_certificates(struct kc_directory *directory, const char *name,
                                         const char *cn, const struct kc_view *certificates,
                                         size_t count)
{
    static const char *const classes[] = {"applicationProcess", "pkiUser"};
    struct change change;
    if (count == 0) {
        return delete_entry(directory, name);
    }
    set_change(&change, LDAP_MOD_REPLACE, ATTRIBUTE_CERTIFICATE, certificates, count);
    LDAPMod *mods[] = {&change.mod, NULL};
    /* Mostly the entry is there, and one change is enough. */
    struct kc_result result = write_changes(directory, name, mods, false);
    if (result.code != KC_NOT_FOUND) {
        return result;
    }
    result = add_entry(directory, name, "cn", cn, classes, 2);
    return kc_failed(result) ? result : write_changes(directory, name, mods, false);
}

struct kc_result kc_directory_put_account(struct kc_directory *directory, uint64_t account,
                                          const struct kc_view *certificates, size_t count)
{
    char name[NAME_SIZE];
    char cn[24];
    account_name(name, account);
    (void)snprintf(cn, sizeof cn, "%" PRIu64, account);
    return put_certificates(directory, name, cn, certificates, count);
}

struct kc_result kc_directory_put_server(struct kc_directory *directory, const char *server,
                                         const struct kc_view *certificates, size_t count)
{
    char name[NAME_SIZE];
    server_name(name, server);
    return put_certificates(directory, name, server, certificates, count);
}

/* One attribute of an entry. */
struct put {
    const char *attribute;
    const struct kc_view *values;
    size_t count;
};

/* The entry of a certificate authority, all attributes in one change, so that nobody finds the one without the other. */
static struct kc_result put_authority(struct kc_directory *directory, const char *cn,
                                      const struct put *puts, size_t count)
{
    static const char *const classes[] = {"applicationProcess", "pkiCA"};
    struct change changes[PUTS_MAX];
    LDAPMod *mods[PUTS_MAX + 1] = {NULL};
    char name[NAME_SIZE];
    server_name(name, cn);
    struct kc_result result = add_entry(directory, name, "cn", cn, classes, 2);
    for (size_t i = 0; i < count && i < PUTS_MAX; i++) {
        set_change(&changes[i], LDAP_MOD_REPLACE, puts[i].attribute, puts[i].values, puts[i].count);
        mods[i] = &changes[i].mod;
    }
    return kc_failed(result) ? result : write_changes(directory, name, mods, false);
}

struct kc_result kc_directory_put_issuers(struct kc_directory *directory,
                                          const struct kc_directory_issuers *issuers)
{
    const struct put puts[] = {{ATTRIBUTE_CA, issuers->certificates, issuers->certificate_count},
                               {ATTRIBUTE_CRL, issuers->lists, issuers->list_count}};
    return put_authority(directory, "issuer", puts, 2);
}

struct kc_result kc_directory_put_roots(struct kc_directory *directory,
                                        const struct kc_directory_roots *roots)
{
    const struct put puts[] = {{ATTRIBUTE_CA, roots->certificates, roots->certificate_count},
                               {ATTRIBUTE_PAIR, roots->pairs, roots->pair_count},
                               {ATTRIBUTE_ARL, roots->lists, roots->list_count}};
    return put_authority(directory, "root", puts, roots->list_count > 0 ? 3 : 2);
}
