#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "directory_in_memory.h"

struct directory_in_memory directory;

struct kc_result kc_directory_open(struct kc_directory **out, const char *url, const char *password,
                                   unsigned timeout_ms)
{
    (void)timeout_ms;
    *out = NULL;
    return kc_result(url[0] != '\0' && password[0] != '\0' ? KC_OK : KC_CONFIG_INVALID);
}

void kc_directory_close(struct kc_directory *unused)
{
    (void)unused;
}

struct kc_result kc_directory_prepare(struct kc_directory *unused)
{
    (void)unused;
    return kc_result(directory.down ? KC_DIRECTORY_DOWN : KC_OK);
}

struct kc_result kc_directory_issuer(struct kc_view *certificate, struct kc_view *crl,
                                     struct kc_directory *unused)
{
    (void)unused;
    *certificate = kc_view(NULL, 0);
    *crl = kc_view(directory.crl, directory.crl_size);
    return kc_result(directory.down            ? KC_DIRECTORY_DOWN
                     : directory.crl_size == 0 ? KC_NOT_FOUND
                                               : KC_OK);
}

void kc_directory_free_view(struct kc_view view)
{
    (void)view;
}

struct kc_result kc_directory_put_account(struct kc_directory *unused, uint64_t account,
                                          const struct kc_view *certificates, size_t count)
{
    (void)unused;
    if (directory.down) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    directory.account = account;
    directory.count = count;
    directory.puts += 1;
    for (size_t i = 0; i < count && i < 2; i++) {
        directory.sizes[i] = certificates[i].size;
        memcpy(directory.certificates[i], certificates[i].data, certificates[i].size);
    }
    return kc_ok();
}

struct kc_result kc_directory_put_server(struct kc_directory *unused, const char *name,
                                         const struct kc_view *certificates, size_t count)
{
    (void)unused;
    (void)name;
    (void)certificates;
    (void)count;
    return kc_result(directory.down ? KC_DIRECTORY_DOWN : KC_OK);
}

struct kc_result kc_directory_put_issuer(struct kc_directory *unused, struct kc_view certificate,
                                         struct kc_view crl)
{
    (void)unused;
    if (directory.down) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    assert_true(certificate.size > 0 && crl.size <= sizeof directory.crl);
    memcpy(directory.crl, crl.data, crl.size);
    directory.crl_size = crl.size;
    return kc_ok();
}
