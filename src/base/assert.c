#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void kc_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "kinchaku: assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}
