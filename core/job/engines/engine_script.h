/* The Python of a run's folder, which is part of this program: the files of engines/python/, as they
 * were when it was built (cmake/embed.cmake). An engine's script is some of them, one behind the other,
 * so that what the engines share stands once, and a folder has one file that reads from top to end. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_SCRIPT_H
#define SPECTRUM_JOB_ENGINES_ENGINE_SCRIPT_H

#include "base/buffer.h"
#include "job/engine.h"

struct embedded_text {
    const char *name, *text;
};

/* All files; a NULL name ends them. */
extern const struct embedded_text engine_texts[];

/* Appends the engine's script. */
void engine_script_put(struct buffer *out, enum engine engine);

#endif
