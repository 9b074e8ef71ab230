#include "whole_list.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "whole_hand.h"

/* A base, what adds to it, and what came meanwhile. */
#define PARTS_MOST 3u

/* Whether power or an unknown key kept the purse from taking it. */
static bool is_disturbed(struct kc_result result)
{
    return kc_failed(result) && result.code != KC_STALE_STATE && result.code != KC_BASE_NEEDED;
}

/* A part is written in one go: power goes there, or never. */
static void arm(struct play *play, unsigned place)
{
    struct nvm *nvm = &play->whole->purses[place].nvm;
    if (nvm->dead || !hand_chance(play, play->habits.cut_percent)) {
        return;
    }
    const struct nvm_cut cut = {.write = 1 + (unsigned)hand_below(play, 2),
                                .byte = hand_below(play, 3) == 0 ? 0 : hand_below(play, 300),
                                .lost = (uint32_t)hand_below(play, 4)};
    nvm_arm(nvm, &cut);
}

/* A delta that a purse says it took is in force; of a base nothing is sure but that it waits. */
static bool is_in_force(struct play *play, unsigned place, struct kc_view part)
{
    struct kc_signed parsed;
    struct kc_hotlist_delta delta;
    if (kc_failed(kc_signed_parse(&parsed, part)) ||
        kc_signed_shape(&parsed) != &kc_hotlist_delta_shape ||
        kc_failed(kc_shape_decode(&delta, &kc_hotlist_delta_shape, parsed.payload))) {
        return true;
    }
    return truth_took_delta(&play->truth, place, delta.version);
}

static bool give(struct play *play, unsigned place, struct kc_view part, const char *what,
                 bool *disturbed)
{
    arm(play, place);
    struct kc_result result = kc_slot_take_hotlist(whole_slot(play->whole, place), part);
    hand_trace(play, "purse %u is given %s of a hotlist: %s, has %" PRIu64, place, what,
               kc_error_name(result.code), play->whole->purses[place].core.hotlist.version);
    play->tally.parts += kc_failed(result) ? 0 : 1;
    *disturbed = *disturbed || is_disturbed(result);
    play->base_needed = result.code == KC_BASE_NEEDED;
    return hand_look(play, place, COMMAND_OTHER, result) &&
           (kc_failed(result) || is_in_force(play, place, part));
}

static void keep(struct play *play, struct kc_view part)
{
    if (play->part_count < PLAY_PARTS || hand_chance(play, 30)) {
        size_t at =
            play->part_count < PLAY_PARTS ? play->part_count++ : hand_below(play, PLAY_PARTS);
        memcpy(play->parts[at].bytes, part.data, part.size);
        play->parts[at].size = part.size;
    }
}

/* The version of the base that came, or what was asked with. */
static uint64_t base_in(struct kc_view part, uint64_t base)
{
    struct kc_signed parsed;
    struct kc_hotlist_base record;
    return kc_failed(kc_signed_parse(&parsed, part)) ||
                   kc_signed_shape(&parsed) != &kc_hotlist_base_shape ||
                   kc_failed(kc_shape_decode(&record, &kc_hotlist_base_shape, parsed.payload))
               ? base
               : record.version;
}

/* The part for who holds that base. */
static bool ask_bank(struct kc_buffer *out, struct play *play, uint64_t base)
{
    struct kc_view part;
    if (kc_failed(whole_bank_hotlist_part(&part, play->whole, base))) {
        return false;
    }
    KC_ASSERT(part.size <= out->capacity);
    memcpy(out->data, part.data, part.size);
    out->size = part.size;
    keep(play, part);
    return true;
}

bool list_fetch(struct play *play, unsigned place)
{
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    bool disturbed = false;
    bool good = true;
    bool older = false;
    uint64_t base = play->whole->purses[place].core.hotlist.base;
    for (unsigned i = 0; i < PARTS_MOST && good && !older; i++) {
        struct kc_buffer part = KC_BUFFER(bytes);
        if (!ask_bank(&part, play, base)) {
            play->whole->store.fault = RAM_GOOD;
            return true;
        }
        good = give(play, place, kc_buffer_view(&part), "the bank's part", &disturbed);
        base = base_in(kc_buffer_view(&part), base);
        older = play->base_needed;
    }
    if (good && older) {
        struct kc_buffer list = KC_BUFFER(bytes);
        whole_bank_hotlist(&list, play->whole);
        good = give(play, place, kc_buffer_view(&list), "the older form", &disturbed);
    }
    return good && (disturbed || truth_took_hotlist(&play->truth, place, true));
}

/* A list of the older form, newer than that base: until there is a newer one it takes neither that nor what adds to it. */
static bool holds_older_form(const struct kc_hotlist_held *held, uint64_t base)
{
    bool is = false;
    for (unsigned i = 0; i < KC_HOTLIST_COUNT; i++) {
        is = is || (held->bases[i] % WHOLE_HOTLIST_STEP != 0 && held->bases[i] > base);
    }
    return is;
}

/* As two stations do it: what the other one lacks by its own word, which may be of before. */
static bool pass_on(struct play *play, unsigned from, unsigned to)
{
    const struct kc_hotlist_held *theirs = &play->whole->purses[to].core.hotlist;
    struct kc_hotlist_told told = {.version = theirs->version, .base = theirs->base};
    unsigned next = 0;
    bool disturbed = false;
    bool good = true;
    bool wrong = hand_chance(play, 30);
    told.base = wrong ? WHOLE_HOTLIST_STEP * hand_below(play, 3) : told.base;
    bool older = holds_older_form(theirs, play->whole->purses[from].core.hotlist.base);
    play->base_needed = false;
    for (unsigned i = 0; i < PARTS_MOST && good; i++) {
        uint8_t bytes[KC_MESSAGE_SIZE_MAX];
        struct kc_view part;
        if (kc_failed(kc_slot_hotlist(&part, whole_slot(play->whole, from), &told, &next))) {
            break;
        }
        memcpy(bytes, part.data, part.size);
        good = give(play, to, kc_view(bytes, part.size), "another purse's part", &disturbed);
    }
    bool rogue = play->truth.rogue[play->whole->purses[from].holder] ||
                 play->truth.rogue[play->whole->purses[to].holder];
    bool less = play->truth.places[to].hotlist < play->truth.places[from].hotlist;
    bool may = wrong || disturbed || rogue || !less || (older && play->base_needed);
    return good && (may || truth_took_hotlist(&play->truth, to, true));
}

/* One of before, or with something changed. */
static bool give_kept(struct play *play, unsigned place)
{
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    bool disturbed = false;
    if (play->part_count == 0) {
        return list_fetch(play, place);
    }
    size_t at = hand_below(play, play->part_count);
    size_t size = play->parts[at].size;
    memcpy(bytes, play->parts[at].bytes, size);
    bool forged = hand_chance(play, 20);
    if (forged) {
        bytes[hand_below(play, size)] ^= (uint8_t)(1u << hand_below(play, 8));
    }
    return give(play, place, kc_view(bytes, size), forged ? "a forged part" : "a part of before",
                &disturbed);
}

/* Somebody asks for what he says he has. */
static bool give_other(struct play *play, unsigned place)
{
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_buffer part = KC_BUFFER(bytes);
    bool disturbed = false;
    bool there = ask_bank(&part, play, WHOLE_HOTLIST_STEP * hand_below(play, 3));
    play->whole->store.fault = RAM_GOOD;
    return !there || give(play, place, kc_buffer_view(&part), "some part", &disturbed);
}

/* Of somebody who does not play. */
static bool lose_another(struct play *play)
{
    unsigned others = play->whole->base->options.holders - play->habits.holders;
    unsigned holder = play->habits.holders + (unsigned)hand_below(play, others);
    play->whole->store.fault = RAM_GOOD;
    struct kc_result result = whole_bank_lost(play->whole, holder);
    hand_trace(play, "purse %u is lost: %s", holder, kc_error_name(result.code));
    return truth_bank(&play->truth);
}

bool list_grow(struct play *play)
{
    return hand_chance(play, 35) ? lose_another(play) : list_act(play, hand_any_place(play));
}

bool list_act(struct play *play, unsigned place)
{
    switch (hand_below(play, 6)) {
    case 0:
    case 1:
        return list_fetch(play, place);
    case 2:
    case 3:
        return pass_on(play, hand_any_place(play), place);
    case 4:
        return give_kept(play, place);
    default:
        return give_other(play, place);
    }
}
