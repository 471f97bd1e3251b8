/* The table of scores: a scan's results, for every matrix of a model, as computed by spectra/ or
 * read from a file.
 *
 * It lies in model/ because three sides share it: spectra fills it, plan selects from it, screens
 * show it.
 *
 *     scan_for_model (score_rows.h: nothing known yet) or scan_read (score_read.h: from a file)
 *         -> scan_find, scan_say -> scan_put_file, scan_put_json -> scan_free
 */
#ifndef SPECTRUM_MODEL_SCORE_TABLE_H
#define SPECTRUM_MODEL_SCORE_TABLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan_row {
    char *module; /* without ".weight" */
    char *type;
    bool known;                     /* false: not computed yet; snr and reason are not valid */
    double snr;                     /* +inf: empty noise set; NaN: the matrix has NaN or Inf */
    char reason[64];                /* why snr is NaN: "NaN at row 3, column 7"; "": not known */
    char dtype[16];                 /* "": not known */
    int64_t rows, cols, parameters; /* parameters 0: none of the three is known */
    /* with a described scan only: the elements of the module's bias (0: it has none, or the bias is
     * a row of its own), and whether the tensor is called just as the module, without ".weight" */
    int64_t bias;
    bool bare;
    bool begins; /* names of other tensors than its weight and bias begin with the module's, too */
    /* the tensor's name in the model's file, where that is another; the loaded model's tensor that
     * it is a part of, together with others, or several with "|" between them that it becomes, and
     * how many tensors of the file make that one (family.h). NULL: it is one, under its own name.
     * */
    char *file, *loaded;
    int64_t loaded_parts;
    /* of a row that is one of several matrices in one tensor, which train or freeze together: that
     * tensor's full name and its values, NULL and 0 for others; `bias` and `bare` are the tensor's
     * then, too */
    char *tensor;
    int64_t tensor_parameters;
    /* of an expert's row, in a tensor of its own or not: its type without the expert's number, and
     * that number; NULL: it is none */
    char *expert_type;
    int64_t expert;
    bool detailed;                      /* false: nothing below is valid */
    double sigma_max, sigma, threshold; /* S[0], sigma, tau: spectra/score.h */
    int64_t signal_count, noise_count;
    double null_snr;            /* what iid noise of this shape scores; NaN: not known */
    bool degenerate;            /* the score is decided by a handful of values, or by rounding */
    char degenerate_reason[32]; /* "only 3 noise values", ...; "": not known */
    /* the calibrated estimators and their null model; NaN: not known */
    double snr_mp, null_snr_mp, snr_gavish_donoho, null_snr_gavish_donoho;
    /* spectra/score.h has the formulas; NaN: not known */
    double frobenius, stable_rank, effective_rank;
    double spike_edge; /* values above it are not noise; NaN: not known */
    int64_t spikes;    /* how many there are; -1: not known */
};

/* How the model's tensors are called here, beside what transformers calls them once loaded. */
enum scan_names {
    NAMES_STANDARD,   /* transformers': the architecture or its family is known */
    NAMES_FILE,       /* those of the file; the architecture is not known here */
    NAMES_MULTIMODAL, /* the same, of a model of several towers: transformers renames many of them
                       */
    NAMES_GGUF,       /* llama.cpp's own */
    NAMES_COUNT
};

/* As scan files have them. */
#define SCAN_NAMES                                                                                 \
    {                                                                                              \
        "standard", "file", "multimodal", "gguf"                                                   \
    }

/* An embedding or a head: what plans switch, whether rows cover it or not. */
struct scan_end {
    char *tensor; /* its full name */
    char *file;   /* what the model's file calls it, where that is something else; or NULL */
    bool head;
    int64_t parameters;
};

/* Tensors that look like weights and have no row: how many, why, and the first of them. */
struct scan_omission {
    char reason[96];
    char *first;
    int64_t count, parameters; /* parameters 0: not known */
};

/* What a plan must know of the model beside the rows, so that it is the same from a file as from
 * the model. A published scan has none of it: `known` is false then, and all else empty. */
struct scan_model {
    bool known;
    bool said;             /* by a file, known or not */
    char architecture[48]; /* config.json's model_type or GGUF's; "": it does not say */
    enum scan_names names;
    bool tied;          /* the head is the embedding */
    int64_t parameters; /* of all tensors, tied ones once */
    int64_t tensors;    /* of the loaded model; 0: not known */
    struct scan_end *ends;
    size_t end_count;
    struct scan_omission *omissions;
    size_t omission_count;
};

struct scan {
    struct scan_row *rows; /* a file's in its order, a model's in the order of its computation */
    size_t count;
    char *model;          /* name or path; NULL: not known */
    char fingerprint[33]; /* "" : not known */
    char files[33];       /* checkpoint_identity() when it was made; "": of a file, or not known */
    char estimator[24];   /* "reference", "mp", "gavish-donoho" */
    char empty_noise[12]; /* "infinity" or "one"; "": the file does not say */
    bool from_file;       /* its scores are what they are: no option makes them others */
    struct scan_model of;
};

enum { SCAN_ROWS_MAX = 1 << 20 };

void scan_free(struct scan *scan);
void scan_model_clear(struct scan_model *of);

/* Row of a module name (with or without ".weight"); NULL where there is none. */
const struct scan_row *scan_find(const struct scan *scan, const char *module);

/* Finds whose expert a row is, by its type: of a part of a stack `expert` is which, -1: none; of a
 * row of its own, "experts.<number>." in it says. */
int scan_row_find_expert(struct scan_row *row, int64_t expert, struct error *err);

/* How much of the model its rows cover, in parameters. */
struct scan_share {
    bool known;     /* false: a published scan, which does not say what else there is */
    int64_t total;  /* of the model, tied tensors once */
    int64_t scored; /* in rows with a score, or that have yet to get one */
    int64_t failed; /* in rows whose score is NaN */
    int64_t ends;   /* in embeddings and heads that are no row */
    int64_t omitted, omitted_tensors; /* in what is listed as left out */
    int64_t rest;                     /* in all else: norms, biases and other vectors */
};
struct scan_share scan_share(const struct scan *scan);

/* The n-th line that a scan has to say of itself, from 0: which tensors it left out and why, which
 * share of the parameters has a score, and how many scores are of an empty noise set. False: there
 * are no more. Whatever shows or uses a scan says them all. */
enum { SCAN_LINE_MAX = 480 };
bool scan_say(const struct scan *scan, size_t n, char *out, size_t size);

struct buffer;
struct json_writer;

/* As text: the file form (modules at top level, bare Infinity allowed) and the strict --json form.
 */
void scan_put_file(struct buffer *out, const struct scan *scan);
void scan_put_json(struct buffer *out, const struct scan *scan);

/* One row's members, in the object that is open: a scan job reports a row at a time. */
void scan_put_row(struct json_writer *json, const struct scan_row *row);

#endif
