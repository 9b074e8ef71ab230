/* The configuration of slapd for one system: one mdb database, writable by the authority alone, readable by all. */
#ifndef KC_DIRECTORY_SLAPD_CONF_H
#define KC_DIRECTORY_SLAPD_CONF_H

#include "base/bytes.h"

/* Writes slapd.conf text for data in `folder`/data. `secret` is the writer's password or what slappasswd(8) made of it; ours are
 * random and serve for nothing else, so the file, which is its owner's alone, holds them as they are.
 * KC_BUFFER_SMALL, KC_MALFORMED for a folder or secret that cannot stand in the file (quotes, line breaks). */
KC_MUST_USE struct kc_result kc_slapd_conf_write(struct kc_buffer *out, const char *folder,
                                                 const char *secret);

#endif
