/*
 * The load generator for a share server: keeps a number of connections busy with the lives of
 * secrets, each created, taken and acknowledged, one after the other, and measures how long a life
 * takes. One thread, one epoll, a closed loop. Any wrong answer ends the run.
 *
 * share_load PORT CONNECTIONS SECONDS
 *
 * PORT is one of this machine. Standard input has four lines for each secret, and all of them are
 * read before it begins: the JSON of the three calls, and what the second answer must contain.
 * Prints one object of JSON; times are in microseconds. A connection that the server ends after an
 * answer is made anew, and making it is part of the next call's time.
 */
#define _GNU_SOURCE
#include "load.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CALLS = 3, LINES = CALLS + 1, TAKE = 1, MAX_MESSAGE = 1 << 16, EVENTS = 64 };

static const char *const names[CALLS] = {"create", "take", "acknowledge"};
static const char *const statuses[CALLS] = {"HTTP/1.1 201 ", "HTTP/1.1 200 ", "HTTP/1.1 204 "};

struct connection {
    int fd;
    int call;
    const struct line *secret;
    uint64_t started;
    size_t received;
    char answer[MAX_MESSAGE + 1];
};

static struct sockaddr_in address = {.sin_family = AF_INET};
static int queue;
static struct line *lines;
static size_t line_count, next_line;
static uint64_t until;
static uint32_t *times;
static size_t time_count;

static void take_lines(void) {
    lines = read_lines(stdin, &line_count);
    if (line_count == 0 || line_count % LINES) fail("lines");
    for (size_t i = 0; i < line_count; i++) lines[i].text[--lines[i].length] = '\0';
    times = allocate(NULL, line_count / LINES * sizeof *times);
}

static void open_connection(struct connection *one) {
    int on = 1;
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (one->fd < 0) fail("socket");
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(one->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, one->fd, &event)) fail("epoll_ctl");
}

static void send_call(struct connection *one) {
    static char message[MAX_MESSAGE];
    const struct line *json = &one->secret[one->call];
    int length = snprintf(message, sizeof message,
                          "POST /api/%s HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                          "content-length: %zu\r\n\r\n%s",
                          names[one->call], json->length, json->text);
    if (length >= MAX_MESSAGE) fail("a call that is too long");
    if (one->fd < 0) open_connection(one);
    one->received = 0;
    if (send(one->fd, message, (size_t)length, MSG_NOSIGNAL) != length) fail("send");
}

/* Begins with the next secret, if there is still time. */
static int begin(struct connection *one) {
    one->started = now();
    if (one->started >= until) return 0;
    if (next_line == line_count) fail("too few secrets were made");
    one->secret = &lines[next_line];
    next_line += LINES;
    one->call = 0;
    send_call(one);
    return 1;
}

/* Whether the answer is complete. */
static int receive(struct connection *one) {
    size_t room = MAX_MESSAGE - one->received;
    ssize_t n = recv(one->fd, one->answer + one->received, room, 0);
    if (n <= 0) fail("connection lost");
    one->received += (size_t)n;
    one->answer[one->received] = '\0';
    const char *end = strstr(one->answer, "\r\n\r\n");
    if (!end) return 0;
    const char *declared = strcasestr(one->answer, "\r\ncontent-length: ");
    size_t body = declared && declared < end ? strtoul(declared + 18, NULL, 10) : 0;
    return one->received >= (size_t)(end - one->answer) + 4 + body;
}

static void check(const struct connection *one) {
    const char *status = statuses[one->call];
    int right = strncmp(one->answer, status, strlen(status)) == 0;
    if (one->call == TAKE) right = right && strstr(one->answer, one->secret[CALLS].text);
    if (right) return;
    fprintf(stderr, "share_load: %s: %.500s\n", names[one->call], one->answer);
    exit(1);
}

/* Takes what has come. Whether the connection goes on. */
static int serve(struct connection *one) {
    if (!receive(one)) return 1;
    check(one);
    if (strcasestr(one->answer, "\r\nconnection: close\r\n")) {
        close(one->fd);
        one->fd = -1;
    }
    if (++one->call < CALLS) {
        send_call(one);
        return 1;
    }
    times[time_count++] = (uint32_t)((now() - one->started) / 1000);
    return begin(one);
}

static void run(size_t connections) {
    struct connection *all = allocate(NULL, connections * sizeof *all);
    size_t busy = 0;
    for (size_t i = 0; i < connections; i++) {
        all[i].fd = -1;
        busy += (size_t)begin(&all[i]);
    }
    struct epoll_event events[EVENTS];
    while (busy > 0) {
        int count = epoll_wait(queue, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; i++) busy -= !serve(events[i].data.ptr);
    }
}

int main(int count, char **arguments) {
    if (count != 4) fail("arguments");
    address.sin_port = htons((uint16_t)atoi(arguments[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    take_lines();
    queue = epoll_create1(EPOLL_CLOEXEC);
    if (queue < 0) fail("epoll_create1");
    uint64_t from = now();
    until = from + (uint64_t)(atof(arguments[3]) * 1e9);
    run((size_t)atoi(arguments[2]));
    double seconds = (double)(now() - from) / 1e9;
    if (time_count == 0) fail("no answers");
    qsort(times, time_count, sizeof *times, ascending);
    printf("{\"pairs\":%zu,\"seconds\":%g,\"p99\":%u}\n", time_count, seconds,
           times[(size_t)((double)(time_count - 1) * 0.99)]);
}
