/* To know before a change: libqrencode copies what it is given into memory that it does not wipe. So a process of its
 * own draws, whose heap is locked first, and whose copies end with it. */
#include "cli/seed_screen.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <qrencode.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUIET 2 /* modules around the code; the standard asks for 4; scanners take 2, which fits more terminals */
#define ROOM (1024 * 1024)
#define TEXT_MAX 1024
#define PROMPT_ROWS 1

static const char enter_screen[] = "\033[?1049h\033[2J\033[H";
static const char leave_screen[] = "\033[0m\033[2J\033[H\033[?1049l";

/* ---- text ---- */

/* A text in locked memory. */
typedef struct text {
    ch_secret *into;
    size_t size;
} text;

static void add_byte(text *to, char byte)
{
    if (to->size < to->into->size)
        to->into->data[to->size++] = (uint8_t)byte;
}

static void add(text *to, const char *what)
{
    for (; *what != '\0'; what++)
        add_byte(to, *what);
}

/* RFC 4648, without padding, as apps take it. */
static void add_base32(text *to, const ch_secret *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned held = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < bytes->size; i++) {
        held = (held << 8 | bytes->data[i]) & 0xfff;
        bits += 8;
        for (; bits >= 5; bits -= 5)
            add_byte(to, digits[held >> (bits - 5) & 31]);
    }
    if (bits > 0)
        add_byte(to, digits[held << (5 - bits) & 31]);
}

/* What is usual is left out, so that the code is small enough for a terminal of 24 rows. */
static void add_uri(text *to, const ch_shown_seed *shown)
{
    add(to, "otpauth://totp/Chancery:");
    add(to, shown->person);
    add(to, "?secret=");
    add_base32(to, shown->seed);
    add(to, "&issuer=Chancery");
    if (strcmp(shown->hash, "SHA1") != 0) {
        add(to, "&algorithm=");
        add(to, shown->hash);
    }
    if (shown->digits != 6) {
        add(to, "&digits=");
        add_byte(to, (char)('0' + shown->digits));
    }
}

/* ---- the code ---- */

/* Beyond the code it is light. */
static bool is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & 1) != 0;
}

/* Two modules in one character, in colours of our own: a terminal's may be the other way round. */
static void add_code(text *to, const QRcode *code)
{
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        add(to, "\033[38;5;16;48;5;231m");
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            bool is_upper = is_dark(code, x, y);
            bool is_lower = is_dark(code, x, y + 1);
            add(to, is_upper ? (is_lower ? "\u2588" : "\u2580") : (is_lower ? "\u2584" : " "));
        }
        add(to, "\033[0m\n");
    }
}

static bool has_room(int tty, const QRcode *code, size_t uri_size)
{
    struct winsize window = {0};
    if (ioctl(tty, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0)
        return true;
    int wide = code->width + 2 * QUIET;
    int rows = (wide + 1) / 2 + (int)uri_size / window.ws_col + 1 + PROMPT_ROWS;
    return wide <= window.ws_col && rows <= window.ws_row;
}

/* ---- the process that draws ---- */

/* So that what the library allocates is never swapped. Without the right to lock so much, it is drawn all the same: the
 * process lives for a moment. */
static void lock_heap(void)
{
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 2 * ROOM);
    mallopt(M_TOP_PAD, ROOM);
    free(malloc(ROOM));
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = (uintptr_t)sbrk(0);
    uintptr_t begin = (end - mallinfo2().arena) / page * page;
    ch_ignore(mlock((void *)begin, end - begin));
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno != EINTR)
            return false;
        bytes += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* Returns false if there is no code for such a text, or no memory, or the terminal fails. */
static bool draw(int tty, const ch_shown_seed *shown, ch_secret *uri_room, ch_secret *room)
{
    text uri = {uri_room, 0};
    text out = {room, 0};
    add_uri(&uri, shown);
    QRcode *code = QRcode_encodeData((int)uri.size, uri.into->data, 0, QR_ECLEVEL_L);
    if (code == NULL)
        return false;
    add(&out, enter_screen);
    for (size_t i = 0; i < uri.size; i++)
        add_byte(&out, (char)uri.into->data[i]);
    add(&out, "\n");
    if (has_room(tty, code, uri.size))
        add_code(&out, code);
    else
        add(&out,
            "This window is too small for the QR code: type the text into the app, or leave with Ctrl-C, make the\n"
            "window larger and begin anew.\n");
    return write_all(tty, room->data, out.size);
}

static bool draw_in_locked_memory(int tty, const ch_shown_seed *shown)
{
    ch_autosecret uri = CH_SECRET_INIT;
    ch_autosecret room = CH_SECRET_INIT;
    ch_error ignored = CH_ERROR_INIT;
    lock_heap();
    return ch_secret_alloc(&uri, TEXT_MAX, &ignored) == CH_OK &&
           ch_secret_alloc(&room, CH_SECRET_MAX, &ignored) == CH_OK && draw(tty, shown, &uri, &room);
}

ch_status ch_seed_screen_show(const ch_shown_seed *shown, ch_error *err)
{
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int wait_status = -1;
    if (tty < 0)
        return ch_fail(err, CH_BAD_INPUT, "there is no terminal to show the seed on, and it goes nowhere else");
    pid_t pid = fork();
    if (pid == 0)
        _exit(draw_in_locked_memory(tty, shown) ? 0 : 1);
    close(tty);
    while (pid > 0 && waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0 || wait_status != 0)
        return ch_fail(err, CH_IO, "the seed could not be shown on the terminal");
    return CH_OK;
}

void ch_seed_screen_clear(void)
{
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (tty < 0)
        return;
    write_all(tty, (const uint8_t *)leave_screen, sizeof leave_screen - 1);
    close(tty);
}
