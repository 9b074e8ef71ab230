/* The file around a proof, of one key or over a renewal. */
#include <string.h>

#include "base/assert.h"
#include "evidence/inside.h"

static struct kc_result put_item(struct kc_view *out, struct kc_buffer *room,
                                 const struct kc_evidence_item *item)
{
    struct kc_buffer bytes = {.data = room->data + room->size,
                              .capacity = room->capacity - room->size};
    struct kc_result result = kc_shape_encode(&bytes, &kc_evidence_item_shape, item);
    if (!kc_failed(result)) {
        *out = kc_buffer_view(&bytes);
        room->size += bytes.size;
    }
    return result;
}

static struct kc_result put_items(struct kc_view_list *out, struct kc_buffer *room,
                                  const struct kc_evidence_content *content)
{
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < content->item_count && !kc_failed(result); i++) {
        result = put_item(&out->items[i], room, &content->items[i]);
    }
    out->count = content->item_count;
    return result;
}

/* What both kinds of file hold, but for identities. */
static struct kc_evidence_file file_of(const struct kc_evidence_content *content,
                                       const struct kc_evidence_finding *finding,
                                       const struct kc_evidence_label *label)
{
    return (struct kc_evidence_file){.bank = content->realm.bank,
                                     .currency = kc_view(content->realm.currency, 3),
                                     .decimals = label->decimals,
                                     .alert = label->alert,
                                     .rule = finding->rule,
                                     .counter = finding->counter,
                                     .account = content->account,
                                     .purse = content->purse,
                                     .identity = content->identity,
                                     .time_ms = label->time_ms};
}

static struct kc_result encode_renewed(struct kc_buffer *out, struct kc_buffer *room,
                                       const struct kc_evidence_content *content,
                                       const struct kc_evidence_file *file)
{
    struct kc_renewed_evidence over = {.bank = file->bank,
                                       .currency = file->currency,
                                       .decimals = file->decimals,
                                       .alert = file->alert,
                                       .rule = file->rule,
                                       .counter = file->counter,
                                       .account = file->account,
                                       .purse = file->purse,
                                       .older = file->identity,
                                       .newer = content->newer,
                                       .items = file->items,
                                       .time_ms = file->time_ms};
    struct kc_result result = kc_ok();
    /* Signing behind the end needs no more than the two items. */
    if (content->has_close && file->rule != KC_PROOF_RULE_SIGNED_AFTER_CLOSE) {
        over.has_close = true;
        over.has_closer = content->closer.size > 0;
        over.closer = content->closer;
        result = put_item(&over.close, room, &content->close);
    }
    return kc_failed(result) ? result : kc_shape_encode(out, &kc_renewed_evidence_shape, &over);
}

struct kc_result kc_evidence_make(struct kc_buffer *out, struct kc_evidence_work *work,
                                  const struct kc_crypto *crypto, const struct kc_signer *bank,
                                  const struct kc_evidence_content *content,
                                  const struct kc_evidence_finding *finding,
                                  const struct kc_evidence_label *label)
{
    struct kc_buffer room = {.data = work->plain[0], .capacity = sizeof work->plain};
    struct kc_buffer plain = KC_BUFFER(work->encoded);
    struct kc_evidence_file file = file_of(content, finding, label);
    const struct kc_shape *shape =
        content->renewed ? &kc_renewed_evidence_shape : &kc_evidence_file_shape;
    if (finding->rule == KC_PROOF_RULE_OVERSPENT) {
        file.partners = content->partners;
    }
    struct kc_result result = put_items(&file.items, &room, content);
    if (!kc_failed(result)) {
        result = content->renewed ? encode_renewed(&plain, &room, content, &file)
                                  : kc_shape_encode(&plain, shape, &file);
    }
    return kc_failed(result) ? result
                             : kc_sign(out, crypto, bank, &content->realm, shape->domain, 0,
                                       kc_buffer_view(&plain));
}

/* ---- reading ---- */

static struct kc_result decode_renewed(struct kc_evidence_verdict *out, struct kc_view payload)
{
    struct kc_renewed_evidence *over = &out->over;
    struct kc_result result = kc_shape_decode(over, &kc_renewed_evidence_shape, payload);
    if (kc_failed(result)) {
        return result;
    }
    out->renewed = true;
    out->file = (struct kc_evidence_file){.bank = over->bank,
                                          .currency = over->currency,
                                          .decimals = over->decimals,
                                          .alert = over->alert,
                                          .rule = over->rule,
                                          .counter = over->counter,
                                          .account = over->account,
                                          .purse = over->purse,
                                          .identity = over->older,
                                          .items = over->items,
                                          .time_ms = over->time_ms};
    return kc_ok();
}

static struct kc_result decode_file(struct kc_evidence_verdict *out, struct kc_view payload)
{
    char currency[4] = "";
    bool renewed = kc_shape_number(payload) == kc_renewed_evidence_shape.number;
    struct kc_result result = renewed
                                  ? decode_renewed(out, payload)
                                  : kc_shape_decode(&out->file, &kc_evidence_file_shape, payload);
    if (!kc_failed(result) && out->file.decimals > KC_AMOUNT_DECIMALS_MAX) {
        result = kc_result(KC_MALFORMED);
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(currency, out->file.currency.data, out->file.currency.size);
    return kc_realm_set(&out->realm, out->file.bank, currency);
}

struct kc_result kc_evidence_realm(struct kc_realm *out, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_evidence_verdict verdict;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = decode_file(&verdict, parsed.payload);
    }
    if (!kc_failed(result)) {
        *out = verdict.realm;
    }
    return result;
}

static struct kc_result read_file(struct kc_evidence_verdict *out, const struct kc_crypto *crypto,
                                  const struct kc_public_key *bank, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_signer_id id;
    if (bytes.size > KC_EVIDENCE_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result) && parsed.has_time) {
        result = kc_result(KC_MALFORMED);
    }
    if (!kc_failed(result)) {
        result = decode_file(out, parsed.payload);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_signer_id_make(&id, crypto, KC_SERVER_BANK, bank);
    if (memcmp(&id, &parsed.signer, sizeof id) != 0) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    return kc_signed_verify(&parsed, crypto, bank, &out->realm,
                            out->renewed ? kc_renewed_evidence_shape.domain
                                         : kc_evidence_file_shape.domain);
}

static struct kc_result take_renewed(struct kc_evidence_content *out,
                                     const struct kc_renewed_evidence *over)
{
    out->renewed = true;
    out->newer = over->newer;
    out->has_close = over->has_close;
    if (over->has_closer) {
        out->closer = over->closer;
    }
    if (over->has_closer && over->closer.size == 0) {
        return kc_result(KC_MALFORMED);
    }
    if (!over->has_close) {
        return kc_ok();
    }
    return over->rule == KC_PROOF_RULE_SIGNED_AFTER_CLOSE
               ? kc_result(KC_MALFORMED)
               : kc_shape_decode(&out->close, &kc_evidence_item_shape, over->close);
}

static struct kc_result take_content(struct kc_evidence_content *out,
                                     const struct kc_evidence_verdict *verdict)
{
    const struct kc_evidence_file *file = &verdict->file;
    *out = (struct kc_evidence_content){.realm = verdict->realm,
                                        .account = file->account,
                                        .purse = file->purse,
                                        .identity = file->identity,
                                        .partners = file->partners,
                                        .item_count = file->items.count};
    bool spare = file->rule != KC_PROOF_RULE_OVERSPENT && file->partners.count > 0;
    struct kc_result result = kc_result(spare ? KC_MALFORMED : KC_OK);
    if (!kc_failed(result) && verdict->renewed) {
        result = take_renewed(out, &verdict->over);
    }
    KC_ASSERT(file->items.count <= KC_EVIDENCE_ITEMS_MAX);
    for (size_t i = 0; i < file->items.count && !kc_failed(result); i++) {
        result = kc_shape_decode(&out->items[i], &kc_evidence_item_shape, file->items.items[i]);
    }
    return result;
}

struct kc_result kc_evidence_verify(struct kc_evidence_verdict *out, struct kc_evidence_work *work,
                                    const struct kc_crypto *crypto,
                                    const struct kc_public_key *bank, struct kc_view bytes)
{
    struct kc_evidence_content content;
    memset(out, 0, sizeof *out);
    struct kc_result result = read_file(out, crypto, bank, bytes);
    if (!kc_failed(result)) {
        result = take_content(&content, out);
    }
    return kc_failed(result)
               ? result
               : kc_evidence_check(&out->finding, work, crypto, bank, &content, &out->file);
}
