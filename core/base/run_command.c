#include "base/run_command.h"

#include "base/memory.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a program that is asked to end may take before it is killed, and how often one that has
 * closed its streams is looked at. */
enum { GRACE_SECONDS = 2, TICK_MS = 10, PATH_SIZE = 4096 };

static bool can_run(const char *path)
{
    struct stat info;
    return sys.stat(path, &info) == 0 && S_ISREG(info.st_mode) && sys.access(path, X_OK) == 0;
}

bool command_find(char *out, size_t size, const char *name)
{
    const char *folders = getenv("PATH");
    if (strchr(name, '/'))
        return (size_t)snprintf(out, size, "%s", name) < size && can_run(out);
    if (!folders)
        folders = "/usr/local/bin:/usr/bin:/bin";
    for (const char *at = folders; *name; at++) {
        size_t length = strcspn(at, ":");
        int needed = at[0] == '/' ? snprintf(out, size, "%.*s/%s", (int)length, at, name) : -1;
        if (needed >= 0 && (size_t)needed < size && can_run(out))
            return true;
        at += length;
        if (!*at)
            break;
    }
    return false;
}

/* This process's environment less some variables: pointers into it, and free() the array. */
static char **environment_without(const char *const *without, struct error *err)
{
    static const char *const none[] = {NULL};
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **all = array_alloc(count + 1, sizeof *all, err);
    for (size_t i = 0; all && i < count; i++) {
        const char *const *name = without ? without : none;
        for (size_t length; *name; name++)
            if (length = strlen(*name),
                strncmp(environ[i], *name, length) == 0 && environ[i][length] == '=')
                break;
        if (!*name)
            all[kept++] = environ[i];
    }
    return all;
}

/* Both streams into pipes; no signal that this process ignores or holds back is so in the child. */
static int spawn(pid_t *pid, const struct command *command, const char *file, const int *ends,
                 struct error *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    char **environment = environment_without(command->without, err);
    if (!environment)
        return -1;
    sigemptyset(&none);
    signals_of_an_end(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends[0], 1);
    posix_spawn_file_actions_adddup2(&files, ends[1], 2);
    if (command->folder)
        posix_spawn_file_actions_addchdir_np(&files, command->folder);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    /* posix_spawn does not write to the arguments */
    int failed = sys.spawn(pid, file, &files, &attributes,
                           (char *const *)(uintptr_t)command->arguments, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(environment);
    return failed ? error_set_errno(err, failed, "cannot start %s", file) : 0;
}

/* What a stream has now, into `out` as far as it has room; false: it is at its end. */
static bool take(int fd, struct buffer *out, size_t most, bool *cut)
{
    char chunk[4096];
    ssize_t got = sys.read(fd, chunk, sizeof chunk);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    size_t room = most - out->length, count = (size_t)got;
    *cut = *cut || count > room;
    buffer_append(out, chunk, count < room ? count : room);
    return got > 0;
}

/* Reads both streams until they and the program have ended, or the time is up. A stream that
 * another process has taken over and keeps open is not waited for once the program has ended.
 * True: it has, and *how is set. */
static bool listen_until(double end, pid_t pid, int *how, int fds[2], struct command_said *said,
                         size_t most)
{
    struct buffer *const into[2] = {&said->out, &said->err};
    for (bool ended = false;;) {
        struct pollfd streams[2] = {{.fd = fds[0], .events = POLLIN},
                                    {.fd = fds[1], .events = POLLIN}};
        double left = end - clock_seconds();
        bool open = fds[0] >= 0 || fds[1] >= 0;
        if (left <= 0)
            return ended;
        int ready = poll(streams, 2, ended ? 0 : open && left > 0.05 ? 50 : TICK_MS);
        for (int i = 0; ready > 0 && i < 2; i++)
            if (streams[i].revents && !take(fds[i], into[i], most, &said->cut)) {
                sys.close(fds[i]);
                fds[i] = -1;
            }
        if (ended && ready <= 0)
            return true;
        if (!ended)
            ended = sys.waitpid(pid, how, WNOHANG) == pid;
    }
}

/* All of its group: politely first. */
static void end_group(pid_t pid)
{
    int how;
    double end = clock_seconds() + GRACE_SECONDS;
    sys.kill(-pid, SIGTERM);
    while (sys.waitpid(pid, &how, WNOHANG) == 0 && clock_seconds() < end)
        poll(NULL, 0, TICK_MS);
    sys.kill(-pid, SIGKILL);
    while (sys.waitpid(pid, &how, 0) < 0 && errno == EINTR)
        continue;
}

int run_command(struct command_said *out, const struct command *command, struct error *err)
{
    const char *name = command->arguments[0];
    char file[PATH_SIZE];
    int pipes[2][2] = {{-1, -1}, {-1, -1}}, how = 0, status = -1;
    pid_t pid = -1;
    *out = (struct command_said){.out = BUFFER_INIT, .err = BUFFER_INIT};
    if (!command_find(file, sizeof file, name))
        return error_set(err, "%s is not found%s", name, strchr(name, '/') ? "" : " in $PATH");
    if (sys.pipe2(pipes[0], O_CLOEXEC) != 0 || sys.pipe2(pipes[1], O_CLOEXEC) != 0) {
        error_set_errno(err, errno, "cannot start %s", file);
        goto out;
    }
    status = spawn(&pid, command, file, (int[2]){pipes[0][1], pipes[1][1]}, err);
    if (status != 0)
        goto out;
    int fds[2] = {pipes[0][0], pipes[1][0]};
    for (int i = 0; i < 2; i++) {
        sys.close(pipes[i][1]);
        pipes[i][1] = -1;
    }
    bool ended =
        listen_until(clock_seconds() + command->seconds, pid, &how, fds, out, command->most);
    pipes[0][0] = fds[0];
    pipes[1][0] = fds[1];
    if (!ended) {
        end_group(pid);
        status = error_set(err, "%s gave no answer within %g seconds", file, command->seconds);
    } else {
        out->status = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
        status = buffer_check(&out->out, err) != 0 ? -1 : buffer_check(&out->err, err);
    }
out:
    for (int i = 0; i < 4; i++)
        if (pipes[i / 2][i % 2] >= 0)
            sys.close(pipes[i / 2][i % 2]);
    return status;
}

void command_said_free(struct command_said *said)
{
    buffer_free(&said->out);
    buffer_free(&said->err);
}

/* The last line of a text that is not blank. */
static bool last_line(const struct buffer *text, char *out, size_t size)
{
    const char *from = buffer_string(text), *end = from + text->length;
    while (end > from && strchr(" \t\r\n", end[-1]))
        end--;
    const char *line = end;
    while (line > from && line[-1] != '\n')
        line--;
    char *copy = strndup(line, (size_t)(end - line));
    if (copy)
        utf8_copy_line(out, size, copy);
    bool has = copy && end > line;
    free(copy);
    return has;
}

void command_last_line(const struct command_said *said, char *out, size_t size)
{
    out[0] = '\0';
    if (!last_line(&said->err, out, size))
        last_line(&said->out, out, size);
}
