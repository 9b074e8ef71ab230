/* Question: is every order in doubt asked again, and does an ordinary bank that never answers leave
 * room for everybody else? */
#include "expect.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "bank/bank.h"

#define ORDERS 40u
#define ROUND 32u
#define ITEMS 128u
#define EVERY_MS 10000u

/* A bank of which only the parts stand that ask again, and an ordinary bank behind its lane that answers
 * when the test lets it. */
struct setting {
    struct world *world;
    struct kc_bank bank;
    struct kc_bank_item *items;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answers;
    size_t asked_count;
    uint64_t asked[4 * ORDERS];
};

static void *thread_open(void *owner, enum kc_lane lane)
{
    (void)lane;
    return owner;
}

static void thread_close(void *owner, enum kc_lane lane, void *thread)
{
    (void)owner;
    (void)lane;
    (void)thread;
}

static bool step(void *owner, void *thread, struct kc_pipeline_item *head)
{
    struct setting *setting = owner;
    const struct kc_bank_item *item = (const struct kc_bank_item *)(const void *)head;
    (void)thread;
    (void)pthread_mutex_lock(&setting->lock);
    setting->asked[setting->asked_count++] = item->order.purse.number;
    (void)pthread_cond_broadcast(&setting->changed);
    while (!setting->answers) {
        (void)pthread_cond_wait(&setting->changed, &setting->lock);
    }
    kc_bank_round_ended(&setting->bank.again);
    (void)pthread_cond_broadcast(&setting->changed);
    (void)pthread_mutex_unlock(&setting->lock);
    return false;
}

static struct kc_result no_batch(void *owner, void *thread)
{
    (void)owner;
    (void)thread;
    return kc_result(KC_BUSY);
}

static bool no_done(void *owner, void *thread, struct kc_pipeline_item *item,
                    struct kc_result committed)
{
    (void)owner;
    (void)thread;
    (void)item;
    (void)committed;
    return false;
}

static void no_idle(void *owner, void *thread)
{
    (void)owner;
    (void)thread;
}

static int setup_with(void **state, size_t items)
{
    struct setting *setting = calloc(1, sizeof *setting);
    void *world = NULL;
    if (setting == NULL || world_setup(&world) != 0) {
        return -1;
    }
    *state = setting;
    setting->world = world;
    setting->items = calloc(ITEMS, sizeof *setting->items);
    (void)pthread_mutex_init(&setting->lock, NULL);
    (void)pthread_cond_init(&setting->changed, NULL);
    const struct kc_pipeline_calls calls = {.owner = setting,
                                            .thread_open = thread_open,
                                            .thread_close = thread_close,
                                            .step = step,
                                            .batch_begin = no_batch,
                                            .batch_commit = no_batch,
                                            .batch_done = no_done,
                                            .idle = no_idle};
    const unsigned threads[KC_LANE_COUNT] = {[KC_LANE_WRITE] = 1, [KC_LANE_ORDINARY] = 2};
    struct kc_result result =
        setting->items == NULL ? kc_result(KC_NO_MEMORY)
                               : kc_pipeline_start(&setting->bank.pipeline, &calls, setting->items,
                                                   items, sizeof setting->items[0], threads);
    return kc_failed(result) ? -1 : 0;
}

static int setup(void **state)
{
    return setup_with(state, ITEMS);
}

static int small_setup(void **state)
{
    return setup_with(state, 8);
}

static int teardown(void **state)
{
    struct setting *setting = *state;
    void *world = setting->world;
    (void)pthread_cond_destroy(&setting->changed);
    (void)pthread_mutex_destroy(&setting->lock);
    free(setting->items);
    free(setting);
    return world_teardown(&world);
}

static void make_orders(struct setting *setting, unsigned count)
{
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    for (unsigned i = 0; i < count; i++) {
        toy_rich(&toy, setting->world, i, 0, 0);
        toy_fund(&message, &toy, setting->world, KC_FUND_KIND_FUND, 10);
        EXPECT(world_send(setting->world, &reply, &message), KC_OK);
    }
    setting->bank.ledger = setting->world->ledger;
}

static size_t room(struct setting *setting)
{
    struct kc_pipeline_item *taken[ITEMS];
    size_t count = 0;
    while (count < ITEMS && (taken[count] = kc_pipeline_take(&setting->bank.pipeline)) != NULL) {
        count++;
    }
    /* Back by the way of a lane without threads is no way; WRITE gives them back. */
    for (size_t i = 0; i < count; i++) {
        taken[i]->lane = KC_LANE_WRITE;
        kc_pipeline_send(&setting->bank.pipeline, taken[i]);
    }
    return count;
}

static void let_answer(struct setting *setting, size_t total)
{
    (void)pthread_mutex_lock(&setting->lock);
    setting->answers = true;
    (void)pthread_cond_broadcast(&setting->changed);
    while (setting->asked_count < total || atomic_load(&setting->bank.again.asking) > 0) {
        (void)pthread_cond_wait(&setting->changed, &setting->lock);
    }
    (void)pthread_mutex_unlock(&setting->lock);
}

static bool was_asked(const struct setting *setting, size_t from, size_t to, uint64_t purse)
{
    for (size_t i = from; i < to; i++) {
        if (setting->asked[i] == purse) {
            return true;
        }
    }
    return false;
}

/* shows: R-NODE-5 R-CASH-11 */
static void an_ordinary_bank_that_is_silent_holds_one_round_of_items(void **state)
{
    struct setting *setting = *state;
    uint64_t now_ms = WORLD_START_MS;
    make_orders(setting, ORDERS);
    for (int i = 0; i < 10; i++) {
        now_ms += EVERY_MS;
        kc_bank_ask_again(&setting->bank, now_ms);
        assert_int_equal(atomic_load(&setting->bank.again.asking), ROUND);
    }
    assert_int_equal(room(setting), ITEMS - ROUND);
    let_answer(setting, ROUND);
    assert_int_equal(setting->asked_count, ROUND);
    kc_pipeline_stop(&setting->bank.pipeline);
}

/* shows: R-NODE-5 R-CASH-11 */
static void every_order_has_its_turn_and_then_the_first_again(void **state)
{
    struct setting *setting = *state;
    uint64_t now_ms = WORLD_START_MS;
    size_t counts[] = {ROUND, ORDERS - ROUND, ROUND};
    size_t total = 0;
    setting->answers = true;
    make_orders(setting, ORDERS);
    for (size_t i = 0; i < 3; i++) {
        now_ms += EVERY_MS;
        kc_bank_ask_again(&setting->bank, now_ms);
        total += counts[i];
        let_answer(setting, total);
        assert_int_equal(setting->asked_count, total);
    }
    for (size_t i = 0; i < ORDERS; i++) {
        assert_false(was_asked(setting, i + 1, ORDERS, setting->asked[i]));
    }
    for (size_t i = ORDERS; i < total; i++) {
        assert_true(was_asked(setting, 0, ROUND, setting->asked[i]));
    }
    kc_pipeline_stop(&setting->bank.pipeline);
}

/* However few items there are, most of them are for those who come. */
static void a_small_bank_keeps_most_of_its_items(void **state)
{
    struct setting *setting = *state;
    make_orders(setting, 5);
    kc_bank_ask_again(&setting->bank, WORLD_START_MS);
    assert_int_equal(atomic_load(&setting->bank.again.asking), 2);
    let_answer(setting, 2);
    for (size_t total = 4, i = 1; i < 3; i++, total += total < 5) {
        kc_bank_ask_again(&setting->bank, WORLD_START_MS + i * EVERY_MS);
        let_answer(setting, total);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_false(was_asked(setting, i + 1, 5, setting->asked[i]));
    }
    kc_pipeline_stop(&setting->bank.pipeline);
}

static void rounds_keep_their_distance(void **state)
{
    struct setting *setting = *state;
    uint64_t now_ms = WORLD_START_MS;
    setting->answers = true;
    make_orders(setting, 3);
    for (int i = 0; i < 5; i++) {
        kc_bank_ask_again(&setting->bank, now_ms);
        let_answer(setting, 3);
    }
    assert_int_equal(setting->asked_count, 3);
    kc_pipeline_stop(&setting->bank.pipeline);
}

/* A round for which there is no room goes on later where it ended. */
static void a_full_house_is_asked_for_later(void **state)
{
    struct setting *setting = *state;
    struct kc_pipeline_item *taken[ITEMS];
    setting->answers = true;
    make_orders(setting, 5);
    for (size_t i = 0; i < ITEMS - 2; i++) {
        taken[i] = kc_pipeline_take(&setting->bank.pipeline);
        assert_non_null(taken[i]);
    }
    setting->answers = false;
    kc_bank_ask_again(&setting->bank, WORLD_START_MS);
    assert_int_equal(atomic_load(&setting->bank.again.asking), 2);
    let_answer(setting, 2);
    for (size_t i = 0; i < ITEMS - 2; i++) {
        taken[i]->lane = KC_LANE_WRITE;
        kc_pipeline_send(&setting->bank.pipeline, taken[i]);
    }
    while (kc_pipeline_read_counters(&setting->bank.pipeline).items < ITEMS) {
        (void)sched_yield();
    }
    kc_bank_ask_again(&setting->bank, WORLD_START_MS + EVERY_MS);
    let_answer(setting, 5);
    assert_int_equal(setting->asked_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_false(was_asked(setting, i + 1, 5, setting->asked[i]));
    }
    kc_pipeline_stop(&setting->bank.pipeline);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_ordinary_bank_that_is_silent_holds_one_round_of_items),
        TEST(every_order_has_its_turn_and_then_the_first_again),
        cmocka_unit_test_setup_teardown(a_small_bank_keeps_most_of_its_items, small_setup,
                                        teardown),
        TEST(rounds_keep_their_distance),
        TEST(a_full_house_is_asked_for_later),
    };
    return cmocka_run_group_tests_name("bank: orders in doubt", tests, NULL, NULL);
}
