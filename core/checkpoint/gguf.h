/* GGUF versions 2 and 3: magic, version, counts, key-value metadata, tensor table, aligned data.
 * Internal to core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_GGUF_H
#define SPECTRUM_CHECKPOINT_GGUF_H

#include "checkpoint/tensor_table.h"

/* Reads the header of file number `file` into the tensor table, and its metadata. */
int gguf_read_header(struct checkpoint *checkpoint, int file, struct error *err);

#endif
