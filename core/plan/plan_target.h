/* Does a plan mean in its target what it says: does it train anything there, and are its names
 * those of the loaded model? */
#ifndef SPECTRUM_PLAN_PLAN_TARGET_H
#define SPECTRUM_PLAN_PLAN_TARGET_H

#include "plan/plan_write.h"

/* 0 if a plan of this format trains in its target what it names, as far as that is known. Refused
 * in every format: one that trains nothing there, or, as Axolotl has it with an empty list,
 * everything; and names
 * that transformers is known to give to no tensor once the model is loaded, unless `file_names`
 * asks for the file's all the same. */
int plan_check_target(const struct plan *plan, enum plan_format format, bool file_names,
                      struct error *err);

/* The line that plan_check_target() refuses names with; false: no such name is known. A published
 * scan's names are as its maker's transformers had them, so they are not refused for it. */
bool plan_say_misnamed(const struct plan *plan, char *out, size_t size);

/* What a plan trains and its PEFT form does not: biases, and tensors that no adapter can stand
 * beside.
 */
struct plan_loss {
    size_t biases, tensors;
};
struct plan_loss plan_lost_in_peft(const struct plan *plan);

#endif
