/* One sale by a machine, from SELECT of the buyer's purse to the item's release: what goes over the link or to the card, and the
 * time that the purses of both sides need, with the cryptography that is shipped in purses, beside their signature operations.
 *
 *   sale [--rounds N] link|extended|chained uim|card|bearer
 *
 * The machine is the one of kinchaku-vendor. Over a link it talks with the steps of a station that buys (src/station/buy.c);
 * else the purse lies in the machine's own reader, to which each command goes as one extended APDU or in pieces as
 * src/reader/pcsc.c sends them. Journal and stock stand in a folder under /dev/shm (or /tmp); purses in memory. Prints one JSON
 * object, `first` for purses that never met and `later`. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "purse/apdu.h"
#include "tests/unit/purse/exchange_world.h"
#include "vendor/sell.h"

#define NTH UINT32_C(1000000)
#define MUCH UINT64_C(50000000)
#define PRICE UINT64_C(15000)
#define ITEMS 100000u
#define LATER 10u
#define PLACES 4u
#define TALK_MS 10000u
#define YEAR_S UINT64_C(31536000)
#define SESSION UINT32_C(0x5a3c96e1)
#define SHORT_MAX 255u
#define HEAD 4u
#define EXTENDED_HEAD 7u
#define STEPS_MAX 64u
#define MESSAGES_MAX 16u

enum way { LINK, EXTENDED, CHAINED };

/* One command to a purse. */
struct step {
    uint8_t ins;
    size_t bytes; /* commands and responses, as this way of sending has them */
    unsigned commands;
    uint64_t ns;
    uint64_t bare_ns;
    unsigned signs;
    unsigned verifies;
};

struct meter {
    struct side *side;
    enum way way;
    struct step steps[STEPS_MAX];
    size_t count;
};

struct talk {
    size_t sizes[MESSAGES_MAX];
    size_t count;
    size_t paid; /* messages up to the payment, after which the item goes */
};

static struct side start_buyer;
static struct side start_seller;
static struct side buyer;
static struct side seller;
static struct meter buyer_meter;
static struct meter seller_meter;
static struct kc_slot buyer_slot;
static struct kc_machine machine;
static struct talk talk;
static char dir[64];
static _Thread_local struct step *counting;
static struct kc_crypto real;

static void need(struct kc_result result, const char *what)
{
    if (kc_failed(result)) {
        (void)fprintf(stderr, "sale: %s: %s\n", what, kc_error_name(result.code));
        exit(4);
    }
}

/* Processor time of this thread, which others on the machine do not lengthen. */
static uint64_t thread_ns(void)
{
    struct timespec time = {.tv_sec = 0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ---- the purses' cryptography, watched ---- */

static struct kc_result watched_sign(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX],
                                     size_t *size, const struct kc_private_key *key,
                                     const uint8_t digest[KC_DIGEST_SIZE])
{
    uint64_t start_ns = thread_ns();
    struct kc_result result = real.sign(context, signature, size, key, digest);
    counting->bare_ns += thread_ns() - start_ns;
    counting->signs += 1;
    return result;
}

static struct kc_result watched_verify(void *context, const struct kc_public_key *key,
                                       const uint8_t digest[KC_DIGEST_SIZE],
                                       struct kc_view signature)
{
    uint64_t start_ns = thread_ns();
    struct kc_result result = real.verify(context, key, digest, signature);
    counting->bare_ns += thread_ns() - start_ns;
    counting->verifies += 1;
    return result;
}

/* ---- commands to a purse ---- */

static void run_one(struct meter *meter, struct kc_buffer *response, struct kc_view command)
{
    size_t size = 0;
    struct step *step = counting;
    uint64_t start_ns = thread_ns();
    kc_purse_command(&meter->side->purse, response->data, &size, command);
    step->ns += thread_ns() - start_ns;
    step->bytes += command.size + size;
    step->commands += 1;
    response->size = size;
}

/* A command in pieces, its response fetched in parts. */
static void run_pieces(struct meter *meter, struct kc_buffer *response, struct kc_view command)
{
    uint8_t piece[HEAD + 1 + SHORT_MAX + 1];
    static _Thread_local uint8_t part_bytes[KC_RESPONSE_SIZE_MAX];
    struct kc_buffer part = KC_BUFFER(part_bytes);
    bool none = command.size == EXTENDED_HEAD;
    const uint8_t *data = command.data + EXTENDED_HEAD;
    size_t left = none ? 0 : command.size - EXTENDED_HEAD - 2;
    bool last = false;
    while (!last) {
        size_t now = left > SHORT_MAX ? SHORT_MAX : left;
        size_t size = HEAD;
        last = now == left;
        memcpy(piece, command.data, HEAD);
        piece[0] = (uint8_t)(piece[0] | (last ? 0u : KC_CLA_MORE));
        if (now > 0) {
            piece[size++] = (uint8_t)now;
            memcpy(piece + size, data, now);
            size += now;
        }
        if (last) {
            piece[size++] = 0;
        }
        run_one(meter, &part, kc_view(piece, size));
        data += now;
        left -= now;
    }
    response->size = 0;
    while (part.data[part.size - 2] == 0x61) {
        const uint8_t more[] = {0, KC_INS_GET_RESPONSE, 0, 0, part.data[part.size - 1]};
        need(kc_buffer_append(response, kc_view(part.data, part.size - 2)), "response");
        run_one(meter, &part, kc_view(more, sizeof more));
    }
    need(kc_buffer_append(response, kc_buffer_view(&part)), "response");
}

static struct kc_result transmit(void *context, struct kc_buffer *response, struct kc_view command)
{
    struct meter *meter = context;
    if (meter->count == STEPS_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    counting = &meter->steps[meter->count++];
    memset(counting, 0, sizeof *counting);
    counting->ins = command.data[1];
    if (meter->way == CHAINED) {
        run_pieces(meter, response, command);
    } else {
        run_one(meter, response, command);
    }
    return kc_ok();
}

static void reset(struct meter *meter, struct side *side, enum way way)
{
    meter->side = side;
    meter->way = way;
    meter->count = 0;
}

static void watch(struct side *side)
{
    real = side->crypto;
    side->purse.crypto.sign = watched_sign;
    side->purse.crypto.verify = watched_verify;
}

/* ---- the machine ---- */

static void remove_files(void)
{
    static const char *const names[] = {"journal", "journal.made", "stock", "link"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
}

static void make_shelf(struct kc_machine_ini *ini)
{
    (void)snprintf(ini->name, sizeof ini->name, "Drinks, platform 2");
    ini->dealer = kc_account_nth(77);
    ini->journal_most = UINT32_MAX;
    ini->talk_ms = TALK_MS;
    ini->slot_count = PLACES;
    for (size_t i = 0; i < PLACES; i++) {
        (void)snprintf(ini->slots[i].name, sizeof ini->slots[i].name, "Lemonade %zu", i + 1);
        need(kc_amount_from_minor(&ini->slots[i].price, PRICE), "price");
        ini->slots[i].count = ITEMS;
    }
}

/* The machine of kinchaku-vendor with a purse in memory. */
static void make_machine(void)
{
    char path[KC_PATH_SIZE_MAX];
    const struct kc_slot_port port = {.context = &seller_meter, .transmit = transmit};
    struct kc_sale line = {.kind = KC_SALE_KIND_OPENED};
    remove_files();
    memset(&machine, 0, sizeof machine);
    make_shelf(&machine.ini);
    (void)snprintf(machine.dir, sizeof machine.dir, "%s", dir);
    machine.lock = -1;
    machine.crypto = seller.crypto;
    machine.realm = *exchange_realm();
    machine.account = seller.account;
    machine.purse = seller.number;
    machine.party = (struct kc_journal_party){.crypto = &machine.crypto,
                                              .realm = machine.realm,
                                              .purse = machine.purse,
                                              .key = seller.sign.public_key};
    need(kc_slot_open(&machine.slot, &port), "the machine's purse");
    need(kc_stock_open(&machine.stock, dir, &machine.ini), "stock");
    need(kc_path_join(path, dir, "journal", NULL), "journal");
    need(kc_journal_open(&machine.journal, path, &machine.party, NULL, NULL), "journal");
    need(kc_machine_note(&machine, &line), "journal");
}

/* As if they had never met. */
static void renew(void)
{
    side_copy(&buyer, &start_buyer);
    side_copy(&seller, &start_seller);
    watch(&buyer);
    watch(&seller);
    reset(&seller_meter, &seller, EXTENDED);
    make_machine();
}

static void make_sides(enum kc_purse_type type)
{
    const uint64_t now_s = kc_clock_now_ms() / 1000;
    static struct kc_offline_limits limits;
    limits = kc_offline_limits_bearer(amount(MUCH), amount(MUCH), YEAR_S * 10 * 1000);
    struct making making = {.nth = NTH,
                            .suite = KC_SUITE_ES256,
                            .value = MUCH,
                            .expires_s = now_s + YEAR_S,
                            .type = type,
                            .bearssl = true};
    if (type == KC_PURSE_TYPE_BEARER) {
        making.limits = &limits;
        making.log_policy = KC_LOG_POLICY_OVERWRITE;
    }
    side_make(&start_buyer, &making);
    making = (struct making){.nth = NTH + 1,
                             .suite = KC_SUITE_ES256,
                             .value = 7,
                             .expires_s = now_s + YEAR_S,
                             .type = KC_PURSE_TYPE_MACHINE,
                             .bearssl = true};
    side_make(&start_seller, &making);
}

/* ---- a sale ---- */

/* SELECT, and the PIN that only a UIM wants. */
static void begin_buyer(enum way way)
{
    const struct kc_slot_port port = {.context = &buyer_meter, .transmit = transmit};
    reset(&buyer_meter, &buyer, way);
    need(kc_slot_open(&buyer_slot, &port), "SELECT");
    if (buyer.making.type == KC_PURSE_TYPE_UIM) {
        need(kc_slot_verify_pin(&buyer_slot, kc_view_text(PIN)), "PIN");
    }
}

static void *serve(void *argument)
{
    struct kc_sold sold;
    bool fatal = false;
    struct kc_link *link = argument;
    need(kc_link_accept(link, TALK_MS), "accept");
    need(kc_sell_talk(&sold, &fatal, &machine, link), "the machine's talk");
    need(kc_result(sold.sale == 0 || sold.stuck ? KC_DECLINED : KC_OK), "the item");
    kc_link_close(link); /* for which the other side waits */
    return NULL;
}

static void note_size(size_t size)
{
    need(kc_result(talk.count < MESSAGES_MAX ? KC_OK : KC_TOO_LARGE), "messages");
    talk.sizes[talk.count++] = size;
}

/* Sends a message and keeps the answer. */
static struct kc_view ask(struct kc_link *link, struct kept *out, struct kc_view message)
{
    struct kc_view view;
    note_size(message.size);
    need(kc_link_send(link, message, TALK_MS), "send");
    need(kc_link_receive(&view, link, TALK_MS), "receive");
    note_size(view.size);
    need(kc_result(kc_shape_number(view) == kc_notice_shape.number ? KC_DECLINED : KC_OK),
         "the machine's answer");
    return keep(out, view);
}

static struct kc_view ask_shape(struct kc_link *link, struct kept *out,
                                const struct kc_shape *shape, const void *message)
{
    uint8_t bytes[64];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    need(kc_shape_encode(&buffer, shape, message), "encode");
    return ask(link, out, kc_buffer_view(&buffer));
}

/* The steps of a station that buys. */
static void buy(struct kc_link *link)
{
    static struct kept kept;
    struct kc_purse_info info;
    struct kc_view view;
    const struct kc_shelf_request shelf = {.from_slot = 1};
    const struct kc_select select = {.slot = 1};
    /* Once when the station opens the purse, and once for the room in its log. */
    need(kc_slot_info(&info, &buyer_slot), "info");
    need(kc_slot_info(&info, &buyer_slot), "info");
    (void)ask_shape(link, &kept, &kc_shelf_request_shape, &shelf);
    (void)ask_shape(link, &kept, &kc_select_shape, &select);
    need(kc_slot_identify(&view, &buyer_slot, false), "identify");
    (void)ask(link, &kept, view);
    need(kc_slot_info(&info, &buyer_slot), "info");
    (void)kc_failed(kc_slot_open_payment(&view, &buyer_slot, 0));
    need(kc_slot_pay(&view, &buyer_slot, amount(PRICE), kc_clock_now_ms(), kept_view(&kept)),
         "pay");
    talk.paid = talk.count + 1;
    (void)ask(link, &kept, view);
    need(kc_slot_conclude(&view, &buyer_slot, kept_view(&kept)), "conclude");
    (void)kc_failed(kc_slot_open_payment(&view, &buyer_slot, 0));
    need(kc_slot_info(&info, &buyer_slot), "info");
    const struct kc_outcome_request end = {.account = info.account};
    (void)ask_shape(link, &kept, &kc_outcome_request_shape, &end);
}

static void sell_over_link(void)
{
    static struct kc_link here;
    static struct kc_link there;
    struct kc_link_place place = {.kind = KC_LINK_UNIX};
    pthread_t thread;
    memset(&here, 0, sizeof here);
    memset(&there, 0, sizeof there);
    (void)snprintf(place.path, sizeof place.path, "%s/link", dir);
    need(kc_link_listen(&there, &place), "listen");
    need(kc_result(pthread_create(&thread, NULL, serve, &there) == 0 ? KC_OK : KC_NO_MEMORY),
         "thread");
    begin_buyer(LINK);
    need(kc_link_connect(&here, &place, TALK_MS), "connect");
    buy(&here);
    kc_link_close(&here);
    (void)pthread_join(thread, NULL);
}

static void sell_to_card(enum way way)
{
    struct kc_sold sold;
    bool fatal = false;
    begin_buyer(way);
    need(kc_sell_card(&sold, &fatal, &machine, &buyer_slot, 1, kc_amount_zero()), "the card");
    need(kc_result(sold.sale == 0 || sold.stuck ? KC_DECLINED : KC_OK), "the item");
}

static void sell(enum way way)
{
    reset(&seller_meter, &seller, EXTENDED);
    memset(&talk, 0, sizeof talk);
    if (way == LINK) {
        sell_over_link();
    } else {
        sell_to_card(way);
    }
}

/* ---- on the line ---- */

static size_t frame_size(enum kc_link_kind_of_frame kind, unsigned sequence, size_t payload_size)
{
    static uint8_t bytes[KC_LINK_STUFFED_MAX];
    static const uint8_t payload[KC_LINK_PAYLOAD_MAX] = {0};
    struct kc_buffer out = KC_BUFFER(bytes);
    const struct kc_link_frame frame = {.kind = kind,
                                        .sequence = (uint8_t)sequence,
                                        .session = SESSION,
                                        .payload = kc_view(payload, payload_size)};
    need(kc_link_frame_write(&out, &frame), "frame");
    return out.size;
}

/* Greeting and so many messages with their acknowledgements; a frame that needs no escapes. */
static size_t line_size(size_t messages)
{
    size_t size = frame_size(KC_LINK_HELLO, 0, 0) + frame_size(KC_LINK_WELCOME, 0, 0) +
                  frame_size(KC_LINK_ACK, 0, 0);
    for (size_t i = 0; i < messages; i++) {
        size += frame_size(KC_LINK_DATA, 1, talk.sizes[i]) + frame_size(KC_LINK_ACK, 0, 0);
    }
    return size;
}

/* ---- figures ---- */

/* What one side needed in one sale: up to the item's release, and in all. */
struct sum {
    uint64_t ns;
    uint64_t bare_ns;
    unsigned signs;
    unsigned verifies;
    unsigned commands;
    size_t bytes;
};

struct sale {
    struct sum buyer;
    struct sum buyer_all;
    struct sum seller;
    struct sum seller_all;
};

static struct sum add_up(const struct meter *meter, size_t count)
{
    struct sum sum = {0};
    for (size_t i = 0; i < count; i++) {
        const struct step *step = &meter->steps[i];
        sum.ns += step->ns;
        sum.bare_ns += step->bare_ns;
        sum.signs += step->signs;
        sum.verifies += step->verifies;
        sum.commands += step->commands;
        sum.bytes += step->bytes;
    }
    return sum;
}

/* Commands up to the n-th of this kind. */
static size_t up_to(const struct meter *meter, uint8_t ins, unsigned nth)
{
    for (size_t i = 0; i < meter->count; i++) {
        if (meter->steps[i].ins == ins && --nth == 0) {
            return i + 1;
        }
    }
    need(kc_result(KC_NOT_FOUND), "the command that ends it");
    return 0;
}

/* The item goes when the line `sale` is signed; over a link the buyer has only paid by then, in the machine's reader the purse
 * has its receipt. */
static struct sale measure(enum way way)
{
    uint8_t last = way == LINK ? KC_INS_PAY : KC_INS_CONCLUDE;
    return (struct sale){.buyer = add_up(&buyer_meter, up_to(&buyer_meter, last, 1)),
                         .buyer_all = add_up(&buyer_meter, buyer_meter.count),
                         .seller = add_up(&seller_meter, up_to(&seller_meter, KC_INS_SIGN_SALE, 1)),
                         .seller_all = add_up(&seller_meter, seller_meter.count)};
}

static int by_time(const void *a, const void *b)
{
    const struct sale *left = a;
    const struct sale *right = b;
    uint64_t one = left->buyer.ns + left->seller.ns;
    uint64_t other = right->buyer.ns + right->seller.ns;
    return one < other ? -1 : one > other;
}

static void print_sum(const char *name, const struct sum *sum)
{
    (void)printf(", \"%s\": {\"us\": %.1f, \"bare_us\": %.1f, \"signs\": %u, \"verifies\": %u, "
                 "\"commands\": %u, \"bytes\": %zu}",
                 name, (double)sum->ns / 1000, (double)sum->bare_ns / 1000, sum->signs,
                 sum->verifies, sum->commands, sum->bytes);
}

/* The sale in the middle. Sizes are those of the newest one, which has the same. */
static void print_contact(const char *name, enum way way, struct sale *sales, size_t count,
                          const struct talk *sizes)
{
    qsort(sales, count, sizeof *sales, by_time);
    const struct sale *middle = &sales[count / 2];
    talk = *sizes;
    (void)printf("\"%s\": {\"messages\": [", name);
    for (size_t i = 0; i < talk.count; i++) {
        (void)printf("%s%zu", i == 0 ? "" : ", ", talk.sizes[i]);
    }
    (void)printf("], \"paid\": %zu, \"line\": %zu, \"line_all\": %zu", talk.paid,
                 way == LINK ? line_size(talk.paid) : 0,
                 way == LINK ? line_size(talk.count) + 2 * frame_size(KC_LINK_BYE, 0, 0) : 0);
    print_sum("buyer", &middle->buyer);
    print_sum("buyer_all", &middle->buyer_all);
    print_sum("machine", &middle->seller);
    print_sum("machine_all", &middle->seller_all);
    (void)printf("}");
}

static void run(enum way way, size_t rounds)
{
    struct sale *firsts = calloc(rounds, sizeof *firsts);
    struct sale *laters = calloc(rounds * LATER, sizeof *laters);
    struct talk first;
    need(kc_result(firsts == NULL || laters == NULL ? KC_NO_MEMORY : KC_OK), "memory");
    for (size_t i = 0; i < rounds; i++) {
        renew();
        sell(way);
        firsts[i] = measure(way);
        first = talk;
        for (size_t k = 0; k < LATER; k++) {
            sell(way);
            laters[i * LATER + k] = measure(way);
        }
        kc_journal_close(&machine.journal);
    }
    const struct talk later = talk;
    (void)printf("{");
    print_contact("first", way, firsts, rounds, &first);
    (void)printf(", ");
    print_contact("later", way, laters, rounds * LATER, &later);
    (void)printf("}\n");
    free(firsts);
    free(laters);
}

int main(int argc, char **argv)
{
    static const char *const ways[] = {"link", "extended", "chained"};
    static const struct {
        const char *word;
        enum kc_purse_type type;
    } kinds[] = {
        {"uim", KC_PURSE_TYPE_UIM}, {"card", KC_PURSE_TYPE_CARD}, {"bearer", KC_PURSE_TYPE_BEARER}};
    size_t way = 0;
    size_t kind = 0;
    size_t rounds = argc == 5 && strcmp(argv[1], "--rounds") == 0 ? strtoul(argv[2], NULL, 10) : 20;
    if ((argc != 3 && argc != 5) || rounds == 0 || rounds > 10000) {
        way = 3;
    }
    for (; way < 3 && strcmp(ways[way], argv[argc - 2]) != 0; way++) {
    }
    for (; kind < 3 && way < 3 && strcmp(kinds[kind].word, argv[argc - 1]) != 0; kind++) {
    }
    if (way == 3 || kind == 3) {
        (void)fprintf(stderr, "usage: sale [--rounds N] link|extended|chained uim|card|bearer\n");
        return 2;
    }
    (void)snprintf(dir, sizeof dir, "%s/bench-sale-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    need(kc_result(mkdtemp(dir) == NULL ? KC_IO_FAILED : KC_OK), dir);
    (void)exchange_open(NULL);
    make_sides(kinds[kind].type);
    run((enum way)way, rounds);
    (void)exchange_close(NULL);
    remove_files();
    (void)rmdir(dir);
    return 0;
}
