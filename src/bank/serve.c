/* The bank as a server: exchanges become items, items travel, threads have their contexts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bank/bank.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/libcrypto.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
#include "message/print.h"
#include "service/capture.h"
#include "service/files.h"
#include "service/signals.h"
#include "store/sqlite.h"

#define KEY_SLOTS 4096u
#define HTTP_THREADS 2u
#define DIRECTORY_THREADS 4u
#define ORDINARY_THREADS 4u
#define CONNECTIONS_MAX 4096u
#define CONNECTION_TIMEOUT_S 15u
/* One in so many items may wait for a lane whose threads wait for somebody else. */
#define CROWD_PART 4u
/* Sweeps in a row, each of a bounded size, before the writer looks after its queue again. */
#define SWEEPS_MAX 16u
#define SWEEP_INTERVAL_NS UINT64_C(1000000000)

static const struct kc_bank_kind *const kinds[] = {
    &kc_bank_cash_request,   &kc_bank_cash_answer,      &kc_bank_state_request,
    &kc_bank_fund_request,   &kc_bank_open_request,     &kc_bank_confirm_request,
    &kc_bank_cancel_request, &kc_bank_identify_request, &kc_bank_settle_request,
    &kc_bank_lost_request,   &kc_bank_reissue_request,  &kc_bank_transfer_request,
    &kc_bank_charge_order,   &kc_bank_renew_request,    &kc_bank_close_request,
    &kc_bank_claim_request,  &kc_bank_move_request,     &kc_bank_counter_request,
};

/* ---- the way of an item ---- */

static const struct kc_bank_kind *find_kind(const struct kc_signed *envelope)
{
    const struct kc_shape *shape = kc_signed_shape(envelope);
    for (size_t i = 0; shape != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i]->shape == shape) {
            return kinds[i];
        }
    }
    return NULL;
}

static struct kc_result verify(const struct kc_bank *bank, const struct kc_bank_thread *thread,
                               const struct kc_bank_item *item)
{
    return kc_signed_verify(&item->envelope, &thread->crypto, &item->signer.sign_key, &bank->realm,
                            item->kind->shape->domain);
}

/* Anybody can name a signer: nobody is asked about one who did not sign. */
static struct kc_result receive(struct kc_bank *bank, struct kc_bank_thread *thread,
                                struct kc_bank_item *item)
{
    struct kc_result result = kc_signed_parse(&item->envelope, item->bytes);
    if (kc_failed(result)) {
        return result;
    }
    item->kind = find_kind(&item->envelope);
    if (item->kind == NULL) {
        return kc_result(KC_WRONG_TYPE);
    }
    bool registrar = kc_signer_id_holder(&item->envelope.signer) == KC_SERVER_REGISTRAR;
    bool server = kc_signer_id_holder(&item->envelope.signer) < 10;
    if (item->kind->from_purse ? server : !registrar) {
        return kc_result(KC_NOT_ALLOWED);
    }
    kc_digest(&thread->crypto, item->digest, item->bytes);
    result =
        kc_people_find(&item->signer, &bank->people, &item->envelope.signer, kc_clock_now_ms());
    if (!kc_failed(result) && kc_revocation_must_ask(&result, &bank->revocation, &item->signer,
                                                     kc_clock_monotonic_ns())) {
        result = verify(bank, thread, item);
        if (kc_failed(result)) {
            return result;
        }
        result = kc_result(KC_NOT_FOUND);
    }
    if (!kc_failed(result)) {
        item->step = KC_AT_OPEN;
        return result;
    }
    bool here = result.code != KC_NOT_FOUND && result.code != KC_DIRECTORY_DOWN;
    item->step = KC_AT_FETCH;
    item->denied = here ? result.code : KC_OK;
    return here && !item->kind->from_purse ? result : kc_ok();
}

struct kc_result kc_bank_check_revocation(struct kc_bank *bank, struct kc_bank_thread *thread,
                                          const struct kc_person *person)
{
    struct kc_result word;
    return kc_revocation_must_ask(&word, &bank->revocation, person, kc_clock_monotonic_ns())
               ? kc_revocation_ask(&bank->revocation, thread->responder, &thread->crypto,
                                   &bank->people, person, kc_clock_now_ms())
               : word;
}

static struct kc_result fetch(struct kc_bank *bank, struct kc_bank_thread *thread,
                              struct kc_bank_item *item)
{
    uint64_t now_ms = kc_clock_now_ms();
    item->step = KC_AT_OPEN;
    if (item->denied != KC_OK) {
        return kc_bank_find_blocked(item, bank, thread, kc_result(item->denied));
    }
    struct kc_result result =
        kc_people_find(&item->signer, &bank->people, &item->envelope.signer, now_ms);
    if (kc_failed(result)) {
        result = kc_people_fetch(&item->signer, &bank->people, thread->directory, &thread->crypto,
                                 &item->envelope.signer, now_ms);
    }
    if (result.code == KC_DIRECTORY_DOWN || result.code == KC_CERT_INVALID) {
        /* The list in memory may be old because the directory was away, or know nothing of a new issuer. Whoever is not in
         * the directory, or is there with another key, makes us fetch no list: anybody can claim to be somebody. */
        result = kc_people_refresh(&bank->people, thread->directory, now_ms);
        if (!kc_failed(result)) {
            result = kc_people_fetch(&item->signer, &bank->people, thread->directory,
                                     &thread->crypto, &item->envelope.signer, now_ms);
        }
    }
    if (!kc_failed(result)) {
        result = verify(bank, thread, item);
    }
    if (!kc_failed(result)) {
        result = kc_bank_check_revocation(bank, thread, &item->signer);
    }
    return kc_failed(result) && item->kind->from_purse
               ? kc_bank_find_blocked(item, bank, thread, result)
               : result;
}

/* The time in the message, which the table puts last in every message. */
static uint64_t time_inside(const struct kc_bank_item *item)
{
    const struct kc_field *last = &item->kind->shape->fields[item->kind->shape->field_count - 1];
    uint64_t time_ms;
    memcpy(&time_ms, (const uint8_t *)&item->message + last->offset, sizeof time_ms);
    return time_ms;
}

static struct kc_result open_item(struct kc_bank *bank, struct kc_bank_thread *thread,
                                  struct kc_bank_item *item)
{
    struct kc_buffer plain = {.data = item->plain, .capacity = sizeof item->plain};
    KC_ASSERT(item->kind->shape->struct_size <= sizeof item->message);
    struct kc_result result = verify(bank, thread, item);
    if (kc_failed(result)) {
        return result;
    }
    struct kc_buffer key = KC_BUFFER(item->signer_key);
    item->authenticated = true;
    item->step = KC_AT_OWN;
    result = kc_key_encode(&key, &item->signer.sign_key);
    item->signer_key_size = key.size;
    if (kc_failed(result)) {
        return result;
    }
    /* What could not be answered is not booked either. */
    result = kc_key_ready(&bank->sign_key);
    if (kc_failed(result)) {
        return result;
    }
    result =
        kc_bank_keys_unseal(&plain, &bank->keys, &thread->crypto, &bank->realm,
                            item->kind->shape->domain, item->envelope.payload, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = kc_shape_decode(&item->message, item->kind->shape, kc_buffer_view(&plain));
    }
    if (!kc_failed(result) &&
        (!item->envelope.has_time || time_inside(item) != item->envelope.time_ms)) {
        result = kc_result(KC_MISMATCH);
    }
    return result;
}

static bool has_step(const struct kc_bank_item *item)
{
    size_t at = item->step - KC_AT_OWN;
    return at < KC_BANK_STEPS_MAX && item->kind->steps[at].run != NULL;
}

static const struct kc_bank_step *own_step(const struct kc_bank_item *item)
{
    KC_ASSERT(has_step(item));
    return &item->kind->steps[item->step - KC_AT_OWN];
}

static enum kc_lane lane_of(const struct kc_bank_item *item)
{
    if (item->error != KC_OK || item->step == KC_AT_RECEIVE || item->step == KC_AT_OPEN) {
        return KC_LANE_WORK;
    }
    return item->step == KC_AT_FETCH ? KC_LANE_DIRECTORY : own_step(item)->lane;
}

/* Whether so many wait for the lane already that those who need no such lane would find no item left. */
static bool is_crowded(struct kc_bank *bank, enum kc_lane lane)
{
    bool waits = lane == KC_LANE_DIRECTORY || lane == KC_LANE_ORDINARY;
    return waits && kc_pipeline_waiting(&bank->pipeline, lane) >= bank->config.items / CROWD_PART;
}

static void choose_lane(struct kc_bank *bank, struct kc_bank_item *item)
{
    item->head.lane = lane_of(item);
    if (!is_crowded(bank, item->head.lane)) {
        return;
    }
    if (item->step >= KC_AT_OWN && own_step(item)->crowded != NULL) {
        own_step(item)->crowded(item);
        item->step += 1;
    } else {
        item->error = KC_BUSY;
    }
    item->head.lane = lane_of(item);
}

/* ---- the end of an item ---- */

static void log_refusal(const struct kc_bank_item *item)
{
    if (item->error == KC_NOT_FOUND && item->kind != NULL && item->kind->may_be_none) {
        return;
    }
    kc_log(KC_LOG_WARN, "refused reason=%s message=%s signer=%llu", kc_error_name(item->error),
           item->kind == NULL || item->kind->shape == NULL ? "?"
                                                           : kc_shape_name_of(item->kind->shape),
           (unsigned long long)(item->authenticated ? item->signer.number : 0));
}

/* A signed refusal ends the request for the purse, so it must be the ledger's word on it. When there was no room or the
 * store failed nothing is known, or even booked; the purse learns only that it has to ask again. */
static bool is_final(enum kc_error error)
{
    return error != KC_BUSY && kc_error_exit_status(error) != 4;
}

/* A refusal to a known signer is signed; to anybody else it is plain. */
static void refuse(struct kc_bank *bank, struct kc_bank_thread *thread, struct kc_bank_item *item)
{
    struct kc_refusal refusal = {.reason = item->error, .time_ms = kc_clock_now_ms()};
    item->reply_size = 0;
    log_refusal(item);
    if (!item->authenticated || !is_final(item->error)) {
        return;
    }
    memcpy(refusal.request, item->digest, KC_DIGEST_SIZE);
    refusal.has_due = item->due_ms != 0;
    refusal.due_ms = item->due_ms;
    if (kc_failed(
            kc_bank_reply(bank, thread, item, refusal.time_ms, &kc_refusal_shape, &refusal))) {
        item->reply_size = 0;
    }
    item->status = kc_error_http_status(item->error);
}

static void finish(struct kc_bank *bank, struct kc_bank_item *item)
{
    if (item->exchange != NULL) {
        /* What is captured is sealed; a question with an identity is not. */
        bool open = item->kind != NULL && item->kind->shape == NULL;
        if (item->bytes.size > 0 && !open) {
            kc_capture(bank->config.capture, item->bytes, kc_view(item->reply, item->reply_size));
        }
        if (item->reply_size > 0) {
            kc_http_answer(item->exchange, item->status, item->content_type,
                           kc_view(item->reply, item->reply_size));
        } else {
            kc_http_answer_error(item->exchange, item->error == KC_OK ? KC_INTERNAL : item->error);
        }
    }
    kc_wipe(item->plain, sizeof item->plain);
    kc_wipe(item->password_hash, sizeof item->password_hash);
    if (item->exchange == NULL) {
        kc_bank_round_ended(item->round);
    }
}

/* After a step: where to next. */
static bool advance(struct kc_bank *bank, struct kc_bank_item *item, struct kc_result result,
                    bool own)
{
    if (kc_failed(result)) {
        item->error = result.code;
    } else if (own) {
        item->step += 1;
    }
    if (item->error == KC_OK && item->step >= KC_AT_OWN && !has_step(item)) {
        finish(bank, item);
        return false;
    }
    if (item->error != KC_OK && item->exchange == NULL) {
        finish(bank, item);
        return false;
    }
    choose_lane(bank, item);
    return true;
}

static bool step(void *owner, void *thread, struct kc_pipeline_item *head)
{
    struct kc_bank *bank = owner;
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)head;
    if (item->error != KC_OK) {
        refuse(bank, thread, item);
        finish(bank, item);
        return false;
    }
    switch (item->step) {
    case KC_AT_RECEIVE:
        return advance(bank, item, receive(bank, thread, item), false);
    case KC_AT_FETCH:
        return advance(bank, item, fetch(bank, thread, item), false);
    case KC_AT_OPEN:
        return advance(bank, item, open_item(bank, thread, item), false);
    default:
        return advance(bank, item, own_step(item)->run(bank, thread, item), true);
    }
}

/* ---- the writer ---- */

static struct kc_result batch_begin(void *owner, void *thread)
{
    struct kc_bank *bank = owner;
    (void)thread;
    return kc_ledger_begin(&bank->ledger, kc_clock_now_ms());
}

static void batch_item(void *owner, void *thread, struct kc_pipeline_item *head)
{
    struct kc_bank *bank = owner;
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)head;
    item->error = own_step(item)->run(bank, thread, item).code;
}

static struct kc_result batch_commit(void *owner, void *thread)
{
    struct kc_bank *bank = owner;
    (void)thread;
    struct kc_result result = kc_ledger_commit(&bank->ledger);
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "commit failed reason=%s", kc_error_name(result.code));
    }
    atomic_store(&bank->hotlist.newest, bank->ledger.hotlist_version);
    return result;
}

static bool batch_done(void *owner, void *thread, struct kc_pipeline_item *head,
                       struct kc_result committed)
{
    struct kc_bank *bank = owner;
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)head;
    (void)thread;
    enum kc_error error = kc_failed(committed) ? committed.code : item->error;
    item->error = KC_OK;
    return advance(bank, item, kc_result(error), true);
}

/* One sweep; how many accounts, quotes, noted payments and gaps ended with it. */
static size_t sweep(struct kc_bank *bank, uint64_t now_ms)
{
    size_t lapsed = 0;
    size_t late = 0;
    size_t waiting = 0;
    struct kc_result result = kc_ledger_begin(&bank->ledger, now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_sweep(&bank->ledger, &lapsed);
        if (!kc_failed(result)) {
            result = kc_ledger_end_late(&bank->ledger, &late);
        }
        if (!kc_failed(result)) {
            result = kc_ledger_end_waiting(&bank->ledger, &waiting);
        }
        struct kc_result committed = kc_ledger_commit(&bank->ledger);
        result = kc_failed(committed) ? committed : result;
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "sweep failed reason=%s", kc_error_name(result.code));
        return 0;
    }
    if (lapsed + late > 0) {
        kc_log(KC_LOG_INFO, "lapsed temporary_accounts=%zu quotes=%zu", lapsed, late);
    }
    if (waiting > 0) {
        kc_log(KC_LOG_INFO, "settlement time ran out payments_and_gaps=%zu", waiting);
    }
    return lapsed + late + waiting;
}

static void idle(void *owner, void *thread)
{
    struct kc_bank *bank = owner;
    uint64_t now_ms = kc_clock_now_ms();
    (void)thread;
    /* Retirements follow each other faster while there are more. */
    if (!bank->stopping) {
        kc_bank_retire_due(bank, now_ms);
    }
    if (kc_clock_monotonic_ns() < bank->sweep_ns) {
        return;
    }
    bank->sweep_ns = kc_clock_monotonic_ns() + SWEEP_INTERVAL_NS;
    for (unsigned i = 0; i < SWEEPS_MAX && sweep(bank, now_ms) > 0; i++) {
    }
    if (!bank->stopping) {
        kc_bank_charge(bank, now_ms);
        kc_bank_closings(bank, now_ms);
        kc_bank_end_owed(bank, now_ms);
        kc_bank_ask_again(bank, now_ms);
        kc_bank_key_offer_due(bank, now_ms);
    }
}

/* ---- threads ---- */

/* What a thread of the lane waits for. */
static struct kc_result open_outside(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     enum kc_lane lane)
{
    unsigned timeout_ms = (unsigned)bank->config.outside_ms;
    switch (lane) {
    case KC_LANE_DIRECTORY: {
        struct kc_result result = kc_sqlite_open(&thread->store, bank->database, false, 0);
        if (!kc_failed(result) && bank->revocation.mode != KC_REVOCATION_CRL) {
            result = kc_http_client_open(&thread->responder, timeout_ms);
        }
        if (!kc_failed(result)) {
            result = kc_bank_authority_open(&thread->authority, timeout_ms);
        }
        return kc_failed(result) ? result
                                 : kc_directory_open(&thread->directory, bank->config.directory_url,
                                                     NULL, timeout_ms);
    }
    case KC_LANE_ORDINARY:
        return kc_ordinary_http_open(&thread->ordinary, bank->config.ordinary_url,
                                     bank->ordinary_token, bank->config.currency, timeout_ms);
    case KC_LANE_WORK:
        return kc_sqlite_open(&thread->store, bank->database, false, 0);
    case KC_LANE_WRITE:
        break;
    }
    return kc_ok();
}

static void thread_close(void *owner, enum kc_lane lane, void *context)
{
    struct kc_bank_thread *thread = context;
    (void)owner;
    (void)lane;
    kc_directory_close(thread->directory);
    kc_http_client_close(thread->responder);
    kc_bank_authority_close(thread->authority);
    kc_sqlite_close(&thread->store);
    kc_ordinary_http_close(&thread->ordinary);
    kc_libcrypto_close(&thread->crypto);
    kc_wipe(thread, sizeof *thread);
    free(thread);
}

static void *thread_open(void *owner, enum kc_lane lane)
{
    struct kc_bank_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    struct kc_result result = kc_libcrypto_open(&thread->crypto, KEY_SLOTS);
    if (!kc_failed(result)) {
        result = open_outside(owner, thread, lane);
    }
    if (kc_failed(result)) {
        thread_close(owner, lane, thread);
        return NULL;
    }
    return thread;
}

/* ---- HTTP ---- */

/* An item for an exchange, or NULL when there is none: then the exchange has its answer. */
static struct kc_bank_item *take_item(struct kc_bank *bank, struct kc_http_exchange *exchange)
{
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)kc_pipeline_take(&bank->pipeline);
    if (item == NULL) {
        kc_http_answer_error(exchange, KC_BUSY);
        return NULL;
    }
    item->exchange = exchange;
    item->kind = NULL;
    item->step = KC_AT_RECEIVE;
    item->error = KC_OK;
    item->authenticated = false;
    item->at_counter = false;
    item->bytes = kc_view(NULL, 0);
    item->due_ms = 0;
    item->content_type = KC_CONTENT_COSE;
    item->reply_size = 0;
    item->head.lane = KC_LANE_WORK;
    return item;
}

/* ---- what is asked by path ---- */

static struct kc_result take_body(struct kc_bank_item *item, const struct kc_bank *bank,
                                  const struct kc_http_request *request)
{
    (void)bank;
    item->bytes = request->body;
    return kc_ok();
}

struct route {
    const char *path;
    const char *method;
    const char *content_type; /* NULL: no body */
    /* Answers without an item when it can, and says so; NULL. */
    bool (*at_once)(struct kc_bank *bank, struct kc_http_exchange *exchange,
                    const struct kc_http_request *request);
    /* Reads what is asked into the item; NULL: nothing. */
    struct kc_result (*read)(struct kc_bank_item *item, const struct kc_bank *bank,
                             const struct kc_http_request *request);
    const struct kc_bank_kind *kind; /* NULL: the message says */
};

static const struct route routes[] = {
    {"/v1/message", "POST", KC_CONTENT_COSE, NULL, take_body, NULL},
    {"/v1/give-back", "POST", KC_CONTENT_COSE, NULL, take_body, &kc_bank_give_back},
    {"/v1/hotlist", "GET", NULL, kc_bank_answer_hotlist, kc_bank_read_hotlist,
     &kc_bank_make_hotlist},
    {"/v1/card", "GET", NULL, NULL, kc_bank_read_card, &kc_bank_make_card},
    {"/v1/roll", "GET", NULL, NULL, kc_bank_read_roll, &kc_bank_give_roll},
    {"/v1/notice", "GET", NULL, NULL, kc_bank_read_notice, &kc_bank_give_notice},
    {"/v1/identity", "POST", KC_CONTENT_COSE, NULL, take_body, &kc_bank_sign_identity},
    {"/v1/renewal", "POST", KC_CONTENT_COSE, NULL, take_body, &kc_bank_tell_renewal},
    {"/v1/voucher", "GET", NULL, NULL, kc_bank_read_reference, &kc_bank_make_voucher},
    {"/v1/admin/log-policy", "POST", KC_CONTENT_JSON, NULL, kc_bank_read_policy,
     &kc_bank_set_policy},
    {"/v1/admin/keys", "POST", KC_CONTENT_JSON, NULL, kc_bank_read_key_offer, &kc_bank_offer_keys},
    {"/v1/admin/charge", "POST", KC_CONTENT_JSON, NULL, kc_bank_read_charge, &kc_bank_set_charge},
    {"/v1/admin/close", "POST", KC_CONTENT_JSON, NULL, kc_bank_read_close, &kc_bank_close_order},
};

static const struct route *find_route(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, path) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

static void handle(void *owner, struct kc_http_exchange *exchange,
                   const struct kc_http_request *request)
{
    struct kc_bank *bank = owner;
    const struct route *route = find_route(request->path);
    struct kc_result result = route == NULL
                                  ? kc_result(KC_NOT_FOUND)
                                  : kc_http_expect(request, route->method, route->content_type);
    if (kc_failed(result)) {
        kc_http_answer_error(exchange, result.code);
        return;
    }
    if (route->at_once != NULL && route->at_once(bank, exchange, request)) {
        return;
    }
    struct kc_bank_item *item = take_item(bank, exchange);
    if (item == NULL) {
        return;
    }
    result = route->read == NULL ? kc_ok() : route->read(item, bank, request);
    item->error = result.code;
    if (route->kind != NULL) {
        item->kind = route->kind;
        item->step = KC_AT_OWN;
        item->head.lane = lane_of(item);
    }
    kc_pipeline_send(&bank->pipeline, &item->head);
}

/* What the directory shows of the authority now is told to purses, when it is newer. Its own errors are said once. */
static void look_for_notice(struct kc_bank *bank, struct kc_directory *directory,
                            const struct kc_crypto *crypto, enum kc_error *last)
{
    const struct kc_notice_maker by = {
        .crypto = crypto, .realm = &bank->realm, .keys = &bank->keys};
    bool made = false;
    struct kc_result result =
        kc_bank_notice_look(&made, &bank->notice, &by, &bank->people, directory, kc_clock_now_ms());
    if (made) {
        kc_log(KC_LOG_INFO, "authority's keys told number=%llu",
               (unsigned long long)bank->notice.number);
    } else if (result.code != *last) {
        kc_log(kc_failed(result) ? KC_LOG_WARN : KC_LOG_INFO, "authority's keys %s",
               kc_failed(result) ? kc_error_name(result.code) : "as they were told");
    }
    *last = result.code;
}

/* Roots have one name: which one this server goes by is told by its digest and time. */
static void tell_roots(struct kc_bank *bank, enum kc_error word)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer root = KC_BUFFER(bytes);
    struct kc_root_words words = {.from = ""};
    struct kc_result result = kc_people_pinned(&root, &bank->people);
    if (!kc_failed(result)) {
        result = kc_root_words(&words, kc_buffer_view(&root));
    }
    kc_log(word == KC_OK && !kc_failed(result) ? KC_LOG_INFO : KC_LOG_WARN,
           "the directory's roots: %s pinned=%s from=%s until=%s", kc_error_name(word),
           words.fingerprint, words.from, words.until);
}

/* The revocation list is fetched on schedule; a directory that is away is asked again next time. */
static void *refresh_main(void *owner)
{
    struct kc_bank *bank = owner;
    struct kc_directory *directory = NULL;
    bool reported = false;
    enum kc_error root_word = KC_OK;
    enum kc_error told = KC_PENDING; /* it has not looked yet */
    struct kc_crypto crypto;
    if (kc_failed(kc_libcrypto_open(&crypto, KEY_SLOTS))) {
        return NULL;
    }
    if (kc_failed(kc_directory_open(&directory, bank->config.directory_url, NULL,
                                    (unsigned)bank->config.outside_ms))) {
        kc_libcrypto_close(&crypto);
        return NULL;
    }
    while (!bank->stopping) {
        struct kc_result result = kc_people_refresh(&bank->people, directory, kc_clock_now_ms());
        if (kc_failed(result) != reported) {
            reported = kc_failed(result);
            kc_log(reported ? KC_LOG_WARN : KC_LOG_INFO, "revocation list %s",
                   kc_error_name(result.code));
        }
        if (kc_people_root_word(&bank->people) != root_word) {
            root_word = kc_people_root_word(&bank->people);
            tell_roots(bank, root_word);
        }
        if (!kc_failed(result)) {
            look_for_notice(bank, directory, &crypto, &told);
        }
        for (uint64_t waited = 0; waited < bank->config.crl_ms && !bank->stopping; waited += 100) {
            (void)usleep(100000);
        }
    }
    kc_directory_close(directory);
    kc_libcrypto_close(&crypto);
    return NULL;
}

/* ---- start and stop ---- */

static struct kc_result start_pipeline(struct kc_bank *bank, struct kc_bank_item *items)
{
    const struct kc_pipeline_calls calls = {.owner = bank,
                                            .thread_open = thread_open,
                                            .thread_close = thread_close,
                                            .step = step,
                                            .batch_begin = batch_begin,
                                            .batch_item = batch_item,
                                            .batch_commit = batch_commit,
                                            .batch_done = batch_done,
                                            .idle = idle};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned workers = (unsigned)bank->config.work_threads;
    if (workers == 0) {
        workers = cores > 0 && cores <= 32 ? (unsigned)cores : 2u;
    }
    const unsigned threads[KC_LANE_COUNT] = {[KC_LANE_WORK] = workers,
                                             [KC_LANE_WRITE] = 1,
                                             [KC_LANE_DIRECTORY] = DIRECTORY_THREADS,
                                             [KC_LANE_ORDINARY] = ORDINARY_THREADS};
    return kc_pipeline_start(&bank->pipeline, &calls, items, bank->config.items, sizeof *items,
                             threads);
}

static struct kc_result start_server(struct kc_bank *bank)
{
    const struct kc_http_options options = {.address = bank->config.address,
                                            .port = (unsigned)bank->config.port,
                                            .threads = HTTP_THREADS,
                                            .body_size_max = KC_MESSAGE_SIZE_MAX,
                                            .connections_max = CONNECTIONS_MAX,
                                            .timeout_s = CONNECTION_TIMEOUT_S,
                                            .owner = bank,
                                            .handle = handle};
    return kc_http_server_start(&bank->server, &options);
}

static int report(struct kc_result result, const char *what)
{
    kc_log(KC_LOG_ERROR, "%s failed reason=%s", what, kc_error_name(result.code));
    (void)fprintf(stderr, "kinchaku-bank: %s: %s (%s)\n", what, kc_error_words(result.code),
                  kc_error_name(result.code));
    return kc_error_exit_status(result.code);
}

static int run(struct kc_bank *bank, struct kc_bank_item *items)
{
    pthread_t refresher;
    struct kc_result result = start_pipeline(bank, items);
    if (kc_failed(result)) {
        return report(result, "starting the pipeline");
    }
    bool refreshing = pthread_create(&refresher, NULL, refresh_main, bank) == 0;
    result = refreshing ? start_server(bank) : kc_result(KC_INTERNAL);
    if (!kc_failed(result)) {
        kc_log(KC_LOG_INFO, "serving port=%u bank=%llu", kc_http_server_port(bank->server),
               (unsigned long long)bank->realm.bank);
        kc_signals_wait();
        bank->stopping = true;
        kc_http_server_stop(bank->server);
        kc_log(KC_LOG_INFO, "stopped");
    }
    bank->stopping = true;
    if (refreshing) {
        (void)pthread_join(refresher, NULL);
    }
    kc_pipeline_stop(&bank->pipeline);
    return kc_failed(result) ? report(result, "starting the server") : 0;
}

int kc_bank_serve(const char *dir)
{
    static struct kc_bank bank;
    int lock = -1;
    int status;
    kc_log_open("bank", KC_LOG_INFO);
    kc_signals_block();
    struct kc_result result = kc_bank_load(&bank, &lock, dir);
    if (kc_failed(result)) {
        return report(result, "starting");
    }
    struct kc_bank_item *items = calloc(bank.config.items, sizeof *items);
    status = items == NULL ? report(kc_result(KC_NO_MEMORY), "starting") : run(&bank, items);
    free(items);
    kc_bank_unload(&bank);
    kc_file_unlock(lock);
    return status;
}
