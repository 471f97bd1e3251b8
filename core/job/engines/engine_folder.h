/* The folder of a run that another engine trains: written once, by a start, and all that the engine
 * needs from then on, on whatever machine.
 *
 *     engine.json           what the script reads (docs/formats.md)
 *     rows.safetensors      the data (engine_rows.h)
 *     adapters.safetensors  what A of each adapter begins with, as in this program's trainer
 *     train.py              the script (engine_script.h); of Axolotl spectrum_engine.py, its plug-in
 *     deepspeed.json, axolotl.yml
 *                           the engine's own configuration
 *     launch.sh             starts it, or is what sbatch is given (engine_command.h, engine_slurm.h)
 *     requirements.txt, README.md
 *     control/              where people and the worker ask the script to stop or to save
 *
 * The model is named by its whole path, not copied. */
#ifndef SPECTRUM_JOB_ENGINES_ENGINE_FOLDER_H
#define SPECTRUM_JOB_ENGINES_ENGINE_FOLDER_H

#include "job/training/training.h"

/* Writes it into the run's folder, where plan.yaml is already. Of `python`, a whole path, launch.sh has
 * the name. Refused is what the engine cannot have: a model that transformers loads from no folder,
 * an option of sbatch that would break the start. */
int engine_folder_write(const struct training_parts *parts, const char *python, struct error *err);

#endif
