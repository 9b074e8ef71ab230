/* The memory of a purse in RAM, which can lose its power.
 *
 * Reads see every write at once. A write is durable after the next sync; until then a power cut may lose it, and the write that
 * the cut falls into is torn at some byte. The memory is kept as what differs from a fixed image, by blocks, so that many
 * states of it can be saved and taken up again cheaply. */
#ifndef KC_TESTS_WHOLE_NVM_H
#define KC_TESTS_WHOLE_NVM_H

#include "purse/purse.h"

#define NVM_BLOCK 512u
#define NVM_BLOCKS (KC_NVM_SIZE / NVM_BLOCK)
#define NVM_WORDS ((NVM_BLOCKS + 63u) / 64u)
#define NVM_PENDING_MAX 24u
#define NVM_PENDING_BYTES (2u * KC_IMAGE_SIZE_MAX + 4096u)

_Static_assert(KC_NVM_SIZE % NVM_BLOCK == 0, "the memory is whole blocks");

/* A write that was not synced, with what stood there before. */
struct nvm_write {
    uint32_t at;
    uint32_t size;
    uint32_t bytes; /* where both lie in `pending_bytes`: the old, then the new */
};

/* When the power goes: at the write of that number from now on, from 1 (0: never), after so many bytes of it. Writes before
 * it that were not synced are lost where their bit in `lost` is set, the oldest the lowest bit. */
struct nvm_cut {
    unsigned write;
    size_t byte;
    uint32_t lost;
};

struct nvm {
    const uint8_t *image; /* what an untouched block holds; lent */
    struct nvm_cut cut;
    bool dead; /* the power is gone */
    unsigned writes;
    unsigned pending_count;
    size_t pending_size;
    uint64_t touched[NVM_WORDS];
    struct nvm_write pending[NVM_PENDING_MAX];
    uint8_t pending_bytes[2 * NVM_PENDING_BYTES];
    uint8_t bytes[KC_NVM_SIZE];
};

/* A state of a memory: the blocks that differ from the image, one after the other. */
struct nvm_copy {
    uint64_t touched[NVM_WORDS];
    size_t size;
    uint8_t bytes[KC_NVM_SIZE];
};

/* A memory that holds the image. */
void nvm_make(struct nvm *nvm, const uint8_t image[KC_NVM_SIZE]);
/* Back to the image, at the cost of what was touched. */
void nvm_reset(struct nvm *nvm);
struct kc_nvm nvm_port(struct nvm *nvm);

/* Arms a cut. */
void nvm_arm(struct nvm *nvm, const struct nvm_cut *cut);
/* Pulls the plug now, between two writes; what is not synced is lost by the bits. */
void nvm_unplug(struct nvm *nvm, uint32_t lost);
/* What a power-up finds: lost writes undone, nothing armed. */
void nvm_settle(struct nvm *nvm);

/* Both want memories with the same image, and nothing pending. */
void nvm_save(struct nvm_copy *out, const struct nvm *nvm);
void nvm_restore(struct nvm *nvm, const struct nvm_copy *copy);

#endif
