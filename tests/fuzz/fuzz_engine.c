/* What others say of a run that was launched: the engine's log, Slurm's line about its job, and an
 * option for sbatch. Whatever it is, one line comes of it that a terminal can show, and the script
 * has no line more than it was to have. */
#include "fuzz.h"

#include "job/engines/engine_failure.h"
#include "job/engines/engine_slurm.h"
#include "job/engines/engine_slurm_script.h"

static void check_line(const char *text)
{
    if (!utf8_printable(text)) {
        fprintf(stderr, "\"%s\" is not for a terminal\n", text);
        abort();
    }
}

static size_t lines_of(const char *option)
{
    static const char *const program[] = {"train.py", NULL};
    struct buffer out = BUFFER_INIT;
    struct engine_slurm_script script = {
        .options = {&option, option ? 1 : 0},
        .command = {.python = "python", .program = program, .processes = 1, .nodes = 1},
    };
    size_t lines = 0;
    if (engine_slurm_script_put(&out, &script, NULL) != 0)
        abort();
    for (size_t i = 0; i < out.length; i++)
        lines += out.data[i] == '\n';
    buffer_free(&out);
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct engine_end ends[] = {{.status = 1, .nodes = 1},
                                             {.status = -1, .signal = 9, .nodes = 2}};
    char *text = fuzz_text(data, size);
    for (size_t i = 0; i < 2; i++) {
        struct engine_failure failure;
        engine_failure_find(&failure, text, size, &ends[i]);
        check_line(failure.text);
        if (!failure.text[0])
            abort();
    }
    struct error err = ERROR_INIT;
    struct engine_slurm_look look;
    if (fuzz_ok(engine_slurm_read(&look, text, &err), &err)) {
        check_line(look.reason);
        check_line(look.nodes);
        check_line(look.expected);
    }
    err = (struct error)ERROR_INIT;
    if (fuzz_ok(engine_slurm_option_check(text, &err), &err) &&
        lines_of(text) != lines_of(NULL) + 1)
        abort();
    free(text);
    return 0;
}
