/* Signals of a server: SIGTERM and SIGINT ask it to stop; SIGPIPE is ignored. */
#ifndef KC_SERVICE_SIGNALS_H
#define KC_SERVICE_SIGNALS_H

/* Blocks the stopping signals for this thread and all it starts. Call before any thread is started. */
void kc_signals_block(void);

/* Waits until one of them comes. */
void kc_signals_wait(void);

#endif
