#define _POSIX_C_SOURCE 200809L

#include "service/signals.h"

#include <pthread.h>
#include <signal.h>

static sigset_t stopping_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    return set;
}

void kc_signals_block(void)
{
    sigset_t set = stopping_signals();
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

void kc_signals_wait(void)
{
    sigset_t set = stopping_signals();
    int number = 0;
    while (sigwait(&set, &number) != 0) {
    }
}
