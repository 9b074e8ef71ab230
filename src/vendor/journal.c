#include "vendor/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

#define LINE_SIZE_MAX (2u * KC_SALE_SIGNED_MAX + 1u)
#define CHUNK_SIZE 16384u

/* Reads a file line by line through a small window. */
struct lines {
    int fd;
    uint64_t at; /* in the file, of the window's start */
    size_t used;
    size_t begin; /* of the next line in the window */
    char window[CHUNK_SIZE];
};

enum found { FOUND_LINE, FOUND_TORN, FOUND_END, FOUND_OVERLONG, FOUND_FAULT };

bool kc_sale_by_voucher(const struct kc_sale *line)
{
    static const uint8_t none[KC_DIGEST_SIZE] = {0};
    bool may = line->kind == KC_SALE_KIND_VOUCHER || line->kind == KC_SALE_KIND_UNSOLD ||
               line->kind == KC_SALE_KIND_STUCK || line->kind == KC_SALE_KIND_RELEASED ||
               line->kind == KC_SALE_KIND_REFUND;
    return may && line->counter == 0 && memcmp(line->about, none, sizeof none) != 0;
}

static enum found next_line(struct kc_view *out, struct lines *lines)
{
    for (;;) {
        char *start = lines->window + lines->begin;
        size_t left = lines->used - lines->begin;
        char *end = memchr(start, '\n', left);
        if (end != NULL) {
            *out = kc_view(start, (size_t)(end - start));
            lines->begin += out->size + 1;
            return FOUND_LINE;
        }
        if (left > LINE_SIZE_MAX) {
            return FOUND_OVERLONG;
        }
        memmove(lines->window, start, left);
        lines->at += lines->begin;
        lines->used = left;
        lines->begin = 0;
        ssize_t more = pread(lines->fd, lines->window + left, sizeof lines->window - left,
                             (off_t)(lines->at + left));
        if (more < 0 && errno != EINTR) {
            return FOUND_FAULT;
        }
        if (more == 0) {
            return left == 0 ? FOUND_END : FOUND_TORN;
        }
        lines->used += more > 0 ? (size_t)more : 0;
    }
}

static bool read_hex(struct kc_buffer *out, struct kc_view line)
{
    char text[2 * KC_SALE_SIGNED_MAX + 1];
    out->size = 0;
    if (line.size % 2 != 0 || line.size >= sizeof text || line.size / 2 > out->capacity) {
        return false;
    }
    memcpy(text, line.data, line.size);
    text[line.size] = '\0';
    if (strspn(text, "0123456789abcdef") != line.size) {
        return false;
    }
    out->size = line.size / 2;
    return !kc_failed(kc_hex_read(out->data, out->size, text));
}

static struct kc_result decode(struct kc_sale *line, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    return kc_failed(result) ? result : kc_shape_decode(line, &kc_sale_shape, parsed.payload);
}

struct kc_result kc_journal_check(struct kc_sale *line, const struct kc_journal *journal,
                                  const struct kc_journal_party *party, struct kc_view bytes)
{
    struct kc_result result = decode(line, bytes);
    if (kc_failed(result)) {
        return result;
    }
    bool begins = line->kind == KC_SALE_KIND_OPENED && line->number > journal->last &&
                  (journal->last == 0 || party->restarts);
    bool follows = begins || (journal->last > 0 && line->number == journal->last + 1 &&
                              memcmp(line->previous, journal->head, KC_DIGEST_SIZE) == 0);
    return kc_result(follows && line->purse.number == party->purse.number ? KC_OK : KC_MISMATCH);
}

struct kc_result kc_journal_verify(const struct kc_journal_party *party, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    return kc_failed(result) ? result
                             : kc_brief_verify(&parsed, party->crypto, &party->key, &party->realm,
                                               kc_sale_shape.domain);
}

static void count_line(struct kc_journal *journal, const struct kc_sale *line, struct kc_view bytes,
                       const struct kc_crypto *crypto)
{
    bool begins = journal->first == 0;
    journal->first = begins ? line->number : journal->first;
    journal->last = line->number;
    journal->size += 2 * bytes.size + 1;
    kc_digest(crypto, journal->head, bytes);
    if (begins) {
        memcpy(journal->origin, journal->head, sizeof journal->origin);
    }
}

/* The signature of the line before a new beginning stands for those before it. */
static bool ends_well(const struct kc_journal *journal, const struct kc_journal_party *party,
                      const struct kc_sale *next, const struct kc_buffer *before)
{
    bool begins = next->kind == KC_SALE_KIND_OPENED && journal->last > 0;
    return !begins || !kc_failed(kc_journal_verify(party, kc_buffer_view(before)));
}

static struct kc_result damaged(const struct kc_journal *journal, const char *what)
{
    kc_log(KC_LOG_ERROR, "the journal %s %s after line %" PRIu64, journal->path, what,
           journal->last);
    return kc_result(KC_STORE_CORRUPT);
}

/* Everything up to the last whole line fits; `bytes` keeps that line. */
static struct kc_result read_through(struct kc_journal *journal, struct kc_buffer *bytes,
                                     const struct kc_journal_party *party, kc_journal_each each,
                                     void *owner)
{
    struct lines lines = {.fd = journal->fd};
    uint8_t memory[KC_SALE_SIGNED_MAX];
    struct kc_buffer before = KC_BUFFER(memory);
    for (;;) {
        struct kc_view text;
        struct kc_sale line;
        struct kc_result result;
        switch (next_line(&text, &lines)) {
        case FOUND_LINE:
            break;
        case FOUND_TORN:
            if (party->only_reads) {
                return kc_ok();
            }
            kc_log(KC_LOG_WARN, "the journal %s: a torn line after number %" PRIu64 " is cut off",
                   journal->path, journal->last);
            if (ftruncate(journal->fd, (off_t)journal->size) != 0 || fsync(journal->fd) != 0) {
                return kc_result(KC_IO_FAILED);
            }
            return kc_ok();
        case FOUND_END:
            return kc_ok();
        case FOUND_OVERLONG:
            return damaged(journal, "has a line that is too long");
        case FOUND_FAULT:
            return kc_result(KC_IO_FAILED);
        }
        memcpy(before.data, bytes->data, bytes->size);
        before.size = bytes->size;
        if (!read_hex(bytes, text)) {
            return damaged(journal, "has a line that cannot be read");
        }
        result = kc_journal_check(&line, journal, party, kc_buffer_view(bytes));
        if (kc_failed(result) || !ends_well(journal, party, &line, &before)) {
            return damaged(journal, "has a line that does not follow");
        }
        count_line(journal, &line, kc_buffer_view(bytes), party->crypto);
        result = each == NULL ? kc_ok() : each(owner, &line, kc_buffer_view(bytes));
        if (kc_failed(result)) {
            return result;
        }
    }
}

struct kc_result kc_journal_open(struct kc_journal *out, const char *path,
                                 const struct kc_journal_party *party, kc_journal_each each,
                                 void *owner)
{
    uint8_t memory[KC_SALE_SIGNED_MAX];
    struct kc_buffer bytes = KC_BUFFER(memory);
    memset(out, 0, sizeof *out);
    out->fd = -1;
    struct kc_result result = kc_path_join(out->path, path, NULL, NULL);
    if (!kc_failed(result)) {
        result = kc_database_expect(path);
    }
    if (kc_failed(result)) {
        return result;
    }
    int how = party->only_reads ? O_RDONLY : O_RDWR | O_CREAT | O_APPEND;
    out->fd = open(path, how | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out->fd < 0) {
        return kc_result(errno == ENOENT ? KC_FILE_MISSING : KC_IO_FAILED);
    }
    result = party->only_reads ? kc_ok() : kc_database_made(path);
    if (!kc_failed(result)) {
        result = read_through(out, &bytes, party, each, owner);
        out->synced = out->size;
    }
    if (!kc_failed(result) && out->last > 0 &&
        kc_failed(kc_journal_verify(party, kc_buffer_view(&bytes)))) {
        result = damaged(out, "has a line that its machine did not sign");
    }
    return result;
}

void kc_journal_close(struct kc_journal *journal)
{
    if (journal->fd > 0) {
        (void)close(journal->fd);
    }
    journal->fd = -1;
}

struct kc_result kc_journal_sync(struct kc_journal *journal)
{
    if (fdatasync(journal->fd) != 0) {
        if (ftruncate(journal->fd, (off_t)journal->synced) != 0) {
            kc_log(KC_LOG_ERROR, "the journal %s may end with lines that are not durable",
                   journal->path);
        }
        kc_journal_close(journal);
        return kc_result(KC_IO_FAILED);
    }
    journal->synced = journal->size;
    return kc_ok();
}

struct kc_result kc_journal_add(struct kc_journal *journal, const struct kc_sale *line,
                                struct kc_view bytes, const struct kc_crypto *crypto, bool sync)
{
    char text[LINE_SIZE_MAX + 1];
    size_t size = 2 * bytes.size + 1;
    KC_ASSERT(bytes.size <= KC_SALE_SIGNED_MAX);
    kc_hex_write(text, bytes);
    text[size - 1] = '\n';
    ssize_t done = write(journal->fd, text, size);
    if (done != (ssize_t)size || (sync && fdatasync(journal->fd) != 0)) {
        bool full = done >= 0 || errno == ENOSPC || errno == EDQUOT;
        if (ftruncate(journal->fd, (off_t)journal->size) != 0) {
            kc_log(KC_LOG_ERROR, "the journal %s ends with a torn line", journal->path);
        }
        return kc_result(full && done != (ssize_t)size ? KC_DISK_FULL : KC_IO_FAILED);
    }
    count_line(journal, line, bytes, crypto);
    journal->synced = sync ? journal->size : journal->synced;
    return kc_ok();
}

struct kc_result kc_journal_read(struct kc_journal *journal, uint64_t from, kc_journal_each each,
                                 void *owner)
{
    uint8_t memory[KC_SALE_SIGNED_MAX];
    struct kc_buffer bytes = KC_BUFFER(memory);
    bool known = journal->seek_number != 0 && from >= journal->seek_number;
    struct lines lines = {.fd = journal->fd, .at = known ? journal->seek_at : 0};
    for (;;) {
        struct kc_view text;
        struct kc_sale line;
        uint64_t at = lines.at + lines.begin;
        enum found found = next_line(&text, &lines);
        if (found == FOUND_END || found == FOUND_TORN) {
            return kc_ok();
        }
        if (found != FOUND_LINE || !read_hex(&bytes, text) ||
            kc_failed(decode(&line, kc_buffer_view(&bytes)))) {
            return kc_result(found == FOUND_FAULT ? KC_IO_FAILED : KC_STORE_CORRUPT);
        }
        if (line.number < from) {
            continue;
        }
        struct kc_result result = each(owner, &line, kc_buffer_view(&bytes));
        if (kc_failed(result)) {
            journal->seek_number = line.number;
            journal->seek_at = at;
            return result.code == KC_NOT_COMPLETED ? kc_ok() : result;
        }
    }
}
