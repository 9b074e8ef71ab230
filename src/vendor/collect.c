#include "vendor/collect.h"

#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/pem.h"
#include "message/cose.h"
#include "purse/apdu.h"
#include "vendor/giveback.h"

#define PIECE_SIZE 3072u
/* What lines may fill of a reply; the rest is for its other fields. */
#define RECORDS_SIZE_MOST (KC_LINK_PAYLOAD_MAX - 256u)
/* A server whose state is lost repeats once; whoever plays back what it heard is not listened to for longer. */
#define REPLAYS_MOST 3u
/* Time stamps that are later by less than this are kept only in memory: who repeats such a request gets what he saw already. */
#define KEEP_EVERY_MS 1000u

struct kc_result kc_collect_open(struct kc_collect *collect, struct kc_machine *machine)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t pem[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(pem);
    memset(collect, 0, sizeof *collect);
    collect->machine = machine;
    collect->kept_ms = machine->newest_ms;
    struct kc_result result = kc_path_join(path, machine->dir, machine->ini.server_key, NULL);
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    if (!kc_failed(result)) {
        result = kc_pem_read_public(&collect->server, kc_buffer_view(&buffer));
    }
    collect->pinned = !kc_failed(result);
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "the server's key %s: %s", path, kc_error_name(result.code));
    }
    return result;
}

/* ---- the report ---- */

static struct kc_result report_path(char out[KC_PATH_SIZE_MAX], const struct kc_machine *machine)
{
    return kc_path_join(out, machine->dir, "report", NULL);
}

static struct kc_result drop_report(struct kc_collect *collect)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = report_path(path, collect->machine);
    collect->report_size = 0;
    if (!kc_failed(result) && unlink(path) != 0 && kc_file_exists(path)) {
        result = kc_result(KC_IO_FAILED);
    }
    return result;
}

/* A new report is durable in the purse before it is in the file, and in the file before it leaves. */
static struct kc_result make_report(struct kc_collect *collect)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_view envelope;
    struct kc_purse_info info;
    struct kc_machine *machine = collect->machine;
    struct kc_result result = kc_slot_info(&info, &machine->slot);
    if (kc_failed(result) || (info.uncovered == 0 && kc_amount_is_zero(info.open))) {
        return result;
    }
    result = kc_slot_settle_request(&envelope, &machine->slot, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = report_path(path, machine);
    }
    if (!kc_failed(result)) {
        KC_ASSERT(envelope.size <= sizeof collect->report);
        memcpy(collect->report, envelope.data, envelope.size);
        collect->report_size = envelope.size;
        result = kc_file_write(path, kc_view(collect->report, collect->report_size), 0600);
    }
    return result;
}

static struct kc_result find_report(struct kc_collect *collect)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(collect->report);
    struct kc_result result = report_path(path, collect->machine);
    if (kc_failed(result) || collect->report_size > 0) {
        return result;
    }
    result = kc_file_read(&buffer, path);
    collect->report_size = kc_failed(result) ? 0 : buffer.size;
    return collect->report_size > 0 ? kc_ok() : make_report(collect);
}

/* ---- the answer ---- */

/* Two servers may have carried one report, and one answered first: the purse waits for no such answer then, and a new report
 * counts nothing twice. */
static struct kc_result take_answer(struct kc_collect *collect)
{
    struct kc_view message;
    struct kc_result result = kc_slot_take(&message, &collect->machine->slot,
                                           kc_view(collect->answer, collect->answer_size));
    collect->answer_size = 0;
    if (!kc_failed(result)) {
        collect->told_size = message.size <= sizeof collect->told ? message.size : 0;
        memcpy(collect->told, message.data, collect->told_size);
    }
    if (!kc_failed(result) || result.code == KC_MISMATCH || result.code == KC_STALE_STATE) {
        struct kc_result dropped = drop_report(collect);
        result = kc_failed(result) ? result : dropped;
    }
    return result;
}

static struct kc_result add_piece(struct kc_collect *collect,
                                  const struct kc_collect_request *request)
{
    bool first = request->from_number == 0;
    collect->answer_size = first ? 0 : collect->answer_size;
    if (request->total == 0 || request->total > sizeof collect->answer ||
        request->from_number != collect->answer_size || request->piece.size == 0 ||
        request->piece.size > request->total - collect->answer_size) {
        collect->answer_size = 0;
        return kc_result(KC_OUT_OF_ORDER);
    }
    memcpy(collect->answer + collect->answer_size, request->piece.data, request->piece.size);
    collect->answer_size += request->piece.size;
    return collect->answer_size == request->total ? take_answer(collect) : kc_ok();
}

/* ---- lines ---- */

static struct kc_result add_line(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    struct kc_collect_batch *batch = owner;
    (void)line;
    if (batch->count == KC_COLLECT_LINES_MOST || batch->size + bytes.size > RECORDS_SIZE_MOST) {
        return kc_result(KC_NOT_COMPLETED);
    }
    KC_ASSERT(bytes.size <= KC_SALE_SIGNED_MAX);
    memcpy(batch->bytes[batch->count], bytes.data, bytes.size);
    batch->size += bytes.size;
    batch->sizes[batch->count++] = bytes.size;
    return kc_ok();
}

/* A server can have no more than there is, and has what it says is safe. */
static struct kc_result give_lines(struct kc_collect_reply *reply, struct kc_collect *collect,
                                   const struct kc_collect_request *request)
{
    struct kc_machine *machine = collect->machine;
    struct kc_collect_batch *batch = &collect->batch;
    uint64_t from = request->from_number;
    if (from == 0 || from > machine->journal.last + 1) {
        return kc_result(KC_STALE_STATE);
    }
    if (request->safe_number >= from) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    if (request->safe_number > machine->collected) {
        machine->collected = request->safe_number;
        machine->improper = 0;
    }
    struct kc_result result = from > machine->journal.last
                                  ? kc_ok()
                                  : kc_journal_read(&machine->journal, from, add_line, batch);
    for (size_t i = 0; i < batch->count; i++) {
        reply->records.items[i] = kc_view(batch->bytes[i], batch->sizes[i]);
    }
    reply->records.count = batch->count;
    return result;
}

/* ---- requests ---- */

static struct kc_result verify(struct kc_collect_request *out, struct kc_collect *collect,
                               struct kc_view message)
{
    struct kc_signed parsed;
    struct kc_machine *machine = collect->machine;
    struct kc_result result = kc_signed_parse(&parsed, message);
    if (!kc_failed(result)) {
        result = kc_signed_verify(&parsed, &machine->crypto, &collect->server, &machine->realm,
                                  kc_collect_request_shape.domain);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(out, &kc_collect_request_shape, parsed.payload);
    }
    if (!kc_failed(result) && out->purse.number != machine->purse.number) {
        result = kc_result(KC_MISMATCH);
    }
    if (!kc_failed(result) && out->time_ms <= machine->newest_ms) {
        return kc_result(KC_REPLAYED);
    }
    if (kc_failed(result)) {
        kc_machine_improper(machine, result.code, message, NULL);
        return result;
    }
    machine->newest_ms = out->time_ms;
    if (out->time_ms - collect->kept_ms > KEEP_EVERY_MS) {
        result = kc_machine_keep_marks(machine);
        collect->kept_ms = out->time_ms;
    }
    return result;
}

static struct kc_result take_refusal(struct kc_collect_reply *reply, struct kc_machine *machine,
                                     const struct kc_collect_request *request)
{
    bool is_new = false;
    struct kc_result result = kc_giveback_refused(&is_new, machine, request->from_number,
                                                  kc_error_from_number(request->total));
    reply->total = is_new ? 1 : 0;
    return result;
}

static struct kc_result carry_out(struct kc_collect_reply *reply, struct kc_collect *collect,
                                  const struct kc_collect_request *request)
{
    struct kc_machine *machine = collect->machine;
    struct kc_result result;
    switch (request->want) {
    case KC_COLLECT_WANT_STATE:
        return kc_slot_get(&reply->piece, &machine->slot, KC_TAG_IDENTITY);
    case KC_COLLECT_WANT_RECORDS:
        return give_lines(reply, collect, request);
    case KC_COLLECT_WANT_REPORT:
        result = find_report(collect);
        if (!kc_failed(result) && request->from_number < collect->report_size) {
            size_t left = collect->report_size - (size_t)request->from_number;
            reply->piece = kc_view(collect->report + request->from_number,
                                   left < PIECE_SIZE ? left : PIECE_SIZE);
        }
        reply->total = collect->report_size;
        return result;
    case KC_COLLECT_WANT_ANSWER:
        collect->told_size = 0;
        result = add_piece(collect, request);
        reply->piece = kc_view(collect->told, collect->told_size);
        return result;
    case KC_COLLECT_WANT_GIVE_BACK:
        return kc_giveback_next(&reply->piece, machine, request->from_number);
    case KC_COLLECT_WANT_GIVEN_BACK:
        return kc_giveback_take(machine, request->piece);
    case KC_COLLECT_WANT_NOT_GIVEN_BACK:
        return take_refusal(reply, machine, request);
    case KC_COLLECT_WANT_ROLL:
        return kc_slot_take_roll(&machine->slot, request->piece);
    case KC_COLLECT_WANT_SIGNED_ANEW:
        return kc_slot_take_identity(&machine->slot, request->piece);
    case KC_COLLECT_WANT_NOTICE:
        result = request->piece.size == 0 ? kc_ok()
                                          : kc_slot_take_notice(&machine->slot, request->piece);
        reply->total = kc_slot_notice_number(&machine->slot);
        return result;
    }
    return kc_result(KC_INTERNAL);
}

static bool is_fatal(enum kc_error error)
{
    return error == KC_PURSE_CORRUPT || error == KC_IO_FAILED || error == KC_DISK_FULL ||
           error == KC_STORE_CORRUPT;
}

static struct kc_result answer(bool *fatal, struct kc_collect *collect, struct kc_link *link,
                               struct kc_view message)
{
    uint8_t piece[PIECE_SIZE];
    uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_machine *machine = collect->machine;
    struct kc_collect_request request;
    struct kc_collect_reply reply = {.purse = machine->purse};
    struct kc_purse_info info = {.life = KC_LIFE_READY};
    collect->batch.count = 0;
    collect->batch.size = 0;
    struct kc_result result = verify(&request, collect, message);
    bool known = !kc_failed(result) || result.code == KC_REPLAYED;
    if (!kc_failed(result)) {
        result = carry_out(&reply, collect, &request);
        *fatal = is_fatal(result.code);
    }
    reply.reason = (uint64_t)result.code;
    if (reply.piece.size > 0) {
        memcpy(piece, reply.piece.data, reply.piece.size);
        reply.piece.data = piece;
    }
    if (known && !kc_failed(kc_slot_info(&info, &machine->slot))) {
        reply.uncovered = info.uncovered;
        reply.newest_ms = machine->newest_ms;
        reply.last = machine->journal.last;
        reply.first = machine->journal.first;
        reply.owed = machine->owed_count;
        reply.unwritten = machine->unwritten;
    }
    struct kc_result sent = kc_shape_encode(&out, &kc_collect_reply_shape, &reply);
    if (!kc_failed(sent)) {
        sent = kc_link_send(link, kc_buffer_view(&out), (unsigned)machine->ini.talk_ms);
    }
    collect->replays += result.code == KC_REPLAYED ? 1 : 0;
    bool go_on = known && collect->replays < REPLAYS_MOST;
    return *fatal || !go_on ? result : sent;
}

struct kc_result kc_collect_talk(bool *fatal, struct kc_collect *collect, struct kc_link *link)
{
    struct kc_result result = kc_ok();
    uint64_t before = collect->machine->collected;
    *fatal = false;
    collect->answer_size = 0;
    collect->replays = 0;
    while (!kc_failed(result)) {
        uint8_t bytes[KC_LINK_PAYLOAD_MAX];
        struct kc_view view;
        result = kc_link_receive(&view, link, (unsigned)collect->machine->ini.talk_ms);
        if (!kc_failed(result)) {
            memcpy(bytes, view.data, view.size);
            result = answer(fatal, collect, link, kc_view(bytes, view.size));
        }
    }
    if (!*fatal && (collect->machine->collected != before ||
                    collect->machine->newest_ms != collect->kept_ms)) {
        struct kc_result kept = kc_machine_keep_marks(collect->machine);
        *fatal = kc_failed(kept);
    }
    if (!*fatal && kc_failed(kc_machine_reconcile(collect->machine))) {
        *fatal = true;
    }
    return result.code == KC_UNREACHABLE && kc_link_ended(link) ? kc_ok() : result;
}
