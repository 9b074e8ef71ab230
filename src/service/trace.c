#define _GNU_SOURCE

#include "service/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/json_out.h"

#define ANSWER_S 30

static int connect_local(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = ANSWER_S};
    if (strlen(path) >= sizeof address.sun_path) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

struct kc_result kc_trace_open(struct kc_trace *out, const char *place)
{
    static const char local[] = "unix:";
    *out = (struct kc_trace){.fd = -1};
    if (place == NULL) {
        return kc_ok();
    }
    out->waits = strncmp(place, local, sizeof local - 1) == 0;
    out->fd = out->waits ? connect_local(place + sizeof local - 1)
                         : open(place, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return kc_result(out->fd >= 0 ? KC_OK : KC_IO_FAILED);
}

void kc_trace_close(struct kc_trace *trace)
{
    if (trace->fd >= 0) {
        (void)close(trace->fd);
    }
    trace->fd = -1;
}

static void write_line(FILE *file, const struct kc_step *step)
{
    struct kc_json_out json;
    kc_json_open(&json, file);
    kc_json_text(&json, "step", step->step);
    kc_json_text(&json, "from", step->from);
    kc_json_text(&json, "to", step->to);
    kc_json_text(&json, "what", step->what);
    kc_json_number(&json, "bytes", step->bytes);
    if (step->account != 0) {
        kc_json_number(&json, "account", step->account);
    }
    if (step->uim != NULL) {
        kc_json_text(&json, "uim", step->uim);
    }
    kc_json_close(&json);
}

void kc_trace_step(const struct kc_trace *trace, const struct kc_step *step)
{
    char line[512];
    char answer;
    if (trace->fd < 0) {
        return;
    }
    FILE *file = fmemopen(line, sizeof line, "w");
    if (file == NULL) {
        return;
    }
    write_line(file, step);
    long size = ftell(file);
    if (fclose(file) == 0 && size > 0 && (size_t)size < sizeof line &&
        write(trace->fd, line, (size_t)size) == size && trace->waits) {
        (void)(read(trace->fd, &answer, 1) < 0);
    }
}
