#include "whole_authority.h"

#include <string.h>

#include "base/assert.h"
#include "service/key_proof.h"

#define HALF KC_P256_COORDINATE_SIZE
#define SEED_AUTHORITY UINT64_C(0xca)
/* As in src/authority/renew.c. */
#define BESIDE_MAX 3u
/* What stands for a certificate: for what it is, whose, and which. */
#define NAME_SIZE 24u

_Thread_local struct whole *whole_served;

static _Thread_local uint8_t names[2][NAME_SIZE];
static _Thread_local struct kc_envelope_work work;
static _Thread_local uint8_t reply_bytes[KC_MESSAGE_SIZE_MAX];
static _Thread_local uint8_t plain_bytes[KC_PLAIN_SIZE_MAX];

/* ---- pairs ---- */

struct kc_public_key whole_public(const uint8_t xy[2 * HALF])
{
    struct kc_public_key key;
    memset(&key, 0, sizeof key);
    key.type = KC_KEY_P256;
    memcpy(key.p256.x, xy, HALF);
    memcpy(key.p256.y, xy + HALF, HALF);
    return key;
}

static void keep_public(uint8_t xy[2 * HALF], const struct kc_public_key *key)
{
    memcpy(xy, key->p256.x, HALF);
    memcpy(xy + HALF, key->p256.y, HALF);
}

static struct kc_view name_of(uint8_t out[NAME_SIZE], const struct whole *whole,
                              const struct whole_pair *pair, const char *use)
{
    memset(out, 0, NAME_SIZE);
    memcpy(out, use, strlen(use));
    kc_be64_store(out + 8, whole->holders[pair->holder].account.number);
    kc_be64_store(out + 16, (uint64_t)(pair - whole->outside.pairs) + 1);
    return kc_view(out, NAME_SIZE);
}

static void digest_of(uint8_t out[KC_DIGEST_SIZE], const struct whole *whole,
                      const struct whole_pair *pair, const char *use)
{
    uint8_t name[NAME_SIZE];
    kc_digest(&whole->bank.crypto, out, name_of(name, whole, pair, use));
}

static bool is_good(const struct whole *whole, const struct whole_pair *pair)
{
    return pair->revoked_ms == 0 && pair->expires_ms > whole->now_ms;
}

static bool outlasts(const struct whole_pair *a, const struct whole_pair *b)
{
    return a->expires_ms != b->expires_ms ? a->expires_ms > b->expires_ms
                                          : a->issued_ms > b->issued_ms;
}

static struct whole_pair *newest(struct whole *whole, unsigned holder)
{
    struct whole_pair *found = NULL;
    for (size_t i = 0; i < whole->outside.count; i++) {
        struct whole_pair *pair = &whole->outside.pairs[i];
        bool good = pair->holder == holder && is_good(whole, pair);
        found = good && (found == NULL || outlasts(pair, found)) ? pair : found;
    }
    return found;
}

static struct whole_pair *find(struct whole *whole, const struct kc_signer_id *id)
{
    for (size_t i = whole->outside.count; i-- > 0;) {
        if (memcmp(whole->outside.pairs[i].id.bytes, id->bytes, sizeof id->bytes) == 0) {
            return &whole->outside.pairs[i];
        }
    }
    return NULL;
}

const struct whole_pair *whole_pair_of(const struct whole *whole, const struct kc_signer_id *id)
{
    return find((struct whole *)(uintptr_t)whole, id);
}

const struct whole_pair *whole_pair_newest(const struct whole *whole, unsigned holder)
{
    return newest((struct whole *)(uintptr_t)whole, holder);
}

unsigned whole_pairs_good(const struct whole *whole, unsigned holder)
{
    unsigned count = 0;
    for (size_t i = 0; i < whole->outside.count; i++) {
        const struct whole_pair *pair = &whole->outside.pairs[i];
        count += pair->holder == holder && is_good(whole, pair) ? 1 : 0;
    }
    return count;
}

static unsigned holder_of(const struct whole *whole, uint64_t account)
{
    unsigned i = 0;
    while (i < whole->base->options.holders && whole->holders[i].account.number != account) {
        i++;
    }
    return i;
}

/* Certificates of one holder begin a second or more after one another. */
static struct whole_pair *issue(struct whole *whole, unsigned holder, uint64_t expires_ms,
                                const struct kc_public_key *sign,
                                const struct kc_public_key *encrypt)
{
    struct whole_outside *outside = &whole->outside;
    KC_ASSERT(outside->count < WHOLE_PAIRS_MAX);
    struct whole_pair *pair = &outside->pairs[outside->count];
    *pair = (struct whole_pair){
        .holder = holder, .issued_ms = whole->now_ms / 1000 * 1000, .expires_ms = expires_ms};
    for (size_t i = 0; i < outside->count; i++) {
        uint64_t next_ms = outside->pairs[i].issued_ms + 1000;
        bool before = outside->pairs[i].holder == holder && pair->issued_ms < next_ms;
        pair->issued_ms = before ? next_ms : pair->issued_ms;
    }
    keep_public(pair->sign, sign);
    keep_public(pair->encrypt, encrypt);
    kc_signer_id_make(&pair->id, &whole->bank.crypto, whole->holders[holder].account.number, sign);
    outside->count += 1;
    return pair;
}

void whole_authority_open(struct whole *whole)
{
    memset(&whole->outside, 0, sizeof whole->outside);
    (void)ideal_open(&whole->outside.ideal, whole->base->options.seed ^ SEED_AUTHORITY);
}

void whole_authority_first(struct whole *whole, unsigned holder)
{
    const struct whole_holder *of = &whole->holders[holder];
    struct whole_pair *pair =
        issue(whole, holder, WHOLE_EXPIRES_MS, &of->sign_public, &of->encrypt_public);
    pair->issued_ms = WHOLE_START_MS;
    pair->cached = true;
    whole->outside.is_kept[holder] = true;
    whole->outside.kept[holder] = pair->id;
}

void whole_authority_newcomer(struct whole *whole, unsigned holder)
{
    const struct whole_holder *of = &whole->newcomer;
    whole->newcomer_of = holder;
    struct whole_pair *pair =
        issue(whole, holder, WHOLE_EXPIRES_MS, &of->sign_public, &of->encrypt_public);
    pair->cached = true;
}

void whole_authority_drop(struct whole *whole)
{
    struct whole_pair *pair = find(whole, &whole->newcomer.signer_id);
    KC_ASSERT(pair != NULL);
    pair->revoked_ms = whole->now_ms;
    whole->newcomer.purse.number = 0;
}

void whole_authority_succeed(struct whole *whole, unsigned holder)
{
    struct whole_outside *outside = &whole->outside;
    for (size_t i = 0; i < outside->count; i++) {
        struct whole_pair *pair = &outside->pairs[i];
        bool new =
            memcmp(pair->id.bytes, whole->newcomer.signer_id.bytes, sizeof pair->id.bytes) == 0;
        if (pair->holder == holder && !new) {
            pair->holder = WHOLE_RETIRED;
            pair->revoked_ms = pair->revoked_ms == 0 ? whole->now_ms : pair->revoked_ms;
        }
    }
    outside->made[WHOLE_RETIRED].there = false;
    outside->made[holder].there = false;
    outside->is_kept[WHOLE_RETIRED] = false;
    outside->is_kept[holder] = false;
    whole->newcomer.purse.number = 0;
}

static bool is_newcomers(const struct whole *whole, const struct kc_signer_id *id)
{
    return whole->newcomer.purse.number != 0 &&
           memcmp(whole->newcomer.signer_id.bytes, id->bytes, sizeof id->bytes) == 0;
}

void whole_authority_forget(struct whole *whole)
{
    memset(whole->outside.is_kept, 0, sizeof whole->outside.is_kept);
    for (size_t i = 0; i < whole->outside.count; i++) {
        whole->outside.pairs[i].cached = false;
    }
}

/* ---- what stands in for src/directory ---- */

struct kc_result __wrap_kc_people_find(struct kc_person *out, struct kc_people *people,
                                       const struct kc_signer_id *id, uint64_t now_ms);
struct kc_result __wrap_kc_people_fetch(struct kc_person *out, struct kc_people *people,
                                        struct kc_directory *directory,
                                        const struct kc_crypto *crypto,
                                        const struct kc_signer_id *id, uint64_t now_ms);
struct kc_result __wrap_kc_people_refresh(struct kc_people *people, struct kc_directory *directory,
                                          uint64_t now_ms);
struct kc_result __wrap_kc_people_certificates(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                                               uint8_t encrypt[KC_DIGEST_SIZE],
                                               struct kc_people *people,
                                               struct kc_directory *directory,
                                               const struct kc_crypto *crypto, uint64_t number,
                                               uint64_t now_ms);
bool __wrap_kc_holders_find(struct kc_signer_id *out, struct kc_holders *holders, uint64_t purse);
void __wrap_kc_holders_keep(struct kc_holders *holders, uint64_t purse,
                            const struct kc_signer_id *signer);
void __wrap_kc_holders_forget(struct kc_holders *holders, uint64_t purse);

static void fill_person(struct kc_person *out, const struct whole *whole,
                        const struct whole_pair *pair)
{
    *out = (struct kc_person){.id = pair->id,
                              .number = whole->holders[pair->holder].account.number,
                              .sign_key = whole_public(pair->sign),
                              .encrypt_key = whole_public(pair->encrypt),
                              .issued_ms = pair->issued_ms,
                              .expires_ms = pair->expires_ms};
}

/* The certificates of a purse that is out of use are revoked. */
static bool is_out(const struct whole *whole, unsigned holder)
{
    const struct ram_store *store = &whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSES]; i++) {
        if (store->purses[i].purse.number == whole->holders[holder].purse.number) {
            return store->purses[i].state == KC_PURSE_OUT;
        }
    }
    return false;
}

struct kc_result __wrap_kc_people_find(struct kc_person *out, struct kc_people *people,
                                       const struct kc_signer_id *id, uint64_t now_ms)
{
    const struct whole_pair *pair = find(whole_served, id);
    (void)people;
    if (pair == NULL || !pair->cached) {
        return kc_result(KC_NOT_FOUND);
    }
    fill_person(out, whole_served, pair);
    bool gone = is_out(whole_served, pair->holder) && !is_newcomers(whole_served, id);
    return kc_result(pair->revoked_ms != 0 || gone ? KC_CERT_REVOKED
                     : pair->expires_ms <= now_ms  ? KC_CERT_EXPIRED
                                                   : KC_OK);
}

struct kc_result __wrap_kc_people_fetch(struct kc_person *out, struct kc_people *people,
                                        struct kc_directory *directory,
                                        const struct kc_crypto *crypto,
                                        const struct kc_signer_id *id, uint64_t now_ms)
{
    struct whole_pair *pair = find(whole_served, id);
    (void)directory;
    (void)crypto;
    if (whole_served->outside.directory_away) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    const struct whole_pair *shown = pair == NULL ? NULL : newest(whole_served, pair->holder);
    bool ended =
        pair != NULL && shown == NULL && pair->revoked_ms == 0 && pair->expires_ms <= now_ms;
    if (pair == NULL || (shown != pair && !ended)) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    pair->cached = true;
    return __wrap_kc_people_find(out, people, id, now_ms);
}

struct kc_result __wrap_kc_people_refresh(struct kc_people *people, struct kc_directory *directory,
                                          uint64_t now_ms)
{
    (void)people;
    (void)directory;
    (void)now_ms;
    return kc_result(whole_served->outside.directory_away ? KC_DIRECTORY_DOWN : KC_OK);
}

static void fill_authority(struct kc_person *out, const struct whole *whole)
{
    *out = (struct kc_person){.number = KC_SERVER_AUTHORITY,
                              .sign_key = whole->base->authority_sign_public,
                              .encrypt_key = whole->base->authority_encrypt_public,
                              .issued_ms = WHOLE_START_MS,
                              .expires_ms = WHOLE_EXPIRES_MS};
    kc_signer_id_make(&out->id, &whole->bank.crypto, KC_SERVER_AUTHORITY, &out->sign_key);
}

struct kc_result __wrap_kc_people_certificates(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                                               uint8_t encrypt[KC_DIGEST_SIZE],
                                               struct kc_people *people,
                                               struct kc_directory *directory,
                                               const struct kc_crypto *crypto, uint64_t number,
                                               uint64_t now_ms)
{
    struct whole *whole = whole_served;
    unsigned holder = holder_of(whole, number);
    (void)people;
    (void)directory;
    (void)crypto;
    (void)now_ms;
    if (whole->outside.directory_away) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    if (number == KC_SERVER_AUTHORITY) {
        fill_authority(out, whole);
        return kc_ok();
    }
    struct whole_pair *pair = holder < whole->base->options.holders ? newest(whole, holder) : NULL;
    if (pair == NULL || is_out(whole, holder)) {
        return kc_result(KC_NOT_FOUND);
    }
    fill_person(out, whole, pair);
    digest_of(sign, whole, pair, "sign");
    digest_of(encrypt, whole, pair, "encrypt");
    return kc_ok();
}

void __wrap_kc_people_keep(struct kc_people *people, const struct kc_crypto *crypto,
                           struct kc_person *person);
void __wrap_kc_people_keep(struct kc_people *people, const struct kc_crypto *crypto,
                           struct kc_person *person)
{
    struct whole_pair *pair = find(whole_served, &person->id);
    (void)people;
    (void)crypto;
    KC_ASSERT(pair != NULL);
    pair->cached = true;
}

struct kc_result __wrap_kc_people_pair(uint8_t out[KC_PEOPLE_PAIR_SIZE], struct kc_people *people,
                                       const struct kc_crypto *crypto,
                                       const struct kc_person *person);
struct kc_result __wrap_kc_people_check_pair(struct kc_person *out, struct kc_people *people,
                                             const struct kc_crypto *crypto,
                                             const uint8_t pair[KC_PEOPLE_PAIR_SIZE],
                                             uint64_t expires_ms, uint64_t now_ms);

void whole_pair_number(uint8_t out[KC_PEOPLE_PAIR_SIZE], const struct whole *whole,
                       const struct whole_pair *pair)
{
    memset(out, 0, KC_PEOPLE_PAIR_SIZE);
    kc_be64_store(out, (uint64_t)(pair - whole->outside.pairs) + 1);
}

struct kc_result __wrap_kc_people_pair(uint8_t out[KC_PEOPLE_PAIR_SIZE], struct kc_people *people,
                                       const struct kc_crypto *crypto,
                                       const struct kc_person *person)
{
    const struct whole_pair *pair = find(whole_served, &person->id);
    (void)people;
    (void)crypto;
    KC_ASSERT(pair != NULL);
    whole_pair_number(out, whole_served, pair);
    return kc_ok();
}

struct kc_result __wrap_kc_people_check_pair(struct kc_person *out, struct kc_people *people,
                                             const struct kc_crypto *crypto,
                                             const uint8_t pair[KC_PEOPLE_PAIR_SIZE],
                                             uint64_t expires_ms, uint64_t now_ms)
{
    uint64_t number = kc_be64_load(pair);
    (void)people;
    (void)crypto;
    KC_ASSERT(number >= 1 && number <= whole_served->outside.count);
    const struct whole_pair *found = &whole_served->outside.pairs[number - 1];
    fill_person(out, whole_served, found);
    bool ended = expires_ms <= now_ms || found->expires_ms <= now_ms;
    return kc_result(found->revoked_ms != 0 ? KC_CERT_REVOKED : ended ? KC_CERT_EXPIRED : KC_OK);
}

/* No issuer ends here. */
bool __wrap_kc_people_is_of_ended(struct kc_people *people, const struct kc_crypto *crypto,
                                  const uint8_t pair[KC_PEOPLE_PAIR_SIZE]);
bool __wrap_kc_people_is_of_ended(struct kc_people *people, const struct kc_crypto *crypto,
                                  const uint8_t pair[KC_PEOPLE_PAIR_SIZE])
{
    (void)people;
    (void)crypto;
    (void)pair;
    return false;
}

static unsigned holder_of_purse(const struct whole *whole, uint64_t purse)
{
    unsigned i = 0;
    while (i < whole->base->options.holders && whole->holders[i].purse.number != purse) {
        i++;
    }
    return i;
}

bool __wrap_kc_holders_find(struct kc_signer_id *out, struct kc_holders *holders, uint64_t purse)
{
    const struct whole_outside *outside = &whole_served->outside;
    unsigned holder = holder_of_purse(whole_served, purse);
    (void)holders;
    if (whole_served->newcomer.purse.number == purse) {
        return false;
    }
    bool found = holder < whole_served->base->options.holders && outside->is_kept[holder];
    if (found) {
        *out = outside->kept[holder];
    }
    return found;
}

void __wrap_kc_holders_keep(struct kc_holders *holders, uint64_t purse,
                            const struct kc_signer_id *signer)
{
    struct whole_outside *outside = &whole_served->outside;
    unsigned holder = holder_of_purse(whole_served, purse);
    (void)holders;
    if (whole_served->newcomer.purse.number == purse) {
        return;
    }
    KC_ASSERT(holder < whole_served->base->options.holders);
    outside->is_kept[holder] = true;
    outside->kept[holder] = *signer;
}

void __wrap_kc_holders_forget(struct kc_holders *holders, uint64_t purse)
{
    unsigned holder = holder_of_purse(whole_served, purse);
    (void)holders;
    if (whole_served->newcomer.purse.number == purse) {
        return;
    }
    KC_ASSERT(holder < whole_served->base->options.holders);
    whole_served->outside.is_kept[holder] = false;
}

/* ---- the authority, asked by the bank ---- */

static void give_pair(struct kc_certify_reply *out, const struct whole *whole,
                      const struct whole_pair *pair)
{
    *out =
        (struct kc_certify_reply){.sign_certificate = name_of(names[0], whole, pair, "sign"),
                                  .encrypt_certificate = name_of(names[1], whole, pair, "encrypt"),
                                  .time_ms = whole->now_ms};
}

static struct kc_result check_beside(const struct whole *whole, unsigned holder)
{
    return kc_result(whole_pairs_good(whole, holder) >= BESIDE_MAX ? KC_PENDING : KC_OK);
}

/* Whose certificates were all revoked gets none in this way; one whose certificates only ended does. */
static struct kc_result certify(struct kc_certify_reply *out, struct whole *whole,
                                const struct kc_renew_certify_request *request)
{
    struct kc_public_key sign;
    struct kc_public_key encrypt;
    struct kc_signer_id id;
    bool unrevoked = false;
    unsigned holder = holder_of(whole, request->account.number);
    struct kc_result result =
        kc_key_proof_read(&sign, &encrypt, &whole->bank.crypto, &whole->base->realm,
                          &whole->base->authority_encrypt, request->proof);
    if (kc_failed(result) || holder == whole->base->options.holders) {
        return kc_failed(result) ? result : kc_result(KC_CERT_REVOKED);
    }
    for (size_t i = 0; i < whole->outside.count; i++) {
        const struct whole_pair *pair = &whole->outside.pairs[i];
        unrevoked = unrevoked || (pair->holder == holder && pair->revoked_ms == 0);
    }
    if (!unrevoked || is_out(whole, holder)) {
        return kc_result(KC_CERT_REVOKED);
    }
    struct whole_pair *last = newest(whole, holder);
    kc_signer_id_make(&id, &whole->bank.crypto, request->account.number, &sign);
    bool same = last != NULL && memcmp(last->id.bytes, id.bytes, sizeof id.bytes) == 0;
    if (last != NULL && !same) {
        result = request->expires_ms <= last->expires_ms ? kc_result(KC_MALFORMED)
                                                         : check_beside(whole, holder);
    }
    if (!kc_failed(result)) {
        give_pair(out, whole,
                  same ? last : issue(whole, holder, request->expires_ms, &sign, &encrypt));
    }
    return result;
}

/* All pairs of a holder but one end; private keys that wait are gone. */
static void end_others(struct whole *whole, const struct whole_pair *stays)
{
    for (size_t i = 0; i < whole->outside.count; i++) {
        struct whole_pair *pair = &whole->outside.pairs[i];
        bool ends = pair->holder == stays->holder && pair != stays && pair->revoked_ms == 0;
        pair->revoked_ms = ends ? whole->now_ms : pair->revoked_ms;
    }
    whole->outside.made[stays->holder].there = false;
}

/* Behind the pair that is named another one waits, or it is good no more: those before it end all the same. */
static struct kc_result end_older(struct whole *whole, const struct whole_pair *named)
{
    if (named == NULL) {
        return kc_result(KC_MISMATCH);
    }
    for (size_t i = 0; i < whole->outside.count; i++) {
        struct whole_pair *pair = &whole->outside.pairs[i];
        bool ends = pair->holder == named->holder && pair->revoked_ms == 0 && outlasts(named, pair);
        pair->revoked_ms = ends ? whole->now_ms : pair->revoked_ms;
    }
    return kc_ok();
}

/* A pair that its purse left for another before anybody confirmed it; the last good one is none of that kind. */
static struct kc_result end_left(struct whole *whole, struct whole_pair *named)
{
    if (named == NULL || !is_good(whole, named)) {
        return kc_result(named == NULL ? KC_MISMATCH : KC_OK);
    }
    if (whole_pairs_good(whole, named->holder) < 2) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    struct whole_made *made = &whole->outside.made[named->holder];
    named->revoked_ms = whole->now_ms;
    made->there = made->there && &whole->outside.pairs[made->pair] != named;
    return kc_ok();
}

static struct kc_result retire(struct kc_done *out, struct whole *whole,
                               const struct kc_retire_request *request)
{
    struct whole_pair *named = NULL;
    unsigned holder = holder_of(whole, request->account.number);
    for (size_t i = 0; i < whole->outside.count && named == NULL; i++) {
        uint8_t digest[KC_DIGEST_SIZE];
        struct whole_pair *pair = &whole->outside.pairs[i];
        digest_of(digest, whole, pair, "sign");
        bool same =
            pair->holder == holder && memcmp(digest, request->certificate, KC_DIGEST_SIZE) == 0;
        named = same ? pair : named;
    }
    *out = (struct kc_done){.time_ms = whole->now_ms};
    if (request->left) {
        return end_left(whole, named);
    }
    if (named != NULL && newest(whole, holder) == named) {
        end_others(whole, named);
        return kc_ok();
    }
    return end_older(whole, named);
}

/* Keys that a purse may hold are not made anew, unless it signed a claim with its old ones since. */
static bool still_good(struct whole *whole, const struct whole_made *made, unsigned holder,
                       const struct kc_keys_request *order)
{
    bool taken =
        made->given_ms != 0 && (!order->has_claimed || order->claimed_ms <= made->given_ms);
    return made->there && newest(whole, holder) == &whole->outside.pairs[made->pair] &&
           (!made->gone || taken);
}

static struct kc_result make_keys(struct kc_certify_reply *out, struct whole *whole,
                                  const struct kc_keys_request *order)
{
    struct kc_private_key keys[2];
    struct kc_public_key publics[2];
    struct whole_outside *outside = &whole->outside;
    unsigned holder = holder_of(whole, order->account.number);
    struct whole_pair *last = holder == whole->base->options.holders ? NULL : newest(whole, holder);
    if (last == NULL || is_out(whole, holder)) {
        return kc_result(KC_CERT_REVOKED);
    }
    struct whole_made *made = &outside->made[holder];
    if (!still_good(whole, made, holder, order)) {
        struct kc_result result = order->expires_ms <= last->expires_ms
                                      ? kc_result(KC_MALFORMED)
                                      : check_beside(whole, holder);
        if (kc_failed(result)) {
            return result;
        }
        for (unsigned i = 0; i < 2; i++) {
            ideal_key(&keys[i], &publics[i],
                      outside->ideal.seed + ++outside->ideal.draws * 64 + 63);
        }
        last = issue(whole, holder, order->expires_ms, &publics[0], &publics[1]);
        *made = (struct whole_made){.there = true, .pair = (size_t)(last - outside->pairs)};
        memcpy(made->sign, keys[0].p256.d, HALF);
        memcpy(made->encrypt, keys[1].p256.d, HALF);
    }
    give_pair(out, whole, last);
    return kc_ok();
}

struct kc_result __wrap_kc_bank_ask_authority(void *reply, const struct kc_shape *reply_shape,
                                              struct kc_bank *bank, struct kc_bank_thread *thread,
                                              uint64_t time_ms, const struct kc_shape *shape,
                                              const void *message);

struct kc_result __wrap_kc_bank_ask_authority(void *reply, const struct kc_shape *reply_shape,
                                              struct kc_bank *bank, struct kc_bank_thread *thread,
                                              uint64_t time_ms, const struct kc_shape *shape,
                                              const void *message)
{
    struct whole *whole = whole_served;
    struct kc_result result = kc_result(KC_WRONG_TYPE);
    (void)reply_shape;
    (void)bank;
    (void)thread;
    (void)time_ms;
    if (whole->outside.mood == OUTSIDE_AWAY) {
        return kc_result(KC_UNREACHABLE);
    }
    if (shape == &kc_renew_certify_request_shape) {
        result = certify(reply, whole, message);
    } else if (shape == &kc_retire_request_shape) {
        result = retire(reply, whole, message);
    } else if (shape == &kc_keys_request_shape) {
        result = make_keys(reply, whole, message);
    }
    if (whole->outside.breaks != RAM_GOOD) {
        whole->store.fault = whole->outside.breaks;
        whole->outside.breaks = RAM_GOOD;
    }
    return whole->outside.mood == OUTSIDE_DOES_UNHEARD ? kc_result(KC_TIMEOUT) : result;
}

/* ---- the authority, asked by a purse ---- */

union asked {
    struct kc_key_request request;
    struct kc_key_confirm confirm;
};

static struct kc_result put_key(struct kc_buffer *out, const uint8_t d[HALF])
{
    struct kc_private_key_record record = {.suite = KC_SUITE_ES256};
    record.parts.count = 1;
    record.parts.items[0] = kc_view(d, HALF);
    return kc_shape_encode(out, &kc_private_key_record_shape, &record);
}

static struct kc_result answer(struct kc_buffer *out, const struct whole *whole,
                               const struct whole_pair *asks, const struct kc_shape *shape,
                               const void *message)
{
    struct kc_signer signer = {.key = &whole->base->authority_sign};
    struct kc_public_key to = whole_public(asks->encrypt);
    kc_signer_id_make(&signer.id, &whole->bank.crypto, KC_SERVER_AUTHORITY,
                      &whole->base->authority_sign_public);
    return kc_envelope_make(out, &work, &whole->bank.crypto, &signer, &to, &whole->base->realm,
                            whole->now_ms, shape, message);
}

static struct kc_result give_keys(struct kc_buffer *out, struct whole *whole,
                                  const struct whole_pair *asks, struct whole_made *made,
                                  const struct kc_key_request *request,
                                  const uint8_t digest[KC_DIGEST_SIZE])
{
    uint8_t bytes[3][256];
    struct kc_buffer sign = KC_BUFFER(bytes[0]);
    struct kc_buffer encrypt = KC_BUFFER(bytes[1]);
    struct kc_buffer both = KC_BUFFER(bytes[2]);
    struct kc_key_reply reply = {.purse = request->purse, .time_ms = whole->now_ms};
    if (asks == &whole->outside.pairs[made->pair] || made->gone) {
        return kc_result(made->gone ? KC_KEY_GONE : KC_OUT_OF_ORDER);
    }
    made->given_ms = request->time_ms > made->given_ms ? request->time_ms : made->given_ms;
    struct kc_result result = put_key(&sign, made->sign);
    if (!kc_failed(result)) {
        result = put_key(&encrypt, made->encrypt);
    }
    const struct kc_key_pair pair = {.sign_key = kc_buffer_view(&sign),
                                     .encrypt_key = kc_buffer_view(&encrypt)};
    if (!kc_failed(result)) {
        result = kc_shape_encode(&both, &kc_key_pair_shape, &pair);
    }
    memcpy(reply.request, digest, KC_DIGEST_SIZE);
    reply.keys = kc_buffer_view(&both);
    return kc_failed(result) ? result : answer(out, whole, asks, &kc_key_reply_shape, &reply);
}

static struct kc_result hear_confirm(struct kc_buffer *out, struct whole *whole,
                                     const struct whole_pair *asks, const struct whole_made *made,
                                     const uint8_t digest[KC_DIGEST_SIZE])
{
    struct kc_done done = {.time_ms = whole->now_ms};
    if (made == NULL ? newest(whole, asks->holder) != asks
                     : asks != &whole->outside.pairs[made->pair]) {
        return kc_result(made == NULL ? KC_MISMATCH : KC_OUT_OF_ORDER);
    }
    if (made != NULL) {
        end_others(whole, asks);
    }
    memcpy(done.request, digest, KC_DIGEST_SIZE);
    return answer(out, whole, asks, &kc_done_shape, &done);
}

static struct kc_result hear(struct kc_buffer *out, struct whole *whole,
                             const struct whole_pair *asks, bool confirms, const union asked *asked,
                             const uint8_t digest[KC_DIGEST_SIZE])
{
    uint8_t named[KC_DIGEST_SIZE];
    struct whole_made *made = &whole->outside.made[asks->holder];
    const uint8_t *certificate = confirms ? asked->confirm.certificate : asked->request.certificate;
    uint64_t account = confirms ? asked->confirm.account.number : asked->request.account.number;
    if (account != whole->holders[asks->holder].account.number) {
        return kc_result(KC_NOT_ALLOWED);
    }
    bool there = made->there && is_good(whole, &whole->outside.pairs[made->pair]);
    digest_of(named, whole, there ? &whole->outside.pairs[made->pair] : asks, "sign");
    bool same = memcmp(named, certificate, KC_DIGEST_SIZE) == 0;
    if ((there || confirms) && !same) {
        return kc_result(KC_MISMATCH);
    }
    if (confirms) {
        return hear_confirm(out, whole, asks, there ? made : NULL, digest);
    }
    return there ? give_keys(out, whole, asks, made, &asked->request, digest)
                 : kc_result(KC_KEY_GONE);
}

struct kc_result whole_authority_serve(struct kc_view *reply, struct whole *whole,
                                       struct kc_view request)
{
    struct kc_signed envelope;
    union asked asked;
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = KC_BUFFER(reply_bytes);
    *reply = kc_view(NULL, 0);
    struct kc_result result = kc_signed_parse(&envelope, request);
    if (kc_failed(result)) {
        return result;
    }
    const struct kc_shape *shape = kc_signed_shape(&envelope);
    const struct whole_pair *asks = find(whole, &envelope.signer);
    bool confirms = shape == &kc_key_confirm_shape;
    if ((!confirms && shape != &kc_key_request_shape) || asks == NULL) {
        return kc_result(asks == NULL ? KC_UNKNOWN_SIGNER : KC_WRONG_TYPE);
    }
    if (!is_good(whole, asks) || is_out(whole, asks->holder)) {
        return kc_result(KC_CERT_REVOKED);
    }
    const struct kc_public_key key = whole_public(asks->sign);
    kc_digest(&whole->bank.crypto, digest, request);
    result = kc_envelope_open(&asked, &plain, &envelope, &whole->bank.crypto, &key,
                              &whole->base->authority_encrypt, &whole->base->realm, shape);
    if (kc_failed(result)) {
        return result;
    }
    result = hear(&out, whole, asks, confirms, &asked, digest);
    if (kc_failed(result)) {
        struct kc_refusal refusal = {.reason = result.code, .time_ms = whole->now_ms};
        memcpy(refusal.request, digest, KC_DIGEST_SIZE);
        struct kc_result made = answer(&out, whole, asks, &kc_refusal_shape, &refusal);
        KC_ASSERT(!kc_failed(made));
    }
    *reply = kc_buffer_view(&out);
    return result;
}

void whole_authority_expire(struct whole *whole, unsigned holder)
{
    struct ram_store *store = &whole->store;
    uint64_t ended_ms = whole->now_ms - 1;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSE_KEYS]; i++) {
        struct kc_purse_key_row *row = &store->purse_keys[i];
        struct kc_signer_id id;
        if (row->purse.number != whole->holders[holder].purse.number) {
            continue;
        }
        memcpy(id.bytes, row->signer, sizeof id.bytes);
        struct whole_pair *pair = find(whole, &id);
        KC_ASSERT(pair != NULL);
        row->expires_ms = row->expires_ms < ended_ms ? row->expires_ms : ended_ms;
        /* And those before it, which end no later. */
        for (size_t j = 0; j < whole->outside.count; j++) {
            struct whole_pair *other = &whole->outside.pairs[j];
            bool ends = other->holder == holder && other->issued_ms <= pair->issued_ms &&
                        other->expires_ms > row->expires_ms;
            other->expires_ms = ends ? row->expires_ms : other->expires_ms;
        }
    }
}

void whole_authority_wipe(struct whole *whole)
{
    for (unsigned i = 0; i < WHOLE_HOLDERS_MAX; i++) {
        struct whole_made *made = &whole->outside.made[i];
        if (!made->there || made->gone) {
            continue;
        }
        made->gone = true;
        if (made->given_ms == 0) {
            struct whole_pair *pair = &whole->outside.pairs[made->pair];
            pair->revoked_ms = pair->revoked_ms == 0 ? whole->now_ms : pair->revoked_ms;
            made->there = false;
        }
    }
}
