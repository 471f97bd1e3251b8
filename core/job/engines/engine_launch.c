#include "job/engines/engine_launch.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/process.h"
#include "base/run_command.h"
#include "base/sys.h"
#include "job/engines/engine_failure.h"
#include "job/engines/engine_folder.h"
#include "job/engines/engine_proof.h"
#include "job/engines/engine_python.h"
#include "job/engines/engine_slurm.h"
#include "job/job_dir.h"
#include "job/metrics.h"
#include "job/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const long look_ns = 200000000;
/* Seconds between two questions to Slurm, which answers all of a cluster's. */
static const double slurm_every = 3;

struct launch {
    const struct training_request *request;
    struct run_sitting *sitting;
    void (*on_look)(void *context);
    pid_t pid; /* of launch.sh, and the process group of all that it started; 0: Slurm has it */
    char slurm[ENGINE_SLURM_JOB_SIZE]; /* its job there */
    struct job_metrics metrics;        /* what the processes write */
    struct tracker_writers *others;    /* what --log names gets that, too; NULL: nothing does */
    struct job_metrics_place handed;   /* how far it has it */
    uint64_t log_from;                 /* where this sitting begins in engine.log */
    int64_t steps;                     /* of the run */
    bool stopping;                     /* control/stop is there */
};

/* How all processes ended. */
struct ending {
    bool well;                      /* with status 0 */
    struct engine_end end;          /* as launch.sh or the batch script ended */
    struct engine_slurm_look slurm; /* of a job of Slurm */
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

/* Without a checkpoint. */
static int end_processes(const struct launch *launch, struct error *err)
{
    if (launch->slurm[0])
        return engine_slurm_cancel(launch->slurm, err);
    sys.kill(-launch->pid, SIGTERM);
    return 0;
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
        return end_processes(launch, err);
    }
    if (launch->stopping || !run_should_stop(launch->sitting))
        return 0;
    launch->stopping = true;
    return ask(launch, "stop", err);
}

/* --- the processes --- */

/* What they print goes to engine.log, behind what earlier sittings printed. */
static int start_here(struct launch *launch, int log, struct error *err)
{
    char *const argv[] = {(char[]){"/bin/bash"}, (char[]){"launch.sh"}, NULL};
    const struct command_run run = {.argv = argv, .folder = launch->request->run};
    return command_start(&launch->pid, &run, log, log, err);
}

static int start(struct launch *launch, struct error *err)
{
    struct stat info;
    const char *run = launch->request->run;
    char *path = path_join(run, "engine.log", err);
    int log = path ? sys.open(path, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    int status = -1;
    if (path && (log < 0 || sys.fstat(log, &info) != 0))
        error_set_errno(err, errno, "cannot write %s", path);
    else if (path)
        status = 0;
    if (status == 0)
        launch->log_from = (uint64_t)info.st_size;
    if (status == 0 && launch->request->slurm)
        status = engine_slurm_submit(launch->slurm, run, err);
    else if (status == 0)
        status = start_here(launch, log, err);
    if (status == 0 && launch->slurm[0])
        run_say(launch->sitting, "Slurm has it as job %s", launch->slurm);
    if (log >= 0)
        sys.close(log);
    free(path);
    return status;
}

static bool hand_on(void *context, const char *line, size_t length)
{
    struct launch *launch = context;
    struct error lost = ERROR_INIT;
    if (tracker_writers_put(launch->others, line, length, &lost) != 0)
        run_warn(launch->sitting, "%s", lost.text);
    return true;
}

/* The processes' new lines are handed on, and the phase that they say becomes this job's. */
static void tell_lines(struct launch *launch)
{
    static const struct {
        const char *name;
        enum work_phase phase;
    } phases[] = {{"loading", WORK_LOADING},
                  {"training", WORK_TRAINING},
                  {"evaluating", WORK_EVALUATING},
                  {"saving", WORK_SAVING}};
    const char *phase = "";
    size_t added = 0;
    if (job_metrics_update(&launch->metrics, &added, NULL) != 0 || added == 0)
        return;
    if (launch->others)
        job_metrics_read(&launch->metrics, &launch->handed, hand_on, launch, NULL);
    json_get_string(job_metrics_last_with(&launch->metrics, "phase"), "phase", &phase);
    int64_t step = job_metrics_last_step(&launch->metrics);
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (strcmp(phases[i].name, phase) == 0)
            work_tell(launch->sitting->work, phases[i].phase,
                      phases[i].phase == WORK_TRAINING && step > 0 ? (uint64_t)step : 0,
                      phases[i].phase == WORK_TRAINING ? (uint64_t)launch->steps : 0);
}

/* Between two looks: who watches is told, and what is asked is handed on. */
static int attend(struct launch *launch, struct error *err)
{
    tell_lines(launch);
    if (launch->on_look)
        launch->on_look(launch->sitting->view->context);
    if (take_requests(launch, err) != 0)
        return -1;
    nanosleep(&(struct timespec){.tv_nsec = look_ns}, NULL);
    return 0;
}

static int follow_here(struct launch *launch, struct ending *ending, struct error *err)
{
    int status;
    pid_t ended;
    while ((ended = sys.waitpid(launch->pid, &status, WNOHANG)) != launch->pid) {
        if (ended < 0 && errno != EINTR)
            return error_set_errno(err, errno, "cannot wait for launch.sh");
        if (attend(launch, err) != 0)
            return -1;
    }
    ending->end.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ending->end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ending->well = ending->end.status == 0;
    return 0;
}

/* What changes of a job that waits or runs is said once. One that waits when it is to stop has nothing
 * to save. */
static int tell_slurm(struct launch *launch, const struct engine_slurm_look *now,
                      struct engine_slurm_look *told, struct error *err)
{
    bool pends = now->state == ENGINE_SLURM_PENDING;
    if (now->state != told->state || strcmp(now->reason, told->reason) != 0 ||
        now->restarts != told->restarts)
        run_say(launch->sitting, "job %s: %s%s%s%s%s", launch->slurm,
                engine_slurm_state_names[now->state], now->nodes[0] ? " on " : "", now->nodes,
                now->reason[0] ? ", " : "", now->reason);
    *told = *now;
    if (pends)
        work_tell(launch->sitting->work, WORK_QUEUED, 0, 0);
    return pends && launch->stopping ? engine_slurm_cancel(launch->slurm, err) : 0;
}

/* Where Slurm does not answer, the job goes on all the same. */
static int follow_slurm(struct launch *launch, struct ending *ending, struct error *err)
{
    struct engine_slurm_look told = {.state = ENGINE_SLURM_STATES}, now;
    struct error why = ERROR_INIT;
    bool silent = false;
    for (;;) {
        double asked = clock_seconds();
        bool answered = engine_slurm_look(&now, launch->slurm, &why) == 0;
        if (!answered && !silent)
            run_warn(launch->sitting, "%s", why.text);
        silent = !answered;
        if (answered && engine_slurm_is_over(now.state))
            break;
        if (answered && tell_slurm(launch, &now, &told, err) != 0)
            return -1;
        while (clock_seconds() < asked + slurm_every)
            if (attend(launch, err) != 0)
                return -1;
    }
    ending->slurm = now;
    ending->end.status = now.status;
    ending->end.signal = now.signal;
    ending->well = now.state == ENGINE_SLURM_COMPLETED;
    return 0;
}

/* --- how it ended --- */

/* How many steps engine.json says there are. */
static int64_t all_steps(const char *run)
{
    int64_t steps = 0;
    cJSON *json = job_dir_read(run, "engine.json", NULL);
    json_get_int64(json, "steps", &steps);
    cJSON_Delete(json);
    return steps;
}

/* What the processes said, or else what Slurm says of the job. */
static int fail(const struct launch *launch, const struct ending *ending, struct error *err)
{
    struct engine_failure failure;
    char *log = path_join(launch->request->run, "engine.log", err);
    if (!log)
        return -1;
    engine_failure_read(&failure, log, launch->log_from, &ending->end);
    free(log);
    if (launch->slurm[0] && failure.kind == ENGINE_FAILURE_UNKNOWN)
        return error_set(err, "job %s of Slurm %s%s%s", launch->slurm,
                         engine_slurm_state_names[ending->slurm.state],
                         ending->slurm.reason[0] ? ": " : "", ending->slurm.reason);
    return error_set(err, "%s", failure.text);
}

/* Stopped is what was asked to; a job of Slurm that waited when it was is cancelled. */
static int judge(const struct launch *launch, const struct ending *ending, int64_t step,
                 struct error *err)
{
    bool cancelled = launch->stopping && ending->slurm.state == ENGINE_SLURM_CANCELLED;
    if (!ending->well && !(launch->slurm[0] && cancelled))
        return fail(launch, ending, err);
    if (step < launch->steps)
        return 1;
    return engine_proof_check(launch->request->run, step, err);
}

/* --- all of it --- */

/* GPUs are asked for before anything is written: more processes than there are would end with an error
 * of their driver's, minutes later. Of a batch job's machines nothing is known here. */
static int check_devices(const struct training_request *request, const struct engine_python *python,
                         const volatile sig_atomic_t *interrupted, struct error *err)
{
    const struct engine_info *engine = engine_info(request->engine);
    struct engine_look look;
    if (request->dry_run || request->slurm || request->processes < 2)
        return 0;
    if (engine_python_look(&look, python, NULL, interrupted, err) != 0)
        return -1;
    int gpus = strcmp(request->device, "cpu") == 0 ? 0 : look.device_count;
    if (gpus == 0 && !engine->cpu)
        return error_set(err,
                         "--engine %s starts one process where PyTorch finds no GPU: --processes "
                         "1, or one of the engines whose processes share the CPU (spectrum doctor)",
                         engine->name);
    if (gpus > 0 && request->processes > gpus)
        return error_set(err,
                         "--processes %lld is more than the %d GPU%s that PyTorch finds here, and "
                         "each process takes one: --processes %d, or --device cpu",
                         (long long)request->processes, gpus, gpus == 1 ? "" : "s", gpus);
    return 0;
}

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
    int status = check_devices(request, &python, parts->sitting->view->interrupted, err);
    if (status == 0)
        status = engine_folder_write(parts, python.program, err);
    engine_python_free(&python);
    return status;
}

/* What earlier sittings wrote is read, and not handed on once more. */
static int open_metrics(struct launch *launch, struct error *err)
{
    size_t added;
    if (job_metrics_follow(&launch->metrics, launch->request->run, err) != 0 ||
        job_metrics_update(&launch->metrics, &added, err) != 0)
        return -1;
    launch->handed = (struct job_metrics_place){.offset = launch->metrics.offset};
    return 0;
}

static int run(void *context, struct run_sitting *sitting, struct run_lines *lines, int64_t *step,
               struct error *err)
{
    struct launch *launch = context;
    struct ending ending = {.end.nodes = (int)launch->request->nodes};
    launch->sitting = sitting;
    launch->others = lines->others;
    forget_asked(launch);
    work_tell(sitting->work, WORK_LOADING, 0, 0);
    launch->steps = all_steps(launch->request->run);
    if (open_metrics(launch, err) != 0 || start(launch, err) != 0) {
        job_metrics_free(&launch->metrics);
        return -1;
    }
    int status =
        launch->slurm[0] ? follow_slurm(launch, &ending, err) : follow_here(launch, &ending, err);
    if (status != 0)
        end_processes(launch, NULL);
    tell_lines(launch);
    *step = job_metrics_last_step(&launch->metrics);
    job_metrics_free(&launch->metrics);
    if (launch->on_look)
        launch->on_look(sitting->view->context);
    return status == 0 ? judge(launch, &ending, *step, err) : -1;
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
