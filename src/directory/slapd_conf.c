#include "directory/slapd_conf.h"

#include <stdio.h>
#include <string.h>

#include "directory/directory.h"

struct kc_result kc_slapd_conf_write(struct kc_buffer *out, const char *folder, const char *secret)
{
    if (folder[0] == '\0' || strpbrk(folder, "\"\\\r\n") != NULL || secret[0] == '\0' ||
        strpbrk(secret, "\"\\\r\n ") != NULL) {
        return kc_result(KC_MALFORMED);
    }
    int size = snprintf((char *)out->data, out->capacity,
                        "include /etc/ldap/schema/core.schema\n"
                        "modulepath /usr/lib/ldap\n"
                        "moduleload back_mdb\n"
                        "pidfile \"%s/slapd.pid\"\n"
                        "argsfile \"%s/slapd.args\"\n"
                        "sizelimit 500\n"
                        "sockbuf_max_incoming 65536\n"
                        "sockbuf_max_incoming_auth 16777216\n"
                        "timelimit 10\n"
                        "idletimeout 30\n"
                        "database mdb\n"
                        "suffix \"" KC_DIRECTORY_BASE "\"\n"
                        "rootdn \"" KC_DIRECTORY_WRITER "\"\n"
                        "rootpw \"%s\"\n"
                        "directory \"%s/data\"\n"
                        "maxsize 4294967296\n"
                        "index objectClass eq\n"
                        "index cn eq\n"
                        "access to * by dn.exact=\"" KC_DIRECTORY_WRITER "\" write by * read\n",
                        folder, folder, secret, folder);
    out->size = size > 0 ? (size_t)size : 0;
    return kc_result(size > 0 && (size_t)size < out->capacity ? KC_OK : KC_BUFFER_SMALL);
}
