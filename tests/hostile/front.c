/* A front that was taken over. The first process that core starts becomes the real front, in the folder honest/ beside
 * this program, if there is one: that front serves the test itself, and every later one is this.
 *
 * Its orders say in newClientOrderId with what right they are sent: "own", by a connection that it was passed and
 * whose caller is there; "closed", by one that it said is closed; "left", by one whose caller has hung up, which it
 * did not say; "madeup" and an id, by one that it was never passed; "foreign", with a key of others. Only the first may
 * be signed. */
#include "tests/hostile/hostile.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define SLOTS 1024 /* of core's table; an id is a slot's generation and its number */
#define OWN_KEY "binance-other"
#define OTHER_KEY "binance-main"
#define ATTACK_MS 20 /* how long it listens between two attacks */

typedef struct connection {
    uint64_t id;
    int fd;         /* -1: closed */
    bool is_closed; /* core was told */
    bool is_left;   /* the record was told */
} connection;

typedef struct front {
    hostile self;
    connection connections[CONNECTIONS_MAX]; /* the latest, in no order */
    size_t count;
    uint64_t request;
    bool has_repeat_keys; /* each order has an Idempotency-Key of its own */
} front;

/* ---- connections ---- */

static bool has_left(const connection *at)
{
    struct pollfd poll_fd = {.fd = at->fd};
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLHUP) != 0;
}

static connection *any_connection(front *it)
{
    return it->count == 0 ? NULL : &it->connections[dice_below(&it->self.chance, it->count)];
}

static const char *right_of(const front *it, connection *at)
{
    if (at->is_closed)
        return "closed";
    if (!has_left(at))
        return "own";
    if (!at->is_left)
        hostile_record(&it->self, "left");
    at->is_left = true;
    return "left";
}

static void keep_connection(front *it, uint64_t id, int fd)
{
    connection *at = it->count < CONNECTIONS_MAX ? &it->connections[it->count++] : any_connection(it);
    if (it->count == CONNECTIONS_MAX && at->fd >= 0)
        close(at->fd);
    *at = (connection){.id = id, .fd = fd};
}

/* Sends CLOSED for one of its connections, whose caller stays there. */
static void close_one(front *it)
{
    ch_error err = CH_ERROR_INIT;
    connection *at = any_connection(it);
    if (at == NULL)
        return;
    at->is_closed = true;
    ch_ignore(ch_closed_frame_put(ch_channel_out(&it->self.channel), at->id, &(ch_closed_frame){}, &err));
}

/* ---- frames ---- */

static void add_order(front *it, uint64_t id, const char *key, const char *right)
{
    static const char *const order[][2] = {
        {"symbol",      "LTCBTC"},
        {"side",        "BUY"   },
        {"type",        "LIMIT" },
        {"timeInForce", "GTC"   },
        {"quantity",    "1"     },
        {"price",       "0.1"   }
    };
    ch_error err = CH_ERROR_INIT;
    ch_autobuffer records = CH_BUFFER_INIT;
    ch_sign_frame sign = {.connection = id,
                          .key = ch_slice_of(key),
                          .form = CH_FORM_TYPED,
                          .method = CH_LITERAL("POST"),
                          .path = CH_LITERAL("/api/v3/order")};
    char repeat_key[120];
    if (it->has_repeat_keys) {
        snprintf(repeat_key, sizeof repeat_key, "%0100llx", (unsigned long long)it->request);
        sign.repeat_key = ch_slice_of(repeat_key);
    }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        ch_value_record value = {CH_VALUE_TEXT, ch_slice_of(order[i][0]), ch_slice_of(order[i][1])};
        ch_value_record_put(&sign.values, &records, &value);
    }
    ch_value_record mark = {CH_VALUE_TEXT, CH_LITERAL("newClientOrderId"), ch_slice_of(right)};
    ch_value_record_put(&sign.values, &records, &mark);
    ch_ignore(ch_sign_frame_put(ch_channel_out(&it->self.channel), ++it->request, &sign, &err));
}

static void add_own_order(front *it)
{
    connection *at = any_connection(it);
    if (at != NULL)
        add_order(it, at->id, OWN_KEY, right_of(it, at));
}

/* Fails, with a key that has a long name. */
static void add_bad_order(front *it)
{
    static char key[30000];
    memset(key, 'k', sizeof key - 1);
    const connection *at = any_connection(it);
    add_order(it, at == NULL ? 1 : at->id, key + dice_below(&it->self.chance, sizeof key), "foreign");
}

/* Most often an id that was never passed: any slot, any generation, with the high bits set or not. The order names it,
 * for it may be one that core has passed and that was not read yet. */
static void add_made_up_order(front *it)
{
    char mark[36];
    uint64_t id = (1 + dice_below(&it->self.chance, 8)) << 16 | dice_below(&it->self.chance, 32);
    const connection *at = any_connection(it);
    if (dice_chance(&it->self.chance, 30) && at != NULL)
        id = at->id + (UINT64_C(1) << (16 + dice_below(&it->self.chance, 48)));
    snprintf(mark, sizeof mark, "madeup-%llx", (unsigned long long)id);
    add_order(it, id, dice_chance(&it->self.chance, 50) ? OWN_KEY : OTHER_KEY, mark);
}

/* A key that is granted to others only. */
static void add_foreign_order(front *it)
{
    const connection *at = any_connection(it);
    if (at != NULL)
        add_order(it, at->id, OTHER_KEY, "foreign");
}

static void add_lists(front *it)
{
    ch_error err = CH_ERROR_INIT;
    const connection *at = any_connection(it);
    ch_list_keys_frame list = {.connection = at == NULL ? 1 : at->id, .limit = 1000};
    ch_get_status_frame get = {.connection = list.connection};
    ch_ignore(ch_list_keys_frame_put(ch_channel_out(&it->self.channel), ++it->request, &list, &err));
    ch_ignore(ch_get_status_frame_put(ch_channel_out(&it->self.channel), ++it->request, &get, &err));
    ch_ignore(ch_get_time_frame_put(ch_channel_out(&it->self.channel), ++it->request, &(ch_get_time_frame){}, &err));
}

/* ---- what core says ---- */

static void take_frame(front *it, const ch_frame *frame, int *fd)
{
    ch_error err = CH_ERROR_INIT;
    ch_buffer *out = ch_channel_out(&it->self.channel);
    if (frame->type == CH_FRAME_PING)
        ch_ignore(ch_pong_frame_put(out, 0, &(ch_pong_frame){}, &err));
    if (frame->type == CH_FRAME_CONNECTION) {
        hostile_record(&it->self, "connection %llx", (unsigned long long)frame->id);
        keep_connection(it, frame->id, *fd);
        *fd = -1;
    }
    if (frame->type == CH_FRAME_SIGNED)
        hostile_record(&it->self, "signed");
}

static bool listen_once(front *it, int wait_ms)
{
    ch_packet packet;
    ch_frame frame;
    if (!hostile_hear(&it->self, wait_ms, &packet))
        return false;
    while (ch_frame_next(&packet.bytes, &frame))
        take_frame(it, &frame, &packet.fd);
    ch_packet_close(&packet);
    return true;
}

static void listen_for(front *it, int wait_ms)
{
    while (listen_once(it, wait_ms))
        wait_ms = 0;
    hostile_try_send(&it->self, 0);
}

/* ---- attacks ---- */

static void flood(front *it, void (*add)(front *it))
{
    for (int i = 0; i < 500 && ch_channel_pending(&it->self.channel) < CH_PACKET_MAX; i++)
        add(it);
    hostile_try_send(&it->self, ATTACK_MS);
}

/* It has read of its first connection, and reads nothing more. */
static void flood_with_lists(front *it)
{
    for (;;)
        flood(it, add_lists);
}

static void flood_with_failures(front *it)
{
    for (;;)
        flood(it, add_bad_order);
}

static void flood_with_orders(front *it)
{
    for (;;)
        flood(it, add_own_order);
}

static void flood_with_repeat_keys(front *it)
{
    it->has_repeat_keys = true;
    flood(it, add_own_order);
    listen_for(it, 0);
}

/* Says of connections that they are closed which it has not even read of; so core may be passed more. */
static void add_guessed_closed(front *it)
{
    static uint64_t guess;
    ch_error err = CH_ERROR_INIT;
    guess++;
    uint64_t id = (1 + guess / SLOTS % 64) << 16 | guess % SLOTS;
    ch_ignore(ch_closed_frame_put(ch_channel_out(&it->self.channel), id, &(ch_closed_frame){}, &err));
}

static void close_unread(front *it)
{
    for (;;)
        flood(it, add_guessed_closed);
}

static void read_slowly(front *it)
{
    for (;;) {
        flood(it, add_lists);
        hostile_pause(150);
        listen_once(it, 0);
    }
}

static void sleep_for_ever(front *it)
{
    (void)it;
    for (;;)
        hostile_pause(1000);
}

static void send_own_orders(front *it)
{
    add_own_order(it);
    hostile_send(&it->self);
    listen_for(it, ATTACK_MS);
}

static void lie_about_connections(front *it)
{
    void (*const kinds[])(front * it) = {add_own_order, add_made_up_order, add_foreign_order};
    for (int i = 0; i < 10; i++)
        kinds[dice_below(&it->self.chance, sizeof kinds / sizeof *kinds)](it);
    if (dice_chance(&it->self.chance, 2))
        close_one(it);
    hostile_send(&it->self);
    listen_for(it, ATTACK_MS);
}

static void spoil_orders(front *it)
{
    hostile_send(&it->self);
    add_own_order(it);
    add_lists(it);
    hostile_spoil(&it->self);
    listen_for(it, ATTACK_MS);
}

static void send_anything(front *it)
{
    hostile_add_any(&it->self, CH_FRONT_TO_CORE);
    hostile_send(&it->self);
    listen_for(it, ATTACK_MS);
}

static void be_rude(front *it)
{
    hostile_send(&it->self);
    hostile_be_rude(&it->self);
    listen_for(it, ATTACK_MS);
}

static void do_anything(front *it)
{
    void (*const kinds[])(front * it) = {lie_about_connections, spoil_orders, send_anything, be_rude};
    flood(it, dice_chance(&it->self.chance, 50) ? add_lists : add_bad_order);
    hostile_send(&it->self);
    kinds[dice_below(&it->self.chance, sizeof kinds / sizeof *kinds)](it);
}

/* clang-format off */
static const struct {
    const char *name;
    void (*step)(front *it); /* called again and again */
    bool is_ready;           /* says so at the start */
} attacks[] = {
    /* name        step                     says that it is ready */
    { "lists",     flood_with_lists,        true },
    { "failures",  flood_with_failures,     true },
    { "orders",    flood_with_orders,       true },
    { "repeats",   flood_with_repeat_keys,  true },
    { "unread",    close_unread,            true },
    { "slow",      read_slowly,             true },
    { "deaf",      sleep_for_ever,          true },
    { "unready",   sleep_for_ever,          false },
    { "own",       send_own_orders,         true },
    { "lies",      lie_about_connections,   true },
    { "spoiled",   spoil_orders,            true },
    { "random",    send_anything,           true },
    { "rude",      be_rude,                 true },
    { "any",       do_anything,             true },
};
/* clang-format on */

/* ---- the program ---- */

/* The lock lasts as long as the real front, which inherits its descriptor. */
static void become_honest(void)
{
    char path[PATH_MAX];
    char lock[PATH_MAX + 8];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 32);
    if (size <= 0)
        exit(2);
    path[size] = '\0';
    strcpy(strrchr(path, '/'), "/honest/chancery-front");
    snprintf(lock, sizeof lock, "%s.lock", path);
    int fd = access(path, X_OK) == 0 ? open(lock, O_RDWR | O_CREAT, 0600) : -1;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        execl(path, "chancery-front", NULL);
    if (fd >= 0)
        close(fd);
}

int main(void)
{
    static front it;
    ch_error err = CH_ERROR_INIT;
    become_honest();
    hostile_begin(&it.self, "CHANCERY_HOSTILE_FRONT");
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        if (strcmp(attacks[i].name, it.self.attack) != 0)
            continue;
        hostile_record(&it.self, "life");
        if (attacks[i].is_ready)
            ch_ignore(ch_front_ready_frame_put(ch_channel_out(&it.self.channel), 0, &(ch_front_ready_frame){}, &err));
        hostile_send(&it.self);
        listen_for(&it, 1000); /* FRONT_START */
        listen_for(&it, 1000); /* the first connections */
        for (;;)
            attacks[i].step(&it);
    }
    return 2;
}
