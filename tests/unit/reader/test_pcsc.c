/* Is a purse behind PC/SC the same purse, with readers and cards of every kind, and is everything else named? */
#include "cast.h"

#include <stdlib.h>
#include <winscard.h>

#include "reader/place.h"

#define SHORT_COMMAND_MAX 261u

/* ---- the PC/SC service: readers, a card in some, and what goes wrong ---- */

enum card_kind { PURSE, OTHER, DAMAGED };

struct service {
    LONG established;
    const char *names[4];
    bool has_card[4];
    enum card_kind kind;
    LONG connect;  /* what SCardConnect says */
    unsigned busy; /* so many times before that: another program has it */
    DWORD protocol;
    uint8_t atr[MAX_ATR_SIZE];
    size_t atr_size;
    uint32_t most;           /* what the reader says of the longest command; 1: it says nothing */
    const uint8_t *features; /* instead, raw */
    size_t features_size;
    bool short_only;       /* the reader fails at extended commands, whatever it says */
    bool lengths;          /* T=0: 61xx without data, and 6Cxx for a wrong Le */
    unsigned remove_at;    /* this command and all later ones find no card; 0: never */
    const uint8_t *answer; /* instead of the card's */
    size_t answer_size;

    unsigned commands;
    unsigned extended;
    size_t longest;
    unsigned connected;
    unsigned contexts;
    DWORD disposition;
    char reader[128];
};

static struct service service;
static uint8_t held[KC_RESPONSE_SIZE_MAX]; /* T=0: waits for GET RESPONSE */
static size_t held_size;

LONG SCardEstablishContext(DWORD scope, LPCVOID one, LPCVOID two, LPSCARDCONTEXT context)
{
    (void)scope;
    (void)one;
    (void)two;
    *context = 7;
    service.contexts += service.established == SCARD_S_SUCCESS ? 1 : 0;
    return service.established;
}

LONG SCardReleaseContext(SCARDCONTEXT context)
{
    assert_int_equal(context, 7);
    service.contexts -= 1;
    return SCARD_S_SUCCESS;
}

LONG SCardListReaders(SCARDCONTEXT context, LPCSTR groups, LPSTR readers, LPDWORD size)
{
    size_t used = 0;
    assert_true(context == 7 && groups == NULL);
    for (size_t i = 0; i < 4 && service.names[i] != NULL; i++) {
        size_t length = strlen(service.names[i]) + 1;
        assert_true(used + length < *size);
        memcpy(readers + used, service.names[i], length);
        used += length;
    }
    readers[used++] = '\0';
    *size = (DWORD)used;
    return used == 1 ? SCARD_E_NO_READERS_AVAILABLE : SCARD_S_SUCCESS;
}

LONG SCardGetStatusChange(SCARDCONTEXT context, DWORD timeout, SCARD_READERSTATE *states,
                          DWORD count)
{
    assert_true(context == 7 && timeout == 0);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(states[i].szReader, service.names[i]);
        states[i].dwEventState =
            service.has_card[i] ? SCARD_STATE_PRESENT | SCARD_STATE_CHANGED : SCARD_STATE_EMPTY;
    }
    return SCARD_S_SUCCESS;
}

LONG SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD mode, DWORD protocols,
                  LPSCARDHANDLE handle, LPDWORD protocol)
{
    assert_true(context == 7 && mode == SCARD_SHARE_EXCLUSIVE);
    assert_int_equal(protocols, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1);
    if (service.busy > 0) {
        service.busy -= 1;
        return SCARD_E_SHARING_VIOLATION;
    }
    (void)snprintf(service.reader, sizeof service.reader, "%s", reader);
    *handle = 9;
    *protocol = service.protocol;
    service.connected += service.connect == SCARD_S_SUCCESS ? 1 : 0;
    return service.connect;
}

LONG SCardDisconnect(SCARDHANDLE handle, DWORD disposition)
{
    assert_int_equal(handle, 9);
    service.connected -= 1;
    service.disposition = disposition;
    return SCARD_S_SUCCESS;
}

LONG SCardStatus(SCARDHANDLE handle, LPSTR name, LPDWORD name_size, LPDWORD state, LPDWORD protocol,
                 LPBYTE atr, LPDWORD atr_size)
{
    assert_true(handle == 9 && name == NULL && name_size != NULL);
    *state = SCARD_PRESENT;
    *protocol = service.protocol;
    assert_true(*atr_size >= service.atr_size);
    memcpy(atr, service.atr, service.atr_size);
    *atr_size = (DWORD)service.atr_size;
    return SCARD_S_SUCCESS;
}

LONG SCardControl(SCARDHANDLE handle, DWORD code, LPCVOID in, DWORD in_size, LPVOID out,
                  DWORD out_size, LPDWORD got)
{
    static const uint8_t features[] = {0x06, 4, 0x42, 0, 0, 1, 0x12, 4, 0x42, 0, 0, 9};
    uint8_t properties[] = {1, 2, 0, 0, 10, 4, 0, 0, 0, 0};
    assert_true(handle == 9 && in == NULL && in_size == 0 && out_size >= 64);
    if (service.features != NULL) {
        memcpy(out, service.features, service.features_size);
        *got = (DWORD)service.features_size;
        return SCARD_S_SUCCESS;
    }
    if (service.most == 1) {
        return SCARD_E_NOT_TRANSACTED;
    }
    if (code == 0x42000009u) {
        for (size_t i = 0; i < 4; i++) {
            properties[6 + i] = (uint8_t)(service.most >> (8 * i));
        }
        memcpy(out, properties, sizeof properties);
        *got = sizeof properties;
        return SCARD_S_SUCCESS;
    }
    memcpy(out, features, sizeof features);
    *got = sizeof features;
    return SCARD_S_SUCCESS;
}

static bool is_extended(struct kc_view command)
{
    return command.size >= 7 && command.data[4] == 0;
}

/* What a T=0 reader hands back: no data beside 61xx, and the right length before the data. */
static void give_held(uint8_t *out, size_t *size, struct kc_view command)
{
    if (command.data[1] != KC_INS_GET_RESPONSE) {
        held_size = 0;
        kc_purse_command(&world.purse, held, &held_size, command);
        bool whole = held_size == 2;
        memcpy(out, held, whole ? 2 : 0);
        if (!whole) {
            out[0] = 0x61;
            out[1] = 1; /* as if there were less: the card corrects it */
        }
        *size = 2;
        return;
    }
    if (held_size == 0) {
        kc_purse_command(&world.purse, held, &held_size, command);
    }
    size_t left = held_size - 2;
    if (command.data[4] != (uint8_t)left) {
        out[0] = 0x6c;
        out[1] = (uint8_t)left;
        *size = 2;
        return;
    }
    memcpy(out, held, held_size);
    *size = held_size;
    held_size = 0;
}

static void run_card(uint8_t *out, size_t *size, struct kc_view command)
{
    static const uint8_t no_such_file[] = {0x6a, 0x82};
    static const uint8_t damaged[] = {0x6f, 0x92};
    if (service.answer != NULL) {
        memcpy(out, service.answer, service.answer_size);
        *size = service.answer_size;
        return;
    }
    if (service.kind != PURSE) {
        memcpy(out, service.kind == OTHER ? no_such_file : damaged, 2);
        *size = 2;
        return;
    }
    if (service.lengths) {
        give_held(out, size, command);
    } else {
        kc_purse_command(&world.purse, out, size, command);
    }
}

LONG SCardTransmit(SCARDHANDLE handle, const SCARD_IO_REQUEST *head, LPCBYTE command,
                   DWORD command_size, SCARD_IO_REQUEST *back, LPBYTE response,
                   LPDWORD response_size)
{
    static uint8_t out[KC_RESPONSE_SIZE_MAX];
    size_t size = 0;
    struct kc_view view = kc_view(command, (size_t)command_size);
    assert_true(handle == 9 && head->dwProtocol == service.protocol && back == NULL);
    service.commands += 1;
    service.extended += is_extended(view) ? 1 : 0;
    service.longest = view.size > service.longest ? view.size : service.longest;
    if (service.remove_at != 0 && service.commands >= service.remove_at) {
        return service.commands == service.remove_at ? SCARD_E_NOT_TRANSACTED
                                                     : SCARD_W_REMOVED_CARD;
    }
    if (service.short_only && is_extended(view)) {
        return SCARD_E_INVALID_PARAMETER;
    }
    run_card(out, &size, view);
    assert_true(size <= *response_size || service.answer != NULL);
    size = size <= *response_size ? size : *response_size;
    memcpy(response, out, size);
    *response_size = (DWORD)size;
    return SCARD_S_SUCCESS;
}

/* ---- */

static const uint8_t own_atr[] = {0x3b, 0x88, 0x01, 0x80, 0x73, 0x80,
                                  0x01, 0xc0, 0x52, 'K',  'C',  0x61};
static struct kc_slot slot;
static struct kc_purse_place place;

static int set_up(void **state)
{
    (void)state;
    memset(&service, 0, sizeof service);
    memset(&place, 0, sizeof place);
    service.names[0] = "Reader A 00";
    service.names[1] = "Reader B 00";
    service.has_card[1] = true;
    service.protocol = SCARD_PROTOCOL_T1;
    memcpy(service.atr, own_atr, sizeof own_atr);
    service.atr_size = sizeof own_atr;
    service.most = 1;
    cast_suite(0);
    world_ready(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kc_purse_place_close(&place);
    return service.connected == 0 && service.contexts == 0 ? 0 : -1;
}

static enum kc_error open_place(const char *name)
{
    struct kc_slot_port port;
    struct kc_result result = kc_purse_place_open(&place, &port, name, &crypto);
    if (!kc_failed(result)) {
        result = kc_slot_open(&slot, &port);
    }
    return result.code;
}

/* A withdrawal's request, which is long, and what comes back, longer still. */
static void use(void)
{
    static uint8_t first[KC_MESSAGE_SIZE_MAX];
    struct kc_purse_info info;
    struct kc_view out;
    EXPECT(kc_slot_info(&info, &slot).code, KC_OK);
    assert_int_equal(kc_amount_minor(info.value), WORLD_VALUE);
    EXPECT(kc_slot_verify_pin(&slot, kc_view_text(WORLD_PIN)).code, KC_OK);
    EXPECT(kc_slot_cash_request(&out, &slot, KC_CASH_KIND_WITHDRAW, world_amount(7), 99).code,
           KC_OK);
    size_t size = out.size;
    assert_true(size > 2 * 255);
    memcpy(first, out.data, size);
    EXPECT(kc_slot_repeat(&out, &slot).code, KC_OK);
    assert_true(kc_view_equal(out, kc_view(first, size)));
    /* What the purse cannot read comes back as its refusal, from whatever piece. */
    EXPECT(kc_slot_take(&out, &slot, kc_view(first, size)).code, KC_WRONG_TYPE);
    assert_true(service.disposition == 0);
    kc_purse_place_close(&place);
    assert_int_equal(service.disposition, SCARD_UNPOWER_CARD);
}

/* shows: R-NODE-10 */
static void commands_are_as_long_as_reader_and_card_take(void **state)
{
    static const struct {
        bool t0, plain_atr, short_only, lengths;
        uint32_t most;
        bool extended;
    } rows[] = {
        {.most = 1, .extended = true},
        {.most = 65536, .extended = true},
        {.most = 0},
        {.most = 261},
        {.most = 2048},
        {.most = 1, .t0 = true},
        {.most = 1, .t0 = true, .lengths = true},
        {.most = 1, .plain_atr = true},
        {.most = 1, .short_only = true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)set_up(state);
        service.most = rows[i].most;
        service.protocol = rows[i].t0 ? SCARD_PROTOCOL_T0 : SCARD_PROTOCOL_T1;
        service.short_only = rows[i].short_only;
        service.lengths = rows[i].lengths;
        service.atr[7] = rows[i].plain_atr ? 0x80 : service.atr[7];
        EXPECT(open_place("pcsc:"), KC_OK);
        use();
        assert_int_equal(service.extended == service.commands, rows[i].extended);
        assert_true(rows[i].extended || service.extended == (rows[i].short_only ? 1u : 0u));
        assert_true(rows[i].extended || service.longest <= SHORT_COMMAND_MAX);
    }
}

static void a_reader_is_found_by_its_name(void **state)
{
    static const struct {
        const char *name;
        enum kc_error error;
        const char *words;
    } rows[] = {
        {"pcsc:", KC_OK, ""},
        {"pcsc:Reader B 00", KC_OK, ""},
        {"pcsc:B", KC_OK, ""},
        {"pcsc:A", KC_NO_CARD, "'Reader A 00', 'Reader B 00' with a card"},
        {"pcsc:Reader", KC_CARD_AMBIGUOUS, "'Reader A 00', 'Reader B 00' with a card"},
        {"pcsc:C", KC_UNREACHABLE, "'Reader A 00', 'Reader B 00' with a card"},
        {"pcsc:reader b", KC_UNREACHABLE, "the readers are"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)set_up(state);
        EXPECT(open_place(rows[i].name), rows[i].error);
        assert_non_null(strstr(place.words, rows[i].words));
        kc_purse_place_close(&place);
        assert_int_equal(service.contexts, 0);
    }
    (void)set_up(state);
    service.has_card[0] = true;
    EXPECT(open_place("pcsc:"), KC_CARD_AMBIGUOUS);
    EXPECT(open_place("pcsc:A"), KC_OK);
    assert_string_equal(service.reader, "Reader A 00");
    kc_purse_place_close(&place);
    service.names[2] = "A";
    EXPECT(open_place("pcsc:A"), KC_NO_CARD);
    service.has_card[0] = service.has_card[1] = false;
    EXPECT(open_place("pcsc:"), KC_NO_CARD);
    service.names[0] = "bad\033[31m";
    EXPECT(open_place("pcsc:C"), KC_UNREACHABLE);
    assert_non_null(strstr(place.words, "'bad?[31m'"));
    service.names[0] = NULL;
    EXPECT(open_place("pcsc:"), KC_UNREACHABLE);
    assert_string_equal(place.words, "there is no reader");
}

static void what_cannot_be_opened_is_named(void **state)
{
    static const struct {
        LONG status;
        enum kc_error error;
    } rows[] = {{SCARD_E_NO_SMARTCARD, KC_NO_CARD},      {SCARD_W_REMOVED_CARD, KC_NO_CARD},
                {SCARD_W_UNRESPONSIVE_CARD, KC_NO_CARD}, {SCARD_E_SHARING_VIOLATION, KC_IN_USE},
                {SCARD_E_NO_SERVICE, KC_UNREACHABLE},    {SCARD_E_PROTO_MISMATCH, KC_NO_CARD}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)set_up(state);
        service.connect = rows[i].status;
        EXPECT(open_place("pcsc:"), rows[i].error);
    }
    (void)set_up(state);
    service.established = SCARD_E_NO_SERVICE;
    EXPECT(open_place("pcsc:"), KC_UNREACHABLE);
    assert_non_null(strstr(place.words, "pcscd"));
    (void)set_up(state);
    service.kind = OTHER;
    EXPECT(open_place("pcsc:"), KC_NO_PURSE);
    service.kind = DAMAGED;
    EXPECT(open_place("pcsc:"), KC_PURSE_CORRUPT);
    (void)set_up(state);
    service.busy = 3;
    EXPECT(open_place("pcsc:"), KC_OK);
}

static void after_a_removal_nothing_more_is_sent(void **state)
{
    for (unsigned at = 2; at < 9; at++) {
        struct kc_view out;
        (void)set_up(state);
        service.most = at % 2 == 0 ? 1 : 0;
        EXPECT(open_place("pcsc:"), KC_OK);
        service.remove_at = service.commands + 1 + (at > 5 ? 2 : 0);
        enum kc_error last = KC_OK;
        for (unsigned i = 0; i < 4 && last == KC_OK; i++) {
            last = kc_slot_get(&out, &slot, KC_TAG_INFO).code;
        }
        EXPECT(last, KC_CARD_REMOVED);
        assert_int_equal(service.commands, service.remove_at);
        EXPECT(kc_slot_get(&out, &slot, KC_TAG_INFO).code, KC_CARD_REMOVED);
        assert_int_equal(service.commands, service.remove_at);
        kc_purse_place_close(&place);
    }
}

static void nonsense_from_card_and_reader_is_survived(void **state)
{
    static const uint8_t endless[] = {0x61, 0x00};
    static const uint8_t again[] = {0x6c, 0x10};
    static uint8_t long_endless[257];
    uint32_t dice = 1;
    uint8_t noise[256];
    struct kc_view out;
    const struct kc_view answers[] = {kc_view(endless, 0), kc_view(endless, 1), kc_view(endless, 2),
                                      kc_view(again, 2), kc_view(long_endless, 257)};
    long_endless[255] = 0x61;
    for (size_t i = 0; i < 2 * sizeof answers / sizeof answers[0]; i++) {
        (void)set_up(state);
        service.most = i % 2 == 0 ? 1 : 0;
        EXPECT(open_place("pcsc:"), KC_OK);
        service.answer = answers[i / 2].data;
        service.answer_size = answers[i / 2].size;
        unsigned before = service.commands;
        assert_true(kc_failed(kc_slot_get(&out, &slot, KC_TAG_INFO)));
        assert_true(service.commands - before <= 64);
        kc_purse_place_close(&place);
    }
    (void)set_up(state);
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof noise; i++) {
            dice = dice * 1664525u + 1013904223u;
            noise[i] = (uint8_t)(dice >> 24 & (round % 2 == 0 ? 0x73u : 0xffu));
        }
        service.features = round % 4 == 0 ? NULL : noise;
        service.features_size = noise[250] % 200;
        service.atr_size = noise[251] % (sizeof service.atr + 1);
        memcpy(service.atr, noise + 200, service.atr_size);
        EXPECT(open_place("pcsc:"), KC_OK);
        kc_purse_place_close(&place);
    }
}

static void other_places_are_files(void **state)
{
    (void)state;
    EXPECT(open_place("pcsc"), KC_FILE_MISSING);
    EXPECT(open_place("./pcsc:"), KC_FILE_MISSING);
    assert_null(kc_purse_place_reader("PCSC:A"));
    assert_string_equal(kc_purse_place_reader("pcsc:A"), "A");
}

#define PCSC_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PCSC_TEST(commands_are_as_long_as_reader_and_card_take),
        PCSC_TEST(a_reader_is_found_by_its_name),
        PCSC_TEST(what_cannot_be_opened_is_named),
        PCSC_TEST(after_a_removal_nothing_more_is_sent),
        PCSC_TEST(nonsense_from_card_and_reader_is_survived),
        PCSC_TEST(other_places_are_files),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
