/* The Python that an engine runs with: which one it is, and what it has.
 *
 *     engine_python_find()    which one, and why that
 *     engine_python_ask()     its version, and those of the packages: quick, nothing is imported
 *     engine_python_short()   what of it an engine lacks
 *     engine_python_look()    PyTorch itself is asked what there is to compute with: seconds
 *
 * Each question is one run of that Python with a few lines of ours (base/run_command.h). What it
 * answers is as hostile as a file: one line of JSON after whatever else it may print. Nothing of the
 * folder where somebody happens to stand is imported. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_PYTHON_H
#define SPECTRUM_JOB_ENGINES_ENGINE_PYTHON_H

#include "base/buffer.h"
#include "job/engine.h"

#include <signal.h>

enum { PYTHON_VERSION_MAX = 48, PYTHON_PACKAGES_MAX = 24 };

struct engine_python {
    char *program; /* its path, absolute; links in it are kept: an environment is one */
    char why[256]; /* "--python"; "$VIRTUAL_ENV"; "python3 on $PATH" */
    bool asked;    /* engine_python_ask() has filled what follows */
    char version[PYTHON_VERSION_MAX];
    bool environment; /* it is one of its own: pip may install into it */
    bool torchrun;    /* PyTorch's launcher is there */
    struct python_package {
        const char *name;
        char version[PYTHON_VERSION_MAX]; /* "": it is not there */
    } packages[PYTHON_PACKAGES_MAX];      /* all that the engines name, each once */
    size_t package_count;
};

/* `given` is what --python says, a path or a name on $PATH; NULL: the environment that is active
 * ($VIRTUAL_ENV), else python3 on $PATH. Free it in any case. */
int engine_python_find(struct engine_python *out, const char *given, struct error *err);
void engine_python_free(struct engine_python *python);

/* Its version and its packages'. `interrupted` may be NULL. */
int engine_python_ask(struct engine_python *python, const volatile sig_atomic_t *interrupted,
                      struct error *err);

/* The version of a package, "" where it is not there. */
const char *engine_python_has(const struct engine_python *python, const char *package);

/* What the engine lacks there, in words: "torch is 2.5.1 and 2.10 is needed, no transformers";
 * nothing where it lacks nothing. Returns how many things. */
size_t engine_python_short(const struct engine_python *python, const struct engine_info *engine,
                           struct buffer *out);

/* The line that installs what it lacks, with the versions that were tried: pip's of that Python, or
 * where it is not an environment of its own, the line that makes one with all that the engine takes.
 * An own one is also what another version of Python needs. */
void engine_python_put_install(struct buffer *out, const struct engine_python *python,
                               const struct engine_info *engine);

/* All three, for who starts an engine: an error says what is missing and the line for it. */
int engine_python_check(struct engine_python *out, const char *given, enum engine engine,
                        const volatile sig_atomic_t *interrupted, struct error *err);

/* Is `version` not below `least`? By their numbers: 2.10 is above 2.9, 2.10.0 is 2.10, what comes
 * before a release (2.10rc1, 2.10.dev0) is below it, what is behind "+" does not count. */
bool version_reaches(const char *version, const char *least);

/* What PyTorch finds to compute with. */
enum { PYTHON_DEVICES_MAX = 16 };
struct engine_look {
    char
        trouble[256]; /* why PyTorch, or the engine's own package, cannot be imported; "": it can */
    char cuda[PYTHON_VERSION_MAX]; /* CUDA that it was built for; "": none */
    bool gloo, nccl;               /* by which processes talk */
    bool compiler, ninja;          /* with which operations are built */
    int device_count;              /* GPUs, also those beyond the list */
    struct {
        char name[64];
        uint64_t memory; /* bytes */
    } devices[PYTHON_DEVICES_MAX];
};

/* With `engine` NULL PyTorch alone is imported; else its own package, too. */
int engine_python_look(struct engine_look *out, const struct engine_python *python,
                       const struct engine_info *engine, const volatile sig_atomic_t *interrupted,
                       struct error *err);

#endif
