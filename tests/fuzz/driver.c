/* Drives a fuzz target without coverage, the same way for the same seed:
 *
 *   TARGET [--seed S] [--runs N] [--seconds T] [--save FOLDER] [FILE...]
 *
 * Runs the target's own seeds and the files as they are, then mutations of them, until N runs or T seconds are over (10000 runs
 * when neither is given). A file that ends with .json gives every hexadecimal string "bytes" in it. `--runs 0` only replays.
 * --save writes the seeds into a folder, as a corpus for libFuzzer. The input of a crash is written to crash-SEED-RUN in the
 * current folder. Ends with 1 when nothing at all got past the target's parser. */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuzz.h"

#define POOL_MAX 1024
#define MUTATIONS_MAX 8
/* No input may take longer. */
#define INPUT_SECONDS_MAX 20

struct input {
    uint8_t *data;
    size_t size;
};

static struct input pool[POOL_MAX];
static size_t pool_count;

static struct {
    uint64_t seed;
    uint64_t runs;
    uint64_t seconds;
    const char *folder;
} options;

/* What the handler of a crash needs, laid out beforehand. */
static struct {
    char path[64];
    uint8_t bytes[KC_FUZZ_SIZE_MAX];
    volatile size_t size;
} current;

/* Present when a sanitizer is linked: it ends the process without a signal. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static uint64_t random_state;

/* splitmix64 */
static uint64_t draw(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t draw_below(size_t bound)
{
    return bound == 0 ? 0 : (size_t)(draw() % bound);
}

/* ---- crashes ---- */

static void save_current(void)
{
    static const char text[] = "fuzz: the input is in ";
    int fd = open(current.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0) {
        ssize_t written = write(fd, current.bytes, current.size);
        written = write(STDERR_FILENO, text, sizeof text - 1);
        written = write(STDERR_FILENO, current.path, strlen(current.path));
        written = write(STDERR_FILENO, "\n", 1);
        (void)written;
        (void)close(fd);
    }
}

static void on_signal(int number)
{
    save_current();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM};
    struct sigaction action = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)sigaction(signals[i], &action, NULL);
    }
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(save_current);
    }
}

static void run_current(uint64_t run)
{
    (void)snprintf(current.path, sizeof current.path, "crash-%" PRIu64 "-%" PRIu64, options.seed,
                   run);
    if (run % 256 == 0) {
        (void)alarm(INPUT_SECONDS_MAX);
    }
    /* On the heap with its exact size, so that a sanitizer sees a read past its end. */
    uint8_t *copy = malloc(current.size + 1);
    KC_FUZZ_CHECK(copy != NULL);
    memcpy(copy + 1, current.bytes, current.size);
    (void)LLVMFuzzerTestOneInput(copy + 1, current.size);
    free(copy);
}

/* ---- the pool ---- */

static void add_input(const uint8_t *data, size_t size)
{
    if (pool_count == POOL_MAX || size == 0 || size > KC_FUZZ_SIZE_MAX) {
        return;
    }
    uint8_t *copy = malloc(size);
    KC_FUZZ_CHECK(copy != NULL);
    memcpy(copy, data, size);
    pool[pool_count++] = (struct input){.data = copy, .size = size};
}

static void add_seeds(void)
{
    static uint8_t bytes[KC_FUZZ_SIZE_MAX];
    for (size_t i = 0; i < POOL_MAX; i++) {
        size_t size = kc_fuzz_seed(i, bytes);
        if (size == 0) {
            break;
        }
        add_input(bytes, size);
    }
}

static void add_vectors(const char *text)
{
    static const char mark[] = "\"bytes\": \"";
    static uint8_t bytes[KC_FUZZ_SIZE_MAX];
    for (const char *at = strstr(text, mark); at != NULL; at = strstr(at, mark)) {
        at += sizeof mark - 1;
        size_t digits = strspn(at, "0123456789abcdef");
        if (digits / 2 <= sizeof bytes) {
            for (size_t i = 0; i < digits / 2; i++) {
                char pair[3] = {at[2 * i], at[2 * i + 1], '\0'};
                bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
            }
            add_input(bytes, digits / 2);
        }
    }
}

static bool add_file(const char *path)
{
    static char content[1u << 21];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "fuzz: cannot read %s\n", path);
        return false;
    }
    size_t size = fread(content, 1, sizeof content - 1, file);
    (void)fclose(file);
    content[size] = '\0';
    size_t length = strlen(path);
    if (length > 5 && strcmp(path + length - 5, ".json") == 0) {
        add_vectors(content);
    } else {
        add_input((const uint8_t *)content, size);
    }
    return true;
}

static bool save_pool(void)
{
    for (size_t i = 0; i < pool_count; i++) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/seed-%04zu", options.folder, i);
        FILE *file = fopen(path, "wb");
        if (file == NULL || fwrite(pool[i].data, 1, pool[i].size, file) != pool[i].size ||
            fclose(file) != 0) {
            (void)fprintf(stderr, "fuzz: cannot write %s\n", path);
            return false;
        }
    }
    return true;
}

/* ---- mutations of `current` ---- */

static void flip_bit(void)
{
    if (current.size > 0) {
        current.bytes[draw_below(current.size)] ^= (uint8_t)(1u << draw_below(8));
    }
}

static void set_byte(void)
{
    if (current.size > 0) {
        current.bytes[draw_below(current.size)] = (uint8_t)draw();
    }
}

static void open_gap(size_t at, size_t size)
{
    memmove(current.bytes + at + size, current.bytes + at, current.size - at);
    current.size += size;
}

static void insert_bytes(void)
{
    size_t size = 1 + draw_below(draw_below(8) == 0 ? 256 : 8);
    if (size > KC_FUZZ_SIZE_MAX - current.size) {
        return;
    }
    size_t at = draw_below(current.size + 1);
    uint8_t fill = (uint8_t)draw();
    bool repeat = draw_below(2) == 0;
    open_gap(at, size);
    for (size_t i = 0; i < size; i++) {
        current.bytes[at + i] = repeat ? fill : (uint8_t)draw();
    }
}

static void delete_bytes(void)
{
    if (current.size > 0) {
        size_t at = draw_below(current.size);
        size_t size = 1 + draw_below(draw_below(4) == 0 ? current.size - at : 4);
        size = size < current.size - at ? size : current.size - at;
        memmove(current.bytes + at, current.bytes + at + size, current.size - at - size);
        current.size -= size;
    }
}

static void copy_within(void)
{
    if (current.size > 1) {
        size_t from = draw_below(current.size);
        size_t to = draw_below(current.size);
        size_t most = current.size - (from > to ? from : to);
        memmove(current.bytes + to, current.bytes + from, 1 + draw_below(most));
    }
}

/* The head of this input and the tail of another. */
static void join_inputs(void)
{
    const struct input *other = &pool[draw_below(pool_count)];
    size_t from = draw_below(other->size);
    size_t at = draw_below(current.size + 1);
    size_t size = other->size - from;
    size = size < KC_FUZZ_SIZE_MAX - at ? size : KC_FUZZ_SIZE_MAX - at;
    memcpy(current.bytes + at, other->data + from, size);
    current.size = at + size;
}

/* An integer near an edge, big-endian, half the time behind the CBOR head that announces it. */
static void put_integer(void)
{
    static const uint64_t edges[] = {0,          1,
                                     23,         24,
                                     255,        256,
                                     65535,      65536,
                                     UINT32_MAX, UINT64_C(1) << 32,
                                     INT64_MAX,  UINT64_C(1) << 63,
                                     UINT64_MAX};
    size_t power = draw_below(4);
    size_t width = (size_t)1 << power;
    uint64_t value = edges[draw_below(sizeof edges / sizeof edges[0])] + draw_below(3) - 1;
    if (current.size < width + 1) {
        return;
    }
    size_t at = draw_below(current.size - width);
    if (draw_below(2) == 0) {
        current.bytes[at] = (uint8_t)(draw_below(6) << 5 | (24 + power));
    }
    for (size_t i = 0; i < width; i++) {
        current.bytes[at + 1 + i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

static void mutate(void)
{
    static void (*const ways[])(void) = {flip_bit,    set_byte,    insert_bytes, delete_bytes,
                                         copy_within, join_inputs, put_integer};
    const struct input *base = &pool[draw_below(pool_count)];
    memcpy(current.bytes, base->data, base->size);
    current.size = base->size;
    for (size_t count = 1 + draw_below(MUTATIONS_MAX); count > 0; count--) {
        ways[draw_below(sizeof ways / sizeof ways[0])]();
    }
}

/* ---- main ---- */

static bool parse_options(int argc, char **argv, int *next)
{
    bool bounded = false;
    options.seed = kc_clock_now_ms();
    options.runs = UINT64_MAX;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        char *end = argv[i + 1];
        uint64_t number = strtoull(argv[i + 1], &end, 10);
        bool is_number = *end == '\0' && end != argv[i + 1];
        if (strcmp(argv[i], "--save") == 0) {
            options.folder = argv[i + 1];
        } else if (strcmp(argv[i], "--seed") == 0 && is_number) {
            options.seed = number;
        } else if (strcmp(argv[i], "--runs") == 0 && is_number) {
            options.runs = number;
            bounded = true;
        } else if (strcmp(argv[i], "--seconds") == 0 && is_number) {
            options.seconds = number;
            bounded = true;
        } else {
            return false;
        }
    }
    if (!bounded) {
        options.runs = 10000;
    }
    *next = i;
    return i == argc || strncmp(argv[i], "--", 2) != 0;
}

static void replay_pool(void)
{
    for (size_t i = 0; i < pool_count; i++) {
        memcpy(current.bytes, pool[i].data, pool[i].size);
        current.size = pool[i].size;
        run_current(i);
    }
}

static uint64_t run_mutations(void)
{
    uint64_t start = kc_clock_monotonic_ns();
    uint64_t budget = options.seconds * UINT64_C(1000000000);
    uint64_t run = 0;
    for (; run < options.runs; run++) {
        if (budget > 0 && run % 16 == 0 && kc_clock_monotonic_ns() - start >= budget) {
            break;
        }
        mutate();
        run_current(pool_count + run);
    }
    return run;
}

int main(int argc, char **argv)
{
    int next = 0;
    if (!parse_options(argc, argv, &next)) {
        (void)fprintf(stderr,
                      "usage: %s [--seed S] [--runs N] [--seconds T] [--save FOLDER] [FILE...]\n",
                      argv[0]);
        return 2;
    }
    (void)printf("seed %" PRIu64 "\n", options.seed);
    (void)fflush(stdout);
    random_state = options.seed;
    add_seeds();
    for (int i = next; i < argc; i++) {
        if (!add_file(argv[i])) {
            return 2;
        }
    }
    if (options.folder != NULL) {
        return save_pool() ? 0 : 1;
    }
    catch_crashes();
    replay_pool();
    uint64_t from_seeds = kc_fuzz_accepted;
    uint64_t runs = run_mutations();
    (void)printf("%zu seeds, %" PRIu64 " accepted; %" PRIu64 " mutations, %" PRIu64 " accepted\n",
                 pool_count, from_seeds, runs, kc_fuzz_accepted - from_seeds);
    for (size_t i = 0; i < pool_count; i++) {
        free(pool[i].data);
    }
    return from_seeds > 0 ? 0 : 1;
}
