/* Breadth first: all states of one depth, then those that one more step leads to and no path of the same or fewer steps
 * did. A state is kept as its path; states that stand side by side share most of theirs, so taking up the next one costs
 * a step or two. */
#include "small.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define LOCKS 1024u
#define CHUNK 16u
#define NODES_FIRST 1024u

static void *must_have(void *memory)
{
    if (memory == NULL) {
        fputs("no memory\n", stderr);
        exit(3);
    }
    return memory;
}

/* ---- tables ---- */

/* Open addressing in rows of their own for each lock; a row grows alone. */
struct slot {
    struct key key; /* zeros: free */
    uint64_t value;
};

struct shard {
    pthread_mutex_t lock;
    size_t count;
    size_t size;
    struct slot *slots;
};

struct tables {
    atomic_ullong cuts; /* of power, tried; each once, whichever thread was first */
    struct shard shards[LOCKS];
};

struct tables *tables_make(void)
{
    struct tables *tables = must_have(calloc(1, sizeof *tables));
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&tables->shards[i].lock, NULL);
        tables->shards[i].size = 64;
        tables->shards[i].slots = must_have(calloc(64, sizeof(struct slot)));
    }
    return tables;
}

void tables_free(struct tables *tables)
{
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&tables->shards[i].lock);
        free(tables->shards[i].slots);
    }
    free(tables);
}

static struct slot *find(struct slot *slots, size_t size, const struct key *key)
{
    size_t at = (size_t)key->words[1] & (size - 1);
    while ((slots[at].key.words[0] | slots[at].key.words[1]) != 0 &&
           !key_equal(&slots[at].key, key)) {
        at = (at + 1) & (size - 1);
    }
    return &slots[at];
}

static void grow(struct shard *shard)
{
    size_t size = shard->size * 2;
    struct slot *slots = must_have(calloc(size, sizeof *slots));
    for (size_t i = 0; i < shard->size; i++) {
        const struct slot *old = &shard->slots[i];
        if ((old->key.words[0] | old->key.words[1]) != 0) {
            *find(slots, size, &old->key) = *old;
        }
    }
    free(shard->slots);
    shard->slots = slots;
    shard->size = size;
}

/* Finds or adds; true when it was added. The value that stands there comes out. */
static bool enter(struct tables *tables, struct key key, bool add, uint64_t *value)
{
    struct shard *shard = &tables->shards[key.words[0] % LOCKS];
    pthread_mutex_lock(&shard->lock);
    struct slot *slot = find(shard->slots, shard->size, &key);
    bool there = (slot->key.words[0] | slot->key.words[1]) != 0;
    if (there) {
        *value = slot->value;
    } else if (add) {
        *slot = (struct slot){.key = key, .value = *value};
        shard->count += 1;
        if (shard->count * 2 > shard->size) {
            grow(shard);
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return !there;
}

bool tables_add(struct tables *tables, enum table_use use, struct key key)
{
    uint64_t value = 0;
    key.words[1] += (uint64_t)use * UINT64_C(0x9e3779b97f4a7c15);
    return enter(tables, key, true, &value);
}

bool tables_find_cuts(struct tables *tables, struct key key, uint64_t *marks)
{
    *marks = 0;
    key.words[1] += (uint64_t)USES * UINT64_C(0x9e3779b97f4a7c15);
    return !enter(tables, key, false, marks);
}

bool tables_put_cuts(struct tables *tables, struct key key, uint64_t marks, unsigned tried)
{
    key.words[1] += (uint64_t)USES * UINT64_C(0x9e3779b97f4a7c15);
    bool first = enter(tables, key, true, &marks);
    if (first) {
        atomic_fetch_add(&tables->cuts, tried);
    }
    return first;
}

/* ---- states of one depth ---- */

struct node {
    uint32_t parent; /* among the states of the depth before */
    struct step step;
};

struct nodes {
    size_t count;
    size_t room;
    struct node *list;
};

static void nodes_add(struct nodes *nodes, struct node node)
{
    if (nodes->count == nodes->room) {
        nodes->room = nodes->room == 0 ? NODES_FIRST : nodes->room * 2;
        nodes->list = must_have(realloc(nodes->list, nodes->room * sizeof *nodes->list));
    }
    nodes->list[nodes->count++] = node;
}

struct search {
    const struct search_options *options;
    struct tables *tables;
    struct nodes depths[LEVELS_MAX];
    unsigned depth; /* whose states are being taken up */
    atomic_size_t next;
    atomic_bool bad;
    pthread_mutex_t lock;
    struct search_result result;
};

struct worker {
    struct search *search;
    struct run *run;
    struct nodes found;
    uint64_t steps;
    uint64_t endings;
    unsigned path_size; /* levels that hold the path taken up last */
    struct step path[LEVELS_MAX];
    pthread_t thread;
};

static void path_of(struct step path[LEVELS_MAX], const struct search *search, size_t index)
{
    for (unsigned depth = search->depth; depth > 0; depth--) {
        const struct node *node = &search->depths[depth].list[index];
        path[depth - 1] = node->step;
        index = node->parent;
    }
}

static bool same_step(struct step a, struct step b)
{
    return a.kind == b.kind && a.purse == b.purse && a.at == b.at && a.cut == b.cut;
}

/* Takes up a state: the world becomes it, and it is level search->depth. */
static void take_up(struct worker *worker, size_t index)
{
    struct step path[LEVELS_MAX];
    struct run *run = worker->run;
    unsigned depth = worker->search->depth;
    unsigned shared = 0;
    path_of(path, worker->search, index);
    while (shared < depth && shared < worker->path_size &&
           same_step(path[shared], worker->path[shared])) {
        shared += 1;
    }
    run_back(run, shared);
    for (unsigned at = shared; at < depth; at++) {
        step_take(run, path[at]);
        run_push(run, at + 1);
        worker->path[at] = path[at];
    }
    worker->path_size = depth;
    KC_ASSERT(run->trouble[0] == '\0');
}

static void tell_trouble(struct worker *worker, const struct step *last)
{
    struct search *search = worker->search;
    pthread_mutex_lock(&search->lock);
    if (!atomic_load(&search->bad)) {
        search->result.violated_at = worker->path_size + (last == NULL ? 0 : 1);
        memcpy(search->result.trouble, worker->run->trouble, TROUBLE_SIZE);
    }
    if (!search->options->quiet && !atomic_load(&search->bad)) {
        printf("VIOLATION: %s\n", worker->run->trouble);
        for (unsigned i = 0; i < worker->path_size; i++) {
            step_print(stdout, worker->path[i]);
        }
        if (last != NULL) {
            step_print(stdout, *last);
        }
    }
    atomic_store(&search->bad, true);
    pthread_mutex_unlock(&search->lock);
}

/* A state that was never seen before: everything is checked, and how it ends. The world is spent. */
static void check_new(struct worker *worker)
{
    struct run *run = worker->run;
    struct tables *tables = worker->search->tables;
    check_state(run, tables_add(tables, USE_BOOKS, canon_bank(run)));
    if (run->trouble[0] == '\0' && tables_add(tables, USE_CORE, canon_state(run, false))) {
        worker->endings += 1;
        check_endings(run);
    }
}

static void expand(struct worker *worker, size_t index)
{
    struct step steps[STEPS_MAX];
    struct run *run = worker->run;
    struct search *search = worker->search;
    take_up(worker, index);
    unsigned level = search->depth;
    size_t count = steps_list(steps, run, search->tables, search->options->extra);
    for (size_t i = 0; i < count && !atomic_load(&search->bad); i++) {
        run_back(run, level);
        step_take(run, steps[i]);
        worker->steps += 1;
        if (run->trouble[0] == '\0' &&
            tables_add(search->tables, USE_STATE, canon_state(run, true))) {
            check_new(worker);
            nodes_add(&worker->found, (struct node){.parent = (uint32_t)index, .step = steps[i]});
        }
        if (run->trouble[0] != '\0') {
            tell_trouble(worker, &steps[i]);
        }
    }
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct search *search = worker->search;
    size_t count = search->depths[search->depth].count;
    while (!atomic_load(&search->bad)) {
        size_t first = atomic_fetch_add(&search->next, CHUNK);
        if (first >= count) {
            break;
        }
        for (size_t i = first; i < count && i < first + CHUNK && !atomic_load(&search->bad); i++) {
            expand(worker, i);
        }
    }
    return NULL;
}

/* What each worker found, one after the other. */
static void gather(struct search *search, struct worker *workers)
{
    struct nodes *next = &search->depths[search->depth + 1];
    for (unsigned i = 0; i < search->options->threads; i++) {
        struct worker *worker = &workers[i];
        for (size_t n = 0; n < worker->found.count; n++) {
            nodes_add(next, worker->found.list[n]);
        }
        worker->found.count = 0;
        search->result.steps += worker->steps;
        search->result.endings += worker->endings;
        worker->steps = 0;
        worker->endings = 0;
    }
    KC_ASSERT(next->count < UINT32_MAX);
    search->result.states += next->count;
}

static void search_depth(struct search *search, struct worker *workers)
{
    atomic_store(&search->next, 0);
    for (unsigned i = 1; i < search->options->threads; i++) {
        KC_ASSERT(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    (void)work(&workers[0]);
    for (unsigned i = 1; i < search->options->threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    gather(search, workers);
    if (!search->options->quiet) {
        printf("depth %2u: %zu new states, %llu in all, %llu steps\n", search->depth + 1,
               search->depths[search->depth + 1].count, (unsigned long long)search->result.states,
               (unsigned long long)search->result.steps);
        (void)fflush(stdout);
    }
}

struct search_result search(const struct whole_base *base, const struct search_options *options)
{
    struct search search = {.options = options, .tables = tables_make(), .result = {.states = 1}};
    struct worker *workers = must_have(calloc(options->threads, sizeof *workers));
    KC_ASSERT(options->depth < LEVELS_MAX);
    pthread_mutex_init(&search.lock, NULL);
    for (unsigned i = 0; i < options->threads; i++) {
        workers[i].search = &search;
        workers[i].run = run_make(base);
    }
    if (options->begin != NULL) {
        options->begin();
    }
    nodes_add(&search.depths[0], (struct node){.parent = 0});
    struct worker *first = &workers[0];
    (void)tables_add(search.tables, USE_STATE, canon_state(first->run, true));
    if (first->run->trouble[0] == '\0') {
        check_new(first);
    }
    if (first->run->trouble[0] != '\0') {
        tell_trouble(first, NULL);
    }
    for (search.depth = 0; search.depth < options->depth && !atomic_load(&search.bad);
         search.depth++) {
        search_depth(&search, workers);
    }
    search.result.good = !atomic_load(&search.bad);
    search.result.cuts = atomic_load(&search.tables->cuts);
    for (unsigned i = 0; i < options->threads; i++) {
        run_free(workers[i].run);
        free(workers[i].found.list);
    }
    for (unsigned i = 0; i < LEVELS_MAX; i++) {
        free(search.depths[i].list);
    }
    free(workers);
    tables_free(search.tables);
    pthread_mutex_destroy(&search.lock);
    return search.result;
}
