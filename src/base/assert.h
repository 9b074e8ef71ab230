/* Assertions: for our own bugs, never for what the world sends. They stay on in release builds.
 *
 * A failed assertion calls kc_assert_failed, which a program provides through the handler it links:
 * base/assert.c stops the process; a secure element links its own that locks the purse for good.
 */
#ifndef KC_BASE_ASSERT_H
#define KC_BASE_ASSERT_H

__attribute__((noreturn)) void kc_assert_failed(const char *condition, const char *file, int line);

#define KC_ASSERT(condition)                                                                       \
    ((condition) ? (void)0 : kc_assert_failed(#condition, __FILE__, __LINE__))

#endif
