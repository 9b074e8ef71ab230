#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

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

struct kc_result kc_directory_issuers(struct kc_directory_issuers *out, struct kc_directory *unused)
{
    (void)unused;
    *out = (struct kc_directory_issuers){.certificate_count = 0};
    return kc_result(directory.down            ? KC_DIRECTORY_DOWN
                     : directory.crl_size == 0 ? KC_NOT_FOUND
                                               : KC_OK);
}

void kc_directory_issuers_free(struct kc_directory_issuers *issuers)
{
    (void)issuers;
}

void kc_directory_free_view(struct kc_view view)
{
    (void)view;
}

struct kc_result kc_directory_put_account(struct kc_directory *unused, uint64_t account,
                                          const struct kc_view *certificates, size_t count)
{
    (void)unused;
    if (directory.down || (directory.most > 0 && directory.puts == directory.most)) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    (void)usleep(directory.slow_us);
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

struct kc_result kc_directory_put_roots(struct kc_directory *unused,
                                        const struct kc_directory_roots *roots)
{
    (void)unused;
    directory.root_count = roots->certificate_count;
    directory.pair_count = roots->pair_count;
    directory.root_list_size = 0;
    if (roots->list_count > 0) {
        directory.root_list_size = roots->lists[0].size;
        memcpy(directory.root_list, roots->lists[0].data, roots->lists[0].size);
    }
    for (size_t i = 0; i < roots->certificate_count; i++) {
        directory.root_sizes[i] = roots->certificates[i].size;
        memcpy(directory.roots[i], roots->certificates[i].data, roots->certificates[i].size);
    }
    for (size_t i = 0; i < roots->pair_count; i++) {
        directory.pair_sizes[i] = roots->pairs[i].size;
        memcpy(directory.pairs[i], roots->pairs[i].data, roots->pairs[i].size);
    }
    return kc_result(directory.down ? KC_DIRECTORY_DOWN : KC_OK);
}

struct kc_result kc_directory_put_issuers(struct kc_directory *unused,
                                          const struct kc_directory_issuers *issuers)
{
    const struct kc_view *lists = issuers->lists;
    size_t count = issuers->list_count;
    (void)unused;
    if (directory.down) {
        return kc_result(KC_DIRECTORY_DOWN);
    }
    assert_true(count >= 1 && count <= KC_ISSUERS_MAX);
    assert_true(issuers->certificate_count <= KC_ENTRY_CERTIFICATES_MAX);
    directory.issuer_count = issuers->certificate_count;
    for (size_t i = 0; i < count; i++) {
        assert_true(issuers->certificates[i].size > 0 && lists[i].size <= sizeof directory.crl);
    }
    memcpy(directory.crl, lists[0].data, lists[0].size);
    directory.crl_size = lists[0].size;
    directory.old_crl_size = 0;
    if (count > 1) {
        memcpy(directory.old_crl, lists[1].data, lists[1].size);
        directory.old_crl_size = lists[1].size;
    }
    return kc_ok();
}
