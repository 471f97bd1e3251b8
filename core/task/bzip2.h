/* Unpacking bzip2, by libbz2, which is loaded when it is wanted. */
#ifndef SPECTRUM_TASK_BZIP2_H
#define SPECTRUM_TASK_BZIP2_H

#include "base/buffer.h"

/* Appends what `packed` unpacks to, streams that lie one after another as one; over `cap` bytes is
 * an error, and so is what is damaged or cut off. `path` names it in messages. */
int bzip2_unpack(struct buffer *out, const char *packed, size_t length, size_t cap,
                 const char *path, struct error *err);

#endif
