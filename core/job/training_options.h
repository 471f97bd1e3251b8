/* What a training run is asked for: the flat request, and the one table of its options.
 *
 * The table serves `spectrum train`, its --help, the form of the full screen, job.json, the man
 * page and shell completion (base/option.h says how a row is read). A request is born of
 * training_request_init(), filled by option_set(), completed by training_request_fill(), and freed
 * by training_request_free(); a run then reads it and changes nothing in it. What is wrong with it
 * is said by training_check_together() (options that do not go together, as they were typed) and
 * training_check() (each value by itself).
 *
 * To add an option: a member of the request, its row in training_options.c, and the line that uses
 * the member.
 */
#ifndef SPECTRUM_JOB_TRAINING_OPTIONS_H
#define SPECTRUM_JOB_TRAINING_OPTIONS_H

#include "base/option.h"
#include "compute/backend.h"
#include "job/engine.h"
#include "job/method.h"
#include "spectra/score.h"
#include "text/dataset/dataset.h"
#include "train/recipe.h"
#include "train/state.h"
#include "train/step_rules.h"

/* The order of each is that of its names in the table. */
enum master_type { MASTERS_FP32, MASTERS_NONE };
/* How the linear layers of the blocks are kept that do not train; AUTO: as the method has it. */
enum frozen_type { FROZEN_AUTO, FROZEN_AS_READ, FROZEN_INT8, FROZEN_NF4 };

struct training_request {
    struct option_given given; /* by the rows of training_options */
    const char *model, *run;

    enum engine engine;        /* who trains; for the others than this program: */
    int64_t processes, nodes;  /* processes of each node */
    bool slurm, offload;       /* submitted to Slurm; states in the host's memory */
    struct option_list sbatch; /* options of its batch script, "--time=1:00:00" */
    const char *python;        /* that has the engine; NULL: engines/python.h chooses */

    struct option_list data;            /* files and folders; at least one */
    struct option_numbers data_weights; /* one for each, see text/packing.h; none: 1 each */
    struct dataset_options format;      /* of training and evaluation data; without a date */
    bool add_tokens;                    /* marks of the template that are not tokens become some */
    const char *long_documents;         /* text/pieces.h; NULL: by kind */

    struct state_choice start; /* of a run in the place of the model: which checkpoint */
    bool init;                 /* random weights from the model folder's config.json */
    const char *rope_scaling; /* "linear:4": in place of the model's own (model/model.h); or NULL */
    enum training_method method;
    const char *plan;             /* a plan file; NULL: the best `top` per cent by SNR */
    double top;                   /* per cent */
    const char *select;           /* "last:4": a control in its place (plan/control.h); or NULL */
    enum empty_noise empty_noise; /* of the scan that `top` needs */
    int64_t reselect;             /* steps between choices, with `top`; 0: one choice for the run */
    bool no_embeddings, no_head;  /* with `top` and `select` */
    int64_t rank;                 /* of adapters */
    double alpha;                 /* 0: twice the rank */

    int64_t steps; /* optimiser steps of the whole run; 0: as many as `epochs` need */
    double epochs;
    int64_t seq_len, batch, accumulate;
    double rate;   /* the peak learning rate; 0: training_default_rate() */
    double warmup; /* steps, or below 1 a share of them */
    enum schedule_kind schedule;
    double least_rate; /* that the schedule falls to */
    double clip;       /* largest gradient norm; 0: any */
    double weight_decay;
    struct option_list factors; /* "REGEX=X": of the learning rate */
    double neftune, z_loss, spike_guard;
    enum optimizer_kind optimizer;
    struct optimizer_constants constants; /* 0: as usual for the optimiser, if it has that one */

    enum weight_type dtype;
    enum master_type master;
    enum frozen_type frozen;
    uint64_t memory_limit; /* bytes; 0: none */

    struct option_list eval_data; /* files and folders; none: a share of the training documents */
    double eval_split;            /* that share; 0: no evaluation */
    int64_t eval_every;           /* in steps; 0: at the end only */
    const char *sample;           /* the samples' prompt; NULL: the beginning of a document */
    int64_t sample_tokens;        /* 0: no samples */
    const char *log;              /* "tensorboard,csv" (tracker/writers.h); NULL: none */
    int64_t save_every;           /* in steps; 0: at the end only */
    int64_t keep;                 /* checkpoints that stay, besides the best */

    int64_t seed;
    const char *device;
    int64_t threads; /* 0: all cores */

    struct option_list after;          /* jobs that are to complete first (job_after.h) */
    const char *config;                /* a file that the command line was made of (run_config.h) */
    bool trusted;                      /* that file may be somebody else's */
    bool dry_run, probe, detach, json; /* how the command runs, not what */

    int64_t from_step; /* for a resume: the checkpoint to continue from; 0: the last */
    struct {
        int64_t steps; /* for a resume: beyond that checkpoint, where the run then ends; 0: to the
                          end that the run has */
        double rate;   /* that it begins with; 0: of the last step before it */
        enum schedule_kind schedule;
    } more;
    const char *program; /* its version, for job.json */
    int argc;            /* for job.json, so that the job can be resumed */
    char *const *argv;
};

extern const struct option_table training_options;
/* What --device proposes to whoever trains or computes text; a NULL ends them. */
extern const char *const training_device_names[];

/* The row of a member: TRAINING_OPTION(seq_len); with its number: TRAINING_ROW(). */
#define TRAINING_ROW(member)                                                                       \
    option_by_place(&training_options, offsetof(struct training_request, member))
#define TRAINING_OPTION(member) (&training_options.rows[TRAINING_ROW(member)])

/* Does the request make anything of the row: of one that says so (option.applies), and, where another
 * engine trains, of one that is not this program's alone? */
bool training_row_counts(size_t row, const struct training_request *request);

/* Does the row say how the command runs, and so nothing of the run? */
bool training_row_is_of_command(size_t row);

/* The defaults, and nothing of what follows from others yet. */
void training_request_init(struct training_request *request);
void training_request_free(struct training_request *request);

/* What is usual for method and optimiser where nothing was said: learning rate, the optimiser's
 * constants, alpha, --frozen-dtype auto. */
void training_request_fill(struct training_request *request);
/* 2e-4 with adapters, else 2e-5; of Lion a tenth. */
double training_default_rate(const struct training_request *request);
const char *training_default_rate_text(const struct training_request *request);

/* An option that would do nothing beside the others, or that contradicts one: ERROR_USAGE. */
int training_check_together(const struct training_request *request, struct error *err);

/* Has the run its own copy of the file that --template names? */
bool training_has_template(const struct training_request *request);

/* When values are checked: before there is a folder, for which files must be there; at the start
 * of a run, which has its folder; at a resume, which has the run's copies of files, too. */
enum training_stage { TRAINING_ASKED, TRAINING_STARTS, TRAINING_RESUMES };

/* 0 where every value makes sense by itself; else an error, mostly ERROR_USAGE. */
int training_check(const struct training_request *request, enum training_stage stage,
                   struct error *err);

#endif
