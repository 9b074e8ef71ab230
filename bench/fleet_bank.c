/* The bank of the fleet, its purses, and what stands in for clock, directory and authority. */
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/clock.h"
#include "crypto/libcrypto.h"
#include "message/identity.h"
#include "service/key_proof.h"
#include "store/sqlite.h"

#define START_MS UINT64_C(1795478400000)
#define YEARS_MS (UINT64_C(10) * 366 * FLEET_DAY_MS)
#define BATCH 500u
#define KEY_SLOTS 4096u
#define HOLDERS (1u << 16)

struct fleet_member *fleet_members;
size_t fleet_count;
uint64_t fleet_now_ms = START_MS;
uint64_t fleet_requests;
uint64_t fleet_revoked;

static struct kc_bank bank;
static struct kc_bank_thread thread;
static struct kc_bank_item item;
static struct kc_public_key bank_encrypt_public;
static struct fleet_seat seats[FLEET_SEATS];
static uint8_t *memory;
static uint8_t certificates[2][KC_COSE_KEY_SIZE_MAX]; /* of the answer of the authority */

static const struct kc_bank_kind *const kinds[] = {&kc_bank_cash_request, &kc_bank_cash_answer,
                                                   &kc_bank_fund_request, &kc_bank_settle_request,
                                                   &kc_bank_renew_request};

void fleet_must(struct kc_result result, const char *what)
{
    if (kc_failed(result)) {
        (void)fprintf(stderr, "fleet: %s: %s\n", what, kc_error_name(result.code));
        exit(4);
    }
}

/* ---- what stands in for clock, directory and authority; the linker gives the bank these functions (--wrap) ---- */

uint64_t __wrap_kc_clock_now_ms(void);
struct kc_result __wrap_kc_people_find(struct kc_person *out, struct kc_people *people,
                                       const struct kc_signer_id *id, uint64_t now_ms);
struct kc_result __wrap_kc_people_fetch(struct kc_person *out, struct kc_people *people,
                                        struct kc_directory *directory,
                                        const struct kc_crypto *crypto,
                                        const struct kc_signer_id *id, uint64_t now_ms);
struct kc_result __wrap_kc_people_certificates(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                                               uint8_t encrypt[KC_DIGEST_SIZE],
                                               struct kc_people *people,
                                               struct kc_directory *directory,
                                               const struct kc_crypto *crypto, uint64_t number,
                                               uint64_t now_ms);
void __wrap_kc_people_keep(struct kc_people *people, const struct kc_crypto *crypto,
                           struct kc_person *person);
struct kc_result __wrap_kc_bank_ask_authority(void *reply, const struct kc_shape *reply_shape,
                                              struct kc_bank *asking, struct kc_bank_thread *on,
                                              uint64_t time_ms, const struct kc_shape *shape,
                                              const void *message);

uint64_t __wrap_kc_clock_now_ms(void)
{
    return fleet_now_ms;
}

/* Numbers were given in this order. */
static struct fleet_member *find_member(uint64_t account)
{
    size_t low = 0;
    size_t high = fleet_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (fleet_members[middle].account.number < account) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < fleet_count && fleet_members[low].account.number == account;
    return found ? &fleet_members[low] : NULL;
}

static void show(struct kc_person *out, const struct fleet_member *member)
{
    *out = (struct kc_person){.id = member->signer,
                              .number = member->account.number,
                              .sign_key = member->sign,
                              .encrypt_key = member->encrypt,
                              .issued_ms = member->issued_ms,
                              .expires_ms = member->issued_ms + YEARS_MS};
}

static bool same_id(const struct kc_signer_id *a, const struct kc_signer_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The directory shows the newest pair; an older one is unknown, and on the list once it was revoked. */
struct kc_result __wrap_kc_people_find(struct kc_person *out, struct kc_people *people,
                                       const struct kc_signer_id *id, uint64_t now_ms)
{
    const struct fleet_member *member = find_member(kc_signer_id_holder(id));
    (void)people;
    (void)now_ms;
    if (member != NULL && same_id(&member->signer, id)) {
        show(out, member);
        return kc_ok();
    }
    bool revoked =
        member != NULL && member->has_old && member->old_revoked && same_id(&member->old, id);
    return kc_result(revoked ? KC_CERT_REVOKED : KC_UNKNOWN_SIGNER);
}

struct kc_result __wrap_kc_people_fetch(struct kc_person *out, struct kc_people *people,
                                        struct kc_directory *directory,
                                        const struct kc_crypto *crypto,
                                        const struct kc_signer_id *id, uint64_t now_ms)
{
    (void)directory;
    (void)crypto;
    return __wrap_kc_people_find(out, people, id, now_ms);
}

/* In place of a certificate stands the key that it would be over. */
static struct kc_view certificate(unsigned which, const struct kc_public_key *key)
{
    struct kc_buffer out = KC_BUFFER(certificates[which]);
    fleet_must(kc_key_encode(&out, key), "key");
    return kc_buffer_view(&out);
}

struct kc_result __wrap_kc_people_certificates(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                                               uint8_t encrypt[KC_DIGEST_SIZE],
                                               struct kc_people *people,
                                               struct kc_directory *directory,
                                               const struct kc_crypto *crypto, uint64_t number,
                                               uint64_t now_ms)
{
    const struct fleet_member *member = find_member(number);
    (void)people;
    (void)directory;
    (void)now_ms;
    if (member == NULL) {
        return kc_result(KC_NOT_FOUND);
    }
    show(out, member);
    kc_digest(crypto, sign, certificate(0, &member->sign));
    kc_digest(crypto, encrypt, certificate(1, &member->encrypt));
    return kc_ok();
}

/* Everybody is found as in the directory. */
void __wrap_kc_people_keep(struct kc_people *people, const struct kc_crypto *crypto,
                           struct kc_person *person)
{
    (void)people;
    (void)crypto;
    (void)person;
}

static struct kc_result read_proof(struct kc_public_key *sign, struct kc_public_key *encrypt,
                                   struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_key_proof proof;
    return kc_key_proof_decode(&parsed, &proof, sign, encrypt, bytes);
}

/* The same keys again are the same certificates. */
static struct kc_result certify(struct kc_certify_reply *reply,
                                const struct kc_renew_certify_request *request)
{
    struct kc_public_key sign;
    struct kc_public_key encrypt;
    struct kc_signer_id id;
    struct fleet_member *member = find_member(request->account.number);
    struct kc_result result = read_proof(&sign, &encrypt, request->proof);
    if (kc_failed(result)) {
        return result;
    }
    kc_signer_id_make(&id, &bank.crypto, request->account.number, &sign);
    if (!same_id(&member->signer, &id)) {
        member->old = member->signer;
        member->has_old = true;
        member->old_revoked = false;
        member->signer = id;
        member->sign = sign;
        member->encrypt = encrypt;
        member->issued_ms = fleet_now_ms / 1000 * 1000;
    }
    *reply = (struct kc_certify_reply){.sign_certificate = certificate(0, &member->sign),
                                       .encrypt_certificate = certificate(1, &member->encrypt),
                                       .time_ms = fleet_now_ms};
    return kc_ok();
}

static struct kc_result retire(const struct kc_retire_request *request)
{
    uint8_t digest[KC_DIGEST_SIZE];
    struct fleet_member *member = find_member(request->account.number);
    kc_digest(&bank.crypto, digest, certificate(0, &member->sign));
    if (memcmp(digest, request->certificate, sizeof digest) != 0) {
        return kc_result(KC_MISMATCH);
    }
    member->old_revoked = true;
    fleet_revoked += 1;
    return kc_ok();
}

struct kc_result __wrap_kc_bank_ask_authority(void *reply, const struct kc_shape *reply_shape,
                                              struct kc_bank *asking, struct kc_bank_thread *on,
                                              uint64_t time_ms, const struct kc_shape *shape,
                                              const void *message)
{
    (void)asking;
    (void)on;
    (void)time_ms;
    if (shape == &kc_renew_certify_request_shape && reply_shape == &kc_certify_reply_shape) {
        return certify(reply, message);
    }
    return shape == &kc_retire_request_shape ? retire(message) : kc_result(KC_NOT_ALLOWED);
}

/* An ordinary bank that does what it is asked. */
static struct kc_result check_account(void *context, const char *account)
{
    (void)context;
    (void)account;
    return kc_ok();
}

static struct kc_result transfer(void *context, const char *key, enum kc_fund_kind kind,
                                 const char *account, struct kc_amount amount)
{
    (void)context;
    (void)key;
    (void)kind;
    (void)account;
    (void)amount;
    return kc_ok();
}

/* ---- the way of a request, as src/bank/serve.c goes it ---- */

static struct kc_result receive(struct kc_view request)
{
    struct kc_result result = kc_signed_parse(&item.envelope, request);
    if (kc_failed(result)) {
        return result;
    }
    const struct kc_shape *shape = kc_signed_shape(&item.envelope);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && shape != NULL; i++) {
        item.kind = kinds[i]->shape == shape ? kinds[i] : item.kind;
    }
    if (item.kind == NULL) {
        return kc_result(KC_WRONG_TYPE);
    }
    kc_digest(&thread.crypto, item.digest, request);
    result = kc_people_find(&item.signer, &bank.people, &item.envelope.signer, fleet_now_ms);
    return kc_failed(result) ? kc_bank_find_blocked(&item, &bank, &thread, result) : result;
}

static struct kc_result open_item(void)
{
    struct kc_buffer plain = KC_BUFFER(item.plain);
    struct kc_buffer key = KC_BUFFER(item.signer_key);
    const struct kc_shape *shape = item.kind->shape;
    struct kc_result result = kc_signed_verify(&item.envelope, &thread.crypto,
                                               &item.signer.sign_key, &bank.realm, shape->domain);
    if (kc_failed(result)) {
        return result;
    }
    item.authenticated = true;
    result = kc_key_encode(&key, &item.signer.sign_key);
    item.signer_key_size = key.size;
    if (!kc_failed(result)) {
        result = kc_unseal(&plain, &thread.crypto, &bank.encrypt_key, &bank.realm, shape->domain,
                           item.envelope.payload);
    }
    return kc_failed(result) ? result
                             : kc_shape_decode(&item.message, shape, kc_buffer_view(&plain));
}

static struct kc_result run_step(const struct kc_bank_step *step)
{
    if (step->lane != KC_LANE_WRITE) {
        return step->run(&bank, &thread, &item);
    }
    struct kc_result result = kc_ledger_begin(&bank.ledger, fleet_now_ms);
    if (kc_failed(result)) {
        return result;
    }
    result = step->run(&bank, &thread, &item);
    struct kc_result committed = kc_ledger_commit(&bank.ledger);
    return kc_failed(committed) ? committed : result;
}

static struct kc_result run_steps(void)
{
    struct kc_result result = kc_ok();
    item.step = KC_AT_OWN;
    while (!kc_failed(result)) {
        size_t at = item.step - KC_AT_OWN;
        if (at >= KC_BANK_STEPS_MAX || item.kind->steps[at].run == NULL) {
            break;
        }
        result = run_step(&item.kind->steps[at]);
        item.step += 1;
    }
    return result;
}

static void start_item(const struct kc_bank_kind *kind)
{
    item.kind = kind;
    item.error = KC_OK;
    item.authenticated = false;
    item.reply_size = 0;
    fleet_now_ms += 1;
}

struct kc_result fleet_serve(struct kc_view *reply, struct kc_view request)
{
    start_item(NULL);
    item.bytes = request;
    struct kc_result result = receive(request);
    if (!kc_failed(result)) {
        result = open_item();
    }
    if (!kc_failed(result)) {
        result = run_steps();
    }
    *reply = kc_view(item.reply, item.reply_size);
    fleet_requests += 1;
    return result;
}

void fleet_retire(void)
{
    struct kc_renewal_row row;
    uint64_t last = 0;
    while (!kc_failed(kc_ledger_renew_due(&row, &bank.ledger, last))) {
        start_item(&kc_bank_retire);
        item.renewal.row = row;
        fleet_must(run_steps(), "revocation of old certificates");
        last = row.purse.number;
    }
}

uint64_t fleet_value(const struct fleet_member *member)
{
    struct kc_purse_row row;
    fleet_must(bank.store.purse_get(bank.store.context, &row, member->purse.number), "purse");
    return kc_amount_minor(row.value);
}

static void say_fault(void *owner, const char *what)
{
    (void)owner;
    (void)fprintf(stderr, "fleet: audit: %s\n", what);
}

uint64_t fleet_audit(void)
{
    struct kc_audit audit = {.fault = say_fault};
    struct kc_result result = kc_ledger_audit(&audit, &bank.store, &bank.crypto);
    return kc_failed(result) && audit.faults == 0 ? 1 : audit.faults;
}

/* ---- purses ---- */

static struct kc_result nvm_read(void *context, size_t offset, uint8_t *out, size_t size)
{
    const struct fleet_seat *seat = context;
    memcpy(out, seat->nvm + offset, size);
    return kc_ok();
}

static struct kc_result nvm_write(void *context, size_t offset, const uint8_t *data, size_t size)
{
    const struct fleet_seat *seat = context;
    memcpy(seat->nvm + offset, data, size);
    return kc_ok();
}

static struct kc_result nvm_sync(void *context)
{
    (void)context;
    return kc_ok();
}

static struct kc_result transmit(void *context, struct kc_buffer *response, struct kc_view command)
{
    struct fleet_seat *seat = context;
    kc_purse_command(&seat->core, response->data, &response->size, command);
    return kc_ok();
}

static void power_off(struct fleet_seat *seat)
{
    if (seat->member != NULL) {
        kc_purse_close(&seat->core);
        seat->member = NULL;
    }
}

static void power_on(struct fleet_seat *seat, struct fleet_member *member)
{
    const struct kc_nvm nvm = {.context = seat,
                               .size = KC_NVM_SIZE,
                               .read = nvm_read,
                               .write = nvm_write,
                               .sync = nvm_sync};
    const struct kc_slot_port port = {.context = seat, .transmit = transmit};
    for (unsigned i = 0; i < FLEET_SEATS; i++) {
        if (seats[i].member == member) {
            power_off(&seats[i]);
        }
    }
    power_off(seat);
    seat->member = member;
    seat->nvm = memory + (size_t)(member - fleet_members) * KC_NVM_SIZE;
    kc_purse_open(&seat->core, &nvm, &seat->crypto);
    fleet_must(kc_slot_open(&seat->slot, &port), "power");
}

struct kc_slot *fleet_sit(unsigned at, struct fleet_member *member)
{
    struct fleet_seat *seat = &seats[at];
    if (seat->member != member) {
        power_on(seat, member);
        fleet_must(kc_slot_verify_pin(&seat->slot, kc_view_text(FLEET_PIN)), "PIN");
    }
    return &seat->slot;
}

/* ---- opening ---- */

static struct kc_ledger_source source_of(uint8_t letter[32], uint64_t number, uint8_t kind)
{
    struct kc_ledger_source source = {.bytes = kc_view(letter, 32)};
    memset(letter, kind, 32);
    kc_be64_store(letter, number);
    kc_digest(&bank.crypto, source.digest, source.bytes);
    return source;
}

static void open_account(struct fleet_member *member, uint64_t number)
{
    uint8_t letter[32];
    struct kc_ledger_opened opened;
    struct kc_ledger_source source = source_of(letter, number, 1);
    struct kc_open_request request = {.name = kc_view_text("N"),
                                      .address = kc_view_text("A"),
                                      .phone = kc_view_text("T"),
                                      .bank_account = kc_view_text("B"),
                                      .password_hash = kc_view_text("-"),
                                      .suite = KC_SUITE_ES256,
                                      .log_policy = KC_LOG_POLICY_REFUSE,
                                      .purse_type = KC_PURSE_TYPE_UIM,
                                      .time_ms = fleet_now_ms};
    kc_be64_store(request.id, number + 1);
    fleet_must(kc_ledger_open_account(&opened, &bank.ledger, &request, &source), "account");
    member->account = opened.account;
    member->purse = opened.purse;
    member->issued_ms = fleet_now_ms / 1000 * 1000;
    KC_ASSERT(number == 0 || member[-1].account.number < member->account.number);
}

/* Settings and keys, made in the purse; what its proof says of them. */
static void make_keys(struct kc_slot *slot, struct fleet_member *member)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer settings_bytes = KC_BUFFER(bytes);
    struct kc_view proof;
    const struct kc_view nothing = kc_view(NULL, 0);
    const struct kc_purse_settings settings = {.bank = bank.realm.bank,
                                               .currency = kc_view(bank.realm.currency, 3),
                                               .purse_type = KC_PURSE_TYPE_UIM,
                                               .account = member->account,
                                               .purse = member->purse,
                                               .url = kc_view_text("fleet:"),
                                               .user_id = kc_view_text("user")};
    fleet_must(kc_shape_encode(&settings_bytes, &kc_purse_settings_shape, &settings), "settings");
    fleet_must(kc_slot_put(slot, KC_TAG_SETTINGS, kc_buffer_view(&settings_bytes)), "settings");
    fleet_must(
        kc_slot_send(&proof, slot, KC_CLA_KINCHAKU, KC_INS_GENERATE, KC_SUITE_ES256, 0, nothing),
        "keys");
    fleet_must(kc_slot_send(&proof, slot, KC_CLA_KINCHAKU, KC_INS_PROVE, 0, 0, nothing), "proof");
    fleet_must(read_proof(&member->sign, &member->encrypt, proof), "proof");
    kc_signer_id_make(&member->signer, &bank.crypto, member->account.number, &member->sign);
}

static void keep_keys(const struct fleet_member *member)
{
    struct kc_purse_key_row row = {.purse = member->purse,
                                   .account = member->account,
                                   .expires_ms = member->issued_ms + YEARS_MS};
    struct kc_buffer sign = KC_BUFFER(row.sign_key);
    struct kc_buffer encrypt = KC_BUFFER(row.encrypt_key);
    memcpy(row.signer, member->signer.bytes, sizeof row.signer);
    fleet_must(kc_key_encode(&sign, &member->sign), "key");
    fleet_must(kc_key_encode(&encrypt, &member->encrypt), "key");
    row.sign_size = sign.size;
    row.encrypt_size = encrypt.size;
    fleet_must(kc_ledger_keep_keys(&bank.ledger, &row), "keys");
}

static void confirm(struct kc_buffer *certified, struct kc_buffer *identity,
                    const struct fleet_member *member, uint64_t number)
{
    uint8_t letter[32];
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_buffer claims_bytes = KC_BUFFER(bytes);
    struct kc_certified value;
    const struct kc_identity claims = {.bank = bank.realm.bank,
                                       .purse_type = KC_PURSE_TYPE_UIM,
                                       .account = member->account,
                                       .purse = member->purse,
                                       .issued_s = member->issued_ms / 1000,
                                       .expires_s = (member->issued_ms + YEARS_MS) / 1000,
                                       .key = member->sign};
    const struct kc_confirm_request request = {
        .account = member->account, .purse = member->purse, .time_ms = fleet_now_ms};
    struct kc_ledger_source source = source_of(letter, number, 2);
    fleet_must(kc_identity_encode(&claims_bytes, &claims), "identity");
    kc_digest(&bank.crypto, digest, kc_buffer_view(&claims_bytes));
    fleet_must(kc_ledger_confirm_account(&value, &bank.ledger, &request, digest, &source),
               "confirmation");
    keep_keys(member);
    fleet_must(kc_identity_sign(identity, &bank.crypto, &bank.sign_key, &bank.realm, &claims),
               "identity");
    fleet_must(kc_bank_certify(certified, &bank, &thread, &value), "certified value");
}

static void open_member(size_t number)
{
    uint8_t bytes[2][KC_RECORD_SIZE_MAX];
    struct kc_buffer certified = KC_BUFFER(bytes[0]);
    struct kc_buffer identity = KC_BUFFER(bytes[1]);
    uint8_t keys[2][KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer verify = KC_BUFFER(keys[0]);
    struct kc_buffer encrypt = KC_BUFFER(keys[1]);
    struct kc_view out;
    struct fleet_member *member = &fleet_members[number];
    struct kc_slot *slot = &seats[0].slot;
    open_account(member, number);
    power_on(&seats[0], member);
    make_keys(slot, member);
    confirm(&certified, &identity, member, number);
    fleet_must(kc_key_encode(&verify, &bank.sign_public), "key");
    fleet_must(kc_key_encode(&encrypt, &bank_encrypt_public), "key");
    fleet_must(kc_slot_put(slot, KC_TAG_BANK_VERIFY_KEY, kc_buffer_view(&verify)), "key");
    fleet_must(kc_slot_put(slot, KC_TAG_BANK_ENCRYPT_KEY, kc_buffer_view(&encrypt)), "key");
    for (unsigned tag = KC_TAG_SIGN_CERTIFICATE; tag <= KC_TAG_AUTHORITY_CERTIFICATE; tag++) {
        fleet_must(kc_slot_put(slot, (uint8_t)tag, kc_view_text("never read")), "certificate");
    }
    fleet_must(kc_slot_put(slot, KC_TAG_PIN, kc_view_text(FLEET_PIN)), "PIN");
    fleet_must(kc_slot_put(slot, KC_TAG_IDENTITY, kc_buffer_view(&identity)), "identity");
    fleet_must(kc_slot_put(slot, KC_TAG_CERTIFIED, kc_buffer_view(&certified)), "certified");
    fleet_must(kc_slot_send(&out, slot, KC_CLA_KINCHAKU, KC_INS_ACTIVATE, 0, 0, kc_view(NULL, 0)),
               "activation");
}

static void open_bank(const char *database)
{
    struct kc_ledger_options options = {.quote_ms = 120000,
                                        .temporary_ms = FLEET_DAY_MS,
                                        .account_ms = YEARS_MS,
                                        .settle_ms = 30 * FLEET_DAY_MS,
                                        .limits = kc_offline_limits_none()};
    fleet_must(kc_realm_set(&options.realm, 1, "JPY"), "realm");
    fleet_must(kc_libcrypto_open(&bank.crypto, KEY_SLOTS), "crypto");
    thread.crypto = bank.crypto;
    fleet_must(
        bank.crypto.generate(bank.crypto.context, &bank.sign_key, &bank.sign_public, KC_KEY_P256),
        "key");
    fleet_must(bank.crypto.generate(bank.crypto.context, &bank.encrypt_key, &bank_encrypt_public,
                                    KC_KEY_P256),
               "key");
    bank.realm = options.realm;
    bank.config.settle_ms = options.settle_ms;
    kc_signer_id_make(&bank.signer_id, &bank.crypto, KC_SERVER_BANK, &bank.sign_public);
    fleet_must(kc_holders_open(&bank.holders, HOLDERS), "memory");
    fleet_must(kc_known_open(&bank.known, HOLDERS), "memory");
    fleet_must(kc_sqlite_open(&bank.store, database, true, 0), database);
    thread.store = bank.store;
    thread.ordinary = (struct kc_ordinary_bank){.check = check_account, .transfer = transfer};
    fleet_must(kc_ledger_open(&bank.ledger, &bank.store, &bank.crypto, &options), "ledger");
}

void fleet_open(const char *database, size_t count)
{
    open_bank(database);
    fleet_members = calloc(count, sizeof *fleet_members);
    memory = mmap(NULL, count * KC_NVM_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool good = fleet_members != NULL && memory != MAP_FAILED;
    fleet_must(kc_result(good ? KC_OK : KC_NO_MEMORY), "memory");
    for (unsigned i = 0; i < FLEET_SEATS; i++) {
        fleet_must(kc_libcrypto_open(&seats[i].crypto, 16), "crypto");
    }
    for (size_t at = 0; at < count; at += BATCH) {
        fleet_now_ms += 1;
        fleet_must(kc_ledger_begin(&bank.ledger, fleet_now_ms), "ledger");
        for (size_t i = at; i < count && i < at + BATCH; i++) {
            open_member(i);
            fleet_count = i + 1;
        }
        fleet_must(kc_ledger_commit(&bank.ledger), "ledger");
    }
}

void fleet_close(void)
{
    for (unsigned i = 0; i < FLEET_SEATS; i++) {
        power_off(&seats[i]);
        kc_libcrypto_close(&seats[i].crypto);
    }
    (void)munmap(memory, fleet_count * KC_NVM_SIZE);
    free(fleet_members);
    kc_sqlite_close(&bank.store);
    kc_known_close(&bank.known);
    kc_holders_close(&bank.holders);
    kc_libcrypto_close(&bank.crypto);
}
