/* Are secrets read only when nobody else can, and are files written whole or not at all? */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "folder.h"
#include "service/files.h"

static uint8_t memory[64];

static enum kc_error read_secret(const char *name)
{
    struct kc_buffer buffer = KC_BUFFER(memory);
    return kc_file_read_secret(&buffer, in_folder(name)).code;
}

static void a_secret_is_closed_to_others(void **state)
{
    (void)state;
    put_file("secret", "s", 1, 0600);
    for (mode_t mode = 0400; mode <= 0777; mode++) {
        bool readable_by_owner = (mode & 0400) != 0;
        assert_int_equal(chmod(in_folder("secret"), mode), 0);
        if (readable_by_owner) {
            assert_int_equal(read_secret("secret"), (mode & 077) == 0 ? KC_OK : KC_KEY_PERMISSIONS);
        }
    }
}

static void a_secret_is_a_regular_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("directory"), 0700), 0);
    assert_int_equal(read_secret("directory"), KC_KEY_PERMISSIONS);
    assert_int_equal(read_secret("none"), KC_FILE_MISSING);
    put_file("target", "s", 1, 0644);
    char target[256];
    (void)snprintf(target, sizeof target, "%s", in_folder("target"));
    assert_int_equal(symlink(target, in_folder("link")), 0);
    assert_int_equal(read_secret("link"), KC_KEY_PERMISSIONS);
}

static void reading_is_bounded(void **state)
{
    uint8_t content[66];
    (void)state;
    memset(content, 'x', sizeof content);
    for (size_t size = 0; size <= sizeof content; size++) {
        struct kc_buffer buffer = {.data = memory, .capacity = 63};
        memory[63] = 0xee;
        put_file("sized", content, size, 0644);
        enum kc_error error = kc_file_read(&buffer, in_folder("sized")).code;
        assert_int_equal(error, size <= 63 ? KC_OK : KC_TOO_LARGE);
        assert_true(error != KC_OK || buffer.size == size);
        assert_int_equal(memory[63], 0xee);
    }
}

static mode_t mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(stat(in_folder(name), &status), 0);
    return status.st_mode & 0777;
}

static size_t entries_in_folder(void)
{
    size_t count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

static void writing_replaces_whole_and_sets_the_mode(void **state)
{
    struct kc_buffer buffer = KC_BUFFER(memory);
    mode_t old = umask(0);
    (void)state;
    assert_int_equal(kc_file_write(in_folder("written"), kc_view_text("first, longer"), 0600).code,
                     KC_OK);
    assert_int_equal(mode_of("written"), 0600);
    size_t before = entries_in_folder();
    assert_int_equal(kc_file_write(in_folder("written"), kc_view_text("second"), 0640).code, KC_OK);
    assert_int_equal(mode_of("written"), 0640);
    assert_int_equal(kc_file_read(&buffer, in_folder("written")).code, KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&buffer), kc_view_text("second")));
    /* No temporary file stays behind. */
    assert_int_equal(entries_in_folder(), before);
    (void)umask(0777);
    assert_int_equal(kc_file_write(in_folder("masked"), kc_view_text("x"), 0600).code, KC_OK);
    assert_int_equal(mode_of("masked"), 0600);
    (void)umask(old);
}

/* What somebody names by mistake, such as a device, is still there afterwards; of a link the name changes, not the file. */
static void only_files_are_replaced(void **state)
{
    struct stat there;
    (void)state;
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    size_t before = entries_in_folder();
    assert_int_equal(kc_file_write(in_folder("fifo"), kc_view_text("x"), 0600).code, KC_IO_FAILED);
    assert_int_equal(stat(in_folder("fifo"), &there), 0);
    assert_true(S_ISFIFO(there.st_mode));
    assert_int_equal(entries_in_folder(), before);
    put_file("precious", "p", 1, 0600);
    assert_int_equal(symlink("precious", in_folder("to precious")), 0);
    assert_int_equal(kc_file_write(in_folder("to precious"), kc_view_text("x"), 0600).code, KC_OK);
    assert_int_equal(lstat(in_folder("to precious"), &there), 0);
    assert_true(S_ISREG(there.st_mode));
    struct kc_buffer buffer = KC_BUFFER(memory);
    assert_int_equal(kc_file_read(&buffer, in_folder("precious")).code, KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&buffer), kc_view_text("p")));
}

/* A reader beside a writer sees one content or the other, never a mixture or nothing. */
static void a_reader_never_sees_a_half(void **state)
{
    static uint8_t first[8192];
    static uint8_t second[4096];
    static uint8_t seen[8193];
    (void)state;
    memset(first, '1', sizeof first);
    memset(second, '2', sizeof second);
    assert_int_equal(kc_file_write(in_folder("shared"), kc_view(first, sizeof first), 0600).code,
                     KC_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (size_t i = 0; i < 200; i++) {
            struct kc_view view =
                i % 2 == 0 ? kc_view(second, sizeof second) : kc_view(first, sizeof first);
            if (kc_failed(kc_file_write(in_folder("shared"), view, 0600))) {
                _exit(1);
            }
        }
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct kc_buffer buffer = KC_BUFFER(seen);
        assert_int_equal(kc_file_read(&buffer, in_folder("shared")).code, KC_OK);
        struct kc_view view = kc_buffer_view(&buffer);
        assert_true(kc_view_equal(view, kc_view(first, sizeof first)) ||
                    kc_view_equal(view, kc_view(second, sizeof second)));
    }
    assert_int_equal(status, 0);
}

/* A file size limit stands in for a disk that is full. */
static void write_past_limit_and_exit(void)
{
    static uint8_t large[8192];
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
    (void)signal(SIGXFSZ, SIG_IGN);
    bool set = setrlimit(RLIMIT_FSIZE, &limit) == 0;
    enum kc_error error = kc_file_write(in_folder("kept"), kc_view(large, sizeof large), 0600).code;
    _exit(set && error == KC_DISK_FULL ? 0 : 1);
}

static void a_write_that_fails_leaves_the_old(void **state)
{
    struct kc_buffer buffer = KC_BUFFER(memory);
    int status = -1;
    (void)state;
    assert_int_equal(kc_file_write(in_folder("kept"), kc_view_text("old"), 0600).code, KC_OK);
    assert_int_equal(mkdir(in_folder("occupied"), 0700), 0);
    size_t before = entries_in_folder();
    assert_true(kc_failed(kc_file_write(in_folder("occupied"), kc_view_text("x"), 0600)));
    assert_int_equal(kc_file_write(in_folder("none/x"), kc_view_text("x"), 0600).code,
                     KC_FILE_MISSING);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        write_past_limit_and_exit();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(entries_in_folder(), before);
    assert_int_equal(kc_file_read(&buffer, in_folder("kept")).code, KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&buffer), kc_view_text("old")));
}

static void a_lock_is_held_by_one(void **state)
{
    int first = -1;
    int second = -1;
    (void)state;
    assert_int_equal(kc_file_lock(&first, in_folder("lock")).code, KC_OK);
    assert_int_equal(kc_file_lock(&second, in_folder("lock")).code, KC_IN_USE);
    assert_int_equal(second, -1);
    kc_file_unlock(first);
    assert_int_equal(kc_file_lock(&second, in_folder("lock")).code, KC_OK);
    kc_file_unlock(second);
    kc_file_unlock(-1);
}

static void folders_are_made_closed_and_once(void **state)
{
    (void)state;
    assert_int_equal(kc_folder_make(in_folder("made")).code, KC_OK);
    assert_int_equal(mode_of("made"), 0700);
    assert_int_equal(kc_folder_make(in_folder("made")).code, KC_OK);
    put_file("plain", "x", 1, 0600);
    assert_int_equal(kc_folder_make(in_folder("plain")).code, KC_IO_FAILED);
    assert_int_equal(kc_folder_make(in_folder("no/parent")).code, KC_IO_FAILED);
    assert_true(kc_file_exists(in_folder("plain")));
    assert_false(kc_file_exists(in_folder("no")));
}

/* Others may plant a link under the name of the next temporary file: neither is it followed, nor what it names filled. */
static void a_planted_link_is_not_followed(void **state)
{
    struct kc_buffer buffer = KC_BUFFER(memory);
    char name[64];
    char victim[256];
    (void)state;
    put_file("victim", "mine", 4, 0600);
    (void)snprintf(victim, sizeof victim, "%s", in_folder("victim"));
    (void)snprintf(name, sizeof name, "secret2.new-%ld", (long)getpid());
    assert_int_equal(symlink(victim, in_folder(name)), 0);
    assert_int_equal(kc_file_write(in_folder("secret2"), kc_view_text("PIN"), 0600).code, KC_OK);
    assert_int_equal(kc_file_read(&buffer, victim).code, KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&buffer), kc_view_text("mine")));
    assert_int_equal(mode_of("secret2"), 0600);
    int fd = -1;
    assert_int_equal(symlink(victim, in_folder("lock2")), 0);
    assert_int_equal(kc_file_lock(&fd, in_folder("lock2")).code, KC_IO_FAILED);
}

static void a_pipe_makes_nobody_wait(void **state)
{
    struct kc_buffer buffer = KC_BUFFER(memory);
    (void)state;
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_equal(read_secret("pipe"), KC_KEY_PERMISSIONS);
    (void)kc_failed(kc_file_read(&buffer, in_folder("pipe")));
    assert_int_equal(buffer.size, 0);
}

static void a_folder_that_others_may_change_is_not_ours(void **state)
{
    int fd = -1;
    (void)state;
    assert_int_equal(mkdir(in_folder("offered"), 0700), 0);
    for (mode_t mode = 0700; mode <= 0777; mode++) {
        assert_int_equal(chmod(in_folder("offered"), mode), 0);
        enum kc_error wanted = (mode & 022) == 0 ? KC_OK : KC_KEY_PERMISSIONS;
        assert_int_equal(kc_folder_check(in_folder("offered")).code, wanted);
        assert_int_equal(kc_folder_make(in_folder("offered")).code, wanted);
        assert_int_equal(kc_folder_lock(&fd, folder, "offered").code, wanted);
        kc_file_unlock(fd);
    }
    assert_int_equal(kc_folder_check(in_folder("none")).code, KC_FILE_MISSING);
}

static void a_name_is_given_once(void **state)
{
    char from[256];
    struct kc_buffer buffer = KC_BUFFER(memory);
    (void)state;
    put_file("finished", "new", 3, 0600);
    put_file("taken", "old", 3, 0600);
    (void)snprintf(from, sizeof from, "%s", in_folder("finished"));
    assert_int_equal(kc_file_name_new(from, in_folder("taken")).code, KC_ALREADY_EXISTS);
    assert_int_equal(kc_file_read(&buffer, in_folder("taken")).code, KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&buffer), kc_view_text("old")));
    assert_int_equal(kc_file_name_new(from, in_folder("free")).code, KC_OK);
    assert_false(kc_file_exists(from));
    assert_int_equal(kc_file_name_new(from, in_folder("free2")).code, KC_FILE_MISSING);
}

static void paths_are_joined_or_too_large(void **state)
{
    static char path[KC_PATH_SIZE_MAX];
    static char name[KC_PATH_SIZE_MAX];
    (void)state;
    assert_int_equal(kc_path_join(path, "a", NULL, "c").code, KC_OK);
    assert_string_equal(path, "a");
    assert_int_equal(kc_path_join(path, "a", "b", NULL).code, KC_OK);
    assert_string_equal(path, "a/b");
    assert_int_equal(kc_path_join(path, "a", "b", "c").code, KC_OK);
    assert_string_equal(path, "a/b/c");
    memset(name, 'n', sizeof name - 1);
    assert_int_equal(kc_path_join(path, name, NULL, NULL).code, KC_OK);
    assert_int_equal(kc_path_join(path, name, "b", NULL).code, KC_TOO_LARGE);
}

static void a_file_of_each_generation_has_a_name(void **state)
{
    char name[KC_FILE_NAME_SIZE];
    char path[KC_PATH_SIZE_MAX];
    (void)state;
    kc_file_numbered(name, "sign", 0, ".key");
    assert_string_equal(name, "sign.key");
    kc_file_numbered(name, "sign", 12, "");
    assert_string_equal(name, "sign-12");
    assert_int_equal(kc_path_numbered(path, "a", "sign", 1, ".crt").code, KC_OK);
    assert_string_equal(path, "a/sign-1.crt");
    put_file("sign-1.crt", "s", 1, 0600);
    (void)snprintf(path, sizeof path, "%s", in_folder("."));
    assert_true(kc_file_numbered_exists(path, "sign", 1, ".crt"));
    assert_false(kc_file_numbered_exists(path, "sign", 0, ".crt"));
    assert_false(kc_file_numbered_exists(path, "sign", 1, ".key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_closed_to_others),
        cmocka_unit_test(a_secret_is_a_regular_file),
        cmocka_unit_test(reading_is_bounded),
        cmocka_unit_test(writing_replaces_whole_and_sets_the_mode),
        cmocka_unit_test(only_files_are_replaced),
        cmocka_unit_test(a_reader_never_sees_a_half),
        cmocka_unit_test(a_write_that_fails_leaves_the_old),
        cmocka_unit_test(a_lock_is_held_by_one),
        cmocka_unit_test(folders_are_made_closed_and_once),
        cmocka_unit_test(a_planted_link_is_not_followed),
        cmocka_unit_test(a_pipe_makes_nobody_wait),
        cmocka_unit_test(a_folder_that_others_may_change_is_not_ours),
        cmocka_unit_test(a_name_is_given_once),
        cmocka_unit_test(paths_are_joined_or_too_large),
        cmocka_unit_test(a_file_of_each_generation_has_a_name),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
