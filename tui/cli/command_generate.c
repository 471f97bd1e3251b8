/* `spectrum generate MODEL|RUN --prompt TEXT`: text from a model.
 *
 *     prompt -> ids -> generate() -> on_token() -> standard output, as the tokens come
 *                         ^ train/generate.h: one forward a token over a cache of keys and values
 *
 * The text appears while it grows, so it is printed token by token; a token may end in the middle
 * of a character, whose bytes wait for the next one. With --json nothing is printed before the end.
 */
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "compute/devices/devices.h"
#include "job/training_options.h"
#include "text/generation.h"
#include "text/template/template.h"
#include "train/generate.h"
#include "tui/cli/command.h"
#include "tui/cli/made_job.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"
#include "tui/cli/source_view.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct request {
    const char *source, *prompt, *device, *template_name;
    enum weight_type dtype;
    int64_t tokens, top_k, seed, threads;
    double temperature, top_p, min_p;
    struct state_choice choice;
    bool chat, json;
    struct option_given given;
};

static const struct option_table table;

/* The prompt as it is, or as a user's message of the chat template, at the end of whose turn the
 * text ends, too. */
static int encode_prompt(const struct request *request, const struct source *source,
                         struct tokenizer *tokenizer, struct token_list *out,
                         struct end_tokens *ends, struct error *err)
{
    if (!request->chat)
        return tokenizer_encode(tokenizer, request->prompt, strlen(request->prompt),
                                ENCODE_ADD_SPECIAL | ENCODE_PARSE_SPECIAL, out, err);
    /* A conversation of one message, which the template ends with what begins an answer. */
    struct chat_template *chat = NULL;
    const char *asked = request->template_name, *name = asked ? asked : source->template_name;
    cJSON *messages = cJSON_CreateArray(), *message = cJSON_CreateObject();
    const struct conversation conversation = {.messages = messages};
    bool made = cJSON_AddStringToObject(message, "role", "user") &&
                cJSON_AddStringToObject(message, "content", request->prompt) &&
                cJSON_AddItemToArray(messages, message);
    int status = made ? 0 : error_set(err, "not enough memory");
    if (status == 0)
        status = source_view_marks(tokenizer, name, "", err);
    if (status == 0)
        status = template_open(&chat, tokenizer, name, asked ? NULL : source->date, err);
    if (status == 0)
        status = template_encode(chat, tokenizer, &conversation, true, out, err);
    template_close(chat);
    cJSON_Delete(made ? NULL : message);
    cJSON_Delete(messages);
    return status == 0 ? end_tokens_add_turn(ends, tokenizer, name, err) : -1;
}

/* The text as it grows. ids[0..prompt) is the prompt's, ids[prompt..count) what was generated. */
struct writer {
    const struct request *request;
    const struct made_job *job;
    const struct tokenizer *tokenizer;
    struct buffer pending; /* the beginning of a character that is not whole yet */
    const int32_t *ids;
    int64_t prompt, count; /* of ids, that are the prompt's, and that are there */
};

/* Prints whole characters as they come, and keeps the beginning of one that is not whole yet.
 * Controls other than tab and newline become '?', C1 controls (U+0080 to U+009F) among them: a
 * model may write any bytes, and a terminal would carry them out. */
static void show(struct buffer *text)
{
    size_t at = 0;
    while (at < text->length) {
        int32_t code;
        size_t step = utf8_decode(text->data + at, text->length - at, &code);
        if (code < 0 && text->length - at < 4)
            break;
        bool control = code < 0 || ((code < 32 || code == 127) && code != '\n' && code != '\t') ||
                       (code >= 128 && code < 160);
        fwrite(control ? "?" : text->data + at, 1, control ? 1 : step, stdout);
        at += step;
    }
    memmove(text->data, text->data + at, text->length - at);
    text->length -= at;
    fflush(stdout);
}

/* The text is decoded as a whole, without marks such as the end's; what is not UTF-8 in it is
 * mended, as JSON must be. */
static int print_json(const struct writer *writer, struct error *err)
{
    struct buffer text = BUFFER_INIT, out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    tokenizer_decode(writer->tokenizer, writer->ids + writer->prompt,
                     (size_t)(writer->count - writer->prompt), true, &text, NULL);
    if (text.data)
        utf8_mend(text.data);
    json_begin(&json, "spectrum.generation");
    json_text(&json, "prompt", writer->request->prompt);
    json_flag(&json, "chat", writer->request->chat);
    json_text(&json, "text", buffer_string(&text));
    json_list(&json, "ids");
    for (int64_t i = writer->prompt; i < writer->count; i++)
        json_integer(&json, NULL, writer->ids[i]);
    json_end(&json);
    json_end(&json);
    buffer_free(&text);
    return made_job_put(writer->job, &json, err);
}

/* The end of what is printed, however it comes. */
static int finish(const struct writer *writer, bool interrupted, struct error *err)
{
    int64_t count = writer->count - writer->prompt;
    if (writer->request->json && print_json(writer, err) != 0)
        return -1;
    if (!writer->request->json)
        putchar('\n');
    return interrupted
               ? error_set_kind(err, ERROR_INTERRUPTED, "interrupted after %" PRId64 " token%s",
                                count, text_s((uint64_t)count))
               : 0;
}

/* A forward asks for an interruption between the halves of its blocks. What asks less often, the
 * loading of a big model above all, is not waited for longer than half a second: a thread prints
 * what there is and ends the process. Nothing that generate does has to be put away. */
struct leaver {
    pthread_t thread;
    pthread_mutex_t prints; /* held by whoever prints, or changes what is to be printed */
    atomic_bool done;
    bool runs;
    const struct writer *writer; /* NULL: there is no text yet */
    const volatile sig_atomic_t *interrupted;
};

static struct leaver leaver = {.prints = PTHREAD_MUTEX_INITIALIZER};

/* Looks twenty times a second. An interruption has ten looks to be taken up by who computes; then
 * what there is is printed, as if it had been, and the process ends with status 130. */
static void *leave_in_time(void *context)
{
    const struct timespec twentieth = {.tv_nsec = 50000000};
    struct error err = ERROR_INIT;
    (void)context;
    for (int left = 10; left > 0 && !leaver.done;) {
        nanosleep(&twentieth, NULL);
        left -= __atomic_load_n(leaver.interrupted, __ATOMIC_RELAXED) != 0; /* a signal's handler */
    }
    pthread_mutex_lock(&leaver.prints);
    if (!leaver.done) {
        error_set(&err, "interrupted");
        if (leaver.writer)
            finish(leaver.writer, true, &err);
        fflush(stdout);
        fprintf(stderr, "spectrum: %s\n", err.text);
        _exit(130);
    }
    pthread_mutex_unlock(&leaver.prints);
    return NULL;
}

/* Signals come to the thread that computes. */
static void leaver_start(void)
{
    sigset_t all, before;
    signal(SIGINT, SIG_DFL); /* the & of a script ignores it to keep work; here is none to keep */
    leaver.interrupted = interrupt_watch(NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    leaver.runs = sys.thread_create(&leaver.thread, NULL, leave_in_time, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* From here on the process is not ended from aside: what is left is short. */
static void leaver_end(void)
{
    leaver.done = true;
    if (leaver.runs)
        pthread_join(leaver.thread, NULL);
    leaver.runs = false;
}

/* A reader that is gone (`| head`) ends it, as nobody would see the rest. */
static bool should_stop(void *context)
{
    (void)context;
    return *leaver.interrupted || ferror(stdout); /* the reader is gone */
}

/* Called by generate() for every token. Marks are counted, and not shown. */
static void on_token(void *context, int32_t id)
{
    struct writer *writer = context;
    pthread_mutex_lock(&leaver.prints);
    writer->count++;
    work_tell(made_job_watch(writer->job), WORK_SAMPLING,
              (uint64_t)(writer->count - writer->prompt), (uint64_t)writer->request->tokens);
    if (!tokenizer_is_special(writer->tokenizer, id)) {
        tokenizer_piece(writer->tokenizer, id, &writer->pending);
        if (!writer->request->json && !writer->pending.failed)
            show(&writer->pending);
    }
    pthread_mutex_unlock(&leaver.prints);
}

/* Grows the prompt by what the model says. The leaver may print at any time from here on, so what
 * is to be printed changes under its lock alone. */
static int run(const struct request *request, const struct made_job *job,
               struct transformer *transformer, const struct tokenizer *tokenizer,
               const struct token_list *list, const struct end_tokens *ends, struct error *err)
{
    const struct sampling sampling = {.temperature = request->temperature,
                                      .top_k = request->top_k,
                                      .top_p = request->top_p,
                                      .min_p = request->min_p,
                                      .seed = (uint64_t)request->seed};
    int64_t prompt = (int64_t)list->count, count = prompt, room = prompt + request->tokens;
    int32_t *ids = array_alloc((size_t)room, sizeof *ids, err);
    struct writer writer = {request, job, tokenizer, BUFFER_INIT, ids, prompt, prompt};
    const struct generation_watch watch = {on_token, should_stop, &writer};
    if (!ids)
        return -1;
    memcpy(ids, list->ids, list->count * sizeof *ids);
    pthread_mutex_lock(&leaver.prints);
    leaver.writer = &writer;
    pthread_mutex_unlock(&leaver.prints);
    int status =
        generate(transformer, ids, &count, room, request->tokens, ends, &sampling, &watch, err);
    leaver_end(); /* what follows is short, and is printed whole */
    if (status == 0)
        status = finish(&writer, *leaver.interrupted, err);
    buffer_free(&writer.pending);
    free(ids);
    return status;
}

/* The quick things first, as everywhere: what is wrong with the prompt is said before the weights
 * of a big model are loaded. `room` is the positions that prompt and answer take. */
static int generate_text(const struct request *request, const struct made_job *job,
                         struct error *err)
{
    struct source source = {0};
    struct backend *backend = NULL;
    struct tokenizer *tokenizer = NULL;
    struct token_list list = {0};
    struct end_tokens ends;
    struct transformer *transformer = NULL;
    struct buffer ignored = BUFFER_INIT;
    int status = -1;
    if (backend_check_training(request->device, err) != 0 ||
        source_view_open(&source, &tokenizer, request->source, &request->choice, err) != 0 ||
        source_end_tokens(&ends, &source, tokenizer, err) != 0)
        goto out;
    source.work = made_job_watch(job);
    /* What the model's files ask for and the options have their own word on. */
    if (generation_put_ignored(&ignored, source.model->checkpoint, err) != 0)
        goto out;
    if (ignored.length > 0)
        fprintf(stderr, "%s\n", buffer_string(&ignored));
    if (encode_prompt(request, &source, tokenizer, &list, &ends, err) != 0)
        goto out;
    if (list.count == 0) {
        error_set(err, "the prompt has no tokens");
        goto out;
    }
    if (transformer_check_tokens(source.model, list.ids, list.count, tokenizer, err) != 0) {
        error_prefix(err, "the prompt");
        goto out;
    }
    if (backend_open(&backend, request->device, (int)request->threads, err) != 0)
        goto out;
    int64_t room = (int64_t)list.count + request->tokens;
    source_view_positions(&source, room);
    if (source_transformer(&transformer, &source, backend, room, room, request->dtype, true, err) !=
        0)
        goto out;
    status = run(request, job, transformer, tokenizer, &list, &ends, err);
out:
    buffer_free(&ignored);
    transformer_free(transformer);
    backend_close(backend);
    token_list_free(&list);
    tokenizer_close(tokenizer);
    source_close(&source);
    return status;
}

/* What would change nothing was meant to do something. */
static int check(const struct request *request, struct error *err)
{
    static const char *const of_draws[] = {"top-k", "top-p", "min-p", "seed"};
    const char *idle = NULL;
    for (size_t i = 0; i < sizeof of_draws / sizeof *of_draws && !idle; i++)
        if (option_is_given(&request->given, option_by_name(&table, of_draws[i])))
            idle = of_draws[i];
    if (idle && request->temperature <= 0)
        return error_set_kind(err, ERROR_USAGE,
                              "--%s does nothing at temperature 0, where the likeliest token is "
                              "always taken; give a --temperature above 0, or leave it out",
                              idle);
    if (request->template_name && !request->chat)
        return error_set_kind(err, ERROR_USAGE,
                              "--template is for --chat, where the prompt is a message");
    return request->template_name ? template_check(request->template_name, err) : 0;
}

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "prompt", .kind = OPTION_TEXT, .at = AT(prompt), .argument = "TEXT",
     .help = "what the text begins with"},
    {.name = "chat", .kind = OPTION_FLAG, .at = AT(chat), .help = "the prompt is a user's message"},
    ROW_TEMPLATE("with --chat", AT(template_name)),
    {.name = "tokens", .kind = OPTION_INTEGER, .at = AT(tokens), .argument = "N", .low = 1,
     .high = 65536, .preset = "100", .help = "at most so many new tokens ({})"},
    {.name = "temperature", .kind = OPTION_NUMBER, .at = AT(temperature), .argument = "X", .low = 0,
     .high = 100, .preset = "0", .help = "0 (default): always the likeliest token"},
    {.name = "top-k", .kind = OPTION_INTEGER, .at = AT(top_k), .argument = "N", .low = 0,
     .high = 1e9, .help = "draw among the N likeliest (default: all)"},
    {.name = "top-p", .kind = OPTION_NUMBER, .at = AT(top_p), .argument = "P", .low = 0, .high = 1,
     .preset = "1",
     .help = "of these, among the fewest likeliest that together have a probability of P ({}: all)"},
    {.name = "min-p", .kind = OPTION_NUMBER, .at = AT(min_p), .argument = "P", .low = 0, .high = 1,
     .preset = "0",
     .help = "of these, among those with at least P times the likeliest one's probability ({}: "
             "all)"},
    {.name = "seed", .kind = OPTION_INTEGER, .at = AT(seed), .argument = "N", .low = 0,
     .high = 1e15, .preset = "42", .help = "of the draws ({})"},
    ROW_STEP(AT(choice.step)),
    ROW_BEST(AT(choice.best)),
    ROW_DTYPE("bf16, fp32, auto (default): as eval has it", AT(dtype)),
    ROW_TRAINING_DEVICE(AT(device)),
    ROW_THREADS(AT(threads)),
    ROW_JSON(AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

/* Of a run only the weights are wanted, so its checkpoint is not checked byte by byte first
 * (quickly). */
static int run_command(int argc, char **argv, struct error *err)
{
    static const char needs[] = "generate takes one MODEL or RUN, and --prompt TEXT";
    struct request r = {.choice.quickly = true};
    struct made_job job;
    option_defaults(&table, &r);
    int status =
        options_parse_one(&command_generate, &r, &r.given, needs, argc, argv, &r.source, err);
    if (status == 0 && !r.prompt)
        status = error_set_kind(err, ERROR_USAGE, "%s", needs);
    if (status == 0)
        status = check(&r, err);
    if (status == 0) {
        leaver_start();
        status = made_job_join(&job, command_generate.name, r.source, argc, argv, err);
        if (status == 0)
            status = generate_text(&r, &job, err);
        leaver_end();
        made_job_leave(&job, status, err);
    }
    return status > 0 ? 0 : status;
}

const struct command command_generate = {
    .name = "generate",
    .summary = "text from a model or run",
    .usage = "spectrum generate MODEL|RUN --prompt TEXT",
    .options = &table,
    .run = run_command,
    .computes = true,
};
