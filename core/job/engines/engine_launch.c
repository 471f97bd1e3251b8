#include "job/engines/engine_launch.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/process.h"
#include "base/sys.h"
#include "job/engines/engine_folder.h"
#include "job/engines/engine_proof.h"
#include "job/engines/engine_python.h"
#include "job/job_dir.h"
#include "job/metrics.h"
#include "job/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const long look_ns = 200000000;

struct launch {
    const struct training_request *request;
    struct run_sitting *sitting;
    void (*on_look)(void *context);
    pid_t pid;     /* of launch.sh, and the process group of all that it started */
    bool stopping; /* control/stop is there */
};

/* --- what is asked of the processes --- */

/* An empty file of control/, which rank 0 looks at after each step. */
static int ask(const struct launch *launch, const char *what, struct error *err)
{
    char name[64];
    snprintf(name, sizeof name, "control/%s", what);
    char *path = path_join(launch->request->run, name, err);
    int status = path ? file_save(path, "", 0, err) : -1;
    free(path);
    return status;
}

/* What an earlier sitting was asked is not meant for this one. */
static void forget_asked(const struct launch *launch)
{
    static const char *const names[] = {"control/stop", "control/checkpoint"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(launch->request->run, names[i], NULL);
        if (path)
            sys.unlink(path);
        free(path);
    }
}

/* The second time that it is asked to stop it does not get to a checkpoint. */
static int take_requests(struct launch *launch, struct error *err)
{
    const char *run = launch->request->run;
    if (job_request_take(run, JOB_REQUEST_PAUSE, NULL))
        run_warn(launch->sitting, "a launched run cannot pause: stop it, and resume it later");
    if (job_request_take(run, JOB_REQUEST_CHECKPOINT, NULL) && ask(launch, "checkpoint", err) != 0)
        return -1;
    if (launch->stopping && job_request_take(run, JOB_REQUEST_STOP, NULL)) {
        run_warn(launch->sitting, "asked to stop once more: the processes are ended as they are");
        kill(-launch->pid, SIGTERM);
        return 0;
    }
    if (launch->stopping || !run_should_stop(launch->sitting))
        return 0;
    launch->stopping = true;
    return ask(launch, "stop", err);
}

/* --- the processes --- */

/* What they print goes to engine.log, behind what earlier sittings printed. */
static int start(struct launch *launch, struct error *err)
{
    char *const argv[] = {"bash", "launch.sh", NULL};
    const char *run = launch->request->run;
    char *log = path_join(run, "engine.log", err);
    int fd = log ? sys.open(log, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (log && fd < 0)
        error_set_errno(err, errno, "cannot write %s", log);
    free(log);
    if (fd < 0)
        return -1;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawn_file_actions_adddup2(&files, fd, 1);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addchdir_np(&files, run);
    int failed = sys.spawn(&launch->pid, "/bin/bash", &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    sys.close(fd);
    return failed ? error_set_errno(err, failed, "cannot start /bin/bash") : 0;
}

/* Until they have ended: their status, as waitpid() gives it. */
static int follow(struct launch *launch, int *status, struct error *err)
{
    const struct training_view *view = launch->sitting->view;
    for (;;) {
        pid_t ended = sys.waitpid(launch->pid, status, WNOHANG);
        if (launch->on_look)
            launch->on_look(view->context);
        if (ended == launch->pid)
            return 0;
        if (ended < 0 && errno != EINTR)
            return error_set_errno(err, errno, "cannot wait for launch.sh");
        if (take_requests(launch, err) != 0)
            return -1;
        nanosleep(&(struct timespec){.tv_nsec = look_ns}, NULL);
    }
}

/* --- how it ended --- */

/* The last step of metrics.jsonl; -1: none. */
static int64_t last_step(const char *run)
{
    struct job_metrics metrics;
    int64_t step = -1;
    if (job_metrics_follow(&metrics, run, NULL) != 0)
        return -1;
    metrics.end_only = true;
    size_t added;
    if (job_metrics_update(&metrics, &added, NULL) == 0)
        step = job_metrics_last_step(&metrics);
    job_metrics_free(&metrics);
    return step;
}

/* How many steps engine.json says there are. */
static int64_t all_steps(const char *run)
{
    int64_t steps = 0;
    cJSON *json = job_dir_read(run, "engine.json", NULL);
    json_get_int64(json, "steps", &steps);
    cJSON_Delete(json);
    return steps;
}

static int judge(const struct launch *launch, int status, int64_t step, struct error *err)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return error_set(err, "the engine failed; engine.log says why");
    if (step < all_steps(launch->request->run))
        return 1;
    return engine_proof_check(launch->request->run, step, err);
}

/* --- all of it --- */

static int prepare(void *context, const struct training_parts *parts, struct error *err)
{
    const struct launch *launch = context;
    const struct training_request *request = launch->request;
    struct engine_python python;
    if (engine_python_check(&python, request->python, request->engine,
                            parts->sitting->view->interrupted, err) != 0) {
        engine_python_free(&python);
        return -1;
    }
    run_say(parts->sitting, "Python: %s (%s)", python.program, python.why);
    int status = engine_folder_write(parts, python.program, err);
    engine_python_free(&python);
    return status;
}

static int run(void *context, struct run_sitting *sitting, int64_t *step, struct error *err)
{
    struct launch *launch = context;
    int status = 0;
    launch->sitting = sitting;
    forget_asked(launch);
    work_tell(sitting->work, WORK_LOADING, 0, 0);
    if (start(launch, err) != 0)
        return -1;
    int followed = follow(launch, &status, err);
    if (followed != 0)
        kill(-launch->pid, SIGTERM);
    *step = last_step(launch->request->run);
    return followed == 0 ? judge(launch, status, *step, err) : -1;
}

int engine_launch(const struct training_request *request, bool resume,
                  const struct training_view *view, void (*on_look)(void *context),
                  struct error *err)
{
    struct launch launch = {.request = request, .on_look = on_look};
    const struct training_elsewhere elsewhere = {
        .context = &launch, .prepare = prepare, .run = run};
    return training_run_elsewhere(request, resume, view, &elsewhere, err);
}
