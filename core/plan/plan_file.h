/* Plan files: ours (the reference's YAML, and JSON) and what other tools take (REFERENCE.md 3). */
#ifndef SPECTRUM_PLAN_PLAN_FILE_H
#define SPECTRUM_PLAN_PLAN_FILE_H

#include "plan/plan.h"

/* Bytes of a plan that is read: a million names of any length that a tensor's may have. */
enum { PLAN_FILE_MAX = 1 << 30 };

enum plan_format {
    PLAN_YAML,     /* spectrum.py's: "unfrozen_parameters:", plain module names by type */
    PLAN_JSON,     /* {"format": "spectrum.plan", "train": ["<tensor>", ...]} */
    PLAN_AXOLOTL,  /* unfrozen_parameters, anchored; Axolotl escapes the dots itself */
    PLAN_TRL,      /* anchored, dots escaped: the recipe's reader uses re.match as it stands */
    PLAN_PEFT,     /* target_modules with full names */
    PLAN_MS_SWIFT, /* command-line arguments */
};

/* Their names by the enum; a NULL ends them. */
extern const char *const plan_format_names[];
/* 0, or ERROR_USAGE with the list; "llama-factory" is refused with the reason. */
int plan_format_by_name(enum plan_format *out, const char *name, struct error *err);

/* Appends the file's text. Forms that list tensors (all but YAML and PEFT) name a module's bias
 * where the scan says that it has one; where it does not say (scan_model.known is false), they take
 * all that begins with the module's name, as the reference's form does. `source` (the scan's or
 * model's path) goes into the comments. */
void plan_put(struct buffer *out, const struct plan *plan, enum plan_format format,
              const char *source);

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

/* Sets the plan to what a YAML or JSON plan file of ours says, as one step of undo. A name is
 * exact,
 * "^name$" and "name.weight" too; a name that matches nothing is an error that names it. */
int plan_read(struct plan *plan, const char *path, struct error *err);

/* Is it a plan file, by its whole form and whatever model it is for? */
bool plan_is_file(const char *path);

/* A plan as it is kept between two openings of a model: a JSON plan that says besides over how many
 * rows it was made, and what selected it, if that was a percentage with nothing done by hand since:
 * read back, it is selected again, by the scores that are known then. One that trains nothing is
 * kept, too. For as many rows as the file says alone; one step of undo. */
void plan_put_kept(struct buffer *out, const struct plan *plan, const char *source);
int plan_read_kept(struct plan *plan, const char *path, struct error *err);

#endif
