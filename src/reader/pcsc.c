#define _POSIX_C_SOURCE 200809L

#include "reader/pcsc.h"

#include <reader.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <winscard.h>

#include "base/assert.h"
#include "purse/purse.h"

#define READERS_MAX 16u
#define NAMES_SIZE_MAX 4096u
#define SHORT_MAX 255u
#define HEAD_SIZE 4u
#define EXTENDED_HEAD_SIZE 7u
/* A response comes in at most so many parts; a card that goes on for longer is broken. */
#define PARTS_MAX 64u
/* How long a card that another program holds is waited for. */
#define BUSY_MS 1000u
#define BUSY_STEP_MS 50u
#define SW_OK 0x9000u
#define SW1_MORE 0x61u
#define SW1_LENGTH 0x6cu

struct kc_pcsc {
    SCARDCONTEXT context;
    SCARDHANDLE handle;
    bool has_context;
    bool has_handle;
    DWORD protocol;
    bool extended;
    struct kc_result broken; /* why nothing more is sent */
    uint8_t piece[HEAD_SIZE + 1 + SHORT_MAX + 1];
    uint8_t part[SHORT_MAX + 1 + 2];
};

/* The readers that there are. */
struct readers {
    char names[NAMES_SIZE_MAX];
    const char *name[READERS_MAX];
    bool has_card[READERS_MAX];
    size_t count;
};

/* ---- what PC/SC says ---- */

static bool is_status(LONG status, DWORD code)
{
    return (DWORD)status == (code & 0xffffffffu) || (uint32_t)status == (uint32_t)code;
}

static struct kc_result from_status(LONG status, enum kc_error otherwise)
{
    static const struct {
        DWORD status;
        enum kc_error error;
    } rows[] = {
        {(DWORD)SCARD_W_REMOVED_CARD, KC_CARD_REMOVED},
        {(DWORD)SCARD_W_RESET_CARD, KC_CARD_REMOVED},
        {(DWORD)SCARD_W_UNPOWERED_CARD, KC_NO_CARD},
        {(DWORD)SCARD_W_UNRESPONSIVE_CARD, KC_NO_CARD},
        {(DWORD)SCARD_E_NO_SMARTCARD, KC_NO_CARD},
        {(DWORD)SCARD_E_SHARING_VIOLATION, KC_IN_USE},
        {(DWORD)SCARD_E_NO_SERVICE, KC_UNREACHABLE},
        {(DWORD)SCARD_E_SERVICE_STOPPED, KC_UNREACHABLE},
        {(DWORD)SCARD_E_READER_UNAVAILABLE, KC_UNREACHABLE},
        {(DWORD)SCARD_E_UNKNOWN_READER, KC_UNREACHABLE},
        {(DWORD)SCARD_E_NO_READERS_AVAILABLE, KC_UNREACHABLE},
        {(DWORD)SCARD_E_NO_MEMORY, KC_NO_MEMORY},
        {(DWORD)SCARD_W_SECURITY_VIOLATION, KC_NOT_ALLOWED},
    };
    if (status == SCARD_S_SUCCESS) {
        return kc_ok();
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is_status(status, rows[i].status)) {
            return kc_result(rows[i].error);
        }
    }
    return kc_result(otherwise);
}

/* ---- finding the reader ---- */

/* Splits what PC/SC listed: names that each end with NUL, and an empty one at the end. */
static void split_names(struct readers *out, size_t size)
{
    const char *at = out->names;
    const char *end = out->names + size;
    while (at < end && *at != '\0' && out->count < READERS_MAX) {
        const char *stop = memchr(at, '\0', (size_t)(end - at));
        if (stop == NULL) {
            return;
        }
        out->name[out->count++] = at;
        at = stop + 1;
    }
}

/* Whether each has a card. */
static struct kc_result look(struct readers *readers, SCARDCONTEXT context)
{
    SCARD_READERSTATE states[READERS_MAX];
    memset(states, 0, sizeof states);
    for (size_t i = 0; i < readers->count; i++) {
        states[i].szReader = readers->name[i];
        states[i].dwCurrentState = SCARD_STATE_UNAWARE;
    }
    LONG status = SCardGetStatusChange(context, 0, states, (DWORD)readers->count);
    for (size_t i = 0; i < readers->count; i++) {
        readers->has_card[i] = (states[i].dwEventState & SCARD_STATE_PRESENT) != 0;
    }
    return is_status(status, (DWORD)SCARD_E_TIMEOUT) ? kc_ok() : from_status(status, KC_IO_FAILED);
}

static struct kc_result list(struct readers *out, SCARDCONTEXT context)
{
    DWORD size = sizeof out->names;
    memset(out, 0, sizeof *out);
    LONG status = SCardListReaders(context, NULL, out->names, &size);
    if (is_status(status, (DWORD)SCARD_E_NO_READERS_AVAILABLE)) {
        return kc_ok();
    }
    if (status != SCARD_S_SUCCESS || size > sizeof out->names) {
        return from_status(status == SCARD_S_SUCCESS ? SCARD_F_INTERNAL_ERROR : status,
                           KC_IO_FAILED);
    }
    split_names(out, (size_t)size);
    return out->count == 0 ? kc_ok() : look(out, context);
}

static void say(char words[KC_PCSC_WORDS_SIZE], const char *text)
{
    size_t used = strlen(words);
    (void)snprintf(words + used, KC_PCSC_WORDS_SIZE - used, "%s", text);
}

/* A name from outside: what is no plain character is shown as a question mark. */
static void say_name(char words[KC_PCSC_WORDS_SIZE], const char *name)
{
    say(words, "'");
    for (; *name != '\0'; name++) {
        bool plain = *name >= ' ' && *name <= '~';
        const char text[2] = {*name, '\0'};
        say(words, plain ? text : "?");
    }
    say(words, "'");
}

static void say_readers(char words[KC_PCSC_WORDS_SIZE], const struct readers *readers)
{
    words[0] = '\0';
    say(words, readers->count == 0 ? "there is no reader" : "the readers are");
    for (size_t i = 0; i < readers->count; i++) {
        say(words, i == 0 ? " " : ", ");
        say_name(words, readers->name[i]);
        say(words, readers->has_card[i] ? " with a card" : "");
    }
}

/* The one with that whole name, or else the only one with that part in its name. */
static struct kc_result find_named(size_t *out, const struct readers *readers, const char *wanted)
{
    size_t found = 0;
    for (size_t i = 0; i < readers->count; i++) {
        if (strcmp(readers->name[i], wanted) == 0) {
            *out = i;
            return kc_ok();
        }
        if (strstr(readers->name[i], wanted) != NULL) {
            *out = i;
            found += 1;
        }
    }
    return kc_result(found == 0 ? KC_UNREACHABLE : found == 1 ? KC_OK : KC_CARD_AMBIGUOUS);
}

static struct kc_result find_card(size_t *out, const struct readers *readers)
{
    size_t found = 0;
    for (size_t i = 0; i < readers->count; i++) {
        if (readers->has_card[i]) {
            *out = i;
            found += 1;
        }
    }
    return kc_result(readers->count == 0 ? KC_UNREACHABLE
                     : found == 0        ? KC_NO_CARD
                     : found == 1        ? KC_OK
                                         : KC_CARD_AMBIGUOUS);
}

static struct kc_result find(size_t *out, const struct readers *readers, const char *wanted,
                             char words[KC_PCSC_WORDS_SIZE])
{
    struct kc_result result =
        wanted[0] == '\0' ? find_card(out, readers) : find_named(out, readers, wanted);
    if (!kc_failed(result) && !readers->has_card[*out]) {
        result = kc_result(KC_NO_CARD);
    }
    if (kc_failed(result)) {
        say_readers(words, readers);
    }
    return result;
}

/* ---- commands ---- */

/* One exchange with the card; *size: room, then what came, at least a status word. */
static struct kc_result exchange(struct kc_pcsc *card, uint8_t *out, size_t *size,
                                 const uint8_t *command, size_t command_size)
{
    SCARD_IO_REQUEST head = {.dwProtocol = card->protocol, .cbPciLength = sizeof head};
    DWORD got = (DWORD)*size;
    LONG status = SCardTransmit(card->handle, &head, command, (DWORD)command_size, NULL, out, &got);
    struct kc_result result = from_status(status, KC_CARD_REMOVED);
    if (result.code == KC_NO_CARD) {
        result = kc_result(KC_CARD_REMOVED); /* it was there a moment ago */
    }
    if (!kc_failed(result) && got < 2) {
        result = kc_result(KC_CARD_REMOVED); /* a card that is there answers with a status word */
    }
    if (!kc_failed(result) && got > *size) {
        result = kc_result(KC_IO_FAILED);
    }
    *size = kc_failed(result) ? 0 : (size_t)got;
    return result;
}

static unsigned status_word(const uint8_t *response, size_t size)
{
    KC_ASSERT(size >= 2);
    return (unsigned)response[size - 2] << 8 | response[size - 1];
}

/* Sends a short command, which lies in `piece`, and adds all of its response to *response, status word last. */
static struct kc_result collect(struct kc_pcsc *card, struct kc_buffer *response, size_t size)
{
    for (unsigned i = 0; i < PARTS_MAX; i++) {
        size_t got = sizeof card->part;
        struct kc_result result = exchange(card, card->part, &got, card->piece, size);
        if (kc_failed(result)) {
            return result;
        }
        unsigned status = status_word(card->part, got);
        bool more = status >> 8 == SW1_MORE;
        bool again = status >> 8 == SW1_LENGTH && got == 2;
        size_t taken = more || again ? got - 2 : got;
        result = kc_buffer_append(response, kc_view(card->part, taken));
        if (kc_failed(result)) {
            return kc_result(KC_TOO_LARGE);
        }
        if (!more && !again) {
            return kc_ok();
        }
        if (more) {
            card->piece[0] = KC_CLA_STANDARD;
            card->piece[1] = KC_INS_GET_RESPONSE;
            card->piece[2] = card->piece[3] = 0;
            size = HEAD_SIZE + 1;
        }
        card->piece[size - 1] = (uint8_t)status;
    }
    return kc_result(KC_IO_FAILED);
}

/* Writes one piece of a command into `piece`; Le, for as much as there is, stands in the last one. */
static size_t write_piece(struct kc_pcsc *card, const uint8_t head[HEAD_SIZE], struct kc_view data,
                          bool last)
{
    size_t size = HEAD_SIZE;
    memcpy(card->piece, head, HEAD_SIZE);
    card->piece[0] = (uint8_t)(head[0] | (last ? 0u : KC_CLA_MORE));
    if (data.size > 0) {
        card->piece[size++] = (uint8_t)data.size;
        memcpy(card->piece + size, data.data, data.size);
        size += data.size;
    }
    if (last) {
        card->piece[size++] = 0;
    }
    return size;
}

/* A whole command in pieces (ISO 7816-4 §5.3.3). A piece that is refused ends it: its status word is the response. */
static struct kc_result send_pieces(struct kc_pcsc *card, struct kc_buffer *response,
                                    const uint8_t head[HEAD_SIZE], struct kc_view data)
{
    bool last = false;
    while (!last) {
        last = data.size <= SHORT_MAX;
        struct kc_view now = kc_view(data.data, last ? data.size : SHORT_MAX);
        size_t size = write_piece(card, head, now, last);
        response->size = 0;
        struct kc_result result = collect(card, response, size);
        if (kc_failed(result)) {
            return result;
        }
        if (!last) {
            if (status_word(response->data, response->size) != SW_OK) {
                return kc_ok();
            }
            data = kc_view(data.data + now.size, data.size - now.size);
        }
    }
    return kc_ok();
}

/* The data of a command as kc_slot_send writes it, extended always. */
static struct kc_view data_of(struct kc_view command)
{
    KC_ASSERT(command.size >= EXTENDED_HEAD_SIZE && command.data[HEAD_SIZE] == 0);
    if (command.size == EXTENDED_HEAD_SIZE) {
        return kc_view(NULL, 0);
    }
    size_t size = (size_t)command.data[5] << 8 | command.data[6];
    KC_ASSERT(command.size == EXTENDED_HEAD_SIZE + size + 2);
    return kc_view(command.data + EXTENDED_HEAD_SIZE, size);
}

static struct kc_result transmit(void *context, struct kc_buffer *response, struct kc_view command)
{
    struct kc_pcsc *card = context;
    struct kc_result result = card->broken;
    if (kc_failed(result)) {
        return result;
    }
    response->size = 0;
    if (card->extended) {
        size_t got = response->capacity;
        result = exchange(card, response->data, &got, command.data, command.size);
        response->size = got;
    } else {
        result = send_pieces(card, response, command.data, data_of(command));
    }
    /* PINs and keys go through here. */
    kc_wipe(card->piece, sizeof card->piece);
    kc_wipe(card->part, sizeof card->part);
    card->broken = result;
    return result;
}

/* ---- what reader and card take ---- */

/* The third byte of the card's capabilities among the historical bytes of its ATR (ISO 7816-4 §8.1.1.2.7), or 0. */
static unsigned card_capabilities(const uint8_t *atr, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t at = 1;
    size_t history = atr[1] & 0x0fu;
    unsigned follow = atr[1] >> 4;
    at += 1;
    for (unsigned round = 0; round < 8 && follow != 0; round++) {
        bool next = (follow & 8u) != 0;
        at += (follow & 1u) + (follow >> 1 & 1u) + (follow >> 2 & 1u);
        if (next && at >= size) {
            return 0;
        }
        follow = next ? atr[at] >> 4 : 0;
        at += next ? 1 : 0;
    }
    if (history == 0 || at + history > size || (atr[at] != 0x80 && atr[at] != 0x00)) {
        return 0;
    }
    size_t end = at + history;
    for (at += 1; at < end; at += 1 + (atr[at] & 0x0fu)) {
        if (atr[at] == 0x73 && at + 3 < end) {
            return atr[at + 3];
        }
    }
    return 0;
}

/* The code under which a reader tells its properties, or 0 (PC/SC part 10). */
static DWORD properties_code(const uint8_t *features, size_t size)
{
    for (size_t at = 0; at + 6 <= size; at += 2 + features[at + 1]) {
        if (features[at] == FEATURE_GET_TLV_PROPERTIES && features[at + 1] == 4) {
            return kc_be32_load(features + at + 2);
        }
    }
    return 0;
}

/* False when the reader says that it takes short commands only. One that says nothing passes on what it gets. */
static bool reader_takes_extended(SCARDHANDLE handle)
{
    uint8_t bytes[256];
    DWORD size = 0;
    LONG status =
        SCardControl(handle, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, bytes, sizeof bytes, &size);
    DWORD code = status == SCARD_S_SUCCESS && size <= sizeof bytes
                     ? properties_code(bytes, (size_t)size)
                     : 0;
    size = 0;
    if (code == 0 ||
        SCardControl(handle, code, NULL, 0, bytes, sizeof bytes, &size) != SCARD_S_SUCCESS ||
        size > sizeof bytes) {
        return true;
    }
    for (size_t at = 0; at + 6 <= size; at += 2 + bytes[at + 1]) {
        if (bytes[at] == PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize && bytes[at + 1] == 4) {
            /* The lowest byte first; the number counts the whole command. */
            uint32_t most = (uint32_t)bytes[at + 5] << 24 | (uint32_t)bytes[at + 4] << 16 |
                            (uint32_t)bytes[at + 3] << 8 | bytes[at + 2];
            return most >= KC_COMMAND_SIZE_MAX;
        }
    }
    return true;
}

static bool takes_extended(const struct kc_pcsc *card)
{
    uint8_t atr[MAX_ATR_SIZE];
    DWORD atr_size = sizeof atr;
    DWORD state = 0;
    DWORD protocol = 0;
    DWORD name_size = 0;
    LONG status = SCardStatus(card->handle, NULL, &name_size, &state, &protocol, atr, &atr_size);
    bool card_does = status == SCARD_S_SUCCESS && atr_size <= sizeof atr &&
                     (card_capabilities(atr, (size_t)atr_size) & 0x40u) != 0;
    return card_does && card->protocol != SCARD_PROTOCOL_T0 && reader_takes_extended(card->handle);
}

/* ---- open, close ---- */

static struct kc_result try_select(unsigned *status, struct kc_pcsc *card)
{
    static const uint8_t select[] = {KC_CLA_STANDARD, KC_INS_SELECT, 0x04, 0x00, 0, 0, KC_AID_SIZE};
    static const uint8_t aid[] = KC_AID;
    uint8_t command[EXTENDED_HEAD_SIZE + KC_AID_SIZE + 2] = {0};
    uint8_t bytes[SHORT_MAX + 3];
    struct kc_buffer response = KC_BUFFER(bytes);
    memcpy(command, select, sizeof select);
    memcpy(command + sizeof select, aid, sizeof aid);
    struct kc_result result = transmit(card, &response, kc_view(command, sizeof command));
    *status = kc_failed(result) ? 0 : status_word(bytes, response.size);
    return result;
}

/* Selects the purse, extended if that may work and short if it does not: nothing depends on what a card said of itself. */
static struct kc_result select_purse(struct kc_pcsc *card)
{
    unsigned status = 0;
    card->extended = takes_extended(card);
    struct kc_result result = try_select(&status, card);
    if (card->extended && (kc_failed(result) || status != SW_OK)) {
        card->extended = false;
        card->broken = kc_ok();
        result = try_select(&status, card);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (status == kc_error_status_word(KC_PURSE_CORRUPT)) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    return kc_result(status == SW_OK ? KC_OK : KC_NO_PURSE);
}

/* The card for this process alone. Others who only looked, or were killed, let go of it in a moment. */
static LONG connect_alone(struct kc_pcsc *card, const char *reader)
{
    const struct timespec pause = {.tv_nsec = BUSY_STEP_MS * 1000000L};
    LONG status = SCARD_S_SUCCESS;
    for (unsigned waited_ms = 0; waited_ms <= BUSY_MS; waited_ms += BUSY_STEP_MS) {
        status =
            SCardConnect(card->context, reader, SCARD_SHARE_EXCLUSIVE,
                         SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card->handle, &card->protocol);
        if (!is_status(status, (DWORD)SCARD_E_SHARING_VIOLATION)) {
            break;
        }
        (void)nanosleep(&pause, NULL);
    }
    return status;
}

static struct kc_result connect_card(struct kc_pcsc *card, const char *reader,
                                     char words[KC_PCSC_WORDS_SIZE])
{
    LONG status = connect_alone(card, reader);
    struct kc_result result = from_status(status, KC_NO_CARD);
    if (result.code == KC_CARD_REMOVED) {
        result = kc_result(KC_NO_CARD);
    }
    if (kc_failed(result)) {
        say(words, result.code == KC_NO_CARD ? "the card does not answer in " : "in ");
        say_name(words, reader);
        return result;
    }
    card->has_handle = true;
    result = select_purse(card);
    if (kc_failed(result)) {
        say(words, "in ");
        say_name(words, reader);
    }
    return result;
}

struct kc_result kc_pcsc_open(struct kc_pcsc **out, struct kc_slot_port *port,
                              char words[KC_PCSC_WORDS_SIZE], const char *reader)
{
    struct readers readers;
    size_t which = 0;
    words[0] = '\0';
    struct kc_pcsc *card = calloc(1, sizeof *card);
    if (card == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    LONG status = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &card->context);
    card->has_context = status == SCARD_S_SUCCESS;
    struct kc_result result = from_status(status, KC_UNREACHABLE);
    if (result.code == KC_UNREACHABLE) {
        say(words, "the PC/SC service (pcscd) does not run");
    }
    if (!kc_failed(result)) {
        result = list(&readers, card->context);
    }
    if (!kc_failed(result)) {
        result = find(&which, &readers, reader, words);
    }
    if (!kc_failed(result)) {
        result = connect_card(card, readers.name[which], words);
    }
    if (kc_failed(result)) {
        kc_pcsc_close(card);
        return result;
    }
    *port = (struct kc_slot_port){.context = card, .transmit = transmit};
    *out = card;
    return kc_ok();
}

void kc_pcsc_close(struct kc_pcsc *card)
{
    if (card == NULL) {
        return;
    }
    if (card->has_handle) {
        (void)SCardDisconnect(card->handle, SCARD_UNPOWER_CARD);
    }
    if (card->has_context) {
        (void)SCardReleaseContext(card->context);
    }
    kc_wipe(card, sizeof *card);
    free(card);
}
