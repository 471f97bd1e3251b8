/* "MODEL | RUN" on a command line: a checkpoint, or a run's base with what the run has trained so
 * far. Evaluation, generation, export and looks at texts open either in the same way.
 *
 *     source_open() -> source_tokenizer(), source_transformer() ... -> source_close()
 *
 * What a run is, is in three places, and they must agree: job.json (the base, what its texts depend
 * on), the state that was chosen (weights, adapters, the fingerprints of the base), and the base
 * itself. A state is read whole or not at all: one that is not as it was written (state_check()),
 * that belongs to other weights, or that has NaN or Inf, is refused by name. All strings of a
 * struct source are its own; recipe.adapted and recipe.quantized are, too. */
#ifndef SPECTRUM_JOB_SOURCE_H
#define SPECTRUM_JOB_SOURCE_H

#include "text/generation.h"
#include "train/state.h"
#include "train/transformer.h"

struct source {
    struct model *model;
    char *run;   /* its folder; NULL: a plain model */
    char *state; /* the state folder that was chosen; NULL: a plain model */
    bool bf16; /* the run's storage; a plain model's is fp32 where its config.json says so, and else
                  what is fast here */
    int64_t step;                     /* of the state; -1: a plain model */
    struct evaluated evaluated, best; /* the last evaluation up to there, and the best */
    int64_t seq_len;                  /* tokens of the run's rows; 0: a plain model */
    struct checkpoint *weights;       /* what the run trained; NULL: a plain model */
    struct recipe recipe;             /* the run's adapters, for evaluation: nothing trains */
    char tokenizer[HASH_TEXT_SIZE];   /* what the run began with; "": a plain model, or not known */
    /* the run's --template (of a FILE.jinja the run's copy), --columns and --mark; NULL: it had
     * none, or a plain model */
    char *template_name, *columns, *mark;
    char *date;          /* that its template writes as today's; NULL: none, or a plain model */
    cJSON *added_tokens; /* added_tokens.h; NULL: none */
    enum long_documents how_long; /* the run's --long */
    const struct work_watch
        *work; /* the opener's to set: is told what source_transformer() reads */
};

/* Opens either: of a run the state that is meant, and of a path RUN/checkpoints/step-00000100 that
 * one. A run without a checkpoint is an error, and so is a choice where there is none. */
int source_open(struct source *out, const char *path, const struct state_choice *choice,
                struct error *err);
void source_close(struct source *source);

/* Is it a job's folder, or a checkpoint of one, and so no model? Where that cannot be told, opening
 * it says why. */
bool source_is_run(const char *path);

/* A run for its texts alone: base, added tokens, template, columns, mark, without a checkpoint, of
 * which there need be none yet; `step` is -1, and nothing can be computed with it. 1: it is open;
 * 0: the path is not a run; -1. */
int source_open_texts(struct source *out, const char *path, struct error *err);

/* Its tokenizer; of a run, which must be the one that it began with. Nothing else opens it. */
int source_tokenizer(struct tokenizer **out, const struct source *source, struct error *err);

/* What ends a text of it: of a plain model what its files say, of a run that and what
 * end_tokens_of_run() adds. */
int source_end_tokens(struct end_tokens *out, const struct source *source,
                      const struct tokenizer *tokenizer, struct error *err);

/* Whether it computes with bf16 weights under this `dtype`. */
bool source_is_bf16(const struct source *source, enum weight_type dtype);

/* A transformer for evaluation and generation, with the run's weights in place. */
int source_transformer(struct transformer **out, const struct source *source,
                       struct backend *backend, int64_t tokens, int64_t max_positions,
                       enum weight_type dtype, bool generation, struct error *err);

#endif
