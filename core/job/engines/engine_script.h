/* The Python of a run's folder, which is part of this program: the files of engines/python/, as they
 * were when it was built (cmake/embed.cmake). A script is some of them, one behind the other, so that
 * what engines share stands once. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_SCRIPT_H
#define SPECTRUM_JOB_ENGINES_ENGINE_SCRIPT_H

#include "base/buffer.h"
#include "job/engine.h"

struct embedded_text {
    const char *name, *text;
};

/* All files; a NULL name ends them. */
extern const struct embedded_text engine_texts[];

void engine_script_put(struct buffer *out, const struct engine_script *script);

#endif
