#include "job/export/export.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/export/export_gguf.h"
#include "job/export/export_sidecars.h"
#include "job/export/export_weights.h"
#include "job/job_dir.h"
#include "model/sidecars.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the run --- */

/* A run with a method of adapters may have none beside anything; what it has is a whole model
 * then. */
static bool has_adapters(const struct source *source)
{
    for (size_t i = 0; source->recipe.adapted && i < source->model->parameter_count; i++)
        if (source->recipe.adapted[i])
            return true;
    return false;
}

/* A model has nothing to export, and a merge that has nothing to merge is a misunderstanding. */
static int open_run(struct export *export, const char *run, const struct state_choice *choice,
                    bool merge, struct error *err)
{
    if (source_open(&export->source, run, choice, err) != 0)
        return -1;
    if (!export->source.state)
        return error_set(err, "%s is a model, not a run: there is nothing to export", run);
    if (merge && !has_adapters(&export->source))
        return error_set_kind(err, ERROR_USAGE,
                              "%s has no adapters to merge: without --merge its export is a whole "
                              "model",
                              run);
    return source_tokenizer(&export->tokenizer, &export->source, err) == 0
               ? export_list_parts(export, err)
               : -1;
}

/* In numbers of tensors and bytes: of a PEFT folder what its file has, of a whole model every
 * tensor, of which those that the run changed are the trained ones. */
static void summarize(const struct export *export, struct export_summary *summary)
{
    const struct source *source = &export->source;
    summary->rope_scaled = source->model && source->model->config.rope_scaled;
    if (source->evaluated.step == source->step)
        summary->evaluated = source->evaluated;
    if (summary->adapters) {
        for (size_t i = 0; i < checkpoint_count(source->weights); i++) {
            summary->trained++;
            summary->bytes += checkpoint_tensor(source->weights, i)->bytes;
        }
        return;
    }
    summary->bytes = summary->is_gguf ? summary->gguf.bytes : export_model_bytes(export);
    summary->files = summary->is_gguf ? 1 : export->shard_count;
    for (size_t i = 0; i < export->count; i++) {
        bool changed = export->parts[i].trained || export->parts[i].a;
        summary->trained += changed;
        summary->frozen += !changed;
    }
}

/* Does transformers load the base from where it is, even when the run's folder is gone? 1, 0; -1:
 * that cannot be told. */
static int base_stands_alone(const struct export *export, const char *run, struct error *err)
{
    const struct checkpoint *base = export->source.model->checkpoint;
    int own = job_dir_find(run, "base", err);
    return own < 0 ? -1
                   : checkpoint_format(base) != CHECKPOINT_GGUF && !own &&
                         !text_ends_with(checkpoint_path(base), ".safetensors");
}

/* --- the folder --- */

/* Never through a link: the folder may have been there before, and be somebody else's. */
static int open_mark(const char *out, int flags, struct error *err)
{
    char *path = path_join(out, EXPORT_UNFINISHED, err);
    int fd = path ? sys.open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0666) : -1;
    if (path && fd < 0)
        error_set_errno(err, errno, "cannot write %s", path);
    free(path);
    return fd;
}

/* With the mark the next export to this folder would clear it. */
static int remove_mark(const char *out, struct error *err)
{
    char *path = path_join(out, EXPORT_UNFINISHED, err);
    int status = path ? 0 : -1;
    if (path && sys.unlink(path) != 0)
        status = error_set_errno(err, errno, "cannot remove %s", path);
    free(path);
    return status;
}

/* Of a folder that was empty before the export, so that all in it is the export's:
 * check_output(). */
static void clear_folder(const char *out)
{
    char *base = path_join(out, "base", NULL);
    if (base) {
        sidecars_clear(base);
        sys.rmdir(base);
    }
    free(base);
    sidecars_clear(out);
}

/* What an export left that was killed. One that is being written is not, and with a file that an
 * export does not write nothing goes. */
static void clear_left(const char *out)
{
    struct stat info;
    int fd = open_mark(out, 0, NULL);
    if (fd < 0)
        return;
    if (sys.fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
        sys.flock(fd, LOCK_EX | LOCK_NB) == 0 && sidecars_are_all(out))
        clear_folder(out);
    sys.close(fd);
}

/* No part of a job: its files would be taken for the job's. */
static int check_output(const struct export *export, const char *out, struct error *err)
{
    return checkpoint_check_output(export->source.model->checkpoint, out, err) == 0
               ? job_dir_check_outside(out, "folder", err)
               : -1;
}

/* Of two exports to one folder that has its lock which is the first to look; the other does not
 * wait for it. The folder's descriptor, by which it is locked until that is closed; one that is
 * `made` just now does not stay without. */
static int lock_folder(const char *out, bool made, struct error *err)
{
    int fd = sys.open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        error_set_errno(err, errno, "cannot write %s", out);
        if (made)
            sys.rmdir(out);
        return -1;
    }
    /* a file system without locks has the mark */
    if (sys.flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return fd;
    sys.close(fd);
    return error_set(err, "another export writes to %s now; give another folder", out);
}

static int refuse_taken(const char *out, struct error *err)
{
    return error_set(
        err, "%s is there, and not an empty folder; -o takes a new one, or an empty one", out);
}

static int write_model(const struct export *export, const char *out, struct error *err)
{
    if (disk_check(out, export_model_bytes(export), err) != 0)
        return -1;
    return export_write_sidecars(export, out, true, err) == 0
               ? export_write_weights(export, out, err)
               : -1;
}

/* The base that a run's adapters stand beside, as what the run read of it: out/base. It ends texts
 * where the run does, which adapters cannot say. */
static int write_base(const struct export *export, const char *out, struct export_summary *summary,
                      struct error *err)
{
    bool gguf = checkpoint_format(export->source.model->checkpoint) == CHECKPOINT_GGUF;
    /* What a Hugging Face file has is copied in its own type. */
    const struct source *source = &export->source;
    struct export base = {.source = {.model = source->model,
                                     .bf16 = !gguf || source->bf16,
                                     .state = source->state,
                                     .template_name = source->template_name,
                                     .date = source->date,
                                     .added_tokens = source->added_tokens,
                                     .work = source->work},
                          .tokenizer = export->tokenizer,
                          .shard_size = export->shard_size,
                          .interrupted = export->interrupted};
    char *whole = sys.realpath(out, NULL);
    summary->base = whole ? path_join(whole, "base", err) : NULL;
    free(whole);
    if (!whole)
        return error_set_errno(err, errno, "cannot find %s", out);
    int status = -1;
    if (summary->base && folder_make(summary->base, err) == 0 && export_list_parts(&base, err) == 0)
        status = write_model(&base, summary->base, err);
    summary->base_bytes = export_model_bytes(&base);
    free(base.parts);
    return status;
}

/* A whole model; or adapters, and for those whose base is the run's own, that base beside them. The
 * weights come last: what has a name that loaders look for is complete. */
static int write_files(const struct export *export, const char *run, const char *out,
                       struct export_summary *summary, struct error *err)
{
    if (!summary->adapters)
        return write_model(export, out, err);
    int alone = base_stands_alone(export, run, err);
    if (alone < 0 || (!alone && write_base(export, out, summary, err) != 0))
        return -1;
    const char *base =
        summary->base ? summary->base : checkpoint_path(export->source.model->checkpoint);
    if (export_write_sidecars(export, out, false, err) != 0 ||
        export_find_ends(&summary->ends, summary->base ? NULL : &summary->base_lacks_ends, export,
                         err) != 0)
        return -1;
    return export_write_adapters(export, out, base, err);
}

/* The folder is new or empty, and is this export's until it ends, by a lock unless it is `ours`
 * anyway. What could not be written whole is removed, and the folder unless it was there before. */
static int write_folder(const struct export *export, const char *run, const char *out, bool ours,
                        struct export_summary *summary, struct error *err)
{
    int there = name_find(out, err), status = -1, mark, folder = -1;
    if (there > 0 && folder_find(out, err) == 0)
        return refuse_taken(out, err);
    if (there < 0 || folder_make(out, err) != 0 ||
        (!ours && (folder = lock_folder(out, !there, err)) < 0))
        return -1;
    clear_left(out);
    if (!folder_is_empty(out)) {
        refuse_taken(out, err);
        goto out;
    }
    if ((mark = open_mark(out, O_CREAT | O_EXCL, err)) < 0)
        goto out;
    sys.flock(mark, LOCK_EX | LOCK_NB); /* a file system without locks has none to be found */
    status = write_files(export, run, out, summary, err);
    if (status == 0)
        status = remove_mark(out, err);
    if (status != 0)
        clear_folder(out);
    sys.close(mark);
out:
    if (status != 0 && !there)
        sys.rmdir(out);
    if (folder >= 0)
        sys.close(folder);
    return status;
}

/* The best evaluation of the whole run, of which an earlier state does not know. */
static void find_best(const struct source *source, struct evaluated *best)
{
    struct evaluated last;
    char *folder = state_latest(source->run, NULL), *path = NULL;
    cJSON *json = folder ? state_read_json(folder, &path, NULL) : NULL;
    *best = source->best;
    if (json && state_read_evaluations(json, state_latest_step(source->run, NULL), &last, best,
                                       path, NULL) != 0)
        *best = source->best;
    cJSON_Delete(json);
    free(path);
    free(folder);
}

static void close_export(struct export *export)
{
    tokenizer_close(export->tokenizer);
    source_close(&export->source);
    free(export->parts);
}

int export_base(const char *run, const struct state_choice *choice, const char *out,
                const volatile sig_atomic_t *interrupted, struct export_summary *summary,
                char **state, struct error *err)
{
    struct export export = {.interrupted = interrupted};
    struct source *source = &export.source;
    *summary = (struct export_summary){.step = -1};
    int status = open_run(&export, run, choice, false, err);
    if (status == 0) {
        summary->step = source->step;
        status = write_folder(&export, source->run, out, true, summary, err);
    }
    if (status == 0) {
        summarize(&export, summary);
        find_best(source, &summary->best);
        *state = source->state;
        source->state = NULL;
    }
    close_export(&export);
    return status;
}

/* In the order of what is lost by an error: nothing is written before run and folder are known to
 * be right, and what is measured comes when all is there. */
int export_run(const char *run, const struct state_choice *choice, const char *out,
               const struct export_options *options, const volatile sig_atomic_t *interrupted,
               const struct work_watch *work, struct export_summary *summary, struct error *err)
{
    struct export export = {.interrupted = interrupted, .shard_size = options->shard_size};
    struct source *source = &export.source;
    *summary = (struct export_summary){.step = -1};
    int status = open_run(&export, run, choice, options->merge, err);
    if (status != 0)
        goto out;
    source->work = work;
    summary->step = source->step;
    summary->is_gguf = options->form == EXPORT_GGUF;
    summary->adapters = has_adapters(source) && !options->merge && !summary->is_gguf;
    status =
        summary->is_gguf ? export_check_gguf(&export, out, err) : check_output(&export, out, err);
    if (status == 0)
        status = summary->is_gguf
                     ? export_write_gguf(&export, out, options->type, &summary->gguf, err)
                     : write_folder(&export, source->run, out, false, summary, err);
    if (status != 0)
        goto out;
    summarize(&export, summary);
    find_best(source, &summary->best);
    summary->cost =
        (struct export_cost){.differs = source->recipe.quantized, .frozen = source->recipe.frozen};
    if (summary->cost.differs && !summary->adapters)
        export_measure(&summary->cost, source->run, &export, out);
out:
    if (status != 0) {
        free(summary->base);
        summary->base = NULL;
    }
    close_export(&export);
    return status;
}
