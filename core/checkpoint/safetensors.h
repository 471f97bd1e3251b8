/* safetensors: 8 bytes of header length, a JSON header, then the data. The header must describe the
 * data exactly: no gaps, no overlaps, nothing after the last tensor. Internal to
 * core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_SAFETENSORS_H
#define SPECTRUM_CHECKPOINT_SAFETENSORS_H

#include "checkpoint/tensor_table.h"

/* Reads the header of file number `file` into the tensor table. */
int safetensors_read_header(struct checkpoint *checkpoint, int file, struct error *err);

#endif
