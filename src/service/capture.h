/* Captured messages, for tests and for support: every envelope that comes or goes as a file of its own. Off unless a folder is
 * configured. What is captured is sealed; the folder is as secret as who talks to whom. */
#ifndef KC_SERVICE_CAPTURE_H
#define KC_SERVICE_CAPTURE_H

#include "base/bytes.h"

/* Writes `in` and `out` to FOLDER/<number>-in.cose and -out.cose, both with the same number; nothing when the folder's name is
 * empty, and no file for an empty view. Failures are ignored: a capture never disturbs the protocol. */
void kc_capture(const char *folder, struct kc_view in, struct kc_view out);

#endif
