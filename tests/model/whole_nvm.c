#include "whole_nvm.h"

#include <string.h>

#include "base/assert.h"

static void touch(struct nvm *nvm, size_t at, size_t size)
{
    if (size == 0) {
        return;
    }
    for (size_t block = at / NVM_BLOCK; block <= (at + size - 1) / NVM_BLOCK; block++) {
        nvm->touched[block / 64] |= UINT64_C(1) << (block % 64);
    }
}

static bool is_touched(const uint64_t touched[NVM_WORDS], size_t block)
{
    return (touched[block / 64] >> (block % 64) & 1u) != 0;
}

void nvm_make(struct nvm *nvm, const uint8_t image[KC_NVM_SIZE])
{
    memset(nvm, 0, sizeof *nvm);
    nvm->image = image;
    memcpy(nvm->bytes, image, KC_NVM_SIZE);
}

static void forget_pending(struct nvm *nvm)
{
    nvm->pending_count = 0;
    nvm->pending_size = 0;
}

static void restore_blocks(struct nvm *nvm)
{
    for (size_t word = 0; word < NVM_WORDS; word++) {
        for (uint64_t bits = nvm->touched[word]; bits != 0; bits &= bits - 1) {
            size_t at = (word * 64 + (size_t)__builtin_ctzll(bits)) * NVM_BLOCK;
            memcpy(nvm->bytes + at, nvm->image + at, NVM_BLOCK);
        }
        nvm->touched[word] = 0;
    }
}

void nvm_reset(struct nvm *nvm)
{
    restore_blocks(nvm);
    forget_pending(nvm);
    nvm->cut = (struct nvm_cut){.write = 0};
    nvm->dead = false;
    nvm->writes = 0;
}

/* ---- the port ---- */

static struct kc_result nvm_read(void *context, size_t offset, uint8_t *out, size_t size)
{
    const struct nvm *nvm = context;
    KC_ASSERT(offset <= KC_NVM_SIZE && size <= KC_NVM_SIZE - offset);
    if (nvm->dead) {
        return kc_result(KC_IO_FAILED);
    }
    memcpy(out, nvm->bytes + offset, size);
    return kc_ok();
}

static void remember(struct nvm *nvm, size_t offset, const uint8_t *data, size_t size)
{
    KC_ASSERT(nvm->pending_count < NVM_PENDING_MAX);
    KC_ASSERT(2 * size <= sizeof nvm->pending_bytes - nvm->pending_size);
    struct nvm_write *write = &nvm->pending[nvm->pending_count++];
    *write = (struct nvm_write){
        .at = (uint32_t)offset, .size = (uint32_t)size, .bytes = (uint32_t)nvm->pending_size};
    memcpy(nvm->pending_bytes + write->bytes, nvm->bytes + offset, size);
    memcpy(nvm->pending_bytes + write->bytes + size, data, size);
    nvm->pending_size += 2 * size;
}

static struct kc_result nvm_write(void *context, size_t offset, const uint8_t *data, size_t size)
{
    struct nvm *nvm = context;
    KC_ASSERT(offset <= KC_NVM_SIZE && size <= KC_NVM_SIZE - offset);
    if (nvm->dead) {
        return kc_result(KC_IO_FAILED);
    }
    nvm->writes += 1;
    bool last = nvm->cut.write != 0 && --nvm->cut.write == 0;
    size_t whole = size;
    if (last) {
        size = nvm->cut.byte < size ? nvm->cut.byte : size;
    }
    remember(nvm, offset, data, size);
    memcpy(nvm->bytes + offset, data, size);
    touch(nvm, offset, whole);
    nvm->dead = last;
    return kc_result(last ? KC_IO_FAILED : KC_OK);
}

static struct kc_result nvm_sync(void *context)
{
    struct nvm *nvm = context;
    if (nvm->dead) {
        return kc_result(KC_IO_FAILED);
    }
    forget_pending(nvm);
    return kc_ok();
}

struct kc_nvm nvm_port(struct nvm *nvm)
{
    return (struct kc_nvm){.context = nvm,
                           .size = KC_NVM_SIZE,
                           .read = nvm_read,
                           .write = nvm_write,
                           .sync = nvm_sync};
}

/* ---- power ---- */

void nvm_arm(struct nvm *nvm, const struct nvm_cut *cut)
{
    KC_ASSERT(!nvm->dead);
    nvm->cut = *cut;
}

void nvm_unplug(struct nvm *nvm, uint32_t lost)
{
    nvm->cut = (struct nvm_cut){.lost = lost};
    nvm->dead = true;
}

void nvm_settle(struct nvm *nvm)
{
    uint32_t lost = nvm->cut.lost;
    if (nvm->dead && lost != 0) {
        for (unsigned i = nvm->pending_count; i-- > 0;) {
            const struct nvm_write *write = &nvm->pending[i];
            memcpy(nvm->bytes + write->at, nvm->pending_bytes + write->bytes, write->size);
        }
        for (unsigned i = 0; i < nvm->pending_count; i++) {
            const struct nvm_write *write = &nvm->pending[i];
            if ((lost >> i & 1u) == 0) {
                memcpy(nvm->bytes + write->at, nvm->pending_bytes + write->bytes + write->size,
                       write->size);
            }
        }
    }
    forget_pending(nvm);
    nvm->cut = (struct nvm_cut){.write = 0};
    nvm->dead = false;
}

/* ---- states ---- */

void nvm_save(struct nvm_copy *out, const struct nvm *nvm)
{
    KC_ASSERT(!nvm->dead && nvm->pending_count == 0);
    memcpy(out->touched, nvm->touched, sizeof out->touched);
    out->size = 0;
    for (size_t word = 0; word < NVM_WORDS; word++) {
        for (uint64_t bits = nvm->touched[word]; bits != 0; bits &= bits - 1) {
            size_t at = (word * 64 + (size_t)__builtin_ctzll(bits)) * NVM_BLOCK;
            memcpy(out->bytes + out->size, nvm->bytes + at, NVM_BLOCK);
            out->size += NVM_BLOCK;
        }
    }
}

void nvm_restore(struct nvm *nvm, const struct nvm_copy *copy)
{
    size_t from = 0;
    nvm_reset(nvm);
    memcpy(nvm->touched, copy->touched, sizeof nvm->touched);
    for (size_t block = 0; block < NVM_BLOCKS; block++) {
        if (is_touched(copy->touched, block)) {
            memcpy(nvm->bytes + block * NVM_BLOCK, copy->bytes + from, NVM_BLOCK);
            from += NVM_BLOCK;
        }
    }
    KC_ASSERT(from == copy->size);
}
