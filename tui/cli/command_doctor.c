/* `spectrum doctor`: whether the engines that `spectrum launch` starts can run here, what is missing
 * and the line that installs it. Nothing is trained, and nothing is changed.
 *
 *     python     3.11.2, /home/me/venv/bin/python ($VIRTUAL_ENV)
 *     torch      2.15.0, CUDA 13.0, gloo, nccl
 *     gpu        NVIDIA H200, 139.8 GiB
 *     sbatch     /usr/bin/sbatch
 *
 *     fsdp2      can run
 *     axolotl    cannot: Python is 3.11.2 and 3.12 is needed, no axolotl
 *                  python3.12 -m venv axolotl-venv && axolotl-venv/bin/pip install ...
 *
 * With --engine the engine's packages follow, and how training a part of a model goes wrong there
 * (job/engines/engine_traps.h), with what is done about it. */
#include "base/run_command.h"
#include "base/text.h"
#include "job/engines/engine_python.h"
#include "job/engines/engine_traps.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"
#include "tui/cli/output.h"
#include "tui/cli/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *engine; /* NULL: all */
    const char *python;
    bool json;
};
#define AT(member) offsetof(struct request, member)

/* What is known of one engine here. */
struct finding {
    const struct engine_info *engine;
    struct buffer lacks;   /* in words; empty: it can run */
    struct buffer install; /* the line for what is missing, where pip can */
    struct buffer notes;   /* lines about how it would run */
};

struct report {
    struct engine_python python;
    struct engine_look look;
    bool looked;  /* PyTorch is there, and was asked */
    char *sbatch; /* its path; NULL: there is none */
    struct finding findings[ENGINE_COUNT];
    size_t count;
};

/* --- looking --- */

static void lacks(struct finding *finding, const char *format, const char *what)
{
    buffer_text(&finding->lacks, finding->lacks.length ? ", " : "");
    buffer_format(&finding->lacks, format, what);
}

static void note(struct finding *finding, const char *text)
{
    buffer_format(&finding->notes, "%s\n", text);
}

/* What PyTorch said about itself decides what packages alone cannot. */
static void judge(struct finding *finding, const struct report *report)
{
    const struct engine_info *engine = finding->engine;
    const struct engine_look *look = &report->look;
    if (engine_python_short(&report->python, engine, &finding->lacks) > 0)
        engine_python_put_install(&finding->install, &report->python, engine);
    if (!report->looked)
        return;
    if (look->trouble[0]) {
        if (finding->lacks.length == 0) /* else it is what can be expected */
            lacks(finding, "importing it fails: %s", look->trouble);
        return;
    }
    if (look->device_count > 0 && !look->nccl)
        lacks(finding, "%s has no NCCL, by which processes on GPUs talk", "this PyTorch");
    if (look->device_count == 0 && !look->gloo)
        lacks(finding, "%s has no gloo, by which processes on the CPU talk", "this PyTorch");
    if (look->device_count == 0)
        note(finding, engine->cpu ? "PyTorch finds no GPU: processes share the CPU, for trials"
                                  : "PyTorch finds no GPU: one process alone can be started");
    if (engine->compiles && !(look->compiler && look->ninja))
        note(finding, !look->compiler
                          ? "no C++ compiler (c++): what would be built at the start is left out"
                          : "no ninja: what would be built at the start is left out");
}

static int look_around(struct report *report, const struct request *request, struct error *err)
{
    const volatile sig_atomic_t *interrupted = interrupt_watch(NULL);
    enum engine only = request->engine ? engine_by_name(request->engine) : ENGINE_HERE;
    if (engine_python_find(&report->python, request->python, err) != 0 ||
        engine_python_ask(&report->python, interrupted, err) != 0)
        return -1;
    if (engine_python_has(&report->python, "torch")[0]) {
        if (engine_python_look(&report->look, &report->python,
                               only != ENGINE_HERE ? engine_info(only) : NULL, interrupted,
                               err) != 0)
            return -1;
        report->looked = true;
    }
    report->sbatch = command_find("sbatch", NULL);
    for (int e = ENGINE_HERE + 1; e < ENGINE_COUNT; e++) {
        if (only != ENGINE_HERE && e != (int)only)
            continue;
        struct finding *finding = &report->findings[report->count++];
        finding->engine = engine_info((enum engine)e);
        judge(finding, report);
    }
    return 0;
}

static void report_free(struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        buffer_free(&report->findings[i].lacks);
        buffer_free(&report->findings[i].install);
        buffer_free(&report->findings[i].notes);
    }
    engine_python_free(&report->python);
    free(report->sbatch);
}

/* --- as lines --- */

static void put_machine(struct buffer *out, const struct report *report)
{
    const struct engine_look *look = &report->look;
    buffer_format(out, "%-10s %s, %s (%s)\n", "python", report->python.version,
                  report->python.program, report->python.why);
    if (!report->looked) {
        buffer_format(out, "%-10s not there\n", "torch");
    } else {
        buffer_format(out, "%-10s %s%s%s%s%s\n", "torch",
                      engine_python_has(&report->python, "torch"),
                      look->cuda[0] ? ", CUDA " : ", no CUDA", look->cuda,
                      look->gloo ? ", gloo" : "", look->nccl ? ", nccl" : "");
        for (int i = 0; i < look->device_count && i < PYTHON_DEVICES_MAX; i++)
            buffer_format(out, "%-10s %s, %s\n", i ? "" : "gpu", look->devices[i].name,
                          bytes_text((double)look->devices[i].memory).text);
        if (look->device_count > PYTHON_DEVICES_MAX)
            buffer_format(out, "%-10s and %d more\n", "", look->device_count - PYTHON_DEVICES_MAX);
        if (look->device_count == 0)
            buffer_format(out, "%-10s none that PyTorch finds\n", "gpu");
    }
    buffer_format(out, "%-10s %s\n\n", "sbatch", report->sbatch ? report->sbatch : "not there");
}

/* Each line of the text, further in. */
static void put_lines(struct buffer *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        buffer_format(out, "%-12s %.*s\n", "", (int)length, text);
        text += length;
        text += *text == '\n';
    }
}

static void put_finding(struct buffer *out, const struct finding *finding)
{
    bool can = finding->lacks.length == 0;
    buffer_format(out, "%-10s %s%s\n", finding->engine->name,
                  can ? "can run" : "cannot: ", buffer_string(&finding->lacks));
    put_lines(out, buffer_string(&finding->install));
    if (can)
        put_lines(out, buffer_string(&finding->notes));
}

static void put_packages(struct buffer *out, const struct report *report,
                         const struct engine_info *engine)
{
    buffer_format(out, "\n%-14s %-12s %-10s %-10s  %s\n", "package", "here", "at least",
                  "tried with", "as");
    for (const struct engine_package *p = engine->packages; p->name; p++) {
        const char *version = engine_python_has(&report->python, p->name);
        buffer_format(out, "%-14s %-12s %-10s ", p->name, version[0] ? version : "not there",
                      p->least);
        if (p->why)
            buffer_format(out, "%-10s  %s\n", p->tested, p->why);
        else
            buffer_format(out, "%s\n", p->tested);
    }
}

static void put_traps(struct buffer *out, enum engine engine)
{
    size_t count;
    const struct engine_trap *traps = engine_traps(&count);
    buffer_text(out, "\nHow training a part of a model goes wrong there, and what is done about "
                     "it:\n");
    for (size_t i = 0; i < count; i++)
        if (TRAP_OF(&traps[i], engine))
            buffer_format(out, "\n%s: %s\n    %-9s  %s\n    %-9s  %s\n", traps[i].name,
                          traps[i].condition, "then", traps[i].effect, trap_way_name(traps[i].way),
                          traps[i].remedy);
}

/* Names and messages of others are in it: nothing but text reaches a terminal. */
static int print_lines(const struct report *report, const struct request *request,
                       struct error *err)
{
    struct buffer out = BUFFER_INIT;
    put_machine(&out, report);
    for (size_t i = 0; i < report->count; i++)
        put_finding(&out, &report->findings[i]);
    if (request->engine) {
        put_packages(&out, report, report->findings[0].engine);
        put_traps(&out, engine_by_name(request->engine));
    }
    return output_text(&out, err);
}

/* --- as JSON --- */

static void json_python(struct json_writer *json, const struct engine_python *python)
{
    json_object(json, "python");
    json_text(json, "program", python->program);
    json_text(json, "chosen_by", python->why);
    json_text(json, "version", python->version);
    json_flag(json, "environment", python->environment);
    json_object(json, "packages");
    for (size_t i = 0; i < python->package_count; i++)
        if (python->packages[i].version[0])
            json_text(json, python->packages[i].name, python->packages[i].version);
    json_end(json);
    json_end(json);
}

static void json_torch(struct json_writer *json, const struct engine_look *look)
{
    json_object(json, "torch");
    if (look->trouble[0])
        json_text(json, "trouble", look->trouble);
    if (look->cuda[0])
        json_text(json, "cuda", look->cuda);
    json_flag(json, "gloo", look->gloo);
    json_flag(json, "nccl", look->nccl);
    json_flag(json, "compiler", look->compiler);
    json_flag(json, "ninja", look->ninja);
    json_integer(json, "gpus", look->device_count);
    json_list(json, "devices");
    for (int i = 0; i < look->device_count && i < PYTHON_DEVICES_MAX; i++) {
        json_object(json, NULL);
        json_text(json, "name", look->devices[i].name);
        json_count(json, "memory_bytes", look->devices[i].memory);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

static void json_finding(struct json_writer *json, const struct finding *finding)
{
    json_object(json, NULL);
    json_text(json, "engine", finding->engine->name);
    json_flag(json, "can_run", finding->lacks.length == 0);
    if (finding->lacks.length)
        json_text(json, "missing", buffer_string(&finding->lacks));
    if (finding->install.length)
        json_text(json, "install", buffer_string(&finding->install));
    json_object(json, "packages");
    for (const struct engine_package *p = finding->engine->packages; p->name; p++) {
        json_object(json, p->name);
        json_text(json, "least", p->least);
        json_text(json, "tested", p->tested);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

static void json_traps(struct json_writer *json, enum engine engine)
{
    size_t count;
    const struct engine_trap *traps = engine_traps(&count);
    json_list(json, "traps");
    json_layout(json, JSON_ROWS);
    for (size_t i = 0; i < count; i++) {
        if (!TRAP_OF(&traps[i], engine))
            continue;
        json_object(json, NULL);
        json_text(json, "name", traps[i].name);
        json_text(json, "condition", traps[i].condition);
        json_text(json, "effect", traps[i].effect);
        json_text(json, "way", trap_way_name(traps[i].way));
        json_text(json, "remedy", traps[i].remedy);
        json_end(json);
    }
    json_end(json);
}

static int print_json(const struct report *report, const struct request *request, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    struct json_writer json = {.out = &out};
    json_begin(&json, "spectrum.doctor");
    json_python(&json, &report->python);
    if (report->looked)
        json_torch(&json, &report->look);
    if (report->sbatch)
        json_text(&json, "sbatch", report->sbatch);
    json_list(&json, "engines");
    json_layout(&json, JSON_ROWS);
    for (size_t i = 0; i < report->count; i++)
        json_finding(&json, &report->findings[i]);
    json_end(&json);
    if (request->engine)
        json_traps(&json, engine_by_name(request->engine));
    json_end(&json);
    return output_json(&json, err);
}

/* --- the command --- */

/* One engine that was asked for; or any. */
static int say_whether(const struct report *report, struct error *err)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->findings[i].lacks.length == 0)
            return 0;
    if (report->count == 1)
        return error_set(err, "%s cannot run with %s", report->findings[0].engine->name,
                         report->python.program);
    return error_set(err, "no engine can run with %s (--python PYTHON asks another)",
                     report->python.program);
}

/* clang-format off */
static const struct option rows[] = {
    {.name = "engine", .kind = OPTION_TEXT, .at = AT(engine), .argument = "NAME",
     .choices = engine_launched_names, .help = "this one alone, with its packages and traps: {}"},
    {.name = "python", .kind = OPTION_PATH, .at = AT(python), .argument = "PYTHON",
     .help = "that has the packages (default: $VIRTUAL_ENV's, else python3 on $PATH)"},
    ROW_JSON(AT(json)),
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static int check(const struct request *request, const char *word, size_t count, struct error *err)
{
    if (count > 0)
        return error_set_kind(err, ERROR_USAGE, "spectrum doctor takes no \"%s\"", word);
    enum engine engine = request->engine ? engine_by_name(request->engine) : ENGINE_FSDP2;
    if (engine == ENGINE_HERE)
        return error_set_kind(err, ERROR_USAGE,
                              "--engine here is this program, which needs "
                              "nothing; `spectrum devices` says what it has");
    if (engine == ENGINE_COUNT)
        return error_set_kind(err, ERROR_USAGE,
                              "--engine takes fsdp2, deepspeed, trl or axolotl, not \"%.40s\"",
                              request->engine);
    return 0;
}

static int run(int argc, char **argv, struct error *err)
{
    struct request request = {.engine = NULL};
    struct report report = {.count = 0};
    const char *words[8] = {NULL};
    size_t count = 0;
    if (argc > 7)
        return error_set_kind(err, ERROR_USAGE,
                              "spectrum doctor takes --engine, --python and --json alone");
    int status = options_parse(&command_doctor, &request, NULL, argc, argv, words, &count, err);
    if (status == 0)
        status = check(&request, words[0], count, err);
    if (status == 0)
        status = look_around(&report, &request, err);
    if (status == 0)
        status =
            request.json ? print_json(&report, &request, err) : print_lines(&report, &request, err);
    fflush(stdout); /* what is missing stands before the line that says so */
    if (status == 0)
        status = say_whether(&report, err);
    report_free(&report);
    option_free(&table, &request);
    return status > 0 ? 0 : status;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "the engines of `launch`: what each needs in Python, and what is missing",
    .usage = "spectrum doctor [--engine NAME] [--python PYTHON] [--json]",
    .options = &table,
    .run = run,
};
