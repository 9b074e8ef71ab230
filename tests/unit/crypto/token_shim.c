/* A PKCS#11 module that passes everything on to SoftHSM, and fails as the file named by KC_TOKEN_SHIM says:
 *
 *   gone        no token is in any slot, and whoever has a session learns that the device was removed
 *   no-sign     whoever signs learns that the device was removed; the rest works
 *   lost-once   the next operation's session is closed; the word is taken out of the file
 *   slow        each operation takes some milliseconds
 *   final-try   the token says that one PIN more may be tried
 *
 * SoftHSM does not count sessions; this module does, and tells in the token's information how many are open and were at most.
 * Each log-in adds a byte to the file of that name with ".logins" behind it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST shim;
static CK_FUNCTION_LIST *real;
static atomic_ulong sessions;
static atomic_ulong sessions_most;

static int says(const char *word)
{
    char text[32] = "";
    const char *path = getenv("KC_TOKEN_SHIM");
    int fd = path == NULL ? -1 : open(path, O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    return size > 0 && strncmp(text, word, strlen(word)) == 0;
}

/* What an operation says before SoftHSM is asked. */
static CK_RV before(void)
{
    if (says("lost-once")) {
        return truncate(getenv("KC_TOKEN_SHIM"), 0) == 0 ? CKR_SESSION_HANDLE_INVALID
                                                         : CKR_GENERAL_ERROR;
    }
    if (says("slow")) {
        (void)usleep(5000);
    }
    return says("gone") ? CKR_DEVICE_REMOVED : CKR_OK;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count)
{
    CK_RV rv = real->C_GetSlotList(present, slots, count);
    if (rv == CKR_OK && says("gone")) {
        *count = 0;
    }
    return rv;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_RV rv = says("gone") ? CKR_TOKEN_NOT_PRESENT : real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && says("final-try")) {
        info->flags |= CKF_USER_PIN_FINAL_TRY;
    }
    info->ulSessionCount = sessions;
    info->ulMaxSessionCount = sessions_most;
    return rv;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR owner, CK_NOTIFY notify,
                          CK_SESSION_HANDLE_PTR out)
{
    CK_RV rv =
        says("gone") ? CKR_TOKEN_NOT_PRESENT : real->C_OpenSession(slot, flags, owner, notify, out);
    if (rv == CKR_OK) {
        unsigned long now = atomic_fetch_add(&sessions, 1) + 1;
        unsigned long most = sessions_most;
        while (most < now && !atomic_compare_exchange_weak(&sessions_most, &most, now)) {
        }
    }
    return rv;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    CK_RV rv = real->C_CloseSession(session);
    if (rv == CKR_OK) {
        atomic_fetch_sub(&sessions, 1);
    }
    return rv;
}

static CK_RV close_all_sessions(CK_SLOT_ID slot)
{
    sessions = 0;
    return real->C_CloseAllSessions(slot);
}

static CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR info)
{
    return says("gone") ? CKR_DEVICE_REMOVED : real->C_GetSessionInfo(session, info);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG size)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s.logins", getenv("KC_TOKEN_SHIM"));
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1) {
        return CKR_GENERAL_ERROR;
    }
    (void)close(fd);
    return real->C_Login(session, user, pin, size);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
    CK_RV rv = says("no-sign") ? CKR_DEVICE_REMOVED : before();
    return rv != CKR_OK ? rv : real->C_SignInit(session, mechanism, key);
}

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                          CK_OBJECT_HANDLE key)
{
    CK_RV rv = before();
    return rv != CKR_OK ? rv : real->C_DecryptInit(session, mechanism, key);
}

static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                        CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                        CK_OBJECT_HANDLE_PTR out)
{
    CK_RV rv = before();
    return rv != CKR_OK ? rv : real->C_DeriveKey(session, mechanism, base, template, count, out);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out)
{
    CK_C_GetFunctionList list = NULL;
    void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    memcpy(&list, &symbol, sizeof list);
    if (list == NULL || list(&real) != CKR_OK) {
        return CKR_GENERAL_ERROR;
    }
    shim = *real;
    shim.C_GetFunctionList = C_GetFunctionList;
    shim.C_GetSlotList = get_slot_list;
    shim.C_GetTokenInfo = get_token_info;
    shim.C_OpenSession = open_session;
    shim.C_CloseSession = close_session;
    shim.C_CloseAllSessions = close_all_sessions;
    shim.C_GetSessionInfo = get_session_info;
    shim.C_Login = login;
    shim.C_SignInit = sign_init;
    shim.C_DecryptInit = decrypt_init;
    shim.C_DeriveKey = derive_key;
    *out = &shim;
    return CKR_OK;
}
