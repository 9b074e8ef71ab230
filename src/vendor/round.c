#include "vendor/round.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/libcrypto.h"
#include "message/identity.h"
#include "service/message_client.h"
#include "vendor/bank_chain.h"
#include "vendor/fields.h"
#include "vendor/giveback.h"
#include "vendor/told.h"

#define PIECE_SIZE 3072u
/* 48 entries wait in a purse at most and at least one goes with each report; two steps each, and room for one that failed. */
#define STEPS_MAX 200u
/* Requests for lines in one round: a machine that makes up lines without end keeps its worker no longer. */
#define ASKS_MAX 10000u
/* So many lines are made durable together; until then the machine is not told that they are safe. */
#define SYNC_LINES 512u
/* How far a machine may be believed that a later time stamp was used before. */
#define AHEAD_MS_MAX UINT64_C(86400000)
/* How often a worker asks the bank for what it tells everybody. */
#define ASK_EVERY_MS 60000u
#define STATE_SIZE_MAX 256u
#define STOPPED 9

/* All about one visit. */
struct contact {
    const struct kc_round *round;
    const struct kc_round_machine *machine;
    const struct kc_crypto *crypto;
    struct kc_http_client *client;
    const struct kc_told *told;
    uint64_t began_ns;
    uint64_t safe; /* the machine's lines up to this one are durable here */
    struct kc_link link;
    struct kc_round_state state;
    struct kc_journal_party party;
    struct kc_bank_chain chain;
    struct kc_journal journal;
    struct kc_collect_reply reply;
    uint8_t reply_bytes[KC_LINK_PAYLOAD_MAX];
    uint8_t report[KC_MESSAGE_SIZE_MAX];
    size_t report_size;
    uint8_t answer[KC_MESSAGE_SIZE_MAX];
    size_t answer_size;
};

struct kc_round_worker {
    const struct kc_round *round;
    struct kc_crypto crypto;
    struct kc_http_client *client;
    uint64_t asked_ns; /* the bank; 0: never */
    struct kc_told told;
    struct contact contact;
};

/* ---- limits ---- */

bool kc_round_is_over(const struct kc_round *round)
{
    struct pollfd one = {.fd = round->signals, .events = POLLIN};
    return round->signals >= 0 && poll(&one, 1, 0) != 0;
}

static bool took_longer(const struct contact *contact, uint64_t ms)
{
    return (kc_clock_monotonic_ns() - contact->began_ns) / 1000000u >= ms;
}

/* Looked at wherever the machine alone says how often it is asked. */
static bool must_end(const struct contact *contact)
{
    return kc_round_is_over(contact->round) || took_longer(contact, contact->round->contact_ms);
}

/* ---- files ---- */

struct kc_result kc_round_path(char out[KC_PATH_SIZE_MAX], const struct kc_round *round,
                               const struct kc_round_machine *machine, const char *name)
{
    return kc_path_join(out, round->dir, machine->name, name);
}

static struct kc_result keep(const struct contact *contact, const char *name, struct kc_view bytes)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_round_path(path, contact->round, contact->machine, name);
    return kc_failed(result) ? result : kc_file_write(path, bytes, 0600);
}

/* Size 0 when there is none. */
static struct kc_result load(size_t *size, uint8_t *out, size_t capacity,
                             const struct contact *contact, const char *name)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_buffer buffer = {.data = out, .capacity = capacity};
    struct kc_result result = kc_round_path(path, contact->round, contact->machine, name);
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    *size = kc_failed(result) ? 0 : buffer.size;
    return result.code == KC_FILE_MISSING ? kc_ok() : result;
}

static void drop(const struct contact *contact, const char *name)
{
    char path[KC_PATH_SIZE_MAX];
    if (!kc_failed(kc_round_path(path, contact->round, contact->machine, name))) {
        (void)unlink(path);
    }
}

static void stop_after(const struct contact *contact, const char *what)
{
    if (contact->round->stop_after != NULL && strcmp(contact->round->stop_after, what) == 0) {
        _exit(STOPPED);
    }
}

/* ---- notes and state ---- */

/* One line for the machine's keeper. What cannot be written is in the log. */
static void note(const struct contact *contact, const char *kind, enum kc_error reason,
                 const struct kc_sale *about)
{
    char path[KC_PATH_SIZE_MAX];
    char time[KC_CLOCK_TEXT_SIZE];
    char text[256];
    kc_clock_format(time, kc_clock_now_ms());
    int size = snprintf(text, sizeof text,
                        "%s %s %s sale %" PRIu64 " counter %" PRIu64 " account %" PRIu64
                        " amount %" PRIu64 "\n",
                        time, kind, kc_error_name(reason), about == NULL ? 0 : about->number,
                        about == NULL ? 0 : about->counter,
                        about == NULL || !about->has_account ? 0 : about->account.number,
                        about == NULL ? 0 : kc_amount_minor(about->amount));
    kc_log(reason == KC_OK ? KC_LOG_INFO : KC_LOG_WARN, "machine=%s %s reason=%s",
           contact->machine->name, kind, kc_error_name(reason));
    if (size <= 0 || kc_failed(kc_round_path(path, contact->round, contact->machine, "notes"))) {
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        bool written = write(fd, text, (size_t)size) == (ssize_t)size && fdatasync(fd) == 0;
        if (!written) {
            kc_log(KC_LOG_ERROR, "machine=%s a note could not be kept", contact->machine->name);
        }
        (void)close(fd);
    }
}

#define UNREAD "unread "
#define UNREAD_SIZE_MAX (sizeof UNREAD + 21)

static int format_state(char *out, size_t size, const struct kc_round_state *state)
{
    char unread[UNREAD_SIZE_MAX] = "";
    if (state->unread != 0) {
        (void)snprintf(unread, sizeof unread, UNREAD "%" PRIu64 " ", state->unread);
    }
    return snprintf(out, size,
                    "newest %" PRIu64 " seen %" PRIu64 " last %" PRIu64 " uncovered %" PRIu64
                    " owed %" PRIu64 " unwritten %" PRIu64 " end %s %s.\n",
                    state->newest_ms, state->seen_ms, state->last, state->uncovered, state->owed,
                    state->unwritten, kc_error_name(state->end), unread);
}

/* As format_state writes it; what is damaged does not come out the same. */
static void parse_state(struct kc_round_state *out, const char *text)
{
    struct kc_fields fields = {.at = text, .good = true};
    char end[48];
    const struct {
        const char *word;
        uint64_t *number;
    } numbers[] = {{"newest ", &out->newest_ms}, {" seen ", &out->seen_ms},
                   {" last ", &out->last},       {" uncovered ", &out->uncovered},
                   {" owed ", &out->owed},       {" unwritten ", &out->unwritten}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        kc_fields_word(&fields, numbers[i].word);
        *numbers[i].number = kc_fields_number(&fields);
    }
    kc_fields_word(&fields, " end ");
    kc_fields_text(&fields, end, sizeof end);
    out->end = kc_error_from_name(end);
    kc_fields_word(&fields, " ");
    if (fields.good && strncmp(fields.at, UNREAD, sizeof UNREAD - 1) == 0) {
        kc_fields_word(&fields, UNREAD);
        out->unread = kc_fields_number(&fields);
    }
}

struct kc_result kc_round_state_read(struct kc_round_state *out, const struct kc_round *round,
                                     const struct kc_round_machine *machine)
{
    char path[KC_PATH_SIZE_MAX];
    char text[STATE_SIZE_MAX + 1];
    char again[STATE_SIZE_MAX + 1];
    struct kc_buffer buffer = {.data = (uint8_t *)text, .capacity = STATE_SIZE_MAX};
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_round_path(path, round, machine, "state");
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    if (result.code == KC_FILE_MISSING) {
        return kc_ok();
    }
    text[kc_failed(result) ? 0 : buffer.size] = '\0';
    parse_state(out, text);
    (void)format_state(again, sizeof again, out);
    if (strcmp(again, text) != 0) {
        kc_log(KC_LOG_ERROR, "%s is damaged: remove it, what it tells is asked for anew", path);
        return kc_result(KC_STORE_CORRUPT);
    }
    return kc_ok();
}

static struct kc_result keep_state(const struct contact *contact)
{
    char text[STATE_SIZE_MAX];
    int size = format_state(text, sizeof text, &contact->state);
    KC_ASSERT(size > 0 && (size_t)size < sizeof text);
    return keep(contact, "state", kc_view(text, (size_t)size));
}

/* ---- requests ---- */

static struct kc_result send_request(struct contact *contact, struct kc_collect_request *request)
{
    uint8_t plain_bytes[KC_LINK_PAYLOAD_MAX];
    uint8_t signed_bytes[KC_LINK_PAYLOAD_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer out = KC_BUFFER(signed_bytes);
    const struct kc_signer signer = {.key = &contact->round->key};
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t next_ms = contact->state.newest_ms + 1;
    contact->state.newest_ms = now_ms > next_ms ? now_ms : next_ms;
    request->purse = contact->machine->purse;
    request->time_ms = contact->state.newest_ms;
    struct kc_result result = kc_shape_encode(&plain, &kc_collect_request_shape, request);
    if (!kc_failed(result)) {
        result = kc_sign(&out, contact->crypto, &signer, &contact->round->realm,
                         kc_collect_request_shape.domain, 0, kc_buffer_view(&plain));
    }
    return kc_failed(result)
               ? result
               : kc_link_send(&contact->link, kc_buffer_view(&out), contact->round->timeout_ms);
}

/* The reply lies in the contact. A reason of the machine is the result. */
static struct kc_result ask_once(struct contact *contact, struct kc_collect_request *request)
{
    struct kc_view view;
    struct kc_result result = send_request(contact, request);
    if (!kc_failed(result)) {
        result = kc_link_receive(&view, &contact->link, contact->round->timeout_ms);
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(contact->reply_bytes, view.data, view.size);
    result = kc_shape_decode(&contact->reply, &kc_collect_reply_shape,
                             kc_view(contact->reply_bytes, view.size));
    if (!kc_failed(result) && contact->reply.purse.number != contact->machine->purse.number) {
        result = kc_result(KC_MISMATCH);
    }
    if (kc_failed(result)) {
        return result;
    }
    contact->state.seen_ms = kc_clock_now_ms();
    if (contact->reply.reason == KC_OK || contact->reply.newest_ms != 0) {
        contact->state.last = contact->reply.last;
        contact->state.uncovered = contact->reply.uncovered;
        contact->state.owed = contact->reply.owed;
        contact->state.unwritten = contact->reply.unwritten;
    }
    return kc_result(kc_error_from_number(contact->reply.reason));
}

/* A server whose state is lost learns from the machine how late its newest time stamp was. */
static struct kc_result ask(struct contact *contact, struct kc_collect_request *request)
{
    struct kc_result result = ask_once(contact, request);
    bool ahead = contact->reply.newest_ms >= contact->state.newest_ms &&
                 contact->reply.newest_ms < kc_clock_now_ms() + AHEAD_MS_MAX;
    if (result.code == KC_REPLAYED && ahead) {
        contact->state.newest_ms = contact->reply.newest_ms;
        result = ask_once(contact, request);
    }
    return result;
}

/* ---- who it is ---- */

/* *at: which of the bank's keys signed the identity. */
static struct kc_result read_party(struct kc_journal_party *out, size_t *at,
                                   const struct kc_round *round, const struct kc_bank_chain *chain,
                                   const struct kc_crypto *crypto,
                                   const struct kc_round_machine *machine, struct kc_view bytes)
{
    struct kc_identity identity;
    struct kc_result result =
        kc_bank_chain_open(&identity, at, chain, crypto, &round->realm, bytes, kc_clock_now_ms());
    bool known = !kc_failed(result) || result.code == KC_BANK_KEY_ENDED;
    if (known && identity.purse.number != machine->purse.number) {
        result = kc_result(KC_MISMATCH);
    }
    *out = (struct kc_journal_party){
        .crypto = crypto, .realm = round->realm, .purse = machine->purse, .restarts = true};
    if (known) {
        out->key = identity.key;
    }
    return result;
}

/* Lines stay good when the key that their purse's identity was signed with has ended since. */
struct kc_result kc_round_party(struct kc_journal_party *out, const struct kc_round *round,
                                const struct kc_round_machine *machine)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_bank_chain chain;
    size_t at = 0;
    struct kc_result result = kc_round_path(path, round, machine, "identity");
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_bank_chain_load(&chain, round->dir, &round->bank, &round->crypto, &round->realm);
    result = read_party(out, &at, round, &chain, &round->crypto, machine, kc_buffer_view(&buffer));
    return result.code == KC_BANK_KEY_ENDED ? kc_ok() : result;
}

static struct kc_result keep_identity(const struct contact *contact)
{
    uint8_t kept[KC_RECORD_SIZE_MAX];
    size_t size = 0;
    struct kc_view new = contact->reply.piece;
    struct kc_result result = load(&size, kept, sizeof kept, contact, "identity");
    bool same = !kc_failed(result) && size == new.size &&memcmp(kept, new.data, size) == 0;
    return same ? kc_ok() : keep(contact, "identity", new);
}

/* ---- the bank's new keys ---- */

static bool learn(struct contact *contact)
{
    const struct kc_round *round = contact->round;
    return kc_bank_chain_learn(&contact->chain, round->dir, round->url, contact->client,
                               contact->crypto, &round->realm);
}

/* The machine has the records that go on from the key of its identity, and its identity under the newest key. What it knows
 * already it refuses; that changes nothing. */
static struct kc_result teach(struct contact *contact, size_t from)
{
    uint8_t bytes[KC_ROLL_SIZE_MAX];
    struct kc_result result = kc_ok();
    for (size_t at = from; at + 1 < contact->chain.count && !kc_failed(result); at++) {
        struct kc_buffer roll = KC_BUFFER(bytes);
        result = kc_bank_chain_roll(&roll, &contact->chain, contact->round->dir, at);
        struct kc_collect_request request = {.want = KC_COLLECT_WANT_ROLL,
                                             .piece = kc_buffer_view(&roll)};
        if (!kc_failed(result)) {
            result = ask(contact, &request);
            result = result.code == KC_STALE_STATE ? kc_ok() : result;
        }
    }
    struct kc_collect_request state = {.want = KC_COLLECT_WANT_STATE};
    if (!kc_failed(result)) {
        result = ask(contact, &state);
    }
    struct kc_buffer anew = KC_BUFFER(bytes);
    if (!kc_failed(result)) {
        result = kc_message_post_to(&anew, contact->client, contact->round->url, "/v1/identity",
                                    contact->reply.piece);
    }
    struct kc_collect_request request = {.want = KC_COLLECT_WANT_SIGNED_ANEW,
                                         .piece = kc_buffer_view(&anew)};
    return kc_failed(result) ? result : ask(contact, &request);
}

static struct kc_result ask_who(struct contact *contact, size_t *at)
{
    struct kc_collect_request request = {.want = KC_COLLECT_WANT_STATE};
    struct kc_result result = ask(contact, &request);
    return kc_failed(result) ? result
                             : read_party(&contact->party, at, contact->round, &contact->chain,
                                          contact->crypto, contact->machine, contact->reply.piece);
}

/* A bank that is away teaches nothing, and the old key may count yet. */
static struct kc_result meet(struct contact *contact)
{
    size_t at = 0;
    const struct kc_round *round = contact->round;
    kc_bank_chain_load(&contact->chain, round->dir, &round->bank, contact->crypto, &round->realm);
    struct kc_result result = ask_who(contact, &at);
    if ((result.code == KC_BAD_SIGNATURE || result.code == KC_WRONG_ALGORITHM) && learn(contact)) {
        result = ask_who(contact, &at);
    }
    bool old =
        at + 1 < contact->chain.count && (!kc_failed(result) || result.code == KC_BANK_KEY_ENDED);
    if (old && !kc_failed(teach(contact, at))) {
        result = ask_who(contact, &at);
    } else if (old && !kc_failed(result)) {
        result = ask_who(contact, &at);
    }
    return kc_failed(result) ? result : keep_identity(contact);
}

/* ---- lines ---- */

static struct kc_result take_lines(struct contact *contact)
{
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < contact->reply.records.count && !kc_failed(result); i++) {
        struct kc_view bytes = contact->reply.records.items[i];
        struct kc_sale line;
        result = kc_journal_check(&line, &contact->journal, &contact->party, bytes);
        if (!kc_failed(result)) {
            result = kc_journal_verify(&contact->party, bytes);
        }
        if (kc_failed(result)) {
            note(contact, "line-refused", result.code, NULL);
            return result;
        }
        if (line.number != contact->journal.last + 1) {
            note(contact, "gap", KC_FILE_MISSING, &line);
        }
        result = kc_journal_add(&contact->journal, &line, bytes, contact->crypto, false);
        if (!kc_failed(result) && line.kind == KC_SALE_KIND_IMPROPER) {
            note(contact, "improper", kc_error_from_number(line.reason), &line);
        }
    }
    return result;
}

static struct kc_result make_safe(struct contact *contact)
{
    if (contact->safe == contact->journal.last) {
        return kc_ok();
    }
    struct kc_result result = kc_journal_sync(&contact->journal);
    contact->safe = kc_failed(result) ? contact->safe : contact->journal.last;
    return result;
}

/* Lines until there are no more, and the machine knows that all are safe. */
static struct kc_result ask_for_lines(struct contact *contact)
{
    struct kc_result result = kc_ok();
    for (unsigned i = 0; i < ASKS_MAX && !kc_failed(result); i++) {
        struct kc_collect_request request = {.want = KC_COLLECT_WANT_RECORDS,
                                             .from_number = contact->journal.last + 1,
                                             .safe_number = contact->safe};
        if (kc_round_is_over(contact->round)) {
            return kc_result(KC_NOT_COMPLETED);
        }
        if (took_longer(contact, contact->round->contact_ms / 2)) {
            break;
        }
        result = ask(contact, &request);
        if (result.code == KC_STALE_STATE) {
            note(contact, "lines-lost", KC_STALE_STATE, NULL);
        }
        if (kc_failed(result)) {
            break;
        }
        bool all = contact->reply.records.count == 0;
        if (all && contact->safe == contact->journal.last) {
            break;
        }
        result = take_lines(contact);
        stop_after(contact, "records");
        if (!kc_failed(result) && (all || contact->journal.last - contact->safe >= SYNC_LINES)) {
            result = make_safe(contact);
        }
    }
    return result;
}

/* The journal may hold lines that a server which was cut never made durable. All that came is durable at return. */
static struct kc_result gather(struct contact *contact)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_round_path(path, contact->round, contact->machine, "journal");
    if (!kc_failed(result)) {
        result = kc_journal_open(&contact->journal, path, &contact->party, NULL, NULL);
    }
    if (!kc_failed(result)) {
        result = make_safe(contact);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = ask_for_lines(contact);
    struct kc_result safe = make_safe(contact);
    return kc_failed(safe) ? safe : result;
}

/* ---- the report and its answer ---- */

/* Size 0 when there is nothing to report. */
static struct kc_result fetch_report(struct contact *contact)
{
    uint64_t total = 1;
    contact->report_size = 0;
    while (contact->report_size < total) {
        struct kc_collect_request request = {.want = KC_COLLECT_WANT_REPORT,
                                             .from_number = contact->report_size};
        struct kc_result result =
            must_end(contact) ? kc_result(KC_NOT_COMPLETED) : ask(contact, &request);
        if (kc_failed(result)) {
            return result;
        }
        struct kc_view piece = contact->reply.piece;
        total = contact->reply.total;
        if (total == 0) {
            contact->report_size = 0;
            return kc_ok();
        }
        if (total > sizeof contact->report || piece.size == 0 ||
            piece.size > total - contact->report_size) {
            return kc_result(KC_MALFORMED);
        }
        memcpy(contact->report + contact->report_size, piece.data, piece.size);
        contact->report_size += piece.size;
    }
    return kc_ok();
}

static struct kc_result upload(struct contact *contact)
{
    struct kc_buffer answer = KC_BUFFER(contact->answer);
    struct kc_result result = kc_message_post(&answer, contact->client, contact->round->url,
                                              kc_view(contact->report, contact->report_size));
    if (kc_failed(result)) {
        if (contact->state.end != result.code) {
            note(contact, "bank", result.code, NULL);
        }
        return result;
    }
    contact->answer_size = answer.size;
    return kc_ok();
}

struct search {
    uint64_t counter;
    struct kc_sale line;
};

static struct kc_result look(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    struct search *search = owner;
    (void)bytes;
    bool entry = line->kind == KC_SALE_KIND_SALE || line->kind == KC_SALE_KIND_LOST ||
                 line->kind == KC_SALE_KIND_PAYING;
    if (entry && line->counter == search->counter) {
        search->line = *line;
    }
    return kc_ok();
}

/* An objection is about an entry of the machine's purse: the line of that counter says which sale it was. */
static void note_objections(struct contact *contact, const struct kc_settle_reply *reply)
{
    for (size_t i = 0; i < reply->objections.count; i++) {
        struct kc_objection objection;
        struct search search;
        memset(&search, 0, sizeof search);
        if (kc_failed(
                kc_shape_decode(&objection, &kc_objection_shape, reply->objections.items[i]))) {
            continue;
        }
        search.counter = objection.counter;
        search.line.counter = objection.counter;
        struct kc_journal again = contact->journal;
        again.seek_number = 0;
        (void)kc_failed(kc_journal_read(&again, 1, look, &search));
        note(contact, "objection", kc_error_from_number(objection.reason), &search.line);
    }
}

/* What the machine's purse read in the answer. The bank's refusal is the result. */
static struct kc_result read_told(struct contact *contact)
{
    struct kc_settle_reply reply;
    struct kc_refusal refusal;
    struct kc_view told = contact->reply.piece;
    if (!kc_failed(kc_shape_decode(&reply, &kc_settle_reply_shape, told))) {
        note_objections(contact, &reply);
        return kc_ok();
    }
    if (kc_failed(kc_shape_decode(&refusal, &kc_refusal_shape, told))) {
        return kc_ok();
    }
    enum kc_error reason = kc_error_from_number(refusal.reason);
    note(contact, "refusal", reason, NULL);
    return kc_result(reason == KC_OK ? KC_MALFORMED : reason);
}

static struct kc_result hand_in_once(struct contact *contact)
{
    struct kc_result result = kc_ok();
    size_t at = 0;
    while (at < contact->answer_size && !kc_failed(result)) {
        size_t left = contact->answer_size - at;
        size_t size = left < PIECE_SIZE ? left : PIECE_SIZE;
        struct kc_collect_request request = {.want = KC_COLLECT_WANT_ANSWER,
                                             .from_number = at,
                                             .total = contact->answer_size,
                                             .piece = kc_view(contact->answer + at, size)};
        result = ask(contact, &request);
        at += size;
    }
    return result;
}

static struct kc_result hand_in(struct contact *contact)
{
    struct kc_result result = hand_in_once(contact);
    bool unknown = result.code == KC_BAD_SIGNATURE || result.code == KC_WRONG_ALGORITHM;
    /* It may be a new key's, of which the machine has not heard. */
    if (unknown && (learn(contact) || contact->chain.count > 1) && !kc_failed(teach(contact, 0))) {
        result = hand_in_once(contact);
    }
    if (result.code == KC_UNREACHABLE || result.code == KC_TIMEOUT) {
        return result;
    }
    stop_after(contact, "taken");
    if (result.code == KC_MISMATCH || result.code == KC_STALE_STATE) {
        /* It was taken before: the next report, if there is one, goes on from there. */
        return kc_ok();
    }
    if (kc_failed(result)) {
        note(contact, "answer-refused", result.code, NULL);
    }
    return kc_failed(result) ? result : read_told(contact);
}

static struct kc_result settle_once(struct contact *contact)
{
    stop_after(contact, "report");
    struct kc_result result = upload(contact);
    if (kc_failed(result)) {
        return result;
    }
    stop_after(contact, "answer");
    return hand_in(contact);
}

static struct kc_result settle(struct contact *contact)
{
    /* What servers before this one kept; the machine has the report. */
    drop(contact, "report");
    drop(contact, "answer");
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        struct kc_result result = fetch_report(contact);
        if (kc_failed(result) || contact->report_size == 0) {
            return result;
        }
        result = settle_once(contact);
        if (kc_failed(result)) {
            return result;
        }
    }
    return kc_result(KC_NOT_COMPLETED);
}

/* ---- what the machine cannot pay ---- */

static struct kc_result ask_for(void *owner, const struct kc_collect_reply **reply,
                                struct kc_collect_request *request)
{
    struct contact *contact = owner;
    *reply = &contact->reply;
    bool next = request->want == KC_COLLECT_WANT_GIVE_BACK;
    return next && must_end(contact) ? kc_result(KC_NOT_COMPLETED) : ask(contact, request);
}

static struct kc_result post_word(void *owner, struct kc_buffer *answer, struct kc_view word)
{
    const struct contact *contact = owner;
    return kc_message_post_to(answer, contact->client, contact->round->url, "/v1/give-back", word);
}

static void note_for(void *owner, const char *kind, enum kc_error reason,
                     const struct kc_sale *about)
{
    note(owner, kind, reason, about);
}

static void stop_for(void *owner, const char *what)
{
    stop_after(owner, what);
}

/* Only what the machine still owes after its report was settled. */
static struct kc_result give_back(struct contact *contact)
{
    const struct kc_giveback_round round = {.owner = contact,
                                            .ask = ask_for,
                                            .post = post_word,
                                            .note = note_for,
                                            .stop_after = stop_for};
    return contact->state.owed == 0 ? kc_ok() : kc_giveback_round(&round);
}

/* ---- the bank's word on the authority's keys ---- */

/* Once in a while, and not for each machine. A bank that is away is asked again then. */
static void hear_bank(struct kc_round_worker *worker)
{
    struct kc_bank_chain chain;
    const struct kc_round *round = worker->round;
    const struct kc_told_place place = {
        .dir = round->dir, .url = round->url, .crypto = &worker->crypto, .realm = &round->realm};
    uint64_t now_ns = kc_clock_monotonic_ns();
    if (worker->asked_ns != 0 && (now_ns - worker->asked_ns) / 1000000u < ASK_EVERY_MS) {
        return;
    }
    kc_bank_chain_load(&chain, round->dir, &round->bank, &worker->crypto, &round->realm);
    kc_told_load(&worker->told, &place, &chain);
    kc_told_ask(&worker->told, &place, &chain, worker->client);
    worker->asked_ns = kc_clock_monotonic_ns();
}

/* A machine that does not take it loses nothing of its round: its purse goes on with what it knows. One whose program is older
 * does not know the question, and writes each down as an improper access: it hears it once for a notice. */
static void pass_notice(struct contact *contact)
{
    const struct kc_told *told = contact->told;
    struct kc_collect_request request = {.want = KC_COLLECT_WANT_NOTICE};
    if (told->number == 0 || told->number == contact->state.unread) {
        return;
    }
    struct kc_result result = ask(contact, &request);
    if (!kc_failed(result) && contact->reply.total < told->number) {
        request.piece = kc_view(told->bytes, told->size);
        result = ask(contact, &request);
    }
    contact->state.unread = result.code == KC_MALFORMED ? told->number : 0;
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "machine=%s the authority's keys not taken reason=%s",
               contact->machine->name, kc_error_name(result.code));
    }
}

/* ---- a round ---- */

static struct kc_result talk(struct contact *contact)
{
    struct kc_link_place place;
    struct kc_result result = kc_link_place_parse(&place, contact->machine->place);
    if (!kc_failed(result)) {
        result = kc_link_connect(&contact->link, &place, contact->round->timeout_ms);
    }
    if (!kc_failed(result)) {
        result = meet(contact);
    }
    if (kc_failed(result)) {
        if (contact->state.end != result.code) {
            note(contact, "machine", result.code, NULL);
        }
        return result;
    }
    result = gather(contact);
    /* Lines that are lost or do not fit are for people; the purse's report goes to the bank all the same. */
    bool lines = result.code == KC_STALE_STATE || result.code == KC_MISMATCH ||
                 result.code == KC_BAD_SIGNATURE || result.code == KC_STORE_CORRUPT ||
                 result.code == KC_FILE_MISSING;
    if (kc_failed(result) && !lines) {
        return result;
    }
    struct kc_result settled = settle(contact);
    if (!kc_failed(settled)) {
        settled = give_back(contact);
    }
    if (!kc_failed(settled)) {
        struct kc_collect_request request = {.want = KC_COLLECT_WANT_STATE};
        settled = ask(contact, &request);
    }
    if (!kc_failed(settled)) {
        pass_notice(contact);
    }
    return kc_failed(result) ? result : settled;
}

static struct kc_result visit(struct contact *contact)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_join(path, contact->round->dir, contact->machine->name, NULL);
    if (!kc_failed(result)) {
        result = kc_folder_make(path);
    }
    if (!kc_failed(result)) {
        result = kc_round_state_read(&contact->state, contact->round, contact->machine);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = talk(contact);
    kc_link_close(&contact->link);
    kc_journal_close(&contact->journal);
    contact->state.end = result.code;
    struct kc_result kept = keep_state(contact);
    return kc_failed(result) ? result : kept;
}

struct kc_result kc_round_machine_once(struct kc_round_worker *worker,
                                       const struct kc_round_machine *machine)
{
    struct contact *contact = &worker->contact;
    hear_bank(worker);
    memset(contact, 0, sizeof *contact);
    contact->told = &worker->told;
    contact->round = worker->round;
    contact->machine = machine;
    contact->crypto = &worker->crypto;
    contact->client = worker->client;
    contact->began_ns = kc_clock_monotonic_ns();
    contact->journal.fd = -1;
    return visit(contact);
}

/* ---- workers ---- */

struct kc_result kc_round_worker_open(struct kc_round_worker **out, const struct kc_round *round)
{
    struct kc_round_worker *worker = calloc(1, sizeof *worker);
    *out = worker;
    if (worker == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    worker->round = round;
    struct kc_result result = kc_libcrypto_open(&worker->crypto, 8);
    if (!kc_failed(result)) {
        result = kc_http_client_open(&worker->client, round->timeout_ms);
    }
    if (kc_failed(result)) {
        kc_round_worker_close(worker);
        *out = NULL;
    }
    return result;
}

void kc_round_worker_close(struct kc_round_worker *worker)
{
    if (worker != NULL) {
        kc_http_client_close(worker->client);
        kc_libcrypto_close(&worker->crypto);
        free(worker);
    }
}
