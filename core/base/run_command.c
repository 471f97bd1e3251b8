#include "base/run_command.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- where it is --- */

static bool is_program(const char *path)
{
    struct stat info;
    return sys.stat(path, &info) == 0 && S_ISREG(info.st_mode) && sys.access(path, X_OK) == 0;
}

char *command_find(const char *name, struct error *err)
{
    if (strchr(name, '/')) {
        if (is_program(name))
            return string_copy(name, err);
        error_set(err, "%s is not a program that can be run", name);
        return NULL;
    }
    const char *folders = getenv("PATH");
    while (folders && name[0] && *folders) {
        size_t length = strcspn(folders, ":");
        struct buffer path = BUFFER_INIT;
        if (folders[0] == '/') {
            buffer_append(&path, folders, length);
            buffer_format(&path, "/%s", name);
            if (buffer_check(&path, err) != 0) {
                buffer_free(&path);
                return NULL;
            }
            if (is_program(path.data))
                return path.data;
        }
        buffer_free(&path);
        folders += length;
        folders += *folders == ':';
    }
    error_set(err, "there is no %s on $PATH", name);
    return NULL;
}

/* --- the run --- */

/* One of its two outputs: where it is read, and what came. */
struct stream {
    int fd; /* -1: it is at its end */
    struct buffer *to;
    size_t cap;
    bool over; /* it said more than `cap` bytes; what is beyond is read and dropped */
};

/* Takes what is there now; waits where nothing is, so ask poll() first. */
static void stream_take(struct stream *stream)
{
    char bytes[16384];
    ssize_t got = sys.read(stream->fd, bytes, sizeof bytes);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        sys.close(stream->fd);
        stream->fd = -1;
        return;
    }
    size_t room = stream->cap - stream->to->length;
    stream->over = stream->over || (size_t)got > room;
    buffer_append(stream->to, bytes, (size_t)got < room ? (size_t)got : room);
}

/* True where there was something to take, or an end, within so many milliseconds. */
static bool streams_take(struct stream streams[2], int milliseconds)
{
    struct pollfd asked[2] = {{streams[0].fd, POLLIN, 0}, {streams[1].fd, POLLIN, 0}};
    if (poll(asked, 2, milliseconds) <= 0)
        return false;
    for (int i = 0; i < 2; i++)
        if (asked[i].revents)
            stream_take(&streams[i]);
    return true;
}

static bool is_left_out(const char *variable, const char *const *without)
{
    size_t length = strcspn(variable, "=");
    for (; without && *without; without++)
        if (strlen(*without) == length && strncmp(variable, *without, length) == 0)
            return true;
    return false;
}

/* This process's variables but for some; the list alone is newly allocated. */
static char **variables(const char *const *without, struct error *err)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **list = array_alloc(count + 1, sizeof *list, err);
    for (size_t i = 0; list && i < count; i++)
        if (!is_left_out(environ[i], without))
            list[kept++] = environ[i];
    return list;
}

int command_start(pid_t *pid, const struct command_run *run, int out, int errors, struct error *err)
{
    char *const *argv = run->argv;
    char **given = variables(run->without, err);
    if (!given)
        return -1;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, errors, 2);
    if (run->folder)
        posix_spawn_file_actions_addchdir_np(&files, run->folder);
    int failed = sys.spawn(pid, argv[0], &files, &attributes, argv, given);
    free(given);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failed ? error_set_errno(err, failed, "cannot start %s", argv[0]) : 0;
}

/* Until the child has ended; 0, or -1 where it must be killed. What its children may still want to
 * say is not waited for. */
static int listen(struct stream streams[2], pid_t pid, int *how, const struct command_run *run,
                  struct error *err)
{
    double end = clock_seconds() + run->seconds;
    for (;;) {
        bool quiet = !streams_take(streams, 50);
        pid_t ended = sys.waitpid(pid, how, WNOHANG);
        if (ended == pid || (ended < 0 && errno != EINTR))
            break;
        if (run->interrupted && *run->interrupted)
            return error_set_kind(err, ERROR_INTERRUPTED, "interrupted while %s was asked",
                                  run->argv[0]);
        if (streams[0].over)
            return error_set(err, "%s printed more than %zu bytes, which is not an answer",
                             run->argv[0], run->cap);
        if (clock_seconds() >= end)
            return error_set(err, "%s did not answer within %g seconds", run->argv[0],
                             run->seconds);
        if (quiet && streams[0].fd < 0 && streams[1].fd < 0)
            poll(NULL, 0, 20);
    }
    while ((streams[0].fd >= 0 || streams[1].fd >= 0) && streams_take(streams, 0))
        ;
    return streams[0].over
               ? error_set(err, "%s printed more than %zu bytes, which is not an answer",
                           run->argv[0], run->cap)
               : 0;
}

int run_command(struct command_answer *answer, const struct command_run *run, struct error *err)
{
    int out[2], errors[2], how = 0;
    pid_t pid = -1;
    *answer = (struct command_answer){0};
    if (sys.pipe2(out, O_CLOEXEC) != 0)
        return error_set_errno(err, errno, "cannot ask %s", run->argv[0]);
    if (sys.pipe2(errors, O_CLOEXEC) != 0) {
        error_set_errno(err, errno, "cannot ask %s", run->argv[0]);
        sys.close(out[0]);
        sys.close(out[1]);
        return -1;
    }
    int status = command_start(&pid, run, out[1], errors[1], err);
    sys.close(out[1]);
    sys.close(errors[1]);
    struct stream streams[2] = {{.fd = out[0], .to = &answer->out, .cap = run->cap},
                                {.fd = errors[0], .to = &answer->err, .cap = run->cap}};
    if (status == 0) {
        status = listen(streams, pid, &how, run, err);
        sys.kill(-pid, SIGKILL); /* all that is left of its group */
        if (status != 0)
            while (sys.waitpid(pid, &how, 0) < 0 && errno == EINTR)
                ;
    }
    for (int i = 0; i < 2; i++)
        if (streams[i].fd >= 0)
            sys.close(streams[i].fd);
    answer->status = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
    if (status == 0 &&
        (buffer_check(&answer->out, err) != 0 || buffer_check(&answer->err, err) != 0))
        status = -1;
    return status;
}

void command_answer_free(struct command_answer *answer)
{
    buffer_free(&answer->out);
    buffer_free(&answer->err);
}

/* --- what it said --- */

/* The last line of the text that has more than blanks, and its length. */
static const char *last_line(const struct buffer *text, size_t *length)
{
    const char *all = buffer_string(text);
    size_t end = text->length;
    while (end > 0 && strchr(" \t\r\n", all[end - 1]))
        end--;
    size_t begin = end;
    while (begin > 0 && all[begin - 1] != '\n')
        begin--;
    *length = end - begin;
    return all + begin;
}

void command_last_words(const struct command_answer *answer, char *out, size_t size)
{
    size_t length;
    const char *line = last_line(&answer->err, &length);
    if (length == 0)
        line = last_line(&answer->out, &length);
    snprintf(out, size, "%.*s", length < size ? (int)length : (int)size - 1, line);
    utf8_mend(out);
    utf8_sanitize(out);
}
