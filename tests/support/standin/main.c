/* Stands in for a program that core starts: hands its end of the channel to the test that started it, at the socket
 * $CHANCERY_STANDIN, with its arguments, and then only lives. See tests/unit/agent/core/stage.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHANNEL_FD 3

/* The arguments, a space between them. */
static size_t join(int argc, char **argv, char *text, size_t capacity)
{
    size_t size = 0;
    for (int i = 0; i < argc; i++) {
        size_t length = strlen(argv[i]);
        if (size + length + 1 > capacity)
            return size;
        memcpy(text + size, argv[i], length);
        size += length;
        text[size++] = ' ';
    }
    return size - 1;
}

static int hand_over(int socket_fd, char *text, size_t size)
{
    int channel_fd = CHANNEL_FD;
    struct iovec bytes = {.iov_base = text, .iov_len = size};
    union {
        char space[CMSG_SPACE(sizeof channel_fd)];
        struct cmsghdr align;
    } control = {.space = {0}};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof channel_fd);
    memcpy(CMSG_DATA(rights), &channel_fd, sizeof channel_fd);
    return sendmsg(socket_fd, &message, 0) == (ssize_t)size;
}

int main(int argc, char **argv)
{
    const char *path = getenv("CHANCERY_STANDIN");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[256];
    if (path == NULL || strlen(path) >= sizeof address.sun_path)
        return 2;
    memcpy(address.sun_path, path, strlen(path));
    int socket_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(socket_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        !hand_over(socket_fd, text, join(argc, argv, text, sizeof text)))
        return 1;
    close(CHANNEL_FD); /* so that the test alone holds this end; it waits until the socket is closed too */
    close(socket_fd);
    for (;;)
        pause();
}
