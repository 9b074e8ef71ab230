/* The configuration of slapd for one system: one mdb database, writable by the authority alone, readable by all. */
#ifndef KC_DIRECTORY_SLAPD_CONF_H
#define KC_DIRECTORY_SLAPD_CONF_H

#include "base/bytes.h"

/* Writes slapd.conf text for data in `folder`/data. `password_hash` is what slappasswd(8) calls {SSHA}...
 * KC_BUFFER_SMALL, KC_MALFORMED for a folder whose name cannot stand in the file (quotes, line breaks). */
KC_MUST_USE struct kc_result kc_slapd_conf_write(struct kc_buffer *out, const char *folder,
                                                 const char *password_hash);

#endif
