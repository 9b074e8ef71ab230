#include "people_world.h"

#include "crypto/libcrypto.h"

struct kc_crypto crypto;
struct party root, issuer, other_root, other_issuer, sign, encrypt, stranger;
struct kc_people people;

/* ---- the directory in memory ---- */

struct directory_in_memory directory;

static struct kc_view copy_of(struct kc_view view)
{
    void *copy = malloc(view.size + 1);
    assert_non_null(copy);
    memcpy(copy, view.data, view.size);
    return kc_view(copy, view.size);
}

static struct kc_result answer(struct kc_directory_entry *out)
{
    *out = (struct kc_directory_entry){.count = 0};
    if (directory.down || directory.empty) {
        return kc_result(directory.down ? KC_DIRECTORY_DOWN : KC_NOT_FOUND);
    }
    for (size_t i = 0; i < directory.count; i++) {
        out->certificates[out->count++] = copy_of(directory.certificates[i]);
    }
    return kc_ok();
}

struct kc_result kc_directory_account(struct kc_directory_entry *out, struct kc_directory *unused,
                                      uint64_t account)
{
    (void)unused;
    (void)account;
    return answer(out);
}

struct kc_result kc_directory_server(struct kc_directory_entry *out, struct kc_directory *unused,
                                     const char *name)
{
    (void)unused;
    (void)name;
    return answer(out);
}

void kc_directory_free_view(struct kc_view view)
{
    union {
        const uint8_t *in;
        void *out;
    } memory = {.in = view.data};
    free(memory.out);
}

void kc_directory_entry_free(struct kc_directory_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++) {
        kc_directory_free_view(entry->certificates[i]);
    }
}

struct kc_result kc_directory_issuers(struct kc_directory_issuers *out, struct kc_directory *unused)
{
    (void)unused;
    *out = (struct kc_directory_issuers){.certificate_count = 0};
    if (directory.down || directory.empty) {
        return kc_result(directory.down ? KC_DIRECTORY_DOWN : KC_NOT_FOUND);
    }
    out->certificates[out->certificate_count++] = copy_of(directory.issuer);
    if (directory.list.size > 0) {
        out->lists[out->list_count++] = copy_of(directory.list);
    }
    if (directory.second_issuer.size > 0) {
        out->certificates[out->certificate_count++] = copy_of(directory.second_issuer);
    }
    if (directory.second_list.size > 0) {
        out->lists[out->list_count++] = copy_of(directory.second_list);
    }
    return kc_ok();
}

void kc_directory_issuers_free(struct kc_directory_issuers *issuers)
{
    for (size_t i = 0; i < issuers->certificate_count; i++) {
        kc_directory_free_view(issuers->certificates[i]);
    }
    for (size_t i = 0; i < issuers->list_count; i++) {
        kc_directory_free_view(issuers->lists[i]);
    }
}

struct kc_result kc_directory_roots(struct kc_directory_roots *out, struct kc_directory *unused)
{
    (void)unused;
    *out = (struct kc_directory_roots){.certificate_count = 0};
    if (directory.down || directory.root_count == 0) {
        return kc_result(directory.down ? KC_DIRECTORY_DOWN : KC_NOT_FOUND);
    }
    for (size_t i = 0; i < directory.root_count; i++) {
        out->certificates[out->certificate_count++] = copy_of(directory.roots[i]);
    }
    for (size_t i = 0; i < directory.pair_count; i++) {
        out->pairs[out->pair_count++] = copy_of(directory.pairs[i]);
    }
    for (size_t i = 0; i < directory.root_list_count; i++) {
        out->lists[out->list_count++] = copy_of(directory.root_lists[i]);
    }
    return kc_ok();
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
}

/* ---- certificates and lists ---- */

/* By another key when `by` is, and from then on. */
void certify_from(struct party *out, enum kc_profile profile, const char *subject, uint64_t from_ms,
                  uint64_t end_ms, const struct party *by)
{
    static uint8_t next;
    struct kc_view parent = by == NULL ? kc_view(NULL, 0) : kc_buffer_view(&by->der);
    memset(out->serial, 0x41, sizeof out->serial);
    out->serial[1] = ++next;
    const struct kc_certificate_order order = {.profile = profile,
                                               .serial = out->serial,
                                               .subject = subject,
                                               .key = &out->public_key,
                                               .not_before_ms = from_ms,
                                               .not_after_ms = end_ms};
    out->der = (struct kc_buffer){.data = out->bytes, .capacity = sizeof out->bytes};
    EXPECT(kc_certificate_make(&out->der, &order, by == NULL ? NULL : &parent,
                               by == NULL ? &out->private_key : &by->private_key),
           KC_OK);
}

void certify(struct party *out, enum kc_profile profile, const char *subject, uint64_t end_ms,
             const struct party *by)
{
    certify_from(out, profile, subject, NOW_MS - DAY_MS, end_ms, by);
}

void make(struct party *out, enum kc_profile profile, const char *subject, const struct party *by)
{
    EXPECT(crypto.generate(crypto.context, &out->private_key, &out->public_key, KC_KEY_P256),
           KC_OK);
    certify(out, profile, subject, NOW_MS + 10 * DAY_MS, by);
}

/* Puts a list there that names `revoked` (or nobody). */
void put_list(uint64_t number, const struct party *revoked, uint64_t next_ms,
              const struct party *by)
{
    struct kc_revoked entry = {.time_ms = NOW_MS, .reason = 1};
    if (revoked != NULL) {
        memcpy(entry.serial, revoked->serial, sizeof entry.serial);
    }
    kc_der_free(directory.list);
    EXPECT(kc_crl_make(&directory.list, &entry, revoked == NULL ? 0 : 1, number, NOW_MS, next_ms,
                       kc_buffer_view(&by->der), &by->private_key),
           KC_OK);
    directory.issuer = kc_buffer_view(&by->der);
}

/* The same beside what put_list put there. */
void put_second(uint64_t number, const struct party *revoked, uint64_t next_ms,
                const struct party *by)
{
    const struct kc_view first_issuer = directory.issuer;
    const struct kc_view first_list = directory.list;
    directory.list = directory.second_list;
    put_list(number, revoked, next_ms, by);
    directory.second_issuer = directory.issuer;
    directory.second_list = directory.list;
    directory.issuer = first_issuer;
    directory.list = first_list;
}

void show(const struct party *a, const struct party *b)
{
    directory.certificates[0] = kc_buffer_view(&a->der);
    directory.certificates[1] = kc_buffer_view(&b->der);
    directory.count = 2;
}

int setup(void **state)
{
    (void)state;
    memset(&directory, 0, sizeof directory);
    EXPECT(kc_libcrypto_open(&crypto, 16), KC_OK);
    make(&root, KC_PROFILE_ROOT, "root", NULL);
    make(&issuer, KC_PROFILE_ISSUER, "issuer", &root);
    make(&other_root, KC_PROFILE_ROOT, "root", NULL);
    make(&other_issuer, KC_PROFILE_ISSUER, "issuer", &other_root);
    make(&sign, KC_PROFILE_SIGN, "18", &issuer);
    make(&encrypt, KC_PROFILE_ENCRYPT, "18", &issuer);
    make(&stranger, KC_PROFILE_SIGN, "26", &issuer);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    put_list(5, NULL, NOW_MS + DAY_MS, &issuer);
    show(&sign, &encrypt);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    return 0;
}

int teardown(void **state)
{
    (void)state;
    kc_people_close(&people);
    kc_der_free(directory.list);
    kc_der_free(directory.second_list);
    kc_libcrypto_close(&crypto);
    return 0;
}

struct kc_signer_id id_of(uint64_t number, const struct party *party)
{
    struct kc_signer_id id;
    kc_signer_id_make(&id, &crypto, number, &party->public_key);
    return id;
}

struct kc_result fetch(uint64_t number, const struct party *party, uint64_t now_ms)
{
    struct kc_person person;
    struct kc_signer_id id = id_of(number, party);
    return kc_people_fetch(&person, &people, NULL, &crypto, &id, now_ms);
}

struct kc_result find(uint64_t now_ms)
{
    struct kc_person person;
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    return kc_people_find(&person, &people, &id, now_ms);
}

/* The cache's places, of which the tests open 16. */
bool on_one_place(const struct party *a, const struct party *b)
{
    const struct kc_signer_id one = id_of(ACCOUNT, a);
    const struct kc_signer_id other = id_of(26, b);
    return (one.bytes[15] & 15) == (other.bytes[15] & 15);
}

struct kc_result fetch_of(const struct party *a, const struct party *b, uint64_t number,
                          uint64_t now_ms)
{
    show(a, b);
    return fetch(number, a, now_ms);
}
