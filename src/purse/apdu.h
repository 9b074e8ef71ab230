/* The commands of a purse (ISO 7816-4 APDUs). CLA 00 for the standard's own, 80 for ours, bit 10 set while a command's data
 * is sent in pieces, which share one head. Data over 255 bytes goes in pieces or in one extended APDU; longer responses are
 * fetched with GET RESPONSE (61xx) unless the command was extended. P1, P2 and data that a command has no use for must be zero
 * or absent (KC_MALFORMED); data over KC_MESSAGE_SIZE_MAX or of another length than announced is KC_TOO_LARGE. */
#ifndef KC_PURSE_APDU_H
#define KC_PURSE_APDU_H

#include <stdint.h>

#define KC_CLA_STANDARD 0x00u
#define KC_CLA_KINCHAKU 0x80u
#define KC_CLA_MORE 0x10u

/* SELECT by name: A0 00 00 00 00 'KCPURSE' in the range for private use. */
#define KC_AID                                                                                     \
    {                                                                                              \
        0xf0, 'K', 'C', 'P', 'U', 'R', 'S', 'E', 0x01                                              \
    }
#define KC_AID_SIZE 9

#define KC_INS_VERIFY_PIN 0x20u /* P2: 0 or 1; data: PIN, 4 to 12 digits */
#define KC_INS_CHANGE_PIN 0x24u /* P2: 0 or 1; data: new PIN; the old one was verified before */
#define KC_INS_SELECT 0xa4u     /* data: KC_AID */
#define KC_INS_GET_RESPONSE 0xc0u
#define KC_INS_GET_DATA 0xcau /* P1: a tag below; P2: for history, how many entries back */
#define KC_INS_PUT_DATA 0xdau /* P1: a tag below; personalisation */
#define KC_INS_PUT_KEY 0xd8u  /* P1: KC_KEY_USE_...; data: private-key; personalisation */
#define KC_INS_GENERATE 0x46u /* P1: suite; makes both keys; personalisation */
#define KC_INS_PROVE 0x48u    /* gives the signed key-proof; personalisation */
#define KC_INS_ACTIVATE 0x44u /* ends personalisation */
#define KC_INS_CASH_REQUEST                                                                        \
    0x50u                   /* data: kind (1), amount (8), host's time (8); gives an envelope */
#define KC_INS_TAKE 0x52u   /* data: the bank's envelope; gives the message inside, for display */
#define KC_INS_ANSWER 0x54u /* P1: answer; data: host's time (8); gives an envelope */
#define KC_INS_STATE_REQUEST 0x56u /* data: host's time (8); gives an envelope */
#define KC_INS_FUND_REQUEST 0x58u  /* data as for a cash request; gives an envelope */
#define KC_INS_REPEAT 0x5au        /* gives the last envelope again */

/* Exchange between purses (EP1221669 Fig 16). Times are the host's, 8 bytes. */
#define KC_INS_IDENTIFY                                                                            \
    0x60u /* payer; P1: 1 for the payee's identity even if they met; gives identify */
#define KC_INS_OFFER 0x62u /* payee; data: asked amount (8) or 0, identify; gives payee-identity */
#define KC_INS_PAY 0x64u   /* payer; data: amount (8), time, payee-identity; gives payment */
#define KC_INS_EXAMINE                                                                             \
    0x66u /* payee; data: time, payment; gives 0 new or 1 answered, payment-order */
#define KC_INS_DECIDE                                                                              \
    0x68u /* payee; P1: answer; P2: of NG, 0 or the error that a seller names; data: time; gives          \
             payment-answer */
#define KC_INS_CONCLUDE 0x6au       /* payer; data: payment-answer; gives receipt or decline */
#define KC_INS_OPEN_PAYMENT 0x6cu   /* payer; P1: which; gives the payment again */
#define KC_INS_SETTLE_REQUEST 0x6eu /* data: time; gives an envelope */
#define KC_INS_TAKE_CERTIFIED 0x74u /* bearer card; data: SGN4 as the bank signed it */
#define KC_INS_TAKE_HOTLIST 0x70u   /* both; data: a hotlist as the bank signed it */
#define KC_INS_TAKE_ROLL                                                                           \
    0x3cu /* both; P1: KC_ROLL_...; data: rolled-keys as the bank signed it, or the purse's identity          \
             signed anew */
#define KC_INS_TAKE_NOTICE 0x3eu /* both; data: authority-notice as the bank signed it */
#define KC_INS_TRANSFER_REQUEST                                                                    \
    0x72u /* data: source (1), amount (8), host's time (8), to account (8), for a machine's offer its         \
             digest (32) and purse (8); gives an envelope */
#define KC_INS_SIGN_SALE                                                                           \
    0x78u /* a seller's; data: sale, sale-offer or give-back; gives it signed */

#define KC_ROLL_KEYS 0u
#define KC_ROLL_IDENTITY 1u

#define KC_INS_RENEW_REQUEST 0x7au /* data: host's time (8); gives an envelope */
#define KC_INS_HANDOVER                                                                            \
    0x7cu /* P1: 1 claim, 2 key request, 3 key confirm; data: host's time (8); gives an envelope */

#define KC_KEY_USE_SIGN 1u
#define KC_KEY_USE_ENCRYPT 2u

enum kc_purse_tag {
    KC_TAG_SETTINGS = 1,         /* put: purse-settings */
    KC_TAG_BANK_VERIFY_KEY = 2,  /* put, get: COSE_Key; get with P2 1: the one before */
    KC_TAG_BANK_ENCRYPT_KEY = 3, /* put: COSE_Key */
    KC_TAG_SIGN_CERTIFICATE = 4, /* put, get: X.509 of the purse's own keys */
    KC_TAG_ENCRYPT_CERTIFICATE = 5,
    KC_TAG_BANK_SIGN_CERTIFICATE = 6,
    KC_TAG_BANK_ENCRYPT_CERTIFICATE = 7,
    KC_TAG_AUTHORITY_CERTIFICATE = 8, /* get: the issuing one of the newest notice, else as put */
    KC_TAG_PIN = 9,                   /* put */
    KC_TAG_IDENTITY = 10,             /* put, get: SGN1 */
    KC_TAG_CERTIFIED = 11,            /* put, get: SGN2 */
    KC_TAG_INFO = 12,                 /* get: purse-info */
    KC_TAG_INFORMATION = 13,          /* get: value-information; needs the PIN */
    KC_TAG_HISTORY = 14,              /* get: an entry; needs the PIN */
    KC_TAG_HOTLIST = 15,              /* get: the base of the hotlist as the bank signed it */
    KC_TAG_NEXT_KEYS = 16, /* get: next-keys, while keys that the authority made are on their way */
    KC_TAG_ROLL = 24,      /* get: rolled-keys; P2: 0 the newest, 1 the one before */
    KC_TAG_HOTLIST_DELTA = 32, /* get: what adds to the base, as the bank signed it */
    KC_TAG_NOTICE = 40,        /* get: the newest authority-notice as the bank signed it */
};

#define KC_PIN_SIZE_MIN 4u
#define KC_PIN_SIZE_MAX 12u
#define KC_PIN_TRIES 3u

#endif
