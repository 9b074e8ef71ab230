/* Limits shared by more than one room. A room's own limits stand in the room. Sizes are bytes. */
#ifndef KC_BASE_LIMITS_H
#define KC_BASE_LIMITS_H

/* The largest signed and sealed message any party accepts; RSA-3072 keys and certificates included. */
#define KC_MESSAGE_SIZE_MAX 8192
/* The largest plain message inside a seal. */
#define KC_PLAIN_SIZE_MAX 6144
/* The largest X.509 certificate (DER). */
#define KC_CERTIFICATE_SIZE_MAX 2048
/* The largest signed record that travels inside a message: identity (SGN1) or certified value (SGN2). */
#define KC_RECORD_SIZE_MAX 1152
/* A person's particulars on the opening form. */
#define KC_NAME_SIZE_MAX 80
#define KC_ADDRESS_SIZE_MAX 200
#define KC_PHONE_SIZE_MAX 32
#define KC_BANK_ACCOUNT_SIZE_MAX 40
#define KC_SECRET_HASH_SIZE_MAX 160
#define KC_URL_SIZE_MAX 128
/* An encoded public key (COSE_Key) with an RSA-3072 modulus. */
#define KC_COSE_KEY_SIZE_MAX 416

#endif
