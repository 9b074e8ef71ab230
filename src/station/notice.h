/* The authority's newest keys as the bank tells of them: the station carries the notice, the purse verifies it. */
#ifndef KC_STATION_NOTICE_H
#define KC_STATION_NOTICE_H

#include "crypto/x509.h"
#include "station/station.h"

/* Fetches the bank's notice, when it has a newer one than the UIM, and hands it in. True when the UIM took it. What does not
 * arrive changes nothing. */
bool kc_station_learn_notice(struct kc_station *station);

/* What a purse knows of the authority. */
struct kc_authority_known {
    char name[KC_SUBJECT_SIZE]; /* of the issuing certificate; empty when it is of another form */
    uint8_t certificate[KC_DIGEST_SIZE]; /* SHA-256 of it */
    uint64_t number; /* of the notice; 0: from personalisation, nothing was told since */
    uint64_t told_ms;
};

/* KC_NOT_FOUND: the purse has no issuing certificate. */
KC_MUST_USE struct kc_result kc_station_authority(struct kc_authority_known *out,
                                                  struct kc_station *station);

#endif
