#include "evidence_world.h"

static struct kc_evidence_work work;
static struct kc_evidence_content content;

static void put(struct said *out, enum kc_proof_kind kind, struct kc_view bytes)
{
    assert_true(bytes.size <= sizeof out->bytes);
    memcpy(out->bytes, bytes.data, bytes.size);
    out->item = (struct kc_evidence_item){.kind = kind, .bytes = kc_view(out->bytes, bytes.size)};
}

void said_order(struct said *out, struct kc_view payment)
{
    struct kc_payment decoded;
    must(kc_shape_decode(&decoded, &kc_payment_shape, payment));
    put(out, KC_PROOF_KIND_ORDER, decoded.order);
}

void said_answer(struct said *out, struct kc_view answer)
{
    struct kc_payment_answer decoded;
    must(kc_shape_decode(&decoded, &kc_payment_answer_shape, answer));
    put(out, decoded.taken ? KC_PROOF_KIND_RECEIPT : KC_PROOF_KIND_DECLINE, decoded.answer);
}

void said_envelope(struct said *out, struct kc_view envelope)
{
    struct kc_signed parsed;
    put(out, KC_PROOF_KIND_ENVELOPE, envelope);
    must(kc_signed_parse(&parsed, envelope));
    must(kc_seal_content_key(out->item.key, exchange_crypto(), &exchange_encrypt()->private_key,
                             parsed.payload));
    out->item.has_key = true;
}

void said_report(struct said *out, struct side *side)
{
    struct kept message;
    assert_error(settle_request(&message, side), OK);
    said_envelope(out, kept_view(&message));
}

/* Items keep their bytes where they are; a copy of one points to the first. */
static struct kc_evidence_item own_item(const struct said *said)
{
    struct kc_evidence_item item = said->item;
    item.bytes = kc_view(said->bytes, said->item.bytes.size);
    return item;
}

static enum kc_error look(struct kc_evidence_finding *out)
{
    return kc_evidence_find(out, &work, exchange_crypto(), &exchange_bank()->public_key, &content,
                            KC_OK)
        .code;
}

enum kc_error accuse(struct kc_evidence_finding *out, const struct side *side,
                     const struct said *first, const struct said *second)
{
    content = (struct kc_evidence_content){.realm = *exchange_realm(),
                                           .account = side->account,
                                           .purse = side->number,
                                           .identity = side->identity,
                                           .item_count = second == NULL ? 1 : 2};
    content.items[0] = own_item(first);
    if (second != NULL) {
        content.items[1] = own_item(second);
    }
    return look(out);
}

enum kc_error accuse_with(struct kc_evidence_finding *out, const struct side *side,
                          const struct said *report, const struct kc_view_list *partners)
{
    (void)accuse(out, side, report, NULL);
    content.partners = *partners;
    return look(out);
}

enum kc_error accuse_over(struct kc_evidence_finding *out, const struct side *older,
                          const struct side *newer, const struct said *first,
                          const struct said *second, const struct said *close,
                          const struct side *closer)
{
    content = (struct kc_evidence_content){.realm = *exchange_realm(),
                                           .account = older->account,
                                           .purse = older->number,
                                           .identity = older->identity,
                                           .renewed = true,
                                           .newer = newer->identity,
                                           .has_close = close != NULL,
                                           .item_count = 2};
    content.items[0] = own_item(first);
    content.items[1] = own_item(second);
    if (close != NULL) {
        content.close = own_item(close);
    }
    if (closer != NULL) {
        content.closer = closer->identity;
    }
    return look(out);
}

void side_renew(struct side *to, const struct side *from)
{
    struct kept bytes;
    const struct kc_crypto *crypto = exchange_crypto();
    struct kc_identity identity = identity_of(from);
    if (to != from) {
        side_copy(to, from);
    }
    to->making.expires_s = from->making.expires_s + 1000;
    must(crypto->generate(crypto->context, &to->sign.private_key, &to->sign.public_key,
                          to->sign.public_key.type));
    identity.issued_s = from->making.expires_s;
    identity.expires_s = to->making.expires_s;
    identity.key = to->sign.public_key;
    struct kc_view signed_bytes =
        sign_identity(&bytes, &identity, exchange_bank(), exchange_realm());
    memcpy(to->identity_bytes, signed_bytes.data, signed_bytes.size);
    to->identity = kc_view(to->identity_bytes, signed_bytes.size);
}

struct kc_evidence_content *last_content(void)
{
    return &content;
}

struct kc_view make_file(struct kc_buffer *out, const struct kc_evidence_finding *finding)
{
    const struct kc_evidence_label label = {.alert = 5, .decimals = 2, .time_ms = NOW_MS};
    struct kc_signer signer = {.key = &exchange_bank()->private_key};
    kc_signer_id_make(&signer.id, exchange_crypto(), KC_SERVER_BANK, &exchange_bank()->public_key);
    must(kc_evidence_make(out, &work, exchange_crypto(), &signer, &content, finding, &label));
    return kc_buffer_view(out);
}

enum kc_error verify_file(struct kc_evidence_verdict *out, struct kc_view file)
{
    return kc_evidence_verify(out, &work, exchange_crypto(), &exchange_bank()->public_key, file)
        .code;
}

/* ---- forged reports ---- */

void forge(struct forgery *out, struct side *side)
{
    memset(out, 0, sizeof *out);
    out->side = side;
    out->request.time_ms = NOW_MS;
    out->counter = side->purse.certified.counter;
    memcpy(out->head, side->purse.certified.head, KC_DIGEST_SIZE);
}

void forge_entry(struct forgery *forgery, enum kc_entry_kind kind, uint64_t minor,
                 struct kc_view order, uint64_t voids)
{
    uint8_t bytes[320];
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = exchange_crypto();
    struct kc_view_list *list = &forgery->request.records;
    struct kc_buffer entry_bytes = KC_BUFFER(bytes);
    struct kc_buffer record_bytes = KC_BUFFER(forgery->records[list->count]);
    struct kc_entry entry = {.kind = kind,
                             .counter = ++forgery->counter,
                             .time_ms = NOW_MS,
                             .amount = amount(minor),
                             .has_voids = voids != 0,
                             .voids = voids};
    if (order.size > 0 || forgery->about.size > 0) {
        kc_digest(crypto, entry.partner, forgery->about.size > 0 ? forgery->about : order);
    }
    must(kc_shape_encode(&entry_bytes, &kc_entry_shape, &entry));
    const struct kc_log_record record = {
        .entry = kc_buffer_view(&entry_bytes), .has_order = order.size > 0, .order = order};
    must(kc_shape_encode(&record_bytes, &kc_log_record_shape, &record));
    list->items[list->count++] = kc_buffer_view(&record_bytes);
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(forgery->head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, kc_buffer_view(&entry_bytes));
    crypto->sha256_end(crypto->context, &hash, forgery->head);
}

void forge_close(struct forgery *forgery)
{
    struct kc_signed parsed;
    must(kc_brief_parse(&parsed, forgery->side->identity));
    forgery->about = parsed.payload;
    forge_entry(forgery, KC_ENTRY_KIND_CLOSE, 0, kc_view(NULL, 0), 0);
    forgery->about = kc_view(NULL, 0);
}

void forge_report(struct said *out, struct forgery *forgery)
{
    static struct kc_envelope_work envelope_work;
    uint8_t information_bytes[2560];
    struct kept envelope;
    struct side *side = forgery->side;
    struct kc_buffer plain = KC_BUFFER(information_bytes);
    struct kc_buffer buffer = KC_BUFFER(envelope.bytes);
    struct kc_signer signer = {.key = &side->sign.private_key};
    struct kc_value_information information = {.purse_type = KC_PURSE_TYPE_UIM,
                                               .account = side->account,
                                               .purse = side->number,
                                               .identity = side->identity,
                                               .certified = side->purse.state.certified,
                                               .paid = forgery->paid,
                                               .counter = forgery->counter};
    memcpy(information.head, forgery->head, KC_DIGEST_SIZE);
    must(kc_shape_encode(&plain, &kc_value_information_shape, &information));
    forgery->request.information = kc_buffer_view(&plain);
    kc_signer_id_make(&signer.id, exchange_crypto(), side->account.number, &side->sign.public_key);
    must(kc_envelope_make(&buffer, &envelope_work, exchange_crypto(), &signer,
                          &exchange_encrypt()->public_key, exchange_realm(),
                          forgery->request.time_ms, &kc_settle_request_shape, &forgery->request));
    said_envelope(out, kc_buffer_view(&buffer));
}

struct kc_view forge_order(struct kept *out, const struct forgery *forgery,
                           const struct side *payer, uint64_t minor, const struct keys *keys)
{
    const struct kc_payment_order order = {.payee = forgery->side->account,
                                           .payee_purse = forgery->side->number,
                                           .payer = payer->account,
                                           .payer_purse = payer->number,
                                           .amount = amount(minor),
                                           .time_ms = NOW_MS,
                                           .payer_counter = 1,
                                           .payee_counter = forgery->counter + 1};
    struct kc_payment payment;
    struct kc_view signed_payment =
        sign_payment(out, &order, keys, exchange_realm(), kc_view(NULL, 0));
    must(kc_shape_decode(&payment, &kc_payment_shape, signed_payment));
    return payment.order;
}
