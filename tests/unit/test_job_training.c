/* A run from request to export: what trains has changed, what is frozen is the base's to the bit,
 * proof.json says which is which, and the export is the run. */
#include "test_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/number.h"
#include "base/sys.h"
#include "compute/devices/devices.h"
#include "job/export/export.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/source.h"
#include "job/training/training.h"
#include "text/tokenizer/tokenizer.h"
#include "train/generate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct state_choice last; /* checkpoint */

struct paths {
    char *model, *text, *run, *out;
};

static struct paths paths_of(const char *shared, const char *model)
{
    struct paths paths = {.model = path_join(shared, model, NULL)};
    paths.text = path_join(folder, "text.txt", NULL);
    paths.run = path_join(folder, "run", NULL);
    paths.out = path_join(folder, "out", NULL);
    static const char text[] =
        "Once there was a little boat. It was red, and it was slow, and it loved the sea.\n\n"
        "One day the wind was strong. The boat went up and down, and up and down again.\n\n";
    assert_int_equal(file_save(paths.text, text, sizeof text - 1, NULL), 0);
    return paths;
}

static void paths_free(struct paths *paths)
{
    free(paths->model);
    free(paths->text);
    free(paths->run);
    free(paths->out);
}

static struct training_request request_of(const struct paths *paths, const char **data)
{
    static char *const arguments[] = {(char *)"train"};
    return (struct training_request){.model = paths->model,
                                     .run = paths->run,
                                     .method = METHOD_FULL,
                                     .top = 40,
                                     .no_head = true,
                                     .data = {data, 1},
                                     .device = "cpu",
                                     .threads = 2,
                                     .dtype = WEIGHTS_BF16,
                                     .steps = 3,
                                     .epochs = 1,
                                     .seq_len = 32,
                                     .batch = 1,
                                     .accumulate = 1,
                                     .rate = 1e-2,
                                     .keep = 2,
                                     .clip = 1,
                                     .argc = 1,
                                     .argv = arguments};
}

static float *read_module(const struct model *model, const struct parameter *parameter)
{
    float *values = malloc((size_t)parameter->numel * sizeof *values);
    assert_int_equal(model_read_f32(model, parameter, values, NULL), 0);
    return values;
}

/* Elements in which an exported tensor is not the base's, rounded once to bf16. */
static int64_t changed(const struct model *base, const struct model *out, const char *name)
{
    const struct parameter *a = model_find(base, name), *b = model_find(out, name);
    int64_t count = 0;
    assert_true(a && b && a->numel == b->numel);
    float *before = read_module(base, a), *after = read_module(out, b);
    for (int64_t i = 0; i < a->numel; i++)
        count += bf16_to_float(bf16_from_float(before[i])) != after[i];
    free(before);
    free(after);
    return count;
}

static void check_export(const struct paths *paths, uint64_t trained)
{
    struct model *base = NULL, *out = NULL;
    cJSON *proof = job_dir_read(paths->run, "proof.json", NULL);
    const cJSON *listed = json_get(proof, "trained");
    uint64_t moved = 0;
    assert_int_equal(model_open(&base, paths->model, NULL), 0);
    assert_int_equal(model_open(&out, paths->out, NULL), 0);
    assert_int_equal((uint64_t)cJSON_GetArraySize(listed), trained);
    for (size_t i = 0; i < base->parameter_count; i++) {
        const char *name = base->parameters[i].name;
        const cJSON *entry = json_get(listed, name);
        double norm = 0;
        if (!parameter_is_used(base, &base->parameters[i]))
            continue;
        if ((changed(base, out, name) > 0) != (entry != NULL))
            fail_msg("%s: %s", name, entry ? "trains, but is the base's" : "is frozen, but moved");
        if (entry && (!json_get_double(entry, "gradient_norm", &norm) || !(norm > 0)))
            fail_msg("%s trains without a gradient", name);
        moved += entry != NULL;
    }
    assert_int_equal(moved, trained);
    cJSON_Delete(proof);
    model_close(base);
    model_close(out);
}

/* The tokenizer that the export rebuilt gives the same ids. */
static void check_tokenizer(const struct paths *paths)
{
    static const char text[] =
        "Once upon a time, 1234 \xC3\xA9t\xC3\xA9s  \xF0\x9F\x98\x80 it's\n\nfine";
    struct tokenizer *tokenizers[2];
    struct token_list lists[2] = {{0}};
    struct model *base = NULL;
    assert_int_equal(model_open(&base, paths->model, NULL), 0);
    assert_int_equal(tokenizer_for_checkpoint(&tokenizers[0], base->checkpoint, NULL), 0);
    struct error err = ERROR_INIT;
    if (tokenizer_open(&tokenizers[1], paths->out, &err) != 0)
        fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tokenizer_encode(tokenizers[i], text, sizeof text - 1, ENCODE_ADD_SPECIAL,
                                          &lists[i], NULL),
                         0);
    assert_int_equal(lists[0].count, lists[1].count);
    assert_memory_equal(lists[0].ids, lists[1].ids, lists[0].count * sizeof *lists[0].ids);
    /* and its texts end where the run's do */
    struct end_tokens ends[2];
    struct model *out = NULL;
    if (model_open(&out, paths->out, &err) != 0 ||
        end_tokens_of_run(&ends[0], base->checkpoint, tokenizers[0], NULL, &err) != 0 ||
        end_tokens_read(&ends[1], out->checkpoint, tokenizers[1], &err) != 0)
        fail_msg("%s", err.text);
    assert_true(ends[0].count > 0);
    assert_int_equal(ends[0].count, ends[1].count);
    assert_memory_equal(ends[0].ids, ends[1].ids, ends[0].count * sizeof *ends[0].ids);
    model_close(out);
    for (int i = 0; i < 2; i++) {
        token_list_free(&lists[i]);
        tokenizer_close(tokenizers[i]);
    }
    model_close(base);
}

static void run_and_export(const char *shared, const char *model)
{
    struct paths paths = paths_of(shared, model);
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    const struct training_view silent = {0};
    struct error err = ERROR_INIT;
    struct export_summary summary;
    assert_int_equal(job_dir_create(paths.run, &err), 0);
    if (training_run(&request, false, &silent, &err) != 0 ||
        export_run(paths.run, &last, paths.out, &(struct export_options){0}, NULL, NULL, &summary,
                   &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(summary.step, 3);
    check_export(&paths, summary.trained);
    check_tokenizer(&paths);
    /* A second export does not write over the first. */
    assert_int_equal(export_run(paths.run, &last, paths.out, &(struct export_options){0}, NULL,
                                NULL, &summary, &err),
                     -1);
    assert_non_null(strstr(err.text, "not an empty folder"));
    paths_free(&paths);
}

static void gguf_run_exports(void **state)
{
    (void)state;
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    if (!shared)
        skip();
    run_and_export(shared, "models/stories260K-gguf/stories260K-F16.gguf");
}

/* A byte-level tokenizer, tied embeddings. */
static void real_gguf_run_exports(void **state)
{
    (void)state;
    const char *models = test_folder("SPECTRUM_MODELS");
    if (!models)
        skip();
    run_and_export(models, "SmolLM2-135M-Instruct.Q4_1.gguf");
}

static void wrong_data_changes_nothing(void **state)
{
    (void)state;
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    if (!shared)
        skip();
    struct paths paths = paths_of(shared, "models/stories260K-gguf/stories260K-F16.gguf");
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    const struct training_view silent = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(job_dir_create(paths.run, &err), 0);
    request.memory_limit = 1 << 20;
    assert_int_equal(training_run(&request, false, &silent, &err), -1);
    assert_non_null(strstr(err.text, "--memory-limit"));
    request.memory_limit = 0;
    assert_int_equal(option_set(TRAINING_OPTION(dtype), &request, "fp8", &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    paths_free(&paths);
}

/* The one supervised token stands first in its row and sees only itself: no query or key moves
 * anything. The reference's zero is exact. */
static void tensor_without_gradient_ends_the_run(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    struct paths paths = paths_of(shared, "models/stories260K-gguf/stories260K-F16.gguf");
    char *chat = path_join(folder, "chat.jsonl", NULL);
    const char *data[] = {chat};
    struct training_request request = request_of(&paths, data);
    const struct training_view silent = {0};
    struct error err = ERROR_INIT;
    request.device = "reference";
    request.dtype = WEIGHTS_FP32;
    request.method = METHOD_FULL;
    request.seq_len = 2;
    static const char pair[] = "{\"prompt\": \"ab\", \"completion\": \"\"}\n";
    assert_int_equal(file_save(chat, pair, sizeof pair - 1, NULL), 0);
    assert_int_equal(job_dir_create(paths.run, &err), 0);
    assert_int_equal(training_run(&request, false, &silent, &err), -1);
    if (!strstr(err.text, "self_attn.k_proj.weight trains but its gradient is zero"))
        fail_msg("it says \"%s\"", err.text);
    cJSON *proof = job_dir_read(paths.run, "proof.json", NULL);
    double norm = -1;
    assert_true(json_get_double(
        json_get(json_get(proof, "trained"), "model.layers.0.self_attn.q_proj.weight"),
        "gradient_norm", &norm));
    assert_true(norm == 0);
    assert_false(job_dir_has(paths.run, "checkpoints/step-00000001"));
    cJSON_Delete(proof);
    free(chat);
    paths_free(&paths);
}

/* --- samples --- */

struct samples {
    char texts[4][2048];
    int count;
};

static void keep_sample(void *context, int64_t step, const char *text)
{
    struct samples *samples = context;
    (void)step;
    if (samples->count < 4)
        snprintf(samples->texts[samples->count++], sizeof samples->texts[0], "%s", text);
}

/* What the model says by itself, with `room` tokens in all. */
static void say(const struct paths *paths, const char *prompt, int64_t room, char *out, size_t size)
{
    static const struct sampling likeliest = {0};
    struct source source;
    struct backend *backend = NULL;
    struct transformer *transformer = NULL;
    struct tokenizer *tokenizer = NULL;
    struct token_list list = {0};
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    int32_t ids[64];
    if (source_open(&source, paths->model, &last, &err) != 0 ||
        backend_open(&backend, "cpu", 2, &err) != 0 ||
        source_transformer(&transformer, &source, backend, room, room, WEIGHTS_FP32, true, &err) !=
            0 ||
        tokenizer_for_checkpoint(&tokenizer, source.model->checkpoint, &err) != 0 ||
        tokenizer_encode(tokenizer, prompt, strlen(prompt), ENCODE_ADD_SPECIAL, &list, &err) != 0)
        fail_msg("%s", err.text);
    int64_t count = (int64_t)list.count;
    memcpy(ids, list.ids, list.count * sizeof *ids);
    assert_int_equal(generate(transformer, ids, &count, room, room, NULL, &likeliest, NULL, &err),
                     0);
    assert_int_equal(tokenizer_decode(tokenizer, ids, (size_t)count, true, &text, &err), 0);
    snprintf(out, size, "%s", buffer_string(&text));
    buffer_free(&text);
    token_list_free(&list);
    tokenizer_close(tokenizer);
    transformer_free(transformer);
    backend_close(backend);
    source_close(&source);
}

/* A batch of four rows has room for more tokens than the positions of one. */
static void samples_are_what_the_model_says(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    struct paths paths = paths_of(shared, "models/stories260K-gguf/stories260K-F16.gguf");
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    struct samples samples = {0};
    const struct training_view view = {.context = &samples, .on_sample = keep_sample};
    struct error err = ERROR_INIT;
    char expected[2048];
    request.dtype = WEIGHTS_FP32;
    request.sample = "Once";
    request.sample_tokens = 4000;
    request.steps = 1;
    request.rate = 1e-30; /* nothing moves */
    request.seq_len = 16;
    request.batch = 4;
    request.eval_every = 1;
    assert_int_equal(job_dir_create(paths.run, &err), 0);
    if (training_run(&request, false, &view, &err) != 0)
        fail_msg("%s", err.text);
    say(&paths, "Once", 16, expected, sizeof expected);
    assert_int_equal(samples.count, 2);
    assert_string_equal(samples.texts[0], expected);
    assert_string_equal(samples.texts[1], expected);
    paths_free(&paths);
}

/* --- a disk that fills up while a checkpoint is written --- */

static bool disk_full;
static int errno_of_disk = ENOSPC;
static ssize_t (*real_write)(int fd, const void *data, size_t count);

static ssize_t write_until_full(int fd, const void *data, size_t count)
{
    if (disk_full && count > 4096) {
        errno = errno_of_disk;
        return -1;
    }
    return real_write(fd, data, count);
}

static void fill_disk_behind_step_2(void *context, const struct train_report *report, int64_t steps)
{
    (void)context;
    (void)steps;
    disk_full = report->progress.step > 2;
}

static void full_disk_loses_nothing(void **state)
{
    (void)state;
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    if (!shared)
        skip();
    struct paths paths = paths_of(shared, "models/stories260K-gguf/stories260K-F16.gguf");
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    const struct training_view filling = {.on_step = fill_disk_behind_step_2}, silent = {0};
    struct error err = ERROR_INIT;
    static const struct {
        int number;
        const char *said;
    } faults[] = {{ENOSPC, "No space left"},
                  {EFBIG, "ulimit -f"},
                  {EDQUOT, "disk quota"},
                  {ESTALE, "stale handle"},
                  {EROFS, "read-only"}};
    request.steps = 4;
    request.save_every = 2;
    real_write = sys.write;
    sys.write = write_until_full;
    assert_int_equal(job_dir_create(paths.run, &err), 0);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        errno_of_disk = faults[i].number;
        disk_full = false;
        sys.write = write_until_full;
        assert_int_equal(training_run(&request, i > 0, &filling, &err), -1);
        sys.write = real_write;
        if (!strstr(err.text, "the checkpoint of step 4 was not written") ||
            !strstr(err.text, faults[i].said))
            fail_msg("it says \"%s\"", err.text);
        assert_true(job_dir_has(paths.run, "checkpoints/step-00000002/state.json"));
        assert_false(job_dir_has(paths.run, "checkpoints/step-00000004"));
    }
    if (training_run(&request, true, &silent, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(job_dir_has(paths.run, "checkpoints/step-00000004/weights.safetensors"));
    /* nor is half an export left behind */
    struct export_summary summary;
    sys.write = write_until_full;
    assert_int_equal(export_run(paths.run, &last, paths.out, &(struct export_options){0}, NULL,
                                NULL, &summary, &err),
                     -1);
    sys.write = real_write;
    assert_int_not_equal(access(paths.out, F_OK), 0);
    /* nor of one that was stopped */
    const volatile sig_atomic_t stopped = 1;
    assert_int_equal(export_run(paths.run, &last, paths.out, &(struct export_options){0}, &stopped,
                                NULL, &summary, &err),
                     -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_int_not_equal(access(paths.out, F_OK), 0);
    paths_free(&paths);
}

static uint64_t disk_free;

static int made_up_disk(int fd, struct statvfs *out)
{
    (void)fd;
    *out = (struct statvfs){.f_blocks = 1 << 20, .f_frsize = 1, .f_bavail = disk_free};
    return 0;
}

/* A start and an export that would not fit their disk are refused before they write. */
static void a_small_disk_is_refused_before(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(tests, "SPECTRUM_TEST_DATA");
    struct paths paths = paths_of(tests, "../../demo/model");
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    const struct training_view silent = {0};
    struct export_summary summary;
    struct sys_table real = sys;
    struct error err = ERROR_INIT;
    request.dtype = WEIGHTS_FP32;
    assert_int_equal(job_dir_create(paths.run, &err), 0);
    sys.fstatvfs = made_up_disk;
    disk_free = 100 << 10;
    assert_int_equal(training_run(&request, false, &silent, &err), -1);
    if (!strstr(err.text, "up to 1 checkpoint of") ||
        !strstr(err.text, "100 KiB are left there; a lower --keep"))
        fail_msg("it says \"%s\"", err.text);
    assert_false(job_dir_has(paths.run, "checkpoints/step-00000003"));
    disk_free = 1 << 30;
    err = (struct error)ERROR_INIT;
    if (training_run(&request, false, &silent, &err) != 0)
        fail_msg("%s", err.text);
    disk_free = 100 << 10;
    assert_int_equal(export_run(paths.run, &last, paths.out, &(struct export_options){0}, NULL,
                                NULL, &summary, &err),
                     -1);
    if (!strstr(err.text, "are to be written, and 100 KiB are left there; another folder"))
        fail_msg("it says \"%s\"", err.text);
    assert_int_not_equal(access(paths.out, F_OK), 0);
    sys = real;
    err = (struct error)ERROR_INIT;
    if (export_run(paths.run, &last, paths.out, &(struct export_options){0}, NULL, NULL, &summary,
                   &err) != 0)
        fail_msg("%s", err.text);
    paths_free(&paths);
}

/* --- what is on record, and what a resume takes from there --- */

static const char gguf[] = "models/stories260K-gguf/stories260K-F16.gguf";

static void run_or_fail(const struct training_request *request, bool resume,
                        const struct training_view *view)
{
    struct error err = ERROR_INIT;
    if (training_run(request, resume, view, &err) != 0)
        fail_msg("%s", err.text);
}

static void check_record(const struct paths *paths, const char *const *members, size_t count)
{
    cJSON *job = job_dir_read(paths->run, "job.json", NULL);
    const char *model = NULL;
    for (size_t i = 0; i < count; i++)
        if (!json_get(job, members[i]))
            fail_msg("job.json has no \"%s\"", members[i]);
    assert_true(json_get_string(job, "model", &model));
    assert_string_equal(model, paths->model);
    cJSON_Delete(job);
}

static void failed_start_is_on_record(void **state)
{
    (void)state;
    static const char *const asked[] = {"command", "arguments", "folder", "data", "top"};
    static const char *const known[] = {
        "program",    "method", "top",       "data",   "data_fingerprints", "eval_data",
        "eval_split", "device", "dtype",     "master", "threads",           "instructions",
        "library",    "steps",  "precision", "seed",   "sample_tokens",     "no_head"};
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    if (!shared)
        skip();
    struct paths paths = paths_of(shared, gguf);
    const char *data[] = {paths.text}, *missing[] = {"/nonexistent/data.txt"};
    struct training_request request = request_of(&paths, missing);
    const struct training_view silent = {0};
    struct error err = ERROR_INIT;
    request.method = METHOD_SPECTRUM;
    request.program = "1.2.3";
    assert_int_equal(job_dir_create(paths.run, &err), 0);
    assert_int_equal(training_run(&request, false, &silent, &err), -1);
    check_record(&paths, asked, sizeof asked / sizeof *asked);
    request.data.items = data;
    run_or_fail(&request, true, &silent);
    check_record(&paths, known, sizeof known / sizeof *known);
    paths_free(&paths);
}

static int scans;

static void count_scans(void *context, const char *line)
{
    (void)context;
    scans += strncmp(line, "scanning", 8) == 0;
}

/* The plan file may have gone, and a scan need not be made again. */
static void resume_has_its_own_plan(void **state)
{
    (void)state;
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    if (!shared)
        skip();
    struct paths paths = paths_of(shared, gguf);
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    const struct training_view view = {.on_message = count_scans};
    request.method = METHOD_SPECTRUM;
    assert_int_equal(job_dir_create(paths.run, NULL), 0);
    scans = 0;
    run_or_fail(&request, false, &view);
    assert_int_equal(scans, 1);
    run_or_fail(&request, true, &view);
    assert_int_equal(scans, 1);
    request.plan = "/nonexistent/plan.yaml";
    run_or_fail(&request, true, &view);
    paths_free(&paths);
}

/* What the run was trained on stays on record when it is resumed with something else. */
static void refused_resume_changes_no_record(void **state)
{
    (void)state;
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    if (!shared)
        skip();
    struct paths paths = paths_of(shared, gguf);
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    const struct training_view silent = {0};
    struct error err = ERROR_INIT;
    struct buffer before = BUFFER_INIT, after = BUFFER_INIT;
    char *record = path_join(paths.run, "job.json", NULL);
    assert_int_equal(job_dir_create(paths.run, NULL), 0);
    run_or_fail(&request, false, &silent);
    assert_int_equal(file_read_all(&before, record, 1 << 16, NULL), 0);
    assert_int_equal(file_save(paths.text, "Another text.", 13, NULL), 0);
    assert_int_equal(training_run(&request, true, &silent, &err), -1);
    assert_non_null(strstr(err.text, "other data"));
    assert_int_equal(file_read_all(&after, record, 1 << 16, NULL), 0);
    assert_string_equal(before.data, after.data);
    buffer_free(&before);
    buffer_free(&after);
    free(record);
    paths_free(&paths);
}

/* --- stopping in the middle of something long --- */

static volatile sig_atomic_t interrupted;
static int evaluations;

static void interrupt_behind_step_1(void *context, const struct train_report *report, int64_t steps)
{
    (void)context;
    (void)steps;
    interrupted = report->progress.step == 1;
}

static void count_evaluations(void *context, int64_t step, const struct evaluation *evaluation)
{
    (void)context;
    (void)evaluation;
    evaluations += step > 0;
}

static void stop_does_not_wait(void **state)
{
    (void)state;
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    if (!shared)
        skip();
    struct paths paths = paths_of(shared, gguf);
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    const struct training_view view = {.interrupted = &interrupted,
                                       .on_step = interrupt_behind_step_1,
                                       .on_evaluation = count_evaluations};
    struct error err = ERROR_INIT;
    const char *how = "";
    request.method = METHOD_SPECTRUM;
    request.eval_data = (struct option_list){data, 1};
    request.eval_every = 1;
    assert_int_equal(job_dir_create(paths.run, &err), 0);
    /* in the scan: it was stopped, it did not fail, and there is no plan yet */
    interrupted = 1;
    assert_int_equal(training_run(&request, false, &view, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_false(job_dir_has(paths.run, "plan.yaml"));
    cJSON *result = job_dir_read(paths.run, "result.json", NULL);
    assert_true(json_get_string(result, "status", &how));
    assert_string_equal(how, "stopped");
    cJSON_Delete(result);
    /* in the evaluation behind step 1: with a checkpoint */
    interrupted = 0;
    assert_int_equal(training_run(&request, true, &view, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_int_equal(evaluations, 0);
    assert_true(job_dir_has(paths.run, "checkpoints/step-00000001/state.json"));
    paths_free(&paths);
}

/* --- old checkpoints go, whole --- */

static int (*real_unlinkat)(int folder, const char *name, int flags);
static int removed, partial;

/* Counts what is taken out of a folder that has a state's own name at the time. */
static int unlink_hidden(int folder, const char *name, int flags)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    partial += strstr(path, "/step-") != NULL;
    removed++;
    return real_unlinkat(folder, name, flags);
}

static void states_are_complete_or_absent(void **state)
{
    (void)state;
    const char *shared = test_folder("SPECTRUM_SHARED_DATA");
    if (!shared)
        skip();
    struct paths paths = paths_of(shared, gguf);
    const char *data[] = {paths.text};
    struct training_request request = request_of(&paths, data);
    const struct training_view silent = {0};
    char *left = path_join(paths.run, "checkpoints/.step-00000009.1.old.tmp", NULL);
    request.save_every = 1;
    request.keep = 1;
    assert_int_equal(job_dir_create(paths.run, NULL), 0);
    real_unlinkat = sys.unlinkat;
    sys.unlinkat = unlink_hidden;
    run_or_fail(&request, false, &silent);
    sys.unlinkat = real_unlinkat;
    assert_true(removed > 0);
    assert_int_equal(partial, 0);
    assert_false(job_dir_has(paths.run, "checkpoints/step-00000002"));
    assert_true(job_dir_has(paths.run, "checkpoints/step-00000003/state.json"));
    /* what a kill left goes at the next start, which here takes no step */
    char *record = path_join(paths.run, ".proof.json.0123456789abcdef.tmp", NULL);
    assert_int_equal(folder_make(left, NULL), 0);
    assert_int_equal(file_save(record, "", 0, NULL), 0);
    run_or_fail(&request, true, &silent);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_not_equal(access(record, F_OK), 0);
    free(record);
    free(left);
    paths_free(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gguf_run_exports, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(real_gguf_run_exports, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(full_disk_loses_nothing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_small_disk_is_refused_before, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(failed_start_is_on_record, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(resume_has_its_own_plan, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(refused_resume_changes_no_record, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(stop_does_not_wait, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(states_are_complete_or_absent, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(tensor_without_gradient_ends_the_run, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(samples_are_what_the_model_says, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(wrong_data_changes_nothing, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
