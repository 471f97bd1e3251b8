/* Plans as files: ours (the reference's YAML, and JSON) and what other tools take; and, before one is
 * written, whether it means in its target what it says: does it train anything there, and are its
 * names those of the loaded model?
 *
 * The two belong together because what a list means is its reader's to say: an empty one trains
 * everything in Axolotl and nothing elsewhere, PEFT's takes linear layers alone, and transformers
 * has other names for some tensors than their file. Who writes a plan asks first:
 *
 *     plan_check_target -> plan_put -> the file
 */
#ifndef SPECTRUM_PLAN_PLAN_WRITE_H
#define SPECTRUM_PLAN_PLAN_WRITE_H

#include "base/json_writer.h"
#include "plan/plan.h"

enum plan_format {
    PLAN_YAML,     /* spectrum.py's: "unfrozen_parameters:", plain module names by type */
    PLAN_JSON,     /* {"format": "spectrum.plan", "train": ["<tensor>", ...]} */
    PLAN_AXOLOTL,  /* unfrozen_parameters, anchored; Axolotl escapes the dots itself */
    PLAN_TRL,      /* anchored, dots escaped: the recipe's reader uses re.match as it stands */
    PLAN_PEFT,     /* target_modules with full names */
    PLAN_MS_SWIFT, /* command-line arguments */
};

/* Their names by the enum, a NULL ends them; and who reads each, for messages. */
extern const char *const plan_format_names[];
extern const char *const plan_format_tools[];

/* 0, or ERROR_USAGE with the list; "llama-factory" is refused with the reason. */
int plan_format_by_name(enum plan_format *out, const char *name, struct error *err);

/* Appends the file's text. Forms that list tensors (all but YAML and PEFT) name a module's bias
 * where the scan says that it has one; where it does not say (scan_model.known is false), they take
 * all that begins with the module's name, as the reference's form does. `source` (the scan's or
 * model's path) goes into the comments. */
void plan_put(struct buffer *out, const struct plan *plan, enum plan_format format,
              const char *source);

/* The same under the names of the model's own file, whatever the loaded model calls its tensors:
 * those that transformers 4 has for many a mixture of experts. */
void plan_put_file_names(struct buffer *out, const struct plan *plan, enum plan_format format,
                         const char *source);

/* How many tensors the reader of a format trains by it; of PEFT's, beside how many stands an adapter.
 * Of a published scan, which does not say what its modules have, how many names there are. */
size_t plan_tensor_count(const struct plan *plan, enum plan_format format, bool file_names);

/* How many of the plan's names are others in the model's file. */
size_t plan_renamed(const struct plan *plan);

/* Adds "train", the list of all tensors that train, to an object that is open. */
void plan_put_tensors(struct json_writer *json, const struct plan *plan);

/* --- the target --- */

/* 0 if a plan of this format trains in its target what it names, as far as that is known. Refused
 * in every format: one that trains nothing there, or, as Axolotl has it with an empty list,
 * everything; and, unless `file_names` asks for the names of the file, those that transformers is
 * known to give to no tensor once the model is loaded, and a tensor of the loaded model of which a
 * part alone would train. Where the target matches patterns, a name that would mean more than
 * itself, too. */
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
    size_t experts; /* of the tensors those that hold several experts */
};
struct plan_loss plan_lost_in_peft(const struct plan *plan);

#endif
