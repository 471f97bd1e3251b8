/* A pass backwards, block by block, as far down as something trains. */
#ifndef SPECTRUM_TRAIN_BACKWARD_H
#define SPECTRUM_TRAIN_BACKWARD_H

#include "train/pass.h"

/* From the head's input down to the lowest trained tensor. forward_head_loss() was asked for the
 * gradients. */
void backward_run(const struct pass *pass);

#endif
