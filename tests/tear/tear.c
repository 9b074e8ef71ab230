/* Does a purse that is cut from power at any moment come back with the state before or after, and can go on?
 *
 * Every step of every script is cut in each of its writes and syncs. Of what was written since the last sync, any subset may have
 * got through: the port promises nothing before a sync. Writes between two syncs do not overlap (checked), so their order makes
 * no difference. The write that was cut may have got through from its beginning to some byte, or from some byte to its end.
 *
 *   tear [--all] [--pairs]
 *
 * --all tears every write at each of its bytes and finishes every case, not only some; --pairs also cuts what follows, the
 * power-up and the whole way to the end of the script, a second time (without it one script is). Prints TAP, a point a script. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/libcrypto.h"
#include "purse/inside.h"
#include "scripts.h"
#include "stand_in.h"

#define MARK_REACH (KC_NVM_MARKS_AT + 2 * KC_NVM_MARK_SIZE)
/* Static items with the second places of the purse's own, what waits for a renewal and what one leaves. */
#define ITEM_COUNT KC_STATIC_PLACES
#define FINISH_EVERY 2u /* without --all */
#define SECOND_CUTS_MAX 200u

/* A purse's state outside of its image: digests of the static items, of the entries in the log with their orders and of the
 * answers beside them, by slot, of what it knows of the partner, of its hotlist, of the bank's new keys and of the authority's;
 * zeros: not there. */
struct outside {
    uint8_t items[ITEM_COUNT][KC_DIGEST_SIZE];
    uint8_t lines[KC_LOG_SLOT_COUNT][KC_DIGEST_SIZE];
    uint8_t answers[KC_LOG_SLOT_COUNT][KC_DIGEST_SIZE];
    uint8_t partner[KC_DIGEST_SIZE];
    uint8_t hotlist[KC_DIGEST_SIZE];
    uint8_t roll[KC_DIGEST_SIZE];
    uint8_t notice[KC_DIGEST_SIZE];
};

/* A purse at rest between two steps of its script. */
struct moment {
    uint8_t state[KC_IMAGE_SIZE_MAX];
    size_t state_size;
    uint64_t tries;
    uint64_t counter;
    uint64_t standing; /* entries that have to be in the log */
    enum kc_life life;
    uint64_t value;
    struct outside outside;
    /* The host's clock and the random numbers there: a step done again from here does the same to the byte. */
    uint64_t clock_ms;
    uint64_t draws;
};

struct response {
    uint8_t bytes[KC_RESPONSE_SIZE_MAX];
    size_t size;
};

static const struct script *script;
/* The script as it goes when nothing is cut: before its first step, and after each one with its response. */
static struct moment moments[STEPS_MAX + 1];
static struct response responses[STEPS_MAX];
static size_t step_count;

static struct kc_crypto real;
static struct stand_in stand_in;
static struct world world;
static struct world saved; /* before the step that is torn */
static struct world_memory at_cut;
static unsigned compared; /* PINs that the cut command had compared */
static bool all_bytes;
static bool pairs;
static uint64_t cases;
static uint64_t finished;
static char place[256];

#define CHECK(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

__attribute__((noreturn)) static void fail(const char *what, int line)
{
    (void)printf("not ok - %s\n# %s: does not hold: %s (line %d)\n", script->name, place, what,
                 line);
    (void)fflush(stdout);
    exit(1);
}

/* ---- looking ---- */

static bool digest_item(uint8_t out[KC_DIGEST_SIZE], unsigned item)
{
    struct kc_view content;
    memset(out, 0, KC_DIGEST_SIZE);
    if (kc_failed(kc_purse_static_get(&content, &world.purse, item))) {
        return false;
    }
    kc_digest(&world.crypto, out, content);
    return true;
}

static void digest_line(struct outside *out, uint64_t counter)
{
    struct kc_log_slot slot;
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = &world.crypto;
    size_t slot_place = counter % KC_LOG_SLOT_COUNT;
    if (kc_failed(kc_purse_log_get(&slot, &world.purse, counter))) {
        return;
    }
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, slot.entry);
    crypto->sha256_add(crypto->context, &hash, slot.order);
    crypto->sha256_end(crypto->context, &hash, out->lines[slot_place]);
    if (slot.answer.size > 0) {
        kc_digest(crypto, out->answers[slot_place], slot.answer);
    }
}

static void digest_partner(struct outside *out)
{
    struct kc_partner partner;
    struct kc_payee_identity said;
    WORLD_CHECK(
        !kc_failed(kc_shape_decode(&said, &kc_payee_identity_shape, world_partner_offer(&world))));
    if (!kc_failed(kc_purse_partner_find(&partner, &world.purse, said.account, said.purse))) {
        CHECK(memcmp(&partner.key, &world.partner.public_key, sizeof partner.key) == 0);
        CHECK(partner.expires_s == WORLD_EXPIRES_S);
        kc_digest(&world.crypto, out->partner, kc_view(partner.key.p256.x, 32));
    }
}

static void digest_hotlist(struct outside *out)
{
    struct kc_view part;
    uint8_t both[2 * KC_DIGEST_SIZE] = {0};
    for (unsigned i = 0; i < 2; i++) {
        if (!kc_failed(kc_purse_hotlist_get(&part, &world.purse, i == 1))) {
            kc_digest(&world.crypto, both + (size_t)i * KC_DIGEST_SIZE, part);
        }
    }
    if (world.purse.hotlist.version > 0) {
        kc_digest(&world.crypto, out->hotlist, kc_view(both, sizeof both));
    }
}

static void digest_roll(struct outside *out)
{
    struct kc_view roll;
    if (!kc_failed(kc_purse_roll_get(&roll, &world.purse, 0))) {
        kc_digest(&world.crypto, out->roll, roll);
    }
}

static void digest_notice(struct outside *out)
{
    struct kc_view notice;
    struct kc_noticed_keys told;
    if (!kc_failed(kc_purse_notice_get(&notice, &told, &world.purse))) {
        kc_digest(&world.crypto, out->notice, notice);
    }
}

static void look_outside(struct outside *out)
{
    uint64_t newest = world.purse.state.counter;
    memset(out, 0, sizeof *out);
    for (unsigned item = 0; item < ITEM_COUNT; item++) {
        (void)digest_item(out->items[item], item);
    }
    for (uint64_t back = 0; back < KC_LOG_COUNT && back < newest; back++) {
        digest_line(out, newest - back);
    }
    digest_partner(out);
    digest_hotlist(out);
    digest_roll(out);
    digest_notice(out);
}

static void look(struct moment *out)
{
    out->state_size = world_state_bytes(&world, out->state);
    out->tries = world.purse.state.pin_tries;
    out->counter = world.purse.state.counter;
    out->standing = world.purse.state.counter - kc_purse_log_base(&world.purse);
    out->life = world.purse.state.life;
    out->value = world_value(&world);
    out->clock_ms = world.clock_ms;
    out->draws = stand_in.draws;
    look_outside(&out->outside);
}

static bool is_working(enum kc_life life)
{
    return life >= KC_LIFE_READY && life <= KC_LIFE_ANSWERED;
}

/* Whether the state is that of a moment, but for the tries of the PIN, which are `tries`. */
static bool is_at(const struct moment *moment, uint64_t tries)
{
    static uint8_t bytes[KC_IMAGE_SIZE_MAX];
    uint64_t now = world.purse.state.pin_tries;
    world.purse.state.pin_tries = moment->tries;
    size_t size = world_state_bytes(&world, bytes);
    world.purse.state.pin_tries = now;
    return now == tries && size == moment->state_size && memcmp(bytes, moment->state, size) == 0;
}

static bool same(const uint8_t a[KC_DIGEST_SIZE], const uint8_t b[KC_DIGEST_SIZE])
{
    return memcmp(a, b, KC_DIGEST_SIZE) == 0;
}

/* Whether the purse works with what stands in that place, and not only with what a renewal will change over to. */
static bool is_in_force(unsigned item)
{
    uint64_t set = world.purse.state.key_set;
    if (item >= KC_STATIC_COUNT) {
        return set == 1 && item < KC_STATIC_COUNT + KC_STATIC_OWN_COUNT;
    }
    return set == 0 || kc_purse_static_place(item, 1) == item;
}

/* Static items in step `at`: before, after, or torn where the step writes one; all after it when the state is. */
static void check_items(const struct outside *now, size_t at, bool is_after)
{
    static const uint8_t nothing[KC_DIGEST_SIZE];
    for (unsigned i = 0; i < ITEM_COUNT; i++) {
        const uint8_t *before = moments[at].outside.items[i];
        const uint8_t *after = moments[at + 1].outside.items[i];
        /* What a renewal writes is not in force yet. */
        bool may_be_torn =
            !same(before, after) && (!is_in_force(i) || !is_working(world.purse.state.life));
        CHECK(same(now->items[i], after) || (!is_after && same(now->items[i], before)) ||
              (!is_after && may_be_torn && same(now->items[i], nothing)));
    }
}

/* Whether the step puts a new entry where that slot holds one. */
static bool is_taken(size_t slot, size_t at)
{
    uint64_t first = moments[at].counter + 1;
    uint64_t count = moments[at + 1].counter - moments[at].counter;
    return (slot + KC_LOG_SLOT_COUNT - first % KC_LOG_SLOT_COUNT) % KC_LOG_SLOT_COUNT < count;
}

/* An answer is there before its payment is over; one that was there stays. */
static bool answer_fits(const uint8_t now[KC_DIGEST_SIZE], const uint8_t before[KC_DIGEST_SIZE],
                        const uint8_t after[KC_DIGEST_SIZE])
{
    static const uint8_t nothing[KC_DIGEST_SIZE];
    return same(now, before) || (same(before, nothing) && same(now, after));
}

/* The log is whole after a step. Before it, it lacks at most the lines in the slots that new entries take, which are ones that
 * the bank has counted or that were given up before. */
static void check_lines(const struct outside *now, size_t at, bool is_after)
{
    const struct outside *before = &moments[at].outside;
    const struct outside *after = &moments[at + 1].outside;
    uint64_t count = moments[at + 1].counter - moments[at].counter;
    CHECK(moments[at].standing + count <= KC_LOG_SLOT_COUNT);
    CHECK(moments[at].standing <= KC_LOG_COUNT && moments[at + 1].standing <= KC_LOG_COUNT);
    for (size_t slot = 0; slot < KC_LOG_SLOT_COUNT; slot++) {
        if (is_after) {
            CHECK(same(now->lines[slot], after->lines[slot]));
            CHECK(same(now->answers[slot], after->answers[slot]));
        } else if (!is_taken(slot, at)) {
            CHECK(same(now->lines[slot], before->lines[slot]));
            CHECK(answer_fits(now->answers[slot], before->answers[slot], after->answers[slot]));
        }
    }
}

/* A partner that is being written is the one before, the one after, or not known. */
static void check_partner(const struct outside *now, size_t at, bool is_after)
{
    static const uint8_t nothing[KC_DIGEST_SIZE];
    const uint8_t *before = moments[at].outside.partner;
    const uint8_t *after = moments[at + 1].outside.partner;
    CHECK(same(now->partner, after) || (!is_after && same(now->partner, before)) ||
          (!is_after && !same(before, after) && same(now->partner, nothing)));
}

/* The list before or the one after, never none where there was one; the bank's keys and what it tells of the authority alike. */
static void check_hotlist(const struct outside *now, size_t at, bool is_after)
{
    const uint8_t *before = moments[at].outside.hotlist;
    const uint8_t *after = moments[at + 1].outside.hotlist;
    CHECK(same(now->hotlist, after) || (!is_after && same(now->hotlist, before)));
    const uint8_t *keys_before = moments[at].outside.roll;
    const uint8_t *keys_after = moments[at + 1].outside.roll;
    CHECK(same(now->roll, keys_after) || (!is_after && same(now->roll, keys_before)));
    const uint8_t *told_before = moments[at].outside.notice;
    const uint8_t *told_after = moments[at + 1].outside.notice;
    CHECK(same(now->notice, told_after) || (!is_after && same(now->notice, told_before)));
}

/* Checks a purse that came up again after a cut in step `at`, or in the session before it (`sessions`, in which the right PIN
 * takes a try and gives it back). True when its state is the one after the step. */
static bool check_state(size_t at, bool sessions)
{
    bool guesses = script->steps[at].run != NULL && script->steps[at].guesses;
    const struct moment *before = &moments[at];
    const struct moment *after = &moments[script->steps[at].run != NULL ? at + 1 : at];
    struct outside now;
    CHECK(!world.purse.locked && !world.purse.pin_verified && !world.purse.selected);
    bool is_before = is_at(before, before->tries);
    bool is_counted = (guesses || sessions) && is_at(before, before->tries - 1);
    bool is_after = is_at(after, after->tries);
    CHECK(is_before || is_after || is_counted);
    /* Whoever had a wrong PIN compared, or the right one without its answer, has paid for it. */
    CHECK(compared == 0 || !is_before || is_after);
    bool moved = is_after && !is_before;
    look_outside(&now);
    if (script->steps[at].run != NULL) {
        check_items(&now, at, moved);
        check_lines(&now, at, moved);
        check_partner(&now, at, moved);
        check_hotlist(&now, at, moved);
    }
    return moved;
}

/* ---- going on ---- */

static bool run_step(size_t at)
{
    world.clock_ms = moments[at].clock_ms;
    stand_in.draws = moments[at].draws;
    return script->steps[at].run(&world) == script->steps[at].wanted;
}

static bool begin_session(void)
{
    if (world_select(&world) != KC_OK) {
        return false;
    }
    bool wants_pin = script->has_session && is_working(world.purse.state.life);
    return !wants_pin || world_pin(&world, WORLD_PIN) == KC_OK;
}

/* What the host would have sent is given again, byte for byte, and changes nothing. */
static void check_repeat(size_t at)
{
    if (script->steps[at].again != NULL && is_working(world.purse.state.life)) {
        uint64_t sequence = world.purse.image_sequence;
        CHECK(script->steps[at].again(&world) == KC_OK);
        CHECK(world.purse.image_sequence == sequence);
        CHECK(kc_view_equal(world_data(&world),
                            kc_view(responses[at].bytes, responses[at].size - 2)));
    }
}

/* From a powered-up purse that has every step before `at` behind it to the end of the script. */
static void finish_from(size_t at, bool repeats)
{
    CHECK(begin_session());
    if (repeats) {
        check_repeat(at - 1);
    }
    while (at < step_count) {
        CHECK(run_step(at++));
    }
    const struct moment *end = &moments[step_count];
    CHECK(is_at(end, end->tries) && world_value(&world) == end->value);
    finished++;
}

/* After a cut in a script of the PIN: with tries left the right one is taken, as it was before or after its change. */
static void finish_pin(void)
{
    uint64_t tries = world.purse.state.pin_tries;
    CHECK(world_select(&world) == KC_OK);
    if (tries == 0) {
        CHECK(world_pin(&world, WORLD_PIN) == KC_PIN_BLOCKED);
    } else {
        bool is_old = world_pin(&world, WORLD_PIN) == KC_OK;
        CHECK(is_old || tries == 1 || world_pin(&world, "77777777") == KC_OK);
    }
    finished++;
}

static bool is_pin_script(void)
{
    return script->steps[0].guesses;
}

/* ---- the second cut ---- */

static void restore_cut(const struct world_survival *survival)
{
    memcpy(world.memory.durable, at_cut.durable, sizeof at_cut.durable);
    memcpy(world.memory.writes, at_cut.writes, at_cut.write_count * sizeof at_cut.writes[0]);
    world.memory.write_count = at_cut.write_count;
    world_memory_survive(&world.memory, survival);
}

/* The second time nothing, the first half or everything of what was not synced survives. */
static void survive_second(unsigned way)
{
    struct world_survival survival = {0};
    for (size_t i = 0; i < world.memory.write_count; i++) {
        size_t size = world.memory.writes[i].size;
        survival.pieces[i].to = way == 0 ? 0 : way == 1 ? size / 2 : size;
    }
    world_memory_survive(&world.memory, &survival);
}

/* Comes up after the first cut and goes on to the end, cut in the write or sync of that number; *at is the step it was in.
 * False when the end came before the cut. */
static bool go_on_until_cut(size_t *at, const struct world_survival *survival, size_t cut_step)
{
    restore_cut(survival);
    world.memory.cut_step = cut_step;
    world_power(&world);
    bool going = !world.memory.off && begin_session();
    while (going && *at < step_count) {
        going = run_step(*at);
        *at += going ? 1 : 0;
    }
    CHECK(going || world.memory.off);
    return world.memory.off;
}

static void cut_again(const struct world_survival *survival, size_t first_at)
{
    compared = 0;
    for (size_t cut_step = 0; cut_step < SECOND_CUTS_MAX; cut_step++) {
        for (unsigned way = 0; way < 3; way++) {
            size_t at = first_at;
            if (!go_on_until_cut(&at, survival, cut_step)) {
                return;
            }
            survive_second(way);
            world_power(&world);
            cases++;
            bool moved = check_state(at, script->has_session);
            finish_from(moved ? at + 1 : at, moved);
        }
    }
    CHECK(false);
}

/* ---- the first cut ---- */

static void one_case(const struct world_survival *survival, size_t at, bool chosen)
{
    bool finish = all_bytes || chosen || cases % FINISH_EVERY == 0;
    unsigned compared_then = compared;
    cases++;
    restore_cut(survival);
    world_power(&world);
    bool moved = check_state(at, false);
    if (finish && is_pin_script()) {
        finish_pin();
    } else if (finish) {
        finish_from(moved ? at + 1 : at, moved);
    }
    if (chosen && (pairs || script->twice) && !is_pin_script()) {
        cut_again(survival, moved ? at + 1 : at);
    }
    compared = compared_then;
}

/* Where a write is torn: everywhere when it is short or everything is wanted. */
static bool is_torn_at(const struct world_write *write, size_t byte)
{
    bool mark = write->at < MARK_REACH;
    return all_bytes || mark || byte <= 1 || byte == write->size / 2 || byte >= write->size - 1;
}

static void whole(struct world_survival *out, size_t subset, size_t count)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        out->pieces[i].to = (subset >> i & 1) != 0 ? at_cut.writes[i].size : 0;
    }
}

/* The cut write from its beginning to a byte, or from a byte to its end, with a subset of those before it. */
static void torn_cases(size_t at, size_t subset, size_t last)
{
    struct world_survival survival;
    size_t size = at_cut.writes[last].size;
    bool everything_before = subset == ((size_t)1 << last) - 1;
    for (size_t byte = 0; byte <= size; byte++) {
        if (!is_torn_at(&at_cut.writes[last], byte)) {
            continue;
        }
        (void)snprintf(place, sizeof place, "step %zu (%s), write %zu to byte %zu, before it %zx",
                       at, script->steps[at].name, last, byte, subset);
        whole(&survival, subset, last);
        survival.pieces[last].to = byte;
        bool chosen = everything_before && (byte == 0 || byte == size / 2 || byte == size);
        one_case(&survival, at, chosen);
        if (byte > 0 && byte < size) {
            survival.pieces[last].from = byte;
            survival.pieces[last].to = size;
            one_case(&survival, at, false);
        }
    }
}

static void cases_of_cut(size_t at, bool in_write)
{
    struct world_survival survival;
    size_t count = at_cut.write_count;
    size_t before = in_write ? count - 1 : count;
    CHECK(count < 8);
    for (size_t subset = 0; subset < (size_t)1 << before; subset++) {
        if (in_write) {
            torn_cases(at, subset, before);
        } else {
            (void)snprintf(place, sizeof place, "step %zu (%s), sync with writes %zx", at,
                           script->steps[at].name, subset);
            whole(&survival, subset, before);
            one_case(&survival, at, false);
        }
    }
}

/* Their order makes no difference when no two of them touch one byte. */
static void check_no_overlap(void)
{
    for (size_t i = 0; i < at_cut.write_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct world_write *a = &at_cut.writes[i];
            const struct world_write *b = &at_cut.writes[j];
            CHECK(a->at + a->size <= b->at || b->at + b->size <= a->at);
        }
    }
}

/* Cuts a step in its write or sync of that number. Nothing may have left the purse by then, nor leave it afterwards. */
static void cut_step(size_t at, size_t number)
{
    static const uint8_t get_response[] = {0x00, KC_INS_GET_RESPONSE, 0x00, 0x00, 0x00};
    memcpy(&world, &saved, sizeof world);
    world.memory.steps = 0;
    world.memory.cut_step = number;
    stand_in.compared = 0;
    (void)snprintf(place, sizeof place, "step %zu (%s), cut in %zu", at, script->steps[at].name,
                   number);
    CHECK(!run_step(at) && world.memory.off && world_data(&world).size == 0);
    compared = script->steps[at].guesses ? stand_in.compared : 0;
    CHECK(world_send_raw(&world, kc_view(get_response, sizeof get_response)) != KC_OK);
    CHECK(world_data(&world).size == 0 && world_repeat(&world) != KC_OK);
    memcpy(&at_cut, &world.memory, sizeof at_cut);
    check_no_overlap();
    cases_of_cut(at, at_cut.cut_in_write);
}

static void tear_step(size_t at)
{
    memcpy(&world, &saved, sizeof world);
    world.memory.steps = 0;
    CHECK(run_step(at));
    size_t count = world.memory.steps;
    CHECK(count > 0 && world.memory.write_count == 0);
    for (size_t number = 0; number < count; number++) {
        cut_step(at, number);
    }
}

/* Runs the script once, uncut, and keeps what it was at every step. */
static void run_clean(void)
{
    script->prepare(&world);
    step_count = 0;
    (void)snprintf(place, sizeof place, "uncut");
    look(&moments[0]);
    while (script->steps[step_count].run != NULL) {
        struct response *response = &responses[step_count];
        CHECK(run_step(step_count));
        memcpy(response->bytes, world.response, world.response_size);
        response->size = world.response_size;
        look(&moments[++step_count]);
    }
    CHECK(step_count < STEPS_MAX);
}

static void tear_script(void)
{
    uint64_t draws = stand_in.draws;
    run_clean();
    stand_in.draws = draws;
    script->prepare(&world);
    for (size_t at = 0; at < step_count; at++) {
        memcpy(&saved, &world, sizeof saved);
        tear_step(at);
        memcpy(&world, &saved, sizeof world);
        CHECK(run_step(at));
    }
}

static void open_world(void)
{
    struct world_party *parties[] = {&world.own_sign, &world.own_encrypt, &world.bank_sign,
                                     &world.bank_encrypt, &world.partner};
    WORLD_CHECK(!kc_failed(kc_libcrypto_open(&real, 16)));
    world.crypto = stand_in_open(&stand_in, &real);
    world.suite = KC_SUITE_ES256;
    WORLD_CHECK(!kc_failed(kc_realm_set(&world.realm, 1, "JPY")));
    for (size_t i = 0; i < 5; i++) {
        WORLD_CHECK(!kc_failed(world.crypto.generate(world.crypto.context, &parties[i]->private_key,
                                                     &parties[i]->public_key, KC_KEY_P256)));
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        all_bytes = all_bytes || strcmp(argv[i], "--all") == 0;
        pairs = pairs || strcmp(argv[i], "--pairs") == 0;
        if (strcmp(argv[i], "--all") != 0 && strcmp(argv[i], "--pairs") != 0) {
            (void)fprintf(stderr, "usage: tear [--all] [--pairs]\n");
            return 2;
        }
    }
    open_world();
    (void)printf("1..%zu\n", script_count);
    for (size_t i = 0; i < script_count; i++) {
        uint64_t cases_before = cases;
        script = &scripts[i];
        tear_script();
        (void)printf("ok %zu - %s: %llu cuts\n", i + 1, script->name,
                     (unsigned long long)(cases - cases_before));
        (void)fflush(stdout);
    }
    (void)printf("# %llu cuts, %llu of them went on to the end\n", (unsigned long long)cases,
                 (unsigned long long)finished);
    kc_libcrypto_close(&real);
    return 0;
}
