/* Does the host's side send what it is asked to, name every refusal, and hold a purse in a file safely? */
#include "cast.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/file_purse.h"
#include "reader/reader.h"

/* ---- ports ---- */

/* A port over the world's purse that keeps the last command, or answers as the test wants. */
struct wire {
    uint8_t command[KC_MESSAGE_SIZE_MAX + 16];
    size_t command_size;
    const uint8_t *answer; /* instead of the purse's */
    size_t answer_size;
    enum kc_error error;
};

static struct wire wire;
static struct kc_slot slot;

static struct kc_result transmit(void *context, struct kc_buffer *response, struct kc_view command)
{
    struct wire *self = context;
    memcpy(self->command, command.data, command.size);
    self->command_size = command.size;
    assert_true(response->capacity >= KC_RESPONSE_SIZE_MAX);
    if (self->error != KC_OK) {
        return kc_result(self->error);
    }
    if (self->answer != NULL) {
        memcpy(response->data, self->answer, self->answer_size);
        response->size = self->answer_size;
        return kc_ok();
    }
    kc_purse_command(&world.purse, response->data, &response->size, command);
    return kc_ok();
}

static int open_slot(void **state)
{
    struct kc_slot_port port = {.context = &wire, .transmit = transmit};
    (void)state;
    memset(&wire, 0, sizeof wire);
    cast_suite(0);
    world_ready(&world);
    EXPECT(kc_slot_open(&slot, &port).code, KC_OK);
    return 0;
}

static void a_whole_withdrawal_goes_through_the_slot(void **state)
{
    static uint8_t first[KC_MESSAGE_SIZE_MAX];
    struct kc_purse_info info;
    struct kc_view out;
    (void)state;
    EXPECT(kc_slot_info(&info, &slot).code, KC_OK);
    assert_int_equal(kc_amount_minor(info.value), WORLD_VALUE);
    EXPECT(kc_slot_cash_request(&out, &slot, KC_CASH_KIND_WITHDRAW, world_amount(7), 99).code,
           KC_PIN_REQUIRED);
    EXPECT(kc_slot_verify_pin(&slot, kc_view_text(WORLD_WRONG_PIN)).code, KC_PIN_WRONG);
    EXPECT(kc_slot_verify_pin(&slot, kc_view_text(WORLD_PIN)).code, KC_OK);
    EXPECT(kc_slot_cash_request(&out, &slot, KC_CASH_KIND_WITHDRAW, world_amount(7), 99).code,
           KC_OK);
    size_t size = out.size;
    memcpy(first, out.data, size);
    EXPECT(kc_slot_repeat(&out, &slot).code, KC_OK);
    assert_true(kc_view_equal(out, kc_view(first, size)));
    EXPECT(kc_slot_info(&info, &slot).code, KC_OK);
    assert_true(info.has_pending && info.life == KC_LIFE_REQUESTED);
    assert_int_equal(kc_amount_minor(info.pending_amount), 7);
    struct world_saying saying = world_saying(&world);
    struct kc_cash_quote quote = world_quote(&world);
    struct kc_cash_quote shown;
    EXPECT(kc_slot_take(&out, &slot, world_say(&world, &saying, &kc_cash_quote_shape, &quote)).code,
           KC_OK);
    assert_false(kc_failed(kc_shape_decode(&shown, &kc_cash_quote_shape, out)));
    assert_int_equal(kc_amount_minor(shown.purse_after), WORLD_VALUE + 7);
    EXPECT(kc_slot_answer(&out, &slot, KC_ANSWER_OK, 100).code, KC_OK);
    EXPECT(kc_slot_state_request(&out, &slot, 101).code, KC_OK);
    EXPECT(world_take_state(&world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE + 7), KC_OK);
    EXPECT(kc_slot_info(&info, &slot).code, KC_OK);
    assert_int_equal(kc_amount_minor(info.value), WORLD_VALUE + 7);
    EXPECT(kc_slot_change_pin(&slot, kc_view_text("0000")).code, KC_OK);
    EXPECT(kc_slot_fund_request(&out, &slot, KC_FUND_KIND_FUND, world_amount(1), 102).code, KC_OK);
}

static void the_history_is_told_backwards(void **state)
{
    struct kc_entry entry;
    (void)state;
    EXPECT(kc_slot_verify_pin(&slot, kc_view_text(WORLD_PIN)).code, KC_OK);
    EXPECT(kc_slot_history(&entry, &slot, 0).code, KC_NOT_FOUND);
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    EXPECT(world_take_completion(&world, KC_OUTCOME_NOT_COMPLETED, 0, WORLD_VALUE), KC_OK);
    EXPECT(kc_slot_history(&entry, &slot, 0).code, KC_OK);
    assert_int_equal(entry.kind, KC_ENTRY_KIND_VOID);
    EXPECT(kc_slot_history(&entry, &slot, 1).code, KC_OK);
    assert_int_equal(entry.kind, KC_ENTRY_KIND_CASH_OUT);
    EXPECT(kc_slot_history(&entry, &slot, 2).code, KC_NOT_FOUND);
}

static void a_hotlist_goes_in_and_out(void **state)
{
    static const uint64_t numbers[] = {5, 700};
    struct kc_purse_info info;
    struct kc_view out;
    (void)state;
    const struct kc_hotlist_told nothing = {0, 0};
    unsigned part = 0;
    EXPECT(kc_slot_hotlist(&out, &slot, &nothing, &part).code, KC_NOT_FOUND);
    struct kc_view list = world_hotlist(&world, 3, numbers, 2);
    EXPECT(kc_slot_take_hotlist(&slot, kc_view(list.data, list.size - 1)).code, KC_MALFORMED);
    EXPECT(kc_slot_take_hotlist(&slot, list).code, KC_OK);
    EXPECT(kc_slot_take_hotlist(&slot, list).code, KC_STALE_STATE);
    EXPECT(kc_slot_hotlist(&out, &slot, &nothing, &part).code, KC_OK);
    assert_true(kc_view_equal(out, list));
    EXPECT(kc_slot_hotlist(&out, &slot, &nothing, &part).code, KC_NOT_FOUND);
    const struct kc_hotlist_told same = {3, 3};
    part = 0;
    EXPECT(kc_slot_hotlist(&out, &slot, &same, &part).code, KC_NOT_FOUND);
    EXPECT(kc_slot_info(&info, &slot).code, KC_OK);
    assert_int_equal(info.hotlist, 3);
}

static void what_a_broken_port_answers_is_an_error(void **state)
{
    static const struct {
        uint8_t bytes[3];
        size_t size;
        enum kc_error wanted;
    } answers[] = {{{0}, 0, KC_IO_FAILED},
                   {{0x90}, 1, KC_IO_FAILED},
                   {{0x90, 0x00}, 2, KC_MALFORMED},
                   {{0x12, 0x34}, 2, KC_INTERNAL},
                   {{0x63, 0xc1}, 2, KC_PIN_WRONG},
                   {{0x6f, 0x92}, 2, KC_PURSE_CORRUPT},
                   {{0xff, 0x90, 0x00}, 3, KC_MALFORMED}};
    struct kc_purse_info info;
    struct kc_view out;
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        wire.answer = answers[i].bytes;
        wire.answer_size = answers[i].size;
        EXPECT(kc_slot_info(&info, &slot).code, answers[i].wanted);
    }
    wire.error = KC_UNREACHABLE;
    EXPECT(kc_slot_get(&out, &slot, KC_TAG_INFO).code, KC_UNREACHABLE);
    assert_int_equal(out.size, 0);
}

/* Neither a command over the limit is sent, nor does a PIN stay in the host's memory. */
static void commands_are_bounded_and_wiped(void **state)
{
    static const uint8_t large[KC_MESSAGE_SIZE_MAX + 1] = {0};
    struct kc_view out;
    (void)state;
    wire.command_size = 0;
    EXPECT(kc_slot_take(&out, &slot, kc_view(large, sizeof large)).code, KC_TOO_LARGE);
    assert_int_equal(wire.command_size, 0);
    EXPECT(kc_slot_take(&out, &slot, kc_view(large, KC_MESSAGE_SIZE_MAX)).code, KC_MALFORMED);
    assert_int_equal(wire.command_size, 7 + KC_MESSAGE_SIZE_MAX + 2);
    EXPECT(kc_slot_verify_pin(&slot, kc_view_text("123456789012")).code, KC_PIN_WRONG);
    for (size_t i = 0; i < sizeof slot.command; i++) {
        assert_int_equal(slot.command[i], 0);
    }
}

/* ---- files ---- */

static char folder[64];
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(folder, sizeof folder, "%s/kinchaku-test-XXXXXX", base);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/purse", folder);
    cast_suite(0);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static enum kc_error open_file(struct kc_file_purse **out, struct kc_slot_port *port)
{
    *out = NULL;
    return kc_file_purse_open(out, port, path, &crypto).code;
}

/* shows: R-NODE-7 */
static void a_new_purse_is_blank_private_and_of_full_size(void **state)
{
    struct kc_file_purse *purse;
    struct kc_slot_port port;
    struct kc_purse_info info;
    struct stat status;
    (void)state;
    EXPECT(open_file(&purse, &port), KC_FILE_MISSING);
    EXPECT(kc_file_purse_create(path).code, KC_OK);
    EXPECT(kc_file_purse_create(path).code, KC_ALREADY_EXISTS);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, KC_NVM_SIZE);
    EXPECT(open_file(&purse, &port), KC_OK);
    EXPECT(kc_slot_open(&slot, &port).code, KC_OK);
    EXPECT(kc_slot_info(&info, &slot).code, KC_OK);
    assert_int_equal(info.life, KC_LIFE_BLANK);
    kc_file_purse_close(purse);
    kc_file_purse_close(NULL);
}

static void one_process_at_a_time_holds_it(void **state)
{
    struct kc_file_purse *purse;
    struct kc_file_purse *second;
    struct kc_slot_port port;
    (void)state;
    EXPECT(kc_file_purse_create(path).code, KC_OK);
    EXPECT(open_file(&purse, &port), KC_OK);
    EXPECT(open_file(&second, &port), KC_IN_USE);
    kc_file_purse_close(purse);
    EXPECT(open_file(&second, &port), KC_OK);
    kc_file_purse_close(second);
}

static void files_of_a_wrong_mode_or_size_are_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0601, 0666};
    struct kc_file_purse *purse;
    struct kc_slot_port port;
    (void)state;
    EXPECT(kc_file_purse_create(path).code, KC_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        EXPECT(open_file(&purse, &port), KC_KEY_PERMISSIONS);
    }
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, KC_NVM_SIZE - 1), 0);
    EXPECT(open_file(&purse, &port), KC_PURSE_CORRUPT);
    assert_int_equal(truncate(path, KC_NVM_SIZE + 1), 0);
    EXPECT(open_file(&purse, &port), KC_PURSE_CORRUPT);
    assert_int_equal(truncate(path, KC_NVM_SIZE), 0);
    EXPECT(open_file(&purse, &port), KC_OK);
    kc_file_purse_close(purse);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(open_file(&purse, &port), KC_OK);
    assert_int_equal(rmdir(path), 0);
}

/* The world's ready purse, in a file. */
static void write_ready(void)
{
    world_ready(&world);
    EXPECT(kc_file_purse_create(path).code, KC_OK);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, world.memory.now, KC_NVM_SIZE), KC_NVM_SIZE);
    assert_int_equal(close(fd), 0);
}

/* shows: R-NODE-7 R-DATA-4 */
static void what_a_purse_said_stands_in_its_file(void **state)
{
    static uint8_t said[KC_MESSAGE_SIZE_MAX];
    struct kc_file_purse *purse;
    struct kc_slot_port port;
    struct kc_view out;
    (void)state;
    write_ready();
    EXPECT(open_file(&purse, &port), KC_OK);
    EXPECT(kc_slot_open(&slot, &port).code, KC_OK);
    EXPECT(kc_slot_verify_pin(&slot, kc_view_text(WORLD_PIN)).code, KC_OK);
    EXPECT(kc_slot_state_request(&out, &slot, 5).code, KC_OK);
    size_t size = out.size;
    memcpy(said, out.data, size);
    kc_file_purse_close(purse);
    EXPECT(open_file(&purse, &port), KC_OK);
    EXPECT(kc_slot_open(&slot, &port).code, KC_OK);
    EXPECT(kc_slot_repeat(&out, &slot).code, KC_PIN_REQUIRED);
    EXPECT(kc_slot_verify_pin(&slot, kc_view_text(WORLD_PIN)).code, KC_OK);
    EXPECT(kc_slot_repeat(&out, &slot).code, KC_OK);
    assert_true(kc_view_equal(out, kc_view(said, size)));
    kc_file_purse_close(purse);
}

/* With a limit on the size of files every write beyond it fails, as on a full disk: the command is refused by that name, the
 * purse says no more, and opened again it is as it was. */
static void a_full_disk_stops_it_and_loses_nothing(void **state)
{
    struct rlimit before;
    struct kc_file_purse *purse;
    struct kc_slot_port port;
    struct kc_purse_info info;
    struct kc_view out;
    (void)state;
    write_ready();
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    EXPECT(open_file(&purse, &port), KC_OK);
    EXPECT(kc_slot_open(&slot, &port).code, KC_OK);
    EXPECT(kc_slot_verify_pin(&slot, kc_view_text(WORLD_PIN)).code, KC_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum kc_error error = kc_slot_state_request(&out, &slot, 5).code;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT(error, KC_DISK_FULL);
    assert_int_equal(out.size, 0);
    EXPECT(kc_slot_repeat(&out, &slot).code, KC_PURSE_CORRUPT);
    kc_file_purse_close(purse);
    EXPECT(open_file(&purse, &port), KC_OK);
    EXPECT(kc_slot_open(&slot, &port).code, KC_OK);
    EXPECT(kc_slot_info(&info, &slot).code, KC_OK);
    assert_int_equal(info.life, KC_LIFE_READY);
    assert_int_equal(kc_amount_minor(info.value), WORLD_VALUE);
    kc_file_purse_close(purse);
}

/* A file that cannot be made whole is not left behind. */
static void creating_on_a_full_disk_leaves_no_file(void **state)
{
    struct rlimit before;
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 20000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum kc_error error = kc_file_purse_create(path).code;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT(error, KC_DISK_FULL);
    assert_int_equal(access(path, F_OK), -1);
    EXPECT(kc_file_purse_create(path).code, KC_OK);
}

#define SLOT_TEST(name) cmocka_unit_test_setup(name, open_slot)
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SLOT_TEST(a_whole_withdrawal_goes_through_the_slot),
        SLOT_TEST(the_history_is_told_backwards),
        SLOT_TEST(a_hotlist_goes_in_and_out),
        SLOT_TEST(what_a_broken_port_answers_is_an_error),
        SLOT_TEST(commands_are_bounded_and_wiped),
        FILE_TEST(a_new_purse_is_blank_private_and_of_full_size),
        FILE_TEST(one_process_at_a_time_holds_it),
        FILE_TEST(files_of_a_wrong_mode_or_size_are_refused),
        FILE_TEST(what_a_purse_said_stands_in_its_file),
        FILE_TEST(a_full_disk_stops_it_and_loses_nothing),
        FILE_TEST(creating_on_a_full_disk_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
