#include "service/capture.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "service/files.h"

static void keep(const char *folder, uint64_t number, const char *way, struct kc_view bytes)
{
    char path[KC_PATH_SIZE_MAX];
    int size = snprintf(path, sizeof path, "%s/%020" PRIu64 "-%s.cose", folder, number, way);
    if (bytes.size > 0 && size > 0 && (size_t)size < sizeof path) {
        (void)kc_failed(kc_file_write(path, bytes, 0600));
    }
}

void kc_capture(const char *folder, struct kc_view in, struct kc_view out)
{
    if (folder[0] != '\0') {
        uint64_t number = kc_clock_monotonic_ns();
        keep(folder, number, "in", in);
        keep(folder, number, "out", out);
    }
}
