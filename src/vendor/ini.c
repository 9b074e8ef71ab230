#include "vendor/ini.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "service/config.h"

#define FIXED_KEYS 9u
#define KEYS_PER_SLOT 4u
#define JOURNAL_LEAST 64u
#define TALK_MS "15000"
#define TALK_MS_MAX 120000u

#define AT(member) offsetof(struct kc_machine_ini, member)

static const struct kc_config_key fixed[FIXED_KEYS] = {
    {"machine", "name", KC_CONFIG_TEXT, AT(name), 1, KC_SLOT_NAME_MAX, NULL},
    {"machine", "dealer", KC_CONFIG_TEXT, AT(dealer_text), 1, KC_ID_TEXT_SIZE - 1, NULL},
    {"machine", "purse", KC_CONFIG_TEXT, AT(purse_file), 1, 255, "machine.purse"},
    {"machine", "link", KC_CONFIG_TEXT, AT(link), 0, KC_PLACE_TEXT_MAX, ""},
    {"machine", "collect", KC_CONFIG_TEXT, AT(collect), 0, KC_PLACE_TEXT_MAX, ""},
    {"machine", "server_key", KC_CONFIG_TEXT, AT(server_key), 0, 255, "server.pub"},
    {"machine", "journal_most", KC_CONFIG_UINT, AT(journal_most), JOURNAL_LEAST, UINT32_MAX,
     "10000"},
    {"machine", "talk_ms", KC_CONFIG_UINT, AT(talk_ms), 100, TALK_MS_MAX, TALK_MS},
    {"end", "slots", KC_CONFIG_UINT, AT(slot_count), 0, KC_SLOTS_MAX, NULL},
};

struct names {
    char text[KC_SLOTS_MAX][16];
};

static size_t make_keys(struct kc_config_key *keys, struct names *names)
{
    size_t count = FIXED_KEYS;
    memcpy(keys, fixed, sizeof fixed);
    for (size_t i = 0; i < KC_SLOTS_MAX; i++) {
        size_t base = AT(slots) + i * sizeof(struct kc_slot_ini);
        const char *section = names->text[i];
        (void)snprintf(names->text[i], sizeof names->text[i], "slot-%zu", i + 1);
        keys[count++] = (struct kc_config_key){
            section,          "name", KC_CONFIG_TEXT, base + offsetof(struct kc_slot_ini, name), 0,
            KC_SLOT_NAME_MAX, ""};
        keys[count++] = (struct kc_config_key){
            section, "price", KC_CONFIG_TEXT, base + offsetof(struct kc_slot_ini, price_text), 0,
            23,      ""};
        keys[count++] = (struct kc_config_key){
            section, "count", KC_CONFIG_UINT, base + offsetof(struct kc_slot_ini, count), 0,
            100000,  "0"};
        keys[count++] = (struct kc_config_key){
            section, "state", KC_CONFIG_TEXT, base + offsetof(struct kc_slot_ini, state), 0, 7, ""};
    }
    return count;
}

/* Every place from 1 on is named and priced, as many as the end of the file tells. */
static bool slots_good(const struct kc_machine_ini *ini)
{
    for (size_t i = 0; i < KC_SLOTS_MAX; i++) {
        const struct kc_slot_ini *slot = &ini->slots[i];
        bool given = slot->name[0] != '\0' && slot->price_text[0] != '\0';
        bool none = slot->name[0] == '\0' && slot->price_text[0] == '\0' && slot->count == 0;
        bool state = slot->state[0] == '\0' || strcmp(slot->state, "jam") == 0;
        if ((i < ini->slot_count ? !given : !none) || !state) {
            kc_log(KC_LOG_ERROR,
                   "config machine.ini: [slot-%zu] does not fit [end] slots = %" PRIu64, i + 1,
                   ini->slot_count);
            return false;
        }
    }
    return true;
}

struct kc_result kc_machine_ini_read(struct kc_machine_ini *out, const char *path)
{
    struct kc_config_key keys[FIXED_KEYS + KEYS_PER_SLOT * KC_SLOTS_MAX];
    struct names names;
    memset(out, 0, sizeof *out);
    size_t count = make_keys(keys, &names);
    struct kc_result result = kc_config_read(out, keys, count, path);
    if (kc_failed(result)) {
        return result;
    }
    if (kc_failed(kc_account_parse(&out->dealer, out->dealer_text))) {
        kc_log(KC_LOG_ERROR, "config %s: [machine] dealer is no account number", path);
        return kc_result(KC_CONFIG_INVALID);
    }
    return kc_result(slots_good(out) ? KC_OK : KC_CONFIG_INVALID);
}

struct kc_result kc_machine_ini_prices(struct kc_machine_ini *ini, unsigned decimals)
{
    for (size_t i = 0; i < ini->slot_count; i++) {
        struct kc_slot_ini *slot = &ini->slots[i];
        if (kc_failed(kc_amount_parse(&slot->price, slot->price_text, decimals)) ||
            kc_amount_is_zero(slot->price)) {
            kc_log(KC_LOG_ERROR, "config machine.ini: [slot-%zu] price is no amount", i + 1);
            return kc_result(KC_CONFIG_INVALID);
        }
    }
    return kc_ok();
}
