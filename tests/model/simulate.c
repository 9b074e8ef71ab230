/* What happens in an episode. At its end every honest purse can come back to the bank's value. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "mutants.h"
#include "sim.h"

#define BATCH_MAX 3
/* So many purses are never restored from a backup. */
#define HONEST 2

/* ---- what a purse hears ---- */

static void hear_quote(struct actor *actor, const struct toy_reply *reply)
{
    struct purse_state *now = &actor->now;
    if (now->toy.life == TOY_REQUESTED && now->toy.pending_ms == reply->quote.transaction_ms) {
        now->quote = reply->quote;
        memcpy(now->name, reply->name, sizeof now->name);
        now->quoted = true;
    }
}

static void hear_outcome(struct actor *actor, struct sim *sim, const struct toy_reply *reply)
{
    toy_take(&actor->now.toy, &sim->world, &reply->outcome);
    actor->now.quoted = actor->now.quoted && actor->now.toy.life == TOY_REQUESTED;
    actor->now.must_sync = false;
}

static void hear_refusal(struct actor *actor, uint64_t time_ms, enum kc_error code)
{
    struct toy *toy = &actor->now.toy;
    if (code == KC_PURSE_BLOCKED || code == KC_COPIED_OR_RESTORED) {
        actor->dead = true;
    }
    if (toy->life == TOY_REQUESTED && toy->pending_ms == time_ms && !actor->now.quoted) {
        toy->life = TOY_READY;
        toy->pending_ms = 0;
        actor->now.must_sync = code == KC_PENDING;
    }
}

static void hear(struct sim *sim, const struct letter *letter, const struct toy_reply *reply)
{
    struct actor *actor = &sim->actors[letter->purse];
    const struct toy_message *message = &letter->message;
    bool ours = reply->outcome.transaction_ms == actor->now.toy.pending_ms;
    if (letter->settles || (message->kind == TOY_FUND && reply->result.code == KC_OK)) {
        if (reply->outcome.has_certified && ours) {
            hear_outcome(actor, sim, reply);
        }
        return;
    }
    switch (message->kind) {
    case TOY_CASH:
    case TOY_FUND:
        if (reply->result.code == KC_OK) {
            hear_quote(actor, reply);
        } else {
            hear_refusal(actor,
                         message->kind == TOY_CASH ? message->cash.time_ms : message->fund.time_ms,
                         reply->result.code);
        }
        break;
    case TOY_ANSWER:
        if (reply->result.code == KC_OK && ours) {
            hear_outcome(actor, sim, reply);
        }
        break;
    case TOY_STATE:
        if (reply->result.code != KC_OK) {
            hear_refusal(actor, 0, reply->result.code);
        } else if (message->state.time_ms == actor->now.toy.last_ms) {
            hear_outcome(actor, sim, reply);
        }
        break;
    case TOY_SETTLE:
        /* Reports are simulated beside this, in settle.c. */
        break;
    }
}

/* ---- batches ---- */

enum fate { FATE_COMMIT, FATE_ABANDON, FATE_FAIL, FATE_UNHEARD, FATE_KILL };

static void run_item(struct sim *sim, struct toy_reply *reply, const struct letter *letter)
{
    if (letter->settles) {
        memset(reply, 0, sizeof *reply);
        reply->result =
            kc_ledger_fund_settle(&reply->outcome, &sim->world.ledger, letter->order.purse,
                                  letter->order.time_ms, letter->answer);
    } else {
        world_item(&sim->world, reply, &letter->message);
    }
}

static bool same_word(struct sim *sim, const struct letter *letter, const struct toy_reply *reply,
                      const struct model_word *word)
{
    unsigned kind = letter->settles ? 9 : (unsigned)letter->message.kind;
    if (reply->result.code != word->code) {
        return sim_wrong(sim, "result of a message of kind", kind, reply->result.code, word->code);
    }
    if (reply->outcome.outcome != word->outcome) {
        return sim_wrong(sim, "outcome of a message of kind", kind, reply->outcome.outcome,
                         word->outcome);
    }
    bool asks = letter->message.kind == TOY_FUND && reply->order.ask;
    return asks == word->ask ? true
                             : sim_wrong(sim, "order of a message of kind", kind, asks, word->ask);
}

static bool run_items(struct sim *sim, struct toy_reply *replies, const struct letter *letters,
                      size_t count)
{
    sim->model.now_ms = sim->world.now_ms;
    if (kc_failed(kc_ledger_begin(&sim->world.ledger, sim->world.now_ms))) {
        return sim_wrong(sim, "begin", 0, 1, 0);
    }
    for (size_t i = 0; i < count; i++) {
        run_item(sim, &replies[i], &letters[i]);
        struct model_word word = model_deliver(&sim->model, &letters[i]);
        if (!same_word(sim, &letters[i], &replies[i], &word)) {
            return false;
        }
        sim->run->items += 1;
        sim->run->copies += word.code == KC_COPIED_OR_RESTORED;
    }
    return true;
}

static bool reopen(struct sim *sim)
{
    world_close(&sim->world);
    struct kc_result result = world_open(&sim->world);
    return kc_failed(result) ? sim_wrong(sim, "opening again", 0, result.code, KC_OK) : true;
}

static _Noreturn void be_killed(struct sim *sim, const struct letter *letters, size_t count, int fd)
{
    struct toy_reply replies[BATCH_MAX];
    if (!kc_failed(world_open(&sim->world)) && run_items(sim, replies, letters, count) &&
        !kc_failed(kc_ledger_commit(&sim->world.ledger)) && write(fd, "k", 1) == 1) {
        (void)sleep(5);
    }
    _exit(1);
}

/* A process of its own writes the batch and is killed at some moment; what it acknowledged must be
 * there. */
static bool run_killed(struct sim *sim, const struct letter *letters, size_t count)
{
    int fds[2];
    char byte;
    int status = 0;
    uint64_t after_us = rng_below(&sim->rng, 2500);
    world_close(&sim->world);
    if (pipe(fds) != 0) {
        return sim_wrong(sim, "pipe", 0, 1, 0);
    }
    pid_t pid = fork();
    if (pid == 0) {
        be_killed(sim, letters, count, fds[1]);
    }
    (void)close(fds[1]);
    (void)usleep((useconds_t)after_us);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    bool acknowledged = read(fds[0], &byte, 1) == 1;
    (void)close(fds[0]);
    if (WIFEXITED(status)) {
        return sim_wrong(sim, "status of a writer", 0, (uint64_t)WEXITSTATUS(status), 0);
    }
    struct kc_result opened = world_open(&sim->world);
    if (kc_failed(opened)) {
        return sim_wrong(sim, "opening after a kill", 0, opened.code, KC_OK);
    }
    sim->model.now_ms = sim->world.now_ms;
    for (size_t i = 0; i < count; i++) {
        struct model_word word = model_deliver(&sim->model, &letters[i]);
        sim->run->copies += word.code == KC_COPIED_OR_RESTORED;
    }
    sim->run->kills += 1;
    bool after = sim_agrees(sim, &sim->model);
    sim->run->committed += after;
    if (!after && !acknowledged) {
        sim->why[0] = '\0';
        sim->model = sim->before;
    }
    return after || !acknowledged;
}

static bool run_batch(struct sim *sim, const struct letter *letters, size_t count, enum fate fate)
{
    struct toy_reply replies[BATCH_MAX];
    sim->before = sim->model;
    sim->run->crashes += fate != FATE_COMMIT;
    if (fate == FATE_KILL) {
        return run_killed(sim, letters, count);
    }
    if (!run_items(sim, replies, letters, count)) {
        return false;
    }
    if (fate == FATE_ABANDON) {
        sim->model = sim->before;
        return reopen(sim);
    }
    mutants_commit = fate == FATE_FAIL      ? COMMIT_FAILS
                     : fate == FATE_UNHEARD ? COMMIT_UNHEARD
                                            : COMMIT_GOOD;
    struct kc_result result = kc_ledger_commit(&sim->world.ledger);
    mutants_commit = COMMIT_GOOD;
    if (fate == FATE_FAIL) {
        sim->model = sim->before;
    }
    if (kc_failed(result) != (fate != FATE_COMMIT)) {
        return sim_wrong(sim, "commit", 0, result.code, KC_OK);
    }
    for (size_t i = 0; i < count && fate == FATE_COMMIT; i++) {
        if (rng_below(&sim->rng, 100) < 85) {
            hear(sim, &letters[i], &replies[i]);
        }
    }
    return true;
}

static enum fate choose_fate(struct sim *sim)
{
    uint64_t r = rng_below(&sim->rng, 1000);
    return r < 20   ? FATE_ABANDON
           : r < 40 ? FATE_FAIL
           : r < 60 ? FATE_UNHEARD
           : r < 75 ? FATE_KILL
                    : FATE_COMMIT;
}

/* ---- the network ---- */

/* The chain from the certified head to the head told, which the bank checks before it asks the
 * ledger. */
static bool chain_holds(struct sim *sim, const struct letter *letter)
{
    const struct kc_ledger_information *told = &letter->message.information;
    const struct kc_crypto *crypto = &sim->world.crypto;
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t counter = told->certified.counter;
    memcpy(head, told->certified.head, KC_DIGEST_SIZE);
    for (size_t i = 0; i < told->entry_count; i++) {
        uint8_t bytes[256];
        struct kc_buffer buffer = KC_BUFFER(bytes);
        struct kc_sha256 hash;
        if (kc_failed(kc_shape_encode(&buffer, &kc_entry_shape, &told->entries[i].entry))) {
            return false;
        }
        crypto->sha256_start(crypto->context, &hash);
        crypto->sha256_add(crypto->context, &hash, kc_view(head, sizeof head));
        crypto->sha256_add(crypto->context, &hash, kc_buffer_view(&buffer));
        crypto->sha256_end(crypto->context, &hash, head);
        counter += 1;
        if (told->entries[i].entry.counter != counter) {
            return false;
        }
    }
    return counter == told->information.counter &&
           memcmp(head, told->information.head, sizeof head) == 0;
}

static void post(struct sim *sim, const struct letter *letter)
{
    if (letter->message.kind != TOY_ANSWER && !chain_holds(sim, letter)) {
        /* Only a restored purse can come to this; the bank answers it "mismatch" before the ledger
         * sees it. */
        KC_ASSERT(sim->actors[letter->purse].restored);
        sim->actors[letter->purse].dead = true;
        return;
    }
    if (sim->pool_count == POOL_MAX) {
        sim->pool[rng_below(&sim->rng, POOL_MAX)] = *letter;
    } else {
        sim->pool[sim->pool_count++] = *letter;
    }
}

/* Takes some letters out of the pool in any order; some stay and will come again. */
static size_t collect(struct sim *sim, struct letter letters[BATCH_MAX])
{
    size_t count = 0;
    size_t wanted = 1 + (size_t)rng_below(&sim->rng, BATCH_MAX);
    while (count < wanted && sim->pool_count > 0) {
        size_t at = (size_t)rng_below(&sim->rng, sim->pool_count);
        uint64_t r = rng_below(&sim->rng, 100);
        if (r >= 10) {
            letters[count++] = sim->pool[at];
        }
        if (r < 85) {
            sim->pool[at] = sim->pool[--sim->pool_count];
        }
    }
    return count;
}

/* ---- what happens ---- */

/* Mostly what is there to be moved, now and then nothing, everything, one too much or far too much.
 */
static uint64_t choose_amount(struct sim *sim, uint64_t available)
{
    uint64_t r = rng_below(&sim->rng, 100);
    if (r < 2) {
        return 0;
    }
    if (r < 3) {
        return KC_AMOUNT_MAX - rng_below(&sim->rng, 3);
    }
    if (r < 14) {
        return available + (r < 8 && available < KC_AMOUNT_MAX ? 1 : 0);
    }
    return 1 + rng_below(&sim->rng, available > 0 ? available : 1);
}

static void stamp(struct sim *sim, struct letter *letter)
{
    char mark[32];
    letter->id = ++sim->next_id;
    (void)snprintf(mark, sizeof mark, "%" PRIu64, letter->id);
    toy_stamp(&letter->message, &sim->world, mark);
}

static void send_new(struct sim *sim, unsigned i, struct letter *letter)
{
    struct purse_state *now = &sim->actors[i].now;
    letter->purse = i;
    letter->settles = false;
    stamp(sim, letter);
    now->last = *letter;
    post(sim, letter);
}

static void ask_state(struct sim *sim, unsigned i)
{
    struct letter letter = {.purse = i};
    toy_state(&letter.message, &sim->actors[i].now.toy, &sim->world);
    send_new(sim, i, &letter);
}

enum wish { WISH_FUND, WISH_REDEEM, WISH_WITHDRAW, WISH_DEPOSIT, WISH_COUNT };

/* Mostly something that can be done; one time in twenty whatever it is. */
static enum wish choose_wish(struct sim *sim, const struct model_purse *purse)
{
    enum wish wish = (enum wish)rng_below(&sim->rng, WISH_COUNT);
    bool any = rng_below(&sim->rng, 20) == 0;
    bool empty = (wish == WISH_DEPOSIT && purse->shadow == 0) ||
                 ((wish == WISH_WITHDRAW || wish == WISH_REDEEM) && purse->account == 0);
    return empty && !any ? (purse->account > 0 ? WISH_WITHDRAW : WISH_FUND) : wish;
}

static void start_request(struct sim *sim, unsigned i)
{
    struct purse_state *now = &sim->actors[i].now;
    struct letter letter = {.purse = i};
    const struct model_purse *purse = &sim->model.purses[i];
    enum wish wish = choose_wish(sim, purse);
    uint64_t available = wish == WISH_FUND      ? 1000
                         : wish == WISH_DEPOSIT ? purse->shadow
                                                : purse->account;
    uint64_t minor = choose_amount(sim, available);
    now->quoted = false;
    if (wish == WISH_WITHDRAW || wish == WISH_DEPOSIT) {
        toy_cash(&letter.message, &now->toy, &sim->world,
                 wish == WISH_WITHDRAW ? KC_CASH_KIND_WITHDRAW : KC_CASH_KIND_DEPOSIT, minor);
    } else {
        toy_fund(&letter.message, &now->toy, &sim->world,
                 wish == WISH_FUND ? KC_FUND_KIND_FUND : KC_FUND_KIND_REDEEM, minor);
    }
    send_new(sim, i, &letter);
}

static void say_answer(struct sim *sim, unsigned i, enum kc_answer answer)
{
    struct purse_state *now = &sim->actors[i].now;
    struct letter letter = {.purse = i};
    struct kc_cash_quote quote = now->quote;
    quote.user_name = kc_view_text(now->name);
    const struct model_transaction *quoted =
        model_find(&sim->model.purses[i], quote.transaction_ms);
    KC_ASSERT(quoted != NULL);
    letter.request_id = quoted->request_id;
    toy_answer(&letter.message, &now->toy, &sim->world, &quote, answer);
    now->quoted = false;
    send_new(sim, i, &letter);
}

static void act(struct sim *sim, unsigned i)
{
    struct actor *actor = &sim->actors[i];
    struct purse_state *now = &actor->now;
    uint64_t r = rng_below(&sim->rng, 100);
    if (actor->dead) {
        return;
    }
    if (now->quoted) {
        if (r < 95) {
            say_answer(sim, i, r < 80 ? KC_ANSWER_OK : KC_ANSWER_NG);
        } else {
            start_request(sim, i);
        }
    } else if (now->toy.life == TOY_READY) {
        if (now->must_sync || r < 4) {
            ask_state(sim, i);
        } else {
            start_request(sim, i);
        }
    } else if (r < 35) {
        post(sim, &now->last);
    } else if (r < (now->toy.life == TOY_ANSWERED ? 50 : 42)) {
        ask_state(sim, i);
    } else if (r >= 95 && now->toy.life == TOY_REQUESTED) {
        start_request(sim, i);
    }
}

/* An order that waits, or now and then one that is settled already. */
static bool choose_order(struct sim *sim, struct letter *letter)
{
    unsigned i = (unsigned)rng_below(&sim->rng, MODEL_PURSES);
    struct model_purse *purse = &sim->model.purses[i];
    bool again = rng_below(&sim->rng, 10) == 0;
    for (size_t j = 0; j < purse->count; j++) {
        const struct model_transaction *order = &purse->transactions[j];
        bool money = order->kind == KC_TRANSACTION_FUND || order->kind == KC_TRANSACTION_REDEEM;
        if (order->state == KC_STATE_SENT ||
            (again && money && order->state == KC_STATE_COMPLETED)) {
            uint64_t r = rng_below(&sim->rng, 100);
            *letter = (struct letter){
                .purse = i,
                .settles = true,
                .order = {.purse = sim->actors[i].now.toy.purse, .time_ms = order->time_ms},
                .answer = r < 60   ? KC_OK
                          : r < 80 ? KC_NO_ABILITY_TO_PAY
                                   : KC_IN_DOUBT};
            return true;
        }
    }
    return false;
}

static void restore_one(struct sim *sim)
{
    struct actor *actor = &sim->actors[HONEST + rng_below(&sim->rng, MODEL_PURSES - HONEST)];
    sim->world.now_ms += 1000;
    if (actor->has_saved && !actor->dead) {
        actor->now = actor->saved;
        actor->restored = true;
    }
}

static bool step(struct sim *sim)
{
    struct letter letters[BATCH_MAX];
    uint64_t r = rng_below(&sim->rng, 1000);
    unsigned i = (unsigned)rng_below(&sim->rng, MODEL_PURSES);
    if (r < 350) {
        act(sim, i);
        return true;
    }
    if (r < 380) {
        sim->world.now_ms +=
            rng_below(&sim->rng, 8) == 0 ? WORLD_QUOTE_MS + 1 : rng_below(&sim->rng, 3000);
        return true;
    }
    if (r < 410) {
        sim->actors[i].saved = sim->actors[i].now;
        sim->actors[i].has_saved = true;
        return true;
    }
    if (r < 418) {
        restore_one(sim);
        return true;
    }
    if (r < 520) {
        return !choose_order(sim, &letters[0]) || run_batch(sim, letters, 1, choose_fate(sim));
    }
    size_t count = collect(sim, letters);
    return count == 0 || run_batch(sim, letters, count, choose_fate(sim));
}

/* ---- an episode ---- */

static bool open_bank(struct sim *sim)
{
    for (unsigned i = 0; i < MODEL_PURSES; i++) {
        struct model_purse *purse = &sim->model.purses[i];
        if (kc_failed(toy_open(&sim->actors[i].now.toy, &sim->world, i))) {
            return sim_wrong(sim, "opening account", i, 1, 0);
        }
        purse->sequence = 1;
    }
    return true;
}

/* Delivers one letter without loss and lets the purse hear the reply. */
static bool deliver(struct sim *sim, const struct letter *letter)
{
    struct toy_reply reply;
    sim->before = sim->model;
    if (!run_items(sim, &reply, letter, 1) || kc_failed(kc_ledger_commit(&sim->world.ledger))) {
        return sim_wrong(sim, "an undisturbed delivery", letter->purse, 1, 0);
    }
    hear(sim, letter, &reply);
    return true;
}

static bool settle_rest(struct sim *sim, unsigned i)
{
    struct model_purse *purse = &sim->model.purses[i];
    for (size_t j = 0; j < purse->count; j++) {
        struct letter letter = {.purse = i,
                                .settles = true,
                                .order = {.purse = sim->actors[i].now.toy.purse,
                                          .time_ms = purse->transactions[j].time_ms},
                                .answer = KC_NO_ABILITY_TO_PAY};
        if (purse->transactions[j].state == KC_STATE_SENT && !deliver(sim, &letter)) {
            return false;
        }
    }
    return true;
}

/* When the network is good again one recovery call brings an honest purse to the bank's value, and
 * all of it can be moved back to the account. */
static bool converge(struct sim *sim, unsigned i)
{
    struct actor *actor = &sim->actors[i];
    struct toy *toy = &actor->now.toy;
    if (!settle_rest(sim, i) || actor->restored) {
        return sim->why[0] == '\0';
    }
    sim->pool_count = 0;
    ask_state(sim, i);
    if (!deliver(sim, &actor->now.last)) {
        return false;
    }
    if (toy->life != TOY_READY || toy->pending_ms != 0) {
        return sim_wrong(sim, "life after recovery, purse", i, (uint64_t)toy->life, TOY_READY);
    }
    if (toy->value != sim->model.purses[i].shadow) {
        return sim_wrong(sim, "value after recovery, purse", i, toy->value,
                         sim->model.purses[i].shadow);
    }
    struct toy_reply reply;
    sim->run->items += 2;
    if (toy->value > 0 &&
        kc_failed(toy_cash_whole(toy, &sim->world, KC_CASH_KIND_DEPOSIT, toy->value, &reply))) {
        return sim_wrong(sim, "a last deposit, purse", i, reply.result.code, KC_OK);
    }
    uint64_t left = world_shadow(&sim->world, toy->purse);
    return left == 0 ? true : sim_wrong(sim, "shadow after the last deposit", i, left, 0);
}

static bool run_episode(struct sim *sim, unsigned steps)
{
    char first[160];
    uint64_t faults = 0;
    bool good = open_bank(sim);
    for (unsigned i = 0; i < steps && good; i++) {
        good = step(sim) && sim_is_sound(sim);
        sim->run->steps += 1;
        if (!good) {
            size_t size = strlen(sim->why);
            (void)snprintf(sim->why + size, 256 - size, " (step %u)", i);
        }
    }
    for (unsigned i = 0; i < MODEL_PURSES && good; i++) {
        good = converge(sim, i);
    }
    if (good && kc_failed(world_audit(&sim->world, &faults, first))) {
        good = sim_wrong(sim, first, 0, faults, 0);
    }
    if (good) {
        sim->run->bookings += sim->world.ledger.totals.next_posting - 1;
    }
    return good;
}

bool simulate(struct tally_of_run *run, uint64_t seed, unsigned steps, char why[256])
{
    struct sim *sim = calloc(1, sizeof *sim);
    why[0] = '\0';
    if (sim == NULL || !world_make(&sim->world)) {
        free(sim);
        (void)snprintf(why, 256, "no memory or no folder");
        return false;
    }
    world_close(&sim->world);
    sim->world.spoil = mutants_spoil;
    sim->rng.state = seed;
    sim->run = run;
    sim->why = why;
    sim->model.crypto = &sim->world.crypto;
    struct kc_result opened = world_open(&sim->world);
    bool good = !kc_failed(opened) && run_episode(sim, steps);
    world_remove(&sim->world);
    free(sim);
    run->episodes += 1;
    return good;
}
