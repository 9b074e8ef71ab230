/* A sale journal: lines of hexadecimal digits, each a `sale` record as the machine's purse signed it. Machine and server keep the
 * same lines.
 *
 * 1. Lines are only added. A line is durable before whatever it allows happens.
 * 2. Numbers follow one another without gaps, except where a machine lost its journal and began another; and each line names the
 *    digest of the one before: the signature of the last line stands for all of them.
 * 3. A last line without its end was torn by a power cut and never counted: it is cut off. Whatever else does not fit stops. */
#ifndef KC_VENDOR_JOURNAL_H
#define KC_VENDOR_JOURNAL_H

#include "message/cose.h"
#include "message/generated/messages.h"
#include "service/files.h"

#define KC_SALE_SIGNED_MAX 608u
#define KC_SALE_PLAIN_MAX 256u

/* Whose lines they are. */
struct kc_journal_party {
    const struct kc_crypto *crypto;
    struct kc_realm realm;
    struct kc_purse_id purse;
    struct kc_public_key key;
    bool only_reads; /* somebody else may be writing: nothing is made or cut off */
    /* A server's: the machine may have begun a new journal, whose first line names nothing before it. */
    bool restarts;
};

/* Whether a line is of a sale that was paid by a voucher: of the lines that tell of a sale or its end, only those name the offer
 * without a counter of the purse. */
bool kc_sale_by_voucher(const struct kc_sale *line);

struct kc_journal {
    char path[KC_PATH_SIZE_MAX];
    int fd;
    uint64_t first; /* number of the first line, 0 in an empty journal */
    uint64_t last;
    uint64_t size;   /* in bytes */
    uint64_t synced; /* so many of them were there at the last kc_journal_sync, or at the opening */
    uint8_t head[KC_DIGEST_SIZE];
    uint8_t origin[KC_DIGEST_SIZE]; /* head of the first line: no two journals have the same */
    uint64_t seek_number;           /* where the last reading ended */
    uint64_t seek_at;
};

/* Told of each line, in order. An error ends the reading. */
typedef struct kc_result (*kc_journal_each)(void *owner, const struct kc_sale *line,
                                            struct kc_view bytes);

/* Opens or makes a journal, reads it through once, and cuts off a torn last line. A journal that was made and is gone is
 * KC_FILE_MISSING; lines that do not fit are KC_STORE_CORRUPT; both logged. The memory needed does not grow with it. `each`
 * may be NULL. */
KC_MUST_USE struct kc_result kc_journal_open(struct kc_journal *out, const char *path,
                                             const struct kc_journal_party *party,
                                             kc_journal_each each, void *owner);
void kc_journal_close(struct kc_journal *journal);

/* Whether these bytes are the next line: its number, the digest it names, its purse. The signature is verified by
 * kc_journal_verify. KC_MALFORMED, KC_MISMATCH and the decoder's errors. */
KC_MUST_USE struct kc_result kc_journal_check(struct kc_sale *line,
                                              const struct kc_journal *journal,
                                              const struct kc_journal_party *party,
                                              struct kc_view bytes);
KC_MUST_USE struct kc_result kc_journal_verify(const struct kc_journal_party *party,
                                               struct kc_view bytes);

/* Adds a line that was checked; durable at return when `sync`. After an error the journal is as before. */
KC_MUST_USE struct kc_result kc_journal_add(struct kc_journal *journal, const struct kc_sale *line,
                                            struct kc_view bytes, const struct kc_crypto *crypto,
                                            bool sync);
/* Makes every line durable. KC_IO_FAILED: what was added since the last sync is cut off, since a system that failed once may say
 * afterwards that all is well, and the journal is closed. */
KC_MUST_USE struct kc_result kc_journal_sync(struct kc_journal *journal);

/* Tells of the lines from a number on until `each` says KC_NOT_COMPLETED, which is no error here. Goes on where the last reading
 * ended without searching. */
KC_MUST_USE struct kc_result kc_journal_read(struct kc_journal *journal, uint64_t from,
                                             kc_journal_each each, void *owner);

#endif
