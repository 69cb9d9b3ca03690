/*
 * The load generator: keeps a number of connections to a server busy with requests of one
 * line each and measures how long the answers take. One thread, one epoll, a closed loop: a
 * connection sends its next request when it has its answer. Any wrong answer ends the run.
 *
 * load SOCKET CONNECTIONS SECONDS WARMUP keep|new LINES EXPECTED
 *
 * SOCKET is the path of a Unix socket; or, compiled with -DTLS, a port of this machine, reached by
 * TLS 1.3 with cert.pem and key.pem of the directory LOAD_IDENTITY.
 *
 * LINES is a file of requests, EXPECTED what each answer must contain. With `new`, every request
 * has a connection of its own, and making it is part of its time. Prints one object of JSON; times
 * are in microseconds.
 */
#define _GNU_SOURCE
#include "load.h"
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef TLS
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#endif

enum { MAX_ANSWER = 1 << 20, EVENTS = 256 };

struct connection {
    int fd;
    size_t line;
    uint64_t sent;
    char *answer;
    size_t received;
#ifdef TLS
    SSL *tls;
    int ready;
#endif
};

#ifdef TLS
static struct sockaddr_in address = {.sin_family = AF_INET};
static SSL_CTX *context;
#else
static struct sockaddr_un address = {.sun_family = AF_UNIX};
#endif
static int queue;
static int keep;
static struct line *lines;
static size_t line_count;
static const char *expected;
static uint64_t measured_from, measured_until;
static uint32_t *latencies;
static size_t latency_count, latency_room;

static void open_lines(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    lines = read_lines(file, &line_count);
    fclose(file);
    if (line_count == 0) fail("no lines");
}

#ifdef TLS
static void start_tls(struct connection *one) {
    int on = 1;
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(one->fd, F_SETFL, O_NONBLOCK);
    one->tls = SSL_new(context);
    one->ready = 0;
    if (!one->tls || !SSL_set_fd(one->tls, one->fd)) fail("tls");
    SSL_set_connect_state(one->tls);
}

/* Whether the handshake is finished. */
static int shake_hands(struct connection *one) {
    int result = SSL_do_handshake(one->tls);
    if (result == 1) return one->ready = 1;
    if (SSL_get_error(one->tls, result) != SSL_ERROR_WANT_READ) fail("handshake");
    return 0;
}

static ssize_t transmit(struct connection *one, const char *text, size_t length) {
    return SSL_write(one->tls, text, (int)length);
}

static ssize_t take(struct connection *one, char *into, size_t room) {
    int n = SSL_read(one->tls, into, (int)room);
    if (n <= 0) errno = SSL_get_error(one->tls, n) == SSL_ERROR_WANT_READ ? EAGAIN : 0;
    return n > 0 ? n : -1;
}

static void close_connection(struct connection *one) {
    SSL_free(one->tls);
    close(one->fd);
}

static void find(const char *port) {
    const char *identity = getenv("LOAD_IDENTITY");
    char path[4096];
    address.sin_port = htons((uint16_t)atoi(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    context = SSL_CTX_new(TLS_client_method());
    if (!context || !identity) fail("LOAD_IDENTITY");
    snprintf(path, sizeof path, "%s/cert.pem", identity);
    if (SSL_CTX_use_certificate_file(context, path, SSL_FILETYPE_PEM) != 1) fail(path);
    snprintf(path, sizeof path, "%s/key.pem", identity);
    if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) != 1) fail(path);
}
#else
static ssize_t transmit(struct connection *one, const char *text, size_t length) {
    return send(one->fd, text, length, MSG_NOSIGNAL);
}

static ssize_t take(struct connection *one, char *into, size_t room) {
    return recv(one->fd, into, room, MSG_DONTWAIT);
}

static void close_connection(struct connection *one) {
    close(one->fd);
}

static void find(const char *path) {
    if (strlen(path) >= sizeof address.sun_path) fail("path");
    strcpy(address.sun_path, path);
}
#endif

static void open_connection(struct connection *one) {
    one->fd = socket(((struct sockaddr *)&address)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (one->fd < 0) fail("socket");
    if (connect(one->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
#ifdef TLS
    start_tls(one);
    shake_hands(one);
#endif
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, one->fd, &event) < 0) fail("epoll_ctl");
}

static void send_line(struct connection *one) {
    struct line line = lines[one->line++ % line_count];
    while (line.length > 0) {
        ssize_t n = transmit(one, line.text, line.length);
        if (n < 0) fail("send");
        line.text += n;
        line.length -= (size_t)n;
    }
}

static void send_request(struct connection *one) {
    one->sent = now();
    one->received = 0;
    if (!keep) open_connection(one);
#ifdef TLS
    if (!one->ready) return;
#endif
    send_line(one);
}

static void record(uint64_t sent, uint64_t answered) {
    if (sent < measured_from || answered > measured_until) return;
    if (latency_count == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 1 << 16;
        latencies = allocate(latencies, latency_room * sizeof *latencies);
    }
    latencies[latency_count++] = (uint32_t)(answered - sent);
}

static void check(const struct connection *one) {
    if (memmem(one->answer, one->received, expected, strlen(expected))) return;
    fprintf(stderr, "load: wrong answer: %.*s\n", (int)one->received, one->answer);
    exit(1);
}

/* Whether the answer is complete. */
static int receive(struct connection *one) {
    if (one->received == MAX_ANSWER) fail("answer too long");
    size_t room = MAX_ANSWER - one->received;
    ssize_t n = take(one, one->answer + one->received, room);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) fail("connection lost");
    one->received += (size_t)n;
    return one->answer[one->received - 1] == '\n';
}

static void serve(struct connection *one) {
#ifdef TLS
    if (!one->ready) {
        if (shake_hands(one)) send_line(one);
        return;
    }
#endif
    if (!receive(one)) return;
    uint64_t answered = now();
    check(one);
    record(one->sent, answered);
    if (!keep) close_connection(one);
    if (answered < measured_until) send_request(one);
}

static void run(size_t connections) {
    struct connection *all = allocate(NULL, connections * sizeof *all);
    for (size_t i = 0; i < connections; i++) {
        all[i] = (struct connection){.line = i * 7, .answer = allocate(NULL, MAX_ANSWER)};
        if (keep) open_connection(&all[i]);
    }
    for (size_t i = 0; i < connections; i++) send_request(&all[i]);
    struct epoll_event events[EVENTS];
    while (now() < measured_until) {
        int count = epoll_wait(queue, events, EVENTS, 100);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; i++) serve(events[i].data.ptr);
    }
}

static double percentile(double part) {
    return latencies[(size_t)((double)(latency_count - 1) * part)] / 1e3;
}

static void report(double seconds) {
    if (latency_count == 0) fail("no answers");
    qsort(latencies, latency_count, sizeof *latencies, ascending);
    printf("{\"requests\":%zu,\"seconds\":%g,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}\n",
           latency_count, seconds, percentile(0.5), percentile(0.99), percentile(1));
}

int main(int count, char **arguments) {
    if (count != 8) fail("arguments");
    find(arguments[1]);
    double seconds = atof(arguments[3]), warmup = atof(arguments[4]);
    keep = strcmp(arguments[5], "keep") == 0;
    open_lines(arguments[6]);
    expected = arguments[7];
    queue = epoll_create1(EPOLL_CLOEXEC);
    if (queue < 0) fail("epoll_create1");
    measured_from = now() + (uint64_t)(warmup * 1e9);
    measured_until = measured_from + (uint64_t)(seconds * 1e9);
    run((size_t)atoi(arguments[2]));
    report(seconds);
}
