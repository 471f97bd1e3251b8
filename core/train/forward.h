/* A pass forwards, block by block. */
#ifndef SPECTRUM_TRAIN_FORWARD_H
#define SPECTRUM_TRAIN_FORWARD_H

#include "train/pass.h"

/* The embeddings, the first block's input; and from there to the final norm. False: whoever waits
 * for it said that it should end, and what it computed is worth nothing. He is asked between the
 * halves of blocks, and only where one generates: a batch of a training step is short. */
void forward_embed(const struct pass *pass);
bool forward_blocks(const struct pass *pass);

/* Computes a block once more, as far as its backward pass needs: from its input to gate and up, and
 * A of its last layer's adapter. */
void forward_recompute(const struct pass *pass, int layer);

/* Adds the loss; with `backward` also the gradients of the head and of its input. */
void forward_head_loss(const struct pass *pass, bool backward);

#endif
