#define _GNU_SOURCE

#include "service/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static struct kc_result from_errno(int number)
{
    switch (number) {
    case ENOENT:
        return kc_result(KC_FILE_MISSING);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return kc_result(KC_DISK_FULL);
    default:
        return kc_result(KC_IO_FAILED);
    }
}

struct kc_result kc_path_join(char out[KC_PATH_SIZE_MAX], const char *a, const char *b,
                              const char *c)
{
    int size = b == NULL   ? snprintf(out, KC_PATH_SIZE_MAX, "%s", a)
               : c == NULL ? snprintf(out, KC_PATH_SIZE_MAX, "%s/%s", a, b)
                           : snprintf(out, KC_PATH_SIZE_MAX, "%s/%s/%s", a, b, c);
    return kc_result(size > 0 && size < KC_PATH_SIZE_MAX ? KC_OK : KC_TOO_LARGE);
}

static struct kc_result read_all(struct kc_buffer *out, int fd)
{
    out->size = 0;
    while (out->size < out->capacity) {
        ssize_t size = read(fd, out->data + out->size, out->capacity - out->size);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return from_errno(errno);
        }
        if (size == 0) {
            return kc_ok();
        }
        out->size += (size_t)size;
    }
    uint8_t one_more;
    return kc_result(read(fd, &one_more, 1) == 0 ? KC_OK : KC_TOO_LARGE);
}

static struct kc_result check_secret(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return from_errno(errno);
    }
    bool ours = status.st_uid == geteuid() || status.st_uid == 0;
    bool closed = (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    return kc_result(S_ISREG(status.st_mode) && ours && closed ? KC_OK : KC_KEY_PERMISSIONS);
}

static struct kc_result read_file(struct kc_buffer *out, const char *path, bool secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return from_errno(errno);
    }
    struct kc_result result = secret ? check_secret(fd) : kc_ok();
    if (!kc_failed(result)) {
        result = read_all(out, fd);
    }
    (void)close(fd);
    return result;
}

struct kc_result kc_file_read(struct kc_buffer *out, const char *path)
{
    return read_file(out, path, false);
}

struct kc_result kc_file_read_secret(struct kc_buffer *out, const char *path)
{
    return read_file(out, path, true);
}

static struct kc_result write_all(int fd, struct kc_view content)
{
    size_t done = 0;
    while (done < content.size) {
        ssize_t size = write(fd, content.data + done, content.size - done);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return from_errno(errno);
        }
        done += (size_t)size;
    }
    return fsync(fd) == 0 ? kc_ok() : from_errno(errno);
}

static struct kc_result sync_folder_of(const char *path)
{
    char copy[KC_PATH_SIZE_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return from_errno(errno);
    }
    int status = fsync(fd);
    (void)close(fd);
    return kc_result(status == 0 ? KC_OK : KC_IO_FAILED);
}

/* A new file. One that a killed process with our number left is taken away first. */
static int open_new(const char *path, unsigned mode)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags, mode);
    if (fd < 0 && errno == EEXIST && unlink(path) == 0) {
        fd = open(path, flags, mode);
    }
    return fd;
}

struct kc_result kc_file_write_text(const char *path, const char *text, int size, size_t capacity)
{
    if (size < 0 || (size_t)size >= capacity) {
        return kc_result(KC_TOO_LARGE);
    }
    return kc_file_write(path, kc_view(text, (size_t)size), 0600);
}

/* A new file takes the place of a file or of a link to one, never that of a device, a pipe or a socket. */
static bool may_replace(const char *path)
{
    struct stat there;
    return lstat(path, &there) != 0 || S_ISREG(there.st_mode) || S_ISLNK(there.st_mode);
}

struct kc_result kc_file_write(const char *path, struct kc_view content, unsigned mode)
{
    char temporary[KC_PATH_SIZE_MAX];
    int size = snprintf(temporary, sizeof temporary, "%s.new-%ld", path, (long)getpid());
    if (size < 0 || (size_t)size >= sizeof temporary) {
        return kc_result(KC_TOO_LARGE);
    }
    if (!may_replace(path)) {
        return kc_result(KC_IO_FAILED);
    }
    int fd = open_new(temporary, mode);
    if (fd < 0) {
        return from_errno(errno);
    }
    struct kc_result result = fchmod(fd, mode) == 0 ? kc_ok() : from_errno(errno);
    if (!kc_failed(result)) {
        result = write_all(fd, content);
    }
    if (close(fd) != 0 && !kc_failed(result)) {
        result = from_errno(errno);
    }
    if (!kc_failed(result) && rename(temporary, path) != 0) {
        result = from_errno(errno);
    }
    if (kc_failed(result)) {
        (void)unlink(temporary);
        return result;
    }
    return sync_folder_of(path);
}

struct kc_result kc_file_name_new(const char *temporary, const char *path)
{
    int status = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE);
    if (status != 0 && errno == EINVAL) {
        /* This file system cannot do it in one step. */
        status = link(temporary, path) == 0 ? unlink(temporary) : -1;
    }
    if (status != 0) {
        return errno == EEXIST ? kc_result(KC_ALREADY_EXISTS) : from_errno(errno);
    }
    return sync_folder_of(path);
}

struct kc_result kc_folder_check(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return from_errno(errno);
    }
    bool ours = status.st_uid == geteuid() || status.st_uid == 0;
    if (!S_ISDIR(status.st_mode)) {
        return kc_result(KC_IO_FAILED);
    }
    if (!ours || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        kc_log(KC_LOG_ERROR, "others may change the folder %s", path);
        return kc_result(KC_KEY_PERMISSIONS);
    }
    return kc_ok();
}

struct kc_result kc_folder_make(const char *path)
{
    if (mkdir(path, 0700) == 0) {
        return kc_ok();
    }
    return errno == EEXIST ? kc_folder_check(path) : kc_result(KC_IO_FAILED);
}

struct kc_result kc_folder_lock(int *fd, const char *dir, const char *name)
{
    char path[KC_PATH_SIZE_MAX];
    *fd = -1;
    struct kc_result result = kc_path_join(path, dir, name, NULL);
    if (!kc_failed(result)) {
        result = kc_folder_check(dir);
    }
    if (!kc_failed(result)) {
        result = kc_folder_check(path);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, dir, name, "lock");
    }
    return kc_failed(result) ? result : kc_file_lock(fd, path);
}

bool kc_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

void kc_file_numbered(char out[KC_FILE_NAME_SIZE], const char *base, uint64_t number,
                      const char *end)
{
    if (number == 0) {
        (void)snprintf(out, KC_FILE_NAME_SIZE, "%s%s", base, end);
    } else {
        (void)snprintf(out, KC_FILE_NAME_SIZE, "%s-%" PRIu64 "%s", base, number, end);
    }
}

struct kc_result kc_path_numbered(char out[KC_PATH_SIZE_MAX], const char *folder, const char *base,
                                  uint64_t number, const char *end)
{
    char file[KC_FILE_NAME_SIZE];
    kc_file_numbered(file, base, number, end);
    return kc_path_join(out, folder, file, NULL);
}

bool kc_file_numbered_exists(const char *folder, const char *base, uint64_t number, const char *end)
{
    char path[KC_PATH_SIZE_MAX];
    return !kc_failed(kc_path_numbered(path, folder, base, number, end)) && kc_file_exists(path);
}

static struct kc_result made_path(char out[KC_PATH_SIZE_MAX], const char *path)
{
    int size = snprintf(out, KC_PATH_SIZE_MAX, "%s.made", path);
    return kc_result(size > 0 && size < KC_PATH_SIZE_MAX ? KC_OK : KC_TOO_LARGE);
}

struct kc_result kc_database_expect(const char *path)
{
    char made[KC_PATH_SIZE_MAX];
    struct kc_result result = made_path(made, path);
    if (!kc_failed(result) && kc_file_exists(made) && !kc_file_exists(path)) {
        kc_log(KC_LOG_ERROR, "the database is gone: bring it back from a copy path=%s", path);
        result = kc_result(KC_FILE_MISSING);
    }
    return result;
}

struct kc_result kc_database_made(const char *path)
{
    char made[KC_PATH_SIZE_MAX];
    struct kc_result result = made_path(made, path);
    return kc_failed(result) || kc_file_exists(made)
               ? result
               : kc_file_write(made, kc_view_text("made\n"), 0600);
}

struct kc_result kc_file_lock(int *fd, const char *path)
{
    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0) {
        return from_errno(errno);
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(*fd);
        *fd = -1;
        return kc_result(KC_IN_USE);
    }
    return kc_ok();
}

void kc_file_unlock(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}
