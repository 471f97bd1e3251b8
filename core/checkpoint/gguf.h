/* GGUF versions 2 and 3 (ggml, docs/gguf.md). Everything is little-endian; a string is its length,
 * u64, and as many bytes.
 *
 *     "GGUF"                        4 bytes
 *     version                       u32: 2 or 3
 *     tensors, keys                 u64 each: how many there are
 *     keys times    name string | type u32 | value: a number, a string, or an array,
 *                                                   type u32 | count u64 | values
 *     tensors times name string | rank u32 | sides u64 [rank], the fastest first | type u32
 *                                                   | offset u64, within the data
 *     zeros up to a multiple of "general.alignment" (32 where that key is not there)
 *     the data of the tensors
 *
 * The header has no length of its own, so it is read forwards, through a window, and every count in
 * it is held against the bytes that are left before anything is allocated for it. Internal to
 * core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_GGUF_H
#define SPECTRUM_CHECKPOINT_GGUF_H

#include "checkpoint/tensor_table.h"

/* Reads the header of file number `file`: its tensors into the tensor table, its keys as an object,
 * which is the caller's also after an error (NULL: there was no memory for one). */
int gguf_read_header(struct checkpoint *checkpoint, int file, cJSON **metadata, struct error *err);

#endif
