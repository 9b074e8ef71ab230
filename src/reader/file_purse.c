#define _GNU_SOURCE

#include "reader/file_purse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "purse/purse.h"

struct kc_file_purse {
    int fd;
    struct kc_crypto crypto;
    struct kc_purse core;
};

static struct kc_result from_errno(int number)
{
    switch (number) {
    case ENOENT:
        return kc_result(KC_FILE_MISSING);
    case EEXIST:
        return kc_result(KC_ALREADY_EXISTS);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return kc_result(KC_DISK_FULL);
    default:
        return kc_result(KC_IO_FAILED);
    }
}

static struct kc_result write_at(int fd, size_t offset, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t done = pwrite(fd, data, size, (off_t)offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return from_errno(errno);
        }
        offset += (size_t)done;
        data += done;
        size -= (size_t)done;
    }
    return kc_ok();
}

/* Makes the file's name durable: without it a crash could take the purse away with everything that was synced into it. */
static struct kc_result sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (size >= sizeof folder) {
        return kc_result(KC_IO_FAILED);
    }
    memcpy(folder, size == 0 ? "." : path, size == 0 ? 1 : size);
    folder[size == 0 ? 1 : size] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return from_errno(errno);
    }
    struct kc_result result = fsync(fd) == 0 ? kc_ok() : from_errno(errno);
    (void)close(fd);
    return result;
}

struct kc_result kc_file_purse_create(const char *path)
{
    static const uint8_t nothing[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return from_errno(errno);
    }
    struct kc_result result = kc_ok();
    /* Written, not only sized, so that a full disk is found now and not in the middle of a payment. */
    for (size_t at = 0; at < KC_NVM_SIZE && !kc_failed(result); at += sizeof nothing) {
        result = write_at(fd, at, nothing, sizeof nothing);
    }
    if (!kc_failed(result) && fsync(fd) != 0) {
        result = from_errno(errno);
    }
    if (close(fd) != 0 && !kc_failed(result)) {
        result = from_errno(errno);
    }
    if (!kc_failed(result)) {
        result = sync_folder(path);
    }
    if (kc_failed(result)) {
        (void)unlink(path);
    }
    return result;
}

static struct kc_result nvm_read(void *context, size_t offset, uint8_t *out, size_t size)
{
    struct kc_file_purse *purse = context;
    while (size > 0) {
        ssize_t done = pread(purse->fd, out, size, (off_t)offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return kc_result(KC_IO_FAILED);
        }
        offset += (size_t)done;
        out += done;
        size -= (size_t)done;
    }
    return kc_ok();
}

static struct kc_result nvm_write(void *context, size_t offset, const uint8_t *data, size_t size)
{
    struct kc_file_purse *purse = context;
    return write_at(purse->fd, offset, data, size);
}

static struct kc_result nvm_sync(void *context)
{
    struct kc_file_purse *purse = context;
    return fdatasync(purse->fd) == 0 ? kc_ok() : from_errno(errno);
}

static struct kc_result transmit(void *context, struct kc_buffer *response, struct kc_view command)
{
    struct kc_file_purse *purse = context;
    if (response->capacity < KC_RESPONSE_SIZE_MAX) {
        return kc_result(KC_BUFFER_SMALL);
    }
    kc_purse_command(&purse->core, response->data, &response->size, command);
    return kc_ok();
}

static struct kc_result check_file(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return from_errno(errno);
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return kc_result(KC_KEY_PERMISSIONS);
    }
    if (!S_ISREG(status.st_mode) || status.st_size != (off_t)KC_NVM_SIZE) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ? kc_ok() : kc_result(KC_IN_USE);
}

/* Both marks and the beginnings of both images (docs/purse.md) lie in this much of it. */
#define MARKED_SIZE 16384u

bool kc_file_is_no_purse(const char *path)
{
    static uint8_t head[MARKED_SIZE];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    ssize_t size = regular ? pread(fd, head, sizeof head, 0) : -1;
    bool found = false;
    (void)close(fd);
    for (ssize_t at = 0; at + 4 <= size && !found; at++) {
        found = memcmp(head + at, "KCM1", 4) == 0 || memcmp(head + at, "KCI1", 4) == 0;
    }
    return size >= 0 && !found;
}

void kc_file_purse_power_on(struct kc_file_purse *purse)
{
    const struct kc_nvm nvm = {.context = purse,
                               .size = KC_NVM_SIZE,
                               .read = nvm_read,
                               .write = nvm_write,
                               .sync = nvm_sync};
    kc_purse_open(&purse->core, &nvm, &purse->crypto);
}

void kc_file_purse_power_off(struct kc_file_purse *purse)
{
    kc_purse_close(&purse->core);
}

struct kc_result kc_file_purse_open(struct kc_file_purse **out, struct kc_slot_port *port,
                                    const char *path, const struct kc_crypto *crypto)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return from_errno(errno);
    }
    struct kc_file_purse *purse = malloc(sizeof *purse);
    struct kc_result result = purse == NULL ? kc_result(KC_NO_MEMORY) : check_file(fd);
    if (kc_failed(result)) {
        free(purse);
        (void)close(fd);
        return result;
    }
    purse->fd = fd;
    purse->crypto = *crypto;
    kc_file_purse_power_on(purse);
    *port = (struct kc_slot_port){.context = purse, .transmit = transmit};
    *out = purse;
    return kc_ok();
}

void kc_file_purse_close(struct kc_file_purse *purse)
{
    if (purse != NULL) {
        kc_purse_close(&purse->core);
        (void)close(purse->fd);
        free(purse);
    }
}
