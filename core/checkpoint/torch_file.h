/* PyTorch's files of tensors, as torch.save() has written them since 1.6: pytorch_model.bin.
 *
 *     a zip archive (zip_archive.h), all entries in one folder of any name
 *         data.pkl      a pickle (pickle.h): a dict of names and tensors
 *         data/KEY      a storage: elements of one type, little-endian, to which tensors are views
 *         byteorder     "little"; PyTorch before 2.0 has none
 *         version, ...
 *
 * Tensors are views of storages that lie in a row (PyTorch's "contiguous"); others are refused by
 * name. Internal to core/checkpoint. */
#ifndef SPECTRUM_CHECKPOINT_TORCH_FILE_H
#define SPECTRUM_CHECKPOINT_TORCH_FILE_H

#include "checkpoint/tensor_table.h"

/* Adds a file to the checkpoint, and its tensors to the tensor table. */
int torch_file_open(struct checkpoint *checkpoint, const char *path, struct error *err);

#endif
