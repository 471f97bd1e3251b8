/* Nothing is lost when the system refuses a call.
 *
 * A start, a resume with its save, a tokenisation, a scan and exports are each done once without
 * a fault, which finds the places that it calls the system from: the functions that lead to a call
 * of the table (sys.h) are one, however often it is come by, and in whichever of these first. Then
 * it is done again for each place, and the first call from there is refused. What must hold:
 *
 *   1. it fails with an error that names what it was about, or does all the same what it did
 *      without a fault, to the bit: nothing is left out because it could not be looked at;
 *   2. the checkpoint, tokens, spectra or folder that was there before is there, whole;
 *   3. where it failed it succeeds when it is done once more, with the same result;
 *   4. after that no temporary file or folder is left anywhere, and no descriptor was left open;
 *   5. what is called done was told by fsync() and close() to be on the disk.
 *
 * Each is done by a process of its own, as a user does it.
 */
#include "test_folder.h"

#include "base/file_writer.h"
#include "base/sys.h"
#include "compute/devices/devices.h"
#include "job/export/export.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/job_progress.h"
#include "job/training/training.h"
#include "model/score_table.h"
#include "spectra/scan.h"
#include "text/dataset/dataset.h"
#include "text/tokenizer/tokenizer.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Frames of a stack that are looked at: a call's own three, and the nine that led to it. */
enum { DEPTH = 12, PLACES_MAX = 2048 };

/* --- the calls, one of which is refused --- */

/* Every call of the table that they make: its name, what it gives, its parameters, how they
 * are handed on, what a refusal gives, and with which errno. */
#define CALLS(X)                                                                                   \
    X(open, int, (const char *a, int b, mode_t c), (a, b, c), -1, EIO)                             \
    X(openat, int, (int a, const char *b, int c, mode_t d), (a, b, c, d), -1, EIO)                 \
    X(read, ssize_t, (int a, void *b, size_t c), (a, b, c), -1, EIO)                               \
    X(pread, ssize_t, (int a, void *b, size_t c, off_t d), (a, b, c, d), -1, EIO)                  \
    X(ftruncate, int, (int a, off_t b), (a, b), -1, EIO)                                           \
    X(flock, int, (int a, int b), (a, b), -1, ENOLCK)                                              \
    X(fcntl, int, (int a, int b, int c), (a, b, c), -1, EMFILE)                                    \
    X(rename, int, (const char *a, const char *b), (a, b), -1, EIO)                                \
    X(rename_new, int, (const char *a, const char *b), (a, b), -1, EIO)                            \
    X(unlink, int, (const char *a), (a), -1, EIO)                                                  \
    X(unlinkat, int, (int a, const char *b, int c), (a, b, c), -1, EIO)                            \
    X(mkdir, int, (const char *a, mode_t b), (a, b), -1, ENOSPC)                                   \
    X(rmdir, int, (const char *a), (a), -1, EIO)                                                   \
    X(mkdtemp, char *, (char *a), (a), NULL, ENOSPC)                                               \
    X(stat, int, (const char *a, struct stat *b), (a, b), -1, EIO)                                 \
    X(lstat, int, (const char *a, struct stat *b), (a, b), -1, EIO)                                \
    X(fstat, int, (int a, struct stat *b), (a, b), -1, EIO)                                        \
    X(access, int, (const char *a, int b), (a, b), -1, EIO)                                        \
    X(realpath, char *, (const char *a, char *b), (a, b), NULL, EIO)                               \
    X(readlink, ssize_t, (const char *a, char *b, size_t c), (a, b, c), -1, EIO)                   \
    X(getcwd, char *, (char *a, size_t b), (a, b), NULL, ENOENT)                                   \
    X(fstatvfs, int, (int a, struct statvfs *b), (a, b), -1, EIO)                                  \
    X(opendir, DIR *, (const char *a), (a), NULL, EMFILE)                                          \
    X(fdopendir, DIR *, (int a), (a), NULL, EMFILE)                                                \
    X(readdir, struct dirent *, (DIR * a), (a), NULL, EIO)                                         \
    X(thread_create, int, (pthread_t * a, const pthread_attr_t *b, void *(*c)(void *), void *d),   \
      (a, b, c, d), EAGAIN, EAGAIN)                                                                \
    X(mincore, int, (void *a, size_t b, unsigned char *c), (a, b, c), -1, ENOSYS)                  \
    X(getrandom, ssize_t, (void *a, size_t b, unsigned c), (a, b, c), -1, ENOSYS)

/* These three do something before they fail. */
enum call {
    CALL_write,
    CALL_close,
    CALL_fsync,
#define X(name, type, parameters, arguments, failed, number) CALL_##name,
    CALLS(X)
#undef X
        CALL_COUNT
};

static const char *const call_names[CALL_COUNT] = {"write", "close", "fsync",
#define X(name, type, parameters, arguments, failed, number) #name,
                                                   CALLS(X)
#undef X
};

/* The first call from it was the n-th of its kind. */
struct place_of_call {
    enum call call;
    int n;
    uint64_t callers; /* a hash of them */
};

static struct sys_table real;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int made[CALL_COUNT];
static struct place_of_call refused; /* n 0: none is */

/* What a process that does one of them says to the test: it lies in memory that both have. */
static struct told {
    bool done, came;    /* it came to its end; the call that was to be refused was made */
    int status, opened; /* opened: descriptors that stayed open */
    struct error err;
    char unsure[256]; /* the file that was written and whose fsync() or close() was refused */
    bool wanted;      /* that the places are noted */
    int count;
    struct place_of_call places[PLACES_MAX];
} * told;

static uint64_t hash_of_callers(void)
{
    void *callers[DEPTH];
    uint64_t hash = 1469598103934665603u;
    int depth = backtrace(callers, DEPTH);
    for (int i = 0; i < depth; i++)
        hash = (hash ^ (uintptr_t)callers[i]) * 1099511628211u;
    return hash;
}

static void note_place(enum call call, int n)
{
    uint64_t callers = hash_of_callers();
    for (int i = 0; i < told->count; i++)
        if (told->places[i].call == call && told->places[i].callers == callers)
            return;
    if (told->count < PLACES_MAX)
        told->places[told->count++] = (struct place_of_call){call, n, callers};
}

static bool is_refused(enum call call)
{
    pthread_mutex_lock(&lock);
    int n = ++made[call];
    if (told->wanted)
        note_place(call, n);
    pthread_mutex_unlock(&lock);
    return refused.n == n && refused.call == call;
}

#define X(name, type, parameters, arguments, failed, number)                                       \
    static type faulty_##name parameters                                                           \
    {                                                                                              \
        if (!is_refused(CALL_##name))                                                              \
            return real.name arguments;                                                            \
        errno = number;                                                                            \
        return failed;                                                                             \
    }
CALLS(X)
#undef X

/* The disk is full in the middle of it. */
static ssize_t faulty_write(int fd, const void *data, size_t count)
{
    if (!is_refused(CALL_write))
        return real.write(fd, data, count);
    if (count > 1)
        real.write(fd, data, count / 2);
    errno = ENOSPC;
    return -1;
}

/* What was written is not known to be on the disk. */
static void note_unsure(int fd)
{
    char link[32];
    int flags = fcntl(fd, F_GETFL);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, told->unsure, sizeof told->unsure - 1);
    told->unsure[length > 0 && (flags & O_ACCMODE) != O_RDONLY ? length : 0] = '\0';
}

static int faulty_fsync(int fd)
{
    if (!is_refused(CALL_fsync))
        return real.fsync(fd);
    note_unsure(fd);
    errno = EIO;
    return -1;
}

/* The descriptor is gone all the same, as on Linux. */
static int faulty_close(int fd)
{
    if (!is_refused(CALL_close))
        return real.close(fd);
    note_unsure(fd);
    real.close(fd);
    errno = EIO;
    return -1;
}

static void refuse(struct place_of_call place)
{
    refused = place;
    sys.write = faulty_write;
    sys.close = faulty_close;
    sys.fsync = faulty_fsync;
#define X(name, type, parameters, arguments, failed, number) sys.name = faulty_##name;
    CALLS(X)
#undef X
}

/* --- what they work on: a model of 40 tokens, its tokenizer, data; all in the test's folder --- */

/* "FOLDER/NAME", until the next dozen. */
static char *in_folder(const char *name)
{
    static char paths[12][256];
    static int next;
    char *path = paths[next++ % 12];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Runs it in the test's folder; true where it ends well. */
static bool shell(const char *command)
{
    char line[2048];
    snprintf(line, sizeof line, "cd '%s' && %s", folder, command);
    return system(line) == 0;
}

static void save_text(const char *name, const char *text)
{
    struct error err = ERROR_INIT;
    if (file_save(in_folder(name), text, strlen(text), &err) != 0)
        fail_msg("%s", err.text);
}

/* Letters, a space, two marks and others; tokenizer.model has the same pieces. */
static void make_tokenizer(void)
{
    static const char *const others[] = {"\xE2\x96\x81", "-", "<s>", "</s>", ".", ",", "'"};
    struct buffer text = BUFFER_INIT, pieces = BUFFER_INIT;
    buffer_text(&text, "{\"version\": \"1.0\", \"added_tokens\": [");
    for (int i = 28; i < 30; i++)
        buffer_format(&text, "%s{\"id\": %d, \"content\": \"%s\", \"special\": true}",
                      i > 28 ? ", " : "", i, others[i - 26]);
    buffer_text(&text,
                "], \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": ["
                "{\"type\": \"Prepend\", \"prepend\": \"\xE2\x96\x81\"}, {\"type\": \"Replace\","
                " \"pattern\": {\"String\": \" \"}, \"content\": \"\xE2\x96\x81\"}]},"
                " \"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {");
    for (int i = 0; i < 32; i++) {
        const char letter[] = {(char)('a' + i), '\0'};
        const char *token = i < 26 ? letter : others[i - 26];
        int length = (int)strlen(token);
        buffer_format(&text, "%s\"%s\": %d", i ? ", " : "", token, i);
        buffer_format(&pieces, "\n%c\n%c%s", length + 2, length, token); /* sentencepiece.h */
    }
    buffer_text(&text, "}}}");
    save_text("model/tokenizer.json", buffer_string(&text));
    save_text("model/tokenizer.model", buffer_string(&pieces));
    buffer_free(&text);
    buffer_free(&pieces);
}

static void make_files(void)
{
    char command[1024];
    snprintf(command, sizeof command,
             "mkdir tmp model model/additional_chat_templates data data/below && cp "
             "'%s'/train/llama_gqa/* model",
             getenv("SPECTRUM_TEST_DATA"));
    assert_true(shell(command));
    make_tokenizer();
    save_text("model/tokenizer_config.json", "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
    save_text("model/generation_config.json", "{\"eos_token_id\": 29, \"temperature\": 0.5}");
    save_text("model/chat_template.jinja",
              "{% for m in messages %}<s>{{ m.content }}</s>{% endfor %}");
    save_text("model/additional_chat_templates/other.jinja",
              "{% for m in messages %}{{ m.content }}</s>{% endfor %}");
    save_text("data/boat.txt", "once there was a little boat. it was red, and it loved the sea.\n");
    save_text("data/below/wind.txt", "one day the wind was strong. the boat went up and down.\n");
    save_text("data/chat.jsonl",
              "{\"messages\": [{\"role\": \"user\", \"content\": \"where is it\"}, {\"role\": "
              "\"assistant\", \"content\": \"at sea.\"}]}\n");
    setenv("TMPDIR", in_folder("tmp"), 1);
    setenv("XDG_CACHE_HOME", in_folder("cache"), 1);
    setenv("XDG_STATE_HOME", in_folder("state"), 1);
}

/* --- what is done --- */

/* Each is done from the same beginning. `check` is asked after a refusal, `same` after a success.
 */
struct work {
    const char *name;
    const char *begin; /* a command that puts things back to where they were */
    int (*act)(struct error *err);
    const char
        *kept; /* a command that fails where something is lost that was there before; or NULL */
    const char *same; /* a command that fails where the result is not that of a sound one */
};

static char *const no_arguments[] = {(char *)"train", NULL};
static volatile sig_atomic_t stopping;

static void stop_after_2(void *context, const struct train_report *report, int64_t steps)
{
    (void)context;
    (void)steps;
    stopping = report->progress.step == 2;
}

static int train(const char *name, enum training_method method, bool stop, struct error *err)
{
    const char *data[] = {in_folder("data")};
    const struct training_request request = {.model = in_folder("model"),
                                             .run = in_folder(name),
                                             .method = method,
                                             .top = 40,
                                             .no_head = true,
                                             .rank = method == METHOD_LORA ? 2 : 0,
                                             .alpha = 4,
                                             .data = {data, 1},
                                             .device = "cpu",
                                             .threads = 1,
                                             .dtype = WEIGHTS_BF16,
                                             .steps = 4,
                                             .epochs = 1,
                                             .seq_len = 32,
                                             .batch = 1,
                                             .accumulate = 1,
                                             .rate = 1e-2,
                                             .keep = 9,
                                             .save_every = 2,
                                             .clip = 1,
                                             .argc = 1,
                                             .argv = no_arguments};
    const struct training_view view = {.on_step = stop ? stop_after_2 : NULL,
                                       .interrupted = &stopping};
    bool resume = job_dir_is_taken(request.run);
    stopping = 0;
    if (!resume && job_dir_create(request.run, err) != 0)
        return -1;
    return training_run(&request, resume, &view, err);
}

static int run(struct error *err)
{
    return train("run", METHOD_SPECTRUM, false, err);
}

/* A whole model is three files and their index. */
static int export_of(const char *name, struct error *err)
{
    static const struct state_choice last;
    const struct export_options options = {.shard_size = 14000};
    struct export_summary summary;
    int status =
        export_run(in_folder(name), &last, in_folder("out"), &options, NULL, NULL, &summary, err);
    free(summary.base);
    return status;
}

static int export_model(struct error *err)
{
    return export_of("sound", err);
}

static int export_adapters(struct error *err)
{
    return export_of("adapted", err);
}

static int export_gguf(struct error *err)
{
    static const struct state_choice last;
    const struct export_options options = {.form = EXPORT_GGUF, .type = EXPORT_GGUF_Q8_0};
    struct export_summary summary;
    return export_run(in_folder("adapted"), &last, in_folder("out.gguf"), &options, NULL, NULL,
                      &summary, err);
}

/* The result is the fingerprint of all tokens and weights. */
static int tokenise(struct error *err)
{
    const char *paths[] = {in_folder("data")};
    const struct dataset_options plain = {0};
    struct tokenizer *tokenizer = NULL;
    struct dataset data;
    int status = tokenizer_open(&tokenizer, in_folder("model"), err);
    if (status == 0)
        status = dataset_open(&data, paths, 1, &plain, tokenizer, NULL, err);
    if (status == 0) {
        dataset_free(&data);
        sys = real;
        save_text("tokens", data.fingerprint);
    }
    tokenizer_close(tokenizer);
    return status;
}

static int scan(struct error *err)
{
    const struct scan_options options = {.use_cache = true, .threads = 1};
    struct model *model = NULL;
    struct backend *backend = NULL;
    struct scan_result *result = NULL;
    struct buffer text = BUFFER_INIT;
    int status = model_open(&model, in_folder("model"), err);
    if (status == 0)
        status = backend_open(&backend, "cpu", 1, err);
    if (status == 0)
        status = scan_run(&result, model, backend, &options, NULL, err);
    if (status == 0) {
        scan_put_file(&text, result->scan);
        status = file_save_output(in_folder("scan.json"), text.data, text.length, err);
    }
    buffer_free(&text);
    scan_result_free(result);
    backend_close(backend);
    model_close(model);
    return status;
}

#define STEP_2 "checkpoints/step-00000002"
#define STEP_4 "checkpoints/step-00000004"

static const struct work works[] = {
    {"tokenise", "rm -rf cache tokens", tokenise, NULL, "cmp tokens sound.tokens"},
    {"scan", "rm -rf cache && echo old >scan.json", scan,
     "{ echo old | cmp -s - scan.json || cmp scan.json sound.json; }", "cmp scan.json sound.json"},
    {"resume", "rm -rf run cache && cp -r half run", run, "diff -r half/" STEP_2 " run/" STEP_2,
     "diff -r -x state.json sound/" STEP_4 " run/" STEP_4},
    {"start", "rm -rf run cache", run, NULL, "diff -r -x state.json sound/" STEP_4 " run/" STEP_4},
    {"export", "rm -rf out cache", export_model,
     "{ test ! -e out || diff -r out sound.out; } && diff -r sound sound.before",
     "diff -r out sound.out"},
    {"export of adapters", "rm -rf out cache", export_adapters,
     "{ test ! -e out || diff -r out adapted.out; } && diff -r adapted adapted.before",
     "diff -r out adapted.out"},
    {"export as GGUF", "rm -rf out.gguf cache", export_gguf,
     "{ test ! -e out.gguf || cmp out.gguf sound.gguf; } && diff -r adapted adapted.before",
     "cmp out.gguf sound.gguf"},
};

/* --- the refusals --- */

static int open_descriptors(void)
{
    int count = 0;
    DIR *entries = opendir("/proc/self/fd");
    while (entries && readdir(entries))
        count++;
    if (entries)
        closedir(entries);
    return count;
}

static const struct place_of_call nowhere;

/* In a process of its own, whose words are in *told then. */
static void act(const struct work *work, struct place_of_call place)
{
    int how;
    told->done = false;
    pid_t child = fork();
    if (child == 0) {
        int before = open_descriptors();
        told->err = (struct error)ERROR_INIT;
        told->unsure[0] = '\0';
        refuse(place);
        told->status = work->act(&told->err);
        told->came = made[place.call] >= place.n;
        sys = real;
        told->opened = open_descriptors() - before;
        told->done = true;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    if (how != 0 || !told->done)
        fail_msg("%s, %s() number %d refused: the process ended with status %d", work->name,
                 call_names[place.call], place.n, how);
}

static int wrong; /* of a work */

static void say_wrong(const struct work *work, struct place_of_call place, const char *what,
                      const char *text)
{
    if (++wrong <= 20)
        print_error("%s, %s() number %d refused: %s%s%s\n", work->name, call_names[place.call],
                    place.n, what, text[0] ? ": " : "", text);
}

static const char no_temporary[] =
    "test -z \"$(find . -name '.?*.tmp' -o -name .spectrum-unfinished -o -path './tmp/*')\"";

/* What must be so after a success, in one shell; where it is not, each is looked at by itself. */
static void check_all(const struct work *work, struct place_of_call place, const char *kept)
{
    char all[1024];
    snprintf(all, sizeof all, "%s && %s && %s", kept ? kept : "true", work->same, no_temporary);
    if (shell(all))
        return;
    if (kept && !shell(kept))
        say_wrong(work, place, "something is lost", "");
    if (!shell(work->same))
        say_wrong(work, place, "the result is another", "");
    if (!shell(no_temporary))
        say_wrong(work, place, "a temporary stays", "");
}

/* Caches and lists are made again; metrics.jsonl is a log, whose lines nobody waits to see on the
 * disk, and progress.json is news; what is removed is not missed. A run's other files and a result
 * are. */
static bool may_go_unwritten(const char *path)
{
    return strstr(path, "/cache/") || strstr(path, "/state/") || strstr(path, "/metrics.jsonl") ||
           strstr(path, "progress.json") || strstr(path, " (deleted)");
}

static void refuse_once(const struct work *work, struct place_of_call place)
{
    if (!shell(work->begin))
        fail_msg("%s", work->begin);
    act(work, place);
    struct error err = told->err;
    if (!told->came)
        say_wrong(work, place, "that call was not made again", err.text);
    if (told->opened != 0)
        say_wrong(work, place, "a descriptor stays open", err.text);
    if (told->status == 0 && told->unsure[0] && !may_go_unwritten(told->unsure))
        say_wrong(work, place, "it is called done, and may not be on the disk", told->unsure);
    if (told->status == 0) {
        check_all(work, place, work->kept);
        return;
    }
    /* A folder is named from its first part on: /tmp, where that cannot be made. */
    if (!strstr(err.text, "/tmp"))
        say_wrong(work, place, "the error names no file", err.text);
    if (work->kept && !shell(work->kept))
        say_wrong(work, place, "something is lost", err.text);
    shell("touch -c -d '1 hour ago' run"); /* see JOB_START_SECONDS */
    act(work, nowhere);
    if (told->status != 0)
        say_wrong(work, place, "it cannot be done once more", told->err.text);
    else
        check_all(work, place, NULL);
}

static void nothing_is_lost(const struct work *work)
{
    if (!shell(work->begin))
        fail_msg("%s", work->begin);
    int first = told->count;
    told->wanted = true;
    act(work, nowhere);
    told->wanted = false;
    if (told->status != 0)
        fail_msg("%s: %s", work->name, told->err.text);
    assert_true(shell(work->same));
    assert_in_range(told->count, first + 20, PLACES_MAX - 1);
    wrong = 0;
    for (int i = first; i < told->count; i++)
        refuse_once(work, told->places[i]);
    print_message("%s: %d places\n", work->name, told->count - first);
    if (wrong)
        fail_msg("%s: %d refusals had another outcome than they should", work->name, wrong);
}

/* These disks need not outlast a power cut. */
static int sync_nothing(int fd)
{
    (void)fd;
    return 0;
}

static void each_place_of(void **state)
{
    nothing_is_lost(*state);
}

/* What a sound one gives, and the run that was stopped half way. */
static int make_sound(void **state)
{
    struct error err = ERROR_INIT;
    sys.fsync = sync_nothing;
    job_progress_second = 0; /* which calls are made is no matter of time */
    real = sys;
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED)
        return -1;
    if (make_folder(state) != 0)
        return -1;
    make_files();
    if (train("sound", METHOD_SPECTRUM, false, &err) != 0 ||
        train("adapted", METHOD_LORA, false, &err) != 0 || tokenise(&err) != 0 || scan(&err) != 0 ||
        export_model(&err) != 0)
        fail_msg("%s", err.text);
    assert_true(shell("test -e out/model-00003-of-00003.safetensors && "
                      "mv out sound.out && mv tokens sound.tokens && mv scan.json sound.json"));
    if (export_adapters(&err) != 0 || export_gguf(&err) != 0)
        fail_msg("%s", err.text);
    assert_true(shell(
        "mv out adapted.out && mv out.gguf sound.gguf && cp -r sound sound.before && cp -r adapted "
        "adapted.before"));
    train("half", METHOD_SPECTRUM, true, &err);
    assert_true(shell("test -e half/" STEP_2 " && test ! -e half/" STEP_4));
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[sizeof works / sizeof *works];
    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        tests[i] = (struct CMUnitTest){
            .name = works[i].name, .test_func = each_place_of, .initial_state = (void *)&works[i]};
    return cmocka_run_group_tests(tests, make_sound, remove_folder);
}
