/* The bank's configuration, bank.ini in its folder. */
#ifndef KC_BANK_CONFIG_H
#define KC_BANK_CONFIG_H

#include "base/limits.h"
#include "base/result.h"
#include "service/cmp_client.h"
#include "service/files.h"
#include "service/keys.h"

struct kc_bank_config {
    uint64_t id;
    char currency[4];
    uint64_t decimals;
    char address[64];
    uint64_t port;
    char url[KC_URL_SIZE_MAX + 1];
    char directory_url[KC_URL_SIZE_MAX + 1];
    char ordinary_url[KC_URL_SIZE_MAX + 1];
    char authority_url[KC_URL_SIZE_MAX + 1]; /* empty: no purse renews its keys */
    struct kc_cmp_place authority;           /* how it is asked */
    uint64_t quote_ms;
    uint64_t temporary_ms;
    uint64_t account_ms;
    uint64_t settle_ms;  /* how long late records are waited for */
    char purse_most[24]; /* amounts as people write them; empty: no limit */
    char payment_most[24];
    char spend_most[24];
    uint64_t spend_count;
    uint64_t valid_ms;
    char fee_fixed[24]; /* of what is swept from machines; empty: none */
    uint64_t fee_permille;
    char keep[24];              /* what stays in a machine */
    char bearer_purse_most[24]; /* the same of cards without keys */
    char bearer_payment_most[24];
    uint64_t bearer_valid_ms;
    char charge_amount[24]; /* of the management charge; empty: none */
    uint64_t charge_first_days;
    uint64_t charge_period_days;
    uint64_t charge_notice_days;
    uint64_t charge_grace_days;
    uint64_t hotlist_step;        /* changes of the hotlist from base to base */
    uint64_t charge_day_ms;       /* how long such a day is; shorter ones are for trials */
    uint64_t charge_close_days;   /* of suspension; 0: it is never closed */
    uint64_t renewal_before_days; /* before the end of keys others are ordered; 0: never */
    uint64_t crl_ms;              /* how often the revocation list is fetched */
    uint64_t outside_ms;          /* how long directory and ordinary bank may take */
    uint64_t clock_ms;            /* how far a registrar's clock may be off */
    uint64_t work_threads;        /* 0: one a core */
    uint64_t items;
    uint64_t people;         /* certificates kept in memory */
    uint64_t page_count_max; /* of the database; 0: no limit */
    char revocation_mode[8]; /* crl, both or ocsp */
    char revocation_url[KC_URL_SIZE_MAX + 1];
    uint64_t revocation_fresh_ms; /* how long an answer of the responder is believed */
    struct kc_key_places keys;
    char capture[256]; /* a folder for a copy of every message; empty: none */
};

/* The bank's folder in D, and what bank.ini there says. KC_TOO_LARGE, errors of kc_config_read. */
KC_MUST_USE struct kc_result kc_bank_config_open(struct kc_bank_config *out,
                                                 char folder[KC_PATH_SIZE_MAX], const char *dir);

#endif
