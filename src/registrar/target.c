#include "registrar/target.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct kc_result open_blank(struct kc_target *target, struct kc_registrar *registrar)
{
    struct kc_slot_port port;
    struct kc_purse_info info;
    struct kc_result result =
        kc_purse_place_open(&target->place, &port, target->path, &registrar->purse_crypto);
    memcpy(registrar->words, target->place.words, sizeof registrar->words);
    if (!kc_failed(result)) {
        result = kc_slot_open(&target->uim, &port);
    }
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &target->uim);
    }
    if (!kc_failed(result) && info.life != KC_LIFE_BLANK && info.life != KC_LIFE_PERSONALISING) {
        result = kc_result(KC_ALREADY_EXISTS);
        (void)snprintf(registrar->words, sizeof registrar->words,
                       "the card in the reader is written already");
    }
    if (kc_failed(result)) {
        kc_purse_place_close(&target->place);
    }
    return result;
}

struct kc_result kc_target_begin(struct kc_target *target, struct kc_registrar *registrar,
                                 const char *path)
{
    memset(target, 0, sizeof *target);
    registrar->words[0] = '\0';
    target->path = path;
    target->card = kc_purse_place_reader(path) != NULL;
    if (target->card) {
        return open_blank(target, registrar);
    }
    int size = snprintf(target->temporary, sizeof target->temporary, "%s.new", path);
    if (size < 0 || (size_t)size >= sizeof target->temporary) {
        return kc_result(KC_TOO_LARGE);
    }
    return kc_result(kc_file_exists(path) ? KC_ALREADY_EXISTS : KC_OK);
}

struct kc_result kc_target_make(struct kc_target *target, struct kc_registrar *registrar)
{
    struct kc_slot_port port;
    if (target->card) {
        return kc_ok();
    }
    (void)unlink(target->temporary);
    struct kc_result result = kc_file_purse_create(target->temporary);
    if (!kc_failed(result)) {
        result =
            kc_purse_place_open(&target->place, &port, target->temporary, &registrar->purse_crypto);
    }
    return kc_failed(result) ? result : kc_slot_open(&target->uim, &port);
}

struct kc_result kc_target_finish(struct kc_target *target)
{
    kc_purse_place_close(&target->place);
    return target->card ? kc_ok() : kc_file_name_new(target->temporary, target->path);
}

void kc_target_drop(struct kc_target *target)
{
    kc_purse_place_close(&target->place);
    if (!target->card) {
        (void)unlink(target->temporary);
    }
}
