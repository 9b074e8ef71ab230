/* Files as servers use them: bounded reads, secrets only when nobody else can read them, writes that are whole or absent. */
#ifndef KC_SERVICE_FILES_H
#define KC_SERVICE_FILES_H

#include "base/bytes.h"

#define KC_PATH_SIZE_MAX 4096

/* Joins up to three parts with '/'; parts after the first NULL are left out. KC_TOO_LARGE. */
KC_MUST_USE struct kc_result kc_path_join(char out[KC_PATH_SIZE_MAX], const char *a, const char *b,
                                          const char *c);

/* Reads a whole file of at most out->capacity bytes; a pipe in its place never makes anybody wait. KC_FILE_MISSING, KC_TOO_LARGE,
 * KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_file_read(struct kc_buffer *out, const char *path);

/* The same for a secret: a regular file of ours or root's with no rights for others, else KC_KEY_PERMISSIONS. The
 * caller wipes it. */
KC_MUST_USE struct kc_result kc_file_read_secret(struct kc_buffer *out, const char *path);

/* Writes a text that snprintf made with a result of `size` into `capacity` bytes, 0600. KC_TOO_LARGE when it did not fit. */
KC_MUST_USE struct kc_result kc_file_write_text(const char *path, const char *text, int size,
                                                size_t capacity);

/* Writes a file so that after a crash either the old or the new content stands there (temporary file, fsync, rename,
 * fsync of the folder). `mode` such as 0600. The temporary file is always a new one: nothing that others put in its place is
 * followed or filled. KC_DISK_FULL, KC_IO_FAILED: also when a device, a pipe or a folder has that name. */
KC_MUST_USE struct kc_result kc_file_write(const char *path, struct kc_view content, unsigned mode);

/* Gives a finished file its name, unless something has that name already. Durable at return. KC_ALREADY_EXISTS, KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_file_name_new(const char *temporary, const char *path);

/* Makes a folder 0700 (parents must exist); fine when it is there and kc_folder_check holds. KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_folder_make(const char *path);

/* A folder whose content counts as ours: it belongs to us or to root, and nobody else may write in it. KC_KEY_PERMISSIONS (logged
 * with its name), KC_FILE_MISSING. */
KC_MUST_USE struct kc_result kc_folder_check(const char *path);

/* Checks the system's folder and in it the folder `name` of a process, and takes the lock that keeps a second process out.
 * KC_IN_USE and as kc_folder_check. */
KC_MUST_USE struct kc_result kc_folder_lock(int *fd, const char *dir, const char *name);

bool kc_file_exists(const char *path);

/* The name of a file of which there is one a generation: BASE and END for 0, as sign.key; BASE-N and END after, as sign-1.key. */
#define KC_FILE_NAME_SIZE 64
void kc_file_numbered(char out[KC_FILE_NAME_SIZE], const char *base, uint64_t number,
                      const char *end);
/* Its path, and whether it is there. KC_TOO_LARGE. */
KC_MUST_USE struct kc_result kc_path_numbered(char out[KC_PATH_SIZE_MAX], const char *folder,
                                              const char *base, uint64_t number, const char *end);
bool kc_file_numbered_exists(const char *folder, const char *base, uint64_t number,
                             const char *end);

/* A server makes its database once; afterwards an empty one in its place would forget what was acknowledged. The first says
 * KC_FILE_MISSING (logged with the path) when a database that was made is gone; the second notes durably, in PATH.made, that it
 * was made. */
KC_MUST_USE struct kc_result kc_database_expect(const char *path);
KC_MUST_USE struct kc_result kc_database_made(const char *path);

/* Takes an exclusive lock on a file (made when missing) for as long as the process lives or until kc_file_unlock.
 * KC_IN_USE when another process has it. */
KC_MUST_USE struct kc_result kc_file_lock(int *fd, const char *path);
void kc_file_unlock(int fd);

#endif
