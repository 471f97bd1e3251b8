#include "tracker/formats.h"

#include "base/folder.h"

#include <stdlib.h>

/* In the order in which they are preferred where one run has several. */
static const struct tracker_format formats[] = {
    {.tool = "LLaMA-Factory",
     .alone = true,
     .knows = json_lines_are_llama_factory,
     .open = json_lines_open,
     .to_end = json_lines_to_end,
     .read = json_lines_read,
     .close = free},
    {.tool = "ms-swift",
     .alone = true,
     .knows = json_lines_are_swift,
     .open = json_lines_open,
     .to_end = json_lines_to_end,
     .read = json_lines_read,
     .close = free},
    {.tool = "TensorBoard",
     .knows = tensorboard_is,
     .folder = path_folder,
     .open = tensorboard_open,
     .read = tensorboard_read,
     .close = tensorboard_close},
    {.tool = "trackio",
     .knows = trackio_is,
     .runs = trackio_runs,
     .open = trackio_open,
     .to_end = trackio_to_end,
     .read = trackio_read,
     .close = trackio_close},
    {.tool = "W&B",
     .alone = true,
     .knows = wandb_is,
     .open = wandb_open,
     .read = wandb_read,
     .close = wandb_close},
    {.tool = "JSON lines",
     .alone = true,
     .knows = json_lines_are_steps,
     .open = json_lines_open,
     .to_end = json_lines_to_end,
     .read = json_lines_read,
     .close = free},
    {.tool = "Hugging Face Trainer",
     .at_saves = true,
     .knows = trainer_state_is,
     .folder = trainer_state_folder,
     .open = trainer_state_open,
     .read = trainer_state_read,
     .close = free},
};

const struct tracker_format *tracker_formats(size_t *count)
{
    *count = sizeof formats / sizeof *formats;
    return formats;
}
