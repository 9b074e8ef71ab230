#include "crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

struct member {
    pthread_t thread;
    bool (*one)(void *worker);
    void *worker;
    const atomic_bool *stop;
    uint64_t done;
    bool failed;
};

size_t crew_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 && cores <= (long)CREW_MAX ? (size_t)cores : 1;
}

enum kc_key_type crew_suite(const char *word)
{
    return strcmp(word, "es256") == 0    ? KC_KEY_P256
           : strcmp(word, "rs2048") == 0 ? KC_KEY_RSA2048
           : strcmp(word, "rs3072") == 0 ? KC_KEY_RSA3072
                                         : KC_KEY_NONE;
}

static void *work(void *owner)
{
    struct member *member = owner;
    while (!atomic_load(member->stop) && !member->failed) {
        member->failed = !member->one(member->worker);
        member->done++;
    }
    return NULL;
}

double crew_run(void *workers, size_t size, size_t count, unsigned seconds,
                bool (*one)(void *worker))
{
    struct member members[CREW_MAX];
    atomic_bool stop = false;
    uint64_t done = 0;
    size_t started = 0;
    bool good = count <= CREW_MAX;
    uint64_t start_ns = kc_clock_monotonic_ns();
    for (size_t i = 0; i < count && good; i++) {
        members[i] =
            (struct member){.one = one, .worker = (char *)workers + i * size, .stop = &stop};
        good = pthread_create(&members[i].thread, NULL, work, &members[i]) == 0;
        started += good ? 1 : 0;
    }
    if (good) {
        (void)sleep(seconds);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(members[i].thread, NULL);
        done += members[i].done;
        good = good && !members[i].failed;
    }
    double elapsed_ns = (double)(kc_clock_monotonic_ns() - start_ns);
    return good ? (double)done * 1e9 / elapsed_ns : 0;
}
