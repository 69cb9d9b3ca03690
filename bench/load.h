/* What both load generators are made of: lines, the clock, memory, an end with a reason. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

struct line {
    char *text;
    size_t length;
};

static void fail(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
            errno ? strerror(errno) : "failed");
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void *allocate(void *old, size_t size) {
    void *memory = realloc(old, size);
    if (!memory) fail("memory");
    return memory;
}

/* Every line of a file, with its line break. */
static struct line *read_lines(FILE *file, size_t *count) {
    struct line *lines = NULL;
    char *text = NULL;
    size_t room = 0, space = 0;
    *count = 0;
    for (ssize_t n; (n = getline(&text, &room, file)) > 0; text = NULL, room = 0) {
        if (*count == space) {
            space = space ? 2 * space : 1 << 10;
            lines = allocate(lines, space * sizeof *lines);
        }
        lines[(*count)++] = (struct line){text, (size_t)n};
    }
    return lines;
}

/* For qsort. */
static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
