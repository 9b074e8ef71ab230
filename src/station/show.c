#include "station/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "message/generated/names.h"
#include "station/notice.h"
#include "station/renewal.h"

/* So long `show` waits for a bank that may be away. */
#define RENEWAL_MS 2000u
/* As many entries as a UIM keeps. */
#define HISTORY_MAX 48u

static void format(char out[KC_AMOUNT_TEXT_SIZE], const struct kc_station *station,
                   struct kc_amount amount)
{
    kc_amount_format(out, amount, station->decimals);
}

/* ---- objections ---- */

void kc_show_objections(struct kc_station *station, const struct kc_command *command)
{
    for (size_t i = 0; i < station->objection_count; i++) {
        const struct kc_objection *objection = &station->objections[i];
        enum kc_error reason = kc_error_from_number(objection->reason);
        struct kc_json_out json;
        if (command->json) {
            kc_json_open(&json, stdout);
            kc_json_number(&json, "objection", objection->counter);
            kc_json_text(&json, "reason", kc_error_name(reason));
            kc_json_close(&json);
        }
        (void)fprintf(stderr,
                      "the bank does not accept entry %" PRIu64 ": %s (%s); ask the registrar\n",
                      objection->counter, kc_error_words(reason), kc_error_name(reason));
    }
    station->objection_count = 0;
}

/* ---- the state ---- */

struct texts {
    char value[KC_AMOUNT_TEXT_SIZE];
    char account[KC_AMOUNT_TEXT_SIZE];
    char pending[KC_AMOUNT_TEXT_SIZE];
    char open[KC_AMOUNT_TEXT_SIZE];
    char purse_most[KC_AMOUNT_TEXT_SIZE];
    char payment_most[KC_AMOUNT_TEXT_SIZE];
    char spend_left[KC_AMOUNT_TEXT_SIZE];
    char when[KC_CLOCK_TEXT_SIZE];
    char until[KC_CLOCK_TEXT_SIZE];
    char charge[KC_AMOUNT_TEXT_SIZE];
    char charge_due[KC_CLOCK_TEXT_SIZE];
    char key_ready[KC_CLOCK_TEXT_SIZE];
    struct kc_authority_known authority; /* without a name: unknown */
    char certificate[2 * KC_DIGEST_SIZE + 1];
    char told[KC_CLOCK_TEXT_SIZE];
    bool has_renewal; /* the bank said how far that is */
    struct kc_renewal_word renewal;
    char since[KC_CLOCK_TEXT_SIZE];
    char end[KC_CLOCK_TEXT_SIZE];
};

/* Of whom the UIM has keys made and certified, as it knows by now. */
static void make_authority(struct texts *out, struct kc_station *station)
{
    if (kc_failed(kc_station_authority(&out->authority, station))) {
        out->authority.name[0] = '\0';
    }
    kc_hex_write(out->certificate, kc_view(out->authority.certificate, KC_DIGEST_SIZE));
    kc_clock_format(out->told, out->authority.told_ms);
}

/* A bank that does not answer says nothing: the rest is what the UIM knows by itself. */
static void make_renewal(struct texts *out, struct kc_station *station,
                         const struct kc_purse_info *info, bool ask)
{
    bool in_use = info->life >= KC_LIFE_READY && info->life != KC_LIFE_BLOCKED;
    out->has_renewal =
        ask && in_use && !kc_failed(kc_station_renewal(&out->renewal, station, RENEWAL_MS));
    if (out->has_renewal) {
        kc_clock_format(out->since, out->renewal.since_ms);
        kc_clock_format(out->end, out->renewal.until_ms);
    }
}

static void make_texts(struct texts *out, struct kc_station *station,
                       const struct kc_purse_info *info)
{
    format(out->value, station, info->value);
    format(out->account, station, info->account_amount);
    format(out->pending, station, info->pending_amount);
    format(out->open, station, info->open);
    format(out->purse_most, station, info->purse_most);
    format(out->payment_most, station, info->payment_most);
    format(out->spend_left, station, info->spend_left);
    kc_clock_format(out->when, info->time_ms);
    kc_clock_format(out->until, info->valid_until_ms);
    format(out->charge, station, info->charge_amount);
    kc_clock_format(out->charge_due, info->charge_due_ms);
    kc_clock_format(out->key_ready, info->key_ready_ms);
    make_authority(out, station);
}

static void print_json(const struct kc_station *station, const struct kc_purse_info *info,
                       const struct texts *texts, const char *result_word)
{
    struct kc_json_out json;
    kc_json_open(&json, stdout);
    if (result_word != NULL) {
        kc_json_text(&json, "result", result_word);
    }
    kc_json_number(&json, "account", info->account.number);
    kc_json_number(&json, "purse", info->purse.number);
    kc_json_text(&json, "uim_amount", texts->value);
    kc_json_text(&json, "account_amount", texts->account);
    kc_json_text(&json, "currency", station->currency);
    kc_json_text(&json, "certified", texts->when);
    kc_json_text(&json, "state", kc_life_word(info->life));
    kc_json_text(&json, "pending_amount", texts->pending);
    kc_json_text(&json, "open_amount", texts->open);
    kc_json_number(&json, "not_reported", info->uncovered);
    kc_json_number(&json, "overwritten", info->overwritten);
    kc_json_text(&json, "log_policy", kc_log_policy_word(info->log_policy));
    kc_json_number(&json, "log_room", info->log_room);
    kc_json_text(&json, "purse_most", texts->purse_most);
    kc_json_text(&json, "payment_most", texts->payment_most);
    kc_json_text(&json, "spend_left", texts->spend_left);
    kc_json_number(&json, "count_left", info->count_left);
    kc_json_text(&json, "valid_until", texts->until);
    kc_json_number(&json, "hotlist", info->hotlist);
    kc_json_number(&json, "counter", info->counter);
    kc_json_number(&json, "sequence", info->sequence);
    kc_json_number(&json, "pin_tries", info->pin_tries);
    if (info->has_charge) {
        kc_json_text(&json, "charge", kc_charge_state_word(info->charge));
        kc_json_text(&json, "charge_due", texts->charge_due);
        kc_json_text(&json, "charge_amount", texts->charge);
    }
    if (texts->has_renewal) {
        kc_json_text(&json, "renewal", kc_renewal_step_word(texts->renewal.step));
    }
    if (texts->has_renewal && texts->renewal.has_since) {
        kc_json_text(&json, "renewal_by", texts->renewal.by_authority ? "authority" : "purse");
        kc_json_text(&json, "renewal_since", texts->since);
    }
    if (texts->has_renewal && texts->renewal.has_until) {
        kc_json_text(&json, "renewal_until", texts->end);
    }
    kc_json_text(&json, "handover", kc_handover_word(info->handover));
    if (info->has_key_ready) {
        kc_json_text(&json, "key_ready", texts->key_ready);
    }
    if (texts->authority.name[0] != '\0') {
        kc_json_text(&json, "authority", texts->authority.name);
        kc_json_text(&json, "authority_certificate", texts->certificate);
        kc_json_number(&json, "notice", texts->authority.number);
    }
    kc_json_close(&json);
}

static void tell_result(const char *word)
{
    if (word == NULL) {
        return;
    }
    if (strcmp(word, "declined") == 0) {
        (void)printf("NG: nothing was changed\n");
    } else if (strcmp(word, kc_outcome_word(KC_OUTCOME_NONE)) == 0) {
        (void)printf("nothing was open\n");
    } else if (strcmp(word, kc_outcome_word(KC_OUTCOME_NOT_COMPLETED)) == 0) {
        (void)printf("not completed: nothing was changed\n");
    } else {
        (void)printf("%s\n", word);
    }
}

/* An amount up to this is a limit; the bank says the largest there is when it sets none, and what was paid is taken from it. */
static bool is_limit(struct kc_amount amount)
{
    return kc_amount_minor(amount) <= KC_AMOUNT_MAX / 2;
}

/* What the UIM may do before it meets the bank, as far as there is a limit; amounts under way are not in it any more. */
static void print_limits(const struct kc_station *station, const struct kc_purse_info *info,
                         const struct texts *texts)
{
    const char *currency = station->currency;
    if (is_limit(info->payment_most)) {
        (void)printf("may pay      %s %s at once\n", texts->payment_most, currency);
    }
    if (is_limit(info->spend_left)) {
        (void)printf("may pay      %s %s in all before it meets the bank\n", texts->spend_left,
                     currency);
    }
    if (info->count_left <= UINT16_MAX) {
        (void)printf("may pay      %" PRIu64 " times before it meets the bank\n", info->count_left);
    }
    if (is_limit(info->purse_most)) {
        (void)printf("may hold     %s %s by payments it takes\n", texts->purse_most, currency);
    }
    if (info->valid_until_ms <= kc_clock_now_ms()) {
        bool suspended = info->has_charge && info->charge == KC_CHARGE_STATE_SUSPENDED;
        (void)printf("out of date  %s\n", suspended ? "it pays nobody before the charge is paid"
                                                    : "it has to meet the bank: run 'sync'");
    } else {
        (void)printf("good until   %s without the bank\n", texts->until);
    }
}

static void print_history(const struct kc_purse_info *info)
{
    if (info->purse_type == KC_PURSE_TYPE_BEARER) {
        (void)printf("reported     by those it paid to: such a card does not report\n");
    } else if (info->uncovered > 0) {
        (void)printf("not reported %" PRIu64 " entries: the bank does not know them yet\n",
                     info->uncovered);
    }
    if (info->overwritten > 0) {
        (void)printf("overwritten  %" PRIu64 " of them: only their sums are left\n",
                     info->overwritten);
    }
    (void)printf("history      room for %" PRIu64 " entries, then: %s\n", info->log_room,
                 kc_log_policy_word(info->log_policy));
    if (info->hotlist > 0) {
        (void)printf("hotlist      version %" PRIu64 "\n", info->hotlist);
    }
}

static void print_charge(const struct kc_station *station, const struct kc_purse_info *info,
                         const struct texts *texts)
{
    const char *currency = station->currency;
    if (!info->has_charge) {
        return;
    }
    switch (info->charge) {
    case KC_CHARGE_STATE_NOTIFIED:
        (void)printf("charge       %s %s for the account on %s\n", texts->charge, currency,
                     texts->charge_due);
        return;
    case KC_CHARGE_STATE_GRACE:
        (void)printf("charge       %s %s were due on %s and could not be taken: put value in\n",
                     texts->charge, currency, texts->charge_due);
        return;
    case KC_CHARGE_STATE_SUSPENDED:
        (void)printf(
            "suspended    %s %s were due on %s: no withdrawal or transfer before it is paid\n",
            texts->charge, currency, texts->charge_due);
        return;
    }
}

static void print_authority(const struct texts *texts)
{
    if (texts->authority.name[0] == '\0') {
        return;
    }
    (void)printf("authority    %s, certificate %.16s", texts->authority.name, texts->certificate);
    if (texts->authority.number != 0) {
        (void)printf(", as the bank told on %s", texts->told);
    }
    (void)printf("\n");
}

static void print_keys(const struct kc_purse_info *info, const struct texts *texts)
{
    if (info->handover == KC_HANDOVER_CHANGED) {
        (void)printf("new keys     in force; the authority does not know yet: run 'renew --by "
                     "authority'\n");
    } else if (info->has_key_ready) {
        (void)printf("new keys     wait at the authority since %s: run 'renew --by authority'\n",
                     texts->key_ready);
    }
}

/* What the bank has open, and whose turn it is. */
static void print_renewal(const struct kc_purse_info *info, const struct texts *texts)
{
    const char *again = texts->renewal.by_authority ? "'renew --by authority'" : "'renew'";
    if (!texts->has_renewal) {
        return;
    }
    switch (texts->renewal.step) {
    case KC_RENEWAL_STEP_NONE:
        return;
    case KC_RENEWAL_STEP_ORDERED:
        (void)printf("renewal      the bank ordered new keys on %s: they are not made yet\n",
                     texts->since);
        break;
    case KC_RENEWAL_STEP_READY:
        if (!info->has_key_ready) {
            (void)printf("renewal      new keys wait at the authority since %s: run %s\n",
                         texts->since, again);
        }
        break;
    case KC_RENEWAL_STEP_ASKED:
        (void)printf("renewal      asked for on %s, not certified yet: run %s again\n",
                     texts->since, again);
        break;
    case KC_RENEWAL_STEP_CERTIFIED:
        (void)printf("renewal      new keys certified, asked for on %s, not reported in force yet: "
                     "run %s again\n",
                     texts->since, again);
        break;
    case KC_RENEWAL_STEP_CONFIRMED:
        (void)printf("renewal      new keys in force since %s; the bank has the old ones revoked\n",
                     texts->since);
        return;
    }
    if (texts->renewal.has_until) {
        (void)printf("             the keys in force are good until %s\n", texts->end);
    }
}

static void print_text(const struct kc_station *station, const struct kc_purse_info *info,
                       const struct texts *texts, const char *result_word)
{
    tell_result(result_word);
    bool card = info->purse_type == KC_PURSE_TYPE_CARD || info->purse_type == KC_PURSE_TYPE_BEARER;
    bool machine = info->purse_type == KC_PURSE_TYPE_MACHINE;
    /* A machine's own account holds nothing: the bank certifies what is in that of its owner, whose number the purse has not. */
    (void)printf("%s  %s %s\nin account   %s %s (%s, %s %" PRIu64 ")\n",
                 card ? "on the card" : "in the UIM ", texts->value, station->currency,
                 texts->account, station->currency, texts->when,
                 machine ? "that of the owner of machine" : "account", info->account.number);
    if (info->life == KC_LIFE_BLOCKED) {
        (void)printf("blocked      take it to the registrar\n");
    } else if (info->has_pending) {
        (void)printf("not finished %s %s (%s): run 'sync'\n", texts->pending, station->currency,
                     kc_life_word(info->life));
    }
    if (!kc_amount_is_zero(info->open)) {
        (void)printf(
            "on its way   %s %s: paid, no answer yet; 'resume' with the payee, or 'sync'\n",
            texts->open, station->currency);
    }
    if (info->life >= KC_LIFE_READY) {
        print_limits(station, info, texts);
        print_history(info);
        print_charge(station, info, texts);
        print_authority(texts);
        print_keys(info, texts);
        print_renewal(info, texts);
    }
}

static struct kc_result show_state(struct kc_station *station, const struct kc_command *command,
                                   const char *result_word, bool ask)
{
    struct kc_purse_info info;
    struct texts texts;
    kc_show_objections(station, command);
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (kc_failed(result)) {
        return result;
    }
    make_texts(&texts, station, &info);
    make_renewal(&texts, station, &info, ask);
    if (command->json) {
        print_json(station, &info, &texts, result_word);
    } else {
        print_text(station, &info, &texts, result_word);
    }
    return result;
}

struct kc_result kc_show_state(struct kc_station *station, const struct kc_command *command,
                               const char *result_word)
{
    return show_state(station, command, result_word, false);
}

struct kc_result kc_show_all(struct kc_station *station, const struct kc_command *command,
                             const char *result_word)
{
    return show_state(station, command, result_word, true);
}

/* ---- the history ---- */

static void print_entry_json(const struct kc_entry *entry, const char *amount, const char *when)
{
    struct kc_json_out json;
    kc_json_open(&json, stdout);
    kc_json_number(&json, "counter", entry->counter);
    kc_json_text(&json, "kind", kc_entry_kind_word(entry->kind));
    kc_json_text(&json, "amount", amount);
    kc_json_text(&json, "time", when);
    if (entry->has_payer) {
        kc_json_number(&json, "payer", entry->payer.number);
    }
    if (entry->has_recipient) {
        kc_json_number(&json, "recipient", entry->recipient.number);
    }
    if (entry->has_voids) {
        kc_json_number(&json, "voids", entry->voids);
    }
    kc_json_close(&json);
}

static void print_entry_text(const struct kc_station *station, const struct kc_entry *entry,
                             const char *amount, const char *when)
{
    (void)printf("%-4" PRIu64 " %-9s %12s %s  %s", entry->counter, kc_entry_kind_word(entry->kind),
                 amount, station->currency, when);
    bool paid = entry->kind == KC_ENTRY_KIND_PAY;
    if (paid && entry->has_recipient) {
        (void)printf("  to account %" PRIu64, entry->recipient.number);
    }
    if (!paid && entry->has_payer) {
        (void)printf("  from account %" PRIu64, entry->payer.number);
    }
    if (entry->has_voids) {
        (void)printf("  gives back entry %" PRIu64, entry->voids);
    }
    (void)printf("\n");
}

struct kc_result kc_show_history(struct kc_station *station, const struct kc_command *command)
{
    for (unsigned back = 0; back < HISTORY_MAX; back++) {
        struct kc_entry entry;
        char amount[KC_AMOUNT_TEXT_SIZE];
        char when[KC_CLOCK_TEXT_SIZE];
        struct kc_result result = kc_slot_history(&entry, &station->uim, (uint8_t)back);
        if (result.code == KC_NOT_FOUND) {
            return kc_ok();
        }
        if (kc_failed(result)) {
            return result;
        }
        format(amount, station, entry.amount);
        kc_clock_format(when, entry.time_ms);
        if (command->json) {
            print_entry_json(&entry, amount, when);
        } else {
            print_entry_text(station, &entry, amount, when);
        }
    }
    return kc_ok();
}

/* ---- asking ---- */

bool kc_ask_ok(void)
{
    char line[16] = "";
    (void)fprintf(stderr, "OK or NG? ");
    if (fgets(line, sizeof line, stdin) == NULL) {
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return strcasecmp(line, "ok") == 0 || strcasecmp(line, "y") == 0 ||
           strcasecmp(line, "yes") == 0;
}
